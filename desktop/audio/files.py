"""Reading the playback copy that we wrote: exact ranges, clips to send, FLAC in memory."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr

from desktop.model import TimeRange

SPEECH_RATE = 16_000  # Hz; what both engines hear
_BLOCK_SECONDS = 4


class PlaybackCopy:
    """An open playback copy. Reads are exact to the sample; not for use by two threads at once."""

    def __init__(self, path: Path) -> None:
        self._file = soundfile.SoundFile(path)
        self.rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.frames: int = self._file.frames

    @property
    def seconds(self) -> float:
        return self.frames / self.rate

    def read(self, frame: int, count: int) -> np.ndarray:
        """`count` frames from `frame` on, int16 of shape (n, channels); shorter at the end."""
        frame = min(max(0, frame), self.frames)
        if self._file.tell() != frame:
            self._file.seek(frame)
        pcm: np.ndarray = self._file.read(count, dtype="int16", always_2d=True)
        return pcm

    def blocks(self, time_range: TimeRange, *, silent: Iterable[TimeRange]) -> Iterator[np.ndarray]:
        """The range in blocks of a few seconds; digital silence in the stretches `silent`.

        The one way by which sound leaves this program: what is off the record has to be named by every caller.
        """
        off = [_wide(stretch, self.rate) for stretch in silent]
        frame, end = self._frames_of(time_range)
        while frame < end:
            block = self.read(frame, min(_BLOCK_SECONDS * self.rate, end - frame))
            if not len(block):
                return
            _silence(block, frame, off)
            frame += len(block)
            yield block

    def speech(self, time_range: TimeRange, channel: int | None = None, *, silent: Iterable[TimeRange]) -> np.ndarray:
        """The range as the engines hear it: 16 kHz mono int16. `channel` takes one instead of the mix."""
        return np.concatenate([np.zeros(0, np.int16), *self.speech_blocks(time_range, channel, silent=silent)])

    def speech_blocks(self, time_range: TimeRange, channel: int | None = None, *,
                      silent: Iterable[TimeRange]) -> Iterator[np.ndarray]:
        """The same in blocks, for what is too long to be held in memory.

        Silenced before it is resampled, so that nothing of it gets into its neighbourhood; and once more after that,
        because what is heard around it swings on into it for some milliseconds.
        """
        silent = tuple(silent)
        mono = (_mono(block, channel) for block in self.blocks(time_range, silent=silent))
        if self.rate == SPEECH_RATE:
            yield from mono
            return
        begin = self._frames_of(time_range)[0] / self.rate
        off = [_wide(TimeRange(stretch.start - begin, stretch.end - begin), SPEECH_RATE) for stretch in silent]
        resampler = soxr.ResampleStream(self.rate, SPEECH_RATE, 1, dtype="int16", quality="MQ")
        done = 0
        for chunk in chain(map(resampler.resample_chunk, mono), _rest(resampler)):
            _silence(chunk, done, off)
            done += len(chunk)
            yield chunk

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> PlaybackCopy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _frames_of(self, time_range: TimeRange) -> tuple[int, int]:
        start = min(self.frames, max(0, round(time_range.start * self.rate)))
        return start, min(self.frames, max(start, round(time_range.end * self.rate)))


def encode(speech: Iterable[np.ndarray], file: BinaryIO, kind: str) -> None:
    """Blocks of 16 kHz mono int16 into an open file: as "flac", or as "ogg", which is Vorbis.

    Vorbis is about a third of FLAC, and keeps times to the sample, unlike MP3.
    """
    subtype, container = ("VORBIS", "OGG") if kind == "ogg" else ("PCM_16", "FLAC")
    options = {} if kind == "ogg" else {"compression_level": 0.6}
    with soundfile.SoundFile(file, "w", SPEECH_RATE, 1, subtype, format=container, **options) as target:
        for block in speech:
            for start in range(0, len(block), SPEECH_RATE // 2):  # libsndfile overflows its stack on long Vorbis blocks
                target.write(block[start:start + SPEECH_RATE // 2])


def flac(speech: np.ndarray) -> bytes:
    """16 kHz mono int16 as FLAC bytes."""
    buffer = io.BytesIO()
    encode([speech], buffer, "flac")
    return buffer.getvalue()


MIME_TYPES = {"flac": "audio/flac", "ogg": "audio/ogg"}


def _wide(stretch: TimeRange, rate: int) -> tuple[int, int]:
    """The frames of a stretch, with those that it only begins or ends in."""
    return math.floor(stretch.start * rate), math.ceil(stretch.end * rate)


def _silence(block: np.ndarray, frame: int, off: Iterable[tuple[int, int]]) -> None:
    """Zeros in a block that begins at `frame`."""
    for begin, end in off:
        block[max(0, begin - frame):max(0, end - frame)] = 0


def _rest(resampler: soxr.ResampleStream) -> Iterator[np.ndarray]:
    """What a resampler still holds, once all was put in."""
    yield resampler.resample_chunk(np.zeros(0, np.int16), last=True)


def _mono(block: np.ndarray, channel: int | None) -> np.ndarray:
    if channel is not None:
        return np.ascontiguousarray(block[:, channel])
    if block.shape[1] == 1:
        return block[:, 0]
    mixed: np.ndarray = (block[:, 0].astype(np.int32) + block[:, 1]) >> 1
    return mixed.astype(np.int16)
