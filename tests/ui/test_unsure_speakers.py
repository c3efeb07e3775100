"""A voice of which nobody is sure: one click makes it another's, or somebody new; and translating a single line."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import SPEAKER_UNSURE, Protection, Segment, TimeRange, ignore_progress
from desktop.ui.dialogs import TranslateDialog
from desktop.ui.main_window import MainWindow
from tests.sounds import turns, write_wav

LINES = [("Speaker 1", Segment(0.0, 2.0, "Good morning.")), ("Speaker 2", Segment(2.0, 4.0, "Hello.")),
         ("Speaker 3", Segment(4.0, 5.0, "Yes.", flags=(SPEAKER_UNSURE,))),
         ("Speaker 3", Segment(5.0, 8.0, "The bridge was closed.", flags=("time unsure", SPEAKER_UNSURE)))]


@pytest.fixture
def desk(window: MainWindow, qtbot: QtBot, library: Library, cache: Path, tmp_path: Path) -> MainWindow:
    recording = import_audio(library, cache, write_wav(tmp_path / "talk.wav", turns(4)), ignore_progress).recording
    transcript = library.add_transcript(recording.id, engine="gemini", model="m", time_range=TimeRange(0.0, 8.0))
    library.add_segments(transcript.id, LINES)
    library.set_protection(recording.id, Protection.MAY)
    window.workspace.open(library.recording(recording.id))
    qtbot.waitUntil(lambda: window.workspace.document is not None, timeout=10_000)
    return window


def button(window: MainWindow, text: str) -> QPushButton:
    return next(b for b in window.inspector.proposals.findChildren(QPushButton) if b.text() == text and b.isEnabled())


def flags(window: MainWindow) -> list[tuple[str, ...]]:
    assert window.workspace.document is not None
    return [segment.flags for segment in window.workspace.document.segments]


def test_one_click_makes_two_speakers_one(desk: MainWindow, qtbot: QtBot) -> None:
    assert not desk.inspector.proposals.isHidden()
    button(desk, "Same as Speaker 2").click()
    qtbot.waitUntil(lambda: SPEAKER_UNSURE not in str(flags(desk)), timeout=10_000)
    document = desk.workspace.document
    assert document is not None
    assert [document.speaker_name(s) for s in document.segments] == ["Speaker 1", *["Speaker 2"] * 3]
    assert flags(desk)[3] == ("time unsure",) and desk.inspector.proposals.isHidden()


def test_or_somebody_new(desk: MainWindow, qtbot: QtBot) -> None:
    places: list[tuple[float, int]] = []
    desk.inspector.proposals.place_wanted.connect(lambda at, line: places.append((at, line)))
    button(desk, "Play").click()
    assert places and places[0][0] == 5.0  # the longest line tells a voice best
    button(desk, "Somebody new").click()
    qtbot.waitUntil(lambda: SPEAKER_UNSURE not in str(flags(desk)), timeout=10_000)
    assert desk.workspace.document is not None and len(desk.workspace.document.speakers) == 3


def test_a_single_line_can_be_translated_alone(desk: MainWindow, qtbot: QtBot,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[tuple[str, list[int] | None]] = []
    monkeypatch.setattr(desk.workspace, "translate", lambda language, only: wanted.append((language, only)))
    monkeypatch.setattr(TranslateDialog, "exec", lambda dialog: (dialog._only.setChecked(True), 1)[1])
    desk.workspace.change_settings(privacy_accepted="2026-11-23")
    desk.view.transcript.setCurrentIndex(desk.view.transcript.model().index(1, 0))
    desk.translate()
    monkeypatch.setattr(TranslateDialog, "exec", lambda dialog: 1)
    desk.translate()
    assert desk.workspace.document is not None
    second = desk.workspace.document.segments[1].id
    assert [only for _, only in wanted] == [[second], None] and wanted[0][0] == "en"
