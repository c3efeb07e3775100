"""The library: a filter, what is listed and in which order, recordings with state and progress, files coming in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby

from PySide6.QtCore import QEvent, QItemSelection, QItemSelectionModel, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeyEvent, QPalette
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QListView,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.model import Recording
from desktop.ui.imports import ImportItem
from desktop.ui.item_models import LibraryModel
from desktop.ui.library_order import ORDERS, Place, Scope, Shelf, read_shelf
from desktop.ui.library_row import LibraryDelegate
from desktop.ui.words import choice_box, label, translated
from desktop.ui.workspace import Workspace

_MANY = 500  # recordings; more are read on a worker


class FilterField(QLineEdit):
    """Esc clears it, arrow down goes to the list."""

    left = Signal()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) \
                and event.key() == Qt.Key.Key_Escape and self.text():
            event.accept()  # else it would play
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.left.emit()
        else:
            super().keyPressEvent(event)


class LibraryList(QListView):
    """Many can be chosen; F2 and Del mean the chosen recordings here, and nothing elsewhere."""

    key_pressed = Signal(str)  # name of an action

    KEYS = {Qt.Key.Key_F2: "rename", Qt.Key.Key_Delete: "remove"}

    def __init__(self) -> None:
        super().__init__()
        self.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and self._action(event):
            event.accept()  # F2 renames a speaker elsewhere
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        name = self._action(event)
        if name:
            self.key_pressed.emit(name)
        else:
            super().keyPressEvent(event)

    def _action(self, event: QEvent) -> str:
        plain = isinstance(event, QKeyEvent) and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        return self.KEYS.get(Qt.Key(event.key()), "") if plain and isinstance(event, QKeyEvent) else ""


class LibraryPanel(QWidget):
    """The list with its head, its buttons and its empty states."""

    import_requested = Signal()
    chosen_changed = Signal()
    menu_requested = Signal(QPoint)  # on the screen

    def __init__(self, workspace: Workspace, actions: dict[str, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._actions = workspace, actions
        self._shelf = Shelf()
        self._reading = self._is_outdated = self._was_read = self._restoring = False
        self.model = LibraryModel(self)
        self.view = LibraryList()
        self.view.setModel(self.model)
        self.view.setItemDelegate(LibraryDelegate(self.model, self.view))
        self.view.setAccessibleName(self.tr("Library"))
        self.filter = FilterField()
        self.scope_choice = choice_box(self.tr("What is listed"))
        self.sort_button = QPushButton()
        self._empty = label("", wrap=True)
        self._problem = label("", wrap=True)
        self._build_head()
        self._build()
        self._connect()
        self.reload()

    # -- building --------------------------------------------------------------------------------------------

    def _build_head(self) -> None:
        self.filter.setPlaceholderText(self.tr("Filter: title, person, tag …"))
        self.filter.setAccessibleName(self.tr("Filter the library"))
        self.filter.setToolTip(self.tr("Title, place, people, tags, notes. What was said is found by Search "
                                       "everything (Ctrl+Shift+F)."))
        self.filter.setClearButtonEnabled(True)
        for button in self.filter.findChildren(QToolButton):
            button.setAccessibleName(self.tr("Clear the filter"))
        self.scope_choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.scope_choice.setToolTip(self.tr("All recordings, a project, a tag, or the bin"))
        self.sort_button.setText(self.tr("Sort"))
        self.sort_button.setAccessibleName(self.tr("Sort the library"))
        self.sort_button.setFixedWidth(self.sort_button.fontMetrics().horizontalAdvance(self.sort_button.text()) + 36)
        self.sort_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu, self._orders = QMenu(self.sort_button), QActionGroup(self)
        for name, (text, _, _) in ORDERS.items():
            action = menu.addAction(translated(text))
            action.setCheckable(True)
            action.setData(name)
            action.setChecked(name == self._workspace.settings.library_order)
            self._orders.addAction(action)
        self.sort_button.setMenu(menu)

    def _build(self) -> None:
        self._retry = QPushButton(self.tr("Try again"))
        self._dismiss = QPushButton(self.tr("Dismiss"))
        self._dismiss_all = QPushButton(self.tr("Dismiss all"))
        self._bin_buttons = [self._button(name, text) for name, text in (
            ("put_back", self.tr("Put back")), ("remove_for_ever", self.tr("Remove for ever…")),
            ("empty_bin", self.tr("Empty the bin…")))]
        row = QHBoxLayout()
        for button in (self._retry, self._dismiss, self._dismiss_all):
            row.addWidget(button)
        self._import = QPushButton(self.tr("Import…"))
        self._import.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._import.setToolTip(self.tr("Import audio or video files (Ctrl+O), or drop them on the window"))
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setMargin(16)
        self._problem.setForegroundRole(QPalette.ColorRole.BrightText)
        self.setMinimumWidth(190)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 6, 4, 6)  # the same on both sides: it may be read from the right
        head = QHBoxLayout()
        head.addWidget(self.scope_choice, 1)
        head.addWidget(self.sort_button)
        layout.addWidget(label(self.tr("LIBRARY")))
        layout.addWidget(self.filter)
        layout.addLayout(head)
        self._top = QVBoxLayout()
        layout.addLayout(self._top)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self.view, 1)
        layout.addWidget(self._problem)
        layout.addLayout(row)
        for button in self._bin_buttons:
            layout.addWidget(button)
        below = QHBoxLayout()
        for button in (self._button("record", self.tr("● Record…")), self._import):
            below.addWidget(button)
        layout.addLayout(below)

    def _button(self, action: str, text: str) -> QPushButton:
        button = QPushButton(text)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(self._actions[action].trigger)
        return button

    def _connect(self) -> None:
        workspace = self._workspace
        self._import.clicked.connect(self.import_requested)
        self._retry.clicked.connect(lambda: self._on_item(workspace.imports.retry))
        self._dismiss_all.clicked.connect(workspace.imports.dismiss_failed)
        self._dismiss.clicked.connect(lambda: self._on_item(workspace.imports.dismiss))
        self.filter.textChanged.connect(self._show_list)
        self.filter.left.connect(self._enter_list)
        self.scope_choice.currentIndexChanged.connect(self._show_list)
        self._orders.triggered.connect(self._sort)
        self.view.selectionModel().selectionChanged.connect(self._selection_changed)
        self.view.key_pressed.connect(self._trigger)
        self.view.customContextMenuRequested.connect(
            lambda point: self.menu_requested.emit(self.view.viewport().mapToGlobal(point)))
        for signal in (workspace.library_changed, workspace.imports.changed):
            signal.connect(self.reload)
        workspace.jobs.changed.connect(self._show_list)
        for signal in (workspace.imports.progressed, workspace.jobs.progressed):
            signal.connect(self._repaint)
        workspace.recording_changed.connect(self._mark_open)

    def show_on_top(self, row: QWidget) -> None:
        """Keep a row above all others, whatever is listed."""
        self._top.addWidget(row)

    # -- what is listed --------------------------------------------------------------------------------------

    @property
    def shelf(self) -> Shelf:
        """What was read last."""
        return self._shelf

    @property
    def scope(self) -> Scope:
        """What is listed."""
        return self.scope_choice.currentData() or Scope()

    @property
    def is_bin(self) -> bool:
        return self.scope.place is Place.BIN

    def show_all(self) -> None:
        """List all recordings, whatever project, tag or bin is listed now."""
        self.show_scope(Scope())

    def show_scope(self, scope: Scope) -> None:
        """List something else."""
        for row in range(self.scope_choice.count()):
            if self.scope_choice.itemData(row) == scope:
                self.scope_choice.setCurrentIndex(row)

    def reload(self) -> None:
        """Read the list again and keep what was chosen; a long one on a worker, one reading at a time."""
        if self._reading:
            self._is_outdated = True
        elif self._workspace.library.recording_count() <= _MANY:
            self._take(read_shelf(self._workspace.library, self._shelf))
        else:
            self._reading = True
            self._workspace.tasks.start(read_shelf, self._workspace.library, self._shelf, done=self._read,
                                        failed=self._not_read)
            self._show_list()

    def _read(self, shelf: Shelf) -> None:
        self._reading = False
        self._take(shelf)
        if self._is_outdated:
            self._is_outdated = False
            self.reload()

    def _not_read(self, error: object) -> None:
        self._reading = self._is_outdated = False
        self._workspace.show_error(error)  # type: ignore[arg-type]

    def _take(self, shelf: Shelf) -> None:
        self._was_read = True
        scope, self._shelf = self.scope, shelf
        blocked = self.scope_choice.blockSignals(True)
        self._fill_scopes()
        self.show_scope(scope)
        self.scope_choice.blockSignals(blocked)
        self._show_list()

    def _fill_scopes(self) -> None:
        box, shelf = self.scope_choice, self._shelf
        box.clear()
        box.addItem(self.tr("All recordings ({count})").format(count=len(shelf.recordings)), Scope())
        if shelf.projects:
            box.insertSeparator(box.count())
            for name in sorted(shelf.projects.values(), key=str.casefold):
                box.addItem(self.tr("Project: {name}").format(name=name), Scope(Place.PROJECT, name))
            box.addItem(self.tr("Without a project"), Scope(Place.NO_PROJECT))
        if shelf.tags:
            box.insertSeparator(box.count())
            for tag in shelf.tags:
                box.addItem(self.tr("Tag: {name}").format(name=tag), Scope(Place.TAG, tag))
        box.insertSeparator(box.count())
        box.addItem(self.tr("Bin ({count})").format(count=len(shelf.binned)), Scope(Place.BIN))

    def _show_list(self) -> None:
        workspace, chosen = self._workspace, self.chosen_items()
        current = self.view.currentIndex().row()
        items = list(workspace.imports.items)
        coming = {item.recording_id for item in items}
        listed = self._shelf.listed(self.scope, self.filter.text(), workspace.settings.library_order)
        self._restoring = True
        if self.model.set_rows(items, [r for r in listed if r.id not in coming], workspace.jobs.running):
            self._choose(chosen, current)
        self._restoring = False
        if not self.chosen_items():
            self._mark_open()
        empty = self.model.rowCount() == 0
        self._empty.setText(self._empty_words() if empty else "")
        self._empty.setVisible(empty)
        self.view.setVisible(not empty)
        self._show_buttons()

    def _empty_words(self) -> str:
        if not self._was_read:
            return self.tr("Reading the library …")
        if self.filter.text().strip():
            return self.tr("No title, place, person, tag or note here has “{text}”. Esc in the field shows all again; "
                           "Ctrl+Shift+F searches what was said.").format(text=self.filter.text().strip()[:60])
        if self.is_bin:
            return self.tr("The bin is empty. What you move here is kept for 30 days and can be put back.")
        if self.scope.place is not Place.ALL:
            return self.tr("No recordings here yet.")
        return self.tr("No recordings yet. Import an interview, or drop audio files and folders on this window.")

    def _sort(self, action: QAction) -> None:
        self._workspace.change_settings(library_order=str(action.data()))
        self._show_list()

    # -- what is chosen --------------------------------------------------------------------------------------

    def chosen_items(self) -> list[ImportItem | Recording]:
        """What is selected, in the order of the list."""
        return [self.model.item(row) for row in self._chosen_rows()]

    def _chosen_rows(self) -> list[int]:
        selection = self.view.selectionModel().selection()
        stretches = [selection.at(n) for n in range(selection.size())]
        return sorted(row for stretch in stretches for row in range(stretch.top(), stretch.bottom() + 1))

    def chosen(self) -> list[Recording]:
        """The recordings that are selected."""
        return [item for item in self.chosen_items() if isinstance(item, Recording)]

    def _choose(self, items: Iterable[ImportItem | Recording], current: int) -> None:
        """Select what is still there; the arrow keys go on from the same row."""
        coming = self._workspace.imports.items
        rows = sorted(row for item in items if (row := self.model.row_of(item.id) if isinstance(item, Recording) else
                                                coming.index(item) if item in coming else -1) >= 0)
        selection = QItemSelection()
        for _, group in groupby(enumerate(rows), lambda pair: pair[1] - pair[0]):  # neighbours are one stretch
            stretch = [row for _, row in group]
            selection.select(self.model.index(stretch[0]), self.model.index(stretch[-1]))
        here = rows[0] if len(rows) == 1 else min(current, self.model.rowCount() - 1)
        if here >= 0:
            self.view.selectionModel().setCurrentIndex(
                self.model.index(here), QItemSelectionModel.SelectionFlag.NoUpdate)
        self.view.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def _mark_open(self) -> None:
        """What is open is what is chosen, when it is in the list; nothing is opened by this."""
        recording = self._workspace.recording
        row = self.model.row_of(recording.id) if recording else -1
        if self._workspace.watched_import in self._workspace.imports.items:
            row = self._workspace.imports.items.index(self._workspace.watched_import)
        self._restoring = True
        if row >= 0 and self._chosen_rows() != [row]:
            self.view.selectionModel().setCurrentIndex(
                self.model.index(row), QItemSelectionModel.SelectionFlag.ClearAndSelect)
        elif row < 0 and recording is not None:
            self.view.clearSelection()
        self._restoring = False
        self._show_buttons()

    def _selection_changed(self) -> None:
        """One chosen row is opened; several are not, and nothing that is in the bin."""
        chosen = self.chosen_items()
        if not self._restoring and len(chosen) == 1:
            self._open(chosen[0])
        self._show_buttons()

    def _open(self, item: ImportItem | Recording) -> None:
        workspace = self._workspace
        if isinstance(item, ImportItem):
            if item.error is None:
                workspace.watch_import(item)
        elif not item.removed_at and (workspace.recording is None or workspace.recording.id != item.id):
            workspace.open(item)

    def _enter_list(self) -> None:
        if self.model.rowCount():
            self.view.setFocus()
            if not self.chosen_items():
                self.view.setCurrentIndex(self.model.index(0))

    def _trigger(self, name: str) -> None:
        if not self.chosen():  # else the open recording would be meant, which may not even be listed
            return
        in_bin = self.is_bin
        self._actions["remove_for_ever" if in_bin and name == "remove" else name].trigger()

    def _show_buttons(self) -> None:
        chosen, in_bin = self.chosen_items(), self.is_bin
        item = chosen[0] if len(chosen) == 1 else None
        failed = isinstance(item, ImportItem) and item.error is not None
        self._retry.setVisible(failed)
        self._dismiss.setVisible(isinstance(item, ImportItem))
        failures = sum(item.error is not None for item in self._workspace.imports.items)
        self._dismiss_all.setVisible(failed and failures > 1)
        self._dismiss.setText(self.tr("Dismiss") if failed else self.tr("Stop"))
        self._problem.setText(translated(item.error.sentence)
                              if isinstance(item, ImportItem) and item.error is not None else "")
        self._problem.setVisible(failed)
        for button in self._bin_buttons:
            button.setVisible(in_bin)
            button.setEnabled(bool(self._shelf.binned if button is self._bin_buttons[-1] else self.chosen()))
        self.chosen_changed.emit()

    def _repaint(self, _: object = None) -> None:
        """Progress: the rows stay as they are, so nothing is laid out anew."""
        self.view.viewport().update()

    def _on_item(self, verb: Callable[[ImportItem], None]) -> None:
        chosen = self.chosen_items()
        if len(chosen) == 1 and isinstance(chosen[0], ImportItem):
            verb(chosen[0])
