"""Export formats. To add one: a `render` function in the fitting file, a line in FORMATS, a file in tests/expected/."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from desktop.exports import data, subtitles, text
from desktop.model import TranscriptDocument
from desktop.sentences import QT_TRANSLATE_NOOP


@dataclass(frozen=True)
class Format:
    """One line of the table; `render` gives the whole file as text, which is written as UTF-8."""

    name: str  # also the file's ending
    title: str
    render: Callable[[TranscriptDocument], str]


FORMATS: dict[str, Format] = {item.name: item for item in (
    Format("txt", QT_TRANSLATE_NOOP("core", "Plain text"), text.plain),
    Format("md", QT_TRANSLATE_NOOP("core", "Markdown"), text.markdown),
    Format("srt", QT_TRANSLATE_NOOP("core", "SubRip subtitles"), subtitles.srt),
    Format("vtt", QT_TRANSLATE_NOOP("core", "WebVTT subtitles"), subtitles.vtt),
    Format("json", QT_TRANSLATE_NOOP("core", "JSON, for programs"), data.json_document),
)}
