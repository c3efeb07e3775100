"""The program's side of the recorder: starts it, wishes, and what it last said. Nothing here blocks the window."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import threading
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from desktop.audio.peaks import Peaks, bucket_size
from desktop.cleaning import clean_name
from desktop.errors import UserError
from desktop.paths import private_folder
from desktop.processes import end_child, start_child
from desktop.recording import channel
from desktop.recording.messages import (
    BUCKET_BYTES,
    ENDED,
    PROBLEMS,
    Device,
    Order,
    State,
    Status,
    read_devices,
    read_status,
    write_order,
    write_wish,
)
from desktop.sentences import Sentence, say

SUFFIX = ".rec"
_SILENT_CHILD = 2.0  # seconds without a status until it is an alarm
_PATIENCE = 15.0  # for the list of devices
_LEVEL_SHOWN = 1.5  # seconds that a peak or a clipped sample stays
_AT_ONCE = 4096  # buckets of the waveform to begin with
_MOST_BUCKETS = 1 << 26  # four days


def devices() -> list[Device]:
    """Everything that can be recorded from now, the system's choice first; none without PortAudio. Takes 0.3 s."""
    process = start_child("record")
    timer = threading.Timer(_PATIENCE, process.kill)
    timer.start()
    try:
        assert process.stdin and process.stdout
        process.stdin.write(b"devices\n")
        process.stdin.flush()
        return read_devices(process.stdout.readline())
    except (OSError, ValueError):
        return []
    finally:
        timer.cancel()
        end_child(process)


def new_folder(parent: Path) -> Path:
    """A name for a new recording below `parent`, which is made; the recorder makes the folder itself."""
    private_folder(parent)
    return parent / f"{datetime.now():%Y-%m-%d-%H%M%S}-{secrets.token_hex(3)}{SUFFIX}"


def attach(folder: Path) -> Recorder | None:
    """The recorder at work in this folder, when the window that started it is dead; None when there is none.

    It has been alone for less than `ORPHAN_SECONDS`, or it would have ended. Takes milliseconds.
    """
    link = channel.enter(folder)
    if link is None:
        return None
    start = channel.start_entry(folder)
    return Recorder(folder, str(start.get("id", "")), channels=int(start.get("channels", 1)),
                    rate=int(start.get("rate", 0)), title=str(start.get("title", "")), link=link)


class Recorder:
    """A recording that runs in a process of its own. Ask `status()` whenever it is to be shown."""

    def __init__(self, folder: Path, device: str = "", *, channels: int = 1, rate: int = 0, title: str = "",
                 link: channel.Link | None = None, **order: Any) -> None:
        """Start at once; `folder` from `new_folder`, or that of a recording that goes on after its recorder died.

        With `link` nothing is started: see `attach`.
        """
        self.folder = folder
        self._order = Order(str(folder), device, channels, rate, clean_name(title), **order)
        self._status = Status(device=device)
        self._news_at = time.monotonic()
        self._news = threading.Condition()
        self._buckets = np.zeros((_AT_ONCE, 3), np.int8)
        self._bucket_count = 0
        self._held: tuple[float, ...] = ()
        self._held_at = self._clipped_at = float("-inf")
        self._process: subprocess.Popen[bytes] | None = None
        if link is None:
            self._begin()
        else:
            self._listen_to(link)

    @property
    def title(self) -> str:
        """As it will be called in the library."""
        return self._order.title

    # -- what it does ----------------------------------------------------------------------------------------

    def status(self) -> Status:
        """What it said last (ten times a second), with the alarms that only we can notice."""
        with self._news:
            status, age = self._status, time.monotonic() - self._news_at
        if status.state is State.LOST:
            return replace(status, alarms=("recorder_lost",))
        if status.state not in ENDED and age > _SILENT_CHILD:
            return replace(status, alarms=("recorder_hangs", *status.alarms))
        return status

    def held_peaks(self) -> tuple[tuple[float, ...], bool]:
        """The loudest samples (0..1 for each channel) and whether one was clipped, both held for 1.5 s."""
        with self._news:
            return self._held, time.monotonic() - self._clipped_at < _LEVEL_SHOWN

    def peaks(self, seconds: float | None = None) -> Peaks:
        """The waveform so far, or of the last `seconds`; draw it with `columns`."""
        with self._news:
            rate = self._status.rate or 48_000
            bucket = bucket_size(rate)
            first = 0 if seconds is None else max(0, self._bucket_count - round(seconds * rate / bucket))
            base = self._buckets[first:self._bucket_count].copy()
        return Peaks.build(rate, bucket, base, len(base) * bucket)

    def sentences(self) -> tuple[Sentence, ...]:
        """What is wrong in words, the worst first; none when all is well."""
        status = self.status()
        found = status.sentences(str(self.folder.parent))
        if status.problem in PROBLEMS:
            found = (say(PROBLEMS[status.problem], device=status.device, disk=str(self.folder.parent)), *found)
        return found

    def wait(self, seconds: float) -> Status:
        """The status once it has ended, or after `seconds`. Not for the window's own thread."""
        with self._news:
            self._news.wait_for(lambda: self._status.state in ENDED, seconds)
        return self.status()

    # -- wishes ----------------------------------------------------------------------------------------------

    def mark(self, note: str = "") -> None:
        """Note the place that is being heard now."""
        self._wish(write_wish("mark", note=note))

    def set_off_record(self, on: bool) -> None:
        """From now on what is said is off the record, or no longer."""
        self._wish(write_wish("off_record", on=on))

    def pause(self) -> None:
        """Keep nothing until `resume`; the level is still measured."""
        self._wish(write_wish("pause", on=True))

    def resume(self) -> None:
        """Go on in a new file; the pause becomes a mark."""
        self._wish(write_wish("pause", on=False))

    def switch(self, device: Device) -> None:
        """Go on with another device; the moment between becomes a mark."""
        self._order = replace(self._order, device=device.id)
        self._wish(write_wish("device", device=device.id, name=device.name, is_monitor=device.is_monitor))

    def restart(self) -> None:
        """Go on in the same folder after the recorder died (state LOST); what is missing becomes a mark."""
        with self._news:
            self._status = replace(self._status, state=State.STARTING, problem="", alarms=())
            self._news_at = time.monotonic()
        self._begin()

    def stop(self) -> None:
        """End the recording; `wait` or look at the state until it is FINISHED."""
        self._wish(write_wish("stop"))

    def require_started(self, seconds: float = 10.0) -> Status:
        """Wait until sound is being kept. Raises UserError when it cannot be. Not for the window's own thread."""
        with self._news:
            self._news.wait_for(lambda: self._status.state is not State.STARTING or bool(self._status.alarms), seconds)
        status = self.status()
        if status.state in (State.FAILED, State.LOST):
            problem = PROBLEMS.get(status.problem, PROBLEMS["died"])
            raise UserError(problem, device=status.device or "The device", disk=str(self.folder.parent))
        return status

    # -- inside ----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._process = self._start()
        assert self._process.stdin and self._process.stdout
        self._listen_to(channel.Pipes(self._process.stdout, self._process.stdin))
        self._wish(write_order(self._order))

    def _start(self) -> subprocess.Popen[bytes]:
        return start_child("record")

    def _listen_to(self, wire: channel.Wire) -> None:
        self._wire = wire
        threading.Thread(target=self._listen, args=(wire, self._process), daemon=True).start()

    def _wish(self, line: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):  # it has ended; the status says so
            self._wire.say(line)

    def _listen(self, wire: channel.Wire, process: subprocess.Popen[bytes] | None) -> None:
        for line in wire.lines():
            with contextlib.suppress(ValueError, TypeError):
                self._take(read_status(line))
        if process is not None:
            process.wait()
        with self._news:
            if self._status.state not in ENDED:
                self._status = replace(self._status, state=State.LOST, problem="died", buckets=b"")
            self._news.notify_all()
        wire.close()

    def _take(self, status: Status) -> None:
        buckets = np.frombuffer(status.buckets, np.int8).reshape(-1, BUCKET_BYTES)
        if not 0 <= status.first_bucket < _MOST_BUCKETS:
            raise ValueError("no place in a recording")
        end, now = status.first_bucket + len(buckets), time.monotonic()
        with self._news:
            while end > len(self._buckets):
                self._buckets = np.concatenate([self._buckets, np.zeros_like(self._buckets)])
            self._buckets[status.first_bucket:end] = buckets
            self._bucket_count = max(self._bucket_count, end)
            self._status, self._news_at = replace(status, buckets=b""), now
            if now - self._held_at > _LEVEL_SHOWN or len(self._held) != len(status.peaks):
                self._held, self._held_at = status.peaks, now
            elif any(new > old for new, old in zip(status.peaks, self._held, strict=True)):
                self._held = tuple(map(max, status.peaks, self._held))
                self._held_at = now
            if status.is_clipped:
                self._clipped_at = now
            self._news.notify_all()
