"""What in a transcript should be listened to before anybody quotes from it, line by line, and how far that has got."""

from __future__ import annotations

import difflib
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from desktop.audio.peaks import Peaks
from desktop.doubts import LOW_COVERAGE, MUCH_MISSING, NO_VOICE, speech
from desktop.fitting import TIME_UNSURE
from desktop.model import (
    SPEAKER_UNSURE,
    Progress,
    Report,
    Segment,
    TimeRange,
    TranscriptDocument,
    ignore_progress,
)
from desktop.review_words import (
    CAPITAL_MONTHS,
    ELISION,
    IN_RUNS,
    LOGOGRAMS,
    NO_NAMES,
    ONLY_WITH_NE,
    SHORT_NE,
    SHORTENED,
    TITLES,
    WITHOUT_CAPITAL_NAMES,
    is_negation,
    is_number_word,
    language_key,
)
from desktop.sentences import QT_TRANSLATE_NOOP, say
from desktop.transcription import REPEATED

Span = tuple[int, int]  # begin and end in the text of a segment


class Kind(StrEnum):
    """Why a line should be listened to; the value says it to people."""

    NUMBERS = QT_TRANSLATE_NOOP("core", "A number, date or amount")
    NAMES = QT_TRANSLATE_NOOP("core", "A name")
    NEGATIONS = QT_TRANSLATE_NOOP("core", "A “not” that turns the sense")
    COVERAGE = QT_TRANSLATE_NOOP("core", "Words and sound do not fit")
    TIME = QT_TRANSLATE_NOOP("core", "The time is unsure")
    SPEAKER = QT_TRANSLATE_NOOP("core", "It is unsure who speaks")
    DISAGREEMENT = QT_TRANSLATE_NOOP("core", "Two hearings differ")


ALL_KINDS = frozenset(Kind)
_BY_FLAG = {NO_VOICE: Kind.COVERAGE, MUCH_MISSING: Kind.COVERAGE, REPEATED: Kind.COVERAGE, TIME_UNSURE: Kind.TIME,
            SPEAKER_UNSURE: Kind.SPEAKER}
_HARDLY_ANY = 2.0  # seconds of speech that say nothing about coverage
_REACH = 3.0  # seconds by which two hearings may time a word differently
_SAID_EACH = 200  # lines between two reports


@dataclass(frozen=True)
class Doubt:
    """A line to listen to: why, and which places of its text are the reason."""

    segment_id: int
    kinds: tuple[Kind, ...]  # in the order of `Kind`
    words: tuple[Span, ...] = ()  # rising, apart from each other


@dataclass(frozen=True)
class Review:
    """Where a review stands: the doubts in the order of time, and the segments that were heard and found right."""

    doubts: tuple[Doubt, ...]
    checked: frozenset[int] = field(default=frozenset())

    @property
    def left(self) -> int:
        """How many are still to be listened to."""
        return sum(doubt.segment_id not in self.checked for doubt in self.doubts)

    def next_after(self, index: int) -> int | None:
        """The number of the next doubt to listen to behind number `index` (-1: from the start), then from the start.

        None when all are done.
        """
        count = len(self.doubts)
        return next((n % count for n in range(index + 1, index + 1 + count)
                     if self.doubts[n % count].segment_id not in self.checked), None)


def review(document: TranscriptDocument, doubts: Iterable[Doubt]) -> Review:
    """Where the review of these doubts stands: what is checked is kept with each segment."""
    return Review(tuple(doubts), frozenset(segment.id for segment in document.segments if segment.checked))


def doubtful(document: TranscriptDocument, peaks: Peaks | None = None, gaps: Sequence[TimeRange] = (), *,
             terms: Iterable[str] = (), differences: Mapping[int, Sequence[Span]] | None = None,
             kinds: Collection[Kind] = ALL_KINDS) -> list[Doubt]:
    """The lines that deserve to be listened to, in the order of time; those that are checked already, too.

    `gaps` are those of doubts.speech_without_text, `terms` the vocabulary, `differences` what `disagreements` gave.
    """
    segments = sorted(document.segments, key=lambda segment: segment.start)
    left_out = _left_out(segments, document.transcript.range, peaks, gaps) if peaks is not None and gaps else set()
    words = _Words(document, tuple(terms))
    found: list[list[tuple[Kind, Span | None]]] = []
    for segment in segments:
        reasons: list[tuple[Kind, Span | None]] = [(_BY_FLAG[flag], None) for flag in segment.flags if flag in _BY_FLAG]
        if segment.id in left_out:
            reasons.append((Kind.COVERAGE, None))
        reasons += [(Kind.DISAGREEMENT, span) for span in (differences or {}).get(segment.id, ())]
        reasons += words.of(segment, len(found))
        found.append(reasons)
    for number, span in words.at_beginnings():
        found[number].append((Kind.NAMES, span))
    doubts = [_doubt(segment, reasons, kinds) for segment, reasons in zip(segments, found, strict=True)]
    return [doubt for doubt in doubts if doubt.kinds]


def _doubt(segment: Segment, reasons: Sequence[tuple[Kind, Span | None]], kinds: Collection[Kind]) -> Doubt:
    wanted = [reason for reason in reasons if reason[0] in kinds]
    named = {kind for kind, _ in wanted}
    return Doubt(segment.id, tuple(kind for kind in Kind if kind in named),
                 _apart(span for _, span in wanted if span is not None))


def _apart(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Rising; those that overlap become one."""
    result: list[Span] = []
    for begin, end in sorted(spans):
        if result and begin < result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((begin, end))
    return tuple(result)


# -- words ---------------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"[€$£¥]?\w[\w\u0300-\u036f]*(?:['’.,:/-]\w[\w\u0300-\u036f]*)*[%‰€$£¥]?")
_POSSESSIVE = re.compile(r"['’]s?$")
_SENTENCE_END = re.compile(r"[.!?…。！？:\n]")


@dataclass(frozen=True)
class _Traits:
    """What a word is, wherever it stands. Spans are inside the word."""

    reasons: tuple[tuple[Kind, Span], ...]
    is_capital: bool
    is_known: bool  # a term, or part of a speaker's name
    name: str  # without "l'" before it or "'s" behind
    at: int = 0  # where the name begins


class _Words:
    """Looks at each different word once: an interview of hours has few of them."""

    def __init__(self, document: TranscriptDocument, terms: Sequence[str]) -> None:
        names = [speaker.name for speaker in document.speakers.values()]
        self._exact = {part for name in (*names, *terms) for part in _TOKEN.findall(name)
                       if len(part) > 1 and part[0].isupper() and part != "Speaker"}
        self._any_case = {_folded(term) for term in terms if len(term) > 4 or not term[:1].isupper()}
        self._runs = [name for name in (*names, *terms) if len(name) > 1 and LOGOGRAMS.search(name)]
        self._main = _main_language(document.segments)
        self._traits: dict[str, dict[str, _Traits]] = {}
        self._inside: set[str] = set()  # names that stood inside a sentence
        self._beginnings: list[tuple[int, Span, str]] = []

    def of(self, segment: Segment, number: int) -> Iterator[tuple[Kind, Span]]:
        """Numbers, names and negations in a line; `number` is that under which it comes back from `at_beginnings`."""
        text, language = segment.text, language_key(segment.language) or self._main
        traits_of = self._traits.setdefault(language, {})
        has_ne: bool | None = None
        last, before, is_name = 0, "", False
        for match in _TOKEN.finditer(text):
            word = match.group()
            traits = traits_of.get(word)
            if traits is None:
                traits = traits_of[word] = self._look(word, language)
            begin, end = match.span()
            for kind, (first, stop) in traits.reasons:
                yield kind, (begin + first, begin + stop)
            if language == "fr" and word.casefold() in ONLY_WITH_NE:
                has_ne = _has_ne(text) if has_ne is None else has_ne
                if has_ne:
                    yield Kind.NEGATIONS, (begin, end)
            is_name = traits.is_known or (traits.is_capital and _is_name(text[last:begin], before, is_name, language))
            if is_name:
                self._inside.add(traits.name)
                yield Kind.NAMES, (begin + traits.at, end)
            elif traits.is_capital and language not in WITHOUT_CAPITAL_NAMES:
                self._beginnings.append((number, (begin + traits.at, end), traits.name))
            last, before = end, word

    def at_beginnings(self) -> Iterator[tuple[int, Span]]:
        """(number of the line, span) of names at the beginning of a sentence: they stood inside another, too."""
        common = {word for traits in self._traits.values() for word in traits if word.islower()}
        for number, span, word in self._beginnings:
            if word in self._inside and word.casefold() not in common:
                yield number, span

    def _look(self, word: str, language: str) -> _Traits:
        elision = ELISION.match(word) if language in ("fr", "it") else None
        at = elision.end() if elision else 0
        name = _POSSESSIVE.sub("", word[at:]) or word[at:]
        folded = _folded(word[at:])
        reasons: list[tuple[Kind, Span]] = []
        if LOGOGRAMS.search(word):
            reasons = [*_in_run(word), *((Kind.NAMES, span) for term in self._runs for span in _places(term, word))]
        elif any(c.isdigit() for c in word) or is_number_word(folded, language) or (
                word in CAPITAL_MONTHS and language in ("en", "")):
            reasons.append((Kind.NUMBERS, (0, len(word))))
        elif is_negation(_folded(word), language) or is_negation(folded, language):
            reasons.append((Kind.NEGATIONS, (0, len(word))))
        is_capital = word[at].isupper() and word not in NO_NAMES and not reasons
        return _Traits(tuple(reasons), is_capital, name in self._exact or _folded(name) in self._any_case, name, at)


def _is_name(between: str, before: str, was_name: bool, language: str) -> bool:
    """Whether a capital is that of a name, not of a sentence or a noun: by the word before and what is between."""
    if language not in WITHOUT_CAPITAL_NAMES:
        return bool(before) and (not _SENTENCE_END.search(between) or before.casefold() in SHORTENED)
    return language == "de" and (before in TITLES or (was_name and between.isspace()))


def _folded(word: str) -> str:
    return unicodedata.normalize("NFC", word).casefold()


def _in_run(word: str) -> Iterator[tuple[Kind, Span]]:
    for match in re.finditer(r"[0-9０-９][0-9０-９.,:]*", word):
        yield Kind.NUMBERS, match.span()
    for match in IN_RUNS["number"].finditer(word):
        yield Kind.NUMBERS, match.span()
    for match in IN_RUNS["negation"].finditer(word):
        yield Kind.NEGATIONS, match.span()


def _places(term: str, word: str) -> Iterator[Span]:
    return (match.span() for match in re.finditer(re.escape(term), word))


def _has_ne(text: str) -> bool:
    """French: whether a negation has begun."""
    return any(word == "ne" or word.startswith(SHORT_NE) for word in (w.casefold() for w in _TOKEN.findall(text)))


def _main_language(segments: Iterable[Segment]) -> str:
    """Of the lines that name one; the others are taken to be in it."""
    named = Counter(segment.language for segment in segments if segment.language)
    return language_key(named.most_common(1)[0][0]) if named else ""


# -- sound that no line covers -------------------------------------------------------------------------------


def _left_out(segments: Sequence[Segment], whole: TimeRange, peaks: Peaks, gaps: Sequence[TimeRange]) -> set[int]:
    """Ids of the lines of which, up to the next one, less of the speech is written than LOW_COVERAGE."""
    if not segments:
        return set()
    stretches = speech(peaks, whole)
    times = [time for stretch in stretches for time in (stretch.start, stretch.end)]
    spoken = np.concatenate([[0.0], np.cumsum([stretch.seconds for stretch in stretches])])
    heard = np.repeat(spoken, 2)[1:-1]  # seconds of speech up to each of the times

    def speech_in(start: float, end: float) -> float:
        return float(np.diff(np.interp([start, end], times, heard))[0]) if times else 0.0

    starts = [segment.start for segment in segments]
    lost: defaultdict[int, float] = defaultdict(float)
    for gap in gaps:
        lost[max(0, bisect_right(starts, gap.start) - 1)] += speech_in(gap.start, gap.end)
    result = set()
    for number, seconds in lost.items():
        begin = starts[number] if number else min(whole.start, starts[0])
        end = starts[number + 1] if number + 1 < len(starts) else whole.end
        all_ = speech_in(begin, end)
        if all_ >= _HARDLY_ANY and 1.0 - seconds / all_ < LOW_COVERAGE:
            result.add(segments[number].id)
    return result


# -- two hearings --------------------------------------------------------------------------------------------

_PLAIN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+(?:['’][^\W_]+)*")


def disagreements(document: TranscriptDocument, other: TranscriptDocument,
                  report: Report = ignore_progress) -> dict[int, tuple[Span, ...]]:
    """Segment id to the places where another transcript of the same recording has other words; case does not count.

    Where the other one has words more, the words around them are named. Lines outside what the other one covers are
    left out. `report` may raise Cancelled.
    """
    theirs = _timed_words(other)
    times = [time for time, _ in theirs]
    result: dict[int, tuple[Span, ...]] = {}
    for number, segment in enumerate(document.segments):
        if number % _SAID_EACH == 0:
            report(Progress(number / len(document.segments), say("Comparing the two hearings")))
        mine = _plain_words(segment.text)
        if not mine or not _was_heard(segment, other):
            continue
        first = bisect_left(times, segment.start - _REACH)
        last = bisect_right(times, segment.end + _REACH)
        if spans := _different(mine, [word for _, word in theirs[first:last]]):
            result[segment.id] = spans
    return result


def _was_heard(segment: Segment, other: TranscriptDocument) -> bool:
    """Whether the whole line lies in what the other transcript covers."""
    covered = other.transcript.range
    return covered.start <= segment.start and segment.end <= covered.end + _REACH and not any(
        gap.start < segment.end and gap.end > segment.start for gap in other.transcript.missing)


def _plain_words(text: str) -> list[tuple[str, Span]]:
    return [(match.group().casefold().replace("’", "").replace("'", ""), match.span())
            for match in _PLAIN.finditer(text)]


def _timed_words(document: TranscriptDocument) -> list[tuple[float, str]]:
    """(time of its middle, word) in the order of time; a word without a time has its share of its segment's."""
    result: list[tuple[float, str]] = []
    for segment in document.segments:
        words = _plain_words(segment.text)
        own = [(w.start + w.end) / 2 for w in segment.words for _ in _PLAIN.findall(w.text)]
        if len(own) != len(words):
            step = (segment.end - segment.start) / max(1, len(words))
            own = [segment.start + (n + 0.5) * step for n in range(len(words))]
        result += [(time, word) for time, (word, _) in zip(own, words, strict=True)]
    return sorted(result, key=lambda item: item[0])


def _different(mine: Sequence[tuple[str, Span]], theirs: Sequence[str]) -> tuple[Span, ...]:
    """Spans of my words that the others do not have, and of those between which they have more.

    `theirs` begins before my line and ends behind it: what lies outside my first and last word proves nothing.
    """
    words = [word for word, _ in mine]
    if f" {' '.join(words)} " in f" {' '.join(theirs)} ":
        return ()
    found: list[Span] = []
    matcher = difflib.SequenceMatcher(None, words, theirs, autojunk=False)
    for what, first, last, _, _ in matcher.get_opcodes():
        if what in ("delete", "replace"):
            found += [span for _, span in mine[first:last]]
        elif what == "insert" and 0 < first < len(mine):
            found += [mine[first - 1][1], mine[first][1]]
    return _apart(found)
