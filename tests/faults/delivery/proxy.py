"""Stands between a worker and a server on unix sockets: cuts a connection at a chosen message, or falls silent."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Trap:
    """Strikes at the next message of a client that holds `needle`, once its connection has sent `after`.

    Where it `arrives` the message is let through and the answer is lost; otherwise the server never hears of it.
    """

    needle: bytes
    after: bytes = b""
    arrives: bool = True


class Proxy:
    """Forwards everything from a socket of its own to that of a server, until it is told otherwise."""

    def __init__(self, place: Path, server: Path) -> None:
        self.place, self._server = place, server
        place.parent.mkdir(exist_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(place))
        self._listener.listen(50)
        self._connections = self._silent = 0
        self.trap: Trap | None = None
        self.strikes = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def fall_silent(self) -> None:
        """Leave every connection open and forward nothing more on it, as when a host or a cable is gone."""
        self._silent = self._connections

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self._server))
        except OSError:
            client.close()
            return
        self._connections += 1
        for work, ends in ((self._upwards, (client, server)), (self._downwards, (server, client))):
            threading.Thread(target=work, args=(*ends, self._connections), daemon=True).start()

    def _upwards(self, client: socket.socket, server: socket.socket, number: int) -> None:
        seen = b""
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 20):
                trap, seen = self.trap, (seen + data)[-(1 << 16) :]
                if trap is not None and trap.after in seen and trap.needle in data:
                    self._strike(client, server, data if trap.arrives else b"")
                    return
                if number > self._silent:
                    server.sendall(data)
        _shut(client, server)

    def _downwards(self, server: socket.socket, client: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            # A server is heard out although its client is gone, so that it does what it was told.
            while data := server.recv(1 << 20):
                with contextlib.suppress(OSError):
                    if number > self._silent:
                        client.sendall(data)
        _shut(server, client)

    def _strike(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        self.trap = None
        self.strikes += 1
        _shut(client)  # whatever the server answers reaches nobody
        if data:
            server.sendall(data)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_WR)


def _shut(*connections: socket.socket) -> None:
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
