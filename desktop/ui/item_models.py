"""Item models over plain records: the transcript's segments and the library's list."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from desktop.editing import Splice
from desktop.model import Recording, Segment, Speaker, TranscriptDocument, clock
from desktop.ui.imports import ImportItem
from desktop.ui.jobs import RunningJob
from desktop.ui.masking import HIDDEN
from desktop.ui.words import translated

Index = QModelIndex | QPersistentModelIndex
ITEM = int(Qt.ItemDataRole.UserRole)
SPEAKER = ITEM + 1
_ROOT = QModelIndex()


class SegmentModel(QAbstractListModel):
    """One row per segment; ITEM gives the Segment, SPEAKER its Speaker or None."""

    names_changed = Signal()  # speakers have other names, no row is another

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._segments: tuple[Segment, ...] = ()
        self._speakers: dict[int, Speaker] = {}

    def set_document(self, document: TranscriptDocument | None) -> None:
        """Show another document; one that has only grown at its end keeps its rows."""
        segments = document.segments if document else ()
        old, speakers = self._segments, document.speakers if document else {}
        if old and speakers == self._speakers and len(segments) > len(old) and segments[:len(old)] == old:
            self.beginInsertRows(QModelIndex(), len(old), len(segments) - 1)
            self._segments = segments
            self.endInsertRows()
            return
        if segments == old and segments:
            self._segments, self._speakers = segments, speakers
            self.dataChanged.emit(self.index(0), self.index(len(segments) - 1))
            return
        self.beginResetModel()
        self._segments, self._speakers = segments, speakers
        self.endResetModel()

    def splice(self, document: TranscriptDocument, splice: Splice) -> None:
        """Some rows give way to others."""
        row, removed, added = splice.row, splice.removed, len(splice.added)
        old, stay = self._segments, min(removed, added)
        if removed > added:
            self.beginRemoveRows(QModelIndex(), row + stay, row + removed - 1)
            self._segments = old[:row + stay] + old[row + removed:]
            self.endRemoveRows()
        elif added > removed:
            self.beginInsertRows(QModelIndex(), row + stay, row + added - 1)
            self._segments = old[:row + stay] + splice.added[stay:] + old[row + removed:]
            self.endInsertRows()
        changed = splice.changed if splice.changed is not None else [
            row + n for n in range(stay) if old[row + n] is not splice.added[n]]
        everywhere = document.speakers != self._speakers
        self._segments, self._speakers = document.segments, document.speakers
        if everywhere and self._segments:
            self.names_changed.emit()
        if changed:
            self.dataChanged.emit(self.index(changed[0]), self.index(changed[-1]))

    def segment(self, row: int) -> Segment | None:
        """The segment of a row."""
        return self._segments[row] if 0 <= row < len(self._segments) else None

    def all(self) -> tuple[Segment, ...]:
        """The segments of all rows."""
        return self._segments

    def shown(self, row: int) -> Segment:
        """The segment of a row that is there."""
        return self._segments[row]

    def row_with(self, segment_id: int) -> int:
        """The row of the segment with this id; -1 when it is not there."""
        return next((row for row, s in enumerate(self._segments) if s.id == segment_id), -1)

    def is_hidden(self, row: int) -> bool:
        """Whether words of this row are masked."""
        segment = self.segment(row)
        return segment is not None and HIDDEN in segment.flags

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._segments)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        if not index.isValid() or index.row() >= len(self._segments):
            return None
        segment = self._segments[index.row()]
        if role == ITEM:
            return segment
        speaker = self._speakers.get(segment.speaker_id or 0)
        if role == SPEAKER:
            return speaker
        if role == Qt.ItemDataRole.DisplayRole:
            return segment.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return " · ".join(filter(None, (clock(segment.start), speaker.name if speaker else "", segment.text,
                                            segment.translation, segment.emotion, *segment.flags)))
        return None


class LibraryModel(QAbstractListModel):
    """Files coming in on top, then the recordings; ITEM gives ImportItem or Recording."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._rows: list[ImportItem | Recording] = []
        self._row_of: dict[int, int] = {}
        self._jobs: dict[int, RunningJob] = {}

    def set_rows(self, items: list[ImportItem], recordings: list[Recording], jobs: list[RunningJob]) -> bool:
        """Show these; gives whether other rows are there now, so that what was chosen is lost."""
        rows: list[ImportItem | Recording] = [*items, *recordings]
        row_of = {recording.id: row for row, recording in enumerate(recordings, len(items))}
        same = row_of == self._row_of and rows[:len(items)] == self._rows[:len(items)] and len(rows) == len(self._rows)
        known = {job.recording.id: job for job in jobs}
        touched = {*known, *self._jobs}
        self._jobs = known
        if same:
            changed = [row for row, (new, old) in enumerate(zip(rows, self._rows, strict=True))
                       if new is not old or row < len(items) or new.id in touched]  # type: ignore[union-attr]
            self._rows = rows
            if changed:
                self.dataChanged.emit(self.index(changed[0]), self.index(changed[-1]))
            return False
        self.beginResetModel()
        self._rows, self._row_of = rows, row_of
        self.endResetModel()
        return True

    def row_of(self, recording_id: int) -> int:
        """Row of a recording; -1 when it is not shown."""
        return self._row_of.get(recording_id, -1)

    def job(self, recording: Recording) -> RunningJob | None:
        return self._jobs.get(recording.id)

    def item(self, row: int) -> ImportItem | Recording:
        """What is in a row that is there."""
        return self._rows[row]

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        item = self._rows[index.row()]
        if role == ITEM:
            return item
        if role == Qt.ItemDataRole.DisplayRole:
            return item.title
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._spoken(item)
        return None

    def _spoken(self, item: ImportItem | Recording) -> str:
        from desktop.ui.library_row import facts  # which paints the rows of this model

        if isinstance(item, ImportItem):
            return f"{item.title}: {translated(item.error.sentence if item.error else item.sentence)}"
        return " · ".join(filter(None, (item.title, *facts(item, self._jobs.get(item.id)), item.place, item.problem)))
