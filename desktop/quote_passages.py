"""What a draft quotes and what a transcript says: both as words with their places, to be shown beside each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from desktop.model import TimeRange
from desktop.quote_index import Index, Source, Spoken, Stream, Vocabulary
from desktop.quote_words import placed_words
from desktop.withholding import word_spans

Span = tuple[int, int]
_LETTER = re.compile(r"\[(\w)\](?=\w)")  # [W]e: only the case was changed
_GAP = re.compile(r"[\w’']*\[[^\[\]]{0,300}\][\w’']*|\(\s*(?:…|\.\s?\.\s?\.)\s*\)|…|\.{3,}|\.(?: \.){2,}")
_DOTS = re.compile(r"[\[(\s]*(?:…|[.\s]{3,})[\])\s]*")


@dataclass(frozen=True)
class Difference:
    """Words that differ; what is empty on one side has no words there. The places are (begin, end) in the texts."""

    kind: str  # "missing" (said, not written), "added" (written, not said), "changed"
    written: str
    said: str
    written_at: Span
    said_at: Span


@dataclass(frozen=True)
class WordAt:
    """A word by its number in the vocabulary, and its place in a text."""

    id: int
    begin: int
    end: int


@dataclass(frozen=True)
class Piece:
    """Words of a quotation without a gap in them; `gap` is what stands before them, if anything does."""

    words: tuple[WordAt, ...]
    gap: Span | None = None
    is_after_editor: bool = False  # the gap is [words of the editor]

    @property
    def ids(self) -> list[int]:
        return [word.id for word in self.words]


@dataclass(frozen=True)
class Written:
    """A quotation as pieces around its gaps. `is_marked`: something was left out or put in, and it says so."""

    text: str
    pieces: tuple[Piece, ...]
    is_marked: bool

    @property
    def words(self) -> list[WordAt]:
        return [word for piece in self.pieces for word in piece.words]

    @property
    def ids(self) -> list[int]:
        return [word.id for word in self.words]

    def text_of(self, number: int) -> str:
        word = self.words[number]
        return self.text[word.begin:word.end]


def written(text: str, vocabulary: Vocabulary) -> Written:
    """A quotation taken apart at …, (…), […] and [words of the editor]."""
    plain = _LETTER.sub("\u2060\\1\u2060", text)  # keeps every place
    placed = placed_words(_GAP.sub(lambda gap: "\n" * len(gap[0]), plain))
    words = [WordAt(i, begin, end) for i, (_, begin, end) in zip(vocabulary.asked(w for w, _, _ in placed), placed,
                                                                  strict=True)]
    gaps = list(_GAP.finditer(plain))
    bounds = [0, *(gap.start() for gap in gaps), len(text) + 1]
    pieces: list[Piece] = []
    is_marked, pending, by_editor = False, None, False
    for number, (begin, end) in enumerate(pairwise(bounds)):
        if number:
            gap = gaps[number - 1]
            edited = _DOTS.fullmatch(gap[0]) is None
            pending = (pending[0] if pending else gap.start(), gap.end())
            by_editor = edited if pending[0] == gap.start() else by_editor and edited
            is_marked = is_marked or gap[0] not in ("…", "...") or not pieces
        inside = tuple(word for word in words if begin <= word.begin < end)
        if inside:
            pieces.append(Piece(inside, pending, by_editor))
            pending, by_editor = None, False
    return Written(text, tuple(pieces), is_marked or pending is not None)


@dataclass(frozen=True)
class Passage:
    """A stretch of a transcript."""

    text: str
    words: tuple[WordAt, ...]  # with their places in the text
    places: tuple[int, ...]  # of the words in the stream
    lines: tuple[int, ...]
    range: TimeRange
    segment_ids: tuple[int, ...]
    speakers: tuple[str, ...]  # in the order in which they speak; "" for one without a name
    source: Source

    @classmethod
    def of(cls, index: Index, stream: Stream, begin: int, end: int, *, voice: bool = False) -> Passage:
        """The words from `begin` to before `end`; with `voice` only those of who says the first."""
        lines = [line for line in range(stream.line_of(begin), stream.line_of(end - 1) + 1)
                 if not voice or index.voice(line) == index.voice(stream.line_of(begin))]
        is_translation = stream is index.translated
        text, words, places, kept, times = "", [], [], [], []
        for line in lines:
            spoken = index.lines[line]
            whole = spoken.translation if is_translation else spoken.text
            first = int(stream.line_starts[line])
            everything = placed_words(whole)
            placed = [(first + n, b, e) for n, (_, b, e) in enumerate(everything) if begin <= first + n < end]
            if not placed:
                continue
            text += " " if text else ""
            opening = 0 if placed[0][0] == first else placed[0][1]  # a whole line keeps its marks at both ends
            shift = len(text) - opening
            text += whole[opening:None if placed[-1][0] == first + len(everything) - 1 else placed[-1][2]]
            words += [WordAt(int(stream.ids[at]), b + shift, e + shift) for at, b, e in placed]
            places += [at for at, _, _ in placed]
            kept.append(line)
            times.append(_times(index, spoken, None if is_translation else (placed[0][1], placed[-1][2])))
        start = times[0].start
        return cls(text, tuple(words), tuple(places), tuple(kept), TimeRange(start, max(start, times[-1].end)),
                   tuple(index.lines[line].id for line in kept), _names(index, kept),
                   index.sources[index.lines[kept[0]].document])

    def text_of(self, number: int) -> str:
        word = self.words[number]
        return self.text[word.begin:word.end]

    def left_out(self, draft: Written, pieces: Sequence[Span]) -> tuple[Difference, ...]:
        """What was said where the quotation has gaps."""
        number = {place: n for n, place in enumerate(self.places)}
        found = []
        for piece, (_, last), (begin, _) in zip(draft.pieces[1:], pieces, pieces[1:], strict=False):
            between = [self.words[number[at]] for at in range(last, begin) if at in number]
            if between and piece.gap is not None:
                at = between[0].begin, between[-1].end
                mark = draft.text[slice(*piece.gap)]
                found.append(Difference("changed" if piece.is_after_editor else "missing", mark, self.text[slice(*at)],
                                        piece.gap, at))
        return tuple(found)

    def differences(self, draft: Written, changes: Iterable[tuple[int, int, int, int]]) -> tuple[Difference, ...]:
        """Stretches of words (a to b of the draft, c to d of the passage) as differences; neighbours are one."""
        merged: list[tuple[int, int, int, int]] = []
        for a, b, c, d in changes:
            if merged and merged[-1][1] == a and merged[-1][3] == c:
                a, _, c, _ = merged.pop()
            merged.append((a, b, c, d))
        return tuple(self._difference(draft, *change) for change in merged)

    def _difference(self, draft: Written, a: int, b: int, c: int, d: int) -> Difference:
        mine, theirs = _span(draft.words, a, b), _span(self.words, c, d)
        kind = "changed" if b > a and d > c else "added" if b > a else "missing"
        return Difference(kind, draft.text[slice(*mine)], self.text[slice(*theirs)], mine, theirs)


def _span(words: Sequence[WordAt], first: int, last: int) -> Span:
    """Where words stand in their text; an empty place, after the word before, when there are none."""
    if last > first:
        return words[first].begin, words[last - 1].end
    at = words[first - 1].end if first else 0
    return at, at


def _times(index: Index, spoken: Spoken, part: Span | None) -> TimeRange:
    """When a part of a line is said; the time of the whole line when its words have no times."""
    whole = TimeRange(spoken.start, spoken.end)
    words = index.words(spoken) if part is not None else ()
    spans = word_spans(spoken.text, words) if words else None
    if spans is None or part is None:
        return whole
    inside = [n for n, (begin, end) in enumerate(spans) if begin < part[1] and end > part[0]]
    return TimeRange(words[inside[0]].start, words[inside[-1]].end) if inside else whole


def _names(index: Index, lines: Iterable[int]) -> tuple[str, ...]:
    names: dict[int, str] = {}
    for line in lines:
        speaker = index.speaker(line)
        names.setdefault(index.voice(line), speaker.name if speaker else "")
    return tuple(names.values())
