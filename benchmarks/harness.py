"""How everything here is measured: reference and subject alternate, and the median of the pairwise ratios counts."""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

PAIRS = 5
Pairs = list[tuple["Timing", "Timing"]]  # (reference, subject)


@dataclass(frozen=True)
class Timing:
    """Seconds by the wall clock and of the processor; nan where the processor's were not taken."""

    wall: float
    cpu: float = math.nan


def is_long() -> bool:
    """Whether the 9.5 h files are asked for."""
    return "--long" in sys.argv[1:]


def timed(work: Callable[[], object]) -> Timing:
    """Run `work` once in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu)


def alternate(reference: Callable[[], Timing], subject: Callable[[], Timing], pairs: int = PAIRS) -> Pairs:
    """Reference and subject in turns: A B A B …"""
    return [(reference(), subject()) for _ in range(pairs)]


def wall_ratio(pairs: Pairs) -> float:
    """Median of subject / reference by the wall clock."""
    return statistics.median(subject.wall / reference.wall for reference, subject in pairs)


def cpu_ratio(pairs: Pairs) -> float:
    """Median of subject / reference in processor time; nan when it was not taken."""
    return statistics.median(subject.cpu / reference.cpu if reference.cpu else math.nan for reference, subject in pairs)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0..1) of all do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def headline(text: str) -> None:
    """Begin a group of figures."""
    print(f"\n{text}", flush=True)


def show(label: str, value: float, unit: str, *, most: float | None = None, least: float | None = None,
         more: str = "") -> None:
    """One figure with its goal: `value` may be `most`, or has to be `least`; without either it is only told."""
    goal, verdict = "", ""
    if most is not None:
        goal, verdict = f"goal <= {most:g} {unit}", "reached" if value <= most else "MISSED"
    elif least is not None:
        goal, verdict = f"goal >= {least:g} {unit}", "reached" if value >= least else "MISSED"
    print(f"  {label:<46}{value:>10.4g} {unit:<8} {goal:<22} {verdict:<8} {more}".rstrip(), flush=True)


def skipped(label: str, reason: str) -> None:
    """A figure that could not be taken here."""
    print(f"  {label:<46}   skipped: {reason}", flush=True)
