"""Builds at the live path itself: it leads to the tree meanwhile, services are paused, and all comes back."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

from stacks.engine import journal, links, resident, services, versions
from stacks.engine.errors import CommandFailed, Refused
from stacks.engine.layout import Layout
from stacks.engine.locks import lane_lock
from tests.engine.conftest import Runner, write_tree
from tests.engine.strategies.shared import BOTH, as_before, asked, grep, ran, script_asked, wait_for
from tests.engine.test_build import state
from tests.engine.test_conda import KERNEL, check_prefixes, spelled
from tests.wheels import Index, tiny_recipe

LANES = ("build", "live")


@BOTH
def test_a_build_at_the_live_path_is_sealed_and_all_else_is_as_before(
    production: Layout, runner: Runner, index: Index, strategy: str, notebooks: services.Service
) -> None:
    before = links.target(production.live)
    runner.events.clear()
    outcome = runner.run("build", **asked(index, "b", "tiny-star", strategy=strategy))
    as_before(production, before)
    assert ran(production) == ["notebooks"]
    assert [event.text for event in runner.events if event.text.startswith(("stop", "start"))] == [
        "stop notebooks",
        "start notebooks",
    ]
    assert outcome["packages"] == {"anaconda3": {"tiny-sky": "2.0", "tiny-star": "1.0"}}
    assert resident.active(production) == "a"
    runner.run("deploy", version="b")
    script = production.live / "anaconda3/bin/tiny-sky"
    assert script.read_text().startswith(f"#!{production.live}/anaconda3/bin/python")
    assert subprocess.check_output([script], text=True) == "sky 2.0\n"
    assert list(production.version("b").rglob("tiny_sky/__pycache__/*.pyc"))
    assert grep(production.version("b"), production.state, Path(os.path.realpath(production.ramdisk))) == ""


@BOTH
def test_meanwhile_the_live_path_leads_to_the_build_and_the_live_lane_says_so(
    production: Layout, runner: Runner, repository: Path, strategy: str, notebooks: services.Service
) -> None:
    """Look from inside the build: a script says what it sees."""
    look = f"mkdir anaconda3\npwd\nreadlink {production.live}\nid -u\necho $HOME\n"
    parameters = script_asked(repository, strategy, look + "while test ! -e anaconda3/go; do sleep 0.05; done")
    runner.events.clear()
    building = threading.Thread(target=runner.run, args=("build",), kwargs=parameters)
    building.start()
    wait_for(lambda: (production.live / "anaconda3").is_dir() and production.live.resolve().name == "sw")
    assert ran(production) == []
    with pytest.raises(Refused, match=r"build of “b”.*cancel the build"), lane_lock(production, "live"):
        pass
    with pytest.raises(Refused, match="tree of another build"):
        runner.plan("build", **parameters | {"version": "c"})
    (production.live / "anaconda3/go").touch()
    building.join()
    said = [event.text for event in runner.events if event.step == "install-anaconda3" and event.kind == "output"]
    wanted = ".dlstack/build/sw" if strategy == "repoint" else "sw.tmpfs/.dlstack-build/sw"
    assert said[:3] == [str(production.live), wanted, str(runner.owner.uid)]
    assert "dlstack-inputs" in said[3]
    assert ran(production) == ["notebooks"]
    assert versions.sealed(production, "b")


@BOTH
def test_where_nothing_was_there_nothing_is_there_again(
    layout: Layout, runner: Runner, index: Index, strategy: str
) -> None:
    plan = runner.plan("build", **asked(index, "a", strategy=strategy))
    assert "none is configured" in plan.summary
    assert "users find the tree under construction" in plan.summary
    assert any("No service is configured" in step.explains for step in plan.steps)
    runner.run("build", **asked(index, "a", strategy=strategy))
    as_before(layout, None)
    assert versions.sealed(layout, "a")


@BOTH
def test_a_failure_in_the_middle_puts_all_back(
    production: Layout, runner: Runner, repository: Path, strategy: str, notebooks: services.Service
) -> None:
    before, held = links.target(production.live), state(production)
    with pytest.raises(CommandFailed, match="status 3"):
        runner.run("build", **script_asked(repository, strategy, "mkdir -p anaconda3/half\nexit 3"))
    as_before(production, before)
    assert state(production) == held
    assert ran(production) == ["notebooks"]
    assert journal.history(production)[-1]["outcome"] == "undone"


def test_a_dangling_live_path_is_put_back_as_it_was(layout: Layout, runner: Runner, index: Index) -> None:
    layout.live.symlink_to("sw.tmpfs/gone")
    runner.run("build", **asked(index, "a", strategy="repoint"))
    as_before(layout, "sw.tmpfs/gone")


def test_a_stop_holds_the_locks_of_both_lanes_and_a_start_none(
    layout: Layout, runner: Runner, index: Index, place: Path
) -> None:
    mark = place / "runs"
    mark.touch()
    lists = f"ls -l /proc/self/fd > {place}"
    service: dict[str, object] = {
        "name": "notebooks",
        "status": ["test", "-e", str(mark)],
        "stop": ["sh", "-c", f"{lists}/stop; rm {mark}"],
        "start": ["sh", "-c", f"{lists}/start; touch {mark}"],
    }
    services.configure(layout, [service])
    runner.run("build", **asked(index, "a", strategy="repoint"))
    held = {lane: [f"{lane}.lock" in (place / told).read_text() for told in ("stop", "start")] for lane in LANES}
    assert held == {"build": [True, False], "live": [True, False]}


def test_a_service_that_does_not_start_is_told_and_no_reason_to_lose_the_build(
    layout: Layout, runner: Runner, index: Index, place: Path
) -> None:
    mark = place / "runs"
    mark.touch()
    service = {"name": "broken", "status": ["test", "-e", str(mark)], "stop": ["rm", str(mark)], "start": ["false"]}
    services.configure(layout, [dict(service)])
    assert runner.run("build", **asked(index, "a", strategy="repoint"))["not_started"] == ["broken"]
    assert any(event.kind == "error" and "broken did not start" in event.text for event in runner.events)


@BOTH
def test_an_external_environment_is_carried_over_when_no_guest_runs(
    layout: Layout, runner: Runner, index: Index, place: Path, strategy: str
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    first = place / "first"
    write_tree(first, {"kernel": "theirs"})
    os.chown(first / "kernel", 899, 899)
    more = f'[[environments]]\npath = "antares"\ninstaller = "external"\nowner = "899:899"\nsource = "{first}"\n'
    for name, text in (("a", tiny_recipe(index) + more), ("b", tiny_recipe(index) + more)):
        runner.run("build", version=name, generation=1, recipe_text=text, strategy=strategy)
        runner.run("deploy", version=name)
        (layout.live / "antares/kernel").write_text(f"changed after {name}")
    kernel = layout.version("b") / "antares/kernel"
    assert kernel.read_text() == "changed after a"
    assert (kernel.stat().st_uid, kernel.stat().st_gid) == (899, 899)


@pytest.mark.network
@pytest.mark.slow
@BOTH
def test_a_conda_stack_with_a_pip_section_names_the_live_prefix_only(
    layout: Layout, runner: Runner, channel: Path, strategy: str
) -> None:
    text = spelled(channel, "greeter", "prefixed", pip=("ipykernel",), more=KERNEL)
    outcome = runner.run("build", version="a", generation=1, recipe_text=text, strategy=strategy)
    assert outcome["warnings"] == {"anaconda3": 0}
    runner.run("deploy", version="a")
    check_prefixes(layout, layout.live / "anaconda3", channel)
    assert grep(layout.version("a"), Path(os.path.realpath(layout.ramdisk)), layout.state) == ""
