"""A commit whose fate is unknown (F24): the connection dies before or after it, and nobody hears which.

The worker asks again by the operation's id and its own attempt; whichever it was, the operation runs once and its end
is on record once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

import pytest

from stacks import logs
from stacks.models import LogChunk
from tests.faults.delivery.conftest import Hosts
from tests.faults.delivery.databases import PostgresDatabase
from tests.faults.delivery.fleet import Host, ended
from tests.faults.delivery.proxy import Proxy, Trap
from tests.waiting import until

CLAIM = Trap(b"\"state\" = 'running'")
END = Trap(b"COMMIT", after=b"\"state\" = 'succeeded'")
LOG = Trap(b'INSERT INTO "stacks_logchunk"')
SOCKET = ".s.PGSQL.5432"


@pytest.fixture(scope="module")
def proxy(on_postgres: PostgresDatabase) -> Iterator[Proxy]:
    server = on_postgres.server.place
    made = Proxy(server / "proxy" / SOCKET, server / SOCKET)
    yield made
    made.close()


@pytest.fixture(scope="module")
def host(hosts_on_postgres: Hosts, proxy: Proxy, on_postgres: PostgresDatabase) -> Host:
    made = hosts_on_postgres("m1")
    host = quote(str(proxy.place.parent), safe="")
    made.work("build", DATABASE_URL=f"postgres://dlstack@{host}/{on_postgres.name}")
    first = made.ask()
    until(lambda: ended(first), within=120)
    return made


@pytest.mark.parametrize("arrives", [True, False], ids=["made", "not made"])
@pytest.mark.parametrize("at", [CLAIM, END, pytest.param(LOG, marks=pytest.mark.faults)], ids=["claim", "end", "log"])
def test_of_unknown_fate(host: Host, proxy: Proxy, at: Trap, arrives: bool) -> None:
    struck = proxy.strikes
    proxy.trap = replace(at, arrives=arrives)
    operation = host.ask("print:5")
    until(lambda: ended(operation), within=60)
    operation.refresh_from_db()
    assert proxy.strikes == struck + 1
    assert (operation.state, operation.message, host.ran()[operation.pk]) == (
        "succeeded",
        "“a” is built and sealed.",
        1,
    )
    until(lambda: not (host.home / "logs" / str(operation.pk)).exists(), within=30)
    lines = [line.text for line in logs.read_lines(operation, 1, 999)]
    assert lines == ["Begin", "print:5", *(f"line {n}" for n in range(5)), "End"]
    assert LogChunk.objects.filter(operation=operation).count() == 1
