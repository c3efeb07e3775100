"""What is wrong with a running recording: a plain look at a few figures, five times a second."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

NO_SOUND = 1.0  # seconds without a block
FIRST_SOUND = 4.0  # until the first block: a sleeping sound server needs two
SILENCE = 5.0  # of zeros only
BEHIND = 5.0  # seconds of sound in memory
LOW, VERY_LOW = 30 * 60.0, 10 * 60.0  # seconds of room on the disk
SHOWN = 5.0  # how long an alarm stays that is over at once
_RATE_WINDOW = 2.0
_RATE_ERROR = 0.05
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


class Watchdog:
    """Looks again and again; knows for how long something has been wrong."""

    def __init__(self) -> None:
        self._last_look = 0.0
        self._forgiven = 0.0  # until then: we were asleep ourselves, so nothing can be said of the device
        self._history: deque[tuple[float, int]] = deque()
        self._uneven_at = 0.0
        self._lost, self._lost_at = 0, float("-inf")
        self._disk, self._disk_at = "", float("-inf")

    def look(self, now: float, seen: Seen) -> tuple[str, ...]:
        """The alarms (keys of messages.ALARMS), the worst first."""
        if self._last_look and now - self._last_look > _STALL:
            self._forgiven = self._uneven_at = now
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
            self._uneven_at = now
            return "no_sound"
        if not seen.heard_at:
            return ""
        if self._has_wrong_rate(now, seen):
            return "wrong_rate"
        return "silent" if seen.heard_at - max(seen.loud_at, seen.opened_at) > SILENCE else ""

    def _has_wrong_rate(self, now: float, seen: Seen) -> bool:
        history = self._history
        if now - seen.heard_at > _HICCUP:
            self._uneven_at = now
        history.append((seen.heard_at, seen.frames))
        while history[0][0] < seen.heard_at - _RATE_WINDOW - 0.5:
            history.popleft()
        seconds = seen.heard_at - history[0][0]
        if now - max(self._uneven_at, seen.opened_at) < _CALM or seconds < _RATE_WINDOW:
            return False
        return abs((seen.frames - history[0][1]) / seconds / seen.rate - 1) > _RATE_ERROR

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
