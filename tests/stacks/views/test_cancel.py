from __future__ import annotations

from django.test import Client

from stacks.models import Operation
from tests.stacks.views.conftest import Make


def test_it_works(as_operator: Client, operation: Make) -> None:
    made = operation("running")
    response = as_operator.post(f"/operations/{made.pk}/cancel")
    assert response.headers["Location"] == f"/operations/{made.pk}/"
    made.refresh_from_db()
    assert made.cancel_requested_by == made.requested_by


def test_a_queued_one_ends_at_once(as_operator: Client, operation: Make) -> None:
    made = operation("queued")
    as_operator.post(f"/operations/{made.pk}/cancel")
    assert Operation.objects.get(pk=made.pk).state == "cancelled"


def test_one_that_has_ended_is_refused(as_operator: Client, operation: Make) -> None:
    for state, message, says in (
        ("failed", "Two\nlines", "it failed."),
        ("cancelled", "Cancelled by alice before it began.", "Cancelled by alice before it began."),
    ):
        made = operation(state, message=message)
        response = as_operator.post(f"/operations/{made.pk}/cancel")
        page = response.content.decode()
        assert response.status_code == 409
        assert f"has already ended: {says}" in page
        assert f'href="/operations/{made.pk}/">Look again<' in page


def test_a_viewer_may_not(as_viewer: Client, operation: Make) -> None:
    made = operation("running")
    assert as_viewer.post(f"/operations/{made.pk}/cancel").status_code == 403
    made.refresh_from_db()
    assert made.cancel_requested_at is None


def test_a_stranger_is_sent_to_sign_in(stranger: Client, operation: Make) -> None:
    assert stranger.post(f"/operations/{operation('running').pk}/cancel").status_code == 302


def test_only_sending(as_operator: Client, operation: Make) -> None:
    assert as_operator.get(f"/operations/{operation('running').pk}/cancel").status_code == 405


def test_missing(as_operator: Client) -> None:
    assert as_operator.post("/operations/999/cancel").status_code == 404
