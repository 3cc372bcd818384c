"""The pictures of the README: a seeded home, a real server, Chromium; each a small PNG in docs/pictures/.

make screenshots        (python -m bench.pictures [PLACE])
"""

from __future__ import annotations

import io
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from dlstackweb.environment import REPOSITORY
from stacks.engine import reserve

PLACE = REPOSITORY / "docs" / "pictures"
LARGEST = 100_000  # bytes of one picture
COLOURS = (256, 128, 64, 32)


@dataclass(frozen=True)
class Shot:
    """A page as it is shown: its name, address, theme and size in pixels."""

    name: str
    address: str
    theme: Any = "light"
    width: int = 1280
    height: int = 860


SHOTS = (
    Shot("machines", "/", height=760),
    Shot("machine", "/machines/local/"),
    Shot("version", "/machines/local/versions/2026-11-23/?against=2026-11-12", height=900),
    Shot("build", "/machines/local/build/", "dark"),
    Shot("log", "/operations/{failed}/", "dark", height=760),
    Shot("recipe", "/recipes/datalab/edit/", height=900),
    Shot("phone", "/machines/local/", width=390, height=844),
)


def main(place: Path = PLACE) -> None:
    place.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="dlstack-"))
    environment = {**os.environ, "DLSTACK_HOME": str(home), "PORT": str(free_port())}
    try:
        name, password = run("-m", "tests.seed", environment=environment).split()[-2:]
        reserve.keep(home / "data0" / ".dlstack", 0)  # as a worker does; none runs for the pictures
        with server(environment) as base, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            for shot in SHOTS:
                context = browser.new_context(
                    base_url=base, color_scheme=shot.theme, viewport={"width": shot.width, "height": shot.height}
                )
                take(context.new_page(), shot, name, password, place)
                context.close()
    finally:
        ramdisk = home / "data0" / "sw.tmpfs"
        if ramdisk.is_symlink():
            shutil.rmtree(ramdisk.resolve(), ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(*arguments: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=REPOSITORY, text=True, stdout=subprocess.PIPE, check=True
    )
    return done.stdout


@contextmanager
def server(environment: dict[str, str]) -> Iterator[str]:
    base = f"http://127.0.0.1:{environment['PORT']}"
    command = [sys.executable, "-m", "uvicorn", "dlstackweb.asgi:application", "--port", environment["PORT"]]
    with subprocess.Popen([*command, "--log-level", "error"], env=environment, cwd=REPOSITORY) as process:
        try:
            wait(base)
            yield base
        finally:
            process.terminate()


def wait(base: str) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(f"{base}/livez", timeout=2).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    sys.exit("The server does not answer.")


def take(page: Page, shot: Shot, name: str, password: str, place: Path) -> None:
    page.goto("/sign-in/")
    page.fill("[name=username]", name)
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/")
    page.goto(shot.address.format(failed=failed(page)))
    page.wait_for_timeout(800)
    data = small(page.screenshot())
    (place / f"{shot.name}.png").write_bytes(data)
    print(f"{shot.name:10} {len(data) / 1000:6.1f} kB")


def failed(page: Page) -> str:
    """Find the operation that failed, whose log is worth a look."""
    page.goto("/operations/?state=failed")
    found = re.search(r"/operations/(\d+)/", page.content())
    return found[1] if found else sys.exit("No operation has failed in the seed.")


def small(data: bytes) -> bytes:
    """Give the picture with as many colours as fit into the size, without the marks of dithering."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    for colours in COLOURS:
        file = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
        if file.tell() <= LARGEST:
            return file.getvalue()
    sys.exit(f"A picture is larger than {LARGEST} bytes with {COLOURS[-1]} colours.")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
