"""Simulated power cuts: a file system whose disk is a file that is cloned at any moment, as it is without the memory.

An ext4 in a file on a btrfs (which clones a file in one step) in a file in memory; each clone is mounted and read.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_FICLONE = 0x40049409
_PROGRAMS = ("mkfs.btrfs", "mkfs.ext4", "mount", "umount")
_ROOM = "900m"
_OUTER, _INNER = 800 << 20, 400 << 20  # bytes; the files are as large as what is in them


def why_not() -> str:
    """Why power cannot be cut here; "" when it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "mounting disks needs root on Linux"
    if not Path("/dev/loop-control").exists():
        return "files cannot be mounted here (a chroot or a container without loop devices)"
    missing = [name for name in _PROGRAMS if not shutil.which(name)]
    if missing:
        return f"{', '.join(missing)} is not installed (Debian: btrfs-progs, e2fsprogs)"
    systems = Path("/proc/filesystems").read_text()
    return "" if all(name in systems for name in ("btrfs", "ext4")) else "this kernel has no btrfs or no ext4"


class Disk:
    """A disk to write on, below `folder`; leave it to remove all of it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "power"
        self.path = self.root / "disk"  # where to write
        self._outer, self._image = self.root / "outer", self.root / "outer" / "disk.img"
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Disk:
        with contextlib.ExitStack() as stack:
            self._mount(stack, ["-t", "tmpfs", "-o", f"size={_ROOM}", "tmpfs"], self.root)
            _make_disk(self.root / "outer.img", _OUTER, "mkfs.btrfs", "-q", "-m", "single")
            self._mount(stack, ["-o", "loop", str(self.root / "outer.img")], self._outer)
            _make_disk(self._image, _INNER, "mkfs.ext4", "-q", "-F")
            self._mount(stack, ["-o", "loop", str(self._image)], self.path)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def clone(self) -> Path:
        """Cut the power, but only of a copy: what would be on the disk now. Takes milliseconds."""
        number = len(list(self._outer.glob("cut*.img")))
        target = self._outer / f"cut{number}.img"
        with open(self._image, "rb") as source, open(target, "wb") as copy:
            fcntl.ioctl(copy.fileno(), _FICLONE, source.fileno())
        return target

    @contextlib.contextmanager
    def again(self, clone: Path) -> Iterator[Path]:
        """The power is back: the clone with its journal replayed, then gone."""
        try:
            with contextlib.ExitStack() as stack:
                self._mount(stack, ["-o", "loop", str(clone)], self.root / "again")
                yield self.root / "again"
        finally:
            clone.unlink()

    @staticmethod
    def _mount(stack: contextlib.ExitStack, arguments: list[str], place: Path) -> None:
        place.mkdir(exist_ok=True)
        subprocess.run(["mount", *arguments, str(place)], check=True)
        stack.callback(subprocess.run, ["umount", "-l", str(place)], check=True)


def _make_disk(path: Path, size: int, *command: str) -> None:
    path.touch()
    os.truncate(path, size)
    subprocess.run([*command, str(path)], check=True, stdout=subprocess.DEVNULL)
