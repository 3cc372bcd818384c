"""The one way out of a sandbox that has no network: an HTTP proxy that looks where each connection leads (F37).

A guest hands its listening socket out of the sandbox (guest/through.py); connections to it are answered here, in a
thread of the worker, with names resolved and addresses checked right before they are connected to.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

from stacks.engine import proxying
from stacks.engine.addresses import Address, literal
from stacks.engine.proxying import PATIENCE, Streams
from stacks.engine.sources import Sources

PORT = 3128  # on the loopback of each sandbox
_MOST = 128  # connections at once; a guest must not use up the worker's descriptors
_HEAD = 32 * 1024  # bytes of a request without its body
_TOLD = 20  # refusals that the log names
_TROUBLE = (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError)


class Resolve(Protocol):
    """Finds the addresses of a host's name; raises OSError where it `must` and cannot."""

    async def __call__(self, host: str, port: int, *, must: bool) -> list[Address]: ...


class Gate:
    """Answers the guests of one build, one after the other; `tell` hears what was refused."""

    def __init__(self, sources: Sources, tell: Callable[[str], None], resolve: Resolve | None = None) -> None:
        self._sources = sources
        self._tell = tell
        self._resolve = resolve or _resolve
        self._told: set[str] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gate", daemon=True)
        self._door: _Door | None = None

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Cut all connections."""
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def admit(self) -> int:
        """Give the descriptor that the next guest inherits; the one before it is not answered any more."""
        return asyncio.run_coroutine_threadsafe(self._admit(), self._loop).result()

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which programs in a sandbox find the gate; their own loopback is reached without."""
        names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        yarn = ("YARN_HTTP_PROXY", "YARN_HTTPS_PROXY")  # which reads no others
        near = "" if self._sources.allows_loopback else "localhost,127.0.0.1,::1"
        return dict.fromkeys((*names, *yarn), f"http://127.0.0.1:{PORT}") | {"NO_PROXY": near, "no_proxy": near}

    async def _admit(self) -> int:
        await self._shut()
        self._door = _Door(self._connect)
        return self._door.outside.fileno()

    async def _shut(self) -> None:
        if self._door is not None:
            await self._door.shut()
        self._door = None

    async def _connect(self, host: str, port: int, scheme: str) -> Streams:
        """Connect to where a guest wants to, through the machine's own proxy where there is one for that."""
        upstream = proxying.upstream(scheme, host)
        addresses = await self._resolve(host, port, must=upstream is None)
        if problem := self._sources.reach_problem(host, port, addresses):
            self._note(f"{host}:{port} {problem}")
            raise proxying.Forbidden(f"{host}:{port} {problem}")
        if upstream is not None:
            return await proxying.through(upstream, f"{host}:{port}" if scheme == "https" else "")
        # To the address that was looked at: the name might lead elsewhere the next time it is asked for.
        for address in addresses:
            with suppress(OSError, TimeoutError):
                return await asyncio.wait_for(asyncio.open_connection(str(address), port), PATIENCE)
        raise OSError(f"{host}:{port} does not answer")

    def _note(self, text: str) -> None:
        if text not in self._told and len(self._told) < _TOLD:
            self._told.add(text)
            self._tell(f"The build asked for a connection that was refused: {text}")


class _Door:
    """The connections of one guest: from the socket that it hands out until the door is shut."""

    def __init__(self, connect: proxying.Connect) -> None:
        self._connect = connect
        self._inside, self.outside = socket.socketpair()
        self._inside.setblocking(False)
        self._room = asyncio.Semaphore(_MOST)
        self._tasks = {asyncio.create_task(self._serve())}

    async def shut(self) -> None:
        """Cut its connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._inside.close()
        self.outside.close()

    async def _serve(self) -> None:
        listener = await self._listener()
        if listener is None:
            return
        with listener:
            while True:
                await self._room.acquire()
                connection, _ = await asyncio.get_running_loop().sock_accept(listener)
                task = asyncio.create_task(self._answer(connection))
                self._tasks.add(task)
                task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._room.release()

    async def _listener(self) -> socket.socket | None:
        """Take the guest's listening socket; whatever else it hands out is closed unused."""
        ready, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_reader(self._inside, ready.set)
        try:
            await ready.wait()
            _, descriptors, _, _ = socket.recv_fds(self._inside, 1, 1)
        except OSError:
            return None
        finally:
            loop.remove_reader(self._inside)
        return next(filter(None, map(_listening, descriptors)), None)

    async def _answer(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection, limit=_HEAD)
        try:
            await self._forward(reader, writer)
        except proxying.Forbidden as refusal:
            await proxying.reply(writer, "403 Forbidden", str(refusal))
        except _TROUBLE as error:
            await proxying.reply(writer, "502 Bad Gateway", str(error) or type(error).__name__)
        finally:
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        line, _, rest = head.decode("latin-1").partition("\r\n")
        method, target, version = line.split(" ")
        plain = method != "CONNECT"
        url = urlsplit(target if plain else f"https://{target}")
        host, port = url.hostname or "", url.port or (80 if plain else 443)
        from_site, to_site = await self._connect(host, port, "http" if plain else "https")
        try:
            if plain:
                to_site.write(proxying.request(method, url, version, rest))
            else:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = proxying.answer if plain else proxying.pass_on
            await asyncio.gather(proxying.pass_on(reader, to_site), back(from_site, writer))
        finally:
            to_site.close()


def _listening(descriptor: int) -> socket.socket | None:
    found = socket.socket(fileno=descriptor)
    if found.family == socket.AF_INET and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        found.setblocking(False)
        return found
    found.close()
    return None


async def _resolve(host: str, port: int, *, must: bool) -> list[Address]:
    if not host:
        raise ValueError("the request names no host")
    if address := literal(host):
        return [address]
    asking = asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    try:
        found = await asyncio.wait_for(asking, PATIENCE if must else 2.0)
    except (OSError, TimeoutError, UnicodeError):
        if must:
            raise OSError(f"the name {host} is not known") from None
        return []  # the machine's own proxy may know it
    return [address for *_, place in found if (address := literal(str(place[0]))) is not None]
