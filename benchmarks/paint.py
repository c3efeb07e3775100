"""One frame of the waveform against a blit and a painter that draws lines; quiet, and while a file is imported."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QLine
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication

from benchmarks import documents, fixtures
from benchmarks.harness import PAIRS, Timing, alternate, cpu_ratio, headline, percentile, show, skipped, wall_ratio
from desktop.audio.cache import CacheFiles
from desktop.audio.peaks import Peaks
from desktop.audio.preparing import prepare
from desktop.errors import Cancelled
from desktop.ui import theme
from desktop.ui.time_scale import TimeScale
from desktop.ui.wave_painting import SegmentLane, WaveImage, picture_columns
from desktop.ui.waveform_view import WaveformView

WIDTH, HEIGHT = 1920, 300
_FRAMES = 120  # of one journey


class Frames:
    """Paints frames of one recording into an image, as the window would."""

    def __init__(self, peaks: Peaks, seconds: float, segments: int) -> None:
        self._peaks, self._seconds = peaks, seconds
        self._lane = SegmentLane.of(documents.document(seconds, segments))
        self._image, self._screen = WaveImage(), QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)
        self._colours = theme.colours(QApplication.palette())

    def wave(self, scale: TimeScale) -> None:
        """As the program does it."""
        columns, ahead = picture_columns(self._peaks, None, self._seconds, scale.start, scale.per_pixel, WIDTH)
        times = scale.start + (np.arange(WIDTH) + 0.5) * scale.per_pixel
        image = self._image.render((WIDTH, HEIGHT), columns, self._lane.speakers_at(times), self._colours, 1.0, ahead)
        painter = QPainter(self._screen)
        painter.drawImage(0, 0, image)
        painter.end()

    def lines(self, scale: TimeScale) -> None:
        """The usual way: one line per column for the extremes and one for the body; no segments at all."""
        lowest, highest, rms = self._peaks.columns(scale.start, scale.per_pixel, WIDTH)
        middle, factor = HEIGHT // 2, HEIGHT / 256
        painter = QPainter(self._screen)
        painter.fillRect(0, 0, WIDTH, HEIGHT, self._colours.wave_ground)
        painter.setPen(self._colours.wave_ahead)
        painter.drawLines(_lines((middle - highest * factor), (middle - lowest * factor)))
        painter.setPen(self._colours.speaker(0))
        painter.drawLines(_lines((middle - rms * factor / 2), (middle + rms * factor / 2)))
        painter.end()

    def blit(self, scale: TimeScale) -> None:
        """The least there is: an image that is already there."""
        painter = QPainter(self._screen)
        painter.drawImage(0, 0, _BLITTED)
        painter.end()


_BLITTED = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)


def main() -> None:
    """Measure C1, C2 and C3."""
    application = QApplication.instance() or QApplication([])
    nine_hours = documents.peaks(fixtures.LONGEST)
    frames = Frames(nine_hours, fixtures.LONGEST, 5_000)
    _against_references(frames)
    _growth(frames, nine_hours)
    view = _view(nine_hours)
    headline("the whole waveform view with ruler, names and bands")
    _percentiles("view, quiet", lambda scale: _paint_view(view, scale), 2.0)
    headline("while a file is being imported in a thread (decoder child, playback copy)")
    with _importing():
        _percentiles("frame", frames.wave, 8.0)
        _percentiles("view", lambda scale: _paint_view(view, scale), 8.0)
    _against_pyqtgraph(frames, nine_hours)
    application.processEvents()


def _against_references(frames: Frames) -> None:
    headline(f"frame {WIDTH}x{HEIGHT}, 9.5 h, 5,000 segments, zoom and pan ({PAIRS} journeys of {_FRAMES} frames)")
    _percentiles("frame, quiet", frames.wave, 2.0)
    _ratio("frame / one blit", frames.blit, frames.wave, 12)
    _ratio("frame / drawLines painter", frames.lines, frames.wave, 0.3)


def _growth(frames: Frames, nine_hours: Peaks) -> None:
    few, many = (Frames(nine_hours, fixtures.LONGEST, count) for count in (5, 20_000))
    _ratio("20,000 segments / 5 segments", few.wave, many.wave, 1.2)
    short = Frames(documents.peaks(fixtures.TEN_MINUTES), fixtures.TEN_MINUTES, 5_000)
    runs = alternate(lambda: _journey(short.wave, fixtures.TEN_MINUTES), lambda: _journey(frames.wave), PAIRS)
    show("9.5 h / 10 min", wall_ratio(runs), "x", most=1.3, more=f"cpu {cpu_ratio(runs):.2f}x")


def _against_pyqtgraph(frames: Frames, nine_hours: Peaks) -> None:
    """C3: the same peaks as a curve of that library, with its own way of leaving points out; no RMS, no segments."""
    headline(f"frame {WIDTH}x{HEIGHT}, 9.5 h (reference: pyqtgraph)")
    if importlib.util.find_spec("pyqtgraph") is None:
        skipped("frame / pyqtgraph", "pyqtgraph is not installed")
        return
    base = nine_hours.levels[0]
    _ratio("frame / pyqtgraph, smallest and largest", _curve(nine_hours, base[:, :2].ravel()), frames.wave, 0.15)
    _ratio("frame / pyqtgraph, largest only (half of it)", _curve(nine_hours, base[:, 1]), frames.wave)


def _curve(peaks: Peaks, values: np.ndarray) -> Callable[[TimeScale], None]:
    """Paints a part of the curve through `values`, which are spread over the whole recording."""
    import pyqtgraph

    plot = pyqtgraph.PlotWidget()
    plot.resize(WIDTH, HEIGHT)
    curve = pyqtgraph.PlotDataItem()
    plot.addItem(curve)  # first: pyqtgraph 0.14 fails on the two settings before it
    curve.setData(np.linspace(0, peaks.seconds, len(values), endpoint=False), values.astype(np.float32))
    curve.setDownsampling(auto=True, method="peak")
    curve.setClipToView(True)
    plot.disableAutoRange()
    plot.setYRange(-128, 128, padding=0)
    plot.show()
    QApplication.processEvents()

    def paint(scale: TimeScale) -> None:
        plot.setXRange(scale.start, scale.end, padding=0)
        plot.viewport().repaint()

    return paint


def _percentiles(label: str, paint: Callable[[TimeScale], None], most: float) -> None:
    times: list[Timing] = []
    for _ in range(PAIRS):
        _journey(paint, times=times)
    walls, own = [1000 * frame.wall for frame in times], [1000 * frame.cpu for frame in times]
    show(f"{label}: p99", percentile(walls, 0.99), "ms", most=most,
         more=f"median {statistics.median(walls):.2f}, worst {max(walls):.2f}; own thread's time: "
              f"median {statistics.median(own):.2f}, p99 {percentile(own, 0.99):.2f}")


def _ratio(label: str, reference: Callable[[TimeScale], None], subject: Callable[[TimeScale], None],
           most: float | None = None) -> None:
    runs = alternate(lambda: _journey(reference), lambda: _journey(subject), PAIRS)
    show(label, wall_ratio(runs), "x", most=most, more=f"cpu {cpu_ratio(runs):.2f}x")


def _journey(paint: Callable[[TimeScale], None], seconds: float = fixtures.LONGEST,
             times: list[Timing] | None = None) -> Timing:
    """From the whole recording in to 50 ms and out again, panning all the way."""
    scale = TimeScale()
    scale.set_width(WIDTH)
    scale.set_duration(seconds)
    taken: list[Timing] = [] if times is None else times
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(_FRAMES):
        began, own = time.perf_counter(), time.thread_time()
        paint(scale)
        taken.append(Timing(time.perf_counter() - began, time.thread_time() - own))
        scale.zoom(0.8 if number < _FRAMES / 2 else 1.25, WIDTH * 0.4)
        scale.scroll(scale.visible * (0.1 if number % 20 < 12 else -0.1))
    return Timing(time.perf_counter() - wall, time.process_time() - cpu)


def _view(nine_hours: Peaks) -> WaveformView:
    view = WaveformView()
    view.resize(WIDTH, HEIGHT)
    view.set_duration(fixtures.LONGEST)
    view.set_picture(nine_hours, None)
    view.set_document(documents.document(fixtures.LONGEST, 5_000))
    view.show()
    QApplication.processEvents()
    return view


def _paint_view(view: WaveformView, scale: TimeScale) -> None:
    view.show_stretch(scale.start, scale.end)
    view.repaint()


@contextlib.contextmanager
def _importing() -> Iterator[None]:
    """An hour of MP3 is imported over and over in a thread."""
    path, stop = fixtures.recording(fixtures.HOUR, "mp3"), threading.Event()
    thread = threading.Thread(target=_import, args=(path, stop), daemon=True)
    thread.start()
    time.sleep(1.0)  # until the child decodes
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _import(path: Path, stop: threading.Event) -> None:
    def check() -> None:
        if stop.is_set():
            raise Cancelled

    cache = CacheFiles(fixtures.FOLDER / "cache", "1" * 64)
    with contextlib.suppress(Cancelled):
        while True:
            prepare(path, cache, check, lambda fraction, picture: None)
    cache.remove()


def _lines(tops: np.ndarray, bottoms: np.ndarray) -> list[QLine]:
    pairs = zip(tops.astype(int).tolist(), bottoms.astype(int).tolist(), strict=True)
    return [QLine(x, top, x, bottom) for x, (top, bottom) in enumerate(pairs)]


if __name__ == "__main__":
    main()
