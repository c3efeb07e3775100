"""The stand-in for the Gemini API, seen through the real SDK: what it takes, what it says, how it fails."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import httpx2
import numpy as np
import pytest
import soundfile
import soxr
from google import genai
from google.genai import _interactions as family
from google.genai import errors

from tests.gemini_service import Fault, GeminiService, Heard, Locator, truth_answer
from tests.gemini_service.answers import words_on_sound

FLASH, TRANSCRIBE, KEY = "gemini-3.8-flash", "gemini-3.5-transcribe", "test-key-123"
TEXTS = ("start", "end", "speaker", "content", "language", "translation")
EMOTION = {"type": "string", "enum": ["happy", "neutral"]}
SEGMENT = {"type": "object", "required": [*TEXTS, "emotion"],
           "properties": {**{name: {"type": "string"} for name in TEXTS}, "emotion": EMOTION}}
SCHEMA = {"type": "object", "required": ["summary", "segments"], "properties": {
    "summary": {"type": "string"}, "segments": {"type": "array", "items": SEGMENT}}}
WRAPPED = {"type": "text", "mime_type": "application/json", "schema": SCHEMA}
VERBATIM = {"type": "verbatim", "diarization_mode": "speaker", "timestamp_granularities": ["word"]}


def tones(*pitches: int, rate: int = 16_000) -> np.ndarray:
    """For each pitch a second of tone and a second of silence."""
    time_axis = np.arange(rate) / rate
    parts = [0.3 * np.sin(2 * np.pi * pitch * time_axis) for pitch in pitches]
    return np.concatenate([np.r_[part, np.zeros(rate)] for part in parts]).astype(np.float32)


def encode(samples: np.ndarray, rate: int = 16_000, kind: str = "FLAC") -> bytes:
    target = io.BytesIO()
    soundfile.write(target, samples, rate, format=kind)
    return target.getvalue()


def sound(samples: np.ndarray, rate: int = 16_000, kind: str = "FLAC") -> dict[str, str]:
    data = base64.b64encode(encode(samples, rate, kind)).decode()
    return {"type": "audio", "data": data, "mime_type": f"audio/{kind.lower()}"}


@cache
def short_clip() -> dict[str, str]:
    return sound(tones(440, 880))


@cache
def half_hour() -> dict[str, str]:
    return sound(np.zeros(31 * 60 * 1000, dtype=np.float32), rate=1000)


def make_client(url: str, key: str = KEY, timeout: float = 5.0) -> genai.Client:
    arguments = {"trust_env": False, "follow_redirects": False}
    return genai.Client(api_key=key, vertexai=False, http_options={
        "base_url": url, "api_version": "v1beta", "timeout": int(timeout * 1000),
        "retry_options": {"attempts": 1}, "client_args": arguments, "async_client_args": arguments})


@pytest.fixture
def service() -> Iterator[GeminiService]:
    with GeminiService() as running:
        yield running


@pytest.fixture
def client(service: GeminiService) -> Iterator[genai.Client]:
    made = make_client(service.url)
    yield made
    made.close()


def ask(client: genai.Client, model: str = FLASH, **changes: Any) -> Any:
    """A correct request for a transcript, with changes; None takes a field away."""
    body = {"input": [{"type": "text", "text": "Transcribe."}, short_clip()], "store": False,
            "response_format": WRAPPED, **changes}
    return client.interactions.create(model=model, **{k: v for k, v in body.items() if v is not None})


def transcribe(client: genai.Client, clip: dict[str, str] | None = None, config: dict[str, Any] | None = None,
               **changes: Any) -> Any:
    generation = {"transcription_config": {"mode": VERBATIM} if config is None else config}
    return client.interactions.create(**{"model": TRANSCRIBE, "input": [clip or short_clip()], "store": False,
                                         "generation_config": generation, **changes})


def refused(call: Callable[[], Any]) -> tuple[int | None, str]:
    """Status and code word of the refusal in either family of errors."""
    try:
        call()
    except family.APIStatusError as error:
        body = error.body if isinstance(error.body, dict) else {}
        return error.status_code, body.get("error", {}).get("code", "")
    except errors.APIError as error:
        return error.code, error.status or ""
    raise AssertionError("was not refused")


def segments_of(interaction: Any) -> list[dict[str, Any]]:
    return list(json.loads(interaction.output_text)["segments"])


# what arrives and what is answered


def test_the_service_hears_what_was_sent(service: GeminiService, client: genai.Client) -> None:
    stereo = np.stack([tones(440, rate=44_100), np.zeros(88_200, dtype=np.float32)], axis=1)
    ask(client, input=[{"type": "text", "text": "One."}, sound(stereo, 44_100, "WAV"),
                       {"type": "text", "text": "Two."}], system_instruction="Be exact.")
    heard = service.heard[0]
    assert (heard.model, heard.prompt, heard.system_instruction) == (FLASH, "One.\nTwo.", "Be exact.")
    part = heard.audio[0]
    assert (part.channels, part.rate, part.seconds, part.mime_type) == (2, 44_100, 2.0, "audio/wav")
    assert part.byte_count == 88_200 * 2 * 2 + 44
    assert np.abs(part.samples[:44_100]).max() == pytest.approx(0.15, abs=0.01)
    assert np.abs(part.samples[44_100:]).max() == 0


@pytest.mark.parametrize("kind", ["FLAC", "WAV", "AIFF", "OGG", "MP3"])
def test_formats_are_decoded(service: GeminiService, client: genai.Client, kind: str) -> None:
    ask(client, input=[sound(tones(440, 880), kind=kind)])
    assert service.heard[0].seconds == pytest.approx(4.0, abs=0.1)


def test_default_answer_follows_the_schema_and_the_sound(client: genai.Client) -> None:
    interaction = ask(client)
    assert interaction.status == "completed"
    first, second = segments_of(interaction)
    assert (first["start"], first["end"], first["speaker"]) == ("00:00", "00:01", "A")
    assert (second["start"], second["end"], second["speaker"]) == ("00:02", "00:03", "B")
    assert "440" in first["content"] and "880" in second["content"]
    assert interaction.usage.total_input_tokens == 4 * 32 + 3


def test_without_schema_there_is_plain_text_and_other_schemas_are_filled(client: genai.Client) -> None:
    assert ask(client, response_format=None).output_text.startswith("I heard 4.0 seconds")
    other = {"type": "object", "properties": {"count": {"type": "integer"}, "words": {
        "type": "array", "items": {"type": "string"}, "minItems": 2}}}
    answer = ask(client, input="x", response_format={**WRAPPED, "schema": other}).output_text
    assert json.loads(answer) == {"count": 0, "words": ["text", "text"]}


def test_answer_can_be_set(service: GeminiService, client: genai.Client) -> None:
    service.answer = lambda heard: {"summary": f"call {heard.index}", "segments": []}
    assert [json.loads(ask(client).output_text)["summary"] for _ in range(2)] == ["call 0", "call 1"]


def test_transcription_gives_words_with_times_and_speakers(client: genai.Client) -> None:
    content = transcribe(client).steps[-1].content[0]
    words = content.annotations
    assert [word.text for word in words] == content.text.split()
    assert {word.speaker for word in words} == {"spk:0", "spk:1"}
    assert words[0].start_offset == "0.000s" and words[-1].end_offset == "3.000s"


def test_transcription_gives_only_what_was_asked_for(client: genai.Client) -> None:
    assert not transcribe(client, config={}).steps[-1].content[0].annotations
    only_times = transcribe(client, config={"timestamp_granularities": ["word"]}).steps[-1].content[0]
    assert only_times.annotations[0].speaker is None and only_times.annotations[0].start_offset


def test_a_stream_has_all_events_and_the_same_text(service: GeminiService, client: genai.Client) -> None:
    service.answer = lambda heard: "word " * 100
    events = list(ask(client, response_format=None, stream=True))
    kinds = [event.event_type for event in events]
    assert kinds[:2] == ["interaction.created", "interaction.status_update"]
    assert kinds.count("step.start") == kinds.count("step.stop") == 2 and "step.delta" in kinds
    assert kinds[-1] == "interaction.completed" and events[-1].interaction.status == "completed"
    assert text_of(events) == "word " * 100
    assert events[-1].interaction.usage.total_output_tokens == 125


def text_of(events: list[Any]) -> str:
    """The text of a stream, put together as an app would."""
    pieces = []
    for event in events:
        if getattr(event, "event_type", "") == "step.start" and event.step.type == "model_output":
            pieces += [part.text for part in event.step.content]
        if getattr(event, "event_type", "") == "step.delta" and event.delta.type == "text":
            pieces.append(event.delta.text)
    return "".join(pieces)


def test_stored_interactions_can_be_read_resumed_followed_and_deleted(
        service: GeminiService, client: genai.Client) -> None:
    assert ask(client).id not in service.stored_interactions
    stored = ask(client, store=None)
    assert client.interactions.get(stored.id).output_text == stored.output_text
    events = list(client.interactions.get(stored.id, stream=True))
    rest = list(client.interactions.get(stored.id, stream=True, last_event_id=events[3].event_id))
    assert [event.event_id for event in rest] == [event.event_id for event in events[4:]]
    assert ask(client, previous_interaction_id=stored.id).status == "completed"
    client.interactions.delete(stored.id)
    assert not service.stored_interactions
    assert refused(lambda: client.interactions.get(stored.id)) == (404, "not_found")
    assert refused(lambda: ask(client, previous_interaction_id=stored.id)) == (404, "not_found")


def test_background_interactions_run_and_can_be_cancelled(client: genai.Client) -> None:
    running = ask(client, store=None, background=True)
    assert running.status == "in_progress" and running.output_text == ""
    seen = [client.interactions.get(running.id).status for _ in range(2)]
    assert seen == ["in_progress", "completed"]
    assert refused(lambda: client.interactions.cancel(running.id)) == (400, "failed_precondition")
    assert client.interactions.cancel(ask(client, store=None, background=True).id).status == "cancelled"
    assert refused(lambda: ask(client, background=True)) == (400, "invalid_request")


# strictness

REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "unknown field": ({"extra_body": {"colour": 1}}, 400, "parameter_unknown"),
    "unknown nested field": ({"generation_config": {"tempo": 1}}, 400, "parameter_unknown"),
    "camelCase": ({"extra_body": {"systemInstruction": "x"}}, 400, "parameter_unknown"),
    "nested camelCase": ({"input": [{**short_clip(), "mimeType": "x"}]}, 400, "parameter_unknown"),
    "unknown part": ({"input": [{"type": "smell", "text": "x"}]}, 400, ""),
    "temperature": ({"generation_config": {"temperature": 0.2}}, 400, "invalid_request"),
    "top_p": ({"generation_config": {"top_p": 0.9}}, 400, "invalid_request"),
    "thinking": ({"generation_config": {"thinking_level": "huge"}}, 400, "invalid_request"),
    "wrong type": ({"extra_body": {"store": "perhaps"}}, 400, "invalid_request"),
    "bare schema": ({"response_format": SCHEMA}, 400, "invalid_request"),
    "schema without type": ({"response_format": {"type": "text", "schema": SCHEMA}}, 400, "invalid_request"),
    "old mime field": ({"response_mime_type": "application/json"}, 400, "parameter_unknown"),
    "bad base64": ({"input": [{**short_clip(), "data": "no base64!"}]}, 400, "invalid_request"),
    "no audio in it": ({"input": [{**short_clip(), "data": "aGVsbG8="}]}, 400, "invalid_request"),
    "wrong audio type": ({"input": [{**short_clip(), "mime_type": "audio/wav"}]}, 400, "invalid_request"),
    "unknown audio type": ({"input": [{**short_clip(), "mime_type": "audio/x-wav"}]}, 400, "invalid_request"),
    "foreign link": ({"input": [{"type": "audio", "uri": "https://example.org/a.wav",
                                 "mime_type": "audio/wav"}]}, 400, "invalid_request"),
    "empty range": ({"input": [{**short_clip(), "processing": {
        "type": "static", "start_offset": "3s", "end_offset": "2s"}}]}, 400, "invalid_request"),
    "transcription": ({"generation_config": {"transcription_config": {}}}, 400, "invalid_request"),
    "no input": ({"input": ""}, 400, "invalid_request"),
    "too large": ({"input": [{**short_clip(), "data": "A" * 20_000_000}]}, 413, ""),
    "not YouTube": ({"input": [{"type": "video", "uri": "https://example.org/v"}]}, 400, "invalid_request"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_general_requests_are_refused(service: GeminiService, client: genai.Client, case: str) -> None:
    changes, status, word = REFUSED[case]
    got = refused(lambda: ask(client, **changes))
    assert got[0] == status and word in got[1]
    assert not service.heard and service.requests[-1].status == status and not service.bugs


@pytest.mark.parametrize("part", [
    {"anyOf": [{"type": "string"}]}, {"type": ["string", "null"]}, {"$ref": "#/x"}, {"type": "array"},
    {"type": "object"}, {"type": "string", "enum": [""]}, {"type": "string", "colour": 1},
    {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]},
    {"type": "array", "maxItems": 500, "items": {"type": "array", "maxItems": 500, "items": EMOTION}},
])
def test_schemas_outside_the_subset_are_refused(client: genai.Client, part: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"part": part}}
    got = refused(lambda: ask(client, response_format={**WRAPPED, "schema": schema}))
    assert got == (400, "invalid_request")


def test_an_unknown_model_is_404(client: genai.Client) -> None:
    assert refused(lambda: ask(client, model="gemini-2-flash")) == (404, "model_not_found")
    assert refused(lambda: client.models.get(model="gemini-2-flash")) == (404, "NOT_FOUND")


WORDS = {"custom_vocabulary": ["Ferrer"]}


@pytest.mark.parametrize("changes", [
    {"input": [{"type": "text", "text": "Transcribe."}, short_clip()]},
    {"input": [short_clip(), short_clip()]},
    {"response_format": WRAPPED},
    {"system_instruction": "Be exact."},
    {"generation_config": {"thinking_level": "low"}},
    {"config": {**WORDS, "mode": {"type": "verbatim", "timestamp_granularities": ["word"]}}},
    {"config": {**WORDS, "mode": {"type": "verbatim", "diarization_mode": "speaker"}}},
    {"config": {**WORDS, "diarization_mode": "speaker"}},
    {"config": {"mode": "smart", "timestamp_granularities": ["word"]}},
    {"config": {"mode": "quick"}},
    {"config": {"language_codes": ["French!"]}},
    {"config": {"custom_vocabulary": ["word"] * 1001}},
    {"clip": half_hour()},
])
def test_transcriptions_are_refused(
        service: GeminiService, client: genai.Client, changes: dict[str, Any]) -> None:
    assert refused(lambda: transcribe(client, **changes)) == (400, "invalid_request")
    assert not service.heard


def test_transcriptions_within_the_limits_are_taken(client: genai.Client) -> None:
    assert transcribe(client, half_hour(), config={"mode": "verbatim"}).status == "completed"
    assert transcribe(client, config={**WORDS, "language_codes": ["fr-FR"]}).status == "completed"
    assert transcribe(client, config={"mode": {"type": "smart"}}).status == "completed"


@pytest.mark.parametrize("key", ["wrong-key", "x"])
def test_a_bad_key_is_400_and_in_an_array_for_interactions(service: GeminiService, key: str) -> None:
    client = make_client(service.url, key)
    with pytest.raises(family.BadRequestError) as caught:
        ask(client)
    body = caught.value.body
    assert isinstance(body, list) and body[0]["error"]["details"][0]["reason"] == "API_KEY_INVALID"
    with pytest.raises(errors.ClientError) as listed:
        client.models.list()
    assert listed.value.details["error"]["details"][0]["reason"] == "API_KEY_INVALID"
    client.close()


def test_a_missing_key_is_refused(service: GeminiService) -> None:
    answer = httpx2.get(service.url + "v1beta/models", trust_env=False)
    assert answer.status_code == 400


def test_a_range_is_cut_out(service: GeminiService, client: genai.Client) -> None:
    ask(client, input=[{**short_clip(), "processing": {"type": "static", "start_offset": "2s"}}])
    assert service.heard[0].seconds == pytest.approx(2.0)


def test_youtube_is_taken(service: GeminiService, client: genai.Client) -> None:
    ask(client, input=[{"type": "video", "uri": "https://www.youtube.com/watch?v=abc_-1"}])
    assert len(service.heard) == 1


# files and models


def upload(client: genai.Client, data: bytes | None = None, **config: Any) -> Any:
    content = io.BytesIO(encode(tones(440)) if data is None else data)
    return client.files.upload(file=content, config={"mime_type": "audio/flac", **config})  # type: ignore[arg-type]


def test_the_life_of_a_file(service: GeminiService, client: genai.Client) -> None:
    file = upload(client, name="files/pq-1", display_name="audio")
    assert (file.name, file.display_name, file.state.name) == ("files/pq-1", "audio", "ACTIVE")
    assert (file.expiration_time - file.create_time).total_seconds() == 48 * 3600
    assert file.size_bytes == len(service.files["files/pq-1"].data)
    assert [listed.name for listed in client.files.list()] == ["files/pq-1"]
    ask(client, input=[{"type": "audio", "uri": file.uri, "mime_type": "audio/flac"}])
    assert service.heard[0].seconds == 2.0
    counted = client.models.count_tokens(model=FLASH, contents=[file, "four"])
    assert counted.total_tokens == 65
    client.files.delete(name=file.name)
    assert not service.files
    assert refused(lambda: client.files.get(name=file.name)) == (403, "PERMISSION_DENIED")
    assert refused(lambda: client.files.delete(name=file.name)) == (403, "PERMISSION_DENIED")
    gone = [{"type": "audio", "uri": file.uri, "mime_type": "audio/flac"}]
    assert refused(lambda: ask(client, input=gone)) == (403, "permission_denied")


def test_large_files_come_in_chunks_and_lists_in_pages(service: GeminiService, client: genai.Client) -> None:
    data = bytes(9 * 1024 * 1024)
    for number in range(3):
        upload(client, data, name=f"files/n{number}")
    assert service.files["files/n0"].data == data
    assert len([request for request in service.requests if request.route == "upload.chunk"]) == 6
    assert len(list(client.files.list(config={"page_size": 2}))) == 3
    assert refused(lambda: client.files.list(config={"page_size": 101}))[0] == 400


@pytest.mark.parametrize("name, status", [
    ("files/UPPER", 400), ("files/" + "a" * 41, 400), ("files/taken", 409)])
def test_file_names_are_checked(client: genai.Client, name: str, status: int) -> None:
    upload(client, name="files/taken")
    assert refused(lambda: upload(client, name=name))[0] == status


def test_chunks_must_fit_the_granularity(client: genai.Client) -> None:
    class Crumbs(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(1000)

    content = Crumbs(bytes(5000))
    assert refused(lambda: client.files.upload(file=content, config={"mime_type": "audio/wav"}))[0] == 400


def test_an_upload_can_be_queried_resumed_and_cancelled(service: GeminiService) -> None:
    data = encode(tones(440, 880, 660, 550))[:600_000].ljust(600_000, b"\0")
    with httpx2.Client(trust_env=False, headers={"x-goog-api-key": KEY}) as plain:
        first, second = (start_upload(plain, service, len(data)) for _ in range(2))
        step(plain, first, "upload", 0, data[:262_144])
        asked = step(plain, first, "query")
        assert asked.headers["x-goog-upload-size-received"] == "262144"
        assert step(plain, first, "upload, finalize", 5, data[262_144:]).status_code == 400
        done = step(plain, first, "upload, finalize", 262_144, data[262_144:])
        assert done.headers["x-goog-upload-status"] == "final" and len(service.files) == 1
        assert step(plain, second, "cancel").headers["x-goog-upload-status"] == "cancelled"
        assert step(plain, second, "query").status_code == 404


def start_upload(plain: httpx2.Client, service: GeminiService, size: int) -> str:
    headers = {"X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start",
               "X-Goog-Upload-Header-Content-Length": str(size)}
    body = {"file": {"mime_type": "audio/flac"}}
    answer = plain.post(service.url + "upload/v1beta/files", json=body, headers=headers)
    return answer.headers["x-goog-upload-url"]


def step(plain: httpx2.Client, url: str, command: str, offset: int = 0, data: bytes = b"") -> httpx2.Response:
    headers = {"X-Goog-Upload-Command": command, "X-Goog-Upload-Offset": str(offset)}
    return plain.post(url, content=data, headers=headers)


def test_models_are_listed_with_their_limits(client: genai.Client) -> None:
    listed = {model.name: model for model in client.models.list(config={"page_size": 2})}
    assert len(listed) > 4 and listed[f"models/{FLASH}"].input_token_limit == 1_048_576
    assert "countTokens" in (client.models.get(model=TRANSCRIBE).supported_actions or [])


@pytest.mark.parametrize("body", [
    b"", b"nonsense", b"[]", b'"text"', b"{}", b'{"model": 1}', b'{"model": "gemini-3.8-flash"}',
    b'{"model": "gemini-3.8-flash", "input": [1]}', b'{"model": "gemini-3.8-flash", "input": {}}',
    b'{"model": "gemini-3.8-flash", "input": {"type": "text"}}',
    b'{"model": "gemini-3.8-flash", "input": [{}]}', b'{"model": "gemini-3.8-flash", "input": [[]]}',
    b'{"model": "gemini-3.8-flash", "input": [{"type": "user_input", "content": null}]}',
    b'{"model": "gemini-3.8-flash", "input": "x", "response_format": [null]}',
    b'{"model": "gemini-3.8-flash", "input": "x", "response_format": 7}',
    b'{"model": "gemini-3.8-flash", "input": "x", "generation_config": []}',
    b'{"model": "gemini-3.8-flash", "input": [{"type": "audio"}]}',
    b'{"model": "gemini-3.8-flash", "input": [{"type": "function_call"}]}',
    b'{"model": "gemini-3.5-transcribe", "generation_config": {"transcription_config": {"mode": {}}}}',
])
def test_odd_bodies_are_refused_without_breaking_the_service(service: GeminiService, body: bytes) -> None:
    headers = {"x-goog-api-key": KEY}
    url = service.url + "v1beta/interactions"
    assert httpx2.post(url, content=body, headers=headers, trust_env=False).status_code == 400
    assert not service.bugs


# faults


@pytest.mark.parametrize("code, word, kind", [
    (401, "authentication", family.AuthenticationError), (402, "payment_required", family.APIStatusError),
    (403, "permission_denied", family.PermissionDeniedError), (409, "aborted", family.ConflictError),
    (429, "rate_limit_exceeded", family.RateLimitError), (500, "api_error", family.InternalServerError),
    (503, "service_unavailable", family.InternalServerError),
])
def test_a_status_reaches_the_app_once_and_is_not_heard(
        service: GeminiService, client: genai.Client, code: int, word: str,
        kind: type[family.APIStatusError]) -> None:
    service.fail_next(Fault.status(code, word, "as told"))
    with pytest.raises(kind) as caught:
        ask(client)
    assert json.loads(caught.value.response.text)["error"] == {"code": word, "message": "as told"}
    assert not service.heard and ask(client).status == "completed"


def test_hints_when_to_come_back(service: GeminiService, client: genai.Client) -> None:
    service.fail_next(
        Fault.status(429, "rate_limit_exceeded", retry_after=7, retry_info_seconds=17.5),
        Fault.status(429, "quota_exceeded", per_day=True))
    with pytest.raises(family.RateLimitError) as minute:
        ask(client)
    assert minute.value.response.headers["retry-after"] == "7"
    assert '"retryDelay": "17.5s"' in json.dumps(minute.value.body)
    with pytest.raises(family.RateLimitError) as day:
        ask(client)
    assert "PerDay" in json.dumps(day.value.body) and "retryDelay" not in json.dumps(day.value.body)


def test_hints_on_the_other_family(service: GeminiService, client: genai.Client) -> None:
    service.fail_next(Fault.status(429, "x", retry_after=3, retry_info_seconds=4), route="models.list")
    with pytest.raises(errors.ClientError) as caught:
        client.models.list()
    assert caught.value.status == "RESOURCE_EXHAUSTED" and caught.value.response.headers["retry-after"] == "3"
    assert caught.value.details["error"]["details"][-1]["retryDelay"] == "4s"


@pytest.mark.parametrize("fault, kind, heard", [
    (Fault.drop(), family.APIConnectionError, 1), (Fault.drop_mid_body(), family.APIConnectionError, 1),
    (Fault.drop_mid_body(reset=False), family.APIConnectionError, 1),
    (Fault.truncated_json(), family.APIError, 1), (Fault.hang(), family.APITimeoutError, 1),
    (Fault.stall(), family.APITimeoutError, 1), (Fault.html_200(), family.APIError, 0),
    (Fault.html_503(), family.InternalServerError, 0), (Fault.empty_200(), family.APIError, 0),
    (Fault.redirect(302, "http://127.0.0.1:9/"), family.APIError, 0),
])
def test_broken_answers_raise(
        service: GeminiService, fault: Fault, kind: type[Exception], heard: int) -> None:
    client = make_client(service.url, timeout=0.5)
    service.fail_next(fault)
    with pytest.raises(kind):
        ask(client)
    assert len(service.heard) == heard
    assert ask(client).status == "completed"
    client.close()


def test_a_redirect_is_not_followed(service: GeminiService, client: genai.Client) -> None:
    with GeminiService() as other:
        service.fail_next(Fault.redirect(307, other.url + "v1beta/interactions"))
        with pytest.raises(family.APIError):
            ask(client)
        assert not other.requests


def test_a_slow_body_outlasts_the_timeout(service: GeminiService) -> None:
    client = make_client(service.url, timeout=0.5)
    service.fail_next(Fault.slow_body(1.0))
    begun = time.monotonic()
    assert ask(client).status == "completed" and time.monotonic() - begun > 0.9
    client.close()


def test_connections_break_on_the_other_family_too(service: GeminiService, client: genai.Client) -> None:
    service.fail_next(Fault.drop(), Fault.html_200(), route="files")
    with pytest.raises(httpx2.TransportError):
        client.files.list()
    with pytest.raises(ValueError):
        client.files.get(name="files/x")


@pytest.mark.parametrize("status", ["failed", "incomplete"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_unfinished_interaction_raises_nothing(
        service: GeminiService, client: genai.Client, status: str, stream: bool) -> None:
    service.fail_next(Fault.interaction_status(status, "a_reason", "words"))
    result = ask(client, stream=stream)
    if stream:
        assert list(result)[-1].interaction.status == status
    else:
        assert (result.status, result.errors[0].code) == (status, "a_reason")
        assert bool(result.output_text) == (status == "incomplete")


def test_a_continuation_sends_the_audio_again(service: GeminiService, client: genai.Client) -> None:
    service.answer = lambda heard: "one two three four"
    service.fail_next(Fault.interaction_status("requires_continuation"))
    assert ask(client).output_text == "one two three four"
    assert [heard.seconds for heard in service.heard] == [4.0, 4.0]
    service.fail_next(Fault.interaction_status("requires_continuation"))
    assert text_of(list(ask(client, stream=True))) == "one two three four"


def test_distorted_answers(service: GeminiService, client: genai.Client) -> None:
    service.fail_next(Fault.empty_output(), Fault.looped_text(), Fault.times_past_end(),
                      Fault.times_backwards(), Fault.bad_json_text())
    empty, looped, past, backwards, bad = (ask(client) for _ in range(5))
    assert empty.status == "completed" and empty.output_text == ""
    assert segments_of(looped)[-1]["content"].count("market") > 50
    assert [segment["start"] for segment in segments_of(past)] == ["00:00", "01:04"]
    assert [segment["start"] for segment in segments_of(backwards)] == ["00:02", "00:00"]
    with pytest.raises(ValueError):
        json.loads(bad.output_text)


def test_distorted_transcriptions(service: GeminiService, client: genai.Client) -> None:
    service.fail_next(Fault.times_past_end(), Fault.times_backwards(), Fault.looped_text())
    past, backwards, looped = (transcribe(client).steps[-1].content[0] for _ in range(3))
    assert past.annotations[-1].start_offset == "64.000s"
    assert backwards.annotations[0].start_offset > backwards.annotations[-1].start_offset
    assert looped.text.count("market") > 50


def stream_with(service: GeminiService, client: genai.Client, fault: Fault) -> list[Any]:
    service.answer = lambda heard: "word " * 100
    service.fail_next(fault)
    ask(client, response_format=None)  # not streamed: a stream's fault waits for the next stream
    return list(ask(client, response_format=None, stream=True))


def test_streams_that_end_early_or_badly_without_an_exception(
        service: GeminiService, client: genai.Client) -> None:
    assert len(stream_with(service, client, Fault.sse_cut(4))) == 4
    malformed = stream_with(service, client, Fault.sse_malformed())
    assert any(isinstance(event, str) for event in malformed)
    assert malformed[-1].interaction.status == "completed" and text_of(malformed) != "word " * 100
    assert stream_with(service, client, Fault.sse_error_event())[-1].event_type == "error"


@pytest.mark.parametrize("fault", [Fault.sse_cut(4, with_error=True), Fault.drop_mid_body()])
def test_streams_that_break(service: GeminiService, client: genai.Client, fault: Fault) -> None:
    service.fail_next(fault)
    seen = []
    with pytest.raises((family.APIConnectionError, httpx2.TransportError)):
        for event in ask(client, stream=True):
            seen.append(event)
    assert all(event.event_type != "interaction.completed" for event in seen)


def state_of(client: genai.Client, name: str) -> str:
    state = client.files.get(name=name).state
    return state.name if state else ""


def test_files_that_never_become_ready(service: GeminiService, client: genai.Client) -> None:
    service.fail_next(Fault.file_stuck("PROCESSING"), Fault.file_stuck("FAILED"),
                      Fault.file_stuck("PROCESSING", polls=2))
    stuck, failed, slow = (upload(client) for _ in range(3))
    assert failed.state.name == "FAILED" and client.files.get(name=failed.name).error
    assert [state_of(client, stuck.name) for _ in range(4)] == ["PROCESSING"] * 4
    assert [state_of(client, slow.name) for _ in range(3)] == ["PROCESSING", "PROCESSING", "ACTIVE"]
    part = {"type": "audio", "uri": stuck.uri, "mime_type": "audio/flac"}
    assert refused(lambda: ask(client, input=[part])) == (400, "failed_precondition")


def test_uploads_that_break_off(service: GeminiService, client: genai.Client) -> None:
    service.fail_next(Fault.upload_drop_at(8_700_000))
    with pytest.raises(httpx2.TransportError):
        upload(client, bytes(9_000_000), name="files/a")
    assert not service.files and service.requests[-1].status is None
    service.fail_next(Fault.upload_last_answer_lost())
    with pytest.raises(httpx2.TransportError):
        upload(client, name="files/b")
    assert list(service.files) == ["files/b"]


def test_an_upload_that_is_not_read(service: GeminiService) -> None:
    client = make_client(service.url, timeout=0.5)
    service.fail_next(Fault.upload_stall_at(300_000))
    with pytest.raises(httpx2.TimeoutException):
        upload(client, bytes(8_000_000))
    client.close()


def test_a_lasting_rule(service: GeminiService, client: genai.Client) -> None:
    service.fail_when(lambda request: bool(request.parsed and "secret" in request.parsed.prompt),
                      Fault.status(403, "permission_denied"))
    for _ in range(2):
        assert refused(lambda: ask(client, input="a secret", response_format=None))[0] == 403
    assert ask(client).status == "completed"
    service.stop_failing()
    assert ask(client, input="a secret", response_format=None).status == "completed"


def test_an_unknown_route_is_a_mistake_of_the_test(service: GeminiService) -> None:
    with pytest.raises(ValueError, match="no route"):
        service.fail_next(Fault.drop(), route="interaktions")


def test_a_broken_answer_function_is_reported() -> None:
    service = GeminiService()
    service.answer = lambda heard: {"text": 1 / 0}
    client = make_client(service.url)
    assert refused(lambda: ask(client))[0] == 500
    client.close()
    with pytest.raises(ZeroDivisionError):
        service.close()


# time, many at once, the end


def wait_for(condition: Callable[[], Any], seconds: float = 3.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_calls_are_held_until_released(service: GeminiService, client: genai.Client) -> None:
    service.hold_from(1)
    assert ask(client).status == "completed"
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(ask(client)))
    thread.start()
    wait_for(lambda: service.held == 1)
    assert not results and len(service.heard) == 2
    service.release()
    thread.join()
    assert results[0].status == "completed" and service.held == 0


def test_a_cancelled_call_leaves_at_once(service: GeminiService) -> None:
    service.hold_from(0)

    async def run() -> float:
        client = make_client(service.url)
        task = asyncio.create_task(client.aio.interactions.create(model=FLASH, input="x", store=False))
        while not service.held:
            await asyncio.sleep(0.005)
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await client.aio.aclose()
        client.close()
        return time.monotonic() - begun

    assert asyncio.run(run()) < 0.5
    wait_for(lambda: service.held == 0)
    assert service.requests[-1].status is None


def test_delay_and_many_at_once(service: GeminiService) -> None:
    service.delay = lambda heard: 0.3

    async def run() -> list[Any]:
        client = make_client(service.url)
        create = client.aio.interactions.create
        answers = await asyncio.gather(*(create(model=FLASH, input=f"{n}", store=False) for n in range(12)))
        content = io.BytesIO(encode(tones(440)))
        file = await client.aio.files.upload(file=content, config={"mime_type": "audio/flac"})
        stream: Any = await create(model=FLASH, input="x", store=False, stream=True)
        events = [event async for event in stream]
        await client.aio.files.delete(name=str(file.name))
        await client.aio.aclose()
        client.close()
        return [*answers, events[-1].interaction]

    begun = time.monotonic()
    assert {answer.status for answer in asyncio.run(run())} == {"completed"}
    assert 0.6 < time.monotonic() - begun < 3.0
    assert sorted(heard.index for heard in service.heard) == list(range(13)) and service.most_at_once > 4


def test_closing_is_quick_even_with_hanging_calls() -> None:
    service = GeminiService()
    service.fail_next(*[Fault.hang()] * 4)
    client = make_client(service.url, timeout=20)
    threads = [threading.Thread(target=lambda: refused_connection(client)) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(service.heard) == 4)
    begun = time.monotonic()
    service.close()
    assert time.monotonic() - begun < 0.5
    for thread in threads:
        thread.join(2)
    client.close()
    assert not service._server.connections


def refused_connection(client: genai.Client) -> None:
    with pytest.raises(family.APIConnectionError):
        ask(client)


# the truth of a known recording


@cache
def recording() -> np.ndarray:
    """Two minutes of noise in bursts: no two places sound alike."""
    chance = np.random.default_rng(1)
    level = np.repeat(np.where(chance.random(240) > 0.3, 0.5, 0.02) * chance.random(240), 8000)
    noise = np.convolve(chance.standard_normal(120 * 16_000), np.ones(8) / 8, mode="same")
    return (level * noise * 0.5).astype(np.float32)


REFERENCE = [{"start": n * 5.0 + 0.5, "end": n * 5.0 + 4.5, "speaker": "AB"[n % 2], "language": "en",
              "text": f"segment number {n} says something"} for n in range(24)]


@pytest.mark.parametrize("rate, kind", [(16_000, "FLAC"), (16_000, "MP3"), (8_000, "WAV"), (48_000, "OGG")])
def test_the_truth_is_told_for_any_clip(
        service: GeminiService, client: genai.Client, rate: int, kind: str) -> None:
    clip = recording()[int(35.25 * 16_000):int(60.25 * 16_000)]
    service.answer = truth_answer(REFERENCE, Locator(recording()))
    answer = segments_of(ask(client, input=[sound(soxr.resample(clip, 16_000, rate), rate, kind)]))
    assert [segment["content"] for segment in answer] == [entry["text"] for entry in REFERENCE[7:12]]
    minutes, seconds = answer[0]["start"].split(":")
    assert minutes == "00" and float(seconds) == pytest.approx(0.25, abs=0.06)


def test_cut_or_silenced_words_are_not_told(service: GeminiService, client: genai.Client) -> None:
    service.answer = truth_answer(REFERENCE, recording(), fractions=False)
    clip = recording()[:13 * 16_000].copy()
    clip[5 * 16_000:10 * 16_000] = 0
    answer = segments_of(ask(client, input=[sound(clip)]))
    assert [segment["content"] for segment in answer] == [REFERENCE[0]["text"], "segment number 2"]
    assert answer[1]["start"] == "00:10"
    assert segments_of(ask(client, input=[sound(np.zeros(16_000, dtype=np.float32))])) == []


def test_words_lie_where_the_recording_has_sound() -> None:
    level = np.zeros(400, dtype=np.float32)
    level[100:120] = level[300:320] = 0.1
    words = words_on_sound({"start": 1.0, "end": 4.0, "text": "early late"}, level)
    assert [(word["start"], word["end"]) for word in words] == [(1.0, 3.0), (3.0, 4.0)]


def test_the_truth_for_a_transcription(service: GeminiService, client: genai.Client) -> None:
    service.answer = truth_answer(REFERENCE, recording())
    content = transcribe(client, sound(recording()[160_000:320_000])).steps[-1].content[0]
    assert content.text == f"{REFERENCE[2]['text']} {REFERENCE[3]['text']}"
    assert content.annotations[0].speaker == "spk:0" and content.annotations[-1].speaker == "spk:1"


def test_a_clip_from_elsewhere_is_an_error() -> None:
    service = GeminiService()
    service.answer = truth_answer(REFERENCE, recording())
    client = make_client(service.url)
    foreign = np.random.default_rng(9).standard_normal(80_000).astype(np.float32) * 0.1
    assert refused(lambda: ask(client, input=[sound(foreign)]))[0] == 500
    client.close()
    with pytest.raises(LookupError):
        service.close()


def test_heard_knows_its_schema() -> None:
    heard = Heard(FLASH, "", "", [], {"response_format": [WRAPPED]})
    assert heard.schema == SCHEMA and not heard.transcribes and not heard.streams
