"""The ways the service can be told to fail, as values that a test hands to `fail_next` or `fail_when`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .answers import clock
from .records import Dropped, Refusal, Reply
from .replies import BAD_KEY, NO_KEY, error_reply, html_reply

BROKEN_EVENT = b'event: step.delta\ndata: {"event_type": "step.delta", "index": 1, "del\n\n'
ERROR_EVENT = (
    b'event: error\ndata: {"event_type": "error", "event_id": "event-x", "error": '
    b'{"code": "api_error", "message": "the service broke off"}}\n\nevent: done\ndata: [DONE]\n\n')
REFUSING = {"status", "bad_key", "page", "empty_200", "redirect"}
STREAMING = {"sse_cut", "sse_malformed", "sse_error_event", "sse_half_event"}
LOOP = "and then we went to the market again, "


@dataclass(frozen=True)
class Fault:
    """One failure. `route` is set where only one route makes sense and then wins over `fail_next`'s."""

    kind: str
    route: str | None = None
    code: int = 0
    word: str = ""
    message: str = ""
    retry_after: float | str | None = None
    retry_info_seconds: float | None = None
    per_day: bool = False
    url: str = ""
    state: str = ""                 # of an interaction or a file
    seconds: float = 0.0
    count: int = 0                  # events, an offset in bytes, or polls
    with_error: bool = False
    place: float = 0.5              # in a stream, from 0 (its first event) to 1 (its last, before the farewell)

    @classmethod
    def status(cls, code: int, code_word: str, message: str = "the service says no",
               retry_after: float | str | None = None, retry_info_seconds: float | None = None,
               per_day: bool = False) -> Fault:
        """An error answer before any work is done. The hints are the Retry-After header and RetryInfo."""
        return cls("status", None, code, code_word, message, retry_after, retry_info_seconds, per_day)

    @classmethod
    def bad_key(cls) -> Fault:
        """The key is refused, in the form of the route's family."""
        return cls("bad_key")

    @classmethod
    def html_200(cls) -> Fault:
        """A captive portal: a web page with status 200."""
        return cls("page", code=200, message="Welcome to the hotel network")

    @classmethod
    def html_503(cls) -> Fault:
        """A proxy's own error page."""
        return cls("page", code=503, message="503 Service Unavailable")

    @classmethod
    def empty_200(cls) -> Fault:
        """Status 200 and no body at all."""
        return cls("empty_200")

    @classmethod
    def redirect(cls, code: int, url: str) -> Fault:
        return cls("redirect", code=code, url=url)

    @classmethod
    def drop(cls) -> Fault:
        """The work is done (a create counts as heard), then the connection is reset before any answer."""
        return cls("drop")

    @classmethod
    def hang(cls) -> Fault:
        """The work is done, no answer ever comes."""
        return cls("hang")

    @classmethod
    def drop_mid_body(cls, reset: bool = True) -> Fault:
        """Half of the answer, then a reset connection, or one that is closed too early."""
        return cls("drop_mid_body", with_error=reset)

    @classmethod
    def stall(cls) -> Fault:
        """Half of the answer, then nothing more, and the connection stays open."""
        return cls("stall")

    @classmethod
    def truncated_json(cls) -> Fault:
        """Half of the answer, properly ended (in a stream: it ends in mid-event)."""
        return cls("truncated_json")

    @classmethod
    def slow_body(cls, seconds: float) -> Fault:
        """The answer trickles in over so many seconds."""
        return cls("slow_body", seconds=seconds)

    @classmethod
    def sse_cut(cls, after_events: int, with_error: bool = False) -> Fault:
        """The stream stops after n events: by a reset connection with `with_error`, else cleanly."""
        return cls("sse_cut", count=after_events, with_error=with_error)

    @classmethod
    def sse_malformed(cls, at: float = 0.5) -> Fault:
        """One event, so far into the stream (0 to 1), cannot be decoded; the rest of the stream follows."""
        return cls("sse_malformed", place=at)

    @classmethod
    def sse_error_event(cls, at: float = 0.5) -> Fault:
        """So far into the stream (0 to 1) an `error` event, with which the stream ends."""
        return cls("sse_error_event", place=at)

    @classmethod
    def sse_half_event(cls, at: float = 0.5) -> Fault:
        """So far into the stream (0 to 1) it ends properly, in the middle of an event."""
        return cls("sse_half_event", place=at)

    @classmethod
    def interaction_status(cls, status: str, code: str = "", message: str = "") -> Fault:
        """Status 200, but the interaction is `failed`, `incomplete` or `requires_continuation`."""
        word = code or {"failed": "prohibited_content", "incomplete": "max_output_tokens"}.get(status, "")
        return cls("interaction_status", "interactions", word=word, message=message or word, state=status)

    @classmethod
    def empty_output(cls) -> Fault:
        return cls("empty_output", "interactions")

    @classmethod
    def looped_text(cls) -> Fault:
        """The last segment says the same again and again."""
        return cls("looped_text", "interactions")

    @classmethod
    def times_past_end(cls) -> Fault:
        """The last segment lies after the end of the audio."""
        return cls("times_past_end", "interactions")

    @classmethod
    def times_backwards(cls) -> Fault:
        """The segments' times run from the end to the start."""
        return cls("times_backwards", "interactions")

    @classmethod
    def bad_json_text(cls) -> Fault:
        """A completed interaction whose text stops in the middle of the JSON."""
        return cls("bad_json_text", "interactions")

    @classmethod
    def file_stuck(cls, state: str, polls: int = 0) -> Fault:
        """The next uploaded file is PROCESSING (for ever, or for so many polls) or FAILED."""
        return cls("file_stuck", "upload.chunk", state=state, count=polls)

    @classmethod
    def file_expires(cls) -> Fault:
        """The next uploaded file is said to be there and is gone right after, as when its 48 h are over."""
        return cls("file_expires", "upload.chunk")

    @classmethod
    def upload_drop_at(cls, offset: int) -> Fault:
        """The connection breaks when the upload reaches this byte."""
        return cls("upload_drop_at", "upload.chunk", count=offset)

    @classmethod
    def upload_stall_at(cls, offset: int) -> Fault:
        """From this byte on nothing is read any more, and nothing is answered."""
        return cls("upload_stall_at", "upload.chunk", count=offset)

    @classmethod
    def upload_last_answer_lost(cls) -> Fault:
        """The file is stored, but the answer that says so never arrives."""
        return cls("upload_last_answer_lost", "upload.chunk")

    def to_route(self, route: str) -> Fault:
        return self if self.route else replace(self, route=route)

    @property
    def refuses(self) -> bool:
        """True when the request is answered without being worked on."""
        return self.kind in REFUSING

    @property
    def streams(self) -> bool:
        """True when only a streamed answer can show this fault."""
        return self.kind in STREAMING

    @property
    def finishes_upload(self) -> bool:
        return self.kind in {"file_stuck", "file_expires", "upload_last_answer_lost"}

    @property
    def breaks_upload(self) -> bool:
        return self.kind in {"upload_drop_at", "upload_stall_at"}

    def answer(self, route: str) -> Reply:
        """What goes out instead of an answer."""
        if self.kind == "page":
            return html_reply(self.code, self.message)
        if self.kind == "empty_200":
            return Reply([b""])
        if self.kind == "bad_key":
            return error_reply(Refusal(400, "invalid_request", NO_KEY, [BAD_KEY]), route)
        if self.kind == "redirect":
            return Reply([b""], self.code, {"Location": self.url})
        reply = error_reply(Refusal(self.code, self.word, self.message, self._details()), route)
        if self.retry_after is not None:
            reply.headers["Retry-After"] = str(self.retry_after)
        return reply

    def _details(self) -> list[dict[str, Any]]:
        details: list[dict[str, Any]] = []
        if self.code == 429 and (self.per_day or self.retry_info_seconds is not None):
            quota = f"GenerateRequestsPer{'Day' if self.per_day else 'Minute'}PerProjectPerModel"
            details.append({"@type": "type.googleapis.com/google.rpc.QuotaFailure",
                            "violations": [{"quotaId": quota}]})
        if self.retry_info_seconds is not None:
            details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo",
                            "retryDelay": f"{self.retry_info_seconds:g}s"})
        return details

    def spoil(self, reply: Reply) -> Reply:
        """Change a finished answer on its way out."""
        size = sum(map(len, reply.pieces))
        if self.streams and not reply.chunked:
            return reply
        match self.kind:
            case "drop" | "upload_last_answer_lost":
                raise Dropped
            case "drop_mid_body":
                reply.keep, reply.ending = size // 2, "reset" if self.with_error else "close"
            case "stall":
                reply.keep, reply.ending = size // 2, "stall"
            case "truncated_json":
                reply.pieces = [b"".join(reply.pieces)[:size // 2]]
            case "slow_body":
                reply.pieces = _in_parts(b"".join(reply.pieces), 10)
                reply.pause = self.seconds / len(reply.pieces)
            case "sse_cut":
                reply.pieces = reply.pieces[:self.count]
                reply.ending = "reset" if self.with_error else "proper"
            case "sse_malformed":
                reply.pieces[self._event(reply)] = BROKEN_EVENT
            case "sse_error_event":
                reply.pieces[self._event(reply):] = [ERROR_EVENT]
            case "sse_half_event":
                at = self._event(reply)
                reply.pieces[at:] = [reply.pieces[at][:len(reply.pieces[at]) // 2]]
        return reply

    def _event(self, reply: Reply) -> int:
        return min(int(self.place * len(reply.pieces)), len(reply.pieces) - 2)

    def distort(self, answer: dict[str, Any] | str, seconds: float) -> dict[str, Any] | str:
        """Change what the model says."""
        if self.kind == "empty_output":
            return ""
        if self.kind == "looped_text":
            return _loop(answer)
        if self.kind in {"times_past_end", "times_backwards"} and isinstance(answer, dict):
            key = "words" if "words" in answer else "segments"
            change = _past_end if self.kind == "times_past_end" else _backwards
            return {**answer, key: change(answer.get(key, []), seconds)}
        return answer


def _in_parts(data: bytes, count: int) -> list[bytes]:
    size = len(data) // count + 1
    return [data[at:at + size] for at in range(0, len(data), size)] or [b""]


def _loop(answer: dict[str, Any] | str) -> dict[str, Any] | str:
    if isinstance(answer, str):
        return answer + " " + LOOP * 100
    if "text" in answer:
        return {**answer, "text": answer["text"] + " " + LOOP * 100}
    *others, last = answer.get("segments") or [_invented("00:00", "00:01")]
    return {**answer, "segments": [*others, {**last, "content": LOOP * 100}]}


def _past_end(segments: list[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
    *others, last = segments or [_invented("00:00", "00:01")]
    return [*others, {**last, "start": _like(last["start"], seconds + 60),
                      "end": _like(last["end"], seconds + 65)}]


def _backwards(segments: list[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
    if len(segments) < 2:
        return [_invented(_like("0:0", seconds), _like("0:0", seconds)), _invented("00:00", "00:01")]
    times = [(segment["start"], segment["end"]) for segment in reversed(segments)]
    return [{**segment, "start": start, "end": end}
            for segment, (start, end) in zip(segments, times, strict=True)]


def _invented(start: str, end: str) -> dict[str, Any]:
    return {"start": start, "end": end, "speaker": "A", "content": "Invented words.", "text": "Invented",
            "language": "en", "translation": "", "emotion": "neutral"}


def _like(example: Any, seconds: float) -> Any:
    """The time in the form of the example: a number of seconds, or minutes and seconds."""
    return clock(seconds, fractions="." in example) if isinstance(example, str) else seconds
