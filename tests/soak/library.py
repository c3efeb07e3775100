"""Rows L1, L2, L4 and L5 in full: libraries that are killed, cut off from power and damaged; starts that collide."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.reliability import power
from tests.reliability.library_harness import flips
from tests.reliability.library_kills import kills
from tests.reliability.library_power import power_cuts
from tests.reliability.starts import Together, killed_starts, together
from tests.soak.figures import Figures


def run(figures: Figures, seed: int, share: float) -> None:
    """All rows; `share` of the full number of each, at least one."""
    def some(full: int) -> int:
        return max(1, round(full * share))

    rows: list[Callable[[Figures, int, Callable[[int], int]], None]] = [_kills, _flips]
    if share >= 0.1:  # the small run leaves to the tests what takes long even once
        rows += [_power_cuts, _starts, _killed_starts]
    for row in rows:
        began = time.monotonic()
        row(figures, seed, some)
        figures.remark(f"{row.__name__.removeprefix('_').replace('_', ' ')}: {time.monotonic() - began:.0f} s")


def _kills(figures: Figures, seed: int, some: Callable[[int], int]) -> None:
    found = kills(some(200), seed)
    figures.none("L1", f"of {found.commits} recordings lost by {found.kills} kills", len(found.lost))
    figures.none("L1", "databases that are not sound", found.unsound)
    figures.none("L1", "own files that were not caught up", len(found.stale))
    harmed = kills(6, seed, control=True)
    _control(figures, "L1", "without a journal", f"{len(harmed.lost)} lost, {harmed.unsound} not sound",
             bool(harmed.lost or harmed.unsound))


def _power_cuts(figures: Figures, seed: int, some: Callable[[int], int]) -> None:
    if reason := power.why_not():
        figures.remark(f"L2  skipped: {reason}")
        return
    found = power_cuts(some(100), seed)
    figures.none("L2", f"of {found.commits} recordings (in all cuts) lost by {found.cuts} power cuts", len(found.lost))
    figures.none("L2", "databases that are not sound", found.unsound)
    figures.none("L2", "backups that are not sound", len(found.bad_backups))
    figures.none("L2", "own files that were not caught up", len(found.stale))
    harmed = power_cuts(some(8), seed, control=True)
    _control(figures, "L2", "without waiting for the disk", f"{len(harmed.lost)} lost", bool(harmed.lost))


def _flips(figures: Figures, seed: int, some: Callable[[int], int]) -> None:
    for name, found in flips(some(100), seed).items():
        figures.none("L4", f"{name}: of {found.flips} flipped bits unnoticed", len(found.unnoticed))
        figures.none("L4", f"{name}: not brought back", len(found.not_brought_back))
        figures.none("L4", f"{name}: other recordings affected", len(found.others_changed))


def _starts(figures: Figures, seed: int, some: Callable[[int], int]) -> None:
    _tell(figures, "at once", together(some(20)))
    _tell(figures, "at once after a kill", together(some(20), after_kill=True))
    open_lock = together(3, control=True)
    _control(figures, "L5", "without the lock", f"{open_lock.running} of 3 running", open_lock.running > 1, "> 1")


def _tell(figures: Figures, what: str, found: Together) -> None:
    figures.add("L5", f"of {found.starts} starts {what} running", found.running, "1", found.running == 1)
    ended = found.codes[0]
    figures.add("L5", "the others ended well", ended, str(found.starts - 1), ended == found.starts - 1)
    figures.none("L5", "files that were not handed over and imported, or twice",
                 len(found.not_imported) + len(found.twice))


def _killed_starts(figures: Figures, seed: int, some: Callable[[int], int]) -> None:
    found = killed_starts(some(20), seed)
    figures.none("L5", f"of {found.kills} kills after which the next start failed", len(found.failed))
    figures.none("L5", "recordings there twice", len(found.twice))
    figures.none("L5", "problems of the database", len(found.unsound))


def _control(figures: Figures, row: str, what: str, value: str, is_seen: bool, limit: str = "> 0") -> None:
    figures.add(row, f"control: {what}", value, limit, is_seen)
