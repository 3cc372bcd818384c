"""The whole story in a browser: build, deploy, build again, deploy, revert; and what goes wrong on the way."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Instance
from tests.probe import Probe

FILES = [f"anaconda3/lib/python3.11/site-packages/tiny_s{part}/__init__.py" for part in ("ky", "tar")]
PATIENCE = 60_000  # milliseconds


def finished(page: Page, state: str = "Succeeded") -> None:
    """Wait until the operation that the page shows has ended so."""
    expect(page.locator("#head .headline")).to_contain_text(re.compile(state, re.IGNORECASE), timeout=PATIENCE)


def build(page: Page, name: str, recipe: str = "tiny") -> None:
    page.goto("/")
    page.get_by_role("link", name="Build new version").first.click()
    page.get_by_label("Recipe", exact=True).select_option(recipe)
    page.get_by_label("Name of the version").fill(name)
    page.get_by_role("button", name="Build", exact=True).click()


def deploy(page: Page, name: str) -> None:
    page.get_by_role("link", name=f"Deploy {name}…").click()
    page.get_by_role("button", name=f"Deploy {name}").click()
    finished(page)


def real(instance: Instance) -> str:
    return os.path.realpath(instance.home.root / "sw")


def test_build_deploy_build_deploy_revert(page: Page, instance: Instance) -> None:
    build(page, "one")
    expect(page.locator("#log")).to_contain_text("uv install anaconda3", timeout=PATIENCE)
    finished(page)
    deploy(page, "one")
    assert real(instance).endswith("/one")
    assert real(instance).startswith("/dev/shm/")
    live = instance.home.root / "sw"
    with Probe(live, [FILES[0]]) as probe:
        build(page, "two")
        finished(page)
        deploy(page, "two")
        assert real(instance).endswith("/two")
        page.goto("/")
        page.get_by_role("link", name="Revert to one…").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Revert local to")
        page.get_by_label("Reason").fill("kernels are slow")
        page.get_by_role("button", name="Revert to one").click()
        finished(page)
    assert real(instance).endswith("/one")
    assert (probe.counts["failed"], probe.counts["mixed"]) == (0, 0)
    assert probe.counts["reads"] > 100
    page.goto("/machines/local/")
    expect(page.locator("main")).to_contain_text("kernels are slow")
    assert page.title()


def test_the_log_can_be_read_raw_and_line_by_line(page: Page) -> None:
    page.goto("/operations/1/")
    raw = page.request.get("/operations/1/log.txt").text()
    assert "uv install anaconda3" in raw
    shown = page.locator("#log .chunk").inner_text()
    assert shown.count("uv install anaconda3") == 1


@pytest.mark.parametrize(("name", "says"), [("../x", "cannot name"), ("hdd", "choose another"), ("one", "is taken")])
def test_a_bad_name_is_a_form_error_and_changes_nothing(page: Page, instance: Instance, name: str, says: str) -> None:
    before = sorted(os.listdir(instance.home.root))
    build(page, name)
    expect(page.locator("main")).to_contain_text(says)
    assert sorted(os.listdir(instance.home.root)) == before


def test_a_failed_build_shows_its_cause_and_can_be_retried(page: Page, instance: Instance) -> None:
    build(page, "never", recipe="broken")
    finished(page, "Failed")
    expect(page.locator(".note.is-failed")).to_contain_text("tiny-nothing")
    page.get_by_role("button", name="Retry").click()
    finished(page, "Failed")
    assert not (instance.home.root / "sw.never").exists()


def test_a_stale_page_reverts_nothing(page: Page, instance: Instance) -> None:
    page.goto("/machines/local/deploy/two/")
    instance.home.dlstack("deploy", "two")
    page.get_by_role("button", name="Deploy two").click()
    expect(page.locator("main")).to_contain_text("active")
    assert page.locator("#head").count() == 0
    instance.home.dlstack("revert")
    assert real(instance).endswith("/one")


def test_without_javascript_the_same_works(instance: Instance, browser: Browser, state: str) -> None:
    context = browser.new_context(base_url=instance.address, storage_state=state, java_script_enabled=False)
    page = context.new_page()
    page.goto("/machines/local/deploy/two/")
    page.get_by_role("button", name="Deploy two").click()
    finished(page)  # the page reloads itself
    page.goto("/")
    page.get_by_role("link", name="Revert to one…").click()
    page.get_by_role("button", name="Revert to one").click()
    finished(page)
    assert real(instance).endswith("/one")
    context.close()


PAGES = [
    "/",
    "/machines/local/",
    "/machines/local/build/",
    "/machines/local/deploy/two/",
    "/operations/",
    "/operations/1/",
    "/machines/local/versions/two/",
    "/machines/local/versions/two/?against=one&files=1",
    "/machines/local/drift/",
    "/machines/local/settings/",
    "/machines/local/do/prune/",
    "/machines/local/do/provision/",
    "/machines/local/versions/two/do/remove/",
    "/recipes/",
    "/recipes/tiny/",
    "/recipe-import/",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_and_fit_a_phone(instance: Instance, browser: Browser, state: str, scheme: str) -> None:
    pictures = os.environ.get("DLSTACK_PICTURES")
    for width in (1280, 390):
        context = browser.new_context(
            base_url=instance.address,
            storage_state=state,
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": width, "height": 900},
        )
        page = context.new_page()
        for number, path in enumerate(PAGES):
            page.goto(path)
            serious = [
                item["id"]
                for item in Axe().run(page).response["violations"]
                if item["impact"] in ("serious", "critical")
            ]
            assert serious == [], path
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
            if pictures:
                page.screenshot(path=Path(pictures) / f"{number}-{width}-{scheme}.png", full_page=True)
        context.close()
