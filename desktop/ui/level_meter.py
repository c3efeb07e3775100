"""How loud each channel is, with the loudest of the last moments and a word for what was clipped."""

from __future__ import annotations

import math

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.ui import theme

_LOWEST = -60.0  # dB of full scale at the left end
_LOUD = -6.0  # from here on it is close to clipping


def place(level: float) -> float:
    """Where a level (0..1 of full scale) lies on the scale, 0..1."""
    return 0.0 if level <= 0 else min(1.0, max(0.0, 1.0 - 20 * math.log10(level) / _LOWEST))


class LevelMeter(QWidget):
    """A bar for each channel, from -60 to 0 dB."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._now: tuple[float, ...] = (0.0,)
        self._held: tuple[float, ...] = (0.0,)
        self._is_clipped = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.setAccessibleName(self.tr("Level"))

    def sizeHint(self) -> QSize:
        return QSize(190, 56)

    def show_levels(self, now: tuple[float, ...], held: tuple[float, ...], is_clipped: bool) -> None:
        """Levels 0..1 of full scale for each channel."""
        self._now, self._held, self._is_clipped = now or (0.0,), held or (0.0,), is_clipped
        self.setToolTip(self.words())
        self.update()

    def words(self) -> str:
        """The same in words."""
        loudest = max(self._held, default=0.0)
        level = self.tr("silence") if loudest <= 0.001 else self.tr("{level:.0f} dB").format(
            level=20 * math.log10(loudest))
        return self.tr("Too loud: clipped. Move the microphone away or turn it down.") if self._is_clipped else (
            self.tr("Loudest: {level}").format(level=level))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setLayoutDirection(Qt.LayoutDirection.LeftToRight)  # as the bars: a scale is not mirrored
        colours, palette = theme.colours(self.palette()), self.palette()
        line = self.fontMetrics().height()
        room = self.height() - line - 4
        step = room // len(self._now)
        for channel, level in enumerate(self._now):
            bar = QRect(0, channel * step + 2, self.width() - 1, max(4, step - 4))
            painter.fillRect(bar, colours.wave_ground)
            colour = colours.playhead if level >= 10 ** (_LOUD / 20) else palette.highlight().color()
            painter.fillRect(QRect(bar.left(), bar.top(), round(place(level) * bar.width()), bar.height()), colour)
            held = self._held[channel] if channel < len(self._held) else 0.0
            if held > 0:
                painter.fillRect(QRect(bar.left() + round(place(held) * (bar.width() - 2)), bar.top(), 2,
                                       bar.height()), palette.text())
            painter.setPen(palette.mid().color())
            painter.drawRect(bar)
        scale = QRect(0, self.height() - line, self.width(), line)
        if self._is_clipped:
            painter.setPen(palette.brightText().color())
            painter.drawText(scale, Qt.AlignmentFlag.AlignCenter, self.tr("TOO LOUD: CLIPPED"))
            return
        painter.setPen(palette.placeholderText().color())
        for level, align in ((-60, Qt.AlignmentFlag.AlignLeft), (-30, Qt.AlignmentFlag.AlignHCenter),
                             (0, Qt.AlignmentFlag.AlignRight)):
            painter.drawText(scale, align, f"{level} dB".replace("-", "−"))
