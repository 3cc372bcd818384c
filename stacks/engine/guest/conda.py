"""Solve and install conda packages with py-rattler, which lies beside this script in lib/.

Called as: python -I conda.py ORDERS, a JSON file. {"do": "solve", "channels", "specs", "cache"} prints one package a
line; {"do": "install", "prefix", "baked", "records", "cache"} installs such packages at a prefix, the path where they
will be found baked in, and prints as JSON lines its progress, {"done", "total", "unit"}, and each link script that
{"failed"} or was {"left_out"}.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

sys.path.insert(0, str(Path(__file__).with_name("lib")))

import rattler
from rattler.exceptions import (
    FetchRepoDataError,
    GatewayError,
    InvalidChannelError,
    InvalidMatchSpecError,
    InvalidUrlError,
    IoError,
    LinkError,
    SolverError,
    TransactionError,
)

_EXPECTED = (
    *(FetchRepoDataError, GatewayError, InvalidChannelError, InvalidMatchSpecError, InvalidUrlError),
    *(IoError, LinkError, OSError, SolverError, TransactionError),
)
_PAUSE = 0.2  # seconds between two lines of progress


def main(orders: dict[str, Any]) -> int:
    """Carry out the orders; gives back the exit status."""
    work = {"solve": solve, "install": install}[orders["do"]]
    try:
        asyncio.run(work(orders))
    except _EXPECTED as error:
        first, *rest = str(error).strip().splitlines() or [type(error).__name__]
        print(f"error: {first}", *rest, sep="\n", file=sys.stderr)
        return 1
    return 0


def client() -> rattler.Client:
    """Make a client that trusts what the machine trusts: labs sign for their own mirrors."""
    return rattler.Client.from_config(rattler.Config.from_toml('tls-root-certs = "system"'))


async def solve(orders: dict[str, Any]) -> None:
    """Print the packages of the solution by name, each as its channel describes it."""
    records = await rattler.solve(
        orders["channels"],
        [as_spec(text) for text in orders["specs"]],
        gateway=rattler.Gateway(cache_dir=Path(orders["cache"], "repodata"), client=client()),
        virtual_packages=rattler.VirtualPackage.detect(),
    )
    for record in sorted(records, key=lambda record: record.name.normalized):
        print(json.dumps(json.loads(record.to_json()), sort_keys=True))


def as_spec(text: str) -> rattler.MatchSpec:
    """Read one package specification; the error names it."""
    try:
        return rattler.MatchSpec(text)
    except InvalidMatchSpecError as error:
        raise InvalidMatchSpecError(f"“{text}” is no conda package specification: {error}") from None


async def install(orders: dict[str, Any]) -> None:
    """Link the packages into the prefix, run their link scripts, and leave no trace of the cache.

    Link scripts are told the prefix: where that is not the path to be baked in they would bake in the wrong one.
    """
    for described in orders["records"]:
        check(described)
    prefix, is_there = Path(orders["prefix"]), orders["prefix"] == orders["baked"]
    layer = rattler.PackageCacheLayer(Path(orders["cache"], "pkgs"))
    # Files of the cache are shared with the trees made from it: each is read again before it is used.
    cache = rattler.PackageCache.from_layers([layer.with_validation_mode(rattler.ValidationMode.full())])
    await rattler.install(
        [as_record(described) for described in orders["records"]],
        target_prefix=prefix,
        package_cache=cache,
        execute_link_scripts=is_there,
        alternative_target_prefix=None if is_there else orders["baked"],
        client=client(),
        # The protocol's other methods do nothing by themselves.
        reporter=Reporter(orders["records"]),  # type: ignore[abstract]
    )
    if not is_there:
        tell_left_out(prefix)
    settle_all(prefix)


def tell_left_out(prefix: Path) -> None:
    """Print which packages have a link script that was not run."""
    for script in sorted(prefix.glob("bin/.*-post-link.sh")):
        print(json.dumps({"left_out": script.name[1:].removesuffix("-post-link.sh")}), flush=True)


def check(described: dict[str, Any]) -> None:
    """Compare a package on this machine with the lockfile's hash: rattler does so for downloads only."""
    url = urlsplit(described["url"])
    if url.scheme != "file" or not described.get("sha256"):
        return
    with open(url2pathname(url.path), "rb") as archive:
        found = hashlib.file_digest(archive, "sha256").hexdigest()
    if found != described["sha256"]:
        raise IoError(f"{described['url']} is not what was locked: its SHA-256 is {found}")


def as_record(described: dict[str, Any]) -> rattler.RepoDataRecord:
    """Make the record that a line of the lockfile describes."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as index:
        json.dump(described, index)
        index.flush()
        digests = {name: described.get(name) for name in ("size", "sha256", "md5")}
        package = rattler.PackageRecord.from_index_json(Path(index.name), **digests)
    return rattler.RepoDataRecord(package, described["fn"], described["url"], described["channel"])


def settle_all(prefix: Path) -> None:
    """Leave no trace of the cache, whose path nobody but the build has."""
    for file in sorted(prefix.glob("conda-meta/*.json")):
        settle(file)
    # It tells backup programs to pass the whole environment over.
    prefix.joinpath("CACHEDIR.TAG").unlink(missing_ok=True)


def settle(file: Path) -> None:
    """Take the cache's path out of an installed package's record."""
    record = json.loads(file.read_text("utf-8"))
    record.pop("extracted_package_dir", None)
    record.pop("package_tarball_full_path", None)
    if record.get("link"):
        record["link"]["source"] = ""
    aside = file.with_name(f".{file.name}.new")
    aside.write_text(json.dumps(record, indent=2), "utf-8")
    os.replace(aside, file)


class Reporter(rattler.InstallerReporter):
    """Prints how far the installation is: bytes while packages are fetched, packages while they are linked."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self._sizes = {str(record["name"]): int(record.get("size") or 0) for record in records}
        self._names: dict[int, str] = {}
        self._fetched: dict[int, int] = {}
        self._linked = 0
        self._printed = 0.0

    def on_populate_cache_start(self, operation: int, package_name: str) -> int:
        """Remember which package an operation is about."""
        self._names[operation] = package_name
        return operation

    def on_download_start(self, cache_entry: int) -> int:
        """Count a download under its operation."""
        return cache_entry

    def on_download_progress(self, download_idx: int, progress: int, total: int | None) -> None:
        """Count bytes as they come."""
        self._fetched[download_idx] = progress
        self._show()

    def on_populate_cache_complete(self, cache_entry: int) -> None:
        """Count a package that is in the cache, whether it was fetched or found there."""
        self._fetched[cache_entry] = self._sizes.get(self._names.get(cache_entry, ""), 0)
        self._show(last=len(self._fetched) == len(self._sizes))

    def on_link_complete(self, index: int) -> None:
        """Count a linked package."""
        self._linked += 1
        self._show(last=self._linked == len(self._sizes))

    def on_post_link_start(self, package_name: str, script_path: str) -> int:
        """Remember whose script runs."""
        self._names[-1] = package_name
        return 0

    def on_post_link_complete(self, index: int, success: bool) -> None:
        """Tell of a link script that failed: rattler goes on."""
        if not success:
            print(json.dumps({"failed": self._names[-1]}), flush=True)

    def _show(self, *, last: bool = False) -> None:
        if not last and time.monotonic() - self._printed < _PAUSE:
            return
        self._printed = time.monotonic()
        done, total = sum(self._fetched.values()), sum(self._sizes.values())
        packages = {"done": self._linked, "total": len(self._sizes), "unit": "packages"}
        fetching = {"done": min(done, total), "total": total, "unit": "bytes"}
        print(json.dumps(fetching if done < total else packages), flush=True)


if __name__ == "__main__":
    status = main(json.loads(Path(sys.argv[1]).read_text("utf-8")))
    sys.stdout.flush()
    # rattler's threads may still hold Python's state; now and then its usual end aborts over that.
    os._exit(status)
