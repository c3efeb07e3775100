"""Whatever an engine says, segments lie inside their part and rise; what two parts share is there once."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.audio.peaks import Peaks
from desktop.engines import HeardSegment, Hearing
from desktop.fitting import TIME_UNSURE, TOLERANCE, Placed, drop_repeats, place
from desktop.model import Part, Segment, Word

RATE, BUCKET = 16_000, 86
QUIET = Peaks.build(RATE, BUCKET, np.zeros((130_000, 3), np.int8), 130_000 * BUCKET)


def speech_at(*stretches: tuple[float, float], seconds: float = 60.0) -> Peaks:
    """Peaks that are loud in these stretches."""
    base = np.zeros((int(seconds * RATE / BUCKET), 3), np.int8)
    for start, end in stretches:
        base[round(start * RATE / BUCKET):round(end * RATE / BUCKET)] = (-60, 60, 80)
    return Peaks.build(RATE, BUCKET, base, len(base) * BUCKET)


def said(text: str, start: float, end: float | None = None, label: str = "A") -> Placed:
    return Placed(Segment(start, start + 1.0 if end is None else end, text), label)


def heard(*times: tuple[float | None, float | None], text: str = "some words here") -> Hearing:
    return Hearing(tuple(HeardSegment(text, start, end) for start, end in times))


times = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.floats(-50, 700)
words = st.lists(st.builds(Word, st.text("abc", max_size=4), st.floats(-10, 100) | st.just(math.nan),
                           st.floats(-10, 100)), max_size=4)
lines = st.lists(st.builds(HeardSegment, st.text("abc ", min_size=1, max_size=30), times, times,
                           words=words.map(tuple)), max_size=12)
parts = st.builds(lambda start, length, lead: Part(0, start + lead, start + lead + length, lead),
                  st.floats(0, 500), st.floats(0.1, 200), st.sampled_from([0.0, 3.0]))


@given(lines, parts, st.booleans())
def test_segments_always_lie_inside_the_part_and_rise(said_lines: list[HeardSegment], part: Part, whole: bool) -> None:
    items = place(Hearing(tuple(said_lines), whole_seconds=whole), part, QUIET)
    assert [item.segment.text for item in items] == [line.text for line in said_lines]
    check_inside(items, part)


@given(lines, st.booleans(), st.lists(st.tuples(st.floats(0, 50), st.floats(0.1, 5)), max_size=6))
def test_moving_times_to_sounds_keeps_them_inside(said_lines: list[HeardSegment], whole: bool,
                                                  sounds: list[tuple[float, float]]) -> None:
    peaks = speech_at(*((start, start + length) for start, length in sounds))
    part = Part(0, 10.0, 40.0, 3.0)
    check_inside(place(Hearing(tuple(said_lines), whole_seconds=whole), part, peaks), part)


def test_what_the_engine_is_unsure_of_is_marked() -> None:
    lines = (HeardSegment("some words", 1.0, 2.0, unsure=True), HeardSegment("and more", 3.0, 4.0))
    items = place(Hearing(lines), Part(0, 10.0, 40.0), QUIET)
    assert [item.segment.flags for item in items] == [(TIME_UNSURE,), ()] and items[0].segment.start == 11.0


def check_inside(items: list[Placed], part: Part) -> None:
    first, last = part.start - part.lead_in - 1e-6, part.end + 1e-6
    starts = [item.segment.start for item in items]
    assert starts == sorted(starts)
    for item in items:
        assert first <= item.segment.start <= item.segment.end <= last
        word_starts = [word.start for word in item.segment.words]
        assert word_starts == sorted(word_starts)
        for word in item.segment.words:
            assert first <= word.start <= word.end <= item.segment.end + 1e-6


def test_good_times_are_shifted_and_not_touched() -> None:
    items = place(heard((1.25, 2.5), (3.0, 7.75)), Part(0, 100.0, 160.0, 3.0), QUIET)
    assert [(i.segment.start, i.segment.end) for i in items] == [(98.25, 99.5), (100.0, 104.75)]
    assert not any(item.segment.flags for item in items)


@pytest.mark.parametrize("given_times", [
    ((500.0, 510.0),), ((20.0, 21.0), (5.0, 6.0)), ((10.0, 5.0),), ((None, None),), ((1.0, 400.0),)])
def test_made_up_times_are_marked(given_times: tuple[tuple[float | None, float | None], ...]) -> None:
    items = place(heard(*given_times), Part(0, 0.0, 60.0), QUIET)
    assert any(TIME_UNSURE in item.segment.flags for item in items)


def test_a_time_a_little_past_the_end_is_clamped_without_a_mark() -> None:
    (item,) = place(heard((55.0, 60.0 + TOLERANCE / 2)), Part(0, 0.0, 60.0), QUIET)
    assert item.segment.end == 60.0 and item.segment.flags == ()


def test_a_missing_time_lies_between_its_neighbours() -> None:
    items = place(heard((10.0, 12.0), (None, None), (20.0, 22.0)), Part(0, 0.0, 60.0), QUIET)
    assert 10.0 < items[1].segment.start < 20.0 and items[1].segment.flags == (TIME_UNSURE,)
    assert items[0].segment.flags == items[2].segment.flags == ()


def test_an_end_that_was_not_given_is_guessed_from_the_words() -> None:
    items = place(heard((10.0, None), (30.0, None), text="one two three four"), Part(0, 0.0, 60.0), QUIET)
    assert 10.5 < items[0].segment.end < 13.0


def test_whole_seconds_are_moved_to_where_sound_begins_and_ends() -> None:
    peaks = speech_at((10.62, 13.4))
    (item,) = place(Hearing((HeardSegment("words", 10.0, 13.0),), whole_seconds=True), Part(0, 0.0, 60.0), peaks)
    assert item.segment.start == pytest.approx(10.62, abs=0.05) and item.segment.end == pytest.approx(13.4, abs=0.05)


def joined(before: list[Segment], placed: list[Placed]) -> str:
    return " ".join([*(s.text for s in before), *(p.segment.text for p in placed)])


vocabulary = [f"{a}{b}{c}o" for a in "bdfgklmnprst" for b in "aeiou" for c in "lnrs"]


@given(st.data())
def test_an_overlap_is_taken_out_and_no_new_word_is_lost(data: st.DataObject) -> None:
    spoken = data.draw(st.lists(st.sampled_from(vocabulary), unique=True, min_size=12, max_size=40))
    heard_until = data.draw(st.integers(4, len(spoken) - 2))
    heard_again = data.draw(st.integers(2, min(12, heard_until)))
    before = in_lines(data, spoken[:heard_until], 80.0)
    after = [Placed(line, "A") for line in in_lines(data, spoken[heard_until - heard_again:], 97.0)]
    after[0] = replace(after[0], segment=replace(after[0].segment, start=97.1))
    assert joined(before, drop_repeats(before, after, 100.0)).split() == spoken


def in_lines(data: st.DataObject, spoken: list[str], start: float) -> list[Segment]:
    """The words as segments of some words each, one every half second."""
    result = []
    while spoken:
        count = data.draw(st.integers(1, 9))
        result.append(Segment(start, start + 0.4, " ".join(spoken[:count])))
        spoken, start = spoken[count:], start + 0.5
    return result


@given(st.lists(st.sampled_from(vocabulary), unique=True, min_size=4, max_size=40), st.integers(1, 20))
def test_without_an_overlap_every_word_stays(spoken: list[str], cut: int) -> None:
    cut = min(cut, len(spoken) - 1)
    before = [Segment(90, 99, " ".join(spoken[:cut]))]
    after = [said(" ".join(spoken[cut:]), 98.0)]
    assert joined(before, drop_repeats(before, after, 100.0)).split() == spoken


REPEATS = {
    "the same line": ("We waited on the pier.", ["We waited on the pier.", "Then it came."], ["Then it came."]),
    "the end of a line": ("We waited on the pier for it.", ["pier for it. Then it came."], ["Then it came."]),
    "two lines": ("Yes. I saw him leave.", ["Yes.", "I saw him leave.", "And you?"], ["And you?"]),
    "other punctuation": ("so — I left, finally", ["So I left finally and went home"], ["and went home"]),
    "a word misheard": ("we met at the market on Monday", ["met at the margit on Monday and talked"], ["and talked"]),
    "the last word misheard": ("he went down to the see", ["down to the sea and swam"], ["and swam"]),
    "a broken first word": ("a confused complaint against the wizard", ["plaint against the wizard who"], ["who"]),
    "nothing in common": ("It was cold.", ["Tell me about your brother."], ["Tell me about your brother."]),
    "one common small word": ("and then I saw the", ["the house was empty"], ["the house was empty"]),
    "a line only the second heard": ("I saw him leave.", ["Mhm.", "I saw him leave. And then?"], ["Mhm.", "And then?"]),
    "nothing before": ("", ["Good morning."], ["Good morning."]),
}


@pytest.mark.parametrize("name", REPEATS)
def test_repeats_at_a_border(name: str) -> None:
    before, lines, left = REPEATS[name]
    placed = [said(line, 97.5 + 0.4 * number) for number, line in enumerate(lines)]
    kept = drop_repeats([Segment(80, 99, before)] if before else [], placed, 100.0)
    assert [item.segment.text for item in kept] == left


def test_a_repeat_that_is_timed_just_after_the_border_is_taken_out() -> None:
    before = [Segment(90, 99.5, "and that is where we kept the boats")]
    placed = [said("where we kept the boats", 100.2, 101), said("until the storm", 102)]
    assert [item.segment.text for item in drop_repeats(before, placed, 100.0)] == ["until the storm"]


def test_what_is_said_again_after_the_border_stays() -> None:
    before = [Segment(90, 99.5, "Is that so? Yes.")]
    placed = [said("Yes.", 100.4), said("Is that so?", 104.0)]
    assert [item.segment.text for item in drop_repeats(before, placed, 100.0)] == ["Yes.", "Is that so?"]


def test_words_with_times_give_the_new_start() -> None:
    words = tuple(Word(text, 98.0 + number, 98.5 + number)
                  for number, text in enumerate(["on", "the", "pier", "then", "home"]))
    item = Placed(Segment(98.0, 103.0, "on the pier then home", words=words), "A")
    (kept,) = drop_repeats([Segment(90, 99, "we waited on the pier")], [item], 100.0)
    assert (kept.segment.text, kept.segment.start, len(kept.segment.words)) == ("then home", 101.0, 2)
