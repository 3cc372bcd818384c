"""What people do on the pages, in a word each."""

from __future__ import annotations

import os
import re
import time

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Instance

PATIENCE = 60_000  # milliseconds
PHONE = {"width": 390, "height": 844}
RECIPES = {"one": "tiny", "two": "newer"}


def finished(page: Page, state: str = "Succeeded") -> None:
    """Wait until the operation that the page shows has ended so."""
    expect(page.locator("#head .headline")).to_contain_text(re.compile(state, re.IGNORECASE), timeout=PATIENCE)


def finished_by_reload(page: Page, state: str = "Succeeded") -> None:
    """Do the same where no script renews the page: sooner than its own reload, which comes every five seconds."""
    give_up_at = time.monotonic() + PATIENCE / 1000
    while state not in page.locator("#head .headline").inner_text() and time.monotonic() < give_up_at:
        page.wait_for_timeout(300)
        page.reload()
    finished(page, state)


def idle(page: Page) -> None:
    """Wait for what runs on the machine: a revert is followed by a check of the kernels, in the lane of the builds."""
    give_up_at = time.monotonic() + PATIENCE / 1000
    page.goto("/machines/local/")
    while page.locator("#live > .running").count() and time.monotonic() < give_up_at:
        page.wait_for_timeout(200)
        page.reload()
    expect(page.locator("#live > .running")).to_have_count(0)


def fill_in(page: Page, name: str, recipe: str = "tiny") -> None:
    """Fill in the form of a build."""
    page.get_by_role("link", name="Build new version").first.click()
    page.get_by_label("Recipe", exact=True).select_option(recipe)
    page.get_by_label("Name of the version").fill(name)


def build(page: Page, name: str, recipe: str = "tiny") -> None:
    idle(page)
    fill_in(page, name, recipe)
    page.get_by_role("button", name="Build", exact=True).click()


def deploy(page: Page, name: str) -> None:
    page.get_by_role("link", name=f"Deploy {name}…").click()
    page.get_by_role("button", name=f"Deploy {name}").click()
    finished(page)


def real(instance: Instance) -> str:
    return os.path.realpath(instance.home.root / "sw")


def on_two(page: Page, instance: Instance) -> None:
    """Bring the machine to where “two” is active and a revert leads to “one”, which differ in one package."""
    for name, recipe in RECIPES.items():
        if not (instance.home.root / f"sw.{name}").exists():
            build(page, name, recipe)
            finished(page)
    page.goto("/machines/local/")
    if real(instance).endswith("/two") and page.get_by_role("link", name="Revert to one…").count():
        return
    for name in ("one", "two"):
        page.goto(f"/machines/local/deploy/{name}/")
        if page.get_by_role("button", name=f"Deploy {name}").count():
            page.get_by_role("button", name=f"Deploy {name}").click()
            finished(page)
