"""The start: the frame comes first, and what happens when something is wrong, or the user is quicker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent
from PySide6.QtWidgets import QLabel, QMessageBox, QStatusBar
from pytestqt.qtbot import QtBot

from desktop import paths
from desktop.library import Library
from desktop.model import Recording
from desktop.ui import application
from desktop.ui.main_window import MainWindow
from desktop.ui.single_instance import SingleInstance

ROOT = Path(__file__).resolve().parents[2]
LATER = ("desktop.library", "desktop.model", "desktop.ui.workspace", "sqlite3", "numpy", "PySide6.QtNetwork",
         "PySide6.QtMultimedia", "google.genai", "keyring", "av", "soundfile", "sounddevice", "faster_whisper")
AT_FIRST_PAINT = """
import json, os, sys
from desktop.ui import application

def painted(window, *_):
    titles = [menu.title() for menu in window._menus.values()]
    print(json.dumps([window.isVisible(), titles, sorted(sys.modules)]), flush=True)
    os._exit(0)

application.fill = painted
from desktop.__main__ import run
run([])
"""


def test_the_frame_is_painted_before_anything_else_is_loaded(home: Path) -> None:
    done = subprocess.run([sys.executable, "-c", AT_FIRST_PAINT], cwd=ROOT, text=True, capture_output=True, timeout=60,
                          env=os.environ | {"QT_QPA_PLATFORM": "offscreen"}, check=True)
    is_visible, menus, modules = json.loads(done.stdout)
    assert is_visible and "&File" in menus
    assert [name for name in LATER if name in modules] == []


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the message boxes say."""
    texts: list[str] = []
    monkeypatch.setattr(QMessageBox, "critical", lambda parent, title, text: texts.append(text))
    return texts


@pytest.fixture
def frame(qapp: QCoreApplication, home: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> MainWindow:
    monkeypatch.setattr(application, "start_log", lambda: None)
    monkeypatch.setattr(application, "quit_on_signals", lambda window: None)
    made = application.make_frame()
    qtbot.addWidget(made)
    return made


def start(frame: MainWindow, qtbot: QtBot) -> SingleInstance:
    """As run_window does, up to the event loop."""
    folder = paths.private_folder(paths.data_folder())
    instance = SingleInstance(folder)
    frame.painted.connect(lambda: application.fill(frame, folder, instance, []))
    with qtbot.waitSignal(frame.painted):
        frame.show()
    return instance


def test_then_the_library_and_the_rest_come_into_the_same_window(frame: MainWindow, library: Library, sample: Recording,
                                                                 qtbot: QtBot) -> None:
    library.close()
    assert not frame.findChildren(QLabel)  # there is no text to guard yet
    instance = start(frame, qtbot)
    where = frame.geometry()
    qtbot.waitUntil(lambda: frame.is_complete, timeout=20_000)
    assert frame.library_panel.model.rowCount() == 1 and frame.geometry() == where
    assert [bar for bar in frame.findChildren(QStatusBar) if bar.isVisible()] == [frame.statusBar()]
    instance.close()
    application.end_work(frame)
    frame.close()
    frame.workspace.library.close()


def test_files_dropped_on_the_frame_are_not_taken_yet(frame: MainWindow, tmp_path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "interview.mp3"))])
    event = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                            Qt.KeyboardModifier.NoModifier)
    event.ignore()
    frame.dragEnterEvent(event)
    assert not event.isAccepted()


def test_a_window_closed_at_once_opens_nothing(frame: MainWindow, qtbot: QtBot,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "open_window", lambda *_: pytest.fail("opened"))
    instance = start(frame, qtbot)
    assert frame.close()
    qtbot.wait(500)
    assert not frame.has_library and not frame.isVisible()
    instance.close()


@pytest.mark.parametrize("unexpected", [False, True])
def test_a_library_that_cannot_be_opened_is_told_and_ends_the_program(
        frame: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, told: list[str], unexpected: bool) -> None:
    (paths.private_folder(paths.data_folder()) / "library.db").mkdir()
    if unexpected:
        monkeypatch.setattr(application, "open_window", lambda *_: {}["nobody"])
    codes: list[int] = []
    monkeypatch.setattr(QCoreApplication, "exit", codes.append)
    instance = start(frame, qtbot)
    qtbot.waitUntil(lambda: codes == [1], timeout=20_000)
    assert len(told) == 1 and "library" in told[0] and not frame.has_library
    instance.close()


def test_a_row_that_cannot_be_shown_offers_to_bring_the_library_back(
        frame: MainWindow, library: Library, sample: Recording, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    library._writer.execute("UPDATE recording SET title = x'fffe80'")
    library.close()
    problems: list[str] = []
    codes: list[int] = []
    monkeypatch.setattr(application, "bring_back", lambda window, folder, problem: bool(problems.append(problem)))
    monkeypatch.setattr(QCoreApplication, "exit", codes.append)
    instance = start(frame, qtbot)
    qtbot.waitUntil(lambda: codes == [1], timeout=20_000)
    assert len(problems) == 1 and "Restore a backup" in problems[0]
    instance.close()


def test_what_was_begun_once_is_not_begun_again() -> None:
    calls: list[int] = []
    begin = application.once(lambda: calls.append(1))
    begin()
    begin()
    assert calls == [1]


def test_a_recording_chosen_before_there_is_a_view_is_shown_when_there_is(
        library: Library, sample: Recording, qtbot: QtBot) -> None:
    window = application.make_window(library, complete=False)
    qtbot.addWidget(window)
    window.show()
    window.workspace.open(library.recording(sample.id))
    qtbot.waitUntil(lambda: window.workspace.document is not None)
    window.complete()
    qtbot.waitUntil(lambda: window.view.transcript.model().rowCount() == 7, timeout=10_000)
    window.close()


def test_what_has_the_focus_in_the_library_keeps_it(library: Library, sample: Recording, qtbot: QtBot) -> None:
    window = application.make_window(library, complete=False)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    window.library_panel.filter.setFocus()
    window.complete()
    assert window.focusWidget() is window.library_panel.filter
    window.close()


def test_columns_and_a_place_of_nonsense_are_ignored(library: Library, sample: Recording, qtbot: QtBot) -> None:
    file = paths.settings_file().with_name("window.ini")
    paths.private_folder(file.parent)
    file.write_text("[General]\ncolumns=7\nrows=@Invalid()\ngeometry=left\nrecording=x\n")
    window = application.make_window(library)
    qtbot.addWidget(window)
    assert window.is_complete
    window.close()


def test_closing_before_a_recording_is_open_keeps_which_one_was_last(library: Library, sample: Recording,
                                                                     qtbot: QtBot) -> None:
    for opened in (True, False):
        window = application.make_window(library)
        qtbot.addWidget(window)
        window.show()
        if opened:
            window.workspace.open(library.recording(sample.id))
        assert opened or window.last_recording() == sample.id
        window.close()
    again = application.make_frame()
    qtbot.addWidget(again)
    assert again.last_recording() == sample.id


def test_a_start_beside_one_that_does_not_answer_says_so(qapp: QCoreApplication, home: Path, told: list[str],
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "_OTHER_ENDS", 0.3)
    silent = SingleInstance(paths.private_folder(paths.data_folder()))
    assert silent.is_first  # and it never listens
    assert application.run_window(["interview.mp3"]) == 1
    assert len(told) == 1 and "running already" in told[0]
    silent.close()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_ctrl_c_and_a_shut_down_close_the_window_as_the_user_would(home: Path, qtbot: QtBot,
                                                                   number: signal.Signals) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "desktop"], cwd=ROOT, stderr=subprocess.PIPE,
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    try:
        qtbot.waitUntil((paths.data_folder() / "library.db").exists, timeout=20_000)
        running.send_signal(number)
        assert running.wait(timeout=20) == 0
    finally:
        running.kill()
        said = running.communicate()[1]
    assert b"Error" not in said and b"Traceback" not in said
    assert "geometry" in paths.settings_file().with_name("window.ini").read_text()
