"""Subtitles: SubRip and WebVTT. Text can neither end its cue nor make a new one."""

from __future__ import annotations

from desktop.exports.lines import one_line
from desktop.model import Segment, TranscriptDocument


def srt(document: TranscriptDocument) -> str:
    """One numbered cue per segment, "Name: text"."""
    cues = []
    for number, segment in enumerate(document.segments, 1):
        name = document.speaker_name(segment)
        text = one_line(f"{name}: {segment.text}" if name else segment.text).replace("-->", "->")
        cues.append(f"{number}\n{_time(segment.start, ',')} --> {_time(_end(segment), ',')}\n{text}\n")
    return "\n".join(cues)


def vtt(document: TranscriptDocument) -> str:
    """One cue per segment with a voice tag."""
    cues = ["WEBVTT\n"]
    for segment in document.segments:
        name = _escaped(document.speaker_name(segment)).replace("\n", " ")
        voice = f"<v {name}>" if name else ""
        cues.append(f"{_time(segment.start, '.')} --> {_time(_end(segment), '.')}\n{voice}{_escaped(segment.text)}\n")
    return "\n".join(cues)


def _end(segment: Segment) -> float:
    return max(segment.end, segment.start + 0.001)  # players drop cues without length


def _time(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"


def _escaped(text: str) -> str:
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
