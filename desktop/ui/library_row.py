"""One row of the library: title, then state and length, what protects it, its tags; progress or what is wrong."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPalette, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from desktop.bin import days_left
from desktop.model import Protection, Recording, RecordingState, clock
from desktop.ui.imports import ImportItem
from desktop.ui.item_models import ITEM, LibraryModel
from desktop.ui.jobs import RunningJob
from desktop.ui.words import translated

PADDING = 8
_BAR = 4  # pixels; lies in the lower padding, so that every row is as high as every other
_SIGN = 14


def state_words(recording: Recording, job: RunningJob | None) -> str:
    """The state of a recording in a word or two."""
    say = QCoreApplication.translate
    if job is not None:
        return say("LibraryDelegate", "transcribing {percent}").format(percent=f"{job.fraction:.0%}")
    if recording.state is RecordingState.PREPARING:
        return say("LibraryDelegate", "being prepared")
    if recording.is_partly_heard:
        return say("LibraryDelegate", "partly transcribed")
    if recording.is_checked:
        return say("LibraryDelegate", "✓ checked")
    return say("LibraryDelegate", "transcribed") if recording.transcript_count else say("LibraryDelegate", "new")


def facts(recording: Recording, job: RunningJob | None) -> list[str]:
    """What the second line says, the most important first."""
    say = QCoreApplication.translate
    pieces = [state_words(recording, job), "YouTube" if recording.address else clock(recording.duration)]
    if recording.removed_at:
        days = days_left(recording)
        pieces.insert(0, say("LibraryDelegate", "1 day left") if days == 1 else
                      say("LibraryDelegate", "{days} days left").format(days=days))
    if recording.problem:
        pieces.append(say("LibraryDelegate", "damaged"))
    if recording.protection is Protection.NEVER:
        pieces.append(say("LibraryDelegate", "never upload"))
    return [*pieces, *(f"#{tag}" for tag in recording.tags)]


def _paint_never(painter: QPainter, rect: QRect, colour: QColor) -> None:
    """An arrow that goes up, struck out: never upload."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1.5))
    middle, top = rect.center().x(), rect.top() + 2
    painter.drawLine(middle, rect.bottom() - 1, middle, top)
    painter.drawLine(middle, top, middle - 3, top + 3)
    painter.drawLine(middle, top, middle + 3, top + 3)
    painter.drawLine(rect.left() + 1, rect.bottom() - 2, rect.right() - 1, rect.top() + 2)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


class LibraryDelegate(QStyledItemDelegate):
    """Paints rows of one height: 10,000 of them are laid out without asking each."""

    def __init__(self, model: LibraryModel, parent: QListView) -> None:
        super().__init__(parent)
        self._model, self._view = model, parent

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(120, 2 * self._line() + 2 * PADDING)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem,
              index: QModelIndex | QPersistentModelIndex) -> None:
        item = index.data(ITEM)
        palette, rect = self._view.palette(), QRect(option.rect)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        text = palette.highlightedText().color() if selected else palette.text().color()
        painter.save()
        if selected:
            painter.fillRect(rect, palette.highlight())
        self._paint_words(painter, option, item, text, selected)
        self._paint_progress(painter, item, rect, text)
        painter.setPen(QPen(palette.midlight().color(), 1))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        if self._view.hasFocus() and self._view.currentIndex() == index:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(text, 2))
            painter.drawRect(rect.adjusted(2, 2, -3, -3))
        painter.restore()

    def _paint_words(self, painter: QPainter, option: QStyleOptionViewItem, item: ImportItem | Recording,
                     text: QColor, selected: bool) -> None:
        palette, metrics, line = self._view.palette(), QFontMetrics(self._view.font()), self._line()
        inner = QRect(option.rect).adjusted(PADDING, PADDING, -PADDING, -PADDING)
        room = QRect(inner.left(), inner.top(), inner.width(), line)
        if isinstance(item, Recording) and item.protection is Protection.NEVER:
            sign = QStyle.visualRect(option.direction, inner, QRect(
                inner.right() - _SIGN + 1, inner.top() + (line - _SIGN) // 2, _SIGN, _SIGN))
            _paint_never(painter, sign, text)
            room = QStyle.visualRect(option.direction, inner, room.adjusted(0, 0, -_SIGN - 4, 0))
        place = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeading
        painter.setPen(text)
        painter.drawText(room, place, metrics.elidedText(item.title, Qt.TextElideMode.ElideMiddle, room.width()))
        failed = isinstance(item, ImportItem) and item.error is not None
        role = QPalette.ColorRole.BrightText if failed else QPalette.ColorRole.PlaceholderText
        painter.setPen(text if selected else palette.color(role))
        below = QRect(inner.left(), inner.top() + line, inner.width(), line)
        painter.drawText(below, place, metrics.elidedText(
            self._second_line(item), Qt.TextElideMode.ElideRight, below.width()))

    def _paint_progress(self, painter: QPainter, item: ImportItem | Recording, rect: QRect, colour: QColor) -> None:
        job = self._model.job(item) if isinstance(item, Recording) else None
        if job is None and (isinstance(item, Recording) or item.task is None):
            return
        fraction = job.fraction if job else item.fraction if isinstance(item, ImportItem) else 0.0
        bar = QRect(rect.left() + PADDING, rect.bottom() - _BAR - 1, rect.width() - 2 * PADDING, _BAR)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._view.palette().mid())
        painter.drawRoundedRect(bar, 2, 2)
        painter.setBrush(colour)
        painter.drawRoundedRect(QRect(bar.left(), bar.top(), max(4, int(bar.width() * fraction)), bar.height()), 2, 2)

    def _second_line(self, item: ImportItem | Recording) -> str:
        if isinstance(item, Recording):
            return "  ·  ".join(facts(item, self._model.job(item)))
        if item.error is not None:
            return translated(item.error.sentence)
        return translated(item.sentence) if item.task else self.tr("waiting to be imported")

    def _line(self) -> int:
        return QFontMetrics(self._view.font()).lineSpacing() + 2
