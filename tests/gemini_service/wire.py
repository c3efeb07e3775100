"""The HTTP side of the stand-in: reading requests, sending answers, noticing that a client has left."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from .records import Dropped, Reply, Request

if TYPE_CHECKING:
    from .server import GeminiService

LOOK = 0.02     # seconds between two looks at whether a waiting client is still there


class Server(ThreadingHTTPServer):
    """Keeps the open connections, so that closing need not wait for any of them."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, service: GeminiService):
        super().__init__(("127.0.0.1", 0), Handler)
        self.service = service
        self.closing = threading.Event()
        self.connections: set[socket.socket] = set()
        self.thread = threading.Thread(target=self.serve_forever, args=(LOOK,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """End every connection and wait (shortly) for their threads, lest a socket be left open."""
        self.closing.set()
        self.shutdown()
        self.server_close()
        self.thread.join()
        deadline = time.monotonic() + 0.4
        while self.connections and time.monotonic() < deadline:
            self.hang_up()
            time.sleep(0.005)

    def hang_up(self) -> None:
        for connection in tuple(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        # without the farewell of the original, which would turn a reset into an orderly end
        self.close_request(request)
        self.connections.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that vanish are part of the game; errors of the stand-in itself are kept elsewhere."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: with Nagle each answer takes 40 ms
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        request = self._head()
        try:
            self._body(request)
            reply = self.server.service.handle(request, self.pause)
            self._send(request, reply)
        except (Dropped, OSError):
            self._reset()

    do_POST = do_DELETE = do_PATCH = do_PUT = do_GET

    def _head(self) -> Request:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, headers, query=dict(parse_qsl(parts.query)))
        self.server.service.receive(request)
        return request

    def _body(self, request: Request) -> None:
        """Read the body, or only what arrives before the place where a fault cuts the upload."""
        if request.headers.get("transfer-encoding", "").lower() == "chunked":
            request.body = b"".join(iter(self._chunk, b""))
            return
        length = int(request.headers.get("content-length") or 0)
        limit, stalls = self.server.service.upload_cut(request, length)
        request.body = self.rfile.read(limit)
        if limit < length:
            self.server.service.keep_part(request)
            if stalls:
                self.pause(None)
        if len(request.body) < length:
            raise Dropped

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0], 16)
        data = self.rfile.read(size)
        self.rfile.readline()
        return data

    def _send(self, request: Request, reply: Reply) -> None:
        request.status = reply.status
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(sum(map(len, reply.pieces))))
        self.end_headers()
        self._send_pieces(reply)
        self._end(reply)

    def _end(self, reply: Reply) -> None:
        if reply.ending == "reset":
            raise Dropped
        if reply.ending == "stall":
            self.pause(None)
        if reply.ending == "close":
            self.close_connection = True
        elif reply.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _send_pieces(self, reply: Reply) -> None:
        left = reply.keep if reply.keep is not None else 1 << 62
        for piece in reply.pieces:
            piece, left = piece[:left], left - min(left, len(piece))
            if piece:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if reply.chunked else piece)
            if reply.pause:
                self.pause(reply.pause)

    def _reset(self) -> None:
        """End the connection the hard way."""
        with contextlib.suppress(OSError):
            linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        self.rfile.close()

    def pause(self, seconds: float | None, until: threading.Event | None = None) -> None:
        """Wait so long (None: for ever) or until the event; Dropped when the client or the service leaves."""
        end = time.monotonic() + (1e9 if seconds is None else seconds)
        until = until or threading.Event()
        while (left := end - time.monotonic()) > 0:
            if until.wait(min(left, LOOK)):
                return
            if self.server.closing.is_set() or self._client_left():
                raise Dropped

    def _client_left(self) -> bool:
        try:
            with selectors.DefaultSelector() as selector:  # select.select() refuses the 1,024th open file
                selector.register(self.connection, selectors.EVENT_READ)
                return bool(selector.select(0)) and not self.connection.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError):  # reset, or closed already
            return True
