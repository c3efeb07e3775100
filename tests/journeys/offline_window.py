"""Run by test_offline_window.py without any network: start, browse, play, export, close. Prints what it did."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer

from desktop import environment


def main() -> None:
    environment.scrub()
    from desktop.exporting import render, write
    from desktop.library import Library
    from desktop.paths import data_folder
    from desktop.ui.application import after_first_paint, make_application, make_window

    make_application()
    window = make_window(Library(data_folder()))
    window.show()
    after_first_paint(window, [])
    workspace = window.workspace

    def wait(ready: object) -> None:
        loop, timer = QEventLoop(), QTimer()
        timer.timeout.connect(lambda: loop.quit() if ready() else None)  # type: ignore[operator]
        timer.start(10)
        QTimer.singleShot(30_000, loop.quit)
        loop.exec()
        assert ready()  # type: ignore[operator]

    wait(lambda: workspace.document is not None and workspace.player.can_play and workspace.key_reading is not None)
    print("browsed", len(workspace.document.segments) if workspace.document else 0)
    workspace.player.play(4.0)
    wait(lambda: workspace.player.position() > 4.3)
    print("played")
    assert workspace.document is not None
    write(render(workspace.document, "vtt"), Path(sys.argv[1]))
    print("exported")
    window.close()


main()
