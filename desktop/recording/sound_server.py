"""What the sound server's own program, pactl, says: its sources, and when one goes."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable

from desktop import environment

_SECONDS = 5.0


def pactl(*arguments: str) -> str | None:
    """What the program prints; None when it is not here or gets no answer."""
    try:
        return subprocess.run(["pactl", *arguments], capture_output=True, text=True, timeout=_SECONDS, check=True,
                              env=_environment()).stdout
    except (OSError, subprocess.SubprocessError):
        return None


class Presence:
    """Calls `gone` once when the source with this name is removed; without the server's own program, never.

    The server would quietly go on with another source, and nothing in the sound would tell.
    """

    def __init__(self, source: str, gone: Callable[[], None]) -> None:
        self._source, self._gone = source, gone
        self._process: subprocess.Popen[str] | None = None
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(["pactl", "subscribe"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                             stderr=subprocess.DEVNULL, text=True, env=_environment())
            threading.Thread(target=self._watch, args=(self._process,), daemon=True).start()

    def end(self) -> None:
        """Watch no more."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            threading.Thread(target=process.wait, daemon=True).start()

    def _watch(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        number = _number_of(self._source)  # the same name may come back at once, but with another number
        if number == "":
            self._gone()
            return
        for line in process.stdout:
            if self._process is process and number and line.strip() == f"Event 'remove' on source #{number}":
                self._gone()
                return


def _number_of(source: str) -> str | None:
    """The server's number of a source; "" when there is none with this name, None when the server does not say."""
    listed = pactl("list", "short", "sources")
    if listed is None:
        return None
    rows = [line.split("\t") for line in listed.splitlines()]
    return next((row[0] for row in rows if len(row) > 1 and row[1] == source), "")


def _environment() -> dict[str, str]:
    return environment.for_system_programs() | {"LC_ALL": "C.UTF-8"}
