"""Two admins on one machine: each sees who does what without a reload, and nobody acts on what is not so any more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Locator, Page, expect

from stacks.engine.layout import Layout
from stacks.engine.locks import lane_lock
from tests.e2e.conftest import BOB, Instance, NewPage
from tests.e2e.story import build, fill_in, finished, on_two, real

LIVE = 15_000  # milliseconds in which a page has renewed itself
MACHINE, DEPLOY_ONE = "/machines/local/", "/machines/local/deploy/one/"


@pytest.fixture
def alice(page: Page, instance: Instance) -> Page:
    """The first admin, who is called admin, on a machine whose active version is “two”."""
    on_two(page, instance)
    return page


@pytest.fixture
def bob(new_page: NewPage) -> Page:
    """The second admin, who signs in with a password."""
    page = new_page(storage_state=None)
    page.goto("/")
    name, password = BOB
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Machines")).to_be_visible()
    return page


@pytest.fixture(autouse=True)
def _nothing_runs(instance: Instance, page: Page) -> Iterator[None]:
    """Whatever a test leaves running is called off, for the others' sake."""
    yield
    page.goto(MACHINE)
    while (running := page.locator("#live > .running")).count():
        running.first.click()
        cancel(page)


@contextmanager
def nothing_goes_on(instance: Instance, lane: str) -> Iterator[None]:
    """Hold a lane's lock, so that what is submitted has not ended before everybody has looked."""
    with lane_lock(Layout(instance.home.root), lane):
        yield


def cancel(page: Page) -> None:
    page.get_by_text("Cancel…").click()
    page.locator("[id^=cancel-] button").click()
    finished(page, "Cancelled")


def operations(page: Page) -> int:
    """Count the operations there are, by the number of the newest."""
    answer = page.request.get("/operations/").text()
    return max(map(int, re.findall(r"/operations/(\d+)/", answer)))


def refused(page: Page) -> Locator:
    expect(page.get_by_role("heading", level=1)).to_have_text("Refused, and nothing was changed")
    return page.locator(".stop-text")


def test_the_second_sees_who_did_what_and_a_stale_form_is_refused(
    alice: Page, bob: Page, new_page: NewPage, instance: Instance
) -> None:
    stale = bob.context.new_page()
    stale.goto(DEPLOY_ONE)
    bob.goto(MACHINE)
    bob.evaluate("window.loaded = 'once'")
    expect(bob.locator(".headline")).to_contain_text("two is active")

    alice.goto(MACHINE)
    alice.get_by_role("link", name="Revert to one…").click()
    alice.get_by_label("Reason").fill("plots are empty")
    alice.get_by_role("button", name="Revert to one").click()
    finished(alice)

    expect(bob.locator(".headline")).to_contain_text("one is active", timeout=LIVE)
    expect(bob.locator(".headline")).to_contain_text("by admin")
    expect(bob.locator(".timeline li").first).to_contain_text("plots are empty")
    expect(bob.locator(".op", has_text="Revert to one").first).to_contain_text("by admin")
    assert bob.evaluate("window.loaded") == "once"

    before = operations(bob)
    stale.get_by_role("button", name="Deploy one").click()
    expect(refused(stale)).to_have_text(
        re.compile(r"^one is active now, by admin at \d\d:\d\d UTC; when you opened this page it was two\. Nothing was")
    )
    assert operations(bob) == before
    assert real(instance).endswith("/one")
    stale.get_by_role("link", name="Look again").click()
    expect(stale.locator(".fromto-side").first).to_contain_text("one")
    expect(stale.get_by_role("button", name="Deploy one")).to_have_count(0)


def test_of_two_clicks_at_once_one_is_done_and_the_other_told(alice: Page, bob: Page, instance: Instance) -> None:
    before = operations(alice)
    for page in (alice, bob):
        page.goto(DEPLOY_ONE)
    with nothing_goes_on(instance, "live"):
        at = alice.evaluate("Date.now() + 500")
        for page in (alice, bob):
            page.evaluate(f"setTimeout(() => document.getElementById('confirm').click(), {at} - Date.now())")
        for page in (alice, bob):
            page.wait_for_selector("#head, .stop")
        winner, loser = sorted((alice, bob), key=lambda page: page.locator("#head").count(), reverse=True)
        assert operations(alice) == before + 1
        who = "admin" if winner is alice else "bob"
        said = rf"^local is busy: the deploy of one \(#{before + 1}, {who}\) is (waiting|running) since"
        expect(refused(loser)).to_have_text(re.compile(said))
        loser.get_by_role("link", name="Look at Deploy one").click()
        expect(loser).to_have_url(winner.url)
    finished(winner)
    finished(loser)
    assert operations(alice) == before + 1


def test_who_cancelled_is_seen_by_the_other(alice: Page, bob: Page, instance: Instance) -> None:
    bob.goto("/")
    fill_in(bob, "another")
    build(alice, "called-off", recipe="slow")
    expect(alice.locator("#log")).to_contain_text("Nothing happens from here on", timeout=LIVE)
    bob.get_by_role("button", name="Build", exact=True).click()
    busy = bob.locator(".note.is-error")
    expect(busy).to_contain_text(re.compile(r"the build of called-off \(#\d+, admin\) is running since"))
    expect(bob.get_by_label("Name of the version")).to_have_value("another")
    busy.get_by_role("link", name="Look at Build called-off").click()
    expect(bob).to_have_url(alice.url)
    stale = never_renewed(bob)
    bob.evaluate("window.loaded = 'once'")

    cancel(alice)
    finished(bob, "Cancelled")
    expect(bob.locator(".note")).to_contain_text("Cancelled by admin during “Install anaconda3”")
    expect(bob.get_by_text("Cancel…")).to_have_count(0)
    assert bob.evaluate("window.loaded") == "once"
    stale.get_by_role("button", name="Cancel Build called-off").click()
    expect(refused(stale)).to_contain_text("has already ended: Cancelled by admin during “Install anaconda3”")
    stale.get_by_role("link", name="Look again").click()
    expect(stale).to_have_url(bob.url)
    finished(stale, "Cancelled")


def never_renewed(page: Page) -> Page:
    """Open what a page shows once more, with the cancel at hand, and let nothing but pages come through after that."""
    stale = page.context.new_page()
    stale.goto(page.url)
    stale.get_by_text("Cancel…").click()
    passing = ("document", "stylesheet", "script")
    stale.route("**/*", lambda route: route.continue_() if route.request.resource_type in passing else route.abort())
    stale.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")  # which closes the stream that is open
    return stale
