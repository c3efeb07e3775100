"""A second text of the same sound, without times, laid over timed words: names as they are spelled, or smooth text."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from desktop.model import Word

Spoken = tuple[Word, str]  # a word and the label of its speaker
_MOST_REPLACED = 4  # words; a longer difference is another sentence and no other spelling


def with_terms(timed: Sequence[Spoken], text: str, terms: Sequence[str]) -> list[Spoken]:
    """Take over from `text` only words of `terms`, in the place of words that stand there."""
    known = {word for term in terms for word in _normal(term.split())}
    new = text.split()
    result: list[Spoken] = []
    for kind, a, b, c, d in _opcodes(timed, new):
        is_term = any(word in known for word in _normal(new[c:d]))
        if kind == "replace" and is_term and _is_spelling([word.text for word, _ in timed[a:b]], new[c:d]):
            result += _spread(timed[a:b], new[c:d])
        else:
            result += timed[a:b]
    return result


def smooth(timed: Sequence[Spoken], text: str) -> list[Spoken]:
    """All of `text`; words that were not said so get their times from those around them."""
    new = text.split()
    result: list[Spoken] = []
    for kind, a, b, c, d in _opcodes(timed, new):
        if kind == "equal":
            result += [(Word(text, word.start, word.end), speaker) for (word, speaker), text in
                       zip(timed[a:b], new[c:d], strict=True)]
        elif kind == "replace":
            result += _spread(timed[a:b], new[c:d])
        elif kind == "insert" and timed:
            word, speaker = timed[max(0, a - 1)]
            result += [(Word(text, word.end, word.end), speaker) for text in new[c:d]]
    return result


def _spread(timed: Sequence[Spoken], texts: Sequence[str]) -> list[Spoken]:
    """`texts` over the time of some words, one to one when there are as many, else in equal shares."""
    if len(timed) == len(texts):
        return [(Word(text, word.start, word.end), speaker) for (word, speaker), text in
                zip(timed, texts, strict=True)]
    start, end = timed[0][0].start, max(word.end for word, _ in timed)
    step = (end - start) / len(texts)
    return [(Word(text, start + n * step, start + (n + 1) * step), timed[min(n, len(timed) - 1)][1])
            for n, text in enumerate(texts)]


def _is_spelling(old: Sequence[str], new: Sequence[str]) -> bool:
    """A few words for as many others, or for some that are written much alike: nothing that was said gets lost."""
    alike = difflib.SequenceMatcher(None, "".join(_normal(old)), "".join(_normal(new)), autojunk=False).ratio()
    return max(len(old), len(new)) <= _MOST_REPLACED and (len(old) == len(new) or alike > 0.6)


def _opcodes(timed: Sequence[Spoken], new: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
    """What differs, to the letter where spelling is the question: "Müller" is no "Muller"."""
    old = [word.text.strip(".,;:!?\"'»«„“”") for word, _ in timed]
    matcher = difflib.SequenceMatcher(None, old, [word.strip(".,;:!?\"'»«„“”") for word in new], autojunk=False)
    return [(kind, a, b, c, d) for kind, a, b, c, d in matcher.get_opcodes()]


def _normal(words: Sequence[str]) -> list[str]:
    return [re.sub(r"[^\w]", "", word.casefold()) for word in words]
