"""A package index behind a password: a directory served over HTTP to those who know it."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"


class Server(ThreadingHTTPServer):
    """Serves a directory; `asked` has each request's path with the login that came with it, "" for none."""

    def __init__(self, place: Path, login: str) -> None:
        super().__init__((LOOPBACK, 0), partial(_Handler, directory=str(place)))
        self.login = login
        self.asked: list[tuple[str, str]] = []
        self.redirects: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_port}"


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_HEAD(self) -> None:
        if self._may():
            super().do_HEAD()

    def do_GET(self) -> None:
        if self._may():
            super().do_GET()

    def _may(self) -> bool:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        login = base64.b64decode(given).decode()
        self.server.asked.append((self.path, login))
        if self.path in self.server.redirects:
            self._empty(302, "Location", self.server.redirects[self.path])
        elif self.server.login and login != self.server.login:
            self._empty(401, "WWW-Authenticate", 'Basic realm="index"')
        else:
            return True
        return False

    def _empty(self, status: int, name: str, value: str) -> None:
        self.send_response(status)
        self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(place: Path, login: str = "") -> Iterator[Server]:
    """Serve a directory to whoever gives the login, `user:password`, or to everybody."""
    server = Server(place, login)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
