"""The Ask tab in the real window: questions, answers whose chips play, and what happens without a key."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from desktop.library import Library
from desktop.model import Protection, Recording, TimeRange
from desktop.receipts import PRESETS, Claim, Place, as_record, claims_of
from desktop.ui import main_window
from desktop.ui.ask_panel import AskPanel
from desktop.ui.flow_layout import FlowLayout
from desktop.ui.main_window import MainWindow
from tests.gemini_service import Fault, GeminiService
from tests.ui.test_accessible import nameless

ANSWER = ("They greet each other. Good morning, Steve and Katie. [1, 2]\n"
          "Katie asks about the latest diarization. [3]\n"
          "They live in Lisbon. []")
NO_SOURCE = "no source in the recording"
SOUNDS = [*PRESETS].index("sounds") + 1  # row in the box


@pytest.fixture
def asking(window: MainWindow, library: Library, sample: Recording, service: GeminiService, qtbot: QtBot) -> MainWindow:
    """The window with the sample open, a key, and the stand-in; the recording may be sent without a question."""
    library.set_protection(sample.id, Protection.MAY)
    workspace = window.workspace
    workspace.api_key.keep_for_session(service.key)
    workspace.url = workspace.questions._url = service.url
    workspace.change_settings(privacy_accepted="2026-11-22")
    workspace.read_key()
    service.answer = lambda heard: ANSWER  # type: ignore[method-assign,assignment,misc]
    open_sample(window, library, sample, qtbot)
    qtbot.waitUntil(lambda: workspace.has_key, timeout=10_000)
    window.ask()
    return window


def open_sample(window: MainWindow, library: Library, sample: Recording, qtbot: QtBot) -> None:
    window.workspace.open(library.recording(sample.id))
    qtbot.waitUntil(lambda: window.workspace.document is not None and window.workspace.player.can_play, timeout=20_000)


def panel(window: MainWindow) -> AskPanel:
    return window.inspector.ask


def shown(window: MainWindow, kind: type[QWidget]) -> list[QWidget]:
    """Widgets of a kind among the answers, in order; what is about to be deleted does not count."""
    page = panel(window)._page
    found = [widget for widget in page.findChildren(kind) if not hidden(widget, page)]
    return sorted(found, key=lambda widget: (widget.mapTo(page, widget.rect().topLeft()).y(), widget.x()))


def hidden(widget: QWidget, page: QWidget) -> bool:
    while widget is not page:
        if widget.isHidden():
            return True
        widget = widget.parentWidget()
    return False


def texts(window: MainWindow) -> list[str]:
    return [widget.text() for widget in shown(window, QLabel)]  # type: ignore[attr-defined]


def chips(window: MainWindow) -> list[QToolButton]:
    return shown(window, QToolButton)  # type: ignore[return-value]


def idle(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.workspace.questions.is_running, timeout=20_000)
    qtbot.wait(20)  # layouts settle


def type_and_enter(window: MainWindow, question: str) -> None:
    panel(window).line.setFocus()
    QTest.keyClicks(panel(window).line, question)
    QTest.keyClick(panel(window).line, Qt.Key.Key_Return)


def preset(window: MainWindow, row: int) -> None:
    box = panel(window)._presets
    box.setCurrentIndex(row)
    box.activated.emit(row)


def test_enter_in_the_line_asks_and_the_answer_has_chips(asking: MainWindow, qtbot: QtBot, library: Library,
                                                         sample: Recording, service: GeminiService,
                                                         picture: Callable[[QWidget, str], None]) -> None:
    type_and_enter(asking, "Who speaks?")
    assert asking.workspace.questions.is_running and panel(asking).line.text() == ""
    idle(asking, qtbot)
    said = texts(asking)
    assert said[:2] == ["Who speaks?", "They greet each other. Good morning, Steve and Katie."]
    assert said[-2:] == ["They live in Lisbon.", NO_SOURCE] and said.count(NO_SOURCE) == 1
    assert [chip.text() for chip in chips(asking)] == ["▸ 0:00", "▸ 0:02", "▸ 0:03"]
    (heard,) = service.heard
    assert heard.audio == [] and "Question: Who speaks?" in heard.prompt
    (thread,) = library.threads(sample.id)
    assert thread.turns[0].question == "Who speaks?"
    picture(asking, "ask-answered")


def test_the_button_asks_too_and_an_empty_line_does_not(asking: MainWindow, qtbot: QtBot,
                                                        service: GeminiService) -> None:
    ask = panel(asking)
    assert not ask.go.isEnabled() and ask.go.text() == "Ask"
    type_and_enter(asking, "   ")
    assert not ask.go.isEnabled() and not asking.workspace.questions.is_running
    ask.line.setText("Who?")
    assert ask.go.isEnabled()
    QTest.mouseClick(ask.go, Qt.MouseButton.LeftButton)
    assert asking.workspace.questions.is_running
    idle(asking, qtbot)
    assert len(service.heard) == 1


def test_a_chip_selects_the_line_and_plays_it(asking: MainWindow, qtbot: QtBot) -> None:
    type_and_enter(asking, "Who speaks?")
    idle(asking, qtbot)
    document = asking.workspace.document
    assert document is not None
    third = chips(asking)[2]
    assert third.accessibleName() == "Play 0:03"
    with qtbot.waitSignal(panel(asking).place_wanted, timeout=5_000) as wanted:
        QTest.mouseClick(third, Qt.MouseButton.LeftButton)
    assert wanted.args == [document.segments[2].start, document.segments[2].id]
    assert asking.workspace.selected == 2 and asking.workspace.player.is_playing
    assert abs(asking.workspace.player.position() - document.segments[2].start) < 0.5
    asking.workspace.player.pause()
    chips(asking)[1].setFocus()
    QTest.keyClick(chips(asking)[1], Qt.Key.Key_Space)
    assert asking.workspace.selected == 1


@pytest.mark.parametrize("row", [2, SOUNDS], ids=["words", "sounds"])
def test_a_preset_asks_its_question(asking: MainWindow, qtbot: QtBot, service: GeminiService, row: int) -> None:
    box = panel(asking)._presets
    assert [box.itemData(index) for index in range(1, box.count())] == list(PRESETS)
    preset(asking, row)
    assert box.currentIndex() == 0
    idle(asking, qtbot)
    (heard,) = service.heard
    _, question, about_sound = PRESETS[str(box.itemData(row))]
    assert f"Question: {question}" in heard.prompt and bool(heard.audio) is about_sound is (row == SOUNDS)
    assert texts(asking)[0] == question


def test_a_follow_up_goes_on_and_a_new_conversation_begins_anew(asking: MainWindow, qtbot: QtBot, library: Library,
                                                                sample: Recording, service: GeminiService) -> None:
    ask = panel(asking)
    type_and_enter(asking, "Who speaks?")
    idle(asking, qtbot)
    type_and_enter(asking, "And what about?")
    idle(asking, qtbot)
    (thread,) = library.threads(sample.id)
    assert len(thread.turns) == 2 and len(service.heard[1].body["input"]) == 3
    assert texts(asking).count("Who speaks?") == texts(asking).count("And what about?") == 1
    ask._choice.setCurrentIndex(0)
    ask._choice.activated.emit(0)
    assert texts(asking) == []
    type_and_enter(asking, "From the start?")
    idle(asking, qtbot)
    assert len(library.threads(sample.id)) == 2 and len(service.heard[2].body["input"]) == 1
    assert [ask._choice.itemText(row) for row in range(ask._choice.count())] == [
        "New conversation", "From the start?", "Who speaks?"]
    ask._choice.setCurrentIndex(2)
    ask._choice.activated.emit(2)
    qtbot.wait(20)
    assert "And what about?" in texts(asking) and "From the start?" not in texts(asking)


def test_a_question_about_a_range_sends_its_sound(asking: MainWindow, qtbot: QtBot, service: GeminiService,
                                                  library: Library, sample: Recording) -> None:
    asking.workspace.set_range(TimeRange(3.0, 12.0))
    assert "0:03–0:12" in panel(asking)._note.text()
    type_and_enter(asking, "What about?")
    idle(asking, qtbot)
    assert service.heard[0].seconds == pytest.approx(9.0, abs=0.01)
    assert library.threads(sample.id)[0].range == TimeRange(3.0, 12.0)
    assert "0:03–0:12" in panel(asking)._choice.currentText()


def test_stop_ends_a_question_at_once_and_keeps_nothing(asking: MainWindow, qtbot: QtBot, library: Library,
                                                        sample: Recording, service: GeminiService) -> None:
    service.hold_from(0)
    ask = panel(asking)
    type_and_enter(asking, "Who speaks?")
    qtbot.waitUntil(lambda: service.held == 1, timeout=10_000)
    assert ask.go.text() == "Stop" and ask.go.isEnabled() and not ask._presets.isEnabled()
    assert "Who speaks?" in texts(asking)
    type_and_enter(asking, "Another?")  # one at a time
    assert len(service.requests) == 1
    began = time.monotonic()
    QTest.mouseClick(ask.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not asking.workspace.questions.is_running, timeout=5_000)
    assert time.monotonic() - began < 1.0
    service.release()
    assert ask.go.text() == "Ask" and library.threads(sample.id) == [] and texts(asking) == []
    assert [line.outcome for line in library.sendings(sample.id)] == ["unknown"]


def test_an_answer_grows_on_screen(asking: MainWindow, qtbot: QtBot, service: GeminiService) -> None:
    service.fail_next(Fault.slow_body(3))
    type_and_enter(asking, "Who speaks?")
    qtbot.waitUntil(lambda: any(text.startswith("They greet") for text in texts(asking)), timeout=10_000)
    assert asking.workspace.questions.is_running
    idle(asking, qtbot)
    assert texts(asking)[-1] == NO_SOURCE and len(chips(asking)) == 3


@pytest.mark.parametrize(("fault", "words"), [
    (Fault.status(429, "quota_exceeded", per_day=True), "quota for today"), (Fault.sse_cut(6), ""),
    (Fault.interaction_status("failed"), "")], ids=["quota", "cut", "failed"])
def test_a_failure_is_said_in_place_and_the_next_question_works(
        asking: MainWindow, qtbot: QtBot, service: GeminiService, library: Library, sample: Recording, fault: Fault,
        words: str) -> None:
    service.fail_next(fault)
    type_and_enter(asking, "Who speaks?")
    idle(asking, qtbot)
    problem = asking.workspace.questions.problem
    assert problem and words in problem
    assert texts(asking) == ["Who speaks?", problem] and chips(asking) == [] and library.threads(sample.id) == []
    type_and_enter(asking, "Again?")
    idle(asking, qtbot)
    assert problem not in texts(asking) and len(chips(asking)) == 3


def test_without_a_key_asking_is_off_and_says_why(window: MainWindow, qtbot: QtBot, library: Library,
                                                  sample: Recording, service: GeminiService) -> None:
    window.workspace.questions._url = service.url
    window.workspace.read_key()
    open_sample(window, library, sample, qtbot)
    qtbot.waitUntil(lambda: window.workspace.key_reading is not None, timeout=10_000)
    window.ask()
    ask = panel(window)
    assert not (ask.line.isEnabled() or ask.go.isEnabled() or ask._presets.isEnabled())
    assert "need a Gemini key" in ask._note.text()
    preset(window, 2)
    ask.line.setText("Who?")
    ask.line.returnPressed.emit()
    assert not window.workspace.questions.is_running and service.requests == []
    window.workspace.api_key.keep_for_session(service.key)
    window.workspace.read_key()
    qtbot.waitUntil(lambda: ask.go.isEnabled(), timeout=10_000)
    assert "need a Gemini key" not in ask._note.text()


def test_without_a_recording_there_is_nothing_to_ask(window: MainWindow) -> None:
    ask = panel(window)
    assert not (ask.line.isEnabled() or ask.go.isEnabled() or ask._presets.isEnabled())
    assert ask._note.text() == "Open a recording to ask about it." and not ask._choice.isVisible()


def test_kept_answers_are_read_and_their_chips_play_without_a_key(window: MainWindow, qtbot: QtBot, library: Library,
                                                                  sample: Recording) -> None:
    segment = library.document(library.transcripts(sample.id)[0].id).segments[3]
    claims = (Claim("Not yet.", (Place(segment.start, segment.end, segment.id), Place(26.5, 28.5))), Claim("Maybe."))
    thread = library.add_thread(sample.id, None, None)
    library.add_turn(thread, "Has he tried?", as_record(claims, "Not yet. [4]"), "gemini-3.8-flash")
    window.workspace.read_key()
    open_sample(window, library, sample, qtbot)
    window.ask()
    qtbot.wait(20)
    assert texts(window) == ["Has he tried?", "Not yet.", "Maybe.", NO_SOURCE]
    QTest.mouseClick(chips(window)[0], Qt.MouseButton.LeftButton)
    assert window.workspace.selected == 3 and window.workspace.player.is_playing
    QTest.mouseClick(chips(window)[1], Qt.MouseButton.LeftButton)  # a time and no line: the line that is there
    assert window.workspace.selected == 6
    assert not panel(window).line.isEnabled()


def test_another_recording_shows_its_own_conversations(asking: MainWindow, qtbot: QtBot, library: Library,
                                                       sample: Recording, service: GeminiService,
                                                       imported: Callable[..., Recording]) -> None:
    other = imported("jfk-44k1.m4a")
    service.hold_from(0)
    type_and_enter(asking, "Who speaks?")
    qtbot.waitUntil(lambda: service.held == 1, timeout=10_000)
    asking.workspace.open(other)
    qtbot.waitUntil(lambda: asking.workspace.player.can_play, timeout=20_000)
    assert texts(asking) == []
    service.release()
    idle(asking, qtbot)
    assert texts(asking) == [] and chips(asking) == []
    assert library.threads(other.id) == [] and len(library.threads(sample.id)) == 1
    open_sample(asking, library, sample, qtbot)
    qtbot.wait(20)
    assert texts(asking)[0] == "Who speaks?" and len(chips(asking)) == 3


@pytest.mark.parametrize("answer", [False, True], ids=["no", "yes"])
def test_a_recording_that_asks_each_time_asks_what_is_sent(asking: MainWindow, qtbot: QtBot, service: GeminiService,
                                                           monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    questions: list[str] = []
    monkeypatch.setattr(main_window, "sure", lambda parent, title, text, yes: (questions.append(text), answer)[1])
    asking.workspace.set_protection(Protection.ASK)
    type_and_enter(asking, "Who?")
    assert len(questions) == 1 and "The words of the transcript" in questions[0]
    assert service.url.split("/")[2] in questions[0]
    assert asking.workspace.questions.is_running is answer
    idle(asking, qtbot)
    assert len(service.requests) == int(answer)
    assert panel(asking).line.text() == ("" if answer else "Who?")  # a question that was not sent is still there
    preset(asking, SOUNDS)
    assert len(questions) == 2 and questions[1].startswith("The sound of ")
    idle(asking, qtbot)


def test_never_upload_is_said_in_place_and_nothing_is_sent(asking: MainWindow, qtbot: QtBot,
                                                           service: GeminiService) -> None:
    asking.workspace.set_protection(Protection.NEVER)
    type_and_enter(asking, "Who?")
    idle(asking, qtbot)
    assert any("never upload" in text for text in texts(asking)) and service.requests == []


def test_privacy_that_was_not_accepted_stops_a_question(asking: MainWindow, qtbot: QtBot, service: GeminiService,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    asking.workspace.change_settings(privacy_accepted="")
    monkeypatch.setattr(MainWindow, "_may_upload", lambda self: True)  # the floor below looks for itself
    type_and_enter(asking, "Who?")
    assert not asking.workspace.questions.is_running and service.requests == []
    idle(asking, qtbot)
    assert any("Privacy" in text for text in texts(asking))


def test_what_the_model_says_is_shown_as_plain_text(asking: MainWindow, qtbot: QtBot, service: GeminiService,
                                                    tmp_path: Path) -> None:
    image = tmp_path / "spy.png"
    said = f'<b>Katie</b> &amp; Steve <img src="file://{image}"> <a href="http://x.invalid">here</a>'
    service.answer = lambda heard: f"{said} [1]\n<h1>Nothing</h1> []"  # type: ignore[method-assign,assignment,misc]
    type_and_enter(asking, "<i>Who</i>?")
    idle(asking, qtbot)
    assert texts(asking) == ["<i>Who</i>?", said, "<h1>Nothing</h1>", NO_SOURCE]
    for widget in shown(asking, QLabel):
        assert widget.textFormat() is Qt.TextFormat.PlainText  # type: ignore[attr-defined]
        assert not widget.openExternalLinks()  # type: ignore[attr-defined]


def test_every_focusable_widget_of_an_answer_has_a_name(asking: MainWindow, qtbot: QtBot) -> None:
    assert nameless(panel(asking)) == []
    type_and_enter(asking, "Who speaks?")
    assert nameless(panel(asking)) == []
    idle(asking, qtbot)
    assert nameless(panel(asking)) == [] and all(box.accessibleName() for box in panel(asking).findChildren(QComboBox))


def test_the_ledger_tells_of_the_question_at_once(asking: MainWindow, qtbot: QtBot, library: Library,
                                                  sample: Recording) -> None:
    with qtbot.waitSignal(asking.workspace.ledger_changed, timeout=20_000):
        type_and_enter(asking, "Who speaks?")
    assert [line.cargo.purpose for line in library.sendings(sample.id)] == ["question"]
    idle(asking, qtbot)


def test_quitting_in_the_middle_of_a_question_leaves_nothing_running(asking: MainWindow, qtbot: QtBot,
                                                                     service: GeminiService) -> None:
    service.hold_from(0)
    type_and_enter(asking, "Who speaks?")
    qtbot.waitUntil(lambda: service.held == 1, timeout=10_000)
    asking.workspace.tasks.stop_all()
    qtbot.waitUntil(lambda: asking.workspace.tasks.running == 0, timeout=5_000)
    service.release()


def test_a_record_of_the_library_is_json_that_claims_of_reads(asking: MainWindow, qtbot: QtBot, library: Library,
                                                              sample: Recording) -> None:
    type_and_enter(asking, "Who speaks?")
    idle(asking, qtbot)
    turn = library.threads(sample.id)[0].turns[0]
    assert json.loads(turn.answer)["answer"] == ANSWER
    assert [len(claim.places) for claim in claims_of(turn)] == [2, 1, 0]


def test_chips_wrap_like_words(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    flow = FlowLayout(parent)
    for _ in range(10):
        widget = QWidget()
        widget.setFixedSize(40, 20)
        flow.addWidget(widget)
    assert flow.count() == 10 and flow.hasHeightForWidth()
    assert flow.heightForWidth(10 * 44) == 20 and flow.heightForWidth(2 * 44) == 5 * 20 + 4 * 4
    assert flow.heightForWidth(10) == 10 * 20 + 9 * 4  # narrower than one: a row for each
    flow.setGeometry(QRect(5, 7, 4 * 44, 200))
    boxes = [flow.itemAt(row).geometry() for row in range(10)]  # type: ignore[union-attr]
    assert boxes[0].topLeft().toTuple() == (5, 7) and boxes[4].topLeft().toTuple() == (5, 31)
    assert not any(a.intersects(b) for a in boxes for b in boxes if a is not b)
    assert all(box.size() == QSize(40, 20) and box.right() <= 5 + 4 * 44 for box in boxes)
    assert flow.itemAt(10) is None and flow.takeAt(10) is None and flow.takeAt(0) is not None and flow.count() == 9
