"""The quote check in the window: a draft goes in, verdicts come out, each plays its place; by keys alone, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docx
import pytest
import shiboken6
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAccessible, QDropEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from desktop.library import Library
from desktop.model import Change, Desk, Recording, Segment, Speaker, TimeRange, Withheld
from desktop.quotations import Quotation
from desktop.quote_check import Kind, Reach, Verdict
from desktop.ui.main_window import MainWindow
from desktop.ui.quote_check_dialog import QuoteCheckDialog
from desktop.ui.verdict_view import ITEM, VerdictModel, VerdictView, texts_of
from tests.ui.desk import activate

Picture = Callable[[QWidget, str], None]
DRAFT = """Steve is no friend of waiting, and he says so. “I've been using the batch transcription with diarization \
functionality,” said Steve. “Not yet,” he said.

“Have you tried the latest […] diarization in Microsoft Speech Service?” asked Katie. “That's really exciting. Let me \
try it right now,” said Steve.

“Good morning, Katie,” said Katie. The mayor was silent: “We never paid on time, and everybody in town knows that.”

“It will rain tomorrow over all of the harbour.”"""


def add_line(library: Library, transcript_id: int, name: str, segment: Segment) -> None:
    """One more line by somebody new."""
    speaker = Speaker(library.new_id("speaker"), name, 9)
    line = replace(segment, id=library.new_id("segment"), speaker_id=speaker.id)
    library.apply([(transcript_id, Change(after=(line,), speakers_after=(speaker,)))])


@pytest.fixture(params=["light"])
def shown(request: pytest.FixtureRequest, window: MainWindow, library: Library, sample: Recording,
          qtbot: QtBot) -> Iterator[MainWindow]:
    """The sample is open, with a Spanish line and its translation; in the theme that is asked for."""
    window.workspace.change_settings(theme=request.param)
    transcript = library.transcripts(sample.id)[0]
    add_line(library, transcript.id, "Lucía Ortiz", Segment(
        29.0, 29.5, "No pagamos a tiempo, y eso lo sabe todo el mundo.", language="es",
        translation="We did not pay on time, and everybody in town knows that."))
    window.workspace.open(library.recording(sample.id))
    qtbot.waitUntil(lambda: window.workspace.document is not None and window.workspace.tasks.running == 0,
                    timeout=20_000)
    yield window
    window.workspace.change_settings(theme="light")


@pytest.fixture
def dialog(shown: MainWindow, qtbot: QtBot) -> QuoteCheckDialog:
    made = QuoteCheckDialog(shown.workspace, shown)
    qtbot.addWidget(made)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # the test looks at it afterwards
    made.show()
    return made


def wait(dialog: QuoteCheckDialog, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: dialog._task is None, timeout=20_000)


def checked(dialog: QuoteCheckDialog, qtbot: QtBot, draft: str = DRAFT) -> list[Verdict]:
    dialog.draft.setPlainText(draft)
    dialog.check()
    wait(dialog, qtbot)
    return dialog.list.verdicts.verdicts


def kinds(dialog: QuoteCheckDialog) -> list[Kind]:
    return [verdict.kind for verdict in dialog.list.verdicts.verdicts]


# From draft to verdicts

@pytest.mark.parametrize("shown", ["light", "dark"], indirect=True)
def test_a_pasted_draft_is_checked(dialog: QuoteCheckDialog, qtbot: QtBot, picture: Picture,
                                   request: pytest.FixtureRequest) -> None:
    theme = request.node.callspec.params["shown"]
    picture(dialog, f"quote-check-empty-{theme}")
    checked(dialog, qtbot)
    assert kinds(dialog) == [Kind.EXACT, Kind.EXACT, Kind.TRIMMED, Kind.ALTERED, Kind.OTHER_SPEAKER, Kind.TRANSLATED,
                             Kind.NOT_FOUND]
    assert dialog.message.text().startswith("7 quotations: 2 exact, 1 trimmed, 1 altered, 1 words of another speaker")
    assert dialog.focusWidget() is dialog.list and dialog.list.currentIndex().row() == 0
    picture(dialog, f"quote-check-{theme}")
    dialog.resize(560, 600)
    picture(dialog, f"quote-check-narrow-{theme}")


def test_the_quotation_of_the_chosen_row_is_selected_in_the_draft(dialog: QuoteCheckDialog, qtbot: QtBot) -> None:
    checked(dialog, qtbot, "𝄞𝄞 “Not yet” 𝄞 “Absolutely.” end")
    assert dialog.draft.textCursor().selectedText() == "“Not yet”"
    QTest.keyClick(dialog.list, Qt.Key.Key_Down)
    assert dialog.draft.textCursor().selectedText() == "“Absolutely.”"
    dialog.draft.insertPlainText("changed")
    dialog.list.setCurrentIndex(dialog.list.verdicts.index(0))
    assert not dialog.draft.textCursor().hasSelection()


def test_no_break_spaces_of_the_draft_are_kept(dialog: QuoteCheckDialog, library: Library, sample: Recording,
                                               qtbot: QtBot) -> None:
    add_line(library, library.transcripts(sample.id)[0].id, "Ann", Segment(29.6, 29.9, "It cost 1,200 crowns"))
    found = checked(dialog, qtbot, "« It cost 1\u202f200 crowns » “cost 1\u00a0200”")
    assert [item.kind for item in found] == [Kind.EXACT] * 2


@pytest.mark.parametrize(("key", "row"), [(Qt.Key.Key_Return, 0), (Qt.Key.Key_Enter, 3)])
def test_enter_plays_the_place(dialog: QuoteCheckDialog, qtbot: QtBot, shown: MainWindow, key: Qt.Key,
                               row: int) -> None:
    verdict = checked(dialog, qtbot)[row]
    dialog.list.setCurrentIndex(dialog.list.verdicts.index(row))
    with qtbot.waitSignal(dialog.place_wanted) as wanted:
        QTest.keyClick(dialog.list, key)
    assert wanted.args == [verdict.recording_id, verdict.transcript_id, verdict.range.start, verdict.range.end,
                           verdict.segment_ids[0]]
    assert dialog.isVisible()


def test_a_double_click_and_the_button_play_too_but_never_what_was_not_found(dialog: QuoteCheckDialog,
                                                                            qtbot: QtBot) -> None:
    checked(dialog, qtbot)
    wanted: list[float] = []
    dialog.place_wanted.connect(lambda *place: wanted.append(place[2]))
    at = dialog.list.visualRect(dialog.list.verdicts.index(1)).center()
    QTest.mouseClick(dialog.list.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    QTest.mouseDClick(dialog.list.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    assert len(wanted) == 1 and 12 < wanted[0] < 14
    dialog.play_button.click()
    assert len(wanted) == 2
    dialog.list.setCurrentIndex(dialog.list.verdicts.index(6))
    assert not dialog.play_button.isEnabled()
    QTest.keyClick(dialog.list, Qt.Key.Key_Return)
    assert len(wanted) == 2


def test_the_keyboard_alone_is_enough(dialog: QuoteCheckDialog, qtbot: QtBot) -> None:
    activate(dialog, qtbot)
    QTest.keyClicks(dialog.draft, "\"Not yet\" and \"Absolutely\" were said")
    QTest.keyClick(dialog.draft, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    wait(dialog, qtbot)
    assert kinds(dialog) == [Kind.EXACT, Kind.EXACT]
    reached = set()
    for _ in range(12):
        reached.add(dialog.focusWidget())
        QTest.keyClick(dialog.focusWidget() or dialog, Qt.Key.Key_Tab)
    assert {dialog.draft, dialog.open_button, dialog.reach, dialog.check_button, dialog.list, dialog.play_button,
            dialog.export_button} <= reached


# Scope

def test_the_scope_is_this_recording_the_project_or_everything(dialog: QuoteCheckDialog, library: Library,
                                                               imported: Callable[..., Recording],
                                                               qtbot: QtBot) -> None:
    other = imported("jfk.caf")
    transcript = library.add_transcript(other.id, engine="x", model="y", time_range=TimeRange(0, other.duration))
    library.add_segments(transcript.id, [("JFK", Segment(0.4, 10.5, "And so, my fellow Americans, ask not"))])
    assert dialog.chosen_reach is Reach.RECORDING
    found = []
    for reach in Reach:
        dialog.reach.setCurrentIndex(dialog.reach.findData(reach))
        (verdict,) = checked(dialog, qtbot, "“my fellow Americans”")
        found.append((verdict.kind, verdict.recording_id))
    assert found == [(Kind.NOT_FOUND, 0), (Kind.NOT_FOUND, 0), (Kind.EXACT, other.id)]


def test_without_an_open_recording_the_whole_library_is_searched(window: MainWindow, qtbot: QtBot) -> None:
    dialog = QuoteCheckDialog(window.workspace, window)
    qtbot.addWidget(dialog)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    assert dialog.chosen_reach is Reach.LIBRARY
    checked(dialog, qtbot, "“words”")
    assert "no transcript to look in" in dialog.message.text()
    dialog.reach.setCurrentIndex(dialog.reach.findData(Reach.RECORDING))
    checked(dialog, qtbot, "“words”")
    assert "whole library" in dialog.message.text()


def test_what_is_off_the_record_is_not_found(dialog: QuoteCheckDialog, library: Library, sample: Recording,
                                             qtbot: QtBot) -> None:
    assert [v.kind for v in checked(dialog, qtbot, "“Absolutely.”")] == [Kind.EXACT]
    library.set_desk(sample.id, Desk(withheld=(Withheld(TimeRange(24.0, 26.0)),)))
    assert [v.kind for v in checked(dialog, qtbot, "“Absolutely.”")] == [Kind.NOT_FOUND]


# Empty, wrong, stopped

def test_empty_states_say_what_to_do(dialog: QuoteCheckDialog, qtbot: QtBot) -> None:
    assert not dialog.export_button.isEnabled() and not dialog.play_button.isEnabled()
    checked(dialog, qtbot, " \n ")
    assert "Paste it above" in dialog.message.text()
    checked(dialog, qtbot, "No quotation in here.")
    assert "quote marks" in dialog.message.text()
    assert not dialog.bar.isVisible() and not dialog.stop_button.isVisible()


def test_a_check_can_be_stopped_and_begun_again(dialog: QuoteCheckDialog, qtbot: QtBot) -> None:
    dialog.draft.setPlainText("“Not yet” " * 5_000)
    dialog.check()
    assert dialog.stop_button.isVisible() and not dialog.check_button.isEnabled() and dialog.draft.isReadOnly()
    dialog.check()  # pressed twice
    dialog.stop_button.click()
    wait(dialog, qtbot)
    assert dialog.message.text().startswith("Stopped") and kinds(dialog) == []
    assert checked(dialog, qtbot, "“Not yet”")[0].kind is Kind.EXACT


def test_closing_while_it_checks_stops_it(shown: MainWindow, qtbot: QtBot) -> None:
    dialog = QuoteCheckDialog(shown.workspace, shown)
    dialog.show()
    dialog.activateWindow()  # else Escape goes to the window behind
    qtbot.waitUntil(dialog.isActiveWindow)
    dialog.draft.setPlainText("“Not yet” " * 5_000)
    dialog.check()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not shiboken6.isValid(dialog))
    qtbot.waitUntil(lambda: shown.workspace.tasks.running == 0, timeout=20_000)


# Files

def test_a_dropped_file_is_opened(dialog: QuoteCheckDialog, qtbot: QtBot, tmp_path: Path) -> None:
    page = docx.Document()
    page.add_paragraph("“Not yet,” said Steve.")
    page.save(str(tmp_path / "My story.docx"))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "My story.docx"))])
    dialog.dropEvent(QDropEvent(QPointF(QPoint(9, 9)), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                                Qt.KeyboardModifier.NoModifier, QEvent.Type.Drop))
    wait(dialog, qtbot)
    assert dialog.draft.text() == "“Not yet,” said Steve."
    assert dialog.draft.canInsertFromMimeData(data)
    dialog.draft.insertFromMimeData(data)
    wait(dialog, qtbot)
    assert dialog.draft.text() == "“Not yet,” said Steve." and "Press Check" in dialog.message.text()


def test_a_draft_is_chosen_and_one_that_cannot_be_read_leaves_the_field(
        dialog: QuoteCheckDialog, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("“Not yet”", "utf-8")
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.7")
    for name in ("a.txt", "b.pdf"):
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, name=name: (str(tmp_path / name), ""))
        dialog.open_button.click()
        wait(dialog, qtbot)
    assert dialog.draft.text() == "“Not yet”" and "PDF" in dialog.message.text()


@pytest.mark.parametrize("ending", ["docx", "md", "csv"])
def test_a_report_is_saved(dialog: QuoteCheckDialog, qtbot: QtBot, tmp_path: Path, ending: str,
                           monkeypatch: pytest.MonkeyPatch) -> None:
    checked(dialog, qtbot)
    path = tmp_path / f"report.{ending}"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    dialog.export_button.click()
    wait(dialog, qtbot)
    assert str(path) in dialog.message.text()
    words = [p.text for p in docx.Document(str(path)).paragraphs] if ending == "docx" else [path.read_text("utf-8")]
    text = "\n".join(words)
    assert "words of another speaker" in text and "everybody in town" in text and "not found" in text


def test_a_place_that_cannot_be_written_is_said(dialog: QuoteCheckDialog, qtbot: QtBot, tmp_path: Path) -> None:
    checked(dialog, qtbot)
    dialog.save_report(tmp_path / "no" / "such" / "folder.md", "md")
    wait(dialog, qtbot)
    assert "could not be written" in dialog.message.text() and len(kinds(dialog)) == 7


# The list

def verdict(**changes: Any) -> Verdict:
    return Verdict(**({"quotation": Quotation("some words"), "kind": Kind.EXACT, "segment_ids": (1,), "recording_id": 1,
                       "said": "some words", "recording": "Talk"} | changes))


def test_the_list_keeps_the_contract_of_item_models(qtmodeltester: Any) -> None:
    model = VerdictModel()
    model.set_verdicts([verdict(kind=kind) for kind in Kind])
    qtmodeltester.check(model)


def test_every_focusable_widget_has_a_name_and_a_row_is_read_out_whole(dialog: QuoteCheckDialog, qtbot: QtBot) -> None:
    from tests.ui.test_accessible import nameless

    checked(dialog, qtbot)
    assert nameless(dialog) == []
    spoken = dialog.list.verdicts.index(3).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.startswith("altered. That's really exciting")
    assert "added: really" in spoken and "Steve · 0:26" in spoken
    assert QAccessible.queryAccessibleInterface(dialog.list) is not None


def test_marks_stand_on_the_words_that_differ(dialog: QuoteCheckDialog, qtbot: QtBot) -> None:
    for item in checked(dialog, qtbot):
        for text in texts_of(item):
            marked = [text.words[begin:end] for begin, end in text.marked]
            assert all(words and words == words.strip() for words in marked)
    altered = texts_of(dialog.list.verdicts.verdicts[3])
    assert [altered[0].words[b:e] for b, e in altered[0].marked] == ["really"]


def test_hostile_and_long_words_are_painted_as_they_are(qtbot: QtBot, window: MainWindow) -> None:
    view = VerdictView()
    qtbot.addWidget(view)
    view.resize(400, 300)
    hostile = ['<b>x</b><img src="/dev/zero">', "word " * 900, "x" * 3000, "قال العمدة إن الجسر", "\u202eabc𝄞", "a\nb"]
    view.set_verdicts([verdict(quotation=Quotation(words), said=words, kind=kind, speaker=words, recording=words)
                       for words in hostile for kind in Kind] * 20)
    view.show()
    assert not view.grab().isNull()
    view.scrollToBottom()
    image = view.grab().toImage()
    assert isinstance(image, QImage) and image.width() > 0
    assert view.verdicts.index(0).data(ITEM).quotation.text == hostile[0]
