"""N2: hundreds of jobs while three calls in ten fail; a job that waits is continued until it is done."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from desktop import sending
from desktop.engines import gemini
from desktop.errors import PullquoteError
from desktop.model import Job, JobState
from tests.clips import KEY
from tests.gemini_service import Fault
from tests.soak.faults import Schedule
from tests.soak.figures import Figures
from tests.soak.stand import Desk, Shape, TellingService, TellingTruth, Text, quick_clock, shapes

FAULTY = 0.3
MOST_REQUESTS = 1.6  # times those that a run without faults needs
MOST_CLICKS = 40  # "Continue" on one job
UPLOADED = 5  # every so many jobs the sound is uploaded first, if this program can


@dataclass
class Ideal:
    """A shape as it is when nothing goes wrong."""

    text: Text
    requests: int


@dataclass
class Tally:
    """What the jobs under faults came to."""

    done: int = 0
    requests: int = 0
    ideal: int = 0
    clicks: int = 0
    by_model: dict[str, list[int]] = field(default_factory=dict)  # requests, ideal
    different: dict[str, list[tuple[str, Counter[str]]]] = field(default_factory=dict)  # how -> (job, faults it met)
    met: list[Counter[str]] = field(default_factory=list)  # of every job
    uploads: int = 0
    files_unknown: int = 0
    files_left: int = 0
    why: Counter[str] = field(default_factory=Counter)  # sentences that a job waited with


def run(figures: Figures, seed: int, jobs: int, kinds_of_job: int) -> None:
    rng, uploads = random.Random(f"{seed}/N2"), hasattr(sending, "clear_remote")
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, TellingService() as service, \
            quick_clock(random.Random(f"{seed}/pauses")) as clock:
        truth = service.answer = TellingTruth()
        desk = Desk(Path(folder), service)
        plain = shapes(rng, kinds_of_job)
        ideals = {shape: _ideal(desk, service, shape) for shape in plain}
        schedule, tally = Schedule(seed, FAULTY, truth), Tally()
        schedule.arm(service)
        for number in range(jobs):
            shape = plain[number % len(plain)]
            schedule.begin(f"job {number}")
            with _uploading(service, schedule) if uploads and number % UPLOADED == 3 else nullcontext():
                _one(desk, service, shape, ideals[shape], schedule, tally)
            service.forget()
            tally.files_unknown += len(set(service.files) - {line.remote_name for line in desk.library.sendings()})
        service.stop_failing()
        if uploads:
            sending.clear_remote(desk.library, KEY, service.url)
        under_way = sum(line.outcome == "under way" for line in desk.library.sendings())
        tally.uploads = sum(request.route == "upload.start" for request in service.requests)
        tally.files_left = len(service.files)
        desk.close()
    _report(figures, jobs, tally, schedule, clock.waited, under_way)


@contextmanager
def _uploading(service: TellingService, schedule: Schedule) -> Iterator[None]:
    """Even a short sound is too large to go inline."""
    limit = gemini.INLINE_LIMIT
    gemini.INLINE_LIMIT = 50_000
    if schedule.cuts_upload():
        service.fail_next(Fault.upload_drop_at(20_000), route="upload.chunk")
    try:
        yield
    finally:
        gemini.INLINE_LIMIT = limit


def _ideal(desk: Desk, service: TellingService, shape: Shape) -> Ideal:
    before = service.asked
    job = desk.run(desk.begin(shape), shape)
    assert job.state is JobState.DONE, f"without any fault: {job.problem}"
    return Ideal(desk.text(job), service.asked - before)


def _one(desk: Desk, service: TellingService, shape: Shape, ideal: Ideal, schedule: Schedule, tally: Tally) -> None:
    before, job = service.asked, desk.begin(shape)
    for click in range(MOST_CLICKS):
        tally.clicks += click > 0
        job = _carry_on(desk, job, shape, tally)
        if job.state is JobState.DONE:
            tally.done += 1
            break
    used = service.asked - before
    tally.requests += used
    tally.ideal += ideal.requests
    counts = tally.by_model.setdefault("two hearings" if "+" in shape.model else "general", [0, 0])
    counts[0] += used
    counts[1] += ideal.requests
    tally.met.append(schedule.met)
    for how in _differences(desk.text(job), ideal.text):
        tally.different.setdefault(how, []).append((f"{schedule.job} ({shape})", schedule.met))


def _carry_on(desk: Desk, job: Job, shape: Shape, tally: Tally) -> Job:
    try:
        job = desk.run(job, shape)
        if job.problem:
            tally.why[job.problem] += 1
    except PullquoteError as error:
        tally.why[str(error.sentence)] += 1
        job = desk.library.job(job.id)
        assert job.state is JobState.WAITING, job.state
    return job


def _differences(got: Text, wanted: Text) -> list[str]:
    """In what a transcript is not the one without faults."""
    found = []
    if wanted.plain - got.plain:
        found.append("words are missing")
    if got.plain - wanted.plain:
        found.append("words too many")
    if got.plain == wanted.plain and got.words != wanted.words:
        found.append("a voice has another name")
    if got.words == wanted.words and got.order != wanted.order:
        found.append("in another order")
    if got.languages != wanted.languages:
        found.append("another language")
    if got.not_in_summary:
        found.append("the summary leaves lines out")
    return found


def _report(figures: Figures, jobs: int, tally: Tally, schedule: Schedule, waited: float, under_way: int) -> None:
    figures.remark(f"{jobs} jobs, {schedule.calls} calls, {sum(schedule.all_met.values())} faulty "
                   f"({sum(schedule.all_met.values()) / max(1, schedule.calls):.0%}), {tally.clicks} times continued, "
                   f"{waited / 60:.0f} minutes of pauses on the quick clock")
    figures.add("N2", "jobs done", tally.done, str(jobs), tally.done == jobs)
    share = tally.requests / max(1, tally.ideal)
    figures.add("N2", "requests, times ideal", f"{share:.2f} ({tally.requests} / {tally.ideal})", f"<= {MOST_REQUESTS}",
                share <= MOST_REQUESTS)
    for model, (used, ideal) in sorted(tally.by_model.items()):
        figures.remark(f"{model}: {used / max(1, ideal):.2f} ({used} / {ideal})")
    for how, row in (("words are missing", "jobs with missing words"), ("words too many", "jobs with words too many"),
                     ("a voice has another name", "jobs in which a voice has another name"),
                     ("the summary leaves lines out", "jobs whose summary leaves lines out")):
        figures.none("N2", row, len(tally.different.get(how, ())))
        _explain(figures, tally, tally.different.get(how, []))
    for how in ("in another order", "another language"):
        if how in tally.different:
            figures.remark(f"{len(tally.different[how])} jobs: {how} (no limit set)")
            _explain(figures, tally, tally.different[how])
    figures.none("N2", "ledger lines left under way", under_way)
    figures.none("N4", "remote files that the ledger did not know", tally.files_unknown)
    figures.none("N4", f"of {tally.uploads} uploads, left on the service after the last sweep", tally.files_left)
    figures.remark("waited with: " + "; ".join(f"{count} x {why[:60]}" for why, count in tally.why.most_common()))


def _explain(figures: Figures, tally: Tally, different: list[tuple[str, Counter[str]]]) -> None:
    """Which faults such jobs met, and what part of all jobs with that fault they are."""
    if not different:
        return
    in_jobs = Counter(name for _, met in different for name in met)
    of_all = Counter(name for met in tally.met for name in met)
    by_share = sorted(in_jobs, key=lambda name: -in_jobs[name] / of_all[name])
    figures.remark("met by them, of all jobs that met it: " + ", ".join(
        f"{name} {in_jobs[name]} of {of_all[name]}" for name in by_share[:5]))
    for job, met in different[:20]:
        figures.remark(f"  {job}: {', '.join(f'{count} x {name}' for name, count in met.items())}")
