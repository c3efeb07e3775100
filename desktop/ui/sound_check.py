"""The sound check of the recorder: a level before anything is recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.recording.control import Recorder
from desktop.recording.messages import ENDED, PROBLEMS
from desktop.sentences import Sentence, say

if TYPE_CHECKING:
    from desktop.ui.workspace import Workspace

_TICK = 100  # milliseconds between two looks


class SoundCheck(QObject):
    """Listens to a device on the user's wish; what is heard is measured and kept nowhere."""

    changed = Signal()

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._recorder: Recorder | None = None
        self._wanted = 0  # counts wishes, so that a process that came too late is ended
        self.is_wanted = False
        self.problem = ""  # why it could not begin
        self._ticker = QTimer(self)
        self._ticker.setInterval(_TICK)
        self._ticker.timeout.connect(self._look)

    def start(self, device: str, channels: int) -> None:
        """Listen to this device, in the place of the one before."""
        before = self.stop()
        self._wanted += 1
        self.is_wanted, self.problem = True, ""
        self._workspace.tasks.start(_start, before, device, channels, done=self._adopter(self._wanted))
        self.changed.emit()

    def stop(self) -> Recorder | None:
        """Listen no more; gives what is still closing the device."""
        self._ticker.stop()
        before, self._recorder, self.is_wanted = self._recorder, None, False
        self._wanted += 1
        if before is not None:
            before.stop()
        self.changed.emit()
        return before

    def levels(self) -> tuple[tuple[float, ...], tuple[float, ...], bool]:
        """The loudest sample of each channel now and of the last moments, 0..1, and whether one was clipped."""
        if self._recorder is None:
            return (), (), False
        held, is_clipped = self._recorder.held_peaks()
        return self._recorder.status().peaks, held, is_clipped

    def sentences(self) -> tuple[Sentence, ...]:
        """What is wrong with what is heard."""
        return self._recorder.sentences() if self._recorder is not None else ()

    def _adopter(self, wanted: int) -> Callable[[Recorder], None]:
        def adopt(recorder: Recorder) -> None:
            if wanted != self._wanted:
                recorder.stop()
                return
            self._recorder = recorder
            self._ticker.start()
            self.changed.emit()
        return adopt

    def _look(self) -> None:
        status = self._recorder.status() if self._recorder is not None else None
        if status is not None and status.state in ENDED:
            problem = say(PROBLEMS.get(status.problem, PROBLEMS["no_device"]), device=status.device, disk="")
            self.stop()
            self.problem = problem if status.problem else ""
        self.changed.emit()


def _start(before: Recorder | None, device: str, channels: int) -> Recorder:
    """On a worker: the same device is often open for one only."""
    if before is not None:
        before.wait(2.0)
    return Recorder(Path(), device, channels=channels, is_check=True)
