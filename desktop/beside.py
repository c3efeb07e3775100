"""recording.json: everything of a recording that cannot be made again, in its folder beside the sound.

It is the library's own store, private like the database: words that are off the record are in it. It is written a few
seconds after a change, and the database can be rebuilt from all of them (see rebuilding.py).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from desktop.library import Library
from desktop.library.changes import EVERYTHING, LIBRARY
from desktop.library.records import Record, Rows, Snapshot, snapshot
from desktop.migrations import STEPS
from desktop.model import Progress, Report
from desktop.paths import fsync_folder, private_folder
from desktop.sentences import say

NAME = "recording.json"
LIBRARY_NAME = "library.json"  # what belongs to no recording: projects with their terms, lines of the ledger
_FORMAT = 1
_LARGEST = 1 << 30  # bytes
_END = b'"sha256": "'


class Unsound(ValueError):
    """A file that is not as it was written."""


def file_of(library_folder: Path, recording_folder: str) -> Path:
    """The file of a recording; that of the library itself for ""."""
    recordings = library_folder / "recordings"
    return recordings / recording_folder / NAME if recording_folder else recordings / LIBRARY_NAME


# -- writing ---------------------------------------------------------------------------------------------------


def note_missing(library: Library) -> None:
    """At start: recordings that have no file yet (or no longer) are to be written. Cheap: it looks at names only."""
    if library.read_only_because:
        return
    with snapshot(library.folder / "library.db") as source:
        missing = [number for folder, number in source.folders().items()
                   if not file_of(library.folder, folder).exists()]
    if not file_of(library.folder, "").exists():
        missing.append(LIBRARY)
    if missing:
        library.changes.add(missing)


def write_changed(library: Library, report: Report) -> int:
    """Write the files of all recordings that were changed; gives how many. `report` may raise Cancelled between two.

    OSError when the disk refuses; what is not written stays noted, also for the next start.
    """
    pending = library.changed()
    if not pending or library.read_only_because:
        return 0
    if EVERYTHING in pending:
        with snapshot(library.folder / "library.db") as source:
            library.changes.add([LIBRARY, *source.folders().values()])
        library.changes.done(EVERYTHING, pending[EVERYTHING])
        pending = library.changed()
    for position, (number, change) in enumerate(pending.items()):
        report(Progress(position / len(pending), say("Writing the recordings' own files")))
        if number != EVERYTHING:
            _write_one(library, number)
            library.changes.done(number, change)
    return len(pending)


def _write_one(library: Library, number: int) -> None:
    """The newest state, of one moment. One that was removed meanwhile leaves nothing."""
    with snapshot(library.folder / "library.db") as source:
        folder, address = source.place(number) if number != LIBRARY else ("", "")
        if folder is None:
            return
        file = file_of(library.folder, folder)
        if address:
            private_folder(file.parent)  # a video has no folder of its own
        if file.parent.is_dir():
            write(file, lines(source, number))
    if folder and library.recording_in(folder) is None:
        file.unlink(missing_ok=True)


def lines(source: Snapshot, number: int) -> Iterator[bytes]:
    """The file of a recording (or of LIBRARY) line by line, all but the last, which has their SHA-256."""
    head = {"pullquote": "recording" if number else "library", "format": _FORMAT, "schema": len(STEPS),
            "project": source.project(number) if number else ""}
    yield _json(head)[:-1] + b', "tables": {\n'
    first = True
    for table, rows in source.tables(number) if number else source.library_tables():
        yield b"" if first else b",\n"
        yield _json(table) + b': {"columns": ' + _json(rows.columns) + b', "rows": [\n'
        between = b""
        for row in rows.rows:
            yield between + _json(row)
            between = b",\n"
        yield b"]}"
        first = False
    yield b"},\n"


def write(file: Path, body: Iterable[bytes]) -> None:
    """Write the lines and their SHA-256 durably, for this user only; the old file stays until the new one is whole."""
    temporary = file.with_name(f"{file.name}.tmp")
    temporary.unlink(missing_ok=True)
    digest = hashlib.sha256()
    with open(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb", buffering=1 << 18) as writer:
        for line in body:
            digest.update(line)
            writer.write(line)
        writer.write(_END + digest.hexdigest().encode() + b'"}\n')
        writer.flush()
        os.fsync(writer.fileno())
    temporary.replace(file)
    fsync_folder(file.parent)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


# -- reading ---------------------------------------------------------------------------------------------------


def digest_of(file: Path) -> str:
    """The SHA-256 that a file carries. Unsound when its content is another, OSError when it cannot be read."""
    return _sound(file)[1]


def digest_now(source: Snapshot, number: int) -> str:
    """The SHA-256 that the file of a recording would carry if it were written now."""
    digest = hashlib.sha256()
    for line in lines(source, number):
        digest.update(line)
    return digest.hexdigest()


def read(file: Path) -> Record:
    """Everything in a file. Unsound when it is damaged, or no such file; OSError when it cannot be read.

    Values are checked and cleaned where they enter a database (library/records.py).
    """
    content, _ = _sound(file)
    try:
        found = json.loads(content)
        tables = {table: Rows(tuple(map(str, rows["columns"])), [tuple(row) for row in rows["rows"]])
                  for table, rows in found["tables"].items()}
        schema, project = int(found["schema"]), str(found["project"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unsound("it is no file of a recording") from error
    if schema > len(STEPS):
        raise Unsound("it was written by a newer Pullquote")
    if any(len(row) != len(rows.columns) for rows in tables.values() for row in rows.rows):
        raise Unsound("it is not complete")
    return Record(tables, project)


def is_of_this_schema(file: Path) -> bool:
    """Whether it was written by a program with the same schema, so that its SHA-256 can be compared."""
    with open(file, "rb") as reader:
        head = reader.readline(1000)
    return f'"schema": {len(STEPS)},'.encode() in head


def _sound(file: Path) -> tuple[bytes, str]:
    if file.stat().st_size > _LARGEST:
        raise Unsound("it is too large")
    content = file.read_bytes()
    end = content.rfind(_END)
    digest = hashlib.sha256(content[:max(0, end)]).hexdigest()
    if end < 0 or content[end:] != _END + digest.encode() + b'"}\n':
        raise Unsound("it is not as it was written")
    return content, digest

