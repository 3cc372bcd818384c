"""A machine that can be put back in milliseconds: a root on disk, a ramdisk in real shared memory, two services."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stacks.engine import ramdisk, services
from stacks.engine.layout import Layout
from stacks.engine.owner import resolve
from stacks.engine.remote import Wire
from tests.copying.sshd import Server
from tests.engine import daemons
from tests.engine.conftest import Runner
from tests.engine.machines import unmount_below


class Place:
    """Where the machine lies: its root, what its programs take for /tmp, and how it looked at moments to come back to.

    `pristine` is a root without versions, one service that runs, and one that does not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.layout = Layout(path / "data0")
        self.temporary = path / "tmp"
        self._kept = path / "kept"
        self.server: Server | None = None  # through which another machine's root is read, where there is one
        for directory in (self.temporary, self._kept):
            directory.mkdir(mode=0o755)

    @property
    def _parts(self) -> tuple[Path, ...]:
        return (self.layout.root, self.ram, self.path / "etc")

    @property
    def ram(self) -> Path:
        """The directory in shared memory that is the ramdisk."""
        return ramdisk.private_directory(self.layout)

    def keep(self, moment: str) -> None:
        """Keep the machine as it is now."""
        for what in filter(Path.exists, self._parts):
            place = self._kept / moment / what.name
            place.mkdir(parents=True)
            _copy(what, place)

    def put_back(self, moment: str) -> None:
        """Make the machine again what it was when that moment was kept."""
        self.clear()
        for what in self._parts:
            if (self._kept / moment / what.name).exists():
                what.mkdir()
                _copy(self._kept / moment / what.name, what)
        for service in services.configured(self.layout)[:1]:
            if not service.is_running():
                service.start(lambda _: None)

    def clear(self) -> None:
        """Remove root, contents of the ramdisk, and what programs left in their /tmp."""
        unmount_below(self.path)
        for place in (*self._parts, self.temporary):
            shutil.rmtree(place, ignore_errors=True)
        self.temporary.mkdir()

    def moment(self, name: str, make: Callable[[], None]) -> None:
        """Put a moment back, which is made and kept the first time that it is asked for."""
        if not (self._kept / name).exists():
            make()
            self.keep(name)
        self.put_back(name)

    @property
    def there(self) -> Layout:
        """The root of another machine."""
        return Layout(self.path / "there/data0")

    @property
    def wire(self) -> Wire:
        """How this machine asks that one."""
        return self.server.wire if self.server is not None else Wire()

    def runner(self) -> Runner:
        """Give what carries plans out here."""
        return Runner(self.layout, resolve())

    def running(self) -> list[str]:
        """Name the services that run."""
        return [service.name for service in services.running(services.configured(self.layout))]


def _copy(source: Path, destination: Path) -> None:
    subprocess.run(["cp", "-a", f"{source}/.", f"{destination}/"], check=True)


@contextmanager
def opened(path: Path | None = None) -> Iterator[Place]:
    """Make a place that every user reaches, by default in /tmp, and its pristine machine; all of it goes in the end."""
    path = path or Path(tempfile.mkdtemp(prefix="dlstack-kills-"))
    path.mkdir(exist_ok=True)
    path.chmod(0o755)
    place = Place(path)
    os.environ["TMPDIR"] = tempfile.tempdir = str(place.temporary)
    (path / "services").mkdir()
    try:
        ramdisk.prepare(place.layout, resolve())
        with daemons.configured(place.layout, path / "services", "notebooks", "asleep"):
            services.configured(place.layout)[0].start(lambda _: None)
            place.keep("pristine")
            yield place
    finally:
        if place.server is not None:
            place.server.stop()
        place.clear()
        shutil.rmtree(place.ram, ignore_errors=True)
        shutil.rmtree(path)
