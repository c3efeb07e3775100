"""Which lines of a released transcript an export shows, and in which words: all, a range, quotes; verbatim or clean."""

from __future__ import annotations

import re
from dataclasses import replace

from desktop.exports.lines import language_tag
from desktop.exports.options import Options
from desktop.exports.quotes import QuoteLine, line_of
from desktop.light_cleaning import changes, clean, removed
from desktop.model import Quote, Segment, Speaker, TimeRange, Word
from desktop.withholding import Released, overlaps, word_spans


def fitted(document: Released, options: Options) -> Released:
    """Without what the options leave out, and cleaned when they say so."""
    common = _common_language(document)
    segments = tuple(_fitted(segment, language_tag(segment.language) or common, options)
                     for segment in document.segments)
    if not options.speakers:
        return replace(document, segments=segments, speakers={})
    return replace(document, segments=segments)


def in_range(document: Released, time_range: TimeRange) -> Released:
    """Only what is said in the range: a line that reaches over its border is cut where the times of words are known.

    The summary speaks of the whole, and stays out; so do the names of those who do not speak in it.
    """
    return _only(document, tuple(s for segment in document.segments if (s := _cut(segment, time_range)) is not None),
                 document.speakers, (time_range,))


def of_quotes(document: Released) -> Released:
    """The saved quotes in the order of time, as lines with the words they were saved with."""
    speakers, segments = dict(document.speakers), []
    for number, quote in enumerate(ordered(document.desk.quotes), 1):
        speaker = document.speakers.get(quote.speaker_id or 0)
        if speaker is None and quote.said_by:  # gone since
            speaker = speakers[-number] = Speaker(-number, quote.said_by)
        words = tuple(word for s in _near(document, quote) for word in s.words if _inside(word, quote.range))
        segments.append(Segment(quote.range.start, quote.range.end, quote.text, speaker.id if speaker else None,
                                _language_of(document, quote),
                                words=words if word_spans(quote.text, words) is not None else ()))
    return _only(document, tuple(segments), speakers, tuple(quote.range for quote in document.desk.quotes))


def quote_lines(document: Released, *, cleaned: bool) -> list[QuoteLine]:
    """The saved quotes in the order of time; with `cleaned` what light cleaning would change."""
    lines = []
    for quote in ordered(document.desk.quotes):
        words = clean(quote.text, _language_of(document, quote)) if cleaned else ""
        lines.append(line_of(document, quote, words, tuple(changes(quote.text, words)) if cleaned else ()))
    return lines


def ordered(quotes: tuple[Quote, ...]) -> list[Quote]:
    """By time."""
    return sorted(quotes, key=lambda quote: (quote.range.start, quote.range.end))


def _only(document: Released, segments: tuple[Segment, ...], speakers: dict[int, Speaker],
          ranges: tuple[TimeRange, ...]) -> Released:
    heard = {segment.speaker_id for segment in segments}
    gaps = tuple(TimeRange(max(gap.start, r.start), min(gap.end, r.end)) for r in ranges
                 for gap in document.transcript.missing if overlaps(gap, [r]))
    return replace(document, segments=segments, transcript=replace(document.transcript, summary="", missing=gaps),
                   speakers={number: speaker for number, speaker in speakers.items() if number in heard})


def _fitted(segment: Segment, language: str, options: Options) -> Segment:
    if segment.translation and options.translation == "none":
        segment = replace(segment, translation="")
    if segment.emotion and not options.emotions:
        segment = replace(segment, emotion="")
    if segment.speaker_id is not None and not options.speakers:
        segment = replace(segment, speaker_id=None)
    return _cleaned(segment, language) if options.clean else segment


def _cleaned(segment: Segment, language: str) -> Segment:
    """With the words that are left, and their times."""
    text = clean(segment.text, language)
    if text == segment.text:
        return segment
    gone = removed(segment.text, language)
    spans = word_spans(segment.text, segment.words) or []
    kept = [word for word, (begin, end) in zip(segment.words, spans, strict=False)
            if not any(a <= begin and end <= b for a, b in gone)]
    return replace(segment, text=text, words=_as_in(text, kept))


def _as_in(text: str, words: list[Word]) -> tuple[Word, ...]:
    """The words as they stand in the cleaned text, where a letter may have become a capital; none when one is lost."""
    found: list[Word] = []
    at = 0
    for word in words:
        core = re.sub(r"^\W+|\W+$", "", word.text)
        match = re.compile(re.escape(core), re.IGNORECASE).search(text, at)
        if match is None:
            return ()
        found.append(replace(word, text=match.group()))
        at = match.end()
    return tuple(found)


def _cut(segment: Segment, time_range: TimeRange) -> Segment | None:
    """The words of a line inside the range; the whole line when the times of its words are not known."""
    if not overlaps(TimeRange(segment.start, segment.end), [time_range]):
        return None
    if segment.start >= time_range.start and segment.end <= time_range.end:
        return segment
    spans = word_spans(segment.text, segment.words)
    if spans is None:
        return segment
    kept = [n for n, word in enumerate(segment.words) if _inside(word, time_range)]
    if not kept:
        return None
    if len(kept) == len(segment.words):
        return segment
    first, last = kept[0], kept[-1]
    until = spans[last + 1][0] if last + 1 < len(spans) else len(segment.text)
    text = segment.text[0 if first == 0 else spans[first][0]:until]
    closing = len(text) if last + 1 == len(spans) else len(text.rstrip().rstrip("\"'“‘«([¿¡").rstrip())
    words = segment.words[first:last + 1]
    return replace(segment, text=text[:closing].strip(), words=words, translation="",
                   start=segment.start if first == 0 else words[0].start,
                   end=segment.end if last + 1 == len(spans) else words[-1].end)


def _inside(word: Word, time_range: TimeRange) -> bool:
    return time_range.start <= (word.start + word.end) / 2 <= time_range.end


def _common_language(document: Released) -> str:
    """The only one that is known of any line, for lines whose language nobody knows; else ""."""
    known = {tag for segment in document.segments if (tag := language_tag(segment.language))}
    return known.pop() if len(known) == 1 else ""


def _language_of(document: Released, quote: Quote) -> str:
    common = _common_language(document)
    known = {language_tag(segment.language) or common for segment in _near(document, quote)}
    return known.pop() if len(known) == 1 else ""


def _near(document: Released, quote: Quote) -> list[Segment]:
    return [s for s in document.segments if overlaps(TimeRange(s.start, s.end), [quote.range])]
