"""The transcript: time, speaker, text, translation below, tags; follows the playing line until the user scrolls."""

from __future__ import annotations

import unicodedata
from collections import OrderedDict
from typing import Any

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPoint, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
    QTextLayout,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from desktop.model import Segment, Speaker, TranscriptDocument, clock
from desktop.ui import theme
from desktop.ui.item_models import ITEM, SPEAKER, SegmentModel
from desktop.ui.words import translated

PADDING, GAP = 7, 10
_LAYOUTS_KEPT = 500
_WORDS_KEPT = 50_000


class SegmentDelegate(QStyledItemDelegate):
    """Paints one segment. Row heights come from summed word widths; exact layouts are kept for what is on screen."""

    def __init__(self, parent: QListView) -> None:
        super().__init__(parent)
        self._view = parent
        self.playing = -1
        self.many_languages = False
        self.tags_width = 0
        self._widths: dict[tuple[str, bool], float] = {}
        self._heights: dict[tuple[int, int], int] = {}
        self._layouts: OrderedDict[tuple[str, int, bool], list[tuple[QTextLayout, float]]] = OrderedDict()
        self.set_font(parent.font())

    def set_font(self, font: QFont) -> None:
        """Measure anew."""
        self._font, self._metrics = font, QFontMetricsF(font)
        self._italic = QFont(font)
        self._italic.setItalic(True)
        self._italic_metrics = QFontMetricsF(self._italic)
        self._line = int(self._metrics.lineSpacing()) + 1
        self.time_width = int(self._metrics.horizontalAdvance("0:00:00")) + GAP
        self.name_width = min(int(self._metrics.averageCharWidth() * 15), 150)
        self.forget()

    def forget(self) -> None:
        """Texts, widths or fonts changed."""
        self._widths.clear()
        self._heights.clear()
        self._layouts.clear()

    def text_left(self) -> int:
        return PADDING + self.time_width + self.name_width + GAP

    def text_width(self) -> int:
        return max(80, self._view.viewport().width() - self.text_left() - self.tags_width - PADDING * 2)

    def set_document(self, document: TranscriptDocument | None) -> None:
        """Tags stand to the right of the text; the language only where a transcript has several."""
        segments = document.segments if document else ()
        self.many_languages = len({s.language for s in segments if s.language}) > 1
        self.tags_width = 0
        for kind in {(s.language, s.emotion, s.flags) for s in segments}:
            tags = self._tags_of(*kind)
            self.tags_width = max(self.tags_width, sum(self._tag_width(tag) + 6 for tag in tags) + GAP)
        self.forget()

    def tags(self, segment: Segment) -> list[str]:
        """Language, emotion and doubts, in the words of the window."""
        return self._tags_of(segment.language, segment.emotion, segment.flags)

    def _tags_of(self, language: str, emotion: str, flags: tuple[str, ...]) -> list[str]:
        return [translated(tag) for tag in (language if self.many_languages else "", emotion, *flags) if tag]

    def _tag_width(self, tag: str) -> int:
        return int(self._metrics.horizontalAdvance(tag)) + 12

    # -- size ------------------------------------------------------------------------------------------------

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        width = self.text_width()
        key = index.row(), width
        height = self._heights.get(key)
        if height is None:
            height = self._heights[key] = self._height(index.data(ITEM), width)
        return QSize(100, height)

    def _height(self, segment: Segment, width: int) -> int:
        height = self._text_height(segment.text, width, False)
        if segment.translation:
            height += self._text_height(segment.translation, width, True)
        return height + 2 * PADDING

    def _text_height(self, text: str, width: int, italic: bool) -> int:
        lines, close = self._line_count(text, width, italic)
        if close:  # too near to call from sums: the real layout decides
            return sum(int(height) for _, height in self._layout(text, width, italic))
        return lines * self._line

    def _line_count(self, text: str, width: int, italic: bool) -> tuple[int, bool]:
        """Lines of greedy word wrap from cached word widths, and whether some line is within 2 % of the edge."""
        lines, at, close, space = 1, 0.0, not text.isascii() and " " not in text, self._width(" ", italic)
        margin = max(4.0, 0.02 * width)
        for paragraph, line in enumerate(text.split("\n")):
            lines, at = (lines + 1, 0.0) if paragraph else (lines, at)
            for word in line.split(" "):
                advance = self._width(word, italic)
                reach = at + space + advance if at else advance
                close = close or abs(reach - width) < margin or advance > width
                if reach > width and at:
                    lines, reach = lines + 1, advance
                at = reach
        return lines, close

    def _width(self, word: str, italic: bool) -> float:
        key = word, italic
        width = self._widths.get(key)
        if width is None:
            if len(self._widths) > _WORDS_KEPT:
                self._widths.clear()
            metrics = self._italic_metrics if italic else self._metrics
            width = self._widths[key] = metrics.horizontalAdvance(word)
        return width

    # -- painting --------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter, option: QStyleOptionViewItem,
              index: QModelIndex | QPersistentModelIndex) -> None:
        segment: Segment = index.data(ITEM)
        speaker: Speaker | None = index.data(SPEAKER)
        if segment is None:
            return
        painter.save()
        rect: QRect = option.rect
        palette = self._view.palette()
        colours = theme.colours(palette)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if index.row() == self.playing:
            painter.fillRect(rect, colours.playing_ground)
        colour = colours.speaker(speaker.position if speaker else None)
        if selected:
            painter.fillRect(QRect(rect.left(), rect.top(), 4, rect.height()), palette.highlight())
            in_focus = self._view.hasFocus() and self._view.currentIndex() == index
            painter.setPen(QPen(palette.highlight().color(), 3 if in_focus else 1))
            painter.drawRect(rect.adjusted(1, 1, -2, -2) if in_focus else rect.adjusted(0, 0, -1, -1))
        painter.setFont(self._font)
        top = rect.top() + PADDING
        self._paint_head(painter, QPoint(rect.left() + PADDING, top), segment, speaker, colour)
        y = self._paint_text(painter, rect.left() + self.text_left(), top, segment.text, palette.text().color(), False)
        if segment.translation:
            y = self._paint_text(painter, rect.left() + self.text_left(), y, segment.translation,
                                 palette.placeholderText().color(), True)
        if tags := self.tags(segment):
            self._paint_tags(painter, rect.right() - PADDING, top, tags)
        painter.restore()
        self._correct_height(index, y - rect.top() + PADDING)

    def _paint_head(self, painter: QPainter, at: QPoint, segment: Segment, speaker: Speaker | None,
                    colour: QColor) -> None:
        palette = self._view.palette()
        painter.setPen(palette.placeholderText().color())
        place = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRect(at.x(), at.y(), self.time_width, self._line), place, clock(segment.start))
        if speaker is None:
            return
        left = at.x() + self.time_width
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(colour)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawRoundedRect(QRect(left, at.y() + 3, 8, self._line - 6), 3, 3)
        painter.setPen(colour)
        name = self._metrics.elidedText(speaker.name, Qt.TextElideMode.ElideRight, self.name_width - 16)
        painter.drawText(QRect(left + 14, at.y(), self.name_width - 14, self._line), place, name)

    def _paint_text(self, painter: QPainter, left: int, top: int, text: str, colour: QColor, italic: bool) -> int:
        painter.setPen(colour)
        y = top
        for layout, height in self._layout(text, self.text_width(), italic):
            layout.draw(painter, QPointF(left, y))
            y += int(height)
        return y

    def _paint_tags(self, painter: QPainter, right: int, top: int, tags: list[str]) -> None:
        palette = self._view.palette()
        for tag in reversed(tags):
            width = self._tag_width(tag)
            left = right - width
            painter.setPen(QPen(palette.mid().color(), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRect(left, top + 1, width, self._line - 3), 5, 5)
            painter.setPen(palette.placeholderText().color())
            painter.drawText(QRect(left, top, width, self._line - 1), Qt.AlignmentFlag.AlignCenter, tag)
            right = left - 6

    def _layout(self, text: str, width: int, italic: bool) -> list[tuple[QTextLayout, float]]:
        key = text, width, italic
        found = self._layouts.get(key)
        if found is not None:
            self._layouts.move_to_end(key)
            return found
        font = self._italic if italic else self._font
        found = [_lay_out(line, width, font, self._line) for line in text.split("\n")]
        self._layouts[key] = found
        if len(self._layouts) > _LAYOUTS_KEPT:
            self._layouts.popitem(last=False)
        return found

    def _correct_height(self, index: QModelIndex | QPersistentModelIndex, height: int) -> None:
        """Where the estimate was short of the real layout, the row is measured again."""
        key = index.row(), self.text_width()
        if self._heights.get(key, height) != height:
            self._heights[key] = height
            self.sizeHintChanged.emit(index)


class TranscriptView(QListView):
    """The list; tells which segment the user chose and where they want to play."""

    play_requested = Signal(float)
    play_segment_requested = Signal(int)
    following_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.segments = SegmentModel(self)
        self.setModel(self.segments)
        self.row_delegate = SegmentDelegate(self)
        self.setItemDelegate(self.row_delegate)
        self.setLayoutMode(QListView.LayoutMode.Batched)
        self.setBatchSize(100)  # about 10 ms each: the window stays alive while 20,000 rows are laid out
        self.setUniformItemSizes(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setAccessibleName(self.tr("Transcript"))
        self.is_following = True
        self._wanted = -1  # a row to show as soon as its batch is laid out
        self.verticalScrollBar().rangeChanged.connect(lambda: self.reveal(self._wanted) if self._wanted >= 0 else None)
        self.verticalScrollBar().sliderPressed.connect(self.stop_following)
        self.verticalScrollBar().actionTriggered.connect(self.stop_following)

    def set_document(self, document: TranscriptDocument | None) -> None:
        """Show another document, or more of the same."""
        self._wanted = -1
        self.row_delegate.set_document(document)
        self.segments.set_document(document)

    def set_playing(self, row: int) -> None:
        """Mark the playing row and, while following, keep it in view."""
        old = self.row_delegate.playing
        if row == old:
            return
        self.row_delegate.playing = row
        for changed in (old, row):
            if 0 <= changed < self.segments.rowCount():
                self.update(self.segments.index(changed))
        if self.is_following and row >= 0:
            self.reveal(row)

    def reveal(self, row: int) -> None:
        """Scroll to a row, if it is not well in view; rows that are not laid out yet are waited for."""
        rect = self.visualRect(self.segments.index(row))
        self._wanted = -1 if rect.isValid() else row
        if not rect.isValid():
            return
        height = self.viewport().height()
        if rect.top() < 0 or rect.bottom() > height * 0.85:
            self.scrollTo(self.segments.index(row), QAbstractItemView.ScrollHint.PositionAtTop
                          if rect.height() > height else QAbstractItemView.ScrollHint.PositionAtCenter)

    def follow(self) -> None:
        """Go back to the playing row and stay with it."""
        self.is_following = True
        self.following_changed.emit(True)
        if self.row_delegate.playing >= 0:
            self.reveal(self.row_delegate.playing)

    def stop_following(self, *_: Any) -> None:
        if self.is_following:
            self.is_following = False
            self.following_changed.emit(False)

    def set_text_font(self, font: QFont) -> None:
        self.setFont(font)
        self.row_delegate.set_font(font)
        self.scheduleDelayedItemsLayout()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Heights depend on the width; QListView lays a vertical list out anew for its height only."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.scheduleDelayedItemsLayout()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.stop_following()
        super().wheelEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        index = self.indexAt(event.position().toPoint())
        in_gutter = event.position().x() < PADDING + self.row_delegate.time_width
        if index.isValid() and in_gutter and event.button() == Qt.MouseButton.LeftButton:
            self.play_requested.emit(index.data(ITEM).start)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if index.isValid():
            self.play_segment_requested.emit(index.row())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.play_segment_requested.emit(self.currentIndex().row())
            return
        super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "row_delegate"):
            self.row_delegate.set_font(self.font())


def _lay_out(text: str, width: int, font: QFont, line_height: int) -> tuple[QTextLayout, float]:
    """One paragraph; its direction comes from its own text."""
    layout = QTextLayout(text, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    direction = _direction(text)
    option.setTextDirection(direction)
    option.setAlignment(Qt.AlignmentFlag.AlignRight if direction is Qt.LayoutDirection.RightToLeft
                        else Qt.AlignmentFlag.AlignLeft)
    layout.setTextOption(option)
    layout.beginLayout()
    y = 0.0
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width)
        line.setPosition(QPointF(0, y))
        y += max(line_height, int(line.height() + 0.5) if line.height() > line_height + 2 else line_height)
    layout.endLayout()
    return layout, max(y, float(line_height))


def _direction(text: str) -> Qt.LayoutDirection:
    for character in text[:200]:
        kind = unicodedata.bidirectional(character)
        if kind in ("R", "AL"):
            return Qt.LayoutDirection.RightToLeft
        if kind == "L":
            break
    return Qt.LayoutDirection.LeftToRight
