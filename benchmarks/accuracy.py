"""What the pipeline itself loses: the stand-in hears without a mistake, so every word missing or late is ours.

The interview of the tests is looped with a faint noise that differs from loop to loop, so that every clip is known by
its sound and the stand-in knows where it lies. Reference: the interview's own words and times.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.harness import headline, is_long, percentile, show
from desktop.engines import Clip, Gate, Manner, Wishes
from desktop.engines.gemini_service import Service
from desktop.engines.gemini_transcribe import TranscribeEngine
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import Recording, Report, TranscriptDocument, ignore_progress
from desktop.sending import LibraryGate
from desktop.transcription import Options, run_job, start_job
from tests.gemini_service import Answer, GeminiService, Heard, HeardAudio, Reply, Request
from tests.gemini_service.answers import words_on_sound
from tests.gemini_service.audio import envelope
from tests.gemini_service.server import Pause
from tests.sounds import INTERVIEW

WORDS, HELPER = "gemini-3.5-transcribe", "gemini-3.8-flash"
RATE = 16_000
_NEAR = 2.0  # seconds in which a word of the transcript may lie beside the word that was said


@dataclass(frozen=True)
class Said:
    """A word that is in the recording, in seconds of it."""

    text: str
    start: float
    end: float
    speaker: str

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


class Interview:
    """The interview over and over until `seconds` are full: int16 at 16 kHz, and what is said in it."""

    def __init__(self, seconds: float | None = None) -> None:
        once, _ = soundfile.read(INTERVIEW, dtype="int16")
        level = envelope(once.astype(np.float32) / 32768)
        segments = json.loads(INTERVIEW.with_suffix(".json").read_text("utf-8"))["segments"]
        words = [word for segment in segments for word in words_on_sound(segment, level)]
        period = len(once) / RATE
        self.seconds = period if seconds is None else seconds
        self._once, self._chance = once, np.random.default_rng(5)
        self.words = [
            Said(word["text"], loop * period + word["start"], loop * period + word["end"], word["speaker"])
            for loop in range(int(self.seconds / period) + 1) for word in words
            if loop * period + word["end"] <= self.seconds]

    def write(self, path: Path) -> Path:
        """As a FLAC file; every loop has a faint noise of its own."""
        left = round(self.seconds * RATE)
        with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
            while left > 0:
                noise = self._chance.normal(0, 2, len(self._once)).round().astype(np.int32)
                block = np.clip(self._once + noise, -32768, 32767).astype(np.int16)[:left]
                file.write(block)
                left -= len(block)
        return path


class Mind:
    """The stand-in's models: they hear every word of a clip right, and know a voice when they hear it."""

    def __init__(self, words: Sequence[Said]) -> None:
        self._words = words
        self._places: dict[int, float] = {}
        self.line_ups = 0

    def note(self, clip: Clip) -> None:
        """Before a clip is sent: where it lies."""
        self._places[_fingerprint(clip.speech)] = clip.start

    def __call__(self, heard: Heard) -> Answer:
        asked = (heard.schema or {}).get("properties", {})
        if "lines" in asked:
            return self._read(json.loads(heard.prompt[heard.prompt.index("\n["):]))
        answer = self._compare(heard) if "groups" in asked else self._hear(heard.audio[0])
        for part in heard.audio:  # ten minutes are 38 MB, and the stand-in keeps all that it has heard
            part.samples = np.broadcast_to(np.zeros(1, np.float32), part.samples.shape)
        heard.body.pop("input", None)
        return answer

    @staticmethod
    def _read(rows: list[dict[str, Any]]) -> Answer:
        return {"summary": "Two people talk about a plant.", "lines": [
            {"id": row["id"], "language": "en", "translation": "", "emotion": "neutral"} for row in rows]}

    def _hear(self, part: HeardAudio) -> Answer:
        origin = self._place(part)
        words = [{"text": word.text, "start": max(0.0, word.start - origin), "end": word.end - origin,
                  "speaker": word.speaker} for word in self._words if 0 <= word.middle - origin < part.seconds]
        return {"text": " ".join(str(word["text"]) for word in words), "words": words}

    def _compare(self, heard: Heard) -> Answer:
        self.line_ups += 1
        groups: dict[str, list[str]] = {}
        for number, part in enumerate(heard.audio):
            middle = self._place(part) + part.seconds / 2
            voice = min(self._words, key=lambda word: abs(word.middle - middle)).speaker
            groups.setdefault(voice, []).append("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number])
        return {"groups": [{"clips": clips, "sure": True} for clips in groups.values()]}

    def _place(self, part: HeardAudio) -> float:
        return self._places[_fingerprint((part.samples * 32768).round().astype(np.int16))]


class NotingEngine(TranscribeEngine):
    """The program's engine, which tells the stand-in where each clip lies."""

    def __init__(self, mind: Mind, url: str, gate: Gate, manner: Manner) -> None:
        super().__init__(WORDS, HELPER, Service("test-key-123", url, gate), manner)
        self._mind = mind

    def hear(self, clip: Clip, wishes: Wishes, report: Report) -> str:
        self._mind.note(clip)
        return super().hear(clip, wishes, report)

    def same_voices(self, clips: Sequence[Clip], prompt: str, schema: dict[str, Any], names: Sequence[str],
                    report: Report) -> str:
        for clip in clips:
            self._mind.note(clip)
        return super().same_voices(clips, prompt, schema, names, report)


class LightService(GeminiService):
    """The stand-in, which does not keep the bytes of what it has answered."""

    def handle(self, request: Request, pause: Pause) -> Reply:
        reply = super().handle(request, pause)
        request.body = b""
        return reply


def main() -> None:
    """The interview once and looped, in parts as the program makes them and in short ones with many borders."""
    with tempfile.TemporaryDirectory(prefix="pullquote-benchmark-") as folder:
        os.environ["PULLQUOTE_HOME"] = folder
        library = Library(Path(folder) / "data")
        try:
            _measure(library, Path(folder), "the interview", None, (600.0, 50.0))
            _measure(library, Path(folder), "12 min of it", 720.0, (600.0, 100.0))
            if is_long():
                _measure(library, Path(folder), "2 h of it", 7200.0, (600.0,))
        finally:
            library.close()


def _measure(library: Library, folder: Path, name: str, seconds: float | None, lengths: Sequence[float]) -> None:
    interview = Interview(seconds)
    path = interview.write(folder / f"{name}.flac")
    recording = import_audio(library, folder / "cache", path, ignore_progress).recording
    for longest in lengths:
        mind = Mind(interview.words)
        document, parts = _heard(library, folder / "cache", recording, mind, longest)
        headline(f"accuracy of the pipeline, {name} in {parts} {'part' if parts == 1 else 'parts'} of at most "
                 f"{longest:g} s (reference: {len(interview.words):,} words that are said, heard without a mistake)")
        _tell(document, interview.words, mind)


def _heard(library: Library, cache: Path, recording: Recording, mind: Mind,
           longest: float) -> tuple[TranscriptDocument, int]:
    with LightService() as service:
        service.answer = mind
        engine = NotingEngine(mind, service.url, LibraryGate(library, recording.id, consent=True), Manner())
        engine.longest_part = longest
        job = start_job(library, cache, recording, engine, Options("gemini", engine.model))
        job = run_job(library, cache, job.id, engine, ignore_progress)
    return library.document(job.transcript_id), len(job.parts)


def _tell(document: TranscriptDocument, said: Sequence[Said], mind: Mind) -> None:
    lines = [[Said(word.text, word.start, word.end, document.speaker_name(segment)) for word in segment.words]
             for segment in document.segments]
    got = [word for line in lines for word in line if _plain(word.text)]
    true = [word for word in said if _plain(word.text)]
    of = _matched(true, got)
    words = sum(len([word for word in segment.text.split() if _plain(word)]) for segment in document.segments)
    show("words that are there / words said", len(of) / len(true), "", least=0.99,
         more=f"{len(true) - len(of)} missing")
    show("words too many, heard twice", 100 * max(0, words - len(of)) / len(true), "%", most=0.5,
         more=f"{words - len(of)} words")
    off = {number: abs(got[number].start - word.start) for number, word in of.items()}
    first, at = [], 0
    for line in lines:
        if at in off:
            first.append(off[at])
        at += sum(bool(_plain(word.text)) for word in line)
    show("starts of lines, p95", percentile(first, 0.95), "s", most=0.25, more=f"worst {max(first):.2f} s")
    show("starts of words, p95", percentile(list(off.values()), 0.95), "s", most=0.25,
         more=f"worst {max(off.values()):.2f} s")
    names: dict[str, Counter[str]] = {}
    for number, word in of.items():
        names.setdefault(word.speaker, Counter())[got[number].speaker] += 1
    main_names = {counts.most_common(1)[0][0] for counts in names.values()}
    show(f"names for {len(names)} speakers", len(document.speakers), "names", most=len(names),
         more=f"{mind.line_ups} line-ups; main names {', '.join(sorted(main_names))}")
    show("speakers with a name of their own", len(main_names), "names", least=len(names))
    right = sum(counts.most_common(1)[0][1] for counts in names.values())
    show("words under their speaker's name", 100 * right / max(1, len(of)), "%", least=99)


def _matched(said: Sequence[Said], got: Sequence[Said]) -> dict[int, Said]:
    """The word that was said for each word of the transcript, by its number; each is used once, the nearest first."""
    by_text: dict[str, list[int]] = {}
    for number, word in enumerate(got):
        by_text.setdefault(_plain(word.text), []).append(number)
    pairs = sorted((abs(got[number].start - word.start), at, number) for at, word in enumerate(said)
                   for number in by_text.get(_plain(word.text), ()) if abs(got[number].start - word.start) <= _NEAR)
    found: dict[int, Said] = {}
    used: set[int] = set()
    for _, at, number in pairs:
        if at not in used and number not in found:
            used.add(at)
            found[number] = said[at]
    return found


def _plain(word: str) -> str:
    return re.sub(r"\W", "", word.casefold())


def _fingerprint(speech: np.ndarray) -> int:
    """A clip is known by its length and its beginning and end, to the bit (FLAC keeps them)."""
    ends = np.concatenate([speech[:2 * RATE], speech[-2 * RATE:]])
    return hash((len(speech), zlib.crc32(np.ascontiguousarray(ends).tobytes())))


if __name__ == "__main__":
    main()
