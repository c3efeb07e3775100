"""Transcripts to read: plain text and Markdown."""

from __future__ import annotations

import re

from desktop.exports.lines import isolated, one_line
from desktop.exports.options import Options
from desktop.exports.turns import Turn, missing, turns
from desktop.model import TranscriptDocument

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~&-])")


def plain(document: TranscriptDocument, options: Options) -> bytes:
    """Title and summary, then a line for each segment with time and speaker; what is no such line is indented."""
    lines = [one_line(document.recording.title), ""]
    if document.transcript.summary:
        lines += [f"    {one_line(document.transcript.summary)}", ""]
    for turn in turns(document, options):
        lines.append(_head(turn, options) + " ".join(filter(None, (isolated(turn.text), turn.opinion))))
        if turn.translation:
            lines.append(f"    {turn.translation}")
    return "\n".join([*lines, *missing(document), ""]).encode()


def _head(turn: Turn, options: Options) -> str:
    """Time and speaker; a line of nobody does not begin like that of somebody."""
    time = f"[{turn.time}] " if turn.time else ""
    name = " ".join(filter(None, (isolated(turn.name), f"({turn.language})" if turn.language else "")))
    if not turn.name:
        name = f"{name} " if name else "— " if options.speakers and not time else ""
        return time + name
    return f"{time}{name}: "


def markdown(document: TranscriptDocument, options: Options) -> bytes:
    """The same as Markdown; everything from the recording is escaped."""
    lines = [f"# {escaped(document.recording.title)}", ""]
    if document.transcript.summary:
        lines += [escaped(document.transcript.summary), ""]
    beside = options.translation == "beside" and any(segment.translation for segment in document.segments)
    lines += _table(turns(document, options)) if beside else _paragraphs(turns(document, options))
    return ("\n".join([*lines, *(escaped(line) for line in missing(document)), ""]).rstrip("\n") + "\n").encode()


def _paragraphs(shown: list[Turn]) -> list[str]:
    lines = []
    for turn in shown:
        lines.append(_spoken(turn))
        if turn.translation:
            lines += ["", f"> {escaped(turn.translation)}"]
        lines.append("")
    return lines


def _table(shown: list[Turn]) -> list[str]:
    rows = [f"| {_spoken(turn)} | {escaped(turn.translation)} |" for turn in shown]
    return ["| As spoken | Translation |", "| --- | --- |", *rows, ""]


def _spoken(turn: Turn) -> str:
    language = f"({turn.language})" if turn.language else ""
    head = " ".join(filter(None, (escaped(isolated(turn.name)), language)))
    parts = (f"`{turn.time}`" if turn.time else "", f"**{head}:**" if turn.name else language,
             escaped(" ".join(filter(None, (isolated(turn.text), turn.opinion)))))
    return " ".join(filter(None, parts))


def escaped(text: str) -> str:
    """Text of a recording as one line of Markdown that is only text."""
    marked = _MARKDOWN.sub(r"\\\1", one_line(text))
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", marked)  # "1. " would start a list
