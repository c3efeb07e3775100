"""The program itself with the live service: transcripts, questions, line-ups, a video. See test_service.py."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop.asking import ask as ask_question
from desktop.engines import Manner, Wishes, gemini_answers, make_engine
from desktop.errors import EngineError
from desktop.importing import import_audio
from desktop.joining import clip_names, lineup_prompt, lineup_schema, read_lineup
from desktop.library import Library
from desktop.model import Job, JobState, TimeRange, ignore_progress
from desktop.receipts import AnswerGrows, claims_of
from desktop.sample import add_sample
from desktop.sending import LibraryGate
from desktop.settings import DEFAULT_MODEL, WORDS_MODEL
from desktop.transcription import Options, run_job, start_job
from desktop.videos import add_video
from tests.fakes import FreeGate, Reports
from tests.live.asked import (
    IS_LIVE,
    KEY,
    NO_VIDEO,
    OTHER_VOICE,
    TRUTH,
    URL,
    VIDEO,
    clip_of,
    pairs,
    recall,
    sample_clip,
    sample_words,
    speech_of,
    tell,
    words_of,
)
from tests.sounds import INTERVIEW, silence

pytestmark = [pytest.mark.live, pytest.mark.timeout(900),
              pytest.mark.skipif(not KEY, reason="needs PULLQUOTE_LIVE_KEY: a paid key")]

BOTH = f"{WORDS_MODEL} + {DEFAULT_MODEL}"
MODELS = [DEFAULT_MODEL, BOTH]


def usable(model: str, known_models: list[str]) -> str:
    if not all(name in known_models for name in model.split(" + ")):
        pytest.skip(f"this key may not use {model}")
    return model


def bill(library: Library) -> str:
    """What the ledger says of the requests so far."""
    lines = library.sendings()
    cost = sum(line.cost or 0.0 for line in lines)
    return (f"{len(lines)} requests ({dict(Counter(line.cargo.purpose for line in lines))}), "
            f"{sum(line.usage.input_tokens for line in lines)} tokens in, "
            f"{sum(line.usage.output_tokens for line in lines)} out, {cost:.4f} dollars by our table")


# -- one clip ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_the_sample_comes_back_as_two_speakers_with_times(known_models: list[str], model: str) -> None:
    engine = make_engine("gemini", usable(model, known_models), key=KEY, url=URL, gate=FreeGate())
    answer = engine.hear(sample_clip(), Wishes(translate_to="es"), ignore_progress)
    hearing = engine.read(answer)
    engine.close()
    words = words_of(" ".join(segment.text for segment in hearing.segments))
    tell("sample", f"what does {model} make of the sample?", f"recall {recall(sample_words(), words):.2f}, speakers",
         sorted({segment.speaker for segment in hearing.segments}), "names",
         [(n.speaker, n.name) for n in hearing.names], "lines",
         [(s.start, s.end, s.speaker, s.language, s.emotion, s.text[:30]) for s in hearing.segments])
    assert len({segment.speaker for segment in hearing.segments}) == 2
    assert recall(sample_words(), words) > 0.8
    assert hearing.segments[0].start is not None and hearing.segments[0].start < 1.5


def test_the_prompt_as_google_prints_it_with_a_house_style(known_models: list[str]) -> None:
    manner = Manner(style="Write British English.", sends_as="ogg", at_once=1, as_printed=True)
    engine = make_engine("gemini", usable(DEFAULT_MODEL, known_models), key=KEY, url=URL, gate=FreeGate(),
                         manner=manner)
    hearing = engine.read(engine.hear(sample_clip(12.0), Wishes(), ignore_progress))
    engine.close()
    tell("printed", "is the prompt and schema of Google's page taken, with a system instruction?",
         [(s.start, s.speaker, s.language, s.emotion, s.text[:30]) for s in hearing.segments], hearing.summary[:100])
    assert hearing.segments


@pytest.mark.parametrize("model", MODELS)
def test_silence_makes_no_trouble(known_models: list[str], model: str) -> None:
    engine = make_engine("gemini", usable(model, known_models), key=KEY, url=URL, gate=FreeGate())
    segments = engine.read(engine.hear(clip_of(silence(8.0)), Wishes(), ignore_progress)).segments
    engine.close()
    tell("s", f"what does the program read from {model} for silence?", [segment.text for segment in segments])


def test_vocabulary_and_smooth_text_as_the_program_asks(known_models: list[str]) -> None:
    clip = clip_of(speech_of(INTERVIEW, 0.0, 12.3))
    for wishes in (Wishes(language="en", vocabulary=("Puerto Claro", "Lucía Ferrer")), Wishes(is_smooth=True)):
        engine = make_engine("gemini", usable(BOTH, known_models), key=KEY, url=URL, gate=FreeGate())
        segments = engine.read(engine.hear(clip, wishes, ignore_progress)).segments
        engine.close()
        tell("q" if wishes.vocabulary else "r", f"what comes of {wishes.vocabulary or 'smooth text'}?",
             [(s.speaker, s.text, s.flags) for s in segments])
        assert segments and not any("not checked" in flag for s in segments for flag in s.flags)


def test_a_wrong_key_is_called_a_refused_key() -> None:
    engine = make_engine("gemini", DEFAULT_MODEL, key="AQ.not-a-key", url=URL, gate=FreeGate())
    with pytest.raises(EngineError) as caught:
        engine.hear(sample_clip(2.0), Wishes(), ignore_progress)
    engine.close()
    assert caught.value.kind == "key"


# -- whose voice ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rounds", [1, 2])
def test_w_a_line_up_groups_voices(known_models: list[str], rounds: int) -> None:
    stretches = [("DR", 1.2, 7.8), ("LF", 12.7, 20.5), ("DR", 21.5, 26.6), ("LF", 35.0, 42.4)]
    who = [name for name, _, _ in stretches] + ["LJ", "LJ"]
    clips = [clip_of(speech_of(INTERVIEW, start, end), start) for _, start, end in stretches]
    clips += [clip_of(speech_of(OTHER_VOICE, 0.0, 2.5)), clip_of(speech_of(OTHER_VOICE, 2.5, 5.0))]
    if rounds == 2:
        clips, who = clips[::-1], who[::-1]  # the order must not matter
    letters = clip_names(len(clips))
    engine: Any = make_engine("gemini", usable(DEFAULT_MODEL, known_models), key=KEY, url=URL, gate=FreeGate())
    answer = engine.same_voices(clips, lineup_prompt(letters), lineup_schema(letters), letters, ignore_progress)
    engine.close()
    groups = read_lineup(answer, letters)
    persons = dict(zip(letters, who, strict=True))
    wrong = [group for group in groups if len({persons[letter] for letter in group}) > 1]
    right = {frozenset(letter for letter in letters if persons[letter] == person) for person in set(who)}
    tell("w", f"does a line-up of {len(clips)} clips find the {len(right)} people (order {rounds})?",
         f"{sum(frozenset(group) in right for group in groups)} right, {len(wrong)} wrong: "
         f"{[[f'{letter}={persons[letter]}' for letter in group] for group in groups]}; raw {answer[:300]}")
    assert not wrong, "two people were taken for one"


# -- the whole way ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model, longest", [(DEFAULT_MODEL, 600.0), (DEFAULT_MODEL, 100.0), (BOTH, 1500.0),
                                            (BOTH, 100.0)])
def test_x_the_interview(library: Library, cache: Path, known_models: list[str], model: str, longest: float) -> None:
    recording = import_audio(library, cache, INTERVIEW, ignore_progress).recording
    engine = make_engine("gemini", usable(model, known_models), key=KEY, url=URL,
                         gate=LibraryGate(library, recording.id, consent=True))
    engine.longest_part = longest
    job = start_job(library, cache, recording, engine, Options("gemini", model, translate_to="en"))
    job = run_job(library, cache, job.id, engine, ignore_progress)
    document = library.document(job.transcript_id)
    wanted = [(word, item["speaker"], item["start"] if n == 0 else None) for item in TRUTH
              for n, word in enumerate(words_of(item["text"]))]
    got = [(word, document.speaker_name(segment), at) for segment in document.segments
           for word, at in timed_words(segment)]
    matched = pairs([word for word, _, _ in wanted], [word for word, _, _ in got])
    off = [abs(at - start) for i, j in matched
           if (start := wanted[i][2]) is not None and (at := got[j][2]) is not None]
    who = Counter((wanted[i][1], got[j][1]) for i, j in matched)
    purity = sum(max((n for (_, name), n in who.items() if name == speaker), default=0)
                 for speaker in {name for _, name in who}) / max(1, len(matched))
    what = f"{model}, {len(job.parts)} part(s)"
    tell("x", f"{what}: how many of the words come back?",
         f"{len(matched)} of {len(wanted)} ({len(matched) / len(wanted):.3f}), {len(got)} heard")
    tell("x", f"{what}: how far are the starts of lines off?",
         f"{len(off)} compared, median {np.median(off):.2f} s, 95 % within {np.percentile(off, 95):.2f} s, most "
         f"{max(off):.2f} s" if off else "none could be compared")
    tell("x", f"{what}: who is who?", f"{[s.name for s in document.speakers.values()]}, {purity:.2f} of the words with "
         f"the right voice, {dict(who)}, proposed {[p.name for p in library.proposals(job.transcript_id)]}")
    tell("x", f"{what}: what else?", f"languages {dict(Counter(s.language for s in document.segments))}, "
         f"{sum(bool(s.translation) for s in document.segments)} of {len(document.segments)} translated, flags "
         f"{dict(Counter(flag for s in document.segments for flag in s.flags))}, summary "
         f"{document.transcript.summary[:200]!r}, {bill(library)}")
    assert job.state is JobState.DONE and len(matched) > 0.6 * len(wanted)
    assert not off or np.median(off) < 3.0


def timed_words(segment: Any) -> list[tuple[str, float | None]]:
    """Words without case and signs, with their times; of a line without word times only the first has one."""
    if segment.words:
        return [(word, item.start) for item in segment.words for word in words_of(item.text)]
    return [(word, segment.start if n == 0 else None) for n, word in enumerate(words_of(segment.text))]


# -- questions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("about_sound", [False, True], ids=["words", "sound"])
def test_y_a_streamed_answer_with_receipts(library: Library, cache: Path, known_models: list[str],
                                           about_sound: bool) -> None:
    recording = add_sample(library, cache, ignore_progress)
    answers = gemini_answers.make(usable(DEFAULT_MODEL, known_models), key=KEY, url=URL,
                                  gate=LibraryGate(library, recording.id, consent=True))
    reports, question = Reports(), "What new feature do they talk about, and who asks first?"
    document = library.document(library.transcripts(recording.id)[0].id)
    thread = ask_question(library, cache, recording, answers, question, document=document, about_sound=about_sound,
                          report=reports)
    again = ask_question(library, cache, recording, answers, "And what does the other one use?", document=document,
                         thread=thread, report=ignore_progress)
    answers.close()
    claims = claims_of(thread.turns[0])
    grown = [payload for payload in reports.payloads if isinstance(payload, AnswerGrows)]
    lengths = sorted({sum(len(claim.text) for claim in payload.claims) for payload in grown})
    tell("y", f"does an answer about the {'sound' if about_sound else 'words'} stream, with receipts that hold?",
         f"lengths seen {lengths}, {sum(bool(claim.places) for claim in claims)} of {len(claims)} sentences with a "
         f"receipt:", [(claim.text, [round(place.start, 1) for place in claim.places]) for claim in claims],
         "follow-up:", [claim.text for claim in claims_of(again.turns[1])], bill(library))
    assert claims and any(claim.places for claim in claims) and len(again.turns) == 2
    assert library.remote_files() == []


# -- a video ----------------------------------------------------------------------------------------------------


def heard_video(library: Library, cache: Path, address: str, time_range: TimeRange | None = None) -> Job:
    recording = add_video(library, address).recording
    engine = make_engine("gemini", DEFAULT_MODEL, key=KEY, url=URL,
                         gate=LibraryGate(library, recording.id, consent=True))
    job = start_job(library, cache, recording, engine, Options("gemini", DEFAULT_MODEL, time_range=time_range))
    return run_job(library, cache, job.id, engine, ignore_progress)


@pytest.mark.parametrize("time_range", [None, TimeRange(5.0, 12.0)], ids=["whole", "a part"])
def test_p_a_public_video(library: Library, cache: Path, known_models: list[str], time_range: TimeRange | None) -> None:
    usable(DEFAULT_MODEL, known_models)
    job = heard_video(library, cache, VIDEO, time_range)
    segments = library.segments(job.transcript_id)
    tell("p", f"what does the program get of the video ({'whole' if time_range is None else '0:05 to 0:12'})?",
         [(s.start, s.end, s.text) for s in segments], bill(library))
    assert job.state is JobState.DONE and segments
    if IS_LIVE and time_range is None:
        assert "elephants" in " ".join(segment.text for segment in segments).lower()


def test_p_a_video_that_is_not_there(library: Library, cache: Path, known_models: list[str]) -> None:
    usable(DEFAULT_MODEL, known_models)
    said = "it was heard"
    try:
        job = heard_video(library, cache, NO_VIDEO)
        said = f"{job.state}: {job.problem} {[s.text for s in library.segments(job.transcript_id)]}"
    except EngineError as error:
        said = f"{error.kind}: {error.sentence}"
    tell("p", "what does the program say of an address without a video?", said)
