"""Interactions: create, get, cancel, delete."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .answers import Answer
from .checks import transcription_wishes
from .faults import Fault
from .records import Heard, Refusal, Reply, Request
from .replies import events_of, json_reply, steps_of, stream_reply, usage_of

if TYPE_CHECKING:
    from .server import GeminiService


def check_references(service: GeminiService, heard: Heard) -> None:
    """What a create call refers to must exist."""
    parent = heard.body.get("previous_interaction_id")
    if parent and parent not in service.stored_interactions:
        raise Refusal(404, "not_found", f"Interaction {parent} not found.")
    token = heard.body.get("continuation_token")
    if token and token not in service.continuations:
        raise Refusal(400, "invalid_request", "Unknown continuation_token.")


def create(service: GeminiService, heard: Heard, fault: Fault | None) -> Reply:
    text, words = _say(service, heard, fault)
    resource = _resource(heard, text, words)
    if fault and fault.kind == "interaction_status":
        _end_as(service, resource, heard, fault, text)
    if heard.body.get("store") is not False:
        service.stored_interactions[resource["id"]] = resource
    if heard.body.get("background"):
        resource["status"] = "in_progress"
    if heard.streams:
        return stream_reply(events_of(resource))
    return json_reply(resource if resource["status"] != "in_progress" else {**resource, "steps": []})


def _say(service: GeminiService, heard: Heard, fault: Fault | None) -> tuple[str, list[dict[str, Any]]]:
    """The text of the answer, and for a transcription its words."""
    token = heard.body.get("continuation_token")
    if token:
        return service.continuations.pop(token), []
    answer = service.answer(heard)
    if fault:
        answer = fault.distort(answer, heard.seconds)
    text, words = _as_text(heard, answer)
    if fault and fault.kind == "bad_json_text":
        text = text[:len(text) * 3 // 5]
    return text, words


def _as_text(heard: Heard, answer: Answer) -> tuple[str, list[dict[str, Any]]]:
    if isinstance(answer, str):
        return answer, []
    if not heard.transcribes:
        return json.dumps(answer, ensure_ascii=False), []
    return answer["text"], _word_infos(heard, answer.get("words", []))


def _word_infos(heard: Heard, words: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Annotations with what was asked for; the speakers are numbered anew in every request."""
    speakers, times = transcription_wishes(heard)
    numbers: dict[str, int] = {}
    infos: list[dict[str, Any]] = []
    for word in words if speakers or times else []:
        info: dict[str, Any] = {"type": "word_info", "text": word["text"]}
        if times:
            info |= {f"{name}_offset": f"{word[name]:.3f}s" for name in ("start", "end")}
        if speakers:
            info["speaker"] = f"spk:{numbers.setdefault(word['speaker'], len(numbers))}"
        infos.append(info)
    return infos


def _resource(heard: Heard, text: str, words: list[dict[str, Any]]) -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "id": f"v1_{uuid.uuid4().hex}", "object": "interaction", "model": heard.model, "status": "completed",
        "created": now, "updated": now, "steps": steps_of(heard, text, words),
        "usage": usage_of(heard, text),
    }


def _end_as(service: GeminiService, resource: dict[str, Any], heard: Heard, fault: Fault, text: str) -> None:
    """Change a finished interaction into one that failed, was cut short, or wants to be continued."""
    resource["status"] = fault.state
    kept = "" if fault.state == "failed" else text[:len(text) // 2]
    resource["steps"] = steps_of(heard, kept, [])
    resource["usage"] = usage_of(heard, kept)
    if fault.state == "requires_continuation":
        token = resource["continuation_token"] = f"token-{uuid.uuid4().hex}"
        service.continuations[token] = text[len(kept):]
    else:
        resource["errors"] = [{"code": fault.word, "message": fault.message}]


def _stored(service: GeminiService, request: Request) -> dict[str, Any]:
    try:
        return service.stored_interactions[request.name]
    except KeyError:
        raise Refusal(404, "not_found", f"Interaction {request.name} not found.") from None


def get(service: GeminiService, request: Request) -> Reply:
    """A background interaction is seen in progress once, then completed."""
    resource = _stored(service, request)
    if request.query.get("stream") == "true":
        return _stream_again(resource, request.query.get("last_event_id"))
    seen = {**resource, "steps": []} if resource["status"] == "in_progress" else dict(resource)
    if resource["status"] == "in_progress":
        resource["status"] = "completed"
    return json_reply(seen)


def _stream_again(resource: dict[str, Any], last_event_id: str | None) -> Reply:
    events = events_of(resource)
    ids = [event["event_id"] for event in events]
    return stream_reply(events[ids.index(last_event_id) + 1 if last_event_id in ids else 0:])


def cancel(service: GeminiService, request: Request) -> Reply:
    resource = _stored(service, request)
    if resource["status"] != "in_progress":
        raise Refusal(400, "failed_precondition", "Only running background interactions can be cancelled.")
    resource.update(status="cancelled", steps=[])
    return json_reply(resource)


def delete(service: GeminiService, request: Request) -> Reply:
    _stored(service, request)
    service.stored_interactions.pop(request.name, None)
    return json_reply({})
