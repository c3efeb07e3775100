"""The bin: whole for 30 days, then gone with every word and every file."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from desktop.audio.cache import CacheFiles
from desktop.bin import KEPT_DAYS, days_left, empty_bin, remove_for_ever, tidy_bin
from desktop.errors import Cancelled, LibraryError, UserError
from desktop.importing import import_audio, original_file, remove_recording, sweep
from desktop.library import Library
from desktop.model import Desk, Mark, Progress, Quote, Recording, Segment, TimeRange, Word, ignore_progress
from desktop.paths import data_folder
from desktop.sample import SAMPLE, add_sample

CANARY = b"vogelfeder"


def full_of_words(library: Library, number: int = 0, *, canary: str = CANARY.decode(), folder: str = "") -> Recording:
    """A recording with the canary in everything that can hold words."""
    name = folder or f"folder-{number}"
    place = library.folder / "recordings" / name
    place.mkdir()
    (place / "original.wav").write_bytes(canary.encode() * 10)
    recording = library.add_recording(title=f"Title {canary} {number}", folder=name, original="original.wav",
                                      sha256=f"{number:064x}", byte_count=10)
    dice = random.Random(number)
    transcript = library.add_transcript(recording.id, engine="gemini", model="m", time_range=TimeRange(0, 900),
                                        summary=f"About {canary}")
    library.add_segments(transcript.id, [
        (f"{canary} speaker", Segment(i, i + 1, f"word{dice.randrange(9999)} {dice.randrange(9999):x}{canary} said",
                                      translation=f"{canary}{i} gesagt", words=(Word(f"{canary}{i}", i, i + 0.5),)))
        for i in range(120)])
    library.add_version(transcript.id, f"before {canary}")
    library.set_desk(recording.id, Desk((Quote(TimeRange(1, 2), f"quote {canary}", note=f"note {canary}",
                                               id=library.new_id("quote")),),
                                        (Mark(3.0, f"mark {canary}"),)))
    library.describe_recording(recording.id, recorded_on="2026-11-22", place=f"{canary} hall", notes=f"n {canary}",
                               people=[f"{canary} person"], tags=[f"{canary} tag"])
    return library.recording(recording.id)


def files_with(words: bytes, *folders: Path) -> list[str]:
    """Files that have these words in them anywhere, or in their names."""
    found = []
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file() and (words in file.read_bytes() or words.decode() in file.name):
                found.append(file.name)
    return found


def bin_all(library: Library, *recordings: Recording) -> None:
    library.set_binned([recording.id for recording in recordings], True)


def test_what_is_put_back_is_as_it_was(library: Library, cache: Path) -> None:
    sample = add_sample(library, cache, ignore_progress)
    library.describe_recording(sample.id, recorded_on="2026-11-22", place="Bay", notes="n", people=["A"], tags=["t"])
    library.set_project(sample.id, "Water")
    (transcript,) = library.transcripts(sample.id)
    before, document = library.recording(sample.id), library.document(transcript.id)
    original = original_file(library, before).read_bytes()
    bin_all(library, before)
    sweep(library, cache)  # a start of the program in between
    assert tidy_bin(library, cache) == 0 and library.recordings() == []
    library.set_binned([sample.id], False)
    assert library.recording(sample.id) == before and library.binned() == []
    assert library.document(transcript.id) == document
    assert original_file(library, before).read_bytes() == original and CacheFiles(cache, before.sha256).complete()


def test_a_recording_is_removed_after_thirty_days_and_not_a_moment_before(library: Library, cache: Path) -> None:
    early, late = full_of_words(library, 1), full_of_words(library, 2)
    bin_all(library, early, late)
    since = datetime.fromisoformat(library.recording(early.id).removed_at)
    almost, over = (since + timedelta(days=KEPT_DAYS, seconds=s) for s in (-5, 5))
    assert days_left(library.recording(early.id), since) == 30
    assert days_left(library.recording(early.id), almost) == 1 and tidy_bin(library, cache, almost) == 0
    assert tidy_bin(library, cache, over) == 2
    assert library.binned() == [] and os.listdir(library.folder / "recordings") == []


@pytest.mark.parametrize("since", ["", "nonsense", "2999-01-01T00:00:00+00:00"])
def test_a_date_that_cannot_be_true_never_removes_anything(since: str) -> None:
    odd = replace(Recording(1, "T", "f", "o", "0", 1.0, 1, 1, "2026"), removed_at=since)
    assert days_left(odd) == KEPT_DAYS


@pytest.mark.parametrize("is_small", [True, False])
def test_emptying_the_bin_leaves_no_word_and_no_file(is_small: bool, library: Library, cache: Path, tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a library that is too big to be made smaller while somebody works."""
    monkeypatch.setattr("desktop.library.erasing._SMALL", 1 << 30 if is_small else 0)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("SQLITE_TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    gone = [full_of_words(library, number) for number in range(0, 12, 2)]
    stays = [full_of_words(library, number, canary="bleibt") for number in range(1, 12, 2)]
    cache.mkdir(parents=True)
    CacheFiles(cache, gone[0].sha256).copy.write_bytes(CANARY)
    documents = [library.document(library.transcripts(recording.id)[0].id) for recording in stays]
    bin_all(library, *gone)
    assert {"library.db-wal", "original.wav"} <= set(files_with(CANARY, library.folder, cache))
    assert empty_bin(library, cache) == len(gone)
    assert files_with(CANARY, library.folder, cache, scratch) == []  # with all connections open
    assert library._rows("PRAGMA freelist_count")[0][0] == 0
    assert files_with(b"words-to-erase", library.folder) == []
    assert [library.document(d.transcript.id) for d in documents] == documents
    assert library.recordings() == sorted(stays, key=lambda r: (r.imported_at, r.id), reverse=True)
    library.close()
    assert files_with(CANARY, library.folder, cache, scratch) == []


def test_without_the_wiping_the_words_are_still_in_the_file(library: Library, cache: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above."""
    recordings = [full_of_words(library, number) for number in range(4)]
    bin_all(library, *recordings)
    monkeypatch.setattr(Library, "erase_words", lambda self: None)
    assert empty_bin(library, cache) == 4
    assert library.has_words_to_erase
    library.close()
    assert "library.db" in files_with(CANARY, library.folder)


def test_search_finds_what_is_left_after_wiping(library: Library, cache: Path) -> None:
    gone, stays = full_of_words(library, 1), full_of_words(library, 2, canary="bleibt")
    bin_all(library, gone)
    empty_bin(library, cache)
    count = library._rows("SELECT count(*) FROM segment_search WHERE segment_search MATCH 'gesagt'")[0][0]
    assert count == 120
    with library._write() as connection:
        for index in ("segment_search", "note_search"):
            connection.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)")
    assert library.recordings() == [stays]


def test_others_write_while_words_are_wiped(library: Library, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two steps of the wiping another connection writes; both are right afterwards."""
    from desktop.library import erasing

    recordings = [full_of_words(library, number) for number in range(6)]
    stays = full_of_words(library, 99, canary="bleibt")
    bin_all(library, *recordings)
    real, written = erasing._join_pieces, []

    def with_a_write(connection: object, index: str) -> None:
        library.rename_recording(stays.id, f"written {index}")
        transcript = library.add_transcript(stays.id, engine="gemini", model="m", time_range=TimeRange(0, 9))
        library.add_segments(transcript.id, [("S", Segment(1, 2, f"new words {index}"))])
        written.append(index)
        real(connection, index)  # type: ignore[arg-type]

    monkeypatch.setattr(erasing, "_join_pieces", with_a_write)
    monkeypatch.setattr(erasing, "_PAGES_AT_ONCE", 1)
    assert empty_bin(library, cache) == 6
    assert library.recording(stays.id).title == f"written {written[-1]}"
    assert files_with(CANARY, library.folder, cache) == []


def test_words_removed_during_the_wiping_are_wiped_by_the_next(library: Library, cache: Path,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = full_of_words(library, 1), full_of_words(library, 2, canary="spaeter")
    bin_all(library, one, two)
    real = Library._wipe

    def late(self: Library, connection: object) -> None:
        real(self, connection)  # type: ignore[arg-type]
        remove_recording(self, cache, self.recording(two.id))

    monkeypatch.setattr(Library, "_wipe", late)
    remove_for_ever(library, cache, [one])
    assert library.has_words_to_erase and files_with(b"spaeter", library.folder)
    monkeypatch.setattr(Library, "_wipe", real)
    tidy_bin(library, cache)
    assert not library.has_words_to_erase and files_with(b"spaeter", library.folder) == []


def test_a_reader_that_does_not_end_puts_the_wiping_off(library: Library, cache: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlite3

    from desktop.library import erasing

    monkeypatch.setattr(erasing, "_PATIENCE", 0.1)
    recording = full_of_words(library)
    bin_all(library, recording)
    reader = sqlite3.connect(library.folder / "library.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM segment").fetchone()
    with pytest.raises(LibraryError, match="tried again"):
        empty_bin(library, cache)
    assert library.binned() == [] and library.has_words_to_erase
    reader.close()
    assert tidy_bin(library, cache) == 0
    assert not library.has_words_to_erase and files_with(CANARY, library.folder) == []


def test_a_big_library_gets_smaller_in_steps_while_others_write(library: Library, cache: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    from desktop.library import erasing

    stays = full_of_words(library, 99, canary="bleibt")
    bin_all(library, *(full_of_words(library, number) for number in range(20)))
    before = (library.folder / "library.db").stat().st_size
    monkeypatch.setattr(erasing, "_SMALL", 0)
    monkeypatch.setattr(erasing, "_PAGES_AT_ONCE", 10)
    real, titles = erasing._give_back, []

    class Between:
        """A connection that lets another one write before each step."""

        def __init__(self, connection: sqlite3.Connection) -> None:
            self._connection = connection

        def execute(self, sql: str) -> sqlite3.Cursor:
            return self._connection.execute(sql)

        def executescript(self, sql: str) -> sqlite3.Cursor:
            titles.append(f"title {len(titles)}")
            library.rename_recording(stays.id, titles[-1])
            return self._connection.executescript(sql)

    monkeypatch.setattr(erasing, "_give_back", lambda connection: real(Between(connection)))  # type: ignore[arg-type]
    empty_bin(library, cache)
    assert 1 < len(titles) < before / 4096 / 5 and library.recording(stays.id).title == titles[-1]
    assert (library.folder / "library.db").stat().st_size < before / 2
    assert library._rows("PRAGMA freelist_count")[0][0] == 0
    assert library._rows("PRAGMA integrity_check")[0][0] == "ok"
    assert files_with(CANARY, library.folder, cache) == []


KILLED = """
import os, sys
sys.path.insert(0, {root!r})
from desktop import bin, importing
from desktop.library import Library, erasing
from desktop.paths import cache_folder, data_folder
place = {place!r}
def die(*_, **__): os._exit(9)
if place == "before rows": Library.remove_recording = die
if place == "before files": importing.shutil.rmtree = die
if place == "before wiping": Library._wipe = die
if place == "in the index": erasing._PAGES_AT_ONCE = 1; erasing._give_back = erasing.shutil.disk_usage = die
if place == "before the log": erasing._empty_log = die
bin.empty_bin(Library(data_folder()), cache_folder())
"""


@pytest.mark.parametrize("place", ["before rows", "before files", "before wiping", "in the index", "before the log"])
def test_a_removal_that_was_killed_is_finished_by_the_next_start(place: str, library: Library, cache: Path) -> None:
    stays = full_of_words(library, 1, canary="bleibt")
    bin_all(library, full_of_words(library, 2))
    library.close()
    script = KILLED.format(root=str(Path(__file__).resolve().parents[1]), place=place)
    died = subprocess.run([sys.executable, "-c", script], env=dict(os.environ), timeout=60, check=False)
    assert died.returncode == 9
    again = Library(data_folder())
    try:
        assert files_with(CANARY, again.folder, cache)  # nothing was finished by luck
        sweep(again, cache)
        tidy_bin(again, cache)
        assert again.recordings() == [stays] and again.binned() == []
        assert os.listdir(again.folder / "recordings") == [stays.folder]
        assert files_with(CANARY, again.folder, cache) == [] and not again.has_words_to_erase
    finally:
        again.close()


def test_a_file_in_use_keeps_the_recording_in_the_bin_and_says_so(library: Library, cache: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, three = (full_of_words(library, number) for number in (1, 2, 3))
    bin_all(library, one, two, three)
    real = Path.rename

    def locked(self: Path, target: Path) -> Path:
        if self.name == two.folder:
            raise PermissionError(13, "in use by another program")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", locked)
    with pytest.raises(UserError, match="in use by another program"):
        empty_bin(library, cache)
    assert [recording.id for recording in library.binned()] == [two.id]
    assert original_file(library, two).exists() and library.transcripts(two.id)
    monkeypatch.setattr(Path, "rename", real)
    assert empty_bin(library, cache) == 1 and files_with(CANARY, library.folder) == []


def test_a_library_that_cannot_be_written_keeps_files_and_rows(library: Library, cache: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    recording = full_of_words(library)
    bin_all(library, recording)

    def full(self: Library, recording_id: int) -> None:
        raise LibraryError("The library could not be written.")

    monkeypatch.setattr(Library, "remove_recording", full)
    with pytest.raises(LibraryError):
        empty_bin(library, cache)
    assert original_file(library, recording).exists() and len(library.binned()) == 1


def test_files_that_stay_behind_are_told_and_go_at_the_next_start(library: Library, cache: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    recording = full_of_words(library)
    bin_all(library, recording)
    with monkeypatch.context() as patch:
        patch.setattr("desktop.importing.shutil.rmtree", lambda *_, **__: None)
        with pytest.raises(UserError, match="next start"):
            empty_bin(library, cache)
    assert library.binned() == [] and files_with(CANARY, library.folder)
    sweep(library, cache)
    assert library.recordings() == [] and files_with(CANARY, library.folder) == []


def test_stopping_keeps_the_rest_in_the_bin_and_wipes_what_is_gone(library: Library, cache: Path) -> None:
    recordings = [full_of_words(library, number, canary=f"canary{number}") for number in range(3)]
    bin_all(library, *recordings)

    def stop(progress: Progress) -> None:
        if progress.fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        remove_for_ever(library, cache, recordings, stop)
    assert [recording.id for recording in library.binned()] == [recordings[2].id, recordings[1].id]
    assert files_with(b"canary0", library.folder) == [] and files_with(b"canary1", library.folder)


def test_what_was_taken_back_meanwhile_is_not_removed(library: Library, cache: Path) -> None:
    recording = full_of_words(library)
    bin_all(library, recording)
    chosen = library.binned()
    library.set_binned([recording.id], False)
    assert remove_for_ever(library, cache, chosen) == 0
    assert library.recordings() == [recording] and original_file(library, recording).exists()


def test_a_folder_that_was_being_removed_comes_back_when_its_recording_is_in_use(library: Library,
                                                                                 cache: Path) -> None:
    recording = full_of_words(library)
    folder = original_file(library, recording).parent
    folder.rename(folder.with_name(f".removed-{folder.name}"))
    sweep(library, cache)
    assert original_file(library, recording).exists() and library.recordings() == [recording]


@pytest.mark.parametrize("folder", ["", ".", "..", "a/b"])
def test_a_damaged_row_never_removes_another_folder(folder: str, library: Library, cache: Path) -> None:
    other = full_of_words(library, 1)
    odd = library.add_recording(title="odd", folder=folder, original="o", sha256="f" * 64, byte_count=1)
    with pytest.raises(LibraryError):
        remove_recording(library, cache, odd)
    assert original_file(library, other).exists() and (library.folder / "library.db").exists()


def test_a_binned_recording_is_no_orphan_at_the_next_start(library: Library, cache: Path) -> None:
    recording = full_of_words(library)
    bin_all(library, recording)
    sweep(library, cache)
    assert library.recordings() == [] and [r.id for r in library.binned()] == [recording.id]


def test_a_removed_recording_does_not_come_back_and_may_be_imported_again(library: Library, cache: Path) -> None:
    first = import_audio(library, cache, SAMPLE, ignore_progress).recording
    bin_all(library, first)
    empty_bin(library, cache)
    sweep(library, cache)
    assert library.recordings() == [] and os.listdir(cache) == []
    again = import_audio(library, cache, SAMPLE, ignore_progress)
    assert not again.was_here and not again.was_in_bin and len(library.recordings()) == 1


def test_importing_a_file_that_is_in_the_bin_takes_it_back(library: Library, cache: Path) -> None:
    first = import_audio(library, cache, SAMPLE, ignore_progress, title="Mine").recording
    bin_all(library, first)
    left = import_audio(library, cache, SAMPLE, ignore_progress, takes_back=False)
    assert left.was_here and left.was_in_bin and library.recordings() == []
    back = import_audio(library, cache, SAMPLE, ignore_progress)
    assert back.was_here and back.was_in_bin and back.recording == first == library.recording(first.id)
    assert not import_audio(library, cache, SAMPLE, ignore_progress).was_in_bin


def test_nothing_is_done_in_a_library_of_a_newer_program(library: Library, cache: Path) -> None:
    bin_all(library, full_of_words(library))
    library.read_only_because = "newer"
    assert tidy_bin(library, cache, datetime.now(UTC) + timedelta(days=99)) == 0
    assert len(library.binned()) == 1
