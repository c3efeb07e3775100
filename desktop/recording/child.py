"""The recorder: device -> queue -> writer, in a process without Qt, network or key. Outlives the window."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from desktop.audio.peaks import bucket_size
from desktop.cleaning import clean_name, clean_text
from desktop.recording import awake, device, disk, sound_check
from desktop.recording.audience import Audience
from desktop.recording.channel import Door, Pipes, start_entry
from desktop.recording.ear import Ear
from desktop.recording.journal import Journal, read
from desktop.recording.messages import (
    HIGHEST_RATE,
    Device,
    Order,
    State,
    Status,
    read_order,
    write_devices,
)
from desktop.recording.sounds import Meter, SoundQueue
from desktop.recording.watchdog import VERY_LOW, Seen, Watchdog
from desktop.recording.writer import HEADER_BYTES, RESERVE, RESERVE_BYTES, Writer

_TICK = 0.1
_ROOM_EVERY = 5.0  # seconds between looks at the free space
_LAST_WORDS = 3.0  # seconds for the program to take the last status
_PATIENCE = 60.0  # seconds for the disk to take what is in memory when it ends

FindDevice = Callable[[str], Device | None]


def main() -> None:
    """Be the recorder: an Order on standard input, then wishes."""
    import sys

    run(sys.stdin.buffer, sys.stdout.buffer, device.PortAudioSource, device.find)


def run(wishes: BinaryIO, told: BinaryIO, open_source: device.OpenSource, find: FindDevice) -> None:
    """The same with any device; tests bring their own."""
    line = wishes.readline()
    if line.strip() == b"devices":
        told.write(write_devices(_devices()))
        told.flush()
        return
    try:
        order = read_order(line)
    except ValueError:
        return
    if order.is_check:
        sound_check.run(order, Pipes(wishes, told), open_source, *look_up(find, order.device))
    else:
        Session(order, Pipes(wishes, told), open_source, find).run()


def _devices() -> list[Device]:
    try:
        return device.list_devices()
    except Exception:  # no PortAudio, or one that finds no sound system
        return []


def look_up(find: FindDevice, wanted: str) -> tuple[Device | None, str]:
    """The device, or None and a key of PROBLEMS."""
    try:
        found = find(wanted)
    except OSError:
        return None, "no_library"
    except Exception:  # PortAudio's own
        return None, "no_device"
    return found, "" if found else "no_device"


class Session:
    """One recording from the order to the last status."""

    def __init__(self, order: Order, first: Pipes, open_source: device.OpenSource, find: FindDevice) -> None:
        self._order, self._first, self._open_source, self._find = order, first, open_source, find
        self._folder = Path(order.folder)
        self._problem = ""
        self._now: tuple[State, tuple[str, ...]] = (State.STARTING, ())  # told together: they must fit
        self._writer: Writer | None = None
        self._device_name, self._is_monitor = order.device, False
        self._start = 0.0  # seconds that were in the folder before
        self._room, self._room_at = 0.0, float("-inf")
        self._off_record = False
        self._door: Door | None = None
        self._stop = threading.Event()
        self._wishes: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def run(self) -> None:
        """Record until it is told to stop, or for a while after the last window is gone."""
        self._order, found = self._chosen()
        order = self._order
        self._sounds = SoundQueue(order.rate, order.channels)
        self._meter = Meter(order.rate, order.channels)
        self._watchdog = Watchdog()
        self._start = _already_there(self._folder, order.frame_bytes)[1] / order.rate
        self._audience = Audience(self._status, self._wishes.put, self._meter,
                                  round(self._start * order.rate / bucket_size(order.rate)))
        self._audience.welcome(self._first)
        self._problem = self._begin(found)
        if not self._problem:
            with awake.kept():
                self._record()
        self._now = State.FAILED if self._problem else State.FINISHED, self._now[1]
        self._audience.end(_LAST_WORDS)
        if self._door is not None:
            self._door.close()

    # -- beginning -------------------------------------------------------------------------------------------

    def _chosen(self) -> tuple[Order, str]:
        """The order with the device's own rate, or that of the recording that goes on; and "" or the problem."""
        earlier = start_entry(self._folder)
        found, problem = look_up(self._find, self._order.device)
        if found is not None:
            self._device_name, self._is_monitor = found.name, found.is_monitor
        wanted = found.id if found else self._order.device
        rate = earlier.get("rate") or self._order.rate or (found.rate if found else 0) or HIGHEST_RATE
        return replace(self._order, device=wanted, rate=min(int(rate), HIGHEST_RATE),
                       channels=earlier.get("channels") or self._order.channels), problem

    def _begin(self, problem: str) -> str:
        """Make everything durably; "" or a key of PROBLEMS."""
        if problem:
            return problem
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self._seconds_of_room() < VERY_LOW:
                self._remove_if_empty()
                return "no_room"
            self._journal = Journal(self._folder)
            self._prepare_writer()
        except OSError:
            return "no_folder"
        self._ear = Ear(self._order, self._sounds, self._open_source)
        try:
            self._ear.open()
        except Exception:  # PortAudio has several
            assert self._writer is not None
            self._writer.stop()
            self._writer.wait(_PATIENCE)
            self._journal.close()
            self._remove_if_empty()
            return "no_device"
        return ""

    def _prepare_writer(self) -> None:
        order, folder = self._order, self._folder
        number, _ = _already_there(folder, order.frame_bytes)
        for entry in read(folder):  # an earlier recorder's wishes hold
            if entry["what"] == "off_record":
                self._off_record = entry.get("on") is True
            elif entry["what"] == "pause":
                self._sounds.is_paused = entry.get("on") is True
        self._door = _door(self._audience)
        self._journal.add("start", device=self._device_name, id=order.device, rate=order.rate, channels=order.channels,
                          title=order.title, pid=os.getpid(), door=self._door.entry if self._door else None)
        self._writer = Writer(folder, order, self._journal, self._sounds, self._meter, first_number=number + 1,
                              start=self._start)
        self._writer.begin("restarted" if number else "", _since_last_entry(folder) if number else 0.0)
        if self._seconds_of_room() * order.bytes_per_second > 4 * RESERVE_BYTES:
            (folder / RESERVE).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                disk.reserve(folder / RESERVE, RESERVE_BYTES)
        self._writer.start()

    def _remove_if_empty(self) -> None:
        """A recording that never began leaves nothing behind."""
        (self._folder / RESERVE).unlink(missing_ok=True)
        files = list(self._folder.iterdir())
        if all(file.stat().st_size <= HEADER_BYTES for file in files if file.suffix == ".wav") and len(files) <= 2:
            for file in files:
                file.unlink()
            self._folder.rmdir()

    # -- recording -------------------------------------------------------------------------------------------

    def _record(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGTERM", "SIGHUP"):
                if hasattr(signal, name):
                    signal.signal(getattr(signal, name), lambda *_: self._stop.set())
        while not self._stop.wait(_TICK):
            self._carry_out_wishes()
            self._look()
            self._audience.collect()
            alone = self._audience.alone_since
            if alone and time.monotonic() - alone > self._order.orphan_seconds:
                break
        self._carry_out_wishes()
        self._finish()

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._room_at > _ROOM_EVERY:
            self._room, self._room_at = self._seconds_of_room(), now
        writer, sounds, ear = self._writer, self._sounds, self._ear
        assert writer is not None
        heard = sounds.heard_at if sounds.heard_at > ear.opened_at else 0.0
        disk_error = writer.error or ("disk_error" if writer.had_error or self._journal.had_error else "")
        writer.had_error = self._journal.had_error = False
        alarms = self._watchdog.look(now, Seen(
            ear.opened_at, heard, self._meter.loud_at, sounds.frames_heard, self._order.rate, sounds.waiting,
            self._room, ear.is_gone, sounds.times_busy, disk_error, self._is_monitor))
        no_sound = "no_sound" in alarms or "device_gone" in alarms
        if no_sound:
            ear.open_again()
        self._now = (State.INTERRUPTED if no_sound else State.STARTING if not sounds.heard_at
                     else State.PAUSED if sounds.is_paused else State.RECORDING), alarms

    def _finish(self) -> None:
        self._now = State.FINISHING, self._now[1]
        writer = self._writer
        assert writer is not None
        self._ear.close()
        writer.stop()
        writer.wait(_PATIENCE)
        if writer.error:
            self._now = State.FINISHING, tuple(dict.fromkeys((writer.error, *self._now[1])))
        with contextlib.suppress(OSError):
            (self._folder / RESERVE).unlink(missing_ok=True)
            unwritten = max(0.0, self._status().elapsed - writer.seconds) if writer.error else 0.0
            self._journal.add("finished", seconds=round(writer.seconds, 6), unwritten=round(unwritten, 3))
            self._journal.sync()
        self._journal.close()

    def _seconds_of_room(self) -> float:
        try:
            return disk.free(self._folder) / self._order.bytes_per_second
        except OSError:
            return 0.0

    # -- wishes ----------------------------------------------------------------------------------------------

    def _carry_out_wishes(self) -> None:
        while not self._wishes.empty():
            wish = self._wishes.get()
            here = round(self._start + self._sounds.frames_kept / self._order.rate, 3)
            if wish["wish"] == "mark":
                self._journal.add("mark", seconds=here, note=clean_text(str(wish.get("note", ""))))
            elif wish["wish"] == "off_record":
                self._off_record = bool(wish.get("on"))
                self._journal.add("off_record", seconds=here, on=self._off_record)
            elif wish["wish"] == "pause":
                self._sounds.is_paused = bool(wish.get("on"))
                self._journal.add("pause", seconds=here, on=self._sounds.is_paused)
            elif wish["wish"] == "device":
                self._switch(str(wish.get("device", "")), clean_name(str(wish.get("name", ""))),
                             wish.get("is_monitor") is True)
            elif wish["wish"] == "stop":
                self._stop.set()

    def _switch(self, wanted: str, name: str, is_monitor: bool) -> None:
        self._ear.wanted = wanted
        self._ear.is_gone = True  # the next look opens the other one
        self._device_name, self._is_monitor = name or wanted, is_monitor
        self._journal.add("device", device=wanted)

    # -- telling ---------------------------------------------------------------------------------------------

    def _status(self) -> Status:
        writer, sounds, rate = self._writer, self._sounds, self._order.rate
        return Status(
            *self._now, self._problem, self._device_name, rate, self._order.channels,
            elapsed=round(self._start + sounds.frames_kept / rate, 3),
            safe=round(writer.safe_seconds, 3) if writer else 0.0, waiting=round(sounds.waiting, 3),
            room=round(self._room), gaps=writer.gaps if writer else 0, is_off_record=self._off_record)


def _door(audience: Audience) -> Door | None:
    """For a window that comes when this one is dead. Without a place for it, recording goes on all the same."""
    try:
        return Door(audience.welcome)
    except OSError:
        return None


def _already_there(folder: Path, frame_bytes: int) -> tuple[int, int]:
    """(highest number, frames in all) of the segments of an earlier recorder in this folder."""
    numbers = [int(file.stem) for file in folder.glob("[0-9]*.wav") if file.stem.isdigit()]
    sizes = [(folder / f"{number:04d}.wav").stat().st_size - HEADER_BYTES for number in numbers]
    return max(numbers, default=0), sum(max(0, size) // frame_bytes for size in sizes)


def _since_last_entry(folder: Path) -> float:
    """Seconds between an earlier recorder's last file and now."""
    newest = max((file.stat().st_mtime for file in folder.glob("[0-9]*.wav")), default=time.time())
    return max(0.0, time.time() - newest)
