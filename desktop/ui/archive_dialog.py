"""Importing a whole archive: what it will bring, how far it is, what came of it; closing the dialog stops nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, QObject, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.errors import Cancelled, PullquoteError, UserError
from desktop.model import Progress, Recording
from desktop.places import ROOM, size_text
from desktop.ui.tasks import Task
from desktop.ui.words import ElidedLabel, choice_box, label, translated
from desktop.ui.workspace import Workspace

if TYPE_CHECKING:
    from desktop.archives import Archive, Choices, Outcome

_LIST_EVERY = 4000  # milliseconds; each reading of a long list costs the window a frame


class ArchiveImport(QObject):
    """The archive that is looked at or comes in, at most one at a time; belongs to the window, not to the dialog."""

    changed = Signal()  # looked at, begun, ended, failed
    progressed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self._task: Task | None = None
        self.archive: Archive | None = None
        self.free = 0  # bytes on the library's disk
        self.progress = Progress(0.0, "")
        self.outcome: Outcome | None = None
        self.problem = ""  # why the folder could not be looked through
        self.is_importing = False
        self._list = QTimer(self, interval=_LIST_EVERY, singleShot=True)
        self._list.timeout.connect(workspace.library_changed)

    @property
    def is_busy(self) -> bool:
        return self._task is not None

    @property
    def is_stopping(self) -> bool:
        return self._task is not None and self._task.is_stopping

    def look(self, root: Path) -> None:
        """Find out what a folder would bring."""
        self.archive, self.outcome, self.problem = None, None, ""
        self._begin(self._workspace.tasks.start(
            _look, self._workspace.library, self._workspace.cache, root, pass_report=True, done=self._looked,
            failed=self._failed, progress=self._progress))

    def start(self, choices: Choices) -> None:
        """Import what was found, or go on with it."""
        self.outcome, self.problem, self.is_importing = None, "", True
        self._begin(self._workspace.tasks.start(
            _import, self._workspace.library, self._workspace.cache, self.archive, choices, self._tidy,
            pass_report=True, done=self._done, failed=self._failed, progress=self._progress))

    def stop(self) -> None:
        """What is in stays, the rest can be continued."""
        if self._task is not None:
            self._task.stop()
            self.changed.emit()

    def _begin(self, task: Task) -> None:
        self._task, self.progress = task, Progress(0.0, "")
        self.changed.emit()

    def _tidy(self) -> None:
        """On a worker: as after every import, but the copies that are in use stay."""
        from desktop.importing import trim_cache

        recording = self._workspace.recording
        trim_cache(self._workspace.cache, int(self._workspace.settings.cache_gigabytes * 1e9),
                   [recording.sha256] if recording else [])

    def _progress(self, progress: Progress) -> None:
        self.progress = progress
        if isinstance(progress.payload, Recording) and not self._list.isActive():
            self._list.start()
        self.progressed.emit()

    def _looked(self, found: tuple[Archive, int]) -> None:
        self._task = None
        self.archive, self.free = found
        self.changed.emit()

    def _done(self, outcome: Outcome) -> None:
        self._task, self.outcome, self.is_importing = None, outcome, False
        self._list.stop()
        self._workspace.library_changed.emit()
        self.changed.emit()

    def _failed(self, error: PullquoteError) -> None:
        self._task, self.is_importing = None, False
        self.problem = "" if isinstance(error, Cancelled) else error.sentence
        self._list.stop()
        self.changed.emit()


class ArchiveStrip(QWidget):
    """In the status bar for as long as an archive comes in."""

    opened = Signal()

    def __init__(self, imports: ArchiveImport, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._imports = imports
        self.text = label("")
        self._bar = QProgressBar()
        self._bar.setMaximumWidth(120)
        self._bar.setMaximumHeight(14)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("Import of an archive"))
        self._show_button = QPushButton(self.tr("Show"))
        self._show_button.setToolTip(self.tr("Show the import of the archive"))
        self._show_button.clicked.connect(self.opened)
        self.stop_button = QPushButton(self.tr("Stop"))
        self.stop_button.setToolTip(self.tr("Stop the import; what is in stays, and the rest can be continued"))
        self.stop_button.clicked.connect(imports.stop)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.text, self._bar, self._show_button, self.stop_button):
            layout.addWidget(widget)
        imports.changed.connect(self.reload)
        imports.progressed.connect(self.reload)
        self.reload()

    def reload(self) -> None:
        """How far it is."""
        imports = self._imports
        self.setVisible(imports.is_importing)
        self.stop_button.setEnabled(not imports.is_stopping)
        self._bar.setValue(round(imports.progress.fraction * 100))
        self.text.setText(self.tr("stopping…") if imports.is_stopping else self.tr("Archive: {progress}").format(
            progress=translated(imports.progress.sentence) or self.tr("starting…")))


class ArchiveDialog(QDialog):
    """Choose a folder, see what it brings, import, read the report."""

    def __init__(self, workspace: Workspace, imports: ArchiveImport, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._imports = workspace, imports
        self.setWindowTitle(self.tr("Import a whole archive"))
        self.resize(680, 560)
        self.folder = ElidedLabel()
        self.choose_button = QPushButton(self.tr("Choose folder…"))
        self.sorting = choice_box(self.tr("Projects"))
        self.project = QLineEdit()
        self.project.setAccessibleName(self.tr("Name of the project"))
        self.dates = QCheckBox(self.tr("Take the day of &recording from the file's name, else from its date"))
        self.state = label("", wrap=True)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.bar = QProgressBar()
        self.bar.setAccessibleName(self.tr("Progress"))
        self.start_button = QPushButton(self.tr("&Import"))
        self.stop_button = QPushButton(self.tr("&Stop"))
        self.save_button = QPushButton(self.tr("Sa&ve report…"))
        self.close_button = QPushButton(self.tr("Close"))
        self._fill_choices()
        self._build()
        self._connect()
        self._show()

    def _fill_choices(self) -> None:
        from desktop.archives import FOLDERS, NONE, ONE

        for value, text in ((FOLDERS, self.tr("One for each folder; deeper folders become tags")),
                            (ONE, self.tr("One for all; folders become tags")),
                            (NONE, self.tr("None; folders become tags"))):
            self.sorting.addItem(text, value)
        self.dates.setChecked(True)

    def _build(self) -> None:
        form = QFormLayout()
        row = QHBoxLayout()
        row.addWidget(self.folder, 1)
        row.addWidget(self.choose_button)
        form.addRow(self.tr("Folder"), row)
        form.addRow(self.tr("&Projects"), self.sorting)
        self._project_row = form.rowCount()
        form.addRow(self.tr("&Name"), self.project)
        form.addRow("", self.dates)
        self._form = form
        buttons = QHBoxLayout()
        buttons.addWidget(self.save_button)
        buttons.addStretch(1)
        for button in (self.stop_button, self.start_button, self.close_button):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addWidget(label(self.tr(
            "All sound and video files of a folder and of the folders in it are copied into the library. What is in "
            "the library already is skipped. The folder itself is not changed, and nothing is sent."), wrap=True))
        layout.addLayout(form)
        layout.addWidget(self.state)
        layout.addWidget(self.bar)
        layout.addWidget(self.text, 1)
        layout.addLayout(buttons)

    def _connect(self) -> None:
        self.choose_button.clicked.connect(self._choose)
        self.sorting.currentIndexChanged.connect(self._show)
        self.project.textChanged.connect(self._show)
        self.start_button.clicked.connect(self._start)
        self.stop_button.clicked.connect(self._imports.stop)
        self.save_button.clicked.connect(self._save)
        self.close_button.clicked.connect(self.close)
        self._imports.changed.connect(self._changed)
        self._imports.progressed.connect(self._show_progress)

    def choices(self) -> Choices:
        """As they stand in the dialog."""
        from desktop.archives import Choices

        return Choices(str(self.sorting.currentData()), self.project.text(), self.dates.isChecked())

    def look(self, root: Path) -> None:
        """Look through a folder."""
        self.folder.setText(str(root))
        self.project.setText(root.name)
        self._imports.look(root)

    def _choose(self) -> None:
        name = QFileDialog.getExistingDirectory(self, self.tr("The folder with your archive"), self.folder.text())
        if name:
            self.look(Path(name))

    def _start(self) -> None:
        self._imports.start(self.choices())

    def _changed(self) -> None:
        archive = self._imports.archive
        if archive is not None and archive.done and not self._imports.is_busy and self._imports.outcome is None:
            self._take_choices(archive.choices)
        self._show()

    def _take_choices(self, choices: Choices) -> None:
        """Go on as it was begun."""
        self.sorting.setCurrentIndex(max(0, self.sorting.findData(choices.sorting)))
        self.project.setText(choices.project or self.project.text())
        self.dates.setChecked(choices.dates)

    def _show(self) -> None:
        from desktop.archives import ONE

        imports, archive = self._imports, self._imports.archive
        if archive is not None:
            self.folder.setText(str(archive.root))
        self._form.setRowVisible(self._project_row, self.sorting.currentData() == ONE)
        for widget in (self.choose_button, self.sorting, self.project, self.dates):
            widget.setEnabled(not imports.is_busy)
        self.bar.setVisible(imports.is_busy)
        self.stop_button.setVisible(imports.is_busy)
        self.stop_button.setEnabled(not imports.is_stopping)
        left = imports.outcome.left if imports.outcome else len(archive.files) if archive else 0
        self.start_button.setVisible(not imports.is_busy and (left > 0 or imports.outcome is None))
        self.start_button.setEnabled(bool(left) and self._has_room())
        self.start_button.setText(self.tr("&Continue") if imports.outcome or (archive and archive.done)
                                  else self.tr("&Import"))
        self.save_button.setVisible(imports.outcome is not None)
        self.text.setAccessibleName(self.tr("Report") if imports.outcome else self.tr("What will be made"))
        self.text.setPlainText(self._report() if imports.outcome else self._preview())
        self._show_progress()

    def _show_progress(self) -> None:
        imports = self._imports
        self.bar.setRange(0, 100 if imports.is_importing else 0)
        self.bar.setValue(round(imports.progress.fraction * 100))
        if imports.is_busy:
            self.state.setText(self.tr("Stopping…") if imports.is_stopping else
                               translated(imports.progress.sentence) or self.tr("Starting…"))
        else:
            self.state.setText(translated(imports.problem) or self._summary())

    def _summary(self) -> str:
        imports, archive = self._imports, self._imports.archive
        if imports.outcome is not None:
            return self._ending(imports.outcome)
        if archive is None:
            return self.tr("Choose the folder to see what it would bring.")
        if not archive.files:
            return self.tr("No sound or video files were found there. Choose another folder.")
        number = QLocale().toString
        text = self.tr("{count} sound and video files, {size}.").format(count=number(len(archive.files)),
                                                                        size=size_text(archive.byte_count))
        if archive.done:
            text += " " + self.tr("{count} of them came in in an earlier run.").format(count=number(archive.done))
        text += "\n" + self.tr("Room on the library's disk: {needed} needed, {free} free. Playback copies come on top "
                               "and take {most} GB at most (Settings, General).").format(
            needed=size_text(archive.byte_count - archive.done_bytes), free=size_text(imports.free),
            most=f"{self._workspace.settings.cache_gigabytes:g}")
        if not self._has_room():
            text += "\n" + self.tr("That is not enough. Make room, or move the library to a larger disk first (File, "
                                   "Library folder).")
        return text

    def _ending(self, outcome: Outcome) -> str:
        number = QLocale().toString
        if outcome.problem:
            return translated(outcome.problem)
        if outcome.left:
            return self.tr("Stopped. New recordings: {added}. Files that are left: {left}. Continue whenever you like, "
                           "also after a new start: what is in is not read again.").format(
                added=number(outcome.added), left=number(outcome.left))
        return self.tr("Done. New recordings: {added}. Here already: {twice}. Could not be imported: {failed}.").format(
            added=number(outcome.added), twice=number(len(outcome.twice)), failed=number(len(outcome.failed)))

    def _has_room(self) -> bool:
        archive = self._imports.archive
        return archive is None or archive.byte_count - archive.done_bytes + ROOM <= self._imports.free

    def _preview(self) -> str:
        archive = self._imports.archive
        if archive is None:
            return ""
        lines = [self.tr("{project}: {count} files").format(
            project=self.tr("Project “{name}”").format(name=name) if name else self.tr("No project"),
            count=QLocale().toString(count)) for name, count in archive.projects(self.choices()).items()]
        return "\n".join([*lines, *(self.tr("May not be read: {folder}").format(folder=place)
                                    for place in archive.closed)])

    def _report(self) -> str:
        from desktop.archives import report_lines

        assert self._imports.outcome is not None
        return "\n".join(translated(line) for line in report_lines(self._imports.outcome))

    def _save(self) -> None:
        from desktop.exporting import write

        name, _ = QFileDialog.getSaveFileName(self, self.tr("Save report as"), self.tr("Import report.txt"), "*.txt")
        if name:
            try:
                write(self._report().encode(), Path(name), overwrite=True)
            except UserError as error:
                self.state.setText(translated(error.sentence))
            else:
                self.state.setText(self.tr("Saved as {path}").format(path=name))


def _look(*arguments: object) -> tuple[Archive, int]:
    """On a worker."""
    from desktop.archives import look_through
    from desktop.places import look

    return look_through(*arguments), look(arguments[0].folder).free  # type: ignore


def _import(library: object, cache: Path, archive: Archive, choices: Choices, tidy: object, report: object) -> Outcome:
    """On a worker."""
    from desktop.archives import import_archive

    return import_archive(library, cache, archive, choices, report, tidy)  # type: ignore
