"""Public videos: their address goes to the model, nothing else does, and nobody is asked before the user says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desktop.asking import ask
from desktop.engines import make_engine
from desktop.engines.gemini_answers import make as make_answers
from desktop.errors import EngineError, UserError
from desktop.exporting import render
from desktop.importing import prepare_recording, remove_recording
from desktop.ledger import what
from desktop.library import Library
from desktop.model import JobState, Recording, TimeRange, ignore_progress
from desktop.receipts import claims_of, what_goes
from desktop.sending import LibraryGate
from desktop.transcription import Options, run_job, start_job
from desktop.videos import add_video, address_at, is_address, video_address
from tests.clips import KEY
from tests.gemini_service import Fault, GeminiService
from tests.program import run

PLAIN = "https://www.youtube.com/watch?v=ku-N-eS1lgM"


@pytest.mark.parametrize("text", [
    PLAIN, "http://youtube.com/watch?v=ku-N-eS1lgM", " https://youtu.be/ku-N-eS1lgM?si=whoSharedIt&t=30 ",
    "https://m.youtube.com/watch?app=desktop&v=ku-N-eS1lgM&list=PL1&index=3", "youtu.be/ku-N-eS1lgM",
    "https://www.youtube.com/shorts/ku-N-eS1lgM", "https://www.youtube.com/live/ku-N-eS1lgM?feature=share",
    "www.youtube.com/watch?v=ku-N-eS1lgM#t=3"])
def test_every_form_of_an_address_becomes_the_plain_one(text: str) -> None:
    assert is_address(text) and video_address(text) == PLAIN


@pytest.mark.parametrize("text", [
    "", "https://www.youtube.com/", "https://www.youtube.com/watch?v=", "https://www.youtube.com/watch?v=short",
    "https://vimeo.com/123", "https://youtube.com.evil.example/watch?v=ku-N-eS1lgM", "https://[", "file:///etc/passwd",
    "https://www.youtube.com/@channel", "https://evil.example/?u=youtu.be/ku-N-eS1lgM",
    "https://www.youtube.com/watch?v=ku-N-eS1lgM%0a", "javascript:alert(1)", "https://www.youtube.com/shorts/"])
def test_anything_else_is_refused_in_words(text: str) -> None:
    with pytest.raises(UserError, match="not the address of a video"):
        video_address(text)


@pytest.fixture
def video(library: Library) -> Recording:
    return add_video(library, PLAIN).recording


def answer(*lines: tuple[str, str]) -> str:
    """As the audio page's schema has it: `timestamp` alone, no end."""
    return json.dumps({"summary": "A talk.", "segments": [
        {"speaker": "Speaker 1", "timestamp": at, "content": text, "language": "English", "emotion": "neutral"}
        for at, text in lines]})


def transcribe(library: Library, cache: Path, video: Recording, service: GeminiService,
               time_range: TimeRange | None = None, model: str = "gemini-3.8-flash") -> int:
    engine = make_engine("gemini", model, key=KEY, url=service.url,
                         gate=LibraryGate(library, video.id, consent=True))
    job = start_job(library, cache, video, engine, Options("gemini", engine.model, time_range=time_range))
    try:
        assert run_job(library, cache, job.id, engine, ignore_progress).state is JobState.DONE
    finally:
        engine.close()
    return job.transcript_id


def test_adding_asks_nobody_and_the_same_video_is_one_recording(library: Library, cache: Path,
                                                                service: GeminiService) -> None:
    first, second = add_video(library, PLAIN), add_video(library, "https://youtu.be/ku-N-eS1lgM?si=x")
    assert second.was_here and second.recording.id == first.recording.id and service.requests == []
    assert prepare_recording(library, cache, first.recording, ignore_progress) == first.recording


def test_a_video_is_transcribed_at_its_address(library: Library, cache: Path, video: Recording,
                                               service: GeminiService) -> None:
    service.answer = lambda heard: answer(("00:02", "Good evening."), ("1:02:30", "And good night."))
    document = library.document(transcribe(library, cache, video, service))
    (heard,) = service.heard
    part = heard.body["input"][0]["content"][1]
    assert part == {"type": "video", "uri": PLAIN, "resolution": "low"} and heard.body["store"] is False
    assert [(s.start, s.text) for s in document.segments] == [(2.0, "Good evening."), (3750.0, "And good night.")]
    assert document.segments[0].end < 10 and 3750 < document.segments[1].end < 3760
    assert not any(s.flags for s in document.segments) and document.transcript.missing == ()
    assert document.recording.duration == document.segments[1].end == document.transcript.range.end
    (line,) = library.sendings(video.id)
    assert what(line) == "its address" and line.outcome == "answered"
    for kind in ("txt", "md", "srt", "vtt", "json"):
        assert "Good evening." in render(document, kind).decode()


def test_a_range_is_said_in_minutes_and_times_come_back_on_its_clock(
        library: Library, cache: Path, video: Recording, service: GeminiService) -> None:
    service.answer = lambda heard: answer(("01:05", "In the middle."), ("09:00", "Far behind the range."))
    document = library.document(transcribe(library, cache, video, service, TimeRange(60.0, 300.0)))
    assert "from 01:00 to 05:00" in service.heard[0].prompt
    assert document.segments[0].start == 65.0 and document.segments[0].flags == ()
    assert "time unsure" in document.segments[1].flags and document.segments[1].end <= 300.0
    assert document.transcript.range == TimeRange(60.0, 300.0)
    assert what(library.sendings()[0]) == "its address, for 1:00–5:00"


@pytest.mark.parametrize("fault", [Fault.status(400, "invalid_request"), Fault.status(403, "permission_denied")])
def test_a_video_that_cannot_be_opened_is_said_in_words(library: Library, cache: Path, video: Recording,
                                                        service: GeminiService, fault: Fault) -> None:
    service.fail_next(fault)
    engine = make_engine("gemini", "gemini-3.8-flash", key=KEY, url=service.url,
                         gate=LibraryGate(library, video.id, consent=True))
    job = start_job(library, cache, video, engine, Options("gemini", engine.model))
    job = run_job(library, cache, job.id, engine, ignore_progress)
    assert job.state is JobState.FAILED and "must be public" in job.problem


def test_only_a_general_model_can_watch(library: Library, cache: Path, video: Recording,
                                        service: GeminiService) -> None:
    with pytest.raises(UserError, match="general Gemini model"):
        transcribe(library, cache, video, service, model="gemini-3.5-transcribe + gemini-3.8-flash")
    assert service.requests == []


def test_a_bad_answer_is_asked_for_once_more(library: Library, cache: Path, video: Recording,
                                             service: GeminiService) -> None:
    answers = ["no JSON", answer(("00:02", "Good evening."))]
    service.answer = lambda heard: answers.pop(0)
    assert len(library.segments(transcribe(library, cache, video, service))) == 1 and len(service.heard) == 2


def test_questions_about_a_video(library: Library, cache: Path, video: Recording, service: GeminiService) -> None:
    def asked(question: str, **how: object) -> object:
        answers = make_answers("gemini-3.8-flash", key=KEY, url=service.url,
                               gate=LibraryGate(library, video.id, consent=True))
        try:
            return ask(library, cache, video, answers, question, report=ignore_progress, **how)  # type: ignore[arg-type]
        finally:
            answers.close()

    service.answer = lambda heard: "A man speaks. [01:30]\nMusic. [05:00]"
    assert what_goes(None, None, video, about_sound=False) == "video"
    thread = asked("What happens?", document=None, time_range=TimeRange(60.0, 240.0))
    content = service.heard[0].body["input"][0]["content"]
    assert {"type": "video", "uri": PLAIN, "resolution": "low"} in content and "from 01:00 to 04:00" in str(content)
    first, second = claims_of(thread.turns[0])  # type: ignore[attr-defined]
    assert first.places[0].start == 90.0 and second.places == ()
    assert [line.cargo.purpose for line in library.sendings()] == ["video question"]
    service.answer = lambda heard: answer(("00:02", "Good evening."))
    document = library.document(transcribe(library, cache, video, service))
    service.answer = lambda heard: "Somebody says good evening. [1]"
    asked("Who?", document=document)
    assert "video" not in str(service.heard[-1].body["input"])  # the words are enough
    service.fail_next(Fault.status(403, "permission_denied"))
    with pytest.raises(EngineError, match="must be public"):
        asked("Sounds?", document=document, about_sound=True)


def test_removing_a_video_takes_nothing_else_along(library: Library, cache: Path, video: Recording) -> None:
    other = library.folder / "recordings" / "other" / "original.wav"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"x")
    remove_recording(library, cache, video)
    assert other.exists() and library.recordings() == []


def test_a_place_in_the_browser(video: Recording) -> None:
    assert address_at(video, 0.0) == PLAIN and address_at(video, 90.7) == PLAIN + "&t=90s"


def with_key(service: GeminiService) -> dict[str, str]:
    return {"GEMINI_API_KEY": KEY, "PULLQUOTE_GEMINI_URL": service.url}


def test_on_the_command_line(home: Path, service: GeminiService) -> None:
    service.answer = lambda heard: answer(("00:02", "Good evening.")) if heard.schema else "He greets. [00:02]"
    done = run(home, "transcribe", "https://youtu.be/ku-N-eS1lgM", "--range", "0:00-2:00",
               **with_key(service))
    assert done.returncode == 0 and "Good evening." in done.stdout and "address is sent" in done.stderr
    done = run(home, "ask", PLAIN, "What happens?", **with_key(service))
    assert done.returncode == 0 and "He greets. [0:02]" in done.stdout
    assert run(home, "transcribe", "https://vimeo.com/1", **with_key(service)).returncode == 2
