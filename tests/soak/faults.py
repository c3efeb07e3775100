"""A schedule of faults: which call fails, and how, follows from the seed alone."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.gemini_service import Fault, GeminiService, Request
from tests.soak.stand import named

_STATUS = {
    "400": Fault.status(400, "invalid_request"), "401": Fault.status(401, "authentication"),
    "402": Fault.status(402, "payment_required"), "403": Fault.status(403, "permission_denied"),
    "404 model": Fault.status(404, "model_not_found"), "408": Fault.status(408, "request_timeout"),
    "409": Fault.status(409, "aborted"), "413": Fault.status(413, "too_large"),
    "429": Fault.status(429, "rate_limit_exceeded"),
    "429 Retry-After": Fault.status(429, "rate_limit_exceeded", retry_after=20),
    "429 Retry-After, long": Fault.status(429, "rate_limit_exceeded", retry_after=600),
    "429 Retry-After, a date": Fault.status(429, "rate_limit_exceeded", retry_after="Wed, 21 Oct 2026 07:28:00 GMT"),
    "429 RetryInfo": Fault.status(429, "rate_limit_exceeded", retry_info_seconds=30.0),
    "429 per day": Fault.status(429, "quota_exceeded", per_day=True),
    "499": Fault.status(499, "cancelled"), "500": Fault.status(500, "api_error"),
    "501": Fault.status(501, "unimplemented"), "503": Fault.status(503, "service_unavailable", retry_after=3),
    "504": Fault.status(504, "deadline_exceeded"),
}
# By the kinds of Fault; hang and stall do not end by themselves, and the sse_ ones need a stream (questions have one).
KINDS: dict[str, dict[str, Fault]] = {
    "status": _STATUS, "page 200": {"": Fault.html_200()}, "page 503": {"": Fault.html_503()},
    "empty 200": {"": Fault.empty_200()}, "redirect": {"": Fault.redirect(307, "http://127.0.0.1:9/elsewhere")},
    "drop": {"": Fault.drop()},
    "drop in the body": {"reset": Fault.drop_mid_body(), "closed": Fault.drop_mid_body(reset=False)},
    "truncated JSON": {"": Fault.truncated_json()}, "slow body": {"": Fault.slow_body(0.3)},
    "interaction status": {
        "failed": Fault.interaction_status("failed"), "incomplete": Fault.interaction_status("incomplete"),
        "requires continuation": Fault.interaction_status("requires_continuation")},
    "empty output": {"": Fault.empty_output()}, "looped text": {"": Fault.looped_text()},
    "times past the end": {"": Fault.times_past_end()}, "times backwards": {"": Fault.times_backwards()},
    "half the text": {"": Fault.bad_json_text()},
}
_OUTAGE = {"429": Fault.status(429, "rate_limit_exceeded", retry_info_seconds=10.0),
           "503": Fault.status(503, "service_unavailable"), "page 200": Fault.html_200(),
           "empty 200": Fault.empty_200(), "drop": Fault.drop()}
# For sound that is uploaded first; an upload that stalls does not end by itself.
OF_ROUTE: dict[str, dict[str, Fault]] = {
    # Not 403 for a file: that is what the service says of one that is gone, and has to be believed.
    "upload.start": _OUTAGE | {"403": Fault.status(403, "permission_denied")}, "files.get": _OUTAGE,
    "files.delete": _OUTAGE,
    "upload.chunk": {"last answer lost": Fault.upload_last_answer_lost(), "drop": Fault.drop(),
                     "file processing": Fault.file_stuck("PROCESSING", 1), "file failed": Fault.file_stuck("FAILED")},
}
FAULTS = {f"{kind}: {name}" if name else kind: fault for kind, by_name in KINDS.items()
          for name, fault in by_name.items()}
FAULTS |= {f"{route}: {name}": fault.to_route(route) for route, by_name in OF_ROUTE.items()
           for name, fault in by_name.items()}


class Schedule:
    """Of the calls `share` fail. The same call in the same job meets the same fate in every run of a seed."""

    def __init__(self, seed: int, share: float, answer: Callable[[Any], Any]) -> None:
        self._seed, self._share, self._answer = seed, share, answer
        self._times: Counter[tuple[str, str]] = Counter()
        self._fate: tuple[Request | None, str] = (None, "")
        self.job = ""
        self.calls = 0
        self.met: Counter[str] = Counter()  # faults of this job
        self.all_met: Counter[str] = Counter()

    def begin(self, job: str) -> None:
        """From now on calls belong to this job."""
        self.job, self.met = job, Counter()

    def cuts_upload(self) -> bool:
        """Whether the next upload of this job breaks off in the middle (only a queued fault can do that)."""
        if random.Random(f"{self._seed}/{self.job}/cut").random() >= self._share:
            return False
        self._meet("upload.chunk: cut off")
        return True

    def arm(self, service: GeminiService) -> None:
        for name, fault in FAULTS.items():
            service.fail_when(lambda request, name=name: self._drawn(request) == name, fault)  # type: ignore[misc]

    def _drawn(self, request: Request) -> str:
        """Asked once for each rule, all under the service's lock."""
        if request.parsed is None and request.route not in OF_ROUTE:
            return ""
        if self._fate[0] is not request:
            self._fate = (request, self._draw(request))
        return self._fate[1]

    def _draw(self, request: Request) -> str:
        content = request.route if request.parsed is None else "/".join(named(request.parsed))
        self._times[self.job, content] += 1
        rng = random.Random(f"{self._seed}/{self.job}/{content}/{self._times[self.job, content]}")
        self.calls += 1
        if rng.random() >= self._share:
            return ""
        if request.parsed is None:
            return self._meet(f"{request.route}: {rng.choice(sorted(OF_ROUTE[request.route]))}")
        kind = rng.choice(sorted(KINDS))
        if kind == "times backwards" and not self._has_two(request):
            kind = "times past the end"  # of a single line the stand-in would make up words instead
        name = rng.choice(sorted(KINDS[kind]))
        return self._meet(f"{kind}: {name}" if name else kind)

    def _meet(self, name: str) -> str:
        self.met[name] += 1
        self.all_met[name] += 1
        return name

    def _has_two(self, request: Request) -> bool:
        answer = self._answer(request.parsed)
        key = "words" if isinstance(answer, dict) and "words" in answer else "segments"
        return isinstance(answer, dict) and len(answer.get(key, ())) > 1
