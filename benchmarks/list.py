"""A transcript of 20,000 segments in the window's own list, against a QPlainTextEdit that gets the same words."""

from __future__ import annotations

import os
import statistics
import time
from typing import TypeVar

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import shiboken6
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QPlainTextEdit

from benchmarks import documents, fixtures
from benchmarks.harness import PAIRS, Timing, alternate, cpu_ratio, headline, percentile, show, timed, wall_ratio
from desktop.model import TranscriptDocument, clock
from desktop.ui.transcript_panel import TranscriptView

_SEGMENTS, _SIZE = 20_000, (1000, 600)
_STEPS = 400
_Area = TypeVar("_Area", bound=QAbstractScrollArea)


def main() -> None:
    """Measure D1."""
    application = QApplication.instance() or QApplication([])
    assert application is not None
    document = documents.document(fixtures.LONGEST, _SEGMENTS)
    headline(f"transcript of {_SEGMENTS:,} segments ({PAIRS} pairs; reference: filling a QPlainTextEdit)")
    timed(lambda: _fill_plain(document))  # fonts and caches of Qt itself
    runs = alternate(lambda: timed(lambda: _fill_plain(document)), lambda: timed(lambda: _fill_list(document)))
    first = 1000 * statistics.median(subject.wall for _, subject in runs)
    show("shown / filling a QPlainTextEdit", wall_ratio(runs), "x", most=0.3,
         more=f"cpu {cpu_ratio(runs):.3f}x, {first:.0f} ms")
    for widget in QApplication.topLevelWidgets():
        shiboken6.delete(widget)  # the lists of the pairs above would go on laying themselves out beside this one
    view = _fill_list(document)
    _lay_out_all(view)
    _scrolling("list", view, 8.0)
    _scrolling("QPlainTextEdit", _fill_plain(document), None)


def _fill_list(document: TranscriptDocument) -> TranscriptView:
    """Until the first rows are on the screen."""
    view = TranscriptView()
    view.resize(*_SIZE)
    view.set_document(document)
    return _shown(view)


def _fill_plain(document: TranscriptDocument) -> QPlainTextEdit:
    edit = QPlainTextEdit()
    edit.resize(*_SIZE)
    edit.setPlainText("\n".join(
        f"{clock(segment.start)}  {document.speaker_name(segment)}  {segment.text}" for segment in document.segments))
    return _shown(edit)


def _shown(area: _Area) -> _Area:
    area.show()
    area.grab()  # paints at once, where show() waits for the event loop
    return area


def _lay_out_all(view: TranscriptView) -> None:
    """The list lays itself out in batches while the user already reads; how long each holds up the window counts."""
    loop, bar = QEventLoop(), view.verticalScrollBar()
    held: list[tuple[float, float]] = [(0.0, 0.0)]  # ms by the clock and of this thread, where something was done
    last, began = [time.perf_counter(), time.thread_time()], time.perf_counter()
    grown: list[float] = []  # the scroll bar learns the whole length at the end

    def beat() -> None:
        now, own = time.perf_counter(), time.thread_time()
        if now - last[0] > 0.001:  # a list of all beats would be what the garbage collector is busy with
            held.append((1000 * (now - last[0]), 1000 * (own - last[1])))
        last[:] = now, own
        if now > (grown[-1] + 0.5 if grown else began + 20):
            loop.quit()

    bar.rangeChanged.connect(lambda: grown.append(time.perf_counter()))
    timer = QTimer(interval=0)
    timer.timeout.connect(beat)
    timer.start()
    loop.exec()
    walls, own = zip(*held, strict=True)
    show("longest hold-up while the rest is laid out", max(walls), "ms", most=16,
         more=f"p99 of batches {percentile(list(walls), 0.99):.1f}; own thread's time: {max(own):.1f}; "
              f"all laid out after {(grown or [float('inf')])[-1] - began:.1f} s")


def _scrolling(label: str, area: QAbstractScrollArea, most: float | None) -> None:
    for name, step in (("scroll by a wheel's step", 60), ("jump", 0)):
        times = [frame.wall * 1000 for frame in _scroll(area, step)]
        show(f"{label}: {name}, p99", percentile(times, 0.99), "ms", most=most if step else None,
             more=f"median {statistics.median(times):.2f} ms, worst {max(times):.2f} ms")


def _scroll(area: QAbstractScrollArea, step: int) -> list[Timing]:
    bar = area.verticalScrollBar()
    unit = step if bar.maximum() > 100_000 else 3  # QPlainTextEdit counts lines
    stride = bar.maximum() * 7919 // 20_011
    frames = []
    for number in range(_STEPS):
        place = number * unit if step else number * stride % max(1, bar.maximum())

        def move(place: int = place) -> None:
            bar.setValue(place)
            area.viewport().repaint()

        frames.append(timed(move))
    return frames


if __name__ == "__main__":
    main()
