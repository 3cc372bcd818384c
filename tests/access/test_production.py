"""What production tells browsers, beside what is told everywhere; and how passwords are kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY

HOST = "stacks.example.org"
LOOK = """
import json, django
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0)
from access import roles
user = User.objects.create_user("carol", password="orion-nebula-42")
roles.assign(user, roles.Role.VIEWER)
plain, client = Client(SERVER_NAME=HOST), Client(SERVER_NAME=HOST, headers={"X-Forwarded-Proto": "https"})
page = client.get("/sign-in/")
signed = client.post("/sign-in/", {"username": "carol", "password": "orion-nebula-42"})
moved = plain.get("/sign-in/")
print(json.dumps({
    "headers": dict(page.headers), "moved": [moved.status_code, moved.headers.get("Location")],
    "cookies": {name: dict(cookie) for name, cookie in client.cookies.items()}, "signed": signed.status_code,
    "hash": User.objects.get(username="carol").password,
    "other": Client(SERVER_NAME="evil.example").get("/").status_code, "alive": plain.get("/livez").status_code,
}))
"""


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Look at a site of production."""
    return json.loads(run(tmp_path_factory.mktemp("home"), "-c", f"HOST = {HOST!r}\n{LOOK}").stdout.splitlines()[-1])


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    dropped = ("DLSTACK_", "DJANGO_", "DATABASE_URL", "REDIS_URL")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    variables = {
        **kept, "DLSTACK_HOME": str(home), "DLSTACK_PRODUCTION": "1", "DLSTACK_ALLOWED_HOSTS": HOST,
        "DJANGO_SETTINGS_MODULE": "dlstackweb.settings",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, *arguments], env=variables, cwd=REPOSITORY, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done


def test_browsers_come_back_encrypted(production: Any) -> None:
    assert production["headers"]["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    assert production["moved"] == [301, f"https://{HOST}/sign-in/"]
    assert production["alive"] == 200
    assert production["other"] == 400


def test_cookies_are_this_hosts_alone(production: Any) -> None:
    assert set(production["cookies"]) == {"__Host-dlstack_csrf", "__Host-dlstack_session"}
    for cookie in production["cookies"].values():
        told = (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"])
        assert told == (True, True, "Lax", "/", "")


def test_passwords_are_kept_by_argon2(production: Any) -> None:
    assert production["signed"] == 302
    assert production["hash"].startswith("argon2$argon2id$")


def test_djangos_own_check_finds_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert "no issues (0 silenced)" in done.stdout


BAD = [{"DLSTACK_PROXIES": "-1"}, {"DLSTACK_SYSLOG": "nowhere"}, {"DLSTACK_SESSION_HOURS": "0"}]


@pytest.mark.parametrize("bad", BAD)
def test_a_setting_that_cannot_be_is_told_in_one_line(tmp_path: Path, bad: dict[str, str]) -> None:
    command = [sys.executable, "manage.py", "users"]
    done = subprocess.run(command, env={**os.environ, **bad}, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode != 0
    assert next(iter(bad)).removeprefix("DLSTACK_") in done.stderr
    assert len(done.stderr.splitlines()) == 1
