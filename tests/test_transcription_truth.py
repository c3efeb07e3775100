"""The whole way with recordings whose truth is known: words, times and speakers, through both engines."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from desktop.engines import make_engine
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import JobState, Segment, ignore_progress
from desktop.transcription import Options, run_job, start_job
from tests.clips import gemini
from tests.gemini_service import GeminiService, Locator, truth_answer
from tests.sounds import AUDIO, INTERVIEW, TWO_CHANNELS

TRUTH: list[dict[str, Any]] = json.loads(INTERVIEW.with_suffix(".json").read_text("utf-8"))["segments"]


def normal(text: str) -> list[str]:
    return [word for piece in text.casefold().split() if (word := re.sub(r"\W", "", piece))]


def ordered(lines: list[tuple[float, str]]) -> list[str]:
    return [word for _, text in sorted(lines) for word in normal(text)]


def heard_with(library: Library, cache: Path, service: GeminiService, longest: float, fractions: bool) -> list[Segment]:
    recording = import_audio(library, cache, INTERVIEW, ignore_progress).recording
    samples, _ = soundfile.read(INTERVIEW, dtype="float32")
    service.answer = truth_answer(TRUTH, Locator(samples), fractions=fractions)
    engine = gemini(service)
    engine.longest_part = longest
    job = start_job(library, cache, recording, engine, Options("gemini", engine.model, translate_to="en"))
    assert run_job(library, cache, job.id, engine, ignore_progress).state is JobState.DONE
    return library.segments(job.transcript_id)


@pytest.mark.parametrize("longest", [25.0, 40.0, 600.0])
@pytest.mark.parametrize("fractions, limit", [(True, 0.3), (False, 1.0)], ids=["exact", "whole seconds"])
def test_the_interview_comes_back_whole_and_once_and_on_time(library: Library, cache: Path, service: GeminiService,
                                                             longest: float, fractions: bool, limit: float) -> None:
    segments = heard_with(library, cache, service, longest, fractions)
    assert len(service.heard) >= 186 / longest
    wanted = ordered([(item["start"], item["text"]) for item in TRUTH])
    got = ordered([(segment.start, segment.text) for segment in segments])
    matched = sum(block.size for block in difflib.SequenceMatcher(None, wanted, got, autojunk=False)
                  .get_matching_blocks())
    assert matched / len(wanted) >= 0.97
    assert len(got) <= len(wanted) * 1.005, "words are there twice"
    assert not any(segment.flags for segment in segments)

    starts = {tuple(normal(item["text"])): item["start"] for item in TRUTH}
    off = [abs(segment.start - starts[tuple(normal(segment.text))]) for segment in segments
           if tuple(normal(segment.text)) in starts]
    assert len(off) > 0.7 * len(TRUTH)
    assert np.percentile(off, 95) <= limit and np.median(off) <= 0.1


def test_speakers_and_languages_arrive(library: Library, cache: Path, service: GeminiService) -> None:
    segments = heard_with(library, cache, service, 60.0, True)
    transcript = library.transcripts(library.recordings()[0].id)[0]
    assert [speaker.name for speaker in library.speakers(transcript.id)] == ["DR", "LF"]
    assert {segment.language for segment in segments} == {"en", "es"}
    assert transcript.summary.startswith("A conversation.")


def device(library: Library, cache: Path, path: Path) -> tuple[Library, int]:
    recording = import_audio(library, cache, path, ignore_progress).recording
    engine = make_engine("device", "tiny.en")
    job = start_job(library, cache, recording, engine, Options("device", "tiny.en"))
    assert run_job(library, cache, job.id, engine, ignore_progress).state is JobState.DONE
    return library, job.transcript_id


def test_the_device_hears_kennedy(library: Library, cache: Path) -> None:
    _, transcript = device(library, cache, AUDIO / "jfk-24k.opus")
    segments = library.segments(transcript)
    text = " ".join(normal(" ".join(segment.text for segment in segments)))
    assert "ask not what your country can do for you ask what you can do for your country" in text
    words = [word for segment in segments for word in segment.words]
    assert len(words) == 22 and all(0 <= word.start <= word.end <= 11 for word in words)
    assert next(word.start for word in words if word.text.startswith("ask")) == pytest.approx(3.3, abs=0.6)


def test_two_microphones_are_two_speakers_on_the_device(library: Library, cache: Path) -> None:
    _, transcript = device(library, cache, TWO_CHANNELS)
    speakers = {speaker.id: speaker.name for speaker in library.speakers(transcript)}
    said: dict[str, str] = {}
    for segment in library.segments(transcript):
        name = speakers[segment.speaker_id or 0]
        said[name] = said.get(name, "") + " " + segment.text.casefold()
    assert set(said) == {"Left channel", "Right channel"}
    assert "wizard" in said["Left channel"] and "wizard" not in said["Right channel"]
    assert "horizon" in said["Right channel"] and "horizon" not in said["Left channel"]


def test_one_voice_on_two_channels_is_one_speaker_on_the_device(library: Library, cache: Path) -> None:
    _, transcript = device(library, cache, AUDIO / "jfk-opus.webm")
    assert [speaker.name for speaker in library.speakers(transcript)] == ["Speaker"]


def test_gemini_gets_one_mixed_channel(library: Library, cache: Path, service: GeminiService) -> None:
    recording = import_audio(library, cache, TWO_CHANNELS, ignore_progress).recording
    engine = gemini(service)
    job = start_job(library, cache, recording, engine, Options("gemini", engine.model))
    run_job(library, cache, job.id, engine, ignore_progress)
    (heard,) = service.heard
    stereo, _ = soundfile.read(TWO_CHANNELS, dtype="float32")
    assert heard.audio[0].channels == 1
    assert np.abs(heard.audio[0].samples - stereo.mean(axis=1)).max() < 1e-4
