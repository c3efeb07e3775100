"""The recorder cannot lose: rows R1 to R8 of the design, each with a control that must fail; the soak runs more."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from desktop.errors import UserError
from desktop.recording import control, recovery
from desktop.recording.messages import Device, State
from tests.fakes import until
from tests.reliability.fake_device import RATE, start_recorder
from tests.reliability.families import (
    LITTLE,
    STOP,
    Server,
    disk_errors,
    full_disks,
    lost_devices,
    lost_servers,
    slow_disks,
    small_disk,
    stalls,
    wrong_devices,
)
from tests.reliability.harness import Bench, breaks, cut_power, fill, kill_many, kill_parent, numbers_in
from tests.reliability.power import why_not

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills")
needs_mounts = pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounting a disk needs root")


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


# -- R2: power cuts --------------------------------------------------------------------------------------------


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_what_was_said_to_be_safe_survives_a_power_cut(tmp_path: Path) -> None:
    found = cut_power(tmp_path, 5, seed(), oldest=3.0)
    print(found)
    assert (found.missing, found.unreadable, found.gaps, found.broken) == (0, 0, 0, 0) and found.worst <= 1.0, found


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_control_a_recorder_that_does_not_sync_is_noticed(tmp_path: Path) -> None:
    found = cut_power(tmp_path, 2, 1, {"no_sync": True}, oldest=8.0, youngest=1.5)
    assert found.broken, found


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
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB."""
    with small_disk(tmp_path / "disk") as folder:
        yield folder


@needs_mounts
def test_what_was_written_before_the_disk_was_full_is_there(tmp_path: Path) -> None:
    found = full_disks(tmp_path, 4, seed(), 2.5)
    assert found.wrong == [] and found.slowest <= 2 and found.worst <= 1, found


@needs_mounts
def test_control_a_recorder_that_does_not_hear_of_a_full_disk_is_noticed(tmp_path: Path) -> None:
    assert full_disks(tmp_path, 1, 1, 0.6, {"deaf": True}, patience=3).wrong


@needs_mounts
def test_what_a_full_disk_did_not_take_is_said_with_its_length(disk: Path) -> None:
    fill(disk, 400_000)
    bench = Bench(disk / "a", LITTLE)
    bench.wait_for(lambda status: "disk_full" in status.alarms and status.elapsed > 3.5)
    bench.stop()
    (mark,) = bench.look().marks
    assert "could not be written" in mark.note and mark.seconds == bench.look().seconds


@needs_mounts
def test_a_full_disk_that_gets_room_again_loses_nothing(disk: Path) -> None:
    fill(disk, 400_000)
    bench = Bench(disk / "a", LITTLE)
    bench.wait_for(lambda status: "disk_full" in status.alarms)
    (disk / "filler").unlink()
    bench.wait_for(lambda status: status.waiting < 0.2 and status.elapsed > 3)
    bench.stop()
    assert breaks(bench.numbers()) == 0 and bench.lost_at_end <= STOP


@needs_mounts
def test_the_reserve_is_given_free_before_anything_is_lost(disk: Path) -> None:
    bench = Bench(disk / "a", LITTLE | {"reserve": 600_000})
    bench.wait_for(lambda status: status.elapsed > 0.2)
    assert (bench.folder / "reserve").stat().st_size == 600_000
    fill(disk, 200_000)
    bench.wait_for(lambda status: "disk_error" in status.alarms or "disk_full" in status.alarms)
    bench.wait_for(lambda status: status.elapsed > 3)
    assert not (bench.folder / "reserve").exists()
    bench.stop()
    assert breaks(bench.numbers()) == 0 and bench.lost_at_end <= STOP


@needs_mounts
def test_a_start_without_room_for_ten_minutes_is_refused_and_leaves_nothing(disk: Path) -> None:
    bench = Bench(disk / "a", {"reserve": 0})
    with pytest.raises(UserError, match="less than 10 minutes"):
        bench.recorder.require_started()
    assert list((disk / "a").iterdir()) == []


# -- R5: the device --------------------------------------------------------------------------------------------


def test_a_device_that_goes_is_noticed_and_comes_back_with_a_marked_gap(tmp_path: Path) -> None:
    found = lost_devices(tmp_path, 6, seed())
    assert found.wrong == [] and found.slowest <= 2, found


def test_control_a_recorder_without_its_watchdog_is_noticed(tmp_path: Path) -> None:
    assert lost_devices(tmp_path, 1, 1, kind="hung", more={"watchdog": {"NO_SOUND": 1e9}}, patience=2).wrong


@pytest.mark.skipif(sys.platform != "linux", reason="the null source is PulseAudio's")
def test_a_real_sound_server_that_goes_is_noticed_and_comes_back_with_a_marked_gap(tmp_path: Path) -> None:
    found = lost_servers(tmp_path, 2, seed())
    assert found.wrong == [] and found.slowest <= 2, found


@pytest.mark.skipif(sys.platform != "linux", reason="the sound server is PulseAudio")
def test_a_microphone_that_is_pulled_out_is_noticed_and_no_other_is_recorded_in_its_place(tmp_path: Path) -> None:
    """The server moves the stream to the next source without a word; sound goes on coming."""
    server = Server(tmp_path / "pulse")
    microphone = ("load-module", "module-remap-source", "source_name=mic", "master=room.monitor",
                  "source_properties=device.description=Microphone")
    try:
        module = server.pactl(*microphone)
        recorder = server.recorder(tmp_path / "recordings", "Microphone")
        recorder.require_started()
        until(lambda: recorder.status().elapsed > 1)
        server.pactl("unload-module", module)
        until(lambda: "device_gone" in recorder.status().alarms, 3)
        until(lambda: not server.pactl("list", "short", "source-outputs"))
        elapsed = recorder.status().elapsed
        until(lambda: recorder.status().state is State.INTERRUPTED)
        assert server.pactl("list", "short", "sources").count("\n") == 0, "there is another source, and it is not used"
        server.pactl(*microphone)
        until(lambda: recorder.status().state is State.RECORDING and recorder.status().elapsed > elapsed + 0.5)
        recorder.stop()
        assert recorder.wait(10).state is State.FINISHED
        assert [mark.note[:11] for mark in recovery.look(recorder.folder, verify=True).marks] == ["Interrupted"]
    finally:
        server.kill()


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


@pytest.mark.parametrize("kind", ["silent", "wrong_rate"])
def test_a_device_that_gives_something_else_is_an_alarm_and_all_is_kept(tmp_path: Path, kind: str) -> None:
    found = wrong_devices(tmp_path, 2, seed(), kind=kind, quick=True)
    assert found.wrong == [] and found.slowest <= 2, found


def test_control_an_honest_device_gives_no_alarm(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "a")
    seen: set[str] = set()
    bench.wait_for(lambda status: seen.update(status.alarms) or status.elapsed > 2.8)
    bench.stop()
    assert seen == set() and bench.lost_at_end <= STOP


# -- R7 and R8: stalls and disk errors -------------------------------------------------------------------------


def test_a_window_that_freezes_for_five_seconds_loses_nothing(tmp_path: Path) -> None:
    found = stalls(tmp_path, 2)
    assert found.wrong == [], found


def test_a_slow_disk_loses_nothing(tmp_path: Path) -> None:
    found = slow_disks(tmp_path, 2, seed(), sync=1.5)
    assert found.wrong == [], found


def test_control_a_disk_slower_than_memory_lasts_is_a_marked_gap_and_an_alarm(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "a", {"slow_write": 1.2, "every": 40, "queue": 0.5})
    bench.wait_for(lambda status: "sound_lost" in status.alarms)
    bench.wait_for(lambda status: status.gaps > 0 and status.elapsed > 1, 20)
    bench.stop()
    leftover = bench.look()
    assert breaks(numbers_in(leftover)) >= 1
    assert any("too busy" in mark.note for mark in leftover.marks)


@pytest.mark.parametrize("call", ["eio_write", "eio_sync"])
def test_a_disk_error_is_an_alarm_and_costs_nothing(tmp_path: Path, call: str) -> None:
    found = disk_errors(tmp_path, [1, 2, 4, 5, 9, 31] if call == "eio_write" else [1, 3, 5, 6], call=call)
    assert found.wrong == [], found


def test_control_a_recorder_that_does_not_hear_of_disk_errors_is_noticed(tmp_path: Path) -> None:
    assert disk_errors(tmp_path, [8], call="eio_write", plan={"deaf": True}, patience=3).wrong
