"""No network at all: the library opens, is read, played and exported, and nothing even tries to connect."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.program import COMMAND, environment, run
from tests.sounds import AUDIO

OFFLINE = """
from desktop import environment
environment.scrub(); environment.harden()
from desktop.audio.cache import CacheFiles
from desktop.audio.peaks import Peaks
from desktop.audio.playback import PlaybackSource
from desktop.exporting import render
from desktop.exports import FORMATS
from desktop.importing import sweep
from desktop.library import Library
from desktop.paths import cache_folder, data_folder
library = Library(data_folder())
library.pause_running_jobs()
sweep(library, cache_folder())
for recording in library.recordings():
    files = CacheFiles(cache_folder(), recording.sha256)
    Peaks.load(files.peaks).columns(0, recording.duration / 100, 100)
    source = PlaybackSource(files.copy)
    source.start(1.0, speed=1.5)
    assert source.read(8000)
    for transcript in library.transcripts(recording.id):
        document = library.document(transcript.id)
        for name in FORMATS:
            assert render(document, name)
        print(len(document.segments), "segments")
"""


def trace_of(home: Path, log: Path, *command: str) -> tuple[subprocess.CompletedProcess[str], str]:
    for program in ("unshare", "strace"):
        assert shutil.which(program), f"{program} is missing: python3 packaging/dev.py test installs it"
    prefix = ["unshare", "--net", "--map-root-user"]
    if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
        prefix = ["unshare", "--net"]
    done = subprocess.run([*prefix, "strace", "-f", "-e", "trace=network", "-o", str(log), *command], text=True,
                          capture_output=True, env=environment(home), timeout=110)
    return done, log.read_text()


def attempts(trace: str) -> list[str]:
    return [line for line in trace.splitlines() if "AF_INET" in line and ("connect(" in line or "sendto(" in line)]


@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux")
def test_the_control_does_connect(home: Path, tmp_path: Path) -> None:
    code = "import socket\ntry: socket.create_connection(('192.0.2.1', 80), 1)\nexcept OSError: pass"
    _, trace = trace_of(home, tmp_path / "log", sys.executable, "-c", code)
    assert attempts(trace)


@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux")
def test_without_a_network_everything_kept_can_be_used(home: Path, tmp_path: Path) -> None:
    assert run(home, "transcribe", AUDIO / "LJ001-0004.flac", "--engine", "device", "--keep").returncode == 0
    done, trace = trace_of(home, tmp_path / "log", sys.executable, "-c", OFFLINE)
    assert done.returncode == 0 and "segments" in done.stdout, done.stderr
    assert attempts(trace) == []


@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux")
def test_without_a_network_an_interview_is_heard_on_the_device(home: Path, tmp_path: Path) -> None:
    done, trace = trace_of(home, tmp_path / "log", *COMMAND, "transcribe", str(AUDIO / "jfk-24k.opus"))
    assert done.returncode == 0 and "ask not what your country" in done.stdout, done.stderr
    assert attempts(trace) == []
