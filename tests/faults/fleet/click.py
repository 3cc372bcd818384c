"""What an admin does at 3 a.m., on the network of a plane: click.py CERTIFICATE LINK REASON.

Signs in by the link, opens “Revert all”, leaves every machine ticked and clicks. Prints when that was, in seconds since
the epoch, how long the answer took, and where it led.
"""

from __future__ import annotations

import http.cookiejar
import json
import re
import ssl
import sys
import time
import urllib.request
from urllib.parse import urlencode

SITE = "https://stacks.example.org"
HIDDEN = ("csrfmiddlewaretoken", "seen")
PAGE = f"{SITE}/incident/revert-all/"


def main(certificate: str, link: str, reason: str) -> None:
    browser = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=certificate)),
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
    )
    browser.addheaders = [("Referer", f"{SITE}/")]
    browser.open(f"{SITE}/sign-in/link/?{link.partition('?')[2]}").read()
    form = browser.open(PAGE).read().decode().partition("<main")[2]
    hidden = [(name, re.findall(rf'name="{name}" value="([^"]*)"', form)[0]) for name in HIDDEN]
    ticked = re.findall(r'name="to" value="([^"]+)" checked', form)
    sent = urlencode([*hidden, *(("to", name) for name in ticked), ("reason", reason)]).encode()
    clicked = time.time()
    answer = browser.open(PAGE, sent)
    answer.read()
    print(json.dumps({"clicked": clicked, "took": time.time() - clicked, "led_to": answer.url, "ticked": ticked}))


main(*sys.argv[1:])
