"""What somebody knows about a recording: title, day, place, people, tags, notes, project; kept while it is typed."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from PySide6.QtCore import QEvent, QLocale, QObject, Qt, QTimer
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QCheckBox, QFormLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.model import Recording
from desktop.ui.words import ElidedLabel, choice_box, label
from desktop.ui.workspace import Workspace

_REST = 600  # milliseconds without typing, then notes are kept


class RecordingDetails(QWidget):
    """The form of the open recording. There is no Save: a field is kept when it is left, notes also meanwhile."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._shown: Recording | None = None
        self.title, self.day, self.place = self._line(self.tr("Title")), self._line(self.tr("Date recorded")), \
            self._line(self.tr("Place"))
        self.people, self.tags = self._line(self.tr("People")), self._line(self.tr("Tags"))
        self.project = choice_box(self.tr("Project"), editable=True)
        self.notes = QPlainTextEdit()
        self.notes.setAccessibleName(self.tr("Notes"))
        self.notes.setTabChangesFocus(True)
        self.notes.setFixedHeight(84)
        self.is_checked = QCheckBox(self.tr("Checked"))
        self.is_checked.setToolTip(self.tr("Somebody has listened to all of it and corrected the transcript"))
        self._problem = ElidedLabel()
        self._problem.setForegroundRole(QPalette.ColorRole.BrightText)
        self._timer = QTimer(self, singleShot=True, interval=_REST)
        self._build()
        self._connect()

    def _line(self, name: str) -> QLineEdit:
        line = QLineEdit()
        line.setAccessibleName(name)
        line.editingFinished.connect(self.keep)
        return line

    def _build(self) -> None:
        self.day.setPlaceholderText("2026-11-22")
        self.people.setPlaceholderText(self.tr("Names, with commas between"))
        self.tags.setPlaceholderText(self.tr("Tags, with commas between"))
        self._form = QFormLayout()
        self._form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        self._form.setContentsMargins(0, 0, 0, 0)
        for widget in (self.title, self.day, self._problem, self.place, self.people, self.tags, self.project,
                       self.notes):
            heading = label(widget.accessibleName())
            heading.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            heading.setVisible(bool(heading.text()))
            self._form.addRow(heading, widget) if heading.text() else self._form.addRow(widget)
        self._problem.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._form)
        layout.addWidget(self.is_checked)

    def _connect(self) -> None:
        self.notes.textChanged.connect(self._timer.start)
        self._timer.timeout.connect(self.keep)
        self.notes.installEventFilter(self)
        self.is_checked.clicked.connect(self._check)
        self.project.activated.connect(self.keep)
        line = self.project.lineEdit()
        assert line is not None
        line.editingFinished.connect(self.keep)
        self._workspace.giving_way.connect(self.keep)
        self._workspace.library_changed.connect(self._refresh)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.notes and event.type() == QEvent.Type.FocusOut:
            self.keep()
        return super().eventFilter(watched, event)

    # -- showing ---------------------------------------------------------------------------------------------

    def show_recording(self, recording: Recording | None) -> None:
        """Fill the form; what is being typed in it is kept first, and stays when the recording is the same."""
        old = self._shown
        if old is not None and (recording is None or recording.id != old.id):
            self._shown = None  # another one is open: nothing of what stands in the form belongs to it
        self.setVisible(recording is not None)
        if recording is None:
            return
        fresh = self._texts(recording)
        before = self._texts(old) if old is not None and old.id == recording.id else {}
        self._shown = recording
        for name, text in fresh.items():
            if self._read(name) == before.get(name, self._read(name)):  # nobody has typed there since
                self._write(name, text)
        self.is_checked.setChecked(recording.is_checked)
        self._timer.stop()

    def _refresh(self) -> None:
        recording = self._workspace.recording
        if self.isVisible() and recording is not None and recording != self._shown:
            self.show_recording(recording)

    def _texts(self, recording: Recording) -> dict[str, str]:
        return {"title": recording.title, "day": recording.recorded_on, "place": recording.place,
                "people": ", ".join(recording.people), "tags": ", ".join(recording.tags), "notes": recording.notes,
                "project": self._project(recording)}

    def _project(self, recording: Recording) -> str:
        return next((p.name for p in self._workspace.library.projects() if p.id == recording.project_id), "")

    def _read(self, name: str) -> str:
        widget = getattr(self, name)
        if name == "notes":
            return str(widget.toPlainText())
        return str(widget.currentText() if name == "project" else widget.text())

    def _write(self, name: str, text: str) -> None:
        widget = getattr(self, name)
        if name == "project":
            names = ["", *(project.name for project in self._workspace.library.projects())]
            if [widget.itemText(row) for row in range(widget.count())] != names:
                widget.clear()
                widget.addItems(names)
            widget.setCurrentText(text)
        elif self._read(name) != text:
            widget.setPlainText(text) if name == "notes" else widget.setText(text)
            if name != "notes":
                widget.setCursorPosition(0)

    # -- keeping ---------------------------------------------------------------------------------------------

    def keep(self) -> None:
        """Keep what was changed in the form."""
        self._timer.stop()
        recording, workspace = self._shown, self._workspace
        if recording is None:
            return
        before = self._texts(recording)
        changed = {name: self._read(name) for name in before if self._read(name) != before[name]}
        if not changed:
            return
        changes = self._changes(changed)
        self._shown = None  # the writing below shows the recording anew
        if changes:
            workspace.describe(recording, **changes)
        if changed.get("title", "").strip():
            workspace.rename_recording(recording.id, changed["title"])
        if "project" in changed:
            workspace.put_in_project([recording], changed["project"])
        if workspace.recording is not None and workspace.recording.id == recording.id:
            self.show_recording(workspace.recording)
        if "day" in changed and "recorded_on" not in changes:
            self.day.setText(changed["day"])  # to be mended

    def _changes(self, changed: dict[str, str]) -> dict[str, Any]:
        """Fields of the record; a day that is none is said, and left out."""
        changes: dict[str, Any] = {name: changed[name].strip() for name in ("place", "notes") if name in changed}
        changes |= {name: pieces(changed[name]) for name in ("people", "tags") if name in changed}
        day = read_day(changed.get("day", ""))
        if "day" in changed and day is not None:
            changes["recorded_on"] = day
        self._problem.setText("" if day is not None else self.tr("“{text}” is not a date. Write it like 2026-11-22.")
                              .format(text=changed["day"][:40]))
        self._problem.setVisible(day is None)
        return changes

    def _check(self, is_checked: bool) -> None:
        if self._shown is not None:
            self._workspace.check([self._shown], is_checked)


def pieces(text: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(dict.fromkeys(piece for part in re.split(r"[,;\n،、]", text) if (piece := part.strip())))


def read_day(text: str) -> str | None:
    """A day as it is kept; "" for none; None when it is no day. Also takes the short form of this computer."""
    text = text.strip()
    if not text:
        return ""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        found = QLocale().toDate(text, QLocale.FormatType.ShortFormat)
        return found.toString(Qt.DateFormat.ISODate) if found.isValid() and found.year() > 1970 else None
