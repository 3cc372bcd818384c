"""The embedded default: broker, workers, beat and web server of one home under one supervisor (design §10)."""

from stacks.embedded.bootstrap import bootstrap, sign_in_address
from stacks.embedded.lifecycle import ensure_running, is_running, shut_down

__all__ = ["bootstrap", "ensure_running", "is_running", "shut_down", "sign_in_address"]
