"""What in a hearing deserves a second look: a model that got stuck, speech without text, text without a voice.

Works on texts and peaks only. All times are seconds on the recording's clock.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from weakref import WeakKeyDictionary

import numpy as np

from desktop.audio.peaks import Peaks
from desktop.audio.silence import speech_threshold
from desktop.model import Segment, TimeRange, TranscriptDocument
from desktop.sentences import QT_TRANSLATE_NOOP

NO_VOICE = QT_TRANSLATE_NOOP("core", "no voice here")
_LEAST_GAP = 3.0  # seconds
LOW_COVERAGE = 0.6  # a hearing that covers less of the speech than this has probably left something out

_SAME_LINES = 4  # equal segments in a row
_UNITS = range(20, 62)  # characters after which a stuck text repeats itself: 20 to 60 and a space
_REPEATS = 10
_SHORTEST_LOOP = _REPEATS * _UNITS[0] - 1  # characters
_SMOOTHING = 0.04  # seconds
_PAUSE = 0.5  # seconds; shorter ones belong to the speech around them
_FAR = 2.0  # seconds; a longer pause divides what was left out into two gaps
_HARDLY_ANY = 2.0  # seconds of speech that say nothing about coverage

_thresholds: WeakKeyDictionary[Peaks, float] = WeakKeyDictionary()


def is_looped(texts: Sequence[str]) -> bool:
    """Has a speech model got stuck? `texts` are those of consecutive segments; short answers are no loop."""
    lines = [_words(text.casefold()) for text in texts]
    if any(_says_something(words) and sum(1 for _ in run) >= _SAME_LINES for words, run in groupby(lines)):
        return True
    if any(True for text in texts if len(text) >= _SHORTEST_LOOP for _ in _repeated_units(text)):
        return True  # no one says "no" sixty times in one breath
    return any(_says_something(_words_of_unit(unit)) for unit in _repeated_units(" ".join(texts)))


def speech(peaks: Peaks, time_range: TimeRange, shortest: float = 0.3) -> list[TimeRange]:
    """The stretches inside the range that sound like speech; `shortest` seconds is the least that counts."""
    loud, first = _loud(peaks, time_range)
    step = peaks.bucket_seconds
    edges = np.flatnonzero(np.diff(loud.astype(np.int8), prepend=0, append=0))
    starts, ends = edges[::2], edges[1::2]
    apart = (starts[1:] - ends[:-1]) * step >= _PAUSE
    starts, ends = starts[np.append(True, apart)[:len(starts)]], ends[np.append(apart, True)[:len(ends)]]
    long_enough = (ends - starts) * step >= shortest
    begins = np.maximum((first + starts[long_enough]) * step, time_range.start)
    finishes = np.minimum((first + ends[long_enough]) * step, time_range.end)
    return [TimeRange(start, end) for start, end in zip(begins.tolist(), finishes.tolist(), strict=True)]


def coverage(peaks: Peaks, segments: Sequence[Segment], time_range: TimeRange) -> float:
    """Which share (0..1) of the speech in the range lies inside segments; 1.0 when there is hardly any speech."""
    stretches = speech(peaks, time_range)
    spoken = sum(stretch.seconds for stretch in stretches)
    if spoken < _HARDLY_ANY:
        return 1.0
    left_out = sum(piece.seconds for hole in _uncovered(stretches, _covers(segments, 0.25)).values() for piece in hole)
    return min(1.0, max(0.0, 1.0 - left_out / spoken))


def gaps(peaks: Peaks, segments: Sequence[Segment], time_range: TimeRange, shortest: float = 3.0) -> list[TimeRange]:
    """Where at least `shortest` seconds of speech, with small pauses between, are in no segment."""
    result: list[TimeRange] = []
    for hole in _uncovered(speech(peaks, time_range), _covers(segments, 0.5)).values():
        borders = [0, *(n for n in range(1, len(hole)) if hole[n].start - hole[n - 1].end >= _FAR), len(hole)]
        for begin, end in pairwise(borders):
            if sum(piece.seconds for piece in hole[begin:end]) >= shortest:
                result.append(TimeRange(hole[begin].start, hole[end - 1].end))
    return result


def is_over_silence(peaks: Peaks, segment: Segment) -> bool:
    """Text of a second or more where nobody speaks."""
    seconds = segment.end - segment.start
    if seconds < 1.0 or not segment.text.strip():
        return False
    loud, _ = _loud(peaks, TimeRange(segment.start, segment.end))
    return float(loud.sum()) * peaks.bucket_seconds < min(0.3, 0.1 * seconds)


def _words(text: str) -> list[str]:
    return re.sub(r"[^\w\s]|_", "", text).split()


def _words_of_unit(unit: str) -> list[str]:
    """Its whole words, those over the seam too: a unit may begin inside a word."""
    return _words(" ".join((unit + unit).split()[1:-1]) or unit)


def _says_something(words: Sequence[str]) -> bool:
    """Two different words, or a long one: "no, no, no" is what people answer."""
    return len(set(words)) >= 2 or any(len(word) >= 8 for word in words)


def _repeated_units(text: str) -> Iterator[str]:
    """Every unit of 20 to 60 characters that comes ten times back to back, wherever it begins."""
    text = " ".join(text.casefold().split())
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    for unit in _UNITS:
        needed = (_REPEATS - 1) * unit - 1  # characters equal to the one a unit later; the last space may be missing
        different = codes[:-unit] != codes[unit:]
        if len(different) < needed:
            return
        if _longest_run(np.packbits(different)) < needed // 8 - 1:  # eight at a time, which is faster
            continue
        borders = np.flatnonzero(np.concatenate([[True], different, [True]]))
        for run in np.flatnonzero(np.diff(borders) > needed):
            start = int(borders[run])
            yield text[start:start + unit]


def _longest_run(values: np.ndarray) -> int:
    """The length of the longest run of zeros."""
    borders = np.flatnonzero(values)
    return int(np.diff(borders, prepend=-1, append=len(values)).max()) - 1


def _loud(peaks: Peaks, time_range: TimeRange) -> tuple[np.ndarray, int]:
    """For each bucket of the range whether it is as loud as speech, and the number of the first one."""
    step = peaks.bucket_seconds
    first, last = max(0, int(time_range.start / step)), max(0, math.ceil(time_range.end / step))
    half = max(1, round(_SMOOTHING / step / 2))
    before = min(half, first)
    levels = peaks.levels[0][first - before:last + half, 2].view(np.uint8).astype(np.float32) / 254.0
    energy = np.pad(levels * levels, (half, half))
    smooth = np.convolve(energy, np.full(2 * half + 1, 1 / (2 * half + 1), np.float32), "valid")
    return smooth[before:before + max(0, last - first)] > _threshold(peaks) ** 2, first


def _threshold(peaks: Peaks) -> float:
    """`speech_threshold`, lowered where few pauses or one loud speaker put it too high; worked out once per peaks."""
    if peaks not in _thresholds:
        level = peaks.levels[min(1, len(peaks.levels) - 1)][:, 2]
        sample = level[:: max(1, len(level) // 50_000)].view(np.uint8) / 254.0
        floor, voice, top = np.percentile(sample, [10, 95, 99]) if len(sample) else (0.0, 0.0, 0.0)
        far_voice = max(0.004, 3 * floor, 0.08 * voice)
        _thresholds[peaks] = float(min(speech_threshold(peaks), far_voice, max(0.004, top / 3)))
    return _thresholds[peaks]


def _covers(segments: Sequence[Segment], margin: float) -> list[TimeRange]:
    """The segments widened by `margin` seconds on both sides, rising, those that touch joined."""
    covers: list[TimeRange] = []
    for start, end in sorted((segment.start - margin, segment.end + margin) for segment in segments):
        if covers and start <= covers[-1].end:
            covers[-1] = TimeRange(covers[-1].start, max(covers[-1].end, end))
        else:
            covers.append(TimeRange(start, end))
    return covers


def _uncovered(stretches: list[TimeRange], covers: list[TimeRange]) -> dict[int, list[TimeRange]]:
    """What of the stretches lies in each hole between the covers; hole n comes before covers[n]."""
    holes: dict[int, list[TimeRange]] = {}
    starts = [cover.start for cover in covers]
    for stretch in stretches:
        hole = bisect_right(starts, stretch.start)
        at = max(stretch.start, covers[hole - 1].end) if hole else stretch.start
        while at < stretch.end:
            end = min(stretch.end, starts[hole]) if hole < len(covers) else stretch.end
            holes.setdefault(hole, []).append(TimeRange(at, end))
            at = covers[hole].end if hole < len(covers) else stretch.end
            hole += 1
    return holes


def speech_without_text(peaks: Peaks, document: TranscriptDocument) -> tuple[TimeRange, ...]:
    """Gaps of a transcript inside the range it is of; what is still to be heard is not a gap."""
    pieces = gaps(peaks, document.segments, document.transcript.range)
    for missing in document.transcript.missing:
        cut = [(start, end) for gap in pieces for start, end in (
            (gap.start, min(gap.end, missing.start)), (max(gap.start, missing.end), gap.end))]
        pieces = [TimeRange(start, end) for start, end in cut if end - start >= _LEAST_GAP]
    return tuple(pieces)
