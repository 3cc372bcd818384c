"""The mutants: one safeguard taken away each, and the tests that must then fail (faults N19)."""

from __future__ import annotations

from dataclasses import dataclass

ENGINE = "stacks/engine/"


@dataclass(frozen=True)
class Mutant:
    """`old`, which stands once in `file`, becomes `new`; `tests` are what pytest is given."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def engine(name: str, module: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(name, f"{ENGINE}{module}.py", old, new, tests)


ORDER = "tests/faults/test_order.py"
MUTANTS = (
    engine("syncfs of the tree removed", "links", "    durable.sync_filesystem(tree)\n    _replace", "    _replace", ORDER),
    engine(
        "fsync of the directory removed", "links",
        "    _replace(link, to)\n    durable.sync_directory(link.parent)\n    if (found := target(link)) != to:\n"
        "        raise Failed(f\"{link} was set to",
        "    _replace(link, to)\n    if (found := target(link)) != to:\n        raise Failed(f\"{link} was set to", ORDER,
    ),
    engine(
        "unlink and symlink instead of rename", "links", "        os.rename(aside, link)\n",
        "        link.unlink(missing_ok=True)\n        os.symlink(to, link)\n        os.unlink(aside)\n",
        "tests/engine/test_links.py", ORDER,
    ),
    engine("link not read back", "links", "    if (found := target(link)) != to:\n        raise Failed(f\"{link} was set to",
           "    if (found := to) != to:\n        raise Failed(f\"{link} was set to", "tests/engine/test_links.py"),
    engine("intent not flushed", "durable", "            os.fsync(file.fileno())\n", "", ORDER),
    engine("files written in place", "durable", "    aside = temporary_name(path)\n    descriptor",
           "    aside = path\n    path.unlink(missing_ok=True)\n    descriptor", ORDER, "tests/engine/test_journal.py"),
    engine("history not flushed", "journal", "            os.fsync(descriptor)\n", "", ORDER),
    engine("rsync in place", "trees", '"-aHAXS", "--numeric-ids"', '"-aHAXS", "--inplace", "--numeric-ids"',
           "tests/engine/test_in_place.py", "tests/engine/test_trees.py"),
    engine("rsync by the quick check", "inplace", '"--checksum", _deletion(', "_deletion(",
           "tests/engine/test_restore.py", "tests/engine/test_in_place.py"),
    engine("owners not kept", "foreign", "        os.fchown(made, status.st_uid, status.st_gid)", "        pass",
           "tests/engine/test_externals.py"),
    engine("what was linked is not looked for", "manifest", "        elif linked.get(found.path) == found.inode:",
           "        elif found.path in linked:", "tests/engine/test_trees.py"),
    engine("written through a planted directory", "transfer",
           "            here = opened.enter_context(_opened(target, directory))\n            for",
           "            here = os.open(target / directory, os.O_RDONLY)\n            for", "tests/engine/test_transfer.py"),
    engine("a copy of another manifest", "copying", "if digest != description.manifest or content.digest != digest:",
           "if False:", "tests/copying/test_copy.py"),
    engine("addresses by match", "remote", "bool(_HOST.fullmatch(host))", "bool(_HOST.match(host))",
           "tests/copying/test_addresses.py"),
    engine("copies sealed unread", "copying", "        porter.advance(read, total, \"bytes\")\n        return True\n",
           "        porter.advance(read, total, \"bytes\")\n        return False\n", "tests/copying/test_copy.py"),
    engine("holes filled", "foreign", "        pour(source, made, status.st_size)\n",
           "        os.posix_fallocate(made, 0, status.st_size or 1)\n        pour(source, made, status.st_size)\n",
           "tests/faults/odd/test_specials.py"),
    engine("directories told by the listing", "walking", "        return stat.S_ISDIR(found.status().st_mode)",
           "        return found.entry.is_dir(follow_symlinks=False)", "tests/faults/owners/test_reading.py"),
    engine("written through what was met as a link", "foreign", "        if goal.parent not in self._made:",
           "        if False:", "tests/faults/owners/test_reading.py"),
    engine("backup trusts any mount", "drift",
           "    if not mounts.is_tmpfs(layout.ramdisk):", "    if False:", "tests/engine/test_backup.py"),
    engine("backup trusts any tree", "drift",
           "    if versions.identity(resident.place(layout, name)) != description.identity:", "    if False:",
           "tests/engine/test_backup.py"),
    engine("backup of a shrunken tree", "drift", "ENOUGH = 0.95", "ENOUGH = 0.0", "tests/engine/test_backup.py"),
    engine("copies not verified", "trees", "    if found:\n        more =", "    if False:\n        more =",
           "tests/engine/test_trees.py"),
    engine("hard links without a look at the file", "trees", "        if not manifest.agrees(entry, status):",
           "        if False:", "tests/engine/test_trees.py"),
    engine("directories finished through symlinks", "trees",
           "        if stat.S_ISDIR(os.lstat(path).st_mode):\n            _own(path, entry.uid, entry.gid)",
           "        if True:\n            os.chown(path, entry.uid, entry.gid)", "tests/engine/test_externals.py",
           "tests/engine/test_trees.py"),
    engine("removal follows a planted symlink", "trees",
           "    if trash.is_symlink() or not trash.is_dir():", "    if not trash.is_dir():", "tests/engine/test_trees.py"),
    engine("discard of a symlink", "trees", "    if not stat.S_ISDIR(status.st_mode):\n        raise Refused(f\"{tree} is not a directory: it", "    if False:\n        raise Refused(f\"{tree} is not a directory: it",
           "tests/engine/test_trees.py"),
    engine("what must stay can be removed", "removal",
           "    if reason := protected(layout).get(name):", "    if reason := \"\":", "tests/engine/test_removal.py"),
    engine("a tree in use is dropped", "removal", "    if users:\n", "    if False:\n", "tests/engine/test_removal.py"),
    engine("external environments are shared", "resident",
           "    return externals.without(versions.tree(layout, description.name).manifest, description.externals)",
           "    return versions.tree(layout, description.name).manifest", "tests/engine/test_externals.py"),
    engine("external environments are deleted in place", "inplace",
           'for name in (*description.externals, ".dlstack", IDENTITY)]', 'for name in (".dlstack", IDENTITY)]',
           "tests/engine/test_in_place.py", "tests/engine/test_externals.py"),
    engine("half-made trees are let in", "resident", "    trees.verify(tree, hashed, apart=description.externals, linked=cloned.linked)", "    return",
           "tests/engine/test_deploy.py"),
    engine("the lane's lock is not inherited", "process", "            pass_fds=command.pass_fds,\n", "",
           "tests/engine/test_process.py"),
    engine("children outlive the worker", "process", "[*with_parent(), *command.argv]",
           "[*command.argv]", "tests/engine/test_process.py"),
    engine("the group is left alone", "process", "            os.killpg(process.pid, name)", "            os.kill(process.pid, name)",
           "tests/engine/test_process.py"),
    engine("no process namespace", "sandbox", '"--new-session", "--unshare-pid", ', '"--new-session", ', "tests/engine/test_sandbox.py"),
    engine("guests keep their rights", "sandbox", '    return ["setpriv", *identity, *nothing, "--"]',
           '    return ["setpriv", *identity, "--"]', "tests/engine/test_sandbox.py"),
    engine("addresses are not judged", "gate", "        if problem := self._sources.reach_problem(host, port, addresses):",
           '        if problem := "":', "tests/engine/test_gate.py"),
    engine("guests share the network", "sandbox", "        return not self.network and parts_network()", "        return False",
           "tests/engine/test_gate.py"),
    engine("guests hold the lane's lock", "sandbox", 'for word in ("--sync-fd", str(descriptor))]', 'for word in ()]',
           "tests/engine/test_sandbox.py"),
    engine("what guests take is not looked at", "process", "        command.look(pid, command.program)\n", "",
           "tests/engine/test_process.py"),
    engine("secrets are seen across reads", "masks", "        self._held = data[end:]\n", '        self._held = b""\n        self._give(data[end:])\n',
           "tests/engine/test_masks.py"),
    engine("secrets that others can read", "vault", "status.st_mode & 0o037", "status.st_mode & 0", "tests/engine/test_vault.py"),
    engine("a tree with a secret is sealed", "seal", "        if self._holding:\n", "        if False:\n", "tests/engine/test_hosting.py"),
    engine("sealed files stay links of caches", "parting", "    outside = [entries for inode, entries in linked.items() if links[inode] > len(entries)]",
           "    outside: list[list[Entry]] = []", "tests/engine/test_parting.py"),
    engine("names by match", "layout", "    if not _NAME.fullmatch(stem):", "    if not _NAME.match(stem):",
           "tests/engine/test_layout.py"),
    engine("reserved names allowed", "layout", "    if stem in _RESERVED:", "    if False:", "tests/engine/test_layout.py"),
    engine("recovery does nothing", "recovery", "    outcome = work(layout, intent)\n", '    outcome = "nothing"\n',
           "tests/engine/test_recovery.py"),
    engine("what is on its way down is taken for what runs", "services",
           "            if _wait(lambda service=service: not service.is_running(), deadline):  # type: ignore[misc]",
           "            if not service.is_running():", "tests/engine/test_pausing.py"),
    Mutant("a stop outlives the lock", "stacks/plans/pausing.py", ", lock_fds=context.lock_fds)", ")",
           ("tests/engine/test_pausing.py",)),
    engine("what packages compiled is kept", "compiling", "    bytecode.clear(tree, environment.path)\n", "", "tests/engine/test_bytecode.py"),
    engine("compiled files are taken for another source", "bytecode", "digest == source.digest and ", "", "tests/engine/test_bytecode.py"),
    engine("compiled files of any version are taken", "compiling", " if one.bytecode.get(environment.path) == mark}", "}",
           "tests/engine/test_bytecode.py"),
    Mutant("claim without condition", "stacks/operations/lifecycle.py",
           "    if _of(operation_id, State.QUEUED).update(**began) == 1:",
           "    if Operation.objects.filter(pk=operation_id).update(**began) == 1:", ("tests/stacks/test_lifecycle.py",)),
    Mutant("outcome without condition", "stacks/operations/lifecycle.py",
           "    rows = _of(operation_id, State.RUNNING)\n    if last_heard",
           "    rows = Operation.objects.filter(pk=operation_id)\n    if last_heard",
           ("tests/stacks/test_running.py", "tests/stacks/test_lifecycle.py")),
    Mutant("the bell is rung before the commit", "stacks/operations/submission.py", "transaction.on_commit(partial(doorbell.ring, operation))", "doorbell.ring(operation)",
           ("tests/stacks/test_submission.py",)),
    Mutant("log lines are not escaped", "stacks/ansi.py", "mark_safe(escape(strip(text)))", "mark_safe(strip(text))",
           ("tests/stacks/test_ansi.py",)),
    Mutant("everybody may change", "access/http.py", "    if not request.user.has_perm(right):", "    if False:",
           ("tests/stacks/views/test_action.py",)),
    Mutant("rights are not asked for again", "stacks/operations/guards.py",
           "    if not now.has_perm(right):", "    if False:", ("tests/access",)),
)  # fmt: skip
