"""Export formats. To add one: a `render` function in the fitting file, a line in FORMATS, a file in tests/expected/."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from desktop.exports import data, labels, opendocument, subtitles, text, web, word
from desktop.exports.options import Options as Options
from desktop.sentences import QT_TRANSLATE_NOOP
from desktop.withholding import Released

_ALL = frozenset({"timecodes", "speakers", "language", "translation", "emotions", "clean"})
_PAGES = _ALL | {"beside"}
_SUBTITLES = frozenset({"speakers", "clean", "limits"})


@dataclass(frozen=True)
class Format:
    """One line of the table; `render` gives the whole file."""

    name: str
    ending: str  # of the file, without the point
    title: str
    render: Callable[[Released, Options], bytes]
    is_text: bool = True  # UTF-8 that can be shown as it is
    uses: frozenset[str] = _ALL  # the options that make a difference; "beside": columns, "limits": of subtitles


FORMATS: dict[str, Format] = {item.name: item for item in (
    Format("txt", "txt", QT_TRANSLATE_NOOP("core", "Plain text"), text.plain),
    Format("md", "md", QT_TRANSLATE_NOOP("core", "Markdown"), text.markdown, uses=_PAGES),
    Format("html", "html", QT_TRANSLATE_NOOP("core", "Web page"), web.html, uses=_PAGES | {"sound"}),
    Format("docx", "docx", QT_TRANSLATE_NOOP("core", "Word"), word.docx, False, _PAGES),
    Format("odt", "odt", QT_TRANSLATE_NOOP("core", "OpenDocument text"), opendocument.odt, False, _PAGES),
    Format("srt", "srt", QT_TRANSLATE_NOOP("core", "SubRip subtitles"), subtitles.srt, uses=_SUBTITLES),
    Format("vtt", "vtt", QT_TRANSLATE_NOOP("core", "WebVTT subtitles"), subtitles.vtt, uses=_SUBTITLES),
    Format("csv", "csv", QT_TRANSLATE_NOOP("core", "Table for spreadsheets"), data.csv_table),
    Format("tsv", "tsv", QT_TRANSLATE_NOOP("core", "Table between tabs"), data.tsv_table),
    Format("json", "json", QT_TRANSLATE_NOOP("core", "JSON, for programs"), data.json_document,
           uses=frozenset({"speakers", "translation", "emotions", "clean"})),
    Format("rttm", "rttm", QT_TRANSLATE_NOOP("core", "RTTM, who spoke when"), labels.rttm,
           uses=frozenset({"speakers"})),
    Format("eaf", "eaf", QT_TRANSLATE_NOOP("core", "ELAN annotations"), labels.eaf,
           uses=frozenset({"speakers", "translation", "clean"})),
    Format("audacity", "txt", QT_TRANSLATE_NOOP("core", "Audacity labels"), labels.audacity,
           uses=frozenset({"speakers", "clean"})),
)}
