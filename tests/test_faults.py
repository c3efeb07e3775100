"""The 44 faults of reliability.md, row N1, before, during and after: no job lost, no line lost, none there twice.

A fault begins at a spot of a job, or of a question, and stays until the run has ended (a few befall one request only).
Then the job is done, or waits with the sentence of that failure, or has failed with one; while the fault is there
"continue" changes nothing, and afterwards it leads to the transcript that it would have been.

Ways: two hearings with the sound inline; the same with every part uploaded first; a question with a streamed answer.

    spot        inline                              uploaded                                question
    before      the first request of the job        the start of the first upload           the request
    during      the second request, in its middle   the first piece of the first upload     the stream, in its middle
    last        -                                   the last piece of the first upload      -  (a few faults)
    after       the last request (the lines read)   the request that uses the first upload  the stream, at its end
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import soundfile
from google.genai import _api_client

from desktop.asking import ask
from desktop.engines import Manner, gemini, gemini_answers, gemini_files, gemini_service
from desktop.engines.gemini_errors import SENTENCES
from desktop.errors import Cancelled, EngineError, LibraryError, PullquoteError
from desktop.importing import import_audio
from desktop.library import Library, conversations, jobs, ledger, rows
from desktop.model import Job, JobState, PartState, Progress, ignore_progress
from desktop.sending import LibraryGate, clear_remote, sweep
from desktop.transcription import NO_WORDS, Options, run_job, start_job
from tests.clips import KEY
from tests.fakes import until
from tests.faults import Certificates, Wire
from tests.gemini_service import Fault, GeminiService, Locator, Request, checks, truth_answer
from tests.gemini_service.records import Heard
from tests.sounds import INTERVIEW
from tests.test_transcription_truth import TRUTH
from tests.test_two_hearings import MODEL, Truth

SECONDS = 34.9  # of the interview: six turns in two languages, two parts
SPOTS = {"inline": ("before", "during", "after"), "files": ("before", "during", "last", "after"),
         "ask": ("before", "during", "after")}
NAME = "gemini.test"  # a host that only this file can look up
Words = list[tuple[str, int]]


SAID = SENTENCES | {"no words": NO_WORDS}

# -- the faults -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A fault: `kind` is how a job ends with it, `kinds` where that is different at a spot ("way spot" or "way").

    `fault` is an answer of the service, `wire` what the network does; `once`: it befalls one request only.
    `absent` says of a spot, or of a way, why the fault cannot be there.
    """

    number: str
    name: str
    how: str
    kind: str
    fault: Fault | Callable[[str], Fault] | None = None
    wire: str = ""
    kinds: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    once: bool = False
    is_slow: bool = False  # needs short timeouts
    also: dict[str, str] = field(default_factory=dict)  # a second kind that is as good

    def at(self, table: dict[str, str], way: str, spot: str) -> str:
        return table.get(f"{way} {spot}") or table.get(way) or ""

    def kinds_at(self, way: str, spot: str) -> set[str]:
        """How it may end."""
        return {self.kind_at(way, spot), self.at(self.also, way, spot)} - {""}

    def kind_at(self, way: str, spot: str) -> str:
        return self.at(self.kinds, way, spot) or self.kind


STATUS_ASK = {"ask during": "a status comes before the first event", "ask after": "a status comes before the first "
              "event"}
ONLY_ANSWERS = {f"files {spot}": "only an answer of a model can be this; an upload has none"
                for spot in ("before", "during", "last")}
NO_STREAM = {"inline": "transcripts are not streamed", "files": "transcripts are not streamed"}
NO_UPLOAD = {"inline": "nothing is uploaded", "ask": "nothing is uploaded for a question about words"}
WIRE_ASK = {"ask during": "the same connection as a transcript's", "ask after": "the same connection as a "
            "transcript's"}
# What is cut off in the middle may have arrived: it is not asked for again, and is called a lost connection.
IN_BODY = dict.fromkeys(("ask before", "ask after"), "it is in the body")
BEFORE_STREAM = dict.fromkeys(("ask during", "ask after"), "it is before the stream")
PORTAL_UPLOAD = {f"files {spot}": "blocked" for spot in ("before", "during", "last")}
CUT = {"inline during": "network", "inline after": "network", "files after": "network"}


def redirect(code: int) -> Callable[[str], Fault]:
    return lambda elsewhere: Fault.redirect(code, elsewhere + "v1beta/interactions")


AFTER_UPLOAD = dict.fromkeys(("files before", "files during", "files after"), "44 exists only after the last piece")
AS_OTHERS = dict.fromkeys(("inline during", "inline after", "files during", "files after"), "as 2 and 5 there")

ROWS = (
    Row("1", "no network", "connecting raises ENETUNREACH; what is open is reset", "offline", wire="no network",
        kinds=CUT, absent=WIRE_ASK),
    Row("2", "DNS failure", "looking the host up raises gaierror", "offline", wire="no name", kinds=CUT,
        absent=WIRE_ASK),
    Row("3", "DNS slow", "looking the host up takes a sixth of the patience (as 20 s of 120)", "done",
        wire="slow name", kinds=CUT, absent=WIRE_ASK, is_slow=True),
    Row("3b", "DNS too slow", "looking the host up takes longer than the patience", "offline", wire="very slow name",
        kinds=CUT, absent=WIRE_ASK | AS_OTHERS, is_slow=True),
    Row("4", "refused", "the port is closed", "offline", wire="refuse", kinds=CUT, absent=WIRE_ASK),
    Row("5", "connect timeout", "a full backlog", "offline", wire="full", kinds=CUT, absent=WIRE_ASK, is_slow=True),
    Row("6", "reset before headers", "the work is done, then the connection is reset", "network", Fault.drop(),
        absent=BEFORE_STREAM),
    Row("6b", "reset on connecting", "every connection is reset at once", "network", wire="reset", absent=WIRE_ASK,
        also=dict.fromkeys(SPOTS, "offline")),  # either, as the reset comes after or before the connection stands
    Row("7", "reset in body", "half of the answer, then a reset", "network", Fault.drop_mid_body(), absent=IN_BODY),
    Row("8", "short body", "half of the answer, then an orderly end", "network", Fault.drop_mid_body(reset=False),
        absent=IN_BODY),
    Row("8b", "half a JSON", "half of the answer, properly ended", "network", Fault.truncated_json(),
        kinds={"ask": "broken"} | PORTAL_UPLOAD, absent=IN_BODY),
    Row("9", "read stall", "half of the answer, then nothing", "timeout", Fault.stall(), is_slow=True,
        absent=IN_BODY),
    Row("9b", "no answer", "nothing is answered", "timeout", Fault.hang(), is_slow=True,
        absent=BEFORE_STREAM),
    Row("10", "trickle", "4 kB every 20 ms, for longer than a request may take", "timeout", wire="trickle",
        is_slow=True, kinds={"inline after": "done", "ask": "done"}, absent=WIRE_ASK),
    Row("11", "write stall", "from here on nothing passes, and connections stay open", "timeout", wire="stall",
        is_slow=True, absent=WIRE_ASK),
    Row("12", "portal 200 HTML", "a login page with status 200", "blocked", Fault.html_200(), absent=STATUS_ASK),
    Row("13", "portal 302", "a redirect to another server that is watched", "blocked", redirect(302),
        absent=STATUS_ASK),
    Row("14", "307 to other host", "the same with the status that would send the sound along", "blocked",
        redirect(307), absent=STATUS_ASK),
    Row("15", "proxy 407", "a proxy on loopback for a TLS service refuses to connect", "blocked", wire="407",
        kinds=CUT, absent=WIRE_ASK),
    Row("16", "proxy down", "the proxy's port is closed", "offline", wire="proxy down", kinds=CUT, absent=WIRE_ASK),
    Row("17", "self-signed", "TLS on loopback with such a certificate", "certificate", wire="self-signed",
        kinds=CUT, absent=WIRE_ASK),
    Row("18", "wrong host name", "the same, for another host", "certificate", wire="wrong host",
        kinds=CUT, absent=WIRE_ASK),
    Row("19", "certificate not yet valid", "the same, valid from tomorrow", "certificate", wire="not yet valid",
        kinds=CUT, absent=WIRE_ASK),
    Row("20", "certificate expired", "the same, valid until yesterday", "certificate", wire="expired",
        kinds=CUT, absent=WIRE_ASK),
    Row("21", "clock jumps 2 h", "time.time and the ledger's clock jump during a pause of the service's", "done",
        Fault.status(429, "rate_limit_exceeded", retry_info_seconds=0.15), once=True,
        absent={"ask": "the pause is the same as a job's"}),
    Row("22", "400 bad argument", "an error answer", "request", Fault.status(400, "invalid_request"), once=True,
        absent=STATUS_ASK),
    Row("23", "400 key invalid", "an error answer, in an array where the service does so", "key", Fault.bad_key(),
        absent=STATUS_ASK | {"files during": "a piece carries no key", "files last": "a piece carries no key"}),
    Row("24", "403", "an error answer", "forbidden", Fault.status(403, "permission_denied"), absent=STATUS_ASK),
    Row("25", "404 model", "an error answer", "model", Fault.status(404, "model_not_found").to_route("interactions"),
        absent=STATUS_ASK | ONLY_ANSWERS),
    Row("26", "413", "a proxy's page", "too_large", Fault.status(413, "too_large"), once=True, absent=STATUS_ASK,
        kinds={"files during": "done", "files last": "done"}),  # the SDK sends a piece again
    Row("27", "429 with Retry-After", "an error answer: in two minutes", "rate",
        Fault.status(429, "rate_limit_exceeded", retry_after=120), absent=STATUS_ASK),
    Row("28", "429 RetryInfo", "an error answer: in 50 ms, again and again", "rate",
        Fault.status(429, "rate_limit_exceeded", retry_info_seconds=0.05), absent=STATUS_ASK),
    Row("29", "429 per day", "an error answer", "quota", Fault.status(429, "rate_limit_exceeded", per_day=True),
        absent=STATUS_ASK),
    Row("30", "429 without hint", "an error answer", "rate", Fault.status(429, "too_many_requests"),
        absent=STATUS_ASK),
    Row("31", "500", "an error answer", "server", Fault.status(500, "api_error"), absent=STATUS_ASK),
    Row("32", "503", "an error answer", "server", Fault.status(503, "service_unavailable"), absent=STATUS_ASK),
    Row("33", "503 HTML", "a proxy's page", "server", Fault.html_503(), absent=STATUS_ASK),
    Row("34", "504", "an error answer", "server", Fault.status(504, "deadline_exceeded"), absent=STATUS_ASK),
    Row("35", "empty 200", "status 200 without a body", "blocked", Fault.empty_200(), absent=STATUS_ASK),
    Row("35b", "nothing said", "a completed answer without a word", "no words", Fault.empty_output(),
        absent=STATUS_ASK | ONLY_ANSWERS, kinds=dict.fromkeys(("ask", "inline during", "inline after"), "broken")),
    Row("36", "SAFETY", "the interaction failed", "refused", Fault.interaction_status("failed", "safety"), once=True,
        absent=STATUS_ASK | ONLY_ANSWERS),
    Row("37", "RECITATION", "the interaction failed", "refused", Fault.interaction_status("failed", "recitation"),
        once=True, absent=STATUS_ASK | ONLY_ANSWERS),
    Row("38", "MAX_TOKENS", "the interaction is incomplete, however it is asked for", "broken",
        Fault.interaction_status("incomplete"), absent=STATUS_ASK | ONLY_ANSWERS),
    Row("39", "stream without finish", "it ends properly, after 1 event, in the middle, before the last", "broken",
        absent=NO_STREAM),
    Row("40", "half event", "it ends in the middle of an event: the first, one in the middle, the last", "broken",
        absent=NO_STREAM),
    Row("40b", "event that is no JSON", "the first, one in the middle, the last", "broken", absent=NO_STREAM),
    Row("41", "error event", "in the place of the first, of one in the middle, of the last", "refused",
        absent=NO_STREAM),
    Row("42", "upload dropped", "the connection breaks at the first byte, in the middle, at the last byte; once",
        "done", once=True, absent=NO_UPLOAD | {"files after": "the upload is over"}),
    Row("42b", "upload dropped always", "the same, each time", "network", absent=NO_UPLOAD | {
        "files after": "the upload is over"}),
    Row("43", "upload's last answer lost", "the file is stored, the connection breaks", "done",
        Fault.upload_last_answer_lost(), once=True, absent=NO_UPLOAD | {
            "files before": "only a finished upload has a last answer", "files during": "only a finished upload has "
            "a last answer", "files after": "its answer has come"}),
    Row("43b", "upload's last answer lost always", "the same, each time", "network",
        Fault.upload_last_answer_lost(), absent=NO_UPLOAD | {
            "files before": "only a finished upload has a last answer", "files during": "only a finished upload has "
            "a last answer", "files after": "its answer has come"}),
    Row("44", "file never ACTIVE", "it stays PROCESSING", "timeout", Fault.file_stuck("PROCESSING"), is_slow=True,
        absent=NO_UPLOAD | AFTER_UPLOAD),
    Row("44b", "file FAILED", "it becomes FAILED", "file", Fault.file_stuck("FAILED"), once=True,
        absent=NO_UPLOAD | AFTER_UPLOAD),
    Row("44c", "file expired", "it is gone when it is used", "forbidden", Fault.file_expires(), once=True,
        absent=NO_UPLOAD | AFTER_UPLOAD),
)
# Rows that differ in one answer, or one certificate, only: each is at every spot, but not in every way at each.
_ALIKE = {"18", "19", "20", "27", "30", "31", "34"}
_WITH_LAST = {"6", "7", "8", "8b", "9", "9b", "11", "12", "35", "42", "42b", "43", "43b", "44", "44b", "44c"}
CASES = [(row, way, spot) for row in ROWS for way, spots in SPOTS.items() for spot in spots
         if not row.at(row.absent, way, spot) and (spot != "last" or row.number in _WITH_LAST)
         and ((way, spot) not in (("files", "before"), ("inline", "during")) or row.number not in _ALIKE)]


# -- the stage --------------------------------------------------------------------------------------------------------


class Model:
    """What the service answers: the truth about the interview, kept so that the same sound is not located twice."""

    def __init__(self, samples: Any) -> None:
        find = Locator(samples)
        known = [line for line in TRUTH if line["end"] < len(samples) / 16_000 - 0.2]
        self.truth = Truth.__new__(Truth)
        self.truth.find, self.truth.hear, self.truth.line_ups = find, truth_answer(known, find), 0
        self.said: dict[object, Any] = {}

    def __call__(self, heard: Heard) -> Any:
        if heard.streams:
            return "\n".join(f"Sentence {number} of the answer. [{1 + number % 3}]" for number in range(20))
        sound = (heard.prompt, heard.transcribes, *(hash(part.samples.tobytes()) for part in heard.audio))
        if sound not in self.said:
            self.said[sound] = self.truth(heard)
        return self.said[sound]


class Stage:
    """One library with the interview, the service, and the wires to it; shared by all tests here."""

    def __init__(self, folder: Path) -> None:
        samples, rate = soundfile.read(INTERVIEW, dtype="float32", stop=int(SECONDS * 16_000))
        sound = folder / "interview.flac"
        soundfile.write(sound, samples, rate)
        self.library, self.cache = Library(folder / "data"), folder / "cache"
        self.folder = folder
        self.recording = import_audio(self.library, self.cache, sound, ignore_progress).recording
        self.service, self.elsewhere = GeminiService(), GeminiService()
        self.service.answer = Model(samples)
        (folder / "certificates").mkdir()
        self.certificates = Certificates(folder / "certificates")
        port = int(self.service.url.rstrip("/").rpartition(":")[2])
        self.context = self.certificates.context()
        self.wire, self.secure = Wire(port), Wire(port, self.context)
        self.proxy = Wire(0, is_proxy=True)
        self.planner = self.engine()  # sends nothing
        job = self.start()
        assert self.run(job) == ("done", None)
        self.transcript = job.transcript_id
        self.wanted = self.words(job)
        assert len(job.parts) == 2 and len(self.wanted) > 60 and {who for _, who in self.wanted} == {0, 1}
        assert [word for word, _ in self.wanted] == [
            word for line in sorted(TRUTH, key=lambda line: line["start"])
            if line["end"] < SECONDS - 0.2 for word in line["text"].split()]

    def close(self) -> None:
        self.planner.close()
        for wire in (self.wire, self.secure, self.proxy):
            wire.close()
        self.library.close()
        self.elsewhere.close()
        self.service.close()

    def engine(self, url: str = "", key: str = KEY) -> Any:
        engine = gemini.make(MODEL, key=key, url=url or self.service.url, manner=Manner(),
                             gate=LibraryGate(self.library, self.recording.id, consent=True))
        engine.longest_part, engine.overlap = 26.0, 4.0
        return engine

    def start(self) -> Job:
        return start_job(self.library, self.cache, self.recording, self.planner, Options("gemini", MODEL))

    def run(self, job: Job, url: str = "", report: Callable[[Progress], None] = ignore_progress
            ) -> tuple[str, PullquoteError | None]:
        """Run or continue a job: how it ended ("done" or the failure's kind), and the error if there was one."""
        error = None
        try:
            run_job(self.library, self.cache, job.id, self.engine(url), report)
        except PullquoteError as raised:
            error = raised
        now = self.library.job(job.id)
        if error is not None:
            assert now.state is JobState.WAITING
            assert now.problem == ("" if isinstance(error, Cancelled) else error.sentence)
            return getattr(error, "kind", type(error).__name__), error
        if now.state is JobState.DONE:
            assert not now.problem and all(part.state is PartState.STORED for part in now.parts)
            return "done", None
        assert now.state is JobState.FAILED
        return next(kind for kind, sentence in SAID.items() if sentence == now.problem), None

    def ask(self, url: str = "") -> Any:
        answers = gemini_answers.make("gemini-3.8-flash", key=KEY, url=url or self.service.url,
                                      gate=LibraryGate(self.library, self.recording.id, consent=True))
        try:
            return ask(self.library, self.cache, self.recording, answers, "Who speaks?",
                       document=self.library.document(self.transcript), report=ignore_progress)
        finally:
            answers.close()

    def words(self, job: Job) -> Words:
        """Each word with its speaker; speakers are numbered by when they first speak."""
        document = self.library.document(job.transcript_id)
        assert all(segment.language for segment in document.segments), "lines were not read"
        who: dict[object, int] = {}
        return [(word, who.setdefault(segment.speaker_id, len(who)))
                for segment in document.segments for word in segment.text.split()]

    def check_nothing_is_lost(self) -> None:
        """No line without an end; what is on the service is known, and can be removed."""
        assert self.library._rows("SELECT id FROM sending WHERE outcome = 'under way'") == []
        known = {line.remote_name for line in self.library.remote_files()}
        assert set(self.service.files) <= known, "a file is on the service and not in the ledger"
        clear_remote(self.library, KEY, self.service.url)
        assert self.service.files == {}
        assert self.service.bugs == [] and self.elsewhere.requests == []

    def reset(self) -> None:
        self.service.stop_failing()
        self.service.on_head = lambda request: None
        self.service.key = KEY
        self.certificates.show(self.context, "good")
        for wire in (self.wire, self.secure, self.proxy):
            wire.set("fine")
        for line in self.library.remote_files():
            self.library.set_removed(line.id)
        self.service.requests.clear()
        self.service.heard.clear()
        self.service.files.clear()
        # A new library as after a restart, and because the reading connections of threads that ended stay open.
        self.library.close()
        self.library = Library(self.folder / "data")
        self.library._writer.execute("PRAGMA synchronous = OFF")  # no power cut here, but a thousand commits


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("faults"))
    yield stage
    stage.close()


decoded_once = lru_cache(checks.decode)


@pytest.fixture
def stage(shared: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The stage in order; pauses between tries are short, what is waited for stays the same."""
    monkeypatch.setattr(gemini_service.random, "uniform", lambda low, high: 0.002)
    monkeypatch.setattr(_api_client, "INITIAL_RETRY_DELAY", 0.01)  # of the SDK, for pieces of an upload
    monkeypatch.setattr(gemini_files, "_PIECE", 1 << 18)  # every part is more than one piece
    monkeypatch.setenv("SSL_CERT_FILE", shared.certificates.authority)
    monkeypatch.setattr(checks, "decode", decoded_once)
    shared.reset()
    return shared


@contextlib.contextmanager
def in_way(way: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if way == "files":
            patch.setattr(gemini, "INLINE_LIMIT", 1000)
        yield


@contextlib.contextmanager
def patience_for(row: Row, kind: str) -> Iterator[None]:
    """Short timeouts, for the run with the fault only; longer ones where it is to end well."""
    if not row.is_slow:
        yield
        return
    seconds = 2.0 if "done" in (kind, row.kind) else 0.35
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"READ_TIMEOUT": seconds, "TOTAL_TIMEOUT": seconds * 1.5, "MOST_TRIES": 2,
                            "_REMOVING": 0.2}.items():
            patch.setattr(gemini_service, name, value)
        patch.setattr(gemini_files, "_PATIENCE", 0.3)
        yield


class Spot:
    """The place in a job at which a fault begins."""

    def __init__(self, way: str, spot: str, *, once: bool) -> None:
        self.way, self.spot, self.once = way, spot, once
        self.seen, self.is_reached = 0, False

    def now(self, request: Request) -> bool:
        """Whether this request, which has arrived whole, is to fail."""
        if self.is_reached:
            return not self.once
        self.seen += self._is_meant(request)
        self.is_reached = self.seen == (2 if (self.way, self.spot) == ("inline", "during") else 1)
        return self.is_reached

    def _is_meant(self, request: Request) -> bool:
        if self.way == "files" and self.spot == "before":
            return request.route == "upload.start"
        if self.way == "files" and self.spot in ("during", "last"):
            ends = "finalize" in request.headers.get("x-goog-upload-command", "")
            return request.route == "upload.chunk" and ends == (self.spot == "last")
        heard = request.parsed
        if request.route != "interactions" or ((self.way, self.spot) == ("inline", "during") and heard is None):
            return request.route == "interactions"  # at its head: any will do
        if (self.way, self.spot) == ("inline", "after"):
            return heard is not None and "lines" in (heard.schema or {}).get("properties", {})
        return heard is not None and (heard.transcribes or heard.streams)


# -- what the network does --------------------------------------------------------------------------------------------


class Weather:
    """A condition of the network that begins at a spot and stays until `lift`."""

    def __init__(self, stage: Stage, condition: str) -> None:
        self.stage, self.condition, self.is_on = stage, condition, False
        self.patch = pytest.MonkeyPatch()
        self.wire, self.url = stage.wire, f"http://{stage.wire.host}/"
        if condition in ("no name", "slow name", "very slow name"):
            self.url = f"http://{NAME}:{stage.wire.port}/"
            self.patch.setattr(socket, "getaddrinfo", self._look_up)
        elif condition in ("407", "proxy down"):
            self.wire, self.url = stage.proxy, f"https://{stage.secure.host}/"
            self.patch.setattr(gemini_service, "SERVICE_URL", self.url)  # proxies are asked for the real service only
            self.patch.setenv("HTTPS_PROXY", f"http://{stage.proxy.host}")
        elif condition in ("self-signed", "wrong host", "not yet valid", "expired"):
            self.wire, self.url = stage.secure, f"https://{stage.secure.host}/"

    @property
    def cuts(self) -> bool:
        return self.condition not in ("trickle", "stall")

    def begin(self) -> None:
        self.is_on = True
        match self.condition:
            case "no network":
                self.patch.setattr(asyncio.BaseEventLoop, "create_connection", _unreachable)
                self.wire.set("fine")  # resets what is open
            case "no name" | "slow name" | "very slow name":
                self.wire.set("fine")
            case "self-signed" | "wrong host" | "not yet valid" | "expired":
                self.stage.certificates.show(self.stage.context, self.condition)
                self.wire.set("reset")  # also for those who were just being shown the good one
            case "proxy down":
                self.wire.set("refuse")
            case condition:
                self.wire.set(condition, cut=self.cuts)

    def lift(self) -> None:
        self.is_on = False
        if self.condition == "no network":
            self.patch.setattr(asyncio.BaseEventLoop, "create_connection", _REAL_CONNECT)
        self.stage.certificates.show(self.stage.context, "good")
        self.wire.set("fine")

    def close(self) -> None:
        self.lift()
        self.patch.undo()

    def _look_up(self, host: Any, *rest: Any, **named: Any) -> Any:
        if (host.decode() if isinstance(host, bytes) else host) != NAME:
            return _REAL_LOOK_UP(host, *rest, **named)
        if self.is_on and self.condition == "no name":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if self.is_on:
            time.sleep({"slow name": 0.33, "very slow name": 0.5}[self.condition])
        return _REAL_LOOK_UP("127.0.0.1", *rest, **named)


_REAL_LOOK_UP, _REAL_CONNECT = socket.getaddrinfo, asyncio.BaseEventLoop.create_connection


async def _unreachable(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENETUNREACH, "Network is unreachable")


# -- the tests --------------------------------------------------------------------------------------------------------


def names(cases: list[tuple[Row, str, str]]) -> list[Any]:
    return [pytest.param(row, way, spot, id=f"{row.number} {row.name}-{way}-{spot}") for row, way, spot in cases]


def faults_of(row: Row, stage: Stage, way: str, spot: str) -> tuple[list[Fault], Fault | None]:
    """Faults to queue, or one to show from the spot on."""
    place = {"before": 0.0, "during": 0.5, "after": 1.0}.get(spot, 0.5)
    if row.number.startswith("42"):
        byte = {"before": 0, "during": 1 << 17, "last": (1 << 18) + 1000}[spot]
        return [Fault.upload_drop_at(byte)] * (1 if row.once else 20), None
    if row.number == "39":
        return [], Fault.sse_cut({"before": 1, "during": 10, "after": 24}[spot])
    if row.number.startswith("4") and row.fault is None:
        return [], {"40": Fault.sse_half_event, "40b": Fault.sse_malformed, "41": Fault.sse_error_event}[
            row.number](place)
    return [], row.fault(stage.elsewhere.url) if callable(row.fault) else row.fault


def ended_as(outcome: tuple[str, PullquoteError | None], *kinds: str) -> None:
    """With one of these kinds, and the sentence of it."""
    kind, error = outcome
    assert kind in kinds
    if isinstance(error, EngineError):
        assert error.sentence == SENTENCES[kind]


def run_up_to(place: Spot | None, run: Callable[[], tuple[str, PullquoteError | None]]
              ) -> tuple[str, PullquoteError | None]:
    """Run until the spot is reached: with short timeouts a busy machine may need to be asked twice."""
    outcome = run()
    for _ in range(3):
        if place is None or place.is_reached:
            return outcome
        assert outcome[0] in ("timeout", "offline"), "the fault was never there"
        outcome = run()
    raise AssertionError("the fault was never there")


def continue_to_the_end(stage: Stage, job: Job, url: str = "", *, is_exact: bool = True) -> None:
    """The fault is gone: the job ends as if it had never been, and nothing that came is asked for again."""
    until(lambda: stage.service.is_idle)  # what was cut off may still arrive
    answers = [stage.library.answer(job.id, part.index) for part in job.parts]
    missing = sum(answer is None or (answer.startswith('{"halves"') and ", null]" in answer) for answer in answers)
    before = len(stage.service.heard)
    if stage.library.job(job.id).state is not JobState.DONE:
        assert stage.run(job, url) == ("done", None)
    asked = sum(heard.transcribes for heard in stage.service.heard[before:])
    assert asked == missing or not is_exact
    assert stage.words(job) == stage.wanted
    stage.check_nothing_is_lost()


JOBS = [case for case in CASES if case[1] != "ask"]


@pytest.mark.parametrize(("row", "way", "spot"), names([case for case in JOBS if not case[0].wire]))
def test_a_fault_of_the_service(stage: Stage, row: Row, way: str, spot: str,
                                monkeypatch: pytest.MonkeyPatch) -> None:
    begun = time.time()
    place, (queue, fault) = Spot(way, spot, once=row.once), faults_of(row, stage, way, spot)
    stage.service.fail_next(*queue, route="upload")
    if fault is not None:
        shown = {"interactions"} if fault.route == "interactions" else set()
        stage.service.fail_when(lambda r: (not shown or r.route in shown) and fits(fault, r) and place.now(r), fault)
    with in_way(way):
        job = stage.start()
        with patience_for(row, row.kind_at(way, spot)):
            report = clock_jumps(monkeypatch) if row.number == "21" else ignore_progress
            outcome = run_up_to(place if not queue else None, lambda: stage.run(job, report=report))
            ended_as(outcome, *row.kinds_at(way, spot))
        assert row.number != "21" or time.time() - begun > 7000, "the clock did not jump"
        stage.service.stop_failing()
        continue_to_the_end(stage, job, is_exact=row.number not in ("38", "35b"))


def fits(fault: Fault, request: Request) -> bool:
    return not fault.finishes_upload or "finalize" in request.headers.get("x-goog-upload-command", "")


def clock_jumps(monkeypatch: pytest.MonkeyPatch) -> Callable[[Progress], None]:
    """A report that puts the clock forward by two hours in the first pause."""
    def report(progress: Progress) -> None:
        if "trying again in" in str(progress.sentence):
            monkeypatch.setattr(time, "time", lambda real=time.time: real() + 7200)
            for module in (conversations, jobs, ledger, rows):
                monkeypatch.setattr(module, "now", lambda: "2037-01-01T00:00:00.000+00:00")

    return report


@pytest.mark.parametrize(("row", "way", "spot"), names([case for case in JOBS if case[0].wire]))
def test_a_fault_of_the_network(stage: Stage, row: Row, way: str, spot: str) -> None:
    if row.wire == "full" and sys.platform != "linux":
        pytest.skip("elsewhere a full backlog refuses")
    weather, place = Weather(stage, row.wire), Spot(way, spot, once=True)

    def is_time(request: Request) -> bool:
        reached = place.now(request)
        if reached:
            weather.begin()
        return reached and weather.cuts

    if spot == "before":
        weather.begin()
    elif spot == "during":
        stage.service.on_head = is_time
    else:
        stage.service.fail_when(is_time, Fault.drop())
    try:
        with in_way(way):
            job = stage.start()
            with patience_for(row, row.kind_at(way, spot)):
                outcome = run_up_to(None if spot == "before" else place, lambda: stage.run(job, weather.url))
                # With two parts at a time the other one may find the network gone before it has begun.
                others = {row.kind, *row.also.values()} if way == "files" and spot != "before" else set()
                ended_as(outcome, *row.kinds_at(way, spot), *others, *(("timeout",) if row.is_slow else ()))
                if row.kinds is CUT and row.kind_at(way, spot) != row.kind:  # it broke off; now it cannot begin
                    ended_as(stage.run(job, weather.url), row.kind, *row.also.values())
            weather.lift()
            stage.service.stop_failing()
            continue_to_the_end(stage, job, weather.url)
    finally:
        weather.close()


@pytest.mark.parametrize(("row", "way", "spot"), names([case for case in CASES if case[1] == "ask"]))
def test_a_fault_in_an_answer_to_a_question(stage: Stage, row: Row, way: str, spot: str) -> None:
    threads = stage.library.threads(stage.recording.id)
    weather = Weather(stage, row.wire) if row.wire else None
    if weather is not None:
        weather.begin()
    else:
        _, fault = faults_of(row, stage, way, spot)
        assert fault is not None
        place = Spot(way, spot, once=row.once)
        stage.service.fail_when(place.now, fault)
    url = weather.url if weather is not None else ""
    try:
        with patience_for(row, row.kind_at(way, spot)):
            if row.kind_at(way, spot) == "done":
                stage.ask(url)
            else:
                with pytest.raises(EngineError) as caught:
                    stage.ask(url)
                ended_as((caught.value.kind, caught.value), *row.kinds_at(way, spot))
                assert stage.library.threads(stage.recording.id) == threads
        if weather is not None:
            weather.lift()
        stage.service.stop_failing()
        (turn,) = stage.ask(url).turns
        assert all(f"Sentence {number} of" in str(turn.answer) for number in range(20))
        stage.check_nothing_is_lost()
    finally:
        if weather is not None:
            weather.close()


def test_a_host_that_does_not_exist(stage: Stage) -> None:
    job = stage.start()
    ended_as(stage.run(job, "http://gemini.invalid/"), "offline")
    continue_to_the_end(stage, job)


# -- what else may happen to the program ------------------------------------------------------------------------------


@pytest.mark.parametrize(("way", "word"), [
    ("inline", "Cutting"), ("inline", "listening"), ("inline", "reads the lines"), ("inline", "is done"),
    ("files", "Uploading"), ("files", "listening"), ("files", "is done")])
def test_stopping(stage: Stage, way: str, word: str) -> None:
    def stop(progress: Progress) -> None:
        if word in str(progress.sentence):
            raise Cancelled

    with in_way(way):
        job = stage.start()
        assert stage.run(job, report=stop)[0] == "Cancelled"
        continue_to_the_end(stage, job)


@pytest.mark.parametrize("way", ["inline", "files"])
def test_the_key_is_removed_in_the_middle(stage: Stage, way: str) -> None:
    place = Spot(way, "during", once=True)

    def revoke(request: Request) -> None:
        if place.now(request):
            stage.service.key = "another key"

    stage.service.on_head = revoke
    with in_way(way):
        job = stage.start()
        ended_as(stage.run(job), "key")
        ended_as(stage.run(job), "key")
        stage.service.on_head, stage.service.key = lambda request: None, KEY
        continue_to_the_end(stage, job)


@pytest.mark.parametrize("way", ["inline", "files"])
@pytest.mark.parametrize("what", ["add_sending", "end_sending", "save_answer", "store_part", "set_removed"])
@pytest.mark.parametrize("when", [1, 2])
def test_the_disk_is_full_once(stage: Stage, way: str, what: str, when: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if (way, what) == ("inline", "set_removed"):
        pytest.skip("without uploads nothing is removed")
    real, calls = getattr(stage.library, what), []

    def full(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == when:
            raise LibraryError("The disk is full.")
        return real(*arguments)

    monkeypatch.setattr(stage.library, what, full)
    with in_way(way):
        job = stage.start()
        kind, error = stage.run(job)
        assert kind == "LibraryError" and str(error) == "The disk is full." and len(calls) >= when
        sweep(stage.library)  # the next start: an end that could not be written is unknown
        continue_to_the_end(stage, job)


CHILD = """
import sys
from pathlib import Path
from desktop.engines import Manner, gemini
from desktop.errors import EngineError
from desktop.library import Library
from desktop.model import ignore_progress
from desktop.sending import LibraryGate
from desktop.transcription import run_job

data, cache, url, key, model, job, recording = sys.argv[1:]
library = Library(Path(data))
engine = gemini.make(model, key=key, url=url, manner=Manner(),
                     gate=LibraryGate(library, int(recording), consent=True))
try:
    run_job(library, Path(cache), int(job), engine, ignore_progress)
except EngineError as error:
    print(error.kind)
library.close()
"""


@pytest.mark.skipif(os.name != "posix", reason="a process cannot be stopped from outside here")
def test_the_computer_sleeps_and_the_service_hangs_up(stage: Stage) -> None:
    job = stage.start()
    stage.service.hold_from(0)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(stage.folder / "data"), str(stage.cache), stage.service.url, KEY, MODEL,
         str(job.id), str(stage.recording.id)], cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True)
    try:
        until(lambda: stage.service.held == 2)
        child.send_signal(signal.SIGSTOP)
        stage.service.hang_up()
        until(lambda: stage.service.held == 0)
        stage.service.release()
        time.sleep(0.3)
        child.send_signal(signal.SIGCONT)
        said, _ = child.communicate(timeout=30)
    finally:
        child.kill()
        child.wait()
        stage.service.release()
    assert said.split() == ["network"]
    assert stage.library.job(job.id).problem == SENTENCES["network"]
    continue_to_the_end(stage, job)


def test_jobs_leave_no_file_open(stage: Stage) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("open files cannot be counted here")
    open_files = []
    for _ in range(3):
        assert stage.run(stage.start())[0] == "done"
        open_files.append(len(os.listdir("/proc/self/fd")))
    assert open_files[2] - open_files[0] <= 4  # not six a job; those of threads just ended are closed a little later


def test_the_table_is_whole() -> None:
    """All 44 are here, and each is before, during and after, or it is said why not."""
    assert {int(row.number.rstrip("b" "c")) for row in ROWS} == set(range(1, 45))
    for row in ROWS:
        spots = {spot for other, _, spot in CASES if other is row}
        reasons = [reason for reason in row.absent.values() if not reason]
        assert spots and not reasons
