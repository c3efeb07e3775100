"""The Files API: the resumable upload protocol, get, list and delete."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .faults import Fault
from .records import Refusal, Reply, Request
from .replies import json_reply

if TYPE_CHECKING:
    from .server import GeminiService

GRANULARITY = 256 * 1024
LARGEST = 2 * 1024 ** 3
FILE_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
GONE = "You do not have permission to access the File {} or it may not exist."


@dataclass
class StoredFile:
    """A file on the service; `polls` counts down to ACTIVE, below zero it stays as it is."""

    resource: dict[str, Any]
    data: bytes
    polls: int = -1

    @property
    def state(self) -> str:
        return str(self.resource["state"])


@dataclass
class Upload:
    """An upload that was started and not finished."""

    wanted: dict[str, Any]
    size: int
    mime_type: str
    data: bytearray = field(default_factory=bytearray)


def invalid(message: str) -> Refusal:
    return Refusal(400, "invalid_request", message)


def start(service: GeminiService, request: Request) -> Reply:
    headers, body = request.headers, request.json
    asked = headers.get("x-goog-upload-protocol"), headers.get("x-goog-upload-command")
    if asked != ("resumable", "start"):
        raise invalid("only resumable uploads are served")
    wanted = (body or {}).get("file", {}) if isinstance(body, dict) else {}
    if set(body or {}) - {"file"} or set(wanted) - {"name", "display_name", "mime_type", "size_bytes"}:
        raise invalid(f"Unknown name in {sorted(wanted)}")
    size = int(headers.get("x-goog-upload-header-content-length", -1))
    mime_type = wanted.get("mime_type") or headers.get("x-goog-upload-header-content-type", "")
    if not 0 <= size <= LARGEST or not mime_type:
        raise invalid("the upload's size or type is missing or not allowed")
    _check_name(service, wanted.get("name"))
    upload_id = uuid.uuid4().hex
    service.uploads[upload_id] = Upload(wanted, size, mime_type)
    return _status("active", {
        "X-Goog-Upload-URL": f"{service.url}upload/v1beta/files?upload_id={upload_id}",
        "X-Goog-Upload-Chunk-Granularity": str(GRANULARITY)})


def _check_name(service: GeminiService, name: str | None) -> None:
    if name is None:
        return
    if not FILE_ID.fullmatch(name.removeprefix("files/")) or not name.startswith("files/"):
        raise invalid(f"{name!r}: a name is files/ and at most 40 letters a-z, digits and dashes")
    if name in service.files:
        raise Refusal(409, "already_exists", f"Resource {name} already exists.")


def chunk(service: GeminiService, request: Request, fault: Fault | None) -> Reply:
    """One step of an upload: data, the end, a question how far it got, or giving up."""
    upload = service.uploads.get(request.name)
    if upload is None:
        raise Refusal(404, "not_found", "Unknown upload.")
    commands = request.headers.get("x-goog-upload-command", "").replace(" ", "").split(",")
    if commands == ["query"]:
        return _status("active", {"X-Goog-Upload-Size-Received": str(len(upload.data))})
    if commands == ["cancel"]:
        del service.uploads[request.name]
        return _status("cancelled")
    if not commands or set(commands) - {"upload", "finalize"}:
        raise invalid("unknown X-Goog-Upload-Command")
    if "upload" in commands:
        _append(upload, request, last="finalize" in commands)
    return _finish(service, request, upload, fault) if "finalize" in commands else _status("active")


def _status(state: str, headers: dict[str, str] | None = None) -> Reply:
    return json_reply({}, headers={"X-Goog-Upload-Status": state, **(headers or {})})


def _append(upload: Upload, request: Request, last: bool) -> None:
    offset = int(request.headers.get("x-goog-upload-offset", -1))
    if offset != len(upload.data):
        raise invalid(f"offset {offset}, but {len(upload.data)} bytes were received")
    if not last and len(request.body) % GRANULARITY:
        raise invalid("a chunk that is not the last must be a multiple of 256 KiB")
    upload.data += request.body


def _finish(service: GeminiService, request: Request, upload: Upload, fault: Fault | None) -> Reply:
    if len(upload.data) != upload.size:
        raise invalid(f"{upload.size} bytes were announced, {len(upload.data)} received")
    name = upload.wanted.get("name") or f"files/{uuid.uuid4().hex[:12]}"
    _check_name(service, name)
    del service.uploads[request.name]
    stored = StoredFile(_describe(service, name, upload), bytes(upload.data))
    if fault and fault.kind == "file_stuck":
        _stick(stored, fault)
    if not (fault and fault.kind == "file_expires"):
        service.files[name] = stored
    return json_reply({"file": stored.resource}, headers={"X-Goog-Upload-Status": "final"})


def _describe(service: GeminiService, name: str, upload: Upload) -> dict[str, Any]:
    now = datetime.now(UTC)
    digest = hashlib.sha256(upload.data).hexdigest().encode()
    times = {"createTime": now, "updateTime": now, "expirationTime": now + timedelta(hours=48)}
    return {
        "name": name, "displayName": upload.wanted.get("display_name", ""), "mimeType": upload.mime_type,
        "sizeBytes": str(upload.size), "sha256Hash": base64.b64encode(digest).decode(), "state": "ACTIVE",
        "uri": f"{service.url}v1beta/{name}", "source": "UPLOADED",
        **{key: time.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for key, time in times.items()},
    }


def _stick(stored: StoredFile, fault: Fault) -> None:
    stored.resource["state"] = fault.state
    if fault.state == "FAILED":
        stored.resource["error"] = {"code": 13, "message": "The file failed to be processed."}
    elif fault.count:
        stored.polls = fault.count


def find(service: GeminiService, name: str) -> StoredFile:
    """Unknown, expired and foreign files all answer 403."""
    stored = service.files.get(name)
    if stored is None:
        raise Refusal(403, "permission_denied", GONE.format(name.removeprefix("files/")))
    return stored


def active_content(service: GeminiService, uri: str) -> bytes:
    """The data of an ACTIVE file by its URI, for use in a request."""
    name = uri.partition("/v1beta/")[2]
    if not name.startswith("files/"):
        raise invalid(f"Unsupported file uri: {uri}")
    stored = find(service, name)
    if stored.state != "ACTIVE":
        raise Refusal(400, "failed_precondition", f"The File {name} is not in an ACTIVE state.")
    return stored.data


def get(service: GeminiService, request: Request) -> Reply:
    stored = find(service, f"files/{request.name}")
    if stored.polls == 0:
        stored.resource["state"] = "ACTIVE"
    stored.polls -= 1
    return json_reply(stored.resource)


def delete(service: GeminiService, request: Request) -> Reply:
    find(service, f"files/{request.name}")
    service.files.pop(f"files/{request.name}", None)
    return json_reply({})


def list_files(service: GeminiService, request: Request) -> Reply:
    resources = [stored.resource for stored in list(service.files.values())]
    return page(request, "files", resources, usual=10, most=100)


def page(request: Request, key: str, values: list[dict[str, Any]], usual: int, most: int) -> Reply:
    size = int(request.query.get("pageSize", usual))
    if not 0 <= size <= most:
        raise invalid(f"pageSize must be at most {most}")
    first = int(request.query.get("pageToken", 0))
    last = first + (size or usual)
    more = {"nextPageToken": str(last)} if last < len(values) else {}
    return json_reply({key: values[first:last], **more} if values else {})
