from __future__ import annotations

import pytest
from django.test import Client

from stacks.models import Machine, Operation
from tests.kernels.corpus import Stage

ADDRESS = "/machines/local/kernels/check"


def test_it_works(as_operator: Client, live: Stage) -> None:
    answer = as_operator.post(ADDRESS, {"depth": "launch", "kernel": "well", "version": ""})
    made = Operation.objects.get()
    assert answer.headers["Location"] == f"/operations/{made.pk}/"
    assert (made.kind, made.lane, str(made.requested_by)) == ("kernel-check", "build", "operator")
    assert made.parameters == {"version": "", "names": ["well"], "depth": "launch"}


def test_all_kernels_of_a_version(as_operator: Client, live: Stage) -> None:
    as_operator.post(ADDRESS, {"depth": "static", "version": "a"})
    assert Operation.objects.get().parameters == {"version": "a", "names": [], "depth": "static"}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"depth": "deep"}, "Choose how deep"),
        ({}, "Choose how deep"),
        ({"depth": "static", "version": "none"}, "does not exist"),
        ({"depth": "static", "kernel": "../x"}, "There is no kernelspec"),
    ],
)
def test_what_cannot_be_is_refused(as_operator: Client, live: Stage, asked: dict[str, str], says: str) -> None:
    answer = as_operator.post(ADDRESS, asked)
    assert answer.status_code == 409
    assert says in answer.content.decode()
    assert not Operation.objects.exists()


def test_a_busy_lane_is_told(as_operator: Client, live: Stage) -> None:
    as_operator.post(ADDRESS, {"depth": "static"})
    assert "is busy" in as_operator.post(ADDRESS, {"depth": "static"}).content.decode()


def test_a_viewer_may_not(as_viewer: Client, live: Stage) -> None:
    assert as_viewer.post(ADDRESS, {"depth": "static"}).status_code == 403


def test_a_stranger_is_sent_to_sign_in(stranger: Client, machine: Machine) -> None:
    assert stranger.post(ADDRESS).status_code == 302


def test_missing(as_operator: Client, machine: Machine) -> None:
    assert as_operator.post("/machines/none/kernels/check", {"depth": "static"}).status_code == 404


def test_it_is_only_sent(as_operator: Client, machine: Machine) -> None:
    assert as_operator.get(ADDRESS).status_code == 405
