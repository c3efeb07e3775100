"""The watch folder: only what is new, only when it is complete, once, and never what lay there before."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from desktop.archives import Found
from desktop.errors import BadAudio, Cancelled, UserError
from desktop.importing import remove_recording
from desktop.library import Library
from desktop.model import Progress, ignore_progress
from desktop.watching import Watch, forget
from tests.sounds import tone, write_wav


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "recorder"
    made.mkdir()
    write_wav(made / "was here before.wav", tone(0.2, 300))
    return made


@pytest.fixture
def watch(library: Library, cache: Path, folder: Path) -> Watch:
    """One that was just switched on."""
    made = Watch(library, cache, folder)
    assert made.look(ignore_progress) == []
    return made


def names(found: list[Found]) -> list[str]:
    return [file.place for file in found]


def look_twice(watch: Watch) -> list[Found]:
    assert watch.look(ignore_progress) == []
    return watch.look(ignore_progress)


def test_a_new_file_is_taken_in_at_the_second_look_and_only_once(watch: Watch, folder: Path,
                                                                 library: Library) -> None:
    write_wav(folder / "2019-05-03 new.wav", tone(0.2, 400))
    found, = look_twice(watch)
    imported = watch.take_in(found, ignore_progress)
    assert (imported.recording.title, imported.was_here) == ("2019-05-03 new", False)
    assert library.recordings()[0].recorded_on == "2019-05-03" and len(library.recordings()) == 1
    assert look_twice(watch) == []
    assert (folder / "2019-05-03 new.wav").exists()


def test_what_was_there_when_it_was_switched_on_is_left_alone_also_after_a_new_start(
        watch: Watch, folder: Path, library: Library, cache: Path) -> None:
    assert look_twice(watch) == [] == look_twice(Watch(library, cache, folder))


def test_what_came_while_the_program_was_closed_is_taken_in(watch: Watch, folder: Path, library: Library,
                                                            cache: Path) -> None:
    (folder / "sub").mkdir()
    old = write_wav(folder / "sub" / "new.wav", tone(0.2, 500))
    os.utime(old, (10**9, 10**9))  # a copy keeps its old date; what counts is that it came after
    assert names(look_twice(Watch(library, cache, folder))) == ["sub/new.wav"]


def test_a_file_that_still_grows_waits(watch: Watch, folder: Path) -> None:
    whole = write_wav(folder.parent / "whole.wav", tone(0.5, 400)).read_bytes()
    for end in (0, 100, 5000, len(whole)):
        (folder / "growing.wav").write_bytes(whole[:end])
        assert watch.look(ignore_progress) == []
    assert names(watch.look(ignore_progress)) == ["growing.wav"]


def test_a_file_that_is_empty_or_hidden_or_no_sound_waits_for_ever(watch: Watch, folder: Path) -> None:
    for name in ("empty.wav", ".hidden.wav", "letter.txt"):
        (folder / name).write_bytes(b"" if name == "empty.wav" else b"words")
    assert look_twice(watch) == []


def test_a_broken_file_fails_once_and_is_not_tried_again(watch: Watch, folder: Path, library: Library,
                                                         cache: Path) -> None:
    (folder / "broken.mp3").write_bytes(b"no sound" * 100)
    found, = look_twice(watch)
    with pytest.raises(BadAudio):
        watch.take_in(found, ignore_progress)
    assert look_twice(watch) == [] == look_twice(Watch(library, cache, folder))


def test_a_full_disk_is_not_the_fault_of_the_file_so_the_next_start_tries_it_again(
        watch: Watch, folder: Path, library: Library, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_wav(folder / "new.wav", tone(0.2, 400))
    found, = look_twice(watch)
    with monkeypatch.context() as patch:
        usage = shutil.disk_usage(folder)
        patch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=0))
        with pytest.raises(BadAudio, match="disk is full"):
            watch.take_in(found, ignore_progress)
    assert look_twice(watch) == []
    assert names(look_twice(Watch(library, cache, folder))) == ["new.wav"]


def test_a_stopped_import_is_taken_up_again(watch: Watch, folder: Path, library: Library) -> None:
    def stop(_: Progress) -> None:
        raise Cancelled

    write_wav(folder / "new.wav", tone(0.2, 400))
    found, = look_twice(watch)
    with pytest.raises(Cancelled):
        watch.take_in(found, stop)
    assert library.recordings() == [] and names(watch.look(ignore_progress)) == ["new.wav"]


def test_what_was_removed_from_the_library_or_lies_in_the_bin_does_not_come_back(
        watch: Watch, folder: Path, library: Library, cache: Path) -> None:
    for number in range(2):
        write_wav(folder / f"{number}.wav", tone(0.2, 400 + 50 * number))
    first, second = (watch.take_in(found, ignore_progress).recording for found in look_twice(watch))
    remove_recording(library, cache, first)
    library.set_binned([second.id], True)
    assert look_twice(Watch(library, cache, folder)) == []
    shutil.copy(folder / "1.wav", folder / "the same again.wav")
    found, = look_twice(watch)
    assert watch.take_in(found, ignore_progress).was_here and library.recordings() == []


def test_a_recorder_that_uses_a_name_again_makes_a_new_recording(watch: Watch, folder: Path, library: Library) -> None:
    for pitch in (400, 500):
        write_wav(folder / "REC001.wav", tone(0.2, pitch))
        os.utime(folder / "REC001.wav", (10**9 + pitch, 10**9 + pitch))
        found, = look_twice(watch)
        watch.take_in(found, ignore_progress)
    assert len(library.recordings()) == 2


def test_a_folder_that_disappears_is_said_and_taken_up_again_when_it_returns(watch: Watch, folder: Path) -> None:
    write_wav(folder / "new.wav", tone(0.2, 400))
    folder.rename(folder.with_name("unplugged"))
    for _ in range(2):
        with pytest.raises(UserError, match="not there now"):
            watch.look(ignore_progress)
    folder.with_name("unplugged").rename(folder)
    assert names(look_twice(watch)) == ["new.wav"]


def test_a_folder_that_is_away_when_it_is_switched_on_begins_when_it_comes(library: Library, cache: Path,
                                                                           folder: Path) -> None:
    away = folder.rename(folder.with_name("unplugged"))
    watch = Watch(library, cache, folder)
    with pytest.raises(UserError):
        watch.look(ignore_progress)
    away.rename(folder)
    assert look_twice(watch) == [] == watch.look(ignore_progress)


def test_switched_off_and_on_again_or_with_another_folder_it_begins_anew(watch: Watch, folder: Path,
                                                                         library: Library, cache: Path) -> None:
    write_wav(folder / "meanwhile.wav", tone(0.2, 400))
    forget(library)
    assert look_twice(Watch(library, cache, folder)) == []
    other = Path(shutil.copytree(folder, folder.with_name("other")))
    assert look_twice(Watch(library, cache, other)) == []
    assert not set(names(look_twice(Watch(library, cache, folder)))), "the first folder begins anew, too"


def test_a_state_that_is_nonsense_begins_anew(watch: Watch, folder: Path, library: Library, cache: Path) -> None:
    for text in ("{", "[]", '{"folder": 3}', json.dumps({"folder": str(folder), "known": [1]})):
        (library.folder / "watched.json").write_text(text)
        assert look_twice(Watch(library, cache, folder)) == []


def test_the_library_itself_is_not_watched(library: Library, cache: Path, home: Path, tmp_path: Path) -> None:
    watch = Watch(library, cache, home)
    assert watch.look(ignore_progress) == []
    file = write_wav(home / "new.wav", tone(0.2, 400))
    watch.take_in(look_twice(watch)[0], ignore_progress)
    assert file.exists() and look_twice(watch) == []
