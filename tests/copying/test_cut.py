"""Copies that are cut: by a kill, a network that goes, a disk that fills up; nothing shows, and the rest is fetched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stacks.engine import journal, locks, mounts, ramdisk, recovery, reserve, trees, versions
from stacks.engine.drift import EVERYTHING
from stacks.engine.errors import Cancelled, CutOff, Failed, Interrupted, NoRoom
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from tests.conftest import REPOSITORY
from tests.copying.receiving import Receiver, halves, is_root, seal, stack
from tests.copying.sshd import Server
from tests.engine.conftest import same
from tests.waiting import until

FILES = 60
SLOW = 150  # KiB a second: 1.2 MB take eight


def come(receiver: Receiver) -> int:
    """Count the files of a half-made copy."""
    return sum(len(list(half.glob("sw/anaconda3/lib/*/m.py"))) for half in halves(receiver.layout))


def begun(receiver: Receiver, tmp_path: Path, name: str) -> subprocess.Popen[bytes]:
    """Begin a slow copy in another process, and wait until some of it has come."""
    orders = {
        "ssh": str(receiver.server.place), "root": str(receiver.layout.root), "source": str(receiver.source.root),
        "parameters": receiver.asked(name, limit=SLOW),
    }  # fmt: skip
    (tmp_path / "orders.json").write_text(json.dumps(orders))
    argv = [sys.executable, "-m", "tests.copying.run_copy", str(tmp_path / "orders.json")]
    process = subprocess.Popen(argv, cwd=REPOSITORY, stderr=subprocess.PIPE)
    until(lambda: come(receiver) >= 10 or process.poll() is not None, within=30)
    assert process.poll() is None, process.stderr and process.stderr.read()
    return process


def assert_invisible(receiver: Receiver) -> None:
    assert versions.directories(receiver.layout) == []
    assert versions.all_sealed(receiver.layout) == {}
    assert not receiver.layout.description("a").exists()


def assert_rest_alone_comes(receiver: Receiver, already: int) -> None:
    outcome = receiver.copy("a")
    assert outcome["kept"] >= already
    assert outcome["moved"]["files"] <= FILES + 1 - already
    trees.verify(versions.tree(receiver.layout, "a"), EVERYTHING)
    same(receiver.source.version("a"), receiver.layout.version("a"))
    assert halves(receiver.layout) == []


def test_killed_in_the_middle(source: Layout, receiver: Receiver, tmp_path: Path) -> None:
    seal(source, "a", stack(FILES))
    process = begun(receiver, tmp_path, "a")
    process.kill()
    process.wait()
    until(lambda: locks.is_free(receiver.layout, "build"))  # rsync and ssh have gone with it
    assert_invisible(receiver)
    assert "what had come is kept" in " ".join(recovery.recover(receiver.layout, "build"))
    assert journal.pending(receiver.layout, "build") is None
    assert_invisible(receiver)
    assert_rest_alone_comes(receiver, 10)


def test_killed_at_the_end_it_is_there(source: Layout, receiver: Receiver) -> None:
    """The last rename was made, and nothing after it."""
    seal(source, "a", stack(3))
    asked = receiver.asked("a")
    receiver.run("copy", **asked)
    intent = {"operation": "9", "kind": "copy", "version": "a", "uuid": asked["uuid"]}
    journal.begin(receiver.layout, "build", **intent)
    assert "had been sealed before the end" in " ".join(recovery.recover(receiver.layout, "build"))
    assert versions.sealed(receiver.layout, "a") is not None


def test_cancelled_it_leaves_nothing(source: Layout, receiver: Receiver) -> None:
    seal(source, "a", stack(FILES))

    def cancel() -> None:
        until(lambda: come(receiver) >= 5, within=30)
        receiver.stop.cancelled.set()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Cancelled):
        receiver.copy("a", limit=SLOW)
    thread.join()
    assert_invisible(receiver)
    assert halves(receiver.layout) == []


@pytest.mark.slow
def test_a_server_that_hangs_is_told_within_a_minute(source: Layout, receiver: Receiver, server: Server) -> None:
    seal(source, "a", stack(FILES))

    def freeze() -> None:
        until(lambda: come(receiver) >= 10, within=30)
        server.freeze()

    assert_told_in_time(receiver, freeze)
    server.stop()
    server.start()
    assert_rest_alone_comes(receiver, 10)


def assert_told_in_time(receiver: Receiver, cut: Callable[[], None]) -> None:
    """Copy slowly, cut the network in the middle, and see what is said, and when."""
    at: list[float] = []

    def cutting() -> None:
        cut()
        at.append(time.monotonic())

    thread = threading.Thread(target=cutting)
    thread.start()
    with pytest.raises(CutOff, match=r"gp02 .* cannot be reached: .*it goes on from there"):
        receiver.copy("a", limit=SLOW)
    thread.join()
    assert time.monotonic() - at[0] < 60
    assert_invisible(receiver)


def test_a_server_that_ends(source: Layout, receiver: Receiver, server: Server) -> None:
    seal(source, "a", stack(FILES))

    def end() -> None:
        until(lambda: come(receiver) >= 10, within=30)
        server.stop()

    assert_told_in_time(receiver, end)
    server.start()
    assert_rest_alone_comes(receiver, 10)


@pytest.fixture
def cable(tmp_path: Path, source: Layout) -> Iterator[tuple[Server, Callable[[str], None]]]:
    """Give a server in a network of its own, and what puts the link to it up or down."""
    held = subprocess.Popen(["unshare", "-n", "sleep", "600"])
    within = ("nsenter", "-t", str(held.pid), "-n", "--")
    mine, its = f"dl{os.getpid() % 10000}a", f"dl{os.getpid() % 10000}b"

    def ip(*words: str, prefix: tuple[str, ...] = ()) -> None:
        subprocess.run([*prefix, "ip", *words], check=True)

    namespace = Path(f"/proc/{held.pid}/ns/net")
    until(lambda: namespace.readlink() != Path("/proc/self/ns/net").readlink())
    ip("link", "add", mine, "type", "veth", "peer", "name", its, "netns", str(held.pid))
    try:
        ip("addr", "add", "10.213.77.1/30", "dev", mine)
        ip("link", "set", mine, "up")
        ip("addr", "add", "10.213.77.2/30", "dev", its, prefix=within)
        ip("link", "set", its, "up", prefix=within)
        server = Server(tmp_path / "ssh", source.root, host="10.213.77.2", prefix=within)
        server.prepare()
        server.start()
        until(server._answers)
        yield server, lambda state: ip("link", "set", mine, state)
        server.stop()
    finally:
        subprocess.run(["ip", "link", "del", mine], check=False)
        held.kill()
        held.wait()


@pytest.mark.slow
@pytest.mark.skipif(not is_root(), reason="only root can make a network")
def test_a_link_that_goes_down_is_told_within_a_minute(
    cable: tuple[Server, Callable[[str], None]], source: Layout, roots: Callable[[str], Layout], owner: Owner
) -> None:
    server, link = cable
    receiver = Receiver(roots("gp12"), owner, source=source, server=server)
    seal(source, "a", stack(FILES))

    def pull() -> None:
        until(lambda: come(receiver) >= 10, within=30)
        link("down")

    assert_told_in_time(receiver, pull)
    link("up")
    until(server._answers)
    assert_rest_alone_comes(receiver, 10)


@pytest.fixture
def small(tmp_path: Path, owner: Owner, source: Layout, server: Server) -> Iterator[Receiver]:
    """Give a receiver whose root is a filesystem of 8 MB."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], check=True)
    layout = Layout(place / "data0")
    try:
        ramdisk.prepare(layout, owner)
        reserve.keep(layout.state, 64 * 1024)
        yield Receiver(layout, owner, source=source, server=server)
    finally:
        shutil.rmtree(ramdisk.private_directory(layout), ignore_errors=True)
        subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.skipif(not is_root(), reason="only root can mount")
class TestFullDisk:
    def test_what_does_not_fit_is_refused(self, source: Layout, small: Receiver) -> None:
        seal(source, "a", stack(200, 50_000))
        with pytest.raises(NoRoom, match="The copy of “a” needs about 1"):
            small.copy("a")
        assert_invisible(small)
        assert halves(small.layout) == []

    def test_a_disk_that_fills_up_meanwhile_is_named(self, source: Layout, small: Receiver) -> None:
        seal(source, "a", stack(FILES))
        filler = small.layout.root.parent / "filler"

        def fill() -> None:
            filler.write_bytes(bytes(mounts.room(small.layout.root).bytes_free - 400_000))

        small.meanwhile["fetch"] = fill
        with pytest.raises(Failed, match=r"The disk of .*/small/data0 (is full|had too little room).*dlstack prune"):
            small.copy("a")
        assert_invisible(small)
        assert halves(small.layout) == []
        filler.unlink()
        small.copy("a")
        same(source.version("a"), small.layout.version("a"))


def test_old_halves_go_by_themselves(source: Layout, receiver: Receiver, server: Server) -> None:
    seal(source, "a", stack(5))
    receiver.meanwhile["fetch"] = server.stop
    with pytest.raises(CutOff):
        receiver.copy("a")
    [half] = halves(receiver.layout)
    recovery.recover(receiver.layout, "build")
    assert half.exists()
    os.utime(half, (0, 0))
    assert "nobody took up" in " ".join(recovery.recover(receiver.layout, "build"))
    assert halves(receiver.layout) == []


def test_what_others_put_into_a_half_is_taken_out(source: Layout, receiver: Receiver, server: Server) -> None:
    seal(source, "a", stack(5))
    receiver.meanwhile["verify"] = receiver.stop.interrupted.set
    with pytest.raises(Interrupted):
        receiver.copy("a")
    [half] = halves(receiver.layout)
    changed = half / "sw/anaconda3/lib/p1/m.py"
    changed.write_text("other")
    (half / "sw/anaconda3/lib/p2/m.py").unlink()
    (half / "sw/anaconda3/lib/p2/m.py").symlink_to("/etc/passwd")
    shutil.rmtree(half / "sw/anaconda3/lib/p3")
    (half / "sw/anaconda3/lib/p3").symlink_to("/etc")
    (half / "sw/more").mkdir()
    (half / "sw/.dlstack.json").write_text("{}")
    receiver.stop.interrupted.clear()
    assert receiver.copy("a")["moved"]["files"] == 3
    same(source.version("a"), receiver.layout.version("a"))
