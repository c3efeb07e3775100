"""What of a transcript an export shows, and how long its subtitles are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Formats pass over what makes no sense for them. In the four limits of subtitles 0 means: no limit."""

    timecodes: bool = True
    speakers: bool = True
    language: bool = False
    translation: str = "below"  # or "beside" (below where there are no columns), or "none"
    emotions: bool = False  # the machine's opinion
    clean: bool = False  # lightly cleaned instead of verbatim
    line_length: int = 42  # of subtitles, in letters; a Chinese or Japanese one counts as two
    lines_per_cue: int = 2
    cue_seconds: float = 7.0
    reading_speed: float = 17.0  # letters a second
