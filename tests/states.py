"""What is seen seldom, on top of a seed: machines in trouble, frozen and marked; every end of an operation; kernels."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid5

from django.contrib.auth.models import User
from django.utils import timezone

from access import accounts, audit, roles, tokens
from access.models import AuditEntry
from access.roles import Role
from kernels.models import Inventory, KernelCheck, LibraryEdit
from stacks import compatibility, marks, program, recipes
from stacks.engine.layout import Layout
from stacks.models import Joining, Machine, Rollout, RolloutTarget, Version, Worker
from tests import planned
from tests.believable import GB, KERNELS, NAMESPACE, elsewhere, packages
from tests.seed import Seed, write_log

SPEC = {"argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "Sky tools",
        "language": "python"}  # fmt: skip
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="4"/></svg>'
TRACEBACK = 'Traceback (most recent call last):\n  File "<string>", line 1, in <module>\nModuleNotFoundError: sky\n'


class States:
    """Writes the rows and files; `numbers` gives the numbers of operations and people by words, for addresses."""

    def __init__(self, seed: Seed) -> None:
        self.seed, self.alice, self.bob = seed, seed.alice, seed.bob
        self.layout = Layout(Path(seed.machine.root))
        Machine.objects.filter(pk=seed.machine.pk).update(public_releases=True)
        self._recipes()
        self._versions()
        self.numbers = self._operations() | self._people()
        self._frozen()
        self._in_trouble()
        self._kernels()
        self._joining()
        self._rollouts()
        self._planned()

    def _people(self) -> dict[str, int]:
        """Add somebody who looks, somebody who may do nothing, and somebody who is shut out."""
        roles.assign(User.objects.create_user("viewer"), Role.VIEWER)
        User.objects.create_user("nobody")
        carol = User.objects.create_user("carol", password="orion-nebula-42")
        accounts.close(user=carol, by=self.alice)
        _, (token, _) = [
            tokens.issue(user=self.alice, name=name, role=Role.OPERATOR, days=90, by=self.alice)
            for name in ("nightly builds", "an old script")
        ]
        tokens.revoke(token=token, by=self.alice)
        audit.record(AuditEntry.Kind.SETTINGS, "Settings of local", by=self.alice, machine="local", old="6", new="24")
        return {"bob": self.bob.pk, "carol": carol.pk, "alice": self.alice.pk}

    def _recipes(self) -> None:
        text = self.seed.revision.text.replace('"starter"', '"datalab"')
        for number in range(2):
            recipes.add_revision(text=f"{text}# {number}\n", note="Pins what the solver needs", created_by=self.bob)
        broken = self.seed.models.Recipe.objects.create(name="broken")
        self.seed.models.RecipeRevision.objects.create(recipe=broken, number=1, text='name = "broken"\nx = 1\n')

    def _versions(self) -> None:
        noted = self.seed.versions["2026-10-30"]
        Version.objects.filter(pk=noted.pk).update(pinned=True, note="For the summer school: kept until March.")
        marks.mark_bad(version=self.seed.versions["2026-11-23"], by=self.bob, reason="plots are empty")
        unsealed = self.layout.root / "sw.by-hand"
        unsealed.mkdir()

    def _operations(self) -> dict[str, int]:
        seed, local = self.seed, self.seed.machine
        seen = {"name": "python3", "environment": "anaconda3", "depth": "launch", "state": "failed", "code": "died"}
        found = {
            "failed": seed.failed, "running": seed.running, "cancelled": seed.cancelled,
            "interrupted": seed._operation(
                local, "backup", "interrupted", "", ago=70_000, message="The machine was restarted: nothing was kept."
            ),
            "solved": seed._operation(local, "solve", "succeeded", "", ago=60_000, outcome=_changes()),
            "checked": seed._operation(
                local, "kernel-check", "succeeded", "", ago=50_000, outcome={"kernels": [seen]},
                message="1 of 2 kernels is not well: python3 died.",
            ),
            "retried": seed._operation(
                local, "build", "succeeded", "2026-11-22", ago=80_000, retry_of=seed.failed, reason="The pin is mended",
                message="“2026-11-22” was sealed.",
            ),
        }  # fmt: skip
        followed = seed._operation(local, "deploy", "failed", "2026-11-22", ago=79_000, parent=found["retried"])
        for name, count in (("failed", 60), ("running", 90), ("cancelled", 30), ("retried", 600)):
            write_log(found[name], count)
        return {name: operation.pk for name, operation in {**found, "followed": followed}.items()}

    def _frozen(self) -> None:
        """Make gp02: frozen, with a deploy that waits and a build that is being ended."""
        machine = Machine.objects.create(name="gp02", root="/data0", generation=4, observed_at=self.seed.now)
        machine.observed = elsewhere("/data0", "2026-11-20")
        last = machine.observed["versions"][-1]
        last |= {"externals": {"antares-kernel": [899, 899]}, "warnings": {"anaconda3": 3}, "options": ["dev"]}
        machine.save()
        for number, name in enumerate(("2026-11-12", "2026-11-20"), 1):
            done = self.seed._operation(machine, "deploy", "succeeded", name, ago=400_000 - 90_000 * number)
            row = self._version(machine, number, name)
            self.seed.activate(machine, row, operation=done, activated_by=self.bob, at=done.finished_at, healthy=True)
        marks.freeze(machine=machine, by=self.bob, reason="exam week")
        self.seed._operation(machine, "deploy", "queued", "2026-11-12", ago=4)
        self.numbers["cancelling"] = self.seed._operation(
            machine, "build", "running", "2026-11-25", ago=50,
            cancel_requested_at=self.seed.now, cancel_requested_by=self.bob,
        ).pk  # fmt: skip

    def _version(self, machine: Machine, number: int, name: str) -> Version:
        return Version.objects.create(
            machine=machine, name=name, uuid=uuid5(NAMESPACE, f"{machine}{name}"), generation=number, files=41_749,
            bytes=GB, unique_bytes=GB // 9, manifest_digest="0", packages=packages(number), kernelspecs=KERNELS,
            options=["dev"], lockfile="numpy==2.3.3\n", sealed_at=self.seed.now - timedelta(days=9 - number),
        )  # fmt: skip

    def _in_trouble(self) -> None:
        """Make gp30: after a reboot, in place, on a full disk, with links that lead nowhere."""
        lost = {"code": "lost", "message": "The ramdisk is empty: /data0/sw leads nowhere.", "action": "Restore it."}
        seen = elsewhere("/data0", "2026-11-12", lost)
        seen |= {"layout": "in-place", "lost": True, "resident": [], "active": None}
        seen["links"][0]["exists"] = False
        seen["disk"] = {"bytes_total": 4000 * GB, "bytes_free": 60 * GB}
        seen["versions"].append({"name": "by-hand", "sealed": False, "files": None, "bytes": None})
        machine = Machine.objects.create(name="gp30", root="/data0", layout="in-place", observed=seen)
        old = self.seed.now - timedelta(hours=7)
        Machine.objects.filter(pk=machine.pk).update(observed_at=old)

    def _joining(self) -> None:
        """Let gp12 have joined and answered, gp31 have joined, gp32 be waited for, and gp33 have come too late."""
        now, machines = self.seed.now, {one.name: one for one in Machine.objects.all()}
        machines["gp31"] = Machine.objects.create(name="gp31", root="/data0", awaited_since=now - timedelta(hours=1))
        Machine.objects.filter(name="gp12").update(awaited_since=now - timedelta(hours=9))
        facts = {"host": "gp12.example.org", "distribution": "Debian GNU/Linux 12 (bookworm)", "cpus": 64,
                 "kernel": "6.1.0-31-amd64 x86_64", "memory": 512 * GB, "disk": 4000 * GB, "python": "3.11.7",
                 "rsync": "3.2.7", "bubblewrap": ""}  # fmt: skip
        told = {"heard_at": timezone.now(), "schema": compatibility.schema(), "facts": facts}
        for lane, version in (("build", "0.0.9+12345678"), ("live", program.version())):
            Worker.objects.create(machine=machines["gp12"], lane=lane, version=version, clock_ahead=7.25, **told)
        for number, name in enumerate(("gp12", "gp31", "gp32", "gp33")):
            used = {"used_at": now - timedelta(hours=1), "used_from": "192.0.2.7"} if name in machines else {}
            until = now + timedelta(days=-1 if name == "gp33" else 1)
            self.numbers[name] = Joining.objects.create(
                name=name, root="/data0", machine=machines.get(name), prefix=f"0000000{number}", digest="0",
                created_by=self.alice, expires_at=until, **used,
            ).pk  # fmt: skip

    def _rollouts(self) -> None:
        """Let one rollout be stopped, one go back, and one have ended well."""
        machines = [self.seed.machine, *Machine.objects.filter(name__in=("gp02", "gp12"))]
        told = "The kernel sky does not answer: it died after 2.1 s: ModuleNotFoundError: sky"
        plans = {
            "stopped": (("failed", "waiting", "waiting"), f"local: failed; gp02, gp12: not begun. local: {told}"),
            "reverting": (("failed", "skipped", "failed"), "What it changed is being reverted."),
            "rolled": (("skipped", "skipped", "skipped"), "local, gp02, gp12: left as it was."),
        }
        for name, (states, message) in plans.items():
            state = "succeeded" if name == "rolled" else name
            made = Rollout.objects.create(
                kind="deploy", version="2026-11-20", state=state, canary=1, batch=2, pause=600, message=message,
                requested_by=self.bob, reason="astropy 7.2", finished_at=self.seed.now if name == "rolled" else None,
            )  # fmt: skip
            for order, machine in enumerate(machines):
                RolloutTarget.objects.create(
                    rollout=made, machine=machine, order=order, batch=min(order, 1), version="2026-11-20",
                    state=states[order], message=told if states[order] == "failed" else "",
                )  # fmt: skip
            self.numbers[name] = made.pk

    def _planned(self) -> None:
        """Let schedules be due, paused and stopped, and freeze windows be open, come and be over."""
        local, other = self.seed.machine, Machine.objects.get(name="gp12")
        nightly = planned.schedule(local, self.bob, kind="build", recipe="datalab", deploy=True, reason="what is new")
        refused = "gp12 is busy: the verify (#7, alice) is running since 02:00:00: wait for it, or cancel it first."
        missed = "It was due at 2026-11-20 01:00:00 UTC, and nothing ran until more than 3600 s later."
        planned.runs(nightly, self.seed.failed, skipped="Its build #7 (running) has not ended.", missed=missed)
        weekly = planned.schedule(other, self.alice, "weekly check", kind="verify", next_at=None)
        planned.runs(weekly, refused=refused)
        carol = User.objects.get(username="carol")
        stopped = "Stopped: the account carol is closed. Whoever resumes it answers for it from then on."
        left = planned.schedule(other, carol, "left behind", next_at=None, stopped=stopped)
        rolls = planned.schedule(local, self.bob, "Tuesdays", kind="deploy", recipe="datalab")
        rolls.to.set([other])
        hour = timedelta(hours=1)
        opened = planned.window(Machine.objects.get(name="gp30"), "Readout test", begins=-hour)
        planned.window(None, "Full moon", begins=20 * hour)
        planned.window(other, "Last week", begins=-200 * hour)
        weekend = planned.weekend(other)
        numbers = {"nightly": nightly, "weekly": weekly, "left": left, "rolls": rolls}
        self.numbers |= {name: row.pk for name, row in numbers.items()}
        self.numbers |= {"opened": opened.pk, "weekend": weekend.pk}

    def _kernels(self) -> None:
        for name, spec in (("sky", SPEC), ("broken", {**SPEC, "argv": []})):
            self._write(self.layout.kernel_specs / name, spec)
        live = self.layout.resident("2026-11-20") / "anaconda3"
        (live / "bin").mkdir()
        for name in ("python3", "sky"):
            self._write(live / "share/jupyter/kernels" / name, {**SPEC, "display_name": name.title()})
        common = {"machine": self.seed.machine, "version": "2026-11-20", "environment": "anaconda3"}
        when = self.seed.now - timedelta(hours=3)
        KernelCheck.objects.create(
            name="python3", depth="launch", state="failed", code="died", seconds=2.1, output=TRACEBACK, checked_at=when,
            reason="It died after 2.1 s: ModuleNotFoundError: sky", operation_id=self.numbers["checked"], **common,
        )  # fmt: skip
        KernelCheck.objects.create(name="antares", depth="launch", state="ok", seconds=1.3, checked_at=when, **common)
        before, after = (json.dumps({**SPEC, "display_name": name}, indent=1) for name in ("Sky", "Sky tools"))
        for action, texts in (("added", ("", before)), ("changed", (before, after))):
            LibraryEdit.objects.create(
                machine=self.seed.machine,
                kernel="sky",
                action=action,
                edited_by=self.bob,
                before=texts[0],
                after=texts[1],
            )
        self._seen_elsewhere()

    def _write(self, place: Path, spec: dict[str, Any]) -> None:
        place.mkdir(parents=True)
        (place / "kernel.json").write_text(json.dumps(spec, indent=1))
        (place / "logo-svg.svg").write_text(LOGO)

    def _seen_elsewhere(self) -> None:
        from kernels import seen

        found = seen.kernels(self.seed.machine).kernels
        machine = Machine.objects.get(name="gp12")
        Inventory.objects.create(
            machine=machine, version="2026-11-12", live=True, taken_at=self.seed.now, kernels=found,
            library=[kernel for kernel in found if kernel["name"] == "sky"],
        )  # fmt: skip


def _changes() -> dict[str, Any]:
    changed = {"anaconda3": {"changed": {"astropy": ["7.1.0", "7.2.0"]}, "added": {"lsdb": "0.6.4"},
                             "removed": {"dustmaps": "1.0.13"}}}  # fmt: skip
    return {"changes": changed, "against": "2026-11-20", "lockfile": {}}
