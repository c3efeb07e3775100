"""Edits of a transcript as plain functions: each gives the Change that one undo step holds.

Segments of a document stand in the order of (start, id). Times are seconds on the recording's clock.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from desktop.cleaning import LONGEST_TEXT, clean_name, clean_text
from desktop.errors import UserError
from desktop.model import OLD_TRANSLATION, SPEAKER_UNSURE, Change, Segment, Speaker, TimeRange, TranscriptDocument, Word
from desktop.withholding import word_spans
from desktop.word_times import fit, is_dense

SHORTEST = 0.05  # seconds that a line lasts at least after its edges were moved
_MANY = 200  # lines; more are looked for in one walk
_NEW_LINE = 2.0  # seconds of a line that is added where there is room
_SENTENCE_END = re.compile(  # a blank behind a stop, and perhaps quotation marks; scripts without blanks need none
    r"(?<=[.!?…])\s+|(?<=[.!?…][\"'”’»)])\s+|(?<=[。！？])(?![\"'”’»)」』。！？])|(?<=[。！？][”’」』])")
_FIELDS = tuple(f.name for f in fields(Segment) if f.name != "id")

NewId = Callable[[], int]
Snap = Callable[[float], float]


@dataclass(frozen=True)
class Splice:
    """What an applied change did to the rows: `removed` rows from `row` on gave way to `added`."""

    row: int
    removed: int
    added: tuple[Segment, ...]
    new: tuple[Segment, ...]  # those of `added` that were not there before, or were others
    changed: tuple[int, ...] | None  # the rows that are others now, when there are as many as before


# -- applying --------------------------------------------------------------------------------------------------


def rebased(change: Change, document: TranscriptDocument) -> Change:
    """The change as it fits the document of now: it touches only what it was about, and only what is still there.

    A machine may have translated a line since; taking back a correction of its text leaves that alone. A speaker who
    has lines that the change does not know of stays.
    """
    now = _by_id(document.segments, change.before)
    old = {s.id: s for s in change.before}
    before = tuple(now[i] for i in old if i in now)
    after = tuple(_merged(now[s.id], old[s.id], s) if s.id in old else s
                  for s in change.after if s.id not in old or s.id in now)
    if not change.speakers_before:
        return Change(before, after, (), change.speakers_after)
    return _with_speakers(change, document, Change(before, after))


def _with_speakers(change: Change, document: TranscriptDocument, lines: Change) -> Change:
    """`lines` with the speakers of `change`, and with lines of speakers who are merged that came in since."""
    old = {s.id: s for s in change.speakers_before}
    known = {i: document.speakers.get(i, s) for i, s in old.items()}
    after = {s.id: _of_now(known[s.id], old[s.id], s) if s.id in known else s for s in change.speakers_after}
    if all(i in after and after[i].merged_into is None for i in known):  # nobody goes: a new name, say
        return replace(lines, speakers_before=tuple(known.values()), speakers_after=tuple(after.values()))
    changed = {s.id for s in lines.before}
    others = [s for s in document.segments if s.speaker_id in known and s.id not in changed]
    merged = [(s, kept) for s in others if (kept := _kept(after, s.speaker_id)) is not None]
    for speaker_id in {s.speaker_id for s in others} - {s.speaker_id for s, _ in merged}:
        if speaker_id is not None and (speaker_id not in after or after[speaker_id].merged_into is not None):
            after[speaker_id] = known[speaker_id]
    return Change((*lines.before, *(s for s, _ in merged)), (*lines.after, *(_said_by(s, kept) for s, kept in merged)),
                  tuple(known.values()), tuple(after.values()))


def _kept(speakers: Mapping[int, Speaker], speaker_id: int | None) -> int | None:
    """Whom a speaker is merged into: somebody else."""
    speaker = speakers.get(speaker_id or 0)
    return speaker.merged_into if speaker is not None and speaker.merged_into != speaker_id else None


def _merged(now: Segment, old: Segment, new: Segment) -> Segment:
    """`now` with what the step from `old` to `new` changes."""
    if now == old:
        return new
    changed = {name: getattr(new, name) for name in _FIELDS if getattr(old, name) != getattr(new, name)}
    flags = [f for f in now.flags if f in new.flags or f not in old.flags]
    flags += [f for f in new.flags if f not in old.flags and f not in flags]
    if now.translation != old.translation and "translation" not in changed and "text" in changed:
        flags = _with_old_translation(flags, now, new.text)
    return replace(now, **{**changed, "flags": tuple(flags)})


def _of_now(now: Speaker, old: Speaker, new: Speaker) -> Speaker:
    return Speaker(now.id, now.name if old.name == new.name else new.name,
                   now.position if old.position == new.position else new.position, new.merged_into)


def applied(document: TranscriptDocument, change: Change) -> tuple[TranscriptDocument, Splice]:
    """The document after a change that fits it, and which rows are others now."""
    segments = document.segments
    gone = {s.id for s in change.before}
    after = sorted(change.after, key=_order)
    rows = _rows_of(segments, change.before)
    places = [bisect_left(segments, _order(s), key=_order) for s in (after[:1] + after[-1:])]
    low = min([*rows, *places], default=0)
    high = max([*(row + 1 for row in rows), *places], default=0)
    region = tuple(sorted([*(s for s in segments[low:high] if s.id not in gone), *after], key=_order))
    speakers = dict(document.speakers)
    for speaker in change.speakers_before:
        speakers.pop(speaker.id, None)
    speakers |= {s.id: s for s in change.speakers_after if s.merged_into is None}
    ordered = dict(sorted(speakers.items(), key=lambda item: (item[1].position, item[0])))
    document = replace(document, segments=segments[:low] + region + segments[high:], speakers=ordered)
    old = segments[low:high]
    changed = tuple(low + n for n, (was, now) in enumerate(zip(old, region, strict=True)) if was is not now) if (
        len(old) == len(region)) else None
    return document, Splice(low, high - low, region, tuple(after), changed)


def row_of(segments: Sequence[Segment], segment: Segment) -> int:
    """The row of a segment as it stands there; -1 when it does not."""
    row = bisect_left(segments, _order(segment), key=_order)
    return row if row < len(segments) and segments[row].id == segment.id else -1


def _order(segment: Segment) -> tuple[float, int]:
    return segment.start, segment.id


def _rows_of(segments: Sequence[Segment], wanted: Sequence[Segment]) -> list[int]:
    if len(wanted) > _MANY:
        ids = {s.id for s in wanted}
        return [row for row, s in enumerate(segments) if s.id in ids]
    return [row for segment in wanted if (row := row_of(segments, segment)) >= 0]


def _by_id(segments: Sequence[Segment], wanted: Sequence[Segment]) -> dict[int, Segment]:
    """The segments of now that have the ids of `wanted`: looked for where they stood, else everywhere."""
    found = {}
    for segment in wanted if len(wanted) <= _MANY else ():
        row = row_of(segments, segment)
        if row < 0:
            break
        found[segment.id] = segments[row]
    if len(found) == len(wanted):
        return found
    ids = {s.id for s in wanted}
    return {s.id: s for s in segments if s.id in ids}


# -- text ------------------------------------------------------------------------------------------------------


def set_text(segment: Segment, text: str) -> Change:
    """Another text; words keep their times, and a translation of other words is marked as such."""
    return Change((segment,), (with_text(segment, text),))


def set_texts(pairs: Iterable[tuple[Segment, str]]) -> Change:
    """The same for many lines at once."""
    changed = [(s, new) for s, text in pairs if (new := with_text(s, text)) != s]
    return Change(tuple(s for s, _ in changed), tuple(new for _, new in changed))


def with_text(segment: Segment, text: str) -> Segment:
    """The segment with another text; the same object when it says the same."""
    text = clean_text(text)
    if text == segment.text:
        return segment
    return replace(segment, text=text, words=fit(segment.words, text, segment.start, segment.end),
                   flags=tuple(_with_old_translation(segment.flags, segment, text)))


def _with_old_translation(flags: Sequence[str], segment: Segment, text: str) -> list[str]:
    """The flags that a segment has with another text: its translation, if there is one, is of other words."""
    if segment.translation and OLD_TRANSLATION not in flags and _bare(text) != _bare(segment.text):
        return [*flags, OLD_TRANSLATION]
    return list(flags)


def _bare(text: str) -> list[str]:
    return re.sub(r"[^\w\s]", "", text.casefold()).split()


# -- lines -----------------------------------------------------------------------------------------------------


def split(segment: Segment, caret: int, new_id: NewId, snap: Snap = lambda seconds: seconds) -> Change | None:
    """Two lines, parted at a place in the text (never inside a word); None where one of them would be empty.

    The times come from the words, else from the share of the text, moved by `snap` to where nobody speaks.
    """
    spans = word_spans(segment.text, segment.words)
    caret = _word_border(segment.text, caret, spans or ())
    left, right = segment.text[:caret].rstrip(), segment.text[caret:].lstrip()
    if not left or not right:
        return None
    ends, starts, words = _cut(segment, caret, spans, snap)
    shared = _translations(segment, left, right)
    flags = segment.flags
    if segment.translation and not shared[1] and OLD_TRANSLATION not in flags:
        flags = (*flags, OLD_TRANSLATION)
    first = replace(segment, end=ends, text=left, words=words[0], translation=shared[0], flags=flags)
    second = replace(segment, id=new_id(), start=starts, text=right, words=words[1], translation=shared[1], flags=flags)
    return Change((segment,), (first, second))


def _word_border(text: str, caret: int, spans: Sequence[tuple[int, int]]) -> int:
    """The nearest place between two words; `spans` are where words stand that were heard as one."""
    caret = min(max(0, caret), len(text))
    inside = {n for begin, end in spans for n in range(begin + 1, end)}
    before = next(n for n in range(caret, -1, -1) if n not in inside and _is_border(text, n))
    after = next(n for n in range(caret, len(text) + 1) if n not in inside and _is_border(text, n))
    return before if caret - before <= after - caret else after


def _is_border(text: str, place: int) -> bool:
    if place in (0, len(text)) or text[place].isspace() or text[place - 1].isspace():
        return True
    return is_dense(text[place - 1]) or is_dense(text[place])


def _cut(segment: Segment, caret: int, spans: Sequence[tuple[int, int]] | None,
         snap: Snap) -> tuple[float, float, tuple[tuple[Word, ...], tuple[Word, ...]]]:
    """Where the first line ends and the second begins, and the words of each."""
    if spans is not None:
        count = sum(1 for begin, _ in spans if begin < caret)
        left, right = segment.words[:count], segment.words[count:]
        ends = min(max(segment.start, left[-1].end if left else right[0].start), segment.end)
        return ends, min(max(ends, right[0].start if right else ends), segment.end), (left, right)
    share = len(segment.text[:caret].strip()) / max(1, len(segment.text))
    place = snap(segment.start + share * (segment.end - segment.start))
    place = min(max(segment.start, place), segment.end)
    count = sum(1 for w in segment.words if (w.start + w.end) / 2 < place)
    return place, place, (segment.words[:count], segment.words[count:])


def _translations(segment: Segment, left: str, right: str) -> tuple[str, str]:
    """The translation parted like the text when sentences tell how; else it stays with the first line."""
    pieces = _sentences(segment.translation)
    count = len(_sentences(left))
    if pieces and len(pieces) == count + len(_sentences(right)):
        return _joined(pieces[:count]), _joined(pieces[count:])
    return segment.translation, ""


def _sentences(text: str) -> list[str]:
    return [piece.strip() for piece in _SENTENCE_END.split(text) if piece.strip()]


def merge(segments: Sequence[Segment]) -> Change | None:
    """Lines as one, under the id and the speaker of the first; None for less than two. UserError when too long."""
    if len(segments) < 2:
        return None
    lines = sorted(segments, key=_order)
    first = lines[0]
    if max(sum(len(s.text) + 1 for s in lines), sum(len(s.translation) + 1 for s in lines)) > LONGEST_TEXT:
        raise UserError("Together these lines would be longer than {number} characters. Choose fewer of them.",
                        number=LONGEST_TEXT)
    flags = tuple(dict.fromkeys(flag for s in lines for flag in s.flags))
    joined = replace(
        first, end=max(s.end for s in lines), text=_joined(s.text for s in lines),
        translation=_joined(s.translation for s in lines), flags=flags,
        words=tuple(w for s in lines for w in s.words) if all(s.words for s in lines if s.text) else (),
        emotion=first.emotion if len({s.emotion for s in lines}) == 1 else "",
        language=first.language if len({s.language for s in lines}) == 1 else "",
        checked=all(s.checked for s in lines))
    return Change(tuple(lines), (joined,))


def _joined(texts: Iterable[str]) -> str:
    """With a blank between, but not in scripts that have none."""
    whole = ""
    for text in filter(None, texts):
        tight = whole and is_dense(whole[-1]) and is_dense(text[0])
        whole += text if not whole or tight else f" {text}"
    return whole


def delete(segments: Sequence[Segment]) -> Change:
    """Without these lines; the sound stays."""
    return Change(tuple(segments))


def insert(document: TranscriptDocument, row: int, new_id: NewId) -> Change:
    """A new, empty line behind a row (-1: before the first), in the pause there, by the same speaker."""
    segments = document.segments
    before = segments[row] if 0 <= row < len(segments) else None
    after = segments[row + 1] if row + 1 < len(segments) else None
    start = before.end if before else 0.0
    limit = after.start if after else max(document.recording.duration, start)
    if before is not None and after is not None and limit <= start:  # no pause: it still stands between the two
        start = max((before.start + limit) / 2, limit - SHORTEST)
    end = min(start + _NEW_LINE, max(start, limit))
    return Change((), (Segment(start, end, "", before.speaker_id if before else None, id=new_id()),))


def insert_at(stretch: TimeRange, speaker_id: int | None, new_id: NewId) -> Change:
    """A new, empty line for a stretch of the recording."""
    return Change((), (Segment(stretch.start, stretch.end, "", speaker_id, id=new_id()),))


def retime(segment: Segment, start: float, end: float, duration: float) -> Change:
    """Other edges; words keep their times."""
    start = min(max(0.0, start), max(0.0, duration - SHORTEST))
    return Change((segment,), (replace(segment, start=start, end=min(max(end, start + SHORTEST),
                                                                     max(duration, start + SHORTEST))),))


def check(segments: Iterable[Segment], right: bool = True) -> Change:
    """Somebody has listened: heard and right (or not yet)."""
    lines = [s for s in segments if s.checked is not right]
    return Change(tuple(lines), tuple(replace(s, checked=right) for s in lines))


# -- speakers --------------------------------------------------------------------------------------------------


def assign(segments: Iterable[Segment], speaker_id: int | None) -> Change:
    """These lines were said by somebody else, and that is sure."""
    lines = [s for s in segments if s.speaker_id != speaker_id or SPEAKER_UNSURE in s.flags]
    return Change(tuple(lines), tuple(_said_by(s, speaker_id) for s in lines))


def assign_new(document: TranscriptDocument, segments: Sequence[Segment], name: str, new_id: NewId) -> Change:
    """These lines were said by somebody who has no other line yet."""
    speaker = Speaker(new_id(), clean_name(name) or free_name(document),
                      max((s.position for s in document.speakers.values()), default=-1) + 1)
    change = assign(segments, speaker.id)
    return Change(change.before, change.after, (), (speaker,))


def part_speaker(document: TranscriptDocument, row: int, name: str, new_id: NewId) -> Change | None:
    """From this line on it is somebody else who speaks where this speaker seemed to."""
    speaker_id = document.segments[row].speaker_id
    if speaker_id is None:
        return None
    return assign_new(document, [s for s in document.segments[row:] if s.speaker_id == speaker_id], name, new_id)


def rename(document: TranscriptDocument, speaker_id: int, name: str) -> Change | None:
    """Another name, everywhere; the name of another speaker makes both one. None when nothing is to be done."""
    name = clean_name(name)
    speaker = document.speakers.get(speaker_id)
    if speaker is None or not name or name == speaker.name:
        return None
    other = next((s for s in document.speakers.values() if s.name.casefold() == name.casefold() and s.id != speaker_id),
                 None)
    if other is not None:
        return merge_speakers(document, other.id, speaker_id)
    return Change((), (), (speaker,), (replace(speaker, name=name),))


def merge_speakers(document: TranscriptDocument, kept: int, dropped: int) -> Change:
    """All that `dropped` said was said by `kept`; nothing when one of them is no longer there."""
    old = document.speakers.get(dropped)
    if old is None or kept == dropped or kept not in document.speakers:
        return Change()
    lines = [s for s in document.segments if s.speaker_id == dropped]
    return Change(tuple(lines), tuple(_said_by(s, kept) for s in lines), (old,), (replace(old, merged_into=kept),))


def settle(document: TranscriptDocument, speaker_id: int) -> Change:
    """Somebody has listened: this is a speaker of their own."""
    return assign([s for s in document.segments if s.speaker_id == speaker_id], speaker_id)


def free_name(document: TranscriptDocument) -> str:
    """"Speaker 3", when there is none of that name."""
    taken = {s.name for s in document.speakers.values()}
    return next(name for n in range(1, len(taken) + 2) if (name := f"Speaker {n}") not in taken)


def _said_by(segment: Segment, speaker_id: int | None) -> Segment:
    return replace(segment, speaker_id=speaker_id, flags=tuple(f for f in segment.flags if f != SPEAKER_UNSURE))


# -- versions --------------------------------------------------------------------------------------------------


def restore(document: TranscriptDocument, version: TranscriptDocument, only: Iterable[int] | None = None) -> Change:
    """Back to how it was: all of it, or the lines with the ids in `only`; speakers come back with their lines."""
    chosen = None if only is None else set(only)
    now = {s.id: s for s in document.segments if chosen is None or s.id in chosen}
    then = {s.id: s for s in version.segments if chosen is None or s.id in chosen}
    before = tuple(s for i, s in now.items() if then.get(i) != s)
    after = tuple(s for i, s in then.items() if now.get(i) != s)
    speakers = {s.speaker_id for s in then.values()} - {None} if chosen is not None else set(version.speakers)
    back = [version.speakers[i] for i in speakers if i in version.speakers
            and version.speakers[i] != document.speakers.get(i) and (chosen is None or i not in document.speakers)]
    return Change(before, after, tuple(document.speakers.get(s.id, replace(s, merged_into=s.id)) for s in back),
                  tuple(back))
