"""A required kernel that fails is a problem on the dashboard, until it was mended and checked again."""

from __future__ import annotations

import pytest
from django.test import Client

from stacks.models import Machine
from tests.conftest import People
from tests.kernels.conftest import add_check, add_version, kernelspecs
from tests.stacks.views.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def active(elsewhere: Machine) -> Machine:
    specs = [*kernelspecs("needed", required=True), *kernelspecs("nice")]
    add_version(elsewhere, "a", specs, active=True)
    return elsewhere


def dashboard(people: People) -> str:
    return signed_in(people.viewer).get("/").content.decode()


def test_a_failing_required_kernel_is_named_with_what_to_do(active: Machine, people: People) -> None:
    add_check(active, "a", "needed", state="failed", code="died", reason="It died before <b>replying</b>.")
    page = dashboard(people)
    assert "The required kernel “needed” of “a” fails" in page
    assert "&lt;b&gt;replying" in page
    assert 'href="/machines/gp12/kernels/"' in page
    add_check(active, "a", "needed")
    assert "The required kernel" not in dashboard(people)


def test_others_are_no_problem(active: Machine, people: People, client: Client) -> None:
    add_check(active, "a", "nice", state="failed", code="died", reason="gone")
    add_check(active, "old", "needed", state="failed", code="died", reason="gone")
    assert "The required kernel" not in dashboard(people)
