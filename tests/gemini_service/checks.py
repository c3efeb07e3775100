"""How strict the service is about a create call: what it refuses, and what it makes of the rest."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from google.genai._gaos.types.interactions import CreateModelInteraction
from pydantic import BaseModel, ValidationError

from .audio import decode
from .records import Heard, HeardAudio, Refusal
from .schema import check_schema

INLINE_LIMIT = 20_000_000       # bytes of a whole request that carries audio in itself
LONGEST_AUDIO = 9.5 * 3600
AUDIO_TYPES = {f"audio/{name}" for name in (
    "wav", "mp3", "aiff", "aac", "ogg", "flac", "mpeg", "m4a", "opus", "webm")}
THINKING_LEVELS = {"minimal", "low", "medium", "high", "xhigh"}
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
OFFSET = re.compile(r"\d+(\.\d+)?s")
YOUTUBE = re.compile(r"https://(www\.youtube\.com/watch\?v=|youtu\.be/)[\w-]+")

FindFile = Callable[[str], bytes]  # the content of an ACTIVE file, by its URI; raises Refusal


def invalid(message: str) -> Refusal:
    return Refusal(400, "invalid_request", message)


def read_create(body: bytes, models: Collection[str], find_file: FindFile) -> Heard:
    """Parse and check the body of a create call; raises Refusal as the service would answer."""
    if len(body) > INLINE_LIMIT:
        raise Refusal(413, "", "request too large")
    raw = _parse(body)
    if raw["model"] not in models:
        raise Refusal(404, "model_not_found", f"models/{raw['model']} is not found for API version v1beta")
    _check_generation(raw.get("generation_config") or {})
    _check_formats(raw.get("response_format"))
    if raw.get("background") and raw.get("store") is False:
        raise invalid("background interactions must be stored")
    heard = _read_input(raw, find_file)
    check = _check_transcription if heard.transcribes else _check_general
    check(heard, (raw.get("generation_config") or {}).get("transcription_config"))
    return heard


def _parse(body: bytes) -> dict[str, Any]:
    """The body as JSON, once the SDK's own type has taken it and no field is left over."""
    try:
        raw = json.loads(body, object_hook=_without_nulls)
        parsed = CreateModelInteraction.model_validate(raw)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise invalid(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except ValueError:
        raise invalid("the body is not JSON") from None
    for name in unknown_fields(raw, parsed):
        raise Refusal(400, "parameter_unknown", f"Unknown parameter: '{name}'.")
    if "response_mime_type" in raw:
        raise Refusal(400, "parameter_unknown", "response_mime_type is gone: put it into response_format")
    assert isinstance(raw, dict)
    return raw


def _without_nulls(given: dict[str, Any]) -> dict[str, Any]:
    """A null means the same as a field that is not there."""
    return {name: value for name, value in given.items() if value is not None}


def unknown_fields(raw: Any, parsed: Any, path: str = "") -> Iterator[str]:
    """Names in the JSON that the types do not know; compared with the wire names, so camelCase is unknown."""
    if isinstance(parsed, list) and isinstance(raw, list):
        for number, (item, model) in enumerate(zip(raw, parsed, strict=False)):
            yield from unknown_fields(item, model, f"{path}[{number}]")
    if not isinstance(parsed, BaseModel) or not isinstance(raw, dict):
        return
    names = {field.alias or name: name for name, field in type(parsed).model_fields.items()}
    for key, value in raw.items():
        here = f"{path}.{key}" if path else key
        if key not in names:
            yield here
        else:  # __dict__ because reading a deprecated field warns
            yield from unknown_fields(value, parsed.__dict__.get(names[key]), here)


def _check_generation(config: dict[str, Any]) -> None:
    for name in ("temperature", "top_p"):
        if name in config:
            raise invalid("Request contains an invalid argument.")
    if config.get("thinking_level", "low") not in THINKING_LEVELS:
        raise invalid("generation_config.thinking_level: unknown value")
    if not 0 < config.get("max_output_tokens", 1) <= 65_536:
        raise invalid("generation_config.max_output_tokens must be between 1 and 65536")


def _check_formats(formats: Any) -> None:
    """Only the wrapped form of a schema is taken; the bare one went away in June 2026."""
    for entry in formats if isinstance(formats, list) else [formats] if formats is not None else []:
        if not isinstance(entry, dict) or entry.get("type") != "text":
            raise invalid("response_format: an entry must have the type 'text' here")
        for name in entry.keys() - {"type", "mime_type", "schema"}:
            raise Refusal(400, "parameter_unknown", f"Unknown parameter: 'response_format.{name}'.")
        if "schema" in entry:
            if entry.get("mime_type") != "application/json":
                raise invalid("response_format: a schema needs the mime_type application/json")
            check_schema(entry["schema"])


def _read_input(raw: dict[str, Any], find_file: FindFile) -> Heard:
    parts = list(_parts_of(raw.get("input")))
    if not parts and not raw.get("continuation_token"):
        raise invalid("input is empty")
    texts = [part["text"] for part in parts if part["type"] == "text"]
    audio = [_read_audio(part, find_file) for part in parts if part["type"] == "audio"]
    for part in parts:
        if part["type"] not in {"text", "audio"}:
            _check_other(part)
    heard = Heard(raw["model"], "\n".join(texts), raw.get("system_instruction") or "", audio, raw)
    if heard.seconds > LONGEST_AUDIO:
        raise invalid("the audio is longer than 9.5 hours")
    return heard


def _parts_of(given: Any) -> Iterator[dict[str, Any]]:
    """All content parts of the three forms of input: a text, parts, or steps that hold parts."""
    if isinstance(given, str):
        given = [{"type": "text", "text": given}] if given else []
    for item in given if isinstance(given, list) else [given] if given else []:
        if item["type"] in {"user_input", "model_output"}:
            yield from item.get("content") or []
        elif item["type"] != "thought":
            yield item


def _check_other(part: dict[str, Any]) -> None:
    if part["type"] != "video" or not YOUTUBE.fullmatch(part.get("uri", "")):
        raise invalid(f"the stand-in takes no {part['type']} but public YouTube videos")


def _read_audio(part: dict[str, Any], find_file: FindFile) -> HeardAudio:
    if ("data" in part) == ("uri" in part):
        raise invalid("audio: give either data or uri")
    mime_type = part.get("mime_type", "")
    if mime_type not in AUDIO_TYPES:
        raise invalid(f"audio: unsupported MIME type {mime_type!r}")
    data = find_file(part["uri"]) if "uri" in part else _from_base64(part["data"])
    try:
        audio = decode(data, mime_type)
    except ValueError as problem:
        raise invalid(f"audio: {problem}") from None
    return _cut(audio, part.get("processing"))


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise invalid("audio.data: Base64 decoding failed") from None


def _cut(audio: HeardAudio, processing: Any) -> HeardAudio:
    """Keep only the range that `processing` names."""
    if processing is None or processing == "static":
        return audio
    offsets = [processing.get("start_offset", "0s"), processing.get("end_offset", f"{audio.seconds}s")]
    if not all(map(OFFSET.fullmatch, offsets)):
        raise invalid("audio.processing: offsets look like '10.5s'")
    start, end = (float(offset[:-1]) for offset in offsets)
    if end <= start or start >= audio.seconds:
        raise invalid("audio.processing: the range is empty")
    audio.samples = audio.samples[int(start * audio.rate):int(min(end, audio.seconds) * audio.rate)]
    return audio


def _check_general(heard: Heard, transcription: Any) -> None:
    if transcription is not None:
        raise invalid(f"{heard.model} does not support transcription_config")


def _check_transcription(heard: Heard, config: dict[str, Any] | None) -> None:
    """One audio part and nothing else; then the limits on what may be asked together."""
    generation = heard.body.get("generation_config") or {}
    extras = {"response_format", "system_instruction", "tools", "previous_interaction_id"} & heard.body.keys()
    extras |= {"thinking_level", "thinking_summaries"} & generation.keys()
    if heard.prompt or extras or len(heard.audio) != 1:
        raise invalid(f"{heard.model} takes one audio part and nothing else (found: {sorted(extras)})")
    config = config or {}
    speakers, words = transcription_wishes(heard)
    if mode_name(config) == "smart" and (speakers or words):
        raise invalid("smart mode has no speakers and no word times")
    vocabulary = config.get("custom_vocabulary") or config.get("adaptation_phrases") or []
    if vocabulary and (speakers or words):
        raise invalid("custom_vocabulary cannot be combined with speakers or word times")
    if len(vocabulary) > 1000:
        raise invalid("custom_vocabulary: at most 1000 entries")
    if not all(map(LANGUAGE.fullmatch, config.get("language_codes") or [])):
        raise invalid("language_codes: not a BCP-47 code")
    if heard.seconds > (1800 if speakers or words else 3600):
        raise invalid("the audio is too long: one hour, 30 minutes with speakers or word times")


def mode_name(config: dict[str, Any]) -> str:
    mode = config.get("mode", "verbatim")
    name = mode["type"] if isinstance(mode, dict) else mode
    if name not in {"verbatim", "smart"}:
        raise invalid(f"transcription_config.mode: unknown value {name!r}")
    return str(name)


def transcription_wishes(heard: Heard) -> tuple[bool, bool]:
    """Whether speakers and word times are asked for, in the current or in the deprecated place."""
    config = (heard.body.get("generation_config") or {}).get("transcription_config") or {}
    mode = config.get("mode")
    places = [config, mode] if isinstance(mode, dict) else [config]
    speakers = [place["diarization_mode"] for place in places if "diarization_mode" in place]
    words = [name for place in places for name in place.get("timestamp_granularities") or []]
    if set(speakers) - {"speaker"} or set(words) - {"word"}:
        raise invalid("transcription_config: unknown diarization_mode or timestamp_granularities")
    return bool(speakers), bool(words)
