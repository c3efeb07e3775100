"""Engines hear a clip and say what was said. The protocol, the table of engines, and what travels between.

To add one: one file here, one line in ENGINES; it must pass tests/engines/contract.py. Its heavy library is imported
inside the factory, which runs on a worker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from desktop.errors import UserError
from desktop.model import Cargo, Report, Usage, Word
from desktop.sentences import QT_TRANSLATE_NOOP

if TYPE_CHECKING:
    import numpy as np  # for the type of a clip only: the table of engines is read before the first paint


@dataclass(frozen=True)
class Abilities:
    """What an engine can do; the window shows what it cannot instead of pretending."""

    speakers: bool
    translation: bool
    emotion: bool
    summary: bool
    sends_audio: bool  # the audio leaves the machine; needs a key
    cannot: str  # a sentence for the window, "" when there is nothing to say


@dataclass(frozen=True)
class Manner:
    """How the user wants things sent: house style (a system instruction), audio format, parts at a time."""

    style: str = ""
    sends_as: str = "flac"  # or "ogg": Vorbis, about a third of the bytes, not lossless
    at_once: int = 2
    as_printed: bool = False  # a general model is asked with the prompt and schema of Google's audio page


@dataclass(frozen=True)
class Clip:
    """What is to be heard: 16 kHz mono int16 and the same encoded (empty when the engine keeps it local)."""

    speech: np.ndarray
    encoded: bytes
    seconds: float
    start: float = 0.0  # of the clip, on the recording's clock
    mime_type: str = "audio/flac"
    video: str = ""  # address of a public video that is heard in its place; `start` and `seconds` say which part
    is_whole: bool = True  # False: only a part of the video


@dataclass(frozen=True)
class Wishes:
    """What the user wants of a run. Empty strings mean: detect, or do not."""

    model: str = ""
    language: str = ""
    translate_to: str = ""
    speakers: int | None = None
    emotion: bool = True
    known_speakers: tuple[str, ...] = ()
    last_lines: tuple[str, ...] = ()  # already transcribed; context only
    lead_in: float = 0.0  # seconds at the start of the clip that were heard before
    vocabulary: tuple[str, ...] = ()  # names and terms that may occur, spelled as they should be
    is_smooth: bool = False  # leave out ums and false starts, where the engine can: not word for word


@dataclass(frozen=True)
class HeardSegment:
    """One turn as the engine gave it; times in seconds from the start of the clip, None when not usable."""

    text: str
    start: float | None
    end: float | None
    speaker: str = ""
    language: str = ""
    translation: str = ""
    emotion: str = ""
    words: tuple[Word, ...] = ()
    flags: tuple[str, ...] = ()  # what the engine itself says of the line
    unsure: bool = False  # its times are made up, or contradict others


@dataclass(frozen=True)
class NameHeard:
    """A sentence that reveals what a speaker is called, as the engine says; to be checked (naming.py)."""

    speaker: str
    name: str
    sentence: str = ""
    segment_id: int = 0


@dataclass(frozen=True)
class Hearing:
    """A whole answer, read. `whole_seconds` says that its times carry no fractions."""

    segments: tuple[HeardSegment, ...]
    summary: str = ""
    whole_seconds: bool = False
    names: tuple[NameHeard, ...] = ()


@dataclass(frozen=True)
class Annotation:
    """What was read from the text of one segment."""

    segment_id: int
    language: str
    translation: str = ""
    emotion: str = ""


@dataclass(frozen=True)
class Annotations:
    """What was read from some lines."""

    lines: tuple[Annotation, ...]
    summary: str = ""
    names: tuple[NameHeard, ...] = ()


class Gate(Protocol):
    """Everything that carries audio or words of a recording passes here (sending.py)."""

    def leave(self, cargo: Cargo, remote_name: str = "") -> int:
        """Enter the request, and the file it makes there, into the ledger. PullquoteError when it may not be sent."""

    def back(self, entry: int, outcome: str, usage: Usage | None, model: str) -> None:
        """Note how the request ended."""

    def removed(self, entry: int) -> None:
        """Note that the file that this request made is gone from the service."""

    def stored(self, cargo: Cargo) -> tuple[int, str] | None:
        """Entry and name of a file of the same sound that should still be there."""


class Engine(Protocol):
    """Hears clips. One object serves one job, from one thread."""

    name: str
    abilities: Abilities
    longest_part: float  # seconds per request
    overlap: float  # seconds that neighbouring parts share
    sends_as: str  # "flac" or "ogg"; what is kept local is not encoded
    at_once: int  # parts that may be asked for at a time; more than one when no part needs the one before
    model: str

    def hear(self, clip: Clip, wishes: Wishes, report: Report) -> str:
        """The raw answer. Raises EngineError or Cancelled; `report` is called ten times a second."""

    def read(self, answer: str) -> Hearing:
        """Parse a raw answer, also one from another day. Raises EngineError(kind="broken")."""

    def close(self) -> None:
        """Let go of processes and connections."""


@dataclass(frozen=True)
class EngineChoice:
    """One line of the table."""

    name: str
    title: str
    module: str
    abilities: Abilities


ENGINES: dict[str, EngineChoice] = {choice.name: choice for choice in (
    EngineChoice("gemini", "Gemini", "desktop.engines.gemini", Abilities(
        speakers=True, translation=True, emotion=True, summary=True, sends_audio=True, cannot="")),
    EngineChoice("device", "On device", "desktop.engines.on_device", Abilities(
        speakers=False, translation=False, emotion=False, summary=False, sends_audio=False,
        cannot=QT_TRANSLATE_NOOP(
            "core", "The on-device engine cannot tell speakers apart (unless each has a channel), and it gives no "
                    "translation, emotion or summary. The starter model hears only English."))),
)}


def make_engine(name: str, model: str, *, key: str = "", url: str = "", gate: Gate | None = None,
                manner: Manner | None = None) -> Engine:
    """The engine `name` with `model`; key, url and gate are for engines that send audio. Imports heavy libraries."""
    choice = ENGINES.get(name)
    if choice is None:
        raise UserError("There is no engine named {name}. Choose one of: {names}.", name=name,
                        names=", ".join(ENGINES))
    make: Callable[..., Engine] = import_module(choice.module).make
    return make(model, key=key, url=url, gate=gate, manner=manner or Manner())
