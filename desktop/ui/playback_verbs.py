"""The verbs of playing, of the range and of the zoom: what keys and menus do without a dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop.ui.recording_view import RecordingView
    from desktop.ui.workspace import Workspace

STEP, SPEED_STEP = 3.0, 0.1  # seconds; parts of the normal speed


class PlaybackVerbs:
    """Half of the main window; it has no texts of its own to translate."""

    workspace: Workspace
    view: RecordingView

    def toggle_play(self) -> None:
        self.workspace.player.toggle()

    def back(self) -> None:
        self.view.seek(self.workspace.player.position() - STEP)

    def forward(self) -> None:
        self.view.seek(self.workspace.player.position() + STEP)

    def slower(self) -> None:
        self.workspace.player.set_speed(self.workspace.player.speed - SPEED_STEP)

    def faster(self) -> None:
        self.workspace.player.set_speed(self.workspace.player.speed + SPEED_STEP)

    def normal_speed(self) -> None:
        self.workspace.player.set_speed(1.0)

    def play_segment(self) -> None:
        index = self.workspace.selected
        self.view.play_segment(index if index >= 0 else self.view.playing_row())

    def play_range(self) -> None:
        if self.workspace.range is not None:
            self.workspace.player.set_loop(None)
            self.workspace.player.play(self.workspace.range.start, until=self.workspace.range.end)

    def toggle_loop(self) -> None:
        player, time_range = self.workspace.player, self.workspace.range
        player.set_loop(None if player.loop else time_range)
        if player.loop and not player.is_playing:
            player.play(player.loop.start)

    def previous_segment(self) -> None:
        self._step_segment(-1)

    def next_segment(self) -> None:
        self._step_segment(1)

    def _step_segment(self, step: int) -> None:
        workspace = self.workspace
        current = workspace.selected if workspace.selected >= 0 else self.view.playing_row()
        segment = workspace.segment(current + step)
        if segment is not None:
            if self.view.transcript.editor.hasFocus():  # the caret goes along
                self.view.transcript.edit_row(current + step)
            workspace.select(current + step)
            self.view.seek(segment.start)

    def follow_playing(self) -> None:
        self.view.transcript.follow()

    def set_range_start(self) -> None:
        from desktop.model import TimeRange

        place, time_range, recording = self.workspace.player.position(), self.workspace.range, self.workspace.recording
        if recording is not None:
            end = time_range.end if time_range and time_range.end > place else recording.duration
            self.workspace.set_range(TimeRange(place, end))

    def set_range_end(self) -> None:
        from desktop.model import TimeRange

        place, time_range = self.workspace.player.position(), self.workspace.range
        start = time_range.start if time_range and time_range.start < place else 0.0
        if self.workspace.recording is not None:
            self.workspace.set_range(TimeRange(start, place))

    def clear_range(self) -> None:
        self.workspace.set_range(None)

    # -- the view --------------------------------------------------------------------------------------------

    def zoom_in(self) -> None:
        self.view.waveform.zoom(0.5)

    def zoom_out(self) -> None:
        self.view.waveform.zoom(2.0)

    def zoom_all(self) -> None:
        self.view.waveform.show_stretch(0.0, self.view.waveform.scale.duration)

    def zoom_range(self) -> None:
        if self.workspace.range is not None:
            margin = 0.05 * self.workspace.range.seconds
            self.view.waveform.show_stretch(self.workspace.range.start - margin, self.workspace.range.end + margin)
