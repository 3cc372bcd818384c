"""`dlstack users`: who is here, and with which role."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from access import accounts, roles
from stacks.management.verb import DONE, Verb


class Command(Verb):
    help = "List everybody with role, way of signing in and last sign-in."
    takes_machine = False

    def carry_out(self, options: dict[str, Any]) -> int:
        documents = [_document(user) for user in accounts.everybody()]
        if self.is_json:
            self.document(documents)
        self.table([("NAME", "ROLE", "SIGNS IN BY", "LAST SIGN-IN"), *map(_row, documents)])
        return DONE


def _document(user: User) -> dict[str, Any]:
    return {
        "name": user.get_username(),
        "role": roles.of(user),
        "open": user.is_active,
        "has_password": user.has_usable_password(),
        "last_sign_in": user.last_login,
    }


def _row(told: dict[str, Any]) -> tuple[str, ...]:
    role = (told["role"] or "none") if told["open"] else "closed"
    when = f"{timezone.localtime(told['last_sign_in']):%Y-%m-%d %H:%M}" if told["last_sign_in"] else "never"
    return told["name"], role, "password" if told["has_password"] else "link", when
