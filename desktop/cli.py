"""The command line: the same use cases without a window. Progress on stderr, results on stdout. No Qt."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from desktop import environment, settings
from desktop.api_key import ApiKey, KeyReading, KeyState
from desktop.errors import Cancelled, KeyStoreError, PullquoteError, UserError
from desktop.model import (
    MOST_HEARD,
    JobState,
    Progress,
    Protection,
    Recording,
    TimeRange,
    TranscriptDocument,
    clock,
    ignore_progress,
    parse_clock,
)

if TYPE_CHECKING:
    from desktop.library import Library

DONE, FAILED, USAGE, PARTLY, STOPPED = 0, 1, 2, 3, 130
COMMANDS = ("transcribe", "import", "import-transcript", "ask", "count", "translate", "key", "ledger", "protect",
            "record", "library")
stopping = threading.Event()
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Options: TypeAlias = argparse.Namespace


def say(*columns: str) -> None:
    """A line of the result; columns have tabs between them."""
    print("\t".join(columns))


def warn(sentence: str) -> None:
    """A line beside the result."""
    print(sentence, file=sys.stderr)


def main(arguments: Sequence[str], environment_key: str) -> int:
    """Run one command. `environment_key` is GEMINI_API_KEY as it was before it was removed from the environment."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options, environment_key))
    except (KeyboardInterrupt, Cancelled):
        print("Stopped.", file=sys.stderr)
        return STOPPED
    except PullquoteError as error:
        print(error.sentence, file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of our output went away
        return FAILED


def demo() -> int:
    """No display and no key: transcribe the sample on the device and print it, with the known-good text beside it."""
    from desktop.sample import SAMPLE, TITLE, reference_segments

    print(f"{TITLE}. No display was found, so this is the main job without a window:\n")
    print("On device, starter model tiny.en (it cannot tell speakers apart):", flush=True)
    code = main(["transcribe", str(SAMPLE), "--engine", "device"], "")
    print("\nFor comparison, the known-good transcript:")
    for name, segment in reference_segments():
        print(f"[{clock(segment.start)}] {name}: {segment.text}")
    return code


def _parser() -> argparse.ArgumentParser:
    from desktop import cli_gemini, cli_library, cli_record

    parser = argparse.ArgumentParser(prog="pullquote", description="From interview to quote you can stand behind.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_transcribe(commands)
    _add_archive(commands)
    _add_import(commands)
    cli_gemini.add(commands)
    _add_key(commands)
    _add_ledger(commands)
    cli_record.add(commands)
    cli_library.add(commands)
    return parser


def _add_transcribe(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("transcribe", help="turn recordings into transcripts")
    command.set_defaults(run=_transcribe)
    command.add_argument("files", nargs="+", metavar="FILE", type=source_of, help="a file, a folder, or the address of "
                         "a public video on YouTube")
    command.add_argument("--engine", choices=("gemini", "device"), help="default: gemini with a key, else device")
    command.add_argument("--model", default="", help="a Gemini model, or the size of an on-device model")
    command.add_argument("--range", dest="time_range", type=time_range_of, metavar="02:30-03:29")
    command.add_argument("--language", default="", metavar="es", help="the language spoken; default: detect")
    command.add_argument("--translate-to", default=None, metavar="en|none")
    command.add_argument("--speakers", type=_speaker_count, metavar="N", help="how many people speak")
    command.add_argument("--vocabulary", type=Path, metavar="FILE", help="names and terms, one a line; default: those "
                         "of the recording's project (with --keep)")
    command.add_argument("--as-printed", action="store_true", help="ask a general model with the prompt and schema of "
                         "Google's audio page")
    command.add_argument("--smooth", action="store_true", help="leave out ums and false starts (not to quote from); "
                         "needs a transcribing model")
    command.add_argument("--output", default="-", metavar="PATH|-", help="a file, a folder, or - for stdout")
    command.add_argument("--no-emotion", dest="emotion", action="store_false", help="do not ask for emotions")
    command.add_argument("--keep", action="store_true", help="keep recording and transcript in the library")
    add_format(command)


def add_format(command: argparse.ArgumentParser) -> None:
    """What the result looks like; the window offers the same, and PDF."""
    from desktop.exports import FORMATS, Options

    shown, limits = Options(), command.add_argument_group("subtitles (0: no limit)")
    command.add_argument("--format", choices=tuple(FORMATS), default="txt", help="PDF is made in the window only")
    command.add_argument("--no-timecodes", dest="timecodes", action="store_false", help="write no times")
    command.add_argument("--no-names", dest="names", action="store_false", help="write no names of speakers")
    command.add_argument("--show-language", action="store_true", help="write the language of each line")
    command.add_argument("--translation", choices=("below", "beside", "none"), default=shown.translation)
    command.add_argument("--emotions", action="store_true", help="write emotions too (the machine's opinion)")
    command.add_argument("--clean", action="store_true", help="lightly cleaned: without ums and stumbles")
    for flag, usual, what in (("--line-length", shown.line_length, "letters in a line"),
                              ("--lines-per-cue", shown.lines_per_cue, "lines at a time"),
                              ("--cue-seconds", shown.cue_seconds, "the longest time on the screen"),
                              ("--reading-speed", shown.reading_speed, "letters a second")):
        limits.add_argument(flag, type=limit_of, default=usual, metavar="N", help=f"{what}; default: {usual:g}")


def limit_of(text: str) -> int:
    if not text.isdecimal() or int(text) > 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number up to 1000")
    return int(text)


def _add_archive(commands: Commands) -> None:
    command = commands.add_parser("import", help="bring a folder, and the folders in it, into the library; what is "
                                  "here already is skipped, and a stopped import goes on")
    command.set_defaults(run=_import_archive)
    command.add_argument("folder", metavar="FOLDER", type=Path)
    project = command.add_mutually_exclusive_group()
    project.add_argument("--project", default="", metavar="NAME", help="one project for all; default: one for each "
                         "folder in it")
    project.add_argument("--no-projects", action="store_true", help="make no projects")
    command.add_argument("--no-dates", dest="dates", action="store_false", help="do not take the day of recording from "
                         "names and dates of files")


def _add_import(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("import-transcript", help="lay a transcript made elsewhere onto a recording in the "
                                  "library")
    command.set_defaults(run=_import_transcript)
    command.add_argument("file", metavar="RECORDING", type=Path, help="the audio file that was imported")
    command.add_argument("transcript", metavar="FILE", type=Path, help="srt, vtt, sbv, otr or json")


def _add_key(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("key", help="the Gemini key in the system's key store")
    command.set_defaults(run=_key)
    command.add_argument("what", choices=("set", "test", "forget", "where"))


def _add_ledger(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("ledger", help="what of your recordings left this computer")
    command.set_defaults(run=_ledger)
    command = commands.add_parser("protect", help="whether a recording of the library may be sent")
    command.set_defaults(run=_protect)
    command.add_argument("file", metavar="FILE", type=Path, help="the file that was imported")
    command.add_argument("level", choices=[level.value for level in Protection])


def sound_file(text: str) -> Path:
    if Path(text).suffix.lower() not in (".flac", ".wav"):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .flac or .wav")
    return Path(text)


@dataclass(frozen=True)
class _Address:
    """The address of a video where a file is expected."""

    address: str

    @property
    def name(self) -> str:
        return f"YouTube {self.address[-11:]}"

    stem = name


def source_of(text: str) -> Path | _Address:
    """A file, a folder, or a video."""
    from desktop.videos import is_address, video_address

    if not is_address(text):
        return Path(text)
    try:
        address = video_address(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(error.sentence) from None
    return _Address(address)


def take_in(library: Library, cache: Path, source: Path | _Address, show: Stderr) -> Recording:
    """The recording, imported if it was not here."""
    from desktop.importing import import_audio
    from desktop.videos import add_video

    if isinstance(source, _Address):
        return add_video(library, source.address).recording
    return import_audio(library, cache, source, show.report).recording


def time_range_of(text: str) -> TimeRange:
    try:
        start, end = (parse_clock(piece) for piece in text.replace("–", "-").split("-"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a range; write it as 02:30-03:29") from None
    if end <= start:
        raise argparse.ArgumentTypeError(f"the range {text!r} ends before it starts")
    return TimeRange(start, end)


def _speaker_count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 8:
        raise argparse.ArgumentTypeError("the number of speakers goes from 1 to 8")
    return int(text)


def _transcribe(options: argparse.Namespace, environment_key: str) -> int:
    url = environment.service_url()
    key = environment_key or ("" if options.engine == "device" else ApiKey().read().key)
    engine = options.engine or ("gemini" if key else "device")
    if engine == "gemini" and not key:
        raise UserError("No Gemini key is set. Set one with 'pullquote key set', or use --engine device.")
    options.files = _files(options.files)
    targets = _targets(options)
    options.terms = _terms(options.vocabulary)
    if engine == "gemini":
        what = "address" if all(isinstance(file, _Address) for file in options.files) else "audio"
        print(f"The {what} is sent to {url.split('/')[2]}.", file=sys.stderr)
    with stopping_softly(), open_library(options.keep) as (library, cache), ledger_beside(
            engine == "gemini" and not options.keep) as ledger:
        codes = {_one_file(options, file, engine, key, url, library, cache, targets.get(file), ledger)
                 for file in options.files}
    return codes.pop() if len(codes) == 1 else PARTLY


def _terms(file: Path | None) -> tuple[str, ...] | None:
    if file is None:
        return None
    try:
        return tuple(line.strip() for line in file.read_text("utf-8").splitlines() if line.strip())
    except (OSError, ValueError) as error:
        raise UserError("{path} cannot be read as a list of names ({reason}). It must be text in UTF-8, one name a "
                        "line.", path=file, reason=getattr(error, "strerror", "") or "not UTF-8") from error


def _files(paths: list[Path | _Address]) -> list[Path | _Address]:
    """The files and videos named, and the audio files in the folders named."""
    from desktop.importing import audio_files_in

    files: list[Path | _Address] = []
    for path in paths:
        files += [path] if isinstance(path, _Address) else audio_files_in([path])
    if not files:
        raise UserError("There is no audio file in {folder}. Name a file, or another folder.", folder=paths[0])
    return files


def _one_file(options: argparse.Namespace, file: Path | _Address, engine_name: str, key: str, url: str,
              library: Library, cache: Path, target: Path | None, ledger: Library | None) -> int:
    from desktop.audio.cache import CacheFiles
    from desktop.audio.peaks import Peaks
    from desktop.clipping import silenced
    from desktop.doubts import speech_without_text
    from desktop.engines import make_engine
    from desktop.sending import LibraryGate, manner_of
    from desktop.transcription import Options, run_job, start_job

    show = Stderr(file.name)
    saved = settings.load(settings_path())
    try:
        recording = take_in(library, cache, file, show)
        if not options.keep:
            take_marks(library, recording, sends=engine_name == "gemini")
        model = saved.gemini_model if recording.address and not options.model else _model(
            options.model, engine_name, saved)
        engine = make_engine(engine_name, model, key=key, url=url,
                             gate=LibraryGate(library, recording.id, consent=True, ledger=ledger),
                             manner=manner_of(replace(saved, as_printed=saved.as_printed or options.as_printed)))
        job = start_job(library, cache, recording, engine, Options(
            engine_name, model, options.time_range, options.language, _translate_to(options, engine_name),
            options.speakers, emotion=options.emotion, vocabulary=options.terms, is_smooth=options.smooth))
    except PullquoteError as error:
        if isinstance(error, Cancelled) or stopping.is_set():  # Ctrl+C ends our child, too: no fault of the file
            raise Cancelled from None
        show.failed(error.sentence)
        return FAILED
    problem = ""
    if recording.duration > MOST_HEARD and engine_name == "gemini":
        print("It is longer than the 9.5 hours that Gemini hears at a time; it is sent in parts and joined here.",
              file=sys.stderr)
    try:
        job = run_job(library, cache, job.id, engine, show.report)
        problem = job.problem if job.state is not JobState.DONE else ""
    except (KeyboardInterrupt, Cancelled):
        if not options.keep:
            write_document(library.document(job.transcript_id), options, target, only_if_any=True)
        raise
    except PullquoteError as error:
        problem = error.sentence
    document = library.document(job.transcript_id)
    show.clear()
    gaps = () if recording.address else speech_without_text(
        silenced(Peaks.load(CacheFiles(cache, recording.sha256).peaks), document.desk.off_record), document)
    return _result(document, problem or recording.problem, bool(problem), options, target, show, gaps)


def _model(wanted: str, engine: str, saved: settings.Settings) -> str:
    """The model that was named, else the best that is known to be open to the key."""
    if engine != "gemini":
        return wanted or saved.device_model
    if "transcribe" in wanted and " + " not in wanted:
        return f"{wanted} + {saved.gemini_model}"
    return wanted or saved.two_hearings or saved.gemini_model


def take_marks(library: Library, recording: Recording, *, sends: bool) -> None:
    """What is marked on this sound in the user's library holds outside it: “never upload”, and off the record."""
    from desktop.paths import data_folder
    from desktop.sending import carry_withheld, check_file

    if (data_folder() / "library.db").exists():
        with open_library(keep=True, writes=False) as (known, _):
            if sends:
                check_file(known, recording.sha256)
            carry_withheld(known, library, recording)


def _result(document: TranscriptDocument, problem: str, failed: bool, options: argparse.Namespace,
            target: Path | None, show: Stderr, gaps: Sequence[TimeRange]) -> int:
    if failed and not document.segments:
        show.failed(problem)
        return FAILED
    write_document(document, options, target)
    if problem:
        show.failed(problem)
    for gap in document.transcript.missing:
        show.failed(f"Missing: {clock(gap.start)} to {clock(gap.end)}.")
    for gap in gaps:
        show.failed(f"Speech without text: {clock(gap.start)} to {clock(gap.end)}.")
    return PARTLY if failed or document.transcript.missing else DONE


def write_document(document: TranscriptDocument, options: argparse.Namespace, target: Path | None,
           only_if_any: bool = False) -> None:
    from desktop.exporting import render, write
    from desktop.exports import Options

    if only_if_any and not document.segments:
        return
    content = render(document, options.format, Options(
        options.timecodes, options.names, options.show_language, options.translation, options.emotions, options.clean,
        options.line_length, options.lines_per_cue, options.cue_seconds, options.reading_speed))
    if target is None:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    else:
        write(content, target)


def _targets(options: argparse.Namespace) -> dict[Path | _Address, Path]:
    """Where each file's result goes; nothing for standard output. UserError before any work is done."""
    from desktop.exports import FORMATS

    kind = FORMATS[options.format]
    if options.output == "-":
        if not kind.is_text and (sys.stdout.isatty() or len(options.files) > 1):
            raise UserError("{title} is not text to print. Name a file or a folder with --output.", title=kind.title)
        return {}
    output = Path(options.output)
    if output.is_dir():
        targets = {file: output / f"{file.stem}.{kind.ending}" for file in options.files}
        if len(set(targets.values())) < len(options.files):
            raise UserError("Two of the files have the same name, so one result would overwrite the other. Transcribe "
                            "them one after the other.")
    elif len(options.files) > 1:
        raise UserError("--output must be a folder that exists when there are several files.")
    else:
        targets = {options.files[0]: output}
    for target in targets.values():
        if target.exists():
            raise UserError("{path} exists already and was not overwritten. Choose another name.", path=target)
        if not target.parent.is_dir():
            raise UserError("The folder {path} does not exist. Make it first, or choose another.", path=target.parent)
    return targets


def _translate_to(options: argparse.Namespace, engine: str) -> str:
    if engine == "device":
        return ""
    wanted = options.translate_to if options.translate_to is not None else settings.load(settings_path()).translate_to
    return "" if wanted == "none" else str(wanted)


@contextlib.contextmanager
def stopping_softly() -> Iterator[None]:
    """Ctrl+C ends the work at its next report, so that no child and no half-made file is left; twice ends at once."""
    def stop(*_: object) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()

    stopping.clear()
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def open_library(keep: bool, writes: bool = True) -> Iterator[tuple[Library, Path]]:
    """The user's library, or one that is gone afterwards; an open window bars only who `writes`."""
    from desktop.library import Library
    from desktop.paths import cache_folder, data_folder
    from desktop.places import require_local

    if keep:
        require_local(data_folder())
        if writes and window_is_open(data_folder()):
            raise UserError("Pullquote's window is open on this library, and only one program may write to it. Close "
                            "the window, or leave out --keep and import in the window.")
        library = Library(data_folder())
        try:
            yield library, cache_folder()
        except PullquoteError:
            raise
        except Exception as error:  # a damaged row may make anything fail that reads it
            refuse_damaged(library, error)
            raise
        finally:
            if writes:
                _write_own_files(library)
            library.close()
            _trim(cache_folder())
        return
    with tempfile.TemporaryDirectory(prefix="pullquote-") as folder:
        library = Library(Path(folder) / "data")
        try:
            yield library, Path(folder) / "cache"
        finally:
            library.close()


def refuse_damaged(library: Library, error: Exception | None = None) -> None:
    """LibraryDamaged when the database is: then what went wrong, or was not found, says nothing."""
    from desktop.library import upkeep
    from desktop.library.store import LibraryDamaged

    if found := upkeep.problems(library.folder / "library.db"):
        raise LibraryDamaged(library.folder, found[0]) from error


def _write_own_files(library: Library) -> None:
    """What was changed, into recording.json beside the sound; what cannot be written now is at the next start."""
    from desktop.beside import write_changed

    with contextlib.suppress(OSError, PullquoteError):
        write_changed(library, ignore_progress)


@contextlib.contextmanager
def ledger_beside(wanted: bool) -> Iterator[Library | None]:
    """The user's library, for the lines about a recording that is not kept in it."""
    from desktop.library import Library
    from desktop.paths import data_folder

    if not wanted:
        yield None
        return
    ledger = Library(data_folder())
    try:
        yield ledger
    finally:
        ledger.close()


def window_is_open(folder: Path) -> bool:
    """Whether the process named in the window's lock file (ui/single_instance.py) is running."""
    try:
        process = int((folder / "pullquote.lock").read_text("utf-8").split()[0])
        if os.name == "posix":
            os.kill(process, 0)
    except PermissionError:
        return True  # on Windows the lock of a running window cannot be read
    except (OSError, ValueError, IndexError):
        return False
    return True


def _trim(cache: Path) -> None:
    from desktop.importing import trim_cache

    trim_cache(cache, int(settings.load(settings_path()).cache_gigabytes * 1e9), keep=())


def settings_path() -> Path:
    from desktop.paths import settings_file

    return settings_file()


def _key(options: argparse.Namespace, environment_key: str) -> int:
    store = ApiKey()
    if options.what == "where":
        print(store.where())
        return DONE
    if options.what == "forget":
        left = store.forget()
        print(left.sentence, file=sys.stdout if left.state is KeyState.MISSING else sys.stderr)
        return DONE if left.state is KeyState.MISSING else FAILED
    if options.what == "set":
        return _set_key(store)
    return _test_key(environment_key or store.read().key)


def clear_uploads(library: Library, key: str, url: str) -> None:
    """What an earlier run could not remove from the service; an open window sees to its own."""
    from desktop.paths import data_folder
    from desktop.sending import clear_remote

    if not window_is_open(data_folder()) and (left := clear_remote(library, key, url)):
        print(f"{left} uploaded files are still stored at {url.split('/')[2]} and could not be removed yet; the next "
              "run tries again, and the service removes them after 48 hours.", file=sys.stderr)


def _ledger(options: argparse.Namespace, environment_key: str) -> int:
    from desktop import ledger

    with open_library(keep=True, writes=False) as (library, _):
        sendings = library.sendings()
        titles = {recording.id: recording.title for recording in (*library.recordings(), *library.binned())}
    print("\t".join(("when (UTC)", "recording", "what", "part", "size", "model", "where to", "ended", "tokens in",
                     "tokens out", "cost", "stored")))
    for s in sendings:
        title = titles.get(s.recording_id or 0, "(removed)")
        print("\t".join((s.at[:16].replace("T", " "), title, s.cargo.purpose, ledger.what(s),
                         ledger.size(s.cargo.byte_count), s.cargo.model, s.cargo.host, s.outcome,
                         str(s.usage.input_tokens), str(s.usage.output_tokens), ledger.money(s.cost),
                         ledger.stored(s) or "not stored")))
    by_recording = [ledger.add_up(titles.get(number, "(removed)") if number else "(not kept)",
                                  [s for s in sendings if s.recording_id == number])
                    for number in dict.fromkeys(s.recording_id for s in sendings)]
    for total in (*by_recording, *ledger.by_month(sendings)):
        print(f"{total.name}: {total.requests} requests, {ledger.size(total.byte_count)}, "
              f"{total.input_tokens + total.output_tokens} tokens, about {ledger.money(total.cost)}")
    return DONE


def _import_transcript(options: argparse.Namespace, environment_key: str) -> int:
    from desktop.fitting import TIME_UNSURE
    from desktop.transcript_files import add

    with open_library(keep=True) as (library, _):
        recording = kept_recording(library, options.file)
        document = library.document(add(library, recording, options.transcript))
    doubtful = sum(TIME_UNSURE in segment.flags for segment in document.segments)
    print(f"{recording.title}: {len(document.segments)} lines, {len(document.speakers)} speakers" + (
        f", {doubtful} with times that are unsure" if doubtful else ""))
    return DONE


def kept_recording(library: Library, path: Path) -> Recording:
    """The recording of the library that was made from this file."""
    import hashlib

    try:
        with open(path, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError("{path} cannot be read ({reason}).", path=path, reason=error.strerror or "unknown") from error
    recording = library.recording_with_hash(sha256)
    if recording is None:
        raise UserError("{path} is not in the library. Import it first, or use 'transcribe --keep'.", path=path)
    return recording


def _protect(options: argparse.Namespace, environment_key: str) -> int:
    with open_library(keep=True) as (library, _):
        recording = kept_recording(library, options.file)
        library.set_protection(recording.id, Protection(options.level))
    print(f"{recording.title}: {options.level}")
    return DONE


def _import_archive(options: argparse.Namespace, environment_key: str) -> int:
    from desktop.archives import FOLDERS, NONE, ONE, Choices, import_archive, look_through, report_lines

    choices = Choices(ONE if options.project else NONE if options.no_projects else FOLDERS, options.project,
                      options.dates)
    show = Stderr(options.folder.name)
    with stopping_softly(), open_library(keep=True) as (library, cache):
        archive = look_through(library, cache, options.folder.absolute(), show.report)
        outcome = import_archive(library, cache, archive, choices, show.report, lambda: _trim(cache))
    show.clear()
    print("\n".join(report_lines(outcome)))
    if outcome.problem:
        return FAILED
    return STOPPED if outcome.left else PARTLY if outcome.failed else DONE


def _set_key(store: ApiKey) -> int:
    if sys.stdin.isatty():
        key = getpass.getpass("Paste your Gemini key (it is not shown): ")
    else:
        key = sys.stdin.readline()
    reading: KeyReading = store.store(key)
    if reading.state is KeyState.STORED:
        print(reading.sentence)
        print("Try it with 'pullquote key test', which also finds the best model for transcripts.", file=sys.stderr)
        return DONE
    raise KeyStoreError(reading.state, "The key was not stored. {reason} GEMINI_API_KEY in the environment works for "
                                       "the command line.", reason=reading.sentence)


def _test_key(key: str) -> int:
    if not key:
        raise UserError("No Gemini key is set. Set one with 'pullquote key set'.")
    from desktop.engines.gemini import list_models

    models = list_models(key, environment.service_url(), ignore_progress)
    saved = replace(settings.load(settings_path()), known_models=tuple(models[:500]))
    settings.save(settings_path(), saved)
    print(f"The key works; it may use {len(models)} models.")
    print(f"Transcripts are made with {saved.two_hearings}." if saved.two_hearings else
          f"It may not use {settings.WORDS_MODEL}, so {saved.gemini_model} hears the words.")
    return DONE


class Stderr:
    """Progress on stderr: one line that is rewritten on a terminal, one line per change elsewhere."""

    def __init__(self, name: str) -> None:
        self._name = "".join(c if c.isprintable() else "?" for c in name)
        self._last = ""
        self._tty = sys.stderr.isatty()

    def report(self, progress: Progress) -> None:
        if stopping.is_set():
            raise Cancelled
        if progress.sentence == self._last and not self._tty:
            return
        self._last = str(progress.sentence)
        line = f"{self._name}: {progress.fraction:4.0%}  {progress.sentence}"
        print(f"\r\x1b[K{line}" if self._tty else line, end="" if self._tty else "\n", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._tty:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def failed(self, sentence: str) -> None:
        self.clear()
        print(f"{self._name}: {sentence}", file=sys.stderr)
