"""Answers with receipts: each sentence names its lines, and the program checks that they say something of it."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from desktop.cleaning import clean_text
from desktop.model import Recording, Segment, TimeRange, TranscriptDocument, Turn, parse_clock
from desktop.sentences import QT_TRANSLATE_NOOP
from desktop.withholding import Stretches, without

_N = QT_TRANSLATE_NOOP
LONGEST_CLIP = 720.0  # seconds of sound that surely go into one request
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
    is_open: bool = False  # still being written


@dataclass(frozen=True)
class AnswerGrows:
    """Progress payload: the sentences so far."""

    question: str
    claims: tuple[Claim, ...]


def claims_of(turn: Turn) -> tuple[Claim, ...]:
    """The sentences of a kept answer."""
    data = json.loads(turn.answer)
    return tuple(Claim(item["text"], tuple(Place(*place) for place in item["places"])) for item in data["claims"])


def shown(claims: Sequence[Claim], off_record: Sequence[TimeRange]) -> tuple[Claim, ...]:
    """The sentences of an answer that rest on nothing off the record."""
    off = Stretches(off_record)
    return tuple(claim for claim in claims if not any(off.meet(place.start, place.end) for place in claim.places))


def as_record(claims: Sequence[Claim], answer: str) -> str:
    """An answer for the library: what was checked, and the words as they came."""
    return json.dumps({"claims": [{"text": c.text, "places": [[p.start, p.end, p.segment_id] for p in c.places]}
                                  for c in claims], "answer": answer}, ensure_ascii=False)


def as_text(record: str) -> str:
    """The words of a kept answer as they came."""
    return str(json.loads(record)["answer"])


_LEADING = re.compile(r"^\s{0,20}(?:[-*•]|\d{1,2}[.)])\s+")
_MOST_CHARACTERS = 400_000  # of an answer; the service's own limit is far below
_MOST_SOURCES = 40  # of one sentence
_SOURCE = re.compile(r"(?:[#Ll]?\d[\d:.]*(?:[-–][#Ll]?\d[\d:.]*)?)?")  # a line, a time, a span; no words


def what_goes(document: TranscriptDocument | None, sound: TimeRange | None, recording: Recording, *,
              about_sound: bool) -> str:
    """What a question sends along: "words", "sound", "both", or the address of a "video". `sound`: the range."""
    off = Stretches(document.desk.off_record if document is not None else ())
    has_words = not about_sound and document is not None and any(
        (sound is None or (s.end > sound.start and s.start < sound.end)) and without(s, off) is not None
        for s in document.segments)
    if not has_words:
        return "video" if recording.address else "sound"
    with_sound = sound is not None and not recording.address \
        and sound.clamped(recording.duration).seconds <= LONGEST_CLIP
    return "both" if with_sound else "words"


def reader(segments: Sequence[Segment], sound: TimeRange | None,
           off_record: Sequence[TimeRange] = ()) -> Callable[[str, bool], tuple[Claim, ...]]:
    """A function from the text so far to checked sentences; an unfinished last line is shown without receipts.

    No receipt reaches into what is off the record; a line that was not sent has no text, so nothing can rest on it.
    """
    off = Stretches(off_record)

    def read(text: str, is_whole: bool) -> tuple[Claim, ...]:
        text = clean_text(text, _MOST_CHARACTERS) + ("\n" if text.endswith("\n") else "")
        lines = text.split("\n")
        unfinished = "" if is_whole else lines.pop()
        claims = [claim for line in lines if (claim := _claim(line, segments, sound, off))]
        if rest := unfinished.split("[")[0].strip():
            claims.append(Claim(rest, is_open=True))
        return tuple(claims)

    return read


def _claim(line: str, segments: Sequence[Segment], sound: TimeRange | None, off: Stretches) -> Claim | None:
    text, sources = _without_sources(_LEADING.sub("", " ".join(line.split())))
    if not text:
        return None
    places = []
    for source in sources:
        place = _line_place(source, text, segments) if segments else _time_place(source, sound)
        place = _on_record(place, off) if place is not None else None
        if place is not None and place not in places:
            places.append(place)
    return Claim(text, tuple(places))


def _without_sources(line: str) -> tuple[str, list[str]]:
    """A sentence, and the lines or times in the brackets at its end; spans like 3-5 are written out."""
    found: list[str] = []
    while len(found) < _MOST_SOURCES and (bare := line.rstrip(" .;")).endswith("]"):
        begin = bare.rfind("[", max(0, len(bare) - 200))
        within = re.split(r"[,;\s]+", bare[begin + 1:-1].strip()) if begin >= 0 else ["no source"]
        if not all(_SOURCE.fullmatch(source) for source in within):
            break
        found[:0] = within
        line = bare[:begin].rstrip()
    sources: list[str] = []
    for source in found:
        span = re.fullmatch(r"(\d{1,7})[-–](\d{1,7})", source)
        ends = (int(span[1]), int(span[2])) if span else (0, -1)
        sources += map(str, range(ends[0], ends[1] + 1)) if 0 <= ends[1] - ends[0] <= 20 else [source] if source else []
    return line.strip(), sources[:_MOST_SOURCES]


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


def _on_record(place: Place, off: Stretches) -> Place | None:
    """The first stretch of a place that is on the record."""
    if not off.meet(place.start, place.end):
        return place
    start, end = place.start, place.end
    for stretch in off:
        if stretch.start <= start < stretch.end:
            start = stretch.end
        elif start < stretch.start < end:
            end = stretch.start
    return Place(start, end, place.segment_id) if start < end else None


_SMALL_WORDS = frozenset(re.findall(r"\w+", """
    about after again also because been before being between both could does doing down during each from further have
    having here into itself just like more most much only other over same says said should some such than that their
    them then there these they this those through under until very were what when where which while with would your
    speaker speakers recording interview person people asks asked tells told explains mentions
    the and for are was not but you his her she him its our out who how why had has did can may all any one two too"""))


def _content(text: str) -> set[str]:
    """Figures, and the beginnings of words that mean something; pairs of characters where there are no spaces."""
    text = re.sub(r"(?<=\d)[,.\u00a0\u202f](?=\d{3}(?!\d))", "", text.casefold())  # 1,200 is 1200
    found: set[str] = set()
    for kind, run in groupby(text, _kind):
        word = "".join(run)
        if kind == "figure":
            found.add(word)
        elif kind == "dense":
            found |= {word[i:i + 2] for i in range(len(word) - 1)}
        elif kind == "letters" and len(word) >= 3 and word not in _SMALL_WORDS:
            found.add(word[:5])
    return found


def _kind(character: str) -> str:
    category = unicodedata.category(character)[0]
    if category == "N":
        return "figure"
    if category not in "LM":
        return ""
    dense = "\u2e80" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7a3" or "\u0e00" <= character <= "\u0eff"
    return "dense" if dense else "letters"
