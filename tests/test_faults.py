"""Faults of the service in the middle of two hearings: nothing lost, nothing twice, and the end is as without them."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.engines import gemini_service
from desktop.errors import PullquoteError
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import JobState, ignore_progress
from desktop.transcription import Options, run_job, start_job
from tests.gemini_service import Fault, GeminiService
from tests.sounds import INTERVIEW
from tests.test_two_hearings import Truth, engine_for

FAULTS = {
    "400": Fault.status(400, "invalid_request"), "403": Fault.status(403, "permission_denied"),
    "404 model": Fault.status(404, "model_not_found"), "413": Fault.status(413, "too_large"),
    "429 with a hint": Fault.status(429, "rate_limit_exceeded", retry_info_seconds=0.2),
    "429 per day": Fault.status(429, "quota_exceeded", per_day=True),
    "500": Fault.status(500, "api_error"), "503 html": Fault.html_503(), "504": Fault.status(504, "deadline_exceeded"),
    "portal": Fault.html_200(), "empty 200": Fault.empty_200(), "reset": Fault.drop(),
    "reset in the body": Fault.drop_mid_body(), "cut JSON": Fault.truncated_json(),
    "safety": Fault.interaction_status("failed", "safety"), "too long": Fault.interaction_status("incomplete"),
    "nothing said": Fault.empty_output(), "half the text": Fault.bad_json_text(),
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between tries are short; what is waited for stays the same."""
    monkeypatch.setattr(gemini_service.random, "uniform", lambda low, high: 0.01)


def lines(library: Library, transcript_id: int) -> list[tuple[float, str, str, str]]:
    document = library.document(transcript_id)
    return [(round(s.start, 2), s.text, document.speaker_name(s), s.language) for s in document.segments]


@pytest.fixture
def wanted(library: Library, cache: Any, service: GeminiService) -> list[tuple[float, str, str, str]]:
    """The transcript as it is when nothing goes wrong."""
    service.answer = Truth()
    recording = import_audio(library, cache, INTERVIEW, ignore_progress).recording
    engine = engine_for(library, recording.id, service, 70.0)
    job = start_job(library, cache, recording, engine, Options("gemini", engine.model))
    assert run_job(library, cache, job.id, engine, ignore_progress).state is JobState.DONE
    return lines(library, job.transcript_id)


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("call", [1, 4], ids=["second part", "later"])
def test_after_any_fault_the_end_is_the_same(library: Library, cache: Any, service: GeminiService,
                                             wanted: list[tuple[float, str, str, str]], name: str, call: int) -> None:
    recording = library.recordings()[0]
    engine = engine_for(library, recording.id, service, 70.0)
    job = start_job(library, cache, recording, engine, Options("gemini", engine.model))
    seen = [0]

    def now(request: Any) -> bool:
        mine = request.path.endswith("/interactions")
        seen[0] += mine
        return bool(mine and seen[0] == call + 1)

    service.fail_when(now, FAULTS[name])
    tries = 0
    while True:
        tries += 1
        try:
            state = run_job(library, cache, job.id, engine, ignore_progress).state
        except PullquoteError as error:
            state = library.job(job.id).state
            assert state is JobState.WAITING and error.sentence
        if state is JobState.DONE:
            break
        assert tries < 4, f"{name} does not end: {library.job(job.id).problem}"
        engine = engine_for(library, recording.id, service, 70.0)
    got = lines(library, job.transcript_id)
    assert sorted(text for _, text, _, _ in got) == sorted(text for _, text, _, _ in wanted) \
        or " ".join(t for _, t, _, _ in got).split() == " ".join(t for _, t, _, _ in wanted).split()
    assert {name for _, _, name, _ in got} == {name for _, _, name, _ in wanted}
    assert all(line.outcome != "under way" for line in library.sendings())
