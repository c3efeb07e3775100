"""Search everything in the window: results while somebody types, each plays its place; by keys alone, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QTextCharFormat
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from desktop.hits import Found, Group, Hit, Kind
from desktop.library import Library
from desktop.model import Desk, Mark, Quote, Recording, Segment, TimeRange, Withheld
from desktop.ui.hit_view import ITEM, HitModel, HitView
from desktop.ui.main_window import MainWindow
from desktop.ui.place_list import marked
from desktop.ui.search_window import SearchWindow

Picture = Callable[[QWidget, str], None]


@pytest.fixture(params=["light"])
def shown(request: pytest.FixtureRequest, window: MainWindow, library: Library, sample: Recording,
          qtbot: QtBot) -> Iterator[MainWindow]:
    """The sample is open and there is a second interview; in the theme that is asked for."""
    window.workspace.change_settings(theme=request.param)
    other = library.add_recording(title="Mayor Ortiz, 12 March", folder="other", original="o.wav", sha256="f" * 64,
                                  byte_count=1)
    transcript = library.add_transcript(other.id, engine="imported", model="", time_range=TimeRange(0, 60))
    library.add_segments(transcript.id, [
        ("Lucía Ortiz", Segment(62.0, 66.0, "No pagamos a tiempo, y eso lo sabe todo el mundo.", language="es",
                                translation="We did not pay on time, and everybody in town knows that.")),
        ("Ann Lee", Segment(70.0, 74.0, "Good morning. Is the bridge over the harbour paid for?")),
        ("王", Segment(80.0, 84.0, "我在海港工作。"))])
    library.set_desk(other.id, Desk((Quote(TimeRange(62, 66), "No pagamos a tiempo", note="check with the bridge "
                                           "company", id=library.new_id("quote")),), (Mark(71.0, "bridge, again"),)))
    window.workspace.open(library.recording(sample.id))
    qtbot.waitUntil(lambda: window.workspace.document is not None and window.workspace.tasks.running == 0,
                    timeout=20_000)
    yield window
    window.workspace.change_settings(theme="light")


@pytest.fixture
def dialog(shown: MainWindow, qtbot: QtBot) -> SearchWindow:
    made = SearchWindow(shown.workspace, shown)
    qtbot.addWidget(made)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # the test looks at it afterwards
    made.show()
    return made


def searched(dialog: SearchWindow, qtbot: QtBot, text: str) -> list[Hit]:
    dialog.field.setText(text)
    qtbot.waitUntil(lambda: dialog._task is None, timeout=20_000)
    return [row for row in dialog.list.hits.rows if isinstance(row, Hit)]


@pytest.mark.parametrize("shown", ["light", "dark"], indirect=True)
def test_results_appear_while_somebody_types(dialog: SearchWindow, qtbot: QtBot, picture: Picture,
                                             request: pytest.FixtureRequest) -> None:
    theme = request.node.callspec.params["shown"]
    picture(dialog, f"search-empty-{theme}")
    for letter in "morning":
        QTest.keyClick(dialog.field, letter)
    qtbot.waitUntil(lambda: dialog._task is None, timeout=20_000)
    groups = [row for row in dialog.list.hits.rows if isinstance(row, Group)]
    assert [len(group.hits) for group in groups] == [2, 1] and groups[1].title == "Mayor Ortiz, 12 March"
    assert dialog.message.text() == "3 hits in 2 recordings, those that fit best first."
    searched(dialog, qtbot, "bridge")
    picture(dialog, f"search-{theme}")
    dialog.resize(420, 500)
    searched(dialog, qtbot, "pay everybody")
    picture(dialog, f"search-narrow-{theme}")
    searched(dialog, qtbot, "nowhere")
    picture(dialog, f"search-nothing-{theme}")


def test_enter_in_the_field_plays_the_chosen_place(dialog: SearchWindow, qtbot: QtBot, library: Library) -> None:
    (line, *_) = [hit for hit in searched(dialog, qtbot, "bridge") if hit.kind is Kind.LINE]
    wanted: list[tuple[Any, ...]] = []
    dialog.place_wanted.connect(lambda *place: wanted.append(place))
    dialog.list.setCurrentIndex(dialog.list.hits.index(dialog.list.hits.row_of(line)))
    QTest.keyClick(dialog.field, Qt.Key.Key_Return)
    assert wanted == [(line.recording_id, line.transcript_id, 70.0, 74.0, line.segment_id)]
    assert library.transcripts(line.recording_id)[0].id == line.transcript_id and line.segment_id


def test_arrows_in_the_field_choose_hits_and_pass_over_titles(dialog: SearchWindow, qtbot: QtBot) -> None:
    hits = searched(dialog, qtbot, "morning")
    assert dialog.list.current() == hits[0]
    dialog.field.setFocus()
    QTest.keyClick(dialog.field, Qt.Key.Key_Down)
    assert dialog.list.current() == hits[1]
    QTest.keyClick(dialog.field, Qt.Key.Key_Down)
    assert dialog.list.current() == hits[2]  # of the next recording
    QTest.keyClick(dialog.field, Qt.Key.Key_Up)
    QTest.keyClick(dialog.field, Qt.Key.Key_Up)
    assert dialog.list.current() == hits[0]


def test_enter_and_a_double_click_in_the_list_play_too(dialog: SearchWindow, qtbot: QtBot) -> None:
    hits = searched(dialog, qtbot, "morning")
    wanted: list[float] = []
    dialog.place_wanted.connect(lambda *place: wanted.append(place[2]))
    QTest.keyClick(dialog.list, Qt.Key.Key_Return)
    dialog.play_button.click()
    rect = dialog.list.visualRect(dialog.list.hits.index(1))
    QTest.mouseClick(dialog.list.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    QTest.mouseDClick(dialog.list.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    assert wanted == [hits[0].start] * 3


def test_empty_states_say_what_to_do(dialog: SearchWindow, qtbot: QtBot) -> None:
    assert "Type to search" in dialog.list.empty and not dialog.play_button.isEnabled()
    assert searched(dialog, qtbot, "nowhere") == [] and "Nothing was found" in dialog.list.empty
    assert not dialog.play_button.isEnabled() and not dialog.more_button.isEnabled()
    searched(dialog, qtbot, "-morning")
    assert "only leaves out" in dialog.message.text()
    searched(dialog, qtbot, "mo*")
    assert "three letters" in dialog.message.text()
    searched(dialog, qtbot, "")
    assert "Type to search" in dialog.list.empty and dialog.message.text() == ""


def test_what_is_typed_last_is_what_is_shown(dialog: SearchWindow, qtbot: QtBot, shown: MainWindow) -> None:
    for text in ("morning", "pay", "speaker:ann", "bridge", "harbour"):
        dialog.field.setText(text)
    qtbot.waitUntil(lambda: dialog._task is None and shown.workspace.tasks.running == 0, timeout=20_000)
    assert [row.start for row in dialog.list.hits.rows if isinstance(row, Hit)] == [70.0]


def test_more_hits_are_had_by_a_button_and_the_chosen_one_stays(dialog: SearchWindow, qtbot: QtBot, library: Library,
                                                                sample: Recording) -> None:
    transcript = library.add_transcript(sample.id, engine="imported", model="", time_range=TimeRange(0, 29))
    library.add_segments(transcript.id, [("A", Segment(n / 4, n / 4 + 0.2, f"ferry {n}")) for n in range(70)])
    assert len(searched(dialog, qtbot, "ferry")) == 50 and "newest 50 hits" in dialog.message.text()
    chosen = dialog.list.current()
    dialog.more_button.click()
    qtbot.waitUntil(lambda: dialog._task is None, timeout=20_000)
    assert dialog.message.text() == "70 hits in one recording."
    assert dialog.list.current() == chosen and not dialog.more_button.isEnabled()


def test_what_is_marked_off_the_record_leaves_the_list(dialog: SearchWindow, qtbot: QtBot, library: Library,
                                                       sample: Recording, shown: MainWindow) -> None:
    before = searched(dialog, qtbot, "absolutely")
    assert [hit.recording_id for hit in before] == [sample.id]
    library.set_desk(sample.id, Desk(withheld=(Withheld(TimeRange(24.0, 26.0)),)))
    shown.workspace.library_changed.emit()
    qtbot.waitUntil(lambda: dialog._task is None, timeout=20_000)
    assert [row for row in dialog.list.hits.rows if isinstance(row, Hit)] == []


def test_closing_while_it_searches_stops_it(shown: MainWindow, qtbot: QtBot) -> None:
    dialog = SearchWindow(shown.workspace, shown)
    dialog.show()
    dialog.field.setText("morning")
    dialog.close()
    qtbot.waitUntil(lambda: not shiboken6.isValid(dialog))
    qtbot.waitUntil(lambda: shown.workspace.tasks.running == 0, timeout=20_000)
    shown.workspace.library_changed.emit()  # nobody listens any more


def test_every_focusable_widget_has_a_name_and_a_row_is_read_out_whole(dialog: SearchWindow, qtbot: QtBot) -> None:
    from tests.ui.test_accessible import nameless

    (hit,) = searched(dialog, qtbot, "everybody town")
    assert nameless(dialog) == [] and hit.kind is Kind.TRANSLATION
    spoken = dialog.list.hits.index(1).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == ("We did not pay on time, and everybody in town knows that.. Lucía Ortiz · translation. 1:02. "
                      "Mayor Ortiz, 12 March")


def hit(words: str, **changes: Any) -> Hit:
    return Hit(**({"kind": Kind.LINE, "recording_id": 1, "words": words, "marked": ((0, 1),), "speaker": words,
                   "start": 1.0, "end": 2.0} | changes))


def test_the_list_keeps_the_contract_of_item_models(qtmodeltester: Any) -> None:
    model = HitModel()
    model.set_found(Found((Group(1, "A talk", "2026-03-05", tuple(hit("words", kind=kind) for kind in Kind)),)))
    qtmodeltester.check(model)


def test_hostile_and_long_words_are_painted_as_they_are(qtbot: QtBot, window: MainWindow) -> None:
    view = HitView()
    qtbot.addWidget(view)
    view.resize(400, 300)
    hostile = ['<b>x</b><img src="/dev/zero">', "word " * 900, "x" * 3000, "قال العمدة إن الجسر", "\u202eabc𝄞", "a\nb"]
    view.set_found(Found(tuple(Group(n, words, words, tuple(hit(words, kind=kind) for kind in Kind))
                               for n, words in enumerate(hostile * 10))))
    view.show()
    assert not view.grab().isNull()
    view.scrollToBottom()
    image = view.grab().toImage()
    assert isinstance(image, QImage) and image.width() > 0
    assert view.hits.index(0).data(ITEM).title == hostile[0]


def test_marks_of_letters_beyond_the_first_plane_stand_right() -> None:
    found = marked("𝄞𝄞 bridge", 3, 9, QTextCharFormat())
    assert (found.start, found.length) == (5, 6)
