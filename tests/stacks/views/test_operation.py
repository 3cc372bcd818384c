from __future__ import annotations

import re

import pytest
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


def test_the_lines_around_one(as_viewer: Client, no_broker: None, operation: Make, transactional_db: None) -> None:
    made = logged(operation("failed"), *(f"line {n}" for n in range(1, 2001)))
    page = as_viewer.get(f"/operations/{made.pk}/?line=1000-1002").content.decode()
    shown = [int(n) for n in re.findall(r'id="L(\d+)"', page)]
    assert shown == list(range(750, 1250))
    assert re.findall(r'is-marked" id="L(\d+)"', page) == ["1000", "1001", "1002"]
    assert 'data-first="1" data-last="749"' in page
    assert 'data-first="1250" data-last="2000"' in page


def test_any_line_shows_lines(as_viewer: Client, no_broker: None, operation: Make, transactional_db: None) -> None:
    made = logged(operation("failed"), *(f"line {n}" for n in range(1, 2001)))
    for line, first in (("1", 1), ("99999", 1501), ("x", 1501), ("-5", 1501), ("2000", 1501)):
        page = as_viewer.get(f"/operations/{made.pk}/?line={line}").content.decode()
        assert [int(n) for n in re.findall(r'id="L(\d+)"', page)] == list(range(first, first + 500))


def test_a_search_without_javascript(as_viewer: Client, no_broker: None, operation: Make) -> None:
    made = logged(operation("failed"), "fine", "b<o>om &")
    page = as_viewer.get(f"/operations/{made.pk}/?q=<O>om").content.decode()
    assert 'href="?q=%3CO%3Eom&amp;line=2#L2" data-line="2"' in page
    assert "b&lt;o&gt;om &amp;" in page
    assert "No line has “nowhere”." in as_viewer.get(f"/operations/{made.pk}/?q=nowhere").content.decode()


def test_steps_lead_into_the_log_and_the_failed_one_is_named_first(
    as_viewer: Client, no_broker: None, operation: Make
) -> None:
    steps = [
        {"name": "a", "title": "Resolve", "state": "succeeded", "started": 1.0, "finished": 2.0, "line": 1},
        {"name": "b", "title": "Install", "state": "failed", "started": 2.0, "finished": 3.0, "line": 40},
        {"name": "c", "title": "Seal", "state": "waiting", "started": None, "finished": None, "line": None},
    ]
    page = as_viewer.get(f"/operations/{operation('failed', steps=steps).pk}/").content.decode()
    assert page.index("Failed in") < page.index("Resolve")
    assert re.findall(r'<a href="\?line=(\d+)#L\1"', page) == ["40", "1", "40"]


@pytest.mark.parametrize("state", ["failed", "succeeded"])
def test_run_again_with(as_operator: Client, no_broker: None, operation: Make, state: str) -> None:
    asked = {"version": "a", "recipe": "big & old", "options": ["dev", "kernels"], "strategy": "repoint",
             "kernel_dir": "/k", "deploy": True}  # fmt: skip
    page = as_operator.get(f"/operations/{operation(state, parameters=asked).pk}/").content.decode()
    address = ("recipe=big+%26+old&amp;options=dev&amp;options=kernels&amp;kernel_dir=%2Fk&amp;"
               "strategy=repoint&amp;deploy=on" + ("&amp;name=a" if state == "failed" else ""))  # fmt: skip
    assert f'/build/?{address}"' in page


def test_what_followed_comes_with_the_head(as_viewer: Client, no_broker: None, operation: Make) -> None:
    build = operation("succeeded")
    child = operation("running", "deploy", parent=build)
    for headers in ({}, {"HX-Request": "true"}):
        assert f'id="running-{child.pk}"' in as_viewer.get(f"/operations/{build.pk}/", headers=headers).content.decode()


def test_run_again_only_where_it_can_be(as_operator: Client, no_broker: None, operation: Make) -> None:
    asked = {"version": "a", "recipe": "tiny"}
    for made in (operation("running", parameters=asked), operation("failed", "deploy"), operation("failed", "backup")):
        page = as_operator.get(f"/operations/{made.pk}/").content.decode()
        assert "Run again with" not in page
        assert "/deploy/a/" not in page


def test_missing(as_viewer: Client) -> None:
    for address in ("", "state.json", "log", "log.txt", "log/search", "log/first-error"):
        assert as_viewer.get(f"/operations/999/{address}").status_code == 404


def test_a_stranger_is_sent_to_sign_in(stranger: Client, operation: Make) -> None:
    pk = operation().pk
    for address in ("", "state.json", "log", "log.txt", "stream", "log/search", "log/first-error"):
        assert stranger.get(f"/operations/{pk}/{address}").status_code == 302


def test_only_reading(as_operator: Client, operation: Make) -> None:
    pk = operation().pk
    for address in ("", "state.json", "log", "log.txt", "log/search", "log/first-error"):
        assert as_operator.post(f"/operations/{pk}/{address}").status_code == 405
