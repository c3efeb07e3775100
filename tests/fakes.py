"""Stand-ins for what is slow or far away: an engine that says what it is told, and reports to look at."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

from desktop.engines import Abilities, Clip, HeardSegment, Hearing, Wishes
from desktop.errors import Cancelled, EngineError
from desktop.model import Cargo, Progress, Report, Usage


class FreeGate:
    """Lets everything pass and keeps what passed."""

    def __init__(self) -> None:
        self.left: list[Cargo] = []
        self.ended: list[tuple[int, str, Usage | None]] = []
        self.remote: dict[int, str] = {}

    def leave(self, cargo: Cargo, remote_name: str = "") -> int:
        self.left.append(cargo)
        if remote_name:
            self.remote[len(self.left)] = remote_name
        return len(self.left)

    def removed(self, entry: int) -> None:
        del self.remote[entry]

    def stored(self, cargo: Cargo) -> tuple[int, str] | None:
        return None

    def back(self, entry: int, outcome: str, usage: Usage | None, model: str) -> None:
        self.ended.append((entry, outcome, usage))


class FakeEngine:
    """Answers with `script(call, clip, wishes)`: a list of (start, end, speaker, text), or an error to raise."""

    name = "fake"
    model = "fake-1"
    at_once = 1
    sends_as = "flac"

    def __init__(self, script: Callable[[int, Clip, Wishes], object] | None = None, *, longest_part: float = 10.0,
                 overlap: float = 0.0, speakers: bool = True) -> None:
        self.abilities = Abilities(speakers=speakers, translation=True, emotion=True, summary=True,
                                   sends_audio=False, cannot="")
        self.longest_part, self.overlap = longest_part, overlap
        self.calls: list[tuple[Clip, Wishes]] = []
        self.closed = 0
        self._script = script or one_line_per_call

    def hear(self, clip: Clip, wishes: Wishes, report: Report) -> str:
        report(Progress(0.5, "Listening"))
        self.calls.append((clip, wishes))
        answer = self._script(len(self.calls) - 1, clip, wishes)
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, str) else json.dumps({"segments": answer})

    def read(self, answer: str) -> Hearing:
        try:
            lines = [HeardSegment(text, start, end, speaker)
                     for start, end, speaker, text in json.loads(answer)["segments"]]
        except (ValueError, TypeError, KeyError):
            raise EngineError("broken", "The fake's answer cannot be read.") from None
        return Hearing(tuple(lines), summary="A fake summary.")

    def close(self) -> None:
        self.closed += 1


def one_line_per_call(call: int, clip: Clip, wishes: Wishes) -> object:
    return [(wishes.lead_in + 0.1, clip.seconds - 0.1, "Ann", f"line {call}")]


class Reports(list[Progress]):
    """A report that keeps everything it is told, and stops the work when `stop_when` says so."""

    def __init__(self, stop_when: Callable[[Progress], bool] = lambda progress: False) -> None:
        super().__init__()
        self._stop_when = stop_when

    def __call__(self, progress: Progress) -> None:
        self.append(progress)
        if self._stop_when(progress):
            raise Cancelled

    @property
    def sentences(self) -> list[str]:
        return [str(progress.sentence) for progress in self]

    @property
    def payloads(self) -> list[object]:
        return [progress.payload for progress in self if progress.payload is not None]


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for a condition that another thread will fulfil; fails when it does not."""
    end, tick = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < end, "it never came true"
        tick.wait(0.01)
