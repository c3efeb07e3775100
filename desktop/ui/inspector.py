"""The inspector: the summary of the transcript and the facts about the recording."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import QFormLayout, QPlainTextEdit, QScrollArea, QTabWidget, QVBoxLayout, QWidget

from desktop.engines import ENGINES
from desktop.model import Recording, clock
from desktop.ui.ask_panel import AskPanel
from desktop.ui.ledger_view import LedgerView
from desktop.ui.names_panel import NamesPanel
from desktop.ui.proposals_view import ProposalsView
from desktop.ui.quotes_panel import QuotesPanel
from desktop.ui.recording_details import RecordingDetails
from desktop.ui.words import label, translated
from desktop.ui.workspace import Workspace
from desktop.withholding import release


class Inspector(QTabWidget):
    """Summary and Details; later parts add their tabs here."""

    def __init__(self, workspace: Workspace, may_send: Callable[[str], bool], rename: Callable[[int], None],
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.ask = AskPanel(workspace, may_send)
        self.quotes = QuotesPanel(workspace)
        self.names = NamesPanel(workspace, rename)
        self.setDocumentMode(True)
        self.setAccessibleName(self.tr("Inspector"))
        self._summary = QPlainTextEdit()
        self._summary.setReadOnly(True)
        self._summary.setAccessibleName(self.tr("Summary"))
        self._summary.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self._note = label("", wrap=True)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.addWidget(self._summary, 1)
        self.proposals = ProposalsView(workspace)
        layout.addWidget(self.proposals)
        layout.addWidget(self._note)
        self.details = RecordingDetails(workspace)
        self._facts = QWidget()
        self._form = QFormLayout(self._facts)
        self._form.setContentsMargins(0, 8, 0, 0)
        self._form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        self._ledger = LedgerView(workspace)
        details = QWidget()
        below = QVBoxLayout(details)
        below.setContentsMargins(4, 4, 4, 4)
        for widget in (self.details, self._ledger, self._facts):
            below.addWidget(widget)
        below.addStretch()
        self._scroll = scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(details)
        scroll.setAccessibleName(self.tr("Details"))
        self.addTab(page, self.tr("Summary"))
        self.addTab(self.ask, self.tr("Ask"))
        self.addTab(self.quotes, self.tr("Quotes"))
        self.addTab(self.names, self.tr("Names"))
        self.addTab(scroll, self.tr("Details"))
        self.currentChanged.connect(lambda _: self._show_details())
        workspace.recording_changed.connect(self.reload)
        workspace.document_changed.connect(self.reload)
        workspace.shown_changed.connect(self.reload)
        self.reload()

    def reload(self) -> None:
        """Show what is open."""
        document = self._workspace.document
        engine = ENGINES.get(document.transcript.engine) if document else None
        hides = document is not None and not self._workspace.edits.is_revealed
        shown = release(document).transcript.summary if document is not None and hides \
            else document.transcript.summary if document else ""
        self._summary.setPlainText(shown)
        self._summary.setPlaceholderText(
            self.tr("The summary is hidden: it was written when something that is off the record now could be heard.")
            if document and document.transcript.summary else
            self.tr("This transcript has no summary.") if document else
            self.tr("The summary appears here with a transcript from Gemini."))
        self._summary.viewport().update()  # else the old placeholder shines through
        self._note.setText(translated(engine.abilities.cannot) if engine else "")
        self._note.setVisible(bool(self._note.text()))
        self._show_details()

    def _show_details(self) -> None:
        """Only when they are looked at: many labels, and a question to the library."""
        if self.currentWidget() is self._scroll:
            self.details.show_recording(self._workspace.recording)
            self._show_facts()
            self._ledger.reload()

    def _sound_facts(self, recording: Recording) -> list[tuple[str, str]]:
        if recording.address:
            return [(self.tr("Address"), recording.address)]
        return [
            (self.tr("Duration"), clock(recording.duration, tenths=True)),
            (self.tr("Sound"), self.tr("{rate} Hz, channels: {channels}").format(
                rate=QLocale().toString(recording.sample_rate), channels=recording.channels)),
            (self.tr("SHA-256 of the original"), recording.sha256)]

    def _show_facts(self) -> None:
        while self._form.rowCount():
            self._form.removeRow(0)
        recording, document = self._workspace.recording, self._workspace.document
        if recording is None:
            self._form.addRow(label(self.tr("Open a recording to see its details."), wrap=True))
            return
        facts = [
            *self._sound_facts(recording),
            (self.tr("Imported"), recording.imported_at[:16].replace("T", " ") + " UTC"),
        ]
        if document is not None:
            transcript = document.transcript
            whole = transcript.range.seconds >= recording.duration - 0.1
            facts += [
                (self.tr("Transcript by"), engine_name(transcript.engine, transcript.model)),
                (self.tr("Covers"), self.tr("the whole recording") if whole else
                 f"{clock(transcript.range.start)} – {clock(transcript.range.end)}"),
                (self.tr("Speakers"), ", ".join(speaker.name for speaker in document.speakers.values()) or "–"),
            ]
        if recording.problem:
            facts.append((self.tr("Damage"), recording.problem))
        for name, value in facts:
            text = label(_breakable(value), wrap=True)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            text.setAccessibleName(name)
            heading = label(name)
            heading.setForegroundRole(self.palette().ColorRole.PlaceholderText)
            self._form.addRow(heading, text)


def engine_name(engine: str, model: str) -> str:
    """An engine and its model, as the window calls them."""
    if engine == "reference":
        return f"Known-good transcript ({model})"
    if engine == "imported":
        return f"Imported file ({model})"
    return f"{ENGINES[engine].title if engine in ENGINES else engine} · {model}"


def _breakable(text: str) -> str:
    """Long words may be broken over lines (a hash has no spaces)."""
    return " ".join("\u200b".join(word[i:i + 16] for i in range(0, len(word), 16)) for word in text.split(" "))
