"""Whole archives: folders become projects, nothing twice, nothing lost; a run that was stopped or killed goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from desktop.archives import (
    FOLDERS,
    NONE,
    ONE,
    Choices,
    Found,
    day_of,
    import_archive,
    look_through,
    report_lines,
    sound_files,
    unfinished,
)
from desktop.errors import Cancelled, UserError
from desktop.importing import import_audio, sweep
from desktop.library import Library
from desktop.model import Progress, Recording, ignore_progress
from desktop.paths import cache_folder, data_folder
from tests.sounds import tone, write_wav

NOON = 1_557_000_000  # 2019-05-04, 20:00 UTC: the same day from -11 to +3 h


def sound(path: Path, pitch: int, at: int = NOON) -> Path:
    """A fifth of a second that no other pitch has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, tone(0.2, 200 + pitch))
    os.utime(path, (at, at))
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An archive as they lie about: two cases, deeper folders, a loose file, a double, a broken one, junk."""
    folder = tmp_path / "old disk"
    sound(folder / "Harbour" / "interview.wav", 1)
    sound(folder / "Harbour" / "raw" / "day 2" / "interview.wav", 2)
    sound(folder / "Mayor" / "2018-11-03 call.wav", 3)
    sound(folder / "loose.wav", 4)
    sound(folder / "Mayor" / "copy of interview.wav", 1)
    (folder / "Mayor" / "broken.mp3").write_bytes(b"no sound at all" * 50)
    sound(folder / "Mayor" / "._interview.wav", 5)
    sound(folder / ".Trash" / "deleted.wav", 6)
    sound(folder / "__MACOSX" / "deleted.wav", 7)
    (folder / "Mayor" / "letter.txt").write_text("no sound")
    (folder / "Mayor" / "back up").symlink_to(folder, target_is_directory=True)
    (folder / "gone.wav").symlink_to(folder / "was never there.wav")
    return folder


def by_title(library: Library) -> dict[str, list[Recording]]:
    found: dict[str, list[Recording]] = {}
    for recording in library.recordings():
        found.setdefault(recording.title, []).append(recording)
    return found


def run(library: Library, cache: Path, root: Path, choices: Choices | None = None):
    return import_archive(library, cache, look_through(library, cache, root, ignore_progress), choices or Choices(),
                          ignore_progress)


class Stopping:
    """A report that stops the work at the n-th recording that has come in."""

    def __init__(self, after: int) -> None:
        self.after, self.arrived = after, 0

    def __call__(self, progress: Progress) -> None:
        if isinstance(progress.payload, Recording):
            self.arrived += 1
        if self.arrived >= self.after:
            raise Cancelled


def test_a_look_finds_what_sounds_and_nothing_hidden_or_linked_in_a_ring(library: Library, cache: Path,
                                                                         root: Path) -> None:
    archive = look_through(library, cache, root, ignore_progress)
    assert [found.place for found in archive.files] == [
        "loose.wav", "Harbour/interview.wav", "Harbour/raw/day 2/interview.wav", "Mayor/2018-11-03 call.wav",
        "Mayor/broken.mp3", "Mayor/copy of interview.wav"]
    assert archive.byte_count == sum(found.path.stat().st_size for found in archive.files)
    assert archive.projects(Choices()) == {"Harbour": 2, "Mayor": 3, "old disk": 1}
    assert archive.projects(Choices(ONE, "All")) == {"All": 6} and archive.projects(Choices(NONE)) == {"": 6}


def test_the_library_itself_is_never_imported(library: Library, cache: Path, root: Path, home: Path) -> None:
    run(library, cache, root)
    assert look_through(library, cache, home, ignore_progress).files == ()


def test_a_folder_that_is_not_there_is_said(library: Library, cache: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        look_through(library, cache, tmp_path / "unplugged", ignore_progress)


def test_folders_become_projects_deeper_ones_tags_and_files_tell_the_day(library: Library, cache: Path,
                                                                         root: Path) -> None:
    outcome = run(library, cache, root)
    assert (outcome.added, outcome.before, outcome.left, outcome.problem) == (4, 0, 0, "")
    names = {project.id: project.name for project in library.projects()}
    found = {(recording.title, names[recording.project_id or 0], recording.recorded_on, recording.tags)
             for recording in library.recordings()}
    first = {("interview", "Harbour", "2019-05-04", ()), ("copy of interview", "Mayor", "2019-05-04", ())}
    assert len(found & first) == 1  # the same sound twice: one of the two came first
    assert found - first == {("interview", "Harbour", "2019-05-04", ("day 2", "raw")),
                             ("2018-11-03 call", "Mayor", "2018-11-03", ()),
                             ("loose", "old disk", "2019-05-04", ())}


def test_doubles_and_broken_files_are_named_in_the_report(library: Library, cache: Path, root: Path) -> None:
    outcome = run(library, cache, root)
    lines = report_lines(outcome)
    assert [place for place, _ in outcome.failed] == ["Mayor/broken.mp3"] and len(outcome.twice) == 1
    assert "Mayor / broken.mp3" in lines and "New recordings: 4" in lines
    assert "Here already, not imported twice: 1" in lines and outcome.failed[0][1] in lines


def test_what_lies_in_the_bin_is_not_imported_again_and_the_report_says_where_it_is(
        library: Library, cache: Path, root: Path) -> None:
    known = import_audio(library, cache, root / "loose.wav", ignore_progress).recording
    library.set_binned([known.id], True)
    outcome = run(library, cache, root)
    assert ("loose.wav", "It lies in the bin as “loose”.") in outcome.twice
    assert library.recording(known.id).project_id is None


def test_a_recording_that_was_here_before_keeps_what_it_was_given(library: Library, cache: Path, root: Path) -> None:
    known = import_audio(library, cache, root / "loose.wav", ignore_progress).recording
    run(library, cache, root)
    kept = library.recording(known.id)
    assert (kept.project_id, kept.recorded_on, kept.tags) == (None, "", ())


def test_one_project_for_all_takes_every_folder_as_a_tag(library: Library, cache: Path, root: Path) -> None:
    run(library, cache, root, Choices(ONE, "Old disk", dates=False))
    assert {project.name for project in library.projects()} == {"Old disk"}
    loose, = by_title(library)["loose"]
    assert (loose.tags, loose.recorded_on) == ((), "")
    assert by_title(library)["2018-11-03 call"][0].tags == ("Mayor",)


def test_a_stopped_import_goes_on_without_reading_what_is_done(library: Library, cache: Path, root: Path) -> None:
    archive = look_through(library, cache, root, ignore_progress)
    first = import_archive(library, cache, archive, Choices(ONE, "Disk"), Stopping(2))
    assert 2 <= first.added <= 3 and first.left > 0
    assert unfinished(library) == [root]
    done = {recording.sha256 for recording in library.recordings()}
    again = look_through(library, cache, root, ignore_progress)
    assert again.done >= 2 and again.choices == Choices(ONE, "Disk")
    (root / "loose.wav").chmod(0o600)
    second = import_archive(library, cache, again, again.choices, ignore_progress)
    assert second.left == 0 and second.before == first.added and second.added + second.before == 4
    assert done < {recording.sha256 for recording in library.recordings()}


def test_a_finished_import_is_not_offered_again_and_a_second_run_adds_only_what_is_new(
        library: Library, cache: Path, root: Path) -> None:
    (root / "Mayor" / "broken.mp3").unlink()
    run(library, cache, root)
    assert unfinished(library) == []
    sound(root / "Harbour" / "new.wav", 30)
    outcome = run(library, cache, root)
    assert (outcome.added, outcome.before, len(outcome.twice)) == (1, 4, 1)


def test_what_was_removed_from_the_library_comes_in_again_when_it_is_asked_for(library: Library, cache: Path,
                                                                               root: Path) -> None:
    from desktop.importing import remove_recording

    run(library, cache, root)
    remove_recording(library, cache, by_title(library)["loose"][0])
    assert run(library, cache, root).added == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from desktop import archives
from desktop.library import Library
from desktop.model import ignore_progress
from desktop.paths import cache_folder, data_folder

left = int(sys.argv[2])
def hook(event, arguments):
    global left
    if event in ("open", "os.rename", "os.mkdir", "os.remove") and sys.argv[2] != "0":
        if "data" in str(arguments[0]):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

library = Library(data_folder())
archive = archives.look_through(library, cache_folder(), Path(sys.argv[1]), ignore_progress)
sys.addaudithook(hook)
archives.import_archive(library, cache_folder(), archive, archives.Choices(), ignore_progress)
"""


@pytest.mark.parametrize("moment", (3, 9, 14, 22))
def test_a_killed_import_goes_on_and_nothing_is_lost_or_taken_for_a_double(root: Path, moment: int) -> None:
    (root / "Mayor" / "copy of interview.wav").unlink()  # so that nothing here is one
    child = subprocess.run([sys.executable, "-c", KILLED, str(root), str(moment)], capture_output=True,
                           env={**os.environ, "PYTHONPATH": "."})
    assert child.returncode == -signal.SIGKILL, child.stderr
    library = Library(data_folder())
    try:
        sweep(library, cache_folder())  # as the next start does
        outcome = run(library, cache_folder(), root)
        assert outcome.added + outcome.before == 4 and outcome.twice == () and len(outcome.failed) == 1
        names = {project.id: project.name for project in library.projects()}
        assert sorted((r.title, names.get(r.project_id or 0), r.recorded_on) for r in library.recordings()) == [
            ("2018-11-03 call", "Mayor", "2018-11-03"), ("interview", "Harbour", "2019-05-04"),
            ("interview", "Harbour", "2019-05-04"), ("loose", "old disk", "2019-05-04")]
    finally:
        library.close()


def test_a_full_disk_stops_the_import_and_says_so(library: Library, cache: Path, root: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    usage = shutil.disk_usage(root)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    outcome = run(library, cache, root)
    assert "disk is full" in outcome.problem and outcome.left >= 5 and outcome.added == 0  # the broken one aside
    assert library.recordings() == [] and unfinished(library) == [root]


def test_a_library_that_is_for_reading_only_takes_no_archive(library: Library, cache: Path, root: Path) -> None:
    library.read_only_because = "It is from a newer Pullquote."
    outcome = run(library, cache, root)
    assert outcome.problem == "It is from a newer Pullquote." and outcome.added == 0


def test_a_folder_that_may_not_be_read_is_named(library: Library, cache: Path, root: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path):
        if not isinstance(path, int) and Path(path).name == "raw":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    outcome = run(library, cache, root)
    assert ("Harbour/raw", "This folder may not be read.") in outcome.failed and outcome.added == 3


@pytest.mark.parametrize(("name", "changed", "day"), [
    ("2019-05-03 mayor.wav", NOON, "2019-05-03"), ("REC_20180102_1400.wav", NOON, "2018-01-02"),
    ("2019-13-40.wav", NOON, "2019-05-04"), ("1234567890123.wav", NOON, "2019-05-04"),
    ("2031-01-01.wav", NOON, ""), ("a.wav", 0, ""), ("a.wav", 4_000_000_000, ""), ("2019-02-30.wav", NOON, "")])
def test_the_day_comes_from_the_name_or_the_file_and_never_from_a_clock_nobody_set(
        name: str, changed: int, day: str) -> None:
    assert day_of(Found(Path(name), name, 1, changed * 10**9), date(2026, 1, 1)) == day


def test_the_same_files_are_found_by_two_looks(root: Path) -> None:
    assert list(sound_files(root, lambda: None)) == list(sound_files(root, lambda: None))
    assert Choices().sorting == FOLDERS


@pytest.mark.skipif(os.name != "posix", reason="such names exist on POSIX only")
def test_names_that_are_no_text_come_in_too(library: Library, cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "names"
    odd = folder / os.fsdecode(b"M\xe4rz") / os.fsdecode(b"caf\xe9.wav")
    odd.parent.mkdir(parents=True)
    sound(tmp_path / "plain.wav", 9).rename(odd)
    assert run(library, cache, folder).added == 1 and run(library, cache, folder).before == 1


def test_each_file_that_came_in_is_told_once(library: Library, cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    for number in range(12):
        sound(folder / f"case {number % 3}" / f"{number:02}.wav", 5 * number)
    fractions: list[float] = []
    payloads: list[object] = []

    def note(progress: Progress) -> None:
        fractions.append(progress.fraction)
        if progress.payload is not None:
            payloads.append(progress.payload)

    outcome = import_archive(library, cache, look_through(library, cache, folder, ignore_progress), Choices(), note)
    assert outcome.added == 12 == len(payloads) and max(fractions) == 1.0
    assert len(library.recordings()) == 12


def test_the_command_line_imports_a_folder_and_names_what_it_could_not(root: Path,
                                                                       capsys: pytest.CaptureFixture[str]) -> None:
    from desktop import cli

    assert cli.main(["import", str(root), "--project", "Disk"], "") == cli.PARTLY
    shown = capsys.readouterr().out
    assert "New recordings: 4" in shown and "Mayor / broken.mp3" in shown
    assert cli.main(["import", str(root)], "") == cli.PARTLY
    assert "Imported in an earlier run: 4" in capsys.readouterr().out
    assert cli.main(["import", str(root / "unplugged")], "") == cli.FAILED
    assert "cannot be read" in capsys.readouterr().err
    library = Library(data_folder())
    assert {project.name for project in library.projects()} == {"Disk"} and len(library.recordings()) == 4
    library.close()


def test_the_command_line_finds_a_library_that_was_moved_and_refuses_one_in_a_cloud(
        root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from desktop import cli, moving, paths

    cli.main(["import", str(root)], "")
    moving.move_library(data_folder(), tmp_path / "far", ignore_progress)
    capsys.readouterr()
    assert cli.main(["import", str(root)], "") == cli.PARTLY
    assert "Imported in an earlier run: 4" in capsys.readouterr().out and not paths.usual_data_folder().exists()
    (tmp_path / "far").rename(tmp_path / "Nextcloud")
    assert cli.main(["library", "search", "harbour"], "") == cli.FAILED
    assert "not there now" in capsys.readouterr().err and not (tmp_path / "far").exists()
    paths.choose_folder(tmp_path / "Nextcloud")
    assert cli.main(["library", "search", "harbour"], "") == cli.FAILED
    assert "kept in sync by Nextcloud" in capsys.readouterr().err
