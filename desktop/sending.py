"""The one gate through which audio and words of a recording leave: it asks for the level, and keeps the ledger.

engines/gemini.py sends nothing without a gate; the entry is in the library before the first byte leaves.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from desktop import prices
from desktop.engines import Manner
from desktop.errors import PullquoteError, UserError
from desktop.library import Library
from desktop.model import Cargo, Desk, Protection, Recording, Sending, Terms, Usage
from desktop.settings import Settings
from desktop.withholding import marked_since, overlaps

_KEPT = 48 * 3600.0  # seconds that the service keeps a file
_LATE = 900.0  # seconds after which an upload that was cut off can no longer come to be
_CUT = 1.0  # seconds between the cutting of some sound and its line in the ledger, at most


class NotAllowed(UserError):
    """The recording's protection level forbids it."""


class LibraryGate:
    """Lets requests about one recording pass, or does not. `consent`: the user has just said yes to this one act.

    `ledger` is the library that keeps the lines when the recording itself is in one that will be thrown away.
    """

    def __init__(self, library: Library, recording_id: int, *, consent: bool, ledger: Library | None = None) -> None:
        self._library, self._recording_id, self._consent = library, recording_id, consent
        self._ledger, self._entered = ledger or library, recording_id if ledger is None else None
        self._prices = prices.load()

    def leave(self, cargo: Cargo, remote_name: str = "") -> int:
        """Enter what is about to leave. Raises NotAllowed, or LibraryError: then nothing leaves."""
        check(self._library, self._recording_id, consent=self._consent)
        if cargo.range is not None and not cargo.byte_count and (used := self._newest(cargo)) is not None \
                and is_outdated(self._library, used):
            raise NotAllowed("Something was marked off the record after its sound had been uploaded, so that sound was "
                             "not used. Start again.")
        return self._ledger.add_sending(self._entered, cargo, remote_name)

    def back(self, entry: int, outcome: str, usage: Usage | None, model: str) -> None:
        """Note how it ended."""
        cost = self._prices.cost(model, usage) if usage is not None else None
        self._ledger.end_sending(entry, outcome, usage or Usage(), cost)

    def removed(self, entry: int) -> None:
        """Note that the file is gone from the service."""
        self._ledger.set_removed(entry)

    def stored(self, cargo: Cargo) -> tuple[int, str] | None:
        """A whole file of the same sound that was uploaded for this recording and should still be there.

        None that was uploaded before something in it was marked off the record.
        """
        newest = self._newest(cargo)
        if newest is None or is_outdated(self._library, newest, _CUT) or _age(newest) >= _KEPT - 3600:
            return None
        return newest.id, newest.remote_name

    def _newest(self, cargo: Cargo) -> Sending | None:
        """The latest upload of the same sound, in this library's ledger."""
        if self._entered is None:
            return None
        return next((s for s in self._ledger.remote_files()
                     if s.recording_id == self._entered and s.outcome == "answered" and s.cargo.range == cargo.range
                     and s.cargo.host == cargo.host), None)


def check(library: Library, recording_id: int, *, consent: bool) -> None:
    """Raises NotAllowed when nothing of this recording may be sent now."""
    recording = library.recording(recording_id)
    if recording.removed_at:
        raise NotAllowed("This recording is in the bin, so nothing of it was sent. Put it back first.")
    _check_protection(recording, consent=consent)


def _check_protection(recording: Recording, *, consent: bool) -> None:
    if recording.protection is Protection.NEVER:
        raise NotAllowed("This recording is marked “never upload”, so nothing of it was sent. Use the on-device "
                         "engine, or change its protection in the Details tab.")
    if recording.protection is Protection.ASK and not consent:
        raise NotAllowed("Nothing was sent: this recording asks each time before it is uploaded. Start again and say "
                         "yes.")


def check_file(library: Library, sha256: str) -> None:
    """The same for a file that is heard outside the library: the user's mark on that sound holds everywhere."""
    recording = library.recording_with_hash(sha256)
    if recording is not None:
        _check_protection(recording, consent=True)


def carry_withheld(known: Library, library: Library, recording: Recording) -> None:
    """What the user has marked in the library `known` on the same sound holds for `recording` in another, too."""
    here = known.recording_with_hash(recording.sha256)
    if here is not None:
        library.set_desk(recording.id, Desk(withheld=known.desk(here.id).withheld))


def is_outdated(library: Library, sending: Sending, slack: float = 0.0) -> bool:
    """Whether something that a request carried was marked off the record after it, or `slack` seconds before."""
    if sending.recording_id is None:
        return False
    return any(mark.terms is Terms.OFF_THE_RECORD and marked_since(mark, sending.at, slack) and (
        sending.cargo.range is None or overlaps(sending.cargo.range, [mark.range]))
        for mark in library.desk(sending.recording_id).withheld)


def outdated(library: Library, recording_id: int) -> list[Sending]:
    """Uploads of a recording that are still on the service and have in them what was marked off the record since."""
    return [s for s in library.remote_files() if s.recording_id == recording_id and is_outdated(library, s, _CUT)]


def forget_stored(library: Library, recording_id: int, key: str, url: str) -> int:
    """Remove these uploads from the service; gives how many are left. To be called when something was marked."""
    return _clear(library, key, url, outdated(library, recording_id))


def manner_of(chosen: Settings) -> Manner:
    """How things are sent, from the settings; values that make no sense become the usual ones."""
    return Manner(chosen.house_style, chosen.sends_as if chosen.sends_as in ("flac", "ogg") else "flac",
                  min(4, max(1, round(chosen.parts_at_once))), chosen.as_printed)


def clear_remote(library: Library, key: str, url: str, *, but_not_of: Collection[int] = ()) -> int:
    """Remove what is still stored on the service; gives how many files are left. Asks the service only if there are.

    `but_not_of`: recordings whose files are still in use; those with sound that was marked off the record since are
    not.
    """
    files = library.remote_files()
    in_use = [s for s in files if s.recording_id in but_not_of and _age(s) <= _KEPT
              and not is_outdated(library, s, _CUT)]
    return len(in_use) + _clear(library, key, url, [s for s in files if s not in in_use])


def _clear(library: Library, key: str, url: str, files: list[Sending]) -> int:
    """A file that the service says is not there may still come to be while its upload is young."""
    left = 0
    service = None
    for sending in files:
        if _age(sending) > _KEPT:
            library.set_removed(sending.id)  # the service removes what is two days old
        elif key and sending.outcome != "under way":
            if service is None:
                from desktop.engines.gemini_service import Service

                service = Service(key, url)
            verdict = service.delete(sending.remote_name)
            if verdict == "removed" or (verdict == "absent" and (
                    sending.outcome == "answered" or _age(sending) > _LATE)):
                library.set_removed(sending.id)
            else:
                left += 1
        else:
            left += 1
    if service is not None:
        service.close()
    return left


def _age(sending: Sending) -> float:
    """Seconds since the line was written."""
    return (datetime.now(UTC) - datetime.fromisoformat(sending.at)).total_seconds()


def sweep(library: Library) -> None:
    """At the start: what was under way when the program ended has an unknown end."""
    try:
        library.end_unfinished_sendings()
    except PullquoteError:
        pass  # a library that is only read stays as it is
