"""One command from a fresh machine to running, testing or building Pullquote; standard library only."""

import hashlib
import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

OLDEST_PYTHON = (3, 11)
if sys.version_info < OLDEST_PYTHON:
    # Said here, before any line below can fail on the older Python.
    print(f"Pullquote needs Python 3.11 or newer; this is Python {sys.version.split()[0]}.", file=sys.stderr)
    sys.exit(2)

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP_NAME = "pullquote-setup.stamp"
ON_LINUX = sys.platform.startswith("linux")

USAGE = """usage: python3 packaging/dev.py COMMAND [arguments]

  run   [arguments]   set up, then start Pullquote (without a screen: transcribe the sample and print it)
  test  [arguments]   set up, then all checks and tests; with arguments: only pytest, offscreen, with them
  soak  [arguments]   set up, then the long run: jobs, kills, stops, recorder, library (--quick, --seed N, --only PART)
  build [arguments]   set up, then make the installable program with packaging/build.py
  setup               only set up: system packages (Debian, Ubuntu), .venv, the locked Python packages
  lock                make requirements.lock anew from pyproject.toml"""

RUN_PACKAGES = (
    *("libegl1", "libgl1", "libglib2.0-0", "libfontconfig1", "libpulse0", "libportaudio2"),
    *("libxrandr2", "libxcb-cursor0", "libxcb-icccm4", "libxcb-keysyms1", "libxcb-shape0"),
    *("libxkbcommon-x11-0", "libwayland-cursor0", "libwayland-egl1"),
)
TEST_PACKAGES = (
    *("xvfb", "xauth", "strace", "dbus-daemon", "gnome-keyring"),
    *("pulseaudio", "pulseaudio-utils", "libasound2-plugins"),
    "btrfs-progs",  # simulated power cuts
)
CODE_FOLDERS = ("desktop", "tests", "benchmarks", "packaging")
WORKERS = (os.cpu_count() or 1) + 1  # tests wait much: for children, for the stand-in service
SEVERAL = ("-n", str(WORKERS), "--dist", "worksteal")
KEY_PREFIXES = ("GEMINI_", "GOOGLE_")
XVFB_START_SECONDS = 30.0


class DevError(Exception):
    """Something the person at the keyboard must know or do; its text is the whole message."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def say(text: str) -> None:
    """Show one progress line; standard output stays the child's own."""
    print(f"[dev] {text}", file=sys.stderr, flush=True)


# Child processes


def shell_code(code: int) -> int:
    """Turn Popen's negative "ended by a signal" into the shell's 128 + signal."""
    return 128 - code if code < 0 else code


def run_child(command: list[str], env: Mapping[str, str] | None = None, cwd: Path | None = None) -> int:
    """Run a command to its end and give its exit code; never leaves it behind when we are stopped."""
    process = subprocess.Popen(command, env=env, cwd=cwd)
    try:
        return shell_code(process.wait())
    except KeyboardInterrupt:
        # The terminal sends Ctrl+C to the child too, so it gets the time to end by itself.
        stop(process, patience=5.0)
        raise
    except BaseException:
        stop(process)
        raise


def stop(process: subprocess.Popen[bytes], patience: float = 0.0) -> None:
    """End a process: wait, then ask, then insist."""
    for ask, seconds in ((None, patience), (process.terminate, 10.0), (process.kill, 10.0)):
        try:
            if ask:
                ask()
            process.wait(seconds)
            return
        except (subprocess.TimeoutExpired, PermissionError):
            # A sudo process is root's: it cannot be asked by us, only by the terminal's Ctrl+C.
            continue


# System packages (Debian and Ubuntu)


def present_packages(dpkg_output: str) -> set[str]:
    """Read "status<TAB>name<TAB>provides" lines into the names that are there, under any name."""
    present: set[str] = set()
    for line in dpkg_output.splitlines():
        status, name, provides = [*line.split("\t"), "", ""][:3]
        if status == "installed":
            # Newer releases ship libglib2.0-0 as libglib2.0-0t64, which "provides" the old name.
            present.add(name)
            present.update(entry.split()[0] for entry in provides.split(",") if entry.strip())
    return present


def missing_packages(wanted: Iterable[str], dpkg_output: str) -> list[str]:
    """Name the wanted system packages that are not installed, in the order given."""
    present = present_packages(dpkg_output)
    return [name for name in wanted if name not in present]


def can_make_venv() -> bool:
    """Tell whether this Python can make a virtual environment (Debian splits that off)."""
    importlib.invalidate_caches()
    return importlib.util.find_spec("ensurepip") is not None


def venv_packages() -> list[str]:
    """Name the package that lets this very Python, not just the system's default one, make a .venv."""
    return [] if can_make_venv() else [f"python3.{sys.version_info.minor}-venv"]


def build_packages() -> list[str]:
    """Name what PyInstaller needs: binutils, and the shared libpython that Debian splits off."""
    from_debian = sys.base_prefix == "/usr"
    return ["binutils"] + ([f"libpython3.{sys.version_info.minor}"] if from_debian else [])


def install_system_packages(wanted: list[str]) -> None:
    """Install the missing system packages where apt-get exists; other systems need none."""
    if not (ON_LINUX and shutil.which("apt-get") and shutil.which("dpkg-query")):
        return
    query = ["dpkg-query", "-W", "-f", r"${db:Status-Status}\t${Package}\t${Provides}\n"]
    missing = missing_packages(wanted, subprocess.run(query, capture_output=True, text=True).stdout)
    if not missing:
        return
    prefix = root_prefix()
    if prefix is None:
        install = f"sudo apt-get install -y --no-install-recommends {shlex.join(missing)}"
        raise DevError(
            "System packages are missing, and only root can install them. Run this line, then start again:\n"
            f"  sudo apt-get update && {install}"
        )
    say(f"Installing {len(missing)} system packages (this can take some minutes): {' '.join(missing)}")
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
    run_quietly([*apt, "update"], "The list of system packages could not be fetched (apt-get update).")
    run_quietly(
        [*apt, "install", "-y", "--no-install-recommends", *missing],
        "The system packages could not be installed (apt-get install).",
    )


def root_prefix() -> list[str] | None:
    """Say how to become root for apt-get: not at all, with sudo, or None when there is no way to ask."""
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        return None
    if subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0:
        return ["sudo", "-n"]
    return ["sudo"] if sys.stdin is not None and sys.stdin.isatty() else None


def run_quietly(command: list[str], failure: str, on_line: Callable[[str], None] | None = None) -> None:
    """Run a talkative command without its talk; when it fails, show its last lines and say what failed."""
    last: deque[str] = deque(maxlen=40)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            for raw in process.stdout or ():
                line = raw.decode(errors="replace").rstrip()
                # Warnings are about this machine's settings and slow servers; what stops us is an error.
                if not line.startswith("WARNING:"):
                    last.append(line)
                if on_line:
                    on_line(line)
        except BaseException:
            stop(process, patience=5.0)
            raise
    if process.returncode != 0:
        print("\n".join(from_first_error(last)), file=sys.stderr)
        raise DevError(f"{failure} The lines above say why. Put that right and run the same command again.")


def from_first_error(lines: Iterable[str]) -> list[str]:
    """Keep what pip or apt-get says from its first error on; all of it when no line is marked so."""
    lines = list(lines)
    starts = [number for number, line in enumerate(lines) if line.startswith(("ERROR", "E: "))]
    return lines[starts[0] :] if starts else lines


# The virtual environment


def venv_program(name: str, venv: Path = VENV) -> str:
    """Give the path of a program inside a virtual environment."""
    if sys.platform == "win32":
        return str(venv / "Scripts" / f"{name}.exe")
    return str(venv / "bin" / name)


def stamp_text(lock: bytes, root: Path = ROOT) -> str:
    """Describe a finished .venv: the locked packages, the Python it is for and where it was made."""
    python = f"{sys.implementation.cache_tag} {sysconfig.get_platform()}"
    return f"{hashlib.sha256(lock).hexdigest()}\n{python}\n{root}\n"


def venv_is_finished(venv: Path, wanted: str) -> bool:
    """Tell whether the environment was completed for just this, and its Python is still there."""
    try:
        stamp = (venv / STAMP_NAME).read_text(encoding="utf-8")
        return stamp == wanted and Path(venv_program("python", venv)).exists()
    except (OSError, UnicodeDecodeError):
        return False


def set_up_venv() -> None:
    """Make .venv with exactly the locked packages; an unfinished or outdated one is made anew."""
    lock = LOCK.read_bytes()
    wanted = stamp_text(lock)
    if venv_is_finished(VENV, wanted):
        return
    if VENV in Path(sys.executable).parents:
        raise DevError("The set-up must be renewed: start this with your system's Python, not with .venv's.")
    if VENV.exists():
        # Made anew, not patched: packages that left the lock would stay, and half-copied ones look whole.
        say("Removing the outdated or unfinished .venv…")
        remove_tree(VENV)
    say("Making a Python environment in .venv…")
    make_venv(VENV)
    install_locked(lock)
    (VENV / STAMP_NAME).write_text(wanted, encoding="utf-8")
    say("The set-up is complete.")


def remove_tree(folder: Path) -> None:
    """Delete a folder or say why not."""
    try:
        shutil.rmtree(folder)
    except OSError as error:
        message = f"{folder} could not be removed ({error}). Close the programs that use it and try again."
        raise DevError(message) from error


def make_venv(folder: Path) -> None:
    """Make a virtual environment with pip in it."""
    if not can_make_venv():
        raise DevError("This Python cannot make virtual environments: its ensurepip module is missing.")
    # The base interpreter, so that a .venv made from inside another environment does not depend on that one.
    base = getattr(sys, "_base_executable", None) or sys.executable
    run_quietly([base, "-m", "venv", str(folder)], "The Python environment could not be made.")


def install_locked(lock: bytes) -> None:
    """Install what requirements.lock names, each file checked against its hash."""
    total = sum(1 for line in lock.splitlines() if b"==" in line and not line.startswith((b" ", b"#")))
    say(f"Installing about {total} Python packages (1.4 GB on disk; the first time takes some minutes)…")
    fetched = 0

    def count(line: str) -> None:
        nonlocal fetched
        if line.startswith("Collecting "):
            fetched += 1
            if fetched % 20 == 0:
                say(f"{fetched} packages looked at…")
        elif line.startswith("Installing collected packages"):
            say("All are here; unpacking them…")

    run_quietly(
        [*pip(VENV), "install", "--progress-bar", "off", "--require-hashes", "-r", str(LOCK)],
        "The Python packages could not be installed.",
        count,
    )


def pip(venv: Path) -> list[str]:
    """Start a pip command that asks nothing and does not advertise its next version."""
    return [venv_program("python", venv), "-m", "pip", "--disable-pip-version-check", "--no-input"]


def set_up(extra_packages: Iterable[str] = ()) -> None:
    """Bring a machine to where every command of this file can work."""
    install_system_packages([*venv_packages(), *RUN_PACKAGES, *extra_packages])
    set_up_venv()


# Commands


def has_screen(env: Mapping[str, str]) -> bool:
    """Tell whether a window can be shown; only Linux says so in its environment."""
    return not ON_LINUX or any(env.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def run_arguments(arguments: list[str], screen: bool) -> list[str]:
    """Ask for the demonstration without a window where there is no screen, unless options say otherwise."""
    if screen or any(argument.startswith("-") for argument in arguments):
        return arguments
    return ["--headless-demo", *arguments]


def source_env(env: Mapping[str, str]) -> dict[str, str]:
    """Let Python find the source tree from any folder."""
    return {**env, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH", "")]))}


def test_env(env: Mapping[str, str]) -> dict[str, str]:
    """Give tests an environment without anybody's API key."""
    kept = {name: value for name, value in env.items() if not name.upper().startswith(KEY_PREFIXES)}
    return source_env(kept)


def command_run(arguments: list[str]) -> int:
    """Start the program from source, in the caller's folder so that file names mean what they say."""
    set_up()
    screen = has_screen(os.environ)
    arguments = run_arguments(arguments, screen)
    if not screen:
        say(f"There is no screen here (no DISPLAY, no WAYLAND_DISPLAY): desktop {shlex.join(arguments)}")
    # -P: a folder called "desktop" where the caller stands must not be taken for ours.
    return run_child([venv_program("python"), "-P", "-m", "desktop", *arguments], env=source_env(os.environ))


def command_test(arguments: list[str]) -> int:
    """Run every check in order until one fails, or only pytest when arguments are given."""
    set_up(TEST_PACKAGES)
    if arguments:
        return pytest_offscreen(arguments)
    stages = test_stages()
    for number, (name, stage) in enumerate(stages, start=1):
        say(f"Stage {number} of {len(stages)}: {name}")
        code = stage()
        if code != 0:
            say(f"Failed in stage {number} of {len(stages)}: {name}, exit code {code}. Nothing after it ran.")
            return code
    return 0


def test_stages() -> list[tuple[str, Callable[[], int]]]:
    """List the stages of a full test in their order."""
    folders = [name for name in CODE_FOLDERS if (ROOT / name).is_dir()]
    return [
        ("style (ruff)", lambda: run_check("ruff", ["check", *folders])),
        ("types (mypy)", lambda: run_check("mypy", [])),
        ("layers (lint-imports)", lambda: run_check("lint-imports", ["--no-logo"])),
        ("tests without a window (pytest)", lambda: pytest_offscreen(["--ignore=tests/ui", *SEVERAL])),
        ("window tests on a real window system (pytest)", pytest_on_screen),
    ]


def run_check(program: str, arguments: list[str]) -> int:
    """Run one of the .venv's programs on the source tree."""
    return run_child([venv_program(program), *arguments], env=test_env(os.environ), cwd=ROOT)


def pytest_offscreen(arguments: list[str]) -> int:
    """Run the tests that need no window system."""
    command = [venv_program("python"), "-m", "pytest", "-m", "not xvfb_only", *arguments]
    return run_child(command, env={**test_env(os.environ), "QT_QPA_PLATFORM": "offscreen"}, cwd=ROOT)


def pytest_on_screen() -> int:
    """Run the window tests on a virtual X screen; outside Linux, on the machine's own screen.

    One after the other: a screen has one keyboard focus, and a busy machine hands it on late.
    """
    command = [venv_program("python"), "-m", "pytest", "tests/ui"]
    env = test_env(os.environ)
    env.pop("QT_QPA_PLATFORM", None)
    if not ON_LINUX:
        return run_child(command, env=env, cwd=ROOT)
    env.pop("WAYLAND_DISPLAY", None)
    with virtual_screen() as display:
        return run_child(command, env={**env, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}, cwd=ROOT)


@contextmanager
def virtual_screen() -> Iterator[str]:
    """Start Xvfb on a display it finds free, give its name, and end it afterwards."""
    if not shutil.which("Xvfb"):
        raise DevError("The window tests need Xvfb, which is not installed. Install it and start again.")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    with tempfile.TemporaryFile() as log:
        xvfb = subprocess.Popen(command, pass_fds=[writing], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        os.close(writing)
        # Xvfb writes the number once it takes connections; when it dies or hangs, the pipe closes instead.
        watchdog = threading.Timer(XVFB_START_SECONDS, xvfb.kill)
        watchdog.start()
        try:
            with os.fdopen(reading) as pipe:
                number = pipe.readline().strip()
            watchdog.cancel()
            if not number:
                log.seek(0)
                print(log.read().decode(errors="replace"), file=sys.stderr)
                raise DevError("The virtual screen (Xvfb) did not start. The lines above, if any, say why.")
            yield f":{number}"
        finally:
            watchdog.cancel()
            stop(xvfb)


def command_build(arguments: list[str]) -> int:
    """Make the installable program."""
    set_up(build_packages() if ON_LINUX else ())
    return run_child([venv_program("python"), str(ROOT / "packaging" / "build.py"), *arguments], cwd=ROOT)


def command_soak(arguments: list[str]) -> int:
    """Run for minutes what the tests run for seconds; each figure is printed."""
    set_up(TEST_PACKAGES)
    # -P: this folder's files must not be taken for libraries of the same name.
    command = [venv_program("python"), "-P", str(ROOT / "packaging" / "soak.py"), *arguments]
    return run_child(command, env=test_env(os.environ), cwd=ROOT)


def command_setup(arguments: list[str]) -> int:
    """Set up for running and testing, and nothing more."""
    no_arguments("setup", arguments)
    set_up(TEST_PACKAGES)
    return 0


def command_lock(arguments: list[str]) -> int:
    """Make requirements.lock anew, with a uv that is thrown away afterwards."""
    no_arguments("lock", arguments)
    install_system_packages(venv_packages())
    with tempfile.TemporaryDirectory() as folder:
        venv = Path(folder) / "venv"
        say("Fetching uv into a temporary environment…")
        make_venv(venv)
        run_quietly([*pip(venv), "install", "uv"], "uv, which makes the lock, could not be installed.")
        say("Making requirements.lock…")
        run_quietly([venv_program("uv", venv), *lock_arguments()], "The lock could not be made.")
    say("requirements.lock is up to date; the next command installs from it.")
    return 0


def lock_arguments() -> list[str]:
    """Give uv's arguments: one lock for all systems, with hashes and without any server's name."""
    return [
        *("pip", "compile", "--universal", "--python-version", "3.11", str(ROOT / "pyproject.toml")),
        *("--extra", "device", "--group", "dev", "--group", "build", "--generate-hashes", "--no-header"),
        *("--no-emit-index-url", "--no-emit-find-links", "--quiet", "-o", str(LOCK)),
    ]


def no_arguments(command: str, arguments: list[str]) -> None:
    """Refuse arguments that would be ignored."""
    if arguments:
        raise DevError(f"{command} takes no arguments; got: {shlex.join(arguments)}", code=2)


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "run": command_run,
    "test": command_test,
    "soak": command_soak,
    "build": command_build,
    "setup": command_setup,
    "lock": command_lock,
}


def end_on_sigterm(signum: int, frame: FrameType | None) -> None:
    """Turn a request to end into an orderly way out, so that children and Xvfb end too."""
    sys.exit(128 + signum)


def main(arguments: list[str]) -> int:
    """Carry out one command and give the exit code."""
    if arguments and arguments[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    if not arguments or arguments[0] not in COMMANDS:
        print(USAGE, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, end_on_sigterm)
    try:
        return COMMANDS[arguments[0]](arguments[1:])
    except KeyboardInterrupt:
        return 130
    except DevError as error:
        print(error, file=sys.stderr)
        return error.code
    except OSError as error:
        print(f"The command could not be carried out: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
