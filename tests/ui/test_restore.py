"""Backups in the window: the list, restoring, a database that cannot be opened, a missing original; upkeep."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from desktop import backups, beside, migrations, paths, settings
from desktop.audio.cache import CacheFiles
from desktop.errors import LibraryError
from desktop.importing import original_file, remove_recording
from desktop.library import Library
from desktop.model import Recording, ignore_progress
from desktop.ui import application, restore_dialog, updating
from desktop.ui.main_window import MainWindow
from desktop.ui.restore_dialog import CarryingOut, Choice, RestoreDialog
from desktop.ui.upkeep import Upkeep
from desktop.ui.workspace import Notice
from tests.reliability.library_harness import everything
from tests.ui.test_accessible import nameless

Picture = Callable[[QWidget, str], None]
PROBLEM = ("The library's database is damaged (database disk image is malformed). Restore a backup or rebuild it.")


@pytest.fixture(params=["light"])
def shown(request: pytest.FixtureRequest, window: MainWindow, library: Library, sample: Recording,
          qtbot: QtBot) -> Iterator[MainWindow]:
    """The sample is open; three backups, one of them damaged."""
    window.workspace.change_settings(theme=request.param)
    beside.write_changed(library, ignore_progress)
    now = datetime.now(UTC)
    for hours in (30, 2, 1):
        backups.make(library.folder, now - timedelta(hours=hours))
    backups.backups(library.folder)[1].file.write_bytes(b"torn" * 30_000)
    library.add_recording(title="Newer", folder="newer", original="o.wav", sha256="f" * 64, byte_count=1)
    window.workspace.open(library.recording(sample.id))
    qtbot.waitUntil(lambda: window.workspace.document is not None and window.workspace.tasks.running == 0,
                    timeout=20_000)
    yield window
    window.workspace.change_settings(theme="light")


@pytest.fixture
def notices(shown: MainWindow) -> list[Notice]:
    said: list[Notice] = []
    shown.workspace.noticed.connect(lambda notice: said.append(notice) if notice is not None else None)
    return said


def ready(dialog: RestoreDialog, qtbot: QtBot) -> RestoreDialog:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog._tasks.running == 0, timeout=20_000)
    return dialog


def column(dialog: RestoreDialog, number: int) -> list[str]:
    items = (dialog.table.item(row, number) for row in range(dialog.table.rowCount()))
    return [item.text() for item in items if item is not None]


@pytest.mark.usefixtures("right_to_left")
def test_the_best_backup_is_chosen_right_to_left_too(shown: MainWindow, library: Library, qtbot: QtBot) -> None:
    dialog = ready(RestoreDialog(library.folder, problem=PROBLEM, is_open=False), qtbot)
    assert {index.row() for index in dialog.table.selectedIndexes()} == {0} and dialog.restore_button.isEnabled()


def test_the_advice_is_what_can_be_done(shown: MainWindow, library: Library, qtbot: QtBot) -> None:
    dialog = ready(RestoreDialog(library.folder, problem=PROBLEM, is_open=False), qtbot)
    assert "restore the newest backup" in dialog.advice.text() and dialog.restore_button.isDefault()
    for backup in backups.backups(library.folder):
        backups.remove(backup)
    dialog = ready(RestoreDialog(library.folder, problem=PROBLEM, is_open=False), qtbot)
    assert "no backup that can be used" in dialog.advice.text() and dialog.rebuild_button.isDefault()
    assert not ready(RestoreDialog(library.folder), qtbot).advice.isVisible()


def agree(monkeypatch: pytest.MonkeyPatch, answer: bool = True) -> list[str]:
    asked: list[str] = []

    def sure(parent: QWidget, title: str, question: str, yes: str) -> bool:
        asked.append(question)
        return answer

    monkeypatch.setattr(restore_dialog, "sure", sure)
    return asked


@pytest.mark.parametrize("shown", ["light", "dark"], indirect=True)
def test_the_list_says_what_is_in_each_backup(shown: MainWindow, qtbot: QtBot, picture: Picture,
                                              request: pytest.FixtureRequest) -> None:
    theme = request.node.callspec.params["shown"]
    folder = shown.workspace.library.folder
    dialog = ready(RestoreDialog(folder, shown), qtbot)
    assert column(dialog, 3) == ["1", "", "1"] and column(dialog, 4) == ["7", "", "7"]
    assert column(dialog, 5) == ["recordings made since: 1", "It cannot be read.", "recordings made since: 1"]
    assert dialog.total.text().startswith("3 in all") and str(folder) in dialog.total.text()
    assert dialog.table.currentRow() == 0 and dialog.restore_button.isEnabled()
    picture(dialog, f"backups-{theme}")
    dialog.table.selectRow(1)
    assert not dialog.restore_button.isEnabled() and dialog.remove_button.isEnabled()
    damaged = ready(RestoreDialog(folder, shown, problem=PROBLEM, is_open=False), qtbot)
    assert damaged.newer.isChecked() and damaged.close_button.text() == "Quit"
    assert not damaged.make_button.isVisible()
    picture(damaged, f"backups-damaged-{theme}")
    assert nameless(dialog) == [] == nameless(damaged)


def test_restoring_is_asked_once_and_begins_when_the_window_has_closed(shown: MainWindow, qtbot: QtBot,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    asked = agree(monkeypatch)
    shown.show_backups()
    (dialog,) = shown.findChildren(RestoreDialog)
    qtbot.waitUntil(lambda: dialog._tasks.running == 0, timeout=20_000)
    newest = backups.backups(shown.workspace.library.folder)[0]
    QTest.keyClick(dialog.restore_button, Qt.Key.Key_Space)
    assert len(asked) == 1 and "What was changed since is not in it" in asked[0]
    assert shown.afterwards == Choice(newest.file, False) and not shown.isVisible()


def test_no_is_no(shown: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    agree(monkeypatch, answer=False)
    dialog = ready(RestoreDialog(shown.workspace.library.folder, shown), qtbot)
    for button in (dialog.restore_button, dialog.rebuild_button, dialog.remove_button):
        button.click()
    assert dialog.choice is None and dialog.isVisible() and len(backups.backups(shown.workspace.library.folder)) == 3


def test_a_backup_is_made_and_deleted_from_the_list(shown: MainWindow, qtbot: QtBot,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    agree(monkeypatch)
    dialog = ready(RestoreDialog(shown.workspace.library.folder, shown), qtbot)
    dialog.make_button.click()
    qtbot.waitUntil(lambda: column(dialog, 3)[:1] == ["2"], timeout=20_000)
    qtbot.waitUntil(lambda: dialog._tasks.running == 0, timeout=20_000)
    before = dialog.table.rowCount()
    dialog.remove_button.click()
    qtbot.waitUntil(lambda: dialog.table.rowCount() == before - 1, timeout=20_000)


def test_what_fails_is_said_in_the_dialog(shown: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise LibraryError("The backup could not be written or read (No space left on device).")

    monkeypatch.setattr(backups, "make", refuse)
    dialog = ready(RestoreDialog(shown.workspace.library.folder, shown), qtbot)
    dialog.make_button.click()
    qtbot.waitUntil(lambda: "No space left" in dialog.total.text(), timeout=20_000)
    assert dialog.make_button.isEnabled()


# -- carrying out --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_rebuilding", [False, True])
def test_restoring_and_rebuilding_show_how_far_they_are_and_end(shown: MainWindow, qtbot: QtBot, library: Library,
                                                                sample: Recording, is_rebuilding: bool) -> None:
    wanted = library.document(library.transcripts(sample.id)[0].id)
    newest = backups.backups(library.folder)[0].file
    library.close()
    dialog = CarryingOut(library.folder, Choice(None if is_rebuilding else newest, newer=True))
    qtbot.addWidget(dialog)
    with qtbot.waitSignal(dialog.accepted, timeout=20_000):
        dialog.show()
        dialog.reject()  # Esc: not in the middle of it
        assert dialog.isVisible()
    again = Library(library.folder)
    assert dialog.is_done and again.document(wanted.transcript.id) == wanted
    again.close()


def test_what_comes_back_without_its_sound_is_said_at_the_end(shown: MainWindow, qtbot: QtBot, library: Library,
                                                              cache: Path, sample: Recording,
                                                              picture: Picture) -> None:
    newest = backups.backups(library.folder)[0].file
    shown.workspace.open(None)
    remove_recording(library, cache, sample)
    library.close()
    dialog = CarryingOut(library.folder, Choice(newest))
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.is_done, timeout=20_000)
    assert dialog.isVisible() and "without their sound" in dialog.text.text() and sample.title in dialog.text.text()
    qtbot.waitUntil(lambda: dialog.text.height() >= dialog.text.heightForWidth(dialog.text.width()), timeout=5_000)
    picture(dialog, "restored-without-sound")
    dialog.reject()
    assert not dialog.isVisible()


def test_what_cannot_be_restored_is_said_and_stays_on_screen(shown: MainWindow, qtbot: QtBot, library: Library) -> None:
    torn = backups.backups(library.folder)[1].file
    library.close()
    dialog = CarryingOut(library.folder, Choice(torn))
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: "is damaged" in dialog.text.text(), timeout=20_000)
    assert not dialog.is_done and dialog.isVisible()
    dialog.reject()
    assert not dialog.isVisible()


@pytest.mark.parametrize("damage", ["letters", "gone", "row"])
def test_a_database_that_cannot_be_opened_is_brought_back_at_start(qapp: object, library: Library, sample: Recording,
                                                                   qtbot: QtBot, monkeypatch: pytest.MonkeyPatch,
                                                                   damage: str) -> None:
    beside.write_changed(library, ignore_progress)
    backups.make(library.folder)
    wanted = everything(library)
    if damage == "row":
        library._writer.execute("PRAGMA ignore_check_constraints = ON")
        library._writer.execute("UPDATE recording SET state = 'rdady'")
    library.close()
    file = library.folder / "library.db"
    if damage != "row":
        file.unlink()
    if damage == "letters":
        file.write_bytes(b"Dear editor " * 1000)
    problems: list[str] = []

    def choose(dialog: RestoreDialog) -> int:
        qtbot.waitUntil(lambda: dialog._tasks.running == 0, timeout=20_000)
        problems.append(dialog._problem)
        dialog.restore_button.click()
        return dialog.result()

    monkeypatch.setattr(RestoreDialog, "exec", choose)
    made = application.make_frame()
    assert application.open_window(made, library.folder) and everything(made.workspace.library) == wanted
    assert len(problems) == 1 and "damaged or missing" in problems[0]
    made.workspace.library.close()
    made.deleteLater()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_damaged_library_is_told_in_the_chosen_colours_and_compared_with_nothing(
        qapp: QApplication, library: Library, sample: Recording, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch,
        picture: Picture, theme: str) -> None:
    file = paths.settings_file()
    settings.save(file, replace(settings.load(file), theme=theme))
    backups.make(library.folder)
    library.close()
    (library.folder / "library.db").write_bytes(b"Dear editor " * 1000)
    before, seen = qapp.palette(), []

    def look(dialog: RestoreDialog) -> int:
        ready(dialog, qtbot)
        seen.append((dialog.palette().window().color().lightness() < 128, column(dialog, 5)))
        picture(dialog, f"backups-at-start-{theme}")
        dialog.reject()
        return dialog.result()

    monkeypatch.setattr(RestoreDialog, "exec", look)
    try:
        qapp.setPalette(QPalette(QColor("white" if theme == "dark" else "black")))
        frame = application.make_frame()
        qtbot.addWidget(frame)
        assert not application.open_window(frame, library.folder)
    finally:
        qapp.setPalette(before)
    assert seen == [(theme == "dark", ["the library cannot be read now"])]


def test_quitting_instead_changes_nothing(qapp: object, library: Library, sample: Recording, qtbot: QtBot,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    library.close()
    (library.folder / "library.db").write_bytes(b"Dear editor " * 1000)
    monkeypatch.setattr(RestoreDialog, "exec", lambda dialog: dialog.reject() or dialog.result())
    frame = application.make_frame()
    qtbot.addWidget(frame)
    assert not application.open_window(frame, library.folder)
    assert (library.folder / "library.db").read_bytes() == b"Dear editor " * 1000


# -- upkeep --------------------------------------------------------------------------------------------------------


@pytest.fixture
def upkeep(shown: MainWindow, qtbot: QtBot) -> Upkeep:
    shown.upkeep = Upkeep(shown)
    return shown.upkeep


def settled(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: window.workspace.tasks.running == 0, timeout=20_000)


def test_at_start_it_is_checked_backed_up_and_own_files_are_caught_up(shown: MainWindow, upkeep: Upkeep, qtbot: QtBot,
                                                                      library: Library, sample: Recording) -> None:
    file = beside.file_of(library.folder, sample.folder)
    file.unlink()
    for backup in backups.backups(library.folder):
        backups.remove(backup)
    upkeep.start()
    settled(shown, qtbot)
    assert beside.digest_of(file) and len(backups.backups(library.folder)) == 1
    assert library.changed() == {} and (library.folder / "backups" / "checked.json").exists()
    upkeep.back_up_if_due()
    settled(shown, qtbot)
    assert len(backups.backups(library.folder)) == 1


def test_a_change_is_in_its_own_file_when_the_timer_has_come_by(shown: MainWindow, upkeep: Upkeep, qtbot: QtBot,
                                                                library: Library, sample: Recording) -> None:
    upkeep.start()
    settled(shown, qtbot)
    assert 1_000 <= upkeep._write_timer.interval() <= 10_000 and upkeep._write_timer.isActive()
    library.rename_recording(sample.id, "Another name")
    upkeep._write_timer.timeout.emit()
    settled(shown, qtbot)
    assert "Another name" in beside.file_of(library.folder, sample.folder).read_text("utf-8")
    library.rename_recording(sample.id, "At the end")
    upkeep.finish()
    settled(shown, qtbot)
    assert "At the end" in beside.file_of(library.folder, sample.folder).read_text("utf-8")


def test_a_damaged_database_is_said_in_place_and_nothing_more_is_written(
        shown: MainWindow, upkeep: Upkeep, qtbot: QtBot, library: Library, sample: Recording, notices: list[Notice],
        picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    file = beside.file_of(library.folder, sample.folder)
    before = file.read_bytes()
    library._writer.execute("PRAGMA ignore_check_constraints = ON")
    library._writer.execute("UPDATE segment SET end = -1 WHERE id = 1")
    upkeep.start()
    settled(shown, qtbot)
    assert "is damaged" in notices[-1].sentence and notices[-1].action == "Backups…"
    assert "The newest sound backup is of 20" in notices[-1].sentence
    picture(shown, "library-damaged")
    with pytest.raises(LibraryError, match="is damaged"):
        library.rename_recording(sample.id, "Lost")
    upkeep.write()
    upkeep.finish()
    settled(shown, qtbot)
    assert file.read_bytes() == before and not upkeep._write_timer.isActive()
    notices[-1].verb()  # type: ignore[misc]
    (dialog,) = shown.findChildren(RestoreDialog)
    qtbot.waitUntil(lambda: dialog._tasks.running == 0, timeout=20_000)
    assert dialog.newer.isChecked()
    dialog.reject()


def test_a_backup_that_fails_is_said_in_the_status_bar_until_one_works(
        shown: MainWindow, upkeep: Upkeep, qtbot: QtBot, library: Library, monkeypatch: pytest.MonkeyPatch,
        picture: Picture) -> None:
    shutil.rmtree(backups.folder_of(library.folder))
    backups.folder_of(library.folder).write_text("somebody put a file here")
    upkeep.back_up_if_due()
    settled(shown, qtbot)
    assert upkeep._status.isVisible() and "could not be written" in upkeep._status.toolTip()
    picture(shown, "backup-failed")
    backups.folder_of(library.folder).unlink()
    upkeep.back_up_if_due()
    settled(shown, qtbot)
    assert not upkeep._status.isVisible() and len(backups.backups(library.folder)) == 1


def test_an_index_that_does_not_fit_is_made_anew(shown: MainWindow, upkeep: Upkeep, qtbot: QtBot,
                                                 library: Library) -> None:
    library._writer.execute("INSERT INTO segment_search (segment_search) VALUES ('delete-all')")
    shutil.rmtree(backups.folder_of(library.folder))
    upkeep.back_up_if_due()
    settled(shown, qtbot)
    shutil.rmtree(backups.folder_of(library.folder))
    assert len(library._rows("SELECT rowid FROM segment_search WHERE segment_search MATCH 'morning'")) > 0


# -- originals that are not there ------------------------------------------------------------------------------------


def open_and_be_told(shown: MainWindow, qtbot: QtBot, sample: Recording, notices: list[Notice]) -> None:
    shown.workspace.open(shown.workspace.library.recording(sample.id))
    qtbot.waitUntil(lambda: bool(notices) and notices[-1].action == "Find it…", timeout=20_000)
    settled(shown, qtbot)
    QCoreApplication.processEvents()


@pytest.mark.parametrize("has_cache", [True, False])
def test_an_original_that_something_else_was_written_over_is_said(
        shown: MainWindow, upkeep: Upkeep, qtbot: QtBot, library: Library, cache: Path, sample: Recording,
        notices: list[Notice], has_cache: bool) -> None:
    original_file(library, sample).write_text("not a sound any more")
    if not has_cache:
        CacheFiles(cache, sample.sha256).remove()
    open_and_be_told(shown, qtbot, sample, notices)
    assert "not as it was imported" in notices[-1].sentence and notices[-1].action == "Find it…"


@pytest.mark.parametrize("has_cache", [True, False])
def test_a_missing_original_is_said_and_only_the_very_same_file_brings_it_back(
        shown: MainWindow, upkeep: Upkeep, qtbot: QtBot, library: Library, cache: Path, sample: Recording,
        notices: list[Notice], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_cache: bool,
        picture: Picture) -> None:
    original = original_file(library, sample)
    same = shutil.copy(original, tmp_path / "found it.wav")
    other = tmp_path / "other.wav"
    other.write_bytes(original.read_bytes()[:-2])
    original.unlink()
    if not has_cache:
        CacheFiles(cache, sample.sha256).remove()
    open_and_be_told(shown, qtbot, sample, notices)
    assert "The original is missing" in notices[-1].sentence
    if has_cache:
        assert shown.workspace.player.can_play  # there is a copy to play from
        picture(shown, "original-missing")
    chosen = iter([str(other), str(same)])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (next(chosen), ""))
    find = notices[-1].verb
    assert find is not None
    find()
    qtbot.waitUntil(lambda: "another file than the one" in notices[-1].sentence, timeout=20_000)
    assert not original.exists()
    find()
    qtbot.waitUntil(lambda: notices[-1].sentence == "The original is back.", timeout=20_000)
    settled(shown, qtbot)
    assert original.read_bytes() == Path(same).read_bytes() and original.stat().st_mode & 0o777 == 0o600
    assert not list(original.parent.glob(".*")) and os.path.exists(same)


# -- a library of an older program -----------------------------------------------------------------------------


def test_a_big_older_library_is_updated_behind_a_dialog(home: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch,
                                                        picture: Picture) -> None:
    (home / "data").mkdir(parents=True)
    shutil.copy(Path(__file__).parents[1] / "libraries" / "version-6.db", home / "data" / "library.db")
    monkeypatch.setattr(updating, "BIG", 0)
    shown: list[str] = []
    real = updating.UpdatingDialog.exec

    def seen(dialog: updating.UpdatingDialog) -> int:
        dialog.show()
        picture(dialog, "updating")
        shown.append(" ".join(text.text() for text in dialog.findChildren(QLabel)))
        dialog.reject()  # Esc
        return 0 if dialog.library is not None else real(dialog)

    monkeypatch.setattr(updating.UpdatingDialog, "exec", seen)
    library = updating.open_library(home / "data")
    assert len(shown) == 1 and "A copy of its database is made first" in shown[0]
    assert [recording.title for recording in library.recordings()] == ["Interview from version 1"]
    library.close()
    updating.open_library(home / "data").close()
    assert len(shown) == 1, "once"


def test_an_older_library_that_cannot_be_updated_says_why(home: Path, qtbot: QtBot,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "data").mkdir(parents=True)
    shutil.copy(Path(__file__).parents[1] / "libraries" / "version-6.db", home / "data" / "library.db")
    monkeypatch.setattr(updating, "BIG", 0)

    def fail(*_: object) -> None:
        raise LibraryError("The library could not be backed up.")

    monkeypatch.setattr(migrations, "backup", fail)
    with pytest.raises(LibraryError, match="could not be backed up"):
        updating.open_library(home / "data")
