"""The model routes: list, get, countTokens."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from .audio import decode
from .files import active_content, invalid, page
from .records import Refusal, Reply, Request
from .replies import json_reply, tokens_of_audio, tokens_of_text

if TYPE_CHECKING:
    from .server import GeminiService


def _model(name: str) -> dict[str, Any]:
    transcribes = "transcribe" in name
    return {
        "name": f"models/{name}", "version": "001", "displayName": name.replace("-", " ").title(),
        "description": "A model of the stand-in.", "inputTokenLimit": 98_304 if transcribes else 1_048_576,
        "outputTokenLimit": 65_536, "thinking": not transcribes,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }


def list_models(service: GeminiService, request: Request) -> Reply:
    return page(request, "models", [_model(name) for name in service.models], usual=50, most=1000)


def get_model(service: GeminiService, request: Request) -> Reply:
    if request.name not in service.models:
        raise Refusal(404, "model_not_found", f"models/{request.name} is not found for API version v1beta")
    return json_reply(_model(request.name))


def count_tokens(service: GeminiService, request: Request) -> Reply:
    get_model(service, request)
    body = request.json
    if not isinstance(body, dict) or set(body) != {"contents"}:
        raise invalid("countTokens takes contents")
    parts = [part for entry in body["contents"] for part in entry["parts"]]
    return json_reply({"totalTokens": sum(_tokens(service, part) for part in parts)})


def _tokens(service: GeminiService, part: dict[str, Any]) -> int:
    if "text" in part:
        return tokens_of_text(part["text"])
    if "fileData" in part:
        given = part["fileData"]
        data = active_content(service, given.get("file_uri") or given.get("fileUri", ""))
    elif "inlineData" in part:
        given = part["inlineData"]
        data = base64.urlsafe_b64decode(given["data"] + "==")  # the padding may be there or not
    else:
        raise invalid(f"Unknown name in {sorted(part)}")
    try:
        return tokens_of_audio(decode(data, given.get("mime_type") or given.get("mimeType", "")).seconds)
    except ValueError as problem:
        raise invalid(str(problem)) from None
