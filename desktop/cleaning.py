"""The text border: everything that arrives from files, models and tags passes here before it is kept."""

from __future__ import annotations

import re

LONGEST_TEXT = 20_000  # characters of one segment; an hour of talk in one segment is a broken answer
LONGEST_NAME = 200

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LINE_BREAKS = re.compile("\r\n|\r|\u2028|\u2029|\x85")


def clean_text(text: str, limit: int = LONGEST_TEXT) -> str:
    """Text safe to store: no surrogates, no control characters but newline and tab, at most `limit` long."""
    if len(text) <= limit and text.isprintable():  # nearly every text: none of the others is a printable character
        return text.strip()
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = _LINE_BREAKS.sub("\n", text)
    return _CONTROLS.sub("", text)[:limit].strip()


def clean_pieces(text: str) -> list[str]:
    """Text of any length as clean texts that can be stored, parted at blanks where there are some."""
    whole = clean_text(text, len(text))
    if len(whole) <= LONGEST_TEXT:
        return [whole] if whole else []
    pieces = re.findall(rf".{{1,{LONGEST_TEXT}}}(?:\s|\Z)|.{{{LONGEST_TEXT}}}", whole, re.DOTALL)
    return [piece.strip() for piece in pieces if piece.strip()]


def clean_name(text: str) -> str:
    """A name or title: one line, without characters that turn the reading direction."""
    return " ".join(_BIDI.sub("", clean_text(text, LONGEST_NAME)).split())
