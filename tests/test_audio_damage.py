"""Bad input: each ends in one plain sentence, what can be kept is kept, and nothing is left behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from desktop.audio.cache import CacheFiles
from desktop.audio.decoder import SENTENCES, bad_audio
from desktop.audio.files import PlaybackCopy
from desktop.errors import BadAudio
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import Recording, ignore_progress
from tests.sounds import AUDIO, encode, silence, silent_video, tone, turns, wav_bytes, write_wav


def imported(library: Library, cache: Path, path: Path) -> Recording:
    return import_audio(library, cache, path, ignore_progress).recording


def copy_of(cache: Path, recording: Recording) -> np.ndarray:
    with PlaybackCopy(CacheFiles(cache, recording.sha256).copy) as copy:
        return copy.read(0, copy.frames)[:, 0]


def everything_in(folder: Path) -> list[str]:
    """But for the library's own files: it notes that it changed, and that the file's name is to be wiped."""
    own = ("changed.txt", "words-to-erase")
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*")
                  if p.is_file() and "library.db" not in p.name and p.name not in own)


def make_ogg(path: Path) -> Path:
    soundfile.write(path, turns(20), 16_000, "VORBIS", format="OGG")
    return path


def cut(path: Path, share: float = 0.5) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[:int(len(data) * share)])
    return path


MAKERS: dict[str, Callable[[Path], Path]] = {
    "wav": lambda p: write_wav(p, turns(20)),
    "mp3": lambda p: encode(p, turns(20), 16_000, "libmp3lame", options={"write_xing": "0"}),
    "ogg": make_ogg,
    "flac": lambda p: encode(p, turns(20), 16_000, "flac"),
    "opus": lambda p: encode(p, turns(20, 48_000), 48_000, "libopus"),
    "aac": lambda p: encode(p, turns(20), 16_000, "aac"),
    "mkv": lambda p: encode(p, turns(20), 16_000, "aac"),
    "amr": lambda p: encode(p, turns(20, 8_000), 8_000, "libopencore_amrnb"),
}


@pytest.mark.parametrize("ending", MAKERS)
def test_a_cut_off_file_keeps_its_first_half(library: Library, cache: Path, tmp_path: Path, ending: str) -> None:
    recording = imported(library, cache, cut(MAKERS[ending](tmp_path / f"half.{ending}")))
    assert 13 < recording.duration < 22
    assert len(copy_of(cache, recording)) > 0


@pytest.mark.parametrize("ending", ["wav", "flac", "aac", "mkv", "amr"])
def test_a_cut_off_file_says_from_where_on_it_is_damaged(library: Library, cache: Path, tmp_path: Path,
                                                         ending: str) -> None:
    recording = imported(library, cache, cut(MAKERS[ending](tmp_path / f"half.{ending}")))
    start = recording.problem.removeprefix("This file is damaged from 0:").split(" ")[0]
    assert "are kept" in recording.problem and abs(int(start) - recording.duration) < 1.1


@pytest.mark.parametrize("ending", MAKERS)
def test_a_whole_file_is_not_called_damaged(library: Library, cache: Path, tmp_path: Path, ending: str) -> None:
    recording = imported(library, cache, MAKERS[ending](tmp_path / f"whole.{ending}"))
    assert recording.problem == "" and recording.duration == pytest.approx(40, abs=0.2)


def test_a_cut_off_m4a_with_its_index_in_front_keeps_its_first_half(library: Library, cache: Path,
                                                                   tmp_path: Path) -> None:
    path = encode(tmp_path / "a.m4a", turns(20), 16_000, "aac", options={"movflags": "faststart"})
    recording = imported(library, cache, cut(path, 0.55))
    assert 10 < recording.duration < 30 and "are kept" in recording.problem


def test_a_hole_in_a_flac_is_silent_and_later_times_stay_right(library: Library, cache: Path, tmp_path: Path) -> None:
    path = MAKERS["flac"](tmp_path / "hole.flac")
    data = bytearray(path.read_bytes())
    data[len(data) // 2:len(data) // 2 + 3000] = bytes(3000)
    path.write_bytes(data)
    recording = imported(library, cache, path)
    assert recording.duration == pytest.approx(40, abs=0.1) and "silent here" in recording.problem
    assert np.array_equal(copy_of(cache, recording)[-160_000:], turns(20)[-160_000:])


def test_a_hole_in_an_mp3_is_said_and_does_not_end_it(library: Library, cache: Path, tmp_path: Path) -> None:
    path = MAKERS["mp3"](tmp_path / "hole.mp3")
    data = bytearray(path.read_bytes())
    data[len(data) // 2:len(data) // 2 + 3000] = bytes(3000)
    path.write_bytes(data)
    recording = imported(library, cache, path)
    assert recording.duration > 38 and "damaged at 0:" in recording.problem


@pytest.mark.parametrize("claimed", [0, 0xFFFFFFFF, 0xFFFFFFDB, 4_000_000_000, 0x7FFFFFFF])
def test_a_wav_of_unknown_length_is_read_to_its_end(library: Library, cache: Path, tmp_path: Path,
                                                    claimed: int) -> None:
    path = tmp_path / "stream.wav"
    path.write_bytes(wav_bytes(turns(5), claimed_bytes=claimed))
    recording = imported(library, cache, path)
    assert (recording.duration, recording.problem) == (10.0, "")


def test_a_header_that_claims_days_is_not_believed(library: Library, cache: Path, tmp_path: Path) -> None:
    path = encode(tmp_path / "days.flac", turns(5), 16_000, "flac")
    data = bytearray(path.read_bytes())
    at = data.index(b"fLaC") + 8 + 13  # STREAMINFO: the lower bits of the 36-bit sample count
    data[at:at + 5] = bytes([data[at] | 0x0F, 255, 255, 255, 255])
    path.write_bytes(data)
    assert imported(library, cache, path).duration == 10.0


REFUSED: dict[str, tuple[str, Callable[[Path], object]]] = {
    "empty.wav": ("empty", lambda p: p.write_bytes(b"")),
    "no-samples.wav": ("not_audio", lambda p: p.write_bytes(wav_bytes(silence(0)))),
    "text.mp3": ("not_audio", lambda p: p.write_text("Dear editor,\n" * 500)),
    "random.m4a": ("not_audio", lambda p: p.write_bytes(np.random.default_rng(3).bytes(20_000))),
    "cut.m4a": ("not_audio", lambda p: cut(encode(p, turns(5), 16_000, "aac"))),
    "head.flac": ("not_audio", lambda p: cut(encode(p, turns(5), 16_000, "flac"), 0.0005)),
    "nine.wav": ("too_many_channels", lambda p: write_wav(p, np.stack([turns(1)] * 9, axis=1))),
    "ghz.wav": ("strange_rate", lambda p: p.write_bytes(wav_bytes(turns(1), rate=1_000_000_000))),
    "1hz.wav": ("strange_rate", lambda p: p.write_bytes(wav_bytes(turns(1), rate=1))),
    "film.mp4": ("no_sound", silent_video),
    "archive.wav": ("not_audio", lambda p: p.write_bytes(b"PK\x03\x04" + bytes(5000))),
    "list.m3u8": ("not_audio", lambda p: p.write_text("#EXTM3U\n#EXTINF:1,\nother.wav\n")),
    "folder.wav": ("not_audio", lambda p: p.mkdir()),
    "pipe.wav": ("not_audio", lambda p: os.mkfifo(p)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_files_are_refused_with_a_sentence_and_leave_nothing(library: Library, cache: Path, tmp_path: Path,
                                                                name: str) -> None:
    kind, make = REFUSED[name]
    make(tmp_path / name)
    with pytest.raises(BadAudio) as caught:
        import_audio(library, cache, tmp_path / name, ignore_progress)
    assert caught.value.kind == kind
    assert library.recordings() == [] and everything_in(library.folder) == [] and everything_in(cache) == []


@pytest.mark.parametrize("path", ["/nowhere/at/all.wav", "http://127.0.0.1:9/a.wav",
                                  "file:///etc/hostname", "concat:a|b", "data:audio/wav;base64,AAAA"])
def test_only_files_are_opened(library: Library, cache: Path, path: str) -> None:
    with pytest.raises(BadAudio) as caught:
        import_audio(library, cache, Path(path), ignore_progress)
    assert caught.value.kind == "not_found"


def test_a_file_that_may_not_be_read_is_named_so(library: Library, cache: Path, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_wav(tmp_path / "mine.wav", turns(1))

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("desktop.importing._copy", deny)  # the tests may run as root, who may read everything
    with pytest.raises(BadAudio) as caught:
        import_audio(library, cache, path, ignore_progress)
    assert caught.value.kind == "not_readable" and library.recordings() == []


def test_a_picture_is_not_taken_for_an_interview(library: Library, cache: Path, tmp_path: Path) -> None:
    art = (AUDIO / "jfk-cbr128-id3v23-art.mp3").read_bytes()
    at = art.find(b"\xff\xd8\xff") if b"\xff\xd8\xff" in art else art.find(b"\x89PNG")
    (tmp_path / "photo.mp3").write_bytes(art[at:at + 4000])
    with pytest.raises(BadAudio):
        import_audio(library, cache, tmp_path / "photo.mp3", ignore_progress)


def test_there_are_about_a_dozen_sentences_and_each_says_what_to_do_or_why() -> None:
    assert len(SENTENCES) <= 13
    for kind, sentence in SENTENCES.items():
        assert bad_audio(kind).sentence == sentence and sentence.endswith((".", "?")) and len(sentence) < 140
    assert bad_audio("an unknown word").kind == "not_audio"


def test_a_tone_in_a_damaged_file_is_the_original_until_the_damage(library: Library, cache: Path,
                                                                  tmp_path: Path) -> None:
    path = cut(write_wav(tmp_path / "tone.wav", tone(20.0)), 0.7)
    recording = imported(library, cache, path)
    pcm = copy_of(cache, recording)
    assert len(pcm) == pytest.approx(14.0 * 16_000, abs=2048)
    assert np.array_equal(pcm, tone(20.0)[:len(pcm)])
