"""What *replace all* would do, line by line, before it does it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.finding import Replacement
from desktop.model import clock
from desktop.ui.differences import bracketed
from desktop.ui.words import label, plain_buttons
from desktop.ui.workspace import Workspace

_SHOWN = 5_000  # rows; more are replaced, too, and counted


class ReplaceDialog(QDialog):
    """All are ticked; OK replaces the ticked ones in one step."""

    def __init__(self, workspace: Workspace, found: list[Replacement], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._found = workspace, found
        self._ids = [segment.id if (segment := workspace.segment(item.row)) else 0 for item in found]
        self.setWindowTitle(self.tr("Replace all"))
        self.resize(820, 480)
        self.table = self._table()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.ok = buttons.button(QDialogButtonBox.StandardButton.Ok)
        buttons.accepted.connect(self._replace)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(label(self.tr("These lines will change, in one step that can be undone. Untick what should "
                                       "stay; words that differ stand in ⟨ ⟩."), wrap=True))
        layout.addWidget(self.table, 1)
        if len(found) > _SHOWN:
            layout.addWidget(label(self.tr("The first {shown} of {count} lines are shown; all of the others change, "
                                           "too.").format(shown=_SHOWN, count=len(found)), wrap=True))
        layout.addWidget(plain_buttons(buttons))
        self.table.itemChanged.connect(lambda _: self._count())
        self._count()

    def _table(self) -> QTableWidget:
        shown = self._found[:_SHOWN]
        table = QTableWidget(len(shown), 3)
        table.setAccessibleName(self.tr("Lines that change"))
        table.setHorizontalHeaderLabels([self.tr("Time"), self.tr("Before"), self.tr("After")])
        table.verticalHeader().hide()
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        for row, item in enumerate(shown):
            segment = self._workspace.segment(item.row)
            time = QTableWidgetItem(clock(segment.start) if segment else "")
            time.setFlags(time.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            time.setCheckState(Qt.CheckState.Checked)
            before, after = bracketed(item.before, item.after)
            for column, cell in enumerate((time, QTableWidgetItem(before), QTableWidgetItem(after))):
                table.setItem(row, column, cell)
        header = table.horizontalHeader()
        table.setColumnWidth(0, table.fontMetrics().horizontalAdvance("00:00:00") + 48)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        table.setWordWrap(True)
        if len(shown) <= 200:
            table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        return table

    def chosen(self) -> list[Replacement]:
        """What is ticked, and what is not shown."""
        ticked = [item for row, item in enumerate(self._found[:_SHOWN])
                  if (cell := self.table.item(row, 0)) is not None and cell.checkState() is Qt.CheckState.Checked]
        return ticked + self._found[_SHOWN:]

    def _count(self) -> None:
        count = len(self.chosen())
        self.ok.setEnabled(count > 0)
        self.ok.setText(self.tr("Replace in 1 line") if count == 1 else self.tr("Replace in {count} lines").format(
            count=count))

    def _replace(self) -> None:
        """The same lines, wherever they stand now (a part may have come in), if they still say the same."""
        document, ids = self._workspace.document, dict(zip(self._found, self._ids, strict=True))
        wanted = {ids[item]: item for item in self.chosen()}
        self._workspace.edits.replace_texts([
            (row, item.after) for row, segment in enumerate(document.segments if document else ())
            if (item := wanted.get(segment.id)) is not None and item.before == segment.text])
        self.accept()
