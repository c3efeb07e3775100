"""Search everything: hits with their words and places, grouped by recording, without what is off the record.

The negation of a word is the one thing that is decided by whole lines: a line with -word in it stays out, also when
that word is off the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from desktop.library import Library
from desktop.library.search import FoundLine, FoundNote, Scope
from desktop.model import Desk, Quote, Segment, Thread, TranscriptDocument
from desktop.receipts import Claim, claims_of, shown
from desktop.search_query import (
    Matcher,
    Plan,
    Term,
    beginning_of_name,
    date_range,
    expression,
    fold,
    read_query,
)
from desktop.sentences import QT_TRANSLATE_NOOP, Sentence, say
from desktop.withholding import is_masked, overlaps, released_lines, released_quotes

LIMIT = 50  # hits at a time
_NOTED = 20  # of each other kind beside the lines
_SNIPPET = 240  # characters
_LAST = 1 << 62  # above every id
_N = QT_TRANSLATE_NOOP
_WIDENED = _N("core", "No line has exactly these words. Lines with words that begin with {word} are shown.")


class Kind(StrEnum):
    """Where the words of a hit are."""

    LINE = QT_TRANSLATE_NOOP("core", "said")
    TRANSLATION = QT_TRANSLATE_NOOP("core", "translation")
    TITLE = QT_TRANSLATE_NOOP("core", "title")
    QUOTE = QT_TRANSLATE_NOOP("core", "quote")
    NOTE = QT_TRANSLATE_NOOP("core", "note")
    ANSWER = QT_TRANSLATE_NOOP("core", "answer")


@dataclass(frozen=True)
class Hit:
    """A place with the words around what was found; `marked` are the stretches of `words` that were found.

    Ids are 0 where there is none; a title and an answer without receipts are at the beginning.
    """

    kind: Kind
    recording_id: int
    words: str
    marked: tuple[tuple[int, int], ...] = ()
    start: float = 0.0
    end: float = 0.0
    transcript_id: int = 0
    segment_id: int = 0
    speaker: str = ""

    @property
    def has_time(self) -> bool:
        """Whether it is about a moment, and not about the whole recording."""
        return self.end > 0 or self.start > 0 or self.kind not in (Kind.TITLE, Kind.ANSWER)


@dataclass(frozen=True)
class Group:
    """A recording with its hits in the order of time."""

    recording_id: int
    title: str
    imported_at: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class Found:
    """The hits so far. `before` asks for the next ones; 0: these are all."""

    groups: tuple[Group, ...] = ()
    notes: tuple[Sentence, ...] = ()
    before: int = 0
    plan: Plan = field(default_factory=Plan)

    @property
    def count(self) -> int:
        """How many hits."""
        return sum(len(group.hits) for group in self.groups)


def search(library: Library, text: str, is_stopped: Callable[[], bool] = lambda: False, *,
           more: Found | None = None, desks: Mapping[int, Desk] | None = None, limit: int = LIMIT) -> Found:
    """The newest `limit` lines and what is noted with these words; with `more` the next lines after those.

    `desks` are, by recording, what the library may not know of yet. Never fails because of the text. Raises Cancelled
    soon after `is_stopped` says yes.
    """
    plan = more.plan if more else read_query(text)
    if plan.is_empty:
        return Found(notes=plan.notes, plan=plan)
    with library.searching(is_stopped):
        found = _found(library, plan, more, desks or {}, limit)
        if found.groups or more is not None or (wider := _widened(plan)) is None:
            return found
        return other if (other := _found(library, wider, None, desks or {}, limit)).groups else found


def _found(library: Library, plan: Plan, more: Found | None, desks: Mapping[int, Desk], limit: int) -> Found:
    search_here = _Search(library, plan, _scope(library, plan), desks)
    hits, before = search_here.lines(more.before if more else _LAST, limit)
    if more is None:
        hits += search_here.noted()
    earlier = [hit for group in more.groups for hit in group.hits] if more else []
    return Found(_grouped(library, [*earlier, *hits]), plan.notes, before, plan)


def _widened(plan: Plan) -> Plan | None:
    """The same with the last word as a beginning: somebody is still typing it."""
    last = plan.terms[-1] if plan.terms else None
    if last is None or last.is_negated or last.is_beginning or not last.is_one_word or len(last.text) < 3:
        return None
    return Plan((*plan.terms[:-1], replace(last, is_beginning=True)), plan.filters,
                (*plan.notes, say(_WIDENED, word=last.text)))


# -- where to look ----------------------------------------------------------------------------------------------


def _scope(library: Library, plan: Plan) -> Scope:
    """Filters of one name: any of them."""
    def speakers(is_negated: bool) -> set[int]:
        return set().union(*(library.speakers_named(beginning_of_name(value))
                             for value in plan.values("speaker", is_negated)))

    return Scope(_recordings(library, plan), frozenset(speakers(False)) if plan.values("speaker") else None,
                 frozenset(speakers(True)), tuple(map(str.lower, plan.values("lang"))),
                 tuple(map(str.lower, plan.values("lang", True))))


def _recordings(library: Library, plan: Plan) -> frozenset[int] | None:
    found: set[int] | None = None
    for name, ids in (("project", _of_projects), ("date", _of_dates)):
        if values := plan.values(name):
            found = ids(library, values) if found is None else found & ids(library, values)
        if values := plan.values(name, True):
            found = (library.all_recordings() if found is None else found) - ids(library, values)
    return None if found is None else frozenset(found)


def _of_projects(library: Library, values: Sequence[str]) -> set[int]:
    return library.recordings_of_projects([p.id for p in library.projects() if _begins_with(p.name, values)])


def _of_dates(library: Library, values: Sequence[str]) -> set[int]:
    return set().union(*(library.dated_recordings(*found) for value in values if (found := date_range(value))))


def _begins_with(name: str, values: Sequence[str]) -> bool:
    """Whether a word of the name begins with one of the values."""
    return any(Matcher([Term(value.rstrip("*"), is_beginning=True)]).all_in(name) for value in values)


# -- finding ----------------------------------------------------------------------------------------------------


class _Search:
    """One plan over one library."""

    def __init__(self, library: Library, plan: Plan, scope: Scope, desks: Mapping[int, Desk]) -> None:
        self._library, self._plan, self._scope = library, plan, scope
        self._expression = expression(plan.terms)
        self._matcher = Matcher(plan.terms)
        self._given = desks
        self._desks: dict[int, Desk] = {}

    # -- lines

    def lines(self, before: int, limit: int) -> tuple[list[Hit], int]:
        """At most `limit` lines, and before which id to look for the next."""
        plan, hits = self._plan, list[Hit]()
        if plan.values("tag") or not (plan.wanted or plan.values("speaker") or plan.values("lang")):
            return [], 0
        while before and len(hits) < limit:
            wanted = limit - len(hits)
            rows = self._library.found_lines(self._expression, self._scope, before, wanted)
            hits += self._line_hits(rows)
            before = rows[-1].segment.id if len(rows) == wanted else 0
        return hits, before

    def _line_hits(self, rows: Sequence[FoundLine]) -> list[Hit]:
        marked = self._library.with_withheld({row.recording_id for row in rows}) | {
            recording_id for recording_id, desk in self._given.items() if desk.withheld}
        left = self._released([row for row in rows if row.recording_id in marked]) if marked else {}
        lines = [(row, left.get(row.segment.id) if row.recording_id in marked else row.segment) for row in rows]
        names = self._library.names({line.speaker_id for _, line in lines if line and line.speaker_id})
        return [self._line_hit(row, line, names.get(line.speaker_id or 0, "")) for row, line in lines
                if line is not None]

    def _released(self, rows: Sequence[FoundLine]) -> dict[int, Segment]:
        """What of these lines is on the record and still found there."""
        found: dict[int, Segment] = {}
        words = self._library.words_in([row.segment for row in rows])
        for transcript_id in {row.transcript_id for row in rows}:
            transcript = self._library.transcript(transcript_id)
            segments = tuple(words[r.segment.id] for r in rows if r.transcript_id == transcript_id)
            document = TranscriptDocument(self._library.recording(transcript.recording_id), transcript, {}, segments,
                                          self._desk(transcript.recording_id))
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
        snippet, marked = _snippet(words, spans)
        return Hit(kind, row.recording_id, snippet, marked, line.start, line.end, row.transcript_id, line.id, speaker)

    # -- what is noted

    def noted(self) -> list[Hit]:
        """Titles, quotes, notes and answers, as far as the filters can be about them."""
        plan = self._plan
        if plan.values("lang") or plan.values("speaker"):
            return [] if plan.values("lang") else self._quotes()
        if plan.values("tag"):
            return self._quotes()
        if not plan.wanted:
            return self._titles()
        return [*self._titles(), *self._quotes(), *self._marks(), *self._answers()]

    def _titles(self) -> list[Hit]:
        ids = self._library.found_titles(self._expression, self._scope, _NOTED if self._plan.wanted else LIMIT)
        titles = self._library.titles(ids)
        return [Hit(Kind.TITLE, i, *_snippet(titles[i][0], self._matcher.spans(titles[i][0]))) for i in ids
                if i in titles]

    def _quotes(self) -> list[Hit]:
        tags, wanted = None, self._plan.values("tag")
        unwanted = {fold(value)[0] for value in self._plan.values("tag", True)}
        if wanted or unwanted:
            tags = [t for t in ["", *self._library.tags()] if fold(t)[0] not in unwanted
                    and (not wanted or _begins_with(t, wanted))]
        if not (self._plan.wanted or wanted):
            return []
        found = self._library.found_quotes(self._expression, self._scope, _NOTED, tags)
        return [hit for note in found for hit in self._quote_hits(note)]

    def _quote_hits(self, note: FoundNote) -> list[Hit]:
        """The quote as it may leave, for its words or for its note."""
        left = next((q for q in released_quotes(self._desk(note.recording_id)) if q.id == note.quote.id), None)
        if left is None or (self._scope.speakers is not None and left.speaker_id is None) or (
                left.speaker_id in self._scope.without_speakers):
            return []
        in_text, in_note = self._matcher.spans(left.text), self._matcher.spans(left.note)
        name = self._library.names([left.speaker_id]).get(left.speaker_id) if left.speaker_id else None
        shown_in = [(Kind.QUOTE, left.text, in_text)] if in_text or not in_note else []
        shown_in += [(Kind.NOTE, left.note, in_note)] if in_note else []
        return [_place(kind, note.recording_id, left, words, spans, name or left.said_by)
                for kind, words, spans in shown_in]

    def _marks(self) -> list[Hit]:
        found = self._library.found_marks(self._expression, self._scope, _NOTED)
        return [_place(Kind.NOTE, note.recording_id, note.quote, note.quote.note,
                       self._matcher.spans(note.quote.note)) for note in found
                if not overlaps(note.quote.range, self._desk(note.recording_id).off_record)]

    def _answers(self) -> list[Hit]:
        hits: list[Hit] = []
        for thread, position in self._library.found_turns(self._expression, self._scope, 4 * _NOTED):
            hits += self._answer_hits(thread, position)
        return hits[:_NOTED]

    def _answer_hits(self, thread: Thread, position: int) -> list[Hit]:
        """The sentence with most of the words; of an answer that may tell what is off the record nothing."""
        desk = self._desk(thread.recording_id)
        if position >= len(thread.turns) or is_masked(thread, turn := thread.turns[position], desk):
            return []
        claims = shown(claims_of(turn), desk.off_record)
        if not self._matcher.all_in(turn.question, " ".join(claim.text for claim in claims)):
            return []
        best = max(claims, key=lambda claim: len(self._matcher.spans(claim.text)), default=Claim(turn.question))
        if not (spans := self._matcher.spans(best.text)):
            best, spans = replace(best, text=turn.question), self._matcher.spans(turn.question)
        snippet, marked = _snippet(best.text, spans)
        place = best.places[0] if best.places else None
        if place is None:
            return [Hit(Kind.ANSWER, thread.recording_id, snippet, marked)]
        return [Hit(Kind.ANSWER, thread.recording_id, snippet, marked, place.start, place.end,
                    thread.transcript_id or 0, place.segment_id)]

    def _desk(self, recording_id: int) -> Desk:
        """As the library has it, with what was marked and may not be written yet."""
        if recording_id not in self._desks:
            desk, given = self._library.desk(recording_id), self._given.get(recording_id, Desk())
            self._desks[recording_id] = replace(desk, withheld=(*desk.withheld, *given.withheld))
        return self._desks[recording_id]


def _place(kind: Kind, recording_id: int, quote: Quote, words: str, spans: Sequence[tuple[int, int]],
           speaker: str = "") -> Hit:
    snippet, marked = _snippet(words, spans)
    return Hit(kind, recording_id, snippet, marked, quote.range.start, quote.range.end, quote.transcript_id or 0, 0,
               speaker)


# -- showing ----------------------------------------------------------------------------------------------------


def _snippet(text: str, spans: Sequence[tuple[int, int]]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The text around the first span, on one line, and the spans in it."""
    first = spans[0][0] if spans else 0
    begin = max(0, min(first - _SNIPPET // 4, len(text) - _SNIPPET))
    if begin and (blank := text.find(" ", begin, first)) >= 0:
        begin = blank + 1
    end = min(len(text), begin + _SNIPPET)
    if end < len(text) and (blank := text.rfind(" ", max(begin, first) + 1, end)) > 0:
        end = blank
    lead = "… " if begin else ""
    words = lead + text[begin:end].replace("\n", " ").replace("\t", " ") + (" …" if end < len(text) else "")
    shift = len(lead) - begin
    return words, tuple((b + shift, min(e, end) + shift) for b, e in spans if begin <= b < end)


def _grouped(library: Library, hits: Iterable[Hit]) -> tuple[Group, ...]:
    """By recording, the newest first; the same line of several transcripts once, as the newest has it."""
    by_recording: dict[int, list[Hit]] = {}
    seen: set[tuple[object, ...]] = set()
    for hit in hits:
        sign = (hit.recording_id, hit.kind, hit.words, round(hit.start))
        if sign not in seen:
            seen.add(sign)
            by_recording.setdefault(hit.recording_id, []).append(hit)
    titles = library.titles(by_recording)
    newest = sorted((i for i in by_recording if i in titles), key=lambda i: (titles[i][1], i), reverse=True)
    return tuple(Group(i, *titles[i], tuple(sorted(by_recording[i], key=lambda h: (h.start, h.kind is not Kind.TITLE))))
                 for i in newest)
