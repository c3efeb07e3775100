"""A video in the window: added by address, no waveform and no playing, transcript and range as everywhere."""

from __future__ import annotations

import json

from pytestqt.qtbot import QtBot

from desktop.model import Protection, TimeRange
from desktop.transcription import Options
from desktop.ui.dialogs import TranscribeDialog
from desktop.ui.main_window import MainWindow
from desktop.ui.workspace import Notice, Workspace
from tests.clips import KEY
from tests.gemini_service import GeminiService

PLAIN = "https://www.youtube.com/watch?v=ku-N-eS1lgM"


def test_a_video_is_added_and_transcribed(window: MainWindow, qtbot: QtBot, service: GeminiService,
                                          monkeypatch: object) -> None:
    workspace: Workspace = window.workspace
    workspace.change_settings(privacy_accepted="2026-11-22")
    workspace.jobs._read_key, workspace.jobs._url = lambda: KEY, service.url
    workspace.add_video("https://youtu.be/ku-N-eS1lgM?si=who")
    assert workspace.recording is not None and workspace.recording.address == PLAIN and service.requests == []
    view = window.view
    assert view.waveform.isHidden() and view.overview.isHidden() and not view._video.isHidden()
    assert not window.actions_by_name["play"].isEnabled() and window.actions_by_name["transcribe"].isEnabled()
    dialog = TranscribeDialog(workspace, None, window)
    assert (dialog._engine.count() == 1 and "address of the video" in dialog._note.text()) or not workspace.has_key
    workspace.set_range(TimeRange(60.0, 120.0))
    assert workspace.range == TimeRange(60.0, 120.0)  # its length is not known here: nothing is clamped to zero
    workspace.library.set_protection(workspace.recording.id, Protection.MAY)
    service.answer = lambda heard: json.dumps({"summary": "", "segments": [
        {"speaker": "A", "timestamp": "01:05", "content": "Good evening.", "language": "en", "emotion": "neutral"}]})
    workspace.jobs.start(workspace.recording, Options("gemini", "gemini-3.8-flash", time_range=workspace.range),
                         consent=True)
    qtbot.waitUntil(lambda: workspace.document is not None and len(workspace.document.segments) == 1, timeout=20_000)
    assert view.transcript.model().rowCount() == 1 and workspace.gaps == ()
    window.go_to_place(65.0, workspace.document.segments[0].id)  # type: ignore[union-attr]
    assert workspace.selected == 0


def test_what_is_no_video_is_said_in_place(window: MainWindow, qtbot: QtBot) -> None:
    said: list[Notice | None] = []
    window.workspace.noticed.connect(said.append)
    window.workspace.add_video("https://vimeo.com/1")
    assert said and said[-1] is not None and "not the address of a video" in said[-1].sentence
    assert window.workspace.recording is None
