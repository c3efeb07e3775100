"""Which lines an export shows: all, a range, the quotes; verbatim or clean; and never what is off the record."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from desktop.errors import UserError
from desktop.exporting import LONGEST_SOUND, QUOTE_FORMATS, clip, preview, render, render_quotes
from desktop.exports import FORMATS, Options
from desktop.library import Library
from desktop.model import (
    Desk,
    Quote,
    Recording,
    Segment,
    Speaker,
    Terms,
    TimeRange,
    Transcript,
    TranscriptDocument,
    Withheld,
    Word,
    ignore_progress,
)
from desktop.sample import add_sample


def spoken(start: float, text: str, speaker: int | None = 1, *, words: bool = True, **more: str) -> Segment:
    """A line whose words take half a second each."""
    timed = tuple(Word(word, start + n / 2, start + n / 2 + 0.4) for n, word in enumerate(text.split()))
    return Segment(start, timed[-1].end, text, speaker, "en", words=timed if words else (), **more)  # type: ignore[arg-type]


LINES = (
    spoken(0.0, "Who decided that?", 1),
    spoken(10.0, "Um, the the minister did, in secret, not me.", 2, translation="Der Minister, heimlich.",
           emotion="sad"),
    spoken(20.0, "My sister works there.", 3),
    spoken(30.0, "Without times of words.", 2, words=False),
)
QUOTES = (
    Quote(TimeRange(30.0, 31.9), "Without times of words.", 1, 2, "Old name", "", "", id=2),
    Quote(TimeRange(11.0, 13.4), "the minister did, in secret,", 1, 2, "Old name", "call back", "lede", id=1),
    Quote(TimeRange(20.0, 21.9), "My sister works there.", 1, 9, "Gone Person", id=3),
)
TRANSCRIPT = Transcript(1, 1, "gemini", "m", "2026-11-20T10:00:00+00:00", TimeRange(0.0, 60.0),
                        "They speak of the secret.", "de", (TimeRange(40.0, 50.0),))
DOCUMENT = TranscriptDocument(Recording(1, "A talk", "f", "o.wav", "ab" * 32, 60.0, 48_000, 1, "now"), TRANSCRIPT, {
    1: Speaker(1, "Ann"), 2: Speaker(2, "Ben", 1), 3: Speaker(3, "Cleo", 2)}, LINES, Desk(QUOTES))


def with_terms(*withheld: Withheld) -> TranscriptDocument:
    return replace(DOCUMENT, desk=replace(DOCUMENT.desk, withheld=withheld))


def texts(**choice: object) -> list[str]:
    """The lines of the JSON export."""
    return [s["text"] for s in json.loads(render(DOCUMENT, "json", **choice))["segments"]]  # type: ignore[arg-type]


# -- a range ----------------------------------------------------------------------------------------------------

def test_a_range_cuts_lines_at_its_border_to_the_words_inside() -> None:
    cut = TimeRange(11.4, 13.3)
    (line,) = json.loads(render(DOCUMENT, "json", only="range", time_range=cut))["segments"]
    assert line["text"] == "minister did, in secret," and [w["text"] for w in line["words"]] == line["text"].split()
    assert (line["start"], line["end"]) == (11.5, 13.4)
    assert line["translation"] is None  # it says more than the words that are left


def test_a_line_without_times_of_words_is_taken_whole() -> None:
    assert texts(only="range", time_range=TimeRange(31.0, 35.0)) == ["Without times of words."]
    assert texts(only="range", time_range=TimeRange(5.0, 9.0)) == []


def test_a_range_tells_nothing_of_what_lies_outside() -> None:
    for name in FORMATS:
        shown = preview(render(DOCUMENT, name, only="range", time_range=TimeRange(19.0, 45.0)), name)
        for hidden in ("decided", "minister", "Ann", "They speak"):
            assert hidden not in shown, name
    shown = preview(render(DOCUMENT, "txt", only="range", time_range=TimeRange(19.0, 45.0)), "txt")
    assert "(Not transcribed: 0:40 to 0:45)" in shown and "My sister works there." in shown


def test_without_a_range_it_is_said() -> None:
    with pytest.raises(UserError, match="No range is chosen"):
        render(DOCUMENT, "txt", only="range")


# -- quotes -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", FORMATS)
def test_quotes_only_are_their_words_in_the_order_of_time(name: str) -> None:
    shown = preview(render(DOCUMENT, name, only="quotes"), name)
    assert not any(word in shown for word in ("decided", "Um,", "Ann"))
    if name not in ("rttm",):
        places = [shown.index(word) for word in ("minister did", "sister", "Without")]
        assert places == sorted(places) or name == "eaf"
    assert "Gone" in shown and "Ben" in shown and "Old name" not in shown


def test_quotes_have_the_name_of_today_else_that_of_then_and_their_place() -> None:
    page = render_quotes(DOCUMENT, "md").decode()
    assert "> the minister did, in secret,\n\n— **Ben**, `0:11–0:13` \\[lede\\]\n\nNote: call back\n" in page
    assert "— **Gone Person**, `0:20–0:21`" in page
    rows = render_quotes(DOCUMENT, "csv").decode("utf-8-sig").split("\r\n")
    assert rows[1] == '00:00:11.000,00:00:13.400,Ben,"the minister did, in secret,",lede,call back,A talk'
    assert [row.split(",")[2] for row in rows[1:4]] == ["Ben", "Gone Person", "Ben"] and len(rows) == 5


def test_cleaned_quotes_stand_beside_the_verbatim_words_with_the_changes() -> None:
    quote = replace(QUOTES[1], text="Um, the the minister did, in secret, not me.")
    document = replace(DOCUMENT, desk=Desk((quote,)))
    page = render_quotes(document, "md", clean=True).decode()
    assert "> Um, the the minister did" in page and "Lightly cleaned: ~~Um, the the~~ **The** minister did" in page
    row = render_quotes(document, "csv", clean=True).decode("utf-8-sig").split("\r\n")[1]
    assert row.endswith(',"The minister did, in secret, not me.","[-Um, the the-] [+The+] minister did, in secret, '
                        'not me."')
    words = preview(render_quotes(document, "docx", clean=True), "docx")
    assert "Lightly cleaned: Um, the the The minister did, in secret, not me." in words


def test_without_quotes_it_is_said_and_other_formats_are_refused() -> None:
    bare = replace(DOCUMENT, desk=Desk())
    for name in QUOTE_FORMATS:
        with pytest.raises(UserError, match="no quote"):
            render_quotes(bare, name)
    with pytest.raises(UserError, match="no quote"):
        render(bare, "txt", only="quotes")
    with pytest.raises(UserError, match="docx, md, csv"):
        render_quotes(DOCUMENT, "odt")


# -- clean ------------------------------------------------------------------------------------------------------

def test_clean_lines_keep_the_times_of_the_words_that_are_left() -> None:
    line = json.loads(render(DOCUMENT, "json", Options(clean=True)))["segments"][1]
    assert line["text"] == "The minister did, in secret, not me."
    assert [(w["text"], w["start"]) for w in line["words"][:2]] == [("The", 11.0), ("minister", 11.5)]
    assert len(line["words"]) == 7


@pytest.mark.parametrize("name", FORMATS)
def test_verbatim_is_the_rule_and_clean_is_asked_for(name: str) -> None:
    verbatim = preview(render(DOCUMENT, name), name)
    cleaned = preview(render(DOCUMENT, name, Options(clean=True)), name)
    assert ("Um, the the" in verbatim.replace("\\", "")) == (name != "rttm") and "the the" not in cleaned


# -- options ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", FORMATS)
def test_what_the_options_leave_out_is_in_no_format(name: str) -> None:
    shown = preview(render(DOCUMENT, name, Options(speakers=False, translation="none")), name)
    assert not any(word in shown for word in ("Ann", "Ben", "Cleo", "heimlich", "sad"))


@pytest.mark.parametrize("name", ["txt", "md", "html", "docx", "odt", "csv", "tsv"])
def test_times_languages_and_emotions_are_a_matter_of_choice(name: str) -> None:
    bare = preview(render(DOCUMENT, name, Options(timecodes=False)), name)
    full = preview(render(DOCUMENT, name, Options(language=True, emotions=True)), name)
    time, language = ("00:00:10", ",en,") if name == "csv" else ("00:00:10", "\ten\t") if name == "tsv" else (
        "0:10", "(en)")
    assert time in full and time not in bare and language in full and language not in bare
    assert "sad" in full and "sad" not in bare


# -- off the record ---------------------------------------------------------------------------------------------

SECRET = Withheld(TimeRange(12.4, 13.5), Terms.OFF_THE_RECORD, "2026-11-21T10:00:00+00:00")
BACKGROUND = Withheld(TimeRange(19.0, 23.0), Terms.BACKGROUND, "2026-11-21T10:00:00+00:00")


@pytest.mark.parametrize("only", ["all", "range", "quotes"])
@pytest.mark.parametrize("name", FORMATS)
def test_nothing_off_the_record_and_no_name_of_background_in_any_format(name: str, only: str) -> None:
    document = with_terms(SECRET, BACKGROUND)
    content = render(document, name, Options(emotions=True, language=True), only=only, time_range=TimeRange(0.0, 60.0))
    shown = preview(content, name)
    for hidden in ("secret", "heimlich", "Cleo", "Gone", "They speak"):
        assert hidden not in shown and hidden.encode() not in content, hidden
    if name != "rttm":
        assert "My sister" in shown and ("minister" in shown) == (only != "quotes")


@pytest.mark.parametrize("name", QUOTE_FORMATS)
def test_quotes_off_the_record_are_left_out_and_those_of_background_name_nobody(name: str) -> None:
    shown = preview(render_quotes(with_terms(SECRET, BACKGROUND), name, clean=True), name)
    assert "minister" not in shown and "call back" not in shown and "Gone" not in shown
    assert "My sister works there." in shown and "Without times of words." in shown and "Ben" in shown


def test_a_quote_that_is_all_there_is_and_off_the_record_is_no_quote() -> None:
    with pytest.raises(UserError, match="no quote"):
        render_quotes(with_terms(Withheld(TimeRange(0.0, 60.0))), "md")


# -- sound ------------------------------------------------------------------------------------------------------

def test_the_sound_of_a_page_is_silent_where_it_is_off_the_record(library: Library, cache: Path,
                                                                  tmp_path: Path) -> None:
    import numpy as np
    import soundfile

    recording = add_sample(library, cache, ignore_progress)
    document = library.document(library.transcripts(recording.id)[0].id)
    library.set_desk(recording.id, Desk(withheld=(Withheld(TimeRange(4.0, 9.0)),)))
    masked = library.document(document.transcript.id)
    levels = []
    for shown in (document, masked):
        (tmp_path / "a.ogg").write_bytes(clip(cache, shown, TimeRange(3.0, 12.0)))
        samples, rate = soundfile.read(tmp_path / "a.ogg", dtype="float32")
        assert rate == 16_000 and len(samples) == pytest.approx(9.0 * rate, abs=rate // 10)
        levels.append(float(np.abs(samples[int(1.2 * rate):int(5.8 * rate)]).max()))
    assert levels[0] > 0.05 and levels[1] < 0.002
    assert b"data:audio/ogg" in render(masked, "html", sound=clip(cache, masked, TimeRange(3.0, 4.0)))


def test_sound_that_is_too_long_or_not_here_is_said() -> None:
    long = replace(DOCUMENT, recording=replace(DOCUMENT.recording, duration=LONGEST_SOUND + 1))
    with pytest.raises(UserError, match="two hours"):
        clip(Path("/nowhere"), long)
    video = replace(DOCUMENT, recording=replace(DOCUMENT.recording, address="https://www.youtube.com/watch?v=x"))
    with pytest.raises(UserError, match="not on this computer"):
        clip(Path("/nowhere"), video)
