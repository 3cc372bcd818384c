"""A machine with a live version that has kernels, a library on disk, and clients of the cast."""

from __future__ import annotations

import json

import pytest

from kernels.models import KernelCheck
from stacks import observation
from stacks.engine.kernels import library
from stacks.engine.layout import Layout
from stacks.models import Machine
from tests.kernels import corpus
from tests.kernels.conftest import add_check
from tests.kernels.corpus import Stage
from tests.kernels.test_change import sealed
from tests.stacks.views.conftest import as_admin, as_operator, as_viewer, stranger

__all__ = ["as_admin", "as_operator", "as_viewer", "stranger"]
BAD = "<script>alert(1)</script>"


def text(name: str = "Tiny", **fields: object) -> str:
    spec = {"argv": ["/bin/sh", "{connection_file}"], "display_name": name, "language": "bash", **fields}
    return json.dumps(spec, indent=1)


@pytest.fixture
def live(machine: Machine, layout: Layout) -> Stage:
    """A live version “a” on disk with the kernels “well” and “missing”, and one kernelspec in the library."""
    on = corpus.stage(layout, layout.building)
    on.tiny("well", "well")
    on.spec("missing", [f"{on.prefix}/bin/none", "{connection_file}"], display_name=BAD)
    listed = [{"name": name, "environment": "anaconda3", "display_name": name} for name in ("well", "missing")]
    sealed(on, kernelspecs=listed)
    layout.live.symlink_to("sw.a")
    layout.backing.symlink_to("sw.a")
    library.write(layout.kernel_specs, "tiny", text(), expected="")
    observation.refresh(machine)
    machine.refresh_from_db()
    return on


@pytest.fixture
def failed(machine: Machine, live: Stage) -> KernelCheck:
    return add_check(
        machine, "a", "missing", state="failed", code="hangs", reason=f"It hangs {BAD}.", output=f"stderr {BAD}"
    )
