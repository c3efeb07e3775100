"""The watch folder: looked at every few seconds while it is switched on; new files are imported, one by one."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QObject, QTimer

from desktop.archives import Found
from desktop.cleaning import clean_name
from desktop.errors import Cancelled, PullquoteError
from desktop.importing import Imported
from desktop.model import Recording
from desktop.ui.words import translated
from desktop.ui.workspace import Workspace
from desktop.watching import Watch, forget

_EVERY = 5.0  # seconds between two looks
_SHARE = 20  # a look that takes long (a network disk) is followed by so many times its length of rest


class Watcher(QObject):
    """Polls, because network disks tell of nothing. What comes in is not opened: somebody may be writing."""

    def __init__(self, workspace: Workspace, every: float = _EVERY) -> None:
        super().__init__(workspace)
        self._workspace, self._every = workspace, every
        self.watch: Watch | None = None
        self._is_gone = False
        self._waiting: list[Found] = []
        self._arrived: list[Recording] = []
        self._problems: list[str] = []
        self._began = 0.0
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._look)
        workspace.settings_changed.connect(self._settle)
        self._settle()

    def _settle(self) -> None:
        """Begin or end as the settings say."""
        settings = self._workspace.settings
        folder = Path(settings.watch_folder) if settings.watches and settings.watch_folder else None
        if folder == (self.watch.folder if self.watch else None) or self._workspace.library.read_only_because:
            return
        self.watch, self._is_gone, self._waiting = None, False, []
        self._timer.stop()
        if folder is None:
            forget(self._workspace.library)
            return
        self.watch = Watch(self._workspace.library, self._workspace.cache, folder)
        self._timer.start(0)

    def _look(self) -> None:
        watch = self.watch
        if watch is None:
            return
        self._began = time.monotonic()
        self._workspace.tasks.start(watch.look, pass_report=True, done=self._looked, failed=self._gone)

    def _looked(self, found: list[Found]) -> None:
        if self._is_gone:
            self._is_gone = False
            self._workspace.tell(self.tr("The watch folder is back; new files are taken in again."))
        self._waiting = found
        self._rest(time.monotonic() - self._began)
        if found:
            self._timer.stop()
            self._next()

    def _gone(self, error: PullquoteError) -> None:
        """Say it once, and look again."""
        if isinstance(error, Cancelled) or self.watch is None:
            return
        if not self._is_gone:
            self._is_gone = True
            self._workspace.tell(error.sentence, is_error=True)
        self._rest(time.monotonic() - self._began)

    def _rest(self, took: float) -> None:
        if self.watch is not None:
            self._timer.start(round(1000 * max(self._every, _SHARE * took)))

    def _next(self) -> None:
        if not self._waiting or self.watch is None:
            self._tell()
            self._rest(0.0)
            return
        found = self._waiting.pop(0)
        self._name = clean_name(found.path.name)
        self._workspace.tasks.start(self.watch.take_in, found, pass_report=True, done=self._done, failed=self._failed)

    def _done(self, imported: Imported) -> None:
        if not imported.was_here:
            self._arrived.append(imported.recording)
            self._workspace.library_changed.emit()
        self._next()

    def _failed(self, error: PullquoteError) -> None:
        if isinstance(error, Cancelled):  # the program is closing
            self._waiting = []
            return
        self._problems.append(self.tr("“{name}” from the watch folder could not be imported. {reason}").format(
            name=self._name, reason=translated(error.sentence)))
        self._next()

    def _tell(self) -> None:
        """Once for all that came in at a time; what is wrong with a file is said once."""
        arrived, problems = self._arrived, self._problems
        self._arrived, self._problems = [], []
        came = ""
        if len(arrived) == 1:
            came = self.tr("“{title}” was imported from the watch folder.").format(title=arrived[0].title)
        elif arrived:
            came = self.tr("{count} recordings were imported from the watch folder.").format(count=len(arrived))
        more = [self.tr("{count} more could not be imported.").format(count=len(problems) - 3)] * (len(problems) > 3)
        text = " ".join(filter(None, [came, *problems[:3], *more]))
        if not text:
            return
        self._last = arrived[-1] if arrived else None
        self._workspace.tell(text, is_error=bool(problems), action=self.tr("Open it") if arrived else "",
                             verb=self._open if arrived else None)

    def _open(self) -> None:
        if self._last is not None:
            self._workspace.open(self._workspace.library.recording(self._last.id))
