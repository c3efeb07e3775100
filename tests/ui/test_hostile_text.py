"""Hostile text in every part of the desk: shown as it is, read as HTML nowhere, and no part of it opens a file."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from desktop.cleaning import clean_text
from desktop.finding import Replacement
from desktop.library import Library
from desktop.model import Mark, Quote, Recording, Segment, TimeRange
from desktop.ui.item_models import ITEM
from desktop.ui.keys_dialog import KeysDialog
from desktop.ui.main_window import MainWindow
from desktop.ui.names_panel import RenameDialog
from desktop.ui.quote_check_dialog import QuoteCheckDialog
from desktop.ui.replace_dialog import ReplaceDialog
from desktop.ui.search_window import SearchWindow
from desktop.ui.versions_dialog import VersionsDialog
from tests.test_exports_hostile import NAMES, TEXTS

FREEZES = '<b>x</b><img src="/dev/zero">'
RED = '<span style="background:#ff0000;color:#ff0000">red red red red</span><table bgcolor="#ff0000"><tr><td>x</table>'
ALL = [FREEZES, RED, *(text[:3_000] for text in TEXTS)]


@pytest.fixture
def desk(window: MainWindow, sample: Recording, library: Library, qtbot: QtBot) -> MainWindow:
    """Every hostile text as a line, a translation, a quote with note and tag, a mark, and some as names."""
    library.rename_recording(sample.id, FREEZES + RED)
    transcript = library.add_transcript(sample.id, engine="device", model="x", time_range=TimeRange(0, 29),
                                        summary=FREEZES + RED)
    step = 28 / len(ALL)
    library.add_segments(transcript.id, [
        ([*NAMES, FREEZES, RED][n % (len(NAMES) + 2)], Segment(n * step, (n + 1) * step, text, translation=text))
        for n, text in enumerate(ALL)])
    window.workspace.open(library.recording(sample.id))
    window.workspace.reload_transcripts(transcript.id)
    qtbot.waitUntil(lambda: window.workspace.document is not None
                    and window.workspace.document.transcript.id == transcript.id, timeout=10_000)
    quotes = tuple(Quote(TimeRange(n * step, (n + 1) * step), text, transcript.id, None, RED, text, text,
                         id=library.new_id("quote")) for n, text in enumerate(ALL) if clean_text(text))
    window.workspace.edits.change_desk(RED, lambda old: replace(
        old, quotes=quotes, marks=tuple(Mark(n * step, text) for n, text in enumerate(ALL))))
    return window


def looks_plain(widget: QWidget) -> None:
    """It is painted in a moment, nothing in it is red, and no label reads HTML."""
    began = time.monotonic()
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    assert time.monotonic() - began < 5  # the file that never ends would take for ever
    red = b"\x00\x00\xff\xff"  # as it lies in memory: blue, green, red
    pixels = bytes(image.constBits())
    assert not any(pixels[at:at + 4] == red for at in range(0, len(pixels), 4 * 7))
    for label in widget.findChildren(QLabel):
        assert label.textFormat() is Qt.TextFormat.PlainText, label.text()[:80]


def test_the_check_has_eyes(qtbot: QtBot) -> None:
    label = QLabel(RED)
    qtbot.addWidget(label)
    label.show()
    label.setTextFormat(Qt.TextFormat.RichText)
    with pytest.raises(AssertionError):
        looks_plain(label)


def test_lines_are_shown_as_they_are(desk: MainWindow) -> None:
    model = desk.view.transcript.segments
    shown = [model.index(row).data() for row in range(model.rowCount())]
    assert shown == [clean_text(text) for text in ALL]
    assert [model.index(row).data(ITEM).translation for row in range(model.rowCount())] == shown
    for row in range(0, model.rowCount(), 15):
        desk.workspace.select(row)
        desk.view.transcript.reveal(row)
        looks_plain(desk)


def test_a_hostile_line_can_be_edited_and_stays_what_it_is(desk: MainWindow) -> None:
    for row, text in enumerate(ALL):
        if clean_text(text):
            desk.view.transcript.edit_row(row, -1)
            assert desk.view.transcript.editor.text == clean_text(text)
    looks_plain(desk)
    desk.view.transcript.close_editor()
    assert not desk.workspace.edits.undo_text.startswith("edit")


@pytest.mark.parametrize("tab", ["quotes", "names", "ask"])
def test_panels_show_plain_text(desk: MainWindow, tab: str) -> None:
    desk.inspector.setCurrentWidget(getattr(desk.inspector, tab))
    QApplication.processEvents()
    if tab == "quotes":
        panel = desk.inspector.quotes
        for row in range(panel.quotes.count()):
            panel.quotes.setCurrentRow(row)
        texts = {panel.quotes.item(row).text() for row in range(panel.quotes.count())}
        assert any(FREEZES in text for text in texts)
    looks_plain(desk)


def test_find_and_review_show_plain_text(desk: MainWindow, qtbot: QtBot) -> None:
    desk.find_and_replace()
    desk.view.find_bar.text.setText("<b>")
    qtbot.waitUntil(lambda: len(desk.view.find_bar.hits) > 0, timeout=10_000)
    looks_plain(desk)
    desk.view.find_bar.close_bar()
    desk.review()
    bar = desk.view.review_bar
    assert bar is not None
    qtbot.waitUntil(lambda: bar.progress.maximum() > 1, timeout=10_000)
    looks_plain(desk)
    desk.workspace.player.pause()


DIALOGS: dict[str, Callable[[MainWindow], QWidget]] = {
    "keys": lambda w: KeysDialog(w.workspace, w.actions_by_name, w),
    "rename": lambda w: RenameDialog(w.workspace, w.workspace.document, next(  # type: ignore[arg-type]
        iter(w.workspace.document.speakers)), w),  # type: ignore[union-attr]
    "replace": lambda w: ReplaceDialog(w.workspace, [Replacement(n, t, t + RED) for n, t in enumerate(ALL)], w),
    "quote check": lambda w: QuoteCheckDialog(w.workspace, w),
    "search": lambda w: SearchWindow(w.workspace, w),
    "versions": lambda w: VersionsDialog(w.workspace, w),
}


@pytest.mark.parametrize("name", DIALOGS)
def test_dialogs_show_plain_text(desk: MainWindow, name: str, qtbot: QtBot) -> None:
    dialog = DIALOGS[name](desk)
    qtbot.addWidget(dialog)
    dialog.show()
    if isinstance(dialog, QuoteCheckDialog):
        dialog.draft.setPlainText(" ".join(f"“{text}”" for text in ALL if len(text) < 200))
        dialog.check()
        qtbot.waitUntil(lambda: dialog.list.model().rowCount() > 0, timeout=30_000)
    if isinstance(dialog, VersionsDialog):
        qtbot.waitUntil(lambda: desk.workspace.tasks.running == 0, timeout=10_000)
    looks_plain(dialog)
