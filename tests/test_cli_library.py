"""`pullquote library …` as a real process: exit codes, what goes where, and nothing replaced or lost."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest

from desktop import beside
from desktop.library import Library
from tests.program import run
from tests.reliability.library_harness import everything, make_template, open_copy
from tests.sounds import AUDIO


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def filled(template: Path, home: Path) -> Path:
    """The folder of a library with two recordings that nobody has open."""
    open_copy(template, home / "data").close()
    return home / "data"


def all_of(folder: Path) -> list[object]:
    library = Library(folder)
    try:
        return list(everything(library))
    finally:
        library.close()


def test_path_and_list_say_what_there_is(home: Path, filled: Path) -> None:
    assert run(home, "library", "path").stdout == f"{filled}\n"
    listed = [line.split("\t") for line in run(home, "library", "list").stdout.splitlines()]
    assert [line[1:] for line in listed] == [
        ["Talk 1: “Çédille” 海港", "0:04", "1 transcript", "Project 1", "bridge, t1"],
        ["Talk 0: “Çédille” 海港", "0:02", "1 transcript", "Project 0", "bridge, t0"]]
    as_json = json.loads(run(home, "library", "list", "--json").stdout)
    assert [entry["title"] for entry in as_json] == [line[1] for line in listed]
    assert as_json[0]["people"] == ["Ann Lee", "Lucía"] and as_json[0]["project"] == "Project 1"
    assert len(as_json[0]["sha256"]) == 64


def test_an_empty_library_is_sound_and_says_that_it_is_empty(home: Path) -> None:
    listed = run(home, "library", "list")
    assert (listed.returncode, listed.stdout) == (0, "") and "empty" in listed.stderr
    checked = run(home, "library", "check")
    assert (checked.returncode, checked.stdout) == (0, "") and "sound" in checked.stderr


def test_check_names_what_is_wrong_and_repairs_what_can_be(home: Path, filled: Path) -> None:
    assert run(home, "library", "check", "--full").returncode == 0
    next(filled.glob("recordings/*/recording.json")).write_bytes(b"{}")
    next(filled.glob("recordings/*/original.wav")).unlink()
    checked = run(home, "library", "check")
    assert checked.returncode == 3 and len(checked.stdout.splitlines()) == 2
    assert "original is missing" in checked.stdout and "recording.json is damaged" in checked.stdout
    repaired = run(home, "library", "check", "--repair")
    assert repaired.returncode == 3 and "1 left" in repaired.stderr
    assert run(home, "library", "check").stdout.count("\n") == 1


def test_a_damaged_database_is_said_with_a_way_out_and_no_traceback(home: Path, filled: Path) -> None:
    before = all_of(filled)
    assert run(home, "library", "backup").returncode == 0
    (filled / "library.db").write_bytes(b"Dear editor " * 2000)
    for arguments in (["list"], ["check"], ["search", "line"], ["export", str(home)], ["backup"]):
        done = run(home, "library", *arguments)
        assert done.returncode == 1 and "damaged" in done.stderr and "Traceback" not in done.stderr, arguments
    heard = run(home, "transcribe", AUDIO / "jfk-24k.opus", "--keep", "--engine", "device")
    assert heard.returncode == 1 and "Restore a backup, or rebuild" in heard.stderr
    listed = run(home, "library", "restore")
    backup = listed.stdout.splitlines()[0].split("\t")[-1]
    restored = run(home, "library", "restore", backup, "--newer")
    assert restored.returncode == 0 and "is kept as" in restored.stdout and all_of(filled) == before
    (kept,) = filled.glob("library-before-restore-*.db")
    assert kept.read_bytes() == b"Dear editor " * 2000


@pytest.mark.parametrize("column, value", [("state", "rdady"), ("protection", "mby"), ("title", b"\xff\xfe")])
def test_a_row_that_cannot_be_is_damage_and_no_traceback(home: Path, filled: Path, column: str, value: object) -> None:
    library = Library(filled)
    library._writer.execute("PRAGMA ignore_check_constraints = ON")
    change = f"UPDATE recording SET {column} = CAST(? AS TEXT)"
    for trigger in ("recording_changes_search",):
        library._writer.execute(f"DROP TRIGGER {trigger}")
    library._writer.execute(change, (value,))
    library.close()
    done = run(home, "library", "list")
    assert done.returncode == 1 and "Traceback" not in done.stderr and done.stderr.strip()
    rebuilt = run(home, "library", "rebuild")
    assert rebuilt.returncode == 0 and "2 of them from their own files" in rebuilt.stdout
    assert run(home, "library", "check", "--full").returncode == 0


@pytest.mark.parametrize(("words", "found"), [
    (["line", "-talk1"], {"talk0"}), (["-talk1", "line"], {"talk0"}), (["--limit", "99", "line", "-talk1"], {"talk0"}),
    (["line", "-talk1", "--limit", "99"], {"talk0"}), (["--", "-talk1", "line"], {"talk0"}),
    (["line", "-harbour"], {"talk0", "talk1"}), (["line", "-speaker:Ann"], {"talk0", "talk1"})])
def test_a_word_with_a_minus_is_left_out_of_the_search(home: Path, filled: Path, words: list[str],
                                                       found: set[str]) -> None:
    done = run(home, "library", "search", *words)
    assert (done.returncode, done.stderr) == (0, "")
    hits = [line.split("\t")[-1] for line in done.stdout.splitlines()]
    assert {name for name in ("talk0", "talk1") if any(name in hit for hit in hits)} == found


def test_nothing_is_called_not_found_in_a_damaged_database(home: Path, filled: Path) -> None:
    done = run(home, "library", "search", "nobodysaidthis")
    assert done.returncode == 0 and "Nothing was found" in done.stderr
    connection = sqlite3.connect(filled / "library.db")
    connection.execute("PRAGMA journal_mode = DELETE")
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sending'").fetchone()
    connection.close()
    with open(filled / "library.db", "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 100)
    done = run(home, "library", "search", "nobodysaidthis")
    assert done.returncode == 1 and "damaged" in done.stderr and "Nothing was found" not in done.stderr


def test_no_more_hits_are_printed_than_were_asked_for(home: Path, filled: Path) -> None:
    everything = run(home, "library", "search", "line")
    assert len(everything.stdout.splitlines()) > 2 and "--limit" not in everything.stderr
    one = run(home, "library", "search", "line", "--limit", "1")
    (line,) = one.stdout.splitlines()
    assert line in everything.stdout.splitlines() and "--limit shows more" in one.stderr


def test_words_that_only_leave_out_and_unknown_options_are_said(home: Path, filled: Path) -> None:
    only = run(home, "library", "search", "-talk1")
    assert only.returncode == 0 and "Add a word to look for" in only.stderr
    unknown = run(home, "library", "search", "line", "--limt")
    assert unknown.returncode == 2 and "--limt" in unknown.stderr
    assert run(home, "library", "search").returncode == 2
    assert "QUERY" in run(home, "library", "search", "-h").stdout


def test_recordings_that_come_back_without_their_sound_are_named(home: Path, filled: Path) -> None:
    backup = run(home, "library", "backup").stdout.strip()
    next(filled.glob("recordings/*/original.wav")).unlink()
    done = run(home, "library", "restore", backup)
    assert done.returncode == 3 and "came back without their sound" in done.stderr
    assert done.stderr.count("Talk") == 1


def test_rebuild_makes_the_same_library_again(home: Path, filled: Path) -> None:
    before = all_of(filled)
    (filled / "library.db").unlink()
    done = run(home, "library", "rebuild")
    assert (done.returncode, all_of(filled)) == (0, before)
    (sound,) = {path.parent for path in filled.glob("recordings/*/recording.json")} - {
        filled / "recordings" / str(entry["folder"]) for entry in json.loads(
            run(home, "library", "list", "--json").stdout)[:1]}
    (sound / "recording.json").write_bytes(b"torn")
    (filled / "library.db").unlink()
    again = run(home, "library", "rebuild")
    assert again.returncode == 3 and sound.name in again.stdout and sound.name in again.stderr
    assert [path.read_bytes() for path in sound.glob("recording-kept-*.json")] == [b"torn"]


def test_what_changes_the_library_waits_for_the_window(home: Path, filled: Path) -> None:
    (filled / "pullquote.lock").write_text(f"{os.getpid()}\n")
    backup = run(home, "library", "backup")
    assert backup.returncode == 0 and Path(backup.stdout.strip()).is_file()
    for arguments in (["rebuild"], ["restore", backup.stdout.strip()]):
        done = run(home, "library", *arguments)
        assert done.returncode == 1 and "window is open" in done.stderr
    assert run(home, "library", "list").returncode == 0


def test_a_backup_under_a_name_of_ones_own_replaces_nothing(home: Path, filled: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine.db"
    assert run(home, "library", "backup", target).stdout == f"{target}\n"
    again = run(home, "library", "backup", target)
    assert again.returncode == 1 and "exists already" in again.stderr


def test_export_writes_everything_but_what_is_off_the_record_and_replaces_nothing(home: Path, filled: Path,
                                                                                  tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    done = run(home, "library", "export", target, "--format", "txt")
    written = sorted(path.relative_to(target).as_posix() for path in target.rglob("*.txt"))
    assert done.returncode == 0 and written == [
        f"Project {n}/Talk {n} “Çédille” 海港.txt" for n in range(2)]
    text = (target / written[0]).read_text("utf-8")
    assert "Corrected by hand" in text and "line 3 of talk0" in text and "line 1 of talk0" not in text
    before = {path: path.read_bytes() for path in target.rglob("*.txt")}
    again = run(home, "library", "export", target)
    assert again.returncode == 1 and again.stderr.count("exists already") == 2
    assert {path: path.read_bytes() for path in target.rglob("*.txt")} == before
    assert run(home, "library", "export", tmp_path / "nowhere").returncode == 1


def test_a_kept_transcript_has_its_own_file_when_the_command_ends(home: Path) -> None:
    done = run(home, "transcribe", AUDIO / "jfk-24k.opus", "--keep", "--engine", "device")
    assert done.returncode == 0
    (file,) = (home / "data" / "recordings").glob("*/recording.json")
    assert "ask not" in file.read_text("utf-8") and beside.digest_of(file)
    assert run(home, "library", "check", "--full").returncode == 0
    before = all_of(home / "data")
    (home / "data" / "library.db").unlink()
    assert run(home, "library", "rebuild").returncode == 0 and all_of(home / "data") == before
