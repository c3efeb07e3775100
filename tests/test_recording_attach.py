"""A recorder and the windows that come and go: it is found again, told to stop, and keeps the computer awake."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from desktop import environment
from desktop.audio.peaks import bucket_size
from desktop.recording import awake, channel, control, recovery
from desktop.recording.audience import Audience
from desktop.recording.journal import Journal, is_in_use, read
from desktop.recording.messages import State, Status, read_status
from desktop.recording.sounds import Meter, Sound
from tests.reliability.fake_device import RATE, ROOT, fed
from tests.reliability.harness import Bench, breaks, killed_parent, numbers_in

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills; on Windows attaching is untested")


def until(happened: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


# -- the window dies and another one comes -----------------------------------------------------------------------


def test_a_new_window_finds_the_recorder_of_a_dead_one_and_nothing_is_missing(tmp_path: Path) -> None:
    folder = killed_parent(tmp_path, 0.4, 30.0)
    recorder = control.attach(folder)
    assert recorder is not None and recorder.title == "Talk"
    status = recorder.require_started()
    recorder.mark("by the second window")
    recorder.set_off_record(True)
    until(lambda: recorder.status().is_off_record)
    until(lambda: recorder.status().elapsed > status.elapsed + 0.4)
    recorder.stop()
    assert recorder.wait(20).state is State.FINISHED
    until(lambda: not is_in_use(folder))
    leftover = recovery.look(folder, verify=True)
    numbers = numbers_in(leftover)
    assert breaks(numbers) == 0 and numbers[0] == 1 and abs(fed(tmp_path / "fed") - int(numbers[-1])) <= 0.1 * RATE
    assert [mark.note for mark in leftover.marks] == ["before the end", "by the second window"]
    assert leftover.is_finished and len(leftover.withheld) == 1


def test_a_new_window_sees_the_waveform_from_the_beginning(tmp_path: Path) -> None:
    folder = killed_parent(tmp_path, 0.6, 30.0)
    recorder = control.attach(folder)
    assert recorder is not None
    recorder.require_started()
    elapsed = recorder.stop() or recorder.wait(20).elapsed
    peaks = recorder.peaks()
    assert abs(peaks.seconds - elapsed) < 0.1
    lowest, highest = (column.astype(int) for column in (peaks.levels[0][:20, 0], peaks.levels[0][:20, 1]))
    assert (highest - lowest > 0).all(), "the first tenth of a second, which the first window was told, is there, too"


def test_without_a_second_window_the_recorder_ends_by_itself(tmp_path: Path) -> None:
    folder = killed_parent(tmp_path, 0.2, 0.3)
    until(lambda: not is_in_use(folder))
    assert control.attach(folder) is None and recovery.look(folder).is_finished


def test_two_windows_see_the_same_and_one_that_hangs_stops_nobody(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "a")
    bench.wait_for(lambda status: status.elapsed > 0.2)
    second = control.attach(bench.folder)
    assert second is not None
    with bench.recorder._news:  # the first one reads no more
        until(lambda: second.status().elapsed > 0.8)
        assert second.status().alarms == ()
    second.stop()
    assert second.wait(20).state is bench.recorder.wait(20).state is State.FINISHED
    assert bench.recorder.peaks().seconds == second.peaks().seconds > 0.8


def test_a_recorder_that_dies_under_its_second_window_is_started_again_by_it(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.reliability.fake_device import start_recorder

    folder = killed_parent(tmp_path, 0.3, 30.0)
    recorder = control.attach(folder)
    assert recorder is not None
    before = recorder.require_started().elapsed
    os.kill(next(entry["pid"] for entry in read(folder) if entry["what"] == "start"), signal.SIGKILL)
    assert recorder.wait(10).state is State.LOST
    monkeypatch.setattr(control, "start_child", start_recorder({"counter": str(tmp_path / "fed")}))
    recorder.restart()
    until(lambda: recorder.status().state is State.RECORDING and recorder.status().elapsed > before + 0.3)
    recorder.stop()
    recorder.wait(20)
    assert abs(recorder.peaks().seconds - recorder.status().elapsed) < 0.1
    leftover = recovery.look(folder, verify=True)
    assert breaks(numbers_in(leftover)) <= 1 and {file.suffix for file in folder.iterdir()} == {".wav", ".jsonl"}


def test_a_recording_that_goes_on_keeps_its_rate_and_channels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.reliability.fake_device import start_recorder

    bench = Bench(tmp_path / "a", rate=32_000)
    bench.wait_for(lambda status: status.elapsed > 0.1)
    bench.kill()
    monkeypatch.setattr(control, "start_child", start_recorder({"counter": str(bench.counter)}))
    again = control.Recorder(bench.folder, channels=1)  # the device's own rate is another one
    status = again.require_started()
    assert (status.rate, status.channels, again.status().first_bucket > 0) == (32_000, 2, True)
    again.stop()
    again.wait(20)
    assert bench.look().strangers == () and len(bench.look().pieces) == 2


# -- the door ----------------------------------------------------------------------------------------------------


def test_nobody_enters_without_the_key_and_no_socket_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    entered: list[channel.Wire] = []
    door, journal = channel.Door(entered.append), Journal(tmp_path)
    journal.add("start", door=door.entry | {"key": "00" * 16})
    assert channel.enter(tmp_path) is None and entered == []
    journal.add("start", door=door.entry)
    link = channel.enter(tmp_path)
    until(lambda: len(entered) == 1)
    assert link is not None
    assert stat.S_IMODE(Path(door.entry["address"]).parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "journal.jsonl").stat().st_mode) == 0o600
    entered[0].say(b"a\n")
    assert next(link.lines()) == b"a\n"
    door.close()
    journal.close()
    assert channel.enter(tmp_path) is None and {file.name for file in tmp_path.iterdir()} == {"journal.jsonl"}


@pytest.mark.parametrize("door", [None, 3, {}, {"address": "/nowhere", "key": "00"}, {"address": "x", "key": "no hex"},
                                  {"address": "x" * 300, "key": "00"}, {"key": "00"}])
def test_a_journal_with_a_wrong_door_leads_nowhere(tmp_path: Path, door: object) -> None:
    journal = Journal(tmp_path)
    journal.add("start", door=door)
    assert control.attach(tmp_path) is None
    journal.close()


def test_a_computer_without_a_place_for_sockets_records_all_the_same(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    bench = Bench(long / "a")
    bench.wait_for(lambda status: status.elapsed > 0.1)
    assert control.attach(bench.folder) is None
    assert bench.stop().state is State.FINISHED and len(bench.numbers()) > 0.1 * RATE


def test_who_comes_late_is_told_all_that_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wire:
        def __init__(self) -> None:
            self.told: list[Status] = []

        def say(self, line: bytes) -> None:
            self.told.append(read_status(line))

        def lines(self) -> Iterator[bytes]:
            ended.wait()
            return iter(())

        def close(self) -> None:
            pass

    ended, meter = threading.Event(), Meter(RATE, 1)
    monkeypatch.setattr("desktop.recording.audience._MOST_REMEMBERED", 3 << 20)
    audience = Audience(Status, lambda wish: None, meter, first_bucket=7)
    bucket = bucket_size(RATE)
    sound = np.arange(bucket * 1000, dtype=np.int16)
    for _ in range(1500):
        meter.see(Sound(sound.tobytes(), True))
        audience.collect()
    late = Wire()
    audience.welcome(late)
    audience.end(10)
    ended.set()
    heard = [status for status in late.told if status.buckets]
    assert len(heard) == 1 and heard[0].first_bucket + len(heard[0].buckets) // 3 == 7 + 1_500_000
    assert 3 << 20 <= len(heard[0].buckets) <= 4 << 20


# -- the end of the session --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_end_of_the_session_finishes_the_recording(tmp_path: Path, number: signal.Signals) -> None:
    bench = Bench(tmp_path / "a")
    bench.wait_for(lambda status: status.elapsed > 0.3)
    assert bench.recorder._process is not None
    bench.recorder._process.send_signal(number)
    assert bench.recorder.wait(20).state is State.FINISHED
    leftover = bench.look()
    assert leftover.is_finished and breaks(numbers_in(leftover)) == 0 and bench.lost_at_end <= 0.05


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_line_whose_terminal_closes_ends_its_recorder_at_once(
        tmp_path: Path, number: signal.Signals) -> None:
    counter = tmp_path / "fed"
    counter.write_bytes(bytes(8))
    code = ("import sys, json\nfrom desktop.recording import control\nfrom desktop import cli\n"
            "from tests.reliability.fake_device import start_recorder\n"
            "control.start_child = start_recorder(json.loads(sys.argv[1]))\n"
            "sys.exit(cli.main(['record'], ''))\n")
    home = {"PULLQUOTE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-P", "-c", code, json.dumps({"counter": str(counter)})],
                          env=os.environ | home, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stderr
        lines = iter(process.stderr.readline, b"")
        assert any(line.startswith(b"Recording.") for line in lines)
        process.send_signal(number)
        rest = process.stderr.read().decode()
    assert process.returncode == 128 + number and "Traceback" not in rest and "--recover" in rest
    (leftover,) = recovery.leftovers(tmp_path / "home" / "data" / "recordings")
    assert leftover.is_finished and not leftover.is_running and leftover.channels == 1


# -- sleep -------------------------------------------------------------------------------------------------------


@pytest.fixture
def inhibitor(tmp_path: Path) -> Path:
    """A folder for PATH with what stands in for the system's own program; it notes its arguments and its end."""
    folder = tmp_path / "bin"
    folder.mkdir()
    name = "caffeinate" if sys.platform == "darwin" else "systemd-inhibit"
    (folder / name).write_text(f"#!/bin/sh\ntrap 'echo ended >> {tmp_path}/said; exit' TERM\n"
                               f"echo \"$@\" >> {tmp_path}/said\nexec 3<&0; cat <&3 & wait $!\n"
                               f"echo ended >> {tmp_path}/said\n")
    (folder / name).chmod(0o700)
    return folder


def said(tmp_path: Path) -> list[str]:
    return (tmp_path / "said").read_text().splitlines() if (tmp_path / "said").exists() else []


@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_the_computer_stays_awake_as_long_as_the_recorder_records(
        tmp_path: Path, inhibitor: Path, ending: str) -> None:
    path = {"environment": {"PATH": f"{inhibitor}:/usr/bin:/bin"}}
    bench = Bench(tmp_path / "a", path)
    bench.wait_for(lambda status: status.elapsed > 0.1)
    until(lambda: len(said(tmp_path)) == 1)
    assert "sleep:idle" in said(tmp_path)[0] or sys.platform == "darwin"
    bench.stop() if ending == "stop" else bench.kill()
    if sys.platform == "linux" or ending == "stop":
        until(lambda: said(tmp_path)[1:] == ["ended"])


def test_programs_of_the_system_do_not_get_the_libraries_of_a_frozen_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/ours")
    assert environment.for_system_programs()["LD_LIBRARY_PATH"] == "/ours", "from source it is the user's own"
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert "LD_LIBRARY_PATH" not in environment.for_system_programs()
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/theirs")
    assert environment.for_system_programs()["LD_LIBRARY_PATH"] == "/theirs"


def test_without_such_a_program_recording_goes_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "a", {"environment": {"PATH": str(tmp_path)}})
    status = bench.wait_for(lambda status: status.elapsed > 0.1)
    assert status.alarms == () and bench.stop().state is State.FINISHED


def test_control_an_inhibitor_outside_a_recording_is_not_started(
        tmp_path: Path, inhibitor: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{inhibitor}:/usr/bin:/bin")
    assert said(tmp_path) == []
    with awake.kept():
        until(lambda: len(said(tmp_path)) == 1)
    until(lambda: said(tmp_path)[1:] == ["ended"])
