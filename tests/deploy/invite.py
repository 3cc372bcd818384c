"""What an admin does to add a machine, on the network of a plane: invite.py CERTIFICATE COOKIES LINK NAME ROOT OWNER.

Signs in by the link, fills the form, and prints the command that the page shows and the address of the wait for it.
With `--look ADDRESS` in the place of the link it prints a page, signed in by the cookies of before.
"""

from __future__ import annotations

import html
import http.cookiejar
import json
import re
import ssl
import sys
import urllib.request
from urllib.parse import urlencode

SITE = "https://stacks.example.org"


def main(certificate: str, cookies: str, link: str, *words: str) -> None:
    jar = http.cookiejar.LWPCookieJar(cookies)
    browser = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=certificate)),
        urllib.request.HTTPCookieProcessor(jar),
    )
    browser.addheaders = [("Referer", f"{SITE}/")]
    if link == "--look":
        jar.load(ignore_discard=True)
        print(json.dumps({"page": browser.open(SITE + words[0]).read().decode()}))
        return
    browser.open(f"{SITE}/sign-in/link/?{link.partition('?')[2]}")
    form = browser.open(f"{SITE}/machine-add/").read().decode()
    [token] = set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.partition("<main")[2]))
    fields = dict(zip(("name", "root", "owner"), words, strict=True), layout="resident", csrfmiddlewaretoken=token)
    answer = browser.open(f"{SITE}/machine-add/", urlencode(fields).encode())
    page = answer.read().decode()
    [command] = re.findall(r'<code id="command">([^<]+)</code>', page)
    [wait] = re.findall(r'hx-get="(/joinings/\d+/)', page)
    jar.save(ignore_discard=True)
    print(json.dumps({"command": html.unescape(command), "wait": wait, "status": answer.status}))


main(*sys.argv[1:])
