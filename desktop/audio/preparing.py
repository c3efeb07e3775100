"""One decoding pass over an original: peaks and the playback copy, both in the cache and both rebuildable."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from desktop.audio.cache import CacheFiles
from desktop.audio.decoder import Header, decode
from desktop.audio.peaks import Peaks
from desktop.errors import BadAudio, Cancelled
from desktop.model import clock
from desktop.paths import fsync_folder, private_folder
from desktop.sentences import Sentence, say

_LONG = 3600.0  # seconds; what is shorter is done before a second look would help


@dataclass(frozen=True)
class Picture:
    """What is known of the waveform so far: peaks of the decoded part, a sparse overview of the whole."""

    peaks: Peaks | None
    overview: np.ndarray | None  # shape (columns, 3) int16: min, max, rms; columns not looked at are -999
    seconds: float  # expected duration (the header's word until all is decoded)


@dataclass(frozen=True)
class Prepared:
    """The result of the pass: counted duration and what was wrong with the file ("" when nothing)."""

    duration: float
    sample_rate: int
    channels: int
    problem: str
    title: str


def is_worth_halving(header: Header) -> bool:
    """Whether two more processes show the whole waveform much sooner than the one that makes the playback copy."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return header.codec == "aac" and "mp4" in header.container and header.header_seconds >= _LONG and cores >= 4


def sharp_peaks(path: Path, header: Header, check: Callable[[], None]) -> Peaks | None:
    """The peaks of AAC in MP4, decoded by two processes, half of it each; None when one of them could not.

    To be looked at until the pass that counts every sample has come by: the seam is where the file's own times say.
    """
    length = header.bucket / header.rate
    middle = round(header.header_seconds / 2 / length) * length
    halves: list[np.ndarray | None] = [None, None]

    def read(half: int, begin: float, end: float) -> None:
        with contextlib.suppress(BadAudio, Cancelled):
            halves[half] = np.concatenate([m.payload for m in decode(path, "peaks", check, begin, end)
                                           if m.letter == "K"])

    other = threading.Thread(target=read, args=(1, middle, 0.0), daemon=True)
    other.start()
    read(0, 0.0, middle)
    other.join()
    first, second = halves
    if first is None or second is None:
        return None
    base = np.concatenate([first, second])
    return Peaks.build(header.rate, header.bucket, base, len(base) * header.bucket)


def overview(path: Path, check: Callable[[], None], show: Callable[[Picture], None]) -> None:
    """A first picture of the whole file by sparse seeks, shown coarse to fine. Raises BadAudio."""
    for message in decode(path, "overview", check):
        if message.letter == "O":
            show(Picture(None, _overview_columns(message.payload), message.payload["seconds"]))


def prepare(path: Path, cache: CacheFiles, check: Callable[[], None],
            show: Callable[[float, Picture], None]) -> Prepared:
    """Decode `path` once; write peaks and playback copy under temporary names, then rename both.

    `show(fraction, picture)` is called a few times a second. Raises BadAudio or Cancelled; then nothing
    half-made is left behind.
    """
    private_folder(cache.copy.parent)
    temporary = cache.copy.with_name(f"{cache.copy.stem}-{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        return _prepare(path, cache, temporary, check, show)
    finally:
        temporary.unlink(missing_ok=True)


def _prepare(path: Path, cache: CacheFiles, temporary: Path, check: Callable[[], None],
             show: Callable[[float, Picture], None]) -> Prepared:
    header: Header | None = None
    writer: _CopyWriter | None = None
    growing: _GrowingPeaks | None = None
    ahead: _Ahead | None = None
    result: dict[str, Any] = {}
    try:
        for message in decode(path, "full", check):
            if message.letter == "H":
                header = message.payload
                writer, growing = _CopyWriter(temporary, header), _GrowingPeaks(header)
                if is_worth_halving(header):
                    ahead = _Ahead(path, header)
            elif message.letter == "A" and writer:
                writer.write(message.payload)
            elif message.letter == "K" and growing:
                growing.add(message.payload)
            elif message.letter == "T" and growing:
                growing.show(message.payload["seconds"], show, ahead.peaks if ahead else None)
            elif message.letter == "D":
                result = message.payload
    finally:
        if ahead:
            ahead.stop()
        frames = writer.close() if writer else 0
    assert header is not None and growing is not None
    duration = frames / header.copy_rate
    peaks = growing.pyramid(round(duration * header.rate))
    peaks.save(cache.peaks)
    temporary.replace(cache.copy)
    fsync_folder(cache.copy.parent)
    show(1.0, Picture(peaks, None, duration))
    return Prepared(duration, header.rate, header.channels, str(_problem(result, duration)), header.title)


class _Ahead:
    """Runs `sharp_peaks` beside the pass."""

    def __init__(self, path: Path, header: Header) -> None:
        self.peaks: Peaks | None = None  # when all of it is known
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(path, header), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Returns when its processes are gone."""
        self._stopping.set()
        self._thread.join()

    def _run(self, path: Path, header: Header) -> None:
        self.peaks = sharp_peaks(path, header, self._check)

    def _check(self) -> None:
        if self._stopping.is_set():
            raise Cancelled


class _GrowingPeaks:
    """Collects peaks and shows them now and then; showing may take a tenth of the time at most."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._base = np.zeros((4096, 3), np.int8)
        self._count = 0
        self._next_show = 0.0

    def add(self, buckets: np.ndarray) -> None:
        while self._count + len(buckets) > len(self._base):
            self._base = np.concatenate([self._base, np.zeros_like(self._base)])
        self._base[self._count:self._count + len(buckets)] = buckets
        self._count += len(buckets)

    def show(self, seconds: float, show: Callable[[float, Picture], None], whole: Peaks | None = None) -> None:
        """`whole`: all of it is known already, by others."""
        now = time.monotonic()
        if now < self._next_show:
            return
        expected = max(self._header.header_seconds, seconds)
        peaks = whole or self.pyramid(round(seconds * self._header.rate))
        show(min(0.99, seconds / expected), Picture(peaks, None, expected))
        self._next_show = now + max(0.3, 10 * (time.monotonic() - now))

    def pyramid(self, frames: int) -> Peaks:
        return Peaks.build(self._header.rate, self._header.bucket, self._base[:self._count].copy(), frames)


class _CopyWriter:
    """Writes the playback copy (FLAC, 16 bit) on a thread of its own, so that encoding and decoding overlap."""

    def __init__(self, path: Path, header: Header) -> None:
        self._frames = 0
        self._error: BaseException | None = None
        self._blocks: queue.Queue[np.ndarray | None] = queue.Queue(maxsize=8)
        path.unlink(missing_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        self._file = soundfile.SoundFile(path, "w", header.copy_rate, header.copy_channels, "PCM_16", format="FLAC",
                                         compression_level=0.25)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def write(self, pcm: np.ndarray) -> None:
        if self._error:
            raise self._error
        self._blocks.put(pcm)

    def close(self) -> int:
        """Finish the file; gives back the frames written."""
        self._blocks.put(None)
        self._thread.join()
        self._file.close()
        if self._error:
            raise self._error
        return self._frames

    def _run(self) -> None:
        while (block := self._blocks.get()) is not None:
            if self._error:
                continue  # keep draining, so that the decoder is not blocked
            try:
                self._file.write(block)
                self._frames += len(block)
            except (OSError, soundfile.LibsndfileError) as error:
                self._error = OSError(28, f"the playback copy could not be written: {error}")


def _overview_columns(payload: dict[str, Any]) -> np.ndarray:
    picture = np.full((payload["columns"], 3), -999, np.int16)
    for index, *values in payload["values"]:
        picture[index] = values
    return picture


def _problem(result: dict[str, Any], duration: float) -> Sentence | str:
    damage: list[tuple[float, float]] = result["damage"]
    if not damage:
        return ""
    start = damage[0][0]
    if start >= duration - 0.5:
        return say("This file is damaged from {time} on; the first {time} are kept.", time=clock(start))
    lost = sum(seconds for _, seconds in damage)
    if lost < 0.05:
        return say("This file is damaged at {time}; a little of its sound is missing there.", time=clock(start))
    return say("This file is damaged at {time} ({seconds:.1f} s in all cannot be read and are silent here).",
               time=clock(start), seconds=lost)
