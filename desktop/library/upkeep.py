"""A database file from outside: is it sound, a copy of it, and putting another one in its place."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from desktop import migrations
from desktop.errors import LibraryError
from desktop.library.store import BROKEN, LibraryDamaged, means_damage
from desktop.paths import fsync_folder

_COUNTED = ("recording", "transcript", "speaker", "segment", "quote", "mark", "withheld", "turn", "version", "sending")
_BESIDE = ("-wal", "-shm")  # files that SQLite keeps beside a database


def problems(file: Path, *, full: bool = False) -> list[str]:
    """What SQLite finds wrong with a database file; [] when it is sound. `full` also compares the indexes.

    Only SQLite may open the file: whoever closes a database that this process has open takes away SQLite's locks.
    """
    try:
        with _reading(file) as connection:
            if not migrations.version_of(connection):
                return ["it is empty"]
            check = "PRAGMA integrity_check(20)" if full else "PRAGMA quick_check(20)"
            return [row[0] for row in connection.execute(check) if row[0] != "ok"]
    except BROKEN as error:
        return [str(error)]


def is_older(file: Path) -> bool:
    """Whether an older program wrote it, so that opening it will update it first. A damaged one is not older."""
    try:
        with _reading(file) as connection:
            return 0 < migrations.version_of(connection) < len(migrations.STEPS)
    except BROKEN:
        return False


def search_problems(file: Path) -> list[str]:
    """Whether the search index says what the texts say. It locks the file, so give it a copy."""
    found = []
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            for index in ("segment_search", "note_search"):
                check = f"INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)"
                try:
                    connection.execute(check)
                except BROKEN as error:
                    found.append(f"{index}: {error}")
    except BROKEN as error:
        found.append(str(error))
    return found


def rebuild_search(file: Path) -> None:
    """Make the search index anew from the texts. LibraryError when it cannot be written."""
    try:
        with closing(sqlite3.connect(file, isolation_level=None, timeout=30)) as connection:
            for index in ("segment_search", "note_search"):
                rebuild = f"INSERT INTO {index} ({index}) VALUES ('rebuild')"
                connection.execute(rebuild)
    except BROKEN as error:
        raise LibraryError("The search index could not be made anew ({reason}). Free some space on the disk and try "
                           "again; nothing was changed.", reason=error) from error


def copy(file: Path, target: Path) -> str:
    """Copy an open database to `target` without making its writers wait; gives the SHA-256 of the copy.

    Through a temporary name; the copy is opened, checked and counted before it gets its own. LibraryDamaged when it
    is not sound; OSError and LibraryError when it cannot be written.
    """
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.unlink(missing_ok=True)
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        _copy(file, temporary)
        with open(temporary, "rb+") as copied:
            digest = hashlib.file_digest(copied, "sha256").hexdigest()
            os.fsync(copied.fileno())
        temporary.replace(target)
        fsync_folder(target.parent)
        return digest
    finally:
        for leftover in (temporary, *_siblings(temporary)):
            leftover.unlink(missing_ok=True)


def _copy(file: Path, temporary: Path) -> None:
    try:
        with _reading(file) as source, closing(sqlite3.connect(temporary, isolation_level=None)) as made:
            source.execute("BEGIN")
            before = _counts(source)
            source.backup(made)  # in one step: a copy in steps begins again whenever somebody writes
            made.execute("PRAGMA journal_mode = DELETE")  # one file, wherever it is carried
            found = [row[0] for row in made.execute("PRAGMA quick_check(3)") if row[0] != "ok"]
            if found or _counts(made) != before:
                raise LibraryDamaged(file.parent, "; ".join(found) or "the copy is not complete")
    except BROKEN as error:
        if means_damage(error):
            raise LibraryDamaged(file.parent, error) from error
        raise LibraryError("The library could not be backed up ({reason}). Free some space on the disk; the library "
                           "itself is as it was.", reason=error) from error


def _counts(connection: sqlite3.Connection) -> list[int]:
    here = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    counting = [f"SELECT count(*) FROM {table}" for table in _COUNTED if table in here]
    return [connection.execute(count).fetchone()[0] for count in counting]


def settle(file: Path) -> None:
    """Bring what lies beside a database file into it, as far as that goes: then the file stands alone."""
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode = DELETE")
    except BROKEN:
        pass  # too damaged for that; what lies beside it is kept with it


def swap(new: Path, file: Path, kept: Path) -> None:
    """Put `new` in the place of the database `file`, which lives on as `kept`; nothing is deleted.

    Killed in between, there is the old one, or none on a disk without links, which the next start notices (see Store).
    """
    with open(new, "rb+") as written:
        os.fsync(written.fileno())
    if file.exists():
        settle(file)
    for old in _siblings(file):
        if old.exists():
            old.rename(kept.with_name(kept.name + old.name.removeprefix(file.name)))
    if file.exists():
        _keep(file, kept)
    try:
        new.replace(file)
    except OSError:
        if kept.exists() and not file.exists():
            kept.rename(file)
        raise
    fsync_folder(file.parent)


def _keep(file: Path, kept: Path) -> None:
    """A second name where the disk has such, so that there is a database at every moment."""
    try:
        os.link(file, kept)
    except OSError:
        file.rename(kept)


def last_written(file: Path) -> float:
    """When something was last written into a database (seconds of the epoch); 0 when it is not there."""
    times = [path.stat().st_mtime for path in (file, file.with_name(f"{file.name}-wal"))
             if path.exists() and path.stat().st_size]
    return max(times, default=0.0)


def _siblings(file: Path) -> list[Path]:
    return [file.with_name(file.name + ending) for ending in (*_BESIDE, "-journal")]


@contextmanager
def _reading(file: Path) -> Iterator[sqlite3.Connection]:
    uri = f"{file.resolve().as_uri()}?mode=rw"  # opened read-only, SQLite would not check what columns may hold
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10)) as connection:
        connection.execute("PRAGMA query_only = ON")
        yield connection
