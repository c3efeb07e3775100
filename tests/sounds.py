"""Recordings for tests: the ones on disk, and odd ones made on the spot."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile

AUDIO = Path(__file__).resolve().parent / "audio"
JFK = AUDIO / "jfk-44k1.m4a"
INTERVIEW = AUDIO / "synthetic-interview.flac"
TWO_CHANNELS = AUDIO / "stereo-two-speakers.wav"


def tone(seconds: float, pitch: float = 440.0, rate: int = 16_000, loudness: float = 0.3) -> np.ndarray:
    """A sine as int16."""
    return (loudness * 32767 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)).astype(np.int16)


def silence(seconds: float, rate: int = 16_000) -> np.ndarray:
    return np.zeros(round(seconds * rate), np.int16)


def turns(count: int, rate: int = 16_000, speech: float = 1.0, pause: float = 1.0) -> np.ndarray:
    """`count` tones of rising pitch with silence after each."""
    pieces = [piece for n in range(count) for piece in (tone(speech, 200 + 40 * n, rate), silence(pause, rate))]
    return np.concatenate(pieces)


def write_wav(path: Path, samples: np.ndarray, rate: int = 16_000) -> Path:
    """A WAV file, 16 bit; `samples` is mono or of shape (n, channels)."""
    soundfile.write(path, samples, rate, "PCM_16", format="WAV")
    return path


def wav_bytes(samples: np.ndarray, rate: int = 16_000, channels: int = 1, claimed_bytes: int | None = None) -> bytes:
    """A WAV whose header may lie about its rate, channels and length."""
    data = samples.astype("<i2").tobytes()
    size = len(data) if claimed_bytes is None else claimed_bytes
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", (36 + size) & 0xFFFFFFFF, b"WAVE", b"fmt ", 16, 1, channels,
                       rate & 0xFFFFFFFF, (rate * channels * 2) & 0xFFFFFFFF, channels * 2, 16, b"data", size)
    return head + data


def caf_with_order(path: Path, samples: np.ndarray, rate: int, labels: Sequence[int]) -> Path:
    """A CAF whose channels have an order of their own; `labels` as in Core Audio: 1 left, 2 right, 3 centre …"""
    size = 2 * len(labels)
    described = b"".join(struct.pack(">II3f", label, 0, 0, 0, 0) for label in labels)
    data = samples.astype(">i2").tobytes()
    path.write_bytes(b"".join((
        b"caff", struct.pack(">HH", 1, 0),
        b"desc", struct.pack(">qd4s5I", 32, rate, b"lpcm", 0, size, 1, len(labels), 16),
        b"chan", struct.pack(">q3I", 12 + len(described), 0, 0, len(labels)), described,
        b"data", struct.pack(">qI", 4 + len(data), 0), data)))
    return path


def encode(path: Path, samples: np.ndarray, rate: int, codec: str, *, layout: str = "mono",
           options: dict[str, str] | None = None, file_format: str | None = None) -> Path:
    """Write int16 samples with any encoder of PyAV; the container follows the ending or `file_format`."""
    with av.open(str(path), "w", format=file_format, options=options or {}) as container:
        stream: Any = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), "s16", layout)
        frame.sample_rate, frame.pts = rate, 0
        resampler = av.AudioResampler(stream.codec_context.format, layout, rate, stream.codec_context.frame_size or 0)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def silent_video(path: Path) -> Path:
    """A short video without a sound track."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")))
        container.mux(stream.encode(None))
    return path


def main_pitch(samples: np.ndarray, rate: int) -> float:
    """The strongest frequency in Hz, between bins by a parabola."""
    window = np.hanning(len(samples))
    power = np.log(np.abs(np.fft.rfft(samples.astype(np.float64) * window)) + 1e-9)
    top = int(np.argmax(power))
    low, mid, high = power[top - 1:top + 2]
    return float((top + 0.5 * (low - high) / (low - 2 * mid + high)) * rate / len(samples))
