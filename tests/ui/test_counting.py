"""Before and during a run, in the window: counting the tokens exactly, and where each part of a job stands."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.library import Library
from desktop.model import Part, PartState, Protection, Recording, TimeRange
from desktop.transcription import Options
from desktop.ui import theme
from desktop.ui.dialogs import TranscribeDialog
from desktop.ui.main_window import MainWindow
from desktop.videos import add_video
from tests.gemini_service import Fault, GeminiService

COUNT = "Count exactly…"


@pytest.fixture
def ready(window: MainWindow, library: Library, sample: Recording, service: GeminiService, qtbot: QtBot) -> MainWindow:
    """The sample is open, a key is there, and it may be sent without a question."""
    library.set_protection(sample.id, Protection.MAY)
    workspace = window.workspace
    workspace.url = workspace.jobs._url = service.url
    workspace.api_key.keep_for_session(service.key)
    workspace.change_settings(privacy_accepted="2026-11-22")
    workspace.read_key()
    workspace.open(library.recording(sample.id))
    qtbot.waitUntil(lambda: workspace.has_key and workspace.document is not None and workspace.player.can_play,
                    timeout=20_000)
    return window


def asked_of(window: MainWindow, time_range: TimeRange | None = None) -> TranscribeDialog:
    return TranscribeDialog(window.workspace, time_range, window, window.may_send)


def click(dialog: TranscribeDialog) -> None:
    dialog.show()
    QTest.mouseClick(dialog._count, Qt.MouseButton.LeftButton)


def ended(dialog: TranscribeDialog, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: dialog._counting is None, timeout=20_000)


def quiet(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: window.workspace.tasks.running == 0, timeout=20_000)


def held_at_the_count(window: MainWindow, service: GeminiService, qtbot: QtBot) -> TranscribeDialog:
    """A dialog whose count was asked for and gets no answer."""
    service.fail_next(Fault.hang(), route="models.count_tokens")
    dialog = asked_of(window)
    click(dialog)
    qtbot.waitUntil(lambda: any(r.route == "models.count_tokens" for r in service.requests), timeout=20_000)
    return dialog


# -- counting ---------------------------------------------------------------------------------------------------


def test_the_count_stands_in_the_note_and_nothing_stays_on_the_service(
        ready: MainWindow, library: Library, service: GeminiService, qtbot: QtBot) -> None:
    dialog = asked_of(ready, TimeRange(2.0, 7.0))
    told: list[bool] = []
    ready.workspace.ledger_changed.connect(lambda: told.append(True))
    assert dialog._count.text() == COUNT and not dialog._count.isHidden() and service.requests == []
    click(dialog)
    assert dialog._count.text() == "Stop counting" and dialog._note.text().endswith("Preparing")
    ended(dialog, qtbot)
    assert dialog._note.text().endswith("\nCounted: 160 tokens of audio for gemini-3.8-flash.")
    assert dialog._count.text() == COUNT and dialog._go.isEnabled() and told
    assert service.files == {} and library.remote_files() == [] and service.heard == []
    assert [line.cargo.purpose for line in library.sendings()] == ["count", "upload"]
    assert library.sendings()[0].cargo.range == TimeRange(2.0, 7.0)
    dialog._engine.setCurrentIndex(dialog._engine.count() - 1)  # on this device: there is nothing to count
    assert dialog._count.isHidden() and "Counted" not in dialog._note.text()


def test_the_user_is_asked_first_and_a_no_sends_nothing(ready: MainWindow, service: GeminiService) -> None:
    asked: list[str] = []
    dialog = TranscribeDialog(ready.workspace, None, ready, lambda what: bool(asked.append(what)))
    click(dialog)
    assert asked == ["The sound, to count its tokens,"] and dialog._counting is None
    assert service.requests == [] and dialog._count.text() == COUNT


def test_never_upload_holds_for_counting(ready: MainWindow, library: Library, service: GeminiService,
                                         qtbot: QtBot) -> None:
    ready.workspace.set_protection(Protection.NEVER)
    dialog = asked_of(ready)
    assert "never upload" in dialog._note.text() and not dialog._go.isEnabled()
    if not dialog._count.isHidden():
        click(dialog)
        ended(dialog, qtbot)
    assert "never upload" in dialog._note.text() and "Counted" not in dialog._note.text()
    assert service.requests == [] and library.sendings() == []


def test_a_mark_set_while_the_dialog_is_open_holds_too(ready: MainWindow, library: Library, sample: Recording,
                                                       service: GeminiService, qtbot: QtBot) -> None:
    dialog = asked_of(ready)
    library.set_protection(sample.id, Protection.NEVER)
    click(dialog)
    ended(dialog, qtbot)
    assert "nothing of it was sent" in dialog._note.text() and service.requests == []


def test_counting_can_be_stopped_and_asked_for_again(ready: MainWindow, library: Library, service: GeminiService,
                                                     qtbot: QtBot) -> None:
    dialog = held_at_the_count(ready, service, qtbot)
    click(dialog)
    ended(dialog, qtbot)
    assert dialog._note.text().endswith("\nStopped.") and dialog._count.text() == COUNT
    assert service.files == {} and library.remote_files() == []
    click(dialog)
    ended(dialog, qtbot)
    assert "Counted: " in dialog._note.text()


@pytest.mark.parametrize("gone", [False, True], ids=["closed", "closed and deleted"])
def test_a_dialog_that_is_closed_stops_its_count(ready: MainWindow, library: Library, service: GeminiService,
                                                 qtbot: QtBot, gone: bool) -> None:
    dialog = held_at_the_count(ready, service, qtbot)
    dialog.reject()
    if gone:
        dialog.deleteLater()
    quiet(ready, qtbot)
    assert service.files == {} and library.remote_files() == []
    assert ready.workspace.tasks.running == 0


def test_a_count_that_fails_says_why(ready: MainWindow, service: GeminiService, qtbot: QtBot) -> None:
    service.fail_next(Fault.status(404, "model_not_found"), route="models.count_tokens")
    dialog = asked_of(ready)
    click(dialog)
    ended(dialog, qtbot)
    assert "does not exist any more" in dialog._note.text() and service.files == {}
    assert dialog._go.isEnabled()  # the estimate is still there


def test_there_is_no_counting_without_a_key_or_for_a_video(ready: MainWindow, library: Library) -> None:
    workspace, reading = ready.workspace, ready.workspace.key_reading
    workspace.key_reading = None
    dialog = asked_of(ready)
    dialog._engine.setCurrentIndex(0)
    assert dialog._count.isHidden() and "No Gemini key is set" in dialog._note.text()
    workspace.key_reading = reading
    dialog = TranscribeDialog(workspace, None, ready)
    assert dialog._count.isHidden()  # nobody could be asked
    workspace.open(add_video(library, "https://youtu.be/ku-N-eS1lgM").recording)
    dialog = asked_of(ready)
    assert dialog._count.isHidden() and "address of the video" in dialog._note.text()


# -- the parts of a job on the overview -------------------------------------------------------------------------


def colour_of_part(window: MainWindow, seconds: float) -> QColor:
    """In the bar at the top of the strip."""
    strip = window.view.overview
    image = strip.grab().toImage()
    ratio = image.devicePixelRatio()
    return image.pixelColor(QPoint(round(strip._x(seconds) * ratio), round(5 * ratio)))


def states(window: MainWindow) -> list[str]:
    """What the tool tip says of each part."""
    return [line.rsplit(": ")[-1] for line in window.view.overview.toolTip().splitlines()]


def test_each_part_has_its_bar_and_its_line(ready: MainWindow) -> None:
    strip = ready.view.overview
    third = strip._view.scale.duration / 3
    strip.set_parts(tuple(Part(n, n * third, (n + 1) * third, state=state) for n, state in enumerate(
        (PartState.STORED, PartState.SENDING, PartState.PLANNED))))
    assert states(ready) == ["done", "being heard", "waiting"] and strip.toolTip().startswith("Part 1, 0:00 – ")
    done, waiting = colour_of_part(ready, third * 0.7), colour_of_part(ready, third * 2.7)
    assert done == strip.palette().highlight().color()
    assert waiting == theme.colours(strip.palette()).wave_ground
    strip.set_parts((Part(0, 0.0, third, state=PartState.RECEIVED), Part(1, third, 2 * third, state=PartState.FAILED)))
    assert states(ready) == ["heard", "failed"]
    assert colour_of_part(ready, third * 0.7) == done
    strip.set_parts(())
    assert strip.toolTip() == "" and colour_of_part(ready, third * 0.7) != done


def test_many_parts_have_a_short_tool_tip(ready: MainWindow) -> None:
    ready.view.overview.set_parts(tuple(Part(n, n / 10, (n + 1) / 10) for n in range(200)))
    assert len(ready.view.overview.toolTip().splitlines()) == 30
    ready.view.overview.grab()


def test_the_parts_of_the_running_job_are_shown_and_then_gone(
        ready: MainWindow, service: GeminiService, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop.engines.gemini.GeminiEngine.longest_part", 15.0)
    strip, workspace = ready.view.overview, ready.workspace
    workspace.change_settings(parts_at_once=1.0)  # else the second part may be the one that is answered
    recording = workspace.recording
    assert recording is not None
    service.hold_from(1)
    try:
        workspace.jobs.start(recording, Options("gemini", "gemini-3.8-flash"), consent=True)
        qtbot.waitUntil(lambda: states(ready)[:2] == ["done", "being heard"], timeout=20_000)
        workspace.open(None)
        assert strip.toolTip() == ""
        workspace.open(recording)
        assert states(ready)[:2] == ["done", "being heard"]
    finally:
        service.release()
    qtbot.waitUntil(lambda: not workspace.jobs.running, timeout=20_000)
    assert strip.toolTip() == "" and strip._parts == ()
