"""A sentence in place, with the next step as a button: errors, hints, what is missing."""

from __future__ import annotations

import unicodedata

from PySide6.QtCore import QEvent
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QToolButton, QWidget

from desktop.ui import theme
from desktop.ui.words import label, translated
from desktop.ui.workspace import Notice


class Banner(QFrame):
    """Hidden until there is something to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.notice: Notice | None = None
        self._text = label("", wrap=True)
        self._action = QPushButton(self.tr("Next step"))
        self._second = QPushButton(self.tr("Other step"))
        self._close = QToolButton()
        self._close.setAutoRaise(True)
        self._close.setAccessibleName(self.tr("Dismiss this message"))
        self._close.setToolTip(self.tr("Dismiss"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 6, 6, 6)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._second)
        layout.addWidget(self._action)
        layout.addWidget(self._close)
        self.setAutoFillBackground(True)
        self._action.clicked.connect(self._act)
        self._second.clicked.connect(self._act_otherwise)
        self._close.clicked.connect(lambda: self.show_notice(None))
        self.hide()

    def show_notice(self, notice: Notice | None) -> None:
        """Say it, or say nothing."""
        self.notice = notice
        self.setVisible(notice is not None)
        if notice is None:
            return
        self._text.setText(_in_our_direction(translated(notice.sentence)))
        self._action.setText(notice.action)
        self._action.setVisible(bool(notice.action))
        self._second.setText(notice.second_action)
        self._second.setVisible(bool(notice.second_action))
        self.setPalette(QPalette())  # its own ground must not decide which theme it is
        palette = self.palette()
        self._close.setIcon(theme.icon("x", palette.text().color()))
        colours = theme.colours(palette)
        palette.setColor(palette.ColorRole.Window, colours.error_ground if notice.is_error else colours.info_ground)
        self.setPalette(palette)

    def changeEvent(self, event: QEvent) -> None:
        """Another theme: its own grounds."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationPaletteChange and self.notice is not None:
            self.show_notice(self.notice)

    def _act_otherwise(self) -> None:
        if self.notice is not None and self.notice.second_verb is not None:
            self.notice.second_verb()

    def _act(self) -> None:
        notice = self.notice
        self.show_notice(None)
        if notice is not None and notice.verb is not None:
            notice.verb()


def _in_our_direction(text: str) -> str:
    """A sentence of ours that begins with a title in Hebrew or Arabic is still read from the left."""
    return f"\u200e{text}" if any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text) else text
