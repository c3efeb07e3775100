"""Single samples for the deepest zoom, read from the playback copy a little around what is visible."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from desktop.audio.files import PlaybackCopy

_LONGEST = 12.0  # seconds that may be read on the GUI thread: about 10 ms


class WaveDetail:
    """Columns from samples; without a playback copy there are none."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._copy: PlaybackCopy | None = None
        self._start = 0
        self._samples = np.zeros((0, 1), np.int16)

    def columns(self, start: float, per_column: float, count: int) -> tuple[np.ndarray, ...] | None:
        """(min, max, rms) like Peaks.columns, or None when too much would have to be read."""
        if self._path is None or per_column * count > _LONGEST:
            return None
        if self._copy is None:
            from desktop.audio.files import PlaybackCopy

            self._copy = PlaybackCopy(self._path)
        rate = self._copy.rate
        self._have(int(start * rate), int((start + per_column * count) * rate) + 2)
        edges = ((start + np.arange(count + 1) * per_column) * rate).astype(np.int64) - self._start
        if not len(self._samples):
            return None
        inside = (edges[:-1] >= 0) & (edges[:-1] < len(self._samples))
        begins = np.clip(edges[:-1], 0, len(self._samples) - 1)
        samples = self._samples[:max(int(edges[-1]), int(begins[-1]) + 1)]  # the last column ends where it ends
        low = np.minimum.reduceat(samples.min(axis=1), begins)
        high = np.maximum.reduceat(samples.max(axis=1), begins)
        # one sample more than the column holds, so that neighbouring columns touch
        following = self._samples[np.minimum(begins + 1, len(self._samples) - 1)]
        low = np.minimum(low, following.min(axis=1)) // 256
        high = np.maximum(high, following.max(axis=1)) // 256
        silence = np.zeros(count, np.int16)
        return np.where(inside, low, silence), np.where(inside, high, silence), silence

    def close(self) -> None:
        if self._copy is not None:
            self._copy.close()
            self._copy = None

    def _have(self, first: int, last: int) -> None:
        assert self._copy is not None
        if self._start <= first and last <= self._start + len(self._samples):
            return
        margin = last - first
        self._start = max(0, first - margin // 2)
        self._samples = self._copy.read(self._start, last - self._start + margin // 2)
