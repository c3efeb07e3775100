"""The bin: recordings stay there whole for 30 days, then they are removed for ever, with their files and words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from desktop.errors import LibraryConflict, PullquoteError, UserError
from desktop.library import Library
from desktop.model import Progress, Recording, Report, ignore_progress
from desktop.sentences import say

KEPT_DAYS = 30


def days_left(recording: Recording, at: datetime | None = None) -> int:
    """Days until a recording in the bin is removed for ever; 0: it is time."""
    try:
        removed = datetime.fromisoformat(recording.removed_at)
    except ValueError:
        return KEPT_DAYS  # nobody knows since when
    left = removed + timedelta(days=KEPT_DAYS) - (at or datetime.now(UTC))
    return max(0, min(KEPT_DAYS, -(-left // timedelta(days=1))))


def empty_bin(library: Library, cache: Path, report: Report = ignore_progress) -> int:
    """Remove everything in the bin for ever; gives how many. As `remove_for_ever`."""
    return remove_for_ever(library, cache, library.binned(), report)


def remove_for_ever(library: Library, cache: Path, recordings: Iterable[Recording],
                    report: Report = ignore_progress) -> int:
    """Remove recordings with files and words; gives how many. What is not in the bin (any more) stays.

    A recording of which a file is in use stays in the bin; then, after all others, UserError says so. `report` may
    raise Cancelled between two recordings. Words are wiped at the end, in every case.
    """
    chosen, problems, count = list(recordings), [], 0
    try:
        for number, recording in enumerate(chosen):
            report(Progress(number / len(chosen), say("Removing recordings for ever")))
            try:
                count += _remove(library, cache, recording.id)
            except UserError as error:
                problems.append(error)
    finally:
        library.erase_words()
    if problems:
        raise problems[0] if len(problems) == 1 else UserError(
            "{count} recordings could not be removed completely, because some of their files are in use. {reason}",
            count=len(problems), reason=problems[0].sentence)
    return count


def tidy_bin(library: Library, cache: Path, at: datetime | None = None) -> int:
    """At start and every day: remove what has been in the bin for 30 days; gives how many. Quiet about what must wait:
    it stays in the bin, in sight, and is tried again.
    """
    if library.read_only_because:
        return 0
    due = [recording for recording in library.binned() if days_left(recording, at) == 0]
    try:
        return remove_for_ever(library, cache, due)
    except PullquoteError:
        return len(due)


def _remove(library: Library, cache: Path, recording_id: int) -> bool:
    from desktop.importing import remove_recording  # heavy: the list of the first paint needs days_left only

    try:
        recording = library.recording(recording_id)
    except LibraryConflict:
        return False  # somebody else has removed it
    if not recording.removed_at:
        return False
    remove_recording(library, cache, recording)
    return True
