"""A DLStack of its own to measure: a home whose package cache outlasts the run, started as a person starts it.

It lies in $DLSTACK_BENCH, or in var/bench/: what was downloaded once is reused by later runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext

from bench.shared_memory import remove_ramdisk
from bench.stage import free_port

REPOSITORY = Path(__file__).parents[1]
PLACE = Path(os.environ.get("DLSTACK_BENCH") or REPOSITORY / "var" / "bench")
CACHE = Path(".dlstack/build/cache")  # below the root
POLL = 0.005  # seconds


@contextmanager
def instance(name: str) -> Iterator[Instance]:
    """Start DLStack in an empty home with the package cache of the run before; only that is kept in the end."""
    home = PLACE / name
    _empty(home)
    started = Instance(home)
    try:
        with started.running():
            yield started
    finally:
        _empty(home)


def _empty(home: Path) -> None:
    """Remove all of a home but its package cache, and its directory in shared memory."""
    root, kept = home / "data0", home.with_name(f"{home.name}-cache")
    remove_ramdisk(root)
    if (root / CACHE).is_dir():
        with suppress(FileNotFoundError):
            shutil.rmtree(kept)
        (root / CACHE).rename(kept)
    if home.is_dir():
        shutil.rmtree(home)
    if kept.is_dir():
        (root / CACHE).parent.mkdir(parents=True)
        kept.rename(root / CACHE)


class Instance:
    """A running DLStack with one machine, `local`, and somebody signed in."""

    def __init__(self, home: Path) -> None:
        self.home, self.root, self.port = home, home / "data0", free_port()
        self.had_cache = (self.root / CACHE / "uv").is_dir()
        self.address = f"http://127.0.0.1:{self.port}"
        for name in ("DLSTACK_ROOT", "DATABASE_URL", "REDIS_URL", "DLSTACK_PRODUCTION"):
            os.environ.pop(name, None)
        os.environ |= {
            "DLSTACK_HOME": str(home), "PORT": str(self.port), "DJANGO_SETTINGS_MODULE": "dlstackweb.settings",
            "DJANGO_ALLOW_ASYNC_UNSAFE": "true",  # Playwright's loop is taken for an asynchronous caller
        }  # fmt: skip

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run `dlstack up`; ready when it prints the sign-in link."""
        command = [sys.executable, str(REPOSITORY / "manage.py"), "up"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/")
        try:
            self._wait(process)
            self._prepare()
            yield
        finally:
            process.terminate()
            process.wait(120)

    def _wait(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if "sesame=" in line:
                threading.Thread(target=process.communicate, daemon=True).start()  # a full pipe would halt it
                return
        raise SystemExit(f"DLStack did not start:\n{''.join(said)}")

    def _prepare(self) -> None:
        import django

        django.setup()
        from django.conf import settings
        from django.contrib.auth.models import User
        from django.test import Client

        from stacks.engine.layout import Layout
        from stacks.models import Machine

        self.admin = User.objects.create_superuser("bench")
        client = Client()
        client.force_login(self.admin)
        self.cookie = settings.SESSION_COOKIE_NAME, client.cookies[settings.SESSION_COOKIE_NAME].value
        self.machine, self.layout = Machine.objects.get(), Layout(self.root)

    def context(self, browser: Browser) -> BrowserContext:
        """Open a signed-in window."""
        context = browser.new_context(base_url=self.address, viewport={"width": 1280, "height": 900})
        context.add_cookies([{"name": self.cookie[0], "value": self.cookie[1], "url": self.address}])
        return context

    def build(self, name: str, packages: Sequence[str]) -> Any:
        """Build a version of these packages; gives the operation when it has ended."""
        from stacks import operations, recipes

        listed = ", ".join(f'"{package}"' for package in packages)
        recipes.add_revision(text=RECIPE.format(packages=listed))
        asked = operations.build(machine=self.machine, recipe_name="bench", name=name, requested_by=self.admin)
        return self.ended(asked)

    def deploy(self, name: str) -> Any:
        """Deploy a version; gives the operation when it has ended."""
        from stacks import operations

        return self.ended(operations.deploy(machine=self.machine, version=name, requested_by=self.admin))

    def revert(self, name: str) -> Any:
        """Put a version back; gives the operation when it has ended."""
        from stacks import operations

        return self.ended(operations.revert(machine=self.machine, version=name, requested_by=self.admin))

    def ended(self, operation: Any) -> Any:
        """Wait for an operation's end, which must be success."""
        while not operation.is_final:
            time.sleep(POLL)
            operation.refresh_from_db()
        if operation.state != "succeeded":
            raise SystemExit(f"The {operation.kind} failed: {operation.message}")
        return operation

    def idle(self) -> None:
        """Wait until nothing is queued or runs."""
        from stacks.models import Operation

        while Operation.objects.filter(state__in=Operation.UNFINISHED).exists():
            time.sleep(POLL)


def seconds(operation: Any, *steps: str) -> float:
    """How long an operation took from when it was asked for to its end; or these of its steps together."""
    if not steps:
        return float((operation.finished_at - operation.created_at).total_seconds())
    found = [step for step in operation.steps if step["name"] in steps]
    assert len(found) == len(steps), (steps, operation.steps)
    return float(sum(step["finished"] - step["started"] for step in found))


def by_step(operation: Any) -> str:
    """Tell what the steps took."""
    took = ((step["name"], step["finished"] - step["started"]) for step in operation.steps if step.get("finished"))
    return ", ".join(f"{name} {spent:.1f}" for name, spent in took if spent >= 0.05)


RECIPE = """name = "bench"
description = "What the bench builds."

[[environments]]
path = "anaconda3"
installer = "venv"
python = "3.11"
jupyter = true
packages = [{packages}]

[[environments.kernelspecs]]
name = "python3"
display_name = "Python 3"
"""
