"""What every engine promises. A test class takes this and gives `make`; engines of the future come in the same way."""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pytest

from desktop.engines import ENGINES, Abilities, Engine, Hearing, Wishes
from desktop.errors import Cancelled, EngineError, PullquoteError
from desktop.model import ignore_progress
from tests.clips import make_clip
from tests.fakes import Reports
from tests.sounds import silence


class EngineContract:
    """Subclasses give `speech` (16 kHz int16, somebody speaks in it), and a fixture `engine`."""

    speech: np.ndarray

    def test_it_says_what_it_is(self, engine: Engine) -> None:
        assert engine.name and engine.model and isinstance(engine.abilities, Abilities)
        assert engine.longest_part > engine.overlap >= 0
        if engine.name in ENGINES:
            assert engine.abilities == ENGINES[engine.name].abilities

    def test_what_it_hears_it_can_read(self, engine: Engine) -> None:
        clip = make_clip(self.speech)
        hearing = engine.read(engine.hear(clip, Wishes(), ignore_progress))
        assert isinstance(hearing, Hearing) and hearing.segments
        for segment in hearing.segments:
            assert segment.text.strip() and segment.start is not None and segment.end is not None
            assert 0 <= segment.start <= segment.end <= clip.seconds + 1

    def test_it_claims_only_what_it_can(self, engine: Engine) -> None:
        hearing = engine.read(engine.hear(make_clip(self.speech), Wishes(), ignore_progress))
        able = engine.abilities
        assert able.speakers or not any(segment.speaker for segment in hearing.segments)
        assert able.translation or not any(segment.translation for segment in hearing.segments)
        assert able.emotion or not any(segment.emotion for segment in hearing.segments)
        assert able.summary or not hearing.summary

    def test_an_answer_can_be_read_on_another_day(self, engine: Engine) -> None:
        answer = engine.hear(make_clip(self.speech), Wishes(), ignore_progress)
        first = engine.read(answer)
        engine.close()
        assert engine.read(answer) == first

    def test_it_hears_several_clips(self, engine: Engine) -> None:
        one, two = (engine.read(engine.hear(make_clip(self.speech), Wishes(), ignore_progress)) for _ in range(2))
        assert [segment.text for segment in one.segments] == [segment.text for segment in two.segments]

    def test_silence_is_no_error(self, engine: Engine) -> None:
        engine.read(engine.hear(make_clip(silence(3.0)), Wishes(), ignore_progress))

    @pytest.mark.parametrize("answer", ["", "null", "[]", "{}", '{"segments": 5}', "words", "\x00", "[[1]]"])
    def test_a_foreign_answer_is_broken(self, engine: Engine, answer: str) -> None:
        with pytest.raises(EngineError) as caught:
            engine.read(answer)
        assert caught.value.kind == "broken"

    def test_stopping_ends_it_within_a_second(self, engine: Engine) -> None:
        asked: list[float] = []

        def stop(progress: object) -> bool:
            asked.append(time.monotonic())
            return True

        with pytest.raises(Cancelled):
            engine.hear(make_clip(self.speech), Wishes(), Reports(stop))
        assert time.monotonic() - asked[0] < 1.0

    def test_it_works_again_after_a_stop(self, engine: Engine) -> None:
        with pytest.raises(Cancelled):
            engine.hear(make_clip(self.speech), Wishes(), Reports(lambda progress: True))
        assert engine.read(engine.hear(make_clip(self.speech), Wishes(), ignore_progress)).segments

    def test_progress_is_a_fraction_and_a_sentence(self, engine: Engine) -> None:
        reports = Reports()
        engine.hear(make_clip(self.speech), Wishes(), reports)
        assert reports and all(0 <= report.fraction <= 1 and report.sentence for report in reports)

    def test_it_can_be_closed_twice_and_leaves_no_thread(self, engine: Engine) -> None:
        engine.hear(make_clip(self.speech), Wishes(), ignore_progress)
        engine.close()
        engine.close()
        left = [thread for thread in threading.enumerate() if thread.name == engine.name]
        assert left == []

    def test_its_failures_are_ours(self, engine: Engine) -> None:
        try:
            engine.hear(make_clip(np.zeros(0, np.int16)), Wishes(), ignore_progress)
        except PullquoteError as error:
            assert str(error.sentence)

    def test_the_raw_answer_is_text_that_the_library_can_keep(self, engine: Engine) -> None:
        answer = engine.hear(make_clip(self.speech), Wishes(), ignore_progress)
        assert isinstance(answer, str) and json.loads(answer) is not None
