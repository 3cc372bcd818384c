"""Two machines with real workers on this host: what fails on one is stopped, and taken back on the other."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from stacks.engine import ramdisk, resident
from stacks.engine.layout import Layout
from stacks.engine.owner import resolve
from tests.conftest import REPOSITORY, Home, new_home
from tests.waiting import until
from tests.wheels import tiny_index, tiny_recipe

pytestmark = pytest.mark.slow

_RECORD = """
from stacks.models import Machine
Machine.objects.create(name="gp02", root={root!r})
"""


class Pair:
    """A home with its machine, local, and the workers of gp02, whose root lies beside."""

    def __init__(self, home: Home, running: ExitStack) -> None:
        self.home, self.there = home, Layout(home.path / "gp02")
        self.here = Layout(home.root)
        self._recipes()
        ramdisk.prepare(self.there, resolve())
        running.callback(shutil.rmtree, ramdisk.private_directory(self.there), ignore_errors=True)
        home.dlstack("shell", "-c", _RECORD.format(root=str(self.there.root)))
        self._build("one", "tiny", "local")
        for lane in ("build", "live"):
            running.callback(_end, self._worker(lane))
        self._build("one", "tiny", "gp02")
        for machine in ("local", "gp02"):
            home.dlstack("deploy", "one", "--machine", machine)
        self._build("two", "newer", "local")

    def _recipes(self) -> None:
        index = tiny_index(self.home.path / "index")
        newer = tiny_recipe(index, "tiny-star", "tiny-sky==2.0", name="newer")
        # Its kernelspec needs ipykernel, which it does not install.
        broken = newer.replace("required = false", "required = true").replace('"newer"', '"broken"')
        for name, text in (("tiny", tiny_recipe(index)), ("newer", newer), ("broken", broken)):
            (self.home.path / f"{name}.toml").write_text(text)
            self.home.dlstack("recipe-import", str(self.home.path / f"{name}.toml"))

    def _build(self, name: str, recipe: str, machine: str) -> None:
        self.home.dlstack("build", recipe, "--name", name, "--machine", machine)

    def build_there(self, name: str, recipe: str) -> None:
        self._build(name, recipe, "gp02")

    def _worker(self, lane: str) -> subprocess.Popen[bytes]:
        home = self.home.path / "gp02-home"
        home.mkdir(exist_ok=True)
        variables = {
            **self.home.variables, "DLSTACK_HOME": str(home), "DLSTACK_MACHINE": "gp02",
            "DLSTACK_ROOT": str(self.there.root),
            "DLSTACK_ALLOWED_SOURCES": str(self.home.path / "index"), **_shared(self.home),
        }  # fmt: skip
        words = [*("--pool", "solo", "--queues", f"gp02.{lane}", "--hostname", f"{lane}@gp02"),
                 *("--without-gossip", "--without-mingle")]  # fmt: skip
        with (home / f"{lane}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "celery", "--quiet", "-A", "dlstackweb", "worker", *words],
                env=variables, cwd=REPOSITORY, stdout=log, stderr=log,
            )  # fmt: skip

    @property
    def active(self) -> list[str | None]:
        """What is active on the two disks."""
        return [resident.active(self.here), resident.active(self.there)]


def _shared(home: Home) -> dict[str, str]:
    """Give what workers elsewhere are told: the database, the broker and the key of the home."""
    told = "from django.conf import settings as s; d = s.DLSTACK; print(d.redis_url, s.DATABASES['default']['NAME'])"
    redis_url, database = home.dlstack("shell", "-c", told).stdout.split()[-2:]
    key = (home.path / "secret_key").read_text().strip()
    return {"REDIS_URL": redis_url, "DATABASE_URL": f"sqlite:///{database}", "DLSTACK_SECRET_KEY": key}


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(60)


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with new_home() as home, ExitStack() as running:
        yield Pair(home, running)


def test_a_machine_without_the_version_is_named(pair: Pair) -> None:
    done = pair.home.dlstack("rollout", "two", "--to", "local", "gp02", check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "“two” is not sealed on gp02: copy it there first, with “dlstack copy two --to gp02”, or build it there.\n"
    )


def test_a_broken_kernel_stops_it_and_what_it_did_is_reverted(pair: Pair) -> None:
    pair.build_there("two", "broken")
    words = ("rollout", "two", "--to", "local", "gp02", "--canary", "1", "--on-failure", "revert", "--reason", "sky 2")
    refused = pair.home.dlstack(*words, check=False)
    assert refused.returncode == 2
    assert "“two” is not the same build on all of these machines" in refused.stderr
    done = pair.home.dlstack(*words, "--any-build", check=False)
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "local: two succeeded" in done.stdout
    assert "required kernel “tiny” of “two” does not answer" in done.stderr
    [rollout] = pair.home.json("rollouts")
    assert rollout["state"] == "failed"
    assert [(one["machine"], one["state"]) for one in rollout["machines"]] == [
        ("local", "reverted"),
        ("gp02", "failed"),
    ]
    assert pair.active == ["one", "one"]
    assert pair.home.dlstack("rollouts", str(rollout["id"])).stdout.startswith(f"rollout #{rollout['id']}: deploy two")


def test_one_that_is_mended_goes_through_and_all_go_back_at_once(pair: Pair) -> None:
    for machine in ("local", "gp02"):
        pair.home.dlstack("build", "newer", "--name", "three", "--machine", machine)
    done = pair.home.json("rollout", "three", "--to", "gp02", "local", "--pause", "1", "--any-build")
    assert done["state"] == "succeeded", done
    assert pair.active == ["three", "three"]
    number = pair.home.json(
        "rollout", "--revert", "--to", "local", "gp02", "--mark-bad", "--reason", "slow", "--detach"
    )
    until(lambda: pair.home.json("rollouts", str(number["id"]))["state"] == "succeeded", within=60)
    assert pair.active == ["one", "one"]
    again = pair.home.dlstack("rollout", "three", "--to", "local", "gp02", "--any-build", check=False)
    assert again.returncode == 2
    assert "“three” is marked bad" in again.stderr
