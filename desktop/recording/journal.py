"""The journal of a recording: one JSON object a line, only ever appended to; locked while a recorder works on it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from desktop.recording import disk

NAME = "journal.jsonl"
_MOST_BYTES = 32 << 20
_LOCK_TRIES = 10  # 20 ms apart: `is_in_use` holds the lock for a moment, too
_LOCK_AT = 1 << 40  # Windows locks a byte; this one is never written


class Journal:
    """Opens (or makes) the journal in `folder`. BlockingIOError when another recorder works there."""

    def __init__(self, folder: Path) -> None:
        flags = os.O_CREAT | os.O_APPEND | os.O_RDWR | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(folder / NAME, flags, 0o600)
        try:
            _lock(self._descriptor, _LOCK_TRIES)
        except OSError:
            os.close(self._descriptor)
            raise BlockingIOError("a recorder works in this folder") from None
        self.had_error = False  # the disk refused an entry; it is kept and tried again
        self._pending = b""
        self._added = self._synced = 0  # entries
        self._lock = threading.Lock()
        self._end_last_line()

    def add(self, what: str, **values: Any) -> None:
        """Append one entry at once; what the disk does not take now is kept in memory and tried again."""
        with self._lock:
            self._pending += json.dumps({"what": what, "at": now(), **values}).encode() + b"\n"
            self._added += 1
            self._write_pending()

    def sync(self) -> None:
        """Return when all entries would survive a power cut. OSError when the disk does not take them."""
        with self._lock:
            self._write_pending()
            added, all_written = self._added, not self._pending
        if added > self._synced:
            disk.sync(self._descriptor)
            self._synced = added if all_written else self._synced

    def _write_pending(self) -> None:
        try:
            while self._pending:
                self._pending = self._pending[disk.write(self._descriptor, memoryview(self._pending)):]
        except OSError:
            self.had_error = True
            if not self._pending.startswith(b"\n"):
                self._pending = b"\n" + self._pending  # a half may be there already; it must not spoil the whole

    def close(self) -> None:
        """Give the lock free."""
        os.close(self._descriptor)

    def _end_last_line(self) -> None:
        """A kill may have left half a line; what comes next must not become its other half."""
        size = os.fstat(self._descriptor).st_size
        if size:
            os.lseek(self._descriptor, size - 1, os.SEEK_SET)
            if os.read(self._descriptor, 1) != b"\n":
                os.write(self._descriptor, b"\n")


def now() -> str:
    """ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def read(folder: Path) -> list[dict[str, Any]]:
    """All entries that can be read; none when there is no journal."""
    try:
        with open(folder / NAME, "rb") as file:
            lines = file.read(_MOST_BYTES).splitlines()
    except OSError:
        return []
    return [entry for line in lines if (entry := _entry(line)) is not None]


def is_in_use(folder: Path) -> bool:
    """Whether a recorder is at work there."""
    if not (folder / NAME).exists():
        return False
    try:
        descriptor = os.open(folder / NAME, os.O_RDWR | getattr(os, "O_BINARY", 0))
    except OSError:
        return False
    try:
        _lock(descriptor)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and isinstance(entry.get("what"), str) else None


def _lock(descriptor: int, tries: int = 1) -> None:
    for _ in range(tries - 1):
        with contextlib.suppress(OSError):
            _lock_now(descriptor)
            return
        time.sleep(0.02)
    _lock_now(descriptor)


def _lock_now(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _LOCK_AT, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
