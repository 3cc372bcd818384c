"""What other apps may listen to, so that `stacks` need not know them."""

from __future__ import annotations

from django.dispatch import Signal

# Sent when the record of a successful operation is committed; arguments: `operation`, and the plan's whole `outcome`.
recorded = Signal()
# Sent when an operation has ended, however it did, once that is committed; argument: `operation_id`.
ended = Signal()
