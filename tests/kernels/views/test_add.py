from __future__ import annotations

import json

import pytest
from django.test import Client

from kernels.models import LibraryEdit
from stacks.engine.layout import Layout
from stacks.models import Machine
from tests.kernels.corpus import Stage
from tests.kernels.views.conftest import BAD, text

ADDRESS = "/machines/local/kernel-spec-add/"


def test_it_works(as_admin: Client, layout: Layout, machine: Machine) -> None:
    assert "ipykernel_launcher" in as_admin.get(ADDRESS).content.decode()
    answer = as_admin.post(ADDRESS, {"name": "new", "text": text().replace("\n", "\r\n"), "expected": ""})
    assert answer.headers["Location"] == "/machines/local/kernel-specs/"
    assert (layout.kernel_specs / "new/kernel.json").read_text() == text()
    edit = LibraryEdit.objects.get()
    assert (edit.kernel, edit.action, str(edit.edited_by)) == ("new", "added", "admin")


def test_it_begins_with_one_that_is_live(as_admin: Client, live: Stage) -> None:
    page = as_admin.get(ADDRESS, {"from": f"{live.prefix}/share/jupyter/kernels/well"})
    found = json.loads(page.context["form"]["text"].value())
    assert found["argv"][0] == f"{live.prefix}/bin/python"
    assert page.context["form"]["name"].value() == "well"


REFUSED = {
    "taken": ("tiny", text(), "is in the library already"),
    "up": ("../x", text(), "cannot name a kernelspec"),
    "json": ("x", "{", "no valid JSON"),
    "huge": ("x", '{"a": "' + "x" * 5_000_000 + '"}', ""),
    "markup": ("x", text(BAD), "holds markup"),
    "deaf": ("x", '{"argv": ["x"]}', "where to connect"),
    "nothing": ("", "", "Something is not right"),
}


@pytest.mark.parametrize(("name", "content", "says"), REFUSED.values(), ids=REFUSED)
def test_what_is_bad_is_told_and_nothing_changed(
    as_admin: Client, live: Stage, name: str, content: str, says: str
) -> None:
    before = sorted(live.layout.kernel_specs.rglob("*"))
    answer = as_admin.post(ADDRESS, {"name": name, "text": content, "expected": ""})
    assert answer.status_code in (400, 413, 422)
    page = answer.content.decode()
    assert says in page
    assert "<script>alert" not in page
    assert sorted(live.layout.kernel_specs.rglob("*")) == before
    assert not LibraryEdit.objects.exists()


def test_on_another_machine_it_is_refused(as_admin: Client, elsewhere: Machine) -> None:
    answer = as_admin.get("/machines/gp12/kernel-spec-add/")
    assert answer.status_code == 409
    assert "on its own disk" in answer.content.decode()


def test_a_viewer_may_not(as_viewer: Client, machine: Machine) -> None:
    assert as_viewer.get(ADDRESS).status_code == 403
    assert as_viewer.post(ADDRESS, {"name": "x", "text": text()}).status_code == 403


def test_a_stranger_is_sent_to_sign_in(stranger: Client, machine: Machine) -> None:
    assert stranger.post(ADDRESS).status_code == 302


def test_missing(as_admin: Client, machine: Machine) -> None:
    assert as_admin.get("/machines/none/kernel-spec-add/").status_code == 404


def test_another_method_is_refused(as_admin: Client, machine: Machine) -> None:
    assert as_admin.put(ADDRESS).status_code == 405
