"""Recordings come in whole or not at all; the original is never changed and never loses its place."""

from __future__ import annotations

import collections
import hashlib
import os
import stat
import threading
from pathlib import Path

import pytest

from desktop import environment, importing
from desktop.audio import preparing
from desktop.audio.cache import CacheFiles
from desktop.audio.files import PlaybackCopy
from desktop.audio.peaks import Peaks
from desktop.errors import BadAudio, Cancelled
from desktop.importing import (
    Imported,
    audio_files_in,
    import_audio,
    original_file,
    prepare_recording,
    remove_recording,
    sweep,
    trim_cache,
)
from desktop.library import Library
from desktop.model import RecordingState, ignore_progress
from desktop.sample import TITLE, add_sample
from tests.fakes import Reports
from tests.sounds import AUDIO, turns, write_wav


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "Talk with Lucía.wav", turns(5))


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()} if folder.exists() else set()


def test_the_original_is_kept_byte_for_byte(library: Library, cache: Path, talk: Path) -> None:
    recording = import_audio(library, cache, talk, ignore_progress).recording
    kept = original_file(library, recording)
    assert kept.read_bytes() == talk.read_bytes() and kept.is_relative_to(library.folder)
    assert recording.sha256 == hashlib.sha256(talk.read_bytes()).hexdigest()
    assert recording.title == "Talk with Lucía" and "Lucía" not in kept.name
    talk.unlink()
    prepare_recording(library, cache, recording, ignore_progress)
    assert kept.exists()


def test_all_files_are_for_this_user_only(home: Path, talk: Path) -> None:
    before = os.umask(0o022)
    try:
        environment.harden()
        library = Library(home / "data")
        import_audio(library, home / "cache", talk, ignore_progress)
        library.close()
    finally:
        os.umask(before)
    found = list(home.rglob("*"))
    assert len(found) > 6
    for path in found:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_same_file_twice_is_the_one_that_is_there(library: Library, cache: Path, talk: Path,
                                                      tmp_path: Path) -> None:
    first = import_audio(library, cache, talk, ignore_progress)
    other = tmp_path / "another name.wav"
    other.write_bytes(talk.read_bytes())
    before = files_below(library.folder)
    second = import_audio(library, cache, other, ignore_progress)
    assert not first.was_here and second.was_here and second.recording == first.recording
    assert files_below(library.folder) == before and len(library.recordings()) == 1


def test_the_same_file_again_repairs_a_cleaned_cache(library: Library, cache: Path, talk: Path) -> None:
    import_audio(library, cache, talk, ignore_progress)
    for file in files_below(cache):
        file.unlink()
    recording = import_audio(library, cache, talk, ignore_progress).recording
    assert CacheFiles(cache, recording.sha256).complete()


@pytest.mark.parametrize("gone", ["original", "folder"])
@pytest.mark.parametrize("has_cache", [True, False])
def test_the_same_file_again_is_the_original_when_that_is_missing(library: Library, cache: Path, talk: Path,
                                                                  gone: str, has_cache: bool) -> None:
    recording = import_audio(library, cache, talk, ignore_progress).recording
    original = original_file(library, recording)
    original.unlink()
    if gone == "folder":
        original.parent.rmdir()
    if not has_cache:
        CacheFiles(cache, recording.sha256).remove()
    again = import_audio(library, cache, talk, ignore_progress)
    assert again.was_here and again.recording == recording and len(library.recordings()) == 1
    assert original.read_bytes() == talk.read_bytes() and CacheFiles(cache, recording.sha256).complete()
    assert [path.name for path in original.parent.parent.iterdir()] == [recording.folder]


def test_the_same_file_again_never_touches_an_original_that_is_there(library: Library, cache: Path,
                                                                     talk: Path) -> None:
    original = original_file(library, import_audio(library, cache, talk, ignore_progress).recording)
    original.write_bytes(b"changed by somebody, who may want it")
    import_audio(library, cache, talk, ignore_progress)
    assert original.read_bytes() == b"changed by somebody, who may want it"


def test_stopping_the_second_import_keeps_the_first(library: Library, cache: Path, talk: Path) -> None:
    recording = import_audio(library, cache, talk, ignore_progress).recording
    for file in files_below(cache):
        file.unlink()
    with pytest.raises(Cancelled):
        import_audio(library, cache, talk, Reports(lambda progress: progress.sentence == "Drawing the waveform"))
    assert library.recordings() == [recording] and original_file(library, recording).exists()


def test_the_same_file_twice_at_the_same_time_is_there_once(library: Library, cache: Path, talk: Path) -> None:
    both = threading.Barrier(4)
    done: list[Imported | BaseException] = []

    def wait_before_entering(progress: object) -> None:
        if getattr(progress, "fraction", 0) == 1.0 and str(getattr(progress, "sentence", "")).startswith("Copying"):
            both.wait(20)

    def work() -> None:
        try:
            done.append(import_audio(library, cache, talk, wait_before_entering))
        except BaseException as error:
            done.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(isinstance(item, Imported) for item in done), done
    assert sorted(item.was_here for item in done if isinstance(item, Imported)) == [False, True, True, True]
    (recording,) = library.recordings()
    assert [path.name for path in (library.folder / "recordings").iterdir()] == [recording.folder]
    assert CacheFiles(cache, recording.sha256).complete() and len(files_below(cache)) == 2


def test_two_files_at_once_both_come_in(library: Library, cache: Path, talk: Path) -> None:
    threads = [threading.Thread(target=import_audio, args=(library, cache, path, ignore_progress))
               for path in (talk, AUDIO / "jfk-44k1.m4a")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(r.duration > 10.5 for r in library.recordings()) == [False, True]
    assert all(r.state is RecordingState.READY for r in library.recordings())


def test_folders_give_their_recordings_in_order(tmp_path: Path) -> None:
    for name in ("b/2.WAV", "b/1.mp3", "a.txt", ".hidden.wav", "b/deep/3.m4a", "b/cover.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    named = tmp_path / "a.txt"
    found = audio_files_in([tmp_path / "b", named])
    assert [path.name for path in found] == ["1.mp3", "2.WAV", "3.m4a", "a.txt"]  # a file that is named is meant


def test_a_full_disk_is_said_and_leaves_nothing(library: Library, cache: Path, talk: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr(importing.shutil, "disk_usage", lambda path: usage(10, 10, 1000))
    with pytest.raises(BadAudio) as caught:
        import_audio(library, cache, talk, ignore_progress)
    assert caught.value.kind == "disk_full" and "Free some space" in caught.value.sentence
    assert library.recordings() == [] and list((library.folder / "recordings").iterdir()) == []


@pytest.mark.parametrize("at", ["fsync", "copy"])
def test_a_disk_that_fills_while_writing_leaves_nothing(library: Library, cache: Path, talk: Path,
                                                        monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    if at == "fsync":
        monkeypatch.setattr(importing.os, "fsync", full)
    else:
        monkeypatch.setattr(preparing.soundfile.SoundFile, "write", full)
    with pytest.raises(BadAudio) as caught:
        import_audio(library, cache, talk, ignore_progress)
    monkeypatch.undo()
    assert caught.value.kind == "disk_full"
    assert library.recordings() == [] and files_below(library.folder / "recordings") == set() == files_below(cache)


def test_an_interrupted_import_is_cleared_at_start(library: Library, cache: Path) -> None:
    leftover = library.folder / "recordings" / ".incoming-0123"
    leftover.mkdir()
    (leftover / "original.wav").write_bytes(b"half")
    cache.mkdir(parents=True)
    (cache / "abc-1-2.tmp").write_bytes(b"half")
    sweep(library, cache)
    assert not leftover.exists() and files_below(cache) == set() and library.recordings() == []


def test_an_original_that_was_not_entered_is_entered_at_start(library: Library, cache: Path, talk: Path) -> None:
    orphan = library.folder / "recordings" / "0123abcd"
    orphan.mkdir()
    (orphan / "original.wav").write_bytes(talk.read_bytes())
    (orphan / "recording.json").write_bytes(b"what an earlier library knew of it")
    for _ in range(2):
        sweep(library, cache)
    (recording,) = library.recordings()
    assert recording.state is RecordingState.PREPARING and recording.title == "Recovered recording"
    (kept,) = orphan.glob("recording-kept-*.json")
    assert kept.read_bytes() == b"what an earlier library knew of it"
    ready = prepare_recording(library, cache, recording, ignore_progress)
    assert (ready.state, ready.duration) == (RecordingState.READY, 10.0)


def test_strange_things_in_the_folder_are_left_alone(library: Library, cache: Path) -> None:
    folder = library.folder / "recordings"
    (folder / "notes.txt").write_text("mine")
    (folder / "empty").mkdir()
    (folder / "two").mkdir()
    for name in ("original.wav", "original.mp3"):
        (folder / "two" / name).write_bytes(b"x")
    sweep(library, cache)
    assert len(files_below(folder)) == 3 and (folder / "empty").is_dir() and library.recordings() == []


@pytest.mark.parametrize("which", ["peaks", "copy"])
@pytest.mark.parametrize("content", [b"", b"nonsense" * 10, None], ids=["empty", "nonsense", "gone"])
def test_a_damaged_cache_file_is_made_again(library: Library, cache: Path, talk: Path, which: str,
                                            content: bytes | None) -> None:
    recording = import_audio(library, cache, talk, ignore_progress).recording
    files = CacheFiles(cache, recording.sha256)
    file: Path = getattr(files, which)
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    assert prepare_recording(library, cache, recording, ignore_progress) == recording
    assert Peaks.load(files.peaks).seconds == 10.0
    with PlaybackCopy(files.copy) as copy:
        assert copy.seconds == 10.0


def test_a_cache_that_is_whole_is_not_made_again(library: Library, cache: Path, talk: Path) -> None:
    recording = import_audio(library, cache, talk, ignore_progress).recording
    reports = Reports()
    prepare_recording(library, cache, recording, reports)
    assert reports == []


def test_the_cache_is_trimmed_from_its_oldest_end(cache: Path) -> None:
    cache.mkdir(parents=True)
    for number, name in enumerate("abcd"):
        (cache / f"{name}.flac").write_bytes(bytes(100))
        os.utime(cache / f"{name}.flac", (1000 + number, 1000 + number))
    trim_cache(cache, 250, keep=["a"])
    assert sorted(path.stem for path in cache.iterdir()) == ["a", "c", "d"]


def test_removing_takes_everything_along(library: Library, cache: Path, talk: Path) -> None:
    recording = import_audio(library, cache, talk, ignore_progress).recording
    remove_recording(library, cache, recording)
    assert library.recordings() == [] and files_below(cache) == set() == files_below(library.folder / "recordings")


def test_the_sample_comes_with_its_known_good_transcript_once(library: Library, cache: Path) -> None:
    for _ in range(2):
        recording = add_sample(library, cache, ignore_progress)
    assert recording.title == TITLE and recording.is_sample and len(library.recordings()) == 1
    (transcript,) = library.transcripts(recording.id)
    document = library.document(transcript.id)
    assert {document.speaker_name(segment) for segment in document.segments} == {"Katie", "Steve"}
    assert all(0 <= s.start < s.end <= recording.duration for s in document.segments) and len(document.segments) > 3


def test_a_suffix_that_is_no_suffix_is_dropped(library: Library, cache: Path, talk: Path, tmp_path: Path) -> None:
    odd = talk.rename(tmp_path / "talk.final version (3)")
    assert import_audio(library, cache, odd, ignore_progress).recording.original == "original"


def test_what_is_being_imported_is_no_leftover(library: Library, cache: Path, talk: Path) -> None:
    imported = import_audio(library, cache, talk, lambda progress: sweep(library, cache))
    assert original_file(library, imported.recording).exists() and library.recordings() == [imported.recording]
    assert imported.recording.state is RecordingState.READY
