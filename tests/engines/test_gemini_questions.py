"""An answer that streams in: however the stream ends, half an answer is never taken for a whole one."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from desktop.engines import gemini, gemini_service
from desktop.engines.gemini_answers import GeminiAnswers, Growing, Question
from desktop.engines.gemini_errors import SENTENCES
from desktop.engines.gemini_service import MOST_TRIES, Service
from desktop.errors import Cancelled, EngineError
from desktop.model import Report, Turn, ignore_progress
from tests.clips import KEY, Pauses, make_clip
from tests.fakes import FreeGate, Reports
from tests.gemini_service import Fault, GeminiService

WHOLE = "".join(f"The harbour paid for bridge number {number}. [{number}]\n" for number in range(1, 9))
LINES = Question("Who paid?", [f"[{number}] 0:0{number} Ann: The harbour paid." for number in range(1, 9)])


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """Waiting takes no time: each sleep moves the clock that the waiting loop looks at."""
    slept = Pauses()
    monkeypatch.setattr(gemini_service, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + sum(slept)))
    return slept


@pytest.fixture
def service(service: GeminiService) -> GeminiService:
    service.answer = lambda heard: WHOLE  # type: ignore[method-assign,assignment,misc]
    return service


class Asked:
    """One question and everything that came of it."""

    def __init__(self, service: GeminiService, question: Question = LINES, report: Report = ignore_progress,
                 key: str = KEY, pauses: Pauses | None = None) -> None:
        self.growing, self.gate, self.text, self.error = Growing(), FreeGate(), "", None
        sleep = time.sleep if pauses is None else pauses
        answers = GeminiAnswers("gemini-3.8-flash", Service(key, service.url, self.gate, sleep=sleep))
        try:
            self.text = answers.ask(question, self.growing, report)
        except EngineError as error:
            self.error = error
        finally:
            answers.close()

    @property
    def outcomes(self) -> list[str]:
        return [outcome for _, outcome, _ in self.gate.ended]


def test_a_whole_answer_is_what_grew_and_is_counted(service: GeminiService) -> None:
    asked = Asked(service)
    assert asked.text == asked.growing.text == WHOLE and asked.outcomes == ["answered"]
    usage = asked.gate.ended[0][2]
    assert usage is not None and usage.input_tokens > 0 and usage.output_tokens > len(WHOLE) // 4
    assert service.heard[0].body["stream"] is True and service.heard[0].body["store"] is False


# name -> (fault, our kind, what the ledger says)
BROKEN: dict[str, tuple[Fault, str, str]] = {
    **{f"cut after {n}": (Fault.sse_cut(n), "broken", "answered") for n in (0, 2, 4, 8, 12)},
    **{f"reset after {n}": (Fault.sse_cut(n, with_error=True), "network", "unknown") for n in (4, 8, 12)},
    "error event": (Fault.sse_error_event(), "refused", "answered"),
    "malformed event": (Fault.sse_malformed(), "broken", "answered"),
    "failed": (Fault.interaction_status("failed"), "refused", "answered"),
    "incomplete": (Fault.interaction_status("incomplete"), "broken", "answered"),
    "no text": (Fault.empty_output(), "broken", "answered"),
    "half the body": (Fault.truncated_json(), "broken", "answered"),
    "reset in the body": (Fault.drop_mid_body(), "network", "unknown"),
    "closed in the body": (Fault.drop_mid_body(reset=False), "network", "unknown"),
    "reset": (Fault.drop(), "network", "unknown"),
    "no answer": (Fault.hang(), "timeout", "unknown"),
    "stall": (Fault.stall(), "timeout", "unknown"),
    "quota": (Fault.status(429, "quota_exceeded", per_day=True), "quota", "failed"),
    "key": (Fault.status(401, "authentication"), "key", "failed"),
    "login page": (Fault.html_200(), "blocked", "unknown"),
}


@pytest.mark.parametrize("row", BROKEN)
def test_half_an_answer_is_no_answer(service: GeminiService, monkeypatch: pytest.MonkeyPatch, row: str) -> None:
    fault, kind, outcome = BROKEN[row]
    monkeypatch.setattr(gemini_service, "READ_TIMEOUT", 0.6)
    service.fail_next(fault)
    asked = Asked(service)
    assert asked.error is not None and asked.text == ""
    assert (asked.error.kind, asked.error.sentence, asked.outcomes) == (kind, SENTENCES[kind], [outcome])
    assert len(service.requests) == 1  # it may have been billed: it is not asked again


@pytest.mark.parametrize("fault", [Fault.empty_200(), Fault.redirect(302, "http://127.0.0.1:9/login"),
                                   Fault.redirect(307, "http://127.0.0.1:9/login")], ids=["empty", "302", "307"])
def test_what_is_no_stream_at_all_is_no_answer(service: GeminiService, fault: Fault) -> None:
    service.fail_next(fault)
    asked = Asked(service)
    assert asked.error is not None and asked.error.kind in ("blocked", "broken") and asked.growing.text == ""
    assert len(service.requests) == 1 and asked.outcomes == ["unknown"]


def test_an_answer_that_the_sdk_continues_is_whole_and_not_stored(service: GeminiService) -> None:
    service.fail_next(Fault.interaction_status("requires_continuation"))
    asked = Asked(service)
    assert asked.text == WHOLE and asked.error is None
    assert all(heard.body["store"] is False for heard in service.heard) and service.stored_interactions == {}


def test_wherever_a_stream_is_cut_it_is_never_a_whole_answer(service: GeminiService) -> None:
    """Up to the event that announces the end; the mark [DONE] behind it says nothing new."""
    text = "The harbour paid. [1]\n" * 3
    service.answer = lambda heard: text  # type: ignore[method-assign,assignment,misc]
    for count in range(60):
        service.fail_next(Fault.sse_cut(count))
        asked = Asked(service)
        if asked.error is None:
            break
        assert asked.error.kind == "broken" and text.startswith(asked.growing.text)
    assert asked.text == text and count >= 8


@pytest.mark.parametrize("fault", [Fault.status(429, "rate_limit_exceeded"), Fault.status(503, "service_unavailable"),
                                   Fault.html_503()], ids=["429", "503", "page"])
def test_busy_then_fine(service: GeminiService, pauses: Pauses, fault: Fault) -> None:
    service.fail_next(fault)
    reports = Reports()
    asked = Asked(service, report=reports, pauses=pauses)
    assert asked.text == asked.growing.text == WHOLE and asked.outcomes == ["failed", "answered"]
    assert any("trying again in" in sentence for sentence in reports.sentences) and sum(pauses) > 0.6


def test_a_service_that_stays_busy_is_given_up(service: GeminiService, pauses: Pauses) -> None:
    service.fail_when(lambda request: True, Fault.status(429, "rate_limit_exceeded"))
    asked = Asked(service, pauses=pauses)
    assert asked.error is not None and asked.error.kind == "rate" and asked.growing.text == ""
    assert len(service.requests) == MOST_TRIES and asked.outcomes == ["failed"] * MOST_TRIES


def test_a_slow_answer_grows_from_its_start(service: GeminiService) -> None:
    service.fail_next(Fault.slow_body(1.5))
    growing, seen = Growing(), []
    answers = GeminiAnswers("gemini-3.8-flash", Service(KEY, service.url, FreeGate()))
    try:
        text = answers.ask(LINES, growing, lambda progress: seen.append(growing.text))
    finally:
        answers.close()
    assert text == WHOLE and len(set(seen)) > 2
    assert all(WHOLE.startswith(part) for part in seen) and seen == sorted(seen, key=len)


def test_a_stream_that_trickles_can_be_stopped(service: GeminiService) -> None:
    service.fail_next(Fault.slow_body(30))
    stopped: list[float] = []

    def stop(progress: object) -> bool:
        if service.heard and not stopped:
            stopped.append(time.monotonic())
        return bool(stopped)

    with pytest.raises(Cancelled):
        Asked(service, report=Reports(stop))
    assert time.monotonic() - stopped[0] < 1.0


def test_a_total_time_limit_ends_a_trickle(service: GeminiService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemini_service, "TOTAL_TIMEOUT", 0.8)
    service.fail_next(Fault.slow_body(20))
    began = time.monotonic()
    asked = Asked(service)
    assert asked.error is not None and asked.error.kind == "timeout" and asked.text == ""
    assert time.monotonic() - began < 5


def test_a_clip_too_large_for_one_request_is_uploaded_and_removed(service: GeminiService,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemini, "INLINE_LIMIT", 1000)
    asked = Asked(service, Question("What is heard?", clip=make_clip()))
    assert asked.error is None and service.files == {} and asked.gate.remote == {}
    purposes = [(cargo.purpose, cargo.byte_count > 0) for cargo in asked.gate.left]
    assert purposes == [("upload", True), ("question", False)]


def test_without_a_gate_nothing_is_sent(service: GeminiService) -> None:
    answers = GeminiAnswers("gemini-3.8-flash", Service(KEY, service.url))
    try:
        with pytest.raises(EngineError, match="Nothing was sent"):
            answers.ask(LINES, Growing(), ignore_progress)
    finally:
        answers.close()
    assert service.requests == []


def test_one_object_serves_several_questions(service: GeminiService) -> None:
    growing, gate = Growing(), FreeGate()
    answers = GeminiAnswers("gemini-3.8-flash", Service(KEY, service.url, gate))
    try:
        first = answers.ask(LINES, growing, ignore_progress)
        second = answers.ask(Question("And?", LINES.lines, turns=[Turn("Who paid?", first, "m")]), growing,
                             ignore_progress)
    finally:
        answers.close()
    assert first == second == growing.text == WHOLE  # what grew begins anew
    assert [cargo.range for cargo in gate.left] == [None, None] and gate.left[1].byte_count > gate.left[0].byte_count


@pytest.mark.parametrize("text", ["港で会いました。[1]\n" * 30, "🎙 Ünïcödé “quotes” [1]\n" * 30, "x", "[]", "\n" * 100,
                                  "A line\r\nand\u2028another [1]", "data: {}\n\nevent: done\n"])
def test_every_text_arrives_as_it_was_said(service: GeminiService, text: str) -> None:
    service.answer = lambda heard: text  # type: ignore[method-assign,assignment,misc]
    assert Asked(service).text == text


def test_a_refused_key_is_said_and_not_in_the_error(service: GeminiService) -> None:
    asked = Asked(service, key="another-key")
    assert asked.error is not None and asked.error.kind == "key" and len(service.requests) == 1
    assert "another-key" not in repr(vars(asked.error)) + str(asked.error)
