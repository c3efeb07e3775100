"""Words, times and speakers from the transcribing model, the rest from its text, over a known interview."""

from __future__ import annotations

import difflib
import json
import threading
import time
from collections import Counter
from typing import Any

import numpy as np
import pytest
import soundfile

from desktop.engines import Manner, Wishes
from desktop.engines.gemini import make
from desktop.engines.gemini_transcribe import TranscribeEngine
from desktop.errors import Cancelled, EngineError
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import Job, JobState, PartState, Progress, ignore_progress
from desktop.sending import LibraryGate
from desktop.transcription import SPEAKER_UNSURE, Options, PartStored, run_job, start_job
from tests.clips import KEY, make_clip
from tests.desk import merge_speakers
from tests.fakes import FreeGate
from tests.gemini_service import Fault, GeminiService, Locator, truth_answer
from tests.gemini_service.records import Heard
from tests.sounds import INTERVIEW
from tests.test_transcription_truth import TRUTH, ordered

MODEL = "gemini-3.5-transcribe + gemini-3.8-flash"


class Truth:
    """The stand-in's models over the known interview: words, lines read from text, voices compared."""

    def __init__(self) -> None:
        samples, _ = soundfile.read(INTERVIEW, dtype="float32")
        self.find = Locator(samples)
        self.hear = truth_answer(TRUTH, self.find)
        self.line_ups = 0

    def __call__(self, heard: Heard) -> Any:
        asked = (heard.schema or {}).get("properties", {})
        if "lines" in asked:
            return self.read(json.loads(heard.prompt[heard.prompt.index("\n["):]))
        if "groups" in asked:
            self.line_ups += 1
            return self.compare(heard)
        return self.hear(heard)

    @staticmethod
    def read(rows: list[dict[str, Any]]) -> dict[str, Any]:
        spanish = ("gracias", "¿", "á", "é", "í", "ó", "ñ")
        return {"summary": "Two people talk.", "lines": [{
            "id": row["id"], "language": "es" if any(s in row["text"].casefold() for s in spanish) else "en",
            "translation": f"EN: {row['text'][:10]}" if "racias" in row["text"] else "", "emotion": "neutral"}
            for row in rows]}

    def compare(self, heard: Heard) -> dict[str, Any]:
        groups: dict[str, list[str]] = {}
        for number, part in enumerate(heard.audio):
            offset = self.find(part)
            assert offset is not None
            middle = offset + part.seconds / 2
            spoken = min(TRUTH, key=lambda item: max(item["start"] - middle, middle - item["end"], 0))
            groups.setdefault(spoken["speaker"], []).append("ABCDEFGH"[number])
        return {"groups": [{"clips": clips, "sure": True} for clips in groups.values()]}


def engine_for(library: Library, recording_id: int, service: GeminiService, longest: float) -> TranscribeEngine:
    engine = make(MODEL, key=KEY, url=service.url, gate=LibraryGate(library, recording_id, consent=True))
    assert isinstance(engine, TranscribeEngine)
    engine.longest_part = longest
    return engine


def heard_with(library: Library, cache: Any, service: GeminiService, longest: float, **options: Any) -> Job:
    recording = import_audio(library, cache, INTERVIEW, ignore_progress).recording
    engine = engine_for(library, recording.id, service, longest)
    job = start_job(library, cache, recording, engine, Options("gemini", engine.model, translate_to="en", **options))
    return run_job(library, cache, job.id, engine, ignore_progress)


@pytest.mark.parametrize("longest", [50.0, 100.0, 600.0])
def test_words_times_and_speakers_hold_over_all_parts(library: Library, cache: Any, service: GeminiService,
                                                      longest: float) -> None:
    truth = service.answer = Truth()
    job = heard_with(library, cache, service, longest)
    assert job.state is JobState.DONE
    document = library.document(job.transcript_id)
    wanted = ordered([(item["start"], item["text"]) for item in TRUTH])
    got = ordered([(s.start, s.text) for s in document.segments])
    matched = sum(b.size for b in difflib.SequenceMatcher(None, wanted, got, autojunk=False).get_matching_blocks())
    assert matched / len(wanted) >= 0.99
    assert len(got) <= len(wanted) * 1.005, "words are there twice"

    said: dict[str, Counter[str]] = {}
    off = []
    for segment in document.segments:
        middle = (segment.start + segment.end) / 2
        true = min(TRUTH, key=lambda item: max(item["start"] - middle, middle - item["end"], 0))
        said.setdefault(true["speaker"], Counter())[document.speaker_name(segment)] += len(segment.words)
        nearest = min(abs(segment.start - word) for word in _word_starts())
        off.append(nearest)
    assert len(document.speakers) == len(said) == 2, document.speakers
    assert all(counts.most_common(1)[0][1] / counts.total() > 0.97 for counts in said.values())
    assert np.percentile(off, 95) <= 0.25
    assert not any(SPEAKER_UNSURE in s.flags for s in document.segments)
    assert {s.language for s in document.segments} == {"en", "es"} and document.transcript.summary
    assert any(s.translation for s in document.segments) and truth.line_ups <= len(job.parts)


def _word_starts() -> list[float]:
    return [item["start"] + n * (item["end"] - item["start"]) / len(item["text"].split())
            for item in TRUTH for n in range(len(item["text"].split()))]


def test_the_words_go_as_one_audio_part_and_nothing_else(library: Library, cache: Any, service: GeminiService) -> None:
    service.answer = Truth()
    job = heard_with(library, cache, service, 100.0, language="en", emotion=False)
    words = [heard for heard in service.heard if heard.transcribes]
    others = [heard for heard in service.heard if not heard.transcribes]
    assert len(words) == len(job.parts) and all(heard.seconds <= 100.5 for heard in words)
    assert all(heard.body["generation_config"]["transcription_config"]["language_codes"] == ["en"] for heard in words)
    reading = [heard for heard in others if "lines" in heard.schema["properties"]]
    assert reading and all(not heard.audio for heard in reading), "text only: no sound again"
    assert "emotion" not in json.dumps(reading[0].schema)
    assert not any(s.emotion for s in library.segments(job.transcript_id))
    purposes = Counter(line.cargo.purpose for line in library.sendings())
    assert purposes["transcript"] == len(words) and purposes["translation"] == len(reading)


def test_a_stop_before_the_reading_keeps_the_words_and_asks_only_for_the_reading(
        library: Library, cache: Any, service: GeminiService) -> None:
    service.answer = Truth()
    recording = import_audio(library, cache, INTERVIEW, ignore_progress).recording
    engine = engine_for(library, recording.id, service, 600.0)
    job = start_job(library, cache, recording, engine, Options("gemini", engine.model))

    def stop(progress: Progress) -> None:
        if "reads the lines" in progress.sentence:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_job(library, cache, job.id, engine, stop)
    waiting = library.job(job.id)
    assert waiting.state is JobState.WAITING and len(library.segments(job.transcript_id)) > 20
    before = sum(heard.transcribes for heard in service.heard)
    again = run_job(library, cache, job.id, engine_for(library, recording.id, service, 600.0), ignore_progress)
    assert again.state is JobState.DONE and sum(heard.transcribes for heard in service.heard) == before
    assert all(s.language for s in library.segments(job.transcript_id))


def test_parts_are_asked_for_two_at_a_time_and_stored_in_order(library: Library, cache: Any,
                                                               service: GeminiService) -> None:
    truth, under_way, most = Truth(), [0], [0]
    lock = threading.Lock()

    def answer(heard: Heard) -> Any:
        with lock:
            under_way[0] += heard.transcribes
            most[0] = max(most[0], under_way[0])
        time.sleep(0.3 if heard.transcribes else 0)
        with lock:
            under_way[0] -= heard.transcribes
            return truth(heard)

    service.answer = answer
    recording = import_audio(library, cache, INTERVIEW, ignore_progress).recording
    engine = engine_for(library, recording.id, service, 50.0)
    job = start_job(library, cache, recording, engine, Options("gemini", engine.model))
    stored: list[int] = []
    asked: list[int] = []

    def note(progress: Progress) -> None:
        if isinstance(progress.payload, PartStored):
            stored.append(progress.payload.index)
            asked.append(sum(heard.transcribes for heard in service.heard))

    assert run_job(library, cache, job.id, engine, note).state is JobState.DONE
    assert most == [2] and stored == [part.index for part in job.parts] and len(stored) >= 4
    assert asked[0] < len(stored), "the first text is there before the last part is asked for"
    assert sum(heard.transcribes for heard in service.heard) == len(stored)


def test_a_stop_with_two_parts_under_way_pays_for_none_twice(library: Library, cache: Any,
                                                             service: GeminiService) -> None:
    service.answer = Truth()
    recording = import_audio(library, cache, INTERVIEW, ignore_progress).recording
    engine = engine_for(library, recording.id, service, 50.0)
    job = start_job(library, cache, recording, engine, Options("gemini", engine.model))
    service.hold_from(2)  # two are answered, then two hang

    pressed = threading.Event()

    def stop(progress: Progress) -> None:
        if service.held == 2:
            pressed.set()
        if pressed.is_set():
            raise Cancelled

    began = time.monotonic()
    with pytest.raises(Cancelled):
        run_job(library, cache, job.id, engine, stop)
    assert time.monotonic() - began < 10
    service.release()
    parts = library.job(job.id).parts
    assert not any(part.state is PartState.SENDING for part in parts)
    answered = {part.index for part in parts if library.answer(job.id, part.index) is not None}
    before = len(service.heard)
    done = run_job(library, cache, job.id, engine_for(library, recording.id, service, 50.0), ignore_progress)
    asked_again = sum(heard.transcribes for heard in service.heard[before:])
    assert done.state is JobState.DONE and asked_again == len(parts) - len(answered)


def test_one_pause_holds_for_all_parts(library: Library, cache: Any, service: GeminiService) -> None:
    service.answer = Truth()
    service.fail_next(Fault.status(429, "rate_limit_exceeded", retry_info_seconds=1.0))
    began = time.monotonic()
    assert heard_with(library, cache, service, 50.0).state is JobState.DONE
    assert time.monotonic() - began >= 1.0
    assert [line.outcome for line in library.sendings()].count("failed") == 1


def test_without_a_line_up_a_strange_voice_is_a_doubtful_speaker(library: Library, cache: Any,
                                                                 service: GeminiService) -> None:
    truth = Truth()
    service.answer = lambda heard: {"groups": []} if "groups" in (heard.schema or {}).get(
        "properties", {}) else truth(heard)
    job = heard_with(library, cache, service, 50.0)
    document = library.document(job.transcript_id)
    doubtful = {document.speaker_name(s) for s in document.segments if SPEAKER_UNSURE in s.flags}
    sure = {document.speaker_name(s) for s in document.segments if SPEAKER_UNSURE not in s.flags}
    assert len(document.speakers) == 2 or doubtful, sure


def test_merging_makes_two_speakers_one(library: Library, cache: Any, service: GeminiService) -> None:
    service.answer = Truth()
    job = heard_with(library, cache, service, 600.0)
    first, second = library.speakers(job.transcript_id)
    merge_speakers(library, job.transcript_id, first.id, second.id)
    assert [s.id for s in library.speakers(job.transcript_id)] == [first.id]
    assert {s.speaker_id for s in library.segments(job.transcript_id)} == {first.id}


@pytest.mark.parametrize("answer", ["", "null", "[]", "{}", '{"text": 5, "words": []}',
                                    '{"text": "a", "words": 3}', "x"])
def test_a_foreign_answer_is_broken(service: GeminiService, answer: str) -> None:
    engine = make(MODEL, key=KEY, url=service.url, gate=FreeGate())
    try:
        with pytest.raises(EngineError) as caught:
            engine.read(answer)
        assert caught.value.kind == "broken"
    finally:
        engine.close()


def test_times_that_jump_back_are_held_and_text_without_times_stays_text(service: GeminiService) -> None:
    engine = make(MODEL, key=KEY, url=service.url, gate=FreeGate())
    words = [("One", "0.1s", "0.4s", "spk:0"), ("two.", "0.5s", "0.9s", "spk:0"), ("Three", "12s", "12.5s", "spk:1"),
             ("four", "2s", "2.5s", "spk:1"), ("", "3s", "3s", "spk:1"), ("five", "NaNs", "4s", "spk:1")]
    hearing = engine.read(json.dumps({"text": "One two. Three four", "words": [
        {"text": t, "start": a, "end": b, "speaker": s} for t, a, b, s in words]}))
    assert [(s.text, s.start, s.speaker) for s in hearing.segments] == [("One two.", 0.1, "spk:0"),
                                                                        ("Three four five", 12.0, "spk:1")]
    assert [s.unsure for s in hearing.segments] == [False, True]
    plain = engine.read(json.dumps({"text": "First. Second!", "words": []}))
    assert [(s.text, s.start) for s in plain.segments] == [("First.", None), ("Second!", None)]
    engine.close()


@pytest.mark.parametrize(("count", "is_fine"), [(20_000, True), (20_001, False)])
def test_more_lines_than_anybody_says_are_broken(service: GeminiService, count: int, is_fine: bool) -> None:
    engine = make(MODEL, key=KEY, url=service.url, gate=FreeGate())
    answer = json.dumps({"text": "", "words": [
        {"text": "No.", "start": f"{n}s", "end": f"{n}s", "speaker": f"spk:{n % 2}"} for n in range(count)]})
    if is_fine:
        assert len(engine.read(answer).segments) == count
    else:
        with pytest.raises(EngineError, match="could not be read"):
            engine.read(answer)
    engine.close()


@pytest.mark.parametrize(("text", "words", "lines"), [
    ("我是小明。 今天", ["我", "是", "小", "明", "。", "今", "天"], "我是小明。今天"),
    ("a well-known — name", ["a", "well", "known", "name"], "a well known name"),
    ("So he left, and then came back.", ["So", "he", "left,", "back."], "So he left, and then came back."),
    ("Yes. So he left", ["so", "he", "left"], "Yes. so he left"),
    ("So he left for good", ["So", "he"], "So he left for good"),
])
def test_words_that_only_the_text_has_are_put_in_and_no_others(service: GeminiService, text: str, words: list[str],
                                                               lines: str) -> None:
    engine = make(MODEL, key=KEY, url=service.url, gate=FreeGate())
    (line,) = engine.read(json.dumps({"text": text, "words": [
        {"text": word, "start": f"{n / 2}s", "end": f"{n / 2 + 0.4}s", "speaker": "spk:0"}
        for n, word in enumerate(words)]})).segments
    assert line.text == lines and line.unsure is (len(line.words) > len(words))
    engine.close()


def test_a_turn_without_a_full_stop_is_cut(service: GeminiService) -> None:
    engine = make(MODEL, key=KEY, url=service.url, gate=FreeGate())
    for step, most in ((0.5, 61.0), (0.01, 3.0)):
        lines = engine.read(json.dumps({"text": "", "words": [
            {"text": f"word{n}", "start": f"{n * step}s", "end": f"{n * step}s", "speaker": "spk:0"}
            for n in range(1000)]})).segments
        assert [word for line in lines for word in line.text.split()] == [f"word{n}" for n in range(1000)]
        assert all(line.end - line.start < most and len(line.text) <= 2000 for line in lines) and len(lines) < 11
    engine.close()


def test_stopping_ends_it_within_a_second(service: GeminiService) -> None:
    engine = make(MODEL, key=KEY, url=service.url, gate=FreeGate())
    service.hold_from(0)
    stopped = threading.Event()

    def stop(progress: Progress) -> None:
        if service.held:
            stopped.set()
            raise Cancelled

    with pytest.raises(Cancelled):
        engine.hear(make_clip(), Wishes(), stop)
    assert stopped.is_set()
    service.release()
    engine.close()


def test_an_incomplete_answer_is_broken_and_told(service: GeminiService) -> None:
    engine = make(MODEL, key=KEY, url=service.url, gate=FreeGate())
    service.fail_next(Fault.interaction_status("incomplete"))
    with pytest.raises(EngineError) as caught:
        engine.hear(make_clip(), Wishes(), ignore_progress)
    assert caught.value.kind == "broken"
    engine.close()


def test_vorbis_is_sent_when_wished_and_keeps_the_times(library: Library, cache: Any, service: GeminiService) -> None:
    service.answer = Truth()
    recording = import_audio(library, cache, INTERVIEW, ignore_progress).recording
    engine = make(MODEL, key=KEY, url=service.url, gate=LibraryGate(library, recording.id, consent=True),
                  manner=Manner("British spelling.", "ogg", 1))
    assert engine.longest_part == 1500.0
    job = start_job(library, cache, recording, engine, Options("gemini", engine.model))
    run_job(library, cache, job.id, engine, ignore_progress)
    (heard,) = [heard for heard in service.heard if heard.transcribes]
    assert heard.audio[0].mime_type == "audio/ogg" and not heard.system_instruction
    assert heard.audio[0].byte_count < 48_000 * 4 * heard.seconds / 30
    starts = np.array(_word_starts())
    assert max(np.abs(starts - s.start).min() for s in library.segments(job.transcript_id)) < 0.25
    assert service.heard[-1].system_instruction == "British spelling."
