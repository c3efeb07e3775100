"""The main window: panels, menus from the action table, and the verbs that need a dialog.

It is on the screen as an empty frame before the library and the workspace are even loaded. So nothing that they need
is imported here, nor by the verbs that this class inherits; what a verb needs it imports itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QCoreApplication, QEvent, QObject, QSettings, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFileDialog,
    QInputDialog,
    QLineEdit,
    QMainWindow,
    QPlainTextEdit,
    QSplitter,
    QStatusBar,
    QTextEdit,
    QWidget,
)

from desktop import __version__
from desktop.paths import RESOURCES
from desktop.ui import actions, theme
from desktop.ui.desk_verbs import DeskVerbs
from desktop.ui.library_menus import LibraryMenus
from desktop.ui.library_place_verbs import LibraryPlaceVerbs
from desktop.ui.playback_verbs import PlaybackVerbs
from desktop.ui.recorder_verbs import RecorderVerbs
from desktop.ui.words import sure

if TYPE_CHECKING:
    from desktop.model import Quote, TimeRange, TranscriptDocument
    from desktop.transcription import Options
    from desktop.ui.inspector import Inspector
    from desktop.ui.library_panel import LibraryPanel
    from desktop.ui.recording_view import RecordingView
    from desktop.ui.restore_dialog import Choice
    from desktop.ui.upkeep import Upkeep
    from desktop.ui.workspace import Workspace

_TYPING = (QLineEdit, QPlainTextEdit, QTextEdit, QAbstractSpinBox)


_ON_LINES = ("edit_line", "split_line", "merge_previous", "merge_next", "insert_line", "delete_lines",
             "insert_timecode", "mark_unclear", "check_lines", "review", "save_quote", "find", "replace", "versions",
             "new_speaker", "part_speaker", *(f"speaker_{number}" for number in range(1, 10)))


class MainWindow(PlaybackVerbs, DeskVerbs, RecorderVerbs, LibraryMenus, LibraryPlaceVerbs, QMainWindow):
    """Puts the panels together; every verb here is small and calls the workspace."""

    painted = Signal()  # the window has been on screen once

    workspace: Workspace  # from `take` on
    library_panel: LibraryPanel
    view: RecordingView  # from `complete` on
    inspector: Inspector

    def __init__(self, geometry: QSettings | None = None) -> None:
        super().__init__()
        self._geometry = geometry
        self._was_painted = False
        self.upkeep: Upkeep | None = None  # begins after the first paint
        self.damage = ""  # what is wrong with the database
        self.afterwards: Choice | None = None  # what to do when the library is closed
        self.has_library = self.is_complete = False
        self.asks_before_it_ends = True  # nobody is there to answer when the computer is shut down
        self.actions_by_name: dict[str, QAction] = {}
        self.setWindowTitle("Pullquote")
        self.setAcceptDrops(True)
        self._build_frame()

    def take(self, workspace: Workspace) -> None:
        """The library is open: show what is in it. May be called again when a damaged row made it fail."""
        from desktop.ui.library_panel import LibraryPanel
        from desktop.ui.status import StatusBar

        self.workspace = workspace
        workspace.setParent(self)
        self.actions_by_name = self.actions_by_name or self._build_actions()
        actions.apply_keys(self.actions_by_name, workspace.settings.shortcuts)
        self.library_panel = LibraryPanel(workspace, self.actions_by_name)
        status = StatusBar(workspace)
        self._splitter.replaceWidget(0, self.library_panel)
        self._place_of_library.setParent(None)
        empty = self.statusBar()
        self.setStatusBar(status)
        empty.setParent(None)  # else it stays, on top of the other one
        self.has_library = True

    def complete(self) -> None:
        """The second half, after the first paint: everything that needs numpy, and what belongs to a recording."""
        for step in self.steps_to_complete():
            step()

    def steps_to_complete(self) -> list[Callable[[], object]]:
        """The second half in pieces of a few milliseconds, for one turn of the event loop each."""
        modules = ("waveform_view", "ask_panel", "ledger_view", "inspector", "transcript_panel", "recording_view")
        loading = [partial(import_module, f"desktop.ui.{name}") for name in modules]
        return [*loading, self._load_waveform, self._make_view,
                self._make_rest, lambda: self._place(self.view, self.inspector), self._show_icons, self._begin]

    def _load_waveform(self) -> None:
        from desktop.ui import waveform_accessible

        waveform_accessible.install()

    def _make_view(self) -> None:
        from desktop.ui.recording_view import RecordingView

        self.view = RecordingView(self.workspace, self.actions_by_name)

    def _make_rest(self) -> None:
        from desktop.ui.inspector import Inspector

        self.inspector = Inspector(self.workspace, self.may_send, self.rename_this_speaker)
        self.inspector.quotes.export_requested.connect(self.export_quotes)
        self.inspector.quotes.clip_requested.connect(self.save_clip)
        self.inspector.names.assign_requested.connect(self.assign_this_speaker)
        self.inspector.ask.place_wanted.connect(self.go_to_place)
        self.inspector.proposals.place_wanted.connect(self.go_to_place)

    def _begin(self) -> None:
        from desktop.ui import waveform_accessible

        self._connect()
        self._restore()
        for action in self.actions_by_name.values():
            action.setEnabled(True)
        self._show_state()
        self.workspace.keep_bin_tidy()
        self.workspace.segment_selected.connect(
            lambda _: waveform_accessible.announce_selection(self.view.waveform))
        application = QApplication.instance()
        if application is not None:
            application.installEventFilter(self)
        self.is_complete = True
        if self.workspace.recording is not None:  # chosen in the list before there was a view to show it
            self.workspace.open(self.workspace.recording)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self.painted.emit)

    # -- building --------------------------------------------------------------------------------------------

    def _build_actions(self) -> dict[str, QAction]:
        made: dict[str, QAction] = {}
        verbs = self.speaker_verbs()
        for entry in actions.ACTIONS:
            action = QAction(actions.menu_text(entry), self)
            action.setEnabled(False)  # until the window is complete, a tenth of a second later
            action.setMenuRole(entry.role)
            action.triggered.connect(verbs.get(entry.verb) or getattr(self, entry.verb))
            if entry.separator:
                self._menus[entry.menu].addSeparator()
            self._menus[entry.menu].addAction(action)
            made[entry.name] = action
        return made

    def _build_frame(self) -> None:
        """What is there at once: the titles of the menus, the columns, the status bar."""
        self._menus = {name: self.menuBar().addMenu(QCoreApplication.translate("actions", title))
                       for name, title in actions.MENU_TITLES.items()}
        self._splitter = QSplitter()
        self._rest = QWidget()
        self._rest.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._place_of_library = QWidget()
        self._splitter.addWidget(self._place_of_library)
        self._splitter.addWidget(self._rest)
        self._splitter.setSizes([230, 1050])
        self.setCentralWidget(self._splitter)
        self._rest.setFocus()  # else the library takes the focus and opens its first row
        self.setStatusBar(QStatusBar())
        room = self.screen().availableGeometry()
        self.resize(min(1280, room.width()), min(800, room.height() - 40))  # a frame comes on top of it
        geometry: Any = self._geometry.value("geometry") if self._geometry is not None else None
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)

    def _place(self, view: QWidget, inspector: QWidget) -> None:
        self._splitter.addWidget(view)
        self._splitter.addWidget(inspector)
        if not self.library_panel.isAncestorOf(self.focusWidget()):
            self.view.waveform.setFocus()  # before its predecessor goes, else the library gets the focus
        self._rest.setParent(None)
        self._rest.deleteLater()
        self._splitter.setSizes([230, 820, 230])
        self._splitter.setStretchFactor(0, 0)
        self._splitter.setStretchFactor(1, 1)
        self._splitter.setStretchFactor(2, 0)
        self._splitter.setCollapsible(1, False)

    def _connect(self) -> None:
        workspace = self.workspace
        self.library_panel.import_requested.connect(self.import_files)
        self.library_panel.menu_requested.connect(self.show_library_menu)
        self.library_panel.chosen_changed.connect(self.show_library_rules)
        self.view.transport.transcribe_range_requested.connect(self.transcribe_range)
        self.view.open_video.clicked.connect(self.open_video)
        self.view.transport.play_range_requested.connect(self.play_range)
        for signal in (workspace.recording_changed, workspace.document_changed, workspace.range_changed,
                       workspace.jobs.changed, workspace.player.state_changed, workspace.key_changed):
            signal.connect(self._show_state)
        workspace.settings_changed.connect(self._apply_theme)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._apply_theme)
        workspace.imports.changed.connect(self._failed_import)
        workspace.imports.archive_found.connect(self.offer_archive)
        workspace.settings_wanted.connect(self.open_settings)
        workspace.heard_again.connect(self.show_rehearing)
        workspace.edits.state_changed.connect(self._show_history)
        workspace.place_wanted.connect(self.view.show_place)
        self.view.find_bar.preview_wanted.connect(self.show_replacements)
        workspace.edits.spliced.connect(lambda *_: self._name_speakers())
        workspace.edits.desk_changed.connect(self._show_state)

    def _restore(self) -> None:
        if self._geometry is None:
            return
        for name, splitter in (("columns", self._splitter), ("rows", self.view.splitter)):
            state: Any = self._geometry.value(name)
            if isinstance(state, QByteArray):
                splitter.restoreState(state)

    def _show_state(self) -> None:
        """Title, and which actions make sense now."""
        workspace = self.workspace
        recording, document, player = workspace.recording, workspace.document, workspace.player
        self._show_title()
        busy = recording is not None and workspace.jobs.of(recording.id) is not None
        rules = {
            "export": document is not None, "copy": document is not None, "rename_speaker": document is not None,
            "hear_again": document is not None and not busy,
            "remove_transcript": document is not None and not busy, "transcribe": recording is not None and not busy,
            "transcribe_range": workspace.range is not None and not busy,
            "translate": document is not None and workspace.has_key, "ask": recording is not None,
            "vocabulary": recording is not None,
            "continue": workspace.unfinished_job() is not None,
            "play_range": workspace.range is not None and player.can_play, "clear_range": workspace.range is not None,
            "zoom_range": workspace.range is not None, "loop": workspace.range is not None and player.can_play,
            "play_segment": document is not None and player.can_play,
            "play_around": player.can_play, "slow_repeat": player.can_play, "play_or_back": player.can_play,
            "mark": recording is not None or self.is_recording,
            **dict.fromkeys(("record_pause", "record_off", "record_stop"), self.is_recording),
            "on_record": bool(workspace.desk.withheld),
            "reveal": bool(workspace.desk.off_record), "off_record": recording is not None,
            "background": recording is not None, "import_transcript": recording is not None,
            **dict.fromkeys(_ON_LINES, document is not None)}
        self.show_library_rules()
        for name, rule in rules.items():
            self.actions_by_name[name].setEnabled(rule)
        self._show_history()
        self._name_speakers()
        for name in ("play", "back", "forward", "slower", "faster", "normal_speed", "go_to_time"):
            self.actions_by_name[name].setEnabled(player.can_play)
        icon = "pause" if player.is_playing else "play"
        self.actions_by_name["play"].setIcon(theme.icon(icon, self.palette().text().color()))

    def _show_history(self) -> None:
        """What would be taken back, by its name."""
        edits = self.workspace.edits
        for name, text in (("undo", edits.undo_text), ("redo", edits.redo_text)):
            action = self.actions_by_name[name]
            action.setEnabled(bool(text))
            title = actions.menu_text(actions.BY_NAME[name])
            action.setText(f"{title} {text}" if text else title)

    def _name_speakers(self) -> None:
        """The menu of speakers says their names."""
        document = self.workspace.document
        speakers = list(document.speakers.values()) if document else []
        for number in range(1, 10):
            action = self.actions_by_name[f"speaker_{number}"]
            action.setVisible(number <= len(speakers) + 1)
            if number <= len(speakers):
                action.setText(f"&{number}  {speakers[number - 1].name.replace('&', '&&')}")
            else:
                action.setText(self.tr("&{number}  Somebody new").format(number=number))

    def _apply_theme(self) -> None:
        application = QApplication.instance()
        if isinstance(application, QApplication):
            theme.apply(application, self.workspace.settings.theme)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange and self.is_complete:
            self._show_icons()
        super().changeEvent(event)

    def _show_icons(self) -> None:
        for entry in actions.ACTIONS:
            if entry.icon:
                self.actions_by_name[entry.name].setIcon(theme.icon(entry.icon, self.palette().text().color()))

    # -- keys that act only when nobody types ----------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and self.isActiveWindow() \
                and isinstance(watched, QWidget) and QApplication.activeModalWidget() is None \
                and QApplication.activePopupWidget() is None:
            return self._plain_key(event)
        return False

    def _plain_key(self, event: QKeyEvent) -> bool:
        focus = QApplication.focusWidget()
        if isinstance(focus, _TYPING) and not (isinstance(focus, QPlainTextEdit) and focus.isReadOnly()):
            return False
        if event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier):
            return False
        text = "Space" if event.key() == Qt.Key.Key_Space else event.text().upper()
        if text == "Space" and isinstance(focus, QAbstractButton | QComboBox):
            return False  # the focused button is meant
        for entry in actions.ACTIONS:
            if text and text in entry.plain_keys:
                self.actions_by_name[entry.name].trigger()
                return True
        return False

    # -- drag and drop ---------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self.has_library and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        self.import_paths(paths)
        event.acceptProposedAction()

    def import_paths(self, paths: list[Path]) -> None:
        """Take files and folders in, however they came."""
        if paths:
            self.workspace.imports.add(paths)

    def _failed_import(self) -> None:
        """A file that could not be taken is chosen in the list, so that its sentence is seen."""
        failed = [item for item in self.workspace.imports.items if item.error is not None]
        running = [item for item in self.workspace.imports.items if item.error is None]
        current = self.library_panel.view.currentIndex()
        if failed and not running and not current.isValid():
            row = self.workspace.imports.items.index(failed[-1])
            self.library_panel.view.setCurrentIndex(self.library_panel.model.index(row))

    # -- verbs: files ----------------------------------------------------------------------------------------

    def import_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, self.tr("Import recordings"), "", self.tr(
            "Audio and video (*.wav *.mp3 *.m4a *.aac *.aif *.aiff *.flac *.ogg *.opus *.wma *.amr *.caf *.webm *.mp4 "
            "*.mov *.mkv *.mka *.3gp);;All files (*)"))
        self.import_paths([Path(name) for name in names])

    def import_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, self.tr("Import a folder of recordings"))
        if name:
            self.import_paths([Path(name)])

    def add_video(self) -> None:
        text, fine = QInputDialog.getText(self, self.tr("Add YouTube address"), self.tr(
            "Address of a public video. Nothing is asked or sent until you transcribe it or ask about it."),
            QLineEdit.EchoMode.Normal, "https://www.youtube.com/watch?v=")
        if fine:
            self.workspace.add_video(text)

    def open_video(self) -> None:
        """In the browser, at the selected line."""
        from desktop.videos import address_at

        recording, segment = self.workspace.recording, self.workspace.segment(self.workspace.selected)
        if recording is not None and recording.address:
            QDesktopServices.openUrl(QUrl(address_at(recording, segment.start if segment else 0.0)))

    def export_transcript(self) -> None:
        from desktop.exporting import file_name
        from desktop.ui.export_dialog import ExportDialog

        if self.workspace.document is None:
            return
        dialog = ExportDialog(self.workspace, self)
        if not dialog.exec():
            return
        ending = dialog.ending
        name, _ = QFileDialog.getSaveFileName(self, self.tr("Save transcript as"), file_name(
            self.workspace.document.recording.title, ending), f"*.{ending}")
        if name:
            self.save_export(dialog.content, Path(name))

    def save_export(self, content: bytes, path: Path) -> None:
        """Write what the preview showed; the file dialog has asked before replacing."""
        from desktop.errors import UserError
        from desktop.exporting import write

        try:
            write(content, path, overwrite=True)
        except UserError as error:
            self.workspace.show_error(error)
        else:
            self.workspace.tell(self.tr("Saved as {path}").format(path=path))

    def copy_selection(self) -> None:
        """The chosen lines, or the text selected in the editor; never what is off the record."""
        from desktop.exports.lines import one_line
        from desktop.model import clock
        from desktop.withholding import release

        document, focus = self.workspace.document, QApplication.focusWidget()
        if document is None or isinstance(focus, QPlainTextEdit | QLineEdit):
            if isinstance(focus, QPlainTextEdit | QLineEdit):
                focus.copy()
            return
        chosen = {s.id for row in self.view.transcript.selected_rows() if (s := document.segments[row])}
        released = release(document)
        lines = []
        for segment in released.segments:
            if segment.id in chosen:
                name = released.speaker_name(segment)
                lines.append(f"[{clock(segment.start)}] {name + ': ' if name else ''}{one_line(segment.text)}")
        if lines:
            QGuiApplication.clipboard().setText("\n".join(lines))

    # -- verbs: transcribing ---------------------------------------------------------------------------------

    def transcribe(self) -> None:
        self._ask_and_transcribe(None)

    def transcribe_range(self) -> None:
        if self.workspace.range is not None:
            self._ask_and_transcribe(self.workspace.range)

    def _ask_and_transcribe(self, time_range: TimeRange | None) -> None:
        from desktop.ui.dialogs import TranscribeDialog

        recording = self.workspace.recording
        if recording is None:
            return
        dialog = TranscribeDialog(self.workspace, time_range, self, self.may_send)
        if dialog.exec():
            self.start_transcription(dialog.options())

    def hear_again(self) -> None:
        """The range, else the selected line, once more, with either engine; then old and new are compared."""
        from desktop.engines import ENGINES
        from desktop.model import TimeRange
        from desktop.ui.dialogs import TranscribeDialog

        recording, segment = self.workspace.recording, self.workspace.segment(self.workspace.selected)
        time_range = self.workspace.range
        if time_range is None and segment is not None and recording is not None:
            time_range = TimeRange(segment.start - 0.3, segment.end + 0.3).clamped(recording.reach)
        if recording is None or self.workspace.document is None or time_range is None:
            self.workspace.tell(self.tr("Choose a line or a range first, then hear it again."))
            return
        dialog = TranscribeDialog(self.workspace, time_range, self, self.may_send)
        dialog.setWindowTitle(self.tr("Hear again"))
        if dialog.exec():
            options = dialog.options()
            if not ENGINES[options.engine].abilities.sends_audio or self._may_upload():
                self.workspace.noticed.emit(None)
                self.workspace.hear_again(options)

    def show_rehearing(self, old: TranscriptDocument, new: TranscriptDocument) -> None:
        """Old and new beside each other."""
        from desktop.ui.rehearing_dialog import RehearingDialog

        RehearingDialog(self.workspace, old, new, self).open()

    def start_transcription(self, options: Options) -> None:
        """Start a run; before the first upload ever, say what leaves and ask."""
        from desktop.engines import ENGINES

        recording = self.workspace.recording
        if recording is None or (ENGINES[options.engine].abilities.sends_audio and not self._may_upload()):
            return
        if ENGINES[options.engine].abilities.translation:
            self.workspace.change_settings(translate_to=options.translate_to)
        self.workspace.noticed.emit(None)
        self.workspace.jobs.start(recording, options, consent=True)  # the dialog said what is sent

    def _may_upload(self) -> bool:
        from desktop.ui.dialogs import PrivacyDialog

        if self.workspace.settings.privacy_accepted:
            return True
        dialog = PrivacyDialog(True, self)
        if not dialog.exec():
            return False
        self.workspace.change_settings(privacy_accepted=dialog.today())
        return True

    def continue_job(self) -> None:
        from desktop.engines import ENGINES

        job = self.workspace.unfinished_job()
        if job is not None and (not ENGINES[job.engine].abilities.sends_audio or not self.workspace.has_key
                                or self.may_send()):  # without a key the job itself says what is missing
            self.workspace.noticed.emit(None)
            self.workspace.jobs.resume(job, consent=True)

    def may_send(self, what: str = "") -> bool:
        """Ask as the open recording's protection wants it, and before the first upload ever; says why not."""
        from desktop.model import Protection

        recording = self.workspace.recording
        if recording is None or not self._may_upload():
            return False
        if recording.protection is Protection.ASK:
            return sure(self, self.tr("Send to Gemini"), self.tr(
                "{what} of “{title}” will be sent to {host}. Its name is not sent. You can change this question in the "
                "Details tab.").format(what=what or self.tr("The missing parts"), title=recording.title,
                                       host=self.workspace.host), self.tr("Send"))
        return True  # “never upload” is refused below the window, with its sentence

    def ask(self) -> None:
        """Show where to ask, ready to type."""
        self.inspector.setCurrentWidget(self.inspector.ask)
        self.inspector.ask.line.setFocus()

    def go_to_place(self, seconds: float, segment_id: int) -> None:
        """Select and play what a receipt points to."""
        document = self.workspace.document
        segments = document.segments if document else ()
        row = next((i for i, s in enumerate(segments) if s.id == segment_id and segment_id), -1)
        if row < 0:
            row = next((i for i, s in enumerate(segments) if s.start <= seconds < s.end), -1)
        self.workspace.select(row)
        if self.workspace.player.can_play:
            self.workspace.player.play(seconds)

    def translate(self) -> None:
        """All lines, or those that are chosen; from their words only."""
        from desktop.ui.dialogs import TranslateDialog

        document = self.workspace.document
        if document is None or not document.segments:
            return
        rows = sorted({index.row() for index in self.view.transcript.selectedIndexes()})
        shown = document.transcript.translate_to or self.workspace.settings.translate_to
        dialog = TranslateDialog(shown, len(rows), self)
        if dialog.exec() and self.may_send(self.tr("The words of these lines")):
            only = [document.segments[row].id for row in rows] if dialog.only_chosen else None
            self.workspace.translate(dialog.language, only)

    # -- verbs: the desk's dialogs ---------------------------------------------------------------------------

    def find(self) -> None:
        self.view.open_find(replacing=False)

    def find_and_replace(self) -> None:
        self.view.open_find(replacing=True)

    def search_everything(self) -> None:
        from desktop.ui.search_window import SearchWindow

        self.view.transcript.commit()
        window = SearchWindow(self.workspace, self)
        window.place_wanted.connect(self.go_to_quoted)
        window.show()

    def review(self) -> None:
        self.view.open_review()

    def show_replacements(self, found: list[Any]) -> None:
        from desktop.ui.replace_dialog import ReplaceDialog

        ReplaceDialog(self.workspace, found, self).open()

    def show_versions(self) -> None:
        from desktop.ui.versions_dialog import VersionsDialog

        self.view.transcript.commit()
        VersionsDialog(self.workspace, self).open()

    def show_backups(self) -> None:
        from desktop.ui.restore_dialog import RestoreDialog

        dialog = RestoreDialog(self.workspace.library.folder, self, problem=self.damage)
        dialog.chosen.connect(self._leave_for)
        dialog.open()

    def _leave_for(self, choice: Choice) -> None:
        """Done when the library is closed (see application.py); then the program starts again."""
        self.afterwards = choice
        if not self.close():
            self.afterwards = None

    def check_quotes(self) -> None:
        from desktop.ui.quote_check_dialog import QuoteCheckDialog

        self.view.transcript.commit()
        dialog = QuoteCheckDialog(self.workspace, self)
        dialog.place_wanted.connect(self.go_to_quoted)
        dialog.show()

    def go_to_quoted(self, recording_id: int, transcript_id: int, start: float, end: float, segment_id: int) -> None:
        """Open what a row of the quote check points to, and play it."""
        from desktop.model import TimeRange

        self.workspace.go_to(recording_id, transcript_id, TimeRange(start, end))

    def import_transcript(self) -> None:
        """A transcript from a file, for the open recording."""
        name, _ = QFileDialog.getOpenFileName(self, self.tr("Import a transcript"), "", self.tr(
            "Transcripts (*.srt *.vtt *.json *.otr);;All files (*)"))
        if name:
            self.workspace.import_transcript(Path(name))

    def export_quotes(self) -> None:
        """All quotes of the recording as one file."""
        from desktop.exporting import file_name, render_quotes

        document, recording = self.workspace.document, self.workspace.recording
        if document is None or recording is None:
            return
        kinds = {self.tr("Word document (*.docx)"): "docx", self.tr("Markdown (*.md)"): "md",
                 self.tr("Table (*.csv)"): "csv"}
        name, kind = QFileDialog.getSaveFileName(self, self.tr("Save quotes as"), file_name(
            self.tr("{title} quotes").format(title=recording.title), "docx"), ";;".join(kinds))
        if name:
            ending = Path(name).suffix[1:].lower()
            chosen = ending if ending in kinds.values() else kinds.get(kind, "docx")
            self.save_export(render_quotes(document, chosen), Path(name))

    def save_clip(self, quote: Quote | None) -> None:
        """The sound of a quote as a file."""
        from desktop.exporting import file_name
        from desktop.model import clock

        recording = self.workspace.recording
        if quote is None or recording is None:
            return
        kinds = {self.tr("WAV (*.wav)"): "wav", self.tr("FLAC (*.flac)"): "flac", self.tr("MP3 (*.mp3)"): "mp3"}
        name, kind = QFileDialog.getSaveFileName(self, self.tr("Save the sound of the quote as"), file_name(
            f"{recording.title} {clock(quote.range.start).replace(':', '.')}", "wav"), ";;".join(kinds))
        if name:
            ending = Path(name).suffix[1:].lower()
            self.workspace.save_clip(quote.range, ending if ending in kinds.values() else kinds.get(kind, "wav"),
                                     Path(name))

    def edit_vocabulary(self) -> None:
        """Names and terms that engines are told of."""
        from desktop.ui.vocabulary_dialog import VocabularyDialog

        if self.workspace.recording is not None:
            VocabularyDialog(self.workspace, self).exec()

    # -- verbs: names ----------------------------------------------------------------------------------------

    def rename_speaker(self) -> None:
        """Of the chosen line."""
        segment = self.workspace.segment(self.workspace.selected)
        if segment is None or segment.speaker_id is None:
            self.workspace.tell(self.tr("Choose a line of the speaker first, then rename."))
            return
        self.rename_this_speaker(segment.speaker_id)

    def rename_this_speaker(self, speaker_id: int) -> None:
        from desktop.ui.names_panel import RenameDialog

        document = self.workspace.document
        self.view.transcript.commit()
        if document is not None and speaker_id in document.speakers:
            RenameDialog(self.workspace, document, speaker_id, self).exec()

    def remove_transcript(self) -> None:
        document = self.workspace.document
        if document is not None and sure(self, self.tr("Remove transcript"), self.tr(
                "Remove this transcript? The recording and its other transcripts stay."), self.tr("Remove")):
            self.workspace.remove_transcript(document.transcript.id)

    # -- verbs: view and help --------------------------------------------------------------------------------

    def go_to_time(self) -> None:
        from desktop.model import clock, parse_clock

        text, fine = QInputDialog.getText(self, self.tr("Go to time"), self.tr("Time, for example 2:30 or 1:02:30.5"),
                                          QLineEdit.EchoMode.Normal, clock(self.workspace.player.position()))
        if not fine:
            return
        try:
            self.view.seek(parse_clock(text))
        except ValueError:
            self.workspace.tell(self.tr("“{text}” is not a time. Write it as 2:30 or 1:02:30.5.").format(
                text=text[:40]), is_error=True)

    def toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def open_settings(self) -> None:
        from desktop.ui.settings_dialog import SettingsDialog

        SettingsDialog(self.workspace, self).exec()

    def show_shortcuts(self) -> None:
        from desktop.ui.keys_dialog import KeysDialog

        KeysDialog(self.workspace, self.actions_by_name, self).exec()

    def show_privacy(self) -> None:
        from desktop.ui.dialogs import PrivacyDialog

        PrivacyDialog(False, self).exec()

    def show_changes(self) -> None:
        self._show_text(self.tr("What is new"), (RESOURCES / "changes.md").read_text("utf-8"))

    def show_about(self) -> None:
        self._show_text(self.tr("About Pullquote"), self.tr(
            "Pullquote {version}\n\nFrom interview to quote you can stand behind.\n\n"
            "Free software under the GNU General Public License, version 3 or later, without any warranty.\n"
            "Icons: Lucide (ISC). Decoding: FFmpeg through PyAV. On-device speech: faster-whisper.").format(
                version=__version__))

    def _show_text(self, title: str, text: str) -> None:
        from desktop.ui.dialogs import TextDialog

        TextDialog(title, text, self).exec()

    # -- leaving ---------------------------------------------------------------------------------------------

    def may_stop_jobs(self) -> bool:
        """Ask once before quitting in the middle of a transcript."""
        return sure(self, self.tr("Quit Pullquote"), self.tr(
            "A transcript is being made. What has been heard is kept and the rest can be continued later, but the part "
            "that is being heard now is lost, also when it was paid for."), self.tr("Quit now"))

    def may_lose_edits(self) -> bool:
        """Ask before quitting when the library could not be written."""
        return sure(self, self.tr("Quit Pullquote"), self.tr(
            "Your latest edits could not be written to the library (see the message in the window). If you quit now, "
            "they are lost."), self.tr("Quit and lose them"))

    def last_recording(self) -> int:
        """Id of the recording that was open when the program was last closed; 0 when none."""
        value: Any = self._geometry.value("recording", 0) if self._geometry is not None else 0
        return int(value) if str(value).isdigit() else 0

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop everything; what is unfinished is continued at the next start."""
        if not self.has_library:
            event.accept()
            return
        asks = self.asks_before_it_ends
        if asks and self.workspace.jobs.running and not self.may_stop_jobs():
            event.ignore()
            return
        if asks and self.is_recording and not self.may_stop_recording():
            event.ignore()
            return
        if self.is_complete:
            self.view.transcript.commit()
            self.inspector.details.keep()
        if not self.workspace.edits.saver.close() and asks and not self.may_lose_edits():
            event.ignore()
            return
        self.end_recording()
        self.workspace.player.pause()
        self.workspace.tasks.stop_all()
        for talker in (self.workspace, self.workspace.edits):
            talker.blockSignals(True)  # a job that ends late has nobody left to tell: the widgets are going
        if self._geometry is not None:
            if self.workspace.recording is not None:
                self._geometry.setValue("recording", self.workspace.recording.id)
            self._geometry.setValue("geometry", self.saveGeometry())
            if self.is_complete:
                self._geometry.setValue("columns", self._splitter.saveState())
                self._geometry.setValue("rows", self.view.splitter.saveState())
        event.accept()
