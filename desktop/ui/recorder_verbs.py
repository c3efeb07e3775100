"""The verbs of recording: the panel, the keys, the tray, the alarm, and what earlier recordings left."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QApplication

from desktop.sentences import QT_TRANSLATE_NOOP
from desktop.ui.words import sure, translated

if TYPE_CHECKING:
    from desktop.audio.alarm import Alarm
    from desktop.model import Recording
    from desktop.recording.control import Recorder
    from desktop.recording.recovery import Leftover
    from desktop.ui.library_panel import LibraryPanel
    from desktop.ui.library_running import RunningRow
    from desktop.ui.recorder_panel import RecorderPanel
    from desktop.ui.recorder_session import RecorderSession
    from desktop.ui.recording_view import RecordingView
    from desktop.ui.tray import Tray
    from desktop.ui.workspace import Workspace

_ON_RECORDING = ("record_pause", "record_off", "record_stop")
_N = QT_TRANSLATE_NOOP


class RecorderVerbs:
    """A part of the main window; what it needs is made when somebody records for the first time."""

    workspace: Workspace
    view: RecordingView
    actions_by_name: dict[str, QAction]

    session: RecorderSession | None = None
    library_panel: LibraryPanel
    recorder_panel: RecorderPanel
    running_row: RunningRow
    _tray: Tray | None = None
    _alarm: Alarm | None = None

    # -- the panel -------------------------------------------------------------------------------------------

    def record(self) -> None:
        """Show the recorder, ready to start; while it records, show where."""
        self._recorder_session()
        self.recorder_panel.show()
        if not self.is_recording:
            self.recorder_panel.take_focus()

    def _recorder_session(self) -> RecorderSession:
        if self.session is None:
            from desktop.ui.library_running import RunningRow
            from desktop.ui.recorder_panel import RecorderPanel
            from desktop.ui.recorder_session import RecorderSession

            self.session = RecorderSession(self.workspace, self.view)
            self.recorder_panel = RecorderPanel(self.workspace, self.session, self.actions_by_name)
            self.recorder_panel.hide()
            self.view.show_above(self.recorder_panel)
            self.running_row = RunningRow(self.session, self.library_panel)
            self.library_panel.show_on_top(self.running_row)
            self.running_row.clicked.connect(self.record)
            self.recorder_panel.close_requested.connect(self.close_recorder)
            self.recorder_panel.reminder_requested.connect(self.edit_reminder)
            self.session.state_changed.connect(self._show_recording_state)
            self.session.changed.connect(self._show_title)
            self.session.alarmed.connect(self.sound_alarm)
            self.session.kept.connect(self._recorded)
        return self.session

    @property
    def is_recording(self) -> bool:
        return self.session is not None and self.session.is_running

    def close_recorder(self) -> None:
        self.recorder_panel.hide()
        self.view.waveform.setFocus()

    def record_pause(self) -> None:
        if self.session is not None:
            self.session.toggle_pause()

    def record_off(self) -> None:
        if self.session is not None:
            self.session.toggle_off_record()

    def record_stop(self) -> None:
        if self.session is not None:
            self.session.stop()

    def mark_recording(self) -> bool:
        """Mark what is being recorded, unless something else is being listened to."""
        if self.session is None or not self.is_recording or self.workspace.player.is_playing:
            return False
        self.session.mark()
        return True

    def edit_reminder(self) -> None:
        from desktop.ui.recorder_dialogs import ReminderDialog

        ReminderDialog(self.workspace, self.recorder_panel).open()

    # -- always to be seen -----------------------------------------------------------------------------------

    def _show_title(self) -> None:
        """The title of the window says first of all that it records."""
        from desktop.model import clock

        recording = self.workspace.recording
        title = f"{recording.title} — Pullquote" if recording else "Pullquote"
        if self.session is not None and self.is_recording:
            sign = "Ⅱ" if self.session.is_paused else "●"
            title = f"{sign} {clock(self.session.status.elapsed)} — {title}"
        self.setWindowTitle(title)  # type: ignore[attr-defined]

    def _show_recording_state(self) -> None:
        self._show_title()
        for name in _ON_RECORDING:
            self.actions_by_name[name].setEnabled(self.is_recording)
        self._show_state()  # type: ignore[attr-defined]
        if self.is_recording:
            self.recorder_panel.show()
        elif self.session is not None and not self.session.saving and not self.session.problem:
            self.recorder_panel.hide()
        self._show_tray()

    def _show_tray(self) -> None:
        from desktop.ui.tray import Tray

        if self._tray is None and self.is_recording and Tray.isSystemTrayAvailable():
            assert self.session is not None
            self._tray = Tray(self.session, self.actions_by_name, self.view)
            self._tray.window_wanted.connect(self._come_forward)
        if self._tray is not None:
            self._tray.setVisible(self.is_recording)

    def _come_forward(self) -> None:
        window = self.view.window()
        window.setWindowState(window.windowState() & ~window.windowState().WindowMinimized)
        window.show()
        window.raise_()
        window.activateWindow()

    def sound_alarm(self) -> None:
        """Something is wrong with the recording: be heard and seen, whatever is done just now."""
        from desktop.audio.alarm import Alarm

        self._alarm = self._alarm or Alarm()
        self._alarm.ring()
        QApplication.beep()
        QApplication.alert(self.view.window())
        self.recorder_panel.show()
        if self._tray is not None and self.session is not None:
            self._tray.warn("\n".join(map(translated, self.session.sentences())))

    # -- afterwards ------------------------------------------------------------------------------------------

    def _recorded(self, recording: Recording) -> None:
        """It is in the library: open it, but take nobody out of what he is writing."""
        if self.view.transcript.is_editing or self.is_recording:
            self.workspace.tell(translated(_N("core", "“{title}” is in the library.")).format(
                title=recording.title), action=translated(_N("core", "Open")),
                verb=partial(self.workspace.open, recording))
        else:
            self.workspace.open(recording)
            self.view.transcribe_button.setFocus()

    def may_stop_recording(self) -> bool:
        """Ask before quitting in the middle of a recording; not when the computer is being shut down."""
        application = QGuiApplication.instance()
        return (isinstance(application, QGuiApplication) and application.isSavingSession()) or sure(
            self.view.window(), translated(_N("core", "Quit Pullquote")), translated(_N(
                "core", "A recording is being made. If you quit, it is ended here; all of it is safe, and the next "
                        "start brings it into the library.")), translated(_N("core", "End the recording and quit")))

    def end_recording(self) -> None:
        """At quitting, after it was asked."""
        if self.session is not None:
            self.session.stop_and_wait()
        if self._tray is not None:
            self._tray.hide()
        if self._alarm is not None:
            self._alarm.end()

    # -- what earlier recordings left ------------------------------------------------------------------------

    def offer_leftovers(self, *, even_if_none: bool = False) -> None:
        """Look for recordings that are not in the library, off the GUI thread, and show them."""
        from desktop.ui.recorder_session import look_for_leftovers

        def show(found: tuple[list[Leftover], tuple[Recorder, Leftover] | None]) -> None:
            left, at_work = found
            if at_work is not None:
                self._recorder_session().take_over(*at_work)
                self.recorder_panel.show()
            if left:
                self._show_leftovers(left)
            elif even_if_none and at_work is None:
                self.workspace.tell(translated(_N(
                    "core", "There is no recording to recover: all of them are in the library.")))

        ours = {self.session.folder, *self.session.saving} if self.session is not None else set()
        self.workspace.tasks.start(look_for_leftovers, self.workspace.library.folder / "recordings", ours,
                                   not self.is_recording, done=show, failed=self.workspace.show_error)

    def recover(self) -> None:
        """By the menu: say so, too, when there is nothing."""
        self.offer_leftovers(even_if_none=True)

    def _show_leftovers(self, found: list[Leftover]) -> None:
        from desktop.ui.recovery_dialog import RecoveryDialog

        RecoveryDialog(self.workspace, self._recorder_session(), found, self.view.window()).open()

