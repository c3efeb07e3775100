"""Names that speakers may have: proposed only when the transcript says them, and never twice after a no."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.engines import NameHeard, make_engine
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import JobState, Proposal, Recording, Segment, TimeRange, ignore_progress
from desktop.naming import propose
from desktop.sending import LibraryGate
from desktop.transcription import Options, run_job, start_job
from tests.clips import KEY
from tests.desk import rename
from tests.gemini_service import GeminiService, Heard
from tests.sounds import turns, write_wav

LINES = [("Speaker 1", Segment(0.0, 2.0, "Maria, you said the bridge was closed?")),
         ("Speaker 2", Segment(2.0, 4.0, "Yes. I am Maria Ørsted, from the harbour.")),
         ("Speaker 1", Segment(4.0, 6.0, "Thank you."))]


@pytest.fixture
def recording(library: Library, cache: Path, tmp_path: Path) -> Recording:
    return import_audio(library, cache, write_wav(tmp_path / "talk.wav", turns(4)), ignore_progress).recording


@pytest.fixture
def transcript(library: Library, recording: Recording) -> int:
    transcript = library.add_transcript(recording.id, engine="gemini", model="m", time_range=TimeRange(0.0, 6.0))
    library.add_segments(transcript.id, LINES)
    return transcript.id


def speaker(library: Library, transcript: int, label: str) -> int:
    return next(i for i, name in library.speaker_labels(transcript).items() if name == label)


def test_a_name_comes_with_the_line_that_says_it(library: Library, transcript: int) -> None:
    propose(library, transcript, [NameHeard("Speaker 2", "Maria Ørsted.", "I am Maria Ørsted")])
    line = library.segments(transcript)[1]
    assert library.proposals(transcript) == [Proposal(speaker(library, transcript, "Speaker 2"), "Maria Ørsted",
                                                      line.id)]


@pytest.mark.parametrize("heard", [
    NameHeard("Speaker 2", "Petra"), NameHeard("Speaker 9", "Maria"), NameHeard("Speaker 2", ""),
    NameHeard("Speaker 2", "Speaker 1"), NameHeard("Speaker 2", "Maria", segment_id=10_000),
    NameHeard("Speaker 2", "I am Maria Ørsted from the harbour"), NameHeard("Speaker 1", "?!")])
def test_what_the_transcript_does_not_say_is_not_proposed(library: Library, transcript: int, heard: NameHeard) -> None:
    propose(library, transcript, [heard])
    assert library.proposals(transcript) == []


def test_yes_and_no_end_it(library: Library, transcript: int) -> None:
    both = [NameHeard("Speaker 2", "Maria"), NameHeard("Speaker 1", "Maria")]
    propose(library, transcript, both)
    first, second = library.proposals(transcript)
    library.reject(first)
    rename(library, transcript, second.speaker_id, "Maria")
    propose(library, transcript, both)
    assert library.proposals(transcript) == []


def transcribe(library: Library, cache: Path, recording: Recording, service: GeminiService, model: str) -> int:
    engine = make_engine("gemini", model, key=KEY, url=service.url,
                         gate=LibraryGate(library, recording.id, consent=True))
    job = start_job(library, cache, recording, engine, Options("gemini", model))
    assert run_job(library, cache, job.id, engine, ignore_progress).state is JobState.DONE
    return job.transcript_id


@pytest.mark.parametrize("model", ["gemini-3.8-flash", "gemini-3.5-transcribe + gemini-3.8-flash"])
def test_both_ways_of_hearing_propose(library: Library, cache: Path, recording: Recording, service: GeminiService,
                                      model: str) -> None:
    real = service.answer

    def answer(heard: Heard) -> object:
        if heard.schema is None:
            return real(heard)
        line = {"start": "00:01", "end": "00:03", "speaker": "Speaker 1", "content": "I am Maria Ørsted.",
                "language": "en", "translation": "", "emotion": "neutral"}
        if "segments" in heard.schema["properties"]:
            return {"summary": "", "segments": [line], "names": [
                {"speaker": "Speaker 1", "name": "Maria Ørsted", "sentence": "I am Maria Ørsted."},
                {"speaker": "Speaker 1", "name": "Ada"}, {"speaker": 1, "name": None}, "no", None]}
        text = library.segments(library.transcripts(recording.id)[0].id)[0].text
        label = library.speakers(library.transcripts(recording.id)[0].id)[0].name
        return {"summary": "", "lines": [], "names": [
            {"id": 1, "speaker": label, "name": text.split()[0]}, {"id": 99, "speaker": label, "name": "x"}]}

    service.answer = answer  # type: ignore[assignment]
    (proposal,) = library.proposals(transcribe(library, cache, recording, service, model))
    assert proposal.name == ("Maria Ørsted" if model == "gemini-3.8-flash" else proposal.name) and proposal.segment_id
