"""What an HTTP proxy says to both its sides, and to another proxy that stands between it and the world."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment
from urllib.request import proxy_bypass_environment as bypasses  # type: ignore[attr-defined]

PATIENCE = 30.0  # seconds for a name, a connection, a request's head
_END = b"\r\n\r\n"
_DROPPED = ("proxy-", "connection:", "keep-alive:")

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[str, int, str], Awaitable[Streams]]  # host, port, and the scheme http or https


class Forbidden(Exception):  # noqa: N818 — an answer
    """A connection that is not made; the text goes to who asked for it."""


async def reply(writer: asyncio.StreamWriter, status: str, text: str) -> None:
    """Answer a request that leads nowhere."""
    body = f"{text}\n".encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with suppress(OSError):
        writer.write(head.encode() + body)
        await writer.drain()


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until their end."""
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass a site's answer on, with word that no other request may follow: sites forget to say so."""
    head = await reader.readuntil(_END)
    while head.split(maxsplit=2)[1:2] == [b"100"]:
        writer.write(head)
        head = await reader.readuntil(_END)
    writer.write("\r\n".join([*_kept(head.decode("latin-1")), "Connection: close", "", ""]).encode("latin-1"))
    await pass_on(reader, writer)


def _kept(head: str) -> list[str]:
    return [line for line in head.split("\r\n") if line and not line.lower().startswith(_DROPPED)]


def request(method: str, url: SplitResult, version: str, rest: str) -> bytes:
    """Spell a request for the site itself, or for the machine's proxy; one connection carries one request."""
    proxy = upstream("http", url.hostname or "")
    place = url.geturl() if proxy else f"{url.path or '/'}{f'?{url.query}' if url.query else ''}"
    more = ["Connection: close", *(_credentials(proxy) if proxy else ())]
    return "\r\n".join([f"{method} {place} {version}", *_kept(rest), *more, "", ""]).encode("latin-1")


def upstream(scheme: str, host: str) -> SplitResult | None:
    """Give the proxy that the machine's environment names for a host, None where there is none."""
    proxies = getproxies_environment()
    if scheme not in proxies or bypasses(host, proxies):
        return None
    return urlsplit(proxies[scheme] if "://" in proxies[scheme] else f"http://{proxies[scheme]}")


async def through(proxy: SplitResult, target: str) -> Streams:
    """Connect to the machine's proxy and, with a `target`, have it connect on to that."""
    port = proxy.port or (443 if proxy.scheme == "https" else 80)
    opening = asyncio.open_connection(proxy.hostname, port, ssl=proxy.scheme == "https" or None)
    reader, writer = await asyncio.wait_for(opening, PATIENCE)
    if target:
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", *_credentials(proxy), "", ""]
        writer.write("\r\n".join(lines).encode())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        if answer.split()[1:2] != [b"200"]:
            writer.close()
            raise OSError(f"the machine's proxy says {answer.decode(errors='replace').splitlines()[0]}")
    return reader, writer


def _credentials(proxy: SplitResult) -> list[str]:
    if proxy.username is None:
        return []
    plain = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return [f"Proxy-Authorization: Basic {base64.b64encode(plain.encode()).decode()}"]
