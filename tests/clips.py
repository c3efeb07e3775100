"""Clips and a service for the engines' tests."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from desktop.audio.files import flac
from desktop.engines import Clip
from desktop.engines.gemini import GeminiEngine
from desktop.engines.gemini_service import Service
from tests.fakes import FreeGate
from tests.gemini_service import GeminiService
from tests.sounds import turns

KEY = "test-key-123"


def make_clip(speech: np.ndarray | None = None) -> Clip:
    """Two tones with pauses, four seconds, ready to send."""
    speech = turns(2) if speech is None else speech
    return Clip(speech, flac(speech), len(speech) / 16_000)


class Pauses(list[float]):
    """A sleep that does not sleep: the clock of the waiting loop jumps instead."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def gemini(service: GeminiService, sleep: Callable[[float], None] | None = None, key: str = KEY,
           model: str = "gemini-3.8-flash") -> GeminiEngine:
    """The engine, pointed at the stand-in."""
    return GeminiEngine(model, Service(key, service.url, FreeGate(), sleep=time.sleep if sleep is None else sleep))
