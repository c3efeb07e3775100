"""Long sound for one upload: cut out of the playback copy and encoded block by block, never whole in memory.

And the peaks of a recording as the engines hear it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from desktop.audio.cache import CacheFiles
from desktop.audio.files import SPEECH_RATE, PlaybackCopy, encode
from desktop.audio.peaks import Peaks
from desktop.library import Library
from desktop.model import Progress, Recording, Report, TimeRange
from desktop.sentences import say


def long_sound(library: Library, cache: Path, recording: Recording, time_range: TimeRange,
               report: Report, *, also: Sequence[TimeRange] = ()) -> BinaryIO:
    """An open temporary file with the range as 16 kHz mono FLAC; it is gone when closed. `report` may stop it.

    Silent where it is off the record, and in the stretches `also`, which the library may not know of yet. Hours take
    a while: when something was marked off the record meanwhile, it is made once more.
    """
    while True:
        off_record = library.desk(recording.id).off_record
        file = _encoded(cache, recording, time_range, [*off_record, *also], report)
        if set(library.desk(recording.id).off_record) <= set(off_record):
            return file
        file.close()


def silenced(peaks: Peaks, off_record: Sequence[TimeRange]) -> Peaks:
    """The peaks of the sound as it is sent: nobody speaks where it is off the record. Only the finest level.

    It is half as loud there as the quietest tenth, and a quarter of the loudest sound at most: less than speech, and
    what counts as speech elsewhere hardly moves.
    """
    if not off_record or not len(peaks.levels[0]):
        return peaks
    base, step = np.array(peaks.levels[0]), peaks.bucket_seconds
    loudness = base[:, 2].view(np.uint8)
    tenth, top = np.percentile(loudness[::max(1, len(loudness) // 50_000)], [10, 99])
    quiet = np.uint8(min(tenth / 2, top / 4))
    for stretch in off_record:
        loudness[max(0, int(stretch.start / step)):max(0, int(stretch.end / step) + 1)] = quiet
    return Peaks(peaks.rate, peaks.bucket, [base], peaks.frames)


def _encoded(cache: Path, recording: Recording, time_range: TimeRange, off_record: Sequence[TimeRange],
             report: Report) -> BinaryIO:
    file = tempfile.TemporaryFile(dir=cache)  # noqa: SIM115 - the caller closes it
    try:
        with PlaybackCopy(CacheFiles(cache, recording.sha256).copy) as copy:
            encode(_watched(copy.speech_blocks(time_range, silent=off_record), time_range.seconds,
                            report), file, "flac")
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
