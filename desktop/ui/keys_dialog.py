"""All keys, from the action table, and another key for any of them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QKeySequenceEdit,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.ui import actions
from desktop.ui.actions import Entry
from desktop.ui.words import label, plain_buttons
from desktop.ui.workspace import Workspace

_NAME = int(Qt.ItemDataRole.UserRole)


class KeysDialog(QDialog):
    """A key that another action has is refused, and that action named. F13 to F24 and media keys will do, too."""

    def __init__(self, workspace: Workspace, made: dict[str, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._actions = workspace, made
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.resize(660, 680)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(self.tr("Look for an action or a key"))
        self.filter.setAccessibleName(self.filter.placeholderText())
        self.table = self._table()
        self.edit = QKeySequenceEdit()
        self.edit.setMaximumSequenceLength(1)
        self.edit.setAccessibleName(self.tr("New key"))
        for line in self.edit.findChildren(QLineEdit):
            line.setAccessibleName(self.tr("New key"))
        self.add, self.only = QPushButton(self.tr("Add key")), QPushButton(self.tr("Only this key"))
        self.none, self.default = QPushButton(self.tr("No key")), QPushButton(self.tr("As delivered"))
        self.message = label("", wrap=True)
        self._build()
        self._connect()
        self._fill()

    def _table(self) -> QTableWidget:
        table = QTableWidget(0, 2)
        table.setAccessibleName(self.windowTitle())
        table.setHorizontalHeaderLabels([self.tr("Action"), self.tr("Keys")])
        table.verticalHeader().hide()
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.horizontalHeader().setStretchLastSection(True)
        return table

    def _build(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.edit, 1)
        for button in (self.add, self.only, self.none, self.default):
            button.setAutoDefault(False)
            row.addWidget(button)
        note = label(self.tr(
            "Keys with a letter alone (Space, K, M, [ and ]) act only when nobody types and cannot be changed. A foot "
            "pedal is a keyboard: choose an action, click into the field and press the pedal.\n"
            "In a line: Enter goes on to the next line, Shift+Enter breaks the line, Esc takes back what was typed, "
            "arrows leave the line at its ends; Ctrl and click plays from a word. In the waveform: the wheel scrolls, "
            "with Control it zooms, with Shift it changes the height; a click goes there, dragging makes a range or "
            "moves an edge of the chosen line, Alt while dragging does not snap; Control and arrows move the start of "
            "the range, or of the chosen line, with Shift its end."), wrap=True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.filter)
        layout.addWidget(self.table, 1)
        layout.addLayout(row)
        layout.addWidget(self.message)
        layout.addWidget(note)
        layout.addWidget(plain_buttons(buttons))

    def _connect(self) -> None:
        self.filter.textChanged.connect(lambda _: self._fill())
        self.table.itemSelectionChanged.connect(self._chose)
        self.add.clicked.connect(lambda: self._take([*self._keys(), self.edit.keySequence()]))
        self.only.clicked.connect(lambda: self._take([self.edit.keySequence()]))
        self.none.clicked.connect(lambda: self._take([]))
        self.default.clicked.connect(self._back)
        self.edit.keySequenceChanged.connect(lambda _: self._enable())

    def _fill(self) -> None:
        """The actions that fit what is looked for."""
        wanted, chosen = self.filter.text().casefold(), self._chosen()
        rows = [(entry, actions.text_of(entry), "   ".join(self._labels(entry))) for entry in actions.ACTIONS]
        rows = [row for row in rows if wanted in f"{row[1]} {row[2]}".casefold()]
        self.table.setRowCount(len(rows))
        for number, (entry, text, keys) in enumerate(rows):
            item = QTableWidgetItem(text)
            item.setData(_NAME, entry.name)
            self.table.setItem(number, 0, item)
            self.table.setItem(number, 1, QTableWidgetItem(keys))
            if chosen is not None and entry.name == chosen.name:
                self.table.setCurrentCell(number, 0)
        self.table.resizeColumnToContents(0)
        self._enable()

    def _labels(self, entry: Entry) -> list[str]:
        native = QKeySequence.SequenceFormat.NativeText
        plain = [QKeySequence(key).toString(native) for key in entry.plain_keys]
        return plain + [key.toString(native) for key in self._actions[entry.name].shortcuts() if not key.isEmpty()]

    def _chosen(self) -> Entry | None:
        rows = self.table.selectionModel().selectedRows()
        item = self.table.item(rows[0].row(), 0) if rows else None
        return actions.BY_NAME[item.data(_NAME)] if item is not None else None

    def _chose(self) -> None:
        self.message.setText("")
        self._enable()

    def _enable(self) -> None:
        entry, has_key = self._chosen(), not self.edit.keySequence().isEmpty()
        self.add.setEnabled(entry is not None and has_key)
        self.only.setEnabled(entry is not None and has_key)
        self.none.setEnabled(entry is not None and bool(self._keys()))
        own = self._workspace.settings.shortcuts
        self.default.setEnabled(entry is not None and actions.is_rebound(own, entry.name))

    def _keys(self) -> list[QKeySequence]:
        entry = self._chosen()
        return list(self._actions[entry.name].shortcuts()) if entry is not None else []

    def _take(self, keys: list[QKeySequence]) -> None:
        entry = self._chosen()
        if entry is None:
            return
        for key in keys:
            other = self._owner(key, entry)
            if other is not None:
                self.message.setText(self.tr("{key} belongs to “{action}”. Take it away there first, or choose another "
                                             "key.").format(key=key.toString(QKeySequence.SequenceFormat.NativeText),
                                                            action=actions.text_of(other)))
                return
        self._keep(actions.rebound(self._workspace.settings.shortcuts, entry.name, keys))

    def _owner(self, key: QKeySequence, entry: Entry) -> Entry | None:
        """Another action that has this key, be it only when nobody types."""
        return next((other for other in actions.ACTIONS if other.name != entry.name and key in (
            *self._actions[other.name].shortcuts(), *(QKeySequence(plain) for plain in other.plain_keys))), None)

    def _back(self) -> None:
        entry = self._chosen()
        if entry is None:
            return
        for key in actions.default_keys(entry):
            other = self._owner(key, entry)
            if other is not None:
                self.message.setText(self.tr("{key} belongs to “{action}” now. Take it away there first.").format(
                    key=key.toString(QKeySequence.SequenceFormat.NativeText), action=actions.text_of(other)))
                return
        self._keep(actions.rebound(self._workspace.settings.shortcuts, entry.name, None))

    def _keep(self, keys: tuple[str, ...]) -> None:
        self._workspace.change_settings(shortcuts=keys)
        actions.apply_keys(self._actions, keys)
        self.edit.clear()
        self.message.setText("")
        self._fill()
