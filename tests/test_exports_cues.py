"""Subtitles: long speech in cues that fit, with times from its words, balanced lines, and no cue without length."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.exports import Options
from desktop.exports.cues import broken, cues, width
from desktop.model import Segment, Word

LONG = ("We were told in March that the bridge would be paid for by the harbour, and that nobody would ask about it. "
        "Then the money was gone. Who took it, I cannot say, but the minister knew: he signed the paper himself.")


def line(text: str, start: float = 0.0, end: float = 12.0, *, each: float = 0.0) -> Segment:
    """With words of `each` seconds when it is given."""
    words = tuple(Word(word, start + n * each, start + n * each + 0.9 * each) for n, word in enumerate(text.split()))
    return Segment(start, words[-1].end if each else end, text, 1, words=words if each else ())


def test_a_long_turn_is_divided_within_all_limits_and_loses_no_word() -> None:
    made = cues([("Ann", line(LONG))], Options(), prefix=False)
    assert " ".join(" ".join(cue.lines) for cue in made) == LONG
    assert all(len(cue.lines) <= 2 and all(len(text) <= 42 for text in cue.lines) for cue in made)
    assert all(0 < cue.end - cue.start <= 7000 for cue in made) and made[0].start == 0 and made[-1].end >= 12_000
    assert all(a.end <= b.start for a, b in pairwise(made))


def test_cues_begin_with_their_words_and_end_with_them() -> None:
    segment = line(LONG, 100.0, each=0.4)
    made = cues([("", segment)], Options(reading_speed=0), prefix=False)
    n = 0
    for cue in made:
        count = len(" ".join(cue.lines).split())
        assert cue.start == round(1000 * segment.words[n].start)
        assert cue.end == round(1000 * segment.words[n + count - 1].end)
        n += count
    assert n == len(segment.words)


def test_a_cue_ends_with_a_sentence_or_a_pause_where_it_can() -> None:
    ends = [" ".join(cue.lines)[-1] for cue in cues([("", line(LONG, end=14.0))], Options(), prefix=False)]
    assert sum(end in ".,:" for end in ends) >= len(ends) - 1
    words = [Word("one", 0.0, 0.5), Word("two", 0.6, 1.0), Word("three", 5.0, 5.5), Word("four", 5.6, 6.0)]
    paused = Segment(0.0, 9.0, "one two three four", words=tuple(words[:4]))
    made = cues([("", paused)], Options(cue_seconds=5.0, reading_speed=0), prefix=False)
    assert [cue.lines for cue in made] == [("one two",), ("three four",)] and made[1].start == 5000


def test_lines_are_balanced() -> None:
    units = [(word, True) for word in LONG.split()[:11]]
    top, bottom = broken(units, 42)
    assert abs(len(top) - len(bottom)) <= 6
    assert broken(units, 0) == ["We were told in March that the bridge would be paid"]


def test_fast_speech_stays_longer_where_there_is_room_and_only_there() -> None:
    quick, after = line("This was said in no time at all.", 1.0, 1.5), line("Yes.", 9.0, 10.0)
    first, _ = cues([("", quick), ("", after)], Options(), prefix=False)
    assert first.end - first.start == pytest.approx(1000 * len(quick.text) / 17, abs=1)
    first, _ = cues([("", quick), ("", line("Yes.", 2.0, 3.0))], Options(), prefix=False)
    assert first.end == 2000
    first, _ = cues([("", quick), ("", after)], Options(reading_speed=0), prefix=False)
    assert first.end == 1500


def test_the_name_stands_once_before_a_turn() -> None:
    made = cues([("Ann", line(LONG)), ("Ann", line("Yes.", 13.0, 14.0))], Options(), prefix=True)
    assert [cue.lines[0].startswith("Ann: ") for cue in made] == [True, *[False] * (len(made) - 2), True]


def test_scripts_without_blanks_and_endless_words_are_broken_too() -> None:
    for text in ("市長は橋の費用について何も言いませんでした。" * 6, "x" * 300, "ไม่มีใครถามเรื่องนี้" * 10):
        made = cues([("", line(text, end=40.0))], Options(), prefix=False)
        assert "".join("".join(cue.lines) for cue in made) == text
        assert all(width(part) <= 46 for cue in made for part in cue.lines) and len(made) > 1


def test_no_limit_is_one_cue() -> None:
    (cue,) = cues([("", line(LONG, end=90.0))], Options(line_length=0, cue_seconds=0.0), prefix=False)
    assert cue.lines == (LONG,) and cue.end == 90_000


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["a", "word", "sentence.", "市長は橋", "x" * 50, "—", "yes,"]), min_size=1,
                max_size=60), st.floats(0, 400_000), st.floats(0, 60), st.integers(0, 60), st.integers(0, 3),
       st.sampled_from([0.0, 1.0, 7.0]),
       st.sampled_from([0.0, 17.0]), st.sampled_from(["forward", "backward", "still", "none"]))
def test_whatever_the_times_and_limits_no_cue_is_without_length_and_no_word_is_lost(
        words: list[str], start: float, seconds: float, length: int, lines: int, most: float, speed: float,
        times: str) -> None:
    text, end = " ".join(words), start + seconds
    step = {"forward": seconds / len(words), "backward": -1.0, "still": 0.0}.get(times)
    timed = tuple(Word(w, start + n * step, start + n * step + 0.2) for n, w in enumerate(words)) if step is not None \
        else ()
    made = cues([("A B", Segment(start, end, text, 1, words=timed))] * 2, Options(
        line_length=length, lines_per_cue=lines, cue_seconds=most, reading_speed=speed), prefix=False)
    assert all(cue.end > cue.start and cue.lines for cue in made)
    assert "".join("".join("".join(cue.lines).split()) for cue in made) == "".join(words) * 2
    assert all(len(cue.lines) <= max(1, lines) for cue in made) or length < 12
    assert all(cue.end - cue.start <= max(1, 1000 * most) for cue in made) or not most
