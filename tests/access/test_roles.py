from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from access import roles
from access.roles import RIGHTS, Role
from stacks.models import Operation
from stacks.operations import right_for
from tests.conftest import People


@pytest.mark.parametrize("role", list(Role))
def test_the_groups_have_exactly_their_rights(db: None, role: Role) -> None:
    held = Group.objects.get(name=role).permissions.select_related("content_type")
    assert {f"{one.content_type.app_label}.{one.codename}" for one in held} == RIGHTS[role]


def test_each_role_may_what_those_before_may() -> None:
    assert RIGHTS[Role.VIEWER] < RIGHTS[Role.OPERATOR] < RIGHTS[Role.ADMIN]


def test_a_group_that_somebody_changed_is_as_it_should_be_after_the_next_migration(db: None) -> None:
    group = Group.objects.get(name=Role.VIEWER)
    group.permissions.add(Permission.objects.get(codename="delete_version"))
    roles.install(None)
    assert not group.permissions.filter(codename="delete_version").exists()


def test_what_is_gone_for_good_and_what_changes_a_machine_is_an_admins() -> None:
    asked = {role: {kind for kind in Operation.Kind if right_for(kind) in RIGHTS[role]} for role in Role}
    assert asked[Role.VIEWER] == set()
    assert {"build", "deploy", "revert", "restore", "backup"} <= asked[Role.OPERATOR]
    assert asked[Role.ADMIN] - asked[Role.OPERATOR] == {
        "remove", "prune", "discard", "adopt", "convert", "provision", "configure",
    }  # fmt: skip


def test_of(people: People) -> None:
    assert [roles.of(user) for user in (people.viewer, people.operator, people.admin)] == list(Role)
    assert roles.of(people.stranger) is None
    assert roles.of(User.objects.create_superuser("root")) == Role.ADMIN
    people.admin.is_active = False
    assert roles.of(people.admin) is None


def test_somebody_without_a_role_sees_nothing_and_is_told_why(db: None) -> None:
    client = Client()
    client.force_login(User.objects.create_user("new"))
    answer = client.get("/")
    assert answer.status_code == 403
    assert "new has no role here; this needs the role viewer" in answer.content.decode()
    assert "Sign out" in answer.content.decode()


def test_accounts_from_before_roles_get_the_one_that_fits(db: None) -> None:
    root, could, saw = User.objects.create_superuser("root"), *map(User.objects.create_user, ("could", "saw"))
    could.user_permissions.add(Permission.objects.get(content_type__app_label="stacks", codename="add_operation"))
    import_module("access.migrations.0002_roles_of_accounts").assign(apps, None)
    assert [roles.of(User.objects.get(pk=user.pk)) for user in (saw, could, root)] == list(Role)
    assert not could.user_permissions.exists()
