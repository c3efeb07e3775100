"""A recording is heard: plan parts at silences, cut, ask the engine, check and shift the times, keep each part at once.

Every part goes planned → sending → received (the raw answer is on disk) → stored. A job can be continued at any
point; an answer that arrived is never asked for twice.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count, pairwise
from pathlib import Path

import numpy as np

from desktop.audio.cache import CacheFiles
from desktop.audio.channels import channels_differ
from desktop.audio.files import MIME_TYPES, SPEECH_RATE, PlaybackCopy, encode
from desktop.audio.peaks import Peaks
from desktop.audio.silence import quietest_near
from desktop.clipping import silenced
from desktop.doubts import LOW_COVERAGE, MUCH_MISSING, NO_VOICE, bare, coverage, is_looped, is_over_silence, said_again
from desktop.engines import Annotations, Clip, Engine, HeardSegment, Hearing, Wishes
from desktop.errors import Cancelled, EngineError, PullquoteError, UserError
from desktop.fitting import TOLERANCE, Placed, drop_repeats, place
from desktop.importing import prepare_recording
from desktop.joining import Voice, clean_clip, clip_names, lineup_prompt, lineup_schema, overlap_links, read_lineup
from desktop.library import Library
from desktop.model import (
    SPEAKER_UNSURE,
    Job,
    JobState,
    Part,
    PartState,
    Progress,
    Recording,
    Report,
    Segment,
    TimeRange,
    Word,
    clock,
    ignore_progress,
)
from desktop.naming import propose
from desktop.sentences import QT_TRANSLATE_NOOP, say
from desktop.vocabulary import MOST_SENT
from desktop.withholding import Stretches, refuse_video, whole_lines, without

CUT_REACH = 30.0  # seconds around a border in which the quietest place is looked for
CONTEXT_LINES = 5
NO_WORDS = QT_TRANSLATE_NOOP(
    "core", "No words came for this part, though somebody seems to speak in it. Listen to it; continue to ask again, "
            "or hear it with another engine.")
REPEATED = QT_TRANSLATE_NOOP("core", "repeated")
_SECOND = " (second half)"
_LINES_READ_AT_ONCE = 80
_LINES_BEFORE = 20  # of the part before, that may come once more
_MOST_SHOWN = 20  # voices in a line-up from the first to speak, and as many from the last
_LEAST_HALVED = 30.0  # seconds; what is shorter is asked for again as it is
CHANNEL_NAMES = (QT_TRANSLATE_NOOP("core", "Left channel"), QT_TRANSLATE_NOOP("core", "Right channel"))
_NUMBERED = re.compile(r"(speaker|spk|s)?[\s:_-]*(\d+|[a-z])", re.IGNORECASE)  # no name, but a count
_Halves = list[tuple[float, str | None]]  # (seconds from the start of the clip, answer)
# After these the next part would fail in the same way: the job waits as a whole.
_STOPPING = frozenset((
    "rate", "quota", "server", "network", "offline", "timeout", "blocked", "certificate", "key", "forbidden", "billing",
    "model", "language", "memory", "failed"))


@dataclass(frozen=True)
class Options:
    """What the user chose for one run."""

    engine: str
    model: str
    time_range: TimeRange | None = None
    language: str = ""
    translate_to: str = ""
    speakers: int | None = None
    emotion: bool = True
    vocabulary: tuple[str, ...] | None = None  # None: that of the recording's project
    is_smooth: bool = False

    def as_record(self, library: Library, recording: Recording) -> dict[str, object]:
        """What the library keeps of it."""
        terms = library.terms(recording.project_id) if self.vocabulary is None else self.vocabulary
        return {"model": self.model, "language": self.language, "translate_to": self.translate_to,
                "speakers": self.speakers, "emotion": self.emotion, "vocabulary": list(terms[:MOST_SENT]),
                "smooth": self.is_smooth}


@dataclass(frozen=True)
class PartStored:
    """Progress payload: this part's segments are in the library."""

    transcript_id: int
    index: int


def plan(peaks: Peaks, time_range: TimeRange, *, longest: float, overlap: float,
         channels: Sequence[int | None] = (None,)) -> list[Part]:
    """Cut a range into parts of at most `longest` seconds, at the quietest 300 ms near each border."""
    borders, overlap = [time_range.start], min(overlap, longest / 4)
    reach, room = min(CUT_REACH, longest / 4), longest - overlap
    while time_range.end - borders[-1] > (room if borders[1:] else longest):  # later parts carry the overlap along
        left = time_range.end - borders[-1]
        pieces = int(-(-left // room))
        aim = borders[-1] + min(left / pieces, room - reach)
        cut = quietest_near(peaks, aim, reach)
        borders.append(min(max(cut, borders[-1] + longest / 4), borders[-1] + room))
    borders.append(time_range.end)
    stretches = [(a, b) for a, b in pairwise(borders) if b > a]
    return [Part(index, a, b, overlap if a > time_range.start else 0.0, channel)
            for index, (a, b, channel) in enumerate((a, b, c) for a, b in stretches for c in channels)]


def start_job(library: Library, cache: Path, recording: Recording, engine: Engine, options: Options,
              report: Report = ignore_progress) -> Job:
    """Plan a run and enter it; makes cached files that are gone again. Raises UserError when the range is empty."""
    if recording.address:
        return _start_video(library, recording, engine, options)
    recording = prepare_recording(library, cache, recording, report)
    files = CacheFiles(cache, recording.sha256)
    peaks = Peaks.load(files.peaks)
    time_range = (options.time_range or TimeRange(0.0, recording.duration)).clamped(recording.duration)
    if time_range.seconds < 0.1:
        raise UserError("The range is empty or lies behind the end of the recording ({end}). Choose another range.",
                        end=clock(recording.duration))
    channels: tuple[int | None, ...] = (None,)
    if not engine.abilities.speakers and recording.channels == 2:
        with PlaybackCopy(files.copy) as copy:
            channels = (0, 1) if channels_differ(copy) else (None,)
    parts = plan(peaks, time_range, longest=engine.longest_part, overlap=engine.overlap, channels=channels)
    return library.add_job(recording.id, engine=engine.name, model=engine.model,
                           options=options.as_record(library, recording), time_range=time_range, parts=parts,
                           translate_to=options.translate_to)


def _start_video(library: Library, recording: Recording, engine: Engine, options: Options) -> Job:
    """One part for all of it: where it could be cut is not known here."""
    if engine.name != "gemini" or " + " in engine.model:
        raise UserError("A video on YouTube can only be heard by a general Gemini model, such as the one chosen in "
                        "Settings. To use another engine, import a file of it.")
    refuse_video(recording, library.desk(recording.id))
    time_range = (options.time_range or TimeRange(0.0, recording.reach)).clamped(recording.reach)
    return library.add_job(
        recording.id, engine=engine.name, model=engine.model, translate_to=options.translate_to,
        options=options.as_record(library, recording) | {"whole": options.time_range is None}, time_range=time_range,
        parts=[Part(0, time_range.start, time_range.end)])


def run_job(library: Library, cache: Path, job_id: int, engine: Engine, report: Report) -> Job:
    """Hear the parts that are missing. Progress.payload is PartStored after each.

    Raises Cancelled or EngineError; then the job waits and can be continued, and what was heard is kept. A part
    that alone cannot be heard is marked and the others are heard.
    """
    job = library.job(job_id)
    recording = library.recording(job.recording_id)
    library.set_job_state(job_id, JobState.RUNNING)
    missing = [part for part in job.parts if part.state is not PartState.STORED]
    try:
        prepare_recording(library, cache, recording, report)
        if recording.address:
            _VideoRun(library, job, engine, recording.address, report).hear_all(missing)
        else:
            with PlaybackCopy(CacheFiles(cache, recording.sha256).copy) as copy:
                run = _Run(library, job, engine, copy, Peaks.load(CacheFiles(cache, recording.sha256).peaks), report)
                run.hear_all(missing)
                run.annotate()
        return _finish(library, job_id)
    except PullquoteError as error:
        library.set_job_state(job_id, JobState.WAITING, "" if isinstance(error, Cancelled) else error.sentence)
        raise
    except BaseException:
        library.set_job_state(job_id, JobState.WAITING)
        raise
    finally:
        engine.close()


def _finish(library: Library, job_id: int) -> Job:
    job = library.job(job_id)
    failed = [part for part in job.parts if part.state is not PartState.STORED]
    problem = failed[0].problem if failed else ""
    if not failed:
        library.renumber_speakers(job.transcript_id)
    library.set_job_state(job_id, JobState.FAILED if failed else JobState.DONE, problem)
    return library.job(job_id)


class _Run:
    """One run over the missing parts of a job."""

    def __init__(self, library: Library, job: Job, engine: Engine, copy: PlaybackCopy, peaks: Peaks,
                 report: Report) -> None:
        self._library, self._job, self._engine, self._copy = library, job, engine, copy
        self._all_peaks, self._report = peaks, report
        self._off: Stretches = Stretches(())
        self._peaks = peaks  # of what is on the record: elsewhere nobody expects words
        self._look_at_marks()
        self._look_at_marks()
        total = sum(part.end - part.start for part in job.parts) or 1.0
        self._weights = {part.index: (part.end - part.start) / total for part in job.parts}
        self._done = sum(self._weights[p.index] for p in job.parts if p.state is PartState.STORED)
        self._cutting = threading.Lock()  # the copy is one open file
        self._ahead: dict[int, Future[str]] = {}  # answers that are being asked for while others are stored

    def _look_at_marks(self) -> tuple[TimeRange, ...]:
        """What is off the record now; it may be marked at any time."""
        ranges = self._library.desk(self._job.recording_id).off_record
        off = Stretches(ranges)
        if list(off) != list(self._off):
            self._off, self._peaks = off, silenced(self._all_peaks, ranges)
        return ranges

    def _is_withheld(self, part: Part) -> bool:
        """Whether the whole part is off the record: then nothing is sent for it."""
        self._look_at_marks()
        return self._off.cover(part.start, part.end)

    def hear_all(self, parts: list[Part]) -> None:
        """Hear and store the parts in their order; some engines are asked for several at a time."""
        at_once = self._engine.at_once
        if at_once < 2 or len(parts) < 2:
            for part in parts:
                self.hear(part)
            return
        try:
            with ThreadPoolExecutor(at_once, "part") as pool:  # leaving it waits for what is paid for already
                for number, part in enumerate(parts):
                    for coming in parts[number:number + at_once]:
                        if coming.index not in self._ahead and not self._is_withheld(coming) \
                                and self._library.answer(self._job.id, coming.index) is None:
                            self._ahead[coming.index] = pool.submit(self._ask, coming)
                    self.hear(part)
        finally:
            self._forget_unasked()

    def _forget_unasked(self) -> None:
        """After a stop: what was being asked for and has no answer is planned again."""
        for part in self._library.job(self._job.id).parts:
            if part.state is PartState.SENDING and self._library.answer(self._job.id, part.index) is None:
                self._library.set_part_state(self._job.id, part.index, PartState.PLANNED)

    def hear(self, part: Part) -> None:
        """Hear one part and store it; a failure of this part alone is noted and not raised."""
        try:
            hearing = self._hearing(part)
            self._store(part, hearing)
            self._fit_next(part)
        except Cancelled:
            if self._library.answer(self._job.id, part.index) is None:
                self._library.set_part_state(self._job.id, part.index, PartState.PLANNED)
            raise
        except EngineError as error:
            self._library.set_part_state(self._job.id, part.index, PartState.FAILED, error.sentence)
            if error.kind in _STOPPING:
                raise
        self._done += self._weights[part.index]

    def _hearing(self, part: Part) -> Hearing:
        """From the answer on disk if there is one, else from the engine; see `_heard_again` for a bad one."""
        future = self._ahead.pop(part.index, None)
        if future is not None:
            return self._judged(part, future.result)
        answer = self._library.answer(self._job.id, part.index)
        if answer is None and self._is_withheld(part):
            return Hearing(())
        if answer is None:
            return self._judged(part, lambda: self._ask(part))
        halves = _halves(answer)
        return self._judged(part, lambda: answer) if halves is None else self._in_halves(part, halves)

    def _judged(self, part: Part, answer: Callable[[], str]) -> Hearing:
        """The answer, unless it is not usable or has no word where there is speech."""
        try:
            hearing = self._read(answer())
        except EngineError as error:
            if error.kind != "broken":
                raise
            return self._heard_again(part)
        is_bad = self._is_bad(hearing, TimeRange(part.start, part.end))
        return self._heard_again(part) if is_bad else hearing

    def _is_bad(self, hearing: Hearing, stretch: TimeRange) -> bool:
        """The model repeats itself, its times cannot be right, or it has no word where there is speech."""
        if not hearing.segments:
            return not coverage(self._peaks, [], stretch)
        return is_looped([s.text for s in hearing.segments]) or _has_bad_times(hearing)

    def _heard_again(self, part: Part) -> Hearing:
        """Once more, in two halves when it is long enough: a shorter clip is the cure that helps most often."""
        halves: _Halves = [(0.0, None)]
        if part.end - part.start >= _LEAST_HALVED:
            origin, middle = part.start - part.lead_in, (part.start + part.end) / 2
            border = quietest_near(self._peaks, middle, min(CUT_REACH, (part.end - part.start) / 8))
            halves.append((border - origin, None))
        # From now on the whole is never asked for as it was.
        self._save(part, halves, self._library.answer(self._job.id, part.index))
        self._say(say("The answer was not usable; hearing it once more in two halves") if halves[1:]
                  else say("The answer was not usable; asking once more"), 0.0, part)
        return self._in_halves(part, halves)

    def _in_halves(self, part: Part, halves: _Halves) -> Hearing:
        """Ask for those of the halves that are missing; each answer is on disk before the next is asked for."""
        origin, problem = part.start - part.lead_in, None
        for number, (offset, answer) in enumerate(halves):
            if answer is not None:
                continue
            end = part.end if number == len(halves) - 1 else origin + halves[1][0]
            clip = self._clip(part, TimeRange(origin + offset, end))
            wishes = self._wishes_after(part, halves[0][1]) if number else self._wishes(part)
            heard: str | None = None
            self._library.set_part_state(self._job.id, part.index, PartState.SENDING)
            try:
                heard = self._engine.hear(clip, wishes, lambda p: self._say(p.sentence, p.fraction, part))
                stretch = TimeRange(max(part.start, clip.start), end)
                if self._is_bad(self._engine.read(heard), stretch):  # once more, then it is taken and marked
                    self._save(part, halves, heard)
                    heard = self._engine.hear(clip, wishes, lambda p: self._say(p.sentence, p.fraction, part))
                    again = self._engine.read(heard)
                    if not again.segments and self._engine.abilities.sends_audio and self._is_bad(again, stretch):
                        raise EngineError("broken", NO_WORDS)
            except EngineError as error:
                if error.kind != "broken":
                    raise
                problem = error  # the other half may be fine
                self._save(part, halves, heard)
                continue
            halves = [(o, heard if n == number else text) for n, (o, text) in enumerate(halves)]
            self._save(part, halves)
        if problem is not None:
            raise problem
        return self._joined(halves)

    def _save(self, part: Part, halves: _Halves, bad: str | None = None) -> None:
        """Keep what came, `bad` answers too: those are for people to look at, the program does not read them again."""
        before = self._library.answer(self._job.id, part.index) or ""
        kept = json.loads(before).get("bad", []) if _halves(before) else []
        self._library.save_answer(self._job.id, part.index, json.dumps(
            {"halves": halves, "bad": kept if bad is None else [*kept, bad]}))

    def _wishes_after(self, part: Part, first: str | None) -> Wishes:
        """For the second half: it knows who spoke in the first and how it ended."""
        wishes, heard = self._wishes(part), self._engine.read(first).segments if first is not None else ()
        heard = self._on_record(heard, part)
        speakers = dict.fromkeys([*wishes.known_speakers, *(s.speaker for s in heard if s.speaker)])
        lines = [*wishes.last_lines, *(s.text for s in heard)][-CONTEXT_LINES:]
        return replace(wishes, known_speakers=tuple(speakers), last_lines=tuple(lines), lead_in=0.0)

    def _on_record(self, heard: Sequence[HeardSegment], part: Part) -> tuple[HeardSegment, ...]:
        """Lines of a first half as they may be told on; what came before something was marked may tell of it."""
        self._look_at_marks()
        if not self._off.meet(part.start - part.lead_in, part.end):
            return tuple(heard)
        lines = []
        for item in place(Hearing(tuple(heard)), part, self._peaks):
            left = without(item.segment, self._off)
            if left is not None and not left.flags:  # nobody knows where the others were said
                lines.append(HeardSegment(left.text, left.start, left.end, item.label))
        return tuple(lines)

    def _read(self, answer: str) -> Hearing:
        halves = _halves(answer)
        return self._engine.read(answer) if halves is None else self._joined(halves)

    def _joined(self, halves: _Halves) -> Hearing:
        """Two answers as one, in the time of the whole part."""
        heard = [(offset, self._engine.read(answer)) for offset, answer in halves if answer is not None]
        told = getattr(self._engine, "takes_context", False)  # the second half was told the speakers of the first
        again = _SECOND if getattr(self._engine, "labels_restart", False) and not told else ""
        return Hearing(tuple(_shifted(segment, offset, again if number else "")
                             for number, (offset, hearing) in enumerate(heard) for segment in hearing.segments),
                       "\n".join(hearing.summary for _, hearing in heard if hearing.summary),
                       any(hearing.whole_seconds for _, hearing in heard))

    def _ask(self, part: Part) -> str:
        self._library.set_part_state(self._job.id, part.index, PartState.SENDING)
        clip = self._clip(part, TimeRange(part.start - part.lead_in, part.end))
        answer = self._engine.hear(clip, self._wishes(part), lambda p: self._say(p.sentence, p.fraction, part))
        self._library.save_answer(self._job.id, part.index, answer)
        return answer

    def _clip(self, part: Part, stretch: TimeRange) -> Clip:
        self._say(say("Cutting part {number}", number=part.index + 1), 0.0, part)
        off = self._look_at_marks()
        with self._cutting:
            blocks = list(self._watched(self._copy.speech_blocks(stretch, part.channel, silent=off), part))
        encoded = io.BytesIO()
        if self._engine.abilities.sends_audio:
            encode(self._watched(blocks, part), encoded, self._engine.sends_as)
        return Clip(np.concatenate([np.zeros(0, np.int16), *blocks]), encoded.getvalue(), stretch.seconds,
                    stretch.start, MIME_TYPES[self._engine.sends_as])

    def _watched(self, blocks: Iterable[np.ndarray], part: Part) -> Iterator[np.ndarray]:
        """The blocks, with a chance to stop between them."""
        for block in blocks:
            self._say(say("Cutting part {number}", number=part.index + 1), 0.0, part)
            yield block

    def _wishes(self, part: Part) -> Wishes:
        options = self._job.options
        speakers = options.get("speakers")
        self._look_at_marks()
        before = [left for s in self._before(part) if (left := without(s, self._off)) is not None]
        return Wishes(
            model=self._engine.model, language=str(options.get("language") or ""),
            translate_to=str(options.get("translate_to") or ""),
            speakers=speakers if isinstance(speakers, int) else None, emotion=options.get("emotion") is not False,
            known_speakers=self._known_speakers(),
            last_lines=tuple(s.text for s in before[-CONTEXT_LINES:]), lead_in=part.lead_in,
            vocabulary=tuple(map(str, terms)) if isinstance(terms := options.get("vocabulary"), list) else (),
            is_smooth=options.get("smooth") is True)

    def _known_speakers(self) -> tuple[str, ...]:
        """Labels, in the order of the speakers; not a name of somebody who has only spoken off the record."""
        speakers = self._library.speakers(self._job.transcript_id)
        # Read second: a part that is stored in between brings labels of speakers that are not in the first list.
        labels = self._library.speaker_labels(self._job.transcript_id)
        known = [(s.id, labels[s.id]) for s in speakers if s.id in labels]
        if self._off:
            heard = {s.speaker_id for s in self._library.segments(self._job.transcript_id)
                     if without(s, self._off) is not None}
            known = [(i, label) for i, label in known if i in heard or _NUMBERED.fullmatch(label)]
        return tuple(label for _, label in known)

    def _before(self, part: Part) -> list[Segment]:
        """Lines before this part; what later parts have twice is not taken out of them yet."""
        before = self._library.segments(self._job.transcript_id, before_part=part.index)
        return [s for s in before if s.start < part.start]

    def _store(self, part: Part, hearing: Hearing) -> None:
        self._keep(part, hearing)
        propose(self._library, self._job.transcript_id, hearing.names)
        fraction = self._done + self._weights[part.index]
        sentence = say("Part {number} of {total} is done", number=part.index + 1, total=len(self._job.parts))
        self._report(Progress(min(1.0, fraction), sentence, PartStored(self._job.transcript_id, part.index)))

    def annotate(self) -> None:
        """The second hearing, of the words: what no line has yet is asked for in pieces, each kept at once."""
        read = getattr(self._engine, "annotate", None)
        if read is None:
            return
        open_lines = [(s, name) for s, name in whole_lines(self._library.document(self._job.transcript_id))
                      if not s.language]
        wishes = replace(self._wishes(self._job.parts[0]), known_speakers=(), last_lines=())
        pieces = [open_lines[first:first + _LINES_READ_AT_ONCE]
                  for first in range(0, len(open_lines), _LINES_READ_AT_ONCE)]
        problem: BaseException | None = None
        with ThreadPoolExecutor(self._engine.at_once, "reading") as pool:
            answers = [pool.submit(self._annotated, read, lines, wishes) for lines in pieces]
            try:
                for answer in answers:
                    if answer.cancelled():
                        continue
                    if error := answer.exception():
                        problem = problem or error
                        pool.shutdown(wait=False, cancel_futures=True)  # what is under way is paid for, and kept
                        continue
                    found = answer.result()
                    self._library.annotate(self._job.transcript_id, [
                        (a.segment_id, a.language, a.translation, a.emotion) for a in found.lines], found.summary)
                    propose(self._library, self._job.transcript_id, found.names)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
        if problem is not None:
            raise problem

    def _annotated(self, read: Callable[..., Annotations], lines: list[tuple[Segment, str]],
                   wishes: Wishes) -> Annotations:
        """Lines of which nothing is off the record, at the moment in which they leave: ids stand for whole lines."""
        self._look_at_marks()
        lines = [(s, name) for s, name in lines if without(s, self._off) is s]
        if not lines:
            return Annotations(())
        return read(lines, wishes, lambda p: self._report(Progress(1.0, p.sentence)))

    def _keep(self, part: Part, hearing: Hearing) -> None:
        placed = self._doubted(place(hearing, part, self._peaks))
        if getattr(self._engine, "labels_restart", False):
            placed = self._named(part, placed)
        share = coverage(self._peaks, [item.segment for item in placed], TimeRange(part.start, part.end))
        if part.lead_in:
            before = self._before(part)
            lead_in = part.start - part.lead_in - TOLERANCE
            placed = drop_repeats([s for s in before if s.end > lead_in], placed, part.start)
            again = said_again([s.text for s in before[-_LINES_BEFORE:]], [item.segment.text for item in placed])
            placed = [_flagged(item, REPEATED) if number in again else item for number, item in enumerate(placed)]
        if placed and share < LOW_COVERAGE and part.channel is None:  # one channel need not have all that was said
            placed = [_flagged(placed[0], MUCH_MISSING), *placed[1:]]
        self._library.store_part(self._job, part.index, [self._labelled(item, part) for item in placed],
                                 hearing.summary)

    def _fit_next(self, part: Part) -> None:
        """When the next part was heard before this one, only now can what both have be taken out of it."""
        for following in self._library.job(self._job.id).parts[part.index + 1:part.index + 2]:
            answer = self._library.answer(self._job.id, following.index)
            stretch = TimeRange(following.start - following.lead_in, following.end)
            if following.lead_in and following.state is PartState.STORED and answer is not None \
                    and not self._library.is_replaced(self._job.transcript_id, stretch):
                self._keep(following, self._read(answer))

    def _named(self, part: Part, placed: list[Placed]) -> list[Placed]:
        """Labels that hold over the whole recording: by the overlap, by a line-up, else a new and doubtful speaker."""
        labels = list(dict.fromkeys(item.label for item in placed if item.label))
        names = self._names_of(placed) | self._linked(part, placed)
        known = list(self._library.speaker_labels(self._job.transcript_id).values())
        for label in labels:  # the same name in two parts is the same person, as far as the engine can say
            name = label.removesuffix(_SECOND)
            if name in known and not _NUMBERED.fullmatch(name) and name not in names.values():
                names.setdefault(label, name)
        doubtful: set[str] = set()
        # The labels of a second half are those of another request: they are compared with the first half's, too.
        second = [label for label in labels if label.endswith(_SECOND)]
        for request in ([label for label in labels if label not in second], second):
            unnamed = [label for label in request if label not in names]
            taken = {names[label] for label in request if label in names}
            candidates = [name for name in dict.fromkeys([*known, *names.values()]) if name not in taken]
            if unnamed and candidates:
                names |= self._lined_up(part, placed, unnamed, candidates, names)
            for label in unnamed:
                if label not in names:
                    if candidates:
                        doubtful.add(label)
                    names[label] = _new_name(label, {*known, *names.values()})
        return [replace(item, label=names.get(item.label, ""), segment=replace(
            item.segment, flags=item.segment.flags + ((SPEAKER_UNSURE,) if item.label in doubtful else ())))
            for item in placed]

    def _names_of(self, placed: list[Placed]) -> dict[str, str]:
        """What the labels of a part were called when it was stored, found by its lines."""
        labels = self._library.speaker_labels(self._job.transcript_id)
        stored = {(round(s.start, 2), s.text): labels.get(s.speaker_id or 0, "")
                  for s in self._library.segments(self._job.transcript_id)}
        votes: dict[str, Counter[str]] = {}
        for item in placed:
            name = stored.get((round(item.segment.start, 2), item.segment.text))
            if name and item.label:
                votes.setdefault(item.label, Counter())[name] += 1
        return {label: counts.most_common(1)[0][0] for label, counts in votes.items()}

    def _linked(self, part: Part, placed: list[Placed]) -> dict[str, str]:
        """Names from the part before, for voices that both have heard saying the same words in the overlap."""
        before = next((p for p in self._job.parts if p.index == part.index - 1 and p.channel == part.channel), None)
        answer = self._library.answer(self._job.id, before.index) if before is not None and part.lead_in else None
        if before is None or answer is None:
            return {}
        theirs = place(self._read(answer), before, self._peaks)
        names = self._names_of(theirs)
        links = overlap_links(theirs, placed, TimeRange(part.start - part.lead_in, part.start), before.index,
                              part.index)
        return {new.label: names[old.label] for old, new, _ in links if old.label in names}

    def _lined_up(self, part: Part, placed: list[Placed], unnamed: list[str], known: list[str],
                  names: dict[str, str]) -> dict[str, str]:
        """Ask whose voice it is: a short clip of everybody who is known, and of every voice that is not."""
        labels = self._library.speaker_labels(self._job.transcript_id)
        stored = [(Voice(-1, labels.get(s.speaker_id or 0, "")), s)
                  for s in self._library.segments(self._job.transcript_id)]
        stored += [(Voice(-1, names[item.label]), item.segment) for item in placed if item.label in names]
        here = [(Voice(part.index, item.label), item.segment) for item in placed]
        voices = [*(Voice(-1, name) for name in known), *(Voice(part.index, label) for label in unnamed)]
        silent = [(Voice(-2, ""), Segment(r.start, r.end, "")) for r in self._look_at_marks()]  # nobody can be heard
        places = {voice: clean_clip([*(stored if voice.part < 0 else here), *silent], voice) for voice in voices}
        shown = [voice for voice in voices if places[voice] is not None]
        shown = shown[:_MOST_SHOWN] + shown[_MOST_SHOWN:][-_MOST_SHOWN:]  # the first to speak, and those to be named
        if not any(v.part < 0 for v in shown) or not any(v.part >= 0 for v in shown):
            return {}
        letters = clip_names(len(shown))
        clips = [self._clip(part, stretch) for voice in shown if (stretch := places[voice]) is not None]
        groups: Sequence[tuple[str, ...]] = ()
        for _ in range(2):  # a bad answer would leave a doubtful speaker for good
            try:
                groups = read_lineup(self._engine.same_voices(  # type: ignore[attr-defined]
                    clips, lineup_prompt(letters), lineup_schema(letters), letters,
                    lambda p: self._say(p.sentence, p.fraction, part)), letters)
                break
            except EngineError as error:
                if error.kind in _STOPPING:
                    raise
        by_letter = dict(zip(letters, shown, strict=True))
        found = {}
        for letters_together in groups:
            together = [by_letter[letter] for letter in letters_together]
            old, new = [v for v in together if v.part < 0], [v for v in together if v.part >= 0]
            if len(old) == 1 and len(new) == 1:  # two labels of one request are two people
                found[new[0].label] = old[0].label
        return found

    def _doubted(self, placed: list[Placed]) -> list[Placed]:
        """Mark text where nobody speaks, and lines that are there again and again."""
        often = {text for text, times in Counter(bare(item.segment.text) for item in placed).items() if times >= 4}
        looped = is_looped([item.segment.text for item in placed])
        emotions = self._job.options.get("emotion") is not False
        result = []
        for item in placed:
            if is_over_silence(self._peaks, item.segment):
                item = _flagged(item, NO_VOICE)
            if (looped and bare(item.segment.text) in often) or is_looped([item.segment.text]):
                item = _flagged(item, REPEATED)
            result.append(item if emotions else replace(item, segment=replace(item.segment, emotion="")))
        return result

    def _labelled(self, item: Placed, part: Part) -> tuple[str, Segment]:
        """One channel is one speaker; an engine that names nobody has one speaker for all."""
        if part.channel is not None:
            return CHANNEL_NAMES[part.channel], item.segment
        if not self._engine.abilities.speakers:
            return "Speaker", item.segment
        return item.label, item.segment

    def _say(self, sentence: str, fraction: float, part: Part) -> None:
        total = len(self._job.parts)
        if total > 1:
            sentence = say("Part {number} of {total}: {what}", number=part.index + 1, total=total, what=sentence)
        self._report(Progress(min(1.0, self._done + fraction * self._weights[part.index]), sentence))


class _VideoRun(_Run):
    """A video is watched at its address: there is no sound here to cut, and nothing to measure its times against."""

    def __init__(self, library: Library, job: Job, engine: Engine, address: str, report: Report) -> None:
        nothing = Peaks.build(SPEECH_RATE, 16, np.zeros((0, 3), np.int8), 0)
        super().__init__(library, job, engine, None, nothing, report)  # type: ignore[arg-type]
        self._address = address

    def _clip(self, part: Part, stretch: TimeRange) -> Clip:
        refuse_video(self._library.recording(self._job.recording_id), self._library.desk(self._job.recording_id))
        return Clip(np.zeros(0, np.int16), b"", stretch.seconds, stretch.start, video=self._address,
                    is_whole=self._job.options.get("whole") is True)

    def _heard_again(self, part: Part) -> Hearing:
        self._library.drop_answer(self._job.id, part.index)
        self._say(say("The answer was not usable; asking once more"), 0.0, part)
        return self._read(self._ask(part))

    def _read(self, answer: str) -> Hearing:
        """Its times are on the video's clock already."""
        hearing, start = self._engine.read(answer), self._job.parts[0].start
        return replace(hearing, segments=tuple(_shifted(segment, -start, "") for segment in hearing.segments))

    def _doubted(self, placed: list[Placed]) -> list[Placed]:
        looped = is_looped([item.segment.text for item in placed])
        return [replace(item, segment=replace(item.segment, flags=item.segment.flags + ((REPEATED,) if looped else ())))
                for item in placed]

    def _keep(self, part: Part, hearing: Hearing) -> None:
        super()._keep(part, hearing)
        end = max((s.end for s in self._library.segments(self._job.transcript_id)), default=part.start)
        if self._job.options.get("whole") is True:
            self._library.set_heard_end(self._job, end)


def _has_bad_times(hearing: Hearing) -> bool:
    """Times that fall back, or most of which were made up: worth asking once more."""
    starts = [s.start for s in hearing.segments if s.start is not None]
    made_up = sum(s.unsure or s.start is None for s in hearing.segments)
    return 2 * made_up > len(hearing.segments) or any(b < a - TOLERANCE for a, b in pairwise(starts))


def _flagged(item: Placed, flag: str) -> Placed:
    flags = item.segment.flags
    return item if flag in flags else replace(item, segment=replace(item.segment, flags=(*flags, flag)))


def _halves(answer: str) -> _Halves | None:
    """(offset in seconds, answer or None) of a part that is heard in halves; None when it is not."""
    if not answer.startswith('{"halves": ['):
        return None
    return [(float(offset), None if text is None else str(text)) for offset, text in json.loads(answer)["halves"]]


def _new_name(label: str, taken: set[str]) -> str:
    """The engine's own word for a speaker when it is a name and free, else the next number."""
    label = label.removesuffix(_SECOND)
    if label not in taken and not _NUMBERED.fullmatch(label):
        return label
    return next(name for number in count(1) if (name := f"Speaker {number}") not in taken)


def _shifted(segment: HeardSegment, offset: float, mark: str) -> HeardSegment:
    return replace(
        segment, speaker=segment.speaker + mark if segment.speaker else "",
        start=None if segment.start is None else segment.start + offset,
        end=None if segment.end is None else segment.end + offset,
        words=tuple(Word(w.text, w.start + offset, w.end + offset) for w in segment.words))
