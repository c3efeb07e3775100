"""Work off the GUI thread: say everything, then start. Callbacks run on the GUI thread, in order."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal
from shiboken6 import isValid

from desktop.errors import Cancelled, PullquoteError

if TYPE_CHECKING:
    from desktop.model import Progress

_log = logging.getLogger("pullquote")
_BETWEEN_REPORTS = 0.05  # seconds; what comes faster and brings nothing new is not shown


class Task(QObject):
    """One piece of work on a daemon thread. `stop()` makes its next report raise Cancelled."""

    _happened = Signal(str, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stopping = threading.Event()
        self._callbacks: dict[str, Callable[[Any], None] | None] = {}
        self._last_report = 0.0
        self._last_sentence = ""
        self.is_running = False
        self._happened.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def stop(self) -> None:
        """Ask the work to stop; `failed` is called with Cancelled."""
        self._stopping.set()

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def report(self, progress: Progress) -> None:
        """The `report` that the work gets; runs on its thread."""
        if self._stopping.is_set():
            raise Cancelled
        now = time.monotonic()
        quick = now - self._last_report < _BETWEEN_REPORTS and progress.sentence == self._last_sentence
        if progress.payload is None and quick:
            return
        self._last_report, self._last_sentence = now, progress.sentence
        self._happened.emit("progress", progress)

    def run(self, function: Callable[..., Any], arguments: tuple[Any, ...],
            callbacks: dict[str, Callable[[Any], None] | None]) -> None:
        """Begin; the callbacks are known before the thread is."""
        self._callbacks = callbacks
        self.is_running = True
        threading.Thread(target=self._work, args=(function, arguments), daemon=True).start()

    def _work(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        try:
            result = function(*arguments)
        except PullquoteError as error:
            self._tell("failed", error)
        except Exception as error:
            # type and place only: the text of an exception may hold words or a key
            frames = [f"{f.f_code.co_qualname}:{line}" for f, line in _frames(error)]
            _log.error("bug in a worker: %s at %s", type(error).__name__, " < ".join(reversed(frames)))
            self._tell("failed", PullquoteError(
                "Something went wrong inside Pullquote ({name}). Nothing was lost; try again, and report it if it "
                "comes back.", name=type(error).__name__))
        else:
            self._tell("done", result)

    def _tell(self, what: str, value: object) -> None:
        with suppress(RuntimeError):  # the window is gone: nobody is left to be told
            self._happened.emit(what, value)

    def _deliver(self, what: str, value: object) -> None:
        if what != "progress":
            self.is_running = False
        callback = self._callbacks.get(what)
        if callback is not None and not (what == "progress" and self._stopping.is_set()):
            callback(value)
        if what != "progress":
            self._callbacks = {}


class Tasks(QObject):
    """Starts tasks and keeps them alive while they run."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: set[Task] = set()

    def start(self, function: Callable[..., Any], *arguments: Any, done: Callable[[Any], None] | None = None,
              failed: Callable[[Any], None] | None = None,
              progress: Callable[[Any], None] | None = None, pass_report: bool = False) -> Task:
        """Run `function(*arguments)` on a thread; with `pass_report` its last argument is the task's report.

        `failed` gets a PullquoteError (Cancelled when stopped).
        """
        task = Task(self)
        self._running.add(task)

        def finish(callback: Callable[[Any], None] | None) -> Callable[[Any], None]:
            def call(value: Any) -> None:
                self._running.discard(task)
                task.deleteLater()
                if callback is not None and not _is_gone(getattr(callback, "__self__", None)):
                    callback(value)
            return call

        if pass_report:
            arguments = (*arguments, task.report)
        task.run(function, arguments, {"done": finish(done), "failed": finish(failed), "progress": progress})
        return task

    @property
    def running(self) -> int:
        return len(self._running)

    def stop_all(self) -> None:
        """Ask every task to stop."""
        for task in self._running:
            task.stop()


def _is_gone(owner: object) -> bool:
    """Whether the widget that wanted to know has been closed meanwhile."""
    return isinstance(owner, QObject) and not isValid(owner)


def _frames(error: BaseException) -> list[tuple[Any, int]]:
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    return frames
