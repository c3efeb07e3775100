"""The wires between a recorder and its windows: the pipes of the one that started it, and a door for later ones."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import IO, Any, Protocol

from desktop.recording import journal

_LONGEST = 64 << 20  # bytes of one line: a window that comes late gets the waveform of hours
_BROKEN = (OSError, ValueError, EOFError)


class Wire(Protocol):
    """Lines to and fro."""

    def say(self, line: bytes) -> None:
        """Send one; OSError or ValueError when nobody is there. Blocks while the other side does not read."""

    def lines(self) -> Iterator[bytes]:
        """What comes, until the other side is gone."""

    def close(self) -> None:
        """Say and hear no more."""


class Pipes:
    """Standard input and output of a child, from either side."""

    def __init__(self, reading: IO[bytes], writing: IO[bytes]) -> None:
        self._reading, self._writing = reading, writing

    def say(self, line: bytes) -> None:
        """Send one."""
        self._writing.write(line)
        self._writing.flush()

    def lines(self) -> Iterator[bytes]:
        """What comes, until the other side is gone."""
        with contextlib.suppress(*_BROKEN):
            yield from self._reading

    def close(self) -> None:
        """Say and hear no more."""
        for pipe in (self._writing, self._reading):
            with contextlib.suppress(*_BROKEN):
                pipe.close()


class Link:
    """A local socket, or a named pipe on Windows; bytes only, nothing is unpickled."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def say(self, line: bytes) -> None:
        """Send one."""
        self._connection.send_bytes(line)

    def lines(self) -> Iterator[bytes]:
        """What comes, until the other side is gone."""
        with contextlib.suppress(*_BROKEN):
            while True:
                yield self._connection.recv_bytes(_LONGEST)

    def close(self) -> None:
        """Say and hear no more."""
        with contextlib.suppress(*_BROKEN):
            self._connection.close()


class Door:
    """Where a window that was started later finds a recorder. OSError when this computer has no place for one.

    Address and key go into the journal, which only this user can read. The socket itself lies in a private folder
    elsewhere: paths of sockets are short, and a recording may lie on a disk that has none.
    """

    def __init__(self, entered: Callable[[Wire], None]) -> None:
        self._key = secrets.token_bytes(16)
        self._folder = "" if os.name == "nt" else _private_folder()
        address = os.path.join(self._folder, "recorder") if self._folder else None
        try:
            self._listener = Listener(address, "AF_UNIX" if self._folder else "AF_PIPE", authkey=self._key)
        except OSError:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self._entered = entered
        threading.Thread(target=self._open, daemon=True).start()

    @property
    def entry(self) -> dict[str, str]:
        """What the journal says of it."""
        return {"address": str(self._listener.address), "key": self._key.hex()}

    def close(self) -> None:
        """Let nobody in any more."""
        self._entered = Wire.close
        with contextlib.suppress(*_BROKEN):
            self._listener.close()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _open(self) -> None:
        while True:
            try:
                self._entered(Link(self._listener.accept()))
            except AuthenticationError:
                continue
            except _BROKEN:
                if self._entered is Wire.close:
                    return


def _private_folder() -> str:
    """Where sockets belong on Linux, elsewhere among the temporary files."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return tempfile.mkdtemp(prefix="pullquote-", dir=runtime if os.path.isdir(runtime) else None)


def start_entry(folder: Path) -> dict[str, Any]:
    """How the newest recorder in this folder began; empty when there was none."""
    return next((entry for entry in reversed(journal.read(folder)) if entry["what"] == "start"), {})


def enter(folder: Path) -> Link | None:
    """To the recorder at work in this folder; None when there is none. Takes milliseconds."""
    door = start_entry(folder).get("door")
    if not isinstance(door, dict) or not journal.is_in_use(folder):
        return None
    try:
        return Link(Client(str(door["address"]), authkey=bytes.fromhex(str(door["key"]))))
    except (*_BROKEN, KeyError, AuthenticationError):
        return None
