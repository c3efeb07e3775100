"""The schema changes step by step: a backup first, each step whole or not at all, newer files left alone."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from desktop import migrations
from desktop.errors import LibraryError
from desktop.library import Library
from desktop.model import Change, Desk, JobState, Mark, PartState, Segment, Terms
from tests.program import ROOT

LIBRARIES = Path(__file__).resolve().parent / "libraries"


def add_weather(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE recording ADD COLUMN weather TEXT NOT NULL DEFAULT ''")


def add_desk(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE desk (id INTEGER PRIMARY KEY, name TEXT)")
    connection.execute("INSERT INTO desk (name) VALUES ('Foreign')")


def break_off(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE half_way (id INTEGER PRIMARY KEY)")
    raise RuntimeError("a step with a mistake")


@pytest.fixture
def old(home: Path) -> Path:
    """The folder of a library as version 1 left it."""
    folder = home / "data"
    folder.mkdir(parents=True)
    shutil.copy(LIBRARIES / "version-1.db", folder / "library.db")
    return folder


def with_steps(monkeypatch: pytest.MonkeyPatch, *more: migrations.Callable[[sqlite3.Connection], None]) -> None:
    monkeypatch.setattr(migrations, "STEPS", [*migrations.STEPS, *more])


def tables(file: Path) -> set[str]:
    connection = sqlite3.connect(file)
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    return names


def version(file: Path) -> int:
    connection = sqlite3.connect(file)
    number = migrations.version_of(connection)
    connection.close()
    return number


def test_there_is_an_old_library_for_every_version() -> None:
    assert [f"version-{number + 1}.db" for number in range(len(migrations.STEPS))] == sorted(
        path.name for path in LIBRARIES.glob("*.db"))


@pytest.mark.parametrize("file", sorted(LIBRARIES.glob("*.db")), ids=lambda file: file.stem)
def test_an_old_library_is_read_in_full(home: Path, file: Path) -> None:
    (home / "data").mkdir(parents=True)
    shutil.copy(file, home / "data" / "library.db")
    library = Library(home / "data")
    (recording,) = library.recordings()
    document = library.document(library.transcripts(recording.id)[0].id)
    (job,) = library.unfinished_jobs()
    assert (recording.title, recording.duration) == ("Interview from version 1", 60.0)
    assert [segment.text for segment in document.segments] == ["¿Quién lo vio?", "Nobody."]
    assert document.segments[0].words[0].text == "¿Quién" and document.segments[1].flags == ("time unsure",)
    assert [speaker.name for speaker in document.speakers.values()] == ["Ann", "Bob"]
    assert (job.state, job.parts[1].state) == (JobState.WAITING, PartState.RECEIVED)
    assert library.answer(job.id, 1) == '{"segments": []}'
    library.close()


def test_what_was_noted_and_kept_at_the_desk_is_read_in_full(home: Path) -> None:
    (home / "data").mkdir(parents=True)
    shutil.copy(LIBRARIES / "version-4.db", home / "data" / "library.db")
    library = Library(home / "data")
    document = library.document(1)
    desk = document.desk
    assert [(q.text, q.transcript_id, q.speaker_id, q.said_by, q.note, q.tag) for q in desk.quotes] == [
        ("¿Quién lo vio?", 1, 1, "Ann", "a note", "chapter 1")]
    assert desk.marks == (Mark(2.5, "here"),)
    assert [(w.range.start, w.terms) for w in desk.withheld] == [(50.0, Terms.OFF_THE_RECORD), (53.0, Terms.BACKGROUND)]
    assert [segment.checked for segment in document.segments] == [True, False]
    (version,) = library.versions(1)
    kept = library.version_document(version.id)
    assert version.reason == "Find and replace" and kept.speakers == document.speakers
    assert kept.segments == (replace(document.segments[0], checked=False), document.segments[1])
    library.close()


def test_what_is_known_about_a_recording_is_read_in_full(home: Path) -> None:
    (home / "data").mkdir(parents=True)
    shutil.copy(LIBRARIES / "version-6.db", home / "data" / "library.db")
    library = Library(home / "data")
    (recording,) = library.recordings()
    assert (recording.recorded_on, recording.place, recording.notes, recording.people, recording.tags) == (
        "2026-11-20", "Town hall", "Off the shoulder,\nbefore lunch", ("Ann", "Bob"), ("bridge", "budget"))
    assert [project.name for project in library.projects()] == ["Bridge"]
    library.set_binned([recording.id], True)
    assert library.recordings() == [] and [r.id for r in library.binned()] == [recording.id]
    library.close()


@pytest.mark.parametrize("file", sorted(LIBRARIES.glob("*.db")), ids=lambda file: file.stem)
def test_an_old_library_can_give_back_its_free_pages(home: Path, file: Path) -> None:
    (home / "data").mkdir(parents=True)
    shutil.copy(file, home / "data" / "library.db")
    Library(home / "data").close()
    connection = sqlite3.connect(home / "data" / "library.db")
    assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@pytest.mark.parametrize("number", range(1, 4))
def test_an_older_library_can_be_edited_at_once(home: Path, number: int) -> None:
    (home / "data").mkdir(parents=True)
    shutil.copy(LIBRARIES / f"version-{number}.db", home / "data" / "library.db")
    library = Library(home / "data")
    before = library.document(1)
    assert before.desk == Desk() and library.versions(1) == []
    version = library.add_version(1, "Rename")
    line = Segment(7.0, 8.0, "And?", 1, id=library.new_id("segment"))
    library.apply([(1, Change(before.segments, (replace(before.segments[0], text="¿Quién?"), line)))])
    assert [segment.text for segment in library.segments(1)] == ["¿Quién?", "And?"]
    assert library.version_document(version) == before
    library.close()


def test_steps_are_taken_after_a_backup_that_can_be_read(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(migrations.STEPS)
    with_steps(monkeypatch, add_weather, add_desk)
    Library(old).close()
    assert version(old / "library.db") == before + 2 and "desk" in tables(old / "library.db")
    (backup,) = old.glob("library-before-version-*.db")
    assert version(backup) == 1 and "desk" not in tables(backup)
    connection = sqlite3.connect(backup)
    assert connection.execute("SELECT count(*) FROM segment").fetchone() == (2,)
    connection.close()


def test_nothing_is_done_or_backed_up_twice(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_steps(monkeypatch, add_desk)
    for _ in range(3):
        Library(old).close()
    assert len(list(old.glob("*.db"))) == 2


def test_a_new_library_needs_no_backup(library: Library) -> None:
    assert [path.name for path in library.folder.glob("*.db")] == ["library.db"]


def test_a_step_that_fails_leaves_no_trace(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_steps(monkeypatch, add_desk, break_off)
    with pytest.raises(RuntimeError):
        Library(old)
    assert version(old / "library.db") == len(migrations.STEPS) - 1
    assert "desk" in tables(old / "library.db") and "half_way" not in tables(old / "library.db")


def test_without_a_sound_backup_nothing_is_changed(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_steps(monkeypatch, add_desk)

    def fail(*_: object) -> None:
        raise LibraryError("The library could not be backed up.")

    monkeypatch.setattr(migrations, "backup", fail)
    with pytest.raises(LibraryError):
        Library(old)
    assert version(old / "library.db") == 1 and "desk" not in tables(old / "library.db")


KILLED = """
import os, signal, sqlite3, sys
from pathlib import Path
from desktop import migrations
from desktop.library import Library
at, statements = int(sys.argv[2]), [0]
def step(number):
    def take(connection):
        for name in "abc":
            connection.execute(f"CREATE TABLE step{number}{name} (id INTEGER PRIMARY KEY)")
            statements[0] += 1
            if statements[0] == at:
                os.kill(os.getpid(), signal.SIGKILL)
    return take
migrations.STEPS += [step(1), step(2)]
Library(Path(sys.argv[1])).close()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("at", range(1, 7))
def test_killed_between_steps_it_is_old_or_new_and_never_between(old: Path, at: int) -> None:
    first = subprocess.run([sys.executable, "-c", KILLED, str(old), str(at)], cwd=ROOT, timeout=60)
    assert first.returncode == -signal.SIGKILL
    taken = 0 if at <= 3 else 1
    assert version(old / "library.db") == len(migrations.STEPS) + taken
    made = {name for name in tables(old / "library.db") if name.startswith("step")}
    assert made == ({"step1a", "step1b", "step1c"} if taken else set())
    again = subprocess.run([sys.executable, "-c", KILLED, str(old), "99"], cwd=ROOT, timeout=60)
    assert again.returncode == 0 and version(old / "library.db") == len(migrations.STEPS) + 2


def test_a_newer_library_is_read_and_not_written(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = len(migrations.STEPS) + 5
    shutil.copy(LIBRARIES / f"version-{len(migrations.STEPS)}.db", old / "library.db")
    connection = sqlite3.connect(old / "library.db")
    connection.execute(f"PRAGMA user_version = {newer}")
    connection.commit()
    connection.close()
    library = Library(old)
    assert "newer Pullquote" in library.read_only_because
    assert library.recordings()[0].title == "Interview from version 1"
    assert library.document(1).segments
    for write in (lambda: library.rename_recording(1, "x"), lambda: library.remove_recording(1),
                  lambda: library.pause_running_jobs()):
        with pytest.raises(LibraryError, match="newer Pullquote"):
            write()
    library.close()
    assert version(old / "library.db") == newer and len(list(old.glob("*.db"))) == 1


def test_a_newer_library_without_a_table_we_know_is_said_in_words(old: Path) -> None:
    connection = sqlite3.connect(old / "library.db")
    connection.execute("DROP TABLE word")
    connection.execute("PRAGMA user_version = 99")
    connection.commit()
    connection.close()
    library = Library(old)
    with pytest.raises(LibraryError):
        library.segments(1)
    library.close()
