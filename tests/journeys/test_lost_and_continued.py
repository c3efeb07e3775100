"""In the third part the program is stopped, killed, or loses its network; the next start hears what is missing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop.library import Library
from desktop.model import JobState, PartState
from desktop.settings import Settings, save
from tests.fakes import until
from tests.gemini_service import Fault, GeminiService
from tests.journeys.story import INTERVIEW, at_the_desk, check_whole_and_once, heard_parts, kept, know_the_interview
from tests.program import Running


def in_the_third_part(home: Path, service: GeminiService) -> Running:
    """A desk that waits for the answer to its third part."""
    know_the_interview(service)
    service.hold_from(2)
    running = at_the_desk(home, service, INTERVIEW)
    running.wait_for_line(lambda line: "Part 3 of" in line and "Gemini is listening" in line)
    until(lambda: service.held > 0)  # else it may be counted only after the end
    return running


def stored(home: Path) -> list[bool]:
    library = Library(home / "data")
    (job,) = library.unfinished_jobs()
    library.close()
    return [part.state is PartState.STORED for part in job.parts]


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_an_end_in_the_third_part_costs_that_part_only(home: Path, service: GeminiService,
                                                       number: signal.Signals) -> None:
    running = in_the_third_part(home, service)
    running.process.send_signal(number)
    code, _, _ = running.end()
    assert code != 0
    before = heard_parts(service)[:2]
    assert stored(home)[:4] == [True, True, False, False]
    (document,) = kept(home)
    assert document.segments and document.transcript.missing[0].start > 50

    service.release()
    count = len(service.heard)
    code, _, _ = at_the_desk(home, service).end()
    assert code == 0
    asked_later = heard_parts(service)[count:]
    assert len(asked_later) == len(stored_parts(home)) - 2 and before == heard_parts(service)[:2]
    (document,) = kept(home)
    check_whole_and_once(document)


def stored_parts(home: Path) -> list[object]:
    library = Library(home / "data")
    job = library.job(1)
    library.close()
    assert job.state is JobState.DONE
    return list(job.parts)


LOST: dict[str, Callable[[], Fault]] = {
    "reset": Fault.drop, "half an answer": Fault.truncated_json,
    "day's quota": lambda: Fault.status(429, "quota_exceeded", per_day=True)}


@pytest.mark.parametrize("name", LOST)
def test_a_network_lost_in_the_third_part_is_continued(home: Path, service: GeminiService, name: str) -> None:
    know_the_interview(service)
    service.fail_when(lambda request: request.parsed is not None and request.parsed.index == 2, LOST[name]())
    code, _, said = at_the_desk(home, service, INTERVIEW).end()
    assert code == 1 and len(said.splitlines()[-1]) > 40
    assert stored(home)[:4] == [True, True, False, False]
    service.stop_failing()
    count = len(service.heard)
    code, _, _ = at_the_desk(home, service).end()
    (document,) = kept(home)
    check_whole_and_once(document)
    assert code == 0 and len(service.heard) - count == len(stored_parts(home)) - 2


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_killed_again_and_again_no_answer_is_paid_for_twice(home: Path, service: GeminiService) -> None:
    know_the_interview(service)
    save(home / "config" / "settings.toml", Settings(parts_at_once=1.0))  # of two, either may be the one that is held
    files = [INTERVIEW]
    for part in range(1, 4):
        service.hold_from(len(service.heard) + 1)
        running = at_the_desk(home, service, *files)
        running.wait_for_line(lambda line, part=part: f"Part {part + 1} of" in line and "is listening" in line)
        until(lambda: service.held == 1)  # else it may be counted after the next number to hold was chosen
        running.process.kill()
        running.end()
        service.release()
        files = []
    code, _, _ = at_the_desk(home, service).end()
    (document,) = kept(home)
    check_whole_and_once(document)
    parts = len(stored_parts(home))
    assert code == 0 and parts <= len(service.heard) <= parts + 3  # each kill may cost the part under way


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_killed_while_importing_nothing_half_made_is_shown(home: Path, service: GeminiService) -> None:
    know_the_interview(service)
    running = at_the_desk(home, service, INTERVIEW)
    running.wait_for_line(lambda line: "Copying the original" in line)
    running.process.kill()
    running.end()
    code, _, _ = at_the_desk(home, service, INTERVIEW).end()
    assert code == 0
    (document,) = kept(home)
    check_whole_and_once(document)
    assert len(list((home / "data" / "recordings").iterdir())) == 1
    assert list((home / "cache").glob("*.tmp")) == []
