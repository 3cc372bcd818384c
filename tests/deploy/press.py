"""Asks for operations through the pages' address, one after another on each lane: press.py CERTIFICATE TOKEN WISHES.

WISHES is a list of lanes, each a list of [path of the API, body]. Prints, for each wish, the number of its
operation, its state, and how often the pages were not there: what did not come to an answer is asked for again.
"""

from __future__ import annotations

import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

ADDRESS = "https://stacks.example.org/api/v1"
FINAL = ("succeeded", "failed", "cancelled", "interrupted")
AWAY = (502, 503, 504)  # what nginx says while nothing listens behind it
CONFLICT = 409  # the machine has not been looked at since its last operation ended


class Client:
    """Somebody with a token."""

    def __init__(self, certificate: str, token: str) -> None:
        self._context = ssl.create_default_context(cafile=certificate)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def wish(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask for an operation and wait for its end."""
        made, away = self._patiently(f"{ADDRESS}{path}", json.dumps(body).encode())
        while made["state"] not in FINAL:
            time.sleep(0.2)
            made, missed = self._patiently(f"{ADDRESS}/operations/{made['id']}", None)
            away += missed
        return {"id": made["id"], "state": made["state"], "message": made["message"], "away": away}

    def _patiently(self, url: str, body: bytes | None) -> tuple[dict[str, Any], int]:
        for away in range(600):
            try:
                request = urllib.request.Request(url, body, self._headers)  # noqa: S310 — an address of this test
                with urllib.request.urlopen(request, timeout=60, context=self._context) as answer:  # noqa: S310
                    return json.load(answer), away
            except urllib.error.HTTPError as error:
                if error.code not in (*AWAY, CONFLICT):
                    raise SystemExit(f"{url}: {error.code} {error.read().decode()}") from error
            time.sleep(0.1)
        raise SystemExit(f"{url}: away for a minute")


def main() -> None:
    certificate, token, wishes = sys.argv[1:]
    client, lanes = Client(certificate, token), json.loads(wishes)
    with ThreadPoolExecutor(len(lanes)) as pool:
        done = list(pool.map(lambda lane: [client.wish(*wish) for wish in lane], lanes))
    print(json.dumps(done))


if __name__ == "__main__":
    main()
