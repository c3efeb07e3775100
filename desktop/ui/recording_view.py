"""The middle of the window: title, banner, overview, waveform, transport, transcript."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QFont, QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.audio.cache import CacheFiles
from desktop.audio.peaks import Peaks
from desktop.editing import Splice
from desktop.engines import ENGINES
from desktop.engines.gemini_errors import SENTENCES
from desktop.errors import LibraryError
from desktop.model import Recording, RecordingState, TimeRange, TranscriptDocument, clock
from desktop.ui.banner import Banner
from desktop.ui.find_bar import FindBar
from desktop.ui.inspector import engine_name
from desktop.ui.overview_strip import OverviewStrip
from desktop.ui.transcript_panel import PlayingWord, TranscriptView
from desktop.ui.transport_bar import TransportBar
from desktop.ui.wave_detail import WaveDetail
from desktop.ui.waveform_view import WaveformView
from desktop.ui.words import ElidedLabel, choice_box, label, translated
from desktop.ui.workspace import Notice, Workspace
from desktop.withholding import without

if TYPE_CHECKING:
    from desktop.ui.review_bar import ReviewBar

_ANY_HEIGHT = 16_777_215  # Qt's own "no limit"
_TICK = 30  # milliseconds between two looks at the player


def _length(recording: Recording) -> str:
    return clock(recording.duration) if not recording.address else "YouTube"


class RecordingView(QWidget):
    """Connects the views with the workspace; selecting in either view selects in the other."""

    def __init__(self, workspace: Workspace, actions: dict[str, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._actions = workspace, actions
        self.title = ElidedLabel()
        self.facts = label("")
        self.transcript_choice = choice_box(self.tr("Transcript shown"))
        self.transcript_choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.transcribe_button = QPushButton(self.tr("Transcribe…"))
        self.banner = Banner()
        self.waveform = WaveformView()
        self.overview = OverviewStrip(self.waveform)
        self.transport = TransportBar(workspace, actions)
        self.transcript = TranscriptView(is_command=self._is_command)
        self.find_bar = FindBar(workspace, self.transcript)
        self.review_bar: ReviewBar | None = None  # made when it is first wanted
        self.follow_button = QPushButton(self.tr("Back to the playing line"))
        for button in (self.transcribe_button, self.follow_button):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click must not take Space away from playing
        self._empty = label("", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty_button = QPushButton(self.tr("Import…"))
        self.open_video: QPushButton = QPushButton(self.tr("Open in the browser"))
        self._video = QWidget()
        self._lower = QStackedWidget()
        self._detail = WaveDetail()
        self._words = PlayingWord()
        self._facts_later = QTimer(self)
        self._facts_later.setSingleShot(True)
        self._facts_later.setInterval(300)
        self._ticker = QTimer(self)
        self._ticker.setInterval(_TICK)
        self._build()
        self._connect()
        self.show_recording()

    def _build(self) -> None:
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.25)
        font.setBold(True)
        self.title.setFont(font)
        self.facts.setForegroundRole(self.palette().ColorRole.PlaceholderText)
        head = QHBoxLayout()
        head.setContentsMargins(8, 4, 8, 0)
        head.addWidget(self.title, 1)
        for widget in (self.facts, self.transcript_choice, self.transcribe_button):
            head.addWidget(widget)
        upper = QWidget()
        waves = QVBoxLayout(upper)
        waves.setContentsMargins(0, 0, 0, 0)
        waves.setSpacing(2)
        waves.addWidget(self._video_page())
        waves.addWidget(self.overview)
        waves.addWidget(self.waveform, 1)
        waves.addWidget(self.transport)
        self._lower.addWidget(self.transcript)
        self._lower.addWidget(self._empty_page())
        below = QWidget()
        self._bars = lower = QVBoxLayout(below)
        lower.setContentsMargins(0, 0, 0, 0)
        lower.addWidget(self.find_bar)
        lower.addWidget(self._lower)
        lower.addWidget(self.follow_button, 0, Qt.AlignmentFlag.AlignHCenter)
        self.follow_button.hide()
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self._upper = upper
        self.splitter.addWidget(upper)
        self.splitter.addWidget(below)
        self.splitter.setStretchFactor(0, 2)
        self.splitter.setStretchFactor(1, 3)
        self.splitter.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addLayout(head)
        layout.addWidget(self.banner)
        layout.addWidget(self.splitter, 1)

    def show_above(self, widget: QWidget) -> None:
        """Put something above all that belongs to the open recording."""
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(0, widget)

    def _video_page(self) -> QWidget:
        layout = QVBoxLayout(self._video)
        layout.addWidget(label(self.tr(
            "This is a video on YouTube. Its sound is not on this computer, so there is no waveform and nothing to "
            "play here: Gemini watches it at its address, as a whole or the range that you write below. Times are as "
            "exact as Gemini gives them, about a second. For a waveform and exact times, import a file of it."),
            wrap=True))
        layout.addWidget(self.open_video, 0, Qt.AlignmentFlag.AlignLeft)
        return self._video

    def _empty_page(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.addStretch(1)
        layout.addWidget(self._empty)
        layout.addWidget(self._empty_button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(2)
        return page

    def _connect(self) -> None:
        workspace, wave, transcript = self._workspace, self.waveform, self.transcript
        workspace.recording_changed.connect(self.show_recording)
        workspace.picture_changed.connect(self.show_picture)
        workspace.document_changed.connect(self.show_document)
        workspace.shown_changed.connect(self._show_masked)
        workspace.edits.spliced.connect(self._splice)
        workspace.edits.desk_changed.connect(self._show_desk)
        workspace.range_changed.connect(self._show_range)
        workspace.gaps_changed.connect(self._show_gaps)
        workspace.segment_selected.connect(self._show_selected)
        workspace.noticed.connect(self.banner.show_notice)
        workspace.jobs.changed.connect(self._show_lower)
        workspace.jobs.changed.connect(self._show_parts)
        workspace.jobs.progressed.connect(lambda _: self._show_parts())
        workspace.key_changed.connect(self._show_lower)
        workspace.player.state_changed.connect(self._player_changed)
        workspace.player.unavailable.connect(self._no_sound)
        wave.seek_requested.connect(self.seek)
        wave.range_requested.connect(workspace.set_range)
        wave.segment_requested.connect(workspace.select)
        wave.play_segment_requested.connect(self.play_segment)
        wave.gap_requested.connect(self._choose_gap)
        transcript.selectionModel().currentChanged.connect(lambda index, _: workspace.select(index.row()))
        transcript.play_requested.connect(workspace.player.play)
        transcript.play_segment_requested.connect(self.play_segment)
        transcript.text_edited.connect(workspace.edits.type_text)
        transcript.undo_wanted.connect(lambda redo: workspace.edits.redo() if redo else workspace.edits.undo())
        transcript.edit_refused.connect(lambda _: self._say_refused())
        workspace.giving_way.connect(transcript.commit)
        transcript.may_leave = lambda segment: without(segment, workspace.desk.off_record) is segment
        transcript.speaker_requested.connect(lambda _: self._actions["rename_speaker"].trigger())
        wave.edges_moved.connect(workspace.edits.retime)
        wave.nudge_requested.connect(workspace.edits.nudge)
        transcript.following_changed.connect(lambda _: self._show_follow())
        self.follow_button.clicked.connect(transcript.follow)
        self.find_bar.closed.connect(transcript.setFocus)
        self.transcript_choice.activated.connect(
            lambda row: workspace.show_transcript(int(self.transcript_choice.itemData(row))))
        self.transcribe_button.clicked.connect(lambda: self._actions["transcribe"].trigger())
        self._empty_button.clicked.connect(lambda: self._actions[
            "transcribe" if workspace.recording else "import"].trigger())
        self._ticker.timeout.connect(self._tick)
        self._facts_later.timeout.connect(self._show_facts)

    # -- showing ---------------------------------------------------------------------------------------------

    def show_recording(self) -> None:
        """Another recording, or none."""
        recording, coming = self._workspace.recording, self._workspace.watched_import
        self._detail.close()
        self._detail = WaveDetail()
        self.waveform.set_detail(self._detail)
        self.title.setText(recording.title if recording else coming.title if coming else "")
        self.facts.setText(_length(recording) if recording else "")
        is_video = recording is not None and bool(recording.address)
        self._video.setVisible(is_video)
        for widget in (self.overview, self.waveform, *self.transport.for_sound):
            widget.setVisible(not is_video)
        self._upper.setMaximumHeight(self.fontMetrics().lineSpacing() * 11 if is_video else _ANY_HEIGHT)
        self.waveform.set_duration(recording.duration if recording else 0.0)
        self.waveform.set_playhead(0.0)
        self.show_picture(self._workspace.picture)
        self._show_range()
        self._show_lower()
        self._show_parts()

    def show_picture(self, picture: object) -> None:
        """The waveform has become known, or sharper."""
        peaks = picture if isinstance(picture, Peaks) else getattr(picture, "peaks", None)
        overview = getattr(picture, "overview", None)
        if overview is None and peaks is not None and not isinstance(picture, Peaks):
            overview = self.waveform.overview_so_far()
        seconds = getattr(picture, "seconds", 0.0)
        if seconds:
            self.waveform.set_duration(seconds)
        self.waveform.set_picture(peaks, overview)
        self.overview.set_picture(peaks, overview)
        self._upper.setVisible(self._workspace.recording is not None or self.waveform.scale.duration > 0)
        recording = self._workspace.recording
        if isinstance(picture, Peaks) and recording is not None and recording.state is RecordingState.READY:
            self._detail = WaveDetail(CacheFiles(self._workspace.cache, recording.sha256).copy)
            self.waveform.set_detail(self._detail)

    def show_document(self) -> None:
        """Another transcript, or more of it."""
        document = self._workspace.document
        self._show_lines()
        self._show_desk()
        self.transcript.may_edit = not self._workspace.library.read_only_because
        self.overview.set_missing(document.transcript.missing if document else ())
        self.transcript_choice.blockSignals(True)
        self.transcript_choice.clear()
        for transcript in self._workspace.transcripts:
            text = engine_name(transcript.engine, transcript.model)
            if self._workspace.recording and transcript.range.seconds < self._workspace.recording.duration - 0.1:
                text += f"  ({clock(transcript.range.start)} – {clock(transcript.range.end)})"
            self.transcript_choice.addItem(text, transcript.id)
        if document is not None:
            self.transcript_choice.setCurrentIndex(self.transcript_choice.findData(document.transcript.id))
        self.transcript_choice.blockSignals(False)
        self._show_facts()
        self._show_lower()
        self._offer_rest()
        self._tick()

    def _is_command(self, keys: QKeySequence) -> bool:
        """Whether a key belongs to the action table; then it is no text."""
        return any(keys in action.shortcuts() for action in self._actions.values())

    def _show_lines(self) -> None:
        self.transcript.set_document(self._workspace.shown)
        self.waveform.set_document(self._workspace.shown)

    def _show_masked(self) -> None:
        """The same lines, with other words hidden; the chosen one stays chosen."""
        chosen = self._workspace.selected
        self._show_lines()
        if 0 <= chosen < self.transcript.segments.rowCount():
            self.transcript.choose(chosen)

    def _splice(self, document: TranscriptDocument, splice: Splice) -> None:
        """Some lines were edited; the chosen line stays the same one, wherever it stands now."""
        chosen = self.transcript.segments.segment(self._workspace.selected)
        self.transcript.splice(document, splice)
        self.waveform.splice(document, splice)
        row = self.transcript.segments.row_with(chosen.id) if chosen is not None else -1
        self._workspace.select(row if row >= 0 else self.transcript.currentIndex().row())
        if row >= 0 and self.transcript.currentIndex().row() != row:
            self.transcript.choose(row)
        self.overview.update()
        self._facts_later.start()
        if not document.segments or self._lower.currentIndex() != 0:
            self._show_lower()

    def _show_desk(self) -> None:
        self.waveform.set_desk(self._workspace.desk)
        self.overview.update()

    def _say_refused(self) -> None:
        """Why a line is not edited: the library says so itself, else it is hidden."""
        if self._workspace.edits.may_edit():
            self._workspace.tell(self.tr(
                "This is off the record. Reveal it first to read or change it; it stays out of everything that "
                "leaves."), action=self.tr("Reveal"), verb=self._actions["reveal"].trigger)

    def _show_gaps(self) -> None:
        self.waveform.set_gaps(self._workspace.gaps)
        self._show_facts()

    def _choose_gap(self, gap: TimeRange) -> None:
        """Speech without text: make it the range, a little wider, and offer to hear it again."""
        recording = self._workspace.recording
        if recording is None:
            return
        wider = TimeRange(gap.start - 0.5, gap.end + 0.5).clamped(recording.duration)
        self._workspace.set_range(wider)
        self._workspace.tell(
            self.tr("Somebody seems to speak from {start} to {end}, and no line covers it.").format(
                start=clock(gap.start), end=clock(gap.end)),
            action=self.tr("Hear this again…"), verb=self._actions["hear_again"].trigger,
            second_action=self.tr("Play"), second_verb=self._actions["play_range"].trigger)

    def _show_facts(self) -> None:
        recording, document = self._workspace.recording, self._workspace.document
        if recording is None:
            return
        facts = [_length(recording)]
        if document is not None:
            count = len(document.speakers)
            facts.append(self.tr("1 speaker") if count == 1 else self.tr("{count} speakers").format(count=count))
            languages = sorted({s.language for s in document.segments if s.language})
            facts += [", ".join(languages[:4])] if languages else []
            gaps = len(self._workspace.gaps)
            facts += [self.tr("1 gap") if gaps == 1 else self.tr("{count} gaps").format(count=gaps)] if gaps else []
        self.facts.setText("  ·  ".join(facts))

    def _offer_rest(self) -> None:
        job = self._workspace.unfinished_job()
        if job is None:
            return
        missing = self._workspace.document.transcript.missing if self._workspace.document else ()
        text = self.tr("Not transcribed yet: {ranges}.").format(
            ranges=", ".join(f"{clock(gap.start)} – {clock(gap.end)}" for gap in missing[:3]))
        problem = translated(job.problem)
        keyed = ENGINES[job.engine].abilities.sends_audio if job.engine in ENGINES else False
        second = self.tr("Open settings") if problem and keyed else ""
        verb: Callable[[], object] = self._workspace.settings_wanted.emit
        other = self._workspace.settings.replacement(self._workspace.settings.gemini_model)
        if other and job.problem == SENTENCES["model"]:
            second, verb = self.tr("Use {model}").format(model=other), partial(self._workspace.use_model, other)
        self.banner.show_notice(Notice(f"{problem} {text}" if problem else text, bool(problem), self.tr("Continue"),
                                       self._actions["continue"].trigger, second, verb))

    def _show_lower(self) -> None:
        workspace = self._workspace
        document, recording = workspace.document, workspace.recording
        has_lines = document is not None and bool(document.segments)
        self._lower.setCurrentIndex(0 if has_lines else 1)
        self._upper.setVisible(recording is not None or self.waveform.scale.duration > 0)
        self.transcript_choice.setVisible(self.transcript_choice.count() > 0)
        busy = recording is not None and workspace.jobs.of(recording.id) is not None
        self.transcribe_button.setVisible(recording is not None)
        self.transcribe_button.setEnabled(not busy)
        if busy:
            text = self.tr("Listening… The first lines appear here as soon as the first part has been heard.")
        elif workspace.watched_import is not None:
            text = self.tr("This file is being imported; the waveform sharpens as it is read.")
        elif recording is None:
            text = self.tr("Drop an interview here, or import a file.\nAudio and video files of nearly every kind "
                           "are taken; the original is never changed.")
        else:
            text = self.tr("This video has no transcript yet.") if recording.address else self.tr(
                "This recording has no transcript yet.")
            text += "" if workspace.has_key or recording.address else "\n" + self.tr(
                "No Gemini key is set: it will be transcribed on this computer, and nothing leaves it.")
        self._empty.setText(text)
        self._empty_button.setText(self.tr("Transcribe…") if recording else self.tr("Import…"))
        self._empty_button.setVisible(not busy and workspace.watched_import is None)

    def _show_parts(self) -> None:
        """Where each part of the running job stands."""
        recording = self._workspace.recording
        entry = self._workspace.jobs.of(recording.id) if recording is not None else None
        try:
            parts = self._workspace.library.job(entry.job_id).parts if entry is not None and entry.job_id else ()
        except LibraryError:
            parts = ()
        self.overview.set_parts(parts if len(parts) > 1 else ())

    def _show_range(self) -> None:
        self.waveform.set_range(self._workspace.range)
        self.overview.update()

    def _show_selected(self, index: int) -> None:
        self.waveform.set_selected(index)
        segment = self._workspace.segment(index)
        if segment is not None and not self._workspace.player.is_playing:
            self.waveform.reveal(segment.start)
        transcript = self.transcript
        if transcript.is_editing and index != transcript.editing_row and not transcript.editor.hasFocus():
            transcript.close_editor()  # keys mean the line that is framed
        if index < 0:
            self.transcript.selectionModel().clearCurrentIndex()
        elif self.transcript.currentIndex().row() != index:
            self.transcript.choose(index)
            self.transcript.reveal(index)

    def _no_sound(self) -> None:
        self._workspace.tell(self.tr(
            "No sound output was found: the position moves, but nothing sounds. Connect a loudspeaker or headphones "
            "and play again."), is_error=True)

    def open_find(self, *, replacing: bool) -> None:
        """Look for something, beginning with what is selected in the line."""
        self.transcript.commit()
        if self.review_bar is not None:
            self.review_bar.hide()
        chosen = self.transcript.selected_text()
        segment = self.transcript.segments.segment(chosen[0]) if chosen else None
        text = segment.text[chosen[1]:chosen[2]] if segment is not None and chosen is not None else ""
        self.find_bar.open_bar(replacing=replacing, text=text if "\n" not in text else "")

    def open_review(self) -> None:
        """One doubtful line after the other."""
        from desktop.ui.review_bar import ReviewBar

        self.transcript.commit()
        self.find_bar.hide()
        if self.review_bar is None:
            self.review_bar = ReviewBar(self._workspace, self.transcript)
            self.review_bar.closed.connect(self.transcript.setFocus)
            self.review_bar.play_requested.connect(self.play_segment)
            self._bars.insertWidget(0, self.review_bar)
        self.review_bar.open_bar()

    def show_place(self, seconds: float) -> None:
        """Bring a moment into view everywhere."""
        self.waveform.reveal(seconds)
        self._workspace.select(self.waveform.lane.at(seconds))
        self._tick()

    # -- playing ---------------------------------------------------------------------------------------------

    def seek(self, seconds: float) -> None:
        """Move the playhead, and the waveform with it where that is needed."""
        self._workspace.player.seek(seconds)
        self.waveform.reveal(seconds)
        self._tick()

    def play_segment(self, index: int) -> None:
        """Play one segment, exactly."""
        segment = self._workspace.segment(index)
        if segment is not None:
            self._workspace.select(index)
            self._workspace.player.play(segment.start, until=max(segment.end, segment.start + 0.2))

    def playing_row(self) -> int:
        """The segment that sounds now; -1 between segments."""
        return self.waveform.lane.at(self._workspace.player.position())

    def _player_changed(self) -> None:
        if self._workspace.player.is_playing:
            self._ticker.start()
        else:
            self._ticker.stop()
        self._tick()
        self._show_follow()

    def _tick(self) -> None:
        player = self._workspace.player
        position = player.position()
        self.waveform.set_playhead(position, follow=player.is_playing and self.transcript.is_following)
        self.overview.update()
        self.transport.show_position(position)
        row = self.playing_row()
        if row >= 0 or not player.is_playing:
            self.transcript.set_playing(row)
        self.transcript.set_playing_word(self._words.at(self.transcript.segments.segment(row), position)
                                         if player.is_playing else None)

    def _show_follow(self) -> None:
        self.follow_button.setVisible(self._workspace.player.is_playing and not self.transcript.is_following)
