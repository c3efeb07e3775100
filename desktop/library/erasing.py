"""Wiping: after rows are deleted, their words are still in the search index, in the log of changes, in free pages."""

from __future__ import annotations

import shutil
import sqlite3
import time
from pathlib import Path

from desktop.errors import LibraryError
from desktop.library.store import Store

_INDEXES = ("segment_search", "note_search")
_PAGES_AT_ONCE = 200  # of an index, in one transaction: a few milliseconds, then others may write
_TURN = 0.05  # seconds between two steps, for others who wait with SQLite's growing pauses
_PATIENCE = 10.0  # seconds for readers to come to an end
_SMALL = 64 << 20  # bytes; up to here giving back free space takes some tenths of a second, while nobody can write


class Erasing(Store):
    """Deleted words are overwritten, in a connection of its own and in small steps.

    Rows are deleted under `secure_delete`, so their pages are zeroed; what that does not reach are the words that the
    search index keeps until its pieces are joined, and older pages in the log of changes. Then the file is made
    smaller: as a whole when it is small, else page by page. A small file says that wiping is owed, so that a run that
    was interrupted is made up for at the next start.
    """

    @property
    def _owed(self) -> Path:
        return self.folder / "words-to-erase"

    @property
    def has_words_to_erase(self) -> bool:
        """Whether something was deleted whose words may still be in the file."""
        return self._owed.exists()

    def owe_erasing(self) -> None:
        """Note, before rows are deleted for ever, that their words are to be wiped."""
        if not self.read_only_because:
            self._owed.touch(mode=0o600)

    def erase_words(self) -> None:
        """Wipe what is owed; takes a while and disturbs nobody. Raises LibraryError when it is to be tried again."""
        if not self.has_words_to_erase or self.read_only_because:
            return
        before = self._owed.stat().st_mtime_ns
        try:
            connection = sqlite3.connect(self._file, isolation_level=None, timeout=_PATIENCE)
            try:
                self._wipe(connection)
            finally:
                connection.close()
            if self._owed.stat().st_mtime_ns == before:  # nothing else was removed meanwhile
                self._owed.unlink()
        except (sqlite3.Error, OSError) as error:
            raise LibraryError(
                "The recordings are removed, but their words could not yet be wiped from the library's file "
                "({reason}). This is tried again at the next start.", reason=error) from error

    def _wipe(self, connection: sqlite3.Connection) -> None:
        for pragma in ("secure_delete = ON", "synchronous = FULL", "fullfsync = ON", "auto_vacuum = INCREMENTAL"):
            connection.execute(f"PRAGMA {pragma}")
        for index in _INDEXES:
            _join_pieces(connection, index)
        size = self._file.stat().st_size
        if size <= _SMALL and shutil.disk_usage(self.folder).free > 3 * size + (64 << 20):
            connection.execute("VACUUM")
        else:
            _give_back(connection)
        _empty_log(connection)


def _join_pieces(connection: sqlite3.Connection, table: str) -> None:
    """What FTS5's 'optimize' does, in steps (see "merge" in its documentation): deleted words fall out."""
    pages = -_PAGES_AT_ONCE  # the first step brings all pieces to one level
    polite = 1 + connection.execute(f"SELECT count(*) FROM {table}_data").fetchone()[0] // _PAGES_AT_ONCE
    while True:
        before = connection.total_changes
        connection.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('merge', ?)", (pages,))
        if connection.total_changes - before < 2:  # nothing was left to join
            return
        pages, polite = _PAGES_AT_ONCE, polite - 1
        if polite > 0:  # who writes all the time makes new pieces all the time, and this would never end
            time.sleep(_TURN)


def _give_back(connection: sqlite3.Connection) -> None:
    """VACUUM's work in steps (see "incremental_vacuum" in SQLite's documentation): free pages leave the file."""
    while free := connection.execute("PRAGMA freelist_count").fetchone()[0]:
        connection.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")  # execute() ends after one page
        if connection.execute("PRAGMA freelist_count").fetchone()[0] == free:  # a file from before this was possible
            return
        time.sleep(_TURN)


def _empty_log(connection: sqlite3.Connection) -> None:
    """Bring all changes into the file and cut the log of changes to nothing."""
    end = time.monotonic() + _PATIENCE
    while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() > end:
            raise sqlite3.OperationalError("somebody is still reading")
        time.sleep(0.05)
