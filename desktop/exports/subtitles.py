"""Subtitles: SubRip and WebVTT. Text can neither end its cue nor make a new one, and is never taken for markup."""

from __future__ import annotations

import re

from desktop.exports.cues import Cue, cues
from desktop.exports.options import Options
from desktop.exports.turns import speaker
from desktop.model import TranscriptDocument

_LIKE_A_TAG = re.compile(r"(<(?=[A-Za-z/!])|\{)|(\d:\d{1,2})(?=[.,]\d)")  # players leave such words out, or see a time
_ARROW = re.compile("-{2,}>")  # what parts the times of a cue
_JOINER = "\u2060"  # is not seen, and a tag or time with it is none


def srt(document: TranscriptDocument, options: Options) -> bytes:
    """Numbered cues, "Name: text" at the start of each turn."""
    blocks = []
    for number, cue in enumerate(_cues(document, options, prefix=True), 1):
        lines = "\n".join(_LIKE_A_TAG.sub(rf"\1\2{_JOINER}", _ARROW.sub("->", line)) for line in cue.lines)
        blocks.append(f"{number}\n{_times(cue, ',')}\n{lines}\n")
    return "\n".join(blocks).encode()


def vtt(document: TranscriptDocument, options: Options) -> bytes:
    """Cues with a voice tag."""
    blocks = ["WEBVTT\n"]
    for cue in _cues(document, options, prefix=False):
        voice = f"<v {_escaped(cue.name)}>" if cue.name else ""
        blocks.append(f"{_times(cue, '.')}\n{voice}" + "\n".join(_escaped(line) for line in cue.lines) + "\n")
    return "\n".join(blocks).encode()


def _cues(document: TranscriptDocument, options: Options, *, prefix: bool) -> list[Cue]:
    return cues([(speaker(document, segment), segment) for segment in document.segments], options, prefix=prefix)


def _times(cue: Cue, point: str) -> str:
    return f"{_time(cue.start, point)} --> {_time(cue.end, point)}"


def _time(milliseconds: int, point: str) -> str:
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
