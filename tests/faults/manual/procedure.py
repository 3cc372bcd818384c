"""The procedure by hand (design §1), typed as admins type it: what our own figures are compared with."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

RSYNC = ("rsync", "-a", "--delete")


def put_live(version: Path, live: Path) -> subprocess.Popen[bytes]:
    """Begin to bring the live tree to a version: what deploy and revert are."""
    return subprocess.Popen([*RSYNC, f"{version}/", f"{live}/"], stdout=subprocess.DEVNULL, start_new_session=True)


def relink(link: Path, target: str) -> None:
    """Type `rm link; ln -s target link`."""
    link.unlink(missing_ok=True)
    os.symlink(target, link)


def back_up(ramdisk: Path, backing: Path) -> None:
    """Do what the cron job does: copy the ramdisk over the version behind the backing link."""
    subprocess.run([*RSYNC, f"{ramdisk}/", f"{backing}/"], check=True)


def killed_at_random(version: Path, live: Path, chance: random.Random, within: float) -> None:
    """Kill the copy somewhere in its course, as a lost ssh session does."""
    process = put_live(version, live)
    time.sleep(chance.uniform(0.0, within))
    os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
    process.wait()


def tree(place: Path, mark: str, files: int) -> Path:
    """Make a version whose every file names it, each version's with another size."""
    for number in range(files):
        file = place / f"lib/d{number % 40}/m{number}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(mark * (10 + len(mark)))
    (place / f"only-in-{mark}").write_text(mark)
    return place


def is_torn(live: Path) -> bool:
    """Tell whether the tree holds files of more than one version, or not all of one."""
    marks = {file.read_text()[0] for file in live.rglob("*") if file.is_file() and not file.name.startswith(".")}
    files = sum(1 for file in live.rglob("m*.py"))
    return len(marks) != 1 or files % 100 != 0
