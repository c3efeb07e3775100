"""Export: which format, which lines, what of them; the preview is what will be written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import shiboken6
from PySide6.QtCore import QCoreApplication, QTimer
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QPlainTextEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from desktop.errors import PullquoteError
from desktop.exports import FORMATS, Options
from desktop.model import TimeRange, TranscriptDocument, clock
from desktop.sentences import QT_TRANSLATE_NOOP
from desktop.ui.pdf_export import pdf  # on this thread: PySide makes its classes when they are first used
from desktop.ui.words import choice_box, label, plain_buttons, translated
from desktop.ui.workspace import Workspace

_PREVIEW_LENGTH = 50_000  # characters; laying out ten hours of talk would hold up the window
_PDF = ("pdf", QT_TRANSLATE_NOOP("core", "PDF, for reading and printing"))


@dataclass(frozen=True)
class Choice:
    """All that decides about the file."""

    format_name: str
    only: str
    time_range: TimeRange | None
    options: Options
    sound: bool


class ExportDialog(QDialog):
    """Choose a format and what it shows; `content` is what the preview shows and what will be written."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        assert workspace.document is not None
        self._workspace, self._document = workspace, workspace.document
        self.content = b""
        self.setWindowTitle(self.tr("Export transcript"))
        self.resize(960, 640)
        self.format = self._format_box()
        self.what = self._what_box()
        self.words = _box(self.tr("Words"), ((self.tr("Verbatim"), False), (self.tr("Lightly cleaned"), True)))
        self.translation = _box(self.tr("Translation"), (
            (self.tr("Below"), "below"), (self.tr("Side by side"), "beside"), (self.tr("None"), "none")))
        self.timecodes, self.speakers = self._tick(self.tr("Times"), True), self._tick(self.tr("Speakers"), True)
        self.language = self._tick(self.tr("Language of each line"), False)
        self.emotions = self._tick(self.tr("Emotions too (the machine's opinion)"), False)
        self.sound = self._tick(self.tr("Sound inside the page"), False)
        self._build_limits()
        self._preview = QPlainTextEdit()
        self._preview.setReadOnly(True)
        self._preview.setAccessibleName(self.tr("Preview"))
        self._preview.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._note = label("", wrap=True)
        self._about_withheld = label(self.tr("What is off the record is left out."), wrap=True)
        self._soon = QTimer(self, singleShot=True, interval=50)  # lets the dialog paint, and waits for quick changes
        self._build()
        self._connect()
        self._changed()

    # -- building --------------------------------------------------------------------------------------------

    def _format_box(self) -> QComboBox:
        box = choice_box(self.tr("Format"))
        for item in FORMATS.values():
            box.addItem(f"{QCoreApplication.translate('core', item.title)} (.{item.ending})", item.name)
        box.insertItem(box.findData("odt") + 1, f"{QCoreApplication.translate('core', _PDF[1])} (.pdf)", _PDF[0])
        return box

    def _what_box(self) -> QComboBox:
        from desktop.withholding import released_quotes

        box, chosen = choice_box(self.tr("What")), self._workspace.range
        box.addItem(self.tr("The whole transcript"), "all")
        if chosen is not None:
            box.addItem(self.tr("The range {start} – {end}").format(
                start=clock(chosen.start), end=clock(chosen.end)), "range")
        if quotes := released_quotes(self._document.desk):
            box.addItem(self.tr("Saved quotes ({count})").format(count=len(quotes)), "quotes")
        return box

    def _tick(self, text: str, on: bool) -> QCheckBox:
        box = QCheckBox(text)
        box.setChecked(on)
        return box

    def _build_limits(self) -> None:
        usual = Options()
        self._limits = QGroupBox(self.tr("Subtitles"))
        self.line_length = self._spin(self.tr("Letters in a line"), 20, 200, usual.line_length)
        self.lines_per_cue = self._spin(self.tr("Lines at a time"), 1, 4, usual.lines_per_cue)
        self.reading_speed = self._spin(self.tr("Letters a second"), 0, 60, int(usual.reading_speed))
        self.reading_speed.setSpecialValueText(self.tr("No limit"))
        self.cue_seconds = QDoubleSpinBox(minimum=1.0, maximum=60.0, decimals=1, value=usual.cue_seconds)
        self.cue_seconds.setAccessibleName(self.tr("Longest time in seconds"))
        form = QFormLayout(self._limits)
        for spin in (self.line_length, self.lines_per_cue, self.cue_seconds, self.reading_speed):
            form.addRow(spin.accessibleName(), spin)

    def _spin(self, name: str, least: int, most: int, value: int) -> QSpinBox:
        spin = QSpinBox(minimum=least, maximum=most, value=value)
        spin.setAccessibleName(name)
        return spin

    def _build(self) -> None:
        left = QFormLayout()
        left.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        left.addRow(self.tr("&Format"), self.format)
        left.addRow(self.tr("&What"), self.what)
        left.addRow(self.tr("W&ords"), self.words)
        if any(segment.translation for segment in self._document.segments):
            left.addRow(self.tr("&Translation"), self.translation)
        for box in (self.timecodes, self.speakers, self.language, self.emotions, self.sound):
            left.addRow("", box)
        left.addRow(self._limits)
        if self._document.desk.off_record:
            left.addRow(self._about_withheld)
        left.addRow(self._note)
        self.emotions.setVisible(any(segment.emotion for segment in self._document.segments))
        self.sound.setVisible(not self._document.recording.address)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._save = self._buttons.addButton(self.tr("Save as…"), QDialogButtonBox.ButtonRole.AcceptRole)
        across = QHBoxLayout()
        across.addLayout(left, 2)
        across.addWidget(self._preview, 3)
        layout = QVBoxLayout(self)
        layout.addLayout(across, 1)
        layout.addWidget(plain_buttons(self._buttons))
        self._save.setDefault(True)  # once inside the dialog: before, another button may take it

    def _connect(self) -> None:
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._soon.timeout.connect(self._render)
        for choice in (self.format, self.what, self.words, self.translation):
            choice.currentIndexChanged.connect(lambda _: self._changed())
        for tick in (self.timecodes, self.speakers, self.language, self.emotions, self.sound):
            tick.toggled.connect(lambda _: self._changed())
        for spin in (self.line_length, self.lines_per_cue, self.cue_seconds, self.reading_speed):
            spin.valueChanged.connect(lambda _: self._changed())

    # -- what is chosen --------------------------------------------------------------------------------------

    @property
    def ending(self) -> str:
        """Of the file's name."""
        name = str(self.format.currentData())
        return FORMATS[name].ending if name in FORMATS else name

    def choice(self) -> Choice:
        """What is chosen now."""
        return Choice(str(self.format.currentData()), str(self.what.currentData()), self._workspace.range, Options(
            timecodes=self.timecodes.isChecked(), speakers=self.speakers.isChecked(),
            language=self.language.isChecked(), translation=str(self.translation.currentData()),
            emotions=self.emotions.isChecked(), clean=bool(self.words.currentData()),
            line_length=self.line_length.value(), lines_per_cue=self.lines_per_cue.value(),
            cue_seconds=self.cue_seconds.value(), reading_speed=self.reading_speed.value()),
            self.sound.isChecked() and self.sound.isEnabled() and not self.sound.isHidden())

    def _uses(self) -> frozenset[str]:
        """The options that make a difference for what is chosen."""
        from desktop.exporting import QUOTE_FORMATS

        name = str(self.format.currentData())
        if name in QUOTE_FORMATS and self.what.currentData() == "quotes":
            return frozenset({"clean"})
        return FORMATS[name].uses if name in FORMATS else FORMATS["html"].uses - {"sound"}

    def _changed(self) -> None:
        """Only what makes sense can be chosen; nothing can be saved until the preview shows it."""
        uses = self._uses()
        for widget, name in ((self.timecodes, "timecodes"), (self.speakers, "speakers"), (self.language, "language"),
                             (self.emotions, "emotions"), (self.sound, "sound"), (self.words, "clean"),
                             (self.translation, "translation"), (self._limits, "limits")):
            widget.setEnabled(name in uses)
        item = self.translation.model().item(self.translation.findData("beside"))  # type: ignore[attr-defined]
        item.setEnabled("beside" in uses)
        if "beside" not in uses and self.translation.currentData() == "beside":
            self.translation.setCurrentIndex(self.translation.findData("below"))
        self._save.setEnabled(False)
        self._soon.start()

    # -- the preview -----------------------------------------------------------------------------------------

    def _render(self) -> None:
        """On a worker: ten hours of talk are a long text."""
        chosen = self.choice()

        def when_current(show: Callable[..., None]) -> Callable[..., None]:
            return lambda result: show(result) if shiboken6.isValid(self) and chosen == self.choice() else None

        self._workspace.tasks.start(rendered, self._workspace, self._document, chosen,
                                    done=when_current(self._show), failed=when_current(self._show_problem))

    def _show(self, result: tuple[bytes, str]) -> None:
        self.content, text = result
        cut = text.find("\n", _PREVIEW_LENGTH)
        self._preview.setPlainText(text if cut < 0 else text[:cut])
        self._note.setText("" if cut < 0 else self.tr("The preview ends here; {count} more lines are saved.").format(
            count=text.count("\n", cut + 1)))
        self._save.setEnabled(True)

    def _show_problem(self, error: PullquoteError) -> None:
        self.content = b""
        self._preview.clear()
        self._note.setText(translated(error.sentence))


def rendered(workspace: Workspace, document: TranscriptDocument, chosen: Choice) -> tuple[bytes, str]:
    """The file and its preview; on a worker."""
    from desktop import exporting

    time_range = chosen.time_range if chosen.only == "range" else None
    if chosen.format_name == _PDF[0]:
        return pdf(document, chosen.options, only=chosen.only, time_range=time_range)
    if chosen.only == "quotes" and chosen.format_name in exporting.QUOTE_FORMATS:
        content = exporting.render_quotes(document, chosen.format_name, clean=chosen.options.clean)
    else:
        sound = exporting.clip(workspace.cache, document, time_range) if chosen.sound else b""
        content = exporting.render(document, chosen.format_name, chosen.options, only=chosen.only,
                                   time_range=time_range, sound=sound)
    return content, exporting.preview(content, chosen.format_name)


def _box(name: str, choices: tuple[tuple[str, object], ...]) -> QComboBox:
    box = choice_box(name)
    for text, value in choices:
        box.addItem(text, value)
    return box
