"""The window in tests: real library, real files, a private home, and pictures on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree

import pytest
from PySide6.QtCore import Qt
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
def window(qapp: QApplication, qtbot: QtBot, library: Library) -> MainWindow:
    """The main window over the test's library; no key store is asked."""
    def let_end(window: MainWindow) -> None:
        """What still works in the background must not see the library closed under it."""
        window.workspace.player.pause()
        window.workspace.tasks.stop_all()
        qtbot.waitUntil(lambda: window.workspace.tasks.running == 0, timeout=20_000)

    made = make_window(library, ApiKey(lambda: None))
    made.resize(1280, 800)
    qtbot.addWidget(made, before_close_func=let_end)
    made.show()
    return made


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a library that has the sample, and its cache: decoding it for each test would take minutes."""
    folder = tmp_path_factory.mktemp("prepared")
    library = Library(folder / "data")
    add_sample(library, folder / "cache", ignore_progress)
    library.close()
    return folder


@pytest.fixture
def sample(library: Library, cache: Path, prepared: Path) -> Recording:
    """The sample in the library, with the files and rows that its import leaves."""
    if library.recording_count():
        return add_sample(library, cache, ignore_progress)
    copytree(prepared / "cache", cache, dirs_exist_ok=True)
    copytree(prepared / "data" / "recordings", library.folder / "recordings", dirs_exist_ok=True)
    library._writer.execute("ATTACH ? AS prepared", (str(prepared / "data" / "library.db"),))
    with library._write() as connection:
        for table in ("recording", "transcript", "speaker", "segment"):
            connection.execute(f"INSERT INTO main.{table} SELECT * FROM prepared.{table}")
    library._writer.execute("DETACH prepared")
    return library.recordings()[0]


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


@pytest.fixture
def right_to_left(qapp: QApplication) -> Iterator[None]:
    """Everything is laid out as for Arabic or Hebrew."""
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    yield
    qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
