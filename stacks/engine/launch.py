"""Starting a kernel as Jupyter would, at the live path, as the owner, and asking it something (design §7)."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from stacks.engine import exchanges
from stacks.engine.kernels import spec as specs
from stacks.engine.kernels.capture import Captured, capturing
from stacks.engine.kernels.findings import first_error
from stacks.engine.kernelspecs import Found
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from stacks.engine.process import base_environment, with_parent
from stacks.engine.sandbox import Sandbox, for_launch, interpreters

TIMEOUT = 60.0  # seconds until a kernel counts as hanging
ANSWER = 20.0  # seconds that one which is ready has for its answer
QUESTIONS = {"python": ("6*7", "42"), "r": ("6*7", "42"), "julia": ("6*7", "42"), "bash": ("echo $((6*7))", "42")}


@dataclass(frozen=True, slots=True)
class Health:
    """What came of starting one kernel: `seconds` to be ready, the `reason` when it is not well, its last output.

    `code` names the cause: that of a finding of its kernel.json, missing-interpreter, not-executable, died, rubbish,
    hangs, died-after-start, no-answer or wrong-answer.
    """

    name: str
    healthy: bool
    seconds: float
    reason: str = ""
    output: str = ""
    code: str = ""


class _Ill(Exception):  # noqa: N818 — a verdict
    """What is wrong with a kernel that was started."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def staged(layout: Layout, owner: Owner, tree: Path) -> Sandbox:
    """Show a staged or stored tree at the live path, for launches."""
    return for_launch(layout, owner, tree)


def live(layout: Layout, owner: Owner) -> Sandbox:
    """Show the live path as it is, links and ramdisk and all, read-only, for launches."""
    real = Path(os.path.realpath(layout.ramdisk))
    shown = [(layout.root, layout.root)] + ([(real, real)] if not real.is_relative_to(layout.root) else [])
    return Sandbox(layout, owner, tuple(shown), writable=False, readable=interpreters(owner))


def launch(found: Found, guest: Sandbox, *, timeout: float = TIMEOUT, path: str = "", program: str = "") -> Health:
    """Start one kernel in a sandbox, wait for it, ask it, and end it; what it does wrong is no error here.

    `path` is searched for programs without a path, before the system's directories; `program` is started in the place
    of the kernelspec's own, if given.
    """
    started = time.monotonic()
    read = specs.read(found.file, beneath=found.tree)
    if wrong := first_error(read.findings):
        return Health(found.name, healthy=False, seconds=0.0, reason=wrong.message, code=wrong.code)
    with exchanges.opened(guest.owner) as place, capturing() as (output, captured):
        manager = _Manager(guest, place, _spec(read.spec, found, guest, program), path)
        seconds, ill = _judge(manager, str(read.spec.get("language", "")), output, captured, timeout)
    seconds = seconds or time.monotonic() - started
    return Health(found.name, ill is None, seconds, str(ill or ""), captured.text, ill.code if ill else "")


def _spec(spec: dict[str, Any], found: Found, guest: Sandbox, program: str) -> dict[str, Any]:
    # Jupyter finds the kernelspec through the live path, and so does what it puts for {resource_dir}.
    below = Path(*found.file.parent.parts[-5:])
    place = guest.layout.live / below if found.environment else found.file.parent
    argv = [program or spec["argv"][0], *spec["argv"][1:]]
    return {**spec, "argv": [word.replace("{resource_dir}", str(place)) for word in argv]}


def _judge(
    manager: _Manager, language: str, output: int, captured: Captured, timeout: float
) -> tuple[float, _Ill | None]:
    started, ready = time.monotonic(), 0.0
    try:
        manager.start_kernel(env=base_environment(), stdout=output, stderr=output)
        client = manager.client()
        client.start_channels()
        try:
            _wait(manager, client, captured, timeout)
            ready = time.monotonic() - started
            _ask(manager, client, language, min(timeout, ANSWER))
        finally:
            client.stop_channels()
    except _Ill as ill:
        return ready, ill
    except (RuntimeError, OSError, ValueError) as error:
        return ready, _Ill("died", f"It could not be started: {error}.")
    finally:
        if manager.has_kernel:
            manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
    return ready, None


def _wait(manager: _Manager, client: BlockingKernelClient, captured: Captured, timeout: float) -> None:
    try:
        client.wait_for_ready(timeout=timeout)
    except ValueError as error:
        raise _Ill("rubbish", f"It answered with rubbish: {error}.") from None
    except RuntimeError:
        status = manager.status
        if status is not None:
            raise _died(status, captured.text) from None
        if captured.is_rubbish and not manager.is_listening:
            message = (
                f"It runs and prints rubbish, but is no kernel: it opened none of its sockets within {timeout:.0f} s."
            )
            raise _Ill("rubbish", message) from None
        raise _Ill("hangs", f"It did not respond in {timeout:.0f} s and was ended.") from None


def _died(status: int, said: str) -> _Ill:
    # `env`, which starts the kernel, says with these what the system said to it.
    if status == 127 and said.startswith("env:"):
        return _Ill("missing-interpreter", "It died before replying: its program does not exist.")
    if status == 126 and said.startswith("env:"):
        return _Ill("not-executable", "It died before replying: its program cannot be run.")
    how = f"by signal {-status if status < 0 else status - 128}" if status < 0 or status > 128 else f"status {status}"
    return _Ill("died", f"It died before replying ({how}).")


def _ask(manager: _Manager, client: BlockingKernelClient, language: str, timeout: float) -> None:
    if language.lower() not in QUESTIONS:
        return  # it has told its kernel_info, which is all that can be asked in any language
    code, expected = QUESTIONS[language.lower()]
    said: list[str] = []
    try:
        reply = client.execute_interactive(code, timeout=timeout, output_hook=lambda told: said.append(_text(told)))
    except (RuntimeError, TimeoutError, queue.Empty):
        if manager.status is not None:
            raise _Ill("died-after-start", f"It was ready, and died when it was asked {code}.") from None
        raise _Ill("no-answer", f"It was ready, but did not answer {code} in {timeout:.0f} s.") from None
    answer = "".join(said).strip()
    if reply["content"]["status"] != "ok" or expected not in answer:
        told = answer or reply["content"].get("evalue", "nothing")
        raise _Ill("wrong-answer", f"Asked {code} it said {told[:300]!r}.")


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    return str(content.get("text") or content.get("data", {}).get("text/plain") or "")


class _Manager(KernelManager):
    """Starts the kernel in a sandbox, talking through sockets in a directory that both sides see."""

    def __init__(self, guest: Sandbox, place: Path, spec: dict[str, Any], path: str) -> None:
        super().__init__(transport="ipc", ip=str(place / "s"), connection_file=str(place / "connection.json"))
        self._guest = guest
        self._place = place
        env = {"PATH": f"{path}:{base_environment()['PATH']}"} if path else {}
        argv = _argv(guest, place, spec)
        self._kernel_spec = KernelSpec(argv=argv, env=env | spec.get("env", {}), language=spec.get("language", ""))

    @property
    def status(self) -> int | None:
        """The status that the kernel ended with, None while it runs."""
        process = getattr(self.provisioner, "process", None)
        found: int | None = process.poll() if process is not None else None
        return found

    @property
    def is_listening(self) -> bool:
        """Tell whether the kernel has opened a socket."""
        return any(self._place.glob("s-*"))

    def write_connection_file(self, **options: Any) -> None:
        """Write the connection file so that the owner, as whom the kernel runs, can read it."""
        super().write_connection_file(**options)
        os.chown(self.connection_file, self._guest.owner.uid, self._guest.owner.gid)


def _argv(guest: Sandbox, place: Path, spec: Mapping[str, Any]) -> Sequence[str]:
    inside = guest.with_exchange(place)
    # ipykernel takes PID 1 of its namespace for a dead parent when it is told a parent's number from outside.
    kernel = ["env", "-u", "JPY_PARENT_PID", *spec["argv"]]
    return [*with_parent(), *inside.command(kernel, cwd=Path("/tmp")).argv]  # noqa: S108 — private there
