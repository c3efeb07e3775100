"""From nothing to the list of a library with 10,000 recordings, beside the same with one."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.fixtures import fill
from benchmarks.harness import Timing, alternate, headline, show
from desktop.library import Library
from desktop.paths import private_folder

_PAIRS, _RECORDINGS = 7, 10_000
# The real start, up to the moment when all recordings are rows of the list and the window has painted itself.
_START = """
import json, os, sys, time
from desktop import environment
environment.scrub(); environment.harden()
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QListView, QTreeView
from desktop.ui import application

class Watch(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            QTimer.singleShot(0, painted)
        return False

def painted():
    shown = [view.model().rowCount() for view in window.findChildren(QListView) + window.findChildren(QTreeView)
             if view.model() is not None and view.isVisible()]
    if max(shown, default=0) >= int(sys.argv[1]):
        print(json.dumps([time.process_time(), max(shown)]), flush=True)
        os._exit(0)
    QTimer.singleShot(1, painted)

watch = Watch()
make_frame = application.make_frame

def watched_frame():
    global window
    window = make_frame()
    window.installEventFilter(watch)
    return window

application.make_frame = watched_frame
application.after_first_paint = lambda window, files: None
application.run_window([])
"""


def main() -> None:
    """Measure the start until all recordings are listed."""
    headline(f"start to list, {_RECORDINGS:,} recordings ({_PAIRS} pairs of fresh processes; reference: one recording)")
    with tempfile.TemporaryDirectory(prefix="pullquote-benchmark-") as name:
        few, many = Path(name, "few"), Path(name, "many")
        for home, recordings in ((few, 1), (many, _RECORDINGS)):
            _make(home, recordings)
            _start(home, recordings)  # makes bytecode and a warm disk cache
        pairs = alternate(lambda: _start(few, 1), lambda: _start(many, _RECORDINGS), _PAIRS)
    more_cpu = statistics.median(subject.cpu - reference.cpu for reference, subject in pairs)
    more = statistics.median(subject.wall - reference.wall for reference, subject in pairs)
    bare = statistics.median(reference.wall for reference, _ in pairs)
    show("until all are listed, more than a bare start", more, "s", most=0.5,
         more=f"processor {more_cpu:.2f} s; bare start {bare:.2f} s, with all {bare + more:.2f} s")


def _make(home: Path, recordings: int) -> None:
    private_folder(home)
    library = Library(private_folder(home / "data"))
    for _ in fill(library, recordings, lines=4):
        pass
    library.close()


def _start(home: Path, recordings: int) -> Timing:
    root = str(Path(__file__).resolve().parent.parent)
    environment = os.environ | {"PULLQUOTE_HOME": str(home), "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": root,
                                "PYTHONPYCACHEPREFIX": str(home.parent / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program comes compiled
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _START, str(recordings)], env=environment, capture_output=True,
                          text=True, timeout=120)
    taken = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(done.stderr)
    return Timing(taken, float(json.loads(done.stdout)[0]))


if __name__ == "__main__":
    main()
