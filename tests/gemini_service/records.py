"""What the stand-in keeps of every request, and the forms in which its parts talk to each other."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


@dataclass
class HeardAudio:
    """One audio part as it arrived: decoded, mixed down to one channel."""

    samples: Samples
    rate: int
    channels: int
    mime_type: str
    byte_count: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


@dataclass
class Heard:
    """One create call that the service accepted."""

    model: str
    prompt: str
    system_instruction: str
    audio: list[HeardAudio]
    body: dict[str, Any]
    index: int = -1

    @property
    def seconds(self) -> float:
        return sum(part.seconds for part in self.audio)

    @property
    def transcribes(self) -> bool:
        return "transcribe" in self.model

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def schema(self) -> dict[str, Any] | None:
        """The JSON schema that the answer must follow, if one was asked for."""
        formats = self.body.get("response_format") or []
        formats = formats if isinstance(formats, list) else [formats]
        return next((entry["schema"] for entry in formats if entry.get("schema")), None)


@dataclass
class Request:
    """Every request, refused ones too; header names are in lower case, `status` is None until answered."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    status: int | None = None
    query: dict[str, str] = field(default_factory=dict)
    route: str = ""
    name: str = ""                  # the file, model, interaction or upload that the path names
    parsed: Heard | None = None     # set for a create call that passed the checks

    @property
    def json(self) -> Any:
        """The body as JSON, or None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass
class Reply:
    """An answer about to be sent; faults spoil it before it goes out."""

    pieces: list[bytes]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    chunked: bool = False
    pause: float = 0.0              # seconds between two pieces
    keep: int | None = None         # send only so many bytes ...
    ending: Literal["proper", "close", "reset", "stall"] = "proper"     # ... and then do this


class Refusal(Exception):
    """The service refuses a request, as the real one would."""

    def __init__(self, code: int, word: str, message: str, details: list[dict[str, Any]] | None = None):
        super().__init__(message)
        self.code, self.word, self.message, self.details = code, word, message, details or []


class Dropped(Exception):
    """The connection ends without an answer: a fault asked for it, the client left, or the service closes."""
