"""What a search finds: hits with their words and places, grouped by recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from desktop.search_query import Plan
from desktop.sentences import QT_TRANSLATE_NOOP, Sentence

_SNIPPET = 240  # characters


class Kind(StrEnum):
    """Where the words of a hit are."""

    LINE = QT_TRANSLATE_NOOP("core", "said")
    TRANSLATION = QT_TRANSLATE_NOOP("core", "translation")
    TITLE = QT_TRANSLATE_NOOP("core", "title")
    TAG = QT_TRANSLATE_NOOP("core", "tag")
    PERSON = QT_TRANSLATE_NOOP("core", "person")
    PLACE = QT_TRANSLATE_NOOP("core", "place")
    NOTES = QT_TRANSLATE_NOOP("core", "notes on the recording")
    SUMMARY = QT_TRANSLATE_NOOP("core", "summary")
    QUOTE = QT_TRANSLATE_NOOP("core", "quote")
    NOTE = QT_TRANSLATE_NOOP("core", "note")
    ANSWER = QT_TRANSLATE_NOOP("core", "answer")


OF_THE_WHOLE = frozenset((Kind.TITLE, Kind.TAG, Kind.PERSON, Kind.PLACE, Kind.NOTES, Kind.SUMMARY))


@dataclass(frozen=True)
class Hit:
    """A place with the words around what was found; `marked` are the stretches of `words` that were found.

    Ids are 0 where there is none; what is about the whole recording, and an answer without receipts, is at its
    beginning.
    """

    kind: Kind
    recording_id: int
    words: str
    marked: tuple[tuple[int, int], ...] = ()
    start: float = 0.0
    end: float = 0.0
    transcript_id: int = 0
    segment_id: int = 0
    speaker: str = ""

    @property
    def has_time(self) -> bool:
        """Whether it is about a moment, and not about the whole recording."""
        return self.end > 0 or self.start > 0 or not (self.kind in OF_THE_WHOLE or self.kind is Kind.ANSWER)


@dataclass(frozen=True)
class Group:
    """A recording with its hits; `day` is when it was recorded, as far as that is known, or imported."""

    recording_id: int
    title: str
    day: str  # ISO 8601
    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class Found:
    """The hits so far. `before` asks for the next ones; 0: these are all.

    Few are ranked: the recording that fits best comes first, else the newest.
    """

    groups: tuple[Group, ...] = ()
    notes: tuple[Sentence, ...] = ()
    before: int = 0
    plan: Plan = field(default_factory=Plan)
    is_ranked: bool = False

    @property
    def count(self) -> int:
        """How many hits."""
        return sum(len(group.hits) for group in self.groups)


def snippet(text: str, spans: Sequence[tuple[int, int]]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The text around the first span, on one line, and the spans in it."""
    if len(text) <= _SNIPPET:
        return text.replace("\n", " ").replace("\t", " "), tuple(spans)
    first = spans[0][0] if spans else 0
    begin = max(0, min(first - _SNIPPET // 4, len(text) - _SNIPPET))
    if begin and (blank := text.find(" ", begin, first)) >= 0:
        begin = blank + 1
    end = min(len(text), begin + _SNIPPET)
    if end < len(text) and (blank := text.rfind(" ", max(begin, first) + 1, end)) > 0:
        end = blank
    lead = "… " if begin else ""
    words = lead + text[begin:end].replace("\n", " ").replace("\t", " ") + (" …" if end < len(text) else "")
    shift = len(lead) - begin
    return words, tuple((b + shift, min(e, end) + shift) for b, e in spans if begin <= b < end)
