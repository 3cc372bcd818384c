"""Going through what its owner changes meanwhile: no pipe is waited for, no shortened file kills, no link leads out."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stacks.engine import contents, durable, externals, foreign, manifest, packages, sizes, walking
from stacks.engine.errors import Failed, Unreadable
from stacks.engine.externals import External
from stacks.engine.kernels import checks, sources
from stacks.engine.trees import Porter
from tests.conftest import REPOSITORY
from tests.engine.conftest import porter, write_tree
from tests.engine.machines import AS_UNIT, OWNER, machine_place, needs_root
from tests.faults.owners.attacks import GID, SECRET, UID, give
from tests.faults.owners.stage import EXTERNAL, KERNEL, stage

__all__ = ["porter"]
pytestmark = needs_root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_tree(tmp_path / "tree", {f"lib/m{number}": f"theirs {number}" for number in range(50)})
    return tmp_path / "tree"


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Do something over and over beside the test."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            work()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(
    tree: Path, tmp_path: Path, porter: Porter, full: bool
) -> None:
    os.mkfifo(tree / "pipe")
    with meanwhile(lambda: durable.exchange(tree / "pipe", tree / "lib/m7")):
        for number in range(30 if full else 8):
            _tried(lambda: manifest.scan(tree))
            place = tmp_path / f"copy{number}"
            place.mkdir()
            _tried(lambda to=place: externals.carry(External("x", UID, GID), tree, to, porter))  # type: ignore[misc]


def _tried(work: Callable[[], object]) -> None:
    try:
        work()
    except Failed:
        return


def test_a_file_that_is_shortened_while_it_is_read_kills_nobody(tree: Path) -> None:
    code = "import sys; from pathlib import Path; from stacks.engine import manifest\n"
    code += "for _ in range(40): manifest.scan(Path(sys.argv[1]))"
    big = tree / "big"
    big.write_bytes(b"x" * 20_000_000)

    def tear() -> None:
        os.truncate(big, 0)
        os.truncate(big, 20_000_000)

    with meanwhile(tear):
        done = subprocess.run([sys.executable, "-c", code, tree], cwd=REPOSITORY, capture_output=True, timeout=120)
    assert done.returncode == 0


def test_a_file_that_grows_is_read_no_further_than_it_was(tree: Path) -> None:
    (tree / "big").write_bytes(b"x" * 1000)
    entry = manifest.scan(tree).by_path["big"]
    with (tree / "big").open("ab") as file:
        file.write(b"x" * 10_000_000)
    descriptor = os.open(tree / "big", os.O_RDONLY)
    assert contents.digest(descriptor, 1000) != entry.digest
    assert os.lseek(descriptor, 0, os.SEEK_CUR) == 1001
    os.close(descriptor)


def test_a_directory_that_becomes_a_link_is_not_gone_into(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write_tree(outside, {f"canary{number}": SECRET for number in range(50)})
    (tree / "planted").symlink_to(outside)
    found: set[str] = set()
    moved: set[int] = set()
    with meanwhile(lambda: durable.exchange(tree / "planted", tree / "lib")):
        for _ in range(200):
            try:
                found |= {entry.path for entry in manifest.scan(tree).entries}
            except Unreadable as error:
                moved.add(error.number)
            sizes.measure({"tree": tree})
    assert not [path for path in found if "canary" in path]
    assert moved <= walking.MOVED


def test_what_was_met_as_a_link_is_never_gone_into(tree: Path, tmp_path: Path) -> None:
    """The owner exchanges them after they were listed, and back before they are entered: no race is needed."""
    (tree / "above").touch()
    (tree / "planted").symlink_to(tmp_path)
    met = []
    for found in walking.walk(tree):
        met.append(found.path)
        if found.path == "above":
            durable.exchange(tree / "planted", tree / "lib")
        elif found.path == "lib":
            assert stat.S_ISLNK(found.status().st_mode)
            durable.exchange(tree / "planted", tree / "lib")
    assert met == ["above", "lib", "planted"]


def test_nothing_is_written_through_what_was_met_as_a_link(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/lib").symlink_to(tmp_path)
    copier = foreign._Copier(tmp_path / "copy")
    inner = next(found for found in walking.walk(tree / "lib"))
    with pytest.raises(Unreadable, match="lies in no directory any more"):
        copier.take(tree, inner._replace(path="lib/m0"))
    assert not (tmp_path / "m0").exists()


def test_what_lies_too_deep_is_told_by_its_tree(tree: Path) -> None:
    for number in range(walking.DEEPEST + 5):
        (tree / Path(*["d"] * number)).mkdir(exist_ok=True)
    with pytest.raises(Unreadable, match=rf"{tree}/d/d/.* cannot be read: it lies too deep"):
        manifest.scan(tree)
    assert sizes.measure({"tree": tree})["tree"].files == 50


def test_what_its_owner_publishes_brings_nothing_from_elsewhere() -> None:
    """A kernelspec directory that is a link to somebody's home, or becomes one between two looks."""
    with stage() as made:
        layout = made.layout
        for place in made.theirs():
            (place / "share/jupyter").rename(place / "kept")
            (place / "share/jupyter").symlink_to(made.outside / "share/jupyter")
        sight = checks.sight_of(layout, layout.version("a"))
        source = sources.from_environment(sight, EXTERNAL, "His", "python")
        assert SECRET not in str(source.files)
        own = layout.version("a") / EXTERNAL
        (own / "share/jupyter").unlink()
        (own / "kept").rename(own / "share/jupyter")
        directory, planted = own / KERNEL, own / KERNEL.replace("his", "aside")
        planted.symlink_to(made.outside / KERNEL)
        with meanwhile(lambda: durable.exchange(directory, planted)):
            for _ in range(200):
                assert SECRET not in str(sources.from_environment(sight, EXTERNAL, "His", "python").files)


def test_what_is_installed_is_read_from_plain_files_alone(tree: Path, tmp_path: Path) -> None:
    packaged = tree / "lib/python3.11/site-packages"
    (tmp_path / "secret").write_text(f"Name: {SECRET}\nVersion: 1\n")
    for name in ("good-1", "pipe-1", "link-1"):
        (packaged / f"{name}.dist-info").mkdir(parents=True)
    (packaged / "good-1.dist-info/METADATA").write_text("Name: good\nVersion: 1.0\n\nVersion: 2.0\n")
    os.mkfifo(packaged / "pipe-1.dist-info/METADATA")
    (packaged / "link-1.dist-info/METADATA").symlink_to(tmp_path / "secret")
    (packaged / "away-1.dist-info").symlink_to(tmp_path)
    assert packages.installed(tree) == {"good": "1.0"}


_CONFINED = """
import sys
from pathlib import Path
from stacks.engine import confined
from stacks.engine.process import Command, base_environment
from stacks.engine.stop import Stop
source, target, outside = sys.argv[1:]
script = f'cat {outside}/secret > {target}/leak; touch {outside}/made; cp {source}/file {target}/file; touch {source}/x'
command = Command(["sh", "-c", script + "; true"], "sh", base_environment())
confined.fetch(command, Path(target), [Path(source)], lambda event: None, Stop(), stdout=lambda line: None)
"""


@pytest.mark.parametrize("rights", [[], list(AS_UNIT)], ids=["root", "unit"])
def test_a_copying_program_sees_source_and_target_alone(rights: list[str]) -> None:
    with machine_place() as place:
        for name in ("source", "target", "outside"):
            write_tree(place / name, {"file": "theirs", "secret": SECRET})
            for path in (place / name, *(place / name).iterdir()):
                os.lchown(path, OWNER.uid, OWNER.gid)
        argv = [
            *rights,
            sys.executable,
            "-c",
            _CONFINED,
            *(str(place / name) for name in ("source", "target", "outside")),
        ]
        done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert (place / "target/leak").read_text() == ""
        assert not (place / "outside/made").exists()
        assert not (place / "source/x").exists()
        assert (place / "target/file").read_text() == "theirs"


_RACE = """
import sys
from pathlib import Path
from stacks.engine import emptying
from stacks.engine.errors import Failed
from stacks.engine.externals import External, carry
from stacks.engine.stop import Stop
from stacks.engine.trees import Porter
source, place = map(Path, sys.argv[1:3])
for number in range(int(sys.argv[3])):
    tree = place / str(number)
    tree.mkdir(mode=0o700)
    try:
        carry(External("antares", 899, 899), source, tree, Porter(lambda event: None, Stop()))
    except Failed as error:
        assert "changed while" in str(error), error
"""


def test_a_worker_of_a_unit_is_not_led_out_either(full: bool) -> None:
    with machine_place() as place:
        outside, source = place / "outside", place / "source"
        write_tree(outside, {f"m{number}": SECRET for number in range(50)})
        write_tree(source, {f"lib/m{number}": "theirs" for number in range(50)})
        for path in outside.iterdir():
            path.chmod(0o600)
        os.mkfifo(source / "pipe")
        (source / "planted").symlink_to(outside)
        give(source)
        (place / "copies").mkdir()
        os.chown(place / "copies", OWNER.uid, OWNER.gid)
        argv = [*AS_UNIT, sys.executable, "-c", _RACE, str(source), str(place / "copies"), "200" if full else "10"]

        def swap() -> None:
            durable.exchange(source / "planted", source / "lib")
            durable.exchange(source / "pipe", source / "lib")
            durable.exchange(source / "pipe", source / "lib")

        with meanwhile(swap):
            done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=200)
        assert (done.returncode, done.stderr) == (0, "")
        copied = [path for path in (place / "copies").rglob("m*") if path.is_file() and not path.is_symlink()]
        assert {path.read_text() for path in copied} <= {"theirs"}
