"""The Ask tab: presets and free questions; every sentence of an answer with chips that play what it rests on."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.model import Thread, TimeRange, Turn, clock
from desktop.receipts import PRESETS, Claim, Place, claims_of, shown, what_goes
from desktop.ui.flow_layout import FlowLayout
from desktop.ui.words import choice_box, label, translated
from desktop.ui.workspace import Workspace
from desktop.withholding import is_masked


class AskPanel(QWidget):
    """Conversations about the open recording, and where to ask."""

    place_wanted = Signal(float, int)  # seconds, segment id

    def __init__(self, workspace: Workspace, may_send: Callable[[str], bool], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._may_send = workspace, may_send
        self._thread: Thread | None = None
        self._threads: list[Thread] = []
        self._choice = choice_box(self.tr("Conversation"))
        self._page = QWidget()
        self._turns, self._growing = QVBoxLayout(), QVBoxLayout()  # what is there, and what is being answered
        page = QVBoxLayout(self._page)
        page.setContentsMargins(4, 4, 4, 4)
        for part in (self._turns, self._growing):
            part.setSpacing(6)
            page.addLayout(part)
        page.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setAccessibleName(self.tr("Answers"))
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self._page)
        self._presets = choice_box(self.tr("Ready-made questions"))
        self._presets.addItem(self.tr("Ready-made questions…"), "")
        for name, (title, _, _) in PRESETS.items():
            self._presets.addItem(translated(title), name)
        self._note = label("", wrap=True)
        self.line = QLineEdit()
        self.line.setAccessibleName(self.tr("Question"))
        self.go = QPushButton(self.tr("Ask"))
        self._build()
        self._presets.activated.connect(self._preset)
        self.line.returnPressed.connect(self._ask_line)
        self.line.textChanged.connect(lambda _: self._show_state())
        self.go.clicked.connect(self._go)
        self._choice.activated.connect(lambda _: self._choose(int(self._choice.currentData())))
        questions = workspace.questions
        questions.changed.connect(self._changed)
        questions.grown.connect(self._show_growing)
        questions.answered.connect(self._answered)
        workspace.recording_changed.connect(self.reload)
        self._marks: object = None  # what was off the record, and whether it could be seen, when this was shown
        workspace.edits.desk_changed.connect(self._desk_changed)
        for signal in (workspace.document_changed, workspace.range_changed, workspace.key_changed,
                       workspace.ledger_changed):
            signal.connect(self._show_state)
        self.reload()

    def _build(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.line, 1)
        row.addWidget(self.go)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        for widget in (self._choice, self._scroll, self._note, self._presets):
            layout.addWidget(widget, 1 if widget is self._scroll else 0)
        layout.addLayout(row)

    def reload(self) -> None:
        """Another recording: its newest conversation."""
        recording = self._workspace.recording
        self._threads = self._workspace.library.threads(recording.id) if recording else []
        self._thread = self._threads[0] if self._threads else None
        self._show_choice()
        self._show()

    # -- asking ----------------------------------------------------------------------------------------------

    def _go(self) -> None:
        if self._workspace.questions.is_running:
            self._workspace.questions.stop()
        else:
            self._ask_line()

    def _ask_line(self) -> None:
        if self.line.text().strip() and self.go.isEnabled() and not self._workspace.questions.is_running:
            self.ask(self.line.text(), self._thread)

    def _preset(self, row: int) -> None:
        name = str(self._presets.itemData(row) or "")
        self._presets.setCurrentIndex(0)
        if name and self._can_ask() and not self._workspace.questions.is_running:
            _, question, about_sound = PRESETS[name]
            self.ask(question, None, about_sound=about_sound)

    def ask(self, question: str, thread: Thread | None, *, about_sound: bool = False) -> None:
        """Ask as the recording's protection wants it."""
        workspace = self._workspace
        recording = workspace.recording
        time_range = thread.range if thread is not None else workspace.range
        if recording is None:
            return
        goes = self._what_goes(time_range, about_sound or (thread is not None and thread.transcript_id is None))
        if not self._may_send({"words": self.tr("The words of the transcript"), "sound": self.tr("The sound"),
                               "both": self.tr("The sound and the words of the range"),
                               "video": self.tr("The address")}[goes]):
            return
        self.line.clear()
        self._thread = thread
        workspace.questions.ask(recording, question, workspace.document, thread, time_range, about_sound=about_sound,
                                is_saved=workspace.edits.saver.wait)

    def _answered(self, thread: Thread) -> None:
        self._workspace.ledger_changed.emit()
        if self._workspace.recording is not None and self._workspace.recording.id == thread.recording_id:
            self._threads = self._workspace.library.threads(thread.recording_id)
            self._thread = thread
            self._show_choice()

    # -- showing ---------------------------------------------------------------------------------------------

    def _desk_changed(self) -> None:
        """Something was marked off the record, or revealed: older answers are hidden or shown."""
        workspace = self._workspace
        marks = (workspace.desk.withheld, workspace.edits.is_revealed)
        if workspace.recording is None or marks == self._marks:
            return
        self._show_choice()
        self._show()
        workspace.questions.forget_outdated(workspace.recording.id, workspace.edits.saver.wait,
                                            workspace.ledger_changed.emit)

    def _is_hidden(self, thread: Thread, turn: Turn) -> bool:
        return not self._workspace.edits.is_revealed and is_masked(thread, turn, self._workspace.desk)

    def _visible(self, claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
        return claims if self._workspace.edits.is_revealed else shown(claims, self._workspace.desk.off_record)

    def _show_choice(self) -> None:
        self._choice.clear()
        self._choice.addItem(self.tr("New conversation"), 0)
        for thread in self._threads:
            place = f" · {clock(thread.range.start)}–{clock(thread.range.end)}" if thread.range else ""
            title = self.tr("Hidden") if self._is_hidden(thread, thread.turns[0]) else thread.turns[0].question[:60]
            self._choice.addItem(f"{title}{place}", thread.id)
        self._choice.setCurrentIndex(max(0, self._choice.findData(self._thread.id if self._thread else 0)))
        self._choice.setVisible(bool(self._threads))

    def _choose(self, thread_id: int) -> None:
        self._thread = next((thread for thread in self._threads if thread.id == thread_id), None)
        self._show()

    def _changed(self) -> None:
        questions = self._workspace.questions
        if questions.problem and not self.line.text():
            self.line.setText(questions.question)  # nobody wants to type it again
        self._show()

    def _show(self) -> None:
        _clear(self._turns)
        self._marks = (self._workspace.desk.withheld, self._workspace.edits.is_revealed)
        for turn in self._thread.turns if self._thread else ():
            if self._thread is not None and self._is_hidden(self._thread, turn):
                self._add_hidden()
            else:
                _add_turn(self._turns, turn.question, self._visible(claims_of(turn)), self.place_wanted.emit)
        self._show_growing()
        self._show_state()

    def _add_hidden(self) -> None:
        """In the place of a question and its answer, until what is off the record is revealed."""
        note = _paragraph(self.tr("Hidden: asked before something was marked off the record."))
        note.setForegroundRole(self.palette().ColorRole.PlaceholderText)
        show = QPushButton(self.tr("Show"))
        show.setAccessibleName(self.tr("Show what is off the record"))
        show.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        show.clicked.connect(lambda: self._workspace.edits.reveal(True))
        self._turns.addWidget(note)
        self._turns.addWidget(show)

    def _show_growing(self) -> None:
        """Only what is being answered is built anew while it grows: what is above stays usable."""
        _clear(self._growing)
        questions = self._workspace.questions
        if self._workspace.recording is None or questions.recording_id != self._workspace.recording.id:
            return
        if questions.question and (questions.is_running or questions.problem):
            _add_turn(self._growing, questions.question, self._visible(questions.growing), self.place_wanted.emit)
            waiting = label(translated(questions.problem) or translated(questions.sentence) or self.tr("Preparing"),
                            wrap=True)
            waiting.setForegroundRole(self.palette().ColorRole.PlaceholderText)
            self._growing.addWidget(waiting)
        if questions.is_running:
            bar = self._scroll.verticalScrollBar()
            bar.setValue(bar.maximum())

    def _can_ask(self) -> bool:
        workspace = self._workspace
        return workspace.recording is not None and workspace.has_key

    def _show_state(self) -> None:
        workspace = self._workspace
        running = workspace.questions.is_running
        self.go.setText(self.tr("Stop") if running else self.tr("Ask"))
        self.go.setEnabled(running or (self._can_ask() and bool(self.line.text().strip())))
        self._presets.setEnabled(self._can_ask() and not running)
        self.line.setEnabled(self._can_ask())
        self.line.setPlaceholderText(self.tr("Ask on…") if self._thread else self.tr("Ask about this recording…"))
        self._note.setText(self._what_is_sent())

    def _what_is_sent(self) -> str:
        workspace = self._workspace
        if workspace.recording is None:
            return self.tr("Open a recording to ask about it.")
        if not workspace.has_key:
            return self.tr("Questions need a Gemini key (Edit ▸ Settings). Answers that are here can be read without.")
        time_range = self._thread.range if self._thread else workspace.range
        goes = self._what_goes(time_range, self._thread is not None and self._thread.transcript_id is None)
        place = f"{clock(time_range.start)}–{clock(time_range.end)}" if time_range else self.tr("the whole recording")
        return {"words": self.tr("About {place}: the words of the transcript are sent, not its sound."),
                "both": self.tr("About {place}: its sound and words are sent."),
                "sound": self.tr("About {place}: the sound is sent. Beyond 12 minutes it is uploaded once for all "
                                 "questions, and removed from the service when you leave the recording."),
                "video": self.tr("About {place}: the address of the video is sent, and Gemini watches it there.")
                }[goes].format(place=place)

    def _what_goes(self, time_range: TimeRange | None, about_sound: bool) -> str:
        recording = self._workspace.recording
        assert recording is not None
        return what_goes(self._workspace.document, time_range, recording, about_sound=about_sound)


def _clear(layout: QVBoxLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()


def _add_turn(layout: QVBoxLayout, question: str, claims: tuple[Claim, ...],
              go: Callable[[float, int], object]) -> None:
    asked = _paragraph(question)
    font = asked.font()
    font.setBold(True)
    asked.setFont(font)
    layout.addWidget(asked)
    for claim in claims:
        layout.addWidget(_ClaimView(claim, go))


class _ClaimView(QWidget):
    """One sentence and its receipts; grey when there are none."""

    def __init__(self, claim: Claim, go: Callable[[float, int], object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 2)
        layout.setSpacing(2)
        text = _paragraph(claim.text)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(text)
        if claim.is_open:
            return
        if not claim.places:
            for widget in (text, _note()):
                widget.setForegroundRole(self.palette().ColorRole.PlaceholderText)
                layout.addWidget(widget)
            return
        chips = QWidget()
        flow = FlowLayout(chips)
        for place in claim.places:
            flow.addWidget(_chip(place, go))
        layout.addWidget(chips)


def _paragraph(text: str) -> QLabel:
    """Wrapped text; one long word (an address) is cut at the edge and does not push all other lines out of view."""
    paragraph = label(text, wrap=True)
    paragraph.setMinimumWidth(1)
    return paragraph


def _note() -> QWidget:
    text = label(QCoreApplication.translate("AskPanel", "no source in the recording"))
    font = text.font()
    font.setItalic(True)
    text.setFont(font)
    return text


def _chip(place: Place, go: Callable[[float, int], object]) -> QToolButton:
    chip = QToolButton()
    chip.setText("▸ " + clock(place.start))
    chip.setAccessibleName(QCoreApplication.translate("AskPanel", "Play {time}").format(time=clock(place.start)))
    chip.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    chip.clicked.connect(lambda: go(place.start, place.segment_id))
    return chip
