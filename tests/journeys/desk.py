"""A program without a window that does what the window does: import, transcribe in short parts, continue at a start.

python -m tests.journeys.desk URL [FILE]; what happens is said on standard error, one line for each report.
"""

from __future__ import annotations

import sys
from pathlib import Path

from desktop import environment
from desktop.engines.gemini import GeminiEngine
from desktop.engines.gemini_service import Service
from desktop.errors import PullquoteError
from desktop.importing import import_audio, sweep
from desktop.library import Library
from desktop.model import Progress
from desktop.paths import cache_folder, data_folder
from desktop.sending import LibraryGate
from desktop.transcription import Options, run_job, start_job

LONGEST = 40.0  # seconds of a part, so that three minutes have several


def say(progress: Progress) -> None:
    print(f"{progress.fraction:.2f} {progress.sentence}", file=sys.stderr, flush=True)


def main(url: str, files: list[str]) -> int:
    key = environment.scrub()
    environment.harden()
    library = Library(data_folder())
    library.pause_running_jobs()
    sweep(library, cache_folder())
    engine = GeminiEngine("gemini-3.8-flash", Service(key, url, LibraryGate(library, 1, consent=True)))
    engine.longest_part = LONGEST
    for file in files:
        recording = import_audio(library, cache_folder(), Path(file), say).recording
        start_job(library, cache_folder(), recording, engine, Options("gemini", engine.model, translate_to="en"))
    try:
        for job in library.unfinished_jobs():
            run_job(library, cache_folder(), job.id, engine, say)
    except PullquoteError as error:
        print(error.sentence, file=sys.stderr)
        return 1
    finally:
        library.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
