"""Quotes: a stretch of a transcript with its words, and how it is put on the clipboard."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.exports.lines import one_line
from desktop.model import Quote, Segment, TimeRange, clock
from desktop.withholding import Released, word_spans


def quote_of(document: Released, segments: Sequence[Segment],
             characters: tuple[int, int] | None = None) -> Quote | None:
    """A quote of whole lines, or of some characters of the first one; None when there are no words.

    It is cut to whole words: a quote that begins inside a word was never said.
    """
    lines = [s for s in segments if s.text.strip()]
    if not lines:
        return None
    first = lines[0]
    said_by = document.speaker_name(first)
    if characters is not None:
        cut = _cut(first, *characters)
        if cut is None:
            return None
        text, stretch = cut
    else:
        text = " ".join(s.text.strip() for s in lines)
        stretch = TimeRange(min(s.start for s in lines), max(s.end for s in lines))
    one = len({s.speaker_id for s in lines}) == 1 or characters is not None
    return Quote(stretch, text, document.transcript.id, first.speaker_id if one else None, said_by if one else "")


def _cut(segment: Segment, begin: int, end: int) -> tuple[str, TimeRange] | None:
    """Some characters widened to whole words, and when they were said."""
    text = segment.text
    while begin < end and text[begin].isspace():
        begin += 1
    while end > begin and text[end - 1].isspace():
        end -= 1
    if begin >= end:
        return None
    while begin and not text[begin - 1].isspace() and text[begin].isalnum() and text[begin - 1].isalnum():
        begin -= 1
    while end < len(text) and text[end].isalnum() and text[end - 1].isalnum():
        end += 1
    spans = word_spans(text, segment.words)
    if spans is None:
        seconds = segment.end - segment.start
        share = TimeRange(segment.start + seconds * begin / len(text), segment.start + seconds * end / len(text))
        return text[begin:end], share
    inside = [word for (first, last), word in zip(spans, segment.words, strict=True) if last > begin and first < end]
    if not inside:
        return None
    return text[begin:end], TimeRange(inside[0].start, max(word.end for word in inside))


COPY_KINDS = ("plain", "attributed", "markdown")


def as_text(quote: Quote, name: str, title: str, kind: str, text: str = "") -> str:
    """The quote for the clipboard: its words; with who said it, where and when; or as Markdown.

    `text` stands in for the quote's own words (lightly cleaned ones, say).
    """
    words = one_line(text or quote.text)
    if kind == "plain":
        return words
    place = f"{title}, {clock(quote.range.start)}–{clock(quote.range.end)}"
    source = f"{name}, {place}" if name else place
    if kind == "markdown":
        return f"> {words}\n>\n> — {source}"
    return f"“{words}” — {source}"
