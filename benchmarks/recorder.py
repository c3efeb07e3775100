"""What recording costs and whether a busy window can harm it: H1 of performance.md."""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.harness import Timing, alternate, cpu_ratio, headline, is_long, show
from desktop.recording.journal import Journal
from desktop.recording.messages import Order
from desktop.recording.sounds import Meter, Sound, SoundQueue
from desktop.recording.writer import SYNC_SECONDS, Writer

_RATE = 48_000
_BLOCK = 1024
_SECONDS = 10.0


def main() -> None:
    """Print the writer's share of a core beside that of a plain writer, and what a hog in the window costs."""
    with tempfile.TemporaryDirectory() as folder:
        counter = iter(range(1000))
        for channels, goal in ((1, 0.5), (2, None)):
            headline(f"{_RATE} Hz, {channels} channels, real time, {_SECONDS:.0f} s each, blocks of {_BLOCK}")
            pairs = alternate(lambda channels=channels: _plain(Path(folder) / f"{next(counter)}.wav", channels),
                              lambda channels=channels: _ours(Path(folder) / f"{next(counter)}.rec", channels),
                              pairs=5 if is_long() else 3)
            show("writer, journal, meter, waveform", _share([subject for _, subject in pairs]), "% core", most=goal)
            show("reference: libsndfile and fdatasync", _share([plain for plain, _ in pairs]), "% core")
            show("ratio", cpu_ratio(pairs), "x")
        headline("a window that holds its interpreter for 1 s while the recorder records")
        _hog(Path(folder))


def _share(timings: list[Timing]) -> float:
    return statistics.median(100 * timing.cpu / timing.wall for timing in timings)


def _hog(folder: Path) -> None:
    from tests.reliability.families import RATE, stalls

    found = stalls(folder / "hog", 4, seconds=1.0)
    show("recordings with gaps, of 4", len(found.wrong), "", most=0, more="; ".join(found.wrong[:2]))
    show("frames lost at the end", found.worst * RATE, "frames", more="what the device gave while it was being closed")


def _ours(folder: Path, channels: int) -> Timing:
    """Everything between the audio callback and the disk, but for telling the window."""
    folder.mkdir()
    journal, sounds, meter = Journal(folder), SoundQueue(_RATE, channels), Meter(_RATE, channels)
    writer = Writer(folder, Order(str(folder), channels=channels, rate=_RATE), journal, sounds, meter)
    writer.begin()
    writer.start()
    timing = _fed(sounds.put, channels)
    writer.stop()
    assert writer.wait(60) and writer.gaps == 0
    journal.close()
    return timing


def _plain(path: Path, channels: int) -> Timing:
    """The reference: what somebody would write in ten lines with the same promise, without journal and waveform."""
    sounds, ended = SoundQueue(_RATE, channels), threading.Event()

    def write() -> None:
        with soundfile.SoundFile(path, "w", _RATE, channels, "PCM_16") as file:
            descriptor, synced = os.open(path, os.O_RDWR), time.monotonic()
            while not ended.wait(0.02):
                while isinstance(item := sounds.take(), Sound):
                    file.buffer_write(item.data, "int16")
                    sounds.written(len(item.data) // sounds.frame_bytes)
                if time.monotonic() - synced > SYNC_SECONDS:
                    os.fdatasync(descriptor)
                    synced = time.monotonic()
            os.close(descriptor)

    thread = threading.Thread(target=write)
    thread.start()
    timing = _fed(sounds.put, channels)
    ended.set()
    thread.join()
    return timing


def _fed(put: Callable[[bytes], None], channels: int) -> Timing:
    """Give out blocks as a device does; the processor's time of all other threads of this process."""
    sound = np.random.default_rng(1).integers(-9000, 9000, (_RATE, channels)).astype(np.int16)
    blocks = [sound[at:at + _BLOCK].tobytes() for at in range(0, _RATE - _BLOCK, _BLOCK)]
    began, process, own = time.monotonic(), time.process_time(), time.thread_time()
    number = 0
    while (now := time.monotonic() - began) < _SECONDS:
        if number * _BLOCK <= now * _RATE:
            put(blocks[number % len(blocks)])
            number += 1
        else:
            time.sleep(_BLOCK / _RATE / 4)
    return Timing(time.monotonic() - began, time.process_time() - process - (time.thread_time() - own))


if __name__ == "__main__":
    main()
