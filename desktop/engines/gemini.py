"""Gemini hears: the audio page's one-call transcript on a general model, or the model made for transcripts."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from desktop.engines import ENGINES, Clip, Gate, Hearing, Manner, Wishes
from desktop.engines.gemini_errors import Failure
from desktop.engines.gemini_prompt import PAGE_PROMPT, PAGE_SCHEMA, mm_ss, prompt, read_answer, schema
from desktop.engines.gemini_service import Service, create
from desktop.environment import SERVICE_URL
from desktop.errors import EngineError
from desktop.model import Cargo, Report, TimeRange
from desktop.sentences import say

if TYPE_CHECKING:
    from desktop.engines.gemini_transcribe import TranscribeEngine

INLINE_LIMIT = 14_000_000  # bytes of audio; base64 makes 19 MB of it, below the 20 MB of the audio page


class GeminiEngine:
    """The one-call transcript with structured output on a general model."""

    name = "gemini"
    abilities = ENGINES["gemini"].abilities
    longest_part = 600.0
    takes_context = True

    def __init__(self, model: str, service: Service, manner: Manner | None = None) -> None:
        """One part at a time: each is told the speakers and last lines of the one before. Several: they are joined."""
        self.model, manner = model, manner or Manner(at_once=1)
        self._service = service
        self.sends_as, self.at_once, self._as_printed = manner.sends_as, manner.at_once, manner.as_printed
        self.labels_restart = manner.at_once > 1
        self.overlap = 10.0 if self.labels_restart else 3.0

    def hear(self, clip: Clip, wishes: Wishes, report: Report) -> str:
        if clip.video:
            return self._watch(clip, wishes, report)
        with sound_part(self._service, clip, report) as (part, cargo):
            return self._service.send(replace(cargo, purpose="transcript", model=self.model), lambda client: create(
                client, model=self.model, input=[{"type": "text", "text": self._prompt(clip, wishes)}, part],
                response_format={"type": "text", "mime_type": "application/json", "schema": self._schema(wishes)},
                generation_config={"thinking_level": "low", "max_output_tokens": 32_000}, **self._service.style(),
            ), report, say("Gemini is listening")).text

    def _prompt(self, clip: Clip, wishes: Wishes) -> str:
        if not self._as_printed:
            return prompt(wishes, clip.seconds, (video_range(clip) or "all") if clip.video else "")
        place = video_range(clip) if clip.video else ""
        return PAGE_PROMPT + (f" Use only {place} of the video." if place else "")

    def _schema(self, wishes: Wishes) -> dict[str, Any]:
        return PAGE_SCHEMA if self._as_printed else schema(wishes.translate_to, wishes.emotion)

    def _watch(self, clip: Clip, wishes: Wishes, report: Report) -> str:
        cargo = video_cargo(clip, "video", self.model, self._service.host)
        with video_errors():
            return self._service.send(cargo, lambda client: create(
                client, model=self.model,
                input=[{"type": "text", "text": self._prompt(clip, wishes)}, video_part(clip)],
                response_format={"type": "text", "mime_type": "application/json", "schema": self._schema(wishes)},
                generation_config={"thinking_level": "low", "max_output_tokens": 64_000}, **self._service.style(),
            ), report, say("Gemini is watching the video")).text

    def same_voices(self, clips: Sequence[Clip], prompt: str, schema: dict[str, Any], names: Sequence[str],
                    report: Report) -> str:
        """One line-up request, by the same model; gives the raw answer."""
        return same_voices(self._service, self.model, clips, prompt, schema, names, report)

    def read(self, answer: str) -> Hearing:
        return read_answer(answer)

    def close(self) -> None:
        self._service.close()


@contextmanager
def sound_part(service: Service, clip: Clip, report: Report) -> Iterator[tuple[dict[str, str], Cargo]]:
    """A clip for one request and what the ledger says of it: inline, or uploaded and removed right after use."""
    cargo = cargo_of(clip, "upload", "", service.host)
    if len(clip.encoded) <= INLINE_LIMIT:
        yield audio_part(clip), cargo
        return
    remote = service.upload(cargo, io.BytesIO(clip.encoded), clip.mime_type, report)
    try:
        yield remote.as_part(), replace(cargo, byte_count=0)
    finally:
        service.remove(remote)


def same_voices(service: Service, model: str, clips: Sequence[Clip], prompt: str, schema: dict[str, Any],
                names: Sequence[str], report: Report) -> str:
    """One line-up request: which of these short clips are the same person; gives the raw answer."""
    parts: list[dict[str, Any]] = [{"type": "text", "text": prompt}]
    for name, clip in zip(names, clips, strict=True):
        parts += [{"type": "text", "text": f"Clip {name}:"}, audio_part(clip)]
    place = TimeRange(min(clip.start for clip in clips), max(clip.start + clip.seconds for clip in clips))
    cargo = Cargo("line-up", model, service.host, place, sum(len(clip.encoded) for clip in clips))
    return service.send(cargo, lambda client: create(
        client, model=model, input=parts,
        response_format={"type": "text", "mime_type": "application/json", "schema": schema},
        generation_config={"thinking_level": "low", "max_output_tokens": 8_000}), report,
        say("Gemini compares the voices")).text


def video_part(clip: Clip) -> dict[str, str]:
    """A public video as it goes on the wire; of its pictures as little as can be."""
    return {"type": "video", "uri": clip.video, "resolution": "low"}


def video_range(clip: Clip) -> str:
    """MM:SS-MM:SS of the part that is meant, "" for all of it."""
    return "" if clip.is_whole else f"{mm_ss(clip.start)}-{mm_ss(clip.start + clip.seconds)}"


def video_cargo(clip: Clip, purpose: str, model: str, host: str) -> Cargo:
    """What the ledger says of a video: only its address is sent."""
    return Cargo(purpose, model, host, None if clip.is_whole else TimeRange(clip.start, clip.start + clip.seconds),
                 len(clip.video))


@contextmanager
def video_errors() -> Iterator[None]:
    """What is refused in a request with a video is most often the video."""
    refused = False
    try:
        yield
    except EngineError as error:
        if error.kind not in ("request", "forbidden"):
            raise
        refused = True
    if refused:
        raise Failure("video").error()


def audio_part(clip: Clip) -> dict[str, str]:
    """A clip as it goes on the wire."""
    return {"type": "audio", "data": base64.b64encode(clip.encoded).decode("ascii"), "mime_type": clip.mime_type}


def cargo_of(clip: Clip, purpose: str, model: str, host: str) -> Cargo:
    """What the ledger says of a clip."""
    return Cargo(purpose, model, host, TimeRange(clip.start, clip.start + clip.seconds), len(clip.encoded))


def make(model: str, *, key: str, url: str, gate: Gate | None = None,
         manner: Manner | None = None) -> GeminiEngine | TranscribeEngine:
    """The engine; "a + b" is two hearings: words from a, the rest from b. Refuses an empty key."""
    from desktop.engines.gemini_transcribe import TranscribeEngine

    manner = manner or Manner()
    service = Service(key, url or SERVICE_URL, gate, style=manner.style)
    words, _, helper = model.partition(" + ")
    return TranscribeEngine(words, helper, service, manner) if helper else GeminiEngine(model, service, manner)


def list_models(key: str, url: str, report: Report) -> list[str]:
    """Names of the models that the key may use: the cheapest test of a key. Raises EngineError."""
    service = Service(key, url or SERVICE_URL)
    try:
        return service.models(report)
    finally:
        service.close()
