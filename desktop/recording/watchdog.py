"""What is wrong with a running recording: a plain look at a few figures, five times a second."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

NO_SOUND = 1.0  # seconds without a block
FIRST_SOUND = 4.0  # until the first block: a sleeping sound server needs two
SILENCE = 5.0  # of zeros only
BEHIND = 5.0  # seconds of sound in memory
LOW, VERY_LOW = 30 * 60.0, 10 * 60.0  # seconds of room on the disk
SHOWN = 5.0  # how long an alarm stays that is over at once
_RATE_HALF = 0.55  # seconds; both halves of the window must be wrong the same way
_RATE_ERROR = 0.05
_SETTLES = 0.2  # seconds after the first block, while buffers fill
_RATE_HELD = 1.0  # seconds, so that an alarm does not flicker
_CALM = 6.0  # after a stall the sound comes in a rush, which says nothing about its rate
_STALL = 0.5  # between two looks: then it was us
_HICCUP = 0.25  # between two blocks


_OF_FULL = ("disk_low", "disk_very_low", "behind", "silent", "sound_lost")


@dataclass(frozen=True)
class Seen:
    """What there is to look at; times are monotonic."""

    opened_at: float  # when the device was opened
    heard_at: float  # last block, 0: none since it was opened
    loud_at: float  # last sample that was not zero, or when it was opened
    frames: int  # that came since the start
    rate: int
    waiting: float  # seconds of sound in memory
    room: float  # seconds of sound that fit on the disk
    is_gone: bool  # the device said that it ended
    lost: int  # how often sound was lost because this computer was busy
    disk: str  # "", "disk_full" or "disk_error"
    is_monitor: bool = False  # it gives what this computer plays


class Watchdog:
    """Looks again and again; knows for how long something has been wrong."""

    def __init__(self) -> None:
        self._last_look = 0.0
        self._forgiven = 0.0  # until then: we were asleep ourselves, so nothing can be said of the device
        self._history: deque[tuple[float, int]] = deque()
        self._opened_at = 0.0
        self._even_from = 0.0  # what came before says nothing of the rate
        self._wrong_at = float("-inf")
        self._lost, self._lost_at = 0, float("-inf")
        self._disk, self._disk_at = "", float("-inf")

    def look(self, now: float, seen: Seen) -> tuple[str, ...]:
        """The alarms (keys of messages.ALARMS), the worst first."""
        if self._last_look and now - self._last_look > _STALL:
            self._forgiven, self._even_from = now, now + _CALM
        self._last_look = now
        found = [self._disk_alarm(now, seen), self._device(now, seen), self._busy(now, seen), self._room(seen)]
        if seen.waiting > BEHIND:
            found.append("behind")
        named = [name for name in found if name]
        # A full disk is one thing that is wrong; what comes of it need not be said as well.
        return tuple(name for name in named if "disk_full" not in named or name not in _OF_FULL)

    def _device(self, now: float, seen: Seen) -> str:
        if seen.is_gone:
            return "device_gone"
        since = max(seen.heard_at or seen.opened_at, self._forgiven)
        if now - since > (NO_SOUND if seen.heard_at else FIRST_SOUND):
            self._even_from = now + _CALM
            return "no_sound"
        if not seen.heard_at:
            return ""
        if self._has_wrong_rate(now, seen):
            return "wrong_rate"
        if seen.heard_at - max(seen.loud_at, seen.opened_at) <= SILENCE:
            return ""
        return "nothing_plays" if seen.is_monitor else "silent"

    def _has_wrong_rate(self, now: float, seen: Seen) -> bool:
        """A rush or a pause spoils one half of the window, or both but in opposite ways; a wrong rate both alike."""
        history = self._history
        if seen.opened_at != self._opened_at:
            self._opened_at = seen.opened_at
            self._even_from = max(self._even_from, seen.heard_at + _SETTLES)
        if now - seen.heard_at > _HICCUP:
            self._even_from = now + _CALM
        if seen.heard_at < self._even_from:
            history.clear()
            return False
        if not history or seen.heard_at > history[-1][0]:
            history.append((seen.heard_at, seen.frames))
        while history[-1][0] - history[1 if len(history) > 1 else 0][0] >= 2 * _RATE_HALF:
            history.popleft()
        if abs(_rate_error(history, seen.rate)) > _RATE_ERROR:
            self._wrong_at = now
        return now - self._wrong_at < _RATE_HELD

    def _busy(self, now: float, seen: Seen) -> str:
        if seen.lost > self._lost:
            self._lost, self._lost_at = seen.lost, now
        return "sound_lost" if now - self._lost_at < SHOWN else ""

    def _disk_alarm(self, now: float, seen: Seen) -> str:
        if seen.disk:
            self._disk, self._disk_at = seen.disk, now
        return self._disk if now - self._disk_at < SHOWN else ""

    @staticmethod
    def _room(seen: Seen) -> str:
        return "disk_very_low" if seen.room < VERY_LOW else "disk_low" if seen.room < LOW else ""


def _rate_error(history: Sequence[tuple[float, int]], rate: int) -> float:
    """The smaller error of the two halves of (time, frames), as a share of `rate`; 0 when they disagree."""
    (first, _), (last, _) = history[0], history[-1]
    if last - first < 2 * _RATE_HALF:
        return 0.0
    middle = min(history, key=lambda point: abs(point[0] - (first + last) / 2))
    errors = [(after[1] - before[1]) / max(1e-3, after[0] - before[0]) / rate - 1
              for before, after in ((history[0], middle), (middle, history[-1]))]
    return 0.0 if errors[0] * errors[1] <= 0 else min(errors, key=abs)
