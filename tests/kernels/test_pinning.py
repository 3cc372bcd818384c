"""A kernel stays on the version that it began with: real kernels, real switches, a venv and a conda environment."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from stacks.engine import versions
from stacks.engine.kernels import checks, inventory, pinning
from stacks.engine.layout import Layout
from tests.engine import channel as channels
from tests.engine.channel import MINOR, Package
from tests.engine.conftest import Runner, layout, owner, runner
from tests.wheels import Index

__all__ = ["layout", "owner", "runner"]
LIVE = Path("/data0/sw")
SPEC = {"argv": [f"{LIVE}/env/bin/python", "-m", "k", "{connection_file}"], "display_name": "K", "language": "k"}


def test_a_pinned_kernelspec_can_be_told_and_turned_back() -> None:
    pinned = pinning.pin(SPEC, LIVE)
    assert pinning.is_pinned(pinned)
    assert not pinning.is_pinned(SPEC)
    assert pinning.pin(pinned, LIVE) == pinned
    assert pinning.unpin(pinned) == SPEC
    assert {name: pinned[name] for name in ("display_name", "language")} == {"display_name": "K", "language": "k"}


def test_jupyter_finds_nothing_to_fill_in_the_launcher() -> None:
    argv = pinning.pin(SPEC, LIVE)["argv"]
    assert re.findall(r"\{([A-Za-z0-9_]+)\}", " ".join(argv)) == ["connection_file"]


@pytest.mark.parametrize("program", ["/usr/bin/R", "R", "/data0/sw.2025/env/bin/python", "/data0/swap/bin/x"])
def test_what_does_not_lie_below_the_live_path_is_left_alone(program: str) -> None:
    spec = {"argv": [program, "{connection_file}"]}
    assert pinning.pin(spec, LIVE) == spec


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A live path that leads to a version, with a program that prints its arguments, and a script for it."""
    (tmp_path / "sw.a/env/bin").mkdir(parents=True)
    (tmp_path / "sw").symlink_to("sw.a")
    show = tmp_path / "sw.a/env/bin/show"
    show.write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@" "$PATH" "$R_HOME"\n')
    script = tmp_path / "sw.a/env/bin/script"
    script.write_text(f"#!{tmp_path}/sw/env/bin/show -x y\nunread\n")
    for file in (show, script):
        file.chmod(0o755)
    return tmp_path


def started(root: Path, argv: list[str], shell: str = "/bin/sh", **env: str) -> list[str]:
    pinned = pinning.pin({"argv": argv, "env": env}, root / "sw")["argv"]
    variables = {"PATH": f"{root}/sw/env/bin:/usr/bin:/bin", **env}
    done = subprocess.run([shell, *pinned[1:]], env=variables, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_the_live_path_is_resolved_in_the_command_and_in_variables(tree: Path, shell: str) -> None:
    live, real = f"{tree}/sw", f"{tree}/sw.a"
    argv = [f"{live}/env/bin/show", f"--lib={live}/x", "a b", "*", "$(x)", f"{live}stay", "it's"]
    assert started(tree, argv, shell, R_HOME=f"{live}/env/R:/other") == [
        *(f"{real}/env/bin/show", f"--lib={real}/x", "a b", "*", "$(x)", f"{live}stay", "it's"),
        *(f"{real}/env/bin:/usr/bin:/bin", f"{real}/env/R:/other"),
    ]


def test_a_script_runs_by_the_interpreter_of_its_own_version(tree: Path) -> None:
    real = f"{tree}/sw.a"
    said = started(tree, [f"{tree}/sw/env/bin/script", "z"])
    assert said[:4] == [f"{real}/env/bin/show", "-x y", f"{real}/env/bin/script", "z"]


def test_without_a_live_path_the_plain_one_is_tried(tree: Path) -> None:
    (tree / "sw").unlink()
    with pytest.raises(subprocess.CalledProcessError) as raised:
        started(tree, [f"{tree}/sw/env/bin/show"])
    assert f"{tree}/sw/env/bin/show" in raised.value.stderr


@contextmanager
def kernel(directory: Path) -> Iterator[BlockingKernelClient]:
    """Start the kernelspec python3 of a directory as Jupyter does, in the live path's own view of the machine."""
    manager = KernelManager(kernel_name="python3", transport="ipc", ip=str(directory.parent / "s"))
    manager.kernel_spec_manager = KernelSpecManager(kernel_dirs=[str(directory)], ensure_native_kernel=False)
    # A short path: that of a socket may have 107 bytes.
    manager.ip = f"/tmp/dlp-{os.getpid()}-{abs(hash(directory))}"
    manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=30)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def ask(client: BlockingKernelClient, code: str) -> str:
    said: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        said.append(message["content"].get("text", ""))

    client.execute_interactive(f"print({code})", timeout=30, output_hook=hear)
    return "".join(said).strip()


def check_switch(layout: Layout, runner: Runner, tmp_path: Path, module: str) -> None:
    """Of two kernels started on version a, after a switch to b, the pinned one imports from a, the other one from b."""
    installed = layout.live / "anaconda3/share/jupyter/kernels"
    spec = json.loads((installed / "python3/kernel.json").read_text())
    assert pinning.is_pinned(spec)
    plain = tmp_path / "plain"
    (plain / "python3").mkdir(parents=True)
    (plain / "python3/kernel.json").write_text(json.dumps(pinning.unpin(spec)))
    lazily = f"__import__('{module}').NAME"
    with kernel(installed) as pinned, kernel(plain) as unpinned:
        prefix = os.path.realpath(layout.live) + "/anaconda3"
        assert ask(pinned, "__import__('sys').prefix") == prefix
        assert ask(unpinned, "__import__('sys').prefix") == f"{layout.live}/anaconda3"
        runner.run("deploy", version="b")
        assert ask(pinned, lazily) == "version 1"
        assert ask(unpinned, lazily) == "version 2"
        path = json.loads(ask(pinned, "__import__('json').dumps(__import__('sys').path)"))
        assert not [place for place in path if place.startswith(f"{layout.live}/")]
        with kernel(installed) as later:
            assert ask(later, lazily) == "version 2"


def check_inventory(layout: Layout, name: str) -> None:
    description = versions.need_sealed(layout, name)
    [found] = inventory.take(checks.sight_of(layout, layout.version(name), description))
    assert (found.name, found.pinned, found.wins) == ("python3", True, True)
    assert found.interpreter == f"{layout.live}/anaconda3/bin/python"
    assert found.interpreter_version.startswith("3.")
    assert "ipykernel" in found.packages
    assert found.state == "ok", found.findings


VENV = """name = "pinned"
[[environments]]
path = "anaconda3"
installer = "venv"
packages = ["ipykernel", "lazy=={version}"]
find_links = ["{links}"]
jupyter = true
[[environments.kernelspecs]]
name = "python3"
display_name = "Python 3"
"""


@pytest.mark.network
@pytest.mark.slow
def test_a_kernel_of_a_venv_stays_on_its_version(layout: Layout, runner: Runner, tmp_path: Path) -> None:
    index = Index(tmp_path / "index")
    for number in (1, 2):
        index.add("lazy", f"{number}.0", f"NAME = 'version {number}'\n")
    for number, name in enumerate("ab", 1):
        text = VENV.format(version=f"{number}.0", links=index.place / "lazy")
        runner.run("build", version=name, generation=number, recipe_text=text)
    runner.run("deploy", version="a")
    check_inventory(layout, "a")
    check_switch(layout, runner, tmp_path, "lazy")


CONDA = """name = "pinned"
[[environments]]
path = "anaconda3"
installer = "conda"
python = "{minor}"
channels = ["{channel}", "{own}"]
packages = ["lazy =={version}"]
pip = ["ipykernel"]
jupyter = true
[[environments.kernelspecs]]
name = "python3"
display_name = "Python 3"
"""


@pytest.mark.network
@pytest.mark.slow
def test_a_kernel_of_a_conda_environment_stays_on_its_version(
    layout: Layout, runner: Runner, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    own = tmp_path / "own"
    packed = []
    for number in (1, 2):
        module = "site-packages/lazy/__init__.py"
        link = {"noarch": {"type": "python"}, "package_metadata_version": 1}
        content: dict[str, bytes | Path] = {module: f"NAME = 'version {number}'\n".encode()}
        packed.append(Package("lazy", f"{number}.0", content, depends=["python >=3.9"], noarch="python", link=link))
    channels.write(own, packed)
    for number, name in enumerate("ab", 1):
        channel = channels.cached(request.config)
        text = CONDA.format(minor=MINOR, channel=channel, own=own, version=f"{number}.0")
        runner.run("build", version=name, generation=number, recipe_text=text)
    runner.run("deploy", version="a")
    check_inventory(layout, "a")
    check_switch(layout, runner, tmp_path, "lazy")


def test_what_is_not_pinned_is_shown_as_such(layout: Layout) -> None:
    directory = layout.root / "sw.x/env/share/jupyter/kernels"
    for name, spec in (("plain", SPEC), ("pinned", SPEC)):
        (directory / name).mkdir(parents=True)
        argv = [word.replace(str(LIVE), str(layout.live)) for word in spec["argv"]]
        whole = {**spec, "argv": argv}
        text = json.dumps(pinning.pin(whole, layout.live) if name == "pinned" else whole)
        (directory / name / "kernel.json").write_text(text)
    found = {item.name: item for item in inventory.take(checks.sight_of(layout, layout.root / "sw.x"))}
    assert {name: item.pinned for name, item in found.items()} == {"plain": False, "pinned": True}
    assert "not-pinned" in {finding.code for finding in found["plain"].findings}
    assert "not-pinned" not in {finding.code for finding in found["pinned"].findings}
    assert found["plain"].argv == found["pinned"].argv
