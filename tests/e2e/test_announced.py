"""What somebody hears who does not see: a silent log, its steps and its end told politely, a failure at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django import DjangoDbBlocker

from stacks import operations
from stacks.engine.events import Event
from stacks.logs import LogWriter
from stacks.models import Machine, Operation
from tests.broker import Broker
from tests.e2e.site import Site, served

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TITLES = ("Prepare the build area", "Resolve anaconda3", "Install anaconda3")
APART = 10_000  # ms between two announcements of steps
# Keeps what comes into the regions that speak; what has a live region above it speaks too.
LISTEN = """() => {
  window.heard = [];
  const speaks = (node) => (node.nodeType === 1 ? node : node.parentElement)
    ?.closest("[role=status], [role=alert], [role=log], [aria-live]");
  new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes) for (const node of [target, ...addedNodes]) {
      const region = speaks(node) ?? (node.nodeType === 1 ? node.querySelector("[role=alert]") : null);
      if (!region || region.ariaLive === "off" || region.id === "log-link") continue;
      const said = `${region.role}: ${region.textContent.trim().replace(/\\s+/g, " ")}`;
      if (window.heard.at(-1) !== said) window.heard.push(said);
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


@pytest.fixture(scope="module")
def site(django_db_setup: None, django_db_blocker: DjangoDbBlocker, valkey: Broker) -> Iterator[Site]:
    with django_db_blocker.unblock(), served(valkey) as running:
        yield running


@pytest.fixture
def operation(site: Site, transactional_db: None) -> Operation:
    User.objects.create_superuser("alice")
    now = timezone.now()
    return Operation.objects.create(
        machine=Machine.objects.create(name="gp12", root="/data0"), kind="build", lane="build", state="running",
        parameters={"version": "a"}, started_at=now, heartbeat_at=now,
    )  # fmt: skip


@pytest.fixture
def page(operation: Operation, site: Site, browser: Browser) -> Iterator[Page]:
    context = site.context(browser, "alice")
    opened = context.new_page()
    opened.clock.install()
    opened.goto(f"/operations/{operation.pk}/")
    expect(opened.locator("#log-link")).to_have_text("Live")
    opened.evaluate(LISTEN)
    yield opened
    context.close()


class Worker:
    """Writes the steps and the log of an operation as a worker does."""

    def __init__(self, operation: Operation) -> None:
        self._pk, self._writer = operation.pk, LogWriter(operation.pk)

    def say(self, count: int) -> None:
        for number in range(count):
            self._writer.sink(Event("output", f"line {number}", "step"))

    def begin(self, running: int) -> None:
        steps: list[dict[str, Any]] = [
            {
                "name": title,
                "title": title,
                "state": "running" if n == running else "succeeded" if n < running else "waiting",
            }
            for n, title in enumerate(TITLES)
        ]
        operations.record_steps(operation_id=self._pk, steps=steps)
        self._writer.state({"state": "running", "steps": steps})

    def end(self, state: str, message: str) -> None:
        operations.finish(operation_id=self._pk, state=state, message=message, log_lines=self._writer.store())
        self._writer.close(state)


def test_the_log_says_nothing_and_its_steps_are_told_now_and_then(page: Page, operation: Operation) -> None:
    worker = Worker(operation)
    log, told = page.locator("#log"), page.locator("#log-told")
    for name, value in {"role": "log", "aria-live": "off", "tabindex": "0", "aria-label": "Log of Build a"}.items():
        expect(log).to_have_attribute(name, value)
    expect(told).to_have_attribute("role", "status")
    worker.begin(0)
    expect(told).to_have_text(TITLES[0])
    worker.say(300)
    page.locator("#L300").wait_for()
    worker.begin(1)
    expect(page.locator("#steps .is-running .step-title")).to_have_text(TITLES[1])
    page.clock.fast_forward(APART)
    worker.begin(2)
    expect(told).to_have_text(TITLES[2])
    worker.end("succeeded", "“a” was sealed.")
    expect(told).to_have_text("succeeded. “a” was sealed.")
    assert page.evaluate("heard") == [
        f"status: {text}" for text in (TITLES[0], TITLES[2], "succeeded. “a” was sealed.")
    ]


def test_a_failure_is_told_at_once(page: Page, operation: Operation) -> None:
    worker = Worker(operation)
    worker.begin(0)
    expect(page.locator("#log-told")).to_have_text(TITLES[0])
    worker.end("failed", "No version of “astropyy” was found.")
    expect(page.get_by_role("alert")).to_have_text("No version of “astropyy” was found.")
    heard = page.evaluate("heard")
    assert "alert: No version of “astropyy” was found." in heard
    assert heard[-1].startswith(("alert: ", "status: failed. No version"))
    expect(page.locator("#log")).to_have_attribute("aria-live", "off")
