"""Office files are ZIP archives: made the same each time, and read back for the preview."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from xml.etree import ElementTree

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that ZIP knows
Element = ElementTree.Element


def settled(archive: bytes) -> bytes:
    """The archive without the time at which it was packed, so that the same export is the same file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w") as new:
        for item in old.infolist():
            entry = zipfile.ZipInfo(item.filename, _EPOCH)
            entry.compress_type = item.compress_type
            new.writestr(entry, old.read(item))
    return buffer.getvalue()


def when(created_at: str) -> datetime:
    """The time of a transcript in UTC; the epoch of ZIP when it is not known."""
    try:
        moment = datetime.fromisoformat(created_at)
    except ValueError:
        return datetime(*_EPOCH)
    return (moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None, microsecond=0)


def docx_text(content: bytes) -> str:
    """The words of a Word file: a line for each paragraph, and for each row of a table."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        body = ElementTree.fromstring(archive.read("word/document.xml"))[0]
    return _lines(body, f"{_WORD}p", f"{_WORD}tbl", f"{_WORD}tr", f"{_WORD}tc")


def odt_text(content: bytes) -> str:
    """The words of an OpenDocument text in the same way."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        root = ElementTree.fromstring(archive.read("content.xml"))
    body = root.find(".//{urn:oasis:names:tc:opendocument:xmlns:office:1.0}text")
    return "" if body is None else _lines(body, (f"{_TEXT}p", f"{_TEXT}h"), f"{_TABLE}table", f"{_TABLE}table-row",
                                          f"{_TABLE}table-cell")


def _lines(body: Element, paragraph: str | tuple[str, ...], table: str, row: str, cell: str) -> str:
    lines = []
    for element in body:
        if element.tag in paragraph:
            lines.append(_words(element))
        elif element.tag == table:
            lines += ["  |  ".join(_words(c) for c in r.iter(cell)) for r in element.iter(row)]
    return "\n".join(line for line in lines if line)


def _words(element: Element) -> str:
    if element.tag == f"{_TEXT}s":  # blanks that XML would swallow
        return " " * int(element.get(f"{_TEXT}c", "1")) + (element.tail or "")
    own = element.text or "" if element.tag == f"{_WORD}t" or not element.tag.startswith(_WORD) else ""
    inner = "".join(_words(child) for child in element)
    tail = element.tail or "" if not element.tag.startswith(_WORD) else ""
    return own + inner + tail
