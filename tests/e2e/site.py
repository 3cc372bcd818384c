"""The web server in the process of the tests: uvicorn in front of their own database, and a Valkey for live pages."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from playwright.sync_api import Browser, BrowserContext

from dlstackweb.handler import OneThread
from tests.broker import Broker
from tests.conftest import free_port


@dataclass
class Site:
    """Where the pages are served; the database and the disk behind it are as a test left them."""

    address: str
    root: Path = field(default_factory=lambda: Path(settings.DLSTACK.home) / "site")

    def context(self, browser: Browser, name: str = "", **options: Any) -> BrowserContext:
        """Open a window of the user `name`, of a stranger for ""; nothing in it moves."""
        options = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **options}
        context = browser.new_context(base_url=self.address, **options)
        if name:
            client = Client()
            client.force_login(User.objects.get(username=name))
            cookie = settings.SESSION_COOKIE_NAME
            context.add_cookies([{"name": cookie, "value": client.cookies[cookie].value, "url": self.address}])
        return context

    def clear(self) -> None:
        """Forget every row, and remove what lies on the disk."""
        call_command("flush", verbosity=0, interactive=False)
        ramdisk = self.root / "sw.tmpfs"
        if ramdisk.is_symlink():
            shutil.rmtree(ramdisk.resolve(), ignore_errors=True)
        shutil.rmtree(self.root, ignore_errors=True)


@contextmanager
def served(broker: Broker) -> Iterator[Site]:
    """Serve the tests' database until the end."""
    port = free_port()
    configuration = uvicorn.Config(
        OneThread(), port=port, lifespan="off", log_level="critical", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(configuration)
    thread = threading.Thread(target=server.run)
    site = Site(f"http://127.0.0.1:{port}")
    broker.have()
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        yield site
    finally:
        server.should_exit = True
        thread.join()
        site.clear()
