"""The list of a search: each recording with its hits, the words that were found marked, who said them and when."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QFont,
    QFontMetricsF,
    QPainter,
    QPalette,
    QPen,
    QTextCharFormat,
    QTextLayout,
)
from PySide6.QtWidgets import QListView, QStyle, QStyleOptionViewItem, QWidget

from desktop.hits import Found, Group, Hit, Kind
from desktop.model import clock
from desktop.ui import theme
from desktop.ui.place_list import LayoutDelegate, PlaceList, laid_out, marked
from desktop.ui.words import translated

Index = QModelIndex | QPersistentModelIndex
ITEM = int(Qt.ItemDataRole.UserRole)
_ROOT = QModelIndex()
_PADDING, _GAP = 7, 12
_MOST_LAYOUTS = 2000


class HitModel(QAbstractListModel):
    """A row for each recording, and below it one for each of its hits; ITEM gives the Group or the Hit."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.rows: list[Group | Hit] = []
        self._titles: dict[int, str] = {}

    def set_found(self, found: Found) -> None:
        """Show this, whatever was there."""
        self.beginResetModel()
        self.rows = []
        for group in found.groups:
            self.rows += [group, *group.hits]
        self._titles = {group.recording_id: group.title for group in found.groups}
        self.endResetModel()

    def row_of(self, hit: Hit | None) -> int:
        """Where the hit is, or the first one; -1 when there is none."""
        hits = [row for row, item in enumerate(self.rows) if isinstance(item, Hit)]
        return next((row for row in hits if self.rows[row] == hit), hits[0] if hits else -1)

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        if index.isValid() and isinstance(self.rows[index.row()], Group):
            return Qt.ItemFlag.NoItemFlags
        return super().flags(index)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        item = self.rows[index.row()]
        if role == ITEM:
            return item
        if role == Qt.ItemDataRole.DisplayRole:
            return item.title if isinstance(item, Group) else item.words
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return item.title if isinstance(item, Group) else ". ".join(
                part for part in (item.words, below(item), clock(item.start) if item.has_time else "",
                                  self._titles[item.recording_id]) if part)
        return None


def below(hit: Hit) -> str:
    """Who, and in what the words are when they are not simply what was said."""
    kind = "" if hit.kind is Kind.LINE else translated(hit.kind.value)
    return " · ".join(part for part in (hit.speaker, kind) if part)


class HitDelegate(LayoutDelegate):
    """Paints one row. Everything is plain text, whatever is in it."""

    def __init__(self, parent: QListView) -> None:
        super().__init__(parent)
        self._view = parent
        self._layouts: dict[tuple[int, int], tuple[QTextLayout, int]] = {}
        self._bold = QFont(parent.font())
        self._bold.setBold(True)
        metrics = QFontMetricsF(parent.font())
        self._line = int(metrics.lineSpacing()) + 1
        self._time_width = int(metrics.horizontalAdvance("0:00:00")) + _GAP

    def forget(self) -> None:
        """Rows, widths or colours changed."""
        self._layouts.clear()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        item = index.data(ITEM)
        if not isinstance(item, Hit):
            return QSize(200, self._line + 2 * _PADDING + 2)
        return QSize(200, self._laid_out(index)[1])

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        item = index.data(ITEM)
        painter.save()
        painter.setClipRect(option.rect)
        if isinstance(item, Group):
            self._paint_group(painter, option.rect, item)
        elif isinstance(item, Hit):
            self._paint_frame(painter, option)
            self._paint_hit(painter, option.rect, item, self._laid_out(index)[0])
        painter.restore()

    def _paint_group(self, painter: QPainter, rect: QRect, group: Group) -> None:
        palette = self._view.palette()
        painter.fillRect(rect, palette.alternateBase())
        inner = rect.adjusted(_PADDING, 0, -_PADDING, 0)
        day = group.day
        metrics = QFontMetricsF(self._view.font())
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(inner, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), day)
        painter.setFont(self._bold)
        painter.setPen(palette.color(QPalette.ColorRole.Text))
        width = inner.width() - int(metrics.horizontalAdvance(day)) - _GAP
        title = QFontMetricsF(self._bold).elidedText(group.title, Qt.TextElideMode.ElideMiddle, width)
        painter.drawText(inner, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), title)

    def _paint_frame(self, painter: QPainter, option: QStyleOptionViewItem) -> None:
        rect: QRect = option.rect
        palette = self._view.palette()
        if option.state & QStyle.StateFlag.State_Selected:
            focused = self._view.hasFocus()
            painter.fillRect(QRect(rect.left(), rect.top(), 4, rect.height()), palette.highlight())
            painter.setPen(QPen(palette.highlight().color(), 3 if focused else 1))
            painter.drawRect(rect.adjusted(1, 1, -2, -2) if focused else rect.adjusted(0, 0, -1, -1))
        painter.setPen(QPen(palette.midlight().color(), 1))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())

    def _paint_hit(self, painter: QPainter, rect: QRect, hit: Hit, layout: QTextLayout) -> None:
        palette = self._view.palette()
        left, top = rect.left() + 2 * _PADDING, rect.top() + _PADDING
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
        if hit.has_time:
            painter.drawText(QRectF(left, top, self._time_width, self._line), Qt.AlignmentFlag.AlignLeft,
                             clock(hit.start))
        left += self._time_width
        y = top + layout.boundingRect().height()
        width = rect.right() - _PADDING - left
        painter.drawText(QRectF(left, y, width, self._line), Qt.AlignmentFlag.AlignLeft, QFontMetricsF(
            self._view.font()).elidedText(below(hit), Qt.TextElideMode.ElideRight, width))
        painter.setPen(palette.color(QPalette.ColorRole.Text))
        layout.draw(painter, QPointF(left, top))

    def _laid_out(self, index: Index) -> tuple[QTextLayout, int]:
        """The words at the width of the view, and the height of the row."""
        width = max(120, self._view.viewport().width() - self._time_width - 4 * _PADDING)
        found = self._layouts.get((index.row(), width))
        if found is None:
            hit: Hit = index.data(ITEM)
            layout = self._lay_out(hit, width)
            height = layout.boundingRect().height() + (self._line if below(hit) else 0)
            if len(self._layouts) > _MOST_LAYOUTS:
                self._layouts.clear()
            found = self._layouts[index.row(), width] = layout, int(height) + 2 * _PADDING
        return found

    def _lay_out(self, hit: Hit, width: int) -> QTextLayout:
        style = QTextCharFormat()
        style.setFontWeight(QFont.Weight.Bold)  # because a ground alone is not seen by everybody
        style.setBackground(theme.colours(self._view.palette()).found_ground)
        return laid_out(hit.words, self._view.font(), width,
                        [marked(hit.words, begin, end, style) for begin, end in hit.marked])


class HitView(PlaceList):
    """The list; Enter, a double click or Play asks to hear a hit."""

    play_requested = Signal(object)  # Hit
    current_changed = Signal(object)  # Hit or None

    def __init__(self, parent: QWidget | None = None) -> None:
        self.hits = HitModel()
        super().__init__(self.hits, HitDelegate, parent)
        self.hits.setParent(self)
        self.setAccessibleName(self.tr("Places that were found"))
        self.selectionModel().currentChanged.connect(lambda index: self.current_changed.emit(self._hit(index)))

    def set_found(self, found: Found) -> None:
        """Show this; what was current stays so where it is still there, else the first hit is."""
        current, top = self.current(), self.verticalScrollBar().value()
        self.row_delegate.forget()
        self.hits.set_found(found)
        row = self.hits.row_of(current)
        if row >= 0:
            self.setCurrentIndex(self.hits.index(row))
        if current is not None and row >= 0 and self.hits.rows[row] == current:
            self.verticalScrollBar().setValue(top)
        else:
            self.scrollToTop()

    def current(self) -> Hit | None:
        """The chosen hit."""
        return self._hit(self.currentIndex())

    def _hit(self, index: Index) -> Hit | None:
        item = index.data(ITEM) if index.isValid() else None
        return item if isinstance(item, Hit) else None

    def play(self, index: Index) -> None:
        if (hit := self._hit(index)) is not None:
            self.play_requested.emit(hit)
