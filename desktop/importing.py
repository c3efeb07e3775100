"""An interview comes in: the original is copied byte for byte, hashed and entered, then prepared for view and play."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from desktop import backups, beside
from desktop.audio.cache import CacheFiles
from desktop.audio.decoder import bad_audio
from desktop.audio.preparing import Picture, overview, prepare
from desktop.errors import BadAudio, Cancelled, LibraryError, UserError
from desktop.library import Library
from desktop.model import Progress, Recording, RecordingState, Report
from desktop.paths import fsync_folder, private_folder
from desktop.sentences import say

SUFFIXES = frozenset((
    "wav", "wave", "w64", "rf64", "bwf", "aif", "aiff", "aifc", "mp3", "aac", "m4a", "m4b", "alac", "mp4", "m4v", "mov",
    "3gp", "3g2", "ogg", "oga", "opus", "flac", "webm", "mkv", "mka", "caf", "wma", "asf", "amr", "awb", "au", "avi",
    "ts", "mts", "mpg", "mpeg"))
_REMOVED = ".removed-"  # before the name of a folder: its recording is being removed for ever
_under_way: set[str] = set()  # how names begin that this process is filling just now: no leftovers for `sweep`
_COPY_BLOCK = 1 << 20
_SYNC_EVERY = 64  # blocks: bounds the final fsync, so that stopping stays quick


@dataclass(frozen=True)
class Imported:
    """The recording, and whether the same file had been in the library before, and there in the bin."""

    recording: Recording
    was_here: bool
    was_in_bin: bool = False


def audio_files_in(paths: Iterable[Path]) -> list[Path]:
    """Files as they are, folders as the audio files inside them (by their endings), in the order of names."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (Path(root) / name for root, _, names in os.walk(path) for name in names)
            found += sorted(p for p in inside if p.suffix.lower().lstrip(".") in SUFFIXES
                            and not p.name.startswith("."))
        else:
            found.append(path)
    return found


def import_audio(library: Library, cache: Path, path: Path, report: Report, *, title: str = "",
                 is_sample: bool = False, takes_back: bool = True) -> Imported:
    """Copy `path` into the library, enter it and prepare it. `report` may raise Cancelled.

    A file that is in the bin is taken back; with `takes_back` false, for what nobody asked for, it stays there. When
    the original of a recording is missing and this is the very same file, it becomes the original again.

    Raises BadAudio or Cancelled; then the library is as it was before. Progress.payload is a Picture when the
    waveform has become sharper, and the Recording once when its original is safe.
    """
    reporter = _Reporter(report)
    reporter.say(0.0, "Looking at the file")
    _look(path, reporter)
    incoming = library.folder / "recordings" / f".incoming-{secrets.token_hex(8)}"
    names = {incoming.name, _final(incoming).name}
    _under_way.update(names)
    try:
        private_folder(incoming)
        original = incoming / f"original{_suffix(path)}"
        sha256, size = _copy(path, original, reporter)
        here = library.recording_with_hash(sha256)
        if here is not None:
            _put_back(library, here, original)
        recording = here or _enter(library, incoming, original, sha256, size, title or path.stem, is_sample)
        was_in_bin = bool(recording.removed_at)
        if was_in_bin and takes_back:
            library.set_binned([recording.id], False)
            recording = library.recording(recording.id)
        was_here = recording.folder != _final(incoming).name
    except OSError as error:
        raise _disk_error(error) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
        _under_way.difference_update(names)
    try:
        report(Progress(0.0, say("Drawing the waveform"), recording))
        return Imported(prepare_recording(library, cache, recording, report), was_here, was_in_bin)
    except (BadAudio, Cancelled, KeyboardInterrupt):
        if not was_here:
            with suppress(UserError):  # a file of it is in use: then it stays, to be prepared later
                remove_recording(library, cache, recording)
        raise


def prepare_recording(library: Library, cache: Path, recording: Recording, report: Report) -> Recording:
    """Make peaks and playback copy of a recording that has none (new, cleaned cache, interrupted import)."""
    files = CacheFiles(cache, recording.sha256)
    if recording.address:
        return recording
    if files.complete() and recording.state is RecordingState.READY:
        return recording
    reporter = _Reporter(report)
    reporter.say(0.0, "Drawing the waveform")
    _under_way.add(recording.sha256)
    try:
        result = prepare(original_file(library, recording), files, reporter.check, reporter.show)
    except OSError as error:
        raise _disk_error(error) from error
    finally:
        _under_way.discard(recording.sha256)
    return library.set_prepared(recording.id, duration=result.duration, sample_rate=result.sample_rate,
                                channels=result.channels, problem=result.problem)


def original_file(library: Library, recording: Recording) -> Path:
    """The untouched original."""
    return library.folder / "recordings" / recording.folder / recording.original


def remove_recording(library: Library, cache: Path, recording: Recording) -> None:
    """Take a recording out of the library for ever: its cached files, its folder, its rows.

    The folder is renamed first, and the rows go when that has succeeded: what is interrupted then is finished by
    `sweep`, and never entered again. Raises UserError when a file is in use: then the recording stays as it is.
    Its words are wiped by `library.erase_words()`.
    """
    folder = _folder_of(library, recording)
    removed = folder.with_name(_REMOVED + folder.name)
    try:
        CacheFiles(cache, recording.sha256).remove()
        if folder.exists():
            folder.rename(removed)
            fsync_folder(folder.parent)
        library.owe_erasing()
    except OSError as error:
        raise UserError("“{title}” could not be removed, because one of its files is in use or may not be changed "
                        "({reason}). It is still there; close what uses the file and try again.",
                        title=recording.title, reason=error.strerror or "unknown") from error
    try:
        library.remove_recording(recording.id)
    except LibraryError:
        if removed.exists():
            removed.rename(folder)
        raise
    shutil.rmtree(removed, ignore_errors=True)
    if removed.exists():
        raise UserError("“{title}” is no longer in the library, but one of its files could not be deleted yet. This is "
                        "tried again at the next start.", title=recording.title)


def _folder_of(library: Library, recording: Recording) -> Path:
    """Never the folder of all recordings, whatever the row says."""
    if recording.folder == ".." or not recording.folder or Path(recording.folder).name != recording.folder:
        raise LibraryError("The library does not say where “{title}” lies, so nothing was removed.",
                           title=recording.title)
    return library.folder / "recordings" / recording.folder


def sweep(library: Library, cache: Path) -> None:
    """At start: clear what interrupted imports left, enter originals that were copied but not yet entered, and finish
    what was being removed. Files that the start was given may be on their way in meanwhile."""
    known = library.recording_folders()
    for folder in (library.folder / "recordings").iterdir():
        if folder.name.startswith(tuple(_under_way)):
            continue
        if folder.name.startswith(".incoming-"):
            shutil.rmtree(folder, ignore_errors=True)
        elif folder.name.startswith(_REMOVED):
            _finish_removal(library, folder)
        elif folder.is_dir() and folder.name not in known:
            _enter_orphan(library, folder)
    for leftover in cache.glob("*.tmp") if cache.is_dir() else ():
        if not leftover.name.startswith(tuple(_under_way)):
            leftover.unlink(missing_ok=True)


def trim_cache(cache: Path, most_bytes: int, keep: Iterable[str]) -> None:
    """Remove the playback copies used longest ago until the cache is small enough; `keep` are SHA-256 in use."""
    copies = sorted(cache.glob("*.flac"), key=lambda file: file.stat().st_mtime, reverse=True)
    kept, total = set(keep), 0
    for copy in copies:
        total += copy.stat().st_size
        if total > most_bytes and copy.stem not in kept:
            copy.unlink(missing_ok=True)


def _look(path: Path, reporter: _Reporter) -> None:
    try:
        if not path.exists():
            raise bad_audio("not_found")
        if not path.is_file():  # a pipe or a device would never end
            raise bad_audio("not_audio")
        if path.stat().st_size == 0:
            raise bad_audio("empty")
    except OSError as error:
        raise bad_audio("not_readable") from error
    overview(path, reporter.check, lambda picture: reporter.show(0.0, picture))


def _copy(source: Path, target: Path, reporter: _Reporter) -> tuple[str, int]:
    """Copy durably; gives SHA-256 (hex) and size in bytes."""
    total = max(1, source.stat().st_size)
    if shutil.disk_usage(target.parent).free < total + (64 << 20):
        raise OSError(errno.ENOSPC, "not enough space")
    digest, size = hashlib.sha256(), 0
    reporter.say(0.0, "Copying the original")
    with open(source, "rb") as reader, open(target, "xb") as writer:
        while block := reader.read(_COPY_BLOCK):
            writer.write(block)
            digest.update(block)
            size += len(block)
            if size // _COPY_BLOCK % _SYNC_EVERY == 0:
                writer.flush()
                os.fsync(writer.fileno())
            reporter.say(min(1.0, size / total), "Copying the original")
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest(), size


def _enter(library: Library, incoming: Path, original: Path, sha256: str, size: int, title: str,
           is_sample: bool) -> Recording:
    folder = _final(incoming)
    fsync_folder(incoming)
    incoming.rename(folder)
    fsync_folder(folder.parent)
    try:
        return library.add_recording(title=title, folder=folder.name, original=original.name, sha256=sha256,
                                     byte_count=size, is_sample=is_sample)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        here = library.recording_with_hash(sha256) if isinstance(error, LibraryError) else None
        if here is None:
            raise
        return here  # the same file came in twice at the same time


def _put_back(library: Library, recording: Recording, copied: Path) -> None:
    """The copy takes the place of an original that is missing."""
    folder = _folder_of(library, recording)
    target = folder / Path(recording.original).name
    if not target.exists():
        private_folder(folder)
        copied.replace(target)
        fsync_folder(folder)
        fsync_folder(folder.parent)


def _final(incoming: Path) -> Path:
    return incoming.with_name(incoming.name.removeprefix(".incoming-"))


def _enter_orphan(library: Library, folder: Path) -> None:
    originals = [file for file in folder.glob("original*") if file.is_file()]
    if len(originals) != 1 or library.read_only_because:
        return
    with open(originals[0], "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if library.recording_with_hash(sha256) is None:
        if beside.file_of(library.folder, folder.name).exists():
            backups.keep_aside(library.folder, [folder.name])  # what it knows must not be written over
        library.add_recording(title="Recovered recording", folder=folder.name, original=originals[0].name,
                              sha256=sha256, byte_count=originals[0].stat().st_size)


def _finish_removal(library: Library, folder: Path) -> None:
    recording = library.recording_in(folder.name.removeprefix(_REMOVED))
    if recording is not None and not recording.removed_at:
        folder.rename(folder.with_name(recording.folder))  # it was taken back just then, or came from a stopped import
        return
    if recording is not None:
        library.owe_erasing()
        library.remove_recording(recording.id)
    shutil.rmtree(folder, ignore_errors=True)


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) else ""


def _disk_error(error: OSError) -> BadAudio:
    if isinstance(error, FileNotFoundError):
        return bad_audio("not_found")
    if isinstance(error, PermissionError):
        return bad_audio("not_readable")
    if error.errno == errno.ENOSPC:
        return BadAudio("disk_full", "The disk is full, so this file was not imported. Free some space and import "
                                     "it again; the file itself was not touched.")
    return BadAudio("disk_error", "The disk reported an error, so this file was not imported ({reason}). The file "
                                  "itself was not touched.", reason=error.strerror or "unknown")


class _Reporter:
    """Keeps the last progress, so that `check` can ask again whether to stop."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._last = Progress(0.0, say("Looking at the file"))

    def say(self, fraction: float, template: str) -> None:
        self._last = Progress(fraction, say(template))
        self._report(self._last)

    def show(self, fraction: float, picture: Picture) -> None:
        self._last = Progress(fraction, self._last.sentence)
        self._report(Progress(fraction, self._last.sentence, picture))

    def check(self) -> None:
        self._report(self._last)


