"""What the stand-in's model says: by default something about the audio, or the truth of a known recording."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .audio import RATE, SILENCE, Locator, at_16k, envelope, loud_stretches
from .records import Heard, HeardAudio, Samples

Answer = dict[str, Any] | str       # a dict becomes JSON; for a transcription it holds text and words
Answerer = Callable[[Heard], Answer]

SPEAKERS = ("A", "B")
BRIGHTNESS = ("dark", "warm", "plain", "clear", "bright", "sharp", "thin", "hissing")


def clock(seconds: float, fractions: bool = True) -> str:
    """MM:SS.mmm, or MM:SS; minutes go on counting past sixty."""
    if not fractions:
        return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"
    thousandths = round(seconds * 1000)
    return f"{thousandths // 60_000:02d}:{thousandths % 60_000 / 1000:06.3f}"


def default_answer(heard: Heard) -> Answer:
    """Speech from the loud stretches of the audio; for other schemas the plainest value that fits."""
    segments = [segment for part in heard.audio for segment in _segments_of(part)]
    if heard.transcribes:
        return as_transcription(segments)
    if heard.schema is None:
        return f"I heard {heard.seconds:.1f} seconds of audio in {len(segments)} stretches."
    if "segments" not in heard.schema.get("properties", {}):
        return dict(plainest(heard.schema))
    return as_schema(segments, heard.schema, f"{len(segments)} stretches of sound. They alternate.")


def _segments_of(part: HeardAudio) -> list[dict[str, Any]]:
    samples = at_16k(part)
    return [
        {"start": start, "end": end, "speaker": SPEAKERS[number % 2], "language": "en",
         "text": describe(samples[int(start * RATE):int(end * RATE)])}
        for number, (start, end) in enumerate(loud_stretches(samples))
    ]


def describe(samples: Samples) -> str:
    """Words that depend on the sound alone, so that the same stretch reads the same in every clip."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    power[0] = 0.0
    pitches = np.fft.rfftfreq(len(samples), 1 / RATE)
    pitch = round(float(pitches[int(np.argmax(power))]), -1)
    centre = float(np.sum(pitches * power) / max(float(power.sum()), 1e-12))
    return f"A {BRIGHTNESS[min(7, int(centre / 500))]} sound near {pitch:.0f} hertz."


def as_schema(segments: list[dict[str, Any]], schema: dict[str, Any], summary: str,
              fractions: bool = False) -> dict[str, Any]:
    """Segments in the form the app's schema asks for: only the properties it names."""
    properties = schema.get("properties", {})
    asked = properties.get("segments", {}).get("items", {}).get("properties", {})
    answer = {"summary": summary, "segments": [_as_asked(segment, asked, fractions) for segment in segments]}
    fill = {name: plainest(part) for name, part in properties.items() if name not in answer}
    return {name: value for name, value in {**answer, **fill}.items() if name in properties}


def _as_asked(segment: dict[str, Any], asked: dict[str, Any], fractions: bool) -> dict[str, Any]:
    start, end = (clock(segment[name], fractions) for name in ("start", "end"))
    known = {
        "start": start, "timestamp": start, "end": end, "speaker": segment["speaker"],
        "content": segment["text"], "text": segment["text"], "language": segment.get("language", ""),
        "translation": segment.get("translation", ""), "emotion": segment.get("emotion", "neutral"),
    }
    return {name: known[name] if name in known else plainest(part) for name, part in asked.items()}


def plainest(schema: dict[str, Any]) -> Any:
    """The simplest value that follows a schema."""
    if schema.get("enum"):
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: plainest(part) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [plainest(schema["items"])] * schema.get("minItems", 0)
        case "string":
            return "text"
        case "boolean":
            return False
        case _:
            return 0


def as_transcription(segments: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Text and timed words, as the transcription model gives them."""
    words = [word for segment in segments for word in words_of(segment)]
    return {"text": " ".join(word["text"] for word in words), "words": words}


def words_of(segment: dict[str, Any]) -> list[dict[str, Any]]:
    """A segment's words, spread evenly over its time."""
    texts = segment["text"].split()
    step = (segment["end"] - segment["start"]) / max(1, len(texts))
    return [{**segment, "text": text, "start": segment["start"] + number * step,
             "end": segment["start"] + (number + 1) * step} for number, text in enumerate(texts)]


def truth_answer(reference: list[dict[str, Any]], locate: Locator | Samples, fractions: bool = True,
                 summary: str = "A conversation. It was recorded.") -> Answerer:
    """An answer function that knows the recording: the reference's segments that lie in the clip it is sent.

    `locate` is a Locator, or the recording's samples (16 kHz, mono) to make one of. Of a segment that the
    clip cuts, or in part silences, only the words that can be heard are given.
    """
    find = Locator(locate) if isinstance(locate, np.ndarray) else locate
    level = envelope(find.recording)
    spoken = [words_on_sound(segment, level) for segment in reference]

    def answer(heard: Heard) -> Answer:
        segments = [piece for part in heard.audio for piece in _heard_of(spoken, part, find(part))]
        if heard.transcribes:
            return as_transcription(segments)
        if heard.schema is None:
            return " ".join(segment["text"] for segment in segments)
        if "segments" not in heard.schema.get("properties", {}):
            return dict(plainest(heard.schema))
        return as_schema(segments, heard.schema, summary, fractions)

    return answer


def words_on_sound(segment: dict[str, Any], level: Samples) -> list[dict[str, Any]]:
    """A segment's words, spread evenly over those of its frames that are not digital silence."""
    words = words_of(segment)
    first, last = (round(segment[name] * 100) for name in ("start", "end"))
    frames = np.flatnonzero(level[first:last] > SILENCE) + first
    shares = np.array_split(frames, max(1, len(words)))
    if len(frames) < len(words):
        return words
    edges = [segment["start"], *(float(share[0]) / 100 for share in shares[1:]), segment["end"]]
    return [{**word, "start": start, "end": end, "frames": share}
            for word, (start, end), share in zip(words, pairwise(edges), shares, strict=True)]


def _heard_of(spoken: list[list[dict[str, Any]]], part: HeardAudio,
              offset: float | None) -> list[dict[str, Any]]:
    if offset is None:
        return []
    audible = envelope(at_16k(part)) > SILENCE
    heard = ([word for word in words if _can_be_heard(word, audible, offset)] for words in spoken)
    return [_joined(words, offset, part.seconds) for words in heard if words]


def _can_be_heard(word: dict[str, Any], audible: NDArray[np.bool_], offset: float) -> bool:
    """Whether at least half of what the recording has of the word is in the clip and not silenced."""
    frames = word.get("frames", np.array([int((word["start"] + word["end"]) * 50)])) - round(offset * 100)
    inside = frames[(frames >= 0) & (frames < len(audible))]
    return bool(2 * np.count_nonzero(audible[inside]) >= len(frames))


def _joined(words: list[dict[str, Any]], offset: float, seconds: float) -> dict[str, Any]:
    """One segment of the words that were heard, in the clip's own time."""
    start, end = max(0.0, words[0]["start"] - offset), min(seconds, words[-1]["end"] - offset)
    return {**words[0], "start": start, "end": end, "text": " ".join(word["text"] for word in words)}
