"""Hostile text in every format, read back by readers that are not ours: nothing breaks, vanishes or is made up."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from xml.etree import ElementTree

import docx
import odfdo
import pysubs2
import pytest
import webvtt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.cleaning import clean_name, clean_text
from desktop.exporting import preview, render, render_quotes
from desktop.exports import FORMATS, Options
from desktop.exports.web import POLICY
from desktop.model import Desk, Quote, Segment, Speaker, TimeRange, TranscriptDocument
from tests.test_exports import DOCUMENT, HOSTILE, RECORDING, TRANSCRIPT

MORE = [
    "a\x00b", "\x1b[31mred", "a\x0b\x0c\x1c\x1d\x1eb", "\ufffe\uffff", "\ud800lone\udfff", "a\x7f\x80\x9fb",
    "=HYPERLINK(\"http://192.0.2.1\",\"x\")", "+1+1", "-2+3", "@SUM(A1)", "＝1+1", "\u200b=1+1", "\u202e=1+1", "'=1",
    "=cmd|'/c calc'!A0", "{\\an8}top", "{y:i}italic", "<font color=red>x</font>", "<!-- gone -->", "]]>",
    "<![CDATA[x]]>", "<?xml version='1.0'?>", "&#x202e;", "&nbsp;", "<c.red>x</c>",
    "<img src=x onerror=alert(1)>",
    "\"><script>x</script>", "' onload='alert(1)", "</style><script>x</script>",
    "</td></tr></table>", "</text:p>", "</w:t>", "a\tb\tc",
    "a,b;c", "a\"b\"\"c", "\"quoted, whole\"", "SPEAKER x 1 0 1 <NA> <NA> Bob <NA> <NA>", ";; comment", "\\1.0\t2.0",
    "市長は橋の費用について何も言いませんでした。" * 20, "🙂" * 90, "👩‍👩‍👧‍👦 family", "e\u0301" * 50,
    "قال العمدة إن الجسر سيفتح في الربيع.", "\u2066isolated\u2069 \u202bembedded", "a\u00a0b\u3000c", "word " * 900,
    "x" * 19_000, "\u0300\u0301\u0302", "%s {0} ${x}", "\r\n\r\n9\r\n00:00:01,000 --> 00:00:02,000\r\nfake",
    "NOTE\n\nSTYLE\n::cue{}", "[1:00] Bob: fake", "Bob: fake", "| --- |", "\\", "line\\\nbreak  \nx", "~~~", "<br>",
]
TEXTS = [text for text in HOSTILE + MORE if clean_text(text)]
NAMES = ["Ann", "<b>Bob</b>", "A\n\nB", "x --> y", "Ann>evil & co", "=Ann", "عمدة", "a\x00\ud800b", "\u202egnah", "-"]


def flat(text: str) -> str:
    return " ".join(clean_text(text, len(text)).split())


def bare(text: str) -> str:
    """Without what an export may add so that a line turns and marks only itself."""
    return re.sub("[\u2060\u2066-\u2069\u202a-\u202e]", "", text)


def guarded(text: str) -> str:
    """As a cell of a spreadsheet: what would be a formula begins with an apostrophe."""
    return f"'{text}" if re.match("[\u200b\u2066-\u2069\u202a-\u202e]*[=+@＝＋－＠-]", text) else text


def unbroken(text: str) -> str:
    """The letters only: subtitles break lines and long words."""
    return "".join(bare(text).split())


def document_of(texts: list[str], names: list[str]) -> TranscriptDocument:
    """A line for each text; speakers in turn. The texts are raw, as no border had cleaned them."""
    segments = tuple(Segment(n * 2.0, n * 2.0 + 1.5, text, n % len(names) + 1, "en", text, text[:40])
                     for n, text in enumerate(texts))
    speakers = {n: Speaker(n, name) for n, name in enumerate(names, 1)}
    quotes = tuple(Quote(TimeRange(s.start, s.end), s.text, None, s.speaker_id, "", s.text, s.text) for s in segments)
    return TranscriptDocument(replace(RECORDING, title=texts[0] if texts else "T"),
                              replace(TRANSCRIPT, missing=(), summary=""), speakers, segments, Desk(quotes))


class Page(HTMLParser):
    """The elements of a web page, and the text of its paragraphs."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.paragraphs: list[str] = []
        self._inside = False
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "p":
            self.paragraphs.append("")
        self._inside = self._inside or tag == "p"

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "p"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.paragraphs[-1] += data


# Each reader gives (names, texts, translations) in the order of the lines; None: the format has none.
Read = tuple[list[str] | None, list[str], list[str] | None]
BARE = Options(timecodes=False, speakers=False)


def of_csv(content: bytes, dialect: str) -> Read:
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), dialect=dialect))
    for row in rows:
        for value in row.values():
            seen = re.sub("^[\u200b-\u200f\u202a-\u202e\u2060-\u2069]+", "", value)
            assert not seen or seen[0] not in "=+-@＝＋－＠\t\r", value

    def cells(name: str) -> list[str]:
        return [row[name] for row in rows]
    return cells("speaker"), cells("text"), cells("translation")


def of_json(content: bytes) -> Read:
    segments = json.loads(content)["segments"]
    return ([s["speaker"] or "" for s in segments], [flat(s["text"]) for s in segments],
            [flat(s["translation"]) for s in segments])


def of_html(content: bytes) -> Read:
    page = Page(content.decode())
    return None, page.paragraphs[0::2], page.paragraphs[1::2]


def of_docx(content: bytes) -> Read:
    page = docx.Document(io.BytesIO(content))
    assert page.paragraphs[0].style.name == "Heading 1"
    return None, [p.text for p in page.paragraphs if p.style.name == "Turn"], [
        p.text for p in page.paragraphs if p.style.name == "Translation"]


def of_odt(content: bytes) -> Read:
    body = odfdo.Document(io.BytesIO(content)).body
    assert len(body.headers) == 1
    by_style: dict[str, list[str]] = {"Turn": [], "Translation": []}
    for paragraph in body.paragraphs:
        by_style[paragraph.style.removesuffix("Rtl")].append(paragraph.inner_text)
    return None, by_style["Turn"], by_style["Translation"]


def of_eaf(content: bytes) -> Read:
    root = ElementTree.fromstring(content)
    times = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE", "")) for slot in root.iter("TIME_SLOT")}
    assert list(times.values()) == sorted(times.values())
    lines, translations = [], {}
    for tier in root.iter("TIER"):
        for item in tier.iter("ALIGNABLE_ANNOTATION"):
            start, end = times[item.get("TIME_SLOT_REF1")], times[item.get("TIME_SLOT_REF2")]
            assert end > start
            lines.append((start, tier.get("PARTICIPANT", ""), item[0].text or "", item.get("ANNOTATION_ID")))
        translations |= {item.get("ANNOTATION_REF"): item[0].text or "" for item in tier.iter("REF_ANNOTATION")}
    lines.sort()
    return [name for _, name, _, _ in lines], [text for _, _, text, _ in lines], [
        translations[own] for *_, own in lines]


READERS: dict[str, Callable[[bytes], Read]] = {
    "csv": lambda content: of_csv(content, "excel"), "tsv": lambda content: of_csv(content, "excel-tab"),
    "json": of_json, "html": of_html, "docx": of_docx, "odt": of_odt, "eaf": of_eaf}


@pytest.mark.parametrize("name", READERS)
def test_every_text_comes_back_whole_and_in_its_place(name: str) -> None:
    options = BARE if name in ("html", "docx", "odt") else Options()
    names, texts, translations = READERS[name](render(document_of(TEXTS, NAMES), name, options))
    guard: Callable[[str], str] = guarded if name in ("csv", "tsv") else str
    expected = [guard(flat(text)) for text in TEXTS]
    assert len(texts) == len(TEXTS)
    for given_, found in zip(expected, texts, strict=True):
        assert bare(found) == bare(given_), ascii(given_)[:80]
    assert translations is None or [bare(t) for t in translations] == [bare(t) for t in expected]
    if names is not None:
        assert names == [guard(clean_name(NAMES[n % len(NAMES)])) for n in range(len(TEXTS))]


@pytest.mark.parametrize("name", ["html", "docx", "odt"])
def test_side_by_side_is_a_row_for_each_line(name: str) -> None:
    content = render(document_of(TEXTS, NAMES), name, replace(BARE, translation="beside"))
    if name == "docx":
        rows = [[cell.text for cell in row.cells] for row in docx.Document(io.BytesIO(content)).tables[0].rows[1:]]
    elif name == "odt":
        (table,) = odfdo.Document(io.BytesIO(content)).body.get_tables()
        rows = [[cell.inner_text.strip() for cell in row.cells] for row in table.rows[1:]]
    else:
        paragraphs = Page(content.decode()).paragraphs
        rows = [list(pair) for pair in zip(paragraphs[0::2], paragraphs[1::2], strict=True)]
    assert [[bare(cell) for cell in row] for row in rows] == [[bare(flat(text))] * 2 for text in TEXTS]


@pytest.mark.parametrize("prefixed", [True, False])
def test_subtitles_are_read_whole_by_other_programs(prefixed: bool) -> None:
    document = document_of(TEXTS, NAMES if prefixed else [""])
    srt = pysubs2.SSAFile.from_string(render(document, "srt").decode(), format_="srt")
    vtt = list(webvtt.from_buffer(io.StringIO(render(document, "vtt").decode())))
    names = [f"{clean_name(NAMES[n % len(NAMES)])}:" if prefixed else "" for n in range(len(TEXTS))]
    for found, said in ((["".join(e.text.split("\\N")) for e in srt.events],
                         [name + text for name, text in zip(names, TEXTS, strict=True)]),
                        ([unescape(cue.text) for cue in vtt], TEXTS)):
        whole = unbroken(" ".join(flat(text) for text in said))
        read = unbroken("".join(found))
        assert re.sub("-{2,}>", "->", read) == re.sub("-{2,}>", "->", whole)
    if prefixed:
        assert {cue.voice for cue in vtt} == {clean_name(n).replace("&", "&amp;").replace("<", "&lt;").replace(
            ">", "&gt;") for n in NAMES}


@pytest.mark.parametrize("name", ["srt", "vtt"])
def test_every_cue_has_its_time_and_few_short_lines(name: str) -> None:
    content = render(document_of(TEXTS, NAMES), name).decode()
    blocks = re.split(r"\n\n", content.rstrip("\n"))[0 if name == "srt" else 1:]
    for number, block in enumerate(blocks, 1):
        lines = block.split("\n")
        if name == "srt":
            assert lines.pop(0) == str(number)
        start, end = re.fullmatch(r"(\d\d:\d\d:\d\d[,.]\d{3}) --> (\d\d:\d\d:\d\d[,.]\d{3})",
                                  lines[0]).groups()  # type: ignore[union-attr]
        assert start < end and 1 <= len(lines[1:]) <= 2
        assert all(line and "-->" not in line for line in lines[1:])


def test_a_web_page_has_no_script_no_event_and_nothing_to_fetch() -> None:
    page = Page(render(document_of(TEXTS, NAMES), "html", Options(emotions=True, language=True),
                       sound=b"fLaC" + b"\0" * 400).decode())
    assert {tag for tag, _ in page.tags} <= {"html", "head", "meta", "title", "style", "body", "h1", "audio", "p", "b",
                                             "bdi", "span"}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("href", "action", "style")]
        assert tag == "audio" or "src" not in attributes
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}) in page.tags
    assert POLICY == "default-src 'none'; style-src 'unsafe-inline'; media-src data:"
    (audio,) = [attributes for tag, attributes in page.tags if tag == "audio"]
    assert (audio["src"] or "").startswith("data:audio/flac;base64,ZkxhQ")
    assert all(attributes.get("dir") == "auto" for tag, attributes in page.tags if tag in ("p", "h1"))
    assert page.tags[0] == ("html", {"lang": "en"})


def test_rttm_and_labels_have_their_fields_whatever_is_said() -> None:
    rttm = render(document_of(TEXTS, NAMES), "rttm").decode().rstrip("\n").split("\n")
    assert len(rttm) == len(TEXTS) and all(len(line.split()) == 10 and line.startswith("SPEAKER ") for line in rttm)
    assert all(float(line.split()[4]) > 0 for line in rttm)
    labels = render(document_of(TEXTS, NAMES), "audacity").decode().rstrip("\n").split("\n")
    assert len(labels) == len(TEXTS)
    for line, text in zip(labels, TEXTS, strict=True):
        start, end, label = line.split("\t")
        assert float(start) < float(end) and bare(label).endswith(bare(flat(text)))


def test_quotes_come_back_whole_from_their_three_formats() -> None:
    document = document_of(TEXTS, NAMES)
    expected = [bare(flat(text)) for text in TEXTS]
    page = docx.Document(io.BytesIO(render_quotes(document, "docx", clean=True)))
    assert [bare(p.text) for p in page.paragraphs if p.style.name == "Quote"] == expected
    rows = list(csv.DictReader(io.StringIO(render_quotes(document, "csv", clean=True).decode("utf-8-sig"), newline="")))
    assert [bare(row["quote"]) for row in rows] == [bare(guarded(flat(text))) for text in TEXTS]
    assert all(not row[column] or row[column][0] not in "=+-@＝＋－＠" for row in rows for column in row)
    lines = [line for line in render_quotes(document, "md").decode().split("\n") if line.startswith("> ")]
    assert [bare(re.sub(r"\\([\\`*_{}\[\]<>()#+!|~&.)-])", r"\1", line[2:])) for line in lines] == expected


def test_right_to_left_paragraphs_are_marked_as_such() -> None:
    arabic = "قال العمدة إن الجسر سيفتح."
    document = replace(DOCUMENT, segments=(Segment(0.0, 1.0, arabic, 1, "ar", "The mayor."),
                                           Segment(1.0, 2.0, "No.", 1)))
    xml = zipfile.ZipFile(io.BytesIO(render(document, "docx"))).read("word/document.xml").decode()
    assert xml.count("<w:bidi/>") == 1 and xml.count("<w:rtl/>") == 1
    content = ElementTree.fromstring(zipfile.ZipFile(io.BytesIO(render(document, "odt"))).read("content.xml"))
    styles = [e.get("{urn:oasis:names:tc:opendocument:xmlns:text:1.0}style-name") for e in content.iter(
        "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}p")]
    assert styles.count("TurnRtl") == 1 and "Turn" in styles
    assert f"Reed: \u2068{arabic}\u2069" in render(document, "txt").decode()  # Q5: isolated on its line


def test_office_files_name_nobody_and_not_the_program_that_packed_them() -> None:
    about = docx.Document(io.BytesIO(render(DOCUMENT, "docx"))).core_properties
    assert about.author == "" and about.comments == "" and about.last_modified_by == ""
    meta = zipfile.ZipFile(io.BytesIO(render(DOCUMENT, "odt"))).read("meta.xml").decode()
    assert "LibreOffice" not in meta and "odfdo" not in meta


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(max_size=60), max_size=4), st.text(max_size=20))
def test_any_text_at_all_can_be_exported_in_every_format(texts: list[str], name: str) -> None:
    texts = [text for text in texts if clean_text(text).strip()]
    document = document_of(texts, [name])
    for item in FORMATS.values():
        content = render(document, item.name)
        assert isinstance(preview(content, item.name), str)
        if item.name in READERS and item.name not in ("html", "docx", "odt") and texts:
            found = [bare(text).removeprefix("'") for text in READERS[item.name](content)[1]]
            assert found == [bare(flat(text)).removeprefix("'") for text in texts]
