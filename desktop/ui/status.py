"""The status bar: jobs with progress and stop, the engine, and where requests go when that was changed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QStatusBar, QWidget

from desktop.environment import SERVICE_URL
from desktop.ui.jobs import RunningJob
from desktop.ui.words import label, translated
from desktop.ui.workspace import Workspace


class JobStrip(QWidget):
    """The job that runs, how many wait, and its stop button."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._text = label("")
        self._bar = QProgressBar()
        self._bar.setMaximumWidth(160)
        self._bar.setMaximumHeight(14)
        self._bar.setTextVisible(False)
        self._stop = QPushButton(self.tr("Stop"))
        self._stop.setToolTip(self.tr("Stop this job; what has been heard is kept and the rest can be continued"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 0, 0, 0)
        layout.addWidget(self._text)
        layout.addWidget(self._bar)
        layout.addWidget(self._stop)
        layout.addStretch(1)
        self._stop.clicked.connect(self._stop_job)
        workspace.jobs.changed.connect(self.reload)
        workspace.jobs.progressed.connect(lambda _: self.reload())
        workspace.imports.changed.connect(self.reload)
        self.reload()

    def reload(self) -> None:
        """Show the first running job."""
        entry = self._entry()
        for widget in (self._bar, self._stop):
            widget.setVisible(entry is not None)
        coming = sum(item.error is None for item in self._workspace.imports.items)
        if entry is None and coming:
            self._text.setText(self.tr("Importing, {count} to go").format(count=coming))
            self._stop.setVisible(True)
            self._stop.setEnabled(True)
            return
        if entry is None:
            self._text.setText(self.tr("No job is running."))
            return
        waiting = len(self._workspace.jobs.running) - 1
        more = self.tr(" ({count} more waiting)").format(count=waiting) if waiting else ""
        title = self.fontMetrics().elidedText(entry.recording.title, Qt.TextElideMode.ElideMiddle, 180)
        stopping = entry.task is not None and entry.task.is_stopping
        sentence = self.tr("stopping…") if stopping else translated(entry.sentence) or self.tr("starting…")
        self._text.setText(f"{title}: {sentence}{more}")
        self._bar.setValue(round(entry.fraction * 100))
        self._stop.setEnabled(not stopping)

    def _entry(self) -> RunningJob | None:
        running = self._workspace.jobs.running
        return next((entry for entry in running if entry.task is not None), running[0] if running else None)

    def _stop_job(self) -> None:
        if entry := self._entry():
            self._workspace.jobs.stop(entry)
        else:
            self._workspace.imports.stop_all()
        self.reload()


class StatusBar(QStatusBar):
    """Jobs left, engine right."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._engine = label("")
        self.addWidget(JobStrip(workspace), 1)
        if workspace.url != SERVICE_URL:
            self.addPermanentWidget(label(self.tr("Requests go to {url}").format(url=workspace.url)))
        self.addPermanentWidget(self._engine)
        workspace.key_changed.connect(self.reload)
        workspace.settings_changed.connect(self.reload)
        self.reload()

    def reload(self) -> None:
        """Which engine a new transcript would use."""
        settings = self._workspace.settings
        if self._workspace.key_reading is None:
            self._engine.setText("")
        elif self._workspace.has_key:
            self._engine.setText(self.tr("Engine: Gemini · {model}").format(model=settings.gemini_model))
        else:
            self._engine.setText(self.tr("No Gemini key – engine: on device · {model}").format(
                model=settings.device_model))
