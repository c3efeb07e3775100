"""The waveform: segments as coloured bands with names, time ruler, playhead and the range with its two handles."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.audio.peaks import Peaks
from desktop.audio.silence import speech_edge_near
from desktop.editing import SHORTEST, Splice
from desktop.model import Desk, TimeRange, TranscriptDocument, clock
from desktop.ui import theme
from desktop.ui.desk_painting import paint_desk
from desktop.ui.time_scale import TimeScale, ruler_step
from desktop.ui.wave_detail import WaveDetail
from desktop.ui.wave_painting import BandImage, SegmentLane, WaveImage, picture_columns

RULER, LANE = 22, 22  # pixels, at the least: more with larger letters
_GRAB = 6  # pixels around a handle
_DRAG = 4  # pixels until a press becomes a drag
_SNAP_PIXELS = 12
_LEAST_NAMED = 34  # pixels of a band that has room for a name


class WaveformView(QWidget):
    """Draws what it is given and tells what the user wishes; knows neither library nor player."""

    seek_requested = Signal(float)
    range_requested = Signal(object)  # TimeRange or None
    segment_requested = Signal(int)  # select
    play_segment_requested = Signal(int)
    gap_requested = Signal(object)  # TimeRange
    edges_moved = Signal(int, float, float)  # a row and its new edges, when they are let go
    nudge_requested = Signal(int, float, float)  # a row; seconds to move its start and its end
    view_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scale = TimeScale()
        self.lane = SegmentLane()
        self.document: TranscriptDocument | None = None
        self.gaps: tuple[TimeRange, ...] = ()  # speech without text
        self.range: TimeRange | None = None
        self.playhead = 0.0
        self.selected = -1
        self._peaks: Peaks | None = None
        self._overview: np.ndarray | None = None
        self._detail = WaveDetail()
        self._gain = 1.0
        self._image = WaveImage()
        self._bands = BandImage()
        self._elided: dict[tuple[str, int], str] = {}
        self._press: QPointF | None = None
        self._dragging = ""  # "", start, end, range, segment start, segment end
        self._edges: tuple[float, float] | None = None  # of the selected segment while one of them is dragged
        self.desk = Desk()
        self._drag_anchor = 0.0
        self.ruler_height, self.lane_height = RULER, LANE
        self._fit_letters()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName(self.tr("Waveform"))
        self.setAccessibleDescription(self.tr(
            "Click moves the playhead, dragging makes a range, double-click plays a segment. Control and wheel zooms."))

    def _fit_letters(self) -> None:
        """Times and names have room, whatever their size."""
        needed = self.fontMetrics().height() + 4
        self.ruler_height, self.lane_height = max(RULER, needed), max(LANE, needed)
        self.setMinimumHeight(self.ruler_height + self.lane_height + 76)

    def sizeHint(self) -> QSize:
        return QSize(800, 240)

    # -- what is shown ---------------------------------------------------------------------------------------

    def set_duration(self, seconds: float) -> None:
        """Another recording."""
        if abs(seconds - self.scale.duration) > 1e-6:
            self.scale.set_duration(seconds)
            self.view_changed.emit()
        self.update()

    def set_picture(self, peaks: Peaks | None, overview: np.ndarray | None) -> None:
        """What is known of the waveform now."""
        self._peaks, self._overview = peaks, overview
        self.update()

    def overview_so_far(self) -> np.ndarray | None:
        """The sparse overview that is shown where nothing better is known."""
        return self._overview

    def set_detail(self, detail: WaveDetail) -> None:
        """Where single samples come from at the deepest zoom."""
        self._detail = detail
        self.update()

    def set_document(self, document: TranscriptDocument | None) -> None:
        """The segments."""
        self.document, self.lane = document, SegmentLane.of(document)
        self.update()

    def splice(self, document: TranscriptDocument, splice: Splice) -> None:
        """Some segments were edited."""
        before, places = self.document, _places(document)
        if before is not None and all(places.get(i, place) == place for i, place in _places(before).items()):
            self.lane = self.lane.spliced(document, splice)
        else:
            self.lane = SegmentLane.of(document)
        self.document = document
        self.update()

    def set_desk(self, desk: Desk) -> None:
        """Marks, quotes and what is not on the record."""
        self.desk = desk
        self.update()

    def set_gaps(self, gaps: tuple[TimeRange, ...]) -> None:
        """Stretches of speech that no line covers: hatched in the lane; a click there asks for them again."""
        self.gaps = gaps
        self.update()

    def set_range(self, time_range: TimeRange | None) -> None:
        self.range = time_range
        self.update()

    def set_selected(self, index: int) -> None:
        self.selected = index
        self.update()

    def set_playhead(self, seconds: float, follow: bool = False) -> None:
        """Move the playhead; only its strip is painted anew."""
        if abs(seconds - self.playhead) < 1e-4:
            return
        old = self.scale.to_x(self.playhead)
        self.playhead = seconds
        if follow and not self._dragging and self.scale.reveal(seconds):
            self.view_changed.emit()
            self.update()
            return
        for x in (old, self.scale.to_x(seconds)):
            self.update(int(x) - 7, 0, 15, self.height())

    def reveal(self, seconds: float) -> None:
        """Scroll so that a place is visible."""
        if self.scale.reveal(seconds):
            self.view_changed.emit()
            self.update()

    def zoom(self, factor: float, x: float | None = None) -> None:
        """Show `factor` times as much, around pixel `x` (else the playhead when visible, else the middle)."""
        if x is None:
            x = self.scale.to_x(self.playhead)
            x = x if 0 <= x <= self.width() else self.width() / 2
        self.scale.zoom(factor, x)
        self.view_changed.emit()
        self.update()

    def show_stretch(self, start: float, end: float) -> None:
        self.scale.show(start, end)
        self.view_changed.emit()
        self.update()

    # -- painting --------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = theme.colours(self.palette())
        painter.fillRect(event.rect(), self.palette().base())
        self._paint_wave(painter, colours, event.rect().x(), event.rect().width())
        self._paint_lane(painter, colours)
        self._paint_gaps(painter, colours)
        below = self.rect().adjusted(0, self.ruler_height + self.lane_height, 0, 0)
        paint_desk(painter, self.desk, self.scale, below, colours)
        self._paint_ruler(painter, colours)
        if self.range is not None:
            self._paint_range(painter, colours)
        self._paint_playhead(painter, colours)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self.palette().highlight().color(), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    def _paint_wave(self, painter: QPainter, colours: theme.Colours, left: int, width: int) -> None:
        ratio = self.devicePixelRatioF()
        height = self.height() - self.ruler_height - self.lane_height
        if height < 4 or self.scale.duration <= 0 or width < 1:
            return
        columns_count = max(1, round(width * ratio))
        per_column = self.scale.per_pixel * width / columns_count
        start = self.scale.start + left * self.scale.per_pixel
        detail = self._detail.columns(start, per_column, columns_count) if (
            self._peaks is not None and per_column < self._peaks.bucket_seconds) else None
        if detail is not None:
            columns, ahead = detail, None
        else:
            columns, ahead = picture_columns(self._peaks, self._overview, self.scale.duration, start, per_column,
                                             columns_count)
        times = start + (np.arange(columns_count) + 0.5) * per_column
        image = self._image.render((columns_count, round(height * ratio)), columns, self.lane.speakers_at(times),
                                   colours, self._gain, ahead)
        painter.drawImage(QRectF(left, self.ruler_height + self.lane_height, width, height), image)

    def _paint_lane(self, painter: QPainter, colours: theme.Colours) -> None:
        if self.document is None:
            return
        columns = max(1, round(self.width() * self.devicePixelRatioF()))
        bands = self._bands.render(self.lane, self.scale.start, self.scale.visible / columns, columns, colours)
        painter.drawImage(QRectF(0, self.ruler_height + 1, self.width(), self.lane_height - 3), bands)
        if 0 <= self.selected < len(self.lane.starts):
            self._paint_selected(painter)
        metrics = QFontMetrics(self.font())
        for index in self.lane.wider_than(_LEAST_NAMED * self.scale.per_pixel, self.scale.start, self.scale.end):
            self._paint_name(painter, colours, index, metrics)

    def _paint_gaps(self, painter: QPainter, colours: theme.Colours) -> None:
        for gap in self.gaps:
            if gap.end < self.scale.start or gap.start > self.scale.end:
                continue
            x, right = self.scale.to_x(gap.start), self.scale.to_x(gap.end)
            box = QRectF(x, self.ruler_height + 1, max(3.0, right - x), self.lane_height - 3)
            painter.fillRect(box, self.palette().base())
            painter.fillRect(box, QBrush(colours.playhead, Qt.BrushStyle.BDiagPattern))
            painter.setPen(QPen(colours.playhead, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box)

    def _paint_selected(self, painter: QPainter) -> None:
        start, end = self._edges or (self.lane.starts[self.selected], self.lane.ends[self.selected])
        x, right = self.scale.to_x(start), self.scale.to_x(end)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self.palette().text().color(), 2))
        painter.drawRect(QRectF(x + 1, self.ruler_height + 2, max(1.0, right - x - 2), self.lane_height - 5))
        painter.drawLine(QPointF(x, self.ruler_height + self.lane_height), QPointF(x, self.height()))
        painter.drawLine(QPointF(right, self.ruler_height + self.lane_height), QPointF(right, self.height()))

    def _paint_name(self, painter: QPainter, colours: theme.Colours, index: int, metrics: QFontMetrics) -> None:
        assert self.document is not None
        x, right = self.scale.to_x(self.lane.starts[index]), self.scale.to_x(self.lane.ends[index])
        x, right = max(x, 0.0), min(right, float(self.width()))
        if right - x < _LEAST_NAMED:
            return
        painter.setPen(QColor("#16171a") if colours.dark else QColor("#ffffff"))
        name = self.document.speaker_name(self.document.segments[index])
        key = name, int(right - x - 8)
        text = self._elided.get(key)
        if text is None:
            if len(self._elided) > 5_000:
                self._elided.clear()
            text = self._elided[key] = metrics.elidedText(name, Qt.TextElideMode.ElideRight, key[1])
        place = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignAbsolute
        painter.drawText(QRectF(x + 4, self.ruler_height + 1, right - x - 8, self.lane_height - 3), place, text)

    def _paint_ruler(self, painter: QPainter, colours: theme.Colours) -> None:
        if self.scale.duration <= 0:
            return
        step = ruler_step(self.scale.per_pixel)
        first = int(self.scale.start / step)
        painter.setPen(colours.ruler_text)
        for number in range(first, int(self.scale.end / step) + 2):
            x = self.scale.to_x(number * step)
            if x < 0:
                continue  # its label would be cut and read as another time
            painter.drawLine(QPointF(x, self.ruler_height - 6), QPointF(x, self.ruler_height - 1))
            painter.drawText(QPointF(x + 3, self.ruler_height - 7), _ruler_label(number * step, step))

    def _paint_range(self, painter: QPainter, colours: theme.Colours) -> None:
        assert self.range is not None
        x, right = self.scale.to_x(self.range.start), self.scale.to_x(self.range.end)
        shade = QColor(colours.selection)
        shade.setAlpha(46)
        painter.fillRect(QRectF(x, self.ruler_height + self.lane_height, right - x, self.height()), shade)
        for edge in (x, right):
            painter.setPen(QPen(colours.selection, 2))
            painter.drawLine(QPointF(edge, self.ruler_height), QPointF(edge, self.height()))
            painter.setPen(QPen(colours.wave_ground, 1))
            painter.setBrush(colours.selection)
            painter.drawRect(QRectF(edge - 5, self.height() / 2 + self.ruler_height - 14, 10, 30))

    def _paint_playhead(self, painter: QPainter, colours: theme.Colours) -> None:
        if self.scale.duration <= 0:
            return
        x = self.scale.to_x(self.playhead)
        if -2 <= x <= self.width() + 2:
            painter.setPen(QPen(colours.playhead, 2))
            painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
            painter.setBrush(colours.playhead)
            painter.drawPolygon([QPointF(x - 5, 0), QPointF(x + 5, 0), QPointF(x, 8)])

    # -- mouse, wheel, keys ----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self.scale.duration <= 0:
            return
        self._press = event.position()
        self._dragging = self._segment_edge_at(event.position()) or self._handle_at(event.position().x())
        self._drag_anchor = self.scale.to_time(event.position().x())
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and not self._dragging:
            self._extend_range(self._drag_anchor)
            self._press = None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        if self._press is None:
            grips = self._segment_edge_at(event.position()) or self._handle_at(x)
            self.setCursor(Qt.CursorShape.SizeHorCursor if grips else Qt.CursorShape.ArrowCursor)
            return
        if self._dragging.startswith("segment"):
            self._drag_edge(self._snapped(self.scale.to_time(x), event.modifiers()))
            return
        if not self._dragging and abs(x - self._press.x()) >= _DRAG:
            self._dragging = "range"
            self._drag_anchor = self._snapped(self._drag_anchor, event.modifiers())
        if self._dragging:
            self._drag_to(self._snapped(self.scale.to_time(x), event.modifiers()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._edges is not None:
            edges, self._edges = self._edges, None
            self.edges_moved.emit(self.selected, *edges)
        if self._press is not None and not self._dragging and event.button() == Qt.MouseButton.LeftButton:
            seconds = self.scale.to_time(event.position().x())
            index = self.lane.at(seconds)
            gap = next((gap for gap in self.gaps if gap.start <= seconds <= gap.end), None)
            if index >= 0:
                self.segment_requested.emit(index)
            self.seek_requested.emit(seconds)
            if gap is not None and self.ruler_height <= event.position().y() < self.ruler_height + self.lane_height:
                self.gap_requested.emit(gap)
        self._press, self._dragging = None, ""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.lane.at(self.scale.to_time(event.position().x()))
        if index >= 0:
            self.play_segment_requested.emit(index)

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta()
        steps = (delta.y() or delta.x()) / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(0.8 ** steps, event.position().x())
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._gain = min(16.0, max(0.5, self._gain * 1.2 ** steps))
            self.update()
        else:
            pixels = event.pixelDelta().x() or event.pixelDelta().y()
            self.scale.scroll(-pixels * self.scale.per_pixel if pixels else -steps * 0.1 * self.scale.visible)
            self.view_changed.emit()
            self.update()
        event.accept()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent) \
                and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom(1 / max(0.2, 1 + event.value()), event.position().x())
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = 0.01 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 0.02
        places = {Qt.Key.Key_Left: self.playhead - step * self.scale.visible,
                  Qt.Key.Key_Right: self.playhead + step * self.scale.visible,
                  Qt.Key.Key_PageUp: self.playhead - 0.8 * self.scale.visible,
                  Qt.Key.Key_PageDown: self.playhead + 0.8 * self.scale.visible,
                  Qt.Key.Key_Home: 0.0, Qt.Key.Key_End: self.scale.duration}
        edge = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        place = places.get(Qt.Key(event.key()))
        if place is None:
            super().keyPressEvent(event)
        elif edge and self.range is not None and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._nudge_edge(event)
        elif edge and 0 <= self.selected < len(self.lane.starts) and event.key() in (Qt.Key.Key_Left,
                                                                                     Qt.Key.Key_Right):
            step = self._nudge_step(event)
            is_end = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.nudge_requested.emit(self.selected, 0.0 if is_end else step, step if is_end else 0.0)
        else:
            self.seek_requested.emit(min(self.scale.duration, max(0.0, place)))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._elided.clear()
            self._fit_letters()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.scale.set_width(event.size().width())
        self.view_changed.emit()

    def focusInEvent(self, event: object) -> None:
        self.update()

    def focusOutEvent(self, event: object) -> None:
        self.update()

    def _nudge_edge(self, event: QKeyEvent) -> None:
        """Control and arrow moves the start of the range, with Shift its end: by 50 ms, or a pixel when closer."""
        assert self.range is not None
        step = self._nudge_step(event)
        start, end = self.range.start, self.range.end
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            end = max(start + 0.02, end + step)
        else:
            start = min(end - 0.02, start + step)
        self.range_requested.emit(TimeRange(start, end))

    def _nudge_step(self, event: QKeyEvent) -> float:
        step = max(0.01, min(0.05, 2 * self.scale.per_pixel))
        return -step if event.key() == Qt.Key.Key_Left else step

    def _segment_edge_at(self, point: QPointF) -> str:
        """Which edge of the selected segment is under the pointer, in the lane of names."""
        in_lane = self.ruler_height <= point.y() < self.ruler_height + self.lane_height
        if not 0 <= self.selected < len(self.lane.starts) or not in_lane:
            return ""
        start, end = (self.scale.to_x(seconds) for seconds in (self.lane.starts[self.selected],
                                                               self.lane.ends[self.selected]))
        if min(abs(point.x() - start), abs(point.x() - end)) > _GRAB:
            return ""
        return "segment start" if abs(point.x() - start) < abs(point.x() - end) else "segment end"

    def _drag_edge(self, seconds: float) -> None:
        start, end = self._edges or (float(self.lane.starts[self.selected]), float(self.lane.ends[self.selected]))
        if self._dragging == "segment start":
            start = min(max(0.0, seconds), end - SHORTEST)
        else:
            end = min(max(seconds, start + SHORTEST), self.scale.duration)
        self._edges = start, end
        self.update()

    def _handle_at(self, x: float) -> str:
        if self.range is None:
            return ""
        to_start = abs(x - self.scale.to_x(self.range.start))
        to_end = abs(x - self.scale.to_x(self.range.end))
        if min(to_start, to_end) > _GRAB:
            return ""
        return "start" if to_start < to_end else "end"

    def _drag_to(self, seconds: float) -> None:
        anchor = self._drag_anchor
        if self._dragging in ("start", "end") and self.range is not None:
            anchor = self.range.end if self._dragging == "start" else self.range.start
            if (self._dragging == "start") != (seconds < anchor):  # the handles have passed each other
                self._dragging = "start" if seconds < anchor else "end"
        self.range_requested.emit(TimeRange(min(anchor, seconds), max(anchor, seconds)))

    def _extend_range(self, seconds: float) -> None:
        low, high = (self.range.start, self.range.end) if self.range else (self.playhead, self.playhead)
        if seconds < (low + high) / 2:
            low = seconds
        else:
            high = seconds
        self.range_requested.emit(TimeRange(min(low, high), max(low, high)))

    def _snapped(self, seconds: float, modifiers: Qt.KeyboardModifier) -> float:
        """To where sound begins or ends nearby; Alt turns it off."""
        if self._peaks is None or modifiers & Qt.KeyboardModifier.AltModifier:
            return seconds
        return speech_edge_near(self._peaks, seconds, min(0.5, _SNAP_PIXELS * self.scale.per_pixel))


def _places(document: TranscriptDocument) -> dict[int, int]:
    """What decides the colours; names do not."""
    return {i: speaker.position for i, speaker in document.speakers.items()}


def _ruler_label(seconds: float, step: float) -> str:
    if step >= 1:
        return clock(seconds)
    digits = 1 if step >= 0.1 else 2 if step >= 0.01 else 3
    whole = int(seconds + 1e-9)
    return f"{clock(whole)}{seconds - whole:.{digits}f}".replace("0.", ".", 1) if seconds - whole < 0.9995 \
        else clock(whole + 1)
