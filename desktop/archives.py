"""Whole archives: a tree of folders becomes projects; what is here already is skipped, and a stop can be continued."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from desktop.cleaning import clean_name
from desktop.errors import BadAudio, Cancelled, PullquoteError, UserError
from desktop.importing import SUFFIXES, import_audio
from desktop.library import Library
from desktop.model import Progress, Recording, Report
from desktop.paths import private_folder
from desktop.sentences import QT_TRANSLATE_NOOP, say

AT_ONCE = 2
FOLDERS, ONE, NONE = "folders", "one", "none"  # a project for each folder, one project for all, no project
_SYSTEM_FOLDERS = frozenset((
    "__macosx", "$recycle.bin", "system volume information", "lost+found", "@eadir", "#recycle"))
_HIDDEN_ON_WINDOWS = 0x2 | 0x4  # FILE_ATTRIBUTE_HIDDEN, FILE_ATTRIBUTE_SYSTEM
_HIDDEN_ON_MAC = 0x8000  # UF_HIDDEN
_RECOVERED = "Recovered recording"  # what importing.sweep calls an original whose import was killed before its row
_DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_. ]?(0[1-9]|1[0-2])[-_. ]?(0[1-9]|[12]\d|3[01])(?!\d)")
_NEVER_SET = {date(1970, 1, 1), date(1979, 12, 31), date(1980, 1, 1), date(1904, 1, 1)}  # clocks that nobody set


@dataclass(frozen=True)
class Found:
    """A sound or video file: its path, its place below the archive's folder, size in bytes, change in ns."""

    path: Path
    place: str
    byte_count: int
    changed: int

    @property
    def folders(self) -> tuple[str, ...]:
        """The names of the folders it lies in, from the archive's folder down."""
        return tuple(name for part in self.place.split("/")[:-1] if (name := clean_name(part)))


@dataclass(frozen=True)
class Choices:
    """Into which projects (FOLDERS, ONE with this `project`, NONE), and whether files tell the day of recording."""

    sorting: str = FOLDERS
    project: str = ""
    dates: bool = True


@dataclass(frozen=True)
class Archive:
    """What was found below a folder; `done` files are in the library from an earlier run over the same folder."""

    root: Path
    files: tuple[Found, ...]
    done: int = 0
    done_bytes: int = 0
    closed: tuple[str, ...] = ()  # folders that may not be read
    choices: Choices = Choices()  # of the earlier run

    @property
    def byte_count(self) -> int:
        return sum(found.byte_count for found in self.files)

    def projects(self, choices: Choices) -> dict[str, int]:
        """The projects it makes, by name, with the number of files; "" is no project."""
        counts: dict[str, int] = {}
        for name in sorted(project_of(self.root, found, choices) for found in self.files):
            counts[name] = counts.get(name, 0) + 1
        return counts


@dataclass(frozen=True)
class Outcome:
    """How an import ended. Files are named by their place in the archive."""

    root: Path
    added: int = 0
    before: int = 0  # came in in an earlier run
    twice: tuple[tuple[str, str], ...] = ()  # (place, the sentence that says where it is)
    failed: tuple[tuple[str, str], ...] = ()  # (place, what is wrong with it)
    left: int = 0  # not looked at, because it was stopped
    problem: str = ""  # why it stopped by itself


def sound_files(root: Path, check: Callable[[], None], leave_out: Iterable[Path] = (),
                closed: list[str] | None = None) -> Iterator[Found]:
    """The sound and video files below `root`, by name; no links to folders, nothing hidden, nothing of the system.

    `check` is called for each folder and may raise; the folders `leave_out` are not entered; the places of those that
    may not be read are added to `closed`.
    """
    seen = {_identity(path) for path in leave_out} - {None}

    def note(error: OSError) -> None:
        if closed is not None:
            closed.append(_place(root, Path(error.filename or root)))

    for folder, folders, names in os.walk(root, onerror=note):
        check()
        identity = _identity(Path(folder))
        if identity in seen:  # a junction that leads back up, or the library itself
            folders.clear()
            continue
        seen.add(identity)
        folders[:] = sorted(name for name in folders
                            if not name.startswith(".") and name.lower() not in _SYSTEM_FOLDERS)
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower().lstrip(".") in SUFFIXES:
                yield from _found(root, Path(folder, name))


def look_through(library: Library, cache: Path, root: Path, report: Report) -> Archive:
    """What an import of `root` would bring. `report` may raise Cancelled. UserError when it cannot be read."""
    if not root.is_dir():
        raise UserError("{folder} cannot be read. Check that the disk is connected and choose the folder again.",
                        folder=root)
    files: list[Found] = []
    closed: list[str] = []

    def check() -> None:
        report(Progress(0.0, say("Looking through the folder: {count} files", count=len(files))))

    for found in sound_files(root, check, (library.folder, cache), closed):
        files.append(found)
    book = _Book(library, root)
    done = [found.byte_count for found in files if book.done(found) is not None]
    return Archive(root, tuple(files), len(done), sum(done), tuple(closed), book.choices)


def unfinished(library: Library) -> list[Path]:
    """The folders whose import was begun and not finished, the last one first."""
    books = sorted((library.folder / "archives").glob("*.jsonl"), key=lambda file: file.stat().st_mtime, reverse=True)
    heads = [(_read_lines(book)[:1] or [{}])[0] for book in books]
    return [Path(head["root"]) for head in heads if isinstance(head.get("root"), str) and not head.get("is_finished")]


def project_of(root: Path, found: Found, choices: Choices) -> str:
    """The project a file belongs to: its first folder; files that lie loose belong to one with the archive's name."""
    if choices.sorting == FOLDERS:
        return (*found.folders[:1], clean_name(root.name))[0]
    return clean_name(choices.project) if choices.sorting == ONE else ""


def day_of(found: Found, today: date) -> str:
    """The day in the file's name, else that of its last change; "" when neither can be right."""
    match = _DAY.search(Path(found.place).name)
    try:
        day = date(*map(int, match.groups())) if match else datetime.fromtimestamp(found.changed / 1e9).date()
    except (ValueError, OverflowError, OSError):
        return ""
    return "" if day > today or day in _NEVER_SET or day.year < 1900 else day.isoformat()


def import_archive(library: Library, cache: Path, archive: Archive, choices: Choices, report: Report,
                   tidy: Callable[[], None] = lambda: None) -> Outcome:
    """Bring all files in, two at a time. `report` may raise Cancelled: then the outcome says how many are left.

    Progress.payload is a Recording when one has come in. `tidy` is called after each (it keeps the cache small). What
    is done is noted beside the library, so that the next run over the same folder goes on, also after a crash.
    """
    run = _Run(library, cache, archive, choices, report, tidy)
    threads = [threading.Thread(target=run.work, daemon=True) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return run.outcome()


def report_lines(outcome: Outcome) -> list[str]:
    """The outcome as sentences and names of files, to be read, shown or saved."""
    lines: list[str] = [say("Import of {folder}", folder=outcome.root), "",
                        say("New recordings: {count}", count=outcome.added)]
    if outcome.before:
        lines.append(say("Imported in an earlier run: {count}", count=outcome.before))
    lines.append(say("Here already, not imported twice: {count}", count=len(outcome.twice)))
    lines.append(say("Could not be imported: {count}", count=len(outcome.failed)))
    if outcome.left:
        lines.append(say("Not looked at yet, because the import was stopped: {count}", count=outcome.left))
    lines += [outcome.problem] * bool(outcome.problem)
    for title, entries in ((_FAILED, outcome.failed), (_TWICE, outcome.twice)):
        if entries:
            lines += ["", say(title), *(line for place, sentence in entries for line in (shown(place), sentence))]
    return lines


def shown(place: str) -> str:
    """A place in the archive as it may be shown."""
    return " / ".join(clean_name(part) for part in place.split("/"))


_FAILED = QT_TRANSLATE_NOOP("core", "These files could not be imported:")
_TWICE = QT_TRANSLATE_NOOP("core", "These files were in the library already:")


class _Run:
    """One run over an archive: what is still to do, and what came of the rest. Shared by the threads."""

    def __init__(self, library: Library, cache: Path, archive: Archive, choices: Choices, report: Report,
                 tidy: Callable[[], None]) -> None:
        self._library, self._cache, self._archive, self._choices = library, cache, archive, choices
        self._report, self._tidy, self._today = report, tidy, date.today()
        self._book = _Book(library, archive.root)
        self._book.open(choices)
        self._waiting = iter(archive.files)
        self._lock = threading.Lock()
        self._bytes, self._under_way = 0, dict[int, float]()
        self._added, self._before, self._stopped = 0, 0, False
        self._twice: list[tuple[str, str]] = []
        self._failed: list[tuple[str, str]] = [
            (place, say("This folder may not be read.")) for place in archive.closed]
        self._problem = ""
        self._bug: BaseException | None = None

    def work(self) -> None:
        """Take one file after the other, until none is left or it is stopped."""
        while (found := self._next()) is not None:
            try:
                self._take(found)
            except Cancelled:
                self._stopped = True
            except PullquoteError as error:
                self._stopped, self._problem = True, error.sentence
            except BaseException as error:
                self._stopped, self._bug = True, error

    def outcome(self) -> Outcome:
        """What came of it all."""
        if self._bug is not None:
            raise self._bug
        left = len(self._archive.files) - self._seen()
        self._book.close(is_finished=not left and not self._failed)
        return Outcome(self._archive.root, self._added, self._before, tuple(sorted(self._twice)),
                       tuple(sorted(self._failed)), left, self._problem)

    def _next(self) -> Found | None:
        with self._lock:
            return None if self._stopped else next(self._waiting, None)

    def _take(self, found: Found) -> None:
        self._say(found, 0.0)
        if (entry := self._book.done(found)) is not None:
            if entry["was_here"]:
                self._note(found, twice=_where(self._library, entry["sha256"]))
            else:
                self._note(found, before=1)
            return
        is_ours = self._book.has_begun(found)  # an earlier run was cut off in the middle of this file
        self._book.begin(found)
        try:
            imported = import_audio(self._library, self._cache, found.path,
                                    lambda progress: self._say(found, progress.fraction), takes_back=False)
        except BadAudio as error:
            if error.kind == "disk_full":
                raise
            self._note(found, failed=error.sentence)
            return
        was_here = imported.was_here and not is_ours
        if was_here:
            self._note(found, twice=_where(self._library, imported.recording.sha256))
        else:
            self._describe(found, imported.recording)
            self._note(found, added=1)
        self._book.end(found, imported.recording.sha256, was_here)
        self._tidy()
        self._report(Progress(self._fraction(), self._sentence(), imported.recording))

    def _describe(self, found: Found, recording: Recording) -> None:
        """Its project, its day, and the deeper folders as tags; what somebody has already written stays."""
        if recording.title == _RECOVERED:
            self._library.rename_recording(recording.id, found.path.stem)
        if recording.project_id is None and (project := project_of(self._archive.root, found, self._choices)):
            self._library.set_project(recording.id, project)
        day = day_of(found, self._today) if self._choices.dates else ""
        tags = found.folders[1:] if self._choices.sorting == FOLDERS else found.folders
        if day or tags:
            self._library.describe_recording(
                recording.id, recorded_on=recording.recorded_on or day, place=recording.place, notes=recording.notes,
                people=recording.people, tags=(*recording.tags, *tags))

    def _note(self, found: Found, *, added: int = 0, before: int = 0, twice: str = "", failed: str = "") -> None:
        with self._lock:
            self._under_way.pop(threading.get_ident(), None)
            self._bytes += found.byte_count
            self._added, self._before = self._added + added, self._before + before
            if twice:
                self._twice.append((found.place, twice))
            if failed:
                self._failed.append((found.place, failed))

    def _say(self, found: Found, fraction: float) -> None:
        """Tell how far it is; raises Cancelled in both threads when it was stopped in one."""
        if self._stopped:
            raise Cancelled
        with self._lock:
            self._under_way[threading.get_ident()] = fraction * found.byte_count
        self._report(Progress(self._fraction(), self._sentence()))

    def _fraction(self) -> float:
        with self._lock:
            return min(1.0, (self._bytes + sum(self._under_way.values())) / max(1, self._archive.byte_count))

    def _sentence(self) -> str:
        return say("{done} of {count} files", done=self._seen(), count=len(self._archive.files))

    def _seen(self) -> int:
        return self._added + self._before + len(self._twice) + len(self._failed) - len(self._archive.closed)


class _Book:
    """What is known of earlier runs over a folder, as lines of JSON beside the library; private to this user.

    A file counts as the same when place, size and time of change are.
    """

    def __init__(self, library: Library, root: Path) -> None:
        name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:24]
        self._library, self._root = library, root
        self._file = library.folder / "archives" / f"{name}.jsonl"
        self._lock = threading.Lock()
        self._lines = _read_lines(self._file)
        self._known = {(e["place"], e["size"], e["changed"]): e for e in self._lines if _is_done(e)}
        self._begun = {(e.get("place"), e.get("size"), e.get("changed")) for e in self._lines if "begun" in e}

    @property
    def choices(self) -> Choices:
        """Those of the last run, or the usual ones."""
        said = self._lines[0].get("choices") if self._lines else None
        usual = Choices()
        if not isinstance(said, dict):
            return usual
        sorting = said.get("sorting")
        return Choices(sorting if sorting in (FOLDERS, ONE, NONE) else usual.sorting, str(said.get("project") or ""),
                       said.get("dates") is not False)

    def done(self, found: Found) -> dict[str, Any] | None:
        """How this file ended in an earlier run, if what came of it is still in the library."""
        entry = self._known.get(_key(found))
        return entry if entry and self._library.recording_with_hash(entry["sha256"]) else None

    def has_begun(self, found: Found) -> bool:
        return _key(found) in self._begun and _key(found) not in self._known

    def open(self, choices: Choices) -> None:
        """Begin a run: the head says with what choices, the rest is as it was."""
        self._write_all({"root": str(self._root), "choices": asdict(choices), "is_finished": False})

    def begin(self, found: Found) -> None:
        self._add({"begun": True, **_named(found)})

    def end(self, found: Found, sha256: str, was_here: bool) -> None:
        self._add({**_named(found), "sha256": sha256, "was_here": was_here})

    def close(self, *, is_finished: bool) -> None:
        """Say in the head whether there is anything to go on with."""
        self._lines = _read_lines(self._file)
        if is_finished and self._lines:
            self._write_all({**self._lines[0], "is_finished": True})

    def _add(self, entry: dict[str, Any]) -> None:
        with self._lock, open(self._file, "a", encoding="ascii") as file:
            file.write(json.dumps(entry) + "\n")

    def _write_all(self, head: dict[str, Any]) -> None:
        private_folder(self._file.parent)
        temporary = self._file.with_suffix(".tmp")
        with open(temporary, "w", encoding="ascii") as file:
            file.writelines(json.dumps(entry) + "\n" for entry in (head, *self._lines[1:]))
        temporary.replace(self._file)


def _key(found: Found) -> tuple[str, int, int]:
    return found.place, found.byte_count, found.changed


def _named(found: Found) -> dict[str, Any]:
    return {"place": found.place, "size": found.byte_count, "changed": found.changed}


def _is_done(entry: dict[str, Any]) -> bool:
    return isinstance(entry.get("sha256"), str) and isinstance(entry.get("was_here"), bool) and {
        "place", "size", "changed"} <= entry.keys()


def _read_lines(file: Path) -> list[dict[str, Any]]:
    """What can be read of it; a kill may have left half a line."""
    try:
        lines = file.read_text("ascii", "replace").splitlines()
    except OSError:
        return []
    entries = []
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            entries.append(entry)
    return entries


def _where(library: Library, sha256: str) -> str:
    recording = library.recording_with_hash(sha256)
    title = recording.title if recording else ""
    if recording and recording.removed_at:
        return say("It lies in the bin as “{title}”.", title=title)
    return say("It is in the library as “{title}”.", title=title)


def _found(root: Path, path: Path) -> Iterator[Found]:
    try:
        state = path.stat()
    except OSError:
        return  # a link that leads nowhere, or a file that has just gone
    hidden = getattr(state, "st_file_attributes", 0) & _HIDDEN_ON_WINDOWS or (
        sys.platform == "darwin" and getattr(state, "st_flags", 0) & _HIDDEN_ON_MAC)
    if stat.S_ISREG(state.st_mode) and not hidden:
        yield Found(path, _place(root, path), state.st_size, state.st_mtime_ns)


def _place(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino
