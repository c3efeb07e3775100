"""The waveform for screen readers: a list of segments with name, time and text, and the position as its value."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, QRect
from PySide6.QtGui import QAccessible, QAccessibleEvent, QAccessibleInterface, QAccessibleStateChangeEvent, QColor
from PySide6.QtWidgets import QAccessibleWidget

from desktop.model import clock
from desktop.ui.waveform_view import WaveformView

# Qt keeps bare pointers to interfaces made in Python: they live as long as the program.
_alive: dict[int, Any] = {}
_installed: list[bool] = []


class SegmentAccessible(QAccessibleInterface):
    """One segment as a list item."""

    def __init__(self, parent: Any, index: int) -> None:
        super().__init__()
        self._parent, self._index = parent, index

    def isValid(self) -> bool:
        return self._parent.segment_count() > self._index

    def object(self) -> Any:
        return None

    def window(self) -> Any:
        return self._parent.window()

    def parent(self) -> Any:
        return self._parent

    def child(self, index: int) -> Any:
        return None

    def childAt(self, x: int, y: int) -> Any:
        return None

    def childCount(self) -> int:
        return 0

    def indexOfChild(self, child: Any) -> int:
        return -1

    def focusChild(self) -> Any:
        return None

    def foregroundColor(self) -> QColor:
        return QColor()

    def backgroundColor(self) -> QColor:
        return QColor()

    def rect(self) -> QRect:
        return self._parent.segment_rect(self._index)

    def role(self) -> QAccessible.Role:
        return QAccessible.Role.ListItem

    def state(self) -> QAccessible.State:
        state = QAccessible.State()
        state.selectable = True
        state.selected = self._parent.view.selected == self._index
        return state

    def text(self, kind: QAccessible.Text) -> str:
        if kind is not QAccessible.Text.Name or not self.isValid():
            return ""
        document = self._parent.view.document
        assert document is not None
        segment = document.segments[self._index]
        return ", ".join(filter(None, (document.speaker_name(segment), clock(segment.start), segment.text)))

    def setText(self, kind: QAccessible.Text, text: str) -> None:
        pass


class WaveformAccessible(QAccessibleWidget):
    """The view as a list."""

    def __init__(self, view: WaveformView) -> None:
        super().__init__(view, QAccessible.Role.List)
        self.view = view
        self._children: dict[int, SegmentAccessible] = {}

    def segment_count(self) -> int:
        return len(self.view.document.segments) if self.view.document else 0

    def segment_rect(self, index: int) -> QRect:
        lane, scale = self.view.lane, self.view.scale
        left, right = scale.to_x(lane.starts[index]), scale.to_x(lane.ends[index])
        top = self.view.ruler_height
        inside = QRect(int(left), top, max(1, int(right - left)), self.view.height() - top)
        corner = self.view.mapToGlobal(inside.topLeft())
        return QRect(corner, inside.size())

    def childCount(self) -> int:
        return self.segment_count()

    def child(self, index: int) -> Any:
        if not 0 <= index < self.segment_count():
            return None
        if index not in self._children:
            self._children[index] = SegmentAccessible(self, index)
        return self._children[index]

    def indexOfChild(self, child: Any) -> int:
        return next((i for i, item in self._children.items() if item is child), -1)

    def childAt(self, x: int, y: int) -> Any:
        place = self.view.mapFromGlobal(QRect(x, y, 1, 1).topLeft())
        if place.y() < self.view.ruler_height or place.y() > self.view.height() + self.view.lane_height:
            return None
        return self.child(self.view.lane.at(self.view.scale.to_time(place.x())))

    def text(self, kind: QAccessible.Text) -> str:
        if kind is QAccessible.Text.Value:
            return clock(self.view.playhead, tenths=True)
        return str(super().text(kind))


def install() -> None:
    """Make Qt ask us for the interfaces of the waveform and the transcript; once per program."""
    if not _installed:
        _installed.append(True)
        QAccessible.installFactory(_make)


def announce_selection(view: WaveformView) -> None:
    """Tell screen readers that another segment is selected."""
    if QAccessible.isActive() and id(view) in _alive:
        changed = QAccessible.State()
        changed.selected = True
        QAccessible.updateAccessibility(QAccessibleStateChangeEvent(view, changed))
        QAccessible.updateAccessibility(QAccessibleEvent(view, QAccessible.Event.ValueChanged))


def _make(name: str, thing: QObject) -> Any:
    from desktop.ui.transcript_accessible import TranscriptAccessible
    from desktop.ui.transcript_panel import TranscriptView

    if not isinstance(thing, WaveformView | TranscriptView):
        return None
    interface = _alive.get(id(thing))
    if interface is None or interface.view is not thing:
        interface = WaveformAccessible(thing) if isinstance(thing, WaveformView) else TranscriptAccessible(thing)
        _alive[id(thing)] = interface
        key = id(thing)
        thing.destroyed.connect(lambda: _alive.pop(key, None))
    return interface
