"""What else an admin does in the browser: what would change, drift, verify, rebuild, pin, delete, settings, recipes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Instance
from tests.e2e.story import build, deploy, finished


@pytest.fixture(scope="module")
def instance(own_instance: Instance) -> Instance:
    """A machine of its own: what is pruned is every version but the newest."""
    return own_instance


@pytest.fixture(scope="module", autouse=True)
def one(instance: Instance) -> Path:
    """The live tree of a version that was built and deployed from the command line."""
    instance.home.dlstack("build", "tiny", "--name", "one", "--deploy")
    return instance.home.root / "sw"


def test_what_a_build_would_change_is_shown_before_it_is_built(page: Page) -> None:
    page.goto("/machines/local/build/")
    page.get_by_label("Recipe", exact=True).select_option("tiny")
    page.get_by_role("button", name="Only show what would change").click()
    finished(page)
    expect(page.locator("main")).to_contain_text("A build would add 0, remove 0 and change 0 packages against “one”")
    page.get_by_role("link", name="Build it…").click()
    expect(page.get_by_label("Recipe", exact=True)).to_have_value("tiny")


def test_drift_is_seen_kept_and_discarded(page: Page, one: Path, instance: Instance) -> None:
    page.goto("/machines/local/")
    page.get_by_role("link", name="What users changed").click()
    expect(page.locator("main")).to_contain_text("one is as it was sealed")
    (one / "anaconda3/added-by-hand").write_text("x")
    page.reload()
    expect(page.locator("main")).to_contain_text("anaconda3/added-by-hand")
    page.get_by_role("link", name="Discard…").click()
    page.get_by_role("button", name="Discard the changes").click()
    finished(page)
    assert not (one / "anaconda3/added-by-hand").exists()
    (one / "anaconda3/added-by-hand").write_text("x")
    page.goto("/machines/local/drift/")
    page.get_by_role("link", name="Keep as a version…").click()
    page.get_by_label("Compare the content of every file").check()
    page.get_by_role("button", name="Keep it as a version").click()
    finished(page)
    assert os.readlink(instance.home.root / "sw.hdd") == "sw.one+1"
    page.goto("/machines/local/versions/one+1/?against=one")
    page.get_by_role("link", name="Compare the files too").click()
    expect(page.locator("main")).to_contain_text("anaconda3/added-by-hand")


def test_a_version_is_verified_and_rebuilt_exactly(page: Page, instance: Instance) -> None:
    page.goto("/machines/local/versions/one/")
    page.get_by_role("link", name="Verify…").click()
    page.get_by_label("Read every file").check()
    page.get_by_role("button", name="Verify").click()
    finished(page)
    page.goto("/machines/local/versions/one/")
    page.get_by_role("link", name="Rebuild exactly…").click()
    page.get_by_label("Name of the new version").fill("again")
    page.get_by_role("button", name="Build it again").click()
    finished(page)
    found = {version["name"]: version["packages"] for version in instance.home.json("versions")}
    assert found["again"] == found["one"]


def test_a_pinned_version_stays_and_an_unpinned_one_goes(page: Page, instance: Instance) -> None:
    page.goto("/machines/local/versions/again/")
    page.get_by_label("Pinned").check()
    page.get_by_role("textbox", name="Note").fill("for the summer school")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Pinned")).to_be_checked()
    expect(page.get_by_role("link", name="Delete…")).to_have_count(0)
    page.get_by_label("Pinned").uncheck()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Delete…").click()
    expect(page.locator("#plan")).to_contain_text("Deletes “again”, which frees")
    page.get_by_role("button", name="Delete again").click()
    finished(page)
    assert not (instance.home.root / "sw.again").exists()
    build(page, "third")
    finished(page)
    deploy(page, "third")
    page.goto("/machines/local/do/prune/")
    expect(page.locator("#plan")).to_contain_text("There is nothing to prune")
    page.get_by_label("How many of the newest stay").fill("1")
    page.get_by_label("Reason").click()  # the plan follows the number
    expect(page.locator("#plan")).to_contain_text("Deletes “one”")


def test_settings_and_recipes(page: Page, instance: Instance) -> None:
    page.goto("/machines/local/settings/")
    page.get_by_label("Keep what users changed").select_option("every day")
    page.get_by_label("Services to pause").fill(
        '{"name": "x", "status": ["false"], "stop": ["true"], "start": ["true"]}'
    )
    page.get_by_role("button", name="Save").click()
    finished(page)
    assert [item["name"] for item in instance.home.json("status")["services"]] == ["x"]
    page.goto("/recipes/")
    page.get_by_role("link", name="Add a recipe").click()
    page.get_by_label("Or paste it here").fill("name: sky\ndependencies:\n  - numpy\n")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("sky")
    expect(page.locator("main")).to_contain_text('installer = "conda"')
