"""Keeps this computer from falling asleep while it records. Where that cannot be done, recording goes on all the same.

It belongs to the recorder: it lasts as long as the recording, whatever happens to the window.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

from desktop import environment

# Each ends by itself when the recorder is killed: caffeinate watches its process, cat meets the end of its input.
_LINUX = ("systemd-inhibit", "--what=sleep:idle", "--who=Pullquote", "--why=Recording", "--mode=block", "cat")
_MACOS = ("caffeinate", "-i", "-w")
_WINDOWS_ON, _WINDOWS_OFF = 0x80000001, 0x80000000  # ES_CONTINUOUS | ES_SYSTEM_REQUIRED, ES_CONTINUOUS


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Awake until it is left. To be entered and left in the same thread."""
    process = None
    if sys.platform == "win32":
        _tell_windows(_WINDOWS_ON)
    else:
        process = _start((*_MACOS, str(os.getpid())) if sys.platform == "darwin" else _LINUX)
    try:
        yield
    finally:
        if sys.platform == "win32":
            _tell_windows(_WINDOWS_OFF)
        elif process is not None:
            _end(process)


def _start(command: tuple[str, ...]) -> subprocess.Popen[bytes] | None:
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env=environment.for_system_programs())
    except OSError:  # not on this computer
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin
    with contextlib.suppress(OSError):
        process.stdin.close()
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(2.0)


def _tell_windows(state: int) -> None:
    """Holds for the calling thread until it says otherwise or ends."""
    import ctypes

    with contextlib.suppress(AttributeError, OSError):
        getattr(ctypes, "windll").kernel32.SetThreadExecutionState(state)  # noqa: B009
