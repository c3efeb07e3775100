"""Sentences from below in the language of the window; everything from files and models stays plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from desktop.sentences import Sentence

if TYPE_CHECKING:
    from PySide6.QtWidgets import QComboBox, QDialogButtonBox


def translated(sentence: str) -> str:
    """A sentence of the core, translated by its template and filled again."""
    if not isinstance(sentence, Sentence):
        return QCoreApplication.translate("core", sentence) if sentence else ""
    values = {name: translated(value) if isinstance(value, Sentence) else value
              for name, value in sentence.values.items()}
    return QCoreApplication.translate("core", sentence.template).format(**values)


class PlainTextGuard(QObject):
    """App-wide event filter: no label ever reads its text as HTML (it would open local files and hang)."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Polish and isinstance(watched, QLabel):
            watched.setTextFormat(Qt.TextFormat.PlainText)
        return False


def label(text: str, *, wrap: bool = False, name: str = "") -> QLabel:
    """A label that shows exactly `text`."""
    widget = QLabel()
    widget.setTextFormat(Qt.TextFormat.PlainText)
    widget.setText(text)
    widget.setWordWrap(wrap)
    if name:
        widget.setObjectName(name)
    return widget


class ElidedLabel(QLabel):
    """A label on one line that ends in … where there is no room; the whole text is its tooltip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def paintEvent(self, event: QPaintEvent) -> None:
        from PySide6.QtGui import QPainter

        painter = QPainter(self)
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, text)
        self.setToolTip(self.text() if text != self.text() else "")


def sure(parent: QWidget, title: str, question: str, yes: str) -> bool:
    """Ask before something that cannot be undone; Cancel is the default."""
    from PySide6.QtWidgets import QMessageBox

    box = QMessageBox(QMessageBox.Icon.Question, title, question, parent=parent)
    agree = box.addButton(yes, QMessageBox.ButtonRole.DestructiveRole)
    box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
    box.exec()
    return box.clickedButton() is agree


def plain_buttons(box: QDialogButtonBox) -> QDialogButtonBox:
    """Without the style's own icons, which are black on dark ground."""
    from PySide6.QtGui import QIcon

    for button in box.buttons():
        button.setIcon(QIcon())
    return box


def choice_box(name: str, editable: bool = False) -> QComboBox:
    """A combo box whose parts all have a name for screen readers."""
    from PySide6.QtWidgets import QComboBox

    box = QComboBox()
    box.setEditable(editable)
    for part in (box, box.view(), box.lineEdit()):
        if part is not None:
            part.setAccessibleName(name)
    return box
