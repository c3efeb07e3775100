"""Microphones and monitors through PortAudio. Imported in the recorder's process only; the window never loads it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, Protocol

from desktop.recording.messages import HIGHEST_RATE, Device
from desktop.recording.sound_server import Presence, pactl

_PULSE = "pulse:"  # ids of what the sound server lists by name
_PORTAUDIO = "portaudio:"


class Source(Protocol):
    """An open device: it calls `put` with blocks until it is closed, and `gone` once when the device goes."""

    def close(self) -> None:
        """End it. May block for as long as a hung device hangs."""


OpenSource = Callable[[str, int, int, Callable[[bytes], None], Callable[[], None]], Source]


class PortAudioSource:
    """A raw 16-bit stream. OSError when PortAudio is missing, ValueError or PortAudioError when it cannot be opened."""

    def __init__(self, device: str, channels: int, rate: int, put: Callable[[bytes], None],
                 gone: Callable[[], None]) -> None:
        import sounddevice

        def arrived(data: Any, frames: int, time: Any, status: Any) -> None:
            put(bytes(data))

        os.environ.pop("PULSE_SOURCE", None)
        if device.startswith(_PULSE):
            os.environ["PULSE_SOURCE"] = device.removeprefix(_PULSE)  # read by the sound server's client at each open
        self._stream = sounddevice.RawInputStream(
            device=_portaudio_device(device), channels=channels, samplerate=rate, dtype="int16", latency="high",
            callback=arrived, finished_callback=gone, extra_settings=_extra(sounddevice))
        self._stream.start()
        self._presence = Presence(device.removeprefix(_PULSE), gone) if device.startswith(_PULSE) else None

    def close(self) -> None:
        """End it."""
        if self._presence is not None:
            self._presence.end()
        self._stream.close(ignore_errors=True)


def list_devices() -> list[Device]:
    """Everything that can be recorded from, the system's choice first. OSError without PortAudio."""
    import sounddevice

    devices = [dict(device) for device in sounddevice.query_devices()]
    has_server = any(device["name"] == "pulse" and device["max_input_channels"] for device in devices)
    if has_server and (sources := _pulse_sources()):
        return sorted(sources, key=lambda device: (not device.is_default, device.is_monitor, device.name))
    apis, default = sounddevice.query_hostapis(), sounddevice.default.device[0]
    found = [Device(f"{_PORTAUDIO}{apis[device['hostapi']]['name']}:{device['name']}", str(device["name"]),
                    int(device["max_input_channels"]), min(HIGHEST_RATE, int(device["default_samplerate"])),
                    "monitor of" in device["name"].casefold() or "loopback" in device["name"].casefold(),
                    device["index"] == default)
             for device in devices if device["max_input_channels"]]
    return sorted(found, key=lambda device: (not device.is_default, device.is_monitor))


def look_again() -> None:
    """Let PortAudio look for devices anew: it does so only when it starts. No stream may be open."""
    import sounddevice

    sounddevice._terminate()
    sounddevice._initialize()


def find(wanted: str) -> Device | None:
    """The device with this id or name, or the default for ""."""
    devices = list_devices()
    exact = [device for device in devices if wanted in (device.id, device.name, device.id.removeprefix(_PULSE))]
    if not wanted:
        return next((device for device in devices if device.is_default), devices[0] if devices else None)
    return exact[0] if exact else None


def _portaudio_device(device: str) -> int | str | None:
    import sounddevice

    if not device.startswith(_PORTAUDIO):
        return "pulse" if device.startswith(_PULSE) else None
    api, _, name = device.removeprefix(_PORTAUDIO).partition(":")
    apis = sounddevice.query_hostapis()
    for found in sounddevice.query_devices():
        if found["name"] == name and apis[found["hostapi"]]["name"] == api and found["max_input_channels"]:
            return int(found["index"])
    raise ValueError(f"{name} is not there")


def _extra(sounddevice: Any) -> Any:
    """Windows mixes at a rate of its own; let it convert to ours."""
    return sounddevice.WasapiSettings(auto_convert=True) if _is_wasapi(sounddevice) else None


def _is_wasapi(sounddevice: Any) -> bool:
    return os.name == "nt" and "WASAPI" in str(sounddevice.query_hostapis(sounddevice.default.hostapi)["name"])


def _pulse_sources() -> list[Device]:
    sources, default = pactl("--format=json", "list", "sources") or "", (pactl("get-default-source") or "").strip()
    try:
        return [_pulse_device(source, default) for source in json.loads(sources)]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return []


def _pulse_device(source: dict[str, Any], default: str) -> Device:
    rate = int(source["sample_specification"].split()[2].removesuffix("Hz"))
    channels = int(source["sample_specification"].split()[1].removesuffix("ch"))
    return Device(f"{_PULSE}{source['name']}", str(source.get("description") or source["name"]), channels,
                  min(HIGHEST_RATE, rate), source["name"].endswith(".monitor"), source["name"] == default)
