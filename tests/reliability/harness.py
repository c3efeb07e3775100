"""Recorders that are killed, starved and lied to: what they leave is read back and counted, frame by frame."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop.recording import control, recovery
from desktop.recording.control import Recorder, new_folder
from desktop.recording.flac import blocks
from desktop.recording.messages import State, Status
from desktop.recording.recovery import Leftover
from desktop.recording.writer import RESERVE
from tests.reliability.fake_device import CHANNELS, RATE, fed, numbers_of, start_recorder
from tests.reliability.power import Disk

_ONE_AT_A_TIME = threading.Lock()
_MADE: weakref.WeakSet[Bench] = weakref.WeakSet()
_BLOCK_BYTES = 4096  # of a file system: 21 ms of sound


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

    def __init__(self, folder: Path, plan: dict[str, Any] | None = None, counter: Path | None = None,
                 **order: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.counter = counter or folder.with_suffix(".fed")
        self.counter.write_bytes(bytes(8))
        self.folder = new_folder(folder)
        start = start_recorder({"counter": str(self.counter), **(plan or {})})
        with _ONE_AT_A_TIME, pytest.MonkeyPatch.context() as patch:
            patch.setattr(control, "start_child", start)
            self.recorder = Recorder(self.folder, channels=CHANNELS, **order)
        _MADE.add(self)

    @classmethod
    def of(cls, recorder: Recorder) -> Bench:
        """With a real device."""
        bench = cls.__new__(cls)
        bench.recorder, bench.folder = recorder, recorder.folder
        return bench

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
        assert self.recorder._process
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


def end_all() -> None:
    """Kill the recorders that nobody stopped: those of runs that went wrong."""
    for bench in list(_MADE):
        process = bench.recorder._process
        if process is not None and process.poll() is None:
            process.kill()


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


# -- R2: power cuts --------------------------------------------------------------------------------------------


@dataclass
class AfterCuts(Found):
    """What power cuts came to; a run is what one recorder left after one cut."""

    missing: int = 0  # recordings of which the window had been told that they record
    broken: int = 0  # times that less was there than had been told to be safe on the disk

    def __str__(self) -> str:
        return (f"{super().__str__()}, {self.missing} missing, {self.broken} with less than was said to be safe")


def cut_power(folder: Path, cuts: int, seed: int, plan: dict[str, Any] | None = None, oldest: float = 9.0,
              youngest: float = 0.0, at_once: int = 3) -> AfterCuts:
    """R2: cut the power of recorders of any age up to `oldest` seconds, and read what is on the disk."""
    rng, found = random.Random(seed), AfterCuts()
    folder.mkdir(parents=True, exist_ok=True)
    running: list[Bench] = []
    ages: list[float] = []
    with Disk(folder) as disk:
        try:
            for number in range(cuts):
                for old in [n for n, age in enumerate(ages) if time.monotonic() > age][::-1]:
                    _remove(running.pop(old))
                    ages.pop(old)
                while len(running) < at_once:
                    ages.append(time.monotonic() + rng.uniform(0.3, 1.0) * oldest)
                    running.append(_on_disk(disk, folder / f"{number}-{len(running)}.fed", plan))
                time.sleep(rng.uniform(0.1, 1.0) * oldest / 8 + (0 if number else youngest))
                _cut(disk, running, found)
        finally:
            for bench in running:
                _remove(bench)
    return found


def _on_disk(disk: Disk, counter: Path, plan: dict[str, Any] | None) -> Bench:
    return Bench(disk.path / "recordings", {"least_room": 0, "reserve": 1 << 20, **(plan or {})}, counter,
                 segment_seconds=1.7)


def _remove(bench: Bench) -> None:
    bench.kill()
    shutil.rmtree(bench.folder, ignore_errors=True)


def _cut(disk: Disk, running: list[Bench], found: AfterCuts) -> None:
    told = [bench.recorder.status() for bench in running]
    clone = disk.clone()
    given = [bench.fed for bench in running]  # after it: a little more than at the cut
    with disk.again(clone) as again:
        for bench, status, number in zip(running, told, given, strict=True):
            folder = again / bench.folder.relative_to(disk.path)
            if status.state is State.RECORDING:
                _count_cut(folder, status, number, found)


def _count_cut(folder: Path, status: Status, given: int, found: AfterCuts) -> None:
    found.runs += 1
    leftover = recovery.look(folder, verify=True) if folder.exists() else None
    if leftover is None or not leftover.pieces:
        found.missing += 1
        found.lost.append(given / RATE)
        return
    numbers = _without_empty_end(numbers_in(leftover))
    found.unreadable += len(list(folder.glob("*.wav"))) - len(leftover.pieces) + len(leftover.strangers)
    found.gaps += breaks(numbers) + int(len(numbers) > 0 and numbers[0] != 1)
    found.lost.append((given - (int(numbers[-1]) if len(numbers) else 0)) / RATE)
    found.broken += len(numbers) < (status.safe - 0.001) * RATE


def _without_empty_end(numbers: np.ndarray) -> np.ndarray:
    """Without the zeros at the end that stand for frames which never reached the disk.

    ext4 writes down a file's new length before the sound that was added to its last block; more is a gap.
    """
    sound = np.flatnonzero(numbers)
    end = int(sound[-1]) + 1 if len(sound) else 0
    return numbers[:end] if len(numbers) - end < _BLOCK_BYTES // (2 * CHANNELS) else numbers


# -- R3: the window's death ------------------------------------------------------------------------------------


@contextlib.contextmanager
def parent(folder: Path, orphan_seconds: float, then: str) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """A program with a recording (its `r`) that does `then` at every line it is given: (its folder, its process)."""
    counter = folder / "fed"
    counter.write_bytes(bytes(8))
    code = ("import sys, json, time\nfrom pathlib import Path\nfrom desktop.recording import control\n"
            "from tests.reliability.fake_device import start_recorder\n"
            "plan, folder, orphan = json.loads(sys.argv[1])\n"
            "control.start_child = start_recorder(plan)\n"
            "r = control.Recorder(Path(folder), channels=2, orphan_seconds=orphan, title='Talk')\n"
            "r.require_started(); r.mark('before the end'); print('on', flush=True)\n"
            f"for line in sys.stdin:\n    {then}\n    print('done', flush=True)\n")
    path = new_folder(folder)
    plan = json.dumps([{"counter": str(counter)}, str(path), orphan_seconds])
    root = str(Path(__file__).resolve().parents[2])
    with subprocess.Popen([sys.executable, "-P", "-c", code, plan], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env=os.environ | {"PYTHONPATH": root}) as process:
        assert process.stdout and process.stdout.readline() == b"on\n"
        yield path, process


def killed_parent(folder: Path, seconds: float, orphan_seconds: float) -> Path:
    """The folder of a recording whose program was killed after `seconds`; its recorder is still at work there."""
    with parent(folder, orphan_seconds, "pass") as (path, process):
        time.sleep(seconds)
        assert recovery.look(path).is_running
        process.kill()
    return path


def frozen_parent(folder: Path, seconds: float, *, holds_gil: bool) -> tuple[Leftover, int]:
    """R7: what is recorded while the program stands still for `seconds`, and the number of the last frame given."""
    then = f"hold_interpreter({seconds})" if holds_gil else "pass"
    with parent(folder, 30.0, f"from tests.reliability.families import hold_interpreter; {then}\n"
                              "    r.stop(); r.wait(30)") as (path, process):
        if not holds_gil:
            process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            process.send_signal(signal.SIGCONT)
        process.communicate(b"end\n", seconds + 30)
    return recovery.look(path, verify=True), fed(folder / "fed")


def kill_parent(folder: Path, seconds: float, orphan_seconds: float) -> tuple[Leftover, int]:
    """R3: what the recorder leaves whose program was killed, and the number of the last frame it was given."""
    path = killed_parent(folder, seconds, orphan_seconds)
    end = time.monotonic() + orphan_seconds + 10
    while (leftover := recovery.look(path)).is_running and time.monotonic() < end:
        time.sleep(0.02)
    return leftover, fed(folder / "fed")


def fill(path: Path, leave: int) -> None:
    """Fill the small disk below `path` but for `leave` bytes."""
    free = os.statvfs(path)
    with open(path / "filler", "wb") as file:
        left = free.f_bavail * free.f_frsize - leave
        while left > 0:
            file.write(bytes(min(left, 1 << 20)))
            left -= 1 << 20
