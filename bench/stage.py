"""A web server and a Valkey of their own to measure against, somebody signed in, and whoever writes and reads logs."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, BrowserContext

STAMP = b" at="


@contextmanager
def staged() -> Iterator[Stage]:
    """Give a stage in a home below the temporary directory, and remove it."""
    home = Path(tempfile.mkdtemp(prefix="dlstack-bench-"))
    try:
        stage = Stage(home, free_port())
        with stage.running():
            yield stage
    finally:
        shutil.rmtree(home, ignore_errors=True)


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stage:
    """A home with a migrated database, a Valkey and a web server, and somebody who is signed in."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        self.address = f"http://127.0.0.1:{port}"
        for name in ("DLSTACK_ROOT", "DATABASE_URL", "REDIS_URL", "DLSTACK_PRODUCTION"):
            os.environ.pop(name, None)
        os.environ |= {
            "DLSTACK_HOME": str(home), "PORT": str(port), "DJANGO_SETTINGS_MODULE": "dlstackweb.settings",
            "DJANGO_ALLOW_ASYNC_UNSAFE": "true",  # Playwright's loop is taken for an asynchronous caller
        }  # fmt: skip
        import django

        django.setup()
        from django.core.management import call_command

        from stacks.embedded.home import prepare_home

        prepare_home(self._environment)
        call_command("migrate", verbosity=0)
        self.cookie = self._cookie()

    @property
    def _environment(self) -> Any:
        from django.conf import settings

        return settings.DLSTACK

    def _cookie(self) -> tuple[str, str]:
        from django.conf import settings
        from django.contrib.auth.models import User
        from django.test import Client

        client = Client()
        client.force_login(User.objects.create_superuser("bench"))
        return settings.SESSION_COOKIE_NAME, client.cookies[settings.SESSION_COOKIE_NAME].value

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run Valkey and the web server, and nothing else."""
        from stacks.embedded.configuration import write_configurations
        from stacks.embedded.services import services

        found = services(self._environment, web=True)
        write_configurations(self._environment, found)
        started = []
        try:
            for service in (item for item in found if item.name in ("valkey", "web")):
                variables = {**os.environ, **dict(service.variables)}
                with (self.home / f"{service.name}.out").open("wb") as output:
                    started.append(subprocess.Popen(service.command, env=variables, stdout=output, stderr=output))
            self._wait()
            yield
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait(20)

    def _wait(self) -> None:
        give_up_at = time.monotonic() + 30
        while time.monotonic() < give_up_at:
            try:
                asyncio.run(self._answers())
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise SystemExit(f"The web server did not start: {(self.home / 'web.out').read_text()}")

    async def _answers(self) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.close()

    def context(self, browser: Browser) -> BrowserContext:
        """Open a signed-in window."""
        context = browser.new_context(base_url=self.address, viewport={"width": 1280, "height": 900})
        context.add_cookies([{"name": self.cookie[0], "value": self.cookie[1], "url": self.address}])
        return context


class Writer:
    """A process that writes the log of a new operation when it is told to."""

    def __init__(self, rate: int, seconds: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.logged", str(rate), str(seconds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout
        self.pk = int(self._process.stdout.readline())

    def go(self) -> None:
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.close()

    def finish(self) -> dict[str, Any]:
        assert self._process.stdout
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        self._process.wait(20)
        return told


def server() -> psutil.Process:
    mine = psutil.Process().children(recursive=True)
    return next(process for process in mine if "uvicorn" in process.cmdline() and process.is_running())


async def raw_viewers(stage: Stage, pk: int, count: int, seconds: float) -> list[float]:
    """Follow an operation with plain connections; gives in ms how late each line came."""
    late: list[float] = []
    await asyncio.gather(*(raw_viewer(stage, pk, seconds, late) for _ in range(count)))
    return late


async def raw_viewer(stage: Stage, pk: int, seconds: float, late: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
    head = f"GET /operations/{pk}/stream HTTP/1.1\r\nHost: 127.0.0.1:{stage.port}\r\n"
    writer.write(f"{head}Cookie: {'='.join(stage.cookie)}\r\n\r\n".encode())
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        try:
            data = await asyncio.wait_for(reader.read(1 << 20), left)
        except TimeoutError:
            break
        now = time.time() * 1000
        late += [now - float(part[:13]) for part in data.split(STAMP)[1:] if part[:13].isdigit()]
        if not data:
            break
    writer.close()
