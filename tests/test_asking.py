"""Questions over the real SDK and the stand-in: what goes along, what stays here, and what is kept."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from desktop import asking
from desktop.asking import LONGEST_CLIP, ask
from desktop.engines.gemini_answers import GeminiAnswers, make
from desktop.errors import Cancelled, EngineError, UserError
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import (
    Protection,
    Recording,
    Report,
    Segment,
    Thread,
    TimeRange,
    TranscriptDocument,
    ignore_progress,
)
from desktop.paths import data_folder
from desktop.receipts import AnswerGrows, Claim, Place, as_text, claims_of
from desktop.sending import LibraryGate, NotAllowed
from tests.clips import KEY
from tests.fakes import Reports
from tests.gemini_service import Fault, GeminiService, Heard, Locator
from tests.sounds import turns, write_wav

MODEL = "gemini-3.8-flash"
LINES = [("Ann", Segment(0.0, 2.0, "Good morning,\nmayor.")), ("Ben", Segment(2.0, 4.0, "The bridge cost 4500.")),
         ("Ann", Segment(4.0, 6.0, "Who paid for the bridge?")), ("Ben", Segment(6.0, 8.0, "The harbour paid."))]


@pytest.fixture
def recording(library: Library, cache: Path, tmp_path: Path) -> Recording:
    """Twelve seconds: six tones of rising pitch."""
    return import_audio(library, cache, write_wav(tmp_path / "secret-source.wav", turns(6)), ignore_progress).recording


@pytest.fixture
def document(library: Library, recording: Recording) -> TranscriptDocument:
    transcript = library.add_transcript(recording.id, engine="reference", model="by hand",
                                        time_range=TimeRange(0.0, recording.duration))
    library.add_segments(transcript.id, LINES)
    return library.document(transcript.id)


class Desk:
    """A journalist who asks: one library, one recording, the stand-in."""

    def __init__(self, library: Library, cache: Path, recording: Recording, service: GeminiService) -> None:
        self.library, self.cache, self.recording, self.service = library, cache, recording, service

    def answers(self, *, consent: bool = True, style: str = "", model: str = MODEL) -> GeminiAnswers:
        return make(model, key=KEY, url=self.service.url, style=style,
                    gate=LibraryGate(self.library, self.recording.id, consent=consent))

    def ask(self, question: str = "Who paid?", document: TranscriptDocument | None = None, *,
            thread: Thread | None = None, time_range: TimeRange | None = None, about_sound: bool = False,
            report: Report = ignore_progress, consent: bool = True, style: str = "") -> Thread:
        answers = self.answers(consent=consent, style=style)
        try:
            return ask(self.library, self.cache, self.recording, answers, question, document=document, thread=thread,
                       time_range=time_range, about_sound=about_sound, report=report)
        finally:
            answers.close()

    @property
    def threads(self) -> list[Thread]:
        return self.library.threads(self.recording.id)


@pytest.fixture
def desk(library: Library, cache: Path, recording: Recording, service: GeminiService) -> Desk:
    return Desk(library, cache, recording, service)


def says(service: GeminiService, *answers: str) -> None:
    """What the model answers, one after the other."""
    left = list(answers)
    service.answer = lambda heard: left.pop(0)  # type: ignore[method-assign,assignment,misc]


def sent_lines(heard: Heard) -> list[str]:
    """The transcript's lines in the first step of what was sent."""
    for part in heard.body["input"][0]["content"]:
        if part.get("text", "").startswith("Transcript:\n"):
            return str(part["text"]).split("\n")[1:]
    return []


def test_over_a_transcript_its_lines_go_along_with_ids_and_names_and_no_sound(
        desk: Desk, document: TranscriptDocument, service: GeminiService) -> None:
    says(service, "The harbour paid for it. [4]\nThe bridge cost 4500. [2, 3]\nHe was glad. [1]")
    thread = desk.ask("Who paid?", document)
    (heard,) = service.heard
    assert sent_lines(heard) == ["[1] 0:00 Ann: Good morning, mayor.", "[2] 0:02 Ben: The bridge cost 4500.",
                                 "[3] 0:04 Ann: Who paid for the bridge?", "[4] 0:06 Ben: The harbour paid."]
    assert heard.audio == [] and b"audio" not in service.requests[0].body.replace(b"audio it rests", b"")
    ids = [segment.id for segment in document.segments]
    assert claims_of(thread.turns[0]) == (
        Claim("The harbour paid for it.", (Place(6.0, 8.0, ids[3]),)),
        Claim("The bridge cost 4500.", (Place(2.0, 4.0, ids[1]), Place(4.0, 6.0, ids[2]))),
        Claim("He was glad."))
    assert (thread.transcript_id, thread.range) == (document.transcript.id, None)
    assert thread.turns[0].model == MODEL and thread.turns[0].question == "Who paid?"


@pytest.mark.parametrize("with_words", [True, False], ids=["words", "sound"])
@pytest.mark.parametrize("time_range", [None, TimeRange(2.0, 6.0)], ids=["all", "range"])
def test_neither_title_nor_file_name_nor_key_is_in_a_body(
        desk: Desk, document: TranscriptDocument, service: GeminiService, library: Library, with_words: bool,
        time_range: TimeRange | None) -> None:
    library.rename_recording(desk.recording.id, "Meeting with Deep Throat")
    desk.recording = library.recording(desk.recording.id)
    desk.ask("Who paid?", library.document(document.transcript.id) if with_words else None, time_range=time_range)
    (request,) = service.requests
    folder = desk.recording.folder.encode()
    for secret in (b"Deep Throat", b"secret-source", desk.recording.sha256.encode(), folder, KEY.encode()):
        assert secret not in request.body and secret not in request.path.encode()
    assert all("Deep Throat" not in value and "secret-source" not in value for value in request.headers.values())


def test_of_a_range_only_its_lines_and_exactly_its_sound_go_along(
        desk: Desk, document: TranscriptDocument, service: GeminiService) -> None:
    says(service, "The bridge cost 4500. [1]\nThe bridge was paid. [2]\nThe harbour paid. [3]")
    thread = desk.ask("Who paid?", document, time_range=TimeRange(2.0, 6.0))
    (heard,) = service.heard
    assert sent_lines(heard) == ["[1] 0:02 Ben: The bridge cost 4500.", "[2] 0:04 Ann: Who paid for the bridge?"]
    assert len(heard.audio) == 1 and heard.seconds == pytest.approx(4.0, abs=0.001)
    assert (heard.audio[0].rate, heard.audio[0].channels, heard.audio[0].mime_type) == (16_000, 1, "audio/flac")
    assert Locator(turns(6).astype("float32") / 32768)(heard.audio[0]) == pytest.approx(2.0, abs=0.01)
    ids = [segment.id for segment in document.segments]
    assert [claim.places for claim in claims_of(thread.turns[0])] == [
        (Place(2.0, 4.0, ids[1]),), (Place(4.0, 6.0, ids[2]),), ()]
    assert thread.range == TimeRange(2.0, 6.0)


def test_without_a_transcript_the_sound_goes_along_alone(desk: Desk, service: GeminiService) -> None:
    says(service, "A tone. [00:02]\nLater there is another. [0:11, 00:13]")
    thread = desk.ask("What is heard?")
    (heard,) = service.heard
    assert heard.seconds == pytest.approx(12.0, abs=0.001) and sent_lines(heard) == []
    assert "Transcript:" not in heard.prompt and "MM:SS" in heard.prompt
    assert claims_of(thread.turns[0]) == (Claim("A tone.", (Place(2.0, 7.0),)),
                                          Claim("Later there is another.", (Place(11.0, 12.0),)))
    assert thread.transcript_id is None


def test_times_of_a_clip_are_on_the_recordings_clock(desk: Desk, service: GeminiService) -> None:
    says(service, "A tone. [00:01]\nBehind the end. [00:05]")
    thread = desk.ask("What is heard?", time_range=TimeRange(4.0, 8.0))
    assert service.heard[0].seconds == pytest.approx(4.0, abs=0.001)
    assert [claim.places for claim in claims_of(thread.turns[0])] == [(Place(5.0, 8.0),), ()]


def test_about_the_sound_no_words_go_along_even_when_there_are_some(
        desk: Desk, document: TranscriptDocument, service: GeminiService) -> None:
    says(service, "A tone. [00:02]")
    thread = desk.ask("Which sounds?", document, about_sound=True)
    (heard,) = service.heard
    assert heard.seconds == pytest.approx(12.0, abs=0.001) and "harbour" not in heard.prompt
    assert claims_of(thread.turns[0])[0].places == (Place(2.0, 7.0),) and thread.transcript_id is None


def test_too_much_sound_without_words_is_refused_and_nothing_is_sent(
        desk: Desk, document: TranscriptDocument, service: GeminiService, library: Library,
        monkeypatch: pytest.MonkeyPatch) -> None:
    assert LONGEST_CLIP == 720
    monkeypatch.setattr(asking, "LONGEST_CLIP", 11.9)
    monkeypatch.setattr(asking, "MOST_HEARD", 11.95)
    for arguments in ({}, {"about_sound": True}, {"time_range": TimeRange(0.0, 99.0)}):
        with pytest.raises(UserError, match="Choose a range"):
            desk.ask("Who?", document if "about_sound" in arguments else None, **arguments)  # type: ignore[arg-type]
    assert service.requests == [] and library.sendings() == [] and desk.threads == []
    desk.ask("Who?", document, time_range=TimeRange(0.0, 12.0))  # the words are there: they go alone
    assert service.heard[0].audio == [] and len(sent_lines(service.heard[0])) == 4


def test_too_many_words_are_refused_and_nothing_is_sent(desk: Desk, document: TranscriptDocument,
                                                        service: GeminiService,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST_CHARACTERS", 100)
    with pytest.raises(UserError, match="too long"):
        desk.ask("Who?", document)
    assert service.requests == [] and desk.threads == []
    desk.ask("Who?", document, time_range=TimeRange(2.0, 4.0))


@pytest.mark.parametrize("question", ["", "   ", "\n\t", "\x00\x07"])
def test_an_empty_question_is_no_question(desk: Desk, service: GeminiService, question: str) -> None:
    with pytest.raises(UserError, match="Write a question"):
        desk.ask(question)
    assert service.requests == []


def test_a_question_is_cleaned_before_it_leaves(desk: Desk, document: TranscriptDocument,
                                                service: GeminiService) -> None:
    thread = desk.ask("  Who \ud800paid\x00?\r\nWho? ", document)
    assert thread.turns[0].question == "Who ?paid?\nWho?"
    assert service.heard[0].body["input"][0]["content"][-1]["text"] == "Question: Who ?paid?\nWho?"


def test_a_follow_up_carries_all_turns_along_and_the_service_remembers_nothing(
        desk: Desk, document: TranscriptDocument, service: GeminiService) -> None:
    says(service, "The harbour paid. [4]", "It was 4500. [2]", "In the morning. [1]")
    first = desk.ask("Who paid?", document)
    second = desk.ask("How much?", document, thread=first)
    third = desk.ask("When?", document, thread=second)
    assert first.id == second.id == third.id and len(desk.threads) == 1
    assert [turn.question for turn in third.turns] == ["Who paid?", "How much?", "When?"]
    assert [as_text(turn.answer) for turn in third.turns] == ["The harbour paid. [4]", "It was 4500. [2]",
                                                              "In the morning. [1]"]
    steps = service.heard[2].body["input"]
    assert [step["type"] for step in steps] == ["user_input", "model_output"] * 2 + ["user_input"]
    assert [step["content"][-1]["text"] for step in steps] == [
        "Question: Who paid?", "The harbour paid. [4]", "Question: How much?", "It was 4500. [2]", "Question: When?"]
    assert len(sent_lines(service.heard[2])) == 4  # the material goes along once, at the start
    assert [len(step["content"]) for step in steps[1:]] == [1, 1, 1, 1]
    for heard in service.heard:
        assert heard.body["store"] is False and heard.body["stream"] is True
        assert not {"previous_interaction_id", "background", "continuation_token"} & set(heard.body)
    assert service.stored_interactions == {}


def test_a_follow_up_stays_in_the_range_of_its_conversation(desk: Desk, document: TranscriptDocument,
                                                            service: GeminiService) -> None:
    first = desk.ask("Who paid?", document, time_range=TimeRange(2.0, 6.0))
    desk.ask("How much?", document, thread=first, time_range=TimeRange(0.0, 12.0))
    assert service.heard[1].seconds == pytest.approx(4.0, abs=0.001) and len(sent_lines(service.heard[1])) == 2
    whole = desk.ask("Who?", document)
    desk.ask("How much?", document, thread=whole, time_range=TimeRange(2.0, 6.0))
    assert service.heard[3].audio == [] and len(sent_lines(service.heard[3])) == 4


def test_conversations_are_there_after_reopening_without_key_or_network(
        desk: Desk, document: TranscriptDocument, service: GeminiService, library: Library,
        monkeypatch: pytest.MonkeyPatch) -> None:
    says(service, "The harbour paid. [4]", "It was 4500. [2]", "A tone. [00:02]")
    first = desk.ask("Who paid?", document)
    first = desk.ask("How much?", document, thread=first)
    second = desk.ask("Which sounds?", document, about_sound=True, time_range=TimeRange(0.0, 6.0))
    library.close()
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network was used"))
    again = Library(data_folder())
    try:
        threads = again.threads(desk.recording.id)
        assert threads == [second, first]
        assert claims_of(threads[1].turns[0])[0].places == (Place(6.0, 8.0, document.segments[3].id),)
        assert claims_of(threads[0].turns[0]) == (Claim("A tone.", (Place(2.0, 6.0),)),)
    finally:
        again.close()


@pytest.mark.parametrize("fault", [
    Fault.status(400, "invalid_request"), Fault.status(429, "quota_exceeded", per_day=True), Fault.drop(),
    Fault.interaction_status("failed"), Fault.sse_cut(5), Fault.empty_output()],
    ids=["400", "quota", "drop", "failed", "cut", "empty"])
def test_a_failed_answer_keeps_nothing(desk: Desk, document: TranscriptDocument, service: GeminiService,
                                       library: Library, fault: Fault) -> None:
    says(service, "The harbour paid. [4]", "It was 4500. [2]", "More. [1]")
    service.fail_next(fault)
    with pytest.raises(EngineError):
        desk.ask("Who paid?", document)
    assert desk.threads == [] and library._rows("SELECT * FROM thread") == []
    service.answer = lambda heard: "The harbour paid. [4]"  # type: ignore[method-assign,assignment,misc]
    thread = desk.ask("Who paid?", document)
    service.fail_next(fault)
    with pytest.raises(EngineError):
        desk.ask("How much?", document, thread=thread)
    assert desk.threads == [thread]


def test_house_style_arrives_as_system_instruction_and_only_when_there_is_one(
        desk: Desk, document: TranscriptDocument, service: GeminiService) -> None:
    desk.ask("Who?", document, style="  Write “per cent”. ")
    desk.ask("Who?", document)
    assert [heard.system_instruction for heard in service.heard] == ["Write “per cent”.", ""]
    assert "per cent" not in service.heard[0].prompt and "system_instruction" not in service.heard[1].body


@pytest.mark.parametrize(("level", "consent"), [(Protection.NEVER, True), (Protection.ASK, False)])
@pytest.mark.parametrize("with_words", [True, False], ids=["words", "sound"])
def test_what_may_not_be_sent_is_not_asked_about(desk: Desk, document: TranscriptDocument, service: GeminiService,
                                                 library: Library, level: Protection, consent: bool,
                                                 with_words: bool) -> None:
    library.set_protection(desk.recording.id, level)
    with pytest.raises(NotAllowed):
        desk.ask("Who?", document if with_words else None, consent=consent)
    assert service.requests == [] and library.sendings() == [] and desk.threads == []


def test_a_mark_set_between_two_questions_holds_for_the_second(desk: Desk, document: TranscriptDocument,
                                                               service: GeminiService, library: Library) -> None:
    thread = desk.ask("Who?", document)
    library.set_protection(desk.recording.id, Protection.NEVER)
    with pytest.raises(NotAllowed):
        desk.ask("How much?", document, thread=thread)
    assert len(service.requests) == 1 and desk.threads == [thread]


def test_the_ledger_says_what_left_for_words_and_for_sound(desk: Desk, document: TranscriptDocument,
                                                           service: GeminiService, library: Library) -> None:
    says(service, "The harbour paid. [4]", "A tone. [00:01]")
    desk.ask("Who paid?", document)
    desk.ask("Which sounds?", document, about_sound=True, time_range=TimeRange(2.0, 6.0))
    sound, words = library.sendings(desk.recording.id)
    for line in (words, sound):
        assert line.cargo.purpose == "question" and line.cargo.model == MODEL and line.outcome == "answered"
        assert line.cargo.host == service.url.split("/")[2] and line.usage.output_tokens > 0 and line.cost
    assert words.cargo.range is None
    texts = [part["text"] for step in service.heard[0].body["input"] for part in step["content"]]
    assert words.cargo.byte_count == sum(len(text.encode()) for text in texts)
    assert sound.cargo.range == TimeRange(2.0, 6.0)
    assert sound.cargo.byte_count == service.heard[1].audio[0].byte_count


def test_the_line_is_in_the_ledger_before_anything_leaves(desk: Desk, document: TranscriptDocument,
                                                          service: GeminiService, library: Library) -> None:
    seen: list[list[str]] = []

    def answer(heard: Heard) -> str:
        seen.append([line.outcome for line in library.sendings()])
        return "The harbour paid. [4]"

    service.answer = answer  # type: ignore[method-assign,assignment]
    desk.ask("Who?", document)
    assert seen == [["under way"]]


def test_a_question_is_stopped_at_once_and_nothing_is_kept(desk: Desk, document: TranscriptDocument,
                                                           service: GeminiService, library: Library) -> None:
    service.hold_from(0)
    asked: list[float] = []

    def stop(progress: object) -> bool:
        if service.held and not asked:
            asked.append(time.monotonic())
        return bool(asked)

    with pytest.raises(Cancelled):
        desk.ask("Who?", document, report=Reports(stop))
    assert time.monotonic() - asked[0] < 1.0
    service.release()
    assert desk.threads == [] and [line.outcome for line in library.sendings()] == ["unknown"]


def test_an_answer_that_is_coming_is_stopped_too(desk: Desk, document: TranscriptDocument,
                                                 service: GeminiService) -> None:
    says(service, "The harbour paid. [4]\n" * 40)
    service.fail_next(Fault.slow_body(30))
    seen: list[float] = []

    def stop(progress: object) -> bool:
        payload = getattr(progress, "payload", None)
        if isinstance(payload, AnswerGrows) and payload.claims and not seen:
            seen.append(time.monotonic())
        return bool(seen)

    with pytest.raises(Cancelled):
        desk.ask("Who?", document, report=Reports(stop))
    assert time.monotonic() - seen[0] < 1.0 and desk.threads == []


def test_an_answer_is_shown_while_it_comes_with_checked_sentences(desk: Desk, document: TranscriptDocument,
                                                                  service: GeminiService) -> None:
    says(service, "The harbour paid. [4]\nThe bridge cost 4500. [2]\nHe was glad. []")
    service.fail_next(Fault.slow_body(2))
    reports = Reports()
    thread = desk.ask("Who paid?", document, report=reports)
    grown = [payload for payload in reports.payloads if isinstance(payload, AnswerGrows)]
    assert grown and {payload.question for payload in grown} == {"Who paid?"}
    sizes = [sum(len(claim.text) for claim in payload.claims) for payload in grown]
    assert sizes == sorted(sizes) and len(set(sizes)) > 2
    final = claims_of(thread.turns[0])
    assert any(payload.claims[:1] == final[:1] and payload.claims != final for payload in grown)


def test_the_rules_treat_the_recording_as_speech_and_never_as_orders(desk: Desk, document: TranscriptDocument,
                                                                     service: GeminiService) -> None:
    desk.ask("Who?", document)
    desk.ask("Who?")
    words, sound = (heard.body["input"][0]["content"] for heard in service.heard)
    for content in (words, sound):
        assert "never as an instruction" in content[0]["text"] and content[-1]["text"] == "Question: Who?"
    assert "transcript lines" in words[0]["text"] and "MM:SS" not in words[0]["text"]


def test_a_kept_record_holds_the_words_as_they_came(desk: Desk, document: TranscriptDocument,
                                                    service: GeminiService) -> None:
    said = "- The “harbour” paid — 港. [4, 99]\n\n1. <b>Bold</b> [2]"
    says(service, said)
    thread = desk.ask("Who?", document)
    assert as_text(thread.turns[0].answer) == said
    record = json.loads(thread.turns[0].answer)
    assert [claim["text"] for claim in record["claims"]] == ["The “harbour” paid — 港.", "<b>Bold</b>"]
    assert [len(claim["places"]) for claim in record["claims"]] == [1, 0]


def test_a_long_answer_is_kept_whole(desk: Desk, document: TranscriptDocument, service: GeminiService) -> None:
    says(service, "The harbour paid for this bridge, it was said. [4]\n" * 600)
    assert len(claims_of(desk.ask("Who?", document).turns[0])) == 600


def test_a_lone_surrogate_loses_no_answer(desk: Desk, document: TranscriptDocument, service: GeminiService) -> None:
    says(service, "The harbour paid \ud800. [4]")
    assert len(claims_of(desk.ask("Who?", document).turns[0])) == 1


def test_a_range_behind_the_end_sends_nothing(desk: Desk, service: GeminiService) -> None:
    with pytest.raises(UserError, match="behind the end"):
        desk.ask("Who?", time_range=TimeRange(300, 360))
    assert service.requests == []


def test_a_follow_up_stays_with_the_lines_that_it_began_with(desk: Desk, document: TranscriptDocument,
                                                             library: Library, service: GeminiService) -> None:
    says(service, "The harbour paid. [4]\n", "The harbour paid. [4]\n")
    thread = desk.ask("Who?", document)
    desk.ask("And then?", None, thread=thread)
    assert "Transcript:" in service.heard[-1].prompt and not service.heard[-1].audio
