"""Every state of the window once, in both themes: nothing may warn or fail; with --pictures they are for the eye."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from desktop.errors import BadAudio
from desktop.library import Library
from desktop.model import Recording, Segment, TimeRange
from desktop.sentences import say
from desktop.ui.imports import ImportItem
from desktop.ui.main_window import MainWindow
from tests.ui.test_accessible import DIALOGS

AUDIO = Path(__file__).resolve().parents[1] / "audio"
Picture = Callable[[QWidget, str], None]
ARABIC = "قال العمدة إن الجسر سيفتح في الربيع، ولم يجب عن سؤال التكلفة."
LONG = "Interview with the Deputy Commissioner for Infrastructure and Regional Development on the bridge, second take"


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, window: MainWindow, qtbot: QtBot) -> Iterator[tuple[MainWindow, str]]:
    window.workspace.change_settings(theme=request.param)
    qtbot.wait(10)
    yield window, request.param
    window.workspace.change_settings(theme="light")


def show_document(window: MainWindow, qtbot: QtBot, library: Library, recording: Recording) -> None:
    """A transcript with everything: languages, translation, emotion, doubts, long names, right-to-left text."""
    transcript = library.add_transcript(recording.id, engine="gemini", model="gemini-3.8-flash",
                                        time_range=TimeRange(0, recording.duration), translate_to="en", summary=(
                                            "The mayor explains why the bridge was not paid for in time. The reporter "
                                            "asks who decided that."))
    texts = [("Reporter", "Who decided that?", "en", "", "neutral", ()),
             ("Lucía Ferrer Ibáñez, marine biologist", "No pagamos a tiempo, y eso lo sabe todo el mundo.", "es",
              "We did not pay on time, and everybody knows that.", "angry", ("time unsure",)),
             ("المتحدث", ARABIC, "ar", "The mayor said the bridge will open in spring.", "neutral", ()),
             ("Reporter", "市長は橋の費用について何も言いませんでした。" * 6, "ja", "", "", ()),
             ("Speaker 4", "Word " * 80, "en", "", "happy", ()),
             ("Speaker 5", "<b>not bold</b><img src=\"/dev/zero\">", "en", "", "sad", ())]
    step = recording.duration / (2 * len(texts))
    library.add_segments(transcript.id, [
        (name, Segment(i * step, (i + 0.9) * step, text, language=language, translation=translation, emotion=emotion,
                       flags=flags))
        for i, (name, text, language, translation, emotion, flags) in enumerate(texts * 2)])
    window.workspace.library_changed.emit()
    window.workspace.open(library.recording(recording.id))
    window.workspace.reload_transcripts(transcript.id)
    qtbot.waitUntil(lambda: window.workspace.document is not None
                    and window.workspace.document.transcript.id == transcript.id)


def test_empty_library(themed: tuple[MainWindow, str], picture: Picture) -> None:
    window, theme = themed
    assert window.view.transcript_choice.isHidden()
    picture(window, f"empty-{theme}")


def test_full_window(themed: tuple[MainWindow, str], qtbot: QtBot, library: Library, sample: Recording,
                     picture: Picture) -> None:
    window, theme = themed
    library.rename_recording(sample.id, LONG)
    show_document(window, qtbot, library, sample)
    window.workspace.set_range(TimeRange(8.0, 15.0))
    window.workspace.select(1)
    window.view.seek(9.5)
    picture(window, f"full-{theme}")
    window.resize(1920, 1080)
    picture(window, f"full-{theme}-1920")


@pytest.mark.usefixtures("right_to_left")
def test_right_to_left_interface(window: MainWindow, qtbot: QtBot, library: Library, sample: Recording,
                                 picture: Picture) -> None:
    show_document(window, qtbot, library, sample)
    picture(window, "right-to-left")
    assert window.view.transport.layoutDirection() is Qt.LayoutDirection.LeftToRight


def test_errors_and_progress_in_place(themed: tuple[MainWindow, str], qtbot: QtBot, sample: Recording,
                                      picture: Picture) -> None:
    window, theme = themed
    failed = ImportItem(Path("x") / f"{LONG}.mp3", error=BadAudio("no_sound", "This video has no sound track, so "
                                                                              "there is nothing to hear."))
    coming = ImportItem(Path("call with the source.m4a"), fraction=0.4, sentence=say("Drawing the waveform"),
                        task=window.workspace.tasks.start(int))
    window.workspace.imports.items += [failed, coming]
    window.workspace.open(sample)
    window.workspace.imports.changed.emit()
    window.workspace.show_error(BadAudio("x", "The connection to Gemini was lost. What has arrived is kept; check the "
                                              "network and continue."))
    picture(window, f"errors-{theme}")
    window.workspace.imports.items.clear()


@pytest.mark.parametrize("name", DIALOGS)
def test_dialogs(name: str, themed: tuple[MainWindow, str], qtbot: QtBot, library: Library, sample: Recording,
                 picture: Picture) -> None:
    window, theme = themed
    show_document(window, qtbot, library, sample)
    dialog = DIALOGS[name](window)
    qtbot.addWidget(dialog)
    dialog.show()
    picture(dialog, f"dialog-{name}-{theme}")


def test_deep_zoom_shows_single_samples(window: MainWindow, sample: Recording, qtbot: QtBot, picture: Picture) -> None:
    window.workspace.open(sample)
    qtbot.waitUntil(lambda: window.workspace.document is not None)
    window.view.waveform.show_stretch(4.0, 4.05)
    window.view.seek(4.02)
    picture(window, "deep-zoom")
    assert abs(window.view.waveform.scale.visible - 0.05) < 1e-6


def test_twenty_thousand_segments_scroll(window: MainWindow, library: Library, sample: Recording, qtbot: QtBot,
                                         picture: Picture) -> None:
    transcript = library.add_transcript(sample.id, engine="gemini", model="m", time_range=TimeRange(0, 29))
    library.add_segments(transcript.id, [(f"Speaker {i % 3}", Segment(i * 0.001, i * 0.001 + 0.001, f"Line {i} " * 12))
                                         for i in range(20_000)])
    window.workspace.open(library.recording(sample.id))
    window.workspace.reload_transcripts(transcript.id)
    qtbot.waitUntil(lambda: window.view.transcript.segments.rowCount() == 20_000, timeout=20_000)
    window.workspace.select(19_990)
    qtbot.waitUntil(lambda: window.view.transcript.visualRect(
        window.view.transcript.segments.index(19_990)).intersects(window.view.transcript.viewport().rect()))
    picture(window, "twenty-thousand")


TRANSLATIONS = {
    3: "Yes, of course. My name is Lucía Ferrer Ibáñez, I am a marine biologist and work in this bay since 2009.",
    5: "Well, it was in October. The fishermen began to call me because the nets came up almost empty.",
    7: "I first thought of the water temperature, but then we measured the salinity and the numbers made none.",
    9: "Near the outfall we found forty-four grams per litre. Normal here is thirty-seven.",
    11: "Exactly, forty-four.",
}


def test_interview_in_two_languages_as_in_the_readme(window: MainWindow, library: Library, qtbot: QtBot,
                                                     imported: Callable[..., Recording], picture: Picture) -> None:
    recording = imported("synthetic-interview.flac", title="Lucía Ferrer on the desalination plant")
    data = json.loads((AUDIO / "synthetic-interview.json").read_text("utf-8"))
    names = {speaker["id"]: speaker["name"].removesuffix(" Ibáñez") for speaker in data["speakers"]}
    transcript = library.add_transcript(recording.id, engine="gemini", model="gemini-3.8-flash",
                                        time_range=TimeRange(0, recording.duration), translate_to="en", summary=(
                                            "A reporter asks the marine biologist Lucía Ferrer about the desalination "
                                            "plant in Puerto Claro. She describes salt readings far above normal and "
                                            "reports that were never answered."))
    library.add_segments(transcript.id, [
        (names[item["speaker"]], Segment(item["start"], item["end"], item["text"], language=item["language"],
                                         translation=TRANSLATIONS.get(item["id"], ""))) for item in data["segments"]])
    window.workspace.library_changed.emit()
    window.workspace.open(library.recording(recording.id))
    qtbot.waitUntil(lambda: window.workspace.document is not None and window.workspace.player.can_play)
    window.view.waveform.show_stretch(0, 75)
    window.workspace.select(4)
    window.view.seek(29.1)
    window.workspace.set_range(TimeRange(45.6, 52.7))
    picture(window, "readme")
    assert window.view.transcript.row_delegate.many_languages
