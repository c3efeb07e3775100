"""A program without a window that does what the window does at its start, then hears every job of a plan.

python -m tests.soak.child URL PLAN.json; what happens is said on standard error, one line for each report.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from desktop import environment, sending
from desktop.engines import gemini
from desktop.errors import Cancelled, PullquoteError
from desktop.importing import import_audio, sweep
from desktop.library import Library
from desktop.model import Job, Progress
from desktop.paths import cache_folder, data_folder
from desktop.transcription import run_job, start_job
from tests.soak.stand import Shape, engine_for
from tests.sounds import INTERVIEW

_stopping = threading.Event()


def report(progress: Progress) -> None:
    """One line; a stop is answered as the command line does."""
    if _stopping.is_set():
        raise Cancelled
    say(str(progress.sentence))


def say(line: str) -> None:
    os.write(2, f"{line}\n".encode())


def tidy(library: Library, key: str, url: str) -> None:
    """What the window does at its start."""
    library.pause_running_jobs()
    sending.sweep(library)
    sweep(library, cache_folder())
    clear_remote: Any = getattr(sending, "clear_remote", None)
    if clear_remote is not None:
        clear_remote(library, key, url)


def job_of(library: Library, recording_id: int, shape: Shape) -> Job | None:
    """The job that was made for this shape in an earlier life."""
    for transcript in library.transcripts(recording_id):
        if transcript.range == shape.options.time_range:
            return library.job_of_transcript(transcript.id)
    return None


def hear(library: Library, recording_id: int, shape: Shape, url: str) -> None:
    """Continue the shape's job as the window does, or start it."""
    engine = engine_for(library, recording_id, url, shape)
    job = job_of(library, recording_id, shape)
    if job is None:
        job = start_job(library, cache_folder(), library.recording(recording_id), engine, shape.options, report)
    if job in library.unfinished_jobs():
        run_job(library, cache_folder(), job.id, engine, report)
    else:
        engine.close()


def main(url: str, plan: dict[str, Any]) -> int:
    key = environment.scrub()
    environment.harden()
    signal.signal(signal.SIGINT, lambda *_: _stopping.set())
    if plan["inline_limit"]:
        gemini.INLINE_LIMIT = plan["inline_limit"]
    library = Library(data_folder())
    say("started")
    try:
        tidy(library, key, url)
        recording = import_audio(library, cache_folder(), INTERVIEW, report).recording
        for values in plan["shapes"]:
            hear(library, recording.id, Shape(*values), url)
        say("everything is done")
    except PullquoteError as error:
        say(f"ended with: {error.sentence}")
        return 130 if isinstance(error, Cancelled) else 1
    finally:
        library.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text("utf-8"))))
