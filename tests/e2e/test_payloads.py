"""Two hundred lines that try to be more than text: markup, scripts and escape sequences, live and read back."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from stacks.ansi import strip
from stacks.logs.lines import clean
from tests.e2e.conftest import Instance
from tests.e2e.logs import Events, written

RUN = "window.pwned=1"
MARKUP = [
    f"<script>{RUN}</script>",
    f"<img src=x onerror='{RUN}'>",
    f"<svg/onload={RUN}>",
    f"</div></div><script>{RUN}</script>",
    f'"><img src=x onerror="{RUN}">',
    f"' onmouseover='{RUN}' x='",
    f'<a href="javascript:{RUN}">click</a>',
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<details open ontoggle={RUN}>",
    "<style>* { display: none }</style>",
    "<meta http-equiv=refresh content='0;url=/sign-out/'>",
    "<base href='http://elsewhere.example/'>",
    "<form action=/theme/ id=log-search><input name=q></form>",
    f"<div hx-get='/' hx-trigger=load hx-on:load='{RUN}'></div>",
    f"<template><script>{RUN}</script></template>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={RUN}>",
    f"<!--><script>{RUN}</script-->",
    f"&lt;script&gt;{RUN}&lt;/script&gt; &#60;b&#62; &amp;",
    f"{{{{constructor.constructor('{RUN}')()}}}} ${{{RUN}}} {{% load x %}}",
    "event: done data: failed id: 99999",
    'id="L1" class="line is-error"',
    f"<textarea><img src=x onerror={RUN}></textarea>",
    f"<input autofocus onfocus={RUN}>",
    "<link rel=stylesheet href=http://elsewhere.example/x.css>",
]
DRESSED = [
    "{}",
    "\x1b[31m{}\x1b[0m",
    "\x1b]0;{}\x07 title",
    "\x1b]8;;javascript:{}\x1b\\link\x1b]8;;\x1b\\",
    "\x1b[38;2;255;0;0;48;5;999m{}\x1b[?25l\x1b[2J\x1b[H",
    "overwritten\r{}",
    "\x00\x08\x7f\x9b31m{}\u202e\ufeff\u2028",
    "\x1bP1;{}\x1b\\ \x1b_{}\x1b\\ \x1b[1;<b>m",
]
PAYLOADS = [dress.replace("{}", markup) for markup in MARKUP for dress in DRESSED]
SHOWN = "[...document.querySelectorAll('#log .line')].map((line) => line.textContent)"
FOREIGN = (
    "#log :not(div, a, span, button), #log [onerror], #log [onload], #log [style], .results :not(p, ol, li, a, span)"
)


def test_two_hundred_payloads_are_text(page: Page, instance: Instance) -> None:
    assert len(PAYLOADS) == 200
    events: Events = [("output", payload) for payload in PAYLOADS]
    wanted = [strip(clean(payload)) for payload in PAYLOADS]
    with written(instance) as log:
        page.goto(log.address)
        expect(page.locator("#log-link")).to_have_text("Live")
        log.go(events)
        page.locator("#L200").wait_for()
        are_text(page, wanted)
        log.finish()
        for address in (log.address, f"{log.address}?q=pwned", f"{log.address}?line=100"):
            page.goto(address)
            page.locator("#L200").wait_for()
            are_text(page, wanted)
        raw = page.request.get(f"{log.address}log.txt?view=1")
        assert raw.headers["content-type"].startswith("text/plain")
        assert raw.headers["x-content-type-options"] == "nosniff"
        found = page.request.get(f"{log.address}log/search?q=pwned")
        assert found.headers["content-type"] == "application/json"


def are_text(page: Page, wanted: list[str]) -> None:
    assert page.evaluate(SHOWN) == wanted
    assert page.locator(FOREIGN).count() == 0
    assert page.evaluate("window.pwned") is None
    expect(page.locator("#log .line")).to_have_count(200)
