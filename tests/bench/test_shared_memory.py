"""What is made to be measured goes with all that it has in shared memory, and takes nothing else along."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from bench.shared_memory import scratch


def test_a_home_goes_with_its_ramdisk() -> None:
    ramdisk = Path(tempfile.mkdtemp(prefix="dlstack-bench-", dir="/dev/shm"))
    try:
        with scratch() as home:
            (home / "root").mkdir()
            (home / "root" / "sw.tmpfs").symlink_to(ramdisk)
            (ramdisk / "v0").mkdir()
        assert (home.exists(), ramdisk.exists()) == (False, False)
    finally:
        shutil.rmtree(ramdisk, ignore_errors=True)


def test_what_a_ramdisk_should_not_lead_to_stays(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    with scratch() as home:
        (home / "root").mkdir()
        (home / "root" / "sw.tmpfs").symlink_to(tmp_path)
    assert (tmp_path / "precious").is_dir()


def test_a_home_goes_without_a_ramdisk() -> None:
    with scratch() as home:
        pass
    assert not home.exists()
