"""A stand-in for the Gemini API on loopback, as strict as the real one: see the design notes, gemini.md."""

from .answers import Answer, Answerer, as_transcription, clock, default_answer, truth_answer
from .audio import Locator, loud_stretches
from .faults import Fault
from .files import StoredFile
from .records import Heard, HeardAudio, Reply, Request
from .server import MODELS, GeminiService

__all__ = [
    "MODELS", "Answer", "Answerer", "Fault", "GeminiService", "Heard", "HeardAudio", "Locator", "Reply",
    "Request", "StoredFile", "as_transcription", "clock", "default_answer", "loud_stretches",
    "truth_answer",
]
