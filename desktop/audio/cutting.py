"""Clips for others to hear: cut exactly out of the playback copy, with short fades, in the recording's own quality."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile
import soxr

from desktop.audio.files import PlaybackCopy
from desktop.model import TimeRange

FADE = 0.010  # seconds at both ends, so that nothing clicks
KINDS = {"wav": ("WAV", "PCM_16"), "flac": ("FLAC", "PCM_16"), "mp3": ("MP3", "MPEG_LAYER_III")}

_MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)  # of the format


def cut(copy: Path, time_range: TimeRange, kind: str, *, silent: Iterable[TimeRange]) -> bytes:
    """The range as a whole file of `kind` ("wav", "flac", "mp3"), exact to the sample but for MP3's own padding."""
    with PlaybackCopy(copy) as source:
        pcm = np.concatenate([np.zeros((0, source.channels), np.int16), *source.blocks(time_range, silent=silent)])
        rate = source.rate
    if kind == "mp3" and rate not in _MP3_RATES:
        pcm, rate = soxr.resample(pcm, rate, 48_000), 48_000
    container, subtype = KINDS[kind]
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, pcm.shape[1], subtype, format=container) as target:
        pcm = _faded(pcm, rate)
        for start in range(0, len(pcm), rate):  # lossy encoders of libsndfile overflow on long blocks
            target.write(pcm[start:start + rate])
    return file.getvalue()


def _faded(pcm: np.ndarray, rate: int) -> np.ndarray:
    count = min(round(FADE * rate), len(pcm) // 2)
    if count:
        ramp = (np.arange(count) / count)[:, np.newaxis]
        pcm[:count] = np.rint(pcm[:count] * ramp).astype(np.int16)
        pcm[-count:] = np.rint(pcm[-count:] * ramp[::-1]).astype(np.int16)
    return pcm
