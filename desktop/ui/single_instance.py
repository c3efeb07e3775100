"""One Pullquote per library: a lock file, and a local socket by which a second start hands over its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QLockFile, QObject, Signal

if TYPE_CHECKING:
    from PySide6.QtNetwork import QLocalServer, QLocalSocket

_PATIENCE = 3000  # milliseconds
_ANSWER = 20_000  # milliseconds: until one that is just starting has opened its library
_LONGEST = 1 << 20


class SingleInstance(QObject):
    """`is_first` says whether this process owns the library; then it listens for others when it is told to."""

    files_arrived = Signal(list)  # a second start: raise the window and import these

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        self._lock = QLockFile(str(folder / "pullquote.lock"))
        self._lock.setStaleLockTime(0)  # stale is only whose process is gone
        self.is_first = self._lock.tryLock(100)
        self._server: QLocalServer | None = None
        self._sockets: list[QLocalSocket] = []

    @property
    def _name(self) -> str:
        from hashlib import sha256

        return "pullquote-" + sha256(str(self._folder.resolve()).encode()).hexdigest()[:24]

    def hand_over(self, files: list[str]) -> bool:
        """Give the files to the first instance and let it raise its window; False when it does not take them."""
        from PySide6.QtNetwork import QLocalSocket

        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(_PATIENCE):
            return False
        socket.write(json.dumps(files).encode() + b"\n")
        taken = socket.waitForReadyRead(_ANSWER)  # what was only sent may reach one that is ending
        socket.disconnectFromServer()
        return taken

    def stop_listening(self) -> None:
        """The window is closed: take no more files; who starts now waits until this process has ended."""
        if self._server is not None:
            self._server.close()
            for socket in list(self._sockets):
                self._forget(socket)

    def close(self) -> None:
        """Let the next start be the first."""
        self.stop_listening()
        self._lock.unlock()

    def listen(self) -> None:
        """From now on take the files of those that start later."""
        from PySide6.QtNetwork import QLocalServer

        QLocalServer.removeServer(self._name)  # a leftover of a killed process; the lock says that it is gone
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._connected)
        self._server.listen(self._name)

    def _connected(self) -> None:
        assert self._server is not None
        while (socket := self._server.nextPendingConnection()) is not None:
            self._sockets.append(socket)
            socket.readyRead.connect(self._read_all)
            socket.disconnected.connect(self._read_all)
        self._read_all()

    def _read_all(self) -> None:
        from PySide6.QtNetwork import QLocalSocket

        for socket in list(self._sockets):
            if socket.canReadLine():
                line = bytes(socket.readLine(_LONGEST).data())
                socket.write(b"taken\n")
                socket.flush()
                self._forget(socket)
                self._take(line)
            elif socket.bytesAvailable() > _LONGEST or socket.state() is QLocalSocket.LocalSocketState.UnconnectedState:
                self._forget(socket)

    def _forget(self, socket: QLocalSocket) -> None:
        self._sockets.remove(socket)
        socket.readyRead.disconnect(self._read_all)
        socket.disconnected.disconnect(self._read_all)
        socket.abort()
        socket.deleteLater()

    def _take(self, line: bytes) -> None:
        try:
            names = json.loads(line)
        except ValueError:
            return
        if isinstance(names, list):
            self.files_arrived.emit([name for name in names if isinstance(name, str)])
