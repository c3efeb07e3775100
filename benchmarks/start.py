"""From nothing to the first paint of the main window, in a fresh process, and what may not be loaded by then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import Timing, alternate, headline, show, wall_ratio

_PAIRS = 9
_LATER = ("google.genai", "keyring", "av", "soundfile", "sounddevice", "faster_whisper")
_SAMPLE = """
from desktop import paths
from desktop.library import Library
from desktop.sample import add_sample
add_sample(Library(paths.data_folder()), paths.cache_folder(), lambda progress: None)
"""
_REFERENCE = "import PySide6.QtWidgets"
# The real start, up to the moment when the event loop is reached again after the frame has painted itself; or, with
# "library", after the library's rows have. What is replaced is looked up by name only then.
_SUBJECT = """
import gc, json, os, sys

def told(*_):
    print(json.dumps(sorted(sys.modules)), flush=True)
    os._exit(0)

def watch(window, files):
    from PySide6.QtCore import QEvent, QObject, QTimer

    class Watch(QObject):
        def eventFilter(self, watched, event):
            if event.type() == QEvent.Type.Paint:
                QTimer.singleShot(0, told)
            return False

    global watching
    watching = Watch()
    assert window.library_panel.model.rowCount()
    window.library_panel.view.viewport().installEventFilter(watching)

gc.disable()  # as __main__ does before this import
from desktop.ui import application

if STAGE == "frame":
    application.fill = told
application.complete_in_turns = watch
from desktop.__main__ import run
run([])
"""


def main() -> None:
    """Measure E1."""
    headline(f"first paint ({_PAIRS} pairs of fresh processes; reference: {_REFERENCE})")
    with tempfile.TemporaryDirectory() as home:
        _run(_SAMPLE, home)  # a library as it is after the first day
        frame, listed = (_SUBJECT.replace("STAGE", repr(stage)) for stage in ("frame", "library"))
        _run(listed, home)  # makes bytecode and a warm disk cache
        modules = json.loads(_run(frame, home)[1])
        runs = alternate(lambda: _run(_REFERENCE, home)[0], lambda: _run(frame, home)[0], _PAIRS)
        show("first paint / import PySide6.QtWidgets", wall_ratio(runs), "x", most=1.6,
             more=f"{1000 * min(run.wall for _, run in runs):.0f} ms at best")
        runs = alternate(lambda: _run(_REFERENCE, home)[0], lambda: _run(listed, home)[0], _PAIRS)
        show("library listed / import PySide6.QtWidgets", wall_ratio(runs), "x",
             more=f"{1000 * min(run.wall for _, run in runs):.0f} ms at best")
    loaded = [name for name in _LATER if name in modules]
    show("heavy libraries loaded by then", len(loaded), "", most=0, more=", ".join(loaded))


def _run(code: str, home: str) -> tuple[Timing, str]:
    root = str(Path(__file__).resolve().parent.parent)
    environment = os.environ | {"PULLQUOTE_HOME": home, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": root,
                                "PYTHONPYCACHEPREFIX": str(Path(home) / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program comes compiled
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    taken = Timing(time.perf_counter() - began)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return taken, done.stdout


if __name__ == "__main__":
    main()
