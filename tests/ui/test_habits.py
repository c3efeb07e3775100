"""What a user runs into: focus, Space, selections that stay with the sentence, imports that are watched."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from desktop.library import Library
from desktop.model import Recording, Segment, TimeRange
from desktop.transcription import Options
from desktop.ui import theme
from desktop.ui.dialogs import PrivacyDialog, TranscribeDialog
from desktop.ui.main_window import MainWindow
from tests.gemini_service import GeminiService
from tests.ui.test_journeys import AUDIO, drop, lines, opened, use_service


def show(window: MainWindow, recording: Recording, qtbot: QtBot) -> None:
    window.workspace.library_changed.emit()
    window.workspace.open(recording)
    qtbot.waitUntil(lambda: window.workspace.document is not None and window.workspace.player.can_play)


def test_focus_ring_leaves_the_waveform_visible(window: MainWindow, sample: Recording, qtbot: QtBot) -> None:
    show(window, sample, qtbot)
    wave = window.view.waveform
    QTest.mouseClick(wave, Qt.MouseButton.LeftButton, pos=QPoint(300, 150))
    wave.setFocus()
    far = wave.grab().toImage().pixelColor(40, 60)
    assert far != theme.colours(wave.palette()).playhead


def test_space_plays_and_pauses_also_after_a_click_on_a_button(window: MainWindow, sample: Recording,
                                                               qtbot: QtBot) -> None:
    show(window, sample, qtbot)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.workspace.set_range(TimeRange(2, 9))
    QTest.mouseClick(window.view.transport._play_range, Qt.MouseButton.LeftButton)
    assert window.workspace.player.is_playing
    QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Space)
    assert not window.workspace.player.is_playing


def test_space_in_a_time_field_is_typing(window: MainWindow, sample: Recording, qtbot: QtBot) -> None:
    show(window, sample, qtbot)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.view.transport.start_field.setFocus()
    QTest.keyClick(window.view.transport.start_field, Qt.Key.Key_Space)
    assert not window.workspace.player.is_playing


def test_start_alone_makes_a_range_to_the_end(window: MainWindow, sample: Recording, qtbot: QtBot) -> None:
    show(window, sample, qtbot)
    field = window.view.transport.start_field
    field.setText("0:20")
    field.editingFinished.emit()
    assert window.workspace.range == TimeRange(20.0, sample.duration)


def test_nonsense_in_a_time_field_changes_nothing(window: MainWindow, sample: Recording, qtbot: QtBot) -> None:
    show(window, sample, qtbot)
    window.workspace.set_range(TimeRange(2, 9))
    field = window.view.transport.end_field
    field.setText("soon")
    field.editingFinished.emit()
    assert (field.text(), window.workspace.range) == ("0:09.0", TimeRange(2, 9))


def test_selection_stays_with_the_sentence_when_the_transcript_changes(window: MainWindow, library: Library,
                                                                       sample: Recording, qtbot: QtBot) -> None:
    show(window, sample, qtbot)
    window.workspace.select(5)  # "Absolutely." at 24.7 s
    other = library.add_transcript(sample.id, engine="device", model="m", time_range=TimeRange(0, sample.duration))
    library.add_segments(other.id, [("Speaker", Segment(i * 5.0, i * 5.0 + 5, f"line {i}")) for i in range(5)])
    window.workspace.reload_transcripts(other.id)
    qtbot.waitUntil(lambda: len(lines(window)) == 5)
    assert window.workspace.selected == -1  # nothing at 25.1 s
    window.workspace.select(2)
    window.workspace.show_transcript(library.transcripts(sample.id)[-1].id)
    qtbot.waitUntil(lambda: len(lines(window)) == 7)
    assert window.workspace.selected == 3  # what is said at 12.5 s
    assert window.view.waveform.selected == 3


def test_paused_waveform_goes_where_the_user_goes(window: MainWindow, sample: Recording, qtbot: QtBot) -> None:
    show(window, sample, qtbot)
    window.view.waveform.show_stretch(0, 2)
    window.view.seek(25)
    scale = window.view.waveform.scale
    assert scale.start <= 25 <= scale.end


def test_deep_zoom_ends_as_quietly_as_it_is(window: MainWindow, sample: Recording, qtbot: QtBot) -> None:
    show(window, sample, qtbot)
    low, high, _ = window.view._detail.columns(1.2, 0.0001, 500) or pytest.fail("no detail")
    assert high.max() - low.min() < 12  # silence, also in the last column
    assert window.view._detail.columns(0.0, 0.1, 1000) is None  # too much to read at once


def test_watched_import_becomes_the_open_recording(window: MainWindow, qtbot: QtBot) -> None:
    seen: list[bool] = []
    window.workspace.recording_changed.connect(lambda: seen.append(window.workspace.watched_import is not None))
    drop(window, AUDIO / "synthetic-interview.flac")
    qtbot.waitUntil(lambda: opened(window, "synthetic-interview"), timeout=20_000)
    assert any(seen)
    assert window.workspace.watched_import is None


def test_stopped_import_leaves_no_ghost(window: MainWindow, qtbot: QtBot) -> None:
    drop(window, AUDIO / "synthetic-interview.flac")
    qtbot.waitUntil(lambda: window.workspace.watched_import is not None)
    window.workspace.imports.stop_all()
    qtbot.waitUntil(lambda: not window.workspace.imports.items, timeout=10_000)
    assert window.workspace.library.recordings() == [] or opened(window, "synthetic-interview")
    if window.workspace.recording is None:
        assert window.view.waveform.scale.duration == 0
        assert window.view._upper.isHidden()


def test_failed_file_does_not_keep_the_next_from_opening(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "empty.mp3").touch()
    drop(window, tmp_path / "empty.mp3")
    qtbot.waitUntil(lambda: any(item.error for item in window.workspace.imports.items), timeout=10_000)
    drop(window, AUDIO / "jfk.caf")
    qtbot.waitUntil(lambda: opened(window, "jfk"), timeout=20_000)


def test_folder_without_audio_is_said(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to hear")
    drop(window, tmp_path)
    qtbot.waitUntil(lambda: window.view.banner.isVisible(), timeout=5_000)
    assert "No audio or video files" in window.view.banner._text.text()


def test_nothing_is_sent_before_the_privacy_page_was_accepted(window: MainWindow, sample: Recording, qtbot: QtBot,
                                                              service: GeminiService,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    use_service(window, service)
    window.workspace.change_settings(privacy_accepted="")
    show(window, sample, qtbot)
    asked: list[bool] = []
    monkeypatch.setattr(window, "_may_upload", lambda: bool(asked.append(True)))
    window.start_transcription(Options("gemini", "gemini-3.8-flash"))
    assert asked == [True]
    window.workspace.jobs.start(sample, Options("gemini", "gemini-3.8-flash"))  # another way in
    assert window.workspace.jobs.running == []
    assert "Nothing was sent" in window.view.banner._text.text()
    assert service.requests == []


def test_english_model_is_not_asked_for_spanish(window: MainWindow, sample: Recording, qtbot: QtBot) -> None:
    show(window, sample, qtbot)
    dialog = TranscribeDialog(window.workspace, None, window)
    qtbot.addWidget(dialog)
    assert dialog._go.isEnabled()
    dialog._language.setCurrentIndex(dialog._language.findData("es"))
    assert not dialog._go.isEnabled()
    assert "hears only English" in dialog._note.text()


def test_continue_without_a_key_says_so(window: MainWindow, library: Library, qtbot: QtBot, sample: Recording,
                                        service: GeminiService) -> None:
    use_service(window, service)
    service.hold_from(0)
    show(window, sample, qtbot)
    window.start_transcription(Options("gemini", "gemini-3.8-flash"))
    qtbot.waitUntil(lambda: service.held > 0, timeout=20_000)
    window.workspace.jobs.stop(window.workspace.jobs.running[0])
    qtbot.waitUntil(lambda: not window.workspace.jobs.running, timeout=5_000)
    qtbot.waitUntil(lambda: window.view.banner.notice is not None and window.view.banner.notice.action == "Continue")
    service.release()
    window.workspace.api_key.forget()
    window.view.banner._act()
    qtbot.waitUntil(lambda: "No Gemini key is set" in window.view.banner._text.text()
                    and window.view.banner._second.text() == "Open settings", timeout=10_000)




def test_start_opens_what_was_open_last(qtbot: QtBot, library: Library, cache: Path, sample: Recording,
                                        imported: object) -> None:
    from desktop.api_key import ApiKey
    from desktop.ui.application import after_first_paint, make_window

    imported("jfk.caf")  # type: ignore[operator] # newer than the sample
    for _ in range(2):
        window = make_window(library, ApiKey(lambda: None), complete=False)
        qtbot.addWidget(window)
        with qtbot.waitSignal(window.painted):
            window.show()
        window.workspace.change_settings(sample_offered=True)
        window.complete()
        assert window.workspace.recording is None  # nobody was asked for anything yet
        after_first_paint(window, [])
        qtbot.waitUntil(lambda w=window: w.workspace.recording is not None)  # type: ignore[misc]
        titles = window.workspace.recording.title
        window.workspace.open(sample)
        qtbot.waitUntil(lambda w=window: w.workspace.tasks.running == 0, timeout=20_000)  # type: ignore[misc]
        window.close()
    assert titles == sample.title


def test_resuming_steps_back_but_a_chosen_place_is_exact(window: MainWindow, sample: Recording, qtbot: QtBot) -> None:
    show(window, sample, qtbot)
    player = window.workspace.player
    window.view.seek(12.0)
    player.resume()
    assert 12.0 <= player.position() < 12.3
    qtbot.waitUntil(lambda: player.position() > 12.4, timeout=10_000)
    player.pause()
    paused = player.position()
    player.resume()
    assert abs(player.position() - (paused - 1.5)) < 0.3
    player.pause()


def test_enter_on_the_privacy_question_sends_nothing(window: MainWindow, qtbot: QtBot) -> None:
    dialog = PrivacyDialog(True, window)
    qtbot.addWidget(dialog)
    dialog.show()
    with qtbot.waitSignal(dialog.rejected):
        QTest.keyClick(dialog.focusWidget() or dialog, Qt.Key.Key_Return)
    defaults = [button.text() for button in dialog.findChildren(QPushButton) if button.isDefault()]
    assert len(defaults) == 1
    assert "send" not in defaults[0]
