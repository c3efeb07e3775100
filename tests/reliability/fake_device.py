"""A device of numbered samples, and the recorder with it as a real process. Never part of the shipped program.

Each frame has two channels: the low and the high 16 bits of its number, so that a lost, doubled or moved frame shows.
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from desktop.recording import child, disk, ear, sounds, watchdog, writer
from desktop.recording.messages import Device

ROOT = Path(__file__).resolve().parents[2]
RATE, CHANNELS = 48_000, 2
_BLOCK = 480


def numbered(first: int, count: int) -> np.ndarray:
    """Frames first, first + 1, … as int16 of shape (count, 2)."""
    numbers = np.arange(first, first + count, dtype=np.uint32)
    return np.stack([numbers & 0xFFFF, numbers >> 16], axis=1).astype(np.uint16).view(np.int16)


def numbers_of(frames: np.ndarray) -> np.ndarray:
    """The other way."""
    halves = frames.reshape(-1, 2).view(np.uint16).astype(np.int64)
    return halves[:, 0] + (halves[:, 1] << 16)


class FakeDevice:
    """Plays numbers from 1 in real time; `plan` says what goes wrong and when (seconds since the first block)."""

    started = 0.0
    opened = 0
    newest: FakeDevice | None = None  # the others go on talking, but nobody listens
    number = 1  # goes on over all openings, as time does

    def __init__(self, plan: dict[str, Any], device: str, channels: int, rate: int, put: Callable[[bytes], None],
                 gone: Callable[[], None]) -> None:
        cls = type(self)
        cls.opened += 1
        self.plan, self._put, self._gone = plan, put, gone
        self._rate = rate * plan.get("speed", 1.0)
        if plan.get("nowhere") or (cls.opened > 1 and time.monotonic() - cls.started < plan.get("back_at", 0)):
            raise OSError("not there")
        cls.started = cls.started or time.monotonic()
        cls.newest = self
        if cls.opened > 1:  # at the first time even a moment's pause here would look like lost frames
            cls.number = max(cls.number, int((time.monotonic() - cls.started) * rate))
        self._ended = threading.Event()
        self._counter = _counter(plan["counter"]) if plan.get("counter") else None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        if self._is("hung") or self.plan.get("close_hangs"):
            time.sleep(self.plan.get("close_hangs", 0))
        self._ended.set()

    def _is(self, what: str) -> bool:
        begin, end = self.plan.get(what, (1e9, 1e9))
        return bool(begin <= time.monotonic() - type(self).started < end)

    def _run(self) -> None:
        began, given = time.monotonic(), 0
        while not self._ended.is_set():
            due = int((time.monotonic() - began) * self._rate) - given
            while due >= _BLOCK and not self._ended.is_set():
                given, due = given + _BLOCK, due - _BLOCK
                if self._is("gone"):
                    self._gone()
                    return
                self._give()
            self._ended.wait(0.005)

    def _give(self) -> None:
        cls = type(self)
        if cls.newest is not self:
            self._put(bytes(_BLOCK * 4))
            return
        block = numbered(cls.number, _BLOCK)
        if self.plan.get("skips") and cls.number % (_BLOCK * 50) < _BLOCK:
            cls.number += 1  # the control: a device that loses a frame
        cls.number += _BLOCK
        if self._is("hung"):
            return
        self._put((block * 0 if self._is("zeros") else block).tobytes())
        if self._counter is not None:
            struct.pack_into("<Q", self._counter, 0, cls.number - 1)


def _counter(path: str) -> mmap.mmap:
    with open(path, "r+b") as file:
        return mmap.mmap(file.fileno(), 8)


def fed(path: Path) -> int:
    """The number of the last frame that the device gave, also after a kill."""
    return int(struct.unpack("<Q", path.read_bytes())[0])


# -- the recorder with it, as a process ------------------------------------------------------------------------


def start_recorder(plan: dict[str, Any]) -> Callable[..., subprocess.Popen[bytes]]:
    """What stands in for processes.start_child in control."""
    def start(name: str) -> subprocess.Popen[bytes]:
        assert name == "record"
        own = {"PYTHONPATH": str(ROOT)} | plan.get("environment", {})
        if plan.get("counter"):
            own["XDG_RUNTIME_DIR"] = str(Path(plan["counter"]).parent)  # a killed one leaves its socket there
        return subprocess.Popen(
            [sys.executable, "-P", "-c", "from tests.reliability.fake_device import main; main()", json.dumps(plan)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None if plan.get("loud") else subprocess.DEVNULL,
            env=os.environ | own, start_new_session=True)
    return start


def main() -> None:
    """The recorder's own main() with a device and a disk that do as the plan says."""
    plan = json.loads(sys.argv[1])
    _spoil_disk(plan)
    for name, value in plan.get("watchdog", {}).items():
        setattr(watchdog, name, value)
    if "queue" in plan:
        sounds.MOST_SECONDS = plan["queue"]
        sounds.SoundQueue.__init__.__defaults__ = (plan["queue"],)
    child.VERY_LOW = plan.get("least_room", child.VERY_LOW)
    writer.RESERVE_BYTES = child.RESERVE_BYTES = plan.get("reserve", child.RESERVE_BYTES)
    ear._HANGS = plan.get("hangs", ear._HANGS)
    child._ROOM_EVERY = plan.get("room_every", child._ROOM_EVERY)
    child.run(sys.stdin.buffer, sys.stdout.buffer,
              lambda *given: FakeDevice(plan, *given), lambda wanted: Device(
                  "fake:1", "Numbers", CHANNELS, RATE, is_monitor=plan.get("monitor", False)))


def _spoil_disk(plan: dict[str, Any]) -> None:
    real_write, real_sync, calls = disk.write, disk.sync, {"write": 0, "sync": 0}

    def write(descriptor: int, data: memoryview) -> int:
        calls["write"] += 1
        time.sleep(plan.get("slow_write", 0) if calls["write"] % plan.get("every", 1) == 0 else 0)
        try:
            if calls["write"] == plan.get("eio_write"):
                real_write(descriptor, data[:len(data) // 3])  # half a frame may be there already
                raise OSError(errno.EIO, "Input/output error")
            return real_write(descriptor, data)
        except OSError:
            if plan.get("deaf"):  # the control: a program that does not hear what the disk says
                return len(data)
            raise

    def sync(descriptor: int) -> None:
        calls["sync"] += 1
        time.sleep(plan.get("slow_sync", 0) if calls["sync"] > 4 else 0)
        if calls["sync"] == plan.get("eio_sync"):
            raise OSError(errno.EIO, "Input/output error")
        if not plan.get("no_sync"):
            real_sync(descriptor)

    disk.sync = sync
    disk.write = _buffered(real_write) if plan.get("buffered") else write


def _buffered(real: Callable[[int, memoryview], int]) -> Callable[[int, memoryview], int]:
    """The control of the kills: a program that keeps a second of sound to itself."""
    held: dict[int, bytes] = {}

    def write(descriptor: int, data: memoryview) -> int:
        held[descriptor] = held.get(descriptor, b"") + bytes(data)
        if len(data) < 100 or len(held[descriptor]) > RATE * CHANNELS * 2:
            whole = memoryview(held.pop(descriptor))
            while whole:
                whole = whole[real(descriptor, whole):]
        return len(data)
    return write
