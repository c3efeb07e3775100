"""Every format that interviews come in: counted duration, peaks, and a copy that sounds like the original."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from desktop.audio.cache import CacheFiles
from desktop.audio.files import PlaybackCopy
from desktop.audio.peaks import Peaks
from desktop.audio.preparing import Picture
from desktop.errors import BadAudio
from desktop.importing import SUFFIXES, Imported, import_audio
from desktop.library import Library
from desktop.model import TimeRange, ignore_progress
from tests.fakes import Reports
from tests.sounds import AUDIO, INTERVIEW, caf_with_order, encode, main_pitch, silence, tone, turns, write_wav

# file -> (seconds by another decoder, rate, channels)
FORMATS = {
    "jfk-8k-mono-s16.wav": (11.0, 8_000, 1), "sonnet-head.mp3": (9.01, 44_100, 2),
    "jfk-cbr128-id3v23-art.mp3": (11.0, 44_100, 2), "fr-dictee.aiff": (2.533, 44_100, 1),
    "jfk.aac": (11.03, 44_100, 1), "jfk-44k1.m4a": (11.0, 44_100, 1), "jfk-alac.m4a": (11.0, 22_050, 1),
    "sonnet-head.ogg": (8.995, 44_100, 2), "jfk-24k.opus": (11.0, 48_000, 1), "LJ001-0004.flac": (5.139, 22_050, 1),
    "jfk-opus.webm": (11.0, 48_000, 2), "jfk.caf": (3.0, 22_050, 1), "jfk.wma": (10.96, 44_100, 1),
    "jfk-video-h264-aac.mp4": (11.01, 44_100, 2), "jfk-video.mov": (4.0, 16_000, 1), "jfk.mka": (11.02, 44_100, 1),
    "stereo-two-speakers.wav": (5.0, 16_000, 2),
}
MADE = {
    "amr": ("libopencore_amrnb", 8_000), "3gp": ("libopencore_amrnb", 8_000), "mkv": ("aac", 16_000),
    "avi": ("libmp3lame", 16_000), "ts": ("aac", 16_000), "w64": ("pcm_s16le", 16_000), "au": ("pcm_s16be", 16_000),
    "webm": ("libopus", 48_000), "mov": ("pcm_s24le", 48_000), "wav": ("pcm_f32le", 44_100),
    "aifc": ("pcm_s16be", 32_000),
}


def bring_in(library: Library, cache: Path, path: Path) -> tuple[Imported, Peaks, PlaybackCopy]:
    imported = import_audio(library, cache, path, ignore_progress)
    files = CacheFiles(cache, imported.recording.sha256)
    return imported, Peaks.load(files.peaks), PlaybackCopy(files.copy)


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_imported_drawn_and_copied(library: Library, cache: Path, name: str) -> None:
    seconds, rate, channels = FORMATS[name]
    imported, peaks, copy = bring_in(library, cache, AUDIO / name)
    recording = imported.recording
    with copy:
        assert (recording.sample_rate, recording.channels, recording.problem) == (rate, channels, "")
        assert recording.duration == pytest.approx(seconds, abs=0.06)
        assert copy.seconds == recording.duration == pytest.approx(peaks.seconds, abs=1e-3)
        assert (copy.rate, copy.channels) == (min(rate, 48_000), channels)
        pcm = copy.read(0, copy.frames).astype(np.float64) / 32768
    loudest = np.abs(pcm).max()
    lowest, highest, _ = peaks.columns(0.0, recording.duration / 200, 200)
    assert max(highest.max(), -lowest.min()) == pytest.approx(loudest * 128, abs=2.0)


@pytest.mark.parametrize("ending", MADE)
def test_formats_made_here_keep_their_length_and_pitch(library: Library, cache: Path, tmp_path: Path,
                                                       ending: str) -> None:
    codec, rate = MADE[ending]
    original = encode(tmp_path / f"made.{ending}", tone(3.0, 440, rate), rate, codec,
                      file_format="aiff" if ending == "aifc" else None)
    imported, _, copy = bring_in(library, cache, original)
    with copy:
        assert imported.recording.duration == pytest.approx(3.0, abs=0.15)
        assert main_pitch(copy.speech(TimeRange(0.5, 2.5), silent=()), 16_000) == pytest.approx(440, rel=0.01)


def test_every_tested_ending_is_one_that_folders_are_searched_for() -> None:
    endings = {Path(name).suffix.lstrip(".") for name in FORMATS} | set(MADE)
    assert endings <= SUFFIXES


def test_lossless_copies_are_equal_to_the_sample(library: Library, cache: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(7).integers(-20_000, 20_000, (48_000 * 3 + 17, 2)).astype(np.int16)
    _, peaks, copy = bring_in(library, cache, write_wav(tmp_path / "noise.wav", noise, 48_000))
    with copy:
        assert np.array_equal(copy.read(0, copy.frames), noise)
    assert peaks.frames == len(noise)


def test_eight_channels_are_taken_and_mixed(library: Library, cache: Path, tmp_path: Path) -> None:
    voice = tone(2.0, 300)
    eight = np.stack([voice] + [silence(2.0)] * 7, axis=1)
    imported, _, copy = bring_in(library, cache, write_wav(tmp_path / "eight.wav", eight))
    with copy:
        assert imported.recording.channels == 8 and copy.channels == 1
        mixed = copy.read(0, copy.frames)[:, 0]
    assert np.abs(mixed - voice / 8.0).max() <= 1.0


def test_96_khz_is_played_at_48(library: Library, cache: Path, tmp_path: Path) -> None:
    imported, _, copy = bring_in(library, cache, write_wav(tmp_path / "high.wav", tone(2.0, 1000, 96_000), 96_000))
    with copy:
        assert imported.recording.sample_rate == 96_000 and copy.rate == 48_000
        assert copy.frames == 96_000
        assert main_pitch(copy.read(10_000, 48_000)[:, 0], 48_000) == pytest.approx(1000, rel=0.001)


@pytest.mark.parametrize("kind", ["aac", "mp3"])
def test_many_changes_of_rate_and_channels_keep_pitch_and_time(library: Library, cache: Path, tmp_path: Path,
                                                               kind: str) -> None:
    rates, pitches = (44_100, 32_000, 44_100, 48_000, 44_100, 32_000), (440, 550, 660, 770, 880, 990)
    pieces = []
    for number, (rate, pitch) in enumerate(zip(rates, pitches, strict=True)):
        layout = "mono" if number in (1, 4) else "stereo"
        samples = np.repeat(tone(2.0, pitch, rate), 1 if layout == "mono" else 2)
        pieces.append(encode(tmp_path / f"{number}.{kind}", samples, rate, "libmp3lame" if kind == "mp3" else "aac",
                             layout=layout, options={"write_xing": "0", "id3v2_version": "0"} if kind == "mp3" else {}))
    joined = tmp_path / f"joined.{kind}"
    joined.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    imported, _, copy = bring_in(library, cache, joined)
    with copy:
        assert imported.recording.duration == pytest.approx(12.0, abs=0.4) and copy.channels == 2
        step = imported.recording.duration / 6
        for number, pitch in enumerate(pitches):
            heard = copy.speech(TimeRange((number + 0.3) * step, (number + 0.7) * step), silent=())
            assert main_pitch(heard, 16_000) == pytest.approx(pitch, rel=0.01)


def test_a_change_of_rate_in_mid_stream_keeps_pitch_and_time(library: Library, cache: Path, tmp_path: Path) -> None:
    first = encode(tmp_path / "first.aac", tone(3.0, 440, 16_000), 16_000, "aac")
    second = encode(tmp_path / "second.aac", tone(3.0, 440, 32_000), 32_000, "aac")
    joined = tmp_path / "joined.aac"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    imported, _, copy = bring_in(library, cache, joined)
    with copy:
        assert imported.recording.duration == pytest.approx(6.1, abs=0.2)
        for start in (0.5, 4.0):
            speech = copy.speech(TimeRange(start, start + 1.5), silent=())
            assert main_pitch(speech, 16_000) == pytest.approx(440, rel=0.01)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "IMA_ADPCM"])
def test_every_kind_of_wav_sounds_the_same(library: Library, cache: Path, tmp_path: Path, subtype: str) -> None:
    soundfile.write(tmp_path / "kind.wav", tone(2.0, 440) / 32768.0, 16_000, subtype)
    _, _, copy = bring_in(library, cache, tmp_path / "kind.wav")
    with copy:
        pcm = copy.read(0, copy.frames)[:, 0]
    assert len(pcm) == pytest.approx(32_000, abs=1100)
    assert main_pitch(pcm, 16_000) == pytest.approx(440, rel=0.005)
    assert np.abs(pcm).max() == pytest.approx(0.3 * 32767, rel=0.08)


def test_floats_beyond_full_scale_are_clipped_and_nan_is_silent(library: Library, cache: Path, tmp_path: Path) -> None:
    samples = np.tile(np.array([2.0, -2.0, np.nan, np.inf, 0.5], np.float32), 16_000)
    soundfile.write(tmp_path / "wild.wav", samples, 16_000, "FLOAT")
    _, peaks, copy = bring_in(library, cache, tmp_path / "wild.wav")
    with copy:
        assert copy.read(0, 5)[:, 0].tolist() == [32767, -32768, 0, 32767, 16384]
    assert (peaks.levels[0][:, 1] >= peaks.levels[0][:, 0]).all()


def test_old_tags_that_are_no_utf8_do_not_matter(library: Library, cache: Path, tmp_path: Path) -> None:
    title = "Gespräch".encode("latin-1")
    frame = b"TIT2" + len(title + b"\x03").to_bytes(4, "big") + b"\0\0\x03" + title
    tag = b"ID3\x03\0\0" + bytes([0, 0, 0, len(frame)]) + frame
    mp3 = encode(tmp_path / "plain.mp3", turns(2), 16_000, "libmp3lame")
    (tmp_path / "old.mp3").write_bytes(tag + mp3.read_bytes())
    assert import_audio(library, cache, tmp_path / "old.mp3", ignore_progress).recording.duration > 3.9


@pytest.mark.parametrize("name", ["Gespräch – Ferrer ✓.wav", "a b'c\"d$(x).wav", "-n.wav",
                                  "zeile\nzwei.wav", "%n{0}.wav"])
def test_odd_file_names_are_imported(library: Library, cache: Path, tmp_path: Path, name: str) -> None:
    recording = import_audio(library, cache, write_wav(tmp_path / name, turns(1)), ignore_progress).recording
    assert recording.title and "\n" not in recording.title and recording.duration == 2.0


def test_file_names_that_are_no_utf8_are_imported(library: Library, cache: Path, tmp_path: Path) -> None:
    path = Path(str(tmp_path) + "/caf\udce9.wav")
    try:
        write_wav(tmp_path / "plain.wav", turns(1)).rename(path)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    recording = import_audio(library, cache, path, ignore_progress).recording
    assert recording.title.startswith("caf") and recording.duration == 2.0


def test_the_waveform_sharpens_while_decoding(library: Library, cache: Path, tmp_path: Path) -> None:
    reports = Reports()
    import_audio(library, cache, INTERVIEW, reports)
    pictures = [payload for payload in reports.payloads if isinstance(payload, Picture)]
    overviews = [picture.overview for picture in pictures if picture.overview is not None]
    exact = [picture for picture in pictures if picture.peaks is not None]
    looked_at = [int((overview[:, 0] > -999).sum()) for overview in overviews]
    assert looked_at == sorted(looked_at) and looked_at[-1] > 200
    assert exact[-1].seconds == 186.865
    fractions = [report.fraction for report in reports if report.sentence == "Drawing the waveform"]
    assert fractions == sorted(fractions)


def test_the_default_track_of_several_is_taken(library: Library, cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("flac", rate=16_000, layout="mono") for _ in range(2)]
        for stream, pitch in zip(streams, (300, 900), strict=True):
            frame = av.AudioFrame.from_ndarray(tone(1.0, pitch).reshape(1, -1), "s16", "mono")
            frame.sample_rate, frame.pts = 16_000, 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    _, _, copy = bring_in(library, cache, path)
    with copy:
        assert main_pitch(copy.read(0, copy.frames)[:, 0], 16_000) == pytest.approx(300, rel=0.02)


@pytest.mark.parametrize("labels", [(2, 1), (3, 1, 2, 4), (10, 9, 8, 7, 6, 5, 4, 3)])
def test_a_file_may_have_its_own_order_of_channels(library: Library, cache: Path, tmp_path: Path,
                                                   labels: tuple[int, ...]) -> None:
    """Field recorders write it, and PyAV frees it more than once."""
    voices = np.stack([tone(2.0, 200 + 100 * n, 48_000) for n in range(len(labels))], axis=1)
    imported, peaks, copy = bring_in(library, cache, caf_with_order(tmp_path / "f.caf", voices, 48_000, labels))
    with copy:
        assert (imported.recording.duration, imported.recording.channels) == (2.0, len(labels))
        assert len(labels) > 2 or np.array_equal(copy.read(0, copy.frames), voices)
    assert peaks.seconds == 2.0


def test_too_many_channels_in_their_own_order_are_refused(library: Library, cache: Path, tmp_path: Path) -> None:
    path = caf_with_order(tmp_path / "f.caf", np.zeros((480, 12), np.int16), 48_000, range(12, 0, -1))
    with pytest.raises(BadAudio) as refused:
        bring_in(library, cache, path)
    assert refused.value.kind == "too_many_channels"
