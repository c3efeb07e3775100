"""Texts that are clean already take a shorter way, which must lead to the same place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from desktop import cleaning
from desktop.cleaning import clean_text


def cleaned_the_long_way(text: str, limit: int) -> str:
    text = cleaning._LINE_BREAKS.sub("\n", text.encode("utf-8", "replace").decode("utf-8"))
    return cleaning._CONTROLS.sub("", text)[:limit].strip()


@given(st.text(), st.integers(0, 20))
def test_the_short_way_leads_to_the_same_text(text: str, limit: int) -> None:
    assert clean_text(text, limit) == cleaned_the_long_way(text, limit)


def test_each_printable_character_stays_as_it_is() -> None:
    everything = "".join(map(chr, range(0x110000)))
    printable = "".join(c for c in everything if c.isprintable())
    assert cleaned_the_long_way(printable, len(printable)) == printable.strip()
