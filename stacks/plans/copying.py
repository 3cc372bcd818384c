"""The plan of a copy: a version that another machine has sealed is sealed here too, under the same identity."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from stacks.engine import build, copying, externals, journal, remote, reserve, room, seal, sizes, versions
from stacks.engine.copying import Half
from stacks.engine.errors import CommandFailed, NoRoom, NothingToDo, Refused, VerifyFailed
from stacks.engine.layout import Layout, check_name
from stacks.engine.manifest import Difference, Entry, Manifest
from stacks.engine.remote import Door
from stacks.engine.trees import Porter, Tree
from stacks.engine.versions import Description
from stacks.plans import sealing
from stacks.plans.base import Context, Plan, Step

LANE = "build"
_FILE_IO = 11  # rsync's status where it cannot write: the disk is full, usually


def plan(context: Context) -> Plan:
    """Plan a copy from its parameters; raises Refused for another live path, a name that is taken, or no key.

    `source` and `address` name the machine that gives it, and `there` the version's name on it; before a source was
    chosen they are missing, and the plan can be shown, not carried out.
    """
    layout, asked = context.layout, context.parameters
    name, source = check_name(asked["version"]), asked.get("source") or "another machine"
    check(layout, asked)
    if asked.get("source"):
        context.wire.check()
    work = _Work(asked)
    steps = (
        Step("ask", f"Ask {source}", "Fetches the version's description and manifest.", work.ask, work.undo),
        Step("share", "Share what is here", "Takes from versions here what they hold already.", work.share),
        Step("fetch", f"Fetch the rest from {source}", "Through rsync and ssh; nothing there is changed.", work.fetch),
        Step("verify", "Verify the copy", "Reads every file and compares it with the manifest.", work.verify),
        Step("seal", "Seal the version", f"Names it {layout.version(name).name}.", work.seal),
    )
    return Plan("copy", f"Copies “{name}” from {source}. What users run is not touched.", steps)


def check(layout: Layout, asked: dict[str, Any]) -> None:
    """Raise Refused when a version cannot be copied to this root: its files name the live path that it is for."""
    name = asked["version"]
    if asked["root"] != str(layout.root):
        raise Refused(
            f"“{name}” was built for {asked['root']}/sw and works nowhere else; the live path here is {layout.live}."
        )
    here = next((item for item in versions.all_sealed(layout).values() if item.manifest == asked["manifest"]), None)
    if here:
        raise NothingToDo(f"“{name}” is sealed here already{f', as “{here.name}”' if here.name != name else ''}.")
    if os.path.lexists(layout.version(name)):
        raise Refused(f"{layout.version(name)} is there already, and is another version: remove it first.")


class _Work:
    """What the steps of one copy share."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self._asked = asked
        self._name = str(asked["version"])
        self._half: Half | None = None
        self._door: Door | None = None
        self._made: tuple[Description, Manifest] | None = None
        self._rest: tuple[Entry, ...] = ()
        self._is_full = False

    def ask(self, context: Context) -> None:
        layout, asked = context.layout, self._asked
        address = remote.parse(asked["address"])
        self._door = Door(asked["source"], address, context.wire, int(asked.get("limit") or 0))
        self._half = copying.half(layout, asked["uuid"])
        begin = {"operation": context.operation, "kind": "copy", "version": self._name, "uuid": asked["uuid"]}
        journal.begin(layout, LANE, **begin)
        self._half.make()
        context.outcome["source"] = asked["source"]
        there = str(asked.get("there") or self._name)
        found, content = copying.describe(self._door, self._half, there, asked["manifest"], _porter(context))
        self._door.moved.files = self._door.moved.bytes = 0  # what describes it is no part of it
        copying.check(found, content, context.owner)
        externals.check_rights(externals.of(found))
        made = replace(found, name=self._name, uuid=asked["uuid"], generation=int(asked["generation"]))
        self._made = made, content
        context.note(f"{content.files} files, {content.bytes / 1e6:.1f} MB.")

    def share(self, context: Context) -> None:
        layout, place, (made, content) = context.layout, self._place, self._described
        with self._watching_room():
            reuse, porter = _reusable(layout), _porter(context)
            found = copying.arrange(content, made.externals, place.tree, reuse, porter)
            needed = room.of_copy(Manifest(found.rest), on_disk=True)
            build.check_room(layout, needed, f"The copy of “{self._name}”")
            self._rest = copying.duplicate(found.rest, place.tree, reuse, porter)
        copied = len(found.rest) - len(self._rest)
        context.outcome |= {"linked": found.linked, "duplicated": copied, "kept": found.kept}
        kept = f", {found.kept} paths are there from an earlier attempt" if found.kept else ""
        here = f"{found.linked} files are shared with versions here, {copied} copied from them"
        context.note(f"{here}{kept}; {len(self._rest)} paths are to come.")

    def fetch(self, context: Context) -> None:
        self._fetch(context, self._rest)

    def _fetch(self, context: Context, wanted: Sequence[Entry]) -> None:
        if self._door is None:
            raise AssertionError("the first step asks")
        total = sum(entry.size for entry in wanted)
        porter = replace(_porter(context), advance=lambda done, _, unit: context.advance(done, max(total, done), unit))
        base = context.layout.version(str(self._asked.get("there") or self._name)).name
        moved = self._door.moved
        try:
            with self._watching_room():
                if wanted:
                    paths = [entry.path for entry in wanted]
                    self._door.fetch(base, paths, self._place.tree, self._place.aside, porter)
        finally:
            counted = {"files": moved.files, "bytes": moved.bytes, "received": moved.received}
            context.outcome["moved"] = counted
        context.note(f"{moved.files} files came, {max(moved.received, moved.bytes) / 1e6:.1f} MB over the network.")

    def verify(self, context: Context) -> None:
        """Compare the copy with its manifest; what differs is fetched once more, and then nothing may differ."""
        _, content = self._described
        tree, porter = self._place.tree, _porter(context)
        found = self._found(context)
        if found:
            self._fetch(context, copying.take_out(found, content, tree, porter))
            found = self._found(context)
        if found:
            copying.take_out(found, content, tree, replace(porter, sink=lambda _: None))
            source = self._asked["source"]
            raise VerifyFailed(
                f"What {source} gave of “{self._name}” is not what was sealed: {found[0]}"
                f"{f' and {len(found) - 1} more' if len(found) > 1 else ''}. Nothing was sealed. Run “dlstack verify "
                f"{self._name} --full --machine {source}”, and copy it from another machine."
            )
        context.note("Every file is as it was sealed.")

    def _found(self, context: Context) -> list[Difference]:
        _, content = self._described
        copying.finish(content, self._place.tree, context.owner)
        return copying.faults(content, self._place.tree, _porter(context))

    def seal(self, context: Context) -> None:
        made, content = self._described
        layout = context.layout
        seal.commit(layout, made, content, tree=self._place.tree)
        if left := self._place.discard():
            context.tell("warning", left)
        measured = sizes.refresh(layout)
        context.outcome |= sealing.told(made, measured)
        own = measured[made.name].unique_bytes
        context.note(f"“{made.name}” is sealed; {own / 1e6:.1f} MB are its own.")
        journal.end(layout, LANE, "succeeded")

    def undo(self, context: Context) -> None:
        """Keep what has come for the next try, unless somebody cancelled or the disk is full."""
        layout, name = context.layout, self._name
        made = versions.sealed(layout, name)
        if made and made.uuid == self._asked["uuid"]:
            context.note(f"“{name}” had been sealed already: it is complete and was kept.")
        elif not os.path.lexists(layout.version(name)):
            versions.forget(layout, name)
            self._leave(context)
        journal.end(layout, LANE, "undone")

    def _leave(self, context: Context) -> None:
        if self._half is None:
            return
        if context.stop.cancelled.is_set() or self._is_full:
            left = self._half.discard()
            context.note(left or "What had come was removed.")
        else:
            context.note("What had come is kept for a week: copy it again, and only the rest is fetched.")

    @contextmanager
    def _watching_room(self) -> Iterator[None]:
        try:
            yield
        except NoRoom:
            self._is_full = True
            raise
        except OSError as error:
            self._is_full = error.errno in reserve.FULL
            raise
        except CommandFailed as error:
            self._is_full = error.status == _FILE_IO
            raise

    @property
    def _place(self) -> Half:
        if self._half is None:
            raise AssertionError("the first step makes it")
        return self._half

    @property
    def _described(self) -> tuple[Description, Manifest]:
        if self._made is None:
            raise AssertionError("the first step asks")
        return self._made


def _porter(context: Context) -> Porter:
    return Porter(context.sink, context.stop, context.lock_fds, context.advance)


def _reusable(layout: Layout) -> list[Tree]:
    """Give the trees whose files a copy may share, without what others own in them (invariant 9)."""
    sealed = versions.all_sealed(layout).values()
    found = [(item, versions.tree(layout, item.name)) for item in sorted(sealed, key=lambda one: -one.generation)]
    return [Tree(tree.path, externals.without(tree.manifest, item.externals)) for item, tree in found]
