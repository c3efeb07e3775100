"""Translating a transcript that is there: only its words are sent, and only those that are asked for.

A line of which something is off the record is not sent at all: a translation belongs to a whole line.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from desktop.engines import Annotations, Wishes
from desktop.errors import UserError
from desktop.library import Library
from desktop.model import Progress, Report, Segment
from desktop.sentences import say
from desktop.withholding import Stretches, whole_lines, without

LINES_AT_ONCE = 80


class Reader(Protocol):
    """What translating needs of an engine (engines/gemini_transcribe.py)."""

    def annotate(self, lines: list[tuple[Segment, str]], wishes: Wishes, report: Report) -> Annotations:
        """Language, translation and emotion of lines."""


def translate(library: Library, transcript_id: int, reader: Reader, language: str, report: Report,
              only: Iterable[int] | None = None) -> int:
    """Translate all lines, or those with the ids in `only`; gives how many have a translation now.

    Each piece is kept at once: a stop loses at most one. Raises UserError, EngineError or Cancelled.
    """
    document = library.document(transcript_id)
    chosen = None if only is None else set(only)
    if not any(chosen is None or s.id in chosen for s in document.segments):
        raise UserError("There are no lines to translate. Make a transcript first, or choose some lines.")
    lines = [(s, name) for s, name in whole_lines(document) if chosen is None or s.id in chosen]
    if not lines:
        raise UserError("Something of each of these lines is off the record, so they were not sent. Choose other "
                        "lines, or take the mark off.")
    count = 0
    for first in range(0, len(lines), LINES_AT_ONCE):
        off = Stretches(library.desk(document.recording.id).off_record)  # it may have been marked since
        piece = [(s, name) for s, name in lines[first:first + LINES_AT_ONCE] if without(s, off) is s]
        if not piece:
            continue
        done = first / len(lines)
        report(Progress(done, say("Translating line {number} of {total}", number=first + 1, total=len(lines))))
        found = reader.annotate(piece, Wishes(translate_to=language, emotion=False),
                                lambda p, done=done: report(Progress(done, p.sentence)))  # type: ignore[misc]
        old = {s.id: s for s, _ in piece}
        library.annotate(transcript_id, [
            (a.segment_id, a.language or old[a.segment_id].language, a.translation, old[a.segment_id].emotion)
            for a in found.lines], "")
        count += sum(bool(a.translation) for a in found.lines)
    library.set_translation_language(transcript_id, language)
    return count
