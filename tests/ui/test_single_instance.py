"""One Pullquote per library: a second start hands its files over and ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pytestqt.qtbot import QtBot

from desktop.paths import data_folder, private_folder
from desktop.ui.single_instance import SingleInstance

ROOT = Path(__file__).resolve().parents[2]


def second_start(*arguments: str) -> subprocess.Popen[bytes]:
    """The program, really started again."""
    return subprocess.Popen([sys.executable, "-m", "desktop", *arguments], cwd=ROOT,
                            env=os.environ | {"QT_QPA_PLATFORM": "offscreen"}, stderr=subprocess.PIPE)


def test_second_start_hands_its_files_to_the_first_and_ends(home: Path, qtbot: QtBot) -> None:
    first = SingleInstance(private_folder(data_folder()))
    assert first.is_first
    with qtbot.waitSignal(first.files_arrived, timeout=20_000) as arrived:
        second = second_start("interview.mp3")
    assert arrived.args == [[str(ROOT / "interview.mp3")]]
    assert second.wait(timeout=20) == 0
    assert second.communicate()[1] == b""
    first.close()


def test_command_line_does_not_write_to_a_library_that_the_window_holds(home: Path, qtbot: QtBot) -> None:
    first = SingleInstance(private_folder(data_folder()))
    command = [sys.executable, "-m", "desktop", "transcribe", str(ROOT / "tests" / "audio" / "jfk.caf"), "--engine",
               "device", "--keep"]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1
    assert "window is open" in refused.stderr
    first.close()
    taken = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert taken.returncode == 0, taken.stderr


def test_after_a_kill_the_next_start_is_the_first(home: Path, qtbot: QtBot) -> None:
    script = ("from desktop.ui.single_instance import SingleInstance; from desktop.paths import *; "
              "import sys, time; s = SingleInstance(private_folder(data_folder())); "
              "print(s.is_first, flush=True); time.sleep(60)")
    running = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE)
    assert running.stdout is not None
    assert running.stdout.readline() == b"True\n"
    blocked = SingleInstance(data_folder())
    assert not blocked.is_first
    running.kill()
    running.wait()
    running.stdout.close()
    after = SingleInstance(data_folder())
    assert after.is_first
    after.close()
