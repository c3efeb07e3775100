"""Names and terms of the open recording's project: the project, the list, and what may belong to it."""

from __future__ import annotations

import shiboken6
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QPlainTextEdit,
    QPushButton,
    QWidget,
)

from desktop.library import Library
from desktop.model import Recording, TranscriptDocument
from desktop.ui.flow_layout import FlowLayout
from desktop.ui.words import choice_box, label, plain_buttons
from desktop.ui.workspace import Workspace

_SHOWN = 12  # proposals


class VocabularyDialog(QDialog):
    """Everything holds when it is saved; Cancel leaves all as it was."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        assert workspace.recording is not None
        self._recording: Recording = workspace.recording
        library: Library = workspace.library
        self.setWindowTitle(self.tr("Names and terms"))
        self.resize(520, 480)
        self._projects = library.projects()
        self._shown: int | None = -1  # the project whose terms are shown
        self.project = choice_box(self.tr("Project"), editable=True)
        self.project.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.project.addItem(self.tr("No project"), None)
        for project in self._projects:
            self.project.addItem(project.name, project.id)
        self.project.setCurrentIndex(max(0, self.project.findData(self._recording.project_id)))
        self.terms = QPlainTextEdit()
        self.terms.setAccessibleName(self.tr("Names and terms, one a line"))
        self.terms.setPlaceholderText(self.tr("Ørsted\nRønne Havn\nKatie Lindqvist"))
        self.terms.setTabChangesFocus(True)
        self._found = QWidget()
        self._flow = FlowLayout(self._found)
        self._found_label = label(self.tr("Corrected or named in this transcript; click to add"), wrap=True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel | QDialogButtonBox.StandardButton.Save)
        buttons.accepted.connect(self._save)
        buttons.rejected.connect(self.reject)
        form = QFormLayout(self)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        form.addRow(self.tr("&Project of this recording (a new name makes a new one)"), self.project)
        form.addRow(self.tr("&Names and terms of the project, one a line, the most important first"), self.terms)
        form.addRow(self._found_label)
        form.addRow(self._found)
        form.addRow(label(self.tr(
            "They are sent with the next transcript by Gemini, the first 100 of them, so that names are spelled "
            "right. The model made for transcripts hears each part a second time for them, which doubles its cost, and "
            "only when the language spoken is chosen."), wrap=True))
        form.addRow(plain_buttons(buttons))
        self.project.currentIndexChanged.connect(lambda _: self._show_terms())
        self._show_terms()
        self._propose([])
        if workspace.document is not None:
            workspace.tasks.start(_proposals, library, workspace.document, done=self._propose,
                                  failed=workspace.show_error)

    def _project_id(self) -> int | None:
        """The chosen project; None also for one that is still to be made."""
        row = self.project.findText(self.project.currentText().strip())
        value = self.project.itemData(row) if row >= 0 else None
        return int(value) if value is not None else None

    def _show_terms(self) -> None:
        """Those of the chosen project; what was typed before goes along, and nothing of the project is lost."""
        chosen = self._project_id()
        if chosen == self._shown:
            return
        typed = self.terms.toPlainText().splitlines() if self.terms.document().isModified() else []
        self._shown = chosen
        self.terms.setPlainText("\n".join(dict.fromkeys([*self._workspace.library.terms(chosen), *typed])))
        self.terms.document().setModified(bool(typed))

    def _propose(self, found: list[str]) -> None:
        if not shiboken6.isValid(self):
            return  # the dialog was closed meanwhile
        self._found_label.setVisible(bool(found))
        self._found.setVisible(bool(found))
        for term in found[:_SHOWN]:
            button = QPushButton(term)
            button.setAccessibleName(self.tr("Add {term}").format(term=term))
            button.clicked.connect(lambda _=False, button=button: self._add(button))
            self._flow.addWidget(button)

    def _add(self, button: QPushButton) -> None:
        text = self.terms.toPlainText().rstrip("\n")
        self.terms.setPlainText(f"{text}\n{button.text()}" if text else button.text())
        self.terms.document().setModified(True)
        button.hide()

    def _save(self) -> None:
        self._show_terms()  # a project may have been typed and not left
        name = self.project.currentText().strip()
        none = self.project.findText(name) == 0
        self._workspace.set_terms("" if none else name, self.terms.toPlainText().splitlines())
        self.accept()


def _proposals(library: Library, document: TranscriptDocument) -> list[str]:
    from desktop.vocabulary import proposals

    return proposals(library, document)
