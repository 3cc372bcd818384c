"""`dlstack kernel-install`: a kernelspec for all users."""  # noqa: N999 — a verb is named by its module

from kernels.management.change import Install as Command

__all__ = ["Command"]
