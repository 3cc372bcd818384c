from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from stacks.models import Machine, Version
from tests.stacks.conftest import Seal, activate
from tests.stacks.views.conftest import Make


def test_it_works(as_operator: Client, machine: Machine, sealed: Seal, operation: Make) -> None:
    first, second = sealed("a"), sealed("b")
    activate(first)
    activate(second)
    operation("failed", message="no such package")
    page = as_operator.get("/machines/local/").content.decode()
    assert "sw.a" in page
    assert "sw.b" in page
    assert "not in RAM" in page
    assert "no such package" in page
    assert "The disk says that nothing is active" in page


def test_an_earlier_healthy_version_is_reverted_to_and_a_new_one_deployed(
    as_operator: Client, elsewhere: Machine, machine: Machine, sealed: Seal
) -> None:
    for name in ("a", "b"):
        activate(sealed(name))
    sealed("c")
    elsewhere.versions.set(machine.versions.all())
    elsewhere.activations.set(machine.activations.all())
    elsewhere.observed = {"active": "b", "versions": [{"name": name, "sealed": True} for name in "abc"]}
    elsewhere.save()
    page = as_operator.get("/machines/gp12/").content.decode()
    assert 'href="/machines/gp12/revert/?version=a"' in page
    assert 'href="/machines/gp12/deploy/c/"' in page
    assert 'href="/machines/gp12/deploy/b/"' not in page


def test_names_and_messages_are_text(as_viewer: Client, elsewhere: Machine, operation: Make) -> None:
    bad = "<script>alert(1)</script>"
    elsewhere.observed = {
        "active": bad,
        "links": [{"path": bad, "target": bad, "exists": False}],
        "versions": [{"name": bad}],
        "problems": [{"code": "x", "message": bad, "action": bad}],
    }
    elsewhere.save()
    operation("failed", machine=elsewhere, message=bad, reason=bad, parameters={"version": bad})
    for address in ("/", "/machines/gp12/", "/operations/"):
        page = as_viewer.get(address).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


def test_a_machine_that_was_never_seen(as_viewer: Client, elsewhere: Machine) -> None:
    assert "No version yet" in as_viewer.get("/machines/gp12/").content.decode()


def test_missing(as_viewer: Client) -> None:
    response = as_viewer.get("/machines/none/")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


def test_a_stranger_is_sent_to_sign_in(stranger: Client, machine: Machine) -> None:
    assert stranger.get("/machines/local/").status_code == 302


def test_only_reading(as_operator: Client, machine: Machine) -> None:
    assert as_operator.post("/machines/local/").status_code == 405


@pytest.fixture
def three(elsewhere: Machine) -> Machine:
    """A machine with versions of which each order and filter chooses differently."""
    listed = []
    for generation, (name, size, own) in enumerate((("b", 300, 1), ("c", 100, 9), ("a", 200, 5), ("d", 50, 2)), 1):
        Version.objects.create(
            machine=elsewhere, name=name, uuid=uuid4(), generation=generation, files=1, bytes=size, unique_bytes=own,
            manifest_digest=name, sealed_at=timezone.now(), note="for the <b>class</b>" if name == "c" else "",
            pinned=name == "b",
        )  # fmt: skip
        listed.append({"name": name, "sealed": name != "d", "bytes": size, "unique_bytes": own})
    elsewhere.observed = {"active": None, "resident": ["a"], "versions": listed}
    elsewhere.save()
    return elsewhere


def rows(client: Client, query: str) -> str:
    page = client.get(f"/machines/gp12/?{query}").content.decode()
    return "".join(re.findall(r'href="/machines/gp12/versions/(\w)/"', page))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "dacb"),
        ("sort=version", "abcd"),
        ("sort=-version", "dcba"),
        ("sort=size", "dcab"),
        ("sort=-own", "cadb"),
        ("sort=sealed", "bcad"),
        ("sort=nonsense&only=nonsense", "dacb"),
        ("find=CLASS", "c"),
        ("only=pinned", "b"),
        ("only=resident", "a"),
        ("only=unsealed", "d"),
        ("only=noted", "c"),
        ("find=zzz", ""),
    ],
)
def test_versions_are_sorted_and_narrowed_by_the_address(
    as_viewer: Client, three: Machine, query: str, names: str
) -> None:
    assert rows(as_viewer, query) == names


def test_the_headings_keep_the_filter_and_turn_the_order(as_viewer: Client, three: Machine) -> None:
    page = as_viewer.get("/machines/gp12/?find=c&sort=size").content.decode()
    assert 'aria-sort="ascending"' in page
    assert 'href="?find=c&amp;sort=-size#versions-title"' in page
    assert "<b>class" not in page


def test_what_renews_itself_keeps_the_order(as_viewer: Client, three: Machine) -> None:
    page = as_viewer.get("/machines/gp12/?sort=size").content.decode()
    address = str(re.search(r'hx-get="(/machines/gp12/\?sort=size&amp;seen=\w+)"', page)[1])  # type: ignore[index]
    address = address.replace("&amp;", "&")
    assert as_viewer.get(address, headers={"HX-Request": "true"}).status_code == 204
    Version.objects.filter(name="c").update(note="another")
    changed = as_viewer.get(address, headers={"HX-Request": "true"}).content.decode()
    assert changed.count("sort=size&amp;seen=") == 1


def test_versions_are_blocks_of_their_own_and_shared_bytes(as_viewer: Client, three: Machine) -> None:
    page = as_viewer.get("/machines/gp12/").content.decode()
    assert 'aria-label="100 B, of which 9 B are its own"' in page
    assert '<rect class="block-own" width="3.0%"' in page
    assert '<rect class="block-shared" x="3.0%" width="30.3%"' in page
