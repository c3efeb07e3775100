"""What is measured with: long recordings of two people looped from the sample, and big libraries of made words."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
import soxr

from desktop.library import Library
from desktop.paths import RESOURCES

RATE = 48_000
TEN_MINUTES, HOUR, LONGEST = 600, 3600, 34_200  # seconds; 9.5 h
FORMATS = ("wav", "mp3", "flac", "m4a", "opus", "ogg")
FOLDER = Path(tempfile.gettempdir()) / "pullquote-benchmarks"
_ENCODERS: dict[str, tuple[str, str, dict[str, str]]] = {  # suffix: codec, sample format, options
    "mp3": ("libmp3lame", "s16p", {"compression_level": "7"}),
    "m4a": ("aac", "fltp", {}),
    "opus": ("libopus", "s16", {"compression_level": "5"}),
}

LINES, WORDS, VOCABULARY, PROJECTS, TAGS = 400, 11, 60_000, 100, 200  # of a transcript, a line, and a library
_SYLLABLES = ("ka", "ren", "to", "mi", "lo", "sta", "ver", "un", "der", "pa", "li", "on", "es", "gra", "ti", "ne",
              "bor", "su", "ma", "che")


def recording(seconds: int, suffix: str) -> Path:
    """A recording of that length and format; made at the first call. 9.5 h of WAV and FLAC are mono, else stereo."""
    path = FOLDER / f"speech-{seconds}.{suffix}"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        print(f"  (making {path.name}, once)", flush=True)
        temporary = path.with_name(f"{os.getpid()}-{path.name}")
        try:
            _maker(seconds, suffix)(temporary, seconds)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return path


def _maker(seconds: int, suffix: str) -> Callable[[Path, int], None]:
    if suffix in ("wav", "flac", "ogg"):  # PyAV's wheels have no libvorbis
        return _by_soundfile
    return _by_repeating if seconds > TEN_MINUTES else _by_encoder


def speech(seconds: int, channels: int) -> Iterator[np.ndarray]:
    """int16 blocks of about half a minute, shape (n, channels), `seconds` long in all; the same in every run."""
    chance = np.random.default_rng(7)
    voice = _voice()
    noise = chance.normal(0, 12, (len(voice) + RATE, channels)).astype(np.float32)
    left = seconds * RATE
    while left > 0:
        pause = int(chance.integers(RATE // 10, RATE))
        block = np.roll(noise, int(chance.integers(len(noise))), axis=0)[:len(voice) + pause]
        block[:len(voice)] += voice[:, None] * chance.uniform(0.5, 0.9, channels).astype(np.float32)
        yield block[:left].astype(np.int16)
        left -= len(block)


def _voice() -> np.ndarray:
    pcm, rate = soundfile.read(RESOURCES / "sample" / "katie-steve.wav", dtype="float32")
    return np.asarray(soxr.resample(pcm, rate, RATE), np.float32) * 32767


def _by_soundfile(path: Path, seconds: int) -> None:
    channels = 1 if seconds > HOUR else 2
    subtype = "VORBIS" if path.suffix == ".ogg" else "PCM_16"
    with soundfile.SoundFile(path, "w", RATE, channels, subtype) as file:
        for block in speech(seconds, channels):
            for start in range(0, len(block), RATE // 2):  # libsndfile overflows its stack on long Vorbis blocks
                file.write(block[start:start + RATE // 2])


def _by_encoder(path: Path, seconds: int) -> None:
    codec, sample_format, options = _ENCODERS[path.suffix[1:]]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, RATE, options=options, layout="stereo", format=sample_format)
        stream.bit_rate = 128_000
        resampler = av.AudioResampler(sample_format, "stereo", RATE)
        position = 0
        for block in speech(seconds, 2):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block).reshape(1, -1), "s16", "stereo")
            frame.sample_rate, frame.pts = RATE, position
            position += len(block)
            for piece in resampler.resample(frame):
                container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def _by_repeating(path: Path, seconds: int) -> None:
    """The packets of the 10 min file over and over: a whole encoding would take minutes."""
    source = recording(TEN_MINUTES, path.suffix[1:])
    with av.open(str(path), "w") as target:
        stream: Any = None
        end = 0
        for _ in range(seconds // TEN_MINUTES):
            with av.open(str(source)) as container:
                origin = container.streams.audio[0]
                stream = stream or target.add_stream_from_template(origin)
                packets: list[Any] = [packet for packet in container.demux(origin) if packet.size]
                shift = end - packets[0].pts
                for packet in packets:
                    end = packet.pts + shift + packet.duration
                    packet.stream, packet.pts, packet.dts = stream, packet.pts + shift, packet.pts + shift
                    target.mux(packet)


# -- big libraries ----------------------------------------------------------------------------------------------


class Words:
    """Made words, few of them frequent, as in every language; the same in every run."""

    def __init__(self, seed: int) -> None:
        chance = np.random.default_rng(11)
        made = dict.fromkeys("".join(chance.choice(_SYLLABLES, int(chance.integers(1, 5))))
                             for _ in range(6 * VOCABULARY))
        self.all = list(made)[:VOCABULARY]
        share = 1 / np.arange(1, VOCABULARY + 1)
        self._share, self._array = share / share.sum(), np.asarray(self.all)
        self._chance = np.random.default_rng(seed)

    def lines(self, count: int, words: int = WORDS) -> list[str]:
        """So many lines of so many words."""
        return [" ".join(row) for row in self._chance.choice(self._array, (count, words), p=self._share).tolist()]


def fill(library: Library, recordings: int, lines: int = LINES) -> Iterator[str]:
    """Enter recordings with a transcript of so many lines each, and with what is noted about them.

    Gives the words of each transcript. The caller has switched off the triggers that keep the indexes in step.
    """
    words, connection = Words(12), library._writer
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO project (id, name) VALUES (?, ?)",
                           [(n + 1, f"Project{n + 1}") for n in range(PROJECTS)])
    for number in range(1, recordings + 1):
        made = words.lines(lines)
        _enter(library, number, made)
        _describe(library, number, words)
        if number % 4 == 0:
            _note(library, number, words)
        yield "\n".join(made)
    connection.execute("COMMIT")


def _enter(library: Library, number: int, lines: Sequence[str]) -> None:
    connection = library._writer
    at = f"20{10 + number % 16}-{1 + number % 12:02d}-{1 + number % 28:02d}"
    connection.execute(
        "INSERT INTO recording (id, title, folder, original, sha256, byte_count, duration, imported_at, state, "
        "project_id, recorded_on) VALUES (?, ?, ?, 'o.wav', ?, 1, 3600, ?, 'ready', ?, ?)",
        (number, f"Talk {number}", f"f{number}", f"{number:064x}", f"{at}T10:00:00.000+00:00", number % PROJECTS + 1,
         at if number % 2 else ""))
    connection.execute("INSERT INTO transcript (id, recording_id, engine, model, created_at, range_start, range_end) "
                       "VALUES (?, ?, 'none', 'none', '', 0, 3600)", (number, number))
    names = (f"Person{number % 500}", f"Speaker {number % 3}")
    connection.executemany("INSERT INTO speaker (id, transcript_id, label, name, position) VALUES (?, ?, ?, ?, ?)",
                           [(2 * number + n, number, name, name, n) for n, name in enumerate(names)])
    connection.executemany(
        "INSERT INTO segment (id, transcript_id, part, position, start, end, speaker_id, text) VALUES "
        "(?, ?, 0, ?, ?, ?, ?, ?)",
        [(number * LINES + n, number, n, 9.0 * n, 9.0 * n + 8.5, 2 * number + n % 2, line)
         for n, line in enumerate(lines)])


def _describe(library: Library, number: int, words: Words) -> None:
    connection = library._writer
    connection.execute("UPDATE transcript SET summary = ? WHERE id = ?", (" ".join(words.lines(5)), number))
    connection.executemany("INSERT INTO tag VALUES (?, ?)", [(number, f"tag{(number + 7 * n) % TAGS}")
                                                             for n in range(2)])
    connection.executemany("INSERT INTO person VALUES (?, ?, ?)", [(number, n, f"Guest{(number + n) % 900} Lee")
                                                                   for n in range(3)])


def _note(library: Library, number: int, words: Words) -> None:
    """Notes, three quotes, two marks and a conversation."""
    connection, line = library._writer, iter(words.lines(15))
    connection.execute("UPDATE recording SET place = ?, notes = ? WHERE id = ?",
                       (next(line).split()[0], f"{next(line)} {next(line)}", number))
    connection.executemany(
        "INSERT INTO quote (id, recording_id, transcript_id, speaker_id, start, end, text, said_by, note, tag, "
        "made_at) VALUES (?, ?, ?, ?, ?, ?, ?, '', ?, ?, '')",
        [(3 * number + n, number, number, 2 * number, 9.0 * n, 9.0 * n + 8, next(line), next(line),
          f"tag{n}") for n in range(3)])
    connection.executemany("INSERT INTO mark VALUES (?, ?, ?, ?)", [(number, n, 90.0 * n, next(line))
                                                                    for n in range(2)])
    connection.execute("INSERT INTO thread (id, recording_id, transcript_id, created_at) VALUES (?, ?, ?, '')",
                       (number, number, number))
    claims = json.dumps({"claims": [{"text": next(line), "places": [[9.0, 17.5, number * LINES + 1]]}
                                    for _ in range(3)], "answer": ""})
    connection.execute("INSERT INTO turn VALUES (?, 0, ?, ?, 'none', '2026-01-01T00:00:00+00:00')",
                       (number, next(line), claims))
