"""Builds the program that people install, then starts it and checks that nothing is missing. Standard library only."""

import argparse
import ctypes.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
DIST, WORK = ROOT / "dist", ROOT / "build"
MEDIA = ROOT / "tests" / "audio" / "jfk-44k1.m4a"
WORDS_IN_MEDIA = "what your country can do for you"  # the starter model hears "asked not" before it
PATIENCE = 180.0  # seconds for one run of the frozen program; on a quiet machine the longest takes 5

# What `--self-test` must have looked at: a check that is skipped must not look like one that passed.
CHECKS = frozenset({
    "window", "playback", "portaudio", "keyring", "fts5", "tls", "icons", "flac", "exports", "quote check",
    "decoder child",
    "speech engine child", "recorder child", "gemini through the stand-in"})
CHILDREN = frozenset({"decode", "whisper", "record"})
# What machines without a sound card or a window manager say; anything else on standard error is a finding.
HARMLESS = re.compile(
    r"ALSA lib |PulseAudioService: |No audio device detected|This plugin does not support propagateSizeHints"
    r"|Cannot connect to server|jack server is not running|JackShm|connect\(2\) call to /dev/shm/jack|\s*$")
STAND_IN = """
import sys
from tests.gemini_service import GeminiService
with GeminiService() as service:
    print(service.url, service.key, flush=True)
    sys.stdin.read()
    print(len(service.heard))
"""


class BuildError(Exception):
    """What is wrong with the build; its text is the one line that is shown."""


@dataclass(frozen=True)
class Finished:
    """A run of the frozen program that has ended; `children` are the names of those seen at work."""

    code: int
    output: str
    errors: str
    children: frozenset[str]


def say(text: str) -> None:
    """Show one line of progress."""
    print(f"[build] {text}", flush=True)


# Building


def build() -> None:
    """Run PyInstaller on the spec; its own talk goes into build/pyinstaller.log."""
    if sys.platform.startswith("linux") and not ctypes.util.find_library("portaudio"):
        raise BuildError("PortAudio (libportaudio2) is not on this machine, so it would be missing from the program.")
    WORK.mkdir(exist_ok=True)
    log = WORK / "pyinstaller.log"
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--clean", "--distpath", str(DIST),
               "--workpath", str(WORK), str(ROOT / "packaging" / "desktop.spec")]
    started = time.monotonic()
    say("Building; this takes one to three minutes…")
    with log.open("wb") as file:
        # PyInstaller's cache is kept inside build/, so that removing that folder removes everything.
        code = subprocess.run(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT,
                              env=os.environ | {"PYINSTALLER_CONFIG_DIR": str(WORK / "cache")}).returncode
    text = log.read_text("utf-8", errors="replace")
    if code != 0:
        print("\n".join(text.splitlines()[-20:]), file=sys.stderr)
        raise BuildError(f"PyInstaller failed with exit code {code}; the lines above and {log} say why.")
    missing = missing_modules(text)
    if missing:
        raise BuildError(f"PyInstaller did not find: {', '.join(missing)}. See {log}.")
    say(f"Built in {time.monotonic() - started:.0f} s.")


def missing_modules(log: str) -> list[str]:
    """Name what PyInstaller was told to take and only complained about not finding."""
    return re.findall(r"Hidden import '([^']+)' not found", log) + re.findall(
        r"(\w+) shared library not found", log)


def program() -> Path:
    """Give the path of the frozen program's executable."""
    if sys.platform == "darwin":
        return DIST / "Pullquote.app" / "Contents" / "MacOS" / "pullquote"
    return DIST / "pullquote" / ("pullquote.exe" if sys.platform == "win32" else "pullquote")


def size_of(folder: Path) -> int:
    """Count the bytes of all files below a folder, links not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


# Starting what was built


def clean_environment(home: Path) -> dict[str, str]:
    """Make an environment in which nothing of this machine's Python can be found, and the user's files are not."""
    runtime = home / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    kept = ("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "TEMP", "TMP") if sys.platform == "win32" else ()
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "HOME": str(home), "PULLQUOTE_HOME": str(home / "pullquote"), "XDG_RUNTIME_DIR": str(runtime),
        "PATH": str(home / "no-programs"), "LANG": "C.UTF-8"}


def run(command: list[str], environment: dict[str, str], given: str = "") -> Finished:
    """Run the frozen program to its end under a time limit, and watch what it starts."""
    process = subprocess.Popen(
        command, env=environment, cwd=environment["HOME"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace", start_new_session=os.name == "posix")
    try:
        with ChildWatch(str(program())) as watch:
            output, errors = process.communicate(given, PATIENCE)
    except subprocess.TimeoutExpired:
        raise BuildError(f"{said(command)} did not end within {PATIENCE:.0f} s.") from None
    finally:
        end(process)
    return Finished(process.returncode, output, errors, frozenset(watch.names))


def said(command: list[str]) -> str:
    """Give a command as it is named in messages."""
    return " ".join(Path(part).name for part in command)


def end(process: subprocess.Popen[str]) -> None:
    """End a process and everything that it started."""
    if os.name == "posix":
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # all have ended
    else:
        process.kill()
    process.wait()


class ChildWatch:
    """Notes which child processes of an executable are at work, by their command lines (Linux has /proc)."""

    def __init__(self, executable: str) -> None:
        self.names: set[str] = set()
        self._start = [os.fsencode(executable), b"--child"]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "ChildWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    command = file.read_bytes().split(b"\0")
                except OSError:
                    continue  # it has just ended
                if command[:2] == self._start:
                    self.names.add(os.fsdecode(command[2]))


@contextmanager
def stand_in_service() -> Iterator[tuple[str, str]]:
    """Run the strict stand-in for Gemini beside us; gives its address and key. Raises BuildError if it went unused."""
    with subprocess.Popen([sys.executable, "-c", STAND_IN], cwd=ROOT, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        try:
            url, _, key = process.stdout.readline().strip().partition(" ")
            if not url:
                raise BuildError("The stand-in service did not start; the lines above say why.")
            yield url, key
            process.stdin.close()
            heard = process.stdout.read().strip()
        finally:
            process.kill()
    if heard in ("", "0"):
        raise BuildError("The frozen program asked the stand-in service for no transcript.")


@contextmanager
def virtual_screen() -> Iterator[str]:
    """Run Xvfb on a display that it finds free; gives the display's name."""
    reading, writing = os.pipe()
    xvfb = subprocess.Popen(["Xvfb", "-displayfd", str(writing), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"],
                            pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()
        if not number:
            raise BuildError("The virtual screen (Xvfb) did not start.")
        yield f":{number}"
    finally:
        xvfb.terminate()
        xvfb.wait()


# The checks


def self_test(home: Path, **platform: str) -> str:
    """Let the program test itself, with the stand-in service as Gemini."""
    with stand_in_service() as (url, key):
        environment = clean_environment(home) | platform | {"PULLQUOTE_GEMINI_URL": url}
        finished = run([str(program()), "--self-test", str(MEDIA)], environment, f"{key}\n")
    problems = self_test_problems(finished)
    if problems:
        print(finished.output, finished.errors, sep="\n", file=sys.stderr)
        raise BuildError(f"The self-test failed: {'; '.join(problems)}.")
    return f"{len(CHECKS)} checks; children seen: {', '.join(sorted(finished.children)) or 'not watched here'}"


def self_test_on_screen(home: Path) -> str:
    """The same in a real window system."""
    with virtual_screen() as display:
        return self_test(home, QT_QPA_PLATFORM="xcb", DISPLAY=display)


def self_test_problems(finished: Finished) -> list[str]:
    """Say everything that is wrong with a self-test; nothing when all is well."""
    try:
        report = json.loads(finished.output)
        results, failed, frozen = report["results"], report["failed"], report["frozen"]
    except (ValueError, KeyError, TypeError):
        return [f"exit code {finished.code} and no readable report"]
    problems = [f"{name}: {results.get(name, 'no result')}" for name in failed]
    problems += [f"not checked: {name}" for name in sorted(CHECKS - set(results))]
    problems += [f"a check that packaging/build.py does not know: {name}" for name in sorted(set(results) - CHECKS)]
    problems += [] if frozen else ["the program does not know that it is frozen"]
    problems += [f"exit code {finished.code}"] if finished.code != 0 else []
    if sys.platform.startswith("linux"):
        problems += [f"the frozen program was not used for the {name} child" for name in sorted(
            CHILDREN - finished.children)]
    return problems + [f"on standard error: {line}" for line in noise(finished.errors)]


def noise(errors: str) -> list[str]:
    """The lines on standard error that must not be there."""
    return [line for line in errors.splitlines() if not HARMLESS.match(line)]


def transcribe(home: Path) -> str:
    """Use the command line for what it is there for, on the device."""
    started = time.monotonic()
    finished = run([str(program()), "transcribe", str(MEDIA), "--engine", "device"], clean_environment(home))
    heard = " ".join(re.findall(r"[a-z']+", finished.output.lower()))
    if finished.code != 0 or WORDS_IN_MEDIA not in heard or "Traceback" in finished.errors:
        raise BuildError(f"transcribe ended with exit code {finished.code} and heard {finished.output.strip()!r}: "
                         f"{' '.join(finished.errors.split())[-300:]}")
    return f"{time.monotonic() - started:.1f} s for 11 s of audio"


def version(home: Path) -> str:
    """The quickest sign of life."""
    finished = run([str(program()), "--version"], clean_environment(home))
    if finished.code != 0 or not finished.output.startswith("Pullquote ") or finished.errors:
        raise BuildError(f"--version ended with exit code {finished.code}: {finished.output}{finished.errors}")
    return finished.output.strip()


def key_store(home: Path) -> str:
    """Find a real Secret Service: without a session bus a missing library looks just like a missing service."""
    command = ["dbus-run-session", "--", str(program()), "key", "where"]
    finished = run(command, clean_environment(home) | {"PATH": "/usr/bin:/bin"})
    if finished.code != 0 or "Secret Service" not in finished.output:
        raise BuildError(f"The key store was not found on a bus of its own: {finished.output}{finished.errors}")
    return finished.output.strip()


def model_fetching(home: Path) -> str:
    """See the child that fetches models ask a hub of ours, which has none: its imports are there then."""
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    hub = HTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    try:
        environment = clean_environment(home) | {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_address[1]}"}
        request = json.dumps({"repository": "nobody/nothing", "folder": str(home / "model")})
        finished = run([str(program()), "--child", "fetch_model"], environment, f"{request}\n")
    finally:
        hub.shutdown()
        hub.server_close()
    if finished.code != 1 or not any("nobody/nothing" in path for path in asked):
        raise BuildError(f"The child that fetches models asked for {asked} and ended with {finished.code}: "
                         f"{finished.errors[-300:]}")
    return "asks the hub"


def recording(home: Path) -> str:
    """Record what a sound server of our own plays, until Ctrl+C: PortAudio, the recorder and the conversion."""
    environment = clean_environment(home) | {"PATH": "/usr/bin:/bin", "PULSE_RUNTIME_PATH": str(home / "runtime")}
    command = ["timeout", "--preserve-status", "-s", "INT", "8", str(program()), "record", "--device",
               "Monitor of Room", "--title", "Built"]
    server = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
              "-L", "module-native-protocol-unix",
              "-L", "module-null-sink sink_name=room sink_properties=device.description=Room"]
    with subprocess.Popen(server, env=environment, stderr=subprocess.DEVNULL, text=True,
                          start_new_session=True) as process:
        try:
            while process.poll() is None and subprocess.run(["pactl", "info"], env=environment,
                                                            capture_output=True).returncode:
                time.sleep(0.05)
            finished = run(command, environment)
        finally:
            end(process)
    if finished.code != 0 or not finished.output.startswith("Built\t0:0") or "Traceback" in finished.errors:
        raise BuildError(f"record ended with exit code {finished.code}: {finished.output}{finished.errors}")
    return f"{finished.output.split()[-1]} of sound in the library"


def all_checks() -> list[tuple[str, Callable[[Path], str]]]:
    """What is tried on this machine; the second self-test and the key store need programs that may not be there."""
    checks: list[tuple[str, Callable[[Path], str]]] = [
        ("version", version),
        ("self-test offscreen", partial(self_test, QT_QPA_PLATFORM="offscreen")),
        ("transcribe on device", transcribe),
        ("fetching models", model_fetching),
    ]
    if not sys.platform.startswith("linux"):
        return checks
    if shutil.which("Xvfb"):
        checks.append(("self-test under Xvfb", self_test_on_screen))
    if shutil.which("dbus-run-session") and shutil.which("gnome-keyring-daemon"):
        checks.append(("key store", key_store))
    if shutil.which("pulseaudio") and shutil.which("pactl"):
        checks.append(("recording", recording))
    return checks


def check() -> None:
    """Start the frozen program in every way; raises BuildError at the first that does not work."""
    for name, attempt in all_checks():
        with tempfile.TemporaryDirectory(prefix="pullquote-build-", ignore_cleanup_errors=True) as home:
            say(f"{name}: {attempt(Path(home).resolve())}")


def in_venv() -> bool:
    """Tell whether this runs in .venv, where PyInstaller and all that goes into the program are."""
    return Path(sys.prefix).resolve() == VENV.resolve()


def end_on_sigterm(signum: int, frame: FrameType | None) -> None:
    """Turn a request to end into an orderly way out, so that everything we started ends too."""
    sys.exit(128 + signum)


def main(arguments: list[str]) -> int:
    """Build and check; gives the exit code."""
    if not in_venv():
        # dev.py makes .venv where it is missing and comes back here with its Python.
        return subprocess.run([sys.executable, str(ROOT / "packaging" / "dev.py"), "build", *arguments]).returncode
    parser = argparse.ArgumentParser(prog="packaging/build.py", description=__doc__)
    parser.add_argument("--check-only", action="store_true", help="do not build; check what lies in dist/")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, end_on_sigterm)
    try:
        if not options.check_only:
            build()
        if not program().is_file():
            raise BuildError(f"There is no {program()}; build it first.")
        check()
    except BuildError as error:
        print(f"The build is not usable. {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    size = size_of(program().parent)
    say(f"All is well: {program().parent} is {size / 1e6:.0f} MB.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
