"""The connection to Gemini: one asyncio thread, one client, retries of our own that can be seen and stopped.

gemini.md sections 1, 3 and 9 explain every argument here. What carries audio or words of a recording goes through
`send`, and that through the gate; only the list of models is asked for without one.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from desktop.engines import Gate
from desktop.engines.gemini_errors import Failure, classify
from desktop.environment import SERVICE_URL
from desktop.errors import EngineError, PullquoteError
from desktop.model import Cargo, Progress, Report, Usage
from desktop.sentences import say

READ_TIMEOUT = 120  # seconds between two reads: a model thinks silently for a while
TOTAL_TIMEOUT = 600  # seconds per request
MOST_TRIES, MOST_WAITING = 4, 90.0

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
        gate = self._gate
        if gate is None:
            raise EngineError("forbidden", "Nothing was sent: no recording was named for it.")

        def attempt() -> tuple[Reply | None, Failure | None]:
            entry = gate.leave(cargo)
            outcome, usage = "unknown", None
            try:
                reply, failure = self._try(make, report, sentence)
                if reply is not None:
                    outcome, usage, failure = "answered", reply.usage, reply.failure
                elif failure is not None and failure.kind not in ("network", "timeout", "blocked", "broken"):
                    outcome = "failed"
                return reply, failure
            finally:
                gate.back(entry, outcome, usage, cargo.model)

        return self._patiently(attempt, report)

    def style(self) -> dict[str, str]:
        """The house style, as an argument for a general model; nothing when there is none."""
        return {"system_instruction": self._style} if self._style else {}

    def models(self, report: Report) -> list[str]:
        """Names of the models that the key may use: the cheapest test of a key, and nothing of a recording."""
        return self._patiently(lambda: self._try(_models, report, say("Asking Gemini")), report)

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
            self._wait(pause, report)
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
             sentence: str) -> tuple[_Result | None, Failure | None]:
        future = asyncio.run_coroutine_threadsafe(self._call(make), self._loop)
        try:
            return _result(future, report, sentence), None
        except PullquoteError:
            raise
        except CancelledError:
            return None, Failure("network")
        except Exception as error:
            failure = classify(error)
        finally:
            future.cancel()
        return None, failure  # outside the except block: the exception carries the key

    async def _call(self, make: Callable[[Any], Coroutine[Any, Any, _Result]]) -> _Result:
        if self._client is None:
            self._client = _client(self._key, self._url)
        async with asyncio.timeout(TOTAL_TIMEOUT):
            return await make(self._client)

    def _wait(self, seconds: float, report: Report) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            report(Progress(0.0, say("Gemini is busy; trying again in {seconds} s", seconds=int(left) + 1)))
            self._sleep(min(0.1, left))


def _result(future: Future[_Result], report: Report, sentence: str) -> _Result:
    while True:
        report(Progress(0.0, sentence))
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


def _reply(interaction: Any) -> Reply:
    status, text = getattr(interaction, "status", None), str(getattr(interaction, "output_text", "") or "")
    fine = status == "completed" and bool(text)
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
