"""Seconds to pixels and back: the one place where they meet."""

from __future__ import annotations

SHORTEST_VIEW = 0.05  # seconds on screen at the deepest zoom


class TimeScale:
    """Which stretch of a recording is on screen: `start` seconds at x = 0, `width` pixels wide."""

    def __init__(self) -> None:
        self.duration = 0.0
        self.width = 1
        self.start = 0.0
        self.per_pixel = 1.0  # seconds

    @property
    def end(self) -> float:
        return self.start + self.visible

    @property
    def visible(self) -> float:
        """Seconds on screen."""
        return self.per_pixel * self.width

    def to_x(self, seconds: float) -> float:
        return (seconds - self.start) / self.per_pixel

    def to_time(self, x: float) -> float:
        """Seconds at pixel `x`, within the recording."""
        return min(self.duration, max(0.0, self.start + x * self.per_pixel))

    def set_duration(self, duration: float) -> None:
        """Another recording: all of it is shown."""
        self.duration = max(0.0, duration)
        self.show_all()

    def set_width(self, width: int) -> None:
        """The view was resized: what was all stays all, else the zoom stays."""
        was_all = self.visible >= self.duration - 1e-9
        self.width = max(1, width)
        if was_all:
            self.show_all()
        self._clamp()

    def show_all(self) -> None:
        self.start = 0.0
        self.per_pixel = max(self.duration, SHORTEST_VIEW) / self.width

    def zoom(self, factor: float, x: float) -> None:
        """Show `factor` times as much; the moment under pixel `x` stays there."""
        anchor = self.start + x * self.per_pixel
        longest = max(self.duration, SHORTEST_VIEW) / self.width
        self.per_pixel = min(longest, max(SHORTEST_VIEW / self.width, self.per_pixel * factor))
        self.start = anchor - x * self.per_pixel
        self._clamp()

    def scroll(self, seconds: float) -> None:
        self.start += seconds
        self._clamp()

    def show(self, start: float, end: float) -> None:
        """Make the stretch fill the view."""
        self.per_pixel = min(max(self.duration, SHORTEST_VIEW), max(end - start, SHORTEST_VIEW)) / self.width
        self.start = start
        self._clamp()

    def reveal(self, seconds: float) -> bool:
        """Scroll so that `seconds` is visible, page by page as while playing. True when something moved."""
        if self.start <= seconds <= self.end - 0.02 * self.visible:
            return False
        self.start = seconds - 0.1 * self.visible
        self._clamp()
        return True

    def _clamp(self) -> None:
        self.start = min(max(0.0, self.start), max(0.0, self.duration - self.visible))


_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
          3600, 7200)


def ruler_step(per_pixel: float, least_pixels: int = 90) -> float:
    """A round distance between ruler labels, at least `least_pixels` apart."""
    return next((step for step in _STEPS if step / per_pixel >= least_pixels), _STEPS[-1])
