"""Questions that only the live service can answer (gemini.md section 11). Run once with a paid key, before a release:

PULLQUOTE_LIVE_KEY=… pytest tests/live -s
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

# read when the module is imported: tests/conftest.py takes every key out of the environment first
KEY = os.environ.get("PULLQUOTE_LIVE_KEY", "")

pytestmark = [pytest.mark.live, pytest.mark.skipif(not KEY, reason="needs PULLQUOTE_LIVE_KEY: a paid key")]


@pytest.fixture
def sample_clip() -> Iterator[object]:
    """The sample as a clip for an engine."""
    from desktop.audio.cache import CacheFiles
    from desktop.audio.files import PlaybackCopy, flac
    from desktop.audio.preparing import prepare
    from desktop.engines import Clip
    from desktop.model import TimeRange
    from desktop.paths import cache_folder
    from desktop.sample import SAMPLE

    files = CacheFiles(cache_folder(), "sample")
    prepare(SAMPLE, files, lambda: None, lambda _, __: None)
    with PlaybackCopy(files.copy) as copy:
        speech = copy.speech(TimeRange(0, copy.seconds))
        yield Clip(speech, flac(speech), copy.seconds)


def test_key_lists_models() -> None:
    from desktop.engines.gemini import list_models
    from desktop.environment import SERVICE_URL
    from desktop.model import ignore_progress
    from desktop.settings import DEFAULT_MODEL

    models = list_models(KEY, SERVICE_URL, ignore_progress)
    print("models:", models)
    assert DEFAULT_MODEL in models


def test_wrong_key_is_called_a_refused_key() -> None:
    from desktop.engines.gemini import list_models
    from desktop.environment import SERVICE_URL
    from desktop.errors import EngineError
    from desktop.model import ignore_progress

    with pytest.raises(EngineError) as caught:
        list_models("AQ.not-a-key", SERVICE_URL, ignore_progress)
    assert caught.value.kind == "key"


def test_sample_comes_back_as_two_speakers_with_times_on_the_words(sample_clip: object) -> None:
    from desktop.engines import Wishes, make_engine
    from desktop.model import ignore_progress
    from desktop.settings import DEFAULT_MODEL
    from tests.fakes import FreeGate

    engine = make_engine("gemini", DEFAULT_MODEL, key=KEY, gate=FreeGate())
    answer = engine.hear(sample_clip, Wishes(translate_to="en"), ignore_progress)  # type: ignore[arg-type]
    print(answer)
    hearing = engine.read(answer)
    engine.close()
    assert len({segment.speaker for segment in hearing.segments}) == 2
    assert "diarization" in " ".join(segment.text for segment in hearing.segments).lower()
    assert hearing.segments[0].start is not None
    assert hearing.segments[0].start < 1.5
