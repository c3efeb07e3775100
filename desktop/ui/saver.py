"""Keeps what is edited, at once and in order, on a thread of its own: the window never waits for the disk."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal

from desktop.errors import LibraryConflict, PullquoteError
from desktop.library import Library
from desktop.model import Change

_AGAIN_AFTER = 2.0  # seconds; a full disk may have room again
_MANY, _BREATH = 500, 0.05  # of so many lines (and seconds): the window is painted first, then they are written
_MOST_AT_ONCE = 500  # changes in one transaction

Deed = Callable[[], object]


class Saver(QObject):
    """A queue of changes and other deeds for the library. What cannot be written now is tried until it can."""

    failed = Signal(object)  # PullquoteError: it is tried again
    lost = Signal(object)  # PullquoteError: it contradicts what is in the library, and was left out
    idle = Signal()  # all is written
    _done = Signal(object)

    def __init__(self, library: Library, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self._queue: deque[tuple[int, Change] | Deed] = deque()
        self._ready = threading.Condition()
        self._is_busy = False
        self._closing = False
        self._done.connect(lambda call: call(), Qt.ConnectionType.QueuedConnection)
        self._thread: threading.Thread | None = None

    def put_change(self, transcript_id: int, change: Change) -> None:
        """Write a change, after everything that was put before it."""
        self._put((transcript_id, change))

    def put(self, deed: Deed, done: Callable[[], object] | None = None) -> None:
        """Do something else with the library, in its turn; `done` is called on the GUI thread."""
        self._put(deed)
        if done is not None:
            self._put(lambda: self._done.emit(done))

    def wait(self, seconds: float = 10.0) -> bool:
        """Until everything is written; False when that takes longer. Any thread may ask."""
        with self._ready:
            return self._ready.wait_for(lambda: not self._queue and not self._is_busy, seconds)

    def close(self, seconds: float = 5.0) -> bool:
        """Write what is left and end; False when something could not be written."""
        written = self.wait(seconds)
        with self._ready:
            self._closing = True
            self._ready.notify_all()
        return written

    def _put(self, item: tuple[int, Change] | Deed) -> None:
        with self._ready:
            self._queue.append(item)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()
            self._ready.notify_all()

    def _work(self) -> None:
        while True:
            with self._ready:
                if self._is_busy and not self._queue:
                    self.idle.emit()
                self._is_busy = False
                self._ready.notify_all()
                self._ready.wait_for(lambda: self._queue or self._closing)
                if not self._queue:
                    return
                batch = self._next()
                self._is_busy = True
            if isinstance(batch, list) and sum(len(change.after) for _, change in batch) > _MANY:
                time.sleep(_BREATH)
            self._keep(batch)

    def _next(self) -> list[tuple[int, Change]] | Deed:
        """The changes that stand in a row, or one other deed."""
        changes: list[tuple[int, Change]] = []
        while self._queue and len(changes) < _MOST_AT_ONCE and isinstance(self._queue[0], tuple):
            item = self._queue.popleft()
            assert isinstance(item, tuple)
            changes.append(item)
        if changes:
            return changes
        deed = self._queue.popleft()
        assert not isinstance(deed, tuple)
        return deed

    def _keep(self, batch: list[tuple[int, Change]] | Deed) -> None:
        while True:
            try:
                self._library.apply(batch) if isinstance(batch, list) else batch()
                return
            except LibraryConflict as error:
                if isinstance(batch, list) and len(batch) > 1:  # only the one that does not fit is left out
                    for item in batch:
                        self._keep([item])
                else:
                    self.lost.emit(error)
                return
            except PullquoteError as error:
                self.failed.emit(error)
                with self._ready:
                    if self._ready.wait_for(lambda: self._closing, _AGAIN_AFTER):
                        return
