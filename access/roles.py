"""The three roles, as groups, and the rights that each has; a right is the name of a permission."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.db import models
from django.db.models import Q

LOOK = "stacks.view_operation"
OPERATE = "stacks.add_operation"
DELETE = "stacks.delete_version"
MACHINES = "stacks.change_machine"
RECIPES = "stacks.add_reciperevision"
LIBRARY = "kernels.add_libraryedit"
PEOPLE = "auth.change_user"


class Role(models.TextChoices):
    """What somebody is here for: each may do what those before may, and more."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


# An operator does what can be taken back; what is gone for good, and what others' code will run as, is an admin's.
RIGHTS: dict[Role, frozenset[str]] = {
    Role.VIEWER: frozenset({LOOK}),
    Role.OPERATOR: frozenset({LOOK, OPERATE}),
    Role.ADMIN: frozenset({LOOK, OPERATE, DELETE, MACHINES, RECIPES, LIBRARY, PEOPLE}),
}
MEANS = {
    Role.VIEWER: "looks at everything and changes nothing",
    Role.OPERATOR: "builds, deploys, reverts, and whatever else can be taken back",
    Role.ADMIN: "recipes, machines, people, and what is gone for good",
}
BRIEFLY = {
    Role.VIEWER: "viewer – looks",
    Role.OPERATOR: "operator – builds, deploys, reverts",
    Role.ADMIN: "admin – everything",
}


def of(user: User | AnonymousUser) -> Role | None:
    """Give somebody's role, the highest where there are several; None for nobody and for somebody without one."""
    if user.is_anonymous or not user.is_active:
        return None
    if user.is_superuser:
        return Role.ADMIN
    names = set(user.groups.values_list("name", flat=True))
    return next((role for role in reversed(Role) if role in names), None)


def needed(right: str) -> Role:
    """Name the lowest role that has a right."""
    return next(role for role in Role if right in RIGHTS[role])


def lacking(user: User | AnonymousUser, right: str) -> str:
    """Say why somebody may not do what needs a right."""
    role = of(user)
    has = f"has the role {role}" if role else "has no role here"
    return f"{user.get_username()} {has}; this needs the role {needed(right)}, which an admin can give."


def assign(user: User, role: Role | None) -> None:
    """Put somebody into the group of one role and out of the others; `access.accounts` is who calls this."""
    groups = {group.name: group for group in Group.objects.filter(name__in=Role.values)}
    user.groups.remove(*groups.values())
    if role is not None:
        user.groups.add(groups[role])


def install(sender: Any, *, using: str = "default", **_: Any) -> None:
    """Make the groups with exactly the rights above, after the tables are there; repeatable."""
    from django.apps import apps

    # Permissions are made app by app, after each app's tables: those of later apps are not there yet.
    for label in sorted({right.partition(".")[0] for right in RIGHTS[Role.ADMIN]}):
        create_permissions(apps.get_app_config(label), verbosity=0, using=using)
    for role in Role:
        group, _made = Group.objects.using(using).get_or_create(name=role)
        group.permissions.set(Permission.objects.using(using).filter(_any_of(RIGHTS[role])))


def _any_of(rights: frozenset[str]) -> Q:
    asked = Q(pk__in=())
    for right in rights:
        label, _, codename = right.partition(".")
        asked |= Q(content_type__app_label=label, codename=codename)
    return asked
