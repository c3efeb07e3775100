"""Counting tokens on request: uploaded, counted, removed, and all of it in the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.counting import count_tokens
from desktop.errors import EngineError, UserError
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import Protection, Recording, TimeRange, ignore_progress
from desktop.sending import LibraryGate, NotAllowed
from desktop.videos import add_video
from tests.clips import KEY
from tests.gemini_service import Fault, GeminiService
from tests.program import run
from tests.sounds import turns, write_wav


@pytest.fixture
def recording(library: Library, cache: Path, tmp_path: Path) -> Recording:
    return import_audio(library, cache, write_wav(tmp_path / "talk.wav", turns(10)), ignore_progress).recording


def count(library: Library, cache: Path, recording: Recording, service: GeminiService,
          time_range: TimeRange | None = None) -> int:
    return count_tokens(library, cache, recording, "gemini-3.8-flash", time_range, key=KEY, url=service.url,
                        gate=LibraryGate(library, recording.id, consent=True), report=ignore_progress)


def test_the_service_counts_what_was_uploaded(library: Library, cache: Path, recording: Recording,
                                              service: GeminiService) -> None:
    whole, part = count(library, cache, recording, service), count(library, cache, recording, service,
                                                                   TimeRange(5.0, 10.0))
    assert abs(whole - 32 * recording.duration) <= 32 and abs(part - 160) <= 32
    assert service.files == {} and library.remote_files() == []
    assert [line.cargo.purpose for line in library.sendings()] == ["count", "upload"] * 2
    assert library.sendings()[0].cargo.range == TimeRange(5.0, 10.0)


def test_protection_holds_for_counting_too(library: Library, cache: Path, recording: Recording,
                                           service: GeminiService) -> None:
    library.set_protection(recording.id, Protection.NEVER)
    with pytest.raises(NotAllowed):
        count(library, cache, recording, service)
    assert service.requests == []


def test_a_count_that_fails_leaves_nothing_behind(library: Library, cache: Path, recording: Recording,
                                                  service: GeminiService) -> None:
    service.fail_when(lambda request: request.path.endswith(":countTokens"), Fault.status(404, "model_not_found"))
    with pytest.raises(EngineError):
        count(library, cache, recording, service)
    assert service.files == {}


def test_a_video_cannot_be_counted(library: Library, cache: Path, service: GeminiService) -> None:
    with pytest.raises(UserError, match="cannot be counted"):
        count(library, cache, add_video(library, "https://youtu.be/ku-N-eS1lgM").recording, service)


def test_on_the_command_line(home: Path, tmp_path: Path, service: GeminiService) -> None:
    wav = write_wav(tmp_path / "talk.wav", turns(5))
    done = run(home, "count", wav, GEMINI_API_KEY=KEY, PULLQUOTE_GEMINI_URL=service.url)
    assert done.returncode == 0 and "tokens of audio for gemini-3.8-flash" in done.stdout and "$" in done.stdout
    assert service.files == {}
    assert "upload" in run(home, "ledger").stdout
