"""Row L2: the power is cut while a program writes to its library; what was said to be safe is read from the disk.

`power_cuts(count, seed)` prints what it found, and returns it.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from desktop import backups
from tests.reliability.library_kills import Killed, note_safe, read_back, start_work
from tests.reliability.power import Disk

CUTS_OF_A_LIFE = 8  # then a new library is begun, so that young ones are cut, too
LONGEST = 0.6  # seconds between two cuts


@dataclass
class Cut(Killed):
    """What the cuts came to."""

    cuts: int = 0
    bad_backups: list[str] = field(default_factory=list)  # that have their name, but are not sound

    def __str__(self) -> str:
        return (f"{self.cuts} cuts, {self.commits} recordings safe (in all cuts), {len(self.lost)} lost, "
                f"{self.unsound} unsound, {len(self.stale)} own files that were not caught up, "
                f"{len(self.bad_backups)} backups not sound")


class Life:
    """The work of `start_work`; what it says is heard outside of the disk that is cut."""

    def __init__(self, folder: Path, seed: int, spoilt: str) -> None:
        self._process = start_work(folder, seed, spoilt)
        self._said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def said(self) -> list[str]:
        """All lines until now."""
        assert self._process.poll() is None, self._process.stderr and self._process.stderr.read()
        return list(self._said)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith("\n"):
                self._said.append(line.rstrip())


def power_cuts(count: int, seed: int, *, control: bool = False) -> Cut:
    """Cut the power of a program that writes all the time, `count` times; root only (see power.why_not).

    The control writes without waiting for the disk, and must lose something.
    """
    rng, found = random.Random(seed), Cut()
    with tempfile.TemporaryDirectory(prefix="pq-") as home, Disk(Path(home)) as disk:
        while found.cuts < count:
            with _life(disk.path / "data", rng.randrange(1 << 30), "no sync" if control else "") as life:
                for _ in range(min(CUTS_OF_A_LIFE, count - found.cuts)):
                    time.sleep(rng.uniform(0.0, LONGEST))
                    _cut(disk, life, found, thorough=found.cuts % 10 == 9 or found.cuts == count - 1)
    print(f"L2 seed {seed}{' (control)' if control else ''}: {found}")
    return found


@contextmanager
def _life(folder: Path, seed: int, spoilt: str) -> Iterator[Life]:
    life = Life(folder, seed, spoilt)
    try:
        yield life
    finally:
        life.end()
        shutil.rmtree(folder)


def _cut(disk: Disk, life: Life, found: Cut, *, thorough: bool) -> None:
    safe: dict[str, int] = {}
    before = life.said()
    clone = disk.clone()
    note_safe(before, safe)
    with disk.again(clone) as again:
        # What was being removed at the cut may be there or gone; it may have been heard of after the cut.
        going = {line.removeprefix("going ") for line in life.said()[len(before):] if line.startswith("going ")}
        safe |= dict.fromkeys(safe.keys() & going, 0)
        folder, lost = again / "data", len(found.lost)
        read_back(folder, safe, found, thorough=thorough)
        if len(found.lost) == lost:  # else it may not even be a library
            found.bad_backups += [b.file.name for b in backups.backups(folder) if not backups.is_sound(b)]
    found.cuts += 1
    found.commits += len(safe)
