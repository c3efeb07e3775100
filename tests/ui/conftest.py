"""The window in tests: real library, real files, a private home, and pictures on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from desktop.api_key import ApiKey
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import Recording, ignore_progress
from desktop.sample import SAMPLE, add_sample
from desktop.ui.application import make_application, make_window
from desktop.ui.main_window import MainWindow

Wait = Callable[[Callable[[], bool]], None]


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """The application as the program makes it."""
    return make_application()


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot, library: Library) -> Iterator[MainWindow]:
    """The main window over the test's library; no key store is asked."""
    made = make_window(library, ApiKey(lambda: None))
    made.resize(1280, 800)
    qtbot.addWidget(made, before_close_func=lambda w: w.workspace.tasks.stop_all())
    made.show()
    yield made
    made.workspace.player.pause()
    made.workspace.tasks.stop_all()
    qtbot.waitUntil(lambda: made.workspace.tasks.running == 0, timeout=20_000)


@pytest.fixture
def sample(library: Library, cache: Path) -> Recording:
    """The sample in the library."""
    return add_sample(library, cache, ignore_progress)


@pytest.fixture
def imported(library: Library, cache: Path) -> Callable[..., Recording]:
    """Import a file of tests/audio by its name."""
    def bring(name: str, **options: str) -> Recording:
        return import_audio(library, cache, SAMPLE.parents[2] / "tests" / "audio" / name, ignore_progress,
                            **options).recording  # type: ignore[arg-type]
    return bring


@pytest.fixture
def picture(request: pytest.FixtureRequest, qtbot: QtBot) -> Callable[[QWidget, str], None]:
    """Save a picture of a widget when pytest was started with --pictures FOLDER."""
    folder = request.config.getoption("--pictures")

    def save(widget: QWidget, name: str) -> None:
        if folder:
            Path(str(folder)).mkdir(parents=True, exist_ok=True)
            qtbot.wait(50)  # let animations and batches settle: for the eye only
            assert widget.grab().save(str(Path(str(folder)) / f"{name}.png"))
    return save
