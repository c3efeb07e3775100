"""The library moves to another folder or disk: copied, checked, and only then used from there; never half of it.

At every moment exactly one folder counts (paths.data_folder), and it holds a whole library. The old one stays until
somebody removes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from desktop import paths, places
from desktop.errors import LibraryError, UserError
from desktop.library import Library
from desktop.library.copying import held_still
from desktop.model import Progress, Recording, Report
from desktop.paths import DATABASE, fsync_folder, private_folder
from desktop.recording import journal
from desktop.sentences import say

ARRIVING = ".pullquote-arriving"  # the end of the name of the folder in which a copy grows
MOVED_FROM, MOVING_TO = "moved-from.json", "moving-to.json"
_BLOCK = 1 << 20
_NOT_COPIED = frozenset((DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", "pullquote.lock", MOVED_FROM, MOVING_TO))


@dataclass(frozen=True)
class Moved:
    """Where the library lies now, and titles of recordings whose original was missing or changed before."""

    folder: Path
    damaged: tuple[str, ...] = ()


def size_of(folder: Path) -> int:
    """Bytes of everything that belongs to the library below `folder`."""
    return sum(_size(path) for path in (*_files(folder), *folder.glob(f"{DATABASE}*")))


def check_target(target: Path, present: Path) -> places.Place:
    """Raises UserError when the library of `present` cannot be moved to `target`; else what is known of the place."""
    for recording in (present / "recordings").glob("*"):
        if recording.is_dir() and journal.is_in_use(recording):
            raise UserError("A recording is running. Stop it first; then move the library.")
    return places.require_fit(target, 0 if _may_rename(present, target) else size_of(present), present)


def proposed(chosen: Path) -> Path:
    """Where in a chosen folder the library would go: there, or, when something is in it, into a folder of its own."""
    return chosen if places.is_empty(chosen) and not chosen.is_mount() else chosen / "Pullquote library"


def move_library(old: Path, new: Path, report: Report) -> Moved:
    """Move the library of `old`, which nobody has open, to `new`. `report` may raise Cancelled: then all is as before.

    Raises UserError or LibraryError; then, too, the library is where it was.
    """
    report(Progress(0.0, say("Checking the folder")))
    check_target(new, old)
    private_folder(new.parent)
    try:
        moved = (_may_rename(old, new) and _renamed(old, new)) or _copied(old, new, report)
    except OSError as error:
        raise UserError("The library could not be moved ({reason}). It is where it was, and nothing is lost.",
                        reason=error.strerror or "the disk reported an error") from error
    paths.choose_folder(new)
    return moved


def settle(folder: Path) -> None:
    """At start: clear what a move that was cut off has left, and note anew which folder counts."""
    if len(paths.chosen_folders()) > 1:
        paths.choose_folder(folder)
    growing = _read_note(folder / MOVING_TO)
    if growing is not None and growing.name.endswith(ARRIVING):
        shutil.rmtree(growing, ignore_errors=True)
    (folder / MOVING_TO).unlink(missing_ok=True)


def old_copy(folder: Path) -> Path | None:
    """The folder from which the library in `folder` was moved, when a copy is still there."""
    old = _read_note(folder / MOVED_FROM)
    if old is None or not (old / DATABASE).is_file() or old.resolve() == folder.resolve():
        return None
    return old


def keep_old_copy(folder: Path) -> None:
    """Ask no more about it."""
    (folder / MOVED_FROM).unlink(missing_ok=True)


def remove_old_copy(library: Library, report: Report) -> None:
    """Remove what was left behind when `library` was moved to where it is. `report` may raise Cancelled.

    Raises UserError when something of it cannot be removed, LibraryError when something is missing here.
    """
    folder = library.folder
    old = old_copy(folder)
    if old is None or old.resolve() in folder.resolve().parents:
        return
    report(Progress(0.0, say("Checking the library in its new place")))
    missing = [r.title for r in _all(library) if not r.address and not _original(folder, r).is_file()
               and _original(old, r).is_file()]
    if missing:
        raise LibraryError("The old copy was kept: {count} originals are there that are missing here.",
                           count=len(missing))
    try:
        _remove_all(old, report)
    except OSError as error:
        raise UserError("Something in {folder} could not be removed ({reason}). The library in its new place is whole; "
                        "you can remove the rest by hand.", folder=old, reason=error.strerror) from error
    keep_old_copy(folder)


# -- the two ways ----------------------------------------------------------------------------------------------


def _may_rename(old: Path, new: Path) -> bool:
    """On the same disk, when nothing but the library lies in its folder (on two systems settings lie there, too)."""
    return places.is_same_disk(old, new) and not old.is_mount() and not old.is_symlink() and not any(
        _is_foreign(path) for path in old.iterdir())


def _renamed(old: Path, new: Path) -> Moved | None:
    """In one step; whoever asks in between finds the library, because both folders are noted. None: it cannot be."""
    paths.choose_folder(new, old)
    try:
        _make_way(new)
        old.rename(new)
    except OSError:  # another disk after all, or a file is in use
        paths.choose_folder(old)
        return None
    _sync_both(old, new)
    return Moved(new)


def _copied(old: Path, new: Path, report: Report) -> Moved:
    places.require_fit(new, size_of(old), old)
    growing = new.with_name(f".{new.name}{ARRIVING}")
    shutil.rmtree(growing, ignore_errors=True)
    _write_note(old / MOVING_TO, growing)
    try:
        damaged = _copy_all(old, private_folder(growing), report)
        _write_note(growing / MOVED_FROM, old)
        report(Progress(1.0, say("Using the library from its new place")))
        paths.choose_folder(new, old)
        _make_way(new)
        growing.rename(new)
        _sync_both(growing, new)
    except BaseException:
        shutil.rmtree(growing, ignore_errors=True)
        if not paths.holds_library(new):
            paths.choose_folder(old)
        raise
    finally:
        (old / MOVING_TO).unlink(missing_ok=True)
    return Moved(new, damaged)


def _copy_all(old: Path, growing: Path, report: Report) -> tuple[str, ...]:
    """Everything, each file compared with what was read; the database last. Gives the damaged originals."""
    library = Library(old)
    try:
        with held_still(library) as copy_database:
            recordings = _all(library)
            hashes = _copy_files(old, growing, report)
            report(Progress(1.0, say("Copying the database")))
            copy_database(growing / DATABASE)
            for folder, _, _ in os.walk(growing):
                fsync_folder(Path(folder))
    finally:
        library.close()
    _compare(growing, recordings)
    return tuple(r.title for r in recordings if not r.address
                 and hashes.get(Path("recordings", r.folder, r.original)) != r.sha256)


def _copy_files(old: Path, growing: Path, report: Report) -> dict[Path, str]:
    """Copies all files but the database; gives the SHA-256 of each, by its path below the library."""
    files = [(path, _size(path)) for path in _files(old)]
    total, before, hashes = max(1, sum(size for _, size in files)), 0, dict[Path, str]()
    for number, (path, size) in enumerate(files):
        sentence = say("Copying and checking, {number} of {count} files", number=number + 1, count=len(files))

        def tell(done: int, before: int = before, sentence: str = sentence) -> None:
            report(Progress(min(1.0, (before + done) / total), sentence))

        tell(0)
        place = path.relative_to(old)
        for parent in reversed(place.parents):
            private_folder(growing / parent)
        hashes[place] = _copy_file(path, growing / place, tell)
        before += size
    return hashes


def _copy_file(source: Path, target: Path, tell: Callable[[int], None]) -> str:
    """Copy durably, then read it again from the disk and compare. Gives the SHA-256; UserError when it differs."""
    digest, done = hashlib.sha256(), 0
    with open(source, "rb") as reader, open(target, "xb") as writer:
        while block := reader.read(_BLOCK):
            writer.write(block)
            digest.update(block)
            done += len(block)
            tell(done // 2)  # the second half is reading it again
        writer.flush()
        os.fsync(writer.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(writer.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # else the memory would answer
    target.chmod(0o600)
    again, seen = hashlib.sha256(), 0
    with open(target, "rb") as reader:
        while block := reader.read(_BLOCK):
            again.update(block)
            seen += len(block)
            tell((done + seen) // 2)
    if again.digest() != digest.digest():
        raise UserError("A copied file is not as it was read, so the library was not moved and is where it was. The "
                        "disk in {folder} may be failing.", folder=target.parent)
    return digest.hexdigest()


def _compare(growing: Path, recordings: list[Recording]) -> None:
    """Open the copy; it must hold the same recordings."""
    copy = Library(growing)
    try:
        is_same = _all(copy) == recordings
    finally:
        copy.close()
    if not is_same:
        raise LibraryError("The copy does not hold the same recordings, so the library was not moved and is where it "
                           "was. Try again.")


# -- small things ----------------------------------------------------------------------------------------------


def _files(folder: Path) -> Iterator[Path]:
    """All files of the library but the database; what belongs to the program and what is half-made stays out."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name in _NOT_COPIED or _is_foreign(path):
            continue
        if path.is_file():
            yield path
        for inside, folders, names in os.walk(path) if path.is_dir() else ():
            folders[:] = sorted(name for name in folders if not name.startswith(".incoming-"))
            yield from (file for name in sorted(names) if _is_regular(file := Path(inside, name)))


def _is_foreign(path: Path) -> bool:
    """Whether it is the program's own and not the library's; on Windows and macOS both lie in one folder."""
    settings = paths.settings_file()
    if path.parent == settings.parent:
        return path.name in (paths.cache_folder().name, paths.log_file().parent.name) or path.suffix in (
            ".toml", ".ini", ".tmp") or path.name == "library-location"
    return path in (paths.cache_folder(), paths.log_file().parent, settings.parent)


def _remove_all(old: Path, report: Report) -> None:
    """The database first: from then on nobody takes what is left for a library."""
    for database in old.glob(f"{DATABASE}*"):
        database.unlink()
    entries = [*(old / "recordings").glob("*"), *(path for path in old.iterdir() if not _is_foreign(path))]
    for number, path in enumerate(entries):
        report(Progress(number / len(entries), say("Removing the old copy")))
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if not any(old.iterdir()):
        old.rmdir()


def _all(library: Library) -> list[Recording]:
    return [*library.recordings(), *library.binned()]


def _original(folder: Path, recording: Recording) -> Path:
    return folder / "recordings" / recording.folder / recording.original


def _make_way(new: Path) -> None:
    """An empty folder in the way goes; a full one raises OSError."""
    if new.exists():
        new.rmdir()


def _sync_both(old: Path, new: Path) -> None:
    with suppress(OSError):  # it has been moved; that a disk does not know how to sync a folder changes nothing
        fsync_folder(old.parent)
        fsync_folder(new.parent)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _write_note(file: Path, folder: Path) -> None:
    with open(os.open(file, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="ascii") as writer:
        json.dump(str(folder), writer)
        writer.flush()
        os.fsync(writer.fileno())


def _read_note(file: Path) -> Path | None:
    try:
        text = json.loads(file.read_text("ascii"))
    except (OSError, ValueError):
        return None
    return Path(text) if isinstance(text, str) and text else None
