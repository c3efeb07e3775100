"""The verbs of the transcript desk: every one is a step that can be taken back, and is kept at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoGroup, QUndoStack

from desktop import editing
from desktop.editing import Splice
from desktop.errors import PullquoteError
from desktop.model import Change, Desk, Segment, TimeRange, TranscriptDocument
from desktop.sentences import say
from desktop.ui.masking import masked, masked_document
from desktop.ui.saver import Saver
from desktop.withholding import Stretches

if TYPE_CHECKING:
    from desktop.ui.workspace import Workspace

_SAME_BURST = 3.0  # seconds between two pieces of typing that are one step
_FEW = 50  # lines that are changed at once without anybody noticing
_SNAP = 0.4  # seconds that a split may move to where nobody speaks


class _Edit(QUndoCommand):
    """A change of one transcript. Typing that goes on in the same line is one step."""

    def __init__(self, edits: Edits, transcript_id: int, text: str, change: Change, typed_in: int = 0) -> None:
        super().__init__(text)
        self._edits, self._transcript_id, self._change = edits, transcript_id, change
        self._typed_in, self._at = typed_in, time.monotonic()

    def id(self) -> int:
        return 1 if self._typed_in else -1

    def redo(self) -> None:
        self._change = self._edits.take(self._transcript_id, self._change)

    def undo(self) -> None:
        self._edits.take(self._transcript_id, self._change.reversed())

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, _Edit) or other._typed_in != self._typed_in or other._at - self._at > _SAME_BURST \
                or self._transcript_id != other._transcript_id:
            return False
        self._change = replace(other._change, before=self._change.before)
        self._at = other._at
        self.setObsolete(self._change.is_empty)
        return True


@dataclass(frozen=True)
class _Worked:
    """A change of many lines and what comes of it, worked out off the GUI thread."""

    before: TranscriptDocument
    change: Change
    fitting: Change
    after: TranscriptDocument
    splice: Splice


class _Noted(QUndoCommand):
    """A change of what is noted about a recording: quotes, marks, off the record."""

    def __init__(self, edits: Edits, recording_id: int, text: str, before: Desk, after: Desk) -> None:
        super().__init__(text)
        self._edits, self._recording_id, self._before, self._after = edits, recording_id, before, after

    def redo(self) -> None:
        self.setObsolete(not self._edits.note(self._recording_id, self._after))

    def undo(self) -> None:
        self._edits.note(self._recording_id, self._before)


class Edits(QObject):
    """What is done to the open transcript. Views listen to `spliced` and `desk_changed`."""

    spliced = Signal(object, object)  # the document as it is shown, and the Splice: rows were edited
    desk_changed = Signal()  # quotes, marks or off-record ranges
    state_changed = Signal()  # what can be undone

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self.saver = Saver(workspace.library, self)
        self.saver.failed.connect(self._not_saved)
        self.saver.lost.connect(self._lost)
        self._stacks: dict[int, QUndoStack] = {}  # by recording
        self._group = QUndoGroup(self)
        self._group.indexChanged.connect(lambda _: self.state_changed.emit())
        self._group.activeStackChanged.connect(lambda _: self.state_changed.emit())
        self._with_version: set[int] = set()  # transcripts of which there is a first version
        self._ready: _Worked | None = None  # what the step that is being made comes to
        self.revision = 0  # counts changes, so that a document that was read before one is read again
        self.is_revealed = False  # whether what is off the record may be seen

    # -- steps -----------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Another recording is open: its own history of steps."""
        recording = self._workspace.recording
        self.is_revealed = False
        if recording is None:
            self._group.setActiveStack(None)  # type: ignore[arg-type]
            return
        if recording.id not in self._stacks:
            self._stacks[recording.id] = QUndoStack(self._group)
        self._group.setActiveStack(self._stacks[recording.id])

    def forget(self, recording_id: int) -> None:
        """The recording is gone."""
        stack = self._stacks.pop(recording_id, None)
        if stack is not None:
            self._group.removeStack(stack)
            stack.deleteLater()

    def undo(self) -> None:
        self._group.undo()

    def redo(self) -> None:
        self._group.redo()

    @property
    def undo_text(self) -> str:
        """What would be taken back; "" for nothing."""
        return self._group.undoText() if self._group.canUndo() else ""

    @property
    def redo_text(self) -> str:
        return self._group.redoText() if self._group.canRedo() else ""

    def do(self, text: str, change: Change | None, typed_in: int = 0) -> bool:
        """Make a change of the open transcript as one step; gives whether there was something to do."""
        document, stack = self._workspace.document, self._group.activeStack()
        if document is None or stack is None or change is None or change.is_empty or not self.may_edit():
            return False
        self._keep_first_version(document)
        stack.push(_Edit(self, document.transcript.id, text, change, typed_in))
        return True

    def _do_soon(self, many: int, work: Callable[[], Change | None], finish: Callable[[Change], object]) -> None:
        """A change that touches about `many` lines: of more than a few it is worked out off the GUI thread first."""
        document = self._workspace.document
        if document is None or many <= _FEW:
            finish(work() or Change())
            return

        def done(worked: _Worked) -> None:
            now = self._workspace.document
            if now is not None and now.transcript.id == worked.before.transcript.id:
                self._ready = worked
                finish(worked.change)
                self._ready = None

        self._workspace.tasks.start(_work_out, document, work, done=done, failed=self._workspace.show_error)

    def may_edit(self) -> bool:
        """Whether the library can be written; says why not."""
        reason = self._workspace.library.read_only_because
        if reason:
            self._workspace.show_error(PullquoteError("{reason}", reason=reason))
        return not reason

    def take(self, transcript_id: int, change: Change) -> Change:
        """Apply a change here and in the library; gives it as it was applied."""
        workspace = self._workspace
        document = workspace.document
        self.revision += 1
        if document is None or document.transcript.id != transcript_id:  # a step of the recording's other transcript
            if all(t.id != transcript_id for t in workspace.transcripts):
                return change  # which is gone
            self.saver.put(lambda: _apply_elsewhere(workspace.library, transcript_id, change))
            workspace.show_transcript(transcript_id)
            return change
        ready = self._ready
        if ready is not None and ready.before is document and ready.change is change:
            fitting, after, splice = ready.fitting, ready.after, ready.splice
        else:
            fitting = editing.rebased(change, document)
            after, splice = editing.applied(document, fitting)
        if fitting.is_empty:
            return change
        workspace.document = after
        self.saver.put_change(transcript_id, fitting)
        self.spliced.emit(*self._shown(after, splice))
        return fitting

    def _shown(self, document: TranscriptDocument, splice: Splice) -> tuple[TranscriptDocument, Splice]:
        off = document.desk.off_record
        if self.is_revealed or not off:
            self._workspace.shown = document
            return document, splice
        old = self._workspace.shown
        assert old is not None
        hidden = Stretches(off)
        added = tuple(masked(segment, hidden) for segment in splice.added)
        segments = old.segments[:splice.row] + added + old.segments[splice.row + splice.removed:]
        self._workspace.shown = replace(document, segments=segments)
        new = tuple(masked(segment, hidden) for segment in splice.new)
        return self._workspace.shown, replace(splice, added=added, new=new)

    def _keep_first_version(self, document: TranscriptDocument) -> None:
        """What the machine wrote stays retrievable."""
        if document.transcript.id not in self._with_version:
            self._with_version.add(document.transcript.id)
            self.saver.put(lambda: _first_version(self._workspace.library, document.transcript.id))

    def keep_version(self, reason: str) -> None:
        """A version before something big; `reason` says what comes."""
        document = self._workspace.document
        if document is not None and not self._workspace.library.read_only_because:
            self._with_version.add(document.transcript.id)
            self.saver.put(lambda: self._workspace.library.add_version(document.transcript.id, reason))

    def _not_saved(self, error: PullquoteError) -> None:
        self._workspace.show_error(error)

    def _lost(self, error: PullquoteError) -> None:
        self._workspace.show_error(error)
        self._workspace.reload_transcripts()

    # -- text and lines --------------------------------------------------------------------------------------

    def _segment(self, row: int) -> Segment | None:
        return self._workspace.segment(row)

    def _segments(self, rows: Iterable[int]) -> list[Segment]:
        return [s for row in rows if (s := self._segment(row)) is not None]

    def _new_segment(self) -> int:
        return self._workspace.library.new_id("segment")

    def _new_speaker(self) -> int:
        return self._workspace.library.new_id("speaker")

    def type_text(self, row: int, text: str) -> None:
        """What was typed in a line, as it grows."""
        segment = self._segment(row)
        if segment is not None:
            self.do(self.tr("edit text"), editing.set_text(segment, text), typed_in=segment.id)

    def split(self, row: int, caret: int) -> bool:
        """Part a line at a place in its text; gives whether it could be parted."""
        segment = self._segment(row)
        return segment is not None and self.do(
            self.tr("split line"), editing.split(segment, caret, self._new_segment, self._snap))

    def _snap(self, seconds: float) -> float:
        from desktop.audio.peaks import Peaks
        from desktop.audio.silence import quietest_near

        picture = self._workspace.picture
        return quietest_near(picture, seconds, _SNAP) if isinstance(picture, Peaks) else seconds

    def merge(self, rows: Sequence[int]) -> None:
        """Lines as one."""
        try:
            self.do(self.tr("merge lines"), editing.merge(self._segments(rows)))
        except PullquoteError as error:  # longer than a line may be
            self._workspace.show_error(error)

    def delete(self, rows: Sequence[int]) -> None:
        """Lines go; the sound stays."""
        text = self.tr("delete line") if len(rows) == 1 else self.tr("delete {count} lines").format(count=len(rows))
        self._do_soon(len(rows), partial(editing.delete, self._segments(rows)), partial(self.do, text))

    def insert(self, row: int) -> bool:
        """A new, empty line behind a row."""
        document = self._workspace.document
        return document is not None and self.do(self.tr("insert line"),
                                                editing.insert(document, row, self._new_segment))

    def retime(self, row: int, start: float, end: float) -> None:
        """Other edges of a line."""
        segment, recording = self._segment(row), self._workspace.recording
        if segment is not None and recording is not None:
            self.do(self.tr("move edge"), editing.retime(segment, start, end, recording.reach))

    def nudge(self, row: int, start: float = 0.0, end: float = 0.0) -> None:
        """Move the edges of a line by some seconds; pressing again goes on in the same step."""
        segment, recording = self._segment(row), self._workspace.recording
        if segment is not None and recording is not None:
            self.do(self.tr("move edge"), editing.retime(segment, segment.start + start, segment.end + end,
                                                         recording.reach), typed_in=-segment.id)

    def replace_texts(self, pairs: Sequence[tuple[int, str]]) -> None:
        """Other texts for some rows in one step; many are worked out off the GUI thread."""
        changed = [(s, text) for row, text in pairs if (s := self._segment(row)) is not None]
        self._do_soon(len(changed), partial(editing.set_texts, changed), self._replaced)

    def _replaced(self, change: Change) -> None:
        count = len(change.after)
        if count > 1:
            self.keep_version(self.tr("replace all"))
        self.do(self.tr("replace") if count == 1 else self.tr("replace in {count} lines").format(count=count), change)

    def check(self, rows: Iterable[int], right: bool = True) -> None:
        """Heard and right, or not yet."""
        segments = self._segments(rows)
        self._do_soon(len(segments), partial(editing.check, segments, right), partial(
            self.do, self.tr("heard and right") if right else self.tr("not checked")))

    # -- speakers --------------------------------------------------------------------------------------------

    def assign(self, rows: Sequence[int], speaker_id: int | None) -> None:
        """These lines were said by somebody else."""
        self._do_soon(len(rows), partial(editing.assign, self._segments(rows), speaker_id),
                      partial(self.do, self.tr("change speaker")))

    def assign_new(self, rows: Sequence[int], name: str = "") -> None:
        """These lines were said by somebody who is new."""
        document = self._workspace.document
        if document is not None:
            self._do_soon(len(rows), partial(editing.assign_new, document, self._segments(rows), name,
                                             self._new_speaker), partial(self.do, self.tr("new speaker")))

    def part_speaker(self, row: int, name: str = "") -> None:
        """From this line on it is somebody else who speaks where this speaker seemed to."""
        document = self._workspace.document
        if document is not None and self._segment(row) is not None:
            self._do_soon(len(document.segments) - row, partial(editing.part_speaker, document, row, name,
                                                                self._new_speaker),
                          partial(self.do, self.tr("split speaker")))

    def rename_speaker(self, speaker_id: int, name: str) -> None:
        """Give a speaker a name, everywhere; the name of another speaker makes them one."""
        document = self._workspace.document
        if document is not None:
            joins = any(s.name.casefold() == name.strip().casefold() for s in document.speakers.values())
            self._do_soon(len(document.segments) if joins else 1, partial(editing.rename, document, speaker_id, name),
                          partial(self.do, self.tr("rename speaker")))

    def settle_speaker(self, speaker_id: int, same_as: int = 0) -> None:
        """An unsure voice is that of another speaker, or a new one."""
        document = self._workspace.document
        if document is not None:
            work = partial(editing.merge_speakers, document, same_as, speaker_id) if same_as else partial(
                editing.settle, document, speaker_id)
            self._do_soon(len(document.segments), work, partial(self.do, self.tr("settle speaker")))

    # -- machines and versions -------------------------------------------------------------------------------

    def accept(self, text: str, change: Change) -> None:
        """What a machine proposed and the user took over."""
        self.keep_version(text)
        self.do(text, change)

    def restore(self, version: TranscriptDocument, only: Iterable[int] | None = None) -> None:
        """Back to how the transcript was, or some of its lines."""
        document = self._workspace.document
        if document is not None:
            self._do_soon(len(document.segments), partial(editing.restore, document, version, only),
                          partial(self._restored, only is None))

    def _restored(self, is_whole: bool, change: Change) -> None:
        if is_whole and not change.is_empty:
            self.keep_version(self.tr("restore"))
        self.do(self.tr("restore"), change)

    # -- quotes, marks, off the record -----------------------------------------------------------------------

    def change_desk(self, text: str, change: Callable[[Desk], Desk]) -> bool:
        """Note something about the open recording as one step; gives whether it changed anything."""
        self._workspace.giving_way.emit()
        recording, stack = self._workspace.recording, self._group.activeStack()
        before = self._workspace.desk
        after = change(before)
        if recording is None or stack is None or after == before or not self.may_edit():
            return False
        stack.push(_Noted(self, recording.id, text, before, after))
        return self._workspace.desk != before

    def note(self, recording_id: int, desk: Desk) -> bool:
        """What is noted is this now; gives whether it holds."""
        workspace = self._workspace
        if workspace.recording is None or workspace.recording.id != recording_id:
            self.saver.put(lambda: workspace.library.set_desk(recording_id, desk))
            return True
        hidden = workspace.desk.withheld != desk.withheld
        if hidden:
            desk = _marked_now(desk, workspace.desk)
            if not self._keep_at_once(recording_id, desk):
                return False
        else:
            self.saver.put(lambda: workspace.library.set_desk(recording_id, desk))
        self.revision += 1
        workspace.desk = desk
        if workspace.document is not None:
            workspace.document = replace(workspace.document, desk=desk)
            if hidden:
                self.mask()
            elif workspace.shown is not None:
                workspace.shown = replace(workspace.shown, desk=desk)
        self.desk_changed.emit()
        return True

    def _keep_at_once(self, recording_id: int, desk: Desk) -> bool:
        """What is off the record is in the library before anything else can be done: all that sends looks there."""
        try:
            if not self.saver.wait(2.0):
                raise PullquoteError("This could not be noted: the library cannot be written just now. Check the free "
                                     "space on the disk and mark it again; until then nothing should be sent.")
            self._workspace.library.set_desk(recording_id, desk)
        except PullquoteError as error:
            self._workspace.show_error(error)
            return False
        return True

    def mask(self) -> None:
        """Show the document with what is off the record hidden, or revealed."""
        workspace = self._workspace
        if workspace.document is not None:
            workspace.shown = workspace.document if self.is_revealed else masked_document(workspace.document)
            workspace.shown_changed.emit()

    def reveal(self, yes: bool) -> None:
        """Show, or hide again, what is off the record; for this recording, until another one is opened."""
        self.is_revealed = yes
        self.mask()
        self.desk_changed.emit()


def _work_out(document: TranscriptDocument, work: Callable[[], Change | None]) -> _Worked:
    """On a worker."""
    change = work() or Change()
    fitting = editing.rebased(change, document)
    return _Worked(document, change, fitting, *editing.applied(document, fitting))


def _marked_now(desk: Desk, before: Desk) -> Desk:
    """What is newly withheld (or again, after an undo) is so from now on: answers and uploads are older or younger."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return replace(desk, withheld=tuple(w if w in before.withheld else replace(w, marked_at=now)
                                        for w in desk.withheld))


def _apply_elsewhere(library: Any, transcript_id: int, change: Change) -> None:
    library.apply([(transcript_id, editing.rebased(change, library.document(transcript_id)))])


def _first_version(library: Any, transcript_id: int) -> None:
    if not library.versions(transcript_id):
        library.add_version(transcript_id, str(say("the first correction")))


def within(segments: Sequence[Segment], stretch: TimeRange) -> list[Segment]:
    """The segments that a stretch touches."""
    return [s for s in segments if s.end > stretch.start and s.start < stretch.end]
