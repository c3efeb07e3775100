"""Archives, the watch folder and the library's folder in the window."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from desktop import paths, places
from desktop.library import Library
from desktop.model import Recording
from desktop.ui import imports, library_place_start
from desktop.ui.application import find_library
from desktop.ui.archive_dialog import ArchiveDialog, ArchiveImport, ArchiveStrip
from desktop.ui.library_place import LibraryPlaceDialog
from desktop.ui.library_place_start import MovingDialog
from desktop.ui.main_window import MainWindow
from desktop.ui.settings_dialog import SettingsDialog
from desktop.ui.watch import Watcher
from desktop.ui.workspace import Notice
from tests.sounds import tone, write_wav

Picture = Callable[[QWidget, str], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Eight files in two projects, one of them twice, one broken."""
    folder = tmp_path / "Old disk"
    for number in range(7):
        place = folder / ("Harbour" if number < 4 else "Town hall")
        place.mkdir(parents=True, exist_ok=True)
        write_wav(place / f"{number}.wav", tone(0.2, 300 + 40 * number))
    shutil.copy(folder / "Harbour" / "0.wav", folder / "Harbour" / "copy.wav")
    (folder / "Harbour" / "broken.mp3").write_bytes(b"no sound" * 100)
    return folder


@pytest.fixture
def dialog(window: MainWindow, qtbot: QtBot) -> ArchiveDialog:
    window.import_archive()
    assert window.archive_dialog is not None
    return window.archive_dialog


def look(dialog: ArchiveDialog, qtbot: QtBot, root: Path) -> None:
    dialog.look(root)
    qtbot.waitUntil(lambda: not dialog._imports.is_busy, timeout=10_000)


def test_a_folder_is_shown_before_anything_is_imported(dialog: ArchiveDialog, qtbot: QtBot, root: Path,
                                                       library: Library, picture: Picture) -> None:
    look(dialog, qtbot, root)
    assert "9 sound and video files" in dialog.state.text() and "free" in dialog.state.text()
    assert dialog.text.toPlainText() == "Project “Harbour”: 6 files\nProject “Town hall”: 3 files"
    assert dialog.start_button.isEnabled() and library.recordings() == []
    dialog.sorting.setCurrentIndex(1)
    assert dialog.project.isVisibleTo(dialog) and dialog.text.toPlainText() == "Project “Old disk”: 9 files"
    picture(dialog, "archive-preview")


def test_a_dropped_folder_with_many_files_is_offered_as_an_archive(window: MainWindow, qtbot: QtBot, root: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MANY", 8)
    window.import_paths([root])
    qtbot.waitUntil(lambda: window.archive_dialog is not None and not window.archive_dialog._imports.is_busy)
    dialog = window.archive_dialog
    assert dialog is not None and dialog.isVisible() and "9 sound and video files" in dialog.state.text()
    assert window.workspace.imports.items == []


def test_a_few_files_come_in_one_by_one_and_a_second_archive_has_to_wait(
        window: MainWindow, qtbot: QtBot, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    window.import_paths([root / "Town hall"])
    qtbot.waitUntil(lambda: len(window.workspace.imports.items) == 3)
    window.import_archive()
    monkeypatch.setattr(ArchiveImport, "is_busy", True)
    monkeypatch.setattr(imports, "MANY", 3)
    said: list[Notice] = []
    window.workspace.noticed.connect(said.append)
    window.import_paths([root / "Harbour"])
    qtbot.waitUntil(lambda: any(notice and "Choose “Harbour” again" in notice.sentence for notice in said))
    assert window.archive_dialog is not None and window.archive_dialog._imports.archive is None
    assert not any(item.title == "broken" for item in window.workspace.imports.items)


def test_an_archive_comes_in_and_the_report_names_what_did_not(dialog: ArchiveDialog, window: MainWindow, qtbot: QtBot,
                                                               root: Path, library: Library, tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    look(dialog, qtbot, root)
    dialog.start_button.click()
    strip = window.statusBar().findChild(ArchiveStrip)
    assert isinstance(strip, ArchiveStrip) and strip.isVisible() and window.workspace.imports.items == []
    qtbot.waitUntil(lambda: dialog._imports.outcome is not None, timeout=30_000)
    assert "New recordings: 7. Here already: 1. Could not be imported: 1." in dialog.state.text()
    assert len(library.recordings()) == 7 and not strip.isVisible() and not dialog.start_button.isVisible()
    assert "Harbour / broken.mp3" in dialog.text.toPlainText()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "report.txt"), ""))
    dialog.save_button.click()
    assert "Harbour / broken.mp3" in (tmp_path / "report.txt").read_text("utf-8")
    assert window.library_panel.model.rowCount() >= 7


def test_a_stopped_archive_is_offered_again_and_goes_on(dialog: ArchiveDialog, window: MainWindow, qtbot: QtBot,
                                                        root: Path, library: Library) -> None:
    look(dialog, qtbot, root)
    imports = dialog._imports
    imports.progressed.connect(lambda: imports.progress.sentence.startswith("0") or dialog.stop_button.click())
    dialog.start_button.click()
    qtbot.waitUntil(lambda: dialog._imports.outcome is not None, timeout=30_000)
    came = len(library.recordings())
    assert 1 <= came < 7 and "Stopped" in dialog.state.text() and dialog.start_button.text() == "&Continue"
    notices: list[Notice] = []
    window.workspace.noticed.connect(lambda notice: notice and notices.append(notice))
    window.look_after_folders()
    qtbot.waitUntil(lambda: bool(notices), timeout=5_000)
    assert "is not finished" in notices[0].sentence and notices[0].verb is not None
    dialog._imports.progressed.disconnect()
    notices[0].verb()
    qtbot.waitUntil(lambda: not dialog._imports.is_busy, timeout=10_000)
    assert f"{came} of them came in in an earlier run" in dialog.state.text()
    dialog.start_button.click()
    qtbot.waitUntil(lambda: dialog._imports.outcome is not None, timeout=30_000)
    assert len(library.recordings()) == 7


def test_a_folder_that_is_gone_is_said_in_the_dialog(dialog: ArchiveDialog, qtbot: QtBot, tmp_path: Path) -> None:
    look(dialog, qtbot, tmp_path / "unplugged")
    assert "cannot be read" in dialog.state.text() and not dialog.start_button.isEnabled()


def test_an_archive_that_does_not_fit_on_the_disk_is_not_begun(dialog: ArchiveDialog, qtbot: QtBot, root: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(root)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10**6))
    look(dialog, qtbot, root)
    assert "not enough" in dialog.state.text() and not dialog.start_button.isEnabled()


def test_the_end_is_said_in_the_window_when_the_dialog_was_closed(dialog: ArchiveDialog, window: MainWindow,
                                                                  qtbot: QtBot, root: Path) -> None:
    notices: list[Notice] = []
    window.workspace.noticed.connect(lambda notice: notice and notices.append(notice))
    look(dialog, qtbot, root)
    dialog.start_button.click()
    dialog.close()
    qtbot.waitUntil(lambda: dialog._imports.outcome is not None, timeout=30_000)
    assert "7 new recordings" in notices[-1].sentence and notices[-1].verb is not None
    notices[-1].verb()
    assert dialog.isVisible()


# -- the watch folder ------------------------------------------------------------------------------------------


def test_new_files_of_the_watch_folder_come_in_quietly_and_nothing_else_happens(
        window: MainWindow, qtbot: QtBot, root: Path, sample: Recording, library: Library) -> None:
    workspace = window.workspace
    workspace.open(sample)
    notices: list[Notice] = []
    workspace.noticed.connect(lambda notice: notice and notices.append(notice))
    watcher = Watcher(workspace, every=0.02)
    assert watcher.watch is None  # off as delivered
    workspace.change_settings(watch_folder=str(root), watches=True)
    qtbot.waitUntil(lambda: (library.folder / "watched.json").exists(), timeout=5_000)
    write_wav(root / "new.wav", tone(0.2, 900))
    (root / "broken too.mp3").write_bytes(b"no sound" * 100)
    qtbot.waitUntil(lambda: bool(notices), timeout=10_000)
    text = " ".join(notice.sentence for notice in notices)
    qtbot.waitUntil(lambda: "new” was imported" in " ".join(n.sentence for n in notices), timeout=10_000)
    assert "broken too.mp3" in " ".join(n.sentence for n in notices), text
    assert {r.title for r in library.recordings()} == {sample.title, "new"}
    assert workspace.recording is not None and workspace.recording.id == sample.id  # what is open stays open
    assert library.sendings() == [] and workspace.jobs.running == []
    workspace.change_settings(watches=False)
    assert watcher.watch is None and not (library.folder / "watched.json").exists()


def test_a_watch_folder_that_is_gone_is_said_once_and_its_return_too(window: MainWindow, qtbot: QtBot, root: Path,
                                                                     library: Library) -> None:
    notices: list[Notice] = []
    window.workspace.noticed.connect(lambda notice: notice and notices.append(notice))
    window.workspace.change_settings(watch_folder=str(root), watches=True)
    watcher = Watcher(window.workspace, every=0.02)
    qtbot.waitUntil(lambda: (library.folder / "watched.json").exists(), timeout=5_000)
    root.rename(root.with_name("unplugged"))
    qtbot.waitUntil(lambda: len(notices) == 1, timeout=5_000)
    root.with_name("unplugged").rename(root)
    qtbot.waitUntil(lambda: len(notices) == 2, timeout=5_000)
    assert "not there now" in notices[0].sentence and "is back" in notices[1].sentence
    assert watcher.watch is not None
    window.workspace.change_settings(watches=False)


def test_the_settings_choose_the_watch_folder_and_refuse_the_library(window: MainWindow, root: Path, library: Library,
                                                                     monkeypatch: pytest.MonkeyPatch,
                                                                     picture: Picture) -> None:
    settings = SettingsDialog(window.workspace, window)
    page = settings.library_page
    settings.tabs.setCurrentWidget(page)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(library.folder / "recordings"))
    page.watches.setChecked(True)
    assert "inside the library" in page.result.text() and not window.workspace.settings.watches
    assert not page.watches.isChecked()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(root))
    page.watches.setChecked(True)
    assert (window.workspace.settings.watch_folder, window.workspace.settings.watches) == (str(root), True)
    settings.show()
    picture(settings, "settings-library")
    settings.close()


# -- the library's folder --------------------------------------------------------------------------------------


def test_a_place_is_checked_before_the_library_moves(window: MainWindow, qtbot: QtBot, tmp_path: Path,
                                                     picture: Picture) -> None:
    dialog = LibraryPlaceDialog(window.workspace, window)
    qtbot.addWidget(dialog)
    dialog.check(tmp_path / "Dropbox" / "library")
    qtbot.waitUntil(lambda: "Dropbox" in dialog.state.text(), timeout=5_000)
    assert not dialog.move_button.isEnabled() and dialog.target is None
    dialog.check(tmp_path / "disk" / "library")
    qtbot.waitUntil(dialog.move_button.isEnabled, timeout=5_000)
    qtbot.waitUntil(lambda: "free" in dialog.extent.text(), timeout=5_000)
    assert dialog.target == tmp_path / "disk" / "library"
    dialog.show()
    picture(dialog, "library-folder")


def test_the_move_is_shown_and_the_library_is_found_there(qtbot: QtBot, library: Library, sample: Recording,
                                                          tmp_path: Path) -> None:
    old, new = library.folder, tmp_path / "disk" / "library"
    library.close()
    (old / "pullquote.lock").write_text("ours")
    shown = MovingDialog(old, new)
    qtbot.addWidget(shown)
    qtbot.waitUntil(lambda: shown.is_done, timeout=10_000)
    assert find_library() == new and not old.exists()
    again = Library(new)
    assert [recording.title for recording in again.recordings()] == [sample.title]
    again.close()


def test_a_move_that_cannot_be_is_said_and_the_library_stays(qtbot: QtBot, library: Library, tmp_path: Path) -> None:
    library.close()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    shown = MovingDialog(library.folder, tmp_path / "full")
    qtbot.addWidget(shown)
    qtbot.waitUntil(lambda: "not empty" in shown.text.text(), timeout=5_000)
    assert not shown.is_done and shown.button.text() == "Close" and paths.data_folder() == library.folder


class Answers:
    """Somebody who reads the box at the start and presses the buttons of this list, one after the other."""

    def __init__(self, *buttons: str) -> None:
        self.buttons, self.texts = list(buttons), list[str]()

    def __call__(self, box: QMessageBox) -> int:
        self.texts.append(box.text())
        wanted = self.buttons.pop(0)
        next(button for button in box.buttons() if wanted in button.text()).click()
        return 0


def test_a_library_whose_disk_is_missing_is_asked_for_and_no_empty_one_is_made(
        qapp: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "disk" / "library"
    paths.choose_folder(disk)
    answers = Answers("Try again", "Quit")
    monkeypatch.setattr(QMessageBox, "exec", lambda box: answers(box))
    assert find_library() is None and len(answers.texts) == 2
    assert str(disk) in answers.texts[0] and "not there now" in answers.texts[0]
    assert not disk.exists() and not paths.usual_data_folder().exists()


def test_another_folder_is_taken_when_it_holds_a_library_or_a_new_one_is_agreed_to(
        qapp: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths.choose_folder(tmp_path / "unplugged")
    for name in ("full", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    chosen = iter([tmp_path / "full", tmp_path / "empty", tmp_path / "empty"])
    warned: list[str] = []
    agreed = iter([QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes])
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(next(chosen)))
    monkeypatch.setattr(QMessageBox, "warning", lambda *rest: warned.append(rest[-1]))
    monkeypatch.setattr(QMessageBox, "question", lambda *_: next(agreed))
    answers = Answers("another", "another", "another")
    monkeypatch.setattr(QMessageBox, "exec", lambda box: answers(box))
    assert find_library() == tmp_path / "empty"
    assert "no library in" in warned[0] and len(warned) == 1
    made = Library(paths.data_folder())
    assert made.recordings() == []
    made.close()


def test_a_library_in_a_cloud_folder_is_refused_and_can_be_moved_out_of_it(
        qapp: object, qtbot: QtBot, library: Library, sample: Recording, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    library.close()
    cloud = tmp_path / "Nextcloud" / "library"
    cloud.parent.mkdir()
    library.folder.rename(cloud)
    paths.choose_folder(cloud)
    (tmp_path / "mine").mkdir()
    answers = Answers("Move it")
    monkeypatch.setattr(QMessageBox, "exec", lambda box: answers(box))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "mine"))
    moved: list[Path] = []

    def move(old: Path, new: Path) -> bool:
        shown = MovingDialog(old, new)
        qtbot.addWidget(shown)
        qtbot.waitUntil(lambda: shown.is_done, timeout=10_000)
        moved.append(new)
        return True

    monkeypatch.setattr(library_place_start, "move", move)
    assert find_library() == tmp_path / "mine" == moved[0]
    assert "kept in sync by Nextcloud" in answers.texts[0]
    assert places.look(moved[0]).cloud == ""
