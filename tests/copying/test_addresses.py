"""Addresses: what ssh is given is a host, a user and a port, and never an option."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from stacks.engine.errors import Refused
from stacks.engine.remote import Address, parse
from stacks.models import Machine

GOOD = {
    "gp02": Address("gp02"),
    "gp02.lab.example.org": Address("gp02.lab.example.org"),
    "datalab@gp02": Address("gp02", "datalab"),
    "datalab@10.0.0.7:2222": Address("10.0.0.7", "datalab", 2222),
    "[2001:db8::7]:22": Address("2001:db8::7"),
    "_sync@[::1]": Address("::1", "_sync"),
}
BAD = (
    "", " ", "-oProxyCommand=touch /tmp/x", "-oProxyCommand=x@gp02", "gp02 -oProxyCommand=x", "user@-oProxyCommand=x",
    "a@b@gp02", "@gp02", "user@", "gp02:", "gp02:0", "gp02:99999", "gp02:22:22", "gp02:/data0", "gp02::module",
    "ssh://gp02", "gp02;id", "gp02$(id)", "gp02`id`", "gp02\n", "gp02\x00", "gp02/", "..", "gp..02", "gp02.", "[gp02]",
    "[::1", "::1", "2001:db8::7", "Üser@gp02", "us er@gp02", "$USER@gp02", "%h", "a" * 300, "١٢٣", "gp02:２２",
)  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_what_is_an_address(text: str) -> None:
    assert parse(text) == GOOD[text]


def test_how_it_is_spelled_for_ssh() -> None:
    assert parse("me@[::1]:2222").target == "me@[::1]"
    assert parse("gp02:2222").target == "gp02"


@pytest.mark.parametrize("text", BAD)
def test_what_is_none(text: str) -> None:
    with pytest.raises(Refused, match="is no address"):
        parse(text)


@pytest.mark.django_db
def test_a_machine_has_none_that_is_an_option(machine: Machine) -> None:
    machine.address = "-oProxyCommand=x"
    with pytest.raises(ValidationError, match="is no address"):
        machine.full_clean()
    with pytest.raises(IntegrityError):
        machine.save()
