"""Quote check: whether each quotation of a draft was said like that, by whom and where. Nothing leaves the computer.

Words are compared, not sounds: a transcript that is wrong makes a verdict wrong, so every verdict has a place to hear.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.distance import LCSseq, Levenshtein

from desktop.attributions import is_label, speakers_named
from desktop.exports.quote_report import Row
from desktop.library import Library
from desktop.model import (
    SPEAKER_UNSURE,
    Progress,
    Recording,
    Report,
    TimeRange,
    TranscriptDocument,
    ignore_progress,
)
from desktop.quotations import Quotation
from desktop.quote_index import Index, Ints, Stream
from desktop.quote_passages import Difference, Passage, Written, written
from desktop.quote_words import holds_negation, is_alone, key
from desktop.sentences import QT_TRANSLATE_NOOP, Sentence, say
from desktop.withholding import Released, release

__all__ = ["Difference", "Index", "Kind", "Reach", "Verdict", "check", "documents_of", "searchable", "transcripts_in"]

_REACH = 200  # words that … may stand for
_REACH_OF_EDITOR = 12  # words that [ ] may stand for
_MOST_PLACES = 20_000  # of one quotation that are looked at
_MOST_ANCHORS = 500
_CANDIDATES, _ALIGNED = 8, 2  # stretches that are ranked, and of these compared word by word
_LEFT_OUT_COSTS = 0.4  # of a changed word: leaving words out is the commonest alteration
_LONGEST = 2000  # words of a quotation
_LIKE, _LIKE_WHEN_SHORT = 0.55, 0.8  # share of words that an altered quotation has in common with what was said
_SHORT = 4  # words: fewer are too like too much
_LIKE_WORDS = 70  # of 100: "recieved" counts as "received" when likeness is measured, never when words are compared
NOWHERE = TimeRange(0.0, 0.0)


class Kind(StrEnum):
    """What the check found; the value is what it is called."""

    EXACT = QT_TRANSLATE_NOOP("core", "exact")
    TRIMMED = QT_TRANSLATE_NOOP("core", "trimmed")
    ALTERED = QT_TRANSLATE_NOOP("core", "altered")
    OTHER_SPEAKER = QT_TRANSLATE_NOOP("core", "words of another speaker")
    TRANSLATED = QT_TRANSLATE_NOOP("core", "said in another language")
    NOT_FOUND = QT_TRANSLATE_NOOP("core", "not found")


@dataclass(frozen=True)
class Verdict:
    """What is known about one quotation. Without a place (`not found`) the ids are 0 and the range is empty."""

    quotation: Quotation
    kind: Kind
    recording_id: int = 0
    transcript_id: int = 0
    segment_ids: tuple[int, ...] = ()
    range: TimeRange = NOWHERE
    speaker: str = ""
    said: str = ""  # in the words of the transcript
    differences: tuple[Difference, ...] = ()  # between the quotation and `said`, or `translation` if there is one
    translation: str = ""  # of `said`, when that is what the quotation is like
    recording: str = ""  # its title
    notes: tuple[Sentence, ...] = ()  # what else to know


def check(index: Index, quotations: Sequence[Quotation], report: Report = ignore_progress) -> list[Verdict]:
    """A verdict for each quotation, in their order. `report` may stop it."""
    verdicts = []
    for number, quotation in enumerate(quotations):
        report(Progress(number / len(quotations), say("Checking quotation {number} of {count}", number=number + 1,
                                                      count=len(quotations))))
        verdicts.append(_judged(index, quotation))
    return verdicts


@dataclass(frozen=True)
class _Place:
    """Where the pieces of a quotation stand in a stream, each as (begin, end)."""

    pieces: tuple[tuple[int, int], ...]

    @property
    def begin(self) -> int:
        return self.pieces[0][0]

    @property
    def end(self) -> int:
        return self.pieces[-1][1]


@dataclass(frozen=True)
class _Like:
    """What is like a quotation, and how much (0..1)."""

    passage: Passage
    differences: tuple[Difference, ...]
    likeness: float


def _judged(index: Index, quotation: Quotation) -> Verdict:
    draft = written(quotation.text, index.vocabulary)
    verdict = Verdict(quotation, Kind.NOT_FOUND)
    if 0 < len(draft.ids) <= _LONGEST:
        verdict = _as_said(index, quotation, draft) or _as_something_like(index, quotation, draft) or verdict
    elif draft.ids:
        verdict = replace(verdict, notes=(say("This quotation is too long to be checked as one."),))
    if not quotation.is_closed:
        verdict = replace(verdict, notes=(*verdict.notes, say(
            "The draft does not close this quotation, so that its end is not known.")))
    return verdict


# The words themselves

def _as_said(index: Index, quotation: Quotation, draft: Written) -> Verdict | None:
    """Exact, trimmed, or exactly so but by somebody else."""
    place, conflict = _best(index, index.said, quotation, _places(index, index.said, draft))
    if place is None:
        return None
    passage = Passage.of(index, index.said, place.begin, place.end, voice=True)
    left_out = passage.left_out(draft, place.pieces)
    is_exact = not left_out and not draft.is_marked and index.said.is_one_run(place.begin, place.end)
    kind = Kind.OTHER_SPEAKER if conflict else Kind.EXACT if is_exact else Kind.TRIMMED
    notes = [*_notes(index, passage)]
    if conflict:
        notes.insert(0, _said_by_another(passage, quotation))
    return _verdict(quotation, kind, passage, left_out, tuple(notes))


def _places(index: Index, stream: Stream, draft: Written) -> list[_Place]:
    """Where all pieces stand in their order, said by one voice."""
    found = [stream.occurrences(piece.ids) for piece in draft.pieces]
    if len(found) == 1:
        length = len(draft.pieces[0].ids)
        return [_Place(((at, at + length),)) for at in found[0][:_MOST_PLACES].tolist()]
    anchor = min(range(len(found)), key=lambda n: len(found[n]))
    places = (_chained(index, stream, draft, found, anchor, at) for at in found[anchor][:_MOST_ANCHORS].tolist())
    return [place for place in places if place is not None]


def _chained(index: Index, stream: Stream, draft: Written, found: Sequence[Ints], anchor: int,
             at: int) -> _Place | None:
    """The other pieces nearest to the anchor, before and after it."""
    pieces, voice = draft.pieces, index.voice(stream.line_of(at))
    chain = [(at, at + len(pieces[anchor].ids))]
    for n in range(anchor + 1, len(pieces)):
        reach = _REACH_OF_EDITOR if pieces[n].is_after_editor else _REACH
        last = chain[-1][1]
        near = found[n][np.searchsorted(found[n], last):np.searchsorted(found[n], last + reach, "right")]
        next_one = _first_of(index, stream, near, voice)
        if next_one is None:
            return None
        chain.append((next_one, next_one + len(pieces[n].ids)))
    for n in range(anchor - 1, -1, -1):
        reach = _REACH_OF_EDITOR if pieces[n + 1].is_after_editor else _REACH
        last = chain[0][0] - len(pieces[n].ids)
        near = found[n][np.searchsorted(found[n], last - reach):np.searchsorted(found[n], last, "right")][::-1]
        next_one = _first_of(index, stream, near, voice)
        if next_one is None:
            return None
        chain.insert(0, (next_one, next_one + len(pieces[n].ids)))
    return _Place(tuple(chain))


def _first_of(index: Index, stream: Stream, places: Ints, voice: int) -> int | None:
    right = places[index.voices[stream.lines_of(places)] == voice]
    return int(right[0]) if len(right) else None


def _best(index: Index, stream: Stream, quotation: Quotation,
          places: Sequence[_Place]) -> tuple[_Place | None, bool]:
    """The place said by whom the draft names, else by nobody known, else by another; of these the shortest, the first.

    Also says whether it is another's.
    """
    if not places:
        return None, False
    ranks: dict[int, int] = {}

    def rank(place: _Place) -> tuple[int, int]:
        line = stream.line_of(place.begin)
        voice = index.voice(line)
        if voice not in ranks:
            ranks[voice] = _rank(index, line, quotation.attribution)
        return ranks[voice], place.end - place.begin

    best = min(places, key=rank)
    line = stream.line_of(best.begin)
    unsure = SPEAKER_UNSURE in index.lines[line].flags
    return best, ranks[index.voice(line)] == 2 and not unsure


def _rank(index: Index, line: int, attribution: str) -> int:
    """0: said by who is named in the draft; 1: not known; 2: by another, though who is named speaks there, too."""
    if not attribution:
        return 1
    speaker = index.speaker(line)
    named = speakers_named(index.sources[index.lines[line].document].speakers.values(), attribution)
    if speaker is None or not named or is_label(speaker.name):
        return 1
    return 0 if speaker.id in named else 2


# What is only like them

def _as_something_like(index: Index, quotation: Quotation, draft: Written) -> Verdict | None:
    """The words of a translation, else what is most like the quotation: a translation, or what was said."""
    place, _ = _best(index, index.translated, quotation, _places(index, index.translated, draft))
    if place is not None:
        passage = Passage.of(index, index.translated, place.begin, place.end, voice=True)
        return _translated(index, quotation, passage, passage.left_out(draft, place.pieces))
    said, translated = _closest(index, index.said, draft), _closest(index, index.translated, draft)
    if translated is not None and (said is None or translated.likeness > said.likeness):
        return _translated(index, quotation, translated.passage, translated.differences)
    return None if said is None else _altered(index, quotation, said)


def _translated(index: Index, quotation: Quotation, passage: Passage, differences: tuple[Difference, ...]) -> Verdict:
    original = " ".join(index.lines[line].text for line in passage.lines)
    verdict = _verdict(quotation, Kind.TRANSLATED, passage, differences, _doubts(index, quotation, passage))
    return replace(verdict, said=original, translation=passage.text)


def _altered(index: Index, quotation: Quotation, like: _Like) -> Verdict:
    notes = list(_doubts(index, quotation, like.passage))
    if not like.differences and len(like.passage.speakers) == 1:
        notes.insert(0, say("These words do not follow one another: something between them is not in the transcript, "
                            "or it is not known that one person said them all."))
    return _verdict(quotation, Kind.ALTERED, like.passage, like.differences, tuple(notes))


def _doubts(index: Index, quotation: Quotation, passage: Passage) -> tuple[Sentence, ...]:
    """What is to be said about who said it."""
    if len(passage.speakers) > 1:
        return (say("These words are those of more than one speaker: {names}.",
                    names=", ".join(name or "?" for name in passage.speakers)), *_notes(index, passage))
    if all(_rank(index, line, quotation.attribution) == 2 for line in passage.lines):
        return (_said_by_another(passage, quotation), *_notes(index, passage))
    return _notes(index, passage)


def _closest(index: Index, stream: Stream, draft: Written) -> _Like | None:
    """The stretch that is most like the quotation; None when nothing is like it."""
    ids = draft.ids
    length = sum(0.5 if is_alone(draft.text_of(n)[0]) else 1 for n in range(len(ids)))
    stretches = stream.likely(ids, _CANDIDATES)
    ranked = sorted(stretches, key=lambda s: -LCSseq.similarity(ids, stream.ids[s[0]:s[1]].tolist()))
    likes = []
    for begin, end in ranked[:_ALIGNED]:
        first, last = _aligned(np.array(ids), stream.ids[begin:end])
        if last > first:
            likes.append(_compared(index, stream, draft, begin + first, begin + last))
    best = max(likes, key=lambda like: like.likeness, default=None)
    least = _LIKE if length >= _SHORT else _LIKE_WHEN_SHORT
    return best if best is not None and best.likeness >= least else None


def _aligned(words: Ints, stretch: Ints) -> tuple[int, int]:
    """Where in the stretch the words fit best, as (begin, end): Sellers' alignment with free ends, a row at a time."""
    slots = np.arange(len(stretch) + 1)
    slope = _LEFT_OUT_COSTS * slots
    cost, origin = np.zeros(len(slots)), slots.copy()
    for word in words:
        up, across = cost + 1, cost[:-1] + (stretch != word)
        is_across = np.concatenate([[False], across <= up[1:]])
        cost = np.where(is_across, np.concatenate([[0], across]), up)
        origin = np.where(is_across, np.concatenate([[0], origin[:-1]]), origin)
        level = cost - slope
        lowest = np.minimum.accumulate(level)
        source = np.maximum.accumulate(np.where(level <= lowest, slots, 0))
        cost, origin = level[source] + slope, origin[source]
    end = int(np.argmin(cost))
    while end + 1 < len(cost) and cost[end + 1] <= cost[end] and origin[end + 1] == origin[end]:
        end += 1  # a last word that is another is changed, not added
    return int(origin[end]), end


def _compared(index: Index, stream: Stream, draft: Written, begin: int, end: int) -> _Like:
    """The differences word by word, and how much of the quotation is there, rare words counting more."""
    passage = Passage.of(index, stream, begin, end)
    said = [word.id for word in passage.words]
    same = np.zeros(len(draft.ids))
    changes = []
    for op in Levenshtein.opcodes(draft.ids, said):
        if op.tag == "equal":
            same[op.src_start:op.src_end] = 1
            continue
        for a, b in zip(range(op.src_start, op.src_end), range(op.dest_start, op.dest_end), strict=False):
            ratio = fuzz.ratio(key(draft.text_of(a)), key(passage.text_of(b)))
            same[a] = ratio / 100 if ratio >= _LIKE_WORDS else 0
        changes.append((op.src_start, op.src_end, op.dest_start, op.dest_end))
    weights = np.array([stream.weight(word) for word in draft.ids]) + 0.01
    return _Like(passage, passage.differences(draft, changes),
                 min(float(same.mean()), float((same * weights).sum() / weights.sum()) + 0.1))


# Saying it

def _verdict(quotation: Quotation, kind: Kind, passage: Passage, differences: tuple[Difference, ...],
             notes: tuple[Sentence, ...]) -> Verdict:
    source = passage.source
    notes = (*notes, *_negated(differences))
    return Verdict(quotation, kind, source.recording.id, source.transcript_id, passage.segment_ids, passage.range,
                   ", ".join(name for name in passage.speakers if name), passage.text, differences,
                   recording=source.recording.title, notes=notes)


def _notes(index: Index, passage: Passage) -> tuple[Sentence, ...]:
    if any(SPEAKER_UNSURE in index.lines[line].flags for line in passage.lines):
        return (say("It is not sure who said this."),)
    return ()


def _said_by_another(passage: Passage, quotation: Quotation) -> Sentence:
    return say("The draft gives this to {attribution}; in the transcript {speaker} says it.",
               attribution=quotation.attribution, speaker=", ".join(filter(None, passage.speakers)))


def _negated(differences: Iterable[Difference]) -> tuple[Sentence, ...]:
    if any(holds_negation(f"{item.said} {item.written}") for item in differences):
        return (say("The words that differ hold a negation."),)
    return ()


def rows(verdicts: Iterable[Verdict]) -> list[Row]:
    """The verdicts for a report."""
    return [Row(v.kind.value, v.quotation.text, v.quotation.attribution, v.quotation.paragraph,
                v.kind is not Kind.NOT_FOUND, v.said, v.translation,
                tuple((d.kind, d.written, d.said) for d in v.differences), v.speaker, v.range.start, v.range.end,
                v.recording, tuple(map(str, v.notes))) for v in verdicts]


# What is searched

class Reach(StrEnum):
    """How far the words of a quotation are looked for."""

    RECORDING = QT_TRANSLATE_NOOP("core", "this recording")
    PROJECT = QT_TRANSLATE_NOOP("core", "all of the project")
    LIBRARY = QT_TRANSLATE_NOOP("core", "the whole library")


def transcripts_in(library: Library, reach: Reach, recording: Recording | None, shown: int = 0) -> list[int]:
    """Ids of the transcripts to search, those of the open recording first; of it the one that is `shown`, if any."""
    found = [] if recording is None else [shown] if shown else _newest(library, recording)
    if reach is Reach.RECORDING:
        return found
    others = [other for other in library.recordings() if other.transcript_count and (
        recording is None or other.id != recording.id)]
    if reach is Reach.PROJECT:
        others = [other for other in others if recording is not None and recording.project_id is not None
                  and other.project_id == recording.project_id]
    return [*found, *(i for other in others for i in _newest(library, other))]


def documents_of(library: Library, transcript_ids: Iterable[int]) -> Iterator[Released]:
    """What of the transcripts may be quoted, read one at a time.

    Words are read only where something is withheld, which is by their times: those of what is found can be asked for.
    """
    for transcript_id in transcript_ids:
        document = library.document(transcript_id, with_words=False)
        yield searchable(library.document(transcript_id) if document.desk.withheld else document)


def searchable(document: TranscriptDocument) -> Released:
    """What of a document may be quoted. What is off the record counts as missing, so that nothing is said to follow
    what stands before it."""
    released = release(document)
    missing = (*released.transcript.missing, *document.desk.off_record)
    return replace(released, transcript=replace(released.transcript, missing=missing))


def _newest(library: Library, recording: Recording) -> list[int]:
    """The newest transcript of the whole recording, else all of its ranges; of the sample the one that came with it."""
    transcripts = library.transcripts(recording.id)
    whole = [t.id for t in transcripts if t.engine == "reference"] or [
        t.id for t in transcripts if t.range.seconds >= 0.9 * recording.duration]
    return whole[:1] or [t.id for t in transcripts]
