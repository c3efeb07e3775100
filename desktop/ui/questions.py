"""Questions under way: one at a time, off the GUI thread; answers are shown while they come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop.errors import Cancelled, PullquoteError, UserError
from desktop.library import Library
from desktop.model import Progress, Recording, Thread, TimeRange, TranscriptDocument
from desktop.ui.tasks import Task, Tasks

if TYPE_CHECKING:
    from desktop.receipts import Claim


class Questions(QObject):
    """Asks, and holds what is being answered."""

    changed = Signal()  # a question began or ended; `growing` and `problem` say what there is
    grown = Signal()
    answered = Signal(object)  # Thread

    def __init__(self, library: Library, cache: Path, tasks: Tasks, read_key: Callable[[], str],
                 model: Callable[[], tuple[str, str]], may_send: Callable[[], bool], url: str,
                 parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._library, self._cache, self._tasks, self._url = library, cache, tasks, url
        self._read_key, self._model, self._may_send = read_key, model, may_send
        self._task: Task | None = None
        self.recording_id = 0
        self.question = ""
        self.sentence = ""
        self.growing: tuple[Claim, ...] = ()
        self.problem = ""

    @property
    def is_running(self) -> bool:
        return self._task is not None

    def ask(self, recording: Recording, question: str, document: TranscriptDocument | None, thread: Thread | None,
            time_range: TimeRange | None, *, about_sound: bool = False,
            is_saved: Callable[[], bool] = lambda: True) -> None:
        """Ask; the user has agreed that this is sent. `is_saved` waits until all marks are in the library."""
        if self._task is not None:
            return
        self.recording_id, self.question, self.growing, self.problem = recording.id, question, (), ""
        if not self._may_send():
            self.problem = "Nothing was sent: read and accept Help ▸ Privacy first."
            self.changed.emit()
            return
        model, style = self._model()
        self._task = self._tasks.start(
            _work, self._library, self._cache, recording, question, document, thread, time_range, about_sound,
            self._read_key, self._url, model, style, is_saved, pass_report=True, done=self._done,
            failed=self._failed, progress=self._progress)
        self.changed.emit()

    def forget_outdated(self, recording_id: int, is_saved: Callable[[], bool], done: Callable[[], None]) -> None:
        """Remove sound from the service that was marked off the record since it was uploaded there."""
        if any(sending.recording_id == recording_id for sending in self._library.remote_files()):
            self._tasks.start(_forget, self._library, recording_id, self._read_key, self._url, is_saved,
                              done=lambda _: done(), failed=lambda _: None)  # it is tried again at the next start

    def stop(self) -> None:
        """Stop the question; nothing of it is kept."""
        if self._task is not None:
            self._task.stop()

    def _progress(self, progress: Progress) -> None:
        self.sentence = progress.sentence
        self.growing = getattr(progress.payload, "claims", self.growing)
        self.grown.emit()

    def _done(self, thread: Thread) -> None:
        self._task, self.growing, self.question = None, (), ""
        self.answered.emit(thread)
        self.changed.emit()

    def _failed(self, error: PullquoteError) -> None:
        self._task, self.growing = None, ()
        self.problem = "" if isinstance(error, Cancelled) else error.sentence
        self.changed.emit()


def _work(library: Library, cache: Path, recording: Recording, question: str, document: TranscriptDocument | None,
          thread: Thread | None, time_range: TimeRange | None, about_sound: bool, read_key: Callable[[], str],
          url: str, model: str, style: str, is_saved: Callable[[], bool],
          report: Callable[[Progress], None]) -> Thread:
    from desktop.asking import ask
    from desktop.engines.gemini_answers import make
    from desktop.sending import LibraryGate

    if not is_saved():
        raise UserError("What was marked last could not be saved yet, so nothing was sent. Check the free space on the "
                        "disk and ask again.")
    answers = make(model, key=read_key(), url=url, gate=LibraryGate(library, recording.id, consent=True), style=style,
                   keeps=True)
    try:
        return ask(library, cache, recording, answers, question, document=document, thread=thread,
                   time_range=time_range, about_sound=about_sound, report=report)
    finally:
        answers.close()
        _forget(library, recording.id, read_key, url, is_saved)


def _forget(library: Library, recording_id: int, read_key: Callable[[], str], url: str,
            is_saved: Callable[[], bool]) -> None:
    from desktop.sending import forget_stored, outdated

    if is_saved() and outdated(library, recording_id):
        forget_stored(library, recording_id, read_key(), url)
