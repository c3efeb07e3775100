"""What every test stands on: a home of its own, no window system, nobody's key, and the stand-in service."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # before anything imports Qt
os.environ["QT_LOGGING_RULES"] = "qt.multimedia.*=false"  # as the program does in environment.scrub()
for _name in [name for name in os.environ
              if name.startswith(("GEMINI_", "GOOGLE_", "PULLQUOTE_")) and not name.startswith("PULLQUOTE_LIVE_")]:
    del os.environ[_name]

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

from desktop.library import Library  # noqa: E402
from desktop.paths import cache_folder, data_folder  # noqa: E402
from tests.gemini_service import GeminiService  # noqa: E402

# A busy machine is no failure; what was found wrong is printed so that it can be repeated.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything the program writes lies below this folder, which is new for each test."""
    folder = tmp_path / "home"
    monkeypatch.setenv("PULLQUOTE_HOME", str(folder))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def library(home: Path) -> Iterator[Library]:
    """An empty library in the test's home."""
    opened = Library(data_folder())
    yield opened
    opened.close()


@pytest.fixture
def cache(home: Path) -> Path:
    """The folder of rebuildable files in the test's home (not made yet)."""
    return cache_folder()


@pytest.fixture
def service() -> Iterator[GeminiService]:
    """The stand-in for Gemini, running on loopback."""
    with GeminiService() as running:
        yield running


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest tests/ui --pictures FOLDER` renders every panel and dialog for the eye."""
    parser.addoption("--pictures", default=None, metavar="FOLDER", help="save pictures of the window there")
