"""Keys while something goes on in a terminal: marks and off the record while recording."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from desktop import cli_record
from desktop.terminal import keys

if sys.platform == "win32":
    pytest.skip("no pseudo terminals", allow_module_level=True)

import termios


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The other end of the terminal that is standard input."""
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield ours
    os.close(ours)


def test_keys_come_one_by_one_and_the_terminal_is_left_as_it_was(terminal: int) -> None:
    before = termios.tcgetattr(sys.stdin.fileno())
    with keys() as pressed:
        assert pressed() == ""
        os.write(terminal, b"mo")
        assert [pressed(), pressed(), pressed()] == ["m", "o", ""]
        assert termios.tcgetattr(sys.stdin.fileno())[3] & termios.ISIG  # Ctrl+C still stops
    assert termios.tcgetattr(sys.stdin.fileno()) == before


def test_without_a_terminal_there_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with keys() as pressed:
            assert pressed() == ""


def test_what_the_keys_of_a_recording_do(capsys: pytest.CaptureFixture[str]) -> None:
    from desktop.recording.messages import State

    done: list[Any] = []
    recorder: Any = SimpleNamespace(mark=lambda: done.append("mark"), pause=lambda: done.append("pause"),
                                    resume=lambda: done.append("resume"), set_off_record=done.append)

    def press(key: str, state: State = State.RECORDING, off: bool = False) -> None:
        status: Any = SimpleNamespace(elapsed=61.25, state=state, is_off_record=off)
        cli_record._obey(recorder, status, key)

    press("")
    press("x")
    press("m")
    press("O")
    press("o", off=True)
    press("p")
    press("p", State.PAUSED)
    assert done == ["mark", True, False, "pause", "resume"]
    said = capsys.readouterr().err
    assert "Marked at 1:01.2" in said and "Off the record from here on." in said and "Paused." in said
