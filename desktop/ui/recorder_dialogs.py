"""The text that reminds of asking for consent."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.cleaning import clean_text
from desktop.ui.words import label, plain_buttons
from desktop.ui.workspace import Workspace


class ReminderDialog(QDialog):
    """Off until somebody wants it; the words are the journalist's own."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setWindowTitle(self.tr("Reminder before recording"))
        self.resize(460, 260)
        self.shown = QCheckBox(self.tr("&Show this text above the button that starts"))
        self.shown.setChecked(workspace.settings.consent_reminder)
        self.text = QPlainTextEdit(workspace.settings.consent_text)
        self.text.setAccessibleName(self.tr("Text of the reminder"))
        self.text.setTabChangesFocus(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(label(self.tr("What may be recorded, and who must agree, depends on the country. This text "
                                       "only reminds you; Pullquote does not check anything."), wrap=True))
        layout.addWidget(self.shown)
        layout.addWidget(self.text, 1)
        layout.addWidget(plain_buttons(buttons))

    def accept(self) -> None:
        self._workspace.change_settings(consent_reminder=self.shown.isChecked(),
                                        consent_text=clean_text(self.text.toPlainText()))
        super().accept()
