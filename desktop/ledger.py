"""The ledger in words: what left the computer, when, where to, how it ended, what it cost. For window and terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from desktop.model import Sending, clock
from desktop.sentences import QT_TRANSLATE_NOOP, say

PURPOSES = {
    "transcript": QT_TRANSLATE_NOOP("core", "transcript"),
    "question": QT_TRANSLATE_NOOP("core", "question"),
    "translation": QT_TRANSLATE_NOOP("core", "translation"),
    "line-up": QT_TRANSLATE_NOOP("core", "speaker line-up"),
    "video": QT_TRANSLATE_NOOP("core", "transcript of a video"),
    "video question": QT_TRANSLATE_NOOP("core", "question about a video"),
    "upload": QT_TRANSLATE_NOOP("core", "upload"),
    "count": QT_TRANSLATE_NOOP("core", "token count"),
}
OUTCOMES = {
    "under way": QT_TRANSLATE_NOOP("core", "under way"),
    "answered": QT_TRANSLATE_NOOP("core", "answered"),
    "failed": QT_TRANSLATE_NOOP("core", "refused or failed"),
    "unknown": QT_TRANSLATE_NOOP("core", "end unknown"),
}


_FREE = ("upload", "count")


@dataclass(frozen=True)
class Sum:
    """What a group of requests came to."""

    name: str
    requests: int
    byte_count: int
    input_tokens: int
    output_tokens: int
    cost: float
    is_cost_complete: bool  # False: a model was not in the price table


def what(sending: Sending) -> str:
    """The part of the recording, or that only words were sent."""
    place = sending.cargo.range
    if sending.cargo.purpose.startswith("video"):
        return "its address" + (f", for {clock(place.start)}–{clock(place.end)}" if place else "")
    if place is None:
        return "text only"
    stretch = f"{clock(place.start)}–{clock(place.end)} ({place.seconds:.0f} s)"
    return f"short clips from {stretch}" if sending.cargo.purpose == "line-up" else stretch


def stored(sending: Sending) -> str:
    """Whether the service keeps a file of it: "", since when not, or until when at the latest (UTC)."""
    if not sending.remote_name:
        return ""
    if sending.removed_at:
        return say("removed {time}", time=sending.removed_at[:16].replace("T", " "))
    until = (datetime.fromisoformat(sending.at) + timedelta(hours=48)).isoformat()
    return say("stored until {time}", time=until[:16].replace("T", " "))


def size(byte_count: int) -> str:
    """Bytes as people read them."""
    if byte_count < 1000:
        return f"{byte_count} B" if byte_count else "–"
    return f"{byte_count / 1000:.0f} kB" if byte_count < 1_000_000 else f"{byte_count / 1e6:.1f} MB"


def money(cost: float | None) -> str:
    """US dollars, as precisely as it matters."""
    if cost is None:
        return "–"
    return f"${cost:.2f}" if cost >= 0.995 else f"${cost:.4f}" if cost < 0.01 else f"${cost:.3f}"


def add_up(name: str, sendings: Iterable[Sending]) -> Sum:
    """The sum of some lines."""
    lines = list(sendings)
    return Sum(name, len(lines), sum(s.cargo.byte_count for s in lines), sum(s.usage.input_tokens for s in lines),
               sum(s.usage.output_tokens for s in lines), sum(s.cost or 0.0 for s in lines),
               all(s.cost is not None for s in lines if s.outcome == "answered" and s.cargo.purpose not in _FREE))


def by_month(sendings: Iterable[Sending]) -> list[Sum]:
    """Sums per month (UTC), newest first."""
    months: dict[str, list[Sending]] = {}
    for sending in sendings:
        months.setdefault(sending.at[:7], []).append(sending)
    return [add_up(month, lines) for month, lines in sorted(months.items(), reverse=True)]
