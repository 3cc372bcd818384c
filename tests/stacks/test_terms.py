"""What a machine's settings say about guests, and what its page says of terms that cannot be held to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from dlstackweb.environment import Environment
from stacks.engine import status
from stacks.engine.layout import Layout
from stacks.engine.terms import Terms
from tests.conftest import REPOSITORY
from tests.engine.machines import needs_root


def test_numbers_have_units_that_people_write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {"MEMORY": "16GiB", "TASKS": "500", "MINUTES": "90", "SILENCE_MINUTES": "0.5"}.items():
        monkeypatch.setenv(f"DLSTACK_BUILD_{name}", value)
    limits = Environment(home=tmp_path).terms.limits
    assert (limits.memory, limits.tasks, limits.seconds, limits.silence) == (16 * 1024**3, 500, 5400.0, 30.0)


def test_usual_limits_leave_half_of_the_memory(tmp_path: Path) -> None:
    limits = Environment(home=tmp_path).terms.limits
    assert limits.memory >= 2 * 1024**3
    assert limits.seconds < 24 * 3600  # the broker would hand the doorbell out again


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DLSTACK_BUILD_MEMORY", "much"),
        ("DLSTACK_BUILD_TASKS", "0"),
        ("DLSTACK_BUILD_MINUTES", "1441"),
        ("DLSTACK_BUILD_SILENCE_MINUTES", "-1"),
        ("DLSTACK_BUILD_NETWORK", "open"),
        ("DLSTACK_ALLOWED_SOURCES", "http://mirror"),
    ],
)
def test_what_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.lower().removeprefix("dlstack_")):
        Environment(home=tmp_path)


def test_a_persons_own_machine_reads_their_directories_and_a_server_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = str(tmp_path / "wheels")
    assert Environment(home=tmp_path / "home").terms.sources.problem(place) == ""
    assert "closed" in Environment(home=tmp_path / "home").terms.sources.problem(str(tmp_path / "home"))
    monkeypatch.setenv("DLSTACK_ALLOWED_SOURCES", "")
    assert "DLSTACK_ALLOWED_SOURCES" in Environment(home=tmp_path / "home").terms.sources.problem(place)
    monkeypatch.delenv("DLSTACK_ALLOWED_SOURCES")
    monkeypatch.setenv("DATABASE_URL", "postgres://db/dlstack")
    assert "DLSTACK_ALLOWED_SOURCES" in Environment(home=tmp_path / "home").terms.sources.problem(place)
    monkeypatch.setenv("DLSTACK_ALLOWED_SOURCES", f"{tmp_path},10.1.0.0/16")
    allowed = Environment(home=tmp_path / "home").terms.sources
    assert (allowed.problem(place), allowed.problem("https://10.1.2.3/simple")) == ("", "")


def test_secrets_lie_in_the_home_or_where_systemd_puts_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert Environment(home=tmp_path).terms.secrets == tmp_path / "secrets"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/dlstack-build.service")
    assert Environment(home=tmp_path).terms.secrets == Path("/run/credentials/dlstack-build.service")
    monkeypatch.setenv("DLSTACK_SECRETS", "/etc/dlstack/secrets")
    assert Environment(home=tmp_path).terms.secrets == Path("/etc/dlstack/secrets")


def codes(layout: Layout, terms: Terms) -> set[str]:
    return {problem.code for problem in status.problems(layout, terms)}


def test_a_shared_network_is_a_problem_of_the_machine(layout: Layout) -> None:
    assert not {"shared-network", "unwatched"} & codes(layout, Terms())
    assert "shared-network" in codes(layout, Terms(shares_network=True))


_WITHOUT_NETWORKS = """
import sys
from pathlib import Path
from stacks.engine import area, sandbox, status
from stacks.engine.layout import Layout
from stacks.engine.owner import resolve
from stacks.engine.process import run
from stacks.engine.stop import Stop
layout = Layout(Path(sys.argv[1]))
print(sorted(problem.code for problem in status.problems(layout)))
area.make_place(layout, resolve())
guest = sandbox.for_build(layout, resolve())
run(guest.command(["echo", "runs"]), lambda event: print(event.text), Stop())
"""


@needs_root
def test_where_no_network_namespace_may_be_made_builds_run_and_the_page_says_so(layout: Layout) -> None:
    """As root in a container that was not given NET_ADMIN."""
    argv = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", sys.executable, "-c", _WITHOUT_NETWORKS]
    done = subprocess.run([*argv, str(layout.root)], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "'shared-network'" in done.stdout.splitlines()[0]
    assert done.stdout.splitlines()[-1] == "runs"
