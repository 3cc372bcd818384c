from __future__ import annotations

from django.test import Client

from stacks.models import Machine
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
