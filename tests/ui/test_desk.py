"""Around the text: find and replace, review, names, quotes, marks, off the record, versions, keys, imported files."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QGuiApplication, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from desktop.api_key import ApiKey
from desktop.errors import UserError
from desktop.exporting import render, render_quotes
from desktop.library import Library
from desktop.model import Change, Quote, Recording, Segment, Terms, TimeRange
from desktop.ui.application import make_window
from desktop.ui.item_models import ITEM
from desktop.ui.keys_dialog import KeysDialog
from desktop.ui.main_window import MainWindow
from desktop.ui.names_panel import RenameDialog
from desktop.ui.replace_dialog import ReplaceDialog
from desktop.ui.review_bar import ReviewBar
from desktop.ui.versions_dialog import VersionsDialog
from tests.ui.desk import (
    ALT,
    CTRL,
    LINES,
    NONE,
    SHIFT,
    Key,
    activate,
    add_transcript,
    agrees,
    click_head,
    click_text,
    document,
    editor,
    press,
    quiet,
    show,
    texts,
    view,
    write,
)

TEXTS = [line[3] for line in LINES]
Picture = Callable[[QWidget, str], None]
T = TypeVar("T", bound=QDialog)


@pytest.fixture
def desk(window: MainWindow, library: Library, sample: Recording, qtbot: QtBot) -> MainWindow:
    """A transcript with seven lines and word times is open."""
    show(window, library, sample, add_transcript(library, sample), qtbot)
    return window


def notice(window: MainWindow) -> str:
    banner = window.view.banner
    return banner._text.text() if banner.isVisible() else ""


def child(window: MainWindow, kind: type[T], qtbot: QtBot) -> T:
    """The dialog of this kind that is open, in front."""
    def found() -> list[T]:
        return [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]

    qtbot.waitUntil(lambda: len(found()) == 1, timeout=10_000)
    activate(found()[0], qtbot)
    return found()[0]


# Find and replace


def look_for(window: MainWindow, text: str, qtbot: QtBot, *, replacing: bool = False) -> None:
    press(Key.Key_H if replacing else Key.Key_F, CTRL)
    bar = window.view.find_bar
    assert bar.isVisible() and bar.text.hasFocus()
    bar.text.selectAll()
    write(text)
    found(window, qtbot)


def found(window: MainWindow, qtbot: QtBot) -> None:
    """Wait for the search."""
    bar = window.view.find_bar
    qtbot.waitUntil(lambda: not bar._timer.isActive() and (bar._task is None or not bar._task.is_running)
                    and window.workspace.tasks.running == 0, timeout=10_000)


def places(window: MainWindow) -> list[tuple[int, str]]:
    """Row and words of every hit."""
    return [(hit.row, texts(window)[hit.row][hit.begin:hit.end]) for hit in window.view.find_bar.hits]


def test_find_goes_round_by_enter_and_escape_closes(desk: MainWindow, qtbot: QtBot, picture: Picture) -> None:
    click_head(desk, 0)
    look_for(desk, "a", qtbot)
    bar = desk.view.find_bar
    total = sum(text.lower().count("a") for text in TEXTS)
    assert len(bar.hits) == total and str(total) in bar.count.text()
    picture(desk, "find")
    rows = []
    for _ in range(total + 1):
        press(Key.Key_Return)
        rows.append(desk.workspace.selected)
    assert rows[:total] == [hit.row for hit in bar.hits] and rows[-1] == rows[0]
    press(Key.Key_Return, SHIFT)
    assert desk.workspace.selected == bar.hits[-1].row
    assert bar.text.hasFocus() and texts(desk) == TEXTS
    press(Key.Key_Escape)
    assert not bar.isVisible() and view(desk).hasFocus() and not desk.workspace.player.is_playing
    assert view(desk).row_delegate.found == {}


def test_find_begins_with_what_is_selected_in_the_line(desk: MainWindow, qtbot: QtBot) -> None:
    click_text(desk, 4, 4)
    for _ in range(5):
        press(Key.Key_Right, SHIFT)
    press(Key.Key_F, CTRL)
    found(desk, qtbot)
    assert desk.view.find_bar.text.text() == "Ortiz" and places(desk) == [(4, "Ortiz")]


def test_case_words_and_expressions(desk: MainWindow, qtbot: QtBot) -> None:
    bar = desk.view.find_bar
    click_head(desk, 0)
    look_for(desk, "Katie", qtbot)
    assert places(desk) == [(1, "Katie")]
    look_for(desk, "katie", qtbot)
    assert places(desk) == [(1, "Katie")]
    bar.match_case.click()
    found(desk, qtbot)
    assert places(desk) == [] and "Nothing" in bar.count.text()
    bar.match_case.click()
    look_for(desk, "it", qtbot)
    assert [row for row, _ in places(desk)] == [2, 3, 6]
    bar.whole_words.click()
    found(desk, qtbot)
    assert places(desk) == [(3, "it"), (6, "it")]
    bar.whole_words.click()
    look_for(desk, ".", qtbot)
    assert all(text == "." for _, text in places(desk))
    bar.expression.click()
    look_for(desk, r"\d+ euros", qtbot)
    assert places(desk) == [(2, "1200 euros")]
    look_for(desk, "x*", qtbot)
    assert places(desk) == []  # nothing that is empty


def test_an_expression_that_is_none_is_said_in_the_bar(desk: MainWindow, qtbot: QtBot) -> None:
    bar = desk.view.find_bar
    click_head(desk, 0)
    look_for(desk, "x", qtbot)
    bar.expression.click()
    for wrong in ("(", "[a", "*", "(?P<n>", "\\"):
        look_for(desk, wrong, qtbot)
        assert "no regular expression" in bar.count.text() and bar.hits == []
        press(Key.Key_Return)
    assert texts(desk) == TEXTS


def test_an_expression_that_backtracks_for_ever_is_stopped_and_the_window_answers(
        window: MainWindow, library: Library, sample: Recording, qtbot: QtBot) -> None:
    lines = [("A", float(n), n + 0.5, "a" * 5_000 + "!") for n in range(20)]
    show(window, library, sample, add_transcript(library, sample, lines, worded=False), qtbot)
    click_head(window, 0)
    press(Key.Key_F, CTRL)
    bar = window.view.find_bar
    bar.expression.click()
    bar.text.setFocus()
    began = time.monotonic()
    write("(a|aa)+$")
    qtbot.waitUntil(lambda: "too long" in bar.count.text(), timeout=15_000)
    assert time.monotonic() - began < 10
    bar.text.selectAll()
    began = time.monotonic()
    write("!")
    found(window, qtbot)
    assert len(bar.hits) == 20
    press(Key.Key_Escape)
    assert not bar.isVisible()


def test_a_search_that_is_no_longer_wanted_shows_nothing(desk: MainWindow, qtbot: QtBot) -> None:
    click_head(desk, 0)
    look_for(desk, "a", qtbot)
    bar = desk.view.find_bar
    bar.search()
    press(Key.Key_Escape)
    quiet(desk, qtbot)
    assert not bar.isVisible() and view(desk).row_delegate.found == {}


def test_replace_takes_one_hit_after_the_other(desk: MainWindow, library: Library, qtbot: QtBot) -> None:
    click_head(desk, 0)
    look_for(desk, "morning", qtbot, replacing=True)
    bar = desk.view.find_bar
    press(Key.Key_Return)  # to the first hit
    press(Key.Key_Tab)
    while not bar.by.hasFocus():
        press(Key.Key_Tab)
    write("evening")
    press(Key.Key_Return)
    found(desk, qtbot)
    assert texts(desk)[:2] == ["Good evening, Steve.", "Good morning, Katie."]
    press(Key.Key_Return)
    found(desk, qtbot)
    assert texts(desk)[:2] == ["Good evening, Steve.", "Good evening, Katie."]
    press(Key.Key_Escape)
    press(Key.Key_Z, CTRL)
    press(Key.Key_Z, CTRL)
    assert texts(desk) == TEXTS
    agrees(desk, library)


def test_replace_all_shows_what_it_would_do_and_is_one_step(desk: MainWindow, library: Library, qtbot: QtBot,
                                                           picture: Picture) -> None:
    click_head(desk, 0)
    look_for(desk, r"(\w+) morning", qtbot, replacing=True)
    bar = desk.view.find_bar
    bar.expression.click()
    bar.by.setFocus()
    write(r"\1 evening")
    found(desk, qtbot)
    QTest.mouseClick(bar.replace_all, Qt.MouseButton.LeftButton)
    dialog = child(desk, ReplaceDialog, qtbot)
    picture(dialog, "replace-all")
    assert dialog.table.rowCount() == 2 and "⟨evening" in dialog.table.item(0, 2).text()  # type: ignore[union-attr]
    assert texts(desk) == TEXTS  # not yet
    press(Key.Key_Escape)
    assert texts(desk) == TEXTS and desk.workspace.edits.undo_text == ""
    activate(desk, qtbot)
    QTest.mouseClick(bar.replace_all, Qt.MouseButton.LeftButton)
    dialog = child(desk, ReplaceDialog, qtbot)
    QTest.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    assert texts(desk)[:2] == ["Good evening, Steve.", "Good evening, Katie."]
    agrees(desk, library)
    assert "2 lines" in desk.workspace.edits.undo_text
    activate(desk, qtbot)
    view(desk).setFocus()
    press(Key.Key_Z, CTRL)
    assert texts(desk) == TEXTS
    assert any("replace all" in version.reason for version in library.versions(document(desk).transcript.id))
    agrees(desk, library)


def test_only_ticked_lines_are_replaced(desk: MainWindow, qtbot: QtBot) -> None:
    click_head(desk, 0)
    look_for(desk, "morning", qtbot, replacing=True)
    desk.view.find_bar.by.setText("evening")
    QTest.mouseClick(desk.view.find_bar.replace_all, Qt.MouseButton.LeftButton)
    dialog = child(desk, ReplaceDialog, qtbot)
    dialog.table.setFocus()
    dialog.table.setCurrentCell(0, 0)
    press(Key.Key_Space)
    assert dialog.ok.text() == "Replace in 1 line"
    QTest.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    assert texts(desk)[:2] == ["Good morning, Steve.", "Good evening, Katie."]


def test_lines_that_come_in_while_the_preview_is_open_do_not_shift_what_is_replaced(
        desk: MainWindow, library: Library, qtbot: QtBot) -> None:
    click_head(desk, 0)
    look_for(desk, "Ortiz", qtbot, replacing=True)
    desk.view.find_bar.by.setText("Vega")
    QTest.mouseClick(desk.view.find_bar.replace_all, Qt.MouseButton.LeftButton)
    dialog = child(desk, ReplaceDialog, qtbot)
    transcript = document(desk).transcript.id
    library.apply([(transcript, Change((), (Segment(0.0, 0.1, "A part came in.", id=library.new_id("segment")),)))])
    desk.workspace._part_stored(transcript)
    qtbot.waitUntil(lambda: len(texts(desk)) == 8, timeout=5_000)
    QTest.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    assert texts(desk) == ["A part came in.", *(text.replace("Ortiz", "Vega") for text in TEXTS)]
    agrees(desk, library)


def test_a_replacement_that_makes_no_sense_is_said(desk: MainWindow, qtbot: QtBot) -> None:
    click_head(desk, 0)
    look_for(desk, "morning", qtbot, replacing=True)
    bar = desk.view.find_bar
    bar.expression.click()
    found(desk, qtbot)
    bar.by.setText(r"\7")
    QTest.mouseClick(bar.replace_all, Qt.MouseButton.LeftButton)
    quiet(desk, qtbot)
    assert "makes no sense" in bar.count.text() and texts(desk) == TEXTS


def test_typing_while_the_search_is_open_moves_the_hits(desk: MainWindow, qtbot: QtBot) -> None:
    click_head(desk, 0)
    look_for(desk, "Ortiz", qtbot)
    click_text(desk, 4, 0)
    write("So ")
    view(desk).commit()
    found(desk, qtbot)
    assert places(desk) == [(4, "Ortiz")]


# Review


def review(window: MainWindow, qtbot: QtBot) -> ReviewBar:
    press(Key.Key_F12)
    bar = window.view.review_bar
    assert bar is not None
    qtbot.waitUntil(lambda: bool(bar.doubts) and window.workspace.tasks.running == 0, timeout=10_000)
    return bar


def test_the_review_plays_each_doubtful_line_and_enter_says_heard_and_right(
        desk: MainWindow, library: Library, sample: Recording, qtbot: QtBot, picture: Picture) -> None:
    click_head(desk, 0)
    bar = review(desk, qtbot)
    wanted = len(bar.wanted())
    assert wanted >= 2 and bar.progress.value() == 0 and bar.progress.maximum() == wanted
    picture(desk, "review")
    seen = []
    while bar._at:
        row = view(desk).segments.row_with(bar._at)
        seen.append(row)
        line = document(desk).segments[row]
        assert desk.workspace.selected == row and desk.workspace.player.is_playing
        assert line.start - 0.1 <= desk.workspace.player.position() <= line.start + 1.0
        press(Key.Key_Return)
        assert document(desk).segments[row].checked
        assert len(seen) <= wanted
    assert sorted(seen) == sorted({view(desk).segments.row_with(d.segment_id) for d in bar.wanted()})
    assert 2 in seen and 3 in seen  # the amount, and the negation
    assert bar.progress.value() == wanted and "Nothing is left" in bar.what.text()
    agrees(desk, library)
    press(Key.Key_Escape)
    assert not bar.isVisible() and view(desk).row_delegate.found == {}
    desk.workspace.player.pause()

    again = make_window(library, ApiKey(lambda: None))  # the program is started anew
    qtbot.addWidget(again)
    again.show()
    show(again, library, sample, document(desk).transcript.id, qtbot)
    click_head(again, 0)
    bar = review(again, qtbot)
    qtbot.waitUntil(lambda: bar.progress.value() == wanted, timeout=5_000)
    again.workspace.player.pause()
    again.workspace.tasks.stop_all()
    quiet(again, qtbot)


def test_later_and_correct_in_the_review(desk: MainWindow, qtbot: QtBot) -> None:
    click_head(desk, 0)
    bar = review(desk, qtbot)
    first = bar._at
    press(Key.Key_Down)
    assert bar._at not in (0, first) and not any(s.checked for s in document(desk).segments)
    row = view(desk).segments.row_with(bar._at)
    QTest.mouseClick(bar.edit, Qt.MouseButton.LeftButton)
    assert view(desk).caret_place() == (row, 0) and editor(desk).hasFocus()
    write("Well: ")
    press(Key.Key_Tab)
    assert texts(desk)[row].startswith("Well: ")


def test_escape_ends_the_review_and_the_space_bar_does_not_say_right(desk: MainWindow, qtbot: QtBot) -> None:
    click_head(desk, 0)
    bar = review(desk, qtbot)
    assert desk.workspace.player.is_playing
    press(Key.Key_Space)  # whoever listens presses it to pause
    assert not any(s.checked for s in document(desk).segments)
    assert not desk.workspace.player.is_playing
    press(Key.Key_Escape)
    assert not bar.isVisible() and not desk.workspace.player.is_playing


def test_the_review_shows_only_the_kinds_that_are_wanted(desk: MainWindow, qtbot: QtBot) -> None:
    from desktop.reviewing import Kind

    click_head(desk, 0)
    bar = review(desk, qtbot)
    every = len(bar.wanted())
    menu = bar.choice.menu()
    assert menu is not None
    for action, kind in zip(menu.actions(), Kind, strict=True):
        if kind is not Kind.NUMBERS:
            action.trigger()
    assert 0 < len(bar.wanted()) < every and bar.progress.maximum() == len(bar.wanted())
    assert all(Kind.NUMBERS in doubt.kinds for doubt in bar.wanted())


def test_undo_of_a_check_brings_the_line_back_into_the_review(desk: MainWindow, qtbot: QtBot) -> None:
    click_head(desk, 0)
    bar = review(desk, qtbot)
    press(Key.Key_Return)
    qtbot.waitUntil(lambda: bar.progress.value() == 1, timeout=5_000)
    press(Key.Key_Z, CTRL)
    qtbot.waitUntil(lambda: bar.progress.value() == 0, timeout=5_000)


# Names


def rename(window: MainWindow, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """F2, the name, Enter."""
    def typed(dialog: RenameDialog) -> int:
        dialog.show()
        dialog.name.setCurrentText(name)
        QTest.keyClick(dialog.name, Qt.Key.Key_Return)
        assert not dialog.isVisible()
        return dialog.result()

    monkeypatch.setattr(RenameDialog, "exec", typed)
    press(Key.Key_F2)
    window.activateWindow()
    while not window.isActiveWindow():
        QApplication.processEvents()


def test_one_rename_changes_every_line_and_every_export(desk: MainWindow, library: Library, qtbot: QtBot,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    click_head(desk, 3)
    rename(desk, monkeypatch, "Mayor & Ortiz <b>")
    now = document(desk)
    assert [now.speaker_name(s) for s in now.segments].count("Mayor & Ortiz <b>") == 4
    assert "Mayor && Ortiz <b>" in desk.actions_by_name["speaker_2"].text()
    panel = desk.inspector.names
    qtbot.waitUntil(lambda: panel.list.count() == 2 and "Mayor & Ortiz <b>" in panel.list.item(1).text(), timeout=3_000)
    for kind in ("txt", "srt", "json"):
        assert "Steve\":" not in render(now, kind).decode() and "Mayor" in render(now, kind).decode()
    agrees(desk, library)
    press(Key.Key_Z, CTRL)
    assert {s.name for s in document(desk).speakers.values()} == {"Katie", "Steve"}
    agrees(desk, library)


def test_the_name_of_another_speaker_makes_both_one_and_undo_parts_them(
        desk: MainWindow, library: Library, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    before = document(desk)
    click_head(desk, 3)
    rename(desk, monkeypatch, "katie")
    now = document(desk)
    assert [s.name for s in now.speakers.values()] == ["Katie"]
    assert {now.speaker_name(s) for s in now.segments} == {"Katie"}
    agrees(desk, library)
    panel = desk.inspector.names
    qtbot.waitUntil(lambda: panel.list.count() == 1 and "100%" in panel.list.item(0).text(), timeout=3_000)
    press(Key.Key_Z, CTRL)
    assert (document(desk).segments, document(desk).speakers) == (before.segments, before.speakers)
    agrees(desk, library)


def test_rename_takes_what_is_typed_in_the_line_along(desk: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    click_text(desk, 3, 0)
    write("Well, ")
    rename(desk, monkeypatch, "Ortiz")
    assert texts(desk)[3] == "Well, " + TEXTS[3] and view(desk).editing_row == 3


def test_the_names_panel_says_the_shares_and_plays_a_sample(desk: MainWindow, qtbot: QtBot, picture: Picture) -> None:
    panel = desk.inspector.names
    desk.inspector.setCurrentWidget(panel)
    picture(desk.inspector, "names")
    seconds = {name: sum(end - start for who, start, end, _ in LINES if who == name) for name in ("Katie", "Steve")}
    share = seconds["Katie"] / sum(seconds.values())
    assert f"{share:.0%}" in panel.list.item(0).text() and " · 3" in panel.list.item(0).text()
    panel.list.setFocus()
    press(Key.Key_Down)
    press(Key.Key_Up)
    assert panel.list.currentRow() == 0
    QTest.mouseClick(panel.play, Qt.MouseButton.LeftButton)
    assert desk.workspace.player.is_playing
    assert any(start - 0.1 <= desk.workspace.player.position() <= end for who, start, end, _ in LINES if who == "Katie")


def test_the_names_panel_assigns_and_parts(desk: MainWindow, library: Library, qtbot: QtBot) -> None:
    panel = desk.inspector.names
    desk.inspector.setCurrentWidget(panel)
    click_head(desk, 4)
    panel.list.setCurrentRow(0)
    QTest.mouseClick(panel.assign, Qt.MouseButton.LeftButton)
    assert document(desk).speaker_name(document(desk).segments[4]) == "Katie"
    QTest.mouseClick(panel.part, Qt.MouseButton.LeftButton)
    now = document(desk)
    assert [now.speaker_name(s) for s in now.segments[4:6]] == ["Speaker 1", "Speaker 1"]
    assert now.speaker_name(now.segments[2]) == "Katie"
    agrees(desk, library)


def test_the_names_panel_assigns_all_chosen_lines(desk: MainWindow, library: Library) -> None:
    panel = desk.inspector.names
    desk.inspector.setCurrentWidget(panel)
    click_head(desk, 3)
    click_head(desk, 4, SHIFT)
    panel.list.setCurrentRow(0)
    QTest.mouseClick(panel.assign, Qt.MouseButton.LeftButton)
    now = document(desk)
    assert [now.speaker_name(s) for s in now.segments[3:5]] == ["Katie", "Katie"]


def test_the_names_panel_can_be_reached_and_used_by_keys(desk: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(RenameDialog, "exec", lambda self: asked.append(self._speaker_id) or 0)
    desk.inspector.setCurrentWidget(desk.inspector.names)
    desk.inspector.names.list.setFocus()
    press(Key.Key_Down)
    press(Key.Key_Tab)
    while QApplication.focusWidget() is not desk.inspector.names.rename:
        press(Key.Key_Tab)
    press(Key.Key_Space)
    assert len(asked) == 1


# Quotes


def select_words(window: MainWindow, row: int, begin: int, end: int) -> None:
    """Select by keys: the caret before `begin`, then Shift and arrows."""
    click_text(window, row, begin)
    for _ in range(end - begin):
        press(Key.Key_Right, SHIFT)


def quotes(window: MainWindow) -> tuple[Quote, ...]:
    QApplication.processEvents()  # the panel shows them in the next turn
    return window.workspace.desk.quotes


def test_a_selection_is_kept_as_a_quote_of_whole_words_with_its_times(desk: MainWindow, library: Library,
                                                                     sample: Recording, picture: Picture) -> None:
    select_words(desk, 3, 5, 15)  # "t never pa"
    press(Key.Key_B, CTRL)
    (quote,) = quotes(desk)
    said = document(desk).segments[3].words
    assert quote.text == "it never paid" and quote.said_by == "Steve"
    assert quote.range == TimeRange(said[1].start, said[3].end)
    assert "it never paid" in notice(desk) and texts(desk) == TEXTS
    panel = desk.inspector.quotes
    assert panel.quotes.count() == 1 and "it never paid" in panel.quotes.item(0).text()
    desk.inspector.setCurrentWidget(panel)
    picture(desk, "quotes")
    assert desk.workspace.edits.saver.wait()
    assert [q.text for q in library.desk(sample.id).quotes] == ["it never paid"]
    press(Key.Key_Z, CTRL)
    assert quotes(desk) == () and panel.quotes.count() == 0
    press(Key.Key_Y, CTRL)
    assert [q.text for q in quotes(desk)] == ["it never paid"]


def test_several_lines_are_one_quote(desk: MainWindow) -> None:
    click_head(desk, 3)
    click_head(desk, 4, SHIFT)
    press(Key.Key_B, CTRL)
    (quote,) = quotes(desk)
    assert quote.text == f"{TEXTS[3]} {TEXTS[4]}" and quote.range == TimeRange(8.5, 16.0) and quote.said_by == "Steve"


@pytest.mark.parametrize(("before", "text", "begin", "end", "wanted"), [
    ("          ", "Ask Ortiz about the bridge.", 14, 19, "Ortiz"),
    ("", "😀😀😀😀😀😀😀 ask Ortiz about the bridge", 12, 17, "Ortiz"),
    ("", "e\u0301a\u0301 ask Ortiz about", 7, 12, "Ortiz"),
    ("", "one\ntwo Ortiz three", 8, 13, "Ortiz")])
def test_a_quote_is_what_is_selected_whatever_stands_before_it(
        window: MainWindow, library: Library, sample: Recording, qtbot: QtBot, before: str, text: str, begin: int,
        end: int, wanted: str) -> None:
    made = add_transcript(library, sample, [("Ann", 0.0, 9.0, text), ("Bob", 10.0, 11.0, "Yes.")])
    show(window, library, sample, made, qtbot)
    click_text(window, 0, 0)
    write(before)
    while editor(window).textCursor().selectedText() != wanted:
        cursor = editor(window).textCursor()
        plain = editor(window).toPlainText()
        assert wanted in plain
        units = len(plain[:plain.index(wanted)].encode("utf-16-le")) // 2
        if cursor.position() < units:
            press(Key.Key_Right)
        else:
            press(Key.Key_Right, SHIFT)
    press(Key.Key_B, CTRL)
    assert [quote.text for quote in quotes(window)] == [wanted]


def test_note_and_tag_are_kept_and_taken_back(desk: MainWindow, library: Library, sample: Recording) -> None:
    click_head(desk, 4)
    press(Key.Key_B, CTRL)
    panel = desk.inspector.quotes
    desk.inspector.setCurrentWidget(panel)
    panel.quotes.setFocus()
    panel.quotes.setCurrentRow(0)
    press(Key.Key_Tab)
    assert panel.note.hasFocus()
    write("use in the lead k m ")
    press(Key.Key_Tab)
    assert panel.tag.hasFocus()
    write("bridge")
    press(Key.Key_Return)
    (quote,) = quotes(desk)
    assert (quote.note.strip(), quote.tag) == ("use in the lead k m", "bridge")
    assert desk.workspace.edits.saver.wait()
    assert (library.desk(sample.id).quotes[0].note, library.desk(sample.id).quotes[0].tag) == (
        "use in the lead k m", "bridge")
    assert "#bridge" in panel.quotes.item(0).text() and desk.workspace.desk.marks == ()
    view(desk).setFocus()
    press(Key.Key_Z, CTRL)
    assert quotes(desk)[0].tag == "" and panel.tag.text() == ""


def test_a_note_that_is_being_typed_goes_to_its_quote_when_another_is_chosen(desk: MainWindow) -> None:
    for row in (3, 4):
        click_head(desk, row)
        press(Key.Key_B, CTRL)
    panel = desk.inspector.quotes
    desk.inspector.setCurrentWidget(panel)
    panel.quotes.setCurrentRow(0)
    panel.note.setFocus()
    write("first")
    QTest.mouseClick(panel.quotes.viewport(), Qt.MouseButton.LeftButton,
                     pos=panel.quotes.visualItemRect(panel.quotes.item(1)).center())
    assert [quote.note for quote in quotes(desk)] == ["first", ""]
    assert panel.quotes.currentRow() == 1 and panel.note.text() == ""


def test_a_note_that_is_being_typed_is_not_lost_when_something_else_is_noted(desk: MainWindow) -> None:
    click_head(desk, 4)
    press(Key.Key_B, CTRL)
    panel = desk.inspector.quotes
    desk.inspector.setCurrentWidget(panel)
    panel.quotes.setCurrentRow(0)
    panel.note.setFocus()
    write("half a no")
    press(Key.Key_M, CTRL)
    write("te")
    press(Key.Key_Return)
    assert quotes(desk)[0].note == "half a note" and len(desk.workspace.desk.marks) == 1


def test_quotes_are_copied_as_the_menu_says(desk: MainWindow) -> None:
    select_words(desk, 3, 4, 17)
    press(Key.Key_B, CTRL)
    panel = desk.inspector.quotes
    panel.quotes.setCurrentRow(0)
    menu = panel.copy.menu()
    assert menu is not None
    copied = []
    for action in menu.actions():
        action.trigger()
        copied.append(QGuiApplication.clipboard().text())
    assert copied[0] == "it never paid"
    assert copied[1].startswith("“it never paid” — Steve, Sample: Katie and Steve, 0:0")
    assert copied[2].startswith("> it never paid") and "— Steve" in copied[2]
    assert "never paid" in copied[3]


def test_a_quote_is_played_removed_and_brought_back(desk: MainWindow, library: Library) -> None:
    for row in (3, 4):
        click_head(desk, row)
        press(Key.Key_B, CTRL)
    panel = desk.inspector.quotes
    desk.inspector.setCurrentWidget(panel)
    panel.quotes.setFocus()
    panel.quotes.setCurrentRow(1)
    press(Key.Key_Return)
    assert desk.workspace.player.is_playing
    assert desk.workspace.player.position() == pytest.approx(13.0, abs=0.3)
    desk.workspace.player.pause()
    panel.quotes.setFocus()
    press(Key.Key_Delete)
    assert [quote.text for quote in quotes(desk)] == [TEXTS[3]]
    press(Key.Key_Z, CTRL)
    assert [quote.text for quote in quotes(desk)] == [TEXTS[3], TEXTS[4]]


def test_a_quote_keeps_its_words_when_the_line_changes_and_its_name_follows(
        desk: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    click_head(desk, 4)
    press(Key.Key_B, CTRL)
    click_text(desk, 4, 0)
    write("Now ")
    press(Key.Key_Tab)
    click_head(desk, 4)
    rename(desk, monkeypatch, "Ortega")
    desk.inspector.quotes.reload()
    assert "Ortega" in desk.inspector.quotes.quotes.item(0).text()
    assert quotes(desk)[0].text == TEXTS[4]


# Marks


def test_marks_are_set_listed_jumped_to_and_taken_back(desk: MainWindow, library: Library, sample: Recording) -> None:
    panel = desk.inspector.quotes
    desk.inspector.setCurrentWidget(panel)
    view(desk).setFocus()
    for place in (9.5, 3.25):
        desk.view.seek(place)
        write("m")
    assert [mark.seconds for mark in desk.workspace.desk.marks] == [3.25, 9.5]
    assert [panel.marks.item(row).text() for row in range(2)] == ["0:03.2", "0:09.5"]
    desk.view.seek(0.0)
    panel.marks.setFocus()
    panel.marks.setCurrentRow(1)
    press(Key.Key_Return)
    assert desk.workspace.player.position() == 9.5 and desk.workspace.selected == 3
    panel.marks.setFocus()
    panel.marks.setCurrentRow(1)
    press(Key.Key_Delete)
    assert [mark.seconds for mark in desk.workspace.desk.marks] == [3.25]
    press(Key.Key_Z, CTRL)
    press(Key.Key_Z, CTRL)
    assert [mark.seconds for mark in desk.workspace.desk.marks] == [9.5]
    assert desk.workspace.edits.saver.wait()
    assert [mark.seconds for mark in library.desk(sample.id).marks] == [9.5]


def test_a_mark_can_be_set_while_typing(desk: MainWindow) -> None:
    click_text(desk, 4, 3)
    desk.view.seek(9.5)
    press(Key.Key_M, CTRL)
    assert [mark.seconds for mark in desk.workspace.desk.marks] == [9.5]
    assert editor(desk).hasFocus() and view(desk).caret_place() == (4, 3)


# Off the record


SECRET = "it never paid"


def everything_shown(window: MainWindow) -> str:
    """All words that the list, the waveform, the quotes and a screen reader have."""
    QApplication.processEvents()
    model = view(window).segments
    spoken = [str(model.data(model.index(row), int(role))) for row in range(model.rowCount())
              for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole)]
    spoken += [" ".join(word.text for word in model.index(row).data(ITEM).words) for row in range(model.rowCount())]
    for widget in (window.view.waveform, view(window)):
        interface = QAccessible.queryAccessibleInterface(widget)
        for number in range(interface.childCount()):
            one = interface.child(number)
            if one is not None:
                spoken += [one.text(kind) for kind in (QAccessible.Text.Name, QAccessible.Text.Description,
                                                       QAccessible.Text.Value)]
    panel = window.inspector.quotes
    spoken += [panel.quotes.item(row).text() for row in range(panel.quotes.count())]
    spoken += [panel.note.text(), editor(window).toPlainText() if editor(window).isVisible() else ""]
    return "\n".join(spoken)


def hide(window: MainWindow, row: int) -> None:
    click_head(window, row)
    press(Key.Key_O, CTRL | SHIFT)


def test_what_is_off_the_record_is_masked_everywhere_until_revealed(desk: MainWindow, library: Library,
                                                                   qtbot: QtBot, picture: Picture) -> None:
    select_words(desk, 3, 4, 17)
    press(Key.Key_B, CTRL)
    desk.inspector.quotes.quotes.setCurrentRow(0)
    assert SECRET in everything_shown(desk)
    hide(desk, 3)
    assert SECRET not in everything_shown(desk) and "never" not in everything_shown(desk)
    assert "off the record" in everything_shown(desk)
    desk.inspector.setCurrentWidget(desk.inspector.quotes)
    picture(desk, "off-the-record")
    assert not desk.inspector.quotes.export.isEnabled()
    look_for(desk, "never", qtbot)
    assert desk.view.find_bar.hits == []
    press(Key.Key_Escape)
    click_text(desk, 3, 0)
    assert not view(desk).is_editing and "Reveal" in notice(desk)
    click_head(desk, 2)
    press(Key.Key_A, CTRL)
    press(Key.Key_C, CTRL)
    assert "never" not in QGuiApplication.clipboard().text() and "bridge" in QGuiApplication.clipboard().text()
    for kind in ("txt", "srt", "json", "md"):
        assert b"never" not in render(document(desk), kind)
    with pytest.raises(UserError, match="no quote"):
        render_quotes(document(desk), "csv")
    desk.actions_by_name["reveal"].trigger()
    assert SECRET in everything_shown(desk)
    desk.actions_by_name["reveal"].trigger()
    assert SECRET not in everything_shown(desk)


def test_a_revealed_line_is_edited_but_does_not_leave(desk: MainWindow, library: Library) -> None:
    hide(desk, 3)
    desk.actions_by_name["reveal"].trigger()
    click_text(desk, 3, 4)
    write("well, ")
    press(Key.Key_Tab)
    assert texts(desk)[3].startswith("No, well, it never")
    QGuiApplication.clipboard().setText("nothing")
    click_head(desk, 3)
    press(Key.Key_C, CTRL)
    assert "never" not in QGuiApplication.clipboard().text()
    press(Key.Key_B, CTRL)
    assert quotes(desk) == ()
    agrees_with_file(desk, library)


def agrees_with_file(window: MainWindow, library: Library) -> None:
    assert window.workspace.edits.saver.wait()
    assert library.document(document(window).transcript.id).segments == document(window).segments


def test_copying_from_the_text_of_a_revealed_line_gives_nothing_off_the_record(desk: MainWindow) -> None:
    hide(desk, 3)
    desk.actions_by_name["reveal"].trigger()
    QGuiApplication.clipboard().setText("nothing")
    click_text(desk, 3, 4)
    press(Key.Key_A, CTRL)
    press(Key.Key_C, CTRL)
    assert "never" not in QGuiApplication.clipboard().text()


def test_a_quote_from_a_line_that_is_partly_off_the_record_is_never_other_words(desk: MainWindow) -> None:
    said = document(desk).segments[3].words
    desk.workspace.set_range(TimeRange(said[0].start, said[3].end))  # "No, it never paid,"
    desk.actions_by_name["off_record"].trigger()
    desk.workspace.set_range(None)
    shown = view(desk).segments.shown(3).text
    assert "paid" not in shown and "everybody" in shown
    desk.actions_by_name["reveal"].trigger()
    begin = TEXTS[3].index("everybody")
    select_words(desk, 3, begin, begin + len("everybody"))
    press(Key.Key_B, CTRL)
    assert [quote.text for quote in quotes(desk)] in ([], ["everybody"])


def test_off_the_record_is_one_step_and_hides_again_when_another_recording_was_open(
        desk: MainWindow, library: Library, sample: Recording, imported: Callable[..., Recording],
        qtbot: QtBot) -> None:
    transcript = document(desk).transcript.id
    hide(desk, 3)
    press(Key.Key_Z, CTRL)
    assert SECRET in everything_shown(desk) and desk.workspace.desk.withheld == ()
    press(Key.Key_Y, CTRL)
    assert SECRET not in everything_shown(desk)
    desk.actions_by_name["reveal"].trigger()
    other = imported("jfk.wma")
    show(desk, library, other, add_transcript(library, other, [("A", 0.0, 2.0, "Ask not.")]), qtbot)
    show(desk, library, sample, transcript, qtbot)
    assert SECRET not in everything_shown(desk)
    click_head(desk, 3)
    desk.actions_by_name["on_record"].trigger()
    assert SECRET in everything_shown(desk) and desk.workspace.desk.withheld == ()


def test_splitting_and_merging_beside_what_is_hidden_shows_nothing_of_it(desk: MainWindow, library: Library) -> None:
    hide(desk, 3)
    click_text(desk, 4, 4)
    press(Key.Key_Backspace, CTRL)  # with the hidden line: refused
    assert len(texts(desk)) == 7
    press(Key.Key_Return, CTRL)
    assert len(texts(desk)) == 8
    click_text(desk, 2, 0)
    press(Key.Key_M, CTRL | SHIFT)
    assert len(texts(desk)) == 8
    press(Key.Key_Up, ALT)
    for _ in range(3):
        press(Key.Key_Z, CTRL)
    assert SECRET not in everything_shown(desk) or desk.workspace.desk.withheld == ()


def test_a_line_that_becomes_hidden_while_it_is_edited_loses_no_words(desk: MainWindow, library: Library) -> None:
    """An undo brings the edges of a line back into what is off the record, with the caret in the line."""
    hide(desk, 3)
    click_head(desk, 4)
    for _ in range(20):
        desk.view.waveform.setFocus()
        press(Key.Key_Left, CTRL)  # the line reaches into what is hidden
    assert document(desk).segments[4].start < 12.5
    press(Key.Key_Z, CTRL)
    click_text(desk, 4, 0)
    press(Key.Key_Y, CTRL)
    write("lost? ")
    view(desk).commit()
    text = next(s.text for s in document(desk).segments if "bridge" in s.text)
    assert text in (TEXTS[4], "lost? " + TEXTS[4])
    agrees_with_file(desk, library)


def test_arrows_and_enter_step_over_what_is_hidden(desk: MainWindow) -> None:
    hide(desk, 3)
    click_text(desk, 2, 0)
    press(Key.Key_Return)
    assert view(desk).caret_place() == (4, 0)
    press(Key.Key_Left)
    assert view(desk).caret_place() == (2, len(TEXTS[2]))


def test_earlier_versions_hide_it_too(desk: MainWindow, qtbot: QtBot) -> None:
    click_text(desk, 3, 0)
    write("Well, ")
    press(Key.Key_Tab)
    hide(desk, 3)
    dialog = versions(desk, qtbot)
    shown = " ".join(dialog.table.item(row, column).text() for row in range(dialog.table.rowCount())  # type: ignore[union-attr]
                     for column in range(3))
    assert "never" not in shown


def test_background_leaves_without_a_name(desk: MainWindow, library: Library) -> None:
    click_head(desk, 3)
    press(Key.Key_B, CTRL)
    press(Key.Key_B, CTRL | SHIFT)
    assert [w.terms for w in desk.workspace.desk.withheld] == [Terms.BACKGROUND]
    assert SECRET in everything_shown(desk)
    out = render(document(desk), "txt").decode()
    line = next(row for row in out.splitlines() if SECRET in row)
    assert "Steve" not in line
    panel = desk.inspector.quotes
    panel.quotes.setCurrentRow(0)
    assert "Steve" not in panel.quotes.item(0).text()
    for kind in ("attributed", "markdown", "cleaned"):
        panel.copy_as(kind)
        copied = QGuiApplication.clipboard().text()
        assert "Steve, Sample" not in copied and "never paid" in copied
    click_head(desk, 3)
    press(Key.Key_C, CTRL)
    assert "Steve" not in QGuiApplication.clipboard().text()


# Versions


def versions(window: MainWindow, qtbot: QtBot) -> VersionsDialog:
    window.actions_by_name["versions"].trigger()
    dialog = child(window, VersionsDialog, qtbot)
    qtbot.waitUntil(lambda: bool(dialog.note.text()) and window.workspace.tasks.running == 0, timeout=10_000)
    return dialog


def test_the_first_version_is_compared_and_single_lines_come_back(desk: MainWindow, library: Library, qtbot: QtBot,
                                                                 picture: Picture) -> None:
    before = document(desk)
    click_text(desk, 3, 4)
    write("surely ")
    click_text(desk, 4, 4)
    write("Mr. ")
    press(Key.Key_Tab)
    click_head(desk, 6)
    press(Key.Key_Delete, CTRL | SHIFT)
    dialog = versions(desk, qtbot)
    picture(dialog, "versions")
    assert dialog.choice.count() == 1 and "first correction" in dialog.choice.itemText(0)
    rows = [tuple(dialog.table.item(row, c).text() for c in range(3)) for row in range(dialog.table.rowCount())]  # type: ignore[union-attr]
    assert [row[0] for row in rows] == ["0:08", "0:13", "0:19"] and "⟨surely⟩" in rows[0][2] and rows[2][2] == "–"
    dialog.table.setFocus()
    dialog.table.selectRow(1)
    QTest.mouseClick(dialog.some, Qt.MouseButton.LeftButton)
    assert texts(desk) == [*TEXTS[:3], "No, surely it never paid, and everybody here knows that.", *TEXTS[4:6]]
    assert dialog.table.rowCount() == 2
    QTest.mouseClick(dialog.all, Qt.MouseButton.LeftButton)
    assert document(desk).segments == before.segments and dialog.table.rowCount() == 0
    press(Key.Key_Escape)
    assert not dialog.isVisible()
    activate(desk, qtbot)
    agrees(desk, library)
    view(desk).setFocus()
    press(Key.Key_Z, CTRL)
    assert len(texts(desk)) == 6
    press(Key.Key_Z, CTRL)
    assert texts(desk)[4] == "Ask Mr. Ortiz about the bridge."
    agrees(desk, library)


def test_without_a_correction_there_is_no_version_and_that_is_said(desk: MainWindow, qtbot: QtBot) -> None:
    dialog = versions(desk, qtbot)
    assert "no earlier version" in dialog.note.text()
    assert not dialog.all.isEnabled() and not dialog.some.isEnabled()


def test_bringing_everything_back_keeps_a_version_of_what_it_replaces(desk: MainWindow, library: Library,
                                                                     qtbot: QtBot) -> None:
    click_text(desk, 3, 4)
    write("surely ")
    press(Key.Key_Tab)
    dialog = versions(desk, qtbot)
    QTest.mouseClick(dialog.all, Qt.MouseButton.LeftButton)
    assert desk.workspace.edits.saver.wait()
    kept = library.versions(document(desk).transcript.id)
    assert len(kept) == 2
    assert "surely" in library.version_document(kept[0].id).segments[3].text


# Keys


@pytest.fixture
def keys(desk: MainWindow, qtbot: QtBot) -> KeysDialog:
    """The dialog of keys, in front, not modal so that the test goes on."""
    dialog = KeysDialog(desk.workspace, desk.actions_by_name, desk)
    qtbot.addWidget(dialog)
    dialog.show()
    activate(dialog, qtbot)
    return dialog


def choose_action(dialog: KeysDialog, name: str) -> None:
    for row in range(dialog.table.rowCount()):
        if dialog.table.item(row, 0).data(int(Qt.ItemDataRole.UserRole)) == name:  # type: ignore[union-attr]
            dialog.table.selectRow(row)
            return
    raise AssertionError(name)


def give(dialog: KeysDialog, name: str, key: Qt.Key, modifiers: Qt.KeyboardModifier = NONE) -> None:
    """Choose an action, press a key in the field, press “Only this key”."""
    choose_action(dialog, name)
    dialog.edit.setFocus()
    press(key, modifiers)
    assert not dialog.edit.keySequence().isEmpty()
    QTest.mouseClick(dialog.only, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("key", [Key.Key_F13, Key.Key_F24, Key.Key_MediaPlay])
def test_a_pedal_plays_also_while_typing_and_after_a_restart(keys: KeysDialog, desk: MainWindow, library: Library,
                                                            sample: Recording, qtbot: QtBot, key: Qt.Key) -> None:
    give(keys, "play", key)
    assert keys.message.text() == "" and QKeySequence(key) in desk.actions_by_name["play"].shortcuts()
    keys.close()
    activate(desk, qtbot)
    click_text(desk, 4, 3)
    press(key)
    assert desk.workspace.player.is_playing and editor(desk).hasFocus()
    press(Key.Key_Space, CTRL)
    assert desk.workspace.player.is_playing  # Ctrl+Space was taken away from it
    desk.workspace.player.pause()
    again = make_window(library, ApiKey(lambda: None))
    qtbot.addWidget(again)
    again.show()
    show(again, library, sample, document(desk).transcript.id, qtbot)
    press(key)
    assert again.workspace.player.is_playing
    again.workspace.player.pause()
    again.workspace.tasks.stop_all()
    quiet(again, qtbot)


def test_a_key_that_belongs_to_another_action_is_refused_and_that_one_named(keys: KeysDialog, desk: MainWindow,
                                                                           picture: Picture) -> None:
    give(keys, "play", Key.Key_F9)
    picture(keys, "keys-conflict")
    assert "F9" in keys.message.text() and "Heard and right" in keys.message.text()
    assert desk.actions_by_name["play"].shortcuts() == [QKeySequence("Ctrl+Space")]
    assert desk.workspace.settings.shortcuts == ()


@pytest.mark.parametrize(("key", "other"), [(Key.Key_M, "mark"), (Key.Key_K, "Play"), (Key.Key_Space, "Play"),
                                            (Key.Key_BracketLeft, "Range")])
def test_a_letter_that_is_a_command_in_the_list_is_refused_too(keys: KeysDialog, desk: MainWindow, key: Qt.Key,
                                                              other: str) -> None:
    give(keys, "check_lines", key)
    assert other.lower() in keys.message.text().lower()
    assert desk.actions_by_name["check_lines"].shortcuts() == [QKeySequence("F9")]


@pytest.mark.parametrize(("key", "modifiers"), [
    (Key.Key_Return, NONE), (Key.Key_Tab, NONE), (Key.Key_Backspace, NONE), (Key.Key_Left, NONE),
    (Key.Key_C, CTRL), (Key.Key_V, CTRL), (Key.Key_A, CTRL)])
def test_keys_that_texts_need_stay_theirs(keys: KeysDialog, desk: MainWindow, library: Library, qtbot: QtBot,
                                          key: Qt.Key, modifiers: Qt.KeyboardModifier) -> None:
    """Refused, or at least without effect on typing."""
    from desktop.ui import actions

    taken = actions.rebound((), "check_lines", [QKeySequence(key | modifiers)])
    actions.apply_keys(desk.actions_by_name, taken)
    keys.close()
    activate(desk, qtbot)
    click_text(desk, 4, 3)
    press(key, modifiers)
    assert not any(s.checked for s in document(desk).segments)


def test_as_delivered_brings_the_keys_back(keys: KeysDialog, desk: MainWindow) -> None:
    give(keys, "play", Key.Key_F13)
    choose_action(keys, "play")
    QTest.mouseClick(keys.default, Qt.MouseButton.LeftButton)
    assert desk.actions_by_name["play"].shortcuts() == [QKeySequence("Ctrl+Space")]
    assert desk.workspace.settings.shortcuts == () and not keys.default.isEnabled()
    QTest.mouseClick(keys.none, Qt.MouseButton.LeftButton)
    assert desk.actions_by_name["play"].shortcuts() == []
    give(keys, "check_lines", Key.Key_Space, CTRL)
    choose_action(keys, "play")
    QTest.mouseClick(keys.default, Qt.MouseButton.LeftButton)
    assert "Heard and right" in keys.message.text()  # who has it now is named


def test_actions_are_looked_for_by_name_and_by_key(keys: KeysDialog) -> None:
    keys.filter.setFocus()
    write("quote")
    names = [keys.table.item(row, 0).text() for row in range(keys.table.rowCount())]  # type: ignore[union-attr]
    assert "Save as quote" in names and all("quote" in name.lower() for name in names)
    keys.filter.selectAll()
    write("F12")
    assert [keys.table.item(row, 0).text() for row in range(keys.table.rowCount())] == [  # type: ignore[union-attr]
        "Review doubtful lines"]


def test_every_key_belongs_to_one_action_only(desk: MainWindow) -> None:
    from desktop.ui.actions import ACTIONS, default_keys

    owners: dict[str, list[str]] = {}
    for entry in ACTIONS:
        for key in (*default_keys(entry), *(QKeySequence(k) for k in entry.plain_keys)):
            owners.setdefault(key.toString(), []).append(entry.name)
    assert {key: names for key, names in owners.items() if len(names) > 1} == {}


# Transcript files


SRT = "1\n00:00:00,200 --> 00:00:02,000\nANN: Hello there.\n\n2\n00:00:02,500 --> 00:00:04,000\n<i>Yes?</i>\n"


def test_a_transcript_file_becomes_another_transcript(desk: MainWindow, library: Library, sample: Recording,
                                                     tmp_path: Path, qtbot: QtBot,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(library.transcripts(sample.id))
    file = tmp_path / "old.srt"
    file.write_text(SRT, "utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    desk.actions_by_name["import_transcript"].trigger()
    qtbot.waitUntil(lambda: len(texts(desk)) == 2, timeout=10_000)
    assert "Hello there." in texts(desk)[0] and "<i>" not in texts(desk)[1]
    assert len(library.transcripts(sample.id)) == before + 1
    click_text(desk, 0, 0)
    write("Oh, ")
    press(Key.Key_Tab)
    agrees(desk, library)


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02garbage", b"{\"segments\": [{\"start\": \"NaN\"}]}"])
def test_a_file_that_is_no_transcript_is_refused_with_a_sentence(
        desk: MainWindow, library: Library, sample: Recording, tmp_path: Path, qtbot: QtBot,
        monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    before = len(library.transcripts(sample.id))
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    desk.actions_by_name["import_transcript"].trigger()
    quiet(desk, qtbot)
    assert texts(desk) == TEXTS and len(library.transcripts(sample.id)) == before
    assert notice(desk)
