"""Places in a text: Qt counts UTF-16 units, everything else characters; an emoji is two of the former."""

from __future__ import annotations

from desktop.cleaning import clean_text


def units(text: str, place: int) -> int:
    """Where Qt has the place before a character."""
    return len(text[:max(0, place)].encode("utf-16-le", "surrogatepass")) // 2


def characters(text: str, place: int) -> int:
    """The character before which a place of Qt's is."""
    if text.isascii():
        return min(place, len(text))
    return len(text.encode("utf-16-le", "surrogatepass")[:2 * place].decode("utf-16-le", "ignore"))


def kept_place(text: str, place: int) -> int:
    """A place in what is typed, as a place in the text that is kept of it (without blanks at its ends, say)."""
    return min(len(clean_text(text[:place] + "|")) - 1, len(clean_text(text)))
