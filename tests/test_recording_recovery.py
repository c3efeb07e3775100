"""What recorders leave behind: everything is offered, nothing is deleted, and the segments go last."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import soundfile

from desktop.audio.cache import CacheFiles
from desktop.audio.peaks import Peaks
from desktop.errors import Cancelled, UserError
from desktop.importing import original_file, sweep
from desktop.library import Library
from desktop.model import Progress, Terms, ignore_progress
from desktop.recording import flac, recovery
from desktop.recording.journal import Journal
from desktop.recording.writer import header
from tests.sounds import tone

RATE = 16_000
ROOT = Path(__file__).resolve().parent.parent


def leave(folder: Path, *seconds: float, finished: bool = False, title: str = "Talk", journal: bool = True,
          seed: int = 1) -> Path:
    """A recording with a segment for each of `seconds`, as a killed recorder leaves it."""
    folder.mkdir(parents=True)
    rng, at = np.random.default_rng(seed), 0.0
    writing = Journal(folder)
    writing.add("start", device="Mic", rate=RATE, channels=1, title=title)
    for number, length in enumerate(seconds, 1):
        sound = rng.integers(-9000, 9000, round(length * RATE)).astype(np.int16).tobytes()
        writing.add("segment", number=number, seconds=at, why="", gap=0)
        is_last = number == len(seconds) and not finished
        (folder / f"{number:04d}.wav").write_bytes(header(RATE, 1, None if is_last else len(sound)) + sound)
        if not is_last:
            writing.add("closed", number=number, frames=len(sound) // 2, sha256=hashlib.sha256(sound).hexdigest())
        at += length
    if finished:
        writing.add("finished", seconds=at)
    writing.close()
    if not journal:
        (folder / "journal.jsonl").unlink()
    return folder


def add(folder: Path, what: str, **values: object) -> None:
    writing = Journal(folder)
    writing.add(what, **values)
    writing.close()


def everything(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def sound_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes()[44:] for file in sorted(folder.glob("0*.wav")))


def twelve(folder: Path) -> dict[str, float]:
    """Twelve leftovers; the seconds of sound in each."""
    (folder / "01-empty.rec").mkdir(parents=True)
    leave(folder / "02-header.rec", 0)
    leave(folder / "03-killed.rec", 1, 0.5)
    leave(folder / "04-odd.rec", 1, 0.5)
    with open(folder / "04-odd.rec" / "0002.wav", "ab") as file:
        file.write(b"x")
    (leave(folder / "05-missing.rec", 1, 1, 1) / "0002.wav").unlink()
    (leave(folder / "06-foreign.rec", 1) / "notes.txt").write_text("not ours")
    leave(folder / "07-finished.rec", 1, 1, finished=True)
    leave(folder / "08-no-journal.rec", 1, journal=False)
    short = leave(folder / "09-short.rec", 1, 1)
    (short / "0002.wav").write_bytes(b"RIFF")
    (leave(folder / "10-tmp.rec", 1) / ".0002.tmp").write_bytes(b"RI")
    other = leave(folder / "11-other-wav.rec", 1)
    soundfile.write(other / "0002.wav", tone(1, rate=44_100), 44_100)
    broken = leave(folder / "12-broken-journal.rec", 1)
    with open(broken / "journal.jsonl", "ab") as file:
        file.write(b'{"what": "mark", "sec\xff\n[1]\n{"what": 3}\n{"what": "mark", "seconds": NaN, "note": "a"}\n')
    return {"01-empty.rec": 0, "02-header.rec": 0, "03-killed.rec": 1.5, "04-odd.rec": 1.5, "05-missing.rec": 2,
            "06-foreign.rec": 1, "07-finished.rec": 2, "08-no-journal.rec": 1, "09-short.rec": 1, "10-tmp.rec": 1,
            "11-other-wav.rec": 1, "12-broken-journal.rec": 1}


def test_twelve_leftovers_are_all_offered_and_nothing_is_touched(tmp_path: Path) -> None:
    expected = twelve(tmp_path)
    before = everything(tmp_path)
    for _ in range(2):
        found = {leftover.folder.name: leftover.seconds for leftover in recovery.leftovers(tmp_path)}
        assert found == expected
    assert everything(tmp_path) == before


def test_control_a_leftover_that_is_touched_is_noticed(tmp_path: Path) -> None:
    twelve(tmp_path)
    before = everything(tmp_path)
    with open(tmp_path / "02-header.rec" / "journal.jsonl", "ab") as file:
        file.write(b"\n")
    assert everything(tmp_path) != before


def test_all_leftovers_come_into_the_library_once(library: Library, cache: Path) -> None:
    recordings = library.folder / "recordings"
    expected = twelve(recordings)
    before = {name: sound_of(recordings / name) for name in expected}
    sweep(library, cache)
    for _ in range(2):
        for leftover in recovery.leftovers(recordings):
            if leftover.seconds:
                recovery.keep(library, cache, leftover.folder, ignore_progress)
    kept = library.recordings()
    assert sorted(r.duration for r in kept) == [1.0, 1.5, 2.0, 2.0], "same sound is one recording"
    assert {leftover.folder.name for leftover in recovery.leftovers(recordings)} == {"01-empty.rec", "02-header.rec"}
    assert (recordings / "06-foreign.rec" / "notes.txt").exists()
    assert (recordings / "11-other-wav.rec" / "0002.wav").exists()
    killed = next(r for r in kept if r.duration == 1.5)
    pcm, _ = soundfile.read(original_file(library, killed), dtype="int16")
    assert pcm.tobytes() == before["03-killed.rec"]


def test_a_recording_is_ready_at_once_without_decoding(
        library: Library, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = leave(library.folder / "recordings" / "a.rec", 2, finished=True)
    monkeypatch.setattr("desktop.audio.decoder.start_child", lambda name: pytest.fail("nothing is decoded again"))
    said: list[Progress] = []
    recording = recovery.keep(library, cache, folder, said.append)
    files = CacheFiles(cache, recording.sha256)
    assert files.complete() and Peaks.load(files.peaks).seconds == recording.duration == 2.0
    assert (recording.title, recording.channels, recording.sample_rate) == ("Talk", 1, RATE)
    assert said[-1].payload == recording and not folder.exists()
    assert oct(original_file(library, recording).stat().st_mode & 0o077) == "0o0"


def test_waveform_is_the_one_that_an_import_would_make(library: Library, cache: Path, tmp_path: Path) -> None:
    from desktop.importing import prepare_recording

    recording = recovery.keep(library, cache, leave(tmp_path / "a.rec", 1.237, finished=True), ignore_progress)
    files = CacheFiles(cache, recording.sha256)
    ours = Peaks.load(files.peaks)
    files.remove()
    prepare_recording(library, cache, recording, ignore_progress)
    theirs = Peaks.load(files.peaks)
    assert (ours.rate, ours.bucket, ours.frames) == (theirs.rate, theirs.bucket, theirs.frames)
    assert all(np.array_equal(a, b) for a, b in zip(ours.levels, theirs.levels, strict=True))


def test_marks_off_record_and_gaps_come_along(library: Library, cache: Path, tmp_path: Path) -> None:
    folder = leave(tmp_path / "a.rec", 1, 1)
    add(folder, "mark", seconds=0.5, note="here\x00")
    add(folder, "mark", seconds=99, note="after the last sound that was kept")
    add(folder, "off_record", seconds=0.25, on=True)
    add(folder, "off_record", seconds=0.75, on=False)
    add(folder, "off_record", seconds=1.5, on=True)
    text = (folder / "journal.jsonl").read_text().replace('"number": 2, "seconds": 1.0, "why": "", "gap": 0',
                                                          '"number": 2, "seconds": 1.0, "why": "paused", "gap": 61.04')
    (folder / "journal.jsonl").write_text(text)
    desk = library.desk(recovery.keep(library, cache, folder, ignore_progress).id)
    assert [(mark.seconds, mark.note) for mark in desk.marks] == [
        (0.5, "here"), (1.0, "Paused for 1:01.0"), (2.0, "after the last sound that was kept")]
    assert [(w.range.start, w.range.end, w.terms) for w in desk.withheld] == [
        (0.25, 0.75, Terms.OFF_THE_RECORD), (1.5, 2.0, Terms.OFF_THE_RECORD)]


def test_marks_after_a_missing_piece_stay_with_their_sound(tmp_path: Path) -> None:
    folder = leave(tmp_path / "a.rec", 1, 1, 1)
    add(folder, "mark", seconds=2.5, note="in the third piece")
    (folder / "0002.wav").unlink()
    assert [(mark.seconds, mark.note) for mark in recovery.look(folder).marks] == [
        (1.0, "A piece of the recording is missing here"), (1.5, "in the third piece")]


def test_off_record_after_a_missing_piece_stays_with_its_sound(tmp_path: Path) -> None:
    folder = leave(tmp_path / "a.rec", 1, 1, 1)
    add(folder, "off_record", seconds=2.25, on=True)
    add(folder, "off_record", seconds=2.75, on=False)
    (folder / "0002.wav").unlink()
    withheld = recovery.look(folder).withheld
    assert [(w.range.start, w.range.end) for w in withheld] == [(1.25, 1.75)]


def test_a_changed_segment_is_kept_and_marked(tmp_path: Path) -> None:
    folder = leave(tmp_path / "a.rec", 1, 1)
    data = bytearray((folder / "0001.wav").read_bytes())
    data[5000] ^= 1
    (folder / "0001.wav").write_bytes(data)
    leftover = recovery.look(folder, verify=True)
    assert leftover.seconds == 2 and ["as it was written" in mark.note for mark in leftover.marks] == [True]


def test_segments_stay_when_the_flac_differs(
        library: Library, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = leave(tmp_path / "a.rec", 1)
    before = everything(folder)
    monkeypatch.setattr(recovery, "sound_digest", lambda *_: "0" * 64)
    with pytest.raises(UserError, match="still in"):
        recovery.keep(library, cache, folder, ignore_progress)
    assert everything(folder) == before and library.recordings() == []


def test_the_comparison_has_eyes(tmp_path: Path) -> None:
    folder = leave(tmp_path / "a.rec", 1)
    leftover = recovery.look(folder)
    digest, _ = flac.convert(list(leftover.pieces), tmp_path / "a.flac", RATE, 1, lambda _: None)
    assert flac.sound_digest(tmp_path / "a.flac", lambda _: None) == digest
    pcm, _ = soundfile.read(tmp_path / "a.flac", dtype="int16")
    pcm[7000] ^= 1
    soundfile.write(tmp_path / "a.flac", pcm, RATE)
    assert flac.sound_digest(tmp_path / "a.flac", lambda _: None) != digest


def test_stopping_loses_nothing(library: Library, cache: Path, tmp_path: Path) -> None:
    folder = leave(tmp_path / "a.rec", 3)
    before = sound_of(folder)

    def stop(progress: Progress) -> None:
        if progress.fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        recovery.keep(library, cache, folder, stop)
    assert sound_of(folder) == before
    assert recovery.keep(library, cache, folder, ignore_progress).duration == 3


def test_nobody_touches_a_running_recording(library: Library, cache: Path, tmp_path: Path) -> None:
    folder = leave(tmp_path / "a.rec", 1)
    running = Journal(folder)
    with pytest.raises(BlockingIOError):
        Journal(folder)
    assert recovery.leftovers(tmp_path)[0].is_running
    for attempt in (lambda: recovery.keep(library, cache, folder, ignore_progress),
                    lambda: recovery.drop(recovery.look(folder)),
                    lambda: recovery.write_file(folder, tmp_path / "b.wav", ignore_progress)):
        with pytest.raises(UserError):
            attempt()
    running.close()
    assert not recovery.leftovers(tmp_path)[0].is_running


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_a_file_outside_the_library(tmp_path: Path, ending: str) -> None:
    folder = leave(tmp_path / "a.rec", 1, 0.5)
    before = sound_of(folder)
    target = tmp_path / f"b.{ending}"
    recovery.write_file(folder, target, ignore_progress)
    pcm, rate = soundfile.read(target, dtype="int16")
    assert pcm.tobytes() == before and rate == RATE and not folder.exists()
    assert sorted(file.name for file in tmp_path.iterdir() if file.is_file()) == [target.name]


# -- R10 -------------------------------------------------------------------------------------------------------

KEEP = """
import sys
from pathlib import Path
from desktop.library import Library
from desktop.recording import recovery
print("on", flush=True)
library = Library(Path(sys.argv[1]) / "data")
for leftover in recovery.leftovers(library.folder / "recordings"):
    recovery.keep(library, Path(sys.argv[1]) / "cache", leftover.folder, lambda progress: None)
"""


def kill_conversions(home: Path, kills: int, seed: int, code: str = KEEP) -> int:
    """R10: how many recordings were lost or doubled, of `kills` whose conversion was killed."""
    rng, lost = random.Random(seed), 0
    longest = 0.0
    for number in range(kills + 1):
        own = home / str(number)
        folder = leave(own / "data" / "recordings" / "a.rec", 3, 3, seed=number)
        before = sound_of(folder)
        began = _killed_once(own, code, rng.uniform(0, longest) if number else 60)
        longest = longest or began * 1.1  # the first one runs to its end and says how long that takes
        library = Library(own / "data")
        sweep(library, own / "cache")
        for leftover in recovery.leftovers(library.folder / "recordings"):
            if leftover.seconds:
                recovery.keep(library, own / "cache", leftover.folder, ignore_progress)
        kept = [original_file(library, recording) for recording in library.recordings()]
        sounds = [soundfile.read(file, dtype="int16")[0].tobytes() for file in kept]
        lost += sounds != [before] or folder.exists() or any(r.title != "Talk" for r in library.recordings())
        library.close()
    return lost


def _killed_once(home: Path, code: str, after: float) -> float:
    with subprocess.Popen([sys.executable, "-P", "-c", code, str(home)], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": str(ROOT)}) as process:
        assert process.stdout and process.stdout.readline()
        began = time.monotonic()
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
        return time.monotonic() - began


@pytest.mark.skipif(os.name != "posix", reason="kills")
def test_a_killed_conversion_loses_nothing(tmp_path: Path) -> None:
    seed = secrets.randbelow(1_000_000)
    print(f"seed {seed}")
    assert kill_conversions(tmp_path, 8, seed) == 0


@pytest.mark.skipif(os.name != "posix", reason="kills")
def test_control_a_conversion_that_drops_first_is_noticed(tmp_path: Path) -> None:
    hasty = KEEP.replace("    recovery.keep", "    [p.path.unlink() for p in leftover.pieces]\n    recovery.keep")
    assert kill_conversions(tmp_path, 1, 1, hasty) > 0


def test_journal_entries_are_one_object_a_line(tmp_path: Path) -> None:
    folder = leave(tmp_path / "a.rec", 1, 1, finished=True)
    entries = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    assert [entry["what"] for entry in entries] == ["start", "segment", "closed", "segment", "closed", "finished"]


def test_what_goes_away_while_it_is_looked_at_hides_nothing_else(library: Library,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = library.folder / "recordings"
    going, staying = leave(recordings / "a.rec", 1.0), leave(recordings / "b.rec", 1.0)
    real = recovery._form

    def deleted_meanwhile(folder: Path, entries: list[dict[str, object]], verify: bool) -> tuple[int, int]:
        if folder == going:
            shutil.rmtree(going)
        return real(folder, entries, verify)

    monkeypatch.setattr(recovery, "_form", deleted_meanwhile)
    assert [leftover.folder for leftover in recovery.leftovers(recordings)] == [staying]


def test_what_the_disk_does_not_give_is_offered_and_said(library: Library, cache: Path, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = library.folder / "recordings"
    folder = leave(recordings / "a.rec", 1.0, 2.0, 1.0)
    before = everything(folder)

    def broken(path: Path, mode: str) -> BinaryIO:
        if path.name == "0002.wav":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return open(path, mode)  # type: ignore[return-value]

    monkeypatch.setattr(recovery, "open", broken, raising=False)
    (leftover,) = recovery.leftovers(recordings)
    assert leftover.seconds == 4.0 and leftover.strangers == ()
    for step in (lambda: recovery.keep(library, cache, folder, ignore_progress),
                 lambda: recovery.write_file(folder, tmp_path / "x.wav", ignore_progress)):
        with pytest.raises(UserError, match="does not give all of this recording"):
            step()
    assert everything(folder) == before and library.recordings() == []


def test_a_folder_that_the_disk_does_not_give_hides_no_other_and_is_not_hidden(
        library: Library, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = library.folder / "recordings"
    broken, fine = leave(recordings / "a.rec", 1.0), leave(recordings / "b.rec", 1.0)
    real = Path.is_file

    def is_file(path: Path) -> bool:
        if path.parent == broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path)

    monkeypatch.setattr(Path, "is_file", is_file)
    first, second = recovery.leftovers(recordings)
    assert (first.folder, first.problem, first.pieces) == (broken, os.strerror(errno.EIO), ())
    assert (second.folder, second.problem, second.seconds) == (fine, "", 1.0)


def test_a_link_to_nowhere_hides_no_sound(library: Library) -> None:
    folder = leave(library.folder / "recordings" / "a.rec", 1.0, journal=False)
    (folder / "0000.wav").symlink_to(folder / "gone")
    (leftover,) = recovery.leftovers(folder.parent)
    assert leftover.seconds == 1.0 and leftover.strangers == ("0000.wav",) and not leftover.problem


def test_what_was_brought_in_meanwhile_is_said_to_be_gone(library: Library, cache: Path) -> None:
    folder = library.folder / "recordings" / "a.rec"
    with pytest.raises(UserError, match="not there any more"):
        recovery.keep(library, cache, folder, ignore_progress)
