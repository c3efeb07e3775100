"""How answers and errors look on the wire: JSON, server-sent events, the two error families."""

from __future__ import annotations

import base64
import json
from typing import Any

from .records import Heard, Refusal, Reply

INTERACTION_ROUTES = ("interactions", "interaction.")
RPC_STATUS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    409: "ALREADY_EXISTS", 429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 500: "INTERNAL",
    501: "UNIMPLEMENTED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}
THOUGHT_TOKENS = 64
NO_KEY = "API key not valid. Please pass a valid API key."
BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
           "domain": "googleapis.com", "metadata": {"service": "generativelanguage.googleapis.com"}}
SIGNATURE = base64.b64encode(b"a thought, signed").decode()


def json_reply(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    headers = {"Content-Type": "application/json", **(headers or {})}
    return Reply([json.dumps(value).encode()], status, headers)


def html_reply(status: int, title: str) -> Reply:
    page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{title}</body></html>"
    return Reply([page.encode()], status, {"Content-Type": "text/html; charset=utf-8"})


def error_reply(refusal: Refusal, route: str) -> Reply:
    """The body in the form of the route's family; a bad key comes in an array on the interactions path."""
    if refusal.code == 413:  # said by a proxy in front of the service
        return html_reply(413, "413 Request Entity Too Large")
    interactions = route.startswith(INTERACTION_ROUTES)
    bad_key = any(detail.get("reason") == "API_KEY_INVALID" for detail in refusal.details)
    if interactions and not bad_key:
        error: dict[str, Any] = {"code": refusal.word, "message": refusal.message}
    else:
        status = RPC_STATUS.get(refusal.code, "UNKNOWN")
        status = "FAILED_PRECONDITION" if refusal.word == "failed_precondition" else status
        error = {"code": refusal.code, "message": refusal.message, "status": status}
    if refusal.details:
        error["details"] = refusal.details
    reply = json_reply([{"error": error}] if interactions and bad_key else {"error": error}, refusal.code)
    if route == "upload.chunk" and refusal.code < 500:
        # without this header the SDK takes the answer for a lost one and sleeps seven seconds over it
        reply.headers["X-Goog-Upload-Status"] = "final"
    return reply


def tokens_of_text(text: str) -> int:
    return (len(text) + 3) // 4


def tokens_of_audio(seconds: float, transcribes: bool = False) -> int:
    return round(seconds * (25 if transcribes else 32))


def usage_of(heard: Heard, text: str) -> dict[str, Any]:
    sound = tokens_of_audio(heard.seconds, heard.transcribes)
    words = tokens_of_text(heard.prompt + heard.system_instruction)
    answer = tokens_of_text(text)
    thought = 0 if heard.transcribes else THOUGHT_TOKENS
    parts = [{"modality": "text", "tokens": words}, {"modality": "audio", "tokens": sound}]
    return {
        "total_input_tokens": sound + words,
        "input_tokens_by_modality": [part for part in parts if part["tokens"]],
        "total_output_tokens": answer,
        "output_tokens_by_modality": [{"modality": "text", "tokens": answer}] if answer else [],
        "total_thought_tokens": thought,
        "total_cached_tokens": 0,
        "total_tool_use_tokens": 0,
        "total_tokens": sound + words + answer + thought,
    }


def steps_of(heard: Heard, text: str, words: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A thought (general models only), then the output, which is missing when there is no text."""
    steps: list[dict[str, Any]] = []
    if not heard.transcribes:
        steps.append({"type": "thought", "signature": SIGNATURE})
    if text:
        content: dict[str, Any] = {"type": "text", "text": text}
        if words:
            content["annotations"] = words
        steps.append({"type": "model_output", "content": [content]})
    return steps


def events_of(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """The events a stream of this interaction consists of, in order."""
    short = {key: resource[key] for key in ("id", "object", "model", "created", "updated")}
    events: list[dict[str, Any]] = [
        {"event_type": "interaction.created", "interaction": {**short, "status": "in_progress"}},
        {"event_type": "interaction.status_update", "interaction_id": resource["id"],
         "status": "in_progress"},
    ]
    for index, step in enumerate(resource["steps"]):
        events += _step_events(index, step)
    last = {key: resource[key] for key in ("status", "usage", "continuation_token") if key in resource}
    if resource["status"] == "failed":
        events.append({"event_type": "error", "error": resource["errors"][0]})
    events.append({"event_type": "interaction.completed", "interaction": {**short, **last}})
    return [{**event, "event_id": f"event-{number}"} for number, event in enumerate(events)]


def _step_events(index: int, step: dict[str, Any]) -> list[dict[str, Any]]:
    if step["type"] == "thought":
        start: dict[str, Any] = {"type": "thought"}
        deltas: list[dict[str, Any]] = [{"type": "thought_signature", "signature": step["signature"]}]
    else:
        content = step["content"][0]
        first, *rest = _slices(content["text"])
        # as in the documentation's example the first piece of the text comes with the start
        start = {"type": "model_output", "content": [{"type": "text", "text": first}]}
        deltas = [{"type": "text", "text": piece} for piece in rest]
        if content.get("annotations"):
            deltas.append({"type": "text_annotation_delta", "annotations": content["annotations"]})
    return [
        {"event_type": "step.start", "index": index, "step": start},
        *({"event_type": "step.delta", "index": index, "delta": delta} for delta in deltas),
        {"event_type": "step.stop", "index": index},
    ]


def _slices(text: str) -> list[str]:
    """About forty pieces at most: the SDK needs 5 ms for each event."""
    size = max(24, len(text) // 40 + 1)
    return [text[at:at + size] for at in range(0, len(text), size)]


def sse_block(event: dict[str, Any]) -> bytes:
    return f"event: {event['event_type']}\ndata: {json.dumps(event)}\n\n".encode()


def stream_reply(events: list[dict[str, Any]]) -> Reply:
    pieces = [sse_block(event) for event in events] + [b"event: done\ndata: [DONE]\n\n"]
    return Reply(pieces, headers={"Content-Type": "text/event-stream"}, chunked=True)
