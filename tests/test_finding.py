"""Find and replace: what is found is what was meant, and nothing takes for ever."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.errors import Cancelled, UserError
from desktop.finding import Finder, Search, find, replacements
from desktop.model import Progress, Segment


def lines(*texts: str) -> list[Segment]:
    return [Segment(n, n + 1, text, id=n + 1) for n, text in enumerate(texts)]


def found(search: Search, *texts: str) -> list[tuple[int, str]]:
    return [(hit.row, texts[hit.row][hit.begin:hit.end]) for hit in find(lines(*texts), search)]


def test_plain_text_is_found_whatever_its_case() -> None:
    assert found(Search("not"), "Not now, nothing.", "A knot.") == [(0, "Not"), (0, "not"), (1, "not")]


def test_case_and_whole_words_are_honoured() -> None:
    assert found(Search("not", match_case=True), "Not now, nothing.") == [(0, "not")]
    assert found(Search("not", whole_words=True), "Not now, nothing. A knot. not_yet") == [(0, "Not")]


def test_signs_of_expressions_are_plain_in_a_plain_search() -> None:
    assert found(Search("1.5 (a|b)*"), "1.5 (a|b)* and 1x5 aab") == [(0, "1.5 (a|b)*")]
    assert Finder(Search("a.c")).replaced("a.c abc", r"\1 $0") == r"\1 $0 abc"


def test_expressions_find_and_replace_with_groups() -> None:
    search = Search(r"(\w+) (\w+)", is_expression=True)
    assert Finder(search).replaced("Ortiz Maria said", r"\2 \1") == "Maria Ortiz said"


@pytest.mark.parametrize("text", ["(", "[a", "*", "(?P<", "a{99999999999}"])
def test_a_bad_expression_is_named_as_one(text: str) -> None:
    with pytest.raises(UserError, match="regular expression"):
        Finder(Search(text, is_expression=True))


@pytest.mark.parametrize("by", [r"\2", r"\g<name>", "\\"])
def test_a_bad_replacement_is_named_as_one(by: str) -> None:
    with pytest.raises(UserError, match="makes no sense"):
        Finder(Search("(a)", is_expression=True)).replaced("a", by)


def test_an_expression_that_goes_on_for_ever_is_stopped() -> None:
    finder = Finder(Search(r"((a+)+)+\d", is_expression=True))
    with pytest.raises(UserError, match="too long"):
        finder.spans("a" * 5000 + "!")


def test_what_is_empty_is_no_hit() -> None:
    assert found(Search("x*", is_expression=True), "abc xx") == [(0, "xx")]
    assert find(lines("abc"), Search("")) == [] and replacements(lines("abc"), Search(""), "x") == []


def test_a_search_can_be_stopped() -> None:
    def stop(_: Progress) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        find(lines("a"), Search("a"), stop)
    with pytest.raises(Cancelled):
        replacements(lines("a"), Search("a"), "b", stop)


def test_only_the_chosen_place_is_replaced() -> None:
    assert Finder(Search("no")).replaced("no no no", "yes", [(3, 5)]) == "no yes no"


def test_replacements_say_before_and_after_and_skip_what_stays() -> None:
    assert [(r.row, r.before, r.after) for r in replacements(lines("Ortis", "none", "Ortis, Ortis"), Search("ortis"),
                                                             "Ortiz")] == [(0, "Ortis", "Ortiz"),
                                                                           (2, "Ortis, Ortis", "Ortiz, Ortiz")]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40), st.text(min_size=1, max_size=5), st.text(max_size=5))
def test_any_plain_text_can_be_looked_for(text: str, wanted: str, by: str) -> None:
    finder = Finder(Search(wanted, match_case=True))
    assert all(begin < end for begin, end in finder.spans(text))
    finder.replaced(text, by)
