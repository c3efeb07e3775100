"""The SQLite file itself: one writer connection guarded by a lock; every thread reads through one of its own."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from desktop import migrations
from desktop.errors import LibraryConflict, LibraryError
from desktop.library.changes import Changes
from desktop.paths import private_folder

_HIGHEST = {
    "segment": "SELECT max(n) FROM "
               "(SELECT max(id) AS n FROM segment UNION SELECT max(segment_id) FROM version_segment)",
    "speaker": "SELECT max(n) FROM "
               "(SELECT max(id) AS n FROM speaker UNION SELECT max(speaker_id) FROM version_speaker)",
    "quote": "SELECT max(id) FROM quote",
}
# What the disk or another program did; everything else that SQLite says of a file means that the file is at fault.
_NO_DAMAGE = (sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM,
              sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN)


BROKEN = (sqlite3.Error, UnicodeDecodeError)  # what SQLite says of a damaged file may itself be no text


class LibraryDamaged(LibraryError):
    """The database is damaged or missing; backups and the recordings' own files can bring it back."""

    def __init__(self, folder: Path, reason: object) -> None:
        super().__init__(
            "The library's database in {folder} is damaged or missing ({reason}). Your recordings are still there, "
            "and nothing was changed. Restore a backup, or rebuild the database from the recordings' own files.",
            folder=folder, reason=reason)
        self.folder = folder


class Store:
    """Opens (and when needed makes or migrates) the library below `folder`.

    Raises LibraryError when the folder cannot be used, LibraryDamaged when the database is at fault.
    `read_only_because` holds a sentence when the file was written by a newer program, or is damaged: then everything
    can be read and nothing written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.read_only_because = ""
        self.changes = Changes(folder)
        self._file = folder / "library.db"
        self._lock = threading.RLock()
        self._readers = threading.local()
        self._all_readers: dict[sqlite3.Connection, threading.Thread] = {}
        self._ids: dict[str, int] = {}  # the last one given out, by table
        self._writer = self._open()

    # -- opening and closing ---------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        try:
            private_folder(self.folder)
            private_folder(self.folder / "recordings")
            if _is_lost(self._file):
                raise LibraryDamaged(self.folder, "there is no database")
            if not self._file.exists():
                os.close(os.open(self._file, os.O_CREAT | os.O_RDWR, 0o600))
            return self._open_writer()
        except (OSError, *BROKEN) as error:
            if not isinstance(error, OSError) and means_damage(error, opening=True):
                raise LibraryDamaged(self.folder, error) from error
            raise LibraryError(
                "The library in {folder} cannot be opened ({reason}). Check that the folder exists, is not full and "
                "may be written to; nothing was changed.", folder=self.folder, reason=error) from error

    def _open_writer(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False, timeout=10)
        connection.row_factory = sqlite3.Row
        if migrations.version_of(connection) > len(migrations.STEPS):
            connection.close()
            self.read_only_because = (
                "This library was last used by a newer Pullquote. It is opened for reading only; "
                "install the newer program to change it.")
            return self._new_reader()
        migrations.begin(connection)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON",
                       "fullfsync = ON"):
            connection.execute(f"PRAGMA {pragma}")
        migrations.migrate(connection, self._file)
        self.changes.watch(connection)
        return connection

    def _new_reader(self) -> sqlite3.Connection:
        connection = sqlite3.connect(f"{self._file.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None,
                                     check_same_thread=False, timeout=10)
        connection.row_factory = sqlite3.Row
        with self._lock:  # a thread that has ended reads no more
            for reader in [r for r, thread in self._all_readers.items() if not thread.is_alive()]:
                del self._all_readers[reader]
                reader.close()
            self._all_readers[connection] = threading.current_thread()
        return connection

    def close(self) -> None:
        """Close every connection; the library cannot be used afterwards."""
        with self._lock:
            for connection in (*self._all_readers, self._writer):
                connection.close()

    def _rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        reader: sqlite3.Connection | None = getattr(self._readers, "connection", None)
        try:
            if reader is None:
                reader = self._readers.connection = self._new_reader()
            return reader.execute(sql, values).fetchall()
        except BROKEN as error:
            if means_damage(error):
                raise LibraryDamaged(self.folder, error) from error
            raise LibraryError(
                "The library could not be read ({reason}). Close Pullquote and start it again; nothing was changed.",
                reason=error) from error

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        if self.read_only_because:
            raise LibraryError("{reason}", reason=self.read_only_because)
        with self._lock:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    yield self._writer
                    self.changes.note(self._writer)
                    self._writer.execute("COMMIT")
                except BaseException:
                    self._writer.execute("ROLLBACK")
                    raise
            except sqlite3.IntegrityError as error:
                raise LibraryConflict(
                    "A change did not fit what is in the library and was left out ({reason}). What is shown now is "
                    "what is kept.", reason=error) from error
            except BROKEN as error:
                if means_damage(error):
                    raise LibraryDamaged(self.folder, error) from error
                raise LibraryError(
                    "The library could not be written ({reason}). Check the free space on the disk and try again; "
                    "what was there before is still there.", reason=error) from error

    def changed(self) -> dict[int, int]:
        """What was changed since its own file was written, all of it committed; see Changes.pending."""
        with self._lock:
            return self.changes.pending

    def new_id(self, table: str, count: int = 1) -> int:
        """An id that no row of `table` ("segment", "speaker", "quote") has, or had since the library was opened.

        With `count` the first of so many in a row.

        What an undo or a version brings back comes back under its old id, so ids are given out here and not by SQLite.
        """
        with self._lock:
            highest = self._rows(_HIGHEST[table])[0][0] or 0  # another process may have written, too
            first = max(self._ids.get(table, 0), highest) + 1
            self._ids[table] = first + count - 1
            return first


def _is_lost(file: Path) -> bool:
    """No database (or an empty one) where there was one: a new one would hide what is there."""
    if file.exists() and file.stat().st_size:
        return False
    return any(next(file.parent.glob(pattern), None) is not None
               for pattern in ("recordings/*/recording.json", "backups/*.db", "library-*.db"))


def means_damage(error: Exception, *, opening: bool = False) -> bool:
    """Whether the file is at fault; while it is opened, also when the schema is not what it should be."""
    if isinstance(error, UnicodeDecodeError):
        return True
    primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_LOCKED) & 0xff  # without one it is not of the file
    return primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or (opening and primary not in _NO_DAMAGE)
