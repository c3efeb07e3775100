"""The connection to Gemini: one asyncio thread, one client, retries of our own that can be seen and stopped.

gemini.md sections 1, 3 and 9 explain every argument here. What carries audio or words of a recording goes through
`send` or `upload`, and that through the gate; the list of models, and removing a file, need none.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
import uuid
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Protocol, TypeVar
from urllib.parse import urlsplit

from desktop.engines import Gate, gemini_files
from desktop.engines.gemini_errors import Failure, classify
from desktop.engines.gemini_files import Reader, Remote
from desktop.environment import SERVICE_URL
from desktop.errors import EngineError, PullquoteError
from desktop.model import Cargo, Progress, Report, Usage
from desktop.sentences import say

READ_TIMEOUT = 120  # seconds between two reads: a model thinks silently for a while
TOTAL_TIMEOUT = 600  # seconds per request
MOST_TRIES, MOST_WAITING = 4, 90.0
_REMOVING, _GIVING_UP = 10.0, 0.5  # seconds that removing a file may take: at leisure, and when the user waits

_UNCERTAIN = ("network", "timeout", "blocked", "broken")  # the request may have arrived

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Reply:
    """What an interaction ended with; `failure` when its text is not usable (it was perhaps billed all the same)."""

    text: str
    usage: Usage
    annotations: tuple[dict[str, Any], ...] = ()
    failure: Failure | None = None


class Growing(Protocol):
    """Where a stream puts what has come so far."""

    text: str


class Service:
    """The connection: a daemon thread with an asyncio loop and one client, made on first use."""

    def __init__(self, key: str, url: str, gate: Gate | None = None, *,
                 style: str = "", sleep: Callable[[float], None] = time.sleep) -> None:
        if not key.strip() or not key.isascii():
            raise EngineError("key", "No Gemini key is set. Add one under Settings ▸ Gemini key, or use the on-device "
                                     "engine.")
        self._key, self._url, self._gate, self._sleep = key, url, gate, sleep
        self.host = urlsplit(url).netloc
        self._style = style.strip()
        self._not_before = 0.0  # on the monotonic clock; the service asked for a pause until then
        self._client: Any = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="gemini", daemon=True)
        self._thread.start()

    def send(self, cargo: Cargo, make: Callable[[Any], Coroutine[Any, Any, Reply]], report: Report,
             sentence: str) -> Reply:
        """Send content of a recording; each try is in the ledger before it leaves. Raises EngineError or Cancelled."""
        gate = self._named_gate()

        def attempt() -> tuple[Reply | None, Failure | None]:
            entry = gate.leave(cargo)
            outcome, usage = "unknown", None
            try:
                reply, failure = self._try(make, report, lambda: Progress(0.0, sentence))
                if reply is not None:
                    outcome, usage, failure = "answered", reply.usage, reply.failure
                elif failure is not None and failure.kind not in _UNCERTAIN:
                    outcome = "failed"
                return reply, failure
            finally:
                gate.back(entry, outcome, usage, cargo.model)

        return self._patiently(attempt, report)

    def upload(self, cargo: Cargo, source: BinaryIO, mime_type: str, report: Report) -> Remote:
        """Store a file on the service for requests to come; an upload that is lost begins anew, under another name.

        Its name is in the ledger before the first byte leaves. Raises EngineError or Cancelled.
        """
        gate = self._named_gate()

        def attempt() -> tuple[Remote | None, Failure | None]:
            reader, name = Reader(source), f"files/{uuid.uuid4().hex}"

            def progress() -> Progress:
                return Progress(0.0, say("Uploading the sound: {percent} %", percent=int(100 * reader.fraction)))

            entry = gate.leave(cargo, name)
            outcome, is_there, hurry = "unknown", False, True
            try:
                uri, failure = self._try(lambda client: gemini_files.put(client, name, reader, mime_type), report,
                                         progress, limited=False)
                hurry = False
                if uri is not None:
                    outcome, is_there = "answered", True
                    return Remote(entry, name, uri, mime_type), None
                assert failure is not None
                outcome = "unknown" if failure.kind in _UNCERTAIN else "failed"
                if failure.kind == "broken":  # no model answers here: something in between did
                    failure = Failure("blocked")
                return None, replace(failure, retry=failure.retry or failure.kind in ("network", "timeout"))
            finally:
                gate.back(entry, outcome, Usage(), cargo.model)
                if not is_there:
                    self._take_back(entry, name, _GIVING_UP if hurry else _REMOVING)

        return self._patiently(attempt, report)

    def find(self, cargo: Cargo, mime_type: str, report: Report) -> Remote | None:
        """A file of the same sound that an earlier question has uploaded, if the service still has it."""
        gate = self._named_gate()
        known = gate.stored(cargo)
        if known is None:
            return None
        uri, _ = self._try(lambda client: gemini_files.wait_for_file(client, known[1]), report,
                           lambda: Progress(0.0, say("Asking Gemini")))
        return Remote(known[0], known[1], uri, mime_type) if uri is not None else None

    def remove(self, remote: Remote) -> None:
        """Remove a file right after use; what does not work stays in the ledger and is tried again later."""
        self._take_back(remote.entry, remote.name, _GIVING_UP, is_known=True)

    def delete(self, name: str) -> str:
        """Remove a file by its name: "removed", "absent" or "unknown"."""
        future = asyncio.run_coroutine_threadsafe(
            self._call(lambda client: gemini_files.remove(client, name), _REMOVING), self._loop)
        try:
            return future.result(_REMOVING)
        except Exception:
            future.cancel()
        return "unknown"

    def _take_back(self, entry: int, name: str, seconds: float, is_known: bool = False) -> None:
        """Remove what an upload may have left; "absent" is believed only of a file that was there for certain."""
        future = asyncio.run_coroutine_threadsafe(
            self._call(lambda client: gemini_files.remove(client, name), _REMOVING), self._loop)
        gone = ("removed", "absent") if is_known else ("removed",)
        if wait_for([future], timeout=seconds).done and not future.cancelled() and future.exception() is None \
                and future.result() in gone:
            self._named_gate().removed(entry)

    def _named_gate(self) -> Gate:
        if self._gate is None:
            raise EngineError("forbidden", "Nothing was sent: no recording was named for it.")
        return self._gate

    def style(self) -> dict[str, str]:
        """The house style, as an argument for a general model; nothing when there is none."""
        return {"system_instruction": self._style} if self._style else {}

    def models(self, report: Report) -> list[str]:
        """Names of the models that the key may use: the cheapest test of a key, and nothing of a recording."""
        return self._patiently(lambda: self._try(_models, report, lambda: Progress(
            0.0, say("Asking Gemini"))), report)

    def _patiently(self, attempt: Callable[[], tuple[_Result | None, Failure | None]], report: Report) -> _Result:
        """Wait and try again where that is safe."""
        waited = 0.0
        for number in range(1, MOST_TRIES + 1):
            while (pause := self._not_before - time.monotonic()) > 0:  # another part was told to wait: so do all
                self._wait(pause, report)
            result, failure = attempt()
            if failure is None:
                return result  # type: ignore[return-value]
            pause = failure.wait if failure.wait is not None else 2 ** (number - 1) * random.uniform(0.7, 1.3)
            if not failure.retry or number == MOST_TRIES or waited + pause > MOST_WAITING:
                raise failure.error()
            waited += pause
            if failure.kind == "rate":
                self._not_before = max(self._not_before, time.monotonic() + pause)
            self._wait(pause, report, busy=failure.kind in ("rate", "server"))
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the loop; a request under way is cancelled."""
        def stop() -> None:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.call_soon(self._loop.stop)

        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(stop)
            self._thread.join(timeout=2)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        if self._client is not None:
            self._loop.run_until_complete(self._client.aio.aclose())
            self._client.close()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _try(self, make: Callable[[Any], Coroutine[Any, Any, _Result]], report: Report,
             progress: Callable[[], Progress], limited: bool = True) -> tuple[_Result | None, Failure | None]:
        future = asyncio.run_coroutine_threadsafe(self._call(make, TOTAL_TIMEOUT if limited else None), self._loop)
        try:
            return _result(future, report, progress), None
        except PullquoteError:
            raise
        except CancelledError:
            return None, Failure("network")
        except Exception as error:
            failure = classify(error)
        finally:
            future.cancel()
        return None, failure  # outside the except block: the exception carries the key

    async def _call(self, make: Callable[[Any], Coroutine[Any, Any, _Result]], total: float | None) -> _Result:
        if self._client is None:
            self._client = _client(self._key, self._url)
        async with asyncio.timeout(total):
            return await make(self._client)

    def _wait(self, seconds: float, report: Report, busy: bool = True) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            report(Progress(0.0, say("Gemini is busy; trying again in {seconds} s", seconds=int(left) + 1) if busy
                            else say("The connection was lost; trying again in {seconds} s", seconds=int(left) + 1)))
            self._sleep(min(0.1, left))


def _result(future: Future[_Result], report: Report, progress: Callable[[], Progress]) -> _Result:
    while True:
        report(progress())
        if wait_for([future], timeout=0.1).done:  # result(timeout) could lose an answer that arrives at its end
            return future.result()


def _client(key: str, url: str) -> Any:
    from google import genai

    # Proxies are the newsroom's business, but they would also be asked for addresses on this computer.
    args = {"trust_env": url == SERVICE_URL, "follow_redirects": False}
    return genai.Client(api_key=key, vertexai=False, http_options={
        "base_url": url, "api_version": "v1beta", "timeout": READ_TIMEOUT * 1000,
        "retry_options": {"attempts": 1}, "client_args": dict(args), "async_client_args": dict(args)})


async def create(client: Any, **arguments: Any) -> Reply:
    """One interaction that is not stored, read to its end."""
    return _reply(await client.aio.interactions.create(store=False, timeout=READ_TIMEOUT, **arguments))


async def transcribe(client: Any, **arguments: Any) -> Reply:
    """The same; no text at all can be a good answer: nobody speaks."""
    return _reply(await client.aio.interactions.create(store=False, timeout=READ_TIMEOUT, **arguments),
                  may_be_empty=True)


def _reply(interaction: Any, may_be_empty: bool = False) -> Reply:
    status, text = getattr(interaction, "status", None), str(getattr(interaction, "output_text", "") or "")
    fine = status == "completed" and (may_be_empty or bool(text))
    failure = None if fine else Failure("refused" if status == "failed" else "broken")
    return Reply(text, _usage(getattr(interaction, "usage", None)), _annotations(interaction), failure)


async def stream(client: Any, growing: Growing, **arguments: Any) -> Reply:
    """One interaction that is not stored, whose text grows while it comes.

    Usable only when the end was announced as completed: a stream that just stops raises nothing, an `error` event is
    not an exception, and what cannot be decoded comes as a plain str (gemini.md section 3).
    """
    growing.text, done, usage, failed, is_whole = "", False, Usage(), False, True
    answer = await client.aio.interactions.create(store=False, stream=True, timeout=READ_TIMEOUT, **arguments)
    if not hasattr(answer, "__aiter__"):  # an Interaction in place of a stream
        return _reply(answer)
    async for event in answer:
        kind = getattr(event, "event_type", "")
        if kind == "step.start" and getattr(event.step, "type", "") == "model_output":
            growing.text += "".join(getattr(part, "text", None) or "" for part in event.step.content or ())
        elif kind == "step.delta" and getattr(event.delta, "type", "") == "text":
            growing.text += event.delta.text or ""
        elif kind == "interaction.completed":
            done = getattr(event.interaction, "status", "") == "completed"
            failed = getattr(event.interaction, "status", "") == "failed"
            usage = _usage(getattr(event.interaction, "usage", None))
        elif kind == "error":
            failed = True
        is_whole = is_whole and not isinstance(event, str)  # something came that cannot be decoded: words are missing
    fine = is_whole and done and not failed and bool(growing.text)
    return Reply(growing.text, usage, failure=None if fine else Failure("refused" if failed else "broken"))


def _annotations(interaction: Any) -> tuple[dict[str, Any], ...]:
    """The word_info objects of the last output, as plain dictionaries."""
    found = []
    for step in getattr(interaction, "steps", None) or ():
        for content in getattr(step, "content", None) or ():
            for item in getattr(content, "annotations", None) or ():
                found.append(item if isinstance(item, dict) else item.model_dump(exclude_none=True))
    return tuple(found)


def _usage(usage: Any) -> Usage:
    def count(name: str) -> int:
        value = getattr(usage, name, None)
        return value if isinstance(value, int) and value > 0 else 0

    return Usage(count("total_input_tokens"), count("total_output_tokens") + count("total_thought_tokens"))


async def _models(client: Any) -> list[str]:
    names = []
    async for model in await client.aio.models.list(config={"page_size": 100}):
        names.append(str(model.name or "").removeprefix("models/"))
    return [name for name in names if name]
