"""The language of the search field: everything means something, nothing is an error."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.hits import snippet
from desktop.search_query import Filter, Matcher, Plan, Term, date_range, expression, fold, read_query


def terms(text: str) -> list[Term]:
    return list(read_query(text).terms)


def marked(query: str, text: str) -> list[str]:
    return [text[begin:end] for begin, end in Matcher(read_query(query).terms).spans(text)]


def test_words_phrases_beginnings_and_negations_are_told_apart() -> None:
    assert terms('bridge "on time" harb* -mayor -"not yet" state-of-the-art') == [
        Term("bridge"), Term("on time", is_one_word=False), Term("harb", is_beginning=True),
        Term("mayor", is_negated=True), Term("not yet", is_negated=True, is_one_word=False), Term("state-of-the-art")]


def test_filters_take_words_and_phrases_in_any_case() -> None:
    assert read_query('Speaker:Ortiz project:"The harbour" -lang:es tag:lead date:2026-03').filters == (
        Filter("speaker", "Ortiz"), Filter("project", "The harbour"), Filter("lang", "es", True),
        Filter("tag", "lead"), Filter("date", "2026-03"))


@pytest.mark.parametrize("text", ["", "   ", "—", "*", '"', '""', "-", "- -", "speaker:", "-tag:", 'project:""', "…!?"])
def test_what_is_no_word_looks_for_nothing(text: str) -> None:
    plan = read_query(text)
    assert plan.is_empty and plan.terms == () and plan.filters == () and plan.notes == ()


def test_an_unknown_field_is_words() -> None:
    assert terms("http://city.example/a?b=c 12:30 foo:bar") == [
        Term("http://city.example/a?b=c"), Term("12:30"), Term("foo:bar")]


def test_quote_marks_of_all_languages_are_quote_marks() -> None:
    for text in ("“on time”", "„on time“", "«on time»", "「on time」", '"on time'):
        assert terms(text) == [Term("on time", is_one_word=False)]


def test_what_cannot_be_meant_as_typed_is_said() -> None:
    assert "three letters" in read_query("ha*").notes[0] and terms("ha*") == [Term("ha")]
    assert "leaves out" in read_query("-mayor").notes[0]
    assert read_query("-mayor").is_empty
    assert "date:soon" in read_query("bridge date:soon").notes[0] and read_query("bridge date:soon").filters == ()
    assert "first 30" in read_query("word " * 50).notes[0] and len(terms("word " * 50)) == 30


def test_dates_are_days_months_years_and_ranges() -> None:
    assert date_range("2026") == ("2026", "2026") and date_range("2026-03-05") == ("2026-03-05", "2026-03-05")
    assert date_range("2026-03..2026-05") == ("2026-03", "2026-05")
    assert date_range("..2025") == ("", "2025") and date_range("2025-..") == ("2025-", "")
    assert [date_range(value) for value in ("", "..", "x", "2026-xx", "20266", "a..b")] == [None] * 6


def test_dense_scripts_are_looked_for_in_pairs() -> None:
    assert expression([Term("海港工作")]) == '" 海港 港工 工作"'
    assert expression([Term("海")]) == '" 海"*'
    assert expression([Term("在NASA工作。")]) == '" 在 NASA 工作"'


def test_marks_stand_on_what_was_found() -> None:
    assert marked("cafe", "Le Café, le CAFÉ; cafeteria") == ["Café", "CAFÉ"]
    assert marked("cafe*", "cafeteria Cafés") == ["cafeteria", "Cafés"]
    assert marked('"on time"', "On, time. On this time") == ["On, time"]
    assert marked("海港 工作", "我在海港NASA工作") == ["海港", "工作"]
    assert marked("nasa", "我在NASA工作") == ["NASA"]
    assert marked("a1 -b", "A1 b 𝄞a1") == ["A1", "a1"]
    assert marked("e\u0301te\u0301", "ÉTÉ e\u0301te\u0301") == ["ÉTÉ", "e\u0301te"]


def test_a_snippet_shows_the_words_around_the_first_hit() -> None:
    text = "word " * 200 + "the bridge " + "after " * 200
    words, spans = snippet(text, [(1004, 1010)])
    assert words.startswith("… word") and words.endswith("after …") and len(words) < 260
    assert [words[b:e] for b, e in spans] == ["bridge"]
    assert snippet("a\nb", []) == ("a b", ())


def test_a_long_hit_is_cut_with_its_mark() -> None:
    words, spans = snippet("x" * 3000, [(0, 3000)])
    assert len(words) < 260 and all(0 <= b < e <= len(words) for b, e in spans)


def understood(text: str) -> None:
    plan = read_query(text)
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE t USING fts5 (text, tokenize = 'unicode61 remove_diacritics 2')")
    connection.execute("INSERT INTO t VALUES (?)", (text.encode("utf-8", "replace").decode(),))
    if sql := expression(plan.terms):
        connection.execute("SELECT count(*) FROM t WHERE t MATCH ?", (sql,)).fetchone()
    connection.close()
    for begin, end in Matcher(plan.terms).spans(text):
        assert 0 <= begin < end <= len(text)


@given(st.text(max_size=80))
def test_any_text_is_a_query_that_the_index_understands(text: str) -> None:
    understood(text)


PIECES = ['"', "*", "-", ":", " ", "speaker:", "date:", "a", "é", "海", "NEAR", "AND", "OR", "NOT", "(", ")", "^", "+",
          "{", "}", "\x00", "'", "“", "2026-", "..", "\ue000"]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_pieces_of_the_language_in_any_order_are_understood(text: str) -> None:
    understood(text)


@given(st.text())
def test_folded_text_knows_its_places(text: str) -> None:
    folded, places = fold(text)
    assert len(folded) == len(places) and list(places) == sorted(places)
    assert all(0 <= place < len(text) for place in places)


def test_an_empty_plan_matches_nothing() -> None:
    assert expression(()) == "" and Plan().is_empty
