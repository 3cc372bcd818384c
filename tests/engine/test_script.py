"""The installer `script`: a real git repository whose script takes the command line of dlstack_install.sh."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from stacks.engine import area, build, recipe
from stacks.engine.build import Building
from stacks.engine.errors import CommandFailed, Failed, Refused
from stacks.engine.grounds import Sandboxed
from stacks.engine.installers.base import Site
from stacks.engine.installers.script import suspicious
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from tests.engine.conftest import Runner

SHIPPED = Path(__file__).parents[2] / "recipes" / "dlstack-install.toml"

# Like the script that is run in earnest: its options, `pwd -L`, a tree below the working directory, no `set -e`.
SCRIPT = r"""#!/bin/bash
prefix=`pwd -L`
do_kernels=0
kernel_dir='/data0/kernel-specs'
given=("$@")
while [ "$#" -gt 0 ]; do
    case $1 in
        -k|--kernels) do_kernels=1;;
        -K|--kernel-dir) shift;kernel_dir=$1;;
    esac; shift
done
echo "Installing into $prefix ..."
no_such_program --now
/usr/bin/python3 -m venv --without-pip $prefix/anaconda3
mkdir -p $prefix/anaconda3/share/jupyter/kernels
if [ $do_kernels == 1 ]; then
    cp -rp $kernel_dir/* $prefix/anaconda3/share/jupyter/kernels/
fi
{ pwd; echo "$0"; printf '%s\n' "${given[@]}"; } > MANIFEST
env | sort > ENVIRONMENT
id -u > USER
touch $0 2>/dev/null && echo "The script could be written to" >> MANIFEST
echo "The end"
"""

RECIPE = """
name = "scripted"
[[environments]]
path = "anaconda3"
installer = "script"
source = "{source}"
script = "{script}"
ref = "{ref}"
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "dlstack_install"
    place.mkdir()
    git(place, "init", "--quiet", "--initial-branch=main")
    commit(place, {"dlstack_install.sh": SCRIPT})
    return place


def git(place: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=place, check=True, capture_output=True, text=True).stdout.strip()


def commit(place: Path, files: dict[str, str], mode: int = 0o755) -> str:
    for name, content in files.items():
        (place / name).write_text(content)
        (place / name).chmod(mode)
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--message", "x")
    return git(place, "rev-parse", "HEAD")


def spelled(source: Path, script: str = "dlstack_install.sh", ref: str = "HEAD", more: str = "") -> str:
    return RECIPE.format(source=source, script=script, ref=ref) + more


def asked(text: str, name: str = "a", **more: object) -> dict[str, object]:
    return {"version": name, "generation": 1, "recipe_text": text, **more}


def library(place: Path) -> Path:
    directory = place / "antares"
    directory.mkdir(parents=True)
    spec = {
        "argv": ["/usr/bin/python3", "-m", "x", "{connection_file}"],
        "display_name": "Antares",
        "language": "python",
    }
    (directory / "kernel.json").write_text(json.dumps(spec))
    return place


def test_the_shipped_recipe_runs_the_script_unchanged_with_all_its_options(
    layout: Layout, runner: Runner, owner: Owner, repository: Path, tmp_path: Path
) -> None:
    specs = library(tmp_path / "specs")
    shipped = SHIPPED.read_text().replace("https://github.com/astro-datalab/dlstack_install", str(repository))
    options = ["kernels", "extensions", "stable", "dev", "clean"]
    outcome = runner.run("build", **asked(shipped, options=options, kernel_dir=str(specs)))
    tree = layout.version("a")
    cwd, script, *arguments = (tree / "MANIFEST").read_text().splitlines()
    assert cwd == str(layout.live)
    assert Path(script).name == "dlstack_install.sh"
    assert arguments == ["-R", str(layout.root), "-c", "-d", "-s", "-e", "-k", "-K", str(specs)]
    given = dict(line.split("=", 1) for line in (tree / "ENVIRONMENT").read_text().splitlines())
    assert (given["SHELL"], given["HOME"], given["PWD"]) == ("/bin/bash", "/tmp", str(layout.live))
    assert given["PATH"] == "/usr/local/bin:/usr/bin:/bin"
    assert not {"DLSTACK_HOME", "DJANGO_SETTINGS_MODULE", "VIRTUAL_ENV"} & set(given)
    assert (tree / "USER").read_text().strip() == str(owner.uid)
    assert [spec["name"] for spec in outcome["kernelspecs"]] == ["antares"]
    assert (tree / "anaconda3/bin/python").exists()
    assert outcome["warnings"] == {"anaconda3": 1}
    assert any(event.kind == "warning" and "command not found" in event.text for event in runner.events)
    commit_id = git(repository, "rev-parse", "HEAD")
    assert outcome["lockfile"]["anaconda3"].splitlines()[-1] == f'commit = "{commit_id}"'


def test_without_options_only_the_root_is_told(layout: Layout, runner: Runner, repository: Path) -> None:
    shipped = SHIPPED.read_text().replace("https://github.com/astro-datalab/dlstack_install", str(repository))
    outcome = runner.run("build", **asked(shipped))
    assert (layout.version("a") / "MANIFEST").read_text().splitlines()[2:] == ["-R", str(layout.root)]
    assert outcome["kernelspecs"] == []


def test_a_library_below_the_root_is_seen_and_not_writable(layout: Layout, runner: Runner, repository: Path) -> None:
    library(layout.kernel_specs)
    seen = '#!/bin/sh\nls "$1" > SEEN; touch "$1/new" 2>> SEEN; mkdir anaconda3\n'
    commit(repository, {"look.sh": seen})
    more = f'arguments = ["{layout.kernel_specs}"]'
    runner.run("build", **asked(spelled(repository, "look.sh", more=more)))
    names, *refused = (layout.version("a") / "SEEN").read_text().splitlines()
    assert names == "antares"
    assert "Read-only" in refused[0]
    assert not (layout.kernel_specs / "new").exists()


@pytest.mark.parametrize("kind", ["branch", "tag", "commit", "short"])
def test_a_ref_is_a_branch_a_tag_or_a_commit(layout: Layout, runner: Runner, repository: Path, kind: str) -> None:
    old = commit(repository, {"say.sh": "#!/bin/sh\nmkdir anaconda3; echo old > SAID\n"})
    git(repository, "tag", "v1", old)
    git(repository, "branch", "before", old)
    commit(repository, {"say.sh": "#!/bin/sh\nmkdir anaconda3; echo new > SAID\n"})
    ref = {"branch": "before", "tag": "v1", "commit": old, "short": old[:9]}[kind]
    outcome = runner.run("build", **asked(spelled(repository, "say.sh", ref)))
    assert (layout.version("a") / "SAID").read_text() == "old\n"
    assert old in outcome["lockfile"]["anaconda3"]


def test_the_lockfile_alone_brings_the_commit_back(layout: Layout, runner: Runner, repository: Path) -> None:
    old = commit(repository, {"say.sh": "#!/bin/sh\nmkdir anaconda3; echo old > SAID\n"})
    commit(repository, {"say.sh": "#!/bin/sh\nmkdir anaconda3; echo new > SAID\n"})
    parsed = recipe.parse(spelled(repository, "say.sh"))
    locked = f'source = "{repository}"\nref = "HEAD"\ncommit = "{old}"\n'
    building = Building("a", 1, parsed, "", 0, lockfile={"anaconda3": locked})
    inputs = layout.root / "inputs"
    inputs.mkdir()
    layout.cache.mkdir(parents=True, exist_ok=True)
    area.make_place(layout, runner.owner)
    ground = Sandboxed(layout, runner.owner)
    site = Site(layout, runner.owner, runner.events.append, runner.stop, inputs, ground, layout.building)
    build.install(parsed.environments[0], building, site)
    assert (layout.building / "SAID").read_text() == "old\n"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("#!/bin/sh\nexit 3\n", "ended with status 3"),
        ("#!/bin/sh\necho all is well\n", "without making"),
        ("#!/bin/sh\nln -s / anaconda3\n", "without making"),
    ],
)
def test_a_script_that_fails_leaves_no_version(
    layout: Layout, runner: Runner, repository: Path, script: str, says: str
) -> None:
    commit(repository, {"fail.sh": script})
    with pytest.raises(Failed, match=says):
        runner.run("build", **asked(spelled(repository, "fail.sh")))
    assert not layout.version("a").exists()


@pytest.mark.parametrize(
    ("ref", "script", "says"),
    [("nowhere", "dlstack_install.sh", "no branch, tag or commit “nowhere”"), ("HEAD", "no.sh", "has no file no.sh")],
)
def test_what_the_repository_has_not_is_named(
    runner: Runner, repository: Path, ref: str, script: str, says: str
) -> None:
    with pytest.raises(CommandFailed, match=says):
        runner.run("build", **asked(spelled(repository, script, ref)))


def test_a_script_without_its_execute_bit_runs_too(layout: Layout, runner: Runner, repository: Path) -> None:
    commit(repository, {"plain.sh": "mkdir anaconda3; echo $BASH_VERSION > SAID\n"}, mode=0o644)
    runner.run("build", **asked(spelled(repository, "plain.sh", more='variables = { GREETING = "hi there" }')))
    assert (layout.version("a") / "SAID").read_text().strip()


def test_variables_are_the_scripts_own(layout: Layout, runner: Runner, repository: Path) -> None:
    commit(repository, {"say.sh": '#!/bin/sh\nmkdir anaconda3; echo "$GREETING $HOME" > SAID\n'})
    more = 'variables = { GREETING = "hi $there; ls", HOME = "/tmp/x" }'
    runner.run("build", **asked(spelled(repository, "say.sh", more=more)))
    assert (layout.version("a") / "SAID").read_text() == "hi $there; ls /tmp/x\n"


def test_hooks_and_settings_of_the_repository_do_nothing(
    layout: Layout, runner: Runner, repository: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    for name in ("post-checkout", "pre-upload-pack", "reference-transaction"):
        hook = repository / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {trace}\n")
        hook.chmod(0o755)
    git(repository, "config", "uploadpack.packObjectsHook", f"touch {trace};")
    git(repository, "config", "core.fsmonitor", f"touch {trace};")
    trace.unlink(missing_ok=True)
    runner.run("build", **asked(spelled(repository)))
    assert not trace.exists()
    assert layout.version("a").is_dir()


def test_a_repository_that_is_not_there_is_refused_before_anything_happens(runner: Runner, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="does not exist on this machine"):
        runner.plan("build", **asked(spelled(tmp_path / "nowhere")))


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: Could not find a version that satisfies the requirement x",
        "\x1b[31mERROR\x1b[0m: no",
        "fatal: unable to access",
        "./x.sh: line 12: conda: command not found",
        "Traceback (most recent call last):",
        "ModuleNotFoundError: No module named 'numpy'",
        "x.c:12:3: error: expected ;",
        "make: *** [Makefile:3: all] Error 2",
        "cp: cannot stat '/data0/kernel-specs/*': No such file or directory",
        "curl: (6) Could not resolve host",
        "PackagesNotFoundError: The following packages are not available",
    ],
)
def test_a_line_that_looks_like_an_error(line: str) -> None:
    assert suspicious(line)


@pytest.mark.parametrize(
    "line",
    [
        "Successfully installed errorhandler-2.0.1",
        "Collecting pytest-error-for-skips",
        "0 errors, 2 warnings",
        "  Installing Python3 packages ....",
        "Checking for error.h... yes",
        "All tests passed without errors",
    ],
)
def test_a_line_that_does_not(line: str) -> None:
    assert not suspicious(line)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop to another user")
def test_the_checkout_is_made_as_the_owner(runner: Runner, owner: Owner, repository: Path, layout: Layout) -> None:
    commit(repository, {"who.sh": "#!/bin/sh\nmkdir anaconda3; stat -c %u $0 > SAID\n"})
    runner.run("build", **asked(spelled(repository, "who.sh")))
    assert (layout.version("a") / "SAID").read_text().strip() == str(owner.uid)
