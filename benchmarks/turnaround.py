"""From the start of a run to the first and to the last text of an hour, and what our own work adds to the service's.

No real service is asked: the stand-in answers as late as a simple model of one says, 2 s per request, 20 ms per second
of sound and 1/150 s per token of the answer, all scaled down. The reference is one part after the other; a single
request for the whole hour is only computed from the model, since the service takes no hour with times of words.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import fixtures
from benchmarks.accuracy import Interview, LightService, Mind, NotingEngine
from benchmarks.harness import headline, show
from benchmarks.seek import playback_copy
from desktop.engines import Manner
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import JobState, Progress, Recording, TimeRange, ignore_progress
from desktop.sending import LibraryGate
from desktop.transcription import Options, PartStored, run_job, start_job
from tests.gemini_service import Answer, Heard, Reply, Request
from tests.gemini_service.replies import usage_of
from tests.gemini_service.server import Pause

_PER_REQUEST, _PER_SECOND, _PER_TOKEN = 2.0, 0.02, 1 / 150  # seconds
_FACTOR, _SMALLEST = 20, 1000  # the clock of the service runs so many times faster


@dataclass(frozen=True)
class Asked:
    """One request: what the service took here in seconds, its own work included, and what it would take."""

    transcribes: bool
    sound: float
    tokens: int
    handled: float = 0.0

    @property
    def real(self) -> float:
        return _PER_REQUEST + _PER_SECOND * self.sound + _PER_TOKEN * self.tokens


@dataclass(frozen=True)
class Run:
    """Seconds since the start, as they passed here."""

    first: float
    words: float
    last: float
    parts: int
    asked: list[Asked]


class SlowService(LightService):
    """The stand-in with a delay; its own work (decoding, checking) counts towards the delay."""

    def __init__(self, mind: Mind, factor: float) -> None:
        super().__init__()
        self._mind, self._factor = mind, factor
        self._answers: dict[int, Answer] = {}
        self._own = threading.local()
        self.asked: list[Asked] = []
        self.answer = lambda heard: self._answers.pop(heard.index)
        self.delay = self._lasting

    def handle(self, request: Request, pause: Pause) -> Reply:
        self._own.began = time.perf_counter()
        reply = super().handle(request, pause)
        if request.parsed:
            self.asked.append(replace(self._own.asked, handled=time.perf_counter() - self._own.began))
        return reply

    def _lasting(self, heard: Heard) -> float:
        answer = self._answers[heard.index] = self._mind(heard)
        text = answer if isinstance(answer, str) else (
            answer["text"] if heard.transcribes else json.dumps(answer, ensure_ascii=False))
        usage = usage_of(heard, text)
        tokens = int(usage["total_output_tokens"] + usage["total_thought_tokens"])
        asked = self._own.asked = Asked(heard.transcribes, heard.seconds, tokens)
        passed: float = time.perf_counter() - self._own.began
        return max(0.0, asked.real / self._factor - passed)


def main() -> None:
    """Measure the program as it is against one part after the other, and our own work beside the service's."""
    with tempfile.TemporaryDirectory(prefix="pullquote-benchmark-") as folder:
        os.environ["PULLQUOTE_HOME"] = folder
        library = Library(Path(folder) / "data")
        try:
            _turnaround(library, Path(folder))
            _overhead(library)
        finally:
            library.close()


def _turnaround(library: Library, folder: Path) -> None:
    interview = Interview(fixtures.HOUR)
    cache, path = folder / "cache", interview.write(folder / "hour.flac")
    recording = import_audio(library, cache, path, ignore_progress).recording
    _run(library, cache, recording, interview, 1, _SMALLEST, TimeRange(0.0, 10.0))  # what is loaded once
    alone = _run(library, cache, recording, interview, 1, _FACTOR)
    program = _run(library, cache, recording, interview, Manner().at_once, _FACTOR)
    single = _single(alone) / _FACTOR
    headline(f"turnaround, 1 h in {program.parts} parts, {Manner().at_once} at a time, time scaled by 1/{_FACTOR} "
             f"(reference: one part at a time, {alone.last:.1f} s here, {_real(alone):.0f} s at full length)")
    show("first text / last text one at a time", program.first / alone.last, "x", most=0.25,
         more=f"{program.first:.2f} s here")
    show("last text / last text one at a time", program.last / alone.last, "x", most=0.6,
         more=f"{program.last:.2f} s here")
    show("last words / last words one at a time", program.words / alone.words, "x",
         more=f"{program.words:.2f} s here; then {program.last - program.words:.2f} s of reading the lines, "
              f"{sum(not asked.transcribes for asked in program.asked)} requests")
    show("reading the lines / last text one at a time", (program.last - program.words) / alone.last, "x")
    show("first text / one single request (computed)", program.first / single, "x",
         more=f"{single:.1f} s at this scale")
    show("last text / one single request (computed)", program.last / single, "x")
    show("one part at a time / one single request", alone.last / single, "x")


def _overhead(library: Library) -> None:
    """One part at a time and a service that hardly waits: what is left of the clock is ours."""
    original = fixtures.recording(fixtures.HOUR, "wav")
    playback_copy(original)
    recording = library.add_recording(title="hour", folder="hour", original=original.name, sha256=original.name,
                                      byte_count=original.stat().st_size)
    recording = library.set_prepared(recording.id, duration=fixtures.HOUR, sample_rate=fixtures.RATE, channels=2,
                                     problem="")
    run = _run(library, fixtures.FOLDER / "copies", recording, Interview(fixtures.HOUR), 1, _SMALLEST)
    own, real = run.last - sum(asked.handled for asked in run.asked), sum(asked.real for asked in run.asked)
    headline(f"our own time, 1 h of 48 kHz stereo in {run.parts} parts, one at a time (reference: the {real:.0f} s "
             "that the modelled service takes)")
    show("our time / the service's", 100 * own / real, "%", most=5)
    show("our time per part", own / run.parts, "s", more=f"{own:.2f} s in all, {fixtures.HOUR / own:,.0f}x real time; "
         f"{run.last - run.words:.2f} s of the run after the last words")


def _run(library: Library, cache: Path, recording: Recording, interview: Interview, at_once: int, factor: float,
         time_range: TimeRange | None = None) -> Run:
    stored: list[float] = []

    def note(progress: Progress) -> None:
        if isinstance(progress.payload, PartStored):
            stored.append(time.perf_counter() - began)

    mind = Mind(interview.words)
    service = SlowService(mind, factor)
    with service:
        engine = NotingEngine(mind, service.url, LibraryGate(library, recording.id, consent=True),
                              Manner(at_once=at_once))
        began = time.perf_counter()
        job = start_job(library, cache, recording, engine, Options("gemini", engine.model, time_range))
        job = run_job(library, cache, job.id, engine, note)
        last = time.perf_counter() - began
    assert job.state is JobState.DONE, job
    assert sum(asked.transcribes for asked in service.asked) == len(job.parts), "asked for more than once"
    return Run(stored[0], stored[-1], last, len(job.parts), service.asked)


def _single(run: Run) -> float:
    """Seconds for one request that is sent the whole hour and says everything that all requests of `run` said."""
    return Asked(True, fixtures.HOUR, sum(asked.tokens for asked in run.asked)).real


def _real(run: Run) -> float:
    """Seconds that the run would take one part at a time with a service of full length."""
    return run.last + sum(asked.real - asked.handled for asked in run.asked)


if __name__ == "__main__":
    main()
