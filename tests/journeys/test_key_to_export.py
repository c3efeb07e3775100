"""A key, an interview, parts, segments, a click that plays, an export."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from desktop.api_key import ApiKey, KeyState
from desktop.audio.cache import CacheFiles
from desktop.audio.playback import PlaybackSource
from desktop.engines import make_engine
from desktop.exporting import file_name, render, write
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import JobState
from desktop.sending import LibraryGate
from desktop.transcription import Options, PartStored, run_job, start_job
from tests.desk import rename
from tests.fakes import Reports
from tests.gemini_service import GeminiService
from tests.journeys.story import INTERVIEW, KEY, check_whole_and_once, know_the_interview
from tests.test_api_key import Store


def test_from_the_key_to_the_export(library: Library, cache: Path, tmp_path: Path, service: GeminiService) -> None:
    know_the_interview(service)
    store = Store()
    keys = ApiKey(lambda: store)
    assert keys.store(KEY).state is KeyState.STORED

    recording = import_audio(library, cache, INTERVIEW, Reports()).recording
    engine = make_engine("gemini", "gemini-3.8-flash", key=keys.read().key, url=service.url,
                         gate=LibraryGate(library, recording.id, consent=True))
    engine.longest_part = 45.0
    job = start_job(library, cache, recording, engine, Options("gemini", engine.model, translate_to="en"))
    reports = Reports()
    assert run_job(library, cache, job.id, engine, reports).state is JobState.DONE
    assert len([p for p in reports.payloads if isinstance(p, PartStored)]) == len(job.parts) >= 5

    document = library.document(job.transcript_id)
    check_whole_and_once(document)
    assert {document.speaker_name(segment) for segment in document.segments} == {"DR", "LF"}

    source = PlaybackSource(CacheFiles(cache, recording.sha256).copy)
    for segment in document.segments[::7]:
        source.start(segment.start)
        sound = np.frombuffer(source.read(8000), np.int16)
        assert np.abs(sound).max() > 300, segment
        assert source.position(4000) == pytest.approx(segment.start + 0.25, abs=0.001)
    source.close()

    for speaker in library.speakers(job.transcript_id):
        rename(library, job.transcript_id, speaker.id, {"DR": "Daniel Reed", "LF": "Lucía Ferrer"}[speaker.name])
    target = tmp_path / file_name(recording.title, "json")
    write(render(library.document(job.transcript_id), "json"), target)
    exported = json.loads(target.read_text("utf-8"))
    assert {segment["speaker"] for segment in exported["segments"]} == {"Daniel Reed", "Lucía Ferrer"}
    assert exported["recording"]["duration"] == 186.865 and exported["missing"] == []
    assert not service.stored_interactions and not service.files
