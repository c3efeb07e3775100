"""Segments into one file, and the proof that it holds the same sound."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from desktop.audio.peaks import Peaks, Summary, bucket_size
from desktop.recording import disk
from desktop.recording.messages import SAMPLE_BYTES
from desktop.recording.writer import HEADER_BYTES, header

_BLOCK_FRAMES = 1 << 16
_LEAST_ROOM = 1 << 20  # bytes; with less, a refusal is one of a full disk
_LONGEST_WAV = 0xFFFFFFFF - 36 - 64


@dataclass(frozen=True)
class Piece:
    """A segment file and how many whole frames it holds."""

    path: Path
    frames: int


def blocks(pieces: Iterable[Piece], channels: int) -> Iterator[np.ndarray]:
    """The sound of all pieces in their order, int16 of shape (n, channels). OSError when one is shorter than said."""
    for piece in pieces:
        left = piece.frames
        with open(piece.path, "rb") as file:
            file.seek(HEADER_BYTES)
            while left:
                count = min(left, _BLOCK_FRAMES)
                data = file.read(count * channels * SAMPLE_BYTES)
                if len(data) < count * channels * SAMPLE_BYTES:
                    raise OSError(5, f"{piece.path.name} became shorter")
                left -= count
                yield np.frombuffer(data, "<i2").reshape(-1, channels)


def convert(pieces: list[Piece], target: Path, rate: int, channels: int,
            report: Callable[[float], None]) -> tuple[str, Peaks]:
    """Write `target` durably; gives the SHA-256 of the sound and its waveform. `report` gets 0..1 and may raise."""
    total = max(1, sum(piece.frames for piece in pieces))
    digest, summary, done = hashlib.sha256(), Summary(bucket_size(rate)), 0
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
    try:
        with soundfile.SoundFile(target, "w", rate, channels, "PCM_16", format="FLAC", compression_level=0.5) as file:
            for block in blocks(pieces, channels):
                file.write(block)
                digest.update(block.tobytes())
                summary.add(block.reshape(1, -1), channels)
                done += len(block)
                report(done / total)
    except soundfile.LibsndfileError as error:  # it does not say why
        number = errno.ENOSPC if disk.free(target.parent) < _LEAST_ROOM else errno.EIO
        raise OSError(number, os.strerror(number)) from error
    descriptor = os.open(target, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return digest.hexdigest(), Peaks.build(rate, bucket_size(rate), summary.finish(last=True), done)


def join_wav(pieces: list[Piece], target: Path, rate: int, channels: int) -> None:
    """One WAV of all pieces, durably. OSError when it is more than a WAV can hold."""
    size = sum(piece.frames for piece in pieces) * channels * SAMPLE_BYTES
    if size > _LONGEST_WAV:
        raise OSError(27, "longer than a WAV file can be; write a .flac")
    with open(target, "xb") as file:
        file.write(header(rate, channels, size))
        for block in blocks(pieces, channels):
            file.write(block.tobytes())
        file.flush()
        os.fsync(file.fileno())


def sound_digest(path: Path, report: Callable[[float], None]) -> str:
    """The SHA-256 of the sound in a FLAC file, decoded. OSError when it cannot be."""
    digest, done = hashlib.sha256(), 0
    try:
        with soundfile.SoundFile(path) as file:
            for block in file.blocks(_BLOCK_FRAMES, dtype="int16", always_2d=True):
                digest.update(block.tobytes())
                done += len(block)
                report(done / max(1, file.frames))
    except soundfile.LibsndfileError as error:
        raise OSError(5, f"the FLAC file cannot be read: {error}") from error
    return digest.hexdigest()
