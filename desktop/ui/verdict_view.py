"""The list of a quote check: verdict, quotation and what was said with the words that differ underlined, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPalette,
    QPen,
    QTextCharFormat,
    QTextLayout,
)
from PySide6.QtWidgets import QListView, QStyle, QStyleOptionViewItem, QWidget

from desktop.model import clock
from desktop.quote_check import Difference, Kind, Verdict
from desktop.sentences import QT_TRANSLATE_NOOP
from desktop.ui import theme
from desktop.ui.place_list import LayoutDelegate, PlaceList, laid_out, marked
from desktop.ui.words import translated

Index = QModelIndex | QPersistentModelIndex
ITEM = int(Qt.ItemDataRole.UserRole)
_ROOT = QModelIndex()
_PADDING, _GAP = 8, 12
_MOST_LAYOUTS = 2000
# A sign beside the words, because colour alone tells nothing to many; the colour is one of the speakers' eight.
_SIGNS: dict[Kind, tuple[str, int | None]] = {
    Kind.EXACT: ("✓", 2), Kind.TRIMMED: ("…", 0), Kind.ALTERED: ("≠", 1), Kind.OTHER_SPEAKER: ("↔", 5),
    Kind.TRANSLATED: ("⇄", 3), Kind.NOT_FOUND: ("✗", None)}

_SAID = QT_TRANSLATE_NOOP("core", "Said: ")
_TRANSLATION = QT_TRANSLATE_NOOP("core", "Translation: ")
_NOBODY = QT_TRANSLATE_NOOP("core", "speaker not known")
_NOTHING = QT_TRANSLATE_NOOP("core", "No transcript that was searched has words like these.")
_LEFT_OUT = QT_TRANSLATE_NOOP("core", "left out: {said}")
_ADDED = QT_TRANSLATE_NOOP("core", "added: {written}")
_CHANGED = QT_TRANSLATE_NOOP("core", "{written} instead of {said}")


@dataclass(frozen=True)
class _Text:
    """A paragraph of a row: `marked` are the stretches that differ."""

    words: str
    marked: tuple[tuple[int, int], ...] = ()
    role: QPalette.ColorRole = QPalette.ColorRole.Text
    lead: int = 0  # characters at the beginning that are only a label


class VerdictModel(QAbstractListModel):
    """One row for each quotation; ITEM gives its Verdict."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.verdicts: list[Verdict] = []

    def set_verdicts(self, verdicts: list[Verdict]) -> None:
        self.beginResetModel()
        self.verdicts = verdicts
        self.endResetModel()

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.verdicts)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        if not index.isValid() or index.row() >= len(self.verdicts):
            return None
        verdict = self.verdicts[index.row()]
        if role == ITEM:
            return verdict
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{translated(verdict.kind.value)}: {verdict.quotation.text}"
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ". ".join([translated(verdict.kind.value), *(text.words for text in texts_of(verdict)),
                              *_spoken(verdict.differences)])
        return None


def texts_of(verdict: Verdict) -> list[_Text]:
    """The paragraphs of a row, in the words of the window."""
    muted = QPalette.ColorRole.PlaceholderText
    compared = verdict.translation or verdict.said
    said_at = tuple(item.said_at for item in verdict.differences if item.said)
    texts = [_Text(verdict.quotation.text, tuple(item.written_at for item in verdict.differences if item.written))]
    if verdict.translation:
        texts += [_labelled(translated(_SAID), verdict.said), _labelled(translated(_TRANSLATION), compared, said_at)]
    elif verdict.kind not in (Kind.EXACT, Kind.NOT_FOUND):
        texts.append(_labelled(translated(_SAID), compared, said_at))
    texts += [_Text(translated(note), role=QPalette.ColorRole.BrightText) for note in verdict.notes]
    if verdict.kind is not Kind.NOT_FOUND:
        texts.append(_Text(" · ".join(part for part in (
            verdict.speaker or translated(_NOBODY), clock(verdict.range.start), verdict.recording) if part),
            role=muted))
    elif not verdict.notes:
        texts.append(_Text(translated(_NOTHING), role=muted))
    return texts


def _labelled(label: str, words: str, marked: Iterable[tuple[int, int]] = ()) -> _Text:
    shift = len(label)
    return _Text(label + words, tuple((begin + shift, end + shift) for begin, end in marked), lead=shift)


def _spoken(differences: Iterable[Difference]) -> list[str]:
    """For screen readers, which do not read underlining."""
    said = {"missing": translated(_LEFT_OUT), "added": translated(_ADDED),
            "changed": translated(_CHANGED)}
    return [said[item.kind].format(said=item.said, written=item.written) for item in differences]


class VerdictDelegate(LayoutDelegate):
    """Paints one row. Everything is plain text, whatever is in it."""

    def __init__(self, parent: QListView) -> None:
        super().__init__(parent)
        self._view = parent
        self._layouts: dict[tuple[int, int], tuple[list[QTextLayout], int]] = {}
        self._bold = QFont(parent.font())
        self._bold.setBold(True)
        metrics = QFontMetricsF(self._bold)
        names = [translated(kind.value) for kind in Kind]
        self._line = metrics.lineSpacing()
        self.sign_width = int(metrics.horizontalAdvance("≠")) + 10
        widest = max(metrics.horizontalAdvance(name) for name in names)
        self.head_width = self.sign_width + int(min(widest, metrics.averageCharWidth() * 18)) + _GAP

    def forget(self) -> None:
        """Rows, widths or colours changed."""
        self._layouts.clear()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, self._laid_out(index)[1])

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        verdict: Verdict | None = index.data(ITEM)
        if verdict is None:
            return
        rect: QRect = option.rect
        palette = self._view.palette()
        painter.save()
        painter.setClipRect(rect)
        if option.state & QStyle.StateFlag.State_Selected:
            focused = self._view.hasFocus()
            painter.fillRect(QRect(rect.left(), rect.top(), 4, rect.height()), palette.highlight())
            painter.setPen(QPen(palette.highlight().color(), 3 if focused else 1))
            painter.drawRect(rect.adjusted(1, 1, -2, -2) if focused else rect.adjusted(0, 0, -1, -1))
        painter.setPen(QPen(palette.midlight().color(), 1))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        self._paint_head(painter, rect, verdict.kind)
        y = float(rect.top() + _PADDING)
        left = rect.left() + _PADDING + self.head_width
        for text, layout in zip(texts_of(verdict), self._laid_out(index)[0], strict=True):
            painter.setPen(palette.color(text.role))
            layout.draw(painter, QPointF(left, y))
            y += layout.boundingRect().height() + 3
        painter.restore()

    def _paint_head(self, painter: QPainter, rect: QRect, kind: Kind) -> None:
        sign, position = _SIGNS[kind]
        palette = self._view.palette()
        colour = palette.color(QPalette.ColorRole.BrightText) if kind is Kind.NOT_FOUND else theme.colours(
            palette).speaker(position)
        painter.setPen(colour)
        painter.setFont(self._bold)
        top, left = rect.top() + _PADDING, rect.left() + _PADDING
        painter.drawText(QRect(left, top, self.sign_width, int(self._line) + 1), Qt.AlignmentFlag.AlignLeft, sign)
        painter.drawText(QRect(left + self.sign_width, top, self.head_width - self.sign_width - _GAP // 2,
                               rect.height() - 2 * _PADDING),
                         int(Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap), translated(kind.value))

    def _laid_out(self, index: Index) -> tuple[list[QTextLayout], int]:
        """The paragraphs at the width of the view, and the height of the row."""
        width = max(120, self._view.viewport().width() - self.head_width - 3 * _PADDING)
        found = self._layouts.get((index.row(), width))
        if found is None:
            verdict: Verdict = index.data(ITEM)
            accent = theme.colours(self._view.palette()).speaker(_SIGNS[Kind.ALTERED][1])
            muted = self._view.palette().color(QPalette.ColorRole.PlaceholderText)
            layouts = [_lay_out(text, width, self._view.font(), accent, muted) for text in texts_of(verdict)]
            heights = sum(layout.boundingRect().height() + 3 for layout in layouts)
            head = self._head_height(verdict.kind)
            if len(self._layouts) > _MOST_LAYOUTS:
                self._layouts.clear()
            found = self._layouts[index.row(), width] = layouts, int(max(heights, head) + 2 * _PADDING)
        return found

    def _head_height(self, kind: Kind) -> float:
        width = self.head_width - self.sign_width - _GAP // 2
        return QFontMetricsF(self._bold).boundingRect(
            QRect(0, 0, width, 1000), int(Qt.TextFlag.TextWordWrap), translated(kind.value)).height()


def _lay_out(text: _Text, width: int, font: QFont, accent: QColor, muted: QColor) -> QTextLayout:
    return laid_out(text.words, font, width, [
        *(marked(text.words, begin, end, _marking(accent)) for begin, end in text.marked),
        *([marked(text.words, 0, text.lead, _label(muted))] if text.lead else [])])


def _marking(accent: QColor) -> QTextCharFormat:
    style = QTextCharFormat()
    style.setFontUnderline(True)
    style.setFontWeight(QFont.Weight.Bold)
    style.setForeground(accent)
    return style


def _label(muted: QColor) -> QTextCharFormat:
    style = QTextCharFormat()
    style.setForeground(muted)
    return style


class VerdictView(PlaceList):
    """The list; Enter, a double click or Play asks to hear a row."""

    play_requested = Signal(object)  # Verdict
    current_changed = Signal(object)  # Verdict or None

    def __init__(self, parent: QWidget | None = None) -> None:
        self.verdicts = VerdictModel()
        super().__init__(self.verdicts, VerdictDelegate, parent)
        self.verdicts.setParent(self)
        self.empty = self.tr(
            "Each quotation of the draft stands here after the check, with what was really said and its place: "
            "exact, trimmed, altered, words of another speaker, said in another language, or not found.")
        self.setAccessibleName(self.tr("Quotations of the draft"))
        self.selectionModel().currentChanged.connect(lambda index: self.current_changed.emit(index.data(ITEM)))

    def set_verdicts(self, verdicts: list[Verdict]) -> None:
        """Show these; the first one is current."""
        self.row_delegate.forget()
        self.verdicts.set_verdicts(verdicts)
        if verdicts:
            self.setCurrentIndex(self.verdicts.index(0))

    def current(self) -> Verdict | None:
        return self.currentIndex().data(ITEM) if self.currentIndex().isValid() else None

    def play(self, index: Index) -> None:
        verdict = index.data(ITEM)
        if verdict is not None and verdict.kind is not Kind.NOT_FOUND:
            self.play_requested.emit(verdict)
