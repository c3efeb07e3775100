"""Questions and their answers."""

from __future__ import annotations

import sqlite3

from desktop.cleaning import clean_text
from desktop.library.rows import now
from desktop.library.store import Store
from desktop.model import Thread, TimeRange, Turn


class Conversations(Store):
    """What was asked about recordings."""

    def add_thread(self, recording_id: int, transcript_id: int | None, time_range: TimeRange | None) -> int:
        """A new conversation about a recording, or about a range of it; gives its id."""
        start, end = (time_range.start, time_range.end) if time_range else (None, None)
        with self._write() as connection:
            cursor = connection.execute(
                "INSERT INTO thread (recording_id, transcript_id, range_start, range_end, created_at) "
                "VALUES (?, ?, ?, ?, ?)", (recording_id, transcript_id, start, end, now()))
        return int(cursor.lastrowid or 0)

    def add_turn(self, thread_id: int, question: str, answer: str, model: str, asked_at: str = "") -> None:
        """Keep a question and its answer, as it arrived; `asked_at` is when it began (default: now)."""
        with self._write() as connection:
            connection.execute(
                "INSERT INTO turn (thread_id, position, question, answer, model, created_at) SELECT ?, "
                "coalesce((SELECT max(position) + 1 FROM turn WHERE thread_id = ?), 0), ?, ?, ?, ?",
                (thread_id, thread_id, clean_text(question), answer, model, asked_at or now()))

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
            created_at=row["created_at"],
            turns=tuple(Turn(t["question"], t["answer"], t["model"], t["created_at"]) for t in turns),
            range=None if row["range_start"] is None else TimeRange(row["range_start"], row["range_end"]))
