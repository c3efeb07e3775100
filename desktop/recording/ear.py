"""Keeps a device open, and opens it again when it is gone or hangs."""

from __future__ import annotations

import contextlib
import threading
import time

from desktop.recording import device
from desktop.recording.messages import Order
from desktop.recording.sounds import Cut, SoundQueue

_OPEN_AGAIN = 1.0  # seconds between attempts
_HANGS = 10.0  # seconds until a device that neither opens nor closes is left to itself


class Ear:
    """Keeps a device open; opens it again when it is gone or hangs. Never blocks: a hung device has its own thread."""

    def __init__(self, order: Order, sounds: SoundQueue, open_source: device.OpenSource) -> None:
        self.wanted = order.device
        self.opened_at = time.monotonic()
        self.is_gone = False
        self.problem: Exception | None = None
        self._order, self._sounds, self._open_source = order, sounds, open_source
        self._turn = 0  # blocks of a device that was given up are not ours any more
        self._source: device.Source | None = None
        self._busy: threading.Thread | None = None
        self._lost_at = 0.0
        self._tried_at = 0.0

    def open(self) -> None:
        """The first time; raises what the device raises."""
        self._tried_at = time.monotonic()
        self._start(self._turn)

    def open_again(self) -> None:
        """Give the device up and try anew, at most once a second; `Cut` says how long nothing came."""
        now = time.monotonic()
        hangs = self._busy is not None and self._busy.is_alive()
        if now - self._tried_at < (_HANGS if hangs else _OPEN_AGAIN):
            return
        self._tried_at = now
        self._lost_at = self._lost_at or self._sounds.heard_at or self.opened_at
        self._turn += 1
        old, self._source = self._source, None
        self._busy = threading.Thread(target=self._try, args=(self._turn, old, not hangs), daemon=True)
        self._busy.start()

    def close(self) -> None:
        """Take no more; the device may end in its own time."""
        self._turn += 1
        if self._source is not None:
            threading.Thread(target=self._source.close, daemon=True).start()

    def _try(self, turn: int, old: device.Source | None, look: bool) -> None:
        try:
            if old is not None:
                old.close()
            if look:  # PortAudio cannot look for devices while one of them hangs
                with contextlib.suppress(Exception):
                    device.look_again()
            self._start(turn)
        except Exception as error:  # PortAudio has several; the next attempt comes in a second
            self.problem = error

    def _start(self, turn: int) -> None:
        def put(data: bytes) -> None:
            if turn == self._turn:
                if self._lost_at:
                    self._sounds.cut(Cut("device", max(0.0, time.monotonic() - self._lost_at)))
                    self._lost_at = 0.0
                self._sounds.put(data)

        def gone() -> None:
            if turn == self._turn:
                self.is_gone = True

        source = self._open_source(self.wanted, self._order.channels, self._order.rate, put, gone)
        if turn != self._turn:
            source.close()
            return
        self._source, self.problem, self.opened_at = source, None, time.monotonic()
        self.is_gone = False
