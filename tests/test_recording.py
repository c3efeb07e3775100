"""The recorder's parts, and the whole of it on a sound server: what is played is what is kept, sample for sample."""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from desktop.audio.peaks import Summary, bucket_size
from desktop.library import Library
from desktop.recording import messages
from desktop.recording.journal import Journal, is_in_use, read
from desktop.recording.messages import ALARMS, Order, State, Status, read_order, read_status, read_wish, write_status
from desktop.recording.sounds import Cut, Meter, Sound, SoundQueue
from desktop.recording.watchdog import Seen, Watchdog
from desktop.recording.writer import Writer, header
from tests.program import Running
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
    items = [sounds.take() for _ in range(10)]
    assert all(isinstance(item, Sound) for item in items) and sounds.take() is None
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
    ({"is_gone": lambda at: at > 10}, "device_gone", (10.0, 10.3)),
    ({"waiting": lambda at: at - 10}, "behind", (15.0, 15.3)),
    ({"frames": lambda at: int(at * 44_100)}, "wrong_rate", (2.0, 10.0)),
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


# -- R6: twelve hours in fast motion ---------------------------------------------------------------------------


def record_fast(folder: Path, seconds: int, rate: int) -> tuple[float, int]:
    """Write `seconds` of numbered sound as fast as it goes: (times real time, bytes of memory grown)."""
    folder.mkdir(parents=True)
    order = Order(str(folder), rate=rate)
    journal, sounds, meter = Journal(folder), SoundQueue(rate, 1), Meter(rate, 1)
    writer = Writer(folder, order, journal, sounds, meter)
    writer.begin()
    writer.start()
    began, before, buckets = time.monotonic(), 0, 0
    for second in range(seconds):
        while sounds.waiting > 20:
            time.sleep(0.001)
        sounds.put(((np.arange(rate) + second * rate) % 65536 - 32768).astype(np.int16).tobytes())
        buckets += len(meter.take_buckets()) // 3
        if second == 60:
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
    writer.stop()
    assert writer.wait(60)
    buckets += len(meter.take_buckets()) // 3
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    journal.close()
    assert buckets == seconds * rate // bucket_size(rate) and sounds.times_busy == 0
    assert writer.safe_seconds == writer.seconds == seconds
    return seconds / (time.monotonic() - began), grown


def test_a_long_recording_in_fast_motion(tmp_path: Path) -> None:
    speed, grown = record_fast(tmp_path / "a", 1500, 16_000)
    files = sorted((tmp_path / "a").glob("*.wav"))
    assert len(files) == 5 and max(file.stat().st_size for file in files) < 100e6 and grown < 20e6 and speed > 20
    sound = np.concatenate([soundfile.read(file, dtype="int16")[0] for file in files]).astype(np.int64) + 32768
    assert len(sound) == 1500 * 16_000 and (np.diff(sound) % 65536 == 1).all()


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


# -- the real thing: PortAudio on a private sound server ---------------------------------------------------------


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    """A sound server with one sink, and the variables by which it is found."""
    if sys.platform != "linux":
        pytest.skip("the null sink is PulseAudio's")
    runtime = tmp_path / "pulse"
    runtime.mkdir(mode=0o700)
    found = {"XDG_RUNTIME_DIR": str(runtime), "PULSE_RUNTIME_PATH": str(runtime)}
    with subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--log-target=stderr",
             "-L", "module-native-protocol-unix",
             "-L", "module-null-sink sink_name=room rate=48000 sink_properties=device.description=Room"],
            env=os.environ | found | {"HOME": str(tmp_path)}, stderr=subprocess.DEVNULL) as process:
        while subprocess.run(["pactl", "info"], env=os.environ | found, capture_output=True).returncode:
            assert process.poll() is None
        yield process, found
        process.send_signal(signal.SIGCONT)
        process.kill()


def record(home: Path, found: dict[str, str], *arguments: str) -> Running:
    running = Running(home, "record", "--device", "Monitor of Room", "--channels", "stereo", *arguments, **found)
    running.wait_for_line(lambda line: "Recording." in line or "device" in line)
    return running


def play(found: dict[str, str], file: Path) -> None:
    subprocess.run(["paplay", "-d", "room", str(file)], env=os.environ | found, check=True)


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
        server: tuple[subprocess.Popen[bytes], dict[str, str]]) -> None:
    running = record(home, server[1], "--title", "Call")
    play(server[1], tmp_path / "noise.wav")
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


def test_devices_are_listed_by_name(home: Path, server: tuple[subprocess.Popen[bytes], dict[str, str]]) -> None:
    running = Running(home, "record", "--devices", **server[1])
    assert running.end()[1].split("\t") == ["Monitor of Room", "room.monitor", "what this computer plays\n"]


def test_a_sound_server_that_hangs_and_comes_back_is_a_marked_gap(
        home: Path, tmp_path: Path, noise: np.ndarray,
        server: tuple[subprocess.Popen[bytes], dict[str, str]]) -> None:
    running = record(home, server[1])
    server[0].send_signal(signal.SIGSTOP)
    began = time.monotonic()
    running.wait_for_line(lambda line: "No sound comes from Monitor of Room" in line, 10)
    assert time.monotonic() - began <= 2.5  # 1 s without sound, then at most 2
    threading.Timer(1.0, server[0].send_signal, [signal.SIGCONT]).start()
    folder = next((home / "data" / "recordings").glob("*.rec"))
    end = time.monotonic() + 15
    while not (folder / "0002.wav").exists() and time.monotonic() < end:
        time.sleep(0.05)
    play(server[1], tmp_path / "noise.wav")
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
        home: Path, server: tuple[subprocess.Popen[bytes], dict[str, str]]) -> None:
    running = Running(home, "record", "--device", "Elsewhere", **server[1])
    code, output, said = running.end()
    assert (code, output) == (1, "") and "Elsewhere cannot be opened" in said
    assert list((home / "data" / "recordings").iterdir()) == []


def test_a_killed_command_line_can_be_recovered(
        home: Path, tmp_path: Path, noise: np.ndarray,
        server: tuple[subprocess.Popen[bytes], dict[str, str]]) -> None:
    running = record(home, server[1], "--output", str(tmp_path / "a.wav"))
    play(server[1], tmp_path / "noise.wav")
    folder = next((home / "data" / "recordings").glob("*.rec"))
    recorder = next(entry["pid"] for entry in read(folder) if entry["what"] == "start")
    running.process.kill()
    os.kill(recorder, signal.SIGKILL)
    running.end()
    code, output, said = Running(home, "record", "--recover", **server[1]).end()
    assert code == 0 and output.startswith("Recording 20"), said
    library = Library(home / "data")
    (recording,) = library.recordings()
    library.close()
    sound, _ = soundfile.read(home / "data" / "recordings" / recording.folder / "original.flac", dtype="int16")
    check_in_one_piece(sound, noise, may_lack=0.25)
    assert not folder.exists() and not (tmp_path / "a.wav").exists()
