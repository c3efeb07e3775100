"""One HTML file: no script, nothing fetched, everything from the recording escaped; the sound inside when wanted."""

from __future__ import annotations

import base64
from html import escape

from desktop.exports.lines import is_rtl, language_tag, one_line
from desktop.exports.options import Options
from desktop.exports.turns import Turn, main_language, missing, turns
from desktop.model import Segment, TranscriptDocument

POLICY = "default-src 'none'; style-src 'unsafe-inline'; media-src data:"
_SCREEN = """
:root { color-scheme: light dark }
body { font: 1.05rem/1.55 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; line-height: 1.25 }
audio { width: 100%; margin: .5rem 0 1.5rem }
p { margin: .7rem 0; overflow-wrap: anywhere }
.summary { border-inline-start: 3px solid #8a8a8f; padding-inline-start: .8rem }
.time, .language, .opinion, .missing { color: #6b6b70; font-size: .9em }
.time { font-variant-numeric: tabular-nums }
.translation { font-style: italic; margin-top: -.3rem; padding-inline-start: 1.5rem }
table { border-collapse: collapse; width: 100% } body:has(table) { max-width: 64rem }
th { text-align: start } th, td { width: 50%; vertical-align: top; padding: .1rem .8rem .1rem 0 }
td .translation { margin-top: .7rem; padding: 0 }
@media (prefers-color-scheme: dark) { .time, .language, .opinion, .missing { color: #a0a0a6 } }
"""
_PAPER = """
body { font-family: sans-serif; font-size: 10.5pt }
h1 { font-size: 17pt }
.time, .language, .opinion, .missing { color: #55555a }
.translation { font-style: italic }
"""
_SOUNDS = ((b"fLaC", "audio/flac"), (b"OggS", "audio/ogg"), (b"RIFF", "audio/wav"))


def html(document: TranscriptDocument, options: Options, sound: bytes = b"") -> bytes:
    """The page as UTF-8; `sound` is a FLAC, Ogg, WAV or MP3 file that is put inside."""
    player = f'<audio controls preload="metadata" src="{_data_address(sound)}"></audio>\n' if sound else ""
    return _page(document, options, _SCREEN, player, paper=False).encode()


def for_paper(document: TranscriptDocument, options: Options) -> str:
    """The same in the plain HTML that a page layout understands: directions written out, no rules for screens."""
    return _page(document, options, _PAPER, "", paper=True)


def _data_address(sound: bytes) -> str:
    kind = next((kind for start, kind in _SOUNDS if sound.startswith(start)), "audio/mpeg")
    return f"data:{kind};base64,{base64.b64encode(sound).decode()}"


def _page(document: TranscriptDocument, options: Options, style: str, player: str, *, paper: bool) -> str:
    language = main_language(document)
    title = one_line(document.recording.title)
    summary = document.transcript.summary
    gaps = [_paragraph(gap, "missing", "", paper) for gap in missing(document)]
    pieces = [_paragraph(summary, "summary", "", paper)] if summary else []
    body = "\n".join([*pieces, *_body(document, options, paper), *gaps])
    attribute = f' lang="{language}"' if language else ""
    return (f"<!DOCTYPE html>\n<html{attribute}>\n<head>\n<meta charset=\"utf-8\">\n"
            f"<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
            f"<h1{_direction(title, paper)}>{escape(title)}</h1>\n{player}{body}\n</body>\n</html>\n")


def _body(document: TranscriptDocument, options: Options, paper: bool) -> list[str]:
    main, shown = main_language(document), turns(document, options)
    spoken = [_spoken(turn, _language(segment, main), paper) for turn, segment in
              zip(shown, document.segments, strict=True)]
    other = document.transcript.translate_to
    second = [_paragraph(turn.translation, "translation", language_tag(other), paper) if turn.translation else ""
              for turn in shown]
    if options.translation == "beside" and any(second):
        rows = "\n".join(f"<tr><td>{left}</td><td>{right}</td></tr>" for left, right in
                         zip(spoken, second, strict=True))
        width = ' width="100%" cellspacing="6"' if paper else ""
        return [f"<table{width}>\n<tr><th>As spoken</th><th>Translation</th></tr>\n{rows}\n</table>"]
    return [piece for pair in zip(spoken, second, strict=True) for piece in pair if piece]


def _language(segment: Segment, main: str) -> str:
    tag = language_tag(segment.language)
    return tag if tag != main else ""


def _spoken(turn: Turn, language: str, paper: bool) -> str:
    """A paragraph whose direction is that of the words; the name is no part of it."""
    name = escape(turn.name) if paper else f"<bdi>{escape(turn.name)}</bdi>"
    parts = (f'<span class="time">{turn.time}</span>' if turn.time else "",
             f"<b>{name}:</b>" if turn.name else "",
             f'<span class="language">({turn.language})</span>' if turn.language else "",
             escape(turn.text),
             f'<span class="opinion">{escape(turn.opinion)}</span>' if turn.opinion else "")
    attribute = f' lang="{language}"' if language else ""
    return f"<p{_direction(turn.text, paper)}{attribute}>{' '.join(filter(None, parts))}</p>"


def _paragraph(text: str, kind: str, language: str, paper: bool) -> str:
    attribute = f' lang="{language}"' if language else ""
    text = one_line(text)
    return f'<p class="{kind}"{_direction(text, paper)}{attribute}>{escape(text)}</p>'


def _direction(text: str, paper: bool) -> str:
    if not paper:
        return ' dir="auto"'
    return ' dir="rtl"' if is_rtl(text) else ' dir="ltr"'
