"""What is off the record does not reach the service: digital silence in every sound, and its words in no request.

The real SDK talks to the stand-in, which decodes what it got. In FLAC the silence is exact. Vorbis is not: what stands
before and after a stretch rings on into it, so there the first and last 140 ms (more than its longest window at 16 kHz,
128 ms) are left out, and within them less than a thousandth of full scale may be heard.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from desktop import asking
from desktop.asking import ask
from desktop.clipping import silenced
from desktop.counting import count_tokens
from desktop.engines import Clip, Manner, NameHeard, Wishes, make_engine
from desktop.engines.gemini_answers import make as make_answers
from desktop.engines.gemini_transcribe import make_reader
from desktop.errors import UserError
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import (
    Cargo,
    Desk,
    Job,
    JobState,
    PartState,
    Progress,
    Recording,
    Segment,
    Terms,
    Thread,
    TimeRange,
    TranscriptDocument,
    Usage,
    Withheld,
    Word,
    ignore_progress,
)
from desktop.naming import propose
from desktop.receipts import claims_of
from desktop.sending import LibraryGate, NotAllowed, clear_remote, forget_stored, outdated
from desktop.transcription import Options, run_job, start_job
from desktop.translating import translate
from desktop.videos import add_video
from desktop.vocabulary import proposals
from tests.clips import KEY
from tests.fakes import FakeEngine
from tests.gemini_service import GeminiService, Heard, HeardAudio
from tests.gemini_service.answers import words_on_sound
from tests.gemini_service.audio import envelope
from tests.program import run
from tests.sounds import INTERVIEW, turns, write_wav
from tests.test_asking import sent_lines
from tests.test_transcription_truth import TRUTH
from tests.test_two_hearings import Truth

GENERAL, BOTH = "gemini-3.8-flash", "gemini-3.5-transcribe + gemini-3.8-flash"
SECRET = TimeRange(4.0, 7.0)
EDGE = 0.14  # seconds; see above


def mark(library: Library, recording: Recording, *ranges: TimeRange, terms: Terms = Terms.OFF_THE_RECORD,
         marked_at: str = "") -> None:
    """Mark these stretches and no others."""
    desk = library.desk(recording.id)
    library.set_desk(recording.id, replace(desk, withheld=tuple(Withheld(r, terms, marked_at) for r in ranges)))


@pytest.fixture
def recording(library: Library, cache: Path, tmp_path: Path) -> Recording:
    """Twelve seconds at 44.1 kHz on two channels, loud throughout: two voices that rise."""
    at = np.arange(12 * 44_100) / 44_100
    sides = [0.25 * np.sin(2 * np.pi * (base + 20 * at) * at) for base in (200, 330)]
    wav = write_wav(tmp_path / "talk.wav", (np.stack(sides, axis=1) * 32767).astype(np.int16), 44_100)
    return import_audio(library, cache, wav, ignore_progress).recording


LINES = [("Ann", Segment(0.0, 2.0, "Good morning, mayor.")),
         ("Ben", Segment(2.0, 4.0, "The bridge cost 4500.")),
         ("Ann", Segment(4.0, 6.5, "Ortiz forged contracts.", translation="Ortiz fälschte Verträge.")),
         ("Ben", Segment(6.5, 9.0, "Lindqvist knew, and the harbour paid.", words=(
             Word("Lindqvist", 6.5, 6.8), Word("knew,", 6.8, 7.0), Word("and", 7.2, 7.5), Word("the", 7.5, 7.8),
             Word("harbour", 7.8, 8.5), Word("paid.", 8.5, 9.0)))),
         ("Cem", Segment(9.0, 12.0, "Nobody else was there."))]
WORDS = ("Ortiz", "forged", "contracts", "Lindqvist", "knew", "fälschte", "Verträge")


@pytest.fixture
def document(library: Library, recording: Recording) -> TranscriptDocument:
    transcript = library.add_transcript(recording.id, engine="reference", model="by hand",
                                        time_range=TimeRange(0.0, recording.duration))
    library.add_segments(transcript.id, LINES)
    return library.document(transcript.id)


def gate(library: Library, recording: Recording) -> LibraryGate:
    return LibraryGate(library, recording.id, consent=True)


def asked(library: Library, cache: Path, recording: Recording, service: GeminiService, question: str = "Who paid?", *,
          keeps: bool = False, **options: Any) -> Thread:
    answers = make_answers(GENERAL, key=KEY, url=service.url, gate=gate(library, recording), keeps=keeps)
    try:
        return ask(library, cache, recording, answers, question, document=options.pop("document", None),
                   report=options.pop("report", ignore_progress), **options)
    finally:
        answers.close()


def transcribed(library: Library, cache: Path, recording: Recording, service: GeminiService, model: str = GENERAL,
                manner: Manner | None = None, longest: float = 600.0, **options: Any) -> Job:
    engine = make_engine("gemini", model, key=KEY, url=service.url, gate=gate(library, recording), manner=manner)
    engine.longest_part = longest
    job = start_job(library, cache, recording, engine, Options("gemini", model, **options))
    return run_job(library, cache, job.id, engine, ignore_progress)


def count(library: Library, cache: Path, recording: Recording, service: GeminiService) -> int:
    return count_tokens(library, cache, recording, GENERAL, None, key=KEY, url=service.url,
                        gate=gate(library, recording), report=ignore_progress)


def uploads(service: GeminiService) -> list[HeardAudio]:
    """All sound that was uploaded, decoded, also when it has been removed since."""
    found: dict[str, bytes] = {}
    for request in service.requests:
        if request.route == "upload.chunk":
            found[request.name] = found.get(request.name, b"") + request.body
    sounds = []
    for data in found.values():
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
        sounds.append(HeardAudio(samples, rate, 1, "audio/flac", len(data)))
    return sounds


def level(sound: HeardAudio, stretch: TimeRange, start: float = 0.0, edge: float = 0.0) -> float:
    """The loudest sample of a stretch of the recording, in sound that begins at `start`."""
    assert sound.rate == 16_000
    begin, end = ((time - start) * 16_000 for time in (stretch.start + edge, stretch.end - edge))
    piece = sound.samples[max(0, int(begin)):max(0, -int(-end // 1))]
    assert len(piece), "nothing of the stretch is in the sound"
    return float(np.abs(piece).max())


def check_silence(sound: HeardAudio, stretch: TimeRange = SECRET, start: float = 0.0, *, lossy: bool = False) -> None:
    """Silent in the stretch, and loud close before and after it, as far as the sound reaches."""
    assert level(sound, stretch, start, EDGE if lossy else 0.0) <= (0.001 if lossy else 0.0)
    for other in (TimeRange(stretch.start - 0.1, stretch.start - 0.01),
                  TimeRange(stretch.end + 0.01, stretch.end + 0.1)):
        if other.start >= start and other.end <= start + sound.seconds:
            assert level(sound, other, start) > 0.2


def texts(data: Any) -> list[str]:
    """Every string of a request body but the sound."""
    if isinstance(data, dict):
        return [text for name, value in data.items() if name != "data" for text in texts(value)]
    if isinstance(data, list):
        return [text for item in data for text in texts(item)]
    return [data] if isinstance(data, str) else []


def check_words(service: GeminiService, words: tuple[str, ...] | set[str] = WORDS) -> None:
    """None of the words in a body of any request, however often it was tried."""
    assert service.requests
    for request in service.requests:
        sent = " ".join(texts(request.json)) if request.json is not None else ""
        assert [word for word in words if re.search(rf"\b{re.escape(word)}\b", sent)] == []


# -- sound -----------------------------------------------------------------------------------------------------

WAYS: dict[str, Callable[..., object]] = {
    "transcribe": transcribed,
    "transcribe, Vorbis": lambda *args: transcribed(*args, manner=Manner(sends_as="ogg")),
    "two hearings": lambda *args: transcribed(*args, model=BOTH),
    "hear again": lambda *args: transcribed(*args, time_range=TimeRange(3.0, 9.0)),
    "ask about all": asked,
    "ask about a range": lambda *args: asked(*args, time_range=TimeRange(3.0, 9.0)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_marked", [True, False], ids=["marked", "control"])
def test_the_service_finds_digital_silence_there(library: Library, cache: Path, recording: Recording,
                                                 service: GeminiService, way: str, is_marked: bool) -> None:
    if is_marked:
        mark(library, recording, SECRET)
    WAYS[way](library, cache, recording, service)
    start = 3.0 if way in ("hear again", "ask about a range") else 0.0
    sounds = [sound for heard in service.heard for sound in heard.audio]
    assert sounds and sounds[0].mime_type == ("audio/ogg" if "Vorbis" in way else "audio/flac")
    for sound in sounds:
        assert sound.seconds == pytest.approx(6.0 if start else 12.0, abs=0.001)
        if is_marked:
            check_silence(sound, start=start, lossy="Vorbis" in way)
        else:
            assert level(sound, TimeRange(5.0, 6.0), start) > 0.2


@pytest.mark.parametrize("is_marked", [True, False], ids=["marked", "control"])
def test_uploads_are_silent_there_too(library: Library, cache: Path, recording: Recording, service: GeminiService,
                                      monkeypatch: pytest.MonkeyPatch, is_marked: bool) -> None:
    monkeypatch.setattr(asking, "LONGEST_CLIP", 5.0)
    if is_marked:
        mark(library, recording, SECRET)
    asked(library, cache, recording, service)
    count(library, cache, recording, service)
    sounds = uploads(service)
    assert len(sounds) == 2 and service.files == {}
    for sound in [*sounds, *service.heard[0].audio]:
        if is_marked:
            check_silence(sound)
        else:
            assert level(sound, TimeRange(5.0, 6.0)) > 0.2


def test_what_is_sent_does_not_depend_on_what_is_said_off_the_record(library: Library, cache: Path, tmp_path: Path,
                                                                     service: GeminiService) -> None:
    """The strongest form: two recordings that differ only there give the same bytes, in Vorbis the same sound."""
    common = np.random.default_rng(7).integers(-9_000, 9_000, (12 * 44_100, 2)).astype(np.int16)
    for number, secret in enumerate((25_000, -25_000)):
        samples = common.copy()
        samples[4 * 44_100:7 * 44_100] = secret
        wav = write_wav(tmp_path / f"talk{number}.wav", samples, 44_100)
        recording = import_audio(library, cache, wav, ignore_progress).recording
        mark(library, recording, SECRET)
        transcribed(library, cache, recording, service)
        transcribed(library, cache, recording, service, manner=Manner(sends_as="ogg"))
    first, second = service.heard[:2], service.heard[2:]
    parts = [[part.get("data") for part in heard.body["input"][0]["content"] if part.get("data")] if "content" in
             heard.body["input"][0] else [part.get("data") for part in heard.body["input"] if part.get("data")]
             for heard in (first[0], second[0])]
    assert parts[0] and parts[0] == parts[1]
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.audio[0].samples, other.audio[0].samples)


def test_an_engine_on_this_computer_hears_silence_there_as_well(library: Library, cache: Path,
                                                                recording: Recording) -> None:
    mark(library, recording, SECRET)
    engine = FakeEngine(longest_part=60.0, speakers=False)
    run_job(library, cache, start_job(library, cache, recording, engine, Options("fake", "fake-1")).id, engine,
            ignore_progress)
    assert len(engine.calls) in (1, 2)
    for clip, _ in engine.calls:
        assert not clip.speech[4 * 16_000:7 * 16_000].any() and clip.speech[:3 * 16_000].any()
        assert np.abs(clip.speech[7 * 16_000 + 160:7 * 16_000 + 1600]).max() > 3_000


def test_halves_lead_ins_and_line_ups_of_an_interview_are_silent_there(library: Library, cache: Path,
                                                                       service: GeminiService) -> None:
    """Parts of 50 s with ten of overlap, each asked for in halves once, and voices compared by clips."""
    recording = import_audio(library, cache, INTERVIEW, ignore_progress).recording
    secret = TimeRange(20.0, 58.0)
    mark(library, recording, secret)
    truth = Truth()
    refused: set[float] = set()

    def answer(heard: Heard) -> Any:
        if heard.transcribes and (heard.audio[0].seconds not in refused) and heard.audio[0].seconds > 35:
            refused.add(heard.audio[0].seconds)
            return "no word has a time here. " * 40  # stuck: it is heard once more in halves
        return truth(heard)

    service.answer = answer
    job = transcribed(library, cache, recording, service, BOTH, longest=50.0, translate_to="en")
    assert job.state is JobState.DONE and truth.line_ups and len(job.parts) >= 4 and refused
    touched = 0
    for heard in service.heard:
        for sound in heard.audio:
            start = truth.find(sound)
            assert start is not None, "a clip of silence was sent"
            inside = TimeRange(max(start, secret.start), min(start + sound.seconds, secret.end))
            if inside.seconds > 0.01:
                touched += 1
                assert level(sound, TimeRange(inside.start + 0.001, inside.end - 0.001), start) == 0.0
    assert touched >= 3
    words, elsewhere = secret_words(secret)
    check_words(service, words - elsewhere)
    said = " ".join(s.text for s in library.segments(job.transcript_id))
    assert len(words - elsewhere) > 10 and not [w for w in words - elsewhere if re.search(rf"\b{re.escape(w)}\b", said)]


def test_voices_are_compared_where_they_can_be_heard(library: Library, cache: Path, service: GeminiService) -> None:
    """Where a speaker has spoken longest is partly off the record: the clip is of another place."""
    recording = import_audio(library, cache, INTERVIEW, ignore_progress).recording
    speakers = {s["speaker"] for s in TRUTH}
    longest = [max((s for s in TRUTH if s["speaker"] == speaker and (s["end"] < 20 or s["start"] > 58)),
                   key=lambda s: s["end"] - s["start"]) for speaker in speakers]
    mark(library, recording, TimeRange(20.0, 58.0), *(TimeRange(s["start"] + 0.5, s["end"] - 0.5) for s in longest))
    service.answer = truth = Truth()
    transcribed(library, cache, recording, service, BOTH, longest=50.0)
    clips = [sound for heard in service.heard if "groups" in str(heard.schema) for sound in heard.audio]
    assert truth.line_ups and len(clips) >= 2
    for sound in clips:
        assert np.mean(sound.samples != 0) > 0.9, "a part of the clip is silent"


def secret_words(secret: TimeRange) -> tuple[set[str], set[str]]:
    """The interview's words inside a stretch, and those that are somewhere else."""
    samples, _ = soundfile.read(INTERVIEW, dtype="float32")
    spoken = [word for segment in TRUTH for word in words_on_sound(segment, envelope(samples))]
    bare = [(re.sub(r"[^\w'-]", "", word["text"]), word) for word in spoken]
    inside = {text for text, word in bare if word["start"] >= secret.start and word["end"] <= secret.end
              and len(text) > 4}
    return inside, {text for text, word in bare if word["end"] > secret.end or word["start"] < secret.start}


def test_a_part_that_is_off_the_record_as_a_whole_is_not_sent(library: Library, cache: Path, tmp_path: Path) -> None:
    recording = import_audio(library, cache, write_wav(tmp_path / "a.wav", turns(20)), ignore_progress).recording
    engine = FakeEngine(longest_part=10.0)
    job = start_job(library, cache, recording, engine, Options("fake", "fake-1"))
    hidden = job.parts[1]
    mark(library, recording, TimeRange(hidden.start - 1, hidden.end + 1))
    done = run_job(library, cache, job.id, engine, ignore_progress)
    assert done.state is JobState.DONE and len(engine.calls) == len(job.parts) - 1
    assert all(part.state is PartState.STORED for part in done.parts)
    assert not [s for s in library.segments(job.transcript_id) if hidden.start < s.start < hidden.end]


def test_silence_where_something_is_off_the_record_is_not_asked_about_again(library: Library, cache: Path,
                                                                            tmp_path: Path) -> None:
    """Its peaks say that somebody speaks; an engine that finds no word in silence is right all the same."""
    recording = import_audio(library, cache, write_wav(tmp_path / "a.wav", turns(20)), ignore_progress).recording
    mark(library, recording, TimeRange(0.0, 38.5))
    engine = FakeEngine(lambda call, clip, wishes: [], longest_part=60.0)
    job = start_job(library, cache, recording, engine, Options("fake", "fake-1"))
    assert run_job(library, cache, job.id, engine, ignore_progress).state is JobState.DONE and len(engine.calls) == 1


def test_all_off_the_record_is_refused_in_words(library: Library, cache: Path, recording: Recording,
                                                document: TranscriptDocument, service: GeminiService) -> None:
    mark(library, recording, SECRET)
    for given in (None, document):
        with pytest.raises(UserError, match=r"All of this is off the record.*Choose another range"):
            asked(library, cache, recording, service, document=given, time_range=TimeRange(4.5, 6.0))
    mark(library, recording, TimeRange(0.0, 12.0))
    with pytest.raises(UserError, match="All of this is off the record"):
        asked(library, cache, recording, service, document=document)
    assert service.requests == []


def test_a_video_is_neither_heard_nor_asked_about(library: Library, cache: Path, service: GeminiService) -> None:
    video = add_video(library, "https://youtu.be/ku-N-eS1lgM").recording
    engine = make_engine("gemini", GENERAL, key=KEY, url=service.url, gate=gate(library, video))
    begun = start_job(library, cache, video, engine, Options("gemini", GENERAL))
    mark(library, video, SECRET)
    with pytest.raises(UserError, match="Part of this video is off the record"):
        start_job(library, cache, video, engine, Options("gemini", GENERAL, time_range=TimeRange(3.0, 9.0)))
    with pytest.raises(UserError, match="nothing was sent"):
        run_job(library, cache, begun.id, engine, ignore_progress)
    assert library.job(begun.id).state is JobState.WAITING
    for time_range in (None, TimeRange(5.0, 6.0)):
        with pytest.raises(UserError, match="Import a file of the video"):
            asked(library, cache, video, service, time_range=time_range)
    assert service.requests == []


# -- sound that is on the service already ----------------------------------------------------------------------

def test_an_upload_from_before_a_mark_is_not_used_again(library: Library, cache: Path, recording: Recording,
                                                        service: GeminiService,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "LONGEST_CLIP", 5.0)
    asked(library, cache, recording, service, keeps=True)
    asked(library, cache, recording, service, keeps=True)
    assert len(uploads(service)) == 1
    mark(library, recording, SECRET)
    assert len(outdated(library, recording.id)) == 1
    asked(library, cache, recording, service, keeps=True)
    first, second = uploads(service)
    assert level(first, TimeRange(5.0, 6.0)) > 0.2
    check_silence(second)
    check_silence(service.heard[-1].audio[0])


def test_a_mark_removes_what_was_stored_before_it_also_while_the_recording_is_open(
        library: Library, cache: Path, recording: Recording, service: GeminiService,
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "LONGEST_CLIP", 5.0)
    asked(library, cache, recording, service, keeps=True)
    mark(library, recording, TimeRange(50.0, 60.0))  # outside: what is stored stays
    assert outdated(library, recording.id) == [] and clear_remote(
        library, KEY, service.url, but_not_of=[recording.id]) == 1
    mark(library, recording, SECRET)
    assert forget_stored(library, recording.id, "", service.url) == 1  # without a key it stays on the list
    assert forget_stored(library, recording.id, KEY, service.url) == 0
    assert service.files == {} and library.remote_files() == [] and outdated(library, recording.id) == []
    mark(library, recording)
    asked(library, cache, recording, service, keeps=True)
    mark(library, recording, SECRET)
    assert clear_remote(library, KEY, service.url, but_not_of=[recording.id]) == 0 and service.files == {}


def test_a_silenced_upload_is_used_again(library: Library, cache: Path, recording: Recording, service: GeminiService,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "LONGEST_CLIP", 5.0)
    mark(library, recording, SECRET, marked_at="2020-01-01T00:00:00.000+00:00")
    asked(library, cache, recording, service, keeps=True)
    asked(library, cache, recording, service, keeps=True)
    assert len(uploads(service)) == 1 and len(service.heard) == 2 and outdated(library, recording.id) == []


def test_something_marked_during_an_upload_keeps_the_question_here(
        library: Library, cache: Path, recording: Recording, service: GeminiService,
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "LONGEST_CLIP", 5.0)
    service.on_head = lambda request: mark(library, recording, SECRET) if request.route == "upload.chunk" else None
    with pytest.raises(NotAllowed, match="marked off the record after its sound had been uploaded"):
        asked(library, cache, recording, service, keeps=True)
    assert service.heard == [] and library.threads(recording.id) == []
    service.on_head = lambda request: None
    assert forget_stored(library, recording.id, KEY, service.url) == 0 and service.files == {}


def test_something_marked_during_the_preparation_is_silent_all_the_same(
        library: Library, cache: Path, recording: Recording, service: GeminiService,
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "LONGEST_CLIP", 5.0)

    def report(progress: Progress) -> None:
        if "Preparing the sound" in str(progress.sentence) and progress.fraction > 0.5:  # its first half is loud by now
            mark(library, recording, SECRET, marked_at="2020-01-01T00:00:00.000+00:00")

    asked(library, cache, recording, service, report=report)
    (sound,) = uploads(service)
    check_silence(sound)


def test_a_lost_moment_between_cut_and_ledger_is_no_gap(library: Library, recording: Recording) -> None:
    entry = library.add_sending(recording.id, Cargo("upload", "", "h", TimeRange(0.0, 12.0), 10), "files/x")
    library.end_sending(entry, "answered", Usage(), None)
    (line,) = library.sendings()
    just_before = datetime.fromisoformat(line.at) - timedelta(seconds=0.5)
    mark(library, recording, SECRET, marked_at=just_before.isoformat())
    assert gate(library, recording).stored(Cargo("upload", "", "h", TimeRange(0.0, 12.0))) is None


# -- words -----------------------------------------------------------------------------------------------------

def test_a_question_sends_released_lines_under_their_old_numbers(library: Library, cache: Path, recording: Recording,
                                                                 document: TranscriptDocument,
                                                                 service: GeminiService) -> None:
    service.answer = lambda heard: "The harbour paid. [4]\nOrtiz forged contracts. [3]"  # type: ignore[assignment]
    control = asked(library, cache, recording, service, document=document)
    assert "Ortiz" in sent_lines(service.heard[0])[2] and len(claims_of(control.turns[0])[1].places) == 1
    service.requests.clear()
    mark(library, recording, SECRET)
    thread = asked(library, cache, recording, service, document=document)  # a document from before the mark
    assert sent_lines(service.heard[1]) == [
        "[1] 0:00 Ann: Good morning, mayor.", "[2] 0:02 Ben: The bridge cost 4500.",
        "[4] 0:07 Ben: […] and the harbour paid.", "[5] 0:09 Cem: Nobody else was there."]
    check_words(service)
    found = claims_of(thread.turns[0])
    assert [(p.start, p.end) for p in found[0].places] == [(7.2, 9.0)] and found[1].places == ()


def test_a_mark_that_only_the_window_knows_holds(library: Library, cache: Path, recording: Recording,
                                                 document: TranscriptDocument, service: GeminiService) -> None:
    pending = replace(document, desk=Desk(withheld=(Withheld(SECRET),)))
    asked(library, cache, recording, service, document=pending, time_range=TimeRange(3.0, 9.0))
    check_words(service)
    check_silence(service.heard[0].audio[0], start=3.0)


def test_background_goes_without_a_name(library: Library, cache: Path, recording: Recording,
                                        document: TranscriptDocument, service: GeminiService) -> None:
    mark(library, recording, TimeRange(9.0, 12.0), terms=Terms.BACKGROUND)
    asked(library, cache, recording, service, document=document)
    assert sent_lines(service.heard[0])[4] == "[5] 0:09 Nobody else was there."


def test_what_was_asked_before_a_mark_does_not_go_along_as_history(library: Library, cache: Path, recording: Recording,
                                                                   document: TranscriptDocument,
                                                                   service: GeminiService) -> None:
    answers = ["Ortiz forged contracts. [3]", "The harbour paid. [4]", "Nobody else. [5]"]
    service.answer = lambda heard: answers.pop(0)  # type: ignore[assignment]
    thread = asked(library, cache, recording, service, "What about Lindqvist?", document=document)
    mark(library, recording, SECRET)
    service.requests.clear()
    thread = asked(library, cache, recording, service, "Who paid?", document=document, thread=thread)
    thread = asked(library, cache, recording, service, "Who else?", document=document, thread=thread)
    check_words(service)
    assert [turn.question for turn in thread.turns] == ["What about Lindqvist?", "Who paid?", "Who else?"]
    steps = service.heard[2].body["input"]
    assert [step["content"][-1]["text"] for step in steps] == [
        "Question: Who paid?", "The harbour paid. [4]", "Question: Who else?"]
    assert thread.turns[0].asked_at < thread.turns[1].asked_at


def test_a_mark_set_while_an_answer_comes_counts_as_later(library: Library, cache: Path, recording: Recording,
                                                          document: TranscriptDocument,
                                                          service: GeminiService) -> None:
    def answer(heard: Heard) -> str:
        if not library.desk(recording.id).withheld:
            mark(library, recording, SECRET)
        return "Ortiz forged contracts. [3]"

    service.answer = answer  # type: ignore[assignment]
    thread = asked(library, cache, recording, service, document=document)
    service.requests.clear()
    asked(library, cache, recording, service, "And who?", document=document, thread=thread)
    check_words(service)


def test_translation_sends_whole_lines_only_and_leaves_the_others_as_they_were(
        library: Library, recording: Recording, document: TranscriptDocument, service: GeminiService) -> None:
    mark(library, recording, SECRET)
    service.answer = in_german
    reader = make_reader(GENERAL, key=KEY, url=service.url, gate=gate(library, recording))
    try:
        assert translate(library, document.transcript.id, reader, "de", ignore_progress) == 3
        with pytest.raises(UserError, match="off the record"):
            translate(library, document.transcript.id, reader, "de", ignore_progress,
                      [document.segments[2].id, document.segments[3].id])
    finally:
        reader.close()
    check_words(service, (*WORDS, "harbour"))
    assert [s.translation for s in library.segments(document.transcript.id)] == [
        "DE Good morning, mayor.", "DE The bridge cost 4500.", "Ortiz fälschte Verträge.", "",
        "DE Nobody else was there."]


def in_german(heard: Heard) -> Any:
    rows = json.loads(heard.prompt[heard.prompt.index("\n["):])
    return {"summary": "", "names": [], "lines": [
        {"id": row["id"], "language": "en", "translation": f"DE {row['text']}", "emotion": "neutral"} for row in rows]}


def test_a_mark_between_two_pieces_of_a_translation_holds_for_the_second(
        library: Library, recording: Recording, document: TranscriptDocument, service: GeminiService,
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop.translating.LINES_AT_ONCE", 2)

    def answer(heard: Heard) -> Any:
        mark(library, recording, SECRET)
        return in_german(heard)

    service.answer = answer
    reader = make_reader(GENERAL, key=KEY, url=service.url, gate=gate(library, recording))
    assert translate(library, document.transcript.id, reader, "de", ignore_progress) == 3
    reader.close()
    check_words(service)


def test_the_reading_of_lines_leaves_out_what_was_marked_while_they_were_heard(
        library: Library, cache: Path, service: GeminiService) -> None:
    recording = import_audio(library, cache, INTERVIEW, ignore_progress).recording
    secret, truth = TimeRange(20.0, 40.0), Truth()

    def answer(heard: Heard) -> Any:
        if heard.transcribes:
            mark(library, recording, secret)  # when the sound is on its way
        return truth(heard)

    service.answer = answer
    job = transcribed(library, cache, recording, service, BOTH, translate_to="en")
    words, elsewhere = secret_words(secret)
    stored = " ".join(s.text for s in library.segments(job.transcript_id))
    assert all(word in stored for word in words), "it was heard, and is kept here"
    check_words(service, words - elsewhere)
    assert any(s.language for s in library.segments(job.transcript_id))


def test_a_mark_while_lines_are_read_holds_for_those_that_come_later(library: Library, cache: Path,
                                                                     service: GeminiService,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop.transcription._LINES_READ_AT_ONCE", 2)
    recording = import_audio(library, cache, INTERVIEW, ignore_progress).recording
    secret, truth = TimeRange(120.0, 170.0), Truth()

    def answer(heard: Heard) -> Any:
        if heard.schema is not None and not library.desk(recording.id).withheld:
            mark(library, recording, secret)  # the first lines are being read
        return truth(heard)

    service.answer = answer
    job = transcribed(library, cache, recording, service, BOTH, translate_to="en")
    words, elsewhere = secret_words(secret)
    assert len(job.parts) == 1 and len(service.heard) > 6 and len(words - elsewhere) > 10
    check_words(service, words - elsewhere)


@pytest.mark.parametrize("is_marked", [True, False], ids=["marked", "control"])
def test_lines_and_names_that_are_told_to_the_next_part_are_on_the_record(
        library: Library, cache: Path, tmp_path: Path, is_marked: bool) -> None:
    recording = import_audio(library, cache, write_wav(tmp_path / "a.wav", turns(20)), ignore_progress).recording

    def script(call: int, clip: Clip, wishes: Wishes) -> object:
        if call == 1 and is_marked:
            mark(library, recording, TimeRange(4.0, 6.0))
        return [(0.5, 3.5, "Ann", f"open {call}"), (4.2, 5.8, "Deep Throat" if call == 0 else "Speaker 2",
                                                   f"hush {call}"), (6.5, 7.5, "Ann", f"after {call}")]

    engine = FakeEngine(script)
    run_job(library, cache, start_job(library, cache, recording, engine, Options("fake", "fake-1")).id, engine,
            ignore_progress)
    told = [wishes for _, wishes in engine.calls[2:]]
    assert told and "after 0" in told[0].last_lines
    assert any("hush 0" in w.last_lines for w in told) is not is_marked
    assert any("Deep Throat" in w.known_speakers for w in told) is not is_marked
    assert all("Speaker 2" in w.known_speakers for w in told)  # a number tells nothing


def test_a_second_half_is_not_told_what_the_first_one_heard_off_the_record(library: Library, cache: Path,
                                                                          tmp_path: Path) -> None:
    recording = import_audio(library, cache, write_wav(tmp_path / "a.wav", turns(20)), ignore_progress).recording

    def script(call: int, clip: Clip, wishes: Wishes) -> object:
        if call == 0:
            return "not usable"
        if call == 1:
            mark(library, recording, TimeRange(4.0, 6.0))
        return [(0.5, 3.5, "Ann", f"open {call}"), (4.2, 5.8, "Deep Throat", f"hush {call}"),
                (6.5, 9.5, "Ann", f"after {call}")]

    engine = FakeEngine(script, longest_part=60.0)
    run_job(library, cache, start_job(library, cache, recording, engine, Options("fake", "fake-1")).id, engine,
            ignore_progress)
    wishes = engine.calls[2][1]
    assert wishes.last_lines == ("open 1", "after 1") and wishes.known_speakers == ("Ann",)


def test_names_and_terms_are_proposed_from_what_is_on_the_record(library: Library, recording: Recording,
                                                                 document: TranscriptDocument) -> None:
    ids = {speaker.name: speaker.id for speaker in document.speakers.values()}
    mark(library, recording, SECRET, TimeRange(9.0, 12.0))
    propose(library, document.transcript.id, [NameHeard("Ann", "Ortiz"), NameHeard("Ben", "Lindqvist"),
                                              NameHeard("Ann", "harbour")])
    assert [(p.speaker_id, p.name) for p in library.proposals(document.transcript.id)] == [(ids["Ann"], "harbour")]
    job = library.add_job(recording.id, engine="gemini", model="m", options={}, time_range=SECRET, parts=[])
    named = replace(library.document(document.transcript.id), speakers={
        number: replace(speaker, name=f"{speaker.name} Senior") for number, speaker in document.speakers.items()})
    assert job and proposals(library, named) == ["Ann Senior", "Ben Senior"]  # Cem has spoken off the record only


def test_peaks_are_quiet_where_nothing_is_sent(library: Library, cache: Path, recording: Recording) -> None:
    from desktop.audio.cache import CacheFiles
    from desktop.audio.peaks import Peaks
    from desktop.doubts import speech

    peaks = Peaks.load(CacheFiles(cache, recording.sha256).peaks)
    assert silenced(peaks, ()) is peaks and speech(peaks, SECRET)
    quiet = silenced(peaks, [SECRET])
    assert speech(quiet, TimeRange(4.1, 6.9)) == [] and quiet.seconds == peaks.seconds


# -- the command line ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("command", [("ask", "Who?"), ("count",), ("transcribe",)], ids=lambda c: c[0])
def test_marks_of_the_library_hold_for_a_file_that_is_not_kept(
        library: Library, cache: Path, recording: Recording, service: GeminiService, home: Path, tmp_path: Path,
        command: tuple[str, ...]) -> None:
    secret = TimeRange(2.5, 8.0)
    mark(library, recording, secret)
    name, *rest = command
    done = run(home, name, tmp_path / "talk.wav", *rest, GEMINI_API_KEY=KEY, PULLQUOTE_GEMINI_URL=service.url)
    assert done.returncode == 0, done.stderr
    sounds = [*uploads(service), *(sound for heard in service.heard for sound in heard.audio)]
    assert sounds
    for sound in sounds:
        check_silence(sound, secret)
    assert "Speech without text" not in done.stderr
