"""Colours: one light and one dark palette, and eight speaker colours that stay apart for colour-blind eyes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from desktop.paths import RESOURCES

if TYPE_CHECKING:
    from PySide6.QtGui import QIcon

# (light, dark) of each role; contrast >= 4.5 for text, >= 3 for controls, checked by tests/ui/test_theme.py
_ROLES: dict[QPalette.ColorRole, tuple[str, str]] = {
    QPalette.ColorRole.Window: ("#f4f4f2", "#202124"),
    QPalette.ColorRole.WindowText: ("#1d1d1f", "#e9e9ea"),
    QPalette.ColorRole.Base: ("#ffffff", "#18191b"),
    QPalette.ColorRole.AlternateBase: ("#f7f7f5", "#1e1f22"),
    QPalette.ColorRole.Text: ("#1d1d1f", "#e9e9ea"),
    QPalette.ColorRole.PlaceholderText: ("#66666b", "#a0a0a6"),
    QPalette.ColorRole.Button: ("#ececea", "#2c2d31"),
    QPalette.ColorRole.ButtonText: ("#1d1d1f", "#e9e9ea"),
    QPalette.ColorRole.BrightText: ("#b3261e", "#ff8a80"),
    QPalette.ColorRole.Highlight: ("#0b5cad", "#2f7fd6"),
    QPalette.ColorRole.HighlightedText: ("#ffffff", "#ffffff"),
    QPalette.ColorRole.ToolTipBase: ("#ffffff", "#2c2d31"),
    QPalette.ColorRole.ToolTipText: ("#1d1d1f", "#e9e9ea"),
    QPalette.ColorRole.Link: ("#0b5cad", "#7db7f5"),
    QPalette.ColorRole.Light: ("#ffffff", "#4a4c52"),
    QPalette.ColorRole.Midlight: ("#f0f0ee", "#3a3c41"),
    QPalette.ColorRole.Mid: ("#8a8a8f", "#85878e"),
    QPalette.ColorRole.Dark: ("#7a7a80", "#8e9098"),
    QPalette.ColorRole.Shadow: ("#55555a", "#0c0c0d"),
}
_DISABLED = ("#75757a", "#85868c")

# Okabe and Ito's set, darkened for white ground and lightened for dark ground.
_SPEAKERS = (
    ("#0b5cad", "#5fb0f5"), ("#b34700", "#f2994a"), ("#00705a", "#3fc9a4"), ("#8c2f7a", "#e08bd0"),
    ("#6b5a00", "#e0c94a"), ("#a01f2e", "#f28b94"), ("#3d4a9e", "#a5b0f7"), ("#4a5d23", "#b4cf7a"),
)
_NOBODY = ("#66666b", "#a0a0a6")


@dataclass(frozen=True)
class Colours:
    """What painters need beyond the palette."""

    dark: bool
    wave_ground: QColor
    wave_ahead: QColor  # the sparse overview, before the real pass has come by
    playhead: QColor
    selection: QColor
    ruler_text: QColor
    error_ground: QColor
    info_ground: QColor
    playing_ground: QColor
    word_ground: QColor  # under the word that sounds
    found_ground: QColor  # under what was searched for

    def speaker(self, position: int | None) -> QColor:
        """The colour of the speaker at this position; grey for nobody."""
        pair = _NOBODY if position is None else _SPEAKERS[position % len(_SPEAKERS)]
        return QColor(pair[self.dark])


def is_dark(theme: str) -> bool:
    """Whether `theme` (system, light, dark) is dark now."""
    if theme != "system":
        return theme == "dark"
    return QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark


def apply(application: QApplication, theme: str) -> None:
    """Set palette and style for the theme."""
    dark = is_dark(theme)
    palette = QPalette()
    for role, pair in _ROLES.items():
        palette.setColor(role, QColor(pair[dark]))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.WindowText, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(_DISABLED[dark]))
    palette.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Highlight, QColor(_ROLES[
        QPalette.ColorRole.Mid][dark]))
    application.setPalette(palette)
    application.setStyleSheet((RESOURCES / "style" / "dark.qss").read_text("utf-8") if dark else "")


def colours(palette: QPalette) -> Colours:
    """The painters' colours that belong to a palette."""
    return _colours(palette.color(QPalette.ColorRole.Window).lightness() < 128)


@cache
def _colours(dark: bool) -> Colours:
    pick = [QColor(pair[dark]) for pair in (
        ("#ffffff", "#18191b"), ("#8f9096", "#7b7d84"), ("#c4001d", "#ff6b6b"), ("#1d1d1f", "#f4f4f4"),
        ("#55555a", "#b4b5ba"), ("#fde7e5", "#4a2523"), ("#e5f0fb", "#1f3247"), ("#e3eefb", "#22384f"),
        ("#b9d7f7", "#35587d"), ("#fbe7a2", "#5c4d12"))]
    return Colours(dark, *pick)


def icon(name: str, colour: QColor) -> QIcon:
    """An icon of ours in `colour`, sharp at the usual sizes."""
    from PySide6.QtCore import QSize
    from PySide6.QtGui import QIcon, QImage, QPainter, QPixmap
    from PySide6.QtSvg import QSvgRenderer

    source = (RESOURCES / "icons" / f"{name}.svg").read_text("utf-8").replace("currentColor", colour.name())
    renderer = QSvgRenderer(source.encode())
    result = QIcon()
    for size in (16, 20, 24, 32, 48):
        image = QImage(QSize(size, size), QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(0)
        painter = QPainter(image)
        renderer.render(painter)
        painter.end()
        result.addPixmap(QPixmap.fromImage(image))
    return result
