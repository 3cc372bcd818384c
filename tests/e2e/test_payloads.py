"""Two hundred lines of a log that try to be more than text, live and read back."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from stacks.ansi import strip
from stacks.logs.lines import clean
from tests.e2e.conftest import Instance
from tests.e2e.logs import Events, written
from tests.payloads import FOREIGN, PAYLOADS

SHOWN = "[...document.querySelectorAll('#log .line')].map((line) => line.textContent)"
STRANGE = (
    "#log :not(div, a, span, button), #log [onerror], #log [onload], #log [style], .results :not(p, ol, li, a, span)"
)


def test_two_hundred_payloads_are_text(page: Page, instance: Instance) -> None:
    assert len(PAYLOADS) == 200
    events: Events = [("output", payload) for payload in PAYLOADS]
    wanted = [strip(clean(payload)) for payload in PAYLOADS]
    with written(instance) as log:
        page.goto(log.address)
        expect(page.locator("#log-link")).to_have_text("Live")
        log.go(events)
        page.locator("#L200").wait_for()
        are_text(page, wanted)
        log.finish()
        for address in (log.address, f"{log.address}?q=pwned", f"{log.address}?line=100"):
            page.goto(address)
            page.locator("#L200").wait_for()
            are_text(page, wanted)
        raw = page.request.get(f"{log.address}log.txt?view=1")
        assert raw.headers["content-type"].startswith("text/plain")
        assert raw.headers["x-content-type-options"] == "nosniff"
        found = page.request.get(f"{log.address}log/search?q=pwned")
        assert found.headers["content-type"] == "application/json"


def are_text(page: Page, wanted: list[str]) -> None:
    assert page.evaluate(SHOWN) == wanted
    assert page.locator(STRANGE).count() == 0
    assert page.locator(FOREIGN).count() == 0
    assert page.evaluate("window.pwned") is None
    expect(page.locator("#log .line")).to_have_count(200)
