"""Hear again: old and new lines find each other, and exactly what was ticked is taken over."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.audio.peaks import Peaks, Summary, bucket_size
from desktop.doubts import speech_without_text
from desktop.library import Library
from desktop.model import (
    Job,
    JobState,
    Part,
    PartState,
    Recording,
    RecordingState,
    Segment,
    TimeRange,
    Transcript,
    TranscriptDocument,
    Word,
)
from desktop.rehearing import Pairing, change_for, compare
from tests.desk import rename
from tests.sounds import silence, tone

TALK = Recording(1, "Talk", "f", "o", "0" * 64, 100.0, 16_000, 1, "2026-11-22T00:00:00+00:00", RecordingState.READY)


def document(*segments: Segment, start: float = 0.0, end: float = 100.0,
             missing: tuple[TimeRange, ...] = ()) -> TranscriptDocument:
    """A transcript of a range with these lines."""
    transcript = Transcript(1, 1, "fake", "fake-1", "2026-11-22", TimeRange(start, end), missing=missing)
    return TranscriptDocument(TALK, transcript, {}, segments)


def said(start: float, end: float, text: str, speaker: int | None = None) -> Segment:
    return Segment(start, end, text, speaker)


def texts(pairings: list[Pairing]) -> list[tuple[list[str], list[str]]]:
    return [([s.text for s in pairing.old], [s.text for s in pairing.new]) for pairing in pairings]


# Pairing

def test_lines_that_are_the_same_find_each_other() -> None:
    old = document(said(0, 4, "Good morning,  Steve."), said(5, 9, "Good MORNING, Katie."), said(10, 12, "So?"))
    new = document(said(0.3, 4.2, "good morning, Steve."), said(4.8, 9.2, "Good morning, Katie."),
                   said(10.1, 12, "No?"))
    pairings = compare(old, new)
    assert [(len(pairing.old), len(pairing.new)) for pairing in pairings] == [(1, 1)] * 3
    assert [pairing.is_same for pairing in pairings] == [True, True, False]
    assert [pairing.start for pairing in pairings] == [0, 4.8, 10]


@pytest.mark.parametrize("swap", [False, True], ids=["split", "merged"])
def test_split_and_merged_lines_are_one_pair(swap: bool) -> None:
    long = document(said(0, 4, "Before."), said(5, 15, "One two three. Four five six."), said(16, 18, "After."))
    short = document(said(0, 4, "Before."), said(5, 9.8, "One two three."), said(10, 15, "Four five six."),
                     said(16, 18, "After."))
    pairings = compare(short, long) if swap else compare(long, short)
    expected = ["One two three. Four five six."], ["One two three.", "Four five six."]
    assert texts(pairings)[1] == (expected[::-1] if swap else expected)
    assert len(pairings) == 3 and all(pairing.is_same for pairing in pairings)


def test_lines_cut_at_other_places_are_one_pair() -> None:
    old = document(said(0, 6, "a b c"), said(6, 12, "d e f"))
    new = document(said(0, 3, "a b"), said(3, 9, "c d"), said(9, 12, "e f"))
    (pairing,) = compare(old, new)
    assert pairing.is_same and len(pairing.old) == 2 and len(pairing.new) == 3


def test_a_gap_that_is_filled_has_no_old_line_and_a_line_that_is_gone_no_new_one() -> None:
    old = document(said(0, 4, "Here."), said(20, 24, "Invented."), said(30, 34, "There."))
    new = document(said(0, 4, "Here."), said(10, 14, "Left out."), said(30, 34, "There."))
    assert texts(compare(old, new)) == [
        (["Here."], ["Here."]), ([], ["Left out."]), (["Invented."], []), (["There."], ["There."])]
    filled = compare(old, new)[1]
    assert not filled.is_same and filled.start == 10


def test_old_lines_outside_the_range_are_untouched() -> None:
    old = document(said(0, 4, "Before."), said(8, 11, "Mostly before."), said(12, 16, "Inside."),
                   said(18, 21, "Mostly inside."), said(30, 34, "After."))
    new = document(said(12, 16, "Inside!"), start=10, end=20)
    assert texts(compare(old, new)) == [(["Inside."], ["Inside!"])]


def test_a_small_overlap_of_neighbours_does_not_pair_them() -> None:
    old = document(said(0, 5.2, "One."), said(5, 10, "Two."))
    new = document(said(0, 5, "One."), said(4.9, 10, "Two."))
    assert texts(compare(old, new)) == [(["One."], ["One."]), (["Two."], ["Two."])]


def test_nothing_heard_pairs_nothing() -> None:
    assert compare(document(), document()) == []
    assert texts(compare(document(said(1, 2, "a")), document())) == [(["a"], [])]
    assert texts(compare(document(), document(said(1, 2, "a")))) == [([], ["a"])]
    assert texts(compare(document(said(1, 1, "a")), document(said(1, 1, "a"), start=0, end=2)))  # no length at all


def test_a_short_word_in_between_does_not_part_two_lines_that_belong_together() -> None:
    """Two people speak at once: the old hearing has the interjection, the new one does not."""
    old = document(said(0, 10, "We went to the harbour and stayed."), said(0.2, 0.8, "Mm."))
    new = document(said(0.9, 10, "We went to the harbour and stayed there."))
    (pairing,) = [pairing for pairing in compare(old, new) if pairing.new]
    assert pairing.old[0].text == "We went to the harbour and stayed."


times = st.floats(0, 60).map(lambda number: round(number, 1))
some_lines = st.lists(st.builds(lambda start, length, text: said(start, start + length, text), times,
                                st.floats(0, 15).map(lambda number: round(number, 1)),
                                st.sampled_from(["a", "b", "a b", "No.", "no."])), max_size=12)


def in_order(segments: list[Segment]) -> tuple[Segment, ...]:
    return tuple(replace(segment, id=number + 1)
                 for number, segment in enumerate(sorted(segments, key=lambda segment: segment.start)))


@given(some_lines, some_lines, times, st.floats(0, 60))
def test_each_line_is_in_exactly_one_pair_in_order(old: list[Segment], new: list[Segment], start: float,
                                                   length: float) -> None:
    before, after = document(*in_order(old)), document(*in_order(new), start=start, end=start + length)
    pairings = compare(before, after)
    assert sorted(s.id for pairing in pairings for s in pairing.new) == [s.id for s in after.segments]
    used = [segment.id for pairing in pairings for segment in pairing.old]
    assert len(used) == len(set(used))
    for segment in before.segments:
        if start < segment.start < segment.end < start + length:
            assert segment.id in used
        if segment.end < start or segment.start > start + length:
            assert segment.id not in used
    for pairing in pairings:
        reaches = any(s.start < start - 0.5 or s.end > start + length + 0.5 for s in pairing.old)
        assert pairing.is_partial == reaches and (pairing.new or not reaches)
    assert all(pairing.old or pairing.new for pairing in pairings)
    assert [pairing.start for pairing in pairings] == sorted(pairing.start for pairing in pairings)


@given(st.lists(st.tuples(st.floats(0.1, 9), st.floats(0, 3), st.sampled_from(["a", "b c", "No."])), max_size=9))
def test_the_same_hearing_twice_differs_nowhere(turns: list[tuple[float, float, str]]) -> None:
    lines, now = [], 0.0
    for seconds, pause, text in turns:
        lines.append(said(now, now + seconds, text))
        now += seconds + pause
    pairings = compare(document(*lines), document(*lines))
    assert [pairing.old for pairing in pairings] == [(line,) for line in lines]
    assert all(pairing.is_same for pairing in pairings)


# Taking over

def accept(library: Library, old: TranscriptDocument, new: TranscriptDocument, pairings: list[Pairing]) -> None:
    library.apply([(old.transcript.id, change_for(library, old, new, pairings))])


@pytest.fixture
def recording(library: Library) -> Recording:
    made = library.add_recording(title="Talk", folder="f", original="o", sha256="0" * 64, byte_count=1)
    return library.set_prepared(made.id, duration=100.0, sample_rate=16_000, channels=1, problem="")


OLD = [("Speaker 1", said(0, 4, "Good morning.")), ("Speaker 2", said(5, 9, "Good mourning.")),
       ("Speaker 1", said(10, 20, "We saw the haarbour.")), ("Speaker 2", said(40, 44, "So it was."))]


WHOLE = TimeRange(0.0, 100.0)


def hearing(library: Library, recording: Recording, lines: list[tuple[str, Segment]],
            time_range: TimeRange = WHOLE) -> TranscriptDocument:
    transcript = library.add_transcript(recording.id, engine="fake", model="fake-1", time_range=time_range)
    library.add_segments(transcript.id, lines)
    return library.document(transcript.id)


def named(library: Library, shown: TranscriptDocument) -> TranscriptDocument:
    """Speaker 1 is Ann, Speaker 2 is Ben."""
    for speaker in shown.speakers.values():
        rename(library, shown.transcript.id, speaker.id, {"Speaker 1": "Ann", "Speaker 2": "Ben"}[speaker.name])
    return library.document(shown.transcript.id)


def shown_lines(library: Library, shown: TranscriptDocument) -> list[tuple[str, str]]:
    fresh = library.document(shown.transcript.id)
    return [(fresh.speaker_name(segment), segment.text) for segment in fresh.segments]


def search(library: Library, word: str) -> int:
    with sqlite3.connect(library.folder / "library.db") as connection:
        connection.execute("INSERT INTO segment_search (segment_search, rank) VALUES ('integrity-check', 1)")
        (count,) = connection.execute("SELECT count(*) FROM segment_search WHERE segment_search MATCH ?",
                                      (word,)).fetchone()
    connection.close()
    return int(count)


def test_exactly_what_is_ticked_is_replaced_and_names_are_kept(library: Library, recording: Recording) -> None:
    old = named(library, hearing(library, recording, OLD))
    new = hearing(library, recording, [
        ("Speaker 1", said(0, 4, "Good morning!")), ("Speaker 2", said(5, 9, "Good morning.")),
        ("Speaker 1", said(10, 15, "We saw")), ("Speaker 1", said(15, 20, "the harbour."))], TimeRange(0.0, 30.0))
    pairings = compare(old, new)
    accept(library, old, new, [pairings[1], pairings[2]])
    assert shown_lines(library, old) == [
        ("Ann", "Good morning."), ("Ben", "Good morning."), ("Ann", "We saw"), ("Ann", "the harbour."),
        ("Ben", "So it was.")]
    kept = {segment.text: segment.id for segment in library.segments(old.transcript.id)}
    assert kept["So it was."] == old.segments[3].id
    assert len(library.speakers(old.transcript.id)) == 2
    assert library.document(new.transcript.id) == new  # the second hearing is dropped by others


def test_the_text_search_follows(library: Library, recording: Recording) -> None:
    old = hearing(library, recording, OLD)
    new = hearing(library, recording, [("Speaker 1", said(10, 20, "We saw the harbour."))], TimeRange(10.0, 20.0))
    assert (search(library, "haarbour"), search(library, "harbour")) == (1, 1)
    accept(library, old, new, compare(old, new))
    library.remove_transcript(new.transcript.id)
    assert (search(library, "haarbour"), search(library, "harbour"), search(library, "mourning")) == (0, 1, 1)


def test_words_times_and_all_else_of_a_line_come_along(library: Library, recording: Recording) -> None:
    old = hearing(library, recording, OLD)
    line = Segment(10.2, 19.8, "We saw", None, "fr", "Nous", "happy", ("time unsure",),
                   (Word("We", 10.2, 11.0), Word("saw", 11.5, 19.8)))
    new = hearing(library, recording, [("Speaker 1", line)], TimeRange(9.0, 21.0))
    accept(library, old, new, compare(old, new))
    got = library.segments(old.transcript.id)[2]
    assert got == replace(line, id=got.id, speaker_id=old.segments[2].speaker_id)


def test_one_speaker_of_the_old_line_wins_over_what_the_new_hearing_says(library: Library,
                                                                         recording: Recording) -> None:
    """A short hearing numbers its voices anew: its Speaker 1 is the Ben of the whole."""
    old = named(library, hearing(library, recording, OLD))
    new = hearing(library, recording, [("Speaker 1", said(5, 9, "Good morning."))], TimeRange(4.7, 9.3))
    accept(library, old, new, compare(old, new))
    assert shown_lines(library, old)[1] == ("Ben", "Good morning.")


def test_of_two_speakers_in_a_pair_each_goes_to_whom_it_overlaps(library: Library, recording: Recording) -> None:
    old = named(library, hearing(library, recording, [
        ("Speaker 1", said(0, 6, "a b c")), ("Speaker 2", said(6, 12, "d e f"))]))
    new = hearing(library, recording, [("Voice X", said(0, 5, "a b")), ("Voice Y", said(5, 12, "c d e f"))])
    accept(library, old, new, [Pairing(old.segments, new.segments)])
    assert shown_lines(library, old) == [("Ann", "a b"), ("Ben", "c d e f")]
    assert len(library.speakers(old.transcript.id)) == 2


def test_a_line_in_a_gap_goes_to_the_voice_that_is_known_by_its_other_lines(library: Library,
                                                                            recording: Recording) -> None:
    old = named(library, hearing(library, recording, OLD))
    new = hearing(library, recording, [("B", said(0, 4, "Good morning.")), ("B", said(25, 30, "Left out."))])
    accept(library, old, new, [pairing for pairing in compare(old, new) if not pairing.old])
    assert shown_lines(library, old)[3] == ("Ann", "Left out.")


def test_a_stranger_becomes_a_new_speaker(library: Library, recording: Recording) -> None:
    old = named(library, hearing(library, recording, OLD))
    new = hearing(library, recording, [("Mayor", said(25, 30, "Left out."))], TimeRange(24.0, 31.0))
    accept(library, old, new, compare(old, new))
    assert shown_lines(library, old)[3] == ("Mayor", "Left out.")
    assert [speaker.name for speaker in library.speakers(old.transcript.id)] == ["Ann", "Ben", "Mayor"]


def test_the_same_number_in_another_hearing_is_not_the_same_person(library: Library, recording: Recording) -> None:
    """Every hearing calls its first voice Speaker 1; nothing says that this is Ann."""
    old = named(library, hearing(library, recording, OLD))
    new = hearing(library, recording, [("Speaker 1", said(25, 30, "Left out."))], TimeRange(24.0, 31.0))
    accept(library, old, new, compare(old, new))
    assert shown_lines(library, old)[3][0] not in ("Ann", "Ben")


def test_a_line_without_a_speaker_stays_without(library: Library, recording: Recording) -> None:
    old = hearing(library, recording, OLD)
    new = hearing(library, recording, [("", said(25, 30, "Left out."))], TimeRange(24.0, 31.0))
    accept(library, old, new, compare(old, new))
    assert shown_lines(library, old)[3] == ("", "Left out.")


def test_a_ticked_line_that_the_new_hearing_does_not_have_goes(library: Library, recording: Recording) -> None:
    old = hearing(library, recording, OLD)
    new = hearing(library, recording, [], TimeRange(39.0, 45.0))
    accept(library, old, new, compare(old, new))
    assert [text for _, text in shown_lines(library, old)] == [segment.text for _, segment in OLD[:3]]


@given(old=some_lines, new=some_lines)
def test_nothing_ticked_changes_nothing_and_everything_ticked_everything(old: list[Segment], new: list[Segment],
                                                                         tmp_path_factory: pytest.TempPathFactory
                                                                         ) -> None:
    library = Library(tmp_path_factory.mktemp("library"))
    try:
        made = library.add_recording(title="Talk", folder="f", original="o", sha256="0" * 64, byte_count=1)
        talk = library.set_prepared(made.id, duration=100.0, sample_rate=16_000, channels=1, problem="")
        before = hearing(library, talk, [(f"S{n % 3}", segment) for n, segment in enumerate(in_order(old))])
        after = hearing(library, talk, [(f"S{n % 2}", segment) for n, segment in enumerate(in_order(new))])
        before = library.document(before.transcript.id)  # its recording has one transcript more now
        accept(library, before, after, [])
        assert library.document(before.transcript.id) == before
        accept(library, before, after, compare(before, after))
        got = [s for s in library.segments(before.transcript.id) if s not in before.segments]
        assert sorted((s.start, s.end, s.text) for s in got) == sorted((s.start, s.end, s.text) for s in after.segments)
        left = [s for s in library.segments(before.transcript.id) if s in before.segments]
        assert all(s.end - s.start < 0.1 for s in left)
        assert library.document(after.transcript.id) == after
        names = {speaker.id for speaker in library.speakers(before.transcript.id)}
        assert all(segment.speaker_id in names for segment in got)
    finally:
        library.close()


def test_two_hearings_of_one_place_follow_each_other(library: Library, recording: Recording) -> None:
    old = hearing(library, recording, OLD)
    for text in ("We saw the harbor.", "We saw the harbour."):
        shown = library.document(old.transcript.id)
        new = hearing(library, recording, [("x", said(10, 15, text)), ("x", said(15, 20, "And left."))],
                      TimeRange(9.0, 21.0))
        accept(library, shown, new, compare(shown, new))
        library.remove_transcript(new.transcript.id)
    assert [text for _, text in shown_lines(library, old)] == [
        "Good morning.", "Good mourning.", "We saw the harbour.", "And left.", "So it was."]


# Beside the job that fills the transcript

@pytest.fixture
def job(library: Library, recording: Recording) -> Job:
    """Two parts of fifty seconds; the first is stored."""
    made = library.add_job(recording.id, engine="fake", model="fake-1", options={}, time_range=TimeRange(0, 100),
                           parts=[Part(0, 0, 50), Part(1, 50, 100, 3.0)])
    library.save_answer(made.id, 0, "{}")
    library.store_part(made, 0, OLD, "")
    return library.job(made.id)


def correct(library: Library, job: Job, recording: Recording) -> TranscriptDocument:
    """Line 2 is heard again and taken over."""
    old = library.document(job.transcript_id)
    new = hearing(library, recording, [("Speaker 1", said(10, 20, "We saw the harbour."))], TimeRange(9.0, 21.0))
    accept(library, old, new, [pairing for pairing in compare(old, new) if pairing.new])
    library.remove_transcript(new.transcript.id)
    return old


def test_other_parts_of_the_job_leave_what_was_taken_over(library: Library, recording: Recording, job: Job) -> None:
    old = correct(library, job, recording)
    library.store_part(job, 1, [("Speaker 2", said(60, 64, "The end."))], "")
    assert [text for _, text in shown_lines(library, old)] == [
        "Good morning.", "Good mourning.", "We saw the harbour.", "So it was.", "The end."]
    assert all(part.state is PartState.STORED for part in library.job(job.id).parts)


def test_removing_the_second_hearing_takes_its_job_along(library: Library, recording: Recording, job: Job) -> None:
    second = library.add_job(recording.id, engine="fake", model="fake-1", options={}, time_range=TimeRange(9, 21),
                             parts=[Part(0, 9, 21)])
    library.store_part(second, 0, [("Speaker 1", said(10, 20, "We saw the harbour."))], "")
    library.set_job_state(second.id, JobState.DONE)
    old, new = library.document(job.transcript_id), library.document(second.transcript_id)
    accept(library, old, new, compare(old, new))
    library.remove_transcript(second.transcript_id)
    assert [transcript.id for transcript in library.transcripts(recording.id)] == [job.transcript_id]
    assert [unfinished.id for unfinished in library.unfinished_jobs()] == [job.id]
    assert shown_lines(library, old)[2][1] == "We saw the harbour."


# Speech without text

def peaks_of(samples: np.ndarray) -> Peaks:
    summary = Summary(bucket_size(16_000))
    summary.add(samples.reshape(1, -1))
    return Peaks.build(16_000, bucket_size(16_000), summary.finish(last=True), len(samples))


@pytest.fixture(scope="module")
def talk() -> Peaks:
    """Speech at 0–10, 15–25, 30–40 and 45–55 seconds."""
    return peaks_of(np.concatenate([np.concatenate([tone(10, 300 + 90 * n), silence(5)]) for n in range(4)]))


def whole_numbers(gaps: tuple[TimeRange, ...]) -> list[tuple[int, int]]:
    return [(round(gap.start), round(gap.end)) for gap in gaps]


def test_speech_that_no_line_covers_is_a_gap(talk: Peaks) -> None:
    lines = said(0, 10, "a"), said(30, 40, "c")
    assert whole_numbers(speech_without_text(talk, document(*lines, end=60))) == [(15, 25), (45, 55)]
    assert speech_without_text(talk, document(said(0, 26, "a"), said(29, 56, "c"), end=60)) == ()


def test_only_the_range_that_was_heard_has_gaps(talk: Peaks) -> None:
    assert whole_numbers(speech_without_text(talk, document(said(15, 25, "b"), start=12, end=42))) == [(30, 40)]
    assert whole_numbers(speech_without_text(talk, document(said(15, 18, "b"), start=12, end=28))) == [(18, 25)]


def test_what_is_still_to_be_heard_is_no_gap(talk: Peaks) -> None:
    shown = document(said(0, 10, "a"), end=60, missing=(TimeRange(28.0, 60.0),))
    assert whole_numbers(speech_without_text(talk, shown)) == [(15, 25)]
    everything = replace(shown, transcript=replace(shown.transcript, missing=(TimeRange(10.0, 60.0),)))
    assert speech_without_text(talk, everything) == ()


def test_a_gap_beside_a_missing_part_is_still_a_gap() -> None:
    """Speech without a pause over the border of a part: the stretch before the border was heard, and left out."""
    peaks = peaks_of(np.concatenate([tone(10), silence(2), tone(30), silence(2)]))
    shown = document(said(0, 10, "a"), end=44, missing=(TimeRange(30.0, 44.0),))
    (gap,) = speech_without_text(peaks, shown)
    assert gap.start == pytest.approx(12, abs=0.6) and 29 <= gap.end <= 30.1


def test_a_transcript_without_a_single_line_is_one_gap_per_stretch(talk: Peaks) -> None:
    assert whole_numbers(speech_without_text(talk, document(end=60))) == [(0, 10), (15, 25), (30, 40), (45, 55)]


def test_taking_over_a_line_closes_the_gap(talk: Peaks, library: Library, recording: Recording) -> None:
    old = hearing(library, recording, [("A", said(0, 10, "a")), ("A", said(30, 40, "c")), ("A", said(45, 55, "d"))],
                  TimeRange(0, 60))
    (gap,) = speech_without_text(talk, old)
    new = hearing(library, recording, [("A", said(15, 25, "b"))], TimeRange(gap.start - 0.5, gap.end + 0.5))
    accept(library, old, new, compare(old, new))
    assert speech_without_text(talk, library.document(old.transcript.id)) == ()


def test_the_end_of_a_line_that_the_range_cuts_is_not_offered_as_new() -> None:
    old = document(said(0, 10, "We went to the harbour bridge."), said(11, 19, "It was gone."))
    new = document(said(8, 10, "harbour bridge."), said(11, 19, "It was gone."), start=8, end=20)
    assert all(pairing.old for pairing in compare(old, new))  # what has no old line is ticked from the start
