"""What other apps may listen to, so that `stacks` need not know them."""

from __future__ import annotations

from django.dispatch import Signal

# Sent in the transaction that records a successful operation; arguments: `operation`, and the plan's whole `outcome`.
recorded = Signal()
