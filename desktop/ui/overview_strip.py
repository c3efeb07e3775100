"""The whole recording in speaker colours, with the visible window framed: click or drag to go there."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from desktop.model import Part, PartState, TimeRange, clock
from desktop.ui import theme
from desktop.ui.wave_painting import WaveImage, picture_columns
from desktop.ui.waveform_view import WaveformView

_PART_HEIGHT = 8  # pixels
_PARTS_TOLD = 30  # in the tool tip


class OverviewStrip(QWidget):
    """Follows a WaveformView and scrolls it."""

    def __init__(self, view: WaveformView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view = view
        self._image = WaveImage()
        self._picture: tuple[object, object] = (None, None)
        self._missing: tuple[TimeRange, ...] = ()
        self._parts: tuple[Part, ...] = ()
        self.setFixedHeight(46)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Overview of the whole recording"))
        view.view_changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(800, 46)

    def set_picture(self, peaks: object, overview: object) -> None:
        self._picture = peaks, overview
        self.update()

    def set_missing(self, missing: tuple[TimeRange, ...]) -> None:
        """Stretches that are not transcribed yet are hatched."""
        self._missing = missing
        self.update()

    def set_parts(self, parts: tuple[Part, ...]) -> None:
        """The parts of the job that works on this recording, and where each stands; none when nobody does."""
        if parts != self._parts:
            self._parts = parts
            self.setToolTip("\n".join(self._part_line(part) for part in parts[:_PARTS_TOLD]))
            self.update()

    def _part_line(self, part: Part) -> str:
        words = {PartState.PLANNED: self.tr("waiting"), PartState.SENDING: self.tr("being heard"),
                 PartState.RECEIVED: self.tr("heard"), PartState.STORED: self.tr("done"),
                 PartState.FAILED: self.tr("failed")}
        return self.tr("Part {number}, {start} – {end}: {state}").format(
            number=part.index + 1, start=clock(part.start), end=clock(part.end), state=words[part.state])

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = theme.colours(self.palette())
        painter.fillRect(self.rect(), colours.wave_ground)
        scale = self._view.scale
        if scale.duration <= 0:
            return
        count = max(1, round(self.width() * self.devicePixelRatioF()))
        per_column = scale.duration / count
        columns, ahead = picture_columns(self._picture[0], self._picture[1], scale.duration,  # type: ignore[arg-type]
                                         0.0, per_column, count)
        speakers = self._view.lane.speakers_at((np.arange(count) + 0.5) * per_column)
        image = self._image.render((count, round(self.height() * self.devicePixelRatioF())), columns, speakers,
                                   colours, ahead=ahead)
        painter.drawImage(QRectF(self.rect()), image)
        self._paint_marks(painter, colours)
        if self.hasFocus():
            painter.setPen(QPen(self.palette().highlight().color(), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    def _paint_marks(self, painter: QPainter, colours: theme.Colours) -> None:
        scale = self._view.scale
        for gap in self._missing:
            x, right = self._x(gap.start), self._x(gap.end)
            painter.fillRect(QRectF(x, 0, right - x, self.height()),
                             QBrush(colours.ruler_text, Qt.BrushStyle.BDiagPattern))
        for part in self._parts:
            x, right = self._x(part.start), self._x(part.end)
            bar = QRectF(x + 1, 1, max(2.0, right - x - 2), _PART_HEIGHT)
            painter.fillRect(bar, colours.wave_ground)
            highlight = self.palette().highlight().color()
            if part.state in (PartState.STORED, PartState.RECEIVED):
                painter.fillRect(bar, highlight)
            elif part.state is PartState.FAILED:
                painter.fillRect(bar, self.palette().brightText())
            elif part.state is PartState.SENDING:
                painter.fillRect(bar, QBrush(highlight, Qt.BrushStyle.Dense5Pattern))
            painter.setPen(QPen(highlight, 1))
            painter.drawRect(bar)
        if self._view.range is not None:
            shade = QColor(colours.selection)
            shade.setAlpha(60)
            x, right = self._x(self._view.range.start), self._x(self._view.range.end)
            painter.fillRect(QRectF(x, 0, max(2.0, right - x), self.height()), shade)
        painter.setPen(QPen(self.palette().text().color(), 2))
        painter.drawRect(QRectF(self._x(scale.start) + 1, 1, max(6.0, self._x(scale.visible) - 2), self.height() - 2))
        painter.setPen(QPen(colours.playhead, 2))
        x = self._x(self._view.playhead)
        painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._go(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event.position().x())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._view.seek_requested.emit(self._time(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -0.5, Qt.Key.Key_Right: 0.5, Qt.Key.Key_PageUp: -1.0, Qt.Key.Key_PageDown: 1.0}
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        self._view.scale.scroll(step * self._view.scale.visible)
        self._view.view_changed.emit()
        self._view.update()

    def _go(self, x: float) -> None:
        scale = self._view.scale
        if scale.visible >= scale.duration * 0.999:
            self._view.seek_requested.emit(self._time(x))
            return
        scale.scroll(self._time(x) - scale.visible / 2 - scale.start)
        self._view.view_changed.emit()
        self._view.update()

    def _time(self, x: float) -> float:
        return min(1.0, max(0.0, x / max(1, self.width()))) * self._view.scale.duration

    def _x(self, seconds: float) -> float:
        return seconds / max(1e-9, self._view.scale.duration) * self.width()
