"""The one recording that is being made: wishes, what is known of it, and bringing it into the library afterwards."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.audio.peaks import Peaks
from desktop.errors import PullquoteError
from desktop.model import Progress, Recording, Report, TimeRange
from desktop.recording import recovery
from desktop.recording.control import Recorder, attach, new_folder
from desktop.recording.messages import CALM, Device, State, Status
from desktop.recording.recovery import Leftover
from desktop.sentences import Sentence
from desktop.ui.words import translated

if TYPE_CHECKING:
    from desktop.ui.workspace import Workspace

_TICK = 100  # milliseconds between two looks at the recorder
_SHOWN = 4.0  # seconds that an alarm stays when its cause is gone
_ON_ITS_WAY = 1.0  # seconds until the recorder's status must show what was wished
_MOST_RESTARTS = 3  # of a recorder that dies, within a minute
_PATIENCE = 2.5  # seconds that quitting waits for the recorder's last words


class RecorderSession(QObject):
    """Asks the recorder ten times a second; nothing here waits for it."""

    changed = Signal()  # a look was taken
    state_changed = Signal()  # it began, paused, went off the record, ended
    alarmed = Signal()  # something is wrong that was not before
    kept = Signal(object)  # the Recording, in the library

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._recorder: Recorder | None = None
        self._is_starting = False
        self._seen: tuple[object, ...] = ()
        self._wrong: dict[Sentence, float] = {}  # and until when it is shown
        self._restarts: list[float] = []
        self._wished: dict[str, tuple[bool, float]] = {}  # what, and until when its state is still to come
        self.status = Status()
        self.title = ""
        self.marks: list[float] = []
        self.off_record: list[TimeRange] = []  # for the picture; the recorder keeps the true times
        self.problem = ""  # why the last one did not begin, in words
        self.saving: dict[Path, str] = {}  # what is being brought into the library, and how far it is
        self._ticker = QTimer(self)
        self._ticker.setInterval(_TICK)
        self._ticker.timeout.connect(self._look)

    # -- what is known ---------------------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether a recording is being made, be it paused or at its very end."""
        return self._recorder is not None or self._is_starting

    @property
    def is_paused(self) -> bool:
        return self.is_running and self.status.state is State.PAUSED

    @property
    def folder(self) -> Path | None:
        """Where the running recording is written."""
        return self._recorder.folder if self._recorder else None

    def sentences(self) -> tuple[Sentence, ...]:
        """What is wrong, the worst first; also what was wrong some seconds ago, so that it can be read."""
        return tuple(self._wrong) if self._recorder else ()

    def peaks(self, seconds: float) -> Peaks | None:
        """The waveform of the last seconds."""
        return self._recorder.peaks(seconds) if self._recorder else None

    def levels(self) -> tuple[tuple[float, ...], tuple[float, ...], bool]:
        """The loudest sample of each channel now and of the last moments, 0..1, and whether one was clipped."""
        if self._recorder is None:
            return (), (), False
        held, is_clipped = self._recorder.held_peaks()
        return self.status.peaks, held, is_clipped

    # -- wishes ----------------------------------------------------------------------------------------------

    def start(self, device: str, channels: int, title: str, after: Recorder | None = None) -> None:
        """Begin, on a worker: making a process may take longer than a frame. `state_changed` tells what came of it.

        `after`: a sound check that still closes the device.
        """
        if self.is_running:
            return
        self._is_starting, self.status, self.title = True, Status(), title

        def failed(error: PullquoteError) -> None:
            self._is_starting, self.problem = False, translated(error.sentence)
            self.state_changed.emit()

        recordings = self._workspace.library.folder / "recordings"
        self._workspace.tasks.start(_start, recordings, device, channels, title, after,
                                    done=lambda recorder: self._adopt(recorder, title), failed=failed)
        self.state_changed.emit()

    def take_over(self, recorder: Recorder, known: Leftover) -> None:
        """Look after a recorder that was found at work, with what it noted so far: the window that started it died."""
        if not self.is_running:
            self._adopt(recorder, recorder.title)
            self.marks = [mark.seconds for mark in known.marks if not mark.note]
            self.off_record = [stretch.range for stretch in known.withheld]

    def _adopt(self, recorder: Recorder, title: str) -> None:
        """Look after a recorder that was started just now, or found at work."""
        self._is_starting = False
        self._recorder, self.title, self.problem, self.marks = recorder, title, "", []
        self.off_record = []
        self.status, self._seen, self._wrong, self._restarts = Status(), (), {}, []
        self._wished = {}
        self._ticker.start()
        self.state_changed.emit()

    def mark(self) -> None:
        """Note the place that is heard now."""
        if self._recorder is not None:
            self._recorder.mark()
            self.marks.append(self.status.elapsed)
            self.state_changed.emit()

    def toggle_off_record(self) -> None:
        """What is said from now on is off the record, or on it again."""
        if self._recorder is not None:
            self._recorder.set_off_record(self._other_than("off_record", self.status.is_off_record))

    def toggle_pause(self) -> None:
        if self._recorder is not None:
            self._recorder.pause() if self._other_than("pause", self.is_paused) else self._recorder.resume()

    def _other_than(self, wish: str, state: bool) -> bool:
        """The opposite of what was wished just now, else of what is: a quick second press takes the first one back."""
        before, until = self._wished.get(wish, (state, 0.0))
        wanted = not (before if time.monotonic() < until else state)
        self._wished[wish] = wanted, time.monotonic() + _ON_ITS_WAY
        return wanted

    def switch(self, device: Device) -> None:
        """Go on with another device."""
        if self._recorder is not None:
            self._recorder.switch(device)

    def stop(self) -> None:
        """End it; it is brought into the library by itself."""
        if self._recorder is not None:
            self._recorder.stop()

    def stop_and_wait(self) -> None:
        """At quitting: the recorder ends by itself; what it leaves is offered at the next start."""
        if self._recorder is not None:
            self._ticker.stop()
            self._recorder.stop()
            self._recorder.wait(_PATIENCE)
            self._recorder = None

    # -- looking ---------------------------------------------------------------------------------------------

    def _look(self) -> None:
        if self._recorder is None:
            return
        self.status = status = self._recorder.status()
        self._follow_terms(status)
        is_new = self._note_wrong(self._recorder.sentences())
        if status.state is State.LOST and self._may_restart():
            self._recorder.restart()
        elif status.state in (State.FINISHED, State.FAILED, State.LOST):
            self._end(self._recorder)
        if is_new:
            self.alarmed.emit()
        seen = (status.state, status.is_off_record, status.device, self.is_running)
        if seen != self._seen:
            self._seen = seen
            self.state_changed.emit()
        self.changed.emit()

    def _follow_terms(self, status: Status) -> None:
        now, before = status.elapsed, self.off_record[-1:]
        if status.is_off_record and (not before or before[0].end < now - 1):
            self.off_record.append(TimeRange(now, now))
        elif status.is_off_record:
            self.off_record[-1] = TimeRange(before[0].start, max(before[0].end, now))

    def _note_wrong(self, sentences: tuple[Sentence, ...]) -> bool:
        """Whether something is wrong that was not before and is worth an alarm."""
        now, before = time.monotonic(), self._wrong
        self._wrong = {**dict.fromkeys(sentences, now + _SHOWN),
                       **{s: until for s, until in before.items() if until > now and s not in sentences}}
        return any(sentence not in before and sentence.template not in CALM for sentence in sentences)

    def _may_restart(self) -> bool:
        now = time.monotonic()
        self._restarts = [*(at for at in self._restarts if now - at < 60), now]
        return len(self._restarts) <= _MOST_RESTARTS

    def _end(self, recorder: Recorder) -> None:
        self._ticker.stop()
        sentences = recorder.sentences()
        self._recorder = None
        if self.status.state is State.FAILED:
            self.problem = translated(sentences[0]) if sentences else self.tr("The recording did not begin.")
        else:
            self.keep(recorder.folder, self.title)

    # -- afterwards ------------------------------------------------------------------------------------------

    def keep(self, folder: Path, title: str) -> None:
        """Check, convert and enter what lies in the folder, on a worker."""
        workspace = self._workspace
        self.saving[folder] = ""

        def told(progress: Progress) -> None:
            self.saving[folder] = f"{translated(progress.sentence)}, {progress.fraction:.0%}"
            self.changed.emit()

        def ended() -> None:
            self.saving.pop(folder, None)
            self.state_changed.emit()

        def done(recording: Recording) -> None:
            ended()
            workspace.library_changed.emit()
            self.kept.emit(recording)

        def failed(error: PullquoteError) -> None:
            ended()
            again = error.sentence.template != recovery.NOTHING
            workspace.tell(error.sentence, is_error=True, action=self.tr("Try again") if again else "",
                           verb=partial(self.keep, folder, title) if again else None)

        workspace.tasks.start(_keep, workspace, folder, title, pass_report=True, done=done, failed=failed,
                              progress=told)
        self.state_changed.emit()


def look_for_leftovers(recordings: Path, ours: set[Path | None],
                       is_free: bool) -> tuple[list[Leftover], tuple[Recorder, Leftover] | None]:
    """What is not in the library and not `ours`; and a recorder whose window died, if the session `is_free` for it."""
    found = [leftover for leftover in recovery.leftovers(recordings) if leftover.folder not in ours]
    for leftover in found:
        if is_free and leftover.is_running and (recorder := attach(leftover.folder)) is not None:
            return [other for other in found if other is not leftover], (recorder, leftover)
    return found, None


def _start(recordings: Path, device: str, channels: int, title: str, after: Recorder | None) -> Recorder:
    if after is not None:
        after.wait(_PATIENCE)
    return Recorder(new_folder(recordings), device, channels=channels, title=title)


def _keep(workspace: Workspace, folder: Path, title: str, report: Report) -> Recording:
    return recovery.keep(workspace.library, workspace.cache, folder, report, title=title)
