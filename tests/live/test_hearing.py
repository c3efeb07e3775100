"""Questions about the model made for transcripts (gemini.md section 4). See test_service.py for how to run them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from desktop.audio.files import encode
from desktop.engines import Clip
from desktop.settings import DEFAULT_MODEL
from tests.live.asked import (
    KEY,
    Outcome,
    ask,
    audio,
    audio_tokens,
    clip_of,
    recall,
    sample_clip,
    sample_words,
    short,
    speech_of,
    tell,
    text_part,
    usage_of,
    words_of,
)
from tests.sounds import INTERVIEW, silence

pytestmark = [pytest.mark.live, pytest.mark.timeout(600),
              pytest.mark.skipif(not KEY, reason="needs PULLQUOTE_LIVE_KEY: a paid key")]

TIMED = {"type": "verbatim", "diarization_mode": "speaker", "timestamp_granularities": ["word"]}
TERMS = ["Puerto Claro", "Lucía Ferrer Ibáñez", "desalination"]


def hear(client: Any, model: str, clip: Clip, **config: Any) -> Outcome:
    return ask(client, model=model, input=[audio(clip)], generation_config={"transcription_config": config})


def infos(outcome: Outcome) -> list[Any]:
    """The word_info objects of an answer."""
    return [item for step in (outcome.value.steps if outcome.fine else None) or ()
            for content in getattr(step, "content", None) or ()
            for item in getattr(content, "annotations", None) or () if getattr(item, "type", "") == "word_info"]


def seconds(value: Any) -> float | None:
    return float(str(value).removesuffix("s")) if value is not None else None


def said(outcome: Outcome) -> str:
    """What came, for people to read."""
    if not outcome.fine:
        return str(outcome)
    text = outcome.value.output_text
    return (f"accepted, status {outcome.value.status}, {len(words_of(text))} words, {len(infos(outcome))} with "
            f"times, {outcome.seconds:.1f} s: {text[:160]!r}")


def falls(starts: Sequence[float]) -> list[float]:
    """By how many seconds a start lies before the one before it."""
    return [round(a - b, 2) for a, b in pairwise(starts) if b < a]


def test_e_labels_and_word_times(client: Any, words_model: str) -> None:
    clip = sample_clip()
    outcome = hear(client, words_model, clip, mode=TIMED)
    if outcome.says_nothing:
        tell("e", "labels and times", outcome)
        pytest.skip("not answered")
    assert outcome.fine, str(outcome)
    words = infos(outcome)
    labels = list(dict.fromkeys(str(word.speaker) for word in words))
    starts = [at for word in words if (at := seconds(word.start_offset)) is not None]
    ends = [at for word in words if (at := seconds(word.end_offset)) is not None]
    tell("e", f"what do the speaker labels of {words_model} look like (2 people speak)?", labels)
    tell("e", "are word times there, and do they rise?", f"{len(words)} words, {len(starts)} starts, {len(ends)} ends,"
         f" falls by {falls(starts)}, last end {max(ends, default=0.0)} of {clip.seconds:.1f} s, first",
         words[0].model_dump(exclude_none=True) if words else None)
    text = outcome.value.output_text
    tell("e", "what comes, and how long does it take?", said(outcome),
         f"recall {recall(sample_words(), words_of(text)):.2f},",
         f"{audio_tokens(outcome.value) / clip.seconds:.2f} tokens a second,", usage_of(outcome.value))
    assert outcome.value.status == "completed"
    assert len(words) > 20 and len(starts) >= 0.9 * len(words) and all(labels)
    assert len(labels) >= 2, "the program finds no turns"
    assert recall(words_of(text), words_of(" ".join(word.text for word in words))) > 0.9  # words and text are the same


def test_e_labels_start_anew_in_each_request(client: Any, words_model: str) -> None:
    katie, steve = clip_of(speech_of_sample(3.8, 11.5)), clip_of(speech_of_sample(12.3, 20.4))
    labels = [sorted({str(word.speaker) for word in infos(hear(client, words_model, clip, mode=TIMED))})
              for clip in (katie, steve)]
    tell("e", "do labels start anew in each request (one speaker each, not the same)?", labels)


def speech_of_sample(start: float, end: float) -> Any:
    from desktop.sample import SAMPLE

    return speech_of(SAMPLE, start, end)


def test_q_vocabulary_with_times_without_language_and_as_we_do(client: Any, words_model: str) -> None:
    clip = clip_of(speech_of(INTERVIEW, 0.0, 21.0))
    both = hear(client, words_model, clip, mode=TIMED, language_codes=["en"], custom_vocabulary=TERMS)
    tell("q", "vocabulary together with times and speakers?", said(both))
    alone = hear(client, words_model, clip, mode="verbatim", custom_vocabulary=TERMS)
    tell("q", "vocabulary without language_codes: does it stop after a sentence?", said(alone))
    ours = hear(client, words_model, clip, mode="verbatim", language_codes=["en"], custom_vocabulary=TERMS)
    tell("q", "vocabulary with a language, as the program asks (second half of the clip is Spanish)?", said(ours))
    two = hear(client, words_model, clip, mode="verbatim", language_codes=["en", "es"], custom_vocabulary=TERMS)
    tell("q", "and with both languages?", said(two))
    none = hear(client, words_model, clip, mode="verbatim", language_codes=["en"])
    tell("q", "and without any vocabulary?", said(none))
    assert ours.fine or ours.says_nothing


def test_q_many_terms(client: Any, words_model: str) -> None:
    outcome = hear(client, words_model, sample_clip(4.0), mode="verbatim", language_codes=["en"],
                   custom_vocabulary=[f"Ørsted {number}" for number in range(100)])
    tell("q", "a hundred terms, not in the sound?", said(outcome))
    assert outcome.fine or outcome.says_nothing  # the program sends so many


def test_r_smooth_with_and_without_language(client: Any, words_model: str) -> None:
    clip = sample_clip(21.0)
    plain, smooth = hear(client, words_model, clip, mode="verbatim"), hear(client, words_model, clip, mode="smart")
    coded = hear(client, words_model, clip, mode="smart", language_codes=["en"])
    timed = hear(client, words_model, sample_clip(4.0), mode={**TIMED, "type": "smart"})
    tell("r", "verbatim", said(plain))
    tell("r", "smart, as the program asks", said(smooth))
    same = coded.fine and plain.fine and words_of(coded.value.output_text) == words_of(plain.value.output_text)
    tell("r", "smart with language_codes: is smart dropped?", said(coded),
         "(the same words as verbatim)" if same else "")
    tell("r", "smart with speakers and times?", said(timed))
    assert smooth.fine or smooth.says_nothing


def test_r_do_word_times_lower_the_accuracy(client: Any, words_model: str) -> None:
    clip = sample_clip()
    timed, plain = hear(client, words_model, clip, mode=TIMED), hear(client, words_model, clip, mode="verbatim")
    shares = [f"{recall(sample_words(), words_of(one.value.output_text)):.3f}" if one.fine else str(one)
              for one in (timed, plain)]
    tell("r", "word recall with times and without?", shares)


def test_s_silence_and_a_very_short_clip(client: Any, words_model: str) -> None:
    for name, clip in (("8 s of silence", clip_of(silence(8.0))), ("0.2 s", clip_of(speech_of_sample(4.0, 4.2)))):
        outcome = hear(client, words_model, clip, mode=TIMED)
        tell("s", f"what does {words_model} give for {name}?", said(outcome))
        if name.endswith("silence"):  # parts of a recording may be silent
            assert outcome.says_nothing or (outcome.fine and outcome.value.status == "completed")


@pytest.mark.parametrize("model", ["words", "general"])
def test_t_is_ogg_vorbis_accepted(client: Any, known_models: list[str], words_model: str, model: str) -> None:
    speech = speech_of_sample(0.0, 11.5)
    file = io.BytesIO()
    encode([speech], file, "ogg")
    clip = Clip(speech, file.getvalue(), 11.5, mime_type="audio/ogg")
    if model == "words":
        outcome = hear(client, words_model, clip, mode=TIMED)
        tell("t", f"does {words_model} take Ogg Vorbis?", said(outcome))
    else:
        outcome = ask(client, model=DEFAULT_MODEL, input=[text_part("Write down what is said."), audio(clip)],
                      generation_config={"thinking_level": "low", "max_output_tokens": 2_000})
        tell("t", f"does {DEFAULT_MODEL} take Ogg Vorbis?", said(outcome))
    assert outcome.fine or outcome.says_nothing  # it is one of the settings


def test_u_which_languages_of_our_list_are_taken(client: Any, words_model: str) -> None:
    from desktop.ui.dialogs import LANGUAGES

    clip = sample_clip(1.2)
    outcomes = {code: hear(client, words_model, clip, mode=TIMED, language_codes=[code]) for code in LANGUAGES}
    refused = [f"{code} ({outcome.status})" for code, outcome in outcomes.items()
               if not outcome.fine and not outcome.says_nothing]
    tell("u", "which codes of our list of languages are refused?", short(refused, 40) or "none",
         next((o.body[:200] for o in outcomes.values() if not o.fine), ""))
    regional = hear(client, words_model, clip, mode=TIMED, language_codes=["en-US"])
    tell("u", "and en-US?", said(regional))
    assert outcomes["en"].fine or outcomes["en"].says_nothing
    assert len(refused) < len(LANGUAGES) / 2, "codes without a region are not taken"


def test_v_what_a_prompt_or_a_schema_gets(client: Any, words_model: str) -> None:
    clip = sample_clip(2.0)
    config: dict[str, Any] = {"transcription_config": {"mode": "verbatim"}}
    thinks, sound = config | {"thinking_level": "low"}, [audio(clip)]
    prompt = ask(client, model=words_model, input=[text_part("Be exact."), *sound], generation_config=config)
    thinking = ask(client, model=words_model, input=sound, generation_config=thinks)
    system = ask(client, model=words_model, input=sound, generation_config=config, system_instruction="Be exact.")
    none = ask(client, model=words_model, input=sound)
    tell("v", "what do a prompt, thinking, a system instruction, and no configuration at all get?",
         f"prompt: {prompt}; thinking: {thinking}; system: {system}; none: {none}")
