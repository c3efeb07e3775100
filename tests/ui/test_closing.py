"""A closed window is let go: its files, its memory, and what it listened to."""

from __future__ import annotations

import gc
import weakref

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.api_key import ApiKey
from desktop.library import Library
from desktop.model import Recording
from desktop.ui import theme
from desktop.ui.application import make_window
from desktop.ui.jobs import RunningJob
from desktop.ui.main_window import MainWindow


def test_nothing_of_a_closed_window_stays(qapp: QApplication, library: Library, sample: Recording,
                                          qtbot: QtBot) -> None:
    """Nothing that outlives the window, such as a signal of the application, may hold on to it."""
    def used() -> list[weakref.ref[object]]:
        window = make_window(library, ApiKey(lambda: None))
        window.show()
        window.workspace.open(sample)
        qtbot.waitUntil(lambda: window.workspace.document is not None and window.workspace.tasks.running == 0,
                        timeout=20_000)
        window.close()
        window.deleteLater()
        return [weakref.ref(thing) for thing in (
            window, window.workspace, window.workspace.player, window.workspace.picture, window.view.waveform)]

    left = used()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert [thing() is None for thing in left] == [True] * 5


def test_the_colours_follow_the_system(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_dark_now() -> bool:
        return QApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128

    before = is_dark_now()
    with monkeypatch.context() as other:
        other.setattr(theme, "is_dark", lambda name: name == "dark" or (name == "system" and not before))
        QGuiApplication.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
        changed = is_dark_now()
    QGuiApplication.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert (changed, is_dark_now()) == (not before, before)


def test_nobody_is_asked_when_the_computer_is_shut_down(window: MainWindow, sample: Recording,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MainWindow, "may_stop_jobs", lambda self: False)
    monkeypatch.setattr(window.workspace.jobs, "running", [RunningJob(sample, "gemini")])
    assert not window.close() and window.isVisible()
    window.asks_before_it_ends = False
    assert window.close() and not window.isVisible()
