"""The ledger: what was sent, and what is still stored on the service."""

from __future__ import annotations

import sqlite3

from desktop.library.rows import now
from desktop.library.store import Store
from desktop.model import Cargo, Sending, TimeRange, Usage


class Ledger(Store):
    """One line per request that carried something of a recording."""

    def add_sending(self, recording_id: int | None, cargo: Cargo, remote_name: str = "") -> int:
        """Enter a request that is about to leave, and the name of the file it makes there; gives its id."""
        start, end = (cargo.range.start, cargo.range.end) if cargo.range else (None, None)
        with self._write() as connection:
            cursor = connection.execute(
                "INSERT INTO sending (recording_id, at, purpose, model, host, start, end, byte_count, remote_name) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (recording_id, now(), cargo.purpose, cargo.model, cargo.host, start, end, cargo.byte_count,
                 remote_name))
        return int(cursor.lastrowid or 0)

    def set_removed(self, sending_id: int) -> None:
        """The file that this request made on the service is gone from there."""
        with self._write() as connection:
            connection.execute("UPDATE sending SET removed_at = ? WHERE id = ? AND removed_at = ''",
                               (now(), sending_id))

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


def _sending(row: sqlite3.Row) -> Sending:
    time_range = None if row["start"] is None else TimeRange(row["start"], row["end"])
    return Sending(
        id=row["id"], recording_id=row["recording_id"], at=row["at"],
        cargo=Cargo(row["purpose"], row["model"], row["host"], time_range, row["byte_count"]), outcome=row["outcome"],
        usage=Usage(row["input_tokens"], row["output_tokens"]), cost=row["cost"], remote_name=row["remote_name"],
        removed_at=row["removed_at"])
