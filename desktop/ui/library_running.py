"""The recording that is being made, as the first row of the library, whatever is listed below it."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QPushButton, QSizePolicy, QStyle, QWidget

from desktop.model import clock
from desktop.recording.messages import State
from desktop.ui.library_row import PADDING
from desktop.ui.recorder_session import RecorderSession


class RunningRow(QPushButton):
    """Title and time of what is being recorded; a click shows the recorder. Not there while nothing is recorded."""

    def __init__(self, session: RecorderSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._title = self._state = self._time = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(self.tr("Show the recorder"))
        session.changed.connect(self.refresh)
        session.state_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what is so now."""
        session = self._session
        self.setVisible(session.is_running)
        if not session.is_running:
            return
        title, state, time = session.title or self.tr("New recording"), self._words(), clock(session.status.elapsed)
        if (title, state) != (self._title, self._state):
            self.setAccessibleName(self.tr("{state}: {title}").format(state=state, title=title))
        if (title, state, time) != (self._title, self._state, self._time):
            self._title, self._state, self._time = title, state, time
            self.update()

    def _words(self) -> str:
        session, state = self._session, self._session.status.state
        if "recorder_hangs" in session.status.alarms:
            return self.tr("▲ no answer")
        if state is State.INTERRUPTED:
            return self.tr("▲ no sound")
        if state is State.STARTING:
            return self.tr("starting…")
        if session.is_paused:
            return self.tr("Ⅱ paused")
        return self.tr("● rec, off the record") if session.status.is_off_record else self.tr("● rec")

    def sizeHint(self) -> QSize:
        return QSize(120, 2 * self._line() + 2 * PADDING)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, palette, line = QPainter(self), self.palette(), self._line()
        rect, metrics = self.rect(), QFontMetrics(self.font())
        painter.fillRect(rect, palette.base())
        room = rect.adjusted(PADDING, PADDING, -PADDING, -PADDING)
        title, state = (QRect(room.left(), room.top() + n * line, room.width(), line) for n in range(2))
        place = QStyle.visualAlignment(self.layoutDirection(),
                                       Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        painter.setPen(palette.text().color())
        painter.drawText(title, place, metrics.elidedText(self._title, Qt.TextElideMode.ElideMiddle, title.width()))
        painter.setPen(palette.color(QPalette.ColorRole.BrightText))
        painter.drawText(state, place, metrics.elidedText(
            f"{self._state}  {self._time}", Qt.TextElideMode.ElideRight, state.width()))
        if self.hasFocus():
            painter.setPen(QPen(palette.text().color(), 2))
            painter.drawRect(rect.adjusted(2, 2, -3, -3))

    def _line(self) -> int:
        return QFontMetrics(self.font()).lineSpacing() + 2
