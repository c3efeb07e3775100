"""Translating a transcript that is there: only its words are sent, and only those that are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from desktop.engines import Annotations, Wishes
from desktop.errors import UserError
from desktop.library import Library
from desktop.model import Progress, Report, Segment
from desktop.sentences import say

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
    segments = [s for s in document.segments if chosen is None or s.id in chosen]
    if not segments:
        raise UserError("There are no lines to translate. Make a transcript first, or choose some lines.")
    count = 0
    for first in range(0, len(segments), LINES_AT_ONCE):
        piece = segments[first:first + LINES_AT_ONCE]
        done = first / len(segments)
        report(Progress(done, say("Translating line {number} of {total}", number=first + 1, total=len(segments))))
        found = reader.annotate([(s, document.speaker_name(s)) for s in piece],
                                Wishes(translate_to=language, emotion=False),
                                lambda p, done=done: report(Progress(done, p.sentence)))  # type: ignore[misc]
        old = {s.id: s for s in piece}
        library.annotate(transcript_id, [
            (a.segment_id, a.language or old[a.segment_id].language, a.translation, old[a.segment_id].emotion)
            for a in found.lines], "")
        count += sum(bool(a.translation) for a in found.lines)
    library.set_translation_language(transcript_id, language)
    return count
