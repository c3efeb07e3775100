"""Light cleaning: sounds and stumbles go; no word that means something ever does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.light_cleaning import _FILLERS, _STAYS, changes, clean, removed

CLEANED = [
    ("en", "Um, so I I think, uh, that we we did not, um, know.", "So I think, that we did not, know."),
    ("en", "I, uh, I think.", "I think."), ("en", "The, the boat left.", "The boat left."),
    ("en", "And, erm, th- the boat, uh.", "And the boat."), ("en-GB", "Yes. Um, we went.", "Yes. We went."),
    ("en", "I went... uh... there", "I went... there"), ("en", "I, um, went.", "I went."),
    ("de", "Äh, ich ich weiß nicht, ähm, genau.", "Ich weiß nicht, genau."),
    ("es", "Yo, eh, yo no sé.", "Yo no sé."), ("fr", "Euh, je je ne sais pas.", "Je ne sais pas."),
    ("it", "Ehm, non lo so.", "Non lo so."), ("pt", "Eh, um dia o o barco saiu.", "Um dia o barco saiu."),
    ("nl", "Euh, ik ik weet het niet.", "Ik weet het niet."), ("sv", "Öh, jag jag vet inte.", "Jag vet inte."),
    ("", "Uh, I I saw it.", "I saw it."),
]
KEPT = [
    ("en", "It was like, so, well, you know, I mean."), ("en", "No, no, no. Never, never."),
    ("en", "A very very old man."),
    ("en", "I know that that is true; he had had it."), ("en", "Uh huh."), ("en", "Uh oh, uh-huh, mm-hmm."),
    ("en", "Um."), ("en", "Um Qasr was shelled, and so was Er Rachidia."), ("en", "It is 10 um wide."),
    ("en", "Call the ER, um?"), ("en", "four- fourteen people, no- not two"), ("en", "I like it, it works."),
    ("en", "what he listened to to relax"), ("en", "neither did he, he left"), ("en", "He said, \"Um, I know.\""),
    ("en", "Ann- Annabel came."), ("de", "Es geht um um acht Uhr, er er sagte eh nichts.".replace("er er", "dass er")),
    ("de", "Das war ich, ich habe, die die das sagten."), ("pt", "um um dois"), ("es", "¿Eh? ¿Qué?"),
    ("fr", "nous nous sommes, vous vous êtes"), ("nl", "er is er een"), ("", "um eh er"), ("ja", "えーと、橋は。"),
    ("", ""),
]


@pytest.mark.parametrize(("language", "text", "cleaned"), CLEANED)
def test_sounds_and_stumbles_go(language: str, text: str, cleaned: str) -> None:
    assert clean(text, language) == cleaned
    assert clean(cleaned, language) == cleaned


@pytest.mark.parametrize(("language", "text"), KEPT)
def test_what_means_something_stays(language: str, text: str) -> None:
    assert clean(text, language) == text and removed(text, language) == []
    assert "".join(words for _, words in changes(text, text)) == " ".join(text.split())


def test_the_changes_tell_both_texts() -> None:
    for language, text, cleaned in CLEANED:
        steps = changes(text, clean(text, language))
        assert " ".join(words for kind, words in steps if kind != "new") == text
        assert " ".join(words for kind, words in steps if kind != "gone") == cleaned
    assert changes("Yes, um, we went", "Yes, we went") == [("same", "Yes,"), ("gone", "um,"), ("same", "we went")]


def test_removed_says_where() -> None:
    text = "Yes, um, we we went"
    assert [text[begin:end] for begin, end in removed(text, "en")] == ["um,", "we"]


def words_of(text: str) -> list[str]:
    return [word for token in text.split() if (word := re.sub(r"^\W+|\W+$", "", token).casefold())]


PIECES = [*sorted({f for fillers in _FILLERS.values() for f in fillers}), *sorted(_STAYS)[::3], "I", "the", "The", "we",
          "and", "ich", "je", "yo", "boat", "like", "so", "well", "Um", "Qasr", "th-", "no-", "four-",
          "fourteen", "not", "no", "12", "3.5", "huh", "uh-huh", "very", "Anna", "An-", "--", "…", "€5"]
ENDS = ["", ",", ".", "?", "!", "...", "…", " –", ";", "\n", "\"", "-"]


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(ENDS)), max_size=14),
       st.sampled_from([*_FILLERS, "en-US", "xx"]))
def test_no_word_is_made_up_moved_or_lost_that_means_something(pieces: list[tuple[str, str]], language: str) -> None:
    text = " ".join(piece + end for piece, end in pieces)
    cleaned = clean(text, language)
    before, after = words_of(text), words_of(cleaned)
    rest = iter(before)
    assert all(word in rest for word in after)  # a subsequence
    protected = _STAYS - set(_FILLERS.get(language.split("-")[0], _FILLERS[""]))
    kept, left = ([word for word in words if word in protected or any(c.isdigit() for c in word)]
                  for words in (before, after))
    assert kept == left
    assert {"boat", "like", "so", "well", "very", "qasr", "anna"} & set(before) == \
        {"boat", "like", "so", "well", "very", "qasr", "anna"} & set(after)
    assert bool(after) == bool(before)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.sampled_from([*_FILLERS]))
def test_any_text_can_be_cleaned_and_shown(text: str, language: str) -> None:
    cleaned = clean(text, language)
    steps = changes(text, cleaned)
    assert " ".join(words for kind, words in steps if kind != "gone").split() == cleaned.split()
    assert len(cleaned) <= len(text) + 3
