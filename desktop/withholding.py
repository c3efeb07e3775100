"""The one door for words that leave: what is off the record stays here, and background goes without a name.

Exports, questions, translations, quotes and the clipboard take a `Released` document, and only `release` makes one.
Sound has its own door of the same kind: PlaybackCopy.speech_blocks, which must be told what to silence. A word goes
when it shares any time with what is off the record; what only touches its border stays, as it does on the screen.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from desktop.errors import UserError
from desktop.model import (
    Desk,
    Quote,
    Recording,
    Segment,
    Terms,
    Thread,
    TimeRange,
    Transcript,
    TranscriptDocument,
    Turn,
    Withheld,
    Word,
)
from desktop.sentences import QT_TRANSLATE_NOOP

BACKGROUND = QT_TRANSLATE_NOOP("core", "background")  # the flag of lines that go without a name
LEFT_OUT = "[…]"
_TOUCH = 0.001  # seconds that two stretches may share without overlapping
_LINE = 120.0  # seconds that a line at the border of a question's range may reach out of it; it went along whole


@dataclass(frozen=True)
class Released(TranscriptDocument):
    """A transcript without what was said off the record, and without the names of background."""


class Stretches:
    """Stretches of time, joined where they overlap, that can be asked quickly what lies in them."""

    def __init__(self, ranges: Iterable[TimeRange]) -> None:
        self._starts: list[float] = []
        self._ends: list[float] = []
        for stretch in sorted(ranges, key=lambda r: r.start):
            if self._ends and stretch.start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], stretch.end)
            else:
                self._starts.append(stretch.start)
                self._ends.append(stretch.end)

    def __iter__(self) -> Iterator[TimeRange]:
        return map(TimeRange, self._starts, self._ends)

    def __bool__(self) -> bool:
        return bool(self._starts)

    def meet(self, start: float, end: float) -> bool:
        """Whether time is shared with start to end; what takes no time is inside, its borders included, or not."""
        if end - start <= _TOUCH:
            start, end = min(start, end), max(start, end)
            at = bisect_left(self._ends, start)
            return at < len(self._ends) and self._starts[at] <= end
        at = bisect_right(self._ends, start + _TOUCH)
        return at < len(self._ends) and self._starts[at] < end - _TOUCH

    def cover(self, start: float, end: float) -> bool:
        """Whether nothing of start to end lies outside."""
        at = bisect_left(self._ends, end - _TOUCH)
        return at < len(self._ends) and self._starts[at] <= start + _TOUCH


def release(document: TranscriptDocument) -> Released:
    """What of a document may leave. Lines that are whole stay the same objects."""
    desk = document.desk
    if not desk.withheld:
        return Released(document.recording, document.transcript, document.speakers, document.segments, desk)
    lines = released_lines(document)
    segments = tuple(line for line in lines if line is not None)
    is_cut = any(line is None or line.text != s.text for line, s in zip(lines, document.segments, strict=True))
    named = {segment.speaker_id for segment in segments}
    off = Stretches(desk.off_record)
    return Released(document.recording, _without_summary(document.transcript, desk, is_cut),
                    {i: speaker for i, speaker in document.speakers.items() if i in named}, segments,
                    Desk(released_quotes(desk), tuple(m for m in desk.marks if not off.meet(m.seconds, m.seconds))))


def released_lines(document: TranscriptDocument) -> list[Segment | None]:
    """Every line of a document as it may leave; None for one that stays here."""
    off, background = Stretches(document.desk.off_record), Stretches(_of(document.desk, Terms.BACKGROUND))
    return [_released(segment, off, background) for segment in document.segments]


def whole_lines(document: TranscriptDocument) -> list[tuple[Segment, str]]:
    """The lines of which nothing is off the record, each with who said it, "" for background.

    For requests in which an answer belongs to a whole line, such as translations.
    """
    off = Stretches(document.desk.off_record)
    lines = zip(document.segments, released_lines(document), strict=True)
    return [(s, document.speaker_name(left)) for s, left in lines if left is not None and without(s, off) is s]


def released_quotes(desk: Desk) -> tuple[Quote, ...]:
    """The quotes that may leave; those from background have nobody who said them."""
    off, background = Stretches(desk.off_record), Stretches(_of(desk, Terms.BACKGROUND))
    return tuple(replace(quote, said_by="", speaker_id=None) if background.meet(quote.range.start, quote.range.end)
                 else quote for quote in desk.quotes if not off.meet(quote.range.start, quote.range.end))


def without(segment: Segment, off: Stretches | Sequence[TimeRange]) -> Segment | None:
    """The segment without its words in the stretches `off`; None when nothing is left.

    A line of which no word is in them stays the same object. Without times of words (or when the words do not make up
    the text) a line that shares time with such a stretch goes as a whole.
    """
    return _without(segment, off if isinstance(off, Stretches) else Stretches(off), *_reach(segment))


def overlaps(stretch: TimeRange, others: Stretches | Iterable[TimeRange]) -> bool:
    """Whether a stretch shares time with one of the others; what takes no time is inside or not."""
    return (others if isinstance(others, Stretches) else Stretches(others)).meet(stretch.start, stretch.end)


def word_spans(text: str, words: Sequence[Word]) -> list[tuple[int, int]] | None:
    """Where each word stands in the text, as (begin, end); None when they do not make up the text."""
    spans: list[tuple[int, int]] = []
    at = 0
    for word in words:
        begin = text.find(word.text, at)
        if begin < 0 or any(c.isalnum() for c in text[at:begin]):
            return None
        at = begin + len(word.text)
        spans.append((begin, at))
    return spans if spans and not any(c.isalnum() for c in text[at:]) else None


def is_masked(thread: Thread, turn: Turn, desk: Desk) -> bool:
    """Whether something that the question was about has been marked off the record since: its answer may tell it."""
    reach = _LINE if thread.transcript_id is not None else 0.0
    return any(marked_since(mark, turn.asked_at) and (thread.range is None or overlaps(
        TimeRange(thread.range.start - reach, thread.range.end + reach), [mark.range]))
        for mark in desk.withheld if mark.terms is Terms.OFF_THE_RECORD)


def marked_since(mark: Withheld, moment: str, slack: float = 0.0) -> bool:
    """Whether it was marked at a moment (ISO 8601), `slack` seconds before it, or later; yes when that is unknown."""
    try:
        return datetime.fromisoformat(mark.marked_at) >= datetime.fromisoformat(moment) - timedelta(seconds=slack)
    except (ValueError, TypeError):  # no time, or one without a zone
        return True


def refuse_video(recording: Recording, desk: Desk) -> None:
    """Raises UserError when something of a video is off the record: its address stands for all of its sound."""
    if recording.address and desk.off_record:
        raise UserError("Part of this video is off the record. A video is sent by its address, and nothing in it can "
                        "be silenced, so nothing was sent. Import a file of the video, or take the mark off.")


def _released(segment: Segment, off: Stretches, background: Stretches) -> Segment | None:
    start, end = _reach(segment)
    left = _without(segment, off, start, end)
    if left is not segment and left is not None:
        start, end = _reach(left)
    if left is not None and background.meet(start, end):
        return replace(left, speaker_id=None, flags=(*left.flags, BACKGROUND))
    return left


def _without(segment: Segment, off: Stretches, start: float, end: float) -> Segment | None:
    """`start` and `end`: its reach."""
    if not off.meet(start - 2 * _TOUCH, end + 2 * _TOUCH):  # on the border there may be a word that takes no time
        return segment
    spans = word_spans(segment.text, segment.words)
    if spans is None:
        return None if off.meet(start, end) else segment
    kept = [n for n, word in enumerate(segment.words) if not off.meet(word.start, word.end)]
    if len(kept) == len(spans):
        return segment
    if not any(segment.words[n].text.strip() for n in kept):
        return None
    words = tuple(segment.words[n] for n in kept)
    start = max(segment.start, words[0].start) if kept[0] else segment.start
    end = min(segment.end, words[-1].end) if kept[-1] < len(spans) - 1 else segment.end
    return replace(segment, text=_cut_out(segment.text, spans, kept), words=words, translation="", emotion="",
                   start=start, end=max(start, end))


def _reach(segment: Segment) -> tuple[float, float]:
    """From when to when it goes by the times of the line and of its words, which may contradict each other."""
    start, end = segment.start, segment.end
    for word in segment.words:
        if word.start < start:
            start = word.start
        if word.end > end:
            end = word.end
    return start, end


def _cut_out(text: str, spans: Sequence[tuple[int, int]], kept: Sequence[int]) -> str:
    """The kept words with all that stands between neighbours, and a sign where something was left out."""
    pieces: list[str] = [] if kept[0] else [text[:spans[0][0]]]
    for number, n in enumerate(kept):
        if number and kept[number - 1] == n - 1:
            pieces.append(text[spans[n - 1][1]:spans[n][0]])
        elif n:
            pieces.append(f" {LEFT_OUT} ")
        pieces.append(text[slice(*spans[n])])
    pieces.append(f" {LEFT_OUT}" if kept[-1] < len(spans) - 1 else text[spans[-1][1]:])
    return "".join(pieces).strip()


def _without_summary(transcript: Transcript, desk: Desk, is_cut: bool) -> Transcript:
    """A summary that was written when these stretches were still heard, or that may name who spoke, stays here.

    `is_cut`: there are words in them, whenever it was marked, so whoever wrote the summary had them.
    """
    told = is_cut or any(w.terms is Terms.BACKGROUND or marked_since(w, transcript.created_at) for w in desk.withheld
                         if overlaps(w.range, [transcript.range]))
    return replace(transcript, summary="") if told and transcript.summary else transcript


def _of(desk: Desk, terms: Terms) -> tuple[TimeRange, ...]:
    return tuple(w.range for w in desk.withheld if w.terms is terms)


def withhold(desk: Desk, stretches: list[TimeRange], terms: Terms | None) -> Desk:
    """These stretches on other terms; what was noted about other stretches stays."""
    left = list(desk.withheld)
    for stretch in stretches:
        left = [piece for old in left for piece in _outside(old, stretch)]
        left += [Withheld(stretch, terms)] if terms is not None else []
    return replace(desk, withheld=tuple(_joined(sorted(left, key=lambda w: w.range.start))))


def _outside(old: Withheld, stretch: TimeRange) -> list[Withheld]:
    pieces = (TimeRange(old.range.start, min(old.range.end, stretch.start)),
              TimeRange(max(old.range.start, stretch.end), old.range.end))
    return [replace(old, range=piece) for piece in pieces if piece.seconds > 0.001]


def _joined(items: list[Withheld]) -> list[Withheld]:
    """Stretches on the same terms that touch are one; the later mark counts."""
    result: list[Withheld] = []
    for item in items:
        last = result[-1] if result else None
        if last is not None and last.terms is item.terms and item.range.start <= last.range.end + 0.001:
            marked = "" if "" in (last.marked_at, item.marked_at) else max(last.marked_at, item.marked_at)
            result[-1] = Withheld(TimeRange(last.range.start, max(last.range.end, item.range.end)), item.terms, marked)
        else:
            result.append(item)
    return result
