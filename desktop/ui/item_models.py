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
        changed = [n for n in range(stay) if old[row + n] is not splice.added[n]]
        everywhere = document.speakers != self._speakers
        self._segments, self._speakers = document.segments, document.speakers
        if everywhere and self._segments:
            self.names_changed.emit()
        if changed:
            self.dataChanged.emit(self.index(row + changed[0]), self.index(row + changed[-1]))

    def segment(self, row: int) -> Segment | None:
        """The segment of a row."""
        return self._segments[row] if 0 <= row < len(self._segments) else None

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
        self._jobs: dict[int, RunningJob] = {}

    def set_rows(self, items: list[ImportItem], recordings: list[Recording], jobs: list[RunningJob]) -> None:
        """Show these; a changed list is shown anew."""
        rows: list[ImportItem | Recording] = [*items, *recordings]
        self._jobs = {job.recording.id: job for job in jobs}
        if rows == self._rows:
            self.refresh()
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def refresh(self) -> None:
        """Progress changed."""
        if self._rows:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    def row_of(self, recording_id: int) -> int:
        """Row of a recording; -1 when it is not shown."""
        return next((row for row, item in enumerate(self._rows)
                     if isinstance(item, Recording) and item.id == recording_id), -1)

    def job(self, recording: Recording) -> RunningJob | None:
        return self._jobs.get(recording.id)

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        item = self._rows[index.row()]
        if role == ITEM:
            return item
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return item.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(item)
        return None

    def _spoken(self, item: ImportItem | Recording) -> str:
        if isinstance(item, ImportItem):
            return f"{item.title}: {translated(item.error.sentence if item.error else item.sentence)}"
        job = self._jobs.get(item.id)
        state = f"{job.fraction:.0%}" if job else self.tr("transcribed") if item.transcript_count else ""
        length = "YouTube" if item.address else clock(item.duration)
        return " · ".join(filter(None, (item.title, length, state, item.problem)))
