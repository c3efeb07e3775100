"""A new database from what lies in the folders: the sound, and recording.json beside it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from desktop import backups, beside
from desktop.errors import LibraryError
from desktop.library import upkeep
from desktop.library.records import Intake, Record, Rows, intake, snapshot
from desktop.model import Progress, Report
from desktop.sentences import say

_TITLE = "Recovered recording"


@dataclass(frozen=True)
class Rebuilt:
    """What the new database was made of; all names are those of folders below recordings/."""

    kept_as: Path | None  # the database that was there before
    from_files: tuple[str, ...]
    from_databases: tuple[str, ...]  # their own file was missing or damaged; the old database or a backup had them
    sound_only: tuple[str, ...]  # nobody knows anything but the sound
    damaged: tuple[str, ...]  # their own file is damaged and was kept under another name

    @property
    def recordings(self) -> int:
        return len(self.from_files) + len(self.from_databases) + len(self.sound_only)


def rebuild(library_folder: Path, report: Report) -> Rebuilt:
    """Make the database anew from the folders. Nobody may have it open; it is not needed, nor need it be readable.

    The new one is checked before it takes the place of the old one, which is kept under another name. LibraryError
    when it cannot be made; then everything is as it was.
    """
    temporary = library_folder / ".library-rebuilding.db"
    try:
        _remove(library_folder)
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        taken, damaged = backups.take_from_files(library_folder, temporary, newer=True, report=report)
        others = [folder for folder in _folders(library_folder) if folder not in set(taken)]
        known, plain = _enter_others(library_folder, temporary, others, report)
        _require_sound(temporary)
        backups.keep_aside(library_folder, damaged)
        kept = backups.put_in_place(library_folder, temporary, "before-rebuild")
    except OSError as error:
        raise LibraryError("The database could not be rebuilt ({reason}). Free some space on the disk and try again; "
                           "nothing was changed.", reason=error.strerror or "disk error") from error
    finally:
        _remove(library_folder)
    return Rebuilt(kept, tuple(taken), tuple(known), tuple(plain), tuple(damaged))


def _folders(library_folder: Path) -> list[str]:
    """Folders with a sound or with a file of their own."""
    return sorted(folder.name for folder in (library_folder / "recordings").iterdir()
                  if folder.is_dir() and not folder.name.startswith(".")
                  and (_original(folder) or (folder / beside.NAME).exists()))


def _original(folder: Path) -> Path | None:
    found = [file for file in folder.glob("original*") if file.is_file() and not file.is_symlink()]
    return found[0] if len(found) == 1 else None


def _enter_others(library_folder: Path, database: Path, folders: Iterable[str],
                  report: Report) -> tuple[list[str], list[str]]:
    """Those whose own file could not be used: from the old database, else a backup, else as sound alone."""
    known, plain = [], []
    with intake(database) as entering:
        if not beside.file_of(library_folder, "").exists():
            _enter_first(entering, _from_databases(library_folder, ""))
        for folder in folders:
            report(Progress(0.9, say("Reading the originals")))
            if _enter_first(entering, _from_databases(library_folder, folder)):
                known.append(folder)
            elif (original := _original(library_folder / "recordings" / folder)) is not None and \
                    _enter_first(entering, [_sound_alone(original)]):
                plain.append(folder)
    return known, plain


def _enter_first(entering: Intake, records: Iterable[Record]) -> bool:
    """Enter the first record that makes sense."""
    for record in records:
        try:
            (entering.enter if "recording" in record.tables else entering.enter_library)(record)
            return True
        except ValueError:
            continue
    return False


def _from_databases(library_folder: Path, folder: str) -> Iterator[Record]:
    """What the old database says of a recording, and the newest sound backup."""
    backup = backups.newest_sound(library_folder)
    for file in (library_folder / "library.db", *([backup.file] if backup else [])):
        try:
            with snapshot(file) as source:
                number = source.number(folder) if folder else 0
                record = source.record(number) if number is not None else None
        except LibraryError:
            continue
        if record is not None:
            yield record


def _sound_alone(original: Path) -> Record:
    with open(original, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    row: dict[str, str | int | float | None] = {
        "id": 1, "title": _TITLE, "folder": original.parent.name, "original": original.name, "sha256": sha256,
        "byte_count": original.stat().st_size, "state": "preparing",
        "imported_at": datetime.now(UTC).isoformat(timespec="milliseconds")}
    return Record({"recording": Rows(tuple(row), [tuple(row.values())])})


def _require_sound(database: Path) -> None:
    found = upkeep.problems(database, full=True) or upkeep.search_problems(database)
    if found:
        raise LibraryError("The new database is not sound ({reason}), so nothing was changed. Restore a backup "
                           "instead.", reason="; ".join(found[:2]))


def _remove(library_folder: Path) -> None:
    for file in list(library_folder.glob(".library-rebuilding*")):
        file.unlink(missing_ok=True)
