"""Where nobody speaks: cut points for parts, snapping for handles, the share of speech. Works on peaks only."""

from __future__ import annotations

import numpy as np

from desktop.audio.peaks import Peaks
from desktop.model import TimeRange

_QUIET_WINDOW = 0.3  # seconds that must be quiet at a cut


def quietest_near(peaks: Peaks, seconds: float, reach: float) -> float:
    """The middle of the quietest 300 ms within `reach` seconds of `seconds`; near ties go to the nearest."""
    loudness, step, first = _window(peaks, seconds, reach)
    width = max(1, round(_QUIET_WINDOW / step))
    if len(loudness) <= width:
        return seconds
    energy = np.convolve(loudness * loudness, np.ones(width) / width, "valid")
    middles = (first + np.arange(len(energy)) + width / 2) * step
    # A little weight on distance: among equal silences the one nearest to the wanted place.
    cost = np.sqrt(energy) + 0.002 * np.abs(middles - seconds) / max(reach, 1e-6)
    return float(middles[int(np.argmin(cost))])


def speech_edge_near(peaks: Peaks, seconds: float, reach: float = 0.15) -> float:
    """Where sound begins or ends within `reach` of `seconds`; `seconds` itself when there is no edge."""
    loudness, step, first = _window(peaks, seconds, reach)
    if len(loudness) < 4:
        return seconds
    loud = loudness > speech_threshold(peaks)
    edges = np.flatnonzero(loud[1:] != loud[:-1]) + 1
    if not len(edges):
        return seconds
    times = (first + edges) * step
    return float(times[int(np.argmin(np.abs(times - seconds)))])


def speech_threshold(peaks: Peaks) -> float:
    """The loudness (0..1) above which somebody speaks: between the noise floor and the voice of this recording."""
    loudness = peaks.loudness()
    if not len(loudness):
        return 1.0
    sample = loudness[:: max(1, len(loudness) // 50_000)]
    floor, voice = np.percentile(sample, [10, 95])
    return float(max(0.004, floor + 0.15 * (voice - floor)))


def speech_share(peaks: Peaks, time_range: TimeRange) -> float:
    """Which part of a range (0..1) holds sound as loud as speech."""
    loudness = peaks.loudness()
    step = peaks.bucket_seconds
    window = loudness[int(time_range.start / step):int(time_range.end / step) + 1]
    return float((window > speech_threshold(peaks)).mean()) if len(window) else 0.0


def _window(peaks: Peaks, seconds: float, reach: float) -> tuple[np.ndarray, float, int]:
    step = peaks.bucket_seconds
    first = max(0, int((seconds - reach) / step))
    last = int((seconds + reach) / step) + 1
    return peaks.levels[0][first:last, 2].view(np.uint8).astype(np.float32) / 254.0, step, first
