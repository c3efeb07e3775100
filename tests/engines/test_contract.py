"""Every engine keeps the contract: Gemini, on device, and the fake that other tests use."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import soundfile
import soxr

from desktop.engines import ENGINES, Engine, make_engine
from desktop.engines.on_device import make
from desktop.errors import EngineError, UserError
from tests.clips import gemini
from tests.engines.contract import EngineContract
from tests.fakes import FakeEngine
from tests.gemini_service import GeminiService
from tests.sounds import AUDIO, turns


def spoken() -> np.ndarray:
    samples, rate = soundfile.read(AUDIO / "LJ001-0004.flac", dtype="int16")
    return np.asarray(soxr.resample(samples, rate, 16_000), np.int16)


class TestGemini(EngineContract):
    speech = turns(2)

    @pytest.fixture
    def engine(self, service: GeminiService) -> Iterator[Engine]:
        made = gemini(service)
        yield made
        made.close()


class TestOnDevice(EngineContract):
    speech = spoken()

    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        made = make("tiny.en")
        yield made
        made.close()


class TestFake(EngineContract):
    speech = turns(2)

    @pytest.fixture
    def engine(self) -> Engine:
        return FakeEngine(lambda call, clip, wishes: [(0.5, 1.5, "Ann", "Always the same.")])


def test_the_table_names_engines_that_can_be_made() -> None:
    assert list(ENGINES) == ["gemini", "device"]
    device = make_engine("device", "")
    assert device.name == "device" and device.model == "tiny.en"
    with pytest.raises(UserError, match="gemini, device"):
        make_engine("oracle", "")


def test_a_model_that_is_not_here_says_how_to_get_it() -> None:
    with pytest.raises(EngineError, match="Fetch it") as caught:
        make_engine("device", "small")
    assert caught.value.kind == "model"


def test_the_device_says_what_it_cannot_do() -> None:
    assert "cannot" in ENGINES["device"].abilities.cannot and ENGINES["gemini"].abilities.cannot == ""
