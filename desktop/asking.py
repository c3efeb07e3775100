"""Questions about a recording: what is sent with them, and keeping the checked answers."""

from __future__ import annotations

from collections.abc import Callable
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
from desktop.receipts import LONGEST_CLIP, AnswerGrows, as_record, as_text, reader

MOST_CHARACTERS = 2_500_000  # of a transcript: about 600,000 tokens


def ask(library: Library, cache: Path, recording: Recording, answers: GeminiAnswers, question: str, *,
        document: TranscriptDocument | None, thread: Thread | None = None, time_range: TimeRange | None = None,
        about_sound: bool = False, report: Report) -> Thread:
    """Ask, check, keep; gives the conversation with its new turn. Payloads are AnswerGrows.

    The transcript's words are sent, and the clip too when a range is chosen; without a transcript, or about sounds,
    the sound alone. Raises UserError, EngineError or Cancelled; then nothing is kept.
    """
    question = clean_text(question).strip()
    if not question:
        raise UserError("Write a question first.")
    if thread is not None:  # its lines are numbered by the transcript that it began with
        time_range, about_sound = thread.range, thread.transcript_id is None
        document = None if thread.transcript_id is None else library.document(thread.transcript_id)
    segments = [] if document is None or about_sound else [
        s for s in document.segments if time_range is None or (s.end > time_range.start and s.start < time_range.end)]
    lines = [_line(number, segment, document) for number, segment in enumerate(segments, 1)]
    if sum(map(len, lines)) > MOST_CHARACTERS:
        raise UserError("This transcript is too long for one question. Choose a range and ask about it.")
    clip, sound = None, None
    if recording.address:
        clip = None if lines else _video(recording, time_range)
    elif not lines or time_range is not None:
        clip, sound = _clip(library, cache, recording, time_range, report, must=not lines)
    growing = Growing()
    origin = 0.0 if clip is None or clip.video else clip.start  # times of a video are on its own clock already
    read = reader(segments, TimeRange(origin, clip.start + clip.seconds) if clip else None)

    def show(progress: Progress) -> None:
        claims = read(growing.text, False)
        report(Progress(progress.fraction, progress.sentence, AnswerGrows(question, claims)))

    turns = thread.turns if thread is not None else ()
    sent = Question(question, lines, clip, [Turn(t.question, as_text(t.answer), t.model) for t in turns],
                    sound)
    answer = answers.ask(sent, growing, show).encode("utf-8", "replace").decode()  # no lone surrogates
    kept = as_record(read(answer, True), answer)
    thread_id = thread.id if thread is not None else library.add_thread(
        recording.id, document.transcript.id if document and lines else None, time_range)
    library.add_turn(thread_id, question, kept, answers.model)
    return next(t for t in library.threads(recording.id) if t.id == thread_id)


def _line(number: int, segment: Segment, document: TranscriptDocument | None) -> str:
    name = document.speaker_name(segment) if document else ""
    return f"[{number}] {clock(segment.start)} {name + ': ' if name else ''}{' '.join(segment.text.split())}"


def _clip(library: Library, cache: Path, recording: Recording, time_range: TimeRange | None, report: Report, *,
          must: bool) -> tuple[Clip | None, Callable[[], BinaryIO] | None]:
    """The sound of the range, or of all; nothing when it is long and the words are there anyway.

    What is long comes as a function that encodes it into a file, which is called when it must be uploaded.
    """
    time_range = (time_range or TimeRange(0.0, recording.duration)).clamped(recording.duration)
    if time_range.seconds < 0.1:
        raise UserError("The range is empty or lies behind the end of the recording ({end}). Choose another range.",
                        end=clock(recording.duration))
    if time_range.seconds > LONGEST_CLIP and not must:
        return None, None
    if time_range.seconds > MOST_HEARD:
        raise UserError("Up to {hours} hours of sound can be sent with a question. Choose a range, or make a "
                        "transcript first: then the whole recording can be asked about.", hours=MOST_HEARD / 3600)
    prepare_recording(library, cache, recording, report)
    if time_range.seconds <= LONGEST_CLIP:
        with PlaybackCopy(CacheFiles(cache, recording.sha256).copy) as copy:
            speech = copy.speech(time_range, None)
        return Clip(speech, flac(speech), time_range.seconds, time_range.start), None
    sound = partial(long_sound, cache, recording, time_range, report)
    return Clip(np.zeros(0, np.int16), b"", time_range.seconds, time_range.start), sound


def _video(recording: Recording, time_range: TimeRange | None) -> Clip:
    """A video at its address, or a part of it."""
    place = (time_range or TimeRange(0.0, recording.reach)).clamped(recording.reach)
    return Clip(np.zeros(0, np.int16), b"", place.seconds, place.start, video=recording.address,
                is_whole=time_range is None)
