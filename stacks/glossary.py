"""What each word means, in one sentence: the words of the design, and no others."""

from __future__ import annotations

WORDS = {
    "machine": "A notebook server with one root, served by workers of its own.",
    "root": "The directory, such as /data0, under which everything of a machine lies.",
    "live path": "Where every user, kernelspec and script finds the software, such as /data0/sw; always a symlink.",
    "ramdisk": "The tmpfs at sw.tmpfs, from which many users import at once; it is empty after a reboot.",
    "backing link": "The symlink sw.hdd: it names the version on disk that comes back after a reboot.",
    "version": "A complete software tree on disk, in the directory sw.NAME; once sealed it is never edited again.",
    "environment": "A complete conda or venv tree inside a version; each kernel has one.",
    "external environment": "An environment that another group owns and updates; it is carried over, never changed.",
    "prefix": "The path baked into the files of an environment: the one below the live path, not where it is stored.",
    "recipe": "What is asked for: environments with their packages, and options; each change is a revision of its own.",
    "lockfile": "What a build resolved a recipe to: every package with its exact version.",
    "manifest": "What was found installed: packages, and every file with its size, owner and digest.",
    "sealed": "Complete, described and never edited again; only such a version can be deployed.",
    "resident": "A version whose tree is in the ramdisk; making it active is one rename.",
    "active": "The version that the live path leads to now.",
    "kernelspec": "What a notebook needs to know to start a kernel: its command, name and language.",
    "installer": "What fills an environment: conda, venv, or a script of your own.",
    "sandbox": "A build sees its tree at the live path while everybody else keeps the version they have.",
    "operation": "One requested change of a machine; it has steps and a log.",
    "lane": "Builds and live changes have one queue each, so that a revert never waits behind a build.",
    "deploy": "Copy a version into the ramdisk, verify the copy and make it active.",
    "revert": "Put an earlier version back that was active and healthy.",
    "undo": "What DLStack does by itself when a step fails: it takes back what the operation had begun.",
    "backup": "Keep what users changed in the active tree as a version on disk.",
    "restore": "Fill the ramdisk again from disk, as after a reboot.",
    "drift": "How the active tree differs from the version as it was sealed.",
    "prune": "Delete old versions that nothing needs; active, backing, pinned and used ones stay.",
}
