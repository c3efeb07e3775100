"""`pullquote record`: record from a terminal, and bring in what a crash left."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from desktop import cli
from desktop.cli import DONE
from desktop.errors import UserError
from desktop.model import clock
from desktop.terminal import keys

if TYPE_CHECKING:
    from desktop.library import Library
    from desktop.recording.control import Recorder
    from desktop.recording.messages import Status


def add(commands: cli.Commands) -> None:
    command = commands.add_parser("record", help="record until Ctrl+C, into the library or a file")
    command.set_defaults(run=_record)
    command.add_argument("--device", default="", metavar="NAME", help="as --devices shows it; default: the system's")
    command.add_argument("--devices", action="store_true", help="only show what can be recorded from")
    command.add_argument("--channels", choices=("mono", "stereo", "two"), default="mono",
                         help="two: two microphones as two tracks")
    command.add_argument("--title", default="", help="in the library")
    command.add_argument("--output", type=cli.sound_file, metavar="FILE", help="a .flac or .wav instead of the library")
    command.add_argument("--recover", action="store_true", help="only bring in what a crash left behind")


def _record(options: cli.Options, environment_key: str) -> int:
    from desktop.paths import data_folder
    from desktop.recording.control import Recorder, devices, new_folder
    from desktop.recording.recovery import write_file

    if options.devices:
        for device in devices():
            print(f"{device.name}\t{device.id.partition(':')[2]}\t{'what this computer plays' * device.is_monitor}")
        return DONE
    target: Path | None = options.output
    if target is not None and (target.exists() or not target.parent.is_dir()):
        raise UserError("{path} exists already, or its folder does not. Choose another name.", path=target)
    with cli.stopping_softly(), ExitStack() as stack:
        # Here, so that it is refused before and not after the interview.
        kept = None if target else stack.enter_context(cli.open_library(keep=True))
        if not options.recover:
            recorder = Recorder(new_folder(data_folder() / "recordings"), options.device, title=options.title,
                                channels=1 if options.channels == "mono" else 2)
            recorder.require_started()
            with _session_ending() as ended:
                _watch(recorder)
            if ended:
                print("The recording is finished. Bring it in with 'pullquote record --recover'.", file=sys.stderr)
                return 128 + ended[0]
            cli.stopping.clear()  # a second Ctrl+C stops the conversion; the sound stays
        show = cli.Stderr(target.name if target else "recording")
        if target is not None:
            write_file(recorder.folder, target, show.report)
            show.clear()
            print(target)
        elif kept is not None:
            _keep_recordings(*kept, show, None if options.recover else recorder.folder)
    return DONE


@contextmanager
def _session_ending() -> Iterator[list[int]]:
    """When the terminal closes or the user logs out, the recording ends as with Ctrl+C; gives the signals that came."""
    came: list[int] = []

    def note(number: int, _: object) -> None:
        came.append(number)
        cli.stopping.set()

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = [signal.signal(number, note) for number in numbers]
    try:
        yield came
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _watch(recorder: Recorder) -> None:
    """Show the recording until Ctrl+C or its end; an alarm is said, and rings."""
    from desktop.recording.messages import State

    print("Recording. m marks, o begins and ends what is off the record, p pauses, Ctrl+C stops.", file=sys.stderr,
          flush=True)
    said: tuple[str, ...] = ()
    with ExitStack() as stack, keys() as pressed:
        stack.callback(recorder.stop)  # also when the terminal is gone and takes no words any more
        while not cli.stopping.wait(0.2) and (status := recorder.status()).state not in (State.FINISHED, State.FAILED):
            sentences = tuple(map(str, recorder.sentences()))
            for sentence in sentences:
                if sentence not in said:
                    print(f"\a\r\x1b[K{sentence}" if sys.stderr.isatty() else sentence, file=sys.stderr, flush=True)
            said = sentences
            if status.state is State.LOST:
                recorder.restart()
            _obey(recorder, status, pressed())
            if sys.stderr.isatty():
                terms = ", OFF THE RECORD" if status.is_off_record else ""
                print(f"\r\x1b[K{clock(status.elapsed)} recorded, {clock(status.safe)} safe on the disk{terms}",
                      end="", file=sys.stderr, flush=True)
    status = recorder.wait(90)
    if status.state is not State.FINISHED:
        print("The recorder did not end by itself; what it wrote is safe.", file=sys.stderr)
    print(f"{clock(status.elapsed, tenths=True)} recorded.", file=sys.stderr, flush=True)


def _obey(recorder: Recorder, status: Status, key: str) -> None:
    """What a key does while it records."""
    from desktop.recording.messages import State

    said = ""
    if key.lower() == "m":
        recorder.mark()
        said = f"Marked at {clock(status.elapsed, tenths=True)}."
    elif key.lower() == "o":
        recorder.set_off_record(not status.is_off_record)
        said = "On the record again." if status.is_off_record else "Off the record from here on."
    elif key.lower() == "p":
        paused = status.state is State.PAUSED
        (recorder.resume if paused else recorder.pause)()
        said = "Going on." if paused else "Paused. p goes on."
    if said:
        print(f"\r\x1b[K{said}", file=sys.stderr, flush=True)


def _keep_recordings(library: Library, cache: Path, show: cli.Stderr, only: Path | None) -> None:
    """Bring one recording into the library, or all that were left behind; those without sound are only named."""
    from desktop.recording.recovery import keep, leftovers

    found = [leftover for leftover in leftovers(library.folder / "recordings")
             if only in (None, leftover.folder) and not leftover.is_running]
    for leftover in found:
        if leftover.problem:
            print(f"{leftover.folder} cannot be read ({leftover.problem}).", file=sys.stderr)
            continue
        if not leftover.seconds:
            print(f"{leftover.folder} holds no sound.", file=sys.stderr)
            continue
        recording = keep(library, cache, leftover.folder, show.report)
        show.clear()
        print(f"{recording.title}\t{clock(recording.duration, tenths=True)}")
