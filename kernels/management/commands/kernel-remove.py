"""`dlstack kernel-remove`: a kernelspec less."""  # noqa: N999 — a verb is named by its module

from kernels.management.change import Remove as Command

__all__ = ["Command"]
