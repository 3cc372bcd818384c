"""Every form that changes what users run carries what was active when it was opened (F25)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from stacks.models import Activation, Machine, Operation, RecipeRevision
from tests.conftest import People

Make = Callable[..., Operation]


@pytest.fixture
def gp12(elsewhere: Machine, people: People) -> Machine:
    """A machine on which the admin has just made “b” active instead of “a”."""
    from tests.kernels.conftest import add_version

    for name in "abc":
        add_version(elsewhere, name, [{"name": "python3", "environment": "anaconda3"}], active=name != "c")
    Activation.objects.update(activated_by=people.admin)
    listed = [{"name": name, "sealed": True, "bytes": 1, "unique_bytes": 1} for name in "abc"]
    elsewhere.observed = {"active": "b", "backing": "b", "resident": ["a", "b"], "versions": listed}
    elsewhere.save()
    return elsewhere


WHO = "b is active now, by admin at "
FORMS = {
    "deploy": ("deploy/c/", {}),
    "revert": ("revert/", {"version": "a"}),
    "incident": ("incident/", {"version": "a", "reason": "plots are empty"}),
    "build and deploy": ("build/", {"recipe": "starter", "name": "d", "deploy": "on"}),
    "kernel-install": ("kernels/install/tiny/", {}),
    "kernel-remove": ("kernels/remove/tiny/", {}),
}
ACTIONS = ("backup", "discard", "restore", "convert", "adopt", "provision")


@pytest.mark.parametrize("form", FORMS)
def test_it_is_refused_with_who_and_when(as_operator: Client, gp12: Machine, recipe: RecipeRevision, form: str) -> None:
    address, fields = FORMS[form]
    answer = as_operator.post(f"/machines/gp12/{address}", {**fields, "seen": "a", "expected": "a"})
    assert answer.status_code in (409, 422)
    assert WHO in answer.content.decode()
    assert "when you opened this page it was a" in answer.content.decode()
    assert not Operation.objects.exists()


@pytest.mark.parametrize("form", FORMS)
def test_it_is_done_where_all_is_as_seen(as_operator: Client, gp12: Machine, recipe: RecipeRevision, form: str) -> None:
    address, fields = FORMS[form]
    answer = as_operator.post(f"/machines/gp12/{address}", {**fields, "seen": "b", "expected": "b"})
    assert answer.headers["Location"] == f"/operations/{Operation.objects.get().pk}/"


@pytest.mark.parametrize("form", FORMS)
def test_the_page_carries_it(as_operator: Client, gp12: Machine, recipe: RecipeRevision, form: str) -> None:
    page = as_operator.get(f"/machines/gp12/{FORMS[form][0]}").content.decode()
    assert 'name="seen" value="b"' in page or 'name="expected" value="b"' in page


def test_a_build_alone_touches_nobody_and_asks_for_nothing(
    as_operator: Client, gp12: Machine, recipe: RecipeRevision
) -> None:
    asked = {"recipe": "starter", "name": "d", "seen": "a"}
    assert as_operator.post("/machines/gp12/build/", asked).status_code == 302


@pytest.mark.parametrize("action", ACTIONS)
def test_what_is_asked_of_a_whole_machine(as_admin: Client, gp12: Machine, operation: Make, action: str) -> None:
    address = f"/machines/gp12/do/{action}/"
    last = operation("succeeded", "deploy", machine=gp12, parameters={"version": "b"})
    fields = {"layout": "resident", "size": "1G"}
    answer = as_admin.post(address, {**fields, "seen": "a"})
    assert answer.status_code == 409
    said = f"has changed since the page was opened; the last was deploy b (#{last.pk}) by operator at "
    assert said in answer.content.decode()
    seen = as_admin.get(address).context["seen"]
    assert as_admin.post(address, {**fields, "seen": seen}).status_code == 302


@pytest.mark.parametrize("kind", ["deploy", "revert", "restore", "kernel-install"])
def test_trying_again_later_is_no_way_around_it(as_operator: Client, gp12: Machine, operation: Make, kind: str) -> None:
    made = operation("failed", kind, machine=gp12, parameters={"version": "a", "kernel": "tiny"})
    assert 'name="seen" value="b"' in as_operator.get(f"/operations/{made.pk}/").content.decode()
    answer = as_operator.post(f"/operations/{made.pk}/retry", {"seen": "a"})
    assert WHO in answer.content.decode()
    assert as_operator.post(f"/operations/{made.pk}/retry", {"seen": "b"}).status_code == 302
    assert Operation.objects.count() == 2
