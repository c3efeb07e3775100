"""Everything of one recording as plain rows: read from a database file at one moment, and entered into a new one."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from desktop import migrations
from desktop.cleaning import clean_text
from desktop.library.store import BROKEN, LibraryDamaged

Value = str | int | float | None
_OWN = "recording_id = ?"
_OF_TRANSCRIPT = "transcript_id IN (SELECT id FROM transcript WHERE recording_id = ?)"
_OF_SEGMENT = ("segment_id IN (SELECT segment.id FROM segment JOIN transcript ON transcript.id = transcript_id "
               "WHERE recording_id = ?)")
# table -> (which rows are a recording's, their order). Earlier versions are not among them: thirty copies of a
# transcript would be written again with every corrected word.
TABLES = {
    "recording": ("id = ?", "id"), "tag": (_OWN, "name"), "person": (_OWN, "position"),
    "transcript": (_OWN, "id"), "speaker": (_OF_TRANSCRIPT, "id"), "segment": (_OF_TRANSCRIPT, "id"),
    "word": (_OF_SEGMENT, "segment_id, position"),
    "proposal": ("speaker_id IN (SELECT speaker.id FROM speaker JOIN transcript ON transcript.id = transcript_id "
                 "WHERE recording_id = ?)", "speaker_id, name"),
    "withheld": (_OWN, "position"), "mark": (_OWN, "position"), "quote": (_OWN, "id"), "thread": (_OWN, "id"),
    "turn": ("thread_id IN (SELECT id FROM thread WHERE recording_id = ?)", "thread_id, position"),
    "job": (_OWN, "id"), "part": ("job_id IN (SELECT id FROM job WHERE recording_id = ?)", "job_id, position"),
    "sending": (_OWN, "id"),
}
# What belongs to no recording. Projects are known by their names outside the database.
LIBRARY_TABLES = {"project": ("true", "name"), "term": ("true", "project_id, position"),
                  "sending": ("recording_id IS NULL", "id")}
_REFERENCES = {"recording_id": "recording", "transcript_id": "transcript", "speaker_id": "speaker",
               "merged_into": "speaker", "segment_id": "segment", "thread_id": "thread", "job_id": "job"}
_WITH_IDS = ("recording", "transcript", "speaker", "segment", "quote", "thread", "job", "sending")
_AS_ARRIVED = {"answer", "options"}  # JSON of machines, kept as it came
_HIGHEST = 1 << 48


@dataclass(frozen=True)
class Rows:
    """Some rows of a table; values stand in the order of the columns."""

    columns: tuple[str, ...]
    rows: Iterable[tuple[Value, ...]]


@dataclass
class Record:
    """Everything of a recording (or of the library itself) by table, and the name of its project."""

    tables: dict[str, Rows] = field(default_factory=dict)
    project: str = ""

    def value(self, table: str, column: str) -> Value:
        """Of the first row; None when there is none."""
        found = self.tables.get(table)
        row = next(iter(found.rows), None) if found else None
        return row[found.columns.index(column)] if found and row is not None and column in found.columns else None


class Snapshot:
    """A reader of its own on a database file: it sees one moment, and nobody waits for it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @property
    def version(self) -> int:
        return migrations.version_of(self._connection)

    def folders(self) -> dict[str, int]:
        """Folder of each recording, also of those in the bin, to its id."""
        return dict(self._connection.execute("SELECT folder, id FROM recording"))

    def number(self, folder: str) -> int | None:
        """The id of the recording with this folder; None when there is none."""
        row = self._connection.execute("SELECT id FROM recording WHERE folder = ?", (folder,)).fetchone()
        return int(row[0]) if row else None

    def record(self, recording_id: int) -> Record:
        """Everything of a recording at once; of the library itself for 0."""
        tables = self.tables(recording_id) if recording_id else self.library_tables()
        return Record({table: Rows(rows.columns, list(rows.rows)) for table, rows in tables},
                      self.project(recording_id))

    def lines(self) -> dict[str, int]:
        """Folder of each recording to how many lines its transcripts have."""
        return dict(self._connection.execute(
            "SELECT folder, (SELECT count(*) FROM transcript CROSS JOIN segment ON transcript_id = transcript.id "
            "WHERE recording_id = recording.id) FROM recording"))

    def place(self, recording_id: int) -> tuple[str | None, str]:
        """Its folder (None when it is gone), and the address when it is a video."""
        row = self._connection.execute("SELECT folder, address FROM recording WHERE id = ?", (recording_id,)).fetchone()
        return (row[0], row[1]) if row else (None, "")

    def project(self, recording_id: int) -> str:
        """The name of its project, or ""."""
        row = self._connection.execute("SELECT name FROM project WHERE id = (SELECT project_id FROM recording "
                                       "WHERE id = ?)", (recording_id,)).fetchone()
        return str(row[0]) if row else ""

    def tables(self, recording_id: int) -> Iterator[tuple[str, Rows]]:
        """The tables of a recording, each to be read through before the next; nothing when it is gone."""
        for table, (condition, order) in TABLES.items():
            columns = f"* FROM {table} WHERE {condition}"  # names of our own, all of them
            yield table, self._rows(f"SELECT {columns} ORDER BY {order}", recording_id)

    def library_tables(self) -> Iterator[tuple[str, Rows]]:
        """What belongs to no recording."""
        for table, (condition, order) in LIBRARY_TABLES.items():
            columns = f"* FROM {table} WHERE {condition}"
            yield table, self._rows(f"SELECT {columns} ORDER BY {order}")

    def _rows(self, sql: str, *values: object) -> Rows:
        cursor = self._connection.execute(sql, values)
        return Rows(tuple(column[0] for column in cursor.description), _batched(cursor))


@contextmanager
def snapshot(file: Path) -> Iterator[Snapshot]:
    """Read a database file as it is now. LibraryDamaged when it cannot be read."""
    try:
        connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=10)
        try:
            connection.execute("BEGIN")
            yield Snapshot(connection)
        finally:
            connection.close()
    except BROKEN as error:
        raise LibraryDamaged(file.parent, error) from error


def _batched(cursor: sqlite3.Cursor) -> Iterator[tuple[Value, ...]]:
    while rows := cursor.fetchmany(200):
        yield from rows


class Intake:
    """Enters records into a database file that nobody else has open; see `intake`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._types = {table: {row[1]: row[2] for row in connection.execute("SELECT * FROM pragma_table_info(?)",
                                                                            (table,))}
                       for table in (*TABLES, *LIBRARY_TABLES)}

    def enter(self, record: Record) -> None:
        """Enter a recording, in place of one that has its folder; ids stay where they are free.

        ValueError when the record contradicts itself; then nothing is changed.
        """
        with self._transaction():
            row = self._connection.execute("SELECT id FROM recording WHERE folder = ?",
                                           (record.value("recording", "folder"),)).fetchone()
            if row:
                for table in reversed(TABLES):
                    condition = TABLES[table][0]
                    delete = f"DELETE FROM {table} WHERE {condition}"
                    self._connection.execute(delete, row)
            self._insert_all(record)

    def enter_library(self, record: Record) -> None:
        """Projects with their terms, and lines of the ledger that belong to no recording; those here stay."""
        with self._transaction():
            projects = {key: self._project(str(name)) for key, name in _pairs(record, "project", "id", "name")}
            entered: set[int | None] = set()
            for key, position, text in _pairs(record, "term", "project_id", "position", "text"):
                project = projects.get(key)
                if project not in entered:
                    self._connection.execute("DELETE FROM term WHERE project_id IS ?", (project,))
                    entered.add(project)
                self._connection.execute("INSERT INTO term (project_id, position, text) VALUES (?, ?, ?)",
                                         (project, position, clean_text(str(text))))
            self._enter_ledger(record)

    def _enter_ledger(self, record: Record) -> None:
        """Lines that are not here yet, be it as those of a recording that has come back."""
        found = record.tables.get("sending")
        if found is None or "at" not in found.columns:
            return
        place, known = found.columns.index("at"), {row[0] for row in self._connection.execute("SELECT at FROM sending")}
        fresh = Record({"sending": Rows(found.columns, [row for row in found.rows if row[place] not in known])})
        self._insert("sending", fresh, {}, {"sending": self._shift("sending", fresh)})

    def _insert_all(self, record: Record) -> None:
        shifts = {table: self._shift(table, record) for table in _WITH_IDS}
        own = {table: {row[0] for row in _pairs(record, table, "id")} for table in _WITH_IDS}
        if len(own["recording"]) != 1:
            raise ValueError("not one recording")
        for table in TABLES:
            self._insert(table, record, own, shifts)
        recording = (record.value("recording", "id") or 0) + shifts["recording"]  # type: ignore[operator]
        self._connection.execute("UPDATE recording SET project_id = ? WHERE id = ?",
                                 (self._project(record.project), recording))

    def _insert(self, table: str, record: Record, own: dict[str, set[Value]], shifts: dict[str, int]) -> None:
        found = record.tables.get(table)
        if found is None:
            return
        types = self._types[table]
        columns = [name for name in found.columns if name in types and name != "project_id"]
        rows = [self._fitting(table, dict(zip(found.columns, row, strict=True)), columns, own, shifts)
                for row in found.rows]
        if columns and rows:
            insert = (f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})")
            self._connection.executemany(insert, rows)

    def _fitting(self, table: str, row: dict[str, Value], columns: list[str], own: dict[str, set[Value]],
                 shifts: dict[str, int]) -> list[Value]:
        """The values as they are entered: of the right kind, clean, and with ids that are free."""
        values: list[Value] = []
        for name in columns:
            value = _checked(name, row[name], self._types[table][name])
            target = _REFERENCES.get(name) or (table if name == "id" else "")
            if target and value is not None and own and value not in own[target]:
                raise ValueError(f"{table}.{name} points to something that is not there")
            if target and isinstance(value, int):
                value += shifts.get(target, 0)
            values.append(value)
        return values

    def _shift(self, table: str, record: Record) -> int:
        """What is to be added to a record's ids of this table so that all of them are free."""
        ids = [row[0] for row in _pairs(record, table, "id")]
        if any(not isinstance(i, int) or not 0 < i < _HIGHEST for i in ids):
            raise ValueError(f"{table} has an id that is none")
        taken = f"SELECT 1 FROM {table} WHERE id IN (SELECT value FROM json_each(?)) LIMIT 1"
        if not ids or not self._connection.execute(taken, (json.dumps(ids),)).fetchone():
            return 0
        highest = f"SELECT max(id) FROM {table}"
        return int(self._connection.execute(highest).fetchone()[0])

    def _project(self, name: str) -> int | None:
        if not (name := clean_text(name)):
            return None
        self._connection.execute("INSERT INTO project (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
        return int(self._connection.execute("SELECT id FROM project WHERE name = ?", (name,)).fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.IntegrityError):
                raise ValueError(f"a row that cannot be ({error})") from error
            raise


@contextmanager
def intake(file: Path) -> Iterator[Intake]:
    """Open (or make) a database file for records. When all are in, what they left pointing nowhere is removed.

    References are checked here and not row by row: a speaker may be merged into one that comes later.
    """
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        migrations.begin(connection)
        for pragma in ("journal_mode = WAL", "synchronous = OFF", "secure_delete = ON"):  # a kill: it is made again
            connection.execute(f"PRAGMA {pragma}")
        migrations.migrate(connection, file)
        yield Intake(connection)
        _drop_orphans(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except BROKEN as error:
        raise LibraryDamaged(file.parent, error) from error
    finally:
        connection.close()


def _drop_orphans(connection: sqlite3.Connection) -> None:
    """Versions of transcripts that are no longer there, and lines of the ledger of recordings that are gone."""
    connection.execute("DELETE FROM version WHERE transcript_id NOT IN (SELECT id FROM transcript)")
    for table in ("version_segment", "version_word", "version_speaker"):
        connection.execute(f"DELETE FROM {table} WHERE version_id NOT IN (SELECT id FROM version)")
    left = connection.execute("PRAGMA foreign_key_check").fetchall()
    if left:
        raise sqlite3.DatabaseError(f"{len(left)} rows point to something that is not there")


def _pairs(record: Record, table: str, *names: str) -> Iterator[tuple[Value, ...]]:
    """Some columns of the rows of a table."""
    found = record.tables.get(table)
    if found is not None:
        places = [found.columns.index(name) for name in names if name in found.columns]
        if len(places) == len(names):
            yield from (tuple(row[place] for place in places) for row in found.rows)


def _checked(name: str, value: Value, declared: str) -> Value:
    """A value that this column can hold; ValueError when it is of another kind."""
    if value is None:
        return None
    fits = {"INTEGER": isinstance(value, int), "REAL": isinstance(value, int | float) and math.isfinite(value),
            "TEXT": isinstance(value, str)}
    if not fits.get(declared, False):
        raise ValueError(f"{name} is not {declared}")
    if name == "flags" and not isinstance(json.loads(str(value)), list):
        raise ValueError("flags are no list")
    return clean_text(value) if isinstance(value, str) and name not in _AS_ARRIVED else value
