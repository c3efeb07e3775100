"""Saved quotes with note and tag, and marks: play, copy, cut out, export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import (
    QFormLayout,
    QGridLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.light_cleaning import clean
from desktop.model import Desk, Mark, Quote, clock
from desktop.quoting import as_text
from desktop.ui.differences import bracketed
from desktop.ui.words import label
from desktop.ui.workspace import Workspace
from desktop.withholding import released_quotes

_ITEM = int(Qt.ItemDataRole.UserRole)


class QuotesPanel(QWidget):
    """The quotes and marks of the open recording."""

    export_requested = Signal()
    clip_requested = Signal(object)  # Quote

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.quotes = self._list(self.tr("Quotes"))
        self.marks = self._list(self.tr("Marks"))
        self.marks.setMaximumHeight(130)
        self.empty = label(self.tr("Select words in a line and press Ctrl+B: the quote is kept here with its place."),
                           wrap=True)
        self.no_marks = label(self.tr("M sets a mark at the playhead."), wrap=True)
        self.cleaned = label("", wrap=True)
        self.cleaned.setForegroundRole(self.palette().ColorRole.PlaceholderText)
        self.note, self.tag = self._field(self.tr("Note")), self._field(self.tr("Tag"))
        self.play, self.copy = QPushButton(self.tr("Play")), QToolButton()
        self.clip, self.remove = QPushButton(self.tr("Cut out…")), QPushButton(self.tr("Remove"))
        self.export = QPushButton(self.tr("Export quotes…"))
        self._noted = 0  # the id of the quote whose note and tag are shown
        self._build()
        self._connect()
        self.reload()

    def _list(self, name: str) -> QListWidget:
        view = QListWidget()
        view.setAccessibleName(name)
        view.setWordWrap(True)
        view.setAlternatingRowColors(True)
        return view

    def _field(self, name: str) -> QLineEdit:
        field = QLineEdit()
        field.setAccessibleName(name)
        field.setClearButtonEnabled(False)
        return field

    def _build(self) -> None:
        menu = QMenu(self.copy)
        for kind, text in (("plain", self.tr("The words")), ("attributed", self.tr("With name and time")),
                           ("markdown", self.tr("As Markdown")), ("cleaned", self.tr("Lightly cleaned"))):
            menu.addAction(text).triggered.connect(lambda _=False, kind=kind: self.copy_as(kind))
        self.copy.setText(self.tr("Copy"))
        self.copy.setMenu(menu)
        self.copy.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        buttons = QGridLayout()
        for number, button in enumerate((self.play, self.copy, self.clip, self.remove)):
            button.setSizePolicy(self.play.sizePolicy())
            buttons.addWidget(button, number // 2, number % 2)
        form = QFormLayout()
        form.addRow(self.tr("&Note"), self.note)
        form.addRow(self.tr("&Tag"), self.tag)
        layout = QVBoxLayout(self)
        for widget in (self.empty, self.quotes):
            layout.addWidget(widget)
        layout.addWidget(self.cleaned)
        layout.addLayout(form)
        layout.addLayout(buttons)
        layout.addWidget(self.export)
        layout.addWidget(label(self.tr("Marks")))
        layout.addWidget(self.no_marks)
        layout.addWidget(self.marks)
        layout.setStretch(1, 1)
        layout.addStretch(0)

    def _connect(self) -> None:
        workspace = self._workspace
        workspace.recording_changed.connect(self.reload)
        workspace.document_changed.connect(self.reload)
        # a click on another quote keeps the note of this one first: the list changes when the click has been taken
        workspace.edits.desk_changed.connect(self.reload, Qt.ConnectionType.QueuedConnection)
        self.quotes.currentRowChanged.connect(lambda _: self._show_fields())
        self.quotes.itemActivated.connect(lambda _: self._play())
        self.marks.itemActivated.connect(lambda _: self._jump())
        self.marks.itemClicked.connect(lambda _: self._jump())
        self.play.clicked.connect(self._play)
        self.clip.clicked.connect(lambda: self.clip_requested.emit(self.chosen()))
        self.remove.clicked.connect(self._remove)
        self.export.clicked.connect(self.export_requested)
        for field in (self.note, self.tag):
            field.editingFinished.connect(self._keep_fields)

    # -- showing ---------------------------------------------------------------------------------------------

    def visible_quotes(self) -> tuple[Quote, ...]:
        """Without those off the record, as long as that is hidden."""
        desk = self._workspace.desk
        return desk.quotes if self._workspace.edits.is_revealed else released_quotes(desk)

    def reload(self) -> None:
        chosen = self.chosen()
        self._fill(self.quotes, [(self._quote_text(q), q) for q in self.visible_quotes()],
                   lambda item: chosen is not None and item.id == chosen.id)
        self._fill(self.marks, [(f"{clock(m.seconds, tenths=True)}  {m.note}".strip(), m)
                                for m in self._workspace.desk.marks], lambda _: False)
        self.empty.setVisible(self.quotes.count() == 0)
        self.quotes.setVisible(self.quotes.count() > 0)
        self.no_marks.setVisible(self.marks.count() == 0)
        self.marks.setVisible(self.marks.count() > 0)
        self._show_fields()

    def _fill(self, view: QListWidget, rows: list[tuple[str, object]], is_chosen: Callable[[Any], bool]) -> None:
        view.blockSignals(True)
        view.clear()
        for text, value in rows:
            item = QListWidgetItem(text)
            item.setData(_ITEM, value)
            view.addItem(item)
            if is_chosen(value):
                view.setCurrentItem(item)
        view.blockSignals(False)

    def _quote_text(self, quote: Quote) -> str:
        name = self._name(quote)
        head = " · ".join(filter(None, (clock(quote.range.start), name, f"#{quote.tag}" if quote.tag else "")))
        return f"{head}\n“{quote.text}”" + (f"\n{quote.note}" if quote.note else "")

    def _name(self, quote: Quote) -> str:
        """Who said it by today's name; nobody when that is background."""
        document = self._workspace.document
        shown = next((q for q in released_quotes(self._workspace.desk) if q.id == quote.id), quote)
        speaker = document.speakers.get(shown.speaker_id or 0) if document else None
        return speaker.name if speaker else shown.said_by

    def chosen(self) -> Quote | None:
        item = self.quotes.currentItem()
        return item.data(_ITEM) if item is not None else None

    def _show_fields(self) -> None:
        quote = self.chosen()
        for field, text in ((self.note, quote.note if quote else ""), (self.tag, quote.tag if quote else "")):
            if quote is None or quote.id != self._noted or not (field.isModified() and field.hasFocus()):
                field.setText(text)  # what is being typed stays
        self._noted = quote.id if quote else 0
        cleaned = clean(quote.text, self._language(quote)) if quote else ""
        self.cleaned.setText(self.tr("Lightly cleaned, without what stands in ⟨ ⟩: {text}").format(
            text=bracketed(quote.text, cleaned)[0]) if quote and cleaned != quote.text else "")
        self.cleaned.setVisible(bool(self.cleaned.text()))
        for widget in (self.note, self.tag, self.copy, self.remove):
            widget.setEnabled(quote is not None)
        for widget in (self.play, self.clip):
            widget.setEnabled(quote is not None and self._workspace.player.can_play)
        self.export.setEnabled(bool(released_quotes(self._workspace.desk)))

    # -- doing -----------------------------------------------------------------------------------------------

    def _keep_fields(self) -> None:
        quote = self.chosen()
        if quote is None or (quote.note, quote.tag) == (self.note.text(), self.tag.text()):
            return
        changed = replace(quote, note=self.note.text(), tag=self.tag.text())
        for field in (self.note, self.tag):
            field.setModified(False)
        self._workspace.edits.change_desk(self.tr("change quote"), lambda desk: _with_quotes(
            desk, tuple(replace(q, note=changed.note, tag=changed.tag) if q.id == quote.id else q
                        for q in desk.quotes)))

    def _remove(self) -> None:
        quote = self.chosen()
        if quote is not None:
            self._workspace.edits.change_desk(self.tr("remove quote"), lambda desk: _with_quotes(
                desk, tuple(q for q in desk.quotes if q.id != quote.id)))

    def _play(self) -> None:
        quote = self.chosen()
        if quote is not None and self._workspace.player.can_play:
            self._workspace.player.play(quote.range.start, until=quote.range.end)

    def copy_as(self, kind: str) -> None:
        """Put the quote on the clipboard; what is off the record is never there."""
        quote, recording = self.chosen(), self._workspace.recording
        quote = next((q for q in released_quotes(self._workspace.desk) if quote is not None and q.id == quote.id), None)
        if quote is None or recording is None:
            self._workspace.tell(self.tr("This is off the record and is not copied."))
            return
        words = clean(quote.text, self._language(quote)) if kind == "cleaned" else quote.text
        text = as_text(quote, self._name(quote), recording.title, "attributed" if kind == "cleaned" else kind, words)
        QGuiApplication.clipboard().setText(text)

    def _language(self, quote: Quote) -> str:
        document = self._workspace.document
        return next((s.language for s in document.segments if s.start < quote.range.end
                     and s.end > quote.range.start), "") if document else ""

    def _mark(self) -> Mark | None:
        item = self.marks.currentItem()
        return item.data(_ITEM) if item is not None else None

    def _jump(self) -> None:
        mark = self._mark()
        if mark is not None and self._workspace.player.can_play:
            self._workspace.player.seek(mark.seconds)
            self._workspace.place_wanted.emit(mark.seconds)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete removes what is chosen in the list that has the focus."""
        mark = self._mark()
        if event.key() == Qt.Key.Key_Delete and self.quotes.hasFocus():
            self._remove()
        elif event.key() == Qt.Key.Key_Delete and self.marks.hasFocus() and mark is not None:
            self._workspace.edits.change_desk(self.tr("remove mark"), lambda desk: replace(
                desk, marks=tuple(m for m in desk.marks if m != mark)))
        else:
            super().keyPressEvent(event)


def _with_quotes(desk: Desk, quotes: tuple[Quote, ...]) -> Desk:
    return replace(desk, quotes=quotes)
