"""Reading the playback copy: exact to the sample, clips of the right length, cuts in silence, channels told apart."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from desktop.audio.channels import channels_differ
from desktop.audio.files import SPEECH_RATE, PlaybackCopy, flac
from desktop.audio.peaks import FOLD, Peaks, Summary, bucket_size, fold
from desktop.audio.silence import quietest_near, speech_edge_near, speech_share
from desktop.model import TimeRange
from tests.sounds import TWO_CHANNELS, main_pitch, silence, tone

NOISE = np.random.default_rng(5).integers(-20_000, 20_000, (44_100 * 20 + 7, 2)).astype(np.int16)


@pytest.fixture(scope="module")
def copy_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("copies") / "noise.flac"
    soundfile.write(path, NOISE, 44_100, "PCM_16", format="FLAC")
    return path


def copy_with(tmp_path: Path, samples: np.ndarray, rate: int = SPEECH_RATE) -> PlaybackCopy:
    soundfile.write(tmp_path / "copy.flac", samples, rate, "PCM_16", format="FLAC")
    return PlaybackCopy(tmp_path / "copy.flac")


def test_any_range_is_exact_to_the_sample(copy_path: Path) -> None:
    source = np.random.default_rng(1)
    with PlaybackCopy(copy_path) as copy:
        for _ in range(200):
            start, count = int(source.integers(0, len(NOISE))), int(source.integers(1, 5000))
            assert np.array_equal(copy.read(start, count), NOISE[start:start + count])


def test_reading_outside_gives_what_there_is(copy_path: Path) -> None:
    with PlaybackCopy(copy_path) as copy:
        assert len(copy.read(len(NOISE) - 3, 100)) == 3 and len(copy.read(len(NOISE) + 50, 100)) == 0
        assert np.array_equal(copy.read(-20, 5), NOISE[:5])
        assert list(copy.blocks(TimeRange(30, 40), silent=())) == []
        assert list(copy.blocks(TimeRange(5, 5), silent=())) == []


def test_blocks_join_to_the_range(copy_path: Path) -> None:
    with PlaybackCopy(copy_path) as copy:
        joined = np.concatenate(list(copy.blocks(TimeRange(1.5, 17.25), silent=())))
    assert np.array_equal(joined, NOISE[66_150:760_725])


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("seconds", [0.1, 1.0, 7.777])
def test_speech_has_the_length_of_the_range(tmp_path: Path, rate: int, seconds: float) -> None:
    with copy_with(tmp_path, tone(10.0, 440, rate), rate) as copy:
        speech = copy.speech(TimeRange(1.0, 1.0 + seconds), silent=())
    assert speech.dtype == np.int16 and speech.ndim == 1
    assert len(speech) == pytest.approx(seconds * SPEECH_RATE, abs=3)
    if seconds > 0.5:
        assert main_pitch(speech, SPEECH_RATE) == pytest.approx(440, rel=0.01)


def test_speech_at_16_khz_is_the_recording_itself(tmp_path: Path) -> None:
    voice = tone(3.0, 300)
    with copy_with(tmp_path, voice) as copy:
        assert np.array_equal(copy.speech(TimeRange(0.5, 2.0), silent=()), voice[8_000:32_000])


STRETCHES = st.lists(st.tuples(st.floats(0, 21), st.floats(0, 21)).map(
    lambda pair: TimeRange(min(pair), max(pair))), max_size=4)


@given(STRETCHES, st.floats(0, 15), st.floats(0.5, 12))
def test_what_is_to_be_silent_is_zero_to_the_sample_and_nothing_else_changes(
        copy_path: Path, silent: list[TimeRange], start: float, seconds: float) -> None:
    with PlaybackCopy(copy_path) as copy:
        place = TimeRange(start, start + seconds)
        pcm = np.concatenate(list(copy.blocks(place, silent=iter(silent))))
        first = round(start * copy.rate)
        expected = NOISE[first:first + len(pcm)].copy()
        for stretch in silent:
            frames = np.arange(first, first + len(pcm))  # one in which it begins or ends goes, too
            expected[(frames + 1 > stretch.start * copy.rate) & (frames < stretch.end * copy.rate)] = 0
    assert np.array_equal(pcm, expected)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channel", [None, 0, 1])
def test_silence_is_silent_after_resampling_and_nothing_of_it_gets_out(tmp_path: Path, rate: int,
                                                                       channel: int | None) -> None:
    """Also over the borders of the blocks of four seconds: 3.9 to 8.3 s, in a clip that begins at 1.25 s."""
    around = np.random.default_rng(3).integers(-9_000, 9_000, (rate * 10, 2)).astype(np.int16)
    heard = []
    for secret in (0, 32_767, -32_768):
        samples = around.copy()
        samples[round(3.9 * rate):round(8.3 * rate)] = secret
        with copy_with(tmp_path, samples, rate) as copy:
            heard.append(copy.speech(TimeRange(1.25, 9.75), channel, silent=[TimeRange(3.9, 8.3)]))
    speech = heard[0]
    assert np.array_equal(speech, heard[1]) and np.array_equal(speech, heard[2])
    begin, end = round((3.9 - 1.25) * SPEECH_RATE), round((8.3 - 1.25) * SPEECH_RATE)
    assert not speech[begin:end].any() and len(speech) == pytest.approx(8.5 * SPEECH_RATE, abs=3)
    assert np.abs(speech[begin - 160:begin]).max() > 1_000 and np.abs(speech[end:end + 160]).max() > 1_000


def test_all_of_it_can_be_silent_and_none_of_it(tmp_path: Path) -> None:
    with copy_with(tmp_path, tone(3.0, 300, 44_100), 44_100) as copy:
        assert not copy.speech(TimeRange(0.5, 2.0), silent=[TimeRange(0, 99)]).any()
        everything = copy.speech(TimeRange(0.5, 2.0), silent=())
        assert np.array_equal(everything, copy.speech(TimeRange(0.5, 2.0), silent=[TimeRange(2.5, 3.0)]))


def test_two_channels_are_mixed_without_overflow_or_taken_alone(tmp_path: Path) -> None:
    loud = np.stack([np.full(16_000, 32_767), np.full(16_000, 32_767)], axis=1).astype(np.int16)
    with copy_with(tmp_path, loud) as copy:
        assert copy.speech(TimeRange(0, 1), silent=()).tolist()[:5] == [32_767] * 5
    sides = np.stack([tone(1.0, 300), tone(1.0, 900)], axis=1)
    with copy_with(tmp_path, sides) as copy:
        assert np.array_equal(copy.speech(TimeRange(0, 1), 0, silent=()), sides[:, 0])
        assert np.array_equal(copy.speech(TimeRange(0, 1), 1, silent=()), sides[:, 1])


@pytest.mark.parametrize("count", [1, 4095, 16_000, 64_000 * 3 + 11])
def test_flac_in_memory_is_lossless(count: int) -> None:
    speech = np.random.default_rng(2).integers(-32_768, 32_767, count).astype(np.int16)
    back, rate = soundfile.read(io.BytesIO(flac(speech)), dtype="int16")
    assert rate == SPEECH_RATE and np.array_equal(back, speech)


def test_flac_is_smaller_than_the_samples() -> None:
    assert len(flac(tone(60.0))) < 60 * 16_000 * 2 / 2


def peaks_of(samples: np.ndarray, rate: int = SPEECH_RATE) -> Peaks:
    summary = Summary(bucket_size(rate))
    summary.add(samples.reshape(1, -1))
    return Peaks.build(rate, bucket_size(rate), summary.finish(last=True), len(samples))


@pytest.mark.parametrize("dtype, scale", [(np.int16, 1), (np.int32, 65_536), (np.float32, 1 / 32_768)])
def test_peaks_are_those_of_the_samples(dtype: type, scale: float) -> None:
    samples = NOISE[:86 * 50, 0]
    summary = Summary(86)
    for start in range(0, len(samples), 1000):  # blocks that do not fit the buckets
        summary.add((samples[start:start + 1000].astype(np.float64) * scale).astype(dtype).reshape(1, -1))
    got = summary.finish(last=True)
    cells = samples.reshape(-1, 86).astype(np.float64) / 256
    assert np.abs(got[:, 0] - cells.min(axis=1)).max() <= 1.0 and np.abs(got[:, 1] - cells.max(axis=1)).max() <= 1.0
    rms = np.sqrt((cells ** 2).mean(axis=1)) * 2
    assert np.abs(got[:, 2].view(np.uint8) - rms).max() <= 1.5  # floats count to 127, integers to 128


@given(st.integers(0, 1 << 30), st.sampled_from([1.0, 0.1, 0.012, 1e-6]), st.floats(-1.5, 1.5), st.integers(1, 3))
def test_peaks_of_floats_are_rounded_outwards_also_without_zero_crossing(seed: int, loudness: float, offset: float,
                                                                          channels: int) -> None:
    noise = np.random.default_rng(seed).uniform(-loudness, loudness, (channels, 9 * 86 + 5)).astype(np.float32)
    noise[0, 86:172] += np.float32(offset)
    noise[-1, 172:300] += np.float32(offset * loudness)
    noise[0, 350:600] = 0.0
    summary = Summary(86)
    summary.add(noise[:, :500])
    summary.add(list(noise[:, 500:]))
    got = summary.finish(last=True)
    for number in range(10):
        cell = noise[:, number * 86:(number + 1) * 86].astype(np.float64) * 127
        assert got[number, 0] == np.clip(np.floor(cell.min()), -128, 127), number
        assert got[number, 1] == np.clip(np.ceil(cell.max()), -128, 127), number


def test_a_sample_that_is_no_number_spoils_its_bucket_only() -> None:
    samples = np.full((1, 3 * 86), 0.5, np.float32)
    samples[0, 100], samples[0, 200] = np.nan, -np.nan
    summary = Summary(86)
    summary.add(samples)
    first, second, third = summary.finish().tolist()
    assert first == [63, 64, 127]
    for lowest, highest, rms in (second, third):
        assert lowest == rms == 0 <= highest <= 64


def test_a_louder_channel_shows_in_the_one_envelope() -> None:
    summary = Summary(86)
    summary.add(np.stack([tone(1.0), silence(1.0)]))
    assert summary.finish(last=True)[:, 1].max() == pytest.approx(0.3 * 128, abs=1)


@given(st.integers(1, 400), st.integers(0, 1 << 30))
def test_a_level_folds_the_one_below(count: int, seed: int) -> None:
    base = np.random.default_rng(seed).integers(-128, 127, (count, 3)).astype(np.int8)
    above = fold(base)
    assert len(above) == -(-count // FOLD)
    assert above[:, 0].min() == base[:, 0].min() and above[:, 1].max() == base[:, 1].max()


@given(st.floats(-5, 25), st.floats(1e-4, 1.0), st.integers(1, 300))
def test_columns_hold_every_peak_inside_and_silence_outside(start: float, width: float, count: int) -> None:
    lowest, highest, rms = SPIKES.columns(start, width, count)
    assert len(lowest) == len(highest) == len(rms) == count
    edges = start + np.arange(count + 1) * width
    outside = (edges[:-1] < -SPIKES.bucket_seconds) | (edges[:-1] > SPIKES.seconds + SPIKES.bucket_seconds * FOLD ** 9)
    assert not highest[outside].any() and not lowest[outside].any()
    for spike in SPIKE_SECONDS:
        column = int((spike - start) // width)
        if 1 <= column < count - 1:
            assert highest[column - 1:column + 2].max() > 50, spike


SPIKE_SECONDS = (3.0, 9.5, 15.25)
_spiked = silence(20.0)
for _second in SPIKE_SECONDS:
    _spiked[int(_second * SPEECH_RATE)] = 20_000
SPIKES = peaks_of(_spiked)


def test_peaks_are_saved_and_read_back(tmp_path: Path) -> None:
    SPIKES.save(tmp_path / "a.peaks")
    back = Peaks.load(tmp_path / "a.peaks")
    assert (back.rate, back.bucket, back.frames) == (SPIKES.rate, SPIKES.bucket, SPIKES.frames)
    assert all(np.array_equal(a, b) for a, b in zip(back.levels, SPIKES.levels, strict=True))
    assert [path.name for path in tmp_path.iterdir()] == ["a.peaks"]


@pytest.mark.parametrize("keep", [0, 10, 40, 1000])
def test_a_short_peaks_file_is_refused(tmp_path: Path, keep: int) -> None:
    SPIKES.save(tmp_path / "a.peaks")
    (tmp_path / "a.peaks").write_bytes((tmp_path / "a.peaks").read_bytes()[:keep])
    with pytest.raises(ValueError):
        Peaks.load(tmp_path / "a.peaks")


def talk() -> np.ndarray:
    """Sound with silences at 10–11, 19.6–20.1, 30–30.2 and in the last seconds."""
    samples = tone(40.0, 200)
    for start, end in ((10.0, 11.0), (19.6, 20.1), (30.0, 30.2), (34.0, 40.0)):
        samples[int(start * 16_000):int(end * 16_000)] = 0
    return samples


@pytest.mark.parametrize("near, low, high", [(10.2, 10.1, 10.9), (14.0, 10.1, 10.9), (18.0, 19.7, 20.0)])
def test_a_cut_lies_in_the_nearest_silence(near: float, low: float, high: float) -> None:
    assert low <= quietest_near(peaks_of(talk()), near, 5.0) <= high


@given(st.floats(0, 40), st.floats(0, 50))
def test_a_cut_is_never_further_away_than_its_reach(near: float, reach: float) -> None:
    assert abs(quietest_near(TALK, near, reach) - near) <= reach + 0.2


TALK = peaks_of(talk())


def test_handles_snap_to_where_sound_begins_and_ends() -> None:
    assert speech_edge_near(TALK, 10.95) == pytest.approx(11.0, abs=0.02)
    assert speech_edge_near(TALK, 10.08) == pytest.approx(10.0, abs=0.02)
    assert speech_edge_near(TALK, 15.0) == 15.0


def test_the_share_of_speech_is_measured() -> None:
    assert speech_share(TALK, TimeRange(5, 9)) > 0.95 and speech_share(TALK, TimeRange(10.1, 10.9)) < 0.05
    assert speech_share(TALK, TimeRange(9.5, 10.5)) == pytest.approx(0.5, abs=0.05)


def taking_turns() -> np.ndarray:
    left, right = tone(20.0, 200), tone(20.0, 300)
    left[80_000:160_000] //= 20
    right[:80_000] //= 20
    return np.stack([left, right], axis=1)


@pytest.mark.parametrize("samples, differ", [
    (taking_turns(), True), (np.stack([tone(20.0)] * 2, axis=1), False),
    (np.stack([tone(20.0), tone(20.0) // 2], axis=1), False),
    (np.stack([tone(20.0), silence(20.0)], axis=1), False), (np.stack([silence(20.0)] * 2, axis=1), False),
    (tone(20.0), False)], ids=["turns", "same", "balance", "one side", "silence", "mono"])
def test_two_microphones_are_told_from_two_copies(tmp_path: Path, samples: np.ndarray, differ: bool) -> None:
    with copy_with(tmp_path, samples) as copy:
        assert channels_differ(copy) is differ


def test_two_people_talking_at_once_on_two_channels_differ(tmp_path: Path) -> None:
    samples, rate = soundfile.read(TWO_CHANNELS, dtype="int16")
    with copy_with(tmp_path, samples, rate) as copy:
        assert channels_differ(copy)
