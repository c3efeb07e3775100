"""Settings: the Gemini key and model, on-device models, appearance and playback. Every change holds at once."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QHideEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.api_key import KeyReading, KeyState
from desktop.errors import Cancelled, PullquoteError
from desktop.model import Progress
from desktop.settings import WORDS_MODEL
from desktop.ui.library_place import LibraryPage
from desktop.ui.tasks import Task
from desktop.ui.words import choice_box, label, plain_buttons, sure, translated
from desktop.ui.workspace import Workspace

KEY_PAGE = "https://aistudio.google.com/apikey"


class SettingsDialog(QDialog):
    """Pages by noun."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Settings"))
        self.resize(600, 460)
        self.tabs = QTabWidget()
        self.tabs.setAccessibleName(self.windowTitle())
        self.key_page = KeyPage(workspace)
        self.tabs.addTab(self.key_page, self.tr("Gemini key"))
        self.tabs.addTab(SendingPage(workspace), self.tr("Sending"))
        self.tabs.addTab(DevicePage(workspace), self.tr("On device"))
        self.tabs.addTab(GeneralPage(workspace), self.tr("General"))
        self.library_page = LibraryPage(workspace)
        self.tabs.addTab(self.library_page, self.tr("Library"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.tabs)
        layout.addWidget(plain_buttons(buttons))


class KeyPage(QWidget):
    """Paste, test, forget; the state in words. All key-store calls run on workers."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._testing = False
        self.where = label(self.tr("Looking for a key store…"), wrap=True)
        self.state = label("", wrap=True)
        self.field = QLineEdit()
        self.field.setEchoMode(QLineEdit.EchoMode.Password)
        self.field.setAccessibleName(self.tr("Gemini key"))
        self.field.setPlaceholderText(self.tr("Paste the key here"))
        self.store_button = QPushButton(self.tr("Store and test key"))
        self.session_button = QPushButton(self.tr("Test and use for this session only"))
        self.test_button = QPushButton(self.tr("Test key"))
        self.forget_button = QPushButton(self.tr("Forget key"))
        self.result = label("", wrap=True)
        self.model = choice_box(self.tr("Gemini model"), editable=True)
        self._build()
        self._connect()
        self._fill_models()
        self._show()
        workspace.tasks.start(workspace.api_key.where, done=lambda where: self.where.setText(
            self.tr("Key store: {where}").format(where=translated(where))))

    def _build(self) -> None:
        where = QPushButton(self.tr("Get a key…"))
        where.setToolTip(KEY_PAGE)
        where.clicked.connect(lambda: QDesktopServices.openUrl(QUrl(KEY_PAGE)))
        keys, tests = QHBoxLayout(), QHBoxLayout()
        for button in (self.store_button, self.session_button):
            keys.addWidget(button)
        for button in (self.test_button, self.forget_button, where):
            tests.addWidget(button)
        form = QFormLayout(self)
        form.setVerticalSpacing(10)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        form.addRow(label(self.tr(
            "Open Google AI Studio in your browser, make a key, copy it, paste it here. The key is kept in this "
            "system's key store, or only in memory when there is none. With a paid key Google does not train on your "
            "audio; see Help ▸ Privacy."), wrap=True))
        form.addRow(self.where)
        form.addRow(self.state)
        form.addRow(self.tr("&Key"), self.field)
        form.addRow(keys)
        form.addRow(tests)
        form.addRow(self.result)
        form.addRow(self.tr("&Model (a name may be typed)"), self.model)

    def _connect(self) -> None:
        self._workspace.key_changed.connect(self._show)
        self.store_button.clicked.connect(lambda: self._keep(self._workspace.api_key.store))
        self.session_button.clicked.connect(lambda: self._keep(self._workspace.api_key.keep_for_session))
        self.forget_button.clicked.connect(self._forget)
        self.test_button.clicked.connect(self._test)
        self.model.activated.connect(lambda _: self._choose_model())
        editor = self.model.lineEdit()
        if editor is not None:
            editor.editingFinished.connect(self._choose_model)
        self.field.textChanged.connect(lambda _: self._show())

    def _show(self) -> None:
        reading = self._workspace.key_reading
        self.state.setText(translated(reading.sentence) if reading else self.tr("Looking for a key…"))
        typed = bool(self.field.text())
        self.store_button.setEnabled(typed)
        self.session_button.setEnabled(typed)
        self.test_button.setEnabled(self._workspace.has_key)
        self.forget_button.setEnabled(reading is not None and reading.state is not KeyState.MISSING)

    def _keep(self, verb: Callable[[str], KeyReading]) -> None:
        key = self.field.text()
        self.field.clear()
        self.result.setText(self.tr("Asking the key store…"))
        self._workspace.tasks.start(verb, key, done=self._kept, failed=self._failed)

    def _kept(self, reading: KeyReading) -> None:
        self.result.setText(translated(reading.sentence))
        self._workspace.read_key()
        if reading.state in (KeyState.STORED, KeyState.SESSION):
            self._test()  # part of what the button says: it also finds out whether the model for transcripts is open

    def _forget(self) -> None:
        if not sure(self, self.tr("Forget key"), self.tr(
                "Forget the Gemini key? It is removed from this computer's key store; you can paste it again later."),
                    self.tr("Forget")):
            return
        self._workspace.tasks.start(self._workspace.api_key.forget, done=self._kept, failed=self._failed)

    def _test(self) -> None:
        if self._testing:
            return
        self._testing = True
        self.result.setText(self.tr("Asking Gemini…"))
        self._workspace.tasks.start(_list_models, self._workspace, pass_report=True, done=self._tested,
                                    failed=self._failed)

    def _tested(self, models: list[str]) -> None:
        self._testing = False
        self.result.setText(self.tr("The key works. Models it may use: {count}.").format(count=len(models)))
        self._workspace.change_settings(known_models=tuple(models[:500]))
        words = self._workspace.settings.two_hearings
        self.result.setText(self.result.text() + " " + (
            self.tr("Transcripts are made with {model}.").format(model=words) if words else
            self.tr("It may not use {model}, so the general model hears the words.").format(model=WORDS_MODEL)))
        self._fill_models()
        self._show()

    def _failed(self, error: PullquoteError) -> None:
        self._testing = False
        self.result.setText(translated(error.sentence))
        self._show()

    def _fill_models(self) -> None:
        settings = self._workspace.settings
        blocked = self.model.blockSignals(True)
        self.model.clear()
        names = [name for name in settings.known_models if "gemini" in name] or [settings.gemini_model]
        self.model.addItems(names)
        self.model.setEditText(settings.gemini_model)
        self.model.blockSignals(blocked)

    def _choose_model(self) -> None:
        name = self.model.currentText().strip()
        if name and name != self._workspace.settings.gemini_model:
            self._workspace.change_settings(gemini_model=name)


class DevicePage(QWidget):
    """Which speech model; others are fetched on a click, with size, progress and stop."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        from desktop.engines.speech_models import MODELS, folder_of

        self._workspace, self._models, self._folder_of = workspace, MODELS, folder_of
        self._task: Task | None = None
        self.model = choice_box(self.tr("Speech model"))
        self.fetch_button = QPushButton()
        self.stop_button = QPushButton(self.tr("Stop"))
        self.bar = QProgressBar()
        self.result = label("", wrap=True)
        form = QFormLayout(self)
        form.setVerticalSpacing(10)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        form.addRow(label(self.tr(
            "The starter model (tiny.en) comes with Pullquote and hears only English. Larger models hear about 100 "
            "languages and make fewer mistakes, but are slower. They are fetched once from huggingface.co, only when "
            "you click; your recordings are not sent anywhere."), wrap=True))
        form.addRow(self.tr("&Model"), self.model)
        row = QHBoxLayout()
        row.addWidget(self.fetch_button)
        row.addWidget(self.stop_button)
        form.addRow(row)
        form.addRow(self.bar)
        form.addRow(self.result)
        self.model.currentIndexChanged.connect(lambda _: self._chosen())
        self.fetch_button.clicked.connect(self._fetch)
        self.stop_button.clicked.connect(lambda: self._task.stop() if self._task else None)
        self._fill()

    def _fill(self) -> None:
        wanted = self._workspace.settings.device_model
        blocked = self.model.blockSignals(True)
        self.model.clear()
        for name, model in self._models.items():
            here = self._folder_of(name) is not None
            size = self.tr("here") if here else self.tr("{size} MB to fetch").format(size=model.megabytes)
            only = self.tr("English only") if model.english_only else self.tr("many languages")
            self.model.addItem(f"{name} – {only}, {size}", name)
        self.model.setCurrentIndex(max(0, self.model.findData(wanted)))
        self.model.blockSignals(blocked)
        self._show()

    def _chosen(self) -> None:
        name = str(self.model.currentData())
        if self._folder_of(name) is not None:
            self._workspace.change_settings(device_model=name)
        self._show()

    def _show(self) -> None:
        name = str(self.model.currentData())
        here = self._folder_of(name) is not None
        busy = self._task is not None
        self.fetch_button.setText(self.tr("Fetch {name} ({size} MB)").format(
            name=name, size=self._models[name].megabytes))
        self.fetch_button.setVisible(not here and not busy)
        self.stop_button.setVisible(busy)
        self.bar.setVisible(busy)
        self.model.setEnabled(not busy)

    def _fetch(self) -> None:
        from desktop.engines.speech_models import fetch

        self.result.setText("")
        self._task = self._workspace.tasks.start(fetch, str(self.model.currentData()), pass_report=True,
                                                 done=self._fetched, failed=self._failed, progress=self._progress)
        self._show()

    def _progress(self, progress: Progress) -> None:
        self.bar.setValue(round(progress.fraction * 100))
        self.result.setText(translated(progress.sentence))

    def _fetched(self, _: object) -> None:
        self._task = None
        name = str(self.model.currentData())
        self._workspace.change_settings(device_model=name)
        self.result.setText(self.tr("The model {name} is on this computer now.").format(name=name))
        self._fill()

    def _failed(self, error: PullquoteError) -> None:
        self._task = None
        self.result.setText(self.tr("Stopped; nothing was kept.") if isinstance(error, Cancelled)
                            else translated(error.sentence))
        self._show()


class SendingPage(QWidget):
    """How things are sent to Gemini: house style, format, parts at a time."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        settings = workspace.settings
        self.style_text = QPlainTextEdit()
        self.style_text.setAccessibleName(self.tr("House style"))
        self.style_text.setPlaceholderText(self.tr("For example: British spelling. Numbers up to twelve in words."))
        self.style_text.setPlainText(settings.house_style)
        self.style_text.setMaximumHeight(110)
        self.style_text.setTabChangesFocus(True)
        self._wait = QTimer(self, interval=400, singleShot=True)
        self._wait.timeout.connect(self._keep_style)
        self.style_text.textChanged.connect(self._wait.start)
        self.sends_as = choice_box(self.tr("Audio is sent as"))
        self.sends_as.addItem(self.tr("FLAC – nothing is lost"), "flac")
        self.sends_as.addItem(self.tr("Ogg Vorbis – a third of the size, for slow connections"), "ogg")
        self.sends_as.setCurrentIndex(max(0, self.sends_as.findData(settings.sends_as)))
        self.sends_as.activated.connect(
            lambda _: workspace.change_settings(sends_as=str(self.sends_as.currentData())))
        self.at_once = QSpinBox()
        self.at_once.setAccessibleName(self.tr("Parts at a time"))
        self.at_once.setRange(1, 4)
        self.at_once.setValue(round(settings.parts_at_once))
        self.at_once.valueChanged.connect(lambda value: workspace.change_settings(parts_at_once=float(value)))
        self.as_printed = QCheckBox(self.tr("Ask general models with the words of Google's audio page"))
        self.as_printed.setToolTip(self.tr(
            "For comparison: whole seconds, English translation, no vocabulary, nothing of the part before"))
        self.as_printed.setChecked(settings.as_printed)
        self.as_printed.toggled.connect(lambda on: workspace.change_settings(as_printed=on))
        form = QFormLayout(self)
        form.setVerticalSpacing(10)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        form.addRow(self.tr("&House style, sent with every question and transcript of a general model"),
                    self.style_text)
        form.addRow(self.tr("&Audio is sent as (always 16 kHz mono)"), self.sends_as)
        form.addRow(self.tr("&Parts at a time (with 1, a general model is told what came before each part)"),
                    self.at_once)
        form.addRow(self.as_printed)

    def _keep_style(self) -> None:
        text = self.style_text.toPlainText().strip()[:4_000]
        if text != self._workspace.settings.house_style:
            self._workspace.change_settings(house_style=text)

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing that was typed is lost when the dialog closes at once."""
        self._keep_style()
        super().hideEvent(event)


class GeneralPage(QWidget):
    """Theme, step back, cache."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        settings = workspace.settings
        theme = choice_box(self.tr("Theme"))
        for value, text in (("system", self.tr("As the system")), ("light", self.tr("Light")),
                            ("dark", self.tr("Dark"))):
            theme.addItem(text, value)
        theme.setCurrentIndex(max(0, theme.findData(settings.theme)))
        theme.currentIndexChanged.connect(lambda _: workspace.change_settings(theme=str(theme.currentData())))
        back = _seconds_box(self.tr("Step back on resume"), settings.step_back, 5.0, self.tr(" s"), 0.5)
        back.valueChanged.connect(lambda value: workspace.change_settings(step_back=float(value)))
        cache = _seconds_box(self.tr("Most space for playback copies"), settings.cache_gigabytes, 2000.0,
                             self.tr(" GB"), 5.0)
        cache.setMinimum(1.0)
        cache.valueChanged.connect(lambda value: workspace.change_settings(cache_gigabytes=float(value)))
        form = QFormLayout(self)
        form.setVerticalSpacing(10)
        form.addRow(self.tr("&Theme"), theme)
        form.addRow(self.tr("Step &back on resume"), back)
        form.addRow(self.tr("Most space for playback &copies"), cache)


def _seconds_box(name: str, value: float, most: float, suffix: str, step: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setAccessibleName(name)
    box.setRange(0.0, most)
    box.setSingleStep(step)
    box.setDecimals(1)
    box.setSuffix(suffix)
    box.setValue(value)
    return box


def _list_models(workspace: Workspace, report: Callable[[Progress], None]) -> list[str]:
    from desktop.engines.gemini import list_models

    return list_models(workspace.api_key.read().key, workspace.url, report)
