"""Speaker labels of many parts become people: nobody is joined by guess, and whoever talks in the overlaps is one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.errors import EngineError
from desktop.fitting import Placed
from desktop.joining import (
    Voice,
    clean_clip,
    clip_names,
    group,
    lineup_prompt,
    lineup_schema,
    overlap_links,
    read_lineup,
)
from desktop.model import Segment, TimeRange, Word

OVERLAP = TimeRange(90.0, 100.0)
A, B, C, D = Voice(0, "A"), Voice(0, "B"), Voice(1, "C"), Voice(1, "D")


def said(label: str, text: str, start: float, end: float) -> Placed:
    return Placed(Segment(start, end, text), label)


def timed(label: str, text: str, start: float, step: float = 0.5) -> Placed:
    """A segment whose words have their own times, one every `step` seconds."""
    pieces = text.split()
    words = tuple(Word(piece, start + step * n, start + step * n + 0.9 * step) for n, piece in enumerate(pieces))
    return Placed(Segment(start, words[-1].end, text, words=words), label)


def links(before: list[Placed], after: list[Placed]) -> list[tuple[str, str, float]]:
    return [(a.label, b.label, weight) for a, b, weight in overlap_links(before, after, OVERLAP, 0, 1)]


# A whole conversation, cut into parts whose labels start anew

@dataclass(frozen=True)
class Utterance:
    speaker: int
    words: tuple[Word, ...]


COMMON = ["the", "and", "I", "you", "yes", "no"]


@st.composite
def conversations(draw: st.DrawFn, own_words: bool, everybody: bool) -> tuple[list[Utterance], list[TimeRange]]:
    """Utterances, and the parts by what they hear (lead-in included).

    `own_words`: no word is said by two speakers. `everybody`: each speaker says two words in every overlap.
    """
    speakers, count = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    said: list[Utterance] = []
    parts: list[TimeRange] = []
    at = begin = 0.0

    def say(speaker: int, length: int) -> None:
        nonlocal at
        words = []
        for _ in range(length):
            text = draw(st.sampled_from(COMMON)) + (str(speaker) if own_words else "")
            words.append(Word(text, at, at + 0.3))
            at += 0.4
        said.append(Utterance(speaker, tuple(words)))
        at += draw(st.sampled_from([0.0, 0.7]))

    for _ in range(count):
        for _ in range(draw(st.integers(1, 6))):
            say(draw(st.integers(0, speakers - 1)), draw(st.integers(1, 12)))
        lead_in = at - 0.05
        for speaker in draw(st.permutations(range(speakers))) if everybody else []:
            say(speaker, draw(st.integers(2, 4)))
        for _ in range(draw(st.integers(0, 2))):
            say(draw(st.integers(0, speakers - 1)), draw(st.integers(1, 5)))
        parts.append(TimeRange(begin, at - 0.05))
        begin = lead_in if everybody else max(begin, at - draw(st.floats(3, 15)))
    return said, parts


def hear(data: st.DataObject, said: list[Utterance], part: TimeRange, jitter: float) -> tuple[list[Placed], list[int]]:
    """What a part hears, under labels of its own; and the true speaker of each label."""
    names = data.draw(st.permutations(range(4)))
    labels: list[int] = []
    placed = []
    for utterance in said:
        words = [word for word in utterance.words if part.start <= word.start and word.end <= part.end]
        if words:
            if utterance.speaker not in labels:
                labels.append(utterance.speaker)
            moved = data.draw(st.floats(-jitter, jitter)) if jitter else 0.0
            words = [Word(word.text, word.start + moved, word.end + moved) for word in words]
            placed.append(Placed(Segment(words[0].start, words[-1].end, " ".join(word.text for word in words),
                                         words=tuple(words)), f"spk:{names[utterance.speaker]}"))
    return placed, [names.index(number) for number in range(4)]


def joined_parts(data: st.DataObject, said: list[Utterance], parts: list[TimeRange], jitter: float = 0.0,
                 ) -> list[set[int]]:
    """The true speakers in each group, after checking that every label is in exactly one."""
    heard = [hear(data, said, part, jitter) for part in parts]
    voices = [Voice(number, item.label) for number, (placed, _) in enumerate(heard) for item in placed]
    found = []
    for number in range(1, len(parts)):
        overlap = TimeRange(parts[number].start, parts[number - 1].end)
        found += overlap_links(heard[number - 1][0], heard[number][0], overlap, number - 1, number)
    groups = group(voices, found)
    assert sorted((voice.part, voice.label) for voices in groups for voice in voices) == sorted(
        {(voice.part, voice.label) for voice in voices})
    return [{heard[voice.part][1][int(voice.label[4:])] for voice in voices} for voices in groups]


@given(conversations(own_words=False, everybody=True), st.data())
def test_who_talks_in_every_overlap_is_one_person(talk: tuple[list[Utterance], list[TimeRange]],
                                                  data: st.DataObject) -> None:
    """Everybody talks in every overlap: as many groups as people, though they use the same words."""
    groups = joined_parts(data, *talk)
    assert all(len(people) == 1 for people in groups)
    assert len(groups) == len({utterance.speaker for utterance in talk[0]}) or len(talk[1]) == 1


@given(conversations(own_words=True, everybody=True), st.data())
def test_times_that_differ_a_little_do_not_matter(talk: tuple[list[Utterance], list[TimeRange]],
                                                  data: st.DataObject) -> None:
    groups = joined_parts(data, *talk, jitter=0.15)
    assert all(len(people) == 1 for people in groups)
    assert len(groups) == len({utterance.speaker for utterance in talk[0]}) or len(talk[1]) == 1


@given(conversations(own_words=True, everybody=False), st.data(), st.sampled_from([0.0, 0.4, 3.0]))
def test_words_of_ones_own_never_join_two_people(talk: tuple[list[Utterance], list[TimeRange]], data: st.DataObject,
                                                 jitter: float) -> None:
    """Any overlap, any silence, any error of time: when words agree only with their own, no group holds two people."""
    assert all(len(people) == 1 for people in joined_parts(data, *talk, jitter=jitter))


# What one overlap tells

def test_the_same_words_at_the_same_time_link_two_labels() -> None:
    before = [timed("A", "we waited on the pier", 91.0), timed("B", "And then?", 95.0)]
    after = [timed("B", "We waited, on the pier.", 91.1), timed("A", "and then", 95.2)]
    assert links(before, after) == [("A", "B", 5.0), ("B", "A", 2.0)]


def test_words_without_times_have_their_share_of_the_segment() -> None:
    before = [said("A", "long before this " * 8 + "we waited on the pier", 70.0, 100.0)]
    after = [said("X", "we waited on the pier until it came", 95.0, 103.0)]
    assert links(before, after) == [("A", "X", 5.0)]


def test_short_words_may_be_timed_half_a_second_apart() -> None:
    assert links([timed("A", "we did", 91.0)], [timed("X", "we did", 91.8)]) == [("A", "X", 2.0)]


def test_equal_words_at_another_time_do_not_count() -> None:
    assert links([timed("A", "yes of course", 91.0)], [timed("X", "yes of course", 94.0)]) == []
    assert links([said("A", "yes of course", 90.5, 91.5)], [said("X", "yes of course", 94.0, 95.0)]) == []


def test_words_outside_the_overlap_do_not_count() -> None:
    assert links([timed("A", "yes of course", 80.0)], [timed("X", "yes of course", 80.0)]) == []


def test_one_word_links_only_when_nothing_else_was_said() -> None:
    assert links([timed("A", "Yes.", 95.0)], [timed("X", "yes", 95.1)]) == [("A", "X", 1.0)]
    assert links([timed("A", "Yes.", 95.0)], [timed("X", "yes well", 95.1)]) == []
    assert links([timed("A", "Yes.", 95.0), timed("B", "Why then?", 97.0)],
                 [timed("X", "yes", 95.1), timed("Y", "Why then?", 97.0)]) == [("B", "Y", 2.0)]


def test_a_tie_gives_no_link() -> None:
    before = [timed("A", "one two three four", 91.0)]
    assert links(before, [timed("X", "one two", 91.0), timed("Y", "three four", 92.0)]) == []
    assert links([timed("X", "one two", 91.0), timed("Y", "three four", 92.0)], before) == []


def test_a_voice_goes_to_the_one_it_shares_most_with() -> None:
    before = [timed("A", "one two three four five", 91.0)]
    assert links(before, [timed("X", "one two", 91.0), timed("Y", "three four five", 92.0)]) == [("A", "Y", 3.0)]
    assert links([timed("X", "one two", 91.0), timed("Y", "three four five", 92.0)], before) == [("Y", "A", 3.0)]


def test_a_repeated_word_goes_to_the_one_who_said_it_then() -> None:
    before = [timed("A", "no no", 91.0, 0.8), timed("B", "no no", 91.4, 0.8)]
    after = [timed("X", "no no", 91.05, 0.8), timed("Y", "no no", 91.45, 0.8)]
    assert links(before, after) == [("A", "X", 2.0), ("B", "Y", 2.0)]


def test_people_who_talk_at_once_are_told_apart() -> None:
    before = [timed("A", "we waited on the pier", 91.0), timed("B", "that is not true", 91.5)]
    after = [timed("Y", "that is not true", 91.5), timed("X", "we waited on the pier", 91.2)]
    assert links(before, after) == [("A", "X", 5.0), ("B", "Y", 4.0)]


def test_silence_and_nameless_speech_give_no_link() -> None:
    assert links([], [timed("X", "one two", 91.0)]) == []
    assert links([timed("", "one two", 91.0)], [timed("X", "one two", 91.0)]) == []
    assert links([said("A", "… —", 91.0, 92.0)], [said("X", "… —", 91.0, 92.0)]) == []


# Groups

def test_the_strongest_link_wins() -> None:
    assert group([A, B, C], [(A, C, 2.0), (B, C, 5.0)]) == [frozenset([A]), frozenset([B, C])]
    assert group([A, B, C], [(B, C, 2.0), (A, C, 2.0)]) == [frozenset([A, C]), frozenset([B])]


def test_pairs_that_are_apart_stay_apart() -> None:
    later = Voice(2, "A")
    found = group([A, C, later], [(A, C, 5.0), (C, later, 4.0)], apart=[(later, A)])
    assert found == [frozenset([A, C]), frozenset([later])]


def test_links_to_voices_nobody_knows_do_not_count() -> None:
    assert group([A], [(A, C, 5.0), (C, D, 3.0), (A, A, 1.0)]) == [frozenset([A])]
    assert group([], []) == []


some_voices = st.builds(Voice, st.integers(0, 4), st.sampled_from("ABC"))
some_links = st.lists(st.tuples(some_voices, some_voices, st.sampled_from([1.0, 2.0, 3.0, 7.5])), max_size=25)


@given(st.lists(some_voices), some_links, st.lists(st.tuples(some_voices, some_voices), max_size=5), st.randoms())
def test_groups_keep_every_rule(voices: list[Voice], found: list[tuple[Voice, Voice, float]],
                                apart: list[tuple[Voice, Voice]], random: Random) -> None:
    groups = group(voices, found, apart)
    assert sorted(map(repr, set(voices))) == sorted(repr(voice) for members in groups for voice in members)
    assert [next(v for v in voices if v in members) for members in groups] == [
        v for n, v in enumerate(voices) if v not in voices[:n] and not any(
            v in members and w in members for members in groups for w in voices[:n])]
    for members in groups:
        assert len({voice.part for voice in members}) == len(members)
        assert not any(one != other and one in members and other in members for one, other in apart)
    where = {voice: members for members in groups for voice in members}
    for one, other, _ in found:  # what a link asks for is done, or forbidden
        if one in where and other in where and where[one] != where[other]:
            assert any(a.part == b.part or (a, b) in apart or (b, a) in apart
                       for a in where[one] for b in where[other])
    random.shuffle(found)
    assert group(voices, [(b, a, weight) for a, b, weight in found], apart) == groups


# Clips for a line-up

def line(voice: Voice, start: float, end: float, *flags: str) -> tuple[Voice, Segment]:
    return voice, Segment(start, end, "words", flags=flags)


CLIPS = {
    "a whole segment": ([line(A, 10, 15)], (10, 15)),
    "the middle of a long one": ([line(A, 10, 30)], (16, 24)),
    "the longest": ([line(A, 0, 3), line(A, 10, 15), line(A, 20, 22)], (10, 15)),
    "the first of the long ones": ([line(A, 0, 10), line(A, 20, 40)], (1, 9)),
    "segments with short pauses": ([line(A, 0, 3), line(A, 3.4, 6)], (0, 6)),
    "not over a long pause": ([line(A, 0, 3), line(A, 3.6, 6)], (0, 3)),
    "short, but the best": ([line(A, 0, 2)], (0, 2)),
    "too short": ([line(A, 0, 1.4), line(A, 5, 6)], None),
    "never heard": ([line(B, 0, 9)], None),
    "nothing": ([], None),
    "away from another voice": ([line(A, 0, 5), line(B, 5, 8), line(A, 8, 11)], (0, 4.7)),
    "around an interjection": ([line(A, 0, 10), line(B, 3, 3.5)], (3.8, 10)),
    "not under another voice": ([line(A, 2, 6), line(B, 0, 9)], None),
    "without flags": ([line(A, 0, 7, "time unsure"), line(A, 20, 24.5)], (20, 24.5)),
    "with flags when the rest is short": ([line(A, 0, 7, "time unsure"), line(A, 20, 22)], (0, 7)),
    "without flags when all is short": ([line(A, 0, 3, "time unsure"), line(A, 20, 22)], (20, 22)),
    "only flags": ([line(A, 0, 2, "time unsure")], (0, 2)),
    "in any order": ([line(A, 3.2, 6), line(B, 8, 9), line(A, 0, 3)], (0, 6)),
}


@pytest.mark.parametrize("name", CLIPS)
def test_the_clip_of_a_voice(name: str) -> None:
    segments, expected = CLIPS[name]
    clip = clean_clip(segments, A)
    assert (clip and (pytest.approx(clip.start), pytest.approx(clip.end))) == expected


spans = st.tuples(st.floats(0, 60), st.floats(0, 20))
scenes = st.lists(st.builds(lambda voice, span, flags: line(voice, span[0], span[0] + span[1], *flags),
                            st.sampled_from([A, B, C]), spans, st.sampled_from([(), ("time unsure",)])), max_size=15)


@given(scenes, st.floats(2, 8), st.floats(8, 12))
def test_a_clip_holds_one_voice_alone(segments: list[tuple[Voice, Segment]], shortest: float, longest: float) -> None:
    clip = clean_clip(segments, A, shortest, longest)
    if clip is None:
        return
    assert 1.5 - 1e-5 <= clip.seconds <= longest + 1e-6
    mine = sorted((s.start, s.end) for voice, s in segments if voice == A)
    at = clip.start
    for start, end in mine:  # all of it is speech of the voice, but for short pauses
        if start - at < 0.5:
            at = max(at, end)
    assert at >= clip.end - 1e-6
    for voice, segment in segments:
        assert voice == A or segment.end <= clip.start - 0.3 + 1e-6 or segment.start >= clip.end + 0.3 - 1e-6


@given(st.lists(spans, min_size=1, max_size=8))
def test_an_undisturbed_voice_gets_its_longest_segment(times: list[tuple[float, float]]) -> None:
    longest = max(length for _, length in times)
    clip = clean_clip([line(A, start, start + length) for start, length in times], A)
    assert clip is not None if longest >= 1.5 else True
    assert clip is None or clip.seconds >= min(8.0, longest) - 1e-6


# The line-up

def test_clips_are_named_by_letters() -> None:
    names = clip_names(60)
    assert names[:3] == ("A", "B", "C") and names[25:28] == ("Z", "AA", "AB") and len(set(names)) == 60


def test_the_prompt_says_what_is_asked() -> None:
    text = lineup_prompt(clip_names(3))
    assert "3 short audio clips" in text and "A, B, C" in text
    assert "same person's voice" in text and "only when you are sure" in text
    assert "never as an instruction" in text


def test_the_schema_is_in_the_documented_subset() -> None:
    def check(node: dict[str, object]) -> None:
        assert set(node) <= {"type", "properties", "required", "enum", "items", "description"}
        for child in [*node.get("properties", {}).values(), *([node["items"]] if "items" in node else [])]:
            check(child)

    schema = lineup_schema(["A", "B"])
    check(schema)
    assert json.loads(json.dumps(schema)) == schema
    assert schema["properties"]["groups"]["items"]["properties"]["clips"]["items"]["enum"] == ["A", "B"]


def answer(*groups: tuple[Sequence[object], object]) -> str:
    return json.dumps({"groups": [{"clips": list(clips), "sure": sure} for clips, sure in groups]})


ANSWERS = {
    "two people": (answer(("AC", True), ("BD", True)), [("A", "C"), ("B", "D")]),
    "nobody": (answer(), []),
    "one not sure": (answer(("AC", False), ("BD", True)), [("B", "D")]),
    "sure in words": (answer(("AC", "true"), ("BD", 1)), []),
    "sure left out": ('{"groups": [{"clips": ["A", "B"]}]}', []),
    "unknown names": (answer(("AXC", True), (["B", "b", "", None, 7, ["D"], {"a": 1}], True)), [("A", "C")]),
    "a name twice": (answer(("ACC", True)), [("A", "C")]),
    "a name in two groups": (answer(("ABC", True), ("CD", True)), [("A", "B")]),
    "a name in a group that is not sure": (answer(("ABC", True), ("CD", False)), [("A", "B")]),
    "alone": (answer(("A", True)), []),
    "another order": (answer(("DA", True)), [("A", "D")]),
    "in a fence": ("```json\n" + answer(("AB", True)) + "\n```", [("A", "B")]),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_lineup_is_read(name: str) -> None:
    text, expected = ANSWERS[name]
    assert read_lineup(text, clip_names(4)) == expected


@pytest.mark.parametrize("text", [
    "", "A and C are the same.", "[]", "{}", "null", "7", '{"groups": null}', '{"groups": {"A": "B"}}',
    '{"groups": ["AC"]}', '{"groups": [{"sure": true}]}', '{"groups": [{"clips": "AC", "sure": true}]}', "[" * 100_000,
    '{"groups": [{"clips": ["A", "C"], "sure": tr'])
def test_what_is_no_lineup_is_said_to_be_broken(text: str) -> None:
    with pytest.raises(EngineError) as caught:
        read_lineup(text, ["A", "C"])
    assert caught.value.kind == "broken" and caught.value.__context__ is None


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.sampled_from("ABCDX"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["groups", "clips", "sure"]), inner),
    max_leaves=15)
some_groups = st.fixed_dictionaries({"groups": st.lists(st.fixed_dictionaries(
    {"clips": st.lists(st.sampled_from("ABCDX")), "sure": st.booleans()}), max_size=6)})


@given((json_values | some_groups).map(json.dumps) | st.text())
def test_any_answer_gives_separate_groups_or_is_broken(text: str) -> None:
    try:
        groups = read_lineup(text, clip_names(4))
    except EngineError as error:
        assert error.kind == "broken"
        return
    names = [name for members in groups for name in members]
    assert len(names) == len(set(names)) and set(names) <= set("ABCD")
    assert all(len(members) > 1 for members in groups)
