"""Recording: choosing what to record from, and everything there is to see and do while it records."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QAction, QFont, QHideEvent, QPalette, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.errors import PullquoteError
from desktop.model import clock
from desktop.recording.control import devices
from desktop.recording.messages import Device, State
from desktop.ui import theme
from desktop.ui.level_meter import LevelMeter
from desktop.ui.live_waveform import SECONDS, LiveWaveform
from desktop.ui.recorder_session import RecorderSession
from desktop.ui.sound_check import SoundCheck
from desktop.ui.words import ElidedLabel, choice_box, label, translated
from desktop.ui.workspace import Workspace

CHANNELS = {"mono": 1, "stereo": 2}


class RecorderPanel(QFrame):
    """Above the recording that is open: recording goes on whatever is done below."""

    close_requested = Signal()
    reminder_requested = Signal()

    def __init__(self, workspace: Workspace, session: RecorderSession, actions: dict[str, QAction],
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._session, self._actions = workspace, session, actions
        self._devices: list[Device] = []
        self._is_looking = self._has_looked = self._wants_focus = False
        self.sound_check = SoundCheck(workspace, self)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._build_ready()
        self._build_running()
        self._alarm = label("", wrap=True, name="alarm")
        self._alarm.setAutoFillBackground(True)
        self._alarm.setMargin(6)
        self._saving = label("")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        for widget in (self._ready, self._running, self._alarm, self._saving):
            layout.addWidget(widget)
        session.state_changed.connect(self.show_state)
        session.changed.connect(self._show_progress)
        workspace.settings_changed.connect(self._show_reminder)
        self.show_state()

    # -- building --------------------------------------------------------------------------------------------

    def _build_ready(self) -> None:
        self._ready = QWidget()
        self.device = choice_box(self.tr("Record from"))
        self.device.setMinimumContentsLength(18)
        self.refresh = QToolButton()
        self.refresh.setAccessibleName(self.tr("Look for devices again"))
        self.refresh.setToolTip(self.tr("Look for devices again"))
        self.channels = choice_box(self.tr("Channels"))
        self.channels.addItem(self.tr("Mono"), "mono")
        self.channels.addItem(self.tr("Two tracks"), "stereo")
        self.channels.setToolTip(self.tr("Two tracks: stereo, or a microphone for each of two people, kept apart"))
        self.name = QLineEdit()
        self.name.setAccessibleName(self.tr("Title"))
        self.check = QPushButton(self.tr("Sound check"))
        self.check.setCheckable(True)
        self.check.setToolTip(self.tr("Listen to the level before you record; nothing is kept"))
        self.check_meter = LevelMeter()
        self.start = QPushButton(self.tr("Start recording"))
        self.start.setAutoDefault(True)
        self.close_button = QToolButton()
        self.close_button.setAutoRaise(True)
        self.close_button.setAccessibleName(self.tr("Close the recorder"))
        self.close_button.setToolTip(self.tr("Close the recorder"))
        self.facts = label("", wrap=True)
        self.reminder = label("", wrap=True, name="reminder")
        self.edit_reminder = QPushButton(self.tr("Reminder…"))
        self.edit_reminder.setToolTip(self.tr("A text that reminds you to ask for consent before you record"))
        self._lay_out_ready()
        self.start.clicked.connect(self._start)
        self.name.returnPressed.connect(self._start)
        self.check.clicked.connect(self._check_sound)
        for box in (self.device, self.channels):
            box.activated.connect(lambda _: self._check_sound(self.sound_check.is_wanted))
        self.sound_check.changed.connect(self._show_check)
        self.refresh.clicked.connect(self.look_for_devices)
        self.close_button.clicked.connect(self.close_requested)
        self.edit_reminder.clicked.connect(self.reminder_requested)

    def _lay_out_ready(self) -> None:
        grid = QGridLayout(self._ready)
        grid.setContentsMargins(0, 0, 0, 0)
        for row, column, text, field in ((0, 0, self.tr("Record &from"), self.device),
                                         (0, 3, self.tr("&Channels"), self.channels),
                                         (1, 0, self.tr("&Title"), self.name)):
            name = label(text)
            name.setBuddy(field)
            grid.addWidget(name, row, column)
        grid.addWidget(self.device, 0, 1)
        grid.addWidget(self.refresh, 0, 2)
        grid.addWidget(self.channels, 0, 4)
        grid.addWidget(self.close_button, 0, 5, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(self.name, 1, 1, 1, 3)
        grid.addWidget(self.start, 1, 4, 1, 2)
        grid.addWidget(self.reminder, 2, 0, 1, 6)
        below = QHBoxLayout()
        below.addWidget(self.check_meter)
        below.addWidget(self.facts, 1)
        below.addWidget(self.check)
        below.addWidget(self.edit_reminder)
        grid.addLayout(below, 3, 0, 1, 6)
        grid.setColumnStretch(1, 1)

    def _build_running(self) -> None:
        self._running = QWidget()
        self.state = label("")
        self.elapsed = label("")
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.6)
        font.setBold(True)
        self.elapsed.setFont(font)
        self.safe = ElidedLabel()
        self.waveform = LiveWaveform()
        self.meter = LevelMeter()
        self.mark, self.off_record = QPushButton(self.tr("Mark")), QPushButton(self.tr("Off the record"))
        self.off_record.setCheckable(True)
        self.pause, self.stop = QPushButton(self.tr("Pause")), QPushButton(self.tr("Stop and keep"))
        self.other = choice_box(self.tr("Record from"))
        self.other.setMinimumContentsLength(14)
        self.other.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.other.installEventFilter(self)
        self._lay_out_running()
        for first, second in ((self.mark, self.off_record), (self.off_record, self.pause), (self.pause, self.stop),
                              (self.stop, self.other)):
            QWidget.setTabOrder(first, second)
        self._connect_running()

    def _lay_out_running(self) -> None:
        self.state.setMinimumWidth(self.fontMetrics().horizontalAdvance("x" * 22))  # the wave must not jump
        times = QVBoxLayout()
        times.setSpacing(0)
        for widget in (self.state, self.elapsed):
            times.addWidget(widget)
        upper = QHBoxLayout()
        upper.addLayout(times)
        upper.addWidget(self.waveform, 1)
        upper.addWidget(self.meter)
        lower = QHBoxLayout()
        for control in (self.other, self.mark, self.off_record, self.pause, self.stop):
            lower.addWidget(control, control is self.other)
        layout = QVBoxLayout(self._running)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(upper)
        layout.addWidget(self.safe)
        layout.addLayout(lower)

    def _connect_running(self) -> None:
        for button, action in ((self.mark, "mark"), (self.off_record, "record_off"), (self.pause, "record_pause"),
                               (self.stop, "record_stop")):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click must not take the keys away from the text
            keys = self._actions[action].shortcut().toString()
            button.setToolTip(f"{self._actions[action].text().replace('&', '')} ({keys})")
        self.mark.clicked.connect(self._session.mark)
        self.off_record.clicked.connect(self._session.toggle_off_record)
        self.pause.clicked.connect(self._session.toggle_pause)
        self.stop.clicked.connect(self._session.stop)
        self.other.activated.connect(self._switch)

    # -- before ----------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """What can be recorded from is looked for each time."""
        super().showEvent(event)
        self._show_icons()
        if not self._session.is_running:
            self.name.setText(self.tr("Recording {when}").format(when=f"{datetime.now():%Y-%m-%d %H.%M}"))
            self.channels.setCurrentIndex(max(0, self.channels.findData(self._workspace.settings.record_channels)))
        self._show_reminder()
        self.look_for_devices()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The wheel over the list of devices must not take the microphone away in mid-sentence."""
        return watched is self.other and event.type() == QEvent.Type.Wheel

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._session.problem = ""
        self.sound_check.stop()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._show_icons()

    def take_focus(self) -> None:
        """To the button that starts, now or as soon as there is something to record from."""
        self._wants_focus = not self.start.isEnabled()
        (self.name if self._wants_focus else self.start).setFocus()

    def look_for_devices(self) -> None:
        """Ask the system, off the GUI thread."""
        if self._is_looking:
            return
        self._is_looking = True
        self.refresh.setEnabled(False)
        self._workspace.tasks.start(devices, done=self._take_devices, failed=self._find_none)

    def _find_none(self, error: PullquoteError) -> None:
        self._take_devices([])

    def _take_devices(self, found: list[Device]) -> None:
        self._is_looking, self._has_looked = False, True
        self.refresh.setEnabled(True)
        chosen = self.device.currentData() or self._workspace.settings.record_device
        self._devices = found
        for box in (self.device, self.other):
            box.clear()
            for device in found:
                name = self.tr("{name} (what this computer plays)").format(name=device.name) if device.is_monitor else (
                    device.name)
                box.addItem(name, device.id)
                box.setItemData(box.count() - 1, name, Qt.ItemDataRole.ToolTipRole)
        self.device.setCurrentIndex(max(0, self.device.findData(chosen)))
        self.show_state()
        if self._wants_focus and self.name.hasFocus() and self.start.isEnabled():
            self.start.setFocus()
        self._wants_focus = False

    def _start(self) -> None:
        if not self._devices or self._session.is_running:
            return
        device, channels = self.device.currentData(), self.channels.currentData()
        self._workspace.change_settings(record_device=device, record_channels=channels)
        self._session.start(device, CHANNELS[channels], self.name.text().strip(), after=self.sound_check.stop())
        self.setFocus()

    def _check_sound(self, wanted: bool) -> None:
        if wanted and self._devices:
            self.sound_check.start(self.device.currentData(), CHANNELS[self.channels.currentData()])
        else:
            self.sound_check.stop()

    def _switch(self, row: int) -> None:
        if 0 <= row < len(self._devices):
            self._session.switch(self._devices[row])

    # -- showing ---------------------------------------------------------------------------------------------

    def show_state(self) -> None:
        """Which half is seen, and what its buttons say."""
        session, status = self._session, self._session.status
        running = session.is_running
        self._ready.setVisible(not running)
        self._running.setVisible(running)
        if running and self.sound_check.is_wanted:
            self.sound_check.stop()
        self.start.setEnabled(bool(self._devices))
        self._show_check()
        states = {State.STARTING: self.tr("Starting…"), State.RECORDING: self.tr("● Recording"),
                  State.PAUSED: self.tr("Ⅱ Paused"), State.INTERRUPTED: self.tr("▲ No sound comes in"),
                  State.FINISHING: self.tr("Ending…")}
        words = states.get(status.state, self.tr("Starting…"))
        self.state.setText(self.tr("{state}, off the record").format(state=words) if status.is_off_record else words)
        self.state.setForegroundRole(QPalette.ColorRole.BrightText)
        self.off_record.setChecked(status.is_off_record)
        self.off_record.setText(self.tr("On the record again") if status.is_off_record else self.tr("Off the record"))
        self.pause.setText(self.tr("Go on") if session.is_paused else self.tr("Pause"))
        row = next((i for i, device in enumerate(self._devices) if device.name == status.device), -1)
        if row >= 0:
            self.other.setCurrentIndex(row)
        for button in (self.mark, self.off_record, self.pause, self.stop):
            button.setEnabled(status.state in (State.RECORDING, State.PAUSED, State.INTERRUPTED) or (
                button is self.stop and status.state is State.STARTING))
        self._show_progress()

    def _show_check(self) -> None:
        check = self.sound_check
        self.check.setEnabled(bool(self._devices))
        self.check.setChecked(check.is_wanted)
        self.check.setText(self.tr("End check") if check.is_wanted else self.tr("Sound check"))
        self.check_meter.setVisible(check.is_wanted)
        self.check_meter.show_levels(*check.levels())
        wrong = " ".join(map(translated, check.sentences())) or (translated(check.problem) if check.problem else "")
        problem = wrong or self._session.problem
        if not self._has_looked:
            self.facts.setText(self.tr("Looking for microphones…"))
        elif not self._devices:
            self.facts.setText(self.tr("Nothing to record from was found. Plug in a microphone, then look again."))
        elif check.is_wanted and not problem:
            self.facts.setText(self.tr("Sound check: speak as in the interview; the bar should come near its "
                                       "end without turning red. Nothing is kept."))
        else:
            self.facts.setText(problem or self.tr("It is written to the disk twice a second while it records, "
                                                  "and goes on when this window closes by accident."))
        self.facts.setForegroundRole(QPalette.ColorRole.BrightText if problem else QPalette.ColorRole.PlaceholderText)

    def _show_progress(self) -> None:
        session, status = self._session, self._session.status
        if session.is_running:
            self.elapsed.setText(clock(status.elapsed))
            marks = self.tr("marks: {count}").format(count=len(session.marks)) if session.marks else ""
            self.safe.setText(" · ".join(filter(None, (
                self.tr("{time} safely on the disk").format(time=clock(status.safe)), self._room(status.room), marks,
                session.title))))
            self.meter.show_levels(*session.levels())
            self.waveform.show_sound(session.peaks(SECONDS), status.elapsed, session.marks, session.off_record)
        sentences = [translated(sentence) for sentence in session.sentences()]
        self._alarm.setVisible(bool(sentences))
        self._alarm.setText("\n".join(sentences))
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, theme.colours(palette).error_ground)
        self._alarm.setPalette(palette)
        self._saving.setVisible(bool(session.saving))
        self._saving.setText(self.tr("Bringing the last recording into the library: {progress}").format(
            progress=next(iter(session.saving.values()), "")))

    def _room(self, seconds: float) -> str:
        if seconds <= 0:
            return ""
        hours, minutes = divmod(int(seconds // 60), 60)
        return self.tr("room for {hours} h").format(hours=hours) if hours >= 10 else (
            self.tr("room for {hours} h {minutes} min").format(hours=hours, minutes=minutes))

    def _show_reminder(self) -> None:
        settings = self._workspace.settings
        self.reminder.setVisible(settings.consent_reminder and bool(settings.consent_text))
        self.reminder.setText(settings.consent_text)

    def _show_icons(self) -> None:
        text = self.palette().text().color()
        set_icon = {self.refresh: "refresh-cw", self.close_button: "x", self.start: "mic", self.stop: "square"}
        for button, name in set_icon.items():
            button.setIcon(theme.icon(name, text))

