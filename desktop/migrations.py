"""The schema, one function per change. A step that has shipped is never edited; new ones go to the end."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from desktop.errors import LibraryError


def _taking(schema: str) -> Callable[[sqlite3.Connection], None]:
    """A step that runs these statements."""
    def step(connection: sqlite3.Connection) -> None:
        for statement in schema.split(";;"):
            if statement.strip():
                connection.execute(statement)

    return step


_FIRST_SCHEMA = """
CREATE TABLE recording (
    id INTEGER PRIMARY KEY,
    title TEXT NOT NULL,
    folder TEXT NOT NULL UNIQUE,
    original TEXT NOT NULL,
    sha256 TEXT NOT NULL UNIQUE,
    byte_count INTEGER NOT NULL,
    duration REAL NOT NULL DEFAULT 0,
    sample_rate INTEGER NOT NULL DEFAULT 0,
    channels INTEGER NOT NULL DEFAULT 0,
    imported_at TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'preparing' CHECK (state IN ('preparing', 'ready')),
    problem TEXT NOT NULL DEFAULT '',
    is_sample INTEGER NOT NULL DEFAULT 0
);;
CREATE TABLE transcript (
    id INTEGER PRIMARY KEY,
    recording_id INTEGER NOT NULL REFERENCES recording ON DELETE CASCADE,
    engine TEXT NOT NULL,
    model TEXT NOT NULL,
    created_at TEXT NOT NULL,
    range_start REAL NOT NULL,
    range_end REAL NOT NULL,
    summary TEXT NOT NULL DEFAULT '',
    translate_to TEXT NOT NULL DEFAULT ''
);;
CREATE INDEX transcript_of_recording ON transcript (recording_id);;
CREATE TABLE speaker (
    id INTEGER PRIMARY KEY,
    transcript_id INTEGER NOT NULL REFERENCES transcript ON DELETE CASCADE,
    label TEXT NOT NULL,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    UNIQUE (transcript_id, label)
);;
CREATE TABLE segment (
    id INTEGER PRIMARY KEY,
    transcript_id INTEGER NOT NULL REFERENCES transcript ON DELETE CASCADE,
    part INTEGER NOT NULL,
    position INTEGER NOT NULL,
    start REAL NOT NULL,
    end REAL NOT NULL CHECK (end >= start),
    speaker_id INTEGER REFERENCES speaker,
    text TEXT NOT NULL,
    language TEXT NOT NULL DEFAULT '',
    translation TEXT NOT NULL DEFAULT '',
    emotion TEXT NOT NULL DEFAULT '',
    flags TEXT NOT NULL DEFAULT '[]',
    UNIQUE (transcript_id, part, position)
);;
CREATE INDEX segment_in_time ON segment (transcript_id, start);;
CREATE TABLE word (
    segment_id INTEGER NOT NULL REFERENCES segment ON DELETE CASCADE,
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    start REAL NOT NULL,
    end REAL NOT NULL,
    PRIMARY KEY (segment_id, position)
) WITHOUT ROWID;;
CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    recording_id INTEGER NOT NULL REFERENCES recording ON DELETE CASCADE,
    transcript_id INTEGER NOT NULL REFERENCES transcript ON DELETE CASCADE,
    engine TEXT NOT NULL,
    options TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'waiting', 'failed', 'done')),
    problem TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL
);;
CREATE TABLE part (
    job_id INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
    position INTEGER NOT NULL,
    start REAL NOT NULL,
    end REAL NOT NULL,
    lead_in REAL NOT NULL DEFAULT 0,
    channel INTEGER,
    state TEXT NOT NULL DEFAULT 'planned'
        CHECK (state IN ('planned', 'sending', 'received', 'stored', 'failed')),
    problem TEXT NOT NULL DEFAULT '',
    summary TEXT NOT NULL DEFAULT '',
    answer TEXT,
    PRIMARY KEY (job_id, position)
) WITHOUT ROWID;;
CREATE VIRTUAL TABLE segment_search USING fts5 (
    text, translation, content = 'segment', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);;
CREATE TRIGGER segment_added AFTER INSERT ON segment BEGIN
    INSERT INTO segment_search (rowid, text, translation) VALUES (new.id, new.text, new.translation);
END;;
CREATE TRIGGER segment_removed AFTER DELETE ON segment BEGIN
    INSERT INTO segment_search (segment_search, rowid, text, translation)
    VALUES ('delete', old.id, old.text, old.translation);
END;;
CREATE TRIGGER segment_changed AFTER UPDATE OF text, translation ON segment BEGIN
    INSERT INTO segment_search (segment_search, rowid, text, translation)
    VALUES ('delete', old.id, old.text, old.translation);
    INSERT INTO segment_search (rowid, text, translation) VALUES (new.id, new.text, new.translation);
END;;
"""

_SECOND_SCHEMA = """
ALTER TABLE recording ADD COLUMN protection TEXT NOT NULL DEFAULT 'ask'
    CHECK (protection IN ('never', 'ask', 'may'));;
CREATE TABLE sending (
    id INTEGER PRIMARY KEY,
    recording_id INTEGER REFERENCES recording ON DELETE SET NULL,
    at TEXT NOT NULL,
    purpose TEXT NOT NULL,
    model TEXT NOT NULL,
    host TEXT NOT NULL,
    start REAL,
    end REAL,
    byte_count INTEGER NOT NULL,
    outcome TEXT NOT NULL DEFAULT 'under way' CHECK (outcome IN ('under way', 'answered', 'failed', 'unknown')),
    input_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cost REAL,
    remote_name TEXT NOT NULL DEFAULT '',
    removed_at TEXT NOT NULL DEFAULT ''
);;
CREATE INDEX sending_of_recording ON sending (recording_id);;
CREATE TABLE thread (
    id INTEGER PRIMARY KEY,
    recording_id INTEGER NOT NULL REFERENCES recording ON DELETE CASCADE,
    transcript_id INTEGER REFERENCES transcript ON DELETE SET NULL,
    range_start REAL,
    range_end REAL,
    created_at TEXT NOT NULL
);;
CREATE INDEX thread_of_recording ON thread (recording_id);;
CREATE TABLE turn (
    thread_id INTEGER NOT NULL REFERENCES thread ON DELETE CASCADE,
    position INTEGER NOT NULL,
    question TEXT NOT NULL,
    answer TEXT NOT NULL,
    model TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (thread_id, position)
) WITHOUT ROWID;;
"""



_THIRD_SCHEMA = """
CREATE TABLE project (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);;
ALTER TABLE recording ADD COLUMN project_id INTEGER REFERENCES project ON DELETE SET NULL;;
ALTER TABLE recording ADD COLUMN address TEXT NOT NULL DEFAULT '';;
CREATE TABLE term (
    id INTEGER PRIMARY KEY,
    project_id INTEGER REFERENCES project ON DELETE CASCADE,
    position INTEGER NOT NULL,
    text TEXT NOT NULL
);;
CREATE TABLE proposal (
    speaker_id INTEGER NOT NULL REFERENCES speaker ON DELETE CASCADE,
    name TEXT NOT NULL,
    segment_id INTEGER NOT NULL REFERENCES segment ON DELETE CASCADE,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'rejected')),
    PRIMARY KEY (speaker_id, name)
) WITHOUT ROWID;;
"""

_FOURTH_SCHEMA = """
ALTER TABLE segment ADD COLUMN checked INTEGER NOT NULL DEFAULT 0;;
ALTER TABLE speaker ADD COLUMN merged_into INTEGER REFERENCES speaker ON DELETE SET NULL;;
CREATE TABLE withheld (
    recording_id INTEGER NOT NULL REFERENCES recording ON DELETE CASCADE,
    position INTEGER NOT NULL,
    start REAL NOT NULL,
    end REAL NOT NULL CHECK (end >= start),
    terms TEXT NOT NULL CHECK (terms IN ('off the record', 'background')),
    marked_at TEXT NOT NULL,
    PRIMARY KEY (recording_id, position)
) WITHOUT ROWID;;
CREATE TABLE mark (
    recording_id INTEGER NOT NULL REFERENCES recording ON DELETE CASCADE,
    position INTEGER NOT NULL,
    seconds REAL NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (recording_id, position)
) WITHOUT ROWID;;
CREATE TABLE quote (
    id INTEGER PRIMARY KEY,
    recording_id INTEGER NOT NULL REFERENCES recording ON DELETE CASCADE,
    transcript_id INTEGER REFERENCES transcript ON DELETE SET NULL,
    speaker_id INTEGER REFERENCES speaker ON DELETE SET NULL,
    start REAL NOT NULL,
    end REAL NOT NULL CHECK (end >= start),
    text TEXT NOT NULL,
    said_by TEXT NOT NULL,
    note TEXT NOT NULL,
    tag TEXT NOT NULL,
    made_at TEXT NOT NULL
);;
CREATE INDEX quote_of_recording ON quote (recording_id);;
CREATE INDEX quote_of_transcript ON quote (transcript_id);;
CREATE INDEX quote_of_speaker ON quote (speaker_id);;
CREATE TABLE version (
    id INTEGER PRIMARY KEY,
    transcript_id INTEGER NOT NULL REFERENCES transcript ON DELETE CASCADE,
    at TEXT NOT NULL,
    reason TEXT NOT NULL
);;
CREATE INDEX version_of_transcript ON version (transcript_id);;
CREATE TABLE version_segment (
    version_id INTEGER NOT NULL REFERENCES version ON DELETE CASCADE,
    segment_id INTEGER NOT NULL,
    start REAL NOT NULL,
    end REAL NOT NULL,
    speaker_id INTEGER,
    text TEXT NOT NULL,
    language TEXT NOT NULL,
    translation TEXT NOT NULL,
    emotion TEXT NOT NULL,
    flags TEXT NOT NULL,
    checked INTEGER NOT NULL,
    PRIMARY KEY (version_id, segment_id)
) WITHOUT ROWID;;
CREATE INDEX version_segment_by_id ON version_segment (segment_id);;
CREATE TABLE version_word (
    version_id INTEGER NOT NULL REFERENCES version ON DELETE CASCADE,
    segment_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    start REAL NOT NULL,
    end REAL NOT NULL,
    PRIMARY KEY (version_id, segment_id, position)
) WITHOUT ROWID;;
CREATE TABLE version_speaker (
    version_id INTEGER NOT NULL REFERENCES version ON DELETE CASCADE,
    speaker_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    merged_into INTEGER,
    PRIMARY KEY (version_id, speaker_id)
) WITHOUT ROWID;;
"""

# Characters of scripts without blanks between words. The index has them in pairs, and each run's last one alone, so
# that any part of a sentence is found: 海港工作 is kept as 海港 港工 工作 作. See searching.py for the other side.
DENSE = "ก-႟ក-៿々-〇ぁ-ヿ㐀-鿿가-힣豈-龎ｦ-ﾟ𠀀-𲎯"


def _paired(text: str) -> str:
    """SQL for a text with its dense characters in pairs; cheap when there are none.

    In chunks of 128, because SQLite counts characters from the beginning each time; LIMIT keeps it from folding the
    subqueries into one.
    """
    return f"""CASE WHEN length({text}) = length(CAST({text} AS BLOB)) OR {text} NOT GLOB '*[ก-῿⺀-𲎯]*' THEN {text}
    ELSE (SELECT group_concat(CASE WHEN pair NOT GLOB '[{DENSE}]*' THEN substr(pair, 1, 1)
        WHEN pair GLOB '?[{DENSE}]' THEN ' ' || pair || ' ' ELSE ' ' || substr(pair, 1, 1) || ' ' END, '')
        FROM (SELECT substr(chunk, inside.n + 1, 2) AS pair FROM
            (SELECT substr({text}, 128 * n + 1, 129) AS chunk FROM search_number WHERE 128 * n < length({text})
             ORDER BY n LIMIT -1)
            CROSS JOIN search_number AS inside WHERE inside.n < 128 AND inside.n < length(chunk) LIMIT -1)) END"""


def _kept_in_step(table: str, index: str, changing: str, rowid: str, columns: dict[str, str]) -> str:
    """Triggers that bring every change of a table to its index; `{}` stands for old or new, `changing` are columns."""
    def values(row: str) -> str:
        return ", ".join(sql.replace("{}", row) for sql in (rowid, *columns.values()))

    names = ", ".join(("rowid", *columns))
    enter = f"INSERT INTO {index} ({names}) VALUES ({values('new')});"
    leave = f"INSERT INTO {index} ({index}, {names}) VALUES ('delete', {values('old')});"
    return f"""
CREATE TRIGGER {table}_enters_search AFTER INSERT ON {table} BEGIN {enter} END;;
CREATE TRIGGER {table}_leaves_search AFTER DELETE ON {table} BEGIN {leave} END;;
CREATE TRIGGER {table}_changes_search AFTER UPDATE OF {changing} ON {table} BEGIN {leave} {enter} END;;
"""


# `place` says in which transcript a line is, after a sign that no word has: a search in few of them need not look at
# the hits of all others. Rowids of note_search tell what they stand for in the last three bits.
_LINE = {"text": _paired("{}.text"), "translation": _paired("{}.translation"),
         "place": "char(57344) || {}.transcript_id"}
_NOTED = {
    "recording": ("title", "{}.id << 3", {"title": _paired("{}.title")}),
    "speaker": ("name", "{}.id << 3 | 1", {"name": _paired("{}.name")}),
    "quote": ("text, note", "{}.id << 3 | 2", {"quote": _paired("{}.text"), "note": _paired("{}.note")}),
    "mark": ("note", "({}.recording_id << 16 | {}.position) << 3 | 3", {"note": _paired("{}.note")}),
    "turn": ("question, answer", "({}.thread_id << 16 | {}.position) << 3 | 4",
             {"question": _paired("{}.question"), "answer": _paired("{}.answer")}),  # JSON: a view may not open it
}


def _noted_view(noted: dict[str, tuple[str, str, dict[str, str]]]) -> str:
    names = ("title", "name", "quote", "note", "question", "answer")
    return " UNION ALL ".join(
        "SELECT " + ", ".join([f"{rowid} AS id", *(f"{columns.get(name, chr(39) * 2)} AS {name}" for name in names)])
        .replace("{}", table) + f" FROM {table}" for table, (_, rowid, columns) in noted.items())


def _noted_index(noted: dict[str, tuple[str, str, dict[str, str]]]) -> str:
    return "".join(_kept_in_step(table, "note_search", changing, rowid, columns)
                   for table, (changing, rowid, columns) in noted.items())


_FIFTH_SCHEMA = f"""
CREATE TABLE search_number (n INTEGER PRIMARY KEY);;
INSERT INTO search_number SELECT a.value * 16 + b.value FROM json_each('[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]') AS a
    CROSS JOIN json_each('[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]') AS b;;
DROP TRIGGER segment_added;;
DROP TRIGGER segment_removed;;
DROP TRIGGER segment_changed;;
DROP TABLE segment_search;;
CREATE VIEW segment_words AS SELECT id, {", ".join(f"{sql} AS {name}" for name, sql in _LINE.items()).replace(
    "{}", "segment")} FROM segment;;
CREATE VIRTUAL TABLE segment_search USING fts5 (
    text, translation, place, content = 'segment_words', content_rowid = 'id', columnsize = 0, prefix = '3',
    tokenize = 'unicode61 remove_diacritics 2'
);;
{_kept_in_step("segment", "segment_search", "text, translation, transcript_id", "{}.id", _LINE)}
CREATE VIEW noted_words AS {_noted_view(_NOTED)};;
CREATE VIRTUAL TABLE note_search USING fts5 (
    title, name, quote, note, question, answer, content = 'noted_words', content_rowid = 'id', columnsize = 0,
    tokenize = 'unicode61 remove_diacritics 2'
);;
{_noted_index(_NOTED)}
INSERT INTO segment_search (segment_search) VALUES ('rebuild');;
INSERT INTO note_search (note_search) VALUES ('rebuild');;
-- each row that a trigger enters is a piece of the index; joining them four at a time costs 100 ms a recording
INSERT INTO segment_search (segment_search, rank) VALUES ('automerge', 16);;
INSERT INTO note_search (note_search, rank) VALUES ('automerge', 16);;
"""

# Since the sixth step: what is noted about a recording, the people in it, and what a transcript is about.
_NOTED_SINCE_6 = _NOTED | {
    "recording": ("title, place, notes", "{}.id << 3",
                  {"title": _paired("{}.title"), "note": _paired("({}.place || ' ' || {}.notes)")}),
    "person": ("name", "({}.recording_id << 16 | {}.position) << 3 | 5", {"name": _paired("{}.name")}),
    "transcript": ("summary", "{}.id << 3 | 6", {"answer": _paired("{}.summary")}),
}
_SIXTH_SCHEMA = f"""
ALTER TABLE recording ADD COLUMN recorded_on TEXT NOT NULL DEFAULT '';;
ALTER TABLE recording ADD COLUMN place TEXT NOT NULL DEFAULT '';;
ALTER TABLE recording ADD COLUMN notes TEXT NOT NULL DEFAULT '';;
ALTER TABLE recording ADD COLUMN is_checked INTEGER NOT NULL DEFAULT 0;;
ALTER TABLE recording ADD COLUMN removed_at TEXT NOT NULL DEFAULT '';;
CREATE INDEX recording_of_project ON recording (project_id);;
CREATE INDEX job_of_recording ON job (recording_id);;
CREATE TABLE tag (
    recording_id INTEGER NOT NULL REFERENCES recording ON DELETE CASCADE,
    name TEXT NOT NULL,
    PRIMARY KEY (recording_id, name)
) WITHOUT ROWID;;
CREATE INDEX tag_by_name ON tag (name);;
CREATE TABLE person (
    recording_id INTEGER NOT NULL REFERENCES recording ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (recording_id, position)
) WITHOUT ROWID;;
DROP TRIGGER recording_enters_search;;
DROP TRIGGER recording_leaves_search;;
DROP TRIGGER recording_changes_search;;
DROP VIEW noted_words;;
CREATE VIEW noted_words AS {_noted_view(_NOTED_SINCE_6)};;
{_noted_index({table: _NOTED_SINCE_6[table] for table in ("recording", "person", "transcript")})}
INSERT INTO note_search (note_search) VALUES ('rebuild');;
"""

STEPS: list[Callable[[sqlite3.Connection], None]] = [
    _taking(_FIRST_SCHEMA), _taking(_SECOND_SCHEMA), _taking(_THIRD_SCHEMA), _taking(_FOURTH_SCHEMA),
    _taking(_FIFTH_SCHEMA), _taking(_SIXTH_SCHEMA),
    _taking("")]  # the seventh is a file whose free pages can be given back: see _make_shrinkable


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version of the file: the number of steps it has taken."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def begin(connection: sqlite3.Connection) -> None:
    """The first thing to do with a file: an empty one is made so that its free pages can be given back in small steps.

    Later, and be it after `journal_mode`, it takes the whole file to be written anew.
    """
    if version_of(connection) == 0:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")


def migrate(connection: sqlite3.Connection, file: Path) -> None:
    """Take the steps that `file` has not taken; each step and its number are one transaction.

    An existing library is backed up and the backup opened first. A file that is newer than this program
    must not come here (Library opens it read-only).
    """
    version = version_of(connection)
    if version == len(STEPS):
        return
    if version > 0:
        backup(connection, file.with_name(f"{file.stem}-before-version-{len(STEPS)}-{_stamp()}.db"))
    for number in range(version, len(STEPS)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            STEPS[number](connection)
            connection.execute(f"PRAGMA user_version = {number + 1}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    if version > 0:
        _make_shrinkable(connection)


def _make_shrinkable(connection: sqlite3.Connection) -> None:
    """Write the whole file anew, once, so that its free pages can be given back in small steps from now on."""
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    with contextlib.suppress(sqlite3.OperationalError):  # no room: free pages stay in the file, as zeros
        connection.execute("VACUUM")


def backup(connection: sqlite3.Connection, target: Path) -> None:
    """Copy the open database to `target` through a temporary file and check the copy before it gets its name."""
    temporary = target.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    os.close(os.open(temporary, os.O_CREAT | os.O_RDWR, 0o600))
    copy = sqlite3.connect(temporary)
    try:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, wherever it is carried
        verdict = copy.execute("PRAGMA quick_check").fetchone()[0]
    finally:
        copy.close()
    if verdict != "ok":
        temporary.unlink(missing_ok=True)
        raise LibraryError(
            "The library could not be backed up before its update, so nothing was changed. "
            "The copy was not sound ({verdict}).", verdict=verdict)
    temporary.replace(target)


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
