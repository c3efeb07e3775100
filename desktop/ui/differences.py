"""Two texts with the words that differ in brackets that no speech has."""

from __future__ import annotations

import difflib


def bracketed(before: str, after: str, *, casefold: bool = False) -> tuple[str, str]:
    """Both texts; what the other one has not stands in ⟨ ⟩."""
    old, new = before.split(), after.split()
    left: list[str] = []
    right: list[str] = []
    plain = [[w.casefold() if casefold else w for w in words] for words in (old, new)]
    for kind, a, b, c, d in difflib.SequenceMatcher(None, plain[0], plain[1], autojunk=False).get_opcodes():
        for words, result in ((old[a:b], left), (new[c:d], right)):
            if words:
                result.append(" ".join(words) if kind == "equal" else f"⟨{' '.join(words)}⟩")
    return " ".join(left) or "–", " ".join(right) or "–"
