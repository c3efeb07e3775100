"""What a quote check found, as Word, Markdown or a table: a row for each quotation of the draft."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from desktop.exports.archives import settled, when
from desktop.exports.data import table, time
from desktop.exports.lines import for_xml, is_rtl, one_line
from desktop.exports.text import escaped
from desktop.model import clock

_COLUMNS = ("verdict", "quotation", "said by, in the draft", "what was said", "translation", "differences", "speaker",
            "start", "end", "recording", "paragraph of the draft", "notes")


@dataclass(frozen=True)
class Row:
    """A quotation and what is known about it; what is not known is empty. `differences`: (kind, written, said)."""

    verdict: str
    quotation: str
    attribution: str
    paragraph: int
    is_found: bool
    said: str = ""
    translation: str = ""
    differences: tuple[tuple[str, str, str], ...] = ()
    speaker: str = ""
    start: float = 0.0
    end: float = 0.0
    recording: str = ""
    notes: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Speaker, time and recording on one line."""
        stretch = f"{clock(self.start)}–{clock(self.end)}" if self.is_found else ""
        return ", ".join(one_line(part) for part in (self.speaker, stretch, self.recording) if part)

    @property
    def marked_differences(self) -> str:
        """As plain text: "missing: not; changed: 300 (said: 200)"."""
        return "; ".join(f"{kind}: {one_line(written or said)}" + (
            f" (said: {one_line(said)})" if written and said else "") for kind, written, said in self.differences)


def summary(rows: Sequence[Row]) -> str:
    """How many quotations there are of each verdict."""
    counts = Counter(row.verdict for row in rows)
    noun = "quotation" if len(rows) == 1 else "quotations"
    return f"{len(rows)} {noun}: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items())


def markdown(rows: Sequence[Row], title: str, made_at: str) -> bytes:
    """A numbered heading with the verdict, the quotation as a block, below it what was said."""
    lines = [f"# Quote check: {escaped(title)}", "", f"{escaped(summary(rows))}. {made_at[:10]}", ""]
    for number, row in enumerate(rows, 1):
        lines += [f"## {number}. {escaped(row.verdict)}", "", f"> {escaped(row.quotation)}", ""]
        lines += [line for label, text in _details(row) for line in (f"{label}: {escaped(text)}", "")]
    return ("\n".join(lines).rstrip("\n") + "\n").encode()


def csv(rows: Sequence[Row], title: str, made_at: str) -> bytes:
    """A row for each quotation; times are seconds."""
    return table(_COLUMNS, [[
        row.verdict, one_line(row.quotation), row.attribution, one_line(row.said), one_line(row.translation),
        row.marked_differences, row.speaker, time(row.start) if row.is_found else "",
        time(row.end) if row.is_found else "", row.recording, str(row.paragraph), " ".join(row.notes)] for row in rows])


def docx(rows: Sequence[Row], title: str, made_at: str) -> bytes:
    """The same as a Word file."""
    from docx import Document

    page = Document()
    about = page.core_properties
    about.title, about.author, about.comments = for_xml(title)[:250], "", ""
    about.created = about.modified = when(made_at)
    page.add_heading(for_xml(f"Quote check: {title}"), 1)
    page.add_paragraph(f"{for_xml(summary(rows))}. {made_at[:10]}")
    for number, row in enumerate(rows, 1):
        page.add_heading(f"{number}. {for_xml(row.verdict)}", 2)
        _paragraph(page, "Quote", "", row.quotation)
        for label, text in _details(row):
            _paragraph(page, "Normal", f"{label}: ", text)
    buffer = io.BytesIO()
    page.save(buffer)
    return settled(buffer.getvalue())


FORMATS: dict[str, Callable[[Sequence[Row], str, str], bytes]] = {"docx": docx, "md": markdown, "csv": csv}


def _details(row: Row) -> list[tuple[str, str]]:
    found = [("Draft says it was", row.attribution), ("Said", row.said), ("Translation", row.translation),
             ("Differences", row.marked_differences), ("Where", row.place), *(("Note", note) for note in row.notes)]
    return [(label, text) for label, text in found if text]


def _paragraph(page: Any, style: str, label: str, text: str) -> None:
    """A paragraph that runs as its words do; python-docx has no switch for that."""
    from docx.oxml import OxmlElement

    paragraph = page.add_paragraph(style=style)
    if label:
        paragraph.add_run(label).bold = True
    run = paragraph.add_run(for_xml(text))
    if is_rtl(text):
        run.font.rtl = True
        if not label:
            properties = paragraph._p.get_or_add_pPr()
            properties.insert_element_before(OxmlElement("w:bidi"), "w:spacing", "w:ind", "w:jc", "w:rPr")
