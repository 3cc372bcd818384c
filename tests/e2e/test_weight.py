"""What a first visit transfers: every page of a site with as much in it as real ones, served as in production."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser

from tests.conftest import REPOSITORY, Home
from tests.e2e.visits import addresses

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.long, pytest.mark.django_db]
MOST = 300_000  # bytes
UVICORN = (sys.executable, "-m", "uvicorn", "dlstackweb.asgi:application", "--timeout-graceful-shutdown", "1")
KEY = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"


@pytest.fixture(scope="module")
def filled(shared_home: Home) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.heavy"], env=variables(shared_home, production=True), cwd=REPOSITORY, text=True,
        stdout=subprocess.PIPE, check=True, timeout=240,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def variables(home: Home, *, production: bool) -> dict[str, str]:
    own = {"DLSTACK_PRODUCTION": "1", "DLSTACK_ALLOWED_HOSTS": "localhost"} if production else {}
    return {**home.variables, **own}


@contextmanager
def server(home: Home, *, production: bool) -> Iterator[str]:
    """Run the web server, in production with TLS of its own in the place of a proxy's."""
    arguments = ["--port", str(home.port), "--lifespan", "off", "--log-level", "error"]
    if production:
        key, certificate = str(home.path / "key.pem"), str(home.path / "certificate.pem")
        subprocess.run(["openssl", *KEY.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
        arguments += ["--ssl-keyfile", key, "--ssl-certfile", certificate]
    process = subprocess.Popen([*UVICORN, *arguments], env=variables(home, production=production), cwd=REPOSITORY)
    try:
        wait(home.port)
        yield f"http{'s' if production else ''}://localhost:{home.port}"
    finally:
        process.terminate()
        process.wait(20)


def wait(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the web server does not answer")


def transferred(browser: Browser, address: str, cookie: dict[str, Any]) -> int:
    """Open a page with an empty cache and give the bytes that came over the wire for it and all that it needs."""
    context = browser.new_context(ignore_https_errors=True)
    context.add_cookies([cookie])  # type: ignore[list-item]
    page, came = context.new_page(), Counter[str]()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    # The end of an answer tells all of it, heads too; what has no end, as a stream of events, is counted as it comes.
    network.on("Network.dataReceived", lambda told: came.update({told["requestId"]: told["encodedDataLength"]}))
    network.on("Network.loadingFinished", lambda told: came.__setitem__(told["requestId"], told["encodedDataLength"]))
    answer = page.goto(address, wait_until="load")
    assert answer is not None
    assert answer.status < 500, address
    page.wait_for_timeout(300)  # what a page asks for by itself
    assert "?next=" not in page.url
    context.close()
    return came.total()


def _name(filled: dict[str, Any], route: str, key: str) -> Any:
    if key == "pk":
        numbered = {"access:": "person", "stacks:rollout": "rollout", "stacks:joining": "joining"}
        numbered |= {"stacks:schedule": "schedule", "stacks:window": "window"}
        return filled[next((name for prefix, name in numbered.items() if route.startswith(prefix)), "pk")]
    return filled["recipe" if ":recipe" in route else key]


# In the embedded default static files are compressed as they are asked for; that is the same for every page.
SOME = ("stacks:dashboard", "stacks:version", "stacks:operation")


@pytest.mark.parametrize("production", [True, False], ids=["production", "embedded"])
def test_no_page_transfers_more_than_300_kb(
    shared_home: Home, filled: dict[str, Any], browser: Browser, admin_client: Client, production: bool
) -> None:
    found = addresses(admin_client, lambda route, key: [_name(filled, route, key)])
    pages = [page for route, listed in found.items() if production or route in SOME for page in listed]
    with server(shared_home, production=production) as site:
        name = "__Host-dlstack_session" if production else f"dlstack_session_{shared_home.port}"
        cookie = {"name": name, "value": filled["session"], "url": site, "secure": production}
        weights = {page: transferred(browser, f"{site}{page}", cookie) for page in pages}
    heaviest = sorted(weights.items(), key=lambda item: -item[1])
    print(*(f"{weight:>8,} {page}" for page, weight in heaviest), sep="\n")
    assert {page: weight for page, weight in heaviest if weight > MOST} == {}
    assert heaviest[-1][1] > 10_000
