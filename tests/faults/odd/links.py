"""Thirty shapes of symlinks, and where each leads as seen from the live path."""

from __future__ import annotations

from pathlib import Path

# {live} is the live path, {outside} a directory beside the root, {other} another version's name.
INSIDE = {
    "plain": "lib/m1", "./dotted": "./lib/m1", "lib/up": "../file", "lib/deep/upper": "../../file",
    "to-directory": "lib", "slashed": "lib/", "itself-dir": ".", "lib/parent": "..", "absolute": "{live}/lib/m1",
    "absolute-top": "{live}", "winding": "lib/deep/../../lib/./m1", "twice": "plain", "through-link": "to-directory/m1",
    "lib/odd\nname": "../file", "doubled": "lib//m1",
}  # fmt: skip
DANGLING = {
    "gone": "nowhere", "lib/gone": "deep/nowhere", "gone-absolute": "{live}/nowhere", "gone-outside": "/no/such/place",
    "loop": "loop", "loop-one": "loop-two", "loop-two": "loop-one", "below-a-file": "lib/m1/below",
    "long": "n" * 250, "far": "d/" * 1500 + "x", "broken-chain": "gone",
}  # fmt: skip
OUTWARD = {
    "etc": "/etc/passwd", "root": "/", "climbing": "../../../../../../../../..", "beside": "{outside}/secret",
    "lib/python": "/usr/bin/env", "other-version": "../sw.{other}/file", "into-a-process": "/proc/self/root/etc",
    "out-and-in": "../sw/lib/m1",
}  # fmt: skip
SHAPES = {**INSIDE, **DANGLING, **OUTWARD}


def make(tree: Path, shapes: dict[str, str], **words: object) -> dict[str, str]:
    """Make symlinks below a tree; gives what each says, by its path."""
    spelled = {str(Path(name)): target.format(**words) for name, target in shapes.items()}
    for name, target in spelled.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).symlink_to(target)
    return spelled
