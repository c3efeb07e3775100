"""What in a hearing deserves a second look: a model that got stuck, speech without text, text without a voice.

Works on texts and peaks only. All times are seconds on the recording's clock.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from weakref import WeakKeyDictionary

import numpy as np

from desktop.audio.peaks import Peaks
from desktop.audio.silence import speech_threshold
from desktop.model import Segment, TimeRange, TranscriptDocument
from desktop.sentences import QT_TRANSLATE_NOOP

NO_VOICE = QT_TRANSLATE_NOOP("core", "no voice here")
MUCH_MISSING = QT_TRANSLATE_NOOP("core", "much not heard here")
_LEAST_GAP = 3.0  # seconds
LOW_COVERAGE = 0.6  # a hearing that covers less of the speech than this has probably left something out

_SAME_LINES = 4  # equal segments in a row, or rounds of two to four different ones
_LONGEST_ROUND = 4  # segments
_AGAIN = 3  # lines of the part before in a row
_SENTENCE_END = re.compile(r"[.!?…。！？][\s.!?…。！？]*")
_UNITS = range(20, 62)  # characters after which a stuck text repeats itself: 20 to 60 and a space
_REPEATS = 10
_SHORTEST_LOOP = _REPEATS * _UNITS[0] - 1  # characters
_SMOOTHING = 0.04  # seconds
_PAUSE = 0.5  # seconds; shorter ones belong to the speech around them
_FAR = 2.0  # seconds; a longer pause divides what was left out into two gaps
_HARDLY_ANY = 2.0  # seconds of speech that say nothing about coverage

_thresholds: WeakKeyDictionary[Peaks, float] = WeakKeyDictionary()
_latest: WeakKeyDictionary[Peaks, tuple[tuple[TimeRange, float], tuple[np.ndarray, np.ndarray]]] = WeakKeyDictionary()


def is_looped(texts: Sequence[str]) -> bool:
    """Has a speech model got stuck? `texts` are those of consecutive segments; short answers are no loop."""
    if _goes_round([bare(text) for text in texts], _SAME_LINES):
        return True
    if _goes_round([bare(sentence) for sentence in _SENTENCE_END.split(". ".join(texts))], _REPEATS):
        return True
    if any(True for text in texts if len(text) >= _SHORTEST_LOOP for _ in _repeated_units(text)):
        return True  # no one says "no" sixty times in one breath
    return any(_says_something(_words_of_unit(unit)) for unit in _repeated_units(" ".join(texts)))


def said_again(before: Sequence[str], texts: Sequence[str]) -> set[int]:
    """Which of the `texts`, by number, are three or more lines of `before` in a row once more."""
    old, new = [bare(text) for text in before], [bare(text) for text in texts]
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    return {number for block in blocks if block.size >= _AGAIN for number in range(block.b, block.b + block.size)
            if _says_something(" ".join(new[block.b:block.b + block.size]).split())}


def bare(text: str) -> str:
    """Without case, punctuation and further blanks: what two texts that say the same have in common."""
    return " ".join(_words(text.casefold()))


def speech(peaks: Peaks, time_range: TimeRange, shortest: float = 0.3) -> list[TimeRange]:
    """The stretches inside the range that sound like speech; `shortest` seconds is the least that counts."""
    begins, finishes = _stretches(peaks, time_range, shortest)
    return [TimeRange(start, end) for start, end in zip(begins.tolist(), finishes.tolist(), strict=True)]


def coverage(peaks: Peaks, segments: Sequence[Segment], time_range: TimeRange) -> float:
    """Which share (0..1) of the speech in the range lies inside segments; 1.0 when there is hardly any speech."""
    begins, finishes = _stretches(peaks, time_range)
    spoken = float((finishes - begins).sum())
    if spoken < _HARDLY_ANY:
        return 1.0
    left_out = sum(piece.seconds for hole in _uncovered(begins, finishes, segments, 0.25).values() for piece in hole)
    return min(1.0, max(0.0, 1.0 - left_out / spoken))


def gaps(peaks: Peaks, segments: Sequence[Segment], time_range: TimeRange, shortest: float = 3.0) -> list[TimeRange]:
    """Where at least `shortest` seconds of speech, with small pauses between, are in no segment."""
    result: list[TimeRange] = []
    for hole in _uncovered(*_stretches(peaks, time_range), segments, 0.5).values():
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


def _goes_round(lines: Sequence[str], rounds: int) -> bool:
    """Do one to four lines that say something come so many times in a row?"""
    for length in range(1, _LONGEST_ROUND + 1):
        at = 0
        for is_equal, run in groupby(map(operator.eq, lines, lines[length:])):
            size = sum(1 for _ in run)
            if is_equal and size >= (rounds - 1) * length \
                    and all(_says_something(line.split()) for line in lines[at:at + length]):
                return True
            at += size
    return False


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


def _stretches(peaks: Peaks, time_range: TimeRange, shortest: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Where the stretches of `speech` begin and end; kept, for a transcript changes more often than its sound."""
    wanted = time_range, shortest
    kept = _latest.get(peaks)
    if kept is not None and kept[0] == wanted:
        return kept[1]
    loud, first = _loud(peaks, time_range)
    step = peaks.bucket_seconds
    padded = np.pad(loud, 1)
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    starts, ends = edges[::2], edges[1::2]
    apart = (starts[1:] - ends[:-1]) * step >= _PAUSE
    starts, ends = starts[np.append(True, apart)[:len(starts)]], ends[np.append(apart, True)[:len(ends)]]
    long_enough = (ends - starts) * step >= shortest
    found = (np.maximum((first + starts[long_enough]) * step, time_range.start),
             np.minimum((first + ends[long_enough]) * step, time_range.end))
    _latest[peaks] = wanted, found
    return found


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


def _covers(segments: Sequence[Segment], margin: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the segments, widened by `margin` seconds on both sides, begin and end; rising, those that touch joined."""
    starts = np.array([segment.start for segment in segments]) - margin
    ends = np.array([segment.end for segment in segments]) + margin
    order = np.argsort(starts)
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    apart = starts[1:] > ends[:-1]
    return starts[np.append(True, apart)[:len(starts)]], ends[np.append(apart, True)[:len(ends)]]


def _uncovered(begins: np.ndarray, finishes: np.ndarray, segments: Sequence[Segment],
               margin: float) -> dict[int, list[TimeRange]]:
    """What of the stretches lies in each hole between the covers; hole n comes before cover n.

    The long lists are arrays: a worker that runs Python for 20 ms would hold up the window.
    """
    starts, ends = _covers(segments, margin)
    holes: dict[int, list[TimeRange]] = {}
    first = np.searchsorted(starts, begins, "right")
    clear = np.maximum(begins, np.append(-np.inf, ends)[first])  # where the cover over each beginning ends
    open_ = clear < finishes
    for hole, at, finish in zip(*(a[open_].tolist() for a in (first, clear, finishes)), strict=True):
        while at < finish:
            end = min(finish, float(starts[hole])) if hole < len(starts) else finish
            holes.setdefault(hole, []).append(TimeRange(at, end))
            at = float(ends[hole]) if hole < len(starts) else finish
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
