"""The command line as a real process: exit codes, what goes where, and nothing overwritten or given away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from desktop import settings
from tests.clips import KEY
from tests.gemini_service import Fault, GeminiService
from tests.program import COMMAND, ROOT, Running, environment, run
from tests.sounds import AUDIO, turns, write_wav

JFK = AUDIO / "jfk-24k.opus"
CANARY = "AIzaCanaryKey-0123456789-0123456789-abc"


@pytest.fixture
def tones(tmp_path: Path) -> Path:
    """Two minutes of tones: long enough for more than one part on the device."""
    return write_wav(tmp_path / "tones.wav", turns(6))


def with_service(service: GeminiService, key: str = KEY) -> dict[str, str]:
    return {"PULLQUOTE_GEMINI_URL": service.url, "GEMINI_API_KEY": key}


def test_kennedy_is_heard_on_the_device_without_a_key(home: Path) -> None:
    done = run(home, "transcribe", JFK, "--engine", "device")
    assert done.returncode == 0
    assert "ask not what your country can do for you" in done.stdout
    assert "Listening on this computer" in done.stderr and "Listening" not in done.stdout
    assert not (home / "data").exists()  # nothing was asked to be kept


def test_without_a_key_the_device_is_the_default(home: Path, tones: Path) -> None:
    done = run(home, "transcribe", tones, "--format", "json")
    assert done.returncode == 0 and json.loads(done.stdout)["engine"] == {"name": "device", "model": "tiny.en"}


def test_with_a_key_gemini_is_the_default_and_says_where_the_audio_goes(home: Path, tones: Path,
                                                                        service: GeminiService) -> None:
    done = run(home, "transcribe", tones, "--format", "json", **with_service(service))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["engine"]["name"] == "gemini" and len(document["segments"]) == 6
    assert f"The audio is sent to 127.0.0.1:{service.url.split(':')[-1].strip('/')}." in done.stderr


@pytest.mark.parametrize("arguments", [
    ["transcribe"], ["transcribe", "a.wav", "--engine", "oracle"], ["transcribe", "a.wav", "--format", "pdf"],
    ["transcribe", "a.wav", "--range", "3:00-2:00"], ["transcribe", "a.wav", "--range", "soon"],
    ["transcribe", "a.wav", "--speakers", "0"], ["transcribe", "a.wav", "--speakers", "many"], ["key", "steal"],
    ["transcribe", "--no-such-option", "a.wav"]])
def test_wrong_use_is_2(home: Path, arguments: list[str]) -> None:
    done = run(home, *arguments)
    assert done.returncode == 2 and "usage:" in done.stderr and done.stdout == ""


def test_a_bad_file_is_1_with_one_line(home: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.mp3").write_text("Dear editor " * 100)
    done = run(home, "transcribe", tmp_path / "letter.mp3", "--engine", "device")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("letter.mp3: This is not an audio or video file")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments, words", [
    (["--engine", "gemini"], "No Gemini key is set"),
    (["--engine", "device", "--model", "small"], "not on this computer"),
    (["--engine", "device", "--language", "es"], "hears only English"),
    (["--engine", "device", "--range", "5:00-6:00"], "behind the end of the recording"),
    (["--engine", "device", "--output", "/no/such/folder/a.txt"], "does not exist")])
def test_what_cannot_be_done_is_1_with_a_sentence(home: Path, tones: Path, arguments: list[str], words: str) -> None:
    done = run(home, "transcribe", tones, *arguments)
    assert done.returncode == 1 and words in done.stderr and done.stdout == "" and "Traceback" not in done.stderr


def test_what_arrived_is_written_and_what_is_missing_is_said(home: Path, tmp_path: Path,
                                                            service: GeminiService) -> None:
    long = write_wav(tmp_path / "long.wav", turns(330, 8_000), 8_000)
    settings.save(home / "config" / "settings.toml", settings.Settings(parts_at_once=1.0))
    service.fail_when(lambda request: request.parsed is not None and request.parsed.index >= 1,
                      Fault.status(429, "quota_exceeded", per_day=True))
    done = run(home, "transcribe", long, "--format", "json", "--output", tmp_path / "out.json", **with_service(service))
    assert done.returncode == 3 and done.stdout == ""
    document = json.loads((tmp_path / "out.json").read_text())
    ((start, end),) = document["missing"]
    assert (start == 0.0) != (end == 660.0) and 250 < end - start < 600 and len(document["segments"]) > 100
    assert "quota for today" in done.stderr and "Missing: " in done.stderr  # of two at a time, either came first


def test_a_key_that_is_refused_is_1(home: Path, tones: Path, service: GeminiService) -> None:
    done = run(home, "transcribe", tones, **with_service(service, "wrong"))
    assert done.returncode == 1 and "refused the key" in done.stderr and done.stdout == ""


def test_a_range_has_times_of_the_recording(home: Path, tones: Path, service: GeminiService) -> None:
    done = run(home, "transcribe", tones, "--range", "0:04-0:08", "--format", "json", **with_service(service))
    assert done.returncode == 0
    assert [round(s["start"]) for s in json.loads(done.stdout)["segments"]] == [4, 6]
    assert service.heard[0].seconds == 4.0


def test_options_reach_the_service(home: Path, tones: Path, service: GeminiService) -> None:
    done = run(home, "transcribe", tones, "--model", "gemini-3.5-flash-lite", "--language", "es", "--speakers", "2",
               "--translate-to", "none", **with_service(service))
    assert done.returncode == 0, done.stderr
    (heard,) = service.heard
    assert heard.model == "gemini-3.5-flash-lite" and "Leave translation empty" in heard.prompt
    assert "main language of the recording is es" in heard.prompt and "There are 2 speakers" in heard.prompt


@pytest.mark.parametrize("name", ["srt", "json"])
def test_a_format_goes_to_a_file_and_the_same_to_standard_output(home: Path, tones: Path, tmp_path: Path,
                                                                     service: GeminiService, name: str) -> None:
    printed = run(home, "transcribe", tones, "--format", name, **with_service(service))
    written = run(home, "transcribe", tones, "--format", name, "--output", tmp_path / f"out.{name}",
                  **with_service(service))
    assert printed.returncode == written.returncode == 0 and written.stdout == ""
    assert (tmp_path / f"out.{name}").read_text("utf-8") == printed.stdout
    assert "hertz" in printed.stdout


def test_nothing_is_overwritten_and_it_is_said_before_any_work(home: Path, tones: Path, tmp_path: Path,
                                                              service: GeminiService) -> None:
    (tmp_path / "out.txt").write_text("mine")
    done = run(home, "transcribe", tones, "--output", tmp_path / "out.txt", **with_service(service))
    assert done.returncode == 1 and "exists already" in done.stderr and not service.requests
    assert (tmp_path / "out.txt").read_text() == "mine"


def test_several_files_go_into_a_folder(home: Path, tones: Path, tmp_path: Path, service: GeminiService) -> None:
    other = write_wav(tmp_path / "other.wav", turns(3))
    (tmp_path / "out").mkdir()
    done = run(home, "transcribe", tones, other, "--output", tmp_path / "out", **with_service(service))
    assert done.returncode == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["other.txt", "tones.txt"]


def test_two_files_of_one_name_are_refused_before_any_work(home: Path, tones: Path, tmp_path: Path,
                                                           service: GeminiService) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "out").mkdir()
    same = write_wav(tmp_path / "b" / "tones.wav", turns(3))
    done = run(home, "transcribe", tones, same, "--output", tmp_path / "out", **with_service(service))
    assert done.returncode == 1 and "same name" in done.stderr and not service.requests


def test_a_folder_means_the_recordings_in_it(home: Path, tmp_path: Path, service: GeminiService) -> None:
    for name in ("b.wav", "a.wav", "notes.txt"):
        (tmp_path / "in" / "deep").mkdir(parents=True, exist_ok=True)
        write_wav(tmp_path / "in" / "deep" / name, turns(2 if name == "a.wav" else 3))
    done = run(home, "transcribe", tmp_path / "in", **with_service(service))
    assert done.returncode == 0 and [heard.seconds for heard in service.heard] == [4.0, 6.0]


def test_one_bad_file_does_not_keep_the_others_from_being_heard(home: Path, tones: Path, tmp_path: Path,
                                                               service: GeminiService) -> None:
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    done = run(home, "transcribe", tmp_path / "bad.wav", tones, **with_service(service))
    assert done.returncode == 3 and "hertz" in done.stdout and "bad.wav:" in done.stderr


def test_no_window_library_is_loaded(home: Path, tones: Path) -> None:
    code = ("import sys; from desktop.__main__ import run\n"
            f"code = run(['transcribe', {str(tones)!r}, '--engine', 'device'])\n"
            "print('QT' if any(n.startswith(('PySide6', 'shiboken')) for n in sys.modules) else 'none', code)")
    done = subprocess.run([sys.executable, "-c", code], env=environment(home), cwd=ROOT, capture_output=True, text=True,
                          timeout=60)
    assert done.stdout.splitlines()[-1] == "none 0", done.stderr


@pytest.mark.parametrize("whole_group", [False, True], ids=["the program", "the terminal"])
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_is_130_and_leaves_no_process(home: Path, tones: Path, service: GeminiService,
                                              whole_group: bool) -> None:
    service.hold_from(0)
    running = Running(home, "transcribe", tones, **with_service(service))
    running.wait_for_line(lambda line: "Gemini is listening" in line)
    (os.killpg if whole_group else os.kill)(running.process.pid, signal.SIGINT)
    code, output, errors = running.end()
    assert code == 130 and errors.endswith("Stopped.\n") and output == "" and "Traceback" not in errors
    with pytest.raises(ProcessLookupError):
        os.killpg(running.process.pid, 0)


@pytest.mark.parametrize("whole_group", [False, True], ids=["the program", "the terminal"])
@pytest.mark.parametrize("when", ["Copying the original", "Drawing the waveform", "Listening on this computer"])
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_with_keep_leaves_nothing_half_made(home: Path, tmp_path: Path, when: str, whole_group: bool) -> None:
    from desktop.library import Library
    from desktop.model import JobState, RecordingState

    long = write_wav(tmp_path / "long.wav", turns(900))
    running = Running(home, "transcribe", long, "--engine", "device", "--keep")
    running.wait_for_line(lambda line: when in line)
    (os.killpg if whole_group else os.kill)(running.process.pid, signal.SIGINT)
    code, _, errors = running.end()
    assert code == 130 and "Traceback" not in errors, errors
    library = Library(home / "data")
    kept = library.recordings()
    folders = [path.name for path in (home / "data" / "recordings").iterdir()]
    states = [(job.state, job.problem) for job in library.unfinished_jobs()]
    library.close()
    assert all(item.state is RecordingState.READY for item in kept) and folders == [item.folder for item in kept]
    assert states == ([(JobState.WAITING, "")] if when.startswith("Listening") else [])
    assert list((home / "cache").glob("*.tmp")) == []


def test_the_key_is_in_no_argument_output_or_file(home: Path, tones: Path, tmp_path: Path,
                                                  service: GeminiService) -> None:
    service.key = CANARY
    service.hold_from(0)
    running = Running(home, "transcribe", tones, "--keep", **with_service(service, CANARY))
    running.wait_for_line(lambda line: "Gemini is listening" in line)
    arguments = b"".join(path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if readable(path))
    service.release()
    code, output, errors = running.end()
    assert code == 0 and b"transcribe" in arguments and CANARY.encode() not in arguments
    assert CANARY not in output + errors
    found = [path for path in tmp_path.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert found == []


def readable(path: Path) -> bool:
    try:
        path.read_bytes()
        return True
    except OSError:
        return False


def test_a_reader_that_leaves_early_is_no_crash(home: Path, tones: Path, service: GeminiService) -> None:
    first = subprocess.Popen([*COMMAND, "transcribe", str(tones)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=environment(home, **with_service(service)))
    assert first.stdout and first.stderr
    first.stdout.close()
    errors = first.stderr.read().decode()
    first.stderr.close()
    assert first.wait(60) == 1 and "Traceback" not in errors and "Exception ignored" not in errors


def test_the_key_commands_without_a_store(home: Path, service: GeminiService) -> None:
    where, store, test = (run(home, "key", *arguments, text_input=f"{KEY}\n") for arguments in (
        ["where"], ["set"], ["test"]))
    assert where.returncode == 0 and "No key store" in where.stdout
    assert store.returncode == 1 and "was not stored" in store.stderr and KEY not in store.stdout + store.stderr
    assert test.returncode == 1 and "No Gemini key is set" in test.stderr
    good = run(home, "key", "test", **with_service(service))
    assert good.returncode == 0 and good.stdout.startswith("The key works")
    bad = run(home, "key", "test", **with_service(service, "wrong"))
    assert bad.returncode == 1 and "refused the key" in bad.stderr and bad.stdout == ""


def test_the_version_is_printed(home: Path) -> None:
    done = run(home, "--version")
    assert done.returncode == 0 and done.stdout.startswith("Pullquote 0.")


def test_the_demonstration_needs_neither_key_nor_display(home: Path) -> None:
    done = run(home, "--headless-demo")
    assert done.returncode == 0 and "On device" in done.stdout and "] Katie: " in done.stdout
    assert "known-good transcript" in done.stdout
