"""Saved quotes with who said them, where, and what light cleaning would change."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.cleaning import clean_name
from desktop.exports.data import table, time
from desktop.exports.lines import one_line
from desktop.exports.text import escaped
from desktop.model import Quote, TranscriptDocument, clock

_COLUMNS = ("start", "end", "said by", "quote", "tag", "note", "recording")
_MARKS = {"same": ("", ""), "gone": ("[-", "-]"), "new": ("[+", "+]")}


@dataclass(frozen=True)
class QuoteLine:
    """A quote as it is written; `changes` is (same, gone or new; words) up to `cleaned`, and empty when not asked."""

    text: str
    attribution: str  # "" when nobody may be or can be named
    start: float
    end: float
    tag: str = ""
    note: str = ""
    cleaned: str = ""
    changes: tuple[tuple[str, str], ...] = ()

    @property
    def place(self) -> str:
        return f"{clock(self.start)}–{clock(self.end)}"

    @property
    def marked_changes(self) -> str:
        """As plain text: "[-um,-] I think"."""
        return " ".join(f"{_MARKS[kind][0]}{words}{_MARKS[kind][1]}" for kind, words in self.changes)


def line_of(document: TranscriptDocument, quote: Quote, cleaned: str = "",
            changes: tuple[tuple[str, str], ...] = ()) -> QuoteLine:
    """The line of a released quote: the speaker's name of today, else that of then."""
    speaker = document.speakers.get(quote.speaker_id or 0)
    return QuoteLine(one_line(quote.text), clean_name(speaker.name if speaker else quote.said_by), quote.range.start,
                     quote.range.end, one_line(quote.tag), one_line(quote.note), one_line(cleaned), changes)


def quotes_markdown(document: TranscriptDocument, quotes: list[QuoteLine]) -> bytes:
    """A block quotation each, with its source below."""
    lines = [f"# Quotes from {escaped(document.recording.title)}", ""]
    for quote in quotes:
        source = ", ".join(filter(None, (f"**{escaped(quote.attribution)}**" if quote.attribution else "",
                                         f"`{quote.place}`")))
        lines += [f"> {escaped(quote.text)}", "", f"— {source}" + (f" \\[{escaped(quote.tag)}\\]" if quote.tag else ""),
                  ""]
        if quote.changes:
            lines += [f"Lightly cleaned: {_changes(quote)}", ""]
        if quote.note:
            lines += [f"Note: {escaped(quote.note)}", ""]
    return ("\n".join(lines).rstrip("\n") + "\n").encode()


def _changes(quote: QuoteLine) -> str:
    """What is left out is struck through, what is new is bold."""
    marks = {"same": "", "gone": "~~", "new": "**"}
    return " ".join(f"{marks[kind]}{escaped(words)}{marks[kind]}" for kind, words in quote.changes)


def quotes_csv(document: TranscriptDocument, quotes: list[QuoteLine]) -> bytes:
    """A row for each quote; with the cleaned words and the changes in two more columns when they were asked for."""
    asked = any(quote.changes for quote in quotes)
    head = [*_COLUMNS, *(("lightly cleaned", "changes") if asked else ())]
    return table(head, [[time(quote.start), time(quote.end), quote.attribution, quote.text, quote.tag, quote.note,
                         document.recording.title, *((quote.cleaned, quote.marked_changes) if asked else ())]
                        for quote in quotes])
