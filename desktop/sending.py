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
from desktop.model import Cargo, Protection, Sending, Usage
from desktop.settings import Settings

_KEPT = 48 * 3600.0  # seconds that the service keeps a file
_LATE = 900.0  # seconds after which an upload that was cut off can no longer come to be


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
        return self._ledger.add_sending(self._entered, cargo, remote_name)

    def back(self, entry: int, outcome: str, usage: Usage | None, model: str) -> None:
        """Note how it ended."""
        cost = self._prices.cost(model, usage) if usage is not None else None
        self._ledger.end_sending(entry, outcome, usage or Usage(), cost)

    def removed(self, entry: int) -> None:
        """Note that the file is gone from the service."""
        self._ledger.set_removed(entry)

    def stored(self, cargo: Cargo) -> tuple[int, str] | None:
        """A whole file of the same sound that was uploaded for this recording and should still be there."""
        if self._entered is None:
            return None
        return next(((s.id, s.remote_name) for s in self._ledger.remote_files()
                     if s.recording_id == self._entered and s.outcome == "answered" and s.cargo.range == cargo.range
                     and s.cargo.host == cargo.host and _age(s) < _KEPT - 3600), None)


def check(library: Library, recording_id: int, *, consent: bool) -> None:
    """Raises NotAllowed when nothing of this recording may be sent now."""
    protection = library.recording(recording_id).protection
    if protection is Protection.NEVER:
        raise NotAllowed("This recording is marked “never upload”, so nothing of it was sent. Use the on-device "
                         "engine, or change its protection in the Details tab.")
    if protection is Protection.ASK and not consent:
        raise NotAllowed("Nothing was sent: this recording asks each time before it is uploaded. Start again and say "
                         "yes.")


def check_file(library: Library, sha256: str) -> None:
    """The same for a file that is heard outside the library: the user's mark on that sound holds everywhere."""
    recording = library.recording_with_hash(sha256)
    if recording is not None:
        check(library, recording.id, consent=True)


def manner_of(chosen: Settings) -> Manner:
    """How things are sent, from the settings; values that make no sense become the usual ones."""
    return Manner(chosen.house_style, chosen.sends_as if chosen.sends_as in ("flac", "ogg") else "flac",
                  min(4, max(1, round(chosen.parts_at_once))), chosen.as_printed)


def clear_remote(library: Library, key: str, url: str, *, but_not_of: Collection[int] = ()) -> int:
    """Remove what is still stored on the service; gives how many files are left. Asks the service only if there are.

    `but_not_of`: recordings whose files are still in use. A file that the service says is not there may still come
    to be while its upload is young.
    """
    left = 0
    service = None
    for sending in library.remote_files():
        if _age(sending) > _KEPT:
            library.set_removed(sending.id)  # the service removes what is two days old
        elif key and sending.recording_id not in but_not_of and sending.outcome != "under way":
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
