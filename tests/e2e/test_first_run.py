"""From the sign-in link of a fresh, empty instance to the first deploy, by nothing but what the pages offer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import Home
from tests.e2e.conftest import Instance, running
from tests.e2e.recipes import write_recipes
from tests.e2e.story import finished, real

DONE, NEXT, WAITING = "is-succeeded", "is-next", "is-waiting"


@pytest.fixture(scope="module")
def instance(shared_home: Home) -> Iterator[Instance]:
    """An instance in which nobody was before."""
    with running(shared_home) as started:
        yield started


def steps(page: Page) -> dict[str, str]:
    """Read the guide: each step with how far it is."""
    found = page.locator(".firstrun li").all()
    titles = [one.locator(".step-title").inner_text().split(":")[0].strip() for one in found]
    return dict(zip(titles, [str(one.get_attribute("class")).split()[-1] for one in found], strict=True))


def home(page: Page) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Machines").click()


def test_first_run_to_first_deploy(instance: Instance, browser: Browser) -> None:
    page = browser.new_context().new_page()
    page.goto(instance.link)  # the one address that is not a link on a page: the terminal prints it
    begun = {"A machine": DONE, "A ramdisk": DONE, "A recipe": DONE, "A first version": NEXT, "Deployed": WAITING}
    assert steps(page) == begun
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="DLStack").click(modifiers=["ControlOrMeta"])
    watching = opened.value
    expect(watching.get_by_role("link", name="Build the first version")).to_be_visible()

    page.get_by_role("link", name="Add your own").click()
    page.get_by_label("File").set_input_files(write_recipes(instance.home) / "tiny.toml")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("tiny r1")
    page.get_by_role("button", name="Build…").click()
    expect(page.get_by_label("Recipe", exact=True)).to_have_value("tiny")
    name = page.get_by_label("Name of the version").input_value()
    page.get_by_role("button", name="Build", exact=True).click()
    finished(page)

    home(page)
    assert steps(page) == begun | {"A first version": DONE, "Deployed": NEXT}
    page.get_by_role("link", name=f"Deploy {name}…").click()
    page.get_by_role("button", name=f"Deploy {name}").click()
    finished(page)
    home(page)
    assert steps(page) == {}
    expect(page.locator("#machine-local")).to_contain_text(name)
    assert real(instance).endswith(f"/{name}")

    # Who only watched has seen the guide come to its end, without a reload.
    expect(watching.locator(".firstrun")).to_have_count(0, timeout=15_000)
    expect(watching.locator("#machine-local .active-name")).to_contain_text(name)
    page.context.close()
