"""Who owns the versions of a machine: the account that builds and kernel launches run as."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from stacks.engine.errors import Refused

# Used only when DLStack runs as root and nobody named an owner: an id that Debian leaves unassigned
# (60000–64999 are handed out by its base-passwd list alone), so that no build ever runs as root.
UNASSIGNED_ID = 64990


@dataclass(frozen=True, slots=True)
class Owner:
    """Numeric user and group of the stack's owner."""

    uid: int
    gid: int

    @property
    def is_self(self) -> bool:
        """Tell whether this process already runs as the owner."""
        return (os.geteuid(), os.getegid()) == (self.uid, self.gid)


def resolve(name: str = "") -> Owner:
    """Find the owner from `user`, `uid` or `uid:gid`; "" means this user, or for root an unprivileged one.

    Raises Refused when there is no such user, or when the owner would be root.
    """
    if name:
        return _named(name)
    if os.geteuid() != 0:
        return Owner(os.geteuid(), os.getegid())
    try:
        return _named("datalab")
    except Refused:
        return Owner(UNASSIGNED_ID, UNASSIGNED_ID)


def may_give_files() -> bool:
    """Tell whether this process may make files another user's: as root, or with the capability to."""
    return _has_capability(0)


def may_mount() -> bool:
    """Tell whether this process may mount filesystems, which root in a container often may not."""
    return _has_capability(21)


def _has_capability(number: int) -> bool:
    status = Path("/proc/self/status").read_text()
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> number & 1)


def _named(name: str) -> Owner:
    user, _, group = name.partition(":")
    if user.isdigit() and (group.isdigit() or not group):
        owner = Owner(int(user), int(group or user))
    else:
        owner = _account(user)
    if owner.uid == 0:
        raise Refused("Builds never run as root: name an unprivileged owner, for example DLSTACK_OWNER=datalab.")
    return owner


def _account(user: str) -> Owner:
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise Refused(f"There is no user “{user}” on this machine: create it or change DLSTACK_OWNER.") from None
    return Owner(account.pw_uid, account.pw_gid)
