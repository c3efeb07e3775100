"""Speech models: the starter is the pinned one, others come only when asked for, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from desktop.engines import speech_models
from desktop.engines.on_device import make
from desktop.engines.speech_models import MODELS, STARTER, check_starter, fetch, folder_of
from desktop.errors import Cancelled, EngineError
from desktop.paths import data_folder
from tests.fakes import Reports

WRITE = ("import json, sys, pathlib, time\n"
         "request = json.loads(sys.stdin.readline())\n"
         "folder = pathlib.Path(request['folder'])\n"
         "(folder / 'config.json').write_text(request['repository'])\n")


def hub(monkeypatch: pytest.MonkeyPatch, code: str) -> list[subprocess.Popen[bytes]]:
    """Let this code (Python) be the child that fetches."""
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *, with_network: bool = False) -> subprocess.Popen[bytes]:
        assert name == "fetch_model" and with_network
        started.append(subprocess.Popen([sys.executable, "-c", WRITE + code], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE))
        return started[-1]

    monkeypatch.setattr(speech_models, "start_child", start)
    return started


def left_in_models() -> list[str]:
    folder = data_folder() / "models"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_the_starter_model_is_here_and_is_the_pinned_one() -> None:
    folder = folder_of(STARTER)
    assert folder is not None
    check_starter(folder)


def test_a_changed_starter_model_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.bin").write_bytes(b"something else")
    monkeypatch.setattr(speech_models, "_starter_folder", lambda: tmp_path)
    with pytest.raises(EngineError, match="damaged"):
        make(STARTER)


def test_a_model_that_was_fetched_is_there_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    hub(monkeypatch, "(folder / 'model.bin').write_bytes(bytes(1000))")
    reports = Reports()
    fetch("base", reports)
    folder = folder_of("base")
    assert folder is not None and (folder / "config.json").read_text() == MODELS["base"].repository
    assert left_in_models() == ["base"] and make("base").model == "base"
    assert all("145 MB" in sentence for sentence in reports.sentences) and reports


@pytest.mark.parametrize("code", ["sys.exit(1)", "", "import os; os.abort()"], ids=["failed", "no model", "died"])
def test_a_model_that_did_not_come_leaves_nothing(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    hub(monkeypatch, code)
    with pytest.raises(EngineError) as caught:
        fetch("base", Reports())
    assert caught.value.kind == "offline" and folder_of("base") is None and left_in_models() == []


def test_fetching_can_be_stopped_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    started = hub(monkeypatch, "time.sleep(600)")
    with pytest.raises(Cancelled):
        fetch("small", Reports(lambda progress: True))
    assert started[0].returncode is not None and left_in_models() == []


def test_a_failed_fetch_keeps_the_model_that_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    hub(monkeypatch, "(folder / 'model.bin').write_bytes(b'old')")
    fetch("base", Reports())
    hub(monkeypatch, "sys.exit(1)")
    with pytest.raises(EngineError):
        fetch("base", Reports())
    folder = folder_of("base")
    assert folder is not None and (folder / "model.bin").read_bytes() == b"old"


@pytest.mark.parametrize("name", ["nonsense", "", "../../etc"])
def test_an_unknown_model_is_refused_in_words(name: str) -> None:
    with pytest.raises(EngineError):
        fetch(name, Reports())
    assert left_in_models() == []
