"""Where the library lies: the page of the settings with the watch folder, and the dialog that moves the library."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.errors import Cancelled, PullquoteError
from desktop.places import Place, size_text
from desktop.ui.words import label, translated
from desktop.ui.workspace import Workspace


class LibraryPage(QWidget):
    """Settings: the library's folder, and the folder whose new files are imported by themselves."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        settings = workspace.settings
        self.watches = QCheckBox(self.tr("&Import new files of this folder by themselves"))
        self.watches.setChecked(settings.watches)
        self.watch_folder = _selectable(settings.watch_folder)
        self.choose_button = QPushButton(self.tr("Choose &watch folder…"))
        self.result = label("", wrap=True)
        show = QPushButton(self.tr("&Open folder"))
        show.clicked.connect(self._open_folder)
        self.watches.toggled.connect(self._switch)
        self.choose_button.clicked.connect(self._choose)
        form = QFormLayout(self)
        form.setVerticalSpacing(10)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        form.addRow(self.tr("Your library lies in"), _selectable(str(workspace.library.folder)))
        form.addRow(_left(show))
        form.addRow(label(self.tr("To move it to another folder or disk, choose File, Library folder."), wrap=True))
        form.addRow(self.tr("Watch folder"), self.watches)
        form.addRow(self.watch_folder)
        form.addRow(_left(self.choose_button))
        form.addRow(label(self.tr(
            "Only files that come into this folder from now on are imported, when they are complete. They are only "
            "imported: nothing is sent and nothing in the folder is changed."), wrap=True))
        form.addRow(self.result)
        self._show()

    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._workspace.library.folder)))

    def _switch(self, is_on: bool) -> None:
        if is_on and not self._workspace.settings.watch_folder:
            self._choose()
        self._workspace.change_settings(watches=is_on and bool(self._workspace.settings.watch_folder))
        self._show()

    def _choose(self) -> None:
        name = QFileDialog.getExistingDirectory(self, self.tr("The folder to watch"),
                                                self._workspace.settings.watch_folder)
        library = self._workspace.library.folder.resolve()
        if not name:
            return
        if library == Path(name).resolve() or library in Path(name).resolve().parents:
            self.result.setText(self.tr("That is inside the library. Choose another folder."))
            return
        self.result.setText("")
        self._workspace.change_settings(watch_folder=name)
        self._show()

    def _show(self) -> None:
        settings = self._workspace.settings
        blocked = self.watches.blockSignals(True)
        self.watches.setChecked(settings.watches)
        self.watches.blockSignals(blocked)
        self.watch_folder.setText(settings.watch_folder or self.tr("No folder is chosen."))


class LibraryPlaceDialog(QDialog):
    """Where the library lies, how big it is, and moving it. Accepted, `target` is where it is to go."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.target: Path | None = None
        self.setWindowTitle(self.tr("Library folder"))
        self.setMinimumWidth(560)
        self.present = _selectable(str(workspace.library.folder))
        self.extent = label(self.tr("being counted…"))
        self.wish = _selectable("")
        self.state = label(self.tr(
            "A folder on this computer's own disk, or on a disk that is connected whenever you work, is right. Folders "
            "of a cloud service and network disks can damage a library and are refused."), wrap=True)
        self.choose_button = QPushButton(self.tr("&Choose another folder…"))
        self.move_button = QPushButton(self.tr("&Move the library"))
        self.close_button = QPushButton(self.tr("Close"))
        self._build()
        self.choose_button.clicked.connect(self._choose)
        self.move_button.clicked.connect(self.accept)
        self.close_button.clicked.connect(self.reject)
        workspace.tasks.start(_measure, workspace.library.folder, done=self._measured, failed=self._refused)

    def _build(self) -> None:
        form = QFormLayout()
        form.setVerticalSpacing(10)
        form.addRow(self.tr("It lies in"), self.present)
        form.addRow(self.tr("Its size"), self.extent)
        form.addRow(self.tr("Move it to"), self.wish)
        form.addRow("", _left(self.choose_button))
        self.move_button.setEnabled(False)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in (self.move_button, self.close_button):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.state)
        layout.addStretch(1)
        layout.addLayout(buttons)

    def _measured(self, found: tuple[int, Place]) -> None:
        size, place = found
        self.extent.setText(self.tr("{size}; {free} are free on its disk").format(
            size=size_text(size), free=size_text(place.free)))

    def _choose(self) -> None:
        from desktop.moving import proposed

        name = QFileDialog.getExistingDirectory(self, self.tr("The new place of the library"))
        if name:
            self.check(proposed(Path(name)))

    def check(self, target: Path) -> None:
        """Whether the library may go there; the answer is shown in place."""
        self.target = None
        self.move_button.setEnabled(False)
        self.wish.setText(str(target))
        self.state.setText(self.tr("Checking the folder…"))
        self._workspace.tasks.start(_check, target, self._workspace.library.folder, done=self._fits,
                                    failed=self._refused)

    def _fits(self, found: tuple[Path, Place]) -> None:
        self.target, place = found
        text = self.tr("{free} are free there. The window closes, everything is copied and checked, and Pullquote "
                       "opens again with the library in its new place. Until then the old one counts, and it stays "
                       "until you remove it; you can stop at any time.").format(free=size_text(place.free))
        if place.is_removable:
            text += " " + self.tr("This disk can be pulled out: Pullquote opens the library only while it is "
                                  "connected.")
        self.state.setText(text)
        self.move_button.setEnabled(True)

    def _refused(self, error: PullquoteError) -> None:
        if not isinstance(error, Cancelled):
            self.state.setText(translated(error.sentence))


def _selectable(text: str) -> QLabel:
    made = label(text, wrap=True)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made


def _left(button: QPushButton) -> QHBoxLayout:
    """The button as wide as its text."""
    row = QHBoxLayout()
    row.addWidget(button)
    row.addStretch(1)
    return row


def _measure(folder: Path) -> tuple[int, Place]:
    """On a worker."""
    from desktop.moving import size_of
    from desktop.places import look

    return size_of(folder), look(folder)


def _check(target: Path, present: Path) -> tuple[Path, Place]:
    """On a worker: a network disk may take its time."""
    from desktop.moving import check_target

    return target, check_target(target, present)
