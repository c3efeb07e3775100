"""The recorder's parts: messages, journal, queue, meter, watchdog, and hours in fast motion."""

from __future__ import annotations

import random
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from desktop.audio.peaks import Summary, bucket_size
from desktop.recording import messages
from desktop.recording.journal import Journal, is_in_use, read
from desktop.recording.messages import ALARMS, Order, State, Status, read_order, read_status, read_wish, write_status
from desktop.recording.sounds import Cut, Meter, Sound, SoundQueue
from desktop.recording.watchdog import Seen, Watchdog
from desktop.recording.writer import header
from tests.reliability.fast_motion import Reader, record_hours
from tests.sounds import tone

RATE = 48_000
FINE = Seen(opened_at=100.0, heard_at=0.0, loud_at=0.0, frames=0, rate=RATE, waiting=0.0, room=1e6, is_gone=False,
            lost=0, disk="")


# -- messages, journal, queue, meter ---------------------------------------------------------------------------


def test_a_status_survives_the_pipe() -> None:
    status = Status(State.PAUSED, ("silent",), "", "Mic\n", 44_100, 2, 1.5, 1.25, 0.25, 600.0, 1, True, (0.5, 1.0),
                    True, b"\x00\xff\n")
    line = write_status(status)
    assert line.count(b"\n") == 1 and read_status(line) == status


@pytest.mark.parametrize("line", [b"", b"[]", b"{", b'{"state": "dancing"}', b'{"state": "failed", "buckets": "%"}',
                                  b'{"peaks": 3}', b"\xff"])
def test_nonsense_is_no_status(line: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        read_status(line)


@pytest.mark.parametrize("change", [{"channels": 3}, {"rate": 96_000}, {"segment_seconds": 0}])
def test_orders_that_cannot_be_carried_out_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        read_order(messages.write_order(Order("x", **change)))  # type: ignore[arg-type]
    assert read_order(messages.write_order(Order("x", "Mic", 2, 44_100))).bytes_per_second == 176_400


def test_a_wish_has_a_name() -> None:
    assert read_wish(messages.write_wish("mark", note="a\nb")) == {"wish": "mark", "note": "a\nb"}
    with pytest.raises(ValueError):
        read_wish(b'{"wish": 3}')


def test_every_alarm_has_a_sentence_with_what_it_names() -> None:
    status = Status(alarms=tuple(ALARMS), device="Mic")
    sentences = status.sentences("/disk")
    assert len(sentences) == len(ALARMS) and all("{" not in sentence for sentence in sentences)
    assert all("/disk" in sentence for code, sentence in zip(ALARMS, sentences, strict=True) if code.startswith("disk"))


def test_half_a_line_in_the_journal_harms_no_other(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add("mark", note="ü\n")
    journal.close()
    with open(tmp_path / "journal.jsonl", "ab") as file:
        file.write(b'{"what": "ma')
    journal = Journal(tmp_path)
    journal.add("finished")
    assert is_in_use(tmp_path)
    journal.close()
    assert [entry["what"] for entry in read(tmp_path)] == ["mark", "finished"] and not is_in_use(tmp_path)


def test_a_look_at_a_folder_does_not_keep_a_recorder_from_starting(tmp_path: Path) -> None:
    looking = Journal(tmp_path)
    threading.Timer(0.05, looking.close).start()
    Journal(tmp_path).close()


def test_a_journal_is_synced_only_when_something_was_added_and_written(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from desktop.recording import disk

    journal, synced, write = Journal(tmp_path), list[int](), disk.write
    monkeypatch.setattr(disk, "sync", synced.append)
    journal.add("mark")
    journal.sync()
    journal.sync()
    assert len(synced) == 1 and not journal.had_error
    monkeypatch.setattr(disk, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    journal.add("mark")
    journal.sync()
    monkeypatch.setattr(disk, "write", write)
    journal.sync()
    journal.sync()
    assert len(synced) == 3 and journal.had_error
    journal.close()


def test_entries_that_the_disk_refuses_are_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from desktop.recording import disk

    journal, real = Journal(tmp_path), disk.write
    monkeypatch.setattr(disk, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    journal.add("mark")
    journal.add("closed")
    monkeypatch.setattr(disk, "write", lambda descriptor, data: real(descriptor, data[:7]))
    journal.sync()
    assert [entry["what"] for entry in read(tmp_path)] == ["mark", "closed"]
    journal.close()


def test_an_entry_of_which_half_was_written_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from desktop.recording import disk

    journal, real = Journal(tmp_path), disk.write

    def half(descriptor: int, data: memoryview) -> int:
        real(descriptor, data[:9])
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(disk, "write", half)
    journal.add("off_record", on=True)
    monkeypatch.setattr(disk, "write", real)
    journal.sync()
    assert [entry["what"] for entry in read(tmp_path)] == ["off_record"]
    journal.close()


def test_a_full_queue_makes_one_gap_that_says_how_long_it_is() -> None:
    sounds = SoundQueue(1000, 1, most_seconds=1.0)
    for _ in range(15):
        sounds.put(bytes(200))  # 100 frames each
    assert sounds.frames_heard == 1500 and sounds.frames_kept == 1000 and sounds.times_busy == 5
    item = sounds.take()
    assert isinstance(item, Sound) and len(item.data) == 2000 and sounds.take() is None, "blocks in a row come as one"
    sounds.written(1000)
    sounds.put(bytes(200))
    assert sounds.take() == Cut("busy", 0.5) and isinstance(sounds.take(), Sound)


def test_the_meter_holds_the_loudest_and_draws_only_what_is_kept() -> None:
    meter = Meter(RATE, 2)
    sound = np.stack([tone(0.1, rate=RATE, loudness=0.5), np.full(4800, -32768, np.int16)], axis=1)
    meter.see(Sound(sound.tobytes(), is_kept=False))
    assert meter.take_buckets() == b""
    meter.see(Sound(sound.tobytes(), is_kept=True))
    peaks, is_clipped = meter.take_peaks()
    assert peaks[0] == pytest.approx(0.5, abs=0.01) and peaks[1] == 1.0 and is_clipped
    assert meter.take_peaks() == ((0.0, 0.0), False)
    assert len(meter.take_buckets()) == 4800 // bucket_size(RATE) * 3


# -- the watchdog ----------------------------------------------------------------------------------------------


def watch(seconds: float, start: float = 100.0, step: float = 0.1, **changes: object) -> list[tuple[float, str]]:
    """What a watchdog says of a device that is fine but for `changes` (functions of the seconds since its start)."""
    dog, said = Watchdog(), []
    for number in range(int(seconds / step)):
        at = number * step
        now = start + at
        seen = {"opened_at": start, "heard_at": now, "loud_at": now, "frames": int(at * RATE)} | {
            name: value(at) if callable(value) else value for name, value in changes.items()}
        said += [(at, alarm) for alarm in dog.look(now, Seen(**{**vars(FINE), **seen}))]
    return said


def test_a_device_that_is_fine_is_fine() -> None:
    assert watch(60) == []


@pytest.mark.parametrize(("changes", "alarm", "within"), [
    ({"heard_at": lambda at: 100 + min(at, 10)}, "no_sound", (11.0, 12.0)),
    ({"heard_at": 0.0}, "no_sound", (4.0, 5.0)),
    ({"loud_at": lambda at: 100 + min(at, 10)}, "silent", (15.0, 16.0)),
    ({"loud_at": lambda at: 100 + min(at, 10), "is_monitor": True}, "nothing_plays", (15.0, 16.0)),
    ({"is_gone": lambda at: at > 10}, "device_gone", (10.0, 10.3)),
    ({"waiting": lambda at: at - 10}, "behind", (15.0, 15.3)),
    ({"frames": lambda at: int(at * 44_100)}, "wrong_rate", (1.0, 1.6)),
    ({"room": lambda at: 1805 - at}, "disk_low", (5.0, 5.3)),
    ({"room": lambda at: 605 - at}, "disk_very_low", (5.0, 5.3)),
    ({"disk": lambda at: "disk_full" if at > 5 else ""}, "disk_full", (5.0, 5.3)),
    ({"lost": lambda at: int(at > 5)}, "sound_lost", (5.0, 5.3)),
])
def test_each_alarm_comes_in_time(changes: dict[str, object], alarm: str, within: tuple[float, float]) -> None:
    first = next(at for at, name in watch(30, **changes) if name == alarm)
    assert within[0] <= first <= within[1]


def test_an_alarm_that_is_over_at_once_is_seen_for_a_while() -> None:
    said = [at for at, name in watch(30, lost=lambda at: int(at > 5))]
    assert said[-1] - said[0] == pytest.approx(5, abs=0.2)


def test_a_recorder_that_slept_does_not_blame_the_device() -> None:
    dog = Watchdog()
    fine = dict(vars(FINE), heard_at=100.0, loud_at=100.0)
    assert dog.look(100.0, Seen(**fine)) == ()
    assert dog.look(109.0, Seen(**fine)) == (), "nothing can be said after a sleep of nine seconds"
    assert [dog.look(109.0 + n * 0.1, Seen(**fine)) for n in range(1, 15)][-1] == ("no_sound",)


def test_a_rush_after_a_stall_is_no_wrong_rate() -> None:
    def frames(at: float) -> int:
        return int((10 if 10 < at < 13 else at) * RATE)

    said = watch(30, frames=frames, heard_at=lambda at: 100 + (10 if 10 < at < 13 else at))
    assert {name for _, name in said} == {"no_sound"}


@pytest.mark.parametrize("rush", [0.05, 0.2, 0.5])
def test_a_rush_at_the_start_or_later_is_no_wrong_rate(rush: float) -> None:
    for moment in np.arange(0.0, 4.0, 0.05):
        def frames(at: float, moment: float = moment) -> int:
            return int((at + rush * (at >= moment)) * RATE)

        assert watch(8, frames=frames) == [], f"{rush} s at {moment}"


def test_blocks_that_come_unevenly_are_no_wrong_rate() -> None:
    rng = random.Random(5)
    assert watch(3600, frames=lambda at: int((at - rng.uniform(0, 0.05)) * RATE)) == []


@pytest.mark.parametrize("speed", [0.333, 0.5, 0.919, 1.088, 2.0])
def test_a_wrong_rate_is_said_at_once_and_stays_though_blocks_come_unevenly(speed: float) -> None:
    rng = random.Random(6)
    said = [at for at, _ in watch(30, frames=lambda at: int((at * speed - rng.uniform(0, 0.02)) * RATE))]
    assert said[0] < 1.7 and len(said) > 0.9 * (30 - said[0]) / 0.1


def test_a_device_that_is_opened_again_with_another_rate_is_noticed_soon() -> None:
    said = [at for at, name in watch(
        20, opened_at=lambda at: 100 + (10 if at > 10 else 0),
        frames=lambda at: int(min(at, 10) * RATE + max(0, at - 10) * 44_100)) if name == "wrong_rate"]
    assert 11 < said[0] < 11.8


# -- R6: twelve hours in fast motion ---------------------------------------------------------------------------


def test_a_long_recording_in_fast_motion(tmp_path: Path) -> None:
    found = record_hours(tmp_path, 0.25)
    assert (found.gaps, found.wrong_buckets) == (0, 0) and found.largest < 100e6 and found.grown < 20e6


def test_control_a_sample_that_is_lost_in_fast_motion_is_noticed(tmp_path: Path) -> None:
    samples = np.delete(np.arange(5000, dtype=np.uint16), 4000)
    (tmp_path / "0001.wav").write_bytes(header(RATE, 1) + samples.tobytes())
    reader = Reader(tmp_path)
    reader.look(all_of_it=True)
    assert reader.gaps == 999 and reader.frames == 4999


def test_a_header_says_to_the_end_until_it_is_closed() -> None:
    assert struct.unpack_from("<I", header(RATE, 2), 40) == (0xFFFFFFFF,)
    assert struct.unpack_from("<I", header(RATE, 2, 96), 40) == (96,)


def test_the_live_waveform_is_that_of_the_whole() -> None:
    sound = tone(3.3, rate=RATE)
    meter, whole = Meter(RATE, 1), Summary(bucket_size(RATE))
    for block in np.array_split(sound, 331):
        meter.see(Sound(block.tobytes(), True))
    whole.add(sound.reshape(1, -1))
    assert meter.take_buckets() == whole.finish().tobytes()
