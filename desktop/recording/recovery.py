"""From segments to a recording of the library: verify, join, convert, compare, enter, and only then drop them.

The same way for a recording that was just stopped and for one that a crash left behind; each step can be repeated.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from desktop.audio.cache import CacheFiles
from desktop.audio.peaks import Peaks
from desktop.cleaning import clean_name, clean_text
from desktop.errors import LibraryError, UserError
from desktop.library import Library
from desktop.model import Desk, Mark, Progress, Recording, RecordingState, Report, TimeRange, Withheld, clock
from desktop.paths import fsync_folder, private_folder
from desktop.recording import journal
from desktop.recording.control import SUFFIX
from desktop.recording.flac import Piece, convert, join_wav, sound_digest
from desktop.recording.messages import HIGHEST_RATE, SAMPLE_BYTES
from desktop.recording.writer import HEADER_BYTES, RESERVE, header
from desktop.sentences import QT_TRANSLATE_NOOP, say

NOTHING = QT_TRANSLATE_NOOP("core", "Nothing was recorded: “{title}” was stopped before any sound came.")
UNREADABLE = QT_TRANSLATE_NOOP("core", "The disk does not give all of this recording ({reason}). Nothing was changed: "
                                       "copy {folder} to another disk, with a rescue program if need be, before you "
                                       "try again.")
GAPS = {
    "paused": QT_TRANSLATE_NOOP("core", "Paused for {time}"),
    "device": QT_TRANSLATE_NOOP("core", "Interrupted for {time}: no sound came from the device"),
    "busy": QT_TRANSLATE_NOOP("core", "Interrupted for {time}: the computer was too busy"),
    "restarted": QT_TRANSLATE_NOOP("core", "Interrupted for {time}: the recorder was started again"),
    "missing": QT_TRANSLATE_NOOP("core", "A piece of the recording is missing here"),
    "unwritten": QT_TRANSLATE_NOOP("core", "The last {time} could not be written: the disk was full or reported an "
                                           "error"),
    "changed": QT_TRANSLATE_NOOP("core", "The next piece is not as it was written; the disk may have damaged it"),
}
_OURS = (RESERVE, "sound.flac", "sound.part")


@dataclass(frozen=True)
class Leftover:
    """A recording that is not in the library yet, or not known to be."""

    folder: Path
    title: str
    device: str
    started_at: str  # ISO 8601, UTC; "" when not known
    rate: int
    channels: int
    pieces: tuple[Piece, ...]
    is_running: bool  # a recorder works on it
    is_finished: bool  # the recorder ended it itself
    marks: tuple[Mark, ...] = ()  # with those that say where something is missing
    withheld: tuple[Withheld, ...] = ()
    strangers: tuple[str, ...] = ()  # files that are not ours
    is_kept: bool = False  # it is in the library; only its files are still here
    problem: str = ""  # why the disk does not give it; then nothing else is known

    @property
    def seconds(self) -> float:
        """How much sound there is."""
        return sum(piece.frames for piece in self.pieces) / self.rate


def leftovers(recordings: Path) -> list[Leftover]:
    """Everything that recorders left below this folder, oldest first; nothing is changed."""
    found = [_seen(folder) for folder in sorted(folder for folder in recordings.glob(f"*{SUFFIX}") if folder.is_dir())]
    return [leftover for leftover in found if leftover is not None and (not leftover.is_kept or leftover.pieces)]


def _seen(folder: Path) -> Leftover | None:
    """What can be told of it; None when it is deleted, or brought into the library, at this moment."""
    reason = ""
    for _ in range(2):  # one of its files may go while the others are looked at
        try:
            return look(folder)
        except OSError as error:
            reason = error.strerror or "disk error"
        if not folder.exists():
            return None
    return Leftover(folder, "", "", "", HIGHEST_RATE, 1, (), False, False, problem=reason)


def look(folder: Path, *, verify: bool = False) -> Leftover:
    """What is in one folder; `verify` reads all of it and marks what is not as it was written."""
    entries = journal.read(folder)
    rate, channels = _form(folder, entries, verify)
    written = {entry.get("number") for entry in entries if entry["what"] == "segment"}
    pieces, strangers = _pieces(folder, rate, channels, written, verify)
    start = next((entry for entry in entries if entry["what"] == "start"), {})
    places = _places(entries, pieces, rate)
    return Leftover(
        folder, clean_name(str(start.get("title", ""))), clean_name(str(start.get("device", ""))),
        str(start.get("at", "")), rate, channels, tuple(pieces), journal.is_in_use(folder),
        any(entry["what"] == "finished" for entry in entries),
        tuple(_marks(entries, places, verify)), tuple(_withheld(entries, places)), tuple(strangers),
        any(entry["what"] == "kept" for entry in entries))


def _verified(folder: Path) -> Leftover:
    try:
        return look(folder, verify=True)
    except OSError as error:
        if not folder.exists():
            raise UserError("This recording is not there any more: it was brought into the library, or deleted, "
                            "meanwhile.") from error
        raise UserError(UNREADABLE, reason=error.strerror or "disk error", folder=folder) from error


def keep(library: Library, cache: Path, folder: Path, report: Report, *, title: str = "") -> Recording:
    """Bring a recording into the library and drop its segments. `report` may raise Cancelled; then nothing is lost.

    Raises UserError when a recorder is still at work, there is no sound, or the disk refuses; all stays as it is.
    """
    leftover = _verified(folder)
    if leftover.is_running:
        raise UserError("This recording is still running. Stop it first, or wait half a minute.")
    if not leftover.seconds:
        raise UserError(NOTHING, title=title or leftover.title or _usual_title(leftover))
    sound = folder / "sound.flac"
    try:
        peaks = make_flac(leftover, sound, report)
        recording = _enter(library, leftover, sound, title or leftover.title or _usual_title(leftover))
        _prepare(cache, recording, library.folder / "recordings" / recording.folder / recording.original, peaks)
        _date(library, recording, leftover.started_at)
        recording = library.set_prepared(recording.id, duration=peaks.seconds, sample_rate=leftover.rate,
                                         channels=leftover.channels, problem="")
        desk = library.desk(recording.id)
        if not (desk.marks or desk.withheld):
            library.set_desk(recording.id, Desk(desk.quotes, leftover.marks, leftover.withheld))
        _drop(leftover, recording.sha256)
    except OSError as error:
        raise UserError("The recording could not be brought into the library ({reason}). All of its sound is still "
                        "in {folder}. Free some space and try again.", reason=error.strerror or "disk error",
                        folder=folder) from error
    report(Progress(1.0, say("Recorded"), recording))
    return recording


def write_file(folder: Path, target: Path, report: Report) -> None:
    """Turn a recording into a .flac or .wav outside the library and drop its segments. Raises UserError."""
    leftover = _verified(folder)
    if leftover.is_running or not leftover.seconds:
        raise UserError("There is no sound in {folder}, or it is still being recorded.", folder=folder.name)
    temporary = target.with_name(f".{target.name}-{secrets.token_hex(4)}.tmp")
    try:
        if target.suffix.lower() == ".flac":
            make_flac(leftover, temporary, report)
        else:
            join_wav(list(leftover.pieces), temporary, leftover.rate, leftover.channels)
        temporary.replace(target)
        fsync_folder(target.parent)
        _drop(leftover, "")
    except OSError as error:
        raise UserError("{path} could not be written ({reason}). All of the sound is still in {folder}; bring it in "
                        "with 'pullquote record --recover'.", path=target, reason=error.strerror or "disk error",
                        folder=folder) from error
    finally:
        temporary.unlink(missing_ok=True)


def make_flac(leftover: Leftover, target: Path, report: Report) -> Peaks:
    """One FLAC of all pieces under its own name only when it was decoded and is the same. OSError when it is not."""
    temporary = target.with_name(f"{target.stem}.part")
    sentence = say("Converting to FLAC")
    digest, peaks = convert(list(leftover.pieces), temporary, leftover.rate, leftover.channels,
                            lambda fraction: report(Progress(fraction * 0.6, sentence)))
    comparing = say("Comparing with what was recorded")
    if sound_digest(temporary, lambda fraction: report(Progress(0.6 + fraction * 0.4, comparing))) != digest:
        temporary.unlink()
        raise OSError(5, "the FLAC file differs from the recording")
    temporary.replace(target)
    fsync_folder(target.parent)
    return peaks


def drop(leftover: Leftover) -> None:
    """Remove a recording for good, at the user's word. Raises UserError while it runs."""
    if journal.is_in_use(leftover.folder):
        raise UserError("This recording is still running. Stop it first, or wait half a minute.")
    shutil.rmtree(leftover.folder)


# -- reading a folder ------------------------------------------------------------------------------------------


def _form(folder: Path, entries: Iterable[dict[str, Any]], verify: bool) -> tuple[int, int]:
    """(rate, channels): from the journal, else from the first header that can be read."""
    for entry in entries:
        if entry["what"] == "start" and _is_form(entry.get("rate"), entry.get("channels")):
            return entry["rate"], entry["channels"]
    for file in sorted(file for file in folder.glob("[0-9]*.wav") if file.is_file()):
        head = _head(file, verify)
        if len(head) == HEADER_BYTES:
            channels, rate = struct.unpack_from("<HI", head, 22)
            if _is_form(rate, channels) and _is_ours(head, rate, channels):
                return rate, channels
    return HIGHEST_RATE, 1


def _is_form(rate: object, channels: object) -> bool:
    return isinstance(rate, int) and isinstance(channels, int) and 4_000 <= rate <= HIGHEST_RATE and channels in (1, 2)


def _is_ours(head: bytes, rate: int, channels: int) -> bool:
    """A header as the writer makes it, but for the sizes."""
    own = header(rate, channels)
    return head[:4] == own[:4] and head[8:40] == own[8:40]


def _pieces(folder: Path, rate: int, channels: int, written: set[Any],
            verify: bool) -> tuple[list[Piece], list[str]]:
    """Our segments in their order (an odd end is left out), and the names of files that are not ours.

    What the journal names is ours, also when its header is damaged.
    """
    pieces, strangers = [], []
    for file in sorted(folder.iterdir()):
        if file.name in (journal.NAME, *_OURS) or file.name.startswith("."):
            continue
        if file.suffix != ".wav" or not file.stem.isdigit() or not file.is_file() or file.is_symlink():
            strangers.append(file.name)
            continue
        head = _head(file, verify)
        if len(head) == HEADER_BYTES and int(file.stem) not in written and not _is_ours(head, rate, channels):
            strangers.append(file.name)
            continue
        size = max(0, file.stat().st_size - HEADER_BYTES)
        pieces.append(Piece(file, size // (channels * SAMPLE_BYTES)))
    return sorted(pieces, key=lambda piece: int(piece.path.stem)), strangers


def _head(file: Path, verify: bool) -> bytes:
    """What can be read of it: a file that the disk does not give is offered all the same, and keeping says why not."""
    try:
        with open(file, "rb") as reader:
            return reader.read(HEADER_BYTES)
    except OSError as error:
        if verify or isinstance(error, FileNotFoundError):
            raise
        return b""


@dataclass(frozen=True)
class _Place:
    """A piece: where it began when it was recorded, and where it begins now that others may be missing."""

    piece: Piece
    recorded: float
    start: float
    end: float
    is_after_gap: bool


def _places(entries: list[dict[str, Any]], pieces: list[Piece], rate: int) -> list[_Place]:
    written = {entry.get("number"): entry for entry in entries if entry["what"] == "segment"}
    places: list[_Place] = []
    start = recorded = 0.0
    for index, piece in enumerate(pieces):
        number = int(piece.path.stem)
        before = int(pieces[index - 1].path.stem) if index else 0
        recorded = _number(written[number].get("seconds")) if number in written else recorded
        end = start + piece.frames / rate
        places.append(_Place(piece, recorded, start, end, number != before + 1))
        recorded, start = recorded + end - start, end
    return places


def _now_at(seconds: float, places: list[_Place]) -> float:
    """Where a moment of the recording is now; one that is missing is where the gap is."""
    here = [place for place in places if place.recorded <= seconds]
    return min(here[-1].end, here[-1].start + seconds - here[-1].recorded) if here else 0.0


def _marks(entries: list[dict[str, Any]], places: list[_Place], verify: bool) -> list[Mark]:
    """The user's marks, and one at every place where something is missing."""
    written = {entry.get("number"): entry for entry in entries if entry["what"] == "segment"}
    closed = {entry.get("number"): entry for entry in entries if entry["what"] == "closed"}
    marks: list[Mark] = []
    for place in places:
        number = int(place.piece.path.stem)
        entry = written.get(number, {})
        if place.is_after_gap:
            marks.append(Mark(place.start, str(say(GAPS["missing"]))))
        elif entry.get("why") in GAPS:
            time = clock(_number(entry.get("gap")), tenths=True)
            marks.append(Mark(place.start, str(say(GAPS[entry["why"]], time=time))))
        if verify and number in closed and not _is_unchanged(place.piece, closed[number]):
            marks.append(Mark(place.start, str(say(GAPS["changed"]))))
    for entry in entries:
        if places and entry["what"] == "finished" and (lost := _number(entry.get("unwritten"))):
            marks.append(Mark(places[-1].end, str(say(GAPS["unwritten"], time=clock(lost, tenths=True)))))
    marks += [Mark(_now_at(_number(entry.get("seconds")), places), clean_text(str(entry.get("note", ""))))
              for entry in entries if entry["what"] == "mark"]
    return sorted(marks, key=lambda mark: mark.seconds)


def _is_unchanged(piece: Piece, closed: dict[str, Any]) -> bool:
    if piece.frames != closed.get("frames"):
        return False
    with open(piece.path, "rb") as file:
        file.seek(HEADER_BYTES)
        return hashlib.file_digest(file, "sha256").hexdigest() == closed.get("sha256")


def _withheld(entries: list[dict[str, Any]], places: list[_Place]) -> list[Withheld]:
    """Stretches between the switch on and off; one that was never switched off reaches to the end."""
    found, since = [], None
    for entry in entries:
        if entry["what"] != "off_record":
            continue
        at = _now_at(_number(entry.get("seconds")), places)
        if entry.get("on") and since is None:
            since = (at, str(entry.get("at", "")))
        elif not entry.get("on") and since is not None:
            found.append(Withheld(TimeRange(since[0], max(since[0], at)), marked_at=since[1]))
            since = None
    if since is not None:
        found.append(Withheld(TimeRange(since[0], places[-1].end if places else 0.0), marked_at=since[1]))
    return [stretch for stretch in found if stretch.range.seconds > 0]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < 1e7 else 0.0


def _usual_title(leftover: Leftover) -> str:
    return f"Recording {_local(leftover.started_at)}".strip()


# -- into the library ------------------------------------------------------------------------------------------


def _enter(library: Library, leftover: Leftover, sound: Path, title: str) -> Recording:
    """The FLAC as the original of a recording, in a folder of its own; one that is there already is not doubled."""
    with open(sound, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    here = library.recording_with_hash(sha256)
    if here is not None:
        if here.state is RecordingState.PREPARING:  # entered when the last attempt was cut off
            library.rename_recording(here.id, title)
        return here
    recordings = library.folder / "recordings"
    name = secrets.token_hex(8)
    incoming = private_folder(recordings / f".incoming-{name}")
    os.replace(sound, incoming / "original.flac")
    fsync_folder(incoming)
    incoming.rename(recordings / name)
    fsync_folder(recordings)
    try:
        return library.add_recording(title=title, folder=name, original="original.flac", sha256=sha256,
                                     byte_count=(recordings / name / "original.flac").stat().st_size)
    except LibraryError:
        here = library.recording_with_hash(sha256)
        if here is None:
            raise
        shutil.rmtree(recordings / name)  # the same sound came in twice at the same time
        return here


def _date(library: Library, recording: Recording, started_at: str) -> None:
    """The day by the computer's clock, where nobody has written another one."""
    if not recording.recorded_on and (day := _local(started_at)[:10]):
        library.describe_recording(recording.id, recorded_on=day, place=recording.place, notes=recording.notes,
                                   people=recording.people, tags=recording.tags)


def _local(started_at: str) -> str:
    """2026-11-23 06:03 by the computer's clock; "" when nobody knows."""
    with suppress(ValueError, OverflowError):
        return f"{datetime.fromisoformat(started_at).astimezone():%Y-%m-%d %H:%M}"
    return ""


def _prepare(cache: Path, recording: Recording, original: Path, peaks: Peaks) -> None:
    """Waveform and playback copy: what we record is its own playback copy, so nothing is decoded again."""
    private_folder(cache)
    files = CacheFiles(cache, recording.sha256)
    temporary = files.copy.with_suffix(f".{secrets.token_hex(4)}.tmp")
    try:
        shutil.copyfile(original, temporary)
        temporary.replace(files.copy)
        peaks.save(files.peaks)
    finally:
        temporary.unlink(missing_ok=True)


def _drop(leftover: Leftover, sha256: str) -> None:
    """Note that it is in the library, then remove our files; what is not ours stays, with its folder."""
    writing = journal.Journal(leftover.folder)
    try:
        writing.add("kept", sha256=sha256)
        writing.sync()
    finally:
        writing.close()
    if not leftover.strangers:
        # Under this name importing.sweep clears it when we are killed in between.
        going = leftover.folder.with_name(f".incoming-{leftover.folder.name}")
        leftover.folder.rename(going)
        shutil.rmtree(going, ignore_errors=True)
        return
    for file in (*(piece.path for piece in leftover.pieces), *(leftover.folder / name for name in _OURS)):
        file.unlink(missing_ok=True)
