"""Edits as the window enters them: the change of a document goes into the library, and the document is read again."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from desktop import editing
from desktop.library import Library
from desktop.model import (
    SPEAKER_UNSURE,
    Change,
    Recording,
    Segment,
    Speaker,
    TimeRange,
    Transcript,
    TranscriptDocument,
    Word,
)


def enter(library: Library, transcript_id: int, change: Change | None) -> TranscriptDocument:
    """Enter a change (None: nothing was to be done); gives the transcript as it is then."""
    if change is not None:
        library.apply([(transcript_id, change)])
    return library.document(transcript_id)


def rename(library: Library, transcript_id: int, speaker_id: int, name: str) -> TranscriptDocument:
    """Give a speaker another name."""
    return enter(library, transcript_id, editing.rename(library.document(transcript_id), speaker_id, name))


def merge_speakers(library: Library, transcript_id: int, kept: int, dropped: int) -> TranscriptDocument:
    """Make two speakers one."""
    return enter(library, transcript_id, editing.merge_speakers(library.document(transcript_id), kept, dropped))


def settle(library: Library, transcript_id: int, speaker_id: int) -> TranscriptDocument:
    """This is a speaker of their own."""
    return enter(library, transcript_id, editing.settle(library.document(transcript_id), speaker_id))


# -- documents and edits by chance -----------------------------------------------------------------------------

TEXTS = ("We did not pay Ortiz on time. He never asked.", "No.", "", "Quizás mañana, señora.", "she said “stop” — left",
         "今天天气很好。我们走吧。", "don't re-elect him at 3.14 o'clock", "one\ntwo  three", "…", "É\u0301 naïve")
PIECES = ("Ørsted", "not", "很好", "3,5", "— ", "!", "and so on.", " ", "\n", "naïve", "𝔘nicode", "了", "a", "")
LENGTH = 400.0  # seconds of the recording


class Ids:
    """Gives out ids as Store.new_id does."""

    def __init__(self, last: int = 1000) -> None:
        self.last = last

    def __call__(self) -> int:
        self.last += 1
        return self.last


def worded(text: str, start: float, end: float) -> tuple[Word, ...]:
    """A word for each piece of a text, with odd times that no rounding would keep."""
    pieces = text.split()
    step = (end - start) / max(1, len(pieces))
    return tuple(Word(piece, start + n * step, start + n * step + step / 3) for n, piece in enumerate(pieces))


def some_segments(chance: random.Random, count: int, speakers: Sequence[int]) -> list[Segment]:
    """Lines as models give them: touching, overlapping, empty, with and without words; in the order of documents."""
    found = []
    for number in range(count):
        start = chance.choice((0.0, round(number * 3.0, 1), chance.uniform(0, LENGTH - 10)))
        end = start + chance.choice((0.0, 3.0, chance.uniform(0, 9)))
        text = chance.choice(TEXTS)
        found.append(Segment(
            start, end, text, chance.choice((*speakers, None)), chance.choice(("en", "es", "")),
            chance.choice(("", "He paid. On time.", "好。走。")), chance.choice(("", "angry")),
            chance.choice(((), (SPEAKER_UNSURE,), ("time unsure", SPEAKER_UNSURE))),
            worded(text, start, end) if chance.random() < 0.7 else (), number + 1, chance.random() < 0.3))
    return sorted(found, key=lambda s: (s.start, s.id))


def some_document(chance: random.Random, count: int = 25) -> TranscriptDocument:
    """A transcript that is in no library."""
    recording = Recording(1, "A talk", "f", "o.wav", "0" * 64, LENGTH, 48_000, 1, "2026-11-22T12:00:00+00:00")
    transcript = Transcript(1, 1, "gemini", "m", "2026-11-22T12:00:00+00:00", TimeRange(0, LENGTH))
    speakers = {n: Speaker(n, f"Speaker {n}", n - 1) for n in (1, 2, 3)}
    return TranscriptDocument(recording, transcript, speakers, tuple(some_segments(chance, count, (1, 2, 3))))


def edited_text(chance: random.Random, text: str) -> str:
    """A text as hands leave it: something taken out, something put in."""
    begin = chance.randint(0, len(text))
    end = min(len(text), begin + chance.choice((0, 0, 1, 3, 40)))
    return text[:begin] + chance.choice(PIECES) + text[end:]


Edit = Callable[[TranscriptDocument, random.Random, Callable[[], int]], Change | None]


def _line(document: TranscriptDocument, chance: random.Random) -> Segment:
    return chance.choice(document.segments)


def _lines(document: TranscriptDocument, chance: random.Random, least: int = 0) -> list[Segment]:
    return chance.sample(document.segments, min(len(document.segments), chance.randint(least, 5)))


def _speaker(document: TranscriptDocument, chance: random.Random) -> int:
    return chance.choice(list(document.speakers))


def _split(document: TranscriptDocument, chance: random.Random, new_id: Callable[[], int]) -> Change | None:
    line = _line(document, chance)
    return editing.split(line, chance.randint(-2, len(line.text) + 2), new_id, lambda s: s + chance.uniform(-0.5, 0.5))


def _retime(document: TranscriptDocument, chance: random.Random, new_id: Callable[[], int]) -> Change:
    line = _line(document, chance)
    return editing.retime(line, line.start + chance.uniform(-3, 3), line.end + chance.uniform(-3, 3), LENGTH)


def _restore(document: TranscriptDocument, chance: random.Random, new_id: Callable[[], int]) -> Change:
    """Back to a version: the document before a few other edits."""
    now = document
    for _ in range(3):
        kind = chance.choice(["set_text", "split", "merge", "delete"])
        if now.segments and (change := KINDS[kind](now, chance, new_id)) is not None:
            now, _ = editing.applied(now, change)
    only = None if chance.random() < 0.5 else [s.id for s in _lines(now, chance)]
    return editing.restore(document, now, only)


KINDS: dict[str, Edit] = {
    "set_text": lambda d, r, _: editing.set_text(s := _line(d, r), edited_text(r, s.text)),
    "set_texts": lambda d, r, _: editing.set_texts([(s, edited_text(r, s.text)) for s in _lines(d, r)]),
    "split": _split,
    "merge": lambda d, r, _: editing.merge(_lines(d, r)),
    "delete": lambda d, r, _: editing.delete(_lines(d, r)[:2]),
    "insert": lambda d, r, new_id: editing.insert(d, r.randint(-1, len(d.segments)), new_id),
    "insert_at": lambda d, r, new_id: editing.insert_at(TimeRange(s := r.uniform(0, LENGTH), s + 2), None, new_id),
    "retime": _retime,
    "check": lambda d, r, _: editing.check(_lines(d, r), r.random() < 0.7),
    "assign": lambda d, r, _: editing.assign(_lines(d, r), r.choice((*d.speakers, None))),
    "assign_new": lambda d, r, new_id: editing.assign_new(d, _lines(d, r, 1), r.choice(("", "Ann\u202e \n")), new_id),
    "part_speaker": lambda d, r, new_id: editing.part_speaker(d, r.randrange(len(d.segments)), "", new_id),
    "rename": lambda d, r, _: editing.rename(d, _speaker(d, r), r.choice(("Bob", "speaker 2", "Lucía", " ", "Zoë"))),
    "merge_speakers": lambda d, r, _: editing.merge_speakers(d, _speaker(d, r), _speaker(d, r)),
    "settle": lambda d, r, _: editing.settle(d, _speaker(d, r)),
    "restore": _restore,
}


def some_change(document: TranscriptDocument, chance: random.Random, new_id: Callable[[], int]) -> Change | None:
    """Any edit."""
    kinds = list(KINDS) if document.segments else ["insert_at"]
    if len(document.segments) < 10:
        kinds += ["insert_at", "insert_at", "split"] if document.segments else []
    return KINDS[chance.choice(kinds)](document, chance, new_id)
