"""The on-device engine: faster-whisper in a child process. Nothing leaves the machine."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from desktop.cleaning import clean_text
from desktop.engines import ENGINES, Clip, HeardSegment, Hearing, Wishes
from desktop.engines.speech_models import MODELS, STARTER, check_starter, folder_of
from desktop.errors import EngineError
from desktop.model import Progress, Report, Word
from desktop.processes import end_child, start_child
from desktop.sentences import say


class OnDeviceEngine:
    """Whisper with word times; the child is started with the first clip and kept for the job."""

    name = "device"
    abilities = ENGINES["device"].abilities
    longest_part = 300.0  # a part is what a stop may cost
    overlap = 0.0  # cuts lie in silence, and words are exact
    at_once = 1
    sends_as = "flac"

    def __init__(self, model: str, folder: Path) -> None:
        self.model = model
        self._folder = folder
        self._child: _Child | None = None

    def hear(self, clip: Clip, wishes: Wishes, report: Report) -> str:
        language = _language(self.model, wishes.language)
        if self._child is None:
            self._child = _Child(self._folder)
        try:
            return self._hear(self._child, clip, language, report)
        except BaseException:
            self.close()
            raise

    def _hear(self, child: _Child, clip: Clip, language: str, report: Report) -> str:
        segments: list[dict[str, Any]] = []

        def check() -> None:
            done = float(segments[-1]["end"]) / max(clip.seconds, 0.1) if segments else 0.0
            report(Progress(min(1.0, done), say("Listening on this computer")))

        child.send(clip, language)
        for message in child.messages(check):
            if "segment" in message:
                segments.append(message["segment"])
            elif "done" in message:
                return json.dumps({"language": message["done"].get("language", ""), "segments": segments})
            elif "error" in message:
                raise _error(str(message["error"]))
        raise _error("failed")

    def read(self, answer: str) -> Hearing:
        try:
            data = json.loads(answer)
            language = str(data.get("language", ""))
            segments = tuple(_segment(item, language) for item in data["segments"])
        except (ValueError, TypeError, KeyError, AttributeError):
            raise EngineError("broken", "What the on-device engine wrote could not be read. Try this part "
                                        "again.") from None
        return Hearing(tuple(s for s in segments if s.text))

    def close(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


def make(model: str, *, key: str = "", url: str = "", gate: object = None,
         manner: object = None) -> OnDeviceEngine:
    """The engine with a model that is on this computer. Raises EngineError when it is not. Nothing is sent."""
    model = model or STARTER
    folder = folder_of(model)
    if folder is None:
        raise EngineError("model", "The {name} model is not on this computer. Fetch it under Settings ▸ On device, or "
                                   "use the starter model.", name=model)
    if model == STARTER:
        check_starter(folder)
    return OnDeviceEngine(model, folder)


class _Child:
    """The running child and what it says."""

    def __init__(self, folder: Path) -> None:
        self._process: subprocess.Popen[bytes] = start_child("whisper")
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self._write(json.dumps({"folder": str(folder), "threads": max(1, os.cpu_count() or 1)}).encode() + b"\n")

    def send(self, clip: Clip, language: str) -> None:
        """Hand a clip over. The pipe is filled by a thread, so that stopping never waits for it."""
        head = json.dumps({"language": language, "samples": len(clip.speech)}).encode() + b"\n"
        threading.Thread(target=self._write, args=(head + clip.speech.tobytes(),), daemon=True).start()

    def messages(self, check: Any) -> Iterator[dict[str, Any]]:
        """What the child says, one by one; `check` is called ten times a second."""
        while True:
            check()
            try:
                message = self._lines.get(timeout=0.1)
            except queue.Empty:
                continue
            if message is None:
                return
            yield message

    def end(self) -> None:
        end_child(self._process)

    def _write(self, data: bytes) -> None:
        try:
            assert self._process.stdin
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except (OSError, ValueError):
            pass  # the child is gone; its silence is noticed by the reader

    def _read(self) -> None:
        assert self._process.stdout
        try:
            for line in self._process.stdout:
                self._lines.put(json.loads(line))
        except (OSError, ValueError):
            pass
        self._lines.put(None)


def _language(model: str, wanted: str) -> str:
    """Whisper's language code; "" detects. An English-only model refuses anything else in words."""
    code = wanted.split("-")[0].lower()
    if not MODELS[model].english_only if model in MODELS else True:
        return code
    if code not in ("", "en"):
        raise EngineError("language", "The model {name} hears only English. Fetch a larger model under Settings ▸ On "
                                      "device for other languages, or use Gemini.", name=model)
    return "en"


def _segment(item: dict[str, Any], language: str) -> HeardSegment:
    words = tuple(Word(clean_text(str(w["text"])), float(w["start"]), float(w["end"])) for w in item.get("words", ()))
    start = words[0].start if words else float(item["start"])
    end = words[-1].end if words else float(item["end"])
    return HeardSegment(text=clean_text(str(item["text"])), start=start, end=max(start, end), language=language,
                        words=words)


def _error(kind: str) -> EngineError:
    if kind == "model":
        return EngineError("model", "The speech model could not be loaded. Install Pullquote again, or fetch the model "
                                    "again under Settings ▸ On device.")
    if kind == "memory":
        return EngineError("memory", "This computer has not enough memory for this speech model. Use a smaller one.")
    return EngineError("failed", "The on-device engine stopped unexpectedly. What has been heard is kept; continue to "
                                 "hear the rest.")
