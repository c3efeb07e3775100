"""The sound check: how loud a device is, before anything is recorded. No file is made and no sound is kept."""

from __future__ import annotations

import contextlib
import threading
import time

from desktop.recording import device
from desktop.recording.channel import Pipes
from desktop.recording.messages import HIGHEST_RATE, Device, Order, State, Status, read_wish, write_status
from desktop.recording.sounds import Meter, Sound, SoundQueue
from desktop.recording.watchdog import Seen, Watchdog

_TICK = 0.1
_LONGEST = 600.0  # seconds; a microphone that somebody forgot must not stay open
_CLOSING = 1.0  # seconds for a device that hangs


def run(order: Order, wire: Pipes, open_source: device.OpenSource, found: Device | None, problem: str) -> None:
    """Tell the level ten times a second until the wish to stop, or until nobody listens."""
    name = found.name if found else order.device
    rate = min(order.rate or (found.rate if found else HIGHEST_RATE), HIGHEST_RATE)
    sounds, is_gone, ended = SoundQueue(rate, order.channels), threading.Event(), threading.Event()
    sounds.is_paused = True  # heard and not kept
    source: device.Source | None = None
    if found is not None:
        try:
            source = open_source(found.id, order.channels, rate, sounds.put, is_gone.set)
        except Exception:  # PortAudio has several
            problem = "no_device"
    status = Status(State.FAILED if problem else State.CHECKING, problem=problem, device=name, rate=rate,
                    channels=order.channels)
    threading.Thread(target=_hear, args=(wire, ended), daemon=True).start()
    with contextlib.suppress(OSError, ValueError):
        if source is not None:
            _tell(wire, status, sounds, is_gone, ended, found is not None and found.is_monitor)
            closing = threading.Thread(target=source.close, daemon=True)
            closing.start()
            closing.join(_CLOSING)
            status = Status(State.FINISHED, device=name)
        wire.say(write_status(status))


def _tell(wire: Pipes, status: Status, sounds: SoundQueue, is_gone: threading.Event, ended: threading.Event,
          is_monitor: bool) -> None:
    meter, watchdog, opened_at = Meter(sounds.rate, status.channels), Watchdog(), time.monotonic()
    while not ended.wait(_TICK) and time.monotonic() - opened_at < _LONGEST:
        while (item := sounds.take()) is not None:
            if isinstance(item, Sound):
                meter.see(item)
        peaks, is_clipped = meter.take_peaks()
        alarms = watchdog.look(time.monotonic(), Seen(
            opened_at, sounds.heard_at, meter.loud_at, sounds.frames_heard, sounds.rate, 0.0, float("inf"),
            is_gone.is_set(), 0, "", is_monitor))
        wire.say(write_status(Status(status.state, alarms, "", status.device, sounds.rate, status.channels,
                                     peaks=peaks, is_clipped=is_clipped)))


def _hear(wire: Pipes, ended: threading.Event) -> None:
    for line in wire.lines():
        with contextlib.suppress(ValueError):
            if read_wish(line)["wish"] == "stop":
                break
    ended.set()
