"""Recorders that are killed, starved and lied to: what they leave is read back and counted, frame by frame."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop.recording import control, recovery
from desktop.recording.control import Recorder, new_folder
from desktop.recording.flac import blocks
from desktop.recording.messages import Status
from desktop.recording.recovery import Leftover
from desktop.recording.writer import RESERVE
from tests.reliability.fake_device import CHANNELS, RATE, fed, numbers_of, start_recorder

_ONE_AT_A_TIME = threading.Lock()


@dataclass
class Found:
    """What all recordings of a family came to."""

    runs: int = 0
    unreadable: int = 0
    gaps: int = 0  # also frames that are there twice or out of their order
    lost: list[float] = field(default_factory=list)  # seconds at the end, of each
    unmarked: int = 0

    @property
    def worst(self) -> float:
        return max(self.lost, default=0.0)

    def __str__(self) -> str:
        median = float(np.median(self.lost)) if self.lost else 0.0
        return (f"{self.runs} runs, {self.unreadable} unreadable, {self.gaps} gaps or repeats, lost at the end: "
                f"worst {1000 * self.worst:.0f} ms, median {1000 * median:.0f} ms")


class Bench:
    """One recorder with a device of numbers, in a folder of its own."""

    def __init__(self, folder: Path, plan: dict[str, Any] | None = None, **order: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.counter = folder.with_suffix(".fed")
        self.counter.write_bytes(bytes(8))
        self.folder = new_folder(folder)
        start = start_recorder({"counter": str(self.counter), **(plan or {})})
        with _ONE_AT_A_TIME, pytest.MonkeyPatch.context() as patch:
            patch.setattr(control, "start_child", start)
            self.recorder = Recorder(self.folder, channels=CHANNELS, **order)

    @property
    def fed(self) -> int:
        return fed(self.counter)

    def wait_for(self, wanted: Callable[[Status], bool], seconds: float = 15.0) -> Status:
        end = time.monotonic() + seconds
        while not wanted(status := self.recorder.status()):
            assert time.monotonic() < end, f"not seen: {status}"
            time.sleep(0.01)
        return status

    @property
    def lost_at_end(self) -> float:
        """Seconds that the device gave before the stop and that are not there."""
        return (self.fed - int(self.numbers()[-1])) / RATE

    def kill(self) -> None:
        self.recorder._process.send_signal(signal.SIGKILL)
        self.recorder.wait(10)

    def stop(self) -> Status:
        self.recorder.stop()
        return self.recorder.wait(30)

    def look(self) -> Leftover:
        return recovery.look(self.folder, verify=True)

    def numbers(self) -> np.ndarray:
        """The numbers of all frames that are on the disk, in their order."""
        return numbers_in(self.look())


def numbers_in(leftover: Leftover) -> np.ndarray:
    """The numbers of all frames of a recording."""
    found = [numbers_of(np.ascontiguousarray(block)) for block in blocks(leftover.pieces, CHANNELS)]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def breaks(numbers: np.ndarray) -> int:
    """Places where the next number is not the next frame."""
    return int(np.count_nonzero(np.diff(numbers) != 1))


def kill_many(folder: Path, kills: int, seed: int, plan: dict[str, Any] | None = None, at_once: int = 6) -> Found:
    """R1: a quarter of the kills within 100 ms of the start, a rotation or the stop."""
    rng, found = random.Random(seed), Found()
    moments = [(rng.choice(("start", "rotation", "stop")) if n % 4 == 0 else "any", rng.uniform(0, 1))
               for n in range(kills)]
    with ThreadPoolExecutor(at_once) as pool:
        for bench in pool.map(lambda n: _kill_one(folder / f"{n}", *moments[n], plan), range(kills)):
            _count(found, bench)
    return found


def _kill_one(folder: Path, moment: str, part: float, plan: dict[str, Any] | None) -> Bench:
    bench = Bench(folder, plan, segment_seconds=0.7)
    if moment == "start":
        path = bench.folder
        while not path.exists():
            time.sleep(0.001)
        time.sleep(part * 0.1)
    else:
        bench.wait_for(lambda status: bench.fed > 0)
        if moment == "rotation":
            number = 2 + int(part * 2)
            while bench.fed < number * 0.7 * RATE - RATE * 0.05:
                time.sleep(0.001)
            time.sleep(part * 0.1)
        else:
            time.sleep(0.2 + part * 2.3)
        if moment == "stop":
            bench.recorder.stop()
            time.sleep(part * 0.1)
    bench.kill()
    (bench.folder / RESERVE).unlink(missing_ok=True)  # 200 MB each; it holds no sound
    return bench


def _count(found: Found, bench: Bench) -> None:
    found.runs += 1
    given = bench.fed
    leftover = bench.look()
    audio = [file for file in bench.folder.glob("*.wav") if file.stat().st_size >= 44] if bench.folder.exists() else []
    found.unreadable += len(audio) - len(leftover.pieces) + len(leftover.strangers)
    numbers = numbers_in(leftover)
    found.gaps += breaks(numbers) + int(len(numbers) > 0 and numbers[0] != 1)
    found.lost.append((given - (int(numbers[-1]) if len(numbers) else 0)) / RATE)


def kill_parent(folder: Path, seconds: float, orphan_seconds: float) -> tuple[Leftover, int]:
    """R3: the program that shows the recording is killed; what its recorder leaves, and the frames it was given."""
    import subprocess
    import sys

    counter = folder / "fed"
    counter.write_bytes(bytes(8))
    code = ("import sys, json, time\nfrom pathlib import Path\nfrom desktop.recording import control\n"
            "from tests.reliability.fake_device import start_recorder\n"
            "plan, folder, orphan = json.loads(sys.argv[1])\n"
            "control.start_child = start_recorder(plan)\n"
            "r = control.Recorder(Path(folder), channels=2, orphan_seconds=orphan)\n"
            "r.require_started(); r.mark('before the end'); print('on', flush=True); time.sleep(600)\n")
    path = new_folder(folder)
    plan = json.dumps([{"counter": str(counter)}, str(path), orphan_seconds])
    root = str(Path(__file__).resolve().parents[2])
    with subprocess.Popen([sys.executable, "-P", "-c", code, plan], stdout=subprocess.PIPE,
                          env=os.environ | {"PYTHONPATH": root}) as parent:
        assert parent.stdout and parent.stdout.readline() == b"on\n"
        time.sleep(seconds)
        running = recovery.look(path)
        assert running.is_running
        parent.kill()
    end = time.monotonic() + orphan_seconds + 10
    while (leftover := recovery.look(path)).is_running and time.monotonic() < end:
        time.sleep(0.02)
    return leftover, fed(counter)


def fill(path: Path, leave: int) -> None:
    """Fill the small disk below `path` but for `leave` bytes."""
    free = os.statvfs(path)
    with open(path / "filler", "wb") as file:
        left = free.f_bavail * free.f_frsize - leave
        while left > 0:
            file.write(bytes(min(left, 1 << 20)))
            left -= 1 << 20
