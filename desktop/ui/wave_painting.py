"""The waveform as one image, made in numpy: cost depends on pixels, not on the length or the number of segments."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from PySide6.QtGui import QColor, QImage

from desktop.audio.peaks import Peaks
from desktop.editing import Splice
from desktop.model import TranscriptDocument
from desktop.ui.theme import Colours


@dataclass
class SegmentLane:
    """Segments as arrays in the order of their starts, for lookup by time."""

    starts: np.ndarray = field(default_factory=lambda: np.zeros(0))
    ends: np.ndarray = field(default_factory=lambda: np.zeros(0))
    positions: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int16))  # of the speaker; -1 nobody
    longest: float = 0.0

    @classmethod
    def of(cls, document: TranscriptDocument | None) -> SegmentLane:
        if document is None or not document.segments:
            return cls()
        segments = document.segments
        starts = np.array([s.start for s in segments])
        ends = np.array([s.end for s in segments])
        speakers = document.speakers
        positions = np.array([speakers[s.speaker_id].position if s.speaker_id in speakers else -1
                              for s in segments], np.int16)
        return cls(starts, ends, positions, float((ends - starts).max()))

    def spliced(self, document: TranscriptDocument, splice: Splice) -> SegmentLane:
        """The lane after some rows gave way to others: only those are looked at, and the speakers' places."""
        if splice.changed:
            return self._changed(document, splice.changed)
        new = SegmentLane.of(replace(document, segments=splice.added))
        cut = slice(splice.row, splice.row + splice.removed)
        pairs = ((self.starts, new.starts), (self.ends, new.ends), (self.positions, new.positions))
        starts, ends, positions = (np.concatenate([old[:cut.start], added, old[cut.stop:]]) for old, added in pairs)
        return SegmentLane(starts, ends, positions, float((ends - starts).max()) if len(starts) else 0.0)

    def _changed(self, document: TranscriptDocument, rows: tuple[int, ...]) -> SegmentLane:
        """As many rows as there were, these of them others."""
        new = SegmentLane.of(replace(document, segments=tuple(document.segments[row] for row in rows)))
        places = np.array(rows, np.int64)
        starts, ends, positions = self.starts.copy(), self.ends.copy(), self.positions.copy()
        starts[places], ends[places], positions[places] = new.starts, new.ends, new.positions
        return SegmentLane(starts, ends, positions, float((ends - starts).max()))

    def at(self, seconds: float) -> int:
        """Index of the segment at a time: the one that started last and has not ended; -1 for none."""
        last = int(np.searchsorted(self.starts, seconds, "right"))
        for index in range(last - 1, max(-1, last - 50), -1):
            if self.ends[index] > seconds:
                return index
            if self.starts[index] < seconds - self.longest:
                break
        return -1

    def between(self, start: float, end: float) -> range:
        """Indexes of the segments that may touch a stretch."""
        first = int(np.searchsorted(self.starts, start - self.longest, "left"))
        return range(first, int(np.searchsorted(self.starts, end, "right")))

    def wider_than(self, seconds: float, start: float, end: float) -> list[int]:
        """Indexes of the visible segments that are at least this long."""
        visible = self.between(start, end)
        lengths = self.ends[visible.start:visible.stop] - self.starts[visible.start:visible.stop]
        return [visible.start + int(i) for i in np.flatnonzero(lengths >= seconds)]

    def speakers_at(self, times: np.ndarray) -> np.ndarray:
        """Speaker position per time; -2 where there is no segment."""
        if not len(self.starts):
            return np.full(len(times), -2, np.int16)
        index = np.searchsorted(self.starts, times, "right") - 1
        found = np.where((index >= 0) & (self.ends[index] > times), self.positions[index], -2)
        before = np.maximum(index - 1, 0)
        return np.where((found == -2) & (index >= 1) & (self.ends[before] > times), self.positions[before], found)


class WaveImage:
    """A reusable pixel buffer of one size."""

    def __init__(self) -> None:
        self._pixels = np.zeros((1, 1), np.uint32)
        self._y = np.zeros((1, 1), np.uint16)

    def render(self, size: tuple[int, int], columns: tuple[np.ndarray, ...], speakers: np.ndarray, colours: Colours,
               gain: float = 1.0, ahead: np.ndarray | None = None) -> QImage:
        """(width, height) image of columns (min, max, rms), each in its speaker's colour.

        `ahead` marks columns that are only guessed from the sparse overview.
        """
        width, height = size
        if self._pixels.shape != (height, width):
            self._pixels = np.zeros((height, width), np.uint32)
            self._y = np.arange(height, dtype=np.uint16).reshape(-1, 1)
            self._offset = np.empty((height, width), np.uint16)
            self._mask = np.empty((height, width), bool)
            self._change = np.empty((height, width), np.uint32)
        ground, wave, body = self._colours_of(speakers, colours, ahead)
        lowest, highest, rms = columns
        middle = height / 2
        scale = gain * middle / 128.0
        top = np.clip(middle - highest * scale, 0, height - 1)
        bottom = np.clip(middle - lowest * scale, 0, height - 1)
        half = np.minimum(rms * (scale / 2), np.minimum(np.abs(lowest), np.abs(highest)) * scale)
        rows = self._bar(top, bottom, wave - ground, self._pixels)
        self._pixels[:rows.start] = ground
        self._pixels[rows.stop:] = ground
        self._pixels[rows] += ground
        rows = self._bar(np.clip(middle - half, top, bottom), np.clip(middle + half, top, bottom), body - wave,
                         self._change)
        self._pixels[rows] += self._change[rows]
        self._pixels[int(middle)] = np.where(self._pixels[int(middle)] == ground, wave, self._pixels[int(middle)])
        return QImage(self._pixels.data, width, height, width * 4, QImage.Format.Format_RGB32)

    def _bar(self, top: np.ndarray, bottom: np.ndarray, change: np.ndarray, out: np.ndarray) -> slice:
        """`change` from `top` to `bottom`, else 0; in the rows given back, the others are not touched.

        Adding differences of colours is faster, and far steadier, than copying colours through a mask.
        """
        first = top.astype(np.uint16)
        length = bottom.astype(np.uint16) - first
        rows = slice(int(first.min()), int((first + length).max()) + 1)
        # unsigned wrap-around makes "first <= y <= last" one comparison
        np.subtract(self._y[rows], first, out=self._offset[rows])
        np.less_equal(self._offset[rows], length, out=self._mask[rows])
        np.multiply(self._mask[rows], change, out=out[rows])
        return rows

    def _colours_of(self, speakers: np.ndarray, colours: Colours,
                    ahead: np.ndarray | None) -> tuple[np.ndarray, ...]:
        ground, wave, body = _table(colours)
        index = np.where(speakers < 0, speakers + 2, speakers % 8 + 2)
        result = ground[index], wave[index], body[index]
        if ahead is not None and ahead.any():
            colour = np.uint32(colours.wave_ahead.rgb())
            return result[0], np.where(ahead, colour, result[1]), np.where(ahead, colour, result[2])
        return result


class BandImage:
    """The lane of speaker bands as one row of pixels, to be stretched over its height."""

    def __init__(self) -> None:
        self._row = np.zeros(1, np.uint32)

    def render(self, lane: SegmentLane, start: float, per_pixel: float, count: int, colours: Colours) -> QImage:
        """One pixel per column in the colour of its speaker; neighbouring segments are set apart by a gap."""
        times = start + (np.arange(count) + 0.5) * per_pixel
        speakers = lane.speakers_at(times)
        _, _, body = _table(colours)
        row = body[np.where(speakers < 0, speakers + 2, speakers % 8 + 2)]
        row[speakers == -2] = colours.wave_ground.rgb()
        if len(lane.starts):
            index = np.searchsorted(lane.starts, times, "right")
            begins = np.flatnonzero(index[1:] != index[:-1]) + 1
            # a gap only where the segment is wider than a few pixels: else nothing but gaps would be seen
            wide = begins[np.diff(np.append(begins, count)) > 3]
            row[wide - 1] = colours.wave_ground.rgb()
        self._row = np.ascontiguousarray(row)
        return QImage(self._row.data, count, 1, count * 4, QImage.Format.Format_RGB32)


def _table(colours: Colours) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ground, wave and body colour for no segment (0), nobody (1), and the eight speakers (2..9)."""
    if colours.dark not in _TABLES:
        _TABLES[colours.dark] = _make_table(colours)
    return _TABLES[colours.dark]


_TABLES: dict[bool, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}


def _make_table(colours: Colours) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    base = colours.wave_ground
    voices = [colours.speaker(None), colours.speaker(None), *(colours.speaker(i) for i in range(8))]
    tints = [base, *(_mix(base, voice, 0.12) for voice in voices[1:])]
    return (np.array([c.rgb() for c in tints], np.uint32),
            np.array([_mix(base, voice, 0.55).rgb() for voice in voices], np.uint32),
            np.array([voice.rgb() for voice in voices], np.uint32))


def _mix(ground: QColor, colour: QColor, share: float) -> QColor:
    def between(low: int, high: int) -> int:
        return round(low + (high - low) * share)

    return QColor(between(ground.red(), colour.red()), between(ground.green(), colour.green()),
                  between(ground.blue(), colour.blue()))


def picture_columns(peaks: Peaks | None, overview: np.ndarray | None, seconds: float, start: float, per_pixel: float,
                    count: int) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Columns (min, max, rms) from what is known, and where they are only guessed from the overview."""
    silence = np.zeros(count, np.int16)
    columns = peaks.columns(start, per_pixel, count) if peaks else (silence, silence, silence)
    if overview is None or seconds <= 0:
        return columns, np.zeros(count, bool)
    known = peaks.seconds if peaks else 0.0
    times = start + (np.arange(count) + 0.5) * per_pixel
    ahead = (times > known) & (times < seconds)
    looked_at = np.flatnonzero(overview[:, 0] != -999)
    if not ahead.any() or not len(looked_at):
        return columns, np.zeros(count, bool)
    wanted = times / seconds * len(overview)
    nearest = looked_at[np.clip(np.searchsorted(looked_at, wanted), 0, len(looked_at) - 1)]
    guessed = overview[nearest]
    return tuple(np.where(ahead, guessed[:, i], columns[i]) for i in range(3)), ahead
