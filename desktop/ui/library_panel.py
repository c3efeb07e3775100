"""The library: recordings with state and progress, files coming in, errors in place."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListView,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop.model import Recording, RecordingState, clock
from desktop.ui.imports import ImportItem
from desktop.ui.item_models import ITEM, LibraryModel
from desktop.ui.words import label, translated
from desktop.ui.workspace import Workspace

PADDING = 8


class LibraryDelegate(QStyledItemDelegate):
    """Title, then duration and state, then a progress bar or what is wrong."""

    def __init__(self, model: LibraryModel, parent: QListView) -> None:
        super().__init__(parent)
        self._model, self._view = model, parent

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        item = index.data(ITEM)
        line = self._line()
        height = 2 * line + 2 * PADDING
        if isinstance(item, ImportItem) and item.error is not None:
            height = line + 2 * PADDING + self._problem_rect(translated(item.error.sentence)).height()
        elif isinstance(item, ImportItem) or (isinstance(item, Recording) and self._model.job(item)):
            height += 8
        return QSize(120, height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem,
              index: QModelIndex | QPersistentModelIndex) -> None:
        item = index.data(ITEM)
        palette = self._view.palette()
        rect: QRect = option.rect
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        if selected:
            painter.fillRect(rect, palette.highlight())
        text = palette.highlightedText().color() if selected else palette.text().color()
        quiet = text if selected else palette.placeholderText().color()
        inner = rect.adjusted(PADDING, PADDING, -PADDING, -PADDING)
        line = self._line()
        metrics = QFontMetrics(self._view.font())
        painter.setPen(text)
        title = metrics.elidedText(item.title, Qt.TextElideMode.ElideMiddle, inner.width())
        painter.drawText(QRect(inner.left(), inner.top(), inner.width(), line), Qt.AlignmentFlag.AlignVCenter, title)
        below = QRect(inner.left(), inner.top() + line, inner.width(), line)
        if isinstance(item, ImportItem) and item.error is not None:
            if not selected:
                painter.setPen(palette.brightText().color())
            painter.drawText(below.adjusted(0, 0, 0, inner.height()), Qt.TextFlag.TextWordWrap,
                             translated(item.error.sentence))
        else:
            painter.setPen(quiet)
            painter.drawText(below, Qt.AlignmentFlag.AlignVCenter,
                             metrics.elidedText(self._state(item), Qt.TextElideMode.ElideRight, inner.width()))
            self._paint_progress(painter, item, QRect(inner.left(), below.bottom() + 3, inner.width(), 5), text)
        painter.setPen(QPen(palette.midlight().color(), 1))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        if self._view.hasFocus() and self._view.currentIndex() == index:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(palette.text().color() if not selected else palette.highlightedText().color(), 2))
            painter.drawRect(rect.adjusted(2, 2, -3, -3))
        painter.restore()

    def _paint_progress(self, painter: QPainter, item: ImportItem | Recording, bar: QRect, colour: object) -> None:
        job = self._model.job(item) if isinstance(item, Recording) else None
        if job is None and (isinstance(item, Recording) or item.task is None):
            return
        fraction = job.fraction if job else item.fraction if isinstance(item, ImportItem) else 0.0
        palette = self._view.palette()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(palette.mid())
        painter.drawRoundedRect(bar, 2, 2)
        painter.setBrush(colour)
        painter.drawRoundedRect(QRect(bar.left(), bar.top(), max(4, int(bar.width() * fraction)), bar.height()), 2, 2)

    def _state(self, item: ImportItem | Recording) -> str:
        if isinstance(item, ImportItem):
            return translated(item.sentence) if item.task else self.tr("waiting to be imported")
        job = self._model.job(item)
        pieces = ["YouTube" if item.address else clock(item.duration)]
        if item.state is RecordingState.PREPARING:
            pieces = [self.tr("being prepared")]
        if job:
            pieces.append(self.tr("transcribing {percent}").format(percent=f"{job.fraction:.0%}"))
        elif item.is_partly_heard:
            pieces.append(self.tr("partly transcribed"))
        elif item.transcript_count:
            pieces.append(self.tr("✓ transcribed"))
        else:
            pieces.append(self.tr("not transcribed"))
        if item.problem:
            pieces.append(self.tr("damaged"))
        return "  ·  ".join(pieces)

    def _problem_rect(self, text: str) -> QRect:
        width = max(80, self._view.viewport().width() - 2 * PADDING)
        return QFontMetrics(self._view.font()).boundingRect(QRect(0, 0, width, 1000), Qt.TextFlag.TextWordWrap, text)

    def _line(self) -> int:
        return QFontMetrics(self._view.font()).lineSpacing() + 2


class LibraryPanel(QWidget):
    """The list with its buttons and its empty state."""

    import_requested = Signal()
    remove_requested = Signal(object)  # Recording

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.model = LibraryModel(self)
        self.view = QListView()
        self.view.setModel(self.model)
        self.view.setItemDelegate(LibraryDelegate(self.model, self.view))
        self.view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setResizeMode(QListView.ResizeMode.Adjust)
        self.view.setWordWrap(True)  # makes the list measure its rows anew when its width changes
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setAccessibleName(self.tr("Library"))
        self._empty = label(self.tr("No recordings yet. Import an interview, or drop audio files and folders on this "
                                    "window."), wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setMargin(16)
        self._build()
        self._connect()
        self.reload()

    def _build(self) -> None:
        self._retry = QPushButton(self.tr("Try again"))
        self._dismiss = QPushButton(self.tr("Dismiss"))
        self._dismiss_all = QPushButton(self.tr("Dismiss all"))
        row = QHBoxLayout()
        for button in (self._retry, self._dismiss, self._dismiss_all):
            row.addWidget(button)
        self._import = QPushButton(self.tr("Import…"))
        self._import.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMinimumWidth(190)
        self._import.setToolTip(self.tr("Import audio or video files (Ctrl+O), or drop them on the window"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 0, 6)
        heading = label(self.tr("LIBRARY"))
        layout.addWidget(heading)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self.view, 1)
        layout.addLayout(row)
        layout.addWidget(self._import)

    def _connect(self) -> None:
        workspace = self._workspace
        self._import.clicked.connect(self.import_requested)
        self._retry.clicked.connect(lambda: self._on_item(workspace.imports.retry))
        self._dismiss_all.clicked.connect(workspace.imports.dismiss_failed)
        self._dismiss.clicked.connect(lambda: self._on_item(workspace.imports.dismiss))
        self.view.selectionModel().currentChanged.connect(self._chosen)
        for signal in (workspace.library_changed, workspace.imports.changed, workspace.jobs.changed):
            signal.connect(self.reload)
        workspace.imports.progressed.connect(lambda _: self.model.refresh())
        workspace.jobs.progressed.connect(lambda _: self.model.refresh())
        workspace.recording_changed.connect(self._mark_open)

    def reload(self) -> None:
        """Read the list again and keep what was chosen."""
        workspace = self._workspace
        chosen = self.view.currentIndex().data(ITEM) if self.view.currentIndex().isValid() else None
        blocked = self.view.selectionModel().blockSignals(True)
        items = list(workspace.imports.items)
        coming = {item.recording_id for item in items}
        recordings = [recording for recording in workspace.library.recordings() if recording.id not in coming]
        self.model.set_rows(items, recordings, workspace.jobs.running)
        row = items.index(chosen) if isinstance(chosen, ImportItem) and chosen in items else -1
        if row >= 0:
            self.view.setCurrentIndex(self.model.index(row))
        self.view.selectionModel().blockSignals(blocked)
        if row < 0:
            self._mark_open()
        empty = self.model.rowCount() == 0
        self._empty.setVisible(empty)
        self.view.setVisible(not empty)
        self._show_buttons()

    def _mark_open(self) -> None:
        recording = self._workspace.recording
        row = self.model.row_of(recording.id) if recording else -1
        if row >= 0 and self.view.currentIndex().row() != row:
            blocked = self.view.selectionModel().blockSignals(True)
            self.view.setCurrentIndex(self.model.index(row))
            self.view.selectionModel().blockSignals(blocked)
            self.view.viewport().update()
        self._show_buttons()

    def _chosen(self, index: QModelIndex) -> None:
        item = index.data(ITEM) if index.isValid() else None
        if isinstance(item, Recording):
            if self._workspace.recording is None or self._workspace.recording.id != item.id:
                self._workspace.open(item)
        elif isinstance(item, ImportItem) and item.error is None:
            self._workspace.watch_import(item)
        self._show_buttons()

    def _show_buttons(self) -> None:
        index = self.view.currentIndex()
        item = index.data(ITEM) if index.isValid() else None
        failed = isinstance(item, ImportItem) and item.error is not None
        self._retry.setVisible(failed)
        self._dismiss.setVisible(isinstance(item, ImportItem))
        failures = sum(item.error is not None for item in self._workspace.imports.items)
        self._dismiss_all.setVisible(failed and failures > 1)
        self._dismiss.setText(self.tr("Dismiss") if failed else self.tr("Stop"))

    def _on_item(self, verb: Callable[[ImportItem], None]) -> None:
        item = self.view.currentIndex().data(ITEM)
        if isinstance(item, ImportItem):
            verb(item)

