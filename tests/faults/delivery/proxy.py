"""Stands between a worker and PostgreSQL on a unix socket, and cuts a connection at a chosen statement."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from urllib.parse import quote

PORT_FILE = ".s.PGSQL.5432"


class Proxy:
    """Forwards everything, until a message of a client holds `needle` (after one that held `after`): then it strikes.

    Where it `arrives` the statement is let through and the answer is lost; otherwise the server never hears of it.
    """

    def __init__(self, place: Path, server: Path) -> None:
        self.place, self._server = place, server / PORT_FILE
        place.mkdir(exist_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(place / PORT_FILE))
        self._listener.listen(50)
        self._armed: tuple[bytes, bytes, bool] | None = None
        self.strikes = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, name: str) -> str:
        return f"postgres://dlstack@{quote(str(self.place), safe='')}/{name}"

    def arm(self, needle: bytes, *, after: bytes = b"", arrives: bool) -> None:
        """Strike once, at the next such statement."""
        self._armed = (needle, after, arrives)

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self._server))
            except OSError:
                client.close()
                continue
            threading.Thread(target=self._upwards, args=(client, server), daemon=True).start()
            threading.Thread(target=_pump, args=(server, client), daemon=True).start()

    def _upwards(self, client: socket.socket, server: socket.socket) -> None:
        is_near = False
        try:
            while data := client.recv(1 << 20):
                needle, after, arrives = self._armed or (b"\0never\0", b"", False)
                is_near = is_near or after in data
                if is_near and needle in data:
                    self._strike(client, server, data if arrives else b"")
                    return
                server.sendall(data)
        except OSError:
            pass
        finally:
            _shut(client, server)

    def _strike(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        self._armed = None
        self.strikes += 1
        _shut(client)  # whatever the server answers reaches nobody
        if data:
            server.sendall(data)
            server.shutdown(socket.SHUT_WR)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(1 << 20):
            sink.sendall(data)
    except OSError:
        # The client is gone: the server is heard out all the same, so that it does what it was told.
        _drain(source)
    finally:
        _shut(source, sink)


def _drain(source: socket.socket) -> None:
    try:
        while source.recv(1 << 20):
            pass
    except OSError:
        pass


def _shut(*connections: socket.socket) -> None:
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
