"""A job can be stopped, lost and continued at any point; what was heard is kept and never asked for again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.audio.cache import CacheFiles
from desktop.audio.peaks import Peaks
from desktop.engines import Clip, Wishes
from desktop.errors import Cancelled, EngineError, UserError
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import Job, JobState, PartState, Progress, Recording, TimeRange, ignore_progress
from desktop.transcription import Options, PartStored, plan, run_job, start_job
from tests.fakes import FakeEngine, Reports
from tests.sounds import turns, write_wav

OPTIONS = Options("fake", "fake-1")


@pytest.fixture
def recording(library: Library, cache: Path, tmp_path: Path) -> Recording:
    """Forty seconds: twenty tones with pauses, so five parts for the fake engine."""
    return import_audio(library, cache, write_wav(tmp_path / "a.wav", turns(20)), ignore_progress).recording


def texts(library: Library, job: Job) -> list[str]:
    return [segment.text for segment in library.segments(job.transcript_id)]


def failing_at(call: int, error: Callable[[], BaseException]) -> Callable[[int, Clip, Wishes], object]:
    def script(number: int, clip: Clip, wishes: Wishes) -> object:
        return error() if number == call else [(0.5, 1.5, "Ann", f"line {number}")]
    return script


def network() -> EngineError:
    return EngineError("network", "The connection was lost.")


def run(library: Library, cache: Path, job: Job, engine: FakeEngine,
        report: Callable[[Progress], None] = ignore_progress) -> Job:
    return run_job(library, cache, job.id, engine, report)


def test_all_parts_are_heard_and_stored_in_order(library: Library, cache: Path, recording: Recording) -> None:
    engine, reports = FakeEngine(), Reports()
    job = run(library, cache, start_job(library, cache, recording, engine, OPTIONS), engine, reports)
    assert job.state is JobState.DONE and engine.closed == 1
    assert len(job.parts) >= 4 and all(part.state is PartState.STORED for part in job.parts)
    assert texts(library, job) == [f"line {n}" for n in range(len(job.parts))]
    assert [p.index for p in reports.payloads if isinstance(p, PartStored)] == list(range(len(job.parts)))
    fractions = [report.fraction for report in reports if report.sentence != "Drawing the waveform"]
    assert fractions == sorted(fractions) and fractions[-1] == pytest.approx(1.0)
    assert library.transcript(job.transcript_id).missing == ()


def test_each_part_is_in_the_library_before_the_next_is_asked_for(library: Library, cache: Path,
                                                                  recording: Recording) -> None:
    seen: list[list[str]] = []

    def script(call: int, clip: Clip, wishes: Wishes) -> object:
        seen.append(texts(library, job))
        return [(0.5, 1.5, "Ann", f"line {call}")]

    engine = FakeEngine(script)
    job = start_job(library, cache, recording, engine, OPTIONS)
    run(library, cache, job, engine)
    assert [len(lines) for lines in seen] == list(range(len(job.parts)))


@pytest.mark.parametrize("error", [Cancelled, network, KeyboardInterrupt, MemoryError], ids=lambda e: e.__name__)
@pytest.mark.parametrize("at", [0, 2, 3])
def test_after_any_end_only_the_missing_parts_are_asked_for(library: Library, cache: Path, recording: Recording,
                                                            at: int, error: Callable[[], BaseException]) -> None:
    first = FakeEngine(failing_at(at, error))
    job = start_job(library, cache, recording, first, OPTIONS)
    with pytest.raises(type(error())):
        run(library, cache, job, first)
    waiting = library.job(job.id)
    assert waiting.state is JobState.WAITING and first.closed == 1
    assert [part.state is PartState.STORED for part in waiting.parts] == [n < at for n in range(len(job.parts))]
    assert library.transcript(job.transcript_id).missing[0].start == pytest.approx(job.parts[at].start)
    second = FakeEngine(lambda call, clip, wishes: [(0.5, 1.5, "Ann", f"line {call + at}")])
    done = run(library, cache, job, second)
    assert done.state is JobState.DONE and len(second.calls) == len(job.parts) - at
    assert texts(library, job) == [f"line {n}" for n in range(len(job.parts))]


def test_a_lost_network_is_said_and_kept_with_the_job(library: Library, cache: Path, recording: Recording) -> None:
    engine = FakeEngine(failing_at(1, network))
    job = start_job(library, cache, recording, engine, OPTIONS)
    with pytest.raises(EngineError):
        run(library, cache, job, engine)
    assert library.job(job.id).problem == "The connection was lost."
    assert library.unfinished_jobs()[0].parts[1].problem == "The connection was lost."
    assert len(engine.calls) == 2


def test_a_stop_is_no_problem(library: Library, cache: Path, recording: Recording) -> None:
    engine = FakeEngine(failing_at(1, Cancelled))
    job = start_job(library, cache, recording, engine, OPTIONS)
    with pytest.raises(Cancelled):
        run(library, cache, job, engine)
    waiting = library.job(job.id)
    assert waiting.problem == "" and {p.state for p in waiting.parts[1:]} == {PartState.PLANNED}


def test_the_raw_answer_is_on_disk_before_it_is_read(library: Library, cache: Path, recording: Recording) -> None:
    engine = FakeEngine()
    job = start_job(library, cache, recording, engine, OPTIONS)
    real, seen = engine.read, []

    def read(answer: str) -> object:
        seen.append(library.answer(job.id, len(seen)) == answer)
        return real(answer)

    engine.read = read  # type: ignore[method-assign, assignment]
    run(library, cache, job, engine)
    assert seen == [True] * len(job.parts)


def test_an_answer_that_arrived_is_never_asked_for_again(library: Library, cache: Path, recording: Recording) -> None:
    engine = FakeEngine()
    real, broken = engine.read, [True]

    def read(answer: str) -> object:
        if broken and len(engine.calls) == 3:
            broken.clear()
            raise KeyboardInterrupt  # the program dies between the answer and its reading
        return real(answer)

    engine.read = read  # type: ignore[method-assign, assignment]
    job = start_job(library, cache, recording, engine, OPTIONS)
    with pytest.raises(KeyboardInterrupt):
        run(library, cache, job, engine)
    assert library.job(job.id).parts[2].state is PartState.RECEIVED
    again = FakeEngine(lambda call, clip, wishes: [(0.5, 1.5, "Ann", f"line {call + 3}")])
    run(library, cache, job, again)
    assert len(engine.calls) == 3 and len(again.calls) == len(job.parts) - 3
    assert texts(library, job) == [f"line {n}" for n in range(len(job.parts))]


def test_a_stop_after_the_answer_keeps_the_answer(library: Library, cache: Path, recording: Recording) -> None:
    engine = FakeEngine()
    job = start_job(library, cache, recording, engine, OPTIONS)
    stop = Reports(lambda progress: isinstance(progress.payload, PartStored))
    with pytest.raises(Cancelled):
        run(library, cache, job, engine, stop)
    assert len(engine.calls) == 1 and library.answer(job.id, 0) is not None
    again = FakeEngine()
    run(library, cache, job, again)
    assert len(again.calls) == len(job.parts) - 1


def test_a_broken_answer_is_asked_for_once_more(library: Library, cache: Path, recording: Recording) -> None:
    engine = FakeEngine(lambda call, clip, wishes: "{bad" if call == 1 else [(0.5, 1.5, "Ann", f"line {call}")])
    reports = Reports()
    job = run(library, cache, start_job(library, cache, recording, engine, OPTIONS), engine, reports)
    assert job.state is JobState.DONE and len(engine.calls) == len(job.parts) + 1
    assert any("asking once more" in sentence for sentence in reports.sentences)


def test_a_part_that_stays_broken_is_marked_and_the_others_are_heard(library: Library, cache: Path,
                                                                     recording: Recording) -> None:
    engine = FakeEngine(lambda call, clip, wishes: "{bad" if call in (1, 2) else [(0.5, 1.5, "Ann", f"line {call}")])
    job = run(library, cache, start_job(library, cache, recording, engine, OPTIONS), engine)
    assert job.state is JobState.FAILED and job.problem
    assert [part.state for part in job.parts].count(PartState.FAILED) == 1
    (gap,) = library.transcript(job.transcript_id).missing
    assert (gap.start, gap.end) == (job.parts[1].start, job.parts[1].end)
    done = run(library, cache, job, again := FakeEngine())
    assert done.state is JobState.DONE and len(again.calls) == 1
    assert library.transcript(job.transcript_id).missing == ()


@pytest.mark.parametrize("kind", ["key", "quota", "model", "billing", "offline", "server"])
def test_what_would_fail_for_every_part_stops_the_job(library: Library, cache: Path, recording: Recording,
                                                      kind: str) -> None:
    engine = FakeEngine(failing_at(0, lambda: EngineError(kind, "No.")))
    job = start_job(library, cache, recording, engine, OPTIONS)
    with pytest.raises(EngineError):
        run(library, cache, job, engine)
    assert len(engine.calls) == 1




def test_what_two_parts_share_is_there_once(library: Library, cache: Path, recording: Recording) -> None:
    engine = FakeEngine(longest_part=12.0, overlap=3.0)
    job = start_job(library, cache, recording, engine, OPTIONS)
    engine._script = lambda call, clip, wishes: words_of(job, call, clip)
    run(library, cache, job, engine)
    check_words(library, job)


def words_of(job: Job, index: int, clip: Clip) -> object:
    """The words that lie in this part, each at its own second of the recording."""
    origin = job.parts[index].start - job.parts[index].lead_in
    first = int(np.ceil(origin))
    return [(second - origin, second - origin + 0.8, "Ann", f"first{second} second{second}")
            for second in range(first, int(origin + clip.seconds - 0.2))]


def check_words(library: Library, job: Job) -> None:
    words = " ".join(texts(library, job)).split()
    assert len(words) == len(set(words)), "a word is there twice"
    seconds = sorted({int(word.strip("firstecond")) for word in words})
    assert seconds[0] == 0 and seconds[-1] >= 38 and len(words) == 2 * len(seconds)
    assert len(seconds) >= 36


def test_a_part_heard_late_leaves_no_words_twice(library: Library, cache: Path, recording: Recording) -> None:
    engine = FakeEngine(longest_part=12.0, overlap=3.0)
    job = start_job(library, cache, recording, engine, OPTIONS)
    order = [0, None, None, *range(2, len(job.parts))]
    engine._script = lambda call, clip, wishes: (
        "{bad" if order[call] is None else words_of(job, int(order[call] or 0), clip))
    assert run(library, cache, job, engine).state is JobState.FAILED
    late = FakeEngine(lambda call, clip, wishes: words_of(job, 1, clip), longest_part=12.0, overlap=3.0)
    assert run(library, cache, job, late).state is JobState.DONE
    check_words(library, job)


def test_speakers_keep_their_names_over_the_parts(library: Library, cache: Path, recording: Recording) -> None:
    engine = FakeEngine(lambda call, clip, wishes: [(0.1, 1, "Ann", "a"), (1.5, 2, "Bob", "b")])
    job = run(library, cache, start_job(library, cache, recording, engine, OPTIONS), engine)
    assert [speaker.name for speaker in library.speakers(job.transcript_id)] == ["Ann", "Bob"]
    assert engine.calls[0][1].known_speakers == () and engine.calls[-1][1].known_speakers == ("Ann", "Bob")
    assert engine.calls[1][1].last_lines == ("a", "b")


def test_an_engine_that_names_nobody_has_one_speaker(library: Library, cache: Path, recording: Recording) -> None:
    engine = FakeEngine(lambda call, clip, wishes: [(0.1, 1, "", "a")], speakers=False)
    job = run(library, cache, start_job(library, cache, recording, engine, OPTIONS), engine)
    assert [speaker.name for speaker in library.speakers(job.transcript_id)] == ["Speaker"]


@pytest.mark.parametrize("time_range", [TimeRange(50, 60), TimeRange(5, 5), TimeRange(-3, 0)])
def test_an_empty_range_is_refused(library: Library, cache: Path, recording: Recording, time_range: TimeRange) -> None:
    with pytest.raises(UserError, match="0:40"):
        start_job(library, cache, recording, FakeEngine(), Options("fake", "fake-1", time_range))
    assert library.unfinished_jobs() == [] and library.transcripts(recording.id) == []


def test_a_range_has_the_times_of_the_recording(library: Library, cache: Path, recording: Recording) -> None:
    engine = FakeEngine(lambda call, clip, wishes: [(1.0, 2.0, "Ann", "here")])
    job = start_job(library, cache, recording, engine, Options("fake", "fake-1", TimeRange(20.0, 25.0)))
    run(library, cache, job, engine)
    (segment,) = library.segments(job.transcript_id)
    assert segment.start == 21.0 and engine.calls[0][0].seconds == 5.0
    assert len(engine.calls[0][0].speech) == 80_000


def test_a_cleaned_cache_is_made_again(library: Library, cache: Path, recording: Recording) -> None:
    engine = FakeEngine()
    for file in cache.iterdir():
        file.unlink()
    job = run(library, cache, start_job(library, cache, recording, engine, OPTIONS), engine)
    assert job.state is JobState.DONE and CacheFiles(cache, recording.sha256).complete()


def random_peaks(seconds: float, seed: int) -> Peaks:
    base = np.random.default_rng(seed).integers(0, 100, (int(seconds * 16_000 / 86) + 1, 3)).astype(np.int8)
    return Peaks.build(16_000, 86, base, int(seconds * 16_000))


@given(st.floats(0.2, 4000), st.floats(0, 500), st.floats(1, 700), st.floats(0, 0.2), st.integers(0, 9))
def test_a_plan_covers_the_range_in_parts_that_are_not_too_long(seconds: float, start: float, longest: float,
                                                                overlap_share: float, seed: int) -> None:
    overlap = longest * overlap_share
    if seconds / longest > 300:
        seconds = longest * 300
    parts = plan(random_peaks(min(start + seconds, 600), seed), TimeRange(start, start + seconds), longest=longest,
                 overlap=overlap)
    assert parts[0].start == start and parts[-1].end == start + seconds and parts[0].lead_in == 0
    assert all(before.end == after.start for before, after in pairwise(parts))
    assert all(part.end - part.start > 0 and part.end - part.start + part.lead_in <= longest + 1e-6 for part in parts)


def test_cuts_lie_in_silences(library: Library, cache: Path, recording: Recording) -> None:
    peaks = Peaks.load(CacheFiles(cache, recording.sha256).peaks)
    parts = plan(peaks, TimeRange(0, 40), longest=10, overlap=0)
    for part in parts[1:]:
        assert part.start % 2 > 1.1 or part.start % 2 < 0.05  # tone in the first second of every two
