"""Put kernelspecs into an environment, make those that are ours start pinned, and describe what is there.

Called as: python -I kernelspecs.py ORDERS, a JSON file {"prefix": the environment's, "place": where it lies now,
"write": [{"name", "display_name", "language"}], "copy": directory or ""}; prints each kernelspec found in the end as
one JSON line.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

LARGEST = 1024 * 1024  # bytes of a file in a kernelspec directory
MARK = "dlstack-pinned"
SHELL = ("/bin/sh", "-c")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# The launcher of a pinned start: arguments are the live path, the names of variables that hold paths, and the command.
# It resolves the live path once and puts the result in its place: in the command's words, in those variables, and in
# the first line of a program that is a script. No {word} stands here: Jupyter would take it for a place to be filled.
LAUNCHER = r"""set -f
_dl_live=$1 _dl_names=$2; shift 2
_dl_real=$(cd -P -- "$_dl_live" 2>/dev/null && pwd -P) || _dl_real=$_dl_live
_dl_moved() {
  case $1 in
    "$_dl_live"|"$_dl_live"/*) _dl_now=$_dl_real${1#"$_dl_live"} ;;
    *="$_dl_live"/*) _dl_now=${1%%="$_dl_live"/*}=$_dl_real/${1#*="$_dl_live"/} ;;
    *) _dl_now=$1 ;;
  esac
}
for _dl_name in $_dl_names; do
  eval "_dl_value=\$$_dl_name" _dl_all=
  IFS=:
  for _dl_part in $_dl_value; do _dl_moved "$_dl_part"; _dl_all=$_dl_all${_dl_all:+:}$_dl_now; done
  unset IFS
  [ -z "$_dl_value" ] || export "$_dl_name=$_dl_all"
done
for _dl_word do
  _dl_moved "$_dl_word"
  shift
  set -- "$@" "$_dl_now"
done
_dl_first=
[ ! -r "$1" ] || IFS= read -r _dl_first <"$1" || :
case $_dl_first in
  "#!$_dl_live"/*)
    _dl_line=${_dl_first#"#!"}
    case $_dl_line in *[[:space:]]*) set -- "${_dl_line#*[[:space:]]}" "$@" ;; esac
    _dl_moved "${_dl_line%%[[:space:]]*}"
    set -- "$_dl_now" "$@" ;;
esac
exec "$@"
"""


def main(orders: dict[str, Any]) -> None:
    """Carry out the orders and print what is there."""
    prefix, place = Path(orders["prefix"]), Path(orders["place"])
    kernels = place / "share" / "jupyter" / "kernels"
    if orders["write"] or orders["copy"]:
        kernels.mkdir(parents=True, exist_ok=True)
    if orders["copy"]:
        copy_all(Path(orders["copy"]), kernels)
    for wanted in orders["write"]:
        write(kernels, prefix, wanted)
    for file in sorted(kernels.glob("*/kernel.json")):
        print(json.dumps(settle(file, prefix, place)))


def copy_all(library: Path, kernels: Path) -> None:
    """Copy each kernelspec of a library over; links and oversized files stay behind."""
    for source in sorted(library.iterdir()):
        if (source / "kernel.json").is_file() and not source.is_symlink():
            target = kernels / source.name
            target.mkdir(exist_ok=True)
            for file in source.iterdir():
                if file.is_file() and not file.is_symlink() and file.stat().st_size <= LARGEST:
                    replace(target / file.name, file.read_bytes())


def write(kernels: Path, prefix: Path, wanted: dict[str, str]) -> None:
    """Write the kernelspec of the environment's own Python; its logos are those that ipykernel brought."""
    directory = kernels / wanted["name"]
    native = kernels / "python3"
    if native.is_dir() and not directory.exists():
        shutil.copytree(native, directory)
    directory.mkdir(exist_ok=True)
    replace(directory / "kernel.json", dump(own(prefix, wanted["display_name"], wanted["language"])))


def own(prefix: Path, display_name: str, language: str) -> dict[str, Any]:
    """Make the kernelspec of an environment's own Python."""
    argv = [str(prefix / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    return {"argv": argv, "display_name": display_name, "language": language, "metadata": {"debugger": True}}


def settle(file: Path, prefix: Path, place: Path) -> dict[str, str]:
    """Give a kernelspec whose program is a bare name the program of its environment, pin its start; describe it."""
    spec = json.loads(file.read_text("utf-8"))
    program = Path("bin", str(spec["argv"][0]))
    own_program = is_bare(spec) and (place / program).exists()
    settled = {**spec, "argv": [str(prefix / program), *spec["argv"][1:]]} if own_program else spec
    settled = pin(settled, prefix.parent)
    if settled != spec:
        replace(file, dump(settled))
    return {
        "name": file.parent.name,
        "display_name": spec.get("display_name", ""),
        "language": spec.get("language", ""),
    }


def is_bare(spec: dict[str, Any]) -> bool:
    """Tell whether a kernelspec's program is a name without a path."""
    return os.sep not in spec["argv"][0]


def pin(spec: dict[str, Any], live: Path) -> dict[str, Any]:
    """Make a kernelspec start on the version that the live path leads to then, and stay on it (design §5).

    One whose program does not lie below the live path, or that is pinned already, is given back as it is.
    """
    argv = spec["argv"]
    if is_pinned(spec) or not argv[0].startswith(f"{live}/"):
        return spec
    env = spec.get("env", {})
    names = ["PATH", *(name for name, value in env.items() if f"{live}/" in value and _VARIABLE.fullmatch(name))]
    listed = " ".join(dict.fromkeys(names))
    return {**spec, "argv": [*SHELL, LAUNCHER, MARK, str(live), listed, *argv]}


def is_pinned(spec: dict[str, Any]) -> bool:
    """Tell whether a kernelspec starts through the launcher."""
    argv = spec.get("argv")
    return isinstance(argv, list) and len(argv) > 6 and argv[:2] == list(SHELL) and argv[3] == MARK


def unpin(spec: dict[str, Any]) -> dict[str, Any]:
    """Give a kernelspec as it was before it was pinned."""
    return {**spec, "argv": spec["argv"][6:]} if is_pinned(spec) else spec


def replace(path: Path, data: bytes) -> None:
    """Write a file anew: its inode may be shared with the package cache, so it is never written in place."""
    aside = path.with_name(f".{path.name}.new")
    aside.write_bytes(data)
    os.replace(aside, path)


def dump(spec: dict[str, Any]) -> bytes:
    """Spell a kernel.json as Jupyter does."""
    return (json.dumps(spec, indent=1) + "\n").encode()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")))
