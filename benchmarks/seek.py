"""Click to the first correct sample through the player's own source, and what a changed speed costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from benchmarks import fixtures
from benchmarks.harness import Timing, alternate, headline, is_long, percentile, show, timed
from desktop.audio.cache import CacheFiles
from desktop.audio.playback import PlaybackSource
from desktop.audio.preparing import prepare

_CLICKS = 300
_WANTED = 960  # frames: 20 ms, the first thing a sound device asks for
_SPEEDS = (0.5, 1.5, 2.0, 3.0)


def main() -> None:
    """Measure I1 for every format and I2; with --long on 9.5 h too."""
    for seconds in (fixtures.TEN_MINUTES, fixtures.LONGEST) if is_long() else (fixtures.TEN_MINUTES,):
        headline(f"click to sound, playback copies of {seconds / 60:g} min, {_CLICKS} clicks "
                 "(reference: the same 20 ms read in sequence)")
        for suffix in fixtures.FORMATS:
            copy = playback_copy(fixtures.recording(seconds, suffix))
            _clicks(suffix, copy)
            if seconds > fixtures.HOUR:
                copy.unlink()
    headline("speed with the pitch kept (reference: the same 60 s at 1x)")
    _speeds(playback_copy(fixtures.recording(fixtures.TEN_MINUTES, "wav")))


def playback_copy(path: Path) -> Path:
    """The playback copy that the program makes of a recording; kept for re-use."""
    cache = CacheFiles(fixtures.FOLDER / "copies", path.name)
    if not cache.complete():
        prepare(path, cache, lambda: None, lambda fraction, picture: None)
    return cache.copy


def _clicks(suffix: str, copy: Path) -> None:
    source = PlaybackSource(copy)
    chance = np.random.default_rng(11)
    places = np.sort(chance.integers(0, round(source.duration * source.rate) - _WANTED, _CLICKS))
    truth = dict(zip(places.tolist(), _in_sequence(copy, places), strict=True))
    chance.shuffle(places)
    times, wrong = [], 0
    for place in places.tolist():
        began = time.perf_counter()
        source.start(place / source.rate)
        pcm = source.read(_WANTED)
        times.append(1000 * (time.perf_counter() - began))
        wrong += pcm != truth[place]
    source.close()
    more = f"median {statistics.median(times):.2f} ms, worst {max(times):.2f}; {_sequence_ratio(copy, times):,.0f}x"
    show(f"{suffix}: click to first sample, p99", percentile(times, 0.99), "ms", most=20, more=f"{more} reference")
    show(f"{suffix}: clicks not exact to the sample", wrong, "clicks", most=0)


def _in_sequence(copy: Path, places: np.ndarray) -> list[bytes]:
    """The frames at sorted places, from one reading of the whole copy without any seek."""
    found, waiting, at = [], list(places), 0
    before = np.zeros((0, 2), np.int16)
    with soundfile.SoundFile(copy) as file:
        before = before[:, :file.channels]
        for block in file.blocks(1 << 18, dtype="int16", always_2d=True):
            window = np.concatenate([before, block])  # a wanted stretch may lie across two blocks
            origin = at - len(before)
            while waiting and waiting[0] + _WANTED <= at + len(block):
                start = waiting.pop(0) - origin
                found.append(window[start:start + _WANTED].tobytes())
            at += len(block)
            before = block[-_WANTED:]
    return found


def _sequence_ratio(copy: Path, times: list[float]) -> float:
    """Median click against the median of reading on."""
    with soundfile.SoundFile(copy) as file:
        reads = [timed(lambda: file.read(_WANTED, dtype="int16")).wall for _ in range(_CLICKS)]
    return statistics.median(times) / 1000 / statistics.median(reads)


def _speeds(copy: Path) -> None:
    for speed in _SPEEDS:
        runs = alternate(partial(_listen, copy, 1.0), partial(_listen, copy, speed))
        cost = statistics.median(subject.cpu for _, subject in runs) / 60
        ratio = statistics.median(subject.cpu / reference.cpu for reference, subject in runs)
        show(f"{speed:g}x: share of a core", 100 * cost, "%", most=1, more=f"{ratio:.1f}x reference")
        starts = [_start(copy, speed).wall for _ in range(20)]
        show(f"{speed:g}x: change to first sample, p99", 1000 * percentile(starts, 0.99), "ms", most=100)


def _listen(copy: Path, speed: float) -> Timing:
    return timed(_playing(copy, speed))


def _playing(copy: Path, speed: float) -> Callable[[], None]:
    """60 s of listening, in the 20 ms pieces a sound device asks for."""
    source = PlaybackSource(copy)
    source.start(30.0, speed=speed)

    def listen() -> None:
        given = 0
        while given < 60 * source.rate:
            given += len(source.read(_WANTED)) // (2 * source.channels)

    return listen


def _start(copy: Path, speed: float) -> Timing:
    source = PlaybackSource(copy)
    source.start(100.0)
    source.read(_WANTED)

    def change() -> None:
        source.start(100.02, speed=speed)
        assert len(source.read(_WANTED)) >= _WANTED

    taken = timed(change)
    source.close()
    return taken


if __name__ == "__main__":
    main()
