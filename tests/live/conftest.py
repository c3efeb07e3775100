"""Fixtures of the live checks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.engines.gemini_service import Service
from desktop.settings import WORDS_MODEL
from tests.fakes import FreeGate
from tests.live.asked import ANSWERS, IS_LIVE, KEY, URL, Outcome, attempt, new_client

_PROXIES = {name: value for name, value in os.environ.items() if name.lower() in (
    "http_proxy", "https_proxy", "all_proxy")}


@pytest.fixture(autouse=True)
def proxies(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests run without the newsroom's proxies; these need them."""
    for name, value in _PROXIES.items() if IS_LIVE else ():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session", autouse=True)
def all_answers() -> Iterator[None]:
    """Everything once more at the end, to be copied into the design notes."""
    yield
    if ANSWERS:
        print("\n\n=== all answers ===\n" + "\n".join(ANSWERS))


@pytest.fixture(scope="session")
def client() -> Iterator[Any]:
    """The SDK as the program sets it up."""
    made = new_client()
    yield made
    made.close()


@pytest.fixture(scope="session")
def listed(client: Any) -> Outcome:
    """The list of models, or why there is none."""
    return attempt(lambda: [str(model.name).removeprefix("models/") for model in client.models.list(
        config={"page_size": 100})])


@pytest.fixture(autouse=True)
def reached(proxies: None, listed: Outcome) -> None:
    """Ask nothing when the service is away or takes no notice of the key: each check would wait for it."""
    if not listed.fine:
        pytest.fail(f"the service did not list its models: {listed}", pytrace=False)


@pytest.fixture
def known_models(listed: Outcome) -> list[str]:
    """Names that the key may use."""
    return list(listed.value)


@pytest.fixture
def words_model(known_models: list[str]) -> str:
    """The transcribing model, when the key may use it."""
    if WORDS_MODEL not in known_models:
        pytest.skip(f"this key may not use {WORDS_MODEL}")
    return WORDS_MODEL


@pytest.fixture
def gate() -> FreeGate:
    return FreeGate()


@pytest.fixture
def connection(gate: FreeGate) -> Iterator[Service]:
    """The program's own connection."""
    made = Service(KEY, URL, gate)
    yield made
    made.close()
