"""What a successful operation did, in a sentence for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stacks.models import Operation

Kind = Operation.Kind
Outcome = dict[str, Any]

_PLAIN: dict[str, str] = {
    Kind.DEPLOY: "“{version}” is active.",
    Kind.REVERT: "“{version}” is active again.",
    Kind.RESTORE: "“{version}” is back in the ramdisk and active.",
    Kind.DISCARD: "“{version}” is again what was sealed.",
    Kind.VERIFY: "“{version}” agrees with its manifest.",
    Kind.PROVISION: "The machine is ready: build a version, or adopt those that were made by hand.",
    Kind.CONFIGURE: "The services are written down; they are stopped when production changes in place.",
    Kind.CONVERT: "The layout is resident; “{version}” is active.",
}


def done(kind: str, version: str, outcome: Outcome) -> str:
    """Say what a successful operation of this kind did, from what its plan told."""
    if kind in _TOLD:
        return _TOLD[kind](version, outcome)
    return _PLAIN.get(kind, f"The {kind} is done.").format(version=version)


def _built(version: str, outcome: Outcome) -> str:
    if "files" not in outcome:
        return f"“{version}” is built and sealed."
    size = f"{outcome['files']:,} files, {_megabytes(outcome['bytes'])}"
    return f"“{version}” is built and sealed: {size}, of which {_megabytes(outcome['unique_bytes'])} are its own."


def _copied(version: str, outcome: Outcome) -> str:
    if "moved" not in outcome:
        return f"“{version}” is copied and sealed."
    moved, here = outcome["moved"], outcome.get("linked", 0) + outcome.get("duplicated", 0)
    came = f"{moved['files']:,} files came, {_megabytes(moved['received'])}"
    return f"“{version}” is copied from {outcome['source']} and sealed: {came}; {here:,} were here already."


def _backed_up(version: str, outcome: Outcome) -> str:
    if not outcome.get("changed"):
        return "Nothing has changed since the active version was sealed: nothing was written."
    kept = f"What users changed is kept as “{version}”, {_megabytes(outcome['unique_bytes'])} of its own."
    return kept if outcome.get("activated") else f"{kept} Another version became active meanwhile: it stays active."


def _removed(version: str, outcome: Outcome) -> str:
    names = ", ".join(f"“{name}”" for name in outcome["removed"])
    return f"Removed {names}; {_megabytes(outcome['freed'])} are free again."


def _adopted(version: str, outcome: Outcome) -> str:
    sealed = len(outcome.get("sealed", []))
    told = f"Taken over: {sealed} version{'' if sealed == 1 else 's'} sealed."
    left = ", ".join(outcome.get("left", []))
    return f"{told} Left as they are: {left}; the log says why." if left else told


def _solved(version: str, outcome: Outcome) -> str:
    changes = outcome["changes"].values()
    added, removed, changed = (sum(len(change[how]) for change in changes) for how in ("added", "removed", "changed"))
    against = f" against “{outcome['against']}”" if outcome.get("against") else ", as no version is active"
    return f"A build would add {added}, remove {removed} and change {changed} packages{against}."


def _installed(version: str, outcome: Outcome) -> str:
    return f"“{outcome['kernel']}” is there for all users: “{version}” is active."


def _withdrawn(version: str, outcome: Outcome) -> str:
    return f"“{outcome['kernel']}” is gone from what users run: “{version}” is active."


def _checked(version: str, outcome: Outcome) -> str:
    kernels = outcome["kernels"]
    ill = [kernel["name"] for kernel in kernels if kernel["state"] != "ok"]
    told = f"{len(kernels)} kernel{'' if len(kernels) == 1 else 's'} checked"
    return f"{told}: {len(ill)} not well ({', '.join(ill)})." if ill else f"{told}: all are well."


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.1f} MB"


_TOLD: dict[str, Callable[[str, Outcome], str]] = {
    Kind.BUILD: _built,
    Kind.COPY: _copied,
    Kind.BACKUP: _backed_up,
    Kind.REMOVE: _removed,
    Kind.PRUNE: _removed,
    Kind.ADOPT: _adopted,
    Kind.SOLVE: _solved,
    Kind.KERNEL_INSTALL: _installed,
    Kind.KERNEL_REMOVE: _withdrawn,
    Kind.KERNEL_CHECK: _checked,
}
