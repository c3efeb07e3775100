"""The desk in the library: what was edited is on the disk as it is on the screen, and comes back the same."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop import editing
from desktop.editing import applied, rebased
from desktop.errors import LibraryError
from desktop.exporting import render
from desktop.library import Library
from desktop.model import (
    OLD_TRANSLATION,
    SPEAKER_UNSURE,
    Change,
    Desk,
    Job,
    Mark,
    Part,
    Proposal,
    Quote,
    Recording,
    Segment,
    Speaker,
    Terms,
    TimeRange,
    TranscriptDocument,
    Withheld,
    Word,
)
from desktop.withholding import release
from tests.desk import KINDS, LENGTH, enter, merge_speakers, rename, some_change, some_segments, worded
from tests.program import ROOT

NAMES = ("Speaker 1", "Speaker 2", "Speaker 3")


def recorded(library: Library, number: int = 1) -> Recording:
    recording = library.add_recording(title="A talk", folder=f"f{number}", original="o.wav", sha256=f"{number:064x}",
                                      byte_count=1)
    return library.set_prepared(recording.id, duration=LENGTH, sample_rate=48_000, channels=1, problem="")


def filled(library: Library, recording: Recording, lines: list[tuple[str, Segment]]) -> TranscriptDocument:
    transcript = library.add_transcript(recording.id, engine="gemini", model="m", time_range=TimeRange(0, LENGTH))
    library.add_segments(transcript.id, lines)
    return library.document(transcript.id)


def by_chance(library: Library, chance: random.Random, number: int = 1) -> TranscriptDocument:
    lines = [(chance.choice((*NAMES, "")), s) for s in some_segments(chance, 25, [1])]
    lines += [(name, Segment(0.0, 1.0, name)) for name in NAMES]
    return filled(library, recorded(library, number), lines)


def talk(library: Library, number: int = 1) -> TranscriptDocument:
    """Three lines by two speakers."""
    return filled(library, recorded(library, number), [
        ("Speaker 1", Segment(0.0, 4.0, "We paid.", words=worded("We paid.", 0.0, 4.0), translation="Pagamos.")),
        ("Speaker 2", Segment(5.0, 8.0, "Never.", flags=(SPEAKER_UNSURE,))),
        ("Speaker 1", Segment(9.0, 12.0, "On time.", words=worded("On time.", 9.0, 12.0)))])


def working(library: Library) -> tuple[Recording, Job]:
    """A job of three parts that has not heard anything yet."""
    recording = recorded(library)
    job = library.add_job(recording.id, engine="gemini", model="m", options={}, time_range=TimeRange(0, 90.0),
                          parts=[Part(n, n * 30.0, n * 30.0 + 30.0, 3.0 if n else 0.0) for n in range(3)])
    return recording, job


def contents(document: TranscriptDocument) -> tuple[object, ...]:
    return document.segments, list(document.speakers.items())


def search_is_sound(library: Library) -> None:
    connection = sqlite3.connect(library.folder / "library.db")
    connection.execute("INSERT INTO segment_search (segment_search, rank) VALUES ('integrity-check', 1)")
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


# -- edits -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_edited_is_kept_as_it_is_shown_and_taken_back_in_full(library: Library, kind: str) -> None:
    done = 0
    for seed in range(6):
        chance = random.Random(seed)
        document = by_chance(library, chance, seed)
        for _ in range(4):
            change = KINDS[kind](document, chance, new_segment_or_speaker(library, kind))
            if change is None:
                continue
            transcript_id = document.transcript.id
            before = library.document(transcript_id)
            assert before == document
            now, _ = applied(document, change)
            assert contents(enter(library, transcript_id, change)) == contents(now)
            assert enter(library, transcript_id, change.reversed()) == before
            document = enter(library, transcript_id, change)
            assert contents(document) == contents(now)
            done += not change.is_empty
    search_is_sound(library)
    assert done > 3


def new_segment_or_speaker(library: Library, kind: str = "") -> Any:
    """One row of numbers for both, so that chance may ask for any."""
    return lambda: max(library.new_id("segment"), library.new_id("speaker"))


@pytest.mark.parametrize("seed", range(3))
def test_two_hundred_edits_are_kept_taken_back_and_made_again(library: Library, seed: int) -> None:
    print("seed", seed)
    chance = random.Random(seed)
    first = document = by_chance(library, chance)
    transcript_id, changes = document.transcript.id, []
    states = [contents(document)]
    while len(changes) < 200:
        change = some_change(document, chance, new_segment_or_speaker(library))
        if change is None or change.is_empty:
            continue
        changes.append(rebased(change, document))
        document, _ = applied(document, changes[-1])
        library.apply([(transcript_id, changes[-1])])
        states.append(contents(document))
        if len(changes) % 20 == 0:
            assert contents(library.document(transcript_id)) == states[-1]
    for number in range(199, -1, -1):
        library.apply([(transcript_id, changes[number].reversed())])
        if number % 20 == 0:
            assert contents(library.document(transcript_id)) == states[number], number
    assert library.document(transcript_id) == first
    library.apply([(transcript_id, change) for change in changes])
    assert contents(library.document(transcript_id)) == states[-1]
    search_is_sound(library)


def test_of_several_changes_all_are_kept_or_none(library: Library) -> None:
    document = talk(library)
    good = editing.set_text(document.segments[0], "Good.")
    broken = Change((), (replace(document.segments[1], start=9.0, end=1.0, id=library.new_id("segment")),))
    with pytest.raises(LibraryError):
        library.apply([(document.transcript.id, good), (document.transcript.id, broken)])
    assert library.document(document.transcript.id) == document


def test_an_edit_leaves_alone_what_a_machine_wrote_since_the_document_was_read(library: Library) -> None:
    document = talk(library)
    line = document.segments[0]
    library.annotate(document.transcript.id, [(line.id, "en", "Hemos pagado.", "calm")], "")
    now = enter(library, document.transcript.id, editing.check([line]))
    assert now.segments[0] == replace(line, language="en", translation="Hemos pagado.", emotion="calm", checked=True)


def test_a_new_translation_is_up_to_date(library: Library) -> None:
    document = talk(library)
    line = replace(document.segments[0], flags=("time unsure",))
    transcript_id = document.transcript.id
    document = enter(library, transcript_id, Change((document.segments[0],), (line,)))
    document = enter(library, transcript_id, editing.set_text(document.segments[0], "We never paid."))
    assert document.segments[0].flags == ("time unsure", OLD_TRANSLATION)
    library.annotate(transcript_id, [(line.id, "en", " \n", "")], "")
    assert library.document(transcript_id).segments[0].flags == ("time unsure", OLD_TRANSLATION)
    library.annotate(transcript_id, [(line.id, "en", "Nunca pagamos.", "")], "")
    assert library.document(transcript_id).segments[0].flags == ("time unsure",)


def test_what_was_corrected_survives_a_part_that_is_fitted_again(library: Library) -> None:
    """A part is stored again when the one before it came later; that must not happen over an edit."""
    _, job = working(library)
    library.store_part(job, 1, [("Speaker 1", Segment(31.0, 34.0, "We payed.")),
                                ("Speaker 1", Segment(35.0, 36.0, "Yes."))], "")
    document = library.document(job.transcript_id)
    assert not library.is_replaced(job.transcript_id, TimeRange(27.0, 60.0))
    edits: list[Change] = [editing.set_text(document.segments[0], "We paid."), editing.check(document.segments[:1]),
                           editing.assign(document.segments[:1], None)]
    for change in edits:
        now = enter(library, job.transcript_id, change)
        assert library.is_replaced(job.transcript_id, TimeRange(27.0, 60.0))
        assert [s.id for s in now.segments] == [s.id for s in document.segments]
        enter(library, job.transcript_id, change.reversed())


# -- ids -------------------------------------------------------------------------------------------------------


def test_an_id_is_never_given_to_another_row(library: Library) -> None:
    document = talk(library)
    given: set[int] = {s.id for s in document.segments}
    for _ in range(3):
        change = editing.delete(document.segments[-1:])
        library.apply([(document.transcript.id, change)])
        other = library.new_id("segment")
        library.add_segments(library.add_transcript(document.recording.id, engine="e", model="m", time_range=TimeRange(
            0, 1)).id, [("Ann", Segment(0.0, 1.0, "Between an edit and its undo."))])
        library.apply([(document.transcript.id, change.reversed())])
        assert contents(library.document(document.transcript.id)) == contents(document)
        assert other not in given
        given.add(other)


def test_what_a_version_may_bring_back_keeps_its_ids_when_the_program_starts_again(library: Library) -> None:
    document = talk(library)
    new = editing.assign_new(document, document.segments[-1:], "Ann", lambda: library.new_id("speaker"))
    document = enter(library, document.transcript.id, new)
    version = library.add_version(document.transcript.id, "Delete")
    library.apply([(document.transcript.id, editing.delete(document.segments[-1:])),
                   (document.transcript.id, Change((), (), new.speakers_after))])
    library.close()
    again = Library(library.folder)
    other = filled(again, recorded(again, 2), [("Zoë", Segment(0.0, 1.0, "Somebody else."))])
    assert not {s.id for s in other.segments} & {s.id for s in document.segments}
    assert not set(other.speakers) & set(document.speakers)
    restored = editing.restore(again.document(document.transcript.id), again.version_document(version))
    assert contents(enter(again, document.transcript.id, restored)) == contents(document)
    assert again.document(other.transcript.id) == other
    again.close()


def test_two_programs_give_out_different_ids(library: Library) -> None:
    document = talk(library)
    other = Library(library.folder)
    mine, theirs = library.new_id("segment"), 0
    library.apply([(document.transcript.id, Change((), (Segment(20.0, 21.0, "Mine.", id=mine),)))])
    theirs = other.new_id("segment")
    other.apply([(document.transcript.id, Change((), (Segment(22.0, 23.0, "Theirs.", id=theirs),)))])
    assert library.new_id("segment") > theirs > mine
    library.add_segments(document.transcript.id, [])
    assert [s.text for s in library.segments(document.transcript.id)][3:] == ["Mine.", "Theirs."]
    other.close()


# -- speakers --------------------------------------------------------------------------------------------------


def test_of_merged_speakers_only_the_kept_one_is_shown_and_exported(library: Library) -> None:
    document = talk(library)
    one, two = document.speakers
    rename(library, document.transcript.id, one, "Ann")
    now = merge_speakers(library, document.transcript.id, one, two)
    assert list(now.speakers) == [one] and library.speaker_labels(now.transcript.id) == {one: "Speaker 1"}
    assert [now.speaker_name(s) for s in now.segments] == ["Ann", "Ann", "Ann"] and now.segments[1].flags == ()
    assert "Speaker 2" not in str(render(release(now), "txt"))


def test_a_part_that_brings_the_old_label_of_a_merged_speaker_brings_somebody_new(library: Library) -> None:
    _, job = working(library)
    library.store_part(job, 0, [("Speaker 1", Segment(0.0, 1.0, "a")), ("Speaker 2", Segment(2.0, 3.0, "b"))], "")
    before = library.document(job.transcript_id)
    one, two = before.speakers
    change = editing.merge_speakers(before, one, two)
    enter(library, job.transcript_id, change)
    library.store_part(job, 1, [("Speaker 1", Segment(31.0, 32.0, "c")), ("Speaker 2", Segment(33.0, 34.0, "d"))], "")
    now = library.document(job.transcript_id)
    assert [now.speaker_name(s) for s in now.segments] == ["Speaker 1", "Speaker 1", "Speaker 1", "Speaker 2"]
    assert now.segments[3].speaker_id not in (one, two)
    back = enter(library, job.transcript_id, rebased(change.reversed(), now))
    assert back.segments[:2] == before.segments and back.segments[2:] == now.segments[2:]
    assert set(before.speakers) < set(back.speakers) and len(back.speakers) == 3
    labels = library.speaker_labels(job.transcript_id)
    assert len(set(labels.values())) == 3 and labels[now.segments[3].speaker_id or 0] == "Speaker 2"
    again = enter(library, job.transcript_id, rebased(change, back))
    assert contents(again) == contents(now)


def test_undone_and_with_no_new_part_a_merged_speaker_has_the_old_label(library: Library) -> None:
    document = talk(library)
    one, two = document.speakers
    labels = library.speaker_labels(document.transcript.id)
    change = editing.merge_speakers(document, one, two)
    for _ in range(3):
        enter(library, document.transcript.id, change)
        assert enter(library, document.transcript.id, change.reversed()) == document
    assert library.speaker_labels(document.transcript.id) == labels


def test_merged_one_after_the_other_and_all_taken_back(library: Library) -> None:
    document = by_chance(library, random.Random(5))
    transcript_id = document.transcript.id
    one, two, three = document.speakers
    first = editing.merge_speakers(document, two, three)
    now = enter(library, transcript_id, first)
    second = editing.merge_speakers(now, one, two)
    last = enter(library, transcript_id, second)
    assert list(last.speakers) == [one]
    assert enter(library, transcript_id, second.reversed()) == now
    assert enter(library, transcript_id, first.reversed()) == document


def test_numbering_speakers_anew_leaves_merged_ones_alone(library: Library) -> None:
    document = filled(library, recorded(library), [
        ("Speaker 1", Segment(20.0, 21.0, "c")), ("Speaker 2", Segment(0.0, 1.0, "a")),
        ("Speaker 3", Segment(10.0, 11.0, "b"))])
    transcript_id = document.transcript.id
    by_text = {s.text: s.speaker_id or 0 for s in document.segments}
    change = editing.merge_speakers(document, by_text["a"], by_text["c"])
    enter(library, transcript_id, change)
    library.renumber_speakers(transcript_id)
    now = library.document(transcript_id)
    assert [now.speaker_name(s) for s in now.segments] == ["Speaker 2", "Speaker 3", "Speaker 2"]
    assert list(now.speakers) == [by_text["a"], by_text["b"]]
    back = enter(library, transcript_id, rebased(change.reversed(), now))
    assert [back.speaker_name(s) for s in back.segments] == ["Speaker 2", "Speaker 3", "Speaker 1"]
    library.renumber_speakers(transcript_id)
    assert len(set(library.speaker_labels(transcript_id).values())) == 3


def test_a_renamed_or_merged_speaker_needs_no_proposals(library: Library) -> None:
    document = talk(library)
    one, two = document.speakers
    for act in (lambda: rename(library, document.transcript.id, two, "Zoë"),
                lambda: merge_speakers(library, document.transcript.id, one, two)):
        library.propose([Proposal(i, "Ann", document.segments[0].id) for i in (one, two)])
        act()
        assert {p.speaker_id for p in library.proposals(document.transcript.id)} <= {one}
    library.propose([Proposal(i, "Ann", document.segments[0].id) for i in (one, two)])
    assert [p.speaker_id for p in library.proposals(document.transcript.id)] == [one]


def test_a_new_speaker_is_nobody_whom_a_part_of_a_job_means(library: Library) -> None:
    _, job = working(library)
    library.store_part(job, 0, [("Speaker 1", Segment(0.0, 1.0, "a"))], "")
    document = library.document(job.transcript_id)
    change = editing.assign_new(document, document.segments, "", lambda: library.new_id("speaker"))
    enter(library, job.transcript_id, change)
    library.store_part(job, 1, [("Speaker 2", Segment(31.0, 32.0, "b"))], "")
    now = library.document(job.transcript_id)
    assert now.segments[0].speaker_id != now.segments[1].speaker_id
    back = enter(library, job.transcript_id, rebased(change.reversed(), now))
    assert back.segments == (document.segments[0], now.segments[1])


# -- versions --------------------------------------------------------------------------------------------------


def edited_much(library: Library, document: TranscriptDocument, chance: random.Random) -> TranscriptDocument:
    for _ in range(60):
        change = some_change(document, chance, new_segment_or_speaker(library))
        document = enter(library, document.transcript.id, rebased(change, document) if change else None)
    return document


@pytest.mark.parametrize("seed", range(4))
def test_a_version_is_the_transcript_as_it_was_and_brings_it_back(library: Library, seed: int) -> None:
    print("seed", seed)
    chance = random.Random(seed)
    document = edited_much(library, by_chance(library, chance), chance)
    transcript_id = document.transcript.id
    version = library.add_version(transcript_id, "Find\u202e and\nreplace")
    (entry,) = library.versions(transcript_id)
    assert (entry.id, entry.transcript_id, entry.reason) == (version, transcript_id, "Find and replace")
    now = edited_much(library, document, chance)
    old = library.version_document(version)
    assert old == document
    change = rebased(editing.restore(now, old), now)
    back = enter(library, transcript_id, change)
    assert contents(back) == contents(applied(now, change)[0])
    assert back.segments == document.segments
    assert {i: s for i, s in back.speakers.items() if i in document.speakers} == document.speakers
    assert enter(library, transcript_id, rebased(change.reversed(), back)) == now
    search_is_sound(library)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1)), max_size=5))
def test_a_version_keeps_times_to_the_last_bit(times: list[tuple[float, float]]) -> None:
    library = SHARED.library()
    words = tuple(Word(f"w{n}", start, start + more) for n, (start, more) in enumerate(times))
    library.apply([(SHARED.transcript_id, Change((SHARED.line,), (replace(SHARED.line, words=words),)))])
    SHARED.line = replace(SHARED.line, words=words)
    document = library.document(SHARED.transcript_id)
    assert document.segments == (SHARED.line,)
    assert library.version_document(library.add_version(SHARED.transcript_id, "x")) == document


class _Shared:
    """One library for all examples of a property."""

    transcript_id = 0
    line = Segment(0.0, 1.0, "")
    _open: Library | None = None

    def library(self) -> Library:
        assert self._open is not None
        return self._open


SHARED = _Shared()


@pytest.fixture(scope="module", autouse=True)
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    library = Library(tmp_path_factory.mktemp("shared"))
    document = filled(library, recorded(library), [("Ann", Segment(0.0, 1.0, "Yes."))])
    SHARED._open, SHARED.transcript_id, SHARED.line = library, document.transcript.id, document.segments[0]
    yield
    library.close()


def test_one_line_comes_back_after_its_speaker_was_merged(library: Library) -> None:
    document = talk(library)
    transcript_id = document.transcript.id
    one, two = document.speakers
    version = library.add_version(transcript_id, "x")
    now = merge_speakers(library, transcript_id, one, two)
    now = enter(library, transcript_id, editing.set_texts([(s, f"{s.text} Really.") for s in now.segments]))
    change = rebased(editing.restore(now, library.version_document(version), [now.segments[1].id]), now)
    back = enter(library, transcript_id, change)
    assert [(s.text, back.speaker_name(s)) for s in back.segments] == [
        ("We paid. Really.", "Speaker 1"), ("Never.", "Speaker 2"), ("On time. Really.", "Speaker 1")]
    assert library.speaker_labels(transcript_id) == {one: "Speaker 1", two: "Speaker 2"}
    assert enter(library, transcript_id, rebased(change.reversed(), back)) == now
    assert enter(library, transcript_id, rebased(change, now)) == back


def test_a_version_brings_back_a_speaker_who_was_undone(library: Library) -> None:
    document = talk(library)
    transcript_id = document.transcript.id
    new = editing.assign_new(document, document.segments[:1], "Ann", lambda: library.new_id("speaker"))
    with_ann = enter(library, transcript_id, new)
    version = library.add_version(transcript_id, "x")
    assert enter(library, transcript_id, rebased(new.reversed(), with_ann)) == document
    change = rebased(editing.restore(document, library.version_document(version)), document)
    assert contents(enter(library, transcript_id, change)) == contents(with_ann)
    assert enter(library, transcript_id, rebased(change.reversed(), with_ann)) == document


def test_thirty_versions_and_the_oldest_are_kept(library: Library) -> None:
    document, other = talk(library), talk(library, 2)
    apart = library.add_version(other.transcript.id, "other")
    ids = [library.add_version(document.transcript.id, str(n)) for n in range(40)]
    assert [v.id for v in library.versions(document.transcript.id)] == [*reversed(ids[10:]), ids[0]]
    assert [v.id for v in library.versions(other.transcript.id)] == [apart]
    with pytest.raises(LibraryError, match="no longer"):
        library.version_document(ids[5])
    assert library.version_document(ids[0]) == document
    for table in ("version_segment", "version_word", "version_speaker"):
        assert library._rows(f"SELECT count(DISTINCT version_id) FROM {table}")[0][0] == 32


def test_versions_go_with_their_transcript(library: Library) -> None:
    document, other = talk(library), talk(library, 2)
    version = library.add_version(document.transcript.id, "x")
    kept = library.add_version(other.transcript.id, "x")
    library.remove_transcript(document.transcript.id)
    with pytest.raises(LibraryError, match="no longer"):
        library.version_document(version)
    library.remove_recording(other.recording.id)
    assert library.versions(other.transcript.id) == [] and kept
    for table in ("version", "version_segment", "version_word", "version_speaker"):
        assert library._rows(f"SELECT count(*) FROM {table}")[0][0] == 0


def test_a_version_of_a_transcript_that_is_gone_is_said_in_words(library: Library) -> None:
    with pytest.raises(LibraryError):
        library.add_version(99, "x")


def test_a_version_of_twenty_thousand_lines_is_made_by_the_database(library: Library) -> None:
    """The times are printed; the limits are far above them."""
    text = "We did not pay Ortiz on time and he"
    document = filled(library, recorded(library), [
        (NAMES[n % 3], Segment(n * 2.0, n * 2 + 1.9, text, words=worded(text, n * 2.0, n * 2 + 1.9)))
        for n in range(20_000)])
    took = {}
    began = time.perf_counter()
    version = library.add_version(document.transcript.id, "x")
    took["version"] = time.perf_counter() - began
    one, two, _ = document.speakers
    for name, change in {"one text": editing.set_text(document.segments[9], "Other."),
                         "5,000 texts": editing.set_texts([(s, f"{s.text}!") for s in document.segments[::4]]),
                         "merging": editing.merge_speakers(document, one, two)}.items():
        began = time.perf_counter()
        library.apply([(document.transcript.id, change)])
        took[name] = time.perf_counter() - began
        library.apply([(document.transcript.id, change.reversed())])
    began = time.perf_counter()
    assert library.version_document(version) == library.document(document.transcript.id) == document
    took["reading both"] = time.perf_counter() - began
    print({name: f"{1000 * seconds:.1f} ms" for name, seconds in took.items()})
    assert took["version"] < 10 and took["one text"] < 2


# -- quotes, marks, off the record -----------------------------------------------------------------------------


def noted(library: Library, document: TranscriptDocument) -> Desk:
    at = "2026-11-23T03:00:00.000+00:00"
    one, two = document.speakers
    return Desk(
        (Quote(TimeRange(0.1 + 0.2, 4.0), "We paid.", document.transcript.id, one, "Ann", "n", "t", at,
               library.new_id("quote")),
         Quote(TimeRange(5.0, 8.0), "Never.", document.transcript.id, two, "Bob", "", "", at, library.new_id("quote"))),
        (Mark(1 / 3, "here"), Mark(7.0), Mark(7.0, "again")),
        (Withheld(TimeRange(5.0, 6.0), Terms.BACKGROUND, at), Withheld(TimeRange(5.0, 6.0), Terms.OFF_THE_RECORD, at),
         Withheld(TimeRange(10.0, 11.0), Terms.OFF_THE_RECORD, at)))


def test_the_desk_comes_back_as_it_was_given(library: Library) -> None:
    document = talk(library)
    desk = noted(library, document)
    for wanted in (desk, desk, replace(desk, quotes=desk.quotes[1:]), Desk(), desk):
        library.set_desk(document.recording.id, wanted)
        assert library.desk(document.recording.id) == wanted
        assert library.document(document.transcript.id).desk == wanted
    assert desk.off_record == (TimeRange(5.0, 6.0), TimeRange(10.0, 11.0))
    library.close()
    again = Library(library.folder)
    assert again.desk(document.recording.id) == desk
    again.close()


def test_one_desk_does_not_touch_another(library: Library) -> None:
    one, two = talk(library), talk(library, 2)
    desks = {d.recording.id: noted(library, d) for d in (one, two)}
    for recording_id, desk in desks.items():
        library.set_desk(recording_id, desk)
    library.set_desk(one.recording.id, Desk())
    assert library.desk(two.recording.id) == desks[two.recording.id]
    library.remove_recording(two.recording.id)
    for table in ("quote", "mark", "withheld"):
        assert library._rows(f"SELECT count(*) FROM {table}")[0][0] == 0


def test_a_quote_outlives_its_transcript_and_its_speaker(library: Library) -> None:
    document = talk(library)
    desk = noted(library, document)
    library.set_desk(document.recording.id, desk)
    one, two = document.speakers
    change = editing.merge_speakers(document, one, two)
    now = enter(library, document.transcript.id, change)
    assert now.desk.quotes == desk.quotes  # merged or not: the record of the speaker is there
    library.set_desk(document.recording.id, now.desk)
    assert enter(library, document.transcript.id, change.reversed()).desk == desk
    library.remove_transcript(document.transcript.id)
    left = library.desk(document.recording.id)
    assert left.quotes == tuple(replace(q, transcript_id=None, speaker_id=None) for q in desk.quotes)
    assert [q.said_by for q in left.quotes] == ["Ann", "Bob"]
    library.set_desk(document.recording.id, desk)  # noted while the transcript went
    assert library.desk(document.recording.id) == left


def test_what_is_noted_is_cleaned(library: Library) -> None:
    document = talk(library)
    dirty = "a\ud800b\x1b\x00c\u202e\r\nd\u2028"
    quote = Quote(TimeRange(0.0, 1.0), dirty, None, None, dirty, dirty, dirty * 100, "", library.new_id("quote"))
    library.set_desk(document.recording.id, Desk((quote,), (Mark(1.0, dirty),), (Withheld(TimeRange(0.0, 1.0)),)))
    desk = library.desk(document.recording.id)
    (kept,) = desk.quotes
    assert kept.text == kept.note == desk.marks[0].note == "a?bc\u202e\nd" and kept.said_by == "a?bc d"
    assert "\n" not in kept.tag and len(kept.tag) <= 200
    assert kept.made_at > "2026" and desk.withheld[0].marked_at > "2026"


@pytest.mark.parametrize("desk", [
    Desk((Quote(TimeRange(2.0, 1.0), "x", id=77),)), Desk((), (), (Withheld(TimeRange(2.0, 1.0)),)),
    Desk((), (Mark(float("nan")),)), Desk((Quote(TimeRange(0.0, 1.0), "x", id=77),) * 2)])
def test_a_desk_that_cannot_be_kept_leaves_the_old_one(library: Library, desk: Desk) -> None:
    document = talk(library)
    old = noted(library, document)
    library.set_desk(document.recording.id, old)
    with pytest.raises(LibraryError):
        library.set_desk(document.recording.id, desk)
    assert library.desk(document.recording.id) == old


def test_quotes_have_ids_that_never_come_back(library: Library) -> None:
    document = talk(library)
    desk = noted(library, document)
    library.set_desk(document.recording.id, desk)
    library.set_desk(document.recording.id, replace(desk, quotes=()))
    new = library.new_id("quote")
    assert new not in {q.id for q in desk.quotes}
    library.set_desk(document.recording.id, desk)
    assert library.desk(document.recording.id) == desk and new > max(q.id for q in desk.quotes)


def test_removed_words_are_in_no_file(library: Library) -> None:
    document = talk(library)
    word = "Kanarienvogelwort"
    document = enter(library, document.transcript.id, editing.set_text(document.segments[0], f"{word} {word}x paid."))
    library.add_version(document.transcript.id, word)
    library.set_desk(document.recording.id, Desk((Quote(TimeRange(0.0, 1.0), word, id=library.new_id("quote")),),
                                                 (Mark(1.0, word),)))
    library.remove_recording(document.recording.id)
    library.close()
    for file in library.folder.glob("library.db*"):
        assert word.encode() not in file.read_bytes()


# -- killed ----------------------------------------------------------------------------------------------------

EDITOR = """
import sys
from pathlib import Path
from desktop import editing
from desktop.library import Library
library = Library(Path(sys.argv[1]))
document = library.document(1)
for number in range(100000):
    first, second = document.segments[0], document.segments[1]
    changes = [editing.set_text(first, f"number {number}"), editing.set_text(second, f"{number} number")]
    for change in changes:
        document = editing.applied(document, change)[0]
    if number % 10 == 5:
        changes.append(editing.insert(document, len(document.segments) - 1, lambda: library.new_id("segment")))
        document = editing.applied(document, changes[-1])[0]
    if number % 10 == 8:
        library.add_version(1, str(number))
    library.apply([(1, change) for change in changes])
    print(number, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("wanted", [3, 17, 41])
def test_every_edit_that_was_made_survives_a_kill(library: Library, wanted: int) -> None:
    document = talk(library)
    assert document.transcript.id == 1
    library.close()
    process = subprocess.Popen([sys.executable, "-c", EDITOR, str(library.folder)], stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout
    last = -1
    while last < wanted:
        last = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().split()
    process.stdout.close()
    process.wait()
    said_last = int(rest[-1]) if rest else last
    again = Library(library.folder)
    now = again.document(1)
    first, second = now.segments[:2]
    number = int(first.text.split()[1])
    assert number in (said_last, said_last + 1)
    assert second.text == f"{number} number"  # both changes or none
    assert len(now.segments) == 3 + sum(1 for n in range(number + 1) if n % 10 == 5)
    assert [w.text for w in first.words] == first.text.split()
    assert again._rows("PRAGMA integrity_check")[0][0] == "ok"
    search_is_sound(again)
    again.close()


def test_a_speaker_is_the_same_in_memory_and_on_the_disk(library: Library) -> None:
    """Speakers with the same number are in the same order everywhere."""
    document = talk(library)
    third = Speaker(library.new_id("speaker"), "Zoë", 0)
    now = enter(library, document.transcript.id, Change((), (), (), (third,)))
    assert list(now.speakers) == list(applied(document, Change((), (), (), (third,)))[0].speakers)
