"""What an engine heard in a clip, fitted onto the recording's clock: shifted, checked, clamped, marked, joined."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace

import numpy as np

from desktop.audio.peaks import Peaks
from desktop.audio.silence import speech_threshold
from desktop.engines import HeardSegment, Hearing
from desktop.model import Part, Segment, Word

TIME_UNSURE = "time unsure"
TOLERANCE = 2.0  # seconds that a time may lie outside its part before it is marked (gemini.md section 9)
_SHORTEST = 0.3  # seconds; a segment with equal start and end gets this, or a guess from its words
_SECONDS_PER_WORD = 0.35


@dataclass(frozen=True)
class Placed:
    """A segment on the recording's clock with the engine's label for its speaker."""

    segment: Segment
    label: str


def place(hearing: Hearing, part: Part, peaks: Peaks) -> list[Placed]:
    """All segments with times inside the part (lead-in included), rising, doubtful ones marked."""
    origin, first, last = part.start - part.lead_in, part.start - part.lead_in, part.end
    starts, unsure = _starts([s.start for s in hearing.segments], last - origin)
    placed: list[Placed] = []
    for index, heard in enumerate(hearing.segments):
        start = origin + starts[index]
        following = origin + starts[index + 1] if index + 1 < len(starts) else last
        end, end_unsure = _end(heard, start, origin, max(following, start), last)
        doubtful = unsure[index] or end_unsure
        if hearing.whole_seconds and not heard.words and not doubtful:
            start, end = _to_speech(peaks, start, end, following, first)
        placed.append(Placed(_segment(heard, start, end, origin, doubtful), heard.speaker))
    return _rising(placed)


def drop_repeats(before: list[Segment], placed: list[Placed], border: float) -> list[Placed]:
    """Take out of `placed` what the part before has already: whole lines, and words at the start of the first."""
    tail = [word for segment in before[-8:] for word in _normal(segment.text)][-80:]
    kept: list[Placed] = []
    for item in placed:
        if item.segment.start < border and not kept:
            item_left = _without_known_words(item, tail, border)
            if item_left is None:
                continue
            item = item_left
        kept.append(item)
    return kept


def _starts(times: list[float | None], length: float) -> tuple[list[float], list[bool]]:
    """Usable starts within 0..length: clamped, never falling; True where a time had to be made up or moved far."""
    starts: list[float] = []
    unsure: list[bool] = []
    previous = 0.0
    for index, time in enumerate(times):
        bad = time is None or time > length + TOLERANCE or time < previous - 1e-6
        if time is None or time > length + TOLERANCE:
            later = [t for t in times[index + 1:] if t is not None and previous <= t <= length]
            time = previous + ((later[0] - previous) / 2 if later else min(1.0, (length - previous) / 2))
        previous = min(length, max(previous, time))
        starts.append(previous)
        unsure.append(bad)
    return starts, unsure


def _end(heard: HeardSegment, start: float, origin: float, following: float, last: float) -> tuple[float, bool]:
    """The end on the recording's clock, and whether it had to be made up against what was said."""
    guess = start + max(_SHORTEST, _SECONDS_PER_WORD * len(heard.text.split()))
    if heard.end is None:
        return max(start, min(following, last, max(guess, start + _SHORTEST))), False
    end = origin + heard.end
    if end < start - 1e-6 or end > last + TOLERANCE:
        return max(start, min(last, guess, following if following > start else last)), True
    if end - start < _SHORTEST:
        end = guess if following <= start else min(guess, following)
    return max(start, min(end, last)), False


def _segment(heard: HeardSegment, start: float, end: float, origin: float, unsure: bool) -> Segment:
    words = []
    at = start
    for word in heard.words:  # a word's start may jump back at a change of speaker: never falling, never outside
        word_start = min(max(at, origin + word.start), end)
        word_end = min(max(word_start, origin + word.end), end)
        words.append(Word(word.text, word_start, word_end))
        at = word_start
    return Segment(start=start, end=end, text=heard.text, language=heard.language, translation=heard.translation,
                   emotion=heard.emotion, flags=(TIME_UNSURE,) if unsure else (), words=tuple(words))


def _rising(placed: list[Placed]) -> list[Placed]:
    result: list[Placed] = []
    for item in placed:
        segment = item.segment
        if result and segment.start < result[-1].segment.start:
            start = result[-1].segment.start
            segment = replace(segment, start=start, end=max(start, segment.end))
        result.append(replace(item, segment=segment))
    return result


def _to_speech(peaks: Peaks, start: float, end: float, following: float, first: float) -> tuple[float, float]:
    """Whole-second times point up to a second beside the word: move them to where sound begins and ends."""
    onset = _edge(peaks, max(first, start - 0.25), start + 1.0, start, rising=True)
    release = _edge(peaks, max(onset + _SHORTEST, end - 0.25), end + 1.0, end, rising=False)
    return onset, max(onset + 0.05, min(release, max(following + 1.0, end)))


def _edge(peaks: Peaks, low: float, high: float, fallback: float, *, rising: bool) -> float:
    step = peaks.bucket_seconds
    begin = max(0, int(low / step))
    loudness = peaks.levels[0][begin:int(high / step) + 1, 2].view(np.uint8).astype(np.float32) / 254.0
    if len(loudness) < 8:
        return fallback
    width = max(1, round(0.03 / step))
    loud = np.convolve(loudness, np.ones(width) / width, "same") > speech_threshold(peaks)
    change = np.flatnonzero(loud[1:] & ~loud[:-1] if rising else ~loud[1:] & loud[:-1])
    if not len(change):
        return fallback
    return float((begin + int(change[0 if rising else -1]) + 1) * step)


def _without_known_words(item: Placed, tail: list[str], border: float) -> Placed | None:
    """The item without the words that `tail` ends with; None when nothing new is left."""
    words = item.segment.text.split()
    normal = [_normal_word(word) for word in words]
    known = _overlap(tail, normal)
    if not known:
        alike = difflib.SequenceMatcher(None, tail[-len(normal) - 3:], normal).ratio() if normal else 1.0
        return None if alike > 0.75 or (item.segment.end <= border and not normal) else item
    if known >= len(words):
        return None
    return replace(item, segment=_trimmed(item.segment, known, border))


def _overlap(tail: list[str], words: list[str]) -> int:
    """How many words at the start of `words` are the last ones of `tail` (at least two, or all of a short line)."""
    for count in range(min(len(tail), len(words)), 0, -1):
        if tail[-count:] == words[:count] and (count >= 2 or count == len(words)):
            return count
    return 0


def _trimmed(segment: Segment, known: int, border: float) -> Segment:
    text = " ".join(segment.text.split()[known:])
    words = segment.words[known:] if len(segment.words) == len(segment.text.split()) else ()
    start = words[0].start if words else min(max(segment.start, border), segment.end)
    return replace(segment, text=text, words=words, start=start, end=max(start, segment.end))


def _normal(text: str) -> list[str]:
    return [word for piece in text.split() if (word := _normal_word(piece))]


def _normal_word(word: str) -> str:
    return re.sub(r"[^\w]", "", word.casefold())
