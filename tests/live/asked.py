"""What the live checks share: the key, raw requests whose refusal is an answer too, and the lines that are printed."""

from __future__ import annotations

import base64
import difflib
import json
import os
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile
import soxr

from desktop.audio.files import flac
from desktop.engines import Clip
from desktop.engines.gemini_errors import _details, _status, classify
from desktop.engines.gemini_service import _client
from desktop.environment import SERVICE_URL
from desktop.sample import SAMPLE, reference_segments
from tests.sounds import AUDIO, INTERVIEW

RATE = 16_000
VIDEO = "https://www.youtube.com/watch?v=jNQXAC9IVRw"  # "Me at the zoo": public since 2005, 19 seconds, one speaker
NO_VIDEO = "https://www.youtube.com/watch?v=AAAAAAAAAAA"
BUSY = ("rate", "server", "network", "offline", "timeout", "blocked")  # says nothing about the question


class Secret(str):
    """A key that does not show in the traceback of a failed check."""

    def __repr__(self) -> str:
        return "'(the key)'"


# read when the module is imported: tests/conftest.py takes every key out of the environment first
KEY = Secret(os.environ.get("PULLQUOTE_LIVE_KEY", "").strip())
URL = os.environ.get("PULLQUOTE_LIVE_URL", "") or SERVICE_URL  # another one only for trying the checks themselves
IS_LIVE = URL == SERVICE_URL
if not IS_LIVE and not URL.startswith("http://127.0.0.1:"):
    raise ValueError("PULLQUOTE_LIVE_URL may only point to 127.0.0.1: the key goes there")

ANSWERS: list[str] = []  # printed once more at the end


def tell(letter: str, question: str, *answer: object) -> None:
    """One line for the one who runs this."""
    text = " ".join(" ".join(str(piece) for piece in answer).split()).replace(KEY or "\0", "(the key)")
    ANSWERS.append(f"QUESTION ({letter}): {question}  ANSWER: {text[:1500]}")
    print("\n" + ANSWERS[-1])


@dataclass(frozen=True)
class Outcome:
    """What a request came to: a value, or how it was refused."""

    value: Any = None
    status: int | None = None
    body: str = ""
    kind: str = ""  # as the program classifies it; "" when it was fine
    seconds: float = 0.0

    @property
    def fine(self) -> bool:
        return not self.kind

    @property
    def says_nothing(self) -> bool:
        """Whether the service was busy or away, which answers no question."""
        return self.kind in BUSY

    def __str__(self) -> str:
        if self.fine:
            return "accepted"
        if self.says_nothing:
            return f"NOT ANSWERED ({self.kind}: ask again)"
        return f"refused: HTTP {self.status} ({self.kind}) {self.body[:400]}"


def attempt(call: Callable[[], Any], tries: int = 3) -> Outcome:
    """Do it; again after a pause when the service is busy. Keeps no exception: it carries the key."""
    outcome = Outcome()
    for number in range(1, tries + 1):
        began, pause = time.monotonic(), 0.0
        try:
            return Outcome(call(), 200, seconds=time.monotonic() - began)
        except Exception as error:
            failure = classify(error)
            outcome = Outcome(None, _status(error), _details(error), failure.kind, time.monotonic() - began)
            pause = failure.wait or 10.0 * number
        if not outcome.says_nothing or not IS_LIVE or number == tries:
            break
        time.sleep(min(60.0, pause))
    return outcome


def ask(client: Any, **arguments: Any) -> Outcome:
    """One interaction with the SDK itself, not stored unless asked for."""
    return attempt(lambda: client.interactions.create(**{"store": False, "timeout": 120, **arguments}))


def new_client(key: str = KEY, version: str = "v1beta") -> Any:
    """A client as the program makes it; the version can be another one."""
    client = _client(key, URL)
    if version == "v1beta":
        return client
    from google import genai

    client.close()
    args = {"trust_env": IS_LIVE, "follow_redirects": False}
    return genai.Client(api_key=key, vertexai=False, http_options={
        "base_url": URL, "api_version": version, "timeout": 120_000, "retry_options": {"attempts": 1},
        "client_args": dict(args), "async_client_args": dict(args)})


def text_part(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def audio(clip: Clip, **more: Any) -> dict[str, Any]:
    return {"type": "audio", "data": base64.b64encode(clip.encoded).decode("ascii"), "mime_type": clip.mime_type,
            **more}


def schema_format(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "mime_type": "application/json", "schema": schema}


def audio_tokens(interaction: Any) -> int:
    """Tokens of the sound alone, as the usage says."""
    usage = getattr(interaction, "usage", None)
    parts = getattr(usage, "input_tokens_by_modality", None) or ()
    return sum(int(part.tokens or 0) for part in parts if str(part.modality).casefold() == "audio")


def usage_of(interaction: Any) -> str:
    usage = getattr(interaction, "usage", None)
    return (f"in {getattr(usage, 'total_input_tokens', None)}, out {getattr(usage, 'total_output_tokens', None)}, "
            f"thought {getattr(usage, 'total_thought_tokens', None)}")


# -- sounds -----------------------------------------------------------------------------------------------------


def speech_of(path: Any, start: float = 0.0, end: float | None = None) -> np.ndarray:
    """A stretch of a file as 16 kHz mono int16."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples[round(start * rate):None if end is None else round(end * rate)].mean(axis=1)
    resampled = mono if rate == RATE else soxr.resample(mono, rate, RATE)
    return np.asarray(np.clip(resampled, -1, 1) * 32767, np.int16)


def clip_of(speech: np.ndarray, start: float = 0.0) -> Clip:
    return Clip(speech, flac(speech), len(speech) / RATE, start)


def sample_clip(end: float | None = None) -> Clip:
    """Katie and Steve: two speakers in 29 seconds, three turns in the first twelve."""
    return clip_of(speech_of(SAMPLE, 0.0, end))


def sample_words() -> list[str]:
    return words_of(" ".join(segment.text for _, segment in reference_segments()))


TRUTH: list[dict[str, Any]] = json.loads(INTERVIEW.with_suffix(".json").read_text("utf-8"))["segments"]
OTHER_VOICE = AUDIO / "LJ001-0004.flac"


# -- comparing --------------------------------------------------------------------------------------------------


def words_of(text: str) -> list[str]:
    return [word for piece in text.casefold().split() if (word := re.sub(r"\W", "", piece))]


def pairs(wanted: list[str], got: list[str]) -> list[tuple[int, int]]:
    """Places of the words that both have, in their order."""
    blocks = difflib.SequenceMatcher(None, wanted, got, autojunk=False).get_matching_blocks()
    return [(block.a + n, block.b + n) for block in blocks for n in range(block.size)]


def recall(wanted: list[str], got: list[str]) -> float:
    return len(pairs(wanted, got)) / max(1, len(wanted))


def short(items: Iterable[object], most: int = 12) -> str:
    """A list for people to read."""
    listed = [str(item) for item in items]
    return ", ".join(listed[:most]) + (f" … ({len(listed)})" if len(listed) > most else "")
