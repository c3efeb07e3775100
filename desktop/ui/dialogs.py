"""Small dialogs: what to transcribe and how, what leaves the computer, shortcuts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import QCoreApplication, QLocale, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from desktop import prices
from desktop.engines import ENGINES
from desktop.ledger import money
from desktop.model import MOST_HEARD, Protection, Report, TimeRange, clock
from desktop.settings import WORDS_MODEL
from desktop.ui.tasks import Task
from desktop.ui.texts import PRIVACY_TEXT
from desktop.ui.words import choice_box, label, plain_buttons, translated
from desktop.ui.workspace import Workspace

if TYPE_CHECKING:
    from desktop.transcription import Options

_VIDEO_TOKENS = 300  # a second, at most (low resolution: about 100)
LANGUAGES = ("en", "es", "fr", "de", "it", "pt", "nl", "pl", "ru", "uk", "tr", "ar", "fa", "he", "hi", "zh", "ja", "ko",
             "sv", "da", "nb", "fi", "cs", "el", "ro", "hu", "id", "vi", "th", "sw")


def language_name(code: str) -> str:
    """A language by its English name and its own."""
    locale = QLocale(code)
    native = locale.nativeLanguageName() if code != "en" else ""  # it would say "American English"
    english = QLocale.languageToString(locale.language())
    return english if native.casefold() == english.casefold() or not native else f"{english} ({native})"


class TranscribeDialog(QDialog):
    """Which engine, which language, translation, speakers: asked per run, the last choice first."""

    def __init__(self, workspace: Workspace, time_range: TimeRange | None, parent: QWidget | None = None,
                 may_send: Callable[[str], bool] | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._range, self._may_send = workspace, time_range, may_send
        self._counting: Task | None = None
        self._counted = ""  # what counting came to
        self._count = QPushButton(self.tr("Count exactly…"))
        self._count.setToolTip(self.tr("Uploads the sound, lets Gemini count its tokens, and removes it again"))
        self._count.setAutoDefault(False)
        self.setWindowTitle(self.tr("Transcribe range") if time_range else self.tr("Transcribe"))
        self.setMinimumWidth(480)
        self._engine = choice_box(self.tr("Engine"))
        settings = workspace.settings
        assert workspace.recording is not None
        self._is_video = bool(workspace.recording.address)
        self._terms = workspace.library.terms(workspace.recording.project_id)
        if settings.two_hearings and not self._is_video:
            self._engine.addItem(self.tr("Gemini · words by {model}").format(model=settings.two_hearings),
                                 ("gemini", settings.two_hearings))
        self._engine.addItem(self._gemini_title(), ("gemini", settings.gemini_model))
        if not self._is_video:
            self._engine.addItem(self.tr("On device · {model}").format(model=settings.device_model),
                                 ("device", settings.device_model))
        self._language = _language_box(self.tr("Language spoken"), self.tr("Detect"))
        self._translate = _language_box(self.tr("Translate to"), self.tr("No translation"))
        row = self._translate.findData(workspace.settings.translate_to)
        self._translate.setCurrentIndex(max(0, row))
        self._speakers = QSpinBox()
        self._speakers.setAccessibleName(self.tr("Number of speakers"))
        self._speakers.setRange(0, 8)
        self._speakers.setSpecialValueText(self.tr("Automatic"))
        self._emotion = QCheckBox(self.tr("Name emotions (the machine's opinion)"))
        self._emotion.setChecked(True)
        self._smooth = QCheckBox(self.tr("Smooth the text: leave out ums and false starts (not to quote from)"))
        self._note = label("", wrap=True)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._go = self._buttons.addButton(self.tr("Transcribe"), QDialogButtonBox.ButtonRole.AcceptRole)
        self._build()
        self._engine.setCurrentIndex(0 if workspace.has_key else self._engine.count() - 1)
        self._engine.currentIndexChanged.connect(lambda _: self._show_note())
        self._language.currentIndexChanged.connect(lambda _: self._show_note())
        self._smooth.toggled.connect(lambda _: self._show_note())
        self._show_note()

    def _build(self) -> None:
        form = QFormLayout(self)
        form.setVerticalSpacing(10)
        recording = self._workspace.recording
        assert recording is not None
        what = self._range or TimeRange(0.0, recording.duration)
        self._seconds, self._protection = what.seconds, recording.protection
        form.addRow(self.tr("What"), label(
            recording.title if self._is_video and self._range is None else self.tr("{title}, {start} – {end}").format(
                title=recording.title, start=clock(what.start), end=clock(what.end)), wrap=True))
        form.addRow(self.tr("&Engine"), self._engine)
        form.addRow(self.tr("&Language spoken"), self._language)
        form.addRow(self.tr("&Translate to"), self._translate)
        form.addRow(self.tr("&Speakers"), self._speakers)
        form.addRow("", self._emotion)
        form.addRow("", self._smooth)
        form.addRow(self._note)
        form.addRow("", self._count)
        form.addRow(plain_buttons(self._buttons))
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._count.clicked.connect(self._count_tokens)
        self.finished.connect(lambda _: self._counting.stop() if self._counting else None)

    def _count_tokens(self) -> None:
        """Only on this click, and only when the recording may be sent."""
        if self._counting is not None:
            self._counting.stop()
            return
        if self._may_send is None or not self._may_send(self.tr("The sound, to count its tokens,")):
            return
        workspace, model = self._workspace, self._workspace.settings.gemini_model

        def show(sentence: str) -> None:
            if shiboken6.isValid(self):
                self._counted = sentence
                self._show_note()

        def ended(sentence: str) -> None:
            self._counting = None
            workspace.ledger_changed.emit()
            show(sentence)

        self._counting = workspace.tasks.start(
            _count, workspace, self._range, model, pass_report=True, progress=lambda p: show(translated(p.sentence)),
            done=lambda count: ended(self.tr("Counted: {count} tokens of audio for {model}.").format(
                count=f"{count:,}", model=model)), failed=lambda error: ended(translated(error.sentence)))
        show(self.tr("Preparing"))

    def _gemini_title(self) -> str:
        model = self._workspace.settings.gemini_model
        return f"Gemini · {model}" if self._workspace.has_key else self.tr("Gemini (needs a key)")

    def _show_note(self) -> None:
        name, model = self._engine.currentData()
        engine = ENGINES[name]
        for widget in (self._translate, self._speakers, self._emotion):
            widget.setEnabled(engine.abilities.speakers)
        self._smooth.setVisible(" + " in model)
        if " + " in model:
            self._speakers.setEnabled(False)  # that model counts by itself
        text = translated(engine.abilities.cannot)
        if engine.abilities.sends_audio:
            text = self.tr(
                "The address of the video is sent to Google's Gemini service, which watches it. A video costs up to "
                "{rate} tokens a second; how long it is, is not known here.").format(rate=_VIDEO_TOKENS) \
                if self._is_video else self.tr(
                    "The audio of this range is sent to Google's Gemini service as 16 kHz mono, without its name. "
                    "Nothing is stored there by Pullquote.") + "\n" + self._estimate()
            settings = self._workspace.settings
            text += self._about_terms(model)
            if self._seconds > MOST_HEARD:
                text += " " + self.tr("It is longer than the 9.5 hours that Gemini hears at a time; it is sent in "
                                      "parts and joined here.")
            if settings.known_models and not settings.two_hearings and not self._is_video:
                text += " " + self.tr("This key may not use {model}, so the general model hears the words.").format(
                    model=WORDS_MODEL)
            if not self._workspace.has_key:
                text = self.tr("No Gemini key is set. Add one under Edit ▸ Settings, or transcribe on this device.")
        else:
            text = self.tr("Nothing leaves this computer.") + " " + text
        deaf = not engine.abilities.sends_audio and self._workspace.settings.device_model.endswith(".en") \
            and self._language.currentData() not in ("", "en")
        if deaf:
            text = self.tr("The model {model} hears only English. Fetch a larger model under Edit ▸ Settings ▸ On "
                           "device, or use Gemini.").format(model=self._workspace.settings.device_model)
        can_count = engine.abilities.sends_audio and not self._is_video and self._workspace.has_key \
            and self._protection is not Protection.NEVER
        self._count.setVisible(can_count and self._may_send is not None)
        self._count.setText(self.tr("Stop counting") if self._counting else self.tr("Count exactly…"))
        if can_count and self._counted:
            text += "\n" + self._counted
        barred = engine.abilities.sends_audio and self._protection is Protection.NEVER
        if barred:
            text = self.tr("This recording is marked “never upload”. Transcribe it on this device, or change that in "
                           "the Details tab.")
        self._note.setText(text)
        self._go.setText(self.tr("Send and transcribe") if engine.abilities.sends_audio else self.tr("Transcribe"))
        self._go.setEnabled(not deaf and not barred and (self._workspace.has_key or not engine.abilities.sends_audio))

    def _hears_twice(self, model: str) -> bool:
        terms = bool(self._terms) and bool(self._language.currentData())
        return " + " in model and (self._smooth.isChecked() or terms)

    def _about_terms(self, model: str) -> str:
        """What becomes of names and terms, and of smooth text, in this run."""
        if self._hears_twice(model):
            return " " + (self.tr("Each part is heard twice, for the smooth text.") if self._smooth.isChecked() else
                          self.tr("Each part is heard twice, for the spelling of names."))
        if self._terms and " + " in model:
            return " " + self.tr("Choose the language spoken, and names and terms are spelled as in your list.")
        return ""

    def _estimate(self) -> str:
        """Tokens and cost before anything is sent."""
        table = prices.load()
        model = self._engine.currentData()[1].split(" + ")[0]
        seconds = self._seconds * (2 if self._hears_twice(self._engine.currentData()[1]) else 1)
        tokens = round(seconds * prices.TOKENS_PER_SECOND)
        costs = table.transcript_cost(model, seconds)
        if costs is None:
            return self.tr("About {tokens} tokens; the price of {model} is not known.").format(
                tokens=f"{tokens:,}", model=model)
        return self.tr("About {tokens} tokens of audio, {least} to {most} with the answer (paid tier, prices of "
                       "{date}).").format(tokens=f"{tokens:,}", least=money(costs[0]), most=money(costs[1]),
                                          date=table.date)

    def options(self) -> Options:
        """What was chosen."""
        from desktop.transcription import Options

        engine, model = self._engine.currentData()
        abilities = ENGINES[engine].abilities
        return Options(
            engine=engine, model=model, emotion=self._emotion.isChecked(),
            time_range=self._range, language=str(self._language.currentData() or ""),
            translate_to=str(self._translate.currentData() or "") if abilities.translation else "",
            speakers=self._speakers.value() or None if abilities.speakers else None,
            is_smooth=" + " in model and self._smooth.isChecked())


class TranslateDialog(QDialog):
    """Into which language, and whether all lines or the chosen ones."""

    def __init__(self, shown: str, chosen: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Translate"))
        self._into = choice_box(self.tr("Into"))
        for code in sorted(LANGUAGES, key=language_name):
            self._into.addItem(language_name(code), code)
        self._into.setCurrentIndex(max(0, self._into.findData(shown)))
        self._all = QRadioButton(self.tr("All lines"))
        self._only = QRadioButton(self.tr("Only the chosen line") if chosen == 1 else
                                  self.tr("Only the {count} chosen lines").format(count=chosen))
        (self._only if chosen > 1 else self._all).setChecked(True)
        self._only.setVisible(chosen > 0)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(self.tr("Translate"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form = QFormLayout(self)
        form.addRow(self.tr("&Into"), self._into)
        form.addRow("", self._all)
        form.addRow("", self._only)
        form.addRow(label(self.tr("The words and the names of the speakers are sent, not the sound."), wrap=True))
        form.addRow(plain_buttons(buttons))

    @property
    def language(self) -> str:
        """BCP-47."""
        return str(self._into.currentData())

    @property
    def only_chosen(self) -> bool:
        return self._only.isChecked()


class PrivacyDialog(QDialog):
    """What leaves this computer, in plain words; `asking` makes it the question before the first upload ever."""

    def __init__(self, asking: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("What leaves this computer"))
        self.resize(640, 620)
        text = QPlainTextEdit()
        text.setReadOnly(True)
        text.setAccessibleName(self.windowTitle())
        text.setPlainText(QCoreApplication.translate("privacy", PRIVACY_TEXT))
        layout = QVBoxLayout(self)
        layout.addWidget(text, 1)
        buttons = QDialogButtonBox()
        if asking:
            buttons.addButton(self.tr("I understand: send it"), QDialogButtonBox.ButtonRole.AcceptRole)
            cancel = buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        else:
            buttons.addButton(QDialogButtonBox.StandardButton.Close)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addWidget(plain_buttons(buttons))
        if asking:  # once inside the dialog: a default set earlier goes to the button that sends
            cancel.setDefault(True)
            cancel.setFocus()

    @staticmethod
    def today() -> str:
        return date.today().isoformat()


class TextDialog(QDialog):
    """Some text to read."""

    def __init__(self, title: str, content: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(620, 420)
        text = QPlainTextEdit()
        text.setReadOnly(True)
        text.setAccessibleName(title)
        text.setPlainText(content)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(text)
        layout.addWidget(plain_buttons(buttons))


def _count(workspace: Workspace, time_range: TimeRange | None, model: str, report: Report) -> int:
    """On a worker."""
    from desktop.counting import count_tokens
    from desktop.sending import LibraryGate

    assert workspace.recording is not None
    return count_tokens(workspace.library, workspace.cache, workspace.recording, model, time_range,
                        key=workspace.api_key.read().key, url=workspace.url, report=report,
                        gate=LibraryGate(workspace.library, workspace.recording.id, consent=True))


def _language_box(name: str, nothing: str) -> QComboBox:
    box = choice_box(name)
    box.addItem(nothing, "")
    for code in sorted(LANGUAGES, key=language_name):
        box.addItem(language_name(code), code)
    box.view().setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    return box
