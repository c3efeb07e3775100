"""From the audio callback to the writer: a bounded queue without locks, and the meter that the writer keeps."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from desktop.audio.peaks import Summary, bucket_size
from desktop.recording.messages import SAMPLE_BYTES

MOST_SECONDS = 30.0
_TOGETHER = 1 << 16  # bytes that the writer gets at once
_CLIPPED = 32_700  # of 32 767


@dataclass(frozen=True)
class Cut:
    """Sound is missing here: `seconds` of it, and why."""

    why: str  # "device", "busy", "paused", "restarted", "disk"
    seconds: float


@dataclass(frozen=True)
class Sound:
    """A block as it came; not kept while the recording is paused."""

    data: bytes
    is_kept: bool


class SoundQueue:
    """What came in and is not written yet. `put` runs in the audio callback: it copies, counts and returns."""

    def __init__(self, rate: int, channels: int, most_seconds: float = MOST_SECONDS) -> None:
        self.rate, self.frame_bytes = rate, channels * SAMPLE_BYTES
        self.is_paused = False
        self.frames_heard = 0  # all that came
        self.frames_kept = 0  # of them, what is or will be written: the position in the recording
        self.heard_at = 0.0  # monotonic time of the last block; 0: none yet
        self.times_busy = 0  # how often sound was lost because the queue was full
        self._most = int(most_seconds * rate)
        self._dropped = 0
        self._written = 0
        self._items: deque[Sound | Cut] = deque()

    @property
    def waiting(self) -> float:
        """Seconds of kept sound that wait for the disk."""
        return max(0, self.frames_kept - self._written) / self.rate

    def put(self, data: bytes) -> None:
        """Take a block of whole frames."""
        frames = len(data) // self.frame_bytes
        self.heard_at = time.monotonic()
        self.frames_heard += frames
        waiting = self.frames_kept - self._written
        if waiting + frames > self._most or (self._dropped and waiting > self._most // 2):
            self.times_busy += 1
            self._dropped += frames  # until half is free again, so that one long gap is made and not many short ones
            return
        if self._dropped:
            self.cut(Cut("busy", self._dropped / self.rate))
            self._dropped = 0
        kept = not self.is_paused
        self._items.append(Sound(data, kept))
        if kept:
            self.frames_kept += frames

    def cut(self, cut: Cut) -> None:
        """Note that sound is missing between what came before and what comes next."""
        self._items.append(cut)

    def take(self) -> Sound | Cut | None:
        """The next item, None when there is none; blocks in a row come as one, which is cheaper. For the writer."""
        try:
            item = self._items.popleft()
        except IndexError:
            return None
        if isinstance(item, Cut):
            return item
        blocks, size = [item.data], len(item.data)
        while self._items and size < _TOGETHER:
            following = self._items[0]
            if isinstance(following, Cut) or following.is_kept != item.is_kept:
                break
            blocks.append(following.data)
            size += len(following.data)
            self._items.popleft()
        return Sound(b"".join(blocks), item.is_kept)

    def written(self, frames: int) -> None:
        """The writer has handed over so many more frames to the system."""
        self._written += frames


@dataclass
class Meter:
    """Levels and waveform of what the writer sees; read and emptied by the thread that tells the program."""

    rate: int
    channels: int
    loud_at: float = 0.0  # monotonic time of the last sample that was not zero
    _peaks: np.ndarray = field(init=False)
    _buckets: deque[np.ndarray] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._peaks = np.zeros(self.channels, np.int32)
        self._summary = Summary(bucket_size(self.rate))

    def see(self, sound: Sound) -> None:
        """Measure a block; only what is kept gets into the waveform."""
        samples = np.frombuffer(sound.data, np.int16)
        frames = samples.reshape(-1, self.channels)
        peaks = np.maximum(frames.max(axis=0, initial=0), -frames.min(axis=0, initial=0).astype(np.int32))
        self._peaks = np.maximum(self._peaks, peaks)
        if peaks.any():
            self.loud_at = time.monotonic()
        if sound.is_kept:
            self._summary.add(samples.reshape(1, -1), self.channels)
            self._buckets.append(self._summary.finish())

    def take_peaks(self) -> tuple[tuple[float, ...], bool]:
        """The loudest sample of each channel since the last call (0..1), and whether one was clipped."""
        peaks, self._peaks = self._peaks, np.zeros(self.channels, np.int32)
        return tuple(round(float(peak) / 32768, 5) for peak in peaks), bool((peaks >= _CLIPPED).any())

    def take_buckets(self) -> bytes:
        """The waveform since the last call."""
        found = [self._buckets.popleft() for _ in range(len(self._buckets))]
        return b"".join(bucket.tobytes() for bucket in found)
