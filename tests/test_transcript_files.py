"""Transcripts from files: what is in them arrives, what is not is not made up, and no file does harm."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.cleaning import clean_name, clean_text
from desktop.errors import UserError
from desktop.exporting import render
from desktop.exports import Options
from desktop.fitting import TIME_UNSURE
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import (
    SPEAKER_UNSURE,
    Desk,
    Recording,
    Segment,
    Speaker,
    TimeRange,
    Transcript,
    TranscriptDocument,
    Withheld,
    Word,
    ignore_progress,
)
from desktop.transcript_files import LARGEST, SUFFIXES, Imported, add, read
from desktop.withholding import release
from tests.program import run
from tests.sounds import turns, write_wav

SAMPLES = Path(__file__).resolve().parent / "transcripts"
EXPECTED = Path(__file__).resolve().parent / "expected"
UNLIMITED = Options(emotions=True, line_length=0, lines_per_cue=0, cue_seconds=0.0, reading_speed=0.0)
CUE = "1\n00:00:01,000 --> 00:00:02,000\n"
HEAD = "WEBVTT\n\n00:01.000 --> 00:02.000\n"
STAMP = '<span class="timestamp" data-timestamp="1.5">0:01</span>'

File = Callable[[str | bytes], Path]


@pytest.fixture
def file(tmp_path: Path) -> File:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "transcript"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def recording(library: Library, cache: Path, tmp_path: Path) -> Recording:
    """Twelve seconds of tones."""
    return import_audio(library, cache, write_wav(tmp_path / "talk.wav", turns(6)), ignore_progress).recording


def said(imported: Imported) -> list[tuple[str, float, float, str]]:
    return [(name, segment.start, segment.end, segment.text) for name, segment in imported.segments]


def document(segments: list[tuple[str, Segment]], **more: object) -> TranscriptDocument:
    """A transcript with these lines, for an export."""
    ids = {name: number for number, name in enumerate(dict.fromkeys(name for name, _ in segments), 1) if name}
    transcript = Transcript(1, 1, "gemini", "m", "now", TimeRange(0.0, 1e5))
    return TranscriptDocument(
        Recording(1, "Harbour", "f", "o.wav", "ab" * 32, 1e5, 16_000, 1, "now"), replace(transcript, **more),
        {i: Speaker(i, name) for name, i in ids.items()},
        tuple(replace(segment, speaker_id=ids.get(name)) for name, segment in segments))


# -- what each kind says -------------------------------------------------------------------------------------


def test_subrip_gives_names_before_a_colon_times_and_text_without_markup() -> None:
    imported = read(SAMPLES / "interview.srt")
    assert imported.kind == "srt" and said(imported) == [
        ("ANN BERG", 1.0, 3.25, "Who signed the harbour contract?"), ("JOE", 3.4, 6.0, "The mayor did. In 2019."),
        ("JOE", 6.1, 8.0, "He told nobody."), ("ANN BERG", 8.2, 9.0, "Nobody?")]
    assert [segment.flags for _, segment in imported.segments] == [(), (), (SPEAKER_UNSURE,), ()]


def test_webvtt_gives_every_voice_also_two_in_one_cue() -> None:
    imported = read(SAMPLES / "interview.vtt")
    assert imported.kind == "vtt" and said(imported) == [
        ("Ann Berg", 1.0, 3.25, "Who signed the harbour contract?"), ("Joe", 3.4, 6.0, "The mayor & his son did."),
        ("Ann Berg", 3.4, 6.0, "When?"), ("", 6.1, 8.0, "In 2019.")]


def test_sbv_gives_lines() -> None:
    assert said(read(SAMPLES / "interview.sbv")) == [("", 1.0, 3.25, "Who signed the harbour contract?"),
                                                     ("", 3.4, 6.0, "The mayor did.")]


def test_otr_gives_paragraphs_and_marks_times_that_nobody_noted() -> None:
    imported = read(SAMPLES / "interview.otr")
    assert imported.kind == "otr"
    assert [(name, s.text, s.flags) for name, s in imported.segments] == [
        ("Ann", "Who signed the contract?", ()), ("Joe", "The mayor did.", (TIME_UNSURE,)), ("Joe", "In 2019.", ()),
        ("Ann", "And the money?", (TIME_UNSURE,)), ("Joe", "I <do not> know.", ())]
    starts = [segment.start for _, segment in imported.segments]
    assert starts == sorted(starts) and starts[0] == pytest.approx(1.034234) and starts[2] == 4.5 and starts[4] == 9.0


def test_whisper_json_gives_words_and_language() -> None:
    imported = read(SAMPLES / "whisper.json")
    assert imported.language == "en" and said(imported) == [
        ("", 0.0, 2.5, "Who signed it?"), ("SPEAKER_01", 2.5, 4.0, "The mayor did in 2019.")]
    assert imported.segments[0][1].words == (Word("Who", 0.0, 0.4), Word("signed", 0.4, 0.9), Word("it?", 0.9, 1.2))
    assert imported.segments[1][1].words[-1] == Word("2019.", 3.2, 3.2)


def test_our_json_comes_back_whole() -> None:
    imported = read(EXPECTED / "interview.json")
    assert imported.summary == "Two people talk." and imported.missing == (TimeRange(600.0, 1200.5),)
    name, segment = imported.segments[1]
    assert name == "Lucía *Ferrer*" and segment == Segment(
        2.5, 7.126, "Nadie. El barco <ya> se había ido & nadie --> lo vio.", None, "es",
        "Nobody. The boat had already left, and nobody saw it.", "", (TIME_UNSURE,),
        (Word("Nadie.", 2.5, 3.0), Word("El", 3.25, 3.4)))


def test_there_is_a_sample_of_every_kind() -> None:
    assert {path.suffix[1:] for path in SAMPLES.iterdir()} == set(SUFFIXES)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings_are_recognised(file: File, encoding: str) -> None:
    content = f"{CUE}Zoë: Où est la clé? Près de l’église.\n".replace("\n", "\r\n")
    assert said(read(file(content.encode(encoding)))) == [("Zoë", 1.0, 2.0, "Où est la clé? Près de l’église.")]


@pytest.mark.parametrize("content, lines", [
    ("00:01 --> 00:02\nno number\n\n1:00:03.5 --> 1:00:04,25 X1:40\nother point\n", [
        (1.0, 2.0, "no number"), (3603.5, 3604.25, "other point")]),
    (f"\n\n{CUE}How many?\n12\n", [(1.0, 2.0, "How many? 12")]),
    (f"{CUE}12\n\n2\n00:00:03,000 --> 00:00:04,000\n\n\n3\n00:00:05,000 --> 00:00:06,000\nx\n\ny\n", [
        (1.0, 2.0, "12"), (5.0, 6.0, "x y")]),
    (f"{CUE}between 00:00:01,000 and 00:00:02,000 it rang\n", [
        (1.0, 2.0, "between 00:00:01,000 and 00:00:02,000 it rang")]),
    (f"{CUE}left --> right\n", [(1.0, 2.0, "left -> right")]),
    ("1\n00:00:01,000 --> 00:99:02,000\nlong\n", [(1.0, 5942.0, "long")]),
    (f"{CUE}first\n2\n00:00:01,500 --> 00:00:01,800\ninside the first\n", [
        (1.0, 2.0, "first"), (1.5, 1.8, "inside the first")]),
    ("9\n00:00:09,000 --> 00:00:10,000\nlater\n\n1\n00:00:01,000 --> 00:00:02,000\nsooner\n", [
        (1.0, 2.0, "sooner"), (9.0, 10.0, "later")]),
    (f"{CUE}<ya> {{x}} {{\\an8}}<font color=\"red\">y</font>\n", [(1.0, 2.0, "<ya> {x} y")])])
def test_sloppy_subtitles_lose_no_word(file: File, content: str, lines: list[tuple[float, float, str]]) -> None:
    assert [item[1:] for item in said(read(file(content)))] == lines


@pytest.mark.parametrize("lines, names", [
    (["Ann: Hi.", "Bob: Hi.", "How are you?"], ["Ann", "Bob", "Bob"]),
    (["We saw it.", "Note: it rained.", "We left.", "At night."], ["", "", "", ""]),
    (["Ann de la Cruz: Yes.", "He said: go."], ["Ann de la Cruz", "Ann de la Cruz"]),
    (["interviewer: why?", "interviewer: when?", "Dr. Mora: Today."], ["interviewer", "interviewer", "Dr. Mora"]),
    (["It is 12:30.", "See https://example.org/x", "What: this?", "It ended there. And then: nothing."], [""] * 4),
    (["王: 你好。", "李: 你好。"], ["王", "李"]),
    (["Ann: one", "two", "three.", "four", "Ann: five", "six", "Ann: seven"], ["Ann"] * 7)])
def test_a_name_before_a_colon_is_a_speaker_where_names_are_used(file: File, lines: list[str],
                                                                 names: list[str]) -> None:
    cues = "\n".join(f"{n}\n00:00:{n:02d},000 --> 00:00:{n:02d},900\n{line}\n" for n, line in enumerate(lines, 1))
    imported = read(file(cues))
    assert [name for name, _ in imported.segments] == names
    assert " ".join(f"{name}: {s.text}" if f"{name}: {s.text}" in lines else s.text
                    for name, s in imported.segments) == " ".join(lines)


def test_a_turn_that_goes_on_is_marked_only_where_a_sentence_had_ended(file: File) -> None:
    lines = ["Ann: I went", "to the harbour.", "It was dark.", "Joe: Yes."]
    cues = "\n".join(f"{n}\n00:00:{n:02d},000 --> 00:00:{n:02d},900\n{line}\n" for n, line in enumerate(lines, 1))
    assert [(name, s.flags) for name, s in read(file(cues)).segments] == [
        ("Ann", ()), ("Ann", ()), ("Ann", (SPEAKER_UNSURE,)), ("Joe", ())]


# -- our own exports come back -------------------------------------------------------------------------------

_times = st.lists(st.integers(0, 40_000), min_size=1, max_size=8, unique=True).map(sorted)
_texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), max_size=80).map(
    lambda text: " ".join(clean_text(text).split())).filter(bool)
_names = st.sampled_from(["Ann", "Daniel Reed", "Speaker 1", "Lucía *Ferrer*", "Dr. Mora", "王"])


@st.composite
def lines(draw: st.DrawFn) -> list[tuple[str, Segment]]:
    return [(draw(_names), Segment(start / 1000 + 50 * n, start / 1000 + 50 * n + draw(st.integers(1, 9000)) / 1000,
                                   draw(_texts))) for n, start in enumerate(draw(_times))]


@given(lines())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_our_subtitles_come_back_with_speakers_texts_and_times(tmp_path: Path,
                                                               made: list[tuple[str, Segment]]) -> None:
    wanted = [(name, round(s.start, 3), round(s.end, 3), s.text) for name, s in made]
    path = tmp_path / "x"
    for kind in ("vtt", "srt"):
        path.write_bytes(render(document(made), kind, UNLIMITED))
        assert said(read(path)) == [(*item[:3], item[3].replace("-->", "->")) if kind == "srt" else item
                                    for item in wanted], kind


@given(lines(), st.sampled_from(["", "de", "pt-BR"]), _texts, st.sampled_from([(), (TIME_UNSURE, SPEAKER_UNSURE)]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_our_json_comes_back_equal(tmp_path: Path, made: list[tuple[str, Segment]], language: str, other: str,
                                   flags: tuple[str, ...]) -> None:
    full = [(name, replace(
        s, language=language, translation=other, emotion="calm", flags=flags, start=round(s.start, 3),
        end=round(s.end, 3), words=tuple(Word(w, round(s.start, 3), round(s.end, 3)) for w in s.text.split()),
        text=f"{s.text}\n\nb")) for name, s in made]
    path = tmp_path / "x"
    path.write_bytes(render(document(full, summary=other, missing=(TimeRange(1.5, 2.25),)), "json", UNLIMITED))
    imported = read(path)
    assert list(imported.segments) == full
    assert imported.summary == other and imported.missing == (TimeRange(1.5, 2.25),)


def test_short_subtitles_of_a_long_turn_keep_its_speaker(file: File) -> None:
    text = "I went to the harbour with my brother and three of his friends, who had never been there. " * 4
    made = [("Ann", Segment(0.0, 30.0, text.strip())), ("Joe", Segment(31.0, 33.0, "And then?"))]
    imported = read(file(render(document(made), "srt")))
    assert len(imported.segments) > 4
    assert [name for name, _ in imported.segments] == ["Ann"] * (len(imported.segments) - 1) + ["Joe"]
    assert " ".join(s.text for name, s in imported.segments if name == "Ann") == text.strip()


# -- into the library ----------------------------------------------------------------------------------------


def test_a_file_becomes_one_more_transcript_of_its_recording(library: Library, recording: Recording) -> None:
    before = library.add_transcript(recording.id, engine="gemini", model="m", time_range=TimeRange(0.0, 1.0))
    added = library.document(add(library, recording, SAMPLES / "interview.srt"))
    assert [t.id for t in library.transcripts(recording.id)] == [added.transcript.id, before.id]
    assert (added.transcript.engine, added.transcript.model) == ("imported", "srt")
    assert added.transcript.range == TimeRange(0.0, recording.duration)
    assert [speaker.name for speaker in added.speakers.values()] == ["ANN BERG", "JOE"]
    assert [added.speaker_name(s) for s in added.segments] == ["ANN BERG", "JOE", "JOE", "ANN BERG"]
    assert library.job_of_transcript(added.transcript.id) is None


def test_what_is_exported_imported_and_exported_again_is_the_same(library: Library, recording: Recording,
                                                                  file: File) -> None:
    first = library.document(add(library, recording, SAMPLES / "interview.vtt"))
    rich = replace(first, transcript=replace(first.transcript, summary="They talk.", missing=(TimeRange(9.0, 11.5),)),
                   segments=(replace(first.segments[0], translation="Wer?", emotion="calm", language="en",
                                     words=(Word("Who", 1.0, 1.25),), flags=(TIME_UNSURE,)), *first.segments[1:]))
    content = json.loads(render(rich, "json", UNLIMITED))
    again = library.document(add(library, recording, file(json.dumps(content))))
    assert again.transcript.missing == (TimeRange(9.0, 11.5),) and again.transcript.summary == "They talk."
    other = json.loads(render(again, "json", UNLIMITED))
    for data in (content, other):
        data["engine"] = None
        for speaker in data["speakers"]:
            speaker["id"] = 0
    assert other == content
    assert library.unfinished_jobs() == [] and not library.recording(recording.id).is_partly_heard


def test_words_past_the_end_are_kept_at_the_end_and_marked(library: Library, recording: Recording, file: File) -> None:
    content = {"segments": [
        {"start": -3, "end": 1, "text": "before"}, {"start": 11, "end": 12.5, "text": "a little over"},
        {"start": 11, "end": 40, "text": "far over", "words": [{"word": "far", "start": 11, "end": 20}]},
        {"start": 50, "end": 60, "text": "after"}]}
    added = library.document(add(library, recording, file(json.dumps(content))))
    end = recording.duration
    assert [(s.start, s.end, s.text, s.flags) for s in added.segments] == [
        (0.0, 1.0, "before", (TIME_UNSURE,)), (11.0, end, "a little over", ()),
        (11.0, end, "far over", (TIME_UNSURE,)), (end, end, "after", (TIME_UNSURE,))]
    assert added.segments[2].words == (Word("far", 11.0, end),)


def test_a_summary_does_not_come_to_a_recording_that_is_partly_off_the_record(library: Library, recording: Recording,
                                                                              file: File) -> None:
    content = json.dumps({"summary": "He named his source.", "segments": [{"start": 1, "end": 2, "text": "a"}]})
    assert library.document(add(library, recording, file(content))).transcript.summary == "He named his source."
    library.set_desk(recording.id, Desk(withheld=(Withheld(TimeRange(4.0, 6.0)),)))
    assert library.document(add(library, recording, file(content))).transcript.summary == ""


def test_an_import_that_fails_leaves_no_transcript(library: Library, recording: Recording,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(library, "add_segments", full)
    with pytest.raises(OSError):
        add(library, recording, SAMPLES / "interview.srt")
    assert library.transcripts(recording.id) == []


def test_a_recording_that_is_not_prepared_waits(library: Library) -> None:
    recording = library.add_recording(title="x", folder="f", original="o", sha256="00", byte_count=1)
    with pytest.raises(UserError, match="still being prepared"):
        add(library, recording, SAMPLES / "interview.srt")


def test_a_video_has_no_end_that_is_known(library: Library, file: File) -> None:
    recording = library.add_recording(title="x", folder="f", original="", sha256="00", byte_count=0,
                                      address="https://www.youtube.com/watch?v=aaaaaaaaaaa")
    added = library.document(add(library, recording, file("1\n01:00:00,000 --> 01:00:02,000\nHi\n")))
    assert added.segments[0].start == 3600.0 and added.segments[0].flags == ()
    assert added.transcript.range == TimeRange(0.0, 3602.0)


def test_the_window_names_an_imported_file() -> None:
    from desktop.ui.inspector import engine_name

    assert engine_name("imported", "srt") == "Imported file (srt)"


def test_the_command_line_imports(home: Path, library: Library, cache: Path, tmp_path: Path) -> None:
    sound = write_wav(tmp_path / "talk.wav", turns(2))
    recording = import_audio(library, cache, sound, ignore_progress).recording
    library.close()
    done = run(home, "import-transcript", sound, SAMPLES / "interview.srt")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "talk: 4 lines, 2 speakers, 2 with times that are unsure\n"
    bad = run(home, "import-transcript", sound, sound)
    assert bad.returncode == 1 and bad.stdout == "" and "Traceback" not in bad.stderr
    again = Library(home / "data")
    assert len(again.transcripts(recording.id)) == 1
    again.close()


# -- files that are none, and files that mean harm ------------------------------------------------------------


@pytest.mark.parametrize("content, words", [
    ("", "no words"), (" \n\n", "no words"), (b"\0" * 5000, "no words"), ("WEBVTT\n", "no words"),
    (CUE, "no words"), (f"{CUE}<i></i>\n", "no words"), ('{"segments": []}', "no words"),
    ('{"segments": [{"start": 1, "text": " \\u0007 "}]}', "no words"), ("Dear editor", "not a transcript"),
    ("ID3\x04\x00\x00binary", "not a transcript"), ('{"a": 1}', "not a transcript"), ("x --> y", "not a transcript"),
    ("[]", "no words"), ("WEBVTTT", "no words"), ('{"pullquote": 2, "segments": []}', "newer Pullquote"),
    ('{"text": "hello"}', "no times"), ('{"segments": [{"text": "a"}]}', "no times"),
    ('{"segments": [{"start": 1, "text": "a"}, {"start": 2}]}', "segment 2 has no text"),
    ('{"segments": [3]}', "segment 1 has no text"),
    (f"{CUE}one\n\n2\n00:00:0x,000 --> 00:00:04,000\nlost\n", "damaged at line 6"),
    ("WEBVTT\n\n00:05.00:bad --> 00:06.000\nlost\n", "damaged at line 3"),
    ('{"segments": [\n{"start": 1,\n"text": }]}', "damaged at line 3"), ("[" * 50_000, "cannot be read as JSON"),
    ('{"segments":' * 50_000, "cannot be read as JSON"),
    ('{"segments": [{"start": ' + "9" * 10_000 + "}]}", "cannot be read as JSON")])
def test_what_is_no_transcript_is_said(file: File, content: str | bytes, words: str) -> None:
    with pytest.raises(UserError, match=words):
        read(file(content))


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a file"):
        read(tmp_path)
    with pytest.raises(UserError, match="not a file"):
        read(tmp_path / "nowhere.srt")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(UserError, match="not a file"):
            read(tmp_path / "pipe")


def test_a_file_that_is_too_large_is_said(tmp_path: Path, file: File) -> None:
    with open(tmp_path / "large.srt", "wb") as large:
        large.truncate(LARGEST + 1)
    with pytest.raises(UserError, match="too large"):
        read(tmp_path / "large.srt")
    with pytest.raises(UserError, match="too large"):
        read(file(f"{CUE}a\n\n" * 200_001))
    with pytest.raises(UserError, match="too large"):
        read(file("[" + "{}," * 200_001 + "{}]"))


def test_odd_numbers_in_json_are_no_times(file: File) -> None:
    content = ('{"segments": [{"start": NaN, "end": Infinity, "text": "a"}, '
               '{"start": 5, "end": -Infinity, "text": "b"}, '
               '{"start": 1e300, "end": 1e308, "text": "c"}, {"start": true, "end": "7", "text": "d"},'
               '{"start": 9, "end": 8, "text": "e"}, {"start": ' + "9" * 4000 + ', "text": "f"}]}')
    imported = read(file(content))
    assert "".join(s.text for _, s in imported.segments) == "abcdef"
    assert [s.flags for _, s in imported.segments] == [
        (TIME_UNSURE,), (), (TIME_UNSURE,), (TIME_UNSURE,), (TIME_UNSURE,), (TIME_UNSURE,)]
    assert all(0 <= s.start <= s.end < 60 for _, s in imported.segments)


def test_words_with_times_outside_their_line_cannot_stay_when_the_line_is_cut_out(file: File) -> None:
    words = [{"word": "secret", "start": 500, "end": 501}, {"word": "name", "start": 11, "end": 12}]
    entries = [{"start": 10, "end": 20, "text": "secret name", "words": words},
               {"start": 30, "end": 31, "text": "near it", "words": [{"word": "near", "start": 29.9, "end": 30.2},
                                                                     {"word": "it", "start": 30.9, "end": 31.2}]}]
    made = read(file(json.dumps({"segments": entries}))).segments
    assert made[0][1].words == () and made[1][1].words == (Word("near", 30.0, 30.2), Word("it", 30.9, 31.0))
    desk = Desk(withheld=(Withheld(TimeRange(10.0, 15.0)),))
    assert [s.text for s in release(replace(document(list(made)), desk=desk)).segments] == ["near it"]


def test_names_and_texts_arrive_clean(file: File) -> None:
    entry = {"start": 1, "end": 2, "speaker": "\u202eA\nnn\x00" + "n" * 500, "text": "a\x00\ud800b\x1b[31m",
             "language": ["en"], "emotion": {"a": 1}, "flags": [None, "x\ny", "x y"] + ["z"] * 50, "words": "none"}
    name, segment = read(file(json.dumps({"segments": [entry], "missing": [[1, 2, 3], ["a", 2], [3, 2], 5],
                                          "summary": 7}))).segments[0]
    assert name == clean_name(name) and name.startswith("A nn") and len(name) <= 200
    assert segment == Segment(1.0, 2.0, "a?b[31m", flags=("x y", "z"))


def test_a_page_is_only_read(file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(socket.socket, "connect", never)
    page = (f'<p>{STAMP}<img src="http://127.0.0.1/x" onerror="x()"><style>p {{}}</style><a href="file:///etc/passwd">'
            "see</a> &lt;b&gt; &#0; &#xD800; <!-- hidden --> <![CDATA[x]]> <?php x ?></p>")
    text = read(file(json.dumps({"text": page, "media": "../../secret"}))).segments[0][1].text
    assert text.startswith("see <b>") and "onerror" not in text and "p {}" not in text and "\x00" not in text


LONG = 400_000
HOSTILE = {
    "blank lines": f"{CUE}a" + "\n" * LONG + "b", "arrows": "-->" * LONG, "digits": "1" * LONG + " --> 00:00:01,000",
    "open tags": f"{CUE}" + "<i " * LONG, "braces": f"{CUE}" + "{\\" * LONG, "colons": f"{CUE}" + "a:" * LONG,
    "prefix": f"{CUE}a" + " " * LONG + ":b", "voices": HEAD + "<v " * LONG, "classes": f"{HEAD}<v" + ".a" * LONG,
    "spaces": f"{HEAD}<v" + " " * LONG + "x", "entities": HEAD + "&" * LONG, "stops": f"{CUE}Ann: " + ".)" * LONG,
    "pieces": "[" + "[]," * LONG + "[]]", "sbv": "1:1:1" * LONG,
    **{f"page {n}": json.dumps({"text": STAMP + piece * (LONG // len(piece))}) for n, piece in enumerate((
        "<", "<a", "<a b=c>", "<!--", "&#", "<a " + "b='" * 95 + ">", "<a" + "=" * 290 + ">", "</a" + " x" * 140 + ">",
        "<p>a", STAMP, "<![", "<?", "<script>"))},
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(20)
def test_no_file_takes_long(file: File, name: str) -> None:
    try:
        assert read(file(HOSTILE[name])).segments
    except UserError as error:
        assert error.sentence


PIECES = [CUE, HEAD, STAMP, "WEBVTT\n\n", "00:01.000 --> 00:02.000\n", "\n\n", "\n", "NOTE ", "STYLE\n", "REGION\n",
          "-->", "<v Ann>", "<v.", "</v>", "Ann: ", "{", "}", "[", "]", "<", ">", "&lt;", "&#xD800;", "\x00",
          "\u2028", "\u202e", '{"text": "', '{"segments": [', '{"start": ', '"text": "', "NaN", "1e999", "-1", '"', ",",
          "\\ud800", "12", "é", "0:00:01.000,0:00:02.000\n", "\\", "\ufeff", "<p>", "<br/>", "<script>", "<!--",
          "1:2:3"]


@given(st.one_of(st.binary(max_size=400),
                 st.lists(st.sampled_from(PIECES), max_size=30).map(lambda pieces: "".join(pieces).encode()),
                 st.text(max_size=200).map(lambda text: f"{HEAD}{text}".encode("utf-8", "replace")),
                 st.text(max_size=200).map(lambda text: json.dumps({"text": STAMP + text}).encode())))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
def test_any_bytes_are_lines_or_a_sentence(tmp_path: Path, content: bytes) -> None:
    check(tmp_path / "x", content)


_values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
                       lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
                           ["start", "end", "text", "word", "speaker", "words", "flags"]), inner, max_size=7),
                       max_leaves=12)


@given(st.dictionaries(st.sampled_from(["segments", "text", "language", "missing", "summary", "pullquote"]), _values),
       st.lists(st.fixed_dictionaries({"text": st.text(max_size=8), "start": _values, "end": _values,
                                       "words": _values, "flags": _values, "speaker": _values}), max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_any_json_is_lines_or_a_sentence(tmp_path: Path, data: dict[str, object], segments: list[object]) -> None:
    check(tmp_path / "x", json.dumps(data).encode())
    check(tmp_path / "x", json.dumps(data | {"segments": segments}).encode())


@given(st.sampled_from(sorted(path.name for path in SAMPLES.iterdir())), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_a_damaged_sample_is_lines_or_a_sentence(tmp_path: Path, name: str, data: st.DataObject) -> None:
    content = bytearray((SAMPLES / name).read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    check(tmp_path / "x", bytes(content[:data.draw(st.integers(0, len(content)))]))


def check(path: Path, content: bytes) -> None:
    """Read is clean segments in the order of time that can be stored, or a sentence."""
    path.write_bytes(content)
    try:
        segments = read(path).segments
    except UserError as error:
        assert error.sentence
        return
    assert segments and [s.start for _, s in segments] == sorted(s.start for _, s in segments)
    for name, segment in segments:
        assert name == clean_name(name) and segment.text and segment.text == clean_text(segment.text)
        assert segment.end >= segment.start and abs(segment.start) < 1e10 and abs(segment.end) < 1e10
        assert all(word.end >= word.start and word.text == clean_text(word.text) for word in segment.words)
