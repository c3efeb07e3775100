"""The watch folder: which files are new there and have stopped growing. They are imported, and never sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop.archives import Found, day_of, sound_files
from desktop.errors import BadAudio, UserError
from desktop.importing import Imported, import_audio
from desktop.library import Library
from desktop.model import Progress, Report

STATE = "watched.json"
_NOT_THE_FILE = frozenset(("disk_full", "disk_error"))  # the file itself may be fine
_Key = tuple[str, int, int]  # place below the folder, bytes, time of change in ns


class Watch:
    """Looks at one folder. What was there when it was switched on is left alone, also after a new start.

    `look` and `take_in` may run on a worker, one at a time.
    """

    def __init__(self, library: Library, cache: Path, folder: Path) -> None:
        self.folder = folder
        self._library, self._cache = library, cache
        self._file = library.folder / STATE
        self._known: set[_Key] | None = self._read()  # None: nothing is known yet, so all that is there is old
        self._last: set[_Key] = set()
        self._put_off: set[_Key] = set()  # until the program is started anew

    def look(self, report: Report) -> list[Found]:
        """The new files that are as they were at the last look and can be opened. UserError when the folder is gone."""
        if not self.folder.is_dir():
            self._last = set()
            raise UserError("The watch folder {folder} is not there now. New files are taken in again as soon as it is "
                            "back.", folder=self.folder)
        found = list(sound_files(self.folder, _checking(report), (self._library.folder, self._cache)))
        if self._known is None:
            self._known = {_key(file) for file in found}
            self._write()
            return []
        new = [file for file in found if _key(file) not in self._known | self._put_off and file.byte_count]
        ready = [file for file in new if _key(file) in self._last and _opens(file.path)]
        self._last = {_key(file) for file in new}
        return ready

    def take_in(self, found: Found, report: Report) -> Imported:
        """Import a file, once. Raises BadAudio, which is not raised for this file again, or Cancelled."""
        from datetime import date

        try:
            imported = import_audio(self._library, self._cache, found.path, report, takes_back=False)
        except BadAudio as error:
            if error.kind in _NOT_THE_FILE:
                self._put_off.add(_key(found))
            else:
                self._know(found)
            raise
        recording = imported.recording
        if not imported.was_here and (day := day_of(found, date.today())):
            self._library.describe_recording(recording.id, recorded_on=day, place=recording.place,
                                             notes=recording.notes, people=recording.people, tags=recording.tags)
        self._know(found)
        return imported

    def _know(self, found: Found) -> None:
        self._known = (self._known or set()) | {_key(found)}
        self._write()

    def _read(self) -> set[_Key] | None:
        try:
            state: Any = json.loads(self._file.read_text("ascii"))
            if state["folder"] != str(self.folder):
                return None
            return {(str(place), int(size), int(changed)) for place, size, changed in state["known"]}
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def _write(self) -> None:
        temporary = self._file.with_suffix(".tmp")
        temporary.write_text(json.dumps({"folder": str(self.folder), "known": sorted(self._known or ())}), "ascii")
        temporary.replace(self._file)


def forget(library: Library) -> None:
    """When it is switched off: what is there when it is switched on again will count as old."""
    (library.folder / STATE).unlink(missing_ok=True)


def _key(found: Found) -> _Key:
    return found.place, found.byte_count, found.changed


def _opens(path: Path) -> bool:
    """Whether it may be read; who still writes a file on Windows locks it."""
    try:
        with open(path, "rb") as file:
            return bool(file.read(1))
    except OSError:
        return False


def _checking(report: Report) -> Callable[[], None]:
    return lambda: report(Progress(0.0, ""))
