"""Files on the service: one upload under a name of our own, waited for, and removed (gemini.md section 2)."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass
from typing import Any, BinaryIO

from desktop.engines.gemini_errors import classify, mentions

_PIECE = 1 << 20  # bytes; a multiple of the service's 256 KiB
_PATIENCE = 300  # seconds until an uploaded file must be usable


@dataclass(frozen=True)
class Remote:
    """A file on the service; `entry` is its line in the ledger."""

    entry: int
    name: str
    uri: str
    mime_type: str

    def as_part(self) -> dict[str, str]:
        """The file as it goes into a request."""
        return {"type": "audio", "uri": self.uri, "mime_type": self.mime_type}


class FileFailed(Exception):
    """The service could not use the file."""


class Reader(io.IOBase):
    """Hands a file out in pieces and counts; the SDK sends what one read gives as one chunk."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.total = file.seek(0, io.SEEK_END)
        file.seek(0)

    @property
    def fraction(self) -> float:
        """How much was read, 0 to 1."""
        return self._file.tell() / max(1, self.total)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(_PIECE if size < 0 else min(size, _PIECE))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


async def put(client: Any, name: str, reader: Reader, mime_type: str) -> str:
    """Upload and wait until it can be used; gives its address. Neither path nor name of the recording goes along."""
    file = await client.aio.files.upload(file=reader, config={
        "name": name, "mime_type": mime_type, "display_name": "audio"})
    return await wait_for_file(client, name, file)


async def wait_for_file(client: Any, name: str, file: Any = None) -> str:
    """The address of a file that can be used. Raises FileFailed, TimeoutError or what the SDK raises."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            if file is None:
                file = await client.aio.files.get(name=name)
            state = getattr(file.state, "name", "")
            if state == "FAILED":
                raise FileFailed
            if state != "PROCESSING" and file.uri:
                return str(file.uri)
            file = None
            await asyncio.sleep(1.0)


async def remove(client: Any, name: str) -> str:
    """Remove a file: "removed", "absent" (gone, expired or not ours: the service tells them not apart), "unknown"."""
    try:
        answer = await client.aio.files.delete(name=name)
    except Exception as error:
        is_about_it = classify(error).kind in ("forbidden", "model") and mentions(error, name.removeprefix("files/"))
        return "absent" if is_about_it else "unknown"  # a 403 for all and everything says nothing about this file
    said = getattr(answer.sdk_http_response, "headers", None) or {}
    headers = {str(name).casefold(): str(value) for name, value in said.items()}
    is_answer = "json" in headers.get("content-type", "") and headers.get("content-length") != "0"
    return "removed" if is_answer else "unknown"  # an empty page came from something in between
