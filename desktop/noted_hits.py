"""Hits in what is noted: titles, tags, people, summaries, quotes, notes and answers, without what is off the record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from desktop.hits import Hit, Kind, snippet
from desktop.library import Library
from desktop.library.search import FoundNote, Noted, Scope
from desktop.model import Desk, Quote, Thread, TranscriptDocument
from desktop.receipts import Claim, claims_of, shown
from desktop.search_filters import Where
from desktop.search_query import Matcher, Plan
from desktop.sentences import QT_TRANSLATE_NOOP, Sentence, say
from desktop.withholding import is_masked, overlaps, release, released_quotes

MOST = 20  # of each kind
MOST_TITLES = 50  # when only filters were typed
_MOST_READ = 2000  # of each kind, where many may not be shown
_SHORT = QT_TRANSLATE_NOOP("core", "Too many notes, summaries, quotes and answers have words that begin so: with more "
                           "letters they are looked for, too.")
Row = TypeVar("Row")


class Desks:
    """What is withheld of recordings, as the library has it and as it may not be written yet."""

    def __init__(self, library: Library, given: Mapping[int, Desk]) -> None:
        self._library, self._given = library, given
        self._desks: dict[int, Desk] = {}
        self._looked_at: set[int] = set()
        self._marked = {recording_id for recording_id, desk in given.items() if desk.withheld}

    def marked(self, recordings: Iterable[int]) -> set[int]:
        """Those of the recordings of which something is withheld."""
        found = set(recordings)
        if new := found - self._looked_at:
            self._marked |= self._library.with_withheld(new)
            self._looked_at |= new
        return found & self._marked

    def of(self, recording_id: int) -> Desk:
        """The library's, with what was marked and may not be written yet."""
        if recording_id not in self._desks:
            desk, given = self._library.desk(recording_id), self._given.get(recording_id, Desk())
            self._desks[recording_id] = replace(desk, withheld=(*desk.withheld, *given.withheld))
        return self._desks[recording_id]


class NotedHits:
    """One plan over what is noted in one library; `go_on` raises Cancelled when nobody waits for it any more."""

    def __init__(self, library: Library, plan: Plan, words: str, where: Where, desks: Desks,
                 go_on: Callable[[], None]) -> None:
        self._library, self._plan, self._where, self._desks, self._go_on = library, plan, where, desks, go_on
        self._words = words  # an expression
        self._matcher = Matcher(plan.terms)
        self.is_cut = False  # there are more of a kind
        self.notes: list[Sentence] = []

    def hits(self) -> list[Hit]:
        """As far as the filters can be about them: words that were noted have no language."""
        plan, hits = self._plan, list[Hit]()
        if plan.values("lang"):
            return []
        self._noted = self._library.noted(self._words)
        if not plan.values("speaker"):
            hits += self._some(self._library.found_recordings, self._recording_hits,
                               MOST if plan.wanted else MOST_TITLES)
            hits += self._by_words() if plan.wanted else []
        if self._is_short:
            self.notes.append(say(_SHORT))
        elif plan.wanted or plan.values("tag"):
            hits += self._some(self._found_quotes, self._quote_hits)
        return hits

    def _by_words(self) -> list[Hit]:
        """What no filter finds."""
        library, tags = self._library, self._matching(self._library.tags())
        hits = self._some(lambda _, scope, most: library.found_tagged(tags[:MOST], scope, most), self._tag_hits)
        if self._is_short:
            return hits
        return [*hits, *self._some(library.found_people, self._person_hits),
                *self._some(library.found_summaries, self._summary_hits),
                *self._some(library.found_marks, self._mark_hits),
                *self._some(library.found_turns, self._answer_hits)]

    @property
    def _is_short(self) -> bool:
        """Whether words begin so in very many notes: the index puts such a list together anew for each kind."""
        return self._noted.rows is None and any(term.is_beginning for term in self._plan.wanted)

    def _matching(self, names: Sequence[str]) -> list[str]:
        """Those with all words in them; most often there is none, which one look at all of them tells."""
        return [name for name in names if self._matcher.all_in(name)] if self._matcher.all_in("\n".join(names)) else []

    def _some(self, find: Callable[[Noted, Scope, int], Sequence[Row]], hits_of: Callable[[Sequence[Row]], list[Hit]],
              most: int = MOST) -> list[Hit]:
        """The newest of a kind; more rows are read where many may not be shown."""
        limit = most + 1
        while True:
            self._go_on()
            rows = find(self._noted, self._where.scope, limit)
            hits = hits_of(rows)
            if len(hits) > most or len(rows) < limit or limit > _MOST_READ:
                self.is_cut |= len(hits) > most or limit > _MOST_READ
                return hits[:most]
            limit *= 4

    # -- about recordings

    def _recording_hits(self, rows: Sequence[tuple[int, str, str, str]]) -> list[Hit]:
        return [hit for recording_id, *texts in rows for hit in self._best(recording_id, texts)]

    def _best(self, recording_id: int, texts: Sequence[str]) -> list[Hit]:
        """Title, place and notes in which all words are; else the one with most of them."""
        found = list(zip((Kind.TITLE, Kind.PLACE, Kind.NOTES), texts, strict=True))
        whole = [(kind, text) for kind, text in found if text and self._words and self._matcher.all_in(text)]
        if not whole:
            whole = [max(found, key=lambda item: len(self._matcher.spans(item[1])))]
        return [self._about(kind, recording_id, text) for kind, text in whole]

    def _tag_hits(self, rows: Sequence[tuple[int, str]]) -> list[Hit]:
        return [self._about(Kind.TAG, recording_id, tag) for recording_id, tag in rows]

    def _person_hits(self, rows: Sequence[tuple[int, str]]) -> list[Hit]:
        return [self._about(Kind.PERSON, recording_id, name) for recording_id, name in rows]

    def _about(self, kind: Kind, recording_id: int, text: str, transcript_id: int = 0) -> Hit:
        return Hit(kind, recording_id, *snippet(text, self._matcher.spans(text)), transcript_id=transcript_id)

    def _summary_hits(self, rows: Sequence[tuple[int, int, str]]) -> list[Hit]:
        marked = self._desks.marked(row[0] for row in rows)
        return [self._about(Kind.SUMMARY, recording_id, summary, transcript_id)
                for recording_id, transcript_id, summary in rows
                if recording_id not in marked or self._is_released(recording_id, transcript_id)]

    def _is_released(self, recording_id: int, transcript_id: int) -> bool:
        """Whether the summary leaves with the transcript; of its lines only those can matter that are near a mark."""
        self._go_on()
        desk = self._desks.of(recording_id)
        near = self._library.segments_near(transcript_id, [mark.range for mark in desk.withheld])
        document = TranscriptDocument(self._library.recording(recording_id), self._library.transcript(transcript_id),
                                      {}, near, desk)
        return release(document).transcript.summary != ""

    # -- quotes, notes and answers

    def _found_quotes(self, noted: Noted, _: Scope, most: int) -> list[FoundNote]:
        where = self._where
        return self._library.found_quotes(noted, where.quotes, most, tags=where.quote_tags,
                                          tagged=where.tagged if self._plan.wanted else (),
                                          without_tags=where.without_quote_tags)

    def _quote_hits(self, notes: Sequence[FoundNote]) -> list[Hit]:
        marked = self._desks.marked(note.recording_id for note in notes)
        left = [(note.recording_id, quote) for note in notes if (quote := self._released_quote(note, marked))]
        names = self._library.names({quote.speaker_id for _, quote in left if quote.speaker_id})
        return [hit for recording_id, quote in left
                for hit in self._hits_of_quote(recording_id, quote, names.get(quote.speaker_id or 0, quote.said_by))]

    def _released_quote(self, note: FoundNote, marked: set[int]) -> Quote | None:
        """As it may leave; None when it stays, or goes without the name that it was looked for by."""
        left: tuple[Quote, ...] = (note.quote,)
        scope = self._where.quotes
        if note.recording_id in marked:
            left = released_quotes(replace(self._desks.of(note.recording_id), quotes=left))
        return next((quote for quote in left if quote.speaker_id not in scope.without_speakers
                     and (scope.speakers is None or quote.speaker_id is not None)), None)

    def _hits_of_quote(self, recording_id: int, quote: Quote, name: str) -> list[Hit]:
        """For its words or for its note."""
        in_text, in_note = self._matcher.spans(quote.text), self._matcher.spans(quote.note)
        shown_in = [(Kind.QUOTE, quote.text, in_text)] if in_text or not in_note else []
        shown_in += [(Kind.NOTE, quote.note, in_note)] if in_note else []
        whole = [shown_here for shown_here in shown_in if self._matcher.all_in(shown_here[1])]
        return [_place(kind, recording_id, quote, words, spans, name) for kind, words, spans in whole or shown_in]

    def _mark_hits(self, notes: Sequence[FoundNote]) -> list[Hit]:
        marked = self._desks.marked(note.recording_id for note in notes)
        return [_place(Kind.NOTE, note.recording_id, note.quote, note.quote.note, self._matcher.spans(note.quote.note))
                for note in notes if note.recording_id not in marked
                or not overlaps(note.quote.range, self._desks.of(note.recording_id).off_record)]

    def _answer_hits(self, threads: Sequence[Thread]) -> list[Hit]:
        marked = self._desks.marked(thread.recording_id for thread in threads)
        found = (self._answer_hit(thread, self._desks.of(thread.recording_id) if thread.recording_id in marked
                                  else Desk()) for thread in threads)
        return [hit for hit in found if hit is not None]

    def _answer_hit(self, thread: Thread, desk: Desk) -> Hit | None:
        """The sentence with most of the words; of an answer that may tell what is off the record nothing."""
        (turn,) = thread.turns
        if is_masked(thread, turn, desk):
            return None
        claims = shown(claims_of(turn), desk.off_record)
        if not self._matcher.all_in(turn.question, " ".join(claim.text for claim in claims)):
            return None
        best, spans = max(((claim, self._matcher.spans(claim.text)) for claim in claims),
                          key=lambda found: len(found[1]), default=(Claim(""), []))
        words, marked = snippet(best.text if spans else turn.question, spans or self._matcher.spans(turn.question))
        place = best.places[0] if best.places else None
        if place is None:
            return Hit(Kind.ANSWER, thread.recording_id, words, marked)
        return Hit(Kind.ANSWER, thread.recording_id, words, marked, place.start, place.end, thread.transcript_id or 0,
                   place.segment_id)


def _place(kind: Kind, recording_id: int, quote: Quote, words: str, spans: Sequence[tuple[int, int]],
           speaker: str = "") -> Hit:
    shown_words, marked = snippet(words, spans)
    return Hit(kind, recording_id, shown_words, marked, quote.range.start, quote.range.end, quote.transcript_id or 0, 0,
               speaker)
