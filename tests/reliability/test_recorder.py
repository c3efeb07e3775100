"""The recorder cannot lose: rows R1 and R3 to R8 of the design, each with a control that must fail."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from desktop.errors import UserError
from desktop.recording import control, recovery
from desktop.recording.messages import Device, State
from tests.reliability.fake_device import RATE, start_recorder
from tests.reliability.harness import Bench, breaks, fill, kill_many, kill_parent, numbers_in

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills")
STOP = 0.05  # seconds that a device still talks when nobody listens any more
LITTLE = {"least_room": 0, "reserve": 0, "room_every": 0.3}


def seed() -> int:
    number = secrets.randbelow(1_000_000)
    print(f"seed {number}")
    return number


# -- R1: kills -------------------------------------------------------------------------------------------------


def test_a_killed_recorder_leaves_all_but_a_moment(tmp_path: Path) -> None:
    found = kill_many(tmp_path, 16, seed())
    print(found)
    assert (found.unreadable, found.gaps) == (0, 0) and found.worst <= 0.25, found


def test_control_a_program_that_keeps_sound_to_itself_is_noticed(tmp_path: Path) -> None:
    assert kill_many(tmp_path, 4, 1, {"buffered": True}).worst > 0.25


def test_control_a_device_that_skips_frames_is_noticed(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "a", {"skips": True})
    bench.wait_for(lambda status: status.elapsed > 1.2)
    bench.stop()
    assert breaks(bench.numbers()) > 0


def test_a_recording_goes_on_in_its_folder_after_its_recorder_died(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "a")
    bench.wait_for(lambda status: status.elapsed > 0.5)
    bench.recorder.set_off_record(True)
    bench.wait_for(lambda status: status.is_off_record)
    bench.kill()
    assert bench.recorder.status().state is State.LOST and bench.recorder.status().alarms == ("recorder_lost",)
    first = bench.numbers()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(control, "start_child", start_recorder({"counter": str(bench.counter)}))
        bench.recorder.restart()
    status = bench.wait_for(lambda status: status.state is State.RECORDING and status.elapsed > len(first) / RATE + 0.3)
    bench.stop()
    assert status.is_off_record, "what was off the record stays so"
    numbers = bench.numbers()
    assert np.array_equal(numbers[:len(first)], first) and breaks(numbers) == 1 and status.elapsed > 0.8
    assert [mark.note for mark in bench.look().marks if "started again" in mark.note]


# -- R3: the window's death ------------------------------------------------------------------------------------


def test_a_recording_survives_its_window_and_ends_by_itself(tmp_path: Path) -> None:
    leftover, given = kill_parent(tmp_path, 0.6, 0.8)
    numbers = numbers_in(leftover)
    assert leftover.is_finished and not leftover.is_running
    assert abs(leftover.seconds - given / RATE) <= 0.05 and breaks(numbers) == 0
    assert leftover.seconds > 1.3  # it went on for the 0.8 s in which a new window might have come
    assert [mark.note for mark in leftover.marks] == ["before the end"]
    assert recovery.leftovers(tmp_path)[0].folder == leftover.folder


# -- R4: the disk is full --------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_what_was_written_before_the_disk_was_full_is_there(small_disk: Path) -> None:
    for left in (310_007,):  # bytes: 1 to 2.5 s
        fill(small_disk, left)
        bench = Bench(small_disk / "a", LITTLE, segment_seconds=0.7)
        full = bench.wait_for(lambda status: "disk_full" in status.alarms)
        noticed = full.elapsed
        assert any(str(small_disk) in sentence for sentence in full.sentences(str(bench.folder.parent)))
        status = bench.stop()
        assert status.state is State.FINISHED and "disk_full" in status.alarms
        numbers = bench.numbers()
        assert len(numbers) and breaks(numbers) == 0 and numbers[0] == 1
        fits = left / RATE / 4
        assert len(numbers) / RATE > fits - 1.0 and noticed < fits + 2.0
        for file in [*bench.folder.iterdir(), small_disk / "filler", bench.counter]:
            file.unlink()
        bench.folder.rmdir()


def test_a_full_disk_that_gets_room_again_loses_nothing(small_disk: Path) -> None:
    fill(small_disk, 400_000)
    bench = Bench(small_disk / "a", LITTLE)
    bench.wait_for(lambda status: "disk_full" in status.alarms)
    (small_disk / "filler").unlink()
    bench.wait_for(lambda status: status.waiting < 0.2 and status.elapsed > 3)
    bench.stop()
    assert breaks(bench.numbers()) == 0 and bench.lost_at_end <= STOP


def test_the_reserve_is_given_free_before_anything_is_lost(small_disk: Path) -> None:
    bench = Bench(small_disk / "a", LITTLE | {"reserve": 600_000})
    bench.wait_for(lambda status: status.elapsed > 0.2)
    assert (bench.folder / "reserve").stat().st_size == 600_000
    fill(small_disk, 200_000)
    bench.wait_for(lambda status: "disk_error" in status.alarms or "disk_full" in status.alarms)
    bench.wait_for(lambda status: status.elapsed > 3)
    assert not (bench.folder / "reserve").exists()
    bench.stop()
    assert breaks(bench.numbers()) == 0 and bench.lost_at_end <= STOP


def test_a_start_without_room_for_ten_minutes_is_refused_and_leaves_nothing(small_disk: Path) -> None:
    bench = Bench(small_disk / "a", {"reserve": 0})
    with pytest.raises(UserError, match="less than 10 minutes"):
        bench.recorder.require_started()
    assert list((small_disk / "a").iterdir()) == []


# -- R5: the device --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("plan", "alarm"), [
    ({"gone": (0.6, 0.8), "back_at": 2.0}, "device_gone"),
    ({"hung": (0.6, 2.2), "close_hangs": 0.5}, "no_sound"),
    ({"hung": (0.6, 2.2), "close_hangs": 600, "hangs": 1.5}, "no_sound"),
])
def test_a_device_that_goes_is_noticed_and_comes_back_with_a_marked_gap(
        tmp_path: Path, plan: dict[str, object], alarm: str) -> None:
    bench = Bench(tmp_path / "a", plan)
    bench.wait_for(lambda status: bench.fed >= 0.58 * RATE)
    began = time.monotonic()
    status = bench.wait_for(lambda status: alarm in status.alarms, 5)
    assert time.monotonic() - began <= 2.0 and status.state is State.INTERRUPTED
    before = status.elapsed
    bench.wait_for(lambda status: status.state is State.RECORDING and status.elapsed > before + 0.3, 12)
    asked = time.monotonic()
    bench.recorder.mark()
    assert time.monotonic() - asked < 0.1
    bench.stop()
    leftover = bench.look()
    assert breaks(numbers_in(leftover)) == 1 and len(leftover.pieces) >= 2
    assert any("no sound came from the device" in mark.note for mark in leftover.marks)


def test_another_device_goes_on_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "a")
    bench.wait_for(lambda status: status.elapsed > 0.3)
    bench.recorder.switch(Device("fake:2", "Other numbers", 2, RATE))
    bench.wait_for(lambda status: status.device == "Other numbers" and status.state is State.RECORDING)
    status = bench.wait_for(lambda status: status.elapsed > 1)
    bench.stop()
    assert breaks(bench.numbers()) == 1 and status.alarms == ()


def test_a_pause_keeps_nothing_and_is_marked(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "a")
    bench.wait_for(lambda status: status.elapsed > 0.3)
    bench.recorder.pause()
    paused = bench.wait_for(lambda status: status.state is State.PAUSED)
    time.sleep(0.5)
    bench.recorder.mark("in the pause")
    assert bench.recorder.status().elapsed == paused.elapsed and any(bench.recorder.status().peaks)
    bench.recorder.resume()
    bench.wait_for(lambda status: status.elapsed > paused.elapsed + 0.3)
    bench.stop()
    marks = bench.look().marks
    assert breaks(bench.numbers()) == 1 and {round(mark.seconds, 2) for mark in marks} == {round(paused.elapsed, 2)}
    assert [mark.note[:12] for mark in marks] == ["Paused for 0", "in the pause"]


def test_complete_silence_is_an_alarm_and_is_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "a", {"zeros": (0.3, 1.9), "watchdog": {"SILENCE": 0.5}})
    bench.wait_for(lambda status: "silent" in status.alarms)
    bench.wait_for(lambda status: "silent" not in status.alarms and status.elapsed > 2)
    bench.stop()
    assert abs(len(bench.numbers()) - bench.fed) <= STOP * RATE


@pytest.mark.parametrize("speed", [0.9])
def test_a_device_at_another_speed_is_an_alarm(tmp_path: Path, speed: float) -> None:
    bench = Bench(tmp_path / "a", {"speed": speed, "watchdog": {"_CALM": 0.0}})
    bench.wait_for(lambda status: "wrong_rate" in status.alarms, 5)
    bench.stop()


def test_control_an_honest_device_gives_no_alarm(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "a", {"watchdog": {"_CALM": 0.0}})
    seen: set[str] = set()
    bench.wait_for(lambda status: seen.update(status.alarms) or status.elapsed > 2.8)
    bench.stop()
    assert seen == set() and bench.lost_at_end <= STOP


# -- R7 and R8: stalls and disk errors -------------------------------------------------------------------------


def test_a_window_that_freezes_loses_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "a")
    bench.wait_for(lambda status: status.elapsed > 0.2)
    with bench.recorder._news:  # nobody reads what the recorder says, as when the window stands still
        end = time.monotonic() + 5
        while time.monotonic() < end:  # and nothing else of this process runs
            sum(range(100_000))
    bench.stop()
    numbers = bench.numbers()
    assert breaks(numbers) == 0 and bench.lost_at_end <= STOP and len(numbers) > 5 * RATE


@pytest.mark.parametrize("plan", [{"slow_sync": 3.0}, {"slow_write": 1.0, "every": 80}])
def test_a_slow_disk_loses_nothing(tmp_path: Path, plan: dict[str, float]) -> None:
    bench = Bench(tmp_path / "a", plan)
    bench.wait_for(lambda status: status.elapsed > 2.0)
    bench.stop()
    assert breaks(bench.numbers()) == 0 and bench.lost_at_end <= STOP


def test_control_a_disk_slower_than_memory_lasts_is_a_marked_gap_and_an_alarm(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "a", {"slow_write": 1.2, "every": 40, "queue": 0.5})
    bench.wait_for(lambda status: "sound_lost" in status.alarms)
    bench.wait_for(lambda status: status.gaps > 0 and status.elapsed > 1, 20)
    bench.stop()
    leftover = bench.look()
    assert breaks(numbers_in(leftover)) >= 1
    assert any("too busy" in mark.note for mark in leftover.marks)


@pytest.mark.parametrize("call", ["eio_write", "eio_sync"])
@pytest.mark.parametrize("number", [9, 31])
def test_a_disk_error_is_an_alarm_and_costs_nothing(tmp_path: Path, call: str, number: int) -> None:
    bench = Bench(tmp_path / "a", {call: number if call == "eio_write" else number // 3 + 3}, segment_seconds=0.9)
    bench.wait_for(lambda status: "disk_error" in status.alarms)
    bench.wait_for(lambda status: status.elapsed > 1.2)
    bench.stop()
    numbers = bench.numbers()
    assert breaks(numbers) == 0 and numbers[0] == 1 and bench.lost_at_end <= STOP
