"""What the API takes."""

from __future__ import annotations

from typing import Annotated, Literal

from ninja import Schema
from pydantic import ConfigDict, Field

# Databases differ in how they take a zero character, or a number that no column holds: neither comes to them.
Text = Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=500)]
Name = Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=64)]
Number = Annotated[int, Field(ge=1, lt=2**62)]


class Strict(Schema):
    """Refuses what it does not know: a misspelt field is an error, not a default."""

    model_config = ConfigDict(extra="forbid")


class Narrowed(Strict):
    """Which operations to list."""

    machine: Name = ""
    kind: Name = ""
    state: Name = ""
    before: Number | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 20


class LogRange(Strict):
    """Which lines of a log to give."""

    first: Annotated[int, Field(ge=1, lt=2**31)] = 1
    count: Annotated[int, Field(ge=1, le=2000)] = 500


class Build(Strict):
    """A build, as the form of the page and `dlstack build` ask for it; deploying comes after it, with `deploy`."""

    recipe: Name
    name: Name | None = None
    options: Annotated[list[Name], Field(max_length=100)] = []
    reason: Text = ""


class Switch(Strict):
    """A deploy or a revert: `seen` is what was active when it was decided on ("" for nothing), else it is refused."""

    seen: Name
    reason: Text = ""
    externals: Literal["current", "sealed"] = "current"
    override_health: bool = False
    pause: bool = False


class Deploy(Switch):
    """A deploy."""

    version: Name


class Revert(Switch):
    """A revert, to the last healthy version where none is named."""

    version: Name | None = None


class Latest(Strict):
    """How many rollouts to list."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20


class Copy(Strict):
    """Copies of a version; from any machine that has it where no `source` is named, `limit` in KiB a second."""

    version: Name
    to: Annotated[list[Name], Field(min_length=1, max_length=1000)]
    source: Name = ""
    limit: Annotated[int, Field(ge=0, le=100_000_000)] | None = None
    reason: Text = ""


class Batches(Strict):
    """Machines in their order, each with what was active there when this was decided on ("" for nothing)."""

    to: Annotated[dict[Name, Name], Field(min_length=1, max_length=1000)]
    batch: Annotated[int, Field(ge=0, lt=2**31)] = 0
    pause: Annotated[int, Field(ge=0, lt=2**31)] = 0
    reason: Text = ""


class RollOut(Batches):
    """A deploy on many machines, one of them first unless asked for otherwise."""

    version: Name
    canary: Annotated[int, Field(ge=0, lt=2**31)] = 1
    on_failure: Literal["stop", "revert"] = "stop"
    any_build: bool = False


class RollBack(Batches):
    """A revert of many machines, all at once unless asked for otherwise."""

    canary: Annotated[int, Field(ge=0, lt=2**31)] = 0
    mark_bad: bool = False


class Join(Strict):
    """A machine's question; with `look` the token is not used, and nothing secret is told."""

    look: bool = False
