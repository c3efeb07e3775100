"""Drafts: files that lie about what they are, and quotations in the marks of many languages."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import docx
import odfdo
import pytest
from docx.oxml import parse_xml
from hypothesis import given
from hypothesis import strategies as st

from desktop.drafts import read_draft
from desktop.errors import UserError
from desktop.quotations import LONGEST_DRAFT, Quotation, quotations

TEXT = "The council met.\n“We paid,” said Ortiz."
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def texts(draft: str) -> list[str]:
    return [item.text for item in quotations(draft)]


def named(draft: str) -> list[tuple[str, str]]:
    return [(item.text, item.attribution) for item in quotations(draft)]


def only(draft: str) -> Quotation:
    (item,) = quotations(draft)
    return item


def packed(path: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def word_file(path: Path, body: str, **parts: bytes) -> Path:
    return packed(path, {"word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>".encode()} | {
        name.replace("__", "/"): content for name, content in parts.items()})


def said(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_draft(path)
    return str(caught.value)


# Files

@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_text_is_read_in_the_encodings_that_editors_write(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "draft.txt"
    path.write_bytes(TEXT.encode(encoding))
    assert read_draft(path) == TEXT


def test_bytes_of_no_known_encoding_are_read_as_western_european(tmp_path: Path) -> None:
    path = tmp_path / "draft.txt"
    path.write_bytes(b"caf\xe9 \x81 and so on")
    assert read_draft(path).startswith("café")


def test_line_ends_of_all_systems_are_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "draft.txt"
    path.write_bytes(b"one\r\ntwo\rthree")
    assert read_draft(path) == "one\ntwo\nthree"


def test_markdown_loses_what_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "draft.md"
    path.write_text("# Title\n<!-- “not this” -->\n> “We **paid** [\\[the\\] bank](https://x.example/a),” said "
                    "&ldquo;Ortiz&rdquo;.\n\n“He […] left, [laughing](x).”", "utf-8")
    assert texts(read_draft(path)) == ["We paid [the] bank,", "Ortiz", "He […] left, laughing."]


def test_word_files_give_paragraphs_tables_notes_and_links_but_nothing_deleted(tmp_path: Path) -> None:
    page = docx.Document()
    page.add_heading("Title")
    page.add_paragraph("“We paid,” said Ortiz.")
    page.add_table(1, 1).cell(0, 0).text = "in a table"
    body = page.element.body
    for piece in ("<w:ins><w:r><w:t>inserted</w:t></w:r></w:ins>",
                  "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>",
                  "<w:moveFrom><w:r><w:t>moved away</w:t></w:r></w:moveFrom>",
                  "<w:hyperlink><w:r><w:t>linked</w:t><w:tab/><w:t>tabbed</w:t></w:r></w:hyperlink>"):
        body.insert(-1, parse_xml(f"<w:p {W}>{piece}</w:p>"))
    path = tmp_path / "draft.docx"
    page.save(str(path))
    assert read_draft(path) == "Title\n“We paid,” said Ortiz.\nin a table\ninserted\nlinked\ttabbed"


def test_footnotes_and_text_boxes_are_read_once(tmp_path: Path) -> None:
    box = "<w:p><w:r><w:t>in a box</w:t></w:r></w:p>"
    mc = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    path = word_file(tmp_path / "d.docx", f"<w:p><w:r><w:t>Before </w:t><mc:AlternateContent {mc}><mc:Choice>{box}"
                     f"</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent><w:t>after</w:t></w:r></w:p>",
                     word__footnotes=b"")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("word/footnotes.xml",
                         f"<w:footnotes {W}><w:p><w:r><w:t>a note</w:t></w:r></w:p></w:footnotes>")
    assert read_draft(path).splitlines() == ["in a box", "Before after", "a note"]


def test_open_document_keeps_blanks_and_leaves_out_comments_and_deletions(tmp_path: Path) -> None:
    page = odfdo.Document("text")
    page.body.clear()
    page.body.append(odfdo.Paragraph("“We  paid,”\tsaid Ortiz."))
    noted = odfdo.Paragraph("with a comment")
    noted.append(odfdo.Annotation("“never mind”", creator="x"))
    page.body.append(noted)
    path = tmp_path / "draft.odt"
    page.save(str(path))
    assert read_draft(path) == "“We  paid,”\tsaid Ortiz.\nwith a comment"


def test_the_content_counts_and_not_the_ending_of_the_name(tmp_path: Path) -> None:
    path = word_file(tmp_path / "draft.txt", "<w:p><w:r><w:t>words</w:t></w:r></w:p>")
    assert read_draft(path) == "words"


@pytest.mark.parametrize(("content", "kind"), [(b"%PDF-1.7\n...", "PDF"), (b"{\\rtf1 x}", "RTF"),
                                               (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 9, "Word 97")])
def test_other_kinds_of_files_are_named_with_what_to_do(content: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / "draft.docx").write_bytes(content)
    assert kind in said(tmp_path / "draft.docx") and "paste its text" in said(tmp_path / "draft.docx")


@pytest.mark.parametrize("content", [b"\x00\x01\x02\x03" * 500, bytes(range(32)) * 40,
                                     b"\x7fELF\x02\x01\x01" + bytes(99)])
def test_what_is_no_text_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "draft.txt").write_bytes(content)
    assert "no text" in said(tmp_path / "draft.txt")


@pytest.mark.parametrize("content", [b"", b" \n\t\r\n"])
def test_an_empty_draft_is_said_to_be_empty(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "draft.txt").write_bytes(content)
    assert "There is no text" in said(tmp_path / "draft.txt")


def test_a_missing_file_a_folder_and_a_pipe_are_said(tmp_path: Path) -> None:
    assert "could not be opened" in said(tmp_path / "gone.txt")
    assert "no file" in said(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.txt")
        assert "no file" in said(tmp_path / "pipe.txt")


def test_too_big_a_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with open(tmp_path / "huge.txt", "wb") as file:
        file.truncate(50_000_000_000)
    assert "too big" in said(tmp_path / "huge.txt")


def test_too_long_a_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("word " * (LONGEST_DRAFT // 5 + 10))
    assert "longer than" in said(tmp_path / "long.txt")
    with pytest.raises(UserError, match="longer than"):
        quotations("word " * (LONGEST_DRAFT // 5 + 10))


def test_a_file_that_unpacks_without_end_is_stopped(tmp_path: Path) -> None:
    bomb = f"<w:document {W}><w:body><w:p><w:r><w:t>".encode() + b" " * 70_000_000
    assert "unpacks to more" in said(packed(tmp_path / "bomb.docx", {"word/document.xml": bomb}))


def test_entities_that_multiply_are_not_expanded(tmp_path: Path) -> None:
    body = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    content = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{body}]><w:document {W}><w:body><w:p><w:r><w:t>' \
        "&a11;</w:t></w:r></w:p></w:body></w:document>"
    for encoding in ("utf-8", "utf-16"):
        path = packed(tmp_path / f"{encoding}.docx", {"word/document.xml": content.encode(encoding)})
        assert "damaged" in said(path)


def test_elements_nested_deeply_do_not_end_the_program(tmp_path: Path) -> None:
    path = word_file(tmp_path / "deep.docx", "<w:sdt>" * 200_000 + "<w:p><w:r><w:t>down here</w:t></w:r></w:p>"
                     + "</w:sdt>" * 200_000)
    assert read_draft(path) == "down here"


def test_broken_and_foreign_archives_are_said(tmp_path: Path) -> None:
    whole = word_file(tmp_path / "a.docx", "<w:p><w:r><w:t>words</w:t></w:r></w:p>").read_bytes()
    (tmp_path / "cut.docx").write_bytes(whole[:len(whole) // 2])
    assert "damaged" in said(tmp_path / "cut.docx")
    assert "damaged" in said(packed(tmp_path / "bad.docx", {"word/document.xml": b"<w:p>"}))
    assert "no Word or OpenDocument" in said(packed(tmp_path / "b.docx", {"xl/workbook.xml": b"<x/>"}))


def test_a_locked_document_is_said(tmp_path: Path) -> None:
    path = word_file(tmp_path / "a.docx", "<w:p/>")
    content = bytearray(path.read_bytes())
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(sign) + place] |= 1  # encrypted
    path.write_bytes(content)
    assert "password" in said(path)


@given(st.binary(max_size=300), st.integers(0, 400))
def test_a_damaged_document_is_read_or_refused_and_nothing_else(noise: bytes, at: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("content.xml", '<x xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><text:p>words'
                                        '<text:s text:c="99999999999"/></text:p></x>')
    whole = bytearray(buffer.getvalue())
    whole[at:at + len(noise)] = noise
    path = Path(os.environ["PULLQUOTE_HOME"])
    path.mkdir(exist_ok=True)
    path = path / "noise.odt"
    path.write_bytes(bytes(whole))
    try:
        assert read_draft(path)
    except UserError:
        pass


# Marks

@pytest.mark.parametrize(("draft", "found"), [
    ("He said “we paid” and left.", ["we paid"]),
    ('He said "we paid" and left.', ["we paid"]),
    ("He said ‘we paid’ and left.", ["we paid"]),
    ("He said 'we paid' and left.", ["we paid"]),
    ("„Wir zahlten“, sagte er. »Nein«, sagte sie. ‚Gut‘.", ["Wir zahlten", "Nein", "Gut"]),
    ("« Nous avons payé », dit-il. «Oui».", ["Nous avons payé", "Oui"]),
    ("«Pagamos», dijo. “Sí”.", ["Pagamos", "Sí"]),
    ("”Vi betalade”, sa hon. »Nej», sa han.", ["Vi betalade", "Nej"]),
    ("„Zapłaciliśmy”, powiedział.", ["Zapłaciliśmy"]),
    ("田中は「払いました」と言った。『本当』", ["払いました", "本当"]),
    ("他说“我们付了钱”。", ["我们付了钱"]),
    ("``We paid,'' he said, ,,wir zahlten''.", ["We paid,", "wir zahlten"]),
    ("“Wrong “ closing“ here and “mixed\" too.", ["Wrong “ closing", "mixed"]),
])
def test_marks_of_many_languages(draft: str, found: list[str]) -> None:
    assert texts(draft) == found


@pytest.mark.parametrize("draft", [
    "Don't say it's l’homme or l'homme.", "rock ’n’ roll, rock 'n' roll and rock ‘n’ roll",
    "the ’90s, the '90s, the ‘90s",
    "the workers' rights and the workers’ house", "6'2\" tall and a 10\" pipe", "the boys' and the girls' school",
    "’Twas the night, 'tis the day", "", "no quotation here", "“”", "“ … ”", "5″ and 7′", "get 'em, 'cause it's here"])
def test_apostrophes_and_inches_are_no_quotations(draft: str) -> None:
    assert texts(draft) == []


@pytest.mark.parametrize(("draft", "found"), [
    ("“He told me ‘go away’ and left,” she said.", ["He told me ‘go away’ and left,"]),
    ("\"He said \"no\" to me,\" she said.", ['He said "no" to me,']),
    ("« Il a dit « non » hier », dit-elle.", ["Il a dit « non » hier"]),
    ("„Er sagte ‚nein‘ und ging“, sagte sie.", ["Er sagte ‚nein‘ und ging"]),
    ("「彼は『いいえ』と言った」", ["彼は『いいえ』と言った"]),
])
def test_a_quotation_inside_another_belongs_to_it(draft: str, found: list[str]) -> None:
    assert texts(draft) == found


@pytest.mark.parametrize(("draft", "found"), [
    ("‘We don’t pay the workers’ wages,’ he said.", ["We don’t pay the workers’ wages,"]),
    ("'We don't,' he said of rock 'n' roll.", ["We don't,"]),
    ('"It was 10" long," he said.', ['It was 10" long,']),
    ('He was "born in 1990" and "died".', ["born in 1990", "died"]),
    ("In the ‘90s he said ‘go on’.", ["go on"]),
])
def test_apostrophes_inside_quotations_do_not_end_them(draft: str, found: list[str]) -> None:
    assert texts(draft) == found


def test_an_unclosed_quotation_ends_with_its_paragraph_and_says_so() -> None:
    first, second = quotations("“We paid, he said.\nThen “it” came.")
    assert (first.text, first.is_closed) == ("We paid, he said.", False)
    assert (second.text, second.is_closed, second.paragraph) == ("it", True, 2)


def test_an_unclosed_straight_mark_does_not_turn_the_ones_after_it_around() -> None:
    assert texts('He said "we paid. Then "closed" came.') == ["we paid. Then", "closed"]


def test_a_quotation_goes_on_over_paragraphs_that_begin_with_a_mark() -> None:
    item = only("“We paid.\n“And they knew.\n“All of them.” Then he left.")
    assert item.text == "We paid. And they knew. All of them." and item.is_closed and item.paragraph == 1
    assert only("“We paid.\n\nAnd they knew,” he said.").text == "We paid. And they knew,"
    assert only("« Nous avons payé.\n» Et ils savaient. »").text == "Nous avons payé. Et ils savaient."


def test_lines_broken_at_a_width_are_one_paragraph() -> None:
    draft = ("The committee met in March and the mayor said that “nobody\nhad been paid for the whole of the last "
             "year, which\nwas bad” and left.")
    assert texts(draft) == ["nobody had been paid for the whole of the last year, which was bad"]


@pytest.mark.parametrize(("draft", "found"), [
    ("—No pagamos a tiempo —dijo Ortiz—. Y lo sabe todo el mundo.",
     [("No pagamos a tiempo", "Ortiz"), ("Y lo sabe todo el mundo.", "Ortiz")]),
    ("— No pagamos a tiempo, dijo Ortiz.", [("No pagamos a tiempo", "Ortiz")]),
    ("— Je ne sais pas, dit-elle. Peut-être demain.", [("Je ne sais pas", ""), ("Peut-être demain.", "")]),
    ("— Nie wiem — powiedział Nowak. — Może jutro.", [("Nie wiem", "Nowak"), ("Może jutro.", "Nowak")]),
    ("– Vi vet inte, sa Ortiz.", [("Vi vet inte", "Ortiz")]),
    ("— I saw — honestly — nothing at all.", [("I saw — honestly — nothing at all.", "")]),
    ("— Jane Doe", []),
    ("— “Hello there,” said Ortiz.", [("Hello there,", "Ortiz")]),
])
def test_dialogue_after_a_dash(draft: str, found: list[tuple[str, str]]) -> None:
    assert named(draft) == found


def test_the_place_in_the_draft_holds_the_quotation() -> None:
    draft = "One.\n\nHe said “we paid” twice: “we  \n paid”. 𝄞 “Again.”"
    places = [(draft[q.start:q.end], q.paragraph) for q in quotations(draft)]
    assert places[0] == ("“we paid”", 2) and places[-1][0] == "“Again.”"


# Who

@pytest.mark.parametrize(("draft", "name"), [
    ("“We paid,” said Ortiz.", "Ortiz"), ("“We paid,” Ortiz said.", "Ortiz"), ("Ortiz: “We paid.”", "Ortiz"),
    ("**Ortiz:** “We paid.”", "Ortiz"), ("Ortiz said: “We paid.”", "Ortiz"),
    ("Ortiz told Lind: “We paid.”", "Ortiz"), ("According to Lucía Ortiz, “we paid.”", "Lucía Ortiz"),
    ("“We paid,” said the mayor, Lucía Ortiz.", "Lucía Ortiz"),
    ("“We paid,” Dr. Lind said.", "Lind"), ("“We paid,” said Maria de la Cruz.", "Maria de la Cruz"),
    ("«Pagamos», dijo Ortiz.", "Ortiz"), ("« Payé », selon Mme Le Pen.", "Le Pen"), ("„Ja“, sagte Ortiz.", "Ortiz"),
    ("”Ja”, sa Ortiz.", "Ortiz"), ("„Tak”, powiedział Nowak.", "Nowak"), ("田中さんは「払いました」と話した。", "田中"),
    ("“We paid,” he said.", ""), ("“We paid.” Lind said the opposite.", ""), ("The word “paid” is old.", ""),
    ("“We paid,” said O’Brien.", "O’Brien"), ("“We paid?” asked Ortiz.", "Ortiz"),
    ("Lind left. “We paid,” she said.", ""), ("“No”. Ortiz said more.", ""), ("“Payé”, a dit Ortiz.", "Ortiz"),
    ("When Lind asked, Ortiz said: “We paid.”", ""), ("Ortiz was told: “We paid.”", ""),
    ("“We paid,” she told Jane Lind.", ""), ("“We paid,” the mayor told Lind.", ""),
    ("To Lind he said: “We paid.”", ""),
])
def test_who_is_said_to_speak(draft: str, name: str) -> None:
    assert only(draft).attribution == name


def test_a_quotation_that_goes_on_has_the_name_of_its_beginning() -> None:
    assert named("“We paid,” said Ortiz. “All of it.” Then Lind came. “No!”") == [
        ("We paid,", "Ortiz"), ("All of it.", "Ortiz"), ("No!", "")]


@given(st.text(alphabet="“”‘’\"'«»„‚—– \n\tab.,:s90né田「」", max_size=200))
def test_any_text_is_read_and_every_quotation_stands_in_it(draft: str) -> None:
    end = 0
    for item in quotations(draft):
        assert 0 <= item.start < item.end <= len(draft)
        assert item.start >= end
        end = item.end
        assert item.text and item.text == " ".join(item.text.split())


def test_a_hostile_draft_is_read_in_a_moment() -> None:
    for draft in ("“" * 20_000, '"a" ' * 5_000, "‘a " + "s’ a " * 20_000, "— " + "a, dijo Ortiz. " * 5_000,
                  "— " + " " * 200_000 + "x", "„" * 20_000, "(" * 50_000 + "[" * 50_000):
        quotations(draft)
