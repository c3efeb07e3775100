"""Which recordings were changed since their own files were written, remembered also when the program is killed."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path

LIBRARY = 0  # what belongs to no recording: projects, terms, lines of the ledger
EVERYTHING = -1

_OWN = "SELECT {row}.recording_id"
_OF_TRANSCRIPT = "SELECT recording_id FROM transcript WHERE id = {row}.transcript_id"
# Whose file a row belongs into. Words and parts of versions change only together with what they belong to.
_WHOSE = {
    "recording": "SELECT {row}.id", "tag": _OWN, "person": _OWN, "withheld": _OWN, "mark": _OWN, "quote": _OWN,
    "transcript": _OWN, "thread": _OWN, "job": _OWN, "speaker": _OF_TRANSCRIPT, "segment": _OF_TRANSCRIPT,
    "proposal": "SELECT recording_id FROM transcript JOIN speaker ON speaker.transcript_id = transcript.id "
                "WHERE speaker.id = {row}.speaker_id",
    "turn": "SELECT recording_id FROM thread WHERE id = {row}.thread_id",
    "part": "SELECT recording_id FROM job WHERE id = {row}.job_id",
    "sending": f"SELECT coalesce({{row}}.recording_id, {LIBRARY})",
    "term": f"SELECT {LIBRARY}",
    "project": f"SELECT id FROM recording WHERE project_id = {{row}}.id UNION SELECT {LIBRARY}",
}
_EVENTS = {"INSERT": ("new",), "UPDATE": ("old", "new"), "DELETE": ("old",)}


class Changes:
    """Triggers of the writer's own connection note what is changed by whatever verb; they are not in the file.

    A recording that comes new to the list is entered into a small file before the change is committed, so that a kill
    loses none. Too many entries are no harm.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "changed.txt"
        self._lock = threading.Lock()
        self._pending: dict[int, int] = {}  # recording id -> number of its last change
        self._count = 0
        self._read = 0  # bytes of the file that are known
        with self._lock:
            self._read_file()

    def watch(self, connection: sqlite3.Connection) -> None:
        """Lay the triggers; the schema must be there."""
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("CREATE TEMP TABLE changed_recording (id INT)")
        for table, whose in _WHOSE.items():
            for event, rows in _EVENTS.items():
                noting = " ".join(f"INSERT INTO changed_recording {whose.format(row=row)};" for row in rows)
                trigger = (f"CREATE TEMP TRIGGER {table}_noted_on_{event.lower()} AFTER {event} ON main.{table} "
                           f"BEGIN {noting} END")
                connection.execute(trigger)

    def note(self, connection: sqlite3.Connection) -> None:
        """Take over what the open transaction has changed; called before its commit."""
        changed = [row[0] for row in connection.execute("SELECT DISTINCT id FROM changed_recording "
                                                        "WHERE id IS NOT NULL")]
        if changed:
            connection.execute("DELETE FROM changed_recording")
            self.add(changed)

    def add(self, recordings: Iterable[int]) -> None:
        """Recordings whose files are to be written (again)."""
        with self._lock:
            fresh = self._enter(recordings)
            if fresh:
                self._append("".join(f"{recording}\n" for recording in fresh))

    @property
    def pending(self) -> dict[int, int]:
        """Recording ids (also LIBRARY and EVERYTHING), each with the number of its last change."""
        with self._lock:
            return dict(self._pending)

    @property
    def has_pending(self) -> bool:
        """Whether anything is to be written; asks without waiting."""
        return bool(self._pending)

    def done(self, recording: int, number: int) -> None:
        """Its file was written as it was at this number; what came later stays to be done."""
        with self._lock:
            if self._pending.get(recording) == number:
                del self._pending[recording]
            if not self._pending:
                self._read_file()  # another process may have added something
                if not self._pending:
                    self._forget()

    def _enter(self, recordings: Iterable[int]) -> list[int]:
        self._count += 1
        fresh = []
        for recording in recordings:
            if recording not in self._pending:
                fresh.append(recording)
            self._pending[recording] = self._count
        return fresh

    def _read_file(self) -> None:
        try:
            content = self._file.read_bytes()
        except OSError:
            return
        lines = content[self._read:].split()
        self._read = len(content)
        if lines:
            self._enter(int(line) if line.isdigit() and len(line) < 19 else EVERYTHING for line in lines)

    def _append(self, text: str) -> None:
        """Durably. On a disk that takes nothing the change itself will say so; its mark is then in memory only."""
        try:
            descriptor = os.open(self._file, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, text.encode())
                os.fsync(descriptor)
                self._read += len(text)
            finally:
                os.close(descriptor)
        except OSError:
            pass

    def _forget(self) -> None:
        try:
            if self._read:
                os.truncate(self._file, 0)
                self._read = 0
        except OSError:
            pass  # the files are written once more at the next start
