"""A part whose answer is not usable is heard once more, in halves when it is long; nothing is paid for twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pytest
import soundfile

from desktop.doubts import NO_VOICE
from desktop.engines import Clip, Wishes, make_engine
from desktop.errors import Cancelled, EngineError
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import Job, JobState, Part, PartState, Progress, Recording, Segment, TimeRange, ignore_progress
from desktop.paths import data_folder
from desktop.sending import LibraryGate
from desktop.transcription import REPEATED, Options, run_job, start_job
from tests.clips import KEY, gemini
from tests.fakes import FakeEngine, Reports
from tests.gemini_service import Fault, GeminiService, Heard, Locator, truth_answer
from tests.sounds import INTERVIEW, silence, tone, turns, write_wav

OPTIONS = Options("fake", "fake-1")
STUCK = [(0.1 + n, 0.9 + n, "Ann", "And so it is then.") for n in range(6)]
ENDLESS = "and then we went to the market again, " * 40
UNUSABLE = {"unreadable": "{bad", "looped": STUCK, "one endless line": [(0.1, 9.0, "Ann", ENDLESS)]}


@pytest.fixture
def recording(library: Library, cache: Path, tmp_path: Path) -> Recording:
    """Two minutes: sixty tones with pauses, tone n at second 2n."""
    return import_audio(library, cache, write_wav(tmp_path / "a.wav", turns(60)), ignore_progress).recording


def truth(clip: Clip) -> list[tuple[float, float, str, str]]:
    """The tones that lie in the clip as lines, at the clip's own times."""
    return [(2.0 * n - clip.start, 2.0 * n + 1 - clip.start, "Ann" if n % 2 else "Bob", f"first{n} second{n}")
            for n in range(60) if clip.start - 0.01 <= 2 * n and 2 * n + 1 <= clip.start + clip.seconds + 0.01]


def spoiling(calls: Collection[int], bad: object) -> Callable[[int, Clip, Wishes], object]:
    """The truth but in these calls, which get `bad` as their answer, or raise it."""
    return lambda call, clip, wishes: bad if call in calls else truth(clip)


def new_job(library: Library, cache: Path, recording: Recording, engine: FakeEngine) -> Job:
    return start_job(library, cache, recording, engine, OPTIONS)


def run(library: Library, cache: Path, job: Job, engine: FakeEngine,
        report: Callable[[Progress], None] = ignore_progress) -> Job:
    return run_job(library, cache, job.id, engine, report)


def lines(library: Library, job: Job) -> list[tuple[float, float, str]]:
    return [(round(s.start, 2), round(s.end, 2), s.text) for s in library.segments(job.transcript_id)]


def stretches(engine: FakeEngine) -> list[TimeRange]:
    return [TimeRange(clip.start, clip.start + clip.seconds) for clip, _ in engine.calls]


def sent(part: Part) -> TimeRange:
    """What goes out for a part as a whole."""
    return TimeRange(part.start - part.lead_in, part.end)


def halves_kept(library: Library, job: Job, index: int) -> int:
    answer = library.answer(job.id, index) or "{}"
    halves = json.loads(answer).get("halves", []) if answer.startswith('{"halves"') else []
    return sum(text is not None for _, text in halves)


# With an engine that does as it is told

@pytest.mark.parametrize("overlap", [0.0, 3.0])
@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("bad", UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_part_is_heard_in_two_halves_with_the_right_times(
        library: Library, cache: Path, recording: Recording, bad: object, index: int, overlap: float) -> None:
    fine = FakeEngine(spoiling([], None), longest_part=55.0, overlap=overlap)
    undisturbed = run(library, cache, new_job(library, cache, recording, fine), fine)
    engine, reports = FakeEngine(spoiling([index], bad), longest_part=55.0, overlap=overlap), Reports()
    job = run(library, cache, new_job(library, cache, recording, engine), engine, reports)
    assert job.state is JobState.DONE and len(job.parts) >= 3
    assert lines(library, job) == lines(library, undisturbed)
    assert len(lines(library, job)) == 60
    assert not any(s.flags for s in library.segments(job.transcript_id))

    asked = stretches(engine)
    assert len(asked) == len(job.parts) + 2
    whole, first, second = asked[index:index + 3]
    assert whole == sent(job.parts[index])
    assert (first.start, first.end, second.end) == pytest.approx((whole.start, second.start, whole.end))
    assert 0.3 < first.seconds / whole.seconds < 0.7
    assert [wishes.lead_in for _, wishes in engine.calls[index:index + 3]] == [
        job.parts[index].lead_in, job.parts[index].lead_in, 0.0]
    assert sum("two halves" in sentence for sentence in reports.sentences) >= 1
    fractions = [report.fraction for report in reports]
    assert max(fractions) <= 1.0 and fractions[-1] == pytest.approx(1.0)


def test_the_border_of_the_halves_lies_in_a_pause(library: Library, cache: Path, recording: Recording) -> None:
    engine = FakeEngine(spoiling([0], "{bad"), longest_part=55.0)
    run(library, cache, new_job(library, cache, recording, engine), engine)
    border = stretches(engine)[2].start
    assert 1.05 < border % 2 < 1.95


def test_the_first_half_is_on_disk_before_the_second_is_asked_for(library: Library, cache: Path,
                                                                  recording: Recording) -> None:
    kept: list[str | None] = []

    def script(call: int, clip: Clip, wishes: Wishes) -> object:
        kept.append(library.answer(job.id, 0))
        return "{bad" if call == 0 else truth(clip)

    engine = FakeEngine(script, longest_part=55.0)
    job = new_job(library, cache, recording, engine)
    run(library, cache, job, engine)
    assert kept[0] is None and [text for _, text in json.loads(kept[1] or "")["halves"]] == [None, None]
    (offset, answer), (_, missing) = json.loads(kept[2] or "")["halves"]
    assert missing is None
    assert offset == 0.0 and json.loads(answer)["segments"][0][3] == "first0 second0"
    both = json.loads(library.answer(job.id, 0) or "")["halves"]
    assert [offset for offset, _ in both] == pytest.approx([0.0, stretches(engine)[2].start])


@pytest.mark.parametrize("error", [
    Cancelled, KeyboardInterrupt, MemoryError, lambda: EngineError("network", "Lost."),
    lambda: EngineError("refused", "No answer here.")], ids=["stop", "kill", "bug", "network", "refused"])
@pytest.mark.parametrize("index", [0, 1])
def test_after_any_end_between_the_halves_only_the_second_is_asked_for(
        library: Library, cache: Path, recording: Recording, index: int, error: Callable[[], BaseException]) -> None:
    def script(call: int, clip: Clip, wishes: Wishes) -> object:
        return "{bad" if call == index else error() if call >= index + 2 else truth(clip)

    engine = FakeEngine(script, longest_part=55.0, overlap=3.0)
    job = new_job(library, cache, recording, engine)
    job = library.job(job.id)
    if getattr(error(), "kind", "") == "refused":  # of this part alone; the script says it of the rest as well
        assert run(library, cache, job, engine).state is JobState.FAILED
        rest = len(job.parts) - index
    else:
        with pytest.raises(type(error())):
            run(library, cache, job, engine)
        assert len(engine.calls) == index + 3
        rest = len(job.parts) - index
    assert halves_kept(library, job, index) == 1
    missing = library.transcript(job.transcript_id).missing
    assert missing[0].start == pytest.approx(job.parts[index].start)

    reopened = Library(data_folder())  # the program is started anew
    try:
        reopened.pause_running_jobs()
        again = FakeEngine(spoiling([], None), longest_part=55.0, overlap=3.0)
        assert run(reopened, cache, job, again).state is JobState.DONE
        assert len(again.calls) == rest
        assert stretches(again)[0] == stretches(engine)[index + 2]
        assert len(lines(reopened, job)) == 60
        assert [text for _, _, text in lines(reopened, job)] == [f"first{n} second{n}" for n in range(60)]
    finally:
        reopened.close()


def test_a_stop_by_the_user_after_the_first_half_keeps_it(library: Library, cache: Path,
                                                          recording: Recording) -> None:
    engine = FakeEngine(spoiling([0], STUCK), longest_part=55.0)
    job = new_job(library, cache, recording, engine)
    with pytest.raises(Cancelled):
        run(library, cache, job, engine, Reports(lambda progress: halves_kept(library, job, 0) == 1))
    assert len(engine.calls) == 2 and library.job(job.id).problem == ""
    again = FakeEngine(spoiling([], None), longest_part=55.0)
    assert run(library, cache, job, again).state is JobState.DONE
    assert len(again.calls) == len(job.parts)  # the second half, and the other parts
    assert len(lines(library, job)) == 60


def test_a_death_after_both_halves_asks_for_neither(library: Library, cache: Path, recording: Recording) -> None:
    engine = FakeEngine(spoiling([0], "{bad"), longest_part=55.0)
    job = new_job(library, cache, recording, engine)
    real = engine.read

    def read(answer: str) -> object:
        if halves_kept(library, job, 0) == 2:
            raise KeyboardInterrupt
        return real(answer)

    engine.read = read  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        run(library, cache, job, engine)
    again = FakeEngine(spoiling([], None), longest_part=55.0)
    assert run(library, cache, job, again).state is JobState.DONE
    assert len(engine.calls) == 3 and len(again.calls) == len(job.parts) - 1
    assert len(lines(library, job)) == 60


@pytest.mark.parametrize("when", ["said", "asked"])
def test_a_stop_before_the_first_half_does_not_ask_for_the_whole_again(library: Library, cache: Path,
                                                                       recording: Recording, when: str) -> None:
    engine = FakeEngine(lambda call, clip, wishes: ["{bad", Cancelled()][call], longest_part=55.0)
    job = new_job(library, cache, recording, engine)
    with pytest.raises(Cancelled):
        run(library, cache, job, engine,
            Reports(lambda progress: when == "said" and "two halves" in str(progress.sentence)))
    again = FakeEngine(spoiling([], None), longest_part=55.0)
    run(library, cache, job, again)
    assert len(again.calls) == len(job.parts) + 1, "the whole part was paid for twice"


def test_a_looped_answer_that_arrived_before_a_death_is_judged_all_the_same(library: Library, cache: Path,
                                                                            recording: Recording) -> None:
    engine = FakeEngine(spoiling([0], STUCK), longest_part=55.0)
    job = new_job(library, cache, recording, engine)

    def read(answer: str) -> object:
        raise KeyboardInterrupt

    engine.read = read  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        run(library, cache, job, engine)
    again = FakeEngine(spoiling([], None), longest_part=55.0)
    run(library, cache, job, again)
    assert len(again.calls) == len(job.parts) + 1 and len(lines(library, job)) == 60


@pytest.mark.parametrize("bad", UNUSABLE.values(), ids=UNUSABLE)
def test_a_short_part_is_asked_for_again_as_a_whole(library: Library, cache: Path, recording: Recording,
                                                    bad: object) -> None:
    engine, reports = FakeEngine(spoiling([1], bad), longest_part=25.0), Reports()
    job = run(library, cache, new_job(library, cache, recording, engine), engine, reports)
    assert job.state is JobState.DONE and len(engine.calls) == len(job.parts) + 1
    assert stretches(engine)[1] == stretches(engine)[2] == sent(job.parts[1])
    assert len(lines(library, job)) == 60
    assert any("asking once more" in sentence for sentence in reports.sentences)
    assert not any("halves" in sentence for sentence in reports.sentences)


@pytest.mark.parametrize("broken_half", [1, 2, 3], ids=["first", "second", "both"])
def test_halves_that_stay_broken_fail_the_part_alone(library: Library, cache: Path, recording: Recording,
                                                     broken_half: int) -> None:
    bad = {1: [0, 1], 2: [0, 2], 3: [0, 1, 2]}[broken_half]
    engine = FakeEngine(spoiling(bad, "{bad"), longest_part=55.0)
    job = run(library, cache, new_job(library, cache, recording, engine), engine)
    assert job.state is JobState.FAILED and "cannot be read" in job.problem
    assert [part.state for part in job.parts] == [PartState.FAILED] + [PartState.STORED] * (len(job.parts) - 1)
    assert job.parts[0].problem == job.problem
    assert len(engine.calls) == len(job.parts) + 2  # one second chance, not more
    assert library.transcript(job.transcript_id).missing == (TimeRange(0.0, job.parts[0].end),)
    assert [text for _, _, text in lines(library, job)][-1] == "first59 second59"

    again = FakeEngine(spoiling([], None), longest_part=55.0)
    assert run(library, cache, job, again).state is JobState.DONE
    assert 1 <= len(again.calls) <= 2 and len(lines(library, job)) == 60


def test_lines_that_stay_looped_are_kept_and_marked(library: Library, cache: Path, recording: Recording) -> None:
    def script(call: int, clip: Clip, wishes: Wishes) -> object:
        stuck = [(start + 7, end + 7, who, text) for start, end, who, text in STUCK]
        return truth(clip) if call > 4 else [*truth(clip)[:3], *stuck]

    engine = FakeEngine(script, longest_part=55.0)
    job = run(library, cache, new_job(library, cache, recording, engine), engine)
    assert job.state is JobState.DONE and len(engine.calls) == len(job.parts) + 4  # each half twice
    segments = library.segments(job.transcript_id)
    stuck = [segment for segment in segments if segment.text == STUCK[0][3]]
    assert len(stuck) == 12 and all(REPEATED in segment.flags for segment in stuck)
    assert not any(REPEATED in segment.flags for segment in segments if segment.text != STUCK[0][3])


@pytest.mark.parametrize("text", [ENDLESS, "no, " * 200],
                         ids=["sentence", "word"])
def test_one_line_that_stays_looped_is_marked(library: Library, cache: Path, recording: Recording, text: str) -> None:
    def script(call: int, clip: Clip, wishes: Wishes) -> object:
        return truth(clip) if call > 4 else [*truth(clip)[:3], (7.0, 12.0, "Ann", text)]

    engine = FakeEngine(script, longest_part=55.0)
    job = run(library, cache, new_job(library, cache, recording, engine), engine)
    segments = library.segments(job.transcript_id)
    stuck = [segment for segment in segments if segment.text.startswith(text[:10])]
    assert stuck and all(REPEATED in segment.flags for segment in stuck)
    assert not any(REPEATED in segment.flags for segment in segments if segment not in stuck)


def test_honest_repeats_are_not_marked(library: Library, cache: Path, recording: Recording) -> None:
    engine = FakeEngine(lambda call, clip, wishes: [(n * 2.0, n * 2 + 1.0, "Ann", "No.") for n in range(8)],
                        longest_part=55.0)
    job = run(library, cache, new_job(library, cache, recording, engine), engine)
    assert len(engine.calls) == len(job.parts)
    assert not any(REPEATED in segment.flags for segment in library.segments(job.transcript_id))


def test_text_over_silence_is_marked_and_what_was_said_is_not(library: Library, cache: Path, tmp_path: Path) -> None:
    samples = np.concatenate([turns(5), silence(10), tone(4), silence(6)])
    quiet = import_audio(library, cache, write_wav(tmp_path / "b.wav", samples), ignore_progress).recording
    engine = FakeEngine(lambda call, clip, wishes: [
        (0.0, 1.0, "Ann", "said"), (4.0, 9.0, "Bob", "said with pauses"), (11.0, 15.0, "Ann", "Thanks for watching."),
        (19.0, 20.6, "Ann", "begins early"), (20.6, 24.0, "Bob", "said too"), (25.0, 25.4, "Ann", "Oh."),
        (27.0, 30.0, "Bob", "Subtitles by nobody.")], longest_part=55.0)
    job = run(library, cache, new_job(library, cache, quiet, engine), engine)
    marked = {segment.text: segment.flags for segment in library.segments(job.transcript_id)}
    assert len(marked) == 7
    assert {text for text, flags in marked.items() if NO_VOICE in flags} == {"Thanks for watching.",
                                                                            "Subtitles by nobody."}


def test_a_part_heard_late_in_halves_leaves_no_words_twice(library: Library, cache: Path,
                                                           recording: Recording) -> None:
    """Part 1 fails with both halves, part 2 is stored; part 1 is heard later, in halves again."""
    engine = FakeEngine(spoiling([1, 2, 3], "{bad"), longest_part=55.0, overlap=3.0)
    job = run(library, cache, new_job(library, cache, recording, engine), engine)
    assert [part.state for part in job.parts].count(PartState.FAILED) == 1
    late = FakeEngine(spoiling([], None), longest_part=55.0, overlap=3.0)
    assert run(library, cache, job, late).state is JobState.DONE
    assert [text for _, _, text in lines(library, job)] == [f"first{n} second{n}" for n in range(60)]


def test_a_part_after_one_in_halves_fits_when_that_one_comes_late(library: Library, cache: Path,
                                                                  recording: Recording) -> None:
    """Part 1 cannot be heard; part 2 is heard in halves; then part 1 comes and part 2 is fitted from its halves."""
    refused = EngineError("refused", "No.")

    def script(call: int, clip: Clip, wishes: Wishes) -> object:
        return refused if call == 1 else "{bad" if call == 2 else truth(clip)

    engine = FakeEngine(script, longest_part=55.0, overlap=3.0)
    job = run(library, cache, new_job(library, cache, recording, engine), engine)
    assert halves_kept(library, job, 2) == 2
    late = FakeEngine(spoiling([], None), longest_part=55.0, overlap=3.0)
    assert run(library, cache, job, late).state is JobState.DONE and len(late.calls) == 1
    assert [text for _, _, text in lines(library, job)] == [f"first{n} second{n}" for n in range(60)]


def test_the_second_half_is_told_who_spoke_in_the_first(library: Library, cache: Path, recording: Recording) -> None:
    engine = FakeEngine(spoiling([0], "{bad"), longest_part=55.0)
    run(library, cache, new_job(library, cache, recording, engine), engine)
    wishes = engine.calls[2][1]
    assert wishes.known_speakers == ("Bob", "Ann") and wishes.last_lines


def test_labels_that_begin_anew_in_the_second_half_are_not_taken_for_the_same_voices(
        library: Library, cache: Path, recording: Recording) -> None:
    """An engine that numbers its voices from 0 in each request; the second half begins with the other voice."""
    def script(call: int, clip: Clip, wishes: Wishes) -> object:
        numbers: dict[str, str] = {}
        return "{bad" if call == 0 else [(start, end, numbers.setdefault(who, f"spk:{len(numbers)}"), text)
                                         for start, end, who, text in truth(clip)]

    engine = FakeEngine(script, longest_part=55.0)
    engine.labels_restart = True  # type: ignore[attr-defined]
    job = start_job(library, cache, recording, engine, Options("fake", "fake-1", TimeRange(0.0, 42.0)))
    job = run(library, cache, job, engine)
    assert job.state is JobState.DONE and len(job.parts) == 1 and len(engine.calls) == 3
    voices: dict[int | None, set[int]] = {}
    for number, segment in enumerate(library.segments(job.transcript_id)):
        voices.setdefault(segment.speaker_id, set()).add(number % 2)
    assert all(len(people) == 1 for people in voices.values()), "two people are one speaker"


# With the stand-in and the real SDK; it may be asked for several parts at a time, so calls are known by their sound

SPOKEN, _ = soundfile.read(INTERVIEW, dtype="float32")
FIND = Locator(SPOKEN)


@pytest.fixture
def interview(library: Library, cache: Path, service: GeminiService) -> Recording:
    """Three minutes whose truth the stand-in knows."""
    reference = json.loads(INTERVIEW.with_suffix(".json").read_text("utf-8"))["segments"]
    service.answer = truth_answer(reference, FIND)
    return import_audio(library, cache, INTERVIEW, ignore_progress).recording


def gemini_job(library: Library, cache: Path, interview: Recording) -> Job:
    """Planned in parts of a minute, long enough for halves."""
    engine = make_engine("gemini", "gemini-3.8-flash", key=KEY, url="http://127.0.0.1:9/")
    engine.longest_part = 60.0
    job = start_job(library, cache, interview, engine, Options("gemini", engine.model))
    engine.close()
    assert len(job.parts) >= 4 and all(part.end - part.start >= 30 for part in job.parts[:3])
    return job


def place_of(heard: Heard) -> TimeRange:
    """Where in the recording the clip of a call lies."""
    offset = FIND(heard.audio[0])
    assert offset is not None
    return TimeRange(offset, offset + heard.seconds)


def is_of(heard: Heard, part: Part) -> bool:
    """Whether a call is for a part or a piece of it, and not for one beside it."""
    place, whole = place_of(heard), sent(part)
    return whole.start - 0.02 <= place.start and place.end <= whole.end + 0.02 and heard.seconds > 5


def is_whole(heard: Heard, part: Part) -> bool:
    return is_of(heard, part) and abs(heard.seconds - sent(part).seconds) < 0.02


def calls_of(service: GeminiService, part: Part) -> list[TimeRange]:
    return [place_of(heard) for heard in service.heard if is_of(heard, part)]


def check_whole_and_halves(places: list[TimeRange], part: Part) -> None:
    """One call for the whole part, then one for each half."""
    whole, first, second = places
    assert (whole.start, whole.end) == pytest.approx((sent(part).start, sent(part).end), abs=0.02)
    assert (first.start, first.end, second.end) == pytest.approx((whole.start, second.start, whole.end), abs=0.02)
    assert 0.3 < first.seconds / whole.seconds < 0.7


def words_of(segments: list[Segment]) -> list[str]:
    return " ".join(segment.text for segment in segments).split()


def check_same(got: list[Segment], wanted: list[Segment]) -> None:
    """The same words; lines that both have begin within 0.3 s of each other."""
    assert words_of(got) == words_of(wanted)
    starts = {segment.text: segment.start for segment in wanted}
    both = [(segment.start, starts[segment.text]) for segment in got if segment.text in starts]
    assert len(both) >= 0.9 * len(wanted)
    assert max(abs(a - b) for a, b in both) <= 0.3


def undisturbed(library: Library, cache: Path, service: GeminiService, interview: Recording) -> list[Segment]:
    service.stop_failing()
    job = gemini_job(library, cache, interview)
    run_job(library, cache, job.id, gemini(service), ignore_progress)
    return library.segments(job.transcript_id)


FAULTS = {"looped": Fault.looped_text(), "half the JSON": Fault.bad_json_text(),
          "incomplete": Fault.interaction_status("incomplete"), "empty": Fault.empty_output()}


def whole_part_fails(service: GeminiService, part: Part, fault: Fault) -> None:
    service.fail_when(lambda request: request.parsed is not None and is_whole(request.parsed, part), fault)


@pytest.mark.parametrize("fault", [
    pytest.param(fault, id=name)
    for name, fault in FAULTS.items()])
@pytest.mark.parametrize("index", [0, 1])
def test_gemini_is_asked_for_the_halves_once(library: Library, cache: Path, service: GeminiService,
                                             interview: Recording, fault: Fault, index: int) -> None:
    job = gemini_job(library, cache, interview)
    whole_part_fails(service, job.parts[index], fault)
    engine = make_engine("gemini", "gemini-3.8-flash", key=KEY, url=service.url,
                         gate=LibraryGate(library, interview.id, consent=True))
    job = run_job(library, cache, job.id, engine, ignore_progress)
    assert job.state is JobState.DONE, job.problem
    assert len(service.heard) == len(job.parts) + 2
    check_whole_and_halves(calls_of(service, job.parts[index]), job.parts[index])

    ledger = library.sendings(interview.id)  # a line for each half
    assert len(ledger) == len(service.heard) and all(line.outcome == "answered" for line in ledger)
    noted = sorted((line.cargo.range.start, line.cargo.range.end) for line in ledger if line.cargo.range)
    heard = sorted((place.start, place.end) for place in map(place_of, service.heard))
    assert np.allclose(noted, heard, atol=0.02)
    check_same(library.segments(job.transcript_id), undisturbed(library, cache, service, interview))


@pytest.mark.parametrize("fault", [FAULTS["looped"], FAULTS["half the JSON"]], ids=["looped", "half the JSON"])
@pytest.mark.parametrize("index", [0, 2])
def test_gemini_is_not_asked_twice_for_a_half_after_a_stop(library: Library, cache: Path, service: GeminiService,
                                                           interview: Recording, fault: Fault, index: int) -> None:
    job = gemini_job(library, cache, interview)
    part = job.parts[index]
    whole_part_fails(service, part, fault)
    with pytest.raises(Cancelled):
        run_job(library, cache, job.id, gemini(service),
                Reports(lambda progress: halves_kept(library, job, index) == 1))
    assert len(calls_of(service, part)) == 2
    assert run_job(library, cache, job.id, gemini(service), ignore_progress).state is JobState.DONE
    check_whole_and_halves(calls_of(service, part), part)
    for before in job.parts[:index]:
        assert len(calls_of(service, before)) == 1
    check_same(library.segments(job.transcript_id), undisturbed(library, cache, service, interview))


def test_a_stop_while_gemini_hears_the_second_half_keeps_the_first(library: Library, cache: Path,
                                                                   service: GeminiService,
                                                                   interview: Recording) -> None:
    job = gemini_job(library, cache, interview)
    part, slow = job.parts[0], [True]
    whole_part_fails(service, part, Fault.bad_json_text())

    def is_second(heard: Heard) -> bool:
        return is_of(heard, part) and place_of(heard).start > part.start + 5

    service.delay = lambda heard: 60.0 if slow and is_second(heard) else 0.0  # type: ignore[method-assign]
    with pytest.raises(Cancelled):
        run_job(library, cache, job.id, gemini(service), Reports(lambda p: any(map(is_second, service.heard))))
    slow.clear()
    assert halves_kept(library, job, 0) == 1
    assert run_job(library, cache, job.id, gemini(service), ignore_progress).state is JobState.DONE
    whole, first, second, second_again = calls_of(service, part)
    check_whole_and_halves([whole, first, second], part)
    assert second == second_again


@pytest.mark.parametrize("fault", [FAULTS["half the JSON"], FAULTS["incomplete"]],
                         ids=["half the JSON", "incomplete"])
def test_a_part_that_gemini_cannot_hear_fails_alone_with_a_sentence(
        library: Library, cache: Path, service: GeminiService, interview: Recording, fault: Fault) -> None:
    job = gemini_job(library, cache, interview)
    part = job.parts[0]
    service.fail_when(lambda request: request.parsed is not None and is_of(request.parsed, part), fault)
    job = run_job(library, cache, job.id, gemini(service), ignore_progress)
    assert job.state is JobState.FAILED and job.parts[0].problem.endswith(".")
    assert [part.state for part in job.parts] == [PartState.FAILED] + [PartState.STORED] * (len(job.parts) - 1)
    assert 1 <= len(calls_of(service, part)) <= 3
    service.stop_failing()
    again = run_job(library, cache, job.id, gemini(service), ignore_progress)
    assert again.state is JobState.DONE and library.transcript(job.transcript_id).missing == ()
    for each in service.heard:
        assert sum(place_of(each) == place_of(other) for other in service.heard) <= 2


def test_a_part_heard_late_leaves_no_line_of_the_interview_twice(library: Library, cache: Path,
                                                                 service: GeminiService, interview: Recording) -> None:
    job = gemini_job(library, cache, interview)
    refusal = Fault.status(400, "invalid_request")
    service.fail_when(lambda request: request.parsed is not None and is_of(request.parsed, job.parts[0]), refusal)
    assert run_job(library, cache, job.id, gemini(service), ignore_progress).state is JobState.FAILED
    service.stop_failing()
    assert run_job(library, cache, job.id, gemini(service), ignore_progress).state is JobState.DONE
    wanted = undisturbed(library, cache, service, interview)
    check_same(library.segments(job.transcript_id), wanted)


def test_what_gemini_repeats_for_ever_is_kept_and_marked(library: Library, cache: Path, service: GeminiService,
                                                         interview: Recording) -> None:
    job = gemini_job(library, cache, interview)
    part = job.parts[0]
    service.fail_when(lambda request: request.parsed is not None and is_of(request.parsed, part), Fault.looped_text())
    job = run_job(library, cache, job.id, gemini(service), ignore_progress)
    assert job.state is JobState.DONE and len(service.heard) == len(job.parts) + 4  # each half twice
    segments = library.segments(job.transcript_id)
    stuck = [segment for segment in segments if segment.text.count("to the market again") > 10]
    assert len(stuck) == 2 and all(REPEATED in segment.flags for segment in stuck)
    assert not any(REPEATED in segment.flags for segment in segments if segment not in stuck)
