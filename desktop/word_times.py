"""Words keep their own times through every edit: a changed text is mapped onto the words that were heard.

A word that is still there keeps its times to the last bit. A word in the place of another takes over its times; one
that nobody heard is put between its neighbours, inside the line. Nothing is ever interpolated twice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

from desktop.model import Word

_PER_CHARACTER = 0.07  # seconds; how long an added word is taken to last where there is room for more
# Scripts without spaces between words: a character stands for itself.
_DENSE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"[{_DENSE}]|[^\s{_DENSE}]+")
_IS_DENSE = re.compile(rf"[{_DENSE}]")
_NO_LETTER = re.compile(r"\W")
_MANY_PAIRS = 100_000  # of equal words; comparing by the longest stretch takes minutes for a word said 4,000 times


class _Token(NamedTuple):
    text: str
    begin: int
    end: int

    @property
    def plain(self) -> str:
        """What makes it the same word: without case and punctuation."""
        return _plain(self.text)

    @property
    def is_spoken(self) -> bool:
        return any(c.isalnum() for c in self.text)


@dataclass
class _Unit:
    """A word of the new text; `heard` is the number of the old word that it is."""

    text: str
    heard: int = -1


@lru_cache(4096)
def _plain(text: str) -> str:
    return _NO_LETTER.sub("", text.casefold()) or text


def is_dense(character: str) -> bool:
    """Whether it belongs to a script that has no spaces between words."""
    return _IS_DENSE.fullmatch(character) is not None


def fit(words: Sequence[Word], text: str, start: float, end: float) -> tuple[Word, ...]:
    """The words of `text`, which was made from `words` by editing. Nothing is invented where no word had a time.

    `start` and `end` are those of the line, in seconds.
    """
    if not words:
        return ()
    units = _units(words, text)
    result: list[Word] = []
    fresh: list[str] = []
    last = -1  # the last old word that is still there
    for unit in [*units, _Unit("", len(words))]:
        if unit.heard < 0:
            fresh.append(unit.text)
            continue
        result += _placed(fresh, words[last + 1:unit.heard], words[last] if last >= 0 else None,
                          words[unit.heard] if unit.heard < len(words) else None, start, end)
        fresh.clear()
        if unit.heard < len(words):
            old = words[unit.heard]
            result.append(old if old.text == unit.text else Word(unit.text, old.start, old.end))
        last = unit.heard
    return tuple(result)


def _units(words: Sequence[Word], text: str) -> list[_Unit]:
    """The new text as words, each with the old word that it is, if it is one."""
    old = [(token.plain, number) for number, word in enumerate(words) for token in _tokens(word.text)]
    new = _tokens(text)
    partner = _partners([plain for plain, _ in old], [token.plain for token in new])
    sizes: dict[int, int] = {}
    for _, number in old:
        sizes[number] = sizes.get(number, 0) + 1
    units: list[_Unit] = []
    at = 0
    while at < len(new):
        number = old[partner[at]][1] if at in partner else -1
        size = sizes.get(number, 1)
        if number >= 0 and _is_whole(partner, old, at, size):
            units.append(_Unit(text[new[at].begin:new[at + size - 1].end], number))
            at += size
            continue
        if new[at].is_spoken:
            _add_fresh(units, new, at)
        at += 1
    return units


def _is_whole(partner: dict[int, int], old: list[tuple[str, int]], at: int, size: int) -> bool:
    """Whether all tokens of an old word stand here in a row."""
    first = partner[at]
    begins = first == 0 or old[first - 1][1] != old[first][1]
    return begins and all(partner.get(at + n) == first + n for n in range(size))


def _add_fresh(units: list[_Unit], new: list[_Token], at: int) -> None:
    """A word that was not heard; characters of a script without spaces that touch are one."""
    token = new[at]
    joins = units and units[-1].heard < 0 and at and new[at - 1].end == token.begin \
        and is_dense(token.text) and is_dense(new[at - 1].text)
    if joins:
        units[-1].text += token.text
    else:
        units.append(_Unit(token.text))


def _tokens(text: str) -> list[_Token]:
    return [_Token(match.group(), *match.span()) for match in _TOKEN.finditer(text)]


def _partners(old: list[str], new: list[str]) -> dict[int, int]:
    """Number of a new token to the number of the old one that it is; what is equal at both ends comes first."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    partner = {n: n for n in range(head)}
    partner |= {len(new) - 1 - n: len(old) - 1 - n for n in range(tail)}
    for a, b, size in _shared(old[head:len(old) - tail], new[head:len(new) - tail]):
        partner |= {head + b + n: head + a + n for n in range(size)}
    return partner


def _shared(old: list[str], new: list[str]) -> Iterable[tuple[int, int, int]]:
    """What both have in the same order: (number in the old, number in the new, how many)."""
    counts = Counter(old)
    if sum(counts[plain] for plain in new) > _MANY_PAIRS:
        from rapidfuzz.distance import Levenshtein  # seldom needed, and loaded before the first paint otherwise

        return [(o.src_start, o.dest_start, o.src_end - o.src_start)
                for o in Levenshtein.opcodes(old, new) if o.tag == "equal"]
    return SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()


def _placed(texts: Sequence[str], gone: Sequence[Word], before: Word | None, after: Word | None, start: float,
            end: float) -> list[Word]:
    """Times for words that were not heard: those of the words that they replace, else a place between neighbours."""
    if not texts:
        return []
    if len(texts) == len(gone):
        return [Word(text, old.start, old.end) for text, old in zip(texts, gone, strict=True)]
    if gone:
        return _spread(texts, gone[0].start, max(gone[0].start, gone[-1].end))
    low = before.end if before else min(start, after.start if after else start)
    high = after.start if after else max(end, low)
    low = min(max(low, min(start, high)), high)
    if before is None and after is not None:
        return _spread(texts, max(low, high - _lasting(texts)), high)
    return _spread(texts, low, min(high, low + _lasting(texts)))


def _lasting(texts: Sequence[str]) -> float:
    return _PER_CHARACTER * sum(map(len, texts))


def _spread(texts: Sequence[str], low: float, high: float) -> list[Word]:
    """Over a stretch, by their lengths."""
    total = sum(map(len, texts))
    places = [low]
    for text in texts:
        places.append(places[-1] + (high - low) * len(text) / total)
    places[-1] = high
    return [Word(text, places[n], max(places[n], places[n + 1])) for n, text in enumerate(texts)]
