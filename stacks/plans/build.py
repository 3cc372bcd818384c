"""The plan of a build: make a new version and seal it; in the sandbox, production is not touched."""

from __future__ import annotations

from functools import partial

from stacks.engine import build, compiling, detour, externals, grounds, strategies
from stacks.engine.build import Building
from stacks.engine.environments import Environment
from stacks.engine.externals import External
from stacks.engine.installers import INSTALLERS
from stacks.engine.layout import Layout
from stacks.engine.strategies import Strategy
from stacks.plans import asking
from stacks.plans.base import Context, Plan, Step
from stacks.plans.building import Part, Work
from stacks.plans.leading import Leading

_PARTS: dict[str, Part] = {
    "resolve": build.resolve,
    "install": build.install,
    "kernelspecs": build.add_kernelspecs,
    "compile": compiling.compile_modules,
}
_COMPILES = "Compiles the modules, and takes what earlier versions compiled of the same source"


def plan(context: Context) -> Plan:
    """Plan a build from its parameters; raises Refused for a name that is taken, a bad recipe, or no room."""
    building, layout = asking.building(context), context.layout
    build.check_free(layout, building.name)
    environments = building.recipe.environments
    for environment in environments:
        INSTALLERS[environment.installer].check(environment)
    strategy = strategies.choose(context.parameters.get("strategy") or "sandbox", environments)
    if strategy != "sandbox":
        grounds.check(layout, context.owner)
    if layout.root.is_dir():
        build.check_room(layout, build.expected(layout), f"A build of “{building.name}”", spare=build.SPARE)
    leading = _leading(layout, building, strategy)
    others = externals.asked(environments)
    externals.check_rights(others)
    work = Work(building, strategy, leading)
    steps = [
        prepare_step(layout, work),
        *resolve_steps(building, work),
        *(leading.steps_away(layout) if leading else ()),
        *(_step("install", "Install", "Downloads and installs them", item, work) for item in environments),
        *(_step("kernelspecs", "Kernelspecs of", "Writes them for the live path", item, work) for item in environments),
        *(_step("compile", "Compile", _COMPILES, item, work) for item in environments if _is_compiled_last(item)),
        *(leading.steps_back(layout) if leading else ()),
        *(_carry_step(item, work) for item in others),
        _seal_step(building, work),
    ]
    summary = f"Builds “{building.name}” from {building.recipe.name}. {_effect(layout, strategy)}"
    return Plan("build", summary, tuple(steps))


def _is_compiled_last(environment: Environment) -> bool:
    return INSTALLERS[environment.installer].compiled_last


def _leading(layout: Layout, building: Building, strategy: Strategy) -> Leading | None:
    if not strategies.is_detouring(strategy):
        return None
    need = build.expected_whole(layout)
    detour.check(layout, strategy, need)
    return Leading(building, strategy, need)


def _effect(layout: Layout, strategy: Strategy) -> str:
    if strategies.is_detouring(strategy):
        names = ", ".join(detour.services_of(layout)) or "none is configured: stop what runs yourself"
        return (
            f"Services are paused meanwhile ({names}), deploys and reverts wait, and users find the tree under "
            f"construction at {layout.live}; then it says again what it says now."
        )
    if strategy == "prefix":
        return "What users run is not touched. There is no sandbox: link scripts of packages are not run."
    return "What users run is not touched."


def prepare_step(layout: Layout, work: Work) -> Step:
    """Give the step that makes the places of a build."""
    explains = f"Makes an empty tree below {layout.build_area}."
    return Step("prepare", "Prepare the build area", explains, work.prepare, work.clear)


def resolve_steps(building: Building, work: Work) -> tuple[Step, ...]:
    """Give the steps that find out what each environment will hold: from the lockfile that was given, or anew."""
    environments = building.recipe.environments
    if building.lockfile:
        return tuple(_take_step(item, work) for item in environments)
    explains = "Finds out exactly which packages"
    return tuple(_step("resolve", "Resolve", explains, item, work) for item in environments)


def _take_step(environment: Environment, work: Work) -> Step:
    title, explains = f"Take {environment.path} from the lockfile", "Nothing is resolved anew"
    return Step(
        f"resolve-{environment.path}",
        title,
        f"{explains} ({environment.installer}: {environment.asked_for}).",
        partial(work.take, environment),
    )


def _step(name: str, title: str, explains: str, environment: Environment, work: Work) -> Step:
    return Step(
        f"{name}-{environment.path}",
        f"{title} {environment.path}",
        f"{explains} ({environment.installer}: {environment.asked_for}).",
        partial(work.do, _PARTS[name], environment),
    )


def _carry_step(external: External, work: Work) -> Step:
    # Last of all: no guest runs any more that could take its place.
    explains = f"Copies what user {external.uid} has there now; nothing of it is changed."
    return Step(f"carry-{external.path}", f"Carry {external.path} over", explains, partial(work.carry, external))


def _seal_step(building: Building, work: Work) -> Step:
    explains = f"Describes every file, shares equal ones, and names it {building.name}."
    return Step("seal", "Seal the version", explains, work.seal)
