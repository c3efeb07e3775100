"""What all long runs stand on: jobs over a known interview, transcripts that can be compared, a service that tells."""

from __future__ import annotations

import hashlib
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from desktop.engines import Engine, gemini_service
from desktop.engines.gemini import make
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import Job, Recording, Report, TimeRange, ignore_progress
from desktop.sending import LibraryGate
from desktop.transcription import Options, run_job, start_job
from tests.clips import KEY
from tests.gemini_service import GeminiService, Heard, Reply, Request
from tests.gemini_service.wire import Handler
from tests.sounds import INTERVIEW
from tests.test_two_hearings import Truth

GENERAL = "gemini-3.8-flash"
TWO_HEARINGS = "gemini-3.5-transcribe + gemini-3.8-flash"
SECONDS = 185.0  # of the interview that have speech


@dataclass(frozen=True)
class Shape:
    """A job to run: which stretch of the interview, in parts of which length, by which model."""

    model: str
    start: float
    end: float
    longest: float

    @property
    def options(self) -> Options:
        return Options("gemini", self.model, TimeRange(self.start, self.end), translate_to="en")

    def __str__(self) -> str:
        name = "two hearings" if "+" in self.model else "general"
        return f"{name} {self.start:.1f}-{self.end:.1f} by {self.longest:.0f}"


def shapes(rng: random.Random, count: int) -> list[Shape]:
    """Short stretches at random places, for both models in turn, in one part or in several."""
    found = []
    for number in range(count):
        model, longest = (GENERAL, TWO_HEARINGS)[number % 2], (14.0, 25.0, 45.0)[number // 2 % 3]
        seconds = rng.uniform(30.0, 40.0) if longest > 14.0 else rng.uniform(10.0, 40.0)
        if "+" in model:
            longest = max(longest, 25.0)  # neighbouring parts share ten seconds
        start = rng.uniform(0.0, SECONDS - seconds)
        found.append(Shape(model, round(start, 2), round(start + seconds, 2), longest))
    return found


@dataclass(frozen=True)
class Text:
    """A transcript in a form that can be compared."""

    words: Counter[tuple[str, str]]  # (speaker, word)
    order: tuple[tuple[str, tuple[str, ...]], ...]  # of each speaker, the words in the order of time
    languages: frozenset[str]
    summary: str
    flags: Counter[str]
    not_in_summary: int  # lines that were read, and of which the summary does not speak
    twice: int  # lines with the same start and words as another

    @property
    def plain(self) -> Counter[str]:
        return Counter({word: sum(n for (_, w), n in self.words.items() if w == word)
                        for word in {w for _, w in self.words}})

    @property
    def speakers(self) -> frozenset[str]:
        return frozenset(speaker for speaker, _ in self.words)


def text_of(library: Library, transcript_id: int) -> Text:
    document = library.document(transcript_id)
    words: Counter[tuple[str, str]] = Counter()
    order: dict[str, list[str]] = {}
    for segment in document.segments:
        said = [word for piece in segment.text.casefold().split() if (word := re.sub(r"\W", "", piece))]
        words.update((document.speaker_name(segment), word) for word in said)
        order.setdefault(document.speaker_name(segment), []).extend(said)
    lines = Counter((round(s.start, 2), s.text) for s in document.segments)
    return Text(words, tuple((name, tuple(said)) for name, said in sorted(order.items())),
                frozenset(s.language for s in document.segments), document.transcript.summary,
                Counter(flag for s in document.segments for flag in s.flags),
                sum(_beginning(s.text) not in document.transcript.summary for s in document.segments
                    if "+" in document.transcript.model), sum(n - 1 for n in lines.values()))


class TellingTruth(Truth):
    """The truth, with summaries of which can be told what they are of."""

    @staticmethod
    def read(rows: list[dict[str, Any]]) -> dict[str, Any]:
        return Truth.read(rows) | {"summary": " | ".join(_beginning(row["text"]) for row in rows)}


def _beginning(text: str) -> str:
    return " ".join(text.split()[:3])


_PURPOSES = {"lines": "reading", "groups": "line-up"}


def named(heard: Heard) -> tuple[str, str]:
    """What a call asks for, and a name for it that is the same whenever the same is asked for."""
    asked = (heard.schema or {}).get("properties", {})
    what = next((name for field_name, name in _PURPOSES.items() if field_name in asked), "part")
    if what == "reading":
        return what, digest(json.dumps(rows_of(heard)).encode())
    return what, digest(*(np.rint(part.samples * 32768).astype(np.int16).tobytes() for part in heard.audio),
                        heard.model.encode())


def rows_of(heard: Heard) -> list[str]:
    """The lines that are to be read."""
    return [row["text"] for row in json.loads(heard.prompt[heard.prompt.index("\n["):])]


def digest(*pieces: bytes) -> str:
    return hashlib.sha256(b"".join(pieces)).hexdigest()[:20]


class Desk:
    """A library with the interview in it, and a service to hear it."""

    def __init__(self, home: Path, service: GeminiService, kind: type[Library] = Library) -> None:
        self.library = kind(home / "data")
        self.cache = home / "cache"
        self.url = service.url
        self.recording: Recording = import_audio(self.library, self.cache, INTERVIEW, ignore_progress).recording

    def engine(self, shape: Shape, url: str = "") -> Engine:
        return engine_for(self.library, self.recording.id, url or self.url, shape)

    def begin(self, shape: Shape) -> Job:
        engine = self.engine(shape)
        try:
            return start_job(self.library, self.cache, self.recording, engine, shape.options)
        finally:
            engine.close()

    def run(self, job: Job, shape: Shape, report: Report = ignore_progress, url: str = "") -> Job:
        """Run what the job misses. Raises as run_job does."""
        return run_job(self.library, self.cache, job.id, self.engine(shape, url), report)

    def text(self, job: Job) -> Text:
        return text_of(self.library, job.transcript_id)

    def close(self) -> None:
        self.library.close()


def engine_for(library: Library, recording_id: int, url: str, shape: Shape) -> Engine:
    """The engine as the window makes it, but with short parts."""
    engine = make(shape.model, key=KEY, url=url, gate=LibraryGate(library, recording_id, consent=True))
    engine.longest_part = shape.longest
    return engine


class _TellingHandler(Handler):
    """Says when an answer has gone out to its last byte."""

    def _send(self, request: Request, reply: Reply) -> None:
        super()._send(request, reply)
        service = self.server.service
        if isinstance(service, TellingService):
            service.on_sent(request)


class TellingService(GeminiService):
    """The stand-in, with ears on it. The calls come on its own threads; those that are created count from here."""

    def __init__(self) -> None:
        super().__init__()
        self.on_head: Callable[[Request], None] = lambda request: None
        self.on_sent: Callable[[Request], None] = lambda request: None
        self._server.RequestHandlerClass = _TellingHandler

    def __enter__(self) -> TellingService:
        return self

    def receive(self, request: Request) -> None:
        super().receive(request)
        self.on_head(request)

    def forget(self) -> None:
        """Let go of the sound of what was heard so far: hundreds of clips are a lot of memory."""
        with self._lock:
            for request in self.requests:
                request.body, request.parsed = b"", None
            for heard in self.heard:
                heard.audio, heard.body = [], {}

    @property
    def asked(self) -> int:
        """How often something was asked for (create calls, those that were refused too)."""
        return sum(request.route == "interactions" for request in self.requests)


class QuickClock:
    """A clock on which waiting takes no time; it keeps how much was waited."""

    def __init__(self) -> None:
        self.waited = 0.0
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return time.monotonic() + self.waited

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.waited += seconds


@contextmanager
def quick_clock(rng: random.Random) -> Iterator[QuickClock]:
    """Pauses between tries cost nothing while this lasts; their jitter comes from `rng`."""
    clock, module = QuickClock(), vars(gemini_service)
    before = {name: module[name] for name in ("time", "random")}
    defaults = gemini_service.Service.__init__.__kwdefaults__
    assert defaults is not None
    old_sleep = defaults["sleep"]
    defaults["sleep"] = clock.sleep
    module.update(time=SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep), random=rng)
    try:
        yield clock
    finally:
        defaults["sleep"] = old_sleep
        module.update(before)
