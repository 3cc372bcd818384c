"""Where recipes, and what runs in their builds, may take things from (F37)."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from stacks.engine.addresses import Address, literal, what_is
from stacks.engine.environments import Environment
from stacks.engine.errors import Refused

SETTING = "DLSTACK_ALLOWED_SOURCES"
FIELDS = ("index", "find_links", "channels", "source", "packages", "pip")
_PORTS = {"https": 443, "http": 80, "ssh": 22}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/(?:/\[[^\]\s]*\])?[^\s;,\"'\]]*")
_NAME = re.compile(r"\.?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
# Sockets, other processes and settings of the machine are no packages.
_SYSTEM = tuple(map(Path, ("/proc", "/sys", "/dev", "/run", "/etc", "/root", "/boot")))


@dataclass(frozen=True)
class Sources:
    """What is allowed beyond public places that speak https: directories, networks, and hosts by their names.

    A host is `name`, `name:port` or `.suffix`; `ports` are further `name:port` that a connection may be made to where
    the address allows it. What is private in DLStack's own directory, `home`, is never allowed, and of the root of the
    stacks, `root`, only what is not its own.
    """

    directories: tuple[Path, ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    hosts: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    home: Path | None = None
    root: Path | None = None

    def problem(self, place: str) -> str:
        """Say why a URL or an absolute path may not be used and what to do, "" for one that may."""
        if place.startswith("/"):
            return self.directory_problem(Path(place))
        scheme, _, plain = place.partition(":")[0].lower().rpartition("+")
        try:
            parts = urlsplit(place)
            host, port = host_of(parts.hostname or ""), parts.port
        except ValueError:
            return "is no URL that can be read."
        if plain == "file":
            path = Path(unquote(url2pathname(parts.path)))
            return "must be file:/// and an absolute path." if host else self.directory_problem(path)
        if plain not in _PORTS or (plain == "ssh" and scheme not in ("", "git")):
            return "is no https URL: use one."
        if "@" in parts.netloc and (plain != "ssh" or parts.password is not None):
            return "holds a user or a password, which everybody would read: put it into a secret of the machine."
        return self._host_problem(plain, host, port or _PORTS[plain])

    def _host_problem(self, scheme: str, host: str, port: int) -> str:
        if not host:
            return "names no host."
        if self._is_named(host, port):
            return ""
        address = literal(host)
        if scheme == "http" and (address is None or not self._is_in_networks(address)):
            return f"is not encrypted: use https, or let {SETTING} name {host}."
        if host == "localhost" or host.endswith((".localhost", ".internal")):
            return f"leads to this machine or its neighbours: to allow that, let {SETTING} name {host}."
        return self.address_problem(address) if address else ""

    def directory_problem(self, path: Path) -> str:
        """Say why recipes may not read a directory and what to do, "" for one that they may."""
        path = Path("/", *path.parts[1:])  # “//x” would be told from “/x”
        if ".." in path.parts:
            return "must be an absolute path without “..”."
        for place in {path, Path(os.path.realpath(path))}:
            if self.is_closed(place):
                return "is closed to builds: it holds what is DLStack's or the machine's own."
            if not any(place.is_relative_to(directory) for directory in self.directories):
                return f"is a directory of the machine: to allow that, let {SETTING} name it or one above it."
        return ""

    def is_closed(self, place: Path) -> bool:
        """Tell whether a directory holds what no guest may read, whatever is allowed."""
        own = [path for path in (self.home, self.root) if path]
        if place == Path("/") or any(path.is_relative_to(place) for path in own):
            return True
        if self.root and place.is_relative_to(self.root):
            return place.relative_to(self.root).parts[0].startswith(("sw", ".dlstack"))
        if self.home and place.is_relative_to(self.home):
            return not _is_open(place, self.home)
        return any(place.is_relative_to(path) for path in _SYSTEM)

    def reach_problem(self, host: str, port: int, addresses: Sequence[Address]) -> str:
        """Say why a connection may not be made, "" when it may; `addresses` are those that the name leads to."""
        host = host_of(host)
        if self._is_named(host, port):
            return ""
        if port not in (80, 443) and f"{host}:{port}" not in self.ports:
            return f"is port {port}: to allow that, let {SETTING} name {host}:{port}."
        return next((problem for address in addresses if (problem := self.address_problem(address))), "")

    def address_problem(self, address: Address) -> str:
        """Say why an address may not be reached and what to do, "" for one that may."""
        what = what_is(address)
        if not what or self._is_in_networks(address):
            return ""
        return f"leads to {address}, which is {what}: to allow that, let {SETTING} name it."

    @property
    def allows_loopback(self) -> bool:
        """Tell whether builds may reach what listens on this machine's own loopback."""
        named = {host.partition(":")[0] for host in self.hosts} & {"localhost", "127.0.0.1"}
        return bool(named) or self._is_in_networks(IPv4Address("127.0.0.1"))

    def _is_in_networks(self, address: Address) -> bool:
        return any(address in network for network in self.networks)

    def _is_named(self, host: str, port: int) -> bool:
        return any(
            known in (host, f"{host}:{port}") or (known.startswith(".") and host.endswith(known))
            for known in self.hosts
        )

    def with_ports_of(self, places: Iterable[str]) -> Sources:
        """Allow the ports, too, that URLs name."""
        urls = [urlsplit(place) for place in places if not place.startswith("/")]
        ports = [f"{host_of(url.hostname)}:{url.port or _port(url.scheme)}" for url in urls if url.hostname]
        return replace(self, ports=(*self.ports, *ports))


def _is_open(place: Path, above: Path) -> bool:
    """Tell whether everybody may read a directory, and all those between it and the one above."""
    between = [path for path in (place, *place.parents) if path.is_relative_to(above) and path != above]
    try:
        return all(os.stat(path).st_mode & 0o005 == 0o005 for path in between)
    except OSError:
        return True  # it is not there: whoever looks for it says so


def _port(scheme: str) -> int:
    return _PORTS.get(scheme.rpartition("+")[2], 443)


def read(text: str) -> Sources:
    """Read what is allowed from a list with commas; raises Refused for a word that is none of the three.

    A single address is a network of one, and a host whose every port may be reached.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    directories = tuple(Path(word) for word in words if word.startswith("/"))
    named = [word for word in words if not word.startswith("/")]
    networks = tuple(network for word in named if (network := _network(word)) is not None)
    hosts = tuple(word.lower() for word in named if "/" not in word or _network(word) is None)
    for host in hosts:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if not _NAME.fullmatch(name) and _network(host) is None:
            raise Refused(f"“{host}” is neither a directory, a network nor a host's name.")
    return Sources(directories, networks, hosts)


def _network(word: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(word, strict=False)
    except ValueError:
        return None


def host_of(name: str) -> str:
    """Spell a host's name as programs understand it: decoded, in small letters, without the dot at its end."""
    return unicodedata.normalize("NFKC", unquote(name)).lower().rstrip(".")


def places(text: str) -> Iterator[str]:
    """Find the URLs and absolute paths that a recipe's string names, as an index, a channel or a package."""
    found = _URL.findall(text)
    yield from found
    if not found and text.startswith("/"):
        yield text


def named(environment: Environment) -> Iterator[tuple[str, str]]:
    """Give each URL or absolute path that an environment names, with its field."""
    for field in FIELDS:
        value = getattr(environment, field)
        for text in (value,) if isinstance(value, str) else value:
            yield from ((field, place) for place in places(text))
