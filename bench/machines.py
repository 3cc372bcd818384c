"""What pages take of the server's processor with so many machines: python -m bench.machines NUMBER.

Each machine has 25 versions and 200 operations. Prints one JSON document: milliseconds by page.
"""

from __future__ import annotations

import json
import logging
import os
import sys

from bench.pages import Seen, ask
from bench.shared_memory import scratch

PAGES = {
    "machines": "/",
    "one machine": "/machines/local/",
    "matrix of kernels": "/kernels/",
    "activity": "/activity/",
}
VERSIONS, OPERATIONS, ROUNDS = 25, 200, 5


def main(machines: int) -> dict[str, list[float]]:
    """Give the milliseconds of each page, several times."""
    with scratch() as home:
        os.environ |= {"DLSTACK_HOME": str(home), "DJANGO_SETTINGS_MODULE": "dlstackweb.settings"}
        import django

        django.setup()
        logging.disable(logging.WARNING)
        from django.core.management import call_command
        from django.test import Client

        from tests.many import Many

        call_command("migrate", verbosity=0)
        root = home / "root"
        root.mkdir()
        many = Many(root, machines=machines, versions=VERSIONS * machines, operations=OPERATIONS * machines)
        client = Client(headers={"Host": "localhost"})
        client.force_login(many.admin)
        seen = {page: Seen(address) for page, address in PAGES.items()}
        for turn in range(ROUNDS + 1):
            for one in seen.values():
                ask(client, one)
                if turn == 0:  # templates are parsed, modules loaded
                    one.processor.clear()
        return {page: one.processor for page, one in seen.items()}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
