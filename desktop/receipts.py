"""Answers with receipts: each sentence names its lines, and the program checks that they say something of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from desktop.cleaning import clean_text
from desktop.model import Segment, TimeRange, Turn, parse_clock
from desktop.sentences import QT_TRANSLATE_NOOP

_N = QT_TRANSLATE_NOOP
# name: title, question, whether it is about the sound and not about the words
PRESETS: dict[str, tuple[str, str, bool]] = {
    "describe": (_N("core", "Describe"), "Describe this recording: who speaks, about what, in what setting and mood.",
                 False),
    "summarise": (_N("core", "Summarise"), "Summarise this recording in at most eight sentences.", False),
    "key-points": (_N("core", "Key points"), "List the key points, the most newsworthy first.", False),
    "chapters": (_N("core", "Chapters"), "Divide this recording into chapters: for each its title and its content.",
                 False),
    "names": (_N("core", "Names and figures"),
              "List all names of people, places and organisations, and all figures, dates and amounts, each with what "
              "is said of it.", False),
    "sounds": (_N("core", "Non-speech sounds"),
               "List the sounds in this recording that are not speech: what they are and when they are heard.", True),
}


@dataclass(frozen=True)
class Place:
    """Where a receipt points to, on the recording's clock; `segment_id` 0 when it is a time and no line."""

    start: float
    end: float
    segment_id: int = 0


@dataclass(frozen=True)
class Claim:
    """One sentence of an answer with its checked receipts; none: nothing in the recording was found for it."""

    text: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class AnswerGrows:
    """Progress payload: the sentences so far."""

    question: str
    claims: tuple[Claim, ...]


def claims_of(turn: Turn) -> tuple[Claim, ...]:
    """The sentences of a kept answer."""
    data = json.loads(turn.answer)
    return tuple(Claim(item["text"], tuple(Place(*place) for place in item["places"])) for item in data["claims"])


def as_record(claims: Sequence[Claim], answer: str) -> str:
    """An answer for the library: what was checked, and the words as they came."""
    return json.dumps({"claims": [{"text": c.text, "places": [[p.start, p.end, p.segment_id] for p in c.places]}
                                  for c in claims], "answer": answer}, ensure_ascii=False)


def as_text(record: str) -> str:
    """The words of a kept answer as they came."""
    return str(json.loads(record)["answer"])


_SENTENCE = re.compile(r"^(?P<text>.*?)\s*(?P<sources>(?:\[[^\[\]]{0,200}\]\s*)*)[.;]?\s*$", re.S)
_LEADING = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")


def reader(segments: Sequence[Segment], sound: TimeRange | None) -> Callable[[str, bool], tuple[Claim, ...]]:
    """A function from the text so far to checked sentences; an unfinished last line is shown without receipts."""
    def read(text: str, is_whole: bool) -> tuple[Claim, ...]:
        lines = clean_text(text).split("\n")
        unfinished = "" if is_whole else lines.pop()
        claims = [claim for line in lines if (claim := _claim(line, segments, sound))]
        if rest := unfinished.split("[")[0].strip():
            claims.append(Claim(rest))
        return tuple(claims)

    return read


def _claim(line: str, segments: Sequence[Segment], sound: TimeRange | None) -> Claim | None:
    match = _SENTENCE.match(_LEADING.sub("", line))
    if match is None or not match["text"].strip():
        return None
    text = match["text"].strip()
    places = []
    for source in re.split(r"[,;\s\[\]]+", match["sources"]):
        place = _line_place(source, text, segments) if segments else _time_place(source, sound)
        if place is not None and place not in places:
            places.append(place)
    return Claim(text, tuple(places))


def _line_place(source: str, text: str, segments: Sequence[Segment]) -> Place | None:
    """A line that exists and shares a content word or a figure with the sentence."""
    number = source.strip("#Ll")
    if not number.isascii() or not number.isdigit() or len(number) > 7 or not 1 <= int(number) <= len(segments):
        return None
    segment = segments[int(number) - 1]
    shared = _content(text) & _content(f"{segment.text} {segment.translation}")
    return Place(segment.start, segment.end, segment.id) if shared else None


def _time_place(source: str, sound: TimeRange | None) -> Place | None:
    """A time inside the sound that was sent, on the recording's clock."""
    try:
        seconds = parse_clock(source)
    except ValueError:
        return None
    if sound is None or ":" not in source or seconds > sound.seconds:
        return None
    return Place(sound.start + seconds, min(sound.end, sound.start + seconds + 5.0))


_SMALL_WORDS = frozenset(re.findall(r"\w+", """
    about after again also because been before being between both could does doing down during each from further have
    having here into itself just like more most much only other over same says said should some such than that their
    them then there these they this those through under until very were what when where which while with would your
    speaker speakers recording interview person people asks asked tells told explains mentions"""))


def _content(text: str) -> set[str]:
    """Figures, and the stems of words that mean something; single characters of scripts without spaces."""
    found: set[str] = set()
    for word in re.findall(r"\w+", text.casefold()):
        if any(character.isdigit() for character in word):
            found.add(word)
        elif len(word) >= 4 and word.isascii() and word not in _SMALL_WORDS:
            found.add(word[:5])
        elif not word.isascii():
            found |= {word[:5]} if len(word) >= 4 and ord(word[0]) < 0x2E80 else \
                {word[i:i + 2] for i in range(len(word) - 1)} if ord(word[0]) >= 0x2E80 else set()
    return found
