"""How a line of the transcript is drawn: time, speaker, text, translation below, tags."""

from __future__ import annotations

import unicodedata
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import numpy as np
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPen, QTextLayout, QTextLine, QTextOption
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from desktop.model import Segment, Speaker, TranscriptDocument, clock
from desktop.ui import theme
from desktop.ui.carets import characters, units
from desktop.ui.item_models import ITEM, SPEAKER
from desktop.ui.masking import HIDDEN
from desktop.ui.words import translated

PADDING, GAP = 7, 10
EMPTY = "…"  # stands where a line has no text yet
_LAYOUTS_KEPT = 500
_WORDS_KEPT = 50_000


class SegmentDelegate(QStyledItemDelegate):
    """Paints one segment. Row heights come from summed word widths; exact layouts are kept for what is on screen."""

    def __init__(self, parent: QAbstractItemView) -> None:
        super().__init__(parent)
        self._view = parent
        self.playing = -1
        self.playing_word: tuple[int, int] | None = None  # where it stands in the text of the playing row
        self.editing = -1  # the row whose text lies in the editor
        self.found: dict[int, list[tuple[int, int]]] = {}  # segment id to what is marked in its text
        self.many_languages = False
        self.tags_width = 0
        self._counted: tuple[tuple[Segment, ...], np.ndarray, np.ndarray] = (), np.zeros(0), np.zeros(0)
        self._widths: dict[tuple[str, bool], float] = {}
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
        self._layouts.clear()

    def text_left(self) -> int:
        return PADDING + self.time_width + self.name_width + GAP

    def text_width(self) -> int:
        return max(80, self._view.viewport().width() - self.text_left() - self.tags_width - PADDING * 2)

    def set_document(self, document: TranscriptDocument | None) -> None:
        """Tags stand to the right of the text; the language only where a transcript has several."""
        segments = document.segments if document else ()
        self.many_languages = len({s.language for s in segments if s.language}) > 1
        self.tags_width = self._widest_tags(segments)
        self.forget()

    def make_room(self, segments: Iterable[Segment]) -> bool:
        """Whether the tags of these lines need more room than there was; then it is made."""
        widest = self._widest_tags(segments)
        if widest <= self.tags_width:
            return False
        self.tags_width = widest
        return True

    def _widest_tags(self, segments: Iterable[Segment]) -> int:
        widest = 0
        for kind in {(s.language, s.emotion, s.flags, s.checked) for s in segments}:
            tags = self._tags_of(*kind)
            widest = max(widest, sum(self._tag_width(tag) + 6 for tag in tags) + GAP)
        return widest

    def tags(self, segment: Segment) -> list[str]:
        """Language, emotion, doubts and whether somebody checked it, in the words of the window."""
        return self._tags_of(segment.language, segment.emotion, segment.flags, segment.checked)

    def _tags_of(self, language: str, emotion: str, flags: tuple[str, ...], checked: bool) -> list[str]:
        return [translated(tag) for tag in (language if self.many_languages else "", emotion, *flags,
                                            "✓" if checked else "") if tag]

    def _tag_width(self, tag: str) -> int:
        return int(self._metrics.horizontalAdvance(tag)) + 12

    # -- size ------------------------------------------------------------------------------------------------

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(100, self.height(index.data(ITEM), self.text_width()))

    @property
    def line_height(self) -> int:
        return self._line

    def height(self, segment: Segment, width: int, text_height: int = 0) -> int:
        """Pixels of a row; `text_height` is that of the editor when it lies over the text."""
        height = text_height or self._text_height(segment.text or EMPTY, width, False)
        if segment.translation:
            height += self._text_height(segment.translation, width, True)
        return height + 2 * PADDING

    def estimates(self, segments: tuple[Segment, ...]) -> np.ndarray:
        """Heights of rows by the number of characters: good enough for a scroll bar."""
        if segments is not self._counted[0]:  # another width asks again for the same 20,000
            self._counted = segments, np.array([len(s.text) for s in segments], np.int64), np.array(
                [len(s.translation) for s in segments], np.int64)
        _, text, translation = self._counted
        line, per_line = self._line, max(1.0, self.text_width() / max(1.0, self._metrics.averageCharWidth()))
        lines = (text / per_line).astype(np.int64) + ((translation / per_line).astype(np.int64) + 1) * (translation > 0)
        return line + 2 * PADDING + line * lines

    def place_at(self, text: str, x: float, y: float) -> int | None:
        """The character under a point, measured from the top left of the text; None below it."""
        offset = 0
        for (layout, height), paragraph in zip(self._layout(text or EMPTY, self.text_width(), False),
                                               (text or EMPTY).split("\n"), strict=True):
            if y < height:
                number = next((n for n in range(layout.lineCount()) if y < layout.lineAt(n).y()
                               + max(layout.lineAt(n).height(), self._line)), layout.lineCount() - 1)
                return min(len(text), offset + characters(paragraph, layout.lineAt(number).xToCursor(x)))
            y -= height
            offset += len(paragraph) + 1
        return None

    def direction(self, text: str) -> Qt.LayoutDirection:
        """Which way a text is read."""
        return _direction(text)

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
        left = rect.left() + self.text_left()
        if index.row() == self.editing:
            y = rect.bottom() - PADDING - (self._text_height(segment.translation, self.text_width(), True)
                                           if segment.translation else 0)
        else:
            if HIDDEN in segment.flags:
                self._paint_hatch(painter, QRect(left, top, self.text_width(), rect.height() - 2 * PADDING))
            self._paint_marks(painter, left, top, segment, index.row() == self.playing)
            ink = palette.text() if segment.text else palette.placeholderText()
            y = self._paint_text(painter, left, top, segment.text or EMPTY, ink.color(), False)
        if segment.translation:
            y = self._paint_text(painter, rect.left() + self.text_left(), y, segment.translation,
                                 palette.placeholderText().color(), True)
        if tags := self.tags(segment):
            self._paint_tags(painter, rect.right() - PADDING, top, tags)
        painter.restore()

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

    def _paint_marks(self, painter: QPainter, left: int, top: int, segment: Segment, plays: bool) -> None:
        """The word that sounds, and what was searched for or deserves a look."""
        colours = theme.colours(self._view.palette())
        for begin, end in self.found.get(segment.id, ()):
            self._mark(painter, left, top, segment.text, (begin, end), colours.found_ground)
        if plays and self.playing_word is not None:
            self._mark(painter, left, top, segment.text, self.playing_word, colours.word_ground)

    def _paint_hatch(self, painter: QPainter, box: QRect) -> None:
        painter.fillRect(box, QBrush(self._view.palette().mid().color(), Qt.BrushStyle.BDiagPattern))

    def _mark(self, painter: QPainter, left: int, top: int, text: str, span: tuple[int, int], colour: QColor) -> None:
        """Ground under some characters, line by line."""
        offset, y = 0, float(top)
        for layout, height in self._layout(text, self.text_width(), False):
            begin, end = (units(layout.text(), place - offset) for place in span)
            for number in range(layout.lineCount()) if begin < end else ():
                line = layout.lineAt(number)
                first, last = max(begin, line.textStart()), min(end, line.textStart() + line.textLength())
                if first < last:
                    xs = sorted((_x_of(line, first), _x_of(line, last)))
                    painter.fillRect(QRectF(left + xs[0] - 1, y + line.y(), xs[1] - xs[0] + 2,
                                            min(self._line, line.height() + 2)), colour)
            offset += len(layout.text()) + 1
            y += int(height)


def _x_of(line: QTextLine, character: int) -> float:
    place: Any = line.cursorToX(character)  # with the character itself, which Qt may move
    return float(place[0])


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
