"""A real instance with its printed sign-in link, and a real browser."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import Home, new_home
from tests.e2e.recipes import write_recipes

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
BOB = ("bob", "a password of bob's")
# One start of Django for all of it.
SEED = f"""
import sys
from pathlib import Path
from django.contrib.auth.models import User
from stacks import recipes
for file in sorted(Path(sys.stdin.read()).glob("*.toml")):
    recipes.add_revision(text=file.read_text())
User.objects.create_superuser({BOB[0]!r}, password={BOB[1]!r})
"""

NewPage = Callable[..., Page]


@dataclass(frozen=True)
class Instance:
    """A running DLStack: its home, and the link that signs in once."""

    home: Home
    link: str

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.home.port}"


@contextmanager
def running(home: Home) -> Iterator[Instance]:
    """Run DLStack in a home as a person would, with the sign-in link that is printed."""
    process = home.popen("up")
    try:
        link = _printed_link(process)
        threading.Thread(target=process.communicate, daemon=True).start()  # a full pipe would halt it
        yield Instance(home, link)
    finally:
        process.terminate()
        process.wait(120)


def seed(home: Home) -> None:
    """Add the recipes of the tests, and a second admin."""
    place = write_recipes(home)
    home.dlstack("shell", "-c", SEED, stdin=str(place))


@pytest.fixture(scope="package")
def instance() -> Iterator[Instance]:
    """One instance for every module that leaves others what they need: versions have names of their own."""
    with new_home() as home, running(home) as started:
        seed(home)
        yield started


@pytest.fixture(scope="module")
def own_instance(shared_home: Home) -> Iterator[Instance]:
    """An instance for one module, which makes it its `instance`."""
    with running(shared_home) as started:
        seed(shared_home)
        yield started


def _printed_link(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"http://\S+sesame=\S+", line):
            return found.group()
    raise AssertionError("no link was printed")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    # Django takes Playwright's event loop for an asynchronous caller of the database; these tests use none.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def state(instance: Instance, browser: Browser) -> str:
    """Where the cookies of the signed-in admin are kept; the link of an instance works once."""
    path = instance.home.path / "cookies.json"
    if not path.exists():
        context = browser.new_context()
        page = context.new_page()
        page.goto(instance.link)
        assert page.url == f"{instance.address}/"
        context.storage_state(path=path)
        context.close()
    return str(path)


@pytest.fixture
def new_page(instance: Instance, browser: Browser, state: str) -> Iterator[NewPage]:
    """Open signed-in pages; an error of their scripts or a request to another host fails the test."""
    opened, wrong = [], []

    def make(**options: Any) -> Page:
        context = browser.new_context(base_url=instance.address, **{"storage_state": state, **options})
        opened.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if not _own(request.url, instance) else None)
        return page

    yield make
    for context in opened:
        context.close()
    # A refusal is a page with a status of its own, which Chromium reports too.
    assert [text for text in wrong if "Failed to load resource" not in text] == []


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """A signed-in page."""
    return new_page()


def _own(url: str, instance: Instance) -> bool:
    return url.startswith((instance.address, "data:"))
