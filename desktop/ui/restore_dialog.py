"""Backups: what there is, what is in it, and bringing one back; also when the library cannot be opened at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop import backups
from desktop.backups import Backup, Contents, Restored
from desktop.errors import PullquoteError
from desktop.model import Progress
from desktop.ui.tasks import Tasks
from desktop.ui.words import label, plain_buttons, sure, translated

_Role = QDialogButtonBox.ButtonRole
_Found = list[tuple[Backup, Contents | None, bool]]  # the last: the one to offer


@dataclass(frozen=True)
class Choice:
    """What is to be done while nobody has the library open."""

    file: Path | None  # a backup to restore; None: rebuild from the recordings' own files
    newer: bool = False


class RestoreDialog(QDialog):
    """A list of backups. `problem` is what is wrong with the library, when it is; then it offers the best way out."""

    chosen = Signal(object)  # Choice: the library must be closed for it

    def __init__(self, folder: Path, parent: QWidget | None = None, *, problem: str = "", is_open: bool = True) -> None:
        super().__init__(parent)
        self._folder, self._problem, self._is_open = folder, problem, is_open
        self._tasks = Tasks(self)
        self._backups: list[Backup] = []
        self._readable: set[int] = set()  # rows
        self.choice: Choice | None = None
        self.setWindowTitle(self.tr("Backups"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, is_open)
        self.resize(860, 460)
        self.table = QTableWidget(0, 6)
        self.newer = QCheckBox(self.tr("But take what was written &since from the recordings' own files"))
        self.advice = label("", wrap=True, name="advice")
        self.total = label("", wrap=True, name="total")
        self.restore_button = QPushButton(self.tr("&Restore"))
        self.rebuild_button = QPushButton(self.tr("Re&build from the recordings…"))
        self.make_button = QPushButton(self.tr("Back &up now"))
        self.remove_button = QPushButton(self.tr("&Delete backup…"))
        self._build()
        self.reload()

    def _build(self) -> None:
        self._build_table()
        box = QDialogButtonBox()
        for button in (self.make_button, self.remove_button, self.rebuild_button, self.restore_button):
            button.setAutoDefault(False)
            box.addButton(button, _Role.ActionRole)
        self.close_button = box.addButton(self.tr("Close") if self._is_open else self.tr("Quit"), _Role.RejectRole)
        self.make_button.setVisible(not self._problem)
        self.newer.setChecked(bool(self._problem))
        self.newer.setToolTip(self.tr("Each recording keeps its transcripts in a file beside its sound, which is newer "
                                      "than any backup"))
        layout = QVBoxLayout(self)
        for text in self._texts():
            layout.addWidget(label(text, wrap=True))
        self.advice.setVisible(bool(self._problem))
        for widget in (self.advice, self.table, self.total, self.newer, plain_buttons(box)):
            layout.addWidget(widget)
        self.restore_button.clicked.connect(self._restore)
        self.rebuild_button.clicked.connect(self._rebuild)
        self.make_button.clicked.connect(self._make)
        self.remove_button.clicked.connect(self._remove)
        box.rejected.connect(self.reject)

    def _texts(self) -> list[str]:
        if not self._problem:
            return [self.tr("A backup holds transcripts, quotes and notes, not the sound. Pullquote makes and checks "
                            "one every hour in which something changed. Backups lie on the same disk: they do not help "
                            "when it is lost.")]
        return [translated(self._problem),
                self.tr("Nothing is deleted: the damaged database is kept under another name.")]

    def _build_table(self) -> None:
        table = self.table
        table.setAccessibleName(self.tr("Backups, the newest first"))
        table.setHorizontalHeaderLabels([self.tr("Made"), self.tr("Kind"), self.tr("Size"), self.tr("Recordings"),
                                         self.tr("Lines"), self.tr("Compared with now")])
        table.verticalHeader().hide()
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setTabKeyNavigation(False)
        table.horizontalHeader().setMinimumSectionSize(96)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setSectionResizeMode(5, QHeaderView.ResizeMode.Stretch)
        table.itemSelectionChanged.connect(self._show_rules)

    # -- the list ----------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Read the list anew, on a worker."""
        self.total.setText(self.tr("Looking at the backups…"))
        self._show_rules()
        self._tasks.start(_look, self._folder, done=self._show, failed=self._say_failed)

    def _show(self, found: _Found) -> None:
        self._backups = [backup for backup, _, _ in found]
        self._readable = {row for row, (_, inside, _) in enumerate(found) if inside is not None}
        self.table.setRowCount(len(found))
        for row, (backup, inside, _) in enumerate(found):
            for column, text in enumerate(self._columns(backup, inside)):
                item = QTableWidgetItem(text)
                if column in (2, 3, 4):
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                item.setToolTip(text if column == 5 else "")
                self.table.setItem(row, column, item)
        best = next((row for row, (_, _, is_best) in enumerate(found) if is_best), -1)
        if best >= 0:
            self.table.setCurrentCell(best, 0)
            self.table.setFocus()
        self.total.setText(self.tr("There is no backup yet.") if not found else self.tr(
            "{count} in all, {size}, below {folder}").format(
                count=len(found), size=_size(sum(backup.size for backup in self._backups)), folder=self._folder))
        self._advise(best >= 0)
        self._show_rules()

    def _advise(self, has_backup: bool) -> None:
        self.advice.setText(self.tr(
            "Best is to restore the newest backup and to take what was written since from the recordings' own files."
            ) if has_backup else self.tr(
            "There is no backup that can be used. Best is to build the database anew from the recordings' own files."))
        self.rebuild_button.setDefault(bool(self._problem) and not has_backup)

    def _columns(self, backup: Backup, inside: Contents | None) -> list[str]:
        made = backup.made_at.astimezone().strftime("%Y-%m-%d %H:%M")
        if inside is None:
            return [made, translated(backup.kind), _size(backup.size), "", "", self.tr("It cannot be read.")]
        return [made, translated(backup.kind), _size(backup.size), QLocale().toString(inside.recordings),
                QLocale().toString(inside.lines), self._compared(inside)]

    def _compared(self, inside: Contents) -> str:
        if not inside.is_compared:
            return self.tr("the library cannot be read now")
        parts = []
        if inside.only_there:
            parts.append(self.tr("recordings that are gone now: {count}").format(count=inside.only_there))
        if inside.fewer_now:
            parts.append(self.tr("recordings with fewer lines now: {count}").format(count=inside.fewer_now))
        if inside.missing_there:
            parts.append(self.tr("recordings made since: {count}").format(count=inside.missing_there))
        return "; ".join(parts) or self.tr("the same recordings")

    def _show_rules(self) -> None:
        backup = self._backup()
        readable = backup is not None and self.table.currentRow() in self._readable
        self.restore_button.setEnabled(readable)
        self.restore_button.setDefault(readable and bool(self._problem))
        self.remove_button.setEnabled(backup is not None)
        self.newer.setEnabled(readable)

    def _backup(self) -> Backup | None:
        rows = {index.row() for index in self.table.selectedIndexes()}
        return self._backups[rows.pop()] if rows else None

    def _say_failed(self, error: PullquoteError) -> None:
        self.total.setText(translated(error.sentence))
        if not self._backups:
            self._advise(False)
        self._show_rules()

    # -- verbs -------------------------------------------------------------------------------------------------

    def _restore(self) -> None:
        backup = self._backup()
        if backup is None:
            return
        made = backup.made_at.astimezone().strftime("%Y-%m-%d %H:%M")
        question = self.tr("Restore the backup of {made}? What was changed since stays in the recordings' own files "
                           "and is taken from there.") if self.newer.isChecked() else self.tr(
            "Restore the backup of {made}? What was changed since is not in it.")
        question += " " + self.tr("The present database is kept under another name, and Pullquote starts again.")
        if self._problem or sure(self, self.tr("Restore"), question.format(made=made), self.tr("Restore")):
            self._choose(Choice(backup.file, self.newer.isChecked()))

    def _rebuild(self) -> None:
        if sure(self, self.tr("Rebuild"), self.tr(
                "Make the database anew from what lies in the recordings' folders? Earlier versions of transcripts are "
                "not there. The present database is kept under another name, and Pullquote starts again."),
                self.tr("Rebuild")):
            self._choose(Choice(None))

    def _choose(self, choice: Choice) -> None:
        self.choice = choice
        self.accept()
        self.chosen.emit(choice)

    def _make(self) -> None:
        self.make_button.setEnabled(False)
        self.total.setText(self.tr("Making a backup…"))
        self._tasks.start(backups.make, self._folder, done=lambda _: self._made(), failed=self._not_made)

    def _made(self) -> None:
        self.make_button.setEnabled(True)
        self.reload()

    def _not_made(self, error: PullquoteError) -> None:
        self.make_button.setEnabled(True)
        self._say_failed(error)

    def _remove(self) -> None:
        backup = self._backup()
        if backup is not None and sure(self, self.tr("Delete backup"), self.tr(
                "Delete the backup of {made}? What only it holds is gone then.").format(
                    made=backup.made_at.astimezone().strftime("%Y-%m-%d %H:%M")), self.tr("Delete")):
            self._tasks.start(backups.remove, backup, done=lambda _: self.reload(), failed=self._say_failed)


class CarryingOut(QDialog):
    """Restores or rebuilds while it is shown; ends by itself, or with a sentence."""

    def __init__(self, folder: Path, choice: Choice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tasks = Tasks(self)
        self.is_done = False
        self.setWindowTitle(self.tr("Restoring") if choice.file else self.tr("Rebuilding"))
        self.setMinimumWidth(460)
        self.text = label("", wrap=True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.windowTitle())
        self._close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self._close.setEnabled(False)
        self._close.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (self.text, self._bar, plain_buttons(self._close)):
            layout.addWidget(widget)
        self._tasks.start(_carry_out, folder, choice, pass_report=True, done=self._finished, failed=self._failed,
                          progress=self._progressed)

    def _progressed(self, progress: Progress) -> None:
        self.text.setText(translated(progress.sentence))
        self._bar.setValue(round(100 * progress.fraction))

    def _finished(self, done: Restored) -> None:
        self.is_done = True
        sentences = []
        if done.damaged:
            sentences.append(self.tr("These recordings' own files are damaged and were kept under another name: "
                                     "{names}").format(names=_names(done.damaged)))
        if done.without_sound:
            sentences.append(self.tr("These came back without their sound, because it was removed or moved: "
                                     "{names}").format(names=_names(done.without_sound)))
        if not sentences:
            self.accept()
            return
        self._stay("\n\n".join((self.tr("Done."), *sentences)))

    def _failed(self, error: PullquoteError) -> None:
        self._stay(translated(error.sentence))

    def _stay(self, text: str) -> None:
        """With all of a text in sight: a window does not grow by itself with lines that are wrapped."""
        self.text.setText(text)
        self._close.setEnabled(True)
        layout = self.layout()
        assert layout is not None
        layout.activate()
        self.resize(self.width(), max(self.height(), layout.totalHeightForWidth(self.width())))

    def reject(self) -> None:
        """Not in the middle of it."""
        if self._close.isEnabled():
            super().reject()


def _look(folder: Path) -> _Found:
    found: _Found = []
    best = backups.newest_sound(folder)
    for backup in backups.backups(folder):
        try:
            found.append((backup, backups.contents(folder, backup), backup == best))
        except PullquoteError:
            found.append((backup, None, False))
    return found


def _carry_out(folder: Path, choice: Choice, report: Callable[[Progress], None]) -> Restored:
    if choice.file is not None:
        return backups.restore(folder, choice.file, newer=choice.newer, report=report)
    from desktop.rebuilding import rebuild

    done = rebuild(folder, report)
    return Restored(done.kept_as, done.from_files, done.damaged)


def _names(names: Sequence[str]) -> str:
    return ", ".join((*names[:10], *(["…"] if len(names) > 10 else [])))


def _size(count: int) -> str:
    return QLocale().formattedDataSize(count, 1, QLocale.DataSizeFormat.DataSizeSIFormat)
