"""The pages of oTranscribe: paragraphs of HTML with timestamps in spans."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from desktop.model import parse_clock
from desktop.transcript_lines import Line

_LONGEST_TAG = 300  # characters; the parser of tags is slow where a tag is broken
_TAG = re.compile(r"(<[^<>]*>)")
_BREAKS = frozenset(("p", "div", "br", "li", "ul", "ol", "h1", "h2", "h3", "h4", "blockquote", "tr", "hr"))
_UNSEEN = ("script", "style")
_REAL_TAG = re.compile(r"</?[a-zA-Z]")
_DECIMAL = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,30})?")


class _Tag(HTMLParser):
    """Reads one tag at a time; text is never given to it, for it is slow where markup is broken."""

    def __init__(self) -> None:
        super().__init__()
        self.name = ""
        self.attributes: dict[str, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.name, self.attributes = tag, dict(attrs)

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag: str) -> None:
        self.name = f"/{tag}"

    @property
    def is_stamp(self) -> bool:
        return "data-timestamp" in self.attributes or "timestamp" in (self.attributes.get("class") or "").split()

    def read(self, text: str) -> None:
        """Set `name` ("/p" for one that closes, "" for none) and `attributes`."""
        self.name, self.attributes = "", {}
        self.reset()
        if len(text) <= _LONGEST_TAG and _REAL_TAG.match(text):
            self.feed(text)


class _Page:
    """Paragraphs become lines, and timestamps part them; read with `lines`."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._said: list[str] = []
        self.time: float | None = None  # of what is said next
        self._continues = False  # the next line is of the same paragraph

    def say(self, text: str) -> None:
        self._said.append(html.unescape(text))

    def stamp(self, seconds: float | None) -> None:
        """What follows is said at that time."""
        self._continues = self._end_line() or self._continues
        self.time = seconds

    def end_paragraph(self) -> None:
        self._end_line()
        self._continues = False

    def _end_line(self) -> bool:
        text, self._said = " ".join("".join(self._said).split()), []
        if text:
            self.lines.append(Line(self.time, None, text, continues=self._continues))
            self.time = None
        return bool(text)


def paragraphs(content: str) -> list[Line]:
    """The lines of a page; nothing of it is fetched or shown as more than text."""
    page, tag = _Page(), _Tag()
    is_unseen = is_stamp = False
    for token in _TAG.split(content):
        if not _TAG.fullmatch(token):
            if is_stamp and (seconds := _seconds(token)) is not None:
                page.time = seconds if page.time is None else page.time
            elif not is_unseen:
                page.say(token)
            continue
        tag.read(token)
        name, is_stamp = tag.name.removeprefix("/"), tag.name == "span" and tag.is_stamp
        if is_stamp:
            page.stamp(_seconds(tag.attributes.get("data-timestamp") or ""))
        elif name in _BREAKS:
            page.end_paragraph()
        elif name in _UNSEEN:
            is_unseen = tag.name in _UNSEEN
    page.end_paragraph()
    return page.lines


def _seconds(text: str) -> float | None:
    """From 12.345678901 as browsers count, or 1:02:03."""
    try:
        return float(text) if _DECIMAL.fullmatch(text.strip()) else parse_clock(text)
    except ValueError:
        return None
