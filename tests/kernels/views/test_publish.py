from __future__ import annotations

import pytest
from django.test import Client

from stacks.models import Machine, Operation
from tests.kernels.corpus import Stage
from tests.kernels.views.conftest import BAD

ADDRESS = "/machines/local/kernels/publish/"
ASKED = {
    "environment": "anaconda3",
    "kernel": "pub",
    "display_name": "Pub",
    "language": "python",
    "reason": "r",
    "expected": "a",
}


def test_it_works(as_operator: Client, live: Stage) -> None:
    assert '<option value="anaconda3"' in as_operator.get(ADDRESS).content.decode()
    answer = as_operator.post(ADDRESS, ASKED)
    made = Operation.objects.get()
    assert answer.headers["Location"] == f"/operations/{made.pk}/"
    assert (made.kind, made.reason) == ("kernel-install", "r")
    known = {name: made.parameters[name] for name in ("environment", "kernel", "display_name", "language")}
    assert known == {name: ASKED[name] for name in known}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"environment": "../x"}, "Select a valid choice"),
        ({"kernel": "../x"}, "cannot name a kernelspec"),
        ({"kernel": ""}, "required"),
        ({"display_name": BAD}, "markup"),
        ({"language": "COBOL"}, "has no kernelspec of its own for COBOL"),
    ],
)
def test_what_is_bad_is_told(as_operator: Client, live: Stage, asked: dict[str, str], says: str) -> None:
    answer = as_operator.post(ADDRESS, {**ASKED, **asked})
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert "<script>alert" not in answer.content.decode()
    assert not Operation.objects.exists()


def test_a_stale_page_is_refused(as_operator: Client, live: Stage) -> None:
    answer = as_operator.post(ADDRESS, {**ASKED, "expected": "b"})
    assert answer.status_code == 422
    assert "when you opened this page it was b" in answer.content.decode()
    assert not Operation.objects.exists()


def test_nothing_live(as_operator: Client, machine: Machine) -> None:
    assert "No environment is live" in as_operator.get(ADDRESS).content.decode()


def test_a_viewer_may_not(as_viewer: Client, live: Stage) -> None:
    assert as_viewer.get(ADDRESS).status_code == 403
    assert as_viewer.post(ADDRESS, ASKED).status_code == 403


def test_a_stranger_is_sent_to_sign_in(stranger: Client, machine: Machine) -> None:
    assert stranger.post(ADDRESS).status_code == 302


def test_missing_and_other_methods(as_operator: Client, machine: Machine) -> None:
    assert as_operator.get("/machines/none/kernels/publish/").status_code == 404
    assert as_operator.put(ADDRESS).status_code == 405
