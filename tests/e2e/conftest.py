"""A real instance with its printed sign-in link, and a real browser."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import Home
from tests.wheels import tiny_index, tiny_recipe

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@dataclass(frozen=True)
class Instance:
    """A running DLStack: its home, and the link that signs in once."""

    home: Home
    link: str

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.home.port}"


@pytest.fixture(scope="module")
def instance(shared_home: Home) -> Iterator[Instance]:
    recipe = shared_home.path / "tiny.toml"
    broken = shared_home.path / "broken.toml"
    index = tiny_index(shared_home.path / "index")
    recipe.write_text(tiny_recipe(index))
    broken.write_text(tiny_recipe(index, "tiny-nothing", name="broken"))
    process = shared_home.popen("up")
    try:
        link = _printed_link(process)
        for file in (recipe, broken):
            shared_home.dlstack("recipe-import", str(file))
        yield Instance(shared_home, link)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _printed_link(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"http://\S+sesame=\S+", line):
            return found.group()
    raise AssertionError("no link was printed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Django takes Playwright's event loop for an asynchronous caller of the database; these tests use none.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def state(instance: Instance, browser: Browser) -> str:
    """Where the cookies of the signed-in admin are kept, for pages with other settings."""
    path = str(instance.home.path / "cookies.json")
    context = browser.new_context()
    page = context.new_page()
    page.goto(instance.link)
    assert page.url == f"{instance.address}/"
    context.storage_state(path=path)
    context.close()
    return path


@pytest.fixture
def page(instance: Instance, browser: Browser, state: str) -> Iterator[Page]:
    """A signed-in page that fails the test for an error of its scripts or a request to another host."""
    context = browser.new_context(base_url=instance.address, storage_state=state)
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", lambda request: wrong.append(request.url) if not _own(request.url, instance) else None)
    yield opened
    context.close()
    # A refusal is a page with a status of its own, which Chromium reports too.
    assert [text for text in wrong if "Failed to load resource" not in text] == []


def _own(url: str, instance: Instance) -> bool:
    return url.startswith((instance.address, "data:"))
