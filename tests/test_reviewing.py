"""The review queue: what a journalist must hear again is in it, in every language, and nothing takes long."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.audio.peaks import Peaks
from desktop.doubts import MUCH_MISSING, NO_VOICE, speech_without_text
from desktop.errors import Cancelled
from desktop.fitting import TIME_UNSURE
from desktop.model import (
    SPEAKER_UNSURE,
    Progress,
    Recording,
    Segment,
    Speaker,
    TimeRange,
    Transcript,
    TranscriptDocument,
    Word,
)
from desktop.reviewing import Doubt, Kind, Review, disagreements, doubtful, review
from desktop.transcription import REPEATED

NUMBERS, NAMES, NEGATIONS = Kind.NUMBERS, Kind.NAMES, Kind.NEGATIONS


def document(*segments: Segment, seconds: float = 1e6, speakers: tuple[str, ...] = (),
             missing: tuple[TimeRange, ...] = ()) -> TranscriptDocument:
    return TranscriptDocument(
        Recording(1, "Harbour", "f", "o", "ab", seconds, 16_000, 1, "now"),
        Transcript(1, 1, "gemini", "m", "now", TimeRange(0.0, seconds), missing=missing),
        {n: Speaker(n, name) for n, name in enumerate(speakers, 1)},
        tuple(replace(s, id=n) for n, s in enumerate(segments, 1)))


def lines(*texts: str, language: str = "en", **more: tuple[str, ...]) -> TranscriptDocument:
    return document(*(Segment(2.0 * n, 2.0 * n + 1.5, text, language=language) for n, text in enumerate(texts)),
                    **more)  # type: ignore[arg-type]


def marked(text: str, language: str, kind: Kind, **more: object) -> list[str]:
    """The places of a line that are marked for this kind."""
    found = doubtful(lines(text, language=language), kinds=(kind,), **more)  # type: ignore[arg-type]
    return [text[begin:end] for doubt in found for begin, end in doubt.words]


# -- numbers, negations and names in many languages ----------------------------------------------------------


@pytest.mark.parametrize("language, text, numbers", [
    ("en", "We paid 4,500 dollars on May 3rd, at 12:30.", ["4,500", "May", "3rd", "12:30"]),
    ("en", "Twenty-three people, half of them, twice.", ["Twenty-three", "half", "twice"]),
    ("en", "It cost €5 or 3.5% more.", ["€5", "3.5%"]), ("en", "One can often see this one.", []),
    ("en-US", "two hundred thousand", ["two", "hundred", "thousand"]),
    ("de", "Dreiundzwanzig Leute und ein Hund, am dritten März.", ["Dreiundzwanzig", "dritten", "März"]),
    ("de", "Eine Million, zweitausend Euro.", ["Million", "zweitausend"]), ("German", "und eine und ein", []),
    ("fr", "Quatre-vingt-dix personnes, le deux janvier.", ["Quatre-vingt-dix", "deux", "janvier"]),
    ("es", "Quinientas personas, mil euros, en mayo.", ["Quinientas", "mil", "mayo"]),
    ("it", "Ventitré persone, duecento euro. Tu sei qui.", ["Ventitré", "duecento"]),
    ("pt-BR", "Duzentas pessoas na terça-feira.", ["Duzentas", "terça-feira"]),
    ("nl", "Drieëntwintig mensen en een hond.", ["Drieëntwintig"]),
    ("sv", "Tjugotre personer, sex av dem.", ["Tjugotre", "sex"]), ("en", "The sex was male.", []),
    ("da", "Femogtyve mennesker og en hund.", ["Femogtyve"]), ("nb", "Tjuetre mennesker.", ["Tjuetre"]),
    ("pl", "Dwadzieścia pięć osób, trzysta złotych.", ["Dwadzieścia", "pięć", "trzysta"]),
    ("ru", "Двадцать пять человек.", ["Двадцать", "пять"]), ("uk", "Двадцять п'ять людей.", ["Двадцять", "п'ять"]),
    ("zh", "他付了三千五百块，有5个人。", ["三千五百", "5"]), ("ja", "三人が来ました。", ["三"]),
    ("", "Neunzehn people, nineteen Leute, due to one man.", ["Neunzehn", "nineteen"]),
    ("fi", "Tuhat 20 ten", ["20"])])
def test_numbers_dates_and_amounts_are_found(language: str, text: str, numbers: list[str]) -> None:
    assert marked(text, language, NUMBERS) == numbers


@pytest.mark.parametrize("language, text, negations", [
    ("en", "I didn't know, I don’t, I can not. Never!", ["didn't", "don’t", "not", "Never"]),
    ("en", "Notable knots, nobody, cannot.", ["nobody", "cannot"]),
    ("de", "Ich habe nicht, ich hatte keinen, nie.", ["nicht", "keinen", "nie"]),
    ("de", "Die Niederlage ist nichtig.", []),
    ("fr", "Je n'ai rien vu, il ne vient plus.", ["n'ai", "rien", "ne", "plus"]),
    ("fr", "Une personne de plus.", []), ("fr", "Je n’ai pas vu qu'aucun d’eux.", ["n’ai", "pas", "qu'aucun"]),
    ("es", "No, nunca dije nada.", ["No", "nunca", "nada"]), ("it", "Non l'ho mai detto.", ["Non", "mai"]),
    ("pt", "Eu não disse nada.", ["não", "nada"]), ("pt", "Eu na\u0303o disse.", ["na\u0303o"]),
    ("nl", "Ik heb het niet gezegd, geen woord.", ["niet", "geen"]),
    ("sv", "Jag sa inte det. Ni vet.", ["inte"]), ("da", "Det er ikke mig.", ["ikke"]),
    ("no", "Det er ikkje meg.", ["ikkje"]), ("pl", "Nie wiem, nigdy.", ["Nie", "nigdy"]),
    ("ru", "Я не знаю, нет.", ["не", "нет"]), ("uk", "Я не знаю, ніколи.", ["не", "ніколи"]),
    ("zh", "我不知道。", ["不"]), ("ja", "知りません。", ["ません"]),
    ("", "Das weiß ich nicht, I do not, não.", ["nicht", "not", "não"])])
def test_negations_are_found(language: str, text: str, negations: list[str]) -> None:
    assert marked(text, language, NEGATIONS) == negations


@pytest.mark.parametrize("language, text, names", [
    ("en", "We met Maria Ørsted in Kyiv. She left. I'm sure I did.", ["Maria", "Ørsted", "Kyiv"]),
    ("en", "Then Dr. Mora came.", ["Mora"]), ("en", "Who? The mayor. OK.", []), ("en", "It is Joe’s boat.", ["Joe’s"]),
    ("de", "Der Hafen gehört der Stadt.", []),
    ("de", "Dann kam Frau Anna Berg an den Hafen.", ["Anna", "Berg"]),
    ("fr", "Il habite l'Europe avec Jean.", ["Europe", "Jean"]),
    ("it", "Vive nell’Italia di Rossi.", ["Italia", "Rossi"]),
    ("es", "Lo dijo Lucía en Sevilla.", ["Lucía", "Sevilla"]),
    ("pl", "Powiedział to Jan w Gdańsku.", ["Jan", "Gdańsku"]),
    ("ru", "Это сказал Иван в Москве.", ["Иван", "Москве"]), ("zh", "他在北京。", [])])
def test_names_are_capitals_inside_a_sentence_where_nouns_have_none(language: str, text: str,
                                                                    names: list[str]) -> None:
    assert marked(text, language, NAMES) == names


@pytest.mark.parametrize("language, text, names", [
    ("de", "Der Hafen von Puerto Claro gehört Reed.", ["Puerto", "Claro", "Reed"]),
    ("en", "Reed said so. Then pullquote wrote it, and will.", ["Reed", "pullquote"]),
    ("zh", "他在北京工作。", ["北京"])])
def test_terms_and_speakers_are_names_wherever_they_stand(language: str, text: str, names: list[str]) -> None:
    heard = lines(text, language=language, speakers=("Daniel Reed", "Speaker 2"))
    found = doubtful(heard, terms=iter(["Puerto Claro", "Pullquote", "Will", "北京"]), kinds=(NAMES,))
    assert [text[slice(*span)] for doubt in found for span in doubt.words] == names


def test_a_name_that_stood_inside_a_sentence_is_one_at_the_beginning_of_another() -> None:
    heard = lines("Kyiv was quiet. Boats came.", "We left Kyiv with two Boats.", "Many boats.")
    found = doubtful(heard, kinds=(NAMES,))
    assert [(doubt.segment_id, doubt.words) for doubt in found] == [(1, ((0, 4),)), (2, ((8, 12), (22, 27)))]


def test_a_line_without_language_is_in_that_of_most_lines() -> None:
    heard = document(Segment(0, 1, "Das ist gut.", language="de"), Segment(1, 2, "Der Hafen war nicht offen."))
    assert [doubt.kinds for doubt in doubtful(heard)] == [(NEGATIONS,)]


# -- the other reasons ---------------------------------------------------------------------------------------


def test_flags_of_a_hearing_are_reasons() -> None:
    flags = {TIME_UNSURE: Kind.TIME, SPEAKER_UNSURE: Kind.SPEAKER, NO_VOICE: Kind.COVERAGE,
             MUCH_MISSING: Kind.COVERAGE, REPEATED: Kind.COVERAGE}
    heard = document(*(Segment(n, n + 1, "yes", flags=(flag, "smoothed")) for n, flag in enumerate(flags)),
                     Segment(9, 10, "yes", flags=("smoothed",)))
    assert [doubt.kinds for doubt in doubtful(heard)] == [(kind,) for kind in flags.values()]


def test_all_reasons_of_a_line_stand_together_and_its_places_once() -> None:
    heard = document(Segment(5, 6, "We did not see 12 boats in Kyiv.", flags=(TIME_UNSURE, SPEAKER_UNSURE)))
    assert doubtful(heard, differences={1: [(11, 17)]}) == [Doubt(
        1, (NUMBERS, NAMES, NEGATIONS, Kind.TIME, Kind.SPEAKER, Kind.DISAGREEMENT), ((7, 10), (11, 17), (27, 31)))]
    assert doubtful(heard, differences={1: [(11, 17)]}, kinds=(Kind.TIME,)) == [Doubt(1, (Kind.TIME,))]
    assert doubtful(heard, kinds=()) == []


def test_doubts_come_in_the_order_of_time_checked_or_not() -> None:
    heard = document(Segment(9, 10, "not"), Segment(1, 2, "yes"), Segment(0, 3, "12", checked=True))
    assert [doubt.segment_id for doubt in doubtful(heard)] == [3, 1]


def sound(*loud: tuple[float, float], seconds: float = 60.0) -> Peaks:
    """Peaks of a recording where somebody speaks in these stretches."""
    rate, bucket = 16_000, 86
    level = np.zeros(int(seconds * rate / bucket), np.uint8)
    for start, end in loud:
        level[int(start * rate / bucket):int(end * rate / bucket)] = 80
    rows = np.stack([-(level // 2).astype(np.int8), (level // 2).astype(np.int8), level.view(np.int8)], axis=1)
    return Peaks.build(rate, bucket, rows, int(seconds * rate))


def test_a_line_behind_which_most_of_the_speech_is_not_written_has_low_coverage() -> None:
    peaks = sound((0, 10), (12, 30), (32, 58))
    heard = document(Segment(0, 10, "yes"), Segment(12, 15, "yes"), Segment(32, 52, "yes"), seconds=60.0)
    gaps = speech_without_text(peaks, heard)
    assert len(gaps) == 2  # 15 to 30 and 52 to 58
    assert doubtful(heard, peaks, gaps) == [Doubt(2, (Kind.COVERAGE,))]
    assert doubtful(heard, None, gaps) == [] == doubtful(heard, peaks)


def test_speech_before_the_first_line_is_a_doubt_of_that_line() -> None:
    peaks = sound((0, 20), (30, 32))
    heard = document(Segment(30, 32, "yes"), seconds=60.0)
    assert doubtful(heard, peaks, speech_without_text(peaks, heard)) == [Doubt(1, (Kind.COVERAGE,))]


def test_without_lines_there_is_nothing_to_review() -> None:
    peaks = sound((0, 20))
    empty = document(seconds=60.0)
    assert doubtful(empty, peaks, speech_without_text(peaks, empty)) == []
    assert review(empty, ()).left == 0 and review(empty, ()).next_after(-1) is None


# -- two hearings --------------------------------------------------------------------------------------------


def differing(mine: TranscriptDocument, other: TranscriptDocument) -> dict[int, list[str]]:
    texts = {segment.id: segment.text for segment in mine.segments}
    return {i: [texts[i][slice(*span)] for span in spans] for i, spans in disagreements(mine, other).items()}


def test_the_same_words_are_no_disagreement_whatever_their_case_lines_and_times() -> None:
    mine = lines("We saw the boat.", "It didn’t stop.", "Nobody came.")
    other = document(Segment(0.4, 6.0, "we saw the Boat -- it didn't stop; nobody came"))
    assert disagreements(mine, other) == {} == disagreements(other, mine)


def test_other_words_missing_words_and_further_words_are_named() -> None:
    mine = lines("We saw the boat in May.", "It did stop.", "Nobody really came.", "Yes.")
    other = lines("We saw the goat in May.", "It did not stop.", "Nobody came.", "Yes.")
    assert differing(mine, other) == {1: ["boat"], 2: ["did", "stop"], 3: ["really"]}


def test_only_what_the_other_hearing_covers_is_compared() -> None:
    mine = lines("one", "two", "three", "four")
    other = replace(document(Segment(2.0, 3.5, "too"), missing=(TimeRange(6.0, 9.0),)), transcript=replace(
        document().transcript, range=TimeRange(2.0, 9.0), missing=(TimeRange(6.0, 9.0),)))
    assert differing(mine, other) == {2: ["two"], 3: ["three"]}


def test_words_with_times_of_their_own_are_compared_where_they_are() -> None:
    mine = document(Segment(50.0, 51.0, "forty boats"))
    other = document(Segment(0.0, 100.0, "fourteen boats", words=(
        Word("fourteen", 50.1, 50.5), Word("boats", 50.5, 51.0))))
    assert differing(mine, other) == {1: ["forty"]}
    far = document(Segment(0.0, 100.0, "forty boats", words=(Word("forty", 1.0, 2.0), Word("boats", 2.0, 3.0))))
    assert differing(mine, far) == {1: ["forty", "boats"]}


def test_chinese_differs_by_characters() -> None:
    assert differing(lines("我看见了船", language="zh"), lines("我看不见船", language="zh")) == {1: ["看", "见", "了"]}


def test_a_comparison_can_be_stopped() -> None:
    seen: list[float] = []

    def stop(progress: Progress) -> None:
        seen.append(progress.fraction)
        if len(seen) == 2:
            raise Cancelled

    mine = lines(*["yes"] * 1000)
    with pytest.raises(Cancelled):
        disagreements(mine, mine, stop)
    assert seen == [0.0, 0.2]


# -- where a review stands -----------------------------------------------------------------------------------


def test_the_next_doubt_is_the_one_behind_then_the_first_then_none() -> None:
    heard = document(*(Segment(n, n + 1, "not", checked=n in (1, 3)) for n in range(5)), Segment(9, 10, "yes"))
    state = review(heard, doubtful(heard))
    assert len(state.doubts) == 5 and state.checked == {2, 4} and state.left == 3
    assert [state.next_after(n) for n in (-1, 0, 1, 2, 3, 4)] == [0, 2, 2, 4, 4, 0]
    assert replace(state, checked=frozenset({1, 2, 4, 5})).next_after(2) == 2
    assert replace(state, checked=frozenset(range(1, 6))).next_after(2) is None


@given(st.lists(st.booleans(), max_size=12), st.integers(-1, 11))
def test_going_to_the_next_reaches_every_doubt_that_is_left(checked: list[bool], index: int) -> None:
    doubts = tuple(Doubt(n, (NAMES,)) for n in range(len(checked)))
    state = Review(doubts, frozenset(n for n, done in enumerate(checked) if done))
    index, visited = min(index, len(checked) - 1), set()
    for _ in range(state.left):
        following = state.next_after(index)
        assert following is not None and not checked[following]
        visited.add(following)
        index = following
    assert len(visited) == state.left
    assert (state.next_after(index) is None) is (state.left == 0)


# -- any text, and much of it --------------------------------------------------------------------------------

_pieces = st.lists(st.one_of(st.text(max_size=12), st.sampled_from(
    ["not ", "n'est ", "Dr. ", "Kyiv ", "twenty-", "三千", "€5", "l'", "’", ". ", "12:30", "\u0301", "_", "ǅ"])),
    max_size=8).map("".join)
_languages = st.sampled_from(["", "en", "de", "fr", "it", "zh", "ja", "tlh", "pt-BR", "\u0130"])


@given(st.lists(st.tuples(_pieces, _languages, st.floats(0, 100)), max_size=5), st.lists(_pieces, max_size=3))
def test_any_text_gives_places_that_are_in_it(items: list[tuple[str, str, float]], terms: list[str]) -> None:
    heard = document(*(Segment(start, start + 1, text, language=language) for text, language, start in items),
                     speakers=tuple(terms))
    found = doubtful(heard, terms=terms)
    texts = {segment.id: segment.text for segment in heard.segments}
    assert len({doubt.segment_id for doubt in found}) == len(found)
    for doubt in found:
        assert doubt.kinds and set(doubt.kinds) <= {NUMBERS, NAMES, NEGATIONS}
        ends = [end for span in doubt.words for end in span]
        assert ends == sorted(ends) and all(0 <= b < e <= len(texts[doubt.segment_id]) for b, e in doubt.words)
    assert doubtful(heard, terms=terms, kinds=(NUMBERS,)) == [
        replace(doubt, kinds=(NUMBERS,), words=other.words) for doubt in found if NUMBERS in doubt.kinds
        for other in doubtful(heard, terms=terms, kinds=(NUMBERS,)) if other.segment_id == doubt.segment_id]


@given(st.lists(_pieces, max_size=5), st.lists(_pieces, max_size=5))
def test_any_two_hearings_can_be_compared(one: list[str], two: list[str]) -> None:
    mine, other = lines(*one), lines(*two)
    assert disagreements(mine, mine) == {}
    for i, spans in disagreements(mine, other).items():
        text = mine.segments[i - 1].text
        assert spans and all(0 <= begin < end <= len(text) for begin, end in spans)


def test_each_digit_is_in_a_marked_place() -> None:
    text = "a1 2b 3.4 (5) €6 7% x8y, 9-10 a_11"
    places = {n for doubt in doubtful(lines(text)) for span in doubt.words for n in range(*span)}
    assert {n for n, c in enumerate(text) if c.isdigit()} <= places


def long_interview(seed: int, segments: int = 20_000) -> TranscriptDocument:
    rng = random.Random(seed)
    words = [f"{rng.choice('bcdfgklmnprstvw')}{rng.choice('aeiou')}{rng.choice('lmnrst')}{n}x" for n in range(3000)]
    words = ["".join(c for c in word if c.isalpha()) + "abcdefghij"[n % 10] for n, word in enumerate(words)]
    words += ["not", "Kyiv", "twenty", "4500", "the", "Mora"] * 20
    return lines(*(" ".join(rng.choices(words, k=15)).capitalize() + "." for _ in range(segments)))


def test_twenty_thousand_lines_take_less_than_a_second() -> None:
    heard = long_interview(1)
    begin = time.process_time()
    assert len(doubtful(heard)) > 4000
    assert time.process_time() - begin < 1.0  # 0.2 s alone
    begin = time.process_time()
    assert disagreements(heard, heard) == {}
    assert time.process_time() - begin < 2.0  # 0.3 s alone


@pytest.mark.parametrize("text", ["a" * 20_000, "1" * 20_000, "l'" * 10_000, "一" * 20_000, "zweiund" * 2800,
                                  "Ab" * 10_000, "not " * 5000, "a-" * 10_000, "\u0301" * 20_000, "'" * 20_000,
                                  "Dr. " * 5000])
@pytest.mark.timeout(10)
def test_no_line_takes_long(text: str) -> None:
    for language in ("", "de", "fr", "zh"):
        assert len(doubtful(lines(text, language=language))) <= 1
