"""Editing a transcript of 20,000 segments with words in the real window: how long each deed holds it up."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication, QPlainTextEdit

from benchmarks.alive import long_recording, wait
from benchmarks.harness import headline, percentile, show
from desktop import paths
from desktop.api_key import ApiKey
from desktop.library import Library
from desktop.model import Segment, Word
from desktop.ui.application import make_application, make_window
from desktop.ui.main_window import MainWindow

_SEGMENTS, _EACH, _MANY = 20_000, 100, 5_000
_MOST, _UNDO = 16, 200  # milliseconds


def main() -> None:
    """Every edit p99 <= 16 ms; undo of a replace-all over 5,000 segments <= 200 ms."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["PULLQUOTE_HOME"] = home
        application = make_application()
        library = Library(paths.data_folder())
        recording = long_recording(library, change=_with_words)
        window = make_window(library, ApiKey(lambda: None))
        window.resize(1280, 800)
        window.show()
        window.workspace.open(recording)
        while window.workspace.document is None:
            wait(0.2)
        wait(2.0)
        headline(f"hold-up of the window by one edit ({_SEGMENTS:,} segments, {_EACH} of each, painting included)")
        reference = _reference(application, window)
        for label, deed in _deeds(window).items():
            times = [_held(application, deed) for _ in range(_EACH)]
            show(label, percentile(times, 0.99), "ms", most=_MOST,
                 more=f"median {percentile(times, 0.5):.1f}, {percentile(times, 0.5) / reference:.2f}x the reference")
        _merge(application, window)
        _replace_all(application, window)
        began = time.perf_counter()
        assert window.workspace.edits.saver.wait(120)
        show("until all of it is in the library", time.perf_counter() - began, "s")
        assert window.workspace.document is not None
        stored = library.document(window.workspace.document.transcript.id)
        assert stored.segments == window.workspace.document.segments
        window.workspace.tasks.stop_all()
        window.workspace.edits.saver.close()
        wait(0.5)
        library.close()


def _reference(application: QApplication, window: MainWindow) -> float:
    """A key in a QPlainTextEdit that holds the same transcript: what a text editor needs for the smallest edit."""
    document = window.workspace.document
    assert document is not None
    edit = QPlainTextEdit()
    edit.resize(800, 600)
    edit.setPlainText("\n".join(segment.text for segment in document.segments))
    edit.show()
    application.processEvents()
    times = [_held(application, lambda: edit.insertPlainText("x")) for _ in range(_EACH)]
    edit.hide()
    edit.deleteLater()
    show("reference: a key in a QPlainTextEdit, median", percentile(times, 0.5), "ms")
    return percentile(times, 0.5)


def _held(application: QApplication, deed: Callable[[], object]) -> float:
    """Milliseconds of a deed with the painting that it asks for."""
    application.processEvents()
    began = time.perf_counter()
    deed()
    application.processEvents()
    return 1000 * (time.perf_counter() - began)


def _deeds(window: MainWindow) -> dict[str, Callable[[], object]]:
    chance = random.Random(1)
    edits, transcript = window.workspace.edits, window.view.transcript

    def row() -> int:
        assert window.workspace.document is not None
        place = chance.randrange(len(window.workspace.document.segments) - 2)
        window.workspace.select(place)
        return place

    def type_word() -> None:
        place = row()
        segment = window.workspace.segment(place)
        assert segment is not None
        edits.type_text(place, f"{segment.text} word")

    def type_in_editor() -> None:
        if not transcript.is_editing:
            transcript.edit_row(10_000, 3)
        transcript.editor.insertPlainText("x")
        transcript.commit()

    def split() -> None:
        place = row()
        segment = window.workspace.segment(place)
        assert segment is not None
        edits.split(place, len(segment.text) // 2)

    def edge() -> None:
        place = row()
        segment = window.workspace.segment(place)
        assert segment is not None
        edits.retime(place, segment.start, segment.end + 0.05)

    return {
        "type in the open line": type_in_editor, "change a text": type_word, "split": split,
        "merge": lambda: edits.merge([(place := row()), place + 1]), "insert a line": lambda: edits.insert(row()),
        "delete a line": lambda: edits.delete([row()]), "move an edge": edge,
        "change the speaker": lambda: edits.assign([row()], chance.choice(list(_speakers(window)))),
        "heard and right": lambda: edits.check([row()]), "rename a speaker": lambda: edits.rename_speaker(
            _speakers(window)[0], f"Name {chance.random()}"),
        "undo": edits.undo, "redo": edits.redo,
    }


def _speakers(window: MainWindow) -> list[int]:
    assert window.workspace.document is not None
    return list(window.workspace.document.speakers)


def _merge(application: QApplication, window: MainWindow) -> None:
    """Two speakers with a quarter of the lines each: worked out on a worker, applied in the window."""
    edits, times = window.workspace.edits, []
    apply = edits.do

    def timed(*arguments: Any) -> bool:
        times.append(_held(application, lambda: apply(*arguments)))
        return True

    edits.do = timed  # type: ignore[method-assign]
    for number in range(_EACH):
        kept, dropped = _speakers(window)[:2]
        edits.settle_speaker(dropped, kept)
        while len(times) <= number:
            wait(0.02)
        edits.undo()
    edits.do = apply  # type: ignore[method-assign]
    show("merge two speakers of 5,000 lines each", percentile(times, 0.99), "ms", most=_MOST,
         more=f"median {percentile(times, 0.5):.1f}")


def _replace_all(application: QApplication, window: MainWindow) -> None:
    edits, document = window.workspace.edits, window.workspace.document
    assert document is not None
    pairs = [(n, f"{s.text} indeed") for n, s in enumerate(document.segments) if n % 4 == 0][:_MANY]
    began, steps = time.perf_counter(), edits.undo_text
    edits.replace_texts(pairs)
    while edits.undo_text == steps:
        wait(0.02)
    show(f"replace in {len(pairs):,} lines, off the GUI thread", 1000 * (time.perf_counter() - began), "ms")
    for number in range(3):
        undone = _held(application, edits.undo)
        show(f"undo of it ({number + 1})", undone, "ms", most=_UNDO)
        _held(application, edits.redo)


def _with_words(segment: Segment) -> Segment:
    """Words back to back over the segment."""
    texts = segment.text.split()
    step = (segment.end - segment.start) / len(texts)
    return replace(segment, words=tuple(Word(text, segment.start + n * step, segment.start + (n + 1) * step)
                                        for n, text in enumerate(texts)))


if __name__ == "__main__":
    main()
