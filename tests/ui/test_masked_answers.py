"""Answers from before a mark are hidden in the Ask tab until it is revealed, and uploads from before it are removed."""

# ruff: noqa: F811 - fixtures are taken over by their names

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from desktop import asking as asking_module
from desktop.library import Library
from desktop.model import Recording, TimeRange, Withheld
from desktop.receipts import PRESETS
from desktop.ui.main_window import MainWindow
from tests.gemini_service import GeminiService
from tests.ui.test_ask import asking, chips, idle, panel, preset, shown, texts, type_and_enter  # noqa: F401

HIDDEN = "Hidden: asked before something was marked off the record."


def mark(window: MainWindow, *ranges: TimeRange) -> None:
    """As the verbs of the desk do it."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    window.workspace.edits.change_desk("off the record", lambda desk: replace(
        desk, withheld=tuple(Withheld(stretch, marked_at=now) for stretch in ranges)))


def test_an_answer_from_before_a_mark_is_hidden_until_it_is_revealed(
        asking: MainWindow, qtbot: QtBot) -> None:
    type_and_enter(asking, "Who speaks?")
    idle(asking, qtbot)
    before = texts(asking)
    mark(asking, TimeRange(2.0, 4.0))
    qtbot.wait(20)
    assert texts(asking) == [HIDDEN] and chips(asking) == []
    assert panel(asking)._choice.currentText() == "Hidden"
    (show,) = [button for button in shown(asking, QPushButton) if button.text() == "Show"]  # type: ignore[attr-defined]
    assert show.accessibleName() == "Show what is off the record"
    show.click()  # type: ignore[attr-defined]
    qtbot.wait(20)
    assert texts(asking) == before and panel(asking)._choice.currentText() == "Who speaks?"
    asking.workspace.edits.reveal(False)
    qtbot.wait(20)
    assert texts(asking) == [HIDDEN]
    asking.workspace.edits.undo()
    qtbot.wait(20)
    assert texts(asking) == before


def test_an_answer_from_after_a_mark_is_shown_and_the_mark_is_saved_before_anything_leaves(
        asking: MainWindow, qtbot: QtBot, service: GeminiService, library: Library,
        sample: Recording) -> None:
    mark(asking, TimeRange(2.0, 4.0))
    type_and_enter(asking, "Who speaks?")
    idle(asking, qtbot)
    assert HIDDEN not in texts(asking) and texts(asking)[0] == "Who speaks?"
    assert [withheld.range for withheld in library.desk(sample.id).withheld] == [TimeRange(2.0, 4.0)]
    document = asking.workspace.document
    assert document is not None
    gone = [s for s in document.segments if s.start < 4.0 and s.end > 2.0]
    assert gone and not any(f"[{n}]" in service.heard[0].prompt for n, s in enumerate(document.segments, 1)
                            if s in gone and not s.words)


def test_nothing_is_asked_while_a_mark_cannot_be_saved(asking: MainWindow, qtbot: QtBot, service: GeminiService,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as unsaved:  # a window that closes waits for it, too
        unsaved.setattr(asking.workspace.edits.saver, "wait", lambda *_: False)
        type_and_enter(asking, "Who speaks?")
        idle(asking, qtbot)
    assert service.requests == [] and "could not be saved yet" in asking.workspace.questions.problem


def test_a_mark_removes_older_sound_from_the_service(asking: MainWindow, qtbot: QtBot, service: GeminiService,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking_module, "LONGEST_CLIP", 5.0)
    preset(asking, [*PRESETS].index("sounds") + 1)
    idle(asking, qtbot)
    assert len(service.files) == 1
    mark(asking, TimeRange(2.0, 4.0))
    qtbot.waitUntil(lambda: service.files == {}, timeout=10_000)


def test_a_name_that_only_a_hidden_line_reveals_is_not_proposed(asking: MainWindow, library: Library,
                                                                qtbot: QtBot) -> None:
    document = asking.workspace.document
    assert document is not None
    line = document.segments[1]
    assert line.speaker_id is not None
    with library._write() as connection:
        connection.execute("INSERT INTO proposal (speaker_id, name, segment_id) VALUES (?, 'Steve', ?)",
                           (line.speaker_id, line.id))
    view = asking.inspector.proposals
    view.reload()
    assert not view.isHidden()
    mark(asking, TimeRange(line.start, line.end))
    qtbot.waitUntil(view.isHidden, timeout=5_000)
    asking.workspace.edits.reveal(True)
    qtbot.waitUntil(lambda: not view.isHidden(), timeout=5_000)
