"""Who speaks how much, and where a speaker is heard best."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.model import SPEAKER_UNSURE, Speaker, TimeRange, TranscriptDocument

_LONGEST, _SHORTEST = 8.0, 1.5  # seconds of a sample


@dataclass(frozen=True)
class Share:
    """What one speaker says of a transcript."""

    speaker: Speaker
    seconds: float
    lines: int
    part: float  # of all that is said, 0..1


def shares(document: TranscriptDocument) -> list[Share]:
    """All speakers in the order of their places."""
    seconds = dict.fromkeys(document.speakers, 0.0)
    lines = dict.fromkeys(document.speakers, 0)
    for segment in document.segments:
        if segment.speaker_id in seconds:
            seconds[segment.speaker_id] += segment.end - segment.start
            lines[segment.speaker_id] += 1
    total = sum(seconds.values()) or 1.0
    return [Share(speaker, seconds[i], lines[i], seconds[i] / total) for i, speaker in document.speakers.items()]


def sample(document: TranscriptDocument, speaker_id: int) -> TimeRange | None:
    """A stretch in which only this speaker is heard, at most eight seconds; None when they say nothing."""
    segments = document.segments
    best: tuple[float, float] | None = None
    latest = 0.0  # where what was said before has ended
    for number, segment in enumerate(segments):
        follows = segments[number + 1].start if number + 1 < len(segments) else segment.end
        if segment.speaker_id == speaker_id:
            start, end = max(segment.start, latest), min(segment.end, max(follows, segment.start))
            length = min(_LONGEST, end - start)
            sure = length if SPEAKER_UNSURE not in segment.flags else length / 10
            if length > 0 and (best is None or sure > best[0] + 0.01):
                best = sure, start
                if length >= _LONGEST and SPEAKER_UNSURE not in segment.flags:
                    break
        latest = max(latest, segment.end)
    if best is None:
        return None
    start = best[1]
    end = next(min(s.end, start + _LONGEST) for s in segments if s.speaker_id == speaker_id and s.end > start)
    return TimeRange(start, max(end, start + 0.2))
