"""The editor that lies over the text of one line: commits by itself, leaves commands to the action table."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QMimeData, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QTextCursor, QTextOption
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QTextEdit, QWidget

from desktop.cleaning import clean_text
from desktop.ui import theme
from desktop.ui.carets import characters, kept_place, units

_COMMIT_AFTER = 500  # milliseconds of typing, so that a kill loses less than a second
_TEXT_KEYS = (QKeySequence.StandardKey.Copy, QKeySequence.StandardKey.Cut, QKeySequence.StandardKey.Paste,
              QKeySequence.StandardKey.SelectAll)
_TYPING = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.KeypadModifier)
_HISTORY_KEYS = (QKeySequence.StandardKey.Undo, QKeySequence.StandardKey.Redo)


class SegmentEditor(QPlainTextEdit):
    """Holds the text of one line while it is typed. Undo belongs to the program, not to this field."""

    typed = Signal(str)  # the text to keep, at most half a second after it was typed
    left = Signal(int, bool)  # to go on in the next (1) or previous (-1) line; caret at its end?
    cancelled = Signal()
    undo_wanted = Signal(bool)  # True: redo

    def __init__(self, parent: QWidget, is_command: Callable[[QKeySequence], bool]) -> None:
        super().__init__(parent)
        self._is_command = is_command
        self.may_leave = True  # whether what is here may be copied
        self._kept = ""  # the text as the transcript has it
        self._before = ""  # as it was when the line was opened
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_COMMIT_AFTER)
        self._timer.timeout.connect(self.commit)
        self.setUndoRedoEnabled(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setTabChangesFocus(True)
        self.document().setDocumentMargin(0)
        self.setContentsMargins(0, 0, 0, 0)
        self.setViewportMargins(0, 0, 0, 0)
        self.setAccessibleName(self.tr("Text of this line"))
        self.textChanged.connect(self._changed)
        self.hide()

    def open_text(self, text: str) -> None:
        """Begin with another line."""
        self._before = text
        self.show_text(text)

    def show_text(self, text: str) -> None:
        """The transcript has another text for this line now (an undo, say); the caret stays where it makes sense."""
        if clean_text(self.text) == text and text:
            self._kept = text
            return
        self._timer.stop()
        old = self.text
        place = characters(old, self.textCursor().position())
        self._kept = text
        self.blockSignals(True)
        self.setPlainText(text)
        self.blockSignals(False)
        self.set_caret(_caret_after(old, text, place))

    def set_caret(self, place: int) -> None:
        """Put the caret before this character."""
        cursor = self.textCursor()
        cursor.setPosition(units(self.text, place))
        self.setTextCursor(cursor)

    def mark(self, span: tuple[int, int] | None) -> None:
        """Lay the ground of the playing word under these characters."""
        marks = []
        if span is not None and self.text == self._kept:
            selection = QTextEdit.ExtraSelection()
            cursor = QTextCursor(self.document())
            cursor.setPosition(units(self._kept, span[0]))
            cursor.setPosition(units(self._kept, span[1]), QTextCursor.MoveMode.KeepAnchor)
            selection.cursor = cursor
            selection.format.setBackground(theme.colours(self.palette()).word_ground)
            marks.append(selection)
        self.setExtraSelections(marks)

    @property
    def text(self) -> str:
        """As it stands here: toPlainText would make every no-break space a plain one."""
        return self.document().toRawText().replace("\u2029", "\n").replace("\u2028", "\n")

    @property
    def caret(self) -> int:
        """Before which character of the text that is kept the caret is."""
        return self._kept_place(self.textCursor().position())

    @property
    def selection(self) -> tuple[int, int]:
        """Which characters of the text that is kept are selected."""
        cursor = self.textCursor()
        return self._kept_place(cursor.selectionStart()), self._kept_place(cursor.selectionEnd())

    def _kept_place(self, position: int) -> int:
        text = self.text
        return kept_place(text, characters(text, position))

    @property
    def is_changed(self) -> bool:
        """Whether something was typed since the line was opened."""
        return clean_text(self.text) != self._before

    def commit(self) -> None:
        """Hand over what was typed."""
        self._timer.stop()
        text = clean_text(self.text)
        if text != self._kept:
            self._kept = text
            self.typed.emit(text)

    def cancel(self) -> None:
        """Back to the text that the line had when it was opened."""
        self._timer.stop()
        self.show_text(self._before)
        self._kept = ""  # whatever the transcript holds now, it gets the old text
        if self._before:
            self.commit()
        else:
            self.typed.emit("")
        self.cancelled.emit()

    def createMimeDataFromSelection(self) -> QMimeData:
        """What is copied or dragged away; nothing of a line that may not leave."""
        return super().createMimeDataFromSelection() if self.may_leave else QMimeData()

    def _changed(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    # -- keys ------------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Keys of the action table stay commands while the caret is here."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if event.key() == Qt.Key.Key_Escape and self.is_changed:
                event.accept()
                return True
            if event.modifiers() in _TYPING and event.key() != Qt.Key.Key_Escape:  # a letter is never a command here
                return super().event(event)
            keys = QKeySequence(event.keyCombination())
            if any(event.matches(key) for key in _HISTORY_KEYS):
                event.accept()
                return True
            if self._is_command(keys) and not any(event.matches(key) for key in _TEXT_KEYS):
                event.ignore()
                return False
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, plain = event.key(), event.modifiers() in (Qt.KeyboardModifier.NoModifier,
                                                        Qt.KeyboardModifier.KeypadModifier)
        if event.matches(QKeySequence.StandardKey.Undo) or event.matches(QKeySequence.StandardKey.Redo):
            self.commit()
            self.undo_wanted.emit(event.matches(QKeySequence.StandardKey.Redo))
        elif key == Qt.Key.Key_Escape and self.is_changed:
            self.cancel()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and plain:
            self._leave(1, False)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and event.modifiers() == Qt.KeyboardModifier.ShiftModifier:
            self.textCursor().insertText("\n")
        elif plain and (step := self._step_out(key)):
            self._leave(step, step < 0)
        else:
            super().keyPressEvent(event)

    def _step_out(self, key: int) -> int:
        """Where an arrow leads out of the text: 1 behind its end, -1 before its start, else 0."""
        cursor = self.textCursor()
        if cursor.hasSelection():
            return 0
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            is_rtl = cursor.block().textDirection() is Qt.LayoutDirection.RightToLeft
            is_on = (key == Qt.Key.Key_Right) is not is_rtl
            return int(is_on and cursor.atEnd()) - int(not is_on and cursor.atStart())
        if key == Qt.Key.Key_Up:
            return -int(not cursor.movePosition(QTextCursor.MoveOperation.Up))
        return int(key == Qt.Key.Key_Down and not cursor.movePosition(QTextCursor.MoveOperation.Down))

    def _leave(self, step: int, at_end: bool) -> None:
        self.commit()
        self.left.emit(step, at_end)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.commit()
        super().focusOutEvent(event)


def _caret_after(old: str, new: str, place: int) -> int:
    """Where the caret goes when the text around it was replaced: behind what changed, else where it was."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return place if place <= head else len(new) - tail
