"""Imports under way: each file is an item with progress or an error in place. At most two run at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from desktop.errors import Cancelled, PullquoteError
from desktop.library import Library
from desktop.model import Progress, Recording
from desktop.ui.tasks import Task, Tasks

AT_ONCE = 2
MANY = 50  # files of one folder; more are an archive, with a report and a way to go on later


@dataclass(eq=False)
class ImportItem:
    """One file on its way in."""

    path: Path
    fraction: float = 0.0
    sentence: str = ""
    error: PullquoteError | None = None
    picture: object = None
    recording_id: int = 0  # known as soon as the original is safe
    was_in_bin: bool = False  # and was taken back
    task: Task | None = field(default=None, repr=False)

    @property
    def title(self) -> str:
        return self.path.stem

    def take_picture(self, picture: object) -> None:
        """A sharper picture; the sparse overview of the whole stays where nothing better is known."""
        overview = getattr(self.picture, "overview", None)
        if overview is not None and getattr(picture, "overview", None) is None and is_dataclass(picture):
            picture = replace(picture, overview=overview)  # type: ignore[type-var]
        self.picture = picture


class Imports(QObject):
    """The queue of imports."""

    changed = Signal()  # an item came, went or changed its state
    progressed = Signal(object)  # ImportItem: its progress or picture
    finished = Signal(object, object, bool)  # ImportItem, Recording, whether it had been there before
    nothing_found = Signal()  # a folder without audio
    archive_found = Signal(object)  # a folder with many files; it is not taken in here

    def __init__(self, library: Library, cache: Path, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._library, self._cache, self._tasks = library, cache, tasks
        self._waiting: deque[ImportItem] = deque()
        self.items: list[ImportItem] = []

    def add(self, paths: Sequence[Path]) -> None:
        """Take files and folders in; folders are looked through on a worker."""
        self._tasks.start(_expand, list(paths), done=self._expanded)

    def retry(self, item: ImportItem) -> None:
        """Try a failed file again."""
        self.dismiss(item)
        self.add([item.path])

    def dismiss(self, item: ImportItem) -> None:
        """Take an item off the list; stops it when it runs."""
        if item.task is not None:
            item.task.stop()
            return
        if item in self._waiting:
            self._waiting.remove(item)
        if item in self.items:
            self.items.remove(item)
        self.changed.emit()

    def stop_all(self) -> None:
        """Stop what runs and forget what waits."""
        for item in [item for item in self.items if item.error is None]:
            self.dismiss(item)

    def dismiss_failed(self) -> None:
        """Take all failed items off the list."""
        self.items = [item for item in self.items if item.error is None]
        self.changed.emit()

    def _expanded(self, found: tuple[list[Path], Path | None]) -> None:
        files, folder = found
        if not files:
            self.nothing_found.emit()
        if folder is not None and len(files) > MANY:
            self.archive_found.emit(folder)
        else:
            self._add_files(files)

    def _add_files(self, paths: list[Path]) -> None:
        busy = {item.path for item in self.items if item.error is None}
        for path in paths:
            if path not in busy:
                item = ImportItem(path)
                self.items.append(item)
                self._waiting.append(item)
        self._start_waiting()
        self.changed.emit()

    def _start_waiting(self) -> None:
        running = sum(item.task is not None for item in self.items)
        while self._waiting and running < AT_ONCE:
            self._start(self._waiting.popleft())
            running += 1

    def _start(self, item: ImportItem) -> None:
        item.task = self._tasks.start(
            _import, self._library, self._cache, item.path, pass_report=True, done=self._bound(self._done, item),
            failed=self._bound(self._failed, item), progress=self._bound(self._progress, item))

    def _bound(self, method: Callable[[ImportItem, object], None], item: ImportItem) -> Callable[[object], None]:
        return lambda value: method(item, value)

    def _progress(self, item: ImportItem, progress: object) -> None:
        assert isinstance(progress, Progress)
        item.fraction, item.sentence = progress.fraction, progress.sentence
        if isinstance(progress.payload, Recording):
            item.recording_id = progress.payload.id
        elif progress.payload is not None:
            item.take_picture(progress.payload)
        self.progressed.emit(item)

    def _done(self, item: ImportItem, imported: object) -> None:
        item.task = None
        item.was_in_bin = bool(imported.was_in_bin)  # type: ignore[attr-defined]
        self.items.remove(item)
        self._start_waiting()
        self.changed.emit()
        recording: Recording = imported.recording  # type: ignore[attr-defined]
        self.finished.emit(item, recording, bool(imported.was_here))  # type: ignore[attr-defined]

    def _failed(self, item: ImportItem, error: object) -> None:
        item.task = None
        if isinstance(error, Cancelled):
            self.items.remove(item)
        else:
            assert isinstance(error, PullquoteError)
            item.error = error
        self._start_waiting()
        self.changed.emit()


def _expand(paths: list[Path]) -> tuple[list[Path], Path | None]:
    """The audio files in `paths`; and the folder, when that is all there is."""
    from desktop.importing import audio_files_in

    return audio_files_in(paths), paths[0] if len(paths) == 1 and paths[0].is_dir() else None


def _import(library: Library, cache: Path, path: Path, report: Callable[[Progress], None]) -> object:
    from desktop.importing import import_audio

    return import_audio(library, cache, path, report)
