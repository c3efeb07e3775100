"""Sentences from below in the language of the window; everything from files and models stays plain text."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PySide6.QtWidgets import QComboBox, QLabel

from desktop.sentences import Sentence


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


def choice_box(name: str, editable: bool = False) -> QComboBox:
    """A combo box whose parts all have a name for screen readers."""
    box = QComboBox()
    box.setEditable(editable)
    for part in (box, box.view(), box.lineEdit()):
        if part is not None:
            part.setAccessibleName(name)
    return box
