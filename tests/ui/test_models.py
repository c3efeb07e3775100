"""The item models and the arithmetic behind the views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from desktop.errors import BadAudio
from desktop.model import Recording, Segment, Speaker, TimeRange, Transcript, TranscriptDocument
from desktop.ui.imports import ImportItem
from desktop.ui.item_models import ITEM, SPEAKER, LibraryModel, SegmentModel
from desktop.ui.time_scale import SHORTEST_VIEW, TimeScale, ruler_step
from desktop.ui.wave_painting import SegmentLane


def document(count: int, seconds: float = 2.0) -> TranscriptDocument:
    """A document of `count` segments of two speakers."""
    recording = Recording(1, "Title", "f", "o.wav", "0" * 64, count * seconds, 48_000, 1, "2026-01-01")
    speakers = {1: Speaker(1, "Ada", 0), 2: Speaker(2, "Bo", 1)}
    segments = tuple(Segment(i * seconds, (i + 0.9) * seconds, f"line {i}", speaker_id=1 + i % 2, id=i + 1)
                     for i in range(count))
    return TranscriptDocument(recording, Transcript(1, 1, "gemini", "m", "2026", TimeRange(0, count * seconds)),
                              speakers, segments)


def test_segment_model_keeps_the_contract_of_item_models(qtmodeltester: Any) -> None:
    model = SegmentModel()
    model.set_document(document(30))
    qtmodeltester.check(model)


def test_library_model_keeps_the_contract_of_item_models(qtmodeltester: Any) -> None:
    model = LibraryModel()
    failed = ImportItem(Path("a.mp3"), error=BadAudio("empty", "This file is empty."))
    model.set_rows([failed, ImportItem(Path("b.mp3"))], [document(1).recording], [])
    qtmodeltester.check(model)


def test_growing_document_adds_rows_and_keeps_the_others(qtbot: QtBot) -> None:
    model = SegmentModel()
    model.set_document(document(3))
    with qtbot.waitSignal(model.rowsInserted), qtbot.assertNotEmitted(model.modelReset):
        model.set_document(document(5))
    assert model.index(4).data(ITEM).text == "line 4"
    assert model.index(4).data(SPEAKER).name == "Ada"


def test_lane_finds_the_segment_under_the_pointer() -> None:
    lane = SegmentLane.of(document(4))
    assert [lane.at(t) for t in (0.0, 1.79, 1.9, 2.0, 7.0, 99.0)] == [0, 0, -1, 1, 3, -1]
    assert list(lane.speakers_at(np.array([0.5, 1.9, 2.5]))) == [0, -2, 1]


def test_overlapping_segments_are_both_found() -> None:
    base = document(1)
    segments = (Segment(0, 10, "long", 1), Segment(2, 3, "short", 2))
    lane = SegmentLane.of(TranscriptDocument(base.recording, base.transcript, base.speakers, segments))
    assert [lane.at(t) for t in (1, 2.5, 5)] == [0, 1, 0]


@given(st.floats(0.1, 34_200), st.floats(0.01, 100), st.integers(1, 4000), st.integers(0, 4000))
def test_zooming_keeps_the_moment_under_the_pointer(duration: float, factor: float, width: int, x: int) -> None:
    scale = TimeScale()
    scale.set_width(width)
    scale.set_duration(duration)
    x = min(x, width)
    before = scale.to_time(x)
    scale.zoom(1 / factor if factor > 1 else factor, x)
    assert SHORTEST_VIEW * 0.999 <= scale.visible <= max(duration, SHORTEST_VIEW) * 1.001
    assert scale.start >= 0
    assert abs(scale.to_time(x) - before) <= 2 * scale.per_pixel + 1e-6


@pytest.mark.parametrize("per_pixel", [0.05 / 1900, 0.01, 1.0, 34_200 / 1900])
def test_ruler_labels_never_touch(per_pixel: float) -> None:
    assert ruler_step(per_pixel) / per_pixel >= 90


def test_row_heights_are_those_of_the_real_layout(qtbot: QtBot) -> None:
    from desktop.ui.transcript_panel import PADDING, TranscriptView

    sentence = "the mayor said that no bridge would be paid for before winter, and nobody in the room believed it"
    words = sentence.split()
    view = TranscriptView()
    qtbot.addWidget(view)
    view.resize(620, 400)
    base = document(1)
    texts = [" ".join(words[(i * 7 + k) % len(words)] for k in range(3 + i % 60)) for i in range(300)]
    texts += ["市長は橋の費用について何も言いませんでした。" * n for n in (1, 4, 9)] + ["a" * 400, "one\ntwo\nthree"]
    segments = tuple(Segment(i, i + 1, text, 1, translation=text if i % 3 == 0 else "") for i, text in enumerate(texts))
    view.set_document(TranscriptDocument(base.recording, base.transcript, base.speakers, segments))
    view.show()
    delegate, width = view.row_delegate, view.row_delegate.text_width()
    for segment in segments:
        real = sum(int(h) for _, h in delegate._layout(segment.text, width, False))
        if segment.translation:
            real += sum(int(h) for _, h in delegate._layout(segment.translation, width, True))
        assert delegate.height(segment, width) == real + 2 * PADDING, segment.text


def test_rows_do_not_overlap_when_a_scroll_bar_takes_width(qtbot: QtBot) -> None:
    from desktop.ui.transcript_panel import TranscriptView

    view = TranscriptView()
    qtbot.addWidget(view)
    view.resize(700, 300)
    view.show()
    base = document(1)
    texts = ["word " * (5 + i) for i in range(60)]
    view.set_document(TranscriptDocument(base.recording, base.transcript, base.speakers, tuple(
        Segment(i, i + 1, text, 1) for i, text in enumerate(texts))))
    for width in (700, 520, 640):
        view.resize(width, 300)
        qtbot.waitUntil(lambda: all(
            view.visualRect(view.segments.index(row)).height() == view.row_delegate.height(
                view.segments.index(row).data(ITEM), view.row_delegate.text_width()) for row in range(8)))
