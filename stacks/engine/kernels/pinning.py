"""The pinned start: a kernel stays on the version that it began with, wherever the live path leads later (design §5).

A program started through the live path imports from the new tree after a switch. What we install therefore starts
through a few lines of shell, whole in `argv`: they resolve the live path once and run the command there. An
interpreter finds its prefix beside the path that it was called by, in a venv by pyvenv.cfg and in a conda environment
by its standard library, so that `sys.prefix` and `sys.path` name the resolved tree. What a `.pth` file names by the
live path, as an editable installation does, is not moved.
"""

from __future__ import annotations

from stacks.engine.guest.kernelspecs import is_pinned, pin, unpin

__all__ = ["is_pinned", "pin", "unpin"]
