"""Lets sounddevice find the PortAudio inside the frozen program: ctypes looks only in the system's folders."""

import ctypes.util
import os
import sys

_find_in_system = ctypes.util.find_library


def _find_library(name: str) -> str | None:
    """Look beside us first; without this, a machine that has no PortAudio of its own cannot record."""
    bundled = os.path.join(getattr(sys, "_MEIPASS", ""), "libportaudio.so.2")
    return bundled if name == "portaudio" and os.path.isfile(bundled) else _find_in_system(name)


ctypes.util.find_library = _find_library
