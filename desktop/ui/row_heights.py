"""Where rows of different heights stand in a long list: estimated first, measured when they come near the view."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


class RowHeights:
    """Heights in pixels of many rows, and their places; a change costs a sum over all, which is microseconds."""

    def __init__(self) -> None:
        self._heights = np.zeros(0, np.int64)
        self._measured = np.zeros(0, bool)
        self._tops = np.zeros(1, np.int64)

    def __len__(self) -> int:
        return len(self._heights)

    @property
    def total(self) -> int:
        return int(self._tops[-1])

    def set_all(self, estimates: Sequence[int] | np.ndarray) -> None:
        """Other rows altogether."""
        self._heights = np.array(estimates, np.int64)
        self._measured = np.zeros(len(estimates), bool)
        self._sum()

    def insert(self, row: int, estimates: Sequence[int] | np.ndarray) -> None:
        """New rows before `row`."""
        self._heights = np.insert(self._heights, row, estimates)
        self._measured = np.insert(self._measured, row, [False] * len(estimates))
        self._sum()

    def remove(self, row: int, count: int) -> None:
        """Rows go."""
        self._heights = np.delete(self._heights, slice(row, row + count))
        self._measured = np.delete(self._measured, slice(row, row + count))
        self._sum()

    def forget(self, row: int, count: int) -> None:
        """These rows show something else now; until they are measured they keep the height they had."""
        self._measured[row:row + count] = False

    def measure(self, first: int, last: int, height_of: Callable[[int], int]) -> bool:
        """Measure the rows from `first` up to `last` that are only estimated; gives whether a height changed."""
        changed = False
        for row in np.flatnonzero(~self._measured[first:last]) + first:
            height = height_of(int(row))
            changed = changed or height != self._heights[row]
            self._heights[row] = height
        self._measured[first:last] = True
        if changed:
            self._sum()
        return changed

    def top(self, row: int) -> int:
        """Pixels above a row."""
        return int(self._tops[row])

    def height(self, row: int) -> int:
        return int(self._heights[row])

    def at(self, y: int) -> int:
        """The row at a pixel; the first or last one beyond the ends, -1 when there are none."""
        if not len(self._heights):
            return -1
        return min(max(0, int(np.searchsorted(self._tops, y, "right")) - 1), len(self._heights) - 1)

    def _sum(self) -> None:
        self._tops = np.concatenate([[0], np.cumsum(self._heights)])
