"""Two hundred texts that try to be more than text: markup, scripts and escape sequences.

Every element or attribute that a browser would make of one carries `x-pwned`, and every script sets `window.pwned`.
"""

from __future__ import annotations

import re

RUN = "window.pwned=1"
MARKUP = (
    f"<script x-pwned>{RUN}</script>",
    f"<img x-pwned src=x onerror='{RUN}'>",
    f"<svg/x-pwned/onload={RUN}>",
    f"</div></div></td></title></textarea><script x-pwned>{RUN}</script>",
    f'"><img x-pwned src=x onerror="{RUN}">',
    f"' onmouseover='{RUN}' x-pwned='",
    f'" autofocus onfocus="{RUN}" x-pwned="',
    f'<a x-pwned href="javascript:{RUN}">click</a>',
    f"<iframe x-pwned srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<details x-pwned open ontoggle={RUN}>",
    "<style x-pwned>* { display: none }</style>",
    "<meta x-pwned http-equiv=refresh content='0;url=/sign-out/'>",
    "<base x-pwned href='http://elsewhere.example/'>",
    "<form x-pwned action=/theme/ id=log-search><input name=q></form>",
    f"<div x-pwned hx-get='/' hx-trigger=load hx-on:load='{RUN}'></div>",
    f"<template x-pwned><script>{RUN}</script></template>",
    f"<noscript><p title='</noscript><img x-pwned src=x onerror={RUN}>'>",
    f"<math x-pwned><mtext><table><mglyph><style><img src=x onerror={RUN}>",
    f"<!--><script x-pwned>{RUN}</script-->",
    f"&lt;script&gt;{RUN}&lt;/script&gt; &#60;b x-pwned&#62; &amp;",
    f"{{{{constructor.constructor('{RUN}')()}}}} ${{{RUN}}} {{% load x %}}",
    "event: done data: failed id: 99999",
    'id="L1" class="line is-error" x-pwned',
    f"<textarea x-pwned><img src=x onerror={RUN}></textarea>",
    "<link x-pwned rel=stylesheet href=http://elsewhere.example/x.css>",
)
DRESSED = (
    "{}",
    "\x1b[31m{}\x1b[0m",
    "\x1b]0;{}\x07 title",
    "\x1b]8;;javascript:{}\x1b\\link\x1b]8;;\x1b\\",
    "\x1b[38;2;255;0;0;48;5;999m{}\x1b[?25l\x1b[2J\x1b[H",
    "overwritten\r{}",
    "\x00\x08\x7f\x9b31m{}\u202e\ufeff\u2028",
    "\x1bP1;{}\x1b\\ \x1b_{}\x1b\\ \x1b[1;<b x-pwned>m",
)
PAYLOADS = tuple(dress.replace("{}", markup) for markup in MARKUP for dress in DRESSED)
# What has become more than text.
FOREIGN = (
    "[x-pwned], iframe, object, embed, base, meta[http-equiv], body style, body link, script:not([src^='/static/'])"
)


def named(number: int, field: str, longest: int = 500, *, path: bool = False) -> str:
    """Give a payload that says where it is from, as the field holds it; in a `path` it is a line without “/”."""
    text = f"§{field}{number}: {PAYLOADS[number % len(PAYLOADS)]}".replace("\0", "")
    return (re.sub("[/\r\n\u2028]", "", text) if path else text)[:longest]


def as_read(text: str) -> str:
    """Give a text as it is compared: pages do as they like with white space, and with capitals."""
    return re.sub(r"\s", "", text).lower()
