"""A library is the same after it was rebuilt from its folders; what cannot be read is named, and kept."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop import backups, beside
from desktop.importing import import_audio, remove_recording
from desktop.library import Library, upkeep
from desktop.library.changes import EVERYTHING, LIBRARY
from desktop.library_check import Kind, findings, repair
from desktop.model import Cargo, Desk, ignore_progress
from desktop.rebuilding import Rebuilt, rebuild
from desktop.videos import add_video
from tests.reliability.library_harness import everything, make_template, open_copy
from tests.sounds import turns, write_wav


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def filled(template: Path, home: Path) -> Iterator[Library]:
    """Two recordings with all that there can be, their own files written."""
    library = open_copy(template, home / "data")
    yield library
    library.close()


def rebuilt(library: Library) -> tuple[Library, Rebuilt]:
    library.close()
    done = rebuild(library.folder, ignore_progress)
    return Library(library.folder), done


def own_file(library: Library, number: int) -> Path:
    return beside.file_of(library.folder, library.recordings()[number].folder)


def damage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)


# -- recording.json ----------------------------------------------------------------------------------------------


def test_an_own_file_is_json_with_the_sum_of_what_is_in_it(filled: Library) -> None:
    file = own_file(filled, 0)
    content = json.loads(file.read_bytes())
    assert content["pullquote"] == "recording" and content["project"] == "Project 1"
    assert beside.digest_of(file) == content["sha256"]
    texts = [row[content["tables"]["segment"]["columns"].index("text")] for row in content["tables"]["segment"]["rows"]]
    assert "Corrected by hand, 100%." in texts and len(texts) == 12
    assert len(content["tables"]["word"]["rows"]) >= 44 and content["tables"]["withheld"]["rows"]


def test_every_flipped_bit_of_an_own_file_is_noticed(filled: Library) -> None:
    file = own_file(filled, 0)
    content = file.read_bytes()
    for at in (0, 1, 50, len(content) // 2, len(content) - 70, len(content) - 40, len(content) - 3, len(content) - 1):
        file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1:])
        with pytest.raises(beside.Unsound):
            beside.read(file)
    for short in (content[:-1], content[:1000], b"", content + b" "):
        file.write_bytes(short)
        with pytest.raises(beside.Unsound):
            beside.read(file)
    file.write_bytes(content)
    assert beside.read(file).project == "Project 1"


def test_every_kind_of_change_is_noted_for_its_recording_only(filled: Library) -> None:
    first, second = filled.recordings()
    transcript = filled.transcripts(first.id)[0].id
    verbs = [lambda: filled.rename_recording(first.id, "New"), lambda: filled.set_checked([first.id], True),
             lambda: filled.change_tags([first.id], add=["z"]), lambda: filled.set_binned([first.id], True),
             lambda: filled.set_binned([first.id], False), lambda: filled.set_desk(first.id, Desk()),
             lambda: filled.annotate(transcript, [(filled.segments(transcript)[0].id, "es", "x", "")], ""),
             lambda: filled.renumber_speakers(transcript),
             lambda: filled.remove_thread(filled.threads(first.id)[0].id),
             lambda: filled.add_sending(first.id, Cargo("transcript", "m", "h")),
             lambda: filled.set_project(first.id, "Another"), lambda: filled.remove_transcript(transcript)]
    for verb in verbs:
        verb()
        assert set(filled.changed()) - {LIBRARY} == {first.id}
        beside.write_changed(filled, ignore_progress)
        assert filled.changed() == {} and not list(findings(filled, ignore_progress, full=True))
    filled.add_sending(None, Cargo("transcript", "m", "h"))
    assert set(filled.changed()) == {LIBRARY}
    filled.rename_project(filled.recording(second.id).project_id or 0, "Better name")
    assert set(filled.changed()) == {LIBRARY, second.id}


def test_what_was_rolled_back_is_no_change(filled: Library) -> None:
    recording = filled.recordings()[0].id
    with pytest.raises(RuntimeError), filled._write() as connection:
        connection.execute("UPDATE recording SET title = 'x' WHERE id = ?", (recording,))
        raise RuntimeError
    assert filled.changed() == {}


def test_a_change_is_remembered_when_the_program_ends_before_the_file_is_written(filled: Library) -> None:
    recording = filled.recordings()[0]
    filled.rename_recording(recording.id, "Said at the very end")
    filled.close()
    again = Library(filled.folder)
    assert set(again.changed()) == {recording.id}
    beside.write_changed(again, ignore_progress)
    assert "Said at the very end" in own_file(again, 0).read_text("utf-8") and again.changed() == {}
    again.close()
    assert Library(filled.folder).changed() == {}


def test_a_change_while_the_file_is_written_is_written_once_more(filled: Library,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    recording, write = filled.recordings()[0], beside.write

    def slow(*arguments: object) -> None:
        write(*arguments)  # type: ignore[arg-type]
        filled.rename_recording(recording.id, "Meanwhile")

    monkeypatch.setattr(beside, "write", slow)
    filled.set_checked([recording.id], True)
    beside.write_changed(filled, ignore_progress)
    monkeypatch.undo()
    assert set(filled.changed()) == {recording.id}


def test_a_list_of_changes_that_cannot_be_read_means_everything(filled: Library) -> None:
    filled.close()
    (filled.folder / "changed.txt").write_bytes(b"\xff\x00 what\n")
    again = Library(filled.folder)
    assert set(again.changed()) == {EVERYTHING}
    assert beside.write_changed(again, ignore_progress) == 3 and again.changed() == {}
    again.close()


def test_a_missing_own_file_is_written_at_the_next_start(filled: Library) -> None:
    file = own_file(filled, 0)
    before = file.read_bytes()
    file.unlink()
    beside.note_missing(filled)
    beside.write_changed(filled, ignore_progress)
    assert file.read_bytes() == before


def test_the_own_file_goes_with_its_recording(filled: Library, cache: Path) -> None:
    recording = filled.recordings()[0]
    filled.rename_recording(recording.id, "Going")
    remove_recording(filled, cache, recording)
    beside.write_changed(filled, ignore_progress)
    assert not (filled.folder / "recordings" / recording.folder).exists() and filled.changed() == {}


def test_a_video_has_an_own_file_too(filled: Library) -> None:
    video = add_video(filled, "https://youtu.be/dQw4w9WgXcQ").recording
    beside.write_changed(filled, ignore_progress)
    library, done = rebuilt(filled)
    assert library.recording(video.id) == video and done.recordings == 3
    library.close()


# -- rebuilding ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("database", ["sound", "gone", "letters"])
def test_a_rebuilt_library_is_the_same(filled: Library, database: str) -> None:
    filled.add_sending(None, Cargo("count", "m", "h"))
    beside.write_changed(filled, ignore_progress)
    before, sendings, terms = everything(filled), filled.sendings(), filled.terms(None)
    jobs, labels = filled.unfinished_jobs(), filled.speaker_labels(filled.transcripts(filled.recordings()[0].id)[0].id)
    answers = [filled.answer(job.id, 0) for job in jobs]
    filled.close()
    file = filled.folder / "library.db"
    if database == "gone":
        file.unlink()
    elif database == "letters":
        file.write_bytes(b"Dear editor " * 1000)
    library, done = rebuilt(filled)
    assert everything(library) == before and len(before) == 2
    assert (library.sendings(), library.terms(None), library.unfinished_jobs()) == (sendings, terms, jobs)
    assert [library.answer(job.id, 0) for job in jobs] == answers and answers[0]
    assert library.speaker_labels(library.transcripts(library.recordings()[0].id)[0].id) == labels
    assert (done.kept_as is None) == (database == "gone") and len(done.from_files) == 2
    assert not upkeep.problems(file, full=True) and library._rows("PRAGMA auto_vacuum")[0][0] == 2
    beside.write_changed(library, ignore_progress)
    assert not list(findings(library, ignore_progress, full=True))
    library.close()


def test_a_sound_without_an_own_file_becomes_a_recording_without_a_transcript(filled: Library, cache: Path,
                                                                              tmp_path: Path) -> None:
    sound = write_wav(tmp_path / "another.wav", turns(4))
    recording = import_audio(filled, cache, sound, ignore_progress).recording
    filled.close()
    (filled.folder / "library.db").unlink()
    library, done = rebuilt(filled)
    found = library.recording_with_hash(recording.sha256)
    assert found is not None and done.sound_only == (recording.folder,) and found.title == "Recovered recording"
    assert import_audio(library, cache, sound, ignore_progress).was_here  # it is prepared and usable
    library.close()


@pytest.mark.parametrize("what", ["damaged", "missing"])
def test_what_an_own_file_no_longer_says_comes_from_the_old_database(filled: Library, what: str) -> None:
    before, recording, file = everything(filled), filled.recordings()[0], own_file(filled, 0)
    if what == "damaged":
        damage(file)
        content = file.read_bytes()
    else:
        file.unlink()
    library, done = rebuilt(filled)
    assert everything(library) == before and done.from_databases == (recording.folder,)
    assert done.damaged == ((recording.folder,) if what == "damaged" else ())
    kept = list(file.parent.glob("recording-kept-*.json"))
    assert [path.read_bytes() for path in kept] == ([content] if what == "damaged" else [])
    library.close()


def test_without_a_database_it_comes_from_the_newest_backup(filled: Library) -> None:
    before = everything(filled)
    backups.make(filled.folder)
    damage(own_file(filled, 0))
    filled.close()
    (filled.folder / "library.db").write_bytes(b"x" * 9000)
    library, done = rebuilt(filled)
    assert everything(library) == before and len(done.from_databases) == 1
    library.close()


def test_folders_of_two_libraries_come_together_under_new_ids(filled: Library, template: Path) -> None:
    """Both have the same ids; the second is another sound in another folder."""
    recording = filled.recordings()[0]
    source = filled.folder / "recordings" / recording.folder
    other = filled.folder / "recordings" / "theother"
    shutil.copytree(source, other)
    (other / recording.original).write_bytes(b"another sound")
    record = beside.read(other / beside.NAME)
    lines = (other / beside.NAME).read_bytes()
    body = lines[:lines.rindex(b'"sha256"')].replace(recording.folder.encode(), b"theother").replace(
        recording.sha256.encode(), b"0" * 64)
    beside.write(other / beside.NAME, [body])
    assert record.value("recording", "id") == recording.id
    wanted = filled.document(filled.transcripts(recording.id)[0].id)
    library, done = rebuilt(filled)
    twins = [r for r in library.recordings() if r.title == recording.title]
    assert len(twins) == 2 and len({r.id for r in twins}) == 2 and not done.damaged
    for twin in twins:
        document = library.document(library.transcripts(twin.id)[0].id)
        assert [s.text for s in document.segments] == [s.text for s in wanted.segments]
        assert [document.speaker_name(s) for s in document.segments] == [wanted.speaker_name(s)
                                                                         for s in wanted.segments]
        assert {q.speaker_id for q in document.desk.quotes} <= set(document.speakers)
    library.close()


@pytest.mark.parametrize("wrong", [
    ('"segment": {"columns": ["id"', '"segment": {"columns": ["bomb"'), ('"talk', '"\\ud800talk'), ("0.0333", "1e999"),
    ('"Ann Lee"', "7"), ('[\\"time unsure\\"]', "nonsense"), ('"rows": [\n[2,', '"rows": [\n[99999999999999999999,')])
def test_own_files_that_lie_are_refused_whatever_their_sum_says(filled: Library, wrong: tuple[str, str]) -> None:
    """Somebody wrote them on purpose: the sum is right."""
    file = own_file(filled, 0)
    content = file.read_text("utf-8").replace(*wrong)
    assert content != file.read_text("utf-8")
    beside.write(file, [content[:content.rindex('"sha256"')].encode()])
    before = [r.folder for r in filled.recordings()]
    library, done = rebuilt(filled)
    assert [r.folder for r in library.recordings()] == before
    assert done.damaged == (before[0],) or wrong[0] == '"talk'
    for recording in library.recordings():
        for transcript in library.transcripts(recording.id):
            library.document(transcript.id)
    library.close()


def test_the_name_of_a_folder_in_an_own_file_leads_nowhere(filled: Library, tmp_path: Path) -> None:
    file, recording = own_file(filled, 0), filled.recordings()[0]
    content = file.read_text("utf-8").replace(f'"{recording.original}"', '"../../../secret"')
    beside.write(file, [content[:content.rindex('"sha256"')].encode()])
    library, done = rebuilt(filled)
    assert [r.original for r in library.recordings()] == ["original.wav"] * 2 and done.damaged == (recording.folder,)
    library.close()


def test_a_rebuilding_that_fails_changes_nothing(filled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.close()
    before = {path: path.read_bytes() for path in filled.folder.rglob("*") if path.is_file()}

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(upkeep.os, "fsync", refuse)
    with pytest.raises(Exception, match="No space left"):
        rebuild(filled.folder, ignore_progress)
    monkeypatch.undo()
    after = {path: path.read_bytes() for path in filled.folder.rglob("*") if path.is_file()}
    assert {path: content for path, content in after.items() if path.name != "changed.txt"} == {
        path: content for path, content in before.items() if path.name != "changed.txt"}


# -- checking ------------------------------------------------------------------------------------------------------


def kinds(library: Library, full: bool = True) -> list[Kind]:
    return [finding.kind for finding in findings(library, ignore_progress, full=full)]


def test_a_sound_library_has_no_findings(filled: Library) -> None:
    backups.make(filled.folder)
    assert kinds(filled) == [] == kinds(filled, full=False)
    assert names_beside(filled) == {"backups", "changed.txt", "library.db", "recordings"}


def names_beside(library: Library) -> set[str]:
    return {path.name for path in library.folder.iterdir() if not path.name.startswith("library.db-")}


def test_a_missing_or_changed_original_is_named(filled: Library) -> None:
    first, second = filled.recordings()
    (filled.folder / "recordings" / first.folder / first.original).unlink()
    damage(filled.folder / "recordings" / second.folder / second.original)
    found = list(findings(filled, ignore_progress, full=True))
    assert [(finding.recording_id, finding.title) for finding in found] == [(r.id, r.title) for r in (first, second)]
    assert "missing" in found[0].sentence and "not as it was imported" in found[1].sentence
    assert kinds(filled, full=False) == [Kind.ORIGINAL]  # reading them all takes a while


def test_a_word_that_changed_in_the_database_alone_is_found_and_the_index_repaired(filled: Library) -> None:
    filled.close()
    connection = sqlite3.connect(filled.folder / "library.db")
    (change,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'segment_changes_search'").fetchone()
    connection.executescript("DROP TRIGGER segment_changes_search;"
                             "UPDATE segment SET text = 'Never said' WHERE id = 3;" + change)
    connection.close()
    library = Library(filled.folder)
    found = list(findings(library, ignore_progress, full=True))
    assert [finding.kind for finding in found] == [Kind.SEARCH, Kind.OWN_FILE]
    file = beside.file_of(library.folder, library.recording(found[1].recording_id).folder)
    before = file.read_bytes()
    assert repair(library, found, ignore_progress) == [] and kinds(library) == []
    assert [kept.read_bytes() for kept in file.parent.glob("recording-kept-*.json")] == [before]
    library.close()


def test_damaged_and_missing_own_files_are_made_anew(filled: Library) -> None:
    damage(own_file(filled, 0))
    own_file(filled, 1).unlink()
    found = list(findings(filled, ignore_progress))
    assert [finding.kind for finding in found] == [Kind.OWN_FILE] * 2
    assert repair(filled, found, ignore_progress) == [] and kinds(filled) == []


def test_a_damaged_backup_is_named(filled: Library) -> None:
    damage(backups.make(filled.folder).file)
    assert kinds(filled) == [Kind.BACKUP] and kinds(filled, full=False) == []
