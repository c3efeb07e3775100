"""Long synthetic material for the window: peaks of any length and transcripts of any number of segments."""

from __future__ import annotations

import numpy as np

from desktop.audio.peaks import Peaks
from desktop.model import Recording, Segment, Speaker, TimeRange, Transcript, TranscriptDocument

_RATE, _BUCKET = 48_000, 256
_WORDS = ("and", "then", "we", "went", "down", "to", "the", "harbour", "because", "nobody", "had", "told", "us", "that",
          "ferry", "was", "late", "again", "so", "what", "did", "you", "say", "when", "they", "asked", "about", "money",
          "in", "second", "account", "of", "council")


def peaks(seconds: float) -> Peaks:
    """A pyramid that looks like speech: turns of a few seconds, pauses between, noise everywhere."""
    chance = np.random.default_rng(3)
    count = int(seconds * _RATE / _BUCKET)
    turns = np.repeat(chance.uniform(0, 110, count // 200 + 1) * (chance.random(count // 200 + 1) > 0.2), 200)[:count]
    loud = turns * chance.uniform(0.3, 1.0, count) + 2
    base = np.stack([-loud, loud, loud * 0.7], axis=1).astype(np.int16).astype(np.int8)
    return Peaks.build(_RATE, _BUCKET, base, int(seconds * _RATE))


def document(seconds: float, count: int) -> TranscriptDocument:
    """`count` segments of two to forty words by four speakers, back to back over the whole recording."""
    chance = np.random.default_rng(5)
    speakers = {number: Speaker(number, f"Speaker {number}", number - 1) for number in range(1, 5)}
    step = seconds / count
    segments = tuple(
        Segment(start=index * step, end=(index + 0.95) * step, speaker_id=1 + int(chance.integers(4)),
                text=" ".join(chance.choice(_WORDS, int(chance.integers(2, 40)))), id=index + 1)
        for index in range(count))
    recording = Recording(1, "Benchmark", "folder", "original.wav", "0" * 64, seconds, _RATE, 2, "2026-01-01T00:00:00Z")
    transcript = Transcript(1, 1, "device", "none", "2026-01-01T00:00:00Z", TimeRange(0, seconds))
    return TranscriptDocument(recording, transcript, speakers, segments)
