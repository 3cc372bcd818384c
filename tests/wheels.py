"""A package index in a directory: real wheels, made in milliseconds, in the layout of PEP 503."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType


@dataclass
class Index:
    """A local index; `add` makes a wheel of one module, `url` is what a recipe names."""

    place: Path
    names: dict[str, list[str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.place.as_uri()

    def add(
        self, name: str, version: str, source: str,
        *, script: str = "", requires: tuple[str, ...] = (), more: Mapping[str, str] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        """Add a wheel whose module holds `source`; `script` makes a console script of that name that calls main().

        `more` are further files by their paths.
        """
        directory = self.place / name
        directory.mkdir(parents=True, exist_ok=True)
        module = name.replace("-", "_")
        file = f"{module}-{version}-py3-none-any.whl"
        info = f"{module}-{version}.dist-info"
        needs = "".join(f"Requires-Dist: {item}\n" for item in requires)
        files = {
            f"{module}/__init__.py": source,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            **more,
        }
        if script:
            files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{script} = {module}:main\n"
        files[f"{info}/RECORD"] = _record(files, info)
        with zipfile.ZipFile(directory / file, "w") as wheel:
            for path, content in files.items():
                wheel.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), content)
        self.names.setdefault(name, []).append(file)
        links = "".join(f'<a href="{item}">{item}</a>\n' for item in self.names[name])
        (directory / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")


def _record(files: dict[str, str], info: str) -> str:
    lines = [f"{path},sha256={_hash(content)},{len(content.encode())}" for path, content in files.items()]
    return "\n".join([*lines, f"{info}/RECORD,,", ""])


def _hash(content: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()


def tiny_index(place: Path) -> Index:
    """Make the index of the small stack that tests build: two tiny packages, one of them in two versions."""
    index = Index(place)
    index.add("tiny-sky", "1.0", 'NAME = "sky 1.0"\n\ndef main():\n    print(NAME)\n', script="tiny-sky")
    index.add("tiny-sky", "2.0", 'NAME = "sky 2.0"\n\ndef main():\n    print(NAME)\n', script="tiny-sky")
    index.add(
        "tiny-star", "1.0", f"import tiny_sky\n\nSTAR = 42\nCATALOGUE = {'*' * 200_000!r}\n", requires=("tiny-sky",)
    )
    return index


def tiny_recipe(index: Index, *packages: str, name: str = "tiny") -> str:
    """Spell the recipe of that small stack."""
    listed = ", ".join(f'"{package}"' for package in packages or ("tiny-star", "tiny-sky==1.0"))
    return f"""name = "{name}"
description = "Two tiny packages."

[[environments]]
path = "anaconda3"
installer = "venv"
packages = [{listed}]
index = "{index.url}"
jupyter = true

[[environments.kernelspecs]]
name = "tiny"
display_name = "Tiny Python"
required = false
"""
