"""On the waveform: off the record hatched, background dotted, quotes underlined, marks as flags."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen

from desktop.model import Desk, Terms, TimeRange
from desktop.ui.theme import Colours
from desktop.ui.time_scale import TimeScale

_FLAG = 7


def paint_desk(painter: QPainter, desk: Desk, scale: TimeScale, box: QRect, colours: Colours) -> None:
    """Only what is in view; `box` is where the waveform is, below the ruler and the names."""
    for item in desk.withheld:
        _paint_withheld(painter, item.range, item.terms, scale, box, colours)
    for quote in desk.quotes:
        if (place := _columns(quote.range, scale)) is not None:
            painter.fillRect(QRectF(place[0], box.bottom() - 3, place[1] - place[0], 3), colours.selection)
    painter.setPen(QPen(colours.playhead, 1))
    painter.setBrush(colours.found_ground)
    for mark in desk.marks:
        x = scale.to_x(mark.seconds)
        if -_FLAG <= x <= box.width():
            painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
            painter.drawPolygon([QPointF(x, box.top()), QPointF(x + _FLAG, box.top() + 4), QPointF(x, box.top() + 8)])


def _paint_withheld(painter: QPainter, stretch: TimeRange, terms: Terms, scale: TimeScale, box: QRect,
                    colours: Colours) -> None:
    place = _columns(stretch, scale)
    if place is None:
        return
    area = QRectF(place[0], box.top(), place[1] - place[0], box.height())
    is_off = terms is Terms.OFF_THE_RECORD
    veil = QColor(colours.wave_ground)
    veil.setAlpha(170 if is_off else 90)
    painter.fillRect(area, veil)
    painter.fillRect(area, QBrush(colours.ruler_text, Qt.BrushStyle.BDiagPattern if is_off
                                  else Qt.BrushStyle.Dense7Pattern))
    painter.setPen(QPen(colours.ruler_text, 1))
    painter.drawLine(area.topLeft(), area.bottomLeft())
    painter.drawLine(area.topRight(), area.bottomRight())


def _columns(stretch: TimeRange, scale: TimeScale) -> tuple[float, float] | None:
    """Pixels from and to; None outside the view."""
    if stretch.end < scale.start or stretch.start > scale.end:
        return None
    left, right = scale.to_x(stretch.start), scale.to_x(stretch.end)
    return max(-2.0, left), min(max(right, left + 2.0), scale.to_x(scale.end) + 2.0)
