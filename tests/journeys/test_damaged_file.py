"""A file that breaks off is kept as far as it goes, said to be damaged, and heard all the same."""

from __future__ import annotations

import json
from pathlib import Path

from tests.clips import KEY
from tests.gemini_service import GeminiService
from tests.journeys.story import kept
from tests.program import run
from tests.sounds import turns, write_wav


def test_what_can_be_read_of_a_damaged_file_is_heard(home: Path, tmp_path: Path, service: GeminiService) -> None:
    whole = write_wav(tmp_path / "card.wav", turns(30)).read_bytes()
    (tmp_path / "card.wav").write_bytes(whole[:len(whole) // 2])
    done = run(home, "transcribe", tmp_path / "card.wav", "--keep", "--format", "json", GEMINI_API_KEY=KEY,
               PULLQUOTE_GEMINI_URL=service.url)
    assert done.returncode in (0, 3) and "damaged from 0:" in done.stderr and "are kept" in done.stderr
    assert len(json.loads(done.stdout)["segments"]) == 15
    (document,) = kept(home)
    assert "damaged from 0:" in document.recording.problem and 29 < document.recording.duration < 31


def test_a_file_that_is_none_changes_nothing(home: Path, tmp_path: Path) -> None:
    (tmp_path / "card.wav").write_bytes(b"\x00" * 100_000)
    done = run(home, "transcribe", tmp_path / "card.wav", "--keep")
    assert done.returncode == 1 and "card.wav: This is not an audio or video file" in done.stderr
    assert kept(home) == [] and list((home / "data" / "recordings").iterdir()) == []
