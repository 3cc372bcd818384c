"""The log in a browser: followed live, through a restart, jumped about in, searched, and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Instance
from tests.e2e.logs import Events, Written, numbers, web_server, written

LINES = 9000
ERRORS = (300, 4000, 8990)
PATIENCE = 30_000  # milliseconds


@pytest.fixture(scope="module")
def long(instance: Instance) -> Iterator[Written]:
    """A finished log of 9,000 lines, three of them errors."""
    events: Events = [("output", f"ERROR: broken {n}" if n in ERRORS else f"line {n}") for n in range(1, LINES + 1)]
    with written(instance) as log:
        log.go(events)
        log.finish()
        yield log


def test_no_line_is_lost_or_repeated_when_the_server_restarts(page: Page, instance: Instance) -> None:
    with written(instance, rate=150, seconds=8) as log:
        page.goto(log.address)
        expect(page.locator("#log-link")).to_have_text("Live")
        log.go()
        page.locator("#L150").wait_for()
        before = web_server(instance)
        before.kill()
        expect(page.locator("#log-link")).to_have_text("Reconnecting…")
        expect(page.locator("#log-link")).to_have_text("Live", timeout=PATIENCE)
        assert web_server(instance).pid != before.pid
        count = log.finish()
        expect(page.locator("#head .headline")).to_contain_text("Succeeded", timeout=PATIENCE)
        page.locator(f"#L{count}").wait_for()
        assert numbers(page) == list(range(1, count + 1))


def test_lines_passed_over_come_when_scrolled_to(page: Page, instance: Instance) -> None:
    with written(instance) as log:
        page.goto(log.address)
        expect(page.locator("#log-link")).to_have_text("Live")
        log.go([("output", f"line {n}") for n in range(1, 5001)])
        page.locator("#L5000").wait_for()
        gap = page.locator("#log .gap").last
        passed = int(gap.get_attribute("data-first") or 0)  # its end may be near enough to be fetched by now
        assert page.locator(f"#L{passed}").count() == 0
        log.finish()
        page.locator("#log").hover()
        while not page.locator(f"#L{passed}").count():
            page.mouse.wheel(0, -600)
            page.wait_for_timeout(50)
        shown = numbers(page)
        assert shown == sorted(set(shown))


def test_the_page_keeps_only_the_end_of_what_it_follows(page: Page, instance: Instance) -> None:
    with written(instance, rate=2500, seconds=2) as log:
        page.goto(log.address)
        expect(page.locator("#log-link")).to_have_text("Live")
        log.go()
        count = log.finish()
        expect(page.locator("#head .headline")).to_contain_text("Succeeded", timeout=PATIENCE)
        expect(page.locator(f"#L{count}")).to_be_attached()
        assert len(numbers(page)) <= 2750
        parts = page.evaluate("[...document.querySelectorAll('#log > *')].map((part) => part.className)")
        assert parts[0] == "gap"


def test_word_of_the_end_is_given_only_when_asked_for(page: Page, instance: Instance) -> None:
    page.add_init_script("window.told = []; window.Notification = class { constructor(title) { told.push(title); }"
                         "static requestPermission() { return Promise.resolve('granted'); } };")  # fmt: skip
    with written(instance) as log:
        page.goto(log.address)
        page.get_by_role("button", name="Notify me").click()
        expect(page.get_by_role("button", name="Will notify")).to_have_attribute("aria-pressed", "true")
        assert page.evaluate("told") == []
        log.go([("output", "one")])
        log.finish()
        page.wait_for_function("told.length")
        assert page.evaluate("told") == [page.title()]
        assert page.title().startswith("Succeeded · ")
        assert (page.locator("#favicon").get_attribute("href") or "").endswith("succeeded.svg")


SEEN = """() => {
  const { top, bottom } = document.getElementById("log").getBoundingClientRect();
  const lines = [...document.querySelectorAll("#log .line")].map((line) => [line.getBoundingClientRect(), line.id]);
  return lines.filter(([box]) => box.bottom > top && box.top < bottom).map(([, id]) => Number(id.slice(1)));
}"""


def test_the_scroll_bar_leads_through_the_whole_log(page: Page, long: Written) -> None:
    page.goto(f"{long.address}#L1")
    is_at(page, 1)
    # Playwright would poll by eval, which the page forbids.
    while page.evaluate("document.getElementById('log').scrollHeight") < LINES * 10:
        page.wait_for_timeout(50)
    seen = seen_after_scrolling(page, 2 / 3)
    assert seen == list(range(seen[0], seen[-1] + 1))
    assert abs(seen[0] - LINES * 2 / 3) < 300
    page.locator("#log").hover()
    for _ in range(60):
        before = page.evaluate(SEEN)
        page.mouse.wheel(0, -300)
        page.wait_for_timeout(30)
        after = page.evaluate(SEEN)
        assert after == list(range(after[0], after[-1] + 1))
        assert 0 <= before[0] - after[0] <= 40  # a wheel’s turn and no leap
    assert len(numbers(page)) <= 1050
    page.locator("#log").focus()
    page.keyboard.press("End")
    expect(page.locator(f"#L{LINES}")).to_be_in_viewport()
    page.keyboard.press("Home")
    expect(page.locator("#L1")).to_be_in_viewport()


def seen_after_scrolling(page: Page, share: float) -> list[int]:
    """Scroll to a share of the log's height until lines of there are seen; a page that settles may take one back."""
    seen: list[int] = [1]
    for _ in range(200):
        if seen[:1] == [1]:
            page.evaluate(
                "share => { const log = document.getElementById('log'); log.scrollTop = log.scrollHeight * share; }",
                share,
            )
        page.wait_for_timeout(50)
        seen = page.evaluate(SEEN)
        if len(seen) > 10 and seen[0] != 1:
            return seen
    raise AssertionError(f"lines seen after scrolling: {seen}")


def is_at(page: Page, number: int) -> None:
    expect(page.locator(f"#L{number}")).to_be_in_viewport()
    expect(page.locator(f"#L{number}")).to_have_class(re.compile("is-marked"))


def test_an_address_leads_to_its_lines(page: Page, long: Written) -> None:
    page.goto(f"{long.address}#L4120-L4140")
    is_at(page, 4120)
    assert page.locator(".is-marked").count() == 21
    page.evaluate("location.hash = 'L20'")
    is_at(page, 20)
    expect(page.locator("#log-picked")).to_have_text("L20")


def test_a_click_and_a_second_with_shift_make_a_range(page: Page, long: Written) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{long.address}#L50")
    is_at(page, 50)
    page.locator("#L51 > a").click()
    page.locator("#L53 > a").click(modifiers=["Shift"])
    assert page.url.endswith("#L51-L53")
    page.get_by_role("button", name="Copy text").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "line 51\nline 52\nline 53"
    page.get_by_role("button", name="Copy link").click()
    page.wait_for_function("navigator.clipboard.readText().then((text) => text.endsWith('?line=51#L51-L53'))")


def test_the_whole_log_is_searched(page: Page, long: Written) -> None:
    page.goto(long.address)
    page.get_by_label("Search the whole log").fill("LINE 777")
    page.keyboard.press("Enter")
    expect(page.locator("#log-hit")).to_have_text("Hit 1 of 11")
    is_at(page, 777)
    page.get_by_role("button", name="Next").click()
    is_at(page, 7770)
    page.get_by_role("button", name="Previous").click()
    is_at(page, 777)
    page.get_by_label("Search the whole log").fill("nowhere")
    page.keyboard.press("Enter")
    expect(page.locator("#log-hit")).to_have_text("No hit")


def test_keys(page: Page, long: Written) -> None:
    page.goto(long.address)
    page.keyboard.press("n")
    is_at(page, ERRORS[0])
    page.keyboard.press("n")
    is_at(page, ERRORS[1])
    page.keyboard.press("p")
    is_at(page, ERRORS[0])
    page.keyboard.press("g")
    expect(page.locator("#L1")).to_be_in_viewport()
    page.keyboard.press("G")
    expect(page.locator(f"#L{LINES}")).to_be_in_viewport()
    page.keyboard.press("/")
    expect(page.get_by_label("Search the whole log")).to_be_focused()
    page.keyboard.type("ng?")
    expect(page.get_by_label("Search the whole log")).to_have_value("ng?")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.get_by_label("Use these keys").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_choices_are_remembered(page: Page, long: Written) -> None:
    page.goto(long.address)
    page.get_by_label("Times").check()
    page.get_by_label("Wrap").uncheck()
    page.reload()
    expect(page.get_by_label("Times")).to_be_checked()
    expect(page.get_by_label("Wrap")).not_to_be_checked()
    assert "times=1" in (page.get_by_role("link", name="Raw").get_attribute("href") or "")


def test_without_javascript(instance: Instance, browser: Browser, state: str, long: Written) -> None:
    context = browser.new_context(base_url=instance.address, storage_state=state, java_script_enabled=False)
    page = context.new_page()
    page.goto(long.address)
    page.get_by_role("link", name="First error").click()
    assert page.url.endswith(f"?line={ERRORS[0]}#L{ERRORS[0]}")
    is_at(page, ERRORS[0])
    page.get_by_label("Search the whole log").fill("broken")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=f"ERROR: broken {ERRORS[1]}").click()
    is_at(page, ERRORS[1])
    page.locator("#log .gap a").first.click()
    expect(page.locator(f"#L{ERRORS[1] - 251}")).to_be_attached()
    page.get_by_role("link", name="Write", exact=True).click()
    is_at(page, 1)
    context.close()
