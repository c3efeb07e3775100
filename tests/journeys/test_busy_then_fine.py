"""Gemini is busy twice: it is shown, waited for, and the interview is finished without anybody's help."""

from __future__ import annotations

from pathlib import Path

from tests.gemini_service import Fault, GeminiService
from tests.journeys.story import INTERVIEW, at_the_desk, check_whole_and_once, heard_parts, kept, know_the_interview


def test_a_busy_service_is_waited_for(home: Path, service: GeminiService) -> None:
    know_the_interview(service)
    busy = Fault.status(429, "rate_limit_exceeded", retry_info_seconds=0.4)
    service.fail_next(busy, busy)
    code, _, said = at_the_desk(home, service, INTERVIEW).end()
    assert code == 0 and "Gemini is busy; trying again in 1 s" in said
    (document,) = kept(home)
    check_whole_and_once(document)
    assert len(service.requests) == len(heard_parts(service)) + 2
