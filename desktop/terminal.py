"""Single keys from a terminal while something goes on in it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def keys() -> Iterator[Callable[[], str]]:
    """Gives a function that tells the key pressed since it was asked last, or "". Where there is no terminal, no key.

    Ctrl+C stays what it is, and the terminal is as it was afterwards.
    """
    if not sys.stdin.isatty():
        yield lambda: ""
    elif sys.platform == "win32":
        import msvcrt

        yield lambda: msvcrt.getwch() if msvcrt.kbhit() else ""
    else:
        import select
        import termios
        import tty

        file = sys.stdin.fileno()
        before = termios.tcgetattr(file)
        try:
            tty.setcbreak(file)
            yield lambda: os.read(file, 1).decode("ascii", "ignore") if select.select([file], [], [], 0)[0] else ""
        finally:
            termios.tcsetattr(file, termios.TCSADRAIN, before)
