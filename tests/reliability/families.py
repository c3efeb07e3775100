"""Rows R4 to R8 of the design: a disk that fills up, devices and disks that misbehave, windows that freeze.

Each function makes `runs` recordings, several at a time, and gives what was wrong with any of them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop.recording import control
from desktop.recording.messages import State, Status
from tests.reliability.fake_device import RATE
from tests.reliability.harness import Bench, breaks, end_all, fill, frozen_parent, numbers_in

LITTLE: dict[str, Any] = {"least_room": 0, "reserve": 0, "room_every": 0.3}  # no ten minutes, no 200 MB
STOP = 0.05  # seconds that a device still talks when nobody listens any more
CALL = 0.1  # seconds that a call may hold up the window


@dataclass
class Family:
    """What all recordings of a family came to."""

    runs: int = 0
    wrong: list[str] = field(default_factory=list)
    alarms: list[float] = field(default_factory=list)  # seconds from what happened to the alarm
    lost: list[float] = field(default_factory=list)  # seconds at the end that should be there

    def __str__(self) -> str:
        wrong = f" ({'; '.join(self.wrong[:3])})" if self.wrong else ""
        alarm = f", slowest alarm {self.slowest:.2f} s" if self.alarms else ""
        return f"{self.runs} runs, {len(self.wrong)} wrong{wrong}{alarm}, lost at the end: worst {self.worst:.2f} s"

    @property
    def slowest(self) -> float:
        """Seconds to the latest alarm."""
        return max(self.alarms, default=0.0)

    @property
    def worst(self) -> float:
        """The most that one of them lost, in seconds."""
        return max(self.lost, default=0.0)

    def check(self, number: int, bench: Bench, *, gaps: int = 0, whole: bool = True) -> None:
        """Whether what is on the disk is in one piece but for `gaps` places that are marked."""
        numbers = bench.numbers()
        if not len(numbers) or numbers[0] != 1 or breaks(numbers) != gaps:
            self.wrong.append(f"run {number}: {breaks(numbers)} gaps in {len(numbers)} frames from {numbers[:1]}")
        elif whole:
            self.lost.append((bench.fed - int(numbers[-1])) / RATE)
            if self.lost[-1] > STOP:
                self.wrong.append(f"run {number}: {self.lost[-1]:.2f} s lost at the end")


def each(runs: int, work: Callable[[int, Family], None], at_once: int = 6) -> Family:
    """`work` for every number below `runs`; what it asserts in vain is wrong."""
    family = Family(runs)

    def one(number: int) -> None:
        try:
            work(number, family)
        except AssertionError as error:
            family.wrong.append(f"run {number}: {str(error)[:200]}")

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, range(runs)))
    end_all()
    return family


# -- R4 --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 3 MB; root only."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def full_disks(folder: Path, runs: int, seed: int, most_seconds: float = 5.0,
               plan: dict[str, Any] | None = None, patience: float = 15.0) -> Family:
    """R4: disks with room for 0.5 s to `most_seconds`."""
    rng = random.Random(seed)
    rooms = [int(rng.uniform(0.5, most_seconds) * RATE * 4) for _ in range(runs)]

    def run(number: int, family: Family) -> None:
        with small_disk(folder / str(number)) as disk:
            fill(disk, rooms[number])
            bench = Bench(disk / "a", LITTLE | (plan or {}), folder / f"{number}.fed", segment_seconds=0.7)
            full = bench.wait_for(lambda status: "disk_full" in status.alarms, patience)
            fits = rooms[number] / RATE / 4
            family.alarms.append(full.elapsed - fits)
            assert any(str(disk) in sentence for sentence in full.sentences(str(bench.folder.parent))), "disk not named"
            status = bench.stop()
            assert status.state is State.FINISHED and "disk_full" in status.alarms, status
            family.check(number, bench, whole=False)
            family.lost.append(max(0.0, fits - len(bench.numbers()) / RATE))

    return each(runs, run)


# -- R5 --------------------------------------------------------------------------------------------------------


def _watch(bench: Bench, alarm: str, seconds: float) -> tuple[float, Status]:
    """(seconds until the alarm, the status with it); every call of the window's side is timed."""
    began = time.monotonic()
    while True:
        asked = time.monotonic()
        status = bench.recorder.status()
        bench.recorder.sentences()
        bench.recorder.held_peaks()
        now = time.monotonic()
        assert now - asked < CALL, f"held up for {now - asked:.2f} s"
        if alarm in status.alarms:
            return now - began, status
        assert now - began < seconds, f"no {alarm}: {status}"
        time.sleep(0.01)


def lost_devices(folder: Path, runs: int, seed: int, *, kind: str = "", more: dict[str, Any] | None = None,
                 patience: float = 6.0) -> Family:
    """R5: devices that go ("gone"), hang ("hung") or hang for good ("stuck"), or by turns, and come back."""
    rng = random.Random(seed)
    moments = [(rng.uniform(0.3, 1.0), rng.uniform(1.2, 2.5)) for _ in range(runs)]

    def run(number: int, family: Family) -> None:
        at, back = moments[number]
        what = kind or ("gone", "hung", "stuck")[number % 3]
        plan: dict[str, Any] = {"gone": (at, at + 0.2), "back_at": at + back} if what == "gone" else {
            "hung": (at, at + back), "close_hangs": 600 if what == "stuck" else 0.3, "hangs": 1.5}
        bench = Bench(folder / str(number), plan | (more or {}))
        bench.wait_for(lambda status: bench.fed >= (at - 0.02) * RATE)
        seconds, status = _watch(bench, "device_gone" if what == "gone" else "no_sound", patience)
        family.alarms.append(seconds)
        assert status.state is State.INTERRUPTED, status
        before = status.elapsed
        bench.wait_for(lambda status: status.state is State.RECORDING and status.elapsed > before + 0.3, 15)
        bench.stop()
        leftover = bench.look()
        assert breaks(numbers_in(leftover)) == 1 and len(leftover.pieces) >= 2, f"pieces {len(leftover.pieces)}"
        assert any("no sound came from the device" in mark.note for mark in leftover.marks), "not marked"

    return each(runs, run)


def wrong_devices(folder: Path, runs: int, seed: int, *, kind: str, quick: bool = False) -> Family:
    """R5: devices that give only zeros ("silent") or run at another speed ("wrong_rate"); all that comes is kept."""
    rng = random.Random(seed)
    quickly = {"watchdog": {"SILENCE": 0.5}} if quick and kind == "silent" else {}
    moments = [(rng.uniform(0.2, 1.0), rng.choice((0.5, 0.9, 0.919, 1.088, 1.2))) for _ in range(runs)]

    def run(number: int, family: Family) -> None:
        at, speed = moments[number]
        plan = {"zeros": (at, at + 8)} if kind == "silent" else {"speed": speed}
        bench = Bench(folder / str(number), plan | quickly)
        bench.wait_for(lambda status: bench.fed > 0)
        seconds, _ = _watch(bench, kind, 15)
        family.alarms.append(seconds - (at if kind == "silent" else 0))
        bench.stop()
        assert abs(len(bench.numbers()) - bench.fed) <= STOP * RATE, "not all that came is there"

    return each(runs, run)


class Server:
    """A sound server of our own with one sink, "Room", that can be hung, killed and started again."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True)
        self.folder = folder
        self.environment = {"XDG_RUNTIME_DIR": str(folder), "PULSE_RUNTIME_PATH": str(folder)}
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--log-target=stderr",
             "-L", "module-native-protocol-unix",
             "-L", "module-null-sink sink_name=room rate=48000 sink_properties=device.description=Room"],
            env=self._environment | {"HOME": str(self.folder)}, stderr=subprocess.DEVNULL)
        while subprocess.run(["pactl", "info"], env=self._environment, capture_output=True).returncode:
            assert self.process.poll() is None, "the sound server does not start"

    @property
    def _environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name != "PULSE_SERVER"} | self.environment

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()

    def pactl(self, *arguments: str) -> str:
        """Ask or tell this server."""
        return subprocess.run(["pactl", *arguments], env=self._environment, capture_output=True, text=True,
                              check=True).stdout.strip()

    def recorder(self, folder: Path, device: str = "Monitor of Room", **order: Any) -> control.Recorder:
        """The real recorder with PortAudio, on this server's monitor."""
        return _RealRecorder(self, control.new_folder(folder), device, **order)


class _RealRecorder(control.Recorder):
    def __init__(self, server: Server, folder: Path, device: str, **order: Any) -> None:
        self._server = server
        super().__init__(folder, device, **order)

    def _start(self) -> subprocess.Popen[bytes]:
        from desktop.processes import _command

        command, extra = _command("record")
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                env=self._server._environment | extra, start_new_session=True)


def lost_servers(folder: Path, runs: int, seed: int, *, kind: str = "") -> Family:
    """R5: the sound server under a real PortAudio is stopped ("hung") or killed ("killed"), or by turns; comes back."""
    rng = random.Random(seed)
    moments = [(rng.uniform(0.3, 1.0), rng.uniform(0.5, 3.0)) for _ in range(runs)]

    def run(number: int, family: Family) -> None:
        server = Server(folder / f"{number}" / "pulse")
        try:
            _lose(server, folder / f"{number}", *moments[number], kind or ("hung", "killed")[number % 2], family)
        finally:
            server.kill()

    return each(runs, run, at_once=4)


def _lose(server: Server, folder: Path, at: float, back: float, kind: str, family: Family) -> None:
    bench = Bench.of(server.recorder(folder))
    bench.wait_for(lambda status: status.state is State.RECORDING and status.elapsed > at)
    server.signal(signal.SIGSTOP if kind == "hung" else signal.SIGKILL)
    began = time.monotonic()
    while not {"no_sound", "device_gone"} & set((status := bench.recorder.status()).alarms):
        assert time.monotonic() - began < 6, f"no alarm: {status}"
        time.sleep(0.01)
    family.alarms.append(time.monotonic() - began)
    time.sleep(back)
    if kind == "hung":
        server.signal(signal.SIGCONT)
    else:
        server.process.wait()
        server.start()
    before = bench.recorder.status().elapsed
    bench.wait_for(lambda status: status.state is State.RECORDING and status.elapsed > before + 0.3, 40)
    assert bench.stop().state is State.FINISHED
    leftover = bench.look()
    assert len(leftover.pieces) >= 2, "no new piece"
    assert any("no sound came from the device" in mark.note for mark in leftover.marks), "not marked"


# -- R7 and R8 -------------------------------------------------------------------------------------------------


def stalls(folder: Path, runs: int, seconds: float = 5.0) -> Family:
    """R7: the window's process is stopped, or holds on to its interpreter, for `seconds`: by turns."""

    def run(number: int, family: Family) -> None:
        (folder / str(number)).mkdir(parents=True)
        leftover, given = frozen_parent(folder / str(number), seconds, holds_gil=number % 2 == 0)
        numbers = numbers_in(leftover)
        family.lost.append((given - int(numbers[-1])) / RATE)
        assert numbers[0] == 1 and breaks(numbers) == 0, f"{breaks(numbers)} gaps"
        assert family.lost[-1] <= STOP and len(numbers) > seconds * RATE, f"{len(numbers)} frames of {given}"

    return each(runs, run)


def hold_interpreter(seconds: float) -> None:
    """Let nothing else of this process run: no thread, no signal."""
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))


def slow_disks(folder: Path, runs: int, seed: int, sync: float = 3.0) -> Family:
    """R8: fdatasync takes `sync` seconds, or every so-manyth write 1 s."""
    rng = random.Random(seed)
    plans = [{"slow_sync": sync} if n % 2 else {"slow_write": 1.0, "every": rng.randint(60, 120)} for n in range(runs)]

    def run(number: int, family: Family) -> None:
        bench = Bench(folder / str(number), plans[number])
        bench.wait_for(lambda status: status.elapsed > 2.5)
        bench.stop()
        family.check(number, bench)

    return each(runs, run)


def disk_errors(folder: Path, numbers: list[int], *, call: str, plan: dict[str, Any] | None = None,
                patience: float = 0.0) -> Family:
    """R8: the n-th write ("eio_write") or sync ("eio_sync") fails once. A start that fails says so."""
    patience = patience or 5 + max(numbers)  # seconds; two syncs a second, and some more writes

    def run(index: int, family: Family) -> None:
        bench = Bench(folder / str(index), {call: numbers[index]} | (plan or {}), segment_seconds=0.9)
        status = bench.wait_for(lambda status: status.state is State.FAILED or "disk_error" in status.alarms, patience)
        if status.state is State.FAILED:
            assert status.problem == "no_folder" and bench.recorder.sentences(), status
            assert not bench.folder.exists() or not len(bench.numbers()), "a start that failed left sound"
            return
        at = status.elapsed
        bench.wait_for(lambda status: status.elapsed > at + 0.6)
        bench.stop()
        family.check(numbers[index], bench)

    return each(len(numbers), run)
