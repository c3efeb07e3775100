"""Names that speakers may have: proposed with the sentence that reveals them, and only when it is really there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from desktop.cleaning import clean_name
from desktop.engines import NameHeard
from desktop.library import Library
from desktop.model import Proposal, Segment
from desktop.withholding import release

_LONGEST = 60  # characters
_MOST_WORDS = 5


def propose(library: Library, transcript_id: int, heard: Iterable[NameHeard]) -> None:
    """Keep what the transcript itself bears out: the speaker exists, and a line says the name on the record."""
    found = list(heard)
    if not found:
        return
    labels = {label: speaker_id for speaker_id, label in library.speaker_labels(transcript_id).items()}
    labels |= {speaker.name: speaker.id for speaker in library.speakers(transcript_id)}
    segments = release(library.document(transcript_id)).segments
    proposals = []
    for item in found[:100]:
        name, speaker_id = clean_name(item.name).strip(" .,;:!?"), labels.get(clean_name(item.speaker))
        line = _line(segments, name, item)
        if speaker_id is not None and line is not None and name not in labels and _is_name(name):
            proposals.append(Proposal(speaker_id, name, line.id))
    library.propose(proposals)


def _is_name(name: str) -> bool:
    return 0 < len(name) <= _LONGEST and len(name.split()) <= _MOST_WORDS and any(c.isalpha() for c in name)


def _line(segments: Sequence[Segment], name: str, item: NameHeard) -> Segment | None:
    """The line that says the name: the one that was named, else the one most like the sentence that was given."""
    wanted = set(_words(name))
    saying = [s for s in segments if wanted and wanted <= set(_words(s.text))
              and (not item.segment_id or s.id == item.segment_id)]
    sentence = set(_words(item.sentence))
    return max(saying, key=lambda s: len(sentence & set(_words(s.text))), default=None)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
