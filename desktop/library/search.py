"""Searching everything: lines through one index, and what is noted (titles, quotes, notes, answers …) through another.

Expressions are of SQLite's full-text language; only desktop.searching makes them. Nothing here knows what is off the
record: who shows hits cuts it out first. What is in the bin is not found.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from desktop.errors import Cancelled, LibraryError
from desktop.library.conversations import Conversations
from desktop.library.rows import segment_of, words_of
from desktop.library.transcripts import Transcripts
from desktop.model import Quote, Segment, Thread, TimeRange, Turn

_FEW = 400  # transcripts that the index itself is asked about; of more, lines are looked at until there are enough
_OPERATIONS = 1000  # of SQLite between two looks at whether a search is still wanted: about a millisecond
_LITTLE = 300  # rows of the index of notes
_NEAR = 1.0  # seconds

# The SQL stands as it is; a list that is NULL is no condition. Lists are JSON, and SQLite reads each of them once.
_IN_SCOPE = """ AND recording.removed_at = ''
    AND (?2 IS NULL OR segment.transcript_id IN (SELECT value FROM json_each(?2)))
    AND (?3 IS NULL OR segment.speaker_id IN (SELECT value FROM json_each(?3)))
    AND (?4 IS NULL OR coalesce(segment.speaker_id, 0) NOT IN (SELECT value FROM json_each(?4)))
    AND (?5 IS NULL OR EXISTS (SELECT 1 FROM json_each(?5) WHERE instr(lower(segment.language), value) = 1))
    AND (?6 IS NULL OR NOT EXISTS (SELECT 1 FROM json_each(?6) WHERE instr(lower(segment.language), value) = 1))"""
_OF_RECORDING = """ CROSS JOIN transcript ON transcript.id = segment.transcript_id
    CROSS JOIN recording ON recording.id = transcript.recording_id"""
_MATCHING_LINES = """SELECT segment.*, transcript.recording_id FROM segment_search
    CROSS JOIN segment ON segment.id = segment_search.rowid""" + _OF_RECORDING + """
    WHERE segment_search MATCH ?8 AND segment_search.rowid < ?1""" + _IN_SCOPE + """
    ORDER BY segment_search.rowid DESC LIMIT ?7"""
_ALL_LINES = """SELECT segment.*, transcript.recording_id FROM segment""" + _OF_RECORDING + """
    WHERE segment.id < ?1""" + _IN_SCOPE + """ ORDER BY segment.id DESC LIMIT ?7"""

_KEPT = """ CROSS JOIN recording ON recording.id = {}
    WHERE recording.removed_at = '' AND (?2 IS NULL OR recording.id IN (SELECT value FROM json_each(?2)))"""
_OF_QUOTE = _KEPT.format("quote.recording_id") + """
    AND (?3 IS NULL OR quote.tag IN (SELECT value FROM json_each(?3))
         OR recording.id IN (SELECT value FROM json_each(?4)))
    AND (?5 IS NULL OR quote.tag NOT IN (SELECT value FROM json_each(?5)))
    AND (?6 IS NULL OR quote.speaker_id IN (SELECT value FROM json_each(?6)))"""
# The last three bits of a rowid of note_search tell what it stands for; see the sixth step. What has a position in its
# rowid is above 1 << 19, and what has not is below its highest id: so the index need not look at the others.
RECORDING, _SPEAKER, QUOTE, MARK, TURN, PERSON, SUMMARY = range(7)
_COLUMNS = {RECORDING: "title note", QUOTE: "quote note", MARK: "note", TURN: "question answer", PERSON: "name",
            SUMMARY: "answer"}
_ASKED = " AND note_search MATCH ?7"
_GIVEN = "FROM note_search", "FROM (SELECT value AS rowid FROM json_each(?7)) AS note_search"  # instead of asking
_MATCHING = _ASKED + " AND note_search.rowid & 7 = {} AND note_search.rowid {}"
_NEWEST = " ORDER BY note_search.rowid DESC LIMIT ?1"
_WITH_POSITION, _WITH_ID = ">= 1 << 19", "<= (SELECT max(id) FROM {}) << 3 | 7"
_MATCHING_RECORDINGS = ("SELECT recording.id, recording.title, recording.place, recording.notes FROM note_search"
                        + _KEPT.format("note_search.rowid >> 3")
                        + _MATCHING.format(RECORDING, _WITH_ID.format("recording")) + _NEWEST)
_MATCHING_QUOTES = ("SELECT quote.* FROM note_search CROSS JOIN quote ON quote.id = note_search.rowid >> 3" + _OF_QUOTE
                    + _MATCHING.format(QUOTE, _WITH_ID.format("quote")) + _NEWEST)
_ALL_QUOTES = "SELECT quote.* FROM quote" + _OF_QUOTE + " ORDER BY quote.id DESC LIMIT ?1"
_MATCHING_MARKS = ("SELECT mark.* FROM note_search CROSS JOIN mark ON mark.recording_id = note_search.rowid >> 19 "
                   "AND mark.position = note_search.rowid >> 3 & 65535" + _KEPT.format("mark.recording_id")
                   + _MATCHING.format(MARK, _WITH_POSITION) + _NEWEST)
_MATCHING_TURNS = ("SELECT thread.*, turn.question, turn.answer, turn.model, turn.created_at AS asked_at "
                   "FROM note_search CROSS JOIN thread ON thread.id = note_search.rowid >> 19 "
                   "CROSS JOIN turn ON turn.thread_id = thread.id AND turn.position = note_search.rowid >> 3 & 65535"
                   + _KEPT.format("thread.recording_id") + _MATCHING.format(TURN, _WITH_POSITION) + _NEWEST)
_MATCHING_PEOPLE = ("SELECT person.recording_id, person.name FROM note_search CROSS JOIN person ON "
                    "person.recording_id = note_search.rowid >> 19 AND person.position = note_search.rowid >> 3 & 65535"
                    + _KEPT.format("person.recording_id") + _MATCHING.format(PERSON, _WITH_POSITION) + _NEWEST)
_MATCHING_SUMMARIES = ("SELECT recording.id, transcript.id, transcript.summary FROM note_search "
                       "CROSS JOIN transcript ON transcript.id = note_search.rowid >> 3"
                       + _KEPT.format("transcript.recording_id")
                       + _MATCHING.format(SUMMARY, _WITH_ID.format("transcript")) + _NEWEST)
_DAY = "coalesce(nullif(recorded_on, ''), date(imported_at, 'localtime'))"


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


@dataclass(frozen=True)
class Noted:
    """What the index of notes is asked for, and when little was found there, its rows by kind."""

    expression: str
    rows: Mapping[int, Sequence[int]] | None = None


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
        """Recordings of days from `first` to the end of `last`: 2026, 2026-03, 2026-03-05; "" is no limit.

        The day is that of the recording, or, where it is not known, of the import by the computer's clock.
        """
        return self._numbers("SELECT id FROM (SELECT id, " + _DAY + " AS day FROM recording) "
                             "WHERE day >= ? AND (? = '' OR day < ? || '~')", first, last, last)

    def recordings_of_projects(self, projects: Collection[int]) -> set[int]:
        """Recordings that are in one of the projects."""
        return self._numbers("SELECT id FROM recording WHERE project_id IN (SELECT value FROM json_each(?))",
                             _list(projects))

    def tagged_recordings(self, tags: Collection[str]) -> set[int]:
        """Recordings that have one of the tags."""
        return self._numbers("SELECT recording_id FROM tag WHERE name IN (SELECT value FROM json_each(?))", _list(tags))

    def all_recordings(self) -> set[int]:
        """The ids of all recordings."""
        return self._numbers("SELECT id FROM recording")

    def speakers_named(self, expression: str) -> set[int]:
        """Speakers whose names match, in all transcripts."""
        return self._numbers("SELECT rowid >> 3 FROM note_search WHERE note_search MATCH ? AND rowid & 7 = ?",
                             f"{{name}} : ({expression})", _SPEAKER)

    def tags(self) -> list[str]:
        """The tags of all recordings, each once; the index is asked for one after the other."""
        return [row[0] for row in self._rows(
            "WITH RECURSIVE next (name) AS (SELECT min(name) FROM tag UNION ALL SELECT (SELECT min(tag.name) FROM tag "
            "WHERE tag.name > next.name) FROM next WHERE name IS NOT NULL) SELECT name FROM next WHERE name NOT NULL")]

    def quote_tags(self) -> list[str]:
        """The tags of all quotes."""
        return [row[0] for row in self._rows("SELECT DISTINCT tag FROM quote WHERE tag != ''")]

    def known(self, phrases: Iterable[str]) -> list[str]:
        """Those of some phrases, written as in an expression, that are anywhere."""
        return [phrase for phrase in phrases if self._rows(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM segment_search WHERE segment_search MATCH ?1) "
            "OR EXISTS (SELECT 1 FROM note_search WHERE note_search MATCH ?1)", phrase)]

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

    def segments_near(self, transcript_id: int, stretches: Iterable[TimeRange]) -> tuple[Segment, ...]:
        """The segments that by their own times or by those of a word are in or near one of the stretches."""
        rows = self._rows(
            "WITH stretch AS MATERIALIZED (SELECT value ->> 0 AS first, value ->> 1 AS last FROM json_each(?2)) "
            "SELECT * FROM segment WHERE transcript_id = ?1 AND (EXISTS (SELECT 1 FROM stretch WHERE start <= last "
            "AND end >= first) OR EXISTS (SELECT 1 FROM word CROSS JOIN stretch WHERE segment_id = segment.id "
            "AND word.start <= last AND word.end >= first)) ORDER BY start, id",
            transcript_id, json.dumps([(s.start - _NEAR, s.end + _NEAR) for s in stretches]))
        return tuple(self.words_in([segment_of(row, ()) for row in rows]).values())

    # -- what is noted ---------------------------------------------------------------------------------------

    def noted(self, expression: str) -> Noted:
        """What is noted and matches, to be read kind by kind; when there is little, the index is asked only once."""
        rows = self._rows("SELECT rowid FROM note_search WHERE note_search MATCH ? LIMIT ?", expression, _LITTLE
                          ) if expression else ()
        if not expression or len(rows) == _LITTLE:
            return Noted(expression)
        found: dict[int, list[int]] = {}
        for row in rows:
            found.setdefault(row[0] & 7, []).append(row[0])
        return Noted(expression, found)

    def found_recordings(self, noted: Noted, scope: Scope, limit: int) -> list[tuple[int, str, str, str]]:
        """Recordings with title, place and notes in which all is that must be there, the newest first.

        An empty expression finds all in the scope.
        """
        sql = _MATCHING_RECORDINGS if noted.expression else "SELECT recording.id, title, '', '' FROM (SELECT 1)" + (
            _KEPT.format("recording.id") + " ORDER BY imported_at DESC, recording.id DESC LIMIT ?1")
        return [(row[0], row[1], row[2], row[3])
                for row in self._noted(RECORDING, sql, noted, scope, limit)]

    def found_tagged(self, tags: Iterable[str], scope: Scope, limit: int) -> list[tuple[int, str]]:
        """Recordings with one of the tags, and the tag: of each tag `limit`, the newest first."""
        return [(row[0], tag) for tag in tags for row in self._rows(
            "SELECT recording.id FROM tag" + _KEPT.format("tag.recording_id")
            + " AND tag.name = ?3 ORDER BY tag.recording_id DESC LIMIT ?1", limit, _list(scope.recordings), tag)]

    def found_people(self, noted: Noted, scope: Scope, limit: int) -> list[tuple[int, str]]:
        """Recordings and people in them whose names match, the newest first."""
        return [(row[0], row[1]) for row in self._noted(PERSON, _MATCHING_PEOPLE, noted, scope, limit)]

    def found_summaries(self, noted: Noted, scope: Scope, limit: int) -> list[tuple[int, int, str]]:
        """Recordings, transcripts and their summaries that match, the newest first."""
        return [(row[0], row[1], row[2])
                for row in self._noted(SUMMARY, _MATCHING_SUMMARIES, noted, scope, limit)]

    def found_quotes(self, noted: Noted, scope: Scope, limit: int, *, tags: Collection[str] | None = None,
                     tagged: Collection[int] = (), without_tags: Collection[str] = ()) -> list[FoundNote]:
        """Quotes whose words or notes match, the newest first; an empty expression finds all.

        With `tags` those that have one, or are in one of the recordings `tagged`.
        """
        rows = self._noted(QUOTE, _MATCHING_QUOTES if noted.expression else _ALL_QUOTES, noted, scope, limit,
                           _list(tags), _list(tagged), _list(without_tags or None))
        return [FoundNote(row["recording_id"], Quote(
            TimeRange(row["start"], row["end"]), row["text"], row["transcript_id"], row["speaker_id"],
            row["said_by"], row["note"], row["tag"], row["made_at"], row["id"])) for row in rows]

    def found_marks(self, noted: Noted, scope: Scope, limit: int) -> list[FoundNote]:
        """Marks whose notes match, the newest recording first."""
        return [FoundNote(row["recording_id"], Quote(TimeRange(row["seconds"], row["seconds"]), "", note=row["note"]))
                for row in self._noted(MARK, _MATCHING_MARKS, noted, scope, limit)]

    def found_turns(self, noted: Noted, scope: Scope, limit: int) -> list[Thread]:
        """Conversations with the one turn in which question and answer match, the newest first."""
        return [Thread(row["id"], row["recording_id"], row["transcript_id"], row["created_at"],
                       (Turn(row["question"], row["answer"], row["model"], row["asked_at"]),),
                       None if row["range_start"] is None else TimeRange(row["range_start"], row["range_end"]))
                for row in self._noted(TURN, _MATCHING_TURNS, noted, scope, limit)]

    def _noted(self, kind: int, sql: str, noted: Noted, scope: Scope, limit: int, tags: str | None = None,
               tagged: str | None = None, without_tags: str | None = None) -> list[sqlite3.Row]:
        """Rows of a statement with the values ?1 to ?7 as above."""
        if noted.rows is None:
            found = noted.expression and f"{{{_COLUMNS[kind]}}} : ({noted.expression})"
        elif kind not in noted.rows:
            return []
        else:
            sql, found = sql.replace(_ASKED, "").replace(*_GIVEN), json.dumps(noted.rows[kind])
        values = (limit, _list(scope.recordings), tags, tagged, without_tags, _list(scope.speakers), found)
        return self._rows(sql, *values[:7 if "?7" in sql else 6 if "?6" in sql else 2])  # SQLite counts them

    # -- what hits are shown with ----------------------------------------------------------------------------

    def titles(self, recordings: Iterable[int]) -> dict[int, tuple[str, str, str]]:
        """Title, day and time of import by recording."""
        return {row[0]: (row[1], row[2], row[3]) for row in self._rows(
            "SELECT id, title, " + _DAY + ", imported_at FROM recording WHERE id IN (SELECT value FROM json_each(?))",
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
