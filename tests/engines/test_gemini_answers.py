"""Fifty bad answers: none raises anything but "broken", and what can be used is inside the part and marked."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.audio.peaks import Peaks
from desktop.cleaning import LONGEST_TEXT
from desktop.engines import Hearing
from desktop.engines.gemini_prompt import read_answer
from desktop.errors import EngineError
from desktop.fitting import TIME_UNSURE, Placed, place
from desktop.model import Part

SILENT = Peaks.build(16_000, 86, np.zeros((40_000, 3), np.int8), 40_000 * 86)
PART = Part(0, 100.0, 160.0, lead_in=3.0)


def line(start: Any = "00:01", end: Any = "00:03", content: Any = "Yes, quite.", **more: Any) -> dict[str, Any]:
    return {"start": start, "end": end, "speaker": "A", "content": content, "language": "en", "translation": "",
            "emotion": "neutral", **more}


def answer(*lines: Any, **more: Any) -> str:
    return json.dumps({"summary": "Short.", "segments": list(lines), **more})


def read_or_broken(text: str) -> Hearing | None:
    try:
        return read_answer(text)
    except EngineError as error:
        assert error.kind == "broken" and error.__context__ is None
        return None


BROKEN = {
    "empty": "", "prose": "I cannot help with that.", "null": "null", "number": "7", "list": "[]", "text": '"text"',
    "object": "{}", "cut": answer(line(), line())[:-30], "segments null": '{"segments": null}',
    "segments text": '{"segments": "none"}', "segments object": '{"segments": {"a": 1}}',
    "segment is text": answer("just words"), "segment is list": answer([1, 2]), "segment is null": answer(None),
    "deep": "[" * 100_000, "fence only": "```json\n```", "html": "<html><body>Log in</body></html>",
    "two objects": answer(line()) + answer(line()),
    "too many": '{"segments": [' + ",".join(["{}"] * 20_001) + "]}", "huge number": '{"segments": 1' + "0" * 5000 + "}",
    "wrong quotes": "{'segments': []}", "numbers as words": answer(line(content=42)),
    "words in a list": answer(line(content=["ask", "not"])), "control": '{"segments": "\x00',
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_answer_that_is_not_what_was_asked_for_is_broken(name: str) -> None:
    assert read_or_broken(BROKEN[name]) is None


LOOP = "and then we went to the market again, " * 3000
ODD: dict[str, str] = {
    "no segments": answer(), "empty text": answer(line(content="")), "fence": f"```json\n{answer(line())}\n```",
    "past the end": answer(line("05:00", "05:10"), line()), "backwards": answer(line("00:40", "00:50"), line()),
    "end before start": answer(line("00:20", "00:10")),
    "negative": answer(line(-5, -1)), "nan": answer(line("NaN", "NaN")),
    "real nan": '{"segments": [{"content": "x", "start": NaN, "end": Infinity}]}',
    "minus infinity": '{"segments": [{"content": "x", "start": -Infinity, "end": -Infinity}]}',
    "huge": answer(line(10**400, 10**400)), "huge text": answer(line("9" * 30, "1:2:3:4")),
    "seconds": answer(line(1, 3), line(3.5, 4.25)), "seconds as text": answer(line("75", "80")),
    "with s": answer(line("12.5s", "14s")), "brackets": answer(line("[00:12]", "(00:13)")),
    "hours": answer(line("00:00:12", "0:00:13.5")), "comma": answer(line("00:12,5", "00:13,5")),
    "times as lists": answer(line([1], {"a": 2})), "bool": answer(line(True, False)), "none": answer(line(None, None)),
    "missing": '{"segments": [{"content": "only words"}]}',
    "timestamp": '{"segments": [{"timestamp": "00:05", "text": "x"}]}',
    "overlap": answer(line("00:01", "00:30"), line("00:02", "00:31"), line("00:02", "00:03")),
    "unsorted": answer(line("00:30", "00:31"), line("00:10", "00:11"), line("00:20", "00:21")),
    "same times": answer(*[line("00:05", "00:05")] * 40), "loop": answer(line(content=LOOP)),
    "surrogates": '{"segments": [{"content": "a\\ud800b", "start": "00:01", "end": "00:02", "speaker": "\\udfff"}]}',
    "controls": answer(line(content="a\x00b\x1b[31mred\x07", speaker="A\x00\nB")),
    "markup": answer(line(content="<b>x</b><img src=/dev/zero>", speaker="<script>")),
    "bidi": answer(line(speaker="gpj\u202eexe")),
    "numbers as names": answer(line(speaker=7, language=None)), "bom": "\ufeff" + answer(line()),
    "prose around": f"Here you are: {answer(line())} I hope this helps!",
    "no end": answer(line(end="")), "an odd end": answer(line(end="soon")),
    "too much for one line": answer(line(content=" ".join(f"word{n}" for n in range(9_000))), line("00:40", "00:42")),
    "wrong emotion": answer(line(emotion="furious")), "emotion list": answer(line(emotion=["sad"])),
    "extra fields": answer(line(tool_call={"name": "rm"}, url="http://x"), orders="delete"),
    "summary object": answer(line(), summary={"a": 1}), "long name": answer(line(speaker="x" * 5000)),
    "same translation": answer(line(content="Ja.", translation="Ja.")),
}


def placed(name: str) -> list[Placed]:
    hearing = read_or_broken(ODD[name])
    assert hearing is not None
    return place(hearing, PART, SILENT)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_answer_is_fitted_into_its_part(name: str) -> None:
    items = placed(name)
    assert bool(items) == (name not in ("no segments", "empty text"))
    starts = [item.segment.start for item in items]
    assert starts == sorted(starts)
    for item in items:
        segment = item.segment
        assert 97.0 <= segment.start <= segment.end <= 160.0
        assert 0 < len(segment.text) <= LONGEST_TEXT and "\x00" not in segment.text + item.label
        assert len(item.label) <= 200 and "\n" not in item.label and "\u202e" not in item.label
        assert segment.emotion in ("", "happy", "sad", "angry", "neutral")
        (segment.text + item.label + segment.language).encode("utf-8")


def test_there_are_fifty_of_them() -> None:
    assert len(BROKEN) + len(ODD) >= 50


@pytest.mark.parametrize("name", ["past the end", "backwards", "end before start", "huge", "unsorted", "none", "nan",
                                  "negative", "missing", "an odd end", "too much for one line"])
def test_doubtful_times_are_marked(name: str) -> None:
    assert any(TIME_UNSURE in item.segment.flags for item in placed(name))


@pytest.mark.parametrize("name", ["seconds", "with s", "brackets", "hours", "comma", "timestamp"])
def test_every_way_to_write_a_time_is_understood(name: str) -> None:
    expected = {"seconds": 98.0, "with s": 109.5, "brackets": 109.0, "hours": 109.0, "comma": 109.5, "timestamp": 102.0}
    item = placed(name)[0]
    assert item.segment.start == pytest.approx(expected[name]) and TIME_UNSURE not in item.segment.flags


def test_what_is_too_long_for_one_line_becomes_several() -> None:
    *pieces, last = (item.segment for item in placed("too much for one line"))
    assert len(pieces) == 4 and " ".join(s.text for s in pieces).split() == [f"word{n}" for n in range(9_000)]
    assert all(TIME_UNSURE in s.flags for s in pieces) and not last.flags and last.start == 137.0


def test_a_field_that_is_no_text_is_empty() -> None:
    (item,) = placed("numbers as names")
    assert (item.label, item.segment.language) == ("", "") and not placed("no end")[0].segment.flags


def test_text_is_kept_as_text() -> None:
    assert placed("markup")[0].segment.text == "<b>x</b><img src=/dev/zero>"
    assert placed("controls")[0].segment.text == "ab[31mred"
    assert placed("same translation")[0].segment.translation == ""


values = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
                      lambda inner: st.lists(inner, max_size=3)
                      | st.dictionaries(st.text(max_size=8), inner, max_size=3),
                      max_leaves=6)
fields = ["start", "end", "timestamp", "speaker", "content", "text", "language", "translation", "emotion"]


@given(st.lists(st.dictionaries(st.sampled_from(fields), values) | values, max_size=6), values)
def test_whatever_json_comes_it_is_placed_or_broken(lines: list[Any], summary: Any) -> None:
    hearing = read_or_broken(json.dumps({"summary": summary, "segments": lines}))
    for item in place(hearing, PART, SILENT) if hearing else ():
        assert 97.0 <= item.segment.start <= item.segment.end <= 160.0


@given(st.text(max_size=200))
def test_whatever_text_comes_it_is_read_or_broken(text: str) -> None:
    read_or_broken(text)
