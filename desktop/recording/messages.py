"""What the recorder and the program say to each other: one JSON object a line, over the recorder's standard pipes.

The program says one Order, then wishes; the recorder says its whole Status ten times a second, so that none is missed.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from desktop.sentences import QT_TRANSLATE_NOOP, Sentence, say

SAMPLE_BYTES = 2  # 16 bit
HIGHEST_RATE = 48_000  # Hz: what is recorded is its own playback copy
ORPHAN_SECONDS = 30.0  # how long the recorder goes on when the program that started it is gone
SEGMENT_SECONDS = 300.0
BUCKET_BYTES = 3  # of the waveform; audio.peaks


class State(StrEnum):
    """What the recorder is doing."""

    STARTING = "starting"  # no sound has come yet
    RECORDING = "recording"  # its file is durably there and sound comes in
    CHECKING = "checking"  # a sound check: nothing is kept
    PAUSED = "paused"
    INTERRUPTED = "interrupted"  # no sound comes; it tries to open the device again
    FINISHING = "finishing"
    FINISHED = "finished"
    FAILED = "failed"  # it never began; nothing was recorded
    LOST = "lost"  # the recorder itself died; what it wrote is safe


ENDED = (State.FINISHED, State.FAILED, State.LOST)

ALARMS = {
    "no_sound": QT_TRANSLATE_NOOP("core", "No sound comes from {device}. Check the plug; recording goes on by itself "
                                          "when it is back."),
    "device_gone": QT_TRANSLATE_NOOP("core", "{device} is gone. Plug it in again or choose another; recording goes on "
                                             "by itself."),
    "silent": QT_TRANSLATE_NOOP("core", "{device} gives complete silence. Check that it is not muted."),
    "nothing_plays": QT_TRANSLATE_NOOP("core", "{device} gives complete silence: nothing is playing on this computer."),
    "wrong_rate": QT_TRANSLATE_NOOP("core", "{device} runs at another speed than it says. Choose another device; the "
                                            "recording may sound too high or too low."),
    "sound_lost": QT_TRANSLATE_NOOP("core", "This computer is too busy and some sound was lost. Close other programs."),
    "behind": QT_TRANSLATE_NOOP("core", "The disk with {disk} is slow; the sound waits in memory. Close programs that "
                                        "write much."),
    "disk_low": QT_TRANSLATE_NOOP("core", "The disk with {disk} has room for less than 30 minutes. Free some space."),
    "disk_very_low": QT_TRANSLATE_NOOP("core", "The disk with {disk} has room for less than 10 minutes. Free some "
                                               "space now."),
    "disk_full": QT_TRANSLATE_NOOP("core", "The disk with {disk} is full and nothing more is kept. Free some space "
                                           "now; all that was written before is safe."),
    "disk_error": QT_TRANSLATE_NOOP("core", "The disk with {disk} reported an error. Recording goes on in a new file; "
                                            "record somewhere else as soon as you can."),
    "recorder_lost": QT_TRANSLATE_NOOP("core", "The recorder stopped. What it wrote is safe; start again now."),
    "recorder_hangs": QT_TRANSLATE_NOOP("core", "The recorder or this computer's sound system does not answer. What "
                                                "was recorded is safe. If this stays, stop and choose another device."),
}
CALM = (ALARMS["nothing_plays"],)  # shown, but not rung: before a call and in its pauses this is as it should be
PROBLEMS = {
    "no_device": QT_TRANSLATE_NOOP("core", "{device} cannot be opened. Check the plug and whether another program uses "
                                           "it, or choose another device."),
    "no_library": QT_TRANSLATE_NOOP("core", "The sound library PortAudio is not on this computer, so nothing can be "
                                            "recorded. Install it and start again."),
    "no_room": QT_TRANSLATE_NOOP("core", "The disk with {disk} has room for less than 10 minutes of recording. Free "
                                         "some space and start again."),
    "no_folder": QT_TRANSLATE_NOOP("core", "The folder {disk} cannot be written to, so nothing can be recorded. Check "
                                           "its permissions."),
    "died": QT_TRANSLATE_NOOP("core", "The recorder stopped by itself. What it wrote is safe and is offered under "
                                      "recordings to recover."),
}


@dataclass(frozen=True)
class Order:
    """What is to be recorded. `folder` is new, or that of a recording that goes on."""

    folder: str
    device: str = ""  # a Device.id; "": the system's own choice
    channels: int = 1
    rate: int = 0  # Hz; 0: the device's own
    title: str = ""
    segment_seconds: float = SEGMENT_SECONDS
    orphan_seconds: float = ORPHAN_SECONDS
    is_check: bool = False  # only the level is wanted; there is no folder

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return self.channels * SAMPLE_BYTES

    @property
    def bytes_per_second(self) -> int:
        """What a second needs on disk."""
        return self.frame_bytes * (self.rate or HIGHEST_RATE)


@dataclass(frozen=True)
class Device:
    """Something that can be recorded from."""

    id: str
    name: str
    channels: int
    rate: int
    is_monitor: bool = False  # what this computer plays: calls, films
    is_default: bool = False


@dataclass(frozen=True)
class Status:
    """All there is to say about a running recording. Times are seconds of kept sound."""

    state: State = State.STARTING
    alarms: tuple[str, ...] = ()  # keys of ALARMS
    problem: str = ""  # a key of PROBLEMS
    device: str = ""
    rate: int = 0
    channels: int = 1
    elapsed: float = 0.0  # came in
    safe: float = 0.0  # is on the disk, power cut or not
    waiting: float = 0.0  # is in memory
    room: float = 0.0  # fits on the disk
    gaps: int = 0
    is_off_record: bool = False
    peaks: tuple[float, ...] = ()  # the loudest sample of each channel since the last status, 0..1
    is_clipped: bool = False  # since the last status
    buckets: bytes = field(default=b"", repr=False)  # of the waveform since the last status; audio.peaks
    first_bucket: int = 0  # where in the whole recording they belong

    def sentences(self, disk: str) -> tuple[Sentence, ...]:
        """Its alarms in words; `disk` is the folder that is recorded to."""
        return tuple(say(ALARMS[code], device=self.device, disk=disk) for code in self.alarms if code in ALARMS)


def write_status(status: Status) -> bytes:
    """A line."""
    data = asdict(status) | {"buckets": base64.b64encode(status.buckets).decode("ascii")}
    return json.dumps(data, separators=(",", ":")).encode() + b"\n"


def read_status(line: bytes) -> Status:
    """The other way; ValueError when it is none."""
    data = _object(line)
    status = Status(**{f.name: data[f.name] for f in fields(Status) if f.name in data})
    return replace(status, state=State(status.state), alarms=tuple(map(str, data.get("alarms", ()))),
                   peaks=tuple(map(float, data.get("peaks", ()))),
                   buckets=base64.b64decode(data.get("buckets", ""), validate=True))


def write_order(order: Order) -> bytes:
    """A line."""
    return json.dumps(asdict(order)).encode() + b"\n"


def read_order(line: bytes) -> Order:
    """The other way; ValueError when it is none."""
    data = _object(line)
    order = Order(str(data["folder"]), str(data["device"]), int(data["channels"]), int(data["rate"]),
                  str(data["title"]), float(data["segment_seconds"]), float(data["orphan_seconds"]),
                  data.get("is_check") is True)
    if order.channels not in (1, 2) or not 0 <= order.rate <= HIGHEST_RATE or order.segment_seconds <= 0:
        raise ValueError("an order that nobody can carry out")
    return order


def write_wish(wish: str, **values: Any) -> bytes:
    """A line: mark (note), off_record (on), pause (on), device (id), stop."""
    return json.dumps({"wish": wish, **values}).encode() + b"\n"


def read_wish(line: bytes) -> dict[str, Any]:
    """The other way; ValueError when it is none."""
    data = _object(line)
    if not isinstance(data.get("wish"), str):
        raise ValueError("no wish")
    return data


def write_devices(devices: list[Device]) -> bytes:
    """A line."""
    return json.dumps([asdict(device) for device in devices]).encode() + b"\n"


def read_devices(line: bytes) -> list[Device]:
    """The other way; ValueError when it is none."""
    try:
        return [Device(**data) for data in json.loads(line)]
    except TypeError as error:
        raise ValueError("no devices") from error


def _object(line: bytes) -> dict[str, Any]:
    data = json.loads(line)
    if not isinstance(data, dict):
        raise ValueError("not an object")
    return data
