"""Transcription jobs under way: start, stop, continue. One runs at a time per engine, the others wait their turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop.engines import ENGINES
from desktop.errors import Cancelled, PullquoteError
from desktop.library import Library
from desktop.model import Job, JobState, Progress, Recording
from desktop.settings import Settings
from desktop.ui.tasks import Task, Tasks

if TYPE_CHECKING:
    from desktop.transcription import Options


@dataclass(eq=False)
class RunningJob:
    """One job in the window; `job_id` is 0 until it is entered."""

    recording: Recording
    engine: str
    job_id: int = 0
    fraction: float = 0.0
    sentence: str = ""
    options: Options | None = None
    consent: bool = False  # the user was asked for this run
    compare_with: int = 0  # a transcript: this run hears a range of it again
    task: Task | None = field(default=None, repr=False)


class Jobs(QObject):
    """The queue of transcription jobs."""

    changed = Signal()  # a job came or went
    progressed = Signal(object)  # RunningJob
    part_stored = Signal(int)  # transcript id: its document has grown
    finished = Signal(object, object)  # Recording, Job
    heard_again = Signal(int, int)  # ids of the old transcript and of the second hearing; 0 when it failed
    failed = Signal(object, object)  # Recording, PullquoteError

    def __init__(self, library: Library, cache: Path, tasks: Tasks, read_key: Callable[[], str],
                 may_send: Callable[[], bool], url: str, settings: Callable[[], Settings],
                 parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._library, self._cache, self._tasks = library, cache, tasks
        self._read_key, self._may_send, self._url, self._settings = read_key, may_send, url, settings
        self._waiting: deque[RunningJob] = deque()
        self.running: list[RunningJob] = []

    def start(self, recording: Recording, options: Options, *, consent: bool = False, compare_with: int = 0) -> None:
        """Plan and run a new job; `consent`: the user has just agreed that this recording is sent."""
        self._enqueue(RunningJob(recording, options.engine, options=options, consent=consent,
                                 compare_with=compare_with))

    def resume(self, job: Job, *, consent: bool = False) -> None:
        """Run the missing parts of an unfinished job."""
        if not any(entry.job_id == job.id for entry in self.running):
            self._enqueue(RunningJob(self._library.recording(job.recording_id), job.engine, job_id=job.id,
                                     consent=consent))

    def stop(self, entry: RunningJob) -> None:
        """Stop a job; what it has heard is kept, the rest can be continued."""
        if entry.task is not None:
            entry.task.stop()
        else:
            self._waiting.remove(entry)
            self._remove(entry)

    def of(self, recording_id: int) -> RunningJob | None:
        """The job that works on this recording."""
        return next((entry for entry in self.running if entry.recording.id == recording_id), None)

    def _enqueue(self, entry: RunningJob) -> None:
        if ENGINES[entry.engine].abilities.sends_audio and not self._may_send():
            self.failed.emit(entry.recording, PullquoteError(
                "Nothing was sent: read and accept Help ▸ Privacy first. Start the transcript again to see it."))
            return
        self.running.append(entry)
        self._waiting.append(entry)
        self._start_waiting()
        self.changed.emit()

    def _start_waiting(self) -> None:
        busy = {entry.engine for entry in self.running if entry.task is not None}
        for entry in list(self._waiting):
            if entry.engine not in busy:
                self._waiting.remove(entry)
                busy.add(entry.engine)
                self._start(entry)

    def _start(self, entry: RunningJob) -> None:
        entry.task = self._tasks.start(
            _work, self._library, self._cache, entry, self._read_key, self._url, self._settings, pass_report=True,
            done=lambda job: self._done(entry, job), failed=lambda error: self._failed(entry, error),
            progress=lambda progress: self._progress(entry, progress))

    def _progress(self, entry: RunningJob, progress: Progress) -> None:
        entry.fraction, entry.sentence = progress.fraction, progress.sentence
        transcript_id = getattr(progress.payload, "transcript_id", 0)
        if transcript_id and not entry.compare_with:
            self.part_stored.emit(transcript_id)
        self.progressed.emit(entry)

    def _done(self, entry: RunningJob, job: Job) -> None:
        self._remove(entry)
        if entry.compare_with:
            self.heard_again.emit(entry.compare_with, job.transcript_id if job.state is JobState.DONE else 0)
        else:
            self.finished.emit(entry.recording, job)
        if job.state is not JobState.DONE and job.problem:
            self.failed.emit(entry.recording, PullquoteError(
                "One part could not be transcribed: {reason}", reason=job.problem))

    def _failed(self, entry: RunningJob, error: PullquoteError) -> None:
        # A request that is broken off because of the stop may say that the network failed, before the stop is noticed.
        was_stopped = isinstance(error, Cancelled) or (entry.task is not None and entry.task.is_stopping)
        self._remove(entry)
        if entry.compare_with:
            self.heard_again.emit(entry.compare_with, 0)
        elif entry.job_id:
            self.finished.emit(entry.recording, self._library.job(entry.job_id))
        if not was_stopped:
            self.failed.emit(entry.recording, error)

    def _remove(self, entry: RunningJob) -> None:
        entry.task = None
        self.running.remove(entry)
        self._start_waiting()
        self.changed.emit()


def _work(library: Library, cache: Path, entry: RunningJob, read_key: Callable[[], str], url: str,
          settings_of: Callable[[], Settings], report: Callable[[Progress], None]) -> Job:
    """On the worker: make the engine (heavy imports), plan when new, run."""
    from desktop.engines import make_engine
    from desktop.sending import LibraryGate, manner_of
    from desktop.transcription import run_job, start_job

    if entry.job_id:
        model = str(library.job(entry.job_id).options.get("model") or "")
    else:
        assert entry.options is not None
        model = entry.options.model
    key = read_key() if ENGINES[entry.engine].abilities.sends_audio else ""
    try:
        manner = manner_of(settings_of())
        gate = LibraryGate(library, entry.recording.id, consent=entry.consent)
        engine = make_engine(entry.engine, model, key=key, url=url, gate=gate, manner=manner)
    except PullquoteError as error:
        if entry.job_id:
            library.set_job_state(entry.job_id, JobState.WAITING, error.sentence)
        raise
    if not entry.job_id:
        assert entry.options is not None
        try:
            entry.job_id = start_job(library, cache, entry.recording, engine, entry.options).id
        except BaseException:
            engine.close()
            raise
    return run_job(library, cache, entry.job_id, engine, report)
