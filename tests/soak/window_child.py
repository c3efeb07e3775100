"""The real window, off screen: it continues what is unfinished, and is closed by the user when SIGTERM arrives.

python -m tests.soak.window_child; says on standard error what the job reports.
"""

from __future__ import annotations

import os
import signal
import sys

from desktop import environment

from PySide6.QtCore import QTimer  # isort: skip


def main() -> int:
    key = environment.scrub()
    environment.harden()
    from desktop import paths
    from desktop.api_key import ApiKey
    from desktop.library import Library
    from desktop.ui.application import after_first_paint, end_work, make_application, make_window
    from desktop.ui.main_window import MainWindow

    MainWindow.may_stop_jobs = lambda self: True  # type: ignore[method-assign]  # "Quit now"
    application = make_application()
    library = Library(paths.data_folder())
    library.pause_running_jobs()
    store = ApiKey(lambda: None)
    store.keep_for_session(key)
    window = make_window(library, store)
    window.workspace.change_settings(privacy_accepted="2026-01-01", sample_offered=True)
    window.show()
    after_first_paint(window, [])
    window.workspace.jobs.progressed.connect(lambda entry: say(str(entry.sentence)))
    window.workspace.jobs.finished.connect(lambda recording, job: say(f"ended: {job.state}"))
    for job in library.unfinished_jobs():
        window.workspace.jobs.resume(job, consent=True)
    signal.signal(signal.SIGTERM, lambda *_: window.close())
    tick = QTimer()
    tick.timeout.connect(lambda: None)  # lets Python see the signal
    tick.start(10)
    say("started")
    code = int(application.exec())
    end_work(window)
    library.close()
    return code


def say(line: str) -> None:
    os.write(2, f"{line}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
