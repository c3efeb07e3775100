"""The sample interview: in the library from the first start, with its known-good transcript."""

from __future__ import annotations

import json
from pathlib import Path

from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import Recording, Report, Segment, TimeRange
from desktop.paths import RESOURCES

SAMPLE = RESOURCES / "sample" / "katie-steve.wav"
TITLE = "Sample: Katie and Steve"


def add_sample(library: Library, cache: Path, report: Report) -> Recording:
    """Import the sample and give it its reference transcript; nothing happens when it is there already."""
    imported = import_audio(library, cache, SAMPLE, report, title=TITLE, is_sample=True)
    recording = imported.recording
    if not library.transcripts(recording.id):
        transcript = library.add_transcript(recording.id, engine="reference", model="by hand",
                                            time_range=TimeRange(0.0, recording.duration))
        library.add_segments(transcript.id, reference_segments())
    return recording


def reference_segments() -> list[tuple[str, Segment]]:
    """The known-good transcript as (speaker, segment) pairs."""
    data = json.loads(SAMPLE.with_suffix(".json").read_text("utf-8"))
    return [(item["speaker"], Segment(item["start"], item["end"], item["text"], language=item["language"]))
            for item in data["segments"]]
