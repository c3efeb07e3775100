"""The verbs of the library: what is done to one recording or to several, the bin, and what is noted about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.errors import PullquoteError
from desktop.library import Library
from desktop.model import Progress, Protection, Recording
from desktop.sentences import QT_TRANSLATE_NOOP, say
from desktop.ui.saver import Saver
from desktop.ui.words import translated

if TYPE_CHECKING:
    from desktop.ui.edits import Edits
    from desktop.ui.jobs import Jobs
    from desktop.ui.questions import Questions
    from desktop.ui.tasks import Task, Tasks

_N = QT_TRANSLATE_NOOP
_FIRST_TIDYING, _TIDYING = 60_000, 3_600_000  # milliseconds; hourly, because a sleeping computer does not count


class LibraryVerbs(QObject):
    """A part of the Workspace. Short writes are made at once, long ones on a worker."""

    library_changed: Signal
    recording_changed: Signal
    ledger_changed: Signal
    noticed: Signal
    tell: Callable[..., None]
    library: Library
    cache: Path
    tasks: Tasks
    jobs: Jobs
    questions: Questions
    edits: Edits
    recording: Recording | None
    translating: Task | None
    open: Callable[[Recording | None], None]
    rename: Callable[[str], None]
    show_error: Callable[[PullquoteError], None]
    _guarded: Callable[..., None]

    # -- one or several recordings ---------------------------------------------------------------------------

    def rename_recording(self, recording_id: int, title: str) -> None:
        """Give a recording another title, be it open or not."""
        if self.recording is not None and self.recording.id == recording_id:
            self.rename(title)
        else:
            self._guarded(self.library.rename_recording, recording_id, title)
            self.library_changed.emit()

    def set_protection(self, protection: Protection) -> None:
        """Whether the open recording may leave the computer."""
        if self.recording is not None:
            self.protect([self.recording], protection)

    def protect(self, recordings: Sequence[Recording], protection: Protection) -> None:
        """Whether these may leave the computer."""
        self._change(self.library.protect, recordings, protection)
        self.ledger_changed.emit()

    def put_in_project(self, recordings: Sequence[Recording], name: str) -> None:
        """Into a project, which is made when it is new; "" takes them out of any."""
        self._change(self.library.put_in_project, recordings, name)

    def change_tags(self, recordings: Sequence[Recording], *, add: Iterable[str] = (),
                    remove: Iterable[str] = ()) -> None:
        """Give tags to them and take others away."""
        self._change(partial(self.library.change_tags, add=add, remove=remove), recordings)

    def check(self, recordings: Sequence[Recording], is_checked: bool) -> None:
        """Somebody has listened to their whole transcripts, or has not."""
        self._change(self.library.set_checked, recordings, is_checked)

    def rename_project(self, old: str, name: str) -> None:
        """Give a project another name."""
        for project in self.library.projects():
            if project.name == old:
                self._guarded(self.library.rename_project, project.id, name)
        self._library_kept()

    def remove_project(self, name: str) -> None:
        """Remove a project; its recordings stay."""
        for project in self.library.projects():
            if project.name == name:
                self._guarded(self.library.remove_project, project.id)
        self._library_kept()

    def describe(self, recording: Recording, **changes: Any) -> None:
        """Note what is known about a recording, off the GUI thread: `changes` are fields of Recording."""
        if not self.edits.may_edit():
            return
        fresh = replace(recording, **changes)
        if self.recording is not None and self.recording.id == recording.id:
            self.recording = replace(self.recording, **changes)
        self.edits.saver.put(partial(
            self.library.describe_recording, fresh.id, recorded_on=fresh.recorded_on, place=fresh.place,
            notes=fresh.notes, people=fresh.people, tags=fresh.tags), done=self._library_kept)

    def _change(self, verb: Callable[..., object], recordings: Sequence[Recording], *values: object) -> None:
        self.edits.saver.wait(1.0)  # what was noted before comes before
        self._guarded(verb, [recording.id for recording in recordings], *values)
        self._library_kept()

    def _library_kept(self) -> None:
        """The list is read again, and the open recording as it is now."""
        if self.recording is not None:
            try:
                self.recording = self.library.recording(self.recording.id)
            except PullquoteError:
                pass  # it was removed by another process; the list shows it
        self.library_changed.emit()

    # -- the bin ---------------------------------------------------------------------------------------------

    def put_in_bin(self, recordings: Sequence[Recording]) -> None:
        """Whole, for 30 days. What is being worked on stays."""
        staying = [recording for recording in recordings if self._is_worked_on(recording)]
        kept = {recording.id for recording in staying}
        going = [recording for recording in recordings if recording.id not in kept]
        if self.recording is not None and any(recording.id == self.recording.id for recording in going):
            self.open(None)
        if going:
            self._change(self.library.set_binned, going, True)
        self._say_what_is_in_the_bin(going, staying)

    def _say_what_is_in_the_bin(self, going: Sequence[Recording], staying: Sequence[Recording]) -> None:
        sentences = []
        if len(going) == 1:
            sentences.append(say("“{title}” is in the bin. It is kept there for 30 days.", title=going[0].title))
        elif going:
            sentences.append(say("{count} recordings are in the bin. They are kept there for 30 days.",
                                 count=len(going)))
        if staying:
            sentences.append(say("“{title}” was not moved to the bin, because something is being made of it: a "
                                 "transcript, a translation or an answer. Stop that first.", title=staying[0].title))
        verb = partial(self.take_back, going)
        self.tell(" ".join(translated(sentence) for sentence in sentences), bool(staying),
                  *((translated(_N("core", "Put back")), verb) if going else ()))

    def _is_worked_on(self, recording: Recording) -> bool:
        is_open = self.recording is not None and self.recording.id == recording.id
        return self.jobs.of(recording.id) is not None or (is_open and self.translating is not None) or (
            self.questions.is_running and self.questions.recording_id == recording.id)

    def take_back(self, recordings: Sequence[Recording]) -> None:
        """Out of the bin, as they were."""
        self._change(self.library.set_binned, recordings, False)
        self.noticed.emit(None)

    def remove_for_ever(self, recordings: Sequence[Recording]) -> None:
        """Files and words of recordings in the bin, on a worker; can be stopped between two."""
        def ended(error: PullquoteError | None) -> None:
            self.noticed.emit(None)
            for recording in recordings:
                self.edits.forget(recording.id)
            self.library_changed.emit()
            if error is not None:
                self.show_error(error)

        def shown(progress: Progress) -> None:
            self.tell(progress.sentence, action=translated(_N("core", "Stop")), verb=task.stop)

        task = self.tasks.start(_remove_for_ever, self.library, self.edits.saver, self.cache, list(recordings),
                                pass_report=True, done=lambda _: ended(None), failed=ended, progress=shown)

    def keep_bin_tidy(self) -> None:
        """From now on remove what has been in the bin for 30 days, soon and then every hour."""
        QTimer.singleShot(_FIRST_TIDYING, self, self.tidy_bin)
        timer = QTimer(self)
        timer.timeout.connect(self.tidy_bin)
        timer.start(_TIDYING)

    def tidy_bin(self) -> None:
        """Remove what has been in the bin for 30 days, and wipe the words that an earlier run could not."""
        self.tasks.start(_tidy_bin, self.library, self.cache, done=self._tidied)

    def _tidied(self, count: int) -> None:
        if count:
            self.library_changed.emit()


def _remove_for_ever(library: Library, saver: Saver, cache: Path, recordings: list[Recording],
                     report: Callable[[Progress], None]) -> int:
    from desktop.bin import remove_for_ever

    saver.wait()  # what was noted last is in the library, and goes with the rest
    return remove_for_ever(library, cache, recordings, report)


def _tidy_bin(library: Library, cache: Path) -> int:
    from desktop.bin import tidy_bin

    return tidy_bin(library, cache)
