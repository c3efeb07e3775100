"""Libraries that are killed and damaged: what is left is read back and compared with what was promised.

`kills(count, seed)` is row L1, `flips(count, seed)` row L4; both print what they found, and return it.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from desktop import backups, beside
from desktop.errors import LibraryError, PullquoteError
from desktop.importing import import_audio
from desktop.library import Library, upkeep
from desktop.library_check import Finding, Kind, findings, original_problem
from desktop.model import (
    Change,
    Desk,
    Mark,
    Part,
    Quote,
    Segment,
    Terms,
    TimeRange,
    TranscriptDocument,
    Turn,
    Withheld,
    Word,
    ignore_progress,
)
from tests.program import ROOT
from tests.sounds import turns, write_wav

# -- a library with everything in it --------------------------------------------------------------------------


def fill(library: Library, cache: Path, folder: Path, recordings: int = 3, lines: int = 12) -> list[int]:
    """Real imports, each with transcripts, a job, edits, a version, and everything that can be noted about it."""
    found = []
    for number in range(recordings):
        sound = write_wav(folder / f"talk{number}.wav", turns(1 + number))
        title = f"Talk {number}: “Çédille” 海港"
        recording = import_audio(library, cache, sound, ignore_progress, title=title).recording
        library.describe_recording(recording.id, recorded_on="2026-03-05", place="Harbour", notes="call back\nlater",
                                   people=["Ann Lee", "Lucía"], tags=["bridge", f"t{number}"])
        library.set_project(recording.id, f"Project {number % 2}")
        library.set_terms(library.recording(recording.id).project_id, ["Ortiz", "sluice"])
        _fill_transcripts(library, recording.id, number, lines)
        found.append(recording.id)
    library.set_terms(None, ["general term"])
    return found


def make_template(folder: Path, recordings: int = 2) -> Path:
    """The folder of a closed library with all that there can be, to be copied: imports take a while."""
    library = Library(folder / "data")
    fill(library, folder / "cache", folder, recordings=recordings)
    beside.write_changed(library, ignore_progress)
    library.close()
    return library.folder


def open_copy(template: Path, folder: Path) -> Library:
    """A library of its own, filled like the template."""
    shutil.copytree(template, folder)
    return Library(folder)


def _fill_transcripts(library: Library, recording_id: int, number: int, lines: int) -> None:
    plan = [Part(n, n * 10.0, n * 10.0 + 10) for n in range(2)]
    job = library.add_job(recording_id, engine="gemini", model="m", options={"language": "es"},
                          time_range=TimeRange(0, 20), parts=plan, translate_to="en")
    library.save_answer(job.id, 0, '{"segments": []}')
    library.store_part(job, 0, [(f"Speaker {1 + n % 3}", line(n, number)) for n in range(lines)], "About the harbour.")
    transcript = job.transcript_id
    library.add_version(transcript, "corrections")
    first, second, *_ = library.segments(transcript)
    ann, bob, *_ = library.speakers(transcript)
    library.apply([(transcript, Change((first,), (replace(first, text="Corrected by hand, 100%.", checked=True),))),
                   (transcript, Change((), (), (bob,), (replace(bob, name="Lucía Ortiz"),))),
                   (transcript, Change((), (), (ann,), (replace(ann, merged_into=bob.id),)))])
    library.set_desk(recording_id, Desk(
        (Quote(TimeRange(0.1, 2.0), "said so", transcript, bob.id, "Lucía", "check", "lead",
               id=library.new_id("quote")),),
        (Mark(1.5, "important"),), (Withheld(TimeRange(second.start, second.end)),
                                    Withheld(TimeRange(8.0, 9.0), Terms.BACKGROUND))))
    thread = library.add_thread(recording_id, transcript, TimeRange(0, 5))
    library.add_turn(thread, "Who paid?", '{"claims": []}', "m")


def line(n: int, number: int = 0) -> Segment:
    """A line with words, a translation and a flag; its times need all seventeen digits."""
    start = n * 0.7 + 0.1 / 3
    words = tuple(Word(text, start + 0.2 * i, start + 0.2 * i + 0.1) for i, text in enumerate(
        ("line", str(n), "of", f"talk{number}")))
    return Segment(start, start + 0.65, " ".join(word.text for word in words), language="en", translation="línea",
                   emotion="calm", flags=("time unsure",), words=words)


def everything(library: Library) -> list[tuple[TranscriptDocument | None, tuple[Turn, ...], str]]:
    """All documents, questions and projects; two libraries with the same of it are the same to their user."""
    projects = {project.id: project.name for project in library.projects()}
    found = []
    for recording in (*library.recordings(), *library.binned()):
        turns = tuple(turn for thread in library.threads(recording.id) for turn in thread.turns)
        project = projects.get(recording.project_id or 0, "")
        named = replace(recording, project_id=0)
        documents = [library.document(transcript.id) for transcript in library.transcripts(recording.id)]
        found += [(replace(document, recording=named), turns, project) for document in documents] or [
            (TranscriptDocument(named, None, desk=library.desk(recording.id)), turns, project)]  # type: ignore[arg-type]
    return found


# -- L1: kill -9 at random moments --------------------------------------------------------------------------------


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
    """Count what is lost or unsound. `thorough`: the own files, too; those of earlier lives are still noted when the next one is killed."""
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


# -- L4: bits that flip -------------------------------------------------------------------------------------------


@dataclass
class Flipped:
    """What one kind of file came to."""

    flips: int = 0
    noticed: int = 0
    harmless: int = 0  # nothing that anybody can read has changed
    versions: int = 0  # only an earlier version of a transcript has changed
    unnoticed: list[str] = field(default_factory=list)
    not_brought_back: list[str] = field(default_factory=list)
    others_changed: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (f"{self.flips} flips, {self.noticed} noticed, {self.harmless} harmless, {self.versions} in an earlier "
                f"version only, {len(self.unnoticed)} unnoticed, {len(self.not_brought_back)} not brought back, "
                f"{len(self.others_changed)} other recordings affected")


def flips(count: int, seed: int) -> dict[str, Flipped]:
    """Flip a bit `count` times each in the database, an original and a recording.json of a library with all in it."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="pullquote-flips-") as home, _home(Path(home)):
        template = Path(home) / "template"
        library = Library(template)
        fill(library, Path(home) / "cache", Path(home))
        beside.write_changed(library, ignore_progress)
        backups.make(template)
        before, versions = everything(library), _versions(template)
        library.close()
        for name, flip in (("database", _flip_database), ("original", _flip_original), ("own file", _flip_own_file)):
            rng = random.Random(f"{seed}/{name}")
            total = found[name] = Flipped()
            for _ in range(count):
                folder = Path(home) / "damaged"
                shutil.copytree(template, folder)
                flip(folder, rng, total, before, versions)
                shutil.rmtree(folder)
            print(f"L4 seed {seed}, {name}: {total}")
    return found


@contextmanager
def _home(folder: Path) -> Iterator[None]:
    before = os.environ.get("PULLQUOTE_HOME")
    os.environ["PULLQUOTE_HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PULLQUOTE_HOME"]
        else:
            os.environ["PULLQUOTE_HOME"] = before


def flip_bit(file: Path, rng: random.Random) -> str:
    """Gives where."""
    content = bytearray(file.read_bytes())
    at, bit = rng.randrange(len(content)), rng.randrange(8)
    content[at] ^= 1 << bit
    file.write_bytes(content)
    return f"byte {at}, bit {bit}"


Everything = list[Any]


def _flip_database(folder: Path, rng: random.Random, total: Flipped, before: Everything, versions: str) -> None:
    where = flip_bit(folder / "library.db", rng)
    total.flips += 1
    if _is_noticed(folder):
        total.noticed += 1
        _bring_back(folder, before, total, where)
        return
    library = Library(folder)
    same = everything(library) == before
    library.close()
    if not same:
        total.unnoticed.append(where)
    elif _versions(folder) != versions:
        total.versions += 1
    else:
        total.harmless += 1


def _is_noticed(folder: Path) -> bool:
    """When it is opened, or checked."""
    try:
        library = Library(folder)
    except LibraryError:
        return True
    try:
        return bool(library.read_only_because) or bool(list(findings(library, ignore_progress, full=True)))
    except (PullquoteError, ValueError, KeyError, TypeError):
        return True
    finally:
        library.close()


def _bring_back(folder: Path, before: Everything, total: Flipped, where: str) -> None:
    """The newest sound backup with what the own files say: all is as it was, and the damaged file is kept."""
    damaged = (folder / "library.db").read_bytes()
    backup = backups.newest_sound(folder)
    assert backup is not None
    done = backups.restore(folder, backup.file, newer=True, report=ignore_progress)
    library = Library(folder)
    if everything(library) != before or done.kept_as is None or len(done.kept_as.read_bytes()) != len(damaged):
        total.not_brought_back.append(where)
    library.close()


def _flip_original(folder: Path, rng: random.Random, total: Flipped, before: Everything, versions: str) -> None:
    library = Library(folder)
    recording = rng.choice(library.recordings())
    where = flip_bit(folder / "recordings" / recording.folder / recording.original, rng)
    total.flips += 1
    found = list(findings(library, ignore_progress, full=True))
    _count_noticed(found, Kind.ORIGINAL, recording.id, total, where)
    if everything(library) != before:
        total.others_changed.append(where)
    if original_problem(library, recording, full=True) is None:
        total.unnoticed.append(where)
    library.close()


def _flip_own_file(folder: Path, rng: random.Random, total: Flipped, before: Everything, versions: str) -> None:
    """Noticed by a check, and by a rebuild, which takes this recording from the old database instead."""
    from desktop.rebuilding import rebuild

    library = Library(folder)
    recording = rng.choice(library.recordings())
    where = flip_bit(beside.file_of(folder, recording.folder), rng)
    total.flips += 1
    _count_noticed(list(findings(library, ignore_progress)), Kind.OWN_FILE, recording.id, total, where)
    library.close()
    done = rebuild(folder, ignore_progress)
    library = Library(folder)
    kept = list((folder / "recordings" / recording.folder).glob("recording-kept-*.json"))
    if everything(library) != before or done.damaged != (recording.folder,) or len(kept) != 1:
        total.not_brought_back.append(where)
    library.close()


def _count_noticed(found: list[Finding], kind: Kind, recording_id: int, total: Flipped, where: str) -> None:
    if any(finding.kind is kind and finding.recording_id == recording_id for finding in found):
        total.noticed += 1
    else:
        total.unnoticed.append(where)
    if any(finding.recording_id != recording_id for finding in found):
        total.others_changed.append(where)


def _versions(folder: Path) -> str:
    """Everything in the tables of earlier versions, as it is read."""
    connection = sqlite3.connect(folder / "library.db")
    try:
        tables = ("version", "version_segment", "version_word", "version_speaker")
        return json.dumps([connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables], default=repr)
    except sqlite3.Error as error:
        return str(error)
    finally:
        connection.close()


