"""Transcription jobs, their parts, and what they fill."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace

from desktop.cleaning import clean_name, clean_text
from desktop.errors import LibraryConflict
from desktop.library.rows import BY_HAND, insert_segments, insert_speaker, insert_transcript, now
from desktop.library.store import Store
from desktop.model import OLD_TRANSLATION, Job, JobState, Part, PartState, Segment, Speaker, TimeRange


class Jobs(Store):
    """Runs of engines, and their answers."""

    def add_job(self, recording_id: int, *, engine: str, model: str, options: dict[str, object],
                time_range: TimeRange, parts: Sequence[Part], translate_to: str = "") -> Job:
        """A job with its plan and the transcript that it fills, in one transaction."""
        with self._write() as connection:
            transcript_id = insert_transcript(connection, recording_id, engine, model, time_range, translate_to, "")
            cursor = connection.execute(
                "INSERT INTO job (recording_id, transcript_id, engine, options, state, created_at) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (recording_id, transcript_id, engine, json.dumps(options), JobState.RUNNING.value, now()))
            job_id = int(cursor.lastrowid or 0)
            connection.executemany(
                "INSERT INTO part (job_id, position, start, end, lead_in, channel) VALUES (?, ?, ?, ?, ?, ?)",
                [(job_id, p.index, p.start, p.end, p.lead_in, p.channel) for p in parts])
        return self.job(job_id)

    def job(self, job_id: int) -> Job:
        """One job with its parts. LibraryError when it is gone."""
        rows = self._rows("SELECT * FROM job WHERE id = ?", job_id)
        if not rows:
            raise LibraryConflict("This job is no longer in the library.")
        return self._job(rows[0])

    def unfinished_jobs(self) -> list[Job]:
        """Jobs that still miss parts, oldest first."""
        return [self._job(row) for row in self._rows("SELECT * FROM job WHERE state != 'done' ORDER BY id")]

    def job_of_transcript(self, transcript_id: int) -> Job | None:
        """The job that fills this transcript, if one did."""
        rows = self._rows("SELECT * FROM job WHERE transcript_id = ?", transcript_id)
        return self._job(rows[0]) if rows else None

    def _job(self, row: sqlite3.Row) -> Job:
        parts = self._rows("SELECT * FROM part WHERE job_id = ? ORDER BY position", row["id"])
        return Job(
            id=row["id"], recording_id=row["recording_id"], transcript_id=row["transcript_id"],
            engine=row["engine"], options=json.loads(row["options"]), state=JobState(row["state"]),
            problem=row["problem"],
            parts=tuple(Part(p["position"], p["start"], p["end"], p["lead_in"], p["channel"],
                             PartState(p["state"]), p["problem"]) for p in parts))

    def set_job_state(self, job_id: int, state: JobState, problem: str = "") -> None:
        """Note where a job stands."""
        with self._write() as connection:
            connection.execute("UPDATE job SET state = ?, problem = ? WHERE id = ?", (state.value, problem, job_id))

    def pause_running_jobs(self) -> None:
        """At start: jobs that a crash or a kill left running are waiting to be continued."""
        with self._write() as connection:
            connection.execute("UPDATE job SET state = 'waiting', problem = '' WHERE state = 'running'")

    def set_part_state(self, job_id: int, index: int, state: PartState, problem: str = "") -> None:
        """Note where a part stands."""
        with self._write() as connection:
            connection.execute("UPDATE part SET state = ?, problem = ? WHERE job_id = ? AND position = ?",
                               (state.value, problem, job_id, index))

    def save_answer(self, job_id: int, index: int, answer: str) -> None:
        """Keep the raw answer of a part, durably, before anybody tries to read it."""
        answer = answer.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
        with self._write() as connection:
            connection.execute(
                "UPDATE part SET answer = ?, state = ?, problem = '' WHERE job_id = ? AND position = ?",
                (answer, PartState.RECEIVED.value, job_id, index))

    def answer(self, job_id: int, index: int) -> str | None:
        """The raw answer of a part, if one arrived."""
        rows = self._rows("SELECT answer FROM part WHERE job_id = ? AND position = ?", job_id, index)
        return rows[0]["answer"] if rows else None

    def set_heard_end(self, job: Job, end: float) -> None:
        """A video was heard, and only now is it known how far it reaches."""
        with self._write() as connection:
            connection.execute("UPDATE part SET end = ? WHERE job_id = ?", (end, job.id))
            connection.execute("UPDATE transcript SET range_end = ? WHERE id = ?", (end, job.transcript_id))
            connection.execute("UPDATE recording SET duration = max(duration, ?) WHERE id = ?",
                               (end, job.recording_id))

    def drop_answer(self, job_id: int, index: int) -> None:
        """Forget a raw answer that cannot be used, so that the part is asked for again."""
        with self._write() as connection:
            connection.execute("UPDATE part SET answer = NULL, state = 'planned' WHERE job_id = ? AND position = ?",
                               (job_id, index))

    def store_part(self, job: Job, index: int, segments: Iterable[tuple[str, Segment]], summary: str) -> None:
        """Replace what this part holds by (speaker label, segment) pairs; the part is then stored.

        One transaction: repeating it after a crash changes nothing.
        """
        with self._write() as connection:
            connection.execute("DELETE FROM segment WHERE transcript_id = ? AND part = ?", (job.transcript_id, index))
            self._insert(connection, job.transcript_id, index, segments)
            connection.execute("UPDATE part SET state = 'stored', problem = '', summary = ? "
                               "WHERE job_id = ? AND position = ?", (clean_text(summary), job.id, index))
            summaries = connection.execute("SELECT summary FROM part WHERE job_id = ? AND summary != '' "
                                           "GROUP BY summary ORDER BY min(position)", (job.id,)).fetchall()
            if summaries:  # else it was read from the lines, and stays
                connection.execute("UPDATE transcript SET summary = ? WHERE id = ?",
                                   ("\n".join(row[0] for row in summaries), job.transcript_id))

    def add_segments(self, transcript_id: int, segments: Iterable[tuple[str, Segment]]) -> None:
        """Fill a transcript that no job made (the sample) with (speaker name, segment) pairs."""
        with self._write() as connection:
            self._insert(connection, transcript_id, 0, segments)

    def _insert(self, connection: sqlite3.Connection, transcript_id: int, part: int,
                segments: Iterable[tuple[str, Segment]]) -> None:
        lines = list(segments)
        speakers = {label: self._speaker_id(connection, transcript_id, label)
                    for label in dict.fromkeys(label for label, _ in lines)}
        first = self.new_id("segment", len(lines))
        insert_segments(connection, transcript_id, part, 0, [
            replace(segment, speaker_id=speakers[label], id=first + n) for n, (label, segment) in enumerate(lines)])

    def annotate(self, transcript_id: int, lines: Iterable[tuple[int, str, str, str]], summary: str) -> None:
        """Enter (segment id, language, translation, emotion) read from the text, and add to the summary.

        A new translation is up to date.
        """
        with self._write() as connection:
            for segment_id, language, translation, emotion in lines:
                text = clean_text(translation)
                connection.execute(
                    "UPDATE segment SET language = ?, translation = ?, emotion = ?, flags = CASE WHEN ? THEN "
                    "(SELECT json_group_array(value) FROM json_each(flags) WHERE value != ?) ELSE flags END "
                    "WHERE id = ? AND transcript_id = ?",
                    (clean_name(language), text, emotion, bool(text), OLD_TRANSLATION, segment_id, transcript_id))
            connection.execute("UPDATE transcript SET summary = trim(summary || char(10) || ?, char(10)) WHERE id = ?",
                               (clean_text(summary), transcript_id))

    def is_replaced(self, transcript_id: int, time_range: TimeRange) -> bool:
        """Whether lines in this range were taken over from a second hearing."""
        return bool(self._rows("SELECT 1 FROM segment WHERE transcript_id = ? AND part = ? AND start < ? AND end > ? "
                               "LIMIT 1", transcript_id, BY_HAND, time_range.end, time_range.start))

    def set_translation_language(self, transcript_id: int, language: str) -> None:
        """The language that the translations are in."""
        with self._write() as connection:
            connection.execute("UPDATE transcript SET translate_to = ? WHERE id = ?", (clean_name(language),
                                                                                      transcript_id))

    def _speaker_id(self, connection: sqlite3.Connection, transcript_id: int, label: str) -> int | None:
        """The speaker with this label of the engine, made when there is none."""
        label = clean_name(label)
        if not label:
            return None
        row = connection.execute("SELECT id FROM speaker WHERE transcript_id = ? AND label = ?",
                                 (transcript_id, label)).fetchone()
        if row:
            return int(row["id"])
        count = connection.execute("SELECT count(*) FROM speaker WHERE transcript_id = ?", (transcript_id,)).fetchone()
        speaker = Speaker(self.new_id("speaker"), label, count[0])
        insert_speaker(connection, transcript_id, speaker, label)
        return speaker.id

    def speaker_labels(self, transcript_id: int) -> dict[int, str]:
        """Speaker id to the label that the engine gave it."""
        return {row["id"]: row["label"] for row in
                self._rows("SELECT id, label FROM speaker WHERE transcript_id = ? AND merged_into IS NULL",
                           transcript_id)}
