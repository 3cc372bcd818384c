"""The way out of the sandbox: real programs through it, and what it does not let through."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest

from stacks.engine import area, process, sources, vault
from stacks.engine.addresses import Address
from stacks.engine.errors import CommandFailed
from stacks.engine.events import Event
from stacks.engine.gate import Gate
from stacks.engine.grounds import Guard, Sandboxed
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from stacks.engine.stop import Stop
from tests.guarded import Server, serving

FETCH = "import urllib.request as u, sys; print(u.urlopen(sys.argv[1]).read().decode())"


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def ground(layout: Layout, owner: Owner, told: list[str]) -> Iterator[Sandboxed]:
    area.make_place(layout, owner)
    with Gate(sources.read("127.0.0.1"), told.append) as gate:
        yield Sandboxed(layout, owner, guard=Guard(gate=gate))


@pytest.fixture
def strict(layout: Layout, owner: Owner, told: list[str]) -> Iterator[Sandboxed]:
    """A ground whose gate lets out to public places alone."""
    area.make_place(layout, owner)
    with Gate(sources.Sources(), told.append) as gate:
        yield Sandboxed(layout, owner, guard=Guard(gate=gate))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "served").mkdir()
    (tmp_path / "served/word").write_text("hello")
    (tmp_path / "served/large").write_bytes(os.urandom(5_000_000))
    with serving(tmp_path / "served") as server:
        yield server


def said(ground: Sandboxed, *argv: str, network: bool = True) -> list[str]:
    events: list[Event] = []
    command = ground.command(argv, label="guest", env={}, network=network)
    process.run(command, events.append, Stop())
    return [event.text for event in events if event.kind == "output"]


def python(ground: Sandboxed, code: str, *arguments: str, network: bool = True) -> list[str]:
    return said(ground, "/usr/bin/python3", "-I", "-c", code, *arguments, network=network)


def test_a_guest_reaches_what_is_allowed_and_its_own_loopback_alone(ground: Sandboxed, site: Server) -> None:
    assert python(ground, FETCH, f"{site.url}/word") == ["hello"]
    direct = f"import socket; print(socket.create_connection(('127.0.0.1', {site.server_port})))"
    with pytest.raises(CommandFailed, match="Connection refused"):
        python(ground, direct)
    with pytest.raises(CommandFailed, match=r"Connection refused|proxy|urlopen"):
        python(ground, FETCH, f"{site.url}/word", network=False)
    assert [path for path, _ in site.asked] == ["/word"]


def test_no_packet_leaves_beside_the_gate(ground: Sandboxed) -> None:
    code = (
        "import socket, os\n"
        "print(sorted(name for _, name in socket.if_nameindex()))\n"
        "for address in ('192.0.2.1', '8.8.8.8'):\n"
        "    try: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect((address, 53)); print('sent')\n"
        "    except OSError as error: print(error.strerror)\n"
    )
    assert python(ground, code) == ["['lo']", "Network is unreachable", "Network is unreachable"]


def test_sockets_without_a_path_belong_to_the_sandbox(ground: Sandboxed) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0dlstack-test")
        listener.listen()
        with pytest.raises(CommandFailed, match="Connection refused"):
            python(ground, "import socket; socket.socket(socket.AF_UNIX).connect('\\0dlstack-test')")


def test_many_connections_and_much_content_pass(ground: Sandboxed, site: Server) -> None:
    code = (
        "import urllib.request as u, sys, hashlib\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "get = lambda _: len(u.urlopen(sys.argv[1]).read())\n"
        "print(sum(ThreadPoolExecutor(40).map(get, range(200))), len(u.urlopen(sys.argv[2]).read()))\n"
    )
    assert python(ground, code, f"{site.url}/word", f"{site.url}/large") == ["1000 5000000"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:{port}/word", "port"),
        ("http://0x7f000001/word", "this machine"),
        ("http://[::1]/word", "this machine"),
        ("http://[::ffff:127.0.0.1]/word", "this machine"),
        ("http://localhost/word", "this machine"),
        ("http://169.254.169.254/latest/meta-data/", "metadata"),
        ("https://10.0.0.1/", "private"),
        ("https://192.168.0.1/", "private"),
    ],
)
def test_what_is_near_is_not_reached(strict: Sandboxed, site: Server, told: list[str], url: str, says: str) -> None:
    code = (
        "import os, sys, urllib.request as u\n"
        "os.environ['no_proxy'] = os.environ['NO_PROXY'] = ''\n"  # asks the gate even for its own loopback
        "try: u.urlopen(sys.argv[1])\nexcept OSError as error: print(error)"
    )
    [answer] = python(strict, code, url.format(port=site.server_port))
    assert "403" in answer
    assert site.asked == []
    assert len(told) == 1
    assert says in told[0]


def test_a_guest_is_told_that_one_connection_carries_one_request(ground: Sandboxed, site: Server) -> None:
    """The site does not say so itself; who believed otherwise would send a second request into the end of the first."""
    code = (
        "import http.client, sys\n"
        "proxy = http.client.HTTPConnection('127.0.0.1', 3128)\n"
        "proxy.request('GET', sys.argv[1])\n"
        "answer = proxy.getresponse()\n"
        "print(answer.headers.get_all('Connection'), answer.will_close, answer.read().decode())"
    )
    assert python(ground, code, f"{site.url}/word") == ["['close'] True hello"]


def test_a_redirect_is_judged_by_where_it_leads(ground: Sandboxed, site: Server, told: list[str]) -> None:
    site.redirects |= {"/away": "http://169.254.169.254/x", "/here": f"{site.url}/word"}
    assert python(ground, FETCH, f"{site.url}/here") == ["hello"]
    with pytest.raises(CommandFailed, match="HTTP Error 403: Forbidden"):
        python(ground, FETCH, f"{site.url}/away")
    assert "169.254.169.254" in told[0]


def test_a_name_that_leads_elsewhere_when_it_is_asked_again_is_not_followed(
    layout: Layout, owner: Owner, site: Server, told: list[str]
) -> None:
    """DNS rebinding: the address that was judged is the one that is connected to."""
    answers = iter(["127.0.0.1", "127.0.0.2", "10.0.0.1"])

    async def resolve(host: str, port: int, *, must: bool) -> list[Address]:
        assert host == "rebinding.example"
        return [ip_address(next(answers))]

    area.make_place(layout, owner)
    allowed = sources.read("127.0.0.1").with_ports_of([f"http://rebinding.example:{site.server_port}/"])
    with Gate(allowed, told.append, resolve) as gate:
        ground = Sandboxed(layout, owner, guard=Guard(gate=gate))
        url = f"http://rebinding.example:{site.server_port}/word"
        assert python(ground, FETCH, url) == ["hello"]  # asked for once
        for _ in range(2):
            with pytest.raises(CommandFailed, match="HTTP Error 403"):
                python(ground, FETCH, url)
    assert ["127.0.0.2" in told[0], "10.0.0.1" in told[1]] == [True, True]
    assert [path for path, _ in site.asked] == ["/word"]


def test_requests_that_are_none_are_answered_and_harm_nobody(ground: Sandboxed, site: Server) -> None:
    code = (
        "import socket, sys\n"
        "for text in (b'\\r\\n\\r\\n', b'GET\\r\\n\\r\\n', b'CONNECT :1 HTTP/1.1\\r\\n\\r\\n',\n"
        "             b'CONNECT [ HTTP/1.1\\r\\n\\r\\n', b'GET /x HTTP/1.1\\r\\n\\r\\n',\n"
        "             b'\\xff\\xfe \\x00 x\\r\\n\\r\\n', b'A' * 70000):\n"
        "    with socket.create_connection(('127.0.0.1', 3128)) as proxy:\n"
        "        proxy.sendall(text)\n"
        "        proxy.shutdown(socket.SHUT_WR)\n"
        "        print(proxy.recv(100).split(b'\\r\\n')[0].decode())\n"
    )
    assert python(ground, code) == ["HTTP/1.1 502 Bad Gateway"] * 7
    assert python(ground, FETCH, f"{site.url}/word") == ["hello"]


def test_a_guest_that_hands_out_rubbish_reaches_nothing_and_the_next_one_does(ground: Sandboxed, site: Server) -> None:
    gate = ground.guard.gate
    assert gate is not None
    for rubbish in (os.open("/dev/null", os.O_RDONLY), socket.socket(socket.AF_UNIX).detach()):
        with socket.socket(fileno=os.dup(gate.admit())) as guest:
            socket.send_fds(guest, [b"x"], [rubbish])
        os.close(rubbish)
    assert python(ground, FETCH, f"{site.url}/word") == ["hello"]


@contextmanager
def echo() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                while data := connection.recv(1000):
                    connection.sendall(data.upper())

        threading.Thread(target=answer, daemon=True).start()
        yield listener.getsockname()[1]


def test_programs_that_know_no_proxy_are_joined_to_a_connection(ground: Sandboxed) -> None:
    with echo() as port:
        joined = f"{ground.joining} 127.0.0.1 {port}"
        assert said(ground, "sh", "-c", f"printf 'hello' | {joined}") == ["HELLO"]


def test_a_guests_own_loopback_is_reached_without_the_gate(strict: Sandboxed) -> None:
    code = (
        "import http.server, threading, urllib.request as u\n"
        "server = http.server.HTTPServer(('127.0.0.1', 0), http.server.BaseHTTPRequestHandler)\n"
        "threading.Thread(target=server.serve_forever, daemon=True).start()\n"
        "try: u.urlopen(f'http://127.0.0.1:{server.server_port}/')\nexcept OSError as error: print(error)"
    )
    assert python(strict, code)[-1] == "HTTP Error 501: Unsupported method ('GET')"


def test_git_finds_its_password_in_the_file(layout: Layout, owner: Owner, tmp_path: Path) -> None:
    repository = tmp_path / "served/repository.git"
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    for argv in (
        ("init", "-q", "--initial-branch=main", "."),
        ("commit", "-q", "--allow-empty", "-m", "x"),
        ("update-server-info",),
    ):
        repository.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", *identity, *argv], cwd=repository, check=True)
    area.make_place(layout, owner)
    netrc = tmp_path / "netrc"
    vault.hand_over([vault.Secret("machine 127.0.0.1 login me password T0ken-for-git\n", ())], netrc, owner)
    with serving(tmp_path / "served", "me:T0ken-for-git") as server, Gate(sources.read("127.0.0.1"), print) as gate:
        ground = Sandboxed(layout, owner, guard=Guard(gate=gate, netrc=netrc))
        assert "refs/heads/main" in said(ground, "git", "ls-remote", f"{server.url}/repository.git/.git")[-1]
        assert said(ground, "sh", "-c", "ls -n ~/.netrc | cut -c1-10; env | grep -c T0ken; true") == ["-rw-------", "0"]
        with pytest.raises(CommandFailed, match="No such file"):
            said(ground, "ls", "/tmp/.netrc", network=False)


def test_the_machines_own_proxy_stands_between(
    ground: Sandboxed, site: Server, monkeypatch: pytest.MonkeyPatch, layout: Layout, owner: Owner
) -> None:
    asked: list[str] = []
    with _proxy(asked) as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://us:pass%20word@127.0.0.1:{port}")
        monkeypatch.setenv("HTTPS_PROXY", f"http://us:pass%20word@127.0.0.1:{port}")
        assert python(ground, FETCH, f"{site.url}/word") == ["from the proxy"]
        code = (
            "import socket\nproxy = socket.create_connection(('127.0.0.1', 3128))\n"
            "proxy.sendall(b'CONNECT 127.0.0.1:9 HTTP/1.1\\r\\n\\r\\n')\n"
            "print(proxy.recv(99).split(b'\\r')[0].decode())"
        )
        assert python(ground, code) == ["HTTP/1.1 200 Connection established"]
        assert not any("us:pass" in line for line in said(ground, "env"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert python(ground, FETCH, f"{site.url}/word") == ["hello"]
    assert [line.split("\r\n")[0] for line in asked] == [
        f"GET {site.url}/word HTTP/1.1",
        "CONNECT 127.0.0.1:9 HTTP/1.1",
    ]
    assert all("Proxy-Authorization: Basic dXM6cGFzcyB3b3Jk" in text for text in asked)


@contextmanager
def _proxy(asked: list[str]) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    asked.append(connection.recv(4000).decode())
                    connection.sendall(
                        b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\nConnection: close\r\n\r\nfrom the proxy"
                    )

        threading.Thread(target=answer, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
