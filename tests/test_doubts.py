"""A stuck model, left-out speech and text without a voice are found, and honest hearings are left alone."""

from __future__ import annotations

import json
import random
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from hypothesis import assume, given
from hypothesis import strategies as st

from desktop.audio.peaks import Peaks, Summary, bucket_size
from desktop.doubts import LOW_COVERAGE, coverage, gaps, is_looped, is_over_silence, said_again, speech
from desktop.model import Segment, TimeRange
from tests.sounds import AUDIO, INTERVIEW, silence, tone

RATE = 16_000


def peaks_of(samples: np.ndarray) -> Peaks:
    summary = Summary(bucket_size(RATE))
    summary.add(samples.reshape(1, -1))
    return Peaks.build(RATE, bucket_size(RATE), summary.finish(last=True), len(samples))


def times_of(ranges: list[TimeRange]) -> list[float]:
    return [time for one in ranges for time in (one.start, one.end)]


def noisy(samples: np.ndarray, loudness: float) -> np.ndarray:
    noise = np.random.default_rng(7).normal(0, loudness * 32767, len(samples))
    return np.clip(samples + noise, -32768, 32767).astype(np.int16)


SAMPLES = soundfile.read(INTERVIEW, dtype="int16")[0]
SAID = [Segment(line["start"], line["end"], line["text"])
        for line in json.loads(INTERVIEW.with_suffix(".json").read_text("utf-8"))["segments"]]
SPEAKERS = [line["speaker"] for line in json.loads(INTERVIEW.with_suffix(".json").read_text("utf-8"))["segments"]]
TALK = peaks_of(SAMPLES)
ALL = TimeRange(0.0, TALK.seconds)
LONG = [n for n, segment in enumerate(SAID) if segment.end - segment.start >= 4.0]
PROSE = [segment.text for segment in SAID]
LONG_ONE = "The minister said that the harbour would be closed for the whole of the winter season."
LONG_TWO = "Nobody in the town had been asked about it before the decision was finally made in May."
LONGEST_UNIT = "and so we went back to the harbour again, all of us, at dawn"
SAMPLE_PROSE = [line["text"] for line in json.loads(
    (AUDIO.parents[1] / "resources" / "sample" / "katie-steve.json").read_text("utf-8"))["segments"]]


# Loops

@given(st.lists(st.text() | st.sampled_from(["No.", "", " ", "ha " * 90, "\ud800", "\0", "İ" * 30]), max_size=12))
def test_any_text_is_looked_at(texts: list[str]) -> None:
    assert is_looped(texts) in (True, False)


UNITS = st.text(st.sampled_from("abcdefghij    .,ñЖ字"), min_size=20, max_size=60)


@given(UNITS, st.integers(10, 25), st.integers(0, 300), st.integers(0, 10_000), st.integers(0, 59))
def test_a_repeated_unit_is_a_loop(unit: str, times: int, before: int, after: int, shift: int) -> None:
    unit = " ".join(unit.split())
    assume(20 <= len(unit) <= 60)
    loop = (unit[shift % len(unit):] + unit[:shift % len(unit)]) * times
    assert is_looped([" ".join(PROSE)[:before] + loop + (" ".join(PROSE) * 9)[:after]])
    assert is_looped([*PROSE[:3], *[unit] * times])


@given(st.data())
def test_a_loop_over_segments_of_any_length_is_found(data: st.DataObject) -> None:
    words = data.draw(st.lists(st.sampled_from(["the", "boat", "came", "back", "slowly", "and", "then"]),
                               min_size=5, max_size=10, unique=True).filter(lambda w: 20 <= len(" ".join(w)) <= 60))
    rest, segments = words * 10, []
    while rest:
        count = data.draw(st.integers(1, 15))
        segments.append(" ".join(rest[:count]))
        rest = rest[count:]
    assert is_looped([*PROSE, *segments, *PROSE])


@given(st.integers(20, 60), st.integers(2, 9), st.randoms(use_true_random=False))
def test_fewer_than_ten_repeats_are_no_loop(length: int, times: int, chance: random.Random) -> None:
    unit = "".join(chance.choice("abcdefghijklmnop") for _ in range(length - 1)) + "z"
    assert not is_looped([" ".join(PROSE) + "# " + unit * times + " #" + " ".join(PROSE)])


@pytest.mark.parametrize("texts", [
    PROSE, SAMPLE_PROSE, [" ".join(PROSE)], [" ".join(SAMPLE_PROSE)], PROSE * 9, [],
    ["No."] * 60, ["So.", *["No."] * 60], ["Yes."] * 60,
    ["No. No. No. No."] * 5, ["Yes.", "No."] * 5, ["Mm-hmm."] * 40, ["Uh-huh."] * 4,
    ["Sí, sí."] * 6, ["no no no no no no no no no no no no"], ["Ja."] * 3 + ["Nein."] * 3, ["..."] * 90,
    ["Thank you."] * 3, ["はい。"] * 30, ["", " ", "—", "…"] * 30,
    ["Did you see it?", "No."] * 3, ["Did he say so?", "No, no."] * 9, ["It was late.", "We went home."] * 3,
    ["I have a dream. " * 9], [f"{sentence} It was so." for sentence in PROSE],
    ["I don't know.", "Were you there?", "I don't know.", "Who was?", "I don't know.", "Who?", "I don't know."],
    [f"And in the year {year} we went to the coast again." for year in range(1950, 1999)],
])
def test_what_people_say_is_no_loop(texts: list[str]) -> None:
    assert not is_looped(texts)


@pytest.mark.parametrize("texts", [
    ["Thank you."] * 4, ["Thank you", "thank  YOU.", "— Thank you!", "Thank you…"], ["So it is."] * 4,
    ["Absolutely."] * 4, ["ご視聴ありがとうございました"] * 4, ["Subtitles by the community"] * 9,
    ["no, " * 200], ["ha" * 300], ["I " + "don't know. I " * 40], ["字幕を作りました、皆さんどうもありがとう" * 10],
    [" ".join([LONGEST_UNIT] * 10)], [" ".join([LONG_ONE] * 15)], [LONG_ONE, LONG_TWO] * 4,
    [LONG_ONE, LONG_TWO.upper(), f"{LONG_ONE} And so on", "And then it was over."] * 4,
    [" ".join([LONG_ONE, LONG_TWO] * 10)], [f"So. {LONG_ONE}", *[LONG_ONE] * 9],
    ["We left.\nWe\tleft for the harbour, " * 10],
])
@pytest.mark.parametrize("around", [[], PROSE[:4]])
def test_a_stuck_model_is_noticed(texts: list[str], around: list[str]) -> None:
    assert is_looped([*around, *texts, *around])


def test_lines_of_the_part_before_are_noticed_when_they_come_again() -> None:
    assert said_again(PROSE[:9], [*PROSE[20:22], *(text.upper() for text in PROSE[2:5]), PROSE[7]]) == {2, 3, 4}
    assert said_again(PROSE[:9], [PROSE[2], PROSE[3], PROSE[20], PROSE[4]]) == set()
    assert said_again(["No."] * 9, ["No."] * 9) == said_again([], PROSE) == said_again(PROSE, []) == set()


def ninefold(chance: random.Random) -> str:
    return "".join(chance.choice("abcdefgh") for _ in range(60)) * 9


@pytest.mark.parametrize("kind", ["prose", "two letters", "nearly loops", "long runs", "dots"])
def test_eight_times_as_many_characters_take_about_eight_times_as_long(kind: str) -> None:
    chance = random.Random(3)
    text = {"prose": " ".join(PROSE) * 99, "dots": ". " * 100_000, "long runs": ("a" * 178 + "bcd") * 1200,
            "two letters": "".join(chance.choice("ab") for _ in range(200_000)),
            "nearly loops": "".join(ninefold(chance) for _ in range(400))}[kind][:200_000]
    assert seconds_for(text) < 30 * seconds_for(text[:25_000])  # 64 times, were it all compared with all


def seconds_for(text: str) -> float:
    took = []
    for _ in range(5):
        began = time.process_time()
        is_looped([text[at:at + 150] for at in range(0, len(text), 150)])
        is_looped([text])
        took.append(time.process_time() - began)
    return min(took)


# Speech

def test_stretches_of_speech_with_small_pauses_bridged_and_clicks_dropped() -> None:
    peaks = peaks_of(np.concatenate([silence(1), tone(1), silence(0.4), tone(1), silence(0.8), tone(0.1), silence(0.8),
                                     tone(2), silence(1)]))
    found = speech(peaks, TimeRange(0, 20))
    assert times_of(found) == pytest.approx([1.0, 3.4, 5.1, 7.1], abs=0.04)
    assert len(speech(peaks, TimeRange(0, 20), shortest=0.05)) == 3
    (cut,) = speech(peaks, TimeRange(1.5, 3.0))
    assert (cut.start, cut.end) == (1.5, 3.0)


@given(st.floats(-5, 200), st.floats(0, 200), st.floats(0, 2))
def test_speech_rises_and_lies_inside_the_range(start: float, length: float, shortest: float) -> None:
    found = speech(TALK, TimeRange(start, start + length), shortest)
    for stretch in found:
        assert start <= stretch.start <= stretch.end <= min(start + length, TALK.seconds + TALK.bucket_seconds)
    assert all(after.start - before.end > 0.49 for before, after in pairwise(found))


@pytest.mark.parametrize("frames", [0, 1, 85, 86, 500])
def test_next_to_no_audio_holds_no_speech(frames: int) -> None:
    peaks = peaks_of(tone(1)[:frames])
    assert speech(peaks, TimeRange(0, 10)) == gaps(peaks, [], TimeRange(0, 10)) == []
    assert coverage(peaks, [], TimeRange(0, 10)) == 1.0


@pytest.mark.parametrize("loudness", [0.0, 0.003, 0.01, 0.02])
def test_the_speech_of_an_interview(loudness: float) -> None:
    found = speech(peaks_of(noisy(SAMPLES, loudness)), ALL)
    truth = np.zeros(int(ALL.end * 100), bool)
    heard = truth.copy()
    for segment in SAID:
        truth[int(segment.start * 100):int(segment.end * 100)] = True
    for stretch in found:
        heard[int(stretch.start * 100):int(stretch.end * 100)] = True
    assert (heard & truth).sum() > 0.85 * truth.sum()  # the rest are pauses inside sentences
    assert (heard & ~truth).sum() < 0.05 * heard.sum()


def without_pauses() -> np.ndarray:
    cells = SAMPLES[:len(SAMPLES) // 320 * 320].reshape(-1, 320)
    loud = np.sqrt((cells.astype(np.float64) ** 2).mean(axis=1)) > 0.02 * 32768
    return cells[loud].ravel()


@pytest.mark.parametrize("samples", [
    without_pauses(), noisy(without_pauses(), 0.02), tone(60), np.random.default_rng(1).normal(0, 4000, 960_000)
    .astype(np.int16), (tone(60) * np.linspace(0.5, 1.0, 960_000)).astype(np.int16)],
    ids=["talk", "noisy talk", "tone", "din", "swelling tone"])
def test_talk_without_any_pause_is_speech_throughout(samples: np.ndarray) -> None:
    peaks = peaks_of(samples)
    whole = TimeRange(0, peaks.seconds)
    assert sum(stretch.seconds for stretch in speech(peaks, whole)) > 0.98 * peaks.seconds
    half = [Segment(0, peaks.seconds / 2, "all that was heard")]
    assert coverage(peaks, half, whole) == pytest.approx(0.5, abs=0.02)
    assert not is_over_silence(peaks, half[0])
    (gap,) = gaps(peaks, half, whole)
    assert (gap.start, gap.end) == pytest.approx((peaks.seconds / 2 + 0.5, peaks.seconds), abs=0.1)


def far_away() -> np.ndarray:
    """The interview with one speaker 18 dB quieter: a telephone on the interviewer's side of the table."""
    samples = SAMPLES.astype(np.float64)
    for segment, speaker in zip(SAID, SPEAKERS, strict=True):
        if speaker == "LF":
            samples[int(segment.start * RATE):int(segment.end * RATE)] /= 8
    return samples.astype(np.int16)


FAR = peaks_of(far_away())


def test_nine_hours_take_well_under_a_second() -> None:
    copies = 183
    base = np.tile(TALK.levels[0], (copies, 1))
    peaks = Peaks.build(RATE, TALK.bucket, base, len(base) * TALK.bucket)
    length = len(TALK.levels[0]) * TALK.bucket_seconds
    said = [replace(s, start=s.start + n * length, end=s.end + n * length) for n in range(copies) for s in SAID]
    whole = TimeRange(0, peaks.seconds)
    took = []
    for n in range(3):
        began = time.perf_counter()
        assert len(speech(peaks, TimeRange(0, peaks.seconds - n))) > 5000  # each range anew: the latest is kept
        took.append(time.perf_counter() - began)
    assert min(took) < 0.8
    began = time.perf_counter()
    assert coverage(peaks, said, whole) > 0.95 and gaps(peaks, said, whole) == []
    assert not any(is_over_silence(peaks, segment) for segment in said)
    assert time.perf_counter() - began < 5.0


# Coverage, gaps and silence

@pytest.mark.parametrize("loudness", [0.0, 0.003, 0.02, 0.05])
def test_an_honest_hearing_is_not_doubted(loudness: float) -> None:
    peaks = peaks_of(noisy(SAMPLES, loudness))
    assert coverage(peaks, SAID, ALL) >= 0.95
    assert gaps(peaks, SAID, ALL) == []
    assert not any(is_over_silence(peaks, segment) for segment in SAID)


def test_a_speaker_far_from_the_microphone_is_not_doubted() -> None:
    assert coverage(FAR, SAID, ALL) >= 0.95 and gaps(FAR, SAID, ALL) == []
    assert not any(is_over_silence(FAR, segment) for segment in SAID)


@pytest.mark.parametrize("missing", LONG[1:-1])
def test_a_left_out_line_is_a_gap_exactly_there(missing: int) -> None:
    left = SAID[:missing] + SAID[missing + 1:]
    (gap,) = gaps(TALK, left, ALL)
    start, end = SAID[missing].start, SAID[missing].end
    following = min((s.start - 0.5 for s in left if start < s.start < end), default=end)  # two may speak at once
    assert gap.start == pytest.approx(start, abs=1.0) and gap.end == pytest.approx(min(end, following), abs=0.5)
    assert start - 0.1 <= gap.start < gap.end <= end + 0.1


def test_coverage_is_the_share_that_was_heard() -> None:
    assert coverage(TALK, [], ALL) == 0.0
    half = [segment for segment in SAID if segment.end < ALL.end / 2]
    assert 0.4 < coverage(TALK, half, ALL) < LOW_COVERAGE
    assert coverage(TALK, half, TimeRange(0, ALL.end / 2 - 10)) > 0.95
    assert coverage(TALK, SAID[5:], TimeRange(8.0, 9.5)) == 1.0  # too little speech to judge


segments = st.lists(st.builds(lambda start, length: Segment(start, start + length, "words"), st.floats(-5, 200),
                              st.floats(0, 30)), max_size=20)
ranges = st.builds(lambda start, length: TimeRange(start, start + length), st.floats(0, 190), st.floats(0, 190))


@given(segments, segments, ranges)
def test_more_segments_never_cover_less(some: list[Segment], more: list[Segment], time_range: TimeRange) -> None:
    assert 0.0 <= coverage(TALK, some, time_range) <= coverage(TALK, some + more, time_range) + 1e-9 <= 1.0 + 2e-9


@given(segments, ranges)
def test_gaps_lie_between_the_segments(some: list[Segment], time_range: TimeRange) -> None:
    found = gaps(TALK, some, time_range)
    for gap in found:
        assert time_range.start <= gap.start <= gap.end - 2.99 and gap.end <= time_range.end
        assert not any(s.start - 0.5 < gap.end - 1e-6 and s.end + 0.5 > gap.start + 1e-6 for s in some)
    assert all(before.end <= after.start for before, after in pairwise(found))


@given(segments, st.randoms(use_true_random=False))
def test_the_order_of_segments_does_not_matter(some: list[Segment], chance: random.Random) -> None:
    shuffled = chance.sample(some, len(some))
    assert gaps(TALK, some, ALL) == gaps(TALK, shuffled, ALL)
    assert coverage(TALK, some, ALL) == coverage(TALK, shuffled, ALL)


def test_a_gap_keeps_small_pauses_and_ends_at_long_ones() -> None:
    line = np.concatenate([tone(1), silence(0.8)] * 4)
    peaks = peaks_of(np.concatenate([silence(5), line, silence(5), line, silence(5), tone(2), silence(5)]))
    found = gaps(peaks, [], TimeRange(0, peaks.seconds))
    assert times_of(found) == pytest.approx([5, 11.4, 17.2, 23.6], abs=0.05)
    assert gaps(peaks, [Segment(6, 10, "words")], TimeRange(0, 16)) == []


@pytest.mark.parametrize("loudness", [0.0, 0.01])
def test_text_over_silence_is_doubted(loudness: float) -> None:
    samples = noisy(np.concatenate([SAMPLES[:30 * RATE], silence(20), SAMPLES[30 * RATE:]]), loudness)
    peaks = peaks_of(samples)
    assert is_over_silence(peaks, Segment(31, 34, "Thanks for watching."))
    assert is_over_silence(peaks, Segment(30.5, 49.5, "Thanks for watching."))
    assert not is_over_silence(peaks, Segment(31, 31.9, "Thanks for watching."))  # too short to judge
    assert not is_over_silence(peaks, Segment(31, 34, " "))
    assert not is_over_silence(peaks, Segment(45, 52, "Words that begin in silence."))
    assert is_over_silence(peaks, Segment(ALL.end + 25, ALL.end + 30, "Beyond the end."))


def test_a_short_answer_in_a_long_segment_is_not_doubted() -> None:
    peaks = peaks_of(np.concatenate([silence(10), tone(0.4), silence(10)]))
    assert not is_over_silence(peaks, Segment(5, 15, "Yes."))
    assert is_over_silence(peaks, Segment(0, 9, "Yes."))
