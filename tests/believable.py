"""Believable packages, versions, status documents, steps and log lines, as plain values."""

from __future__ import annotations

import random
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from stacks.engine.versions import Description

NAMESPACE = UUID("8e8b5c1e-5f0c-4f3a-9c59-6d1b6b0c2d11")
PACKAGES = {
    "astropy": "7.1.0",
    "astroquery": "0.4.10",
    "bokeh": "3.7.3",
    "dask": "2026.9.1",
    "dustmaps": "1.0.13",
    "healpy": "1.18.1",
    "hdbscan": "0.8.40",
    "holoviews": "1.21.0",
    "ipykernel": "6.30.1",
    "ipympl": "0.9.7",
    "jupyterlab": "4.4.7",
    "lightkurve": "2.5.1",
    "matplotlib": "3.10.6",
    "numba": "0.62.0",
    "numpy": "2.3.3",
    "pandas": "2.3.2",
    "photutils": "2.3.0",
    "psycopg2-binary": "2.9.10",
    "pyvo": "1.7.1",
    "regions": "0.10",
    "scikit-learn": "1.7.2",
    "scipy": "1.16.2",
    "speclite": "0.20",
    "specutils": "2.1.0",
    "sparclclient": "1.2.8",
    "sqlalchemy": "2.0.43",
    "xarray": "2026.9.0",
}
NEWER: dict[str, str] = {"astropy": "7.2.0", "numpy": "2.3.5", "jupyterlab": "4.5.0", "dask": "2026.11.0"}
KERNELS = [
    {"name": "python3", "display_name": "Python 3 (astronomy)", "language": "python", "environment": "anaconda3"},
    {"name": "antares", "display_name": "ANTARES", "language": "python", "environment": "antares-kernel"},
]
RECIPE = (
    (Path(__file__).parent.parent / "recipes" / "starter.toml")
    .read_text()
    .replace('name = "starter"', 'name = "datalab"')
)
GB = 10**9


def packages(step: int) -> dict[str, dict[str, str]]:
    """Give the packages of the version number `step`: a few change with each."""
    chosen = {**PACKAGES, **dict(list(NEWER.items())[:step])}
    if step > 1:
        chosen["lsdb"] = "0.6.4"
        del chosen["dustmaps"]
    return {"anaconda3": chosen}


def descriptions() -> list[Description]:
    """Give the descriptions of four versions, the newest last."""
    now = time.time()
    found = []
    for step, (name, days) in enumerate(
        (("2026-10-30", 24), ("2026-11-12", 11), ("2026-11-20", 3), ("2026-11-23", 0.06))
    ):
        found.append(
            Description(
                name=name,
                uuid=str(uuid5(NAMESPACE, name)),
                generation=step + 1,
                sealed_at=now - days * 86400,
                manifest=f"{step:064x}",
                files=41_730 + 19 * step,
                bytes=int((1.08 + 0.012 * step) * GB),
                recipe="datalab",
                revision=3,
                recipe_text=RECIPE,
                packages=packages(step),
                kernelspecs=KERNELS,
                lockfile={
                    "anaconda3": "".join(f"{key}=={value}\n" for key, value in packages(step)["anaconda3"].items())
                },
            )
        )
    return found


def elsewhere(root: str, name: str, *problems: dict[str, str]) -> dict[str, Any]:
    """Give the status document of another machine, whose active version is `name`."""
    older = [asdict(item) for item in descriptions()[:3]]
    listed = [{**item, "sealed": True, "unique_bytes": item["bytes"] // 9} for item in older]
    ramdisk = {"path": f"{root}/sw.tmpfs", "is_tmpfs": True, "bytes_total": 64 * GB, "bytes_used": int(57.1 * GB)}
    links = [
        {"path": f"{root}/sw", "target": f"sw.tmpfs/{name}", "resolves": f"{root}/sw.tmpfs/{name}", "exists": True},
        {"path": f"{root}/sw.hdd", "target": f"sw.{name}", "resolves": f"{root}/sw.{name}", "exists": True},
        {"path": f"{root}/sw.tmpfs", "target": None, "resolves": f"{root}/sw.tmpfs", "exists": True},
    ]
    return {
        "root": root,
        "layout": "resident",
        "active": name,
        "backing": name,
        "resident": [name],
        "versions": listed,
        "ramdisk": ramdisk,
        "disk": {"bytes_total": 4000 * GB, "bytes_free": 2600 * GB},
        "links": links,
        "problems": list(problems),
        "glance": glance(name),
    }


def glance(name: str) -> dict[str, Any]:
    """Give the sample that a worker took of a machine whose active version is `name`."""
    running = [{"version": name, "kernels": 41, "users": 17}, {"version": "2026-10-30", "kernels": 3, "users": 2}]
    return {"backed_up_at": time.time() - 7 * 3600, "kernels_running": running}


def steps(kind: str, state: str, started: float, took: float) -> list[dict[str, Any]]:
    """Give an operation's steps as the recorder leaves them."""
    titles = {
        "build": [
            "Prepare the build area",
            "Resolve anaconda3",
            "Install anaconda3",
            "Kernelspecs of anaconda3",
            "Seal the version",
        ],
        "deploy": ["Check the machine", "Copy into the ramdisk", "Verify the copy", "Switch the live path", "Confirm"],
    }["build" if kind == "build" else "deploy"]
    halt = {"failed": 1, "cancelled": 2, "running": 2, "interrupted": 2}.get(state, len(titles))
    made, at = [], started
    for index, title in enumerate(titles):
        now = "succeeded" if index < halt else state if index == halt else "waiting"
        took_step = took * (0.1, 0.2, 0.5, 0.05, 0.15)[index] if state != "running" else 6.5
        step: dict[str, Any] = {
            "name": f"step-{index}",
            "title": title,
            "state": now,
            "started": None,
            "finished": None,
            "progress": None,
        }
        if now != "waiting":
            step |= {"started": at, "finished": None if now == "running" else at + took_step}
        if now == "running":
            step["progress"] = {"done": 212, "total": 318, "unit": "packages"}
        made.append(step)
        at += took_step
    return made


def lines(kind: str, count: int) -> list[tuple[str, str]]:
    """Give log lines of (kind, text), with colours and all that a real log holds."""
    chance = random.Random(7)
    made = [
        ("step", "Prepare the build area"),
        ("note", "The package caches were kept: 1.9 GB."),
        ("step", "Resolve anaconda3"),
        ("command", "uv pip compile --python-version 3.11 --output-file lock.txt packages.in"),
        ("output", "\x1b[2mResolved \x1b[1m318 packages\x1b[0m\x1b[2m in 1.84s\x1b[0m"),
        ("step", "Install anaconda3"),
        ("command", "uv pip install --prefix /data0/sw/anaconda3 --link-mode hardlink -r lock.txt"),
    ]
    names = list(PACKAGES.items())
    while len(made) < count:
        name, number = chance.choice(names)
        made.append(("output", f" \x1b[32m+\x1b[39m \x1b[1m{name}\x1b[0m\x1b[2m=={number}\x1b[0m"))
        if chance.random() < 0.02:
            made.append(
                ("warning", f"warning: {name} has no wheel for this platform; it is built from source <setup.py>")
            )
    if kind == "failed":
        made.append(("error", "error: no version of “astropyy” was found in the index"))
    return made[: count + 2]
