"""Playback of our own copy: exact frames into the system's sound output, position asked for, never pushed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.model import TimeRange

if TYPE_CHECKING:
    from PySide6.QtCore import QIODevice
    from PySide6.QtMultimedia import QAudioSink

    from desktop.audio.playback import PlaybackSource

BUFFER_SECONDS = 0.2
_FEED_MILLISECONDS = 20


class Player(QObject):
    """Plays one recording at a time. QtMultimedia is imported when something is first played."""

    state_changed = Signal()  # plays, paused, another speed or loop
    unavailable = Signal()  # there is no sound output; time runs, silently

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._source: PlaybackSource | None = None
        self._sink: QAudioSink | None = None
        self._device: QIODevice | None = None
        self._position = 0.0
        self._until: float | None = None
        self._played = 0
        self._given = 0
        self._ended = False
        self._pending = b""
        self._silent_since = 0.0
        self._was_sent = False  # to a place, since it last paused
        self.speed = 1.0
        self.loop: TimeRange | None = None
        self.step_back = 1.5
        self.is_playing = False
        self._feeding = QTimer(self)
        self._feeding.setInterval(_FEED_MILLISECONDS)
        self._feeding.timeout.connect(self._feed)

    # -- what is played --------------------------------------------------------------------------------------

    def load(self, copy: Path | None) -> None:
        """Another recording, or none."""
        self.pause()
        if self._source is not None:
            self._source.close()
            self._source = None
        self._position, self.loop = 0.0, None
        if copy is not None and copy.exists():
            from desktop.audio.playback import PlaybackSource

            self._source = PlaybackSource(copy)
        self.state_changed.emit()

    @property
    def can_play(self) -> bool:
        return self._source is not None

    def position(self) -> float:
        """Seconds in the recording that sound now."""
        if not self.is_playing or self._source is None:
            return self._position
        return self._source.position(min(self._given, self._heard_frames()))

    # -- the verbs -------------------------------------------------------------------------------------------

    def play(self, seconds: float | None = None, *, until: float | None = None) -> None:
        """Play from a place (exactly there), or go on from here."""
        if self._source is None:
            return
        if seconds is not None:
            self._position = min(self._source.duration, max(0.0, seconds))
        elif self._position >= self._source.duration - 0.05:
            self._position = 0.0
        self._until = until
        self._start()

    def resume(self) -> None:
        """Go on, a little earlier, so that the ear finds its place; from a place that was chosen, exactly there."""
        back = 0.0 if self.loop or self._was_sent else self.step_back
        self.play(max(0.0, self._position - back) if self._position > 0 else None)

    def pause(self) -> None:
        """Stop the sound at once; the place is kept."""
        if not self.is_playing:
            return
        self._position = self.position()
        self._was_sent = False
        self._stop_output()
        self.is_playing = False
        self.state_changed.emit()

    def toggle(self) -> None:
        """Play or pause."""
        if self.is_playing:
            self.pause()
        else:
            self.resume()

    def seek(self, seconds: float) -> None:
        """Go to a place; goes on playing if it played."""
        if self._source is None:
            return
        self._position = min(self._source.duration, max(0.0, seconds))
        self._was_sent = True
        if self.is_playing:
            self._until = None
            self._start()
        else:
            self.state_changed.emit()

    def set_speed(self, speed: float) -> None:
        """0.5 to 3; the pitch stays."""
        place = self.position()
        self.speed = min(3.0, max(0.5, round(speed, 2)))
        if self.is_playing:
            self._position = place
            self._start()
        self.state_changed.emit()

    def set_loop(self, time_range: TimeRange | None) -> None:
        """Go round in a range, or no longer."""
        place = self.position()
        self.loop = time_range
        if self.is_playing:
            self._position = time_range.start if time_range and not (
                time_range.start <= place < time_range.end) else place
            self._start()
        self.state_changed.emit()

    # -- the sound -------------------------------------------------------------------------------------------

    def _start(self) -> None:
        assert self._source is not None
        self._stop_output()
        loop = self.loop
        if loop and not loop.start <= self._position < loop.end:
            self._position = loop.start
        rate = self._open_sink()
        self._source.start(self._position, speed=self.speed, rate=rate, until=self._until, loop=loop)
        self._given = self._played = 0
        self._ended, self._pending = False, b""
        self._silent_since = time.monotonic()
        if self._sink is not None:
            self._device = self._sink.start()
        self.is_playing = True
        self._feed()
        self._feeding.start()
        self.state_changed.emit()

    def _open_sink(self) -> int:
        """A sink for the default output; gives the rate to play at (0: the copy's own)."""
        assert self._source is not None
        from PySide6.QtMultimedia import QAudioFormat, QAudioSink, QMediaDevices

        output = QMediaDevices.defaultAudioOutput()
        if output.isNull():
            self._sink = None
            self.unavailable.emit()
            return 0
        wanted = QAudioFormat()
        wanted.setSampleFormat(QAudioFormat.SampleFormat.Int16)
        wanted.setChannelCount(self._source.channels)
        wanted.setSampleRate(self._source_rate())
        if not output.isFormatSupported(wanted):
            wanted.setSampleRate(output.preferredFormat().sampleRate())
        self._sink = QAudioSink(output, wanted, self)
        self._sink.setBufferSize(int(BUFFER_SECONDS * wanted.sampleRate()) * 2 * self._source.channels)
        return int(wanted.sampleRate())

    def _source_rate(self) -> int:
        assert self._source is not None
        return self._source.copy_rate

    def _feed(self) -> None:
        source = self._source
        if source is None:
            return
        size = 2 * source.channels
        if self._sink is None or self._device is None:
            wanted = self._heard_frames() + int(BUFFER_SECONDS * source.rate) - self._given
            data = b"" if self._ended else source.read(max(0, wanted))
            self._given += len(data) // size
            self._ended = self._ended or (wanted > 0 and not data)
        else:
            self._feed_sink(source, size)
        if self._ended and not self._pending and self._heard_frames() >= self._given:
            self._reach_end()

    def _feed_sink(self, source: PlaybackSource, size: int) -> None:
        assert self._sink is not None and self._device is not None
        free = self._sink.bytesFree() // size
        if not self._pending and not self._ended and free > 0:
            self._pending = source.read(free)
            self._ended = not self._pending
        if self._pending:
            written = int(self._device.write(self._pending))
            if written > 0:
                self._pending = self._pending[written:]
                self._given += written // size

    def _heard_frames(self) -> int:
        """Frames that have sounded since the start."""
        source = self._source
        if source is None:
            return 0
        if self._sink is None:
            return int((time.monotonic() - self._silent_since) * source.rate)
        return min(self._given, int(self._sink.processedUSecs() * source.rate / 1_000_000))

    def _reach_end(self) -> None:
        assert self._source is not None
        self._position = self._source.position(self._given)
        self._until = None
        self._stop_output()
        self.is_playing = False
        self.state_changed.emit()

    def _stop_output(self) -> None:
        self._feeding.stop()
        if self._sink is not None:
            self._sink.reset()
            self._sink.deleteLater()
            self._sink = self._device = None
