"""Questions about a recording: what is sent with them, and keeping the checked answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from desktop.audio.cache import CacheFiles
from desktop.audio.files import PlaybackCopy, flac
from desktop.cleaning import clean_text
from desktop.clipping import long_sound
from desktop.engines import Clip
from desktop.engines.gemini_answers import GeminiAnswers, Growing, Question
from desktop.errors import UserError
from desktop.importing import prepare_recording
from desktop.library import Library
from desktop.model import (
    MOST_HEARD,
    Desk,
    Progress,
    Recording,
    Report,
    Segment,
    Thread,
    TimeRange,
    TranscriptDocument,
    Turn,
    clock,
)
from desktop.receipts import LONGEST_CLIP, AnswerGrows, Claim, as_record, as_text, reader
from desktop.withholding import Stretches, is_masked, refuse_video, released_lines

MOST_CHARACTERS = 2_500_000  # of a transcript: about 600,000 tokens


def ask(library: Library, cache: Path, recording: Recording, answers: GeminiAnswers, question: str, *,
        document: TranscriptDocument | None, thread: Thread | None = None, time_range: TimeRange | None = None,
        about_sound: bool = False, report: Report) -> Thread:
    """Ask, check, keep; gives the conversation with its new turn. Payloads are AnswerGrows.

    The transcript's words are sent, and the clip too when a range is chosen; without a transcript, or about sounds,
    the sound alone; of neither what is off the record, nor earlier answers that may tell of it. Raises UserError,
    EngineError or Cancelled; then nothing is kept.
    """
    asked_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    question = clean_text(question).strip()
    if not question:
        raise UserError("Write a question first.")
    pending = document.desk.withheld if document is not None else ()  # the library may not know of it yet
    if thread is not None:  # its lines are numbered by the transcript that it began with
        time_range, about_sound = thread.range, thread.transcript_id is None
        document = None if thread.transcript_id is None else library.document(thread.transcript_id)
    if not recording.address and (document is None or about_sound or time_range is not None):
        prepare_recording(library, cache, recording, report)  # may take minutes, in which something may be marked
    desk = library.desk(recording.id)
    known = {(mark.range, mark.terms) for mark in desk.withheld}
    desk = replace(desk, withheld=(*desk.withheld, *(m for m in pending if (m.range, m.terms) not in known)))
    sent = _material(library, cache, recording, None if about_sound or document is None else
                     replace(document, desk=desk), time_range, desk, report)
    growing = Growing()

    def show(progress: Progress) -> None:
        claims = sent.read(growing.text, False)
        report(Progress(progress.fraction, progress.sentence, AnswerGrows(question, claims)))

    turns = [t for t in thread.turns if not is_masked(thread, t, desk)] if thread is not None else []
    answer = answers.ask(Question(question, sent.lines, sent.clip, [Turn(t.question, as_text(t.answer), t.model)
                                                                   for t in turns], sent.sound), growing, show)
    answer = answer.encode("utf-8", "replace").decode()  # no lone surrogates
    kept = as_record(sent.read(answer, True), answer)
    thread_id = thread.id if thread is not None else library.add_thread(
        recording.id, document.transcript.id if document and sent.lines else None, time_range)
    library.add_turn(thread_id, question, kept, answers.model, asked_at)
    return next(t for t in library.threads(recording.id) if t.id == thread_id)


@dataclass(frozen=True)
class _Material:
    """What goes along with a question, and a function that reads its answer with regard to that."""

    lines: list[str]
    clip: Clip | None
    sound: Callable[[], BinaryIO] | None
    read: Callable[[str, bool], tuple[Claim, ...]]


def _material(library: Library, cache: Path, recording: Recording, document: TranscriptDocument | None,
              time_range: TimeRange | None, desk: Desk, report: Report) -> _Material:
    segments = _segments(document, time_range) if document is not None else []
    lines = [_line(number, segment, document) for number, segment in enumerate(segments, 1) if segment is not _WITHHELD]
    if sum(map(len, lines)) > MOST_CHARACTERS:
        raise UserError("This transcript is too long for one question. Choose a range and ask about it.")
    clip, sound = None, None
    if recording.address:
        clip = None if lines else _video(recording, time_range, desk)
    elif not lines or time_range is not None:
        clip, sound = _clip(library, cache, recording, time_range, desk, report, must=not lines)
    origin = 0.0 if clip is None or clip.video else clip.start  # times of a video are on its own clock already
    return _Material(lines, clip, sound, reader(
        segments if lines else (), TimeRange(origin, clip.start + clip.seconds) if clip else None, desk.off_record))


_WITHHELD = Segment(0.0, 0.0, "")  # in the place of a line that stays here, so that the others keep their numbers


def _segments(document: TranscriptDocument, time_range: TimeRange | None) -> list[Segment]:
    """The lines of the range as they may leave."""
    return [_WITHHELD if line is None else line
            for s, line in zip(document.segments, released_lines(document), strict=True)
            if time_range is None or (s.end > time_range.start and s.start < time_range.end)]


def _line(number: int, segment: Segment, document: TranscriptDocument | None) -> str:
    name = document.speaker_name(segment) if document else ""
    return f"[{number}] {clock(segment.start)} {name + ': ' if name else ''}{' '.join(segment.text.split())}"


def _clip(library: Library, cache: Path, recording: Recording, time_range: TimeRange | None, desk: Desk,
          report: Report, *, must: bool) -> tuple[Clip | None, Callable[[], BinaryIO] | None]:
    """The sound of the range, or of all; nothing when it is long and the words are there anyway.

    What is long comes as a function that encodes it into a file, which is called when it must be uploaded.
    """
    time_range = (time_range or TimeRange(0.0, recording.duration)).clamped(recording.duration)
    if time_range.seconds < 0.1:
        raise UserError("The range is empty or lies behind the end of the recording ({end}). Choose another range.",
                        end=clock(recording.duration))
    if Stretches(desk.off_record).cover(time_range.start, time_range.end):
        raise UserError("All of this is off the record, so nothing was sent. Choose another range, or take the mark "
                        "off.")
    if time_range.seconds > LONGEST_CLIP and not must:
        return None, None
    if time_range.seconds > MOST_HEARD:
        raise UserError("Up to {hours} hours of sound can be sent with a question. Choose a range, or make a "
                        "transcript first: then the whole recording can be asked about.", hours=MOST_HEARD / 3600)
    prepare_recording(library, cache, recording, report)
    if time_range.seconds <= LONGEST_CLIP:
        with PlaybackCopy(CacheFiles(cache, recording.sha256).copy) as copy:
            speech = copy.speech(time_range, None, silent=[*desk.off_record, *library.desk(recording.id).off_record])
        return Clip(speech, flac(speech), time_range.seconds, time_range.start), None
    sound = partial(long_sound, library, cache, recording, time_range, report, also=desk.off_record)
    return Clip(np.zeros(0, np.int16), b"", time_range.seconds, time_range.start), sound


def _video(recording: Recording, time_range: TimeRange | None, desk: Desk) -> Clip:
    """A video at its address, or a part of it."""
    refuse_video(recording, desk)
    place = (time_range or TimeRange(0.0, recording.reach)).clamped(recording.reach)
    return Clip(np.zeros(0, np.int16), b"", place.seconds, place.start, video=recording.address,
                is_whole=time_range is None)
