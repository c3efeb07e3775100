"""The verbs about the library's folder and whole archives, and what of them begins with the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.cleaning import clean_name
from desktop.errors import Cancelled, PullquoteError

if TYPE_CHECKING:
    from desktop.ui.archive_dialog import ArchiveDialog, ArchiveImport
    from desktop.ui.workspace import Workspace


class LibraryPlaceVerbs:
    """A part of the main window."""

    workspace: Workspace
    move_wanted: Path | None = None  # where the library goes when the window is closed (see application.py)
    archive_import: ArchiveImport | None = None
    archive_dialog: ArchiveDialog | None = None

    def import_archive(self) -> None:
        """The dialog; the same one while an archive comes in."""
        from desktop.ui.archive_dialog import ArchiveDialog, ArchiveImport, ArchiveStrip

        window: Any = self
        if self.archive_import is None:
            self.archive_import = ArchiveImport(self.workspace)
            self.archive_import.changed.connect(self._tell_of_archive)
            strip = ArchiveStrip(self.archive_import)
            strip.opened.connect(self.import_archive)
            window.statusBar().addWidget(strip)
            strip.reload()
        if self.archive_dialog is None:
            self.archive_dialog = ArchiveDialog(self.workspace, self.archive_import, window)
        self.archive_dialog.show()
        self.archive_dialog.raise_()
        self.archive_dialog.activateWindow()

    def continue_archive(self, root: Path) -> None:
        """Look again through a folder whose import was cut off."""
        self.import_archive()
        if self.archive_dialog is not None and self.archive_import is not None and not self.archive_import.is_busy:
            self.archive_dialog.look(root)

    def offer_archive(self, root: Path) -> None:
        """A folder with many files was chosen or dropped: better as an archive, one after the other."""
        if self.archive_import is not None and self.archive_import.is_busy:
            self.workspace.tell(self.workspace.tr(
                "An archive is coming in already. Choose “{folder}” again when it has ended.").format(
                folder=clean_name(root.name)), action=self.workspace.tr("Show it"), verb=self.import_archive)
        else:
            self.continue_archive(root)

    def _tell_of_archive(self) -> None:
        """When the dialog was closed meanwhile, the end is said in the window."""
        imports, dialog = self.archive_import, self.archive_dialog
        if imports is not None and imports.outcome is not None and dialog is not None and not dialog.isVisible():
            self.workspace.tell(self.workspace.tr(
                "The import of the archive has ended: {count} new recordings.").format(count=imports.outcome.added),
                action=self.workspace.tr("Show report"), verb=self.import_archive)

    def show_library_folder(self) -> None:
        """Where it lies; moving it closes the window."""
        from desktop.ui.library_place import LibraryPlaceDialog

        window: Any = self
        dialog = LibraryPlaceDialog(self.workspace, window)
        if dialog.exec() and dialog.target is not None:
            self.move_wanted = dialog.target
            if not window.close():
                self.move_wanted = None

    def look_after_folders(self) -> None:
        """After the first paint: the watch folder, and what an earlier move or import has left to ask about."""
        from desktop.ui.watch import Watcher

        if not self.workspace.library.read_only_because:
            Watcher(self.workspace)  # the workspace keeps it
            self.workspace.tasks.start(_left_open, self.workspace.library, done=self._ask_about)

    def _ask_about(self, left: tuple[Path | None, list[Path]]) -> None:
        self._old_copy, unfinished = left
        if self._old_copy is not None:
            self.workspace.tell(self.workspace.tr(
                "Your library now lies in {new}. A copy is still in {old}.").format(
                    new=self.workspace.library.folder, old=self._old_copy),
                action=self.workspace.tr("Keep it"), verb=self._keep_old_copy,
                second_action=self.workspace.tr("Remove the old copy"), second_verb=self._remove_old_copy)
        elif unfinished:
            self._unfinished = unfinished[0]
            self.workspace.tell(self.workspace.tr(
                "The import of {folder} is not finished.").format(folder=unfinished[0]),
                action=self.workspace.tr("Continue…"), verb=self._continue_unfinished)

    def _continue_unfinished(self) -> None:
        self.continue_archive(self._unfinished)

    def _keep_old_copy(self) -> None:
        from desktop.moving import keep_old_copy

        keep_old_copy(self.workspace.library.folder)

    def _remove_old_copy(self) -> None:
        from desktop.moving import remove_old_copy

        self.workspace.tell(self.workspace.tr("The old copy is being removed…"))
        self.workspace.tasks.start(remove_old_copy, self.workspace.library, pass_report=True,
                                   done=self._old_copy_removed, failed=self._old_copy_stays)

    def _old_copy_removed(self, _: object) -> None:
        self.workspace.tell(self.workspace.tr("The old copy of the library was removed."))

    def _old_copy_stays(self, error: PullquoteError) -> None:
        if not isinstance(error, Cancelled):
            self.workspace.show_error(error)


def _left_open(library: Any) -> tuple[Path | None, list[Path]]:
    """On a worker."""
    from desktop.archives import unfinished
    from desktop.moving import old_copy

    return old_copy(library.folder), unfinished(library)
