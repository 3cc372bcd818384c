"""A machine joins a control plane behind the real nginx, and its workers run by the file that joining wrote."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.deploy.plane import NAME, SECRETS, Plane, up
from tests.waiting import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="networks of one's own need root")
INVITE = Path(__file__).with_name("invite.py")
SITE = f"https://{NAME}"
ANSWERED = re.compile(r"<dt>(Worker \w+)</dt>")


@dataclass
class Joined:
    """A machine that joined: what the command was and said, and the page that waits for it."""

    token: str
    wait: str
    said: subprocess.CompletedProcess[str]
    etc: Path


@pytest.fixture(scope="module")
def plane() -> Iterator[Plane]:
    with up() as running:
        yield running


def look(plane: Plane, address: str) -> str:
    """Give a page as the admin sees it who added the machine."""
    return str(plane.ask(INVITE, *_browser(plane), "--look", address)["page"])


def _browser(plane: Plane) -> tuple[str, str]:
    return str(plane.place / "cert.pem"), str(plane.place / "cookies")


def join(plane: Plane, token: str, etc: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Type the command on the machine, which knows nothing of the control plane yet."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    home = {"DLSTACK_HOME": str(plane.place / "nothing"), "HOME": str(plane.place)}
    argv = [*plane.within, sys.executable, str(REPOSITORY / "manage.py"), "join", SITE, "--directory", str(etc),
            "--ca", str(plane.place / "cert.pem"), *words]  # fmt: skip
    return subprocess.run(argv, input=f"{token}\n", env={**kept, **home}, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def joined(plane: Plane) -> Joined:
    root, etc = plane.place / "data1", plane.place / "etc"
    link = plane.run("web", "user-link", "admin").strip()
    told = plane.ask(INVITE, *_browser(plane), link, "gp13", str(root), "64990:64990")
    found = re.fullmatch(rf"echo (dlj_\S+) \| sudo \.venv/bin/dlstack join {SITE} --start", told["command"])
    assert found, told
    return Joined(found[1], told["wait"], join(plane, found[1], etc), etc)


def test_the_command_of_the_page_writes_what_workers_need(plane: Plane, joined: Joined) -> None:
    assert joined.said.returncode == 0, joined.said.stderr
    assert "gp13 has joined." in joined.said.stdout
    file = joined.etc / "dlstack/environment"
    assert file.stat().st_mode & 0o7777 == 0o600
    lines = dict(line.split("=", 1) for line in file.read_text().splitlines() if not line.startswith("#"))
    web = plane.variables("web")
    assert [lines[name] for name in ("DATABASE_URL", "REDIS_URL", "DLSTACK_SECRET_KEY")] == [
        web["DATABASE_URL"], web["REDIS_URL"], web["DLSTACK_SECRET_KEY"],
    ]  # fmt: skip
    assert not (plane.place / "nothing").exists()


def test_the_token_works_once_and_says_so(plane: Plane, joined: Joined) -> None:
    again = join(plane, joined.token, joined.etc)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "was used already" in again.stderr


def test_the_page_tells_it_joined_and_then_that_it_answers(plane: Plane, joined: Joined) -> None:
    assert "from 127.0.0.1" in look(plane, joined.wait)
    assert "to-provision" not in look(plane, joined.wait)
    _make_root(plane)
    home = plane.place / "gp13-home"
    home.mkdir()
    script = (
        'set -a; . "$1"; DLSTACK_HOME="$2"; DLSTACK_RESERVE=1MiB; exec "$3" -m celery --quiet -A dlstackweb worker '
        '--pool solo --queues "$DLSTACK_MACHINE.$4" --hostname "$4@$DLSTACK_MACHINE" --without-gossip --without-mingle'
    )
    for lane in ("build", "live"):
        words = [str(joined.etc / "dlstack/environment"), str(home), sys.executable, lane]
        with (plane.place / f"gp13-{lane}.log").open("ab") as log:
            plane.running[f"gp13-{lane}"] = subprocess.Popen(
                [*plane.within, "/bin/sh", "-c", script, "sh", *words], cwd=REPOSITORY, stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(home)},
            )  # fmt: skip
    until(lambda: {"Worker build", "Worker live"} <= set(ANSWERED.findall(look(plane, "/machines/gp13/"))), within=90)
    page = look(plane, "/machines/gp13/")
    assert "bubblewrap" in page
    assert "No worker of gp13" not in page
    assert "to-machine" in look(plane, joined.wait)  # its ramdisk is mounted here: nothing is to be provisioned


def test_it_does_what_is_asked_of_it(plane: Plane, joined: Joined) -> None:
    asked = json.loads(plane.run("web", "adopt", "--machine", "gp13", "--detach", "--json"))

    def ended() -> str:
        time.sleep(0.5)
        found = json.loads(plane.run("web", "operations", "--json"))
        return next(str(one["state"]) for one in found if one["id"] == asked["id"])

    until(lambda: ended() in ("succeeded", "failed"), within=90)  # there is nothing to adopt, which its worker says
    assert "gp13" in look(plane, f"/operations/{asked['id']}/")


def test_no_secret_is_on_the_trail_in_logs_or_on_pages(plane: Plane, joined: Joined) -> None:
    trail = plane.run("web", "audit", "--jsonl")
    assert "was used: gp13 joined" in trail
    logs = "".join(plane.log(name) for name in plane.running)
    pages = "".join(look(plane, address) for address in (joined.wait, "/machines/gp13/", "/machine-add/", "/audit/"))
    written = (joined.said.stdout, joined.said.stderr, trail, logs, pages)
    for secret in (joined.token, joined.token[13:], SECRETS["DLSTACK_SECRET_KEY"], "dlstack:pg@", ":rd@"):
        assert [text.count(secret) for text in written] == [0] * len(written)


def _make_root(plane: Plane) -> None:
    """Make the root ready as the line does that joining prints, with a tmpfs of the test's own."""
    root = plane.place / "data1"
    ramdisk = root / "sw.tmpfs"
    ramdisk.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0755", "tmpfs", ramdisk], check=True)
    words = ("provision", str(root), "--machine", "gp13", "--owner", "64990:64990", "--dry-run")
    argv = [sys.executable, "-m", "stacks.engine", *words]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module", autouse=True)
def _unmounted(plane: Plane) -> Iterator[None]:
    yield
    for name in [name for name in plane.running if name.startswith("gp13-")]:
        plane.stop(name)
    ramdisk = plane.place / "data1/sw.tmpfs"
    if os.path.ismount(ramdisk):
        subprocess.run(["umount", "--lazy", str(ramdisk)], check=True)
    shutil.rmtree(plane.place / "data1", ignore_errors=True)
