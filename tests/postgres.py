"""A PostgreSQL server of a test's own, on a unix socket."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

NOBODY = 65534


@contextmanager
def running(
    *, within: tuple[str, ...] = (), listen: str = "", known: str = "", options: tuple[str, ...] = ()
) -> Iterator[str]:
    """Run a server with an empty database, and give its DATABASE_URL, on a unix socket.

    `within` is put before its command; with `listen` it takes what comes to those addresses too, from the network
    `known` with a password; `options`, as “fsync=on”, are those that it has besides.
    """
    place = Path(tempfile.mkdtemp(prefix="dlstack-postgres-"))
    place.chmod(0o700)
    if os.geteuid() == 0:  # which PostgreSQL refuses to run as
        os.chown(place, NOBODY, NOBODY)
    data = place / "data"
    _run(place, "initdb", "--pgdata", data, "--auth", "trust", "--username", "dlstack", "--no-sync")
    if known:
        with (data / "pg_hba.conf").open("a") as file:
            file.write(f"host all all {known} scram-sha-256\n")
    told = (f"listen_addresses={listen}", "fsync=off", f"unix_socket_directories={place}", *options)
    with (place / "log").open("wb") as log:
        argv = [*within, *_command("postgres", "-D", data, *(word for one in told for word in ("-c", one)))]
        server = subprocess.Popen(argv, stdout=log, stderr=log, cwd=place)
    try:
        _await(place, server)
        yield f"postgres://dlstack@{quote(str(place), safe='')}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # SIGTERM would wait for whoever is connected still
        server.wait(60)
        shutil.rmtree(place)


def _await(place: Path, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if subprocess.run(_command("pg_isready", "--quiet", "--host", place), cwd=place).returncode == 0:
            return
        assert server.poll() is None, (place / "log").read_text()
        time.sleep(0.1)
    raise AssertionError("the server does not answer")


def _run(place: Path, program: str, *arguments: object) -> None:
    done = subprocess.run(_command(program, *arguments), cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _command(program: str, *arguments: object) -> list[str]:
    [*_, newest] = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    drop = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]
    return [*(["setpriv", *drop] if os.geteuid() == 0 else []), str(newest), *map(str, arguments)]
