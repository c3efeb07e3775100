"""One classify() for every way in which the SDK can fail; nothing else knows the SDK's exceptions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from desktop.errors import EngineError
from desktop.sentences import QT_TRANSLATE_NOOP


@dataclass(frozen=True)
class Failure:
    """A classified failure: kind (a row of the table), seconds to wait as the service said, whether to try again."""

    kind: str
    wait: float | None = None
    retry: bool = False

    def error(self) -> EngineError:
        """Our error for it."""
        return EngineError(self.kind, SENTENCES[self.kind], wait=self.wait)


SENTENCES = {
    "rate": QT_TRANSLATE_NOOP(
        "core", "Gemini is busy with this key (too many requests per minute). What has arrived is kept; continue in a "
                "minute."),
    "quota": QT_TRANSLATE_NOOP(
        "core", "This key's quota for today is used up; it starts anew at midnight Pacific time. What has arrived is "
                "kept; continue then, or use the on-device engine."),
    "server": QT_TRANSLATE_NOOP(
        "core", "Gemini has trouble at the moment. What has arrived is kept; continue in a few minutes."),
    "network": QT_TRANSLATE_NOOP(
        "core", "The connection to Gemini was lost. What has arrived is kept; check the network and continue."),
    "offline": QT_TRANSLATE_NOOP(
        "core", "Gemini cannot be reached. Check the network and continue, or use the on-device engine."),
    "timeout": QT_TRANSLATE_NOOP(
        "core", "Gemini did not answer in time. What has arrived is kept; continue to ask for this part again."),
    "blocked": QT_TRANSLATE_NOOP(
        "core", "Something between this computer and Gemini answered instead of Gemini (a login page or a proxy). "
                "Open a web page to log in to the network, then continue."),
    "certificate": QT_TRANSLATE_NOOP(
        "core", "The other side could not prove that it is Gemini (its certificate is not accepted), so nothing was "
                "sent. Check this computer's date and time; some company networks need a certificate of their own."),
    "broken": QT_TRANSLATE_NOOP(
        "core", "Gemini's answer was not usable. Continue, or ask again."),
    "key": QT_TRANSLATE_NOOP(
        "core", "Gemini refused the key. Check it under Settings ▸ Gemini key; keys of the old kind no longer work, a "
                "new one takes a minute to make."),
    "forbidden": QT_TRANSLATE_NOOP(
        "core", "This key is not allowed to do that. Check its permissions in Google AI Studio."),
    "billing": QT_TRANSLATE_NOOP(
        "core", "The prepaid credit of this key is used up, or billing is off. Check billing in Google AI Studio."),
    "model": QT_TRANSLATE_NOOP(
        "core", "This Gemini model does not exist any more or is not open to this key. Choose another one in "
                "Settings."),
    "request": QT_TRANSLATE_NOOP("core", "Gemini refused the request for this part."),
    "too_large": QT_TRANSLATE_NOOP("core", "This part is too large for one request."),
    "file": QT_TRANSLATE_NOOP("core", "Gemini could not use the sound that was uploaded. Nothing was lost; try again."),
    "video": QT_TRANSLATE_NOOP(
        "core", "Gemini could not open this video. It must be public: private, unlisted, age-restricted and live ones "
                "do not work, and the free tier allows eight hours a day. Check the address in a browser, or import a "
                "file of it."),
    "refused": QT_TRANSLATE_NOOP(
        "core", "Gemini gave no answer here (its safety rules or a limit). Hear the part with the on-device engine, "
                "or ask in other words."),
}

_BY_STATUS = {401: "key", 402: "billing", 403: "forbidden", 404: "model", 407: "blocked", 408: "timeout",
              413: "too_large", 501: "request", 511: "blocked"}


def classify(error: BaseException) -> Failure:
    """The failure that `error` means. Keeps no reference to it: it carries the key in its request headers."""
    if isinstance(error, TimeoutError):
        return Failure("timeout")
    names = {cls.__name__ for cls in type(error).__mro__}
    if "FileFailed" in names:
        return Failure("file")
    status = _status(error)
    if status is not None and status < 400:  # a redirect, a login page, or an answer that ends too early
        return Failure("network" if "json" in _header(error, "content-type") else "blocked")
    if status is not None:
        return _by_status(status, _details(error), _header_wait(error))
    chain = names | _cause_names(error)
    if chain & {"SSLError", "SSLCertVerificationError", "CertificateError"}:
        return Failure("certificate")  # nothing was sent
    if chain & {"ProxyError", "ResponseNotRead"}:  # a proxy, or a page in the place of a stream
        return Failure("blocked")
    if chain & {"ConnectError", "ConnectTimeout", "ConnectionRefusedError", "gaierror"}:
        return Failure("offline", retry=True)  # nothing was sent, so nothing can have been billed
    if chain & {"APITimeoutError", "ReadTimeout", "WriteTimeout", "TimeoutException"}:
        return Failure("timeout")
    if chain & {"APIConnectionError", "TransportError", "NetworkError", "RemoteProtocolError", "ReadError",
                "ConnectionError", "OSError"}:
        return Failure("network")
    if str(getattr(error, "doc", "")).lstrip().startswith("<"):  # a JSONDecodeError over a login page
        return Failure("blocked")
    return Failure("broken")


def mentions(error: BaseException, text: str) -> bool:
    """Whether what the service said of the error contains `text`."""
    return text in _details(error) or text in str(getattr(error, "message", ""))


def _by_status(status: int, details: str, header_wait: float | None) -> Failure:
    lowered = details.lower()
    if status == 429:
        if "quota_exceeded" in lowered or "perday" in lowered:
            return Failure("quota")
        return Failure("rate", _retry_info(details) or header_wait, retry=True)
    if status == 400:
        if "api_key_invalid" in lowered or "api key" in lowered:
            return Failure("key")
        return Failure("billing" if "billing" in lowered else "request")
    if status in _BY_STATUS:
        return Failure(_BY_STATUS[status])
    if status == 409 or status >= 500:
        return Failure("server", header_wait, retry=True)
    return Failure("request")


def _status(error: BaseException) -> int | None:
    for name in ("status_code", "code"):
        value = getattr(error, name, None)
        if isinstance(value, int) and 100 <= value < 600:
            return value
    return None


def _details(error: BaseException) -> str:
    """The body as text, whatever shape it has."""
    for name in ("body", "details"):
        value: Any = getattr(error, name, None)
        if value:
            try:
                return value if isinstance(value, str) else json.dumps(value)
            except (TypeError, ValueError):
                return str(value)
    return str(getattr(error, "message", ""))


def _header(error: BaseException, name: str) -> str:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return str(headers.get(name) or "") if headers else ""


def _header_wait(error: BaseException) -> float | None:
    try:
        value = float(_header(error, "retry-after"))
    except ValueError:
        return None
    return value if 0 <= value < 86_400 else None


def _retry_info(details: str) -> float | None:
    try:
        found = _find(json.loads(details), "retryDelay")
        return float(str(found).removesuffix("s")) if found is not None else None
    except ValueError:
        return None


def _find(data: Any, name: str) -> Any:
    if isinstance(data, dict):
        if name in data:
            return data[name]
        data = list(data.values())
    if isinstance(data, list):
        return next((found for item in data if (found := _find(item, name)) is not None), None)
    return None


def _cause_names(error: BaseException) -> set[str]:
    names: set[str] = set()
    current: BaseException | None = error
    for _ in range(8):
        current = (current.__cause__ or current.__context__) if current else None
        if current is None:
            break
        names |= {cls.__name__ for cls in type(current).__mro__}
    return names
