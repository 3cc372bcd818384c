from __future__ import annotations

from django.test import Client

from stacks.engine.events import Event
from stacks.logs import LogWriter
from stacks.models import Operation
from tests.stacks.views.conftest import Make


def logged(operation: Operation, *texts: str) -> Operation:
    writer = LogWriter(operation.pk)
    for text in texts:
        writer.sink(Event("output", text, "s"))
    operation.log_lines = writer.store()
    operation.save()
    writer.close(operation.state)
    return operation


def test_it_works(as_operator: Client, no_broker: None, operation: Make, transactional_db: None) -> None:
    steps = [{"name": "s", "title": "Resolve", "state": "failed", "started": 1.0, "finished": 3.5}]
    made = logged(operation("failed", message="no such package", reason="monthly", steps=steps), "\x1b[31mred <b>")
    page = as_operator.get(f"/operations/{made.pk}/").content.decode()
    for told in ("no such package", "monthly", "Resolve", "2.5 s", "Failed · Build a · local · DLStack", "Retry",
                 '<span class="ink-1">red &lt;b&gt;</span>', "icons/failed.svg"):  # fmt: skip
        assert told in page
    assert "http-equiv" not in page


def test_while_it_runs_the_page_reloads_without_javascript(
    as_operator: Client, no_broker: None, operation: Make
) -> None:
    page = as_operator.get(f"/operations/{operation('running').pk}/").content.decode()
    assert '<noscript><meta http-equiv="refresh"' in page
    assert "Cancel" in page


def test_htmx_gets_the_header_alone(as_viewer: Client, no_broker: None, operation: Make) -> None:
    response = as_viewer.get(f"/operations/{operation().pk}/", headers={"HX-Request": "true"})
    assert response.content.strip().startswith(b'<div class="pagehead">')


def test_a_viewer_is_offered_no_change(as_viewer: Client, no_broker: None, operation: Make) -> None:
    for state in ("failed", "running"):
        page = as_viewer.get(f"/operations/{operation(state).pk}/").content.decode()
        assert "/retry" not in page
        assert "/cancel" not in page


def test_the_state_as_json(as_viewer: Client, operation: Make) -> None:
    told = as_viewer.get(f"/operations/{operation('failed', message='x').pk}/state.json").json()
    assert (told["state"], told["final"], told["message"], told["title"]) == (
        "failed", True, "x", "Failed · Build a · local · DLStack",
    )  # fmt: skip


def test_missing(as_viewer: Client) -> None:
    for address in ("", "state.json", "log", "log.txt"):
        assert as_viewer.get(f"/operations/999/{address}").status_code == 404


def test_a_stranger_is_sent_to_sign_in(stranger: Client, operation: Make) -> None:
    pk = operation().pk
    for address in ("", "state.json", "log", "log.txt", "stream"):
        assert stranger.get(f"/operations/{pk}/{address}").status_code == 302


def test_only_reading(as_operator: Client, operation: Make) -> None:
    pk = operation().pk
    for address in ("", "state.json", "log", "log.txt"):
        assert as_operator.post(f"/operations/{pk}/{address}").status_code == 405
