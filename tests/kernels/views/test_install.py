"""Install and remove, which ask the same way."""

from __future__ import annotations

import pytest
from django.test import Client

from stacks.models import Machine, Operation
from tests.kernels.corpus import Stage

CASES = [("install", "tiny", "kernel-install"), ("remove", "well", "kernel-remove")]


@pytest.mark.parametrize(("verb", "kernel", "kind"), CASES)
def test_it_works(as_operator: Client, live: Stage, verb: str, kernel: str, kind: str) -> None:
    address = f"/machines/local/kernels/{verb}/{kernel}/"
    page = as_operator.get(address).content.decode()
    assert "What will happen" in page
    assert "Seal the version" in page
    stale = as_operator.post(address, {"reason": "asked for", "expected": "old"})
    assert stale.status_code == 409
    assert "; when you opened this page it was old. Nothing was changed" in stale.content.decode()
    answer = as_operator.post(address, {"reason": "asked for", "expected": "a"})
    made = Operation.objects.get()
    assert answer.headers["Location"] == f"/operations/{made.pk}/"
    assert (made.kind, made.lane, made.reason, made.parameters["kernel"]) == (kind, "live", "asked for", kernel)
    assert made.parameters["version"].startswith("20")
    assert "is busy" in as_operator.post(address, {"expected": "a"}).content.decode()


@pytest.mark.parametrize(("verb", "says"), [("install", "is not in the library"), ("remove", "nothing to remove")])
def test_what_is_not_there(as_operator: Client, live: Stage, verb: str, says: str) -> None:
    address = f"/machines/local/kernels/{verb}/none/"
    page = as_operator.get(address)
    assert page.status_code == 200
    assert says in page.content.decode()
    assert '<form method="post" class="card confirm"' not in page.content.decode()
    answer = as_operator.post(address, {"expected": "a"})
    assert answer.status_code == 409
    assert says in answer.content.decode()
    assert not Operation.objects.exists()


@pytest.mark.parametrize(("verb", "kernel", "kind"), CASES)
def test_a_viewer_may_not(as_viewer: Client, live: Stage, verb: str, kernel: str, kind: str) -> None:
    address = f"/machines/local/kernels/{verb}/{kernel}/"
    assert as_viewer.get(address).status_code == as_viewer.post(address).status_code == 403
    assert not Operation.objects.exists()


@pytest.mark.parametrize("verb", ["install", "remove"])
def test_strangers_other_methods_and_missing(
    as_operator: Client, stranger: Client, machine: Machine, verb: str
) -> None:
    address = f"/machines/local/kernels/{verb}/x/"
    assert stranger.post(address).status_code == 302
    assert as_operator.put(address).status_code == 405
    assert as_operator.post(f"/machines/none/kernels/{verb}/x/").status_code == 404
