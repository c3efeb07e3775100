"""The whole recorder on a sound server: what is played is what is kept, sample for sample, and is transcribed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from desktop.library import Library
from desktop.recording.journal import read
from tests.gemini_service import GeminiService
from tests.program import Running, run
from tests.reliability.families import Server
from tests.sounds import AUDIO
from tests.test_cli import with_service

RATE = 48_000
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the null sink is PulseAudio's")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A sound server of our own with one sink."""
    found = Server(tmp_path / "pulse")
    yield found
    found.kill()


@pytest.fixture
def speech(tmp_path: Path) -> np.ndarray:
    """Eight seconds of Kennedy after a moment of noise, in both channels; also in speech.wav."""
    sound, rate = soundfile.read(AUDIO / "jfk-24k.opus", frames=8 * 48_000)
    voice = soxr.resample(sound[:8 * rate], rate, RATE)
    noise = np.random.default_rng(7).normal(0, 0.01, RATE // 2)
    both = np.repeat(np.concatenate([noise, voice])[:, None], 2, axis=1)
    played = (both.clip(-1, 1) * 32_767).astype(np.int16)
    soundfile.write(tmp_path / "speech.wav", played, RATE)
    return played


def test_a_real_recording_is_sample_continuous_and_is_transcribed_here_and_by_the_service(
        home: Path, tmp_path: Path, speech: np.ndarray, server: Server, service: GeminiService) -> None:
    running = record(home, server, "--title", "Speech")
    play(server, tmp_path / "speech.wav")
    running.process.send_signal(signal.SIGINT)
    code, _, said = running.end()
    assert code == 0, said
    library = Library(home / "data")
    (recording,) = library.recordings()
    library.close()
    original = home / "data" / "recordings" / recording.folder / "original.flac"
    check_in_one_piece(soundfile.read(original, dtype="int16")[0], speech)
    here = run(home, "transcribe", original, "--engine", "device", "--keep")
    assert here.returncode == 0 and "what your country can do for you" in here.stdout, here.stderr
    there = run(home, "transcribe", original, "--engine", "gemini", "--keep", **with_service(service))
    assert there.returncode == 0 and there.stdout.strip(), there.stderr
    library = Library(home / "data")
    assert [found.title for found in library.recordings()] == ["Speech"], "the same recording, not another one"
    assert {transcript.engine for transcript in library.transcripts(recording.id)} == {"device", "gemini"}
    library.close()


def record(home: Path, server: Server, *arguments: str) -> Running:
    running = Running(home, "record", "--device", "Monitor of Room", "--channels", "stereo", *arguments,
                      **server.environment)
    running.wait_for_line(lambda line: "Recording." in line or "device" in line)
    return running


def play(server: Server, file: Path) -> None:
    subprocess.run(["paplay", "-d", "room", str(file)], env=os.environ | server.environment, check=True)


@pytest.fixture
def noise(tmp_path: Path) -> np.ndarray:
    """Two seconds that are nowhere alike, and are in noise.wav."""
    sound = np.random.default_rng(5).integers(-9000, 9000, (2 * RATE, 2)).astype(np.int16)
    soundfile.write(tmp_path / "noise.wav", sound, RATE)
    return sound


def check_in_one_piece(recorded: np.ndarray, played: np.ndarray, may_lack: float = 0.0) -> None:
    """What was played is there without a gap; the first 0.1 s (a new sink wakes up) and `may_lack` at the end aside."""
    heard = recorded[np.flatnonzero(recorded.any(axis=1))[0]:]
    late = next(n for n in range(4800) if np.array_equal(heard[:50], played[n:n + 50]))
    length = min(len(heard), len(played) - late)
    assert length >= len(played) - late - may_lack * RATE and np.array_equal(heard[:length], played[late:late + length])


def test_what_is_played_is_in_the_library_sample_for_sample(
        home: Path, tmp_path: Path, noise: np.ndarray,
        server: Server) -> None:
    running = record(home, server, "--title", "Call")
    play(server, tmp_path / "noise.wav")
    running.process.send_signal(signal.SIGINT)
    code, output, said = running.end()
    assert code == 0 and output.startswith("Call\t0:0"), said
    library = Library(home / "data")
    (recording,) = library.recordings()
    library.close()
    file = home / "data" / "recordings" / recording.folder / "original.flac"
    sound, rate = soundfile.read(file, dtype="int16")
    check_in_one_piece(sound, noise)
    assert rate == RATE and recording.duration == len(sound) / RATE and recording.state.value == "ready"
    assert not list((home / "data" / "recordings").glob("*.rec"))
    assert (home / "cache" / f"{recording.sha256}.peaks").exists()


def test_devices_are_listed_by_name(home: Path, server: Server) -> None:
    running = Running(home, "record", "--devices", **server.environment)
    assert running.end()[1].split("\t") == ["Monitor of Room", "room.monitor", "what this computer plays\n"]


def test_a_sound_server_that_hangs_and_comes_back_is_a_marked_gap(
        home: Path, tmp_path: Path, noise: np.ndarray,
        server: Server) -> None:
    running = record(home, server)
    server.signal(signal.SIGSTOP)
    began = time.monotonic()
    running.wait_for_line(lambda line: "No sound comes from Monitor of Room" in line, 10)
    assert time.monotonic() - began <= 2.5  # 1 s without sound, then at most 2
    threading.Timer(1.0, server.signal, [signal.SIGCONT]).start()
    folder = next((home / "data" / "recordings").glob("*.rec"))
    end = time.monotonic() + 15
    while not (folder / "0002.wav").exists() and time.monotonic() < end:
        time.sleep(0.05)
    play(server, tmp_path / "noise.wav")
    running.process.send_signal(signal.SIGINT)
    code, _, said = running.end()
    assert code == 0, said
    library = Library(home / "data")
    (recording,) = library.recordings()
    notes = [mark.note for mark in library.desk(recording.id).marks]
    library.close()
    sound, _ = soundfile.read(home / "data" / "recordings" / recording.folder / "original.flac", dtype="int16")
    check_in_one_piece(sound, noise)
    assert notes and all(re.match(r"Interrupted for 0:0\d\.\d: no sound came from the device", n) for n in notes)


def test_a_device_that_is_not_there_is_refused_with_its_name(
        home: Path, server: Server) -> None:
    running = Running(home, "record", "--device", "Elsewhere", **server.environment)
    code, output, said = running.end()
    assert (code, output) == (1, "") and "Elsewhere cannot be opened" in said
    assert list((home / "data" / "recordings").iterdir()) == []


def test_a_killed_command_line_can_be_recovered(
        home: Path, tmp_path: Path, noise: np.ndarray,
        server: Server) -> None:
    running = record(home, server, "--output", str(tmp_path / "a.wav"))
    play(server, tmp_path / "noise.wav")
    folder = next((home / "data" / "recordings").glob("*.rec"))
    recorder = next(entry["pid"] for entry in read(folder) if entry["what"] == "start")
    running.process.kill()
    os.kill(recorder, signal.SIGKILL)
    running.end()
    code, output, said = Running(home, "record", "--recover", **server.environment).end()
    assert code == 0 and output.startswith("Recording 20"), said
    library = Library(home / "data")
    (recording,) = library.recordings()
    library.close()
    sound, _ = soundfile.read(home / "data" / "recordings" / recording.folder / "original.flac", dtype="int16")
    check_in_one_piece(sound, noise, may_lack=0.25)
    assert not folder.exists() and not (tmp_path / "a.wav").exists()
