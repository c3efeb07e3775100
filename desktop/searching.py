"""Search everything: hits with their words and places, grouped by recording, without what is off the record.

The negation of a word is the one thing that is decided by whole lines: a line with -word in it stays out, also when
that word is off the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from desktop.errors import Cancelled
from desktop.hits import Found, Group, Hit, Kind, snippet
from desktop.library import Library
from desktop.library.search import FoundLine
from desktop.model import Desk, Segment, TranscriptDocument
from desktop.noted_hits import MOST, MOST_TITLES, Desks, NotedHits
from desktop.search_filters import Where, where_to_look
from desktop.search_query import Matcher, Plan, expression, read_query
from desktop.sentences import QT_TRANSLATE_NOOP, Sentence, say
from desktop.withholding import released_lines

LIMIT = 50  # lines at a time; as long as there are not more, hits are ranked
_MOST_AT_ONCE = 800  # lines read at a time, where many are off the record
_LAST = 1 << 62  # above every id
_N = QT_TRANSLATE_NOOP
_WIDENED = _N("core", "No line has exactly these words. Lines with words that begin with {word} are shown.")
_CUT_LIST = _N("core", "Only the newest {count} recordings are shown. Add words or a date; the filter of the library "
                       "lists them all.")
_CUT = _N("core", "Of titles, tags, people, summaries, quotes, notes and answers the newest {count} each are shown.")


def search(library: Library, text: str, is_stopped: Callable[[], bool] = lambda: False, *,
           more: Found | None = None, desks: Mapping[int, Desk] | None = None, limit: int = LIMIT) -> Found:
    """The newest `limit` lines and what is noted with these words; with `more` the next lines after those.

    When that is all there is, the recordings that fit best come first. `desks` are, by recording, what the library may
    not know of yet. Never fails because of the text. Raises Cancelled soon after `is_stopped` says yes.
    """
    def go_on() -> None:
        if is_stopped():
            raise Cancelled

    plan = more.plan if more else read_query(text)
    if plan.is_empty:
        return Found(notes=plan.notes, plan=plan)
    with library.searching(is_stopped):
        found = _found(library, plan, more, desks or {}, limit, go_on)
        if found.groups or more is not None or (wider := _widened(plan)) is None:
            return found
        return other if (other := _found(library, wider, None, desks or {}, limit, go_on)).groups else found


def _found(library: Library, plan: Plan, more: Found | None, desks: Mapping[int, Desk], limit: int,
           go_on: Callable[[], None]) -> Found:
    where, words, known = where_to_look(library, plan), expression(plan.terms, library.known), Desks(library, desks)
    hits, before = _Lines(library, plan, words, where, known, go_on).hits(more.before if more else _LAST, limit)
    if more is not None:
        earlier = (hit for group in more.groups for hit in group.hits)
        return Found(_grouped(library, [*earlier, *hits], None), more.notes, before, plan)
    noted = NotedHits(library, plan, words, where, known, go_on)
    hits += noted.hits()
    is_ranked = bool(plan.wanted) and not before and not noted.is_cut and not noted.notes
    notes = (*plan.notes, *noted.notes, *([_cut(plan)] if noted.is_cut else []))
    return Found(_grouped(library, hits, Matcher(plan.terms) if is_ranked else None), notes, before, plan, is_ranked)


def _cut(plan: Plan) -> Sentence:
    return say(_CUT, count=MOST) if plan.wanted else say(_CUT_LIST, count=MOST_TITLES)


def _widened(plan: Plan) -> Plan | None:
    """The same with the last word as a beginning: somebody is still typing it."""
    last = plan.terms[-1] if plan.terms else None
    if last is None or last.is_negated or last.is_beginning or not last.is_one_word or len(last.text) < 3:
        return None
    return Plan((*plan.terms[:-1], replace(last, is_beginning=True)), plan.filters,
                (*plan.notes, say(_WIDENED, word=last.text)))


# -- lines ------------------------------------------------------------------------------------------------------


class _Lines:
    """One plan over the lines of one library."""

    def __init__(self, library: Library, plan: Plan, words: str, where: Where, desks: Desks,
                 go_on: Callable[[], None]) -> None:
        self._library, self._plan, self._scope, self._desks, self._go_on = library, plan, where.scope, desks, go_on
        self._words = words  # an expression
        self._matcher = Matcher(plan.terms)

    def hits(self, before: int, limit: int) -> tuple[list[Hit], int]:
        """At most `limit`, the newest first, and before which id to look for the next; 0: there are none."""
        plan, hits, wanted = self._plan, list[Hit](), limit + 1
        if not (plan.wanted or plan.values("speaker") or plan.values("lang")):
            return [], 0
        while before:
            self._go_on()
            rows = self._library.found_lines(self._words, self._scope, before, wanted)
            for row, hit in zip(rows, self._line_hits(rows), strict=True):
                if hit is not None and len(hits) == limit:
                    return hits, before
                before = row.segment.id
                hits += [hit] if hit is not None else []
            if len(rows) < wanted:
                return hits, 0
            wanted = min(2 * wanted, _MOST_AT_ONCE)
        return hits, 0

    def _line_hits(self, rows: Sequence[FoundLine]) -> list[Hit | None]:
        """A hit for each line, None for one that stays here."""
        marked = self._desks.marked(row.recording_id for row in rows)
        left = self._released([row for row in rows if row.recording_id in marked]) if marked else {}
        lines = [left.get(row.segment.id) if row.recording_id in marked else row.segment for row in rows]
        names = self._library.names({line.speaker_id for line in lines if line and line.speaker_id})
        return [None if line is None else self._line_hit(row, line, names.get(line.speaker_id or 0, ""))
                for row, line in zip(rows, lines, strict=True)]

    def _released(self, rows: Sequence[FoundLine]) -> dict[int, Segment]:
        """What of these lines is on the record and still found there."""
        found: dict[int, Segment] = {}
        words = self._library.words_in([row.segment for row in rows])
        for recording_id, transcript_id in {(row.recording_id, row.transcript_id) for row in rows}:
            self._go_on()
            segments = tuple(words[r.segment.id] for r in rows if r.transcript_id == transcript_id)
            document = TranscriptDocument(self._library.recording(recording_id),
                                          self._library.transcript(transcript_id), {}, segments,
                                          self._desks.of(recording_id))
            for whole, line in zip(segments, released_lines(document), strict=True):
                if line is not None and self._still_matches(whole, line):
                    found[line.id] = line
        return found

    def _still_matches(self, whole: Segment, line: Segment) -> bool:
        if self._scope.speakers is not None and line.speaker_id is None:
            return False  # background: no name goes with it, so none finds it
        return (line.text, line.translation) == (whole.text, whole.translation) or self._matcher.all_in(
            line.text, line.translation)

    def _line_hit(self, row: FoundLine, line: Segment, speaker: str) -> Hit:
        kind, words, spans = Kind.LINE, line.text, self._matcher.spans(line.text)
        if line.translation and len(there := self._matcher.spans(line.translation)) > len(spans):
            kind, words, spans = Kind.TRANSLATION, line.translation, there
        shown, marked = snippet(words, spans)
        return Hit(kind, row.recording_id, shown, marked, line.start, line.end, row.transcript_id, line.id, speaker)


# -- showing ----------------------------------------------------------------------------------------------------


def _grouped(library: Library, hits: Iterable[Hit], matcher: Matcher | None) -> tuple[Group, ...]:
    """By recording; the same line of several transcripts once, as the newest has it.

    With a matcher those first in which the words are close together, then those with it in the title, then those with
    most hits; else the newest.
    """
    by_recording: dict[int, list[Hit]] = {}
    seen: set[tuple[object, ...]] = set()
    for hit in hits:
        sign = (hit.recording_id, hit.kind, hit.words, round(hit.start))
        if sign not in seen:
            seen.add(sign)
            by_recording.setdefault(hit.recording_id, []).append(hit)
    titles = library.titles(by_recording)
    newest = sorted((i for i in by_recording if i in titles), key=lambda i: (*titles[i][1:], i), reverse=True)
    if matcher is None:
        return tuple(_group(i, titles[i], by_recording[i], None) for i in newest)
    reach = {hit.words: matcher.reach(hit.words) for i in newest for hit in by_recording[i]}
    best = {i: (*min((reach[hit.words], hit.kind is not Kind.TITLE) for hit in by_recording[i]), -len(by_recording[i]))
            for i in newest}
    return tuple(_group(i, titles[i], by_recording[i], reach) for i in sorted(newest, key=best.__getitem__))


def _group(recording_id: int, title: tuple[str, str, str], hits: Iterable[Hit],
           reach: Mapping[str, float] | None) -> Group:
    """Hits in the order of time; with `reach` those first in which the words are close together."""
    def order(hit: Hit) -> tuple[float, float, bool]:
        return (reach[hit.words] if reach else 0.0, hit.start, hit.kind is not Kind.TITLE)

    return Group(recording_id, title[0], title[1], tuple(sorted(hits, key=order)))
