"""Recordings, projects and the names and terms of a project."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from desktop.cleaning import clean_name, clean_text
from desktop.errors import LibraryConflict
from desktop.library.rows import now
from desktop.library.store import Store
from desktop.model import (
    Desk,
    Mark,
    Project,
    Protection,
    Quote,
    Recording,
    RecordingState,
    Terms,
    TimeRange,
    Withheld,
)

_RECORDING = """SELECT recording.*,
    (SELECT count(*) FROM transcript WHERE recording_id = recording.id) AS transcripts,
    EXISTS (SELECT 1 FROM job WHERE recording_id = recording.id AND state != 'done') AS partly
    FROM recording"""


class Recordings(Store):
    """What was imported, and where it belongs."""

    def recordings(self) -> list[Recording]:
        """All recordings that are not in the bin, newest first."""
        return self._recordings("removed_at = '' ORDER BY imported_at DESC, id DESC")

    def binned(self) -> list[Recording]:
        """The recordings in the bin, the last removed first."""
        return self._recordings("removed_at != '' ORDER BY removed_at DESC, id DESC")

    def recording_count(self) -> int:
        """How many recordings there are, with those in the bin."""
        return int(self._rows("SELECT count(*) FROM recording")[0][0])

    def recording(self, recording_id: int) -> Recording:
        """One recording. LibraryError when it is gone."""
        if not (found := self._recordings("id = ?", recording_id)):
            raise LibraryConflict("This recording is no longer in the library.")
        return found[0]

    def recording_with_hash(self, sha256: str) -> Recording | None:
        """The recording whose original has this SHA-256, if it is here, be it in the bin."""
        found = self._recordings("sha256 = ?", sha256)
        return found[0] if found else None

    def recording_in(self, folder: str) -> Recording | None:
        """The recording whose files are in this folder below recordings/, be it in the bin."""
        found = self._recordings("folder = ?", folder)
        return found[0] if found else None

    def recording_folders(self) -> set[str]:
        """The folders of all recordings, also of those in the bin."""
        return {row[0] for row in self._rows("SELECT folder FROM recording")}

    def _recordings(self, condition: str, *values: object) -> list[Recording]:
        chosen = f"SELECT id FROM recording WHERE {condition}"
        tags, people = (self._by_recording(f"SELECT recording_id, name FROM {table} WHERE recording_id IN ({chosen}) "
                                           f"ORDER BY recording_id, {order}", *values)
                        for table, order in (("tag", "name"), ("person", "position")))
        return [_recording(row, tags.get(row["id"], ()), people.get(row["id"], ()))
                for row in self._rows(f"{_RECORDING} WHERE {condition}", *values)]

    def _by_recording(self, sql: str, *values: object) -> dict[int, tuple[str, ...]]:
        found: dict[int, tuple[str, ...]] = {}
        for row in self._rows(sql, *values):
            found[row[0]] = (*found.get(row[0], ()), row[1])
        return found

    def add_recording(self, *, title: str, folder: str, original: str, sha256: str, byte_count: int,
                      is_sample: bool = False, address: str = "") -> Recording:
        """Enter a recording whose original is safely in its folder; its audio is still to be prepared.

        With the `address` of a video there is nothing to prepare.
        """
        state = RecordingState.READY if address else RecordingState.PREPARING
        with self._write() as connection:
            cursor = connection.execute(
                "INSERT INTO recording (title, folder, original, sha256, byte_count, imported_at, is_sample, address, "
                "state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (clean_name(title) or "Untitled", folder, original, sha256, byte_count, now(), is_sample, address,
                 state.value))
        return self.recording(int(cursor.lastrowid or 0))

    def set_prepared(self, recording_id: int, *, duration: float, sample_rate: int, channels: int,
                     problem: str) -> Recording:
        """The audio is prepared: `duration` is counted samples, `problem` what is wrong with the file."""
        with self._write() as connection:
            connection.execute(
                "UPDATE recording SET duration = ?, sample_rate = ?, channels = ?, problem = ?, state = ? "
                "WHERE id = ?",
                (duration, sample_rate, channels, problem, RecordingState.READY.value, recording_id))
        return self.recording(recording_id)

    def rename_recording(self, recording_id: int, title: str) -> None:
        """Give a recording another title."""
        with self._write() as connection:
            connection.execute("UPDATE recording SET title = ? WHERE id = ?",
                               (clean_name(title) or "Untitled", recording_id))

    def describe_recording(self, recording_id: int, *, recorded_on: str, place: str, notes: str,
                           people: Iterable[str], tags: Iterable[str]) -> None:
        """What is known about a recording; `recorded_on` is a day like 2026-11-22, or ""."""
        with self._write() as connection:
            connection.execute("UPDATE recording SET recorded_on = ?, place = ?, notes = ? WHERE id = ?",
                               (recorded_on, clean_name(place), clean_text(notes), recording_id))
            connection.execute("DELETE FROM person WHERE recording_id = ?", (recording_id,))
            connection.executemany("INSERT INTO person (recording_id, position, name) VALUES (?, ?, ?)", [
                (recording_id, position, name) for position, name in enumerate(_once(people))])
            connection.execute("DELETE FROM tag WHERE recording_id = ?", (recording_id,))
            connection.executemany("INSERT INTO tag (recording_id, name) VALUES (?, ?)", [
                (recording_id, name) for name in _once(tags)])

    def change_tags(self, recordings: Iterable[int], *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Give tags to several recordings and take others from them."""
        found = list(recordings)
        with self._write() as connection:
            connection.executemany("INSERT INTO tag (recording_id, name) VALUES (?, ?) ON CONFLICT DO NOTHING",
                                   [(recording, name) for recording in found for name in _once(add)])
            connection.executemany("DELETE FROM tag WHERE recording_id = ? AND name = ?",
                                   [(recording, name) for recording in found for name in remove])

    def recording_tags(self) -> list[str]:
        """The tags that recordings have, by name; those in the bin do not count."""
        return [row[0] for row in self._rows("SELECT DISTINCT name FROM tag JOIN recording ON recording.id = "
                                             "recording_id WHERE removed_at = '' ORDER BY name")]

    def set_checked(self, recordings: Iterable[int], is_checked: bool) -> None:
        """Whether somebody has listened to the whole transcripts."""
        with self._write() as connection:
            connection.executemany("UPDATE recording SET is_checked = ? WHERE id = ?",
                                   [(is_checked, recording) for recording in recordings])

    def set_binned(self, recordings: Iterable[int], is_binned: bool) -> None:
        """Put recordings into the bin, or take them out of it."""
        with self._write() as connection:
            connection.executemany("UPDATE recording SET removed_at = ? WHERE id = ?",
                                   [(now() if is_binned else "", recording) for recording in recordings])

    def remove_recording(self, recording_id: int) -> None:
        """Remove the rows of a recording; the caller removes its files."""
        with self._write() as connection:
            connection.execute("DELETE FROM recording WHERE id = ?", (recording_id,))

    def set_protection(self, recording_id: int, protection: Protection) -> None:
        """Whether the recording may leave the computer."""
        self.protect([recording_id], protection)

    def protect(self, recordings: Iterable[int], protection: Protection) -> None:
        """The same for several."""
        with self._write() as connection:
            connection.executemany("UPDATE recording SET protection = ? WHERE id = ?",
                                   [(protection.value, recording) for recording in recordings])

    # -- projects and their vocabulary -----------------------------------------------------------------------

    def projects(self) -> list[Project]:
        """All projects by name."""
        return [Project(row["id"], row["name"]) for row in self._rows("SELECT * FROM project ORDER BY name")]

    def set_project(self, recording_id: int, name: str) -> None:
        """Put a recording into a project, which is made when it is new; "" takes it out of any."""
        self.put_in_project([recording_id], name)

    def put_in_project(self, recordings: Iterable[int], name: str) -> None:
        """The same for several."""
        with self._write() as connection:
            if name := clean_name(name):
                connection.execute("INSERT INTO project (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
            connection.executemany("UPDATE recording SET project_id = (SELECT id FROM project WHERE name = ?) "
                                   "WHERE id = ?", [(name, recording) for recording in recordings])

    def rename_project(self, project_id: int, name: str) -> None:
        """Give a project another name. LibraryConflict when another one has it."""
        with self._write() as connection:
            connection.execute("UPDATE project SET name = ? WHERE id = ?", (clean_name(name) or "Untitled", project_id))

    def remove_project(self, project_id: int) -> None:
        """Remove a project with its names and terms; its recordings stay, without a project."""
        with self._write() as connection:
            connection.execute("DELETE FROM project WHERE id = ?", (project_id,))

    def terms(self, project_id: int | None) -> list[str]:
        """Names and terms of a project (None: of recordings without one), the most important first."""
        return [row["text"] for row in self._rows(
            "SELECT text FROM term WHERE project_id IS ? ORDER BY position", project_id)]

    def set_terms(self, project_id: int | None, terms: Iterable[str]) -> None:
        """Replace them; doubles and empty ones fall out."""
        kept = dict.fromkeys(term for text in terms if (term := clean_name(text)))
        with self._write() as connection:
            connection.execute("DELETE FROM term WHERE project_id IS ?", (project_id,))
            connection.executemany("INSERT INTO term (project_id, position, text) VALUES (?, ?, ?)",
                                   [(project_id, position, text) for position, text in enumerate(kept)])

    # -- what is noted about a recording ----------------------------------------------------------------------

    def desk(self, recording_id: int) -> Desk:
        """Quotes, marks and what is not on the record."""
        quotes, marks, withheld = (self._rows(f"SELECT * FROM {table} WHERE recording_id = ? ORDER BY {order}",
                                              recording_id)
                                   for table, order in (("quote", "start, id"), ("mark", "seconds, position"),
                                                        ("withheld", "start, position")))
        return _desk(quotes, marks, withheld)


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for text in names if (name := clean_name(text))))


def _recording(row: sqlite3.Row, tags: tuple[str, ...], people: tuple[str, ...]) -> Recording:
    return Recording(
        id=row["id"], title=row["title"], folder=row["folder"], original=row["original"], sha256=row["sha256"],
        duration=row["duration"], sample_rate=row["sample_rate"], channels=row["channels"],
        imported_at=row["imported_at"], state=RecordingState(row["state"]), problem=row["problem"],
        is_sample=bool(row["is_sample"]), transcript_count=row["transcripts"],
        is_partly_heard=bool(row["partly"]), protection=Protection(row["protection"]),
        project_id=row["project_id"], address=row["address"], recorded_on=row["recorded_on"], place=row["place"],
        notes=row["notes"], people=people, tags=tags, is_checked=bool(row["is_checked"]),
        removed_at=row["removed_at"], byte_count=row["byte_count"])


def _desk(quotes: Iterable[sqlite3.Row], marks: Iterable[sqlite3.Row], withheld: Iterable[sqlite3.Row]) -> Desk:
    """Rows as a Desk."""
    return Desk(
        tuple(Quote(TimeRange(row["start"], row["end"]), row["text"], row["transcript_id"], row["speaker_id"],
                    row["said_by"], row["note"], row["tag"], row["made_at"], row["id"]) for row in quotes),
        tuple(Mark(row["seconds"], row["note"]) for row in marks),
        tuple(Withheld(TimeRange(row["start"], row["end"]), Terms(row["terms"]), row["marked_at"])
              for row in withheld))
