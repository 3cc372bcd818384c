"""A world in which every text that a page shows tries to be more: rows written past every check, and files."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from access import audit, roles, tokens
from access.models import AuditEntry, Token
from access.roles import Role
from kernels.models import Inventory, KernelCheck, LibraryEdit
from stacks import activations, marks, observation
from stacks.engine.layout import Layout
from stacks.models import (
    Event,
    FreezeWindow,
    Joining,
    Machine,
    Operation,
    Recipe,
    RecipeRevision,
    Rollout,
    RolloutTarget,
    Schedule,
    Version,
    Worker,
)
from tests import planned
from tests.believable import GB, elsewhere
from tests.payloads import PAYLOADS, RUN, named
from tests.seed import write_disk, write_log

MANY = len(PAYLOADS)


class Hostile:
    """Writes the rows and the files of `root`; `written` has every text by what it begins with."""

    def __init__(self, root: Path) -> None:
        self.written: dict[str, str] = {}
        self.now = timezone.now()
        self.alice = User.objects.create_superuser("alice")
        self.mallory = User.objects.create(username=self.say("user", 150))
        roles.assign(self.mallory, Role.OPERATOR)
        self.token = self._person()
        self.recipe = self._recipe()
        self.machine = self._machine()
        self.versions = [self._version(number) for number in (1, 2, 3)]
        self._history()
        self.operations = self._operations()
        self._kernels()
        self.joinings = self._joinings()
        self.rollout = self._rollout()
        self.schedule, self.window = self._planned()
        self.local = self._local(root)

    def say(self, field: str, longest: int = 500, *, path: bool = False) -> str:
        """Make the next text of a field, in a `path` without what separates names."""
        number = len(self.written)
        self.written[f"§{field}{number}:"] = text = named(number, field, longest, path=path)
        return text

    def _person(self) -> Token:
        _, (token, _) = [
            tokens.issue(user=user, name=self.say("token", 60), role=Role.VIEWER, days=9, by=self.alice)
            for user in (self.alice, self.mallory)
        ]
        audit.record(
            AuditEntry.Kind.SETTINGS,
            self.say("audit"),
            by=self.mallory,
            old=self.say("was", 100),
            new=self.say("is", 100),
        )
        return token

    def _recipe(self) -> Recipe:
        recipe = Recipe.objects.create(name=self.say("recipe", 64, path=True), description=self.say("description"))
        option = {key: json.dumps(self.say(f"option{key}")) for key in ("title", "description")}
        said = "".join(f"# {line}\n" for line in self._printable("comment").split("\n"))
        text = (
            f'{said}name = "x"\n[[environments]]\npath = "a"\ninstaller = "venv"\npackages = ["numpy"]\n'
            f"[options.dev]\ntitle = {option['title']}\ndescription = {option['description']}\n"
        )
        for number, body in enumerate((self.say("text"), self.say("text"), text), 1):
            RecipeRevision.objects.create(
                recipe=recipe, number=number, text=body, note=self.say("revision"), created_by=self.mallory
            )
        return recipe

    def _printable(self, field: str) -> str:
        """Make a text without what TOML takes in no comment."""
        mark = f"§{field}{len(self.written)}:"
        self.written[mark] = text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", self.say(field, path=True))
        return text

    def _machine(self) -> Machine:
        name, root = self.say("machine", 63, path=True), f"/{self.say('root')}"
        names = [self.say("version", 64, path=True) for _ in range(3)]
        problem = {key: self.say(f"problem{key}") for key in ("message", "action")}
        seen = elsewhere(root, names[1], {**problem, "code": "x", "address": f"javascript:{RUN}"})
        for told, found in zip(seen["versions"], names, strict=True):
            told |= {"name": found, "externals": {self.say("external"): [899, 899]}}
            told |= {"warnings": {self.say("warned"): 3}}
        for link in seen["links"]:
            link |= {"path": f"{root}/{self.say('link')}", "target": self.say("target")}
        seen["services"] = [{"name": self.say("service")}]
        made = Machine.objects.create(name=name, root=root, generation=9, observed=seen, observed_at=self.now)
        marks.freeze(machine=made, by=self.mallory, reason=self.say("freeze", 400))
        return made

    def _version(self, number: int) -> Version:
        """Make a version whose packages and kernels are all texts of ours; the first two differ in each."""
        few = MANY if number < 3 else 1
        return Version.objects.create(
            machine=self.machine, name=self.machine.observed["versions"][number - 1]["name"], uuid=uuid4(),
            generation=number, recipe_revision=self.recipe.revisions.latest("number"), files=9, bytes=GB,
            unique_bytes=GB, manifest_digest="0", sealed_at=self.now, note=self.say("note"),
            packages={self.say("environment"): {self.say("package"): self.say("number") for _ in range(few)}},
            kernelspecs=[self._spec() for _ in range(few)], lockfile=self.say("lock"), options=[self.say("chosen")],
        )  # fmt: skip

    def _spec(self) -> dict[str, Any]:
        fields = {"display_name": 200, "language": 60, "environment": 100}
        told = {field: self.say(field.partition("_")[0], longest) for field, longest in fields.items()}
        return {"name": self.say("kernel", 255, path=True), **told}

    def _history(self) -> None:
        for days, version in zip((9, 5), self.versions, strict=False):
            activations.activate(
                self.machine, version, at=self.now - timedelta(days=days), activated_by=self.mallory,
                reason=self.say("because"), healthy=True,
            )  # fmt: skip
        marks.mark_bad(version=self.versions[2], by=self.mallory, reason=self.say("bad", 400))
        for kind in Event.Kind.values:
            Event.objects.create(machine=self.machine, kind=kind, text=self.say("event", 1000), by=self.mallory)

    def _operations(self) -> list[Operation]:
        changes = {self.say("path"): {"changed": {self.say("changed"): [self.say("old"), self.say("new")]},
                                      "added": {self.say("added"): self.say("with")}, "removed": {}}}  # fmt: skip
        told = {"changes": changes, "against": self.say("against")}
        kinds = {"verify": "failed", "kernel-check": "cancelled", "build": "running", "revert": "interrupted"}
        made = [self._operation("solve", "succeeded", outcome=told)]
        made += [self._operation(kind, state, parent=made[0], retry_of=made[0]) for kind, state in kinds.items()]
        for operation in made:
            write_log(operation, 3)
        return made

    def _operation(self, kind: str, state: str, **fields: Any) -> Operation:
        ended = {} if state == "running" else {"finished_at": self.now}
        steps = [
            {"name": "x", "title": self.say("step"), "state": "failed", "started": 1.0, "finished": 2.0, "line": 1},
            {"name": "y", "title": self.say("step"), "state": "running", "started": 1.0, "finished": None,
             "progress": {"done": 1, "total": 2, "unit": self.say("unit", 60)}},
        ]  # fmt: skip
        return Operation.objects.create(
            machine=self.machine, kind=kind, lane="build" if kind == "build" else "live", state=state, steps=steps,
            parameters={"version": self.say("of", 64, path=True), "recipe": self.recipe.name, "options": ["dev"]},
            message=self.say("message"), reason=self.say("reason"), requested_by=self.mallory, started_at=self.now,
            heartbeat_at=self.now + timedelta(days=1), cancel_requested_at=self.now,
            cancel_requested_by=self.mallory, **ended, **fields,
        )  # fmt: skip

    def _joinings(self) -> list[Joining]:
        """Let a machine wait that is called so, and another tell such things of itself."""
        words = ("host", "kernel", "distribution", "python", "rsync", "bubblewrap")
        facts = {word: self.say(f"fact{word}", 100) for word in words}
        told = {"facts": facts, "version": self.say("program", 60), "heard_at": self.now}
        Worker.objects.create(machine=self.machine, lane="live", **told)
        asked = [(self.machine, {"used_at": self.now, "used_from": self.say("from", 45)}), (None, {})]
        return [
            Joining.objects.create(
                name=self.say("joins", 63, path=True), root=f"/{self.say('joinsat')}", owner=self.say("joinsas", 65),
                machine=machine, prefix=str(number), digest="0", created_by=self.mallory,
                expires_at=self.now + timedelta(days=1), **used,
            )
            for number, (machine, used) in enumerate(asked)
        ]  # fmt: skip

    def _rollout(self) -> Rollout:
        """Let a rollout be stopped that is called so."""
        version = self.say("rolled", 64, path=True)
        made = Rollout.objects.create(
            kind="deploy", version=version, state="stopped", reason=self.say("rolledwhy"),
            message=self.say("rolledmessage"), requested_by=self.mallory,
        )  # fmt: skip
        RolloutTarget.objects.create(
            rollout=made, machine=self.machine, order=0, batch=0, version=version, state="failed",
            message=self.say("rolledthere", 250),
        )  # fmt: skip
        return made

    def _planned(self) -> tuple[Schedule, FreezeWindow]:
        """Let a schedule and a freeze window be called so."""
        asked = {"reason": self.say("planwhy", 300), "stopped": self.say("planstopped")}
        made = planned.schedule(self.machine, self.mallory, self.say("plan", 60), **asked)
        planned.runs(made, skipped=self.say("planskipped", 250), refused=self.say("planrefused", 250))
        began, gone = -timedelta(hours=1), -timedelta(days=5)
        planned.window(self.machine, self.say("wasfrozen", 60), begins=gone)
        why = self.say("windowwhy")
        return made, planned.window(self.machine, self.say("window", 60), begins=began, reason=why)

    def _kernels(self) -> None:
        active = self.versions[1]
        seen = [self._starting(self._seen(spec)) for spec in active.kernelspecs[:3]]
        Inventory.objects.create(
            machine=self.machine, version=active.name, live=True, taken_at=self.now, kernels=seen,
            library=[self._seen({**spec, "display_name": self.say("shelf")}) for spec in active.kernelspecs[3:5]],
        )  # fmt: skip
        for spec in active.kernelspecs[:3]:
            KernelCheck.objects.create(
                machine=self.machine, version=active.name, name=spec["name"], environment=spec["environment"],
                depth="launch", state="failed", code=self.say("code", 40), reason=self.say("died"),
                output=self.say("output"), checked_at=self.now,
            )  # fmt: skip

    def _seen(self, spec: dict[str, Any]) -> dict[str, Any]:
        finding = {key: self.say(f"finding{key}", 100) for key in ("code", "message")}
        return {
            **spec, "argv": ["x"], "env": {}, "uid": 899, "source": "external", "library": "differs", "pinned": False,
            "wins": True, "shadowed_by": "", "state": "failed", "code": "x", "directory": "/x", "interpreter": "",
            "interpreter_version": "", "interpreter_environment": "", "logos": [], "packages": {},
            "findings": [{**finding, "severity": "error", "field": "x"}],
        }  # fmt: skip

    def _starting(self, kernel: dict[str, Any]) -> dict[str, Any]:
        """Add what only the page of a machine's kernels shows of one."""
        said = {key: self.say(key.replace("_", "")) for key in ("interpreter", "interpreter_version")}
        return {**kernel, **said, "logos": [self.say("logo")], "packages": {self.say("within"): self.say("which")}}

    def _local(self, root: Path) -> Machine:
        """Make a machine whose files have such names and say such things."""
        write_disk(root)
        machine = Machine.objects.create(name=settings.DLSTACK.machine, root=str(root), public_releases=True)
        layout = Layout(root)
        live = layout.resident("2026-11-20") / "anaconda3"
        spec = {"argv": [self.say("word"), "{connection_file}"], "language": self.say("tongue", 60)}
        shelf, kernels = layout.kernel_specs, live / "share/jupyter/kernels"
        for directory in (shelf / "sky", shelf / self._file("onshelf"), kernels / self._file("inlive")):
            directory.mkdir(parents=True)
            (directory / "kernel.json").write_text(json.dumps({**spec, "display_name": self.say("shown", 200)}))
        known = place_of_packages(live)
        known.mkdir(parents=True)
        name, number = self.say("installed", path=True), self.say("release", path=True)
        (known / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")
        (live / self._file("added")).mkdir()
        observation.refresh(machine)
        for action in LibraryEdit.Action.values:
            LibraryEdit.objects.create(
                machine=machine, kernel="sky", action=action, edited_by=self.mallory,
                before=self.say("before", path=True), after=self.say("after", path=True),
            )  # fmt: skip
        return machine

    def _file(self, field: str) -> str:
        return self.say(field, 80, path=True)


def place_of_packages(environment: Path) -> Path:
    return environment / "lib/python3.11/site-packages/strange-1.dist-info"
