"""With a keyboard alone: the whole story, and a focus that is always seen and never lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Instance, NewPage
from tests.e2e.keyboard import Keyboard
from tests.e2e.story import PATIENCE, PHONE, build, finished, on_two, real

STILL = {"reduced_motion": "reduce"}  # a page that glides to the focus has not arrived when it is looked at


@pytest.fixture
def keys(new_page: NewPage, page: Page, instance: Instance) -> Iterator[Keyboard]:
    on_two(page, instance)
    made = Keyboard(new_page(**STILL, storage_state=None))
    yield made
    assert made.wrong == []


def test_build_deploy_revert(keys: Keyboard, instance: Instance) -> None:
    page = keys.page
    page.goto(instance.home.json("up")["sign_in"])
    assert keys.press("Tab")["name"] == "Skip to the content"
    assert keys.press("Enter")["id"] == "main"
    keys.follow("^Build new version")

    keys.to("^Recipe$")
    while page.get_by_label("Recipe", exact=True).input_value() != "tiny":
        keys.press("ArrowDown")
    expect(page.locator("#options-title")).to_contain_text("tiny")
    keys.to("^Name of the version")
    page.keyboard.type("typed")
    keys.enter("^More$")
    keys.to("^Kernelspec directory")
    keys.follow("^Build$")
    finished(page)

    in_the_log(keys)
    keys.follow("^Deploy typed…")
    keys.follow("^Deploy typed$")
    finished(page)
    assert real(instance).endswith("/typed")

    keys.follow("^Machines$")
    keys.follow("^Revert to two…")
    keys.to("^Reason")
    page.keyboard.type("by hand")
    keys.follow("^Revert to two$", press="Space")
    finished(page)
    assert real(instance).endswith("/two")


def in_the_log(keys: Keyboard) -> None:
    """Use the log's keys, and come back from their help to where one was."""
    page = keys.page
    keys.to("^Log of Build typed")
    keys.press("g")
    assert keys.press("/")["name"] == "Search the whole log"
    page.keyboard.type("install")
    keys.press("Enter")
    expect(page.locator("#log-hit")).to_contain_text("Hit 1 of")
    assert keys.press("Escape")["id"] == "log"
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert keys.press("Tab")["id"] in ("log-keys", "")
    assert keys.press("Escape")["id"] == "log"
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_what_opens_over_the_page_closes_again(keys: Keyboard, new_page: NewPage) -> None:
    page = keys.page = new_page(**STILL)
    page.goto("/machines/local/")
    keys.enter("^Theme and account")
    keys.follow("^Dark$", press="Space")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    keys.enter("^Theme and account")
    keys.to("^Sign out")
    assert keys.press("Escape")["name"] == "Theme and account"
    expect(page.locator(".menu-body")).to_be_hidden()

    for name, key in (("^What does “live path” mean", "Enter"), ("^What does “backing link” mean", "Space")):
        keys.to(name)
        page.keyboard.press(key)
        expect(page.locator(".term-body:visible")).to_have_count(1)
    keys.press("Tab")  # “All words”
    keys.press("Tab")  # and out of it
    expect(page.locator(".term-body:visible")).to_have_count(0)
    page.context.clear_cookies(name="theme")


def test_the_focus_outlives_what_is_renewed(keys: Keyboard, page: Page, new_page: NewPage) -> None:
    mine = keys.page = new_page(**STILL)
    build(page, "renewed", recipe="slow")
    expect(page.locator("#log")).to_contain_text("Nothing happens from here on", timeout=PATIENCE)
    begun = mine.context.new_page()
    mine.goto("/machines/local/")
    keys.to("^one$")  # a link without an id of its own
    begun.goto(page.url)
    second = Keyboard(begun, keys.wrong)
    second.to("^Prepare the build area")
    third = Keyboard(mine.context.new_page(), keys.wrong)
    third.page.goto(page.url)
    third.enter("^Cancel…")
    third.to("^Cancel Build renewed")

    page.get_by_text("Cancel…").click()
    page.get_by_role("button", name="Cancel Build renewed").click()
    finished(page, "Cancelled")
    for other in (begun, third.page):
        finished(other, "Cancelled")
    expect(mine.locator("#live > .running")).to_have_count(0, timeout=15_000)
    stayed = [(one.look() or {}).get("name") for one in (keys, second, third)]
    assert stayed == ["one", "Prepare the build area", "Build renewed"]


PAGES = ["/", "/machines/local/", "/machines/local/versions/two/", "/machines/local/incident/", "/operations/1/"]


def test_no_stop_is_covered_on_a_small_screen(keys: Keyboard, new_page: NewPage) -> None:
    page = keys.page = new_page(**STILL, viewport=PHONE)
    for address in PAGES:
        page.goto(address)
        forth, back = keys.all_around("Tab"), keys.all_around("Shift+Tab")
        assert forth == back
        assert len(forth) > 10
