"""faster-whisper in a process of its own, so that it can be stopped at once and its memory is given back.

Reads JSON lines from standard input: first {"folder", "threads"}, then per clip {"language", "samples"} followed by
that many int16 samples (16 kHz mono). Writes JSON lines: {"ready": true}, {"segment": {...}} as they come,
{"done": {"language"}}, or {"error": kind}.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, BinaryIO

import numpy as np


def main() -> None:
    """Serve clips until standard input ends."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    sys.stdout = sys.stderr  # whatever a library prints must not land in the protocol
    source = sys.stdin.buffer
    setup = json.loads(source.readline())
    try:
        from faster_whisper import WhisperModel

        model = WhisperModel(setup["folder"], device="cpu", compute_type="int8", cpu_threads=setup["threads"],
                             local_files_only=True)
    except Exception:
        _say(out, {"error": "model"})
        return
    _say(out, {"ready": True})
    while line := source.readline():
        request = json.loads(line)
        speech = np.frombuffer(source.read(2 * int(request["samples"])), np.int16).astype(np.float32) / 32768.0
        try:
            _hear(model, speech, str(request["language"]), out)
        except MemoryError:
            _say(out, {"error": "memory"})
        except Exception:
            _say(out, {"error": "failed"})


def _hear(model: Any, speech: np.ndarray, language: str, out: BinaryIO) -> None:
    if len(speech) < 1600:
        _say(out, {"done": {"language": language}})
        return
    segments, found = model.transcribe(
        speech, language=language or None, beam_size=5, vad_filter=True, word_timestamps=True,
        condition_on_previous_text=False)  # text that feeds on itself is how whisper gets into loops
    for segment in segments:
        words = [{"text": word.word.strip(), "start": word.start, "end": word.end} for word in segment.words or ()]
        _say(out, {"segment": {"text": segment.text.strip(), "start": segment.start, "end": segment.end,
                               "words": words}})
    _say(out, {"done": {"language": found.language}})


def _say(out: BinaryIO, message: dict[str, Any]) -> None:
    out.write(json.dumps(message).encode() + b"\n")
