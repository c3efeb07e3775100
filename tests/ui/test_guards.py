"""Traps that would break the program quietly: lost references, rich text, colours nobody can read, bare strings."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QInputDialog, QLabel, QMessageBox, QProgressDialog, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from desktop.ui import theme
from desktop.ui.main_window import MainWindow

UI = Path(__file__).resolve().parents[2] / "desktop" / "ui"
HOSTILE = '<b>x</b><img src="/dev/zero">'


def test_calls_that_return_nothing_keep_the_references_to_none(qtbot: QtBot) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    before = sys.getrefcount(None)
    for _ in range(1000):
        widget.update()
    assert abs(sys.getrefcount(None) - before) < 50


def test_no_label_ever_shows_rich_text(qapp: QApplication, qtbot: QtBot) -> None:
    for make in (lambda: QLabel(HOSTILE), lambda: QMessageBox(QMessageBox.Icon.Question, "t", HOSTILE),
                 lambda: QProgressDialog(HOSTILE, "c", 0, 9), _input_dialog):
        widget = make()
        qtbot.addWidget(widget)
        widget.show()  # /dev/zero as an image would never come back
        labels = [widget] if isinstance(widget, QLabel) else widget.findChildren(QLabel)
        assert labels
        assert all(label.textFormat().name == "PlainText" for label in labels if label.text())


def test_tool_tips_show_no_rich_text(qapp: QApplication, qtbot: QtBot) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.show()
    QToolTip.showText(widget.mapToGlobal(widget.rect().center()), HOSTILE, widget)
    tips = [label for label in qapp.allWidgets() if isinstance(label, QLabel) and label.text() == HOSTILE]
    assert tips
    assert all(tip.textFormat().name == "PlainText" for tip in tips)
    QToolTip.hideText()


def test_without_the_guard_the_label_would_show_rich_text(qtbot: QtBot) -> None:
    label = QLabel("<b>x</b>")
    qtbot.addWidget(label)
    assert label.textFormat().name == "AutoText"  # the control: what the guard is for


def _input_dialog() -> QInputDialog:
    dialog = QInputDialog()
    dialog.setLabelText(HOSTILE)
    return dialog


def _calls() -> Iterator[tuple[str, ast.Call, str]]:
    for file in sorted(UI.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                yield file.name, node, name


def test_rich_text_is_made_nowhere() -> None:
    banned = {"setHtml", "setMarkdown", "appendHtml", "insertHtml", "setTextFormat"}
    found = [f"{file}:{call.lineno} {name}" for file, call, name in _calls()
             if name in banned and file not in ("words.py", "main_window.py", "pdf_export.py")]
    found += [f"{file}:{call.lineno} QLabel(" for file, call, name in _calls()
              if name == "QLabel" and file != "words.py"]
    assert found == []


SHOWN = {"setText", "setWindowTitle", "addTab", "setToolTip", "setPlaceholderText", "setAccessibleName", "QPushButton",
         "addButton", "label", "choice_box", "Notice", "setStatusTip"}


def test_every_string_that_the_user_sees_goes_through_tr() -> None:
    bare = []
    for file, call, name in _calls():
        if name not in SHOWN:
            continue
        for argument in call.args[:2]:
            words = isinstance(argument, ast.Constant) and isinstance(argument.value, str) and any(
                character.isalpha() for character in argument.value) and argument.value != "Pullquote"
            if words or (isinstance(argument, ast.JoinedStr) and name in ("label", "QPushButton")):
                bare.append(f"{file}:{call.lineno} {name}")
    assert bare == []


def test_tr_is_never_given_an_f_string() -> None:
    assert [f"{file}:{call.lineno}" for file, call, name in _calls() if name in ("tr", "translate", "say")
            and any(isinstance(argument, ast.JoinedStr) for argument in call.args)] == []


@pytest.mark.parametrize("name", ["light", "dark"])
def test_text_and_controls_have_enough_contrast(name: str, qapp: QApplication) -> None:
    theme.apply(qapp, name)
    palette = qapp.palette()
    role = QPalette.ColorRole
    for ground, text in ((role.Window, role.WindowText), (role.Base, role.Text), (role.Button, role.ButtonText),
                         (role.Base, role.PlaceholderText), (role.Window, role.PlaceholderText),
                         (role.Highlight, role.HighlightedText), (role.Base, role.BrightText)):
        if (ground, text, name) == (role.Highlight, role.HighlightedText, "dark"):
            assert _contrast(palette.color(ground), palette.color(text)) >= 4
            continue
        assert _contrast(palette.color(ground), palette.color(text)) >= 4.5, (ground, text)
    assert _contrast(palette.color(role.Base), palette.color(role.Mid)) >= 3
    colours = theme.colours(palette)
    for position in (None, *range(8)):
        assert _contrast(palette.color(role.Base), colours.speaker(position)) >= 4.5, position


def _contrast(one: QColor, other: QColor) -> float:
    """WCAG 2: ratio of relative luminances."""
    def luminance(colour: QColor) -> float:
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.getRgbF()[:3]]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_theme_switches_while_running(window: MainWindow, qtbot: QtBot) -> None:
    window.workspace.change_settings(theme="dark")
    qtbot.waitUntil(lambda: window.palette().color(QPalette.ColorRole.Window).lightness() < 60)
    window.workspace.change_settings(theme="light")
    qtbot.waitUntil(lambda: window.palette().color(QPalette.ColorRole.Window).lightness() > 200)
