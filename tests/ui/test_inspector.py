"""The Details tab is filled when it is looked at, and stays right while it is shown."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from desktop.library import Library
from desktop.model import Recording
from desktop.ui.main_window import MainWindow


def test_details_are_there_whenever_they_are_looked_at(window: MainWindow, library: Library, sample: Recording,
                                                       qtbot: QtBot) -> None:
    inspector, workspace = window.inspector, window.workspace

    def texts() -> set[str]:
        tab = inspector.currentWidget()
        return {widget.text() for kind in (QLabel, QLineEdit) for widget in tab.findChildren(kind)}

    workspace.open(library.recording(sample.id))
    qtbot.waitUntil(lambda: workspace.document is not None, timeout=20_000)
    inspector.setCurrentIndex(inspector.count() - 1)
    assert workspace.recording is not None
    assert workspace.recording.title in texts() and "Nothing of this recording has left this computer." in texts()
    workspace.rename("Another title")
    assert "Another title" in texts()
    inspector.setCurrentIndex(0)
    workspace.rename("A third title")
    inspector.setCurrentIndex(inspector.count() - 1)
    assert "A third title" in texts() and "Another title" not in texts()
