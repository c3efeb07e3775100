"""The transcript desk: edits, versions, and what is noted about a recording (quotes, marks, off the record)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace

from desktop.cleaning import clean_name, clean_text
from desktop.errors import LibraryConflict
from desktop.library.rows import (
    BY_HAND,
    insert_segments,
    insert_speaker,
    now,
    segment_of,
    update_segment,
    words_of,
)
from desktop.library.transcripts import Transcripts
from desktop.model import (
    Change,
    Desk,
    Segment,
    Speaker,
    TranscriptDocument,
    Version,
)

_VERSIONS_KEPT = 30  # of a transcript, besides the oldest


class Edits(Transcripts):
    """What people do to transcripts; all of it can be taken back."""

    # -- edits -----------------------------------------------------------------------------------------------

    def apply(self, changes: Iterable[tuple[int, Change]]) -> None:
        """Enter (transcript id, change) in their order, in one transaction."""
        with self._write() as connection:
            for transcript_id, change in changes:
                _put_speakers(connection, transcript_id, change)
                _change_segments(connection, transcript_id, change)
                _drop_speakers(connection, change)

    # -- versions --------------------------------------------------------------------------------------------

    def add_version(self, transcript_id: int, reason: str) -> int:
        """Keep the transcript as it is now; `reason` says what comes next. SQLite copies, whatever the length."""
        with self._write() as connection:
            cursor = connection.execute("INSERT INTO version (transcript_id, at, reason) VALUES (?, ?, ?)",
                                        (transcript_id, now(), clean_name(reason)))
            version_id = int(cursor.lastrowid or 0)
            connection.execute(
                "INSERT INTO version_segment SELECT ?, id, start, end, speaker_id, text, language, translation, "
                "emotion, flags, checked FROM segment WHERE transcript_id = ?", (version_id, transcript_id))
            connection.execute(
                "INSERT INTO version_word SELECT ?, word.* FROM word JOIN segment ON segment.id = segment_id "
                "WHERE transcript_id = ?", (version_id, transcript_id))
            connection.execute("INSERT INTO version_speaker SELECT ?, id, name, position, merged_into FROM speaker "
                               "WHERE transcript_id = ?", (version_id, transcript_id))
            connection.execute(
                "DELETE FROM version WHERE transcript_id = ? AND id NOT IN (SELECT id FROM version WHERE "
                "transcript_id = ? ORDER BY id DESC LIMIT ?) AND id != (SELECT min(id) FROM version WHERE "
                "transcript_id = ?)", (transcript_id, transcript_id, _VERSIONS_KEPT, transcript_id))
        return version_id

    def versions(self, transcript_id: int) -> list[Version]:
        """The kept versions of a transcript, newest first."""
        return [Version(row["id"], row["transcript_id"], row["at"], row["reason"]) for row in self._rows(
            "SELECT * FROM version WHERE transcript_id = ? ORDER BY id DESC", transcript_id)]

    def version_document(self, version_id: int) -> TranscriptDocument:
        """A transcript as it was. LibraryError when that version is gone."""
        rows = self._rows("SELECT transcript_id FROM version WHERE id = ?", version_id)
        if not rows:
            raise LibraryConflict("This version is no longer in the library.")
        transcript = self.transcript(rows[0][0])
        speakers = {row["speaker_id"]: Speaker(row["speaker_id"], row["name"], row["position"]) for row in self._rows(
            "SELECT * FROM version_speaker WHERE version_id = ? AND merged_into IS NULL ORDER BY position, speaker_id",
            version_id)}
        words = words_of(self._rows("SELECT * FROM version_word WHERE version_id = ? ORDER BY segment_id, position",
                                    version_id))
        segments = tuple(segment_of(row, words.get(row["id"], ())) for row in self._rows(
            "SELECT *, segment_id AS id FROM version_segment WHERE version_id = ? ORDER BY start, segment_id",
            version_id))
        return TranscriptDocument(self.recording(transcript.recording_id), transcript, speakers, segments,
                                  self.desk(transcript.recording_id))

    # -- quotes, marks, off the record -----------------------------------------------------------------------

    def set_desk(self, recording_id: int, desk: Desk) -> None:
        """Replace what is noted about a recording; new quotes have ids from Store.new_id already."""
        with self._write() as connection:
            for table in ("quote", "mark", "withheld"):
                connection.execute(f"DELETE FROM {table} WHERE recording_id = ?", (recording_id,))
            connection.executemany(
                "INSERT INTO quote (id, recording_id, transcript_id, speaker_id, start, end, text, said_by, note, tag, "
                "made_at) VALUES (?, ?, (SELECT id FROM transcript WHERE id = ?), (SELECT id FROM speaker WHERE id = "
                "?), ?, ?, ?, ?, ?, ?, ?)",
                [(q.id, recording_id, q.transcript_id, q.speaker_id, q.range.start, q.range.end, clean_text(q.text),
                  clean_name(q.said_by), clean_text(q.note), clean_name(q.tag), q.made_at or now())
                 for q in desk.quotes])
            connection.executemany("INSERT INTO mark VALUES (?, ?, ?, ?)", [
                (recording_id, position, mark.seconds, clean_text(mark.note))
                for position, mark in enumerate(desk.marks)])
            connection.executemany("INSERT INTO withheld VALUES (?, ?, ?, ?, ?, ?)", [
                (recording_id, position, w.range.start, w.range.end, w.terms.value, w.marked_at or now())
                for position, w in enumerate(desk.withheld)])


def _put_speakers(connection: sqlite3.Connection, transcript_id: int, change: Change) -> None:
    """New speakers come in, the others get their names; a speaker with a new name needs no proposals."""
    before = {speaker.id: speaker for speaker in change.speakers_before}
    for speaker in change.speakers_after:
        old = before.get(speaker.id)
        if old is not None and old.merged_into != speaker.merged_into:
            old = None  # hidden or back: under whatever name that was hidden, this one holds
        if not connection.execute("SELECT 1 FROM speaker WHERE id = ?", (speaker.id,)).fetchone():
            insert_speaker(connection, transcript_id, replace(speaker, merged_into=None), f"by hand: {speaker.id}")
        if old is None or old.position != speaker.position:
            connection.execute("UPDATE speaker SET position = ? WHERE id = ?", (speaker.position, speaker.id))
        if old is None or old.name != speaker.name:
            connection.execute("UPDATE speaker SET name = ? WHERE id = ?", (clean_name(speaker.name), speaker.id))
            connection.execute("DELETE FROM proposal WHERE speaker_id = ? AND state = 'open'", (speaker.id,))
        if old is None:
            _set_merged(connection, speaker)


def _set_merged(connection: sqlite3.Connection, speaker: Speaker) -> None:
    """A voice that is merged gives its label free: a later part that brings this label brings somebody new."""
    prefix = f"merged {speaker.id}: "
    label = "? || label" if speaker.merged_into else "replace(label, ?, '')"
    connection.execute(f"UPDATE OR IGNORE speaker SET label = {label} WHERE id = ?", (prefix, speaker.id))
    connection.execute("UPDATE speaker SET merged_into = ? WHERE id = ?", (speaker.merged_into, speaker.id))
    connection.execute("DELETE FROM proposal WHERE speaker_id IN (?, ?) AND state = 'open'",
                       (speaker.id, speaker.merged_into))


def _change_segments(connection: sqlite3.Connection, transcript_id: int, change: Change) -> None:
    before = {segment.id: segment for segment in change.before}
    stay = {segment.id for segment in change.after}
    connection.executemany("DELETE FROM segment WHERE id = ? AND transcript_id = ?",
                           [(i, transcript_id) for i in before if i not in stay])
    for segment in change.after:
        old = before.get(segment.id)
        if old is None:
            _insert(connection, transcript_id, segment)
        elif old != segment:
            update_segment(connection, old, segment)


def _insert(connection: sqlite3.Connection, transcript_id: int, segment: Segment) -> None:
    row = connection.execute("SELECT coalesce(max(position), -1) + 1 FROM segment WHERE transcript_id = ? AND part = ?",
                             (transcript_id, BY_HAND)).fetchone()
    insert_segments(connection, transcript_id, BY_HAND, row[0], [segment])


def _drop_speakers(connection: sqlite3.Connection, change: Change) -> None:
    stay = {speaker.id for speaker in change.speakers_after}
    connection.executemany("DELETE FROM speaker WHERE id = ?",
                           [(s.id,) for s in change.speakers_before if s.id not in stay])
