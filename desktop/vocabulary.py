"""Names and terms of a project: what is sent along with a hearing, and what may belong to them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from desktop.library import Library
from desktop.model import TranscriptDocument
from desktop.withholding import release

MOST_SENT = 100  # best below this, says the service's guide
_MOST_PROPOSED = 30


def proposals(library: Library, document: TranscriptDocument) -> list[str]:
    """Names given to speakers, and words that stand in the transcript but not in what the engine had heard.

    Whatever is taken over goes along with every hearing, so nothing off the record and no name from background is here.
    """
    document = release(document)
    labels = library.speaker_labels(document.transcript.id)
    names = [speaker.name for speaker in document.speakers.values()
             if speaker.name != labels.get(speaker.id) and not re.fullmatch(r"Speaker \d+", speaker.name)]
    job = library.job_of_transcript(document.transcript.id)
    answers = [answer for part in job.parts if (answer := library.answer(job.id, part.index))] if job else []
    heard = {word.casefold() for answer in answers for text in _texts(answer) for word in _words(text)}
    found = Counter(word for segment in document.segments for word in _words(segment.text)
                    if answers and word.casefold() not in heard and _is_telling(word))
    known = {term.casefold() for term in library.terms(document.recording.project_id)}
    return [word for word in dict.fromkeys([*names, *(word for word, _ in found.most_common(_MOST_PROPOSED))])
            if word.casefold() not in known]


def _texts(answer: str) -> Iterator[str]:
    """All texts in a raw answer, also in an answer that is kept inside another."""
    try:
        yield from _strings(json.loads(answer))
    except (ValueError, RecursionError):
        yield answer


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield from _texts(data) if data.startswith("{") else (data,)
    for item in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from _strings(item)


def _words(text: str) -> Iterable[str]:
    return re.findall(r"\w[\w'’-]*", text)


def _is_telling(word: str) -> bool:
    """Names and terms: not the small words that a correction also changes."""
    return len(word) >= 4 and (word[0].isupper() or any(c.isdigit() for c in word) or len(word) >= 8)
