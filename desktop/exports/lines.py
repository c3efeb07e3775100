"""Text from a recording as one line of a file: it breaks no line, and turns no line but its own."""

from __future__ import annotations

_CLOSES = dict.fromkeys("\u202a\u202b\u202d\u202e", "\u202c") | dict.fromkeys("\u2066\u2067\u2068", "\u2069")


def one_line(text: str) -> str:
    """On one line; what turns the reading direction and is left open is closed at its end."""
    open_: list[str] = []
    for character in text:
        if character in _CLOSES:
            open_.append(_CLOSES[character])
        elif character == "\u2069" and character in open_:  # ends what was opened inside it, too
            while open_.pop() != character:
                pass
        elif open_ and character == open_[-1]:
            open_.pop()
    return " ".join(text.split()) + "".join(reversed(open_))
