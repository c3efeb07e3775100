"""Waveform peaks: minimum, maximum and RMS per bucket of samples, in a pyramid that is cheap to draw from.

A bucket is (int8 min, int8 max, uint8 rms); all channels are folded into one envelope. Level k+1 folds FOLD buckets
of level k. About 0.75 KB per second of audio.
"""

from __future__ import annotations

import os
import secrets
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from desktop.paths import fsync_folder

FOLD = 4
_Planes = np.ndarray | Sequence[np.ndarray]
_FLOAT, _UNSIGNED = np.dtype(np.float32), np.dtype(np.uint8)
_MAGIC = b"PQPEAKS1"
_HEADER = struct.Struct("<8sIIQQ")  # magic, sample rate, samples per bucket, frames, buckets
_SCALES = {np.dtype(np.float32): 127.0, np.dtype(np.float64): 127.0, np.dtype(np.int16): 1 / 256,
           np.dtype(np.int32): 1 / (1 << 24)}
# The bits of positive floats sort as int32, those of negative ones (largest first) as uint32, and numpy finds the
# largest integer four times as fast as the largest float. In a cell without zero crossing both find what is farthest
# from zero; its sign tells. That matters from the first step of a peak on (1 / 127), here as bits, up and down.
_STEP_UP = np.float32(0.0078).view(np.int32)
_STEP_DOWN = np.float32(-0.0078).view(np.uint32)
_LEAST, _MOST = np.array([[-128], [-128], [0]], np.float32), np.array([[127], [127], [255]], np.float32)


def bucket_size(rate: int) -> int:
    """Samples per bucket: about 5.3 ms, 256 at 48 kHz."""
    return max(1, -(-rate * 256 // 48_000))


class Summary:
    """Folds blocks of samples into buckets; keeps what does not fill a bucket for the next block."""

    def __init__(self, bucket: int) -> None:
        self._bucket = bucket
        self._rest: list[np.ndarray] | None = None
        self._folded: list[_Folded] = []
        self._width = bucket  # of a cell: as many samples as a bucket has in each plane
        self._starts = np.arange(0)  # of the cells of the last block; blocks are mostly of the same size

    def add(self, planes: _Planes, per_frame: int = 1) -> None:
        """Take planes of frames * per_frame samples each; `per_frame` interleaved channels per plane."""
        if planes[0].dtype == _UNSIGNED:
            planes = [(plane.astype(np.int16) - 128) << 8 for plane in planes]
        if self._rest is not None:
            planes = [np.concatenate(pair) for pair in zip(self._rest, planes, strict=True)]
            self._rest = None
        width = self._bucket * per_frame
        whole = len(planes[0]) // width * width
        if whole < len(planes[0]):
            self._rest = [plane[whole:].copy() for plane in planes]
            planes = [plane[:whole] for plane in planes]
        if len(self._starts) * width != whole:
            self._starts = np.arange(0, whole, width)
        if whole:
            self._width = width
            self._folded.append(_fold_samples(planes, self._starts, width))

    def finish(self, last: bool = False) -> np.ndarray:
        """The buckets since the last call, shape (n, 3) int8 (rms as uint8 bits); with `last` the short rest too."""
        folded, self._folded = self._folded, []
        buckets = _pack(folded, self._width) if folded else np.zeros((0, 3), np.int8)
        if last and self._rest is not None:
            width = len(self._rest[0])
            buckets = np.concatenate([buckets, _pack([_fold_samples(self._rest, np.zeros(1, np.intp), width)], width)])
            self._rest = None
        return buckets


class _Folded(NamedTuple):
    """Of each cell of a block of samples."""

    extremes: np.ndarray  # the smallest and the largest sample, shape (2, planes, cells)
    squares: np.ndarray  # the sum of the squares, shape (planes, cells)


def _fold_samples(planes: _Planes, starts: np.ndarray, width: int) -> _Folded:
    """Cells of `width` samples. Much is decoded between two calls, so that every call into numpy is a cold one: half of
    what peaks cost lies in their number.
    """
    kind = planes[0].dtype
    extremes = np.empty((2, len(planes), len(starts)), kind)
    squares = np.empty((len(planes), len(starts)), np.float32)
    if kind == _FLOAT:
        _float_extremes(planes, starts, width, extremes)
    for number, plane in enumerate(planes):
        if kind != _FLOAT:
            np.minimum.reduceat(plane, starts, out=extremes[0, number])
            np.maximum.reduceat(plane, starts, out=extremes[1, number])
            plane = plane.astype(np.float32)
        cells = plane.reshape(-1, width)
        np.vecdot(cells, cells, out=squares[number])
    return _Folded(extremes, squares)


def _float_extremes(planes: _Planes, starts: np.ndarray, width: int, extremes: np.ndarray) -> None:
    lowest, highest = extremes.view(np.uint32)
    signed_lowest, signed_highest = extremes.view(np.int32)
    for number, plane in enumerate(planes):
        np.maximum.reduceat(plane.view(np.uint32), starts, out=lowest[number])
        np.maximum.reduceat(plane.view(np.int32), starts, out=signed_highest[number])
    most = np.maximum.reduce
    if most(signed_lowest, axis=None) >= _STEP_UP or most(highest, axis=None) >= _STEP_DOWN:
        for plane, sided, least, largest in zip(
                planes, (signed_lowest >= _STEP_UP) | (highest >= _STEP_DOWN), *extremes, strict=True):
            cells = plane.reshape(-1, width)[sided]
            least[sided], largest[sided] = cells.min(axis=1), cells.max(axis=1)


def _pack(folded: list[_Folded], width: int) -> np.ndarray:
    """Buckets over all planes, rounded outwards and clipped; NaN becomes 0."""
    extremes = np.concatenate([block.extremes for block in folded], axis=2)
    squares = np.concatenate([block.squares for block in folded], axis=1)
    scale = _SCALES[extremes.dtype]
    values = np.empty((3, extremes.shape[2]), np.float32)
    np.floor(np.minimum.reduce(extremes[0]) * scale, out=values[0], casting="same_kind")
    np.ceil(np.maximum.reduce(extremes[1]) * scale, out=values[1], casting="same_kind")
    rms = np.sqrt(squares.mean(axis=0) / width)
    np.rint(rms * (2 * scale), out=values[2])  # twice the resolution: rms of speech is small
    np.clip(values, _LEAST, _MOST, out=values)
    if np.isnan(values.sum()):
        values[np.isnan(values)] = 0
    return values.T.astype(np.int16).astype(np.int8)  # an rms over 127 keeps its eight bits


def fold(buckets: np.ndarray) -> np.ndarray:
    """The next level of the pyramid: FOLD buckets become one."""
    count = -(-len(buckets) // FOLD)
    if count * FOLD != len(buckets):
        buckets = np.concatenate([buckets, np.repeat(buckets[-1:], count * FOLD - len(buckets), axis=0)])
    groups = buckets.reshape(count, FOLD, 3)
    rms = groups[:, :, 2].view(np.uint8).astype(np.float32)
    out = np.empty((count, 3), np.int8)
    out[:, 0] = groups[:, :, 0].min(axis=1)
    out[:, 1] = groups[:, :, 1].max(axis=1)
    out[:, 2] = np.sqrt((rms * rms).mean(axis=1)).astype(np.uint8).view(np.int8)
    return out


class Peaks:
    """The pyramid of one recording: `levels[k]` has shape (n, 3); level 0 is the finest."""

    def __init__(self, rate: int, bucket: int, levels: list[np.ndarray], frames: int) -> None:
        self.rate, self.bucket, self.levels, self.frames = rate, bucket, levels, frames

    @classmethod
    def build(cls, rate: int, bucket: int, base: np.ndarray, frames: int) -> Peaks:
        """Make all levels above `base`."""
        levels = [base]
        while len(levels[-1]) > 2 * FOLD:
            levels.append(fold(levels[-1]))
        return cls(rate, bucket, levels, frames)

    @property
    def seconds(self) -> float:
        """Duration by counted samples."""
        return self.frames / self.rate

    @property
    def bucket_seconds(self) -> float:
        """How long one bucket of level 0 is."""
        return self.bucket / self.rate

    def columns(self, start: float, seconds_per_column: float, count: int) -> tuple[np.ndarray, ...]:
        """(min, max, rms) of `count` columns from `start`, int16 in -128..127 and 0..255; silence outside."""
        level = 0
        step = self.bucket_seconds
        while level + 1 < len(self.levels) and step * FOLD <= seconds_per_column:
            level, step = level + 1, step * FOLD
        buckets = self.levels[level]
        edges = ((start + np.arange(count + 1) * seconds_per_column) / step).astype(np.int64)
        inside = (edges[:-1] >= 0) & (edges[:-1] < len(buckets))
        begins = np.clip(edges[:-1], 0, max(0, len(buckets) - 1))
        ends = np.clip(np.maximum(edges[1:], begins + 1), 1, max(1, len(buckets)))
        return _reduce(buckets, begins, ends, inside)

    def loudness(self) -> np.ndarray:
        """RMS of every bucket of level 0, float32 in 0..1 of full scale."""
        return self.levels[0][:, 2].view(np.uint8).astype(np.float32) / 254.0

    def save(self, path: Path) -> None:
        """Write through a temporary name."""
        temporary = path.with_name(f"{path.stem}-{secrets.token_hex(4)}.tmp")
        with open(temporary, "wb") as file:
            file.write(_HEADER.pack(_MAGIC, self.rate, self.bucket, self.frames, len(self.levels[0])))
            for level in self.levels:
                file.write(level.tobytes())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        fsync_folder(path.parent)

    @classmethod
    def load(cls, path: Path) -> Peaks:
        """Map a saved pyramid. ValueError when the file is not one (it can be built again)."""
        with open(path, "rb") as file:
            head = file.read(_HEADER.size)
        if len(head) < _HEADER.size:
            raise ValueError("short peaks file")
        magic, rate, bucket, frames, count = _HEADER.unpack(head)
        if magic != _MAGIC or not rate or not bucket:
            raise ValueError("not a peaks file")
        data = np.memmap(path, np.int8, "r", _HEADER.size)
        levels, position = [], 0
        while True:
            level = data[position:position + count * 3]
            if len(level) != count * 3:
                raise ValueError("short peaks file")
            levels.append(level.reshape(-1, 3))
            position += count * 3
            if count <= 2 * FOLD:
                return cls(rate, bucket, levels, frames)
            count = -(-count // FOLD)


def _reduce(buckets: np.ndarray, begins: np.ndarray, ends: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, ...]:
    if not len(buckets):
        silence = np.zeros(len(begins), np.int16)
        return silence, silence, silence
    first, last = int(begins[0]), int(ends[-1])
    window = buckets[first:max(last, first + 1)]
    starts = np.minimum(begins - first, len(window) - 1)
    lowest = np.minimum.reduceat(window[:, 0], starts).astype(np.int16)
    highest = np.maximum.reduceat(window[:, 1], starts).astype(np.int16)
    rms = np.maximum.reduceat(window[:, 2].view(np.uint8), starts).astype(np.int16)
    for column in (lowest, highest, rms):
        column[~inside] = 0
    return lowest, highest, rms
