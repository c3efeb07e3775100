"""Who speaks: names, colours, shares of the talk, a sample to listen to; renaming, joining and parting."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QCoreApplication, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QBrush, QPainter, QPen
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGridLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop.model import TranscriptDocument, clock
from desktop.speaking import Share, sample, shares
from desktop.ui import theme
from desktop.ui.words import choice_box, label, plain_buttons
from desktop.ui.workspace import Workspace

_SHARE = int(Qt.ItemDataRole.UserRole)
PATTERNS = (Qt.BrushStyle.SolidPattern, Qt.BrushStyle.BDiagPattern, Qt.BrushStyle.HorPattern,
            Qt.BrushStyle.DiagCrossPattern, Qt.BrushStyle.VerPattern, Qt.BrushStyle.FDiagPattern,
            Qt.BrushStyle.CrossPattern, Qt.BrushStyle.Dense5Pattern)


class _ShareDelegate(QStyledItemDelegate):
    """Colour and pattern, name, and a bar for the share of the talk."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(100, 2 * self._line(option) + 12)

    def _line(self, option: QStyleOptionViewItem) -> int:
        return option.fontMetrics.lineSpacing()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem,
              index: QModelIndex | QPersistentModelIndex) -> None:
        share: Share = index.data(_SHARE)
        rect: QRect = option.rect
        palette, line = option.palette, self._line(option)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        colour = theme.colours(palette).speaker(share.speaker.position)
        painter.save()
        if chosen:
            painter.fillRect(rect, palette.alternateBase())
            painter.setPen(QPen(palette.highlight().color(), 2))
            painter.drawRect(rect.adjusted(1, 1, -2, -2))
        mirrored = partial(QStyle.visualRect, option.direction, rect)
        swatch = mirrored(QRect(rect.left() + 8, rect.top() + 6, 22, line))
        painter.setPen(QPen(colour, 1))
        painter.setBrush(QBrush(colour, PATTERNS[share.speaker.position % len(PATTERNS)]))
        painter.drawRect(swatch)
        room = mirrored(QRect(rect.left() + 40, rect.top() + 5, rect.width() - 56, line))
        painter.setPen(palette.text().color())
        name = painter.fontMetrics().elidedText(share.speaker.name, Qt.TextElideMode.ElideRight, room.width())
        place = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeading
        painter.drawText(room, place, name)
        painter.setPen(palette.placeholderText().color())
        painter.drawText(room.translated(0, line), place, facts(share))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        length = max(2, round((rect.width() - 16) * share.part))
        painter.drawRect(mirrored(QRect(rect.left() + 8, rect.bottom() - 4, length, 3)))
        painter.restore()


def facts(share: Share) -> str:
    """Share of the talk, time and lines."""
    lines = QCoreApplication.translate("NamesPanel", "1 line") if share.lines == 1 else QCoreApplication.translate(
        "NamesPanel", "{count} lines").format(count=share.lines)
    return f"{share.part:.0%} · {clock(share.seconds)} · {lines}"


class NamesPanel(QWidget):
    """The speakers of the shown transcript."""

    assign_requested = Signal(int)  # the chosen lines were said by this speaker

    def __init__(self, workspace: Workspace, rename: Callable[[int], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._rename = workspace, rename
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Speakers"))
        self.list.setItemDelegate(_ShareDelegate(self.list))
        self.empty = label(self.tr("The speakers of a transcript appear here, with how much each one says."), wrap=True)
        self.play = QPushButton(self.tr("Play a sample"))
        self.rename = QPushButton(self.tr("Rename…"))
        self.assign = QPushButton(self.tr("Said the chosen lines"))
        self.part = QPushButton(self.tr("Somebody else from here on"))
        self.part.setToolTip(self.tr("From the chosen line on, the lines of this speaker go to a new one"))
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(200)
        self._build()
        self._connect()
        self.reload()

    def _build(self) -> None:
        buttons = QGridLayout()
        for number, button in enumerate((self.play, self.rename, self.assign, self.part)):
            button.setAutoDefault(False)
            buttons.addWidget(button, number // 2, number % 2)
        layout = QVBoxLayout(self)
        layout.addWidget(self.empty)
        layout.addWidget(self.list, 1)
        layout.addLayout(buttons)

    def _connect(self) -> None:
        workspace = self._workspace
        workspace.document_changed.connect(self._reload_next)
        workspace.edits.spliced.connect(lambda *_: self._timer.start())
        self._timer.timeout.connect(self.reload)
        self.list.itemActivated.connect(lambda _: self._play())
        self.list.currentRowChanged.connect(lambda _: self._enable())
        workspace.segment_selected.connect(lambda _: self._enable())
        self.play.clicked.connect(self._play)
        self.rename.clicked.connect(lambda: self._rename(self._chosen()))
        self.assign.clicked.connect(lambda: self.assign_requested.emit(self._chosen()))
        self.part.clicked.connect(self._part)

    def _reload_next(self) -> None:
        """In a turn of its own: who said how much is a sum over all lines."""
        QTimer.singleShot(0, self, self.reload)

    def reload(self) -> None:
        """Show what is there now; the chosen speaker stays chosen."""
        document, chosen = self._workspace.document, self._chosen()
        found = shares(document) if document else []
        self.list.setVisible(bool(found))
        self.empty.setVisible(not found)
        if [self.list.item(row).data(_SHARE) for row in range(self.list.count())] != found:
            self.list.clear()
            for share in found:
                item = QListWidgetItem(f"{share.speaker.name}, {facts(share)}")
                item.setData(_SHARE, share)
                self.list.addItem(item)
                if share.speaker.id == chosen:
                    self.list.setCurrentItem(item)
        self._enable()

    def _enable(self) -> None:
        chosen, segment = self._chosen(), self._workspace.segment(self._workspace.selected)
        self.play.setEnabled(chosen > 0 and self._workspace.player.can_play)
        self.rename.setEnabled(chosen > 0)
        self.assign.setEnabled(chosen > 0 and segment is not None)
        self.part.setEnabled(chosen > 0 and segment is not None)

    def _chosen(self) -> int:
        item = self.list.currentItem()
        return item.data(_SHARE).speaker.id if item is not None else 0

    def _play(self) -> None:
        play_sample(self._workspace, self._chosen())

    def _part(self) -> None:
        """From the chosen line on, wherever that line itself belongs."""
        document = self._workspace.document
        row = self._workspace.selected
        if document is not None:
            first = next((n for n in range(row, len(document.segments))
                          if document.segments[n].speaker_id == self._chosen()), -1)
            if first >= 0:
                self._workspace.edits.part_speaker(first)


def play_sample(workspace: Workspace, speaker_id: int) -> None:
    """Let a speaker be heard."""
    document = workspace.document
    stretch = sample(document, speaker_id) if document is not None else None
    if stretch is not None and workspace.player.can_play:
        workspace.player.play(stretch.start, until=stretch.end)


class RenameDialog(QDialog):
    """A name for a speaker, with a sample to listen to meanwhile; the name of another speaker makes both one."""

    def __init__(self, workspace: Workspace, document: TranscriptDocument, speaker_id: int,
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._speaker_id = workspace, speaker_id
        self.setWindowTitle(self.tr("Rename speaker everywhere"))
        names = [s.name for s in document.speakers.values()]
        self.name = choice_box(self.tr("Name"), editable=True)
        self.name.addItems(names)
        self.name.setCurrentIndex(names.index(document.speakers[speaker_id].name))
        line = self.name.lineEdit()
        assert line is not None
        line.selectAll()
        play = QPushButton(self.tr("&Play a sample"))
        play.setAutoDefault(False)
        play.clicked.connect(lambda: play_sample(workspace, speaker_id))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self._take)
        buttons.rejected.connect(self.reject)
        form = QFormLayout(self)
        form.addRow(self.tr("&Name"), self.name)
        form.addRow(label(self.tr("Every line and every export has the new name. The name of another speaker makes "
                                  "both one; that can be undone."), wrap=True))
        form.addRow(play)
        form.addRow(plain_buttons(buttons))
        self.finished.connect(lambda _: workspace.player.pause())

    def _take(self) -> None:
        if self.name.currentText().strip():
            self._workspace.edits.rename_speaker(self._speaker_id, self.name.currentText())
        self.accept()
