"""Long sound for one upload: cut out of the playback copy and encoded block by block, never whole in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from desktop.audio.cache import CacheFiles
from desktop.audio.files import SPEECH_RATE, PlaybackCopy, encode
from desktop.model import Progress, Recording, Report, TimeRange
from desktop.sentences import say


def long_sound(cache: Path, recording: Recording, time_range: TimeRange, report: Report) -> BinaryIO:
    """An open temporary file with the range as 16 kHz mono FLAC; it is gone when closed. `report` may stop it."""
    file = tempfile.TemporaryFile(dir=cache)  # noqa: SIM115 - the caller closes it
    try:
        with PlaybackCopy(CacheFiles(cache, recording.sha256).copy) as copy:
            encode(_watched(copy.speech_blocks(time_range), time_range.seconds, report), file, "flac")
    except BaseException:
        file.close()
        raise
    return file


def _watched(blocks: Iterator[np.ndarray], seconds: float, report: Report) -> Iterator[np.ndarray]:
    done = 0.0
    for block in blocks:
        done += len(block) / SPEECH_RATE
        fraction = min(1.0, done / seconds)
        report(Progress(fraction, say("Preparing the sound: {percent} %", percent=int(100 * fraction))))
        yield block
