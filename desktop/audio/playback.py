"""What the player plays: exact frames of the playback copy, at any speed with the pitch kept. No Qt, no device."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from desktop.audio.files import PlaybackCopy
from desktop.model import TimeRange

SLOWEST, FASTEST = 0.5, 3.0
_READ_SECONDS = 0.1


class PlaybackSource:
    """Gives out int16 PCM from a place on, and knows which place any given-out frame belongs to."""

    def __init__(self, path: Path) -> None:
        self._copy = PlaybackCopy(path)
        self.channels = self._copy.channels
        self.copy_rate = self._copy.rate
        self.rate = self._copy.rate  # of what is given out
        self.duration = self._copy.seconds
        self._speed = 1.0
        self._frame = 0
        self._end = self._copy.frames
        self._loop: tuple[int, int] | None = None
        self._tempo: _Tempo | None = None
        self._given = 0
        self._pending = 0  # read by the running read() and not yet counted
        # (frames given out before, seconds in the recording): places where the clock was set anew
        self._anchors: deque[tuple[int, float]] = deque([(0, 0.0)], maxlen=64)

    def start(self, seconds: float, *, speed: float = 1.0, rate: int = 0, until: float | None = None,
              loop: TimeRange | None = None) -> None:
        """Begin anew at `seconds`; end at `until`, or go round in `loop`."""
        self._speed = min(FASTEST, max(SLOWEST, speed))
        self.rate = rate or self._copy.rate
        self._frame = min(self._copy.frames, max(0, round(seconds * self._copy.rate)))
        self._end = self._copy.frames if until is None else min(self._copy.frames, round(until * self._copy.rate))
        self._loop = self._frames_of(loop) if loop and loop.seconds > 0.05 else None
        self._given = 0
        self._anchors.clear()
        self._anchors.append((0, self._frame / self._copy.rate))
        changed = abs(self._speed - 1.0) > 1e-3 or self.rate != self._copy.rate
        self._tempo = _Tempo(self._copy.rate, self.rate, self.channels, self._speed) if changed else None

    def read(self, frames: int) -> bytes:
        """About `frames` frames of PCM to play next; empty at the end."""
        pieces: list[np.ndarray] = []
        have = 0
        while have < frames:
            pcm = self._next(frames - have)
            if pcm is None:
                break
            pieces.append(pcm)
            have += len(pcm)
            self._pending = have
        self._given += have
        self._pending = 0
        return b"".join(piece.tobytes() for piece in pieces)

    def position(self, played: int) -> float:
        """Seconds in the recording that belong to the `played`-th frame given out since start()."""
        anchor = self._anchors[0]
        for candidate in self._anchors:
            if candidate[0] <= played:
                anchor = candidate
        return min(self.duration, anchor[1] + (played - anchor[0]) / self.rate * self._speed)

    def close(self) -> None:
        self._copy.close()

    def _next(self, wanted: int) -> np.ndarray | None:
        if self._loop and self._frame >= self._loop[1]:
            self._jump(self._loop[0])
        end = self._loop[1] if self._loop else self._end
        count = min(wanted if self._tempo is None else round(_READ_SECONDS * self._copy.rate), end - self._frame)
        if count <= 0:
            return self._tempo.rest() if self._tempo else None
        pcm = self._copy.read(self._frame, count)
        if not len(pcm):
            return None
        self._frame += len(pcm)
        return pcm if self._tempo is None else self._tempo.push(pcm)

    def _jump(self, frame: int) -> None:
        self._frame = frame
        self._anchors.append((self._given + self._pending, frame / self._copy.rate))

    def _frames_of(self, loop: TimeRange) -> tuple[int, int]:
        return round(loop.start * self._copy.rate), min(self._copy.frames, round(loop.end * self._copy.rate))


class _Tempo:
    """FFmpeg's atempo over our own PCM: changes the speed, keeps the pitch, converts the rate."""

    def __init__(self, rate: int, out_rate: int, channels: int, speed: float) -> None:
        import av  # only when somebody changes the speed

        self._av: Any = av
        self._rate, self._layout, self._channels = rate, "stereo" if channels == 2 else "mono", channels
        graph = self._graph = av.filter.Graph()  # its nodes do not keep it alive
        chain: Any = graph.add_abuffer(format="s16", sample_rate=rate, layout=self._layout)
        self._source: Any = chain
        factors = [speed] if speed <= 2.0 else [speed / 2.0, 2.0]  # beyond 2 atempo drops samples
        steps = [("atempo", f"{factor:.6f}") for factor in factors]
        steps += [("aresample", str(out_rate)), ("aformat", f"sample_fmts=s16:channel_layouts={self._layout}"),
                  ("abuffersink", "")]
        for name, arguments in steps:
            node = graph.add(name, arguments) if arguments else graph.add(name)
            chain.link_to(node)
            chain = node
        graph.configure()
        self._sink: Any = chain
        self._ended = False

    def push(self, pcm: np.ndarray) -> np.ndarray:
        """Filtered frames that are ready now (perhaps none)."""
        frame = self._av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm).reshape(1, -1), "s16", self._layout)
        frame.sample_rate = self._rate
        frame.pts = None
        self._source.push(frame)
        return self._pull()

    def rest(self) -> np.ndarray | None:
        """What is still inside after the last push, then None."""
        if self._ended:
            return None
        self._ended = True
        self._source.push(None)
        return self._pull()

    def _pull(self) -> np.ndarray:
        pieces = []
        while True:
            try:
                pieces.append(self._sink.pull().to_ndarray().reshape(-1, self._channels))
            except (self._av.BlockingIOError, self._av.EOFError):
                break
        return np.concatenate(pieces) if pieces else np.zeros((0, self._channels), np.int16)
