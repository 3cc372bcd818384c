"""A kernelspec comes into the live version, or goes, in seconds: the old version's bytes stay, one revert undoes it."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from stacks.engine import journal, manifest, recovery, resident, seal, versions
from stacks.engine.errors import Failed, Refused, VerifyFailed
from stacks.engine.kernels import checks, inventory, library, pinning, variant
from stacks.engine.kernels.inventory import Kernel
from stacks.engine.kernels.variant import Change
from stacks.engine.layout import Layout
from stacks.engine.trees import Porter
from stacks.engine.versions import Description
from tests.engine.conftest import Runner, layout, owner, porter, runner
from tests.kernels import corpus
from tests.kernels.corpus import Stage

__all__ = ["layout", "owner", "porter", "runner"]
KERNELS = "anaconda3/share/jupyter/kernels"


@pytest.fixture
def on(layout: Layout) -> Stage:
    """A tree in the build area, to which a test may add before it is sealed as “a”."""
    return corpus.stage(layout, layout.building)


def sealed(on: Stage, name: str = "a", **fields: object) -> Description:
    content = seal.scan(on.layout)
    values = {"uuid": str(uuid.uuid4()), "generation": 1, "sealed_at": time.time(), **fields}
    description = Description(name=name, manifest=content.digest, files=content.files, bytes=content.bytes, **values)  # type: ignore[arg-type]
    seal.commit(on.layout, description, content)
    return description


def in_library(on: Stage, name: str, how: str) -> None:
    """Put the tiny kernel, going wrong in the way told, into the library."""
    argv = [f"{on.prefix}/bin/python", f"{on.prefix}/lib/tiny_kernel.py", "{connection_file}", how]
    spec = {"argv": argv, "display_name": name.title(), "language": "python", "env": {"PYTHONPATH": f"{on.prefix}/lib"}}
    library.write(on.layout.kernel_specs, name, json.dumps(spec), expected="")
    (on.layout.kernel_specs / name / "logo-64x64.png").write_bytes(b"logo")


def live_kernels(layout: Layout) -> dict[str, Kernel]:
    name = resident.active(layout) or ""
    sight = checks.sight_of(layout, layout.live, versions.need_sealed(layout, name))
    return {kernel.name: kernel for kernel in inventory.take(sight) if kernel.environment}


def test_a_library_kernelspec_comes_into_the_live_version_and_one_revert_takes_it_away(
    layout: Layout, runner: Runner, on: Stage
) -> None:
    sealed(on)
    runner.run("deploy", version="a")
    before = manifest.scan(layout.version("a"))
    in_library(on, "tiny", "well")
    outcome = runner.run("kernel-install", version="b", kernel="tiny", generation=2)
    assert resident.active(layout) == resident.backing(layout) == "b"
    assert manifest.scan(layout.version("a")) == manifest.scan(layout.resident("a")) == before
    assert (outcome["version"], outcome["previous"], outcome["healthy"]) == ("b", "a", True)
    assert [(item["name"], item["state"]) for item in outcome["kernels"]] == [("tiny", "ok")]
    assert outcome["unique_bytes"] < 20_000
    found = live_kernels(layout)["tiny"]
    assert (found.pinned, found.source, found.wins, found.logos) == (True, "library", True, ["logo-64x64.png"])
    listed = versions.need_sealed(layout, "b").kernelspecs
    assert [(item["name"], item["environment"], item["display_name"]) for item in listed] == [
        ("tiny", "anaconda3", "Tiny")
    ]
    for name in "ab":
        runner.run("verify", version=name, full=True)
    for path in ("lib/tiny_kernel.py", "bin/jupyter-lab"):
        assert (layout.version("a") / "anaconda3" / path).samefile(layout.version("b") / "anaconda3" / path)
        assert (layout.resident("a") / "anaconda3" / path).samefile(layout.resident("b") / "anaconda3" / path)
    assert journal.last_active(layout, besides="b") == "a"
    runner.run("revert", version="a")
    assert live_kernels(layout) == {}


def test_an_installed_kernelspec_is_replaced_not_written_through(layout: Layout, runner: Runner, on: Stage) -> None:
    on.tiny("tiny", "well")
    (on.kernels / "tiny/old.txt").write_text("old")
    sealed(on)
    runner.run("deploy", version="a")
    before = manifest.scan(layout.version("a"))
    in_library(on, "tiny", "well, too")
    runner.run("kernel-install", version="b", kernel="tiny")
    assert manifest.scan(layout.version("a")) == manifest.scan(layout.resident("a")) == before
    assert sorted(path.name for path in (layout.live / KERNELS / "tiny").iterdir()) == ["kernel.json", "logo-64x64.png"]
    assert versions.need_sealed(layout, "b").generation == 2


def test_a_kernelspec_goes_and_the_others_stay(layout: Layout, runner: Runner, on: Stage) -> None:
    for name in ("one", "two"):
        on.tiny(name, "well")
    listed = [{"name": name, "environment": "anaconda3", "required": name == "two"} for name in ("one", "two")]
    sealed(on, kernelspecs=listed)
    runner.run("deploy", version="a")
    runner.run("kernel-remove", version="b", kernel="one")
    assert set(live_kernels(layout)) == {"two"}
    assert [item["name"] for item in versions.need_sealed(layout, "b").kernelspecs] == ["two"]
    with pytest.raises(Refused, match="required by the recipe"):
        runner.run("kernel-remove", version="c", kernel="two")
    with pytest.raises(Refused, match="nothing to remove"):
        runner.run("kernel-remove", version="c", kernel="one")
    runner.run("verify", version="b", full=True)


def test_a_kernel_that_does_not_answer_leaves_all_as_it_was(layout: Layout, runner: Runner, on: Stage) -> None:
    sealed(on)
    runner.run("deploy", version="a")
    in_library(on, "tiny", "errs")
    with pytest.raises(Failed, match="“tiny” of “b” does not answer"):
        runner.run("kernel-install", version="b", kernel="tiny")
    assert resident.active(layout) == resident.backing(layout) == "a"
    nothing_of(layout, "b")
    assert journal.history(layout)[-1]["outcome"] == "undone"


def nothing_of(layout: Layout, name: str) -> None:
    for path in (layout.version(name), layout.description(name), layout.resident(name), layout.staging(name)):
        assert not os.path.lexists(path), path
    assert not os.path.lexists(variant.place(layout, name))


def test_an_environment_is_published_to_all_users(layout: Layout, runner: Runner, on: Stage) -> None:
    other = on.tree / "dragons"
    (other / "bin").mkdir(parents=True)
    (other / "bin/python").symlink_to(corpus.PYTHON)
    own = other / "share/jupyter/kernels/python3"
    own.mkdir(parents=True)
    argv = ["python", f"{on.prefix}/lib/tiny_kernel.py", "{connection_file}", "well"]
    env = {"PYTHONPATH": f"{on.prefix}/lib"}
    (own / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "x", "language": "python", "env": env}))
    (own / "logo-svg.svg").write_text("<svg/>")
    sealed(on)
    runner.run("deploy", version="a")
    asked = {"kernel": "dragons", "environment": "dragons", "display_name": "DRAGONS", "language": "python"}
    runner.run("kernel-install", version="b", **asked)
    found = live_kernels(layout)["dragons"]
    assert (found.environment, found.interpreter_environment) == ("anaconda3", "dragons")
    assert (found.display_name, found.wins, found.pinned) == ("DRAGONS", True, True)
    assert found.interpreter == f"{layout.live}/dragons/bin/python"
    assert found.logos == ["logo-svg.svg"]


def test_an_environment_without_its_own_kernelspec_gets_the_usual_one(
    layout: Layout, runner: Runner, on: Stage
) -> None:
    sealed(on)
    runner.run("deploy", version="a")
    asked = {"kernel": "p", "environment": "anaconda3", "display_name": "P"}
    with pytest.raises(Failed, match="does not answer"):  # there is no ipykernel in it
        runner.run("kernel-install", version="b", **asked)
    runner.run("kernel-install", version="b", override_health=True, **asked)
    spec = json.loads((layout.live / KERNELS / "p/kernel.json").read_text())
    assert pinning.unpin(spec)["argv"][:3] == [f"{on.prefix}/bin/python", "-m", "ipykernel_launcher"]


REFUSED = {
    "not in the library": ({"kernel": "none"}, "is not in the library"),
    "no name": ({"kernel": "../x"}, "cannot name a kernelspec"),
    "would not start": ({"kernel": "lost"}, "would not start in this version"),
    "broken": ({"kernel": "broken"}, "no valid JSON"),
    "no environment": ({"kernel": "p", "environment": "gone", "display_name": "P"}, "no environment “gone”"),
    "up": ({"kernel": "p", "environment": "..", "display_name": "P"}, "no environment"),
    "no R": ({"kernel": "p", "environment": "anaconda3", "display_name": "P", "language": "R"}, "would not start"),
    "no such language": ({"kernel": "p", "environment": "anaconda3", "display_name": "P", "language": "X"}, "library"),
    "markup": ({"kernel": "p", "environment": "anaconda3", "display_name": "<b>P</b>"}, "markup"),
    "taken": ({"kernel": "p", "version": "a"}, "is not in the library"),
}


@pytest.mark.parametrize(("asked", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_before_anything_changes(
    layout: Layout, runner: Runner, on: Stage, asked: dict[str, str], says: str
) -> None:
    sealed(on)
    runner.run("deploy", version="a")
    for name, text in (("lost", '{"argv": ["/none", "{connection_file}"]}'), ("broken", "{")):
        (layout.kernel_specs / name).mkdir(parents=True)
        (layout.kernel_specs / name / "kernel.json").write_text(text)
    before = manifest.scan(layout.root)
    with pytest.raises(Refused, match=says):
        runner.plan("kernel-install", **{"version": "b", **asked})
    assert manifest.scan(layout.root) == before


def test_a_name_that_is_taken_is_refused(layout: Layout, runner: Runner, on: Stage) -> None:
    sealed(on)
    in_library(on, "tiny", "well")
    with pytest.raises(Refused, match="Nothing is active"):
        runner.plan("kernel-install", version="b", kernel="tiny")
    runner.run("deploy", version="a")
    with pytest.raises(Refused, match="is there already"):
        runner.plan("kernel-install", version="a", kernel="tiny")


def test_a_planted_symlink_is_not_followed(layout: Layout, runner: Runner, on: Stage, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "jupyter/kernels").mkdir(parents=True)
    on.kernels.rmdir()
    on.kernels.parent.rmdir()
    on.kernels.parent.parent.rmdir()
    (on.tree / "anaconda3/share").symlink_to(outside)
    sealed(on)
    runner.run("deploy", version="a")
    in_library(on, "tiny", "well")
    with pytest.raises(Refused, match="is a symlink or a file"):
        runner.run("kernel-install", version="b", kernel="tiny")
    assert list((outside / "jupyter/kernels").iterdir()) == []
    nothing_of(layout, "b")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_external_environments_come_along_as_they_are_now(layout: Layout, runner: Runner, on: Stage) -> None:
    place = on.tree / "antares"
    place.mkdir()
    (place / "file").write_text("old")
    for path in (place, place / "file"):
        os.chown(path, 899, 899)
    sealed(on, externals={"antares": (899, 899)})
    runner.run("deploy", version="a")
    (layout.live / "antares/file").write_text("new and longer")
    in_library(on, "tiny", "well")
    runner.run("kernel-install", version="b", kernel="tiny")
    for tree in (layout.version("b"), layout.resident("b")):
        assert (tree / "antares/file").read_text() == "new and longer"
        assert (tree / "antares/file").stat().st_uid == 899
        assert (tree / "antares/file").stat().st_nlink == 1
    runner.run("verify", version="b", full=True)
    assert (layout.version("a") / "antares/file").read_text() == "old"


Stop = Callable[[Layout, Description, Porter], None]


def _half(layout: Layout, active: Description, porter: Porter) -> None:
    variant.make(layout, active, versions.tree(layout, "a"), "b", CHANGE, porter=porter)


def _sealed(layout: Layout, active: Description, porter: Porter) -> None:
    content = variant.make(layout, active, versions.tree(layout, "a"), "b", CHANGE, porter=porter)
    variant.commit(layout, variant.describe(active, "b", 2, IDENTIFIER, CHANGE), content)


def _staged(layout: Layout, active: Description, porter: Porter) -> None:
    _sealed(layout, active, porter)
    resident.stage(layout, versions.need_sealed(layout, "b"), porter)


def _resident(layout: Layout, active: Description, porter: Porter) -> None:
    _staged(layout, active, porter)
    resident.admit(layout, versions.need_sealed(layout, "b"))


def _described(layout: Layout, active: Description, porter: Porter) -> None:
    _sealed(layout, active, porter)
    layout.version("b").rename(variant.place(layout, "b"))


CHANGE = Change("anaconda3", "k", {"kernel.json": b"{}"}, {"name": "k", "environment": "anaconda3"})
IDENTIFIER = str(uuid.uuid4())


@pytest.mark.parametrize("until", [_half, _described, _sealed, _staged, _resident])
def test_killed_before_the_switch_nothing_is_left(
    layout: Layout, runner: Runner, on: Stage, porter: Porter, until: Stop
) -> None:
    active = sealed(on)
    runner.run("deploy", version="a")
    journal.begin(layout, "live", operation="1", kind="kernel-install", version="b", previous="a", uuid=IDENTIFIER)
    until(layout, active, porter)
    [said] = recovery.recover(layout, "live")
    assert "withdrawn" in said
    assert resident.active(layout) == "a"
    nothing_of(layout, "b")
    runner.run("verify", version="a", full=True)


def test_killed_after_the_switch_it_is_completed(layout: Layout, runner: Runner, on: Stage, porter: Porter) -> None:
    active = sealed(on)
    runner.run("deploy", version="a")
    journal.begin(layout, "live", operation="1", kind="kernel-install", version="b", previous="a", uuid=IDENTIFIER)
    _resident(layout, active, porter)
    resident.activate(layout, "b")
    layout.backing.unlink()
    layout.backing.symlink_to("sw.a")
    [said] = recovery.recover(layout, "live")
    assert "had become active" in said
    assert resident.active(layout) == resident.backing(layout) == "b"


def test_a_version_of_the_same_name_that_somebody_else_made_stays(layout: Layout, runner: Runner, on: Stage) -> None:
    sealed(on)
    runner.run("deploy", version="a")
    corpus.stage(layout, layout.building)
    sealed(on, "b", generation=2)
    journal.begin(layout, "live", operation="1", kind="kernel-install", version="b", previous="a", uuid=IDENTIFIER)
    recovery.recover(layout, "live")
    assert versions.sealed(layout, "b")


def test_a_file_that_changed_on_disk_is_never_sealed_under_its_old_digest(
    layout: Layout, runner: Runner, on: Stage
) -> None:
    sealed(on)
    runner.run("deploy", version="a")
    in_library(on, "tiny", "well")
    damaged = layout.version("a") / "anaconda3/lib/tiny_kernel.py"
    text = damaged.read_bytes()
    damaged.unlink()
    damaged.write_bytes(text[::-1])
    with pytest.raises(VerifyFailed, match=r"tiny_kernel\.py"):
        runner.run("kernel-install", version="b", kernel="tiny")
    assert "b" not in versions.directories(layout)
    assert resident.active(layout) == "a"


def test_a_name_that_a_build_has_is_refused(layout: Layout, runner: Runner, on: Stage) -> None:
    sealed(on)
    runner.run("deploy", version="a")
    in_library(on, "tiny", "well")
    journal.begin(layout, "build", operation="1", kind="build", version="b")
    with pytest.raises(Refused, match="A build makes a version “b” now"):
        runner.plan("kernel-install", version="b", kernel="tiny")


def test_what_would_not_go_away_does_not_block_the_lane(layout: Layout, runner: Runner, on: Stage) -> None:
    described = sealed(on)
    runner.run("deploy", version="a")
    journal.begin(layout, "live", operation="1", kind="kernel-install", version="a", uuid=described.uuid)
    layout.live.unlink()
    recovery.recover(layout, "live")
    assert journal.pending(layout, "live") is None
    assert versions.sealed(layout, "a")
