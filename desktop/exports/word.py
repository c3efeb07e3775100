"""Word files: headings and styles to change at one place, right-to-left paragraphs marked as such."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from desktop.exports.archives import settled, when
from desktop.exports.lines import for_xml, is_rtl
from desktop.exports.options import Options
from desktop.exports.quotes import QuoteLine
from desktop.exports.turns import Turn, missing, turns
from desktop.model import TranscriptDocument

_GREY = (0x6B, 0x6B, 0x70)


def docx(document: TranscriptDocument, options: Options) -> bytes:
    """Title, summary and a paragraph for each turn; translations below, or beside in a table."""
    page = _new(document)
    page.add_heading(for_xml(document.recording.title), 1)
    if document.transcript.summary:
        _add(page, "Quote", (document.transcript.summary, ""))
    shown = turns(document, options)
    if options.translation == "beside" and any(turn.translation for turn in shown):
        _table(page, shown)
    else:
        for turn in shown:
            _add(page, "Turn", *turn.runs, direction=turn.text)
            if turn.translation:
                _add(page, "Translation", (turn.translation, ""))
    for gap in missing(document):
        _add(page, "Normal", (gap, "Aside"))
    return _bytes(page)


def quotes_docx(document: TranscriptDocument, quotes: list[QuoteLine]) -> bytes:
    """Each quote with who said it and where; the cleaned words below with what was changed."""
    page = _new(document)
    page.add_heading(for_xml(f"Quotes from {document.recording.title}"), 1)
    for quote in quotes:
        _add(page, "Quote", (quote.text, ""))
        if quote.changes:
            _add(page, "Turn", ("Lightly cleaned:", "Aside"), *_change_runs(quote), direction=quote.cleaned)
        _add(page, "Turn", (f"{quote.attribution}," if quote.attribution else "", "Speaker"), (quote.place, "Aside"),
             (f"[{quote.tag}]" if quote.tag else "", "Aside"))
        if quote.note:
            _add(page, "Translation", (f"Note: {quote.note}", ""))
    return _bytes(page)


def _change_runs(quote: QuoteLine) -> list[tuple[str, str]]:
    styles = {"gone": "Left out", "new": "Changed", "same": ""}
    return [(words, styles[kind]) for kind, words in quote.changes]


def _new(document: TranscriptDocument) -> Any:
    """An empty page with our styles, and nobody's name in its properties."""
    from docx import Document
    from docx.enum.style import WD_STYLE_TYPE
    from docx.shared import Pt, RGBColor

    page = Document()
    about = page.core_properties
    about.title, about.author, about.comments = for_xml(document.recording.title)[:250], "", ""
    about.created = about.modified = when(document.transcript.created_at)
    for name in ("Turn", "Translation"):
        style = page.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = page.styles["Normal"]
        style.paragraph_format.space_after = Pt(6)
    page.styles["Translation"].font.italic = page.styles["Translation"].font.cs_italic = True
    page.styles["Translation"].paragraph_format.left_indent = Pt(18)
    for name in ("Aside", "Speaker", "Left out", "Changed"):
        page.styles.add_style(name, WD_STYLE_TYPE.CHARACTER)
    page.styles["Aside"].font.color.rgb = RGBColor(*_GREY)
    page.styles["Speaker"].font.bold = page.styles["Speaker"].font.cs_bold = True
    page.styles["Left out"].font.strike = True
    page.styles["Changed"].font.underline = True
    return page


def _add(page: Any, style: str, *runs: tuple[str, str], direction: str | None = None) -> None:
    from docx.oxml import OxmlElement

    paragraph = OxmlElement("w:p")
    page.element.body[-1].addprevious(paragraph)  # before the settings of the page
    _fill(paragraph, style, runs, "".join(text for text, _ in runs) if direction is None else direction)


def _fill(paragraph: Any, style: str, runs: Iterable[tuple[str, str]], direction: str) -> None:
    """Runs into a paragraph that runs as its words do, element by element.

    python-docx has no switch for the direction, and looks up a style by its name among all, for each run: a minute for
    ten hours of talk.
    """
    from docx.oxml import OxmlElement

    paragraph.style = _style_id(style)
    if is_rtl(direction):
        paragraph.get_or_add_pPr().append(OxmlElement("w:bidi"))  # after pStyle, which is all that is there
    is_first = True
    for text, letters in runs:
        if clean := for_xml(text):
            run = paragraph.add_r()
            run.text = clean if is_first else f" {clean}"
            is_first = False
            if letters:
                run.style = _style_id(letters)
            if is_rtl(clean):
                run.get_or_add_rPr().append(OxmlElement("w:rtl"))  # after rStyle, in the same way


def _style_id(name: str) -> str:
    """As Word makes it of a name; python-docx does the same."""
    return name.replace(" ", "")


def _table(page: Any, shown: list[Turn]) -> None:
    table = page.add_table(len(shown) + 1, 2, "Table Grid")
    heads = (([("As spoken", "Speaker")], ""), ([("Translation", "Speaker")], ""))
    bodies = [((turn.runs, turn.text), ([(turn.translation, "")], turn.translation)) for turn in shown]
    for row, contents in zip(table._tbl.tr_lst, [heads, *bodies], strict=True):  # table.cell() counts all each time
        for cell, (runs, direction) in zip(row.tc_lst, contents, strict=True):
            _fill(cell.p_lst[0], "Turn", runs, direction)


def _bytes(page: Any) -> bytes:
    buffer = io.BytesIO()
    page.save(buffer)
    return settled(buffer.getvalue())
