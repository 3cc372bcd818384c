"""Fifty secrets that real builds are given, and try to spread: none is found anywhere afterwards (N15, F34)."""

from __future__ import annotations

import base64
import hashlib
import random
import re
import string
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.conftest import Home
from tests.faults.conftest import Figure
from tests.faults.guests.conftest import repository
from tests.guarded import serving
from tests.wheels import tiny_index, tiny_recipe

COUNT, FEW = 50, 12
SPREAD = """
import base64, json, netrc, os, sys, time, urllib.parse
print(os.stat(os.path.expanduser("~/.netrc")).st_mode & 0o777, os.environ.get("NETRC"), flush=True)
values = [password for _, _, password in netrc.netrc("/tmp/.netrc").hosts.values()]
print(len(values), "secrets", flush=True)
for number, value in enumerate(values):
    for text in (value, urllib.parse.quote(value, safe=""), json.dumps({"token": value}), value.encode().hex(),
                 base64.b64encode(value.encode()).decode(), base64.b64encode(b"me:" + value.encode()).decode(),
                 f"https://me:{value}@host/simple", f"Authorization: Bearer {value}", f"x{value}y"):
        print(text, file=sys.stderr if number % 2 else sys.stdout, flush=True)
    half = len(value) // 2
    os.write(1, value[:half].encode())
    time.sleep(0.01)
    os.write(1, value[half:].encode() + b"\\n")
    os.write(1, b"z" * (16380 - number) + value.encode() + b"z" * 20000 + b"\\n")
"""
FAILS = SPREAD + "raise RuntimeError('error: wrong token ' + values[7])\n"
SUCCEEDS = SPREAD + "os.mkdir('anaconda3'); open('anaconda3/notes', 'w').write('nothing')\n"
KEEPS = SPREAD + "os.mkdir('anaconda3'); open('anaconda3/pip.conf', 'w').write('x' + values[3] + 'y')\n"


def make_secrets(count: int) -> dict[str, str]:
    """Make each secret's value, by its name."""
    chance = random.Random(15)
    letters = string.ascii_letters + string.digits + "-_+/=%"
    return {f"secret-{number:02}": "".join(chance.choices(letters, k=20 + number)) for number in range(count)}


@pytest.fixture
def secrets(home: Home, full: bool) -> dict[str, str]:
    """Plant the secrets in the home's directory for them; the first is that of the index on the loopback."""
    made = make_secrets(COUNT if full else FEW)
    (home.path / "secrets").mkdir(mode=0o700)
    for number, (name, value) in enumerate(made.items()):
        host = "127.0.0.1" if number == 0 else f"host-{number}.lab.org"
        file = home.path / "secrets" / name
        file.write_text(f"machine {host} login me password {value}\n")
        file.chmod(0o600)
    return made


def with_secrets(recipe: str, name: str, names: list[str]) -> str:
    listed = ", ".join(f'"{secret}"' for secret in names)
    return re.sub(r'^name = ".*"', f'name = "{name}"', recipe, count=1).replace(
        "[[environments]]\n", f"[[environments]]\nsecrets = [{listed}]\n", 1
    )


class Search:
    """Looks for secrets in bytes, in the forms in which they could be found; `hits` says what was found where."""

    def __init__(self, secrets: dict[str, str]) -> None:
        self.hits: dict[str, str] = {}
        self.sinks = 0
        self._needles = {
            form: name
            for name, value in secrets.items()
            for form in (
                *(value.encode(), quote(value, safe="").encode(), value.encode().hex().encode()),
                base64.b64encode(value.encode()).rstrip(b"=")[:-1],
                value.encode()[: len(value) // 2 + 2],
            )
        }
        self._seen: set[bytes] = set()

    def look(self, sink: str, data: bytes) -> None:
        self.sinks += 1
        digest = hashlib.sha256(data).digest()
        if digest not in self._seen:
            self._seen.add(digest)
            if found := [name for needle, name in self._needles.items() if needle in data]:
                self.hits[sink] = found[0]


@contextmanager
def sampling(search: Search, pause: float) -> Iterator[list[int]]:
    """Look at the arguments and environments of all processes, again and again; gives the count of those seen."""
    done, seen = threading.Event(), [0]

    def sample() -> None:
        while not done.wait(pause):
            for place in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    with suppress(OSError):
                        search.look(f"/proc/…/{name}", place.joinpath(name).read_bytes())
                        seen[0] += 1

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


@contextmanager
def signed_in(home: Home) -> Iterator[Callable[[str], bytes]]:
    """Run the services and give what fetches a page as the admin."""
    process = home.popen("up")
    try:
        assert process.stdout is not None
        link = next(found.group() for line in process.stdout if (found := re.search(r"http://\S+sesame=\S+", line)))
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        opener.open(link).read()

        def fetch(path: str) -> bytes:
            with suppress(urllib.error.HTTPError):
                return bytes(opener.open(f"http://127.0.0.1:{home.port}{path}").read())
            return b""

        yield fetch
    finally:
        process.terminate()  # a background without jobs ignores Ctrl-C
        process.wait(60)
        if process.stdout is not None:
            process.stdout.close()


@pytest.mark.timeout(900)
def test_secrets_are_found_in_no_sink(
    home: Home, secrets: dict[str, str], tmp_path: Path, figure: Figure, full: bool
) -> None:
    index, search = tiny_index(tmp_path / "index"), Search(secrets)
    home.more |= {"DLSTACK_ALLOWED_SOURCES": f"{tmp_path},127.0.0.1"}
    with serving(tmp_path / "index", f"me:{secrets['secret-00']}") as server, signed_in(home) as fetch:
        recipes = make_recipes(tmp_path, list(secrets), tiny_recipe(index).replace(index.url, server.url), full)
        with sampling(search, 0.05 if full else 0.3) as sampled:
            said = {name: build(home, name, file) for name, file in recipes.items()}
        assert any(login for _, login in server.asked)
        operations = home.json("operations")
        look_at_pages(search, fetch, [operation["id"] for operation in operations])
        printed = [*said.values(), str(operations), str(home.json("versions"))]
    for text in printed:
        search.look("what dlstack prints", text.encode())
    look_at_disk(search, home)
    check_what_happened(home, said, len(secrets))
    got = f"{search.hits or 0} hits in {search.sinks:,} looks, {sampled[0]:,} of them at /proc"
    figure(f"{len(secrets)} secrets through real builds, in every sink", goal="0 hits", got=got, ok=not search.hits)


def make_recipes(place: Path, names: list[str], private: str, full: bool) -> dict[str, Path]:
    """Make the recipes: one that fails, one that keeps a secret, one that succeeds and takes from the private index."""
    made = {}
    environment = private.partition("[[environments]]")[2].replace("anaconda3", "tiny")
    # What `make test` leaves out is told in a second by tests/engine/test_hosting.py.
    scripts = {"fails": FAILS, "succeeds": SUCCEEDS} | ({"keeps": KEEPS} if full else {})
    for name, script in scripts.items():
        text = repository(place / name, {"hostile.py": f"#!/usr/bin/python3 -I\n{script}"})
        text = with_secrets(text, name, names)
        if name == "succeeds":
            text += with_secrets(f"[[environments]]{environment}", name, names[:1])
        made[name] = place / f"{name}.toml"
        made[name].write_text(text)
    return made


def build(home: Home, name: str, recipe: Path) -> str:
    home.dlstack("recipe-import", str(recipe))
    done = home.dlstack("build", name, "--name", name, check=False)
    return done.stdout + done.stderr


def look_at_pages(search: Search, fetch: Callable[[str], bytes], operations: list[int]) -> None:
    pages = [
        "/",
        "/machines/local/",
        "/operations/",
        "/activity/",
        "/recipes/",
        "/activity.json",
        "/machines/local/versions/succeeds/",
    ]
    pages += [f"/recipes/{name}/" for name in ("fails", "succeeds")]
    for pk in operations:
        pages += [
            f"/operations/{pk}/{end}" for end in ("", "log?from=1&to=2000", "log.txt", "state.json", "log/first-error")
        ]
    found = {page: fetch(page) for page in pages}
    assert sum(map(bool, found.values())) > len(pages) / 2
    for page, html in found.items():
        search.look(page, html)


def look_at_disk(search: Search, home: Home) -> None:
    """Look at all files of the home: database, broker, spools, logs, caches, versions and what describes them."""
    for path in home.path.rglob("*"):
        if path.is_file() and not path.is_symlink() and not path.is_relative_to(home.path / "secrets"):
            search.look(str(path.relative_to(home.path)), path.read_bytes())
    for place in Path(tempfile.gettempdir()).glob("dlstack-inputs-*"):
        with suppress(OSError):  # those of other tests come and go
            for path in place.iterdir():
                search.look(str(path), path.read_bytes() if path.is_file() else b"")
    dump = subprocess.run(["python3", "-c", DUMP, str(home.path / "dlstack.sqlite3")], capture_output=True, check=True)
    assert b"stacks_logchunk" in dump.stdout
    search.look("the database, unpacked", dump.stdout)


DUMP = """
import sqlite3, sys, zlib
database = sqlite3.connect(sys.argv[1])
for line in database.iterdump():
    print(line)
for (data,) in database.execute("select data from stacks_logchunk"):
    sys.stdout.buffer.write(zlib.decompress(data))
"""


def check_what_happened(home: Home, said: dict[str, str], count: int) -> None:
    """The builds did try: secrets were there, the log is masked and whole, and a tree that holds one is no version."""
    assert f"{count} secrets" in said["succeeds"]
    assert "384 /tmp/.netrc" in said["succeeds"]
    assert said["succeeds"].count("***") > 10 * count
    assert (home.root / "sw.succeeds/tiny/bin/tiny-sky").exists()
    assert "error: wrong token ***" in said["fails"]
    if "keeps" in said:
        assert "hold a secret that the build was given, first anaconda3/pip.conf" in said["keeps"]
    assert not (home.root / "sw.keeps").exists()
