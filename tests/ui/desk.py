"""Hands at the transcript desk: keys go to the window that has the focus, as a keyboard sends them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QMouseEvent, QWindow
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from desktop.library import Library
from desktop.model import Recording, Segment, TimeRange, TranscriptDocument, Word
from desktop.ui.main_window import MainWindow
from desktop.ui.segment_editor import SegmentEditor
from desktop.ui.transcript_panel import TranscriptView

Key, Mod = Qt.Key, Qt.KeyboardModifier
NONE, CTRL, SHIFT, ALT = Mod.NoModifier, Mod.ControlModifier, Mod.ShiftModifier, Mod.AltModifier
Line = tuple[str, float, float, str]  # speaker, start, end, text
LINES: tuple[Line, ...] = (
    ("Katie", 0.2, 2.0, "Good morning, Steve."),
    ("Steve", 2.2, 4.0, "Good morning, Katie."),
    ("Katie", 4.0, 8.0, "Did the city pay 1200 euros on time?"),
    ("Steve", 8.5, 12.5, "No, it never paid, and everybody here knows that."),
    ("Steve", 13.0, 16.0, "Ask Ortiz about the bridge."),
    ("Katie", 16.5, 18.0, "Absolutely."),
    ("Steve", 19.0, 22.0, "Let me try it right now."),
)


def words(text: str, start: float, end: float) -> tuple[Word, ...]:
    """The words of a text, spread over its time."""
    pieces = text.split()
    step = (end - start) / max(1, len(pieces))
    return tuple(Word(piece, start + n * step, start + (n + 0.8) * step) for n, piece in enumerate(pieces))


def add_transcript(library: Library, recording: Recording, lines: Sequence[Line] = LINES, *,
                   worded: bool = True) -> int:
    """A transcript of these lines; gives its id."""
    transcript = library.add_transcript(recording.id, engine="imported", model="test",
                                        time_range=TimeRange(0.0, recording.duration))
    library.add_segments(transcript.id, [
        (name, Segment(start, end, text, language="en", words=words(text, start, end) if worded else ()))
        for name, start, end, text in lines])
    return transcript.id


def document(window: MainWindow) -> TranscriptDocument:
    found = window.workspace.document
    assert found is not None
    return found


def texts(window: MainWindow) -> list[str]:
    found = window.workspace.document
    return [segment.text for segment in found.segments] if found else []


def view(window: MainWindow) -> TranscriptView:
    return window.view.transcript


def editor(window: MainWindow) -> SegmentEditor:
    return window.view.transcript.editor


def quiet(window: MainWindow, qtbot: QtBot) -> None:
    """Wait until nothing works in the background."""
    qtbot.waitUntil(lambda: window.workspace.tasks.running == 0, timeout=20_000)


def show(window: MainWindow, library: Library, recording: Recording, transcript_id: int, qtbot: QtBot) -> None:
    """Open a recording at one of its transcripts, the window in front."""
    window.may_lose_edits = lambda: True  # type: ignore[method-assign]  # a test that fails must not ask at its end
    activate(window, qtbot)
    window.workspace.open(library.recording(recording.id))
    window.workspace.reload_transcripts(transcript_id)
    qtbot.waitUntil(lambda: window.workspace.document is not None
                    and window.workspace.document.transcript.id == transcript_id
                    and window.workspace.player.can_play, timeout=20_000)
    quiet(window, qtbot)


def activate(widget: QWidget, qtbot: QtBot) -> None:
    """Bring a window to the front; there may be no window manager that does, and a busy screen may forget a wish."""
    def is_in_front() -> bool:
        if QGuiApplication.focusWindow() is widget.windowHandle() and widget.isActiveWindow():
            return True
        widget.activateWindow()
        widget.raise_()
        qtbot.wait(50)
        return False

    qtbot.waitUntil(is_in_front, timeout=15_000)


def in_front() -> QWindow:
    """The window that has the keyboard. When a dialog closed without a window manager, for a moment none has it."""
    for _ in range(300):
        if (window := QGuiApplication.focusWindow()) is not None:
            return window
        shown = [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()]
        front = QApplication.activeModalWidget() or next((w for w in shown if isinstance(w, MainWindow)), None)
        if front is not None:
            front.activateWindow()
        QTest.qWait(50)
    raise AssertionError("no window has the keyboard")


# -- keys and mouse --------------------------------------------------------------------------------------------


def press(key: Qt.Key, modifiers: Qt.KeyboardModifier = NONE) -> None:
    """A key for whatever has the focus now, a dialog too."""
    target = in_front()
    QTest.keyClick(target, key, modifiers)
    left = QGuiApplication.focusWindow()
    if modifiers and left is not None:  # else the next click would find them still held
        QTest.keyRelease(left, Key.Key_Control)


def write(text: str) -> None:
    """Type some text where the caret is: what a keyboard has key by key, the rest as an input method brings it."""
    target = in_front()
    for character in text:
        if character.isascii():
            QTest.keyClick(target, character)
        else:
            compose("", character)


def compose(preedit: str, commit: str = "") -> None:
    """What an input method sends."""
    from PySide6.QtGui import QInputMethodEvent

    focus = QApplication.focusWidget()
    assert focus is not None
    event = QInputMethodEvent(preedit, [])
    if commit:
        event.setCommitString(commit)
    QApplication.sendEvent(focus, event)


def place_of(window: MainWindow, row: int, character: int = 0) -> QPoint:
    """Where in the list's viewport a character of a line is (of its first visual line)."""
    transcript = view(window)
    rect = transcript.visualRect(transcript.segments.index(row))
    text = transcript.segments.shown(row).text
    delegate = transcript.row_delegate
    layout, _ = delegate._layout(text or "…", delegate.text_width(), False)[0]
    units = len(text[:character].encode("utf-16-le")) // 2
    x = layout.lineAt(0).cursorToX(units)[0]  # type: ignore[index]
    return QPoint(round(rect.left() + delegate.text_left() + x + 1), rect.top() + 12)


def click_text(window: MainWindow, row: int, character: int = 0,
               modifiers: Qt.KeyboardModifier = NONE) -> None:
    """Click before a character of a line."""
    view(window).scrollTo(view(window).segments.index(row))
    QTest.mouseClick(view(window).viewport(), Qt.MouseButton.LeftButton, modifiers,
                     place_of(window, row, character))


def click_head(window: MainWindow, row: int, modifiers: Qt.KeyboardModifier = NONE) -> None:
    """Click on the name of the speaker of a line: it is chosen."""
    transcript = view(window)
    transcript.scrollTo(transcript.segments.index(row))
    rect = transcript.visualRect(transcript.segments.index(row))
    place = QPoint(7 + transcript.row_delegate.time_width + 20, rect.top() + 12)
    QTest.mouseClick(transcript.viewport(), Qt.MouseButton.LeftButton, modifiers, place)


def drag(widget: QWidget, start: QPointF, end: QPointF, modifiers: Qt.KeyboardModifier = NONE) -> None:
    """Press, move in a few steps, let go."""
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, modifiers, start.toPoint())
    for step in range(1, 6):
        place = start + (end - start) * (step / 5)
        QApplication.sendEvent(widget, QMouseEvent(  # QTest moves without modifiers
            QEvent.Type.MouseMove, place, widget.mapToGlobal(place), Qt.MouseButton.NoButton,
            Qt.MouseButton.LeftButton, modifiers))
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, modifiers, end.toPoint())


# -- what is kept ----------------------------------------------------------------------------------------------


def saved_texts(library: Library, transcript_id: int) -> list[str]:
    """The texts as another program finds them in the file."""
    file = library.folder / "library.db"
    with sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=10) as connection:
        rows = connection.execute("SELECT text FROM segment WHERE transcript_id = ? ORDER BY start, id",
                                  (transcript_id,)).fetchall()
    connection.close()
    return [row[0] for row in rows]


def agrees(window: MainWindow, library: Library) -> None:
    """The rows of the view are the document, and the document is what the library holds."""
    now = document(window)
    model = view(window).segments
    shown = window.workspace.shown
    assert shown is not None
    assert [model.shown(row) for row in range(model.rowCount())] == list(shown.segments)
    assert len(view(window).heights) == len(now.segments)
    lane = window.view.waveform.lane
    assert list(lane.starts) == [s.start for s in now.segments] and list(lane.ends) == [s.end for s in now.segments]
    assert window.workspace.edits.saver.wait()
    kept = library.document(now.transcript.id)
    assert kept.segments == now.segments
    assert kept.speakers == now.speakers
