"""The export dialog: what it offers, what it shows, and that exactly this is written."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from io import BytesIO
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from desktop.exporting import QUOTE_FORMATS, preview
from desktop.exports import FORMATS, Options
from desktop.library import Library
from desktop.model import Desk, Quote, Recording, Segment, Speaker, Terms, TimeRange, TranscriptDocument, Withheld
from desktop.ui.export_dialog import ExportDialog
from desktop.ui.main_window import MainWindow
from desktop.ui.pdf_export import pdf

Picture = Callable[[QWidget, str], None]
ARABIC = "قال العمدة إن الجسر سيفتح في الربيع."
ALL = [*FORMATS, "pdf"]


@pytest.fixture
def filled(window: MainWindow, library: Library, sample: Recording, qtbot: QtBot) -> MainWindow:
    """The sample with quotes, emotions, a translation, a range, and a line that is off the record."""
    document = library.document(library.transcripts(sample.id)[0].id)
    lines = document.segments
    said_by = lines[3].speaker_id
    library.set_desk(sample.id, Desk(
        (Quote(TimeRange(lines[3].start, lines[3].end), "Um, " + lines[3].text, document.transcript.id, said_by,
               "Steve", "strong", "lead", id=library.new_id("quote")),),
        (), (Withheld(TimeRange(lines[1].start, lines[1].end), Terms.OFF_THE_RECORD, "2026-11-20T10:00:00Z"),)))
    window.workspace.open(library.recording(sample.id))
    qtbot.waitUntil(lambda: window.workspace.document is not None and window.workspace.tasks.running == 0,
                    timeout=20_000)
    shown = window.workspace.document
    assert shown is not None
    window.workspace.document = replace(shown, segments=tuple(
        replace(s, translation=ARABIC if n in (0, 3) else "", emotion="neutral") for n, s in enumerate(shown.segments)))
    window.workspace.set_range(TimeRange(3.0, 13.0))
    return window


def opened(window: MainWindow, qtbot: QtBot) -> ExportDialog:
    dialog = ExportDialog(window.workspace, window)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def choose(dialog: ExportDialog, qtbot: QtBot, name: str, what: str = "all") -> str:
    """Choose and wait; gives the preview."""
    dialog.format.setCurrentIndex(dialog.format.findData(name))
    dialog.what.setCurrentIndex(dialog.what.findData(what))
    settled(dialog, qtbot)
    return dialog._preview.toPlainText()


def settled(dialog: ExportDialog, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not dialog._soon.isActive() and dialog._workspace.tasks.running == 0
                    and (dialog._save.isEnabled() or bool(dialog._note.text())), timeout=20_000)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("what", ["all", "range", "quotes"])
def test_the_preview_is_what_is_saved_and_holds_nothing_off_the_record(filled: MainWindow, qtbot: QtBot, name: str,
                                                                      what: str) -> None:
    dialog = opened(filled, qtbot)
    shown = choose(dialog, qtbot, name, what)
    document = filled.workspace.document
    assert document is not None and dialog.content and dialog._save.isEnabled()
    if name != "pdf":
        assert shown == preview(dialog.content, name).replace("\r\n", "\n")
    if name in FORMATS and FORMATS[name].is_text and name != "csv":
        assert shown.encode() == dialog.content
    words = unescape(" ".join(shown.split()))
    assert document.segments[1].text not in words
    assert document.segments[1].text.encode() not in dialog.content
    if name != "rttm":
        assert document.segments[3].text.split()[0] in shown
    assert (document.segments[6].text[:12] in words) == (what == "all" and name != "rttm")


@pytest.mark.parametrize("name", ALL)
def test_only_what_makes_sense_for_a_format_can_be_chosen(filled: MainWindow, qtbot: QtBot, name: str) -> None:
    dialog = opened(filled, qtbot)
    choose(dialog, qtbot, name)
    assert dialog._limits.isEnabled() == (name in ("srt", "vtt"))
    assert dialog.sound.isEnabled() == (name == "html")
    assert dialog.timecodes.isEnabled() == (name in ("txt", "md", "html", "docx", "odt", "pdf", "csv", "tsv"))
    assert dialog.words.isEnabled() == (name != "rttm")


def test_every_part_has_a_name_for_screen_readers(filled: MainWindow, qtbot: QtBot) -> None:
    from tests.ui.test_accessible import nameless

    assert nameless(opened(filled, qtbot)) == []


def test_side_by_side_falls_back_where_there_are_no_columns(filled: MainWindow, qtbot: QtBot) -> None:
    dialog = opened(filled, qtbot)
    choose(dialog, qtbot, "docx")
    dialog.translation.setCurrentIndex(dialog.translation.findData("beside"))
    settled(dialog, qtbot)
    assert b"<w:tbl>" in zipfile.ZipFile(BytesIO(dialog.content)).read("word/document.xml")
    assert ARABIC in choose(dialog, qtbot, "txt")
    assert dialog.translation.currentData() == "below"


def test_a_change_bars_saving_until_it_is_shown(filled: MainWindow, qtbot: QtBot) -> None:
    dialog = opened(filled, qtbot)
    before = choose(dialog, qtbot, "txt")
    dialog.timecodes.setChecked(False)
    assert not dialog._save.isEnabled()
    settled(dialog, qtbot)
    assert "[0:" in before and "[0:" not in dialog._preview.toPlainText()
    dialog.speakers.setChecked(False)
    settled(dialog, qtbot)
    assert "Katie:" in before and "Katie:" not in dialog._preview.toPlainText()


def test_the_limits_of_subtitles_are_kept(filled: MainWindow, qtbot: QtBot) -> None:
    dialog = opened(filled, qtbot)
    choose(dialog, qtbot, "srt")
    dialog.line_length.setValue(24)
    dialog.lines_per_cue.setValue(1)
    settled(dialog, qtbot)
    texts = [block.split("\n")[2:] for block in dialog.content.decode().strip().split("\n\n")]
    assert len(texts) > 10 and all(len(lines) == 1 and len(lines[0]) <= 24 for lines in texts)


def test_quotes_are_cleaned_beside_the_verbatim_words(filled: MainWindow, qtbot: QtBot) -> None:
    dialog = opened(filled, qtbot)
    assert "Lightly cleaned" not in choose(dialog, qtbot, "md", "quotes")
    assert not dialog.timecodes.isEnabled() and dialog.words.isEnabled()
    dialog.words.setCurrentIndex(1)
    settled(dialog, qtbot)
    shown = dialog._preview.toPlainText()
    assert "Lightly cleaned: ~~Um,~~" in shown and "**Steve**" in shown and "Note: strong" in shown
    assert all(dialog.format.findData(name) >= 0 for name in QUOTE_FORMATS)


def test_what_is_not_there_is_not_offered(window: MainWindow, sample: Recording, qtbot: QtBot) -> None:
    window.workspace.open(sample)
    qtbot.waitUntil(lambda: window.workspace.document is not None)
    dialog = opened(window, qtbot)
    assert [dialog.what.itemData(row) for row in range(dialog.what.count())] == ["all"]
    assert dialog.emotions.isHidden() and not dialog._about_withheld.isVisible()
    assert not dialog.translation.isVisible()


def test_sound_goes_into_the_page_without_what_is_off_the_record(filled: MainWindow, qtbot: QtBot) -> None:
    dialog = opened(filled, qtbot)
    silent = choose(dialog, qtbot, "html")
    dialog.sound.setChecked(True)
    settled(dialog, qtbot)
    assert b'src="data:audio/ogg;base64,T2dnU' in dialog.content and len(dialog.content) > 50_000
    shown = dialog._preview.toPlainText()
    assert "characters of sound" in shown and len(shown) < len(silent) + 300
    choose(dialog, qtbot, "txt")
    assert b"data:audio" not in dialog.content


def test_enter_saves_and_escape_leaves(filled: MainWindow, qtbot: QtBot, tmp_path: Path,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    dialog = opened(filled, qtbot)
    choose(dialog, qtbot, "docx")
    with qtbot.waitSignal(dialog.accepted, timeout=5_000):
        QTest.keyClick(dialog, Qt.Key.Key_Return)
    again = opened(filled, qtbot)
    with qtbot.waitSignal(again.rejected, timeout=5_000):
        QTest.keyClick(again, Qt.Key.Key_Escape)

    def fill(dialog: ExportDialog) -> int:
        choose(dialog, qtbot, "audacity")
        return 1

    asked: list[str] = []
    monkeypatch.setattr(ExportDialog, "exec", fill)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (asked.append(a[2]) or str(tmp_path / "x.txt"), ""))
    filled.export_transcript()
    assert asked == ["Sample Katie and Steve.txt"]
    assert (tmp_path / "x.txt").read_text("utf-8").startswith("0.")


# -- PDF --------------------------------------------------------------------------------------------------------

def document_of(*segments: Segment) -> TranscriptDocument:
    from tests.test_exports import DOCUMENT

    return replace(DOCUMENT, segments=segments)


def test_a_pdf_has_all_words_and_opens_no_file(qapp: object, tmp_path: Path) -> None:
    canary = tmp_path / "canary.png"
    image = QImage(8, 8, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    image.save(str(canary))
    text = f'<img src="{canary}"> <b>hello</b> & {ARABIC}'
    content, shown = pdf(document_of(Segment(0.0, 2.0, text, 1), Segment(2.0, 3.0, "x" * 3000, 2)))
    assert content.startswith(b"%PDF-1") and content.rstrip().endswith(b"%%EOF")
    assert text in shown and "x" * 3000 in shown and b"/Subtype /Image" not in content
    assert pdf(document_of())[0].startswith(b"%PDF-1")


def test_every_option_of_a_pdf_is_one_of_the_page(qapp: object) -> None:
    document = document_of(Segment(0.0, 2.0, "Ja.", 1, "de", "Yes.", "sad"))
    _, shown = pdf(document, Options(language=True, translation="beside", emotions=True))
    assert all(word in shown for word in ("0:00", "Daniel Reed:", "(de)", "Ja.", "Yes.", "sad", "As spoken"))
    _, plain = pdf(document, Options(timecodes=False, speakers=False, translation="none"))
    assert not any(word in plain for word in ("0:00 Ja", "Daniel", "(de)", "Yes.", "sad"))
    assert Speaker(1, "Daniel Reed") in document.speakers.values()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pictures_of_the_dialog(filled: MainWindow, qtbot: QtBot, picture: Picture, theme: str) -> None:
    filled.workspace.change_settings(theme=theme)
    dialog = opened(filled, qtbot)
    for name, what in (("txt", "all"), ("srt", "all"), ("docx", "range"), ("md", "quotes"), ("html", "all")):
        choose(dialog, qtbot, name, what)
        assert not dialog.grab().isNull()
        picture(dialog, f"export-{name}-{theme}")
    filled.workspace.change_settings(theme="light")
