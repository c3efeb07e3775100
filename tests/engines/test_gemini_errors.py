"""Every way in which Gemini can fail, through the real SDK: our sentence, what is tried again, and what never is."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from desktop.engines import Wishes, gemini, gemini_service
from desktop.engines.gemini import GeminiEngine, list_models
from desktop.engines.gemini_errors import SENTENCES, classify
from desktop.engines.gemini_service import MOST_TRIES, Service
from desktop.errors import Cancelled, EngineError
from desktop.model import Progress, ignore_progress
from tests.clips import KEY, Pauses, make_clip
from tests.clips import gemini as make_gemini
from tests.fakes import FreeGate, Reports
from tests.gemini_service import Fault, GeminiService


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """Waiting takes no time: each sleep moves the clock that the waiting loop looks at."""
    slept = Pauses()
    monkeypatch.setattr(gemini_service, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + sum(slept)))
    return slept


def hear(engine: GeminiEngine, report: Callable[..., None] = ignore_progress) -> str:
    try:
        return engine.hear(make_clip(), Wishes(), report)
    finally:
        engine.close()


def failure(engine: GeminiEngine, report: Callable[..., None] = ignore_progress) -> EngineError:
    with pytest.raises(EngineError) as caught:
        hear(engine, report)
    return caught.value


# name -> (fault, our kind): the rows that are never tried again, because trying cannot help or might be billed
FINAL: dict[str, tuple[Fault, str]] = {
    "400": (Fault.status(400, "invalid_request"), "request"),
    "400 unknown": (Fault.status(400, "parameter_unknown"), "request"),
    "400 billing off": (Fault.status(400, "failed_precondition", "Billing is not enabled"), "billing"),
    "401": (Fault.status(401, "authentication"), "key"),
    "402": (Fault.status(402, "payment_required"), "billing"),
    "403": (Fault.status(403, "permission_denied"), "forbidden"),
    "404": (Fault.status(404, "model_not_found"), "model"),
    "413": (Fault.status(413, ""), "too_large"),
    "429 of the day": (Fault.status(429, "quota_exceeded"), "quota"),
    "429 per day": (Fault.status(429, "rate_limit_exceeded", per_day=True), "quota"),
    "499": (Fault.status(499, "cancelled"), "request"),
    "501": (Fault.status(501, "unimplemented"), "request"),
    "407 proxy": (Fault.status(407, "proxy"), "blocked"),
    "511 portal": (Fault.status(511, "login"), "blocked"),
    "login page": (Fault.html_200(), "blocked"),
    "empty 200": (Fault.empty_200(), "blocked"),
    "302": (Fault.redirect(302, "http://127.0.0.1:9/login"), "blocked"),
    "307": (Fault.redirect(307, "http://127.0.0.1:9/elsewhere"), "blocked"),
    "reset": (Fault.drop(), "network"),
    "reset in the body": (Fault.drop_mid_body(), "network"),
    "closed in the body": (Fault.drop_mid_body(reset=False), "network"),
    "half an answer": (Fault.truncated_json(), "network"),
    "no answer": (Fault.hang(), "timeout"),
    "stall": (Fault.stall(), "timeout"),
    "408": (Fault.status(408, "timeout"), "timeout"),
    "failed": (Fault.interaction_status("failed"), "refused"),
    "incomplete": (Fault.interaction_status("incomplete"), "broken"),
    "no text": (Fault.empty_output(), "broken"),
}


@pytest.mark.parametrize("row", FINAL)
def test_this_failure_has_its_sentence_and_is_not_tried_again(service: GeminiService, monkeypatch: pytest.MonkeyPatch,
                                                              row: str) -> None:
    fault, kind = FINAL[row]
    monkeypatch.setattr(gemini_service, "READ_TIMEOUT", 0.6)
    service.fail_next(fault)
    error = failure(make_gemini(service))
    assert (error.kind, error.sentence) == (kind, SENTENCES[kind])
    assert len(service.requests) == 1


RETRIED: dict[str, tuple[Fault, str]] = {
    "429": (Fault.status(429, "rate_limit_exceeded"), "rate"),
    "429 too many": (Fault.status(429, "too_many_requests"), "rate"),
    "409": (Fault.status(409, "aborted"), "server"),
    "500": (Fault.status(500, "api_error"), "server"),
    "503": (Fault.status(503, "service_unavailable"), "server"),
    "503 page": (Fault.html_503(), "server"),
    "504": (Fault.status(504, "deadline_exceeded"), "server"),
}


@pytest.mark.parametrize("row", RETRIED)
def test_this_failure_is_tried_again_where_it_can_be_seen(service: GeminiService, pauses: Pauses, row: str) -> None:
    fault, _ = RETRIED[row]
    service.fail_next(fault)
    reports = Reports()
    assert "segments" in hear(make_gemini(service, pauses), reports)
    assert len(service.requests) == 2 and len(service.heard) == 1
    assert any("trying again in" in sentence for sentence in reports.sentences)
    assert 0.6 < sum(pauses) < 1.4


@pytest.mark.parametrize("row", RETRIED)
def test_tries_are_capped(service: GeminiService, pauses: Pauses, row: str) -> None:
    fault, kind = RETRIED[row]
    service.fail_when(lambda request: True, fault)
    error = failure(make_gemini(service, pauses))
    assert (error.kind, error.sentence) == (kind, SENTENCES[kind])
    assert len(service.requests) == MOST_TRIES
    assert 7 * 0.65 < sum(pauses) < 7 * 1.35  # 1 + 2 + 4 seconds, give or take 30 %


def test_the_time_that_the_service_names_is_waited(service: GeminiService, pauses: Pauses) -> None:
    service.fail_next(Fault.status(429, "rate_limit_exceeded", retry_info_seconds=17.5, retry_after=3))
    hear(make_gemini(service, pauses))
    assert sum(pauses) == pytest.approx(17.5, abs=0.2)


def test_the_header_counts_when_the_body_names_no_time(service: GeminiService, pauses: Pauses) -> None:
    service.fail_next(Fault.status(503, "service_unavailable", retry_after=5))
    hear(make_gemini(service, pauses))
    assert sum(pauses) == pytest.approx(5, abs=0.2)


@pytest.mark.parametrize("hint", [{"retry_info_seconds": 600.0}, {"retry_after": 100_0}])
def test_a_long_wait_is_left_to_the_user(service: GeminiService, pauses: Pauses, hint: dict[str, float]) -> None:
    service.fail_next(Fault.status(429, "rate_limit_exceeded", **hint))  # type: ignore[arg-type]
    error = failure(make_gemini(service, pauses))
    assert error.kind == "rate" and error.wait in (600.0, 1000.0)
    assert sum(pauses) == 0 and len(service.requests) == 1


@pytest.mark.parametrize("hint", ["Wed, 21 Oct 2026 07:28:00 GMT", "-5", "soon", "nan", ""])
def test_a_strange_retry_after_is_ignored(service: GeminiService, pauses: Pauses, hint: str) -> None:
    service.fail_next(Fault.status(503, "service_unavailable", retry_after=hint))
    hear(make_gemini(service, pauses))
    assert 0.6 < sum(pauses) < 1.4


def test_all_waiting_together_is_capped(service: GeminiService, pauses: Pauses) -> None:
    service.fail_when(lambda request: True, Fault.status(429, "rate_limit_exceeded", retry_info_seconds=40))
    assert failure(make_gemini(service, pauses)).kind == "rate"
    assert sum(pauses) <= 90.5 and len(service.requests) == 3


def test_waiting_can_be_stopped(service: GeminiService, pauses: Pauses) -> None:
    service.fail_next(Fault.status(429, "rate_limit_exceeded", retry_info_seconds=60))
    with pytest.raises(Cancelled):
        hear(make_gemini(service, pauses), Reports(lambda progress: "trying again" in progress.sentence))
    assert sum(pauses) == 0 and len(service.requests) == 1


def test_a_request_under_way_can_be_stopped_at_once(service: GeminiService) -> None:
    service.hold_from(0)
    asked: list[float] = []

    def stop(progress: object) -> bool:
        if service.held:
            asked.append(time.monotonic())
        return bool(asked)

    with pytest.raises(Cancelled):
        hear(make_gemini(service), Reports(stop))
    assert time.monotonic() - asked[0] < 1.0
    service.release()


def test_a_refused_connection_is_offline_and_tried_again(pauses: Pauses) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))  # bound and not listening: nothing can be sent, so nothing can be billed
        engine = GeminiEngine("gemini-3.8-flash", Service(KEY, f"http://127.0.0.1:{holder.getsockname()[1]}/",
                                                          FreeGate(), sleep=pauses))
        assert failure(engine).kind == "offline"
    assert sum(pauses) > 4


def test_an_unknown_host_is_offline(pauses: Pauses) -> None:
    engine = GeminiEngine("gemini-3.8-flash", Service(KEY, "http://no-such-host.invalid/", FreeGate(), sleep=pauses))
    assert failure(engine).kind == "offline"


def test_a_total_time_limit_ends_a_trickle(service: GeminiService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemini_service, "TOTAL_TIMEOUT", 0.8)
    service.fail_next(Fault.slow_body(20))
    began = time.monotonic()
    assert failure(make_gemini(service)).kind == "timeout"
    assert time.monotonic() - began < 5


def test_a_wrong_key_is_400_in_an_array_and_says_key(service: GeminiService) -> None:
    error = failure(make_gemini(service, key="another-key"))
    assert (error.kind, error.sentence) == ("key", SENTENCES["key"]) and len(service.requests) == 1


@pytest.mark.parametrize("key", ["", "   ", "ключ", "clé"])
def test_a_key_that_cannot_be_one_is_refused_before_anything_is_sent(service: GeminiService, key: str) -> None:
    with pytest.raises(EngineError) as caught:
        make_gemini(service, key=key)
    assert caught.value.kind == "key" and not service.requests


def test_a_clip_too_large_for_one_request_is_uploaded(service: GeminiService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemini, "INLINE_LIMIT", 1000)
    service.fail_next(Fault.status(400, "invalid_request"))
    assert failure(make_gemini(service)).kind == "request" and not service.heard and not service.files


LISTING: dict[str, tuple[Fault, str]] = {
    "403": (Fault.status(403, "x"), "forbidden"), "page": (Fault.html_200(), "blocked"),
    "day": (Fault.status(429, "x", per_day=True), "quota"), "drop": (Fault.drop(), "network"),
    "302": (Fault.redirect(302, "http://127.0.0.1:9/"), "blocked")}


@pytest.mark.parametrize("row", LISTING)
def test_the_other_family_of_errors_has_the_same_sentences(service: GeminiService, row: str) -> None:
    fault, kind = LISTING[row]
    service.fail_next(fault, route="models.list")
    with pytest.raises(EngineError) as caught:
        list_models(KEY, service.url, ignore_progress)
    assert caught.value.kind == kind


def test_the_key_is_tested_by_listing_models(service: GeminiService) -> None:
    assert "gemini-3.8-flash" in list_models(KEY, service.url, ignore_progress)
    with pytest.raises(EngineError) as caught:
        list_models("wrong-key", service.url, ignore_progress)
    assert caught.value.kind == "key"


def test_an_answer_that_arrives_at_the_last_moment_is_not_lost() -> None:
    from concurrent.futures import Future

    class Late(Future[str]):
        """Ready exactly when the waiting for it has just given up."""

        def result(self, timeout: float | None = None) -> str:
            if not self.done():
                self.set_result("paid for")
                raise TimeoutError
            return super().result(timeout)

    late = Late()
    threading.Timer(0.15, lambda: late.done() or late.set_result("paid for")).start()
    assert gemini_service._result(late, ignore_progress, lambda: Progress(0.0, "Waiting")) == "paid for"


def test_no_error_or_log_carries_the_key(service: GeminiService, caplog: pytest.LogCaptureFixture,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    caplog.set_level(logging.DEBUG)
    canary = "AIzaCanary0123456789abcdefghijklmnopqrstu"
    error = failure(make_gemini(service, key=canary))
    seen: set[int] = set()
    stack: list[BaseException | None] = [error]
    while stack:
        current = stack.pop()
        if current is not None and id(current) not in seen:
            seen.add(id(current))
            assert canary not in repr(vars(current)) + str(current)
            assert not hasattr(current, "request") and not hasattr(current, "response")
            stack += [current.__cause__, current.__context__]
    assert service.requests and all(canary not in record.getMessage() for record in caplog.records)


def test_what_nobody_expected_is_a_broken_answer() -> None:
    assert classify(RuntimeError("odd")).kind == "broken"
    assert classify(RecursionError()).kind == "broken"


def test_every_kind_of_failure_has_a_sentence_with_a_next_step() -> None:
    for kind, sentence in SENTENCES.items():
        assert sentence.endswith(".") and len(sentence) > 30, kind
