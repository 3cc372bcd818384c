"""A flood of output: the worker stays small, pages stay small, and the log says what it left out (N13)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from stacks import logs
from stacks.engine.lines import LONGEST
from stacks.loghtml import render_lines
from stacks.logs import LogLine
from stacks.logs.capped import TAIL
from stacks.models import Machine, Operation
from tests import databases
from tests.broker import Broker
from tests.conftest import REPOSITORY
from tests.faults.conftest import Figure
from tests.faults.guests.flooder import NUMBERED, numbered_lines
from tests.stacks.conftest import layout, machine, owner

__all__ = ["layout", "machine", "owner"]
MEGABYTE = 1_000_000
_LEFT_OUT = re.compile(
    r"([\d,]+) lines \(([\d,.]+) MB\) were left out here \(DLSTACK_LOG_LIMIT\). The last ([\d,]+) follow"
)


@pytest.fixture
def operation(transactional_db: None, machine: Machine, broker: Broker) -> Operation:
    return Operation.objects.create(machine=machine, kind="verify", lane="build", parameters={"version": "flooded"})


def flood(operation: Operation, line: int, total: int, limit: int) -> int:
    """Let a worker flood the operation's log; gives the bytes by which it grew."""
    variables = {
        "DATABASE_URL": databases.url(),
        "DJANGO_SETTINGS_MODULE": "dlstackweb.settings",
        "DLSTACK_HOME": str(settings.DLSTACK.home),
        "DLSTACK_LOG_LIMIT": str(limit),
    }
    argv = [sys.executable, "-m", "tests.faults.guests.flooder", str(operation.pk), str(line), str(total)]
    done = subprocess.run(argv, cwd=REPOSITORY, env={**os.environ, **variables}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    operation.refresh_from_db()
    assert operation.state == "succeeded", operation.message
    return int(done.stdout)


def whole(operation: Operation) -> Iterator[LogLine]:
    first = 1
    while lines := logs.read_lines(operation, first, first + 1999):
        yield from lines
        first = lines[-1].n + 1


def test_a_flood(operation: Operation, client: Client, admin: User, figure: Figure, full: bool) -> None:
    line, total = (100 * MEGABYTE, 1000 * MEGABYTE) if full else (8 * MEGABYTE, 30 * MEGABYTE)
    limit = 256 * 1024**2 if full else 10 * MEGABYTE
    grown = flood(operation, line, total, limit)
    row = f"{total / 1e6:.0f} MB of output with a line of {line / 1e6:.0f} MB: worker memory"
    figure(row, goal="grows ≤ 64 MB", got=f"{grown / 1e6:.1f} MB", ok=grown <= 64 * 1024**2)
    check_log(operation, line, total, limit, figure)
    check_pages(operation, client, admin, figure)


def check_log(operation: Operation, line: int, total: int, limit: int, figure: Figure) -> None:
    numbers, kept, long, left_out, size = set[int](), 0, 0, 0, 0
    for position, entry in enumerate(whole(operation), 1):
        assert entry.n == position
        if found := _LEFT_OUT.match(entry.text):
            left_out += int(found[1].replace(",", ""))
        if entry.kind == "output":
            kept += 1
            size += len(entry.text)
            long += len(entry.text) if entry.text.startswith("y") else 0
            if entry.text.startswith("line "):
                assert entry.text == (NUMBERED % int(entry.text.split()[1])).rstrip()
                numbers.add(int(entry.text.split()[1]))
    count = numbered_lines(line, total)
    printed = -(-(line + 1) // LONGEST) + count
    assert kept + left_out == printed
    head = next(number for number in range(count + 1) if number not in numbers)
    tail = next(number for number in range(count - 1, -1, -1) if number not in numbers) + 1
    assert numbers == {*range(head), *range(tail, count)}
    assert long == line
    is_within = size <= limit + TAIL and count > tail > head > 0
    got = f"{kept:,} of {printed:,} lines, {size / 1e6:.0f} MB; {left_out:,} lines left out and counted"
    figure("the log of it", goal=f"beginning and end, ≤ {(limit + TAIL) / 1e6:.0f} MB", got=got, ok=is_within)


def check_pages(operation: Operation, client: Client, admin: User, figure: Figure) -> None:
    client.force_login(admin)
    page = f"/operations/{operation.pk}/"
    addresses = [page, f"{page}?line=3", f"{page}log?from=1&to=2000", f"{page}log?to={operation.log_lines}"]
    sizes = [len(client.get(address).content) for address in addresses]
    sizes.append(len(render_lines(logs.read_lines(operation, 1, 500)).encode()))
    figure("pages of that log", goal="≤ 1 MB", got=f"{max(sizes) / 1e6:.2f} MB at most", ok=max(sizes) <= 1_000_000)
    assert b"shortened here" in client.get(addresses[2]).content
