"""Files on the service: named before they leave, used, removed; nothing is left behind that is not in the ledger."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from desktop import asking, sending
from desktop.asking import ask
from desktop.engines import gemini, gemini_files, gemini_service
from desktop.engines.gemini_answers import make
from desktop.engines.gemini_service import Service
from desktop.errors import Cancelled, EngineError
from desktop.importing import import_audio
from desktop.ledger import stored
from desktop.library import Library
from desktop.model import Cargo, Recording, Report, Thread, TimeRange, ignore_progress
from desktop.sending import LibraryGate, clear_remote, sweep
from desktop.transcription import Options, run_job, start_job
from tests.clips import KEY
from tests.fakes import FreeGate, Reports
from tests.gemini_service import Fault, GeminiService
from tests.sounds import turns, write_wav

SOUND = bytes(range(256)) * 4096 * 3  # three pieces
CARGO = Cargo("upload", "", "h", TimeRange(0, 9), len(SOUND))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between tries are short."""
    monkeypatch.setattr(gemini_service.random, "uniform", lambda low, high: 0.01)


@pytest.fixture
def recording(library: Library, cache: Path, tmp_path: Path) -> Recording:
    return import_audio(library, cache, write_wav(tmp_path / "secret-source.wav", turns(6)), ignore_progress).recording


class Uploaded:
    """One upload through the real SDK."""

    def __init__(self, service: GeminiService, report: Report = ignore_progress) -> None:
        self.gate, self.error, self.remote = FreeGate(), None, None
        self.service = Service(KEY, service.url, self.gate)
        try:
            self.remote = self.service.upload(CARGO, io.BytesIO(SOUND), "audio/flac", report)
        except (EngineError, Cancelled) as error:
            self.error = error

    def close(self) -> None:
        if self.remote is not None:
            self.service.remove(self.remote)
        self.service.close()


def test_a_file_goes_up_in_pieces_under_our_name_and_is_removed(service: GeminiService) -> None:
    reports = Reports()
    upload = Uploaded(service, reports)
    (name,) = service.files
    assert upload.remote and upload.remote.name == name and upload.gate.remote == {1: name}
    assert service.files[name].data == SOUND and service.files[name].resource["displayName"] == "audio"
    chunks = [r for r in service.requests if r.path.startswith("/upload") and r.headers.get("x-goog-upload-offset")]
    assert [len(r.body) for r in chunks] == [1 << 20] * 3
    assert any("Uploading the sound" in sentence for sentence in reports.sentences)
    upload.close()
    assert service.files == {} and upload.gate.remote == {}


UPLOAD_FAULTS: dict[str, Fault] = {
    "dropped at once": Fault.upload_drop_at(0), "dropped in the middle": Fault.upload_drop_at(1 << 20),
    "last answer lost": Fault.upload_last_answer_lost(),
}


@pytest.mark.parametrize("name", UPLOAD_FAULTS)
def test_a_lost_upload_begins_anew_and_leaves_nothing(service: GeminiService, quick: None, name: str) -> None:
    service.fail_next(UPLOAD_FAULTS[name])
    upload = Uploaded(service)
    assert upload.error is None and len(upload.gate.left) == 2
    upload.close()
    assert service.files == {}
    # what was cut off may come to be late: its name stays in the ledger for the sweep
    assert set(upload.gate.remote) <= {1} and (name == "last answer lost") == (upload.gate.remote == {})


def test_a_file_that_takes_its_time_is_waited_for(service: GeminiService) -> None:
    service.fail_next(Fault.file_stuck("PROCESSING", polls=2))
    upload = Uploaded(service)
    assert upload.error is None and upload.remote is not None
    upload.close()
    assert service.files == {}


def test_a_file_that_fails_is_said_and_removed(service: GeminiService) -> None:
    service.fail_next(Fault.file_stuck("FAILED"))
    upload = Uploaded(service)
    assert isinstance(upload.error, EngineError) and upload.error.kind == "file" and service.files == {}
    upload.close()


def test_a_file_that_never_gets_ready_ends(service: GeminiService, quick: None,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemini_files, "_PATIENCE", 0.3)
    for _ in range(4):
        service.fail_next(Fault.file_stuck("PROCESSING"))
    upload = Uploaded(service)
    assert isinstance(upload.error, EngineError) and upload.error.kind == "timeout" and service.files == {}
    upload.close()


def test_stopping_ends_an_upload_at_once(service: GeminiService) -> None:
    service.fail_next(Fault.upload_stall_at(1 << 20))
    upload = Uploaded(service, Reports(stop_when=lambda p: "33 %" in str(p.sentence) or "66 %" in str(p.sentence)))
    assert isinstance(upload.error, Cancelled)
    upload.close()


# -- through all floors -----------------------------------------------------------------------------------------------


def test_a_large_part_is_uploaded_heard_and_removed(library: Library, cache: Path, recording: Recording,
                                                    service: GeminiService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemini, "INLINE_LIMIT", 1000)
    for model in ("gemini-3.8-flash", "gemini-3.5-transcribe + gemini-3.8-flash"):
        engine = gemini.make(model, key=KEY, url=service.url, gate=LibraryGate(library, recording.id, consent=True))
        job = start_job(library, cache, recording, engine, Options("gemini", engine.model))
        run_job(library, cache, job.id, engine, ignore_progress)
        assert len(library.segments(job.transcript_id)) > 0
    assert service.files == {} and library.remote_files() == []
    assert not any(b"secret-source" in r.body or "secret-source" in str(r.headers) for r in service.requests)
    up = [line for line in library.sendings() if line.cargo.purpose == "upload"]
    assert len(up) == 2 and all(stored(line).startswith("removed 20") for line in up)


Ask = Callable[..., Thread]


@pytest.fixture
def asks(library: Library, cache: Path, recording: Recording, service: GeminiService,
         monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Asks about the sound of the whole recording, which counts as long."""
    monkeypatch.setattr(asking, "LONGEST_CLIP", 5.0)

    def asks(question: str, thread: Thread | None = None, *, keeps: bool = True,
             report: Report = ignore_progress) -> Thread:
        answers = make("gemini-3.8-flash", key=KEY, url=service.url, keeps=keeps,
                       gate=LibraryGate(library, recording.id, consent=True))
        try:
            return ask(library, cache, recording, answers, question, document=None, thread=thread, report=report)
        finally:
            answers.close()

    return asks


def uploads(service: GeminiService) -> int:
    return sum(r.path == "/upload/v1beta/files" and "upload_id" not in str(r.query) for r in service.requests)


def test_several_questions_share_one_upload(asks: Ask, library: Library, service: GeminiService) -> None:
    thread = asks("What is heard?")
    asks("And then?", thread)
    asks("Something else?")
    assert uploads(service) == 1 and len(service.heard) == 3
    assert all(abs(heard.seconds - 12.0) < 0.01 and heard.audio[0].rate == 16_000 for heard in service.heard)
    (line,) = library.remote_files()
    assert stored(line).startswith("stored until 20")
    assert clear_remote(library, KEY, service.url) == 0
    assert service.files == {} and library.remote_files() == []


def test_on_the_command_line_nothing_stays(asks: Ask, library: Library, service: GeminiService) -> None:
    asks("What is heard?", keeps=False)
    assert service.files == {} and library.remote_files() == []


def test_a_file_that_expired_is_uploaded_again(asks: Ask, library: Library, service: GeminiService) -> None:
    thread = asks("What is heard?")
    service.files.clear()  # 403 from now on, as for what is not there
    asks("And then?", thread)
    assert uploads(service) == 2 and len(library.remote_files()) == 2
    assert clear_remote(library, KEY, service.url) == 0 and library.remote_files() == []


def test_files_in_use_are_left_alone_and_others_are_removed(asks: Ask, library: Library, recording: Recording,
                                                           service: GeminiService) -> None:
    asks("What is heard?")
    assert clear_remote(library, KEY, service.url, but_not_of={recording.id}) == 1 and len(service.files) == 1
    library.remove_recording(recording.id)  # the ledger outlives it, and so does the duty
    assert clear_remote(library, KEY, service.url, but_not_of={recording.id}) == 0 and service.files == {}


def test_without_a_key_or_a_service_they_wait_in_the_ledger(asks: Ask, library: Library,
                                                            service: GeminiService) -> None:
    asks("What is heard?")
    assert clear_remote(library, "", service.url) == 1
    assert clear_remote(library, KEY, "http://127.0.0.1:9/") == 1
    assert len(library.remote_files()) == 1 and len(service.files) == 1


def test_a_young_upload_that_was_cut_off_is_looked_for_until_it_cannot_come_any_more(
        library: Library, recording: Recording, service: GeminiService, monkeypatch: pytest.MonkeyPatch) -> None:
    library.add_sending(recording.id, CARGO, "files/cut-off")
    sweep(library)  # the program was killed
    assert clear_remote(library, KEY, service.url) == 1  # "not there", but it may still be finished
    later = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr(sending, "datetime", SimpleNamespace(now=lambda _: later, fromisoformat=datetime.fromisoformat))
    assert clear_remote(library, KEY, service.url) == 0


def test_after_two_days_the_service_has_removed_it_itself(library: Library, recording: Recording,
                                                          service: GeminiService,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    library.add_sending(recording.id, CARGO, "files/old")
    sweep(library)
    later = datetime.now(UTC) + timedelta(hours=49)
    monkeypatch.setattr(sending, "datetime", SimpleNamespace(now=lambda _: later, fromisoformat=datetime.fromisoformat))
    assert clear_remote(library, "", service.url) == 0 and service.requests == []


def test_with_nothing_stored_nobody_is_asked(library: Library, service: GeminiService) -> None:
    assert clear_remote(library, KEY, service.url) == 0 and service.requests == []


def test_stopping_while_the_sound_is_prepared_sends_nothing(asks: Ask, service: GeminiService, cache: Path) -> None:
    with pytest.raises(Cancelled):
        asks("What?", report=Reports(stop_when=lambda p: "Preparing the sound" in str(p.sentence)))
    assert service.requests == [] and not [f for f in cache.iterdir() if f.name.startswith("tmp")]
