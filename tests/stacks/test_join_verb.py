"""`dlstack join` against a real web server: what it writes, with which permissions, and what it refuses (status 2)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from access import roles
from stacks import joining
from stacks.models import Joining, Machine
from tests.conftest import Home
from tests.stacks.joined import BROKER, DATABASE, SECRETS, committed, invite, shared

__all__ = ["committed", "shared"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committed", "shared")]
Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


@pytest.fixture
def admin(db: None) -> User:
    user = User.objects.create_user("admin")
    roles.assign(user, roles.Role.ADMIN)
    return user


@pytest.fixture
def text(admin: User) -> str:
    return invite(admin, owner="nobody")[1]


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    return tmp_path / "etc"


@pytest.fixture
def join(live_server: LiveServer, home: Home, etc: Path) -> Run:
    def run(text: str, *words: str, url: str = "", stdin: bool = True) -> Done:
        argv = ("join", url or live_server.url, "--directory", str(etc), *words)
        return home.dlstack(*argv, check=False, stdin=f"{text}\n" if stdin else "")

    return run


def environment(etc: Path) -> dict[str, str]:
    """Read the file as a shell does; systemd's rules are the same for what is written."""
    script = 'set -a; . "$1"; exec env -0'
    argv = ["env", "-i", "/bin/sh", "-c", script, "sh", str(etc / "dlstack/environment")]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return dict(one.split("=", 1) for one in told.split("\0") if one)


def test_it_writes_the_environment_and_the_units(
    join: Run, text: str, etc: Path, home: Home, settings: Settings
) -> None:
    done = join(text)
    # There is no such database, which is said; a worker would only say it in its journal.
    assert done.returncode == 1
    assert "gp13 has joined." in done.stdout
    assert "The database at 127.0.0.1:1 cannot be reached from here" in done.stdout
    assert "The broker at 127.0.0.1:1 cannot be reached from here" in done.stdout
    assert "stacks.engine provision /data0 --machine gp13 --owner 65534:65534" in done.stdout
    file = etc / "dlstack/environment"
    assert file.stat().st_mode & 0o7777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["environment"]
    found = environment(etc)
    expected = {
        "DLSTACK_MACHINE": "gp13", "DLSTACK_ROOT": "/data0", "DLSTACK_OWNER": "nobody", "DATABASE_URL": DATABASE,
        "REDIS_URL": BROKER, "DLSTACK_SECRET_KEY": settings.DLSTACK.secret,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    live = (etc / "systemd/system/dlstack-live.service").read_text()
    assert "--queues gp13.live --hostname live@gp13" in live
    assert f"EnvironmentFile={file}" in live
    assert {path.name for path in (etc / "systemd/system").iterdir()} == {
        f"dlstack-{name}.service" for name in ("serve", "restore", "build", "live")
    }
    for secret in (text, settings.DLSTACK.secret, *SECRETS, "br0ker"):
        assert secret not in done.stdout + done.stderr
    # Nothing of an own home was begun, no key and no database.
    assert [path.name for path in home.path.iterdir()] == []
    assert Machine.objects.get().name == "gp13"


def test_a_dry_run_shows_everything_but_secrets_and_uses_nothing(join: Run, text: str, etc: Path) -> None:
    done = join(text, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "DLSTACK_MACHINE=gp13\n" in done.stdout
    assert "DATABASE_URL" in done.stdout
    assert "dlstack-live.service" in done.stdout
    assert "the token was not used" in done.stdout
    assert not any(secret in done.stdout for secret in SECRETS)
    assert not etc.exists()
    assert Joining.objects.get().is_open
    assert join(text).returncode == 1  # joins: see above


def test_the_token_comes_by_file_or_variable_too(join: Run, text: str, tmp_path: Path, home: Home) -> None:
    file = tmp_path / "token"
    file.write_text(f"{text}\n")
    assert join("", "--dry-run", "--token-file", str(file), stdin=False).returncode == 0
    home.more["DLSTACK_JOIN_TOKEN"] = text
    assert join("", "--dry-run", stdin=False).returncode == 0
    assert join("", "--dry-run", "--token-file", str(tmp_path / "none"), stdin=False).returncode == 2


def test_another_machines_file_is_kept_unless_it_is_meant(join: Run, text: str, etc: Path) -> None:
    file = etc / "dlstack/environment"
    file.parent.mkdir(parents=True)
    before = "# mine\nDLSTACK_MACHINE=gp02\nDATABASE_URL=postgres://old\nDLSTACK_BUILD_TASKS=99\n"
    file.write_text(before + 'DLSTACK_ALLOWED_SOURCES="/srv/my wheels"\n')
    refused = join(text)
    assert refused.returncode == 2
    assert "is that of the machine “gp02”: with --again it becomes that of “gp13”" in refused.stderr
    assert file.read_text().startswith(before)
    assert Joining.objects.get().is_open
    assert join(text, "--again").returncode == 1
    found = environment(etc)
    assert (found["DLSTACK_MACHINE"], found["DATABASE_URL"]) == ("gp13", DATABASE)
    assert (found["DLSTACK_BUILD_TASKS"], found["DLSTACK_ALLOWED_SOURCES"]) == ("99", "/srv/my wheels")
    assert file.stat().st_mode & 0o7777 == 0o600


def test_the_same_machine_joins_again_without_more_words(join: Run, text: str, etc: Path, admin: User) -> None:
    join(text)
    _, anew = joining.invite_again(machine=Machine.objects.get(), by=admin)
    assert join(anew).returncode == 1
    assert environment(etc)["DLSTACK_MACHINE"] == "gp13"


def test_a_symlink_in_its_place_is_not_followed(join: Run, text: str, etc: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (etc / "dlstack").mkdir(parents=True)
    (etc / "dlstack/environment").symlink_to(victim)
    done = join(text, "--again")
    assert (done.returncode, victim.read_text()) == (2, "precious")
    assert "is not a plain file" in done.stderr
    assert Joining.objects.get().is_open


def test_units_of_another_root_are_kept_and_the_token_too(join: Run, text: str, etc: Path) -> None:
    unit = etc / "systemd/system/dlstack-live.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("# Made by DLStack's provision for the root /other.\n")
    done = join(text)
    assert (done.returncode, "move it away" in done.stderr) == (2, True)
    assert not (etc / "dlstack").exists()
    assert Joining.objects.get().is_open


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"url": "http://stacks.example.org"}, "would carry the token and passwords in the clear: use https"),
        ({"url": "ftp://127.0.0.1"}, "Give the address of the pages"),
        ({"url": "https://me:pw@127.0.0.1"}, "Give the address of the pages"),
        ({"url": "http://127.0.0.1:1"}, "does not answer"),
        ({"url": "https://127.0.0.1:1"}, "does not answer"),
        ({"text": "dlj_12345678_short"}, "This is no join token"),
        ({"text": ""}, "This is no join token"),
        ({"text": f"dlj_00000000_{'x' * 43}"}, "The token opens nothing there"),
        ({"more": ("--start",)}, "With --directory nothing is started"),
        ({"more": ("--ca", "/none")}, "/none is no file of certificates"),
        ({"more": ("--nonsense",)}, "unrecognized arguments"),
    ],
)
def test_refusals_are_one_line_and_2(join: Run, text: str, etc: Path, words: dict[str, str], says: str) -> None:
    done = join(words.get("text", text), *words.get("more", ()), url=words.get("url", ""))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert says in done.stderr
    assert text not in done.stderr
    assert not etc.exists()
    assert Joining.objects.get().is_open


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"expires_at": timezone.now()}, "is over since"),
        ({"withdrawn_at": timezone.now()}, "was withdrawn"),
        ({"used_at": timezone.now(), "used_from": "192.0.2.7"}, "from 192.0.2.7: it works once"),
        ({"owner": "nobody-of-this-name"}, "There is no user “nobody-of-this-name” on this machine"),
        ({"owner": "0"}, "Builds never run as root"),
        ({"root": "/data 0"}, "cannot be named in system files"),
        ({"layout": "sideways"}, "There is no layout “sideways”"),
    ],
)
def test_what_the_pages_say_is_told(join: Run, text: str, etc: Path, change: dict[str, object], says: str) -> None:
    Joining.objects.update(**change)
    done = join(text)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert says in done.stderr
    assert not etc.exists()
    assert not Machine.objects.exists()


class _Elsewhere(BaseHTTPRequestHandler):
    """Leads everybody to where tokens are gathered."""

    gathered: list[str] = []

    def do_POST(self) -> None:
        self.send_response(307)
        self.send_header("Location", "/gathers")
        self.end_headers()

    def do_GET(self) -> None:
        self.gathered.append(str(self.headers.get("Authorization")))
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def elsewhere_url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Elsewhere) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_token_goes_nowhere_else(join: Run, text: str, elsewhere_url: str) -> None:
    done = join(text, url=elsewhere_url)
    assert (done.returncode, _Elsewhere.gathered) == (2, [])
    assert "leads elsewhere" in done.stderr


def test_what_cannot_be_written_is_found_before_the_token_is_used(join: Run, text: str, etc: Path) -> None:
    etc.write_text("a file")
    done = join(text)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "(Not a directory): run this as root" in done.stderr
    assert Joining.objects.get().is_open
