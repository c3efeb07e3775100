"""Run for minutes what tests run for seconds: jobs under faults, kills, stops, recorders, libraries; prints figures."""

from __future__ import annotations

import argparse
import importlib
import os
import secrets
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("jobs", "kills", "stops", "recorder", "library")


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    jobs: int
    kinds_of_job: int
    kills: int
    states: int | None  # of a job that is stopped; None: all
    share: float  # of the rows R1 to R10 and L1 to L5


FULL = Size(jobs=300, kinds_of_job=30, kills=100, states=None, share=1.0)
QUICK = Size(jobs=12, kinds_of_job=4, kills=4, states=4, share=0.01)


def main(arguments: list[str]) -> int:
    """Run the parts asked for; 1 when a figure is missed."""
    parser = argparse.ArgumentParser(prog="dev.py soak", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small run of everything, in less than 40 seconds")
    parser.add_argument("--seed", type=int, default=None, help="repeat the run that printed this seed")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part (may be given again)")
    options = parser.parse_args(arguments)
    if os.name != "posix":
        print("soak: it kills and stops programs with POSIX signals; run it on Linux or macOS.", file=sys.stderr)
        return 2
    size = QUICK if options.quick else FULL
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    surroundings()
    print(f"soak: seed {seed}", flush=True)
    figures = load("figures").Figures()
    began = time.monotonic()
    for part in options.only or PARTS:
        start = time.monotonic()
        if part == "jobs":
            load("jobs").run(figures, seed, size.jobs, size.kinds_of_job)
        elif part == "kills":
            load("kills").run(figures, seed, size.kills)
        elif part in ("recorder", "library"):
            load(part).run(figures, seed, size.share)
        else:
            load("stops").run(figures, seed, size.states)
        figures.remark(f"{part}: {time.monotonic() - start:.0f} s")
    return summary(figures, seed, time.monotonic() - began)


def summary(figures: Any, seed: int, seconds: float) -> int:
    """The last lines, and the exit code."""
    print(f"soak: {len(figures.found) - len(figures.missed)} of {len(figures.found)} figures met in {seconds:.0f} s "
          f"(seed {seed})")
    for figure in figures.missed:
        print(f"  {figure}")
    return 1 if figures.missed else 0


def load(name: str) -> Any:
    """A module of tests/soak: tests are not typed as strictly as this folder."""
    return importlib.import_module(f"tests.soak.{name}")


def surroundings() -> None:
    """As in tests/conftest.py: nobody's key, no proxies, no window system, and warnings are not for this."""
    for name in list(os.environ):
        if name.upper().startswith(("GEMINI_", "GOOGLE_", "PULLQUOTE_")) or name.upper().endswith("_PROXY"):
            del os.environ[name]
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    warnings.simplefilter("ignore")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
