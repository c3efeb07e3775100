"""Stories of a journalist, in the real window with real files, a real library and the stand-in service."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from desktop.api_key import ApiKey
from desktop.library import Library
from desktop.model import JobState, Recording, TimeRange
from desktop.paths import data_folder
from desktop.transcription import Options
from desktop.ui.application import after_first_paint, make_window
from desktop.ui.main_window import MainWindow
from tests.gemini_service import Fault, GeminiService, truth_answer

AUDIO = Path(__file__).resolve().parents[1] / "audio"
Picture = Callable[[QWidget, str], None]


def drop(window: MainWindow, *paths: Path) -> None:
    """Drop files on the window as a file manager does."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    window.dropEvent(QDropEvent(QPointF(300, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                                Qt.KeyboardModifier.NoModifier))


def opened(window: MainWindow, title: str) -> bool:
    recording = window.workspace.recording
    return recording is not None and recording.title == title and window.workspace.player.can_play


def lines(window: MainWindow) -> list[str]:
    document = window.workspace.document
    return [segment.text for segment in document.segments] if document else []


def use_service(window: MainWindow, service: GeminiService) -> None:
    """A session key, the stand-in's address, and the privacy page already agreed to."""
    window.workspace.api_key.keep_for_session("test-key-123")
    window.workspace.jobs._url = service.url
    window.workspace.change_settings(privacy_accepted="2026-11-22")


def synthetic_truth() -> tuple[list[dict[str, object]], object]:
    import soundfile

    samples, _ = soundfile.read(AUDIO / "synthetic-interview.flac", dtype="float32")
    reference = json.loads((AUDIO / "synthetic-interview.json").read_text("utf-8"))["segments"]
    return reference, samples


def test_first_start_shows_the_sample_playable_and_with_its_transcript(window: MainWindow, qtbot: QtBot) -> None:
    after_first_paint(window, [])
    qtbot.waitUntil(lambda: len(lines(window)) == 7, timeout=20_000)
    assert window.workspace.player.can_play
    assert window.windowTitle() == "Sample: Katie and Steve — Pullquote"


def test_without_a_key_an_interview_is_transcribed_on_the_device_and_found_again(
        window: MainWindow, library: Library, qtbot: QtBot, home: Path, picture: Picture) -> None:
    window.workspace.read_key()
    drop(window, AUDIO / "jfk-44k1.m4a")
    qtbot.waitUntil(lambda: opened(window, "jfk-44k1"), timeout=20_000)
    picture(window, "no-transcript-yet")
    window.start_transcription(Options(engine="device", model=""))
    qtbot.waitUntil(lambda: bool(window.workspace.jobs.running))
    picture(window, "transcribing-on-device")
    qtbot.waitUntil(lambda: bool(lines(window)), timeout=60_000)
    assert "what your country can do for you" in " ".join(lines(window)).lower()
    assert "cannot tell speakers apart" in window.inspector._note.text()
    picture(window, "device-transcript")
    qtbot.waitUntil(lambda: window.workspace.tasks.running == 0, timeout=20_000)

    again = make_window(library, ApiKey(lambda: None))  # the program is started anew
    qtbot.addWidget(again)
    again.workspace.change_settings(sample_offered=True)
    after_first_paint(again, [])
    qtbot.waitUntil(lambda: opened(again, "jfk-44k1") and bool(lines(again)), timeout=20_000)
    qtbot.waitUntil(lambda: again.workspace.tasks.running == 0, timeout=20_000)


def test_with_a_key_the_interview_comes_back_in_speakers_and_a_click_plays(
        window: MainWindow, qtbot: QtBot, service: GeminiService, tmp_path: Path, picture: Picture) -> None:
    use_service(window, service)
    service.answer = truth_answer(*synthetic_truth())
    drop(window, AUDIO / "synthetic-interview.flac")
    qtbot.waitUntil(lambda: opened(window, "synthetic-interview"), timeout=20_000)
    window.start_transcription(Options(engine="gemini", model="gemini-3.8-flash", translate_to="en"))
    qtbot.waitUntil(lambda: len(lines(window)) > 30, timeout=60_000)
    qtbot.waitUntil(lambda: not window.workspace.jobs.running, timeout=20_000)
    picture(window, "gemini-transcript")
    document = window.workspace.document
    assert document is not None
    assert len(document.speakers) == 2
    third = document.segments[2]
    index = window.view.transcript.segments.index(2)
    place = window.view.transcript.visualRect(index).topLeft() + QPoint(12, 10)
    QTest.mouseClick(window.view.transcript.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.workspace.player.is_playing
    assert abs(window.workspace.player.position() - third.start) < 0.25
    assert window.workspace.selected == 2
    window.workspace.player.pause()
    from desktop.exporting import render

    window.save_export(render(document, "txt"), tmp_path / "out.txt")
    assert third.text in (tmp_path / "out.txt").read_text("utf-8")


def test_stopping_a_job_keeps_what_was_heard_and_the_banner_offers_the_rest(
        window: MainWindow, qtbot: QtBot, service: GeminiService, monkeypatch: pytest.MonkeyPatch,
        picture: Picture) -> None:
    from desktop.engines.gemini import GeminiEngine

    monkeypatch.setattr(GeminiEngine, "longest_part", 60.0)
    use_service(window, service)
    service.answer = truth_answer(*synthetic_truth())
    service.hold_from(2)
    drop(window, AUDIO / "synthetic-interview.flac")
    qtbot.waitUntil(lambda: opened(window, "synthetic-interview"), timeout=20_000)
    window.start_transcription(Options(engine="gemini", model="gemini-3.8-flash"))
    qtbot.waitUntil(lambda: service.held > 0, timeout=60_000)
    qtbot.waitUntil(lambda: bool(lines(window)), timeout=10_000)
    picture(window, "third-part-running")
    heard = len(service.heard)
    window.statusBar().findChild(QWidget, "")  # the strip is there
    window.workspace.jobs.stop(window.workspace.jobs.running[0])
    qtbot.waitUntil(lambda: not window.workspace.jobs.running, timeout=5_000)
    kept = lines(window)
    qtbot.waitUntil(lambda: window.view.banner.isVisible(), timeout=5_000)
    picture(window, "stopped-in-third-part")
    service.release()
    assert window.view.banner.notice is not None
    assert window.view.banner.notice.action == "Continue", window.view.banner.notice
    window.view.banner._act()
    qtbot.waitUntil(lambda: len(lines(window)) > len(kept) and not window.workspace.jobs.running, timeout=60_000)
    assert lines(window)[:len(kept)] == kept
    parts = len(window.workspace.library.job_of_transcript(window.workspace.document.transcript.id).parts)  # type: ignore[union-attr]
    assert len(service.heard) <= max(heard, 2) + (parts - 2) + 1  # what was held was stopped, the rest asked for once


def test_refused_key_is_said_in_place_and_nothing_is_lost(window: MainWindow, qtbot: QtBot, service: GeminiService,
                                                          sample: Recording, picture: Picture) -> None:
    use_service(window, service)
    window.workspace.api_key.keep_for_session("wrong-key")
    window.workspace.open(sample)
    qtbot.waitUntil(lambda: len(lines(window)) == 7)
    window.start_transcription(Options(engine="gemini", model="gemini-3.8-flash"))
    qtbot.waitUntil(lambda: window.view.banner.isVisible() and "refused the key" in window.view.banner._text.text(),
                    timeout=20_000)
    picture(window, "key-refused")
    qtbot.waitUntil(lambda: not window.workspace.jobs.running)


def test_busy_service_is_waited_for_and_then_all_is_well(window: MainWindow, qtbot: QtBot, service: GeminiService,
                                                         sample: Recording) -> None:
    use_service(window, service)
    service.fail_next(Fault.status(429, "rate_limit_exceeded", "slow down", retry_info_seconds=0.3))
    window.workspace.open(sample)
    window.start_transcription(Options(engine="gemini", model="gemini-3.8-flash"))
    said: list[str] = []
    window.workspace.jobs.progressed.connect(lambda job: said.append(job.sentence))
    qtbot.waitUntil(lambda: bool(window.workspace.jobs.running), timeout=5_000)
    qtbot.waitUntil(lambda: not window.workspace.jobs.running, timeout=30_000)
    assert any("trying again" in sentence for sentence in said)
    jobs = window.workspace.library.job_of_transcript(window.workspace.library.transcripts(sample.id)[0].id)
    assert jobs is not None
    assert jobs.state is JobState.DONE


def test_file_that_is_no_audio_is_explained_on_its_item(window: MainWindow, qtbot: QtBot, tmp_path: Path,
                                                        picture: Picture) -> None:
    bad = tmp_path / "a very long file name of an interview with the mayor about the bridge 2026-11-22.mp3"
    bad.write_text("this is a text")
    drop(window, bad)
    qtbot.waitUntil(lambda: any(item.error for item in window.workspace.imports.items), timeout=20_000)
    picture(window, "bad-file")
    item = window.workspace.imports.items[0]
    assert item.error is not None
    assert "not an audio or video file" in item.error.sentence
    assert window.workspace.library.recordings() == []
    window.library_panel._dismiss.click()
    assert window.workspace.imports.items == []


def test_same_file_twice_opens_the_one_that_is_there(window: MainWindow, qtbot: QtBot) -> None:
    drop(window, AUDIO / "jfk.wma")
    qtbot.waitUntil(lambda: opened(window, "jfk"), timeout=20_000)
    window.workspace.open(None)
    drop(window, AUDIO / "jfk.wma")
    qtbot.waitUntil(lambda: opened(window, "jfk"), timeout=20_000)
    assert "already" in window.view.banner._text.text()
    assert len(window.workspace.library.recordings()) == 1


def test_two_files_and_a_folder_come_in_together(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "interviews"
    folder.mkdir()
    (folder / "one.wma").write_bytes((AUDIO / "jfk.wma").read_bytes())
    (folder / "notes.txt").write_text("not audio")
    drop(window, folder, AUDIO / "jfk.caf")
    qtbot.waitUntil(lambda: len(window.workspace.library.recordings()) == 2 and not window.workspace.imports.items,
                    timeout=30_000)


def test_cleaned_cache_is_made_again_from_the_original(window: MainWindow, cache: Path, sample: Recording,
                                                       qtbot: QtBot) -> None:
    for file in cache.iterdir():
        file.unlink()
    window.workspace.open(sample)
    qtbot.waitUntil(lambda: window.workspace.player.can_play, timeout=20_000)


def test_range_is_made_by_dragging_snaps_and_can_be_typed(window: MainWindow, sample: Recording,
                                                          qtbot: QtBot) -> None:
    window.workspace.open(sample)
    qtbot.waitUntil(lambda: window.workspace.player.can_play)
    wave = window.view.waveform
    x1, x2 = round(wave.scale.to_x(3.7)), round(wave.scale.to_x(11.6))
    QTest.mousePress(wave, Qt.MouseButton.LeftButton, pos=QPoint(x1, 150))
    QTest.mouseMove(wave, QPoint(x1 + 40, 150))
    QTest.mouseMove(wave, QPoint(x2, 150))
    QTest.mouseRelease(wave, Qt.MouseButton.LeftButton, pos=QPoint(x2, 150))
    made = window.workspace.range
    assert made is not None
    assert abs(made.start - 3.89) < 0.2  # where Katie begins
    window.view.transport.start_field.setText("0:12")
    window.view.transport.end_field.setText("00:20.5")
    window.view.transport.end_field.editingFinished.emit()
    assert window.workspace.range == TimeRange(12.0, 20.5)


def test_selecting_in_either_view_selects_in_the_other(window: MainWindow, sample: Recording, qtbot: QtBot) -> None:
    window.workspace.open(sample)
    qtbot.waitUntil(lambda: len(lines(window)) == 7)
    wave = window.view.waveform
    QTest.mouseClick(wave, Qt.MouseButton.LeftButton, pos=QPoint(round(wave.scale.to_x(14.0)), 150))
    assert window.view.transcript.currentIndex().row() == 3
    assert abs(window.workspace.player.position() - 14.0) < 0.05
    window.view.transcript.setCurrentIndex(window.view.transcript.segments.index(5))
    assert wave.selected == 5


def test_speaker_is_renamed_everywhere(window: MainWindow, sample: Recording, qtbot: QtBot) -> None:
    window.workspace.open(sample)
    qtbot.waitUntil(lambda: len(lines(window)) == 7)
    document = window.workspace.document
    assert document is not None
    window.workspace.edits.rename_speaker(document.segments[0].speaker_id or 0, "Mayor Ortiz")
    qtbot.waitUntil(lambda: window.workspace.document is not None
                    and window.workspace.document.speaker_name(window.workspace.document.segments[2]) == "Mayor Ortiz")


def test_closing_in_the_middle_of_a_job_waits_for_nothing(qtbot: QtBot, home: Path, service: GeminiService,
                                                          window: MainWindow, sample: Recording,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    use_service(window, service)
    service.hold_from(0)
    window.workspace.open(sample)
    window.start_transcription(Options(engine="gemini", model="gemini-3.8-flash"))
    qtbot.waitUntil(lambda: service.held > 0, timeout=20_000)
    monkeypatch.setattr(window, "may_stop_jobs", lambda: False)
    window.close()
    assert window.isVisible()  # asked, and the answer was to go on
    monkeypatch.setattr(window, "may_stop_jobs", lambda: True)
    window.close()
    qtbot.waitUntil(lambda: not window.workspace.jobs.running, timeout=3_000)
    service.release()
    with_jobs = Library(data_folder())
    assert [job.state for job in with_jobs.unfinished_jobs()] == [JobState.WAITING]
    with_jobs.close()
