"""What a browser does, on the network of a plane: browse.py CERTIFICATE LINK OPERATION. Prints what it saw."""

from __future__ import annotations

import http.cookiejar
import json
import ssl
import sys
import time
import urllib.request

SITE = "https://stacks.example.org"


def main(certificate: str, link: str, operation: str) -> None:
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=certificate)),
        urllib.request.HTTPCookieProcessor(jar),
    )
    moved = browser.open("http://stacks.example.org/livez")
    signed = browser.open(f"{SITE}/sign-in/link/?{link.partition('?')[2]}")
    page = signed.read().decode()
    styles = browser.open(SITE + page.partition('rel="stylesheet" href="')[2].partition('"')[0])
    arrivals = []
    with browser.open(f"{SITE}/operations/{operation}/stream", timeout=60) as stream:
        for line in stream:
            arrivals.append((time.time(), line.decode().rstrip("\n")))
            if line.startswith(b"event: end") or b"the last line" in line:
                break
    seen = {
        "moved": moved.url,
        "signed": [signed.status, signed.url],
        "styles": [styles.status, styles.url],
        "headers": {name.lower(): value for name, value in signed.headers.items()},
        "cookies": [[one.name, one.secure] for one in jar],
        "arrivals": arrivals,
    }
    print(json.dumps(seen))


main(*sys.argv[1:])
