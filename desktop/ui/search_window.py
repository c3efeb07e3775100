"""Search everything: a field, and the places that are found while somebody types."""

from __future__ import annotations

from collections.abc import Mapping

import shiboken6
from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPalette
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QPushButton, QVBoxLayout, QWidget

from desktop.errors import Cancelled, PullquoteError
from desktop.hits import Found, Hit
from desktop.library import Library
from desktop.model import Desk, Progress, Report
from desktop.search_query import HELP
from desktop.searching import search
from desktop.ui.hit_view import HitView
from desktop.ui.tasks import Task
from desktop.ui.words import label, plain_buttons, translated
from desktop.ui.workspace import Workspace

_PATIENCE = 200  # milliseconds before it is said that a search is under way


class SearchWindow(QDialog):
    """Stays open beside the window, so that places can be heard one after the other.

    For `place_wanted` see its comment; ids are 0 where there is none: a title is no place in a transcript.
    """

    place_wanted = Signal(int, int, float, float, int)  # recording, transcript, start, end, segment

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._task: Task | None = None
        self._found = Found()
        self.setWindowTitle(self.tr("Search everything"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(760, 640)
        self.field = QLineEdit()
        self.field.setAccessibleName(self.tr("Search everything"))
        self.field.setPlaceholderText(self.tr(
            "Words in transcripts, translations, titles, tags, people, summaries, notes, quotes and answers"))
        self.field.setClearButtonEnabled(True)
        self.message = label("", wrap=True)
        self.list = HitView()
        self.play_button = QPushButton(self.tr("&Play this place"))
        self.more_button = QPushButton(self.tr("&More hits"))
        self._patience = QTimer(self, singleShot=True, interval=_PATIENCE)
        self._build()
        self._connect()
        self._show(Found())
        self.field.setFocus()

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        explanation = label(translated(HELP), wrap=True)
        explanation.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.field.setAccessibleDescription(translated(HELP))
        for widget in (self.field, explanation, self.message):
            layout.addWidget(widget)
        layout.addWidget(self.list, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        for button in (self.play_button, self.more_button, buttons.button(QDialogButtonBox.StandardButton.Close)):
            button.setAutoDefault(False)
            if button is not buttons.button(QDialogButtonBox.StandardButton.Close):
                buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        layout.addWidget(plain_buttons(buttons))

    def _connect(self) -> None:
        self.field.textChanged.connect(lambda _: self.search())
        self.field.installEventFilter(self)
        self.list.play_requested.connect(self._play)
        self.list.current_changed.connect(lambda _: self._show_buttons())
        self.play_button.clicked.connect(lambda: self._play(self.list.current()))
        self.more_button.clicked.connect(self._more)
        self._patience.timeout.connect(lambda: self._say(self.tr("Searching …")))
        self.finished.connect(lambda _: self._stop())
        for changed in (self._workspace.library_changed, self._workspace.document_changed,
                        self._workspace.edits.desk_changed, self._workspace.edits.saver.idle):
            changed.connect(self.search)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """In the field Enter plays what is chosen in the list, and the arrows choose there."""
        if watched is self.field and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._play(self.list.current())
                return True
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
                self.list.keyPressEvent(event)
                return True
        return super().eventFilter(watched, event)

    # -- searching -------------------------------------------------------------------------------------------

    def search(self) -> None:
        """Look for what is in the field; a search that is under way is given up."""
        self._start(self.field.text(), None)

    def _more(self) -> None:
        if self._found.before and self._task is None:
            self._start(self.field.text(), self._found)

    def _start(self, text: str, more: Found | None) -> None:
        self._stop()
        if not text.strip():
            self._show(Found())
            return
        task = self._workspace.tasks.start(
            _search, self._workspace.library, text, more, self._desks(), pass_report=True,
            done=lambda found: self._ended(task, found), failed=lambda error: self._ended(task, error))
        self._task = task
        self._patience.start()

    def _desks(self) -> dict[int, Desk]:
        """What was marked in the open recording, and may not be written yet."""
        recording = self._workspace.recording
        return {} if recording is None or self._workspace.document is None else {recording.id: self._workspace.desk}

    def _ended(self, task: Task, result: Found | PullquoteError) -> None:
        if not shiboken6.isValid(self) or self._task is not task:
            return  # another one was begun since
        self._task = None
        self._patience.stop()
        if isinstance(result, Found):
            self._show(result)
        elif not isinstance(result, Cancelled):
            self._say(translated(result.sentence), is_error=True)

    def _stop(self) -> None:
        self._patience.stop()
        if self._task is not None:
            self._task.stop()
            self._task = None

    # -- what was found --------------------------------------------------------------------------------------

    def _show(self, found: Found) -> None:
        self._found = found
        text = self.field.text().strip()
        self.list.empty = self._nothing() if text else self.tr(
            "Type to search. Results appear while you type; Enter plays the place. Nothing leaves this computer, and "
            "what is off the record is not found.")
        self.list.set_found(found)
        notes = [translated(note) for note in found.notes]
        if found.groups:
            notes.append(self._counted())
        self._say(" ".join(notes))
        self._show_buttons()

    def _nothing(self) -> str:
        if self._found.plan.is_empty:
            return self.tr("Type a word to look for.")
        return self.tr("Nothing was found. All words must be in one line: try fewer, or the beginning of one with *.")

    def _counted(self) -> str:
        count, recordings = self._found.count, len(self._found.groups)
        if self._found.before:
            return self.tr("The newest {count} hits. More hits shows older ones.").format(count=count)
        if count == 1:
            return self.tr("1 hit.")
        if recordings == 1:
            return self.tr("{count} hits in one recording.").format(count=count)
        if self._found.is_ranked:
            return self.tr("{count} hits in {recordings} recordings, those that fit best first.").format(
                count=count, recordings=recordings)
        return self.tr("{count} hits in {recordings} recordings, the newest first.").format(
            count=count, recordings=recordings)

    def _play(self, hit: Hit | None) -> None:
        if hit is not None:
            self.place_wanted.emit(hit.recording_id, hit.transcript_id, hit.start, hit.end, hit.segment_id)

    def _say(self, text: str, is_error: bool = False) -> None:
        self.message.setForegroundRole(QPalette.ColorRole.BrightText if is_error else QPalette.ColorRole.WindowText)
        self.message.setText(text)

    def _show_buttons(self) -> None:
        self.play_button.setEnabled(self.list.current() is not None)
        self.more_button.setEnabled(self._found.before > 0)


def _search(library: Library, text: str, more: Found | None, desks: Mapping[int, Desk], report: Report) -> Found:
    """On a worker; a report tells whether the search is still wanted."""
    def is_stopped() -> bool:
        try:
            report(Progress(0.0, ""))
        except Cancelled:
            return True
        return False

    found = search(library, text, is_stopped, more=more, desks=desks)
    report(Progress(1.0, ""))
    return found
