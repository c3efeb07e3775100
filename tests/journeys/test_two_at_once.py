"""Two interviews are imported and heard at the same time, from one library, and stay two."""

from __future__ import annotations

import threading
from pathlib import Path

from desktop.engines import make_engine
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import JobState, ignore_progress
from desktop.sending import LibraryGate
from desktop.transcription import Options, run_job, start_job
from tests.clips import KEY
from tests.fakes import until
from tests.gemini_service import GeminiService
from tests.sounds import turns, write_wav


def test_two_interviews_at_once(library: Library, cache: Path, tmp_path: Path, service: GeminiService) -> None:
    ended: dict[str, JobState | BaseException] = {}

    def work(name: str, count: int) -> None:
        try:
            path = write_wav(tmp_path / f"{name}.wav", turns(count))
            recording = import_audio(library, cache, path, ignore_progress).recording
            engine = make_engine("gemini", "gemini-3.8-flash", key=KEY, url=service.url,
                                 gate=LibraryGate(library, recording.id, consent=True))
            engine.longest_part = 25.0
            job = start_job(library, cache, recording, engine, Options("gemini", engine.model))
            ended[name] = run_job(library, cache, job.id, engine, ignore_progress).state
        except BaseException as error:
            ended[name] = error

    threads = [threading.Thread(target=work, args=each) for each in (("first", 25), ("second", 40))]
    service.hold_from(0)
    for thread in threads:
        thread.start()
    until(lambda: service.held == 4)  # two parts of each are asked for at the same time
    service.release()
    for thread in threads:
        thread.join(100)
    assert ended == {"first": JobState.DONE, "second": JobState.DONE}
    counts = {}
    for recording in library.recordings():
        (transcript,) = library.transcripts(recording.id)
        counts[recording.title] = len(library.segments(transcript.id))
    assert counts == {"first": 25, "second": 40}
