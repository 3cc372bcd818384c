"""A worker whose broker connection looks alive but is dead hears nothing (F22): it ends, and is started again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings

from tests.broker import Broker
from tests.faults.delivery.conftest import Hosts
from tests.faults.delivery.fleet import ended, state_of
from tests.faults.delivery.proxy import Proxy
from tests.waiting import until


@pytest.fixture
def proxy(valkey: Broker, place: Path) -> Iterator[Proxy]:
    made = Proxy(place / "proxy" / "valkey.sock", settings.DLSTACK.valkey_socket)
    yield made
    made.close()


@pytest.mark.faults
def test_a_deaf_worker_starts_again(hosts_on_postgres: Hosts, proxy: Proxy) -> None:
    host = hosts_on_postgres("m1")
    address = f"unix://:{settings.DLSTACK.derived_secret('valkey')}@{quote(str(proxy.place))}"
    worker = host.work("build", REDIS_URL=address)
    first = host.ask()
    until(lambda: ended(first), within=120)
    proxy.fall_silent()
    operation = host.ask()
    until(lambda: worker.process.poll() is not None, within=120)
    assert "Nothing is heard from the broker although a message waits there: starting again" in worker.log.read_text()
    assert state_of(operation) == "queued"
    host.work("build", REDIS_URL=address)  # as its supervisor does
    until(lambda: ended(operation), within=120)
    assert (state_of(operation), host.ran()[operation.pk]) == ("succeeded", 1)
