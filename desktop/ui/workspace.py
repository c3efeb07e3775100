"""The Workspace: what is open, the verbs on it, and the signals that tell of changes. Panels know only this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop import settings as settings_file
from desktop.api_key import ApiKey, KeyReading, KeyState
from desktop.engines import ENGINES
from desktop.errors import Cancelled, EngineError, PullquoteError
from desktop.library import Library
from desktop.model import (
    Desk,
    Job,
    Progress,
    Proposal,
    Recording,
    RecordingState,
    Segment,
    TimeRange,
    Transcript,
    TranscriptDocument,
)
from desktop.sentences import say
from desktop.settings import Settings
from desktop.ui.edits import Edits
from desktop.ui.imports import ImportItem, Imports
from desktop.ui.jobs import Jobs
from desktop.ui.library_verbs import LibraryVerbs
from desktop.ui.masking import masked_document
from desktop.ui.player import Player
from desktop.ui.questions import Questions
from desktop.ui.saver import Saver
from desktop.ui.tasks import Task, Tasks


@dataclass(frozen=True)
class Notice:
    """A sentence shown in place, with a next step."""

    sentence: str
    is_error: bool = False
    action: str = ""  # what the button says
    verb: Callable[[], object] | None = None
    second_action: str = ""
    second_verb: Callable[[], object] | None = None


class Workspace(LibraryVerbs):
    """Holds the open recording and everything the panels share."""

    library_changed = Signal()
    giving_way = Signal()  # what is shown gives way to something else: keep what is being typed
    recording_changed = Signal()  # another recording is open, or none
    picture_changed = Signal(object)  # Picture or Peaks of the open recording
    document_changed = Signal()  # another transcript, or its segments or speakers were read anew
    shown_changed = Signal()  # the same lines, masked or revealed
    heard_again = Signal(object, object)  # the shown TranscriptDocument, and that of the second hearing
    gaps_changed = Signal()  # stretches of speech without text were looked for
    range_changed = Signal()
    segment_selected = Signal(int)  # index in document.segments; -1 none
    place_wanted = Signal(float)  # seconds: show this place
    ledger_changed = Signal()  # something was sent, or the protection of the open recording changed
    noticed = Signal(object)  # Notice or None
    key_changed = Signal()
    settings_changed = Signal()
    settings_wanted = Signal()  # the next step after an error

    def __init__(self, library: Library, cache: Path, settings: Settings, settings_path: Path, key: ApiKey,
                 url: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.library, self.cache, self.url = library, cache, url
        self.settings, self._settings_path = settings, settings_path
        self.api_key = key
        self.key_reading: KeyReading | None = None  # None: not read yet
        self.tasks = Tasks(self)
        self.player = Player(self)
        self.imports = Imports(library, cache, self.tasks, self)
        self.jobs = Jobs(library, cache, self.tasks, lambda: key.read().key,
                         lambda: bool(self.settings.privacy_accepted), url, lambda: self.settings, self)
        self.questions = Questions(library, cache, self.tasks, lambda: key.read().key,
                                   lambda: (self.settings.gemini_model, self.settings.house_style),
                                   lambda: bool(self.settings.privacy_accepted), url, self)
        self.edits = Edits(self)
        self.recording: Recording | None = None
        self.transcripts: list[Transcript] = []
        self.document: TranscriptDocument | None = None
        self.shown: TranscriptDocument | None = None  # the document as it may be seen: without what is off the record
        self.desk = Desk()  # what is noted about the open recording
        self.picture: object = None
        self.gaps: tuple[TimeRange, ...] = ()  # speech that no line of the shown transcript covers
        self.range: TimeRange | None = None
        self.selected = -1
        self._preparing: Task | None = None
        self.translating: Task | None = None
        self._watched_import: ImportItem | None = None
        self._loads = 0
        self.player.step_back = settings.step_back
        self._connect()

    def _connect(self) -> None:
        self.imports.finished.connect(self._imported)
        self.imports.progressed.connect(self._import_progressed)
        self.imports.changed.connect(self._imports_changed)
        self.imports.nothing_found.connect(lambda: self.tell(self.tr(
            "No audio or video files were found there. Choose another folder."), is_error=True))
        self.jobs.part_stored.connect(self._part_stored)
        self.jobs.finished.connect(self._job_finished)
        self.jobs.part_stored.connect(lambda _: self.ledger_changed.emit())
        self.jobs.finished.connect(lambda *_: self.ledger_changed.emit())
        self.jobs.failed.connect(lambda _, error: self.show_error(error))
        self.jobs.heard_again.connect(self._rehearing_done)

    # -- opening ---------------------------------------------------------------------------------------------

    def open(self, recording: Recording | None) -> None:
        """Show a recording: waveform, transcript, playback."""
        self.giving_way.emit()
        self._watched_import = None
        if self._preparing is not None:
            self._preparing.stop()
            self._preparing = None
        self.recording = recording
        self.range, self.selected, self.document, self.transcripts, self.picture = None, -1, None, [], None
        self.shown, self.desk = None, Desk()
        if recording is not None:
            self.edits.saver.wait()  # what was just noted about it; a matter of milliseconds
            self.desk = self.library.desk(recording.id)
        self.edits.open()
        self._no_gaps()
        self.player.load(None)
        self.noticed.emit(None)
        self.recording_changed.emit()
        self.document_changed.emit()
        self.clear_remote()
        if recording is not None:
            if not recording.address:
                self._load_audio(recording)
            self.reload_transcripts()
            if recording.problem:
                self.tell(recording.problem)

    @property
    def watched_import(self) -> ImportItem | None:
        """The file coming in that is shown now."""
        return self._watched_import

    def watch_import(self, item: ImportItem) -> None:
        """Show a file that is still coming in: its waveform sharpens on screen."""
        self.open(None)
        self._watched_import = item
        self.recording_changed.emit()
        self.picture_changed.emit(item.picture)

    def _imports_changed(self) -> None:
        """Watch the only file coming in when nothing else is going on; let go of one that was stopped or failed."""
        items = self.imports.items
        if self._watched_import is not None and (
                self._watched_import not in items or self._watched_import.error is not None):
            self.open(None)
        coming = [item for item in items if item.error is None]
        if len(coming) == 1 and coming[0] is not self._watched_import and not self.player.is_playing:
            self.watch_import(coming[0])

    def add_video(self, text: str) -> None:
        """Enter a public video by its address and open it."""
        from desktop.videos import add_video

        try:
            added = add_video(self.library, text)
        except PullquoteError as error:
            self.show_error(error)
            return
        self.library_changed.emit()
        self.open(added.recording)

    def _load_audio(self, recording: Recording) -> None:
        from desktop.audio.cache import CacheFiles
        from desktop.audio.peaks import Peaks

        files = CacheFiles(self.cache, recording.sha256)
        if files.complete() and recording.state is RecordingState.READY:
            try:
                self.picture = Peaks.load(files.peaks)
                self.player.load(files.copy)
                files.touch()
                self.picture_changed.emit(self.picture)
                return
            except (OSError, ValueError, RuntimeError):
                files.remove()  # a damaged cache is made anew
        self._preparing = self.tasks.start(
            _prepare, self.library, self.cache, recording, pass_report=True,
            done=lambda fresh: self._prepared(recording, fresh), failed=self.show_error,
            progress=self._preparing_progressed)

    def _preparing_progressed(self, progress: Progress) -> None:
        if progress.payload is not None:
            self.picture_changed.emit(progress.payload)

    def _prepared(self, recording: Recording, fresh: Recording) -> None:
        self._preparing = None
        self.library_changed.emit()
        if self.recording is not None and self.recording.id == recording.id:
            self.open(fresh)

    # -- transcripts -----------------------------------------------------------------------------------------

    def reload_transcripts(self, wanted: int = 0) -> None:
        """Read the list of transcripts again and show one: `wanted`, else the one that is shown, else the newest."""
        if self.recording is None:
            return
        self.transcripts = self.library.transcripts(self.recording.id)
        ids = [transcript.id for transcript in self.transcripts]
        shown = self.document.transcript.id if self.document else 0
        choice = next((i for i in (wanted, shown) if i in ids), 0) or self._first_choice(ids)
        if choice:
            self.show_transcript(choice)
        else:
            self.document = self.shown = None
            self._no_gaps()
            self.document_changed.emit()

    def _no_gaps(self) -> None:
        self.gaps = ()
        self.gaps_changed.emit()

    def _first_choice(self, ids: list[int]) -> int:
        """The newest of the whole recording, else the newest of a range; of the sample the known-good one, so that the
        first start shows what a transcript is."""
        reference = next((t.id for t in self.transcripts if t.engine == "reference"), 0)
        whole = next((t.id for t in self.transcripts if self.recording is not None
                      and t.range.seconds >= 0.9 * self.recording.duration), 0)
        return reference or whole or (ids[0] if ids else 0)

    def show_transcript(self, transcript_id: int) -> None:
        """Load a transcript off the GUI thread and show it."""
        self._loads += 1
        self.tasks.start(_load, self.library, self.edits.saver, transcript_id, self.document, failed=self.show_error,
                         done=partial(self._document_loaded, self._loads, self.edits.revision))

    def _document_loaded(self, load: int, revision: int, document: TranscriptDocument) -> None:
        if self.recording is None or load != self._loads or document.recording.id != self.recording.id:
            return  # something else was wanted meanwhile
        self.giving_way.emit()
        if revision != self.edits.revision:  # edited while it was read
            self.show_transcript(document.transcript.id)
            return
        chosen = self._same_place(document)
        self.document = document
        self.shown = document if self.edits.is_revealed else masked_document(document)
        self.document_changed.emit()
        self.look_for_gaps(document)
        self.selected = chosen
        self.segment_selected.emit(chosen)

    def look_for_gaps(self, document: TranscriptDocument) -> None:
        """On a worker: ten hours take a quarter of a second."""
        from desktop.audio.peaks import Peaks

        def found(gaps: tuple[TimeRange, ...]) -> None:
            if self.document is document:
                self.gaps = gaps
                self.gaps_changed.emit()

        self._no_gaps()
        if isinstance(self.picture, Peaks) and document.segments:
            self.tasks.start(_gaps, self.picture, document, done=found)

    def _same_place(self, document: TranscriptDocument) -> int:
        """The index in `document` of what is selected: the same row of the same transcript, else the same time."""
        old = self.segment(self.selected)
        if old is None or self.document is None:
            return -1
        if self.document.transcript.id == document.transcript.id and self.selected < len(document.segments) \
                and document.segments[self.selected].start == old.start:
            return self.selected
        middle = (old.start + old.end) / 2
        return next((i for i, s in enumerate(document.segments) if s.start <= middle < s.end), -1)

    def translate(self, language: str, only: list[int] | None) -> None:
        """Translate the shown transcript, or some of its lines, from its words."""
        document = self.document
        if document is None or self.translating is not None:
            return
        self.edits.keep_version(self.tr("translation"))

        def ended(error: PullquoteError | None) -> None:
            self.translating = None
            self.ledger_changed.emit()
            self.noticed.emit(None)
            if error is not None:
                self.show_error(error)
            if self.recording is not None and self.recording.id == document.recording.id:
                self.reload_transcripts()

        self.translating = self.tasks.start(
            _translate, self.library, document, language, only, lambda: self.api_key.read().key, self.url,
            self.settings, pass_report=True, done=lambda _: ended(None), failed=ended,
            progress=lambda p: self.tell(p.sentence, action=self.tr("Stop"), verb=self._stop_translating))

    def _stop_translating(self) -> None:
        if self.translating is not None:
            self.translating.stop()

    def hear_again(self, options: Any) -> None:
        """Hear a range of the shown transcript again; the lines are compared and nothing is replaced by itself."""
        if self.recording is not None and self.document is not None:
            self.jobs.start(self.recording, options, consent=True, compare_with=self.document.transcript.id)

    def _rehearing_done(self, old_id: int, new_id: int) -> None:
        self.ledger_changed.emit()
        if not new_id:
            self.reload_transcripts()  # what it heard stays as a transcript of its own, and can be continued
            return
        self.tasks.start(_two_documents, self.library, old_id, new_id, failed=self.show_error,
                         done=lambda documents: self.heard_again.emit(*documents))

    def finish_rehearing(self, old: TranscriptDocument, new: TranscriptDocument, chosen: list[Any]) -> None:
        """Take over what was chosen, as one step, and drop the second hearing."""
        from desktop.rehearing import change_for

        if chosen and self.document is not None and self.document.transcript.id == old.transcript.id:
            self.edits.accept(self.tr("take over what was heard again"), change_for(self.library, old, new, chosen))
            self.look_for_gaps(self.document)
        self.edits.saver.put(partial(self.library.remove_transcript, new.transcript.id))
        self.edits.saver.put(lambda: None, done=self.library_changed.emit)

    def _part_stored(self, transcript_id: int) -> None:
        if self.recording is None:
            return
        if any(t.id == transcript_id for t in self.transcripts):
            if self.document is None or self.document.transcript.id == transcript_id:
                self.show_transcript(transcript_id)
        elif self.library.transcript(transcript_id).recording_id == self.recording.id:
            self.reload_transcripts(transcript_id)

    def _job_finished(self, recording: Recording, job: Job) -> None:
        self.library_changed.emit()
        if self.recording is not None and self.recording.id == recording.id:
            self.reload_transcripts(job.transcript_id)

    def unfinished_job(self) -> Job | None:
        """The job of the shown transcript, when parts are missing and nobody works on it."""
        if self.document is None or self.recording is None or self.jobs.of(self.recording.id):
            return None
        job = self.library.job_of_transcript(self.document.transcript.id)
        return job if job and job.engine in ENGINES and self.document.transcript.missing else None

    def reject(self, proposal: Proposal) -> None:
        """This speaker is not called so."""
        self._guarded(self.library.reject, proposal)
        self.reload_transcripts()

    def remove_transcript(self, transcript_id: int) -> None:
        """Remove one transcript, off the GUI thread: 20,000 rows that are overwritten take a moment."""
        def done(_: object) -> None:
            self.document = self.shown = None
            self.reload_transcripts()
            self.library_changed.emit()

        self.tasks.start(self.library.remove_transcript, transcript_id, done=done, failed=self.show_error)

    def import_transcript(self, path: Path) -> None:
        """A transcript from a file becomes another one of the open recording."""
        recording = self.recording
        if recording is None:
            return

        def done(transcript_id: int) -> None:
            self.library_changed.emit()
            if self.recording is not None and self.recording.id == recording.id:
                self.reload_transcripts(transcript_id)

        self.tasks.start(_import_transcript, self.library, recording, path, done=done, failed=self.show_error)

    def save_clip(self, stretch: TimeRange, kind: str, path: Path) -> None:
        """Write the sound of a stretch as a file; silence where it is off the record."""
        recording = self.recording
        if recording is not None:
            self.tasks.start(_save_clip, self.library, self.cache, recording, stretch, kind, path,
                             failed=self.show_error, done=lambda _: self.tell(
                                 self.tr("Saved as {path}").format(path=path)))

    def go_to(self, recording_id: int, transcript_id: int, stretch: TimeRange) -> None:
        """Open a recording if it is not open, and play a stretch of it."""
        if self.recording is None or self.recording.id != recording_id:
            try:
                self.open(self.library.recording(recording_id))
            except PullquoteError as error:
                self.show_error(error)
                return
        if transcript_id and (self.document is None or self.document.transcript.id != transcript_id):
            self.reload_transcripts(transcript_id)
        if stretch.end <= 0:
            return  # the recording as a whole was meant
        if self.player.can_play:
            self.player.play(stretch.start, until=max(stretch.end, stretch.start + 0.2))
        self.place_wanted.emit(stretch.start)

    # -- selection -------------------------------------------------------------------------------------------

    def set_range(self, time_range: TimeRange | None) -> None:
        """Choose a range, or none."""
        if time_range is not None and self.recording is not None:
            time_range = time_range.clamped(self.recording.reach)
            time_range = time_range if time_range.seconds > 0.01 else None
        if time_range != self.range:
            self.range = time_range
            if self.player.loop is not None:
                self.player.set_loop(time_range)
            self.range_changed.emit()

    def select(self, index: int) -> None:
        """Select a segment in all views."""
        if index != self.selected:
            self.selected = index
            self.segment_selected.emit(index)

    def segment(self, index: int) -> Segment | None:
        """The segment at an index of the shown transcript."""
        if self.document is None or not 0 <= index < len(self.document.segments):
            return None
        return self.document.segments[index]

    # -- recordings ------------------------------------------------------------------------------------------

    def rename(self, title: str) -> None:
        """Give the open recording another title."""
        if self.recording is not None:
            self._guarded(self.library.rename_recording, self.recording.id, title)
            self.recording = self.library.recording(self.recording.id)
            self.library_changed.emit()
            self.recording_changed.emit()

    def set_terms(self, project: str, terms: list[str]) -> None:
        """The open recording's project, made when it is new, and the names and terms of it."""
        if self.recording is not None:
            self._guarded(self.library.set_project, self.recording.id, project)
            self.recording = self.library.recording(self.recording.id)
            self._guarded(self.library.set_terms, self.recording.project_id, terms)

    def _imported(self, item: ImportItem, recording: Recording, was_here: bool) -> None:
        self.library_changed.emit()
        watched = item is self._watched_import
        in_use = [recording.sha256, self.recording.sha256 if self.recording else ""]
        self.tasks.start(_trim, self.cache, int(self.settings.cache_gigabytes * 1e9), in_use)
        busy = self.player.is_playing or any(other.error is None for other in self.imports.items)
        if watched or not busy:
            self.open(recording)
        if was_here:
            self._say_it_was_here(recording, item.was_in_bin)

    def _say_it_was_here(self, recording: Recording, was_in_bin: bool) -> None:
        if was_in_bin:
            self.tell(say("“{title}” was in the bin; it was taken back with everything that belongs to "
                          "it.", title=recording.title))
        elif self.recording is not None and self.recording.id == recording.id:
            self.tell(say("“{title}” is in the library already; it was opened instead of being "
                          "imported twice.", title=recording.title))
        else:
            self.tell(
                say("“{title}” is in the library already; it was not imported twice.", title=recording.title),
                action=self.tr("Open it"), verb=lambda: self.open(recording))

    def _import_progressed(self, item: ImportItem) -> None:
        if item is self._watched_import and item.picture is not None:
            self.picture_changed.emit(item.picture)

    # -- key, settings, notices ------------------------------------------------------------------------------

    def read_key(self) -> None:
        """Look for the key, off the GUI thread (a key store may ask the user something)."""
        self.tasks.start(self.api_key.read, done=self._key_read)

    def _key_read(self, reading: KeyReading) -> None:
        self.key_reading = replace(reading, key="")  # the window needs the state only
        self.key_changed.emit()
        self.clear_remote()

    def clear_remote(self, *, all_of_it: bool = False) -> None:
        """Remove sound that questions have left on the service, but not that of the open recording."""
        in_use = {self.recording.id} if self.recording is not None and not all_of_it else set()
        if self.questions.is_running:
            in_use.add(self.questions.recording_id)
        if self.has_key and any(s.recording_id not in in_use for s in self.library.remote_files()):
            self.tasks.start(_clear_remote, self.library, self.api_key, self.url, in_use,
                             done=lambda _: self.ledger_changed.emit())

    @property
    def host(self) -> str:
        """Where requests go."""
        return self.url.split("/")[2]

    @property
    def has_key(self) -> bool:
        return self.key_reading is not None and self.key_reading.state in (KeyState.STORED, KeyState.SESSION)

    def change_settings(self, **changes: Any) -> None:
        """Change settings and keep them."""
        self.settings = replace(self.settings, **changes)
        self.player.step_back = self.settings.step_back
        try:
            settings_file.save(self._settings_path, self.settings)
        except OSError as error:
            self.show_error(PullquoteError("The settings could not be saved ({reason}). They hold until you quit.",
                                           reason=error.strerror or "unknown"))
        self.settings_changed.emit()

    def tell(self, sentence: str, is_error: bool = False, action: str = "",
             verb: Callable[[], object] | None = None, second_action: str = "",
             second_verb: Callable[[], object] | None = None) -> None:
        """Say something in place; see Notice."""
        self.noticed.emit(Notice(sentence, is_error, action, verb, second_action, second_verb))

    def show_error(self, error: PullquoteError) -> None:
        """Say in place what went wrong; stopping is no error."""
        if isinstance(error, Cancelled):
            return
        other = self.settings.replacement(self.settings.gemini_model) \
            if isinstance(error, EngineError) and error.kind == "model" else ""
        if other:
            self.tell(error.sentence, is_error=True, action=self.tr("Use {model}").format(model=other),
                      verb=lambda: self.use_model(other))
        else:
            self.tell(error.sentence, is_error=True)

    def use_model(self, name: str) -> None:
        """Take another general model for new transcripts and questions."""
        self.change_settings(gemini_model=name)
        self.tell(self.tr("New transcripts and questions use {model} now. Start again.").format(
            model=name))

    def _guarded(self, verb: Callable[..., object], *arguments: object) -> None:
        try:
            verb(*arguments)
        except PullquoteError as error:
            self.show_error(error)


def _load(library: Library, saver: Saver, transcript_id: int, old: TranscriptDocument | None) -> TranscriptDocument:
    """Read a transcript; segments that are as they were stay the same objects, so that comparing them costs nothing."""
    saver.wait()
    document = library.document(transcript_id)
    if old is None or old.transcript.id != transcript_id:
        return document
    same = {segment.id: segment for segment in old.segments}
    return replace(document, segments=tuple(
        same[segment.id] if same.get(segment.id) == segment else segment for segment in document.segments))


def _translate(library: Library, document: TranscriptDocument, language: str, only: list[int] | None,
               read_key: Callable[[], str], url: str, chosen: Settings, report: Callable[[Progress], None]) -> int:
    from desktop.engines.gemini_transcribe import make_reader
    from desktop.sending import LibraryGate
    from desktop.translating import translate

    reader = make_reader(chosen.gemini_model, key=read_key(), url=url, style=chosen.house_style,
                         gate=LibraryGate(library, document.recording.id, consent=True))
    try:
        return translate(library, document.transcript.id, reader, language, report, only)
    finally:
        reader.close()


def _clear_remote(library: Library, key: ApiKey, url: str, in_use: set[int]) -> int:
    from desktop.sending import clear_remote

    return clear_remote(library, key.read().key, url, but_not_of=in_use)


def _two_documents(library: Library, old_id: int, new_id: int) -> tuple[TranscriptDocument, TranscriptDocument]:
    return library.document(old_id), library.document(new_id)


def _import_transcript(library: Library, recording: Recording, path: Path) -> int:
    from desktop.transcript_files import add

    return add(library, recording, path)


def _save_clip(library: Library, cache: Path, recording: Recording, stretch: TimeRange, kind: str, path: Path) -> None:
    from desktop.audio.cache import CacheFiles
    from desktop.audio.cutting import cut
    from desktop.exporting import write

    off = library.desk(recording.id).off_record
    write(cut(CacheFiles(cache, recording.sha256).copy, stretch, kind, silent=off), path, overwrite=True)


def _gaps(peaks: Any, document: TranscriptDocument) -> tuple[TimeRange, ...]:
    from desktop.clipping import silenced
    from desktop.doubts import speech_without_text

    return speech_without_text(silenced(peaks, document.desk.off_record), document)


def _trim(cache: Path, most_bytes: int, in_use: list[str]) -> None:
    from desktop.importing import trim_cache

    trim_cache(cache, most_bytes, in_use)


def _prepare(library: Library, cache: Path, recording: Recording, report: Callable[[Progress], None]) -> Recording:
    from desktop.importing import prepare_recording

    return prepare_recording(library, cache, recording, report)
