"""The transcript: a list of lines that are edited in place; follows the playing line until the user scrolls."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QFont,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QApplication, QStyle, QStyleOptionViewItem, QWidget

from desktop.editing import Splice
from desktop.model import Segment, TranscriptDocument
from desktop.ui import theme
from desktop.ui.item_models import ITEM, SegmentModel
from desktop.ui.row_heights import RowHeights
from desktop.ui.segment_delegate import PADDING, SegmentDelegate
from desktop.ui.segment_editor import SegmentEditor
from desktop.withholding import word_spans

_ROOT = QModelIndex()


class TranscriptView(QAbstractItemView):
    """The list; tells which line the user chose, where they want to play, and what they typed."""

    play_requested = Signal(float)
    play_segment_requested = Signal(int)
    following_changed = Signal(bool)
    text_edited = Signal(int, str)  # row, its new text
    edit_refused = Signal(int)  # a row that is hidden, or a library that may not be written
    undo_wanted = Signal(bool)  # from inside the editor; True: redo
    speaker_requested = Signal(int)  # a row whose speaker was double-clicked

    def __init__(self, parent: QWidget | None = None,
                 is_command: Callable[[QKeySequence], bool] = lambda keys: False) -> None:
        super().__init__(parent)
        self.segments = SegmentModel(self)
        self.heights = RowHeights()
        self.row_delegate = SegmentDelegate(self)
        self.setItemDelegate(self.row_delegate)
        self.setModel(self.segments)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAccessibleName(self.tr("Transcript"))
        self.is_following = True
        self.may_edit = True
        self.may_leave: Callable[[Segment], bool] = lambda segment: True  # asked when a line is opened
        self._is_dragging_text = False
        self._editing = QPersistentModelIndex()
        self.editor = SegmentEditor(self.viewport(), is_command)
        self._connect_editor()
        self.segments.names_changed.connect(self.viewport().update)
        self.verticalScrollBar().sliderPressed.connect(self.stop_following)
        self.verticalScrollBar().actionTriggered.connect(self.stop_following)

    def _connect_editor(self) -> None:
        self.editor.typed.connect(self._typed)
        self.editor.left.connect(self._go_on)
        self.editor.cancelled.connect(self.close_editor)
        self.editor.undo_wanted.connect(self.undo_wanted)
        self.editor.document().documentLayout().documentSizeChanged.connect(lambda _: self._editor_grew())

    # -- what is shown ---------------------------------------------------------------------------------------

    def set_document(self, document: TranscriptDocument | None) -> None:
        """Show another document, or more of the same: what is at the top of the view, and the line that is being
        edited, stay so when they are still there."""
        anchor = self.heights.at(self._value())
        at_top, inside = self.segments.segment(anchor), self._value() - self.heights.top(max(0, anchor))
        row, place = self.editing_row, self.editor.caret
        edited = self.segments.segment(row)
        had_focus = self.editor.hasFocus()
        self._editing = QPersistentModelIndex()
        self.row_delegate.set_document(document)
        self.segments.set_document(document)
        again = self.segments.row_with(edited.id) if edited is not None else -1
        if again >= 0 and not self.segments.is_hidden(again):
            self._open_editor(again, place, focus=had_focus, again=True)
        else:
            self.close_editor()
        row = self.segments.row_with(at_top.id) if at_top is not None else -1
        if row >= 0 and (inside or row):
            self.verticalScrollBar().setValue(self.heights.top(row) + inside)

    def splice(self, document: TranscriptDocument, splice: Splice) -> None:
        """Some rows gave way to others; what is on screen stays where it is."""
        if self.row_delegate.make_room(splice.new):
            self._all_anew()
        edited = self.segments.segment(self.editing_row)
        self.segments.splice(document, splice)
        row = self.segments.row_with(edited.id) if edited is not None else -1
        segment = self.segments.segment(row)
        if segment is None or self.segments.is_hidden(row):  # else what is hidden would be lost with the next key
            self.close_editor()
        else:
            self._edit_now(row)
            self.editor.show_text(segment.text)
            self._place_editor()

    def set_playing(self, row: int) -> None:
        """Mark the playing row and, while following, keep it in view."""
        old = self.row_delegate.playing
        if row == old:
            return
        self.row_delegate.playing = row
        for changed in (old, row):
            if 0 <= changed < self.segments.rowCount():
                self.update(self.segments.index(changed))
        if self.is_following and row >= 0 and not self.is_editing:
            self.reveal(row)

    def set_playing_word(self, span: tuple[int, int] | None) -> None:
        """Mark the word that sounds, by its place in the text of the playing row."""
        if span != self.row_delegate.playing_word:
            self.row_delegate.playing_word = span
            if 0 <= self.row_delegate.playing < self.segments.rowCount():
                self.update(self.segments.index(self.row_delegate.playing))
            self.editor.mark(span if self.row_delegate.playing == self.editing_row else None)

    def show_found(self, found: dict[int, list[tuple[int, int]]]) -> None:
        """Mark places in the texts of segments, by their ids."""
        self.row_delegate.found = found
        self.viewport().update()

    def reveal(self, row: int) -> None:
        """Scroll to a row, if it is not well in view."""
        if not 0 <= row < len(self.heights):
            return
        height = self.viewport().height()
        self._measure(row - 1, row + 1)
        top, tall = self.heights.top(row) - self._value(), self.heights.height(row)
        if top < 0 or top + tall > height * 0.85:
            self.scrollTo(self.segments.index(row), QAbstractItemView.ScrollHint.PositionAtTop
                          if tall > height else QAbstractItemView.ScrollHint.PositionAtCenter)

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

    # -- editing ---------------------------------------------------------------------------------------------

    @property
    def editing_row(self) -> int:
        """The row whose text is being edited; -1 for none."""
        return self._editing.row() if self._editing.isValid() else -1

    @property
    def is_editing(self) -> bool:
        return self._editing.isValid()

    def edit_row(self, row: int, caret: int = 0) -> None:
        """Open the editor on a row, the caret before a character (-1: at the end)."""
        segment = self.segments.segment(row)
        if segment is None:
            return
        if self.segments.is_hidden(row) or not self.may_edit:
            self.edit_refused.emit(row)
            return
        self.editor.commit()
        self._open_editor(row, len(segment.text) if caret < 0 else caret, focus=True)
        self.choose(row)
        self._ensure_visible(row)

    def choose(self, row: int) -> None:
        """Make a row the chosen one, whatever keys are held."""
        self.selectionModel().setCurrentIndex(self.segments.index(row),
                                              QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def commit(self) -> None:
        """Hand over what is being typed, before anything else is done with the line."""
        if self.is_editing:
            self.editor.commit()

    def close_editor(self) -> None:
        """Leave the editor; what was typed is kept."""
        row = self.editing_row
        if row >= 0:
            self.editor.commit()
        had_focus = self.editor.hasFocus()
        self._editing = QPersistentModelIndex()
        self.row_delegate.editing = -1
        self.editor.hide()
        if had_focus:
            self.setFocus()
        if row >= 0:
            self._remeasure(row)

    def caret_place(self) -> tuple[int, int] | None:
        """Row and place in its text where the caret is; None when nothing is being edited."""
        return (self.editing_row, self.editor.caret) if self.is_editing else None

    def selected_text(self) -> tuple[int, int, int] | None:
        """Row, begin and end of the characters that are selected in the editor."""
        cursor = self.editor.textCursor()
        if not self.is_editing or not cursor.hasSelection():
            return None
        return self.editing_row, *self.editor.selection

    def _open_editor(self, row: int, caret: int, *, focus: bool, again: bool = False) -> None:
        segment = self.segments.segment(row)
        assert segment is not None
        self._edit_now(row)
        self.editor.may_leave = self.may_leave(segment)
        self.editor.setFont(self.font())
        option = QTextOption(self.editor.document().defaultTextOption())
        direction = self.row_delegate.direction(segment.text)
        option.setTextDirection(direction)
        option.setAlignment(Qt.AlignmentFlag.AlignRight if direction is Qt.LayoutDirection.RightToLeft
                            else Qt.AlignmentFlag.AlignLeft)
        self.editor.resize(self.row_delegate.text_width() + 2, self.editor.height())
        self.editor.show()  # a hidden one is not laid out anew
        self.editor.document().setDefaultTextOption(option)
        if again:  # the same line, read anew: what was typed can still be taken back
            self.editor.show_text(segment.text)
        else:
            self.editor.open_text(segment.text)
            self.editor.set_caret(caret)
        self._remeasure(row)
        self._place_editor()
        if focus:
            self.editor.setFocus()

    def _edit_now(self, row: int) -> None:
        """The editor belongs to this row; the one that it belonged to gets its own height again."""
        old, self._editing = self.editing_row, QPersistentModelIndex(self.segments.index(row))
        self.row_delegate.editing = row
        if old >= 0 and old != row:
            self._remeasure(old)

    def _typed(self, text: str) -> None:
        if self.is_editing:
            self.text_edited.emit(self.editing_row, text)

    def _go_on(self, step: int, at_end: bool) -> None:
        row = self.editing_row + step
        while self.segments.is_hidden(row):
            row += step
        if 0 <= row < self.segments.rowCount():
            self.edit_row(row, -1 if at_end else 0)
        elif step > 0:
            self.close_editor()

    def _editor_height(self) -> int:
        """Pixels that the text needs in the editor."""
        layout, block = self.editor.document().documentLayout(), self.editor.document().begin()
        height = 0.0
        while block.isValid():
            height += layout.blockBoundingRect(block).height()  # lays the paragraph out
            block = block.next()
        return max(self.row_delegate.line_height, math.ceil(height)) + 4

    def _editor_grew(self) -> None:
        if self.is_editing:
            self._remeasure(self.editing_row)
            self._place_editor()

    def _place_editor(self) -> None:
        if self.is_editing:
            rect = self.visualRect(self.segments.index(self.editing_row))
            delegate = self.row_delegate
            box = QRect(rect.left() + delegate.text_left(), rect.top() + PADDING - 2, delegate.text_width() + 2,
                        self._editor_height())
            if self.editor.geometry() != box:
                self.editor.setGeometry(box)

    # -- geometry --------------------------------------------------------------------------------------------

    def _value(self) -> int:
        return self.verticalScrollBar().value()

    def _height_of(self, row: int) -> int:
        segment = self.segments.shown(row)
        if row == self.editing_row:
            return self.row_delegate.height(segment, self.row_delegate.text_width(), self._editor_height())
        return self.row_delegate.height(segment, self.row_delegate.text_width())

    def _measure(self, first: int, last: int) -> None:
        """Measure these rows and their surroundings on screen; what is at the top of the view stays there."""
        first, last = max(0, first), min(len(self.heights), last)
        anchor = self.heights.at(self._value())
        if anchor < 0 or first >= last:
            return
        before = self.heights.top(anchor)
        if self.heights.measure(first, last, self._height_of):
            self._resized(anchor, before)

    def _resized(self, anchor: int, before: int) -> None:
        value = self._value() + self.heights.top(anchor) - before
        self._set_bar()
        bar = self.verticalScrollBar()
        bar.blockSignals(True)
        bar.setValue(value)
        bar.blockSignals(False)
        self._place_editor()
        self.viewport().update()

    def _set_bar(self) -> None:
        bar, height = self.verticalScrollBar(), self.viewport().height()
        bar.setPageStep(height)
        bar.setSingleStep(3 * self.row_delegate.line_height)
        bar.setRange(0, max(0, self.heights.total - height))

    def _settle(self) -> None:
        """Measure what is in view and a page around it."""
        height = self.viewport().height()
        for _ in range(3):  # shorter rows than estimated let more rows in
            value, total = self._value(), self.heights.total
            self._measure(self.heights.at(value - height), self.heights.at(value + 2 * height) + 1)
            if (value, total) == (self._value(), self.heights.total):
                return

    def _remeasure(self, row: int) -> None:
        if 0 <= row < len(self.heights):
            self.heights.forget(row, 1)
            self._measure(row, row + 1)

    def _all_anew(self) -> None:
        """Texts, width or font changed: estimates first, the line at the top stays there."""
        anchor = self.heights.at(self._value())
        inside = self._value() - self.heights.top(anchor) if anchor >= 0 else 0
        self.editor.resize(self.row_delegate.text_width() + 2, self.editor.height())
        self.heights.set_all(self.row_delegate.estimates(self.segments.all()))
        self._set_bar()
        if 0 <= anchor < len(self.heights):
            self.verticalScrollBar().setValue(self.heights.top(anchor) + inside)
        self._settle()
        self._place_editor()
        self.viewport().update()

    def reset(self) -> None:
        super().reset()
        self._editing = QPersistentModelIndex()
        self.row_delegate.forget()
        self.heights.set_all(self.row_delegate.estimates(self.segments.all()))
        self._set_bar()
        self.verticalScrollBar().setValue(0)
        self._settle()
        self.viewport().update()

    def rowsInserted(self, parent: QModelIndex, start: int, end: int) -> None:
        super().rowsInserted(parent, start, end)
        anchor = self.heights.at(self._value())
        before = self.heights.top(anchor) if anchor >= 0 else 0
        self.heights.insert(start, self.row_delegate.estimates(self.segments.all()[start:end + 1]))
        self._resized(anchor + (end - start + 1 if start <= anchor else 0) if anchor >= 0 else 0, before)
        self._settle()

    def rowsAboutToBeRemoved(self, parent: QModelIndex, start: int, end: int) -> None:
        super().rowsAboutToBeRemoved(parent, start, end)
        anchor = self.heights.at(self._value())
        before = self.heights.top(anchor)
        self.heights.remove(start, end - start + 1)
        if anchor > end:
            anchor -= end - start + 1
        elif anchor >= start:
            anchor, before = min(start, max(0, len(self.heights) - 1)), self._value()
        self._resized(anchor, before)

    def dataChanged(self, first: QModelIndex, last: QModelIndex, roles: Any = ()) -> None:
        super().dataChanged(first, last, roles)
        self.heights.forget(first.row(), last.row() - first.row() + 1)
        self._settle()
        self.viewport().update()

    def updateGeometries(self) -> None:
        super().updateGeometries()
        self._set_bar()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        super().scrollContentsBy(dx, dy)
        self._settle()
        self._place_editor()
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.row_delegate.forget()
            self._all_anew()
        else:
            self._settle()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "row_delegate"):
            self.row_delegate.set_font(self.font())
            self._all_anew()

    # -- what an item view must answer -----------------------------------------------------------------------

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self._value()

    def isIndexHidden(self, index: QModelIndex) -> bool:
        return False

    def visualRect(self, index: QModelIndex | QPersistentModelIndex) -> QRect:
        row = index.row()
        if not index.isValid() or row >= len(self.heights):
            return QRect()
        return QRect(0, self.heights.top(row) - self._value(), self.viewport().width(), self.heights.height(row))

    def indexAt(self, point: QPoint) -> QModelIndex:
        y = point.y() + self._value()
        return self.segments.index(self.heights.at(y)) if 0 <= y < self.heights.total else QModelIndex()

    def scrollTo(self, index: QModelIndex | QPersistentModelIndex,
                 hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible) -> None:
        row = index.row()
        if not index.isValid() or row >= len(self.heights):
            return
        if hint == QAbstractItemView.ScrollHint.EnsureVisible:
            self._ensure_visible(row)
            return
        around = self.viewport().height() // max(1, self.row_delegate.line_height) + 1
        self._measure(row - around, row + around)
        top, tall, height = self.heights.top(row), self.heights.height(row), self.viewport().height()
        places = {QAbstractItemView.ScrollHint.PositionAtTop: top,
                  QAbstractItemView.ScrollHint.PositionAtBottom: top + tall - height}
        self.verticalScrollBar().setValue(places.get(hint, top - (height - tall) // 2))

    def _ensure_visible(self, row: int) -> None:
        self._measure(row, row + 1)
        top, tall, height = self.heights.top(row), self.heights.height(row), self.viewport().height()
        if top < self._value() or tall > height:
            self.verticalScrollBar().setValue(top)
        elif top + tall > self._value() + height:
            self.verticalScrollBar().setValue(top + tall - height)

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        row, last = self.currentIndex().row(), self.segments.rowCount() - 1
        page = max(1, self.heights.at(self._value() + self.viewport().height()) - self.heights.at(self._value()) - 1)
        kind = QAbstractItemView.CursorAction
        steps = {kind.MoveUp: row - 1, kind.MovePrevious: row - 1, kind.MoveDown: row + 1, kind.MoveNext: row + 1,
                 kind.MovePageUp: row - page, kind.MovePageDown: row + page, kind.MoveHome: 0, kind.MoveEnd: last}
        return self.segments.index(min(max(0, steps.get(action, row)), last)) if last >= 0 else QModelIndex()

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        if not len(self.heights):
            return
        first = self.heights.at(rect.top() + self._value())
        last = self.heights.at(rect.bottom() + self._value())
        self.selectionModel().select(QItemSelection(self.segments.index(first), self.segments.index(last)), command)

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        return QRegion(self.viewport().rect())

    def selected_rows(self) -> list[int]:
        """The chosen rows in their order; the current one when none is chosen."""
        rows = sorted({index.row() for index in self.selectionModel().selectedIndexes()})
        current = self.currentIndex().row()
        return rows or ([current] if current >= 0 else [])

    # -- painting --------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), self.palette().base())
        if not len(self.heights):
            return
        model = self.selectionModel()
        first = self.heights.at(event.rect().top() + self._value())
        for row in range(first, len(self.heights)):
            index = self.segments.index(row)
            option = QStyleOptionViewItem()
            option.rect = self.visualRect(index)
            if option.rect.top() > event.rect().bottom():
                break
            if model.isSelected(index):
                option.state |= QStyle.StateFlag.State_Selected
            self.row_delegate.paint(painter, option, index)
        if self.is_editing:
            rect = self.editor.geometry().adjusted(-3, -1, 3, 1)
            painter.setPen(theme.colours(self.palette()).selection)
            painter.drawRect(rect)

    # -- mouse and keys --------------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.stop_following()
        super().wheelEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        point = event.position().toPoint()
        index = self.indexAt(point)
        if self.is_editing and index.row() != self.editing_row:
            self.close_editor()
        super().mousePressEvent(event)
        if not index.isValid() or event.button() != Qt.MouseButton.LeftButton:
            return
        modifiers = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
        if point.x() < PADDING + self.row_delegate.time_width:
            self.play_requested.emit(index.data(ITEM).start)
        elif point.x() >= self.row_delegate.text_left() and not modifiers:
            place = self._place_at(index.row(), point)
            if place is not None:
                self.edit_row(index.row(), place)
                self._hand_on(event)
        elif modifiers == Qt.KeyboardModifier.ControlModifier:
            self._play_word_at(index.row(), point)

    def _hand_on(self, event: QMouseEvent) -> None:
        """The press that opened the editor goes on as a drag in it: words are selected in one gesture."""
        if not self.is_editing:
            return
        self._is_dragging_text = event.type() != QEvent.Type.MouseButtonRelease
        viewport = self.editor.viewport()
        place = viewport.mapFrom(self.viewport(), event.position().toPoint())
        QApplication.sendEvent(viewport, QMouseEvent(event.type(), QPointF(place), event.globalPosition(),
                                                     event.button(), event.buttons(), event.modifiers()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._is_dragging_text:
            self._hand_on(event)
        else:
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._is_dragging_text:
            self._hand_on(event)
        super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        x = event.position().x()
        if not index.isValid() or x >= self.row_delegate.text_left():
            return
        if x < PADDING + self.row_delegate.time_width:
            self.play_segment_requested.emit(index.row())
        else:
            self.speaker_requested.emit(index.row())

    def _place_at(self, row: int, point: QPoint) -> int | None:
        """The character of the text under a point; None beside the text (in the translation, on a tag)."""
        segment = self.segments.shown(row)
        if point.x() > self.row_delegate.text_left() + self.row_delegate.text_width():
            return None
        y = point.y() - self.visualRect(self.segments.index(row)).top() - PADDING
        return self.row_delegate.place_at(segment.text, point.x() - self.row_delegate.text_left(), y)

    def _play_word_at(self, row: int, point: QPoint) -> None:
        """Ctrl and click on a word plays from there."""
        segment = self.segments.shown(row)
        place = self._place_at(row, point) if point.x() >= self.row_delegate.text_left() else None
        seconds = word_start(segment, place) if place is not None else None
        if seconds is not None:
            self.play_requested.emit(seconds)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        current = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and current.isValid():
            self.edit_row(current.row(), 0)
            return
        super().keyPressEvent(event)


class PlayingWord:
    """Which word of a line sounds; the places of the words of the latest line are kept."""

    def __init__(self) -> None:
        self._segment: Segment | None = None
        self._spans: list[tuple[int, int]] | None = None

    def at(self, segment: Segment | None, seconds: float) -> tuple[int, int] | None:
        """Where in the text the word stands that sounds at `seconds`; None between words or without times."""
        if segment is not self._segment:
            self._segment = segment
            self._spans = word_spans(segment.text, segment.words) if segment is not None else None
        if segment is None or self._spans is None:
            return None
        return next((span for span, word in zip(self._spans, segment.words, strict=True)
                     if word.start <= seconds < max(word.end, word.start + 0.05)), None)


def word_start(segment: Segment, place: int) -> float | None:
    """When the word at a place in the text begins; None when words have no times."""
    spans = word_spans(segment.text, segment.words)
    if spans is None:
        return None
    return next((word.start for (begin, end), word in zip(spans, segment.words, strict=True) if place <= end), None)
