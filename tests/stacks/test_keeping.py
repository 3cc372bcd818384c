"""The verbs that keep a root in order, in a home with real services, on versions that were made by hand."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import Home
from tests.stacks.test_history import seal_two

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def home(shared_home: Home) -> Home:
    """A home whose machine has versions a and b, adopted; b is active and a was before."""
    seal_two(shared_home)
    shared_home.dlstack("deploy", "a")
    shared_home.dlstack("deploy", "b")
    return shared_home


def refused(home: Home, *arguments: str) -> str:
    done = home.dlstack(*arguments, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done
    return done.stderr


def test_adopted_versions_are_deployed_and_reverted(home: Home) -> None:
    home.dlstack("revert", "--reason", "only a look")
    assert home.json("status")["active"] == "a"
    assert "no earlier healthy version" in refused(home, "revert")
    home.dlstack("deploy", "b")
    assert (home.root / "sw/file").read_text() == "b"


def test_verify(home: Home) -> None:
    assert "agrees with its manifest" in home.dlstack("verify", "b", "--full").stdout
    assert "does not exist" in refused(home, "verify", "nosuch")


def test_drift_is_kept_or_discarded(home: Home) -> None:
    assert "nothing was written" in home.dlstack("backup").stdout
    (home.root / "sw/new").write_text("by hand")
    home.dlstack("discard")
    assert not (home.root / "sw/new").exists()
    (home.root / "sw/new").write_text("by hand")
    made = home.json("backup", "--reason", "worth it")
    assert (made["state"], made["outcome"]["version"], made["reason"]) == ("succeeded", "b+1", "worth it")
    assert home.json("status")["active"] == "b+1"
    assert os.readlink(home.root / "sw.hdd") == "sw.b+1"
    home.dlstack("revert")
    assert not (home.root / "sw/new").exists()


def test_after_a_reboot_the_workers_restore_by_themselves(home: Home) -> None:
    active = home.json("status")["active"]
    home.dlstack("down")
    shutil.rmtree((home.root / "sw.tmpfs").readlink())
    # Starts the services; its own lane may be taken by the check of kernels that follows a restore.
    assert home.dlstack("verify", active, check=False).returncode in (0, 2)
    restored = [item for item in home.json("operations") if item["kind"] == "restore"]
    assert [item["requested_by"] for item in restored] == [None]
    home.dlstack("log", str(restored[0]["id"]), "--follow")
    found = home.json("status")
    assert (found["active"], found["resident"]) == (active, [active])
    assert "nothing to restore" in refused(home, "restore")


def test_removal_says_what_it_frees_before_and_refuses_what_must_stay(home: Home) -> None:
    (home.root / "sw.newest").mkdir()
    home.dlstack("adopt")
    before = home.json("status")
    assert "it cannot be removed" in refused(home, "remove", before["active"])
    shown = home.json("prune", "--keep", "1", "--dry-run")
    assert shown["summary"].startswith("Deletes “")
    assert home.json("status")["versions"] == before["versions"]
    done = home.json("prune", "--keep", "1")
    assert done["outcome"]["removed"]
    left = {version["name"] for version in home.json("status")["versions"]}
    assert left == {version["name"] for version in before["versions"]} - set(done["outcome"]["removed"])
    assert before["active"] in left
    assert "nothing to prune" in refused(home, "prune", "--keep", "1")


def test_what_is_provisioned_already_is_done(home: Home) -> None:
    before = sorted(path.name for path in home.root.iterdir())
    shown = home.dlstack("provision", "--dry-run").stdout
    assert all(line.startswith("#") or " " in line for line in shown.splitlines())
    assert sorted(path.name for path in home.root.iterdir()) == before


def test_nothing_left_to_adopt_or_convert(home: Home) -> None:
    assert "nothing to adopt" in refused(home, "adopt")
    assert "has layout resident already" in refused(home, "convert")


def test_what_would_be_done_is_shown_and_not_done(home: Home) -> None:
    count = len(home.json("operations", "--limit", "1000"))
    for verb in (("discard",), ("backup",), ("verify", home.json("status")["active"])):
        shown = home.json(*verb, "--dry-run")
        assert shown["steps"]
    assert len(home.json("operations", "--limit", "1000")) == count


def test_an_unreadable_number_is_refused(home: Home, tmp_path: Path) -> None:
    assert "--keep" in refused(home, "prune", "--keep", "x")
    assert "At least one version must be kept" in refused(home, "prune", "--keep", "0")
