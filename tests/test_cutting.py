"""Clips for others: exact to the sample, faded at the ends, silent where it is off the record."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from desktop.audio.cutting import FADE, cut
from desktop.model import TimeRange
from tests.sounds import tone

RATE = 48_000


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    path = tmp_path / "copy.flac"
    sides = np.stack([tone(4.0, 300, RATE), tone(4.0, 700, RATE)], axis=1)
    soundfile.write(path, sides, RATE, subtype="PCM_16")
    return path


def heard(data: bytes) -> tuple[np.ndarray, int]:
    pcm, rate = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    return pcm, rate


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_a_clip_is_the_recording_itself_between_the_fades(copy: Path, kind: str) -> None:
    whole, _ = soundfile.read(copy, dtype="int16", always_2d=True)
    pcm, rate = heard(cut(copy, TimeRange(1.0, 2.5), kind, silent=()))
    fade = round(FADE * RATE)
    assert (rate, pcm.shape) == (RATE, (72_000, 2))
    assert np.array_equal(pcm[fade:-fade], whole[48_000 + fade:120_000 - fade])
    assert not pcm[0].any() and np.abs(pcm[-1]).max() < 200
    rising = np.abs(pcm[:fade, 0].astype(int)).reshape(-1, 48).max(axis=1)
    assert rising[0] < rising[-1]


def test_an_mp3_clip_has_the_length_and_the_sound(copy: Path) -> None:
    pcm, rate = heard(cut(copy, TimeRange(1.0, 2.5), "mp3", silent=()))
    assert rate == RATE and abs(len(pcm) / rate - 1.5) < 0.06
    assert np.abs(pcm).max() > 1000


def test_an_mp3_of_an_unusual_rate_is_made_at_a_usual_one(tmp_path: Path) -> None:
    path = tmp_path / "copy.flac"
    soundfile.write(path, tone(1.0, 300, 96_000), 96_000, subtype="PCM_16")
    assert heard(cut(path, TimeRange(0, 1), "mp3", silent=()))[1] == 48_000


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_what_is_off_the_record_is_digital_silence(copy: Path, kind: str) -> None:
    pcm, _ = heard(cut(copy, TimeRange(0.0, 4.0), kind, silent=[TimeRange(1.0, 2.0)]))
    assert not pcm[48_000:96_000].any()
    assert pcm[47_000:48_000].any() and pcm[96_000:97_000].any()


def test_a_range_past_the_end_gives_what_there_is(copy: Path) -> None:
    assert len(heard(cut(copy, TimeRange(3.5, 9.0), "wav", silent=()))[0]) == 24_000
    assert len(heard(cut(copy, TimeRange(9.0, 9.5), "wav", silent=()))[0]) == 0
