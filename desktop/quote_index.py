"""All words of released transcripts as numbers in one row, with the places of each word: found in microseconds."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from desktop.model import Progress, Recording, Report, Segment, Speaker, TimeRange, Word, ignore_progress
from desktop.quote_words import key, split_words
from desktop.sentences import say
from desktop.withholding import BACKGROUND, LEFT_OUT, Released

_PARTED = "\x1f"  # no text in the library holds it
_TOUCH = 0.001  # seconds
_MOST_PLACES = 60_000  # of words that are looked at to find what is like a quotation
_FEWEST_WORDS = 4  # that are looked at whatever it costs
Ints = np.ndarray


@dataclass(frozen=True, slots=True)
class Spoken:
    """A segment as the index keeps it: word times packed, or 400 h of them would not fit into memory."""

    document: int
    id: int
    speaker_id: int | None
    start: float
    end: float
    text: str
    translation: str
    flags: tuple[str, ...]
    word_texts: str
    word_times: array[float]

    @property
    def words(self) -> tuple[Word, ...]:
        """Its words with their times; none when they are not known."""
        texts = self.word_texts.split(_PARTED) if self.word_times else ()
        return tuple(Word(text, self.word_times[2 * n], self.word_times[2 * n + 1]) for n, text in enumerate(texts))


@dataclass(frozen=True)
class Source:
    """The transcript that words come from."""

    recording: Recording
    transcript_id: int
    speakers: dict[int, Speaker]


class Vocabulary(dict[str, int]):
    """A number for each word as it is written; the same number for all ways to write it. 0 is a hole."""

    def __init__(self) -> None:
        super().__init__({LEFT_OUT: 0})
        self._by_key: dict[str, int] = {}

    def __missing__(self, written: str) -> int:
        number = self[written] = self._by_key.setdefault(key(written), len(self._by_key) + 1)
        return number

    def asked(self, words: Iterable[str]) -> list[int]:
        """Numbers of words that may be unknown: those get numbers of their own that stand nowhere."""
        unknown: dict[str, int] = {}
        return [self._by_key.get(k) or unknown.setdefault(k, self.size + len(unknown)) for k in map(key, words)]

    @property
    def size(self) -> int:
        return len(self._by_key) + 1


@dataclass
class Stream:
    """Words one after the other, all documents through; places are counted in words.

    A run is a stretch of one voice without a hole: only there words follow one another.
    """

    vocabulary: Vocabulary
    ids: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    line_starts: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    run_starts: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    document_starts: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    _order: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    _first: Ints = field(default_factory=lambda: np.zeros(1, np.int64))

    def seal(self) -> None:
        """Sort the places by word, once everything is in."""
        self._order = np.argsort(self.ids, kind="stable").astype(np.int32)
        counts = np.bincount(self.ids, minlength=self.vocabulary.size)
        self._first = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])

    def count(self, word: int) -> int:
        """How often a word is said."""
        return int(self._first[word + 1] - self._first[word]) if word < len(self._first) - 1 else 0

    def places(self, word: int) -> Ints:
        """Where a word is said, in order."""
        if word >= len(self._first) - 1:
            return self._order[:0]
        return self._order[self._first[word]:self._first[word + 1]]

    def occurrences(self, words: Sequence[int]) -> Ints:
        """Where these words are said one after the other by one voice, in order."""
        if not words or len(words) > len(self.ids):
            return self._order[:0]
        rarest = sorted(range(len(words)), key=lambda n: self.count(words[n]))
        at = self.places(words[rarest[0]]) - rarest[0]
        at = at[(at >= 0) & (at + len(words) <= len(self.ids))]
        for n in rarest[1:]:
            if not len(at):
                return at
            at = at[self.ids[at + n] == words[n]]
        in_one_run: Ints = at[self._run(at) == self._run(at + len(words) - 1)]
        return in_one_run

    def likely(self, words: Sequence[int], most: int) -> list[tuple[int, int]]:
        """Up to `most` stretches (begin, end) that share many rare words with these in about their order."""
        width = max(8, len(words) // 2)
        diagonals, weights, looked_at = [], [], 0
        for number, n in enumerate(sorted(range(len(words)), key=lambda n: self.count(words[n]))):
            places = self.places(words[n])
            looked_at += len(places)
            if number >= _FEWEST_WORDS and looked_at > _MOST_PLACES:
                break
            if len(places):
                diagonals.append((places - n + len(words)) // width)
                weights.append(np.full(len(places), self.weight(words[n])))
        if not diagonals:
            return []
        groups, inverse = np.unique(np.concatenate(diagonals), return_inverse=True)
        votes = np.bincount(inverse, np.concatenate(weights))
        beside = np.zeros_like(votes)
        beside[:-1] = votes[1:] * (groups[1:] == groups[:-1] + 1)
        best = np.argsort(-(votes + beside), kind="stable")[:most]
        return [self._around(int(groups[n]) * width - len(words), width * 2, len(words)) for n in best]

    def weight(self, word: int) -> float:
        """How much a word tells: rare ones more."""
        return float(np.log((len(self.ids) + 2) / (self.count(word) + 1)))

    def line_of(self, place: int) -> int:
        """The number of the line that a word stands in."""
        return int(np.searchsorted(self.line_starts, place, "right")) - 1

    def lines_of(self, places: Ints) -> Ints:
        return np.searchsorted(self.line_starts, places, "right") - 1

    def _run(self, places: Ints) -> Ints:
        return np.searchsorted(self.run_starts, places, "right")

    def is_one_run(self, begin: int, end: int) -> bool:
        """Whether the words from `begin` to before `end` follow one another."""
        ends = self._run(np.array([begin, end - 1]))
        return bool(ends[0] == ends[1])

    def _around(self, begin: int, width: int, length: int) -> tuple[int, int]:
        """A stretch with room for words that were left out, inside of one document."""
        slack = max(12, length // 2)
        middle = min(max(0, begin + width // 2), len(self.ids) - 1)
        document = int(np.searchsorted(self.document_starts, middle, "right")) - 1
        last = int(self.document_starts[document + 1]) if document + 1 < len(self.document_starts) else len(self.ids)
        return max(int(self.document_starts[document]), begin - slack), min(last, begin + width + length + slack)


class Index:
    """What was said in some transcripts, and its translation. Made on a worker; `check` only reads it."""

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self.lines: list[Spoken] = []
        self.vocabulary = Vocabulary()
        self.said, self.translated = Stream(self.vocabulary), Stream(self.vocabulary)
        self.voices = np.zeros(0, np.int32)
        self._words: Callable[[int], Sequence[Word]] | None = None

    @classmethod
    def build(cls, documents: Iterable[Released], report: Report = ignore_progress, total: int = 0,
              words: Callable[[int], Sequence[Word]] | None = None) -> Index:
        """Read the documents one after the other; the first ones count more. `total`: how many there will be.

        `words` gives those of a segment by its id, for documents that were read without them.
        """
        index = cls()
        index._words = words
        filling = _Filling(index)
        for number, document in enumerate(documents):
            report(Progress(min(1.0, number / total) if total else 0.0, say(
                "Reading transcript {number}: {title}", number=number + 1, title=document.recording.title)))
            filling.add(document)
        report(Progress(1.0, say("Sorting the words")))
        filling.finish()
        return index

    def words(self, spoken: Spoken) -> Sequence[Word]:
        """The words of a line with their times; none when they are not known."""
        return spoken.words or (self._words(spoken.id) if self._words is not None else ())

    def voice(self, line: int) -> int:
        """A number that lines have in common when one person says them, as far as is known."""
        return int(self.voices[line])

    def speaker(self, line: int) -> Speaker | None:
        spoken = self.lines[line]
        return self.sources[spoken.document].speakers.get(spoken.speaker_id or 0)


class _Row:
    """A stream that is being filled."""

    def __init__(self) -> None:
        self.ids, self.lines, self.runs, self.documents = array("i"), array("i"), array("i"), array("i")

    def add(self, ids: Sequence[int], is_new_run: bool) -> None:
        begin = len(self.ids)
        self.lines.append(begin)
        if is_new_run:
            self.runs.append(begin)
        self.ids.extend(ids)
        if 0 in ids:
            for n, word in enumerate(ids):
                if word == 0:
                    self.runs.extend((begin + n, begin + n + 1))

    def give(self, stream: Stream) -> None:
        stream.ids, stream.line_starts, stream.run_starts, stream.document_starts = (
            np.array(row, np.int32) for row in (self.ids, self.lines, self.runs, self.documents))
        stream.seal()


class _Filling:
    def __init__(self, index: Index) -> None:
        self._index = index
        self._said, self._translated = _Row(), _Row()
        self._voices = array("i")
        self._known: dict[tuple[int, int], int] = {}

    def add(self, document: Released) -> None:
        index, number = self._index, len(self._index.sources)
        index.sources.append(Source(document.recording, document.transcript.id, document.speakers))
        nobody = all(segment.speaker_id is None for segment in document.segments)
        self._said.documents.append(len(self._said.ids))
        self._translated.documents.append(len(self._translated.ids))
        last: Segment | None = None
        get = index.vocabulary.__getitem__
        for segment in document.segments:
            voice = self._voice(number, segment, nobody)
            is_new = last is None or voice != self._voices[-1] or _is_hole(last, segment, document.transcript.missing)
            index.lines.append(_packed(number, segment))
            self._voices.append(voice)
            self._said.add(list(map(get, split_words(segment.text))), is_new)
            self._translated.add(list(map(get, split_words(segment.translation))) if segment.translation else [],
                                 is_new or last is None or not last.translation)
            last = segment

    def _voice(self, number: int, segment: Segment, nobody: bool) -> int:
        """Background has no voice that could go on in the next line, and neither has a line of an unknown speaker."""
        if segment.speaker_id is not None:
            return self._known.setdefault((number, segment.speaker_id), len(self._known))
        if nobody and BACKGROUND not in segment.flags:
            return self._known.setdefault((number, 0), len(self._known))
        return self._known.setdefault((-1, len(self._voices)), len(self._known))

    def finish(self) -> None:
        self._index.voices = np.array(self._voices, np.int32)
        self._said.give(self._index.said)
        self._translated.give(self._index.translated)


def _is_hole(last: Segment, segment: Segment, missing: Iterable[TimeRange]) -> bool:
    """Whether something is not there between two lines."""
    return any(gap.start < segment.start + _TOUCH and gap.end > last.end - _TOUCH for gap in missing)


def _packed(document: int, segment: Segment) -> Spoken:
    times = array("d")
    for word in segment.words:
        times.append(word.start)
        times.append(word.end)
    return Spoken(document, segment.id, segment.speaker_id, segment.start, segment.end, segment.text,
                  segment.translation, segment.flags, _PARTED.join([word.text for word in segment.words]), times)
