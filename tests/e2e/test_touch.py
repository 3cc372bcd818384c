"""On a phone of 390 px, by touch: build, log, deploy, revert, cancel; nothing is too small or beside the screen."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Instance, NewPage
from tests.e2e.story import PATIENCE, PHONE, finished, idle, on_two, real

SMALL = (Path(__file__).parent / "small.js").read_text()


def fits(page: Page) -> None:
    small = page.evaluate(SMALL)
    assert small == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def tap(page: Page, role: str, name: str) -> None:
    """Touch what leads to another page, and look at that."""
    with page.expect_navigation():
        page.get_by_role(role, name=name, exact=True).first.tap()  # type: ignore[arg-type]
    fits(page)


def test_build_log_deploy_revert(page: Page, new_page: NewPage, instance: Instance) -> None:
    on_two(page, instance)
    idle(page)
    phone = new_page(viewport=PHONE, has_touch=True, is_mobile=True)
    phone.goto("/")
    fits(phone)
    tap(phone, "link", "Build new version")
    phone.get_by_label("Recipe", exact=True).select_option("tiny")
    expect(phone.locator("#options-title")).to_contain_text("tiny")
    phone.get_by_label("Name of the version").fill("touched")
    phone.get_by_label("Deploy it afterwards").tap()
    tap(phone, "button", "Build")
    finished(phone)
    fits(phone)
    in_the_log(phone)

    # What follows is on the page without a reload.
    phone.locator(".running", has_text="Deploy touched").tap()
    finished(phone)
    expect(phone.get_by_role("heading", level=1)).to_have_text("Deploy touched")
    assert real(instance).endswith("/touched")
    tap(phone, "link", "local")
    tap(phone, "link", "Revert to two…")
    phone.get_by_label("Reason").fill("by thumb")
    tap(phone, "button", "Revert to two")
    finished(phone)
    assert real(instance).endswith("/two")


def in_the_log(phone: Page) -> None:
    """Go to a step by its link, pick a line by its number, and search."""
    phone.get_by_role("link", name="Install anaconda3").tap()
    line = phone.locator("#log .is-marked")
    expect(line).to_be_in_viewport()
    expect(line).to_contain_text("Install anaconda3")
    phone.locator("#L2 > a").tap()
    assert phone.url.endswith("#L2")
    expect(phone.get_by_role("button", name="Copy link")).to_be_visible()
    phone.get_by_label("Search the whole log").fill("seal")
    phone.get_by_role("button", name="Search").tap()
    expect(phone.locator("#log-hit")).to_contain_text("Hit 1 of", timeout=PATIENCE)
    fits(phone)
    help_comes_and_goes(phone)


def help_comes_and_goes(phone: Page) -> None:
    """Open the help over where one is, and come back to just there."""
    phone.get_by_role("button", name="Keys").scroll_into_view_if_needed()
    place = phone.evaluate("scrollY")
    assert place > 100
    phone.get_by_role("button", name="Keys").tap()
    expect(phone.get_by_role("dialog")).to_be_in_viewport(ratio=1)
    fits(phone)
    phone.get_by_role("button", name="Close").tap()
    expect(phone.get_by_role("dialog")).to_be_hidden()
    assert phone.evaluate("scrollY") == place


def test_a_running_build_is_cancelled_with_a_thumb(page: Page, new_page: NewPage) -> None:
    idle(page)
    phone = new_page(viewport=PHONE, has_touch=True, is_mobile=True)
    phone.goto("/machines/local/build/?recipe=slow&name=dropped")
    tap(phone, "button", "Build")
    expect(phone.locator("#log")).to_contain_text("Nothing happens from here on", timeout=PATIENCE)
    phone.get_by_text("Cancel…").tap()
    fits(phone)
    tap(phone, "button", "Cancel Build dropped")
    finished(phone, "Cancelled")
    fits(phone)
