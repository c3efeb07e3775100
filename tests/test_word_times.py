"""Edited text keeps the times of its words: what was heard stays where it was heard, to the last bit."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.model import Word
from desktop.word_times import fit

LINE = [Word("We", 1.0, 1.2), Word("did", 1.2, 1.5), Word("not", 1.6, 1.9), Word("pay", 2.0, 2.4),
        Word("Ortis", 2.5, 3.0), Word("on", 3.5, 3.6), Word("time.", 3.7, 4.2)]


def fitted(text: str, words: list[Word] = LINE) -> tuple[Word, ...]:
    return fit(words, text, 1.0, 4.5)


def test_the_same_text_keeps_the_same_words() -> None:
    assert all(a is b for a, b in zip(fitted("We did not pay Ortis on time."), LINE, strict=True))


def test_a_corrected_word_takes_over_the_times_of_the_wrong_one() -> None:
    assert fitted("We did not pay Ortiz on time.")[4] == Word("Ortiz", 2.5, 3.0)


def test_case_and_punctuation_change_no_time() -> None:
    assert [(w.text, w.start, w.end) for w in fitted("we did not pay, Ortis: on time")] == [
        ("we", 1.0, 1.2), ("did", 1.2, 1.5), ("not", 1.6, 1.9), ("pay,", 2.0, 2.4), ("Ortis:", 2.5, 3.0),
        ("on", 3.5, 3.6), ("time", 3.7, 4.2)]


def test_an_added_word_is_put_between_its_neighbours() -> None:
    words = fitted("We did not pay Ortis ever on time.")
    assert words[5].text == "ever" and 3.0 <= words[5].start < words[5].end <= 3.5
    assert words[:5] == tuple(LINE[:5]) and words[6:] == tuple(LINE[5:])


def test_an_added_word_where_there_is_no_room_takes_none() -> None:
    assert fitted("We really did not pay Ortis on time.")[1] == Word("really", 1.2, 1.2)


def test_two_words_for_one_share_its_time() -> None:
    assert [(w.text, w.start, w.end) for w in fitted("We did not pay Or tis on time.")[4:6]] == [
        ("Or", 2.5, 2.7), ("tis", 2.7, 3.0)]


def test_a_removed_word_takes_its_time_with_it() -> None:
    assert fitted("We did pay Ortis on time.") == tuple(w for w in LINE if w.text != "not")


def test_added_words_at_both_ends_stay_inside_the_line() -> None:
    words = fitted("Well, We did not pay Ortis on time. Not once.")
    assert words[0].text == "Well," and 1.0 <= words[0].start <= words[0].end <= 1.0
    assert [w.text for w in words[-2:]] == ["Not", "once."] and words[-2].start >= 4.2 and words[-1].end <= 4.5


def test_nothing_is_invented_where_no_word_had_a_time() -> None:
    assert fit([], "All new.", 1.0, 2.0) == ()


def test_dashes_are_no_words() -> None:
    assert [w.text for w in fitted("We did – not pay Ortis on time.")] == [w.text for w in LINE]


def test_scripts_without_spaces_keep_their_words() -> None:
    words = [Word("今天", 0.0, 0.5), Word("天气", 0.6, 1.0), Word("很", 1.0, 1.2), Word("好", 1.3, 1.6)]
    assert fit(words, "今天天气不好", 0.0, 2.0) == (words[0], words[1], Word("不", 1.0, 1.2), words[3])
    longer = fit(words, "今天我们天气很好", 0.0, 2.0)
    assert [w.text for w in longer] == ["今天", "我们", "天气", "很", "好"]
    assert 0.5 <= longer[1].start <= longer[1].end <= 0.6


@pytest.mark.parametrize("seed", range(4))
def test_a_thousand_edits_move_no_word_that_nobody_touched(seed: int) -> None:
    """Every word is unlike the others, so that it is known which one stayed."""
    chance = random.Random(seed)
    fresh = (f"w{n}x" for n in range(10_000))
    words = tuple(Word(next(fresh), n * 0.37, n * 0.37 + 0.31) for n in range(40))
    start, end = 0.0, 40 * 0.37
    heard = {w.text: (w.start, w.end) for w in words[::3]}  # these are never touched
    for _ in range(1000):
        texts = [w.text for w in words]
        at = chance.randrange(len(texts))
        touched = chance.choice(["add", "remove", "replace", "case"])
        if touched == "add" and len(texts) < 60:
            texts.insert(at, next(fresh))
        elif texts[at] in heard:
            continue
        elif touched == "remove":
            del texts[at]
        elif touched == "replace":
            texts[at] = next(fresh)
        elif touched == "case":
            texts[at] = f"{texts[at].capitalize()},"
        before = {w.text.strip(",").lower(): w for w in words}
        words = fit(words, " ".join(texts), start, end)
        assert [w.text for w in words] == texts
        for word in words:
            old = before.get(word.text.strip(",").lower())
            if old is not None:
                assert (word.start, word.end) == (old.start, old.end)
            assert start <= word.start <= word.end <= end
    assert {w.text: (w.start, w.end) for w in words if w.text in heard} == heard


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["no", "yes", "we", "I", "the", "不", "好", ".", "—", "don't"]), max_size=12),
       st.lists(st.sampled_from(["no", "yes", "we", "I", "the", "不", "好", ".", "—", "don't", "paid"]), max_size=12))
def test_any_edit_gives_words_inside_the_line_in_the_order_of_the_text(old: list[str], new: list[str]) -> None:
    words = tuple(Word(text, n * 0.5, n * 0.5 + 0.4) for n, text in enumerate(t for t in old if t[0].isalnum()))
    text = " ".join(new)
    result = fit(words, text, 0.0, 6.0)
    at = 0
    for word in result:
        at = text.index(word.text, at) + len(word.text)
        assert 0.0 <= word.start <= word.end <= 6.0
    assert all(a.start <= b.start for a, b in pairwise(result))
    if words:
        assert "".join(w.text for w in result if w.text not in ".—").replace(" ", "") \
            == "".join(t for t in new if t not in ".—")
