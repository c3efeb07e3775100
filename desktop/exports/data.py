"""Transcripts for programs: JSON, version 1. Times are seconds from the start of the recording; unknown is null."""

from __future__ import annotations

import json
from typing import Any

from desktop.model import Segment, TranscriptDocument


def json_document(document: TranscriptDocument) -> str:
    """The whole transcript; ASCII-safe, so that no reader trips over control characters."""
    recording, transcript = document.recording, document.transcript
    return json.dumps({
        "pullquote": 1,
        "recording": {"title": recording.title, "duration": round(recording.duration, 3),
                      "sha256": recording.sha256},
        "engine": {"name": transcript.engine, "model": transcript.model},
        "summary": transcript.summary or None,
        "speakers": [{"id": speaker.id, "name": speaker.name} for speaker in document.speakers.values()],
        "segments": [_segment(document, segment) for segment in document.segments],
        "missing": [[round(gap.start, 3), round(gap.end, 3)] for gap in transcript.missing],
    }, indent=1) + "\n"


def _segment(document: TranscriptDocument, segment: Segment) -> dict[str, Any]:
    return {
        "start": round(segment.start, 3), "end": round(segment.end, 3),
        "speaker": document.speaker_name(segment) or None, "text": segment.text,
        "language": segment.language or None, "translation": segment.translation or None,
        "emotion": segment.emotion or None, "flags": list(segment.flags),
        "words": [{"text": w.text, "start": round(w.start, 3), "end": round(w.end, 3)} for w in segment.words],
    }
