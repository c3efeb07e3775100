"""What the library's list shows, and in which order: plain functions over recordings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from desktop.library import Library
from desktop.model import Recording
from desktop.sentences import QT_TRANSLATE_NOOP

_N = QT_TRANSLATE_NOOP
_NUMBER = re.compile(r"(\d+)")


class Place(StrEnum):
    """What is listed."""

    ALL = "all"
    PROJECT = "project"
    NO_PROJECT = "no project"
    TAG = "tag"
    BIN = "bin"


@dataclass(frozen=True)
class Scope:
    """A place, and which project (its name) or tag."""

    place: Place = Place.ALL
    name: str = ""


@dataclass(frozen=True)
class Shelf:
    """All that can be listed, newest first, as it was read at one moment."""

    recordings: tuple[Recording, ...] = ()
    binned: tuple[Recording, ...] = ()
    projects: Mapping[int, str] = field(default_factory=dict)
    words: Mapping[int, str] = field(default_factory=dict)  # folded, by recording: what the filter looks into

    @property
    def tags(self) -> list[str]:
        return sorted({tag for recording in self.recordings for tag in recording.tags}, key=folded)

    def project(self, recording: Recording) -> str:
        """The name of its project; "" for none."""
        return self.projects.get(recording.project_id or 0, "")

    def listed(self, scope: Scope, wanted: str = "", order: str = "newest") -> list[Recording]:
        """What a scope holds, as far as all words of the filter are in it, in order."""
        terms = folded(wanted).split()
        chosen = [r for r in (self.binned if scope.place is Place.BIN else self.recordings) if self._is_in(r, scope)]
        if terms:
            chosen = [r for r in chosen if all(term in self.words[r.id] for term in terms)]
        return chosen if scope.place is Place.BIN and order == "newest" else ordered(chosen, order)

    def _is_in(self, recording: Recording, scope: Scope) -> bool:
        if scope.place is Place.PROJECT:
            return self.project(recording) == scope.name
        if scope.place is Place.NO_PROJECT:
            return recording.project_id is None
        return scope.place is not Place.TAG or scope.name in recording.tags


def read_shelf(library: Library, old: Shelf) -> Shelf:
    """Read everything; 10,000 recordings take a quarter of a second. What is as it was in `old` is the same object."""
    before = {recording.id: recording for recording in (*old.recordings, *old.binned)}
    recordings, binned = (tuple(before[r.id] if before.get(r.id) == r else r for r in found)
                          for found in (library.recordings(), library.binned()))
    projects = {project.id: project.name for project in library.projects()}
    words = {r.id: folded(" ".join((r.title, r.place, *r.people, *r.tags, r.notes,
                                    projects.get(r.project_id or 0, "")))) for r in (*recordings, *binned)}
    return Shelf(recordings, binned, projects, words)


def folded(text: str) -> str:
    """Without capitals and accents, so that é is found by e."""
    if text.isascii():
        return text.lower()
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()


def state_rank(recording: Recording) -> int:
    """0 new, 1 partly transcribed, 2 transcribed, 3 checked."""
    if recording.is_checked:
        return 3
    return 1 if recording.is_partly_heard else 2 if recording.transcript_count else 0


def _by_title(recording: Recording) -> list[Any]:
    """Interview 2 comes before Interview 10."""
    return [int(piece) if n % 2 else piece for n, piece in enumerate(_NUMBER.split(folded(recording.title)))]


def _by_day(recording: Recording) -> tuple[bool, str]:
    return bool(recording.recorded_on), recording.recorded_on


# name: (what the menu says, key, whether the greatest comes first)
ORDERS: dict[str, tuple[str, Callable[[Recording], Any], bool]] = {
    "newest": (_N("core", "Newest first"), lambda r: (r.imported_at, r.id), True),
    "oldest": (_N("core", "Oldest first"), lambda r: (r.imported_at, r.id), False),
    "title": (_N("core", "Title"), _by_title, False),
    "length": (_N("core", "Longest first"), lambda r: r.duration, True),
    "recorded": (_N("core", "Date recorded, latest first"), _by_day, True),
    "state": (_N("core", "State: new first"), state_rank, False),
}


def ordered(recordings: Iterable[Recording], order: str) -> list[Recording]:
    """In one of ORDERS; an unknown one is the first."""
    _, key, greatest_first = ORDERS.get(order, ORDERS["newest"])
    return sorted(recordings, key=key, reverse=greatest_first)
