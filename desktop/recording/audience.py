"""All windows that look at a recorder: each hears its whole status ten times a second, and may wish."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from desktop.recording.channel import Wire
from desktop.recording.messages import BUCKET_BYTES, Status, read_wish, write_status
from desktop.recording.sounds import Meter

_TICK = 0.1
_MOST_REMEMBERED = 4 << 20  # bytes of waveform: two hours at 48 kHz, for a window that comes late


class _Guest:
    """A window, and what it has not been told yet."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.seen = 0  # buckets of the waveform
        self.peaks: tuple[float, ...] = ()
        self.is_clipped = False
        self.thread = threading.Thread()


class Audience:
    """Tells `describe()` to all guests and gives their wishes to `obey`, each in its own time: one that hangs is alone.

    `first_bucket`: where the meter's waveform begins when an earlier recorder has made some of it.
    """

    def __init__(self, describe: Callable[[], Status], obey: Callable[[dict[str, Any]], None], meter: Meter,
                 first_bucket: int = 0) -> None:
        self.alone_since = 0.0  # monotonic; 0 while somebody is there
        self._describe, self._obey, self._meter = describe, obey, meter
        self._guests: list[_Guest] = []
        self._lock = threading.Lock()
        self._forgotten = first_bucket  # buckets before those in memory
        self._remembered = bytearray()
        self._ended = threading.Event()

    def welcome(self, wire: Wire) -> None:
        """Tell one more, from the beginning."""
        guest = _Guest(wire)
        guest.thread = threading.Thread(target=self._tell, args=(guest,), daemon=True)
        with self._lock:
            self._guests.append(guest)
            self.alone_since = 0.0
        guest.thread.start()
        threading.Thread(target=self._hear, args=(guest,), daemon=True).start()

    def collect(self) -> None:
        """Take what the meter has, for all."""
        with self._lock:
            peaks, is_clipped = self._meter.take_peaks()
            self._remembered += self._meter.take_buckets()
            if len(self._remembered) > _MOST_REMEMBERED + (1 << 20):
                too_many = (len(self._remembered) - _MOST_REMEMBERED) // BUCKET_BYTES
                del self._remembered[:too_many * BUCKET_BYTES]
                self._forgotten += too_many
            for guest in self._guests:
                guest.peaks = tuple(map(max, guest.peaks, peaks)) if guest.peaks else peaks
                guest.is_clipped = guest.is_clipped or is_clipped

    def end(self, seconds: float) -> None:
        """Tell all the last status; who does not take it within `seconds` is left."""
        self._ended.set()
        deadline = time.monotonic() + seconds
        for guest in list(self._guests):
            guest.thread.join(max(0.0, deadline - time.monotonic()))

    def _tell(self, guest: _Guest) -> None:
        with contextlib.suppress(OSError, ValueError):
            while True:
                ended = self._ended.wait(_TICK)
                self.collect()
                guest.wire.say(write_status(self._for(guest)))
                if ended:
                    break
        self._miss(guest)

    def _hear(self, guest: _Guest) -> None:
        for line in guest.wire.lines():
            with contextlib.suppress(ValueError):
                self._obey(read_wish(line))
        self._miss(guest)

    def _miss(self, guest: _Guest) -> None:
        with self._lock:
            if guest in self._guests:
                self._guests.remove(guest)
            if not self._guests:
                self.alone_since = self.alone_since or time.monotonic()

    def _for(self, guest: _Guest) -> Status:
        status = self._describe()
        with self._lock:
            first = max(guest.seen, self._forgotten)
            buckets = bytes(self._remembered[(first - self._forgotten) * BUCKET_BYTES:])
            peaks, is_clipped = guest.peaks, guest.is_clipped
            guest.seen = first + len(buckets) // BUCKET_BYTES
            guest.peaks, guest.is_clipped = (), False
        return replace(status, peaks=peaks, is_clipped=is_clipped, first_bucket=first, buckets=buckets)
