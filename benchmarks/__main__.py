"""Runs all benchmarks one after the other, each in a process of its own, and repeats what was missed."""

from __future__ import annotations

import subprocess
import sys
import time

NAMES = ("start", "peaks", "seek", "shrink", "upload", "turnaround", "accuracy", "paint", "list", "alive",
         "edit", "quote_check", "search", "library", "recorder")


def main() -> None:
    """`python -m benchmarks [--long]`; a missed goal is told, it is not an error."""
    began, missed, broken = time.monotonic(), list[str](), list[str]()
    for name in NAMES:
        print(f"\n== {name}", flush=True)
        process = subprocess.Popen([sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:]],
                                   stdout=subprocess.PIPE, text=True)
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            if " MISSED" in line:
                missed.append(f"{name}: {line.strip()}")
        if process.wait():
            broken.append(name)
    print(f"\n{len(missed)} goals missed, {len(broken)} scripts failed {broken or ''}; "
          f"{time.monotonic() - began:.0f} s")
    print("\n".join(missed))
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
