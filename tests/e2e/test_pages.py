"""Every page, wide and on a phone, light and dark: no violation that axe finds, no sideways scroll, nothing inline."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from stacks import recipes
from tests.seed import Seed, write_disk
from tests.stacks.views.conftest import signed_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
PAGES = (
    *("/", "/machines/local/", "/machines/gp12/?sort=-size&find=20", "/machines/gp20/", "/machines/local/build/"),
    *("/machines/local/settings/", "/machines/local/drift/", "/machines/local/processes/", "/glossary/"),
    *("/machines/local/versions/2026-11-20/", "/machines/local/versions/2026-11-12/?q=ast&against=2026-11-20"),
    *("/recipes/", "/recipes/datalab/", "/recipes/datalab/edit/", "/recipe-import/", "/operations/", "/styleguide/"),
    *("/releases/local/", "/releases/local/2026-11-20/", "/account/", "/account/password/", "/people/", "/people/add/"),
    *("/people/1/", "/audit/"),
)


@pytest.fixture(params=[("light", 1280), ("dark", 390)], ids=["light-wide", "dark-phone"])
def page(
    request: pytest.FixtureRequest, live_server: LiveServer, browser: Browser, settings: Settings
) -> Iterator[Page]:
    settings.DEBUG = True
    root = Path(settings.DLSTACK.home) / "pages"
    root.mkdir()
    write_disk(root)
    seed = Seed(root)
    recipes.add_revision(text=seed.revision.text.replace('"starter"', '"datalab"'), note="Another")
    scheme, width = request.param
    context = browser.new_context(
        base_url=live_server.url, color_scheme=scheme, viewport={"width": width, "height": 900}
    )
    name = settings.SESSION_COOKIE_NAME
    value = signed_in(seed.alice).cookies[name].value
    context.add_cookies([{"name": name, "value": value, "url": live_server.url}])
    yield context.new_page()
    context.close()
    shutil.rmtree((root / "sw.tmpfs").resolve(), ignore_errors=True)
    shutil.rmtree(root)


def test_pages_can_be_read_by_everybody(page: Page) -> None:
    wrong: list[object] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    for address in PAGES:
        page.goto(address)
        page.wait_for_load_state("networkidle")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong.append(f"{address} scrolls sideways")
        found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
        wrong += [(address, item["id"], [node["target"] for node in item["nodes"]][:3]) for item in found]
    assert wrong == []


def test_an_error_stands_at_its_line_while_typing(page: Page) -> None:
    page.goto("/recipes/datalab/edit/")
    text = page.locator("#id_text")
    text.fill(text.input_value().replace('"venv"', '"magic"'))
    page.locator(".codeerror", has_text="line 6").wait_for(timeout=10_000)
    text.fill(text.input_value().replace('"magic"', '"venv"'))
    page.locator(".verdict.is-good").wait_for(timeout=10_000)


def test_packages_are_found_while_typing_and_the_address_keeps_it(page: Page) -> None:
    page.goto("/machines/local/versions/2026-11-20/")
    page.locator("#q").press_sequentially("astroq")
    page.locator("#packages", has_text="1 package with").wait_for(timeout=10_000)
    assert page.url.endswith("?q=astroq")
    assert page.locator("#packages tbody tr").count() == 1


def test_a_word_opens_and_closes_another(page: Page) -> None:
    page.goto("/machines/local/")
    page.locator("#term-backing-link summary").click()
    assert page.locator("#term-backing-link .term-body").is_visible()
    page.locator("#term-ramdisk summary").press("Enter")
    assert not page.locator("#term-backing-link .term-body").is_visible()
