"""Old and new lines beside each other after a second hearing; what is ticked is taken over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
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

from desktop.model import TranscriptDocument, clock
from desktop.ui.differences import bracketed
from desktop.ui.words import label, plain_buttons
from desktop.ui.workspace import Workspace

if TYPE_CHECKING:
    from desktop.rehearing import Pairing


class RehearingDialog(QDialog):
    """Which lines of the second hearing replace those that are there."""

    def __init__(self, workspace: Workspace, old: TranscriptDocument, new: TranscriptDocument,
                 parent: QWidget | None = None) -> None:
        from desktop.rehearing import compare

        super().__init__(parent)
        self._workspace, self._old, self._new = workspace, old, new
        self.pairings = compare(old, new)
        self.setWindowTitle(self.tr("Heard again: {title}").format(title=old.recording.title))
        self.resize(900, 520)
        place = new.transcript.range
        different = sum(not pairing.is_same for pairing in self.pairings)
        says = self.tr("{start} – {end} was heard again. Places that differ: {count}; the words that differ stand in "
                       "⟨⟩. Tick the lines to take over; the others stay as they are.").format(
            start=clock(place.start), end=clock(place.end), count=different)
        if not different:
            says = self.tr("{start} – {end} was heard again, word for word the same.").format(
                start=clock(place.start), end=clock(place.end))
        self.table = self._table()
        play = QPushButton(self.tr("Play this place"))
        play.clicked.connect(self._play)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(play, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self.tr("Take over ticked lines"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(label(says, wrap=True))
        layout.addWidget(self.table, 1)
        layout.addWidget(plain_buttons(buttons))
        self.finished.connect(self._finish)

    def _table(self) -> QTableWidget:
        table = QTableWidget(len(self.pairings), 3)
        table.setAccessibleName(self.tr("Old and new lines"))
        table.setHorizontalHeaderLabels([self.tr("Time"), self.tr("As it stands"), self.tr("Heard again")])
        table.verticalHeader().hide()
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setWordWrap(True)
        for row, pairing in enumerate(self.pairings):
            old, new = _marked(pairing)
            time = QTableWidgetItem(clock(pairing.start, tenths=True))
            if pairing.is_partial:
                time.setToolTip(self.tr("This line goes on outside the range. Choose a wider range to replace it."))
            elif not pairing.is_same and pairing.new:
                time.setFlags(time.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                time.setCheckState(Qt.CheckState.Unchecked if pairing.old else Qt.CheckState.Checked)
            for column, item in enumerate((time, QTableWidgetItem(old), QTableWidgetItem(new))):
                table.setItem(row, column, item)
        header = table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        table.setColumnWidth(0, table.fontMetrics().horizontalAdvance("00:00:00.0") + 40)  # and a box to tick
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        return table

    def _play(self) -> None:
        row = max(0, self.table.currentRow())
        if row < len(self.pairings):
            lines = (*self.pairings[row].old, *self.pairings[row].new)
            self._workspace.player.play(self.pairings[row].start, until=max(line.end for line in lines))

    def ticked(self) -> list[Pairing]:
        """What is to be taken over."""
        return [pairing for row, pairing in enumerate(self.pairings)
                if (item := self.table.item(row, 0)) is not None and item.checkState() is Qt.CheckState.Checked]

    def _finish(self, result: int) -> None:
        chosen = self.ticked() if result == QDialog.DialogCode.Accepted else []
        self._workspace.finish_rehearing(self._old, self._new, chosen)


def _marked(pairing: Pairing) -> tuple[str, str]:
    """Both texts with the words that differ in brackets."""
    return bracketed(pairing.text(pairing.old), pairing.text(pairing.new), casefold=True)
