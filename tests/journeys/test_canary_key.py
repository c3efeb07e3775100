"""A key that is easy to find goes through a whole day of work and failures, and is found nowhere afterwards."""

from __future__ import annotations

from pathlib import Path

from tests.gemini_service import Fault, GeminiService
from tests.journeys.story import INTERVIEW, at_the_desk, find_in_files, kept, know_the_interview
from tests.program import run

CANARY = "AIzaCanary0123456789_abcdefghijklmnopqrs"


def test_the_key_is_nowhere_after_a_day_with_failures(home: Path, tmp_path: Path, service: GeminiService) -> None:
    service.key = CANARY
    know_the_interview(service)
    said = []
    for fault in (Fault.status(500, "api_error", f"echo {CANARY}", retry_after=0), Fault.html_200(), Fault.drop(),
                  Fault.status(403, "permission_denied", f"the key {CANARY} may not"), Fault.bad_json_text(),
                  Fault.redirect(307, "http://127.0.0.1:9/")):
        service.fail_next(fault)
        files = () if kept(home) else (INTERVIEW,)
        _, output, errors = at_the_desk(home, service, *files, key=CANARY).end()
        said += [output, errors]
    service.stop_failing()
    code, output, errors = at_the_desk(home, service, key=CANARY).end()
    tested = run(home, "key", "test", GEMINI_API_KEY=CANARY, PULLQUOTE_GEMINI_URL=service.url)
    said += [output, errors, tested.stdout, tested.stderr]
    assert code == 0 and tested.returncode == 0 and kept(home)[0].transcript.missing == ()
    assert CANARY not in "".join(said)
    assert find_in_files(tmp_path, "Puerto")  # the search has eyes
    assert find_in_files(tmp_path, CANARY) == []
    assert all(CANARY.encode() not in request.body for request in service.requests)


def test_the_words_of_an_interview_are_only_in_the_library(home: Path, tmp_path: Path, service: GeminiService) -> None:
    know_the_interview(service)
    code, _, errors = at_the_desk(home, service, INTERVIEW).end()
    assert code == 0 and "Puerto" not in errors
    assert {path.name.split("-")[0] for path in find_in_files(home, "Puerto Claro")} <= {"library.db"}
    assert not (home / "log").exists() or find_in_files(home / "log", "Puerto") == []
