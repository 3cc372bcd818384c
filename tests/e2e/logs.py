"""Logs that are written while a browser looks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
from playwright.sync_api import Page

from tests.conftest import REPOSITORY
from tests.e2e.conftest import Instance

Events = list[tuple[str, str]]


@dataclass
class Written:
    """A log in the writing: `pk` is its operation; `go` begins it, `finish` waits for its end."""

    process: subprocess.Popen[str]
    pk: int
    lines: int = field(default=0)

    @property
    def address(self) -> str:
        return f"/operations/{self.pk}/"

    def go(self, events: Events | None = None) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(events or []) + "\n")
        self.process.stdin.flush()

    def finish(self) -> int:
        """Give the number of lines that were written."""
        assert self.process.stdout
        self.lines = int(json.loads(self.process.stdout.readline())["written"])
        self.process.wait(30)
        return self.lines


@contextmanager
def written(instance: Instance, rate: int = 0, seconds: float = 0) -> Iterator[Written]:
    """Give a log that waits to be written in the home of an instance; whatever happens its writer ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.logged", str(rate), str(seconds)],
        env=instance.home.variables, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout
        yield Written(process, int(process.stdout.readline()))
    finally:
        process.kill()
        process.communicate(timeout=10)


def numbers(page: Page) -> list[int]:
    """Give the numbers of the lines in the page, in their order."""
    return [
        int(n) for n in page.evaluate("[...document.querySelectorAll('#log .line')].map((line) => line.id.slice(1))")
    ]


def web_server(instance: Instance) -> psutil.Process:
    """Find the web server of an instance."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "uvicorn" in words and str(instance.home.port) in words:
            return process
    raise AssertionError("no web server runs")
