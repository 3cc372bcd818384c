"""The whole story in a browser: build, deploy, build again, deploy, revert; and what goes wrong on the way."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Instance, NewPage
from tests.e2e.story import PATIENCE, build, deploy, finished, finished_by_reload, on_two, real
from tests.probe import Probe

FILE = "anaconda3/lib/python3.11/site-packages/tiny_sky/__init__.py"


def test_build_deploy_build_deploy_revert(page: Page, instance: Instance) -> None:
    build(page, "early")
    expect(page.locator("#log")).to_contain_text("uv install anaconda3", timeout=PATIENCE)
    finished(page)
    shown = page.locator("#log .chunk").inner_text()
    assert shown.count("uv install anaconda3") == 1
    assert "uv install anaconda3" in page.request.get(f"{page.url}log.txt").text()
    deploy(page, "early")
    assert real(instance).endswith("/early")
    assert real(instance).startswith("/dev/shm/")
    live = instance.home.root / "sw"
    with Probe(live, [FILE]) as probe:
        build(page, "late")
        finished(page)
        deploy(page, "late")
        assert real(instance).endswith("/late")
        page.goto("/")
        page.get_by_role("link", name="Revert to early…").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Revert local to")
        page.get_by_label("Reason").fill("kernels are slow")
        page.get_by_role("button", name="Revert to early").click()
        finished(page)
    assert real(instance).endswith("/early")
    assert (probe.counts["failed"], probe.counts["mixed"]) == (0, 0)
    assert probe.counts["reads"] > 100
    page.goto("/machines/local/")
    expect(page.locator("main")).to_contain_text("kernels are slow")
    assert page.title()


@pytest.mark.parametrize(("name", "says"), [("../x", "cannot name"), ("hdd", "choose another"), ("one", "is taken")])
def test_a_bad_name_is_a_form_error_and_changes_nothing(page: Page, instance: Instance, name: str, says: str) -> None:
    on_two(page, instance)
    before = sorted(os.listdir(instance.home.root))
    build(page, name)
    expect(page.locator("main")).to_contain_text(says)
    assert sorted(os.listdir(instance.home.root)) == before


def test_without_javascript_the_same_works(new_page: NewPage, page: Page, instance: Instance) -> None:
    on_two(page, instance)
    plain = new_page(java_script_enabled=False)
    plain.goto("/")
    plain.get_by_role("link", name="Revert to one…").click()
    plain.get_by_role("button", name="Revert to one").click()
    finished(plain)  # the page reloads itself
    assert real(instance).endswith("/one")
    plain.goto("/machines/local/deploy/two/")
    plain.get_by_role("button", name="Deploy two").click()
    finished_by_reload(plain)
    assert real(instance).endswith("/two")
