"""Gemini by the Interactions API: one asyncio thread, one client, retries of our own that can be seen and stopped.

gemini.md sections 1, 3 and 9 explain every argument here. Nothing is stored on the service: audio goes inline and
store=False.
"""

from __future__ import annotations

import asyncio
import base64
import random
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from concurrent.futures import wait as wait_for
from typing import Any, TypeVar

from desktop.engines import ENGINES, Clip, Hearing, Wishes
from desktop.engines.gemini_errors import Failure, classify
from desktop.engines.gemini_prompt import prompt, read_answer, schema
from desktop.environment import SERVICE_URL
from desktop.errors import EngineError
from desktop.model import Progress, Report
from desktop.sentences import say

INLINE_LIMIT = 14_000_000  # bytes of audio; base64 makes 19 MB of it, below the 20 MB of the audio page
READ_TIMEOUT = 120  # seconds between two reads: a model thinks silently for a while
TOTAL_TIMEOUT = 600  # seconds per request
MOST_TRIES, MOST_WAITING = 4, 90.0

_Result = TypeVar("_Result")


class GeminiEngine:
    """The one-call transcript with structured output on a general model."""

    name = "gemini"
    abilities = ENGINES["gemini"].abilities
    longest_part = 600.0
    overlap = 3.0

    def __init__(self, model: str, service: Service) -> None:
        self.model = model
        self._service = service

    def hear(self, clip: Clip, wishes: Wishes, report: Report) -> str:
        if len(clip.encoded) > INLINE_LIMIT:
            raise Failure("too_large").error()
        return self._service.ask(lambda client: _create(client, self.model, clip, wishes), report,
                                 say("Gemini is listening"))

    def read(self, answer: str) -> Hearing:
        return read_answer(answer)

    def close(self) -> None:
        self._service.close()


def make(model: str, *, key: str, url: str) -> GeminiEngine:
    """The engine; refuses an empty key, because the SDK would look for one in the environment."""
    return GeminiEngine(model, Service(key, url or SERVICE_URL))


def list_models(key: str, url: str, report: Report) -> list[str]:
    """Names of the models that the key may use: the cheapest test of a key. Raises EngineError."""
    service = Service(key, url or SERVICE_URL)
    try:
        return service.ask(_models, report, say("Asking Gemini"))
    finally:
        service.close()


class Service:
    """The connection: a daemon thread with an asyncio loop and one client, made on first use."""

    def __init__(self, key: str, url: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        if not key.strip() or not key.isascii():
            raise EngineError("key", "No Gemini key is set. Add one under Settings ▸ Gemini key, or use the on-device "
                                     "engine.")
        self._key, self._url, self._sleep = key, url, sleep
        self._client: Any = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="gemini", daemon=True)
        self._thread.start()

    def ask(self, make: Callable[[Any], Coroutine[Any, Any, _Result]], report: Report, sentence: str) -> _Result:
        """Run a call, waiting and trying again where that is safe. Raises EngineError or Cancelled."""
        waited = 0.0
        for attempt in range(1, MOST_TRIES + 1):
            result, failure = self._try(make, report, sentence)
            if failure is None:
                return result  # type: ignore[return-value]
            pause = failure.wait if failure.wait is not None else 2 ** (attempt - 1) * random.uniform(0.7, 1.3)
            if not failure.retry or attempt == MOST_TRIES or waited + pause > MOST_WAITING:
                raise failure.error()
            waited += pause
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
        except EngineError:
            raise
        except CancelledError:
            return None, Failure("network")
        except Exception as error:
            from desktop.errors import PullquoteError

            if isinstance(error, PullquoteError):
                raise
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


async def _create(client: Any, model: str, clip: Clip, wishes: Wishes) -> str:
    interaction = await client.aio.interactions.create(
        model=model, store=False, timeout=READ_TIMEOUT,
        input=[{"type": "text", "text": prompt(wishes, clip.seconds)},
               {"type": "audio", "data": base64.b64encode(clip.encoded).decode("ascii"), "mime_type": "audio/flac"}],
        response_format={"type": "text", "mime_type": "application/json", "schema": schema(wishes.translate_to)},
        generation_config={"thinking_level": "low", "max_output_tokens": 32_000})
    status = getattr(interaction, "status", None)
    text = getattr(interaction, "output_text", "") or ""
    if status == "completed" and text:
        return str(text)
    raise Failure("refused" if status == "failed" else "broken").error()


async def _models(client: Any) -> list[str]:
    names = []
    async for model in await client.aio.models.list(config={"page_size": 100}):
        names.append(str(model.name or "").removeprefix("models/"))
    return [name for name in names if name]
