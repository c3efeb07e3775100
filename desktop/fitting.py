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
_JITTER = 1.0  # seconds by which a start may be given too late
_MOST_REPEATED = 40  # words; an overlap of three seconds holds a dozen


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
        doubtful = unsure[index] or end_unsure or heard.unsure
        if hearing.whole_seconds and not heard.words and not doubtful:
            start, end = (min(time, last) for time in _to_speech(peaks, start, end, following, first))
        placed.append(Placed(_segment(heard, start, end, origin, doubtful), heard.speaker))
    return _rising(placed)


def drop_repeats(before: list[Segment], placed: list[Placed], border: float) -> list[Placed]:
    """Take out of `placed` what the part before has already: the words around `border` that both have heard."""
    tail = [word for segment in before[-8:] for word in _normal(segment.text)][-_MOST_REPEATED:]
    heads = [item for item in placed if item.segment.start < border + _JITTER]
    words = [(number, at, normal) for number, item in enumerate(heads)
             for at, word in enumerate(item.segment.text.split()) if (normal := _normal_word(word))][:_MOST_REPEATED]
    strict = bool(heads) and heads[0].segment.start >= border
    known, agreed = _known_words(tail, [normal for _, _, normal in words], strict)
    kept: list[Placed] = []
    for number, item in enumerate(placed):
        mine = [index for index in range(known) if words[index][0] == number]
        if not mine or 2 * len(agreed & set(mine)) < len(mine):  # a line that only this part has heard stays
            kept.append(item)
        elif segment := _trimmed(item.segment, words[mine[-1]][1] + 1, border):
            kept.append(replace(item, segment=segment))
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
                   emotion=heard.emotion, flags=((TIME_UNSURE,) if unsure else ()) + heard.flags, words=tuple(words))


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
    """Where sound begins after (or ends before) the longest pause between `low` and `high`."""
    step = peaks.bucket_seconds
    begin = max(0, int(low / step))
    loudness = peaks.levels[0][begin:int(high / step) + 1, 2].view(np.uint8).astype(np.float32) / 254.0
    if len(loudness) < 8:
        return fallback
    width = max(1, round(0.03 / step))
    loud = np.convolve(loudness, np.ones(width) / width, "same") > speech_threshold(peaks)
    edges = np.flatnonzero(loud[1:] != loud[:-1]) + 1
    borders = np.concatenate([[0], edges, [len(loud)]])
    # The pause before a beginning ends at borders[k], the one after an end begins there.
    pauses = [(borders[k] - borders[k - 1] if rising else borders[k + 1] - borders[k], -k)
              for k in range(1, len(borders) - 1) if bool(loud[borders[k]]) is rising]
    if not pauses:
        return fallback
    return float((begin + int(borders[-max(pauses)[1]])) * step)


def _known_words(tail: list[str], words: list[str], strict: bool) -> tuple[int, set[int]]:
    """How many of the first `words` the `tail` has at its end, and which of them agree to the letter.

    A few words may have been heard differently. `strict`: only three or more equal words in a row count.
    """
    agreed: set[int] = set()
    known = 0
    for block in difflib.SequenceMatcher(None, tail, words, autojunk=False).get_matching_blocks():
        ours = set(range(block.b, block.b + block.size))
        missing = len(tail) - block.a - block.size  # words of the tail after this block
        if strict and (block.b > 0 or missing or block.size < 3):
            continue
        if missing > 3 and not agreed and block.size < 3:
            continue
        agreed |= ours
        if missing <= 3 and _is_evidence(block.size, words[block.b:block.b + 1], whole=len(agreed) == len(words)):
            known = block.b + block.size
            for word in tail[len(tail) - missing:] if missing else ():
                if known < len(words) and difflib.SequenceMatcher(None, word, words[known]).ratio() > 0.6:
                    known += 1
    return known, agreed


def _is_evidence(size: int, first: list[str], whole: bool) -> bool:
    """Two words in a row, a long one, or all that was said; a lone "the" proves nothing."""
    return size >= 2 or (size == 1 and (whole or len(first[0]) >= 4))


def _trimmed(segment: Segment, known: int, border: float) -> Segment | None:
    """The segment without its first `known` words; None when no word is left."""
    left = segment.text.split()[known:]
    if not any(_normal_word(word) for word in left):
        return None
    words = segment.words[known:] if len(segment.words) == len(segment.text.split()) else ()
    start = words[0].start if words else min(max(segment.start, border), segment.end)
    return replace(segment, text=" ".join(left), words=words, start=start, end=max(start, segment.end))


def _normal(text: str) -> list[str]:
    return [word for piece in text.split() if (word := _normal_word(piece))]


def _normal_word(word: str) -> str:
    return re.sub(r"[^\w]", "", word.casefold())
