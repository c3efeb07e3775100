"""Times as people read and write them, ranges, and names looked up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.model import (
    Recording,
    Segment,
    Speaker,
    TimeRange,
    Transcript,
    TranscriptDocument,
    clock,
    parse_clock,
)


@pytest.mark.parametrize("seconds, text", [
    (0, "0:00"), (9.99, "0:09"), (61, "1:01"), (3599.9, "59:59"), (3600, "1:00:00"), (3750.5, "1:02:30"),
    (-4, "0:00"), (36_000, "10:00:00")])
def test_a_time_is_shown_short(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize("seconds, text", [(3.4, "00:00:03.4"), (3750.55, "01:02:30.5"), (0.3, "00:00:00.3"),
                                           (59.99, "00:00:59.9")])
def test_a_time_is_shown_in_full(seconds: float, text: str) -> None:
    assert clock(seconds, tenths=True, hours=True) == text


@pytest.mark.parametrize("text, seconds", [
    ("2:30", 150), ("02:30", 150), ("1:02:30.5", 3750.5), ("90", 90), (" 0:05 ", 5), ("72:10", 4330), ("0:05,25", 5.25),
    ("00:00:00.1", 0.1), ("1:00:00", 3600)])
def test_the_ways_to_write_a_time_are_understood(text: str, seconds: float) -> None:
    assert parse_clock(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "1:2:3:4", "-5", "1:-2", ":30", "2:", "1e3", "nan", "inf", "٣:٠٠", "1:30.",
                                  "9" * 30, "1:30.1234567", "2;30", "1 :30"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_clock(text)


@given(st.integers(0, 3_599_999), st.sampled_from([True, None]))
def test_a_shown_time_reads_back_to_the_tenth(tenths_of_a_second: int, hours: bool | None) -> None:
    seconds = tenths_of_a_second / 10
    assert parse_clock(clock(seconds, tenths=True, hours=hours)) == pytest.approx(seconds, abs=1e-6)


@given(st.floats(0, 86_400))
def test_a_shown_time_is_never_later_than_the_time(seconds: float) -> None:
    shown = parse_clock(clock(seconds, tenths=True))
    assert seconds - 0.1 < shown <= seconds + 1e-5


@given(st.text(max_size=12))
def test_any_text_is_a_time_of_at_most_a_year_or_refused(text: str) -> None:
    try:
        assert 0 <= parse_clock(text) < 60_000_000
    except ValueError:
        pass


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0, 1e5))
def test_a_clamped_range_lies_inside_and_is_in_order(start: float, end: float, duration: float) -> None:
    inside = TimeRange(start, end).clamped(duration)
    assert 0 <= inside.start <= inside.end <= duration


def test_a_range_inside_stays_as_it_is() -> None:
    assert TimeRange(2, 5).clamped(9) == TimeRange(2, 5) and TimeRange(2, 5).seconds == 3


def test_a_speaker_is_looked_up_and_an_unknown_one_has_no_name() -> None:
    document = TranscriptDocument(
        Recording(1, "a", "f", "o", "0" * 64, 5.0, 16_000, 1, "now"),
        Transcript(1, 1, "gemini", "m", "now", TimeRange(0, 5)), {7: Speaker(7, "Lucía")})
    assert document.speaker_name(Segment(0, 1, "x", speaker_id=7)) == "Lucía"
    assert document.speaker_name(Segment(0, 1, "x", speaker_id=8)) == ""
    assert document.speaker_name(Segment(0, 1, "x")) == ""
