"""What is sent to an engine: an hour of 48 kHz stereo, from its playback copy, as 16 kHz mono FLAC in 10 min parts."""

from __future__ import annotations

from benchmarks import fixtures
from benchmarks.harness import Timing, alternate, cpu_ratio, headline, show, skipped, timed, wall_ratio
from benchmarks.seek import playback_copy
from desktop.audio.files import PlaybackCopy, flac
from desktop.model import TimeRange

_PART = 600.0


def main() -> None:
    """Measure G1."""
    original = fixtures.recording(fixtures.HOUR, "wav")
    parts = int(fixtures.HOUR / _PART)
    headline(f"shrink, 1 h of WAV ({parts} pairs, one per part; reference: reading the playback copy)")
    with PlaybackCopy(playback_copy(original)) as copy:
        _read(copy, 0)
        before = _most_memory()
        sizes: list[int] = []
        numbers = iter([number for number in range(parts) for _ in "ab"])
        runs = alternate(lambda: _read(copy, next(numbers)), lambda: _shrink(copy, next(numbers), sizes), parts)
        after = _most_memory()
    subjects = [subject for _, subject in runs]
    show("speed by the wall clock", fixtures.HOUR / sum(run.wall for run in subjects), "x rt", least=300)
    show("speed in processor time", fixtures.HOUR / sum(run.cpu for run in subjects), "x rt", least=300)
    show("shrinking / reading", wall_ratio(runs), "x", more=f"cpu {cpu_ratio(runs):.2f}x")
    show("bytes sent / bytes of the original", sum(sizes) / original.stat().st_size, "", most=0.1)
    if after:
        show("memory on top", after - before, "MB", most=60)
    else:
        skipped("memory on top", "this system does not tell")


def _range(number: int) -> TimeRange:
    return TimeRange(number * _PART, (number + 1) * _PART)


def _read(copy: PlaybackCopy, number: int) -> Timing:
    def read() -> None:
        for _ in copy.blocks(_range(number), silent=()):
            pass

    return timed(read)


def _shrink(copy: PlaybackCopy, number: int, sizes: list[int]) -> Timing:
    return timed(lambda: sizes.append(len(flac(copy.speech(_range(number), silent=())))))


def _most_memory() -> float:
    """Most megabytes this process ever held; 0 where that cannot be asked."""
    try:
        import resource
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    main()
