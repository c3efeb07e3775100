"""Recordings that are not in the library: a crash, a power cut or a full disk came in between."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.errors import UserError
from desktop.model import clock
from desktop.recording import recovery
from desktop.recording.recovery import Leftover
from desktop.sentences import QT_TRANSLATE_NOOP, say
from desktop.ui.recorder_session import RecorderSession
from desktop.ui.words import label, plain_buttons, sure, translated
from desktop.ui.workspace import Workspace

_Select = QItemSelectionModel.SelectionFlag
_REFUSED = QT_TRANSLATE_NOOP("core", "{title} could not be deleted ({reason}).")


class RecoveryDialog(QDialog):
    """All of them with what is known; keeping all is one key away, and nothing goes without a question."""

    def __init__(self, workspace: Workspace, session: RecorderSession, found: list[Leftover],
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._session, self._found = workspace, session, list(found)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Recordings to recover"))
        self.resize(760, 380)
        self.table = QTableWidget(0, 4)
        self.table.setHorizontalHeaderLabels([self.tr("Title"), self.tr("Begun"), self.tr("Length"),
                                              self.tr("What is known")])
        self.table.setAccessibleName(self.tr("Recordings to recover"))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(True)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        self.problem = label("", wrap=True)
        self.problem.setForegroundRole(self.palette().ColorRole.BrightText)
        buttons = QDialogButtonBox()
        self.keep = QPushButton(self.tr("&Bring into the library"))
        self.remove = QPushButton(self.tr("&Delete…"))
        self.later = QPushButton(self.tr("&Later"))
        buttons.addButton(self.keep, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.later, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.addButton(self.remove, QDialogButtonBox.ButtonRole.ActionRole)
        for button in (self.remove, self.later):
            button.setAutoDefault(False)
        self.keep.setDefault(True)
        self.keep.clicked.connect(self._keep)
        self.remove.clicked.connect(self._remove)
        buttons.rejected.connect(self.reject)
        self.table.itemSelectionChanged.connect(self._enable)
        layout = QVBoxLayout(self)
        layout.addWidget(label(self.tr("These recordings were made but are not in the library yet, for example because "
                                       "the computer lost its power. All sound that was written is still there."),
                               wrap=True))
        layout.addWidget(self.table, 1)
        layout.addWidget(self.problem)
        layout.addWidget(plain_buttons(buttons))
        self._fill()
        self.keep.setFocus()

    def _fill(self) -> None:
        self.table.setRowCount(len(self._found))
        for row, leftover in enumerate(self._found):
            texts = (leftover.title or leftover.folder.name, _when(leftover.started_at),
                     self._length(leftover), self._known(leftover))
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.table.setItem(row, column, item)
        self.table.resizeColumnsToContents()
        for column in (1, 2):
            self.table.setColumnWidth(column, self.table.columnWidth(column) + 12)
        self.table.setColumnWidth(0, min(240, max(120, self.table.columnWidth(0))))
        self.table.resizeRowsToContents()
        self.table.clearSelection()
        chosen = _Select.Select | _Select.Rows  # selectRow() selects none from right to left
        for row, leftover in enumerate(self._found):
            if leftover.pieces and not leftover.is_running:
                self.table.selectionModel().select(self.table.model().index(row, 0), chosen)
        self._enable()

    def _length(self, leftover: Leftover) -> str:
        if leftover.problem:
            return "?"
        return clock(leftover.seconds) if leftover.pieces else self.tr("no sound")

    def _known(self, leftover: Leftover) -> str:
        """What the journalist should know before he chooses."""
        facts = []
        if leftover.problem:
            facts.append(self.tr("the disk does not give it ({reason}); copy {folder} to another one").format(
                reason=leftover.problem, folder=leftover.folder))
        elif leftover.is_running:
            facts.append(self.tr("is still being recorded"))
        elif not leftover.pieces:
            facts.append(self.tr("it was stopped before any sound came"))
        elif leftover.is_finished and not any(mark.note for mark in leftover.marks):
            facts.append(self.tr("complete"))
        elif not leftover.is_finished:
            facts.append(self.tr("cut off at the end"))
        facts += [mark.note for mark in leftover.marks if mark.note]
        if leftover.withheld:
            facts.append(self.tr("parts are off the record"))
        if leftover.strangers:
            facts.append(self.tr("files of somebody else: {names}").format(names=", ".join(leftover.strangers[:3])))
        return "; ".join(facts)

    def _chosen(self) -> list[Leftover]:
        return [self._found[row] for row in sorted({index.row() for index in self.table.selectedIndexes()})]

    def _enable(self) -> None:
        chosen = self._chosen()
        self.keep.setEnabled(any(leftover.pieces and not leftover.is_running for leftover in chosen))
        self.remove.setEnabled(bool(chosen) and not any(leftover.is_running or leftover.problem for leftover in chosen))

    def _keep(self) -> None:
        chosen = [leftover for leftover in self._chosen() if leftover.pieces and not leftover.is_running]
        for leftover in chosen:
            self._session.keep(leftover.folder, leftover.title)
        self._take_out(chosen)

    def _remove(self) -> None:
        chosen = self._chosen()
        seconds = sum(leftover.seconds for leftover in chosen)
        if not sure(self, self.tr("Delete recordings"), self.tr(
                "Delete {count} recordings, {length} of sound? This cannot be undone, and there is no other copy."
                ).format(count=len(chosen), length=clock(seconds)), self.tr("Delete for ever")):
            return
        self.remove.setEnabled(False)
        self._workspace.tasks.start(_drop, chosen, done=self._removed)

    def _removed(self, result: tuple[list[Leftover], str]) -> None:
        gone, problem = result
        self.problem.setText(translated(problem))
        self._take_out(gone)

    def _take_out(self, done: list[Leftover]) -> None:
        self._found = [leftover for leftover in self._found if leftover not in done]
        self._fill()
        if not self._found:
            self.accept()


def _drop(chosen: list[Leftover]) -> tuple[list[Leftover], str]:
    """On a worker: those that are gone, and what stood in the way of another."""
    gone, problem = [], ""
    for leftover in chosen:
        try:
            recovery.drop(leftover)
            gone.append(leftover)
        except UserError as error:
            problem = error.sentence
        except OSError as error:
            problem = say(_REFUSED, title=leftover.title or leftover.folder.name, reason=error.strerror or "disk error")
    return gone, problem


def _when(started_at: str) -> str:
    """By the computer's clock."""
    with suppress(ValueError):
        return f"{datetime.fromisoformat(started_at).astimezone():%Y-%m-%d %H:%M}"
    return ""
