"""The decoder child: it can be killed, it is held on a short leash, and nothing it says is taken on trust."""

from __future__ import annotations

import io
import json
import random
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from desktop.audio import decode_child, decoder, preparing
from desktop.audio.cache import CacheFiles
from desktop.audio.decode_child import MEMORY_LIMIT
from desktop.audio.preparing import Picture, prepare, sharp_peaks
from desktop.errors import BadAudio, Cancelled
from desktop.importing import import_audio
from desktop.library import Library
from desktop.processes import start_child
from tests.fakes import Reports
from tests.sounds import AUDIO, INTERVIEW, turns, write_wav

ROOT = Path(__file__).resolve().parent.parent
Started = list[subprocess.Popen[bytes]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """The decoder processes that were started."""
    processes: Started = []

    def start(name: str) -> subprocess.Popen[bytes]:
        processes.append(start_child(name))
        return processes[-1]

    monkeypatch.setattr(decoder, "start_child", start)
    return processes


def pretend(monkeypatch: pytest.MonkeyPatch, code: str) -> Started:
    """Let `code` (Python) be the child."""
    processes: Started = []

    def start(name: str) -> subprocess.Popen[bytes]:
        processes.append(subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE))
        return processes[-1]

    monkeypatch.setattr(decoder, "start_child", start)
    return processes


def kind_of_failure(path: Path = INTERVIEW) -> str:
    with pytest.raises(BadAudio) as caught:
        list(decoder.decode(path, "full", lambda: None))
    return caught.value.kind


HEADER = ("import sys, json, struct, time\n"
          "def say(letter, body): sys.stdout.buffer.write(letter + struct.pack('<I', len(body)) + body); "
          "sys.stdout.buffer.flush()\n"
          "sys.stdin.readline()\n"
          "say(b'H', json.dumps(dict(rate=16000, channels=1, bucket=86, copy_rate=16000, copy_channels=1,"
          " header_seconds=1, container='wav', codec='pcm', title='')).encode())\n")


def test_a_child_without_progress_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = pretend(monkeypatch, HEADER + "time.sleep(600)")
    monkeypatch.setattr(decoder, "PATIENCE", 0.3)
    assert kind_of_failure() == "hangs" and processes[0].returncode is not None


def test_a_child_that_ignores_being_asked_is_killed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = pretend(monkeypatch, "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                        + HEADER + "time.sleep(600)")
    monkeypatch.setattr(decoder, "PATIENCE", 0.3)
    assert kind_of_failure() == "hangs" and processes[0].returncode is not None


def test_a_slow_child_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, HEADER + "for n in range(4):\n    time.sleep(0.4); say(b'T', b'{\"seconds\": 1}')\n"
            "say(b'D', b'{}')")
    monkeypatch.setattr(decoder, "PATIENCE", 1.0)
    assert [m.letter for m in decoder.decode(INTERVIEW, "full", lambda: None)] == ["H", "T", "T", "T", "T", "D"]


@pytest.mark.parametrize("code", ["", "import sys; sys.exit(3)", "import os; os.abort()", HEADER,
                                  HEADER + "sys.stdout.buffer.write(b'A'); sys.stdout.buffer.flush()"])
def test_a_child_that_dies_is_a_bad_file(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    processes = pretend(monkeypatch, code)
    assert kind_of_failure() == "not_audio" and processes[0].returncode is not None


def test_a_child_that_lingers_after_its_work_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = pretend(monkeypatch, HEADER + "say(b'D', b'{}'); time.sleep(600)")
    began = time.monotonic()
    list(decoder.decode(INTERVIEW, "full", lambda: None))
    assert time.monotonic() - began < 5 and processes[0].returncode is not None


def test_an_endless_child_is_ended_when_its_caller_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = pretend(monkeypatch, HEADER + "while True: say(b'A', bytes(100000))")
    messages = decoder.decode(INTERVIEW, "full", lambda: None)
    assert next(messages).letter == "H" and next(messages).letter == "A"
    messages.close()  # type: ignore[attr-defined]
    assert processes[0].returncode is not None


def test_endless_audio_ends_as_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "_MOST_SECONDS", 30)
    pretend(monkeypatch, HEADER + "while True: say(b'A', bytes(100000))")
    assert kind_of_failure() == "too_long"


def test_the_child_runs_under_a_memory_limit_and_its_arguments_name_no_file(started: Started) -> None:
    messages = decoder.decode(INTERVIEW, "full", lambda: None)
    assert next(messages).letter == "H"
    process = Path(f"/proc/{started[0].pid}")
    limits = {line[:25].strip(): line[25:].split()[0] for line in process.joinpath("limits").read_text().splitlines()}
    arguments = process.joinpath("cmdline").read_bytes()
    messages.close()  # type: ignore[attr-defined]
    assert int(limits["Max address space"]) == MEMORY_LIMIT and limits["Max core file size"] == "0"
    assert b"decode" in arguments and b"interview" not in arguments


def test_modules_in_the_working_folder_are_not_run_by_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("json", "av", "numpy", "desktop"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    assert [m.letter for m in decoder.decode(INTERVIEW, "null", lambda: None)][-1] == "D"
    assert not (tmp_path / "ran").exists()


def test_the_child_gets_no_key_from_the_environment(monkeypatch: pytest.MonkeyPatch, started: Started) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "canary-key")
    messages = decoder.decode(INTERVIEW, "full", lambda: None)
    next(messages)
    environment = Path(f"/proc/{started[0].pid}/environ").read_bytes()
    messages.close()  # type: ignore[attr-defined]
    assert b"PATH=" in environment and b"canary" not in environment


def traced(path: Path, tmp_path: Path) -> str:
    """What the child asks the kernel for while it decodes `path`."""
    log = tmp_path / "trace"
    subprocess.run(
        ["strace", "-f", "-e", "trace=network,openat,open,execve", "-s", "300", "-o", str(log), sys.executable, "-P",
         "-c", "from desktop.processes import run_child; run_child('decode')"],
        input=json.dumps({"path": str(path), "mode": "full"}).encode() + b"\n", stdout=subprocess.DEVNULL,
        cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, timeout=60, check=True)
    return log.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="strace is Linux")
def test_the_child_opens_no_socket_and_reads_only_its_file(tmp_path: Path) -> None:
    trace = traced(AUDIO / "jfk-44k1.m4a", tmp_path)
    assert "jfk-44k1.m4a" in trace  # so the trace has eyes
    assert "socket(" not in trace and "connect(" not in trace
    after = trace[trace.index("jfk-44k1.m4a"):]
    opened = [line for line in after.splitlines() if "open" in line and "= -1" not in line and "O_WRONLY" in line]
    assert opened == []


@pytest.mark.skipif(sys.platform != "linux", reason="strace is Linux")
@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile canary.wav\n",
                                  "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\ncanary.wav\n#EXT-X-ENDLIST\n",
                                  "v=0\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n"])
def test_a_playlist_in_disguise_opens_nothing(tmp_path: Path, text: str) -> None:
    write_wav(tmp_path / "canary.wav", turns(1))
    (tmp_path / "list.mp3").write_text(text)
    trace = traced(tmp_path / "list.mp3", tmp_path)
    assert "list.mp3" in trace and "canary" not in trace and "socket(" not in trace


@pytest.mark.parametrize("when", ["Looking at the file", "Copying the original", "Drawing the waveform"])
def test_stopping_takes_half_a_second_and_leaves_nothing(library: Library, cache: Path, tmp_path: Path,
                                                         started: Started, when: str) -> None:
    path = write_wav(tmp_path / "long.wav", np.tile(turns(60), 10))
    asked: list[float] = []

    def stop(progress: object) -> bool:
        if str(getattr(progress, "sentence", "")) == when:
            asked.append(time.monotonic())
        return bool(asked)

    with pytest.raises(Cancelled):
        import_audio(library, cache, path, Reports(stop))
    assert time.monotonic() - asked[0] < 0.5
    assert all(process.returncode is not None for process in started)
    assert library.recordings() == [] and list((library.folder / "recordings").iterdir()) == []
    assert not cache.exists() or list(cache.iterdir()) == []


def test_stopping_a_hung_child_takes_half_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = pretend(monkeypatch, HEADER + "time.sleep(600)")
    since: list[float] = []

    def check() -> None:
        if since and time.monotonic() - since[0] > 0.2:
            raise Cancelled

    messages = decoder.decode(INTERVIEW, "full", check)
    next(messages)
    since.append(time.monotonic())
    with pytest.raises(Cancelled):
        next(messages)
    assert time.monotonic() - since[0] < 0.7 and processes[0].returncode is not None


GOOD = {"rate": 16_000, "channels": 1, "bucket": 86, "copy_rate": 16_000, "copy_channels": 1, "header_seconds": 5.0,
        "container": "wav", "codec": "pcm", "title": ""}
LIES: list[dict[str, object]] = [
    {"rate": 10**9}, {"rate": 0}, {"rate": "x"}, {"rate": None}, {"channels": 9}, {"channels": 0}, {"bucket": 0},
    {"bucket": 10**9}, {"copy_rate": 96_000}, {"copy_rate": 1}, {"copy_channels": 3}, {"copy_channels": 0},
    {"header_seconds": -1}, {"header_seconds": 1e12}, {"header_seconds": float("nan")}, {"rate": float("inf")},
    {"rate": [16_000]}, {"container": None, "channels": -1}]


def checked(*messages: tuple[str, bytes]) -> list[decoder.Message]:
    return list(decoder._checked(iter(messages)))


@pytest.mark.parametrize("lie", LIES, ids=str)
def test_a_header_that_lies_is_refused_on_this_side_too(lie: dict[str, object]) -> None:
    assert checked(("H", json.dumps(GOOD).encode()))[0].payload.rate == 16_000
    with pytest.raises(BadAudio):
        checked(("H", json.dumps(GOOD | lie).encode()))


def noise_messages(random_source: random.Random) -> Iterator[tuple[str, bytes]]:
    good = json.dumps(GOOD).encode()
    bodies = [good, b"", b"{}", b"[]", b"null", b"{\"kind\": 5}", b"{\"kind\": \"empty\"}", b"[" * 5000, b"\xff" * 7,
              b"1e999", good[:20], bytes(6), bytes(7), bytes(4096), b"{\"seconds\": 1e400, \"damage\": 3}"]
    if random_source.random() < 0.8:
        yield "H", good
    for _ in range(random_source.randrange(8)):
        yield random_source.choice("HOKATEDX\x00\xff"), random_source.choice(bodies)


def test_5000_wild_conversations_end_in_messages_or_bad_audio() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    ended = {"fine": 0, "bad": 0}
    for _ in range(5000):
        try:
            checked(*noise_messages(random_source := random.Random(seed)))
            ended["fine"] += 1
        except BadAudio:
            ended["bad"] += 1
        seed = random_source.randrange(1 << 32)
    assert ended["fine"] > 100 and ended["bad"] > 1000


@pytest.mark.parametrize("body", [
    b"D\x02\0\0\0{}", b"T\x02\0\0\0[]D\x02\0\0\0{}", b"D\x02\0\0\0[]", b"D\x10\0\0\0{\"damage\": [[1]]}",
    b"K\x01\0\0\0x", b"A\x01\0\0\0xD\x02\0\0\0{}", b"O\x02\0\0\0{}D\x02\0\0\0{}",
    b"D\xff\xff\xff\xff", b"D\x12\0\0\0{\"damage\": [[]]}  ",
    b"T\x10\0\0\0{\"seconds\": \"x\"}D\x02\0\0\0{}"], ids=repr)
def test_nonsense_after_a_good_header_never_breaks_the_import(monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                                              body: bytes) -> None:
    pretend(monkeypatch, HEADER + f"sys.stdout.buffer.write({body!r})")
    try:
        prepare(INTERVIEW, CacheFiles(tmp_path / "cache", "0" * 64), lambda: None, lambda *_: None)
    except BadAudio as error:
        assert error.kind
    assert list((tmp_path / "cache").glob("*.tmp")) == []


def test_the_protocol_is_what_its_docstring_says() -> None:
    process = start_child("decode")
    output, _ = process.communicate(json.dumps({"path": str(INTERVIEW), "mode": "peaks"}).encode() + b"\n", timeout=30)
    letters, at = "", 0
    while at < len(output):
        (length,) = struct.unpack_from("<I", output, at + 1)
        letters += chr(output[at])
        at += 5 + length
    assert letters[0] == "H" and letters[-1] == "D" and set(letters) == set("HKTD")


# Long AAC in two halves


@pytest.mark.parametrize("name", ["jfk-44k1.m4a", "jfk-video-h264-aac.mp4", "jfk-video.mov"])
def test_two_processes_see_the_same_waveform_as_one(name: str) -> None:
    messages = list(decoder.decode(AUDIO / name, "peaks", lambda: None))
    one = np.concatenate([message.payload for message in messages if message.letter == "K"])
    two = sharp_peaks(AUDIO / name, messages[0].payload, lambda: None)
    assert two is not None
    differing = np.abs(two.levels[0].astype(int) - one.astype(int))  # AAC's noise is made anew by each decoder
    assert differing.max() <= 1 and (differing > 0).mean() < 0.05


def test_a_stretch_is_what_the_whole_has_there() -> None:
    whole = audio_of(INTERVIEW)
    header = next(decoder.decode(INTERVIEW, "full", lambda: None)).payload
    rate = header.copy_rate
    assert np.array_equal(audio_of(INTERVIEW, 2.0, 5.0), whole[2 * rate:5 * rate])
    assert np.array_equal(audio_of(INTERVIEW, 0.0, 0.5), whole[:rate // 2])


def audio_of(path: Path, begin: float = 0.0, end: float = 0.0) -> np.ndarray:
    return np.concatenate([message.payload for message in decoder.decode(path, "full", lambda: None, begin, end)
                           if message.letter == "A"])


def test_a_half_that_cannot_be_read_gives_no_waveform(tmp_path: Path) -> None:
    header = next(decoder.decode(AUDIO / "jfk-44k1.m4a", "peaks", lambda: None)).payload
    assert sharp_peaks(tmp_path / "gone.m4a", header, lambda: None) is None


def test_a_long_import_shows_the_whole_waveform_before_it_has_come_by(tmp_path: Path, started: Started,
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "is_worth_halving", lambda header: True)
    monkeypatch.setattr(preparing._Ahead, "__init__", at_once)
    pictures: list[Picture] = []
    source = AUDIO / "jfk-44k1.m4a"
    result = prepare(source, CacheFiles(tmp_path, "0" * 64), lambda: None, lambda _, picture: pictures.append(picture))
    assert pictures and all(p.peaks is not None and p.peaks.seconds >= result.duration - 0.01 for p in pictures)
    assert len(started) == 3 and all(process.poll() is not None for process in started)


def at_once(ahead: preparing._Ahead, path: Path, header: decoder.Header) -> None:
    ahead.peaks, ahead.stop = sharp_peaks(path, header, lambda: None), lambda: None  # type: ignore[method-assign]


def test_stopping_a_long_import_ends_all_its_processes(tmp_path: Path, started: Started,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "is_worth_halving", lambda header: True)

    def show(fraction: float, picture: Picture) -> None:
        while len(started) < 3:
            time.sleep(0.01)
        raise Cancelled

    with pytest.raises(Cancelled):
        prepare(INTERVIEW, CacheFiles(tmp_path, "0" * 64), lambda: None, show)
    assert len(started) == 3 and all(process.poll() is not None for process in started)
    assert not list(tmp_path.iterdir())


# Streams that change their mind


class Packet:
    """What a demuxer gives, with frames ready made."""

    duration = time_base = None

    def __init__(self, *frames: av.AudioFrame) -> None:
        self.decode = lambda: list(frames)


def frame(samples: int, rate: int = 48_000, layout: str = "stereo", kind: str = "fltp") -> av.AudioFrame:
    made = av.AudioFrame(kind, layout, samples)
    made.sample_rate, made.pts, made.time_base = rate, 0, Fraction(1, 90_000)
    for plane in made.planes[:made.layout.nb_channels if kind.endswith("p") else 1]:
        plane.update(bytes(plane.buffer_size))
    return made


def header_of(rate: int, channels: int) -> dict[str, Any]:
    return {"rate": rate, "channels": channels, "bucket": 256, "promised_seconds": 0.0,
            "copy_rate": min(rate, 48_000), "copy_channels": channels if channels <= 2 else 1}


def decoded(*frames: av.AudioFrame, rate: int = 48_000, channels: int = 2) -> dict[str, Any]:
    """What the child says of a stream of these frames, whose header said so."""
    container = SimpleNamespace(format=SimpleNamespace(name="any"), demux=lambda _: map(Packet, frames))
    stream, header = SimpleNamespace(time_base=Fraction(1, 90_000)), header_of(rate, channels)
    child = decode_child._Decoder(container, stream, header, "full", io.BytesIO())
    child.run()
    return child.result()


@pytest.mark.parametrize("frames", [
    [frame(40_000), frame(40_000, 24_000), frame(10_000, 24_000), frame(1_000)],
    [frame(40_000), frame(10_000, 24_000), frame(1_000, 24_000, "mono"), frame(40_000, kind="s16")],
    [frame(1_000), frame(1_000, 24_000), frame(1_000), frame(1_000, 24_000), frame(500_000)],
    [frame(1_000, 24_000), frame(1_000), frame(1_000, 24_000, "mono")],
    [frame(1_000, layout="mono"), frame(200_000, layout="mono"), frame(1_000)],
    [frame(1_000, layout="5.1"), frame(1_000), frame(70_000, layout="5.1")],
    [frame(1_000), frame(1_000, 24_000), frame(1_000, 24_000, "2 channels"), frame(1_000, 24_000)],
    [frame(1_000), frame(1_000, layout="5.1"), frame(1_000, kind="s16p"), frame(200_000, layout="mono")],
])
def test_frames_of_all_kinds_take_as_long_as_they_say(frames: list[av.AudioFrame]) -> None:
    seconds = sum(f.samples / f.sample_rate for f in frames)
    result = decoded(*frames)
    assert result["seconds"] == pytest.approx(seconds, abs=0.002) and result["damage"] == []


def test_eight_channels_in_planes_are_eight() -> None:
    assert decoded(*[frame(1_024, layout="7.1")] * 100, channels=8)["frames"] == 102_400


def test_a_frame_that_cannot_be_is_damage_and_no_reason_to_give_up() -> None:
    result = decoded(frame(4_800), frame(4_800, 400_000), frame(4_800, layout="22.2"), frame(4_800))
    assert result["frames"] == 4 * 4_800
    assert [at for at, _ in result["damage"]] == pytest.approx([0.1, 0.2])
    with pytest.raises(decode_child.Refused, match="strange_rate"):
        decoded(frame(4_800, 400_000), frame(4_800))


def test_long_silence_is_put_in_piece_by_piece() -> None:
    container = SimpleNamespace(format=SimpleNamespace(name="any"))
    child = decode_child._Decoder(container, SimpleNamespace(time_base=None), header_of(48_000, 8), "peaks",
                                  io.BytesIO())
    child._take(frame(480, layout="7.1"))
    put = []
    child._put = lambda frame: put.append(frame.samples)  # type: ignore[method-assign]
    child._add_silence(480_000)
    assert sum(put) == 480_000 and max(put) <= decode_child.BLOCK_FRAMES
