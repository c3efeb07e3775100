"""The plain words of the program: frozen records that every floor may pass around.

All times are seconds (float) from the start of the recording.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from desktop.sentences import QT_TRANSLATE_NOOP


@dataclass(frozen=True)
class TimeRange:
    """A stretch of a recording, `start` <= `end`, in seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start

    def clamped(self, duration: float) -> TimeRange:
        """The part of the range that lies inside a recording of `duration` seconds."""
        start = min(max(0.0, self.start), duration)
        return TimeRange(start, min(max(start, self.end), duration))


@dataclass(frozen=True)
class Word:
    """One spoken word with its own times."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Speaker:
    """Who speaks: a record with an id; the name is looked up when shown, never pasted into text."""

    id: int
    name: str
    position: int = 0  # order of first appearance; gives the colour and pattern
    merged_into: int | None = None  # another speaker who this one turned out to be; then shown nowhere


@dataclass(frozen=True)
class Segment:
    """One turn of one speaker. Empty strings mean: not known."""

    start: float
    end: float
    text: str
    speaker_id: int | None = None
    language: str = ""
    translation: str = ""
    emotion: str = ""
    flags: tuple[str, ...] = ()  # e.g. "time unsure"
    words: tuple[Word, ...] = ()
    id: int = 0
    checked: bool = False  # somebody has listened: heard and right


class Protection(StrEnum):
    """Whether a recording may leave the computer; enforced in sending.py."""

    NEVER = "never"
    ASK = "ask"  # each time
    MAY = "may"


SPEAKER_UNSURE = QT_TRANSLATE_NOOP("core", "speaker unsure")  # the flag of lines whose voice may be another's
OLD_TRANSLATION = QT_TRANSLATE_NOOP("core", "translation not up to date")  # the text was edited since
MOST_HEARD = 9.5 * 3600  # seconds of sound that the service takes at a time


class RecordingState(StrEnum):
    """What the library knows about a recording's audio."""

    PREPARING = "preparing"  # the original is safe; waveform and playback copy are still being made
    READY = "ready"


@dataclass(frozen=True)
class Recording:
    """One audio file and what belongs to it."""

    id: int
    title: str
    folder: str  # name of its folder below recordings/
    original: str  # file name of the untouched original inside that folder
    sha256: str
    duration: float  # counted samples, not the header's word
    sample_rate: int
    channels: int
    imported_at: str  # ISO 8601, UTC
    state: RecordingState = RecordingState.READY
    problem: str = ""  # e.g. damaged from 12:03 on
    is_sample: bool = False
    transcript_count: int = 0
    is_partly_heard: bool = False  # a job still misses parts
    protection: Protection = Protection.ASK
    project_id: int | None = None
    address: str = ""  # of a public video: then no sound of it is here, and `duration` is where its last line ends
    recorded_on: str = ""  # ISO 8601 day, of the place where it was recorded; "" when not known
    place: str = ""
    notes: str = ""
    people: tuple[str, ...] = ()  # who was there, spoken or not
    tags: tuple[str, ...] = ()
    is_checked: bool = False  # somebody has listened to the whole transcript
    removed_at: str = ""  # ISO 8601, UTC: since then it is in the bin
    byte_count: int = 0  # of the original

    @property
    def reach(self) -> float:
        """Seconds that a range may reach: the end, or of a video, whose length is not known here, the most there is."""
        return max(self.duration, MOST_HEARD) if self.address else self.duration


@dataclass(frozen=True)
class Project:
    """A folder of recordings."""

    id: int
    name: str


@dataclass(frozen=True)
class Proposal:
    """A name that a speaker may have, and the line that reveals it."""

    speaker_id: int
    name: str
    segment_id: int


@dataclass(frozen=True)
class Transcript:
    """One hearing of a recording, or of a range of it, by one engine."""

    id: int
    recording_id: int
    engine: str
    model: str
    created_at: str
    range: TimeRange
    summary: str = ""
    translate_to: str = ""
    missing: tuple[TimeRange, ...] = ()


class Terms(StrEnum):
    """On which terms something was said, when it was not simply on the record."""

    OFF_THE_RECORD = "off the record"  # leaves this program in no way; masked on screen
    BACKGROUND = "background"  # usable, but not attributable: no name goes with it


@dataclass(frozen=True)
class Withheld:
    """A stretch that was not said on the record."""

    range: TimeRange
    terms: Terms = Terms.OFF_THE_RECORD
    marked_at: str = ""  # ISO 8601, UTC


@dataclass(frozen=True)
class Mark:
    """A place worth coming back to."""

    seconds: float
    note: str = ""


@dataclass(frozen=True)
class Quote:
    """A saved stretch with its words as they stood when it was saved."""

    range: TimeRange
    text: str
    transcript_id: int | None = None
    speaker_id: int | None = None
    said_by: str = ""  # the speaker's name then; for when the speaker is gone
    note: str = ""
    tag: str = ""
    made_at: str = ""  # ISO 8601, UTC
    id: int = 0


@dataclass(frozen=True)
class Desk:
    """What the journalist has noted about a recording, whichever transcript is shown."""

    quotes: tuple[Quote, ...] = ()
    marks: tuple[Mark, ...] = ()
    withheld: tuple[Withheld, ...] = ()

    @property
    def off_record(self) -> tuple[TimeRange, ...]:
        """Stretches that leave this program in no way, in the order of time."""
        return tuple(w.range for w in self.withheld if w.terms is Terms.OFF_THE_RECORD)

    def with_quote(self, quote: Quote) -> Desk:
        """One quote more, in the order of time."""
        return replace(self, quotes=tuple(sorted((*self.quotes, quote), key=lambda q: (q.range.start, q.id))))

    def with_mark(self, seconds: float) -> Desk:
        """One mark more, in the order of time."""
        return replace(self, marks=tuple(sorted((*self.marks, Mark(seconds)), key=lambda mark: mark.seconds)))


@dataclass(frozen=True)
class Change:
    """What an edit does to a transcript: these segments and speakers are replaced by those, also backwards.

    A segment or speaker with the same id on both sides is the same one, changed.
    """

    before: tuple[Segment, ...] = ()
    after: tuple[Segment, ...] = ()
    speakers_before: tuple[Speaker, ...] = ()
    speakers_after: tuple[Speaker, ...] = ()

    def reversed(self) -> Change:
        """The change that takes this one back."""
        return Change(self.after, self.before, self.speakers_after, self.speakers_before)

    @property
    def is_empty(self) -> bool:
        return self.before == self.after and self.speakers_before == self.speakers_after


@dataclass(frozen=True)
class Version:
    """A transcript as it once was."""

    id: int
    transcript_id: int
    at: str  # ISO 8601, UTC
    reason: str  # what came after it


class JobState(StrEnum):
    """Where a transcription job stands."""

    RUNNING = "running"
    WAITING = "waiting"  # stopped, lost its network or its key: the missing parts can be continued
    FAILED = "failed"
    DONE = "done"


class PartState(StrEnum):
    """Where one part of a job stands."""

    PLANNED = "planned"
    SENDING = "sending"
    RECEIVED = "received"  # the raw answer is on disk; nothing needs to be paid again
    STORED = "stored"
    FAILED = "failed"


@dataclass(frozen=True)
class Part:
    """A piece of a recording that is heard in one request."""

    index: int
    start: float  # where its own text begins
    end: float
    lead_in: float = 0.0  # seconds before `start` that are sent along (the overlap)
    channel: int | None = None  # one channel only, for two microphones on two tracks
    state: PartState = PartState.PLANNED
    problem: str = ""


@dataclass(frozen=True)
class Job:
    """One run of an engine over a recording or a range."""

    id: int
    recording_id: int
    transcript_id: int
    engine: str
    options: dict[str, object]
    state: JobState
    problem: str = ""
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Cargo:
    """What is about to leave the computer in one request."""

    purpose: str  # "transcript", "question", "translation", "line-up", "count", "upload"
    model: str
    host: str
    range: TimeRange | None = None  # of the recording; None when no audio goes along
    byte_count: int = 0  # of audio, or of text when there is no audio


@dataclass(frozen=True)
class Usage:
    """Tokens as the service counted them; thinking counts as output."""

    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens)


@dataclass(frozen=True)
class Sending:
    """One line of the ledger: a request that carried audio or words of a recording."""

    id: int
    recording_id: int | None  # None: the recording was removed since
    at: str  # ISO 8601, UTC; written before the first byte left
    cargo: Cargo
    outcome: str  # "under way", "answered", "failed", "unknown"
    usage: Usage = Usage()
    cost: float | None = None  # US dollars by the price table of the day; None: not in the table
    remote_name: str = ""  # of a file stored on the service
    removed_at: str = ""  # when that file was removed there


@dataclass(frozen=True)
class Turn:
    """One question and its answer, as the service gave it."""

    question: str
    answer: str  # JSON, see asking.py
    model: str
    asked_at: str = ""  # ISO 8601, UTC: before anything was gathered for it


@dataclass(frozen=True)
class Thread:
    """A conversation about a recording; follow-ups carry the turns before them along."""

    id: int
    recording_id: int
    transcript_id: int | None
    created_at: str
    turns: tuple[Turn, ...] = ()
    range: TimeRange | None = None


@dataclass(frozen=True)
class Progress:
    """What a long job reports: how far (0..1), one sentence, and what is new since the last report."""

    fraction: float
    sentence: str
    payload: object = None


Report = Callable[[Progress], None]


def ignore_progress(progress: Progress) -> None:
    """A `report` for callers that do not look."""


@dataclass(frozen=True)
class TranscriptDocument:
    """A transcript with everything needed to show or export it, looked up once."""

    recording: Recording
    transcript: Transcript
    speakers: dict[int, Speaker] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()
    desk: Desk = Desk()

    def speaker_name(self, segment: Segment) -> str:
        """The display name, or "" when nobody is named."""
        speaker = self.speakers.get(segment.speaker_id or 0)
        return speaker.name if speaker else ""


def clock(seconds: float, tenths: bool = False, hours: bool | None = None) -> str:
    """Seconds as people read them: 12:03, 1:02:30, or 00:12:03.4 with `tenths` and `hours`."""
    ticks = int(max(0.0, seconds) * 10 + 1e-6)
    whole, tenth = divmod(ticks, 10)
    minutes, second = divmod(whole, 60)
    hour, minute = divmod(minutes, 60)
    show_hours = hour > 0 if hours is None else hours
    text = f"{hour:02d}:{minute:02d}:{second:02d}" if hours else (
        f"{hour}:{minute:02d}:{second:02d}" if show_hours else f"{minute}:{second:02d}")
    return f"{text}.{tenth}" if tenths else text


_CLOCK = re.compile(r"(?:(?:([0-9]{1,4}):)?([0-9]{1,5}):)?([0-9]{1,7}(?:[.,][0-9]{1,6})?)")


def parse_clock(text: str) -> float:
    """Seconds from SS, MM:SS or H:MM:SS, each with an optional fraction. ValueError when it is none."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds.replace(",", "."))
