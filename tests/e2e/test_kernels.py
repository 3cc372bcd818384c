"""Review the kernels, find one that fails, read why, mend its kernel.json, install it, check it again: green."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Instance

PATIENCE = 90_000  # milliseconds
RECIPE = """name = "kernels"
[[environments]]
path = "anaconda3"
installer = "venv"
packages = ["ipykernel"]
jupyter = true
[[environments.kernelspecs]]
name = "python3"
display_name = "Python 3"
"""
BROKEN = {
    "argv": ["python", "-m", "no_such_kernel", "-f", "{connection_file}"],
    "display_name": "Sky tools",
    "language": "python",
}


@pytest.fixture(scope="module")
def instance(own_instance: Instance) -> Instance:
    """A machine of its own: what is live has kernels that fail."""
    return own_instance


def kernel(page: Page) -> Locator:
    page.goto("/machines/local/kernels/")
    return page.locator("section.kernel", has=page.get_by_role("heading", name="Sky tools"))


def launched(page: Page) -> None:
    """Check the kernel by starting it, and wait for the end of that."""
    kernel(page).get_by_role("button", name="Start the kernel of sky").click()
    finished(page)


def finished(page: Page) -> None:
    expect(page.locator("#head .headline")).to_contain_text(re.compile("succeeded", re.IGNORECASE), timeout=PATIENCE)


@pytest.mark.network
@pytest.mark.browser
def test_a_failing_kernel_is_found_mended_and_green(page: Page, instance: Instance) -> None:
    specs = instance.home.path / "specs/sky"
    specs.mkdir(parents=True)
    (specs / "kernel.json").write_text(json.dumps(BROKEN))
    recipe = instance.home.path / "kernels.toml"
    recipe.write_text(RECIPE)
    instance.home.dlstack("recipe-import", str(recipe))
    instance.home.dlstack("build", "kernels", "--name", "one", "--kernel-dir", str(specs.parent), "--deploy")
    launched(page)

    page.get_by_role("link", name="Kernels", exact=True).click()
    row = page.get_by_role("row", name=re.compile("sky"))
    expect(row).to_contain_text("died")
    page.get_by_role("link", name="local", exact=True).first.click()
    expect(kernel(page)).to_contain_text("Failed")
    expect(kernel(page)).to_contain_text("No module named no_such_kernel")

    kernel(page).get_by_role("link", name="Add to the library").click()
    text = page.get_by_label("kernel.json")
    good = text.input_value().replace("no_such_kernel", "ipykernel_launcher")
    text.fill(good.replace("{connection_file}", ""))
    expect(page.locator("#validation")).to_contain_text("no-connection-file")
    text.fill(good)
    expect(page.locator("#validation")).to_contain_text("that Jupyter can start")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("link", name="Install… sky").click()
    page.get_by_role("button", name="Install sky").click()
    finished(page)

    launched(page)
    expect(kernel(page)).not_to_contain_text("Failed")
    expect(kernel(page)).to_contain_text("pinned")
