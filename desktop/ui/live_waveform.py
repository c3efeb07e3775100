"""The waveform of what is being recorded, running from right to left."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QRect, QSize, Qt
from PySide6.QtGui import QBrush, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.audio.peaks import Peaks
from desktop.model import TimeRange
from desktop.ui import theme

SECONDS = 30.0  # that are seen at once


class LiveWaveform(QWidget):
    """The last half minute: sound, marks, and what is off the record hatched."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._peaks: Peaks | None = None
        self._now = 0.0
        self._marks: list[float] = []
        self._off_record: list[TimeRange] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setAccessibleName(self.tr("What is being recorded"))

    def sizeHint(self) -> QSize:
        return QSize(300, 56)

    def show_sound(self, peaks: Peaks | None, now: float, marks: list[float], off_record: list[TimeRange]) -> None:
        """`peaks` end at `now`, the seconds recorded so far, as marks and ranges count them."""
        self._peaks, self._now, self._marks, self._off_record = peaks, now, marks, off_record
        self.update()

    def _x(self, seconds: float) -> float:
        return self.width() * (1.0 - (self._now - seconds) / SECONDS)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours, palette = theme.colours(self.palette()), self.palette()
        painter.fillRect(self.rect(), colours.wave_ground)
        middle, height = self.height() / 2, self.height() / 2 - 2
        if self._peaks is not None and self._peaks.seconds > 0:
            first = self._peaks.seconds - SECONDS
            low, high, _ = self._peaks.columns(first, SECONDS / self.width(), self.width())
            painter.setPen(QPen(palette.highlight().color(), 1))
            painter.drawLines([QLineF(x, middle - height * int(top) / 127, x, middle - height * int(bottom) / 127)
                               for x, (bottom, top) in enumerate(zip(low, high, strict=True))])
        painter.setPen(QPen(palette.mid().color(), 1))
        painter.drawLine(QLineF(0, middle, self.width(), middle))
        for span in self._off_record:
            left = max(0.0, self._x(span.start))
            painter.fillRect(QRect(round(left), 0, round(self._x(span.end) - left), self.height()),
                             QBrush(palette.text().color(), Qt.BrushStyle.BDiagPattern))
        painter.setPen(QPen(colours.playhead, 2))
        for mark in self._marks:
            if self._now - mark < SECONDS:
                painter.drawLine(QLineF(self._x(mark), 0, self._x(mark), self.height()))

