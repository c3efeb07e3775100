"""Networks that misbehave: a relay in front of the stand-in that can break, stall or lie, and its certificates."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

_BIT = 4096  # bytes that are passed on at a time when they trickle


class Wire:
    """A relay on a port of its own, on its own thread. `condition` is what it does now:

    "fine"      passes everything on
    "refuse"    nobody listens on the port
    "full"      somebody listens and takes no call (a full backlog: connecting hangs)
    "reset"     every connection is reset at once
    "stall"     connections stay open and nothing passes any more, in either direction
    "trickle"   everything passes, a few bytes at a time
    "407"       as a proxy: it wants a password
    """

    def __init__(self, target: int, certificate: ssl.SSLContext | None = None, *, is_proxy: bool = False) -> None:
        self.condition = "fine"
        self._target, self._certificate, self._is_proxy = target, certificate, is_proxy
        self._server: Any = None
        self._fillers: list[socket.socket] = []
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._thread.start()
        self.port = 0
        self._do(self._listen())

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def set(self, condition: str, *, cut: bool = True) -> None:
        """Change at once; `cut` resets the connections that are open."""
        self._do(self._change(condition, cut))

    def close(self) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _end(self) -> None:
        await self._change("refuse", True)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._certificate)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _change(self, condition: str, cut: bool) -> None:
        self.condition = condition
        if cut:
            for writer in self._open:
                _reset(writer)
            self._open = set()
        for filler in self._fillers:
            filler.close()
        self._fillers = []
        listens = condition not in ("refuse", "full")
        if self._server is not None and not listens:
            self._server.close()
            self._server = None
        if condition == "full":
            self._fill()
        elif self._server is None and listens:
            await self._listen()

    def _fill(self) -> None:
        """Listen and never accept, and let others take the places in the queue."""
        sink = socket.socket()
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sink.bind(("127.0.0.1", self.port))
        sink.listen(0)
        self._fillers = [sink]
        for _ in range(4):
            caller = socket.socket()
            caller.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                caller.connect(("127.0.0.1", self.port))
            self._fillers.append(caller)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer)
        other: asyncio.StreamWriter | None = None
        try:
            if self.condition == "reset":
                return
            target = await self._asked(reader, writer) if self._is_proxy else self._target
            if target:
                answers, other = await asyncio.open_connection("127.0.0.1", target)
                await _first(self._pass(reader, other, writer), self._pass(answers, writer, writer))
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            self._open.discard(writer)
            _reset(writer)
            if other is not None:
                other.close()

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        """The port that a client of the proxy wants to be connected to; 0 when it may not."""
        head = await reader.readuntil(b"\r\n\r\n")
        if self.condition == "407":
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"news\"\r\n"
                         b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            return 0
        assert head.startswith(b"CONNECT ")
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return int(head.split()[1].rpartition(b":")[2])

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
                    client: asyncio.StreamWriter) -> None:
        """Pass on what comes, until it ends or the connection to the client is cut: then nothing comes late."""
        while True:
            while self.condition == "stall":
                await asyncio.sleep(0.02)
            data = await reader.read(_BIT if self.condition == "trickle" else 1 << 16)
            while self.condition == "stall":
                await asyncio.sleep(0.02)
            if not data or client not in self._open:
                return
            if self.condition == "trickle":
                await asyncio.sleep(0.02)
            writer.write(data)
            await writer.drain()


async def _first(*works: Coroutine[Any, Any, None]) -> None:
    """When one direction has ended, so has the connection."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Certificates:
    """A certificate authority that the test trusts (`authority`), one good certificate, and bad ones."""

    def __init__(self, folder: Path) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        now, day = datetime.now(UTC), timedelta(days=1)
        self.folder = folder
        root_key = ec.generate_private_key(ec.SECP256R1())
        root_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test authority")])

        def make(name: str, begins: datetime, ends: datetime, *, host: str = "127.0.0.1", root: bool = False,
                 alone: bool = False) -> None:
            key = root_key if root else ec.generate_private_key(ec.SECP256R1())
            subject = root_name if root else x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
            place: Any = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
            signer = key if alone else root_key
            built = (x509.CertificateBuilder().subject_name(subject)
                     .issuer_name(subject if alone else root_name).public_key(key.public_key())
                     .serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)
                     .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
                     .add_extension(x509.SubjectAlternativeName([place]), critical=False)
                     .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)
                     .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
                     .sign(signer, hashes.SHA256()))
            (folder / f"{name}.pem").write_bytes(
                key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                  serialization.NoEncryption())
                + built.public_bytes(serialization.Encoding.PEM))

        make("authority", now - 900 * day, now + 900 * day, root=True)
        make("good", now - day, now + day)
        make("self-signed", now - day, now + day, alone=True)
        make("wrong host", now - day, now + day, host="portal.example")
        make("not yet valid", now + day, now + 9 * day)  # as it looks when the clock is back
        make("expired", now - 9 * day, now - day)  # as it looks when the clock is ahead

    @property
    def authority(self) -> str:
        return str(self.folder / "authority.pem")

    def context(self) -> ssl.SSLContext:
        """For a server with the good certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.show(context, "good")
        return context

    def show(self, context: ssl.SSLContext, name: str) -> None:
        """From now on a server shows this certificate to who connects."""
        context.load_cert_chain(self.folder / f"{name}.pem")
