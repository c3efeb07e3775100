"""Is everything there, and as it was written: the database, its index, the originals, the recordings' own files."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from desktop import backups, beside
from desktop.errors import LibraryError, UserError
from desktop.importing import original_file
from desktop.library import Library, upkeep
from desktop.library.changes import EVERYTHING, LIBRARY, Changes
from desktop.library.records import snapshot
from desktop.model import Progress, Recording, Report
from desktop.paths import fsync_folder, private_folder
from desktop.sentences import Sentence, say


class Kind(StrEnum):
    """What a finding is about."""

    DATABASE = "database"
    SEARCH = "search index"
    ORIGINAL = "original"
    OWN_FILE = "own file"
    BACKUP = "backup"


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be."""

    kind: Kind
    sentence: Sentence
    title: str = ""  # of the recording
    recording_id: int = 0


def database_findings(folder: Path, *, full: bool) -> list[Finding]:
    """Whether the database file is sound. It may be in use; nobody waits."""
    return [Finding(Kind.DATABASE, say("The database is damaged ({reason}). Restore a backup or rebuild it.",
                                       reason=_first_line(problem)))
            for problem in upkeep.problems(folder / "library.db", full=full)]


def _first_line(problem: str) -> str:
    """SQLite may say twenty of them, below a heading; the first tells as much to those who can use it."""
    lines = [line for line in problem.splitlines() if line.strip() and not line.startswith("***")]
    return lines[0][:120] if lines else problem[:120]


def search_findings(folder: Path) -> list[Finding]:
    """Whether the search index fits the texts; looked at in a copy that is removed again."""
    copied = backups.folder_of(private_folder(folder)) / ".checking.db"
    try:
        private_folder(copied.parent)
        upkeep.copy(folder / "library.db", copied)
        found = upkeep.search_problems(copied)
    except OSError as error:
        raise LibraryError("The library could not be checked ({reason}). Free some space on the disk and try again.",
                           reason=error.strerror or "disk error") from error
    finally:
        for leftover in copied.parent.glob(".checking.db*"):
            leftover.unlink(missing_ok=True)
    return [Finding(Kind.SEARCH, say("The search index does not fit the texts. It can be made anew from them."))] \
        if found else []


def findings(library: Library, report: Report, *, full: bool = False) -> Iterator[Finding]:
    """Everything that is wrong; `full` also reads every original and backup, and compares each own file's words.

    `report` may raise Cancelled. Where the database is damaged, nothing else is looked at.
    """
    report(Progress(0.0, say("Checking the database")))
    damaged = database_findings(library.folder, full=full)
    yield from damaged
    if damaged:
        return
    yield from search_findings(library.folder)
    recordings = [*library.recordings(), *library.binned()]
    for position, recording in enumerate(recordings):
        report(Progress((position + 1) / (len(recordings) + 1), say("Checking the recordings")))
        yield from _original(library, recording, full=full)
        yield from _own_file(library, recording.folder, recording.id, recording.title, full=full)
    yield from _own_file(library, "", LIBRARY, "", full=full)
    if full:
        yield from _backups(library.folder)


def original_problem(library: Library, recording: Recording, *, full: bool = False) -> Sentence | None:
    """What is wrong with an original: is it there, and as long as it was; `full` reads all of it. None when nothing is,
    and for a video.
    """
    if recording.address:
        return None
    try:
        with open(original_file(library, recording), "rb") as file:
            if os.fstat(file.fileno()).st_size != recording.byte_count \
                    or (full and hashlib.file_digest(file, "sha256").hexdigest() != recording.sha256):
                return say("The original is not as it was imported: the disk or another program has changed it. If "
                           "you still have the file that you imported, find it again.")
    except FileNotFoundError:
        return say("The original is missing. Somebody moved or removed it. If you have another copy, find it again.")
    except OSError as error:
        return say("The original cannot be read ({reason}).", reason=error.strerror or "disk error")
    return None


def bring_back(library: Library, recording: Recording, path: Path) -> None:
    """Copy a file to where the original of a recording was. UserError when it is not the very same file."""
    target = original_file(library, recording)
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        private_folder(target.parent)
        with open(path, "rb") as reader:
            if hashlib.file_digest(reader, "sha256").hexdigest() != recording.sha256:
                raise UserError("This is another file than the one that was imported. Choose the very same one; a "
                                "converted or shortened copy does not fit the transcript.")
            reader.seek(0)
            with open(os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as writer:
                shutil.copyfileobj(reader, writer, 1 << 20)
                writer.flush()
                os.fsync(writer.fileno())
        with open(temporary, "rb") as copied:  # what was compared may have been changed while it was copied
            if hashlib.file_digest(copied, "sha256").hexdigest() != recording.sha256:
                raise OSError(5, "the copy differs")
        temporary.replace(target)
        fsync_folder(target.parent)
    except OSError as error:
        raise UserError("The file could not be copied ({reason}). Check that it can be read and that the disk is not "
                        "full, and try again.", reason=error.strerror or "disk error") from error
    finally:
        temporary.unlink(missing_ok=True)


def repair(library: Library, found: list[Finding], report: Report) -> list[Finding]:
    """Make anew what can be made anew: the index, and recordings' own files from the database. Gives what is left.

    Own files that are damaged are kept under another name.
    """
    if any(finding.kind is Kind.SEARCH for finding in found):
        upkeep.rebuild_search(library.folder / "library.db")
    stale = [finding.recording_id for finding in found if finding.kind is Kind.OWN_FILE]
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for number in stale:
        file = beside.file_of(library.folder, library.recording(number).folder if number else "")
        if file.exists():
            file.rename(file.with_name(f"{file.stem}-kept-{stamp}{file.suffix}"))
    library.changes.add(stale)
    try:
        beside.write_changed(library, report)
    except OSError as error:
        raise LibraryError("The recordings' own files could not be written ({reason}). Free some space on the disk "
                           "and try again.", reason=error.strerror or "disk error") from error
    return [finding for finding in found if finding.kind not in (Kind.SEARCH, Kind.OWN_FILE)]


def _original(library: Library, recording: Recording, *, full: bool) -> Iterator[Finding]:
    problem = original_problem(library, recording, full=full)
    if problem is not None:
        yield Finding(Kind.ORIGINAL, problem, recording.title, recording.id)


def _own_file(library: Library, folder: str, number: int, title: str, *, full: bool) -> Iterator[Finding]:
    """Of a recording, or of the library for ""; one that is still to be written is not wrong."""
    if _is_pending(library, number):
        return
    file = beside.file_of(library.folder, folder)
    sentence = None
    try:
        digest = beside.digest_of(file)
        if full and beside.is_of_this_schema(file):
            with snapshot(library.folder / "library.db") as source:
                if beside.digest_now(source, number) != digest:
                    sentence = say("{name} says something else than the database.", name=file.name)
    except FileNotFoundError:
        sentence = say("{name} is missing.", name=file.name) if number != LIBRARY else None  # there may be nothing
    except (ValueError, OSError):
        sentence = say("{name} is damaged.", name=file.name)
    if sentence is not None and not _is_pending(library, number):
        yield Finding(Kind.OWN_FILE, sentence, title, number)


def _is_pending(library: Library, number: int) -> bool:
    """Also when another process, such as the open window, has changed it since this one opened the library."""
    pending = library.changes.pending | Changes(library.folder).pending
    return number in pending or EVERYTHING in pending


def _backups(folder: Path) -> Iterator[Finding]:
    for backup in backups.backups(folder):
        if backup.is_automatic and not backups.is_sound(backup):
            yield Finding(Kind.BACKUP, say("The backup {name} is damaged.", name=backup.file.name))
