"""The parent's side of the decoder child: starts it, checks everything it says, kills it when it hangs."""

from __future__ import annotations

import json
import queue
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from desktop.audio.limits import HIGHEST_COPY_RATE, HIGHEST_RATE, LOWEST_RATE, MOST_CHANNELS
from desktop.errors import BadAudio
from desktop.processes import end_child, start_child
from desktop.sentences import QT_TRANSLATE_NOOP

PATIENCE = 10.0  # seconds without a message until the child is killed
_LONGEST_MESSAGE = 64 << 20
_MOST_SECONDS = 24 * 3600 + 60
_MOST_COLUMNS = 4096

SENTENCES = {
    "empty": QT_TRANSLATE_NOOP("core", "This file is empty (0 bytes). Copy it from the recorder again."),
    "not_audio": QT_TRANSLATE_NOOP(
        "core", "This is not an audio or video file that Pullquote can read, or it is damaged from the very start."),
    "no_sound": QT_TRANSLATE_NOOP("core", "This video has no sound track, so there is nothing to hear."),
    "protected": QT_TRANSLATE_NOOP(
        "core", "This file is copy-protected. Export it without protection from the program it comes from."),
    "too_many_channels": QT_TRANSLATE_NOOP(
        "core", "This file has more than 8 channels. Export at most 8 of them and import that file."),
    "strange_rate": QT_TRANSLATE_NOOP(
        "core", "This file claims a sample rate that no recorder uses; it is probably damaged."),
    "too_long": QT_TRANSLATE_NOOP("core", "This file is longer than 24 hours. Cut it into pieces and import those."),
    "unknown_codec": QT_TRANSLATE_NOOP(
        "core", "The sound in this file is in a format that Pullquote does not know. Convert it to WAV or MP3 first."),
    "damaged_whole": QT_TRANSLATE_NOOP("core", "This file is damaged: not one second of its sound can be read."),
    "too_complex": QT_TRANSLATE_NOOP(
        "core", "Reading this file needs more memory than a recording ever should; it is probably damaged."),
    "not_found": QT_TRANSLATE_NOOP("core", "This file is no longer there. Was the disk or card removed?"),
    "not_readable": QT_TRANSLATE_NOOP("core", "This file may not be read. Check its permissions and try again."),
    "hangs": QT_TRANSLATE_NOOP(
        "core", "Reading this file made no progress for 10 seconds, so it was stopped. The file is probably damaged."),
}


def bad_audio(kind: str) -> BadAudio:
    """The error for one of the dozen causes; an unknown kind is not audio."""
    kind = kind if kind in SENTENCES else "not_audio"
    return BadAudio(kind, SENTENCES[kind])


@dataclass(frozen=True)
class Header:
    """What the child found; checked again on this side."""

    rate: int
    channels: int
    bucket: int
    copy_rate: int
    copy_channels: int
    header_seconds: float
    container: str
    codec: str
    title: str


@dataclass(frozen=True)
class Message:
    """One checked message: letter as in decode_child, and its payload."""

    letter: str
    payload: Any


def decode(path: Path, mode: str, check: Callable[[], None], begin: float = 0.0,
           end: float = 0.0) -> Iterator[Message]:
    """Run the child over `path`, or from `begin` to `end` (seconds; 0: to its end).

    Yields Header, peaks, audio, … in order and ends after the result. `check` is called at least ten times a second
    and may raise Cancelled. Raises BadAudio. However it ends, the child is gone afterwards.
    """
    process = start_child("decode")
    try:
        request = {"path": str(path), "mode": mode, "begin": begin, "end": end}
        yield from _checked(_messages(process, request, check))
    finally:
        end_child(process)


def _messages(process: subprocess.Popen[bytes], request: dict[str, Any],
              check: Callable[[], None]) -> Iterator[tuple[str, bytes]]:
    arrived: queue.Queue[tuple[str, bytes] | None] = queue.Queue(maxsize=16)
    stop = threading.Event()
    threading.Thread(target=_read, args=(process, arrived, stop), daemon=True).start()
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.close()
    except OSError as error:
        raise bad_audio("not_audio") from error
    last_news = time.monotonic()
    try:
        while True:
            check()
            try:
                message = arrived.get(timeout=0.1)
            except queue.Empty:
                if time.monotonic() - last_news > PATIENCE:
                    raise bad_audio("hangs") from None
                continue
            if message is None:
                raise bad_audio("not_audio")  # it died without a word
            yield message
            last_news = time.monotonic()  # the time our caller took is not the child's
            if message[0] in "DE":
                return
    finally:
        stop.set()


def _read(process: subprocess.Popen[bytes], arrived: queue.Queue[tuple[str, bytes] | None],
          stop: threading.Event) -> None:
    pipe = process.stdout
    assert pipe is not None
    try:
        while True:
            head = pipe.read(5)
            if len(head) < 5:
                break
            (length,) = struct.unpack("<I", head[1:])
            if length > _LONGEST_MESSAGE:
                break
            body = pipe.read(length)
            if len(body) < length or not _put(arrived, (head[:1].decode("latin-1"), body), stop):
                break
    except (OSError, ValueError):
        pass  # the pipe was closed under us: the parent has given up
    _put(arrived, None, stop)


def _put(arrived: queue.Queue[tuple[str, bytes] | None], message: tuple[str, bytes] | None,
         stop: threading.Event) -> bool:
    while not stop.is_set():
        try:
            arrived.put(message, timeout=0.2)
            return True
        except queue.Full:
            continue
    return False


def _checked(messages: Iterator[tuple[str, bytes]]) -> Iterator[Message]:
    header: Header | None = None
    frames = 0
    try:
        for letter, body in messages:
            if letter == "E":
                raise bad_audio(str(json.loads(body).get("kind")))
            if letter == "H" and header is None:
                header = _header(json.loads(body))
                yield Message("H", header)
            elif header is None:
                raise bad_audio("not_audio")
            elif letter == "A":
                pcm = np.frombuffer(body, np.int16).reshape(-1, header.copy_channels)
                frames += len(pcm)
                if frames > _MOST_SECONDS * header.copy_rate:
                    raise bad_audio("too_long")
                yield Message("A", pcm)
            elif letter == "K":
                yield Message("K", np.frombuffer(body, np.int8).reshape(-1, 3))
            elif letter in _CHECKS:
                yield Message(letter, _CHECKS[letter](json.loads(body)))
            else:
                raise bad_audio("not_audio")
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise bad_audio("not_audio") from error


def _header(data: dict[str, Any]) -> Header:
    header = Header(
        rate=int(data["rate"]), channels=int(data["channels"]), bucket=int(data["bucket"]),
        copy_rate=int(data["copy_rate"]), copy_channels=int(data["copy_channels"]),
        header_seconds=float(data["header_seconds"]), container=str(data["container"]), codec=str(data["codec"]),
        title=str(data["title"]))
    fine = (LOWEST_RATE <= header.rate <= HIGHEST_RATE and 1 <= header.channels <= MOST_CHANNELS
            and 1 <= header.bucket <= header.rate and LOWEST_RATE <= header.copy_rate <= HIGHEST_COPY_RATE
            and header.copy_channels in (1, 2) and 0 <= header.header_seconds <= _MOST_SECONDS)
    if not fine:
        raise bad_audio("strange_rate")
    return header


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not 0 <= seconds <= _MOST_SECONDS:
        raise ValueError(value)
    return seconds


def _overview(data: dict[str, Any]) -> dict[str, Any]:
    columns = int(data["columns"])
    values = [tuple(map(int, value)) for value in data["values"]]
    if not 1 <= columns <= _MOST_COLUMNS or not all(
            len(value) == 4 and 0 <= value[0] < columns and max(map(abs, value[1:])) <= 255 for value in values):
        raise ValueError("overview")
    return {"columns": columns, "values": values, "seconds": _seconds(data["seconds"])}


def _result(data: dict[str, Any]) -> dict[str, Any]:
    return {"damage": [(_seconds(start), _seconds(lost)) for start, lost in data.get("damage", ())]}


_CHECKS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "O": _overview, "T": lambda data: {"seconds": _seconds(data["seconds"])}, "D": _result}
