"""Screen readers: every focusable widget has a name, and the waveform is a list of segments."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractScrollArea, QDialog, QWidget
from pytestqt.qtbot import QtBot

from desktop.model import Recording, TimeRange
from desktop.ui.dialogs import ExportDialog, PrivacyDialog, ShortcutsDialog, TextDialog, TranscribeDialog
from desktop.ui.main_window import MainWindow
from desktop.ui.settings_dialog import SettingsDialog


def nameless(root: QWidget) -> list[str]:
    """Focusable widgets without an accessible name."""
    found = []
    for widget in [root, *root.findChildren(QWidget)]:
        inner = widget.objectName().startswith("qt_") or isinstance(widget.parent(), QAbstractScrollArea)
        if widget.focusPolicy() == Qt.FocusPolicy.NoFocus or inner or widget.isWindow():
            continue
        interface = QAccessible.queryAccessibleInterface(widget)
        if interface is None or not interface.text(QAccessible.Text.Name):
            found.append(f"{type(widget).__name__} {widget.objectName()}")
    return found


DIALOGS: dict[str, Callable[[MainWindow], QDialog]] = {
    "settings": lambda w: SettingsDialog(w.workspace, w),
    "transcribe": lambda w: TranscribeDialog(w.workspace, TimeRange(2, 9), w),
    "export": lambda w: ExportDialog(w.workspace, w),
    "privacy": lambda w: PrivacyDialog(True, w),
    "shortcuts": lambda w: ShortcutsDialog(w),
    "about": lambda w: TextDialog("About", "text", w),
}


def test_every_focusable_widget_of_the_window_has_a_name(window: MainWindow, sample: Recording,
                                                         qtbot: QtBot) -> None:
    window.workspace.open(sample)
    qtbot.waitUntil(lambda: window.workspace.document is not None)
    assert nameless(window) == []


@pytest.mark.parametrize("name", DIALOGS)
def test_every_focusable_widget_of_the_dialogs_has_a_name(name: str, window: MainWindow, sample: Recording,
                                                          qtbot: QtBot) -> None:
    window.workspace.open(sample)
    qtbot.waitUntil(lambda: window.workspace.document is not None)
    dialog = DIALOGS[name](window)
    qtbot.addWidget(dialog)
    dialog.show()
    assert nameless(dialog) == []


def test_waveform_is_read_out_as_a_list_of_segments(window: MainWindow, sample: Recording, qtbot: QtBot) -> None:
    window.workspace.open(sample)
    qtbot.waitUntil(lambda: window.workspace.document is not None)
    interface = QAccessible.queryAccessibleInterface(window.view.waveform)
    assert interface.role() is QAccessible.Role.List
    assert interface.childCount() == 7
    assert interface.child(3).text(QAccessible.Text.Name).startswith("Steve, 0:12, Not yet.")
    window.workspace.select(3)
    assert interface.child(3).state().selected
    assert not interface.child(2).state().selected
    window.view.seek(4.2)
    assert interface.text(QAccessible.Text.Value) == "0:04.2"
