"""At 3 a.m.: from any page to what changed, and back to what was healthy; on a phone, and without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Instance
from tests.e2e.test_journey import finished, real

PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module", autouse=True)
def two(instance: Instance) -> None:
    """Two versions, deployed one after the other from the command line."""
    for name in ("one", "two"):
        instance.home.dlstack("build", "tiny", "--name", name, "--deploy")


@pytest.fixture(params=[True, False], ids=["JavaScript", "no JavaScript"])
def phone(request: pytest.FixtureRequest, instance: Instance, browser: Browser, state: str) -> Iterator[Page]:
    """A signed-in phone, with JavaScript on, then off."""
    context = browser.new_context(
        base_url=instance.address, storage_state=state, viewport=PHONE, java_script_enabled=request.param, # type: ignore[arg-type]
        color_scheme="dark",
    )  # fmt: skip
    yield context.new_page()
    context.close()


def test_revert_on_a_phone_refused_deploy_and_cleared(phone: Page, instance: Instance) -> None:
    phone.goto("/operations/")
    phone.get_by_role("link", name="Incident").click()
    expect(phone).to_have_url(f"{instance.address}/machines/local/incident/")
    expect(phone.locator("main")).to_contain_text("two is active")
    expect(phone.locator("main")).to_contain_text("from one to two")
    phone.locator("#id_reason").fill("plots are empty")
    phone.get_by_role("button", name="Revert to one").click()
    finished(phone)
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
    finished(phone)
    assert real(instance).endswith("/two")
    phone.goto("/machines/local/incident/")
    told = phone.locator("#timeline").input_value()
    for said in ("Reason: “plots are empty”", "“two” is marked bad: plots are empty", "cleared: the disk was full"):
        assert said in told


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
    page.goto("/machines/local/freeze/")
    page.get_by_label("Why?").fill("over")
    page.get_by_role("button", name="Unfreeze deploys").click()
    expect(page.locator("main")).not_to_contain_text("exam week")


@pytest.fixture
def frozen(instance: Instance) -> Iterator[None]:
    instance.home.dlstack("freeze", "--reason", "a look")
    yield
    instance.home.dlstack("unfreeze", "--reason", "looked")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.usefixtures("frozen")
def test_pages_are_accessible_and_fit_a_phone(instance: Instance, browser: Browser, state: str, scheme: str) -> None:
    for width in (1280, 390):
        context = browser.new_context(
            base_url=instance.address,
            storage_state=state,
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": width, "height": 900},
        )
        page = context.new_page()
        for path in ("/machines/local/incident/", "/machines/local/freeze/", "/machines/local/"):
            page.goto(path)
            found = Axe().run(page).response["violations"]
            assert [item["id"] for item in found if item["impact"] in ("serious", "critical")] == [], path
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        context.close()
