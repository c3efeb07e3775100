"""The library moves: whole at every moment, checked before it counts, and the old one stays until it is removed."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from desktop import moving, paths, places
from desktop.errors import Cancelled, LibraryError, UserError
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import Progress, ignore_progress
from tests.sounds import tone, write_wav

COUNT = 3


def fill(folder: Path, source: Path) -> None:
    """Three recordings, one in the bin, one with notes, and files that lie beside them."""
    library = Library(folder)
    for number in range(COUNT):
        file = write_wav(source / f"interview {number}.wav", tone(0.2, 300 + 100 * number))
        recording = import_audio(library, paths.cache_folder(), file, ignore_progress).recording
        library.set_project(recording.id, "Harbour")
        (folder / "recordings" / recording.folder / "recording.json").write_text("{}")
    library.describe_recording(1, recorded_on="2019-05-04", place="Pier 4", notes="called back", people=("Ann",),
                               tags=("war",))
    library.set_binned([2], True)
    library.close()
    (folder / "archives").mkdir()
    (folder / "archives" / "one.jsonl").write_text("{}\n")


def whole(folder: Path) -> list[str]:
    """What is wrong with the library in a folder; nothing when it opens and all its sound is as it came."""
    library = Library(folder)
    try:
        recordings = [*library.recordings(), *library.binned()]
        wrong = [] if len(recordings) == COUNT else [f"{len(recordings)} recordings"]
        for recording in recordings:
            original = folder / "recordings" / recording.folder / recording.original
            sound = original.read_bytes() if original.exists() else b""
            if hashlib.sha256(sound).hexdigest() != recording.sha256:
                wrong.append(f"{recording.title}: its sound is not what came in")
        if not wrong and library.recording(1).notes != "called back":
            wrong.append("notes are gone")
        return wrong
    finally:
        library.close()


def remove_old_copy(folder: Path) -> None:
    library = Library(folder)
    try:
        moving.remove_old_copy(library, ignore_progress)
    finally:
        library.close()


@pytest.fixture
def old(tmp_path: Path, home: Path) -> Path:
    folder = paths.data_folder()
    fill(folder, tmp_path)
    return folder


@pytest.fixture
def other_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The new folder is on another disk, so that it has to be copied."""
    monkeypatch.setattr(places, "is_same_disk", lambda one, other: False)


def test_on_the_same_disk_it_is_renamed_and_found(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "far" / "library"
    assert moving.move_library(old, new, ignore_progress) == moving.Moved(new)
    assert paths.data_folder() == new == paths.chosen_folders()[0] and not old.exists()
    assert whole(new) == [] and moving.old_copy(new) is None
    back = moving.move_library(new, paths.usual_data_folder(), ignore_progress)
    assert back.folder == old == paths.data_folder() and paths.chosen_folders() == [] and whole(old) == []


def test_to_another_disk_all_of_it_is_copied_and_the_old_one_stays(old: Path, tmp_path: Path,
                                                                   other_disk: None) -> None:
    new = tmp_path / "disk" / "library"
    new.mkdir(parents=True)
    moved = moving.move_library(old, new, ignore_progress)
    assert moved == moving.Moved(new) and paths.data_folder() == new
    assert whole(new) == [] == whole(old) and moving.old_copy(new) == old
    names = {path.relative_to(new).as_posix() for path in new.rglob("*") if path.is_file()}
    kept = {path.relative_to(old).as_posix() for path in old.rglob("*") if path.is_file()}
    assert names - {moving.MOVED_FROM} == kept
    assert not [path for path in new.rglob("*") if path.stat().st_mode & 0o077]
    assert sorted(path.name for path in new.parent.iterdir()) == ["library"]


def test_the_old_copy_is_removed_when_it_is_asked_for_and_not_before_the_new_one_was_opened(
        old: Path, tmp_path: Path, other_disk: None) -> None:
    new = moving.move_library(old, tmp_path / "new", ignore_progress).folder
    remove_old_copy(new)
    assert not old.exists() and whole(new) == [] and moving.old_copy(new) is None


def test_an_old_copy_that_has_sound_which_is_missing_here_is_not_removed(old: Path, tmp_path: Path,
                                                                         other_disk: None) -> None:
    new = moving.move_library(old, tmp_path / "new", ignore_progress).folder
    next((new / "recordings").rglob("original*")).unlink()
    with pytest.raises(LibraryError, match="1 originals are there that are missing here"):
        remove_old_copy(new)
    assert whole(old) == []


def test_an_old_copy_may_stay_and_is_not_asked_about_again(old: Path, tmp_path: Path, other_disk: None) -> None:
    new = moving.move_library(old, tmp_path / "new", ignore_progress).folder
    moving.keep_old_copy(new)
    assert moving.old_copy(new) is None and whole(old) == []


def test_a_stopped_move_leaves_everything_where_it_was(old: Path, tmp_path: Path, other_disk: None) -> None:
    reports: list[Progress] = []

    def stop_in_the_middle(progress: Progress) -> None:
        reports.append(progress)
        if progress.fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        moving.move_library(old, tmp_path / "disk" / "new", stop_in_the_middle)
    assert paths.data_folder() == old and whole(old) == [] and list((tmp_path / "disk").iterdir()) == []
    assert [p.fraction for p in reports] == sorted(p.fraction for p in reports) and len(reports) > COUNT
    assert not (old / moving.MOVING_TO).exists()


def test_a_disk_that_gives_back_something_else_is_noticed(old: Path, tmp_path: Path, other_disk: None,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    def flip(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))

    chmod = Path.chmod
    monkeypatch.setattr(Path, "chmod", lambda path, mode: (path.suffix == ".wav" and flip(path), chmod(path, mode)))
    with pytest.raises(UserError, match="may be failing"):
        moving.move_library(old, tmp_path / "new", ignore_progress)
    assert paths.data_folder() == old and whole(old) == []


def test_a_disk_that_is_full_in_the_middle_is_said_and_the_library_stays(old: Path, tmp_path: Path, other_disk: None,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(moving, "_copy_file", refuse)
    with pytest.raises(UserError, match=r"No space left on device.*where it was"):
        moving.move_library(old, tmp_path / "new", ignore_progress)
    assert paths.data_folder() == old and whole(old) == [] and not (tmp_path / "new").exists()


def test_an_original_that_was_damaged_before_is_named_and_does_not_hold_up_the_move(old: Path, tmp_path: Path,
                                                                                    other_disk: None) -> None:
    library = Library(old)
    first = library.recording(1)
    library.close()
    (old / "recordings" / first.folder / first.original).write_bytes(b"rot")
    assert moving.move_library(old, tmp_path / "new", ignore_progress).damaged == (first.title,)


def test_nobody_can_write_to_the_library_while_it_is_copied(old: Path, tmp_path: Path, other_disk: None) -> None:
    refused: list[str] = []

    def write(progress: Progress) -> None:
        if 0.3 < progress.fraction < 0.9 and not refused:
            other = Library(old)
            other._writer.execute("PRAGMA busy_timeout = 50")
            try:
                other.rename_recording(1, "too late")
            except LibraryError as error:
                refused.append(error.sentence)
            other.close()

    moving.move_library(old, tmp_path / "new", write)
    assert len(refused) == 1 and "locked" in refused[0]
    assert whole(tmp_path / "new") == []


def test_a_recording_that_runs_is_not_moved(old: Path, tmp_path: Path) -> None:
    from desktop.recording.journal import Journal

    running = old / "recordings" / "2026-01-01.rec"
    running.mkdir()
    with_lock = Journal(running)
    try:
        with pytest.raises(UserError, match="recording is running"):
            moving.move_library(old, tmp_path / "new", ignore_progress)
    finally:
        with_lock.close()
    assert paths.data_folder() == old


def test_settings_that_lie_in_the_same_folder_stay_there(old: Path, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows and macOS."""
    monkeypatch.setattr(paths, "settings_file", lambda: old / "settings.toml")
    monkeypatch.setattr(paths, "cache_folder", lambda: old / "Cache")
    monkeypatch.setattr(paths, "log_file", lambda: old / "Logs" / "pullquote.log")
    for name in ("settings.toml", "window.ini", "Cache/peaks", "Logs/pullquote.log"):
        (old / name).parent.mkdir(exist_ok=True)
        (old / name).write_text("the program's own")
    new = moving.move_library(old, tmp_path / "new", ignore_progress).folder
    assert paths.data_folder() == new and whole(new) == []
    assert not {"settings.toml", "window.ini", "Cache", "Logs", "library-location"} & {p.name for p in new.iterdir()}
    remove_old_copy(new)
    assert {path.name for path in old.iterdir()} == {"settings.toml", "window.ini", "Cache", "Logs", "library-location"}
    assert paths.data_folder() == new


def test_a_chosen_folder_with_other_things_in_it_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert moving.proposed(empty) == empty and moving.proposed(tmp_path) == tmp_path / "Pullquote library"
    assert moving.proposed(Path("/")) == Path("/Pullquote library")


CHILD = """
import os, shutil, signal, sys
from pathlib import Path
from desktop import moving, paths, places
from desktop.model import ignore_progress

new, moment, way = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if way != "rename":
    places.is_same_disk = lambda one, other: False
seen = 0

def hook(event, arguments):
    global seen
    if event not in ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.listdir", "sqlite3.connect",
                     "os.chmod", "os.scandir", "fcntl.fcntl"):
        return
    if event == "open" and not any(str(place) in str(arguments[0]) for place in (new.parent, paths._folder("data"))):
        return  # modules that are loaded
    seen += 1
    if seen == moment:
        os.kill(os.getpid(), signal.SIGKILL)

old = paths.data_folder()
from desktop.library import Library
Library(old).close()
sys.addaudithook(hook)
if way == "delete first":  # the control: who does it in the wrong order is found out
    shutil.copytree(old / "recordings", new.parent / "aside")
    shutil.rmtree(old / "recordings")
    shutil.copytree(new.parent / "aside", old / "recordings")
moving.move_library(old, new, ignore_progress)
print(seen)
"""


def child(new: Path, moment: int, way: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CHILD, str(new), str(moment), way], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": "."})


def drawn(count: int) -> Callable[[int], Iterable[int]]:
    """So many of the steps of a move, by chance."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    return lambda steps: sorted(random.Random(seed).sample(range(1, steps + 1), min(count, steps)))


def sweep(home: Path, template: Path, tmp_path: Path, way: str,
          moments: Callable[[int], Iterable[int]]) -> list[str]:
    """Kill a move at some of its steps; what is wrong at the start after each."""
    new = tmp_path / "disk" / "library"

    def start_anew() -> None:
        shutil.rmtree(home)
        shutil.rmtree(new.parent, ignore_errors=True)
        shutil.copytree(template, home)
        new.parent.mkdir()

    start_anew()
    steps = int(child(new, 0, way).stdout)
    wrong = []
    for moment in moments(steps):
        start_anew()
        assert child(new, moment, way).returncode == -signal.SIGKILL
        folder = paths.data_folder()  # raises when there is none
        moving.settle(folder)
        if problems := whole(folder):
            wrong += [f"step {moment}: {problems}"]
            continue
        moving.move_library(folder, tmp_path / "again", ignore_progress)  # and it can still be moved
        if whole(paths.data_folder()) or list(new.parent.glob("*.pullquote-arriving")):
            wrong.append(f"step {moment}: the next move")
        shutil.rmtree(tmp_path / "again")
    return wrong


@pytest.fixture
def template(old: Path, home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(home, tmp_path / "template"))


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
@pytest.mark.parametrize(("way", "kills"), [("copy", 20), ("rename", 5)])
def test_a_kill_at_any_moment_leaves_one_whole_library_that_opens(home: Path, template: Path, tmp_path: Path,
                                                                  way: str, kills: int) -> None:
    assert sweep(home, template, tmp_path, way, drawn(kills)) == []


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_control_who_deletes_first_is_found_out(home: Path, template: Path, tmp_path: Path) -> None:
    assert sweep(home, template, tmp_path, "delete first", lambda steps: range(2, steps, steps // 10)) != []
