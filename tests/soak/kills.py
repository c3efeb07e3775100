"""N3 and N4: the program is killed at random moments; in the end all is heard, once, paid once, and nothing is left."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

from desktop import sending
from desktop.audio.cache import CacheFiles
from desktop.audio.files import PlaybackCopy
from desktop.library import Library
from desktop.model import Job, JobState, PartState, TimeRange
from tests.clips import KEY
from tests.gemini_service import Request
from tests.program import Running
from tests.soak.figures import Figures
from tests.soak.stand import (
    GENERAL,
    SECONDS,
    TWO_HEARINGS,
    Desk,
    Shape,
    TellingService,
    TellingTruth,
    Text,
    digest,
    named,
    rows_of,
    text_of,
)

JOBS = 5
WHOLE_RUN = 6.0  # seconds that a life lasts at most when nothing happens to it; moments are drawn from these
ANSWER_TAKES = 0.08  # seconds
TOO_LATE = 0.5  # seconds after its last byte by which an answer must be safe
LINES = ("Copying", "Drawing", "Cutting", "is listening", "is done", "compares the voices", "reads the lines",
         "Uploading", "")


@dataclass(frozen=True)
class Moment:
    """When to kill: the `number`-th time that `event` happens in this life, and so many seconds later."""

    event: str
    number: int
    seconds: float

    @classmethod
    def draw(cls, rng: random.Random, latest: int = 6) -> Moment:
        """`latest`: how many calls into a life."""
        event = rng.choice(("time", "head", "waiting", "sent", "sent", "said"))
        if event == "time":
            return cls(event, 1, rng.uniform(0.05, WHOLE_RUN * latest / 6))
        if event == "said":
            return cls(f"said {rng.choice(LINES)}", rng.randint(1, max(1, latest - 2)), rng.uniform(0, 0.03))
        longest = {"head": 0.005, "waiting": ANSWER_TAKES, "sent": 0.04}[event]
        return cls(event, rng.randint(1, latest), rng.uniform(0, longest))


class Killer:
    """Waits for the moment and kills; told of events by several threads."""

    def __init__(self, running: Running, moment: Moment | None) -> None:
        self._running, self._moment = running, moment
        self._seen = 0
        self._lock = threading.Lock()
        self.killed_at = 0.0
        self._timer: threading.Timer | None = None
        self.happened("time")

    def happened(self, event: str) -> None:
        with self._lock:
            if self._moment is None or event != self._moment.event:
                return
            self._seen += 1
            if self._seen == self._moment.number:
                self._timer = threading.Timer(self._moment.seconds, self._kill)
                self._timer.start()

    def _kill(self) -> None:
        self.killed_at = time.monotonic()
        os.kill(self._running.process.pid, signal.SIGKILL)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()


@dataclass
class Ask:
    """One create call that was heard, and would be billed."""

    what: str  # "part", "reading" or "line-up"
    key: str
    life: int
    sent_at: float | None  # when the last byte of its answer had gone out


@dataclass
class Totals:
    """What all rounds came to."""

    kills: int = 0
    rounds: int = 0
    lives: int = 0
    not_done: int = 0
    different: int = 0
    twice: int = 0
    bad_ends: list[str] = field(default_factory=list)
    again_though_saved: list[str] = field(default_factory=list)
    again_after_window: Counter[str] = field(default_factory=Counter)
    longest_window: float = 0.0
    too_late: int = 0
    again_in_flight: int = 0
    asks: int = 0
    needed: int = 0
    not_in_ledger: int = 0
    under_way: int = 0
    files_made: int = 0
    files_unknown: int = 0
    files_left: int = 0
    files_in_ledger: int = 0
    doing: Counter[str] = field(default_factory=Counter)


def run(figures: Figures, seed: int, kills: int) -> None:
    rng, totals = random.Random(f"{seed}/N3"), Totals()
    uploads = hasattr(sending, "clear_remote")
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, TellingService() as service:
        service.answer = TellingTruth()
        template = Path(folder) / "template"
        Desk(template, service).close()
        while totals.kills < kills:
            _Round(Path(folder) / f"round{totals.rounds}", template, service, rng, totals, kills, uploads).run()
            totals.rounds += 1
            service.forget()
            service.requests.clear()
            service.heard.clear()
    _report(figures, totals, kills, uploads)


class _Round:
    """Five jobs in a home of their own, and as many lives as they need."""

    def __init__(self, home: Path, template: Path, service: TellingService, rng: random.Random, totals: Totals,
                 kills: int, uploads: bool) -> None:
        self._home, self._service, self._rng, self._totals, self._kills = home, service, rng, totals, kills
        if totals.rounds % 3 == 1:
            home.mkdir()  # this one begins with the import
        else:
            shutil.copytree(template, home)
        self._latest = 6 if kills > 10 else 3  # in a small run no life may end before its moment
        self._shapes = _disjoint(rng)
        limit = 150_000 if uploads and totals.rounds % 2 == 0 else 0
        self._plan = home / "plan.json"
        self._plan.write_text(json.dumps({"shapes": [astuple(shape) for shape in self._shapes], "inline_limit": limit}))
        self._ideal = _ideals(template.parent / f"ideal{totals.rounds}", template, self._shapes)
        self._sent: dict[int, float] = {}  # id of a request -> when its last byte went out
        self._saved: list[set[str]] = []  # for each life the keys whose answers were on disk at its end
        self._kept: list[bool] = []  # for each life whether a part was waiting to be stored
        self._ends: list[float] = []  # for each life its kill
        self._asks: list[Ask] = []
        self._texts: dict[str, list[str]] = {}  # key of a reading -> its lines
        self._first_request = 0

    def run(self) -> None:
        killed = True
        while killed:
            killed = self._life(Moment.draw(self._rng, self._latest) if self._totals.kills < self._kills else None)
            self._look_around()
        self._count_again()
        self._check()
        shutil.rmtree(self._home)

    def _life(self, moment: Moment | None) -> bool:
        """Start the program; true when it was killed."""
        self._totals.lives += 1
        running = _Telling(self._home, self._service.url, self._plan)
        killer = Killer(running, moment)
        running.killer = killer
        self._service.on_head = lambda request: killer.happened("head")
        self._service.on_sent = lambda request: self._note_sent(request, killer)
        self._service.delay = lambda heard: self._waiting(killer)
        code, _, _ = running.end(timeout=120)
        killer.end()
        self._ends.append(killer.killed_at or time.monotonic())
        self._wait_for_the_service()
        if code == -signal.SIGKILL:
            self._totals.kills += 1
            self._totals.doing[running.doing] += 1
            return True
        if code != 0:
            self._totals.bad_ends.append(f"{code}: {running.lines[-1:]}")
        return False

    def _note_sent(self, request: Request, killer: Killer) -> None:
        self._sent[id(request)] = time.monotonic()
        if request.route == "interactions":
            killer.happened("sent")

    @staticmethod
    def _waiting(killer: Killer) -> float:
        killer.happened("waiting")
        return ANSWER_TAKES

    def _wait_for_the_service(self) -> None:
        """Until it has noticed that nobody listens any more."""
        end = time.monotonic() + 5
        while self._service.busy and time.monotonic() < end:
            time.sleep(0.01)

    def _look_around(self) -> None:
        """After a life: what was asked, what is safe on the disk, what lies on the service."""
        life = len(self._saved)
        fresh = self._service.requests[self._first_request:]
        self._first_request += len(fresh)
        for request in fresh:
            if request.route == "interactions" and request.parsed is not None:
                what, key = named(request.parsed)
                if what == "reading":
                    self._texts[key] = rows_of(request.parsed)
                self._asks.append(Ask(what, key, life, self._sent.get(id(request))))
        if not (self._home / "data" / "library.db").exists():
            self._saved.append(set())
            self._kept.append(False)
            return
        library = Library(self._home / "data")
        try:
            self._saved.append(self._safe(library))
            self._kept.append(any(part.state is PartState.RECEIVED for job in library.unfinished_jobs()
                                  for part in job.parts))
            known = {line.remote_name for line in library.sendings()}
            self._totals.files_unknown += len(set(self._service.files) - known)
        finally:
            library.close()

    def _safe(self, library: Library) -> set[str]:
        """The keys of all that is on disk."""
        safe: set[str] = set()
        for recording in library.recordings():
            for transcript in library.transcripts(recording.id):
                job = library.job_of_transcript(transcript.id)
                assert job is not None
                safe |= self._safe_parts(library, recording.sha256, job)
                read = {segment.text for segment in library.segments(transcript.id) if segment.language}
                safe |= {key for key, texts in self._texts.items() if read.issuperset(texts)}
        return safe

    def _safe_parts(self, library: Library, sha256: str, job: Job) -> set[str]:
        heard = [part for part in job.parts if library.answer(job.id, part.index) is not None]
        if not heard:
            return set()
        model = str(job.options["model"]).split(" + ")[0]
        with PlaybackCopy(CacheFiles(self._home / "cache", sha256).copy) as copy:
            return {digest(copy.speech(TimeRange(part.start - part.lead_in, part.end), silent=()).tobytes(),
                           model.encode())
                    for part in heard}

    def _count_again(self) -> None:
        """Every call that was made once more: was its answer safe, on its way to the disk, or never there?"""
        totals = self._totals
        totals.asks += len(self._asks)
        totals.needed += len({(ask.what, ask.key) for ask in self._asks})
        for number, ask in enumerate(self._asks):
            earlier = [old for old in self._asks[:number] if (old.what, old.key) == (ask.what, ask.key)]
            if not earlier:
                continue
            before = earlier[-1]
            safe = (before.key in self._saved[before.life] if before.what != "line-up"
                    else not self._kept[before.life])
            if before.sent_at is None:
                totals.again_in_flight += 1
            elif safe or before.life == ask.life:
                totals.again_though_saved.append(f"{ask.what} in round {totals.rounds}, life {ask.life + 1}")
            else:
                window = self._ends[before.life] - before.sent_at
                totals.again_after_window[ask.what] += 1
                totals.longest_window = max(totals.longest_window, window)
                totals.too_late += window > TOO_LATE

    def _check(self) -> None:
        totals, service = self._totals, self._service
        library = Library(self._home / "data")
        try:
            transcripts = [t for recording in library.recordings() for t in library.transcripts(recording.id)]
            found = {transcript.range: transcript.id for transcript in transcripts}
            totals.twice += len(transcripts) - len(found)
            for shape, ideal in zip(self._shapes, self._ideal, strict=True):
                assert shape.options.time_range is not None
                transcript_id = found.get(shape.options.time_range, 0)
                job = library.job_of_transcript(transcript_id)
                if job is None or job.state is not JobState.DONE:
                    totals.not_done += 1
                    continue
                got = text_of(library, transcript_id)
                totals.twice += got.twice
                totals.different += got != ideal
            clear: Any = getattr(sending, "clear_remote", None)
            if clear is not None:
                sending.sweep(library)
                clear(library, KEY, service.url)
            lines = library.sendings()
        finally:
            library.close()
        totals.under_way += sum(line.outcome == "under way" for line in lines)
        creates = sum(request.route == "interactions" for request in service.requests)
        uploads = sum(request.route == "upload.start" for request in service.requests)
        totals.not_in_ledger += max(0, creates + uploads - len(lines))
        totals.files_made += uploads
        totals.files_left += len(service.files)
        totals.files_in_ledger += sum(bool(line.remote_name and not line.removed_at) for line in lines)
        service.files.clear()


class _Telling(Running):
    """The child, whose lines are told to the killer."""

    killer: Killer | None = None
    doing = "starting"

    def __init__(self, home: Path, url: str, plan: Path) -> None:
        super().__init__(home, url, plan, module="tests.soak.child", GEMINI_API_KEY=KEY)

    def _read(self) -> None:
        assert self.process.stderr
        for raw in self.process.stderr:
            line = raw.decode("utf-8", "replace").strip()
            self.lines.append(line)
            self.doing = next((name for name in LINES if name and name in line), line.split(":")[0][:30])
            if self.killer is not None:
                for name in LINES:
                    if name in line:
                        self.killer.happened(f"said {name}")


def _disjoint(rng: random.Random) -> list[Shape]:
    """Five jobs that have no sound in common, so that every call says which part it is for."""
    step = SECONDS / JOBS
    found = []
    for number in range(JOBS):
        start = number * step + rng.uniform(0, 4)
        model, longest = rng.choice(((GENERAL, 14.0), (GENERAL, 45.0), (TWO_HEARINGS, 25.0), (TWO_HEARINGS, 45.0)))
        found.append(Shape(model, round(start, 2), round((number + 1) * step - rng.uniform(0, 4), 2), longest))
    return found


def _ideals(home: Path, template: Path, jobs: Iterable[Shape]) -> list[Text]:
    """The transcripts of a program that nobody kills, from a service of its own."""
    shutil.copytree(template, home)
    with TellingService() as service:
        service.answer = TellingTruth()
        desk = Desk(home, service)
        ideals = [desk.text(desk.run(desk.begin(shape), shape)) for shape in jobs]
        desk.close()
    shutil.rmtree(home)
    return ideals


def _report(figures: Figures, totals: Totals, kills: int, uploads: bool) -> None:
    figures.remark(f"{totals.rounds} rounds of {JOBS} jobs, {totals.lives} lives; killed while: "
                   + ", ".join(f"{doing} {count}" for doing, count in totals.doing.most_common()))
    figures.add("N3", "kills", totals.kills, str(kills), totals.kills >= kills)
    figures.none("N3", "jobs not done after the last start", totals.not_done)
    figures.none("N3", "lives that ended with an error", len(totals.bad_ends))
    for end in totals.bad_ends[:5]:
        figures.remark(end)
    figures.none("N3", "transcripts unlike those without kills", totals.different)
    figures.none("N3", "lines that are there twice", totals.twice)
    figures.none("N3", "asked again though the answer was saved", len(totals.again_though_saved))
    for again in totals.again_though_saved[:5]:
        figures.remark(again)
    figures.none("N3", f"answers not saved {TOO_LATE} s after their last byte", totals.too_late)
    window = ", ".join(f"{count} x {what}" for what, count in totals.again_after_window.most_common()) or "none"
    figures.remark(f"asked again, killed between the answer's last byte and its commit: {window} (longest "
                   f"{1000 * totals.longest_window:.0f} ms); asked again, no whole answer: {totals.again_in_flight}; "
                   f"calls {totals.asks}, needed {totals.needed}")
    figures.none("N3", "requests that are not in the ledger", totals.not_in_ledger)
    figures.none("N3", "ledger lines left under way", totals.under_way)
    figures.remark(f"uploads made: {totals.files_made}" if uploads else "nothing is uploaded by this program")
    figures.none("N4", "remote files that the ledger did not know", totals.files_unknown)
    figures.none("N4", "remote files left after the last sweep", totals.files_left)
    figures.remark(f"still open in the ledger: {totals.files_in_ledger}")
