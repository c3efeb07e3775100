"""A sign beside the clock for as long as something is recorded."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QColor
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from desktop.model import clock
from desktop.ui import theme
from desktop.ui.recorder_session import RecorderSession

_RED = "#d92b1f"  # on light and dark bars alike


class Tray(QSystemTrayIcon):
    """Shows that it records and for how long; its menu has the wishes of the recorder."""

    window_wanted = Signal()

    def __init__(self, session: RecorderSession, actions: dict[str, QAction], parent: QObject) -> None:
        super().__init__(theme.icon("mic", QColor(_RED)), parent)
        self._session = session
        self._menu = QMenu()
        self._menu.addAction(self.tr("Show Pullquote"), self.window_wanted.emit)
        for name in ("record_off", "record_pause", "record_stop"):
            self._menu.addAction(actions[name])
        self.setContextMenu(self._menu)
        self.activated.connect(self._activated)
        session.changed.connect(self.reload)

    def reload(self) -> None:
        """What is said when the mouse rests on it."""
        words = self.tr("Pullquote is paused: {time}") if self._session.is_paused else self.tr(
            "Pullquote records: {time}")
        self.setToolTip(words.format(time=clock(self._session.status.elapsed)))

    def warn(self, text: str) -> None:
        """A message of the system; there all the same when the window is behind others."""
        if self.supportsMessages():
            self.showMessage("Pullquote", text, QSystemTrayIcon.MessageIcon.Warning)

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason == QSystemTrayIcon.ActivationReason.Trigger:
            self.window_wanted.emit()
