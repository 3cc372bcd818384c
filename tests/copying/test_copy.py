"""A version is copied from another machine through a real sshd: whole, under the same identity, with what is new."""

from __future__ import annotations

import os
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from stacks.engine import durable, externals, journal, manifest, trees, versions
from stacks.engine.drift import EVERYTHING
from stacks.engine.errors import CutOff, Failed, NothingToDo, Refused, VerifyFailed
from stacks.engine.layout import Layout
from stacks.engine.remote import Wire
from tests.copying.receiving import Receiver, halves, is_root, noise, seal, stack
from tests.copying.sshd import Server
from tests.engine.conftest import make_version, same, seal_building, write_tree


def nothing_is_here(layout: Layout) -> None:
    assert versions.directories(layout) == []
    assert list((layout.state / "versions").iterdir()) == []


def test_a_copy_is_the_same_version(source: Layout, receiver: Receiver) -> None:
    there = seal(source, "a", stack())
    (source.root / "sw.a/link").symlink_to("anaconda3")  # not sealed: it does not come
    outcome = receiver.copy("a")
    here = versions.sealed(receiver.layout, "a")
    assert here == replace(there, generation=7)
    trees.verify(versions.tree(receiver.layout, "a"), EVERYTHING)
    assert outcome["moved"]["files"] == there.files
    assert outcome["manifest_digest"] == there.manifest
    assert halves(receiver.layout) == []
    assert [entry["outcome"] for entry in journal.history(receiver.layout)] == ["succeeded"]
    assert receiver.run("deploy", version="a")["version"] == "a"


def test_links_pipes_modes_and_attributes_come_too(source: Layout, receiver: Receiver) -> None:
    def more(tree: Path) -> None:
        (tree / "soft").symlink_to("anaconda3/nowhere")
        os.link(tree / "anaconda3/bin/python", tree / "anaconda3/bin/python3")
        os.mkfifo(tree / "pipe", 0o640)
        (tree / "odd\nname").write_text("x")
        (tree / "closed").mkdir(mode=0o500)
        os.setxattr(tree / "odd\nname", "user.origin", b"here")

    write_tree(source.building, stack(3), 1_700_000_000)
    more(source.building)
    seal_building(source, "a")
    receiver.copy("a")
    same(source.version("a"), receiver.layout.version("a"))
    tree = receiver.layout.version("a") / "anaconda3/bin"
    assert (tree / "python").stat().st_ino == (tree / "python3").stat().st_ino


def test_a_second_version_moves_its_difference(source: Layout, receiver: Receiver) -> None:
    seal(source, "a", stack(200))
    seal(source, "b", {**stack(200), "anaconda3/lib/p3/m.py": noise(20_000, 999)})
    first = receiver.copy("a")["moved"]
    outcome = receiver.copy("b", generation=8)
    assert outcome["moved"]["received"] <= 0.2 * first["received"]
    assert outcome["moved"]["files"] == 1
    one, two = (receiver.layout.version(name) / "anaconda3/lib/p5/m.py" for name in "ab")
    assert one.stat().st_ino == two.stat().st_ino
    trees.verify(versions.tree(receiver.layout, "a"), EVERYTHING)


def test_what_is_here_under_another_time_does_not_come(source: Layout, receiver: Receiver) -> None:
    """As where both machines built from the same packages."""
    make_version(receiver.layout, "own", stack(50), mtime=1_600_000_000)
    seal(source, "a", {**stack(50), "new": noise(5000, 77)})
    (receiver.layout.version("own") / "anaconda3/lib/p7/m.py").write_text("drifted")
    rot(receiver.layout.version("own") / "anaconda3/lib/p8/m.py")
    outcome = receiver.copy("a")
    assert (outcome["linked"], outcome["duplicated"]) == (0, 50)
    assert outcome["moved"]["files"] == 3  # what is new, what drifted, and what was found to be rotten
    same(source.version("a"), receiver.layout.version("a"))


def test_what_lies_damaged_here_is_fetched_instead(source: Layout, receiver: Receiver) -> None:
    seal(source, "a", stack(5))
    seal(source, "b", stack(5, new="new"))
    receiver.copy("a")
    rotten = receiver.layout.version("a") / "anaconda3/lib/p1/m.py"
    rot(rotten)
    receiver.copy("b", generation=8)
    trees.verify(versions.tree(receiver.layout, "b"), EVERYTHING)
    assert "not as they should be: anaconda3/lib/p1/m.py" in receiver.text


def rot(file: Path) -> None:
    """Change what a file holds, and nothing that lstat tells."""
    status = file.stat()
    data = file.read_bytes()
    with file.open("r+b") as opened:
        opened.write(bytes([data[0] ^ 1]))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_damaged_source_is_named_and_nothing_is_sealed(source: Layout, receiver: Receiver) -> None:
    seal(source, "a", stack(5))
    rot(source.version("a") / "anaconda3/lib/p2/m.py")
    with pytest.raises(VerifyFailed, match=r"anaconda3/lib/p2/m.py.*verify a --full --machine gp02"):
        receiver.copy("a")
    nothing_is_here(receiver.layout)
    rot(source.version("a") / "anaconda3/lib/p2/m.py")  # and back
    assert receiver.copy("a")["moved"]["files"] == 1
    same(source.version("a"), receiver.layout.version("a"))


def test_a_source_that_lost_a_file_is_named(source: Layout, receiver: Receiver) -> None:
    seal(source, "a", stack(5))
    (source.version("a") / "anaconda3/lib/p2/m.py").unlink()
    with pytest.raises(Failed, match=r"anaconda3/lib/p2/m\.py"):
        receiver.copy("a")
    nothing_is_here(receiver.layout)


def test_a_version_that_goes_meanwhile(source: Layout, receiver: Receiver) -> None:
    seal(source, "a", stack(5))
    receiver.meanwhile["fetch"] = lambda: trees.discard(source.version("a"), source.trash)
    with pytest.raises(Failed, match="gp02 did not give all of it, which was removed"):
        receiver.copy("a")
    nothing_is_here(receiver.layout)
    assert journal.pending(receiver.layout, "build") is None


def test_a_version_that_is_gone(source: Layout, receiver: Receiver) -> None:
    seal(source, "a", stack(5))
    asked = receiver.asked("a")
    trees.discard(source.version("a"), source.trash)
    with pytest.raises(Refused, match="“a” is not sealed on gp02"):
        receiver.run("copy", **asked)
    nothing_is_here(receiver.layout)


def test_another_version_of_that_name_is_refused(source: Layout, receiver: Receiver) -> None:
    seal(source, "a", stack(5))
    with pytest.raises(Refused, match="another version"):
        receiver.copy("a", manifest="0" * 64)


def test_what_the_receiver_refuses_at_once(source: Layout, receiver: Receiver) -> None:
    seal(source, "a", stack(2))
    asked = receiver.asked("a")
    with pytest.raises(Refused, match=r"built for /data0/sw and works nowhere else"):
        receiver.plan("copy", **{**asked, "root": "/data0"})
    with pytest.raises(Refused, match="is no address"):
        receiver.run("copy", **{**asked, "address": "-oProxyCommand=touch /tmp/x"})
    with pytest.raises(Refused, match="is no uuid"):
        receiver.run("copy", **{**asked, "uuid": "../../etc"})
    seal(receiver.layout, "a", {"other": "x"})
    with pytest.raises(Refused, match="is there already, and is another version"):
        receiver.plan("copy", **asked)


def test_what_is_here_is_not_copied_again(source: Layout, receiver: Receiver) -> None:
    seal(source, "a", stack(2))
    receiver.copy("a")
    with pytest.raises(NothingToDo, match="sealed here already"):
        receiver.copy("a")


def test_without_key_or_known_host(source: Layout, receiver: Receiver, server: Server, tmp_path: Path) -> None:
    seal(source, "a", stack(2))
    (server.place / "known_hosts").rename(tmp_path / "kept")
    with pytest.raises(Refused, match="ssh-keyscan"):
        receiver.copy("a")
    (server.place / "known_hosts").write_text("")
    with pytest.raises(CutOff, match="write it into"):
        receiver.copy("a")
    (tmp_path / "kept").rename(server.place / "known_hosts")
    (server.place / "authorized_keys").write_text("")
    with pytest.raises(CutOff, match=r"Permission denied.*rrsync as forced command"):
        receiver.copy("a")
    (server.place / "id_ed25519").unlink()
    with pytest.raises(Refused, match="ssh-keygen"):
        receiver.copy("a")
    with pytest.raises(Refused, match="cannot be given the path"):
        Wire(tmp_path / "a b", tmp_path / "c").check()


def test_nobody_answers(source: Layout, receiver: Receiver, server: Server) -> None:
    seal(source, "a", stack(2))
    server.stop()
    with pytest.raises(CutOff, match=r"gp02 \(.*\) cannot be reached: .*Connection refused"):
        receiver.copy("a")


def test_the_door_gives_nothing_but_the_root_and_takes_nothing(
    source: Layout, receiver: Receiver, tmp_path: Path
) -> None:
    wire, port = receiver.server.wire, str(receiver.server.port)
    ssh = f"ssh -F none -i {wire.key} -o UserKnownHostsFile={wire.known_hosts} -p {port}"
    there = receiver.server.address.rpartition(":")[0]
    (tmp_path / "secret").write_text("x")
    for argv in (
        ["rsync", "-e", ssh, f"{there}:../../secret", str(tmp_path / "got")],
        ["rsync", "-e", ssh, f"{there}:/etc/passwd", str(tmp_path / "got")],
        ["rsync", "-e", ssh, str(tmp_path / "secret"), f"{there}:planted"],
        [*ssh.split(), there, "id"],
    ):
        assert subprocess.run(argv, capture_output=True).returncode != 0
    assert not (tmp_path / "got").exists()
    assert not (source.root / "planted").exists()


EVIL = ("../evil", "/etc/evil", "a/../../evil", "missing/evil", ".dlstack.json", "")


@pytest.mark.parametrize("path", EVIL)
def test_a_manifest_that_reaches_out_of_its_tree(source: Layout, receiver: Receiver, path: str) -> None:
    there = seal(source, "a", stack(2))
    entries = [*versions.tree(source, "a").manifest.entries]
    planted = manifest.Manifest((*entries, entries[-1]._replace(path=path)))
    manifest.write(planted, source.description("a") / "manifest")
    told = asdict(there) | {"manifest": planted.digest}
    durable.write_json(source.description("a") / "version.json", told)
    versions.mark(source.version("a"), versions.Description(**told))
    with pytest.raises(Failed, match="which no tree holds"):
        receiver.copy("a", manifest=planted.digest)
    nothing_is_here(receiver.layout)


@pytest.mark.skipif(not is_root(), reason="only root can make another owner's files")
class TestExternals:
    def test_they_keep_ids_and_are_never_shared(self, source: Layout, receiver: Receiver) -> None:
        theirs = {"antares-kernel/lib/x.py": noise(5000), "antares-kernel/bin/python": "#!"}
        seal(source, "a", {**stack(5), **theirs}, external="antares-kernel")
        seal(source, "b", {**stack(5), "new": "new", **theirs}, external="antares-kernel")
        receiver.copy("a")
        receiver.copy("b", generation=8)
        one, two = (receiver.layout.version(name) / "antares-kernel" for name in "ab")
        assert externals.look(two) == externals.look(source.version("b") / "antares-kernel")
        assert {path.lstat().st_uid for path in (two, *two.rglob("*"))} == {899}
        assert (one / "lib/x.py").stat().st_ino != (two / "lib/x.py").stat().st_ino
        assert (one / "lib/x.py").stat().st_nlink == 1

    def test_a_program_with_anothers_rights_is_refused(self, source: Layout, receiver: Receiver) -> None:
        write_tree(source.building, stack(2))
        (source.building / "anaconda3/bin/python").chmod(0o4755)
        seal_building(source, "a")
        with pytest.raises(Failed, match="is setuid and belongs to user 0"):
            receiver.copy("a")
        nothing_is_here(receiver.layout)
