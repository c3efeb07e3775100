"""The library: recordings, transcripts, segments and jobs in one SQLite file. All SQL of the program is here.

One writer connection guarded by a lock; every thread reads through a read-only connection of its own.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from desktop import migrations
from desktop.cleaning import clean_name, clean_text
from desktop.errors import LibraryError
from desktop.model import (
    SPEAKER_UNSURE,
    Cargo,
    Job,
    JobState,
    Part,
    PartState,
    Project,
    Proposal,
    Protection,
    Recording,
    RecordingState,
    Segment,
    Sending,
    Speaker,
    Thread,
    TimeRange,
    Transcript,
    TranscriptDocument,
    Turn,
    Usage,
    Word,
)
from desktop.paths import private_folder

_RECORDING = """SELECT recording.*,
    (SELECT count(*) FROM transcript WHERE recording_id = recording.id) AS transcripts,
    EXISTS (SELECT 1 FROM job WHERE recording_id = recording.id AND state != 'done') AS partly
    FROM recording"""

_BY_HAND = 1_000_000  # the part of segments that no run of the transcript's own job may replace


class Library:
    """Opens (and when needed makes or migrates) the library below `folder`.

    Raises LibraryError when the folder cannot be used. `read_only_because` holds a sentence when the file
    was written by a newer program: then everything can be read and nothing written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.read_only_because = ""
        self._file = folder / "library.db"
        self._lock = threading.RLock()
        self._readers = threading.local()
        self._all_readers: dict[sqlite3.Connection, threading.Thread] = {}
        self._writer = self._open()

    # -- opening and closing ---------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        try:
            private_folder(self.folder)
            private_folder(self.folder / "recordings")
            if not self._file.exists():
                os.close(os.open(self._file, os.O_CREAT | os.O_RDWR, 0o600))
            return self._open_writer()
        except (OSError, sqlite3.Error) as error:
            raise LibraryError(
                "The library in {folder} cannot be opened ({reason}). Check that the folder exists, is not full and "
                "may be written to; nothing was changed.", folder=self.folder, reason=error) from error

    def _open_writer(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False, timeout=10)
        connection.row_factory = sqlite3.Row
        if migrations.version_of(connection) > len(migrations.STEPS):
            connection.close()
            self.read_only_because = (
                "This library was last used by a newer Pullquote. It is opened for reading only; "
                "install the newer program to change it.")
            return self._new_reader()
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON",
                       "fullfsync = ON"):
            connection.execute(f"PRAGMA {pragma}")
        migrations.migrate(connection, self._file)
        return connection

    def _new_reader(self) -> sqlite3.Connection:
        connection = sqlite3.connect(f"{self._file.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None,
                                     check_same_thread=False, timeout=10)
        connection.row_factory = sqlite3.Row
        with self._lock:  # a thread that has ended reads no more
            for reader in [r for r, thread in self._all_readers.items() if not thread.is_alive()]:
                del self._all_readers[reader]
                reader.close()
            self._all_readers[connection] = threading.current_thread()
        return connection

    def close(self) -> None:
        """Close every connection; the library cannot be used afterwards."""
        with self._lock:
            for connection in (*self._all_readers, self._writer):
                connection.close()

    def _rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        reader: sqlite3.Connection | None = getattr(self._readers, "connection", None)
        try:
            if reader is None:
                reader = self._readers.connection = self._new_reader()
            return reader.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise LibraryError(
                "The library could not be read ({reason}). Close Pullquote and start it again; nothing was changed.",
                reason=error) from error

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        if self.read_only_because:
            raise LibraryError("{reason}", reason=self.read_only_because)
        with self._lock:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    yield self._writer
                    self._writer.execute("COMMIT")
                except BaseException:
                    self._writer.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise LibraryError(
                    "The library could not be written ({reason}). Check the free space on the disk and try again; "
                    "what was there before is still there.", reason=error) from error

    # -- recordings ------------------------------------------------------------------------------------------

    def recordings(self) -> list[Recording]:
        """All recordings, newest first."""
        return [_recording(row) for row in self._rows(f"{_RECORDING} ORDER BY imported_at DESC, id DESC")]

    def recording(self, recording_id: int) -> Recording:
        """One recording. LibraryError when it is gone."""
        rows = self._rows(f"{_RECORDING} WHERE id = ?", recording_id)
        if not rows:
            raise LibraryError("This recording is no longer in the library.")
        return _recording(rows[0])

    def recording_with_hash(self, sha256: str) -> Recording | None:
        """The recording whose original has this SHA-256, if it is here."""
        rows = self._rows(f"{_RECORDING} WHERE sha256 = ?", sha256)
        return _recording(rows[0]) if rows else None

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
                (clean_name(title) or "Untitled", folder, original, sha256, byte_count, _now(), is_sample, address,
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

    def remove_recording(self, recording_id: int) -> None:
        """Remove the rows of a recording; the caller removes its files."""
        with self._write() as connection:
            connection.execute("DELETE FROM recording WHERE id = ?", (recording_id,))

    def set_protection(self, recording_id: int, protection: Protection) -> None:
        """Whether the recording may leave the computer."""
        with self._write() as connection:
            connection.execute("UPDATE recording SET protection = ? WHERE id = ?", (protection.value, recording_id))

    # -- projects and their vocabulary -----------------------------------------------------------------------

    def projects(self) -> list[Project]:
        """All projects by name."""
        return [Project(row["id"], row["name"]) for row in self._rows("SELECT * FROM project ORDER BY name")]

    def set_project(self, recording_id: int, name: str) -> None:
        """Put a recording into a project, which is made when it is new; "" takes it out of any."""
        with self._write() as connection:
            if name := clean_name(name):
                connection.execute("INSERT INTO project (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
            connection.execute("UPDATE recording SET project_id = (SELECT id FROM project WHERE name = ?) "
                               "WHERE id = ?", (name, recording_id))

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

    # -- the ledger of what was sent -------------------------------------------------------------------------

    def add_sending(self, recording_id: int | None, cargo: Cargo, remote_name: str = "") -> int:
        """Enter a request that is about to leave, and the name of the file it makes there; gives its id."""
        start, end = (cargo.range.start, cargo.range.end) if cargo.range else (None, None)
        with self._write() as connection:
            cursor = connection.execute(
                "INSERT INTO sending (recording_id, at, purpose, model, host, start, end, byte_count, remote_name) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (recording_id, _now(), cargo.purpose, cargo.model, cargo.host, start, end, cargo.byte_count,
                 remote_name))
        return int(cursor.lastrowid or 0)

    def set_removed(self, sending_id: int) -> None:
        """The file that this request made on the service is gone from there."""
        with self._write() as connection:
            connection.execute("UPDATE sending SET removed_at = ? WHERE id = ? AND removed_at = ''",
                               (_now(), sending_id))

    def remote_files(self) -> list[Sending]:
        """Requests whose file may still be on the service, newest first."""
        return [_sending(row) for row in self._rows(
            "SELECT * FROM sending WHERE remote_name != '' AND removed_at = '' ORDER BY id DESC")]

    def end_sending(self, sending_id: int, outcome: str, usage: Usage, cost: float | None) -> None:
        """Note how a request ended."""
        with self._write() as connection:
            connection.execute(
                "UPDATE sending SET outcome = ?, input_tokens = ?, output_tokens = ?, cost = ? WHERE id = ?",
                (outcome, usage.input_tokens, usage.output_tokens, cost, sending_id))

    def end_unfinished_sendings(self) -> None:
        """What was under way when the program ended has an unknown end."""
        with self._write() as connection:
            connection.execute("UPDATE sending SET outcome = 'unknown' WHERE outcome = 'under way'")

    def sendings(self, recording_id: int | None = None) -> list[Sending]:
        """The ledger, newest first: of one recording, or all of it."""
        if recording_id is None:
            rows = self._rows("SELECT * FROM sending ORDER BY id DESC")
        else:
            rows = self._rows("SELECT * FROM sending WHERE recording_id = ? ORDER BY id DESC", recording_id)
        return [_sending(row) for row in rows]

    # -- questions and answers -------------------------------------------------------------------------------

    def add_thread(self, recording_id: int, transcript_id: int | None, time_range: TimeRange | None) -> int:
        """A new conversation about a recording, or about a range of it; gives its id."""
        start, end = (time_range.start, time_range.end) if time_range else (None, None)
        with self._write() as connection:
            cursor = connection.execute(
                "INSERT INTO thread (recording_id, transcript_id, range_start, range_end, created_at) "
                "VALUES (?, ?, ?, ?, ?)", (recording_id, transcript_id, start, end, _now()))
        return int(cursor.lastrowid or 0)

    def add_turn(self, thread_id: int, question: str, answer: str, model: str) -> None:
        """Keep a question and its answer, as it arrived."""
        with self._write() as connection:
            connection.execute(
                "INSERT INTO turn (thread_id, position, question, answer, model, created_at) SELECT ?, "
                "coalesce((SELECT max(position) + 1 FROM turn WHERE thread_id = ?), 0), ?, ?, ?, ?",
                (thread_id, thread_id, clean_text(question), answer, model, _now()))

    def threads(self, recording_id: int) -> list[Thread]:
        """The conversations about a recording that have an answer, newest first."""
        rows = self._rows("SELECT * FROM thread WHERE recording_id = ? ORDER BY id DESC", recording_id)
        threads = [self._thread(row) for row in rows]
        return [thread for thread in threads if thread.turns]

    def remove_thread(self, thread_id: int) -> None:
        """Forget a conversation."""
        with self._write() as connection:
            connection.execute("DELETE FROM thread WHERE id = ?", (thread_id,))

    def _thread(self, row: sqlite3.Row) -> Thread:
        turns = self._rows("SELECT * FROM turn WHERE thread_id = ? ORDER BY position", row["id"])
        return Thread(
            id=row["id"], recording_id=row["recording_id"], transcript_id=row["transcript_id"],
            created_at=row["created_at"], turns=tuple(Turn(t["question"], t["answer"], t["model"]) for t in turns),
            range=None if row["range_start"] is None else TimeRange(row["range_start"], row["range_end"]))

    # -- transcripts -----------------------------------------------------------------------------------------

    def transcripts(self, recording_id: int) -> list[Transcript]:
        """The transcripts of a recording, newest first, with what their unfinished jobs still miss."""
        rows = self._rows("SELECT * FROM transcript WHERE recording_id = ? ORDER BY id DESC", recording_id)
        return [self._transcript(row) for row in rows]

    def transcript(self, transcript_id: int) -> Transcript:
        """One transcript. LibraryError when it is gone."""
        rows = self._rows("SELECT * FROM transcript WHERE id = ?", transcript_id)
        if not rows:
            raise LibraryError("This transcript is no longer in the library.")
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
            transcript_id = _insert_transcript(connection, recording_id, engine, model, time_range, translate_to,
                                               summary)
        return self.transcript(transcript_id)

    def remove_transcript(self, transcript_id: int) -> None:
        """Remove a transcript with its segments, speakers and jobs."""
        with self._write() as connection:
            connection.execute("DELETE FROM transcript WHERE id = ?", (transcript_id,))

    def document(self, transcript_id: int) -> TranscriptDocument:
        """A transcript with its speakers, segments and words, in the order of time."""
        transcript = self.transcript(transcript_id)
        return TranscriptDocument(self.recording(transcript.recording_id), transcript,
                                  {s.id: s for s in self.speakers(transcript_id)},
                                  tuple(self.segments(transcript_id)))

    def speakers(self, transcript_id: int) -> list[Speaker]:
        """The speakers of a transcript in order of first appearance."""
        rows = self._rows("SELECT * FROM speaker WHERE transcript_id = ? ORDER BY position", transcript_id)
        return [Speaker(row["id"], row["name"], row["position"]) for row in rows]

    def rename_speaker(self, speaker_id: int, name: str) -> None:
        """Give a speaker a name; every view and export looks it up."""
        if name := clean_name(name):
            with self._write() as connection:
                connection.execute("UPDATE speaker SET name = ? WHERE id = ?", (name, speaker_id))
                connection.execute("DELETE FROM proposal WHERE speaker_id = ? AND state = 'open'", (speaker_id,))

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

    def settle_speaker(self, speaker_id: int) -> None:
        """Somebody has listened: this is a speaker of their own."""
        with self._write() as connection:
            _settle(connection, speaker_id)

    def merge_speakers(self, kept: int, dropped: int) -> None:
        """All that `dropped` said was said by `kept` (of the same transcript)."""
        with self._write() as connection:
            _settle(connection, dropped)
            connection.execute("UPDATE segment SET speaker_id = ? WHERE speaker_id = ?", (kept, dropped))
            connection.execute("DELETE FROM speaker WHERE id = ?", (dropped,))
            connection.execute("DELETE FROM proposal WHERE speaker_id = ? AND state = 'open'", (kept,))

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

    def segments(self, transcript_id: int, *, before_part: int = _BY_HAND) -> list[Segment]:
        """The segments of a transcript in the order of time, words included; all, or those of parts before one."""
        words: dict[int, list[Word]] = {}
        for row in self._rows(
                "SELECT word.* FROM word JOIN segment ON segment.id = word.segment_id "
                "WHERE segment.transcript_id = ? ORDER BY word.segment_id, word.position", transcript_id):
            words.setdefault(row["segment_id"], []).append(Word(row["text"], row["start"], row["end"]))
        rows = self._rows("SELECT * FROM segment WHERE transcript_id = ? AND (part < ? OR part = ?) "
                          "ORDER BY start, part, position", transcript_id, before_part, _BY_HAND)
        return [_segment(row, words.get(row["id"], ())) for row in rows]

    # -- jobs ------------------------------------------------------------------------------------------------

    def add_job(self, recording_id: int, *, engine: str, model: str, options: dict[str, object],
                time_range: TimeRange, parts: Sequence[Part], translate_to: str = "") -> Job:
        """A job with its plan and the transcript that it fills, in one transaction."""
        with self._write() as connection:
            transcript_id = _insert_transcript(connection, recording_id, engine, model, time_range, translate_to, "")
            cursor = connection.execute(
                "INSERT INTO job (recording_id, transcript_id, engine, options, state, created_at) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (recording_id, transcript_id, engine, json.dumps(options), JobState.RUNNING.value, _now()))
            job_id = int(cursor.lastrowid or 0)
            connection.executemany(
                "INSERT INTO part (job_id, position, start, end, lead_in, channel) VALUES (?, ?, ?, ?, ?, ?)",
                [(job_id, p.index, p.start, p.end, p.lead_in, p.channel) for p in parts])
        return self.job(job_id)

    def job(self, job_id: int) -> Job:
        """One job with its parts. LibraryError when it is gone."""
        rows = self._rows("SELECT * FROM job WHERE id = ?", job_id)
        if not rows:
            raise LibraryError("This job is no longer in the library.")
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
            for position, (label, segment) in enumerate(segments):
                speaker_id = _speaker_id(connection, job.transcript_id, label)
                _insert_segment(connection, job.transcript_id, index, position, replace(segment,
                                                                                       speaker_id=speaker_id))
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
            for position, (name, segment) in enumerate(segments):
                speaker_id = _speaker_id(connection, transcript_id, name)
                _insert_segment(connection, transcript_id, 0, position, replace(segment, speaker_id=speaker_id))

    def annotate(self, transcript_id: int, lines: Iterable[tuple[int, str, str, str]], summary: str) -> None:
        """Enter (segment id, language, translation, emotion) read from the text, and add to the summary."""
        with self._write() as connection:
            connection.executemany(
                "UPDATE segment SET language = ?, translation = ?, emotion = ? WHERE id = ? AND transcript_id = ?",
                [(clean_name(language), clean_text(translation), emotion, segment_id, transcript_id)
                 for segment_id, language, translation, emotion in lines])
            connection.execute("UPDATE transcript SET summary = trim(summary || char(10) || ?, char(10)) WHERE id = ?",
                               (clean_text(summary), transcript_id))

    def is_replaced(self, transcript_id: int, time_range: TimeRange) -> bool:
        """Whether lines in this range were taken over from a second hearing."""
        return bool(self._rows("SELECT 1 FROM segment WHERE transcript_id = ? AND part = ? AND start < ? AND end > ? "
                               "LIMIT 1", transcript_id, _BY_HAND, time_range.end, time_range.start))

    def set_translation_language(self, transcript_id: int, language: str) -> None:
        """The language that the translations are in."""
        with self._write() as connection:
            connection.execute("UPDATE transcript SET translate_to = ? WHERE id = ?", (clean_name(language),
                                                                                      transcript_id))

    def replace_segments(self, transcript_id: int, old: Iterable[int],
                         new: Iterable[tuple[str, Segment]]) -> None:
        """Put (speaker label, segment) pairs in the place of segments; an empty label leaves the segment's speaker."""
        with self._write() as connection:
            connection.executemany("DELETE FROM segment WHERE id = ? AND transcript_id = ?",
                                   [(segment_id, transcript_id) for segment_id in old])
            row = connection.execute("SELECT coalesce(max(position), -1) + 1 FROM segment WHERE transcript_id = ? "
                                     "AND part = ?", (transcript_id, _BY_HAND)).fetchone()
            for position, (label, segment) in enumerate(new, row[0]):
                if label:
                    segment = replace(segment, speaker_id=_speaker_id(connection, transcript_id, label))
                _insert_segment(connection, transcript_id, _BY_HAND, position, segment)

    def speaker_labels(self, transcript_id: int) -> dict[int, str]:
        """Speaker id to the label that the engine gave it."""
        return {row["id"]: row["label"] for row in
                self._rows("SELECT id, label FROM speaker WHERE transcript_id = ?", transcript_id)}


def _insert_transcript(connection: sqlite3.Connection, recording_id: int, engine: str, model: str,
                       time_range: TimeRange, translate_to: str, summary: str) -> int:
    cursor = connection.execute(
        "INSERT INTO transcript (recording_id, engine, model, created_at, range_start, range_end, translate_to, "
        "summary) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (recording_id, engine, model, _now(), time_range.start, time_range.end, translate_to, clean_text(summary)))
    return int(cursor.lastrowid or 0)


def _speaker_id(connection: sqlite3.Connection, transcript_id: int, label: str) -> int | None:
    label = clean_name(label)
    if not label:
        return None
    row = connection.execute("SELECT id FROM speaker WHERE transcript_id = ? AND label = ?",
                             (transcript_id, label)).fetchone()
    if row:
        return int(row["id"])
    cursor = connection.execute(
        "INSERT INTO speaker (transcript_id, label, name, position) VALUES (?, ?, ?, "
        "(SELECT count(*) FROM speaker WHERE transcript_id = ?))", (transcript_id, label, label, transcript_id))
    return int(cursor.lastrowid or 0)


def _settle(connection: sqlite3.Connection, speaker_id: int) -> None:
    """Take the doubt about the speaker off their lines."""
    for row in connection.execute("SELECT id, flags FROM segment WHERE speaker_id = ?", (speaker_id,)).fetchall():
        flags = json.loads(row["flags"])
        if SPEAKER_UNSURE in flags:
            connection.execute("UPDATE segment SET flags = ? WHERE id = ?",
                               (json.dumps([flag for flag in flags if flag != SPEAKER_UNSURE]), row["id"]))


def _insert_segment(connection: sqlite3.Connection, transcript_id: int, part: int, position: int,
                    segment: Segment) -> None:
    cursor = connection.execute(
        "INSERT INTO segment (transcript_id, part, position, start, end, speaker_id, text, language, translation, "
        "emotion, flags) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (transcript_id, part, position, segment.start, segment.end, segment.speaker_id, clean_text(segment.text),
         clean_name(segment.language), clean_text(segment.translation), clean_name(segment.emotion),
         json.dumps(segment.flags)))
    connection.executemany("INSERT INTO word VALUES (?, ?, ?, ?, ?)", [
        (cursor.lastrowid, index, clean_text(word.text), word.start, word.end)
        for index, word in enumerate(segment.words)])


def _recording(row: sqlite3.Row) -> Recording:
    return Recording(
        id=row["id"], title=row["title"], folder=row["folder"], original=row["original"], sha256=row["sha256"],
        duration=row["duration"], sample_rate=row["sample_rate"], channels=row["channels"],
        imported_at=row["imported_at"], state=RecordingState(row["state"]), problem=row["problem"],
        is_sample=bool(row["is_sample"]), transcript_count=row["transcripts"],
        is_partly_heard=bool(row["partly"]), protection=Protection(row["protection"]),
        project_id=row["project_id"], address=row["address"])


def _sending(row: sqlite3.Row) -> Sending:
    time_range = None if row["start"] is None else TimeRange(row["start"], row["end"])
    return Sending(
        id=row["id"], recording_id=row["recording_id"], at=row["at"],
        cargo=Cargo(row["purpose"], row["model"], row["host"], time_range, row["byte_count"]), outcome=row["outcome"],
        usage=Usage(row["input_tokens"], row["output_tokens"]), cost=row["cost"], remote_name=row["remote_name"],
        removed_at=row["removed_at"])


def _segment(row: sqlite3.Row, words: Sequence[Word]) -> Segment:
    flags: list[Any] = json.loads(row["flags"])
    return Segment(
        id=row["id"], start=row["start"], end=row["end"], text=row["text"], speaker_id=row["speaker_id"],
        language=row["language"], translation=row["translation"], emotion=row["emotion"],
        flags=tuple(str(flag) for flag in flags), words=tuple(words))


def _merged(ranges: Iterable[TimeRange]) -> tuple[TimeRange, ...]:
    """Ranges that touch or overlap become one; `ranges` must be in the order of their starts."""
    merged: list[TimeRange] = []
    for item in ranges:
        if merged and item.start <= merged[-1].end + 1e-6:
            merged[-1] = TimeRange(merged[-1].start, max(merged[-1].end, item.end))
        else:
            merged.append(item)
    return tuple(merged)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
