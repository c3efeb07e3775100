"""Answers with receipts: which sources hold, which do not, and what no answer may do to the program."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.model import Segment, TimeRange, Turn
from desktop.receipts import PRESETS, Claim, Place, as_record, as_text, claims_of, reader

LINES = (
    Segment(0.5, 3.0, "Good morning, Steve.", id=71),
    Segment(3.0, 9.0, "The market in Lisbon opened in 1961.", id=72),
    Segment(9.0, 12.0, "El puente costó mucho dinero.", translation="The bridge cost a lot of money.", id=73),
    Segment(12.0, 15.5, "We paid 4500 for it, said the mayor.", id=74),
)
ONE, TWO, THREE, FOUR = (Place(s.start, s.end, s.id) for s in LINES)


def read(text: str, is_whole: bool = True) -> tuple[Claim, ...]:
    return reader(LINES, None)(text, is_whole)


def only(text: str) -> Claim:
    (claim,) = read(text)
    return claim


def heard(text: str, start: float = 100.0, end: float = 160.0) -> Claim:
    """A sentence about sound alone."""
    (claim,) = reader([], TimeRange(start, end))(text, True)
    return claim


@pytest.mark.parametrize(("line", "text", "places"), [
    ("The market opened. [2]", "The market opened.", (TWO,)),
    ("The market cost money [2, 3].", "The market cost money", (TWO, THREE)),
    ("The market cost money. [2] [3]", "The market cost money.", (TWO, THREE)),
    ("The market cost money. [2][3]  ", "The market cost money.", (TWO, THREE)),
    ("The market cost money. [3; 2]", "The market cost money.", (THREE, TWO)),
    ("The market opened. [2, 2]", "The market opened.", (TWO,)),
    ("The market opened. [#2]", "The market opened.", (TWO,)),
    ("The market opened. [L2]", "The market opened.", (TWO,)),
    ("- The market opened. [2]", "The market opened.", (TWO,)),
    ("* The market opened. [2]", "The market opened.", (TWO,)),
    ("  • The market opened. [2]", "The market opened.", (TWO,)),
    ("1. The market opened. [2]", "The market opened.", (TWO,)),
    ("12) The market opened. [2]", "The market opened.", (TWO,)),
    ("1961 was its year. [2]", "1961 was its year.", (TWO,)),
    ("He is well. []", "He is well.", ()),
    ("The market [sic] opened. [2]", "The market [sic] opened.", (TWO,)),
])
def test_a_line_becomes_a_sentence_and_its_places(line: str, text: str, places: tuple[Place, ...]) -> None:
    assert only(line) == Claim(text, places)


def test_each_line_is_a_sentence_and_empty_ones_are_none() -> None:
    assert read("The market opened. [2]\n\n \n[2]\n[]\r\nThe bridge cost money. [3]") == (
        Claim("The market opened.", (TWO,)), Claim("The bridge cost money.", (THREE,)))


@pytest.mark.parametrize("source", ["0", "5", "2.0", "٢", "99999999999999999999", "00000000000002", "", "02:00",
                                    "L9-#12", "0:05-0:10"])
def test_a_line_that_does_not_exist_is_no_place(source: str) -> None:
    assert only(f"The market in Lisbon opened in 1961. [{source}]") == Claim("The market in Lisbon opened in 1961.")


@pytest.mark.parametrize("words", ["sic", "laughs", "as the bishop says", "two", "²", "2x", "#", "None", "-2", "…",
                                   "2 and 3"])
def test_words_in_brackets_are_no_source(words: str) -> None:
    assert only(f"The market opened [{words}]") == Claim(f"The market opened [{words}]")
    assert only(f"The market opened [{words}]. [2]") == Claim(f"The market opened [{words}].", (TWO,))


def test_one_bad_id_does_not_take_the_good_one_along() -> None:
    assert only("The market opened. [99, 2, 0]").places == (TWO,)


@pytest.mark.parametrize("sentence", [
    "The hospital was closed.",         # says something else
    "The year was 1962.",               # another figure
    "It was in the.",                   # small words only
    "The speaker said something about this recording.",     # words that fit every answer
])
def test_an_id_that_shares_nothing_with_the_sentence_is_no_place(sentence: str) -> None:
    assert only(f"{sentence} [2]").places == ()


@pytest.mark.parametrize("sentence", [
    "MARKETS open.",                    # another case and another ending
    "It was 1961!",                     # a figure
    "“Lisbon,” he said.",               # within quotation marks
])
def test_one_shared_word_or_figure_is_enough(sentence: str) -> None:
    assert only(f"{sentence} [2]").places == (TWO,)


def test_a_figure_is_not_a_part_of_another_figure() -> None:
    assert only("It was 450. [4]").places == () and only("It was 4500. [4]").places == (FOUR,)


def test_the_translation_counts_as_well_as_the_words() -> None:
    assert only("A bridge was built. [3]").places == (THREE,)
    assert only("Un puente. [3]").places == (THREE,)


@pytest.mark.parametrize(("words", "sentence", "holds"), [
    ("我搬到了北京。", "他搬到北京。", True),
    ("我搬到了北京。", "她喜欢音乐。", False),
    ("私は東京に住んでいます。", "彼は東京にいる。", True),
    ("私は東京に住んでいます。", "彼は猫が好きだ。", False),
    ("저는 서울에서 살아요.", "그는 서울에 산다.", True),
    ("Мы переехали в Москву.", "Они живут в Москве.", True),
    ("Мы переехали в Москву.", "Они любят музыку.", False),
    ("Ο δήμαρχος μίλησε.", "Είναι δήμαρχος.", True),
    ("Die Brücke wurde größer.", "Größere Brücken.", True),
])
def test_other_scripts_have_words_too(words: str, sentence: str, holds: bool) -> None:
    (claim,) = reader((Segment(1, 2, words, id=5),), None)(f"{sentence} [1]", True)
    assert claim == Claim(sentence, (Place(1, 2, 5),) if holds else ())


@pytest.mark.parametrize(("source", "start", "end"), [
    ("00:34", 134.0, 139.0), ("0:00", 100.0, 105.0), ("00:34.5", 134.5, 139.5), ("00:00:34", 134.0, 139.0),
    ("00:58", 158.0, 160.0), ("01:00", 160.0, 160.0)])
def test_a_time_in_the_clip_is_a_place_on_the_recordings_clock(source: str, start: float, end: float) -> None:
    assert heard(f"A door slams. [{source}]") == Claim("A door slams.", (Place(start, end),))


@pytest.mark.parametrize("source", ["01:01", "99:59", "1:00:00", "34", "-0:34", "0:34pm", "aa:bb", ":", "٠٠:٣٤",
                                    "9999:99999:9999999"])
def test_a_time_outside_the_clip_or_no_time_is_no_place(source: str) -> None:
    assert heard(f"A door slams. [{source}]").places == ()


def test_several_times_and_a_bad_one() -> None:
    assert heard("Doors. [00:05, 09:00, 00:10]").places == (Place(105.0, 110.0), Place(110.0, 115.0))


def test_over_a_transcript_a_time_is_no_source_and_without_sound_nothing_is() -> None:
    assert reader(LINES, TimeRange(0, 60))("The market opened. [00:04]", True) == (Claim("The market opened."),)
    assert reader([], None)("The market opened. [00:04]", True) == (Claim("The market opened."),)


def test_an_unfinished_line_has_no_places_and_shows_no_brackets() -> None:
    whole = "The market opened. [2]\nThe bridge cost money. [3]"
    for length in range(len(whole)):
        claims = read(whole[:length], False)
        assert not claims or claims[-1].places == () or whole[:length].endswith("\n")
        assert all("[" not in claim.text for claim in claims)
    assert read(whole[:-1], False) == (Claim("The market opened.", (TWO,)),
                                       Claim("The bridge cost money.", is_open=True))
    assert read(whole) == (Claim("The market opened.", (TWO,)), Claim("The bridge cost money.", (THREE,)))


def test_an_answer_in_pieces_ends_as_the_whole_one() -> None:
    whole = "The market opened. [2]\nThe bridge cost money. [3]\nHe is well. []"
    grow = reader(LINES, None)
    counts = [len(grow(whole[:length], False)) for length in range(len(whole) + 1)]
    assert counts == sorted(counts) and grow(whole, True) == read(whole)


def test_a_kept_answer_comes_back_as_it_was() -> None:
    answer = 'The “market” opened. [2]\nEl puente costó dinero — 中文 🎙. [3]\nNothing. []'
    claims = read(answer)
    record = as_record(claims, answer)
    assert claims_of(Turn("q", record, "m")) == claims and as_text(record) == answer
    assert isinstance(json.loads(record), dict)
    assert [len(claim.places) for claim in claims] == [1, 1, 0]


HOSTILE: dict[str, str] = {
    "spaces": "a" + " " * 19_000 + "b", "pairs": "a" + "[]" * 9_990 + "b", "many pairs": "a" + "[]" * 90_000,
    "10 MB on one line": "market " * 1_500_000,
    "10 MB of lines": "The market opened. [2]\n" * 450_000,
    "10 MB of brackets": "[" * 10_000_000,
    "nested brackets": "The market [[[2]]] [[2], [3]] [2[2]2]" * 50,
    "deep brackets": "x " + "[" * 500 + "2" + "]" * 500,
    "surrogates": "The market \ud800 opened \udfff. [2]",
    "controls": "The \x00market\x07 opened\x1b[31m. [2]\x9b\u2028[3]",
    "a source without an end": "The market opened. [2",
    "a very long source": "The market opened. [" + "2, " * 400 + "2]",
    "only an end": "The market opened. 2]",
    "many figures": "The market opened. [" + "9" * 190 + "]",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "growing"])
def test_hostile_text_is_read_quickly_and_stays_storable(name: str, is_whole: bool) -> None:
    began = time.monotonic()
    for claims in (read(HOSTILE[name], is_whole), reader([], TimeRange(0, 60))(HOSTILE[name], is_whole)):
        record = as_record(claims, "")
        record.encode("utf-8")
        assert [(c.text, c.places) for c in claims_of(Turn("", record, ""))] == [(c.text, c.places) for c in claims]
        assert not any(c < " " and c not in "\n\t" for claim in claims for c in claim.text)
    assert time.monotonic() - began < 5


@given(st.text(alphabet=st.one_of(st.sampled_from("[],;0123456789: \n\t.-*#L•market"), st.characters()), max_size=60),
       st.booleans())
def test_no_text_raises_and_places_are_always_real(text: str, is_whole: bool) -> None:
    for claim in read(text, is_whole):
        assert claim.text.strip() and set(claim.places) <= {ONE, TWO, THREE, FOUR}
    for claim in reader([], TimeRange(10, 40))(text, is_whole):
        assert all(10 <= place.start <= place.end <= 40 and place.segment_id == 0 for place in claim.places)


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_transcript_raises(words: str, sentence: str) -> None:
    for claim in reader((Segment(1, 2, words, translation=words, id=5),), None)(f"{sentence} [1]", True):
        assert set(claim.places) <= {Place(1, 2, 5)}


def test_the_presets_are_questions_and_only_one_is_about_the_sound() -> None:
    assert set(PRESETS) == {"describe", "summarise", "key-points", "chapters", "names", "sounds"}
    assert [name for name, (_, _, about_sound) in PRESETS.items() if about_sound] == ["sounds"]
    assert all(title and question.endswith(".") for title, question, _ in PRESETS.values())
