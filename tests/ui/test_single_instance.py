"""One Pullquote per library: a second start hands its files over and ends."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from desktop.paths import data_folder, private_folder
from desktop.ui import application
from desktop.ui.main_window import MainWindow
from desktop.ui.single_instance import SingleInstance
from tests.reliability.starts import killed_starts, together

ROOT = Path(__file__).resolve().parents[2]


def second_start(*arguments: str) -> subprocess.Popen[bytes]:
    """The program, really started again."""
    return subprocess.Popen([sys.executable, "-m", "desktop", *arguments], cwd=ROOT,
                            env=os.environ | {"QT_QPA_PLATFORM": "offscreen"}, stderr=subprocess.PIPE)


def test_second_start_hands_its_files_to_the_first_and_ends(home: Path, qtbot: QtBot) -> None:
    first = SingleInstance(private_folder(data_folder()))
    assert first.is_first
    first.listen()
    with qtbot.waitSignal(first.files_arrived, timeout=20_000) as arrived:
        second = second_start("interview.mp3")
    assert arrived.args == [[str(ROOT / "interview.mp3")]]
    assert second.wait(timeout=20) == 0
    assert second.communicate()[1] == b""
    first.close()


def test_second_start_raises_the_window_of_the_first(window: MainWindow, qtbot: QtBot) -> None:
    first = SingleInstance(private_folder(data_folder()))
    first.files_arrived.connect(lambda names: application._arrived(window, names, []))  # as run_window does
    first.listen()
    window.showMinimized()
    second = second_start()
    qtbot.waitUntil(lambda: not window.isMinimized() and window.isActiveWindow(), timeout=20_000)
    assert second.wait(timeout=20) == 0
    second.communicate()
    first.close()


@pytest.mark.parametrize("after_kill", [False, True])
def test_of_starts_at_the_same_moment_one_runs_and_gets_the_files_of_all(after_kill: bool) -> None:
    found = together(6, after_kill=after_kill)
    assert (found.running, dict(found.codes), found.not_imported, found.twice) == (1, {0: 5}, [], [])


def test_starts_without_the_lock_are_noticed_to_run_together() -> None:
    assert together(2, control=True).running == 2


def test_after_kills_in_the_middle_of_a_start_the_next_one_succeeds() -> None:
    found = killed_starts(3, random.SystemRandom().randrange(1 << 30))
    assert (found.kills, found.failed, found.twice, found.unsound) == (3, [], [], [])


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
