"""The exact number of tokens of a range, on request: the service counts, so the sound is uploaded for it."""

from __future__ import annotations

from pathlib import Path

from desktop.clipping import long_sound
from desktop.engines import Gate
from desktop.engines.gemini_count import count
from desktop.errors import UserError
from desktop.importing import prepare_recording
from desktop.library import Library
from desktop.model import MOST_HEARD, Recording, Report, TimeRange


def count_tokens(library: Library, cache: Path, recording: Recording, model: str, time_range: TimeRange | None, *,
                 key: str, url: str, gate: Gate, report: Report) -> int:
    """Tokens of the range for a general model. Raises UserError, EngineError or Cancelled."""
    if recording.address:
        raise UserError("The tokens of a video on YouTube cannot be counted: its sound is not on this computer.")
    time_range = (time_range or TimeRange(0.0, recording.duration)).clamped(recording.duration)
    if not 0.1 <= time_range.seconds <= MOST_HEARD:
        raise UserError("Choose a range of at most {hours} hours to count its tokens.", hours=MOST_HEARD / 3600)
    prepare_recording(library, cache, recording, report)
    with long_sound(library, cache, recording, time_range, report) as sound:
        return count(model, sound, time_range, key=key, url=url, gate=gate, report=report)
