"""Pausing what runs from the tree: stopping is verified, starting is guaranteed (design §5, faults F4)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stacks.engine import documents, durable
from stacks.engine.errors import CommandFailed, Failed, Refused
from stacks.engine.events import Sink
from stacks.engine.fields import Fields
from stacks.engine.layout import Layout
from stacks.engine.process import Command, base_environment, run
from stacks.engine.stop import Stop

PATIENCE = 60.0  # seconds until a service that was stopped must be down
SETTLED = 5.0  # seconds for which one that says it runs may be on its way down, when whoever stopped it was killed


@dataclass(frozen=True)
class Service:
    """A service known by three commands; `status` ends with 0 while it runs."""

    name: str
    status: tuple[str, ...]
    stopping: tuple[str, ...]
    starting: tuple[str, ...]
    limit: float = field(default=120.0, compare=False)

    def is_running(self) -> bool:
        """Tell whether its status command says that it runs."""
        try:
            run(Command(self.status, env=base_environment(), limit=self.limit), lambda _: None, Stop())
        except CommandFailed:
            return False
        return True

    def stop(self, sink: Sink, lock_fds: tuple[int, ...] = ()) -> None:
        """Run its stop command; as long as anything of it runs, it holds the locks."""
        label, env = f"stop {self.name}", base_environment()
        run(Command(self.stopping, label, env, pass_fds=lock_fds, limit=self.limit), sink, Stop())

    def start(self, sink: Sink) -> None:
        """Run its start command, which gets no lock: what it leaves running would hold that for ever."""
        run(Command(self.starting, f"start {self.name}", base_environment(), limit=self.limit), sink, Stop())


def unit(name: str) -> Service:
    """Make the service of a systemd unit."""
    systemctl = ("systemctl", "--no-pager")
    return Service(
        name,
        (*systemctl, "is-active", "--quiet", "--", name),
        (*systemctl, "stop", "--", name),
        (*systemctl, "start", "--", name),
    )


def parse(asked: Sequence[dict[str, object]]) -> list[Service]:
    """Read a machine's services: {"unit": NAME} or {"name", "status", "stop", "start"} with argument lists.

    Raises Refused that says which field is wrong.
    """
    return [_parse(Fields(item, f"service {number}")) for number, item in enumerate(asked, 1)]


def _parse(fields: Fields) -> Service:
    if name := fields.text("unit", default="", pattern=_UNIT, allowed="a unit's name, for example jupyterhub.service"):
        service = unit(name)
    else:
        service = Service(fields.text("name"), fields.words("status"), fields.words("stop"), fields.words("start"))
    fields.done()
    return service


_UNIT = re.compile(r"[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]*")


def pause(
    services: Sequence[Service], sink: Sink, *, lock_fds: tuple[int, ...] = (), patience: float = PATIENCE
) -> None:
    """Stop services and wait until each is down; raise Failed for one that goes on. The caller starts them again."""
    for service in services:
        service.stop(sink, lock_fds)
    deadline = time.monotonic() + patience
    for service in services:
        if not _wait(lambda service=service: not service.is_running(), deadline):  # type: ignore[misc]
            raise Failed(f"{service.name} still runs {patience:.0f} s after it was stopped: nothing was changed.")


def resume(services: Sequence[Service], sink: Sink) -> list[str]:
    """Start services that do not run; gives back the names of those that would not start.

    One that was told to stop may say for a while that it runs: those that do are watched for `SETTLED` seconds.
    """
    failed, deadline = [], time.monotonic() + SETTLED
    for service in services:
        try:
            if _wait(lambda service=service: not service.is_running(), deadline):  # type: ignore[misc]
                service.start(sink)
        except Failed:
            failed.append(service.name)
    return failed


def running(services: Sequence[Service]) -> list[Service]:
    """Give those that run now: they, and nothing else, are started again."""
    return [service for service in services if service.is_running()]


def _wait(reached: Callable[[], bool], deadline: float) -> bool:
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def place(layout: Layout) -> Path:
    """Where a root's services are listed."""
    return layout.state / "services.json"


def configured(layout: Layout) -> list[Service]:
    """Read the services of a root, which its state directory lists; none when it lists none."""
    return parse(listed(layout))


def listed(layout: Layout) -> list[dict[str, object]]:
    """Read how the services of a root were described; raises Refused for a file that cannot be read."""
    try:
        found: list[dict[str, object]] = documents.parse(place(layout).read_bytes())
    except FileNotFoundError:
        return []
    except ValueError as error:
        raise Refused(f"{place(layout)} is no valid JSON: {error}.") from None
    parse(found)
    return found


def configure(layout: Layout, asked: Sequence[dict[str, object]]) -> None:
    """Write the services of a root, after checking them."""
    parse(asked)
    durable.write_json(place(layout), list(asked))
