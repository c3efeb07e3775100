"""The library's list: filter, places, order, several at once, the bin, and the details of a recording."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot

from desktop.library import Library
from desktop.model import Protection, Recording, Segment, TimeRange
from desktop.sample import SAMPLE
from desktop.settings import load
from desktop.ui import library_menus, library_panel
from desktop.ui.jobs import RunningJob
from desktop.ui.library_order import ORDERS, Place, Scope, folded, read_shelf
from desktop.ui.main_window import MainWindow
from desktop.ui.recording_details import pieces, read_day
from tests.ui.test_accessible import nameless

SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
Key = Qt.Key


def add(library: Library, title: str, *, heard: bool = False, **known: Any) -> Recording:
    """A recording with nothing to play."""
    number = library.recording_count() + 1
    (library.folder / "recordings" / f"f{number}").mkdir()
    recording = library.add_recording(title=title, folder=f"f{number}", original="o.wav", sha256=f"{number:064x}",
                                      byte_count=1, address="https://www.youtube.com/watch?v=aaaaaaaaaaa")
    facts: dict[str, Any] = {"recorded_on": "", "place": "", "notes": "", "people": (), "tags": ()} | known
    library.describe_recording(recording.id, **facts)
    if heard:
        transcript = library.add_transcript(recording.id, engine="gemini", model="m", time_range=TimeRange(0, 60))
        library.add_segments(transcript.id, [("Ada", Segment(0, 5, f"words of {title}"))])
    return library.recording(recording.id)


def titles(window: MainWindow) -> list[str]:
    model = window.library_panel.model
    return [model.item(row).title for row in range(model.rowCount())]


def choose(window: MainWindow, *recordings: Recording) -> None:
    """Select these, as somebody does with Ctrl and the mouse."""
    panel, first = window.library_panel, True
    for recording in recordings:
        flag = QItemSelectionModel.SelectionFlag.ClearAndSelect if first else QItemSelectionModel.SelectionFlag.Select
        panel.view.selectionModel().setCurrentIndex(panel.model.index(panel.model.row_of(recording.id)), flag)
        first = False


def menu_texts(menu: QMenu) -> list[str]:
    return [action.text().replace("&", "").partition("\t")[0] for action in menu.actions() if not action.isSeparator()]


def trigger(menu: QMenu, text: str) -> None:
    next(action for action in menu.actions() if action.text().replace("&", "") == text).trigger()


@pytest.fixture
def three(window: MainWindow, library: Library) -> tuple[Recording, ...]:
    """Three recordings in the list; the window does not open any."""
    made = (add(library, "Bridge, second take", tags=["water"], people=["Lucía Ferrer"], place="Zürich"),
            add(library, "Interview 10", heard=True, recorded_on="2026-03-01", notes="he denies the payment"),
            add(library, "Interview 2", heard=True, recorded_on="2026-05-01", tags=["water", "election"]))
    library.set_project(made[0].id, "Bridge")
    window.workspace.library_changed.emit()
    return tuple(library.recording(recording.id) for recording in made)


@pytest.mark.parametrize(("typed", "found"), [
    ("bridge", ["Bridge, second take"]), ("FERRER", ["Bridge, second take"]), ("lucia", ["Bridge, second take"]),
    ("zurich", ["Bridge, second take"]), ("interview 2", ["Interview 2"]), ("election water", ["Interview 2"]),
    ("denies", ["Interview 10"]), ("nothing like that", []), ("  ", None)])
def test_the_filter_narrows_the_list_while_it_is_typed(typed: str, found: list[str] | None, window: MainWindow,
                                                       three: tuple[Recording, ...]) -> None:
    window.activateWindow()
    window.actions_by_name["filter_library"].trigger()
    QTest.keyClicks(window.library_panel.filter, typed)
    assert titles(window) == (["Interview 2", "Interview 10", "Bridge, second take"] if found is None else found)
    assert window.workspace.recording is None  # narrowing opens nothing
    if found == []:
        assert typed in window.library_panel._empty.text() and not window.library_panel._empty.isHidden()


def test_escape_clears_the_filter_and_plays_nothing(window: MainWindow, three: object, qtbot: QtBot) -> None:
    window.activateWindow()
    field = window.library_panel.filter
    window.actions_by_name["filter_library"].trigger()
    QTest.keyClicks(field, "zzz")
    played: list[object] = []
    window.actions_by_name["play_or_back"].setEnabled(True)
    window.actions_by_name["play_or_back"].triggered.connect(played.append)
    QTest.keyClick(field, Key.Key_Escape)
    assert field.text() == "" and len(titles(window)) == 3 and played == []


def test_what_is_listed_is_chosen_by_project_tag_and_bin(window: MainWindow, library: Library,
                                                         three: tuple[Recording, ...]) -> None:
    panel, workspace = window.library_panel, window.workspace
    workspace.put_in_bin([three[1]])
    box = panel.scope_choice
    assert [box.itemText(row) for row in range(box.count()) if box.itemText(row)] == [
        "All recordings (2)", "Project: Bridge", "Without a project", "Tag: election", "Tag: water", "Bin (1)"]
    for scope, found in ((Scope(Place.PROJECT, "Bridge"), ["Bridge, second take"]),
                         (Scope(Place.NO_PROJECT), ["Interview 2"]), (Scope(Place.TAG, "water"), [
                             "Interview 2", "Bridge, second take"]), (Scope(Place.BIN), ["Interview 10"])):
        panel.show_scope(scope)
        assert titles(window) == found
        workspace.library_changed.emit()  # reading again stays where it is
        assert titles(window) == found and panel.scope == scope
    workspace.change_tags([three[0], three[2]], remove=["water"])
    assert "Tag: water" not in [box.itemText(row) for row in range(box.count())]


def test_each_order_and_that_it_is_remembered(window: MainWindow, library: Library,
                                              three: tuple[Recording, ...]) -> None:
    library.set_prepared(three[0].id, duration=50.0, sample_rate=1, channels=1, problem="")
    library.set_checked([three[2].id], True)
    window.workspace.library_changed.emit()
    found = {}
    for action in window.library_panel._orders.actions():
        action.trigger()
        found[action.data()] = [title[-5:] for title in titles(window)]
    bridge, ten, two = " take", "ew 10", "iew 2"
    assert found["newest"] == [two, ten, bridge] and found["oldest"] == [bridge, ten, two]
    assert found["title"] == [bridge, two, ten]  # 2 before 10
    assert found["length"][0] == bridge and found["recorded"] == [two, ten, bridge]
    assert found["state"] == [bridge, ten, two] and set(found) == set(ORDERS)
    window.workspace.change_settings(library_order="title")
    assert load(window.workspace._settings_path).library_order == "title"


def test_one_chosen_recording_is_opened_and_several_are_not(window: MainWindow, three: tuple[Recording, ...]) -> None:
    view, model, workspace = window.library_panel.view, window.library_panel.model, window.workspace
    opened: list[str] = []
    workspace.recording_changed.connect(lambda: opened.append(
        workspace.recording.title if workspace.recording else ""))

    def click(row: int, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, keys, view.visualRect(model.index(row)).center())

    click(0)
    assert opened == ["Interview 2"]
    click(2, CTRL)
    click(0)
    click(2, SHIFT)
    QTest.keyClick(view, Key.Key_A, CTRL)
    assert len(window.library_panel.chosen()) == 3 and opened == ["Interview 2"]
    click(1)
    assert opened == ["Interview 2", "Interview 10"]
    QTest.keyClick(view, Key.Key_Down, SHIFT)
    assert len(window.library_panel.chosen()) == 2 and opened == ["Interview 2", "Interview 10"]


def test_what_is_chosen_stays_chosen_when_the_list_changes(window: MainWindow, library: Library,
                                                           three: tuple[Recording, ...]) -> None:
    choose(window, three[0], three[2])
    add(library, "Another one")
    window.workspace.library_changed.emit()
    assert {r.id for r in window.library_panel.chosen()} == {three[0].id, three[2].id}
    window.library_panel.filter.setText("interview")
    assert [r.id for r in window.library_panel.chosen()] == [three[2].id]
    assert window.workspace.recording is not None and window.workspace.recording.id == three[0].id


def test_several_get_project_tags_protection_and_checked_at_once(window: MainWindow, library: Library,
                                                                 three: tuple[Recording, ...],
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["New one", "fresh"])
    monkeypatch.setattr(library_menus.QInputDialog, "getText", lambda *_: (next(answers), True))
    choose(window, *three)
    trigger(window.project_menu(), "New project…")
    trigger(window.tags_menu(), "New tag…")
    trigger(window.protection_menu(), "Never upload")
    window.actions_by_name["check_recording"].trigger()
    for recording in library.recordings():
        assert "fresh" in recording.tags and recording.protection is Protection.NEVER and recording.is_checked
    assert [project.name for project in library.projects()] == ["Bridge", "New one"]
    assert len({recording.project_id for recording in library.recordings()}) == 1
    assert window.actions_by_name["check_recording"].text() == "Mark as not checked"
    window.actions_by_name["check_recording"].trigger()
    trigger(window.tags_menu(), "fresh")
    trigger(window.project_menu(), "No project")
    assert not any(r.is_checked or r.project_id or "fresh" in r.tags for r in library.recordings())


def test_a_project_is_renamed_and_removed_and_its_recordings_stay(window: MainWindow, library: Library,
                                                                  three: tuple[Recording, ...],
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_menus.QInputDialog, "getText", lambda *_: ("The bridge", True))
    monkeypatch.setattr(library_menus, "sure", lambda *_: True)
    choose(window, three[0])
    trigger(window.project_menu(), "Rename “Bridge”…")
    assert [project.name for project in library.projects()] == ["The bridge"]
    trigger(window.project_menu(), "Remove “The bridge”…")
    assert library.projects() == [] and len(library.recordings()) == 3


def test_keys_in_the_list_rename_and_bin_and_mean_something_else_elsewhere(
        window: MainWindow, library: Library, three: tuple[Recording, ...], monkeypatch: pytest.MonkeyPatch,
        qtbot: QtBot) -> None:
    asked: list[str] = []
    monkeypatch.setattr(library_menus.QInputDialog, "getText", lambda *a: (asked.append(a[4]), ("Renamed", True))[1])
    monkeypatch.setattr(window, "rename_this_speaker", lambda _: asked.append("speaker"))
    view = window.library_panel.view
    choose(window, three[1])
    qtbot.waitUntil(lambda: window.workspace.document is not None)
    view.setFocus()
    QTest.keyClick(view, Key.Key_F2)
    assert asked == ["Interview 10"] and library.recording(three[1].id).title == "Renamed"
    assert window.workspace.recording is not None and window.workspace.recording.title == "Renamed"
    QTest.keyClick(view, Key.Key_Delete)
    assert [recording.id for recording in library.binned()] == [three[1].id]
    for entry in ("remove", "rename"):
        assert QKeySequence("Del") not in window.actions_by_name[entry].shortcuts()


def test_what_is_binned_is_closed_and_one_press_brings_it_back(window: MainWindow, library: Library,
                                                               three: tuple[Recording, ...]) -> None:
    notices: list[Any] = []
    window.workspace.noticed.connect(notices.append)
    choose(window, three[1])
    choose(window, three[1], three[2])
    window.actions_by_name["remove"].trigger()
    assert window.workspace.recording is None and titles(window) == ["Bridge, second take"]
    notice = notices[-1]
    assert "2 recordings" in notice.sentence and notice.action == "Put back"
    notice.verb()
    assert len(titles(window)) == 3 and library.binned() == []


def test_a_recording_that_is_worked_on_is_not_binned(window: MainWindow, library: Library,
                                                     three: tuple[Recording, ...]) -> None:
    notices: list[Any] = []
    window.workspace.noticed.connect(notices.append)
    window.workspace.jobs.running.append(RunningJob(three[1], "gemini", fraction=0.4))
    window.workspace.put_in_bin([three[0], three[1]])
    assert [recording.id for recording in library.binned()] == [three[0].id]
    assert "“Interview 10” was not moved to the bin" in notices[-1].sentence and notices[-1].is_error
    window.workspace.jobs.running.clear()


def test_nothing_in_the_bin_is_opened_and_it_is_removed_for_ever_after_asking(
        window: MainWindow, library: Library, three: tuple[Recording, ...], monkeypatch: pytest.MonkeyPatch,
        qtbot: QtBot) -> None:
    asked: list[str] = []
    agree = iter([False, True, True])
    monkeypatch.setattr(library_menus, "sure", lambda _, __, text, ___: (asked.append(text), next(agree))[1])
    panel, workspace = window.library_panel, window.workspace
    workspace.put_in_bin(three)
    panel.show_scope(Scope(Place.BIN))
    choose(window, three[1])
    assert workspace.recording is None
    assert menu_texts(window.library_menu()) == ["Put back from the bin", "Remove for ever…", "Empty the bin…"]
    panel.view.setFocus()
    QTest.keyClick(panel.view, Key.Key_Delete)
    assert len(library.binned()) == 3 and "“Interview 10”" in asked[0]
    assert "Backups" in asked[0] and "SSD" in asked[0]
    assert "databases that were put aside" in asked[0] and "at most for 30 days" in asked[0]
    QTest.keyClick(panel.view, Key.Key_Delete)
    qtbot.waitUntil(lambda: workspace.tasks.running == 0 and len(titles(window)) == 2, timeout=10_000)
    choose(window, three[0])
    window.actions_by_name["put_back"].trigger()
    assert titles(window) == ["Interview 2"] and len(library.recordings()) == 1
    panel._bin_buttons[-1].click()
    qtbot.waitUntil(lambda: workspace.tasks.running == 0 and titles(window) == [], timeout=10_000)
    assert "The bin is empty" in panel._empty.text() and not window.actions_by_name["empty_bin"].isEnabled()
    assert b"words of Interview" not in b"".join(f.read_bytes() for f in library.folder.rglob("*") if f.is_file())


def test_old_ones_leave_the_bin_by_themselves(window: MainWindow, library: Library, three: tuple[Recording, ...],
                                              qtbot: QtBot) -> None:
    library.set_binned([three[0].id, three[1].id], True)
    long_ago = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    with library._write() as connection:
        connection.execute("UPDATE recording SET removed_at = ? WHERE id = ?", (long_ago, three[0].id))
    with qtbot.waitSignal(window.workspace.library_changed, timeout=10_000):
        window.workspace.tidy_bin()
    assert [recording.id for recording in library.binned()] == [three[1].id]


def test_importing_what_is_in_the_bin_takes_it_back_and_says_so(window: MainWindow, library: Library,
                                                                sample: Recording, qtbot: QtBot) -> None:
    notices: list[Any] = []
    window.workspace.noticed.connect(notices.append)
    library.set_binned([sample.id], True)
    window.workspace.library_changed.emit()
    assert titles(window) == []
    window.import_paths([Path(SAMPLE)])
    qtbot.waitUntil(lambda: window.workspace.recording is not None and window.workspace.tasks.running == 0,
                    timeout=20_000)
    assert library.binned() == [] and titles(window) == [sample.title]
    assert any(notice and "was in the bin; it was taken back" in notice.sentence for notice in notices)


def test_what_is_opened_while_the_bin_is_listed_is_in_the_list(window: MainWindow, library: Library, sample: Recording,
                                                               three: tuple[Recording, ...], qtbot: QtBot) -> None:
    panel, workspace = window.library_panel, window.workspace
    workspace.open(library.recording(three[0].id))
    library.set_binned([sample.id, three[1].id], True)
    workspace.library_changed.emit()
    panel.show_scope(Scope(Place.BIN))
    workspace.recording_changed.emit()  # what was open before is no reason to leave the bin
    assert panel.scope.place is Place.BIN and len(titles(window)) == 2
    window.import_paths([Path(SAMPLE)])
    qtbot.waitUntil(lambda: workspace.recording is not None and workspace.recording.id == sample.id
                    and workspace.tasks.running == 0, timeout=20_000)
    assert panel.scope == Scope() and [r.id for r in panel.chosen()] == [sample.id]
    assert [recording.id for recording in library.binned()] == [three[1].id]


@pytest.mark.parametrize("name", ["project", "tags", "protection"])
def test_menus_of_a_key_open_beside_the_chosen_recording_wherever_the_pointer_is(
        window: MainWindow, three: tuple[Recording, ...], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    points: list[QPoint] = []
    monkeypatch.setattr(QMenu, "popup", lambda _, point: points.append(point))
    view, model = window.library_panel.view, window.library_panel.model
    choose(window, three[0])
    window.actions_by_name[name].trigger()
    row = view.visualRect(model.index(model.row_of(three[0].id)))
    assert points[0] == view.viewport().mapToGlobal(row.bottomLeft())
    choose(window, three[2])
    window.actions_by_name[name].trigger()
    assert points[1].x() == points[0].x() and points[1].y() != points[0].y()
    window.library_panel.filter.setText("nothing like that")
    window.actions_by_name[name].trigger()  # the open recording is meant
    assert window.library_panel.rect().contains(window.library_panel.mapFromGlobal(points[2]))


def test_rows_say_their_state_in_words(window: MainWindow, library: Library, three: tuple[Recording, ...]) -> None:
    library.protect([three[0].id], Protection.NEVER)
    library.set_checked([three[2].id], True)
    window.workspace.library_changed.emit()
    model = window.library_panel.model
    spoken = [model.index(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(3)]
    assert "✓ checked" in spoken[0] and "#election" in spoken[0]
    assert "transcribed" in spoken[1] and "checked" not in spoken[1]
    assert " new " in spoken[2] and "never upload" in spoken[2] and "Zürich" in spoken[2]
    window.workspace.jobs.running.append(RunningJob(three[1], "gemini", fraction=0.4))
    window.workspace.jobs.changed.emit()
    assert "transcribing 40%" in model.index(1).data(Qt.ItemDataRole.AccessibleTextRole)
    window.workspace.jobs.running.clear()


def test_a_long_list_is_read_on_a_worker_and_only_once_at_a_time(
        window: MainWindow, library: Library, three: tuple[Recording, ...], monkeypatch: pytest.MonkeyPatch,
        qtbot: QtBot) -> None:
    reads: list[int] = []

    def counted(*arguments: Any) -> Any:
        reads.append(1)
        return read_shelf(*arguments)

    monkeypatch.setattr(library_panel, "_MANY", 2)
    monkeypatch.setattr(library_panel, "read_shelf", counted)
    library.rename_recording(three[0].id, "Renamed meanwhile")
    for _ in range(5):
        window.workspace.library_changed.emit()
    assert len(reads) <= 1
    qtbot.waitUntil(lambda: "Renamed meanwhile" in titles(window) and window.workspace.tasks.running == 0)
    assert len(reads) == 2


def test_nothing_is_laid_out_anew_when_nothing_changed(window: MainWindow, three: object, qtbot: QtBot) -> None:
    model = window.library_panel.model
    with qtbot.assertNotEmitted(model.modelReset), qtbot.assertNotEmitted(model.dataChanged):
        window.workspace.library_changed.emit()
        window.workspace.jobs.progressed.emit(None)


def test_all_of_the_panel_has_names_in_every_state(window: MainWindow, three: tuple[Recording, ...]) -> None:
    assert nameless(window.library_panel) == []
    window.workspace.put_in_bin(three[:1])
    window.library_panel.show_scope(Scope(Place.BIN))
    assert nameless(window.library_panel) == []


# -- details ----------------------------------------------------------------------------------------------------


@pytest.fixture
def details(window: MainWindow, three: tuple[Recording, ...], qtbot: QtBot) -> Any:
    """The Details tab of the second recording."""
    window.workspace.open(three[1])
    window.inspector.setCurrentIndex(window.inspector.count() - 1)
    qtbot.waitUntil(lambda: window.workspace.document is not None)
    return window.inspector.details


def kept(window: MainWindow) -> None:
    assert window.workspace.edits.saver.wait(5.0)
    QApplication.processEvents()


def test_every_field_of_the_details_is_kept_without_a_save_button(window: MainWindow, library: Library, details: Any,
                                                                  three: tuple[Recording, ...]) -> None:
    for field, text in ((details.title, "On the payment"), (details.day, "2026-11-20"), (details.place, "Bilbao"),
                        (details.people, "Ada, Bo,, Ada"), (details.tags, "money; city")):
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Key.Key_Return)
    details.project.setCurrentText("Money")
    details.project.lineEdit().editingFinished.emit()
    details.notes.setPlainText("first line\nsecond")
    details.keep()
    details.is_checked.click()
    kept(window)
    found = library.recording(three[1].id)
    assert (found.title, found.recorded_on, found.place, found.people, found.tags, found.notes, found.is_checked) == (
        "On the payment", "2026-11-20", "Bilbao", ("Ada", "Bo"), ("city", "money"), "first line\nsecond", True)
    assert [project.name for project in library.projects()] == ["Bridge", "Money"]
    assert "On the payment" in titles(window)
    assert details.people.text() == "Ada, Bo"


def test_what_is_typed_is_kept_when_another_recording_is_opened(window: MainWindow, library: Library, details: Any,
                                                                three: tuple[Recording, ...]) -> None:
    details.notes.setPlainText("not to be lost")
    details.place.setText("Sopron")
    window.workspace.open(three[2])
    kept(window)
    assert library.recording(three[1].id).notes == "not to be lost" and library.recording(three[1].id).place == "Sopron"
    assert library.recording(three[2].id).notes == "" and details.notes.toPlainText() == ""


def test_what_is_typed_stays_when_the_library_changes_meanwhile(window: MainWindow, library: Library,
                                                                details: Any, three: tuple[Recording, ...]) -> None:
    details.place.setText("half typ")
    window.workspace.change_tags([three[1]], add=["from the menu"])
    assert details.place.text() == "half typ" and details.tags.text() == "from the menu"
    details.keep()
    kept(window)
    found = library.recording(three[1].id)
    assert found.place == "half typ" and found.tags == ("from the menu",)


def test_a_day_that_is_none_is_said_and_the_old_one_stays(window: MainWindow, library: Library, details: Any,
                                                          three: tuple[Recording, ...]) -> None:
    details.day.setText("last Tuesday")
    details.keep()
    kept(window)
    assert "“last Tuesday” is not a date" in details._problem.text() and not details._problem.isHidden()
    assert library.recording(three[1].id).recorded_on == "2026-03-01" and details.day.text() == "last Tuesday"
    details.day.setText("2026-03-02")
    details.keep()
    kept(window)
    assert details._problem.isHidden() and library.recording(three[1].id).recorded_on == "2026-03-02"


def test_a_title_is_never_empty(window: MainWindow, library: Library, details: Any) -> None:
    details.title.setText("   ")
    details.keep()
    kept(window)
    assert details.title.text() == "Interview 10"


def test_a_library_that_is_only_read_is_told_and_not_written(window: MainWindow, library: Library,
                                                             details: Any, three: tuple[Recording, ...]) -> None:
    notices: list[Any] = []
    window.workspace.noticed.connect(notices.append)
    library.read_only_because = "This library was last used by a newer Pullquote."
    details.place.setText("x")
    details.keep()
    assert notices and "newer Pullquote" in notices[-1].sentence
    window.workspace.put_in_bin([three[0]])
    library.read_only_because = ""
    assert library.binned() == [] and library.recording(three[1].id).place == ""


@pytest.mark.parametrize(("text", "day"), [("2026-11-22", "2026-11-22"), ("", ""), (" ", ""), ("yesterday", None),
                                           ("2026-13-01", None), ("22", None)])
def test_days_are_read(text: str, day: str | None) -> None:
    assert read_day(text) == day


def test_names_stand_between_commas_of_any_script() -> None:
    assert pieces(" Ada,  Bo;Ada،سارة、海 ,") == ("Ada", "Bo", "سارة", "海")
    assert folded("Ñandú ﬁn STRASSE") == folded("nandu fin strasse")


def test_the_bin_is_tidied_soon_after_the_start(window: MainWindow, monkeypatch: pytest.MonkeyPatch,
                                                qtbot: QtBot) -> None:
    from desktop.ui import library_verbs

    told: list[str] = []
    monkeypatch.setattr(library_verbs, "_FIRST_TIDYING", 1)
    monkeypatch.setattr(library_verbs, "_tidy_bin", lambda *_: told.append("tidied") or 0)
    window.workspace.keep_bin_tidy()
    qtbot.waitUntil(lambda: told == ["tidied"] and window.workspace.tasks.running == 0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_state_of_the_panel_is_painted(theme: str, window: MainWindow, library: Library, details: Any,
                                             three: tuple[Recording, ...],
                                             picture: Callable[[QWidget, str], None]) -> None:
    panel, workspace = window.library_panel, window.workspace
    workspace.change_settings(theme=theme)
    for number, title in enumerate(("قال العمدة إن الجسر سيفتح في الربيع", "市長は橋の費用について何も言いませんでした",
                                    "Interview with the Deputy Commissioner for Infrastructure and Regional Planning")):
        made = add(library, title, heard=bool(number), tags=["water"])
        library.set_checked([made.id], number == 1)
        library.protect([made.id], Protection.NEVER)
    workspace.jobs.running.append(RunningJob(three[0], "gemini", fraction=0.6))
    workspace.library_changed.emit()
    choose(window, three[1], three[2])
    picture(window, f"library-several-{theme}")
    panel.setFixedWidth(190)
    picture(window, f"library-narrow-{theme}")
    panel.filter.setText("zebra")
    picture(panel, f"library-no-hits-{theme}")
    panel.filter.clear()
    workspace.jobs.running.clear()
    panel.show_scope(Scope(Place.BIN))
    picture(panel, f"bin-empty-{theme}")
    workspace.put_in_bin(library.recordings()[:3])
    picture(panel, f"bin-{theme}")
    assert len(titles(window)) == 3
    workspace.change_settings(theme="light")
