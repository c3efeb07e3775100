"""Long speech divided into subtitles: lines and cues that fit, none too long on the screen, none without length."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from desktop.cleaning import clean_text
from desktop.exports.lines import one_line
from desktop.exports.options import Options
from desktop.model import Segment
from desktop.withholding import word_spans

_SHORTEST = 20  # letters; a line whose words have no times is not torn into smaller pieces
_BREATH = 1.0  # seconds of silence at which a subtitle ends gladly
_WIDE = 2  # a Chinese, Japanese or Korean letter fills two places


@dataclass(frozen=True)
class Cue:
    """One subtitle; times in milliseconds, `end` > `start`."""

    start: int
    end: int
    lines: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True)
class _Unit:
    """What is never divided: a word, or a piece of one that is too long; with its times in seconds."""

    text: str
    start: float
    end: float
    blank: bool = True  # stands after a blank


def cues(segments: Sequence[tuple[str, Segment]], options: Options, *, prefix: bool) -> list[Cue]:
    """Cues of (name, segment) in their order; with `prefix` "Name: " stands once before each turn."""
    made = [cue for name, segment in segments for cue in _of_segment(name, segment, options, prefix)]
    return [_readable(cue, following, options) for cue, following in zip(made, [*made[1:], None], strict=False)]


def width(text: str) -> int:
    """How many places a text fills."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else _WIDE if unicodedata.east_asian_width(c) in "WF" else 1
               for c in text)


def broken(units: Sequence[tuple[str, bool]], limit: int) -> list[str]:
    """(text, stands after a blank) as the fewest lines of at most `limit` places, about equally long; 0: one line."""
    if not limit:
        return _wrapped(units, 1 << 30)
    fewest = _wrapped(units, limit)
    low, high = max(1, -(-sum(width(text) for text, _ in units) // len(fewest))), limit
    while low < high:
        middle = (low + high) // 2
        if len(_wrapped(units, middle)) <= len(fewest):
            high = middle
        else:
            low = middle + 1
    return _wrapped(units, high)


def _wrapped(units: Sequence[tuple[str, bool]], limit: int) -> list[str]:
    lines = [""]
    filled = 0
    for text, blank in units:
        size = width(text)
        joint = 1 if blank and lines[-1] else 0
        if lines[-1] and filled + joint + size > limit:
            lines.append("")
            filled = joint = 0
        lines[-1] += " " * joint + text
        filled += joint + size
    return lines


def _of_segment(name: str, segment: Segment, options: Options, prefix: bool) -> list[Cue]:
    units = _units(segment, options.line_length)
    if name and prefix:
        units = [_Unit(word, segment.start, segment.start) for word in f"{name}:".split()] + units
    if not units:
        return []
    made: list[Cue] = []
    pieces = _pieces(units, options, timed=word_spans(segment.text, segment.words) is not None)
    for number, (first, last) in enumerate(pieces):
        piece = units[first:last]
        start = segment.start if number == 0 else piece[0].start
        end = segment.end if number == len(pieces) - 1 else piece[-1].end
        begins = max(round(start * 1000), made[-1].end if made else 0)
        lines = broken([(unit.text, unit.blank) for unit in piece], options.line_length)
        made.append(Cue(begins, max(begins + 1, round(end * 1000)), tuple(one_line(line) for line in lines), name))
    return made


def _units(segment: Segment, limit: int) -> list[_Unit]:
    """The words with their times: their own where they are known, else by their place in the text."""
    text = segment.text
    anchors = _anchors(segment)
    units = []
    for match in re.finditer(r"\S+", text):
        begin = match.start()
        for number, piece in enumerate(_hard_pieces(match.group(), limit)):
            end = begin + len(piece)
            if clean := clean_text(piece, len(piece)):
                units.append(_Unit(clean, _time_at(anchors, begin, after=True), _time_at(anchors, end, after=False),
                                   number == 0))
            begin = end
    return units


def _anchors(segment: Segment) -> tuple[list[int], list[float]]:
    """Places in the text and their times, both rising."""
    places, times = [0], [segment.start]
    spans = word_spans(segment.text, segment.words)
    for (begin, end), word in zip(spans or (), segment.words if spans else (), strict=True):
        for place, time in ((begin, word.start), (end, word.end)):
            places.append(place)
            times.append(max(times[-1], min(time, segment.end)))
    return [*places, len(segment.text)], [*times, max(times[-1], segment.end)]


def _time_at(anchors: tuple[list[int], list[float]], place: int, *, after: bool) -> float:
    """The time of a place; where one word ends and the next begins, that `after` it or that before."""
    places, times = anchors
    n = bisect_right(places, place) - 1 if after else bisect_left(places, place)
    if places[n] == place:
        return times[n]
    left = n if after else n - 1
    share = (place - places[left]) / (places[left + 1] - places[left])
    return times[left] + share * (times[left + 1] - times[left])


def _hard_pieces(word: str, limit: int) -> list[str]:
    """A word, or where it fills more than a line its pieces; scripts without blanks may break anywhere."""
    if not limit or width(word) <= limit // 3:
        return [word]
    if width(word) <= limit and not any(unicodedata.east_asian_width(c) in "WF" for c in word):
        return [word]
    pieces, filled = [""], 0
    for character in word:
        size = width(character)
        loose = filled + size > limit or unicodedata.east_asian_width(character) in "WF"
        if pieces[-1] and loose and not (filled < limit + 4 and _joins(character, pieces[-1])):
            pieces.append("")
            filled = 0
        pieces[-1] += character
        filled += size
    return pieces


def _joins(character: str, before: str) -> bool:
    """Joiners and closing marks begin no line."""
    return bool(unicodedata.combining(character)) or before.endswith("\u200d") or unicodedata.category(
        character) in ("Cf", "Sk", "Po", "Pe", "Pf", "Mn")


def _pieces(units: Sequence[_Unit], options: Options, *, timed: bool) -> list[tuple[int, int]]:
    """Where to divide: of all divisions that fit, the one that costs least."""
    if not options.line_length and not options.cue_seconds:
        return [(0, len(units))]
    best: list[tuple[float, int]] = [(0.0, 0)] + [(float("inf"), 0)] * len(units)
    for first in range(len(units)):
        filled = 0
        lines = 1
        places = 0
        for last in range(first + 1, len(units) + 1):
            size = width(units[last - 1].text)
            joint = 1 if units[last - 1].blank and filled else 0
            if options.line_length and filled and filled + joint + size > options.line_length:
                lines, filled, joint = lines + 1, 0, 0
            seconds = units[last - 1].end - units[first].start
            if last > first + 1 and (lines > max(1, options.lines_per_cue) or (not options.line_length
                                     and 0 < options.cue_seconds < seconds)):
                break
            filled += joint + size
            places += joint + size
            cost = best[first][0] + _cost(units, first, last, places, options, timed)
            if cost < best[last][0]:
                best[last] = (cost, first)
    pieces: list[tuple[int, int]] = []
    last = len(units)
    while last:
        pieces.append((best[last][1], last))
        last = best[last][1]
    return pieces[::-1]


def _cost(units: Sequence[_Unit], first: int, last: int, places: int, options: Options, timed: bool) -> float:
    """One cue is dearer the emptier it is, when it breaks a sentence, and most of all when it stays too long."""
    room = options.line_length * max(1, options.lines_per_cue) or max(places, 1)
    cost = 1.0 + 2 * (1 - min(1.0, places / room)) ** 2
    if last < len(units):
        breath = units[last].start - units[last - 1].end > _BREATH
        ends = units[last - 1].text.rstrip("\"'”’»)]")[-1:]
        cost += 0.0 if breath or ends in ".?!…。？！؟" else 0.3 if ends in ",;:،、，；—–" else 0.6
    if not timed and places < _SHORTEST and last - first < len(units):
        cost += 50.0
    seconds = units[last - 1].end - units[first].start
    if options.cue_seconds and seconds > options.cue_seconds and last - first > 1:
        cost += 8 * (seconds / options.cue_seconds - 1) + (50.0 if timed else 0.0)
    return cost


def _readable(cue: Cue, following: Cue | None, options: Options) -> Cue:
    """Long enough to be read, as far as the next leaves room, and not longer than a cue may stay."""
    end = cue.end
    if options.reading_speed:
        wanted = cue.start + round(1000 * sum(width(line) for line in cue.lines) / options.reading_speed)
        free = following.start if following is not None else wanted
        end = max(end, min(wanted, free))
    if options.cue_seconds:
        end = min(end, cue.start + round(1000 * options.cue_seconds))
    return replace(cue, end=max(end, cue.start + 1))
