"""Row L1: a program that writes to its library all the time is killed; what is left is compared with what was safe.

`kills(count, seed)` prints what it found, and returns it.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from desktop import beside
from desktop.errors import LibraryError, PullquoteError
from desktop.library import Library, upkeep
from desktop.library_check import Kind, findings
from desktop.model import ignore_progress
from tests.program import ROOT


@dataclass
class Killed:
    """What lives that were killed, or cut off from power, came to."""

    kills: int = 0
    commits: int = 0  # recordings with lines that were said to be safe before
    lost: dict[str, str] = field(default_factory=dict)  # recording -> lines that are there, of those that were safe
    unsound: int = 0  # by SQLite's own full check, or an index that does not fit
    stale: list[str] = field(default_factory=list)  # own files that said something else after catching up

    def __str__(self) -> str:
        return (f"{self.kills} kills, {self.commits} commits, {len(self.lost)} lost, {self.unsound} unsound, "
                f"{len(self.stale)} own files that were not caught up")


_WORK = """
import random, sys
from pathlib import Path
from desktop import backups, beside, migrations
from desktop.errors import PullquoteError
from desktop.library import Library
from desktop.model import TimeRange, ignore_progress
from desktop.paths import fsync_folder
from tests.reliability.library_harness import line
folder, seed, control = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "no journal"
rng, library = random.Random(seed), Library(folder)
if sys.argv[3] == "no sync":
    library._writer.execute("PRAGMA synchronous = OFF")
if control:
    library._writer.execute("PRAGMA journal_mode = OFF")
    library._writer.execute("PRAGMA cache_size = 2")
print("ready", flush=True)
number = 0
while True:
    number += 1
    title = f"{seed}-{number}"
    if not control:
        (folder / "recordings" / title).mkdir()
        fsync_folder(folder / "recordings")  # as an import does it
    recording = library.add_recording(title=title, folder=title, original="o.wav", sha256=title, byte_count=1)
    print(f"safe {title} 0", flush=True)
    transcript = library.add_transcript(recording.id, engine="imported", model="", time_range=TimeRange(0, 9))
    library.add_segments(transcript.id, [("A", line(n)) for n in range(rng.randint(1, 300 if control else 40))])
    print(f"safe {title} {len(library.segments(transcript.id))}", flush=True)
    if control:
        continue
    what = rng.random()
    if what < 0.3:
        beside.write_changed(library, ignore_progress)
    elif what < 0.4:
        backups.make(folder)
    elif what < 0.5:
        library.add_version(transcript.id, "kept")
    elif what < 0.6:
        print(f"going {title}", flush=True)  # killed from here on, both are right: there, or gone
        library.remove_transcript(transcript.id)
"""


def kills(count: int, seed: int, *, control: bool = False) -> Killed:
    """Kill a program that writes all the time, `count` times in one library; read back what it said was safe.

    The control writes without a journal, and must lose something.
    """
    rng, found = random.Random(seed), Killed()
    with tempfile.TemporaryDirectory(prefix="pullquote-kills-") as home:
        folder = Path(home) / "data"
        Library(folder).close()
        safe: dict[str, int] = {}
        while found.kills < count:
            if control:
                shutil.rmtree(folder)
                Library(folder).close()
                safe.clear()
            _one_life(folder, rng.randrange(1 << 30), rng.uniform(0.0, 0.5), control, safe)
            found.kills += 1
            read_back(folder, safe, found, thorough=found.kills % 10 == 0 or found.kills == count)
        found.commits = len(safe)
    print(f"L1 seed {seed}{' (control)' if control else ''}: {found}")
    return found


def start_work(folder: Path, seed: int, spoilt: str) -> subprocess.Popen[str]:
    """A program that writes all the time, and says on standard output what is safe; `spoilt`: "no journal", "no sync".
    """
    process = subprocess.Popen([sys.executable, "-c", _WORK, str(folder), str(seed), spoilt],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
                               env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"})
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline() == "ready\n", process.stderr.read()
    return process


def _one_life(folder: Path, seed: int, seconds: float, control: bool, safe: dict[str, int]) -> None:
    """Start, kill after a while, and note what was said to be safe."""
    process = start_work(folder, seed, "no journal" if control else "")
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    output, errors = process.communicate()
    assert control or process.returncode == -signal.SIGKILL, errors
    note_safe(output.splitlines(), safe)


def note_safe(said: list[str], safe: dict[str, int]) -> None:
    """What the work said: how many lines of each of its recordings are safe."""
    for words in (line.split() for line in said):
        if len(words) == 3 and words[0] == "safe":
            safe[words[1]] = int(words[2])
        elif len(words) == 2 and words[0] == "going":
            safe[words[1]] = 0


def read_back(folder: Path, safe: dict[str, int], found: Killed, *, thorough: bool) -> None:
    """Count what is lost or unsound.

    `thorough`: the own files, too; those of earlier lives are still noted when the next one is killed.
    """
    try:
        library = Library(folder)
    except LibraryError:
        found.lost |= dict.fromkeys(safe, "the library does not open")
        found.unsound += 1
        return
    try:
        database = folder / "library.db"
        found.unsound += bool(upkeep.problems(database, full=True) or upkeep.search_problems(database))
        here = {r.title: sum(len(library.segments(t.id)) for t in library.transcripts(r.id))
                for r in library.recordings()}
        found.lost |= {title: f"{here.get(title, -1)} of {lines}" for title, lines in safe.items()
                       if here.get(title, -1) < lines}
        if thorough:
            beside.note_missing(library)
            beside.write_changed(library, ignore_progress)
            found.stale += [f.title for f in findings(library, ignore_progress, full=True) if f.kind is Kind.OWN_FILE]
    except (PullquoteError, ValueError, KeyError):
        found.unsound += 1
    finally:
        library.close()
