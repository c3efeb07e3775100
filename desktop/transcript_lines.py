"""The lines of a transcript file on their way to segments: who speaks, and when, where the file does not say it all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from desktop.cleaning import clean_name, clean_pieces
from desktop.fitting import TIME_UNSURE
from desktop.model import SPEAKER_UNSURE, Segment, Word

_OFTEN = 3  # times that a name must stand before words where most lines have none
_FEWEST = 0.05  # of the lines must have such a name
_MOST_WORDS = 6  # of a name
_PARTICLE = re.compile("and|y|e|et|und|da|das|de|degli|del|della|den|der|di|dos|du|el|la|las|le|los|of|ter|the|van|von|"
                       "vom|zu|zum")
_SHORTEST, _SECONDS_PER_WORD = 0.3, 0.35  # of a line whose end nobody has noted
_JITTER = 0.5  # seconds by which a word may lie outside its line
_PREFIX = re.compile(r"\s*([^\s:][^:\n]{0,79}?)\s?:(?:\s+|$)")
_NO_NAME = re.compile(r"[?!;…\"“”«»„]|\w{5}\.(?:\s|$)|(?:\S+\s+){8}")
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)\]]*$")
NOTHING_MORE = Segment(0.0, 0.0, "")


@dataclass(frozen=True)
class Line:
    """A line as it stands in a file. None: no time is given, or none that is a number."""

    start: float | None
    end: float | None
    text: str
    speaker: str = ""
    continues: bool = False  # the paragraph of the line before
    more: Segment = NOTHING_MORE  # its language, translation, emotion, flags and words


def named(lines: Sequence[Line]) -> list[Line]:
    """Take "Name: " from the lines where it is a speaker: most lines have one, or some names come back.

    Then a line without a name goes on with the turn before it; where a sentence had ended there, this is marked.
    """
    found = [match if (match := _PREFIX.match(line.text)) and not _NO_NAME.search(match[1]) else None
             for line in lines]
    counts = Counter(match[1] for match in found if match)
    is_usual = 2 * sum(counts.values()) >= sum(not line.continues for line in lines)
    if any(line.speaker for line in lines) or not (is_usual or _come_back([m[1] if m else "" for m in found])):
        return list(lines)
    result: list[Line] = []
    for line, match in zip(lines, found, strict=True):
        if match and (_is_title(match[1]) or (is_usual and counts[match[1]] > 1)):
            line = replace(line, speaker=match[1], text=line.text[match.end():])
        elif result and (before := result[-1]).speaker:
            goes_on = line.continues or not _SENTENCE_END.search(before.text)
            line = replace(line, speaker=before.speaker, more=line.more if goes_on else _doubted(line.more))
        result.append(line)
    return result


def placed(lines: Sequence[Line]) -> tuple[tuple[str, Segment], ...]:
    """(clean name, segment) for each line with words, in the order of time; made-up times are marked."""
    lines = [line for line in lines if line.text.strip()]
    starts = _starts(lines) if lines else []
    segments = [(clean_name(line.speaker), segment) for line, start, following in zip(
        lines, starts, [*starts[1:], None], strict=False) for segment in _segments(line, start, following)]
    return tuple(sorted(segments, key=lambda item: item[1].start))


def unsure(segment: Segment) -> Segment:
    """The segment with the mark that its times are doubtful."""
    return segment if TIME_UNSURE in segment.flags else replace(segment, flags=(TIME_UNSURE, *segment.flags))


def _is_title(name: str) -> bool:
    """Whether it is written like a name: "Ann de la Cruz", "Speaker 1", 王; not "he said"."""
    words = name.split()
    return len(words) <= _MOST_WORDS and not words[0][0].islower() and all(
        _PARTICLE.fullmatch(word) or not word.lstrip("(*_")[:1].islower() for word in words)


def _come_back(names: Sequence[str]) -> bool:
    """Whether the lines hold names of turns, though most have none: one of several begins, or some stand often."""
    counts = Counter(name for name in names if name and _is_title(name))
    often = sum(count for count in counts.values() if count >= _OFTEN)
    return often >= _FEWEST * len(names) if often else len(counts) > 1 and names[0] in counts


def _doubted(segment: Segment) -> Segment:
    return replace(segment, flags=(*segment.flags, SPEAKER_UNSURE))


def _starts(lines: Sequence[Line]) -> list[float]:
    """Where each line begins; those that do not say so share the time to the next that does by their length."""
    starts = [line.start or 0.0 for line in lines]
    borders = [-1, *(n for n, line in enumerate(lines) if line.start is not None), len(lines)]
    for before, after in pairwise(borders):
        if after - before < 2:
            continue
        shared = range(max(before, 0), after)
        at = starts[before] if before >= 0 else 0.0
        room = starts[after] - at if after < len(lines) else 0.0
        room = room if room > 0 else sum(_guess(lines[n].text) for n in shared)
        total = sum(len(lines[n].text) for n in shared)
        for n in shared:
            starts[n] = at
            at += room * len(lines[n].text) / total
    return starts


def _segments(line: Line, start: float, following: float | None) -> Iterator[Segment]:
    """The line as a segment, or as several when nobody can have said so much in one."""
    guess = start + _guess(line.text)
    until = line.end if line.end is not None else following if following is not None and following > start else guess
    end = until if until >= start else guess
    segment = replace(line.more, start=start, end=end, words=_inside(line.more.words, start, end))
    if line.start is None or until < start:
        segment = unsure(segment)
    pieces = clean_pieces(line.text)
    if len(pieces) == 1:
        yield replace(segment, text=pieces[0])
        return
    share = end - start
    for number, piece in enumerate(pieces):
        yield replace(unsure(segment), text=piece, words=(), translation="" if number else segment.translation,
                      start=start + share * number / len(pieces), end=start + share * (number + 1) / len(pieces))


def _inside(words: Sequence[Word], start: float, end: float) -> tuple[Word, ...]:
    """The words within the times of their line; none when one lies elsewhere.

    What is off the record is cut out by the times of words: a word with a wrong time would stay in.
    """
    if any(word.start < start - _JITTER or word.end > end + _JITTER for word in words):
        return ()
    return tuple(Word(w.text, min(max(w.start, start), end), min(max(w.end, start), end)) for w in words)


def _guess(text: str) -> float:
    return max(_SHORTEST, _SECONDS_PER_WORD * len(text.split()))
