"""Opening a library of an older program: a big one takes its time, so the user sees that and why."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QDialog, QProgressBar, QVBoxLayout, QWidget

from desktop.errors import LibraryError, PullquoteError
from desktop.library import Library, upkeep
from desktop.paths import DATABASE
from desktop.ui.tasks import Tasks
from desktop.ui.words import label

BIG = 32 << 20  # bytes; a smaller database is updated before anybody could read a sentence


def open_library(folder: Path, parent: QWidget | None = None) -> Library:
    """Open it, behind a dialog when it has to be updated first and is big. LibraryError when it cannot be opened."""
    file = folder / DATABASE
    if not file.is_file() or file.stat().st_size < BIG or not upkeep.is_older(file):
        return Library(folder)
    dialog = UpdatingDialog(folder, parent)
    dialog.exec()
    if dialog.library is None:
        raise dialog.error or LibraryError("The library could not be opened. Start Pullquote again.")
    return dialog.library


class UpdatingDialog(QDialog):
    """Stays until the library is open, or cannot be."""

    def __init__(self, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tasks = Tasks(self)
        self.library: Library | None = None
        self.error: LibraryError | None = None
        self.setWindowTitle(self.tr("Updating the library"))
        self.setMinimumWidth(460)
        bar = QProgressBar()
        bar.setRange(0, 0)
        bar.setTextVisible(False)
        bar.setAccessibleName(self.windowTitle())
        layout = QVBoxLayout(self)
        layout.addWidget(label(self.tr(
            "This library was last used by an older Pullquote and is being brought up to date, once. A copy of its "
            "database is made first; the recordings themselves are not touched. With many interviews this takes a "
            "minute."), wrap=True))
        layout.addWidget(bar)
        self._tasks.start(Library, folder, done=self._opened, failed=self._failed)

    def _opened(self, library: Library) -> None:
        self.library = library
        self.accept()

    def _failed(self, error: PullquoteError) -> None:
        self.error = error if isinstance(error, LibraryError) else LibraryError("{reason}", reason=error)
        self.accept()

    def reject(self) -> None:
        """Not in the middle of it."""
