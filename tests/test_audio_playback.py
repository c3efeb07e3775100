"""What the player plays: the right frames, at any speed with the pitch kept, and a clock that knows where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from desktop.audio.playback import FASTEST, SLOWEST, PlaybackSource
from desktop.model import TimeRange
from tests.sounds import main_pitch, tone

RATE = 16_000
RAMP = (np.arange(RATE * 10) % 30_000).astype(np.int16)  # every sample says where it is


@pytest.fixture
def ramp(tmp_path: Path) -> Iterator[PlaybackSource]:
    soundfile.write(tmp_path / "ramp.flac", RAMP, RATE, "PCM_16", format="FLAC")
    source = PlaybackSource(tmp_path / "ramp.flac")
    yield source
    source.close()


@pytest.fixture
def sine(tmp_path: Path) -> Iterator[PlaybackSource]:
    soundfile.write(tmp_path / "sine.flac", np.stack([tone(12.0), tone(12.0)], axis=1), RATE, "PCM_16", format="FLAC")
    source = PlaybackSource(tmp_path / "sine.flac")
    yield source
    source.close()


def play(source: PlaybackSource, block: int = 1000) -> np.ndarray:
    """Everything that is given out until the end."""
    pieces = []
    while data := source.read(block):
        pieces.append(np.frombuffer(data, np.int16).reshape(-1, source.channels))
        assert len(pieces) < 10_000
    return np.concatenate(pieces) if pieces else np.zeros((0, source.channels), np.int16)


@pytest.mark.parametrize("seconds", [0.0, 1.0, 3.21875, 9.9])
def test_playing_begins_at_exactly_the_sample(ramp: PlaybackSource, seconds: float) -> None:
    ramp.start(seconds)
    assert np.array_equal(play(ramp)[:, 0], RAMP[round(seconds * RATE):])


def test_playing_ends_where_it_should(ramp: PlaybackSource) -> None:
    ramp.start(2.0, until=3.5)
    assert np.array_equal(play(ramp)[:, 0], RAMP[2 * RATE:round(3.5 * RATE)])
    ramp.start(9.5, until=99.0)
    assert len(play(ramp)) == RATE // 2
    ramp.start(50.0)
    assert ramp.read(1000) == b""


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 1.5, 2.0, 2.5, 3.0])
def test_speed_changes_the_length_and_keeps_the_pitch(sine: PlaybackSource, speed: float) -> None:
    sine.start(0.0, speed=speed)
    pcm = play(sine)
    assert len(pcm) == pytest.approx(12.0 * RATE / speed, rel=0.03)
    middle = pcm[RATE // 2:len(pcm) - RATE // 2, 0]
    assert main_pitch(middle, RATE) == pytest.approx(440, rel=0.01)
    assert np.abs(middle).max() == pytest.approx(0.3 * 32767, rel=0.15)


@pytest.mark.parametrize("speed, real", [(0.1, SLOWEST), (9.0, FASTEST)])
def test_speed_has_limits(sine: PlaybackSource, speed: float, real: float) -> None:
    sine.start(0.0, speed=speed)
    assert len(play(sine)) == pytest.approx(12.0 * RATE / real, rel=0.03)


@pytest.mark.parametrize("device_rate", [44_100, 48_000])
def test_the_rate_of_the_device_is_given_out(sine: PlaybackSource, device_rate: int) -> None:
    sine.start(0.0, rate=device_rate)
    pcm = play(sine)
    assert sine.rate == device_rate and len(pcm) == pytest.approx(12.0 * device_rate, rel=0.01)
    assert main_pitch(pcm[5000:-5000, 1], device_rate) == pytest.approx(440, rel=0.005)


@pytest.mark.parametrize("speed, rate", [(1.0, 0), (0.5, 0), (1.5, 0), (3.0, 0), (1.0, 48_000), (2.0, 48_000)])
def test_the_clock_knows_the_place_of_every_frame(sine: PlaybackSource, speed: float, rate: int) -> None:
    sine.start(2.0, speed=speed, rate=rate)
    assert sine.position(0) == 2.0
    total = len(play(sine))
    assert sine.position(total) == pytest.approx(12.0, abs=0.12)
    assert sine.position(total // 2) == pytest.approx(7.0, abs=0.08)
    assert sine.position(10 * total) == 12.0


def test_a_loop_goes_round_without_a_gap(ramp: PlaybackSource) -> None:
    ramp.start(1.0, loop=TimeRange(1.0, 1.5))
    got = np.frombuffer(b"".join(ramp.read(700) for _ in range(40)), np.int16)
    assert np.array_equal(got[:24_000], np.tile(RAMP[RATE:RATE + RATE // 2], 3))
    assert len(got) == 28_000


def test_the_clock_follows_a_loop(ramp: PlaybackSource) -> None:
    ramp.start(1.0, loop=TimeRange(1.0, 1.5))
    for _ in range(40):
        ramp.read(700)
    for played, seconds in ((0, 1.0), (4000, 1.25), (8000, 1.0), (12_000, 1.25), (20_000, 1.25)):
        assert ramp.position(played) == pytest.approx(seconds, abs=0.001)


def test_a_loop_begins_with_what_lies_before_it(ramp: PlaybackSource) -> None:
    ramp.start(0.5, loop=TimeRange(1.0, 1.5))
    got = np.frombuffer(b"".join(ramp.read(1000) for _ in range(24)), np.int16)
    assert np.array_equal(got[:16_000], RAMP[8_000:24_000]) and np.array_equal(got[16_000:24_000], RAMP[16_000:24_000])


def test_a_loop_at_speed_keeps_the_pitch(sine: PlaybackSource) -> None:
    sine.start(2.0, speed=1.5, loop=TimeRange(2.0, 4.0))
    got = np.frombuffer(b"".join(sine.read(2000) for _ in range(60)), np.int16).reshape(-1, 2)
    assert len(got) >= 100_000 and main_pitch(got[3000:19_000, 0], RATE) == pytest.approx(440, rel=0.01)


def test_a_loop_too_short_to_hear_is_no_loop(ramp: PlaybackSource) -> None:
    ramp.start(9.0, loop=TimeRange(2.0, 2.01))
    assert len(play(ramp)) == RATE


def test_starting_anew_forgets_the_past(sine: PlaybackSource) -> None:
    sine.start(0.0, speed=3.0)
    sine.read(5000)
    sine.start(5.0)
    assert sine.rate == RATE and sine.position(0) == 5.0 and len(play(sine)) == 7 * RATE
