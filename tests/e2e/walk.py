"""Going through pages and noting what is wrong with each: for everybody's eyes, for the keyboard, and for safety."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Response

from tests.e2e.site import Site
from tests.e2e.visits import Visit

WIDTHS = (1280, 390)
THEMES = ("light", "dark")
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
AXE = Axe().axe_script
# Of what is good practice only, what is serious counts.
LOOK = """(tags) => axe.run(document, {runOnly: [...tags, "best-practice"], resultTypes: ["violations"]}).then((told) =>
  told.violations.filter((one) => tags.some((tag) => one.tags.includes(tag)) || /serious|critical/.test(one.impact))
    .map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.target).join(" ")}`))"""
FOCUS = (Path(__file__).parent / "focus.js").read_text().partition("\n")[2]
SETTLED = "() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')"
POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:",
    "connect-src": "'self'", "base-uri": "'none'", "form-action": "'self'", "frame-ancestors": "'none'",
}  # fmt: skip


@dataclass
class Found:
    """What was wrong, each with the page and how it was looked at; all of it is empty where all is well."""

    axe: list[str] = field(default_factory=list)
    focus: list[str] = field(default_factory=list)
    sideways: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    policy: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)


class Walk:
    """Visits pages of a site, in one window for each of those who look."""

    def __init__(self, site: Site, browser: Browser, numbers: dict[str, int]) -> None:
        self.found = Found()
        self._site, self._browser, self._numbers = site, browser, numbers
        self._contexts: dict[str, BrowserContext] = {}

    def visit(self, visit: Visit) -> None:
        """Go to a page and look at it in both themes, wide and on a phone."""
        context = self._context(visit.who)
        page, address = context.new_page(), visit.address.format(**self._numbers)
        answers: list[Response] = []
        page.set_default_timeout(10_000)
        page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108  # Playwright marks what it is given
        page.on("pageerror", lambda error: self.found.console.append(f"{address} {error}"))
        settings.DEBUG = visit.debug
        try:
            page.goto(address)
            visit.do(page)
            page.wait_for_function(SETTLED)
            self._look(page, f"{address} by {visit.who or 'a stranger'}")
            shown = [one for one in answers if one.request.is_navigation_request()]
            if shown[-1].status != visit.status or ("/sign-in/" in page.url and visit.who):
                self.found.answers.append(f"{address}: {shown[-1].status} of {page.url}, not {visit.status}")
        except Error as error:  # the rest of the pages is worth a look all the same
            self.found.answers.append(f"{address}: {error}")
        finally:
            settings.DEBUG = False
            page.close()

    def fetch(self, address: str, who: str = "alice", **headers: str) -> None:
        """Look at how something is answered that is not shown as a page."""
        with_numbers = address.format(**self._numbers)
        answer = self._context(who).request.get(with_numbers, headers=headers, max_redirects=0, timeout=10_000)
        self._check_policy(answer.url, answer.headers)

    def end(self) -> None:
        """Close every window."""
        for context in self._contexts.values():
            context.close()

    def _context(self, who: str) -> BrowserContext:
        if who not in self._contexts:
            context = self._contexts[who] = self._site.context(self._browser, who)
            context.on("request", lambda request: self._check_host(request.url))
            context.on("response", lambda answer: self._check_policy(answer.url, answer.headers))
            context.on("console", self._hear)
        return self._contexts[who]

    def _look(self, page: Page, name: str) -> None:
        page.evaluate(AXE)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                self.found.sideways.append(f"{name} {width}")
            for theme in THEMES:
                page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                where = f"{name} {theme} {width}"
                self.found.axe += [f"{where}: {told}" for told in page.evaluate(LOOK, list(WCAG))]
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        page.keyboard.press("Tab")  # from here on the browser shows where the focus is
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            self.found.focus += [f"{name} {theme}: {told}" for told in page.evaluate(FOCUS)]

    def _check_host(self, url: str) -> None:
        if not url.startswith((self._site.address, "data:")):
            self.found.foreign.append(url)

    def _check_policy(self, url: str, headers: dict[str, str]) -> None:
        if url.startswith("data:"):
            return
        given = dict(
            part.strip().split(" ", 1) for part in headers.get("content-security-policy", "").split(";") if part
        )
        if given != POLICY or headers.get("x-content-type-options") != "nosniff":
            self.found.policy.append(f"{url}: {given}")

    def _hear(self, message: ConsoleMessage) -> None:
        # A refusal is a page with a status of its own, which Chromium reports too.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.found.console.append(f"{message.page.url if message.page else ''} {message.text}")
