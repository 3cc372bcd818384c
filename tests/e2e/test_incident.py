"""At 3 a.m.: from any page to what changed, and back to what was healthy; on a phone, and without JavaScript."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Instance, NewPage
from tests.e2e.story import PHONE, finished, finished_by_reload, on_two, real


@pytest.fixture(autouse=True)
def two(page: Page, instance: Instance) -> None:
    """Two versions that differ in a package, deployed one after the other."""
    on_two(page, instance)


@pytest.mark.parametrize("javascript", [True, False], ids=["JavaScript", "no JavaScript"])
def test_diff_and_revert_on_a_phone_refused_deploy_and_cleared(
    new_page: NewPage, instance: Instance, javascript: bool
) -> None:
    phone = new_page(viewport=PHONE, java_script_enabled=javascript, color_scheme="dark")
    done = finished if javascript else finished_by_reload
    phone.goto("/machines/local/processes/")
    phone.get_by_role("link", name="Incident").click()
    expect(phone).to_have_url(f"{instance.address}/machines/local/incident/")
    expect(phone.locator("main")).to_contain_text("two is active")
    expect(phone.locator("main")).to_contain_text("from one to two")
    differs(phone, "1.0", "2.0")
    phone.get_by_role("link", name="Compare the files too").click()
    expect(phone.locator("main")).to_contain_text("site-packages/tiny_sky/__init__.py")
    compared(phone)
    phone.get_by_role("link", name="Incident").click()

    phone.locator("#id_reason").fill("plots are empty")
    phone.get_by_role("button", name="Revert to one").click()
    done(phone)
    expect(phone.locator("main")).to_contain_text("“two” is marked bad.")
    assert real(instance).endswith("/one")

    phone.goto("/machines/local/deploy/two/")
    expect(phone.locator("main")).to_contain_text("It is not deployed until somebody clears the mark")
    phone.get_by_role("button", name="Deploy two").click()
    expect(phone.locator("main")).to_contain_text("plots are empty")
    assert real(instance).endswith("/one")

    phone.goto("/machines/local/versions/two/")
    expect(phone.locator("main")).to_contain_text("marked bad")
    phone.locator("#id_clear_reason").fill("the disk was full")
    phone.get_by_role("button", name="Clear the mark").click()
    phone.get_by_role("link", name="Deploy…").click()
    phone.get_by_role("button", name="Deploy two").click()
    done(phone)
    assert real(instance).endswith("/two")
    phone.goto("/machines/local/incident/")
    told = phone.locator("#timeline").input_value()
    for said in ("Reason: “plots are empty”", "“two” is marked bad: plots are empty", "cleared: the disk was full"):
        assert said in told


def differs(phone: Page, old: str, new: str) -> None:
    """Look for the one package in which the versions differ, in the table of the differences."""
    rows = phone.get_by_label("Packages that differ").locator("tr[class^=is-]")
    expect(rows).to_have_count(1)
    assert rows.locator("th, td").all_inner_texts() == ["tiny-sky", old, new]


def compared(phone: Page) -> None:
    """Go to the other version and compare the other way round, by the form on its page."""
    phone.goto("/machines/local/versions/one/")
    phone.get_by_label("Compare with").select_option("two")
    phone.get_by_role("button", name="Compare", exact=True).click()
    expect(phone.get_by_role("heading", name="Compared with two")).to_be_visible()
    differs(phone, "2.0", "1.0")


def test_a_freeze_refuses_a_deploy_but_no_revert(page: Page, instance: Instance) -> None:
    page.goto("/machines/local/incident/")
    page.locator("#id_freeze_reason").fill("exam week")
    page.get_by_role("button", name="Freeze deploys").click()
    expect(page.locator("main")).to_contain_text("Deploys of local are frozen")
    page.goto("/machines/local/")
    expect(page.locator("main")).to_contain_text("exam week")
    refused = instance.home.dlstack("deploy", "one", check=False)
    assert (refused.returncode, "exam week" in refused.stderr) == (2, True)
    page.goto("/machines/local/deploy/one/")
    page.get_by_role("button", name="Deploy one").click()
    expect(page.locator("main")).to_contain_text("unfreeze local first")
    instance.home.dlstack("revert", "--reason", "still allowed")
    assert real(instance).endswith("/one")
    switch_freeze(page, "Unfreeze", "over")
    expect(page.locator("main")).not_to_contain_text("exam week")


def switch_freeze(page: Page, verb: str, why: str) -> None:
    page.goto("/machines/local/freeze/")
    page.get_by_label("Why?").fill(why)
    page.get_by_role("button", name=f"{verb} deploys").click()
    expect(page.locator(".note.is-success")).to_be_visible()
