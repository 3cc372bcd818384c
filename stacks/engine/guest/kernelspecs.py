"""Put kernelspecs into an environment, and give those that name a bare interpreter the full path of its own.

Called as: python -I kernelspecs.py ORDERS, a JSON file {"prefix": the environment's, "place": where it lies now,
"write": [{"name", "display_name", "language"}], "copy": directory or ""}; prints each kernelspec found in the end as
one JSON line.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

LARGEST = 1024 * 1024  # bytes of a file in a kernelspec directory


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
    argv = [str(prefix / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec: dict[str, Any] = {"argv": argv, "display_name": wanted["display_name"], "language": wanted["language"]}
    spec["metadata"] = {"debugger": True}
    replace(directory / "kernel.json", dump(spec))


def settle(file: Path, prefix: Path, place: Path) -> dict[str, str]:
    """Give a kernelspec whose program is a bare name the program of its own environment; describe it."""
    spec = json.loads(file.read_text("utf-8"))
    program = Path("bin", str(spec["argv"][0]))
    if os.sep not in spec["argv"][0] and (place / program).exists():
        spec["argv"][0] = str(prefix / program)
        replace(file, dump(spec))
    return {
        "name": file.parent.name,
        "display_name": spec.get("display_name", ""),
        "language": spec.get("language", ""),
    }


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
