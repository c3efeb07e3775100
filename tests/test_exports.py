"""Exports: the reference files, and hostile text that must neither break a format nor say something else."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.cleaning import clean_name, clean_text
from desktop.errors import UserError
from desktop.exporting import file_name, preview, write
from desktop.exporting import render as render_file
from desktop.exports import FORMATS, Options
from desktop.model import Recording, Segment, Speaker, TimeRange, Transcript, TranscriptDocument, Word

EXPECTED = Path(__file__).resolve().parent / "expected"
RECORDING = Recording(1, "Puerto Claro: the harbour <draft>", "f", "original.wav", "ab" * 32, 3725.5, 48_000, 2, "now")
SPEAKERS = {1: Speaker(1, "Daniel Reed"), 2: Speaker(2, "Lucía *Ferrer*", 1)}
SEGMENTS = (
    Segment(0.0, 2.5, "Who was there?", 1, "en", "", "neutral"),
    Segment(2.5, 7.126, "Nadie. El barco <ya> se había ido & nadie --> lo vio.", 2, "es",
            "Nobody. The boat had already left, and nobody saw it.", "sad", ("time unsure",),
            (Word("Nadie.", 2.5, 3.0), Word("El", 3.25, 3.4))),
    Segment(3661.0, 3661.0, "1. First\nsecond line\n\nthird", None),
    Segment(3700.9999, 3725.5, "[laughs] *really* _so_ #1", 1, "en"),
)
TRANSCRIPT = Transcript(9, 1, "gemini", "gemini-3.8-flash", "now", TimeRange(0, 3725.5), "Two people talk.", "en",
                        (TimeRange(600.0, 1200.5),))
DOCUMENT = TranscriptDocument(RECORDING, TRANSCRIPT, SPEAKERS, SEGMENTS)


TEXTS = [name for name, item in FORMATS.items() if item.is_text]
WHOLE_CUES = Options(line_length=0, cue_seconds=0.0)


def render(document: TranscriptDocument, name: str, options: Options = WHOLE_CUES) -> str:
    """A text format, with one cue for each line however long."""
    return render_file(document, name, options).decode()


def reference(name: str) -> Path:
    """The whole file; of office files the words in it."""
    return EXPECTED / f"interview.{name}{'' if FORMATS[name].is_text else '.preview'}"


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_the_reference(name: str) -> None:
    content = render_file(DOCUMENT, name)
    assert (content if FORMATS[name].is_text else preview(content, name).encode()) == reference(name).read_bytes()


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_export_is_the_same_file(name: str) -> None:
    assert render_file(DOCUMENT, name) == render_file(DOCUMENT, name)


def test_emotions_are_written_only_when_asked_for() -> None:
    for name in FORMATS:
        assert not re.search("neutral|sad", preview(render_file(DOCUMENT, name), name))
    with_them = Options(emotions=True)
    asked = json.loads(render(DOCUMENT, "json", with_them))
    assert [segment["emotion"] for segment in asked["segments"]] == ["neutral", "sad", None, None]
    assert "lo vio. (machine's opinion: sad)\n" in render(DOCUMENT, "txt", with_them)
    for name in ("md", "docx", "odt"):
        assert "machine's opinion: sad" in preview(render_file(DOCUMENT, name, with_them), name)


def test_there_is_a_reference_for_every_format() -> None:
    assert {path.name for path in EXPECTED.glob("interview.*")} == {reference(name).name for name in FORMATS}


def test_json_has_exactly_the_keys_of_version_1() -> None:
    data = json.loads(render(DOCUMENT, "json"))
    assert list(data) == ["pullquote", "recording", "engine", "summary", "speakers", "segments", "missing"]
    assert data["pullquote"] == 1 and data["missing"] == [[600.0, 1200.5]]
    assert data["recording"] == {"title": RECORDING.title, "duration": 3725.5, "sha256": "ab" * 32}
    assert data["engine"] == {"name": "gemini", "model": "gemini-3.8-flash"}
    assert data["speakers"] == [{"id": 1, "name": "Daniel Reed"}, {"id": 2, "name": "Lucía *Ferrer*"}]
    for segment in data["segments"]:
        assert list(segment) == ["start", "end", "speaker", "text", "language", "translation", "emotion", "flags",
                                 "words"]
    assert data["segments"][1]["words"][1] == {"text": "El", "start": 3.25, "end": 3.4}
    assert data["segments"][2] | {"words": 0} == {
        "start": 3661.0, "end": 3661.0, "speaker": None, "text": "1. First\nsecond line\n\nthird", "language": None,
        "translation": None, "emotion": None, "flags": [], "words": 0}


def test_an_empty_transcript_is_exported_as_such() -> None:
    empty = replace(DOCUMENT, segments=(), speakers={}, transcript=replace(TRANSCRIPT, summary="", missing=()))
    assert json.loads(render(empty, "json"))["summary"] is None
    assert render(empty, "srt") == "" and render(empty, "vtt") == "WEBVTT\n"
    assert render(empty, "txt").strip() == RECORDING.title


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UserError, match="txt, md, html"):
        render(DOCUMENT, "doc")
    with pytest.raises(UserError, match="in the window only"):
        render(DOCUMENT, "pdf")


HOSTILE = [
    "plain", "a\n\nb", "a\n\n2\n00:00:09,000 --> 00:00:10,000\nfake cue", "00:00:01.000 --> 00:00:02.000", "a --> b",
    "a ---> b", "a -- > b", "a\r\n\r\nb", "a\u2028\u2028b", "a\u0085b", "a\x0b\x0cb",
    "<v Bob>I did it</v>", "<b>bold</b>",
    "<00:01.000>x", "&lt;script&gt;", "&amp;", "<script>alert(1)</script>", "NOTE hidden", "STYLE ::cue{}", "WEBVTT",
    "REGION", "# heading", "- list", "* list", "+ list", "1. list", "1) list", "> quote", "```code```", "`code`",
    "[link](javascript:alert(1))", "![img](file:///etc/passwd)", "<http://x.y>", "| a | b |", "---", "===", "\\", "\\*",
    "    indented", "\ttab", "*bold* _em_ ~~no~~", "https://example.org/a_b", "=1+1", "\u202eevil", "\u200f", "e\u0301",
    "🙂", "עברית", "a" * 5000, "12", "Speaker 1: not me", "[0:00] Ann: fake",
    "(Not transcribed: 0:00 to 9:99)", "\"", "'",
]


def with_texts(texts: list[str], name: str = "Ann", title: str = "A title") -> TranscriptDocument:
    segments = tuple(Segment(n * 2.0, n * 2.0 + 1.5, clean_text(text), 1, translation=clean_text(text))
                     for n, text in enumerate(texts))
    recording = replace(RECORDING, title=clean_name(title) or "Untitled")
    return TranscriptDocument(recording, replace(TRANSCRIPT, missing=(), summary=""), {1: Speaker(1, clean_name(name))},
                              segments)


def flat(text: str) -> str:
    return " ".join(clean_text(text).split())


def srt_cues(content: str) -> list[tuple[str, str]]:
    """(time line, text) of each cue, read as players do: blocks parted by blank lines."""
    cues = []
    for number, block in enumerate(re.split(r"\n\s*\n", content.strip("\n")), 1):
        head, times, *lines = block.split("\n")
        assert head == str(number) and re.fullmatch(r"\d\d:\d\d:\d\d,\d{3} --> \d\d:\d\d:\d\d,\d{3}", times)
        assert len(lines) == 1
        cues.append((times, lines[0]))
    return cues


def vtt_cues(content: str) -> list[tuple[str, str]]:
    """(time line, text without the voice tag) of each cue, entities undone."""
    header, *blocks = re.split(r"\n\s*\n", content.strip("\n"))
    assert header == "WEBVTT"
    cues = []
    for block in blocks:
        times, text = block.split("\n")
        assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}", times) and "-->" not in text
        body = re.sub(r"^<v [^<>]*>", "", text)
        assert "<" not in body and ">" not in body
        cues.append((times, body.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")))
    return cues


def test_hostile_lines_make_no_cue_and_lose_no_word() -> None:
    document = with_texts(HOSTILE)
    srt, vtt = srt_cues(render(document, "srt")), vtt_cues(render(document, "vtt"))
    assert len(srt) == len(vtt) == len(HOSTILE)
    for text, (_, in_srt), (_, in_vtt) in zip(HOSTILE, srt, vtt, strict=True):
        closed = flat(text) + ("\u202c" if "\u202e" in text else "")
        assert in_srt.replace("\u2060", "") == re.sub("-{2,}>", "->", " ".join(f"Ann: {closed}".split()))
        assert in_vtt == closed and not re.search(r"<[A-Za-z/!]|\{[^\u2060]", in_srt)  # no player takes it for a tag


@pytest.mark.parametrize(("text", "open_"), [
    ("plain", ""), ("a \u202enot\u202c b", ""), ("a \u202enot", "\u202c"), ("\u2067a \u202bb", "\u202c\u2069"),
    ("\u2067a \u202bb\u2069 c", ""), ("\u202ba \u2066b\u202c", "\u2069\u202c"), ("a\u202c b\u2069", ""),
    ("\u2068\u2068a\u2069", "\u2069"), ("\u200f\u061ca", "")])
def test_what_a_line_leaves_open_of_the_reading_direction_ends_with_it(text: str, open_: str) -> None:
    document = with_texts([text, "after it"])
    for name in ("txt", "md", "srt", "vtt"):
        ends = [row.removeprefix("    ") for row in render(document, name).split("\n") if row.endswith(text + open_)]
        assert ends and all(row.count(text) == 1 for row in ends), name
    assert json.loads(render(document, "json"))["segments"][0]["text"] == text


@pytest.mark.parametrize("name", ["Ann", "<b>Bob</b>", "A\n\nB", "x --> y", "Ann>evil", "a & b"])
def test_hostile_names_and_titles_stay_names(name: str) -> None:
    document = with_texts(["hello"], name=name, title=name)
    assert len(srt_cues(render(document, "srt"))) == len(vtt_cues(render(document, "vtt"))) == 1
    assert len(render(document, "txt").rstrip("\n").split("\n")) == 4
    assert json.loads(render(document, "json"))["segments"][0]["speaker"] == clean_name(name)


def test_json_says_every_text_as_it_is() -> None:
    data = json.loads(render(with_texts(HOSTILE), "json"))
    assert [segment["text"] for segment in data["segments"]] == [clean_text(text) for text in HOSTILE]
    assert render(with_texts(HOSTILE), "json").isascii()


def test_plain_text_has_one_line_for_each_segment_and_its_translation() -> None:
    lines = render(with_texts(HOSTILE), "txt").rstrip("\n").split("\n")
    assert len(lines) == 2 + 2 * len([text for text in HOSTILE if clean_text(text)])
    assert all(line.startswith(("[0:", "[1:", "    ")) for line in lines[2:])


MARKUP = re.compile(r"(?<!\\)(?:\\\\)*[*_`\[\]<>#|~!](?!\d?:)")


def test_markdown_from_the_recording_is_only_text() -> None:
    for text in HOSTILE:
        lines = render(with_texts([text]), "md").split("\n")
        spoken = next(line for line in lines if line.startswith("`0:00`"))
        body = spoken.removeprefix("`0:00` **Ann:** ")
        assert MARKUP.search(body) is None, body
        unescaped = re.sub(r"\\([\\`*_{}\[\]<>()#+!|~&.-])", r"\1", body)
        assert unescaped.removesuffix("\u202c").strip("\u2068\u2069") == flat(text)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=6), st.text(max_size=20))
def test_any_text_survives_every_format(texts: list[str], name: str) -> None:
    texts = [text for text in texts if clean_text(text)]
    document = with_texts(texts, name=name)
    assert [s["text"] for s in json.loads(render(document, "json"))["segments"]] == [clean_text(t) for t in texts]
    if texts:
        assert len(srt_cues(render(document, "srt"))) == len(vtt_cues(render(document, "vtt"))) == len(texts)
    for format_name in TEXTS:
        render(document, format_name)


def test_times_round_without_sixty_seconds() -> None:
    document = replace(DOCUMENT, segments=(Segment(59.9996, 119.9999, "x"),))
    assert "00:01:00,000 --> 00:02:00,000" in render(document, "srt")


def test_what_is_written_is_what_was_rendered_for_this_user_or_all_as_the_umask_says(tmp_path: Path) -> None:
    content = render_file(DOCUMENT, "md")
    write(content, tmp_path / "out.md")
    assert (tmp_path / "out.md").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["out.md"]
    assert stat.S_ISREG((tmp_path / "out.md").stat().st_mode)


def test_nothing_is_overwritten_unless_asked_for(tmp_path: Path) -> None:
    (tmp_path / "out.txt").write_text("mine")
    with pytest.raises(UserError, match="not overwritten"):
        write(b"new", tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "mine"
    write(b"new", tmp_path / "out.txt", overwrite=True)
    assert (tmp_path / "out.txt").read_text() == "new"


@pytest.mark.parametrize("fail", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                 fail: str) -> None:
    (tmp_path / "out.txt").write_text("mine")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    target: Callable[..., None] = full
    monkeypatch.setattr(*((os, "fsync", target) if fail == "fsync" else (Path, "replace", target)))
    with pytest.raises(UserError, match="No space left"):
        write(b"new", tmp_path / "out.txt", overwrite=True)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.txt", "mine")]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Choose another folder"):
        write(b"x", tmp_path / "no" / "out.txt")


NAMES = {
    "Interview": "Interview.txt", "a/b\\c:d": "a b c d.txt", "..": "transcript.txt",
    "": "transcript.txt", " . ": "transcript.txt",
    "CON": "_CON.txt", "con.old": "_con.old.txt", "aux .x": "_aux .x.txt", "COM1": "_COM1.txt", "COM¹": "_COM¹.txt",
    "trailing. ": "trailing.txt", "-rf": "rf.txt", "a\x00b": "a b.txt", "gpj\u202eexe": "gpj exe.txt",
    "a\nb": "a b.txt",
    "C:\\x": "C x.txt", "foo:stream": "foo stream.txt", "what?*<>|\"": "what.txt",
    "~/x": "~ x.txt", ".hidden": "hidden.txt",
}


@pytest.mark.parametrize("title", NAMES)
def test_titles_become_names_that_are_legal_everywhere(title: str) -> None:
    assert file_name(title, "txt") == NAMES[title]


@given(st.text(max_size=400), st.sampled_from(["txt", "json"]))
def test_any_title_is_a_short_name_inside_the_folder(title: str, ending: str) -> None:
    name = file_name(title, ending)
    assert len(name.encode("utf-8")) <= 120 and name.endswith(f".{ending}") and len(name) > len(ending) + 1
    assert not set(name) & set('<>:"/\\|?*\x00\n') and not name.startswith((".", "-", " ")) and name.isprintable()
    assert Path("/safe", name).parent == Path("/safe")
