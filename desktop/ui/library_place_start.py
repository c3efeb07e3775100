"""Before the library is opened and after it is closed: when it may not lie where it lies, and moving it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop import paths, places
from desktop.errors import Cancelled, PullquoteError
from desktop.ui.tasks import Tasks
from desktop.ui.words import ElidedLabel, label, translated

if TYPE_CHECKING:
    from desktop.model import Progress
    from desktop.moving import Moved

_Role = QMessageBox.ButtonRole


def ask_where(error: PullquoteError) -> bool:
    """Show what is wrong with the library's folder, with the ways out. False: quit."""
    try:
        here: Path | None = paths.data_folder()
        here = here if here is not None and paths.holds_library(here) else None
    except PullquoteError:
        here = None
    box = QMessageBox(QMessageBox.Icon.Warning, "Pullquote", translated(error.sentence))
    again = box.addButton(box.tr("Try again"), _Role.AcceptRole)
    away = box.addButton(box.tr("Move it from there…"), _Role.ActionRole) if here else None
    other = box.addButton(box.tr("Use another folder…"), _Role.ActionRole)
    box.addButton(box.tr("Quit"), _Role.RejectRole)
    box.setDefaultButton(again)
    box.exec()
    clicked = box.clickedButton()
    if here is not None and clicked is away:
        _move_from(here)
    elif clicked is other:
        _choose_other()
    return clicked in (again, away, other)


def _move_from(folder: Path) -> None:
    from desktop.moving import proposed

    parent = QWidget()
    name = QFileDialog.getExistingDirectory(parent, parent.tr("The new place of the library"))
    if name:
        move(folder, proposed(Path(name)))


def _choose_other() -> None:
    """Another library, or, when that is agreed to, a new one in an empty folder; never one that nobody asked for."""
    parent = QWidget()
    name = QFileDialog.getExistingDirectory(parent, parent.tr("The folder of your library"))
    if not name:
        return
    folder = Path(name)
    try:
        places.require_local(folder)
    except PullquoteError as error:
        QMessageBox.warning(parent, "Pullquote", translated(error.sentence))
        return
    if paths.holds_library(folder):
        paths.choose_folder(folder)
    elif not places.is_empty(folder):
        QMessageBox.warning(parent, "Pullquote", parent.tr(
            "There is no library in {folder}, and it is not empty. Choose the folder that holds library.db, or an "
            "empty one.").format(folder=folder))
    elif QMessageBox.question(parent, "Pullquote", parent.tr(
            "There is no library in {folder}. Begin a new, empty one there? Your other library stays as it is.").format(
                folder=folder)) == QMessageBox.StandardButton.Yes:
        paths.private_folder(folder / "recordings")
        paths.choose_folder(folder)


def move(old: Path, new: Path) -> bool:
    """Move the library, which nobody has open; False when it stays where it was."""
    dialog = MovingDialog(old, new)
    dialog.exec()
    if dialog.is_done:
        (new / "pullquote.lock").unlink(missing_ok=True)  # ours, when the folder was renamed with the lock in it
    return dialog.is_done


class MovingDialog(QDialog):
    """How far the move is, with a stop button; ends by itself, or with a sentence."""

    def __init__(self, old: Path, new: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        from desktop.moving import move_library

        self._tasks = Tasks(self)
        self.is_done = False
        self.setWindowTitle(self.tr("Moving the library"))
        self.setMinimumWidth(480)
        self.text = label(self.tr("Starting…"), wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.text.setMinimumHeight(3 * self.fontMetrics().lineSpacing())  # for what may have to be said
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.windowTitle())
        self.button = QPushButton(self.tr("Stop"))
        self.button.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.button)
        layout = QVBoxLayout(self)
        for text in (self.tr("From {folder}").format(folder=old), self.tr("To {folder}").format(folder=new)):
            line = ElidedLabel()
            line.setText(text)
            layout.addWidget(line)
        layout.addWidget(self._bar)
        layout.addWidget(self.text)
        layout.addLayout(row)
        self._task: Any = self._tasks.start(move_library, old, new, pass_report=True, done=self._finished,
                                            failed=self._failed, progress=self._progressed)

    def _progressed(self, progress: Progress) -> None:
        self.text.setText(translated(progress.sentence))
        self._bar.setValue(round(100 * progress.fraction))

    def _finished(self, moved: Moved) -> None:
        self._task, self.is_done = None, True
        if not moved.damaged:
            self.accept()
            return
        self.text.setText(self.tr("Moved. The sound of these recordings was missing or damaged before: {names}").format(
            names=", ".join(moved.damaged[:10])))
        self.button.setText(self.tr("Close"))

    def _failed(self, error: PullquoteError) -> None:
        self._task = None
        if isinstance(error, Cancelled):
            super().reject()
            return
        self.text.setText(translated(error.sentence))
        self.button.setText(self.tr("Close"))

    def reject(self) -> None:
        """Stop first; the dialog ends when the work has."""
        if self._task is None:
            super().reject()
            return
        self.button.setEnabled(False)
        self.text.setText(self.tr("Stopping…"))
        self._task.stop()
