"""The language of the search field: any text becomes a plan, and no text is an error."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice, product

from desktop.cleaning import clean_text
from desktop.migrations import DENSE
from desktop.sentences import QT_TRANSLATE_NOOP, Sentence, say

FIELDS = ("speaker", "project", "date", "tag", "lang")
_LONGEST, _MOST_TERMS, _SHORTEST_BEGINNING = 1000, 30, 3
_MOST_SPELLINGS = 100  # of a word, and of a phrase

HELP = QT_TRANSLATE_NOOP("core", (
    "All words must be in one line. \"words in a row\"  begin*  -without  speaker:Ortiz  project:Harbour  "
    "date:2026-03 or date:2026-03..2026-05  tag:housing  lang:es. Accents and capitals make no difference."))
_SHORT = QT_TRANSLATE_NOOP("core", "{word}* is looked for as a whole word: a beginning needs three letters.")
_ONLY_NOT = QT_TRANSLATE_NOOP("core", "What begins with - only leaves out. Add a word to look for.")
_NO_DATE = QT_TRANSLATE_NOOP("core", "date:{value} was left aside. Write date:2026, date:2026-03, date:2026-03-05 or "
                             "date:2026-03..2026-05.")
_TOO_MANY = QT_TRANSLATE_NOOP("core", "Only the first {count} words are looked for.")


@dataclass(frozen=True)
class Term:
    """Words in a row; the last one may be a beginning."""

    text: str
    is_beginning: bool = False
    is_negated: bool = False
    is_one_word: bool = True  # typed without quote marks


@dataclass(frozen=True)
class Filter:
    """A condition on where or by whom."""

    name: str  # one of FIELDS
    value: str
    is_negated: bool = False


@dataclass(frozen=True)
class Plan:
    """What is looked for; `notes` tell what of it could not be meant as it was typed."""

    terms: tuple[Term, ...] = ()
    filters: tuple[Filter, ...] = ()
    notes: tuple[Sentence, ...] = ()

    @property
    def wanted(self) -> tuple[Term, ...]:
        """The terms that must be there."""
        return tuple(term for term in self.terms if not term.is_negated)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is looked for."""
        return not self.wanted and not any(not f.is_negated for f in self.filters)

    def values(self, name: str, is_negated: bool = False) -> list[str]:
        """What the filters of this name say."""
        return [f.value for f in self.filters if f.name == name and f.is_negated is is_negated]


_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»「」『』＂", '"') | {"＊": "*", "：": ":", "\u3000": " "})
_PIECE = re.compile(rf"""(-?)(?:({"|".join(FIELDS)}):)?(?:"([^"]*)"?(\*?)|([^\s"]+))""", re.IGNORECASE)
_UNFINISHED = frozenset(f"{name}:" for name in FIELDS)
_PRIVATE = re.compile("[\ue000-\uf8ff]")  # with these the index says in which transcript a line is
_PIECE_OF_DATE = re.compile(r"\d{1,4}(?:-\d{0,2}(?:-\d{0,2})?)?")
_RUN = re.compile(f"[{DENSE}]+")
_LAST_RUN = re.compile(f"[{DENSE}]+$")
_DENSE = re.compile(f"[{DENSE}]")
_PARTS = re.compile(rf"[{DENSE}]+|(?:(?![{DENSE}])[^\W_])+")
_LETTERS = re.compile(r"([^\W_]+)")
# Accents that the index keeps: it folds those of Latin letters only. Of each, what is written in our time.
_ACCENTED = {"α": "ά", "ε": "έ", "η": "ή", "ι": "ίϊΐ", "ο": "ό", "υ": "ύϋΰ", "ω": "ώ",
             "е": "ё", "и": "й", "і": "ї", "у": "ў", "г": "ѓ", "к": "ќ"}


def read_query(text: str) -> Plan:
    """What somebody typed, as a plan. Raises nothing, whatever it is."""
    text = unicodedata.normalize("NFC", clean_text(text, _LONGEST).translate(_QUOTES))
    reading = _Reading()
    for match in _PIECE.finditer(_PRIVATE.sub(" ", text)):
        minus, name, phrase, star, word = match.groups()
        reading.take(bool(minus), (name or "").lower(), phrase if word is None else word.rstrip("*"),
                     bool(star) or (word or "").endswith("*"), word is not None)
    if len(reading.terms) > _MOST_TERMS:
        reading.notes.append(say(_TOO_MANY, count=_MOST_TERMS))
    plan = Plan(tuple(reading.terms[:_MOST_TERMS]), tuple(reading.filters[:_MOST_TERMS]), tuple(reading.notes))
    if plan.is_empty and (plan.terms or plan.filters):
        return Plan(plan.terms, plan.filters, (*plan.notes, say(_ONLY_NOT)))
    return plan


@dataclass
class _Reading:
    terms: list[Term] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    notes: list[Sentence] = field(default_factory=list)

    def take(self, is_negated: bool, name: str, value: str, is_beginning: bool, is_one_word: bool) -> None:
        """One piece of what was typed."""
        value = value.strip()
        if name == "date" and value and date_range(value) is None:
            self.notes.append(say(_NO_DATE, value=value[:40]))
        elif name:
            if any(map(str.isalnum, value)):
                self.filters.append(Filter(name, value, is_negated))
        elif any(map(str.isalnum, value)) and value.lower() not in _UNFINISHED:
            last = re.split(r"[\W_]+", value.rstrip())[-1]
            if is_beginning and len(last) < _SHORTEST_BEGINNING and not _DENSE.search(last):
                self.notes.append(say(_SHORT, word=last[:40]))
                is_beginning = False
            self.terms.append(Term(value, is_beginning, is_negated, is_one_word))


def date_range(value: str) -> tuple[str, str] | None:
    """First and last day, or beginnings of them, of 2026, 2026-03, 2026-03-05, a..b, a.. or ..b; "" is no limit."""
    first, dots, last = value.partition("..")
    if not (first or last) or not all(_PIECE_OF_DATE.fullmatch(end) for end in (first, last) if end):
        return None
    return (first, last) if dots else (first, first)


# -- for the index ----------------------------------------------------------------------------------------------


Known = Callable[[Iterable[str]], Sequence[str]]  # those of some phrases that are anywhere


def expression(terms: Iterable[Term], known: Known = list) -> str:
    """SQLite's full-text language for the terms; "" when nothing must be there. Everything typed stands in quotes."""
    terms = list(terms)
    wanted = " AND ".join(_phrases(term, known) for term in terms if not term.is_negated)
    unwanted = " OR ".join(_phrases(term, known) for term in terms if term.is_negated)
    return f"({wanted}) NOT ({unwanted})" if wanted and unwanted else wanted


def beginning_of_name(value: str, known: Known = list) -> str:
    """An expression for names of which a part begins so."""
    return _phrases(Term(value.rstrip("*"), is_beginning=True), known)


def _phrases(term: Term, known: Known) -> str:
    """The term in all its spellings: with and without accents, where the index tells them apart."""
    if term.text.isascii():
        return _phrase(term)
    pieces = _LETTERS.split(unicodedata.normalize("NFC", term.text))
    last = len(pieces) - 2 if term.is_beginning else -1
    spelled: list[Sequence[str]] = []
    for number, piece in enumerate(pieces):
        found = list(islice(_spellings(piece), _MOST_SPELLINGS)) if number % 2 else [piece]
        if len(found) > 1:
            phrases = {_phrase(Term(word, number == last)): word for word in found}
            found = [phrases[phrase] for phrase in known(phrases)] or found[:1]
        spelled.append(found)
    every = dict.fromkeys(_phrase(Term("".join(words), term.is_beginning))
                          for words in islice(product(*spelled), _MOST_SPELLINGS))
    return next(iter(every)) if len(every) == 1 else f"({' OR '.join(every)})"


def _spellings(word: str) -> Iterator[str]:
    """As it is, and without accents that the index keeps; then with one or two, the likeliest first."""
    yield word
    plain = fold(word)[0]
    places = [place for place, letter in enumerate(plain) if letter in _ACCENTED]
    if places and plain != word:
        yield plain
    for count in (1, 2):
        for chosen in combinations(places, count):
            for letters in product(*(_ACCENTED[plain[place]] for place in chosen)):
                accented = dict(zip(chosen, letters, strict=True))
                yield "".join(accented.get(place, letter) for place, letter in enumerate(plain))


def _phrase(term: Term) -> str:
    text = _blank(term.text).strip()
    last = _LAST_RUN.search(text)
    if last is None:
        return f'"{_RUN.sub(_with_last, text)}"' + ("*" if term.is_beginning else "")
    text, run = _RUN.sub(_with_last, text[:last.start()]), last[0]
    if len(run) == 1:
        return f'"{text} {run}"*'  # alone or with whatever follows
    return f'"{text} {" ".join(_pairs(run))}"'  # pairs find any part of a sentence as they are


def _blank(text: str) -> str:
    """Without what stands between words at the end: a star after it would mean any word."""
    while text and not text[-1].isalnum() and not _DENSE.match(text[-1]):
        text = text[:-1]
    return text.replace('"', " ")


def _with_last(run: re.Match[str]) -> str:
    return " " + " ".join([*_pairs(run[0]), run[0][-1]]) + " "


def _pairs(run: str) -> list[str]:
    return [run[n:n + 2] for n in range(len(run) - 1)]


# -- for the eye ------------------------------------------------------------------------------------------------


class Matcher:
    """Finds the terms in a text as the index does, to mark them and to look again where words were cut out."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self._terms = [_Needle(term) for term in terms if not term.is_negated]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where any of the terms is, in order, none over another."""
        if len(self._terms) == 1 and text.isascii():
            return self._terms[0].places_in(text.lower())
        folded, places = fold(text)
        if not (found := [place for term in self._terms for place in term.places_in(folded)]):
            return []
        spans: list[tuple[int, int]] = []
        for begin, end in sorted(found):
            begin, end = places[begin], places[end - 1] + 1
            if spans and begin < spans[-1][1]:
                begin, end = spans[-1][0], max(end, spans[-1][1])
                spans.pop()
            spans.append((begin, end))
        return spans

    def all_in(self, *texts: str) -> bool:
        """Whether each of the terms is in one of the texts."""
        folded = [fold(text)[0] for text in texts]
        return all(any(term.places_in(text) for text in folded) for term in self._terms)

    def reach(self, text: str) -> float:
        """The characters of the shortest stretch with all terms in it; infinite when they are not all there."""
        folded = fold(text)[0]
        found = sorted((*place, n) for n, term in enumerate(self._terms) for place in term.places_in(folded))
        shortest, last = math.inf, dict[int, int]()
        for begin, end, number in found:
            last[number] = begin
            if len(last) == len(self._terms):
                shortest = min(shortest, end - min(last.values()))
        return shortest


def fold(text: str) -> tuple[str, Sequence[int]]:
    """A text without case and accents, and for each of its characters its place in the text."""
    if text.isascii():
        return text.lower(), range(len(text))
    letters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        if character.isascii():
            plain = character.lower()
        else:
            plain = "".join(c for c in unicodedata.normalize("NFD", character.lower()) if not "\u0300" <= c <= "\u036f")
            plain = unicodedata.normalize("NFC", plain).replace("ς", "σ")
        letters.append(plain)
        places += [place] * len(plain)
    return "".join(letters), places


class _Needle:
    """One term as a pattern.

    A letter of a dense script is no part of a word beside it. A class with all of them takes 3 ms to compile, so where
    none is in the term, those in the text are replaced. What must not be before it stands behind its first letters,
    because a pattern that begins with letters is found four times as fast.
    """

    def __init__(self, term: Term) -> None:
        words = _PARTS.findall(fold(term.text)[0])
        is_dense = [bool(_DENSE.match(word)) for word in words]
        self._takes_dense = any(is_dense)
        parts = [re.escape(word) for word in words] or ["(?!)"]
        if words and not is_dense[0]:
            dense = rf"|(?<=[{DENSE}]{parts[0]})" if self._takes_dense else ""
            parts[0] += rf"(?:(?<![^\W_]{parts[0]}){dense})"
        if words and not is_dense[-1]:
            dense = rf"|(?=[{DENSE}])" if self._takes_dense else ""
            parts[-1] += (r"[^\W_]*" if term.is_beginning else "") + rf"(?:(?![^\W_]){dense})"
        self._pattern = re.compile(r"(?:_|[^\w\0])*".join(parts))

    def places_in(self, folded: str) -> list[tuple[int, int]]:
        """Where it is in a text without case and accents."""
        if not (self._takes_dense or folded.isascii()):
            folded = _DENSE.sub("\0", folded)
        return [found.span() for found in self._pattern.finditer(folded)]
