from __future__ import annotations

import pytest
from django.test import Client

from stacks import recipes
from stacks.models import Operation
from tests.stacks.views.conftest import Make


def test_it_works(as_operator: Client, operation: Make) -> None:
    asked = {"version": "a", "recipe_text": (recipes.SHIPPED / "starter.toml").read_text()}
    made = operation("interrupted", reason="monthly", parameters=asked)
    response = as_operator.post(f"/operations/{made.pk}/retry")
    again = Operation.objects.get(retry_of=made)
    assert response.headers["Location"] == f"/operations/{again.pk}/"
    assert (again.parameters["version"], again.reason) == ("a", "monthly")


def test_one_that_succeeded_is_refused(as_operator: Client, operation: Make) -> None:
    response = as_operator.post(f"/operations/{operation('succeeded').pk}/retry")
    assert response.status_code == 409
    assert "nothing to retry" in response.content.decode()


def test_a_viewer_may_not(as_viewer: Client, operation: Make) -> None:
    assert as_viewer.post(f"/operations/{operation('failed').pk}/retry").status_code == 403
    assert Operation.objects.count() == 1


def test_a_stranger_is_sent_to_sign_in(stranger: Client, operation: Make) -> None:
    assert stranger.post(f"/operations/{operation('failed').pk}/retry").status_code == 302


def test_only_sending(as_operator: Client, operation: Make) -> None:
    assert as_operator.get(f"/operations/{operation('failed').pk}/retry").status_code == 405


def test_missing(as_operator: Client) -> None:
    assert as_operator.post("/operations/999/retry").status_code == 404


@pytest.mark.parametrize(("kind", "asked"), [("prune", {"keep": 2}), ("remove", {"version": "a"}), ("discard", {})])
def test_what_destroys_is_asked_anew(as_admin: Client, operation: Make, kind: str, asked: dict[str, object]) -> None:
    made = operation("failed", kind, parameters=asked)
    answer = as_admin.post(f"/operations/{made.pk}/retry")
    assert f"/do/{kind}/" in answer.headers["Location"]
    assert Operation.objects.count() == 1
