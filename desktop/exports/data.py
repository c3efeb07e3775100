"""Transcripts for programs: JSON, version 1, and tables. Times are seconds from the start; unknown is null or empty."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from desktop.cleaning import clean_name, clean_text
from desktop.exports.lines import language_tag, one_line
from desktop.exports.options import Options
from desktop.exports.turns import speaker
from desktop.model import Segment, TranscriptDocument

_STARTS_FORMULA = "=+-@＝＋－＠\t\r"


def json_document(document: TranscriptDocument, options: Options) -> bytes:
    """The whole transcript; ASCII-safe, so that no reader trips over control characters."""
    recording, transcript = document.recording, document.transcript
    return (json.dumps({
        "pullquote": 1,
        "recording": {"title": clean_name(recording.title), "duration": round(recording.duration, 3),
                      "sha256": recording.sha256},
        "engine": {"name": transcript.engine, "model": transcript.model},
        "summary": _text(transcript.summary) or None,
        "speakers": [{"id": item.id, "name": clean_name(item.name)} for item in document.speakers.values()],
        "segments": [_segment(document, segment) for segment in document.segments],
        "missing": [[round(gap.start, 3), round(gap.end, 3)] for gap in transcript.missing],
    }, indent=1) + "\n").encode()


def _segment(document: TranscriptDocument, segment: Segment) -> dict[str, Any]:
    return {
        "start": round(segment.start, 3), "end": round(segment.end, 3),
        "speaker": speaker(document, segment) or None, "text": _text(segment.text),
        "language": segment.language or None, "translation": _text(segment.translation) or None,
        "emotion": _text(segment.emotion) or None, "flags": list(segment.flags),
        "words": [{"text": _text(w.text), "start": round(w.start, 3), "end": round(w.end, 3)} for w in segment.words],
    }


def _text(text: str) -> str:
    return clean_text(text, len(text))


def csv_table(document: TranscriptDocument, options: Options) -> bytes:
    """A row for each segment, as spreadsheets like it: with a mark of its encoding, and no cell is a formula."""
    return table(*_rows(document, options))


def tsv_table(document: TranscriptDocument, options: Options) -> bytes:
    """The same between tabs, without the mark, as programs like it."""
    return _written(*_rows(document, options), dialect="excel-tab", end="\n").encode()


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Rows of text as CSV for spreadsheets."""
    return b"\xef\xbb\xbf" + _written(head, rows, dialect="excel", end="\r\n").encode()


def _written(head: Sequence[str], rows: Iterable[Sequence[str]], *, dialect: str, end: str) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, dialect=dialect, lineterminator=end)
    writer.writerow(head)
    writer.writerows([cell(text) for text in row] for row in rows)
    return buffer.getvalue()


def cell(text: str) -> str:
    """One line that no spreadsheet takes for a formula, also behind characters that are not seen."""
    text = one_line(text)
    seen = next((c for c in text if unicodedata.category(c) != "Cf"), "")
    return f"'{text}" if seen and seen in _STARTS_FORMULA else text


def time(seconds: float) -> str:
    """00:12:03.250"""
    minutes, milliseconds = divmod(round(max(0.0, seconds) * 1000), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


def _rows(document: TranscriptDocument, options: Options) -> tuple[list[str], list[list[str]]]:
    """Only the columns that are wanted; those of translations and emotions when there are any."""
    segments = document.segments
    columns: dict[str, list[str]] = {}
    if options.timecodes:
        columns["start"] = [time(segment.start) for segment in segments]
        columns["end"] = [time(segment.end) for segment in segments]
    if options.speakers:
        columns["speaker"] = [speaker(document, segment) for segment in segments]
    if options.language:
        columns["language"] = [language_tag(segment.language) for segment in segments]
    columns["text"] = [segment.text for segment in segments]
    if any(segment.translation for segment in segments):
        columns["translation"] = [segment.translation for segment in segments]
    if options.emotions:
        columns["emotion (machine's opinion)"] = [segment.emotion for segment in segments]
    return list(columns), [list(row) for row in zip(*columns.values(), strict=True)]
