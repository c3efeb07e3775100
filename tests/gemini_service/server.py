"""The stand-in service: what tests set, ask and read, and the way of a request through it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Protocol

from . import files, interactions, models
from .answers import Answerer, default_answer
from .checks import read_create
from .faults import Fault
from .records import Dropped, Heard, Refusal, Reply, Request
from .replies import BAD_KEY, NO_KEY, error_reply
from .wire import Server

MODELS = ("gemini-3.8-flash", "gemini-3.5-flash", "gemini-3.5-flash-lite", "gemini-3.1-flash-lite",
          "gemini-3.1-pro-preview", "gemini-3.5-transcribe")
PATHS = {  # method and path -> route; the group is the name of what is meant
    "POST /v1beta/interactions()": "interactions",
    "POST /v1beta/interactions/([^/]+)/cancel": "interaction.cancel",
    "GET /v1beta/interactions/([^/]+)": "interaction.get",
    "DELETE /v1beta/interactions/([^/]+)": "interaction.delete",
    "POST /upload/v1beta/files()": "upload.start",
    "GET /v1beta/files()": "files.list",
    "GET /v1beta/files/([^/]+)": "files.get",
    "DELETE /v1beta/files/([^/]+)": "files.delete",
    "GET /v1beta/models()": "models.list",
    "GET /v1beta/models/([^/:]+)": "models.get",
    "POST /v1beta/models/([^/:]+):countTokens": "models.count_tokens",
}
ROUTES = {*PATHS.values(), "upload.chunk"}
SIMPLE: dict[str, Callable[[GeminiService, Request], Reply]] = {
    "interaction.cancel": interactions.cancel, "interaction.get": interactions.get,
    "interaction.delete": interactions.delete, "upload.start": files.start, "files.list": files.list_files,
    "files.get": files.get, "files.delete": files.delete, "models.list": models.list_models,
    "models.get": models.get_model, "models.count_tokens": models.count_tokens,
}


class Pause(Protocol):
    """Waits on behalf of a client; raises Dropped when it leaves."""

    def __call__(self, seconds: float | None, until: threading.Event | None = None) -> None: ...


class GeminiService:
    """A strict stand-in for the Gemini API on 127.0.0.1, on its own threads."""

    def __init__(self, key: str = "test-key-123", models: Sequence[str] = MODELS) -> None:
        self.key = key
        self.models = tuple(models)
        self.requests: list[Request] = []
        self.heard: list[Heard] = []
        self.files: dict[str, files.StoredFile] = {}
        self.uploads: dict[str, files.Upload] = {}
        self.stored_interactions: dict[str, dict[str, Any]] = {}
        self.continuations: dict[str, str] = {}
        self.answer: Answerer = default_answer
        self.delay: Callable[[Heard], float] = lambda heard: 0.0
        self.on_head: Callable[[Request], None] = lambda request: None  # a request's head is here, its body on the way
        self.bugs: list[Exception] = []     # errors of the stand-in or of a test's answer function
        self.held = 0                       # calls that are held at this moment
        self.busy = 0                       # create calls being answered at this moment ...
        self.most_at_once = 0               # ... and the most there ever were
        self._queue: list[Fault] = []
        self._rules: list[tuple[Callable[[Request], bool], Fault]] = []
        self._hold_from: int | None = None
        self._released = threading.Event()
        self._lock = threading.RLock()
        self._server = Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    # what tests set

    def fail_next(self, *faults: Fault, route: str = "interactions") -> None:
        """Queue faults: each is used up by one request of the route ("files" means all of "files.…")."""
        if not any(_covers(route, known) for known in ROUTES):
            raise ValueError(f"no route {route!r} among {sorted(ROUTES)}")
        with self._lock:
            self._queue += [fault.to_route(route) for fault in faults]

    def fail_when(self, predicate: Callable[[Request], bool], fault: Fault) -> None:
        """A lasting rule; for create calls `request.parsed` holds what was heard, with its index."""
        self._rules.append((predicate, fault))

    def stop_failing(self) -> None:
        """Forget queued faults and rules."""
        with self._lock:
            self._queue, self._rules = [], []

    def hold_from(self, number: int) -> None:
        """Let the create call of this number (from 0) and all later ones wait for `release`."""
        self._released.clear()
        self._hold_from = number

    def release(self) -> None:
        self._hold_from = None
        self._released.set()

    def hang_up(self) -> None:
        """End every open connection; new ones are served as before."""
        self._server.hang_up()

    @property
    def is_idle(self) -> bool:
        """No connection is open, so nothing can come late."""
        return not self._server.connections

    def close(self) -> None:
        """Stop at once; raises the first error that the stand-in or an answer function made."""
        self._server.stop()
        if self.bugs:
            raise self.bugs.pop(0)

    def __enter__(self) -> GeminiService:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None,
                 trace: TracebackType | None) -> None:
        if kind is not None:
            self.bugs.clear()  # the test's own failure says more
        self.close()

    # the way of a request

    def receive(self, request: Request) -> None:
        """Note a request as soon as its head has arrived."""
        request.route, request.name = _route_of(request)
        with self._lock:
            self.requests.append(request)
        self.on_head(request)

    def handle(self, request: Request, pause: Pause) -> Reply:
        try:
            return self._perform(request, pause)
        except Refusal as refusal:
            return error_reply(refusal, request.route)
        except Dropped:
            raise
        except Exception as bug:
            self.bugs.append(bug)
            return error_reply(Refusal(500, "api_error", f"the stand-in broke: {bug!r}"), request.route)

    def _perform(self, request: Request, pause: Pause) -> Reply:
        """Checks come first: a fault meets only requests that would have been served."""
        if not request.route:
            raise Refusal(404, "not_found", f"{request.method} {request.path} is not served")
        if request.route != "upload.chunk" and request.headers.get("x-goog-api-key") != self.key:
            raise Refusal(400, "invalid_request", NO_KEY, [BAD_KEY])
        if request.route == "interactions":
            request.parsed = read_create(request.body, self.models, partial(files.active_content, self))
            interactions.check_references(self, request.parsed)
        fault = self._accept(request)
        if fault and fault.refuses:
            return fault.answer(request.route)
        reply = self._work(request, fault, pause)
        if fault and fault.kind == "hang":
            pause(None)
        return fault.spoil(reply) if fault else reply

    def _accept(self, request: Request) -> Fault | None:
        """Choose the request's fault, and count a create call that is not refused."""
        with self._lock:
            heard = request.parsed
            if heard:
                heard.index = len(self.heard)
            fault = self._take_fault(request)
            if heard and not (fault and fault.refuses):
                self.heard.append(heard)
        return fault

    def _take_fault(self, request: Request) -> Fault | None:
        for fault in self._queue:
            if _fits(fault, request):
                self._queue.remove(fault)
                return fault
        rules = (fault for predicate, fault in self._rules if predicate(request))
        return next(rules, None)

    def _work(self, request: Request, fault: Fault | None, pause: Pause) -> Reply:
        if request.parsed:
            return self._answer(request.parsed, fault, pause)
        if request.route == "upload.chunk":
            return files.chunk(self, request, fault)
        return SIMPLE[request.route](self, request)

    def _answer(self, heard: Heard, fault: Fault | None, pause: Pause) -> Reply:
        with self._lock:
            self.busy += 1
            self.most_at_once = max(self.most_at_once, self.busy)
        try:
            self._hold(heard, pause)
            pause(self.delay(heard))
            return interactions.create(self, heard, fault)
        finally:
            with self._lock:
                self.busy -= 1

    def _hold(self, heard: Heard, pause: Pause) -> None:
        if self._hold_from is None or heard.index < self._hold_from:
            return
        with self._lock:
            self.held += 1
        try:
            pause(None, self._released)
        finally:
            with self._lock:
                self.held -= 1

    # uploads that break off

    def upload_cut(self, request: Request, length: int) -> tuple[int, bool]:
        """How many bytes of this body to read before its connection breaks, or stalls."""
        start = int(request.headers.get("x-goog-upload-offset", 0))
        with self._lock:
            for fault in self._queue:
                if _breaks_here(fault, request, start, start + length):
                    self._queue.remove(fault)
                    return fault.count - start, fault.kind == "upload_stall_at"
        return length, False

    def keep_part(self, request: Request) -> None:
        """Of a broken chunk the service keeps what fills its granules."""
        upload = self.uploads.get(request.name)
        if upload:
            upload.data += request.body[:len(request.body) // files.GRANULARITY * files.GRANULARITY]


def _route_of(request: Request) -> tuple[str, str]:
    """The route and the name in the path, both empty for a path that is not served."""
    if request.path == "/upload/v1beta/files" and "upload_id" in request.query:
        return "upload.chunk", request.query["upload_id"]
    for pattern, route in PATHS.items():
        match = re.fullmatch(pattern, f"{request.method} {request.path}")
        if match:
            return route, match[1]
    return "", ""


def _covers(wanted: str | None, route: str) -> bool:
    return wanted == route or route.startswith(f"{wanted}.")


def _fits(fault: Fault, request: Request) -> bool:
    """Whether a queued fault is for this request: its route, and what it needs to be seen."""
    if not _covers(fault.route, request.route) or fault.breaks_upload:
        return False
    if fault.streams:
        return bool(request.parsed and request.parsed.streams)
    if fault.finishes_upload:
        return "finalize" in request.headers.get("x-goog-upload-command", "")
    return True


def _breaks_here(fault: Fault, request: Request, start: int, end: int) -> bool:
    return request.route == "upload.chunk" and fault.breaks_upload and start <= fault.count < end
