"""A real conda channel on disk: Python as it runs these tests, link scripts, prefixes in text and binary, noarch."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PLACEHOLDER = "/opt/" + "placehold_" * 24  # as long as those that conda-build writes
PYTHON = ".".join(map(str, sys.version_info[:3]))
MINOR = ".".join(map(str, sys.version_info[:2]))
_FORM = "3"  # raise it when what the packages hold changes
_LEFT_OUT = {"__pycache__", "test", "tests", "idlelib", "turtledemo", "ensurepip", "site-packages", "dist-packages"}


@dataclass
class Package:
    """A package to be packed: `files` by path, executable where the path begins with bin/."""

    name: str
    version: str = "1.0"
    files: dict[str, bytes | Path] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    depends: list[str] = field(default_factory=list)
    noarch: str = ""
    link: dict[str, Any] = field(default_factory=dict)

    @property
    def subdir(self) -> str:
        """The part of the channel that it lies in."""
        return "noarch" if self.noarch else "linux-64"

    @property
    def index(self) -> dict[str, Any]:
        """The package's info/index.json."""
        known: dict[str, Any] = {"name": self.name, "version": self.version, "build": "0", "build_number": 0}
        known |= {"depends": self.depends, "subdir": self.subdir, "timestamp": 1_700_000_000_000}
        return known | ({"noarch": self.noarch} if self.noarch else {"arch": "x86_64", "platform": "linux"})


def cached(config: pytest.Config) -> Path:
    """Give the channel, made once for this Python and kept with pytest's cache."""
    place = Path(config.cache.mkdir(f"channel-{PYTHON}-{_FORM}")) if config.cache else None
    if place is None:
        raise RuntimeError("pytest's cache is needed")
    if not (place / "ready").exists():
        write(place, [python(), prefixed(), greeter(), tables()])
        (place / "ready").touch()
    return place


def write(channel: Path, packages: list[Package]) -> None:
    """Pack packages, and write the repodata.json of both parts."""
    for subdir in ("linux-64", "noarch"):
        (channel / subdir).mkdir(parents=True, exist_ok=True)
        own = [package for package in packages if package.subdir == subdir]
        known = {f"{item.name}-{item.version}-0.tar.bz2": pack(item, channel / subdir) for item in own}
        repodata = {"info": {"subdir": subdir}, "packages": known, "packages.conda": {}, "repodata_version": 1}
        (channel / subdir / "repodata.json").write_text(json.dumps(repodata))


def pack(package: Package, directory: Path) -> dict[str, Any]:
    """Write one package; gives back its line of the repodata."""
    archive = directory / f"{package.name}-{package.version}-0.tar.bz2"
    with tarfile.open(archive, "w:bz2", compresslevel=1) as tar:
        paths = [_add(tar, name, content) for name, content in sorted(package.files.items())]
        paths += [_link(tar, name, target) for name, target in sorted(package.links.items())]
        info: dict[str, Any] = {"index.json": package.index, "paths.json": {"paths": paths, "paths_version": 1}}
        if package.link:
            info["link.json"] = package.link
        for name, value in info.items():
            _put(tar, f"info/{name}", json.dumps(value).encode())
        _put(tar, "info/files", "".join(f"{path['_path']}\n" for path in paths).encode())
    data = archive.read_bytes()
    digests = {"md5": hashlib.md5(data, usedforsecurity=False).hexdigest(), "sha256": hashlib.sha256(data).hexdigest()}
    return package.index | digests | {"size": len(data)}


def _add(tar: tarfile.TarFile, name: str, content: bytes | Path) -> dict[str, Any]:
    data = content.read_bytes() if isinstance(content, Path) else content
    executable = os.access(content, os.X_OK) if isinstance(content, Path) else name.startswith("bin/")
    _put(tar, name, data, 0o755 if executable else 0o644)
    entry: dict[str, Any] = {"_path": name, "path_type": "hardlink", "size_in_bytes": len(data)}
    entry["sha256"] = hashlib.sha256(data).hexdigest()
    placeholder = next((text for text in (PLACEHOLDER, sys.base_prefix) if text.encode() in data), "")
    binary = b"\0" in data
    # The real interpreter's own prefix is shorter than a placeholder: in its binaries it must stay.
    if placeholder == PLACEHOLDER or (placeholder and not binary and sys.base_prefix != "/usr"):
        entry |= {"prefix_placeholder": placeholder, "file_mode": "binary" if binary else "text"}
    return entry


def _link(tar: tarfile.TarFile, name: str, target: str) -> dict[str, Any]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mtime = tarfile.SYMTYPE, target, 1_700_000_000
    tar.addfile(member)
    return {"_path": name, "path_type": "softlink", "size_in_bytes": 0}


def _put(tar: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(data), mode, 1_700_000_000
    tar.addfile(member, io.BytesIO(data))


def python() -> Package:
    """The interpreter that runs this, its standard library and, where it has one, its shared library."""
    library = Path(sysconfig.get_path("stdlib"))
    files: dict[str, bytes | Path] = {f"lib/python{MINOR}/{name}": file for name, file in _library(library)}
    files[f"lib/python{MINOR}/site-packages/README.txt"] = b"Packages go here.\n"
    links = {"bin/python": f"python{MINOR}", "bin/python3": f"python{MINOR}"}
    for shared in Path(sys.base_prefix, "lib").glob(f"libpython{MINOR}.so*"):
        if shared.is_symlink():
            links[f"lib/{shared.name}"] = os.readlink(shared)
        else:
            files[f"lib/{shared.name}"] = _relocated(shared)
    files[f"bin/python{MINOR}"] = _relocated(Path(sys.base_prefix, "bin", f"python{MINOR}"))
    _undo_debian(library, files, links)
    return Package("python", PYTHON, files, links)


def _undo_debian(library: Path, files: dict[str, bytes | Path], links: dict[str, str]) -> None:
    """Make Debian's own Python install and look where any other does; its site.py is frozen into the program."""
    schemes = (library / "sysconfig.py").read_bytes() if (library / "sysconfig.py").is_file() else b""
    if b"prefix_scheme = 'posix_local'" in schemes:
        usual = schemes.replace(b"prefix_scheme = 'posix_local'", b"prefix_scheme = 'posix_prefix'")
        files[f"lib/python{MINOR}/sysconfig.py"] = usual
        files.pop(f"lib/python{MINOR}/_distutils_system_mod.py", None)
        links[f"lib/python{MINOR}/dist-packages"] = "site-packages"


def _relocated(program: Path) -> bytes:
    """Make a program look for its shared library beside itself, as conda's does."""
    own = f"{sys.base_prefix}/lib".encode()
    beside = b"$ORIGIN/../lib"
    return program.read_bytes().replace(own + b"\0", beside.ljust(len(own), b"\0") + b"\0")


def _library(library: Path) -> Iterator[tuple[str, Path]]:
    for directory, below, files in os.walk(library):
        below[:] = [name for name in below if name not in _LEFT_OUT and not name.startswith("config-")]
        for name in files:
            file = Path(directory, name)
            if not file.is_symlink():
                yield str(file.relative_to(library)), file


def prefixed() -> Package:
    """A package with its prefix in a script, in a binary and in what its link script writes."""
    script = f"#!{PLACEHOLDER}/bin/python\nprint('{PLACEHOLDER}/share')\n"
    binary = b"\x7fBIN\0" + f"{PLACEHOLDER}/lib/prefixed\0".encode() + b"after\0"
    linked = '#!/bin/sh\necho "linked at $PREFIX" > "$PREFIX/share/linked.txt"\n'
    files: dict[str, bytes | Path] = {
        "bin/prefixed": script.encode(),
        "share/prefixed.bin": binary,
        "share/plain.txt": b"no prefix here\n",
        "bin/.prefixed-post-link.sh": linked.encode(),
    }
    return Package("prefixed", "2.1", files, depends=[f"python {MINOR}.*"])


def greeter() -> Package:
    """A noarch Python package with an entry point and what pip needs to see that it is there."""
    info = "site-packages/greeter-1.4.dist-info"
    files: dict[str, bytes | Path] = {
        "site-packages/greeter/__init__.py": b"def main():\n    print('hello from greeter')\n",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: greeter\nVersion: 1.4\n",
        f"{info}/RECORD": b"greeter/__init__.py,,\n",
        f"{info}/INSTALLER": b"conda\n",
    }
    link = {"noarch": {"type": "python", "entry_points": ["greet = greeter:main"]}, "package_metadata_version": 1}
    return Package("greeter", "1.4", files, depends=["python >=3.9", "tables-data"], noarch="python", link=link)


def tables() -> Package:
    """A noarch package that has nothing to do with Python."""
    return Package("tables-data", "0.3", {"share/tables/a.csv": b"1,2\n"}, noarch="generic")
