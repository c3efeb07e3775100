"""A quote is whole words as they stand, with the time at which they were said."""

from __future__ import annotations

import pytest

from desktop.model import (
    Desk,
    Quote,
    Recording,
    Segment,
    Speaker,
    TimeRange,
    Transcript,
    TranscriptDocument,
    Withheld,
    Word,
)
from desktop.quoting import as_text, quote_of
from desktop.speaking import sample, shares
from desktop.withholding import Released, release

ANN, BEN = 1, 2


def words(text: str, start: float) -> tuple[Word, ...]:
    return tuple(Word(w, start + n, start + n + 0.8) for n, w in enumerate(text.split()))


def line(start: float, text: str, speaker: int, number: int, *, timed: bool = True) -> Segment:
    count = len(text.split())
    return Segment(start, start + count, text, speaker, id=number, words=words(text, start) if timed else ())


LINES = (line(0, "We did not pay, ever.", ANN, 1), line(10, "Who decided that?", BEN, 2),
         line(20, "The council did.", ANN, 3, timed=False))


def released(desk: Desk | None = None) -> Released:
    recording = Recording(1, "Ortiz", "f", "o", "0" * 64, 60.0, 16_000, 1, "2026-01-01T00:00:00+00:00")
    transcript = Transcript(7, 1, "device", "x", "2026-01-01T00:00:00+00:00", TimeRange(0, 60))
    return release(TranscriptDocument(recording, transcript, {ANN: Speaker(ANN, "Ann"), BEN: Speaker(BEN, "Ben", 1)},
                                      LINES, desk or Desk()))


def test_selected_characters_become_whole_words_with_their_times() -> None:
    quote = quote_of(released(), [LINES[0]], (4, 9))  # "id no"
    assert quote is not None
    assert (quote.text, quote.range, quote.said_by, quote.speaker_id, quote.transcript_id) == (
        "did not", TimeRange(1.0, 2.8), "Ann", ANN, 7)


def test_blanks_around_a_selection_do_not_count() -> None:
    quote = quote_of(released(), [LINES[0]], (2, 7))
    assert quote is not None and quote.text == "did"
    assert quote_of(released(), [LINES[0]], (2, 3)) is None


def test_punctuation_can_be_chosen_or_left() -> None:
    quote = quote_of(released(), [LINES[0]], (11, 14))
    assert quote is not None and quote.text == "pay"
    quote = quote_of(released(), [LINES[0]], (11, 15))
    assert quote is not None and quote.text == "pay,"


def test_without_times_of_words_the_place_is_by_the_share_of_the_text() -> None:
    quote = quote_of(released(), [LINES[2]], (4, 11))
    assert quote is not None and quote.text == "council"
    assert 20 < quote.range.start < quote.range.end < 23


def test_several_lines_are_one_quote_and_nobodys_when_two_speak() -> None:
    quote = quote_of(released(), LINES[:2])
    assert quote is not None
    assert quote.text == "We did not pay, ever. Who decided that?" and quote.range == TimeRange(0, 13)
    assert (quote.speaker_id, quote.said_by) == (None, "")


def test_empty_lines_are_no_quote() -> None:
    assert quote_of(released(), [Segment(0, 1, "  ", id=9)]) is None


@pytest.mark.parametrize(("kind", "text"), [
    ("plain", "We did not pay."),
    ("attributed", "“We did not pay.” — Ann, Ortiz, 0:01–0:03"),
    ("markdown", "> We did not pay.\n>\n> — Ann, Ortiz, 0:01–0:03")])
def test_a_quote_on_the_clipboard(kind: str, text: str) -> None:
    quote = Quote(TimeRange(1.2, 3.4), "We did\nnot pay.")
    assert as_text(quote, "Ann", "Ortiz", kind) == text
    assert "Ann" not in as_text(quote, "", "Ortiz", kind)


def test_shares_of_the_talk_add_up() -> None:
    found = {share.speaker.name: share for share in shares(released())}
    assert (found["Ann"].lines, found["Ben"].lines) == (2, 1)
    assert sum(share.part for share in found.values()) == pytest.approx(1.0)
    assert found["Ann"].seconds == pytest.approx(8.0)


def test_a_sample_is_where_only_that_speaker_is_heard() -> None:
    document = released()
    assert sample(document, ANN) == TimeRange(0, 5)
    assert sample(document, BEN) == TimeRange(10, 13)
    assert sample(document, 99) is None


def test_what_is_off_the_record_cannot_be_quoted() -> None:
    hidden = released(Desk(withheld=(Withheld(TimeRange(0, 6)),)))
    assert [s.id for s in hidden.segments] == [2, 3]
