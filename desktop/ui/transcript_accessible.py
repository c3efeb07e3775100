"""The transcript for screen readers: a list of lines as they are shown, and the editor when one of them is open."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAccessibleWidget

from desktop.ui.transcript_panel import TranscriptView
from desktop.ui.waveform_accessible import SegmentAccessible


class LineAccessible(SegmentAccessible):
    """One line as a list item; what is off the record is masked by the model."""

    def state(self) -> QAccessible.State:
        view = self._parent.view
        index = view.segments.index(self._index)
        state = QAccessible.State()
        state.selectable = state.focusable = True
        state.selected = view.selectionModel().isSelected(index)
        state.focused = view.hasFocus() and view.currentIndex() == index
        return state

    def text(self, kind: QAccessible.Text) -> str:
        if kind is not QAccessible.Text.Name or not self.isValid():
            return ""
        model = self._parent.view.segments
        return str(model.data(model.index(self._index), int(Qt.ItemDataRole.AccessibleTextRole)) or "")


class TranscriptAccessible(QAccessibleWidget):
    """The view as a list. Qt gives rows only to item views that it knows."""

    def __init__(self, view: TranscriptView) -> None:
        super().__init__(view, QAccessible.Role.List)
        self.view = view
        self._children: dict[int, LineAccessible] = {}

    def segment_count(self) -> int:
        return self.view.segments.rowCount()

    def segment_rect(self, row: int) -> QRect:
        inside = self.view.visualRect(self.view.segments.index(row))
        return QRect(self.view.viewport().mapToGlobal(inside.topLeft()), inside.size())

    def childCount(self) -> int:
        return self.segment_count() + self.view.is_editing

    def child(self, index: int) -> Any:
        if self.view.is_editing and index == self.segment_count():
            return QAccessible.queryAccessibleInterface(self.view.editor)
        if not 0 <= index < self.segment_count():
            return None
        if index not in self._children:
            self._children[index] = LineAccessible(self, index)
        return self._children[index]

    def indexOfChild(self, child: Any) -> int:
        if child is not None and child.object() is self.view.editor:
            return self.segment_count()
        return next((i for i, item in self._children.items() if item is child), -1)

    def childAt(self, x: int, y: int) -> Any:
        return self.child(self.view.indexAt(self.view.viewport().mapFromGlobal(QRect(x, y, 1, 1).topLeft())).row())

    def focusChild(self) -> Any:
        return self.child(self.segment_count() if self.view.editor.hasFocus() else self.view.currentIndex().row())
