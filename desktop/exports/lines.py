"""Text from a recording as one line of a file: it breaks no line, and turns no line but its own."""

from __future__ import annotations

import re
import unicodedata

from desktop.cleaning import clean_text

_CLOSES = dict.fromkeys("\u202a\u202b\u202d\u202e", "\u202c") | dict.fromkeys("\u2066\u2067\u2068", "\u2069")
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


def one_line(text: str) -> str:
    """On one line; what turns the reading direction and is left open is closed at its end."""
    text = " ".join(clean_text(text, len(text)).split())
    return text + _closing(text) if _TURNS.search(text) else text


def _closing(text: str) -> str:
    open_: list[str] = []
    for character in text:
        if character in _CLOSES:
            open_.append(_CLOSES[character])
        elif character == "\u2069" and character in open_:  # ends what was opened inside it, too
            while open_.pop() != character:
                pass
        elif open_ and character == open_[-1]:
            open_.pop()
    return "".join(reversed(open_))


def for_xml(text: str) -> str:
    """One line with only what XML can hold."""
    return _NOT_XML.sub("", one_line(text))


def is_rtl(text: str) -> bool:
    """Whether a paragraph of this text runs from right to left: its first letter decides."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("L", "R", "AL"):
            return kind != "L"
    return False


def isolated(text: str) -> str:
    """Text that cannot turn what stands beside it on the line; only where it holds letters that would."""
    turns = any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in text) if not text.isascii() else False
    return f"\u2068{text}\u2069" if turns else text


def language_tag(language: str) -> str:
    """A language as files name it, e.g. "pt-BR"; "" when it is not such a name."""
    return language if _LANGUAGE.fullmatch(language) else ""
