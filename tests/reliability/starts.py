"""Row L5: the program is started many times at once, and killed while it starts; never part of the shipped program.

`together(count)` and `killed_starts(count, seed)` print what they found, and return it. Every start is given a file of
its own to import, so that a hand-over that was lost shows in the library.
"""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from desktop.library import upkeep
from desktop.settings import Settings, save
from tests.program import COMMAND, environment
from tests.sounds import tone, write_wav

PATIENCE = 90.0  # seconds; two processors may have twenty starts to do
LATEST_KILL = 2.5  # seconds after a start
# The control: a lock that lets everybody in.
_UNLOCKED = """
import sys
from desktop.ui import single_instance
class Open:
    def __init__(self, name): pass
    def setStaleLockTime(self, milliseconds): pass
    def tryLock(self, milliseconds): return True
    def unlock(self): pass
single_instance.QLockFile = Open
from desktop.__main__ import run
sys.exit(run(sys.argv[1:]))
"""


@dataclass
class Together:
    """What simultaneous starts came to."""

    starts: int
    running: int = 0  # did not end
    codes: Counter[int] = field(default_factory=Counter)  # of those that ended
    not_imported: list[str] = field(default_factory=list)  # files of which the running one does not know
    twice: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (f"{self.starts} starts, {self.running} running, ended with {dict(self.codes)}, "
                f"{len(self.not_imported)} hand-overs lost, {len(self.twice)} imported twice")


@dataclass
class KilledStarts:
    """What starts after kills came to."""

    kills: int = 0
    failed: list[str] = field(default_factory=list)  # next starts that did not import their file
    twice: list[str] = field(default_factory=list)
    unsound: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (f"{self.kills} kills, {len(self.failed)} next starts failed, {len(self.twice)} imported twice, "
                f"{len(self.unsound)} problems of the database")


class Home:
    """A journalist's home with files to import, and the programs that were started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "data" / "library.db"
        self.started: list[subprocess.Popen[bytes]] = []
        save(folder / "config" / "settings.toml", Settings(sample_offered=True))

    def start(self, name: str, *, unlocked: bool = False) -> subprocess.Popen[bytes]:
        """The program with a file of this name to import."""
        file = write_wav(self.folder / f"{name}.wav", tone(0.3, 200 + 10 * len(self.started)))
        command = [sys.executable, "-P", "-c", _UNLOCKED] if unlocked else COMMAND
        # Its socket lies in the temporary folder, and stays there when it is killed.
        own = environment(self.folder, QT_QPA_PLATFORM="offscreen", TMPDIR=str(self.folder))
        self.started.append(subprocess.Popen([*command, str(file)], env=own, stdin=subprocess.DEVNULL,
                                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return self.started[-1]

    def titles(self) -> Counter[str]:
        """Of all recordings that are entered and prepared."""
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True)) as here:
            return Counter(title for title, in here.execute("SELECT title FROM recording WHERE state = 'ready'"))
        return Counter()

    def has(self, name: str) -> bool:
        return name in self.titles()

    def end_all(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()


@contextmanager
def _home() -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="pq-", ignore_cleanup_errors=True) as folder:
        home = Home(Path(folder))
        try:
            yield home
        finally:
            home.end_all()


def together(count: int, *, control: bool = False, after_kill: bool = False) -> Together:
    """Start the program `count` times at once; one may run, and imports the files of all.

    `after_kill` begins with a killed one, which leaves its lock and its socket. The control starts programs without a
    lock, and must find several running.
    """
    found = Together(count)
    with _home() as home:
        if after_kill:
            _run_and_kill(home)
        names = [f"talk {number}" for number in range(count)]
        starts = [home.start(name, unlocked=control) for name in names]
        ends = 0 if control else count - 1
        # two that make one library at the same moment may leave one of them with an error on its screen
        _wait(lambda: sum(start.poll() is not None for start in starts) >= ends and home.titles().keys() >= set(names),
              patience=20.0 if control else PATIENCE)
        found.codes = Counter(code for start in starts if (code := start.poll()) is not None)
        found.running = count - found.codes.total()
        titles = home.titles()
        found.not_imported = [name for name in names if name not in titles]
        found.twice = [name for name, times in titles.items() if times > 1]
    print(f"L5{' (control)' if control else ''}: {found}")
    return found


def _run_and_kill(home: Home) -> None:
    first = home.start("first")
    assert _wait(lambda: home.has("first")), "the first start failed"
    first.kill()
    first.wait()


def killed_starts(count: int, seed: int) -> KilledStarts:
    """Kill the program at any moment of its start or after it, `count` times in one library, and start it again."""
    rng, found = random.Random(seed), KilledStarts()
    with _home() as home:
        for number in range(count):
            with suppress(subprocess.TimeoutExpired):
                home.start(f"killed {number}").wait(rng.uniform(0.0, LATEST_KILL))
            home.end_all()
            found.kills += 1
            name = f"next {number}"
            after = home.start(name)
            if not _wait(partial(home.has, name), after):
                found.failed.append(f"{name}: {after.poll()}")
            home.end_all()
        found.twice = [name for name, times in home.titles().items() if times > 1]
        found.unsound = upkeep.problems(home.database, full=True)
    print(f"L5 seed {seed}: {found}")
    return found


def _wait(condition: Callable[[], bool], process: subprocess.Popen[bytes] | None = None,
          patience: float = PATIENCE) -> bool:
    """Until it is so; False when the process ended or it took too long."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end or (process is not None and process.poll() is not None):
            return False
        time.sleep(0.02)
    return True
