"""Recording in the window: the recorder's own process with a device of numbers, and what a crash leaves."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QTableWidget, QWidget
from pytestqt.qtbot import QtBot

from desktop.audio.alarm import Alarm
from desktop.importing import original_file
from desktop.library import Library
from desktop.model import Recording
from desktop.recording import control
from desktop.recording.messages import Device, State
from desktop.recording.recovery import Leftover, leftovers
from desktop.ui import recorder_panel, recorder_verbs
from desktop.ui.live_waveform import LiveWaveform
from desktop.ui.main_window import MainWindow
from desktop.ui.recorder_dialogs import ReminderDialog
from desktop.ui.recorder_panel import RecorderPanel
from desktop.ui.recorder_session import RecorderSession
from desktop.ui.recovery_dialog import RecoveryDialog
from desktop.ui.tray import Tray
from desktop.ui.workspace import Notice
from tests.reliability.fake_device import CHANNELS, RATE, numbers_of, start_recorder
from tests.ui.desk import activate

NUMBERS = Device("fake:1", "Numbers", CHANNELS, RATE)
OTHER = Device("fake:2", "A very long name of a microphone that nobody can read to its end", 1, RATE, is_monitor=True)
SMALL: dict[str, Any] = {"reserve": 1 << 20}
Start = Callable[..., None]


@pytest.fixture
def rings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(Alarm, "ring", lambda self: found.append("ring"))
    return found


@pytest.fixture
def start(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, rings: list[str]) -> Iterator[Start]:
    """Begin a recording by the keyboard; `plan` is what goes wrong with its device."""
    monkeypatch.setattr(recorder_panel, "devices", lambda: [NUMBERS, OTHER])
    monkeypatch.setattr(recorder_verbs, "sure", lambda *texts: True)  # closing after a test that failed

    def begin(title: str = "Ortiz", **plan: Any) -> None:
        monkeypatch.setattr(control, "start_child", start_recorder(SMALL | plan))
        window.actions_by_name["record"].trigger()
        panel = window.recorder_panel
        qtbot.waitUntil(panel.start.isEnabled)
        panel.channels.setCurrentIndex(1)
        panel.name.setText(title)
        qtbot.keyClick(panel.name, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: state(window) is State.RECORDING and elapsed(window) > 0.2, timeout=20_000)

    yield begin
    if window.session is not None:
        window.session.stop_and_wait()


def state(window: MainWindow) -> State:
    assert window.session is not None
    return window.session.status.state


def elapsed(window: MainWindow) -> float:
    assert window.session is not None
    return window.session.status.elapsed


def wait_for_sound(qtbot: QtBot, window: MainWindow, more: float) -> None:
    now = elapsed(window)
    qtbot.waitUntil(lambda: elapsed(window) > now + more, timeout=20_000)


def stopped(qtbot: QtBot, window: MainWindow) -> Recording:
    """The recording, in the library and open."""
    window.actions_by_name["record_stop"].trigger()
    qtbot.waitUntil(lambda: not window.is_recording and window.workspace.recording is not None, timeout=30_000)
    assert window.workspace.recording is not None
    return window.workspace.recording


def frames(library: Library, recording: Recording) -> np.ndarray:
    sound, rate = soundfile.read(original_file(library, recording), dtype="int16")
    assert rate == RATE
    return numbers_of(np.ascontiguousarray(sound))


def test_an_interview_is_recorded_marked_and_in_the_library(window: MainWindow, library: Library, qtbot: QtBot,
                                                            start: Start) -> None:
    start("Ortiz")
    assert window.windowTitle().startswith("● 0:0")
    window.view.waveform.setFocus()
    window.actions_by_name["mark"].trigger()
    wait_for_sound(qtbot, window, 0.3)
    window.actions_by_name["record_off"].trigger()
    qtbot.waitUntil(lambda: window.recorder_panel.off_record.isChecked(), timeout=5000)
    assert "off the record" in window.recorder_panel.state.text()
    wait_for_sound(qtbot, window, 0.3)
    window.actions_by_name["record_off"].trigger()
    qtbot.waitUntil(lambda: not window.recorder_panel.off_record.isChecked(), timeout=5000)
    recording = stopped(qtbot, window)
    assert (recording.title, recording.channels) == ("Ortiz", 2)
    assert recording.recorded_on == f"{datetime.now():%Y-%m-%d}"  # unless it is midnight
    assert np.array_equal(np.diff(frames(library, recording)), np.ones(round(recording.duration * RATE) - 1))
    desk = library.desk(recording.id)
    (mark,), (off,) = desk.marks, desk.withheld
    assert 0 < mark.seconds < off.range.start < off.range.end <= recording.duration and off.range.seconds > 0.3
    assert window.recorder_panel.isHidden() and window.windowTitle() == "Ortiz — Pullquote"
    assert leftovers(library.folder / "recordings") == []


def test_a_pause_is_a_marked_gap(window: MainWindow, library: Library, qtbot: QtBot, start: Start) -> None:
    start()
    window.actions_by_name["record_pause"].trigger()
    qtbot.waitUntil(lambda: state(window) is State.PAUSED)
    assert window.windowTitle().startswith("Ⅱ") and window.recorder_panel.pause.text() == "Go on"
    window.actions_by_name["record_pause"].trigger()
    qtbot.waitUntil(lambda: state(window) is State.RECORDING)
    wait_for_sound(qtbot, window, 0.2)
    recording = stopped(qtbot, window)
    (mark,) = library.desk(recording.id).marks
    assert "Paused for" in mark.note
    assert np.count_nonzero(np.diff(frames(library, recording)) != 1) == 1


def test_an_alarm_is_seen_and_heard_and_recording_goes_on(window: MainWindow, qtbot: QtBot, start: Start,
                                                          rings: list[str]) -> None:
    start(hung=[0.5, 3.0])
    qtbot.waitUntil(lambda: bool(rings), timeout=10_000)
    alarm = window.recorder_panel.findChild(QWidget, "alarm")
    assert alarm is not None and alarm.isVisible() and "No sound comes from Numbers" in alarm.property("text")
    qtbot.waitUntil(lambda: not alarm.isVisible(), timeout=20_000)
    wait_for_sound(qtbot, window, 0.3)
    assert state(window) is State.RECORDING and len(rings) == 1


@pytest.mark.parametrize("is_monitor", [True, False])
def test_silence_rings_for_a_microphone_and_is_only_shown_for_what_the_computer_plays(
        is_monitor: bool, window: MainWindow, qtbot: QtBot, start: Start, rings: list[str]) -> None:
    start(zeros=[0.2, 60.0], monitor=is_monitor, watchdog={"SILENCE": 0.5})
    alarm = window.recorder_panel.findChild(QWidget, "alarm")
    qtbot.waitUntil(lambda: alarm.isVisible(), timeout=10_000)  # type: ignore[union-attr]
    assert alarm is not None and ("nothing is playing" in alarm.property("text")) is is_monitor
    assert rings == ([] if is_monitor else ["ring"])


def test_a_recorder_that_dies_is_started_again_and_the_gap_is_marked(
        window: MainWindow, library: Library, qtbot: QtBot, start: Start, rings: list[str]) -> None:
    start()
    assert window.session is not None and window.session._recorder is not None
    window.session._recorder._process.send_signal(signal.SIGKILL)
    qtbot.waitUntil(lambda: bool(rings), timeout=10_000)
    qtbot.waitUntil(lambda: state(window) is State.RECORDING, timeout=20_000)
    wait_for_sound(qtbot, window, 0.3)
    recording = stopped(qtbot, window)
    assert [mark.note for mark in library.desk(recording.id).marks] and recording.duration > 0.5


def test_nobody_is_taken_out_of_a_line_that_he_writes(window: MainWindow, qtbot: QtBot, start: Start,
                                                      sample: Recording) -> None:
    window.workspace.open(sample)
    start()
    window.view.transcript.edit_row(0)
    window.actions_by_name["record_stop"].trigger()
    assert window.session is not None
    session = window.session
    qtbot.waitUntil(lambda: not session.is_running and not session.saving, timeout=30_000)
    assert window.workspace.recording == sample and window.view.transcript.is_editing
    notice = window.view.banner.notice
    assert notice is not None and "Ortiz" in notice.sentence and notice.verb is not None
    notice.verb()
    assert window.workspace.recording is not None and window.workspace.recording.title == "Ortiz"


def test_closing_in_the_middle_asks_and_loses_nothing(window: MainWindow, library: Library, qtbot: QtBot, start: Start,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    start("Before the deadline")
    asked: list[str] = []
    monkeypatch.setattr(recorder_verbs, "sure", lambda *texts: asked.append(texts[2]) or False)
    assert not window.close() and window.is_recording and "all of it is safe" in asked[0]
    monkeypatch.setattr(recorder_verbs, "sure", lambda *texts: True)
    before = elapsed(window)
    assert window.close() and not window.is_recording
    (left,) = leftovers(library.folder / "recordings")
    assert left.is_finished and not left.is_running and left.seconds >= before and left.title == "Before the deadline"


def recovery(window: MainWindow, qtbot: QtBot) -> RecoveryDialog:
    window.offer_leftovers()
    qtbot.waitUntil(lambda: bool(window.findChildren(RecoveryDialog)), timeout=10_000)
    return window.findChildren(RecoveryDialog)[0]


def test_what_a_crash_left_is_offered_and_kept_by_one_key(window: MainWindow, library: Library, qtbot: QtBot,
                                                          start: Start) -> None:
    start("Cut off")
    assert window.session is not None and window.session._recorder is not None
    recorder = window.session._recorder
    window.session._ticker.stop()  # as a window that died
    window.session._recorder = None
    recorder._process.send_signal(signal.SIGKILL)
    recorder.wait(10)
    dialog = recovery(window, qtbot)
    table = dialog.findChild(QTableWidget)
    assert isinstance(table, QTableWidget)
    assert [table.item(0, column).text() for column in (0, 3)] == ["Cut off", "cut off at the end"]
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: [r.title for r in library.recordings()] == ["Cut off"], timeout=20_000)
    qtbot.waitUntil(lambda: window.workspace.recording is not None)
    assert leftovers(library.folder / "recordings") == []


@pytest.mark.usefixtures("right_to_left")
def test_all_that_can_be_recovered_is_chosen_right_to_left_too(window: MainWindow, qtbot: QtBot, start: Start) -> None:
    for title in ("One", "Two"):
        start(title)
        assert window.session is not None
        window.session.stop_and_wait()
    dialog = recovery(window, qtbot)
    assert {index.row() for index in dialog.table.selectedIndexes()} == {0, 1} and dialog.keep.isEnabled()
    dialog.reject()


def test_what_the_disk_does_not_give_is_shown_and_cannot_be_deleted(window: MainWindow, qtbot: QtBot) -> None:
    lost = Leftover(Path("/disk/a.rec"), "", "", "", 48_000, 1, (), False, False, problem="Input/output error")
    dialog = RecoveryDialog(window.workspace, RecorderSession(window.workspace, window), [lost], window)
    dialog.show()
    texts = [item.text() for column in range(4) if (item := dialog.table.item(0, column)) is not None]
    assert texts[0] == "a.rec" and texts[2] == "?" and "Input/output error" in texts[3] and "/disk/a.rec" in texts[3]
    dialog.table.selectRow(0)
    assert not dialog.remove.isEnabled() and not dialog.keep.isEnabled()
    dialog.reject()


def test_deleting_what_was_left_asks_first(window: MainWindow, library: Library, qtbot: QtBot, start: Start,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    start("A try")
    assert window.session is not None
    window.session.stop_and_wait()
    dialog = recovery(window, qtbot)
    monkeypatch.setattr("desktop.ui.recovery_dialog.sure", lambda *texts: False)
    dialog.remove.click()
    assert len(leftovers(library.folder / "recordings")) == 1
    monkeypatch.setattr("desktop.ui.recovery_dialog.sure", lambda *texts: True)
    dialog.remove.click()
    qtbot.waitUntil(lambda: leftovers(library.folder / "recordings") == [])
    assert library.recordings() == []


def test_without_anything_to_recover_the_menu_says_so(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_by_name["recover"].trigger()
    qtbot.waitUntil(lambda: window.view.banner.notice is not None)
    assert window.view.banner.notice is not None and "no recording to recover" in window.view.banner.notice.sentence


def test_without_a_microphone_it_says_what_to_do(window: MainWindow, qtbot: QtBot,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_panel, "devices", list)
    window.actions_by_name["record"].trigger()
    panel = window.recorder_panel
    qtbot.waitUntil(lambda: "Plug in a microphone" in panel.facts.text())
    assert not panel.start.isEnabled()
    monkeypatch.setattr(recorder_panel, "devices", lambda: [OTHER])
    panel.refresh.click()
    qtbot.waitUntil(panel.start.isEnabled)
    assert panel.device.currentText().endswith("(what this computer plays)")


def test_a_recording_that_is_stopped_before_any_sound_came_says_so_and_no_more(
        window: MainWindow, qtbot: QtBot, library: Library, monkeypatch: pytest.MonkeyPatch, rings: list[str]) -> None:
    monkeypatch.setattr(recorder_panel, "devices", lambda: [NUMBERS])
    monkeypatch.setattr(control, "start_child", start_recorder(SMALL | {"hung": [0, 60]}))
    said: list[Notice] = []
    window.workspace.noticed.connect(lambda notice: said.append(notice) if notice else None)
    window.actions_by_name["record"].trigger()
    panel = window.recorder_panel
    qtbot.waitUntil(panel.start.isEnabled)
    panel.name.setText("Ortiz")
    panel.start.click()
    qtbot.waitUntil(lambda: panel.stop.isEnabled() and window.session is not None and window.session.folder is not None)
    assert "starting" in window.running_row.accessibleName()
    panel.stop.click()
    qtbot.waitUntil(lambda: bool(said), timeout=20_000)
    assert said[-1].sentence == "Nothing was recorded: “Ortiz” was stopped before any sound came."
    assert said[-1].action == "" and library.recordings() == []


def test_a_quick_second_press_takes_the_first_one_back(window: MainWindow, qtbot: QtBot, start: Start) -> None:
    start()
    for name in ("record_pause", "record_off"):
        window.actions_by_name[name].trigger()
        window.actions_by_name[name].trigger()
    wait_for_sound(qtbot, window, 1.2)
    assert window.session is not None and state(window) is State.RECORDING and not window.session.status.is_off_record
    window.actions_by_name["record_off"].trigger()
    qtbot.waitUntil(lambda: window.session is not None and window.session.status.is_off_record)
    window.actions_by_name["record_pause"].trigger()
    qtbot.waitUntil(lambda: state(window) is State.PAUSED)
    assert window.running_row.accessibleName() == "Ⅱ paused: Ortiz"


def check_sound(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, **plan: Any) -> RecorderPanel:
    monkeypatch.setattr(control, "start_child", start_recorder(SMALL | plan))
    window.actions_by_name["record"].trigger()
    panel = window.recorder_panel
    qtbot.waitUntil(panel.check.isEnabled)
    qtbot.mouseClick(panel.check, Qt.MouseButton.LeftButton)
    return panel


def test_a_sound_check_shows_the_level_keeps_nothing_and_gives_the_device_back(
        window: MainWindow, qtbot: QtBot, start: Start, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = check_sound(window, qtbot, monkeypatch)
    qtbot.waitUntil(lambda: max(panel.sound_check.levels()[0], default=0) > 0, timeout=10_000)
    assert panel.check_meter.isVisible() and panel.facts.text().startswith("Sound check")
    assert not window.is_recording and list((library.folder / "recordings").iterdir()) == []
    recorder = panel.sound_check._recorder
    assert recorder is not None and recorder.status().state is State.CHECKING
    start()  # in the middle of it
    assert recorder.status().state is State.FINISHED and not panel.sound_check.is_wanted
    stopped(qtbot, window)
    assert not panel.check_meter.isVisible()


@pytest.mark.parametrize(("plan", "said"), [({"zeros": [0, 60], "watchdog": {"SILENCE": 0.3}}, "complete silence"),
                                            ({"gone": [0.2, 60]}, "is gone"), ({"nowhere": True}, "cannot be opened")])
def test_a_sound_check_says_what_is_wrong(plan: dict[str, Any], said: str, window: MainWindow, qtbot: QtBot,
                                          start: Start, rings: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    panel = check_sound(window, qtbot, monkeypatch, **plan)
    qtbot.waitUntil(lambda: said in panel.facts.text(), timeout=10_000)
    assert rings == [] and panel.check.isChecked() is (said != "cannot be opened")
    qtbot.mouseClick(panel.close_button, Qt.MouseButton.LeftButton)
    assert not panel.sound_check.is_wanted


def test_a_device_that_cannot_be_opened_is_said_in_place(window: MainWindow, qtbot: QtBot, library: Library,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_panel, "devices", lambda: [Device("pulse:none", "Gone", 1, RATE)])
    window.actions_by_name["record"].trigger()
    panel = window.recorder_panel
    qtbot.waitUntil(panel.start.isEnabled)
    panel.start.click()
    qtbot.waitUntil(lambda: not window.is_recording and "cannot be opened" in panel.facts.text(), timeout=20_000)
    assert panel.isVisible() and panel.start.isVisible() and leftovers(library.folder / "recordings") == []


def test_the_reminder_is_off_until_it_is_wanted(window: MainWindow, qtbot: QtBot,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_panel, "devices", lambda: [NUMBERS])
    window.actions_by_name["record"].trigger()
    assert window.recorder_panel.reminder.isHidden()
    dialog = ReminderDialog(window.workspace, window)
    qtbot.addWidget(dialog)
    dialog.shown.setChecked(True)
    dialog.text.setPlainText("Does <b>everybody</b> agree?")
    dialog.accept()
    assert window.recorder_panel.reminder.isVisible()
    assert window.recorder_panel.reminder.text() == "Does <b>everybody</b> agree?"


def test_the_recorder_in_pictures(window: MainWindow, qtbot: QtBot, start: Start, sample: Recording, home: Path,
                                  picture: Callable[[QWidget, str], None]) -> None:
    window.workspace.open(sample)
    start("A long title of a long interview about the bridge over the river and what it cost everybody in the town")
    waveform = window.recorder_panel.findChild(LiveWaveform)
    assert waveform is not None and waveform._peaks is not None and waveform._peaks.seconds > 0
    for theme in ("light", "dark"):
        window.workspace.change_settings(theme=theme)
        picture(window, f"recorder-{theme}")
    assert window.session is not None
    window.session.stop_and_wait()
    picture(recovery(window, qtbot), "recovery")


def test_a_recording_goes_on_in_the_window_that_is_started_again(window: MainWindow, library: Library, qtbot: QtBot,
                                                                 start: Start) -> None:
    start("Goes on")
    assert window.session is not None and window.session._recorder is not None
    recorder = window.session._recorder
    window.session._ticker.stop()  # as a window that died: nobody holds the recorder's pipe any more
    window.session._recorder = None
    assert recorder._process is not None and recorder._process.stdin is not None
    recorder._process.stdin.close()
    qtbot.wait(300)
    window.offer_leftovers()
    qtbot.waitUntil(lambda: window.is_recording and state(window) is State.RECORDING, timeout=10_000)
    wait_for_sound(qtbot, window, 0.3)
    assert not window.findChildren(RecoveryDialog) and window.windowTitle().startswith("●")
    recording = stopped(qtbot, window)
    assert recording.title == "Goes on" and not np.count_nonzero(np.diff(frames(library, recording)) != 1)


def test_the_sign_beside_the_clock_says_how_long_it_has_recorded(window: MainWindow, qtbot: QtBot,
                                                                 start: Start) -> None:
    start()
    assert window.session is not None
    tray = Tray(window.session, window.actions_by_name, window)
    wait_for_sound(qtbot, window, 0.2)
    assert tray.toolTip().startswith("Pullquote records: 0:0")
    window.actions_by_name["record_pause"].trigger()
    qtbot.waitUntil(lambda: tray.toolTip().startswith("Pullquote is paused"))
    menu = tray.contextMenu()
    assert [action.isEnabled() for action in menu.actions()] == [True] * 4
    with qtbot.waitSignal(tray.window_wanted):
        menu.actions()[0].trigger()


def test_the_library_says_first_of_all_what_is_being_recorded(window: MainWindow, qtbot: QtBot, start: Start) -> None:
    start("Ortiz")
    wait_for_sound(qtbot, window, 1.1)
    row = window.running_row
    assert row.isVisible() and row.accessibleName() == "● rec: Ortiz"
    window.library_panel.filter.setText("nothing is called this")
    assert row.isVisible()
    window.close_recorder()
    qtbot.mouseClick(row, Qt.MouseButton.LeftButton)
    assert window.recorder_panel.isVisible()
    stopped(qtbot, window)
    assert not row.isVisible()


def test_the_keyboard_is_in_the_recorder_when_it_opens(window: MainWindow, qtbot: QtBot, start: Start) -> None:
    activate(window, qtbot)
    window.actions_by_name["record"].trigger()
    panel = window.recorder_panel
    qtbot.waitUntil(panel.start.hasFocus)


def test_the_wheel_takes_no_microphone_away(window: MainWindow, qtbot: QtBot, start: Start,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    start()
    switched: list[Device] = []
    assert window.session is not None
    monkeypatch.setattr(window.session, "switch", switched.append)
    box = window.recorder_panel.other
    here = QPointF(box.rect().center())
    turn = QWheelEvent(here, QPointF(box.mapToGlobal(here)), QPoint(0, -120), QPoint(0, -120), Qt.MouseButton.NoButton,
                       Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False)
    QApplication.sendEvent(box, turn)
    assert switched == [] and box.currentIndex() == 0
    box.activated.emit(1)
    assert switched == [OTHER]


def test_what_was_left_twice_comes_in_once(window: MainWindow, library: Library, qtbot: QtBot, start: Start) -> None:
    start("Twice")
    assert window.session is not None and window.session.folder is not None
    folder = window.session.folder
    window.session.stop_and_wait()
    copytree(folder, folder.with_name("2026-01-01-000000-copied.rec"))
    dialog = recovery(window, qtbot)
    dialog.keep.click()
    session = window.session
    qtbot.waitUntil(lambda: not session.saving and not window.workspace.tasks.running, timeout=30_000)
    assert [r.title for r in library.recordings()] == ["Twice"] and leftovers(library.folder / "recordings") == []
    assert len([place for place in (library.folder / "recordings").iterdir() if place.is_dir()]) == 1
