"""Backups are checked, thinned out, never made of a damaged file, and come back with or without what is newer."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from desktop import backups, beside, library_check, migrations
from desktop.bin import empty_bin
from desktop.errors import LibraryError, UserError
from desktop.importing import remove_recording
from desktop.library import Library, upkeep
from desktop.library.store import LibraryDamaged
from desktop.model import Change, TimeRange, ignore_progress
from desktop.videos import add_video
from tests.reliability.library_harness import everything, line, make_template, open_copy

NOON = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)  # a Wednesday


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def filled(template: Path, home: Path) -> Iterator[Library]:
    """Two recordings with all that there can be, their own files written."""
    library = open_copy(template, home / "data")
    yield library
    library.close()


def reword(library: Library, text: str) -> None:
    """Change the first line of the newest recording."""
    transcript = library.transcripts(library.recordings()[0].id)[0].id
    old = library.segments(transcript)[0]
    library.apply([(transcript, Change((old,), (type(old)(**{**vars(old), "text": text}),)))])


def first_text(library: Library) -> str:
    return library.segments(library.transcripts(library.recordings()[0].id)[0].id)[0].text


def restored(library: Library, file: Path, *, newer: bool) -> tuple[Library, backups.Restored]:
    library.close()
    done = backups.restore(library.folder, file, newer=newer, report=ignore_progress)
    return Library(library.folder), done


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_backup_is_one_file_with_everything_in_it(filled: Library) -> None:
    made = backups.make(filled.folder)
    assert names(made.file.parent) == [made.file.name, made.file.with_suffix(".sha256").name]
    assert backups.is_sound(made) and made.is_automatic and made.size == made.file.stat().st_size
    assert backups.contents(filled.folder, made) == backups.Contents(2, 24, 0, 0, 0)
    assert backups.backups(filled.folder) == [made] and backups.newest_sound(filled.folder) == made


@pytest.mark.parametrize("is_same_second", [False, True])
def test_a_backup_whose_making_is_cut_off_anywhere_is_sound_or_not_there(
        is_same_second: bool, filled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """The power goes at every wait for the disk: of what was written since the one before, nothing is there."""
    real, syncs = os.fsync, 0

    def cut(descriptor: int) -> None:
        nonlocal syncs
        syncs += 1
        if syncs == at:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.ftruncate(descriptor, 0)
            raise OSError("no power")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", cut)
    for at in range(1, 10):
        syncs = 0
        reword(filled, f"Words number {at}.")
        with suppress(LibraryError):
            backups.make(filled.folder, now=datetime(2026, 11, 1 if is_same_second else 1 + at, tzinfo=UTC))
        assert [b.file.name for b in backups.backups(filled.folder) if not backups.is_sound(b)] == [], f"sync {at}"
        if syncs < at:
            break
    assert 4 < at < 9 and (len(backups.backups(filled.folder)) == 1) is is_same_second


@pytest.mark.parametrize("mask", [0o022, 0o000])
def test_backups_and_own_files_are_for_this_user_only(filled: Library, mask: int) -> None:
    before = os.umask(mask)
    try:
        made = backups.make(filled.folder)
        reword(filled, "Other words.")
        filled.set_terms(None, ["x"])
        beside.write_changed(filled, ignore_progress)
        library, _ = restored(filled, made.file, newer=False)
        library.close()
    finally:
        os.umask(before)
    new = [*made.file.parent.rglob("*"), made.file.parent, *filled.folder.glob("library*"),
           *filled.folder.glob("*.txt"), *filled.folder.rglob("*.json")]
    assert len(new) > 8
    assert {path: stat.S_IMODE(path.stat().st_mode) for path in new} == {
        path: 0o700 if path.is_dir() else 0o600 for path in new}


def test_backups_are_thinned_out_to_hours_days_and_weeks(filled: Library) -> None:
    folder = backups.make(filled.folder, NOON - timedelta(days=61)).file.parent
    for hours in range(0, 24 * 60 - 3, 3):
        made = NOON - timedelta(days=60) + timedelta(hours=hours)
        for ending in (".db", ".sha256"):
            (folder / made.strftime(f"library-%Y%m%dT%H%M%SZ{ending}")).write_text("x")
    backups.make(filled.folder, NOON - timedelta(hours=3))
    kept = [backup.made_at for backup in backups.backups(filled.folder)]
    last = NOON - timedelta(hours=3)
    assert kept[:4] == [last - timedelta(hours=3 * n) for n in range(4)]
    assert {moment.date() for moment in kept} >= {(last - timedelta(days=n)).date() for n in range(7)}
    weeks = {moment.isocalendar()[:2] for moment in kept}
    assert weeks == {(last - timedelta(weeks=n)).isocalendar()[:2] for n in range(4)}
    assert len(kept) <= 15 and len(names(backups.folder_of(filled.folder))) == 2 * len(kept)


def test_no_backup_of_the_last_hour_is_thinned_out(filled: Library) -> None:
    """Somebody presses “Back up now” again and again, before and after something risky."""
    moments = [NOON + timedelta(minutes=n) for n in (1, 2, 20, 40, 59)]
    for moment in moments:
        backups.make(filled.folder, moment)
    assert [b.made_at for b in backups.backups(filled.folder)] == moments[::-1]
    backups.make(filled.folder, NOON + timedelta(hours=2))
    assert [b.made_at for b in backups.backups(filled.folder)] == [NOON + timedelta(hours=2), moments[-1]]


def test_a_backup_of_a_clock_that_was_wrong_costs_no_new_one(filled: Library) -> None:
    wrong = backups.make(filled.folder, datetime(2099, 1, 1, tzinfo=UTC))
    now = datetime.now(UTC).replace(microsecond=0)
    made = [backups.make(filled.folder, now - timedelta(minutes=n)) for n in (3, 2, 1, 0)]
    assert backups.backups(filled.folder) == [wrong, *made[::-1]]


def test_a_copy_under_a_name_of_the_users_own_is_never_thinned_out(filled: Library) -> None:
    mine = filled.folder / "library-mine.db"
    backups.copy_to(filled.folder, mine)
    os.utime(mine, (0, 0))
    for weeks in range(8):
        backups.make(filled.folder, NOON + timedelta(weeks=weeks))
    assert mine.exists()


def put_aside(library: Library, at: datetime) -> list[Path]:
    """What restoring and rebuilding leave behind, all of the same moment."""
    stamp, own = at.strftime("%Y%m%dT%H%M%SZ"), library.folder / "recordings" / library.recordings()[0].folder
    files = [*(library.folder / f"library-{why}-{stamp}.db{end}" for why, end in (
        ("before-restore", ""), ("before-restore", "-wal"), ("before-rebuild", ""))),
        library.folder / f"library-before-version-6-{stamp[:-1]}.db",
        library.folder / f"library-damaged-{stamp}.db-shm",  # of a database that is gone
        own / f"recording-kept-{stamp}.json", library.folder / "recordings" / f"library-kept-{stamp}.json"]
    for file in files:
        file.write_bytes(b"words that were removed")
    return files


def test_what_was_put_aside_goes_after_thirty_days_and_no_sooner(filled: Library) -> None:
    old = put_aside(filled, NOON - timedelta(days=30, hours=1))
    young = put_aside(filled, NOON - timedelta(days=29, hours=23))
    unnamed = filled.folder / "library-damaged-by-hand.db"
    unnamed.write_bytes(b"words")
    os.utime(unnamed, (NOON.timestamp() - 31 * 86_400,) * 2)
    backups.make(filled.folder, NOON)
    assert [path for path in (*old, unnamed) if path.exists()] == []
    assert [path for path in young if not path.exists()] == []


def test_what_was_put_aside_stays_until_the_library_was_found_sound_since(filled: Library) -> None:
    backups.make(filled.folder, NOON - timedelta(days=41))
    old = put_aside(filled, NOON - timedelta(days=40))
    wrong = backups.folder_of(filled.folder) / "library-20990101T000000Z.db"  # a clock that was wrong says nothing
    wrong.write_bytes(b"x")
    file = filled.folder / "library.db"
    filled.close()
    sound = file.read_bytes()
    file.write_bytes(b"no database at all" * 300)
    with pytest.raises(LibraryDamaged):
        backups.make(filled.folder, NOON)
    backups.thin_out(filled.folder, NOON)
    assert [path for path in old if not path.exists()] == []
    file.write_bytes(sound)
    backups.make(filled.folder, NOON)
    assert [path for path in old if path.exists()] == []


def test_a_backup_is_due_after_an_hour_in_which_something_was_written(filled: Library) -> None:
    assert backups.is_due(filled.folder)
    now = datetime.now(UTC)
    made = backups.make(filled.folder, now - timedelta(minutes=59))
    assert not backups.is_due(filled.folder, now)
    assert backups.is_due(filled.folder, now + timedelta(minutes=2))
    earlier = made.made_at.timestamp() - 1
    for file in filled.folder.glob("library.db*"):
        os.utime(file, (earlier, earlier))
    assert not backups.is_due(filled.folder, now + timedelta(days=1))  # nothing was written since
    shutil.move(made.file, made.file.with_name("library-20990101T000000Z.db"))
    assert backups.is_due(filled.folder, now)  # a clock that went wrong stops nothing


def test_nobody_waits_while_a_backup_is_made(filled: Library) -> None:
    """Somebody writes in the middle of the copy: the write goes through at once, and the backup has none of it."""
    wrote: list[bool] = []

    def write(connection: sqlite3.Connection, copy: sqlite3.Connection) -> None:
        thread = threading.Thread(target=lambda: (reword(filled, "Meanwhile."), wrote.append(True)))
        thread.start()
        thread.join(20)
        backup(connection, copy)

    backup = sqlite3.Connection.backup
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upkeep, "sqlite3", Watched(write))
        made = backups.make(filled.folder)
    assert wrote and first_text(filled) == "Meanwhile."
    with Reading(made.file) as connection:
        assert connection.execute("SELECT count(*) FROM segment WHERE text = 'Meanwhile.'").fetchone() == (0,)


class Watched:
    """sqlite3 with connections whose backup is told of."""

    def __init__(self, told: object) -> None:
        class Connection(sqlite3.Connection):
            def backup(self, target: sqlite3.Connection) -> None:  # type: ignore[override]
                told(self, target)  # type: ignore[operator]

        self._factory = Connection

    def __getattr__(self, name: str) -> object:
        return getattr(sqlite3, name)

    def connect(self, *arguments: object, **options: object) -> sqlite3.Connection:
        return sqlite3.connect(*arguments, factory=self._factory, **options)  # type: ignore[call-overload,no-any-return]


class Reading:
    def __init__(self, file: Path) -> None:
        self.connection = sqlite3.connect(file)

    def __enter__(self) -> sqlite3.Connection:
        return self.connection

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def test_a_damaged_library_gives_no_backup_and_costs_none(filled: Library) -> None:
    for days in range(3):
        backups.make(filled.folder, NOON - timedelta(days=days))
    before = names(backups.folder_of(filled.folder))
    filled.close()
    with open(filled.folder / "library.db", "rb+") as file:
        file.seek(4096 * 5)
        file.write(b"\xff" * 4096 * 40)
    with pytest.raises(LibraryDamaged):
        backups.make(filled.folder)
    assert names(backups.folder_of(filled.folder)) == before


def test_a_full_disk_is_said_and_costs_no_backup(filled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    made = backups.make(filled.folder, NOON)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(upkeep.os, "fsync", full)
    with pytest.raises(LibraryError, match="No space left on device"):
        backups.make(filled.folder)
    monkeypatch.undo()
    assert backups.backups(filled.folder) == [made] and len(names(made.file.parent)) == 2


def test_a_copy_of_the_users_own_replaces_nothing(filled: Library, tmp_path: Path) -> None:
    target = tmp_path / "mine.db"
    backups.copy_to(filled.folder, target)
    assert not upkeep.problems(target)
    for wrong, words in ((target, "exists already"), (tmp_path / "no" / "mine.db", "does not exist")):
        with pytest.raises(UserError, match=words):
            backups.copy_to(filled.folder, wrong)


def test_a_restored_backup_is_as_it_was_and_what_was_there_is_kept(filled: Library) -> None:
    before = everything(filled)
    made = backups.make(filled.folder)
    reword(filled, "Said later.")
    beside.write_changed(filled, ignore_progress)
    library, done = restored(filled, made.file, newer=False)
    assert everything(library) == before and done.taken == ()
    assert done.kept_as is not None and done.kept_as.name.startswith("library-before-restore-")
    with Reading(done.kept_as) as connection:
        assert connection.execute("SELECT count(*) FROM segment WHERE text = 'Said later.'").fetchone() == (1,)
    kept = list(library.folder.glob("recordings/*/recording-kept-*.json"))
    assert len(kept) == 1 and "Said later." in kept[0].read_text("utf-8")  # the own file that said more
    beside.write_changed(library, ignore_progress)
    assert first_text(library) in next(library.folder.glob(
        f"recordings/{library.recordings()[0].folder}/recording.json")).read_text("utf-8")
    library.close()


def test_the_best_of_both_is_the_backup_with_what_the_own_files_say(filled: Library) -> None:
    made = backups.make(filled.folder)
    versions = filled.versions(filled.transcripts(filled.recordings()[0].id)[0].id)
    reword(filled, "Said later.")
    filled.set_terms(None, ["sluice", "weir"])
    beside.write_changed(filled, ignore_progress)
    wanted, changed = everything(filled), filled.recordings()[0].folder
    library, done = restored(filled, made.file, newer=True)
    assert everything(library) == wanted and done.taken == (changed,)
    assert library.terms(None) == ["sluice", "weir"]
    assert library.versions(library.transcripts(library.recordings()[0].id)[0].id) == versions and versions
    assert upkeep.search_problems(made.file) == [] and not upkeep.problems(library.folder / "library.db", full=True)
    library.close()


@pytest.mark.parametrize("newer", [True, False])
def test_a_recording_that_is_newer_than_the_backup_comes_from_its_own_file(filled: Library, newer: bool) -> None:
    made = backups.make(filled.folder)
    folder = filled.folder / "recordings" / "new"
    folder.mkdir()
    fresh = filled.add_recording(title="Newer", folder="new", original="original.wav", sha256="e" * 64, byte_count=1)
    transcript = filled.add_transcript(fresh.id, engine="imported", model="", time_range=TimeRange(0, 9))
    filled.add_segments(transcript.id, [("Ann", line(1))])
    beside.write_changed(filled, ignore_progress)
    wanted = filled.document(transcript.id)
    assert backups.contents(filled.folder, made).missing_there == 1
    library, done = restored(filled, made.file, newer=newer)
    assert library.document(transcript.id) == wanted and "new" in done.taken
    library.close()


def test_recordings_that_come_back_without_their_sound_are_named(filled: Library, cache: Path) -> None:
    add_video(filled, "https://www.youtube.com/watch?v=aaaaaaaaaaa")  # has no sound of its own
    made, gone = backups.make(filled.folder), filled.recordings()[-1]
    remove_recording(filled, cache, gone)
    filled.erase_words()
    library, done = restored(filled, made.file, newer=True)
    assert done.without_sound == (gone.title,) and library.recording_in(gone.folder) is not None
    library.close()


def test_a_log_without_its_database_is_not_kept(filled: Library) -> None:
    made = backups.make(filled.folder)
    filled.close()
    (filled.folder / "library.db").unlink()
    for end in ("-wal", "-shm", "-journal"):
        (filled.folder / f"library.db{end}").write_bytes(b"words that were removed")
    library, done = restored(filled, made.file, newer=True)
    library.close()
    assert done.kept_as is None and list(filled.folder.glob("library-before-*")) == []


def test_a_library_that_cannot_be_read_is_not_compared(filled: Library) -> None:
    made = backups.make(filled.folder)
    filled.close()
    (filled.folder / "library.db").write_bytes(b"Dear editor " * 1000)
    assert backups.contents(filled.folder, made) == backups.Contents(2, 24, 0, 0, 0, is_compared=False)


def test_a_damaged_backup_is_refused_and_the_next_one_offered(filled: Library) -> None:
    good, bad = (backups.make(filled.folder, NOON + timedelta(hours=n)) for n in (0, 1))
    content = bytearray(bad.file.read_bytes())
    content[-2000] ^= 1
    bad.file.write_bytes(content)
    assert backups.newest_sound(filled.folder) == good
    filled.close()
    before = (filled.folder / "library.db").read_bytes()
    with pytest.raises(UserError, match="is damaged"):
        backups.restore(filled.folder, bad.file, newer=True, report=ignore_progress)
    assert (filled.folder / "library.db").read_bytes() == before and not list(filled.folder.glob(".library*"))


def test_a_backup_of_an_older_program_is_brought_up_to_date(filled: Library) -> None:
    old = filled.folder / "library-before-version-6-20260101T000000.db"
    shutil.copy(Path(__file__).resolve().parent / "libraries" / "version-5.db", old)
    wanted = {recording.folder for recording in filled.recordings()}
    library, done = restored(filled, old, newer=True)
    assert wanted <= {recording.folder for recording in library.recordings()} and set(done.taken) == wanted
    assert not list(library.folder.glob(".library*"))
    library.close()


def test_a_backup_of_a_newer_program_is_left_alone(filled: Library) -> None:
    made = backups.make(filled.folder)
    newer = filled.folder / "library-newer.db"
    shutil.copy(made.file, newer)
    with Reading(newer) as connection:
        connection.execute(f"PRAGMA user_version = {len(migrations.STEPS) + 1}")
    filled.close()
    with pytest.raises(UserError, match="newer Pullquote"):
        backups.restore(filled.folder, newer, newer=True, report=ignore_progress)


def test_a_removed_backup_leaves_nothing(filled: Library) -> None:
    made = backups.make(filled.folder)
    backups.remove(made)
    assert backups.backups(filled.folder) == [] and names(made.file.parent) == []


# -- a database that cannot be opened ----------------------------------------------------------------------------


@pytest.fixture(params=["letters", "empty", "gone", "torn"])
def broken(request: pytest.FixtureRequest, filled: Library) -> Iterator[Path]:
    """The folder of a library whose database is no database any more, and has a backup."""
    backups.make(filled.folder)
    filled.close()
    file = filled.folder / "library.db"
    content = file.read_bytes()
    file.unlink()
    if request.param != "gone":
        file.write_bytes({"letters": b"Dear editor " * 1000, "empty": b"", "torn": content[:10_000]}[request.param])
    yield filled.folder


def test_a_database_that_is_none_is_not_replaced_by_an_empty_one(broken: Path) -> None:
    before = {path: path.read_bytes() for path in broken.glob("library*")}
    try:
        library = Library(broken)
    except LibraryDamaged as error:
        assert "Restore a backup, or rebuild" in error.sentence
    else:  # the head of a torn file is sound: it is the check that sees it
        assert upkeep.problems(broken / "library.db")
        library.close()
    assert {path: content for path, content in before.items() if content} == {
        path: path.read_bytes() for path, content in before.items() if content}
    backup = backups.newest_sound(broken)
    assert backup is not None
    done = backups.restore(broken, backup.file, newer=True, report=ignore_progress)
    library = Library(broken)
    assert len(everything(library)) == 2 and not upkeep.problems(broken / "library.db", full=True)
    assert done.kept_as is None or done.kept_as.exists()
    library.close()


# -- a command beside the window -------------------------------------------------------------------------------


DEEDS: dict[str, Callable[[Library], object]] = {
    "nothing": lambda library: None,
    "a check": lambda library: list(library_check.findings(library, ignore_progress)),
    "a full check": lambda library: list(library_check.findings(library, ignore_progress, full=True)),
    "a look at the file": lambda library: upkeep.problems(library.folder / "library.db"),
    "a look at its index": lambda library: library_check.search_findings(library.folder),
    "a backup": lambda library: backups.make(library.folder),
    "a backup elsewhere": lambda library: backups.copy_to(library.folder, library.folder.parent / "own.db"),
    "the list of backups": lambda library: [backups.contents(library.folder, b)
                                            for b in backups.backups(library.folder)],
    "the files beside": lambda library: beside.write_changed(library, ignore_progress),
    "the bin": lambda library: empty_bin(library, library.folder.parent / "cache"),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_a_program_beside_this_one_takes_nothing_away_from_it(deed: str, filled: Library) -> None:
    """Who closes a file gives up all locks that this process has on it, SQLite's too; the next one to leave the
    database then thinks that it is alone and removes the log that is still written to."""
    backups.make(filled.folder, now=datetime(2026, 11, 1, tzinfo=UTC))
    filled.set_binned([filled.recordings()[-1].id], True)
    DEEDS[deed](filled)
    log = filled.folder / "library.db-wal"
    reword(filled, "Written before.")
    before = log.stat().st_ino
    beside_it = ("import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
                 "print(c.execute('SELECT count(*) FROM recording').fetchone()); c.close()")
    subprocess.run([sys.executable, "-c", beside_it, str(filled.folder / "library.db")], check=True, timeout=60)
    assert log.exists() and log.stat().st_ino == before
    reword(filled, "Written afterwards.")
    again = Library(filled.folder)
    assert first_text(again) == "Written afterwards."
    again.close()
