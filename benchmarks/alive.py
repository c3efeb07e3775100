"""How long each deed of a user holds up the window: 9.5 h of recording, 20,000 segments, the real window."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QTimer

from benchmarks import documents, fixtures
from benchmarks.harness import headline, show
from desktop import paths
from desktop.api_key import ApiKey
from desktop.audio.cache import CacheFiles
from desktop.library import Library
from desktop.model import Recording, Segment, TimeRange
from desktop.ui.application import complete_in_turns, end_work, make_application, make_window
from desktop.ui.main_window import MainWindow

_SEGMENTS = 20_000
_MOST = 16  # milliseconds


class Beats:
    """Counts the milliseconds between two turns of the event loop."""

    def __init__(self) -> None:
        self._last, self.longest = time.perf_counter(), 0.0
        self._timer = QTimer(interval=0)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, 1000 * (now - self._last))
        self._last = now

    def during(self, deed: Callable[[], object], seconds: float = 1.0) -> float:
        """The longest hold-up of a deed and of what it sets off."""
        wait(0.2)
        self.longest = 0.0
        QTimer.singleShot(0, deed)
        wait(seconds)
        return self.longest


def main() -> None:
    """Measure what product and issue call "nothing blocks the window over 16 ms"."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["PULLQUOTE_HOME"] = home
        application = make_application()
        library = Library(paths.data_folder())
        recording = long_recording(library)
        other = long_recording(library, "b")
        window = make_window(library, ApiKey(lambda: None), complete=False)
        window.show()
        application.processEvents()
        headline(f"longest hold-up of the window ({_SEGMENTS:,} segments, 9.5 h)")
        beats = Beats()
        for label, deed in _deeds(window, recording, other).items():
            times = [beats.during(deed, 3.0 if "open" in label else 1.0) for _ in range(1 if "second half" in label
                                                                                       or "remove" in label else 3)]
            show(label, sorted(times)[len(times) // 2], "ms", most=_MOST, more=f"worst {max(times):.1f}")
        window.workspace.tasks.stop_all()
        end_work(window)
        wait(1.0)
        library.close()


def _deeds(window: MainWindow, recording: Recording, other: Recording) -> dict[str, Callable[[], object]]:
    from desktop.ui.dialogs import TranscribeDialog
    from desktop.ui.export_dialog import ExportDialog
    from desktop.ui.keys_dialog import KeysDialog
    from desktop.ui.settings_dialog import SettingsDialog

    workspace = window.workspace
    names = iter(range(100))
    return {
        "the second half of the window": lambda: complete_in_turns(window, []),
        "open a recording": lambda: workspace.open(recording if workspace.recording != recording else other),
        "select a line": lambda: workspace.select(next(names) * 50),
        "choose a range": lambda: workspace.set_range(TimeRange(100.0 + next(names), 400.0)),
        "zoom to the range": lambda: window.actions_by_name["zoom_range"].trigger(),
        "show all": lambda: window.actions_by_name["zoom_all"].trigger(),
        "rename a speaker": lambda: workspace.edits.rename_speaker(_first_speaker(window), f"Name {next(names)}"),
        "rename a recording": lambda: workspace.rename(f"Title {next(names)}"),
        "make the window wider": lambda: window.resize(1280 + next(names), 800),
        "the transcribe dialog": lambda: TranscribeDialog(workspace, None, window).show(),
        "the settings": lambda: SettingsDialog(workspace, window).show(),
        "the keys": lambda: KeysDialog(workspace, window.actions_by_name, window).show(),
        "the export dialog": lambda: ExportDialog(workspace, window).show(),
        "remove a transcript": lambda: workspace.remove_transcript(_shown(window)),
        "remove a recording": lambda: workspace.put_in_bin([other]),
    }


def _first_speaker(window: MainWindow) -> int:
    assert window.workspace.document is not None
    return next(iter(window.workspace.document.speakers))


def _shown(window: MainWindow) -> int:
    assert window.workspace.document is not None
    return window.workspace.document.transcript.id


def long_recording(library: Library, mark: str = "a",
                   change: Callable[[Segment], Segment] = lambda segment: segment) -> Recording:
    """Rows as an import and a transcription would leave them; the sound is a made pyramid and a short copy."""
    document = documents.document(fixtures.LONGEST, _SEGMENTS)
    folder = paths.data_folder() / "recordings" / mark
    folder.mkdir(parents=True)
    (folder / "original.wav").write_bytes(b"")
    recording = library.add_recording(title=f"Long {mark}", folder=folder.name, original="original.wav",
                                      sha256=mark * 64, byte_count=0)
    library.set_prepared(recording.id, duration=fixtures.LONGEST, sample_rate=48_000, channels=2, problem="")
    transcript = library.add_transcript(recording.id, engine="device", model="none",
                                        time_range=TimeRange(0, fixtures.LONGEST))
    library.add_segments(transcript.id, ((document.speaker_name(s), change(s)) for s in document.segments))
    cache = CacheFiles(paths.cache_folder(), recording.sha256)
    cache.peaks.parent.mkdir(parents=True, exist_ok=True)
    documents.peaks(fixtures.LONGEST).save(cache.peaks)
    _copy_of_sound(cache.copy)
    return library.recording(recording.id)


def _copy_of_sound(path: Path) -> None:
    import soundfile

    with soundfile.SoundFile(path, "w", 16_000, 1, format="FLAC") as file:
        for _ in range(60):
            file.write([0.0] * 16_000)


def wait(seconds: float) -> None:
    """Let the window live for a while."""
    loop = QEventLoop()
    QTimer.singleShot(int(1000 * seconds), loop.quit)
    loop.exec()


if __name__ == "__main__":
    main()
