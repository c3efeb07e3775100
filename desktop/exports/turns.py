"""A transcript as the turns that a reader sees, whatever the format."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.cleaning import clean_name
from desktop.exports.lines import language_tag, one_line
from desktop.exports.options import Options
from desktop.model import Segment, TranscriptDocument, clock


@dataclass(frozen=True)
class Turn:
    """One turn; what is not shown, or not known, is empty. Everything is one line."""

    time: str
    name: str
    language: str
    text: str
    translation: str
    emotion: str

    @property
    def opinion(self) -> str:
        return f"(machine's opinion: {self.emotion})" if self.emotion else ""

    @property
    def runs(self) -> list[tuple[str, str]]:
        """The parts with the style of their letters, for office files; a blank belongs between two."""
        parts = [(self.time, "Aside"), (f"{self.name}:" if self.name else "", "Speaker"),
                 (f"({self.language})" if self.language else "", "Aside"), (self.text, ""), (self.opinion, "Aside")]
        return [part for part in parts if part[0]]


def turns(document: TranscriptDocument, options: Options) -> list[Turn]:
    """The turns in their order."""
    return [Turn(clock(segment.start) if options.timecodes else "", speaker(document, segment),
                 language_tag(segment.language) if options.language else "", one_line(segment.text),
                 one_line(segment.translation), one_line(segment.emotion)) for segment in document.segments]


def speaker(document: TranscriptDocument, segment: Segment) -> str:
    """The name to print, or ""."""
    return clean_name(document.speaker_name(segment))


def missing(document: TranscriptDocument) -> list[str]:
    """A sentence for each stretch that nobody has heard."""
    return [f"(Not transcribed: {clock(gap.start)} to {clock(gap.end)})" for gap in document.transcript.missing]


def main_language(document: TranscriptDocument) -> str:
    """The language of most of the text; "" when none is known."""
    lengths: dict[str, int] = {}
    for segment in document.segments:
        if tag := language_tag(segment.language):
            lengths[tag] = lengths.get(tag, 0) + len(segment.text)
    return max(lengths, key=lambda tag: lengths[tag], default="")
