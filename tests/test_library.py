"""The library keeps what it was given, all of it or nothing, for this user only."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from desktop import environment
from desktop.errors import LibraryError
from desktop.library import Library
from desktop.model import Job, JobState, Part, PartState, Recording, RecordingState, Segment, TimeRange, Word
from tests.desk import rename
from tests.program import ROOT

numbers = itertools.count()


def enter(library: Library, title: str = "A talk") -> Recording:
    number = next(numbers)
    return library.add_recording(title=title, folder=f"folder{number}", original="original.wav",
                                 sha256=f"{number:064x}", byte_count=10)


def job_with(library: Library, recording: Recording, parts: int = 3) -> Job:
    plan = [Part(n, n * 10.0, n * 10.0 + 10, 3.0 if n else 0.0) for n in range(parts)]
    return library.add_job(recording.id, engine="gemini", model="m", options={"language": "es", "speakers": 2},
                           time_range=TimeRange(0, parts * 10.0), parts=plan, translate_to="en")


def said(text: str, start: float = 1.0, speaker: str = "Ann") -> tuple[str, Segment]:
    return speaker, Segment(start, start + 1, text, language="en", translation="t", emotion="sad",
                            flags=("time unsure",),
                            words=(Word("one", start, start + 0.5), Word("two", start + 0.5, start + 1)))


def test_a_recording_comes_back_as_it_was_entered(library: Library) -> None:
    recording = enter(library)
    assert library.recordings() == [recording] and recording.state is RecordingState.PREPARING
    ready = library.set_prepared(recording.id, duration=12.5, sample_rate=48_000, channels=2, problem="odd")
    assert (ready.duration, ready.sample_rate, ready.channels, ready.problem) == (12.5, 48_000, 2, "odd")
    assert library.recording_with_hash(recording.sha256) == ready and library.recording_with_hash("f" * 64) is None


def test_everything_is_there_after_opening_again(library: Library) -> None:
    recording = enter(library)
    job = job_with(library, recording)
    library.store_part(job, 0, [said("Hello."), said("Yes.", 3.0, "Bob")], "A summary.")
    before = library.document(job.transcript_id)
    library.close()
    again = Library(library.folder)
    assert again.document(job.transcript_id) == before and again.job(job.id).parts[0].state is PartState.STORED
    assert before.segments[0].words[1] == Word("two", 1.5, 2.0) and before.transcript.summary == "A summary."
    assert [before.speaker_name(segment) for segment in before.segments] == ["Ann", "Bob"]
    again.close()


def test_storing_a_part_twice_changes_nothing(library: Library) -> None:
    job = job_with(library, enter(library))
    for _ in range(2):
        library.store_part(job, 0, [said("Hello."), said("Yes.", 3.0)], "A.")
    library.store_part(job, 1, [said("More.", 12.0)], "B.")
    assert [segment.text for segment in library.segments(job.transcript_id)] == ["Hello.", "Yes.", "More."]
    assert library.transcript(job.transcript_id).summary == "A.\nB."
    assert len(library.speakers(job.transcript_id)) == 1


def test_a_part_that_fails_half_way_leaves_the_old_one(library: Library) -> None:
    job = job_with(library, enter(library))
    library.store_part(job, 0, [said("Old.")], "")
    with pytest.raises(LibraryError):
        library.store_part(job, 0, [said("New."), ("Ann", Segment(5.0, 4.0, "ends before it starts"))], "")
    assert [segment.text for segment in library.segments(job.transcript_id)] == ["Old."]


def test_missing_ranges_are_merged_and_shrink(library: Library) -> None:
    job = job_with(library, enter(library), parts=5)
    assert library.transcript(job.transcript_id).missing == (TimeRange(0, 50),)
    library.store_part(job, 2, [], "")
    assert library.transcript(job.transcript_id).missing == (TimeRange(0, 20), TimeRange(30, 50))
    for index in (0, 1, 3, 4):
        library.store_part(job, index, [], "")
    assert library.transcript(job.transcript_id).missing == ()


def test_a_speaker_renamed_once_is_renamed_everywhere(library: Library) -> None:
    job = job_with(library, enter(library))
    library.store_part(job, 0, [said("Hello.")], "")
    (speaker,) = library.speakers(job.transcript_id)
    rename(library, job.transcript_id, speaker.id, "Lucía\u202e Ferrer\n")
    library.store_part(job, 1, [said("Again.", 12.0)], "")
    document = library.document(job.transcript_id)
    assert {document.speaker_name(segment) for segment in document.segments} == {"Lucía Ferrer"}
    assert library.speaker_labels(job.transcript_id) == {speaker.id: "Ann"}
    rename(library, job.transcript_id, speaker.id, " \n ")
    assert library.speakers(job.transcript_id)[0].name == "Lucía Ferrer"


def test_a_job_keeps_its_options_and_its_raw_answers(library: Library) -> None:
    job = job_with(library, enter(library))
    assert job.options == {"language": "es", "speakers": 2} and job.parts[1].lead_in == 3.0
    library.save_answer(job.id, 1, "raw \ud800 answer\x00")
    assert library.answer(job.id, 1) == "raw ? answer" and library.answer(job.id, 0) is None
    assert library.job(job.id).parts[1].state is PartState.RECEIVED
    library.drop_answer(job.id, 1)
    assert library.answer(job.id, 1) is None and library.job(job.id).parts[1].state is PartState.PLANNED


def test_jobs_left_running_are_waiting_after_a_crash(library: Library) -> None:
    running, done = (job_with(library, enter(library)) for _ in range(2))
    library.set_job_state(done.id, JobState.DONE)
    library.pause_running_jobs()
    assert [(job.id, job.state) for job in library.unfinished_jobs()] == [(running.id, JobState.WAITING)]


def test_removing_a_recording_removes_all_that_belongs_to_it(library: Library) -> None:
    recording, other = enter(library), enter(library)
    job, kept = job_with(library, recording), job_with(library, other)
    for each in (job, kept):
        library.store_part(each, 0, [said("Hello.")], "")
    library.remove_recording(recording.id)
    for ask in (lambda: library.recording(recording.id), lambda: library.transcript(job.transcript_id),
                lambda: library.job(job.id)):
        with pytest.raises(LibraryError, match="no longer"):
            ask()
    assert library.document(kept.transcript_id).segments
    counts = [library._rows(f"SELECT count(*) FROM {table}")[0][0] for table in ("segment", "word", "speaker", "part")]
    assert counts == [1, 2, 1, 3]


def test_removed_words_are_in_no_file(library: Library) -> None:
    recording = enter(library)
    job = job_with(library, recording)
    library.store_part(job, 0, [said("Kanarienvogelwort")], "")
    library.remove_recording(recording.id)
    library.close()
    for file in library.folder.glob("library.db*"):
        assert b"Kanarienvogelwort" not in file.read_bytes()


def test_words_can_be_found(library: Library) -> None:
    job = job_with(library, enter(library))
    library.store_part(job, 0, [said("Señora Ibáñez was here.")], "")
    library.store_part(job, 0, [said("Señora Ibáñez came back.")], "")

    def hits(word: str) -> int:
        return len(library._rows("SELECT rowid FROM segment_search WHERE segment_search MATCH ?", word))

    assert (hits("ibanez"), hits("back"), hits("here")) == (1, 1, 0)


def test_what_arrives_is_cleaned_before_it_is_kept(library: Library) -> None:
    job = job_with(library, enter(library))
    dirty = Segment(1, 2, "a\ud800b\x1b[31m\r\nc\u2028d", language="e\x00n")
    library.store_part(job, 0, [("A\x00nn\u202e\n", dirty)], "")
    (segment,) = library.segments(job.transcript_id)
    assert segment.text == "a?b[31m\nc\nd" and segment.language == "en"
    assert library.speakers(job.transcript_id)[0].name == "Ann"
    assert enter(library, "\u202e\x00").title == "Untitled"


def test_files_are_for_this_user_only(home: Path) -> None:
    before = os.umask(0o022)
    try:
        environment.harden()
        library = Library(home / "data")
        enter(library)
        modes = {path.relative_to(home): stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*")}
        library.close()
    finally:
        os.umask(before)
    assert len(modes) >= 4
    wanted = {path: 0o700 if (home / path).suffix == "" else 0o600 for path in modes}
    assert modes == wanted


def test_the_database_is_set_to_survive_a_power_cut(library: Library) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
    got = {name: library._writer.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted}
    assert got == wanted


def test_a_folder_that_cannot_be_used_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(LibraryError, match="cannot be opened"):
        Library(tmp_path / "file" / "data")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "library.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(LibraryError, match="nothing was changed"):
        Library(tmp_path / "data")
    assert (tmp_path / "data" / "library.db").read_bytes().startswith(b"this is no database")


def test_a_file_that_breaks_while_in_use_is_said_in_words(library: Library) -> None:
    recording = enter(library)
    outside = sqlite3.connect(library.folder / "library.db")
    outside.execute("ALTER TABLE recording RENAME TO something_else")
    outside.commit()
    outside.close()
    for use in (library.recordings, lambda: library.rename_recording(recording.id, "x")):
        with pytest.raises(LibraryError):
            use()


def test_many_threads_read_and_write_at_once(library: Library) -> None:
    jobs = [job_with(library, enter(library), parts=6) for _ in range(4)]
    problems: list[BaseException] = []

    def work(job: Job) -> None:
        try:
            for index in range(6):
                library.store_part(job, index, [said(f"part {index}", index * 10.0)], "")
                assert len(library.segments(job.transcript_id)) == index + 1
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == [] and len(library.recordings()) == 4


WRITER = """
import sys
from pathlib import Path
from desktop.library import Library
library = Library(Path(sys.argv[1]))
for number in range(100000):
    library.add_recording(title=str(number), folder=f"f{number}", original="o", sha256=f"{number:064x}", byte_count=1)
    print(number, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_what_was_committed_survives_a_kill(tmp_path: Path) -> None:
    for round_number in range(6):
        folder = tmp_path / str(round_number)
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdout
        last = -1
        while last < 5 + 7 * round_number:
            last = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        process.stdout.close()
        process.wait()
        said_last = int(rest[-1]) if rest else last
        library = Library(folder)
        titles = sorted(int(recording.title) for recording in library.recordings())
        assert titles == list(range(len(titles))) and len(titles) in (said_last + 1, said_last + 2)
        assert library._rows("PRAGMA integrity_check")[0][0] == "ok"
        library.close()


def test_speakers_are_numbered_as_they_speak_and_names_stay(library: Library) -> None:
    recording = library.add_recording(title="t", folder="f", original="o", sha256="1" * 64, byte_count=1)
    transcript = library.add_transcript(recording.id, engine="gemini", model="m", time_range=TimeRange(0, 9))
    library.add_segments(transcript.id, [("Speaker 1", Segment(5, 6, "c")), ("Speaker 2", Segment(1, 2, "a")),
                                         ("Maria", Segment(3, 4, "b")), ("Speaker 3", Segment(7, 8, "d"))])
    library.renumber_speakers(transcript.id)
    document = library.document(transcript.id)
    assert [document.speaker_name(s) for s in document.segments] == ["Speaker 1", "Maria", "Speaker 2", "Speaker 3"]
    assert [speaker.name for speaker in library.speakers(transcript.id)] == ["Speaker 1", "Maria", "Speaker 2",
                                                                             "Speaker 3"]
    rename(library, transcript.id, document.segments[0].speaker_id or 0, "Ann")
    library.renumber_speakers(transcript.id)
    assert library.document(transcript.id).speaker_name(document.segments[0]) == "Ann"
