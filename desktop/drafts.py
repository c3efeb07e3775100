"""Reading a draft: plain text, Markdown, Word and OpenDocument, as paragraphs of plain text; no file is trusted."""

from __future__ import annotations

import codecs
import html
import re
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import ParseError, XMLParser

from desktop.cleaning import clean_text
from desktop.errors import UserError
from desktop.quotations import LONGEST_DRAFT

ENDINGS = ("docx", "odt", "md", "txt")
_MOST_BYTES = 100_000_000  # of a file; pictures in it are not read
_MOST_TEXT_BYTES = 4 * LONGEST_DRAFT
_MOST_XML = 60_000_000  # bytes of one part, unpacked
_MOST_PARTS = 20_000
_FOREIGN = {b"%PDF": "PDF", b"\xd0\xcf\x11\xe0": "Word 97", b"{\\rtf": "RTF"}
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_COMPATIBLE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_Attributes = dict[str, str]


def read_draft(path: Path) -> str:
    """The text of a draft, one paragraph a line. UserError when it cannot be read, with what to do instead."""
    data = _bytes_of(path)
    for beginning, kind in _FOREIGN.items():
        if data.startswith(beginning):
            raise UserError("{name} is a file of the kind {kind}, which Pullquote does not read. Save it as .docx, "
                            ".odt or .txt, or paste its text.", name=path.name, kind=kind)
    text = _packed(path) if data.startswith(b"PK\x03\x04") else _decoded(data, path.name)
    if path.suffix.lower() in (".md", ".markdown") and len(text) <= LONGEST_DRAFT:
        text = _without_markdown(text)
    if len(text) > LONGEST_DRAFT:
        raise UserError("The text of {name} is longer than {count} characters. Check it in parts.", name=path.name,
                        count=f"{LONGEST_DRAFT:,}")
    text = clean_text(text, LONGEST_DRAFT)
    if not text:
        raise UserError("There is no text in {name}. Choose another file, or paste the text.", name=path.name)
    return text


def _bytes_of(path: Path) -> bytes:
    """All of a text file, the beginning of a packed one."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UserError("{name} is no file that holds a draft. Choose a .docx, .odt, .md or .txt file.",
                            name=path.name)
        with open(path, "rb") as file:
            data = file.read(_MOST_TEXT_BYTES + 1)
    except OSError as error:
        raise UserError("{name} could not be opened ({reason}). Check that it is still there and may be read.",
                        name=path.name, reason=error.strerror or "unknown") from error
    is_packed = data.startswith(b"PK\x03\x04")
    if status.st_size > (_MOST_BYTES if is_packed else _MOST_TEXT_BYTES):
        raise UserError("{name} is too big for a draft ({size} MB). Paste the part that holds the quotations.",
                        name=path.name, size=status.st_size // 1_000_000)
    return data


# Plain text

def _decoded(data: bytes, name: str) -> str:
    """As text, or refused when much of it is no text in any encoding."""
    text = _as_text(data)
    controls = sum(text[:20_000].count(chr(code)) for code in (*range(9), *range(14, 27), *range(28, 32)))
    if controls > len(text[:20_000]) / 100:
        raise UserError("{name} holds no text. Choose a .docx, .odt, .md or .txt file, or paste the text.", name=name)
    return text


def _as_text(data: bytes) -> str:
    """By its byte order mark, else UTF-16 when every other byte is empty, else UTF-8, else Western European."""
    for mark, encoding in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
                           (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace").lstrip("\ufeff")
    sides = data[0:2000:2].count(0), data[1:2000:2].count(0)
    if max(sides) > 0.3 * min(len(data), 2000) / 2 and min(sides) <= max(sides) / 8:
        return data.decode("utf-16-le" if sides[1] > sides[0] else "utf-16-be", "replace")
    for encoding in ("utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            pass
    return data.decode("latin-1")


def _without_markdown(text: str) -> str:
    """Without what is not read as words: comments, addresses of links, signs of headings and quoted blocks."""
    text = re.sub(r"<!--.*?(?:-->|\Z)", "", text, flags=re.DOTALL)
    text = re.sub(r"!?\[((?:[^\[\]\n\\]|\\.){0,1000})\]\([^()\s]{0,2000}(?: [^()\n]{0,500})?\)", r"\1", text)
    text = re.sub(r"(?m)^[ \t]{0,3}(?:>[ \t]?)+|^[ \t]{0,3}#{1,6}[ \t]+", "", text)
    text = re.sub(r"\\([\\`*_{}\[\]()#+.!~>-])", r"\1", text)
    return html.unescape(re.sub(r"\*{1,3}(?=\S)|(?<=\S)\*{1,3}", "", text))


# Packed files

def _packed(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist()[:_MOST_PARTS])
            if "word/document.xml" in names:
                notes = [part for part in ("word/footnotes.xml", "word/endnotes.xml") if part in names]
                return "\n".join(_paragraphs(archive, part, _word_sign) for part in ["word/document.xml", *notes])
            if "content.xml" in names:
                return _paragraphs(archive, "content.xml", _odf_sign)
    except (zipfile.BadZipFile, zlib.error, ParseError, OSError, EOFError, NotImplementedError, RuntimeError,
            ValueError, LookupError) as error:
        raise UserError("{name} is damaged or locked with a password and could not be read. Open it in its program, "
                        "save it anew without a password, or paste its text.", name=path.name) from error
    raise UserError("{name} is no Word or OpenDocument text. Choose a .docx, .odt, .md or .txt file, or paste the "
                    "text.", name=path.name)


def _paragraphs(archive: zipfile.ZipFile, part: str, sign: Callable[[str, _Attributes], str]) -> str:
    """The paragraphs of one part. Nothing is built in memory but their text, however deep the part nests."""
    with archive.open(part) as file:
        data = file.read(_MOST_XML + 1)
    if len(data) > _MOST_XML:
        raise UserError("{name} unpacks to more than a draft can be. Paste the part that holds the quotations.",
                        name=Path(archive.filename or part).name)
    if b"<!" in data and re.search(rb"<!\s*(?:ENTITY|DOCTYPE)", data.replace(b"\0", b""), re.IGNORECASE):
        raise ValueError("a document with declarations of its own")
    reader = _Reader(sign)
    parser = XMLParser(target=reader)
    parser.feed(data)
    parser.close()
    return "\n".join(reader.paragraphs)


class _Reader:
    """Collects text; `sign(tag, attributes)` says what an element is: P, T, SKIP, "" or the text it stands for."""

    def __init__(self, sign: Callable[[str, _Attributes], str]) -> None:
        self.paragraphs: list[str] = []
        self._sign = sign
        self._signs: list[str] = []
        self._open: list[list[str]] = []  # paragraphs inside paragraphs (text boxes, notes)
        self._skipped = 0
        self._length = 0

    def start(self, tag: str, attributes: _Attributes) -> None:
        sign = self._sign(tag, attributes)
        self._signs.append(sign)
        if sign == SKIP:
            self._skipped += 1
        elif sign == P:
            self._open.append([])
        elif sign not in ("", T):
            self._add(sign)

    def data(self, text: str) -> None:
        if T in self._signs[-1:] or (self._sign is _odf_sign and self._open):
            self._add(text)

    def end(self, _: str) -> None:
        sign = self._signs.pop()
        if sign == SKIP:
            self._skipped -= 1
        elif sign == P:
            text = "".join(self._open.pop())
            if not self._skipped and text.strip():
                self.paragraphs.append(text)

    def close(self) -> None:
        """The parser asks for it."""

    def _add(self, text: str) -> None:
        if self._open and not self._skipped and self._length <= LONGEST_DRAFT:
            self._length += len(text)
            self._open[-1].append(text)


P, T, SKIP = "<paragraph>", "<text>", "<skip>"
_WORD_SIGNS = {f"{_WORD}p": P, f"{_WORD}t": T, f"{_WORD}tab": "\t", f"{_WORD}br": "\n", f"{_WORD}cr": "\n",
               f"{_WORD}noBreakHyphen": "\u2011", f"{_WORD}softHyphen": "", f"{_WORD}del": SKIP,
               f"{_WORD}moveFrom": SKIP, f"{_COMPATIBLE}Fallback": SKIP}
_ODF_SIGNS = {f"{_TEXT}p": P, f"{_TEXT}h": P, f"{_TEXT}tab": "\t", f"{_TEXT}line-break": "\n",
              f"{_TEXT}tracked-changes": SKIP, f"{_OFFICE}annotation": SKIP, f"{_TEXT}note-citation": SKIP}


def _word_sign(tag: str, _: _Attributes) -> str:
    return _WORD_SIGNS.get(tag, "")


def _odf_sign(tag: str, attributes: _Attributes) -> str:
    if tag == f"{_TEXT}s":
        count = attributes.get(f"{_TEXT}c", "1")
        return " " * (min(int(count), 1000) if count.isdecimal() and len(count) < 5 else 1)
    return _ODF_SIGNS.get(tag, "")
