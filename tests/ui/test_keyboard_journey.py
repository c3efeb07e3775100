"""One interview from the file to the document, by keys alone."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QTabWidget, QWidget
from pytestqt.qtbot import QtBot

from desktop.library import Library
from desktop.ui.dialogs import TranscribeDialog
from desktop.ui.export_dialog import ExportDialog
from desktop.ui.main_window import MainWindow
from desktop.ui.names_panel import RenameDialog
from desktop.ui.quote_check_dialog import QuoteCheckDialog
from tests.gemini_service import GeminiService, truth_answer
from tests.ui.desk import (
    ALT,
    CTRL,
    SHIFT,
    Key,
    activate,
    agrees,
    document,
    editor,
    in_front,
    press,
    quiet,
    texts,
    view,
    write,
)
from tests.ui.test_journeys import AUDIO, synthetic_truth, use_service

Picture = Callable[[QWidget, str], None]
DRAFT = "The reporter began: “{first}” Later Ferrer said: “{second}” And: “This was never said by anybody at all.”"


def in_dialog(kind: type[QDialog], hands: Callable[[QDialog], None], seen: list[str]) -> None:
    """When a dialog of this kind asks, do this with it; the dialog runs its own loop meanwhile."""
    def look() -> None:
        found = [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]
        if not found:
            QTimer.singleShot(20, look)
            return
        if QGuiApplication.focusWindow() is not found[0].windowHandle():
            found[0].activateWindow()
            QTimer.singleShot(20, look)
            return
        seen.append(kind.__name__)
        hands(found[0])

    QTimer.singleShot(20, look)


def tab_to(wanted: QWidget, most: int = 60) -> None:
    """Tab until this widget has the focus."""
    for _ in range(most):
        in_front()
        focus = QApplication.focusWidget()
        if focus is wanted or wanted.focusProxy() is focus:
            return
        press(Key.Key_Tab)
    raise AssertionError(f"Tab never reaches {wanted.accessibleName() or wanted}")


@pytest.mark.xvfb_only
def test_from_the_file_to_the_document_by_keys_alone(
        window: MainWindow, library: Library, qtbot: QtBot, service: GeminiService, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch, picture: Picture) -> None:
    journey(window, library, qtbot, service, tmp_path, monkeypatch, picture)


def test_the_same_journey_without_a_screen(
        window: MainWindow, library: Library, qtbot: QtBot, service: GeminiService, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch, picture: Picture) -> None:
    if QGuiApplication.platformName() != "offscreen":
        pytest.skip("the one above runs on a screen")
    journey(window, library, qtbot, service, tmp_path, monkeypatch, picture)


def journey(window: MainWindow, library: Library, qtbot: QtBot, service: GeminiService, tmp_path: Path,
            monkeypatch: pytest.MonkeyPatch, picture: Picture) -> None:
    """Import, transcribe, correct 20 lines, name the speakers, three quotes, quote check, Word document."""
    window.may_lose_edits = lambda: True  # type: ignore[method-assign]
    use_service(window, service)
    window.workspace.read_key()
    qtbot.waitUntil(lambda: window.workspace.has_key, timeout=5_000)
    service.answer = truth_answer(*synthetic_truth())  # type: ignore[method-assign]
    activate(window, qtbot)
    bring_in_and_transcribe(window, qtbot, monkeypatch)
    correct_twenty_lines(window)
    picture(window, "keyboard-corrected")
    name_the_speakers(window, qtbot)
    keep_three_quotes(window)
    check_a_draft(window, qtbot, picture)
    write_a_document(window, qtbot, tmp_path / "interview.docx", monkeypatch)
    agrees(window, library)


def bring_in_and_transcribe(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the dialog offers is taken."""
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(AUDIO / "synthetic-interview.flac")], ""))
    press(Key.Key_O, CTRL)
    qtbot.waitUntil(lambda: window.workspace.recording is not None and window.workspace.player.can_play
                    and window.workspace.tasks.running == 0, timeout=30_000)
    activate(window, qtbot)
    seen: list[str] = []
    in_dialog(TranscribeDialog, lambda dialog: press(Key.Key_Return), seen)
    press(Key.Key_T, CTRL)
    qtbot.waitUntil(lambda: len(texts(window)) > 30 and not window.workspace.jobs.running, timeout=60_000)
    quiet(window, qtbot)
    assert seen == ["TranscribeDialog"]
    activate(window, qtbot)


def correct_twenty_lines(window: MainWindow) -> None:
    """Hear it, put something in, say that it is right, go on."""
    tab_to(view(window))
    press(Key.Key_Home)
    press(Key.Key_Return)
    before = texts(window)
    for number in range(20):
        in_front()
        assert view(window).caret_place() == (number, 0) and editor(window).hasFocus()
        press(Key.Key_F5)
        press(Key.Key_End, CTRL)
        write(f" ({number})")
        if number % 5 == 0:
            press(Key.Key_2, ALT)
        press(Key.Key_F9)
        press(Key.Key_Space, CTRL)  # pause
        press(Key.Key_Return)
    assert texts(window)[:20] == [
        f"{text} ({number})" + (" [unclear]" if number % 5 == 0 else "") for number, text in enumerate(before[:20])]
    assert all(s.checked for s in document(window).segments[:20]) and texts(window)[20:] == before[20:]


def name_the_speakers(window: MainWindow, qtbot: QtBot) -> None:
    """F2 in a line of each, the name, Enter."""
    for name, speaker_id in zip(("Reporter", "Ferrer"), list(document(window).speakers), strict=True):
        while document(window).segments[view(window).editing_row].speaker_id != speaker_id:
            press(Key.Key_Up, ALT)

        def type_it(dialog: QDialog, name: str = name) -> None:
            press(Key.Key_A, CTRL)
            write(name)
            press(Key.Key_Return)

        in_dialog(RenameDialog, type_it, [])
        press(Key.Key_F2)
        activate(window, qtbot)
    assert [s.name for s in document(window).speakers.values()] == ["Reporter", "Ferrer"]


def keep_three_quotes(window: MainWindow) -> None:
    """A whole line, some words, another line."""
    while view(window).editing_row != 22:
        press(Key.Key_Down, ALT)
    press(Key.Key_B, CTRL)
    press(Key.Key_Down, ALT)
    for _ in range(3):
        press(Key.Key_Right, CTRL | SHIFT)
    press(Key.Key_B, CTRL)
    press(Key.Key_Down, ALT)
    press(Key.Key_B, CTRL)
    quotes = window.workspace.desk.quotes
    assert len(quotes) == 3 and quotes[0].text == texts(window)[22] and quotes[2].text == texts(window)[24]
    assert texts(window)[23].startswith(quotes[1].text) and quotes[1].text != texts(window)[23]


def check_a_draft(window: MainWindow, qtbot: QtBot, picture: Picture) -> None:
    """Paste a draft; two of its quotations are found, the third is not."""
    press(Key.Key_K, CTRL | SHIFT)
    check = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QuoteCheckDialog) and w.isVisible())
    activate(check, qtbot)
    tab_to(check.draft)
    QGuiApplication.clipboard().setText(DRAFT.format(first=texts(window)[21], second=texts(window)[25]))
    press(Key.Key_V, CTRL)
    press(Key.Key_Return, CTRL)
    qtbot.waitUntil(lambda: len(check.list.verdicts.verdicts) == 3 and window.workspace.tasks.running == 0,
                    timeout=20_000)
    picture(check, "keyboard-quote-check")
    kinds = [verdict.kind.value for verdict in check.list.verdicts.verdicts]
    assert kinds[0] == kinds[1] and kinds[2] != kinds[0]
    press(Key.Key_Escape)
    qtbot.waitUntil(lambda: not shiboken6.isValid(check) or not check.isVisible(), timeout=5_000)
    activate(window, qtbot)


def write_a_document(window: MainWindow, qtbot: QtBot, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dialog of exports, Word, Enter."""
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out), ""))

    def save(dialog: ExportDialog) -> None:
        if dialog._save.isEnabled():
            press(Key.Key_Return)
        else:
            QTimer.singleShot(50, lambda: save(dialog))

    def export(dialog: QDialog) -> None:
        assert isinstance(dialog, ExportDialog)
        tab_to(dialog.format)
        press(Key.Key_Home)
        for _ in range(dialog.format.count()):
            if dialog.format.currentData() != "docx":
                press(Key.Key_Down)
        assert dialog.format.currentData() == "docx"
        QTimer.singleShot(300, lambda: save(dialog))

    in_dialog(ExportDialog, export, [])
    press(Key.Key_E, CTRL | SHIFT)
    qtbot.waitUntil(out.exists, timeout=20_000)
    with zipfile.ZipFile(out) as archive:
        content = archive.read("word/document.xml").decode()
    assert "Reporter" in content and "Ferrer" in content and "[unclear]" in content


def test_every_part_of_the_window_is_reached_by_tab_in_the_order_of_reading(
        window: MainWindow, library: Library, sample: object, qtbot: QtBot) -> None:
    """Library, waveform, transport, transcript, inspector; and Tab comes back to where it began."""
    from tests.ui.desk import add_transcript, show

    recording = library.recordings()[0]
    show(window, library, recording, add_transcript(library, recording), qtbot)
    window.workspace.library_changed.emit()
    window.library_panel.view.setFocus()
    order: list[QWidget] = []
    for _ in range(120):
        in_front()
        focus = QApplication.focusWidget()
        assert focus is not None
        if focus in order:
            break
        order.append(focus)
        press(Key.Key_Tab)
    parts = [window.library_panel.view, window.view.waveform, view(window)]
    places = [order.index(part) for part in parts]
    assert places == sorted(places)
    tabs = window.inspector.tabBar() if isinstance(window.inspector, QTabWidget) else None
    assert tabs in order and order.index(tabs) > places[-1]  # type: ignore[arg-type]
