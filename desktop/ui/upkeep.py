"""What keeps the library safe in the background: checks, backups, the recordings' own files, missing originals."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QFileDialog

from desktop import backups, beside, library_check
from desktop.errors import Cancelled, LibraryError, PullquoteError
from desktop.library import Library, upkeep
from desktop.library.store import LibraryDamaged
from desktop.model import Progress, Recording
from desktop.paths import private_folder
from desktop.ui.tasks import Task
from desktop.ui.words import label, translated
from desktop.ui.workspace import Notice

if TYPE_CHECKING:
    from desktop.ui.main_window import MainWindow

_WRITE_EVERY, _LOOK_EVERY = 5_000, 600_000  # milliseconds
_FULL_CHECK_EVERY = timedelta(days=7)
_WRITING_AT_QUIT = 1.5  # seconds


class Upkeep(QObject):
    """Works on tasks of the workspace; says what is wrong in the window, and failures in the status bar."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._workspace = window, window.workspace
        self._library = self._workspace.library
        self._writing: Task | None = None
        self._making: Task | None = None
        self._missing: Notice | None = None
        self._status = label("")
        self._status.hide()
        window.statusBar().addPermanentWidget(self._status)
        self._write_timer, self._look_timer = QTimer(self), QTimer(self)
        for timer, pause, slot in ((self._write_timer, _WRITE_EVERY, self.write),
                                   (self._look_timer, _LOOK_EVERY, self.back_up_if_due)):
            timer.setInterval(pause)
            timer.timeout.connect(slot)
        queued = Qt.ConnectionType.QueuedConnection  # after what the workspace itself has to say
        self._workspace.recording_changed.connect(self._look_for_original, queued)
        self._workspace.noticed.connect(self._noticed, queued)

    def start(self) -> None:
        """Check the database, then back it up; from then on every hour, and own files a few seconds after a change."""
        if not self._library.read_only_because:
            self._workspace.tasks.start(_check, self._library, done=self._checked, failed=self._cannot_check)

    # -- the database ------------------------------------------------------------------------------------------

    def _checked(self, problem: str) -> None:
        if problem:
            self.say_damaged(problem)
            return
        self._write_timer.start()
        self._look_timer.start()
        self.back_up_if_due()
        self.write()

    def _cannot_check(self, error: PullquoteError) -> None:
        if isinstance(error, LibraryDamaged):
            self.say_damaged(error.sentence)
        else:
            self._say_failed(error)

    def say_damaged(self, sentence: str) -> None:
        """From here on nothing is written, so that the recordings' own files stay as good as they are."""
        self._library.read_only_because = self._window.damage = sentence
        self._write_timer.stop()
        self._look_timer.stop()
        self._workspace.tasks.start(backups.newest_sound, self._library.folder, done=self._offer, failed=self._offer)

    def _offer(self, backup: object) -> None:
        """Say in place what is wrong, and what the way out is."""
        newest = self.tr("The newest sound backup is of {made}.").format(
            made=backup.made_at.astimezone().strftime("%Y-%m-%d %H:%M")) if isinstance(backup, backups.Backup) else \
            self.tr("There is no sound backup, but the database can be rebuilt from the recordings' own files.")
        self._workspace.tell(self.tr(
            "{problem} {newest} Until one of the two is done, everything can be read and exported, and nothing is "
            "changed.").format(problem=translated(self._window.damage), newest=newest), is_error=True,
            action=self.tr("Backups…"), verb=self._window.show_backups)

    def back_up_if_due(self) -> None:
        """Once an hour in which something was written."""
        if self._making is None:
            self._making = self._workspace.tasks.start(_back_up, self._library.folder, done=self._backed_up,
                                                       failed=self._not_backed_up)

    def _backed_up(self, search_is_damaged: bool) -> None:
        self._making = None
        self._say("")
        if search_is_damaged:
            self._workspace.tasks.start(upkeep.rebuild_search, self._library.folder / "library.db",
                                        failed=self._say_failed)

    def _not_backed_up(self, error: PullquoteError) -> None:
        self._making = None
        self._cannot_check(error)

    # -- the recordings' own files -----------------------------------------------------------------------------

    def write(self) -> None:
        """Write recording.json of everything that was changed."""
        if self._writing is None and self._library.changes.has_pending and not self._library.read_only_because:
            self._writing = self._workspace.tasks.start(_write, self._library, pass_report=True, done=self._written,
                                                        failed=self._not_written)

    def _written(self, _: object) -> None:
        self._writing = None

    def _not_written(self, error: PullquoteError) -> None:
        self._writing = None
        if not isinstance(error, Cancelled):
            self._cannot_check(error)

    def finish(self) -> None:
        """At quit: what can be written in a moment; the rest is noted, and written at the next start."""
        self._write_timer.stop()
        self._look_timer.stop()
        if self._library.changes.has_pending and not self._library.read_only_because:
            self._workspace.tasks.start(_write_quickly, self._library)

    def _say_failed(self, error: PullquoteError) -> None:
        self._say(translated(error.sentence))

    def _say(self, text: str) -> None:
        self._status.setText(self._status.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, 420))
        self._status.setToolTip(text)
        self._status.setVisible(bool(text))

    # -- an original that is not there -------------------------------------------------------------------------

    def _look_for_original(self) -> None:
        """One look at the name of a file; its content is compared by `pullquote library check --full`."""
        recording = self._workspace.recording
        problem = library_check.original_problem(self._library, recording) if recording is not None else None
        self._missing = None
        if recording is not None and problem is not None:
            self._missing = self._wanted(recording, problem)
            self._workspace.noticed.emit(self._missing)

    def _wanted(self, recording: Recording, sentence: str) -> Notice:
        return Notice(sentence, is_error=True, action=self.tr("Find it…"), verb=partial(self.find_original, recording))

    def _noticed(self, notice: Notice | None) -> None:
        """What cannot be prepared because the original is missing has this as its reason."""
        if self._missing is not None and notice is not None and notice.is_error and notice is not self._missing:
            missing, self._missing = self._missing, None
            self._workspace.noticed.emit(missing)

    def find_original(self, recording: Recording) -> None:
        """Ask for a file; only the very same one is taken."""
        name, _ = QFileDialog.getOpenFileName(self._window, self.tr("Find the original of “{title}”").format(
            title=recording.title))
        if name:
            self.take_original(recording, Path(name))

    def take_original(self, recording: Recording, path: Path) -> None:
        """Copy a file to where the original was, when it is the very same."""
        self._missing = None  # from here on what is found out about the chosen file is said
        self._workspace.tell(self.tr("Comparing the file with what was imported…"))
        self._workspace.tasks.start(library_check.bring_back, self._library, recording, path,
                                    done=lambda _: self._found(recording), failed=partial(self._not_found, recording))

    def _not_found(self, recording: Recording, error: PullquoteError) -> None:
        self._workspace.noticed.emit(self._wanted(recording, error.sentence))

    def _found(self, recording: Recording) -> None:
        self._workspace.open(self._library.recording(recording.id))
        self._workspace.tell(self.tr("The original is back."))


def _check(library: Library) -> str:
    """On a worker: a quick look, once a week a thorough one; then what has no file of its own is noted.

    Gives what is wrong, or "".
    """
    folder = library.folder
    file, now = backups.folder_of(folder) / "checked.json", datetime.now(UTC)
    full = _last_check(file) < now - _FULL_CHECK_EVERY
    found = library_check.database_findings(folder, full=full)
    if found:
        return found[0].sentence
    if full:
        with suppress(OSError):  # then it is done again at the next start
            private_folder(file.parent)
            beside.write(file, [json.dumps({"fully_checked_at": now.isoformat()}).encode()[:-1] + b",\n"])
    beside.note_missing(library)
    return ""


def _last_check(file: Path) -> datetime:
    try:
        return datetime.fromisoformat(json.loads(file.read_bytes())["fully_checked_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return datetime.fromtimestamp(0, UTC)


def _back_up(folder: Path) -> bool:
    """Gives whether the search index does not fit the texts; looked at in the backup, where nobody waits for it."""
    if not backups.is_due(folder):
        return False
    return bool(upkeep.search_problems(backups.make(folder).file))


def _write(library: Library, report: Callable[[Progress], None]) -> int:
    try:
        return beside.write_changed(library, report)
    except OSError as error:
        raise LibraryError("The recordings' own files could not be written ({reason}). Free some space on the disk; "
                           "the library itself has everything.", reason=error.strerror or "disk error") from error


def _write_quickly(library: Library) -> int:
    end = time.monotonic() + _WRITING_AT_QUIT

    def report(_: Progress) -> None:
        if time.monotonic() > end:
            raise Cancelled

    return _write(library, report)


