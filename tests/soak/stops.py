"""N6: a job is stopped in every state it can be in, and the program is quit; both end soon, and nothing is lost."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from desktop import sending
from desktop.audio.cache import CacheFiles
from desktop.engines import Manner, gemini
from desktop.engines.gemini import make
from desktop.errors import Cancelled, PullquoteError
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import Job, JobState, Progress, ignore_progress
from desktop.sending import LibraryGate
from desktop.transcription import Options, PartStored, run_job, start_job
from tests.clips import KEY
from tests.gemini_service import Fault, Heard
from tests.program import Running
from tests.soak.figures import Figures
from tests.soak.stand import GENERAL, TWO_HEARINGS, Desk, Shape, TellingService, TellingTruth, Text
from tests.sounds import INTERVIEW

MOST_CANCEL, MOST_QUIT = 1.0, 3.0  # seconds
LONG = 30.0  # seconds that a held answer would take

ONE = Shape(GENERAL, 20.0, 55.0, 45.0)
PARTS = Shape(GENERAL, 20.0, 55.0, 14.0)
VOICES = Shape(TWO_HEARINGS, 55.0, 110.0, 25.0)  # the second part has a voice to compare


class HookedLibrary(Library):
    """Says when it is about to keep something, and takes a moment over it, as a slow disk does."""

    on_keeping: Callable[[str], None] = staticmethod(lambda what: None)

    def save_answer(self, job_id: int, index: int, answer: str) -> None:
        self._slowly("answer")
        super().save_answer(job_id, index, answer)

    def store_part(self, job: Job, index: int, segments: Any, summary: str) -> None:
        self._slowly("part")
        super().store_part(job, index, segments, summary)

    def annotate(self, transcript_id: int, lines: Any, summary: str) -> None:
        self._slowly("reading")
        super().annotate(transcript_id, lines, summary)

    def _slowly(self, what: str) -> None:
        self.on_keeping(what)
        time.sleep(0.05)


@dataclass
class Scene:
    """One stop: what is run, what happens around it, and when the user presses Stop."""

    desk: Desk
    service: TellingService
    shape: Shape = ONE
    url: str = ""
    on_report: Callable[[Progress], None] = lambda progress: None
    before_run: Callable[[], None] = lambda: None
    pressed: threading.Event = field(default_factory=threading.Event)
    pressed_at: float = 0.0
    timer: threading.Timer | None = None

    def press(self, after: float = 0.0) -> None:
        """The user presses Stop so many seconds from now; the first press counts."""
        if self.timer is None:
            self.timer = threading.Timer(after, self._press)
            self.timer.start()

    def press_when_said(self, words: str, after: float = 0.0) -> None:
        def look(progress: Progress) -> None:
            if words in str(progress.sentence):
                self.press(after)
        self.on_report = look

    def press_when_asked(self, number: int = 0, after: float = 0.1) -> None:
        """When the service works on the create call of this number, counted from now."""
        first = len(self.service.heard) + number

        def delay(heard: Heard) -> float:
            if heard.index < first:
                return 0.0
            self.press(after)
            return LONG
        self.service.delay = delay

    def press_when_asked_for(self, name: str) -> None:
        """When the service works on a call whose answer has this field."""
        def delay(heard: Heard) -> float:
            if name not in (heard.schema or {}).get("properties", {}):
                return 0.0
            self.press(0.1)
            return LONG
        self.service.delay = delay

    def report(self, progress: Progress) -> None:
        if self.pressed.is_set():
            raise Cancelled
        self.on_report(progress)

    def _press(self) -> None:
        self.pressed_at = time.monotonic()
        self.pressed.set()


State = Callable[[Scene, ExitStack], None]


def _preparing(scene: Scene, stack: ExitStack) -> None:
    scene.before_run = CacheFiles(scene.desk.cache, scene.desk.recording.sha256).remove
    scene.press_when_said("Drawing", 0.02)


def _cutting(scene: Scene, stack: ExitStack) -> None:
    scene.press_when_said("Cutting", 0.001)


def _connecting(scene: Scene, stack: ExitStack) -> None:
    """The other side takes no connection: its queue is full."""
    scene.url = stack.enter_context(_deaf(taken=True))
    scene.press_when_said("is listening", 0.3)


def _sending_body(scene: Scene, stack: ExitStack) -> None:
    """The other side reads nothing, and the sound is larger than what the system takes in advance."""
    scene.url = stack.enter_context(_deaf(taken=False))
    scene.press_when_said("is listening", 0.5)


def _before_headers(scene: Scene, stack: ExitStack) -> None:
    scene.service.fail_next(Fault.hang())
    scene.press_when_said("is listening", 0.5)


def _waiting(scene: Scene, stack: ExitStack) -> None:
    scene.press_when_asked()


def _half_an_answer(scene: Scene, stack: ExitStack) -> None:
    scene.service.fail_next(Fault.stall())
    scene.press_when_said("is listening", 0.5)


def _slow_body(scene: Scene, stack: ExitStack) -> None:
    scene.service.fail_next(Fault.slow_body(LONG))
    scene.press_when_said("is listening", 0.5)


def _pause_after_429(scene: Scene, stack: ExitStack) -> None:
    scene.service.fail_next(Fault.status(429, "rate_limit_exceeded", retry_info_seconds=60.0))
    scene.press_when_said("trying again", 0.2)


def _pause_offline(scene: Scene, stack: ExitStack) -> None:
    scene.url = "http://127.0.0.1:9/"
    scene.press_when_said("trying again", 0.05)


def _between_parts(scene: Scene, stack: ExitStack) -> None:
    scene.shape = PARTS

    def look(progress: Progress) -> None:
        if isinstance(progress.payload, PartStored):
            scene.press()
    scene.on_report = look


def _two_under_way(scene: Scene, stack: ExitStack) -> None:
    scene.shape = VOICES
    scene.press_when_asked(number=1)


def _line_up(scene: Scene, stack: ExitStack) -> None:
    scene.shape = VOICES
    scene.press_when_asked_for("groups")


def _reading(scene: Scene, stack: ExitStack) -> None:
    scene.shape = VOICES
    scene.press_when_asked_for("lines")


def _second_half(scene: Scene, stack: ExitStack) -> None:
    scene.service.fail_next(Fault.bad_json_text())
    scene.press_when_asked(number=2)


def _first_half(scene: Scene, stack: ExitStack) -> None:
    scene.service.fail_next(Fault.bad_json_text())
    scene.press_when_asked(number=1)


def _keeping(what: str) -> State:
    def state(scene: Scene, stack: ExitStack) -> None:
        scene.shape = VOICES if what == "reading" else PARTS
        library = scene.desk.library
        assert isinstance(library, HookedLibrary)
        library.on_keeping = lambda kept: scene.press() if kept == what else None
        stack.callback(lambda: delattr(library, "on_keeping"))
    return state


def _uploading(fault: Fault | None, words: str, after: float = 0.5) -> State:
    """States of a sound that is too large to go inline; for programs that upload."""
    def state(scene: Scene, stack: ExitStack) -> None:
        limit = gemini.INLINE_LIMIT
        gemini.INLINE_LIMIT = 50_000
        stack.callback(lambda: setattr(gemini, "INLINE_LIMIT", limit))
        if fault is not None:
            scene.service.fail_next(fault, route="upload.chunk")
        else:
            scene.service.fail_next(Fault.hang(), route="files.delete")
        scene.press_when_said(words, after)
    return state


STATES: dict[str, State] = {
    "waiting for an answer": _waiting,
    "pause after 429": _pause_after_429,
    "slow body": _slow_body,
    "comparing voices": _line_up,
    "making the playback copy": _preparing,
    "cutting": _cutting,
    "connecting": _connecting,
    "sending the body": _sending_body,
    "before the headers": _before_headers,
    "half an answer, then nothing": _half_an_answer,
    "pause without a network": _pause_offline,
    "between two parts": _between_parts,
    "two parts under way": _two_under_way,
    "reading the lines": _reading,
    "first half": _first_half,
    "second half": _second_half,
    "an answer is being saved": _keeping("answer"),
    "a part is being stored": _keeping("part"),
    "languages are being entered": _keeping("reading"),
}
if hasattr(sending, "clear_remote"):
    STATES |= {
        "uploading a file": _uploading(Fault.upload_stall_at(60_000), "Uploading"),
        "a file that stays in PROCESSING": _uploading(Fault.file_stuck("PROCESSING"), "Uploading"),
        "removing a file": _uploading(None, "is listening", 0.2),
    }


@contextmanager
def _deaf(taken: bool) -> Iterator[str]:
    """An address where connections are made and nothing is read, or (`taken`) not even made."""
    with socket.socket() as door, ExitStack() as stack:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        for _ in range(4 if taken else 0):
            guest = stack.enter_context(socket.socket())
            guest.setblocking(False)
            guest.connect_ex(door.getsockname())
        yield f"http://127.0.0.1:{door.getsockname()[1]}/"


def run(figures: Figures, seed: int, states: int | None) -> None:
    """The first `states` of them, or all."""
    chosen = list(STATES)[:states]
    took: dict[str, float] = {}
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, TellingService() as service:
        service.answer = TellingTruth()
        template = Path(folder) / "template"
        Desk(template, service).close()
        desk = Desk(shutil.copytree(template, Path(folder) / "home"), service, HookedLibrary)
        shapes = (ONE, PARTS, VOICES) if states is None else (ONE, VOICES)
        ideals = {shape: desk.text(desk.run(desk.begin(shape), shape)) for shape in shapes}
        for name in chosen:
            scene = Scene(desk, service)
            with ExitStack() as stack:
                STATES[name](scene, stack)
                took[name], job, ended = _stop(scene)
            _calm(service)
            problem = _problem(scene, job, ended, ideals[scene.shape])
            if problem:
                problems.append(f"{name}: {problem}")
        if states is None:
            took |= _long_cuts(Path(folder) / "long", service)
        desk.close()
        quits = _quits(template, service, random.Random(f"{seed}/N6"), ideals, 1 if states else None, problems)
    _report(figures, "stops", took, MOST_CANCEL)
    _report(figures, "quits", quits, MOST_QUIT)
    figures.none("N6", "jobs that were not waiting, or not the same once continued", len(problems))
    for problem in problems:
        figures.remark(problem)


def _stop(scene: Scene) -> tuple[float, Job, BaseException | None]:
    """Seconds from the press to the end of run_job, the job, and what it ended with."""
    job = scene.desk.begin(scene.shape)
    scene.before_run()
    ended: list[BaseException | None] = []

    def work() -> None:
        try:
            scene.desk.run(job, scene.shape, scene.report, scene.url)
            ended.append(None)
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(60)
    seconds = time.monotonic() - scene.pressed_at if scene.pressed_at else 99.0
    return seconds, scene.desk.library.job(job.id), ended[0] if ended else TimeoutError()


def _calm(service: TellingService) -> None:
    """No faults, no waiting; and nobody is served any more."""
    service.stop_failing()
    service.delay = lambda heard: 0.0
    end = time.monotonic() + 5
    while service.busy and time.monotonic() < end:
        time.sleep(0.01)


def _problem(scene: Scene, job: Job, ended: BaseException | None, ideal: Text) -> str:
    if ended is None and job.state is JobState.DONE:  # nothing was left to be stopped
        return "other words" if scene.desk.text(job).words != ideal.words else ""
    if not isinstance(ended, Cancelled):
        return f"it ended with {ended!r}"
    if job.state is not JobState.WAITING:
        return f"the job is {job.state}"
    return _continued(scene.desk, job, scene.shape, ideal)


def _continued(desk: Desk, job: Job, shape: Shape, ideal: Text) -> str:
    """Run the rest; says what is not as it should be then."""
    try:
        job = desk.run(job, shape)
    except PullquoteError as error:
        return f"continued, it says: {error.sentence}"
    if job.state is not JobState.DONE:
        return f"continued, it is {job.state}"
    got = desk.text(job)
    if got.words != ideal.words:
        return f"other words: {sum((got.words - ideal.words).values())} too many, " \
               f"{sum((ideal.words - got.words).values())} missing"
    under_way = sum(line.outcome == "under way" for line in desk.library.sendings())
    return f"{under_way} ledger lines under way" if under_way else ""


def _long_cuts(home: Path, service: TellingService) -> dict[str, float]:
    """Cutting the longest parts there are, out of an hour of stereo at 44.1 kHz; stopped 0.1 s after it began."""
    home.mkdir()
    samples, rate = soundfile.read(INTERVIEW, dtype="int16")
    path = home / "long.flac"
    soundfile.write(path, np.tile(samples, 9), rate)
    library = Library(home / "data")
    recording = import_audio(library, home / "cache", path, ignore_progress).recording
    took = {}
    for name, model, manner in (("cutting 10 minutes as FLAC", GENERAL, Manner()),
                                ("cutting 25 minutes as Vorbis", TWO_HEARINGS, Manner(sends_as="ogg"))):
        engine = make(model, key=KEY, url=service.url, gate=LibraryGate(library, recording.id, consent=True),
                      manner=manner)
        job = start_job(library, home / "cache", recording, engine, Options("gemini", model))
        pressed: list[float] = []

        def report(progress: Progress, pressed: list[float] = pressed) -> None:
            if pressed and time.monotonic() >= pressed[0]:
                raise Cancelled
            if "Cutting" in str(progress.sentence) and not pressed:
                pressed.append(time.monotonic() + 0.1)

        try:
            run_job(library, home / "cache", job.id, engine, report)
        except Cancelled:
            pass
        took[name] = time.monotonic() - pressed[0]
    library.close()
    shutil.rmtree(home)
    return took


# Quitting: real processes


def _quits(template: Path, service: TellingService, rng: random.Random, ideals: dict[Shape, Text],
           most: int | None, problems: list[str]) -> dict[str, float]:
    """Seconds from a signal to the end of the process, for the window (its close button) and the command line."""
    ways: dict[str, Callable[[], Any]] = {
        "waiting for an answer": lambda: _hold_all(service),
        "slow body": lambda: service.fail_next(Fault.slow_body(LONG)),
        "pause after 429": lambda: service.fail_next(Fault.status(429, "rate_limit_exceeded", retry_info_seconds=60.0)),
        "before the headers": lambda: service.fail_next(Fault.hang()),
        "half an answer, then nothing": lambda: service.fail_next(Fault.stall()),
        "at a random moment": lambda: None,
    }
    took = {}
    for program, quit_by in (("window", signal.SIGTERM), ("command line", signal.SIGINT)):
        for way in list(ways)[:most]:
            home = shutil.copytree(template, template.parent / f"{program} {way}")
            shape = ONE if program == "command line" else VOICES if way == "waiting for an answer" else PARTS
            desk = Desk(home, service)
            job = desk.begin(shape) if program == "window" else None
            desk.close()
            ways[way]()
            running = _window(home, service) if program == "window" else _command_line(home, service)
            wanted = "trying again" if way == "pause after 429" else "is listening"
            try:
                running.wait_for_line(lambda line, wanted=wanted: wanted in line)  # type: ignore[misc]
            except AssertionError:
                running.process.kill()
                _, _, said = running.end()
                problems.append(f"{program}, {way}: it did not begin: {said[-300:]!r}")
                _calm(service)
                continue
            time.sleep(rng.uniform(0.3, 0.6) if way != "at a random moment" else rng.uniform(0, 0.3))
            began = time.monotonic()
            os.kill(running.process.pid, quit_by)
            code, _, _ = running.end()
            took[f"{program}, {way}"] = time.monotonic() - began
            _calm(service)
            problem = _after_quit(home, service, job, shape, ideals[shape], code, program)
            if problem:
                problems.append(f"{program}, {way}: {problem}")
    return took


def _hold_all(service: TellingService) -> None:
    service.delay = lambda heard: LONG


def _window(home: Path, service: TellingService) -> Running:
    return Running(home, service.url, module="tests.soak.window_child", GEMINI_API_KEY=KEY,
                   PULLQUOTE_GEMINI_URL=service.url, QT_QPA_PLATFORM="offscreen",
                   QT_LOGGING_RULES="qt.multimedia.*=false")


def _command_line(home: Path, service: TellingService) -> Running:
    return Running(home, "transcribe", INTERVIEW, "--engine", "gemini", "--model", GENERAL, "--range", "00:20-00:55",
                   "--keep", GEMINI_API_KEY=KEY, PULLQUOTE_GEMINI_URL=service.url)


def _after_quit(home: Path, service: TellingService, job: Job | None, shape: Shape, ideal: Text, code: int,
                program: str) -> str:
    """The job waits in the library, and can be continued."""
    if code != (0 if program == "window" else 130):
        return f"it ended with {code}"
    desk = Desk(home, service)
    try:
        waiting = desk.library.unfinished_jobs()
        if not waiting:
            return "" if job is None or desk.library.job(job.id).state is JobState.DONE else "the job is gone"
        if waiting[0].state is not JobState.WAITING:
            return f"the job was left {waiting[0].state}"
        return _continued(desk, waiting[0], shape, ideal)
    finally:
        desk.close()


def _report(figures: Figures, what: str, took: dict[str, float], most: float) -> None:
    if not took:
        return
    slow = {name: seconds for name, seconds in took.items() if seconds > most}
    slowest = max(took, key=lambda name: took[name])
    figures.add("N6", f"{what} in {len(took)} states, the slowest", f"{took[slowest]:.2f} s ({slowest})",
                f"<= {most:.0f} s", not slow)
    figures.remark("; ".join(f"{name} {seconds:.2f}" for name, seconds in sorted(took.items(), key=lambda i: -i[1])))
