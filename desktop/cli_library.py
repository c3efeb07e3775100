"""`pullquote library …`: what is in the library, whether it is sound, and how to bring it back."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from desktop import cli
from desktop.cli import DONE, FAILED, PARTLY, say, warn
from desktop.errors import PullquoteError, UserError
from desktop.model import Recording, TranscriptDocument, clock

Verbs: TypeAlias = "argparse._SubParsersAction[_Verb]"


class _Verb(argparse.ArgumentParser):
    """One of which the words may begin with -, as in a search."""

    takes_minus = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """A blank before them keeps such words from being taken for options; the search does not mind it."""
        if self.takes_minus:
            args = [f" {word}" if word[:1] == "-" and word[1:2] not in ("", "-") and word != "-h" else word
                    for word in args]
        return super().parse_known_args(args, namespace)


def add(commands: cli.Commands) -> None:
    """Enter the command with its verbs."""
    command = commands.add_parser("library", help="what is in your library, whether it is sound, backups")
    verbs = command.add_subparsers(required=True, metavar="VERB", parser_class=_Verb)
    _add_search(verbs)
    _add_looking(verbs)
    _add_backups(verbs)
    _add_export(verbs)


def _add_search(verbs: Verbs) -> None:
    from desktop.search_query import HELP

    verb = verbs.add_parser("search", help="search everything; nothing that is off the record is found",
                            description=HELP)
    verb.takes_minus = True
    verb.set_defaults(run=_search)
    verb.add_argument("query", nargs="+", metavar="QUERY")
    verb.add_argument("--limit", type=cli.limit_of, default=50, metavar="N", help="hits, the newest first; default: 50")


def _add_looking(verbs: Verbs) -> None:
    verb = verbs.add_parser("list", help="the recordings, newest first")
    verb.set_defaults(run=_list)
    verb.add_argument("--json", action="store_true", help="as JSON, with everything that is noted about them")
    verb = verbs.add_parser("path", help="where the library is")
    verb.set_defaults(run=_path)
    verb = verbs.add_parser("check", help="whether everything is there and as it was written: 0 yes, 3 no, 1 the "
                            "database is damaged")
    verb.set_defaults(run=_check)
    verb.add_argument("--full", action="store_true", help="also read every original and backup, and compare what "
                      "every recording.json says")
    verb.add_argument("--repair", action="store_true", help="make the search index and recording.json anew where "
                      "that helps")


def _add_backups(verbs: Verbs) -> None:
    verb = verbs.add_parser("backup", help="back up the database (without sound), also while the window is open")
    verb.set_defaults(run=_backup)
    verb.add_argument("file", nargs="?", type=Path, metavar="FILE", help="default: among the automatic ones")
    verb = verbs.add_parser("restore", help="bring a backup back; the present database is kept under another name")
    verb.set_defaults(run=_restore)
    verb.add_argument("file", nargs="?", type=Path, metavar="BACKUP", help="without it, the backups are listed")
    verb.add_argument("--newer", action="store_true", help="but where a recording.json says something else, take that")
    verb = verbs.add_parser("rebuild", help="make the database anew from the recordings' folders",
                            description="Makes a new database from the originals and the recording.json beside each. "
                            "The old one need not be readable; it is kept under another name. Earlier versions of "
                            "transcripts are in backups only.")
    verb.set_defaults(run=_rebuild)


def _add_export(verbs: Verbs) -> None:
    verb = verbs.add_parser("export", help="write all transcripts as files; nothing that is off the record is in them")
    verb.set_defaults(run=_export)
    verb.add_argument("folder", type=Path, metavar="FOLDER", help="one that exists; nothing in it is replaced")
    cli.add_format(verb)


# -- looking ---------------------------------------------------------------------------------------------------


def _search(options: cli.Options, environment_key: str) -> int:
    """Recording, time, speaker, where it is and the words, in columns with tabs between them."""
    from desktop.searching import search

    limit = max(1, options.limit)
    with cli.stopping_softly(), cli.open_library(keep=True, writes=False) as (library, _):
        found = search(library, " ".join(options.query), cli.stopping.is_set, limit=limit)
        if not found.groups:
            cli.refuse_damaged(library)
    for note in found.notes:
        warn(note)
    hits = [(group.title, hit) for group in found.groups for hit in group.hits]
    for title, hit in hits[:limit]:
        say(title, clock(hit.start) if hit.has_time else "", hit.speaker, hit.kind.value, hit.words)
    if not hits:
        warn("Nothing was found.")
    elif found.before or len(hits) > limit:
        warn(f"These are {min(limit, len(hits))} of them; --limit shows more.")
    return DONE


def _list(options: cli.Options, environment_key: str) -> int:
    with cli.open_library(keep=True, writes=False) as (library, _):
        recordings = library.recordings()
        projects = {project.id: project.name for project in library.projects()}
    if options.json:
        say(json.dumps([_facts(recording, projects.get(recording.project_id or 0, "")) for recording in recordings],
                       ensure_ascii=False, indent=2))
        return DONE
    for recording in recordings:
        transcripts = "1 transcript" if recording.transcript_count == 1 else f"{recording.transcript_count} transcripts"
        say((recording.recorded_on or recording.imported_at)[:10], recording.title,
            clock(recording.duration) if not recording.address else "YouTube", transcripts,
            projects.get(recording.project_id or 0, ""), ", ".join(recording.tags))
    if not recordings:
        warn("The library is empty.")
    return DONE


def _facts(recording: Recording, project: str) -> dict[str, object]:
    return {"title": recording.title, "date": recording.recorded_on, "place": recording.place, "project": project,
            "people": list(recording.people), "tags": list(recording.tags), "notes": recording.notes,
            "seconds": recording.duration, "transcripts": recording.transcript_count, "checked": recording.is_checked,
            "protection": recording.protection.value, "imported_at": recording.imported_at,
            "sha256": recording.sha256, "address": recording.address, "folder": recording.folder,
            "original": recording.original, "problem": recording.problem}


def _path(options: cli.Options, environment_key: str) -> int:
    from desktop.paths import data_folder

    say(str(data_folder()))
    return DONE


def _check(options: cli.Options, environment_key: str) -> int:
    from desktop.library_check import Kind, findings, repair

    show = cli.Stderr("library")
    with cli.stopping_softly(), cli.open_library(keep=True, writes=options.repair) as (library, _):
        found = list(findings(library, show.report, full=options.full))
        show.clear()
        for finding in found:
            say(f"{finding.title}: {finding.sentence}" if finding.title else finding.sentence)
        if options.repair and found:
            found = repair(library, found, show.report)
            show.clear()
            warn(f"Repaired what can be made anew; {len(found)} left.")
    if any(finding.kind is Kind.DATABASE for finding in found):
        return FAILED
    if not found:
        warn("The library is sound.")
    return PARTLY if found else DONE


# -- backups ---------------------------------------------------------------------------------------------------


def _backup(options: cli.Options, environment_key: str) -> int:
    from desktop import backups

    folder = _existing()
    if options.file is None:
        say(str(backups.make(folder).file))
    else:
        backups.copy_to(folder, options.file)
        say(str(options.file))
    return DONE


def _restore(options: cli.Options, environment_key: str) -> int:
    from desktop import backups

    if options.file is None:
        return _list_backups()
    with _alone() as folder:
        show = cli.Stderr("library")
        done = backups.restore(folder, options.file, newer=options.newer, report=show.report)
        show.clear()
    if done.kept_as is not None:
        say(f"Restored. The database that was there is kept as {done.kept_as}.")
    if done.taken:
        say(f"Taken from their own files: {len(done.taken)} recordings.")
    _name_damaged(done.damaged)
    if done.without_sound:
        warn("These came back without their sound, because it was removed or moved: " + ", ".join(done.without_sound))
    return PARTLY if done.damaged or done.without_sound else DONE


def _list_backups() -> int:
    from desktop import backups

    folder = _existing()
    found = backups.backups(folder)
    for backup in found:
        try:
            inside = backups.contents(folder, backup)
            counts = (f"{inside.recordings} recordings", f"{inside.lines} lines")
        except PullquoteError:
            counts = ("cannot be read", "")
        say(backup.made_at.astimezone().strftime("%Y-%m-%d %H:%M"), backup.kind, f"{backup.size / 1e6:.1f} MB",
            *counts, str(backup.file))
    warn(f"{len(found)} backups, {sum(backup.size for backup in found) / 1e6:.1f} MB." if found else
         "There is no backup yet.")
    return DONE


def _rebuild(options: cli.Options, environment_key: str) -> int:
    from desktop.rebuilding import rebuild

    with _alone() as folder:
        show = cli.Stderr("library")
        done = rebuild(folder, show.report)
        show.clear()
    say(f"Rebuilt: {done.recordings} recordings, {len(done.from_files)} of them from their own files.")
    if done.from_databases:
        say(f"From the old database or a backup: {', '.join(done.from_databases)}")
    if done.sound_only:
        say(f"Only the sound was found, without a transcript: {', '.join(done.sound_only)}")
    _name_damaged(done.damaged)
    if done.kept_as is not None:
        say(f"The database that was there is kept as {done.kept_as}.")
    return PARTLY if done.damaged or done.sound_only else DONE


def _name_damaged(folders: Sequence[str]) -> None:
    for folder in folders:
        warn(f"The own file of {folder} is damaged; it was kept under another name in its folder.")


def _existing() -> Path:
    from desktop.paths import data_folder

    folder = data_folder()
    if not folder.is_dir():
        raise UserError("There is no library in {folder} yet.", folder=folder)
    return folder


@contextmanager
def _alone() -> Iterator[Path]:
    """The library's folder, when nobody else works with it."""
    folder = _existing()
    if cli.window_is_open(folder):
        raise UserError("Pullquote's window is open on this library. Close it first, or use File > Backups in it.")
    with cli.stopping_softly():
        yield folder


# -- exporting -------------------------------------------------------------------------------------------------


def _export(options: cli.Options, environment_key: str) -> int:
    """Each project in a folder of its own. A file that is there already stays, and is named."""
    if not options.folder.is_dir():
        raise UserError("The folder {path} does not exist. Make it first, or choose another.", path=options.folder)
    written, failed, taken = 0, 0, set[Path]()
    with cli.stopping_softly(), cli.open_library(keep=True, writes=False) as (library, _):
        projects = {project.id: project.name for project in library.projects()}
        for recording in library.recordings():
            for transcript in reversed(library.transcripts(recording.id)):
                document = library.document(transcript.id)
                project = projects.get(recording.project_id or 0, "")
                try:
                    written += _export_one(document, options, project, taken)
                except UserError as error:
                    warn(error.sentence)
                    failed += 1
    warn(f"{written} transcripts were written.")
    return DONE if not failed else PARTLY if written else FAILED


def _export_one(document: TranscriptDocument, options: cli.Options, project: str, taken: set[Path]) -> bool:
    """False when there is no line in it; a second transcript of a name gets a number."""
    from desktop.exporting import file_name
    from desktop.exports import FORMATS

    if cli.stopping.is_set():
        raise KeyboardInterrupt
    if not document.segments:
        return False
    ending = FORMATS[options.format].ending
    folder = options.folder / file_name(project, "x")[:-2] if project else options.folder
    folder.mkdir(exist_ok=True)
    title, number = document.recording.title, 1
    while (target := folder / file_name(title if number == 1 else f"{title[:100]} {number}", ending)) in taken:
        number += 1
    taken.add(target)
    cli.write_document(document, options, target)
    say(str(target))
    return True
