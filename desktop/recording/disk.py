"""The few calls by which the recorder touches the disk; durable, for this user only, and replaceable by tests."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from desktop.paths import fsync_folder

_BINARY = getattr(os, "O_BINARY", 0)
_F_FULLFSYNC = 51  # macOS: fsync alone does not reach the disk


def create(path: Path) -> int:
    """A new file for writing."""
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | _BINARY, 0o600)


def write(descriptor: int, data: memoryview) -> int:
    """Write what fits; gives the bytes written."""
    return os.write(descriptor, data)


def sync(descriptor: int) -> None:
    """Return when the file's content would survive a power cut."""
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(descriptor, _F_FULLFSYNC)
    elif hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:
        os.fsync(descriptor)


def rename(source: Path, target: Path) -> None:
    """Give a file its name, durably."""
    source.rename(target)
    fsync_folder(target.parent)


def free(folder: Path) -> int:
    """Bytes that can still be written."""
    return shutil.disk_usage(folder).free


def reserve(path: Path, size: int) -> None:
    """Put `size` bytes aside, to be given free when the disk is full."""
    descriptor = create(path)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
    finally:
        os.close(descriptor)
