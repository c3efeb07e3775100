"""Questions that only the live service can answer (gemini.md section 11), asked of the service itself.

    PULLQUOTE_LIVE_KEY=… pytest tests/live -s

Run it once with a paid key, before a release. Each check prints a line "QUESTION (x): …  ANSWER: …", all of them once
more at the end; it fails only where the program could not work. A run of the whole folder sends about 24 minutes of
sound, most of it the synthetic interview, in some ninety requests, and a video of 19 seconds four times; it costs about
0.30 US dollars (prices of October 2026) and takes about ten minutes. What it uploads or stores there it removes.

Not asked, because it cannot be had cheaply or at will: how the 429 of a day's quota looks, what a continued answer is
billed, whether 10 or more minutes hang with speakers, and what is kept for abuse monitoring.
"""

from __future__ import annotations

import io
import json
import uuid
from typing import Any

import pytest

from desktop.engines import Wishes, gemini
from desktop.engines.gemini import list_models
from desktop.engines.gemini_count import count
from desktop.engines.gemini_service import Service
from desktop.errors import EngineError
from desktop.model import Cargo, TimeRange, ignore_progress
from desktop.prices import TOKENS_PER_SECOND
from desktop.settings import DEFAULT_MODEL, WORDS_MODEL
from tests.fakes import FreeGate
from tests.live.asked import (
    IS_LIVE,
    KEY,
    NO_VIDEO,
    URL,
    VIDEO,
    ask,
    attempt,
    audio,
    audio_tokens,
    clip_of,
    new_client,
    sample_clip,
    schema_format,
    short,
    speech_of,
    tell,
    text_part,
    usage_of,
)
from tests.sounds import TWO_CHANNELS, silence

pytestmark = [pytest.mark.live, pytest.mark.timeout(600),
              pytest.mark.skipif(not KEY, reason="needs PULLQUOTE_LIVE_KEY: a paid key")]

BAD_KEY = "AQ.not-a-key"
SIMPLE = {"type": "object", "required": ["topic"], "properties": {"topic": {"type": "string"}}}
HELLO = [text_part("Say hello in one word.")]
THRIFTY = {"thinking_level": "low", "max_output_tokens": 2_000}


def test_models_that_the_key_may_use(known_models: list[str]) -> None:
    models = list_models(KEY, URL, ignore_progress)
    tell("models", "which models may this key use?", f"{len(models)}:", short(
        [m for m in models if "gemini" in m and ("flash" in m or "transcribe" in m)], 40))
    tell("models", f"is {WORDS_MODEL} among them?", WORDS_MODEL in models)
    assert DEFAULT_MODEL in models and models == known_models


def test_a_is_a_bare_schema_still_accepted(client: Any) -> None:
    prompt = [text_part("What is bread made of? Give the topic.")]
    bare = ask(client, model=DEFAULT_MODEL, input=prompt, response_format=SIMPLE, generation_config=THRIFTY)
    tell("a", "is a bare schema as response_format accepted, and followed?", bare,
         f"text: {bare.value.output_text!r}" if bare.fine else "")
    old = ask(client, model=DEFAULT_MODEL, input=prompt, response_format=SIMPLE, generation_config=THRIFTY,
              extra_body={"response_mime_type": "application/json"})
    tell("a", "and with response_mime_type beside it?", old)
    wrapped = ask(client, model=DEFAULT_MODEL, input=prompt, response_format=schema_format(SIMPLE),
                  generation_config=THRIFTY)
    tell("a", "is the wrapped form accepted?", wrapped)
    assert wrapped.says_nothing or (wrapped.fine and "topic" in json.loads(wrapped.value.output_text))


def test_b_does_processing_cut_audio(client: Any) -> None:
    clip = sample_clip(12.0)
    parts = [text_part("Write down the words that are said."), audio(clip)]
    cut = {"type": "static", "start_offset": "4s", "end_offset": "8s"}
    whole = ask(client, model=DEFAULT_MODEL, input=parts, generation_config=THRIFTY)
    part = ask(client, model=DEFAULT_MODEL, input=[parts[0], audio(clip, processing=cut)], generation_config=THRIFTY)
    tell("b", "does processing.start_offset/end_offset cut audio (4 s of 12 s)?", part,
         f"tokens {audio_tokens(part.value)} of {audio_tokens(whole.value)}; text: {part.value.output_text!r}"
         if part.fine and whole.fine else "")
    assert whole.fine or whole.says_nothing


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_c_where_is_transcription_config_known(words_model: str, version: str) -> None:
    client = new_client(version=version)
    mode = {"type": "verbatim", "diarization_mode": "speaker", "timestamp_granularities": ["word"]}
    outcome = ask(client, model=words_model, input=[audio(sample_clip(4.0))],
                  generation_config={"transcription_config": {"mode": mode}})
    hello = ask(client, model=DEFAULT_MODEL, input=HELLO, generation_config=THRIFTY)
    client.close()
    tell("c", f"is transcription_config accepted in {version}?", outcome)
    tell("c", f"does {version} serve {DEFAULT_MODEL} at all?", hello)
    assert version == "v1" or outcome.fine or outcome.says_nothing


def test_d_what_a_bad_key_gets() -> None:
    client = new_client(BAD_KEY)
    interactions = ask(client, model=DEFAULT_MODEL, input=HELLO)
    models = attempt(lambda: list(client.models.list()))
    files = attempt(lambda: client.files.get(name="files/none"))
    client.close()
    for name, outcome in (("interactions", interactions), ("models", models), ("files", files)):
        tell("d", f"what does a bad key get from {name}?", f"HTTP {outcome.status}, kind {outcome.kind},",
             outcome.body[:300])
    assert {interactions.kind, models.kind, files.kind} == {"key"}
    with pytest.raises(EngineError) as caught:
        list_models(BAD_KEY, URL, ignore_progress)
    assert caught.value.kind == "key"


def test_f_tokens_per_second_and_counting_against_usage(client: Any, gate: FreeGate) -> None:
    clip = sample_clip()
    parts = [text_part("How many people speak? Answer with a number."), audio(clip)]
    outcome = ask(client, model=DEFAULT_MODEL, input=parts, generation_config=THRIFTY)
    if outcome.says_nothing:
        tell("f", "how many tokens is a second?", outcome)
        pytest.skip("not answered")
    billed = audio_tokens(outcome.value)
    counted = count(DEFAULT_MODEL, io.BytesIO(clip.encoded), TimeRange(0.0, clip.seconds), key=KEY, url=URL,
                    gate=gate, report=ignore_progress)
    tell("f", f"how many tokens a second does {DEFAULT_MODEL} bill, and countTokens count?",
         f"{billed / clip.seconds:.2f} billed, {counted / clip.seconds:.2f} counted, on {clip.seconds:.1f} s;",
         usage_of(outcome.value))
    assert 0 < billed <= clip.seconds * TOKENS_PER_SECOND * 1.05 and counted > 0  # the estimate must be an upper bound
    assert gate.remote == {}, "the counted file is still there"


def test_f_do_channels_and_rate_change_the_tokens(client: Any) -> None:
    stereo = TWO_CHANNELS.read_bytes()
    outcome = attempt(lambda: client.models.count_tokens(model=DEFAULT_MODEL, contents=[
        {"role": "user", "parts": [{"inline_data": {"data": stereo, "mime_type": "audio/wav"}}]}]))
    mono = clip_of(speech_of(TWO_CHANNELS))
    mixed = attempt(lambda: client.models.count_tokens(model=DEFAULT_MODEL, contents=[
        {"role": "user", "parts": [{"inline_data": {"data": mono.encoded, "mime_type": "audio/flac"}}]}]))
    tell("f", "do two channels count as many tokens as their 16 kHz mix?",
         f"{outcome.value.total_tokens} and {mixed.value.total_tokens} on {mono.seconds:.1f} s"
         if outcome.fine and mixed.fine else f"{outcome} / {mixed}")


def test_g_h_our_own_file_name_and_what_is_said_of_it_after_delete(client: Any, gate: FreeGate,
                                                                   connection: Service) -> None:
    clip = sample_clip(4.0)
    cargo = Cargo("upload", "", connection.host, TimeRange(0.0, clip.seconds), len(clip.encoded))
    remote = connection.upload(cargo, io.BytesIO(clip.encoded), "audio/flac", ignore_progress)
    try:
        found = attempt(lambda: client.files.get(name=remote.name))
        use = ask(client, model=DEFAULT_MODEL, input=[text_part("How many people speak?"), remote.as_part()],
                  generation_config=THRIFTY)
    finally:
        connection.remove(remote)
    tell("g", "does the service take the name that we choose?", found,
         f"{found.value.name} state {found.value.state.name}, display name {found.value.display_name!r}, "
         f"until {found.value.expiration_time}" if found.fine else "")
    tell("g", "can it be used in a request?", use)
    assert found.fine and found.value.name == remote.name and found.value.display_name == "audio"
    assert use.fine or use.says_nothing
    assert gate.remote == {}, "the program does not know that its file is gone"
    gone = attempt(lambda: client.files.get(name=remote.name))
    again = attempt(lambda: client.files.delete(name=remote.name))
    never = attempt(lambda: client.files.get(name=f"files/{uuid.uuid4().hex}"))
    used = ask(client, model=DEFAULT_MODEL, input=[text_part("Who speaks?"), remote.as_part()])
    for what, outcome in (("get after delete", gone), ("delete after delete", again), ("get of a name never used",
                          never), ("use after delete", used)):
        tell("h", f"what does {what} get?", f"HTTP {outcome.status}, kind {outcome.kind},", outcome.body[:200])
    assert gone.kind in ("forbidden", "model") and again.kind in ("forbidden", "model")
    assert connection.delete(remote.name) == "absent" and not used.fine


def test_i_follow_up_without_storing_on_a_stored_parent(client: Any) -> None:
    parent = ask(client, model=DEFAULT_MODEL, store=True, generation_config=THRIFTY,
                 input=[text_part("The password of this game is: marmalade. Say yes.")])
    if not parent.fine:
        tell("i", "can something be stored?", parent)
        pytest.skip("not answered")
    try:
        child = ask(client, model=DEFAULT_MODEL, previous_interaction_id=parent.value.id, generation_config=THRIFTY,
                    input=[text_part("What is the password of this game?")])
        tell("i", "does store=False work on a stored parent, and does it remember?", child,
             f"text: {child.value.output_text!r}, id {child.value.id!r}" if child.fine else "")
        if child.fine and child.value.id:
            kept = attempt(lambda: client.interactions.get(child.value.id))
            tell("i", "can what was sent with store=False be fetched?", kept)
    finally:
        deleted = attempt(lambda: client.interactions.delete(parent.value.id))
    after = attempt(lambda: client.interactions.get(parent.value.id))
    tell("i", "is a stored interaction gone after delete?", f"delete: {deleted}; get: {after}")


@pytest.mark.parametrize("model", [DEFAULT_MODEL, "gemini-3.5-flash-lite"])
@pytest.mark.parametrize("setting", [{"temperature": 0.5}, {"top_p": 0.9}], ids=["temperature", "top_p"])
def test_j_is_temperature_refused(client: Any, model: str, setting: dict[str, float]) -> None:
    outcome = ask(client, model=model, input=HELLO, generation_config={**THRIFTY, **setting})
    tell("j", f"does {model} take {setting}?", outcome)


def test_k_what_a_retired_model_gets(client: Any) -> None:
    for model in ("gemini-3-flash-preview", "gemini-2.5-flash", "gemini-1.5-flash", "gemini-99-nothing"):
        outcome = ask(client, model=model, input=HELLO)
        tell("k", f"what does {model} get?", outcome)
    clip = sample_clip(2.0)
    engine = gemini.make("gemini-99-nothing", key=KEY, url=URL, gate=FreeGate())
    with pytest.raises(EngineError) as caught:
        engine.hear(clip, Wishes(), ignore_progress)
    engine.close()
    assert caught.value.kind == "model"  # the window then offers another one
    counted = attempt(lambda: client.models.count_tokens(model="gemini-99-nothing", contents="Hello"))
    tell("k", "and from countTokens?", f"HTTP {counted.status}, kind {counted.kind}")


def test_l_does_thinking_use_up_the_output(client: Any) -> None:
    outcome = ask(client, model=DEFAULT_MODEL, input=[text_part("Which is larger, 7 to the 5th or 5 to the 7th? Why?")],
                  generation_config={"thinking_level": "high", "max_output_tokens": 200})
    tell("l", "with 200 tokens and high thinking, is the answer cut?", outcome,
         f"status {outcome.value.status}, {usage_of(outcome.value)}, text {outcome.value.output_text[:80]!r}"
         if outcome.fine else "")


def test_m_null_types_and_references_in_a_schema(client: Any) -> None:
    nullable = {"type": "object", "required": ["topic"], "properties": {"topic": {"type": ["string", "null"]}}}
    choice = {"type": "object", "required": ["topic"], "properties": {
        "topic": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}}
    for name, schema in (("null type", nullable), ("anyOf", choice)):
        outcome = ask(client, model=DEFAULT_MODEL, input=[text_part("Topic: bread.")], generation_config=THRIFTY,
                      response_format=schema_format(schema))
        tell("m", f"is a schema with {name} accepted?", outcome)


def test_n_what_an_unknown_field_gets(client: Any) -> None:
    outcome = ask(client, model=DEFAULT_MODEL, input=HELLO, generation_config={**THRIFTY, "no_such_field": 1})
    tell("n", "what does an unknown nested field get?", outcome)


def test_o_silence_and_the_general_model(client: Any) -> None:
    outcome = ask(client, model=DEFAULT_MODEL, generation_config=THRIFTY, input=[
        text_part("Write down every word that is said. When nobody speaks, answer with a minus sign."),
        audio(clip_of(silence(8.0)))])
    tell("o", f"what does {DEFAULT_MODEL} hear in 8 s of silence?", outcome,
         f"status {outcome.value.status}, text {outcome.value.output_text[:200]!r}" if outcome.fine else "")


@pytest.mark.parametrize("address", [VIDEO, NO_VIDEO], ids=["public", "none"])
@pytest.mark.parametrize("resolution", ["low", ""], ids=["low", "as usual"])
def test_p_a_video_and_its_resolution(client: Any, address: str, resolution: str) -> None:
    if address == NO_VIDEO and not resolution:
        pytest.skip("asked with low")
    part = {"type": "video", "uri": address} | ({"resolution": resolution} if resolution else {})
    outcome = ask(client, model=DEFAULT_MODEL, input=[text_part("What is said first? One line."), part],
                  generation_config=THRIFTY)
    tell("p", f"is {address} accepted with resolution {resolution or 'not given'}?", outcome,
         f"{usage_of(outcome.value)}, text {outcome.value.output_text[:120]!r}" if outcome.fine else "")
    if IS_LIVE and not outcome.fine and address == NO_VIDEO:  # other kinds get no sentence about the video
        assert outcome.kind in ("request", "forbidden", *("rate", "server", "network", "timeout"))
