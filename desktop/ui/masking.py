"""What is off the record is masked on screen until it is revealed; the views never get the words."""

from __future__ import annotations

from dataclasses import replace

from desktop.model import Segment, TranscriptDocument
from desktop.sentences import QT_TRANSLATE_NOOP
from desktop.withholding import Stretches, without

HIDDEN = QT_TRANSLATE_NOOP("core", "off the record")


def masked_document(document: TranscriptDocument) -> TranscriptDocument:
    """The document as it may be looked at over a shoulder; the same object when nothing is to be hidden."""
    off = Stretches(document.desk.off_record)
    if not off:
        return document
    return replace(document, segments=tuple(masked(segment, off) for segment in document.segments))


def masked(segment: Segment, off: Stretches) -> Segment:
    """The line without its words in these stretches, under its own times; the same object when none is in them."""
    left = without(segment, off)
    if left is segment:
        return segment
    return replace(segment, text=left.text if left else "", words=left.words if left else (), translation="",
                   emotion="", flags=(*segment.flags, HIDDEN))
