"""Searching everything: lines through their index, and what is noted (titles, quotes, notes, answers) through another.

Expressions are of SQLite's full-text language; only desktop.searching makes them. Nothing here knows what is off the
record: who shows hits cuts it out first.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from desktop.errors import Cancelled, LibraryError
from desktop.library.conversations import Conversations
from desktop.library.rows import segment_of, words_of
from desktop.library.transcripts import Transcripts
from desktop.model import Quote, Segment, Thread, TimeRange

_FEW = 400  # transcripts that the index itself is asked about; of more, lines are looked at until there are enough
_OPERATIONS = 1000  # of SQLite between two looks at whether a search is still wanted: about a millisecond

# The SQL stands as it is; a list that is NULL is no condition. Lists are JSON, and SQLite reads each of them once.
_IN_SCOPE = """
    AND (?2 IS NULL OR segment.transcript_id IN (SELECT value FROM json_each(?2)))
    AND (?3 IS NULL OR segment.speaker_id IN (SELECT value FROM json_each(?3)))
    AND (?4 IS NULL OR coalesce(segment.speaker_id, 0) NOT IN (SELECT value FROM json_each(?4)))
    AND (?5 IS NULL OR EXISTS (SELECT 1 FROM json_each(?5) WHERE instr(lower(segment.language), value) = 1))
    AND (?6 IS NULL OR NOT EXISTS (SELECT 1 FROM json_each(?6) WHERE instr(lower(segment.language), value) = 1))"""
_MATCHING_LINES = """SELECT segment.*, transcript.recording_id FROM segment_search
    CROSS JOIN segment ON segment.id = segment_search.rowid
    CROSS JOIN transcript ON transcript.id = segment.transcript_id
    WHERE segment_search MATCH ?8 AND segment_search.rowid < ?1""" + _IN_SCOPE + """
    ORDER BY segment_search.rowid DESC LIMIT ?7"""
_ALL_LINES = """SELECT segment.*, transcript.recording_id FROM segment
    CROSS JOIN transcript ON transcript.id = segment.transcript_id
    WHERE segment.id < ?1""" + _IN_SCOPE + """ ORDER BY segment.id DESC LIMIT ?7"""
_IN_RECORDINGS = " AND (?2 IS NULL OR recording_id IN (SELECT value FROM json_each(?2)))"
_OF_QUOTE = _IN_RECORDINGS + """
    AND (?3 IS NULL OR tag IN (SELECT value FROM json_each(?3)))
    AND (?4 IS NULL OR speaker_id IN (SELECT value FROM json_each(?4)))"""
# The last three bits of a rowid of note_search: 0 title, 1 name, 2 quote, 3 mark, 4 turn; see the fifth step.
_MATCHING_QUOTES = """SELECT quote.* FROM note_search CROSS JOIN quote ON quote.id = note_search.rowid >> 3
    WHERE note_search.rowid & 7 = 2 AND note_search MATCH ?5""" + _OF_QUOTE + """
    ORDER BY note_search.rowid DESC LIMIT ?1"""
_ALL_QUOTES = "SELECT * FROM quote WHERE 1" + _OF_QUOTE + " ORDER BY id DESC LIMIT ?1"
_MATCHING_MARKS = """SELECT mark.* FROM note_search CROSS JOIN mark ON mark.recording_id = note_search.rowid >> 19
    AND mark.position = note_search.rowid >> 3 & 65535
    WHERE note_search.rowid & 7 = 3 AND note_search MATCH ?3""" + _IN_RECORDINGS + """
    ORDER BY note_search.rowid DESC LIMIT ?1"""
_MATCHING_TURNS = """SELECT thread.*, note_search.rowid >> 3 & 65535 AS turn FROM note_search
    CROSS JOIN thread ON thread.id = note_search.rowid >> 19
    WHERE note_search.rowid & 7 = 4 AND note_search MATCH ?3""" + _IN_RECORDINGS + """
    ORDER BY note_search.rowid DESC LIMIT ?1"""


@dataclass(frozen=True)
class Scope:
    """Where to look; None: everywhere. Languages are beginnings of codes, in small letters: en is en-GB, too."""

    recordings: frozenset[int] | None = None
    speakers: frozenset[int] | None = None
    without_speakers: frozenset[int] = frozenset()
    languages: tuple[str, ...] = ()
    without_languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class FoundLine:
    """A line of a transcript, without the times of its words."""

    recording_id: int
    transcript_id: int
    segment: Segment


@dataclass(frozen=True)
class FoundNote:
    """A quote, or a mark's note at `quote.range.start`; `quote.id` is 0 then."""

    recording_id: int
    quote: Quote


class Searches(Transcripts, Conversations):
    """Reading only, on the connection of the thread that asks."""

    @contextmanager
    def searching(self, is_stopped: Callable[[], bool]) -> Iterator[None]:
        """What this thread reads within ends with Cancelled soon after `is_stopped` says yes."""
        self._rows("PRAGMA cache_size = -32000")  # KiB; also opens the connection
        reader: sqlite3.Connection = self._readers.connection
        reader.set_progress_handler(is_stopped, _OPERATIONS)
        try:
            yield
        except LibraryError:
            if is_stopped():
                raise Cancelled from None
            raise
        finally:
            reader.set_progress_handler(None, 0)

    # -- where to look ---------------------------------------------------------------------------------------

    def dated_recordings(self, first: str, last: str) -> set[int]:
        """Recordings imported (by the computer's clock) from `first` to the end of `last`: 2026, 2026-03, 2026-03-05.

        "" is no limit.
        """
        return self._numbers("SELECT id FROM (SELECT id, date(imported_at, 'localtime') AS day FROM recording) "
                         "WHERE day >= ? AND (? = '' OR day < ? || '~')", first, last, last)

    def recordings_of_projects(self, projects: Collection[int]) -> set[int]:
        """Recordings that are in one of the projects."""
        return self._numbers("SELECT id FROM recording WHERE project_id IN (SELECT value FROM json_each(?))",
                         _list(projects))

    def all_recordings(self) -> set[int]:
        """The ids of all recordings."""
        return self._numbers("SELECT id FROM recording")

    def speakers_named(self, expression: str) -> set[int]:
        """Speakers whose names match, in all transcripts."""
        return self._numbers("SELECT rowid >> 3 FROM note_search WHERE note_search MATCH ?",
                             f"{{name}} : ({expression})")

    def tags(self) -> list[str]:
        """The tags of all quotes."""
        return [row[0] for row in self._rows("SELECT DISTINCT tag FROM quote WHERE tag != ''")]

    def _numbers(self, sql: str, *values: object) -> set[int]:
        return {row[0] for row in self._rows(sql, *values)}

    # -- lines -----------------------------------------------------------------------------------------------

    def found_lines(self, expression: str, scope: Scope, before: int, limit: int) -> list[FoundLine]:
        """At most `limit` lines with ids below `before`, the newest first; an empty expression finds every line."""
        transcripts = self._transcripts_of(scope)
        if transcripts is not None and not transcripts:
            return []
        few = transcripts if transcripts is not None and len(transcripts) <= _FEW else None
        if few is not None:
            place = "{place} : (" + " OR ".join(f'"\ue000{i}"' for i in few) + ")"
            expression = f"({expression}) AND {place}" if expression else place
        values = (before, _list(transcripts if few is None else None), _list(scope.speakers),
                  _list(scope.without_speakers or None), _list(scope.languages or None),
                  _list(scope.without_languages or None), limit)
        rows = self._rows(_MATCHING_LINES, *values, expression) if expression else self._rows(_ALL_LINES, *values)
        return [FoundLine(row["recording_id"], row["transcript_id"], segment_of(row, ())) for row in rows]

    def _transcripts_of(self, scope: Scope) -> set[int] | None:
        """The transcripts that recordings and speakers leave; None: all."""
        found: set[int] | None = None
        if scope.recordings is not None:
            found = self._numbers("SELECT id FROM transcript WHERE recording_id IN (SELECT value FROM json_each(?))",
                              _list(scope.recordings))
        if scope.speakers is not None:
            spoken = self._numbers("SELECT transcript_id FROM speaker WHERE id IN (SELECT value FROM json_each(?))",
                               _list(scope.speakers))
            found = spoken if found is None else found & spoken
        return found

    def words_in(self, segments: Sequence[Segment]) -> dict[int, Segment]:
        """The same segments with their words, by id."""
        words = words_of(self._rows("SELECT * FROM word WHERE segment_id IN (SELECT value FROM json_each(?)) "
                                    "ORDER BY segment_id, position", _list(s.id for s in segments)))
        return {s.id: replace(s, words=tuple(words.get(s.id, ()))) for s in segments}

    # -- what is noted ---------------------------------------------------------------------------------------

    def found_titles(self, expression: str, scope: Scope, limit: int) -> list[int]:
        """Recordings whose titles match, the newest first; an empty expression finds all in the scope."""
        if not expression:
            return [row[0] for row in self._rows(
                "SELECT id FROM recording WHERE (?2 IS NULL OR id IN (SELECT value FROM json_each(?2))) "
                "ORDER BY imported_at DESC, id DESC LIMIT ?1", limit, _list(scope.recordings))]
        return [row[0] for row in self._rows(
            "SELECT rowid >> 3 FROM note_search WHERE note_search MATCH ?3 AND (?2 IS NULL OR rowid >> 3 IN (SELECT "
            "value FROM json_each(?2))) ORDER BY rowid DESC LIMIT ?1",
            limit, _list(scope.recordings), f"{{title}} : ({expression})")]

    def found_quotes(self, expression: str, scope: Scope, limit: int,
                     tags: Collection[str] | None = None) -> list[FoundNote]:
        """Quotes whose words or notes match, the newest first; an empty expression finds all with one of the tags."""
        values = (limit, _list(scope.recordings), _list(tags), _list(scope.speakers))
        rows = self._rows(_MATCHING_QUOTES, *values, f"{{quote note}} : ({expression})") if expression else (
            self._rows(_ALL_QUOTES, *values))
        return [FoundNote(row["recording_id"], Quote(
            TimeRange(row["start"], row["end"]), row["text"], row["transcript_id"], row["speaker_id"],
            row["said_by"], row["note"], row["tag"], row["made_at"], row["id"])) for row in rows]

    def found_marks(self, expression: str, scope: Scope, limit: int) -> list[FoundNote]:
        """Marks whose notes match, the newest recording first."""
        rows = self._rows(_MATCHING_MARKS, limit, _list(scope.recordings), f"{{note}} : ({expression})")
        return [FoundNote(row["recording_id"], Quote(TimeRange(row["seconds"], row["seconds"]), "", note=row["note"]))
                for row in rows]

    def found_turns(self, expression: str, scope: Scope, limit: int) -> list[tuple[Thread, int]]:
        """Conversations and the number of the turn in which question and answer match, the newest first."""
        rows = self._rows(_MATCHING_TURNS, limit, _list(scope.recordings), f"{{question answer}} : ({expression})")
        return [(self._thread(row), row["turn"]) for row in rows]

    # -- what hits are shown with ----------------------------------------------------------------------------

    def titles(self, recordings: Iterable[int]) -> dict[int, tuple[str, str]]:
        """Title and time of import by recording."""
        return {row["id"]: (row["title"], row["imported_at"]) for row in self._rows(
            "SELECT id, title, imported_at FROM recording WHERE id IN (SELECT value FROM json_each(?))",
            _list(recordings))}

    def names(self, speakers: Iterable[int]) -> dict[int, str]:
        """Names by speaker."""
        return {row["id"]: row["name"] for row in self._rows(
            "SELECT id, name FROM speaker WHERE id IN (SELECT value FROM json_each(?))", _list(speakers))}

    def with_withheld(self, recordings: Iterable[int]) -> set[int]:
        """Those of the recordings in which something was not simply on the record."""
        return self._numbers("SELECT DISTINCT recording_id FROM withheld WHERE recording_id IN "
                         "(SELECT value FROM json_each(?))", _list(recordings))


def _list(values: Iterable[object] | None) -> str | None:
    return None if values is None else json.dumps(list(values), ensure_ascii=False)
