"""A disk in memory for what the fault suite makes: what it asks about kills and errors it asks of any disk, sooner.

Power cuts have images of their own. Only root may mount; for others the suite runs where everything else does.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = 12 * 1024**3  # of a file with holes: it takes what is in use
MEMORY = "/dev/shm"  # a directory with an unguessable name is made in it
# In a mount namespace of its own, so that the mount goes with the last process, however that ends.
MOUNT = 'mount -o loop,discard "$1" "$2" && chmod 1777 "$2" && export TMPDIR="$2" && shift 2 && exec "$@"'


@contextmanager
def disk() -> Iterator[list[str]]:
    """Give the words before a command that has it for its /tmp; none where that cannot be, or TMPDIR was chosen."""
    if os.geteuid() or "TMPDIR" in os.environ or not os.path.isdir(MEMORY):
        yield []
        return
    with tempfile.TemporaryDirectory(prefix="dlstack-disk-", dir=MEMORY) as memory, tempfile.TemporaryDirectory() as on:
        image = Path(memory, "ext4")
        with image.open("wb") as file:
            file.truncate(SIZE)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
        yield ["unshare", "--mount", "sh", "-c", MOUNT, "sh", str(image), on]
