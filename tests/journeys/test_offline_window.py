"""No network at all: the window starts, browses, plays and exports without one attempt to connect."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("offline_window.py")
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces and strace are Linux's")
def test_window_without_network_never_tries_to_connect(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    command = [sys.executable, str(SCRIPT), str(tmp_path / "out.vtt")]
    assert shutil.which("strace"), "strace is missing: packaging/dev.py test installs it"
    command = ["strace", "-f", "-qq", "-e", "trace=connect,sendto", "-o", str(trace), *command]
    if os.geteuid() == 0:
        command = ["unshare", "-n", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, cwd=ROOT, check=False,
                          env=os.environ | {"PYTHONPATH": str(ROOT), "PULLQUOTE_HOME": str(tmp_path / "home")})
    assert done.stdout.split("\n")[:3] == ["browsed 7", "played", "exported"], done.stderr[-2000:]
    assert (tmp_path / "out.vtt").read_text("utf-8").startswith("WEBVTT")
    assert attempts(trace) == []


def attempts(trace: Path) -> list[str]:
    """Lines of a strace that go to an internet address."""
    return re.findall(r"(?:connect|sendto)\(.*AF_INET6?.*", trace.read_text("utf-8", "replace"))


@pytest.mark.skipif(sys.platform != "linux", reason="strace is Linux's")
def test_the_watch_would_see_an_attempt(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    knock = "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"
    subprocess.run(["strace", "-f", "-qq", "-e", "trace=connect,sendto", "-o", str(trace), sys.executable, "-c", knock],
                   check=True)
    assert len(attempts(trace)) == 1  # the control
