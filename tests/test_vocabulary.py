"""Names and terms: what is sent of them, what they change in a hearing, and what is proposed."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.engines import gemini, make_engine
from desktop.engines.gemini_spelling import smooth, with_terms
from desktop.engines.gemini_transcribe import SMOOTHED, SPELLING_UNSURE
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import JobState, Recording, TimeRange, TranscriptDocument, Word, ignore_progress
from desktop.rehearing import change_for, compare
from desktop.sending import LibraryGate
from desktop.transcription import Options, run_job, start_job
from desktop.vocabulary import MOST_SENT, proposals
from tests.clips import KEY
from tests.desk import enter, rename
from tests.gemini_service import Fault, GeminiService, Heard
from tests.program import run
from tests.sounds import turns, write_wav

BOTH = "gemini-3.5-transcribe + gemini-3.8-flash"


def spoken(text: str, speaker: str = "a") -> list[tuple[Word, str]]:
    return [(Word(word, float(n), n + 0.5), speaker) for n, word in enumerate(text.split())]


def texts(words: list[tuple[Word, str]]) -> str:
    return " ".join(word.text for word, _ in words)


def test_only_terms_are_taken_over_and_keep_their_times() -> None:
    timed = spoken("yes Mr Muller said the yacht of the harper sank")
    said = with_terms(timed, "Yes, Mr Müller said: that yacht off the Harpa sank.", ["Müller", "Harpa"])
    assert texts(said) == "yes Mr Müller said the yacht of the harper sank"
    assert [word.start for word, _ in said] == [float(n) for n in range(10)]
    said = with_terms(timed, "Yes, Mr Müller said: the yacht of the Harpa sank.", ["Müller", "Harpa"])
    assert texts(said) == "yes Mr Müller said the yacht of the Harpa sank"


def test_a_term_of_two_words_in_the_place_of_one_shares_its_time() -> None:
    said = with_terms(spoken("in canborough today"), "in Can Bora today", ["Can Bora"])
    assert [(w.text, w.start, w.end) for w, _ in said][1:3] == [("Can", 1.0, 1.25), ("Bora", 1.25, 1.5)]


def test_nothing_is_taken_over_from_another_sentence_or_put_where_nothing_was_said() -> None:
    timed = spoken("we went home then slept a lot and ate")
    assert texts(with_terms(timed, "Müller Müller Müller Müller Müller Müller and ate", ["Müller"])) == texts(timed)
    assert texts(with_terms(timed, "Müller we went home then slept a lot and ate Müller", ["Müller"])) == texts(timed)
    assert with_terms([], "Müller", ["Müller"]) == []


def test_smooth_text_keeps_times_and_speakers() -> None:
    timed = [*spoken("well um I I was there"), *[(Word(w.text, w.start + 6, w.end + 6), "b") for w, _ in spoken("no")]]
    said = smooth(timed, "Well, I was there. No!")
    assert texts(said) == "Well, I was there. No!"
    assert [(w.start, speaker) for w, speaker in said][-1] == (6.0, "b") and said[2][0].start == 4.0


@pytest.fixture
def recording(library: Library, cache: Path, tmp_path: Path) -> Recording:
    return import_audio(library, cache, write_wav(tmp_path / "talk.wav", turns(4)), ignore_progress).recording


def transcribe(library: Library, cache: Path, recording: Recording, service: GeminiService, model: str = BOTH,
               **how: object) -> TranscriptDocument:
    engine = make_engine("gemini", model, key=KEY, url=service.url,
                         gate=LibraryGate(library, recording.id, consent=True))
    job = start_job(library, cache, recording, engine, Options("gemini", model, **how))  # type: ignore[arg-type]
    assert run_job(library, cache, job.id, engine, ignore_progress).state is JobState.DONE
    return library.document(job.transcript_id)


def config(heard: Heard) -> dict[str, object]:
    return dict(heard.body["generation_config"]["transcription_config"])


def test_terms_of_the_project_go_along_in_a_second_hearing(library: Library, cache: Path, recording: Recording,
                                                           service: GeminiService) -> None:
    library.set_project(recording.id, "Harbour")
    project = library.recording(recording.id).project_id
    library.set_terms(project, [f"Term{n}" for n in range(150)])
    transcribe(library, cache, library.recording(recording.id), service, language="en-US")
    first, second = [heard for heard in service.heard if heard.transcribes]
    assert "custom_vocabulary" not in config(first) and second.seconds == first.seconds
    assert config(second)["custom_vocabulary"] == [f"Term{n}" for n in range(MOST_SENT)]
    assert config(second)["language_codes"] == ["en-US"] and config(second)["mode"] == "verbatim"
    assert len([line for line in library.sendings() if line.cargo.purpose == "transcript"]) == 2


def test_what_is_spelled_otherwise_is_taken_over(library: Library, cache: Path, recording: Recording,
                                                 service: GeminiService) -> None:
    real = service.answer
    heard_first: list[str] = []

    def answer(heard: Heard) -> object:
        if "custom_vocabulary" in str(heard.body.get("generation_config")):
            words = heard_first[0].split()
            return " ".join([words[0], "Ørsted", *words[2:]])
        given = real(heard)
        if heard.transcribes:
            heard_first.append(given if isinstance(given, str) else str(given["text"]))
        return given

    service.answer = answer  # type: ignore[assignment]
    document = transcribe(library, cache, recording, service, language="en", vocabulary=("Ørsted",))
    said = " ".join(s.text for s in document.segments)
    assert "Ørsted" in said and any(w.text == "Ørsted" for s in document.segments for w in s.words)


def test_without_a_language_there_is_no_second_hearing_and_a_general_model_is_told(
        library: Library, cache: Path, recording: Recording, service: GeminiService) -> None:
    library.set_terms(None, ["Ørsted", " ", "Ørsted"])
    transcribe(library, cache, recording, service)
    assert sum(heard.transcribes for heard in service.heard) == 1
    transcribe(library, cache, recording, service, model="gemini-3.8-flash")
    assert 'spell them like this' in service.heard[-1].prompt and '["Ørsted"]' in service.heard[-1].prompt


def test_a_second_hearing_that_fails_costs_nothing_that_was_heard(library: Library, cache: Path, recording: Recording,
                                                                  service: GeminiService) -> None:
    service.fail_when(lambda request: b"custom_vocabulary" in request.body, Fault.status(400, "invalid_request"))
    document = transcribe(library, cache, recording, service, language="en", vocabulary=("Ørsted",))
    assert document.segments and all(SPELLING_UNSURE in s.flags for s in document.segments)


def test_smooth_text_is_marked_on_every_line(library: Library, cache: Path, recording: Recording,
                                             service: GeminiService) -> None:
    document = transcribe(library, cache, recording, service, language="en", is_smooth=True)
    smart = next(heard for heard in service.heard if heard.transcribes and config(heard).get("mode") == "smart")
    assert "language_codes" not in config(smart)  # together the service drops smart
    assert document.segments and all(SMOOTHED in s.flags for s in document.segments)


def test_a_large_part_is_uploaded_once_for_both_hearings(library: Library, cache: Path, recording: Recording,
                                                         service: GeminiService,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemini, "INLINE_LIMIT", 1000)
    transcribe(library, cache, recording, service, language="en", vocabulary=("Ørsted",))
    assert sum(line.cargo.purpose == "upload" for line in library.sendings()) == 1 and service.files == {}


def test_projects_and_terms(library: Library, recording: Recording) -> None:
    library.set_project(recording.id, "  Harbour ")
    library.set_project(recording.id, "Harbour")
    (project,) = library.projects()
    assert project.name == "Harbour" and library.recording(recording.id).project_id == project.id
    library.set_terms(project.id, ["B", "A", "", "B"])
    library.set_terms(None, ["C"])
    assert library.terms(project.id) == ["B", "A"] and library.terms(None) == ["C"]
    library.set_project(recording.id, "")
    assert library.recording(recording.id).project_id is None


def test_names_of_speakers_and_words_of_a_second_hearing_are_proposed(
        library: Library, cache: Path, recording: Recording, service: GeminiService) -> None:
    old = transcribe(library, cache, recording, service, model="gemini-3.8-flash")
    rename(library, old.transcript.id, next(iter(old.speakers)), "Maria Ørsted")
    real = service.answer

    def otherwise(heard: Heard) -> object:
        given = real(heard)
        for segment in given["segments"]:  # type: ignore[index,union-attr]
            segment["content"] = "They met in Rønne on thursday"
        return given

    service.answer = otherwise  # type: ignore[assignment]
    new = transcribe(library, cache, recording, service, model="gemini-3.8-flash",
                     time_range=TimeRange(0.0, recording.duration))
    enter(library, old.transcript.id, change_for(library, old, new, compare(old, new)))
    document = library.document(old.transcript.id)
    found = proposals(library, document)
    assert found[0] == "Maria Ørsted" and "Rønne" in found and "met" not in found
    library.set_terms(None, ["Rønne"])
    assert "Rønne" not in proposals(library, document)


def test_on_the_command_line(home: Path, tmp_path: Path, service: GeminiService) -> None:
    wav, words = write_wav(tmp_path / "talk.wav", turns(2)), tmp_path / "names.txt"
    words.write_text("Ørsted\nRønne\n", "utf-8")
    done = run(home, "transcribe", wav, "--model", "gemini-3.5-transcribe", "--language", "en", "--vocabulary", words,
               GEMINI_API_KEY=KEY, PULLQUOTE_GEMINI_URL=service.url)
    assert done.returncode == 0, done.stderr
    assert config(service.heard[1])["custom_vocabulary"] == ["Ørsted", "Rønne"]
    done = run(home, "transcribe", wav, "--model", "gemini-3.5-transcribe", "--smooth",
               GEMINI_API_KEY=KEY, PULLQUOTE_GEMINI_URL=service.url)
    assert done.returncode == 0 and any(config(h).get("mode") == "smart" for h in service.heard if h.transcribes)
    done = run(home, "transcribe", wav, "--vocabulary", tmp_path / "none.txt", GEMINI_API_KEY=KEY)
    assert done.returncode != 0 and "none.txt" in done.stderr
