"""Rows R1 to R10 in full: recorders that are killed, starved, lied to, and twelve hours in fast motion."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.reliability import families, power
from tests.reliability.families import CALL, Family
from tests.reliability.fast_motion import record_hours
from tests.reliability.harness import breaks, cut_power, kill_many, kill_parent, numbers_in
from tests.soak.figures import Figures
from tests.test_recording_recovery import KEEP, kill_conversions

_HASTY = KEEP.replace("    recovery.keep", "    [p.path.unlink() for p in leftover.pieces]\n    recovery.keep")


def run(figures: Figures, seed: int, share: float) -> None:
    """All rows; `share` of the full number of each, at least one."""
    def some(full: int) -> int:
        return max(1, round(full * share))

    rows: list[Callable[[Figures, Path, int, Callable[[int], int]], None]] = [
        _kills, _windows, _twelve_hours, _conversions]
    if share >= 0.1:  # the small run leaves to the tests what takes long even once
        rows += [_power_cuts, _full_disks, _devices, _servers, _stalls, _errors]
    for row in rows:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="pq-") as folder:
            row(figures, Path(folder), seed, some)
        figures.remark(f"{row.__name__.removeprefix('_').replace('_', ' ')}: {time.monotonic() - began:.0f} s")


def _kills(figures: Figures, folder: Path, seed: int, some: Callable[[int], int]) -> None:
    found = kill_many(folder / "a", some(200), seed)
    figures.remark(str(found))
    figures.none("R1", f"unreadable files after {found.runs} kills", found.unreadable)
    figures.none("R1", "gaps or repeats", found.gaps)
    figures.add("R1", "most lost at the end", f"{found.worst:.3f} s", "<= 0.25 s", found.worst <= 0.25)
    shutil.rmtree(folder / "a")
    kept = kill_many(folder / "b", 4, seed, {"buffered": True})
    figures.add("R1", "control: a program that keeps a second to itself loses", f"{kept.worst:.3f} s", "> 0.25 s",
                kept.worst > 0.25)


def _power_cuts(figures: Figures, folder: Path, seed: int, some: Callable[[int], int]) -> None:
    if reason := power.why_not():
        figures.remark(f"R2  skipped: {reason}")
        return
    found = cut_power(folder, some(100), seed)
    figures.remark(f"{some(100)} cuts: {found}")
    figures.none("R2", "recordings missing or unreadable", found.missing + found.unreadable)
    figures.none("R2", "gaps or repeats", found.gaps)
    figures.none("R2", "times that less was there than was said to be safe", found.broken)
    figures.add("R2", "most lost at the end", f"{found.worst:.3f} s", "<= 1.0 s", found.worst <= 1.0)
    unsynced = cut_power(folder, 12, seed, {"no_sync": True}, oldest=16.0)
    figures.add("R2", "control: without sync", f"{unsynced.worst:.1f} s lost, {unsynced.unreadable} unreadable",
                "> 5 s", unsynced.worst > 5)


def _windows(figures: Figures, folder: Path, seed: int, some: Callable[[int], int]) -> None:
    def one(number: int) -> tuple[float, bool]:
        own = folder / str(number)
        own.mkdir()
        leftover, given = kill_parent(own, 0.2 + number % 7 * 0.15, 0.5)
        numbers = numbers_in(leftover)
        whole = leftover.is_finished and breaks(numbers) == 0 and [m.note for m in leftover.marks] == ["before the end"]
        return abs(leftover.seconds - given / families.RATE), whole

    with ThreadPoolExecutor(5) as pool:
        found = list(pool.map(one, range(some(50))))
    figures.none("R3", f"of {len(found)} recordings with a killed window not finished by themselves, or not whole",
                 sum(not whole for _, whole in found))
    worst = max(lack for lack, _ in found)
    figures.add("R3", "most that a duration is off", f"{worst:.3f} s", "<= 0.05 s", worst <= 0.05)


def _full_disks(figures: Figures, folder: Path, seed: int, some: Callable[[int], int]) -> None:
    if power.why_not():
        figures.remark("R4  skipped: mounting small disks needs root on Linux")
        return
    found = families.full_disks(folder / "a", some(20), seed)
    _tell(figures, "R4", "full disks", found, alarm=2.0, lost=1.0)
    deaf = families.full_disks(folder / "b", 1, seed, 0.6, {"deaf": True}, patience=4)
    figures.add("R4", "control: a recorder that does not hear of it", f"{len(deaf.wrong)} wrong", "1", bool(deaf.wrong))


def _devices(figures: Figures, folder: Path, seed: int, some: Callable[[int], int]) -> None:
    for kind in ("gone", "hung", "stuck"):
        _tell(figures, "R5", f"devices that are {kind}",
              families.lost_devices(folder / kind, some(10), seed, kind=kind), alarm=2.0)
    _tell(figures, "R5", "devices that give zeros (5 s are allowed)",
          families.wrong_devices(folder / "silent", some(10), seed, kind="silent"), alarm=7.0)
    _tell(figures, "R5", "devices at another speed (0.5 to 1.2 of the rate)",
          families.wrong_devices(folder / "rate", some(10), seed, kind="wrong_rate"), alarm=2.0)
    figures.remark(f"in all of these no call of the window took {1000 * CALL:.0f} ms")
    blind = families.lost_devices(folder / "blind", 1, seed, kind="hung", patience=3,
                                  more={"watchdog": {"NO_SOUND": 1e9}})
    figures.add("R5", "control: without the watchdog", f"{len(blind.wrong)} wrong", "1", bool(blind.wrong))


def _servers(figures: Figures, folder: Path, seed: int, some: Callable[[int], int]) -> None:
    if not shutil.which("pulseaudio"):
        figures.remark("R5  with a real sound server: skipped, PulseAudio is not here")
        return
    for kind in ("hung", "killed"):
        _tell(figures, "R5", f"real sound servers that are {kind}",
              families.lost_servers(folder / kind, some(10), seed, kind=kind), alarm=2.0)


def _twelve_hours(figures: Figures, folder: Path, seed: int, some: Callable[[int], int]) -> None:
    found = record_hours(folder, 12.0 * some(720) / 720)
    figures.remark(str(found))
    figures.none("R6", f"gaps or repeats in {found.hours:.1f} h", found.gaps)
    figures.none("R6", "buckets of the waveform that are wrong", found.wrong_buckets)
    figures.add("R6", "speed", f"{found.speed:.0f}x", ">= 200x", found.speed >= 200)
    figures.add("R6", "memory growth", f"{found.grown / 1e6:.1f} MB", "<= 20 MB", found.grown <= 20e6)
    figures.add("R6", "largest file", f"{found.largest / 1e6:.1f} MB", "<= 100 MB", found.largest <= 100e6)


def _stalls(figures: Figures, folder: Path, seed: int, some: Callable[[int], int]) -> None:
    _tell(figures, "R7", "windows that stand still for 5 s", families.stalls(folder, some(20)))


def _errors(figures: Figures, folder: Path, seed: int, some: Callable[[int], int]) -> None:
    _tell(figures, "R8", "slow disks", families.slow_disks(folder / "slow", some(20), seed))
    for call, name in (("eio_write", "writes"), ("eio_sync", "syncs")):
        numbers = list(range(1, some(50) + 1))
        _tell(figures, "R8", f"{name} of which the n-th fails",
              families.disk_errors(folder / call, numbers, call=call))
    deaf = families.disk_errors(folder / "deaf", [8], call="eio_write", plan={"deaf": True}, patience=4)
    figures.add("R8", "control: a recorder that does not hear of it", f"{len(deaf.wrong)} wrong", "1", bool(deaf.wrong))


def _conversions(figures: Figures, folder: Path, seed: int, some: Callable[[int], int]) -> None:
    figures.none("R10", f"recordings lost or doubled by {some(50)} kills of their conversion",
                 kill_conversions(folder / "a", some(50), seed))
    lost = kill_conversions(folder / "b", 1, seed, _HASTY)
    figures.add("R10", "control: a conversion that drops first", f"{lost} lost", "> 0", lost > 0)


def _tell(figures: Figures, row: str, what: str, found: Family, **most: Any) -> None:
    """A family's figures: `alarm` and `lost` are the most seconds."""
    figures.remark(f"{what}: {found}")
    figures.none(row, f"of {found.runs} {what} wrong", len(found.wrong))
    if "alarm" in most:
        figures.add(row, f"{what}: slowest alarm", f"{found.slowest:.2f} s", f"<= {most['alarm']:.0f} s",
                    found.slowest <= most["alarm"])
    if "lost" in most:
        figures.add(row, f"{what}: most lost", f"{found.worst:.2f} s", f"<= {most['lost']:.1f} s",
                    found.worst <= most["lost"])
