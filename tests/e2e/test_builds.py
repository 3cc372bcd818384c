"""Builds that go wrong or are called off: the first error by its link, again, again with another recipe, cancelled."""

from __future__ import annotations

import os
import re

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Instance, NewPage
from tests.e2e.recipes import slow_seconds
from tests.e2e.story import build, finished, finished_by_reload


def test_the_first_error_is_found_and_mended(page: Page, instance: Instance) -> None:
    build(page, "mended", recipe="broken")
    finished(page, "Failed")
    assert page.title().startswith("Failed · Build mended")
    expect(page.locator(".note.is-failed")).to_contain_text("tiny-nothing")
    page.get_by_role("link", name="First error").click()
    line = page.locator("#log .is-marked")
    expect(line).to_be_in_viewport()
    expect(line).to_contain_text("error: No solution found")
    number = line.get_attribute("id")
    assert page.url.endswith(f"#{number}")
    page.reload()  # the address is a permalink
    expect(page.locator("#log .is-marked")).to_have_attribute("id", str(number))
    expect(page.locator("#log .is-marked")).to_be_in_viewport()

    failed = page.url.split("#")[0]
    page.get_by_role("button", name="Retry").click()
    expect(page).not_to_have_url(re.compile(f"^{failed}"))
    finished(page, "Failed")
    expect(page.locator("#head")).to_contain_text(f"again, after #{failed.split('/')[-2]}")
    assert not (instance.home.root / "sw.mended").exists()

    page.get_by_role("link", name="Run again with…").click()
    expect(page.get_by_label("Recipe", exact=True)).to_have_value("broken")
    expect(page.get_by_label("Name of the version")).to_have_value("mended")
    page.get_by_label("Recipe", exact=True).select_option("tiny")
    expect(page.locator("#options-title")).to_contain_text("tiny")
    page.get_by_role("button", name="Build", exact=True).click()
    finished(page)
    assert (instance.home.root / "sw.mended").is_dir()


@pytest.mark.parametrize("javascript", [True, False], ids=["JavaScript", "no JavaScript"])
def test_a_cancelled_build_leaves_nothing(new_page: NewPage, instance: Instance, javascript: bool) -> None:
    page, before = new_page(java_script_enabled=javascript), on_disk(instance)
    build(page, "never", recipe="slow")
    while not of_the_build(instance):
        page.wait_for_timeout(100)
    if not javascript:
        page.reload()
    question = page.locator("#cancel-running")  # what it says while the operation waits is not true any more
    question.locator("summary").click()
    expect(question).to_contain_text("what was begun is undone")
    page.get_by_role("button", name="Cancel Build never").click()
    (finished if javascript else finished_by_reload)(page, "Cancelled")
    expect(page.locator(".note")).to_contain_text("Cancelled by admin during “Install anaconda3”")
    assert of_the_build(instance) == []
    assert on_disk(instance) == before
    assert list(instance.home.root.rglob("half-made")) == []


def on_disk(instance: Instance) -> list[str]:
    """Name what lies in the root and in its build area."""
    areas = (instance.home.root, instance.home.root / ".dlstack/build")
    return [path for area in areas if area.is_dir() for path in sorted(os.listdir(area))]


def of_the_build(instance: Instance) -> list[int]:
    """Find the processes that the slow recipe's script began."""
    wanted = slow_seconds(instance.home)
    return [one.pid for one in psutil.process_iter(["cmdline"]) if wanted in (one.info["cmdline"] or [])]
