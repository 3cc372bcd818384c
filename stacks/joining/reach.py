"""Whether other machines could reach this control plane's database and broker at all."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
DATABASE, BROKER = "DLSTACK_MACHINES_DATABASE_URL", "DLSTACK_MACHINES_REDIS_URL"


def not_shared(database_url: str) -> str:
    """Say why the database that is named here is this host's alone, "" where it is a server."""
    if database_url and not urlsplit(database_url).scheme.startswith("sqlite"):
        return ""
    return (
        "The database is SQLite, a file on this host that no other machine can open: let DATABASE_URL name a "
        "PostgreSQL server."
    )


def hindrance(database_url: str, redis_url: str) -> str:
    """Say why no other machine can reach these addresses, "" where one can; they themselves are not told."""
    if why := not_shared(database_url):
        return why
    if _is_socket(database_url):
        return (
            f"The database is named by a unix socket, which exists on its own host alone: let {DATABASE} name the "
            "address at which machines reach it."
        )
    if not redis_url or _is_socket(redis_url):
        return (
            f"The broker is named by a unix socket, which exists on its own host alone: let REDIS_URL or {BROKER} name "
            "the address at which machines reach it."
        )
    return ""


def remarks(database_url: str, redis_url: str) -> list[str]:
    """Say what only a machine on this very host can reach."""
    named = (("database", DATABASE, database_url), ("broker", BROKER, redis_url))
    return [
        f"The {what} is named by an address of this very host, {_host(url)}: only a machine here reaches it. "
        f"{variable} names another one."
        for what, variable, url in named
        if _host(url) in LOCAL
    ]


def place(url: str) -> tuple[str, int]:
    """Give the host and port that an address names; port 0 where it names none that can be."""
    found = urlsplit(url)
    try:
        port = found.port or 0
    except ValueError:
        port = 0
    return unquote(found.hostname or ""), port


def _host(url: str) -> str:
    chosen = parse_qs(urlsplit(url).query).get("host", [""])[0]
    return chosen or place(url)[0]


def _is_socket(url: str) -> bool:
    scheme = urlsplit(url).scheme
    return scheme in ("unix", "redis+socket") or _host(url).startswith("/") or not _host(url)
