"""The review queue above the transcript: one doubtful line after the other is played; Enter says heard and right."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QProgressBar, QPushButton, QToolButton, QWidget

from desktop.audio.peaks import Peaks
from desktop.model import TimeRange, TranscriptDocument
from desktop.reviewing import Doubt, Kind, disagreements, doubtful
from desktop.ui import theme
from desktop.ui.transcript_panel import TranscriptView
from desktop.ui.words import ElidedLabel, translated
from desktop.ui.workspace import Workspace


class ReviewBar(QFrame):
    """Arriving at a line plays it. What was checked stays so, per line, also after a restart."""

    closed = Signal()
    play_requested = Signal(int)  # row

    def __init__(self, workspace: Workspace, transcript: TranscriptView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._transcript = workspace, transcript
        self.doubts: list[Doubt] = []
        self._others: list[TranscriptDocument] = []
        self._at = 0  # the id of the line that is asked about
        self.kinds = dict.fromkeys(Kind, True)
        self.what = ElidedLabel()
        self.progress = QProgressBar()
        self.progress.setAccessibleName(self.tr("Checked lines"))
        self.progress.setMaximumWidth(160)
        self.right = QPushButton(self.tr("Heard and right"))
        self.skip = QPushButton(self.tr("Later"))
        self.edit = QPushButton(self.tr("Correct"))
        self.choice = QToolButton()
        self._close = QToolButton()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(300)
        self._build()
        self._connect()
        self.hide()

    def _build(self) -> None:
        menu = QMenu(self.choice)
        for kind in Kind:
            action = menu.addAction(translated(str(kind)))
            action.setCheckable(True)
            action.setChecked(True)
            action.toggled.connect(lambda yes, kind=kind: self._choose(kind, yes))
        self.choice.setText(self.tr("What"))
        self.choice.setToolTip(self.tr("What makes a line doubtful"))
        self.choice.setMenu(menu)
        self.choice.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._close.setAutoRaise(True)
        self._close.setAccessibleName(self.tr("End the review"))
        self._close.setToolTip(self.tr("End the review (Esc)"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Review: Enter says heard and right, an arrow goes on, Esc ends"))
        for button in (self.right, self.skip, self.edit):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click must not take Space away from playing
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 4, 4)
        layout.addWidget(self.what, 1)
        for widget in (self.progress, self.right, self.skip, self.edit, self.choice, self._close):
            layout.addWidget(widget)

    def _connect(self) -> None:
        self.right.clicked.connect(self.accept_line)
        self.skip.clicked.connect(lambda: self._go_on(skip=True))
        self.edit.clicked.connect(self._edit)
        self._close.clicked.connect(self.close_bar)
        self._timer.timeout.connect(self.look)
        self._workspace.edits.spliced.connect(lambda *_: self._timer.start() if self.isVisible() else None)
        self._workspace.document_changed.connect(lambda: self._timer.start() if self.isVisible() else None)

    # -- the queue -------------------------------------------------------------------------------------------

    def open_bar(self) -> None:
        """Begin, or go on where it was left."""
        self.show()
        self.setFocus()  # not a button: Space plays and pauses
        self.look(then_go=True)

    def close_bar(self) -> None:
        self.hide()
        self._transcript.show_found({})
        self.closed.emit()

    def look(self, then_go: bool = False) -> None:
        """Find what is doubtful, off the GUI thread."""
        document = self._workspace.shown
        if document is None:
            return
        picture = self._workspace.picture
        self._workspace.tasks.start(
            _doubtful, self._workspace, document, picture if isinstance(picture, Peaks) else None,
            self._workspace.gaps, done=lambda doubts: self._found(document, doubts, then_go),
            failed=self._workspace.show_error)

    def _found(self, document: TranscriptDocument, doubts: list[Doubt], then_go: bool) -> None:
        if document is not self._workspace.shown:
            self._timer.start()
            return
        self.doubts = doubts
        self._show()
        if then_go:
            self._go_on()

    def _choose(self, kind: Kind, yes: bool) -> None:
        self.kinds[kind] = yes
        self._show()

    def wanted(self) -> list[Doubt]:
        """Those of the chosen kinds."""
        return [doubt for doubt in self.doubts if any(self.kinds[kind] for kind in doubt.kinds)]

    def _is_checked(self, doubt: Doubt) -> bool:
        segment = self._transcript.segments.segment(self._transcript.segments.row_with(doubt.segment_id))
        return segment is None or segment.checked

    def _show(self) -> None:
        wanted = self.wanted()
        checked = {s.id for s in self._workspace.shown.segments if s.checked} if self._workspace.shown else set()
        done = sum(doubt.segment_id in checked for doubt in wanted)
        self.progress.setRange(0, max(1, len(wanted)))
        self.progress.setValue(done if wanted else 1)
        self.progress.setFormat(self.tr("{done} of {count}").format(done=done, count=len(wanted)))
        current = next((doubt for doubt in wanted if doubt.segment_id == self._at), None)
        self._transcript.show_found({d.segment_id: list(d.words) for d in wanted if d.segment_id not in checked})
        if current is not None and self._at not in checked:
            self.what.setText(", ".join(translated(str(kind)) for kind in current.kinds))
        elif done == len(wanted):
            self.what.setText(self.tr("Nothing is left to check.") if wanted else self.tr("Nothing is doubtful here."))
        else:
            self.what.setText(self.tr("{count} lines are left to check.").format(count=len(wanted) - done))
        for button in (self.right, self.skip, self.edit):
            button.setEnabled(current is not None and self._at not in checked)

    def _go_on(self, skip: bool = False) -> None:
        """To the next line that nobody has checked, behind the current one; then round from the start."""
        row = self._transcript.segments.row_with(self._at) if self._at else self._workspace.selected - 1
        open_ = [(self._transcript.segments.row_with(d.segment_id), d) for d in self.wanted()
                 if not self._is_checked(d)]
        open_ = [(r, d) for r, d in open_ if r >= 0 and (d.segment_id != self._at or not skip or len(open_) == 1)]
        following = next(((r, d) for r, d in open_ if r > row), open_[0] if open_ else None)
        self._at = following[1].segment_id if following else 0
        self._show()
        if following is not None:
            self._workspace.select(following[0])
            self._transcript.reveal(following[0])
            self.play_requested.emit(following[0])

    def accept_line(self) -> None:
        """Heard and right; on to the next."""
        row = self._transcript.segments.row_with(self._at)
        if row >= 0:
            self._workspace.edits.check([row])
            self._go_on()

    def _edit(self) -> None:
        row = self._transcript.segments.row_with(self._at)
        if row >= 0:
            self._transcript.edit_row(row)

    def event(self, event: QEvent) -> bool:
        """Esc is for the bar as long as the bar has the focus."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) \
                and event.key() == Qt.Key.Key_Escape:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accept_line()
        elif event.key() == Qt.Key.Key_Escape:
            self.close_bar()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Right):
            self._go_on(skip=True)
        else:
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        self._close.setIcon(theme.icon("x", self.palette().text().color()))
        super().showEvent(event)


def _doubtful(workspace: Workspace, document: TranscriptDocument, peaks: Peaks | None,
              gaps: tuple[TimeRange, ...]) -> list[Doubt]:
    """On a worker; another whole hearing of the same recording is compared with this one."""
    library = workspace.library
    others = [t for t in library.transcripts(document.recording.id) if t.id != document.transcript.id]
    second = library.document(others[0].id) if others else None
    differences = disagreements(document, second) if second is not None else None
    return doubtful(document, peaks, gaps, terms=library.terms(document.recording.project_id), differences=differences)
