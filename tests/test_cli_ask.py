"""`pullquote ask` as a real process: answers with sources on stdout, everything else on stderr, and the ledger."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import Protection, Segment, TimeRange, ignore_progress
from desktop.receipts import PRESETS
from tests.clips import KEY
from tests.gemini_service import Fault, GeminiService
from tests.program import Running, run
from tests.sounds import turns, write_wav


@pytest.fixture
def tones(tmp_path: Path) -> Path:
    """Twelve seconds of tones."""
    return write_wav(tmp_path / "secret-source.wav", turns(6))


@pytest.fixture
def kept(library: Library, cache: Path, tones: Path) -> Path:
    """The same in the library, with a transcript; the library is closed, as the command line finds it."""
    recording = import_audio(library, cache, tones, ignore_progress).recording
    transcript = library.add_transcript(recording.id, engine="reference", model="by hand",
                                        time_range=TimeRange(0.0, recording.duration))
    library.add_segments(transcript.id, [("Ann", Segment(0.0, 2.0, "Who paid for the bridge?")),
                                         ("Ben", Segment(2.0, 4.0, "The harbour paid 4500.")),
                                         ("Ann", Segment(4.0, 6.0, "Thank you, mayor."))])
    library.close()
    return tones


def with_service(service: GeminiService, key: str = KEY) -> dict[str, str]:
    return {"PULLQUOTE_GEMINI_URL": service.url, "GEMINI_API_KEY": key}


def says(service: GeminiService, answer: str) -> None:
    service.answer = lambda heard: answer  # type: ignore[method-assign,assignment,misc]


def ledger(home: Path) -> list[list[str]]:
    """The ledger's lines as the command prints them, without the head and the months."""
    done = run(home, "ledger")
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()[1:] if "\t" in line]


def test_a_range_of_a_file_is_asked_about_and_nothing_but_the_ledger_is_kept(home: Path, tones: Path,
                                                                            service: GeminiService) -> None:
    says(service, "A tone is heard. [00:01]\nIt is a nice one. []\nAnother follows. [0:03, 00:01]")
    done = run(home, "ask", tones, "What is heard?", "--range", "0:04-0:08", **with_service(service))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["A tone is heard. [0:05]", "It is a nice one. [no source in the recording]",
                                        "Another follows. [0:07, 0:05]"]
    (heard,) = service.heard
    assert heard.seconds == pytest.approx(4.0, abs=0.001) and "Question: What is heard?" in heard.prompt
    assert b"secret-source" not in service.requests[0].body
    assert f"sent to {service.url.split('/')[2]}, with the sound." in done.stderr
    ((_, _, purpose, part, *_),) = ledger(home)
    assert purpose == "question" and "0:04" in part and "0:08" in part
    library = Library(home / "data")
    try:
        assert library.recordings() == []
        (line,) = library.sendings()
        assert line.cargo.range == TimeRange(4.0, 8.0) and line.outcome == "answered" and line.recording_id is None
    finally:
        library.close()


def test_over_a_kept_transcript_the_words_are_asked_about_and_the_answer_stays(home: Path, kept: Path,
                                                                              service: GeminiService) -> None:
    says(service, "The harbour paid for the bridge. [2, 1]\nShe was thankful. [3]\nIt rained. [99]")
    done = run(home, "ask", kept, "Who paid?", "--keep", **with_service(service))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["The harbour paid for the bridge. [0:02, 0:00]",
                                        "She was thankful. [0:04]",
                                        "It rained. [no source in the recording]"]
    (heard,) = service.heard
    assert heard.audio == [] and "[2] 0:02 Ben: The harbour paid 4500." in heard.prompt
    assert "with the words of the transcript." in done.stderr
    library = Library(home / "data")
    try:
        (recording,) = library.recordings()
        (thread,) = library.threads(recording.id)
        assert thread.turns[0].question == "Who paid?" and thread.transcript_id is not None
        (line,) = library.sendings(recording.id)
        assert (line.cargo.purpose, line.cargo.range, line.outcome) == ("question", None, "answered")
    finally:
        library.close()


def test_without_keep_the_librarys_words_stay_where_they_are(home: Path, kept: Path, service: GeminiService) -> None:
    says(service, "A tone. [00:01]")
    done = run(home, "ask", kept, "Who paid?", **with_service(service))
    assert done.returncode == 0 and "harbour" not in service.heard[0].prompt
    assert service.heard[0].seconds == pytest.approx(12.0, abs=0.001)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_asks_its_question(home: Path, kept: Path, service: GeminiService, name: str) -> None:
    done = run(home, "ask", kept, "--preset", name, "--keep", **with_service(service))
    assert done.returncode == 0 and done.stdout, done.stderr
    (heard,) = service.heard
    _, question, about_sound = PRESETS[name]
    assert f"Question: {question}" in heard.prompt and bool(heard.audio) is about_sound
    assert ("with the sound." if about_sound else "with the words of the transcript.") in done.stderr


def test_a_range_of_a_kept_recording_sends_its_words_and_its_sound(home: Path, kept: Path,
                                                                   service: GeminiService) -> None:
    done = run(home, "ask", kept, "Who?", "--keep", "--range", "0:02-0:04", **with_service(service))
    assert done.returncode == 0 and "with the words and the sound." in done.stderr
    (heard,) = service.heard
    assert heard.seconds == pytest.approx(2.0, abs=0.001)
    assert "harbour" in heard.prompt and "mayor" not in heard.prompt


def test_the_model_can_be_chosen(home: Path, tones: Path, service: GeminiService) -> None:
    done = run(home, "ask", tones, "What?", "--model", "gemini-3.5-flash-lite", **with_service(service))
    assert done.returncode == 0 and service.heard[0].model == "gemini-3.5-flash-lite"


def test_without_a_key_it_is_one_line_and_nothing_happens(home: Path, tones: Path, service: GeminiService) -> None:
    done = run(home, "ask", tones, "Who?", PULLQUOTE_GEMINI_URL=service.url)
    assert done.returncode == 1 and done.stdout == "" and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("No Gemini key is set.") and service.requests == []


def test_without_a_question_it_is_one_line(home: Path, tones: Path, service: GeminiService) -> None:
    done = run(home, "ask", tones, **with_service(service))
    assert done.returncode == 1 and done.stdout == "" and len(done.stderr.splitlines()) == 1
    assert "Write a question" in done.stderr and service.requests == []


@pytest.mark.parametrize("arguments", [["ask"], ["ask", "a.wav", "Who?", "--preset", "gossip"],
                                       ["ask", "a.wav", "Who?", "--range", "3:00-2:00"],
                                       ["ask", "a.wav", "Who?", "--range", "soon"],
                                       ["ask", "a.wav", "Who?", "--extra"]])
def test_wrong_use_is_2(home: Path, arguments: list[str]) -> None:
    done = run(home, *arguments)
    assert done.returncode == 2 and "usage:" in done.stderr and done.stdout == ""


def test_a_bad_file_is_1_and_nothing_is_sent(home: Path, tmp_path: Path, service: GeminiService) -> None:
    (tmp_path / "letter.mp3").write_text("Dear editor " * 100)
    for file in (tmp_path / "letter.mp3", tmp_path / "missing.wav"):
        done = run(home, "ask", file, "Who?", **with_service(service))
        assert done.returncode == 1 and done.stdout == "" and "Traceback" not in done.stderr
    assert service.requests == []


@pytest.mark.parametrize("fault", [Fault.status(429, "quota_exceeded", per_day=True), Fault.sse_cut(5),
                                   Fault.interaction_status("failed"), Fault.drop()],
                         ids=["quota", "cut", "failed", "drop"])
def test_a_failed_answer_is_1_prints_nothing_and_is_in_the_ledger(home: Path, tones: Path, service: GeminiService,
                                                                  fault: Fault) -> None:
    says(service, "A tone is heard. [00:01]\n" * 5)
    service.fail_next(fault)
    done = run(home, "ask", tones, "What?", **with_service(service))
    assert done.returncode == 1 and done.stdout == "" and "Traceback" not in done.stderr
    assert len(ledger(home)) == 1 and len(service.requests) == 1


def test_a_refused_key_is_1_with_its_sentence_and_not_in_the_output(home: Path, tones: Path,
                                                                    service: GeminiService) -> None:
    done = run(home, "ask", tones, "What?", **with_service(service, "wrong-key"))
    assert done.returncode == 1 and "refused the key" in done.stderr.splitlines()[-1]
    assert "wrong-key" not in done.stdout + done.stderr


@pytest.mark.parametrize("keep", [["--keep"], []], ids=["kept", "not kept"])
def test_what_is_marked_never_is_not_asked_about(home: Path, kept: Path, service: GeminiService,
                                                 keep: list[str]) -> None:
    assert run(home, "protect", kept, "never").returncode == 0
    done = run(home, "ask", kept, "Who paid?", *keep, **with_service(service))
    assert done.returncode == 1 and done.stdout == "" and "never upload" in done.stderr.splitlines()[-1]
    assert service.requests == [] and ledger(home) == []
    assert run(home, "protect", kept, "may").returncode == 0
    assert run(home, "ask", kept, "Who paid?", *keep, **with_service(service)).returncode == 0
    assert len(service.requests) == 1


def test_a_recording_that_asks_each_time_takes_the_command_as_the_yes(home: Path, kept: Path,
                                                                      service: GeminiService) -> None:
    assert run(home, "ask", kept, "Who?", "--keep", **with_service(service)).returncode == 0
    library = Library(home / "data")
    try:
        assert library.recordings()[0].protection is Protection.ASK
    finally:
        library.close()


def test_the_house_style_goes_along(home: Path, tones: Path, service: GeminiService) -> None:
    from dataclasses import replace

    from desktop import settings
    from desktop.paths import settings_file

    settings.save(settings_file(), replace(settings.load(settings_file()), house_style="Write “per cent”."))
    done = run(home, "ask", tones, "What?", **with_service(service))
    assert done.returncode == 0 and service.heard[0].system_instruction == "Write “per cent”."


def test_what_the_model_says_cannot_steer_the_terminal(home: Path, tones: Path, service: GeminiService) -> None:
    says(service, "A \x1b[31mred\x1b]0;title\x07 tone\x9b2J\r. [00:01]")
    done = run(home, "ask", tones, "What?", **with_service(service))
    assert done.returncode == 0 and not {"\x1b", "\x07", "\x9b", "\r"} & set(done.stdout)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_is_130_and_keeps_nothing(home: Path, kept: Path, service: GeminiService) -> None:
    service.hold_from(0)
    running = Running(home, "ask", kept, "Who?", "--keep", **with_service(service))
    running.wait_for_line(lambda line: "Gemini is answering" in line)
    os.kill(running.process.pid, signal.SIGINT)
    code, output, errors = running.end()
    assert code == 130 and errors.endswith("Stopped.\n") and output == "" and "Traceback" not in errors
    service.release()
    library = Library(home / "data")
    try:
        assert library.threads(library.recordings()[0].id) == []
        assert [line.outcome for line in library.sendings()] == ["unknown"]
    finally:
        library.close()
