"""Sound onto the disk: append-only WAV segments, each durably there before sound goes in, synced twice a second."""

from __future__ import annotations

import errno
import hashlib
import os
import struct
import threading
from pathlib import Path

from desktop.recording import disk
from desktop.recording.journal import Journal
from desktop.recording.messages import SAMPLE_BYTES, Order
from desktop.recording.sounds import Cut, Meter, Sound, SoundQueue

HEADER_BYTES = 44
SYNC_SECONDS = 0.5
RESERVE_BYTES = 200 << 20
RESERVE = "reserve"
_IDLE = 0.1  # seconds between looks into an empty queue; a kill loses what is in it, and each look costs a battery
_RETRY = 0.25  # seconds between attempts on a disk that refuses
_PATIENCE_AT_END = 2.0  # seconds to wait for a disk that refuses when the recording is stopped
_UNKNOWN = 0xFFFFFFFF


def header(rate: int, channels: int, data_bytes: int | None = None) -> bytes:
    """A WAV header; without `data_bytes` it says "to the end of the file"."""
    frame = channels * SAMPLE_BYTES
    riff, data = (_UNKNOWN, _UNKNOWN) if data_bytes is None else (36 + data_bytes, data_bytes)
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, channels, rate, rate * frame,
                       frame, 8 * SAMPLE_BYTES, b"data", data)


def segment_path(folder: Path, number: int) -> Path:
    """Where the segment with this number (from 1) lies."""
    return folder / f"{number:04d}.wav"


class Segment:
    """One file of contiguous sound. OSError from every method when the disk refuses."""

    def __init__(self, folder: Path, number: int, rate: int, channels: int) -> None:
        self.number, self.frame_bytes = number, channels * SAMPLE_BYTES
        self.size = 0  # bytes of sound
        self._rate, self._channels = rate, channels
        self._digest = hashlib.sha256()
        temporary, path = folder / f".{number:04d}.tmp", segment_path(folder, number)
        temporary.unlink(missing_ok=True)
        self.descriptor = disk.create(temporary)
        try:
            self._write(memoryview(header(rate, channels)))
            disk.sync(self.descriptor)
            disk.rename(temporary, path)
        except OSError:
            os.close(self.descriptor)
            temporary.unlink(missing_ok=True)
            raise

    @property
    def frames(self) -> int:
        return self.size // self.frame_bytes

    def add(self, data: memoryview) -> int:
        """Write a piece of `data`; gives the bytes taken."""
        taken = disk.write(self.descriptor, data)
        self._digest.update(data[:taken])
        self.size += taken
        return taken

    def close(self) -> str:
        """Write the sizes into the header, sync, close; gives the SHA-256 of the sound."""
        try:
            try:
                os.ftruncate(self.descriptor, HEADER_BYTES + self.size)  # a refused write may have left its half
                os.lseek(self.descriptor, 0, os.SEEK_SET)
                self._write(memoryview(header(self._rate, self._channels, self.size)))
            finally:
                disk.sync(self.descriptor)
        finally:
            os.close(self.descriptor)
        return self._digest.hexdigest()

    def _write(self, data: memoryview) -> None:
        while data:
            data = data[disk.write(self.descriptor, data):]


class Writer:
    """Takes sound from the queue and puts it into segments; `error` says when the disk refuses."""

    def __init__(self, folder: Path, order: Order, journal: Journal, sounds: SoundQueue, meter: Meter, *,
                 first_number: int = 1, start: float = 0.0) -> None:
        self.error = ""  # "disk_full" or "disk_error" while it lasts
        self.had_error = False  # since the start; an error that was over at once is an alarm, too
        self.frames_safe = 0
        self.gaps = 0
        self._folder, self._journal, self._sounds, self._meter = folder, journal, sounds, meter
        self._rate, self._channels = order.rate, order.channels
        self._longest = int(order.segment_seconds * order.rate) * order.frame_bytes
        self._start = start  # seconds that an earlier recorder put into this folder
        self._number = first_number - 1
        self._frames = 0  # in all segments of ours
        self._skipped = 0  # frames that came while it was paused
        self._segment: Segment | None = None
        self._swap = threading.Lock()  # between writing and syncing: which file is open
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._end_attempts = 0
        self._renew = False  # the sync thread met an error: this file is not to be trusted with more

    @property
    def seconds(self) -> float:
        """What is written, from the start of the recording."""
        return self._start + self._frames / self._rate

    @property
    def safe_seconds(self) -> float:
        """What would survive a power cut."""
        return self._start + self.frames_safe / self._rate

    def begin(self, why: str = "", gap: float = 0.0) -> None:
        """Make the first segment, durably. OSError when the disk refuses."""
        self._open(why, gap)
        self._journal.sync()

    def start(self) -> None:
        """Write and sync until `stop`."""
        threading.Thread(target=self._run, daemon=True).start()
        threading.Thread(target=self._run_sync, daemon=True).start()

    def stop(self) -> None:
        """Write what is in the queue, then end; see `wait`."""
        self._stopping.set()

    def wait(self, seconds: float) -> bool:
        """Whether all is written and closed."""
        return self._stopped.wait(seconds)

    # -- the writing thread ----------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while True:
                stopping = self._stopping.is_set()  # asked first: what came before the wish to stop is written
                item = self._sounds.take()
                if item is None:
                    if stopping:
                        break
                    self._stopping.wait(_IDLE)
                elif isinstance(item, Cut):
                    self._cut(item.why, item.seconds)
                else:
                    self._take(item)
        except _DiskGivesUp:
            pass  # `error` says it; all that was written before is there
        finally:
            self._close()
            self.frames_safe = self.frames_safe if self.error else self._frames
            self._stopped.set()

    def _take(self, sound: Sound) -> None:
        self._meter.see(sound)
        if not sound.is_kept:
            self._skipped += len(sound.data)
            return
        if self._skipped:
            seconds, self._skipped = self._skipped / self._channels / SAMPLE_BYTES / self._rate, 0
            self._cut("paused", seconds)
        self._write(memoryview(sound.data))
        self._sounds.written(len(sound.data) // self._channels // SAMPLE_BYTES)

    def _write(self, data: memoryview) -> None:
        done, frame = 0, self._channels * SAMPLE_BYTES
        while done < len(data):
            if self._segment is None or self._renew or self._segment.size >= self._longest:
                self._rotate()
            assert self._segment is not None
            try:
                taken = self._segment.add(data[done:])
            except OSError as error:
                if self._refused(error):  # begin a new file with the frame that the old one has not whole
                    done -= self._segment.size % frame
                    self._give_up_segment()
                continue
            done += taken
            self._frames += self._segment.frames - (self._segment.size - taken) // frame
            self.error = ""

    def _rotate(self, why: str = "", gap: float = 0.0) -> None:
        while True:
            try:
                self._close()
                self._open(why, gap)
                return
            except OSError as error:
                self._refused(error)

    def _cut(self, why: str, gap: float) -> None:
        self.gaps += 1
        self._rotate(why, gap)

    def _open(self, why: str, gap: float) -> None:
        segment = Segment(self._folder, self._number + 1, self._rate, self._channels)
        self._number += 1
        self._renew = False
        self._journal.add("segment", number=self._number, seconds=round(self.seconds, 6), why=why, gap=round(gap, 3))
        with self._swap:
            self._segment = segment

    def _close(self) -> None:
        with self._swap:
            segment, self._segment = self._segment, None
        if segment is None:
            return
        try:
            digest = segment.close()
        except OSError as error:
            self._refused(error, wait=False)  # its sound is there; only its header still says "to the end"
            return
        self._journal.add("closed", number=segment.number, frames=segment.frames, sha256=digest)

    def _give_up_segment(self) -> None:
        assert self._segment is not None
        self._segment.size -= self._segment.size % self._segment.frame_bytes
        with self._swap:
            segment, self._segment = self._segment, None
        try:
            os.ftruncate(segment.descriptor, HEADER_BYTES + segment.size)
            disk.sync(segment.descriptor)
        except OSError:
            pass  # its length says what it holds
        finally:
            os.close(segment.descriptor)

    def _refused(self, error: OSError, *, wait: bool = True) -> bool:
        """The disk said no: make room or wait. True when the open file is not to be trusted any more."""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        if full and self._free_reserve():
            return False
        self.error, self.had_error = "disk_full" if full else "disk_error", True
        if wait and self._stopping.wait(_RETRY):
            self._wait_at_end()
        return not full

    def _wait_at_end(self) -> None:
        self._end_attempts += 1
        if self._end_attempts * _RETRY > _PATIENCE_AT_END:
            raise _DiskGivesUp
        self._stopped.wait(_RETRY)

    def _free_reserve(self) -> bool:
        reserve = self._folder / RESERVE
        if not reserve.exists():
            return False
        self.had_error = True
        reserve.unlink()
        return True

    # -- the syncing thread ----------------------------------------------------------------------------------

    def _run_sync(self) -> None:
        while not self._stopped.wait(SYNC_SECONDS):
            self._sync()

    def _sync(self) -> None:
        with self._swap:
            frames = self._frames
            descriptor = os.dup(self._segment.descriptor) if self._segment is not None else -1
        try:
            if descriptor >= 0:
                disk.sync(descriptor)
            self._journal.sync()
            self.frames_safe = max(self.frames_safe, frames)
        except OSError:
            # What was not synced may be gone from memory, too, and the next sync would not say so.
            self.error, self.had_error, self._renew = "disk_error", True, True
        finally:
            if descriptor >= 0:
                os.close(descriptor)


class _DiskGivesUp(Exception):
    """The recording is stopped and the disk takes nothing."""
