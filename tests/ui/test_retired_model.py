"""A model that the service retired: our sentence, and a button that takes the newest one of the list."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from desktop.engines.gemini_errors import Failure
from desktop.settings import Settings
from desktop.ui.main_window import MainWindow
from desktop.ui.workspace import Notice


@pytest.mark.parametrize("known, wanted", [
    ((), ""), (("gemini-3.8-flash",), ""), (("gemini-3.5-flash", "gemini-3.10-flash", "gemini-3.9-flash-lite"),
                                            "gemini-3.10-flash"), (("gemini-3.5-transcribe",), "")])
def test_the_newest_plain_flash_model_replaces_a_retired_one(known: tuple[str, ...], wanted: str) -> None:
    assert Settings(known_models=known).replacement("gemini-3.8-flash") == wanted


def test_a_button_takes_the_replacement(window: MainWindow, qtbot: QtBot) -> None:
    window.workspace.change_settings(known_models=("gemini-3.8-flash", "gemini-4.0-flash"))
    notices: list[Notice] = []
    window.workspace.noticed.connect(notices.append)
    window.workspace.show_error(Failure("model").error())
    assert notices[-1].is_error and "does not exist any more" in notices[-1].sentence
    assert notices[-1].action == "Use gemini-4.0-flash" and notices[-1].verb is not None
    notices[-1].verb()
    assert window.workspace.settings.gemini_model == "gemini-4.0-flash"


def test_without_a_list_there_is_only_the_sentence(window: MainWindow) -> None:
    notices: list[Notice] = []
    window.workspace.noticed.connect(notices.append)
    window.workspace.show_error(Failure("model").error())
    assert notices[-1].action == ""
