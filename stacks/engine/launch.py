"""Starting a kernel as Jupyter would, at the live path, as the owner, and asking it something (design §7)."""

from __future__ import annotations

import os
import queue
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from stacks.engine import kernelspecs
from stacks.engine.errors import Refused
from stacks.engine.kernelspecs import Found
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from stacks.engine.process import base_environment
from stacks.engine.sandbox import Sandbox, for_launch, interpreters

TIMEOUT = 60.0  # seconds until a kernel counts as hanging
QUESTIONS = {"python": ("6*7", "42"), "r": ("6*7", "42"), "julia": ("6*7", "42"), "bash": ("echo $((6*7))", "42")}


@dataclass(frozen=True, slots=True)
class Health:
    """What came of starting one kernel: `seconds` to be ready, the `reason` when it is not well, its last output."""

    name: str
    healthy: bool
    seconds: float
    reason: str = ""
    output: str = ""


def staged(layout: Layout, owner: Owner, tree: Path) -> Sandbox:
    """Show a staged or stored tree at the live path, for launches."""
    return for_launch(layout, owner, tree)


def live(layout: Layout, owner: Owner) -> Sandbox:
    """Show the live path as it is, links and ramdisk and all, read-only, for launches."""
    real = Path(os.path.realpath(layout.ramdisk))
    shown = [(layout.root, layout.root)] + ([(real, real)] if not real.is_relative_to(layout.root) else [])
    return Sandbox(layout, owner, tuple(shown), writable=False, readable=interpreters(owner))


def launch(found: Found, guest: Sandbox, *, timeout: float = TIMEOUT) -> Health:
    """Start one kernel in a sandbox, wait for it, ask it, and end it; what it does wrong is no error here."""
    started = time.monotonic()
    try:
        spec = kernelspecs.check(found)
    except Refused as error:
        return Health(found.name, healthy=False, seconds=0.0, reason=str(error))
    with tempfile.TemporaryDirectory(prefix="dlk-") as place, tempfile.TemporaryFile("w+b") as output:
        os.chown(place, guest.owner.uid, guest.owner.gid)
        reason, ready = _try(spec, guest, Path(place), output, timeout)
        output.seek(max(0, output.tell() - 4000))
        said = output.read().decode(errors="replace")
    return Health(
        found.name, healthy=not reason, seconds=ready or time.monotonic() - started, reason=reason, output=said
    )


def _try(spec: dict[str, Any], guest: Sandbox, place: Path, output: IO[bytes], timeout: float) -> tuple[str, float]:
    manager = _Manager(guest, place, spec)
    started = time.monotonic()
    try:
        manager.start_kernel(env=base_environment(), stdout=output, stderr=output)
        client = manager.client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=timeout)
            ready = time.monotonic() - started
            return _ask(client, str(spec.get("language", "")), timeout), ready
        finally:
            client.stop_channels()
    except (RuntimeError, OSError, ValueError, TimeoutError, queue.Empty) as error:
        return str(error) or "It did not answer in time.", 0.0
    finally:
        if manager.has_kernel:
            manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def _ask(client: BlockingKernelClient, language: str, timeout: float) -> str:
    if language.lower() not in QUESTIONS:
        return ""  # it has told its kernel_info, which is all that can be asked in any language
    code, expected = QUESTIONS[language.lower()]
    said: list[str] = []
    reply = client.execute_interactive(code, timeout=timeout, output_hook=lambda message: said.append(_text(message)))
    answer = "".join(said).strip()
    if reply["content"]["status"] == "ok" and expected in answer:
        return ""
    return f"Asked {code} it said {answer or reply['content'].get('evalue', 'nothing')!r}."


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    return str(content.get("text") or content.get("data", {}).get("text/plain") or "")


class _Manager(KernelManager):
    """Starts the kernel in a sandbox, talking through sockets in a directory that both sides see."""

    def __init__(self, guest: Sandbox, place: Path, spec: dict[str, Any]) -> None:
        super().__init__(transport="ipc", ip=str(place / "s"), connection_file=str(place / "connection.json"))
        self._guest = guest
        argv = _argv(guest, place, spec)
        self._kernel_spec = KernelSpec(argv=argv, env=spec.get("env", {}), language=spec.get("language", ""))

    def write_connection_file(self, **options: Any) -> None:
        """Write the connection file so that the owner, as whom the kernel runs, can read it."""
        super().write_connection_file(**options)
        os.chown(self.connection_file, self._guest.owner.uid, self._guest.owner.gid)


def _argv(guest: Sandbox, place: Path, spec: dict[str, Any]) -> Sequence[str]:
    inside = guest.with_exchange(place)
    # ipykernel takes PID 1 of its namespace for a dead parent when it is told a parent's number from outside.
    kernel = ["env", "-u", "JPY_PARENT_PID", *spec["argv"]]
    return ["setpriv", "--pdeathsig", "KILL", "--", *inside.command(kernel, cwd=Path("/tmp")).argv]  # noqa: S108
