"""Backups of the database: made and checked by themselves, thinned out, and brought back when they are needed."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from desktop import beside
from desktop.cleaning import clean_name
from desktop.errors import LibraryError, UserError
from desktop.library import upkeep
from desktop.library.changes import EVERYTHING, Changes
from desktop.library.records import Record, Rows, intake, snapshot
from desktop.migrations import STEPS
from desktop.model import Progress, Report
from desktop.paths import fsync_folder, private_folder, write_durably
from desktop.sentences import QT_TRANSLATE_NOOP, say

HOURLY, DAILY, WEEKLY = 4, 7, 4
EVERY = timedelta(hours=1)
KEPT_DAYS = 30  # what was put aside
_STAMP = "%Y%m%dT%H%M%SZ"
_LOGS = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a database
_STAMPED = re.compile(r"\d{8}T\d{6}")
KINDS = {  # by the beginning of the file's name
    "library-before-version-": QT_TRANSLATE_NOOP("core", "before an update"),
    "library-before-restore-": QT_TRANSLATE_NOOP("core", "before a backup was restored"),
    "library-before-rebuild-": QT_TRANSLATE_NOOP("core", "before it was rebuilt"),
    "library-damaged-": QT_TRANSLATE_NOOP("core", "damaged"),
    "library-": QT_TRANSLATE_NOOP("core", "automatic"),
}


@dataclass(frozen=True)
class Backup:
    """A copy of the database, or one that was put aside."""

    file: Path
    made_at: datetime
    size: int  # bytes
    kind: str  # one of KINDS

    @property
    def is_automatic(self) -> bool:
        return self.kind == KINDS["library-"]


@dataclass(frozen=True)
class Contents:
    """What is in a backup, beside what is in the library now."""

    recordings: int
    lines: int
    only_there: int  # recordings that are not in the library now
    fewer_now: int  # recordings that have fewer lines now
    missing_there: int  # recordings that are in the library now only
    is_compared: bool = True  # False: the library cannot be read now, so the three say nothing


@dataclass(frozen=True)
class Restored:
    """What a restored library was made of."""

    kept_as: Path | None  # the database that was there before
    taken: tuple[str, ...] = ()  # folders of recordings that were taken from their own files
    damaged: tuple[str, ...] = ()  # folders whose own file could not be read, and was left as it is
    without_sound: tuple[str, ...] = ()  # titles of recordings whose original is not there


def folder_of(library_folder: Path) -> Path:
    """Where backups are."""
    return library_folder / "backups"


def backups(library_folder: Path) -> list[Backup]:
    """All backups and everything that was put aside, newest first; nothing is opened."""
    found = []
    for file in (*folder_of(library_folder).glob("library-*.db"), *library_folder.glob("library-*.db")):
        try:
            found.append(Backup(file, _made_at(file), file.stat().st_size, _kind(file)))
        except OSError:
            continue  # thinned out meanwhile
    return sorted(found, key=lambda backup: backup.made_at, reverse=True)


def is_due(library_folder: Path, now: datetime | None = None) -> bool:
    """Whether the newest automatic backup is older than an hour, and something was written since."""
    now = now or datetime.now(UTC)
    newest = next((backup for backup in backups(library_folder) if backup.is_automatic), None)
    if newest is None or newest.made_at > now + EVERY:  # made by a clock that was wrong
        return True
    return now - newest.made_at >= EVERY and \
        upkeep.last_written(library_folder / "library.db") > newest.made_at.timestamp()


def make(library_folder: Path, now: datetime | None = None) -> Backup:
    """Make a backup of the open library and thin out the older ones; writers do not wait.

    LibraryDamaged when the copy is not sound (then nothing is thinned out), LibraryError when it cannot be written.
    """
    now = now or datetime.now(UTC)
    stamp = now.strftime(_STAMP)
    target = folder_of(library_folder) / f"library-{stamp}.db"
    try:
        private_folder(target.parent)
        for leftover in target.parent.glob(".library-*"):
            leftover.unlink(missing_ok=True)  # of a backup that a kill cut off
        if target.exists():  # of this very second: its sum must not speak against the new one
            _digest_file(target).unlink(missing_ok=True)
            fsync_folder(target.parent)
        digest = upkeep.copy(library_folder / "library.db", target)
        write_durably(_digest_file(target), f"{digest}\n".encode())  # half of it would speak against a sound backup
        thin_out(library_folder, now)
    except OSError as error:
        raise _refused(error) from error
    return Backup(target, _made_at(target), target.stat().st_size, KINDS["library-"])


def copy_to(library_folder: Path, target: Path) -> None:
    """A backup under a name of the user's own, never over something."""
    if target.exists():
        raise UserError("{path} exists already and was not overwritten. Choose another name.", path=target)
    if not target.parent.is_dir():
        raise UserError("The folder {path} does not exist. Make it first, or choose another.", path=target.parent)
    try:
        upkeep.copy(library_folder / "library.db", target)
    except OSError as error:
        raise _refused(error) from error


def thin_out(library_folder: Path, now: datetime | None = None) -> None:
    """Keep all backups of the last hour, and the newest of each of the last 4 hours, 7 days and 4 weeks that have one.

    What was put aside goes after 30 days, when a later backup says that the library was sound since.
    """
    now, folder = now or datetime.now(UTC), folder_of(library_folder)
    automatic = [backup for backup in backups(library_folder) if backup.is_automatic and backup.file.parent == folder]
    newest_at = min([now, *(backup.made_at for backup in automatic[:1])])  # a clock that was wrong made it, else
    kept = {backup.file for backup in automatic if backup.made_at > newest_at - EVERY}
    for most, period in ((HOURLY, "%Y%m%d%H"), (DAILY, "%Y%m%d"), (WEEKLY, "%G%V")):
        newest: dict[str, Path] = {}
        for backup in automatic:
            newest.setdefault(backup.made_at.strftime(period), backup.file)
        kept.update(list(newest.values())[:most])
    for backup in automatic:
        if backup.file not in kept:
            backup.file.unlink(missing_ok=True)
            _digest_file(backup.file).unlink(missing_ok=True)
    _thin_out_aside(library_folder, now, [b.made_at for b in automatic if b.file in kept and b.made_at <= now])


def _thin_out_aside(library_folder: Path, now: datetime, sound_at: list[datetime]) -> None:
    """Each backup was checked when it was made: without a later one, what was put aside may be all there is."""
    for file, made_at in [(file, _put_aside_at(file)) for file in _put_aside(library_folder)]:
        if made_at < now - timedelta(days=KEPT_DAYS) and any(moment > made_at for moment in sound_at):
            with suppress(OSError):  # in use: it goes with the next backup
                file.unlink(missing_ok=True)


def _put_aside(library_folder: Path) -> list[Path]:
    """Databases with what lies beside them, and recordings' own files."""
    recordings = library_folder / "recordings"
    return [*(file for file in library_folder.glob("library-*.db*") if _kind(file) != KINDS["library-"]),
            *recordings.glob("library-kept-*.json"), *recordings.glob("*/recording-kept-*.json")]


def _put_aside_at(file: Path) -> datetime:
    """What lies beside a database is as old as that."""
    database = file.with_name(file.name.partition(".db")[0] + ".db")
    return _made_at(database if database.exists() else file)


def remove(backup: Backup) -> None:
    """Delete a backup, at the user's word. LibraryError when it cannot be."""
    try:
        for file in (*(backup.file.with_name(backup.file.name + end) for end in _LOGS),
                     _digest_file(backup.file), backup.file):
            file.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(error) from error


def is_sound(backup: Backup) -> bool:
    """Whether a backup is as it was written, and opens."""
    try:
        wanted = _digest_file(backup.file).read_text("utf-8").strip()
        with open(backup.file, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != wanted:
                return False
    except FileNotFoundError:
        pass  # it was not made by `make`
    except OSError:
        return False
    return not upkeep.problems(backup.file)


def newest_sound(library_folder: Path) -> Backup | None:
    """The backup to offer: the newest that is sound; one that was put aside only when there is no other."""
    found = backups(library_folder)
    usual = [backup for backup in found if backup.kind in (KINDS["library-"], KINDS["library-before-version-"])]
    return next((b for b in (*usual, *(b for b in found if b not in usual)) if is_sound(b)), None)


def contents(library_folder: Path, backup: Backup) -> Contents:
    """Simple counts. LibraryError when the backup cannot be read; a library that cannot be read is not compared."""
    with snapshot(backup.file) as source:
        there = source.lines()
    try:
        with snapshot(library_folder / "library.db") as source:
            here = source.lines()
    except LibraryError:
        return Contents(len(there), sum(there.values()), 0, 0, 0, is_compared=False)
    return Contents(len(there), sum(there.values()), len(there.keys() - here.keys()),
                    sum(here[folder] < count for folder, count in there.items() if folder in here),
                    len(here.keys() - there.keys()))


# -- bringing one back -----------------------------------------------------------------------------------------


def restore(library_folder: Path, file: Path, *, newer: bool, report: Report) -> Restored:
    """Put a backup in the place of the database, which is kept under another name. Nobody may have it open.

    With `newer`, what the recordings' own files say is taken in place of what the backup says about them. Recordings
    that the backup does not know come from their own files in any case. Raises LibraryError or UserError; then
    everything is as it was.
    """
    report(Progress(0.0, say("Checking the backup")))
    _require_sound(file)
    temporary = library_folder / ".library-restoring.db"
    try:
        _remove(library_folder.glob(".library-restoring*"))
        upkeep.copy(file, temporary)
        taken, damaged = take_from_files(library_folder, temporary, newer=newer, report=report)
        if found := upkeep.problems(temporary):
            raise LibraryError("The backup could not be restored ({reason}). Choose another one; nothing was changed.",
                               reason="; ".join(found[:2]))
        keep_aside(library_folder, damaged if newer else _different(library_folder, temporary))
        without_sound = _without_sound(library_folder, temporary)
        kept = put_in_place(library_folder, temporary, "before-restore")
    except OSError as error:
        raise _refused(error) from error
    finally:
        _remove(library_folder.glob(".library-restoring*"))
    return Restored(kept, tuple(taken), tuple(damaged), without_sound)


def _without_sound(library_folder: Path, database: Path) -> tuple[str, ...]:
    """Titles of recordings whose original is not there: it was moved, or removed for ever since the backup."""
    found = []
    with snapshot(database) as source:
        for folder, number in source.folders().items():
            table, rows = next(source.tables(number))
            own = Record({table: Rows(rows.columns, list(rows.rows))})
            original = library_folder / "recordings" / folder / str(own.value(table, "original"))
            if not own.value(table, "address") and not original.is_file():
                found.append(clean_name(str(own.value(table, "title"))))
    return tuple(sorted(found))


def take_from_files(library_folder: Path, database: Path, *, newer: bool,
                    report: Report) -> tuple[list[str], list[str]]:
    """Enter the recordings' own files into a database that nobody has open.

    All that say something else than it when `newer`, else only those of recordings that it does not know. Gives the
    folders that were taken, and those whose file is damaged.
    """
    taken: list[str] = []
    damaged: list[str] = []
    files = sorted((library_folder / "recordings").glob(f"*/{beside.NAME}"))
    with intake(database) as entering:
        for position, file in enumerate(files):
            report(Progress(position / len(files), say("Reading the recordings' own files")))
            folder = file.parent.name
            try:
                if _is_wanted(database, file, newer):
                    record = beside.read(file)
                    _require_own(record, folder)
                    entering.enter(record)
                    taken.append(folder)
            except (ValueError, OSError):
                damaged.append(folder)
        _enter_library_file(library_folder, entering.enter_library, damaged)
    return taken, damaged


def _require_own(record: Record, folder: str) -> None:
    """A file that names other places than its own was not written by this program."""
    original = str(record.value("recording", "original"))
    if record.value("recording", "folder") != folder or Path(original).name != original or "\\" in original:
        raise beside.Unsound("it belongs to another folder")


def _is_wanted(database: Path, file: Path, newer: bool) -> bool:
    """Whether the database says something else than the file, or nothing at all."""
    with snapshot(database) as source:
        number = source.number(file.parent.name)
        if number is None or not newer:
            return number is None
        return not beside.is_of_this_schema(file) or beside.digest_now(source, number) != beside.digest_of(file)


def _enter_library_file(library_folder: Path, enter: Callable[[Record], None], damaged: list[str]) -> None:
    file = beside.file_of(library_folder, "")
    if not file.exists():
        return
    try:
        enter(beside.read(file))
    except (ValueError, OSError):
        damaged.append(beside.LIBRARY_NAME)


def put_in_place(library_folder: Path, new: Path, why: str) -> Path | None:
    """Swap the databases; gives the name under which the old one is kept. All own files are then written again."""
    file = library_folder / "library.db"
    kept = library_folder / f"library-{why}-{datetime.now(UTC).strftime(_STAMP)}.db"
    if kept.exists():
        kept = kept.with_stem(f"{kept.stem}-{time.time_ns()}")
    there = file.exists()
    if not there:
        _remove(file.with_name(file.name + end) for end in _LOGS)  # without their database they are worth nothing
    Changes(library_folder).add([EVERYTHING])
    upkeep.swap(new, file, kept)
    return kept if there else None


def keep_aside(library_folder: Path, folders: Iterable[str]) -> None:
    """Own files of these recordings get another name, so that what is written anew does not replace them."""
    stamp = datetime.now(UTC).strftime(_STAMP)
    for folder in folders:
        file = beside.file_of(library_folder, "" if folder == beside.LIBRARY_NAME else folder)
        file.rename(file.with_name(f"{file.stem}-kept-{stamp}{file.suffix}"))


def _different(library_folder: Path, database: Path) -> list[str]:
    """Folders whose own file says something else than the database, or is damaged."""
    found = []
    for file in (library_folder / "recordings").glob(f"*/{beside.NAME}"):
        try:
            if not _is_wanted(database, file, newer=True):
                continue
        except (ValueError, OSError):
            pass
        found.append(file.parent.name)
    return found


def _require_sound(file: Path) -> None:
    if not file.is_file():
        raise UserError("{path} is no backup, or cannot be read.", path=file)
    backup = Backup(file, _made_at(file), file.stat().st_size, _kind(file))
    if not is_sound(backup):
        raise UserError("The backup {name} is damaged. Choose another one; nothing was changed.", name=file.name)
    with snapshot(file) as source:
        if source.version > len(STEPS):
            raise UserError("The backup {name} was made by a newer Pullquote. Install the newer program first.",
                            name=file.name)


def _made_at(file: Path) -> datetime:
    """From its name, else from the file."""
    found = _STAMPED.search(file.name)
    with suppress(ValueError):
        if found:
            return datetime.strptime(f"{found[0]}Z", _STAMP).replace(tzinfo=UTC)
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)


def _kind(file: Path) -> str:
    return next((kind for start, kind in KINDS.items() if file.name.startswith(start)), "")


def _digest_file(file: Path) -> Path:
    return file.with_suffix(".sha256")


def _remove(files: Iterable[Path]) -> None:
    for file in list(files):
        file.unlink(missing_ok=True)


def _refused(error: OSError) -> LibraryError:
    return LibraryError("The backup could not be written or read ({reason}). Free some space on the disk and try "
                        "again; the library itself is as it was.", reason=error.strerror or "disk error")
