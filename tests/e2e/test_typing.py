"""Pages that answer while one types, and words that open."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from stacks import recipes
from tests.seed import Seed, write_disk
from tests.stacks.views.conftest import signed_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(live_server: LiveServer, browser: Browser, settings: Settings) -> Iterator[Page]:
    root = Path(settings.DLSTACK.home) / "pages"
    root.mkdir()
    write_disk(root)
    seed = Seed(root)
    recipes.add_revision(text=seed.revision.text.replace('"starter"', '"datalab"'), note="Another")
    context = browser.new_context(base_url=live_server.url)
    name = settings.SESSION_COOKIE_NAME
    value = signed_in(seed.alice).cookies[name].value
    context.add_cookies([{"name": name, "value": value, "url": live_server.url}])
    yield context.new_page()
    context.close()
    shutil.rmtree((root / "sw.tmpfs").resolve(), ignore_errors=True)
    shutil.rmtree(root)


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


def test_a_choice_renews_the_plan_but_a_reason_does_not_delay_the_button(page: Page) -> None:
    page.goto("/machines/local/deploy/2026-11-12/")
    asked = page.url
    with page.expect_response(lambda response: response.url.startswith(f"{asked}?") and response.ok) as renewed:
        page.get_by_label("Go on although").check()
    assert "override_health=on" in renewed.value.url
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
    page.locator("#id_reason").fill("The button comes first")
    page.get_by_role("button", name="Deploy").click()
    page.wait_for_url("**/operations/*/")
    assert sent[0] == f"POST {asked}"
