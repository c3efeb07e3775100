"""What left this computer: the protection of the open recording, its requests, and a dialog with all of them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop import ledger
from desktop.model import Protection, Sending
from desktop.ui.words import choice_box, label, plain_buttons, translated
from desktop.ui.workspace import Workspace

_SHOWN = 30  # lines in the Details tab; the dialog has all


class LedgerView(QWidget):
    """For the Details tab."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.protection = choice_box(self.tr("May leave this computer"))
        for level, text in ((Protection.NEVER, self.tr("Never upload")), (Protection.ASK, self.tr("Ask each time")),
                            (Protection.MAY, self.tr("May be sent"))):
            self.protection.addItem(text, level.value)
        self._sum = label("", wrap=True)
        self.lines = label("", wrap=True)
        self.lines.setAccessibleName(self.tr("What was sent"))
        self._all = QPushButton(self.tr("Everything that was sent…"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        for widget in (label(self.tr("May leave this computer")), self.protection, label(self.tr("What was sent")),
                       self._sum, self.lines, self._all):
            layout.addWidget(widget)
        self.protection.activated.connect(
            lambda _: workspace.set_protection(Protection(str(self.protection.currentData()))))
        self._all.clicked.connect(lambda: LedgerDialog(workspace, self.window()).exec())
        workspace.ledger_changed.connect(self.reload)

    def reload(self) -> None:
        """Show the open recording's."""
        recording = self._workspace.recording
        self.setVisible(recording is not None)
        if recording is None:
            return
        self.protection.setCurrentIndex(self.protection.findData(recording.protection.value))
        sendings = self._workspace.library.sendings(recording.id)
        self.lines.setText("\n\n".join("\n".join(_lines(sending)) for sending in sendings[:_SHOWN]))
        self.lines.setVisible(bool(sendings))
        self._sum.setText(sum_sentence(ledger.add_up("", sendings)) if sendings else
                          self.tr("Nothing of this recording has left this computer."))


class LedgerDialog(QDialog):
    """All requests of all recordings, and sums per month."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Everything that was sent"))
        self.resize(1240, 520)
        sendings = workspace.library.sendings()
        library = workspace.library
        titles = {recording.id: recording.title for recording in (*library.recordings(), *library.binned())}
        heads = (self.tr("When (UTC)"), self.tr("Recording"), self.tr("What"), self.tr("Part"), self.tr("Size"),
                 self.tr("Stored"), self.tr("Model"), self.tr("Where to"), self.tr("Ended"), self.tr("Tokens in"),
                 self.tr("Tokens out"), self.tr("Cost"))
        table = QTableWidget(len(sendings), len(heads))
        table.setAccessibleName(self.windowTitle())
        table.setHorizontalHeaderLabels(heads)
        table.verticalHeader().hide()
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        for row, sending in enumerate(sendings):
            title = titles.get(sending.recording_id or 0, self.tr("(removed recording)"))
            for column, text in enumerate(_cells(sending, title)):
                table.setItem(row, column, QTableWidgetItem(text))
        table.resizeColumnsToContents()
        months = [self.tr("{month}: {sum}").format(month=month.name, sum=sum_sentence(month))
                  for month in ledger.by_month(sendings)]
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(label("\n".join(months) or self.tr("Nothing was sent yet."), wrap=True))
        layout.addWidget(table, 1)
        layout.addWidget(plain_buttons(buttons))


def sum_sentence(total: ledger.Sum) -> str:
    """A sum in a line."""
    text = QCoreApplication.translate("LedgerView", "{count} requests, {size}, {tokens} tokens, about {money}").format(
        count=total.requests, size=ledger.size(total.byte_count), money=ledger.money(total.cost),
        tokens=f"{total.input_tokens + total.output_tokens:,}")
    return text if total.is_cost_complete else text + " " + QCoreApplication.translate(
        "LedgerView", "(some models have no known price)")


def _lines(sending: Sending) -> Sequence[str]:
    cells = _cells(sending, "")
    second = (cells[6], cells[4], cells[8], cells[11], cells[5])
    return f"{cells[0]} · {cells[2]} · {cells[3]}", " · ".join(cell for cell in second if cell not in ("", "–"))


def _cells(sending: Sending, title: str) -> tuple[str, ...]:
    def word(text: str) -> str:
        return QCoreApplication.translate("core", text)

    cargo = sending.cargo
    return (sending.at[:16].replace("T", " "), title, word(ledger.PURPOSES.get(cargo.purpose, cargo.purpose)),
            ledger.what(sending), ledger.size(cargo.byte_count),
            translated(ledger.stored(sending)) or QCoreApplication.translate("LedgerView", "not stored"),
            cargo.model, cargo.host,
            word(ledger.OUTCOMES.get(sending.outcome, sending.outcome)), f"{sending.usage.input_tokens:,}",
            f"{sending.usage.output_tokens:,}", ledger.money(sending.cost))
