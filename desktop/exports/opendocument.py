"""OpenDocument text with real headings and styles."""

from __future__ import annotations

import io
from typing import Any

from desktop.exports.archives import settled, when
from desktop.exports.lines import for_xml, is_rtl
from desktop.exports.options import Options
from desktop.exports.turns import Turn, missing, turns
from desktop.model import TranscriptDocument

_GREY = "#6b6b70"
Runs = list[tuple[str, str]]  # (text, style of letters)


def odt(document: TranscriptDocument, options: Options) -> bytes:
    """Title, summary and a paragraph for each turn; translations below, or beside in a table."""
    from odfdo import Header

    page = _new(document)
    title = for_xml(document.recording.title)
    heading = Header(1, title, formatted=False)
    heading.set_attribute("text:style-name", "HeadingRtl" if is_rtl(title) else "Heading_20_1")  # Header() sets none
    page.body.append(heading)
    if document.transcript.summary:
        page.body.append(_paragraph("Summary", [(document.transcript.summary, "")], document.transcript.summary))
    shown = turns(document, options)
    if options.translation == "beside" and any(turn.translation for turn in shown):
        page.body.append(_table(shown))
    else:
        for turn in shown:
            page.body.append(_paragraph("Turn", turn.runs, turn.text))
            if turn.translation:
                page.body.append(_paragraph("Translation", [(turn.translation, "")], turn.translation))
    for gap in missing(document):
        page.body.append(_paragraph("Turn", [(gap, "Aside")], gap))
    buffer = io.BytesIO()
    page.save(buffer)
    return settled(buffer.getvalue())


def _new(document: TranscriptDocument) -> Any:
    from odfdo import Document, Style

    page = Document("text")
    page.body.clear()
    moment = when(document.transcript.created_at)
    page.meta.title = for_xml(document.recording.title)
    page.meta.creation_date = page.meta.date = moment
    page.meta.generator = "Pullquote"
    for name, italic, indent in (("Turn", False, "0cm"), ("Translation", True, "0.6cm"), ("Summary", True, "0cm")):
        for suffix, direction in (("", "lr-tb"), ("Rtl", "rl-tb")):
            style = Style("paragraph", name=f"{name}{suffix}", parent_style="Standard", area="paragraph",
                          margin_bottom="0.21cm", margin_left="0cm" if suffix else indent,
                          margin_right=indent if suffix else "0cm", writing_mode=direction)
            _align(style, "right" if suffix else "left")  # "start" is left everywhere in LibreOffice
            if italic:
                style.set_properties(area="text", font_style="italic", font_style_complex="italic")
            page.insert_style(style)
    heading = Style("paragraph", name="HeadingRtl", parent_style="Heading_20_1", area="paragraph",
                    writing_mode="rl-tb")
    _align(heading, "right")
    page.insert_style(heading)
    for level in page.get_style("outline", "Outline").get_elements("text:outline-level-style"):
        level.set_attribute("style:num-format", "")  # the template counts headings
        level.set_attribute("loext:num-list-format", "")
    page.insert_style(Style("text", name="Aside", area="text", color=_GREY))
    page.insert_style(Style("text", name="Speaker", area="text", font_weight="bold", font_weight_complex="bold"))
    page.insert_style(Style("table", name="Beside", area="table", width="17cm", align="margins"))
    page.insert_style(Style("table-cell", name="Cell", area="table-cell", border="0.5pt solid #8a8a8f",
                            padding="0.15cm"), automatic=True)
    return page


def _align(style: Any, side: str) -> None:
    style.set_properties({"fo:text-align": side}, area="paragraph")


def _paragraph(style: str, runs: Runs, direction: str) -> Any:
    from odfdo import Paragraph, Span

    paragraph = Paragraph(style=f"{style}Rtl" if is_rtl(direction) else style)
    for number, (text, letters) in enumerate(runs):
        clean = for_xml(text)
        if number:
            paragraph.append(" ")
        paragraph.append(Span(clean, style=letters, formatted=False) if letters else clean)
    return paragraph


def _table(shown: list[Turn]) -> Any:
    from odfdo import Cell, Column, Element, Row, Table

    table = Table("Transcript", style="Beside")
    table.append(Column(repeated=2))
    heads: list[tuple[Runs, str]] = [([("As spoken", "Speaker")], ""), ([("Translation", "Speaker")], "")]
    bodies: list[list[tuple[Runs, str]]] = [
        [(turn.runs, turn.text), ([(turn.translation, "")] if turn.translation else [], turn.translation)]
        for turn in shown]
    for contents in [heads, *bodies]:
        row = Row()
        for runs, direction in contents:
            cell = Cell(style="Cell")
            cell.set_attribute("office:value-type", "string")
            cell.append(_paragraph("Turn", runs, direction))
            row.append(cell)
        Element.append(table, row)  # Table's own counts all rows each time
    return table
