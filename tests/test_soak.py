"""The long run, small: every part of it works, and a figure that is missed is said and changes the exit code."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.gemini_service import Fault, GeminiService, Heard, Request
from tests.soak.faults import FAULTS, KINDS, Schedule
from tests.soak.figures import Figures
from tests.soak.kills import Moment

ROOT = Path(__file__).resolve().parent.parent
SEED = 21


def load_soak() -> ModuleType:
    """By its path: the name "packaging" belongs to a library."""
    spec = importlib.util.spec_from_file_location("pullquote_soak", ROOT / "packaging" / "soak.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(os.name != "posix", reason="kills")
def test_a_quick_soak_meets_its_figures() -> None:
    result = subprocess.run(
        [sys.executable, "-P", str(ROOT / "packaging" / "soak.py"), "--quick", "--seed", str(SEED)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT, capture_output=True, text=True, timeout=110)
    lines = result.stdout.splitlines()
    assert f"soak: seed {SEED}" in lines, result.stdout + result.stderr
    assert result.returncode == 0 and "MISSED" not in result.stdout, result.stdout + result.stderr
    for row in ("N2", "N3", "N4", "N6", "R1", "R3", "R6", "R10", "L1", "L4"):
        assert any(line.startswith(f"ok     {row}  ") for line in lines)
    assert "soak: " in lines[-1] and "figures met" in lines[-1]


def test_a_missed_figure_is_said_and_is_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    soak, figures = load_soak(), Figures()
    figures.none("N3", "lines that are there twice", 0)
    assert soak.summary(figures, 5, 1.0) == 0
    figures.none("N3", "transcripts unlike those without kills", 2)
    assert soak.summary(figures, 5, 1.0) == 1
    said = capsys.readouterr().out
    assert "1 of 2 figures met in 1 s (seed 5)" in said
    assert said.count("MISSED N3  transcripts unlike those without kills: 2 (wanted: 0)") == 2


def test_every_fault_that_ends_by_itself_is_in_the_schedule() -> None:
    endless, streamed = {"hang", "stall", "upload_stall_at"}, {"sse_cut", "sse_malformed", "sse_error_event",
                                                                 "sse_half_event"}
    queued, pages = {"upload_drop_at"}, {"html_200", "html_503"}
    once = {"file_expires", "bad_key"}  # tests/test_faults.py has them
    makers = {name for name, value in vars(Fault).items() if isinstance(value, classmethod)}
    assert {fault.kind for fault in FAULTS.values()} == (makers - endless - streamed - queued - pages - once) | {
        "page"}
    assert len(FAULTS) > len(KINDS)


def test_the_same_seed_gives_the_same_faults_in_any_order() -> None:
    def drawn(seed: int, models: list[str]) -> dict[str, str]:
        schedule = Schedule(seed, 0.5, lambda heard: {"segments": [1, 2]})
        schedule.begin("job 1")
        found = {}
        for model in models:
            request = Request("POST", "/v1beta/interactions", {}, parsed=Heard(model, "", "", [], {}))
            found[model] = schedule._drawn(request)
            assert schedule._drawn(request) == found[model], "asked once for each rule"
        return found

    models = [f"model {number}" for number in range(60)]
    first = drawn(1, models)
    assert first == drawn(1, models[::-1]) != drawn(2, models)
    assert 15 < sum(bool(name) for name in first.values()) < 45


def test_the_schedule_leaves_other_requests_alone(service: GeminiService) -> None:
    schedule = Schedule(1, 1.0, lambda heard: {})
    assert schedule._drawn(Request("GET", "/v1beta/models", {}, route="models.list")) == ""
    schedule.arm(service)


def test_moments_lie_everywhere_in_a_run() -> None:
    import random

    rng = random.Random(1)
    events = {Moment.draw(rng).event.split()[0] for _ in range(200)}
    assert events == {"time", "head", "waiting", "sent", "said"}
