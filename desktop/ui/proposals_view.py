"""Who is who, where it is open: names that a line reveals, and voices that may be another's. Hear, then decide."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from desktop.model import SPEAKER_UNSURE, Proposal, Segment, Speaker, clock
from desktop.ui.flow_layout import FlowLayout
from desktop.ui.words import label
from desktop.ui.workspace import Workspace
from desktop.withholding import without

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
        workspace.shown_changed.connect(self.reload)
        workspace.edits.spliced.connect(lambda *_: self._edited())
        workspace.edits.saver.idle.connect(self._edited)
        self.reload()

    def _edited(self) -> None:
        """Only what is shown here can be settled by an edit."""
        if not self.isHidden():
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
            known = document is not None and proposal.speaker_id in document.speakers  # the document may be older
            if known and proposal.segment_id in lines and shown < _SHOWN and self._is_open(lines[proposal.segment_id]):
                self._layout.addWidget(self._row(proposal, lines[proposal.segment_id]))
                shown += 1
        for speaker, line in self._unsure()[:_SHOWN]:
            self._layout.addWidget(self._doubt(speaker, line))
            shown += 1
        self.setVisible(shown > 0)

    def _is_open(self, line: Segment) -> bool:
        """Whether nothing of the line is hidden."""
        document, edits = self._workspace.document, self._workspace.edits
        return document is not None and (edits.is_revealed or without(line, document.desk.off_record) is line)

    def _unsure(self) -> list[tuple[Speaker, Segment]]:
        """Speakers of whom it is open whether they are another one, each with the longest line."""
        document = self._workspace.document
        longest: dict[int, Segment] = {}
        for segment in document.segments if document else ():
            if SPEAKER_UNSURE in segment.flags and segment.speaker_id is not None:
                known = longest.get(segment.speaker_id)
                if known is None or known.end - known.start < segment.end - segment.start:
                    longest[segment.speaker_id] = segment
        return [(document.speakers[number], line) for number, line in longest.items()] if document else []

    def _doubt(self, speaker: Speaker, line: Segment) -> QWidget:
        """One click makes two speakers one."""
        document = self._workspace.document
        assert document is not None
        row, layout = _row_with(self.tr(
            "{speaker} may be somebody who has spoken before. Listen and decide ({time}).").format(
                speaker=speaker.name, time=clock(line.start)))
        choices = QWidget()
        buttons = FlowLayout(choices)
        play = QPushButton(self.tr("Play"))
        play.clicked.connect(lambda: self.place_wanted.emit(line.start, line.id))
        buttons.addWidget(play)
        edits = self._workspace.edits
        for other in list(document.speakers.values())[:_SHOWN]:
            if other.id != speaker.id:
                same = QPushButton(self.tr("Same as {name}").format(name=other.name))
                same.clicked.connect(lambda _=False, other=other: edits.settle_speaker(speaker.id, other.id))
                buttons.addWidget(same)
        new = QPushButton(self.tr("Somebody new"))
        new.clicked.connect(lambda: edits.settle_speaker(speaker.id))
        buttons.addWidget(new)
        layout.addWidget(choices)
        return row

    def _row(self, proposal: Proposal, line: Segment) -> QWidget:
        document = self._workspace.document
        assert document is not None
        said = line.text if len(line.text) <= _LONGEST else line.text[:_LONGEST] + "…"
        row, layout = _row_with(self.tr("{speaker} may be {name}: “{line}” ({time})").format(
            speaker=document.speakers[proposal.speaker_id].name, name=proposal.name, line=said,
            time=clock(line.start)))
        buttons = QHBoxLayout()
        play = QPushButton(self.tr("Play"))
        play.clicked.connect(lambda: self.place_wanted.emit(line.start, line.id))
        take = QPushButton(self.tr("Use name"))
        take.setToolTip(self.tr("Call the speaker {name} everywhere").format(name=proposal.name))
        take.clicked.connect(lambda: self._workspace.edits.rename_speaker(proposal.speaker_id, proposal.name))
        leave = QPushButton(self.tr("No"))
        leave.setToolTip(self.tr("Do not propose this name again"))
        leave.clicked.connect(lambda: self._workspace.reject(proposal))
        for button in (play, take, leave):
            buttons.addWidget(button)
        layout.addLayout(buttons)
        return row


def _row_with(sentence: str) -> tuple[QWidget, QVBoxLayout]:
    """A row that begins with a sentence; a long word is cut at the edge and pushes nothing out of view."""
    row = QWidget()
    layout = QVBoxLayout(row)
    layout.setContentsMargins(0, 4, 0, 4)
    text = label(sentence, wrap=True)
    text.setMinimumWidth(1)
    layout.addWidget(text)
    return row, layout
