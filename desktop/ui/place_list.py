"""A list of places in recordings that can be heard: what search and quote check have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QEvent, QPointF, Qt
from PySide6.QtGui import (
    QFont,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextCharFormat,
    QTextLayout,
    QTextOption,
)
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyledItemDelegate, QWidget

from desktop.ui.carets import units


class LayoutDelegate(QStyledItemDelegate):
    """A delegate that keeps the layouts of its rows; they depend on width, letters and colours."""

    def forget(self) -> None:
        """Lay everything out anew."""
        raise NotImplementedError


class PlaceList(QListView):
    """Rows of different heights. Enter and a double click play a row; an empty list says what it is for."""

    def __init__(self, model: QAbstractItemModel, make_delegate: Callable[[QListView], LayoutDelegate],
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.empty = ""  # what an empty list says
        self.setModel(model)
        self.row_delegate = make_delegate(self)
        self.setItemDelegate(self.row_delegate)
        self.setLayoutMode(QListView.LayoutMode.Batched)
        self.setBatchSize(50)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.doubleClicked.connect(lambda index: self.play(index))

    def play(self, index: Any) -> None:
        """Ask to hear a row, if it can be heard."""
        raise NotImplementedError

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.model().rowCount() and self.empty:
            painter = QPainter(self.viewport())
            painter.setPen(self.palette().placeholderText().color())
            painter.drawText(self.viewport().rect().adjusted(40, 20, -40, -20),
                             int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self.empty)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.play(self.currentIndex())
            event.accept()
            return
        super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Another theme: colours are part of the layouts."""
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "row_delegate"):
            self.row_delegate.forget()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Heights depend on the width."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.row_delegate.forget()
            self.scheduleDelayedItemsLayout()


def laid_out(words: str, font: QFont, width: float, marks: list[QTextLayout.FormatRange]) -> QTextLayout:
    """Words as plain text in lines of this width; their direction is their own."""
    layout = QTextLayout(words, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    option.setTextDirection(Qt.LayoutDirection.LayoutDirectionAuto)
    layout.setTextOption(option)
    layout.setFormats(marks)
    layout.beginLayout()
    y = 0.0
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width)
        line.setPosition(QPointF(0, y))
        y += line.height()
    layout.endLayout()
    return layout


def marked(words: str, begin: int, end: int, style: QTextCharFormat) -> QTextLayout.FormatRange:
    """A style for some characters. Qt counts in UTF-16, Python in characters."""
    found = QTextLayout.FormatRange()
    found.start = units(words, begin)
    found.length = units(words, end) - found.start
    found.format = style
    return found
