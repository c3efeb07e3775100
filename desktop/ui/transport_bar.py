"""Transport and range selector: play, step, speed, position; two time fields and what to do with the range."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QToolButton, QToolTip, QWidget

from desktop.model import TimeRange, clock, parse_clock
from desktop.ui.words import choice_box, label
from desktop.ui.workspace import Workspace

SPEEDS = (0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0)


class TimeField(QLineEdit):
    """A time: 2:30, 02:30 or 1:02:30.5. Up and Down move it by a tenth, with Shift by a second."""

    time_entered = Signal(float)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setPlaceholderText("0:00")
        self.setToolTip(self.tr("{name}: write 2:30, 02:30 or 1:02:30.5; Up and Down move it by a tenth of a "
                                "second").format(name=name))
        self.setFixedWidth(self.fontMetrics().horizontalAdvance("00:00:00.00") + 20)
        self.editingFinished.connect(self._enter)
        self._shown = ""

    def show_time(self, seconds: float | None) -> None:
        """Show a time; not while the user types."""
        self._shown = "" if seconds is None else clock(seconds, tenths=True)
        if not self.hasFocus() or not self.isModified():
            self.setText(self._shown)

    def seconds(self) -> float | None:
        """The time in the field; None when it is none."""
        try:
            return parse_clock(self.text())
        except ValueError:
            return None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: 0.1, Qt.Key.Key_Down: -0.1}
        step = steps.get(Qt.Key(event.key()))
        seconds = self.seconds()
        if step is not None and seconds is not None:
            step *= 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            self.setText(clock(max(0.0, seconds + step) + 1e-6, tenths=True))
            self.time_entered.emit(max(0.0, seconds + step))
            return
        if event.key() == Qt.Key.Key_Escape:
            self.setText(self._shown)
            self.clearFocus()
            return
        super().keyPressEvent(event)

    def _enter(self) -> None:
        if self.text() == self._shown:
            return
        seconds = self.seconds()
        if seconds is None and self.text().strip():
            QToolTip.showText(self.mapToGlobal(self.rect().bottomLeft()), self.tr(
                "This is not a time. Write it as 2:30, 02:30 or 1:02:30.5."), self)
            self.setText(self._shown)
        elif seconds is not None:
            self.setModified(False)
            self.time_entered.emit(seconds)


class TransportBar(QWidget):
    """Shows the player's state and sends the user's wishes to the workspace."""

    transcribe_range_requested = Signal()
    play_range_requested = Signal()

    def __init__(self, workspace: Workspace, actions: dict[str, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._buttons = {name: self._button(actions[name]) for name in ("back", "play", "forward", "loop")}
        self._buttons["loop"].setCheckable(True)
        self._position = label("0:00.0")
        self._position.setAccessibleName(self.tr("Position"))
        self._position.setMinimumWidth(self.fontMetrics().horizontalAdvance("00:00:00.0  "))
        self._speed = choice_box(self.tr("Speed"))
        self._speed.setToolTip(self.tr("Speed, with the pitch kept (F3 slower, F4 faster, Shift+F4 normal)"))
        for speed in SPEEDS:
            self._speed.addItem(f"{speed:g}×", speed)
        self.start_field = TimeField(self.tr("Start of the range"))
        self.end_field = TimeField(self.tr("End of the range"))
        self._transcribe = QPushButton(self.tr("Transcribe range…"))
        self._play_range = QPushButton(self.tr("Play range"))
        self.for_sound = (*self._buttons.values(), self._position, self._speed, self._play_range)
        for widget in (*self._buttons.values(), self._speed, self._transcribe, self._play_range):
            widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click must not take Space away from playing
        self._build()
        self._connect()
        self.show_state()
        self.show_range()

    def _build(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setDirection(QHBoxLayout.Direction.LeftToRight)
        for name in ("back", "play", "forward"):
            layout.addWidget(self._buttons[name])
        layout.addWidget(self._position)
        layout.addWidget(self._speed)
        layout.addStretch(1)
        layout.addWidget(label(self.tr("Range")))
        layout.addWidget(self.start_field)
        layout.addWidget(label("–"))
        layout.addWidget(self.end_field)
        for widget in (self._play_range, self._buttons["loop"], self._transcribe):
            layout.addWidget(widget)
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)  # time does not mirror

    def _connect(self) -> None:
        self._workspace.player.state_changed.connect(self.show_state)
        self._workspace.range_changed.connect(self.show_range)
        self._workspace.recording_changed.connect(self.show_range)
        self._workspace.recording_changed.connect(self.show_state)
        self._speed.activated.connect(lambda row: self._workspace.player.set_speed(float(self._speed.itemData(row))))
        self.start_field.time_entered.connect(lambda _: self._range_entered(self.start_field))
        self.end_field.time_entered.connect(lambda _: self._range_entered(self.end_field))
        self._transcribe.clicked.connect(self.transcribe_range_requested)
        self._play_range.clicked.connect(self.play_range_requested)

    def show_state(self) -> None:
        """Playing or not, speed, loop."""
        player = self._workspace.player
        for name, button in self._buttons.items():
            button.setEnabled(player.can_play and (name != "loop" or self._workspace.range is not None))
        self._buttons["loop"].setChecked(player.loop is not None)
        row = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - player.speed))
        self._speed.setCurrentIndex(row)
        if abs(SPEEDS[row] - player.speed) > 1e-3:
            self._speed.setItemText(row, f"{SPEEDS[row]:g}×")
        self.show_position(player.position())

    def show_position(self, seconds: float) -> None:
        self._position.setText(clock(seconds, tenths=True))

    def show_range(self) -> None:
        time_range = self._workspace.range
        self.start_field.show_time(time_range.start if time_range else None)
        self.end_field.show_time(time_range.end if time_range else None)
        has_recording = self._workspace.recording is not None
        for widget in (self.start_field, self.end_field):
            widget.setEnabled(has_recording)
        for button in (self._transcribe, self._play_range):
            button.setEnabled(time_range is not None)
        self._buttons["loop"].setEnabled(time_range is not None and self._workspace.player.can_play)

    def _range_entered(self, field: TimeField) -> None:
        """A missing or crossed other end is the recording's own end or start."""
        recording = self._workspace.recording
        start, end = self.start_field.seconds(), self.end_field.seconds()
        if recording is None:
            return
        if field is self.start_field and start is not None and (end is None or end <= start):
            end = recording.reach
        if field is self.end_field and end is not None and (start is None or start >= end):
            start = 0.0
        if start is not None and end is not None:
            self._workspace.set_range(TimeRange(start, end))
        self.show_range()

    def _button(self, action: QAction) -> QToolButton:
        button = QToolButton()
        button.setDefaultAction(action)
        button.setIconSize(QSize(20, 20))
        button.setAutoRaise(True)
        button.setAccessibleName(action.text().replace("&", ""))
        return button
