"""Hear again: the lines that are there beside the lines of a second hearing, and taking over what the user accepts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from desktop.library import Library
from desktop.model import Change, Segment, Speaker, TimeRange, TranscriptDocument
from desktop.withholding import Stretches, without

_REACH = 0.5  # seconds that a line may reach out of the range and still count as heard again


@dataclass(frozen=True)
class Pairing:
    """Lines of both hearings that cover the same stretch; one side may be empty."""

    old: tuple[Segment, ...]
    new: tuple[Segment, ...]
    is_partial: bool = False  # an old line has words that were not heard again: out of the range, or off the record

    @property
    def is_same(self) -> bool:
        """Whether both say the same words."""
        return self.text(self.old).casefold().split() == self.text(self.new).casefold().split()

    @staticmethod
    def text(segments: Iterable[Segment]) -> str:
        return " ".join(segment.text for segment in segments)

    @property
    def start(self) -> float:
        return min(segment.start for segment in (*self.old, *self.new))


def compare(old: TranscriptDocument, new: TranscriptDocument) -> list[Pairing]:
    """Pair the lines of the new hearing with those that stand in its range, in the order of time.

    Lines belong together when they share a third of the shorter one; a line that reaches out of the range is shown
    and cannot be replaced, because its other words were not heard again. So is one with words off the record, which
    are not shown; a line that is off the record as a whole is left alone.
    """
    within = new.transcript.range
    off = Stretches(old.desk.off_record)
    mine = [s for s in old.segments if s.end > within.start and s.start < within.end]
    mine += [s for s in old.segments if s.start == s.end and within.start <= s.start <= within.end and s not in mine]
    cut = {s.id for s in mine if without(s, off) is not s}
    mine = [left for s in mine if (left := without(s, off)) is not None]
    lines = sorted([(s, True) for s in mine] + [(s, False) for s in new.segments],
                   key=lambda line: (line[0].start, not line[1]))
    group_of = list(range(len(lines)))
    for i, (first, is_old) in enumerate(lines):
        for j in range(i + 1, len(lines)):
            second, other_is_old = lines[j]
            if second.start > first.end:
                break
            if is_old is not other_is_old and _belong(first, second):
                group_of = [group_of[i] if group == group_of[j] else group for group in group_of]
    groups: dict[int, list[tuple[Segment, bool]]] = {}
    for line, group in zip(lines, group_of, strict=True):
        groups.setdefault(group, []).append(line)
    pairings = [_pairing(group, within, cut) for group in groups.values()]
    return sorted((p for p in pairings if p.new or not p.is_partial), key=lambda pairing: pairing.start)


def _belong(first: Segment, second: Segment) -> bool:
    shared = _overlap(first, TimeRange(second.start, second.end))
    return shared >= 0.3 * min(_seconds(first), _seconds(second)) or first.start == second.start


def taken_over(old: TranscriptDocument, new: TranscriptDocument, pairings: Iterable[Pairing], taken: Iterable[str],
               new_id: Callable[[str], int]) -> Change:
    """New lines in place of the old ones; speakers that are known keep their names.

    `taken` are labels that mean somebody else, `new_id` gives ids for a "segment" or a "speaker".
    """
    chosen = [pairing for pairing in pairings if not pairing.is_partial]
    same = _same_speakers(old, new)
    names = {*taken, *(s.name for s in old.speakers.values())}
    fresh: dict[int | None, Speaker] = {}  # speakers that only the second hearing knows, under names nobody has
    lines = []
    for pairing in chosen:
        mine = {segment.speaker_id for segment in pairing.old if segment.speaker_id is not None}
        for segment in pairing.new:
            speaker = next(iter(mine)) if len(mine) == 1 else same.get(segment.speaker_id)
            if speaker is None and (heard := new.speaker_name(segment)):
                if segment.speaker_id not in fresh:
                    name = _free_name(heard, names)
                    names.add(name)
                    fresh[segment.speaker_id] = Speaker(new_id("speaker"), name, len(old.speakers) + len(fresh))
                speaker = fresh[segment.speaker_id].id
            lines.append(replace(segment, id=new_id("segment"), speaker_id=speaker))
    return Change(tuple(s for pairing in chosen for s in pairing.old), tuple(lines), (), tuple(fresh.values()))


def change_for(library: Library, old: TranscriptDocument, new: TranscriptDocument,
               pairings: Iterable[Pairing]) -> Change:
    """`taken_over` as it fits this library; nothing is written."""
    return taken_over(old, new, pairings, library.speaker_labels(old.transcript.id).values(), library.new_id)


def _free_name(name: str, taken: set[str]) -> str:
    """The same label in another hearing is not the same person."""
    number = 2
    while name in taken:
        name = f"{name.removesuffix(f' ({number - 1})')} ({number})"
        number += 1
    return name


def _same_speakers(old: TranscriptDocument, new: TranscriptDocument) -> dict[int | None, int]:
    """The speaker of the old hearing who speaks most of the time when the new one hears a speaker."""
    shared: Counter[tuple[int, int]] = Counter()
    for mine in old.segments:
        for segment in new.segments:
            seconds = _overlap(mine, TimeRange(segment.start, segment.end))
            if seconds > 0 and mine.speaker_id is not None and segment.speaker_id is not None:
                shared[segment.speaker_id, mine.speaker_id] += round(1000 * seconds)
    same: dict[int | None, int] = {}
    for (theirs, ours), _ in shared.most_common():
        if theirs not in same and ours not in same.values():
            same[theirs] = ours
    return same


def _pairing(group: list[tuple[Segment, bool]], within: TimeRange, cut: set[int]) -> Pairing:
    old = tuple(s for s, mine in group if mine)
    partial = any(s.start < within.start - _REACH or s.end > within.end + _REACH or s.id in cut for s in old)
    return Pairing(old, tuple(s for s, mine in group if not mine), partial)


def _seconds(segment: Segment) -> float:
    return max(0.01, segment.end - segment.start)


def _overlap(segment: Segment, stretch: TimeRange) -> float:
    return max(0.0, min(segment.end, stretch.end) - max(segment.start, stretch.start))
