"""Quote check: a draft goes in, each of its quotations comes out with a verdict and a place to hear."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import shiboken6
from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeySequence, QPalette, QShortcut, QTextCursor
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from desktop.errors import Cancelled, PullquoteError, UserError
from desktop.library import Library
from desktop.model import Progress, Recording, Report
from desktop.quote_check import Index, Kind, Reach, Verdict, check, documents_of, rows, transcripts_in
from desktop.sentences import say
from desktop.ui.carets import units
from desktop.ui.tasks import Task
from desktop.ui.verdict_view import VerdictView
from desktop.ui.words import choice_box, label, plain_buttons, translated
from desktop.ui.workspace import Workspace

_READING = 0.7  # of the work; the rest is comparing


class DraftEdit(QPlainTextEdit):
    """The draft; a file that is dropped or pasted here is opened."""

    file_given = Signal(object)  # Path

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTabChangesFocus(True)

    def text(self) -> str:
        """As it was pasted: toPlainText would make every no-break space a plain one, and 1 200 two numbers."""
        return self.document().toRawText().replace("\u2029", "\n").replace("\u2028", "\n")

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return file_of(source) is not None or super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:
        path = file_of(source)
        if path is not None:
            self.file_given.emit(path)
        else:
            super().insertFromMimeData(source)


def file_of(data: QMimeData) -> Path | None:
    """The first file on this computer in what is dropped or pasted."""
    return next((Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()), None)


class QuoteCheckDialog(QDialog):
    """Stays open beside the window, so that places can be heard one after the other."""

    place_wanted = Signal(int, int, float, float, int)  # recording, transcript, start, end, first segment

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._task: Task | None = None
        self._checked = ""  # the draft that the verdicts are about
        self._title = self.tr("Draft")
        self.setWindowTitle(self.tr("Quote check"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAcceptDrops(True)
        self.resize(860, 720)
        self.draft = DraftEdit()
        self.draft.setAccessibleName(self.tr("Draft"))
        self.draft.setPlaceholderText(self.tr("Paste your draft here, or drop a file (.docx, .odt, .md, .txt)."))
        self.open_button = QPushButton(self.tr("&Open draft…"))
        self.reach = choice_box(self.tr("Look in"))
        for reach in Reach:
            self.reach.addItem(translated(reach.value), reach)
        self.check_button = QPushButton(self.tr("&Check"))
        self.stop_button = QPushButton(self.tr("&Stop"))
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.message = label("", wrap=True)
        self.list = VerdictView()
        self.play_button = QPushButton(self.tr("&Play this place"))
        self.export_button = QPushButton(self.tr("&Export report…"))
        self._build()
        self._connect()
        self._choose_reach()
        self._say(self.tr("Nothing leaves this computer: the quotations are compared with the words of the "
                          "transcripts here."))
        self._show_state()
        self.draft.setFocus()

    # -- building --------------------------------------------------------------------------------------------

    def _build(self) -> None:
        verbs = QHBoxLayout()
        where = label(self.tr("&Look in"))
        where.setBuddy(self.reach)
        for widget in (self.open_button, where, self.reach):
            verbs.addWidget(widget)
        verbs.addStretch(1)
        verbs.addWidget(self.check_button)
        upper, lower = QWidget(), QWidget()
        above = QVBoxLayout(upper)
        above.setContentsMargins(0, 0, 0, 0)
        above.addWidget(self.draft, 1)
        above.addLayout(verbs)
        below = QVBoxLayout(lower)
        below.setContentsMargins(0, 0, 0, 0)
        busy = QHBoxLayout()
        busy.addWidget(self.bar, 1)
        busy.addWidget(self.stop_button)
        below.addWidget(self.message)
        below.addLayout(busy)
        below.addWidget(self.list, 1)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(upper)
        split.addWidget(lower)
        split.setStretchFactor(0, 2)
        split.setStretchFactor(1, 3)
        layout = QVBoxLayout(self)
        layout.addWidget(split, 1)
        layout.addWidget(self._buttons())

    def _buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.addButton(self.play_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self.export_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        for button in (self.play_button, self.export_button, self.open_button, self.stop_button,
                       buttons.button(QDialogButtonBox.StandardButton.Close)):
            button.setAutoDefault(False)
        self.check_button.setDefault(True)
        return plain_buttons(buttons)

    def _connect(self) -> None:
        self.open_button.clicked.connect(self._choose_draft)
        self.draft.file_given.connect(self.open_draft)
        self.draft.textChanged.connect(self._show_state)
        self.check_button.clicked.connect(self.check)
        QShortcut(QKeySequence("Ctrl+Return"), self, self.check)
        self.stop_button.clicked.connect(self._stop)
        self.play_button.clicked.connect(lambda: self._play(self.list.current()))
        self.list.play_requested.connect(self._play)
        self.list.current_changed.connect(self._show_in_draft)
        self.export_button.clicked.connect(self._choose_report)
        self.finished.connect(lambda _: self._stop())

    def _choose_reach(self) -> None:
        """The narrowest that there is."""
        reach = Reach.RECORDING if self._workspace.document is not None else Reach.LIBRARY
        self.reach.setCurrentIndex(self.reach.findData(reach))

    @property
    def chosen_reach(self) -> Reach:
        return Reach(self.reach.currentData())  # Qt gives back a plain string

    # -- the draft -------------------------------------------------------------------------------------------

    def _choose_draft(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, self.tr("Open draft"), "", self.tr(
            "Drafts (*.docx *.odt *.md *.markdown *.txt);;All files (*)"))
        if name:
            self.open_draft(Path(name))

    def open_draft(self, path: Path) -> None:
        """Read a draft off the GUI thread; what was in the field gives way to it."""
        if self._task is None:
            self._start(_read, path, done=lambda text: self._show_draft(path, text))
            self._say(self.tr("Reading {name} …").format(name=path.name))

    def _show_draft(self, path: Path, text: str) -> None:
        self._title = path.stem
        self.draft.setPlainText(text)
        self._say(self.tr("{name} is open. Press Check.").format(name=path.name))
        self.check_button.setFocus()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if file_of(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = file_of(event.mimeData())
        if path is not None:
            self.open_draft(path)
            event.acceptProposedAction()

    # -- checking --------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Look for every quotation of the draft."""
        text = self.draft.text()
        if self._task is not None:
            return
        if not text.strip():
            self._say(self.tr("There is no draft yet. Paste it above, or open a file."), is_error=True)
            self.draft.setFocus()
            return
        document = self._workspace.document
        self.list.set_verdicts([])
        self._checked = text
        self._start(_verdicts, self._workspace.library, text, self.chosen_reach, self._workspace.recording,
                    document.transcript.id if document else 0, done=self._show_verdicts, pass_report=True)
        self._say(self.tr("Reading the draft …"))

    def _show_verdicts(self, verdicts: list[Verdict]) -> None:
        self.list.set_verdicts(verdicts)
        if not verdicts:
            self._say(self.tr("No quotation was found in this draft. Quotations stand between quote marks, or in a "
                              "paragraph that begins with a long dash."), is_error=True)
            return
        counts = Counter(verdict.kind for verdict in verdicts)
        parts = [self.tr("{count} {verdict}").format(count=counts[kind], verdict=translated(kind.value))
                 for kind in Kind if counts[kind]]
        self._say(self.tr("{count} quotations: {parts}. Words that differ are underlined. Listen before you print: a "
                          "transcript can be wrong.").format(count=len(verdicts), parts=", ".join(parts)))
        self.list.setFocus()

    def _start(self, function: object, *arguments: object, done: object, pass_report: bool = False) -> None:
        def ended(result: object, callback: object) -> None:
            if shiboken6.isValid(self):
                self._task = None
                callback(result)  # type: ignore[operator]
                self._show_state()

        self._task = self._workspace.tasks.start(
            function, *arguments, pass_report=pass_report, done=lambda result: ended(result, done),  # type: ignore[arg-type]
            failed=lambda error: ended(error, self._failed), progress=self._progressed)
        self.bar.setValue(0)
        self._show_state()

    def _progressed(self, progress: Progress) -> None:
        if shiboken6.isValid(self) and self._task is not None:
            self.bar.setValue(int(1000 * progress.fraction))
            self._say(translated(progress.sentence))

    def _failed(self, error: PullquoteError) -> None:
        if isinstance(error, Cancelled):
            self._say(self.tr("Stopped. Nothing was checked; press Check to begin again."))
        else:
            self._say(translated(error.sentence), is_error=True)

    def _stop(self) -> None:
        if self._task is not None:
            self._task.stop()

    # -- what was found --------------------------------------------------------------------------------------

    def _play(self, verdict: Verdict | None) -> None:
        if verdict is not None and verdict.kind is not Kind.NOT_FOUND:
            self.place_wanted.emit(verdict.recording_id, verdict.transcript_id, verdict.range.start,
                                   verdict.range.end, verdict.segment_ids[0])

    def _show_in_draft(self, verdict: Verdict | None) -> None:
        """Select the quotation above, while the draft is still the one that was checked."""
        self._show_state()
        text = self.draft.text()
        if verdict is not None and text == self._checked:
            cursor = self.draft.textCursor()
            cursor.setPosition(units(text, verdict.quotation.start))
            cursor.setPosition(units(text, verdict.quotation.end), QTextCursor.MoveMode.KeepAnchor)
            self.draft.setTextCursor(cursor)

    def _choose_report(self) -> None:
        from desktop.exporting import file_name

        kinds = {self.tr("Word document (*.docx)"): "docx", self.tr("Markdown (*.md)"): "md",
                 self.tr("Table (*.csv)"): "csv"}
        name, kind = QFileDialog.getSaveFileName(self, self.tr("Save report as"), file_name(
            self.tr("{title} quote check").format(title=self._title), "docx"), ";;".join(kinds))
        if name:
            ending = Path(name).suffix[1:].lower()
            self.save_report(Path(name), ending if ending in kinds.values() else kinds.get(kind, "docx"))

    def save_report(self, path: Path, format_name: str) -> None:
        """Write what the list shows; the file dialog has asked before replacing."""
        if self._task is None:
            self._start(_save, list(self.list.verdicts.verdicts), self._title, format_name, path,
                        done=lambda _: self._say(self.tr("Saved as {path}").format(path=path)))

    # -- what is shown ---------------------------------------------------------------------------------------

    def _say(self, text: str, is_error: bool = False) -> None:
        self.message.setForegroundRole(QPalette.ColorRole.BrightText if is_error else QPalette.ColorRole.WindowText)
        self.message.setText(text)

    def _show_state(self) -> None:
        is_busy = self._task is not None
        current = self.list.current()
        self.bar.setVisible(is_busy)
        self.stop_button.setVisible(is_busy)
        for widget in (self.open_button, self.check_button, self.reach):
            widget.setEnabled(not is_busy)
        self.draft.setReadOnly(is_busy)
        self.play_button.setEnabled(current is not None and current.kind is not Kind.NOT_FOUND)
        self.export_button.setEnabled(not is_busy and bool(self.list.verdicts.verdicts))


def _read(path: Path) -> str:
    """On a worker."""
    from desktop.drafts import read_draft

    return read_draft(path)


def _verdicts(library: Library, text: str, reach: Reach, recording: Recording | None, shown: int,
              report: Report) -> list[Verdict]:
    """On a worker."""
    from desktop.quotations import quotations

    found = quotations(text)
    ids = transcripts_in(library, reach, recording, shown)
    if found and not ids:
        raise UserError("There is no transcript to look in. Look in the whole library, or transcribe a recording "
                        "first.")
    if not found:
        return []
    report(Progress(0.0, say("Reading the transcripts")))
    index = Index.build(documents_of(library, ids),
                        lambda p: report(Progress(_READING * p.fraction, p.sentence)), len(ids), library.words)
    return check(index, found, lambda p: report(Progress(_READING + (1 - _READING) * p.fraction, p.sentence)))


def _save(verdicts: list[Verdict], title: str, format_name: str, path: Path) -> None:
    """On a worker: Word files take a moment."""
    from desktop.exporting import write
    from desktop.exports.quote_report import FORMATS

    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    write(FORMATS[format_name](rows(verdicts), title, made_at), path, overwrite=True)
