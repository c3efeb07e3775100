"""Hear again: the lines that are there beside the lines of a second hearing, and taking over what the user accepts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from desktop.library import Library
from desktop.model import Segment, TimeRange, TranscriptDocument


@dataclass(frozen=True)
class Pairing:
    """Lines of both hearings that cover the same stretch; one side may be empty."""

    old: tuple[Segment, ...]
    new: tuple[Segment, ...]

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
    """Pair the lines of the new hearing with those that stand in its range, in the order of time."""
    within = new.transcript.range
    lines = [(segment, True) for segment in old.segments if _overlap(segment, within) > 0.5 * _seconds(segment)]
    lines += [(segment, False) for segment in new.segments]
    lines.sort(key=lambda line: (line[0].start, not line[1]))
    pairings: list[Pairing] = []
    group: list[tuple[Segment, bool]] = []
    for line in lines:
        belongs = any(mine is not line[1] and _overlap(segment, TimeRange(line[0].start, line[0].end))
                      > 0.3 * min(_seconds(segment), _seconds(line[0])) for segment, mine in group)
        if group and not belongs:
            pairings.append(_pairing(group))
            group = []
        group.append(line)
    return pairings + ([_pairing(group)] if group else [])


def accept(library: Library, old: TranscriptDocument, new: TranscriptDocument, pairings: Iterable[Pairing]) -> None:
    """Put the new lines in place of the old ones; speakers that are known keep their names. One transaction."""
    chosen = list(pairings)
    same = _same_speakers(old, new)
    lines = []
    for pairing in chosen:
        mine = {segment.speaker_id for segment in pairing.old if segment.speaker_id is not None}
        for segment in pairing.new:
            speaker = next(iter(mine)) if len(mine) == 1 else same.get(segment.speaker_id)
            name = "" if speaker is not None else new.speaker_name(segment)
            lines.append((name, replace(segment, id=0, speaker_id=speaker)))
    library.replace_segments(old.transcript.id, [s.id for pairing in chosen for s in pairing.old], lines)


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


def _pairing(group: list[tuple[Segment, bool]]) -> Pairing:
    return Pairing(tuple(s for s, mine in group if mine), tuple(s for s, mine in group if not mine))


def _seconds(segment: Segment) -> float:
    return max(0.01, segment.end - segment.start)


def _overlap(segment: Segment, stretch: TimeRange) -> float:
    return max(0.0, min(segment.end, stretch.end) - max(segment.start, stretch.start))
