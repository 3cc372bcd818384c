"""Freeze windows: every write to one, and which are open or come next. A revert, a restore or a backup heeds none."""

from stacks.windows.asking import checked, delete, lift, save
from stacks.windows.standing import (
    InWindow,
    Standing,
    known,
    open_on,
    refuse_if_open,
    rule_of,
    said,
    soon,
    standings,
)

__all__ = [
    "InWindow",
    "Standing",
    "checked",
    "delete",
    "known",
    "lift",
    "open_on",
    "refuse_if_open",
    "rule_of",
    "said",
    "save",
    "soon",
    "standings",
]
