"""The installer `conda`: the real py-rattler in the real sandbox, from channels on disk and over HTTP."""

from __future__ import annotations

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rattler

from stacks.engine import area, guest, recipe, versions
from stacks.engine.errors import CommandFailed, Refused
from stacks.engine.gate import Gate
from stacks.engine.grounds import Guard, Sandboxed
from stacks.engine.installers import conda
from stacks.engine.installers.base import Site
from stacks.engine.installers.conda import Conda
from stacks.engine.kernels import pinning
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from tests.engine import channel as channels
from tests.engine.channel import MINOR, PYTHON, Package
from tests.engine.conftest import Runner
from tests.wheels import Index

RECIPE = """
name = "conda-stack"
[[environments]]
path = "anaconda3"
installer = "conda"
python = "{python}"
channels = ["{channel}"]
packages = [{packages}]
pip = [{pip}]
jupyter = true
"""
KERNEL = '[[environments.kernelspecs]]\nname = "python3"\ndisplay_name = "Python 3 (conda)"\n'


@pytest.fixture(scope="session")
def channel(request: pytest.FixtureRequest) -> Path:
    """A channel with the Python that runs the tests."""
    return channels.cached(request.config)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A channel whose Python does nothing, for what has to do with packages only."""
    files: dict[str, bytes | Path] = {"bin/python": b"#!/bin/sh\nexit 0\n", f"lib/python{MINOR}/os.py": b"\n"}
    bulk = Package("bulk", "1.0", {"share/bulk": os.urandom(3_000_000)})
    broken = Package("broken", "1.0", {"bin/.broken-post-link.sh": b"#!/bin/sh\necho no luck >&2\nexit 3\n"})
    place = tmp_path / "small"
    channels.write(place, [Package("python", PYTHON, files), bulk, broken, channels.tables(), channels.greeter()])
    return place


def spelled(channel: Path | str, *packages: str, pip: tuple[str, ...] = (), python: str = MINOR, more: str = "") -> str:
    lists = {name: ", ".join(f'"{item}"' for item in items) for name, items in (("packages", packages), ("pip", pip))}
    return RECIPE.format(channel=channel, python=python, **lists) + more


@pytest.fixture
def site(layout: Layout, runner: Runner, tmp_path: Path, gate: Gate) -> Site:
    """A place where an installer can be called by itself."""
    layout.cache.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        for place in (layout.build_area, layout.cache):
            os.chown(place, runner.owner.uid, runner.owner.gid)
    area.make_place(layout, runner.owner)
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    ground = Sandboxed(layout, runner.owner, guard=Guard(gate=gate))
    return Site(layout, runner.owner, runner.events.append, runner.stop, inputs, ground, layout.building)


@pytest.mark.network
@pytest.mark.slow
def test_a_conda_stack_with_a_pip_section_is_built_deployed_and_answers(
    layout: Layout, runner: Runner, owner: Owner, channel: Path
) -> None:
    text = spelled(channel, "greeter", "prefixed", pip=("ipykernel",), more=KERNEL)
    outcome = runner.run("build", version="a", generation=1, recipe_text=text)
    found = outcome["packages"]["anaconda3"]
    assert (found["python"], found["greeter"], found["prefixed"], found["tables-data"]) == (PYTHON, "1.4", "2.1", "0.3")
    assert "ipykernel" in found
    assert outcome["warnings"] == {"anaconda3": 0}
    # The deployment starts the kernel at the live path before and after the link moves; it is a required one.
    runner.run("deploy", version="a")
    check_prefixes(layout, layout.live / "anaconda3", channel)
    check_modules(layout.live / "anaconda3", owner)
    second = runner.run("build", version="b", generation=2, recipe_text=text)
    assert second["lockfile"] == outcome["lockfile"]
    assert second["unique_bytes"] <= 0.15 * second["bytes"]
    assert (layout.version("a") / "anaconda3/share/plain.txt").samefile(
        layout.version("b") / "anaconda3/share/plain.txt"
    )


def check_prefixes(layout: Layout, prefix: Path, channel: Path) -> None:
    """The live prefix stands in text, binary, link script's work and entry point, and no other stands anywhere."""
    assert (prefix / "bin/prefixed").read_text().startswith(f"#!{prefix}/bin/python\n")
    assert f"{prefix}/lib/prefixed\0".encode() in (prefix / "share/prefixed.bin").read_bytes()
    assert (prefix / "share/linked.txt").read_text() == f"linked at {prefix}\n"
    assert (prefix / "bin/greet").read_text().startswith(f"#!{prefix}/bin/python")
    assert subprocess.check_output([prefix / "bin/greet"], text=True) == "hello from greeter\n"
    spec = json.loads((prefix / "share/jupyter/kernels/python3/kernel.json").read_text())
    assert pinning.unpin(spec)["argv"][0] == f"{prefix}/bin/python"
    # Conda's own records say what stood in the packages.
    for other in (channels.PLACEHOLDER, layout.state, f"{layout.root}/cache", layout.ramdisk, "/run/dlstack"):
        grep = ["grep", "-rlF", "--exclude-dir=conda-meta", str(other), f"{prefix}/"]
        assert subprocess.run(grep, capture_output=True, text=True, check=False).stdout == ""
    for other in (layout.state, f"{layout.root}/cache"):
        grep = ["grep", "-rlF", str(other), f"{prefix}/conda-meta"]
        assert subprocess.run(grep, capture_output=True, text=True, check=False).stdout == ""
    assert not (prefix / "CACHEDIR.TAG").exists()
    assert (prefix / "conda-meta/history").exists()


def check_modules(prefix: Path, owner: Owner) -> None:
    """Every module is compiled, conda's and noarch too; all of it is the owner's."""
    library = prefix / f"lib/python{MINOR}"
    for module in (library / "os.py", library / "site-packages/greeter/__init__.py"):
        assert list(module.parent.glob(f"__pycache__/{module.stem}.*.pyc"))
    compiled = len(list(library.rglob("*.pyc")))
    assert compiled >= 0.99 * len(list(library.rglob("*.py")))
    assert {path.lstat().st_uid for path in prefix.rglob("*")} == {owner.uid}


def test_a_solution_is_locked_the_same_each_time_and_enough_to_install_from(
    site: Site, layout: Layout, small: Path
) -> None:
    environment = recipe.parse(spelled(small, "bulk", "greeter")).environments[0]
    locked = Conda().resolve(environment, site)
    assert Conda().resolve(environment, site) == locked
    records, pip = conda.read(locked)
    assert [record["name"] for record in records] == ["bulk", "greeter", "python", "tables-data"]
    assert all(record["url"].startswith(small.as_uri()) and len(record["sha256"]) == 64 for record in records)
    assert pip == ""
    # The channel moves on; the lockfile does not.
    repodata = small / "noarch/repodata.json"
    repodata.write_text(repodata.read_text().replace('"version": "1.4"', '"version": "9.9"'))
    assert Conda().install(environment, locked, site) == 0
    prefix = layout.building / "anaconda3"
    assert (prefix / "share/bulk").stat().st_size == 3_000_000
    written = json.loads((prefix / "conda-meta/greeter-1.4-0.json").read_text())
    assert {key: written[key] for key in records[1]} == records[1]


def test_files_are_hard_links_of_the_cache_which_heals(site: Site, layout: Layout, small: Path) -> None:
    environment = recipe.parse(spelled(small, "bulk")).environments[0]
    locked = Conda().resolve(environment, site)
    Conda().install(environment, locked, site)
    file = layout.building / "anaconda3/share/bulk"
    assert file.stat().st_nlink == 2
    content = file.read_bytes()
    with file.open("r+b") as shared:  # whatever writes into a built tree writes into the cache
        shared.write(b"spoilt")
    area.make_place(layout, site.owner)
    Conda().install(environment, locked, site)
    assert file.read_bytes() == content


def test_a_package_that_is_not_what_was_locked_is_refused(site: Site, small: Path, mirror: str) -> None:
    environments = [recipe.parse(spelled(place, "bulk")).environments[0] for place in (small, mirror)]
    locked = [Conda().resolve(environment, site) for environment in environments]
    channels.pack(Package("bulk", "1.0", {"share/bulk": b"something else"}), small / "linux-64")
    with pytest.raises(CommandFailed, match="is not what was locked"):
        Conda().install(environments[0], locked[0], site)
    with pytest.raises(CommandFailed, match="rattler install anaconda3 ended with status 1"):
        Conda().install(environments[1], locked[1], site)


def test_a_link_script_that_fails_is_told_and_counted(site: Site, runner: Runner, small: Path) -> None:
    environment = recipe.parse(spelled(small, "broken")).environments[0]
    assert Conda().install(environment, Conda().resolve(environment, site), site) == 1
    assert any(event.kind == "warning" and "link script of broken failed" in event.text for event in runner.events)


@pytest.mark.parametrize(
    ("packages", "says"),
    [
        (("no-such-package",), "No candidates were found for no-such-package"),
        (("greeter >=99",), "No candidates were found for greeter >=99"),
        (("greeter [",), "“greeter \\[” is no conda package specification"),
        (("python 2.7.*",), "No candidates were found for python 2.7"),
    ],
)
def test_what_cannot_be_solved_is_said(site: Site, small: Path, packages: tuple[str, ...], says: str) -> None:
    with pytest.raises(CommandFailed, match=says):
        Conda().resolve(recipe.parse(spelled(small, *packages)).environments[0], site)


def test_a_channel_that_is_not_there_is_refused_at_once(runner: Runner, tmp_path: Path) -> None:
    text = spelled(tmp_path / "nowhere", "x")
    with pytest.raises(Refused, match="nowhere does not exist on this machine"):
        runner.plan("build", version="a", generation=1, recipe_text=text)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def mirror(small: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(small))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_mirror_over_http_with_progress_in_bytes_and_packages(site: Site, layout: Layout, mirror: str) -> None:
    environment = recipe.parse(spelled(mirror, "bulk", "greeter")).environments[0]
    locked = Conda().resolve(environment, site)
    assert f"{mirror}/linux-64/bulk-1.0-0.tar.bz2" in locked
    bar: list[tuple[int, int, str]] = []
    site.advance = lambda done, total, unit: bar.append((done, total, unit))
    Conda().install(environment, locked, site)
    assert bar[-1] == (4, 4, "packages")
    fetching = [done for done, _, unit in bar if unit == "bytes"]
    assert fetching
    assert fetching == sorted(fetching)


def test_one_cache_serves_two_installations_at_once(small: Path, tmp_path: Path, site: Site) -> None:
    environment = recipe.parse(spelled(small, "bulk", "greeter")).environments[0]
    records, _ = conda.read(Conda().resolve(environment, site))
    script = Path(guest.__file__).with_name("conda.py")
    (tmp_path / "here/lib").mkdir(parents=True)
    (tmp_path / "here/conda.py").symlink_to(script)
    (tmp_path / "here/lib/rattler").symlink_to(Path(rattler.__file__).parent)
    running = []
    for name in ("one", "two", "three"):
        prefix = str(tmp_path / name)
        orders = {"do": "install", "prefix": prefix, "baked": prefix, "records": records, "cache": str(tmp_path / "c")}
        (tmp_path / f"{name}.json").write_text(json.dumps(orders))
        argv = [sys.executable, "-I", str(tmp_path / "here/conda.py"), str(tmp_path / f"{name}.json")]
        running.append(subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    for process in running:
        said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    whole = (tmp_path / "one/share/bulk").read_bytes()
    assert all((tmp_path / name / "share/bulk").read_bytes() == whole for name in ("two", "three"))


def test_pip_is_held_to_what_conda_brings(site: Site, small: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "index")
    for version in ("1.4", "2.0"):
        index.add("greeter", version, "NAME = 1\n")
    index.add("app", "1.0", "NAME = 1\n", requires=("greeter",))
    more = f'index = "{index.url}"\n'
    environment = recipe.parse(spelled(small, "greeter", pip=("app",), more=more)).environments[0]
    _, locked = conda.read(Conda().resolve(environment, site))
    assert "greeter==1.4" in locked
    assert "app==1.0" in locked
    assert "--hash=sha256:" in locked


def test_a_lockfile_of_another_installer_is_refused() -> None:
    with pytest.raises(Exception, match="no lockfile of a conda environment"):
        conda.read("numpy==1\n")


def test_nothing_half_made_is_left(layout: Layout, runner: Runner, small: Path) -> None:
    channels.pack(Package("bulk", "1.0", {"share/bulk": b"something else"}), small / "linux-64")
    with pytest.raises(CommandFailed):
        runner.run("build", version="a", generation=1, recipe_text=spelled(small, "bulk"))
    assert not layout.building.exists()
    assert not versions.all_sealed(layout)
