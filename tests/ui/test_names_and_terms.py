"""Names in the window: the project's terms, proposed speakers, and what the dialogs say and write of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialogButtonBox, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from desktop.library import Library
from desktop.model import Proposal, Protection, Recording, Segment, TimeRange, ignore_progress
from desktop.paths import cache_folder, data_folder
from desktop.sample import add_sample
from desktop.ui.dialogs import TranscribeDialog
from desktop.ui.export_dialog import ExportDialog
from desktop.ui.main_window import MainWindow
from desktop.ui.vocabulary_dialog import VocabularyDialog

LINES = [("spk:0", Segment(0.0, 3.0, "Maria, you said the bridge was closed?", language="en", emotion="neutral")),
         ("spk:1", Segment(3.0, 6.0, "Yes. I am Maria Ørsted, from the harbour.", language="en", emotion="sad")),
         ("spk:0", Segment(6.0, 9.0, "Thank you, Maria.", language="en", emotion="happy"))]


@pytest.fixture(scope="module")
def imported_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the sample in it: importing it for each test would take most of the time."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULLQUOTE_HOME", str(folder))
        made = Library(data_folder())
        add_sample(made, cache_folder(), ignore_progress)
        made.close()
    return folder


@pytest.fixture
def library(home: Path, imported_once: Path) -> Iterator[Library]:
    """A library that has the sample."""
    shutil.copytree(imported_once, home, dirs_exist_ok=True)
    opened = Library(data_folder())
    yield opened
    opened.close()


@pytest.fixture
def sample(library: Library) -> Recording:
    (recording,) = library.recordings()
    return recording


@pytest.fixture
def opened(window: MainWindow, library: Library, sample: Recording, qtbot: QtBot) -> MainWindow:
    """A recording with a transcript whose two speakers have no names yet."""
    library.set_protection(sample.id, Protection.MAY)
    for old in library.transcripts(sample.id):
        library.remove_transcript(old.id)
    transcript = library.add_transcript(sample.id, engine="gemini", model="m", time_range=TimeRange(0.0, 9.0))
    library.add_segments(transcript.id, LINES)
    window.workspace.change_settings(privacy_accepted="2026-11-22")
    window.workspace.open(library.recording(sample.id))
    loaded(window, qtbot)
    return window


def loaded(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: window.workspace.document is not None and window.workspace.tasks.running == 0,
                    timeout=20_000)


def press(widget: QWidget, text: str) -> None:
    """Click the visible button that says so."""
    (button,) = [b for b in widget.findChildren(QPushButton) if b.text().replace("&", "") == text and not b.isHidden()]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


# -- the list of names and terms --------------------------------------------------------------------------------


def vocabulary(window: MainWindow, qtbot: QtBot) -> VocabularyDialog:
    dialog = VocabularyDialog(window.workspace, window)
    dialog.show()
    qtbot.waitUntil(lambda: window.workspace.tasks.running == 0, timeout=20_000)
    return dialog


def finish(dialog: VocabularyDialog, how: str) -> None:
    button = dialog.findChild(QDialogButtonBox).button(getattr(QDialogButtonBox.StandardButton, how))
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def shown_terms(dialog: VocabularyDialog) -> list[str]:
    return [b.text() for b in dialog._found.findChildren(QPushButton) if not b.isHidden()]


def test_a_new_project_is_made_with_its_terms(opened: MainWindow, library: Library, qtbot: QtBot) -> None:
    dialog = vocabulary(opened, qtbot)
    assert dialog.project.currentText() == "No project" and dialog.terms.toPlainText() == ""
    assert dialog._found.isHidden()
    dialog.project.lineEdit().selectAll()
    QTest.keyClicks(dialog.project.lineEdit(), "Harbour")
    dialog.terms.setFocus()
    dialog.terms.insertPlainText("Ronne Havn\n\nRonne Havn\nMaria")
    finish(dialog, "Save")
    (project,) = library.projects()
    recording = opened.workspace.recording
    assert recording is not None and recording.project_id == project.id and project.name == "Harbour"
    assert library.terms(project.id) == ["Ronne Havn", "Maria"] and library.terms(None) == []
    again = vocabulary(opened, qtbot)
    assert again.project.currentText() == "Harbour" and again.terms.toPlainText() == "Ronne Havn\nMaria"
    again.reject()


def test_another_project_shows_its_own_terms(opened: MainWindow, library: Library, sample: Recording,
                                             qtbot: QtBot) -> None:
    library.set_project(sample.id, "Bridge")
    library.set_terms(library.recording(sample.id).project_id, ["Ørsted"])
    library.set_project(sample.id, "")
    library.set_terms(None, ["Lisbon"])
    dialog = vocabulary(opened, qtbot)
    assert dialog.terms.toPlainText() == "Lisbon"
    dialog.project.setCurrentIndex(1)
    assert dialog.project.currentText() == "Bridge" and dialog.terms.toPlainText() == "Ørsted"
    finish(dialog, "Save")
    (bridge,) = library.projects()
    assert library.recording(sample.id).project_id == bridge.id
    assert (library.terms(bridge.id), library.terms(None)) == (["Ørsted"], ["Lisbon"])
    dialog = vocabulary(opened, qtbot)
    dialog.project.setCurrentIndex(0)
    finish(dialog, "Save")
    assert library.recording(sample.id).project_id is None
    assert (library.terms(bridge.id), library.terms(None)) == (["Ørsted"], ["Lisbon"])


def test_a_typed_name_of_a_project_that_is_there_keeps_its_terms(opened: MainWindow, library: Library,
                                                                 sample: Recording, qtbot: QtBot) -> None:
    library.set_project(sample.id, "Bridge")
    library.set_terms(library.recording(sample.id).project_id, ["Ørsted"])
    library.set_project(sample.id, "")
    dialog = vocabulary(opened, qtbot)
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow, timeout=5_000)
    dialog.project.setFocus()
    dialog.project.lineEdit().selectAll()
    QTest.keyClicks(dialog.project.lineEdit(), "Bridge")
    dialog.terms.setFocus()  # as every user does who looks at the list, or clicks Save
    assert dialog.terms.toPlainText() == "Ørsted"
    finish(dialog, "Save")
    assert library.terms(library.recording(sample.id).project_id) == ["Ørsted"]


def test_cancel_changes_nothing(opened: MainWindow, library: Library, sample: Recording, qtbot: QtBot) -> None:
    library.set_terms(None, ["Lisbon"])
    dialog = vocabulary(opened, qtbot)
    dialog.project.setEditText("Harbour")
    dialog.terms.setPlainText("something else")
    finish(dialog, "Cancel")
    assert library.projects() == [] and library.terms(None) == ["Lisbon"]
    assert library.recording(sample.id).project_id is None and dialog.result() == 0


def test_names_given_to_speakers_are_offered_and_a_click_adds_them(opened: MainWindow, library: Library,
                                                                   qtbot: QtBot) -> None:
    document = opened.workspace.document
    assert document is not None
    first, second = document.speakers
    opened.workspace.edits.rename_speaker(first, "Katie Lindqvist")
    loaded(opened, qtbot)
    opened.workspace.edits.rename_speaker(second, "Maria Ørsted")
    loaded(opened, qtbot)
    library.set_terms(None, ["Maria Ørsted"])
    dialog = vocabulary(opened, qtbot)
    qtbot.waitUntil(lambda: shown_terms(dialog) == ["Katie Lindqvist"], timeout=5_000)  # Qt shows them a moment later
    assert not dialog._found_label.isHidden()
    press(dialog._found, "Katie Lindqvist")
    assert dialog.terms.toPlainText() == "Maria Ørsted\nKatie Lindqvist" and shown_terms(dialog) == []
    assert library.terms(None) == ["Maria Ørsted"]  # only Save keeps it
    finish(dialog, "Save")
    assert library.terms(None) == ["Maria Ørsted", "Katie Lindqvist"]


def test_a_dialog_closed_before_the_proposals_come_is_no_trouble(opened: MainWindow, qtbot: QtBot) -> None:
    dialog = VocabularyDialog(opened.workspace, opened)
    dialog.reject()
    dialog.deleteLater()
    qtbot.waitUntil(lambda: opened.workspace.tasks.running == 0, timeout=20_000)


# -- names that speakers may have -------------------------------------------------------------------------------


@pytest.fixture
def proposed(opened: MainWindow, library: Library, qtbot: QtBot) -> MainWindow:
    """The second speaker may be called Maria Ørsted, and the first Maria."""
    document = opened.workspace.document
    assert document is not None
    first, second = document.speakers
    library.propose([Proposal(second, "Maria Ørsted", document.segments[1].id),
                     Proposal(first, "Maria", document.segments[0].id)])
    opened.workspace.reload_transcripts()
    loaded(opened, qtbot)
    return opened


def rows(window: MainWindow) -> list[QWidget]:
    layout = window.inspector.proposals._layout
    return [layout.itemAt(i).widget() for i in range(layout.count())]


def sentences(window: MainWindow) -> list[str]:
    return [row.findChild(QLabel).text() for row in rows(window)]


def names(window: MainWindow) -> list[str]:
    document = window.workspace.document
    return [speaker.name for speaker in document.speakers.values()] if document else []


def test_a_proposal_shows_the_line_and_plays_it(proposed: MainWindow, qtbot: QtBot) -> None:
    assert not proposed.inspector.proposals.isHidden()
    assert sentences(proposed) == [
        "spk:0 may be Maria: “Maria, you said the bridge was closed?” (0:00)",
        "spk:1 may be Maria Ørsted: “Yes. I am Maria Ørsted, from the harbour.” (0:03)"]
    document = proposed.workspace.document
    assert document is not None
    with qtbot.waitSignal(proposed.inspector.proposals.place_wanted, timeout=5_000) as wanted:
        press(rows(proposed)[1], "Play")
    assert wanted.args == [3.0, document.segments[1].id]
    assert proposed.workspace.selected == 1 and proposed.workspace.player.is_playing
    proposed.workspace.player.pause()


def test_use_name_names_the_speaker_everywhere(proposed: MainWindow, library: Library, qtbot: QtBot) -> None:
    press(rows(proposed)[1], "Use name")
    loaded(proposed, qtbot)
    document = proposed.workspace.document
    assert document is not None and names(proposed) == ["spk:0", "Maria Ørsted"]
    assert document.speaker_name(document.segments[1]) == "Maria Ørsted"
    qtbot.waitUntil(lambda: [s.split(" may")[0] for s in sentences(proposed)] == ["spk:0"], timeout=5_000)
    dialog = ExportDialog(proposed.workspace, proposed)
    qtbot.waitUntil(lambda: bool(dialog.content), timeout=10_000)
    assert "Maria Ørsted" in dialog.content.decode() and "spk:1" not in dialog.content.decode()


def test_no_rejects_for_good(proposed: MainWindow, library: Library, qtbot: QtBot) -> None:
    document = proposed.workspace.document
    assert document is not None
    again = library.proposals(document.transcript.id)
    press(rows(proposed)[0], "No")
    loaded(proposed, qtbot)
    assert len(sentences(proposed)) == 1 and names(proposed) == ["spk:0", "spk:1"]
    press(rows(proposed)[0], "No")
    loaded(proposed, qtbot)
    assert rows(proposed) == [] and proposed.inspector.proposals.isHidden()
    library.propose(again)  # another part, or another run, says the same
    recording = proposed.workspace.recording
    proposed.workspace.open(None)
    proposed.workspace.open(recording)
    loaded(proposed, qtbot)
    assert rows(proposed) == [] and library.proposals(document.transcript.id) == []


def test_at_most_four_are_shown_and_a_long_line_is_cut(opened: MainWindow, library: Library, sample: Recording,
                                                       qtbot: QtBot) -> None:
    transcript = library.add_transcript(sample.id, engine="gemini", model="m2", time_range=TimeRange(0.0, 9.0))
    library.add_segments(transcript.id, [(f"spk:{n}", Segment(n, n + 1.0, "word " * 60)) for n in range(6)])
    document = library.document(transcript.id)
    library.propose([Proposal(segment.speaker_id or 0, "Maria", segment.id) for segment in document.segments])
    opened.workspace.reload_transcripts(transcript.id)
    loaded(opened, qtbot)
    assert len(rows(opened)) == 4 and "…” (0:00)" in sentences(opened)[0] and len(sentences(opened)[0]) < 200
    opened.workspace.open(None)
    assert rows(opened) == [] and opened.inspector.proposals.isHidden()


# -- what the dialog of a run says of names, and smooth text ----------------------------------------------------


def run_dialog(window: MainWindow, qtbot: QtBot, terms: tuple[str, ...] = ()) -> TranscribeDialog:
    workspace = window.workspace
    workspace.library.set_terms(None, terms)
    workspace.api_key.keep_for_session("test-key-123")
    workspace.change_settings(known_models=("gemini-3.5-transcribe", "gemini-3.8-flash"))
    workspace.read_key()
    qtbot.waitUntil(lambda: workspace.has_key, timeout=10_000)
    return TranscribeDialog(workspace, None, window, window.may_send)


def cost(dialog: TranscribeDialog) -> int:
    """Tokens of the estimate."""
    return int(dialog._note.text().split("About ")[1].split(" tokens")[0].replace(",", ""))


def test_smooth_text_is_offered_where_it_can_be_had(opened: MainWindow, qtbot: QtBot) -> None:
    dialog = run_dialog(opened, qtbot)
    assert " + " in dialog._engine.currentData()[1] and not dialog._smooth.isHidden()
    assert not dialog._smooth.isChecked() and dialog.options().is_smooth is False
    plain = cost(dialog)
    dialog._smooth.setChecked(True)
    assert "Each part is heard twice, for the smooth text." in dialog._note.text()
    assert abs(cost(dialog) - 2 * plain) <= 1 and dialog.options().is_smooth
    dialog._engine.setCurrentIndex(1)  # the general model alone
    assert dialog._smooth.isHidden() and not dialog.options().is_smooth and cost(dialog) == plain
    assert "heard twice" not in dialog._note.text()
    dialog._engine.setCurrentIndex(2)
    assert dialog._smooth.isHidden() and not dialog.options().is_smooth


def test_names_need_the_language_and_the_note_says_so(opened: MainWindow, qtbot: QtBot) -> None:
    dialog = run_dialog(opened, qtbot, ("Ørsted",))
    plain = cost(dialog)
    assert "Choose the language spoken, and names and terms are spelled as in your list." in dialog._note.text()
    dialog._language.setCurrentIndex(dialog._language.findData("da"))
    assert "Each part is heard twice, for the spelling of names." in dialog._note.text()
    assert abs(cost(dialog) - 2 * plain) <= 1 and dialog.options().language == "da"
    assert dialog.options().as_record(opened.workspace.library, opened.workspace.recording)["vocabulary"] == ["Ørsted"]
    dialog._smooth.setChecked(True)
    assert "for the smooth text" in dialog._note.text() and "spelling of names" not in dialog._note.text()
    dialog._engine.setCurrentIndex(1)
    assert "twice" not in dialog._note.text() and "names and terms" not in dialog._note.text()


def test_without_terms_nothing_is_said_of_them(opened: MainWindow, qtbot: QtBot) -> None:
    dialog = run_dialog(opened, qtbot)
    assert "names" not in dialog._note.text()
    dialog._language.setCurrentIndex(dialog._language.findData("da"))
    assert "names" not in dialog._note.text() and "twice" not in dialog._note.text()


# -- emotions in an export --------------------------------------------------------------------------------------


def rendered(dialog: ExportDialog, qtbot: QtBot) -> str:
    qtbot.waitUntil(dialog._save.isEnabled, timeout=10_000)
    return dialog.content.decode()


@pytest.mark.parametrize("ending", ["json", "md", "txt"])
def test_emotions_are_written_only_when_ticked(opened: MainWindow, qtbot: QtBot, ending: str) -> None:
    dialog = ExportDialog(opened.workspace, opened)
    assert not dialog.emotions.isHidden() and not dialog.emotions.isChecked()
    dialog.format.setCurrentIndex(dialog.format.findData(ending))
    without = rendered(dialog, qtbot)
    assert "sad" not in without and "neutral" not in without and "the harbour" in without
    dialog.emotions.setChecked(True)
    assert not dialog._save.isEnabled()  # what is shown is what is saved
    with_them = rendered(dialog, qtbot)
    assert "sad" in with_them and with_them == dialog._preview.toPlainText()
    dialog.emotions.setChecked(False)
    assert rendered(dialog, qtbot) == without


def test_there_is_no_box_without_emotions(opened: MainWindow, qtbot: QtBot) -> None:
    document = opened.workspace.document
    assert document is not None
    opened.workspace.document = replace(document, segments=tuple(replace(s, emotion="") for s in document.segments))
    dialog = ExportDialog(opened.workspace, opened)
    assert dialog.emotions.isHidden()
    rendered(dialog, qtbot)
