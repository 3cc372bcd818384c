"""`dlstack copy` as it is typed, with real workers and a real sshd."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from stacks.engine import versions
from stacks.engine.layout import Layout
from tests.conftest import Home, new_home
from tests.copying.receiving import seal, stack
from tests.copying.sshd import Server
from tests.engine.conftest import same

_RECORD = """
from django.utils import timezone
from stacks.models import Machine, Version, Worker
gp02 = Machine.objects.create(name="gp02", root={root!r}, address={address!r})
Worker.objects.create(machine=gp02, lane="build", heard_at=timezone.now())
Version.objects.create(machine=gp02, name="a", uuid={uuid!r}, manifest_digest={manifest!r}, generation=1, files=1,
                       bytes=1, unique_bytes=1, sealed_at=timezone.now())
"""


@pytest.fixture
def other(source: Layout, server: Server) -> Iterator[Home]:
    """Give a home that knows gp02, whose version a lies on this host."""
    there = seal(source, "a", stack(20))
    with new_home() as home:
        home.dlstack("status", check=False)
        (home.path / "ssh").mkdir()
        for name in ("id_ed25519", "known_hosts"):
            shutil.copy2(server.place / name, home.path / "ssh" / name)
        facts = {"root": str(home.root), "address": server.address, "uuid": there.uuid, "manifest": there.manifest}
        home.dlstack("shell", "-c", _RECORD.format(**facts))
        yield home


def test_it_fetches_follows_and_tells(other: Home, source: Layout) -> None:
    tried = other.dlstack("copy", "a", "--to", "local", "--dry-run")
    assert "local would fetch “a”" in tried.stdout
    [made] = other.json("copy", "a", "--to", "local", "--from", "gp02", "--reason", "for all")
    assert (made["state"], made["kind"], made["machine"]) == ("succeeded", "copy", "local")
    same(source.version("a"), Layout(other.root).version("a"))
    assert versions.sealed(Layout(other.root), "a") is not None
    assert "a" in [one["name"] for one in other.json("versions", "--machine", "local")]


REFUSED = {
    ("copy", "z", "--to", "local"): "There is no version “z” on another machine",
    ("copy", "a"): "the following arguments are required: --to",
    ("copy", "a", "--to", "local", "--bwlimit", "-1"): "--bwlimit is in KiB a second",
}


def test_bad_words_are_one_line(other: Home) -> None:
    for words, says in REFUSED.items():
        done = other.dlstack(*words, check=False)
        assert done.returncode == 2, words
        assert says in done.stderr
        assert done.stderr.count("\n") == 1
    assert other.json("operations") == []
