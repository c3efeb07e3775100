"""The sound of an alarm, in a process of its own: a sound server that hangs must not hold the window."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial

from desktop.paths import RESOURCES
from desktop.processes import end_child, start_child

SOUND = RESOURCES / "sounds" / "alarm.wav"


def main() -> None:
    """Play it once; where there is nothing to play it on, it is silent."""
    with contextlib.suppress(Exception):
        import sounddevice
        import soundfile

        data, rate = soundfile.read(SOUND, dtype="int16")
        sounddevice.play(data, rate, blocking=True)


class Alarm:
    """Rings when told; a ring that never ended (the sound server hangs) is ended by the next."""

    def __init__(self) -> None:
        self._end: Callable[[], None] | None = None

    def ring(self) -> None:
        """Play the sound and return at once."""
        self.end()
        self._end = partial(end_child, start_child("alarm"))

    def end(self) -> None:
        """Be silent."""
        if self._end is not None:
            self._end()
            self._end = None
