"""The developer's tool: what it decides, without installing anything."""

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


def load_dev() -> ModuleType:
    """Load packaging/dev.py by its path: the name "packaging" belongs to a library."""
    spec = importlib.util.spec_from_file_location("pullquote_dev", ROOT / "packaging" / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


dev = load_dev()

DPKG_OUTPUT = (
    "installed\tlibgl1\t\n"
    "config-files\tlibegl1\t\n"
    "installed\tlibglib2.0-0t64\tlibglib2.0-0 (= 2.84.4-3), libgio-2.0-0\n"
    "installed\txvfb\txserver\n"
)


def test_missing_packages_keeps_the_order_and_names_only_what_is_not_installed() -> None:
    wanted = ["xauth", "libgl1", "libegl1", "xvfb"]
    assert dev.missing_packages(wanted, DPKG_OUTPUT) == ["xauth", "libegl1"]


def test_a_package_provided_under_a_newer_name_is_not_missing() -> None:
    assert dev.missing_packages(["libglib2.0-0", "libgio-2.0-0", "xserver"], DPKG_OUTPUT) == []


def test_without_any_answer_from_dpkg_everything_is_missing() -> None:
    assert dev.missing_packages(["libgl1"], "") == ["libgl1"]


def test_stamp_changes_with_the_lock_and_the_place() -> None:
    one = dev.stamp_text(b"a==1", Path("here"))
    assert one == dev.stamp_text(b"a==1", Path("here"))
    assert one != dev.stamp_text(b"a==2", Path("here"))
    assert one != dev.stamp_text(b"a==1", Path("there"))


def test_venv_is_finished_only_with_its_stamp_and_its_python(tmp_path: Path) -> None:
    python = Path(dev.venv_program("python", tmp_path))
    python.parent.mkdir()
    python.touch()
    assert not dev.venv_is_finished(tmp_path, "wanted")
    (tmp_path / dev.STAMP_NAME).write_text("older", encoding="utf-8")
    assert not dev.venv_is_finished(tmp_path, "wanted")
    (tmp_path / dev.STAMP_NAME).write_text("wanted", encoding="utf-8")
    assert dev.venv_is_finished(tmp_path, "wanted")
    python.unlink()
    assert not dev.venv_is_finished(tmp_path, "wanted")


def test_tests_get_no_key() -> None:
    env = dev.test_env({"GEMINI_API_KEY": "a", "GOOGLE_API_KEY": "b", "google_project": "c", "HOME": "/h"})
    assert env == {"HOME": "/h", "PYTHONPATH": str(ROOT)}


def test_the_source_tree_comes_before_the_callers_python_path() -> None:
    env = dev.source_env({"PYTHONPATH": "elsewhere"})
    assert env["PYTHONPATH"] == os.pathsep.join([str(ROOT), "elsewhere"])


@pytest.mark.parametrize(
    ("arguments", "screen", "expected"),
    [
        ([], True, []),
        (["talk.m4a"], True, ["talk.m4a"]),
        ([], False, ["--headless-demo"]),
        (["talk.m4a"], False, ["--headless-demo", "talk.m4a"]),
        (["--version"], False, ["--version"]),
    ],
)
def test_without_a_screen_the_program_shows_its_demonstration(
    arguments: list[str], screen: bool, expected: list[str]
) -> None:
    assert dev.run_arguments(arguments, screen) == expected


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux names its screen")
@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, False),
        ({"DISPLAY": ""}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({"QT_QPA_PLATFORM": "offscreen"}, True),
    ],
)
def test_has_screen(env: dict[str, str], expected: bool) -> None:
    assert dev.has_screen(env) is expected


def test_a_signal_becomes_the_shells_exit_code() -> None:
    assert dev.shell_code(0) == 0
    assert dev.shell_code(7) == 7
    assert dev.shell_code(-signal.SIGTERM) == 143


def test_the_lock_command_names_no_server() -> None:
    arguments = dev.lock_arguments()
    assert "--generate-hashes" in arguments
    assert "--no-emit-index-url" in arguments
    assert not any("://" in argument for argument in arguments)


def test_a_failed_quiet_command_shows_its_lines_but_no_warnings(capfd: pytest.CaptureFixture[str]) -> None:
    script = "print('WARNING: slow index'); print('ERROR: no such package'); raise SystemExit(1)"
    with pytest.raises(dev.DevError, match=r"It failed\."):
        dev.run_quietly([sys.executable, "-c", script], "It failed.")
    assert capfd.readouterr().err == "ERROR: no such package\n"


def test_only_what_follows_the_first_error_is_shown() -> None:
    assert dev.from_first_error(["Collecting a", "ERROR: b", "  Expected c"]) == ["ERROR: b", "  Expected c"]
    assert dev.from_first_error(["Traceback", "OSError"]) == ["Traceback", "OSError"]


def test_soak_runs_its_file_without_a_key_and_hands_the_exit_code_on(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[list[str], dict[str, str]]] = []

    def run_child(command: list[str], env: dict[str, str], cwd: Path) -> int:
        started.append((command, env))
        return 1

    monkeypatch.setattr(dev, "set_up", lambda *packages: None)
    monkeypatch.setattr(dev, "run_child", run_child)
    monkeypatch.setenv("GEMINI_API_KEY", "somebody's")
    assert dev.COMMANDS["soak"](["--quick", "--seed", "5"]) == 1
    ((command, env),) = started
    assert command[0] == dev.venv_program("python")
    assert command[-4:] == [str(ROOT / "packaging" / "soak.py"), "--quick", "--seed", "5"]
    assert "GEMINI_API_KEY" not in env
    assert env["PYTHONPATH"].startswith(str(ROOT))
    assert "  soak  " in dev.USAGE


def run_tool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the tool as a person does."""
    command = [sys.executable, str(ROOT / "packaging" / "dev.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_an_unknown_command_is_answered_with_the_usage() -> None:
    for arguments in ((), ("dance",)):
        result = run_tool(*arguments)
        assert result.returncode == 2
        assert result.stderr.startswith("usage: ")
    assert run_tool("--help").stdout.startswith("usage: ")


def test_set_up_refuses_arguments_it_would_ignore() -> None:
    result = run_tool("setup", "--fast")
    assert (result.returncode, result.stderr) == (2, "setup takes no arguments; got: --fast\n")


def test_an_older_python_is_told_so_in_one_sentence() -> None:
    script = (
        "import runpy, sys; sys.version_info = (3, 9, 2); sys.version = '3.9.2 (old)';"
        f"runpy.run_path({str(ROOT / 'packaging' / 'dev.py')!r}, run_name='__main__')"
    )
    result = subprocess.run(
        [sys.executable, "-S", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 2
    assert result.stderr == "Pullquote needs Python 3.11 or newer; this is Python 3.9.2.\n"
