"""Long recordings made from the sample: 48 kHz speech of two people, looped with small variations, kept for re-use."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
import soxr

from desktop.paths import RESOURCES

RATE = 48_000
TEN_MINUTES, HOUR, LONGEST = 600, 3600, 34_200  # seconds; 9.5 h
FORMATS = ("wav", "mp3", "flac", "m4a", "opus", "ogg")
FOLDER = Path(tempfile.gettempdir()) / "pullquote-benchmarks"
_ENCODERS: dict[str, tuple[str, str, dict[str, str]]] = {  # suffix: codec, sample format, options
    "mp3": ("libmp3lame", "s16p", {"compression_level": "7"}),
    "m4a": ("aac", "fltp", {}),
    "opus": ("libopus", "s16", {"compression_level": "5"}),
}


def recording(seconds: int, suffix: str) -> Path:
    """A recording of that length and format; made at the first call. 9.5 h of WAV and FLAC are mono, else stereo."""
    path = FOLDER / f"speech-{seconds}.{suffix}"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        print(f"  (making {path.name}, once)", flush=True)
        temporary = path.with_name(f"{os.getpid()}-{path.name}")
        try:
            _maker(seconds, suffix)(temporary, seconds)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return path


def _maker(seconds: int, suffix: str) -> Callable[[Path, int], None]:
    if suffix in ("wav", "flac", "ogg"):  # PyAV's wheels have no libvorbis
        return _by_soundfile
    return _by_repeating if seconds > TEN_MINUTES else _by_encoder


def speech(seconds: int, channels: int) -> Iterator[np.ndarray]:
    """int16 blocks of about half a minute, shape (n, channels), `seconds` long in all; the same in every run."""
    chance = np.random.default_rng(7)
    voice = _voice()
    noise = chance.normal(0, 12, (len(voice) + RATE, channels)).astype(np.float32)
    left = seconds * RATE
    while left > 0:
        pause = int(chance.integers(RATE // 10, RATE))
        block = np.roll(noise, int(chance.integers(len(noise))), axis=0)[:len(voice) + pause]
        block[:len(voice)] += voice[:, None] * chance.uniform(0.5, 0.9, channels).astype(np.float32)
        yield block[:left].astype(np.int16)
        left -= len(block)


def _voice() -> np.ndarray:
    pcm, rate = soundfile.read(RESOURCES / "sample" / "katie-steve.wav", dtype="float32")
    return np.asarray(soxr.resample(pcm, rate, RATE), np.float32) * 32767


def _by_soundfile(path: Path, seconds: int) -> None:
    channels = 1 if seconds > HOUR else 2
    subtype = "VORBIS" if path.suffix == ".ogg" else "PCM_16"
    with soundfile.SoundFile(path, "w", RATE, channels, subtype) as file:
        for block in speech(seconds, channels):
            for start in range(0, len(block), RATE // 2):  # libsndfile overflows its stack on long Vorbis blocks
                file.write(block[start:start + RATE // 2])


def _by_encoder(path: Path, seconds: int) -> None:
    codec, sample_format, options = _ENCODERS[path.suffix[1:]]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, RATE, options=options, layout="stereo", format=sample_format)
        stream.bit_rate = 128_000
        resampler = av.AudioResampler(sample_format, "stereo", RATE)
        position = 0
        for block in speech(seconds, 2):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block).reshape(1, -1), "s16", "stereo")
            frame.sample_rate, frame.pts = RATE, position
            position += len(block)
            for piece in resampler.resample(frame):
                container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def _by_repeating(path: Path, seconds: int) -> None:
    """The packets of the 10 min file over and over: a whole encoding would take minutes."""
    source = recording(TEN_MINUTES, path.suffix[1:])
    with av.open(str(path), "w") as target:
        stream: Any = None
        end = 0
        for _ in range(seconds // TEN_MINUTES):
            with av.open(str(source)) as container:
                origin = container.streams.audio[0]
                stream = stream or target.add_stream_from_template(origin)
                packets: list[Any] = [packet for packet in container.demux(origin) if packet.size]
                shift = end - packets[0].pts
                for packet in packets:
                    end = packet.pts + shift + packet.duration
                    packet.stream, packet.pts, packet.dts = stream, packet.pts + shift, packet.pts + shift
                    target.mux(packet)
