"""Find and replace in a transcript: plain, whole words, with or without case, regular expressions."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import regex

from desktop.cleaning import clean_text
from desktop.errors import UserError
from desktop.model import Progress, Report, Segment, ignore_progress

_LONGEST = 1.0  # seconds that one line may take: an expression that backtracks for ever is stopped
MOST_HITS = 100_000


@dataclass(frozen=True)
class Search:
    """What is looked for."""

    text: str
    match_case: bool = False
    whole_words: bool = False
    is_expression: bool = False


@dataclass(frozen=True)
class Hit:
    """A place in the text of a line."""

    row: int
    begin: int
    end: int


class Finder:
    """A compiled search. Raises UserError when the expression makes no sense."""

    def __init__(self, search: Search) -> None:
        self._search = search
        text = search.text if search.is_expression else regex.escape(unicodedata.normalize("NFC", search.text))
        if search.whole_words:
            text = rf"(?<!\w)(?:{text})(?!\w)"
        flags = regex.UNICODE | regex.VERSION1 | (0 if search.match_case else regex.IGNORECASE | regex.FULLCASE)
        try:
            self._pattern = regex.compile(text, flags)
        except (regex.error, OverflowError, RecursionError) as error:
            raise UserError("This is no regular expression ({reason}). Write it differently, or look for the plain "
                            "text.", reason=error) from error

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the search is met in a text; nothing that is empty."""
        try:
            return [match.span() for match in self._pattern.finditer(text, timeout=_LONGEST)
                    if match.end() > match.start()]
        except TimeoutError as error:
            raise UserError("This expression takes too long. Write it more simply.") from error

    def replaced(self, text: str, by: str, only: Sequence[tuple[int, int]] | None = None) -> str:
        """The text with `by` in the place of what was found, or of the places in `only`."""
        pieces: list[str] = []
        at = 0
        try:
            for match in self._pattern.finditer(text, timeout=_LONGEST):
                if match.end() == match.start() or (only is not None and match.span() not in only):
                    continue
                pieces += [text[at:match.start()], self._by(match, by)]
                at = match.end()
        except TimeoutError as error:
            raise UserError("This expression takes too long. Write it more simply.") from error
        return clean_text("".join([*pieces, text[at:]]))

    def _by(self, match: regex.Match[str], by: str) -> str:
        if not self._search.is_expression:
            return by
        try:
            expanded: str = match.expand(by)
        except (regex.error, IndexError, ValueError) as error:
            raise UserError("The replacement makes no sense ({reason}). \\1 stands for the first group in brackets.",
                            reason=error) from error
        return expanded


def find(segments: Sequence[Segment], search: Search, report: Report = ignore_progress) -> list[Hit]:
    """All hits in the order of the lines, at most MOST_HITS. `report` may stop it."""
    if not search.text:
        return []
    finder, hits = Finder(search), list[Hit]()
    for row, segment in enumerate(segments):
        if row % 500 == 0:
            report(Progress(row / len(segments), ""))
        hits += [Hit(row, begin, end) for begin, end in finder.spans(segment.text)]
        if len(hits) >= MOST_HITS:
            break
    return hits[:MOST_HITS]


@dataclass(frozen=True)
class Replacement:
    """A line before and after."""

    row: int
    before: str
    after: str


def replacements(segments: Sequence[Segment], search: Search, by: str,
                 report: Report = ignore_progress) -> list[Replacement]:
    """What *replace all* would do, line by line. `report` may stop it."""
    if not search.text:
        return []
    finder, found = Finder(search), list[Replacement]()
    for row, segment in enumerate(segments):
        if row % 500 == 0:
            report(Progress(row / len(segments), ""))
        after = finder.replaced(segment.text, by)
        if after != segment.text:
            found.append(Replacement(row, segment.text, after))
    return found
