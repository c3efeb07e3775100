"""Names that speakers may have, each with the line that says it: hear it, take it, or not."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from desktop.model import Proposal, Segment, clock
from desktop.ui.words import label
from desktop.ui.workspace import Workspace

_SHOWN, _LONGEST = 4, 140  # proposals at a time; characters of a line


class ProposalsView(QWidget):
    """Hidden while there is nothing to propose."""

    place_wanted = Signal(float, int)  # seconds, segment id

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        workspace.document_changed.connect(self.reload)
        self.reload()

    def reload(self) -> None:
        """Those of the shown transcript."""
        while (item := self._layout.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        document = self._workspace.document
        shown = 0
        lines = {segment.id: segment for segment in document.segments} if document else {}
        for proposal in self._workspace.library.proposals(document.transcript.id) if document else ():
            if proposal.segment_id in lines and shown < _SHOWN:
                self._layout.addWidget(self._row(proposal, lines[proposal.segment_id]))
                shown += 1
        self.setVisible(shown > 0)

    def _row(self, proposal: Proposal, line: Segment) -> QWidget:
        document = self._workspace.document
        assert document is not None
        row = QWidget()
        layout = QVBoxLayout(row)
        layout.setContentsMargins(0, 4, 0, 4)
        said = line.text if len(line.text) <= _LONGEST else line.text[:_LONGEST] + "…"
        text = label(self.tr("{speaker} may be {name}: “{line}” ({time})").format(
            speaker=document.speakers[proposal.speaker_id].name, name=proposal.name, line=said,
            time=clock(line.start)), wrap=True)
        text.setMinimumWidth(1)
        layout.addWidget(text)
        buttons = QHBoxLayout()
        play = QPushButton(self.tr("Play"))
        play.clicked.connect(lambda: self.place_wanted.emit(line.start, line.id))
        take = QPushButton(self.tr("Use name"))
        take.setToolTip(self.tr("Call the speaker {name} everywhere").format(name=proposal.name))
        take.clicked.connect(lambda: self._workspace.rename_speaker(proposal.speaker_id, proposal.name))
        leave = QPushButton(self.tr("No"))
        leave.setToolTip(self.tr("Do not propose this name again"))
        leave.clicked.connect(lambda: self._workspace.reject(proposal))
        for button in (play, take, leave):
            buttons.addWidget(button)
        layout.addLayout(buttons)
        return row
