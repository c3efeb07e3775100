"""`--self-test`: does everything that may be missing from a frozen program work? Prints JSON; non-zero on failure."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QTimer

from desktop import environment
from desktop.model import (
    Recording,
    Segment,
    Speaker,
    TimeRange,
    Transcript,
    TranscriptDocument,
    ignore_progress,
)

PATIENCE = 120_000  # milliseconds; an exception in a slot does not end the event loop


def self_test(arguments: list[str]) -> int:
    """Run every check in the running program. An argument names an m4a file to decode (else the sample is used).

    With PULLQUOTE_GEMINI_URL set to a stand-in service and its key on standard input, a transcript is made there.
    """
    home = tempfile.TemporaryDirectory(prefix="pullquote-self-test-", ignore_cleanup_errors=True)
    os.environ["PULLQUOTE_HOME"] = home.name
    from desktop.ui.application import make_application

    application = make_application()
    results: dict[str, str] = {}

    def run() -> None:
        try:
            for name, check in _checks(arguments):
                results[name] = _outcome(check)
        finally:
            application.quit()

    QTimer.singleShot(0, run)
    QTimer.singleShot(PATIENCE, application.quit)
    application.exec()
    home.cleanup()
    failed = [name for name, outcome in results.items() if not outcome.startswith("ok")]
    failed += [] if results else ["nothing was run"]
    print(json.dumps({"results": results, "failed": failed, "frozen": bool(getattr(sys, "frozen", False))}, indent=1))
    return 1 if failed else 0


def _outcome(check: Callable[[], str]) -> str:
    try:
        return f"ok: {check()}"
    except Exception as error:  # a failed check is a result
        return f"failed: {type(error).__name__}: {error}"


def _checks(arguments: list[str]) -> list[tuple[str, Callable[[], str]]]:
    media = Path(arguments[0]) if arguments else None
    checks: list[tuple[str, Callable[[], str]]] = [
        ("window", _window), ("playback", _playback), ("portaudio", _portaudio), ("keyring", _keyring),
        ("fts5", _fts5), ("tls", _tls), ("icons", _icons), ("flac", _flac), ("exports", _exports),
        ("quote check", _quote_check),
        ("decoder child", lambda: _decode(media)), ("speech engine child", _speech), ("recorder child", _recorder)]
    if environment.service_url() != environment.SERVICE_URL:
        checks.append(("gemini through the stand-in", _gemini))
    return checks


def _window() -> str:
    from desktop.api_key import ApiKey
    from desktop.library import Library
    from desktop.paths import data_folder
    from desktop.ui.application import make_window

    window = make_window(Library(data_folder()), ApiKey(lambda: None))
    window.show()
    size = window.grab().size()
    window.close()
    _need(size.width() > 300, "the window has no picture")
    return f"{size.width()} x {size.height()}"


def _playback() -> str:
    from PySide6.QtMultimedia import QAudioFormat, QAudioSink, QMediaDevices, QMediaPlayer

    _need(QMediaPlayer().isAvailable(), "no QtMultimedia backend")
    wanted = QAudioFormat()
    wanted.setSampleRate(48_000)
    wanted.setChannelCount(2)
    wanted.setSampleFormat(QAudioFormat.SampleFormat.Int16)
    QAudioSink(QMediaDevices.defaultAudioOutput(), wanted)
    from desktop.audio.playback import PlaybackSource

    source = PlaybackSource(_copy_of_sample())
    source.start(1.0, speed=1.5)
    _need(len(source.read(4800)) > 0, "the speed filter gave nothing")
    return f"{len(QMediaDevices.audioOutputs())} output(s)"


def _portaudio() -> str:
    from desktop.audio.devices import portaudio_version

    version = portaudio_version()
    inside = getattr(sys, "_MEIPASS", "")
    if inside and sys.platform == "linux":
        maps = Path("/proc/self/maps").read_text("utf-8").splitlines()
        loaded = {line.split(maxsplit=5)[-1] for line in maps if "libportaudio" in line}
        _need(all(place.startswith(inside) for place in loaded), f"not ours but this computer's: {loaded}")
    return version


def _keyring() -> str:
    from desktop.api_key import ApiKey, allowed_backend

    allowed_backend()  # its ImportError is a failure here; where() would call it a computer without a key store
    return str(ApiKey().where())


def _document() -> TranscriptDocument:
    """A transcript of one line, without a library."""
    recording = Recording(1, "Self test", "f", "o", "0" * 64, 10.0, 48_000, 1, "2026-01-01T00:00:00+00:00")
    transcript = Transcript(1, 1, "device", "none", "2026-01-01T00:00:00+00:00", TimeRange(0, 10))
    return TranscriptDocument(recording, transcript, {1: Speaker(1, "Ann")},
                              (Segment(0, 4, "Nobody paid for the bridge.", 1, id=1),))


def _exports() -> str:
    """Word and OpenDocument files begin with templates that must have come along."""
    from desktop.exporting import preview, render
    from desktop.exports import FORMATS, Options
    from desktop.ui.pdf_export import pdf

    for name in FORMATS:
        word = "Ann" if name == "rttm" else "bridge"  # which says who speaks, and not what
        content = render(_document(), name)
        _need(word.encode() in content or word in preview(content, name), f"{name} without words")
    _need(pdf(_document(), Options())[0].startswith(b"%PDF"), "no PDF")
    return f"{len(FORMATS) + 1} formats"


def _quote_check() -> str:
    from desktop.finding import Search, find
    from desktop.quotations import quotations
    from desktop.quote_check import Index, Kind, check, searchable

    index = Index.build([searchable(_document())])
    kinds = [v.kind for v in check(index, quotations("“Nobody paid for the bridge.” “Somebody paid for the bridge.”"))]
    _need(kinds == [Kind.EXACT, Kind.ALTERED], f"judged {kinds}")
    _need(len(find(_document().segments, Search("br.dge", is_expression=True))) == 1, "nothing found")
    return "exact, altered"


def _fts5() -> str:
    from desktop.library import Library

    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder))
        library.close()
    return "the library opens"


def _tls() -> str:
    import ssl

    from PySide6.QtNetwork import QSslSocket

    _need(ssl.create_default_context() is not None, "no TLS")
    return f"{ssl.OPENSSL_VERSION}, Qt {QSslSocket.supportsSsl()}"


def _icons() -> str:
    from PySide6.QtGui import QColor

    from desktop.ui import theme

    _need(not theme.icon("play", QColor("black")).isNull(), "no icon")
    return "svg"


def _flac() -> str:
    import numpy as np

    from desktop.audio.files import flac

    return f"{len(flac(np.zeros(16_000, np.int16)))} bytes"


def _copy_of_sample() -> Path:
    from desktop.audio.cache import CacheFiles
    from desktop.audio.preparing import prepare
    from desktop.sample import SAMPLE

    files = CacheFiles(Path(os.environ["PULLQUOTE_HOME"]), "sample")
    if not files.complete():
        prepare(SAMPLE, files, lambda: None, lambda _, __: None)
    return files.copy


def _decode(media: Path | None) -> str:
    from desktop.audio.cache import CacheFiles
    from desktop.audio.preparing import prepare
    from desktop.sample import SAMPLE

    result = prepare(media or SAMPLE, CacheFiles(Path(os.environ["PULLQUOTE_HOME"]), "given"), lambda: None,
                     lambda _, __: None)
    _need(result.duration > 0.5, "too short")
    return f"{result.duration:.2f} s of {(media or SAMPLE).suffix}"


def _speech() -> str:
    text = _transcribe("device", "", "")
    _need("morning" in text.lower(), f"heard {text!r}")
    return text[:60]


def _recorder() -> str:
    """It starts, asks PortAudio, and says that there is no such device."""
    from desktop.recording.control import Recorder, new_folder

    recorder = Recorder(new_folder(Path(os.environ["PULLQUOTE_HOME"]) / "recordings"), "no device is called this")
    problem = recorder.wait(30).problem
    _need(problem == "no_device", f"said {problem!r}")
    return problem


def _gemini() -> str:
    text = _transcribe("gemini", sys.stdin.readline().strip(), environment.service_url())
    _need(bool(text), "no text")
    return text[:60]


def _transcribe(engine_name: str, key: str, url: str) -> str:
    from desktop.engines import make_engine
    from desktop.library import Library
    from desktop.paths import cache_folder
    from desktop.sample import add_sample
    from desktop.sending import LibraryGate
    from desktop.transcription import Options, run_job, start_job

    library = Library(Path(os.environ["PULLQUOTE_HOME"]) / engine_name)
    recording = add_sample(library, cache_folder(), ignore_progress)
    engine = make_engine(engine_name, "gemini-3.8-flash" if engine_name == "gemini" else "", key=key, url=url,
                         gate=LibraryGate(library, recording.id, consent=True))
    job = start_job(library, cache_folder(), recording, engine, Options(engine_name, engine.model))
    run_job(library, cache_folder(), job.id, engine, ignore_progress)
    text = " ".join(segment.text for segment in library.segments(job.transcript_id))
    library.close()
    return text


def _need(condition: bool, what: str) -> None:
    if not condition:
        raise RuntimeError(what)
