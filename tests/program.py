"""The program as a real process, from source, in a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, "-P", "-m", "desktop"]


def environment(home: Path, **variables: str) -> dict[str, str]:
    """A journalist's environment: a home, no key store, no display, no proxies."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "PULLQUOTE_HOME": str(home), "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8", "PYTHONWARNINGS": "error::ResourceWarning", **variables}


def run(home: Path, *arguments: str | Path, text_input: str = "", timeout: float = 90,
        **variables: str) -> subprocess.CompletedProcess[str]:
    """Run to the end."""
    return subprocess.run([*COMMAND, *map(str, arguments)], env=environment(home, **variables), input=text_input,
                          capture_output=True, text=True, timeout=timeout, encoding="utf-8")


class Running:
    """A started program whose standard error is read as it comes."""

    def __init__(self, home: Path, *arguments: str | Path, module: str = "desktop", **variables: str) -> None:
        command = [*COMMAND[:-1], module, *map(str, arguments)]
        self.process = subprocess.Popen(command, env=environment(home, **variables),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        start_new_session=True)
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for_line(self, wanted: Callable[[str], bool], timeout: float = 60) -> str:
        """The first line on standard error for which `wanted` is true."""
        with self._news:
            found = self._news.wait_for(lambda: any(map(wanted, self.lines)) or not self._reader.is_alive(), timeout)
        line = next(filter(wanted, self.lines), None)
        assert found and line is not None, f"not said: {self.lines}"
        return line

    def end(self, timeout: float = 30) -> tuple[int, str, str]:
        """Wait for its end: exit code, standard output, standard error."""
        assert self.process.stdout and self.process.stderr
        output = self.process.stdout.read().decode("utf-8")
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        self.process.stdout.close()
        self.process.stderr.close()
        return code, output, "".join(self.lines)

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            with self._news:
                self.lines.append(line.decode("utf-8", "replace"))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()
