"""The strategies: how a build gets to see its tree at the live path (design §7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeGuard, get_args

from stacks.engine import sandbox
from stacks.engine.environments import Environment
from stacks.engine.errors import Refused

Strategy = Literal["sandbox", "repoint", "in-production", "prefix"]
Detouring = Literal["repoint", "in-production"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)


def choose(asked: str, environments: Sequence[Environment]) -> Strategy:
    """Choose the strategy of a build: the one asked for, or `prefix` in the place of a sandbox that is not to be had.

    Raises Refused for a strategy that there is none of, or that the recipe's environments cannot be built with.
    """
    strategy = next((one for one in STRATEGIES if one == asked), None)
    if strategy is None:
        raise Refused(f"The strategy “{asked}” is not available: use {', '.join(STRATEGIES)}.")
    if strategy == "sandbox":
        return _in_place_of_the_sandbox(environments)
    if strategy == "prefix" and (misfit := _misfit(environments)):
        raise Refused(f"{misfit} Choose the strategy sandbox, or repoint, which pauses services.")
    return strategy


def _in_place_of_the_sandbox(environments: Sequence[Environment]) -> Strategy:
    try:
        sandbox.check()
    except Refused as error:
        if misfit := _misfit(environments):
            raise Refused(f"{error} {misfit} Or choose the strategy repoint, which pauses services.") from None
        return "prefix"
    return "sandbox"


def _misfit(environments: Sequence[Environment]) -> str:
    """Say why the environments cannot be made elsewhere than at the live path, "" when they can."""
    for environment in environments:
        if environment.installer not in ("conda", "external"):
            return f"The {environment.installer} environment “{environment.path}” must be made at the live path itself."
        if environment.pip:
            return f"The pip packages of “{environment.path}” must be installed at the live path itself."
    return ""


def is_detouring(strategy: Strategy) -> TypeGuard[Detouring]:
    """Tell whether the live path leads to the tree under construction meanwhile, with services paused."""
    return strategy in get_args(Detouring)
