"""Release notes: what changed for users; public only where the settings say so, and then nothing else is told."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from django.contrib.auth.models import User
from django.test import Client

from stacks import activations
from stacks.models import Machine, Version
from tests.stacks.conftest import Seal, activate

LIST, ONE, FEED = "/releases/local/", "/releases/local/b/", "/releases/local/atom.xml"
ATOM = "{http://www.w3.org/2005/Atom}"


def kernel(name: str, title: str) -> dict[str, str]:
    return {"name": name, "display_name": title, "language": "python", "environment": "anaconda3"}


@pytest.fixture
def released(machine: Machine, sealed: Seal, admin: User) -> Machine:
    """A machine on which b followed a, by somebody, for a reason that users need not know."""
    content = {
        "a": ({"numpy": "1.0", "gone": "3", "same": "1"}, [kernel("py", "Astronomy"), kernel("old", "Old kernel")]),
        "b": ({"numpy": "2.0", "fresh": "5", "same": "1"}, [kernel("py", "Astronomy 2"), kernel("new", "New kernel")]),
    }
    for name, (found, kernels) in content.items():
        row = sealed(name)
        Version.objects.filter(pk=row.pk).update(
            packages={"anaconda3": found}, kernelspecs=kernels, note=f"Note of {name}"
        )
        activations.activate(machine, row, healthy=True, activated_by=admin, reason="a secret reason")
    return machine


@pytest.fixture
def public(released: Machine) -> Machine:
    Machine.objects.filter(pk=released.pk).update(public_releases=True)
    return released


def test_it_tells_what_changed(as_viewer: Client, released: Machine) -> None:
    page = as_viewer.get(ONE).content.decode()
    for told in ("Note of b", "fresh", "gone", "<b>New kernel</b> is new", "<b>Old kernel</b> is gone", "Astronomy 2"):
        assert told in page
    assert ">same<" not in page
    listed = as_viewer.get(LIST).content.decode()
    assert "Packages: 1 changed, 1 added, 1 removed." in listed
    assert "“New kernel” is new" in listed
    assert "The first version on record." in listed


def test_strangers_read_it_only_where_it_is_public(stranger: Client, released: Machine) -> None:
    for address in (LIST, ONE):
        assert stranger.get(address).headers["Location"].startswith("/sign-in/?next=/releases/")
    assert stranger.get(FEED).status_code == 404
    Machine.objects.update(public_releases=True)
    assert {stranger.get(address).status_code for address in (LIST, ONE, FEED)} == {200}


def test_strangers_do_not_learn_which_machines_there_are(stranger: Client, db: None) -> None:
    assert stranger.get("/releases/none/").status_code == stranger.get("/releases/none/b/").status_code == 302
    assert stranger.get("/releases/none/atom.xml").status_code == 404


@pytest.mark.parametrize("address", [LIST, ONE, FEED, "/releases/local/a/"])
def test_nothing_else_is_told(stranger: Client, public: Machine, address: str) -> None:
    page = stranger.get(address).content.decode()
    for kept in ("admin", "secret", public.root, "/operations/", "/machines/", "healthy", "sw.tmpfs"):
        assert kept not in page


def test_the_feed_can_be_read(stranger: Client, public: Machine) -> None:
    answer = stranger.get(FEED)
    assert answer.headers["Content-Type"].startswith("application/atom+xml")
    feed = ET.fromstring(answer.content)
    entries = feed.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}title") for entry in entries] == ["b is active", "a is active"]
    assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == 2
    link = entries[0].find(f"{ATOM}link")
    assert link is not None
    assert link.attrib["href"] == "http://testserver/releases/local/b/"
    assert "Packages: 1 changed, 1 added, 1 removed." in str(entries[0].findtext(f"{ATOM}summary"))


def test_a_revert_is_a_release_too_and_the_same_version_again_is_none(as_viewer: Client, released: Machine) -> None:
    first = released.versions.get(name="a")
    activate(first, reverted=True)
    activate(first)
    page = as_viewer.get("/releases/local/a/").content.decode()
    assert page.count("card release") == 2
    assert as_viewer.get(LIST).content.decode().count("/releases/local/a/") == 2


def test_text_is_text(stranger: Client, public: Machine) -> None:
    bad = "<script>alert(1)</script>"
    changed = {"packages": {bad: {bad: bad}}, "kernelspecs": [kernel(bad, bad)], "note": bad}
    Version.objects.filter(name="b").update(**changed)
    for address in (LIST, ONE):
        assert "<script>alert" not in stranger.get(address).content.decode()
    ET.fromstring(stranger.get(FEED).content)


def test_nothing_yet(as_viewer: Client, machine: Machine) -> None:
    assert "Nothing was active yet" in as_viewer.get(LIST).content.decode()
    assert as_viewer.get(FEED).status_code == 200
    assert as_viewer.get(ONE).status_code == 404
    assert as_viewer.get("/releases/none/").status_code == 404


@pytest.mark.parametrize("address", [LIST, ONE, FEED])
def test_only_reading(as_viewer: Client, public: Machine, address: str) -> None:
    assert as_viewer.post(address).status_code == 405


def test_a_feed_is_valid_whatever_the_names_hold(as_viewer: Client, released: Machine) -> None:
    odd = "\x1b[31m<b>&]]>\x01\x08\ufffe\ud7ff\U0001f30c"
    Version.objects.filter(name="b").update(
        note=odd, kernelspecs=[kernel("py", odd)], packages={"anaconda3": {odd: odd}}
    )
    feed = ET.fromstring(as_viewer.get(FEED).content)
    told = feed.find(f"{ATOM}entry/{ATOM}summary")
    assert told is not None
    assert (told.text or "").startswith("\ufffd[31m<b>&]]>\ufffd\ufffd\ufffd\ud7ff\U0001f30c")
