"""Row L4: libraries with everything in them, and what becomes of them when bits flip.

`flips(count, seed)` prints what it found, and returns it.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from desktop import backups, beside
from desktop.errors import LibraryError, PullquoteError
from desktop.importing import import_audio
from desktop.library import Library
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
        assert not _is_noticed(template), "an undamaged library gives no alarm"
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


