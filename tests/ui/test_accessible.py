"""Screen readers: every focusable widget has a name, and the waveform is a list of segments."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractButton, QAbstractScrollArea, QDialog, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from desktop.finding import Replacement
from desktop.model import Recording, TimeRange, TranscriptDocument
from desktop.ui.dialogs import PrivacyDialog, TextDialog, TranscribeDialog
from desktop.ui.export_dialog import ExportDialog
from desktop.ui.keys_dialog import KeysDialog
from desktop.ui.main_window import MainWindow
from desktop.ui.names_panel import RenameDialog
from desktop.ui.quote_check_dialog import QuoteCheckDialog
from desktop.ui.recorder_dialogs import ReminderDialog
from desktop.ui.recorder_session import RecorderSession
from desktop.ui.recovery_dialog import RecoveryDialog
from desktop.ui.replace_dialog import ReplaceDialog
from desktop.ui.search_window import SearchWindow
from desktop.ui.settings_dialog import SettingsDialog
from desktop.ui.versions_dialog import VersionsDialog


def nameless(root: QWidget) -> list[str]:
    """Focusable widgets without an accessible name."""
    found = []
    for widget in [root, *root.findChildren(QWidget)]:
        inner = widget.objectName().startswith("qt_") or isinstance(widget.parent(), QAbstractScrollArea)
        unused = isinstance(widget, QAbstractButton) and widget.isHidden() and not widget.text()  # of the banner
        if widget.focusPolicy() == Qt.FocusPolicy.NoFocus or inner or unused or widget.isWindow():
            continue
        interface = QAccessible.queryAccessibleInterface(widget)
        if interface is None or not interface.text(QAccessible.Text.Name):
            found.append(f"{type(widget).__name__} {widget.objectName()}")
    return found


def shown(window: MainWindow) -> TranscriptDocument:
    assert window.workspace.document is not None
    return window.workspace.document


DIALOGS: dict[str, Callable[[MainWindow], QDialog]] = {
    "settings": lambda w: SettingsDialog(w.workspace, w),
    "transcribe": lambda w: TranscribeDialog(w.workspace, TimeRange(2, 9), w),
    "export": lambda w: ExportDialog(w.workspace, w),
    "privacy": lambda w: PrivacyDialog(True, w),
    "shortcuts": lambda w: KeysDialog(w.workspace, w.actions_by_name, w),
    "rename": lambda w: RenameDialog(w.workspace, shown(w), next(iter(shown(w).speakers)), w),
    "quote check": lambda w: QuoteCheckDialog(w.workspace, w),
    "replace": lambda w: ReplaceDialog(w.workspace, [Replacement(0, "a", "b")], w),
    "search": lambda w: SearchWindow(w.workspace, w),
    "versions": lambda w: VersionsDialog(w.workspace, w),
    "reminder": lambda w: ReminderDialog(w.workspace, w),
    "recovery": lambda w: RecoveryDialog(w.workspace, RecorderSession(w.workspace, w), [], w),
    "about": lambda w: TextDialog("About", "text", w),
}


def test_every_focusable_widget_of_the_window_has_a_name(window: MainWindow, sample: Recording,
                                                         qtbot: QtBot) -> None:
    window.workspace.open(sample)
    qtbot.waitUntil(lambda: window.workspace.document is not None)
    assert nameless(window) == []
    window.record()
    assert nameless(window) == []
    window.find_and_replace()
    assert nameless(window) == []
    window.review()
    window.view.transcript.edit_row(1)
    assert nameless(window) == []
    window.workspace.player.pause()


@pytest.mark.parametrize("name", DIALOGS)
def test_every_focusable_widget_of_the_dialogs_has_a_name(name: str, window: MainWindow, sample: Recording,
                                                          qtbot: QtBot) -> None:
    window.workspace.open(sample)
    qtbot.waitUntil(lambda: window.workspace.document is not None)
    dialog = DIALOGS[name](window)
    qtbot.addWidget(dialog)
    dialog.show()
    assert nameless(dialog) == []


def test_waveform_is_read_out_as_a_list_of_segments(window: MainWindow, sample: Recording, qtbot: QtBot) -> None:
    window.workspace.open(sample)
    qtbot.waitUntil(lambda: window.workspace.document is not None)
    interface = QAccessible.queryAccessibleInterface(window.view.waveform)
    assert interface.role() is QAccessible.Role.List
    assert interface.childCount() == 7
    assert interface.child(3).text(QAccessible.Text.Name).startswith("Steve, 0:12, Not yet.")
    window.workspace.select(3)
    assert interface.child(3).state().selected
    assert not interface.child(2).state().selected
    window.view.seek(4.2)
    assert interface.text(QAccessible.Text.Value) == "0:04.2"


def test_every_focusable_widget_of_the_desk_has_a_name(window: MainWindow, sample: Recording, qtbot: QtBot) -> None:
    """The editor, the bars for finding and reviewing, and every tab of the inspector with something in it."""
    window.workspace.open(sample)
    qtbot.waitUntil(lambda: window.workspace.document is not None and window.workspace.tasks.running == 0)
    window.view.transcript.edit_row(2)
    window.actions_by_name["save_quote"].trigger()
    window.actions_by_name["mark"].trigger()
    window.actions_by_name["off_record"].trigger()
    for verb in ("find", "replace", "review"):
        window.actions_by_name[verb].trigger()
        assert nameless(window) == []
    for tab in range(window.inspector.count()):
        window.inspector.setCurrentIndex(tab)
        assert nameless(window) == []
    qtbot.waitUntil(lambda: window.workspace.tasks.running == 0)


def test_every_button_of_the_desk_says_what_it_does(window: MainWindow, sample: Recording, qtbot: QtBot) -> None:
    """A name, also of those that only a mouse reaches; those without a text have a tooltip as well."""
    window.workspace.open(sample)
    qtbot.waitUntil(lambda: window.workspace.document is not None and window.workspace.tasks.running == 0)
    window.actions_by_name["replace"].trigger()
    window.actions_by_name["review"].trigger()
    for button in window.findChildren(QAbstractButton):
        inner = isinstance(button.parent(), QAbstractScrollArea | QTabBar) or button.objectName().startswith("qt_")
        if button.isHidden() or inner:
            continue
        interface = QAccessible.queryAccessibleInterface(button)
        assert interface.text(QAccessible.Text.Name), button
        assert button.text() or button.toolTip(), button.accessibleName()
    qtbot.waitUntil(lambda: window.workspace.tasks.running == 0)


def test_the_transcript_is_read_out_line_by_line(window: MainWindow, sample: Recording, qtbot: QtBot) -> None:
    window.workspace.open(sample)
    qtbot.waitUntil(lambda: window.workspace.document is not None and window.workspace.tasks.running == 0)
    transcript = window.view.transcript
    interface = QAccessible.queryAccessibleInterface(transcript)
    names = [interface.child(n).text(QAccessible.Text.Name) for n in range(interface.childCount())
             if interface.child(n) is not None]
    assert any(name.startswith("0:12 · Steve · Not yet.") for name in names)
    transcript.edit_row(3)
    editor = QAccessible.queryAccessibleInterface(transcript.editor)
    assert editor.text(QAccessible.Text.Name) == "Text of this line"
    assert editor.text(QAccessible.Text.Value).startswith("Not yet.")
    window.workspace.select(5)
    assert transcript.currentIndex().row() == 5


def test_what_is_off_the_record_is_not_read_out(window: MainWindow, sample: Recording, qtbot: QtBot) -> None:
    window.workspace.open(sample)
    qtbot.waitUntil(lambda: window.workspace.document is not None and window.workspace.tasks.running == 0)
    line = shown(window).segments[3]
    window.workspace.set_range(TimeRange(line.start, line.end))
    window.actions_by_name["off_record"].trigger()
    for widget in (window.view.waveform, window.view.transcript):
        interface = QAccessible.queryAccessibleInterface(widget)
        read = [interface.child(n).text(kind) for n in range(interface.childCount()) if interface.child(n) is not None
                for kind in (QAccessible.Text.Name, QAccessible.Text.Value, QAccessible.Text.Description)]
        assert widget is window.view.waveform or any("off the record" in text for text in read)
        assert not any("batch transcription" in text for text in read)
