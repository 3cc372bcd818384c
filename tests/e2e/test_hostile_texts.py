"""Names, packages, kernels, reasons and all else that try to be more than text: on pages, in parts, feeds, exports."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django import DjangoDbBlocker

from stacks import ansi
from stacks.engine.packages import normal
from stacks.storable import xml_text
from tests.broker import Broker
from tests.e2e.site import Site, served
from tests.e2e.visits import addresses
from tests.hostile import Hostile
from tests.payloads import FOREIGN, PAYLOADS, as_read, named

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.django_db(transaction=True)]

# Everything that is read, seen or hovered over, and whatever else would tell that a text has become more than that.
READ = """(foreign) => {
  const told = ["title", "aria-label", "placeholder", "value", "alt"], elements = [...document.querySelectorAll("*")];
  const said = (one, name) => one[name] ?? one.getAttribute(name);
  const runs = ({ name, value }) => name.startsWith("on") || /^\\s*javascript:/i.test(value);
  return {
    pwned: window.pwned ?? null,
    foreign: [...document.querySelectorAll(foreign)].map((one) => one.outerHTML.slice(0, 200)),
    runs: elements.filter((one) => [...one.attributes].some(runs)).map((one) => one.outerHTML.slice(0, 200)),
    text: [document.documentElement.textContent, ...elements.flatMap((one) => told.map((name) => said(one, name)))]
      .filter((text) => typeof text === "string" && text).join(" "),
  };
}"""
# A part is fetched again and put in its place, as the page does by itself when something has changed.
RENEW = """() => {
  const live = document.getElementById("live");
  const address = live.getAttribute("hx-get").replace(/seen=\\w+/, "seen=old");
  return htmx.ajax("GET", address, { target: live, swap: "outerHTML" });
}"""
FILL = """([text, name]) => {
  const form = document.querySelector("main form[method=post]");
  form.noValidate = true;
  for (const field of form.querySelectorAll("input:not([type]), input[type=text], input[type=number], textarea")) {
    field.removeAttribute("hx-post");
    field.value = field.name === "name" ? name : text;
  }
}"""
QUERY = (
    *("q", "find", "only", "sort", "who", "text", "machine", "state", "kind", "language", "versions", "against", "to"),
    *("line", "hours", "from", "after", "page", "next", "sesame", "recipe", "name", "reason", "kernel_dir", "options"),
)
MARK = re.compile(r"§[a-z]+\d+:")
LONGEST = 600
SEND = "main form[method=post] [type=submit]:visible"


@pytest.fixture(scope="module")
def site(django_db_setup: None, django_db_blocker: DjangoDbBlocker, valkey: Broker) -> Iterator[Site]:
    with django_db_blocker.unblock(), served(valkey) as running:
        yield running


@pytest.fixture
def world(site: Site, transactional_db: None) -> Iterator[Hostile]:
    site.root.mkdir()
    yield Hostile(site.root)
    site.clear()


@pytest.fixture
def page(world: Hostile, site: Site, browser: Browser) -> Iterator[Page]:
    """A window on whose console nothing is said, since no page tries what the policy forbids."""
    context, said = site.context(browser, "alice"), []
    opened = context.new_page()
    opened.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: said.append(str(error)))
    yield opened
    context.close()
    assert [text for text in said if "Failed to load resource" not in text] == []


@pytest.fixture
def pages(world: Hostile) -> dict[str, list[str]]:
    """The addresses of every page by its route, with every name of ours that leads to one."""
    client = Client()
    client.force_login(world.alice)
    known: dict[str, list[Any]] = {
        "name": [world.machine.name, world.local.name],
        "version": [row.name for row in world.versions],
        "pk": [one.pk for one in world.operations],
        "kernel": [world.versions[1].kernelspecs[0]["name"], "sky"],
    }
    people = {"pk": [world.mallory.pk, world.alice.pk], "token": [world.token.pk]}
    recipes = {"name": [world.recipe.name]}
    joinings = {"pk": [one.pk for one in world.joinings]}
    rollouts = {"pk": [world.rollout.pk]}
    given: dict[str, dict[str, list[Any]]] = {
        "access": people, "recipe": recipes, "stacks:joining": joinings, "stacks:rollout": rollouts,
        "stacks:schedule": {"pk": [world.schedule.pk]}, "stacks:window": {"pk": [world.window.pk]},
    }  # fmt: skip
    return addresses(client, lambda route, key: next((one for word, one in given.items() if word in route), known)[key])


class Reader:
    """Reads pages, and keeps which texts were seen whole."""

    def __init__(self, world: Hostile) -> None:
        self.written = {mark: spellings(text) for mark, text in world.written.items()}
        self.seen: set[str] = set()
        self.wrong: list[str] = []

    def read(self, page: Page) -> None:
        found = page.evaluate(READ, FOREIGN)
        for what in ("pwned", "foreign", "runs"):
            if found[what]:
                self.wrong.append(f"{page.url}: {what} {found[what]}")
        text = as_read(found["text"])
        for mark in MARK.finditer(text):
            if mark.group() in self.written:
                self._compare(mark.group(), text[mark.start() : mark.start() + LONGEST], page.url)

    def _compare(self, mark: str, shown: str, where: str) -> None:
        if any(shown.startswith(one) for one in self.written[mark]):
            self.seen.add(mark)
        elif not any(one.startswith(shown.partition("…")[0]) for one in self.written[mark]):
            self.wrong.append(f"{where}: {self.written[mark][0]!r} is shown as {shown!r}")


def spellings(text: str) -> list[str]:
    """Give a text as it may be shown: as it is, in JSON and TOML, in the timeline, as a package, in a shell's words."""
    quoted = text.replace("'", "'\"'\"'")
    return [*map(as_read, (text, json.dumps(text)[1:-1], ansi.strip(text), normal(text), quoted))]


def test_everything_is_text_on_every_page(page: Page, world: Hostile, pages: dict[str, list[str]]) -> None:
    assert len(PAYLOADS) == 200
    reader = Reader(world)
    earlier = [f"{pages['stacks:recipe'][0]}?revision=1"]
    for address in [*(address for listed in pages.values() for address in listed), *earlier]:
        page.goto(address)
        assert "?next=" not in page.url
        if page.locator("#log[data-live='1']").count():
            expect(page.locator("#log-link")).to_have_text("Live")  # the steps have come once more, as an event
        reader.read(page)
    assert reader.wrong == []
    assert reader.written.keys() - reader.seen == set()


def test_what_is_asked_for_in_an_address_is_text(page: Page, world: Hostile, pages: dict[str, list[str]]) -> None:
    reader = Reader(world)
    for number, listed in enumerate(pages.values()):
        asked = {key: named(number * len(QUERY) + place, key) for place, key in enumerate(QUERY)}
        page.goto(f"{listed[0]}?{urlencode(asked)}")
        reader.read(page)
    assert reader.wrong == []


def test_parts_that_come_later_are_text(page: Page, world: Hostile, pages: dict[str, list[str]]) -> None:
    reader = Reader(world)
    for address in (pages["stacks:dashboard"][0], *pages["stacks:machine"]):
        page.goto(address)
        page.evaluate(RENEW)
        reader.read(page)
    typed = ("stacks:version", "#q"), ("stacks:recipe-edit", "#id_text"), ("kernels:add", "#id_text")
    for number, (route, field) in enumerate(typed):
        page.goto(pages[route][-1 if route == "kernels:add" else 0])
        with page.expect_response(lambda answer: "hx-request" in answer.request.headers):
            page.locator(field).fill(named(8 * number, "typed"))
        page.wait_for_function("() => !document.querySelector('.htmx-request, .htmx-settling')")
        reader.read(page)
    assert reader.wrong == []
    assert {re.sub(r"\d+:", "", mark) for mark in reader.seen} >= {"§package", "§machine", "§freeze", "§root"}


def test_exports_and_feeds_hold_the_texts_and_nothing_else(page: Page, world: Hostile) -> None:
    get = page.request.get
    for address in ("/activity.csv", "/kernels/matrix.csv"):
        rows = [*csv.reader(io.StringIO(get(address).text(), newline=""))]
        assert {len(row) for row in rows} == {len(rows[0])}
    whys = {one["why"] for one in get("/activity.json").json()["activity"]}
    assert {text for mark, text in world.written.items() if mark.startswith("§reason")} <= whys
    kernels = get("/kernels/matrix.json").json()["kernels"]
    assert {spec["display_name"] for spec in world.versions[1].kernelspecs} <= {one["display_name"] for one in kernels}
    feed = ET.fromstring(get(reverse("stacks:release-feed", args=[world.machine.name])).body())
    titles = [title.text or "" for title in feed.iter("{http://www.w3.org/2005/Atom}title")]
    told = [xml_text(f"{row.name} is active") for row in world.versions[1::-1]]
    assert [*map(as_read, titles[1:])] == [*map(as_read, told)]
    timeline = get(reverse("stacks:timeline", args=[world.machine.name])).text()
    assert "§freeze" in timeline
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", timeline)


def test_what_is_sent_in_a_form_is_text(page: Page, world: Hostile, pages: dict[str, list[str]]) -> None:
    """Comes last: it may freeze, clear and ask for operations, which nobody carries out here."""
    reader, sent = Reader(world), 0
    for number, address in enumerate(address for listed in pages.values() for address in listed):
        page.goto(address)
        if page.locator(SEND).count():
            page.evaluate(FILL, [named(number, "sent"), named(number, "sent", 60, path=True)])
            with page.expect_navigation():
                page.locator(SEND).first.click()
            reader.read(page)
            sent += 1
    assert reader.wrong == []
    assert sent > 20
