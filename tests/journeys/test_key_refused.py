"""The key is refused: it is said, the interview waits, and with a good key nothing is lost."""

from __future__ import annotations

from pathlib import Path

from tests.gemini_service import GeminiService
from tests.journeys.story import INTERVIEW, at_the_desk, check_whole_and_once, kept, know_the_interview


def test_a_refused_key_costs_nothing_but_a_new_key(home: Path, service: GeminiService) -> None:
    know_the_interview(service)
    code, _, said = at_the_desk(home, service, INTERVIEW, key="a-revoked-key").end()
    assert code == 1 and "Gemini refused the key" in said and "Settings" in said
    assert len(service.requests) == 1 and service.heard == []
    (document,) = kept(home)
    assert document.segments == () and document.transcript.missing[0].seconds == document.recording.duration

    code, _, _ = at_the_desk(home, service).end()
    assert code == 0
    (document,) = kept(home)
    check_whole_and_once(document)
