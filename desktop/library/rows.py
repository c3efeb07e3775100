"""What several nouns of the library read and write: transcripts, speakers and segments as rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from desktop.cleaning import clean_name, clean_text
from desktop.model import Segment, Speaker, TimeRange, Word

BY_HAND = 1_000_000  # the part of segments that no run of the transcript's own job may replace
_AT_ONCE = 500  # segments; of 13 values each, and SQLite takes 32,766
_VALUES = "(" + ", ".join("?" * 13) + ")"


def insert_transcript(connection: sqlite3.Connection, recording_id: int, engine: str, model: str,
                      time_range: TimeRange, translate_to: str, summary: str) -> int:
    """A new, empty transcript; gives its id."""
    cursor = connection.execute(
        "INSERT INTO transcript (recording_id, engine, model, created_at, range_start, range_end, translate_to, "
        "summary) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (recording_id, engine, model, now(), time_range.start, time_range.end, translate_to, clean_text(summary)))
    return int(cursor.lastrowid or 0)


def insert_segments(connection: sqlite3.Connection, transcript_id: int, part: int, position: int,
                    segments: Sequence[Segment]) -> None:
    """Enter segments from a position on, under their own ids, which come from Store.new_id.

    Many with each statement: what the triggers of one statement bring to the search index is one piece of it.
    """
    for at in range(0, len(segments), _AT_ONCE):
        rows = [(segment.id, transcript_id, part, position + at + n, *_columns(segment).values())
                for n, segment in enumerate(segments[at:at + _AT_ONCE])]
        connection.execute(
            "INSERT INTO segment (id, transcript_id, part, position, start, end, speaker_id, text, language, "
            "translation, emotion, flags, checked) VALUES " + ", ".join([_VALUES] * len(rows)),
            [value for row in rows for value in row])
    _insert_words(connection, segments)


def update_segment(connection: sqlite3.Connection, old: Segment, segment: Segment) -> None:
    """Bring what is new in a segment to its row, and nothing else: a machine may have filled the rest meanwhile.

    It is then by hand: hearing a part of the job again must not undo what somebody has corrected.
    """
    new = {name: value for (name, value), before in zip(_columns(segment).items(), _columns(old).values(), strict=True)
           if value != before}
    columns = "".join(f"{name} = ?, " for name in new)
    connection.execute(
        f"UPDATE segment SET {columns}part = ?, position = CASE part WHEN ? THEN "
        "position ELSE (SELECT coalesce(max(position), -1) + 1 FROM segment AS other WHERE other.transcript_id = "
        "segment.transcript_id AND other.part = ?) END WHERE id = ?",
        (*new.values(), BY_HAND, BY_HAND, BY_HAND, segment.id))
    if old.words != segment.words:
        connection.execute("DELETE FROM word WHERE segment_id = ?", (segment.id,))
        _insert_words(connection, [segment])


def _columns(segment: Segment) -> dict[str, object]:
    return {"start": segment.start, "end": segment.end, "speaker_id": segment.speaker_id,
            "text": clean_text(segment.text), "language": clean_name(segment.language),
            "translation": clean_text(segment.translation), "emotion": clean_name(segment.emotion),
            "flags": json.dumps(segment.flags), "checked": segment.checked}


def _insert_words(connection: sqlite3.Connection, segments: Iterable[Segment]) -> None:
    connection.executemany("INSERT INTO word VALUES (?, ?, ?, ?, ?)", [
        (segment.id, index, clean_text(word.text), word.start, word.end)
        for segment in segments for index, word in enumerate(segment.words)])


def insert_speaker(connection: sqlite3.Connection, transcript_id: int, speaker: Speaker, label: str) -> None:
    """Enter a speaker under their own id, which comes from Store.new_id."""
    connection.execute("INSERT INTO speaker (id, transcript_id, label, name, position, merged_into) "
                       "VALUES (?, ?, ?, ?, ?, ?)",
                       (speaker.id, transcript_id, label, clean_name(speaker.name), speaker.position,
                        speaker.merged_into))


def words_of(rows: Iterable[sqlite3.Row]) -> dict[int, list[Word]]:
    """Rows of the table `word`, or of a version, by the ids of their segments."""
    words: dict[int, list[Word]] = {}
    for row in rows:
        words.setdefault(row["segment_id"], []).append(Word(row["text"], row["start"], row["end"]))
    return words


def segment_of(row: sqlite3.Row, words: Sequence[Word]) -> Segment:
    """A row of the table `segment`, or of a version, with its words."""
    flags: list[Any] = json.loads(row["flags"]) if row["flags"] != "[]" else []
    return Segment(
        id=row["id"], start=row["start"], end=row["end"], text=row["text"], speaker_id=row["speaker_id"],
        language=row["language"], translation=row["translation"], emotion=row["emotion"],
        flags=tuple(str(flag) for flag in flags), words=tuple(words), checked=bool(row["checked"]))


def now() -> str:
    """This moment: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
