"""Transcripts with their speakers and segments."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from desktop.cleaning import clean_name
from desktop.errors import LibraryConflict
from desktop.library.recordings import Recordings
from desktop.library.rows import BY_HAND, insert_transcript, segment_of, words_of
from desktop.model import Proposal, Segment, Speaker, TimeRange, Transcript, TranscriptDocument, Word


class Transcripts(Recordings):
    """What was heard in recordings."""

    def transcripts(self, recording_id: int) -> list[Transcript]:
        """The transcripts of a recording, newest first, with what their unfinished jobs still miss."""
        rows = self._rows("SELECT * FROM transcript WHERE recording_id = ? ORDER BY id DESC", recording_id)
        return [self._transcript(row) for row in rows]

    def transcript(self, transcript_id: int) -> Transcript:
        """One transcript. LibraryError when it is gone."""
        rows = self._rows("SELECT * FROM transcript WHERE id = ?", transcript_id)
        if not rows:
            raise LibraryConflict("This transcript is no longer in the library.")
        return self._transcript(rows[0])

    def _transcript(self, row: sqlite3.Row) -> Transcript:
        missing = self._rows(
            "SELECT part.start, part.end FROM part JOIN job ON job.id = part.job_id "
            "WHERE job.transcript_id = ? AND part.state != 'stored' ORDER BY part.start, part.end", row["id"])
        return Transcript(
            id=row["id"], recording_id=row["recording_id"], engine=row["engine"], model=row["model"],
            created_at=row["created_at"], range=TimeRange(row["range_start"], row["range_end"]),
            summary=row["summary"], translate_to=row["translate_to"],
            missing=_merged(TimeRange(r["start"], r["end"]) for r in missing))

    def add_transcript(self, recording_id: int, *, engine: str, model: str, time_range: TimeRange,
                       translate_to: str = "", summary: str = "") -> Transcript:
        """A new, empty transcript of `time_range`."""
        with self._write() as connection:
            transcript_id = insert_transcript(connection, recording_id, engine, model, time_range, translate_to,
                                               summary)
        return self.transcript(transcript_id)

    def remove_transcript(self, transcript_id: int) -> None:
        """Remove a transcript with its segments, speakers and jobs."""
        with self._write() as connection:
            connection.execute("DELETE FROM transcript WHERE id = ?", (transcript_id,))

    def document(self, transcript_id: int, *, with_words: bool = True) -> TranscriptDocument:
        """A transcript with its speakers, segments and their words, in the order of time."""
        transcript = self.transcript(transcript_id)
        return TranscriptDocument(self.recording(transcript.recording_id), transcript,
                                  {s.id: s for s in self.speakers(transcript_id)},
                                  tuple(self.segments(transcript_id, with_words=with_words)),
                                  self.desk(transcript.recording_id))

    def speakers(self, transcript_id: int) -> list[Speaker]:
        """The speakers of a transcript in order of first appearance."""
        rows = self._rows("SELECT * FROM speaker WHERE transcript_id = ? AND merged_into IS NULL "
                          "ORDER BY position, id", transcript_id)
        return [Speaker(row["id"], row["name"], row["position"]) for row in rows]

    def renumber_speakers(self, transcript_id: int) -> None:
        """Speakers in the order in which they speak, also when a later part was heard first; names stay."""
        with self._write() as connection:
            rows = connection.execute(
                "SELECT speaker.id, label, name, min(segment.start) AS first FROM speaker "
                "LEFT JOIN segment ON segment.speaker_id = speaker.id WHERE speaker.transcript_id = ? "
                "GROUP BY speaker.id ORDER BY first IS NULL, first, speaker.position", (transcript_id,)).fetchall()
            numbered = [row for row in rows if row["label"] == row["name"] and row["label"].startswith("Speaker ")
                        and row["label"][8:].isdigit()]
            labels = sorted((row["label"] for row in numbered), key=lambda label: int(label[8:]))
            new = {row["id"]: label for row, label in zip(numbered, labels, strict=True)}
            if any(row["label"] != new[row["id"]] for row in numbered):
                connection.executemany("UPDATE speaker SET label = id WHERE id = ?", [(i,) for i in new])
                connection.executemany("UPDATE speaker SET label = ?, name = ? WHERE id = ?",
                                       [(label, label, i) for i, label in new.items()])
            connection.executemany("UPDATE speaker SET position = ? WHERE id = ?",
                                   [(position, row["id"]) for position, row in enumerate(rows)])

    def proposals(self, transcript_id: int) -> list[Proposal]:
        """Names that speakers may have, and nobody has said yes or no to."""
        return [Proposal(row["speaker_id"], row["name"], row["segment_id"]) for row in self._rows(
            "SELECT proposal.* FROM proposal JOIN speaker ON speaker.id = proposal.speaker_id "
            "WHERE speaker.transcript_id = ? AND state = 'open' ORDER BY speaker.position, proposal.name",
            transcript_id)]

    def propose(self, proposals: Iterable[Proposal]) -> None:
        """Keep proposals; one that was rejected stays rejected, and a speaker with a name needs none."""
        with self._write() as connection:
            for proposal in proposals:
                connection.execute(
                    "INSERT INTO proposal (speaker_id, name, segment_id) SELECT ?, ?, ? WHERE EXISTS "
                    "(SELECT 1 FROM speaker WHERE id = ? AND name = label) ON CONFLICT DO NOTHING",
                    (proposal.speaker_id, clean_name(proposal.name), proposal.segment_id, proposal.speaker_id))

    def reject(self, proposal: Proposal) -> None:
        """Never propose this name for this speaker again."""
        with self._write() as connection:
            connection.execute("UPDATE proposal SET state = 'rejected' WHERE speaker_id = ? AND name = ?",
                               (proposal.speaker_id, proposal.name))

    def segments(self, transcript_id: int, *, before_part: int = BY_HAND, with_words: bool = True) -> list[Segment]:
        """The segments of a transcript in the order of time; all, or those of parts before one."""
        words = words_of(self._rows(
            "SELECT word.* FROM word JOIN segment ON segment.id = word.segment_id "
            "WHERE segment.transcript_id = ? ORDER BY word.segment_id, word.position", transcript_id)) \
            if with_words else {}
        rows = self._rows("SELECT * FROM segment WHERE transcript_id = ? AND (part < ? OR part = ?) "
                          "ORDER BY start, id", transcript_id, before_part, BY_HAND)
        return [segment_of(row, words.get(row["id"], ())) for row in rows]

    def words(self, segment_id: int) -> tuple[Word, ...]:
        """The words of one segment."""
        return tuple(words_of(self._rows("SELECT * FROM word WHERE segment_id = ? ORDER BY position",
                                         segment_id)).get(segment_id, ()))


def _merged(ranges: Iterable[TimeRange]) -> tuple[TimeRange, ...]:
    """Ranges that touch or overlap become one; `ranges` must be in the order of their starts."""
    merged: list[TimeRange] = []
    for item in ranges:
        if merged and item.start <= merged[-1].end + 1e-6:
            merged[-1] = TimeRange(merged[-1].start, max(merged[-1].end, item.end))
        else:
            merged.append(item)
    return tuple(merged)
