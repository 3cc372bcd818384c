"""Every action by the name in its address; a new one is one class and one line."""

from __future__ import annotations

from stacks.forms.asking import ActionForm
from stacks.forms.machine_actions import Adopt, Backup, Convert, Discard, Provision, Prune, Restore
from stacks.forms.version_actions import Rebuild, Remove, Verify

_OF_MACHINES = (Backup, Discard, Restore, Adopt, Convert, Provision, Prune)
ACTIONS: dict[str, type[ActionForm]] = {form.kind: form for form in _OF_MACHINES}
VERSION_ACTIONS: dict[str, type[ActionForm]] = {"verify": Verify, "remove": Remove, "rebuild": Rebuild}
