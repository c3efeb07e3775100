"""Find and replace above the transcript: hits are marked in the lines, *replace all* shows first what it would do."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QToolButton, QWidget

from desktop.errors import PullquoteError
from desktop.finding import Finder, Hit, Replacement, Search, find, replacements
from desktop.ui import theme
from desktop.ui.tasks import Task
from desktop.ui.transcript_panel import TranscriptView
from desktop.ui.words import label, translated
from desktop.ui.workspace import Workspace

_WAIT = 150  # milliseconds after the last key


class FindBar(QFrame):
    """Enter goes to the next hit, Shift+Enter to the one before, Esc closes."""

    closed = Signal()
    preview_wanted = Signal(object)  # list of Replacement

    def __init__(self, workspace: Workspace, transcript: TranscriptView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._transcript = workspace, transcript
        self.hits: list[Hit] = []
        self._at = -1
        self._task: Task | None = None
        self.text = self._line(self.tr("Find"))
        self.by = self._line(self.tr("Replace by"))
        self.match_case = self._switch("Aa", self.tr("Match case"))
        self.whole_words = self._switch(self.tr("Words"), self.tr("Whole words only"))
        self.expression = self._switch(".*", self.tr("Regular expression"))
        self.count = label("")
        self.previous = self._button(self.tr("Previous"))
        self.next = self._button(self.tr("Next"))
        self.replace_one = self._button(self.tr("Replace"))
        self.replace_all = self._button(self.tr("Replace all…"))
        self._close = QToolButton()
        self._close.setAutoRaise(True)
        self._close.setAccessibleName(self.tr("Close the search"))
        self._close.setToolTip(self.tr("Close the search (Esc)"))
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_WAIT)
        self._build()
        self._connect()
        self.hide()

    def _line(self, name: str) -> QLineEdit:
        line = QLineEdit()
        line.setAccessibleName(name)
        line.setPlaceholderText(name)
        line.setMinimumWidth(160)
        return line

    def _switch(self, text: str, name: str) -> QToolButton:
        switch = QToolButton()
        switch.setText(text)
        switch.setCheckable(True)
        switch.setAccessibleName(name)
        switch.setToolTip(name)
        switch.toggled.connect(lambda _: self._timer.start())
        return switch

    def _button(self, text: str) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        return button

    def _build(self) -> None:
        layout = QGridLayout(self)
        layout.setContentsMargins(8, 4, 4, 4)
        upper, self._lower = QHBoxLayout(), QWidget()
        for widget in (self.match_case, self.whole_words, self.expression, self.previous, self.next, self.count):
            upper.addWidget(widget)
        upper.addStretch(1)
        upper.addWidget(self._close)
        lower = QHBoxLayout(self._lower)
        lower.setContentsMargins(0, 0, 0, 0)
        for button in (self.replace_one, self.replace_all):
            lower.addWidget(button)
        lower.addStretch(1)
        layout.addWidget(self.text, 0, 0)
        layout.addLayout(upper, 0, 1)
        layout.addWidget(self.by, 1, 0)
        layout.addWidget(self._lower, 1, 1)
        layout.setColumnStretch(0, 1)
        layout.setColumnStretch(1, 2)

    def _connect(self) -> None:
        self.text.textChanged.connect(lambda _: self._timer.start())
        self._timer.timeout.connect(self.search)
        self.next.clicked.connect(lambda: self.go(1))
        self.previous.clicked.connect(lambda: self.go(-1))
        self.replace_one.clicked.connect(self._replace_one)
        self.replace_all.clicked.connect(self._replace_all)
        self._close.clicked.connect(self.close_bar)
        self._workspace.edits.spliced.connect(lambda *_: self._timer.start() if self.isVisible() else None)
        for signal in (self._workspace.document_changed, self._workspace.shown_changed):
            signal.connect(lambda: self._timer.start() if self.isVisible() else None)

    # -- what is looked for ----------------------------------------------------------------------------------

    def open_bar(self, *, replacing: bool, text: str = "") -> None:
        """Show the bar, with the line for replacing or without; `text` is what is selected in the transcript."""
        for widget in (self.by, self._lower):
            widget.setVisible(replacing)
        self.show()
        if text:
            self.text.setText(text)
        self.text.setFocus()
        self.text.selectAll()
        self.search()

    def close_bar(self) -> None:
        self.hide()
        self._stop()
        self._show_hits([])
        self.closed.emit()

    def wanted(self) -> Search:
        """What is looked for."""
        return Search(self.text.text(), self.match_case.isChecked(), self.whole_words.isChecked(),
                      self.expression.isChecked())

    def search(self) -> None:
        """Look for it, off the GUI thread; a search that is out of date is stopped."""
        self._stop()
        document = self._workspace.shown
        if document is None or not self.text.text():
            self._show_hits([])
            return
        self._task = self._workspace.tasks.start(find, document.segments, self.wanted(), pass_report=True,
                                                 done=self._found, failed=self._failed)

    def _stop(self) -> None:
        if self._task is not None and self._task.is_running:
            self._task.stop()
        self._task = None

    def _failed(self, error: PullquoteError) -> None:
        if type(error).__name__ != "Cancelled":
            self._show_hits([])
            self.count.setText(translated(error.sentence))

    def _found(self, hits: list[Hit]) -> None:
        if self.isVisible():  # else it was closed meanwhile
            self._show_hits(hits)

    def _show_hits(self, hits: list[Hit]) -> None:
        self.hits = hits
        found: dict[int, list[tuple[int, int]]] = {}
        for hit in hits:
            segment = self._transcript.segments.segment(hit.row)
            if segment is not None:
                found.setdefault(segment.id, []).append((hit.begin, hit.end))
        self._transcript.show_found(found)
        self._at = min(self._at, len(hits) - 1)
        self._say()

    def _say(self) -> None:
        count = len(self.hits)
        if not self.text.text():
            self.count.setText("")
        elif not count:
            self.count.setText(self.tr("Nothing found"))
        elif self._at >= 0:
            self.count.setText(self.tr("{number} of {count}").format(number=self._at + 1, count=count))
        else:
            self.count.setText(self.tr("1 hit") if count == 1 else self.tr("{count} hits").format(count=count))
        for button in (self.previous, self.next, self.replace_one, self.replace_all):
            button.setEnabled(count > 0)

    # -- going and replacing ---------------------------------------------------------------------------------

    def go(self, step: int) -> None:
        """To the next hit, or the one before; round at the ends."""
        if not self.hits:
            return
        if self._at < 0:
            row = max(0, self._workspace.selected)
            self._at = next((n for n, hit in enumerate(self.hits) if hit.row >= row), 0)
        else:
            self._at = (self._at + step) % len(self.hits)
        hit = self.hits[self._at]
        self._workspace.select(hit.row)
        self._transcript.reveal(hit.row)
        self._transcript.stop_following()
        self._say()

    def _replace_one(self) -> None:
        if not self.hits:
            return
        if self._at < 0:
            self.go(1)
            return
        hit = self.hits[self._at]
        segment = self._transcript.segments.segment(hit.row)
        if segment is not None and not self._transcript.segments.is_hidden(hit.row):
            try:
                text = Finder(self.wanted()).replaced(segment.text, self.by.text(), [(hit.begin, hit.end)])
            except PullquoteError as error:
                self._failed(error)
                return
            self._workspace.edits.replace_texts([(hit.row, text)])
        self.search()

    def _replace_all(self) -> None:
        """On a worker; then the preview is shown."""
        document = self._workspace.shown
        if document is not None:
            self._task = self._workspace.tasks.start(
                replacements, document.segments, self.wanted(), self.by.text(), pass_report=True,
                done=self._preview, failed=self._failed)

    def _preview(self, found: list[Replacement]) -> None:
        usable = [item for item in found if not self._transcript.segments.is_hidden(item.row)]
        if usable:
            self.preview_wanted.emit(usable)

    # -- keys ------------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Esc is for the bar as long as the bar has the focus."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) \
                and event.key() == Qt.Key.Key_Escape:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_bar()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.by.hasFocus():
                self._replace_one()
            else:
                self.go(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
        else:
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        self._close.setIcon(theme.icon("x", self.palette().text().color()))
        super().showEvent(event)
