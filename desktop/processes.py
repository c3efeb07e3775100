"""Child processes of our own program, from source and from the frozen executable."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from desktop import environment

# name on the command line -> module with a main(); see desktop/__main__.py
CHILDREN = {
    "decode": "desktop.audio.decode_child",
    "whisper": "desktop.engines.whisper_child",
    "fetch_model": "desktop.engines.fetch_child",
    "record": "desktop.recording.child",
    "alarm": "desktop.audio.alarm",
}


def start_child(name: str, *, with_network: bool = False) -> subprocess.Popen[bytes]:
    """Start a child that speaks over its standard input and output; nothing about the work is in argv."""
    command, extra = _command(name)
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=environment.for_children(with_network) | extra, close_fds=True,
        start_new_session=os.name == "posix",  # Ctrl+C is for us: we end our children ourselves
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0))


def run_child(name: str) -> None:
    """Be that child: called in the new process."""
    import importlib

    importlib.import_module(CHILDREN[name]).main()


def end_child(process: subprocess.Popen[bytes]) -> None:
    """Kill the child at once and collect it. Takes about 10 ms."""
    process.kill()
    for pipe in (process.stdin, process.stdout):
        try:
            if pipe:
                pipe.close()
        except OSError:
            pass  # unwritten input of a dead child
    process.wait()


def _command(name: str) -> tuple[list[str], dict[str, str]]:
    if getattr(sys, "frozen", False):
        return [sys.executable, "--child", name], {}
    root = str(Path(__file__).resolve().parent.parent)
    paths = [root, os.environ.get("PYTHONPATH", "")]
    # -P: a file called json.py where the caller stands must not be run.
    return ([sys.executable, "-P", "-c", f"from desktop.processes import run_child; run_child({name!r})"],
            {"PYTHONPATH": os.pathsep.join(p for p in paths if p)})
