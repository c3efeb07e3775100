"""`pullquote ask`, `count` and `translate`: what only Gemini does."""

from __future__ import annotations

import sys
from pathlib import Path

from desktop import cli, environment, settings
from desktop.api_key import ApiKey
from desktop.cli import DONE
from desktop.errors import UserError
from desktop.model import TimeRange, clock
from desktop.receipts import PRESETS, claims_of, shown, what_goes


def add(commands: cli.Commands) -> None:
    """Enter the commands."""
    _add_ask(commands)
    _add_count(commands)
    _add_translate(commands)


def _key_and_settings(environment_key: str) -> tuple[str, str, settings.Settings]:
    """Key, address of the service, settings. UserError without a key."""
    if not (key := environment_key or ApiKey().read().key):
        raise UserError("No Gemini key is set. Set one with 'pullquote key set'.")
    return key, environment.service_url(), settings.load(cli.settings_path())


def _add_ask(commands: cli.Commands) -> None:
    command = commands.add_parser("ask", help="ask Gemini about a recording; each sentence names its source")
    command.set_defaults(run=_ask)
    command.add_argument("file", metavar="FILE", type=cli.source_of,
                         help="a file, or the address of a video on YouTube")
    command.add_argument("questions", nargs="*", metavar="QUESTION", help="one or more; each knows those before it")
    command.add_argument("--preset", choices=tuple(PRESETS), help="a ready-made question")
    command.add_argument("--range", dest="time_range", type=cli.time_range_of, metavar="02:30-03:29")
    command.add_argument("--model", default="", help="a general Gemini model")
    command.add_argument("--keep", action="store_true", help="use the library, and keep recording and answer there")


def _add_count(commands: cli.Commands) -> None:
    command = commands.add_parser("count", help="how many tokens a recording is; uploads it, counts, and removes it")
    command.set_defaults(run=_count)
    command.add_argument("file", metavar="FILE", type=Path)
    command.add_argument("--range", dest="time_range", type=cli.time_range_of, metavar="02:30-03:29")
    command.add_argument("--model", default="", help="a general Gemini model")


def _add_translate(commands: cli.Commands) -> None:
    command = commands.add_parser("translate", help="translate the newest transcript of a recording in the library")
    command.set_defaults(run=_translate)
    command.add_argument("file", metavar="FILE", type=Path, help="the file that was imported")
    command.add_argument("--to", default="en", metavar="en", help="the language to translate into")
    command.add_argument("--range", dest="time_range", type=cli.time_range_of, metavar="02:30-03:29",
                         help="only the lines in it")
    command.add_argument("--output", default="-", metavar="PATH|-")
    cli.add_format(command)


def _ask(options: cli.Options, environment_key: str) -> int:
    """Over the words when the recording is in the library with a transcript (--keep), else over the sound."""
    from desktop.asking import ask
    from desktop.engines.gemini_answers import make
    from desktop.sending import LibraryGate

    questions = options.questions or ([PRESETS[options.preset][1]] if options.preset else [])
    if not questions:
        raise UserError("Write a question in quotes, or choose one with --preset.")
    key, url, saved = _key_and_settings(environment_key)
    with cli.stopping_softly(), cli.open_library(options.keep) as (library, cache), \
            cli.ledger_beside(not options.keep) as ledger:
        show = cli.Stderr(options.file.name)
        recording = cli.take_in(library, cache, options.file, show)
        if not options.keep:
            cli.take_marks(library, recording, sends=True)
        newest = next(iter(library.transcripts(recording.id)), None)
        document = library.document(newest.id) if newest else None
        about_sound = bool(options.preset and PRESETS[options.preset][2])
        goes = {"words": "the words of the transcript", "sound": "the sound", "both": "the words and the sound",
                "video": "the address of the video"}[what_goes(document, options.time_range, recording,
                                                              about_sound=about_sound)]
        print(f"The question is sent to {url.split('/')[2]}, with {goes}.", file=sys.stderr)
        answers = make(options.model or saved.gemini_model, key=key, url=url, style=saved.house_style,
                       gate=LibraryGate(library, recording.id, consent=True, ledger=ledger))
        try:
            thread = None
            for question in questions:
                thread = ask(library, cache, recording, answers, question, document=document, thread=thread,
                             time_range=options.time_range, report=show.report, about_sound=about_sound)
                show.clear()
                if len(questions) > 1:
                    print(f"\n{question}")
                for claim in shown(claims_of(thread.turns[-1]), library.desk(recording.id).off_record):
                    sources = ", ".join(clock(place.start) for place in claim.places) or "no source in the recording"
                    print(f"{claim.text} [{sources}]")
        finally:
            answers.close()
            cli.clear_uploads(ledger or library, key, url)
    return DONE


def _count(options: cli.Options, environment_key: str) -> int:
    """In a library that is thrown away; the lines about it go into the user's ledger."""
    from desktop import prices
    from desktop.counting import count_tokens
    from desktop.ledger import money
    from desktop.sending import LibraryGate

    key, url, saved = _key_and_settings(environment_key)
    show, model = cli.Stderr(options.file.name), options.model or saved.gemini_model
    print(f"The audio is sent to {url.split('/')[2]}, counted, and removed there.", file=sys.stderr)
    with cli.stopping_softly(), cli.open_library(keep=False) as (library, cache), cli.ledger_beside(True) as ledger:
        recording = cli.take_in(library, cache, options.file, show)
        cli.take_marks(library, recording, sends=True)
        try:
            tokens = count_tokens(library, cache, recording, model, options.time_range, key=key, url=url,
                                  gate=LibraryGate(library, recording.id, consent=True, ledger=ledger),
                                  report=show.report)
        finally:
            if ledger is not None:
                cli.clear_uploads(ledger, key, url)
        seconds = (options.time_range or TimeRange(0.0, recording.duration)).clamped(recording.duration).seconds
    show.clear()
    costs = prices.load().transcript_cost(model, seconds)
    print(f"{tokens} tokens of audio for {model}" + (
        f"; a transcript costs about {money(costs[0])} to {money(costs[1])}" if costs else ""))
    return DONE


def _translate(options: cli.Options, environment_key: str) -> int:
    """From the words of a transcript that is there; no sound is sent."""
    from desktop.engines.gemini_transcribe import make_reader
    from desktop.sending import LibraryGate
    from desktop.translating import translate

    key, url, saved = _key_and_settings(environment_key)
    show = cli.Stderr(options.file.name)
    with cli.stopping_softly(), cli.open_library(keep=True) as (library, _):
        recording = cli.kept_recording(library, options.file)
        newest = next(iter(library.transcripts(recording.id)), None)
        if newest is None:
            raise UserError("This recording has no transcript yet. Use 'transcribe --keep' first.")
        print(f"The words of the transcript are sent to {url.split('/')[2]}.", file=sys.stderr)
        reader = make_reader(saved.gemini_model, key=key, url=url, style=saved.house_style,
                             gate=LibraryGate(library, recording.id, consent=True))
        try:
            place = options.time_range
            only = None if place is None else [s.id for s in library.segments(newest.id)
                                               if s.end > place.start and s.start < place.end]
            library.add_version(newest.id, "translation")
            translate(library, newest.id, reader, options.to, show.report, only)
        finally:
            reader.close()
        document = library.document(newest.id)
    show.clear()
    cli.write_document(document, options, None if options.output == "-" else Path(options.output))
    return DONE
