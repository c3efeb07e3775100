"""Quote check: every verdict, and above all that nothing is called exact that is not."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.errors import Cancelled
from desktop.exports import quote_report
from desktop.library import Library
from desktop.model import (
    SPEAKER_UNSURE,
    Desk,
    Recording,
    Segment,
    Speaker,
    Terms,
    TimeRange,
    Transcript,
    TranscriptDocument,
    Withheld,
    Word,
)
from desktop.quotations import Quotation, quotations
from desktop.quote_check import Index, Kind, Reach, Verdict, check, documents_of, rows, searchable, transcripts_in
from desktop.quote_words import key, split_words
from tests.fakes import Reports

ORTIZ, LIND = 1, 2
SPEAKERS = {ORTIZ: Speaker(ORTIZ, "Lucía Ortiz"), LIND: Speaker(LIND, "Jane Lind")}
TALK = (
    (ORTIZ, "We did not pay the harbour, and nobody asked why."),
    (ORTIZ, "The bank in Malmö took 1,200 crowns of it."),
    (LIND, "Who decided that?"),
    (ORTIZ, "I don’t know. The council met in March."),
    (LIND, "And the money never came back to the city."),
    (ORTIZ, "No pagamos a tiempo, y eso lo sabe todo el mundo."),
)
TRANSLATION = {5: "We never paid on time, and everybody in town knows that."}


def timed(text: str, start: float) -> tuple[Word, ...]:
    """Half a second for each word."""
    return tuple(Word(word, start + n / 2, start + n / 2 + 0.4) for n, word in enumerate(text.split()))


def document(lines: Sequence[tuple[int | None, str]] = TALK, *, id: int = 7, words: bool = True,
             translations: dict[int, str] | None = None, **changes: object) -> TranscriptDocument:
    segments = tuple(Segment(10.0 * n, 10.0 * n + 8, text, speaker, id=n + 1,
                             words=timed(text, 10.0 * n) if words else (),
                             translation=(TRANSLATION if translations is None else translations).get(n, ""))
                     for n, (speaker, text) in enumerate(lines))
    recording = Recording(id, f"Talk {id}", "f", "o.wav", "0" * 64, 60.0, 48_000, 1, "2026-01-01")
    made = TranscriptDocument(recording, Transcript(id * 10, id, "x", "y", "2026-01-01", TimeRange(0, 60)), SPEAKERS,
                              segments)
    return replace(made, **changes)  # type: ignore[arg-type]


def judge(draft: str, *documents: TranscriptDocument) -> Verdict:
    (verdict,) = check(Index.build(map(searchable, documents or (document(),))), quotations(draft))
    return verdict


def kind(text: str, *documents: TranscriptDocument) -> Kind:
    return judge(f"“{text}”", *documents).kind


def changes(verdict: Verdict) -> list[tuple[str, str, str]]:
    """The differences, and that their places hold what they say."""
    shown = verdict.translation or verdict.said
    for item in verdict.differences:
        assert shown[slice(*item.said_at)] == item.said
        assert verdict.quotation.text[slice(*item.written_at)] == item.written
    return [(item.kind, item.written, item.said) for item in verdict.differences]


# Exact

@pytest.mark.parametrize("text", [
    "We did not pay the harbour", "WE DID NOT PAY THE HARBOUR!", "we did not pay — the harbour,", "1200 crowns",
    "I don't know", "I don’t know.", "took 1’200 crowns", "‘nobody’ asked why", "Malmo\u0308 took", "know. The council",
    "nobody asked why. The bank in Malmö took", "[W]ho decided that", "the harbour … and nobody asked",
])
def test_the_same_words_in_the_same_order_are_exact(text: str) -> None:
    assert kind(text) is Kind.EXACT


@pytest.mark.parametrize("text", [
    "We did pay the harbour, and nobody asked why", "We did not pay the harbor, and nobody asked why",
    "The bank in Malmö took 1,300 crowns of it", "The bank in Malmo took 1,200 crowns of it",
    "The bank in Malmö took 12,00 crowns of it", "I do know. The council met in March",
    "I know. The council met in March",
    "and nobody asked why not, the bank in Malmö", "the city to back came never money the And",
    "Who decided that? I don’t know.", "The bank in Malmö took 1,200% crowns of it",
    "And the money came back to the city",
])
def test_what_is_not_the_same_is_never_exact(text: str) -> None:
    assert kind(text) is not Kind.EXACT


def test_words_that_follow_one_another_with_another_voice_between_them_are_not_exact() -> None:
    talk = document(((ORTIZ, "We paid the bank"), (LIND, "Really?"), (ORTIZ, "in the spring of that year")))
    verdict = judge("“We paid the bank in the spring of that year”", talk)
    assert verdict.kind is Kind.ALTERED and ("missing", "", "Really") in changes(verdict)


def test_words_of_two_speakers_are_altered_and_both_are_named() -> None:
    verdict = judge("“nobody asked why The bank in Malmö took 1,200 crowns of it who decided that?”")
    assert verdict.kind is Kind.ALTERED and verdict.speaker == "Lucía Ortiz, Jane Lind"
    assert "more than one speaker" in str(verdict.notes)


def test_the_place_is_exact_where_words_have_times() -> None:
    verdict = judge("“nobody asked why. The bank”")
    assert (verdict.range, verdict.segment_ids) == (TimeRange(3.5, 10.9), (1, 2))
    assert (verdict.recording_id, verdict.transcript_id, verdict.speaker) == (7, 70, "Lucía Ortiz")
    assert verdict.said == "nobody asked why. The bank" and verdict.recording == "Talk 7"


def test_without_times_of_words_the_place_is_that_of_the_line() -> None:
    assert judge("“asked why”", document(words=False)).range == TimeRange(0.0, 8.0)


def test_words_that_do_not_make_up_the_text_give_the_time_of_the_line() -> None:
    odd = document()
    odd = replace(odd, segments=(replace(odd.segments[0], words=odd.segments[1].words), *odd.segments[1:]))
    assert judge("“asked why”", odd).range == TimeRange(0.0, 8.0)


def test_scripts_without_blanks_are_compared_by_character() -> None:
    talk = document(((ORTIZ, "私たちは港に払いませんでした。"), (LIND, "เราไม่ได้จ่ายเงินให้ท่าเรือ")))
    assert judge("「港に払いませんでした」", talk).kind is Kind.EXACT
    assert judge("「私たちは港に払いました」", talk).kind is Kind.ALTERED
    assert kind("เราไม่ได้จ่ายเงิน", talk) is Kind.EXACT
    assert kind("เราได้จ่ายเงินให้ท่าเรือ", talk) is Kind.ALTERED


def test_marks_above_and_below_letters_are_part_of_them() -> None:
    talk = document(((ORTIZ, "हमने बंदरगाह को पैसा नहीं दिया"),))
    assert kind("बंदरगाह को पैसा नहीं दिया", talk) is Kind.EXACT
    assert kind("बंदरगाह की पैसा नहीं दिया", talk) is Kind.ALTERED


# Trimmed

@pytest.mark.parametrize(("text", "left_out"), [
    ("We did not pay … nobody asked why", "the harbour, and"), ("We did not pay (…) nobody asked", "the harbour, and"),
    ("The bank […] took 1,200 crowns", "in Malmö"), ("The bank [...] took 1,200 crowns", "in Malmö"),
    ("We did not pay... of it.", "the harbour, and nobody asked why. The bank in Malmö took 1,200 crowns"),
])
def test_exact_pieces_around_dots_are_trimmed(text: str, left_out: str) -> None:
    verdict = judge(f"“{text}”")
    assert verdict.kind is Kind.TRIMMED
    assert [(k, said) for k, _, said in changes(verdict)] == [("missing", left_out)]


@pytest.mark.parametrize("text", ["… nobody asked why", "nobody asked why […]", "The bank in Malmö [Sweden] took",
                                  "nobody [else] asked why", "The bank [of Sweden] took 1,200"])
def test_dots_at_an_end_and_words_of_the_editor_are_trimmed(text: str) -> None:
    assert kind(text) is Kind.TRIMMED


@pytest.mark.parametrize("text", ["nobody asked why … We did not pay", "We did … pay the bank", "the money […] Malmö"])
def test_pieces_in_another_order_or_of_others_are_not_trimmed(text: str) -> None:
    assert kind(text) not in (Kind.EXACT, Kind.TRIMMED)


def test_pieces_far_from_each_other_are_not_trimmed() -> None:
    talk = document(((ORTIZ, "We paid the bank."), *((ORTIZ, "And so on and so forth again.") for _ in range(60)),
                     (ORTIZ, "They built a harbour.")))
    assert kind("We paid the bank … They built a harbour", talk) not in (Kind.EXACT, Kind.TRIMMED)


def test_a_negation_that_was_left_out_is_said() -> None:
    verdict = judge("“We did […] pay the harbour”")
    assert verdict.kind is Kind.TRIMMED and "negation" in str(verdict.notes)


# Altered

@pytest.mark.parametrize(("text", "expected"), [
    ("We did pay the harbour, and nobody asked why.", ("missing", "", "not")),
    ("The bank in Malmö took 1,300 crowns of it.", ("changed", "1,300", "1,200")),
    ("And the money almost never came back to the city", ("added", "almost", "")),
    ("The council really met in March", ("added", "really", "")),
])
def test_altered_words_are_listed(text: str, expected: tuple[str, str, str]) -> None:
    verdict = judge(f"“{text}”")
    assert verdict.kind is Kind.ALTERED and changes(verdict) == [expected]


def test_several_changes_in_one_quotation_are_all_listed() -> None:
    verdict = judge("“We did not finance the harbour, and really nobody asked when.”")
    assert changes(verdict) == [("changed", "finance", "pay"), ("added", "really", ""), ("changed", "when", "why")]


# Speakers

def test_words_of_another_speaker_are_said_to_be_so() -> None:
    verdict = judge("“We did not pay the harbour,” said Jane Lind.")
    assert verdict.kind is Kind.OTHER_SPEAKER and verdict.speaker == "Lucía Ortiz"
    assert "Jane Lind" in str(verdict.notes[0]) and "Lucía Ortiz" in str(verdict.notes[0])


@pytest.mark.parametrize("name", ["Ortiz", "Lucía Ortiz", "Dr. Ortiz", "Keller", "Lucía", "Mayor Ortiz"])
def test_the_right_name_a_part_of_it_or_one_that_is_not_known_accuses_nobody(name: str) -> None:
    assert judge(f"“We did not pay the harbour,” said {name}.").kind is Kind.EXACT


@pytest.mark.parametrize(("speakers", "flags"), [
    ({ORTIZ: Speaker(ORTIZ, "Speaker 1"), LIND: SPEAKERS[LIND]}, ()), (SPEAKERS, (SPEAKER_UNSURE,))])
def test_a_speaker_who_is_not_known_accuses_nobody(speakers: dict[int, Speaker], flags: tuple[str, ...]) -> None:
    talk = document(speakers=speakers)
    talk = replace(talk, segments=tuple(replace(s, flags=flags) for s in talk.segments))
    verdict = judge("“We did not pay the harbour,” said Jane Lind.", talk)
    assert verdict.kind is Kind.EXACT
    assert bool(flags) == ("not sure" in str(verdict.notes))


def test_the_place_said_by_who_is_named_comes_first() -> None:
    talk = document(((ORTIZ, "I do not remember that."), (LIND, "I do not remember that.")))
    verdict = judge("“I do not remember that,” said Lind.", talk)
    assert (verdict.kind, verdict.segment_ids) == (Kind.EXACT, (2,))


def test_two_people_with_the_same_first_name_are_told_apart() -> None:
    people = {ORTIZ: Speaker(ORTIZ, "Maria de la Cruz"), LIND: Speaker(LIND, "Maria de Vries")}
    assert judge("“Who decided that?” said Maria de la Cruz.", document(speakers=people)).kind is Kind.OTHER_SPEAKER
    assert judge("“Who decided that?” said Maria de Vries.", document(speakers=people)).kind is Kind.EXACT


def test_a_changed_quotation_of_another_says_so_too() -> None:
    verdict = judge("“We did not finance the harbour, and nobody asked why,” said Lind.")
    assert verdict.kind is Kind.ALTERED and "in the transcript Lucía Ortiz says it" in str(verdict.notes[0])


def test_without_any_speakers_words_go_on_over_lines() -> None:
    talk = document(tuple((None, text) for _, text in TALK))
    verdict = judge("“nobody asked why. The bank in Malmö”", talk)
    assert (verdict.kind, verdict.speaker) == (Kind.EXACT, "")


# Other languages

def test_a_translation_is_found_with_the_words_that_were_said() -> None:
    verdict = judge("“We never paid on time, and everybody in town knows that.”")
    assert verdict.kind is Kind.TRANSLATED and verdict.said == TALK[5][1] and verdict.differences == ()
    assert verdict.translation == TRANSLATION[5] and verdict.range == TimeRange(50.0, 58.0)


def test_what_is_like_a_translation_shows_the_words_that_differ() -> None:
    verdict = judge("“We never paid on time and everyone in town knows that.”")
    assert verdict.kind is Kind.TRANSLATED and changes(verdict) == [("changed", "everyone", "everybody")]


def test_words_that_were_said_come_before_words_of_a_translation() -> None:
    assert kind("We did not pay the harbour", document(translations={4: "We did not pay the harbour"})) is Kind.EXACT


# Not found

@pytest.mark.parametrize("text", [
    "Bananas grow on the moon tonight", "Parliament will vote on the budget tomorrow", "entirely", "We were in a boat",
    "that the city of the harbour is"])
def test_what_nobody_said_is_not_found(text: str) -> None:
    verdict = judge(f"“{text}”")
    assert verdict.kind is Kind.NOT_FOUND and verdict.segment_ids == () and verdict.said == ""


def test_nothing_is_found_where_there_is_nothing() -> None:
    index = Index.build([])
    assert [v.kind for v in check(index, [Quotation("any words at all"), Quotation("…"), Quotation("")])] == [
        Kind.NOT_FOUND] * 3
    assert kind("any words at all", document(())) is Kind.NOT_FOUND


def test_a_quotation_that_is_not_closed_says_so() -> None:
    assert "does not close" in str(judge("He said “Who decided that?").notes)


def test_a_quotation_as_long_as_a_book_is_not_checked_as_one() -> None:
    assert "too long" in str(check(Index.build([]), [Quotation("word " * 3000)])[0].notes)


# Off the record, background, holes

def withheld(start: float, end: float, terms: Terms = Terms.OFF_THE_RECORD, **more: object) -> TranscriptDocument:
    return document(desk=Desk(withheld=(Withheld(TimeRange(start, end), terms),)), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("words", [True, False])
def test_what_is_off_the_record_is_never_found(words: bool) -> None:
    secret = withheld(9.0, 19.0, words=words)
    for text in ("The bank in Malmö took 1,200 crowns of it", "took 1,200 crowns", "Malmö"):
        verdict = judge(f"“{text}”", secret)
        assert verdict.kind is Kind.NOT_FOUND and "Malmö" not in verdict.said
    for text in ("We did not pay the harbour, and nobody asked why", "Who decided that?"):
        assert kind(text, secret) is Kind.EXACT
    assert judge("“We never paid on time, and everybody in town knows that”", withheld(50.0, 58.0)).translation == ""


def test_what_stands_around_words_off_the_record_does_not_follow_one_another() -> None:
    inside = withheld(1.0, 1.4)  # "not"
    assert kind("We did pay the harbour", inside) is Kind.ALTERED
    assert kind("pay the harbour, and nobody", inside) is Kind.EXACT
    lines = ((ORTIZ, "They came in spring"), (ORTIZ, "to rob the bank"), (ORTIZ, "to build a harbour"))
    whole = document(lines, desk=Desk(withheld=(Withheld(TimeRange(9.5, 18.5)),)))
    verdict = judge("“They came in spring to build a harbour”", whole)
    assert verdict.kind is Kind.ALTERED and "do not follow one another" in str(verdict.notes)
    assert kind("They came in spring […] to build a harbour", whole) is Kind.TRIMMED


def test_what_was_not_transcribed_is_a_hole_too() -> None:
    talk = document(((ORTIZ, "They came in spring"), (ORTIZ, "to build a harbour")))
    holed = replace(talk, transcript=replace(talk.transcript, missing=(TimeRange(8.0, 10.0),)))
    assert kind("They came in spring to build a harbour", talk) is Kind.EXACT
    assert kind("They came in spring to build a harbour", holed) is Kind.ALTERED


def test_background_is_found_without_a_name_and_does_not_run_on() -> None:
    secret = withheld(0.0, 19.0, Terms.BACKGROUND)
    verdict = judge("“nobody asked why,” said Lind.", secret)
    assert (verdict.kind, verdict.speaker) == (Kind.EXACT, "")
    assert kind("nobody asked why. The bank in Malmö took", secret) is Kind.ALTERED


# Several transcripts

def test_of_several_transcripts_the_best_counts_and_then_the_first() -> None:
    worse = document(((ORTIZ, "We did not pay the hover, and nobody asked why."),), id=1)
    better = document(((ORTIZ, "We did not pay the harbour, and nobody asked why."),), id=2)
    assert judge("“We did not pay the harbour, and nobody”", worse, better).recording_id == 2
    assert judge("“and nobody asked why”", worse, better).recording_id == 1
    assert judge("“and nobody asked why”", better, worse).recording_id == 2


def test_the_scope_gives_the_newest_whole_transcripts(library: Library) -> None:
    def add(number: int, project: str, *stretches: tuple[float, float]) -> tuple[Recording, list[int]]:
        recording = library.add_recording(title=f"R{number}", folder=f"f{number}", original="o", byte_count=1,
                                          sha256=f"{number:064d}")
        recording = library.set_prepared(recording.id, duration=60.0, sample_rate=1, channels=1, problem="")
        library.set_project(recording.id, project)
        ids = [library.add_transcript(recording.id, engine="x", model="y", time_range=TimeRange(*stretch)).id
               for stretch in stretches]
        return library.recording(recording.id), ids

    here, (old, new, part) = add(1, "Harbour", (0, 60), (0, 60), (5, 9))
    _, (ranged, ranged_too) = add(2, "Harbour", (0, 20), (30, 40))
    _, (elsewhere,) = add(3, "", (0, 60))
    _, (alone,) = add(4, "", (0, 60))
    add(5, "Harbour")
    assert transcripts_in(library, Reach.RECORDING, here) == [new]
    assert transcripts_in(library, Reach.RECORDING, here, shown=old) == [old]
    assert transcripts_in(library, Reach.PROJECT, here) == [new, ranged_too, ranged]
    assert transcripts_in(library, Reach.LIBRARY, here) == [new, alone, elsewhere, ranged_too, ranged]
    assert transcripts_in(library, Reach.LIBRARY, None) == [alone, elsewhere, ranged_too, ranged, new]
    assert transcripts_in(library, Reach.RECORDING, None) == []
    assert part not in transcripts_in(library, Reach.LIBRARY, None)


def test_documents_come_released_out_of_the_library(library: Library) -> None:
    recording = library.add_recording(title="R", folder="f", original="o", byte_count=1, sha256="1" * 64)
    transcript = library.add_transcript(recording.id, engine="x", model="y", time_range=TimeRange(0, 60))
    library.add_segments(transcript.id, [("Ann", Segment(0, 5, "nobody asked why")), ("Bo", Segment(6, 9, "a secret"))])
    library.set_desk(recording.id, Desk(withheld=(Withheld(TimeRange(5.5, 9.5)),)))
    index = Index.build(documents_of(library, transcripts_in(library, Reach.LIBRARY, None)))
    assert [v.kind for v in check(index, quotations("“nobody asked why” “a secret”"))] == [Kind.EXACT, Kind.NOT_FOUND]


# Stopping

@pytest.mark.parametrize("work", [
    lambda report: Index.build([searchable(document())] * 3, report, 3),
    lambda report: check(Index.build([searchable(document())]), quotations("“one two” “three” “four”"), report)])
def test_building_and_checking_report_and_can_be_stopped(work: Callable[[Reports], object]) -> None:
    heard = Reports()
    work(heard)
    assert len(heard) >= 3 and all(0 <= progress.fraction <= 1 for progress in heard)
    with pytest.raises(Cancelled):
        work(Reports(lambda progress: progress.fraction > 0))


# Whatever the words are

WORDS = ("we", "paid", "not", "the", "bank", "harbour", "1,200", "crowns", "Malmö", "don’t", "nobody", "l’homme", "5",
         "%")
LINES = st.lists(st.tuples(st.sampled_from([ORTIZ, ORTIZ, LIND]), st.lists(st.sampled_from(WORDS), min_size=1,
                                                                            max_size=12)), min_size=1, max_size=8)


@given(LINES, st.data())
def test_any_run_of_words_of_one_voice_is_exact(lines: list[tuple[int, list[str]]], data: st.DataObject) -> None:
    talk = document([(who, " ".join(words)) for who, words in lines], translations={})
    first = data.draw(st.integers(0, len(lines) - 1))
    last = first
    while last + 1 < len(lines) and lines[last + 1][0] == lines[first][0]:
        last += 1
    run = [word for _, words in lines[first:last + 1] for word in words]
    begin = data.draw(st.integers(0, len(run) - 1))
    end = data.draw(st.integers(begin + 1, len(run)))
    mark = data.draw(st.sampled_from([" ", ", ", " – ", "\n"]))
    (verdict,) = check(Index.build([searchable(talk)]), [Quotation(mark.join(run[begin:end]).upper())])
    assert verdict.kind is Kind.EXACT and verdict.differences == ()
    assert [key(w) for w in split_words(verdict.said)] == [key(w) for w in run[begin:end]]


@given(LINES, st.data())
def test_with_one_word_changed_it_is_never_exact(lines: list[tuple[int, list[str]]], data: st.DataObject) -> None:
    talk = document([(who, " ".join(words)) for who, words in lines], translations={})
    words = list(data.draw(st.sampled_from(lines))[1])
    at = data.draw(st.integers(0, len(words) - 1))
    words[at] = data.draw(st.sampled_from(["stole", "1,201", "ban", "harbours", "l’hommes", "Malmo", "12", "noone"]))
    (verdict,) = check(Index.build([searchable(talk)]), [Quotation(" ".join(words))])
    assert verdict.kind not in (Kind.EXACT, Kind.TRIMMED, Kind.OTHER_SPEAKER)
    if verdict.kind is Kind.ALTERED:
        assert any(words[at] in item.written for item in verdict.differences)


@given(LINES, st.lists(st.sampled_from(WORDS), min_size=1, max_size=10))
def test_what_is_called_exact_stands_there_word_for_word(lines: list[tuple[int, list[str]]], asked: list[str]) -> None:
    talk = document([(who, " ".join(words)) for who, words in lines], translations={})
    (verdict,) = check(Index.build([searchable(talk)]), [Quotation(" ".join(asked))])
    runs: list[list[str]] = []
    for number, (who, words) in enumerate(lines):
        if number and lines[number - 1][0] == who:
            runs[-1] += words
        else:
            runs.append(list(words))
    stands = any(run[n:n + len(asked)] == asked for run in runs for n in range(len(run)))
    assert (verdict.kind is Kind.EXACT) == stands


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_is_judged(said: str, asked: str) -> None:
    (verdict,) = check(Index.build([searchable(document(((ORTIZ, said),), words=False))]), [Quotation(asked)])
    changes(verdict)
    if verdict.kind is Kind.EXACT:
        assert "".join(map(key, split_words(asked))) in "".join(map(key, split_words(said)))


# Words

@pytest.mark.parametrize(("one", "other"), [
    ("Don't", "don’t"), ("1,200", "1200"), ("1\u00a0200", "1200"), ("1.200.000", "1200000"), ("3,5", "3.5"),
    ("ﬁne", "fine"),
    ("café", "cafe\u0301"), ("Straße", "STRASSE"), ("１２", "12"), ("٣٤", "34"), ("well-known", "well known"),
    ("soft\u00adhyphen", "softhyphen"), ("_word_", "word"), ("می‌خواهم", "میخواهم"), ("−5", "-5"), ("NO", "no"),
])
def test_two_ways_to_write_a_word(one: str, other: str) -> None:
    assert list(map(key, split_words(one))) == list(map(key, split_words(other)))


@pytest.mark.parametrize(("one", "other"), [
    ("it's", "its"), ("1.200", "1200"), ("10²", "102"), ("½", "12"), ("5 %", "5"), ("$5", "5"), ("-5", "5"),
    ("3/4", "3-4"), (".5", "5"), ("can't", "can"), ("हिन्दी", "हन्दी"), ("café", "cafe"), ("0,125", "125"), ("C++", "C"),
    ("90s", "90"), ("re-sign", "resign"),
])
def test_two_words_that_are_not_the_same(one: str, other: str) -> None:
    assert list(map(key, split_words(one))) != list(map(key, split_words(other)))


# The report

def found() -> list[Verdict]:
    hostile = document((*TALK, (LIND, "=cmd|'x'!A1 <b>bold</b> [link](x) the end of it")))
    return check(Index.build([searchable(hostile)]), quotations(
        "“We did not pay the harbour,” said Lind.\n“The bank in Malmö took 1,300 crowns of it.”\n"
        "“=cmd|'x'!A1 <b>bold</b> [link](x) the end”\n“Bananas grow on the moon tonight”\n“Who decided that?”"))


@pytest.mark.parametrize("name", quote_report.FORMATS)
def test_a_report_holds_every_quotation_with_its_verdict(name: str) -> None:
    content = quote_report.FORMATS[name](rows(found()), "My <b>draft</b>", "2026-11-23T10:00:00+00:00")
    if name == "docx":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            text = archive.read("word/document.xml").decode()
    else:
        text = content.decode("utf-8-sig")
    for words in ("words of another speaker", "altered", "not found", "exact", "1,300 (said: 1,200)", "Talk 7"):
        assert words in text.replace("\\(", "(").replace("\\)", ")")
    assert "<b>draft" not in text


def test_the_table_runs_no_formula() -> None:
    content = quote_report.csv(rows(found()), "t", "").decode("utf-8-sig")
    table = list(csv.DictReader(io.StringIO(content, newline="")))
    assert len(table) == 5 and table[2]["quotation"].startswith("'=cmd") and table[2]["what was said"].startswith("'=")
    assert (table[0]["start"], table[3]["start"]) == ("00:00:00.000", "")


def test_the_summary_counts_verdicts() -> None:
    assert quote_report.summary(rows(found())).startswith("5 quotations: 1 words of another speaker, 1 altered")


def test_words_from_right_to_left_run_so_in_a_word_file() -> None:
    talk = document(((ORTIZ, "قال العمدة إن الجسر سيفتح في الربيع"),))
    found = check(Index.build([searchable(talk)]), quotations("«الجسر سيفتح في الصيف» «الجسر سيفتح في الربيع»"))
    assert [item.kind for item in found] == [Kind.ALTERED, Kind.EXACT]
    with zipfile.ZipFile(io.BytesIO(quote_report.docx(rows(found), "مسودة", ""))) as archive:
        text = archive.read("word/document.xml").decode()
    assert "<w:bidi/>" in text and "<w:rtl/>" in text and "الصيف" in text
