"""What several stories need: the interview whose truth is known, and a desk that can be killed."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import Any

import soundfile

from desktop.library import Library
from desktop.model import TranscriptDocument
from tests import program
from tests.clips import KEY
from tests.gemini_service import GeminiService, Locator, truth_answer
from tests.program import Running
from tests.sounds import INTERVIEW

TRUTH: list[dict[str, Any]] = json.loads(INTERVIEW.with_suffix(".json").read_text("utf-8"))["segments"]


def know_the_interview(service: GeminiService) -> None:
    """From now on the service answers with the truth."""
    samples, _ = soundfile.read(INTERVIEW, dtype="float32")
    service.answer = truth_answer(TRUTH, Locator(samples))


def at_the_desk(home: Path, service: GeminiService, *files: Path, key: str = KEY) -> Running:
    """Start the desk on these files; without a file it continues what is unfinished."""
    return Running(home, service.url, *files, module="tests.journeys.desk", GEMINI_API_KEY=key)


def kept(home: Path) -> list[TranscriptDocument]:
    """Every transcript in the library, newest recording first."""
    library = Library(home / "data")
    try:
        return [library.document(transcript.id) for recording in library.recordings()
                for transcript in library.transcripts(recording.id)]
    finally:
        library.close()


def words(texts: list[str]) -> list[str]:
    return [word for text in texts for piece in text.casefold().split() if (word := re.sub(r"\W", "", piece))]


def check_whole_and_once(document: TranscriptDocument) -> None:
    """Nothing of the interview is missing, and nothing is there twice."""
    wanted = words([item["text"] for item in sorted(TRUTH, key=lambda item: item["start"])])
    got = words([segment.text for segment in document.segments])
    blocks = difflib.SequenceMatcher(None, wanted, got, autojunk=False).get_matching_blocks()
    assert sum(block.size for block in blocks) >= 0.97 * len(wanted)
    assert len(got) <= 1.005 * len(wanted)
    assert document.transcript.missing == ()


def heard_parts(service: GeminiService) -> list[float]:
    """The length of every clip that was heard (and would be billed), to the tenth of a second."""
    return [round(heard.seconds, 1) for heard in service.heard]


def find_in_files(folder: Path, needle: str) -> list[Path]:
    """Files below `folder` that hold the words."""
    return [path for path in folder.rglob("*") if path.is_file() and needle.encode() in path.read_bytes()]


__all__ = ["INTERVIEW", "KEY", "TRUTH", "at_the_desk", "check_whole_and_once", "find_in_files", "heard_parts", "kept",
           "know_the_interview", "program", "words"]
