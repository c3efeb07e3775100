"""Earlier versions of a transcript: compare line by line, bring back single lines or all."""

from __future__ import annotations

from datetime import datetime

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

from desktop.model import Segment, TranscriptDocument, Version, clock
from desktop.ui.differences import bracketed
from desktop.ui.masking import masked_document
from desktop.ui.words import choice_box, label, plain_buttons, translated
from desktop.ui.workspace import Workspace

_SHOWN = 2_000  # rows


class VersionsDialog(QDialog):
    """A version is chosen above; below are the lines that are different now."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._then: TranscriptDocument | None = None
        self._rows: list[tuple[Segment | None, Segment | None]] = []
        self.setWindowTitle(self.tr("Earlier versions"))
        self.resize(860, 520)
        self.choice = choice_box(self.tr("Version"))
        self.note = label("", wrap=True)
        self.table = QTableWidget(0, 3)
        self.table.setAccessibleName(self.tr("Lines that are different now"))
        self.some = QPushButton(self.tr("Bring back the chosen lines"))
        self.all = QPushButton(self.tr("Bring back everything"))
        self._build()
        self._list()

    def _build(self) -> None:
        table = self.table
        table.setHorizontalHeaderLabels([self.tr("Time"), self.tr("Then"), self.tr("Now")])
        table.verticalHeader().hide()
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setColumnWidth(0, table.fontMetrics().horizontalAdvance("00:00:00") + 24)
        for column in (1, 2):
            table.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        for button in (self.some, self.all):
            button.setAutoDefault(False)
            buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(label(self.tr("A version is kept before the first correction, before every pass of a machine "
                                       "and before big changes."), wrap=True))
        layout.addWidget(self.choice)
        layout.addWidget(self.note)
        layout.addWidget(table, 1)
        layout.addWidget(plain_buttons(buttons))
        self.choice.currentIndexChanged.connect(lambda _: self._read())
        table.itemSelectionChanged.connect(lambda: self.some.setEnabled(bool(table.selectedItems())))
        self.some.clicked.connect(lambda: self._restore([then or now for then, now in self._chosen()]))
        self.all.clicked.connect(lambda: self._restore(None))

    def _list(self) -> None:
        """The versions, after what is still being written."""
        document = self._workspace.document
        if document is None:
            return

        def read() -> list[Version]:
            self._workspace.edits.saver.wait()
            return self._workspace.library.versions(document.transcript.id)

        self._workspace.tasks.start(read, done=self._show_versions, failed=self._workspace.show_error)

    def _show_versions(self, versions: list[Version]) -> None:
        self.choice.blockSignals(True)
        for version in versions:
            self.choice.addItem(self.tr("{date}, before: {reason}").format(
                date=local_time(version.at), reason=translated(version.reason)), version.id)
        self.choice.blockSignals(False)
        self._read()

    def _read(self) -> None:
        version_id = self.choice.currentData()
        if version_id is None:
            self.note.setText(self.tr("There is no earlier version: nothing was corrected yet."))
            self._show([])
            return
        self._workspace.tasks.start(self._workspace.library.version_document, int(version_id), done=self._compare,
                                    failed=self._workspace.show_error)

    def _compare(self, then: TranscriptDocument) -> None:
        now = self._workspace.shown
        if now is None:
            return
        self._then = then
        shown = then if self._workspace.edits.is_revealed else masked_document(then)
        old, new = {s.id: s for s in shown.segments}, {s.id: s for s in now.segments}
        pairs = [(old.get(i), new.get(i)) for i in {**old, **new}]
        different = [(a, b) for a, b in pairs if a is None or b is None or _content(shown, a) != _content(now, b)]
        different.sort(key=lambda pair: (pair[0] or pair[1]).start)  # type: ignore[union-attr]
        self.note.setText(self.tr("No line is different.") if not different else self.tr(
            "1 line is different.") if len(different) == 1 else self.tr("{count} lines are different.").format(
                count=len(different)))
        self._show(different[:_SHOWN])

    def _show(self, rows: list[tuple[Segment | None, Segment | None]]) -> None:
        self._rows = rows
        self.table.setRowCount(len(rows))
        for row, (then, now) in enumerate(rows):
            line = then or now
            assert line is not None
            before, after = bracketed(self._text(then, self._then), self._text(now, self._workspace.shown))
            for column, text in enumerate((clock(line.start), before, after)):
                self.table.setItem(row, column, QTableWidgetItem(text))
        if len(rows) <= 200:
            self.table.resizeRowsToContents()
        self.all.setEnabled(bool(rows))
        self.some.setEnabled(False)

    def _text(self, segment: Segment | None, document: TranscriptDocument | None) -> str:
        if segment is None or document is None:
            return ""
        name = document.speaker_name(segment)
        return f"{name}: {segment.text}" if name else segment.text

    def _chosen(self) -> list[tuple[Segment | None, Segment | None]]:
        return [self._rows[row] for row in sorted({index.row() for index in self.table.selectedIndexes()})]

    def _restore(self, lines: list[Segment | None] | None) -> None:
        if self._then is None:
            return
        self._workspace.edits.restore(self._then, None if lines is None else [s.id for s in lines if s is not None])
        self._compare(self._then)


def local_time(at: str) -> str:
    """A moment of the library as the clock on the wall shows it."""
    return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M")


def _content(document: TranscriptDocument, segment: Segment) -> tuple[object, ...]:
    return (segment.start, segment.end, segment.text, segment.translation, document.speaker_name(segment))
