"""What may leave and what is written down of it: the one gate, below the window and the command line."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from desktop.engines import make_engine
from desktop.errors import EngineError, LibraryError, PullquoteError
from desktop.importing import import_audio
from desktop.ledger import by_month, money, size, what
from desktop.library import Library
from desktop.model import Cargo, JobState, Protection, Recording, Sending, TimeRange, Usage, ignore_progress
from desktop.sending import LibraryGate, NotAllowed, check_file, sweep
from desktop.transcription import Options, run_job, start_job
from tests.clips import KEY
from tests.gemini_service import Fault, GeminiService
from tests.sounds import turns, write_wav

ENGINES = Path(__file__).resolve().parent.parent / "desktop" / "engines"


@pytest.fixture
def recording(library: Library, cache: Path, tmp_path: Path) -> Recording:
    return import_audio(library, cache, write_wav(tmp_path / "talk.wav", turns(6)), ignore_progress).recording


def transcribe(library: Library, cache: Path, recording: Recording, service: GeminiService, *,
               consent: bool = True, time_range: TimeRange | None = None) -> JobState:
    engine = make_engine("gemini", "gemini-3.8-flash", key=KEY, url=service.url,
                         gate=LibraryGate(library, recording.id, consent=consent))
    job = start_job(library, cache, recording, engine, Options("gemini", engine.model, time_range=time_range))
    return run_job(library, cache, job.id, engine, ignore_progress).state


def test_each_request_is_a_line_with_range_size_tokens_and_cost(
        library: Library, cache: Path, recording: Recording, service: GeminiService) -> None:
    transcribe(library, cache, recording, service, time_range=TimeRange(2.0, 8.0))
    (line,) = library.sendings(recording.id)
    assert line.cargo.range == TimeRange(2.0, 8.0) and line.cargo.model == "gemini-3.8-flash"
    assert line.cargo.host == service.url.split("/")[2] and line.outcome == "answered"
    heard = service.heard[0]
    assert line.cargo.byte_count == heard.audio[0].byte_count and abs(heard.seconds - 6.0) < 0.01
    assert line.usage.input_tokens >= 6 * 32 and line.usage.output_tokens > 0 and line.cost and line.cost > 0


def test_the_line_is_there_before_the_first_byte(library: Library, cache: Path, recording: Recording,
                                                 service: GeminiService) -> None:
    seen: list[list[str]] = []
    service.answer = lambda heard, real=service.answer: (  # type: ignore[misc,method-assign]
        seen.append([line.outcome for line in library.sendings()]), real(heard))[1]
    transcribe(library, cache, recording, service)
    assert seen == [["under way"]]


@pytest.mark.parametrize("level", [Protection.NEVER, Protection.ASK])
def test_without_leave_nothing_is_sent_and_the_job_waits(
        library: Library, cache: Path, recording: Recording, service: GeminiService, level: Protection) -> None:
    library.set_protection(recording.id, level)
    with pytest.raises(NotAllowed):
        transcribe(library, cache, recording, service, consent=level is Protection.NEVER)
    assert service.requests == [] and library.sendings() == []
    (job,) = library.unfinished_jobs()
    assert job.state is JobState.WAITING and "sent" in job.problem


def test_nothing_of_a_recording_in_the_bin_is_sent(library: Library, cache: Path, recording: Recording,
                                                   service: GeminiService) -> None:
    library.set_protection(recording.id, Protection.MAY)
    library.set_binned([recording.id], True)
    with pytest.raises(NotAllowed, match="in the bin"):
        transcribe(library, cache, recording, service)
    assert service.requests == [] and library.sendings() == []


def test_may_be_sent_needs_no_question(library: Library, cache: Path, recording: Recording,
                                       service: GeminiService) -> None:
    library.set_protection(recording.id, Protection.MAY)
    assert transcribe(library, cache, recording, service, consent=False) is JobState.DONE


def test_a_mark_set_in_the_middle_of_a_job_holds_for_the_next_part(
        library: Library, cache: Path, recording: Recording, service: GeminiService) -> None:
    engine = make_engine("gemini", "gemini-3.8-flash", key=KEY, url=service.url,
                         gate=LibraryGate(library, recording.id, consent=True))
    engine.longest_part = 5.0
    job = start_job(library, cache, recording, engine, Options("gemini", engine.model))
    real = service.answer

    def forbid(heard: object) -> object:
        library.set_protection(recording.id, Protection.NEVER)
        return real(heard)  # type: ignore[arg-type]

    service.answer = forbid  # type: ignore[assignment]
    with pytest.raises(NotAllowed):
        run_job(library, cache, job.id, engine, ignore_progress)
    assert len(service.heard) <= 2 < len(job.parts)  # two were on their way
    assert len(library.segments(job.transcript_id)) > 0


def test_a_ledger_that_cannot_be_written_keeps_everything_here(
        library: Library, cache: Path, recording: Recording, service: GeminiService,
        monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> int:
        raise LibraryError("The disk is full.")

    monkeypatch.setattr(library, "add_sending", full)
    with pytest.raises(LibraryError):
        transcribe(library, cache, recording, service)
    assert service.requests == []


def test_each_try_is_a_line_of_its_own(library: Library, cache: Path, recording: Recording,
                                       service: GeminiService) -> None:
    service.fail_next(Fault.status(503, "service_unavailable"))
    transcribe(library, cache, recording, service)
    assert [line.outcome for line in library.sendings()] == ["answered", "failed"]


def test_a_lost_connection_has_an_unknown_end(library: Library, cache: Path, recording: Recording,
                                              service: GeminiService) -> None:
    service.fail_next(Fault.drop())
    with pytest.raises(EngineError):
        transcribe(library, cache, recording, service)
    assert [line.outcome for line in library.sendings()] == ["unknown"]


def test_what_was_under_way_in_a_crash_has_an_unknown_end(library: Library, recording: Recording) -> None:
    library.add_sending(recording.id, Cargo("transcript", "m", "h", TimeRange(0, 1), 10))
    sweep(library)
    assert library.sendings()[0].outcome == "unknown"


def test_the_ledger_outlives_the_recording(library: Library, recording: Recording) -> None:
    entry = library.add_sending(recording.id, Cargo("question", "m", "h", None, 10))
    library.end_sending(entry, "answered", Usage(5, 6), None)
    library.remove_recording(recording.id)
    (line,) = library.sendings()
    assert line.recording_id is None and line.usage == Usage(5, 6) and line.cost is None


def test_a_file_outside_the_library_is_known_by_its_sound(library: Library, recording: Recording) -> None:
    check_file(library, recording.sha256)
    check_file(library, "f" * 64)
    library.set_protection(recording.id, Protection.NEVER)
    with pytest.raises(PullquoteError, match="never upload"):
        check_file(library, recording.sha256)


def test_no_code_path_reaches_the_client_but_through_the_gate() -> None:
    """`_try` runs what gets the client: called by `send` and `upload` (gate), `find` (asks the gate what is there, and
    sends a name only) and `models` (nothing of a recording). `_call` is used beside it to remove files."""
    callers, clients = [], []
    callees: set[str] = set()
    for file in sorted(ENGINES.glob("*.py")):
        for function in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("self._call"):
                    callees.add(f"{file.name}:{function.name}")
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("._try"):
                    callers.append(f"{file.name}:{function.name}")
                if isinstance(node, ast.Call) and ast.unparse(node.func) in ("genai.Client", "_client"):
                    clients.append(f"{file.name}:{function.name}")
    assert set(callers) == {f"gemini_service.py:{name}" for name in ("send", "upload", "attempt", "find", "models")}
    assert callees == {f"gemini_service.py:{name}" for name in ("_try", "delete", "_take_back")}
    assert set(clients) == {"gemini_service.py:_call", "gemini_service.py:_client"}


def test_the_ledger_in_words_says_what_a_request_held() -> None:
    def line(purpose: str, place: TimeRange | None) -> Sending:
        return Sending(1, 1, "2026-11-22T10:00:00", Cargo(purpose, "m", "h", place, 999), "answered", Usage(1, 2), 0.5)

    assert what(line("transcript", TimeRange(0, 65))) == "0:00–1:05 (65 s)"
    assert what(line("line-up", TimeRange(0, 65))) == "short clips from 0:00–1:05 (65 s)"
    assert what(line("question", None)) == "text only"
    (month,) = by_month([line("question", None)] * 3)
    assert (month.name, month.requests, month.cost, month.is_cost_complete) == ("2026-11", 3, 1.5, True)
    assert [size(n) for n in (999, 12_345, 9_100_000)] == ["999 B", "12 kB", "9.1 MB"]
    assert [money(n) for n in (None, 0.0022, 0.25, 12.0)] == ["–", "$0.0022", "$0.250", "$12.00"]
