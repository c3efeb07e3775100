"""A gap is seen, chosen and heard again; old and new stand beside each other, and only ticked lines are taken over."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import soundfile
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QWidget
from pytestqt.qtbot import QtBot

from desktop.library import Library
from desktop.model import Change, JobState, Protection, Recording, Segment, TimeRange
from desktop.sample import SAMPLE
from desktop.transcription import Options
from desktop.ui import dialogs
from desktop.ui.main_window import MainWindow
from desktop.ui.rehearing_dialog import RehearingDialog
from desktop.ui.waveform_view import LANE, RULER
from tests.gemini_service import Answer, GeminiService, Heard, default_answer, truth_answer

MODEL = "gemini-3.8-flash"
LINES = [item["text"] for item in json.loads(SAMPLE.with_suffix(".json").read_text("utf-8"))["segments"]]
LONG = 3  # "Not yet. I've been using …", 12.4 to 20.3 seconds, by Steve
Picture = Callable[[QWidget, str], None]


def lines(window: MainWindow) -> list[str]:
    document = window.workspace.document
    return [segment.text for segment in document.segments] if document else []


def use_service(window: MainWindow, service: GeminiService, key: str = "test-key-123", *,
                change: tuple[str, str] = ("", "")) -> None:
    """A session key, the stand-in's address, consent, and a stand-in that knows the sample (but for one change)."""
    samples, _ = soundfile.read(SAMPLE, dtype="float32")
    reference = json.loads(SAMPLE.with_suffix(".json").read_text("utf-8"))["segments"]
    for item in reference if change[0] else ():
        item["text"] = item["text"].replace(*change)
    known = truth_answer(reference, samples)

    def answer(heard: Heard) -> Answer:
        try:
            return known(heard)
        except LookupError:  # another recording
            return default_answer(heard)

    service.answer = answer  # type: ignore[method-assign]
    window.workspace.api_key.keep_for_session(key)
    window.workspace.jobs._url = service.url
    window.workspace.change_settings(privacy_accepted="2026-11-22")


@pytest.fixture
def shown(window: MainWindow, library: Library, sample: Recording, qtbot: QtBot) -> Recording:
    """The sample is open and may be sent."""
    library.set_protection(sample.id, Protection.MAY)
    window.workspace.open(library.recording(sample.id))
    qtbot.waitUntil(lambda: len(lines(window)) == 7 and window.workspace.tasks.running == 0, timeout=20_000)
    return sample


def lose_a_line(window: MainWindow, library: Library, qtbot: QtBot) -> TimeRange:
    """Take the long line out of the sample's transcript; gives the gap that appears."""
    document = window.workspace.document
    assert document is not None
    library.apply([(document.transcript.id, Change((document.segments[LONG],)))])
    window.workspace.reload_transcripts()
    qtbot.waitUntil(lambda: bool(window.workspace.gaps), timeout=20_000)
    (gap,) = window.workspace.gaps
    return gap


def dialog_of(window: MainWindow, qtbot: QtBot) -> RehearingDialog:
    """The comparison, when it has opened."""
    def found() -> list[RehearingDialog]:
        return [widget for widget in QApplication.topLevelWidgets()
                if isinstance(widget, RehearingDialog) and widget.isVisible() and widget.parent() is window]

    qtbot.waitUntil(lambda: len(found()) == 1, timeout=30_000)
    return found()[0]


def settled(window: MainWindow, library: Library, recording: Recording, qtbot: QtBot, transcripts: int = 1) -> None:
    qtbot.waitUntil(lambda: len(library.transcripts(recording.id)) == transcripts
                    and window.workspace.tasks.running == 0 and not window.workspace.jobs.running, timeout=20_000)


def hear(window: MainWindow, start: float, end: float) -> None:
    window.workspace.hear_again(Options("gemini", MODEL, TimeRange(start, end)))


def cell(dialog: RehearingDialog, row: int, column: int) -> str:
    item = dialog.table.item(row, column)
    assert item is not None
    return item.text()


def tick(dialog: RehearingDialog, row: int, *, on: bool = True) -> None:
    item = dialog.table.item(row, 0)
    assert item is not None and item.data(Qt.ItemDataRole.CheckStateRole) is not None
    item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)


def press(dialog: RehearingDialog, role: QDialogButtonBox.ButtonRole) -> None:
    """Press the button of the dialog that has this role."""
    box = dialog.findChild(QDialogButtonBox)
    assert box is not None
    (button,) = [button for button in box.buttons() if box.buttonRole(button) is role]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


TAKE_OVER, CANCEL = QDialogButtonBox.ButtonRole.AcceptRole, QDialogButtonBox.ButtonRole.RejectRole


# Gaps

def test_the_whole_sample_has_no_gap(window: MainWindow, shown: Recording) -> None:
    assert window.workspace.gaps == () == window.view.waveform.gaps
    assert "gap" not in window.view.facts.text()


def test_a_line_that_is_missing_is_seen_as_a_gap_and_a_click_offers_to_hear_it_again(
        window: MainWindow, library: Library, shown: Recording, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch,
        picture: Picture) -> None:
    gap = lose_a_line(window, library, qtbot)
    assert gap.start == pytest.approx(12.4, abs=0.5) and gap.end == pytest.approx(20.3, abs=0.5)
    assert window.view.waveform.gaps == (gap,) and "1 gap" in window.view.facts.text()
    picture(window, "a-gap")
    wave = window.view.waveform
    QTest.mouseClick(wave, Qt.MouseButton.LeftButton,
                     pos=QPoint(round(wave.scale.to_x(16.0)), RULER + LANE // 2))
    chosen = window.workspace.range
    assert chosen is not None and chosen.start <= gap.start and chosen.end >= gap.end
    assert chosen.seconds <= gap.seconds + 1.01
    banner = window.view.banner
    assert banner.isVisible() and banner.notice is not None
    assert "0:12" in banner.notice.sentence and "0:20" in banner.notice.sentence
    assert banner.notice.action == "Hear this again…"
    picture(window, "a-gap-chosen")

    asked: list[TimeRange | None] = []
    monkeypatch.setattr(dialogs.TranscribeDialog, "exec", lambda self: asked.append(self.options().time_range) or 0)
    assert window.actions_by_name["hear_again"].isEnabled()
    banner._act()
    assert asked == [chosen] and not window.workspace.jobs.running


def test_a_click_beside_the_lane_or_the_gap_is_a_click_as_ever(window: MainWindow, library: Library, shown: Recording,
                                                               qtbot: QtBot) -> None:
    lose_a_line(window, library, qtbot)
    wave = window.view.waveform
    for seconds, y in ((16.0, 150), (16.0, RULER // 2), (6.0, RULER + LANE // 2)):
        QTest.mouseClick(wave, Qt.MouseButton.LeftButton, pos=QPoint(round(wave.scale.to_x(seconds)), y))
        assert window.workspace.range is None and not window.view.banner.isVisible()
        assert window.workspace.player.position() == pytest.approx(seconds, abs=0.1)


def test_another_recording_shows_no_gaps_of_the_one_before(
        window: MainWindow, library: Library, shown: Recording, qtbot: QtBot,
        imported: Callable[..., Recording]) -> None:
    lose_a_line(window, library, qtbot)
    bare = imported("jfk.wma")
    window.workspace.open(bare)
    qtbot.waitUntil(lambda: window.workspace.player.can_play and window.workspace.tasks.running == 0, timeout=20_000)
    assert window.workspace.gaps == () == window.view.waveform.gaps
    assert "gap" not in window.view.facts.text()


def test_a_removed_transcript_takes_its_gaps_along(window: MainWindow, library: Library, shown: Recording,
                                                   qtbot: QtBot) -> None:
    lose_a_line(window, library, qtbot)
    document = window.workspace.document
    assert document is not None
    window.workspace.remove_transcript(document.transcript.id)
    settled(window, library, shown, qtbot, 0)
    assert window.workspace.gaps == () == window.view.waveform.gaps


# The action

def test_hear_again_takes_the_range_else_the_line_else_asks_for_one(
        window: MainWindow, shown: Recording, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[TimeRange | None] = []
    monkeypatch.setattr(dialogs.TranscribeDialog, "exec", lambda self: asked.append(self.options().time_range) or 0)
    window.hear_again()
    assert asked == [] and "Choose a line" in window.view.banner._text.text()
    window.workspace.select(4)
    window.hear_again()
    assert asked[0] == TimeRange(pytest.approx(21.03), pytest.approx(24.02))  # type: ignore[arg-type]
    window.workspace.set_range(TimeRange(3.0, 9.0))
    window.hear_again()
    assert asked[1] == TimeRange(3.0, 9.0)
    window.workspace.set_range(None)
    window.workspace.select(0)
    window.hear_again()
    assert asked[2] is not None and asked[2].start == 0.0


def test_the_dialog_leads_to_a_second_hearing(window: MainWindow, library: Library, shown: Recording, qtbot: QtBot,
                                              service: GeminiService, monkeypatch: pytest.MonkeyPatch) -> None:
    use_service(window, service)
    window.workspace.read_key()
    qtbot.waitUntil(lambda: window.workspace.has_key, timeout=5_000)
    monkeypatch.setattr(dialogs.TranscribeDialog, "exec", lambda self: 1)
    window.workspace.set_range(TimeRange(12.0, 20.8))
    window.actions_by_name["hear_again"].trigger()
    dialog = dialog_of(window, qtbot)
    (heard,) = service.heard
    assert heard.seconds == pytest.approx(8.8, abs=0.01)
    dialog.reject()
    settled(window, library, shown, qtbot)


# Old and new beside each other

def test_a_gap_is_filled_and_the_second_transcript_goes(
        window: MainWindow, library: Library, shown: Recording, qtbot: QtBot, service: GeminiService,
        picture: Picture) -> None:
    gap = lose_a_line(window, library, qtbot)
    before = window.workspace.document
    use_service(window, service)
    hear(window, gap.start - 0.5, gap.end + 0.5)
    dialog = dialog_of(window, qtbot)
    assert window.workspace.document == before  # nothing is replaced by itself
    assert len(service.heard) == 1
    rows = [(cell(dialog, row, 1), cell(dialog, row, 2)) for row in range(dialog.table.rowCount())]
    assert rows == [("–", f"⟨{LINES[LONG]}⟩")]
    assert len(dialog.ticked()) == 1  # a line that fills a gap is ticked from the start
    picture(dialog, "heard-again")
    press(dialog, TAKE_OVER)
    settled(window, library, shown, qtbot)
    assert lines(window) == LINES and window.workspace.gaps == ()
    document = window.workspace.document
    assert document is not None and before is not None
    assert document.transcript.id == before.transcript.id
    filled = document.segments[LONG]
    # the same name in another request proves nothing: the journalist decides, by giving it the name of the other
    assert document.speaker_name(filled) == "Steve (2)" and filled.start == pytest.approx(12.38, abs=0.3)
    window.workspace.edits.rename_speaker(filled.speaker_id or 0, "Steve")
    qtbot.waitUntil(lambda: window.workspace.document is not None and len(window.workspace.document.speakers) == 2)
    assert window.view.transcript_choice.count() == 1


def test_only_the_ticked_line_is_replaced(window: MainWindow, library: Library, shown: Recording, qtbot: QtBot,
                                          service: GeminiService, picture: Picture) -> None:
    use_service(window, service, change=("diarization", "speaker"))
    hear(window, 3.5, 24.0)
    dialog = dialog_of(window, qtbot)
    assert dialog.table.rowCount() == 3 and dialog.ticked() == []
    assert "⟨diarization⟩" in cell(dialog, 0, 1) and "⟨speaker⟩" in cell(dialog, 0, 2)
    same = dialog.table.item(2, 0)
    assert same is not None and same.data(Qt.ItemDataRole.CheckStateRole) is None  # nothing to tick
    assert cell(dialog, 2, 1) == cell(dialog, 2, 2) == LINES[4]
    picture(dialog, "heard-again-differs")
    tick(dialog, 1)
    press(dialog, TAKE_OVER)
    settled(window, library, shown, qtbot)
    assert lines(window) == [line.replace("diarization", "speaker") if n == LONG else line
                             for n, line in enumerate(LINES)]
    document = window.workspace.document
    assert document is not None and len(document.speakers) == 2
    assert document.speaker_name(document.segments[LONG]) == "Steve"


@pytest.mark.parametrize("way", ["Cancel", "Escape", "nothing ticked"])
def test_without_a_yes_nothing_changes(window: MainWindow, library: Library, shown: Recording, qtbot: QtBot,
                                       service: GeminiService, way: str) -> None:
    lose_a_line(window, library, qtbot)
    before = window.workspace.document
    assert before is not None
    use_service(window, service)
    hear(window, 12.0, 20.7)
    dialog = dialog_of(window, qtbot)
    assert len(library.transcripts(shown.id)) == 2
    if way == "Escape":
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
    elif way == "Cancel":
        press(dialog, CANCEL)
    else:
        tick(dialog, 0, on=False)
        press(dialog, TAKE_OVER)
    settled(window, library, shown, qtbot)
    assert library.document(before.transcript.id).segments == before.segments
    assert window.workspace.document is not None and window.workspace.document.segments == before.segments
    assert len(window.workspace.gaps) == 1 and library.unfinished_jobs() == []


def test_the_same_words_again_are_said_to_be_the_same(window: MainWindow, library: Library, shown: Recording,
                                                      qtbot: QtBot, service: GeminiService) -> None:
    use_service(window, service)
    hear(window, 12.0, 20.8)
    dialog = dialog_of(window, qtbot)
    labels = " ".join(widget.text() for widget in dialog.findChildren(QWidget) if hasattr(widget, "wordWrap")
                      and hasattr(widget, "text"))
    assert "word for word the same" in labels and dialog.ticked() == []
    dialog.reject()
    settled(window, library, shown, qtbot)
    assert lines(window) == LINES


def test_the_place_can_be_played_from_the_comparison(window: MainWindow, library: Library, shown: Recording,
                                                     qtbot: QtBot, service: GeminiService) -> None:
    use_service(window, service, change=("diarization", "speaker"))
    hear(window, 3.5, 20.7)
    dialog = dialog_of(window, qtbot)
    dialog.table.setCurrentCell(1, 0)
    press(dialog, QDialogButtonBox.ButtonRole.ActionRole)
    assert window.workspace.player.is_playing and dialog.isVisible()
    assert window.workspace.player.position() == pytest.approx(12.4, abs=0.5)
    window.workspace.player.pause()
    dialog.reject()
    settled(window, library, shown, qtbot)


def test_the_shown_transcript_stays_while_it_is_heard_again(window: MainWindow, library: Library, shown: Recording,
                                                            qtbot: QtBot, service: GeminiService) -> None:
    use_service(window, service)
    changes: list[int] = []
    window.workspace.document_changed.connect(lambda: changes.append(
        window.workspace.document.transcript.id if window.workspace.document else 0))
    before = window.workspace.document
    assert before is not None
    service.hold_from(0)
    hear(window, 12.0, 20.8)
    qtbot.waitUntil(lambda: service.held > 0, timeout=20_000)
    assert not window.actions_by_name["hear_again"].isEnabled()
    assert lines(window) == LINES
    service.release()
    dialog_of(window, qtbot).reject()
    settled(window, library, shown, qtbot)
    assert window.actions_by_name["hear_again"].isEnabled()
    assert set(changes) <= {before.transcript.id}


# What goes wrong

def transcribe_as_ever(window: MainWindow, library: Library, recording: Recording, qtbot: QtBot,
                       service: GeminiService, transcripts: int) -> None:
    """A normal transcription is no rehearing: it is shown, and nothing is compared."""
    compared: list[object] = []
    window.workspace.heard_again.connect(lambda *documents: compared.append(documents))
    window.workspace.api_key.keep_for_session("test-key-123")
    window.start_transcription(Options("gemini", MODEL))
    qtbot.waitUntil(lambda: bool(window.workspace.jobs.running), timeout=5_000)
    settled(window, library, recording, qtbot, transcripts)
    assert compared == []
    document = window.workspace.document
    assert document is not None and document.transcript.engine == "gemini"
    assert document.transcript.range.seconds > 29 and len(document.segments) == 7
    assert not any(isinstance(widget, RehearingDialog) and widget.isVisible()
                   for widget in QApplication.topLevelWidgets())


def test_a_refused_key_leaves_what_is_shown_and_is_over_then(window: MainWindow, library: Library, shown: Recording,
                                                             qtbot: QtBot, service: GeminiService) -> None:
    use_service(window, service, key="wrong-key")
    before = window.workspace.document
    hear(window, 12.0, 20.8)
    qtbot.waitUntil(lambda: window.view.banner.isVisible() and "refused the key" in window.view.banner._text.text(),
                    timeout=20_000)
    qtbot.waitUntil(lambda: window.workspace.tasks.running == 0 and not window.workspace.jobs.running)
    after = window.workspace.document
    assert before is not None and after is not None and after.transcript == before.transcript
    assert lines(window) == LINES and window.view.transcript_choice.currentData() == before.transcript.id
    left = len(library.transcripts(shown.id))
    transcribe_as_ever(window, library, shown, qtbot, service, left + 1)


def test_a_rehearing_without_a_key_is_over_then(window: MainWindow, library: Library, shown: Recording, qtbot: QtBot,
                                                service: GeminiService) -> None:
    use_service(window, service)
    window.workspace.jobs._read_key = lambda: ""
    hear(window, 12.0, 20.8)
    qtbot.waitUntil(lambda: window.view.banner.isVisible() and "key" in window.view.banner._text.text(),
                    timeout=20_000)
    assert len(library.transcripts(shown.id)) == 1 and lines(window) == LINES
    window.workspace.jobs._read_key = lambda: "test-key-123"
    transcribe_as_ever(window, library, shown, qtbot, service, 2)


def test_a_rehearing_that_was_stopped_is_over_then(window: MainWindow, library: Library, shown: Recording,
                                                   qtbot: QtBot, service: GeminiService) -> None:
    use_service(window, service)
    service.hold_from(0)
    hear(window, 12.0, 20.8)
    qtbot.waitUntil(lambda: service.held > 0, timeout=20_000)
    window.workspace.jobs.stop(window.workspace.jobs.running[0])
    qtbot.waitUntil(lambda: not window.workspace.jobs.running and window.workspace.tasks.running == 0, timeout=20_000)
    service.release()
    assert lines(window) == LINES
    transcribe_as_ever(window, library, shown, qtbot, service, len(library.transcripts(shown.id)) + 1)


def test_a_rehearing_that_was_stopped_before_it_began_is_over_then(
        window: MainWindow, library: Library, shown: Recording, qtbot: QtBot, service: GeminiService,
        imported: Callable[..., Recording]) -> None:
    """It waits behind the job of another recording, and is taken out of the queue."""
    use_service(window, service)
    other = imported("jfk.wma")
    library.set_protection(other.id, Protection.MAY)
    service.hold_from(0)
    window.workspace.jobs.start(library.recording(other.id), Options("gemini", MODEL))
    hear(window, 12.0, 20.8)
    qtbot.waitUntil(lambda: service.held > 0, timeout=20_000)
    first, waiting = window.workspace.jobs.running
    window.workspace.jobs.stop(waiting)
    window.workspace.jobs.stop(first)
    qtbot.waitUntil(lambda: not window.workspace.jobs.running and window.workspace.tasks.running == 0, timeout=20_000)
    service.release()
    assert len(library.transcripts(shown.id)) == 1
    transcribe_as_ever(window, library, shown, qtbot, service, 2)


def test_never_upload_holds_for_hearing_again(window: MainWindow, library: Library, shown: Recording, qtbot: QtBot,
                                              service: GeminiService) -> None:
    use_service(window, service)
    window.workspace.set_protection(Protection.NEVER)
    hear(window, 12.0, 20.8)
    qtbot.waitUntil(lambda: window.view.banner.isVisible() and "never upload" in window.view.banner._text.text(),
                    timeout=20_000)
    assert service.requests == [] and lines(window) == LINES


def test_the_device_can_hear_again_too(window: MainWindow, library: Library, shown: Recording, qtbot: QtBot) -> None:
    window.workspace.hear_again(Options("device", "tiny.en", TimeRange(26.2, 28.9)))
    dialog = dialog_of(window, qtbot)
    assert dialog.table.rowCount() >= 1
    dialog.reject()
    settled(window, library, shown, qtbot)
    assert lines(window) == LINES


def test_another_recording_opened_meanwhile_is_not_disturbed(
        window: MainWindow, library: Library, shown: Recording, qtbot: QtBot, service: GeminiService,
        imported: Callable[..., Recording]) -> None:
    use_service(window, service)
    other = imported("jfk.wma")
    service.hold_from(0)
    hear(window, 12.0, 20.8)
    qtbot.waitUntil(lambda: service.held > 0, timeout=20_000)
    window.workspace.open(other)
    service.release()
    qtbot.waitUntil(lambda: not window.workspace.jobs.running and window.workspace.tasks.running == 0, timeout=20_000)
    assert window.workspace.recording == other and window.workspace.document is None
    assert all(job.state is JobState.DONE for job in library.unfinished_jobs())
    window.workspace.open(library.recording(shown.id))
    qtbot.waitUntil(lambda: bool(lines(window)), timeout=20_000)
    assert lines(window) == LINES  # of the sample the reference is shown first; nothing was replaced


def test_a_recording_that_comes_back_shows_the_whole_transcript_and_not_the_piece(
        window: MainWindow, library: Library, qtbot: QtBot, service: GeminiService,
        imported: Callable[..., Recording], shown: Recording) -> None:
    """The same with a recording whose newest transcript is shown first."""
    use_service(window, service)
    talk = imported("jfk.wma")
    library.set_protection(talk.id, Protection.MAY)
    whole = library.add_transcript(talk.id, engine="gemini", model=MODEL, time_range=TimeRange(0.0, talk.duration))
    library.add_segments(whole.id, [("A", Segment(0.4, 10.5, "And so, my fellow Americans"))])
    window.workspace.open(library.recording(talk.id))
    qtbot.waitUntil(lambda: bool(lines(window)) and window.workspace.tasks.running == 0, timeout=20_000)
    service.hold_from(0)
    hear(window, 2.0, 6.0)
    qtbot.waitUntil(lambda: service.held > 0, timeout=20_000)
    window.workspace.open(shown)
    service.release()
    qtbot.waitUntil(lambda: not window.workspace.jobs.running and window.workspace.tasks.running == 0, timeout=20_000)
    window.workspace.open(library.recording(talk.id))
    qtbot.waitUntil(lambda: window.workspace.document is not None, timeout=20_000)
    assert window.workspace.document is not None and window.workspace.document.transcript.id == whole.id
