"""What leaves the machine: bytes and processor time for an hour of 48 kHz stereo, as FLAC and as Vorbis.

Reference: the bytes of the original, and reading the same parts of the playback copy.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np

from benchmarks import fixtures
from benchmarks.harness import Timing, cpu_ratio, headline, show, timed
from benchmarks.seek import playback_copy
from desktop.audio.files import PlaybackCopy, encode, flac
from desktop.model import TimeRange

_PART = 600.0


def vorbis(speech: np.ndarray) -> bytes:
    """As Ogg Vorbis."""
    buffer = io.BytesIO()
    encode([speech], buffer, "ogg")
    return buffer.getvalue()


_GOALS: dict[str, tuple[Callable[[np.ndarray], bytes], float]] = {"FLAC": (flac, 1 / 10), "Vorbis": (vorbis, 1 / 30)}


def main() -> None:
    """Each part is read, made FLAC and made Vorbis in turn."""
    original = fixtures.recording(fixtures.HOUR, "wav")
    parts = [TimeRange(start, start + _PART) for start in np.arange(0, fixtures.HOUR, _PART).tolist()]
    size = original.stat().st_size
    headline(f"upload, 1 h of 48 kHz stereo WAV, {size / 1e6:.0f} MB, in {len(parts)} parts "
             "(reference: reading the playback copy)")
    reads: list[Timing] = []
    runs: dict[str, list[Timing]] = {name: [] for name in _GOALS}
    sizes = dict.fromkeys(_GOALS, 0)
    with PlaybackCopy(playback_copy(original)) as copy:
        for part in parts:
            reads.append(timed(lambda part=part: _read(copy, part)))  # type: ignore[misc]
            for name, (encode, _) in _GOALS.items():
                made: list[bytes] = []
                runs[name].append(timed(lambda part=part, encode=encode, made=made:  # type: ignore[misc]
                                        made.append(encode(copy.speech(part, silent=())))))
                sizes[name] += len(made[0])
    for name, (_, most) in _GOALS.items():
        _tell(name, sizes[name] / size, most, sizes[name], list(zip(reads, runs[name], strict=True)))


def _read(copy: PlaybackCopy, part: TimeRange) -> None:
    for _ in copy.blocks(part, silent=()):
        pass


def _tell(name: str, share: float, most: float, size: int, pairs: list[tuple[Timing, Timing]]) -> None:
    cpu, wall = sum(run.cpu for _, run in pairs), sum(run.wall for _, run in pairs)
    show(f"{name}: bytes / bytes of the original", share, "", most=round(most, 4),
         more=f"{size / 1e6:.1f} MB, a {1 / share:.0f}th; {size / len(pairs) / 1e6:.1f} MB per part")
    show(f"{name}: processor time for the hour", cpu, "s", more=f"{cpu_ratio(pairs):.2f}x reading")
    show(f"{name}: speed", fixtures.HOUR / wall, "x rt", more=f"{fixtures.HOUR / cpu:,.0f}x in processor time")


if __name__ == "__main__":
    main()
