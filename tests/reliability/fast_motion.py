"""R6: hours of recording in minutes, through queue, writer, meter and what a late window would be told."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from desktop.audio.peaks import Summary, bucket_size
from desktop.recording.audience import Audience
from desktop.recording.journal import Journal
from desktop.recording.messages import BUCKET_BYTES, Order, Status
from desktop.recording.sounds import Meter, SoundQueue
from desktop.recording.writer import HEADER_BYTES, Writer

RATE = 48_000
_TO_BEGIN = 600  # seconds after which everything has its usual size
_AT_ONCE = 1 << 16  # bytes
_WRAPS = 65_536  # the samples count up, and begin again


@dataclass
class Hours:
    """What a long recording came to."""

    hours: float
    speed: float = 0.0  # times real time
    gaps: int = 0
    wrong_buckets: int = 0
    grown: int = 0  # bytes of memory since the first ten minutes
    largest: int = 0  # bytes of a file


class Reader:
    """Checks each segment when it is closed, and removes it: twelve hours are 4 GB."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number, self._next = folder, 1, 0
        self.gaps = self.largest = self.frames = 0

    def look(self, all_of_it: bool = False) -> None:
        while (file := self._folder / f"{self._number:04d}.wav").exists():
            if not all_of_it and not (self._folder / f"{self._number + 1:04d}.wav").exists():
                return
            with open(file, "rb") as reader:
                reader.seek(HEADER_BYTES)
                while data := reader.read(_AT_ONCE):  # in small bites: the memory is measured
                    self._check(np.frombuffer(data, np.uint16))
            self.largest, self._number = max(self.largest, file.stat().st_size), self._number + 1
            file.unlink()

    def _check(self, samples: np.ndarray) -> None:
        expected = (self._next + np.arange(len(samples), dtype=np.uint32)).astype(np.uint16)
        self.gaps += int(np.count_nonzero(samples != expected))
        self._next = (self._next + len(samples)) % _WRAPS
        self.frames += len(samples)


def record_hours(folder: Path, hours: float) -> Hours:
    """Record numbered sound as fast as it goes."""
    seconds, found = round(hours * 3600), Hours(hours)
    journal, sounds, meter = Journal(folder), SoundQueue(RATE, 1), Meter(RATE, 1)
    audience = Audience(Status, _nothing, meter)
    writer = Writer(folder, Order(str(folder), rate=RATE), journal, sounds, meter)
    reader = Reader(folder)
    writer.begin()
    writer.start()
    began, before, reading = time.monotonic(), 0, 0.0
    for second in range(seconds):
        while sounds.waiting > 20:
            time.sleep(0.0005)
        sounds.put(_second(second).tobytes())
        audience.collect()
        if second == min(_TO_BEGIN, seconds // 2):
            before = _memory()
        if second % 300 == 0:
            asked = time.monotonic()
            reader.look()
            reading += time.monotonic() - asked  # which is not the recorder's
    writer.stop()
    assert writer.wait(60) and writer.safe_seconds == writer.seconds == seconds
    found.speed = seconds / (time.monotonic() - began - reading)
    found.grown = _memory() - before
    audience.collect()
    journal.close()
    reader.look(all_of_it=True)
    found.gaps = reader.gaps + abs(reader.frames - seconds * RATE) + sounds.times_busy
    found.largest, found.wrong_buckets = reader.largest, _wrong_buckets(audience, seconds)
    return found


def _nothing(wish: dict[str, Any]) -> None:
    pass


def _second(number: int) -> np.ndarray:
    return (np.arange(RATE, dtype=np.uint32) + number * RATE % _WRAPS).astype(np.uint16)


def _wrong_buckets(audience: Audience, seconds: int) -> int:
    """How many of the last minutes' buckets differ from those that are made of the same sound at once."""
    size, last = bucket_size(RATE), min(seconds, 600)
    assert RATE * last % size == 0
    remembered = np.frombuffer(bytes(audience._remembered), np.int8).reshape(-1, BUCKET_BYTES)
    assert audience._forgotten + len(remembered) == seconds * RATE // size
    summary = Summary(size)
    for second in range(seconds - last, seconds):
        summary.add(_second(second).view(np.int16).reshape(1, -1), 1)
    expected = summary.finish()
    return int(np.count_nonzero((remembered[-len(expected):] != expected).any(axis=1)))


def _memory() -> int:
    """Bytes of this process that are in memory; 0 where that is not told."""
    if sys.platform != "linux":
        return 0
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
