"""A transcript that is there is translated from its words: all of it or some lines, kept piece by piece."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from desktop.engines.gemini_transcribe import make_reader
from desktop.errors import Cancelled, UserError
from desktop.library import Library
from desktop.model import Progress, ignore_progress
from desktop.sample import SAMPLE, add_sample
from desktop.sending import LibraryGate
from desktop.translating import LINES_AT_ONCE, translate
from tests.clips import KEY
from tests.gemini_service import Fault, GeminiService
from tests.gemini_service.records import Heard
from tests.program import run


def spanish(heard: Heard) -> Any:
    rows = json.loads(heard.prompt[heard.prompt.index("\n["):])
    return {"summary": "", "lines": [{"id": row["id"], "language": "en", "translation": f"ES {row['text']}"}
                                     for row in rows]}


class Desk:
    def __init__(self, library: Library, cache: Path, service: GeminiService) -> None:
        self.library, self.service = library, service
        self.recording = add_sample(library, cache, ignore_progress)
        self.transcript = library.transcripts(self.recording.id)[0].id
        service.answer = spanish

    def translate(self, only: list[int] | None = None, report: Any = ignore_progress) -> int:
        reader = make_reader("gemini-3.8-flash", key=KEY, url=self.service.url,
                             gate=LibraryGate(self.library, self.recording.id, consent=True))
        try:
            return translate(self.library, self.transcript, reader, "es", report, only)
        finally:
            reader.close()


@pytest.fixture
def desk(library: Library, cache: Path, service: GeminiService) -> Desk:
    return Desk(library, cache, service)


def test_all_lines_from_the_words_alone(desk: Desk) -> None:
    before = desk.library.segments(desk.transcript)
    assert desk.translate() == len(before)
    after = desk.library.segments(desk.transcript)
    assert [s.translation for s in after] == [f"ES {s.text}" for s in before]
    assert [(s.text, s.start, s.speaker_id, s.emotion) for s in after] == [
        (s.text, s.start, s.speaker_id, s.emotion) for s in before]
    assert all(not heard.audio for heard in desk.service.heard)
    (line,) = desk.library.sendings()
    assert line.cargo.purpose == "translation" and line.cargo.range is None
    assert desk.library.transcript(desk.transcript).translate_to == "es"


def test_single_lines_leave_the_others_alone(desk: Desk) -> None:
    lines = desk.library.segments(desk.transcript)
    assert desk.translate([lines[2].id]) == 1
    assert [bool(s.translation) for s in desk.library.segments(desk.transcript)] == [
        index == 2 for index in range(len(lines))]
    assert lines[0].text not in desk.service.heard[0].prompt


def test_nothing_to_translate_sends_nothing(desk: Desk) -> None:
    with pytest.raises(UserError):
        desk.translate([999_999])
    assert desk.service.requests == []


def test_a_stop_or_an_error_keeps_what_was_there(desk: Desk) -> None:
    def stop(progress: Progress) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        desk.translate(report=stop)
    desk.service.fail_next(Fault.bad_json_text())
    with pytest.raises(Exception, match="could not be read"):
        desk.translate()
    assert not any(s.translation for s in desk.library.segments(desk.transcript)) and LINES_AT_ONCE > 1


def test_answers_about_lines_that_were_not_sent_are_left_out(desk: Desk) -> None:
    desk.service.answer = lambda heard: {"summary": "", "lines": [
        {"id": 99, "language": "en", "translation": "Foreign"}, {"id": 1, "language": "en", "translation": "Uno"}]}
    assert desk.translate() == 1
    assert [s.translation for s in desk.library.segments(desk.transcript)][:2] == ["Uno", ""]


def test_on_the_command_line(home: Path, service: GeminiService) -> None:
    options = {"GEMINI_API_KEY": KEY, "PULLQUOTE_GEMINI_URL": service.url}
    service.answer = lambda heard: spanish(heard) if "lines" in (heard.schema or {}).get("properties", {}) else {
        "summary": "x", "segments": [{"start": "00:01", "end": "00:03", "speaker": "A", "content": "Good morning.",
                                      "language": "en", "translation": "", "emotion": "neutral"}]}
    assert run(home, "translate", SAMPLE, "--to", "es", **options).returncode == 1  # not in the library
    assert run(home, "transcribe", SAMPLE, "--keep", "--engine", "gemini", "--translate-to", "none",
               **options).returncode == 0
    done = run(home, "translate", SAMPLE, "--to", "es", **options)
    assert done.returncode == 0 and "ES Good morning." in done.stdout, done.stderr
