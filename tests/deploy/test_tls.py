"""Redis over TLS, with a password: pages, workers and machines that join look at its certificate, each by itself."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from redis import Redis
from redis.exceptions import RedisError

from dlstackweb.environment import Environment
from stacks.management import reaching
from tests.conftest import Home, free_port, new_home
from tests.waiting import until
from tests.wheels import tiny_index, tiny_recipe

PASSWORD = "p@ss/w%rd"
IN_URL = "p%40ss%2Fw%25rd"


class Server:
    """A Redis that answers over TLS only, with a certificate of an authority that nobody else knows."""

    def __init__(self, place: Path) -> None:
        self.place, self.port = place, free_port()
        self.authority = place / "ca.pem"

    def url(self, *options: str, authority: Path | None = None, host: str = "localhost", password: str = IN_URL) -> str:
        told = [f"ssl_ca_certs={authority}"] if authority else []
        query = "&".join([*told, *options])
        return f"rediss://:{password}@{host}:{self.port}/0{'?' if query else ''}{query}"

    @property
    def good(self) -> str:
        return self.url(authority=self.authority)

    @contextmanager
    def running(self) -> Iterator[None]:
        argv = ["redis-server", "--port", "0", "--tls-port", str(self.port), "--requirepass", PASSWORD]
        files = {"tls-cert-file": "server.pem", "tls-key-file": "server.key", "tls-ca-cert-file": "ca.pem"}
        argv += [word for name, file in files.items() for word in (f"--{name}", str(self.place / file))]
        argv += ["--tls-auth-clients", "no", "--save", "", "--dir", str(self.place), "--bind", "127.0.0.1"]
        with (self.place / "log").open("wb") as log:
            process = subprocess.Popen(argv, stdout=log, stderr=log)
        try:
            until(self._answers)
            yield
        finally:
            process.terminate()
            process.wait(30)

    def _answers(self) -> bool:
        try:
            with Redis.from_url(self.good) as client:
                return bool(client.ping())
        except (OSError, RedisError):
            return False


def _openssl(place: Path, *words: str) -> None:
    done = subprocess.run(["openssl", *words], cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _certificates(place: Path) -> None:
    """Make an authority, a certificate of it for localhost alone, and another authority."""
    for name in ("ca", "other"):
        _openssl(
            place, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem",
            "-days", "2", "-subj", f"/CN={name}",
        )  # fmt: skip
    _openssl(
        place, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj",
        "/CN=redis",
    )  # fmt: skip
    (place / "names").write_text("subjectAltName=DNS:localhost\n")
    _openssl(
        place, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
        "server.pem", "-days", "2", "-extfile", "names",
    )  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    place = Path(tempfile.mkdtemp(prefix="dlstack-tls-"))
    try:
        _certificates(place)
        found = Server(place)
        with found.running():
            yield found
    finally:
        shutil.rmtree(place)


def test_an_operation_goes_through_from_the_page_to_the_end_of_its_log(server: Server) -> None:
    with new_home() as home, ExitStack() as running:
        index = tiny_index(home.path / "index")
        (home.path / "tiny.toml").write_text(tiny_recipe(index))
        home.more = {"REDIS_URL": server.good, "DLSTACK_ALLOWED_SOURCES": str(index.place)}
        home.dlstack("prepare", "--here")
        for part in ("web", "build", "live"):
            running.callback(_end, home.popen("serve", part, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        until(lambda: _ready(home) == (200, {"database": True, "broker": True}), within=60)
        home.dlstack("recipe-import", str(home.path / "tiny.toml"))
        asked = home.json("build", "tiny", "--name", "one")
        assert asked["state"] == "succeeded", asked
        with Redis.from_url(server.good, decode_responses=True) as client:
            stream: Any = client.xrange(f"dlstack:log:{asked['id']}")
            assert "eof" in stream[-1][1]
            queues: Any = client.keys("dlstack:_kombu.binding.*")
            assert len(queues) >= 2


def _ready(home: Home) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{home.port}/readyz", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return 0, None


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait(60)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("unknown authority", "CERTIFICATE_VERIFY_FAILED"),
        ("another authority", "CERTIFICATE_VERIFY_FAILED"),
        ("another host", "CERTIFICATE_VERIFY_FAILED"),
        ("another password", "invalid username-password pair"),
        ("plain", "closed|reset"),
    ],
)
def test_what_is_not_the_server_gets_no_password(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, why: str
) -> None:
    urls = {
        "unknown authority": server.url(),
        "another authority": server.url(authority=server.place / "other.pem"),
        "another host": server.url(authority=server.authority, host="127.0.0.1"),
        "another password": server.url(authority=server.authority, password="wrong"),
        "plain": server.url().replace("rediss://", "redis://"),
    }
    monkeypatch.setenv("REDIS_URL", urls[name])
    environment = Environment(home=tmp_path)
    with pytest.raises((OSError, RedisError), match=why), Redis.from_url(environment.redis_url) as client:
        client.ping()
    # Celery's own connection: it takes any certificate unless it is told not to.
    app = Celery("test", broker=environment.broker_url, set_as_current=False)
    with app.connection_for_write() as connection, pytest.raises(Exception, match=why):
        _ping(connection)
    [problem] = [one for one in reaching.problems("", environment.redis_url) if "broker" in one]
    assert "w%rd" not in problem


def _ping(connection: Any) -> None:
    connection.ensure_connection(max_retries=1, interval_start=0, timeout=5)
    connection.default_channel.client.ping()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("rediss://:x@h:6380/0", "rediss://:x@h:6380/0?ssl_cert_reqs=required"),
        ("rediss://h/0?ssl_ca_certs=/ca.pem", "rediss://h/0?ssl_ca_certs=/ca.pem&ssl_cert_reqs=required"),
        ("rediss://h/0?ssl_cert_reqs=none", "rediss://h/0?ssl_cert_reqs=none"),
        ("redis://h/0", "redis://h/0"),
    ],
)
def test_certificates_are_looked_at_unless_the_address_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str, told: str
) -> None:
    monkeypatch.setenv("REDIS_URL", given)
    assert Environment(home=tmp_path).broker_url == told
