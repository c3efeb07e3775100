"""Transcripts to read: plain text and Markdown."""

from __future__ import annotations

import re

from desktop.exports.lines import one_line
from desktop.model import Segment, TranscriptDocument, clock

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~&-])")


def plain(document: TranscriptDocument) -> str:
    """Title and summary, then a line for each segment with time and speaker; what is no such line is indented."""
    lines = [document.recording.title, ""]
    if document.transcript.summary:
        lines += [f"    {one_line(document.transcript.summary)}", ""]
    for segment in document.segments:
        name = document.speaker_name(segment)
        head = f"[{clock(segment.start)}] {name}: " if name else f"[{clock(segment.start)}] "
        lines.append(head + one_line(segment.text) + _emotion(segment))
        if segment.translation:
            lines.append(f"    {one_line(segment.translation)}")
    return "\n".join([*lines, *_missing(document), ""])


def markdown(document: TranscriptDocument) -> str:
    """The same as Markdown; everything from the recording is escaped."""
    lines = [f"# {_escaped(document.recording.title)}", ""]
    if document.transcript.summary:
        lines += [_escaped(document.transcript.summary), ""]
    for segment in document.segments:
        name = document.speaker_name(segment)
        speaker = f" **{_escaped(name)}:**" if name else ""
        lines.append(f"`{clock(segment.start)}`{speaker} {_escaped(one_line(segment.text) + _emotion(segment))}")
        if segment.translation:
            lines += ["", f"> {_escaped(segment.translation)}"]
        lines.append("")
    return "\n".join([*lines, *(_escaped(line) for line in _missing(document)), ""]).rstrip("\n") + "\n"


def _emotion(segment: Segment) -> str:
    return f" (machine's opinion: {segment.emotion})" if segment.emotion else ""


def _missing(document: TranscriptDocument) -> list[str]:
    return [f"(Not transcribed: {clock(gap.start)} to {clock(gap.end)})" for gap in document.transcript.missing]


def _escaped(text: str) -> str:
    escaped = _MARKDOWN.sub(r"\\\1", one_line(text))
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", escaped)  # "1. " would start a list
