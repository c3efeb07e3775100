"""Peaks against decoding only, the first whole-file picture, the child's memory and the size of the cache.

The reference is the decoder child in mode "null": the same file, packets decoded and counted, nothing copied. Time
runs from the child's header to its result, so that the start of Python does not flatter the ratio.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import soundfile

from benchmarks import fixtures
from benchmarks.harness import PAIRS, Timing, alternate, cpu_ratio, headline, is_long, show, skipped, timed, wall_ratio
from desktop.audio.cache import CacheFiles
from desktop.audio.decoder import decode
from desktop.audio.peaks import Peaks
from desktop.audio.preparing import Picture, overview, prepare, sharp_peaks
from desktop.processes import start_child

_RATIOS = {"mp3": 1.15, "flac": 1.15, "opus": 1.15, "m4a": 1.30, "ogg": 1.30}  # P1 and P2
_FFMPEG_RATIOS = {"wav": 0.35, "mp3": 1.05, "opus": 1.10, "ogg": 1.20, "flac": 1.15, "m4a": 1.35}  # P4


def main() -> None:
    """Measure 10 min and 1 h; with --long the hour in pairs and 9.5 h too."""
    _passes(fixtures.TEN_MINUTES, PAIRS)
    _against_ffmpeg(fixtures.TEN_MINUTES)
    _first_pictures(fixtures.HOUR, 0.3)
    _passes(fixtures.HOUR, PAIRS if is_long() else 1)
    _halves(fixtures.HOUR, 3)
    if is_long():
        _halves(fixtures.LONGEST, 3)
        _first_pictures(fixtures.LONGEST, 1.5)
        _passes(fixtures.LONGEST, 1)


def _passes(seconds: int, pairs: int) -> None:
    headline(f"peaks, {seconds / 60:g} min ({pairs} {'pair' if pairs == 1 else 'pairs'}; reference: decoding only)")
    for suffix in fixtures.FORMATS if seconds == fixtures.TEN_MINUTES or is_long() else ("wav", "m4a"):
        path = fixtures.recording(seconds, suffix)
        if suffix == "wav":
            _wav(path, seconds, pairs)
        else:
            _against_decoding(path, seconds, pairs)
    _full(fixtures.recording(seconds, "mp3"), seconds)


def _against_decoding(path: Path, seconds: int, pairs: int) -> None:
    memory: list[int] = []
    runs = alternate(lambda: _child(path, "null"), lambda: _child(path, "peaks", memory), pairs)
    fastest = min(subject.wall for _, subject in runs)
    wall, cpu = wall_ratio(runs), cpu_ratio(runs)
    # Both are one busy process: its processor time says the same as the clock, without the neighbours' noise.
    show(f"{path.suffix[1:]}: peaks / decoding only", wall if math.isnan(cpu) else cpu, "x",
         most=_RATIOS[path.suffix[1:]], more=f"wall {wall:.3f}x, {seconds / fastest:,.0f}x real time")
    _show_memory(path, memory)


def _against_ffmpeg(seconds: int) -> None:
    """P4: the whole child against the ffmpeg program decoding to nothing, where that program is installed."""
    headline(f"peaks, {seconds / 60:g} min (3 pairs; reference: ffmpeg -f null)")
    program = shutil.which("ffmpeg")
    for suffix, most in _FFMPEG_RATIOS.items():
        if program is None:
            skipped(f"{suffix}: peaks / ffmpeg", "the ffmpeg program is not installed")
            continue
        path = fixtures.recording(seconds, suffix)
        command = [program, "-v", "error", "-i", str(path), "-vn", "-f", "null", "-"]
        runs = alternate(lambda c=command: timed(lambda: subprocess.run(c, check=True)),  # type: ignore[misc]
                         lambda p=path: _child(p, "peaks"), 3)  # type: ignore[misc]
        show(f"{suffix}: peaks / ffmpeg", wall_ratio(runs), "x", most=most)


def _halves(seconds: int, pairs: int) -> None:
    """P5: the whole waveform by two processes, which a long import starts beside its pass where there are cores."""
    headline(f"peaks of AAC by two processes, {seconds / 60:g} min ({pairs} pairs; reference: decoding only)")
    path = fixtures.recording(seconds, "m4a")
    header = next(decode(path, "peaks", lambda: None)).payload
    runs = alternate(lambda: _child(path, "null"),
                     lambda: timed(lambda: sharp_peaks(path, header, lambda: None)), pairs)
    show("m4a: two processes / decoding only", wall_ratio(runs), "x", most=0.75)


def _wav(path: Path, seconds: int, pairs: int) -> None:
    memory: list[int] = []
    runs = alternate(lambda: timed(lambda: _read_through(path)), lambda: _child(path, "peaks", memory), pairs)
    show("wav: peaks / soundfile int16 read-through", wall_ratio(runs), "x", most=3.5)
    show("wav: speed", seconds / min(subject.wall for _, subject in runs), "x rt", least=12_000)
    _show_memory(path, memory)


def _read_through(path: Path) -> None:
    with soundfile.SoundFile(path) as file:
        buffer = file.buffer_read
        while buffer(65_536, dtype="int16"):
            pass


def _show_memory(path: Path, memory: list[int]) -> None:
    label = f"{path.suffix[1:]}: most memory of the child"
    if any(memory):
        show(label, max(memory) / 1e6, "MB", most=200)
    else:
        skipped(label, "this system has no /proc")


def _full(path: Path, seconds: int) -> None:
    """The whole import pass, playback copy included; there is no goal for it."""
    cache = CacheFiles(fixtures.FOLDER / "cache", "0" * 64)

    def subject() -> Timing:
        return timed(lambda: prepare(path, cache, lambda: None, lambda fraction, picture: None))

    runs = alternate(lambda: _child(path, "null"), subject, 1 if seconds > fixtures.TEN_MINUTES else 3)
    show("mp3: import pass with playback copy", wall_ratio(runs), "x",
         more=f"{seconds / min(run.wall for _, run in runs):,.0f}x real time")
    show("cache: peaks per second of audio", cache.peaks.stat().st_size / seconds / 1000, "KB", most=0.8)
    assert Peaks.load(cache.peaks).seconds >= seconds - 1
    cache.remove()


def _first_pictures(seconds: int, most: float) -> None:
    headline(f"first whole-file picture, {seconds / 60:g} min (reference: decoding only)")
    for suffix in fixtures.FORMATS:
        path = fixtures.recording(seconds, suffix)
        times = _pictures(path) or [float("inf")]
        show(f"{suffix}: first picture", times[0], "s", most=most, more=f"last of {len(times)} after {times[-1]:.2f} s")
        if suffix in ("wav", "m4a") or is_long():
            show(f"{suffix}: first picture / decoding only", times[0] / _child(path, "null").wall, "x", most=0.25)


def _pictures(path: Path) -> list[float]:
    began = time.perf_counter()
    times: list[float] = []

    def seen(picture: Picture) -> None:
        times.append(time.perf_counter() - began)

    overview(path, lambda: None, seen)
    return times


def _child(path: Path, mode: str, memory: list[int] | None = None) -> Timing:
    """One run of the decoder child, from its header to its result; `memory` gets its bytes now and then."""
    began, cpu_began, ended = 0.0, 0.0, 0.0
    with _running(path, mode) as (process, messages):
        for number, (letter, _) in enumerate(messages):
            if memory is not None and (number % 256 == 0 or letter == "D"):
                memory.append(_resident(process.pid))
            if letter == "H":
                began, cpu_began = time.perf_counter(), _processor_seconds(process.pid)
            if letter == "D":
                ended = time.perf_counter()
        cpu = _processor_seconds(process.pid) - cpu_began  # of the zombie: nobody has collected it yet
    return Timing(ended - began, cpu)


@contextlib.contextmanager
def _running(path: Path, mode: str) -> Iterator[tuple[subprocess.Popen[bytes], Iterator[tuple[str, bytes]]]]:
    process = start_child("decode")
    assert process.stdin and process.stdout
    with process:
        process.stdin.write(json.dumps({"path": str(path), "mode": mode}).encode() + b"\n")
        process.stdin.close()
        yield process, _messages(process.stdout)


def _messages(pipe: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    while len(head := pipe.read(5)) == 5:
        body = pipe.read(struct.unpack("<I", head[1:])[0])
        if head[:1] == b"E":
            raise RuntimeError(body.decode())
        yield head[:1].decode("latin-1"), body


def _resident(pid: int) -> int:
    """The most bytes a process held so far; 0 where that cannot be asked."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)
    except OSError:
        return 0


def _processor_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return float("nan")


if __name__ == "__main__":
    main()
