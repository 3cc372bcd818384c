from __future__ import annotations

import html
import re

from django.test import Client

from stacks.models import Machine
from tests.conftest import People
from tests.stacks.conftest import Seal, activate
from tests.stacks.views.conftest import Make


def test_it_works(as_operator: Client, machine: Machine, sealed: Seal, operation: Make, people: People) -> None:
    for name in ("a", "b"):
        activate(sealed(name))
    operation("running", requested_by=people.viewer, parameters={"version": "c"})
    page = as_operator.get("/").content.decode()
    assert "local" in page
    assert 'Build <span class="name">c</span>' in page
    assert "viewer" in page
    assert "Revert to a…" in page
    assert "The disk says that nothing is active, the record says b." in page


def test_nothing_is_sent_again_while_nothing_changed(as_viewer: Client, elsewhere: Machine, operation: Make) -> None:
    # Narrowed to a machine that is not this one, whose disk other programs fill while the test runs.
    page = as_viewer.get("/?find=gp12").content.decode()
    address = html.unescape(str(re.search(r'hx-get="(/\?find=gp12&amp;seen=\w+)"', page)[1]))  # type: ignore[index]
    assert as_viewer.get(address, headers={"HX-Request": "true"}).status_code == 204
    operation("running", machine=elsewhere)
    changed = as_viewer.get(address, headers={"HX-Request": "true"})
    assert changed.status_code == 200
    assert changed.content.startswith(b'<div id="live"')


def test_a_viewer_is_offered_no_change(as_viewer: Client, machine: Machine) -> None:
    assert "Build new version" not in as_viewer.get("/").content.decode()


def test_without_machines_it_says_what_to_do(as_viewer: Client) -> None:
    assert "No machine yet" in as_viewer.get("/").content.decode()


def test_a_stranger_is_sent_to_sign_in(stranger: Client) -> None:
    assert stranger.get("/").headers["Location"] == "/sign-in/?next=/"


def test_only_reading(as_operator: Client) -> None:
    assert as_operator.post("/").status_code == 405


def test_many_machines_come_in_pages_and_can_be_narrowed(as_viewer: Client, operation: Make, db: None) -> None:
    ill = {"active": "a", "problems": [{"code": "x", "message": "Wrong.", "action": "Mend it."}]}
    for number in range(1, 23):
        seen = ill if number == 22 else {"active": None} if number == 21 else {"active": "a", "problems": []}
        Machine.objects.create(name=f"gp{number:02}", root="/data0", observed=seen)

    def shown(query: str) -> list[str]:
        return re.findall(r'id="machine-(\w+)"', as_viewer.get(f"/{query}").content.decode())

    assert (len(shown("")), shown("?page=2")) == (20, ["gp21", "gp22", "local"])
    assert shown("?only=problems") == ["gp22"]
    assert shown("?find=GP1") == [f"gp{number}" for number in range(10, 20)]
    operation("running", machine=Machine.objects.get(name="gp05"))
    assert shown("?only=running") == ["gp05"]
    assert len(shown("?only=nonsense&page=x")) == 20
    assert "No machine fits this filter" in as_viewer.get("/?find=zzz").content.decode()


def test_what_renews_itself_keeps_page_and_filter(as_viewer: Client, machine: Machine) -> None:
    page = as_viewer.get("/?only=running&page=7").content.decode()
    assert re.search(r'hx-get="/\?only=running&amp;page=7&amp;seen=\w+"', page)
    assert "First steps" not in page


def test_machines_on_which_nothing_is_active(as_viewer: Client, elsewhere: Machine, sealed: Seal) -> None:
    activate(sealed("a"))
    page = as_viewer.get("/?only=idle").content.decode()
    assert re.findall(r'id="machine-(\w+)"', page) == ["gp12"]


def test_links_backup_and_kernels_of_another_machine(as_viewer: Client, elsewhere: Machine) -> None:
    links = [{"path": "/data0/sw", "target": "sw.tmpfs/a", "exists": True}]
    glance = {"backed_up_at": None, "kernels_running": [{"version": "a", "kernels": 12, "users": 3}]}
    elsewhere.observed = {"active": "a", "resident": ["a"], "links": links, "glance": glance, "ramdisk": {}}
    elsewhere.save()
    page = as_viewer.get("/").content.decode()
    for shown in ("sw.tmpfs/a</code>", "never backed up", '<b class="nums">12</b> kernels on a'):
        assert shown in page
