"""Where recipes may take things from: addresses in every spelling, schemes, names, directories (F37)."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from pathlib import Path

import pytest

from stacks.engine import recipe, sources
from stacks.engine.addresses import literal, what_is
from stacks.engine.errors import Refused
from stacks.engine.sources import Sources

NOTHING = Sources()


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.1.", "１２７.0.0.1", "0", "0.0.0.0"),  # noqa: S104
        *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"),
        *("10.0.0.1", "172.16.3.4", "192.168.1.1", "100.64.0.1", "169.254.169.254", "0xA9FEA9FE", "[fd00:ec2::254]"),
        *("[fe80::1]", "[fe80::1%25eth0]", "224.0.0.1", "255.255.255.255", "168.63.129.16", "100.100.100.200"),
        *(
            "localhost",
            "LOCALHOST",
            "localhost.",
            "x.localhost",
            "metadata.google.internal",
            "loc%61lhost",
            "127%2e0%2e0%2e1",
        ),
    ],
)
def test_no_spelling_of_a_near_address_passes(host: str) -> None:
    assert "DLSTACK_ALLOWED_SOURCES" in NOTHING.problem(f"https://{host}/simple")
    assert "DLSTACK_ALLOWED_SOURCES" in NOTHING.problem(f"git+https://{host}:8443/x.git@main")


@pytest.mark.parametrize(
    "place",
    [
        *(
            "https://packages.example.org/simple",
            "git+https://github.com/a/b@main",
            "https://8.8.8.8/x",
            "ssh://git@host.org/x",
        ),
        *("https://[2606:4700::1111]/x", "https://10.org/x"),
    ],
)
def test_public_places_pass(place: str) -> None:
    assert NOTHING.problem(place) == ""


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("http://packages.example.org/simple", "not encrypted"),
        ("git+http://packages.example.org/x", "not encrypted"),
        ("git://host/x", "no https URL"),
        ("ftp://host/x", "no https URL"),
        ("hg+ssh://host/x", "no https URL"),
        ("gopher://127.0.0.1/x", "no https URL"),
        ("https://me:pw@host/x", "into a secret"),
        ("https://token@host/x", "into a secret"),
        ("ssh://me:pw@host/x", "into a secret"),
        ("https:///x", "names no host"),
        ("https://host:port/x", "no URL that can be read"),
        ("https://[::1", "no URL that can be read"),
        ("/srv/wheels", "directory of the machine"),
        ("file:///srv/wheels", "directory of the machine"),
        ("file://host/srv", "must be file:///"),
    ],
)
def test_what_is_wrong_is_said(place: str, says: str) -> None:
    assert says in NOTHING.problem(place)


def test_what_the_machine_allows() -> None:
    allowed = sources.read("/srv, 10.1.0.0/16, mirror.lab.org, .cats.org, git.lab.org:8443")
    for place in (
        *(
            "/srv/wheels",
            "file:///srv/wheels",
            "https://10.1.2.3/x",
            "http://10.1.2.3:8080/x",
            "http://mirror.lab.org/x",
        ),
        *("http://a.cats.org/x", "https://git.lab.org:8443/x", "http://git.lab.org:8443/x"),
    ):
        assert allowed.problem(place) == "", place
    for place in (
        "/srvx",
        "/srv/../etc",
        "https://10.2.0.1/x",
        "http://lab.org/x",
        "http://cats.org/x",
        "http://git.lab.org/x",
    ):
        assert allowed.problem(place), place
    for word in ("sp ace", "host:port", "http://x", "*", "a/b"):
        with pytest.raises(Refused, match="neither a directory"):
            sources.read(word)


def test_what_is_private_to_dlstack_and_the_machine_is_closed_whatever_is_allowed(tmp_path: Path) -> None:
    home, root = tmp_path / "home", tmp_path / "home/data0"
    for place in ("data0/sw.a", "data0/.dlstack", "data0/kernel-specs", "run", "index", "secrets/inner"):
        (home / place).mkdir(parents=True)
    for place in ("run", "secrets"):
        (home / place).chmod(0o700)
    (tmp_path / "link").symlink_to(home / "run")
    allowed = Sources(directories=(Path("/"),), home=home, root=root)
    for path in ("home/index", "home/data0/kernel-specs", "elsewhere"):
        assert allowed.problem(str(tmp_path / path)) == "", path
    closed = (
        "home",
        "home/run",
        "home/secrets/inner",
        "home/data0",
        "home/data0/sw.a",
        "home/data0/.dlstack",
        "link",
        ".",
    )
    for path in closed:
        assert "closed to builds" in allowed.problem(str(tmp_path / path)), path
    for path in ("/", "/proc/self", "/run", "/etc/ssl", "/root", "/sys", "/dev/shm", "//proc", "/var/run"):
        assert "closed to builds" in allowed.problem(path), path


def test_connections_are_judged_by_where_they_lead() -> None:
    allowed = sources.read("10.1.0.0/16,mirror.lab.org").with_ports_of(["https://wheels.org:8443/simple"])
    near, far, ours = ip_address("127.0.0.1"), ip_address("8.8.8.8"), ip_address("10.1.0.9")
    assert allowed.reach_problem("a.org", 443, [far]) == ""
    assert allowed.reach_problem("a.org", 443, [ours]) == ""
    assert "this machine" in allowed.reach_problem("a.org", 443, [near])
    assert "this machine" in allowed.reach_problem("a.org", 443, [far, near])
    assert "port 5432" in allowed.reach_problem("a.org", 5432, [far])
    assert allowed.reach_problem("wheels.org", 8443, [far]) == ""
    assert "this machine" in allowed.reach_problem("wheels.org", 8443, [near])
    assert allowed.reach_problem("mirror.lab.org", 5432, [near]) == ""


def test_the_machines_own_addresses_are_its_own() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # whatever leads there: it tells an address of this machine
        own = literal(probe.getsockname()[0])
    assert own is not None
    assert what_is(own) != ""


RECIPE = """name = "x"
[[environments]]
path = "a"
installer = "{installer}"
{lines}
[options.more]
add = {{ a = [{more}] }}
"""


@pytest.mark.parametrize(
    ("installer", "lines", "more", "says"),
    [
        (
            "venv",
            'index = "https://127.0.0.1/simple"',
            "",
            "line 5: “index” has “https://127.0.0.1/simple”, which leads to",
        ),
        ("venv", 'find_links = ["https://a.org/x",\n"/root"]', "", "line 5: “find_links” has “/root”, which is closed"),
        (
            "venv",
            'packages = ["x @ http://a.org/x.whl"]',
            "",
            "line 5: “packages” has “http://a.org/x.whl”, which is not enc",
        ),
        ("venv", 'packages = ["x @ git+file:///etc"]', "", "which is closed"),
        ("venv", 'index = "simple"', "", "line 5: “index” is “simple”; allowed is https"),
        (
            "conda",
            'channels = ["http://10.0.0.1/c"]',
            "",
            "line 5: “channels” has “http://10.0.0.1/c”, which is not encr",
        ),
        ("conda", 'packages = ["https://u:p@a.org/c::x"]', "", "line 5: “packages” has"),
        ("conda", 'pip = ["x @ https://169.254.169.254/x"]', "", "the local link"),
        (
            "venv",
            "",
            '"x @ https://localhost/x"',
            "options.more.add, line 7: “a” has “https://localhost/x”, which leads to",
        ),
        ("venv", 'secrets = ["../x"]', "", "line 5: “secrets” has “../x”; allowed is small letters"),
    ],
)
def test_a_recipe_is_refused_at_its_line(installer: str, lines: str, more: str, says: str) -> None:
    text = RECIPE.format(installer=installer, lines=lines, more=more)
    with pytest.raises(Refused) as caught:
        recipe.parse(text, NOTHING)
    assert says in str(caught.value)


def test_what_was_sealed_once_is_read_whatever_is_allowed_now() -> None:
    text = RECIPE.format(installer="venv", lines='index = "http://127.0.0.1/simple"', more="")
    assert recipe.parse(text).environments[0].index == "http://127.0.0.1/simple"
