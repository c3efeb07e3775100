"""Transcripts that others have made, laid onto a recording: SubRip, WebVTT, SBV, our JSON, JSON of speech tools, otr.

Nothing in such a file is believed: it is read as text, fetched from nowhere and shown as nothing but text. Subtitles
are parted by webvtt-py; times and what is damaged are looked at here before, because it passes over a cue that it
cannot read, and words would be lost. (pysubs2 takes two times in a line of speech for a new cue, drops a number that
ends the last one, and needs minutes for a file of blank lines.)
"""

from __future__ import annotations

import html
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import webvtt

from desktop.cleaning import clean_name, clean_text
from desktop.errors import UserError
from desktop.fitting import TOLERANCE
from desktop.library import Library
from desktop.model import JobState, Part, Recording, RecordingState, Segment, TimeRange, Word
from desktop.otranscribe import paragraphs
from desktop.sentences import QT_TRANSLATE_NOOP
from desktop.transcript_lines import Line, named, placed, unsure

ENGINE = "imported"  # of transcripts that came from a file; their model is the kind of file
SUFFIXES = ("srt", "vtt", "json", "otr", "sbv")
LARGEST = 50_000_000  # bytes
MOST_SEGMENTS = 200_000
_MOST_WORDS = 2_000_000
_MOST_PIECES = 6_000_000  # of JSON: objects and lists
_MOST_FLAGS = 10
_LATEST = 1e9  # seconds; more than this is no time

_NOTHING = QT_TRANSLATE_NOOP("core", "There are no words in this file. Choose another.")
_UNKNOWN = QT_TRANSLATE_NOOP("core", "This is not a transcript that Pullquote can read. It reads SubRip (srt), WebVTT "
                             "(vtt), YouTube's sbv, oTranscribe (otr), and JSON of its own or of common speech tools.")
_DAMAGED = QT_TRANSLATE_NOOP("core", "The file is damaged at line {number}. Repair that line in a text editor, or save "
                             "the transcript once more in the program it came from.")
_DAMAGED_ENTRY = QT_TRANSLATE_NOOP("core", "The file is damaged: its segment {number} has no text. Save the transcript "
                                   "once more in the program it came from.")
_UNREADABLE = QT_TRANSLATE_NOOP("core", "The file is damaged and cannot be read as JSON. Save the transcript once more "
                                "in the program it came from.")
_TOO_LARGE = QT_TRANSLATE_NOOP("core", "The file is too large for a transcript. Pullquote reads up to 50 MB and "
                               "200,000 lines; part it first.")
_TIMELESS = QT_TRANSLATE_NOOP("core", "There are no times in this file, so its lines cannot be put beside the sound. "
                              "Save it with timestamps.")
_NEWER = QT_TRANSLATE_NOOP("core", "This file was written by a newer Pullquote. Install the newer program to read it.")


@dataclass(frozen=True)
class Imported:
    """What a file says: (speaker's name or "", segment) in the order of time, which may reach past the recording."""

    kind: str  # one of SUFFIXES
    segments: tuple[tuple[str, Segment], ...]
    summary: str = ""
    missing: tuple[TimeRange, ...] = ()

    @property
    def language(self) -> str:
        """The language that most lines name, "" when none does."""
        named = Counter(segment.language for _, segment in self.segments if segment.language)
        return named.most_common(1)[0][0] if named else ""


def read(path: Path) -> Imported:
    """Read a file by what is in it, whatever it is called. UserError when there is nothing in it to use."""
    text = _decoded(_bytes(path))
    head = text[:4000].lstrip()
    if head.startswith(("{", "[")):
        return _json(text)
    kind = "vtt" if head.startswith("WEBVTT") else "sbv" if _SBV.match(head) else "srt"
    if kind == "srt" and "-->" not in text:
        raise UserError(_UNKNOWN if head else _NOTHING)
    return _imported(kind, named(_cues(text, kind)))


def add(library: Library, recording: Recording, path: Path) -> int:
    """Enter what a file says as a new transcript of the recording; gives its id. UserError, LibraryError.

    Times past the end of the recording are moved to its end and marked.
    """
    if recording.state is not RecordingState.READY:
        raise UserError("This recording is still being prepared. Import the transcript when its waveform is there.")
    imported = read(path)
    if library.desk(recording.id).withheld:  # nobody knows which of it the summary tells
        imported = replace(imported, summary="")
    reach = recording.reach
    lines = [(name, _within(segment, reach)) for name, segment in imported.segments]
    whole = TimeRange(0.0, recording.duration or max(segment.end for _, segment in lines))
    transcript_id = _new_transcript(library, recording, imported, whole)
    try:
        library.add_segments(transcript_id, lines)
    except BaseException:
        library.remove_transcript(transcript_id)
        raise
    return transcript_id


def _new_transcript(library: Library, recording: Recording, imported: Imported, whole: TimeRange) -> int:
    """What the file says was never heard is kept as a finished job has it: parts that are not stored."""
    gaps = [gap for item in imported.missing if (gap := item.clamped(whole.end)).seconds > 0]
    if not gaps:
        return library.add_transcript(recording.id, engine=ENGINE, model=imported.kind, time_range=whole,
                                      summary=imported.summary).id
    job = library.add_job(recording.id, engine=ENGINE, model=imported.kind, options={}, time_range=whole,
                          parts=[Part(number, gap.start, gap.end) for number, gap in enumerate(gaps)])
    library.set_job_state(job.id, JobState.DONE)
    library.annotate(job.transcript_id, (), imported.summary)
    return job.transcript_id


def _within(segment: Segment, duration: float) -> Segment:
    """The segment inside the recording, marked when its times had to be moved far."""
    range_ = TimeRange(segment.start, segment.end).clamped(duration)
    if range_ == TimeRange(segment.start, segment.end):
        return segment
    far = segment.start < 0.0 or segment.end > duration + TOLERANCE
    words = tuple(Word(w.text, place.start, place.end) for w in segment.words
                  for place in (TimeRange(w.start, w.end).clamped(duration),))
    return replace(unsure(segment) if far else segment, start=range_.start, end=range_.end, words=words)


# -- bytes and text ------------------------------------------------------------------------------------------


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise UserError("{path} is not a file. Choose a transcript.", path=path)
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise UserError("{path} cannot be read ({reason}).", path=path,
                        reason=getattr(error, "strerror", "") or "unknown") from error
    if len(data) > LARGEST:
        raise UserError(_TOO_LARGE)
    return data


def _decoded(data: bytes) -> str:
    """UTF-8, UTF-16 with a mark or recognised by its zeros, else what Windows writes in the west; lines end in LF."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    elif 3 * data[1:4000:2].count(0) > len(data[1:4000:2]):
        text = data.decode("utf-16-le", "replace")
    elif 3 * data[0:4000:2].count(0) > len(data[0:4000:2]):
        text = data.decode("utf-16-be", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
    return text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


# -- subtitles -----------------------------------------------------------------------------------------------

_TIME = r"(?:([0-9]{1,4}):)?([0-9]{1,3}):([0-9]{1,3})(?:[.,]([0-9]{1,9}))?"
_CUE = re.compile(rf"[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}(?=\s|$)")
_SBV = re.compile(rf"{_TIME},{_TIME}$", re.MULTILINE)
_NEARLY_A_TIME = re.compile(r"[0-9]:[0-9]")
_TAG = re.compile(r"(<[^<>]*>)")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s([^<>]*)>")
_SRT_MARKUP = re.compile(r"</?(?:i|b|u|s|font)(?:\s[^<>]*)?>|\{\\[^{}]*\}", re.IGNORECASE)
_JOINER = re.compile(r"(?<=[<{])\u2060")  # our own export puts it there, so that no player takes words for markup


def _cues(text: str, kind: str) -> list[Line]:
    content = "\n".join(_sound_lines(text, kind))
    try:
        captions = webvtt.from_buffer(io.StringIO(content), format="vtt" if kind == "vtt" else "srt").captions
    except webvtt.errors.MalformedFileError:
        raise UserError(_NOTHING if content else _UNKNOWN) from None
    lines = []
    for caption in captions:
        start, end = caption.start_time.in_milliseconds() / 1000, caption.end_time.in_milliseconds() / 1000
        lines += [Line(start, end, " ".join(said.split()), name) for name, said in _voices(caption.raw_text, kind)]
    return lines


def _sound_lines(text: str, kind: str) -> Iterator[str]:
    """From the first cue on, each time as the library wants it and a number before it.

    UserError for a time that is none, and for too many.
    """
    before, count, has_begun = "", 0, False
    for number, line in enumerate(text.split("\n"), 1):
        match = _SBV.fullmatch(line.strip()) if kind == "sbv" else _CUE.match(line) if "-->" in line else None
        if match is not None:
            count, has_begun = count + 1, True
            if kind != "vtt" and (count == 1 or not before.strip().isdigit()):
                yield "0"
            line = f"{_stamp(match.groups()[:4])} --> {_stamp(match.groups()[4:])}"
        elif "-->" in line:
            if any(_NEARLY_A_TIME.search(side) for side in line.split("-->")[:2]):
                raise UserError(_DAMAGED, number=number)
            line = line.replace("-->", "->")  # somebody's words
        if count > MOST_SEGMENTS:
            raise UserError(_TOO_LARGE)
        before = line
        has_begun = has_begun or (kind == "vtt" and bool(line.strip()))
        if has_begun:
            yield line


def _stamp(groups: Sequence[str | None]) -> str:
    """HH:MM:SS.mmm from hours, minutes, seconds and their fraction, which may be more than 59 or missing."""
    hours, minutes, seconds = (int(group or 0) for group in groups[:3])
    milliseconds = int((groups[3] or "").ljust(3, "0")[:3]) + 1000 * (seconds + 60 * minutes + 3600 * hours)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


def _voices(text: str, kind: str) -> list[tuple[str, str]]:
    """(name, words) for each voice of a cue; names are in WebVTT only, and all other markup falls away."""
    if kind != "vtt":
        return [("", _JOINER.sub("", _SRT_MARKUP.sub("", text)) if kind == "srt" else text.replace("[br]", " "))]
    pieces: list[tuple[str, list[str]]] = [("", [])]
    for token in _TAG.split(text):
        if voice := _VOICE.fullmatch(token):
            pieces.append((html.unescape(voice[1]), []))
        elif token == "</v>":
            pieces.append(("", []))
        elif not _TAG.fullmatch(token):
            pieces[-1][1].append(token)
    return [(name, html.unescape("".join(said))) for name, said in pieces if "".join(said).strip()]


# -- JSON ----------------------------------------------------------------------------------------------------


def _json(text: str) -> Imported:
    if text.count("{") + text.count("[") > _MOST_PIECES:
        raise UserError(_TOO_LARGE)
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(_DAMAGED, number=error.lineno) from None
    except (ValueError, RecursionError):  # a number of thousands of digits; brackets in brackets
        raise UserError(_UNREADABLE) from None
    entries = data.get("segments") if isinstance(data, dict) else data
    if isinstance(data, dict) and not isinstance(entries, list) and isinstance(data.get("text"), str):
        return _imported("otr", named(paragraphs(data["text"])))
    if not isinstance(entries, list):
        raise UserError(_UNKNOWN)
    if len(entries) > MOST_SEGMENTS:
        raise UserError(_TOO_LARGE)
    about: dict[str, Any] = data if isinstance(data, dict) else {}
    version = about.get("pullquote", 1)
    if isinstance(version, int) and version > 1:
        raise UserError(_NEWER)
    language = _text(about.get("language"))
    imported = _imported("json", [_entry(entry, number, language) for number, entry in enumerate(entries, 1)])
    return replace(imported, summary=clean_text(_text(about.get("summary"))), missing=_ranges(about.get("missing")))


def _entry(entry: Any, number: int, language: str) -> Line:
    """A segment of our JSON, or of Whisper and its kin, which say "word" for the text of a word."""
    if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
        raise UserError(_DAMAGED_ENTRY, number=number)
    start, end = _number(entry.get("start")), _number(entry.get("end"))
    flags = tuple(flag for item in _list(entry.get("flags"))[:_MOST_FLAGS] if (flag := clean_name(_text(item))))
    return Line(start, end, entry["text"], _text(entry.get("speaker")), more=Segment(
        0.0, 0.0, "", language=clean_name(_text(entry.get("language")) or language),
        translation=clean_text(_text(entry.get("translation"))), emotion=clean_name(_text(entry.get("emotion"))),
        flags=tuple(dict.fromkeys(flags)), words=tuple(_words(_list(entry.get("words")), start or 0.0))))


def _words(items: Iterable[Any], at: float) -> Iterator[Word]:
    """The words that have a text; one without times has none of its own and stands where the one before ends."""
    for item in items:
        known = item if isinstance(item, dict) else {}
        start, end = _number(known.get("start")), _number(known.get("end"))
        begin = at if start is None else start
        at = max(begin, begin if end is None else end)
        if text := clean_text(_text(known.get("text")) or _text(known.get("word"))):
            yield Word(text, begin, at)


def _ranges(value: Any) -> tuple[TimeRange, ...]:
    pairs = [(_number(item[0]), _number(item[1])) for item in _list(value)[:1000]
             if isinstance(item, list) and len(item) == 2]
    return tuple(TimeRange(max(0.0, start), end) for start, end in pairs
                 if start is not None and end is not None and end > max(0.0, start))


def _number(value: Any) -> float | None:
    """A number that can be a time, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) and abs(value) <= _LATEST else None
    except OverflowError:
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# -- what every kind comes to --------------------------------------------------------------------------------


def _imported(kind: str, lines: Sequence[Line]) -> Imported:
    """UserError when there are no words or no times, or too much."""
    if len(lines) > MOST_SEGMENTS or sum(len(line.more.words) for line in lines) > _MOST_WORDS:
        raise UserError(_TOO_LARGE)
    if all(line.start is None for line in lines if line.text.strip()) and any(line.text.strip() for line in lines):
        raise UserError(_TIMELESS)
    segments = placed(lines)
    if not segments:
        raise UserError(_NOTHING)
    return Imported(kind, segments)
